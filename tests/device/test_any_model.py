"""Models of any kind through info, benchmark and compare: what is fed, and what a .npz may hold."""

from __future__ import annotations

import json
from argparse import Namespace
from functools import partial

import numpy as np
import pytest

from edgeready_device import cli
from edgeready_device.benchmarking.benchmark import BenchmarkConfig, benchmark
from edgeready_device.benchmarking.interleaved import InterleavedConfig
from edgeready_device.commands import doctor
from edgeready_device.errors import DatasetError, ModelFileError, NotFoundError
from edgeready_device.model_file.reader import TfliteModel, read_model_file
from edgeready_device.model_inputs import read_inputs, seeded_inputs
from edgeready_device.runtime.runtime import choose_runtime
from edgeready_device.session import Session
from edgeready_device.tflite.graph import Graph, Op, Tensor
from edgeready_device.tflite.kind import kind_of

QUICK = ["--runs", "2", "--min-time", "0", "--warmup-runs", "0", "--warmup-time", "0", "--json"]


@pytest.fixture
def npz(tmp_path):
    def make(**arrays):
        path = tmp_path / "inputs.npz"
        np.savez(path, **{name.replace("__", ":"): array for name, array in arrays.items()})
        return path

    return make


@pytest.fixture
def run(capsys):
    def call(*words):
        code = cli.main(list(map(str, words)))
        out, err = capsys.readouterr()
        return code, out, err

    return call


# -- seeded noise ------------------------------------------------------------------------------------------------


def test_noise_has_the_type_the_shape_and_the_range_of_each_input(model):
    inputs = seeded_inputs(read_model_file(model("many_ends")), count=50)
    choice, a, tokens = (np.stack([sample[i] for sample in inputs.samples]) for i in range(3))
    assert (choice.dtype, choice.shape, sorted(set(choice.flat))) == (bool, (50, 1, 4), [False, True])
    assert (a.dtype, a.shape) == (np.float32, (50, 1, 4))
    assert -1 <= a.min() < -0.9 < 0.9 < a.max() <= 1
    assert (tokens.dtype, tokens.shape, sorted(set(tokens.flat))) == (np.int32, (50, 1, 3), [0, 1])
    assert inputs.source == "seeded noise (bool 0 and 1, float32 from -1 to 1, int32 0 and 1)"


@pytest.mark.parametrize(
    ("dtype", "scale", "low", "high"),
    [
        ("int8", 0.5, -128, 127),
        ("uint8", 0.5, 0, 255),
        ("uint8", None, 0, 255),
        ("int16", 0.5, -32768, 32767),
        ("int16", None, 0, 1),
        ("int64", None, 0, 1),
        ("int32", None, 0, 1),
    ],
)
def test_quantized_integers_take_their_whole_range_and_others_are_small(dtype, scale, low, high):
    sample = seeded_inputs(_file([((1, 500), dtype, scale)], []), count=40).samples
    values = np.concatenate([tensors[0] for tensors in sample])
    assert values.dtype == dtype
    spread = (high - low) // 100 + 1
    assert (low <= values.min() < low + spread, high - spread < values.max() <= high) == (True, True)


def test_noise_is_the_same_each_time_and_another_by_its_seed(model):
    file = read_model_file(model("many_ends"))
    first, second, other = (seeded_inputs(file, seed=seed)[0][1].tolist() for seed in (0, 0, 1))
    assert first == second != other


@pytest.mark.parametrize("name", ["text_input", "resource_input", "open_series"])
def test_noise_for_what_cannot_be_fed_is_refused(name, model):
    with pytest.raises(ModelFileError, match=r"takes text|cannot be fed|is open"):
        seeded_inputs(read_model_file(model(name)))


# -- a .npz ------------------------------------------------------------------------------------------------------

CHOICE, A, TOKENS = np.array([[True, False, True, False]]), np.arange(4.0)[None], np.array([[4, 0, 2]])


@pytest.mark.parametrize(
    "names", [("choice", "a", "tokens"), ("input_0", "input_1", "input_2"), ("choice", "input_1", "tokens")]
)
def test_arrays_are_named_by_their_tensor_or_their_number(names, model, npz, runtime):
    file, inputs = read_inputs(npz(**dict(zip(names, (CHOICE, A, TOKENS)))), read_model_file(model("many_ends")))
    assert [tensor.dtype for tensor in inputs[0]] == [bool, np.float32, np.int32]
    chosen, rows = Session.from_file(file, runtime=runtime.name).invoke(inputs[0])
    assert chosen.tolist() == [[0, 20, 2, 40]]
    assert rows.tolist() == [[[8, 9], [0, 1], [4, 5]]]


def test_an_array_may_have_the_name_that_the_author_gave(npz):
    file = _file([((1, 4), "float32")], [], names=("serving_default_sound:0",))
    assert read_inputs(npz(sound=A), file)[1][0][0].tolist() == [[0, 1, 2, 3]]
    assert read_inputs(npz(whatever=A), file)[1][0][0].tolist() == [[0, 1, 2, 3]]  # there is but one


@pytest.mark.parametrize(
    ("shape", "count"), [((1, 4), 1), ((5, 4), 5), ((5, 1, 4), 5)], ids=["one", "along the batch", "in front"]
)
def test_samples_come_along_the_batch_or_in_front_of_it(shape, count, model, npz):
    file = _file([((1, 4), "float32")], [])
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    _, inputs = read_inputs(npz(x=values), file)
    assert [sample[0].shape for sample in inputs.samples] == [(1, 4)] * count
    assert np.concatenate([sample[0] for sample in inputs.samples]).tolist() == values.reshape(-1, 4).tolist()


def test_a_batch_above_one_is_one_sample(model, npz):
    file = read_model_file(model("batch_of_features"))
    assert len(read_inputs(npz(x=np.zeros((2, 3), np.float32)), file)[1]) == 1
    assert len(read_inputs(npz(x=np.zeros((7, 2, 3), np.float32)), file)[1]) == 7


def test_real_values_are_quantized_and_whole_ones_go_in_as_they_are(model, npz):
    file = read_model_file(model("quantized_map"))  # scale 0.5, zero point 3
    real = np.full((1, 3, 3, 2), 2.0)
    assert read_inputs(npz(picture=real), file)[1][0][0].ravel().tolist() == [7] * 18
    assert read_inputs(npz(picture=real.astype(np.int64)), file)[1][0][0].ravel().tolist() == [2] * 18


def test_the_arrays_size_is_that_of_an_open_input(model, npz, runtime):
    file, inputs = read_inputs(npz(wave=np.arange(6.0)), read_model_file(model("open_series")))
    assert Session.from_file(file, runtime=runtime.name).invoke(inputs[0])[0].tolist() == [15.0]


NAMES = {"choice": CHOICE, "a": A, "tokens": TOKENS}
BAD = {
    "missing": ({"choice": CHOICE, "a": A}, "no array 'tokens' or 'input_2' among 'choice', 'a'|among nothing"),
    "one too many": ({**NAMES, "mask": A}, "it holds 'mask' besides the model's inputs: leave it out"),
    "shape": ({**NAMES, "a": np.zeros((1, 5))}, r"array 'a' has the shape \[1, 5\], and the model takes \[1, 4\]"),
    "rank": ({**NAMES, "a": np.zeros(4)}, r"array 'a' has the shape \[4\], and the model takes \[1, 4\]"),
    "no samples": ({**NAMES, "a": np.zeros((0, 4))}, r"array 'a' has the shape \[0, 4\]"),
    "counts": ({**NAMES, "a": np.zeros((3, 4))}, "it holds 1 of 'choice', 3 of 'a', 1 of 'tokens': give as many"),
    "float tokens": ({**NAMES, "tokens": TOKENS * 1.5}, "array for 'tokens' is float64, and the model takes int32"),
    "large tokens": ({**NAMES, "tokens": TOKENS << 40}, "array for 'tokens' is int64, and the model takes int32"),
    "complex": ({**NAMES, "a": A * 1j}, "array for 'a' is complex128, and the model takes float32: convert it first"),
    "text": ({**NAMES, "a": np.array([["a"] * 4])}, "array for 'a' is <U1, and the model takes float32"),
    "whole choice": ({**NAMES, "choice": CHOICE * 7}, "array for 'choice' is int64, and the model takes bool"),
}


@pytest.mark.parametrize("case", BAD)
def test_arrays_that_do_not_fit_are_refused_with_what_is_wrong(case, model, npz):
    arrays, message = BAD[case]
    with pytest.raises(DatasetError, match=message) as caught:
        read_inputs(npz(**arrays), read_model_file(model("many_ends")))
    assert "\n" not in str(caught.value)


def test_real_values_that_are_no_numbers_are_not_quantized(model, npz):
    with pytest.raises(DatasetError, match="'picture': the values hold NaN"):
        read_inputs(npz(picture=np.full((1, 3, 3, 2), np.nan)), read_model_file(model("quantized_map")))


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04", b"no archive", np.lib.format.MAGIC_PREFIX + b"\1\0"],
    ids=["empty", "zip", "text", "npy"],
)
def test_a_file_that_is_no_npz_is_refused_in_one_line(content, model, tmp_path, run):
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    code, out, err = run("benchmark", model("many_ends"), "--inputs", path, *QUICK)
    assert (code, out) == (3, "")
    (line,) = err.splitlines()
    assert line.startswith(f"edgeready-device: {path}: no readable .npz (")


def test_one_array_is_no_npz_and_pickles_are_not_read(model, tmp_path):
    path = tmp_path / "x.npz"
    with path.open("wb") as stream:
        np.save(stream, A)
    with pytest.raises(DatasetError, match="it is one array"):
        read_inputs(path, read_model_file(model("many_ends")))
    np.savez(path, a=np.array([print], object))
    with pytest.raises(DatasetError, match="no readable "):
        read_inputs(path, read_model_file(model("many_ends")))


def test_a_file_that_is_not_there_is_not_found(model, tmp_path):
    with pytest.raises(NotFoundError, match="no such file; name a "):
        read_inputs(tmp_path / "none.npz", read_model_file(model("many_ends")))


# -- benchmark and compare ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["many_ends", "exact", "batch_of_features", "quantized_map"])
def test_a_benchmark_measures_any_model_and_says_what_was_fed(name, model, litert):
    config = BenchmarkConfig(runs=2, min_time_s=0, warmup_runs=0, warmup_s=0, runtime=litert.name)
    result = benchmark(model(name), config)
    assert result.summary.count == 2
    assert result.inputs == seeded_inputs(read_model_file(model(name))).source
    assert benchmark(Session.load(model(name), runtime=litert.name), config).inputs == result.inputs


def test_a_classifier_is_still_fed_a_frame_unless_inputs_are_given(model, npz, run):
    code, out, _ = run("benchmark", model("conv"), *QUICK)
    assert (code, "inputs" in json.loads(out)) == (0, False)
    path = npz(image=np.zeros((1, 8, 8, 1), np.uint8))
    code, out, _ = run("benchmark", model("conv"), "--inputs", path, *QUICK)
    assert (code, json.loads(out)["inputs"]) == (0, str(path))


def test_the_command_says_how_to_feed_ones_own_values(model, run):
    code, out, _ = run("benchmark", model("many_ends"), *QUICK[:-1])
    assert code == 0
    fed = "seeded noise (bool 0 and 1, float32 from -1 to 1, int32 0 and 1); your own: --inputs FILE.npz"
    assert f"inputs      {fed}" in out.splitlines()


def test_an_output_without_values_is_empty_and_no_failure(model, runtime):
    session = Session.load(model("places"), runtime=runtime.name)
    shapes = [session.invoke([np.array([row], np.float32)])[0].shape for row in ([0] * 4, [1, 0, 0, 2], [0] * 4)]
    assert shapes == [(0, 2), (2, 2), (0, 2)]


def test_models_of_any_kind_are_compared(model, run, monkeypatch):
    quick = partial(InterleavedConfig, turn_s=0, turn_runs=1, warmup_s=0)
    monkeypatch.setattr("edgeready_device.benchmarking.interleaved.InterleavedConfig", quick)
    code, out, err = run("compare", model("many_ends"), model("exact"), "--time", "0", "--json")
    assert (code in (0, 1), err) == (True, "")
    assert json.loads(out)["verdict"] in ("slower", "faster", "no difference shown")


def test_tokens_outside_of_a_table_end_in_a_sentence(model, npz, run):
    path = npz(choice=CHOICE, a=A, tokens=TOKENS + 90)
    code, _, err = run("benchmark", model("many_ends"), "--inputs", path, *QUICK)
    assert code == 3
    assert err.startswith(f"edgeready-device: {model('many_ends')}: {choose_runtime()} fails in a run (op 1 GATHER: ")


# -- info --------------------------------------------------------------------------------------------------------


def test_info_describes_any_model(model, run):
    code, out, _ = run("info", model("many_ends"))
    assert code == 0
    lines = dict(line.split("  ", 1) for line in out.splitlines() if not line.startswith(" "))
    found = {key: value.strip() for key, value in lines.items()}
    assert found["kind"] == "it seems to be a model with 3 inputs; info, benchmark, compare, tune and verify take it"
    assert (found["input 0"], found["input 2"]) == ("bool [1, 4] choice", "int32 [1, 3] tokens")
    assert (found["output 0"], found["output 1"]) == ("float32 [1, 4] chosen", "float32 [1, 3, 2] rows")
    assert found["ops"] == "1 SELECT, 1 GATHER"


def test_info_as_data_has_every_end(model, run):
    data = json.loads(run("info", model("quantized_map"), "--json")[1])
    end = {"dtype": "int8", "shape": [1, 3, 3, 2], "scale": 0.5, "zero_point": 3}
    assert (data["inputs"], data["outputs"]) == ([{"name": "picture", **end}], [{"name": "map", **end}])
    assert (data["remembers"], data["open_sizes"], data["compiled_for"]) == (False, False, None)


def test_info_tells_what_is_compiled_open_or_remembers(model, run):
    assert "for Ethos-U by Vela: no CPU runs it" in _info(run, model("ethos_u"))
    assert "open: give --input-size WxH for an image, or --inputs FILE.npz" in _info(run, model("open_series"))


def _info(run, path):
    return run("info", path)[1]


def _file(inputs, outputs, op="NoSuchOp", names=()) -> TfliteModel:
    """A model without a flatbuffer: ends are (shape, type) or (shape, type, scale), the inputs called x0, x1 ..."""
    ends = [*inputs, *outputs]
    names = (*names, *[f"x{i}" for i in range(len(names), len(inputs))], *[f"y{i}" for i in range(len(outputs))])
    tensors = []
    for name, (shape, dtype, *scale) in zip(names, ends):
        scales = tuple(filter(None, scale))
        tensors.append(Tensor(len(tensors), name, shape, shape, dtype, scales=scales, zero_points=(0,) * len(scales)))
    first, last = tuple(range(len(inputs))), tuple(range(len(inputs), len(ends)))
    ops = (Op(0, "CUSTOM", 1, inputs=first, outputs=last, custom_code=op),)
    return TfliteModel.of_graph(Graph(tensors=tuple(tensors), ops=ops, inputs=first, outputs=last))


def _graph(inputs, outputs, last="NoSuchOp") -> Graph:
    return _file(inputs, outputs, last).graph


PICTURE = ((1, 640, 640, 3), "float32")
KINDS = {
    "ssd": ([PICTURE], [((1, 10, 4), "float32")] * 1 + [((1, 10), "float32")] * 2 + [((1,), "float32")], "detector"),
    "ssd op": ([PICTURE], [((1, 1), "float32")] * 4, "an object detector (SSD with TFLite_Detection_PostProcess)"),
    "yolo v5": ([PICTURE], [((1, 25200, 85), "float32")], "a detector with a YOLO head ([1, 25200, 85])"),
    "yolo v8": ([PICTURE], [((1, 84, 8400), "float32")], "a detector with a YOLO head ([1, 84, 8400])"),
    "segmentation": (
        [PICTURE],
        [((1, 160, 160, 21), "float32")],
        "a segmentation or feature map ([1, 160, 160, 21])",
    ),
    "classes map": ([PICTURE], [((1, 513, 513), "int64")], "a segmentation or feature map ([1, 513, 513])"),
    "super resolution": ([((1, 50, 50, 3), "float32")], [((1, 200, 200, 3), "float32")], "gives a picture or a map"),
    "pose": ([((1, 192, 192, 3), "int32")], [((1, 1, 17, 3), "float32")], "a pose model with 17 key points"),
    "sound": ([((1, 16000), "float32")], [((1, 35), "float32")], "a model of sound, of a series or of flattened"),
    "text": ([((1, 128), "int32")] * 3, [((1, 2), "float32")], "a text model, which takes numbers of tokens"),
    "features": ([((1, 13), "float32")], [((1, 3), "float32")], "a model of 13 features"),
    "two inputs": ([PICTURE, ((1, 4), "float32")], [((1, 3), "float32")], "a model with 2 inputs"),
    "one number": ([PICTURE], [((1, 1), "float32")], "a model with one number as output"),
    "classifier": ([PICTURE], [((1, 1000), "float32")], "an image classifier"),
    "batch": ([((8, 32, 32, 3), "float32")], [((8, 10), "float32")], "an image classifier"),
    "one pixel": ([((1, 1, 1, 3), "float32")], [((1, 10), "float32")], "an image classifier"),
    "channels first": ([((1, 3, 224, 224), "float32")], [((1, 1000), "float32")], "an image classifier"),
    "maps": ([PICTURE], [((1, 20, 20, 255), "float32"), ((1, 40, 40, 255), "float32")], "2 maps as outputs"),
}


@pytest.mark.parametrize("case", KINDS)
def test_a_model_is_called_by_what_it_seems_to_be(case):
    inputs, outputs, words = KINDS[case]
    kind = kind_of(_graph(inputs, outputs, last="TFLite_Detection_PostProcess" if case == "ssd op" else "NoSuchOp"))
    assert words in kind.name
    assert kind.classifier == (case in ("one number", "classifier", "channels first", "batch", "one pixel"))
    assert ("detect takes it" in kind.sentence) == (case in ("ssd op", "yolo v5", "yolo v8"))


def test_an_embedding_is_told_by_its_name_or_its_norm():
    picture = Tensor(0, "x", (1, 8, 8, 3), (1, 8, 8, 3), "float32")
    for name, op in (("face_embedding", "RELU"), ("y", "L2_NORMALIZATION")):
        row = Tensor(1, name, (1, 128), (1, 128), "float32")
        graph = Graph(tensors=(picture, row), ops=(Op(0, op, 1, (0,), (1,)),), inputs=(0,), outputs=(1,))
        assert kind_of(graph).name == "an embedding (a vector of 128 features)"


# -- what is no classifier is refused by classify and evaluate, and doctor runs it -----------------------------------

REFUSALS = {
    "many_ends": "an image classifier has one input; it seems to be a model with 3 inputs; info, benchmark, ",
    "open_series": "it seems to be a model of sound, of a series or of flattened features, which takes one row of ",
    "batch_of_features": "it seems to be a model of 6 features; info, benchmark, compare, tune and verify take it",
    "text_input": "it seems to be a text model, which takes numbers of tokens; info, benchmark, compare, tune and ",
    "exact": "it seems to be a model of 4 features; info, benchmark",
}


@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.parametrize("verb", ["classify", "evaluate"])
def test_a_classifier_s_verbs_say_what_the_file_seems_to_be(verb, name, model, run, tmp_path):
    np.save(tmp_path / "frame.npy", np.zeros((2, 2, 3), np.uint8))
    np.savez(tmp_path / "set.npz", x=np.zeros((1, 2, 2, 3), np.uint8), y=np.zeros(1, int))
    code, out, err = run(verb, model(name), tmp_path / ("frame.npy" if verb == "classify" else "set.npz"))
    assert (code, out, len(err.splitlines())) == (3, "", 1)
    assert err.startswith(f"edgeready-device: {model(name)}: ")
    assert REFUSALS[name] in err


def test_an_embedding_is_classified_only_with_labels(model, tmp_path, run):
    path, frame, labels = model("face_embedding"), tmp_path / "frame.npy", tmp_path / "labels.txt"
    np.save(frame, np.array([[[1], [9]], [[3], [4]]], np.uint8))
    labels.write_text("a\nb\nc\nd\n")
    code, out, err = run("classify", path, frame)
    assert (code, out) == (3, "")
    assert "it seems to be an embedding (a vector of 4 features); info, benchmark, compare, tune and verify " in err
    assert "if its output is a row of class scores, give --labels" in err
    code, out, _ = run("classify", path, frame, "--labels", labels, "--top", "1", "--json")
    assert (code, json.loads(out)[0]["predictions"][0]["label"]) == (0, "b")
    assert "an embedding (a vector of 4 features)" in _info(run, path)


def test_doctor_runs_any_model_and_refuses_what_cannot_be_fed(model, run):
    code, out, _ = run("doctor", model("many_ends"))
    assert code == 0
    assert f"{model('many_ends')} runs on " in out


@pytest.mark.parametrize("name", ["text_input", "open_image"])
def test_doctor_is_refused_what_cannot_be_fed(name, model):
    options = Namespace(model=model(name), input_size=None)
    with pytest.raises(ModelFileError, match=r"takes text|is open"):
        doctor._subject(options)
    options.model, options.input_size = model("open_image"), "8x6"
    file = TfliteModel.from_bytes(doctor._subject(options).flatbuffer)
    assert file.graph.tensors[0].shape == (1, 6, 8, 3)


def test_info_of_an_open_image_shows_no_frame_of_one_pixel(model, run):
    text = _info(run, model("open_image"))
    assert "uint8 [-1, -1, -1, 3] (scale 1, zero point 0) image" in text
    assert "1x1" not in text


def test_info_of_a_classifier_that_remembers_says_so(model, run):
    assert "state           it remembers; every answer starts from " in _info(run, model("rnn"))
    assert "state" not in _info(run, model("conv"))


def test_a_row_of_samples_is_no_picture():
    for shape in ((1, 1, 16000), (1, 16000, 1), (1, 16000, 1, 1)):
        kind = kind_of(_graph([(shape, "float32")], [((1, 12), "float32")]))
        assert kind.name.startswith("a model of sound"), shape
