"""The main job with the real TensorFlow: what comes out is proved, and what cannot be made is refused."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from functools import cache

import builds
import numpy as np
import pytest
from builds import NEEDS_TENSORFLOW, NETS, made

from edgeready import __version__
from edgeready.config.build import TrainConfig
from edgeready.config.modes import MODES
from edgeready.documents import read_documents
from edgeready.model_file.writer import package
from edgeready.proof.conformance import prove
from edgeready.readiness import check_file
from edgeready.report.card import format_card
from edgeready.report.page import format_page
from edgeready.workflows.evaluate import evaluate_file
from edgeready_device.evaluation import evaluate
from edgeready_device.model import Model
from edgeready_device.model_file.reader import flatbuffer_of, read_model_file
from edgeready_device.normalization import Normalization
from edgeready_device.runtime.runtime import installed_runtimes
from edgeready_device.statistics import Proportion
from edgeready_device.tflite.graph import read_graph
from edgeready_device.verification import verify

pytestmark = NEEDS_TENSORFLOW


def test_tensorflow_stays_out_of_this_process(digits):
    assert not {"tensorflow", "keras"} & set(sys.modules)


# The file


def test_every_tensor_is_an_8_bit_integer_or_int32_and_the_ends_are_uint8(digits):
    graph = read_model_file(digits.file).graph
    assert {tensor.dtype for tensor in graph.tensors} == {"int8", "uint8", "int32"}
    ends = graph.of((*graph.inputs, *graph.outputs))
    assert [(tensor.dtype, tensor.shape) for tensor in ends] == [("uint8", (1, 28, 28)), ("uint8", (1, 10))]
    prove(graph, MODES["uint8"])


def test_every_shape_is_static_with_batch_1(digits):
    for tensor in read_model_file(digits.file).graph.tensors:
        assert tensor.static
        assert tensor.shape_signature == tensor.shape


def test_the_convolution_is_quantized_per_axis_and_the_dense_layer_per_tensor(digits):
    graph = read_model_file(digits.file).graph
    scales = {op.name: len(graph.tensors[op.inputs[1]].scales) for op in graph.ops if len(op.inputs) > 2}
    assert scales == {"CONV_2D": 12, "FULLY_CONNECTED": 1}


def test_the_file_is_ready_with_every_op_mapped(digits):
    found = check_file(digits.file)
    assert found == digits.result.readiness
    assert found.ready
    assert (found.mapped, len(found.ops)) == (7, 7)
    assert [op.name for op in found.ops] == (
        "QUANTIZE RESHAPE CONV_2D MAX_POOL_2D RESHAPE FULLY_CONNECTED QUANTIZE".split()
    )


def test_it_learned_and_the_uint8_model_says_what_the_float_model_says(digits):
    compared = digits.result.comparison
    assert compared.baseline.accuracy.top1.value > 0.85
    assert compared.model.accuracy.top1.value > 0.85
    assert compared.agreement.count == len(digits.result.splits.test) == 359
    assert compared.agreement.value >= 0.95


def test_the_stated_accuracy_is_that_of_the_file_through_the_device_package(digits):
    report = evaluate_file(digits.file, "digits", seed=1).report
    assert np.array_equal(report.outputs, digits.result.comparison.model.accuracy.outputs)


def test_the_manifest_says_where_the_model_comes_from(digits):
    file = read_model_file(digits.file)
    assert file.manifest is not None
    assert (file.manifest.name, file.manifest.scores) == ("tutorial-cnn", "logits")
    assert file.manifest.input.normalization == Normalization((0.0,), (255.0,))
    assert file.labels == tuple("0123456789")
    provenance = dict(file.manifest.provenance)
    versions, accuracy = provenance.pop("versions"), provenance.pop("accuracy")
    calibration = provenance.pop("calibration")
    options = provenance.pop("options")
    assert (options["command"], options["paths"]) == ("build", [])
    assert {key: options["values"][key] for key in ("data", "model", "epochs")} == {
        "data": "digits",
        "model": "tutorial-cnn",
        "epochs": 3,
    }
    assert (calibration["samples"], calibration["leaked"], calibration["warnings"]) == (287, 0, [])
    assert provenance == {
        "engine": "tensorflow",
        "mode": "uint8",
        "data": {"name": "digits", "seed": 1, "train_images": 1151, "calibration_images": 287, "test_images": 359},
        "training": {"epochs": 3, "batch_size": 32, "learning_rate": 0.002, "seed": 1, "augment": "none"},
    }
    assert sorted(versions) == ["edgeready", "keras", "tensorflow"]
    assert versions["edgeready"] == __version__
    top1 = digits.result.comparison.model.accuracy.top1
    assert accuracy["uint8"] == {"top1": top1.value, "interval95": list(top1.interval)}
    assert list(accuracy) == ["float32", "uint8"]


@pytest.mark.parametrize("runtime", installed_runtimes(), ids=str)
def test_the_golden_vectors_verify_on_each_runtime_and_kernel_path(digits, runtime):
    report = verify(read_model_file(digits.file), runtime.name)
    assert [(result.kernels, result.recording, result.note) for result in report.results] == [
        (kernels, f"{runtime} {kernels}", "") for kernels in ("default", "reference")
    ]
    assert [result.largest_steps for result in report.results] == [0, 0]
    assert report.passed


def test_the_golden_inputs_show_every_class_and_come_from_the_calibration_images(digits):
    golden = read_model_file(digits.file).golden
    assert golden is not None
    calibration = digits.result.splits.calibration
    model = Model.load(digits.file)
    known = {model.quantize(frame).tobytes(): label for frame, label in zip(calibration.images, calibration.labels)}
    labels = [known[row.tobytes()] for row in golden.inputs]
    assert len(labels) == 32
    assert set(labels[:10]) == set(range(10))


def test_golden_vectors_that_were_tampered_with_do_not_verify(digits, tmp_path):
    file = read_model_file(digits.file)
    outputs = {key: (255 - rows).astype(np.uint8) for key, rows in file.golden.outputs.items()}
    forged = replace(file, golden_npz=replace(file.golden, outputs=outputs).to_bytes())
    assert not verify(forged).passed


def test_the_float_model_is_kept_as_a_file_that_the_device_package_runs(digits):
    model = Model.load(digits.config.output.float_out)
    assert (model.input.dtype, model.output.dtype, model.labels) == ("float32", "float32", tuple("0123456789"))
    test = digits.result.splits.test
    expected = digits.result.comparison.baseline.accuracy.outputs[:5]
    assert np.array_equal(model.invoke_many(test.images[:5]), expected)


def test_only_the_files_that_were_asked_for_are_in_the_folder(digits):
    assert sorted(path.name for path in digits.folder.iterdir()) == [
        "model.keras",
        "model.tflite",
        "model_float32.tflite",
    ]


def test_the_images_of_training_and_calibration_are_recognized(digits):
    splits, file = digits.result.splits, read_model_file(digits.file)
    images = file.seen_images
    assert (images.training_known, images.total) == (True, len(images.hashes))
    for part in (splits.train, splits.calibration):
        assert set(images.look_up(part.images).tolist()) == {1}
    again = evaluate(Model.from_file(file), splits.train.images, splits.train.labels)
    assert again.familiarity.share == Proportion(len(splits.train), len(splits.train))
    held_out = evaluate(Model.from_file(file), splits.test.images, splits.test.labels)
    assert held_out.familiarity.share.hits == 0
    assert len(file.seen_bin) == 16 + 8 * images.total == 11520


# Repeatable


def test_the_same_seed_in_another_process_gives_the_same_file_to_the_byte(digits):
    assert builds.digits_by_command().code == 0, builds.digits_by_command().err
    lines = [line.partition(", loss ") for line in builds.digits_by_command().err.splitlines()]
    assert [start for start, _, _ in lines] == [f"edgeready: training, epoch {n} of 3" for n in (1, 2, 3)]
    assert all(re.fullmatch(r"[012]\.\d{3}, accuracy \d\d\.\d %", figures) for _, _, figures in lines)
    assert builds.digits_by_command().file.read_bytes() == digits.file.read_bytes()


def test_a_build_by_the_command_prints_one_json_document_and_nothing_else(digits):
    ran = builds.digits_by_command()
    assert ran.code == 0
    found = json.loads(ran.out)
    assert found["out"] == str(ran.file)
    assert found["epoch_losses"] == [epoch.loss for epoch in digits.result.training.epochs]
    assert found["readiness"]["ready"] is True
    assert found["readiness"]["file"] == str(ran.file)
    assert found["agreement"]["value"] >= 0.95
    comparison = digits.result.comparison
    for kind, compared in {"float32": comparison.baseline, "uint8": comparison.model}.items():
        assert found[kind]["accuracy"]["top1"]["hits"] == compared.accuracy.top1.hits
        assert found[kind]["flatbuffer_bytes"] == compared.flatbuffer_bytes
        assert 0 < found[kind]["latency"]["median_s"] < 0.1
    assert found["uint8"]["size_bytes"] == ran.file.stat().st_size
    assert [path.name for path in ran.file.parent.iterdir()] == ["model.tflite"]


# Other data and networks


@cache
def rank_3() -> builds.Built:
    return made(
        "rank-3", str(builds.bands(12, axis=False, one_hot=True)), "tutorial-cnn", train=TrainConfig(epochs=6)
    )


@cache
def rank_4() -> builds.Built:
    source = str(builds.bands(14, axis=True, one_hot=False))
    return made("rank-4", source, f"{NETS}:plain", train=TrainConfig(epochs=6), mean=(127.5,), std=(64,))


@cache
def rgb() -> builds.Built:
    return made(
        "rgb",
        str(builds.photos()),
        "cifar-cnn",
        train=TrainConfig(epochs=8),
        data={"image_size": (24, 20)},
    )


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        pytest.param(rank_3, (1, 12, 12), marks=pytest.mark.long),
        (rank_4, (1, 14, 14, 1)),
        (rgb, (1, 24, 20, 3)),
    ],
)
def test_frames_of_any_rank_and_labels_of_any_kind_make_a_ready_file_that_is_right(build, shape):
    made_file = build()
    graph = read_model_file(made_file.file).graph
    assert graph.tensors[graph.inputs[0]].shape == shape
    prove(graph, MODES["uint8"])
    assert made_file.result.readiness.ready
    assert made_file.result.comparison.baseline.accuracy.top1.value >= 0.9
    assert made_file.result.comparison.model.accuracy.top1.value >= 0.9
    assert verify(read_model_file(made_file.file)).passed


def test_a_function_of_a_file_gives_the_name_and_a_normalization_that_is_asked_for_is_used():
    file = read_model_file(rank_4().file)
    assert file.manifest is not None
    assert (file.manifest.name, file.manifest.scores) == ("plain", "probabilities")
    assert file.manifest.input.normalization == Normalization((127.5,), (64.0,))
    quant = Model.load(rank_4().file).input.quant
    assert quant is not None
    pixels = rank_4().result.splits.calibration.images
    low, high = (int(pixels.min()) - 127.5) / 64, (int(pixels.max()) - 127.5) / 64  # what the network sees
    assert (0 - quant.zero_point) * quant.scale == pytest.approx(low, abs=quant.scale)
    assert (255 - quant.zero_point) * quant.scale == pytest.approx(high, abs=quant.scale)


def test_a_softmax_whose_scale_the_format_fixes_is_not_among_the_ranges_that_are_inspected():
    assert read_graph(flatbuffer_of(rank_4().file.read_bytes())).ops[-2].name == "SOFTMAX"
    assert [tensor.name for tensor in rank_4().result.calibration.tensors] == [
        "the input",
        "conv2d",
        "flatten",
        "dense",
    ]


def test_a_folder_of_photos_gives_its_folders_as_labels_and_its_size_as_frame():
    file = read_model_file(rgb().file)
    assert file.labels == ("blue", "green", "red")
    assert file.manifest is not None
    frame = file.manifest.input
    assert (frame.height, frame.width, frame.channels, frame.resize) == (24, 20, 3, "stretch")


@pytest.mark.long
def test_with_cpu_ops_allowed_the_leaky_model_is_made_and_its_report_says_what_stays():
    result = made(
        "leaky",
        str(builds.bands(12, axis=False, one_hot=False)),
        f"{NETS}:leaky",
        allow_cpu_ops=True,
        fix=False,
        save_float=False,
        save_keras=False,
    )
    assert not result.result.readiness.ready
    assert "LEAKY_RELU" in {op.name for op in result.result.readiness.ops if op.target == "cpu"}
    assert [path.name for path in result.folder.iterdir()] == ["model.tflite"]
    prove(read_model_file(result.file).graph, MODES["uint8"])


def test_the_flatbuffer_differs_from_the_converters_by_the_metadata_alone(digits):
    file = read_model_file(digits.file)
    assert file.manifest is not None
    bare = flatbuffer_of(digits.file.read_bytes())
    again = package(bare, replace(file.manifest, sha256={}), file.labels, __version__, file.golden)
    assert read_graph(flatbuffer_of(again)).tensors == read_graph(bare).tensors


def test_the_document_of_a_build_makes_a_page_with_its_figures(digits, tmp_path):
    path = tmp_path / "build.json"
    path.write_text(json.dumps(digits.result.to_dict()))
    documents = read_documents([path])
    page = format_page(documents, "digits")
    top1 = digits.result.comparison.model.accuracy.top1
    for text in (f"{100 * top1.value:.2f} %", "7 of 7 ops mapped", "loss over 3 epochs", "tutorial-cnn"):
        assert text in page
    assert format_card(documents, "digits").count("type: accuracy") == 2
