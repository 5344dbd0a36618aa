"""Images with their labels in CSV files: a column of file names, and one of labels or one for each class."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from edgeready_device.errors import DatasetError, fit_reason
from edgeready_device.image_sets.folder_tree import Tree
from edgeready_device.image_sets.json_lines import table_of_json_lines
from edgeready_device.image_sets.part_names import TEST, TRAIN, VALIDATION, part_of
from edgeready_device.image_sets.table_columns import Columns, Table, find_columns
from edgeready_device.input_file import read_file
from edgeready_device.text import plain

_SUFFIXES = (".csv", ".tsv", ".jsonl")
_MOST_BYTES = 64 << 20  # chosen: a million lines


@dataclass(frozen=True)
class Listing:
    """Image files of one part and the class index of each."""

    files: tuple[Path, ...]
    labels: tuple[int, ...]


@dataclass(frozen=True)
class LabelledImages:
    """The classes, sorted, the images of each part, and the tables that name them."""

    classes: tuple[str, ...]
    parts: Mapping[str, Listing]
    tables: tuple[Path, ...]


@dataclass(frozen=True)
class LabelledPart:
    """A folder of images, their labels, and the table that has these."""

    folder: Tree
    listing: Listing
    table: Path


def find_tables(tree: Tree) -> tuple[Table, ...]:
    """The CSV files beside or above the images of `tree`, where these lie without folders for classes; else none.

    Each part may have one in its folder. Raises DatasetError for one that cannot be read.
    """
    place = tree
    paths: list[Path] = []
    while True:
        paths = paths or _paths_in(place)
        inside = place.image_folders
        if place.images or len(inside) != 1:
            break
        place = inside[0]
    is_flat = not any(folder.image_folders for folder in inside)
    has_classes = len(inside) > 1 and any(part_of(folder.name) is None for folder in inside)
    if not is_flat or has_classes:
        return ()
    of_parts = [] if paths else [(path, part_of(folder.name)) for folder in inside for path in _paths_in(folder)]
    tables = (*map(read_table, paths), *(replace(read_table(path), part=part) for path, part in of_parts))
    return tables if any(not _is_submission(table) for table in tables) else ()


def check_folders(tree: Tree, files: Sequence[Path], labels: Sequence[int]) -> None:
    """Raises DatasetError where the folders of `tree`, whose images are `files`, split what a table calls alike.

    That is where a CSV file above them has other classes than `labels`: a folder holds images of several of them. A
    table that cannot be read, or names few of the images, is none of their labels.
    """
    classes = dict(zip(files, labels))
    for path in _paths_in(tree):
        images = _Images(tree)
        with suppress(DatasetError):
            table = read_table(path)
            columns = find_columns(table, images.has)
            if columns is None or not columns.is_named or _is_submission(table):
                continue
            names: dict[int, set[str]] = {}
            count = 0
            for _, cells in columns.table.rows:
                places = images.find(cells[columns.files], None) & classes.keys()
                for image in places if len({place.name for place in places}) == 1 else ():
                    names.setdefault(classes[image], set()).add(columns.label_of(cells, ""))
                    count += 1
            if 2 * count >= len(files) and any(len(others) > 1 for others in names.values()):
                break
    else:
        return
    raise DatasetError(
        f"{str(path)!r} has other classes than the folders of {str(tree.path)!r}: move the images into one folder to "
        "take the labels of the table, or the table away to take the folders"
    )


def _paths_in(folder: Tree) -> list[Path]:
    return [file for file in folder.others if file.suffix.lower() in _SUFFIXES]


def read_tables(tree: Tree, tables: tuple[Table, ...], *, for_test: bool = False) -> LabelledImages:
    """The classes and images that `tables` name, with images for the training among them unless `for_test`.

    Raises DatasetError, naming file and line, for what does not fit the images of `tree`.
    """
    images = _Images(tree)
    labelled = [
        columns
        for table in tables
        if not _is_submission(table) and (columns := find_columns(table, images.has)) is not None
    ]
    if not labelled:
        raise DatasetError(
            f"{_columns_text(tables)}: call the column of labels label, that of files filename, or give each class a "
            "column of 0 and 1"
        )
    parts = [columns.table.part or TRAIN for columns in labelled]
    if len(set(parts)) < len(parts):
        names = ", ".join(columns.table.path.name for columns in labelled)
        raise DatasetError(f"{str(tree.path)!r} has several tables of labels ({names}): leave one, or train and test")
    rows: dict[str, dict[Path, str]] = {}
    for columns in labelled:
        _add_rows(columns, images, rows)
    if TRAIN not in rows and not (for_test and rows):
        raise DatasetError(f"{_columns_text(tables)}: they name no image for training")
    check_disjoint(rows)
    classes = sort_labels({label for part in rows.values() for label in part.values()})
    index = {name: number for number, name in enumerate(classes)}
    parts_of_images = {
        part: Listing(files=tuple(sorted(files)), labels=tuple(index[files[file]] for file in sorted(files)))
        for part, files in rows.items()
    }
    return LabelledImages(classes, parts_of_images, tuple(columns.table.path for columns in labelled))


def read_part(root: Tree, folder: Tree, part: str, classes: tuple[str, ...]) -> LabelledPart | None:
    """The images of `folder`, which is `part` of `root`, with the labels of a table there or in it; None without one.

    A table counts where it names all images of the folder. Raises DatasetError for a label that is not in `classes`.
    """
    files = set(folder.all_images())
    images = _Images(root)
    for path in (*_paths_in(root), *(path for inner in folder.walk() for path in _paths_in(inner))):
        table = read_table(path)
        if table.part not in (None, part) or _is_submission(table):
            continue
        columns = find_columns(table, images.has)
        if columns is None or not columns.is_named:
            continue
        labels: dict[Path, str] = {}
        for line, cells in columns.table.rows:
            for file in images.find(cells[columns.files], part) & files:
                labels[file] = columns.label_of(cells, f"{str(path)!r} line {line}")
        if labels.keys() != files:
            continue
        if unknown := sorted(set(labels.values()) - set(classes)):
            raise DatasetError(
                f"{str(path)!r} has the class {plain(unknown[0])!r}, and train has no folder of it: correct it"
            )
        index = {name: number for number, name in enumerate(classes)}
        listing = Listing(files=tuple(sorted(files)), labels=tuple(index[labels[file]] for file in sorted(files)))
        return LabelledPart(folder=folder, listing=listing, table=path)
    return None


def _is_submission(table: Table) -> bool:
    """Whether it is the example of a competition's answers, whose labels are no answers."""
    return "submission" in table.path.stem.lower()


class _Images:
    """The images of a folder by what a table may call them: path, name, or name without its suffix, in any case."""

    def __init__(self, tree: Tree) -> None:
        self._root = tree.path
        self._files: dict[str, set[Path]] = {}
        self._lower: dict[str, set[Path]] = {}
        for image in tree.all_images():
            relative = image.relative_to(tree.path)
            for name in (relative.as_posix(), relative.with_suffix("").as_posix(), image.name, image.stem):
                self._files.setdefault(name, set()).add(image)
                self._lower.setdefault(name.lower(), set()).add(image)

    def has(self, name: str) -> bool:
        """Whether `name` can mean an image."""
        return bool(self.find(name, None))

    def find(self, name: str, part: str | None) -> set[Path]:
        """The images that `name` can mean; of several, those in the folder of `part`."""
        text = name.strip().replace("\\", "/").removeprefix("./")
        last = text.rsplit("/", 1)[-1]
        files = self._files.get(text) or self._files.get(last) or self._lower.get(last.lower(), set())
        if len(files) > 1 and part is not None:
            return {file for file in files if self.part(file) == part} or files
        return files

    def part(self, file: Path) -> str | None:
        """The part that the folder of `file` stands for; the name of the whole set says none."""
        return None if file.parent == self._root else part_of(file.parent.name)


def _add_rows(columns: Columns, images: _Images, rows: dict[str, dict[Path, str]]) -> None:
    """Adds the images of a table with their labels to `rows`, by part."""
    table = columns.table
    for line, cells in table.rows:
        place = f"{str(table.path)!r} line {line}"
        part = _stated_part(columns, cells, place)
        files = images.find(cells[columns.files], part)
        if len(files) != 1:
            count = f"{len(files)} images have that name" if files else "there is no such image"
            raise DatasetError(f"{place} names {plain(cells[columns.files])!r}, and {count}: correct it")
        label = columns.label_of(cells, place)
        (file,) = files
        folder_part = images.part(file)
        if part and folder_part and part != folder_part:
            raise DatasetError(
                f"{place} is of {part} and its image lies in {file.parent.name!r}: correct one of them"
            )
        if rows.setdefault(part or folder_part or TRAIN, {}).setdefault(file, label) != label:
            before = plain(rows[part or folder_part or TRAIN][file])
            raise DatasetError(
                f"{place} calls {file.name!r} {plain(label)!r}, a line before it {before!r}: leave one of them"
            )


def _stated_part(columns: Columns, cells: tuple[str, ...], place: str) -> str | None:
    """The part of a row, by its column or the name of its table; None where neither says one."""
    if columns.part is None:
        return columns.table.part
    part = part_of(cells[columns.part])
    if part is None:
        raise DatasetError(
            f"{place} has {plain(cells[columns.part])!r} as {columns.table.columns[columns.part]}: "
            "write train, val or test, or remove the column"
        )
    return part


def check_disjoint(rows: Mapping[str, Collection[Path]]) -> None:
    """Raises DatasetError for images in two of the parts `rows`."""
    for first, second in ((TRAIN, VALIDATION), (TRAIN, TEST), (VALIDATION, TEST)):
        if both := sorted(set(rows.get(first, {})) & set(rows.get(second, {}))):
            raise DatasetError(
                f"{len(both)} images are in {first} and in {second} ({both[0].name!r}, ...): leave each in one"
            )


def sort_labels(labels: set[str]) -> tuple[str, ...]:
    """The labels in the order of their classes: numbers by their value, words by their letters."""
    is_number = all(label.isascii() and label.isdigit() for label in labels)
    return tuple(sorted(labels, key=int)) if is_number else tuple(sorted(labels))


def _columns_text(tables: Iterable[Table]) -> str:
    return "; ".join(
        f"{str(table.path)!r} has the columns {', '.join(map(plain, table.columns))}" for table in tables
    )


def read_text(path: Path) -> str:
    """The text in `path`; raises OSError, ValueError where it is none, and DatasetError where it is too large."""
    content = read_file(path, _MOST_BYTES)
    if len(content) > _MOST_BYTES:
        raise DatasetError(f"{str(path)!r} has more than {_MOST_BYTES >> 20} MiB: give a smaller table of labels")
    # An editor may put a mark of the byte order in front; Excel's "Unicode text" is UTF-16.
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if is_utf16 else "utf-8-sig")


def read_table(path: Path) -> Table:
    """The table in `path`; raises DatasetError where it cannot be read as one."""
    try:
        text = read_text(path)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{str(path)!r} cannot be read as a table: save it as CSV in UTF-8") from error
    if path.suffix.lower() == ".jsonl":
        return table_of_json_lines(path, text, part_of(path.stem))
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        rows = [(reader.line_num, tuple(row)) for row in reader if row]
    except csv.Error as error:
        raise DatasetError(
            fit_reason(f"{str(path)!r} cannot be read as a table (", error, "): save it as CSV again")
        ) from error
    if len(rows) < 2:
        raise DatasetError(f"{str(path)!r} has {len(rows)} lines: it takes one of names, then one for each image")
    columns = rows[0][1]
    for line, row in rows[1:]:
        if len(row) != len(columns):
            raise DatasetError(f"{str(path)!r} line {line} has {len(row)} cells, not {len(columns)}: correct it")
    return Table(path=path, part=part_of(path.stem), columns=columns, rows=tuple(rows[1:]))
