"""Lists of files that say which images of class folders are for the training, the validation and the test."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edgeready_device.errors import DatasetError
from edgeready_device.image_sets.folder_tree import Tree
from edgeready_device.image_sets.label_table import Listing, check_disjoint, read_table, read_text
from edgeready_device.image_sets.part_names import PARTS, TEST, TRAIN, VALIDATION, part_of
from edgeready_device.image_sets.table_columns import find_columns

_MOST_LISTS = 12  # chosen: with more they are notes to each image, or several ways to split the set
_NOTES = {".txt", ".csv", ".tsv", ".json"}  # what lies beside lists in a folder of them


@dataclass(frozen=True)
class Split:
    """The images of each part, the files that list them, how many images are in none, and `notes` on what is."""

    parts: Mapping[str, Listing]
    lists: tuple[Path, ...]
    unlisted: int
    notes: tuple[str, ...]


def find_split(tree: Tree, listing: Listing) -> Split | None:
    """The parts into which lists in `tree` split the images of `listing`; None where they do not.

    A list is a text file called train, val, test or the like with the name of an image in each line, a table called
    so, or a table with a column of parts. Without one for the training, the images in no list are for it. There must
    be a test or a validation, and one list for each part. Raises DatasetError for images in two lists.
    """
    lists = _find_lists(tree, listing)
    files: dict[str, set[Path]] = {}
    for source in lists:
        if files.keys() & source.files.keys():
            return None  # several ways to split the set: which one is meant?
        files.update(source.files)
    if not files.keys() & {VALIDATION, TEST}:
        return None
    check_disjoint({part: sorted(images) for part, images in files.items()})
    rest = set(listing.files).difference(*files.values())
    text = ", ".join(source.path.name for source in lists)
    notes = [note for source in lists for note in source.notes]
    if TRAIN not in files:
        files[TRAIN], rest = rest, set()
    elif rest:
        notes.append(f"{len(rest):,} images are in none of the lists ({text}): left out")
    parts = {part: _take(listing, files[part]) for part in PARTS if part in files}
    notes.append(f"the parts are those of {text}")
    return Split(parts=parts, lists=tuple(source.path for source in lists), unlisted=len(rest), notes=tuple(notes))


def holds_lists(folder: Tree) -> bool:
    """Whether a folder beside those of the classes has lists of parts, what lies beside such, and nothing else."""
    files = [path for inner in folder.walk() for path in (*inner.images, *inner.others)]
    are_notes = all(path.suffix.lower() in _NOTES for path in files)
    return are_notes and any(_may_list(path) and part_of(path.stem) is not None for path in files)


@dataclass(frozen=True)
class _List:
    """A list of images, by part, and what is to be said of it."""

    path: Path
    files: Mapping[str, set[Path]]
    notes: tuple[str, ...] = ()


def _find_lists(tree: Tree, listing: Listing) -> list[_List]:
    """The lists in `tree` of images of `listing`, in the order of their parts; none where there are too many."""
    paths = [path for folder in tree.walk() for path in folder.others if _may_list(path)]
    if len(paths) > _MOST_LISTS:
        return []
    names = _Names(tree, listing.files)
    lists: list[_List] = []
    for path in paths:
        entries = list(_entries(path, part_of(path.stem), names))
        pairs = [(part, image) for part, image in entries if image is not None]
        if not pairs or 2 * len(pairs) < len(entries):
            continue
        strays = len(entries) - len(pairs)
        lists.append(
            _List(
                path=path,
                files={part: {image for of, image in pairs if of == part} for part in dict(pairs)},
                notes=(f"{strays:,} lines of {str(path)!r} name no image",) if strays else (),
            )
        )
    return sorted(lists, key=lambda source: (min(map(PARTS.index, source.files)), source.path))


def _may_list(path: Path) -> bool:
    suffix = path.suffix.lower()
    return (suffix == ".txt" and part_of(path.stem) is not None) or suffix in (".csv", ".tsv")


def _take(listing: Listing, files: set[Path]) -> Listing:
    rows = [row for row in zip(listing.files, listing.labels) if row[0] in files]
    return Listing(files=tuple(row[0] for row in rows), labels=tuple(row[1] for row in rows))


def _entries(path: Path, part: str | None, names: _Names) -> Iterator[tuple[str, Path | None]]:
    """The part and the image of each line of a list; the image is None where the line names none."""
    if path.suffix.lower() == ".txt":
        yield from ((part or "", image) for image in _lines(path, names))
        return
    with suppress(DatasetError):  # a table of something else
        table = read_table(path)
        columns = find_columns(table, lambda name: names.find(name) is not None)
        for _, cells in columns.table.rows if columns else ():
            of = part if columns is None or columns.part is None else part_of(cells[columns.part])
            if of is not None and columns is not None:
                yield of, names.find(cells[columns.files])


def _lines(path: Path, names: _Names) -> Iterator[Path | None]:
    """The image of each line, which may have a label behind its name; none where the file is no text."""
    try:
        text = read_text(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DatasetError(f"{str(path)!r} cannot be read ({reason}): make it readable, or move it away") from error
    except ValueError:
        return
    for line in text.splitlines():
        if line.strip():
            before = (line, line.strip().rsplit(maxsplit=1)[0], re.split("[,;\t]", line, maxsplit=1)[0])
            yield next((image for name in before if (image := names.find(name))), None)


class _Names:
    """The `files` in `tree` by what a list may call them: the end of their path, with or without suffix, in any case.

    A bare name counts where one file alone has it.
    """

    def __init__(self, tree: Tree, files: tuple[Path, ...]) -> None:
        self._files: dict[str, Path | None] = {}
        for file in files:
            relative = file.relative_to(tree.path)
            for start in range(len(relative.parts)):
                end = Path(*relative.parts[start:])
                for name in {end.as_posix().lower(), end.with_suffix("").as_posix().lower()}:
                    self._files[name] = None if self._files.get(name, file) != file else file

    def find(self, name: str) -> Path | None:
        """The file that `name` means; its first folders may be others, its last is the file's."""
        pieces = [piece for piece in name.strip().replace("\\", "/").lower().split("/") if piece not in ("", ".")]
        if len(pieces) == 1:
            return self._files.get(pieces[0])
        ends = ("/".join(pieces[start:]) for start in range(len(pieces) - 1))
        return next((file for end in ends if (file := self._files.get(end)) is not None), None)
