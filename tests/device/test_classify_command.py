"""`edgeready-device classify`: what it reads, what it writes as it goes, and how it ends."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from edgeready_device.model_file.manifest import InputSpec
from edgeready_device.normalization import Normalization

pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")

FRAME = np.array([[16, 8], [4, 12]], np.uint8)  # `sums` answers 26, 18, 21: 2.0, 1.0, 1.375
ANSWER = "left 52.5 %, both 28.1 %, right 19.3 %"


@pytest.fixture
def run(call_verb):
    """Runs `classify` in this process."""
    return partial(call_verb, "classify")


@pytest.fixture
def image(tmp_path):
    """Writes FRAME, or `pixels`, as a PNG."""

    def make(name: str = "a.png", pixels: np.ndarray = FRAME) -> Path:
        path = tmp_path / name
        pillow.fromarray(pixels).save(path)
        return path

    return make


@pytest.fixture
def piped(monkeypatch):
    """Puts bytes on standard input."""
    return lambda data: monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


@pytest.fixture
def film(monkeypatch, tmp_path):
    """A stand-in for OpenCV whose camera gives FRAME three times, bright pixels in the last."""

    def read(self):
        self.left -= 1
        picture = FRAME if self.left else FRAME + 100
        return (True, np.repeat(picture[..., np.newaxis], 3, axis=2)) if self.left >= 0 else (False, None)

    methods = {"isOpened": lambda self: True, "get": lambda self, number: 0.0, "release": lambda self: None}
    capture = type("Capture", (), {"left": 3, "read": read, **methods})
    module = ModuleType("cv2")
    module.VideoCapture = lambda source: capture()
    monkeypatch.setitem(sys.modules, "cv2", module)
    (tmp_path / "x.avi").write_bytes(b"film")
    return tmp_path / "x.avi"


# -- what it reads ---------------------------------------------------------------------------------------------


def test_standard_input_holds_one_encoded_image(run, complete, image, piped):
    piped(image().read_bytes())
    assert run(complete(), "-") == (0, [f"standard input: {ANSWER}"], [])


def test_an_array_in_a_file_is_classified_as_the_image_with_its_pixels(run, complete, image, tmp_path):
    np.save(tmp_path / "b.npy", FRAME)
    code, out, err = run(complete(), image(), tmp_path / "b.npy")
    assert (code, err) == (0, [])
    assert [line.partition(": ")[2] for line in out] == [ANSWER, ANSWER]


def test_standard_input_is_resized_as_the_file_says(run, complete, image, piped):
    wide = np.concatenate([np.full((2, 1), 255, np.uint8), FRAME, np.full((2, 1), 255, np.uint8)], axis=1)
    piped(image(pixels=wide).read_bytes())
    frame = InputSpec(2, 2, 1, "crop", Normalization((0.0,), (1.0,)))
    assert run(complete(frame=frame), "-")[1] == [f"standard input: {ANSWER}"]


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"", "image standard input is empty (0 bytes)"), (b"text", "standard input is not an image that can be read")],
)
def test_standard_input_without_an_image_is_bad_input(run, complete, piped, data, message):
    piped(data)
    code, out, err = run(complete(), "-")
    assert (code, out, len(err)) == (3, [], 1)
    assert message in err[0]


def test_a_closed_standard_input_is_bad_input(run, complete, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert run(complete(), "-") == (3, [], ["standard input is closed: pipe an image into the command"])


def test_a_camera_gives_one_frame_or_as_many_as_are_asked_for(run, complete, film):
    path = complete()
    assert run(path, "--camera", film) == (0, [f"frame 1: {ANSWER}"], [])
    code, out, _ = run(path, "--camera", film, "--frames", 0, "--top", 1)
    assert (code, [line.split(":")[0] for line in out]) == (0, ["frame 1", "frame 2", "frame 3"])


def test_a_camera_without_a_module_is_6(run, complete, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    code, out, err = run(complete(), "--camera", "0")
    assert (code, out) == (6, [])
    assert 'pip install "edgeready-device[camera]"' in err[0]


def test_a_lost_camera_is_one_line_after_the_frames_that_it_gave(run, complete, film, monkeypatch):
    monkeypatch.setattr("edgeready_device.images.camera._SETTLING_FRAMES", 0)
    code, out, err = run(complete(), "--camera", "0", "--frames", 0, "--top", 1)
    assert (code, len(out)) == (3, 3)
    assert err == ["camera '0' is lost: it gives no more pictures after 3; check its cable"]


@pytest.mark.parametrize(
    ("source", "code", "message"),
    [
        ("picamera2:x", 2, "the camera is 'picamera2:x': give a number from 0 to 999, as 0 or picamera2:1"),
        ("-1", 2, "the camera is '-1': give a number from 0 to 999, as 0 or picamera2:1"),
        (
            "none.avi",
            4,
            "no camera or video 'none.avi': give a camera's number (ls /dev/video*), picamera2, a video ",
        ),
    ],
)
def test_a_camera_that_cannot_be_meant_is_one_line(run, complete, source, code, message):
    found, out, err = run(complete(), f"--camera={source}")
    assert (found, out, len(err)) == (code, [], 1)
    assert err[0].startswith(message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no image: name files, folders or patterns, - for standard input, or --camera"),
        (("a.png", "--camera", "0"), "--camera and a.png: give one of the two"),
        (("-", "a.png", "-"), "- stands twice: standard input holds one image"),
        (("a.png", "--threshold", "1.5"), "the threshold is 1.5: give a score from 0 to 1"),
        (("a.png", "--threshold", "nan"), "the threshold is nan: give a score from 0 to 1"),
        (("a.png", "--json", "--jsonl"), "--json writes one document at the end: take --jsonl for a line an image"),
        (("--camera", "0", "--frames", "-1"), "frames is -1: ask for 1 or more, or 0 for all"),
        (("a.png", "--resize", "fill"), "the resize rule is 'fill': choose stretch, crop, letterbox"),
        (("a.png", "--std", "0"), "--std is 0: nothing can be divided by it"),
    ],
)
def test_a_line_that_cannot_be_meant_is_a_usage_error(run, complete, arguments, message):
    code, out, err = run(complete(), *arguments)
    assert (code, out, len(err)) == (2, [], 1)
    assert err[0].startswith(message)


# -- what it writes --------------------------------------------------------------------------------------------


def test_one_bad_image_among_many_is_said_and_the_others_are_classified(run, complete, image, tmp_path):
    good, bad = image("a.png"), image("b.png")
    bad.write_bytes(bad.read_bytes()[:40])
    code, out, err = run(complete(), good, bad, tmp_path / "none.png", good)
    assert (code, out) == (3, [f"{good}: {ANSWER}"] * 2)
    assert [str(bad) in err[0], err[1]] == [True, f"no image '{tmp_path / 'none.png'}': check the path"]


def test_the_exit_code_is_that_of_the_first_bad_image(run, complete, image, tmp_path):
    bad = image("b.png")
    bad.write_bytes(b"no image")
    assert run(complete(), tmp_path / "none.png", bad)[0] == 4


def test_debug_shows_the_traceback_of_each_bad_image(run, complete, tmp_path):
    code, _, err = run(complete(), tmp_path / "none.png", "--debug")
    assert (code, err[0], err[-1]) == (
        4,
        "Traceback (most recent call last):",
        f"no image '{tmp_path / 'none.png'}': check the path",
    )


def test_json_lines_are_a_line_an_image_bad_ones_too(run, complete, image, tmp_path):
    good, none = image(), tmp_path / "none.png"
    code, out, err = run(complete(), good, none, "--jsonl", "--top", 1)
    found = [json.loads(line) for line in out]
    assert (code, len(err)) == (4, 1)
    assert found[0] == {
        "image": str(good),
        "predictions": [{"label": "left", "index": 0, "score": found[0]["predictions"][0]["score"]}],
    }
    assert found[1] == {"image": str(none), "error": f"no image '{none}': check the path"}


def test_one_document_has_the_bad_images_too(run, complete, image, tmp_path):
    code, out, _ = run(complete(), tmp_path / "none.png", image(), "--json")
    assert (code, len(out)) == (4, 1)
    assert [sorted(entry) for entry in json.loads(out[0])] == [["error", "image"], ["image", "predictions"]]


def test_labels_below_the_threshold_are_left_out(run, complete, image):
    path, file = image(), complete()
    assert run(file, path, "--threshold", "0.2")[1] == [f"{path}: left 52.5 %, both 28.1 %"]
    assert run(file, path, "--threshold", "0.9") == (0, [f"{path}: no label reaches the threshold"], [])


def test_each_line_is_written_as_its_image_is_done(complete, image):
    """A reader sees the first answer while the second image is still to come."""
    good = image()
    command = [sys.executable, "-m", "edgeready_device", "classify", complete(), good, "-", "--jsonl", "--top", "1"]
    child = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert json.loads(child.stdout.readline())["image"] == str(good)
    out, _ = child.communicate(good.read_bytes(), timeout=60)
    assert (child.returncode, json.loads(out)["image"]) == (0, "standard input")


def test_a_reader_that_has_seen_enough_is_no_error(complete, image):
    command = [sys.executable, "-m", "edgeready_device", "classify", str(complete()), *[str(image())] * 2000]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    child.stdout.readline()
    child.stdout.close()
    assert (child.wait(timeout=60), child.stderr.read()) == (0, b"")
    child.stderr.close()


# -- what the file does not say --------------------------------------------------------------------------------


def test_a_label_file_gives_the_names(run, model, image, tmp_path):
    labels = tmp_path / "names.txt"
    labels.write_text("0 cat\n2 owl\n")
    assert run(model("sums"), image(), "--labels", labels)[1] == [f"{image()}: cat 52.5 %, owl 28.1 %, 1 19.3 %"]


def test_labels_for_other_classes_are_bad_input(run, model, image, tmp_path):
    labels = tmp_path / "names.txt"
    labels.write_text("cat\ndog\n")
    code, out, err = run(model("sums"), image(), "--labels", labels)
    assert (code, out) == (3, [])
    assert err[0].startswith(f"{model('sums')}: 2 labels for 3 classes")


def test_mean_and_deviation_are_those_of_the_options(run, model, image):
    # (pixel - 4) / 0.5 is 24, 8, 0, 16; `sums` then has 2 + 24 / 8 ... : the logits 3, 1, 1.625
    code, out, _ = run(model("sums"), image(), "--mean", "4", "--std", "0.5", "--json")
    powers = np.exp([3.0, 1.0, 1.625])
    scores = [entry["score"] for entry in json.loads(out[0])[0]["predictions"]]
    assert (code, scores) == (0, pytest.approx((powers / powers.sum())[[0, 2, 1]], rel=1e-6))


def test_the_resize_rule_is_that_of_the_option(run, model, image):
    # the middle of 4x2 pixels is FRAME; stretched, the bright edges come in
    wide = np.concatenate([np.full((2, 1), 255, np.uint8), FRAME, np.full((2, 1), 255, np.uint8)], axis=1)
    path = image(pixels=wide)
    assert run(model("sums"), path, "--resize", "crop")[1] == [f"{path}: 0 52.5 %, 2 28.1 %, 1 19.3 %"]
    assert run(model("sums"), path)[1] != [f"{path}: 0 52.5 %, 2 28.1 %, 1 19.3 %"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("echo_float", ["--preset", "unit"]),
        ("echo_int8", []),
        ("echo_int16", ["--mean", "127.5", "--std", "127.5"]),
        ("echo_int16_pixels", []),
        ("echo_raw", []),
        ("quotient", ["--mean", "0", "--std", "1"]),
    ],
)
def test_float_and_signed_models_are_classified_too(run, model, image, name, options):
    code, out, err = run(model(name), image(), "--top", 1, *options)
    assert (code, err) == (0, [])
    assert out[0].startswith(f"{image()}: 0 ")


# -- what must be said before a foreign file can classify --------------------------------------------------------


def test_a_float_model_of_which_nothing_is_said_is_refused_in_one_line(run, model, image):
    code, out, err = run(model("echo_float"), image())
    assert (code, out, len(err)) == (3, [], 1)
    assert err[0].startswith(f"{model('echo_float')}: the file does not state the normalization of its float32 input")
    for remedy in ("--mean 127.5 --std 127.5", "--mean 0 --std 255", "--mean 0 --std 1", "teachable-machine"):
        assert remedy in err[0]


def test_metadata_that_contradicts_the_range_is_said_and_the_answer_is_right(run, model, image):
    code, out, err = run(model("sums_normalized"), image())
    assert (code, out) == (0, [f"{image()}: 0 52.5 %, 2 28.1 %, 1 19.3 %"])
    assert len(err) == 1
    assert "contradicts the input's range of 0 to 255: the range decides" in err[0]


def test_scores_that_are_no_numbers_are_an_entry_with_an_error_and_valid_json(run, model, tmp_path):
    black, grey = tmp_path / "black.npy", tmp_path / "grey.npy"
    np.save(black, np.zeros((2, 2), np.uint8))
    np.save(grey, np.full((2, 2), 7, np.uint8))
    for option in ("--json", "--jsonl"):
        code, out, err = run(model("quotient"), black, grey, "--preset", "raw", option, "--top", 1)
        entries = json.loads(out[0]) if option == "--json" else [json.loads(line) for line in out]
        message = f"{model('quotient')}: 4 of 4 scores that the model gives are no numbers (NaN or infinity)"
        assert code == 3
        assert [line.startswith(message) for line in err] == [True]
        assert entries[0]["error"].startswith(message)
        assert entries[1]["predictions"][0]["score"] == 0.25


def test_labels_go_before_wrong_ones_in_the_file(run, complete, image, tmp_path):
    path = complete(labels=b"left\nright\n")
    labels = tmp_path / "coins.txt"
    labels.write_text("1 cent\n2 cent\n5 cent\n", "utf-16")
    assert run(path, image(), "--top", 1, "--labels", labels)[:2] == (0, [f"{image()}: 1 cent 52.5 %"])
    code, out, err = run(path, image())
    assert (code, out) == (3, [])
    assert err == [
        f"{path}: 2 labels for 3 classes: give the file that belongs to the model, or the right ones with --labels "
        "(Description(labels=...))"
    ]


def test_the_output_and_what_it_holds_are_options(run, model, image):
    assert run(model("two_scores"), image(), "--output", 1, "--top", 1)[1] == [f"{image()}: 1 100.0 %"]
    code, out, err = run(model("two_scores"), image())
    assert (code, out) == (3, [])
    assert "say which output holds the scores with --output N" in err[0]
    options = ["--scores", "logits", "--mean", "0", "--std", "1", "--top", "1"]
    assert run(model("sigmoid_logit"), image(), *options)[1] == [f"{image()}: 1 100.0 %"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--preset", "imagenet"], "the preset is 'imagenet': choose raw, unit"),
        (["--color", "grb"], "the colour order is 'grb': choose rgb, bgr"),
        (["--layout", "hwc"], "the layout is 'hwc': choose nhwc, nchw"),
        (["--crop", "2"], "the crop is 2: give the share"),
        (["--output", "-1"], "the output is -1: outputs are counted from 0"),
        (["--scores", "percent"], "the scores are 'percent': choose logits or probabilities"),
    ],
)
def test_a_description_that_cannot_be_meant_is_a_usage_error(run, model, image, options, message):
    code, out, err = run(model("sums"), image(), *options)
    assert (code, out) == (2, [])
    assert err[0].startswith(message)
