"""-v and -q of every verb: standard output and the exit code are the same, and stages are told on standard error."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest

from edgeready_device import cli
from edgeready_device.commands import watch

QUICK = ("--runs", "1", "--min-time", "0", "--warmup-runs", "0", "--warmup-time", "0")
STAGE = re.compile(r"edgeready-device: \d+\.\d s: (.*)")
LINES = {
    "info": (),
    "doctor": ("--json",),
    "classify": ("{image}", "--mean", "0", "--std", "1"),
    "verify": ("--min-agreement", "0"),
    "evaluate": ("{data}",),
    "benchmark": ("--max-p90-ms", "1e9", *QUICK),
    "compare": ("{model}", "--time", "-1"),
    "tune": ("--seconds", "-1"),
    "detect": ("{image}",),
    "watch": ("{image}", "--count", "1"),
    "profile": ("--rows", "0"),
    "completion": (),
}


@pytest.fixture
def run_verb(capsys, complete, tmp_path):
    """Runs a verb on a small model, with more words: exit code, standard output, standard error."""
    image = tmp_path / "image.npy"
    places = {"model": str(complete()), "data": str(tmp_path / "data.npz"), "image": str(image)}
    frame = np.array([[16, 8], [4, 12]], np.uint8)
    np.save(image, frame[..., None])
    np.savez(tmp_path / "data.npz", x_test=np.stack([frame] * 4), y_test=np.zeros(4, np.int64))

    def call(verb: str, *words: str):
        subject = "bash" if verb == "completion" else places["model"]
        try:
            code = cli.main([verb, subject, *(word.format(**places) for word in LINES[verb]), *words])
        except SystemExit as ended:  # argparse
            code = ended.code
        return (code, *capsys.readouterr())

    return call


def test_every_verb_is_tried():
    assert set(LINES) == set(cli.parsers()[1])


def without_times(text: str) -> str:
    text = re.sub(r"(?s)^(model +\S+\n).*\nverdict.*", r"\1", text)  # what a measurement says differs each time
    return re.sub(r"[\d.]+ (s|ms|us|µs|MB|C|GHz|MHz)\b|\d[\d.e-]*", "#", text)


@pytest.mark.parametrize("verb", [verb for verb in LINES if verb != "doctor"])
def test_results_and_codes_are_the_same_and_verbose_has_lines_of_stages(run_verb, verb):
    code, out, err = run_verb(verb)
    for word in ("-q", "--quiet"):
        quiet = run_verb(verb, word)
        assert (quiet[0], without_times(quiet[1])) == (code, without_times(out))
        assert without_times(quiet[2]) == without_times(err)  # no terminal: there is no progress to leave out
    for word in ("-v", "--verbose"):
        loud = run_verb(verb, word)
        assert (loud[0], without_times(loud[1])) == (code, without_times(out))
        stages = STAGE.findall(loud[2])
        assert stages[0] == "begins"
        others = "".join(f"{line}\n" for line in loud[2].splitlines() if not STAGE.fullmatch(line))
        assert without_times(others) == without_times(err)
        if code in (0, 1):
            assert stages[-1] == f"ends with exit code {code}"


def test_the_stages_of_an_evaluation_are_told_in_their_order(run_verb):
    code, out, err = run_verb("evaluate", "-v", "--json")
    stages = [re.sub(r"/\S+/", "", stage) for stage in STAGE.findall(err)]
    assert code == 0
    assert out.count("\n") == 1
    assert [stages[0], *stages[-3:]] == ["begins", stages[-3], "4 of 4 images", "ends with exit code 0"]
    assert [stage.split()[0] for stage in stages] == ["begins", "reads", "runs", "reads", "4", "ends"]


@pytest.mark.parametrize("verb", LINES)
def test_both_together_are_refused_before_any_work(run_verb, verb):
    message = "edgeready-device: --verbose and --quiet exclude each other: give one\n"
    assert run_verb(verb, "-v", "-q") == (2, "", message)
    assert run_verb(verb, "-vq") == (2, "", message)


def test_a_terminal_gets_a_counter_lines_or_nothing(run_verb, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert run_verb("evaluate")[2] == "\r4 of 4 images\r\033[K"
    assert run_verb("evaluate", "-q")[2] == ""
    assert "\r" not in run_verb("evaluate", "-v")[2]
    status = watch._StatusLine()  # of the verb before: verbose
    status.show(lambda: "a frame")
    assert run_verb("info")[2] == ""


def test_an_error_is_one_line_with_quiet_too(run_verb):
    code, out, err = run_verb("tune", "-q")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert run_verb("evaluate", "--min-accuracy", "101", "-q")[2].startswith("edgeready-device: top-1 accuracy is ")
