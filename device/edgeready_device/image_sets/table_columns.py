"""Which columns of a table have the file names, the labels and the parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgeready_device.errors import DatasetError
from edgeready_device.image_sets.part_names import part_of
from edgeready_device.text import plain

# In the order in which they count: an id stands beside a file name more often than in its place.
_FILE_NAMES = (
    *("filename", "file_name", "file", "filenames", "filepath", "file_path", "path", "image_path", "img_path"),
    *("image", "images", "img", "image_name", "img_name", "image_id", "imageid", "id_code", "id"),
)
_LABEL_NAMES = {"label", "labels", "class", "classes", "class_name", "category", "target", "y", "class_label"}
# What a label is called where no column has a name of the first kind: in sets of medicine, animals and plants.
_SUBJECT_NAMES = {
    "diagnosis",
    "dx",
    "breed",
    "species",
    "variety",
    "disease",
    "level",
    "grade",
    "emotion",
    "classid",
    "class_id",
    "choice",
}
_PART_NAMES = {"split", "subset", "partition"}
_OTHER_PART_NAMES = {"set", "part", "fold", "dataset"}  # parts only where their values are: a fold may be a number
_ZERO, _ONE = ("0", "0.0"), ("1", "1.0")
_LEAST_ROWS = 20  # chosen: in fewer each image may be of a class of its own
_MOST_NAMES = 6  # of classes in a message; chosen: they fit a line


@dataclass(frozen=True)
class Table:
    """A CSV file: its part by its name, its columns, and its rows with their line numbers."""

    path: Path
    part: str | None
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]

    def values(self, column: int) -> list[str]:
        """The cells of a column without the spaces around them."""
        return [cells[column].strip() for _, cells in self.rows]


@dataclass(frozen=True)
class Columns:
    """The indices of the columns of `table`: of file names, of labels, and of parts, None where there is none.

    There is one column of labels, or one for each class that holds a 1 for the images of it.
    """

    table: Table
    files: int
    labels: tuple[int, ...]
    part: int | None

    @property
    def is_named(self) -> bool:
        """Whether it is the names or the values of the columns that say that they hold labels."""
        names = {_plain_name(self.table.columns[index]) for index in self.labels}
        return len(self.labels) > 1 or bool(names & (_LABEL_NAMES | _SUBJECT_NAMES))

    def label_of(self, cells: Sequence[str], place: str) -> str:
        """The label of a row; raises DatasetError, with the `place` of the row, where there is none, or several."""
        if len(self.labels) == 1:
            label = cells[self.labels[0]].strip()
            if not label:
                raise DatasetError(f"{place} has no label: add it or remove the line")
            return label
        names = [self.table.columns[index].strip() for index in self.labels if cells[index].strip() in _ONE]
        if len(names) != 1:
            count = f"{len(names)} classes ({', '.join(map(plain, names[:_MOST_NAMES]))})" if names else "no class"
            raise DatasetError(f"{place} has {count}, and each image is of one: correct it or remove the line")
        return names[0]


def find_columns(table: Table, is_image: Callable[[str], bool]) -> Columns | None:
    """The columns of a table, of whose cells `is_image` says whether they name an image; None where it has no labels.

    A table of two columns may lack the line of their names. Raises DatasetError where two columns could be meant.
    """
    table = _with_names(table, is_image)
    files = _find_files(table, is_image)
    if files is None:
        return None
    part = _find_part(table)
    labels = _find_labels(table, files, part)
    return Columns(table, files, labels, part) if labels else None


def _with_names(table: Table, is_image: Callable[[str], bool]) -> Table:
    """`table`, whose first line is one of its rows where it has no names."""
    images = [index for index, cell in enumerate(table.columns) if is_image(cell)]
    if len(table.columns) != 2 or len(images) != 1:
        return table
    names = ("file", "label") if images == [0] else ("label", "file")
    return replace(table, columns=names, rows=((1, table.columns), *table.rows))


def _find_files(table: Table, is_image: Callable[[str], bool]) -> int | None:
    """The column of file names: by its name, and of several, or without one, the one whose cells are images."""
    places = {_plain_name(name): index for index, name in reversed(list(enumerate(table.columns)))}
    named = [places[name] for name in _FILE_NAMES if name in places]
    others = [index for index in range(len(table.columns)) if index not in named]
    for index in (*named, *others):
        if all(map(is_image, table.values(index))):
            return index
    return named[0] if named else None


def _find_labels(table: Table, files: int, part: int | None) -> tuple[int, ...]:
    place = _find_one(table, _LABEL_NAMES)
    if place is None:
        place = _find_one(table, _SUBJECT_NAMES)
    if place is not None:
        return (place,)
    others = [index for index in range(len(table.columns)) if index not in (files, part)]
    if len(others) == 1:
        return (others[0],) if _can_be_labels(table.values(others[0])) else ()
    flags = tuple(index for index in others if set(table.values(index)) <= {*_ZERO, *_ONE})
    return flags if len(flags) > 1 else ()


def _can_be_labels(values: list[str]) -> bool:
    """Whether a column without the name of one can hold labels: not where it is links, captions or measurements."""
    return len(values) < _LEAST_ROWS or 2 * len(set(values)) <= len(values)


def _find_part(table: Table) -> int | None:
    place = _find_one(table, _PART_NAMES)
    if place is None:
        place = _find_one(table, _OTHER_PART_NAMES)
        if place is not None and not any(map(part_of, table.values(place))):
            return None
    return place


def _find_one(table: Table, names: set[str]) -> int | None:
    """The column with one of `names`; of two that mean the same in every row, the one with words."""
    places = [index for index, name in enumerate(table.columns) if _plain_name(name) in names]
    if len(places) < 2:
        return places[0] if places else None
    first, *others = places
    for other in others:
        pairs = set(zip(table.values(first), table.values(other)))
        if not len(pairs) == len({pair[0] for pair in pairs}) == len({pair[1] for pair in pairs}):
            both = ", ".join(plain(table.columns[index]) for index in places)
            raise DatasetError(f"{str(table.path)!r} has several columns of one meaning ({both}): leave one of them")
    return next((place for place in places if not all(cell.isdigit() for cell in table.values(place))), first)


def _plain_name(name: str) -> str:
    return name.strip().lower().replace(" ", "_")
