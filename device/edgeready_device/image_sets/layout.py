"""How a folder of images is laid out: its classes, and which images are for training, validation and the test."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeready_device.errors import DatasetError
from edgeready_device.image_sets.folder_tree import Tree, left_out, read_tree
from edgeready_device.image_sets.label_table import LabelledImages, Listing, check_folders, find_tables, read_tables
from edgeready_device.image_sets.part_names import PARTS, TEST, TRAIN, VALIDATION, part_of, stem_of
from edgeready_device.images.decode import IMAGE_SUFFIXES

# Folders that hold all the pictures of a set and are no class.
_WRAPPERS = {"images", "image", "imgs", "img", "data", "dataset", "photos", "pictures"}
# Folders of what is marked in pictures: sets for segmentation and detection.
_MARKS = {"mask", "masks", "annotation", "annotations", "label", "labels", "segmentation", "gt", "groundtruth"}
_WITHOUT_LABELS = {"pred", "predict", "prediction", "unlabeled", "unlabelled", "unsup"}
_MOST_NAMES = 6  # of folders in a message; chosen: they show a layout, and fit a line
_ONE_FOLDER_EACH = "make it one subfolder of images for each class, or train/ and test/ with those in them"


@dataclass(frozen=True)
class Layout:
    """The classes of a folder and the images of each part; `notes` say what was left out, in sentences."""

    classes: tuple[str, ...]
    train: Listing
    validation: Listing | None = None
    test: Listing | None = None
    notes: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of all parts: training, validation, test."""
        return tuple(file for part in (self.train, self.validation, self.test) if part for file in part.files)


def read_layout(folder: Path, *, follow_links: bool = False) -> Layout:
    """The layout of `folder`: classes, parts and images.

    Read are a subfolder for each class; these below train, test and val, also by their longer names (Training,
    seg_train, validation, ...); either of them one level down in a folder of all images; and images with a CSV file
    of their labels. A class may have subfolders of its own. Raises DatasetError, saying what was seen, for another.
    """
    tree = read_tree(folder, follow_links=follow_links)
    root = _unwrap(tree)
    images: LabelledImages | None = None
    if parts := _find_parts(root):
        layout = _by_parts(root, parts)
    elif tables := find_tables(tree):
        images = read_tables(tree, tables)
        layout = Layout(
            classes=_check_classes(tree, images.classes),
            train=images.parts[TRAIN],
            validation=images.parts.get(VALIDATION),
            test=images.parts.get(TEST),
        )
    else:
        classes, listing, notes = _by_class(root, None)
        check_folders(tree, listing.files, listing.labels)
        layout = Layout(classes=classes, train=listing, notes=notes)
    rest = left_out(tree, len(layout.files), images.tables if images else ())
    notes = (*layout.notes, f"left out of {str(folder)!r}: {rest}") if rest.counts else layout.notes
    return Layout(
        classes=layout.classes, train=layout.train, validation=layout.validation, test=layout.test, notes=notes
    )


def read_test_layout(folder: Path, *, follow_links: bool = False) -> Layout:
    """The layout of `folder`, with the images that a trained model is tested on as its `test`, and no others.

    These are the images of the part for the test, else of that for the validation, else all; a set that is only
    tested on needs no part for the training, and may have a single class. Raises DatasetError as `read_layout`, which
    reads the same layouts.
    """
    tree = read_tree(folder, follow_links=follow_links)
    root = _unwrap(tree)
    images: LabelledImages | None = None
    if parts := _find_parts(root):
        part = _tested(parts)
        place = _unwrap_part(parts[part])
        classes, listing, notes = _by_class(place, None, least=1)
        if part != TEST:
            notes = (*notes, f"{str(root.path)!r} has no images for the test with classes: those of {place.name} are")
        read = len(listing.files)
    elif tables := find_tables(tree):
        place = tree
        images = read_tables(tree, tables, for_test=True)
        classes, listing, notes = images.classes, images.parts[_tested(images.parts)], ()
        read = sum(len(part.files) for part in images.parts.values())
    else:
        place = root
        classes, listing, notes = _by_class(root, None, least=1)
        check_folders(tree, listing.files, listing.labels)
        read = len(listing.files)
    rest = left_out(place, read, images.tables if images else ())
    notes = (*notes, f"left out of {str(place.path)!r}: {rest}") if rest.counts else notes
    return Layout(classes=classes, train=Listing(files=(), labels=()), test=listing, notes=notes)


def _tested(parts: Mapping[str, object]) -> str:
    """The one of `parts` that a model is tested on."""
    return next(part for part in (TEST, VALIDATION, TRAIN) if part in parts)


def _unwrap(tree: Tree) -> Tree:
    """The folder that has the classes or the parts: `tree`, or the one folder in it that holds all the images."""
    inside = tree.image_folders
    if tree.images or len(inside) != 1:
        return tree
    inner = inside[0]
    is_wrapper = inner.name.lower() in _WRAPPERS or inner.name == tree.name or _leads_to_parts(inner)
    return _unwrap(inner) if is_wrapper and inner.image_folders else tree


def _leads_to_parts(folder: Tree) -> bool:
    """Whether the folder has parts, or one folder that leads to them: ILSVRC/Data/train."""
    inside = folder.image_folders
    return bool(_find_parts(folder)) or (not folder.images and len(inside) == 1 and _leads_to_parts(inside[0]))


def _find_parts(root: Tree) -> dict[str, Tree]:
    """The folders of `root` by their part; none where they are no parts.

    A class may be called "train" or "test_tube": only a folder of folders is a part, and a longer name is one only
    where that of another part differs in nothing else.
    """
    groups: dict[tuple[str, ...], dict[str, Tree]] = {}
    for folder in root.folders:
        part = part_of(folder.name)
        if part is None or not folder.image_folders:
            continue
        group = groups.setdefault(stem_of(folder.name), {})
        if part in group:
            raise DatasetError(
                f"{str(root.path)!r} has both {group[part].name!r} and {folder.name!r}: leave one folder for {part}"
            )
        group[part] = folder
    plain = groups.pop((), {})
    longer = [group for group in groups.values() if TRAIN in group and len(group) > 1]
    if len(longer) + bool(plain) > 1:
        names = ", ".join(folder.name for group in (plain, *longer) for folder in group.values())
        raise DatasetError(f"{str(root.path)!r} has the parts of several sets ({names}): give the folder of one")
    return longer[0] if longer else plain


def _by_parts(root: Tree, parts: dict[str, Tree]) -> Layout:
    if TRAIN not in parts:
        names = ", ".join(sorted(folder.name for folder in parts.values()))
        raise DatasetError(f"{str(root.path)!r} has {names} but no train: name the folder of training images train")
    notes: list[str] = []
    for stray in root.image_folders:
        if stray in parts.values():
            continue
        words = set(re.split(r"[^a-z]+", stray.name.lower()))
        is_unlabelled = bool(words & _WITHOUT_LABELS) or part_of(stray.name) == TEST
        if not is_unlabelled or _unwrap_part(stray).image_folders:
            raise DatasetError(
                f"{str(root.path)!r} has {stray.name!r} beside {parts[TRAIN].name}: move it away "
                "(train, test and val are used, each with a subfolder for each class)"
            )
        notes.append(f"{stray.name}: {len(stray.all_images()):,} images without labels")
    classes, train, more = _by_class(_unwrap_part(parts[TRAIN]), None)
    notes.extend(more)
    listings: dict[str, Listing] = {}
    for part in (VALIDATION, TEST):
        if part in parts:
            _, listings[part], more = _by_class(_unwrap_part(parts[part]), classes)
            notes.extend(more)
    return Layout(
        classes=classes,
        train=train,
        validation=listings.get(VALIDATION),
        test=listings.get(TEST),
        notes=tuple(notes),
    )


def _unwrap_part(part: Tree) -> Tree:
    """The folder of a part that has the classes: archives repeat its name (seg_train/seg_train) or hold images/."""
    inside = part.image_folders
    if part.images or len(inside) != 1:
        return part
    inner = inside[0]
    return inner if inner.name == part.name or inner.name.lower() in _WRAPPERS else part


def _by_class(
    root: Tree, training_classes: tuple[str, ...] | None, *, least: int = 2
) -> tuple[tuple[str, ...], Listing, tuple[str, ...]]:
    """The classes, the images and the notes of `root`, which has a subfolder for each class.

    `training_classes` are those of the training images; None where these are they, of which there are at least
    `least`.
    """
    folders = [folder for folder in root.folders if not _is_bare(folder)]
    names = tuple(folder.name for folder in folders)
    _check_flat(root, folders)
    classes = _check_classes(root, names, least) if training_classes is None else training_classes
    for folder in folders:
        if folder.name not in classes:
            raise DatasetError(
                f"class {folder.name!r} in {str(root.path)!r} is not in train: add images of it there or remove it"
            )
        if not folder.has_images:
            others = left_out(folder, 0)
            besides = f", but {others}" if others.counts else ""
            suffixes = " ".join(IMAGE_SUFFIXES)
            raise DatasetError(f"{str(folder.path)!r} has no {suffixes} image{besides}: add some or remove it")
    _check_depth(root, folders)
    _check_masks(root, folders)
    files: list[Path] = []
    labels: list[int] = []
    notes: list[str] = []
    for folder in folders:
        images = folder.all_images()
        files += images
        labels += [classes.index(folder.name)] * len(images)
        if folder.images and (deeper := len(images) - len(folder.images)):
            notes.append(f"{deeper:,} images in subfolders of {str(folder.path)!r} count as {folder.name!r}")
        elif not folder.images:
            notes.append(f"the {len(images):,} images of {folder.name!r} are in subfolders of {str(folder.path)!r}")
    return classes, Listing(files=tuple(files), labels=tuple(labels)), tuple(notes)


def _is_bare(folder: Tree) -> bool:
    """Whether a folder holds links out of the set and nothing else: it is left out as they are."""
    return all(not (inner.images or inner.others) and inner.links for inner in folder.walk())


def _check_flat(root: Tree, folders: list[Tree]) -> None:
    """Raises DatasetError where all folders are parts with images that have no classes."""
    parts = [folder.name for folder in folders if part_of(folder.name) in PARTS and folder.images]
    are_parts = len({stem_of(name) for name in parts}) == 1 and TRAIN in {part_of(name) for name in parts}
    if are_parts and len(parts) == len(folders) > 1:
        raise DatasetError(
            f"the images in {', '.join(parts)} of {str(root.path)!r} have no class: give each part a subfolder for "
            "each class, or the set a CSV file with a column of file names and one of labels"
        )


def _check_masks(root: Tree, folders: list[Tree]) -> None:
    """Raises DatasetError where a folder of pictures lies beside one of their masks or other marks."""
    marks = [folder.name for folder in folders if folder.name.lower() in _MARKS]
    pictures = [folder.name for folder in folders if folder.name.lower() in _WRAPPERS]
    if marks and pictures:
        raise DatasetError(
            f"{str(root.path)!r} has {pictures[0]!r} beside {marks[0]!r}, pictures and what is marked in them, and "
            f"no classes: {_ONE_FOLDER_EACH}"
        )


def _check_classes(root: Tree, names: tuple[str, ...], least: int = 2) -> tuple[str, ...]:
    if len(names) >= least:
        return names
    place = repr(str(root.path))
    only = f"only {names[0]!r}" if names else "none"
    loose = f", and {len(root.images):,} images beside it" if root.images else ""
    inner = root.folders[0] if root.folders else None
    deeper = [folder.name for folder in inner.image_folders] if inner else []
    hint = f"; give {str(inner.path)!r} where {_list(deeper)} are its classes" if inner and len(deeper) > 1 else ""
    raise DatasetError(
        f"{place} needs a subfolder of images for each {'of at least two classes' if least == 2 else 'class'} and "
        f"has {only}{loose}{hint} "
        "(symbolic links that lead out of it need --follow-links)"
    )


def _check_depth(root: Tree, folders: list[Tree]) -> None:
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
    raise DatasetError(
        f"the images of {str(root.path)!r} lie two folders down ({_list(deeper)}), and either could be the class: "
        f"{_ONE_FOLDER_EACH}"
    )


def _is_chain(folder: Tree) -> bool:
    """Whether the images of a class lie in one subfolder, as in cat/images."""
    inside = folder.image_folders
    return not folder.images and len(inside) == 1 and not inside[0].image_folders


def _list(names: list[str]) -> str:
    return ", ".join(names[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")
