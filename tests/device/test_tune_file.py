"""The choice that tune leaves beside a model: when it is used, and that a bad one never stops a model."""

from __future__ import annotations

import dataclasses
import json
import os

import pytest

from edgeready_device import cli
from edgeready_device import tune_file as tuned
from edgeready_device.errors import OutputError
from edgeready_device.machine import machine
from edgeready_device.model import Model
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.report.info import tuned_text
from edgeready_device.runtime.runtime import RUNTIME_VARIABLE, installed_runtimes
from edgeready_device.tune_file import Choice, TuneRecord, read_tune_file, tune_path, write_tune_file

LAST = installed_runtimes()[-1].name  # not the one that runs without a choice, where two are installed


@pytest.fixture(autouse=True)
def emulated(monkeypatch):
    """An emulated machine chooses nothing, and these tests run on one, too; to call it says that this one is."""

    def pretend(value=True):
        real = dataclasses.replace(machine.read_machine(), emulated=value)
        monkeypatch.setattr("edgeready_device.tuning.tune.read_machine", lambda: real)

    pretend(False)
    return pretend


@pytest.fixture
def path(complete):
    return complete()


@pytest.fixture
def kept(path):
    """Leaves a choice beside the model and gives its file."""

    def keep(choice=None):
        file, candidates = read_model_file(path), [{"median_s": 0.1}]
        return write_tune_file(file, choice or Choice(LAST, 2), reason="because", candidates=candidates)

    return keep


def test_a_choice_is_read_as_it_was_written(path, kept):
    where = kept()
    assert where == tune_path(path) == path.with_name("sums.tflite.tune.json")
    assert read_tune_file(read_model_file(path)) == TuneRecord(where, Choice(LAST, 2))
    assert os.stat(where).st_mode & 0o777 == 0o644


def test_without_a_tune_file_nothing_is_said(path):
    assert read_tune_file(read_model_file(path)) is None
    assert Model.load(path).tuned is None


def test_a_model_is_opened_as_was_chosen_where_nothing_is_asked_for(path, kept):
    kept()
    model = Model.load(path)
    assert (model.runtime.name, model.threads, model.tuned.choice) == (LAST, 2, Choice(LAST, 2))


@pytest.mark.parametrize("asked", [{"runtime": LAST}, {"threads": 1}, {"kernels": "reference"}])
def test_what_is_asked_for_wins_as_a_whole(path, kept, asked):
    kept()
    model = Model.load(path, **asked)
    assert (model.threads, model.tuned) == (1, None)


def test_the_environment_wins_too(path, kept, monkeypatch):
    kept()
    monkeypatch.setenv(RUNTIME_VARIABLE, LAST)
    assert (Model.load(path).threads, Model.load(path).tuned) == (1, None)


def test_a_copy_is_opened_like_its_model(path, kept):
    kept()
    copy = Model.load(path).replicate()
    assert (copy.runtime.name, copy.threads) == (LAST, 2)


def test_other_machines_choices_are_kept_and_this_ones_replaced(path, kept):
    where = kept()
    data = json.loads(where.read_text())
    other = {**data["machines"][0], "machine": {**data["machines"][0]["machine"], "board": "Raspberry Pi 5"}}
    where.write_text(json.dumps({**data, "machines": [other, *data["machines"]]}))
    kept(Choice(LAST, 1))
    machines = json.loads(where.read_text())["machines"]
    assert [entry["machine"]["board"] for entry in machines][:1] == ["Raspberry Pi 5"]
    assert [entry["choice"]["threads"] for entry in machines] == [2, 1]


def test_the_file_of_another_model_is_replaced_as_a_whole(path, kept):
    where = kept()
    where.write_text(json.dumps({**json.loads(where.read_text()), "flatbuffer_sha256": "0" * 64}))
    kept()
    assert len(json.loads(where.read_text())["machines"]) == 1


def changed(data, **choice):
    entry = data["machines"][0]
    return {**data, "machines": [{**entry, "choice": {**entry["choice"], **choice}}]}


BAD = {
    "not JSON": (lambda data: "{", "it is damaged (JSONDecodeError: "),
    "bytes": (lambda data: b"\xff\xfe\x00", "it is damaged (UnicodeDecodeError: "),
    "a list": (lambda data: [], "it is damaged (TypeError: "),
    "deep": (lambda data: "[" * 100_000, "it is damaged (RecursionError: "),
    "empty": (lambda data: {}, "it is damaged (KeyError: 'schema')"),
    "another schema": (lambda data: {**data, "schema": 2}, "its schema is 2, not 1"),
    "another model": (lambda data: {**data, "flatbuffer_sha256": "0" * 64}, "it was made for another model"),
    "no machines": (lambda data: {**data, "machines": []}, "it was made on another machine, or with other runtimes"),
    "machines are a number": (lambda data: {**data, "machines": 3}, "it is damaged (TypeError: "),
    "another machine": (
        lambda data: {**data, "machines": [{**data["machines"][0], "machine": {"board": "x"}}]},
        "it was made on another machine, or with other runtimes",
    ),
    "no choice": (
        lambda data: {**data, "machines": [{"machine": data["machines"][0]["machine"]}]},
        "it is damaged (KeyError: 'choice')",
    ),
    "threads 0": (lambda data: changed(data, threads=0), "it is damaged (ValueError: threads is 0)"),
    "threads true": (lambda data: changed(data, threads=True), "it is damaged (ValueError: threads is True)"),
    "too many threads": (
        lambda data: changed(data, threads=10**9),
        "it is damaged (ValueError: threads is 1000000000)",
    ),
    "unknown runtime": (
        lambda data: changed(data, runtime="onnx"),
        "it is damaged (ValueError: the runtime 'onnx' is not installed)",
    ),
    "a library": (
        lambda data: changed(data, delegate="/tmp/evil.so"),
        "it is damaged (ValueError: the delegate '/tmp/evil.so' is a library: give it with --delegate)",
    ),
    "too large": (lambda data: " " * (1 << 20) + "{}", "it has more than 1048576 bytes"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_cannot_be_used_is_told_and_the_model_runs_without_it(path, kept, name):
    where, (spoil, why) = kept(), BAD[name]
    spoilt = spoil(json.loads(where.read_text()))
    if isinstance(spoilt, bytes):
        where.write_bytes(spoilt)
    else:
        where.write_text(spoilt if isinstance(spoilt, str) else json.dumps(spoilt))
    model = Model.load(path)
    assert (model.threads, model.tuned.choice) == (1, None)
    assert model.tuned.note.startswith(f"{where} is not used: {why}")
    assert model.tuned.note.endswith("; run edgeready-device tune again")


def test_a_choice_is_stale_once_another_runtime_version_is_installed(path, kept, monkeypatch):
    kept()
    monkeypatch.setattr(tuned, "installed_runtimes", lambda: ())
    assert "or with other runtimes" in read_tune_file(read_model_file(path)).note


def test_a_folder_or_a_pipe_in_its_place_is_no_tune_file(path):
    tune_path(path).mkdir()
    assert read_tune_file(read_model_file(path)) is None
    tune_path(path).rmdir()
    os.mkfifo(tune_path(path))
    assert Model.load(path).tuned is None


def test_a_choice_that_cannot_be_written_leaves_nothing_half_done(path):
    file = read_model_file(path)
    tune_path(path).mkdir()
    with pytest.raises(OutputError) as caught:
        write_tune_file(file, Choice(LAST, 1), reason="")
    assert str(caught.value) == (
        f"cannot write {str(tune_path(path))!r} (Is a directory): the choice goes beside the model"
    )
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["sums.tflite", "sums.tflite.tune.json"]


def test_what_a_tune_file_says_is_one_line(path, kept):
    where = kept(Choice(LAST, 4))
    assert tuned_text(read_tune_file(read_model_file(path))) == f"{LAST}, 4 threads ({where})"
    assert tuned_text(TuneRecord(where, Choice(LAST, 1, "edgetpu:usb"))) == f"{LAST}, 1 thread, edgetpu:usb ({where})"
    assert tuned_text(TuneRecord(where, None, "why not")) == "why not"


# -- the command -----------------------------------------------------------------------------------------------


@pytest.fixture
def run(capsys):
    def call(*arguments):
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as ended:  # argparse
            code = ended.code
        return (code, *capsys.readouterr())

    return call


def test_tune_prints_the_choice_and_keeps_it_for_the_next_run(run, path):
    code, out, err = run("tune", path, "--seconds", 0.1, "--threads", "1,2")
    assert (code, err) == (0, "")
    assert f"kept in        {tune_path(path)}" in out
    model = Model.load(path)
    choice = model.tuned.choice
    assert (model.runtime.name, model.threads) == (choice.runtime, choice.threads)
    assert json.loads(tune_path(path).read_text())["machines"][0]["reason"] in out


def test_info_says_what_was_chosen_and_why_it_is_not_used(run, path, kept):
    assert "tuned" not in run("info", path)[1]
    where = kept()
    assert f"tuned           {LAST}, 2 threads ({where})\n" in run("info", path)[1]
    where.write_text("{")
    assert json.loads(run("info", path, "--json")[1])["tuned"].startswith(f"{where} is not used: it is damaged")


def test_a_dry_run_keeps_nothing(run, path):
    code, out, _ = run("tune", path, "--seconds", 0.1, "--threads", 1, "--dry-run", "--json")
    assert (code, tune_path(path).exists()) == (0, False)
    assert json.loads(out)["kept_in"] is None


def test_nothing_to_choose_is_a_verdict_that_is_no(run, path, emulated):
    emulated()
    code, out, err = run("tune", path, "--seconds", 0.05, "--threads", 1)
    assert (code, tune_path(path).exists()) == (1, False)
    assert err == (
        "edgeready-device: this machine is emulated: its times say nothing about any board, so nothing is chosen\n"
    )
    assert "why            this machine is emulated" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--threads", "one"), "argument --threads: 'one': give numbers, as 1,2,4"),
        (("--threads", "0"), "threads are [0]: ask for at least 1"),
        (("--seconds", "-1"), "-1.0 s in 10 rounds"),
        (("--runtime", "onnx"), "the runtime 'onnx' is unknown"),
        (("--delegate", "tpu"), "the delegate 'tpu' is unknown"),
    ],
)
def test_arguments_that_cannot_be_meant_are_usage_errors(run, path, arguments, message):
    code, out, err = run("tune", path, *arguments)
    assert (code, out) == (2, "")
    assert message in err
