"""What the main job refuses, with the real TensorFlow: one clear error, and no file."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import builds
import pytest
from builds import NEEDS_TENSORFLOW, NETS

from edgeready.config.build import BuildConfig, DataConfig, NetworkConfig, OutputConfig, TrainConfig
from edgeready.errors import ConversionError, ModelSourceError

pytestmark = [*NEEDS_TENSORFLOW, pytest.mark.slow]


def converts(function: str):
    data = DataConfig(source=str(builds.bands(12, axis=False, one_hot=False)))
    return lambda out: BuildConfig(
        data=data,
        model=f"{NETS}:{function}",
        output=OutputConfig(out=out),
        network=NetworkConfig(fix=False),
    )


def transfers(weights: Path):
    data = DataConfig(source=str(builds.photos()), image_size=(32, 32))
    return lambda out: BuildConfig(
        data=data,
        model="mobilenet",
        output=OutputConfig(out=out),
        train=TrainConfig(epochs=1),
        network=NetworkConfig(weights=str(weights)),
    )


CONVERTED = ("elu", "leaky", "layer_normalization", "lstm", "seven", "vanishes", "arctan2")
WRONG = "wrong weights"


@cache
def refusals() -> dict[str, builds.Refused]:
    """Every case's outcome; made once."""
    cases = {name: converts(name) for name in CONVERTED}
    cases[WRONG] = transfers(builds.tensorflow_cases()[0] / "narrow.weights.h5")
    return builds.refused(cases, train={WRONG})


@pytest.mark.parametrize("name", [*CONVERTED, WRONG])
def test_a_refused_build_leaves_no_file(name):
    assert refusals()[name].error is not None
    assert refusals()[name].left == []


def refusal(name: str, kind: type[Exception]) -> str:
    error = refusals()[name].error
    assert type(error) is kind, error
    return str(error)


def test_elu_is_refused_with_op_tensor_and_remedy():
    text = refusal("elu", ConversionError)
    assert text.startswith("op 4 ELU stays float32 (tensor '")
    assert text.endswith("[1, 10, 10, 4]): it has no 8-bit form; use ReLU or ReLU6 in its place")


def test_layer_normalization_is_refused_with_a_remedy():
    text = refusal("layer_normalization", ConversionError)
    assert text.startswith("op 5 NEG stays float32 (tensor '")
    assert text.endswith("LayerNormalization does this: use BatchNormalization in its place")


def test_leaky_relu_is_integer_but_not_ready_and_the_way_out_is_named():
    text = refusal("leaky", ConversionError)
    assert text.startswith("the Edge TPU would map ")
    assert "LEAKY_RELU" in text
    assert text.endswith("; or accept it with --allow-cpu-ops")


def test_a_converter_that_crashes_on_an_lstm_is_contained():
    text = refusal("lstm", ConversionError)
    assert text.startswith("TensorFlow's converter crashed (SIG")
    assert "recurrent layers (LSTM, GRU) do this" in text
    assert refusals()["lstm"].error.exit_code == 5


def test_a_file_that_ends_a_runtimes_reference_kernels_is_refused_and_not_met_in_this_process():
    text = refusal("vanishes", ConversionError)
    assert text.startswith("the uint8 file ends the reference kernels of ")
    assert "it was ended by SIGABRT" in text
    assert text.endswith("train it, or give calibration data that moves it")


def test_atan2_has_no_8_bit_form():
    assert " ATAN2 stays float32 (tensor '" in refusal("arctan2", ConversionError)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("seven", "the model has 7 outputs, the data 3 classes: they must agree"),
        (WRONG, "do not load into mobilenet ("),
    ],
)
def test_a_source_that_cannot_be_used_is_named_with_the_reason(name, said):
    assert said in refusal(name, ModelSourceError)
