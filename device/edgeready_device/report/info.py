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

REMEMBERS = "it remembers; every answer starts from the initial state unless keep_state is set"


def info_json(file: TfliteModel, runtimes: Sequence[Runtime], tuned: TuneRecord | None = None) -> dict[str, Any]:
    """Returns what a model file is as plain data; `tuned` is in it where a tune file lies beside the model."""
    contract = file.contract
    frame, normalized = contract.frame, contract.normalization_stated and not contract.raw_pixels
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
            "color": frame.color if frame.channels == 3 else "grayscale",
            "layout": frame.layout,
            "resize": frame.resize,
            "crop": frame.crop,
            "mean": list(frame.normalization.mean) if normalized else None,
            "std": list(frame.normalization.std) if normalized else None,
            "pixels": contract.pixels,
        },
        "notes": [*contract.notes, *filter(None, [contract.input_refusal, contract.output_refusal])],
        "labels": list(contract.labels),
        "ops": dict(Counter(op.custom_code or op.name for op in file.graph.ops)),
        **({"remembers": True} if file.stateful else {}),
        "golden_vectors": len(file.golden.inputs) if file.golden else 0,
        "provenance": dict(file.manifest.provenance) if file.manifest else {},
        "runtimes": [str(runtime) for runtime in runtimes],
        **({} if tuned is None else {"tuned": tuned_text(tuned)}),
    }


def info_text(data: dict[str, Any]) -> str:
    """Returns the plain data of `info_json` for people."""
    frame, input_tensor, output = data["frame"], data["input"], data["output"]
    labels = data["labels"]
    return rows(
        [
            (
                "file",
                f"{data['file']} ({data['size_bytes']:,} bytes, {data['flatbuffer_bytes']:,} the model alone)",
            ),
            ("name", plain(data["name"]) or "-"),
            ("input", f"{input_tensor['dtype']} {input_tensor['shape']} {_quant_text(input_tensor)}"),
            ("frame", _frame_text(frame)),
            ("output", f"{output['dtype']} {output['shape']} {_quant_text(output)}, {output['scores']}"),
            ("labels", f"{len(labels)}: {', '.join(labels[:10])}{', ...' if len(labels) > 10 else ''}"),
            ("ops", ", ".join(f"{count} {name}" for name, count in data["ops"].items())),
            *([("state", REMEMBERS)] if data.get("remembers") else []),
            ("golden vectors", str(data["golden_vectors"])),
            ("runtimes here", runtimes_text(data["runtimes"])),
            *([("tuned", data["tuned"])] if "tuned" in data else []),
            *[("note", note) for note in data["notes"]],
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


def _frame_text(frame: dict[str, Any]) -> str:
    colors = {"rgb": "RGB", "bgr": "BGR", "grayscale": "grey"}
    crop = f"the centre {frame['crop']:g} of each side, " if frame["crop"] != 1 else ""
    layout = ", channels first" if frame["layout"] == "nchw" else ""
    size = f"{frame['height']}x{frame['width']} {colors[frame['color']]}{layout}"
    if frame["mean"] is None and frame["pixels"] == "not stated":
        return f"{size}, {crop}{frame['resize']}; normalization not stated"
    return f"{size}, {crop}{frame['resize']}; {frame['pixels']}"
