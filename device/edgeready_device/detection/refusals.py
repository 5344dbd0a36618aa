"""What a model that is no detector of a kind that can be read looks like, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from edgeready_device.tflite.graph import Graph

Shape = tuple[int, ...]

_MASK_CHANNELS = 32  # of the prototypes of YOLO's segmentation heads (nm in Ultralytics' and YOLOv5's Segment)
# A map of a quarter of the frame's size or more is a segmentation; heads have one place for 8x8 pixels or larger.
_MAP_STRIDE = 4
_FACE_ROW = 16  # of MediaPipe's face detectors: a box and six points
_POSTPROCESSED = "convert it with its decoding (export_tflite_graph_tf2.py for TensorFlow's zoo, "
_DECODED = f"{_POSTPROCESSED}export.py or model.export for YOLO)"
_READABLE = "detect takes SSD files with TFLite_Detection_PostProcess, and YOLO files with one decoded output"


def describe_other_head(graph: Graph) -> str:
    """Returns a sentence: what the outputs of `graph` look like, and what to do."""
    shapes = [graph.tensors[index].shape for index in graph.outputs]
    sizes = ", ".join(str(list(shape)) for shape in shapes)
    for describe in (_describe_single, _describe_pair, _describe_many):
        sentence = describe(graph, shapes)
        if sentence:
            return f"{sentence} (outputs {sizes})"
    return f"no detector that can be read: {_READABLE} (outputs {sizes})"


def _describe_single(graph: Graph, shapes: Sequence[Shape]) -> str:
    if len(shapes) != 1:
        return ""
    shape = shapes[0]
    if all(size == 1 for size in shape[:-1]) and shape:
        return "it looks like a classifier or an embedding, one row of values: use classify"
    if len(shape) in (3, 4) and _looks_like_map(graph, shape):
        return "it looks like a segmentation, a value for each place of the picture: detect finds boxes, not masks"
    if len(shape) in (4, 5):
        return f"it looks like a YOLO head without its decoding: {_DECODED}"
    return ""


def _describe_pair(graph: Graph, shapes: Sequence[Shape]) -> str:
    if len(shapes) != 2:
        return ""
    ranks = sorted(len(shape) for shape in shapes)
    if ranks == [3, 4] and any(len(shape) == 4 and _MASK_CHANNELS in shape[1:] for shape in shapes):
        return (
            "it looks like a YOLO segmentation, boxes and prototypes of masks: detect finds boxes only; export the "
            "model for the task detect"
        )
    if ranks != [3, 3]:
        return ""
    first, second = shapes
    if first[1] == second[1] and 1 in (first[2], second[2]) and _FACE_ROW in (first[2], second[2]):
        return "it looks like a face detector of MediaPipe, whose anchors are not in the file: run it with MediaPipe"
    if first[1] == second[1] and 4 in (first[2], second[2]):
        return (
            "it looks like an SSD or EfficientDet head without its decoding, and the anchors of its boxes are not in "
            f"the file: {_DECODED}"
        )
    if first[2] == second[2] and 4 in (first[1], second[1]):
        return f"it looks like a YOLO head with boxes and scores apart: {_DECODED}"
    return ""


def _describe_many(graph: Graph, shapes: Sequence[Shape]) -> str:
    suppression = any(op.name.startswith("NON_MAX_SUPPRESSION") for op in graph.ops)
    if suppression or _has_four_ends(shapes):
        return (
            "it looks like a detector with a non-maximum suppression of its own, which does not say whether x or y "
            f"comes first: export it without that, or {_DECODED}"
        )
    if len(shapes) < 2 or not all(len(shape) in (4, 5) for shape in shapes):
        return ""
    places = {shape[1:3] if len(shape) == 4 else shape[1:4] for shape in shapes}
    channels = {shape[-1] for shape in shapes}
    if len(places) == 1 and 2 in channels:
        return f"it looks like a CenterNet, with a map of centres, sizes and offsets: {_READABLE}"
    if len(channels) == 1:
        return f"it looks like a YOLO head without its decoding, {len(shapes)} scales apart: {_DECODED}"
    if len(shapes) % 2 == 0 and len(channels) == 2:
        return f"it looks like an EfficientDet or RetinaNet head without its decoding: {_DECODED}"
    return ""


def _has_four_ends(shapes: Sequence[Shape]) -> bool:
    """Whether there are boxes, two rows for classes and scores, and perhaps a count."""
    boxes = [shape for shape in shapes if len(shape) == 3 and shape[2] == 4]
    rows = [shape for shape in shapes if len(shape) == 2 and boxes and shape[1] == boxes[0][1]]
    return len(shapes) in (3, 4) and len(boxes) == 1 and len(rows) == 2


def is_map(sides: tuple[int, int], frame: tuple[int, int]) -> bool:
    """Returns whether `sides` have a place for every few pixels of a `frame` (height, width), and its shape."""
    return sides[0] * frame[1] == sides[1] * frame[0] and all(
        side <= size <= side * _MAP_STRIDE for side, size in zip(sides, frame)
    )


def _looks_like_map(graph: Graph, shape: Shape) -> bool:
    """Whether `shape` is a map of the input, in either layout."""
    frame = graph.tensors[graph.inputs[0]].shape if graph.inputs else ()
    if len(frame) != 4:
        return False
    size = (frame[1], frame[2]) if frame[3] in (1, 3) else (frame[2], frame[3])
    layouts = [shape[1:3], shape[2:4]] if len(shape) == 4 else [shape[1:3]]
    return any(is_map((layout[0], layout[1]), size) for layout in layouts)
