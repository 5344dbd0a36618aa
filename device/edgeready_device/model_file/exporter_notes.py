"""What Ultralytics' and YOLOv5's exporters write behind a model: the task and the names of the classes.

It is JSON in newer versions, and in older ones the text of a Python dict, which is read here as data and never run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeready_device.text import plain

# The names of the parts: of Ultralytics with Python 3.12 and newer, of Ultralytics before, and of YOLOv5.
NOTES_FILES = ("metadata.json", "temp_meta.txt", "meta.txt")
_MOST_NAMES = 100_000  # chosen: that of label files
_TASK = re.compile(r"""['"]task['"]\s*:\s*['"](\w{1,40})['"]""")
_NAMES = re.compile(r"""['"]names['"]\s*:\s*([{\[])\s*""")
_ENTRY = re.compile(r"""(?:(\d{1,6})\s*:\s*)?(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*,?\s*""", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True)
class ExporterNotes:
    """What the exporter says: `task` is "detect", "segment", "pose", "obb" or "classify", "" where it says none."""

    labels: tuple[str, ...]
    task: str = ""


def read_exporter_notes(data: bytes) -> ExporterNotes | None:
    """Returns what the bytes of one of NOTES_FILES say; None where they name no classes from 0 on."""
    text = data.decode("utf-8", "replace")
    names, task = _read_json(text) if text.lstrip().startswith('{"') else _read_literal(text)
    if not names or len(names) > _MOST_NAMES or set(names) != set(range(len(names))):
        return None
    return ExporterNotes(tuple(plain(names[i]) for i in range(len(names))), task)


def _read_json(text: str) -> tuple[dict[int, str], str]:
    try:
        root: Any = json.loads(text, parse_int=_parse_integer)
    except (ValueError, RecursionError):
        return {}, ""
    names, task = root.get("names"), root.get("task")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, Mapping):
        return {}, ""
    numbers = {int(key): str(value) for key, value in names.items() if re.fullmatch(r"[0-9]{1,6}", str(key))}
    return numbers if len(numbers) == len(names) else {}, plain(task) if isinstance(task, str) else ""


def _parse_integer(digits: str) -> int:
    return int(digits[:20])  # a number of a million digits takes minutes, and none here has more than seven


def _read_literal(text: str) -> tuple[dict[int, str], str]:
    """The names and the task in the text of a Python dict."""
    start, task = _NAMES.search(text), _TASK.search(text)
    if start is None:
        return {}, ""
    names: dict[int, str] = {}
    position = start.end()
    while len(names) <= _MOST_NAMES and (entry := _ENTRY.match(text, position)) is not None:
        number, single, double = entry.groups()
        if (number is None) != (start[1] == "["):
            return {}, ""
        name = single if single is not None else double
        names[len(names) if number is None else int(number)] = _ESCAPE.sub(r"\1", name)
        position = entry.end()
    closed = text[position : position + 1] == ("]" if start[1] == "[" else "}")
    return names if closed else {}, "" if task is None else task[1]
