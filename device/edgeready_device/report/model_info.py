"""A model file of any kind, as text and as plain data: what goes in, what comes out, and what it seems to be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from edgeready_device.model_file.input_size import open_inputs
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.model_file.tensor_spec import TensorSpec
from edgeready_device.report.info import REMEMBERS, tuned_text
from edgeready_device.report.machine import runtimes_text
from edgeready_device.runtime.runtime import Runtime
from edgeready_device.text import plain, rows
from edgeready_device.tflite.accelerators import accelerator_of
from edgeready_device.tflite.graph import Tensor
from edgeready_device.tflite.kind import kind_of
from edgeready_device.tune_file import TuneRecord

_MOST_ENDS = 20  # rows of inputs, and of outputs; chosen: a screenful, JSON has them all


def model_json(
    file: TfliteModel, runtimes: Sequence[Runtime], tuned: TuneRecord | None = None, note: str = ""
) -> dict[str, Any]:
    """Returns what a model file of any kind is as plain data; `note` says why no frame can be classified with it."""
    graph, compiled = file.graph, accelerator_of(file.graph)
    kind = kind_of(graph)
    return {
        "file": str(file.path),
        "name": file.manifest.name if file.manifest else file.metadata.name,
        "size_bytes": file.size_bytes,
        "flatbuffer_bytes": len(file.flatbuffer),
        "kind": kind.name,
        "commands": kind.commands,
        "no_classifier": note,
        "compiled_for": None if compiled is None else compiled[0].name,
        "inputs": [_tensor_json(tensor) for tensor in graph.of(graph.inputs)],
        "outputs": [_tensor_json(tensor) for tensor in graph.of(graph.outputs)],
        "open_sizes": bool(open_inputs(file)),
        "remembers": file.stateful,
        "doubts": list(graph.doubts),
        "ops": dict(Counter(op.custom_code or op.name for op in graph.ops)),
        "golden_vectors": len(file.golden.inputs) if file.golden else 0,
        "provenance": dict(file.manifest.provenance) if file.manifest else {},
        "runtimes": [str(runtime) for runtime in runtimes],
        **({} if tuned is None else {"tuned": tuned_text(tuned)}),
    }


def model_text(data: dict[str, Any]) -> str:
    """Returns the plain data of `model_json` for people."""
    sizes = f"{data['size_bytes']:,} bytes, {data['flatbuffer_bytes']:,} the model alone"
    lines = [("file", f"{data['file']} ({sizes})"), ("name", plain(data["name"]) or "-")]
    lines.append(("kind", f"it seems to be {data['kind']}; {data['commands']}"))
    if data["no_classifier"]:
        lines.append(("", data["no_classifier"]))
    if data["compiled_for"]:
        lines.append(("compiled", f"for {data['compiled_for']}: no CPU runs it"))
    lines += _end_rows("input", data["inputs"]) + _end_rows("output", data["outputs"])
    if data["remembers"]:
        lines.append(("state", REMEMBERS))
    if data["open_sizes"]:
        lines.append(("size", "open: give --input-size WxH for an image, or --inputs FILE.npz"))
    lines += [("note", f"{plain(doubt)}: it runs in a child process first") for doubt in data["doubts"]]
    lines.append(("ops", ", ".join(f"{count} {plain(name)}" for name, count in data["ops"].items())))
    lines.append(("golden vectors", str(data["golden_vectors"])))
    lines.append(("runtimes here", runtimes_text(data["runtimes"])))
    return rows([*lines, *([("tuned", data["tuned"])] if "tuned" in data else [])])


def _tensor_json(tensor: Tensor) -> dict[str, Any]:
    quant = TensorSpec.of(tensor).quant if len(tensor.scales) == 1 and tensor.scales[0] > 0 else None
    return {
        "name": tensor.name,
        "dtype": tensor.dtype,
        "shape": list(tensor.shape_signature),
        "scale": quant.scale if quant else None,
        "zero_point": quant.zero_point if quant else None,
    }


def _end_rows(title: str, tensors: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    lines = []
    for number, tensor in enumerate(tensors[:_MOST_ENDS]):
        scale = tensor["scale"]
        quant = "" if scale is None else f" (scale {scale:.6g}, zero point {tensor['zero_point']})"
        name = plain(tensor["name"])[:60]
        lines.append((f"{title} {number}", f"{tensor['dtype']} {tensor['shape']}{quant} {name}".rstrip()))
    if len(tensors) > _MOST_ENDS:
        lines.append(("", f"... and {len(tensors) - _MOST_ENDS} more: --json has them"))
    return lines
