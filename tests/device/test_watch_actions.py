"""Commands that run when a label appears: what they get, and that no label ever reaches a shell."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from edgeready_device.errors import NotFoundError, UsageError
from edgeready_device.watching import actions
from edgeready_device.watching.actions import Actions, parse_action
from edgeready_device.watching.watch import Labelled

HOSTILE = [
    "$(touch canary)",
    "`touch canary`",
    "; touch canary #",
    "' ; touch canary ; '",
    '" && touch canary && "',
    "| touch canary",
    "\n touch canary \n",
    "a\0b",
    "--help",
    "{score} {label}",
    "%s%n ../../x *",
    "\x1b]0;title\x07",
    "",
]


def event(label: str | None = "cat", **fields) -> Labelled:
    values = {
        "time": 1.5,
        "number": 7,
        "name": "",
        "picture": np.zeros((1, 1, 3), np.uint8),
        "size": (1, 1),
        "label": label,
        "score": None if label is None else 0.91,
        "previous": "dog",
        "changed": True,
        "predictions": (),
        "latency_s": 0.0,
        "analysis_s": 0.0,
        "analyzed_per_s": None,
        "captured_per_s": None,
        "dropped": 0,
    }
    return Labelled(**{**values, **fields})


@pytest.fixture
def program(tmp_path) -> str:
    """A program that appends its arguments and what it finds in its environment to a file, as a line of JSON."""
    path = tmp_path / "record"
    path.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        "found = {key: value for key, value in os.environ.items() if key.startswith('EDGEREADY_')}\n"
        f"open({str(tmp_path / 'log')!r}, 'a').write(json.dumps([sys.argv[1:], found]) + '\\n')\n"
    )
    path.chmod(0o755)
    return str(path)


def wait(running: Actions) -> list[str]:
    """Waits for what runs and what waits for it; gives the lines of failures."""
    lines = []
    end = time.monotonic() + 10
    while any(runner._process is not None for runner in running._runners) and time.monotonic() < end:
        lines += running.update()
        time.sleep(0.002)
    return lines


def run(command: str, *events: Labelled, label: str = "*") -> list[str]:
    running = Actions([parse_action(label, command, ("cat", "dog"))])
    return [line for each in events for line in [*running.trigger(each), *wait(running)]]


def test_a_command_gets_the_event_in_its_arguments_and_its_environment(program, tmp_path):
    assert run(f"{program} 'the {{label}} at {{time}}' {{score}} {{frame}} {{previous}} {{other}}", event()) == []
    arguments, found = json.loads((tmp_path / "log").read_text())
    assert arguments == ["the cat at 1970-01-01T00:00:01.500Z", "0.9100", "7", "dog", "{other}"]
    assert {name: text for name, text in found.items() if name not in os.environ} == {
        "EDGEREADY_LABEL": "cat",
        "EDGEREADY_PREVIOUS": "dog",
        "EDGEREADY_SCORE": "0.9100",
        "EDGEREADY_TIME": "1970-01-01T00:00:01.500Z",
        "EDGEREADY_FRAME": "7",
    }


def test_no_label_reaches_a_shell_whatever_it_holds(program, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(f"{program} {{label}}", *[event(label) for label in HOSTILE]) == []
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    clean = [
        label.replace("\n", " ").replace("\0", " ").replace("\x1b", " ").replace("\x07", " ").strip()
        for label in HOSTILE
    ]
    assert [arguments for arguments, _ in lines] == [[label] for label in clean]
    assert [found["EDGEREADY_LABEL"] for _, found in lines] == clean
    assert not Path("canary").exists()


def test_a_shell_that_the_user_wants_reads_the_label_from_its_environment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("sh -c 'printf %s \"$EDGEREADY_LABEL\" > out'", event("$(touch canary)")) == []
    assert (Path("out").read_text(), Path("canary").exists()) == ("$(touch canary)", False)


def test_an_action_runs_when_its_label_appears_and_only_then(program, tmp_path):
    events = [event("cat"), event("cat", changed=False), event("dog", previous="cat"), event(None), event("cat")]
    assert run(f"{program} {{label}}", *events, label="cat") == []
    assert [json.loads(line)[0] for line in (tmp_path / "log").read_text().splitlines()] == [["cat"], ["cat"]]


def test_every_change_runs_the_action_of_the_star_that_to_no_label_too(program, tmp_path):
    assert run(f"{program} {{label}}/{{score}}", event("cat"), event(None), event("dog")) == []
    lines = (tmp_path / "log").read_text().splitlines()
    assert [json.loads(line)[0] for line in lines] == [["cat/0.9100"], ["/"], ["dog/0.9100"]]


def test_one_process_of_an_action_runs_at_a_time_and_the_latest_event_waits(tmp_path):
    code = (
        "import sys, time, pathlib; p = pathlib.Path(sys.argv[1]); assert not p.exists(); p.touch(); time.sleep(0.1)"
    )
    code += "; p.unlink(); open(sys.argv[2], 'a').write(sys.argv[3] + chr(10))"
    (tmp_path / "slow.py").write_text(code.replace("; ", "\n"))
    command = f"{sys.executable} {tmp_path / 'slow.py'} {tmp_path / 'running'} {tmp_path / 'log'} {{frame}}"
    running = Actions([parse_action("*", command, ())])
    start = time.monotonic()
    lines = [line for number in range(1, 6) for line in running.trigger(event(number=number))]
    assert time.monotonic() - start < 0.1  # it waits for none of them
    assert lines + wait(running) == []
    assert (tmp_path / "log").read_text() == "1\n5\n"


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("raise SystemExit(3)", "ended with exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by SIGKILL"),
    ],
)
def test_a_command_that_fails_is_a_line(tmp_path, code, line):
    (tmp_path / "x.py").write_text(code)
    assert run(f"{sys.executable} {tmp_path / 'x.py'}", event()) == [f"--on * {sys.executable} {line}"]


def test_a_program_that_is_gone_or_cannot_run_is_a_line_and_is_tried_again(program, tmp_path):
    running = Actions([parse_action("*", program, ())])
    os.rename(program, tmp_path / "away")
    assert running.trigger(event()) == [
        f"--on * {program} cannot start: [Errno 2] No such file or directory: {program!r}"
    ]
    os.rename(tmp_path / "away", program)
    assert running.trigger(event()) + wait(running) == []
    assert len((tmp_path / "log").read_text().splitlines()) == 1


def test_its_output_goes_to_standard_error(capfd):
    assert run(f"{sys.executable} -c 'print(7)'", event()) == []
    out, err = capfd.readouterr()
    assert (out, err) == ("", "7\n")


def test_what_runs_at_the_end_is_waited_for_and_then_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(actions, "_PATIENCE_S", 0.2)
    running = Actions([parse_action("*", "sleep 60", ()), parse_action("*", "true", ())])
    running.trigger(event())
    start = time.monotonic()
    assert running.close() == ["--on * sleep still ran at the end, and was ended"]
    assert time.monotonic() - start < 5
    assert running.close() == []


def test_an_event_that_waits_at_the_end_has_its_turn_or_a_line(program, tmp_path, monkeypatch):
    running = Actions([parse_action("*", f"{program} {{frame}}", ())])
    running.trigger(event(number=1))
    running.trigger(event(number=2))
    monkeypatch.setattr(actions, "_PATIENCE_S", 10)
    assert running.close() == []
    assert [json.loads(line)[0] for line in (tmp_path / "log").read_text().splitlines()] == [["1"], ["2"]]
    running = Actions([parse_action("*", "sleep 60", ())])
    running.trigger(event(number=1))
    running.trigger(event(number=2))
    monkeypatch.setattr(actions, "_PATIENCE_S", 0.05)
    assert running.close() == [
        "--on * sleep still ran at the end, and was ended",
        "--on * sleep did not run for frame 2",
    ]


@pytest.mark.parametrize(
    ("label", "command", "message"),
    [
        ("kat", "true", "--on kat: the model has no such label; its labels are cat, dog; * is every change"),
        ("cat", "", "--on cat has no command: give a program with its arguments, in quotes"),
        ("cat", "''", "--on cat has no command: give a program with its arguments, in quotes"),
        ("cat", "echo 'x", '--on cat "echo \'x" cannot be split (No closing quotation): close the quotes'),
        ("cat", "{label} x", "--on cat: a placeholder cannot be the program '{label}': name the program"),
    ],
)
def test_an_action_that_cannot_be_meant_is_a_usage_error(label, command, message):
    with pytest.raises(UsageError) as caught:
        parse_action(label, command, ("cat", "dog"))
    assert str(caught.value) == message


def test_a_program_that_is_not_there_is_said_at_the_start():
    with pytest.raises(NotFoundError) as caught:
        parse_action("cat", "no-such-program x", ("cat",))
    assert str(caught.value) == "--on cat: no program 'no-such-program': install it, or give its whole path"


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("sh -c 'echo {label}'", "sh"),
        ("/bin/bash -lc 'echo {previous}'", "bash"),
        ("python3 -c 'print(\"{label}\")'", "python3"),
        ("python3.11 -cprint({label})", "python3.11"),
        ("perl -e {label}", "perl"),
        ("ssh door notify {label}", "ssh"),
        ("env FOO=1 sh -c {label}", "sh"),
        ("sudo -u pi bash -c {label}", "bash"),
        ("timeout 5 ssh door {label}", "ssh"),
        ("awk {label}", "awk"),
        ("node --eval={label}", "node"),
    ],
)
def test_a_placeholder_that_would_become_code_is_refused(command, program):
    with pytest.raises(UsageError) as caught:
        parse_action("cat", command, ("cat",))
    assert str(caught.value) == (
        f"--on cat: {program} would run a label as code: leave out the placeholder, and read "
        '"$EDGEREADY_LABEL", in double quotes'
    )


@pytest.mark.parametrize(
    "command",
    [
        "sh notify.sh {label}",
        "sh -c 'echo {score} {time} {frame}'",
        "true -m {label} home/ssh",
        "env A=1 true {label}",
    ],
)
def test_a_placeholder_that_stays_text_is_allowed(command):
    assert parse_action("cat", command, ("cat",)).label == "cat"
