"""The engine without TensorFlow: float32 .tflite to integer files by LiteRT's own calibrator and quantizer."""

from __future__ import annotations

import json
import sys
import types

import numpy as np
import pytest
from builds import bands
from engine_nets import (
    SHARED,
    a_bias_that_is_added_too,
    bands_classifier,
    inputs_of,
    one_convolution,
    padded,
    reduced,
    vanishing_in_the_middle,
)
from float_nets import CHANNELS, SIZE, blocks, residual

from edgeready.config.engine import AUTO, LITERT, TENSORFLOW
from edgeready.config.method import CALIBRATIONS, Method, QatConfig
from edgeready.config.modes import MODES
from edgeready.engine import litert
from edgeready.engine.litert import LiteRtQuantizer
from edgeready.engine.own_constants import own_constants
from edgeready.engine.quantizer import make_integer, observe
from edgeready.errors import ConversionError, RuntimeUnavailableError
from edgeready.jobs.engine_choice import engine_of, process_of
from edgeready.jobs.job import Job
from edgeready.jobs.quantize_job import QuantizeJob
from edgeready.jobs.run_job import run_job
from edgeready.proof.conformance import prove
from edgeready.proof.fidelity import measure_fidelity
from edgeready.proof.runtimes import try_runtimes
from edgeready.quantization.matching import match_layers
from edgeready.quantization.ranges import read_ranges
from edgeready_device.model_file.reader import TfliteModel, read_model_file
from edgeready_device.runtime.runtime import installed_runtimes
from edgeready_device.session import Session
from edgeready_device.tflite.graph import read_graph


def quantized(model, mode="uint8", method=None):
    return make_integer(LiteRtQuantizer(), model, mode, inputs_of(model), method or Method())


def spread(tensor, scales):
    """`scales` in a shape that numpy spreads over the values of the constant `tensor`."""
    form = [1] * len(tensor.shape)
    form[tensor.quantized_dimension if len(tensor.shape) > 1 else 0] = -1
    return np.reshape(scales, form)


def scales_as_computed(graph, op, place):
    """The scales that a kernel takes the constant at `place` of `op` to have: a bias has those of the products."""
    data, other = graph.of(op.inputs[:2])
    if place == 2:
        return np.multiply(data.scales[0], other.scales)
    tensor = graph.tensors[op.inputs[place]]
    per_channel = op.name in ("CONV_2D", "DEPTHWISE_CONV_2D")
    return np.asarray(tensor.scales if per_channel else tensor.scales[:1])


def worst_constant(model, integer):
    """The largest difference of a constant from its integer form, as the kernel of each op takes it, in steps."""
    match = match_layers(read_graph(model), read_graph(integer))
    differences = []
    for pair in match.pairs:
        for place, (ours, theirs) in enumerate(zip(pair.float32.inputs, pair.integer.inputs)):
            exact, rounded = match.float32.tensors[ours], match.integer.tensors[theirs]
            if exact.constant and exact.dtype == "float32":
                scales = spread(rounded, scales_as_computed(match.integer, pair.integer, place))
                steps = exact.values().astype(np.float64) / scales + np.asarray(rounded.zero_points[:1])
                differences.append(np.abs(steps - rounded.values()).max())
    assert differences
    return max(differences)


@pytest.mark.parametrize("mode", ["uint8", "int8", "int8-float-io", "int8-float-fallback", "int16x8"])
@pytest.mark.parametrize("model", [blocks, residual], ids=["blocks", "residual"])
def test_a_file_of_each_calibrated_mode_is_what_the_mode_promises(model, mode):
    prove(read_graph(quantized(model(), mode)), MODES[mode])


@pytest.mark.parametrize("model", [blocks, residual, *SHARED], ids=lambda model: model.__name__)
def test_every_constant_is_within_half_a_step_of_its_value(model):
    assert worst_constant(model(), quantized(model())) <= 0.5 + 1e-3


@pytest.mark.parametrize("model", [bands_classifier, residual, *SHARED], ids=lambda model: model.__name__)
def test_answers_are_those_of_the_float_model(model):
    float32, integer = (TfliteModel(data, trusted=True) for data in (model(), quantized(model())))
    arrays = {float32.graph.tensors[float32.graph.inputs[0]].name: inputs_of(model()).arrays[0]}
    (fidelity,) = measure_fidelity(float32, integer, arrays, installed_runtimes()[0])
    assert fidelity.snr_db > 30


@pytest.mark.parametrize(
    "model", [model for model in SHARED if model is not a_bias_that_is_added_too], ids=lambda model: model.__name__
)
def test_a_constant_of_two_uses_is_what_the_quantizer_gets_wrong(model, monkeypatch):
    """Until it fails: then the wheel separates them by itself."""
    monkeypatch.setattr(litert, "own_constants", lambda data: data)
    assert worst_constant(model(), quantized(model())) > 1000


@pytest.mark.parametrize("model", SHARED, ids=lambda model: model.__name__)
def test_own_constants_leave_the_arithmetic_as_it_is(model):
    before, after = model(), own_constants(model())
    assert after != before
    assert own_constants(after) == after
    samples = inputs_of(before)
    assert read_ranges(LiteRtQuantizer().calibrate(before, samples)).items() <= (
        read_ranges(LiteRtQuantizer().calibrate(after, samples)).items()
    )


def test_a_file_without_shared_constants_comes_back_as_it_is():
    data = blocks()
    assert own_constants(data) is data


@pytest.mark.parametrize("method", [Method(calibration=name) for name in CALIBRATIONS], ids=CALIBRATIONS)
def test_the_integers_have_the_range_of_each_calibration(method):
    quantizer, model = LiteRtQuantizer(), blocks()
    calibrated = observe(quantizer, model, inputs_of(model), method)
    integer = read_graph(quantizer.quantize(calibrated, "int8"))
    ranges = read_ranges(calibrated)
    widths = {index: 255 * integer.tensors[index].scales[0] for index in ranges}
    named = {tensor.name: tensor.index for tensor in read_graph(calibrated).tensors}
    free = [named[name] for name in ("first", "depthwise", "last", "scores")]
    assert [round(widths[index] / ranges[index].with_zero.width, 5) for index in free] == [1.0] * 4


def test_equalization_and_bias_correction_work_on_its_files():
    method = Method(equalize=True, bias_correction=True)
    model = blocks(scales=(1, 30, 0.1, 1))
    assert quantized(model, method=method) != quantized(model)
    prove(read_graph(quantized(model, method=method)), MODES["uint8"])


def test_ten_files_of_one_model_are_the_same():
    assert len({quantized(residual()) for _ in range(10)}) == 1


@pytest.mark.parametrize(("axes", "shape"), [((3,), (1, SIZE, SIZE)), ((1, 2), (1, CHANNELS))])
def test_a_sum_that_its_integers_would_cut_off_is_refused_with_the_tensor(axes, shape):
    text = (
        r"^op 0 SUM: tensor 'reduced' goes from 0 to \S+, and LiteRT's quantizer gives it integers from 0 to "
        r"\S+: use --engine tensorflow, or another op$"
    )
    with pytest.raises(ConversionError, match=text):
        quantized(reduced("SUM", axes, shape))


@pytest.mark.parametrize("op", ["MEAN", "REDUCE_MAX"])
def test_a_reduction_that_stays_within_its_input_is_not_refused(op):
    prove(read_graph(quantized(reduced(op, (1, 2), (1, CHANNELS)))), MODES["uint8"])


@pytest.mark.parametrize(
    ("kernel", "bias", "op_and_tensor"),
    [
        (np.nan, 1, "op 0 CONV_2D: tensor 'kernel' holds nan"),
        (1, [1, np.inf, 1, 1], "op 0 CONV_2D: tensor 'bias' holds"),
        (1, [1, 1, np.nan, 1], "op 0 CONV_2D: tensor 'bias' holds nan"),
        (1e31, 1, "op 0 CONV_2D: tensor 'scores' reaches"),
        (1, 1e38, "op 0 CONV_2D: tensor 'scores' reaches"),
    ],
)
@pytest.mark.parametrize("mode", ["uint8", "int16x8"])
def test_values_that_no_integers_hold_are_refused_with_op_and_tensor(kernel, bias, op_and_tensor, mode):
    with pytest.raises(ConversionError) as refusal:
        quantized(one_convolution(kernel, np.asarray(bias)), mode)
    assert str(refusal.value).startswith(op_and_tensor)


@pytest.mark.parametrize(("value", "least"), [(-np.inf, "-inf"), (-3.4028235e38, "-3.40282e+38"), (-1e32, "-1e+32")])
def test_a_border_of_minus_infinity_is_refused_with_the_remedy(value, least):
    with pytest.raises(ConversionError) as refusal:
        quantized(padded(value))
    said = str(refusal.value)
    assert said.startswith(f"op 1 PADV2: tensor 'padded' reaches {least}, ")
    assert said.endswith(
        "on the calibration data, which no 8 bits hold: pad with zeros, which is the same behind a ReLU"
    )


@pytest.mark.parametrize("mode", ["uint8", "int8-float-fallback"])
def test_a_float_constant_beside_integers_is_refused_with_the_op(mode):
    with pytest.raises(
        ConversionError, match=r"^op 2 PADV2: LiteRT's quantizer leaves 'value' float32 beside integers"
    ):
        quantized(padded(0.1), mode)


@pytest.mark.parametrize(("kernel", "bias"), [(0, 0), (1e-39, 1e-39), (1e-20, 1e-20)])
def test_a_network_that_has_vanished_gets_a_scale_that_every_runtime_takes(kernel, bias):
    file = TfliteModel(quantized(one_convolution(kernel, bias)), trusted=True)
    assert file.graph.tensors[file.graph.outputs[0]].scales == (pytest.approx(2e-6 / 255),)
    if not kernel:  # the three files differ in their weights only
        assert [trial.reason for trial in try_runtimes(file)] == [""] * len(installed_runtimes())


@pytest.mark.parametrize("method", [Method(), Method(equalize=True, bias_correction=True)])
def test_weights_that_a_large_bias_rounds_to_nothing_are_not_taken_for_those_of_another_training(method):
    prove(read_graph(quantized(vanishing_in_the_middle(), method=method)), MODES["uint8"])


@pytest.mark.parametrize("attribute", ["AddIntermediateTensors", "CalibrationWrapper"])
def test_a_wheel_without_what_is_called_is_named_with_the_versions_that_serve(monkeypatch, attribute):
    import ai_edge_litert

    stand_in = types.ModuleType("wrapper")
    real = {name: getattr(litert._load_wrapper(), name) for name in ("AddIntermediateTensors", "CalibrationWrapper")}
    for name in {*real} - {attribute}:
        setattr(stand_in, name, real[name])
    monkeypatch.setattr(ai_edge_litert, "_pywrap_tensorflow_lite_calibration_wrapper", stand_in)
    with pytest.raises(
        RuntimeUnavailableError, match=r"^the LiteRT engine needs ai-edge-litert 2\.3, here is 2\.\S+ "
    ):
        LiteRtQuantizer()


def test_a_wheel_whose_functions_take_other_arguments_is_named_with_the_versions_that_serve(monkeypatch):
    wrapper = litert._load_wrapper()

    class Changed(wrapper.CalibrationWrapper):
        def __init__(self, model):
            super().__init__(model, [], [])

    stand_in = types.SimpleNamespace(AddIntermediateTensors=bytes, CalibrationWrapper=Changed)
    monkeypatch.setattr(litert, "_load_wrapper", lambda: stand_in)
    with pytest.raises(RuntimeUnavailableError, match=r"\(Changed takes other arguments\): run pip install "):
        quantized(blocks())


def job(model, engine=AUTO, **options):
    return Job(model=model, engine=engine, **options)


@pytest.mark.parametrize(
    ("work", "process", "engine"),
    [
        (job("a.tflite"), LITERT, LITERT),
        (job("a.tflite", TENSORFLOW), TENSORFLOW, TENSORFLOW),
        (job("a.keras"), TENSORFLOW, TENSORFLOW),
        (job("folder"), TENSORFLOW, TENSORFLOW),
        (job("a.pb", LITERT), TENSORFLOW, LITERT),
        (job("net.py:make"), TENSORFLOW, TENSORFLOW),
        (job("a.keras", LITERT, method=Method(qat=QatConfig())), TENSORFLOW, LITERT),
        (QuantizeJob(model=b"", mode="uint8", engine=LITERT), LITERT, LITERT),
        (QuantizeJob(model=b"", mode="uint8"), TENSORFLOW, TENSORFLOW),
    ],
)
def test_tensorflow_is_started_where_only_it_reads_or_trains_or_it_is_asked_for(work, process, engine):
    assert (process_of(work), engine_of(work)) == (process, engine)


def test_a_tflite_that_is_to_be_trained_is_refused_before_anything_starts():
    with pytest.raises(ConversionError, match=r"^a\.tflite cannot be trained: give --qat the Keras model behind it$"):
        run_job(job("a.tflite", method=Method(qat=QatConfig())), lambda *_: None)


@pytest.fixture
def without_tensorflow(tmp_path, monkeypatch):
    """A TensorFlow that does not load, in this process's import path, which its children have, too."""
    package = tmp_path / "site" / "tensorflow"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('there is none')\n")
    monkeypatch.setattr(sys, "path", [str(package.parent), *sys.path])


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(bands_classifier())
    return path


def labelled_by(model, path, count=400):
    """Writes pictures of any brightness with the classes that `model` gives them; every fortieth has the class 1."""
    noise = np.random.default_rng(1)
    images = (noise.integers(0, 256, (count, SIZE, SIZE, 1)) * noise.random((count, 1, 1, 1))).astype(np.uint8)
    session = Session.from_file(TfliteModel(model, trusted=True))
    answers = [session.invoke([(image[np.newaxis] / 255).astype(np.float32)])[0][0].argmax() for image in images]
    np.savez(path, x=images, y=np.where(np.arange(count) % 40, answers, 1))


@pytest.mark.usefixtures("without_tensorflow")
@pytest.mark.long
def test_a_float_file_is_converted_within_a_budget_proved_and_measured_without_tensorflow(tmp_path, run_here):
    """Its channels are so uneven that only equalization keeps the budget."""
    source, data, out = (tmp_path / name for name in ("net.tflite", "data.npz", "out.tflite"))
    source.write_bytes(blocks(scales=(1, 50, 0.02, 1), biases=0.0))
    labelled_by(source.read_bytes(), data)
    code, text, _ = run_here("convert", source, "--data", data, "--out", out, "--max-drop", "10", "--json")
    document = json.loads(text)
    assert code == 0
    assert (document["engine"], document["readiness"]["ready"]) == ("litert", True)
    names = [attempt["name"] for attempt in document["budget"]["attempts"]]
    assert names == ["min-max calibration", "better calibration", "equalized, bias-corrected"]
    assert document["budget"]["choice"] == 2
    assert [row["runs"] for row in document["runtimes"]] == [True] * len(document["runtimes"])
    provenance = read_model_file(out).manifest.provenance
    assert (provenance["engine"], sorted(provenance["versions"])) == ("litert", ["ai-edge-litert", "edgeready"])


@pytest.mark.usefixtures("without_tensorflow")
def test_an_engine_that_is_not_installed_is_one_line_and_no_file(source, tmp_path, run_here):
    arguments = ("--data", bands(SIZE, True, False), "--out", tmp_path / "out.tflite", "--engine", "tensorflow")
    code, _, text = run_here("convert", source, *arguments)
    assert code == 6
    assert text.splitlines()[-1].startswith("edgeready: TensorFlow does not load (there is none): ")
    assert not (tmp_path / "out.tflite").exists()


def test_an_unknown_engine_is_refused_with_the_known_ones(source, run_here):
    code, _, text = run_here("convert", source, "--data", "digits", "--engine", "fast")
    assert (code, text) == (2, "edgeready: the engine 'fast' is unknown: use auto, litert, tensorflow\n")
