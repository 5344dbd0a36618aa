"""Which head a graph ends in: found by shapes and operators, and refused with a sentence where that is not enough."""

from __future__ import annotations

import pytest

from edgeready_device.detection.head import read_head
from edgeready_device.detection.kinds import Head
from edgeready_device.errors import ModelFileError
from edgeready_device.tflite.graph import Graph, Op, Tensor

FRAME = (640, 640)


def graph(*outputs: tuple[int, ...], ops: tuple[str, ...] = (), frame: tuple[int, ...] = (1, 640, 640, 3)) -> Graph:
    """A graph by its ends, with the names of some operators."""
    shapes = [frame, *outputs]
    tensors = tuple(Tensor(i, f"t{i}", shape, shape, "float32") for i, shape in enumerate(shapes))
    made = tuple(Op(i, name, 1, (0,), ()) for i, name in enumerate(ops))
    return Graph(tensors, made, (0,), tuple(range(1, len(shapes))))


def kind_of(head: Head) -> tuple[str, int, bool]:
    return head.kind, head.classes, head.channels_first


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 84, 8400), ("yolov8", 80, True)),
        ((1, 8400, 84), ("yolov8", 80, False)),
        ((1, 5, 8400), ("yolov8", 1, True)),
        ((1, 8400, 6), ("yolov8", 2, False)),
        ((1, 25200, 85), ("yolov5", 80, False)),
        ((1, 25200, 6), ("yolov5", 1, False)),
        ((1, 85, 25200), ("yolov5", 80, True)),
        ((1, 8400, 85), ("yolov5", 80, False)),  # YOLOX: one box at each place, with objectness
        ((1, 100, 85), ("yolov5", 80, False)),
        ((1, 2000, 85), ("yolov5", 80, False)),  # no usual number of boxes
        ((1, 1, 25200, 85), ("yolov5", 80, False)),
        ((1, 300, 6), ("end-to-end", 0, False)),
    ],
)
def test_a_yolo_head_is_told_by_its_shape(shape, expected):
    assert kind_of(read_head(graph(shape), FRAME)) == expected


@pytest.mark.parametrize(
    ("shape", "labels", "expected"),
    [
        ((1, 100, 9), 4, ("yolov5", 4, False)),
        ((1, 100, 9), 5, ("yolov8", 5, False)),
        ((1, 8400, 9), 4, ("yolov5", 4, False)),  # YOLOX
        ((1, 300, 6), 80, ("end-to-end", 0, False)),
        ((1, 56, 8400), 52, ("yolov8", 52, True)),
    ],
)
def test_the_number_of_labels_tells_what_a_shape_leaves_open(shape, labels, expected):
    assert kind_of(read_head(graph(shape), FRAME, labels=labels)) == expected


def test_another_size_of_the_frame_has_another_number_of_boxes():
    assert kind_of(read_head(graph((1, 6300, 9)), (320, 320))) == ("yolov5", 4, False)
    assert kind_of(read_head(graph((1, 2100, 9)), (320, 320))) == ("yolov8", 5, False)
    assert kind_of(read_head(graph((1, 5040, 9)), (384, 640))) == ("yolov8", 5, False)


def test_a_head_that_chooses_its_best_is_end_to_end_whatever_their_number():
    assert kind_of(read_head(graph((1, 100, 6), ops=("TOPK_V2",)), FRAME)) == ("end-to-end", 0, False)


@pytest.mark.parametrize(("kind", "classes"), [("yolov5", 4), ("yolov8", 5)])
def test_the_caller_may_say_which_kind_it_is(kind, classes):
    assert kind_of(read_head(graph((1, 100, 9)), FRAME, kind=kind)) == (kind, classes, False)


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([(1, 25200, 85), (1, 3, 80, 80, 85), (1, 3, 40, 40, 85), (1, 3, 20, 20, 85)], ("yolov5", 0)),
        ([(1, 80, 80, 255), (1, 40, 40, 255), (1, 20, 20, 255), (1, 25200, 85)], ("yolov5", 3)),
        ([(1, 144, 80, 80), (1, 84, 8400), (1, 3, 84, 40, 40)], None),
    ],
)
def test_raw_scales_beside_the_decoded_output_are_left_alone(outputs, expected):
    if expected is None:
        with pytest.raises(ModelFileError):
            read_head(graph(*outputs), FRAME)
    else:
        head = read_head(graph(*outputs), FRAME)
        assert (head.kind, head.outputs) == (expected[0], (expected[1],))


def joined(widths: tuple[int, ...], count: int = 8400) -> Graph:
    """A graph whose output has `count` rows, put together from tensors of the `widths`."""
    shapes = [(1, 640, 640, 3), *((1, count, width) for width in widths), (1, count, sum(widths))]
    tensors = tuple(Tensor(i, f"t{i}", shape, shape, "float32") for i, shape in enumerate(shapes))
    last = len(shapes) - 1
    concatenation = Op(0, "CONCATENATION", 1, tuple(range(1, last)), (last,), options=Axis(2))
    return Graph(tensors, (concatenation,), (0,), (last,))


class Axis:
    """The options of a CONCATENATION along an axis."""

    def __init__(self, axis: int) -> None:
        self._axis = axis

    def scalar(self, number: int, code: str, default: object = 0) -> int:
        return self._axis


@pytest.mark.parametrize(
    ("widths", "expected"),
    [
        ((4, 5), ("yolov8", 5, False)),
        ((4, 1, 4), ("yolov5", 4, False)),
        ((2, 2, 1, 4), ("yolov5", 4, False)),
        ((2, 2, 80), ("yolov8", 80, False)),
        ((2, 2, 81), ("yolov5", 80, False)),
    ],
)
def test_the_tensors_that_rows_are_put_together_from_tell_the_kind(widths, expected):
    assert kind_of(read_head(joined(widths), FRAME)) == expected


def chained(*names: str, shape: tuple[int, ...] = (1, 8400, 85)) -> Graph:
    """A graph whose output is made by the operators `names`, one after the other."""
    shapes = [(1, 640, 640, 3), *[shape for _ in names]]
    tensors = tuple(Tensor(i, f"t{i}", size, size, "float32") for i, size in enumerate(shapes))
    ops = tuple(Op(i, name, 1, (i,), (i + 1,)) for i, name in enumerate(names))
    return Graph(tensors, ops, (0,), (len(names),))


@pytest.mark.parametrize(
    "names",
    [("CONV_2D",), ("CONV_2D", "RESHAPE", "TRANSPOSE"), ("CONV_2D", "LOGISTIC", "CONCATENATION", "DEQUANTIZE")],
)
@pytest.mark.parametrize("kind", [None, "yolov5"])
def test_rows_straight_from_a_convolution_are_not_decoded(names, kind):
    with pytest.raises(ModelFileError, match=r"without its decoding, as YOLOX .* --decode_in_inference"):
        read_head(chained(*names), FRAME, kind=kind)


@pytest.mark.parametrize("names", [("CONV_2D", "EXP"), ("CONV_2D", "MUL", "CONCATENATION"), ("RESHAPE",)])
def test_rows_that_are_computed_are_decoded(names):
    assert kind_of(read_head(chained(*names), FRAME)) == ("yolov5", 80, False)


def test_rows_of_yolox_and_of_some_v8_files_look_alike():
    with pytest.raises(ModelFileError, match="can be read in 2 ways"):
        read_head(joined((2, 2, 5)), FRAME)
    assert kind_of(read_head(joined((2, 2, 5)), FRAME, labels=4)) == ("yolov5", 4, False)
    assert kind_of(read_head(joined((2, 2, 5), 25200), FRAME)) == ("yolov5", 4, False)


@pytest.mark.parametrize("widths", [(5, 51), (84, 1), (20, 1)])
def test_rows_of_poses_and_of_rotated_boxes_are_refused(widths):
    with pytest.raises(ModelFileError, match=rf"put together|rows are of {widths[0]} \+ {widths[1]} values"):
        read_head(joined(widths), FRAME)
    assert read_head(joined(widths), FRAME, kind="yolov8").classes == sum(widths) - 4


def test_what_can_be_read_in_two_ways_is_refused_with_both():
    with pytest.raises(ModelFileError) as caught:
        read_head(graph((1, 100, 9)), FRAME)
    assert str(caught.value) == (
        "the output [1, 100, 9] can be read in 2 ways: say which with --head yolov8 (5 classes), --head yolov5 "
        "(4 classes), or give the labels"
    )


def test_labels_of_another_model_are_refused_with_the_numbers_that_fit():
    with pytest.raises(ModelFileError, match=r"^20 labels for an output \[1, 84, 8400\], which has 80 classes: "):
        read_head(graph((1, 84, 8400)), FRAME, labels=20)
    with pytest.raises(ModelFileError, match=r"which has 80 or 81 classes"):
        read_head(graph((1, 25200, 85)), FRAME, labels=90)


@pytest.mark.parametrize(
    ("outputs", "ops", "sentence"),
    [
        ([(1, 1000)], (), "it looks like a classifier or an embedding, one row of values: use classify"),
        ([(1, 1, 1, 1404)], (), "it looks like a classifier or an embedding"),
        ([(1, 640, 640)], (), "it looks like a segmentation, a value for each place"),
        ([(1, 160, 160, 21)], (), "it looks like a segmentation"),
        ([(1, 21, 160, 160)], (), "it looks like a segmentation"),
        ([(1, 20, 20, 255)], (), "it looks like a YOLO head without its decoding"),
        ([(1, 80, 80, 255), (1, 40, 40, 255), (1, 20, 20, 255)], (), "a YOLO head without its decoding, 3 scales"),
        ([(1, 3, 80, 80, 85), (1, 3, 40, 40, 85), (1, 3, 20, 20, 85)], (), "without its decoding, 3 scales"),
        ([(1, 116, 8400), (1, 160, 160, 32)], (), "it looks like a YOLO segmentation, boxes and prototypes of masks"),
        ([(1, 25200, 117), (1, 32, 160, 160)], (), "it looks like a YOLO segmentation"),
        ([(1, 896, 16), (1, 896, 1)], (), "it looks like a face detector of MediaPipe"),
        ([(1, 1917, 4), (1, 1917, 91)], (), "it looks like an SSD or EfficientDet head without its decoding"),
        ([(1, 19206, 90), (1, 19206, 4)], (), "it looks like an SSD or EfficientDet head without its decoding"),
        ([(1, 4, 8400), (1, 80, 8400)], (), "it looks like a YOLO head with boxes and scores apart"),
        ([(1, 128, 128, 2), (1, 128, 128, 80), (1, 128, 128, 2)], (), "it looks like a CenterNet"),
        ([(1, 64, 64, 36), (1, 64, 64, 810), (1, 32, 32, 36), (1, 32, 32, 810)], (), "an EfficientDet or RetinaNet"),
        ([(1, 100, 4), (1, 100), (1, 100), (1,)], (), "with a non-maximum suppression of its own"),
        ([(1, 10, 4), (10,)], ("NON_MAX_SUPPRESSION_V4",), "with a non-maximum suppression of its own"),
        ([(1, 7), (1, 9)], (), "no detector that can be read"),
        ([()], (), "no detector that can be read"),
        ([(2, 84, 8400)], (), "no detector that can be read"),
        ([(1, 56, 8400)], (), "its rows are of 56 values: it looks like a YOLO head for poses or rotated boxes"),
    ],
)
def test_another_model_is_refused_with_what_it_looks_like(outputs, ops, sentence):
    with pytest.raises(ModelFileError) as caught:
        read_head(graph(*outputs, ops=ops), FRAME)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["ssd", "yolov5", "yolov8", "end-to-end"])
def test_a_kind_that_the_file_cannot_be_is_refused(kind):
    with pytest.raises(ModelFileError, match=r"TFLite_Detection_PostProcess|looks like a classifier"):
        read_head(graph((1, 1000)), FRAME, kind=kind)
