"""Folders that are refused: layouts that can be read in two ways, and those that have no classes; what to do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from edgeready_device.errors import DatasetError
from edgeready_device.image_sets.folder_tree import LINKS, Tree, left_out
from edgeready_device.image_sets.part_names import TEST, TRAIN, VALIDATION, bare_part_of, part_of, stem_of
from edgeready_device.images.decode import IMAGE_SUFFIXES
from edgeready_device.text import plain

# Folders that hold all the pictures of a set and are no class.
WRAPPERS = {"images", "image", "imgs", "img", "data", "dataset", "photos", "pictures"}
# Folders of what is marked in pictures: sets for segmentation and detection.
_MARKS = {
    *("mask", "masks", "annotation", "annotations", "label", "labels", "segmentation", "gt", "groundtruth"),
    *("trimaps", "segmentationclass", "segmentationobject"),
}
_PICTURES = {"jpegimages"}  # beside such folders, and nowhere else
_ONE_FOLDER_EACH = "make it one subfolder of images for each class, or train/ and test/ with those in them"
_MOST_NAMES = 6  # of folders in a message; chosen: they show a layout, and fit a line
_MOST_BEGINNINGS = 300  # of names; chosen: more are no classes but ids
_BEGINNING = re.compile(
    r"([^\W\d_](?:.*?[^\W\d_])?)[\W_]*\d"
)  # "cat" of cat.0.jpg, "Abyssinian" of Abyssinian_12.jpg


def describe(root: Tree, names: Sequence[str], least: int) -> str:
    """One line on why `root`, with the class folders `names`, has fewer than `least` classes, and what to do."""
    place = repr(str(root.path))
    others = left_out(root, len(root.all_images()))
    if not root.has_images and others.counts.keys() - {LINKS}:
        return (
            f"{place} has no {' '.join(IMAGE_SUFFIXES)} image, but {others}: unpack or convert them to images, with "
            "a subfolder for each class"
        )
    only = f"only {names[0]!r}" if names else "none"
    loose = f", and {len(root.images):,} images beside it" if root.images else ""
    remedies = (
        _inner_classes(root),
        _beginnings_of(root.all_images()),
        _inner_images(root),
        " (symbolic links that lead out of it need --follow-links)" if LINKS in others.counts else "",
    )
    return (
        f"{place} needs a subfolder of images for each {'of at least two classes' if least == 2 else 'class'} and "
        f"has {only}{loose}{next(filter(None, remedies), '')}"
    )


def list_names(names: Sequence[str]) -> str:
    """The first of `names`, and that there are more."""
    return ", ".join(map(plain, names[:_MOST_NAMES])) + (", ..." if len(names) > _MOST_NAMES else "")


def are_flat_parts(folders: Sequence[Tree]) -> bool:
    """Whether all folders are parts, one of them for training, with images that have no classes."""
    are_alike = len({stem_of(folder.name) for folder in folders}) == 1
    parts = [part_of(folder.name) if are_alike else bare_part_of(folder.name) for folder in folders if folder.images]
    return TRAIN in parts and None not in parts and len(parts) == len(folders) > 1


def check_flat(root: Tree, folders: list[Tree]) -> None:
    """Raises DatasetError where all folders are parts with images that have no classes."""
    parts = [folder.name for folder in folders]
    if are_flat_parts(folders):
        raise DatasetError(
            f"the images in {', '.join(parts)} of {str(root.path)!r} have no class"
            + (
                _beginnings_of(next(folder for folder in folders if part_of(folder.name) == TRAIN).images)
                or ": give each part a subfolder for each class, or the set a CSV file with a column of file names "
                "and one of labels"
            )
        )


def check_siblings(root: Tree, folders: list[Tree]) -> None:
    """Raises DatasetError where one folder is a part of another, as rps-test-set is of rps."""
    names = {tuple(stem_of(folder.name)): folder.name for folder in folders if part_of(folder.name) is None}
    for folder in folders:
        part = part_of(folder.name)
        whole = names.get(tuple(word for word in stem_of(folder.name) if word != "set"))
        if part in (TEST, VALIDATION) and whole is not None:
            raise DatasetError(
                f"{str(root.path)!r} has {whole!r} and {folder.name!r}, which is for the {part} of it: call "
                f"them train and {'val' if part == VALIDATION else part}, each with a subfolder for each class"
            )


def check_masks(root: Tree, folders: list[Tree]) -> None:
    """Raises DatasetError where a folder of pictures lies beside one of their masks or other marks."""
    marks = [folder.name for folder in folders if folder.name.lower() in _MARKS]
    pictures = [folder.name for folder in folders if folder.name.lower() in WRAPPERS | _PICTURES]
    if marks and pictures:
        raise DatasetError(
            f"{str(root.path)!r} has {pictures[0]!r} beside {marks[0]!r}, pictures and what is marked in them, and "
            f"no classes: {_ONE_FOLDER_EACH}"
        )


def check_depth(root: Tree, folders: list[Tree]) -> None:
    """Raises DatasetError where it is not clear which level of folders has the classes, or parts lie in classes."""
    names = {folder.name for folder in folders}
    for folder in folders:
        for inner in folder.walk():
            if inner is folder or not inner.has_images:
                continue
            if part_of(inner.name) is not None and not stem_of(inner.name):
                raise DatasetError(
                    f"{str(inner.path)!r} is a part inside a class, and parts are read above the classes: move its "
                    f"images to {inner.name}/{folder.name}"
                )
            if inner.name in names - {folder.name}:
                raise DatasetError(
                    f"{str(inner.path)!r} is called like the class {inner.name!r} and lies in {folder.name!r}: "
                    "move it away, or its images where they belong"
                )
    if any(folder.images for folder in folders) or all(_is_chain(folder) for folder in folders):
        return
    deeper = [f"{folder.name}/{inner.name}" for folder in folders for inner in folder.image_folders]
    variant = f"give one of {list_names([folder.name for folder in folders])}, or " if _is_variants(folders) else ""
    raise DatasetError(
        f"the images of {str(root.path)!r} lie two folders down ({list_names(deeper)}), and either could be the "
        f"class: {variant}{_ONE_FOLDER_EACH}"
    )


def _is_chain(folder: Tree) -> bool:
    """Whether the images of a class lie in one subfolder, as in cat/images."""
    inside = folder.image_folders
    return not folder.images and len(inside) == 1 and not inside[0].image_folders


def _innermost(root: Tree) -> Tree:
    """The folder in `root` that holds all of its images: itself where these are in several."""
    while not root.images and len(root.image_folders) == 1:
        root = root.image_folders[0]
    return root


def _inner_images(root: Tree) -> str:
    inner = _innermost(root)
    if inner is root or not inner.images:
        return ""
    return f"; the {len(inner.images):,} images in {str(inner.path)!r} need folders, or a CSV file of labels"


def _inner_classes(root: Tree) -> str:
    """What to give in place of `root`, where a folder in it has those of the classes."""
    inner = _innermost(root)
    folders = inner.image_folders
    if inner is root or len(folders) < 2:
        return ""
    names = [folder.name for folder in folders]
    if marks := [name for name in names if name.lower() in _MARKS]:
        return f"; {str(inner.path)!r} has pictures and what is marked in them ({marks[0]}): {_ONE_FOLDER_EACH}"
    if _is_variants(folders):
        return (
            f"; the folders {list_names(names)} in {str(inner.path)!r} have the same ones in them: give one of them"
        )
    return f"; give {str(inner.path)!r} where {list_names(names)} are its classes"


def _is_variants(folders: Sequence[Tree]) -> bool:
    """Whether all of `folders` have folders of the same names in them: a set in colour, in grey, cut out."""
    insides = [{folder.name for folder in outer.image_folders} for outer in folders]
    return len(folders) > 1 and len(insides[0]) > 1 and all(names == insides[0] for names in insides)


def _beginnings_of(images: Sequence[Path]) -> str:
    """What the names of `images` begin with, where that may be their classes: of all of them, and few of each."""
    beginnings = [match[1] if (match := _BEGINNING.match(image.stem)) else "" for image in images]
    counts = Counter(beginnings)
    if not beginnings or "" in counts or not 1 < len(counts) <= _MOST_BEGINNINGS or 2 * len(counts) > len(beginnings):
        return ""
    names = [f"{name} ({count})" for name, count in sorted(counts.items())]
    return (
        f"; the names of its images begin with {list_names(names)}: where these are the classes, make a subfolder "
        "for each, or a labels.csv with the columns filename and label"
    )
