from __future__ import annotations

import copy
import dataclasses
import math

import numpy as np
import pytest

from edgeready_device.errors import ModelFileError, UsageError
from edgeready_device.postprocess import Prediction, Scorer, softmax, top_predictions, two_classes
from edgeready_device.quantization import QuantParams, dequantize

LABELS = ("cat", "dog", "owl", "fox")
SCORES = np.array([0.125, 0.5, 0.25, 0.125], np.float32)


def test_softmax_of_known_logits():
    found = softmax(np.array([0.0, math.log(3)], np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [0.25, 0.75], rtol=1e-6)


def test_softmax_of_equal_logits_is_even():
    assert softmax(np.zeros(4, np.float32)).tolist() == [0.25] * 4


def test_softmax_of_huge_logits_does_not_overflow():
    assert softmax(np.array([1e30, 0.0, -1e30], np.float32)).tolist() == [1.0, 0.0, 0.0]


def test_the_best_label_comes_first():
    assert top_predictions(SCORES, LABELS, 2) == [Prediction("dog", 1, 0.5), Prediction("owl", 2, 0.25)]


def test_equal_scores_keep_the_lower_index_first():
    assert [p.index for p in top_predictions(SCORES, LABELS, 4)] == [1, 2, 0, 3]


def test_equal_scores_of_many_classes_keep_their_order_too():
    # numpy sorts up to 16 values in a stable way by chance
    labels = [str(i) for i in range(1000)]
    scores = np.tile(np.array([0.5, 0.25], np.float32), 500)
    found = [p.index for p in top_predictions(scores, labels, 1000)]
    assert found == [*range(0, 1000, 2), *range(1, 1000, 2)]


def test_asking_for_more_labels_than_there_are_gives_them_all():
    assert [p.label for p in top_predictions(SCORES, LABELS, 99)] == ["dog", "owl", "cat", "fox"]


def test_scores_are_plain_floats():
    assert type(top_predictions(SCORES, LABELS, 1)[0].score) is float
    assert type(top_predictions(SCORES, LABELS, 1)[0].index) is int


@pytest.mark.parametrize("top", [0, -3])
def test_fewer_than_one_label_is_refused(top):
    with pytest.raises(UsageError, match=f"top is {top}: ask for at least 1") as caught:
        top_predictions(SCORES, LABELS, top)
    assert caught.value.exit_code == 2


# -- the scorer ------------------------------------------------------------------------------------------------

QUANT = QuantParams(1 / 8, 10)


def _names(count: int) -> list[str]:
    return [f"c{i}" for i in range(count)]


@pytest.mark.parametrize("classes", [2, 10, 63, 64, 300])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "float32"])
@pytest.mark.parametrize("scores", ["logits", "probabilities"])
@pytest.mark.parametrize("top", [1, 5])
def test_scores_are_those_of_the_real_values(classes, dtype, scores, top):
    raw = np.random.default_rng(classes).integers(0, 128, classes).astype(dtype)
    quant = None if dtype == "float32" else QUANT
    values = raw.astype(np.float32) if quant is None else dequantize(raw, quant)
    expected = top_predictions(softmax(values) if scores == "logits" else values, _names(classes), top)
    found = Scorer(_names(classes), scores, quant, dtype)(raw, top)
    assert [(p.label, p.index) for p in found] == [(p.label, p.index) for p in expected]
    assert [p.score for p in found] == pytest.approx([p.score for p in expected], rel=1e-6)
    assert {(type(p.index), type(p.score)) for p in found} == {(int, float)}


@pytest.mark.parametrize("classes", [2, 64, 300])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "float32"])
@pytest.mark.parametrize("scores", ["logits", "probabilities"])
def test_the_scores_of_all_classes_are_those_of_the_predictions(classes, dtype, scores):
    raw = np.random.default_rng(classes).integers(0, 128, classes).astype(dtype)
    scorer = Scorer(_names(classes), scores, None if dtype == "float32" else QUANT, dtype)
    found = scorer.scores(raw)
    assert (found.dtype, found.shape) == (np.float32, (classes,))
    assert [float(found[p.index]) for p in scorer(raw, classes)] == pytest.approx(
        [p.score for p in scorer(raw, classes)], rel=1e-6
    )


def test_the_scores_of_one_number_are_those_of_two_classes():
    scorer = Scorer(_names(2), "probabilities", None, "float32", binary=True)
    assert scorer.scores(np.array([0.25], np.float32)).tolist() == [0.75, 0.25]


def test_scores_that_are_no_numbers_are_refused_all_together_too():
    with pytest.raises(ModelFileError, match=r"^m\.tflite: 1 of 2 scores that the model gives are no numbers"):
        Scorer(_names(2), "logits", None, "float32", name="m.tflite: ").scores(np.array([np.nan, 1], np.float32))


@pytest.mark.parametrize("classes", [6, 100])
@pytest.mark.parametrize("scores", ["logits", "probabilities"])
def test_equal_outputs_keep_the_lower_index_first(classes, scores):
    raw = np.zeros(classes, np.uint8)
    raw[[5, 2, 3]] = 200, 200, 100
    scorer = Scorer(_names(classes), scores, QUANT, "uint8")
    assert [p.index for p in scorer(raw, 5)] == [2, 5, 3, 0, 1]
    assert [p.index for p in scorer(raw, 1)] == [2]


@pytest.mark.parametrize("classes", [3, 70])
def test_the_extremes_of_a_byte_do_not_wrap_around(classes):
    for dtype, least, greatest in (("uint8", 0, 255), ("int8", -128, 127)):
        raw = np.full(classes, least, dtype)
        raw[1] = greatest
        found = Scorer(_names(classes), "logits", QuantParams(1 / 16, 0), dtype)(raw, 1)[0]
        assert (found.index, found.score) == (1, pytest.approx(1 / (1 + (classes - 1) * math.exp(-255 / 16))))


def test_logits_with_a_large_scale_neither_overflow_nor_divide_by_nothing():
    found = Scorer(_names(3), "logits", QuantParams(1e6, 0), "uint8")(np.array([0, 0, 0], np.uint8), 3)
    assert [p.score for p in found] == [1 / 3] * 3
    found = Scorer(_names(3), "logits", QuantParams(1e6, 0), "uint8")(np.array([0, 255, 0], np.uint8), 2)
    assert [p.score for p in found] == [1.0, 0.0]


def test_labels_below_the_threshold_are_left_out():
    scorer = Scorer(LABELS, "probabilities", QuantParams(1 / 256, 0), "uint8")
    raw = np.array([128, 64, 63, 1], np.uint8)
    assert [p.label for p in scorer(raw, 4, 0.25)] == ["cat", "dog"]
    assert [p.label for p in scorer(raw, 4, 0.5)] == ["cat"]
    assert scorer(raw, 4, 0.51) == []


@pytest.mark.parametrize("top", [0, -1])
def test_the_scorer_refuses_to_give_no_label(top):
    with pytest.raises(UsageError, match=f"top is {top}: ask for at least 1"):
        Scorer(LABELS, "logits", QUANT, "uint8")(np.zeros(4, np.uint8), top)


@pytest.mark.parametrize("scores", ["probabilities", "logits"])
@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_the_best_class_alone_is_the_first_of_more_with_its_threshold(dtype, scores):
    scorer = Scorer(LABELS, scores, QuantParams(1 / 256, int(np.iinfo(dtype).min)), dtype)
    rows = np.random.default_rng(3).integers(np.iinfo(dtype).min, np.iinfo(dtype).max + 1, (500, len(LABELS)), dtype)
    for row in rows.repeat(2, axis=0):
        found = scorer(row, 2)
        assert scorer(row, 1) == found[:1]
        assert scorer(row, 1, found[0].score) == found[:1]
        assert scorer(row, 1, found[0].score + 0.001) == []


def test_a_refusal_is_raised_in_place_of_every_answer():
    scorer = Scorer(LABELS, "probabilities", QuantParams(1 / 256, 0), "uint8", refusal="m.tflite: two labels")
    for top in (1, 2):
        with pytest.raises(ModelFileError, match=r"^m\.tflite: two labels$"):
            scorer(np.zeros(len(LABELS), np.uint8), top)
    with pytest.raises(ModelFileError, match=r"^m\.tflite: two labels$"):
        scorer.scores(np.zeros(len(LABELS), np.uint8))


def test_one_number_is_two_classes():
    assert two_classes(np.array([[0.25], [1.0]], np.float32), "probabilities").tolist() == [[0.75, 0.25], [0.0, 1.0]]
    assert two_classes(np.array([[-2.0]], np.float32), "logits").tolist() == [[0.0, -2.0]]
    assert two_classes(np.array([0.25], np.float32), "probabilities").tolist() == [0.75, 0.25]


def test_a_prediction_is_a_frozen_value():
    cat = Prediction("cat", 0, 0.5)
    assert cat == Prediction(label="cat", index=0, score=0.5)
    assert repr(cat) == "Prediction(label='cat', index=0, score=0.5)"
    assert len({cat, Prediction("cat", 0, 0.5), Prediction("cat", 0, 0.25)}) == 2
    assert dataclasses.asdict(cat) == {"label": "cat", "index": 0, "score": 0.5}
    assert dataclasses.replace(cat, score=0.25) == Prediction("cat", 0, 0.25)
    assert copy.deepcopy(cat) == cat
    with pytest.raises(dataclasses.FrozenInstanceError):
        cat.score = 1.0
