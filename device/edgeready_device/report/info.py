"""A model file, as text and as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.model_file.tensor_spec import TensorSpec
from edgeready_device.report.machine import runtimes_text
from edgeready_device.runtime.runtime import Runtime
from edgeready_device.text import plain, rows
from edgeready_device.tune_file import TuneRecord


def info_json(file: TfliteModel, runtimes: Sequence[Runtime], tuned: TuneRecord | None = None) -> dict[str, Any]:
    """Returns what a model file is as plain data; `tuned` is in it where a tune file lies beside the model."""
    contract = file.contract
    frame = contract.frame
    return {
        "file": str(file.path),
        "name": file.manifest.name if file.manifest else file.metadata.name,
        "size_bytes": file.size_bytes,
        "flatbuffer_bytes": len(file.flatbuffer),
        "input": _tensor_json(contract.input),
        "output": {**_tensor_json(contract.output), "scores": contract.scores},
        "frame": {
            "height": frame.height,
            "width": frame.width,
            "channels": frame.channels,
            "resize": frame.resize,
            "mean": None if contract.raw_pixels else list(frame.normalization.mean),
            "std": None if contract.raw_pixels else list(frame.normalization.std),
        },
        "labels": list(contract.labels),
        "ops": dict(Counter(op.custom_code or op.name for op in file.graph.ops)),
        "golden_vectors": len(file.golden.inputs) if file.golden else 0,
        "provenance": dict(file.manifest.provenance) if file.manifest else {},
        "runtimes": [str(runtime) for runtime in runtimes],
        **({} if tuned is None else {"tuned": tuned_text(tuned)}),
    }


def info_text(data: dict[str, Any]) -> str:
    """Returns the plain data of `info_json` for people."""
    frame, input_tensor, output = data["frame"], data["input"], data["output"]
    pixels = f"{frame['height']}x{frame['width']} {'RGB' if frame['channels'] == 3 else 'grey'}, {frame['resize']}"
    labels = data["labels"]
    return rows(
        [
            (
                "file",
                f"{data['file']} ({data['size_bytes']:,} bytes, {data['flatbuffer_bytes']:,} the model alone)",
            ),
            ("name", plain(data["name"]) or "-"),
            ("input", f"{input_tensor['dtype']} {input_tensor['shape']} {_quant_text(input_tensor)}"),
            ("frame", f"{pixels}; {_normalization_text(frame)}"),
            ("output", f"{output['dtype']} {output['shape']} {_quant_text(output)}, {output['scores']}"),
            ("labels", f"{len(labels)}: {', '.join(labels[:10])}{', ...' if len(labels) > 10 else ''}"),
            ("ops", ", ".join(f"{count} {name}" for name, count in data["ops"].items())),
            ("golden vectors", str(data["golden_vectors"])),
            ("runtimes here", runtimes_text(data["runtimes"])),
            *([("tuned", data["tuned"])] if "tuned" in data else []),
        ]
    )


def tuned_text(tuned: TuneRecord) -> str:
    """Returns what a tune file says on this machine, in one line."""
    choice = tuned.choice
    if choice is None:
        return tuned.note
    threads = f"{choice.threads} thread{'s' * (choice.threads > 1)}"
    return f"{choice.runtime}, {threads}{f', {choice.delegate}' if choice.delegate else ''} ({tuned.path})"


def _tensor_json(spec: TensorSpec) -> dict[str, Any]:
    quant = spec.quant
    return {
        "name": spec.name,
        "dtype": spec.dtype,
        "shape": list(spec.shape),
        "scale": quant.scale if quant else None,
        "zero_point": quant.zero_point if quant else None,
    }


def _quant_text(tensor: dict[str, Any]) -> str:
    if tensor["scale"] is None:
        return "(not quantized)"
    return f"(scale {tensor['scale']:.6g}, zero point {tensor['zero_point']})"


def _normalization_text(frame: dict[str, Any]) -> str:
    if frame["mean"] is None:
        return "pixels as they are (the file names no normalization)"
    return f"(pixel - {_numbers(frame['mean'])}) / {_numbers(frame['std'])}"


def _numbers(values: Sequence[float]) -> str:
    return f"{values[0]:g}" if len(set(values)) == 1 else "[" + ", ".join(f"{value:g}" for value in values) + "]"
