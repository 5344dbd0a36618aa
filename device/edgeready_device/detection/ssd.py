"""The head of an SSD: the operator TFLite_Detection_PostProcess, its options, and its four outputs."""

from __future__ import annotations

from edgeready_device.detection.kinds import SSD, Head
from edgeready_device.errors import ModelFileError
from edgeready_device.tflite.flexbuffer import Number, read_number_map
from edgeready_device.tflite.graph import Graph, Op

POSTPROCESS = "TFLite_Detection_PostProcess"
_SSD_OUTPUTS = ("boxes", "classes", "scores", "count")  # of the operator, in its order
_PASSES_ON = ("QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "CAST")
# Chosen: a thousand times what exports ask for (10 to 100); more is a damaged file, and the memory of the outputs.
_MOST_DETECTIONS = 100_000


def read_ssd(graph: Graph, op: Op) -> Head:
    """Returns the Head of a model with the post-processing `op`, whose outputs may be the model's in any order."""
    options = read_number_map(op.custom_options or b"")
    _check_postprocess(graph, op, options)
    makers = {output: maker for maker in graph.ops for output in maker.outputs}
    places: dict[int, int] = {}
    for place, tensor in enumerate(graph.outputs):
        maker = makers.get(tensor)
        while maker is not None and maker.name in _PASSES_ON and maker.inputs:
            tensor = maker.inputs[0]
            maker = makers.get(tensor)
        places.setdefault(tensor, place)
    missing = [
        name for name, tensor in zip(("boxes", "classes", "scores", "count"), op.outputs) if tensor not in places
    ]
    if missing:
        raise ModelFileError(
            f"the model gives no {' and no '.join(missing)} of its {POSTPROCESS}: export all four of its outputs"
        )
    return Head(
        SSD,
        tuple(places[tensor] for tensor in op.outputs),
        classes=int(options["num_classes"]),
        classes_per_box=_classes_per_box(options),
    )


def _classes_per_box(options: dict[str, Number]) -> int:
    """How many rows a box has in the outputs: the kernels' fast suppression counts boxes, the regular one rows."""
    return 1 if options.get("use_regular_nms") else int(options.get("max_classes_per_detection", 1))


def _check_postprocess(graph: Graph, op: Op, options: dict[str, Number]) -> None:
    """Raises ModelFileError unless the op's operands and options fit each other, which the kernels hardly check."""
    missing = [name for name in ("num_classes", "max_detections") if name not in options]
    if missing:
        raise ModelFileError(f"its {POSTPROCESS} states no {' and no '.join(missing)}: export the model again")
    classes, most = int(options["num_classes"]), int(options["max_detections"])
    if len(op.inputs) != 3 or len(op.outputs) != 4 or min(op.inputs) < 0:
        raise ModelFileError(
            f"its {POSTPROCESS} has {len(op.inputs)} inputs and {len(op.outputs)} outputs, not 3 and 4: damaged file"
        )
    boxes, scores, anchors = (graph.tensors[index].shape for index in op.inputs)
    count = boxes[1] if len(boxes) == 3 else -1
    if (
        boxes[:1] != (1,)
        or boxes[2:] < (4,)
        or scores[:2] != (1, count)
        or len(scores) != 3
        or anchors != (count, 4)
        or scores[2] - classes not in (0, 1)
        or classes < 1
        or min(most, _classes_per_box(options)) < 1
        or most * _classes_per_box(options) > _MOST_DETECTIONS
    ):
        raise ModelFileError(
            f"its {POSTPROCESS} takes boxes {list(boxes)}, scores {list(scores)} and anchors {list(anchors)} for "
            f"{classes} classes and {most} detections, which do not fit: export the model again"
        )
