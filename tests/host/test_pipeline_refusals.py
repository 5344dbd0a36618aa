"""What the main job refuses, with the real TensorFlow: one clear error, and no file."""

from __future__ import annotations

from functools import cache

import builds
import pytest
from builds import NEEDS_TENSORFLOW, NETS

from edgeready.config.build import BuildConfig, DataConfig, NetworkConfig, OutputConfig, TrainConfig
from edgeready.errors import ConversionError
from edgeready.readiness.negation import NORMALIZATION

pytestmark = [*NEEDS_TENSORFLOW, pytest.mark.slow]


def converts(function: str, *, epochs: int = 5):
    data = DataConfig(source=str(builds.bands(12, axis=False, one_hot=False)))
    return lambda out: BuildConfig(
        data=data,
        model=f"{NETS}:{function}",
        output=OutputConfig(out=out, save_keras=epochs > 5, log_csv=out.with_suffix(".csv")),
        train=TrainConfig(epochs=epochs),
        network=NetworkConfig(fix=False),
    )


CONVERTED = ("lstm", "vanishes", "arctan2")
TRAINED = "layer_normalization"
WEEKS = 10_000_000  # epochs that no test would see the end of


@cache
def refusals() -> dict[str, builds.Refused]:
    """Every case's outcome; made once."""
    cases = {name: converts(name) for name in CONVERTED} | {TRAINED: converts(TRAINED, epochs=WEEKS)}
    return builds.refused(cases, trained=(TRAINED,))


@pytest.mark.parametrize("name", [*CONVERTED, TRAINED])
def test_a_refused_build_leaves_no_file(name):
    assert refusals()[name].error is not None
    assert refusals()[name].left == []


def refusal(name: str) -> str:
    error = refusals()[name].error
    assert isinstance(error, ConversionError), error
    return str(error)


def test_layer_normalization_is_refused_with_a_remedy_before_it_is_trained():
    text = refusal("layer_normalization")
    assert text.startswith("op 5 NEG stays float32 (tensor '")
    assert text.endswith(f"it has no 8-bit form; {NORMALIZATION}")


def test_a_converter_that_crashes_on_an_lstm_is_contained():
    text = refusal("lstm")
    assert text.startswith("TensorFlow's converter crashed (SIG")
    assert "build recurrent layers (LSTM, GRU) again with unroll=True (docs" in text
    assert refusals()["lstm"].error.exit_code == 5


def test_a_file_that_ends_a_runtimes_reference_kernels_is_refused_and_not_met_in_this_process():
    text = refusal("vanishes")
    assert text.startswith("the uint8 file ends the reference kernels of ")
    assert "it was ended by SIGABRT" in text
    assert text.endswith("train it, or give calibration data that moves it")


def test_atan2_has_no_8_bit_form():
    assert " ATAN2 stays float32 (tensor '" in refusal("arctan2")
