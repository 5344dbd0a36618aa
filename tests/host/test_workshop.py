"""TensorFlow's child process: how its end is told, and that nothing of it is left."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from edgeready.config.build import NetworkConfig, SourceConfig, TrainConfig
from edgeready.config.extras import install_command
from edgeready.config.method import Method, QatConfig
from edgeready.errors import (
    ConverterCrashError,
    EdgereadyError,
    MissingExtraError,
    ModelSourceError,
    SurroundingsError,
    TrainingError,
)
from edgeready.jobs import run as workshop
from edgeready.jobs.codec import load, save
from edgeready.jobs.converter_log import refusal
from edgeready.jobs.job import Job, JobResult
from edgeready.jobs.quantize_job import QuantizeJob
from edgeready.jobs.run import failure
from edgeready.jobs.run_job import run_job
from edgeready.jobs.training import Epoch
from edgeready.quantization.samples import Samples
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.normalization import Normalization

UNROLL = "build recurrent layers (LSTM, GRU) again with unroll=True (docs/quantization.md)"
SAFE = "replace the layer (Conv2D, DepthwiseConv2D, Dense, ReLU, pooling, Add are safe)"


def test_a_killed_child_is_taken_for_one_that_ran_out_of_memory():
    error = failure(-signal.SIGKILL, "", "training")
    assert str(error) == "TensorFlow was killed while training: out of memory? use smaller images or batches"


def test_a_crash_outside_the_converter_is_told_with_signal_and_stage():
    assert str(failure(-signal.SIGSEGV, "noise", "measuring")) == (
        "TensorFlow crashed (SIGSEGV) while measuring: --debug shows all that it printed"
    )


def test_a_crash_in_a_training_names_what_avoids_it():
    assert str(failure(-signal.SIGABRT, "noise", "training, epoch 1 of 5, loss 2.242")) == (
        "TensorFlow crashed (SIGABRT) while training, epoch 1 of 5, loss 2.242: set TF_ENABLE_ONEDNN_OPTS=0, or try "
        "another --batch-size or --image-size"
    )


@pytest.mark.parametrize(
    ("code", "log"),
    [
        (1, "tensorflow.python.framework.errors_impl.ResourceExhaustedError: OOM when allocating tensor"),
        (1, "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 3.0 GiB for an array"),
        (1, "MemoryError"),
        (-signal.SIGABRT, "terminate called after throwing an instance of 'std::bad_alloc'"),
    ],
)
def test_a_child_without_memory_is_named_as_such(code, log):
    assert str(failure(code, log, "training")) == (
        "TensorFlow ran out of memory while training: use smaller images or batches"
    )


def test_a_failure_is_told_with_the_last_line_that_says_something():
    log = "Traceback (most recent call last):\n  File x\nValueError: no such layer\n\n  \n"
    assert str(failure(1, log, "training")) == (
        "TensorFlow failed while training: ValueError: no such layer; --debug shows all that it printed"
    )


def test_a_failure_without_a_word_says_so():
    assert str(failure(1, " \n", "training")) == (
        "TensorFlow failed while training: it said nothing; --debug shows all that it printed"
    )


def test_a_converter_that_crashes_is_told_with_signal_and_remedy():
    assert str(refusal(-signal.SIGABRT, "")) == (
        f"TensorFlow's converter crashed (SIGABRT) on this model: {UNROLL}, or use layers of docs/edge-tpu.md"
    )


@pytest.mark.parametrize("mode", ["converting", "float32", "float16", "uint8"])
@pytest.mark.parametrize(
    "log",
    [
        "error: 'tf.TensorListReserve' op requires element_shape to be static\n",
        "Some ops are not supported:\n\ttf.TensorListStack(tensor<!tf_type.variant>) -> (x)\n",
        "error: 'tf.Erf' op is no op\nerror: 'tf.TensorListReserve' op requires element_shape\n",
    ],
)
def test_a_loop_is_told_with_what_unrolls_it(log, mode):
    assert str(refusal(1, log, mode)) == (
        f"a loop of the model has no TFLite form: {UNROLL}, or write the loop out in Python"
    )


@pytest.mark.parametrize(
    ("log", "named"),
    [
        ("error: 'tf.Erf' op is neither a custom op nor a flex op\n", "tf.Erf"),
        (
            "error: 'tfl.select' op quantized ... \nerror: 'tfl.select' op\nerror: 'tf.Cumsum' op",
            "tfl.select, tf.Cumsum",
        ),
        ("RuntimeError: Quantization not yet supported for op: 'CUSTOM'.", "CUSTOM"),
        ("RuntimeError: Quantization not yet supported for op: FILL", "FILL"),
        ("Some ops are not supported:\n\ttf.Roll(tensor<1x4xf32>) -> (x)\n\ttf.Sign(tensor) -> y\n", "Roll, Sign"),
    ],
)
def test_ops_that_the_converters_log_names_are_named_once_each(log, named):
    assert str(refusal(1, log)) == f"the converter has no 8-bit form of {named}: {SAFE}"


def test_of_many_ops_three_are_named_and_the_others_counted():
    log = "".join(f"error: 'tf.Op{number}' op is no op\n" for number in range(5))
    assert str(refusal(1, log)) == f"the converter has no 8-bit form of tf.Op0, tf.Op1, tf.Op2 and 2 more: {SAFE}"


def test_any_other_refusal_is_told_with_its_last_line():
    assert str(refusal(1, "a\nValueError: bad\n")) == (
        "TensorFlow's converter refuses the model: ValueError: bad; try another --mode, or ask --debug for all"
    )


def small_job(train: TrainConfig | None = None, model: str = "tutorial-cnn", **kwargs) -> Job:
    noise = np.random.default_rng(0)
    images = noise.integers(0, 256, (64, 8, 8), dtype=np.uint8)
    labels = np.arange(64) % 4
    return Job(model=model, classes=4, images=images, labels=labels, calibration=images[:8], train=train, **kwargs)


def test_a_job_is_the_same_after_the_way_through_its_folder(tmp_path):
    job = small_job(
        TrainConfig(epochs=3, batch_size=16, learning_rate=0.01, seed=7),
        network=NetworkConfig(weights="w.h5", mean=(1.5,), std=(2.5,), fix=False),
        modes=("uint8", "int16x8"),
        method=Method(calibration="mse", qat=QatConfig(epochs=2)),
        source=SourceConfig(inputs=("a",), shapes=((1, 2), (3, 4))),
    )
    save(job, tmp_path, "job")
    read = load(Job, tmp_path, "job")
    for name in ("images", "labels", "calibration"):
        assert np.array_equal(getattr(read, name), getattr(job, name))
        assert getattr(read, name).dtype == getattr(job, name).dtype
    for name in ("model", "classes", "train", "network", "modes", "method", "source", "arrays"):
        assert getattr(read, name) == getattr(job, name), name


def test_the_arrays_of_a_job_keep_their_names_whatever_they_are(tmp_path):
    arrays = {"../x": np.ones((2, 3), np.float32), "y/z": np.arange(2)}
    save(Job(model="net", arrays=arrays), tmp_path, "job")
    read = load(Job, tmp_path, "job")
    assert (read.train, read.network.weights, read.normalization) == (None, None, None)
    assert list(read.arrays) == list(arrays)
    assert all(np.array_equal(read.arrays[name], array) for name, array in arrays.items())
    assert all(path.parent == tmp_path for path in tmp_path.rglob("*"))


def test_a_job_for_quantization_is_the_same_after_the_way_through_its_folder(tmp_path):
    samples = Samples((np.arange(12, dtype=np.uint8).reshape(3, 4),), Normalization((1.0,), (2.0,)))
    save(QuantizeJob(model=b"bytes", mode="int8", samples=samples, observe_only=True), tmp_path, "job")
    read = load(QuantizeJob, tmp_path, "job")
    assert (read.model, read.mode, read.observe_only, read.method) == (b"bytes", "int8", True, Method())
    assert read.samples.normalization == samples.normalization
    assert np.array_equal(read.samples.arrays[0], samples.arrays[0])


def test_a_result_is_the_same_after_the_way_through_its_folder(tmp_path):
    result = JobResult(
        name="net",
        normalization=Normalization((0.0, 1.0, 2.0), (3.0, 4.0, 5.0)),
        scores="logits",
        models={"float32": TfliteModel(b"32"), "uint8": TfliteModel(b"8")},
        epochs=(Epoch(epoch=1, loss=0.5, accuracy=0.75), Epoch(epoch=2, loss=0.25, accuracy=1.0, val_loss=0.5)),
        versions={"keras": "3"},
        keras=b"k",
        rewrites=("rewritten",),
        proposals=("proposed",),
        refusals={"int16x8": "why not"},
    )
    save(result, tmp_path, "result")
    assert load(JobResult, tmp_path, "result") == result


def test_what_no_job_can_hold_is_named(tmp_path):
    with pytest.raises(TypeError, match="job-model is a set: no job can hold one"):
        save(Job(model={1}), tmp_path, "job")


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """The folder for temporary files, empty."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def child(tmp_path, monkeypatch):
    """Puts a Python program in the place of TensorFlow's child; it has `send(**message)` and `die(signal)`."""

    def put(program: str) -> None:
        script = tmp_path / "child.py"
        script.write_text(
            "import json, os, sys, time\n"
            "stream = os.fdopen(int(sys.argv[5]), 'w', buffering=1)\n"
            "def send(**message): print(json.dumps(message), file=stream)\n"
            "def die(number): os.kill(os.getpid(), number)\n" + textwrap.dedent(program)
        )
        stand_in = tmp_path / "python"
        stand_in.write_text(f'#!/bin/sh\nexec {sys.executable} -S {script} "$@"\n')
        stand_in.chmod(0o755)
        monkeypatch.setattr(workshop.sys, "executable", str(stand_in))

    return put


def silent(stage: str, done: int, total: int) -> None:
    pass


def refused(kind: type[EdgereadyError]) -> str:
    with pytest.raises(EdgereadyError) as caught:
        run_job(small_job(), silent)
    assert type(caught.value) is kind
    return str(caught.value)


def test_an_error_that_the_child_sends_is_raised_with_its_class_and_words(child, scratch):
    child("send(error='ModelSourceError', text='no such thing')\nsys.exit(1)")
    assert refused(ModelSourceError) == "no such thing"
    assert list(scratch.iterdir()) == []


def test_an_error_of_an_unknown_class_is_still_one_of_ours(child, scratch):
    child("send(error='NewerError', text='what')\nsys.exit(1)")
    assert refused(EdgereadyError) == "what"


def test_a_child_that_the_machine_stopped_says_what_it_lacked(child, scratch):
    child("sys.exit(72)")
    assert refused(SurroundingsError).startswith("this process may open no more files")
    assert list(scratch.iterdir()) == []


def test_a_model_that_is_read_for_too_long_is_refused_with_the_limit(child, scratch):
    child("send(stage='reading the model', done=0, total=0)\ndie(14)")
    assert refused(TrainingError) == (
        "TensorFlow did not end reading the model within 300 s: that is no model that a device could run"
    )
    assert list(scratch.iterdir()) == []


def test_a_foreign_model_is_named_as_the_user_wrote_it(child, scratch, monkeypatch):
    monkeypatch.chdir(scratch.parent)
    child("send(error='ModelSourceError', text=os.getcwd() + '/net.h5: no')\nsys.exit(1)")
    with pytest.raises(ModelSourceError, match=r"^net\.h5: no$"):
        run_job(Job(model="net.h5"), silent)


def test_only_a_foreign_model_is_confined(tmp_path):
    own = workshop.confinement_of(Job(model="net.py:make"), tmp_path)
    training = workshop.confinement_of(small_job(TrainConfig()), tmp_path)
    foreign = workshop.confinement_of(Job(model="net.h5"), tmp_path)
    step = workshop.confinement_of(QuantizeJob(model=b"x" * 1000, mode="uint8"), tmp_path)
    assert (own, training) == (None, None)
    assert foreign is not None
    assert foreign.read[-1] == str(Path("net.h5").resolve())
    assert foreign.write == str(tmp_path)
    assert step is not None
    assert step.memory_bytes == (8 << 30) + 32_000


def test_progress_arrives_in_order(child, scratch):
    child("for i in (1, 2, 3): send(stage='training', done=i, total=3)\nsys.exit(1)")
    seen = []
    with pytest.raises(TrainingError, match=r"^TensorFlow failed while training: it said nothing; --debug"):
        run_job(small_job(), lambda *message: seen.append(message))
    assert seen == [("training", 1, 3), ("training", 2, 3), ("training", 3, 3)]


def test_a_child_that_dies_before_it_says_anything_is_a_failure_while_starting(child, scratch):
    child("print('No module named edgeready')\nsys.exit(1)")
    assert refused(TrainingError) == (
        "TensorFlow failed while starting: No module named edgeready; --debug shows all that it printed"
    )
    assert list(scratch.iterdir()) == []


def test_a_crash_while_converting_is_a_refusal_of_the_model(child, scratch):
    child("send(stage='converting', done=0, total=0)\ndie(11)")
    assert refused(ConverterCrashError).startswith("TensorFlow's converter crashed (SIGSEGV) on this model: ")
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("die(11)", "LiteRT's converter crashed (SIGSEGV) on this model: "),
        ("die(9)", "LiteRT was killed while converting:"),
    ],
)
def test_the_process_without_tensorflow_is_called_by_its_name(child, scratch, ending, said):
    child(f"send(stage='converting', done=0, total=0)\n{ending}")
    with pytest.raises(EdgereadyError) as refusal:
        run_job(Job(model="a.tflite", engine="litert"), silent)
    assert str(refusal.value).startswith(said)
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("installed", "engine", "said"),
    [
        (True, "auto", "TensorFlow was asked"),
        (False, "auto", "LiteRT's converter crashed (SIGSEGV)"),
        (True, "litert", "LiteRT's converter crashed (SIGSEGV)"),
    ],
)
def test_a_crash_without_tensorflow_is_tried_with_it_where_it_may(
    child, scratch, monkeypatch, installed, engine, said
):
    monkeypatch.setattr("edgeready.jobs.run_job.tensorflow_installed", lambda: installed)
    child(
        """
        if "litert_worker" in sys.argv[2]:
            send(stage="converting", done=0, total=0)
            die(11)
        send(error="ModelSourceError", text="TensorFlow was asked")
        sys.exit(1)
        """
    )
    with pytest.raises(EdgereadyError) as refusal:
        run_job(Job(model="a.tflite", engine=engine), silent)
    assert str(refusal.value).startswith(said)
    assert list(scratch.iterdir()) == []


def test_a_kill_while_converting_is_not_blamed_on_the_model(child, scratch):
    child("send(stage='converting', done=0, total=0)\ndie(9)")
    assert refused(TrainingError) == (
        "TensorFlow was killed while converting: out of memory? use smaller images or batches"
    )


def test_what_the_child_prints_never_reaches_the_terminal(child, scratch, capfd):
    child("print('noise')\nprint('more', file=sys.stderr)\nsend(stage='training', done=0, total=0)\nsys.exit(3)")
    assert refused(TrainingError) == "TensorFlow failed while training: more; --debug shows all that it printed"
    assert capfd.readouterr() == ("", "")


def test_what_a_killed_child_had_put_into_temporary_files_goes_too(child, scratch):
    child("import tempfile\ntempfile.mkdtemp()\nopen(tempfile.mktemp(), 'w').close()\ndie(9)")
    assert refused(TrainingError).startswith("TensorFlow was killed while starting")
    assert list(scratch.iterdir()) == []


def test_an_interrupt_ends_the_child_and_leaves_nothing(child, scratch):
    child("send(stage='training', done=os.getpid(), total=0)\ntime.sleep(60)")
    pids = []

    def interrupt(stage: str, done: int, total: int) -> None:
        pids.append(done)
        raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_job(small_job(), interrupt)
    assert time.monotonic() - started < 5
    assert not Path(f"/proc/{pids[0]}").exists()
    assert list(scratch.iterdir()) == []


def test_without_tensorflow_the_missing_extra_is_named(tmp_path, scratch, monkeypatch):
    (tmp_path / "tensorflow.py").write_text("raise ImportError('No module named tensorflow')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert refused(MissingExtraError) == (
        f"TensorFlow does not load (No module named tensorflow): run {install_command('build')} to train and convert"
    )


def children() -> list[int]:
    """The processes that this one has started."""
    return [int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]


@pytest.mark.tensorflow
@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="the extra `build` is not installed")
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the child through Linux' /proc")
def test_tensorflow_killed_while_it_trains_is_a_training_error_and_leaves_nothing(scratch):
    before = set(children())

    def kill(stage: str, done: int, total: int) -> None:
        if stage.startswith("training") and done == 5:
            (child,) = set(children()) - before
            os.kill(child, signal.SIGKILL)

    with pytest.raises(
        TrainingError, match=r"^TensorFlow was killed while training, epoch \d+ of 100000, loss \d+\.\d{3}: "
    ):
        run_job(small_job(TrainConfig(epochs=100_000)), kill)
    assert list(scratch.iterdir()) == []
    assert set(children()) == before
    assert "tensorflow" not in sys.modules
