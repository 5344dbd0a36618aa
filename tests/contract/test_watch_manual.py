"""docs/watch.md: its command lines parse, its options and fields are those of the code."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np

from edgeready_device import cli
from edgeready_device.commands.word_order import order_words
from edgeready_device.report.watch import watch_json
from edgeready_device.testing import fake_model
from edgeready_device.watching.actions import parse_action
from edgeready_device.watching.frame import Back, Lost, Notice
from edgeready_device.watching.loop import Unusable
from edgeready_device.watching.watch import watch

MANUAL = (Path(__file__).parents[2] / "docs" / "watch.md").read_text("utf-8")
LABELS = ("cat", "dog", "person")


def command_lines() -> list[str]:
    shell = "".join(re.findall(r"```sh\n(.*?)```", MANUAL, re.DOTALL))
    lines = [line.partition(" | ")[0] for line in shell.splitlines() if line]
    return [*lines, *re.findall(r"^ExecStart=(.*)$", MANUAL, re.MULTILINE)]


def test_every_command_line_is_understood(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda program: program)
    lines = command_lines()
    assert len(lines) >= 10
    parser, verbs = cli.parsers()
    for line in lines:
        program, *words = shlex.split(line, comments=True)
        assert Path(program).name == "edgeready-device"
        options = parser.parse_args(order_words(words, verbs))
        for label, command in options.on:
            assert parse_action(label, command, LABELS).label == label


def test_every_option_of_the_loop_is_in_the_manual():
    names = {name for action in cli.parsers()[1]["watch"]._actions for name in action.option_strings}
    shared = {name for action in cli.parsers()[1]["classify"]._actions for name in action.option_strings}
    for name in names - shared:
        assert f"`{name}" in MANUAL, name


def test_the_fields_of_each_event_are_those_of_the_manual():
    model = fake_model(lambda frame: (0.9, 0.1, 0.0), LABELS, height=2, width=2)
    frame, end = (watch_json(event) for event in watch(model, [np.zeros((2, 2, 3), np.uint8)], hold=1))
    events = [
        {**frame, "image": "a.jpg"},
        watch_json(Unusable(0, 1, "a.jpg", "damaged")),
        watch_json(Lost(0, "lost", 1)),
        watch_json(Back(0, 1)),
        watch_json(Notice(0, "notice")),
        end,
    ]
    rows = dict(re.findall(r"^\| `(\w+)` \| (`.*) \|$", MANUAL.split("## Lines of JSON")[1], re.MULTILINE))
    assert list(rows) == [event["event"] for event in events]
    for event in events:
        listed = re.findall(r"`(\w+)`", rows[event["event"]])
        assert set(listed) == set(json.loads(json.dumps(event))) - {"event"}, event["event"]
