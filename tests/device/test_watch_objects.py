"""The live loop of a detector: which labels are there steadily, and what the events say."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from edgeready_device.detection.detector import Detector
from edgeready_device.errors import UsageError
from edgeready_device.watching.loop import Ended
from edgeready_device.watching.objects import Detected, SteadyLabels, watch_objects

# Class 1 above left and class 2 above right; class 1 alone; nothing (detector_models.py).
BOTH = np.array([[[0, 200, 10], [0, 20, 150]], [[0, 0, 0], [0, 0, 0]]], np.uint8)
ONE = BOTH * np.array([1, 1, 0], np.uint8)
NONE = np.zeros_like(BOTH)


def test_a_label_appears_and_goes_after_so_many_frames_in_a_row():
    steady = SteadyLabels(2)
    frames = ["cat", "", "cat", "cat", "", "cat", "", "", "cat dog", "dog", "dog", ""]
    changes = [steady.update(frame.split()) for frame in frames]
    assert changes == [
        *[([], [])] * 3,
        (["cat"], []),
        *[([], [])] * 3,
        ([], ["cat"]),
        ([], []),
        (["dog"], []),
        *[([], [])] * 2,
    ]
    assert steady.labels == ("dog",)


def test_one_frame_is_enough_where_it_stands_for_itself():
    steady = SteadyLabels(1)
    assert [steady.update(labels) for labels in (["b", "a", "a"], ["c"], [])] == [
        (["a", "b"], []),
        (["c"], ["a", "b"]),
        ([], ["c"]),
    ]


def test_the_events_of_a_stream_say_what_appeared_and_what_is_gone(model):
    detector = Detector.load(model("yolov8"))
    events = list(watch_objects(detector, [BOTH, ONE, ONE, NONE, NONE], hold=2))
    assert [type(event) for event in events] == [Detected] * 5 + [Ended]
    frames = [event for event in events if isinstance(event, Detected)]
    assert [[found.label for found in event.detections] for event in frames] == [["1", "2"], ["1"], ["1"], [], []]
    assert [event.labels for event in frames] == [(), ("1",), ("1",), ("1",), ()]
    assert [event.changed for event in frames] == [False, True, False, False, True]
    assert [(item.label, item.previous) for event in frames for item in event.appearances] == [
        ("1", None),
        (None, "1"),
    ]
    assert frames[1].appearances[0].score == frames[1].detections[0].score == pytest.approx(200 / 255)
    assert [event.number for event in frames] == [1, 2, 3, 4, 5]


def test_the_threshold_and_the_number_of_objects_are_those_of_the_detector(model):
    detector = Detector.load(model("yolov8"))
    for limits, count in (({"threshold": 0.7}, 1), ({"most": 1}, 1), ({}, 2), ({"iou": 0.0}, 2)):
        event = next(watch_objects(detector, [BOTH], **limits))
        assert isinstance(event, Detected)
        assert len(event.detections) == count


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hold": 0}, "^hold is 0: give 1 to 10000 frames"),
        ({"threshold": 2.0}, "^the threshold is 2: give a score from 0 to 1"),
        ({"most": 0}, "^the number of objects is 0"),
        ({"rotate": 45}, "^rotate is 45"),
    ],
)
def test_values_that_cannot_be_meant_are_refused_before_the_first_frame(model, values, message):
    with pytest.raises(UsageError, match=message):
        watch_objects(Detector.load(model("yolov8")), [BOTH], **values)


# -- the command -------------------------------------------------------------------------------------------------


@pytest.fixture
def run(call_verb):
    """Runs `watch` in this process, without the first run in a child: exit code, standard output and error."""

    def call(*arguments: object):
        return call_verb("watch", *arguments, "--trusted")

    return call


@pytest.fixture
def folder(tmp_path):
    """A folder with the frames BOTH and NONE as arrays, which need no Pillow."""
    place = tmp_path / "in"
    place.mkdir()
    for name, frame in (("a.npy", BOTH), ("b.npy", NONE)):
        np.save(place / name, frame)
        os.utime(place / name, (1, ord(name[0])))  # oldest first
    return place


def test_a_folder_is_watched_for_objects(run, model, folder):
    code, out, err = run(model("yolov8"), folder, "--count", 2)
    assert (code, len(err)) == (0, 1)
    assert out == [
        f"{folder / 'a.npy'}: 2 objects",
        "object   score  left  top  right  bottom",
        "1       78.4 %     0    0      1       1",
        "2       58.8 %     1    0      2       1",
        f"{folder / 'b.npy'}: no object reaches the threshold",
    ]


def test_a_line_of_json_has_the_objects_and_what_changed(run, model, folder):
    code, out, _ = run(model("yolov8"), folder, "--count", 2, "--jsonl", "--threshold", 0.7, "--max", 3)
    first, second, end = map(json.loads, out)
    assert (code, end["event"]) == (0, "end")
    assert {
        key: first[key] for key in ("event", "frame", "labels", "appeared", "gone", "changed", "width", "height")
    } == {
        "event": "frame",
        "frame": 1,
        "labels": ["1"],
        "appeared": ["1"],
        "gone": [],
        "changed": True,
        "width": 2,
        "height": 2,
    }
    assert [(found["label"], found["box"]["right"]) for found in first["detections"]] == [("1", 1.0)]
    assert (second["labels"], second["detections"], second["changed"]) == ([], [], False)


def test_labels_that_go_are_told_where_frames_follow_one_another(run, model, folder):
    out = run(model("yolov8"), folder, "--count", 2, "--jsonl", "--changes", "--hold", 1)[1]
    assert [(json.loads(line)["appeared"], json.loads(line)["gone"]) for line in out] == [
        (["1", "2"], []),
        ([], ["1", "2"]),
    ]


def test_a_command_runs_for_each_object_that_appears(run, model, folder, tmp_path):
    log = tmp_path / "log"
    command = f"""sh -c 'echo "$EDGEREADY_LABEL $EDGEREADY_SCORE" >> {log}'"""
    assert run(model("yolov8"), folder, "--count", 2, "--on", "2", command, "--on", "0", command)[0] == 0
    assert log.read_text() == "2 0.5882\n"


def test_a_label_that_the_detector_does_not_have_is_refused(run, model, folder):
    code, out, err = run(model("yolov8"), folder, "--on", "cat", "true")
    assert (code, out) == (2, [])
    assert err == ["--on cat: the model has no such label; its labels are 0, 1, 2; * is every change"]


@pytest.mark.parametrize(
    ("name", "option", "sentence"),
    [
        ("yolov8", ("--smooth", "3"), "--smooth is for labels of frames, and {} finds objects: leave --smooth out"),
        ("yolov8", ("--margin", "0"), "--margin is for labels of frames, and {} finds objects: leave --margin out"),
        ("yolov8", ("--top", "1"), "--top is for labels of frames, and {} finds objects: leave --top out"),
        (
            "yolov8",
            ("--keep-state",),
            "--keep-state is for labels of frames, and {} finds objects: leave --keep-state out",
        ),
        ("sums", ("--iou", "0.5"), "--iou is for objects, and {} labels frames: leave --iou out"),
        ("sums", ("--max", "5"), "--max is for objects, and {} labels frames: leave --max out"),
        ("sums", ("--head", "ssd"), "--head is for objects, and {} labels frames: leave --head out"),
        (
            "sums",
            ("--label-offset", "0"),
            "--label-offset is for objects, and {} labels frames: leave --label-offset out",
        ),
    ],
)
def test_an_option_of_the_other_kind_of_model_is_refused(run, model, folder, name, option, sentence):
    assert run(model(name), folder, *option) == (2, [], [sentence.format(model(name))])


def test_a_model_that_is_neither_is_refused_with_what_it_looks_like(run, model, folder):
    code, out, err = run(model("map_output"), folder)
    assert (code, out, len(err)) == (3, [], 1)
    assert "it looks like a segmentation" in err[0]
