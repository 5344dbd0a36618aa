"""`edgeready-device detect`: what it writes, what it draws, and how it ends."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edgeready_device.detection.boxes import Box, Detection
from edgeready_device.images.decode import read_sized_image
from edgeready_device.report.drawing import draw_detections

pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")

# The colours of four rooms, 20 by 20 pixels each: the scores of the boxes of detector_models.py.
ROOMS = np.array([[[0, 200, 10], [0, 20, 150]], [[0, 0, 0], [0, 100, 90]]], np.uint8)
PICTURE = ROOMS.repeat(20, axis=0).repeat(20, axis=1)
TABLE = [
    "object   score  left  top  right  bottom",
    "1       78.4 %     0    0      1       1",
]


@pytest.fixture
def run(call_verb):
    """Runs `detect` in this process.

    `trusted` leaves out the child process that runs a file from elsewhere first.
    """

    def call(*arguments: object, trusted: bool = True):
        return call_verb("detect", *arguments, *(["--trusted"] if trusted else []))

    return call


@pytest.fixture
def image(tmp_path):
    """Writes ROOMS, or `pixels`, as a PNG."""

    def make(name: str = "a.png", pixels: np.ndarray = ROOMS) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        pillow.fromarray(pixels).save(path)
        return path

    return make


def test_objects_are_a_table_best_first(run, model, image):
    path = image()
    assert run(model("yolov8"), path, trusted=False) == (
        0,
        [
            f"{path}: 3 objects",
            "object   score  left  top  right  bottom",
            "1       78.4 %     0    0      1       1",
            "2       58.8 %     1    0      2       1",
            "1       39.2 %     0    0      2       2",
        ],
        [],
    )


def test_one_object_and_none_are_said(run, model, image):
    path = image()
    assert run(model("yolov8"), path, "--threshold", "0.7")[1] == [f"{path}: 1 object", *TABLE]
    assert run(model("yolov8"), path, "--max", "1")[1] == [f"{path}: 1 object", *TABLE]
    assert run(model("ssd_uint8"), path, "--threshold", "0.9")[1] == [f"{path}: no object reaches the threshold"]


def test_json_has_boxes_in_pixels_and_as_fractions(run, model, image):
    code, out, err = run(model("yolov8"), image(), image("b.png"), "--json", "--threshold", "0.7")
    entries = json.loads(out[0])
    assert (code, len(out), err, len(entries)) == (0, 1, [], 2)
    assert entries[0] == {
        "image": str(image()),
        "width": 2,
        "height": 2,
        "detections": [
            {
                "label": "1",
                "index": 1,
                "score": pytest.approx(200 / 255),
                "box": {"left": 0, "top": 0, "right": 1, "bottom": 1},
                "fractions": {"left": 0, "top": 0, "right": 0.5, "bottom": 0.5},
            }
        ],
    }


def test_boxes_of_a_large_photo_are_in_its_own_upright_pixels(run, model, tmp_path):
    exif = pillow.Exif()
    exif[0x0112] = 6  # turned clockwise by a quarter to be seen
    upright = ROOMS.repeat(200, axis=0).repeat(100, axis=1)
    path = tmp_path / "large.jpg"
    pillow.fromarray(np.rot90(upright)).save(path, quality=95, exif=exif)
    pixels, size = read_sized_image(path, 3, (2, 2))
    assert (pixels.shape, size) == ((50, 25, 3), (400, 200))
    pillow.fromarray(upright).save(tmp_path / "whole.png")
    lines = run(model("yolov8"), path, tmp_path / "whole.png", "--threshold", "0.1", "--jsonl")[1]
    quick, whole = (json.loads(line) for line in lines)
    assert (quick["width"], quick["height"]) == (whole["width"], whole["height"]) == (200, 400)
    assert quick["detections"][1]["box"] == {"left": 0, "top": 0, "right": 200, "bottom": 200}
    assert [item["box"] for item in quick["detections"]] == [item["box"] for item in whole["detections"]]


def test_a_bad_image_is_a_line_and_the_others_are_read(run, model, image, tmp_path):
    code, out, err = run(model("yolov8"), tmp_path / "none.png", image(), "--jsonl")
    assert (code, err) == (4, [f"no image '{tmp_path / 'none.png'}': check the path"])
    entries = [json.loads(line) for line in out]
    assert [sorted(entry) for entry in entries] == [["error", "image"], ["detections", "height", "image", "width"]]


def test_folders_patterns_arrays_and_standard_input_are_read(run, model, image, tmp_path, monkeypatch):
    image("many/b.png"), image("many/c.png")
    np.save(tmp_path / "d.npy", ROOMS)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(image().read_bytes())))
    code, out, _ = run(
        model("yolov8"), tmp_path / "many", tmp_path / "many" / "*.png", tmp_path / "d.npy", "-", "--jsonl"
    )
    names = [json.loads(line)["image"].removeprefix(f"{tmp_path}/") for line in out]
    assert (code, names) == (0, ["many/b.png", "many/c.png", "many/b.png", "many/c.png", "d.npy", "standard input"])
    assert {len(json.loads(line)["detections"]) for line in out} == {3}


# -- descriptions ------------------------------------------------------------------------------------------------


def test_labels_and_their_offset_are_those_of_the_options(run, model, image, tmp_path):
    labels, path = tmp_path / "labels.txt", image()
    labels.write_text("???\ncat\nowl\n")
    assert run(model("ssd_uint8"), path, "--labels", labels, "--max", 1)[1][2].startswith("cat ")
    labels.write_text("x\ncat\nowl\n")
    code, out, err = run(model("ssd_uint8"), path, "--labels", labels)
    assert (code, out) == (3, [])
    assert err[0].endswith(
        "3 labels for 2 classes, the first 'x': say with --label-offset whether that is the first class (0) or the "
        "background (1)"
    )
    assert run(model("ssd_uint8"), path, "--labels", labels, "--label-offset", 1, "--max", 1)[1][2].startswith("cat ")
    assert run(model("ssd_uint8"), path, "--labels", labels, "--label-offset", 0, "--max", 1)[1][2].startswith("x ")


def test_a_float_model_needs_its_normalization(run, model, image):
    code, out, err = run(model("yolov8_float"), image())
    assert (code, out, len(err)) == (3, [], 1)
    assert "does not state the normalization" in err[0]
    assert "--mean 127.5 --std 127.5" in err[0]
    assert run(model("yolov8_float"), image(), "--mean", 0, "--std", 255, "--max", 1)[1][1:] == TABLE


def test_a_head_that_is_open_can_be_said(run, model, image):
    code, _, err = run(model("yolov5_joined"), image())
    assert (code, len(err)) == (3, 1)
    assert "say which with --head yolov8 (3 classes), --head yolov5 (2 classes)" in err[0]
    assert run(model("yolov5_joined"), image(), "--head", "yolov8", "--max", 1)[1][1:] == TABLE
    assert run(model("yolov8"), image(), "--boxes", "pixels", "--head", "yolov8")[0] == 0


def test_another_model_is_refused_before_a_child_runs_it(run, model, image, monkeypatch):
    monkeypatch.setattr("edgeready_device.first_run.run_first", lambda *_, **__: pytest.fail("a child"))
    code, out, err = run(model("rgb"), image(), trusted=False)
    assert (code, out, len(err)) == (3, [], 1)
    assert "it looks like a classifier or an embedding, one row of values: use classify" in err[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--threshold", "2"), "the threshold is 2: give a score from 0 to 1"),
        (("--threshold", "nan"), "the threshold is nan: give a score from 0 to 1"),
        (("--iou", "7"), "the overlap (iou) is 7: give a share from 0 to 1"),
        (("--max", "0"), "the number of objects is 0: ask for at least 1"),
        (("--head", "detr"), "the head is 'detr': choose ssd, yolov5, yolov8, end-to-end"),
        (("--boxes", "inches"), "the boxes are in 'inches': choose fractions or pixels"),
        (("--label-offset", "-1"), "the label offset is -1: give 0, or 1 where the list starts with the background"),
        (("--resize", "crop"), "the resize rule is 'crop': detectors take stretch or letterbox"),
        (("--json", "--jsonl"), "--json writes one document at the end: take --jsonl for a line an image"),
        (("--draw", "out.gif"), "--draw out.gif: name a .png or .jpg file, or a folder that is there"),
    ],
)
def test_options_that_cannot_be_meant_are_one_line(run, model, image, arguments, message):
    assert run(model("yolov8"), image(), *arguments) == (2, [], [message])


def test_without_an_image_there_is_nothing_to_do(run, model):
    assert run(model("yolov8"))[0] == 2


def test_nan_scores_are_an_error(run, model, image):
    with np.errstate(over="ignore"):
        code, out, err = run(model("yolov8_float"), image(), "--mean", 0, "--std", 1e-40)
    assert (code, out, len(err)) == (3, [], 1)
    assert "the model gives NaN or infinite values" in err[0]


# -- drawings ----------------------------------------------------------------------------------------------------


def test_one_picture_is_drawn_to_a_file(run, model, image, tmp_path):
    path, target = image(pixels=PICTURE), tmp_path / "out.png"
    code, out, _ = run(model("yolov8"), path, "--draw", target, "--max", 1, "--jsonl")
    assert (code, json.loads(out[0])["drawing"]) == (0, str(target))
    drawn = np.asarray(pillow.open(target))
    assert drawn.shape == (40, 40, 3)
    assert (drawn[:20] != PICTURE[:20]).any()
    assert (drawn[20:] == PICTURE[20:]).all()
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["a.png", "out.png"]


def test_a_box_is_a_frame_of_one_colour():
    picture = np.zeros((40, 60, 3), np.uint8)
    data = draw_detections(picture, [Detection("", 0, 0.5, Box(10, 20, 50, 38))])
    drawn = np.asarray(pillow.open(io.BytesIO(data)))
    colour = tuple(drawn[37, 30])
    assert colour == (230, 159, 0)
    assert {tuple(pixel) for pixel in (drawn[37, 10:50])} == {colour}
    assert {tuple(pixel) for pixel in drawn[21:37, 49]} == {colour}
    assert not drawn[38:].any()
    assert not drawn[:, 50:].any()
    assert not drawn[21:37, 11:49].any()


def test_several_pictures_are_drawn_to_a_folder_each_under_its_own_name(run, model, image, tmp_path):
    pictures, folder = [image("a.png"), image("more/a.png"), image("more/b.png")], tmp_path / "drawn"
    code, out, _ = run(model("yolov8"), *pictures, "--draw", folder, "--jsonl")
    assert code == 0
    assert [Path(json.loads(line)["drawing"]).name for line in out] == ["a.png", "a-2.png", "b.png"]
    assert sorted(path.name for path in folder.iterdir()) == ["a-2.png", "a.png", "b.png"]


def test_frames_of_a_camera_are_drawn_under_their_numbers(run, model, tmp_path, monkeypatch):
    blue_first = np.ascontiguousarray(ROOMS[..., ::-1])  # as OpenCV has it
    capture = SimpleNamespace(
        isOpened=lambda: True,
        get=lambda number: 0.0,
        set=lambda number, value: None,
        read=lambda: (True, blue_first),
        release=lambda: None,
    )
    monkeypatch.setitem(sys.modules, "cv2", SimpleNamespace(VideoCapture=lambda source: capture))
    folder = tmp_path / "drawn"
    code, out, _ = run(model("yolov8"), "--camera", "0", "--frames", 2, "--jsonl", "--max", 1, "--draw", folder)
    entries = [json.loads(line) for line in out]
    assert code == 0
    assert [(entry["image"], entry["detections"][0]["label"]) for entry in entries] == [
        ("frame 1", "1"),
        ("frame 2", "1"),
    ]
    assert sorted(path.name for path in folder.iterdir()) == ["frame-1.png", "frame-2.png"]


def test_a_jpeg_and_a_grey_picture_are_drawn(run, model, image, tmp_path):
    target = tmp_path / "out.jpg"
    assert run(model("yolov8"), image(pixels=PICTURE[..., 1]), "--draw", target)[0] == 0
    assert pillow.open(target).format == "JPEG"


@pytest.mark.parametrize("text", ["猫", "cat\x1b[31m\ncat", "x" * 500, ""])
def test_any_label_can_be_drawn(text):
    data = draw_detections(np.zeros((30, 30, 3), np.uint8), [Detection(text, 8, 1.0, Box(0, 0, 0.2, 0.2))])
    assert pillow.open(io.BytesIO(data)).size == (30, 30)


def test_a_drawing_never_goes_over_a_picture(run, model, image, tmp_path):
    path = image()
    before = path.read_bytes()
    code, _, err = run(model("yolov8"), path, "--draw", path)
    assert (code, err) == (2, [f"--draw would write over the picture '{path}': name another place"])
    code, _, err = run(model("yolov8"), path, image("b.png"), "--draw", tmp_path)
    assert (code, err) == (2, [f"--draw would write over the picture '{path}': name another place"])
    assert path.read_bytes() == before


def test_a_place_that_is_none_is_refused_before_the_model_runs(run, model, image, tmp_path, monkeypatch):
    monkeypatch.setattr("edgeready_device.first_run.run_first", lambda *_, **__: pytest.fail("a child"))
    code, out, err = run(model("yolov8"), image(), "--draw", tmp_path / "none" / "out.png", trusted=False)
    assert (code, out) == (3, [])
    folder = tmp_path / "none"
    assert err == [f"cannot write '{folder / 'out.png'}' (no folder '{folder}'): choose another place for --draw"]
    code, out, err = run(model("yolov8"), image(), image("b.png"), "--draw", tmp_path / "out.png")
    assert (code, out) == (2, [])
    assert err == [f"--draw {tmp_path / 'out.png'} is one file, and there are several pictures: name a folder"]
