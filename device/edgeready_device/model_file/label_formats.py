"""Label files that are no list of lines: JSON, what Python prints, and TensorFlow's label maps (.pbtxt)."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Mapping
from typing import Any, Union

from edgeready_device.errors import ModelFileError

# Where a document with more in it has its labels: Teachable Machine, transformers, YOLO, COCO, and what people write.
_KEYS = ("labels", "id2label", "label2id", "class_names", "classes", "names", "categories", "class_indices")
_NAME_KEYS = ("display_name", "name", "label")
_ITEM = re.compile(r"item\s*\{([^{}]*)\}", re.DOTALL)
_FIELD = re.compile(r"""(\w+)\s*:\s*(?:"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|(-?\d+))""")
_MOST_LITERAL = 1 << 20  # characters; chosen: Python's parser takes a hundred bytes of memory for each
_FORMS = "a list of labels, or an object of numbers and labels"

Entries = Union["tuple[str, ...]", Mapping[int, str]]


def parse_structured(text: str) -> Entries | None:
    """The labels in JSON, in a literal of Python or a label map, in their order or by their numbers; else None.

    Raises ModelFileError for JSON of another form, and for two labels with one number.
    """
    start = text.lstrip()
    if re.match(r"item\s*\{", start):
        return _parse_map(start)
    if not start.startswith(("{", "[")):
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = _parse_literal(start)
    return None if document is None else _read(document)


def _parse_literal(text: str) -> Any:
    """The list or dictionary in `text` as Python prints it; None for other text."""
    if len(text) > _MOST_LITERAL:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # of a backslash in a label
            return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None


def _read(document: Any) -> Entries:
    if isinstance(document, dict):
        key = next((key for key in _KEYS if isinstance(document.get(key), (dict, list))), None)
        if key is not None:
            return _read(document[key])
        if document and all(isinstance(value, int) for value in document.values()):
            return _by_number([(number, _name(name)) for name, number in document.items()])
        if document and all(re.fullmatch("[0-9]+", str(key)) for key in document):
            return _by_number([(int(key), _name(value)) for key, value in document.items()])
    elif isinstance(document, list) and document:
        if all(isinstance(entry, dict) and isinstance(entry.get("id"), int) for entry in document):
            return _by_number([(entry["id"], _name(entry)) for entry in document])
        return tuple(_name(entry) for entry in document)
    raise ModelFileError(f"it is JSON without labels: write {_FORMS}")


def _name(entry: Any) -> str:
    """The label in an entry: text, an object with a name, or a list whose last text is the name (ImageNet's)."""
    if isinstance(entry, dict):
        entry = next((entry[key] for key in _NAME_KEYS if key in entry), None)
    elif isinstance(entry, list) and entry:
        entry = entry[-1]
    if not isinstance(entry, str):
        raise ModelFileError(f"it holds {str(entry)[:40]!r} in the place of a label: write {_FORMS}")
    return entry


def _parse_map(text: str) -> Entries:
    rows: list[tuple[int, str]] = []
    for item in _ITEM.findall(text):
        fields = {key: double or single or number for key, double, single, number in _FIELD.findall(item)}
        name = next((fields[key] for key in _NAME_KEYS if fields.get(key)), None)
        if name is None or not fields.get("id", "").isdigit():
            raise ModelFileError("it is a label map with an item that lacks an id or a name: add it")
        rows.append((int(fields["id"]), re.sub(r"\\(.)", r"\1", name)))
    return _by_number(rows)


def _by_number(rows: list[tuple[int, str]]) -> Entries:
    labels = dict(rows)
    if len(labels) < len(rows):
        raise ModelFileError("it has two labels of one number: give each its own")
    return labels
