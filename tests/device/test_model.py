from __future__ import annotations

import math
import threading

import numpy as np
import pytest

from edgeready_device.benchmarking.benchmark import BenchmarkConfig, benchmark
from edgeready_device.errors import EdgereadyError, ImageError, ModelFileError, NotFoundError, UsageError
from edgeready_device.evaluation import evaluate
from edgeready_device.machine.machine import bound_threads
from edgeready_device.model import Model
from edgeready_device.model_file.contract import Description
from edgeready_device.model_file.manifest import InputSpec
from edgeready_device.normalization import Normalization
from edgeready_device.postprocess import Prediction

# For the model `sums` (see models.py): raw outputs 10 + 16, 10 + 8, 10 + 40 / 4 + 1.
FRAME = np.array([[16, 8], [4, 12]], np.uint8)
RAW = [26, 18, 21]
REAL = [2.0, 1.0, 1.375]


@pytest.fixture(params=["default", "reference"])
def load(request, model, runtime):
    """Loads a model (a name in models.py or a path) on each runtime and kernel path."""

    def make(path):
        return Model.load(model(path) if isinstance(path, str) else path, runtime=runtime.name, kernels=request.param)

    return make


# -- with the shipped stand-in ---------------------------------------------------------------------------------


def test_the_interpreter_gets_the_frame_with_batch_one(faked):
    seen = []

    def answer(tensor):
        seen.append(tensor)
        return np.array([[26, 18, 21]], np.uint8)

    found = faked("sums", answer).run(FRAME)
    assert [(t.shape, t.dtype, t.reshape(-1).tolist()) for t in seen] == [((1, 2, 2, 1), np.uint8, [16, 8, 4, 12])]
    assert found.dtype == np.float32
    assert found.tolist() == REAL


def test_classify_turns_logits_into_probabilities(faked, complete):
    model = faked(complete(), lambda tensor: np.array([[26, 18, 21]], np.uint8))
    powers = [math.exp(value) for value in REAL]
    found = model.classify(FRAME)
    assert [(p.label, p.index) for p in found] == [("left", 0), ("both", 2), ("right", 1)]
    assert [p.score for p in found] == pytest.approx([powers[i] / sum(powers) for i in (0, 2, 1)], rel=1e-6)


def test_classify_leaves_probabilities_as_they_are(faked, complete):
    model = faked(complete(scores="probabilities"), lambda tensor: np.array([[12, 18, 11]], np.uint8))
    assert model.classify(FRAME, top=2) == [Prediction("right", 1, 1.0), Prediction("left", 0, 0.25)]


def test_the_scores_are_those_of_the_output_that_run_gives(faked, complete):
    raw = np.array([[26, 18, 21]], np.uint8)
    model = faked(complete(), lambda tensor: raw)
    assert model.predictions(raw[0], top=2) == model.classify(FRAME, top=2)
    assert model.classify(FRAME, threshold=0.5) == model.classify(FRAME, top=1)


def test_many_frames_are_classified_and_run_one_after_the_other(faked):
    model = faked("echo_rgb", lambda tensor: tensor.reshape(1, -1))
    frames = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    assert [found[0].index for found in model.classify_many(frames, top=1)] == [11, 11]
    assert model.classify_many(iter(frames), 3) == [model.classify(frame, 3) for frame in frames]
    found = model.run_many(frames)
    assert (found.dtype, found.tolist()) == (np.float32, [model.run(frame).tolist() for frame in frames])
    assert (model.run_many([]).shape, model.classify_many([])) == ((0, 12), [])


def test_a_model_can_be_read_otherwise_than_its_file_says(faked, complete):
    model = faked(complete(), lambda tensor: np.array([[26, 18, 21]], np.uint8))
    said = Description(labels=("a", "b", "c"), normalization=Normalization((2.0,), (0.5,)), scores="probabilities")
    other = model.described_as(said)
    assert (other.classify(FRAME, 1)[0].label, other.classify(FRAME, 1)[0].score) == ("a", 2.0)
    assert other.quantize(FRAME).reshape(-1).tolist() == [28, 12, 4, 20]
    assert model.classify(FRAME, 1)[0].label == "left"
    assert other.session is model.session


def test_a_replica_is_read_as_its_model_is(load):
    said = Description(labels=("a", "b", "c"))
    assert load("sums").described_as(said).replicate().labels == ("a", "b", "c")


def test_a_model_measures_itself(runtime, model):
    opened = Model.load(model("sums"), runtime=runtime.name, threads=2, kernels="reference")
    found = benchmark(opened, BenchmarkConfig(runs=3, min_time_s=0.0))
    assert (found.runtime, found.threads, found.kernels) == (runtime, bound_threads(2), "reference")
    assert len(found.latencies_s) == 3


def test_a_model_says_what_it_is(faked, model):
    found = faked("sums", None)
    assert found.path == model("sums")
    assert (found.input.shape, found.output.dtype, found.labels) == ((1, 2, 2, 1), "uint8", ("0", "1", "2"))
    assert (found.threads, found.kernels, str(found.runtime)) == (1, "default", "fake 0")


def test_the_frame_may_leave_out_or_carry_the_one_channel(faked):
    model = faked("sums", None)
    assert model.quantize(FRAME).shape == (1, 2, 2, 1)
    assert model.quantize(FRAME[..., np.newaxis]).shape == (1, 2, 2, 1)
    rank3 = faked("rank3", None)
    assert rank3.quantize(np.zeros((2, 4), np.uint8)).shape == (1, 2, 4)
    assert rank3.quantize(np.zeros((2, 4, 1), np.uint8)).shape == (1, 2, 4)


def test_a_float_frame_is_quantized_but_not_normalized(faked):
    model = faked("sums", None).described_as(Description(normalization=Normalization((2.0,), (0.5,))))
    values = np.array([[0.5, 1.5], [-3.0, 300.0]], np.float64)
    found = model.quantize(values)
    assert (found.dtype, found.reshape(-1).tolist()) == (np.uint8, [0, 2, 0, 255])


def test_a_uint8_frame_is_normalized_and_quantized(faked):
    # (p - 2) / 0.5 in steps of 1.0
    model = faked("sums", None).described_as(Description(normalization=Normalization((2.0,), (0.5,))))
    assert model.quantize(FRAME).reshape(-1).tolist() == [28, 12, 4, 20]


def test_each_channel_is_normalized_by_its_own_numbers(faked, complete):
    frame = InputSpec(2, 2, 3, "stretch", Normalization((0.0, 1.0, 2.0), (1.0, 0.5, 0.25)))
    model = faked(complete("echo_rgb", labels=None, frame=frame), None)
    pixels = np.full((2, 2, 3), 10, np.uint8)
    assert model.quantize(pixels)[0, 1, 1].tolist() == [10, 18, 32]


def test_a_float_model_gets_zero_to_one_from_pixels_and_floats_as_they_are(faked):
    model = faked("echo_float", None).described_as(Description(preset="unit"))
    found = model.quantize(np.array([[0, 51], [102, 255]], np.uint8))
    assert found.dtype == np.float32
    assert found.reshape(-1).tolist() == [0.0, np.float32(0.2), np.float32(0.4), 1.0]
    assert model.quantize(np.array([[-0.5, 0], [1.5, 1]])).reshape(-1).tolist() == [-0.5, 0.0, 1.5, 1.0]


def test_pixels_for_a_float_model_of_which_nothing_is_said_are_refused_and_values_are_not(faked, model):
    found = faked("echo_float", lambda tensor: tensor.reshape(1, -1))
    for call in (found.quantize, found.classify, found.run, lambda frame: found.classify_many([frame])):
        with pytest.raises(ModelFileError, match="does not state the normalization of its float32 input") as caught:
            call(FRAME)
        assert str(caught.value).startswith(str(model("echo_float")))
    with pytest.raises(ModelFileError, match="does not state the normalization"):
        evaluate(found, FRAME[np.newaxis], np.zeros(1, np.int64))
    assert found.run(np.array([[-1.5, 0], [300, 1]])).tolist() == [-1.5, 0.0, 300.0, 1.0]
    said = found.described_as(Description(normalization=Normalization((0.0,), (1.0,))))
    assert said.run(FRAME).tolist() == [16.0, 8.0, 4.0, 12.0]


def test_many_frames_give_a_row_each(faked):
    model = faked("echo_rgb", lambda tensor: tensor.reshape(1, -1) + 1)
    frames = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    assert model.invoke_many(frames).tolist() == [list(range(1, 13)), list(range(13, 25))]


def test_no_frames_give_no_rows(faked):
    found = faked("sums", None).invoke_many(np.empty((0, 2, 2), np.uint8))
    assert (found.shape, found.dtype) == ((0, 3), np.uint8)


@pytest.mark.parametrize("shape", [(3, 2), (3, 3, 1), (2, 3, 3), (3, 2, 1)])
def test_a_frame_of_another_size_is_refused(faked, shape):
    with pytest.raises(ImageError) as caught:
        faked("sums", None).classify(np.zeros(shape, np.uint8))
    assert str(caught.value) == (
        f"the frame has the shape {list(shape)}, the model takes [2, 2, 1]: resize it first, as fit_frame(picture, "
        "model.contract.frame) does"
    )
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("top", [0, -1])
def test_fewer_than_one_label_is_refused(faked, top):
    with pytest.raises(UsageError, match=f"top is {top}"):
        faked("sums", lambda tensor: np.zeros((1, 3), np.uint8)).classify(FRAME, top)


# -- with the runtimes that are installed ----------------------------------------------------------------------


def test_a_real_runtime_gives_the_answer_worked_out_by_hand(load):
    model = load("sums")
    tensor = model.quantize(FRAME)
    assert model.invoke(tensor).tolist() == RAW
    assert model.invoke(tensor).dtype == np.uint8
    assert model.run(FRAME).tolist() == REAL


def test_a_real_runtime_saturates_at_the_ends_of_the_output(load):
    # 10 + 255 is above 255; 10 + 0 is the zero point
    assert load("sums").invoke(load("sums").quantize(np.array([[255, 0], [0, 1]], np.uint8))).tolist() == [
        255,
        10,
        75,
    ]


def test_a_complete_file_classifies_with_its_labels(load, complete):
    found = load(complete()).classify(FRAME, top=1)
    powers = [math.exp(value) for value in REAL]
    assert [(p.label, p.index) for p in found] == [("left", 0)]
    assert found[0].score == pytest.approx(powers[0] / sum(powers), rel=1e-6)


def test_the_normalization_of_the_file_reaches_the_runtime(load):
    # (p - 2) / 0.5: 28, 12, 4, 20
    assert load("float_metadata").run(FRAME).tolist() == [28.0, 12.0, 4.0, 20.0]


def test_metadata_that_contradicts_the_range_does_not_reach_the_runtime(load):
    assert load("sums_normalized").run(FRAME).tolist() == REAL


def test_an_input_of_rank_three_runs(load):
    frame = np.arange(8, dtype=np.uint8).reshape(2, 4)
    assert load("rank3").invoke(load("rank3").quantize(frame)).tolist() == list(range(8))


def test_a_colour_frame_keeps_its_channel_order(load):
    frame = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert load("echo_rgb").run(frame).tolist() == [float(i) for i in range(12)]


def test_a_frame_in_another_memory_order_gives_the_same_answer(load):
    frame = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert load("echo_rgb").run(np.asfortranarray(frame)).tolist() == [float(i) for i in range(12)]
    assert load("echo_rgb").run(frame[::-1, :, ::-1]).tolist() == frame[::-1, :, ::-1].reshape(-1).tolist()


def test_int8_and_int16_models_run(load):
    pixels = np.array([[0, 1], [2, 255]], np.uint8)
    assert load("echo_int8").run(pixels).tolist() == [0.0, 1.0, 2.0, 255.0]
    model = load("echo_int16").described_as(Description(preset="unit"))  # 1 is 32768 / 255 = 128.5
    assert model.invoke(model.quantize(pixels)).tolist() == [0, 129, 257, 32767]


def test_a_float_model_runs(load):
    found = load("echo_float").run(np.array([[0.5, -1.0], [2.0, 0.0]]))
    assert (found.dtype, found.tolist()) == (np.float32, [0.5, -1.0, 2.0, 0.0])


def test_a_convolution_gives_probabilities(load):
    frame = np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    scores = [p.score for p in load("rgb").classify(frame, top=9)]
    assert len(scores) == 5
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1.0, abs=3 / 256)


def test_an_output_is_the_callers_own(load):
    model = load("sums")
    first = model.invoke(model.quantize(FRAME))
    model.invoke(model.quantize(np.zeros((2, 2), np.uint8)))
    assert first.tolist() == RAW


def test_a_replica_is_another_interpreter_with_the_same_answers(load):
    model = load("sums")
    copy = model.replicate()
    assert copy is not model
    assert copy.session._interpreter is not model.session._interpreter
    assert (copy.file, copy.runtime, copy.threads, copy.kernels) == (
        model.file,
        model.runtime,
        model.threads,
        model.kernels,
    )
    assert copy.run(FRAME).tolist() == REAL


def test_reference_kernels_give_the_recorded_bits_on_every_runtime_and_machine(runtime, model):
    frames = (np.arange(256) * 97 % 256).astype(np.uint8).reshape(4, 8, 8)
    found = Model.load(model("conv"), runtime=runtime.name, kernels="reference").invoke_many(frames)
    assert found.tolist() == [[29, 97, 130], [46, 97, 113], [59, 89, 108], [45, 111, 100]]  # recorded on x86-64


def test_one_model_shared_by_threads_gives_each_its_own_answer(runtime, model):
    shared = Model.load(model("sums"), runtime=runtime.name)
    wrong = []

    def work(number: int) -> None:
        frame = np.full((2, 2), number, np.uint8)
        for _ in range(200):
            found = shared.invoke(shared.quantize(frame)).tolist()
            if found != [10 + number, 10 + number, 11 + number]:
                wrong.append((number, found))

    threads = [threading.Thread(target=work, args=(number,)) for number in (3, 50, 101, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_classify_from_many_threads_gives_each_its_own_answer(runtime, model):
    shared = Model.load(model("rgb"), runtime=runtime.name)
    frames = np.random.default_rng(5).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    expected = shared.classify_many(frames)
    wrong = []

    def work(number: int) -> None:
        wrong.extend(number for _ in range(200) if shared.classify(frames[number]) != expected[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_two_threads_of_the_runtime_give_the_same_answer(runtime, model):
    assert Model.load(model("sums"), runtime=runtime.name, threads=2).run(FRAME).tolist() == REAL


def test_a_file_that_is_no_classifier_is_refused_before_a_runtime_is_asked(model):
    # the runtime's name is wrong as well: what is wrong with the file is said first
    with pytest.raises(ModelFileError, match=r"two_inputs\.tflite: 2 inputs"):
        Model.load(model("two_inputs"), runtime="nonsense")


# -- what is said goes before what the file says -----------------------------------------------------------------


def test_colours_go_in_blue_first_where_that_is_said(load):
    frame = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    model = load("echo_rgb").described_as(Description(color="bgr"))
    assert model.run(frame).tolist() == [2.0, 1.0, 0.0, 5.0, 4.0, 3.0, 8.0, 7.0, 6.0, 11.0, 10.0, 9.0]


def test_the_normalization_is_by_channel_in_the_order_of_the_network(load):
    blue_first = Normalization((0.0, 1.0, 2.0), (1.0, 0.5, 0.25))
    model = load("echo_rgb").described_as(Description(color="bgr", normalization=blue_first))
    frame = np.tile(np.array([30, 20, 10], np.uint8), (2, 2, 1))
    assert model.run(frame).tolist() == [10.0, (20 - 1) * 2, (30 - 2) * 4] * 4


def test_channels_go_in_first_where_the_model_has_them_so(load):
    frame = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    expected = [float(value) for value in np.moveaxis(frame, 2, 0).reshape(-1)]
    assert load("echo_nchw").run(frame).tolist() == expected
    assert load("echo_nchw").run(np.moveaxis(frame, 2, 0)).tolist() == expected


def test_the_output_with_the_scores_is_the_one_that_is_said(model, runtime):
    path = model("two_scores")
    with pytest.raises(ModelFileError, match="say which output holds the scores with --output N"):
        Model.load(path, runtime=runtime.name)
    for number, expected in ((0, [16.0, 8.0, 4.0, 12.0]), (1, [4.0, 12.0])):
        opened = Model.load(path, runtime=runtime.name, description=Description(output=number))
        assert opened.run(FRAME).tolist() == expected
        assert opened.classify(FRAME, 1)[0].index == expected.index(max(expected))
        assert opened.replicate().run(FRAME).tolist() == expected


def test_a_sigmoid_is_two_classes(load):
    model = load("sigmoid").described_as(Description(preset="signed-unit", labels=("cat", "dog")))
    white, black = np.full((2, 2), 255, np.uint8), np.zeros((2, 2), np.uint8)
    score = 1 / (1 + math.exp(-1))
    found = model.classify(white)
    assert [(p.label, p.index) for p in found] == [("dog", 1), ("cat", 0)]
    assert [p.score for p in found] == pytest.approx([score, 1 - score], abs=1e-6)
    assert [p.label for p in model.classify(black)] == ["cat", "dog"]
    report = evaluate(model, np.stack([white, black, white]), np.array([1, 0, 0]))
    assert (report.top1.hits, report.top1.count, report.confusion.tolist()) == (2, 3, [[1, 1], [0, 1]])


def test_the_logit_of_a_sigmoid_is_two_classes_where_that_is_said(load):
    said = Description(preset="signed-unit", scores="logits")
    model = load("sigmoid_logit").described_as(said)
    found = model.classify(np.full((2, 2), 255, np.uint8))
    assert [(p.label, p.index) for p in found] == [("1", 1), ("0", 0)]
    assert found[0].score == pytest.approx(1 / (1 + math.exp(-1)), abs=1e-6)
    assert evaluate(model, np.zeros((1, 2, 2), np.uint8), np.array([0])).top1.hits == 1
    with pytest.raises(ModelFileError, match="one number and not a sigmoid's"):
        load("sigmoid_logit").described_as(Description(preset="signed-unit")).classify(FRAME)


def test_a_quantized_sigmoid_is_two_classes(runtime, model):
    said = Description(labels=("no", "yes"))  # a picture of one pixel is taken for another kind of model
    opened = Model.load(model("sigmoid_uint8"), runtime=runtime.name, description=said)
    found = opened.classify(np.full((1, 1), 3, np.uint8))  # the logit saturates at (255 - 128) / 32 or is 3
    assert (found[0].index, found[0].score) == (1, pytest.approx(1 / (1 + math.exp(-3)), abs=1 / 128))


def test_a_batch_is_filled_up_with_the_frame_and_many_frames_run_at_once(load):
    model = load("echo_batch")
    frames = np.arange(16, dtype=np.uint8).reshape(4, 2, 2)
    assert model.quantize(frames[1]).shape == (3, 2, 2, 1)
    assert model.run(frames[1]).tolist() == [4.0, 5.0, 6.0, 7.0]
    assert model.run_many(frames).tolist() == frames.reshape(4, 4).tolist()
    assert model.run_many(iter(frames[:2])).tolist() == frames[:2].reshape(2, 4).tolist()
    assert (model.run_many([]).shape, model.classify_many([])) == ((0, 4), [])
    assert [found[0].index for found in model.classify_many(frames, top=1)] == [3] * 4


def test_a_batch_runs_as_often_as_it_must(faked):
    rows = []
    model = faked("echo_batch", lambda tensor: rows.append(len(tensor)) or tensor.reshape(3, 4))
    assert evaluate(model, np.zeros((7, 2, 2), np.uint8), np.zeros(7, int), workers=1).top1.count == 7
    assert rows == [3, 3, 3]


def test_integers_without_a_scale_run(load):
    for name in ("echo_raw", "echo_raw_uint8"):
        assert load(name).run(FRAME).tolist() == [16.0, 8.0, 4.0, 12.0]
        with pytest.raises(ImageError, match="give uint8 pixels"):
            load(name).run(FRAME / 255)


def test_wrong_labels_in_the_file_stop_nothing_but_their_own_use(load, complete):
    path = complete(labels=b"left\nright\n")
    model = load(path)
    assert model.run(FRAME).tolist() == REAL
    with pytest.raises(ModelFileError, match="2 labels for 3 classes") as caught:
        model.classify(FRAME)
    assert str(caught.value).startswith(f"{path}: ")
    with pytest.raises(ModelFileError, match="2 labels for 3 classes"):
        evaluate(model, FRAME[np.newaxis], np.zeros(1, np.int64))
    said = Description(labels=("a", "b", "c"))
    assert model.described_as(said).classify(FRAME, 1)[0].label == "a"
    assert Model.load(path, description=said).classify(FRAME, 1)[0].label == "a"


def test_a_tensor_that_does_not_fit_is_a_usage_error(load, model):
    with pytest.raises(UsageError, match="the tensor does not fit its input") as caught:
        load("sums").invoke(np.zeros((1, 3, 3, 1), np.uint8))
    assert str(caught.value).startswith(f"{model('sums')}: ")


def test_float_scores_that_add_up_to_one_are_probabilities_whatever_the_last_op(load):
    model = load("shares").described_as(Description(preset="raw"))
    frame = np.array([[40, 30], [20, 10]], np.uint8)
    assert [p.score for p in model.classify(frame)] == pytest.approx([0.4, 0.3, 0.2, 0.1])
    logits = load("shares").described_as(Description(preset="raw", scores="logits"))
    powers = np.exp([0.4, 0.3, 0.2, 0.1])
    assert [p.score for p in logits.classify(frame)] == pytest.approx(list(powers / powers.sum()))
    sums = load("sums").classify(FRAME)
    assert sums[0].score == pytest.approx(0.525, abs=0.001)


# -- scores that are no numbers ----------------------------------------------------------------------------------


def test_scores_that_are_no_numbers_are_an_error_that_names_them(load, model):
    opened = load("quotient").described_as(Description(preset="raw"))
    assert opened.classify(np.full((2, 2), 7, np.uint8), 1)[0].score == pytest.approx(0.25)
    with pytest.raises(ModelFileError) as caught:
        opened.classify(np.array([[0, 7], [7, 0]], np.uint8))
    assert str(caught.value) == (
        f"{model('quotient')}: 2 of 4 scores that the model gives are no numbers (NaN or infinity): its weights, or "
        "the normalization that it is fed with, are wrong; convert it again, or say how pixels go in"
    )
    assert caught.value.exit_code == 3
    frames = np.stack([np.full((2, 2), 7, np.uint8), np.zeros((2, 2), np.uint8)])
    with pytest.raises(ModelFileError, match="4 of 8 scores that the model gives are no numbers"):
        evaluate(opened, frames, np.zeros(2, np.int64))
    with pytest.raises(ModelFileError, match="are no numbers"):
        opened.classify_many(frames)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_every_number_that_is_none_is_met(faked, value):
    model = faked("quotient", lambda tensor: np.array([[0.5, value, 0.0, 0.1]], np.float32))
    with pytest.raises(ModelFileError, match="1 of 4 scores"):
        model.described_as(Description(preset="raw")).classify(FRAME)


# -- errors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["unknown_op", "misfit"])
def test_a_model_that_the_runtime_refuses_is_one_line_with_its_name(runtime, model, name):
    with pytest.raises(ModelFileError) as caught:
        Model.load(model(name), runtime=runtime.name, trusted=True)
    message = str(caught.value)
    assert message.startswith(f"{model(name)}: {runtime.name} {runtime.version} refuses the model: ")
    assert "op 0 " in message or "an op in TfLiteXNNPackDelegate" in message
    assert "\n" not in message
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("options", [{"threads": 0}, {"threads": -1}, {"kernels": "fast"}, {"runtime": "tensorflow"}])
def test_an_option_that_cannot_be_meant_is_refused(model, options):
    with pytest.raises(UsageError) as caught:
        Model.load(model("sums"), **options)
    (name, value) = next(iter(options.items()))
    assert name in str(caught.value)
    assert str(value) in str(caught.value)


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match="no such file") as caught:
        Model.load(tmp_path / "none.tflite")
    assert caught.value.exit_code == 4


def test_every_error_can_be_caught_by_its_base(tmp_path):
    with pytest.raises(EdgereadyError):
        Model.load(tmp_path)


@pytest.mark.parametrize("make", [lambda t: t.reshape(1, 8)[:, :3], lambda t: t.reshape(8)[0], lambda t: t[:0]])
def test_an_output_of_another_size_than_the_file_says_is_the_files_fault(faked, make):
    model, sentence = faked("rank3", make), r"its output is \[.*\] in the run, and \[1, 8\] in the file: .* damaged"
    many = [lambda frame: model.run_many([frame]), lambda frame: model.classify_many([frame])]
    for ask in (model.classify, model.run, *many):
        with pytest.raises(ModelFileError, match=sentence):
            ask(np.zeros((2, 4), np.uint8))
