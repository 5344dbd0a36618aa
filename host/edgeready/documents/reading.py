"""Reads a file that a command wrote with --json: which command's it is, and its parts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgeready.documents.fields import Fields
from edgeready.documents.kinds import KINDS, MAKING, Kind, Part
from edgeready.errors import DocumentError, NotFoundError, fit_reason
from edgeready_device.input_file import read_file

_MOST_BYTES = 256 << 20  # chosen: a build's document with 1,000 classes and its raw latencies has 10 MB
_MODEL_MARK = b"TFL3"  # the file identifier in a .tflite's bytes 4 to 8
_MAKERS = (MAKING, "convert", "modes")  # of models
_GIVE = (
    "give what a command wrote with --json: build, convert, modes, evaluate, check, layers, benchmark, deploy, ..."
)


@dataclass(frozen=True, kw_only=True)
class Document:
    """One file: the command that wrote it, and its parts."""

    file: str
    command: str
    parts: tuple[Part, ...] = field(repr=False)


def read_documents(paths: Sequence[Path]) -> tuple[Document, ...]:
    """Returns the documents in the files `paths`; two models of one name are told apart by the file's name behind it.

    Raises NotFoundError for a file that is not there, DocumentError for one that none of the commands wrote.
    """
    return _tell_apart([read_document(path) for path in paths])


def read_document(path: Path) -> Document:
    """Returns the document in the file `path`; raises what `read_documents` raises."""
    data = _load(path)
    objects = data if isinstance(data, list) else [data]
    if not objects or not all(isinstance(item, dict) for item in objects):
        raise DocumentError(f"{path}: it is no document that a report is made of: {_GIVE}")
    commands: list[str] = []
    parts: list[Part] = []
    for item in objects:
        fields = Fields(file=str(path), data=item)
        kind = _kind_of(fields)
        commands.append(kind.command)
        parts.extend(kind.read(fields))
    if not parts:
        raise DocumentError(f"{path}: there is nothing in it to report: {_GIVE}")
    return Document(file=str(path), command=commands[0], parts=tuple(parts))


def _tell_apart(documents: Sequence[Document]) -> tuple[Document, ...]:
    """Returns the documents, with another name for models that several of them have made under one name.

    `--out` has a default, so that two builds often make files of one name. What else speaks of that name, a check
    for example, cannot be of both, and keeps it.
    """
    makers: dict[str, set[int]] = {}
    for number, document in enumerate(documents):
        if document.command in _MAKERS:
            for model in {getattr(part, "model", "") for part in document.parts}:
                makers.setdefault(model, set()).add(number)
    return tuple(
        replace(document, parts=tuple(_rename(part, document, number, makers) for part in document.parts))
        for number, document in enumerate(documents)
    )


def _rename(part: Part, document: Document, number: int, makers: dict[str, set[int]]) -> Part:
    model = getattr(part, "model", "")
    if len(makers.get(model, ())) < 2 or number not in makers[model]:
        return part
    anything: Any = part  # of the kinds, only that of layers has no model, and no command that makes one writes it
    renamed: Part = replace(anything, model=f"{model} ({document.file})")
    return renamed


def _load(path: Path) -> Any:
    try:
        content = read_file(path, _MOST_BYTES)
    except FileNotFoundError as error:
        raise NotFoundError(f"{path}: no such file; {_GIVE}") from error
    except OSError as error:
        raise DocumentError(f"{path}: cannot be read ({error.strerror}): {_GIVE}") from error
    if len(content) > _MOST_BYTES:
        raise DocumentError(f"{path}: it has more than {_MOST_BYTES:,} bytes, more than any command writes: {_GIVE}")
    if content[4:8] == _MODEL_MARK:
        raise DocumentError(
            f"{path}: it is a model: give what `edgeready check {path} --json` and others write of it"
        )
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DocumentError(fit_reason(f"{path}: it is no JSON (", error, f"): {_GIVE}")) from error


def _kind_of(fields: Fields) -> Kind:
    for kind in KINDS:
        if kind.fields <= fields.data.keys():
            return kind
    if "error" in fields:
        raise DocumentError(f"{fields.file}: check could not read {fields.text('file')}: leave that file out")
    raise DocumentError(f"{fields.file}: it is no document that a report is made of: {_GIVE}")
