"""Whether a file without labelled images still gives its float32 model's outputs."""

from __future__ import annotations

import numpy as np
import pytest

from edgeready.errors import AgreementError
from edgeready.proof.fidelity import Fidelity, check_fidelity, compare_outputs

NAN, INF = float("nan"), float("inf")


def fidelity(expected: list[float], actual: list[float], name: str = "out") -> Fidelity:
    return compare_outputs(name, np.array(expected, np.float64), np.array(actual, np.float64))


@pytest.mark.parametrize(
    ("expected", "actual"),
    [([1, 2], [1, NAN]), ([1, 2], [1, INF]), ([NAN, 2], [1, 2]), ([INF, 2], [1, 2]), ([INF, 2], [-INF, 2])],
)
def test_a_value_that_is_finite_on_one_side_only_is_refused(expected: list[float], actual: list[float]) -> None:
    with pytest.raises(AgreementError, match="the output 'out' of the float16 file is -inf dB from"):
        check_fidelity([fidelity(expected, actual)], "float16")


@pytest.mark.parametrize("last", [False, True])
def test_one_lost_output_is_named_whatever_stands_beside_it(last: bool) -> None:
    outputs = [fidelity([1, 2], [NAN, NAN], "lost"), fidelity([1, 2], [1, 2], "kept")]
    with pytest.raises(AgreementError, match="the output 'lost'"):
        check_fidelity(outputs[::-1] if last else outputs, "uint8")


def test_more_error_than_signal_is_refused() -> None:
    with pytest.raises(AgreementError, match=r"-2\.0 dB"):
        check_fidelity([fidelity([1, 2], [3, 4])], "uint8")


def test_as_much_signal_as_error_passes() -> None:
    check_fidelity([fidelity([2, 2], [4, 4])], "uint8")


@pytest.mark.parametrize("odd", [NAN, INF, -INF])
def test_values_that_no_number_is_in_both_are_no_error(odd: float) -> None:
    same = fidelity([odd, 2], [odd, 2])
    assert same == Fidelity(output="out", snr_db=INF, largest_error=0.0, largest_value=2.0)
    check_fidelity([same], "float16")
