from __future__ import annotations

import re

import pytest

from edgeready_device import cli
from edgeready_device.errors import EdgereadyError, ModelFileError, RuntimeUnavailableError, UsageError
from edgeready_device.first_run import run_first
from edgeready_device.isolation import trial
from edgeready_device.isolation.child import MEANINGS, ChildExit
from edgeready_device.model_file.reader import read_model_file


@pytest.fixture(autouse=True)
def _nothing_has_run(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def children(monkeypatch):
    """How the child processes of this test ended; they run as always."""
    found: list[ChildExit] = []

    def watched(*arguments, **options):
        found.append(run_child(*arguments, **options))
        return found[-1]

    run_child = trial.run_child
    monkeypatch.setattr(trial, "run_child", watched)
    return found


def test_a_first_run_takes_seconds_and_leaves_nothing_behind(model, runtime, children):
    taken = run_first(read_model_file(model("conv")), runtime.name)
    assert 0 < taken < 60
    assert [child.succeeded for child in children] == [True]


def test_what_has_run_here_does_not_run_again_but_other_content_kernels_and_threads_do(model, litert, children):
    file = read_model_file(model("sums"))
    run_first(file, litert.name)
    assert run_first(file, litert.name) == 0
    assert len(children) == 1
    for other, options in (
        (file, {"kernels": "reference"}),
        (file, {"threads": 2}),
        (read_model_file(model("rank3")), {}),
    ):
        assert run_first(other, litert.name, **options) > 0
        assert run_first(other, litert.name, **options) == 0
    assert len(children) == 4


def test_a_run_that_failed_is_no_record(model, litert, children):
    for count in (1, 2):
        with pytest.raises(ModelFileError):
            run_first(read_model_file(model("unknown_op")), litert.name)
        assert len(children) == count


def test_without_a_cache_folder_it_runs_every_time(model, litert, children, monkeypatch, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "cache"))
    for count in (1, 2):
        assert run_first(read_model_file(model("sums")), litert.name) > 0
        assert len(children) == count


@pytest.mark.usefixtures("image")
def test_a_loop_without_an_end_ends_classify_with_a_sentence_after_a_stated_time(model, tmp_path, litert, capsys):
    arguments = ["classify", str(model("endless")), str(tmp_path / "image.png"), "--runtime", litert.name]
    assert cli.main(arguments) == 3
    assert re.fullmatch(
        rf"edgeready-device: {model('endless')}: "
        rf"its first run on {litert} did not end within \d+ s of processor "
        r"time, far more than a model of its size takes: it loops without an end, or is damaged; "
        r"--trusted \(in Python trusted=True\) runs it without limits\n",
        capsys.readouterr().err,
    )


def test_a_model_that_takes_more_memory_than_its_size_explains_is_refused(model, runtime, children):
    with pytest.raises(
        ModelFileError, match=r"fails in a run \(op 3 FILL|did not survive .* \(26\d MB were allowed\)"
    ):
        run_first(read_model_file(model("enormous")), runtime.name)
    assert len(children) == 1


def test_a_model_that_the_runtime_refuses_is_one_line_with_its_name(model, runtime):
    with pytest.raises(ModelFileError) as caught:
        run_first(read_model_file(model("unknown_op")), runtime.name)
    message = str(caught.value)
    assert message.startswith(f"{model('unknown_op')}: {runtime.name} {runtime.version} refuses the model: ")
    assert "\n" not in message


def test_a_first_run_that_does_not_end_is_a_sentence(model, runtime):
    with pytest.raises(ModelFileError, match=r"conv\.tflite: its first run on .* did not end within 0\.01 s") as told:
        run_first(read_model_file(model("conv")), runtime.name, time_limit_s=0.01)
    assert told.value.exit_code == 3


def test_what_no_processor_runs_is_refused_before_there_is_a_child(model, children):
    with pytest.raises(RuntimeUnavailableError, match=r"compiled\.tflite.*edgetpu"):
        run_first(read_model_file(model("compiled")))
    assert children == []


def test_what_cannot_be_fed_is_refused_before_there_is_a_child(model, children):
    with pytest.raises(ModelFileError, match=r"text_input\.tflite: its input 'sentence' takes text"):
        run_first(read_model_file(model("text_input")))
    assert children == []


def test_a_runtime_that_is_none_is_refused(model):
    with pytest.raises(UsageError, match="the runtime 'tensorflow' is unknown"):
        run_first(read_model_file(model("conv")), "tensorflow")


DEATHS = {"SIGSEGV": 3, "SIGFPE": 3, "SIGABRT": 3, "SIGILL": 6, "SIGKILL": 6}


@pytest.mark.parametrize(("death", "code"), DEATHS.items())
def test_a_death_is_told_with_its_meaning_and_whose_fault_it_is(model, litert, monkeypatch, death, code):
    killer = f"import os, signal; os.kill(os.getpid(), signal.{death})"
    monkeypatch.setattr(trial, "module_arguments", lambda *_: ["-c", killer])  # a child that dies, as kernels make it
    with pytest.raises(EdgereadyError, match=f"did not survive its first run.*{death} .[a-z]") as caught:
        run_first(read_model_file(model("conv")), litert.name)
    assert caught.value.exit_code == code
    assert MEANINGS[death] in str(caught.value)


def _classify(path, *options) -> int:
    return cli.main(["classify", str(path), str(path.parent / "image.png"), *options])


@pytest.fixture
def image(tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    pillow.new("L", (2, 2)).save(tmp_path / "image.png")


@pytest.mark.usefixtures("image")
def test_a_file_runs_in_a_child_first(model, tmp_path, litert, children):
    path = tmp_path / "sums.tflite"
    path.write_bytes(model("sums").read_bytes())
    assert _classify(path, "--runtime", litert.name) == 0
    assert len(children) == 1


@pytest.mark.usefixtures("image")
def test_a_file_that_is_trusted_does_not(model, tmp_path, litert, children):
    path = tmp_path / "sums.tflite"
    path.write_bytes(model("sums").read_bytes())
    assert _classify(path, "--runtime", litert.name, "--trusted") == 0
    assert children == []


@pytest.mark.usefixtures("image")
def test_hashes_in_a_file_are_no_record_for_anybody_can_write_them(complete, litert, children):
    for _ in range(2):
        assert _classify(complete(), "--runtime", litert.name) == 0
        assert len(children) == 1


def test_benchmark_and_verify_meet_a_file_in_a_child_too(model, litert, children, capsys):
    path = str(model("conv"))
    quick = ["--runs", "1", "--min-time", "0", "--warmup-time", "0", "--warmup-runs", "0"]
    assert cli.main(["benchmark", path, "--runtime", litert.name, *quick]) == 0
    assert len(children) == 1
    assert cli.main(["verify", path, "--runtime", litert.name]) == 3
    assert len(children) == 2  # the default kernels have run before
    assert "it carries no golden vectors" in capsys.readouterr().err
