"""Objects in pictures: what a hand-fed interpreter gives, in pixels of the picture, and values that cannot be."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edgeready_device.detection.boxes import (
    Box,
    Candidates,
    Detection,
    intersection_over_union,
    sort_candidates,
    suppress_overlaps,
)
from edgeready_device.detection.contract import HeadDescription
from edgeready_device.detection.decoding import check_step, decode
from edgeready_device.detection.detector import Detector
from edgeready_device.detection.kinds import Head
from edgeready_device.errors import EdgereadyError, ImageError, ModelFileError, UsageError
from edgeready_device.model_file.contract import Description
from edgeready_device.normalization import Normalization
from edgeready_device.runtime.runtime import open_interpreter

# The scores in 255ths, of the boxes left above, right above, below and over all (detector_models.py).
PICTURE = np.array([[[0, 200, 10], [0, 20, 150]], [[0, 0, 0], [0, 100, 90]]], np.uint8)
UNIT_PIXELS = Normalization((0.0,), (255.0,))
UNIT = Description(normalization=UNIT_PIXELS)
ALL, ABOVE_LEFT, ABOVE_RIGHT = Box(0, 0, 2, 2), Box(0, 0, 1, 1), Box(1, 0, 2, 1)


def rounded(detections: list[Detection], digits: int = 5) -> list[tuple[str, float, Box]]:
    return [
        (found.label, round(found.score, digits), Box(*(round(side, digits) for side in vars(found.box).values())))
        for found in detections
    ]


def answer_by_hand(path, runtime, frame: np.ndarray) -> list[np.ndarray]:
    """The raw outputs of an interpreter of its own."""
    interpreter = open_interpreter(runtime, path.read_bytes(), 1)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], frame[np.newaxis])
    interpreter.invoke()
    return [interpreter.get_tensor(details["index"]) for details in interpreter.get_output_details()]


# -- SSD ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ssd_uint8", "ssd_no_shapes", "ssd_other_order", "ssd_float"])
def test_an_ssd_gives_what_its_operator_says_in_any_order_of_its_outputs(model, runtime, name):
    description = UNIT if name == "ssd_float" else Description()
    detector = Detector.load(model(name), runtime=runtime.name, description=description)
    assert rounded(detector.detect(PICTURE)) == [
        ("0", round(200 / 255, 5), ABOVE_LEFT),
        ("1", round(150 / 255, 5), ABOVE_RIGHT),
        ("0", round(100 / 255, 5), ALL),
    ]
    assert detector.kind == "ssd"


@pytest.mark.parametrize("name", ["ssd_two_classes", "ssd_three_of_two_classes", "ssd_regular"])
def test_an_ssd_that_gives_several_classes_of_a_box_loses_none(model, runtime, name):
    picture = np.array([[[0, 200, 190], [0, 20, 150]], [[0, 0, 0], [0, 100, 90]]], np.uint8)
    expected = [("0", 200, ABOVE_LEFT), ("1", 190, ABOVE_LEFT), ("1", 150, ABOVE_RIGHT), ("0", 100, ALL)]
    if name != "ssd_regular":  # whose four rows are full
        expected += [("1", 90, ALL), ("0", 20, ABOVE_RIGHT)]
    found = Detector.load(model(name), runtime=runtime.name).detect(picture, threshold=0.05)
    assert rounded(found) == [(label, round(raw / 255, 5), box) for label, raw, box in expected]


def test_an_ssd_agrees_with_an_interpreter_that_is_fed_by_hand(model, runtime):
    random = np.random.default_rng(5)
    detector = Detector.load(model("ssd_other_order"), runtime=runtime.name)
    for _ in range(20):
        frame = random.integers(0, 256, (2, 2, 3), dtype=np.uint8)
        scores, boxes, count, classes = answer_by_hand(model("ssd_other_order"), runtime, frame)
        expected = [
            (str(int(classes[0, i])), float(scores[0, i]), Box(*(boxes[0, i, [1, 0, 3, 2]] * 2).tolist()))
            for i in range(int(count[0]))
        ]
        found = detector.detect(frame, threshold=0)
        assert [(each.label, each.score, each.box) for each in found] == expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ssd_three_outputs", "the model gives no count of its TFLite_Detection_PostProcess"),
        ("ssd_no_options", "the 1 bytes of a custom operator's options are no FlexBuffer map"),
        ("ssd_lost_options", "its TFLite_Detection_PostProcess states no max_detections"),
        ("ssd_other_classes", r"takes boxes \[1, 4, 4\], scores \[1, 4, 3\] and anchors \[4, 4\] for 7 classes"),
        ("ssd_many", "for 2 classes and 1000000000 detections, which do not fit"),
        ("ssd_other_anchors", r"and anchors \[3, 4\] for 2 classes"),
        ("ssd_float", "does not state the normalization of its float32 input"),
        ("yolov8_float", "does not state the normalization of its float32 input"),
        ("yolov8_coarse", r"the output 'quantized' has steps of 0\.0627 for boxes and scores alike"),
        ("yolov5_joined", "can be read in 2 ways: say which with --head"),
        ("conv", "it looks like a classifier or an embedding, one row of values: use classify"),
        ("two_inputs", "2 inputs and 1 outputs: a detector has one input"),
        ("flat_input", r"the input 'x' is uint8 \[1, 4\]: a detector takes"),
        ("batch_of_two", "its input takes 2 pictures at once: convert the model for a batch of 1"),
        ("four_channels", r"the input 'x' is uint8 \[1, 2, 2, 4\]"),
        ("no_pixels", r"the input 'x' is uint8 \[1, 0, 2, 1\], which holds no pixels"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_file_and_the_reason(model, name, message):
    with pytest.raises(ModelFileError, match=message) as caught:
        Detector.load(model(name))
    assert str(caught.value).startswith(f"{model(name)}: ")


# -- YOLO --------------------------------------------------------------------------------------------------------

V8 = [("1", 200, ABOVE_LEFT), ("2", 150, ABOVE_RIGHT), ("1", 100, ALL)]


@pytest.mark.parametrize("name", ["yolov8", "yolov8_rows", "yolov8_nchw", "yolov8_float"])
def test_a_yolov8_head_gives_its_best_class_and_box_in_either_layout(model, runtime, name):
    description = UNIT if name == "yolov8_float" else Description()
    detector = Detector.load(model(name), runtime=runtime.name, description=description)
    assert rounded(detector.detect(PICTURE)) == [(label, round(raw / 255, 5), box) for label, raw, box in V8]
    assert detector.kind == "yolov8"


@pytest.mark.parametrize("name", ["yolov8_int8", "yolov8_uint8_out"])
def test_a_quantized_head_is_read_by_its_one_scale(model, runtime, name):
    detector = Detector.load(model(name), runtime=runtime.name)
    # In steps of 1/200: 200/255 is 156.9, 150/255 117.6 and 100/255 78.4.
    assert rounded(detector.detect(PICTURE)) == [("1", 0.785, ABOVE_LEFT), ("2", 0.59, ABOVE_RIGHT), ("1", 0.39, ALL)]


def test_a_yolov5_head_multiplies_objectness_and_class(model, runtime):
    picture = PICTURE.copy()
    picture[..., 0] = [[255, 51], [255, 204]]
    expected = [
        ("0", round(200 / 255, 5), ABOVE_LEFT),
        ("0", round(204 / 255 * 100 / 255, 5), ALL),
        ("1", round(51 / 255 * 150 / 255, 5), ABOVE_RIGHT),
    ]
    for name, head in (("yolov5", HeadDescription()), ("yolov5_joined", HeadDescription(kind="yolov5"))):
        detector = Detector.load(model(name), runtime=runtime.name, head=head)
        assert rounded(detector.detect(picture, threshold=0.1)) == expected


def test_the_labels_tell_which_head_it_is(model):
    two, three = (
        Detector.load(model("yolov5_joined"), description=Description(labels=labels))
        for labels in (("a", "b"), ("a", "b", "c"))
    )
    assert [(detector.kind, detector.labels) for detector in (two, three)] == [
        ("yolov5", ("a", "b")),
        ("yolov8", ("a", "b", "c")),
    ]


def test_boxes_in_pixels_are_told_from_fractions(model, runtime):
    detector = Detector.load(model("yolov8_pixels"), runtime=runtime.name)
    picture = PICTURE.repeat(8, axis=0).repeat(8, axis=1)
    assert rounded(detector.detect(picture)) == [
        ("1", round(200 / 255, 5), Box(0, 0, 8, 8)),
        ("2", round(150 / 255, 5), Box(8, 0, 16, 8)),
        ("1", round(100 / 255, 5), Box(0, 0, 16, 16)),
    ]
    fractions = Detector.load(model("yolov8_pixels"), head=HeadDescription(boxes="fractions"))
    # As fractions two boxes cover all of the picture, and the others lie outside of it.
    assert rounded(fractions.detect(picture)) == [
        ("1", round(200 / 255, 5), Box(0, 0, 16, 16)),
        ("1", round(100 / 255, 5), Box(0, 0, 16, 16)),
    ]


def test_a_model_without_its_normalization_gives_scores_that_are_refused(model):
    detector = Detector.load(
        model("yolov8_float"), description=Description(normalization=Normalization((0.0,), (1.0,)))
    )
    with pytest.raises(ModelFileError, match=r"yolov8_float\.tflite: the scores go from 0 to 200, not from 0 to 1"):
        detector.detect(PICTURE)


def test_overlaps_are_those_of_whole_boxes_and_what_is_shown_is_clipped(model):
    """Clipped first, three boxes would be the same; of the whole ones a third overlaps, and one lies outside."""
    picture = np.array([[[200, 0, 0], [180, 0, 0]], [[160, 0, 0], [140, 0, 0]]], np.uint8)
    detector = Detector.load(model("yolov8_outside"))
    assert rounded(detector.detect(picture)) == [("0", round(raw / 255, 5), ALL) for raw in (200, 180, 160)]
    assert rounded(detector.detect(picture, iou=0.3)) == [("0", round(raw / 255, 5), ALL) for raw in (200, 160)]


# -- pictures ----------------------------------------------------------------------------------------------------


def test_boxes_are_in_pixels_of_the_picture_stretched_or_letterboxed(model):
    pytest.importorskip("PIL", reason="Pillow is not installed here")
    wide = PICTURE[:1].repeat(4, axis=0).repeat(8, axis=1)[:, :8]  # 8 by 4 pixels of the colour above left
    stretched = Detector.load(model("yolov8"), description=Description(resize="stretch"))
    assert {found.box for found in stretched.detect(wide, threshold=0.5)} == {
        Box(0, 0, 4, 2),
        Box(4, 0, 8, 2),
        Box(0, 2, 8, 4),
    }
    # 8x4 becomes 2x1, in the row of pixels 0 of the frame, and the bar below it is grey: 114 / 255 for class 0 of the
    # box below, which lies outside of the picture, and of that over all.
    boxed = Detector.load(model("yolov8"))
    assert rounded(boxed.detect(wide, threshold=0.3, iou=0.6)) == [
        ("1", round(200 / 255, 5), Box(0, 0, 4, 4)),
        ("1", round(200 / 255, 5), Box(4, 0, 8, 4)),
        ("0", round(114 / 255, 5), Box(0, 0, 8, 4)),
    ]


def test_a_grey_picture_is_three_equal_channels(model):
    detector = Detector.load(model("yolov8"))
    grey = np.array([[200, 0], [0, 0]], np.uint8)
    for picture in (grey, grey[..., np.newaxis]):
        assert rounded(detector.detect(picture)) == [("0", round(200 / 255, 5), ABOVE_LEFT)]


def test_pictures_of_pillow_and_with_transparency_are_pictures(model):
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    detector = Detector.load(model("yolov8"))
    opaque = np.concatenate([PICTURE, np.full((2, 2, 1), 255, np.uint8)], axis=2)
    expected = detector.detect(PICTURE)
    assert detector.detect(image.fromarray(PICTURE)) == expected
    assert detector.detect(opaque) == expected
    assert detector.detect(PICTURE.tolist()) == expected


@pytest.mark.parametrize(
    "picture",
    [
        None,
        "a.png",
        PICTURE.astype(np.float32),
        PICTURE[..., :2],
        np.stack([PICTURE, PICTURE]),
        np.zeros((0, 2, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(model, picture):
    with pytest.raises(ImageError, match=r"^the (picture|frame) "):
        Detector.load(model("yolov8")).detect(picture)


# -- limits ------------------------------------------------------------------------------------------------------


def test_threshold_overlap_and_number_are_limits(model):
    detector = Detector.load(model("yolov8"))
    assert [found.score > 0.5 for found in detector.detect(PICTURE, threshold=0.5)] == [True, True]
    assert len(detector.detect(PICTURE, most=1)) == 1
    # Of class 1 the box above left covers a quarter of the box over all.
    assert len(detector.detect(PICTURE, iou=0.25)) == 3
    assert len(detector.detect(PICTURE, iou=0.24)) == 2
    assert detector.detect(np.zeros((2, 2, 3), np.uint8)) == []


def test_an_ssd_has_chosen_already_unless_an_overlap_is_given(model):
    detector = Detector.load(model("ssd_uint8"))
    assert len(detector.detect(PICTURE)) == 3
    assert len(detector.detect(PICTURE, iou=0.1)) == 2


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"threshold": 1.5}, r"^the threshold is 1\.5: give a score from 0 to 1"),
        ({"threshold": float("nan")}, "^the threshold is nan"),
        ({"iou": -0.1}, r"^the overlap \(iou\) is -0\.1"),
        ({"most": 0}, "^the number of objects is 0"),
    ],
)
def test_a_limit_that_can_be_none_is_refused(model, limits, message):
    with pytest.raises(UsageError, match=message):
        Detector.load(model("yolov8")).detect(PICTURE, **limits)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"crop": 0.5}, r"^--crop \(Description\(crop=\.\.\.\)\) is for classifiers: leave it out for a detector"),
        ({"output": 1}, "^--output "),
        ({"scores": "logits"}, "^--scores "),
        ({"resize": "crop"}, "^the resize rule is 'crop': detectors take stretch or letterbox"),
        ({"preset": "torchvision"}, "^the resize rule is 'crop'"),
    ],
)
def test_a_description_of_a_classifier_is_refused(model, fields, message):
    with pytest.raises(UsageError, match=message):
        Detector.load(model("yolov8"), description=Description(**fields))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "yolo"}, "^the head is 'yolo': choose ssd, yolov5, yolov8, end-to-end"),
        ({"boxes": "metres"}, "^the boxes are in 'metres': choose fractions or pixels"),
        ({"label_offset": 2}, "^the label offset is 2: give 0, or 1 where"),
    ],
)
def test_a_description_that_can_be_none_is_refused(fields, message):
    with pytest.raises(UsageError, match=message):
        HeadDescription(**fields)


@pytest.mark.parametrize(
    "description",
    [Description(normalization=UNIT_PIXELS), Description(preset="unit"), Description(preset="unit", layout="nhwc")],
)
def test_the_normalization_may_be_said_by_its_numbers_or_its_name(model, description):
    detector = Detector.load(model("yolov8_float"), description=description)
    assert rounded(detector.detect(PICTURE))[0] == ("1", round(200 / 255, 5), ABOVE_LEFT)


def test_a_model_that_takes_blue_first_gets_it_so(model):
    detector = Detector.load(model("yolov8"), description=Description(color="bgr"))
    assert rounded(detector.detect(PICTURE[..., ::-1])) == [
        (label, round(raw / 255, 5), box) for label, raw, box in V8
    ]


def test_a_replica_gives_the_same(model):
    detector = Detector.load(model("yolov8"))
    assert detector.replicate().detect(PICTURE) == detector.detect(PICTURE)
    assert detector.path == model("yolov8")


# -- decoding ----------------------------------------------------------------------------------------------------

SSD, YOLO, END = Head("ssd", (0, 1, 2, 3), 3), Head("yolov8", (0,), 2), Head("end-to-end", (0,), 0)


def ssd_outputs(*, boxes=((0, 0, 1, 1),) * 2, classes=(0, 1), scores=(0.9, 0.8), count=(2,)) -> list[np.ndarray]:
    values = ([boxes], [classes], [scores], count)
    return [np.array(each, np.float32) for each in values]


def test_only_as_many_objects_as_are_counted_are_read():
    rest = ssd_outputs(classes=(0, np.nan), scores=(0.9, 7e30), count=(1,))
    assert decode(SSD, rest, (2, 2), None).scores.tolist() == [float(np.float32(0.9))]
    none = decode(SSD, ssd_outputs(count=(0,)), (2, 2), None)
    assert (none.corners.shape, none.classes.shape) == ((0, 4), (0,))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": (3,)}, "says that it found 3 objects, and has room for 2"),
        ({"count": (-1,)}, "says that it found -1 objects"),
        ({"count": (1.5,)}, r"says that it found 1\.5 objects"),
        ({"count": (np.nan,)}, "says that it found nan objects"),
        ({"count": (1, 1)}, "says that it found 1, 1 objects"),
        ({"classes": (0, 3)}, "gives the class 3, of 3 from 0 on"),
        ({"classes": (0, -1)}, "gives the class -1"),
        ({"classes": (0, 0.5)}, r"gives the class 0\.5"),
        ({"scores": (0.9, 1.5)}, r"the scores go from 0\.9 to 1\.5, not from 0 to 1"),
        ({"scores": (0.9, -3)}, r"the scores go from -3 to 0\.9"),
        ({"scores": (0.9, np.nan)}, "the model gives NaN or infinite values"),
        ({"boxes": ((0, 0, 1, np.inf),) * 2}, "the model gives NaN or infinite values"),
    ],
)
def test_values_that_no_ssd_gives_are_an_error(change, message):
    with pytest.raises(ModelFileError, match=message):
        decode(SSD, ssd_outputs(**change), (2, 2), None)


def yolo_output(*rows) -> list[np.ndarray]:
    return [np.array([rows], np.float32)]


@pytest.mark.parametrize(
    ("head", "rows", "message"),
    [
        (YOLO, [(0.5, 0.5, 0.1, 0.1, np.nan, 0)], "the model gives NaN or infinite values"),
        (YOLO, [(0.5, 0.5, 0.1, 0.1, 5, 0)], "the scores go from 0 to 5"),
        (YOLO, [(0.5, 0.5, -0.9, 0.1, 0.5, 0)], "a box has a width or height below 0"),
        (YOLO, [(3, 0.5, 0.1, 0.1, 0.5, 0)], "the centres of its boxes reach 3: too far for fractions"),
        (END, [(0.1, 0.1, 0.5, 0.5, 0.9, 0.3)], r"gives the class 0\.3, of whole numbers from 0 on"),
        (END, [(0.5, 0.1, 0.1, 0.5, 0.9, 0)], "a box has a width or height below 0"),
        (END, [(0.1, 0.1, 0.5, 0.5, 9, 0)], "the scores go from 9 to 9"),
    ],
)
def test_values_that_no_yolo_gives_are_an_error(head, rows, message):
    with pytest.raises(ModelFileError, match=message):
        decode(head, yolo_output(*rows), (640, 640), None)


def test_an_end_to_end_head_gives_corners_and_classes():
    candidates = decode(END, yolo_output((64, 128, 320, 256, 0.75, 7), (0, 0, 0, 0, 0, 0)), (640, 640), None)
    assert candidates.corners.tolist() == [[0.1, 0.2, 0.5, 0.4], [0, 0, 0, 0]]
    assert (candidates.classes.tolist(), candidates.scores.tolist()) == ([7, 0], [0.75, 0])


def test_the_unit_may_be_said():
    row = (3, 0.5, 0.1, 0.1, 0.5, 0)
    assert decode(YOLO, yolo_output(row), (10, 10), "pixels").corners[0].round(3).tolist() == [
        0.295,
        0.045,
        0.305,
        0.055,
    ]
    assert decode(YOLO, yolo_output(row), (10, 10), "fractions").corners[0].round(3).tolist() == [
        2.95,
        0.45,
        3.05,
        0.55,
    ]


def test_a_step_of_an_output_is_small_enough_for_scores():
    check_step(0.05, "y")
    with pytest.raises(ModelFileError, match=r"^the output 'y' has steps of 2\.51 for boxes and scores alike"):
        check_step(640 / 255, "y")


# -- suppression -------------------------------------------------------------------------------------------------


def candidates_of(*rows: tuple[float, float, float, float, int, float]) -> Candidates:
    values = np.array(rows, np.float64)
    return Candidates(values[:, :4], values[:, 4].astype(np.int64), values[:, 5])


def test_the_better_of_two_boxes_of_a_class_stays():
    three = candidates_of((0, 0, 2, 2, 0, 0.5), (0, 0, 2, 1, 0, 0.9), (0, 0, 2, 2, 1, 0.4))
    ordered = sort_candidates(three, 0.0)
    assert ordered.scores.tolist() == [0.9, 0.5, 0.4]
    assert suppress_overlaps(ordered, 0.49, 10).scores.tolist() == [0.9, 0.4]
    assert suppress_overlaps(ordered, 0.5, 10).scores.tolist() == [0.9, 0.5, 0.4]
    assert suppress_overlaps(ordered, 0.5, 2).scores.tolist() == [0.9, 0.5]


def test_a_box_that_was_suppressed_suppresses_none():
    chain = candidates_of((0, 0, 4, 1, 0, 0.9), (2, 0, 6, 1, 0, 0.8), (4, 0, 8, 1, 0, 0.7))
    assert suppress_overlaps(chain, 0.3, 10).scores.tolist() == [0.9, 0.7]


def test_equal_scores_keep_their_order_and_the_threshold_is_included():
    equal = candidates_of((0, 0, 1, 1, 5, 0.5), (2, 2, 3, 3, 4, 0.5), (4, 4, 5, 5, 3, 0.49))
    assert sort_candidates(equal, 0.5).classes.tolist() == [5, 4]


def test_overlaps_are_shares_and_empty_boxes_have_none():
    boxes = np.array([[0, 0, 2, 2], [1, 1, 3, 3], [5, 5, 6, 6], [0, 0, 0, 0]], np.float64)
    assert intersection_over_union(boxes[0], boxes).tolist() == [1, 1 / 7, 0, 0]
    assert intersection_over_union(boxes[3], boxes[3:]).tolist() == [0]


def test_a_hundred_thousand_boxes_take_no_more_than_moments():
    random = np.random.default_rng(1)
    corners = random.random((100_000, 2)).repeat(2, axis=1)[:, [0, 2, 1, 3]]
    corners[:, 2:] += 0.01
    many = Candidates(corners, np.zeros(100_000, np.int64), random.random(100_000))
    assert len(suppress_overlaps(sort_candidates(many, 0.0), 0.5, 100).scores) == 100


def test_no_error_is_without_a_class_of_ours(model):
    for name in ("two_outputs", "map_output", "one_class", "int32_input", "no_scale", "per_axis_end", "unknown_op"):
        with pytest.raises(EdgereadyError):
            Detector.load(model(name))


# -- what exporters write ----------------------------------------------------------------------------------------


def with_notes(path: Path, target: Path, name: str, text: str) -> Path:
    """The model at `path` with a part behind it, as Ultralytics' exporter writes it."""
    target.write_bytes(path.read_bytes())
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(name, text)
    return target


@pytest.mark.parametrize("name", ["metadata.json", "temp_meta.txt"])
def test_an_exporters_notes_give_labels_task_and_normalization(model, tmp_path, name):
    notes = {"author": "Ultralytics", "task": "detect", "names": {0: "cat", 1: "dog", 2: "owl"}}
    text = json.dumps(notes) if name == "metadata.json" else str(notes)
    detector = Detector.load(with_notes(model("yolov8_float"), tmp_path / "m.tflite", name, text))
    assert detector.labels == ("cat", "dog", "owl")
    assert rounded(detector.detect(PICTURE))[0] == ("dog", round(200 / 255, 5), ABOVE_LEFT)


def test_notes_tell_yolov5_from_yolov8(model, tmp_path):
    notes = str({"stride": 32, "names": {0: "cat", 1: "dog"}})
    detector = Detector.load(with_notes(model("yolov5_joined"), tmp_path / "m.tflite", "meta.txt", notes))
    assert (detector.kind, detector.labels) == ("yolov5", ("cat", "dog"))


@pytest.mark.parametrize(
    ("task", "remedy"),
    [("pose", "export one for that"), ("segment", "export one for that"), ("classify", "use classify")],
)
def test_a_model_for_another_task_is_refused(model, tmp_path, task, remedy):
    notes = json.dumps({"task": task, "names": ["a", "b", "c"]})
    path = with_notes(model("yolov8"), tmp_path / "m.tflite", "metadata.json", notes)
    with pytest.raises(ModelFileError) as caught:
        Detector.load(path)
    assert str(caught.value) == (
        f"{path}: its exporter says that its task is '{task}', and detect reads models for the task 'detect': "
        f"{remedy}"
    )


def test_a_part_that_is_no_note_is_left_alone(model, tmp_path):
    path = with_notes(model("yolov8"), tmp_path / "m.tflite", "metadata.json", "x" * (2 << 20))
    assert Detector.load(path).labels == ("0", "1", "2")
