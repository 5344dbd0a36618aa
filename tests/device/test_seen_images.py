"""Which images a file was trained or calibrated on, and what `evaluate` says of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from report_cases import LITERT

from edgeready_device import cli
from edgeready_device.errors import ModelFileError
from edgeready_device.evaluation import EvaluationReport, Familiarity, evaluate
from edgeready_device.model_file import seen_images
from edgeready_device.model_file.contract import Description
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.model_file.seen_images import NOT_LOOKED_UP, SeenImages, hash_frames
from edgeready_device.report.predictions import evaluation_json, evaluation_text
from edgeready_device.statistics import Proportion

FRAMES = np.arange(40, dtype=np.uint8).reshape(10, 2, 2)


def test_an_image_is_known_by_its_pixels():
    seen = SeenImages.of(FRAMES[:3], FRAMES[2:5])
    assert (seen.total, len(seen.hashes)) == (5, 5)
    assert seen.look_up(FRAMES).tolist() == [1] * 5 + [0] * 5
    assert seen.look_up(FRAMES[..., np.newaxis]).tolist() == [1] * 5 + [0] * 5
    assert seen.look_up(np.asfortranarray(FRAMES)).tolist() == [1] * 5 + [0] * 5
    assert seen.look_up(FRAMES[:0]).tolist() == []


def test_the_part_is_read_as_it_was_written():
    for known in (True, False):
        seen = SeenImages.of(FRAMES, training_known=known)
        again = SeenImages.from_bytes(seen.to_bytes())
        assert (again.total, again.hashes.tolist(), again.training_known) == (10, seen.hashes.tolist(), known)
        assert len(seen.to_bytes()) == 16 + 8 * 10


def test_of_a_large_set_a_sample_is_looked_up(monkeypatch):
    monkeypatch.setattr(seen_images, "MOST_HASHES", 4)
    frames = np.arange(400, dtype=np.uint16).view(np.uint8).reshape(100, 2, 4)
    seen = SeenImages.of(frames[:50])
    assert (seen.total, len(seen.hashes)) == (50, 4)
    answers = SeenImages.from_bytes(seen.to_bytes()).look_up(frames)
    assert (answers[:50] == 1).sum() == 4
    assert (answers[:50] == NOT_LOOKED_UP).sum() == 46
    assert set(answers[50:].tolist()) == {0, NOT_LOOKED_UP}
    assert (answers == NOT_LOOKED_UP).tolist() == (hash_frames(frames) > seen.hashes[-1]).tolist()


GOOD = SeenImages.of(FRAMES).to_bytes()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GOOD[:15],
        GOOD[:-1],
        b"XEEN" + GOOD[4:],
        GOOD[:8] + b"\x09" + GOOD[9:],  # 9 images, 10 hashes
        GOOD[:8] + b"\x0b" + GOOD[9:16],  # 11 images, no hash
        GOOD[:16] + GOOD[24:32] + GOOD[16:24] + GOOD[32:],
        GOOD[:24] + GOOD[16:24] + GOOD[32:],
    ],
)
def test_a_part_that_is_no_list_of_hashes_is_refused(data):
    with pytest.raises(ModelFileError, match=r"^seen\.bin (is no list|holds \d+ hashes of \d+, or unsorted)"):
        SeenImages.from_bytes(data)


# -- evaluate ----------------------------------------------------------------------------------------------------


@pytest.fixture
def known(complete):
    """A file that was trained on six of the ten frames."""
    return lambda **options: complete(extra={"seen.bin": SeenImages.of(FRAMES[:6], **options).to_bytes()})


def test_an_evaluation_says_how_many_images_were_in_the_training(faked, known):
    model = faked(known(), lambda tensor: np.array([[26, 18, 21]], np.uint8))  # always class 0
    report = evaluate(model, FRAMES, np.array([0] * 6 + [0, 1, 1, 1]), workers=1)
    assert (report.top1, report.familiarity.share, report.top1_unseen) == (
        Proportion(7, 10),
        Proportion(6, 10),
        Proportion(1, 4),
    )
    line = evaluation_text(report, LITERT).splitlines()[3]
    assert line == (
        "seen before  6 of 10 images were in training or calibration; top-1 of the others 25.00 % (4.56 to 69.94, "
        "1 of 4)"
    )
    found = evaluation_json(report, LITERT)["seen"]
    assert (found["images"], found["looked_up"], found["training_known"]) == (6, 10, True)
    assert found["top1_unseen"]["hits"] == 1


def test_no_image_of_the_training_is_said_too(faked, known):
    model = faked(known(), lambda tensor: np.array([[26, 18, 21]], np.uint8))
    report = evaluate(model, FRAMES[6:], np.zeros(4, int))
    assert (
        evaluation_text(report, LITERT).splitlines()[3]
        == "seen before  0 of 4 images were in training or calibration"
    )
    assert evaluation_json(report, LITERT)["seen"]["top1_unseen"] is None


def test_a_training_elsewhere_is_not_known(faked, known):
    model = faked(known(training_known=False), lambda tensor: np.array([[26, 18, 21]], np.uint8))
    text = evaluation_text(evaluate(model, FRAMES[:8], np.zeros(8, int)), LITERT)
    expected = (
        "6 of 8 images were in the calibration; the training was elsewhere and is not known; top-1 of the others"
    )
    assert expected in text


def test_what_cannot_be_looked_up_is_said():
    familiarity = Familiarity(np.array([1, 0, NOT_LOOKED_UP, NOT_LOOKED_UP], np.int8))
    outputs = np.array([[9, 0], [0, 9], [9, 0], [9, 0]], np.uint8)
    report = EvaluationReport(("cat", "dog"), np.array([0, 0, 0, 0]), outputs, familiarity)
    text = evaluation_text(report, LITERT)
    assert "1 of 2 images (the others of 4 cannot be looked up) were in training or calibration; top-1 of" in text


def test_a_file_without_hashes_cannot_know(faked, complete):
    model = faked(complete(), lambda tensor: np.array([[26, 18, 21]], np.uint8))
    report = evaluate(model, FRAMES, np.zeros(10, int))
    assert report.familiarity is None
    assert evaluation_json(report, LITERT)["seen"] is None
    assert evaluation_text(report, LITERT).splitlines()[3] == (
        "seen before  cannot be known: the file holds no hashes of the images that it was trained on"
    )


def test_frames_that_are_cut_otherwise_than_the_file_says_are_not_looked_up(faked, known):
    model = faked(known(), lambda tensor: np.array([[26, 18, 21]], np.uint8))
    other = model.described_as(Description(resize="crop"))
    assert evaluate(other, FRAMES, np.zeros(10, int)).familiarity is None
    same = model.described_as(Description(labels=("a", "b", "c")))
    assert evaluate(same, FRAMES, np.zeros(10, int)).familiarity.share.hits == 6


def test_the_command_says_it_of_a_folder(known, tmp_path, capsys):
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    for number, frame in enumerate(FRAMES[4:8]):
        folder = tmp_path / "data" / "left"
        folder.mkdir(parents=True, exist_ok=True)
        pillow.fromarray(frame).save(folder / f"{number}.png")
    assert cli.main(["evaluate", str(known()), str(tmp_path / "data"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["seen"]
    assert (found["images"], found["looked_up"]) == (2, 4)


def test_a_damaged_part_is_bad_input(complete, tmp_path):
    file = read_model_file(complete(extra={"seen.bin": b"SEEN"}))
    with pytest.raises(ModelFileError, match=r"seen\.bin is no list of hashes"):
        _ = file.seen_images
