"""Object detectors, for device_models.py: a frame's pixels are the scores, so that answers can be worked out by hand.

A frame has 2x2 pixels of three channels. Each pixel stands for a box of BOXES, and its channels are scores: of the
background and two classes for SSD, of objectness and two classes for YOLOv5, of three classes for YOLOv8.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from flatbuffers import flexbuffers
from tflite_models import O, T, tflite

DETECTORS: dict[str, Callable[[], bytes]] = {}
# Centre x, centre y, width, height as fractions of the frame: two beside each other, one below, one over all.
BOXES = np.array([[0.25, 0.25, 0.5, 0.5], [0.75, 0.25, 0.5, 0.5], [0.5, 0.75, 1, 0.5], [0.5, 0.5, 1, 1]], np.float32)
POSTPROCESS = {
    "max_detections": 4,
    "max_classes_per_detection": 1,
    "detections_per_class": 100,
    "use_regular_nms": False,
    "nms_score_threshold": 0.05,
    "nms_iou_threshold": 0.5,
    "num_classes": 2,
    "y_scale": 10.0,
    "x_scale": 10.0,
    "h_scale": 5.0,
    "w_scale": 5.0,
}


def _model(make: Callable[[], bytes]) -> Callable[[], bytes]:
    DETECTORS[make.__name__] = make
    return make


def _scores(
    shape: tuple[int, ...], *, dtype: str = "uint8", frame: tuple[int, ...] = (1, 2, 2, 3)
) -> tuple[list[T], list[O]]:
    """The frame's values as the float tensor "scores" of `shape`."""
    image = T("image", frame, dtype, None if dtype == "float32" else 1 / 255, -128 if dtype == "int8" else 0)
    tensors = [
        image,
        T("real", frame, "float32"),
        T("to", data=np.array(shape, np.int32)),
        T("scores", shape, "float32"),
    ]
    first = [] if dtype == "float32" else [O("DEQUANTIZE", ["image"], ["real"], 2)]
    return tensors, [*first, O("RESHAPE", ["image" if dtype == "float32" else "real", "to"], ["scores"])]


def ssd(
    *,
    dtype: str = "uint8",
    order: Sequence[int] = (0, 1, 2, 3),
    shapes: bool = True,
    anchors: np.ndarray | None = None,
    custom: bytes | None = None,
    **options: Any,
) -> bytes:
    """An SSD; `order` is that of the model's outputs, numbers of the operator's own."""
    tensors, ops = _scores((1, 4, 3), dtype=dtype)
    options = {**POSTPROCESS, **options}
    most = int(options["max_detections"])
    rows = most * int(options["max_classes_per_detection"])
    ends = [("boxes", (1, rows, 4)), ("classes", (1, rows)), ("best", (1, rows)), ("count", (1,))]
    tensors += [
        T("encodings", data=np.zeros((1, 4, 4), np.float32)),
        T("anchors", data=BOXES[:, [1, 0, 3, 2]] if anchors is None else anchors),
        *(T(name, shape if shapes else (), "float32") for name, shape in ends),
    ]
    names = [name for name, _ in ends]
    ops.append(
        O(
            "CUSTOM",
            ["encodings", "scores", "anchors"],
            names,
            custom_code="TFLite_Detection_PostProcess",
            custom_options=bytes(flexbuffers.Dumps(options)) if custom is None else custom,
        )
    )
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=[names[place] for place in order])


@_model
def ssd_uint8() -> bytes:
    return ssd()


@_model
def ssd_no_shapes() -> bytes:
    """As exports of TensorFlow 1 are: the shapes of the outputs are not in the file."""
    return ssd(shapes=False)


@_model
def ssd_other_order() -> bytes:
    """As exports of TensorFlow 2 are: scores, boxes, count, classes."""
    return ssd(order=(2, 0, 3, 1))


@_model
def ssd_float() -> bytes:
    return ssd(dtype="float32")


@_model
def ssd_two_classes() -> bytes:
    """Gives the two best classes of each box, each in a row of its own, and counts the boxes."""
    return ssd(max_classes_per_detection=2)


@_model
def ssd_three_of_two_classes() -> bytes:
    """As above, with room for a class more than there are."""
    return ssd(max_classes_per_detection=3, shapes=False)


@_model
def ssd_regular() -> bytes:
    """Suppresses class by class, and counts rows."""
    return ssd(max_classes_per_detection=2, use_regular_nms=True)


@_model
def ssd_three_outputs() -> bytes:
    return ssd(order=(0, 1, 2))


def yolo(
    *,
    boxes: np.ndarray = BOXES,
    parts: Sequence[int] = (4, 3),
    side: int = 2,
    dtype: str = "uint8",
    nchw: bool = False,
    channels_first: bool = False,
    out: tuple[str, float, int] | None = None,
) -> bytes:
    """A YOLO head: rows of `boxes` and the three values of a pixel, put together from tensors of the widths `parts`.

    `side` is that of the frame; a larger one is averaged to 2x2 pixels. `nchw` has the channels of the frame first,
    `channels_first` those of the output, and `out` is the type, scale and zero point of a quantized output.
    """
    frame = (1, 3, side, side) if nchw else (1, side, side, 3)
    tensors, ops = _scores((1, 4, 3), dtype=dtype, frame=frame)
    if nchw:
        tensors += [T("order", data=np.array([0, 2, 3, 1], np.int32)), T("nhwc", (1, side, side, 3), "float32")]
        ops.insert(-1, O("TRANSPOSE", [ops[-1].inputs[0], "order"], ["nhwc"], 2))
        ops[-1] = O("RESHAPE", ["nhwc", "to"], ["scores"])
    if side > 2:
        pool = {"strideW": side // 2, "strideH": side // 2, "filterWidth": side // 2, "filterHeight": side // 2}
        tensors.append(T("pool", (1, 2, 2, 3), "float32"))
        ops.insert(-1, O("AVERAGE_POOL_2D", [ops[-1].inputs[0]], ["pool"], 1, pool))
        ops[-1] = O("RESHAPE", ["pool", "to"], ["scores"])
    widths = [parts[0]] if parts[0] == 4 else [2, 2]
    places = np.split(boxes[np.newaxis], np.cumsum(widths)[:-1], axis=2)
    tensors += [T(f"box{i}", data=np.ascontiguousarray(place)) for i, place in enumerate(places)]
    values = ["scores"]
    if parts[len(widths) :] == (1, 2):
        tensors += [T("axis", data=np.array([2], np.int32)), T("sizes", data=np.array([1, 2], np.int32))]
        tensors += [T("objectness", (1, 4, 1), "float32"), T("classes", (1, 4, 2), "float32")]
        values = ["objectness", "classes"]
        ops.append(O("SPLIT_V", ["scores", "sizes", "axis"], values, 1, {"numSplits": 2}))
    tensors.append(T("rows", (1, 4, 7), "float32"))
    ops.append(O("CONCATENATION", [*(f"box{i}" for i in range(len(places))), *values], ["rows"], 1, {"axis": 2}))
    end, shape = "rows", (1, 4, 7)
    if channels_first:
        end, shape = "columns", (1, 7, 4)
        tensors += [T("swap", data=np.array([0, 2, 1], np.int32)), T("columns", shape, "float32")]
        ops.append(O("TRANSPOSE", ["rows", "swap"], ["columns"], 2))
    if out is not None:
        tensors.append(T("quantized", shape, out[0], out[1], out[2]))
        ops.append(O("QUANTIZE", [end], ["quantized"], 2))
        end = "quantized"
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=[end])


@_model
def yolov8() -> bytes:
    """As Ultralytics exports it: [1, 4 + classes, boxes]."""
    return yolo(channels_first=True)


@_model
def yolov8_rows() -> bytes:
    return yolo()


@_model
def yolov8_int8() -> bytes:
    """Quantized at both ends."""
    return yolo(channels_first=True, dtype="int8", out=("int8", 1 / 200, -100))


@_model
def yolov8_uint8_out() -> bytes:
    return yolo(channels_first=True, out=("uint8", 1 / 200, 0))


@_model
def yolov8_nchw() -> bytes:
    return yolo(nchw=True, channels_first=True)


@_model
def yolov8_float() -> bytes:
    return yolo(channels_first=True, dtype="float32")


@_model
def yolov8_pixels() -> bytes:
    """A frame of 16x16 pixels with boxes in them."""
    return yolo(boxes=16 * BOXES, side=16, channels_first=True)


@_model
def yolov8_coarse() -> bytes:
    """Boxes in pixels and scores in one scale: a step is more than any score."""
    return yolo(boxes=16 * BOXES, side=16, out=("uint8", 16 / 255, 0))


@_model
def yolov5() -> bytes:
    """Coordinates, objectness and classes from tensors of their own."""
    return yolo(parts=(4, 1, 2))


@_model
def yolov5_joined() -> bytes:
    """As YOLOv5's export has it: x and y, width and height, and all else from one tensor."""
    return yolo(parts=(2, 2, 3))


@_model
def ssd_no_options() -> bytes:
    return ssd(custom=b"\x00")


@_model
def ssd_lost_options() -> bytes:
    return ssd(custom=bytes(flexbuffers.Dumps({"num_classes": 2})))


@_model
def ssd_other_classes() -> bytes:
    return ssd(num_classes=7)


@_model
def ssd_many() -> bytes:
    return ssd(max_detections=10**9, shapes=False)


@_model
def ssd_other_anchors() -> bytes:
    return ssd(anchors=np.zeros((3, 4), np.float32))


@_model
def yolov8_outside() -> bytes:
    """Boxes that reach out of the frame: to the left, over all of it, to the right, and one that is outside."""
    boxes = np.array([[-0.5, 0.5, 3, 1], [0.5, 0.5, 1, 1], [1.5, 0.5, 3, 1], [2, 0.5, 0.5, 1]], np.float32)
    return yolo(boxes=boxes, channels_first=True)
