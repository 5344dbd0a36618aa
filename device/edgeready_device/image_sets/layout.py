"""How a folder of images is laid out: its classes, and which images are for training, validation and the test."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edgeready_device.errors import DatasetError
from edgeready_device.image_sets.file_name_labels import labels_in_names
from edgeready_device.image_sets.folder_tree import Tree, left_out, read_tree
from edgeready_device.image_sets.label_table import (
    LabelledPart,
    Listing,
    check_folders,
    find_tables,
    read_part,
    read_tables,
)
from edgeready_device.image_sets.part_names import TEST, TRAIN, VALIDATION, part_of, stem_of
from edgeready_device.image_sets.split_lists import find_split, holds_lists
from edgeready_device.image_sets.unread_layout import (
    WRAPPERS,
    are_flat_parts,
    check_depth,
    check_flat,
    check_masks,
    check_siblings,
    describe,
    list_names,
)
from edgeready_device.images.decode import IMAGE_SUFFIXES

_WITHOUT_LABELS = {"pred", "predict", "prediction", "unlabeled", "unlabelled", "unsup"}
# What published sets and labelling tools call the pictures that are of no class.
_RESTS = {"background_google", "257.clutter", "no_label", "unlabeled", "unlabelled", "unsup"}


@dataclass(frozen=True)
class Layout:
    """The classes of a folder and the images of each part; `notes` say what was left out, in sentences."""

    classes: tuple[str, ...]
    train: Listing
    validation: Listing | None = None
    test: Listing | None = None
    notes: tuple[str, ...] = ()
    tables: tuple[Path, ...] = ()  # those that labels come from

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
    unlisted = 0
    if parts := _find_parts(root):
        layout = _by_parts(root, parts)
    elif tables := find_tables(tree):
        images = read_tables(tree, tables)
        layout = Layout(
            classes=_check_classes(tree, images.classes),
            train=images.parts[TRAIN],
            validation=images.parts.get(VALIDATION),
            test=images.parts.get(TEST),
            tables=images.tables,
        )
    elif named := _by_file_names(tree):
        layout = named
    else:
        classes, listing, notes = _by_class(root, None)
        check_folders(tree, listing.files, listing.labels)
        layout, unlisted = _by_lists(tree, Layout(classes=classes, train=listing, notes=notes))
    rest = left_out(tree, len(layout.files) + unlisted, layout.tables)
    notes = (*layout.notes, f"left out of {str(folder)!r}: {rest}") if rest.counts else layout.notes
    return replace(layout, notes=notes)


def read_test_layout(folder: Path, *, follow_links: bool = False) -> Layout:
    """The layout of `folder`, with the images that a trained model is tested on as its `test`, and no others.

    These are the images of the part for the test, else of that for the validation, else all; a set that is only
    tested on needs no part for the training, and may have a single class. Raises DatasetError as `read_layout`, which
    reads the same layouts.
    """
    tree = read_tree(folder, follow_links=follow_links)
    root = _unwrap(tree)
    used: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    if parts := _find_parts(root):
        classes, labelled = _test_by_table(root, parts)
        if labelled:
            place, listing, used = labelled.folder, labelled.listing, (labelled.table,)
        else:
            place = _unwrap_part(parts[_tested(parts)])
            classes, listing, notes = _by_class(place, None, least=1)
            if TEST not in parts:
                unsaid = f"{str(root.path)!r} has no images for the test with classes: those of {place.name} are"
                notes = (*notes, unsaid)
        read = len(listing.files)
    elif tables := find_tables(tree):
        place = tree
        images = read_tables(tree, tables, for_test=True)
        classes, listing = images.classes, images.parts[_tested(images.parts)]
        read, used = sum(len(part.files) for part in images.parts.values()), images.tables
    elif named := _by_file_names(tree):
        place = tree
        classes, listing, notes = named.classes, named.test or named.validation or named.train, named.notes
        read = len(named.files)
    else:
        place = root
        classes, listing, notes = _by_class(root, None, least=1)
        check_folders(tree, listing.files, listing.labels)
        read = len(listing.files)
        if split := find_split(tree, listing):
            place, used, notes = tree, split.lists, (*notes, *split.notes)
            listing = split.parts[_tested(split.parts)]
    rest = left_out(place, read, used)
    notes = (*notes, f"left out of {str(place.path)!r}: {rest}") if rest.counts else notes
    return Layout(classes=classes, train=Listing(files=(), labels=()), test=listing, notes=notes)


def _by_lists(tree: Tree, layout: Layout) -> tuple[Layout, int]:
    """The `layout` of class folders in the parts of lists in `tree`, and how many of its images are in no list.

    Raises DatasetError where the lists leave a class without an image for the training.
    """
    split = find_split(tree, layout.train)
    if split is None:
        return layout, 0
    if absent := sorted(set(range(len(layout.classes))) - set(split.parts[TRAIN].labels)):
        raise DatasetError(
            f"{', '.join(path.name for path in split.lists)} in {str(tree.path)!r} leave no image of "
            f"{layout.classes[absent[0]]!r} for the training: add some, or move the lists away"
        )
    parts = replace(
        layout,
        train=split.parts[TRAIN],
        validation=split.parts.get(VALIDATION),
        test=split.parts.get(TEST),
        notes=(*layout.notes, *split.notes),
        tables=split.lists,
    )
    return parts, split.unlisted


def _tested(parts: Mapping[str, object]) -> str:
    """The one of `parts` that a model is tested on."""
    return next(part for part in (TEST, VALIDATION, TRAIN) if part in parts)


def _unwrap(tree: Tree) -> Tree:
    """The folder that has the classes or the parts: `tree`, or the one folder in it that holds all the images."""
    inside = tree.image_folders
    if tree.images or len(inside) != 1:
        return tree
    inner = inside[0]
    is_wrapper = inner.name.lower() in WRAPPERS or inner.name == tree.name or _leads_to_parts(inner)
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
    classes, train, more = _by_class(_unwrap_part(parts[TRAIN]), None)
    by_table = _labels_in_tables(root, parts, classes)
    parts = {part: folder for part, folder in parts.items() if part not in by_table}
    notes = [*_read_strays(root, parts, by_table), *more]
    listings = {part: labelled.listing for part, labelled in by_table.items()}
    for part in (VALIDATION, TEST):
        if part in parts:
            place = _unwrap_part(parts[part])
            _, listings[part], more = _by_class(place, classes)
            if not listings[part].files:
                raise DatasetError(
                    f"the {len(place.images):,} images in {str(place.path)!r} have no class, and those in "
                    f"{parts[TRAIN].name} have: give {parts[part].name} a subfolder for each class, or move it away"
                )
            notes.extend(more)
    return Layout(
        classes=classes,
        train=train,
        validation=listings.get(VALIDATION),
        test=listings.get(TEST),
        notes=tuple(notes),
        tables=tuple(labelled.table for labelled in by_table.values()),
    )


def _labels_in_tables(root: Tree, parts: dict[str, Tree], classes: tuple[str, ...]) -> dict[str, LabelledPart]:
    """The validation and the test of `root` that have no folders for classes, and a table of their labels."""
    by_table: dict[str, LabelledPart] = {}
    for folder in root.image_folders:
        part = part_of(folder.name)
        if (
            part in (VALIDATION, TEST)
            and parts.get(part, folder) is folder
            and not _unwrap_part(folder).image_folders
        ):
            labelled = read_part(root, folder, part, classes)
            if labelled:
                by_table[part] = labelled
    return by_table


def _test_by_table(root: Tree, parts: dict[str, Tree]) -> tuple[tuple[str, ...], LabelledPart | None]:
    """The test of `root` with its labels in a table, which are among the classes of the training; these, and it."""
    if TRAIN not in parts:
        return (), None
    classes, _, _ = _by_class(_unwrap_part(parts[TRAIN]), None, least=1)
    return classes, _labels_in_tables(root, parts, classes).get(TEST)


def _read_strays(root: Tree, parts: dict[str, Tree], by_table: dict[str, LabelledPart]) -> list[str]:
    """Notes on the folders of `root` that are no parts and have no labels; raises DatasetError for any other."""
    notes: list[str] = []
    for stray in root.image_folders:
        if stray in parts.values() or stray in (labelled.folder for labelled in by_table.values()):
            continue
        is_flat = not _unwrap_part(stray).image_folders
        part = part_of(stray.name)
        words = set(re.split(r"[^a-z]+", stray.name.lower()))
        if is_flat and (words & _WITHOUT_LABELS or part == TEST):
            notes.append(f"{stray.name}: {len(stray.all_images()):,} images without labels")
        elif is_flat and part is not None:
            raise DatasetError(
                f"{str(stray.path)!r} has {len(stray.all_images()):,} images without a class: give it a subfolder "
                "for each class, or a CSV file with the columns filename and label, or move it away"
            )
        else:
            raise DatasetError(
                f"{str(root.path)!r} has {stray.name!r} beside {parts[TRAIN].name}: move it away "
                "(train, test and val are used, each with a subfolder for each class)"
            )
    return notes


def _unwrap_part(part: Tree) -> Tree:
    """The folder of a part that has the classes: archives repeat its name (seg_train/seg_train) or hold images/."""
    inside = part.image_folders
    if part.images or len(inside) != 1:
        return part
    inner = inside[0]
    return inner if inner.name == part.name or inner.name.lower() in WRAPPERS else part


def _by_class(
    root: Tree, training_classes: tuple[str, ...] | None, *, least: int = 2
) -> tuple[tuple[str, ...], Listing, tuple[str, ...]]:
    """The classes, the images and the notes of `root`, which has a subfolder for each class.

    `training_classes` are those of the training images; None where these are they, of which there are at least
    `least`.
    """
    folders = [folder for folder in root.folders if not _is_bare(folder) and not holds_lists(folder)]
    names = tuple(folder.name for folder in folders)
    check_flat(root, folders)
    check_siblings(root, folders)
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
    check_depth(root, folders)
    check_masks(root, folders)
    files: list[Path] = []
    labels: list[int] = []
    notes: list[str] = []
    if least > 1 and training_classes is None and (rests := [name for name in names if name.lower() in _RESTS]):
        notes.append(f"{list_names(rests)} counts as a class: remove it if its images are of none, or of all")
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


def _by_file_names(tree: Tree) -> Layout | None:
    """The layout of images without folders for classes whose names begin with their labels; None for another."""
    place = tree
    while not place.images and len(place.image_folders) == 1:
        place = place.image_folders[0]
    if place.images and place.image_folders:
        return None
    parts = {TRAIN: place}
    if not place.images:
        parts = {part_of(folder.name) or "": folder for folder in place.image_folders}
        if not are_flat_parts(place.image_folders) or len(parts) < len(place.image_folders):
            return None
    labels = {part: labels_in_names(parts[part].images, 2 if part == TRAIN else 1) for part in parts}
    names = sorted(set((labels.get(TRAIN) or {}).values()))
    if len(names) < 2:
        return None
    listings: dict[str, Listing] = {}
    notes = [f"the names of the images say their classes ({list_names(names)}), up to the first point"]
    for part, of_files in labels.items():
        if of_files is None:
            notes.append(f"{parts[part].name}: {len(parts[part].images):,} images without labels")
        elif others := sorted(set(of_files.values()) - set(names)):
            raise DatasetError(
                f"class {others[0]!r} of the images in {str(parts[part].path)!r} is not in {parts[TRAIN].name}: add "
                "images of it there or remove it"
            )
        else:
            files = tuple(of_files)
            listings[part] = Listing(files=files, labels=tuple(names.index(of_files[file]) for file in files))
    return Layout(
        classes=tuple(names),
        train=listings[TRAIN],
        validation=listings.get(VALIDATION),
        test=listings.get(TEST),
        notes=tuple(notes),
    )


def _check_classes(root: Tree, names: tuple[str, ...], least: int = 2) -> tuple[str, ...]:
    if len(names) >= least:
        return names
    raise DatasetError(describe(root, names, least))
