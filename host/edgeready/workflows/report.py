"""What `edgeready report` shows: the documents in the files that it is given, and the title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgeready.documents import Document, read_documents
from edgeready.errors import OutputError, UsageError
from edgeready_device.input_file import read_file

GENERATOR = "edgeready report"
"""What a page says of what has made it, within its first kilobyte."""
_HEAD_BYTES = 1000
# The suffixes of a report by its format.
FORMATS = {"html": (".html", ".htm"), "md": (".md", ".markdown")}


@dataclass(frozen=True, kw_only=True)
class ReportContents:
    """The documents of a report, and where it goes in which format."""

    out: Path
    form: str
    title: str
    documents: tuple[Document, ...] = field(repr=False)


def gather_report(out: Path, files: Sequence[Path], *, form: str | None = None, title: str = "") -> ReportContents:
    """Returns the contents of the report on `files` that goes to `out`, in the format `form` or that of its suffix.

    Raises UsageError for an output that is no name of a report, OutputError for one that would be lost, and what
    reading the files raises.
    """
    chosen_form = choose_format(out, form)
    if not files:
        raise UsageError(f"{out}: there is nothing to report: give the files that the commands wrote with --json")
    for file in files:
        if file.absolute() == out.absolute():
            raise UsageError(f"{out}: it is among the files to report: name another output first")
    _spare(out, chosen_form)
    documents = read_documents(files)
    return ReportContents(out=out, form=chosen_form, title=title or _title_of(documents), documents=documents)


def choose_format(out: Path, form: str | None) -> str:
    """Returns "html" or "md", by the suffix of `out`; raises UsageError where it is no such name, or not `form`'s."""
    if form is not None and form not in FORMATS:
        raise UsageError(f"the format {form!r} is unknown: choose {' or '.join(FORMATS)}")
    by_suffix = next((name for name, suffixes in FORMATS.items() if out.suffix.lower() in suffixes), None)
    if by_suffix is None or form not in (None, by_suffix):
        suffix = FORMATS[form or "html"][0]
        example = "something.html or something.md" if form is None else f"something{suffix}"
        raise UsageError(f"{out}: name the output file first, {example}, and then the files to report")
    return by_suffix


def _spare(out: Path, form: str) -> None:
    """Raises OutputError where `out` holds what cannot be made again: a card that was filled in, a page of others."""
    try:
        start = read_file(out, _HEAD_BYTES)
    except OSError:  # there is none, or writing says it in its words
        return
    if not start:
        return
    if form == "md":
        raise OutputError(
            f"{out}: it is there already, perhaps with what you have filled in: name another file, or remove it"
        )
    if GENERATOR.encode() not in start:
        raise OutputError(
            f"{out}: it is there already, and no report of edgeready's: name another file, or remove it"
        )


def _title_of(documents: Sequence[Document]) -> str:
    """Returns the names of the models that the documents are about, at most two of them."""
    models = [str(getattr(part, "model", "")) for document in documents for part in document.parts]
    names = list(dict.fromkeys(Path(model).name for model in models if model))
    if len(names) > 2:
        return f"{names[0]} and {len(names) - 1} more"
    return " and ".join(names) or "Report"
