from __future__ import annotations

import math

import numpy as np
import pytest

from edgeready_device.errors import UsageError
from edgeready_device.postprocess import Prediction, softmax, top_predictions

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
