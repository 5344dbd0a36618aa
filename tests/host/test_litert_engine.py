"""The engine without TensorFlow: float32 .tflite to integer files by LiteRT's own calibrator and quantizer."""

from __future__ import annotations

import json
import sys
import types

import numpy as np
import pytest
from builds import bands
from float_nets import CHANNELS, SIZE, UNIT_STRIDE, blocks, residual
from tflite_models import O, T, tflite

from edgeready.config.engine import AUTO, LITERT, TENSORFLOW
from edgeready.config.method import CALIBRATIONS, Method, QatConfig
from edgeready.config.modes import MODES
from edgeready.engine import litert
from edgeready.engine.flatbuffer_objects import read_objects, write_objects
from edgeready.engine.litert import LiteRtQuantizer
from edgeready.engine.own_constants import own_constants
from edgeready.engine.quantizer import make_integer, observe
from edgeready.errors import ConversionError, RuntimeUnavailableError
from edgeready.jobs.engine_choice import engine_of, process_of
from edgeready.jobs.job import Job
from edgeready.jobs.quantize_job import QuantizeJob
from edgeready.jobs.run_job import run_job
from edgeready.proof.conformance import prove
from edgeready.quantization.matching import match_layers
from edgeready.quantization.ranges import read_ranges
from edgeready.quantization.samples import Samples
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.tflite.graph import read_graph

MAPS = (1, SIZE, SIZE, CHANNELS)


def weights(*shape, scale=0.5):
    return np.random.default_rng(7).normal(0, scale, shape).astype(np.float32)


def network(tensors, ops):
    return tflite(tensors=tensors, ops=ops, inputs=[tensors[0].name], outputs=[tensors[-1].name])


def convolution(name, source, kernel, bias):
    return O("CONV_2D", [source, kernel, bias], [name], options=UNIT_STRIDE)


def two_convolutions_with_one_bias(second="bias"):
    return network(
        [
            T("image", (1, SIZE, SIZE, 1), "float32"),
            T("first/weights", data=weights(CHANNELS, 3, 3, 1, scale=20)),
            T("second/weights", data=weights(CHANNELS, 3, 3, CHANNELS, scale=0.01)),
            T("bias", data=weights(CHANNELS)),
            T("same", data=weights(CHANNELS)),
            T("first", MAPS, "float32"),
            T("scores", MAPS, "float32"),
        ],
        [
            convolution("first", "image", "first/weights", "bias"),
            convolution("scores", "first", "second/weights", second),
        ],
    )


def two_convolutions_with_one_buffer():
    """Two tensors of equal values, whose bytes lie at one place."""
    model = read_objects(two_convolutions_with_one_bias(second="same"))
    numbers = {tensor.name.decode(): tensor for tensor in model.subgraphs[0].tensors}
    numbers["same"].buffer = numbers["bias"].buffer
    return write_objects(model)


def two_dense_layers_with_one_bias():
    return network(
        [
            T("image", (1, CHANNELS), "float32"),
            T("matrix", data=weights(CHANNELS, CHANNELS, scale=9)),
            T("bias", data=weights(CHANNELS)),
            T("hidden", (1, CHANNELS), "float32"),
            T("scores", (1, CHANNELS), "float32"),
        ],
        [
            O("FULLY_CONNECTED", ["image", "matrix", "bias"], ["hidden"]),
            O("FULLY_CONNECTED", ["hidden", "matrix", "bias"], ["scores"]),
        ],
    )


def a_bias_that_is_added_too():
    """It is int32 in the convolution and int8 in the ADD."""
    return network(
        [
            T("image", (1, SIZE, SIZE, 1), "float32"),
            T("weights", data=weights(CHANNELS, 3, 3, 1)),
            T("bias", data=weights(CHANNELS)),
            T("maps", MAPS, "float32"),
            T("scores", MAPS, "float32"),
        ],
        [convolution("maps", "image", "weights", "bias"), O("ADD", ["maps", "bias"], ["scores"])],
    )


def weights_that_are_multiplied_too():
    """They have a scale for each output in the convolution, and one scale in the MUL."""
    pixels = (1, 1, 1, CHANNELS)
    return network(
        [
            T("image", pixels, "float32"),
            T("weights", data=weights(CHANNELS, 1, 1, CHANNELS) * np.float32([[[[1]]], [[[8]]], [[[30]]], [[[99]]]])),
            T("bias", data=weights(CHANNELS)),
            T("maps", pixels, "float32"),
            T("scores", (CHANNELS, 1, 1, CHANNELS), "float32"),
        ],
        [convolution("maps", "image", "weights", "bias"), O("MUL", ["maps", "weights"], ["scores"])],
    )


def bands_classifier():
    """It is right on the images of `bands`: the class is that of three bands of rows which is the brightest."""
    rows = np.repeat(np.eye(3) - 0.5, SIZE // 3, axis=1).astype(np.float32)
    kernel = np.zeros((1, 3, 3, 1), np.float32)
    kernel[0, 1, 1] = 1
    return network(
        [
            T("image", (1, SIZE, SIZE, 1), "float32"),
            T("kernel", data=kernel),
            T("no bias", data=np.zeros(1, np.float32)),
            T("copy", (1, SIZE, SIZE, 1), "float32"),
            T("shape", data=np.array([1, SIZE * SIZE], np.int32)),
            T("pixels", (1, SIZE * SIZE), "float32"),
            T("matrix", data=np.repeat(rows, SIZE, axis=1)),
            T("biases", data=np.zeros(3, np.float32)),
            T("scores", (1, 3), "float32"),
        ],
        [
            convolution("copy", "image", "kernel", "no bias"),
            O("RESHAPE", ["copy", "shape"], ["pixels"]),
            O("FULLY_CONNECTED", ["pixels", "matrix", "biases"], ["scores"]),
        ],
    )


SHARED = (
    two_convolutions_with_one_bias,
    two_convolutions_with_one_buffer,
    two_dense_layers_with_one_bias,
    a_bias_that_is_added_too,
    weights_that_are_multiplied_too,
)


def reduced(op, axes, shape):
    """One reduction over the axes of the input."""
    return network(
        [
            T("image", MAPS, "float32"),
            T("axes", data=np.array(axes, np.int32)),
            T("reduced", shape, "float32"),
        ],
        [O(op, ["image", "axes"], ["reduced"])],
    )


def inputs_of(model):
    """Random values from 0 to 1 for the one input of `model`."""
    graph = read_graph(model)
    (tensor,) = graph.of(graph.inputs)
    return Samples((np.random.default_rng(0).random((8, *tensor.shape[1:]), np.float32),))


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


@pytest.mark.parametrize("model", set(SHARED) - {a_bias_that_is_added_too}, ids=lambda model: model.__name__)
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


@pytest.mark.usefixtures("without_tensorflow")
def test_a_float_file_is_converted_proved_and_measured_without_tensorflow(source, tmp_path, run_here):
    out = tmp_path / "out.tflite"
    code, text, _ = run_here("convert", source, "--data", bands(SIZE, True, False), "--out", out, "--json")
    document = json.loads(text)
    assert code == 0
    assert (document["engine"], document["readiness"]["ready"]) == ("litert", True)
    assert document["uint8"]["accuracy"]["top1"]["value"] == 1
    assert [row["runs"] for row in document["runtimes"]] == [True] * len(document["runtimes"])
    provenance = read_model_file(out).manifest.provenance
    assert (provenance["engine"], sorted(provenance["versions"])) == ("litert", ["ai-edge-litert", "edgeready"])


@pytest.mark.usefixtures("without_tensorflow")
def test_a_budget_is_kept_without_tensorflow(source, tmp_path, run_here):
    arguments = ("--data", bands(SIZE, True, False), "--out", tmp_path / "out.tflite", "--max-drop", "99", "--json")
    code, text, _ = run_here("convert", source, *arguments)
    assert (code, json.loads(text)["budget"]["choice"]) == (0, 0)


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
