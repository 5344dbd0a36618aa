"""What a training in 8 bits has changed is told beside the network as it came, and refused where it did harm."""

from __future__ import annotations

import numpy as np
import pytest

from edgeready.errors import AgreementError
from edgeready.proof.qat_gain import find_gain
from edgeready_device.evaluation import EvaluationReport
from edgeready_device.text import proportion_json

CLASSES = ("ant", "bee")
TRUTH = np.arange(40) % 2


def answers(*wrong):
    """The answers of a model that is wrong on the images with the numbers `wrong`."""
    given = TRUTH.copy()
    given[list(wrong)] ^= 1
    return EvaluationReport(CLASSES, TRUTH, np.eye(2, dtype=np.uint8)[given])


def test_a_gain_holds_the_network_as_it_came_and_which_images_changed():
    gain = find_gain({"float32": answers(0), "uint8": answers(0, 1, 2)}, answers(2, 3), "uint8", 1)
    assert (gain.float32.hits, gain.plain.hits, gain.tuned.hits, gain.tuned.count) == (39, 37, 38, 40)
    assert gain.to_dict() == {
        "float32_as_it_came": proportion_json(gain.float32),
        "without_qat": proportion_json(gain.plain),
        "with_qat": proportion_json(gain.tuned),
        "kept_epoch": 1,
        "lost": 1,
        "gained": 2,
        "p_value": 1.0,
    }


def test_a_network_that_has_no_file_without_the_training_has_no_comparison():
    gain = find_gain({"float32": answers(0)}, answers(), "int8", 1)
    assert (gain.plain, gain.drop) == (None, None)
    assert gain.to_dict() == {
        "float32_as_it_came": proportion_json(gain.float32),
        "without_qat": None,
        "with_qat": proportion_json(gain.tuned),
        "kept_epoch": 1,
    }


@pytest.mark.parametrize("lost", [1, 5])
def test_a_loss_that_chance_explains_is_kept(lost):
    gain = find_gain({"float32": answers(), "uint8": answers()}, answers(*range(lost)), "uint8", 1)
    assert (gain.drop.lost, gain.drop.gained) == (lost, 0)


def test_a_gain_however_large_is_kept():
    assert find_gain({"float32": answers(), "uint8": answers(*range(20))}, answers(), "uint8", 1).drop.gained == 20


def test_a_training_that_made_the_file_significantly_worse_is_refused_with_both_figures_and_the_way_out():
    with pytest.raises(
        AgreementError,
        match=r"^leave out --qat: with it the uint8 file is right on 85\.00 % of the test images and without it on "
        r"100\.00 % \(p = 0\.031\); or give more images, or another number of epochs$",
    ) as caught:
        find_gain({"float32": answers(), "uint8": answers()}, answers(*range(6)), "uint8", 1)
    assert caught.value.exit_code == 1
