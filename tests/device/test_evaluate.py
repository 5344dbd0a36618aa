from __future__ import annotations

import numpy as np
import pytest

from edgeready_device.errors import DatasetError, ImageError, UsageError
from edgeready_device.evaluation import EvaluationReport, evaluate
from edgeready_device.model import Model
from edgeready_device.statistics import Proportion

# Outputs of four classes for five frames: predicted 1, 0, 3, 0 (a tie of 0 and 2), 2.
OUTPUTS = np.array([[1, 9, 2, 3], [9, 1, 2, 3], [1, 2, 3, 9], [7, 0, 7, 1], [0, 0, 1, 0]], np.uint8)
TRUTH = np.array([1, 0, 2, 2, 2])
REPORT = EvaluationReport(("a", "b", "c", "d"), TRUTH, OUTPUTS)


def test_of_equal_scores_the_lower_index_is_predicted():
    assert REPORT.predictions.tolist() == [1, 0, 3, 0, 2]


def test_top1_counts_the_right_ones():
    assert REPORT.top1 == Proportion(3, 5)


def test_top5_of_fewer_classes_is_everything():
    assert REPORT.top5 == Proportion(5, 5)


def test_top5_looks_at_the_best_five_and_keeps_the_lower_of_equals():
    outputs = np.array([[0, 9, 9, 9, 9, 9, 9], [9, 1, 8, 7, 6, 0, 5]], np.uint8)
    assert EvaluationReport(tuple("abcdefg"), np.array([6, 6]), outputs).top5 == Proportion(1, 2)
    assert EvaluationReport(tuple("abcdefg"), np.array([5, 1]), outputs).top5 == Proportion(1, 2)


def test_top5_of_int8_and_uint8_outputs_does_not_wrap_around():
    # -(-128) is -128 in int8, and -1 is 255 in uint8
    outputs = np.array([[-128, 1, 2, 3, 4, 5]], np.int8)
    assert EvaluationReport(tuple("abcdef"), np.array([0]), outputs).top5 == Proportion(0, 1)


def test_confusion_has_the_truth_in_rows():
    assert REPORT.confusion.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 1, 1], [0, 0, 0, 0]]


def test_each_class_has_its_share_and_a_class_without_frames_has_none():
    assert REPORT.per_class == (Proportion(1, 1), Proportion(1, 1), Proportion(1, 3), Proportion(0, 0))


# -- the run ---------------------------------------------------------------------------------------------------


def _frames(count: int) -> np.ndarray:
    """Frames for `rank3` (8 classes, which gives its pixels back): frame i has its one pixel of 200 at i % 8."""
    frames = np.zeros((count, 2, 4), np.uint8)
    frames.reshape(count, 8)[np.arange(count), np.arange(count) % 8] = 200
    return frames


def test_known_predictions_give_the_known_accuracy(runtime, model):
    truth = np.arange(150) % 8
    truth[:30] = 7
    found = evaluate(Model.load(model("rank3"), runtime=runtime.name), _frames(150), truth)
    assert found.predictions.tolist() == [i % 8 for i in range(150)]
    assert found.top1 == Proportion(150 - 30 + 3, 150)
    assert found.outputs.tolist() == _frames(150).reshape(150, 8).tolist()
    assert found.labels == tuple("01234567")


@pytest.mark.parametrize("count", [1, 63, 64, 65, 300])
def test_workers_do_not_change_the_answer(runtime, model, count):
    loaded = Model.load(model("rank3"), runtime=runtime.name)
    frames, truth = _frames(count), np.arange(count) % 8
    reports = [evaluate(loaded, frames, truth, workers=workers) for workers in (1, 2, 5)]
    assert [report.top1 for report in reports] == [Proportion(count, count)] * 3
    assert all((report.outputs == frames.reshape(count, 8)).all() for report in reports)


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_rises_to_the_total(model, workers):
    seen = []
    evaluate(
        Model.load(model("rank3")),
        _frames(200),
        np.arange(200) % 8,
        workers=workers,
        progress=lambda label, done, total: seen.append((done, total)),
    )
    assert [total for _, total in seen] == [200] * 4
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (200, 200)


def test_frames_are_asked_for_in_slices(faked):
    class Frames:
        asked: list[slice]

        def __init__(self):
            self.asked = []

        def __len__(self):
            return 130

        def __getitem__(self, which):
            self.asked.append(which)
            return _frames(130)[which]

    frames = Frames()
    model = faked("rank3", lambda tensor: tensor.reshape(1, 8))
    assert evaluate(model, frames, np.arange(130) % 8, workers=1).top1 == Proportion(130, 130)
    assert frames.asked == [slice(0, 64), slice(64, 128), slice(128, 192)]


def test_labels_may_be_a_column(faked):
    model = faked("rank3", lambda tensor: tensor.reshape(1, 8))
    assert evaluate(model, _frames(8), np.arange(8).reshape(8, 1)).top1 == Proportion(8, 8)


@pytest.mark.parametrize(("value", "shown"), [(-1, -1), (8, 8), (255, 255)])
def test_a_label_outside_the_classes_is_refused(faked, value, shown):
    with pytest.raises(DatasetError, match=f"the label {shown} is outside the model's 8 classes") as caught:
        evaluate(faked("rank3", None), _frames(3), np.array([0, value, 1]))
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(("frames", "labels"), [(3, 2), (0, 0), (0, 1), (2, 3)])
def test_a_label_a_frame_is_needed(faked, frames, labels):
    with pytest.raises(DatasetError, match=f"{frames} frames and {labels} labels: give one label a frame"):
        evaluate(faked("rank3", None), _frames(frames), np.zeros(labels, np.int64))


@pytest.mark.parametrize("workers", [0, -2])
def test_fewer_than_one_worker_is_refused(faked, workers):
    with pytest.raises(UsageError, match=f"workers is {workers}: ask for at least 1"):
        evaluate(faked("rank3", None), _frames(1), np.zeros(1, np.int64), workers=workers)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_worker_reaches_the_caller(model, workers):
    frames = np.zeros((200, 3, 3), np.uint8)
    with pytest.raises(ImageError, match=r"the frame has the shape \[3, 3\], the model takes \[2, 4, 1\]"):
        evaluate(Model.load(model("rank3")), frames, np.zeros(200, np.int64), workers=workers)


def test_an_error_in_progress_reaches_the_caller(faked):
    def stop(stage, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(
            faked("rank3", lambda t: t.reshape(1, 8)), _frames(100), np.zeros(100, int), workers=1, progress=stop
        )
