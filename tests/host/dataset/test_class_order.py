from __future__ import annotations

import numpy as np

from edgeready.dataset import alternate_classes, rank_in_class

LABELS = np.array([2, 2, 0, 2, 0, 1], np.int64)


def test_a_rank_counts_the_images_of_the_same_class_before_it():
    assert rank_in_class(LABELS).tolist() == [0, 1, 0, 2, 1, 0]


def test_the_first_of_each_class_come_before_the_second_of_any():
    order = alternate_classes(LABELS)
    assert order.tolist() == [0, 2, 5, 1, 4, 3]
    assert LABELS[order].tolist() == [2, 0, 1, 2, 0, 2]


def test_no_labels_have_no_order():
    assert alternate_classes(LABELS[:0]).tolist() == []
