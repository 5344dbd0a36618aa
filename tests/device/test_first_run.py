from __future__ import annotations

import pytest

from edgeready_device import cli
from edgeready_device.errors import EdgereadyError, ModelFileError, UsageError
from edgeready_device.first_run import is_foreign, run_first
from edgeready_device.isolation import trial
from edgeready_device.isolation.child import MEANINGS, ChildExit
from edgeready_device.model_file.reader import read_model_file


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


def test_a_file_that_edgeready_made_is_not_foreign(complete, model):
    assert not is_foreign(read_model_file(complete()))
    assert is_foreign(read_model_file(model("conv")))


def test_a_first_run_takes_seconds_and_leaves_nothing_behind(model, runtime, children):
    taken = run_first(read_model_file(model("conv")), runtime.name)
    assert 0 < taken < 60
    assert [child.succeeded for child in children] == [True]


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


def test_what_is_no_classifier_is_refused_before_there_is_a_child(model, children):
    with pytest.raises(ModelFileError, match=r"two_inputs\.tflite: 2 inputs"):
        run_first(read_model_file(model("two_inputs")))
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
def test_a_foreign_file_runs_in_a_child_first(model, tmp_path, litert, children):
    path = tmp_path / "sums.tflite"
    path.write_bytes(model("sums").read_bytes())
    assert _classify(path, "--runtime", litert.name) == 0
    assert len(children) == 1


@pytest.mark.usefixtures("image")
def test_a_foreign_file_that_is_trusted_does_not(model, tmp_path, litert, children):
    path = tmp_path / "sums.tflite"
    path.write_bytes(model("sums").read_bytes())
    assert _classify(path, "--runtime", litert.name, "--trusted") == 0
    assert children == []


@pytest.mark.usefixtures("image")
def test_a_file_that_edgeready_made_does_not(complete, litert, children):
    assert _classify(complete(), "--runtime", litert.name) == 0
    assert children == []


def test_benchmark_and_verify_meet_a_foreign_file_in_a_child_too(model, litert, children, capsys):
    path = str(model("conv"))
    quick = ["--runs", "1", "--min-time", "0", "--warmup-time", "0", "--warmup-runs", "0"]
    assert cli.main(["benchmark", path, "--runtime", litert.name, *quick]) == 0
    assert len(children) == 1
    assert cli.main(["verify", path, "--runtime", litert.name]) == 3
    assert len(children) == 3  # on both kernel paths
    assert "it carries no golden vectors" in capsys.readouterr().err
