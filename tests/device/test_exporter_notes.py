"""Names and task that YOLO's exporters write behind a model: JSON, or the text of a Python dict that is never run."""

from __future__ import annotations

import json

import pytest

from edgeready_device.model_file.exporter_notes import ExporterNotes, read_exporter_notes

NAMES = {0: "person", 1: "it's", 2: 'a "b", {c}: 3', 3: "café", 4: "back\\slash"}
LABELS = tuple(NAMES.values())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            json.dumps({"description": "Ultralytics", "task": "detect", "names": NAMES}),
            ExporterNotes(LABELS, "detect"),
        ),
        (json.dumps({"names": list(LABELS)}), ExporterNotes(LABELS)),
        (str({"description": "x", "stride": 32, "task": "pose", "names": NAMES}), ExporterNotes(LABELS, "pose")),
        (str({"stride": 32, "names": NAMES}), ExporterNotes(LABELS)),
        (str({"stride": 32, "names": list(LABELS)}), ExporterNotes(LABELS)),
        (str({"names": {0: "one"}, "task": "obb"}), ExporterNotes(("one",), "obb")),
        (str({"names": {0: "a\x1b[31m"}}), ExporterNotes(("ax1b[31m",))),
    ],
)
def test_names_and_task_are_read(text, expected):
    assert read_exporter_notes(text.encode()) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b'{"names": 3}',
        b'{"names": {}}',
        b'{"names": {"0": "a", "2": "b"}}',
        b'{"names": {"a": "b"}}',
        b'{"names": {"0": "a"}, "task"',
        b'{"' + b"[" * 100_000,
        b"{'names': {0: 'a'",
        b"{'names': {0: 'a', 1: open('x')}}",
        b"{'names': ['a', 1: 'b']}",
        b"{'names': {'a', 'b'}}",
        b"{'names': {5: 'a'}}",
        b"person\ndog\n",
        b"{'names': {" + b"0: '" * 100_000,
    ],
)
def test_what_names_no_classes_from_0_on_is_no_note(data):
    assert read_exporter_notes(data) is None
