"""Progress where there is no terminal: a line for each epoch, every stage with -v, nothing with -q."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from edgeready.cli import terminal
from edgeready.cli.progress import progress_bar
from edgeready.cli.terminal import Verbosity

EPOCHS = [
    ("reading images", 1, 2),
    ("reading images", 2, 2),
    ("training", 0, 0),
    ("training, epoch 1 of 2, loss 2.000", 1, 4),
    ("training, epoch 1 of 2, loss 1.500", 2, 4),
    ("training, epoch 1 of 2, loss 1.750, accuracy 90.0 %, validation 80.0 %", 2, 4),
    ("training, epoch 2 of 2, loss 1.000", 3, 4),
    ("training, epoch 2 of 2, loss 0.500", 4, 4),
    ("converting", 0, 0),
]


@pytest.fixture
def shown(monkeypatch, capsys):
    def run(asked: Verbosity, calls=EPOCHS) -> list[str]:
        token = terminal._VERBOSITY.set(asked)
        try:
            with progress_bar(Console(file=io.StringIO())) as progress:
                for call in calls:
                    progress(*call)
        finally:
            terminal._VERBOSITY.reset(token)
        return capsys.readouterr().err.splitlines()

    return run


def test_an_epoch_is_one_line_with_its_last_loss(shown):
    assert shown(Verbosity.NORMAL) == [
        "edgeready: training, epoch 1 of 2, loss 1.750, accuracy 90.0 %, validation 80.0 %",
        "edgeready: training, epoch 2 of 2, loss 0.500",
    ]
    assert shown(Verbosity.NORMAL, EPOCHS[:-1])[-1:] == ["edgeready: training, epoch 2 of 2, loss 0.500"]


def test_every_stage_is_one_line_with_seconds_when_asked(shown):
    lines = shown(Verbosity.VERBOSE)
    assert [re.sub(r"\d+\.\d s", "T", line) for line in lines] == [
        "edgeready: T: reading images",
        "edgeready: T: training",
        "edgeready: T: training, epoch 1 of 2, loss 1.750, accuracy 90.0 %, validation 80.0 %",
        "edgeready: T: training, epoch 2 of 2, loss 0.500",
        "edgeready: T: converting",
    ]


def test_nothing_is_shown_when_quiet(shown):
    assert shown(Verbosity.QUIET) == []


def test_an_epoch_that_an_error_broke_off_is_no_line(capsys):
    def train() -> None:
        with progress_bar(Console(file=io.StringIO())) as progress:
            progress("training, epoch 1 of 2, loss 2.000", 1, 4)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        train()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("words", [("-v", "data", "digits.npz"), ("data", "digits.npz", "--verbose")])
def test_the_switches_stand_anywhere(run_here, words):
    assert run_here(*words)[0] == 4
    code, out, err = run_here(*words, "-q")
    assert (code, out, err) == (2, "", "edgeready: --verbose and --quiet exclude each other: give one\n")


def test_after_two_dashes_a_switch_is_a_name(run_here):
    code, _, err = run_here("data", "--", "-q")
    assert (code, err.partition(":")[2][:25]) == (4, " no data set or path '-q'")
