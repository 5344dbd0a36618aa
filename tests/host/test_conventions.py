"""How pixels go into a trained network: found out by trying on labelled images, or refused with both figures."""

from __future__ import annotations

from types import SimpleNamespace

import builds
import numpy as np
import pytest
import typer
from tflite_models import O, T, tflite

from edgeready.cli.making import run_build
from edgeready.config.build import BuildConfig, DataConfig, NetworkConfig
from edgeready.errors import ConversionError, UsageError
from edgeready.quantization.conventions import Convention, settle_convention, usual_conventions
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.normalization import PRESETS, Normalization

SIZE = 4
BOUND = 110  # images whose mean is above it are of the class 1


def convention(name: str) -> Convention:
    preset = PRESETS[name]
    return Convention(name=name, normalization=preset.normalization, color=preset.color or "rgb")


def network(name: str, channel: int = 0, channels: int = 1, last: str = "") -> TfliteModel:
    """One dense layer that tells images above BOUND from those below, when pixels go in by the convention `name`.

    It looks at one channel of those that go in.
    """
    normalization = PRESETS[name].normalization
    mean, std = (values[channel % len(values)] for values in (normalization.mean, normalization.std))
    weights = np.zeros((2, SIZE * SIZE, channels), np.float32)
    weights[1, :, channel] = std
    bias = np.array([0, SIZE * SIZE * (mean - BOUND)], np.float32)
    return dense(weights.reshape(2, -1), bias, channels, last)


def dense(weights: np.ndarray, bias: np.ndarray, channels: int, last: str = "") -> TfliteModel:
    count, pixels = len(bias), SIZE * SIZE * channels
    tensors = [
        T("image", (1, SIZE, SIZE, channels), "float32"),
        T("flat", (1, pixels), "float32"),
        T("scores", (1, count), "float32"),
        T("weights", data=weights.reshape(count, pixels).astype(np.float32)),
        T("bias", data=bias.astype(np.float32)),
        T("sizes", data=np.array([1, pixels], np.int32)),
        T("shares", (1, count), "float32"),
    ]
    ops = [
        O("RESHAPE", ["image", "sizes"], ["flat"]),
        O("FULLY_CONNECTED", ["flat", "weights", "bias"], ["scores"]),
        *([O(last, ["scores"], ["shares"])] if last else []),
    ]
    return TfliteModel(tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["shares" if last else "scores"]))


def images(count: int, channels: int = 1, channel: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noise around 60 and 160 in `channel`, the other channels the other way round, and their classes."""
    random = np.random.default_rng(1)
    labels = np.arange(count) % 2
    level = np.where(labels, 160, 60)[:, None, None, None]
    values = np.repeat(220 - level, channels, axis=3)
    values = np.broadcast_to(values, (count, SIZE, SIZE, channels)).copy()
    values[..., channel] = level[..., 0]
    return (values + random.integers(-20, 20, values.shape)).astype(np.uint8), labels.astype(np.int64)


# -- nothing is said ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["unit", "signed-unit", "raw"])
def test_the_convention_of_a_grey_network_is_found(name):
    frames, labels = images(80)
    settled, report = settle_convention(network(name), frames, labels, convention("unit"), stated=False)
    assert (settled.name, report.changed) == (name, name != "unit")
    assert (report.trials[0].name, report.trials[0].right, report.trials[0].count) == (name, 64, 64)


@pytest.mark.parametrize("name", ["unit", "signed-unit", "raw", "torchvision", "keras-resnet"])
def test_the_convention_and_the_order_of_a_colour_network_are_found(name):
    order = PRESETS[name].color or "rgb"
    frames, labels = images(80, 3, channel=0)  # red says it; it comes last in a network that takes blue first
    model = network(name, 2 if order == "bgr" else 0, 3)
    settled, report = settle_convention(model, frames, labels, convention("unit"), stated=False)
    assert settled.color == order
    assert report.trials[0].right == 64
    right = {trial.name: trial.right for trial in report.trials}
    assert right[name] == 64


def test_frames_without_a_channel_axis_are_grey():
    frames, labels = images(80)
    settled, _ = settle_convention(network("raw"), frames[..., 0], labels, convention("unit"), stated=False)
    assert settled.name == "raw"


def test_a_small_difference_is_looked_at_on_more_images():
    frames, labels = images(1000)
    labels[::5] = 1 - labels[::5]  # a fifth of the labels is wrong, and one way is right on the others
    settled, report = settle_convention(network("raw"), frames, labels, convention("unit"), stated=False)
    assert (settled.name, report.trials[0].count) == ("raw", 64)
    frames[:, :, :, :] = np.where(labels, 118, 102)[:, None, None, None]
    rest = np.random.default_rng(2).random(1000) < 0.85
    frames[rest] = 140
    settled, report = settle_convention(network("raw"), frames, labels, convention("unit"), stated=False)
    assert report.trials[0].count == 1000


def test_without_a_significant_difference_the_assumed_one_stays():
    frames, labels = images(6)  # three of each class: no way is shown to be better
    settled, report = settle_convention(network("raw"), frames, labels, convention("unit"), stated=False)
    assert (settled.name, report.changed) == ("unit", False)


def test_a_network_that_knows_nothing_changes_nothing():
    frames, labels = images(80)
    nothing = dense(np.zeros((2, SIZE * SIZE)), np.zeros(2), 1)
    settled, report = settle_convention(nothing, frames, labels, convention("signed-unit"), stated=False)
    assert (settled.name, report.changed) == ("signed-unit", False)


def test_one_output_scores_the_second_class():
    frames, labels = images(80)
    for last, bias in (("", -BOUND), ("LOGISTIC", -BOUND)):
        model = dense(np.full((1, SIZE * SIZE), 1 / (SIZE * SIZE)), np.array([bias]), 1, last)
        settled, report = settle_convention(model, frames, labels, convention("unit"), stated=False)
        assert (settled.name, report.trials[0].right) == ("raw", 64)


def test_a_network_that_does_not_run_here_is_not_tried():
    frames, labels = images(4)
    tensors = [T("x", (1, SIZE, SIZE, 1), "float32"), T("y", (1, 2), "float32")]
    ops = [O("CUSTOM", ["x"], ["y"], custom_code="Own")]
    custom = TfliteModel(tflite(tensors=tensors, ops=ops, inputs=["x"], outputs=["y"]), trusted=True)
    settled, report = settle_convention(custom, frames, labels, convention("unit"), stated=False)
    assert (settled.name, report.trials) == ("unit", ())
    assert report.note.startswith("the usual ways were not tried: LiteRT does not run the float32 network")


# -- something is said ----------------------------------------------------------------------------------------------


def test_what_is_said_and_right_stays():
    frames, labels = images(80)
    settled, report = settle_convention(network("raw"), frames, labels, convention("raw"), stated=True)
    assert (settled.name, report.trials[0].right, report.changed) == ("raw", 64, False)


def test_what_is_said_and_wrong_is_refused_with_both_figures_and_the_right_options():
    frames, labels = images(80)
    with pytest.raises(ConversionError) as error:
        settle_convention(network("raw"), frames, labels, convention("unit"), stated=True)
    assert str(error.value) == (
        "the float32 network is right on 50.0 % of 64 labelled images with --mean 0 --std 255, and on 100.0 % with "
        "--mean 0 --std 1: give the latter, or leave them out"
    )


def test_a_wrong_order_of_the_channels_is_refused():
    frames, labels = images(80, 3, channel=0)
    model = network("keras-resnet", 2, 3)
    rgb = Convention(name="stated", normalization=PRESETS["keras-resnet"].normalization)
    with pytest.raises(
        ConversionError,
        match=r"and on 100\.0 % with --mean 103\.939,116\.779,123\.68 --std 1,1,1 "
        r"--color bgr: give the latter",
    ):
        settle_convention(model, frames, labels, rgb, stated=True)


def test_one_number_for_each_channel_is_the_same_convention():
    frames, labels = images(80, 3)
    thrice = Convention(name="stated", normalization=Normalization((0.0,) * 3, (255.0,) * 3))
    _, report = settle_convention(network("unit", 0, 3), frames, labels, thrice, stated=True)
    assert "unit" not in {trial.name for trial in report.trials}


def test_an_order_that_is_said_holds_for_every_way_that_is_tried():
    assert [item.name for item in usual_conventions(3, "bgr")] == ["unit", "signed-unit", "raw", "keras-resnet"]
    assert {item.color for item in usual_conventions(3, "bgr")} == {"bgr"}
    assert [item.name for item in usual_conventions(3, "rgb")] == ["unit", "signed-unit", "raw", "torchvision"]
    assert [item.name for item in usual_conventions(1)] == ["unit", "signed-unit", "raw"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "torch"}, "the preset is 'torch': choose raw, unit,"),
        ({"preset": "raw", "mean": (1.0,)}, "--preset raw has a mean and a deviation: leave --mean and --std out"),
        ({"color": "RGB"}, "--color is 'RGB': choose rgb or bgr"),
        ({"preset": "keras-resnet", "color": "rgb"}, "--preset keras-resnet takes bgr: leave --color rgb out"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, message):
    with pytest.raises(UsageError) as error:
        NetworkConfig(**options)
    assert str(error.value).startswith(message)


def test_a_preset_says_normalization_and_order():
    network_config = NetworkConfig(preset="keras-resnet")
    assert network_config.normalization == PRESETS["keras-resnet"].normalization
    assert (network_config.color_order, NetworkConfig().color_order) == ("bgr", None)


# -- the commands ---------------------------------------------------------------------------------------------------


def test_a_doubt_is_no_success(capsys, monkeypatch):
    readiness = SimpleNamespace(risks=(), verdict="ready", file="m.tflite")
    monkeypatch.setattr("edgeready.report.readiness.warning_lines", lambda reports: [])
    result = SimpleNamespace(
        readiness=readiness,
        to_dict=lambda: {"doubts": ["it guesses"]},
        doubts=("it guesses",),
        splits=SimpleNamespace(notes=()),
    )
    with pytest.raises(typer.Exit) as end:
        run_build(
            lambda config, progress: result,
            BuildConfig(data=DataConfig(source="digits"), model="tutorial-cnn"),
            as_json=True,
        )
    assert end.value.exit_code == 1
    assert '"it guesses"' in capsys.readouterr().out


class TestConvert:
    """A real network, trained on 0 to 1 and converted by TensorFlow."""

    pytestmark = builds.NEEDS_TENSORFLOW

    def test_a_convention_that_the_images_contradict_is_refused(self, digits, run_here, tmp_path):
        options = ("--mean", "127.5", "--std", "127.5", "--out", "m.tflite")
        code, out, err = run_here("convert", digits.config.output.keras_out, "--data", "digits", *options)
        assert (code, out, err.count("\n"), list(tmp_path.iterdir())) == (5, "", 1, [])
        assert "labelled images with --mean 127.5 --std 127.5, and on" in err
        assert "with --mean 0 --std 255: give the latter, or leave them out" in err


def own_network(mean: float, std: float) -> TfliteModel:
    """One dense layer that tells the images of `narrow` when their own mean and deviation are taken, and only then.

    Its classes 0 and 2 are what another way of feeding gives.
    """
    pixels = SIZE * SIZE
    weights = np.zeros((3, pixels), np.float32)
    weights[0], weights[2] = -20, 20
    return dense(weights, np.array([0, 5 * pixels, 0], np.float32), channels=1)


def narrow() -> tuple[np.ndarray, np.ndarray]:
    """Images of three levels around 100, and the classes by them."""
    labels = np.arange(300) % 3
    noise = np.random.default_rng(0).integers(-2, 3, (300, SIZE, SIZE))
    return (100 + 20 * (labels[:, None, None] - 1) + noise).astype(np.uint8), labels.astype(np.int64)


def test_the_images_own_mean_and_deviation_are_tried_after_the_usual_ways():
    images, labels = narrow()
    float32 = own_network(images.mean(), images.std())
    found, report = settle_convention(float32, images, labels, convention("unit"), stated=False)
    assert found.name == "standardized"
    assert found.normalization.mean == (pytest.approx(images.mean(), abs=0.001),)
    assert found.normalization.std == (pytest.approx(images.std(), abs=0.001),)
    assert report.changed
    assert (report.trials[0].name, report.trials[0].right, report.trials[0].count) == ("standardized", 300, 300)


def test_a_stated_way_that_is_worse_than_the_images_own_is_refused():
    images, labels = narrow()
    float32 = own_network(images.mean(), images.std())
    with pytest.raises(ConversionError, match=r"on 100\.0 % with --mean 100\.\d+ --std 16\.\d+: give the latter"):
        settle_convention(float32, images, labels, convention("unit"), stated=True)


def test_a_usual_way_that_is_as_good_as_the_images_own_is_kept():
    images, _ = narrow()
    labels = (images.mean(axis=(1, 2)) > BOUND).astype(np.int64)
    _, report = settle_convention(network("unit"), images, labels, convention("unit"), stated=False)
    assert (report.chosen, report.changed) == ("unit", False)
