"""Quantization-aware training computes with the file's own grids, and what it trains is what is converted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builds import HERE, LONG, NEEDS_TENSORFLOW, Built, bands, made

from edgeready.config.augmentation import recommend_augmentation
from edgeready.config.build import QuantizeConfig, TrainConfig
from edgeready.config.method import QatConfig
from edgeready.errors import UsageError
from edgeready.readiness import check_file
from edgeready_device.evaluation import evaluate
from edgeready_device.model import Model
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.tflite.graph import read_graph

FOLDED = {
    "residual": {"Add", "Conv2D", "Dense", "GlobalAveragePooling2D", "ReLU"},
    "mobile": {"Conv2D", "Dense", "DepthwiseConv2D", "GlobalAveragePooling2D", "ReLU"},
    "concatenated": {
        *("AveragePooling2D", "Concatenate", "Conv2D", "Dense", "GlobalAveragePooling2D", "MaxPooling2D"),
        "ZeroPadding2D",
    },
    "gated": {"Conv2D", "Dense", "GlobalAveragePooling2D", "Multiply"},
    "separable": {"Conv2D", "Dense", "DepthwiseConv2D", "GlobalAveragePooling2D", "ReLU"},
    "alone": {"Conv2D", "Dense", "DepthwiseConv2D", "GlobalAveragePooling2D", "ReLU"},
    "nested": {"Conv2D", "Dense", "Dropout", "GlobalMaxPooling2D", "ReLU"},
    "shared": {"Conv2D", "Dense", "GlobalAveragePooling2D", "ReLU"},
    "by_functions": {"Add", "Conv2D", "Dense", "GlobalAveragePooling2D", "ReLU"},
    "other_ops": {"Activation", "Conv2D", "Conv2DTranspose", "Dense", "Flatten", "LeakyReLU", "UpSampling2D"},
}
WEIGHTS = {
    **{"residual": 6, "mobile": 10, "concatenated": 8, "gated": 6, "separable": 5},
    **{"alone": 8, "nested": 8, "shared": 4, "by_functions": 4, "other_ops": 6},
}
REFUSED = {
    "elu": "first (Conv2D): the grid of its activation elu is not known; "
    "use relu, relu6, softmax, sigmoid, tanh, silu, leaky_relu",
    "groups": "first (Conv2D): it convolves in groups; use Conv2D without groups, or DepthwiseConv2D",
    "group normalization": "first (GroupNormalization): its weights have no grid here; "
    "use Conv2D, DepthwiseConv2D, Dense, Conv2DTranspose",
    "lstm": "first (LSTM): its weights have no grid here; use Conv2D, DepthwiseConv2D, Dense, Conv2DTranspose",
    "own": "first (Own): its grid is not known; leave it out, or use mapped layers (convolution, pooling, Add, ReLU)",
    "subclassed": "first (Subclassed): a subclassed model shows no layers; "
    "write it as a functional or Sequential model",
    "function": "exp (Exp): it is a function, not a layer; write it as a layer of Keras",
    "times a number": "multiply_1 (Multiply): it is a function, not a layer; write it as a layer of Keras",
    "batch norm on a row": "first (BatchNormalization): nothing before it can hold it; "
    "put it directly after a Dense layer without activation",
    "batch norm of rows": "first (BatchNormalization): it does not work on the last axis; use axis=-1",
    "relu with a bound": "first (ReLU): it is neither ReLU nor ReLU6; use ReLU() or ReLU(6.0)",
    "three added": "first (Add): its grid is not known; "
    "leave it out, or use mapped layers (convolution, pooling, Add, ReLU)",
    "broken weights": "first (Conv2D): its weights are not finite; train it again",
}
SIGMOID, TANH = (1 / 256, -128), (1 / 128, 0)
tensorflow = [*NEEDS_TENSORFLOW, pytest.mark.usefixtures("cases")]


TUNING = [*NEEDS_TENSORFLOW, LONG]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The files that qat_cases.py made."""
    return asked(tmp_path_factory.mktemp("qat"))


@pytest.fixture(scope="module")
def cases(folder) -> dict[str, Any]:
    return answers_in(folder)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory) -> Path:
    """The files of its longest training."""
    return asked(tmp_path_factory.mktemp("tuned"), "fine-tuned")


def asked(folder: Path, *names: str) -> Path:
    command = [sys.executable, str(HERE / "qat_cases.py"), str(folder), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def answers_in(folder: Path) -> dict[str, Any]:
    answers: dict[str, Any] = json.loads((folder / "cases.json").read_text("utf-8"))
    return answers


def grids_of(path: Path) -> set[tuple[float, int]]:
    """Scale and zero point of every activation inside a file."""
    graph = read_graph(path.read_bytes())
    made = {index for op in graph.ops for index in op.outputs}
    tensors = [graph.tensors[index] for index in made if graph.tensors[index].dtype == "int8"]
    return {(tensor.scales[0], tensor.zero_points[0]) for tensor in tensors}


def grids_from(ranges: np.ndarray) -> list[tuple[float, int]]:
    """Scale and zero point as the converter takes them from a least and a largest value."""
    scales = [(float(high) - float(low)) / 255 for low, high in ranges]
    return [(scale, round(-128 - float(low) / scale)) for scale, (low, _) in zip(scales, ranges)]


@pytest.mark.parametrize("name", FOLDED)
class TestAModelOfMappedLayers:
    pytestmark = tensorflow

    def test_gives_the_same_when_it_is_folded(self, cases, name):
        assert cases[name]["distance"] <= 1e-5 * cases[name]["size"]

    def test_has_no_normalization_left_and_shared_weights_stay_shared(self, cases, name):
        assert set(cases[name]["layers"]) == {"InputLayer", *FOLDED[name]}
        assert cases[name]["weights"] == WEIGHTS[name]

    def test_has_in_the_file_the_grids_of_the_simulation_and_no_others(self, folder, name):
        simulated = grids_from(np.load(folder / f"{name}.npz")["ranges"])
        inside = grids_of(folder / f"{name}.tflite")
        fixed = {grid for grid in inside if grid in (SIGMOID, TANH)}
        assert np.array(sorted(inside - fixed)) == pytest.approx(np.array(sorted(set(simulated))), rel=1e-5)
        assert fixed == {"mobile": {SIGMOID}, "gated": {SIGMOID}, "other_ops": {TANH}}.get(name, set())

    def test_answers_in_the_simulation_as_its_file_does_within_three_steps(self, folder, name):
        model = Model.load(folder / f"{name}.tflite")
        known = np.load(folder / f"{name}.npz")
        apart = np.abs(model.run_many(known["frames"]) - known["scores"]) / model.output.quant.scale
        assert apart.max() < 3.5
        assert (apart < 0.5).mean() > 0.7


@pytest.mark.parametrize("name", REFUSED)
class TestALayerThatIsNotMapped:
    pytestmark = tensorflow

    def test_is_refused_by_name_with_what_to_do(self, cases, name):
        text = f"quantization-aware training does not take {REFUSED[name]}"
        assert cases[f"refused {name}"] == {"error": "ConversionError", "text": text}


class TestTheGrids:
    pytestmark = tensorflow

    def test_round_clip_and_pass_the_gradient_inside_only(self, cases):
        values, gradient = cases["grid"]
        assert values == pytest.approx([-1.0, -1.0, 0.0, 0.0, 0.0, 0.5, 1.55], abs=1e-6)
        assert gradient == [0, 1, 1, 1, 1, 1, 0]

    def test_hold_zero_exactly(self, cases):
        assert cases["grid"][0][3] == 0
        assert cases["zero between steps"][0] == [0.0]

    def test_of_weights_have_one_scale_or_one_a_channel_and_pass_every_gradient(self, cases):
        assert cases["weights, all"][0] == [[0.5, pytest.approx(-1.27)], [0, 0]]
        assert cases["weights, each"][0] == [[0.5, pytest.approx(-1.27), 0], [pytest.approx(0.5 / 127), 0, 0]]
        assert np.ptp([cases["weights, all"][1], np.ones((2, 2)).tolist()]) == 0
        assert np.ptp(cases["weights, each"][1]) == 0


class TestFineTuning:
    pytestmark = TUNING

    @pytest.fixture
    def known(self, tuned) -> dict[str, Any]:
        return answers_in(tuned)["fine-tuned"]

    def accuracies(self, folder: Path, name: str) -> tuple[float, float, int]:
        """Of file and simulation, and how many images."""
        known, truth = np.load(folder / f"{name}.npz"), np.load(folder / "labels.npy")
        report = evaluate(Model.load(folder / f"{name}.tflite"), known["frames"], truth)
        return report.top1.value, float((known["scores"].argmax(1) == truth).mean()), len(truth)

    def test_wins_back_what_a_badly_scaled_network_loses(self, tuned, known):
        before, after = (self.accuracies(tuned, name)[0] for name in ("before", "after"))
        assert before < known["float"] - 0.4
        assert after > known["float"] - 0.03

    def test_simulates_the_accuracy_of_the_file_within_a_tenth_of_a_point(self, tuned):
        real, simulated, count = self.accuracies(tuned, "after")
        assert count == 10_770
        assert abs(real - simulated) <= 0.001

    def test_keeps_an_epoch_that_the_calibration_images_judge_better_than_the_start(self, known):
        assert 1 <= known["kept"] <= 20

    def test_gives_a_plain_model_that_maps_fully(self, tuned, known):
        assert known["layers"] == ["Conv2D", "Dense", "DepthwiseConv2D", "Flatten", "InputLayer", "ReLU"]
        assert known["name"] == "hard"
        report = check_file(tuned / "after.tflite")
        assert report.ready
        assert report.mapped == len(report.ops) == 6

    def test_leaves_the_given_model_as_it_is_and_repeats_itself(self, known):
        assert known["untouched"]
        assert known["same"]

    def test_tells_each_step(self, known):
        stage, done, total = known["last progress"]
        assert stage.startswith("training in 8 bits, epoch 20 of 20, loss ")
        assert done == total == known["steps"] == 2880


class TestFineTuningInVain:
    pytestmark = tensorflow

    def test_keeps_the_weights_as_they_came_where_no_epoch_is_better(self, cases):
        assert cases["nothing better"] == {"epoch": 0, "same": True}

    def test_says_when_the_loss_is_no_number(self, cases):
        assert cases["diverging"] == {
            "error": "TrainingError",
            "text": "the loss is nan after 1 steps: give a smaller learning rate",
        }


@pytest.fixture(scope="module")
def trained() -> Built:
    """small-resnet, one epoch in floats on striped images and one in 8 bits."""
    return made(
        "qat",
        str(bands(12, False, False)),
        "small-resnet",
        train=TrainConfig(epochs=1, batch_size=64),
        data={"seed": 5},
        qat=1,
    )


class TestABuildThatTrainsInEightBits:
    pytestmark = NEEDS_TENSORFLOW

    @pytest.mark.long
    def test_gives_a_small_resnet_that_maps_fully(self, trained):
        assert trained.result.readiness.ready
        assert [op.name for op in read_graph(trained.file.read_bytes()).ops].count("CONV_2D") == 9
        assert trained.result.readiness.mapped == len(trained.result.readiness.ops)

    @pytest.mark.long
    def test_writes_down_how_it_was_trained(self, trained):
        known = read_model_file(trained.file).manifest.provenance
        assert known["training"]["augment"] == "shift"
        assert known["quantization_aware_training"] == {
            **{"epochs": 1, "learning_rate": 1e-3, "batch_size": 32, "seed": 5, "augment": "shift"},
        }

    @pytest.mark.long
    def test_is_told_beside_the_network_as_it_came(self, trained):
        gain, count = trained.result.gain, len(trained.result.splits.test)
        assert (gain.float32.count, gain.plain.count, gain.drop.count) == (count, count, count)
        assert gain.epoch in (0, 1)
        assert gain.tuned == trained.result.comparison.model.accuracy.top1
        assert gain.plain.hits - gain.drop.lost + gain.drop.gained == gain.tuned.hits

    def test_needs_a_model_that_can_be_trained(self, folder, cases):
        text = f"{folder / 'float.tflite'} cannot be trained: give --qat the Keras model behind it"
        assert cases["refused tflite"] == {"error": "ConversionError", "text": text}

    def test_trains_for_at_least_an_epoch(self):
        with pytest.raises(UsageError, match=r"^epochs is 0: train for at least 1$"):
            QuantizeConfig(qat=0)


class TestAugmentation:
    @pytest.mark.parametrize(
        ("network", "data", "kind"),
        [
            ("tutorial-cnn", "cifar10", "none"),
            ("small-resnet", "cifar10", "shift-flip"),
            ("small-resnet", "fashion-mnist", "shift-flip"),
            ("small-resnet", "mnist", "shift"),
            ("small-resnet", "photos", "shift"),
            ("net.py:small-resnet", "cifar10", "none"),
        ],
    )
    def test_by_default_mirrors_only_what_bears_it(self, network, data, kind):
        assert recommend_augmentation(network, data) == kind

    @pytest.mark.parametrize("config", [TrainConfig, QatConfig])
    def test_of_another_name_is_refused(self, config):
        text = "the augmentation is 'rotate': use none, shift, shift-flip"
        with pytest.raises(UsageError, match=f"^{text}$"):
            config(augment="rotate")


class TestAugmentedImages:
    pytestmark = tensorflow

    def test_are_moved_by_a_sixteenth_at_most_in_every_direction(self, cases):
        places = {tuple(place) for place in cases["augmented"]["places"]["shift"]}
        assert places == {(y, x) for y in range(14, 19) for x in range(9, 16)}

    def test_are_mirrored_half_of_the_time_and_only_where_asked(self, cases):
        sides = Counter(x > 24 for _, x in cases["augmented"]["places"]["shift-flip"])
        assert 160 < sides[True] < 240
        assert sides.total() == 400
        assert {tuple(place) for place in cases["augmented"]["places"]["none"]} == {(16, 12)}

    def test_are_the_same_for_the_same_seed_only(self, cases):
        assert cases["augmented"]["again"]
        assert not cases["augmented"]["other"]

    def test_continue_their_border(self, cases):
        assert cases["augmented"]["border"] == [0, 5, 10, 15]

    def test_keep_their_shape(self, cases):
        assert cases["augmented"]["channels"] == [2, 8, 8, 3]
