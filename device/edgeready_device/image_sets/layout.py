"""How a folder of images is laid out: its classes, and which images are for training, validation and the test."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeready_device.errors import DatasetError
from edgeready_device.image_sets.file_name_labels import labels_in_names
from edgeready_device.image_sets.folder_tree import Tree, left_out, read_tree
from edgeready_device.image_sets.label_table import LabelledImages, Listing, check_folders, find_tables, read_tables
from edgeready_device.image_sets.part_names import TEST, TRAIN, VALIDATION, bare_part_of, part_of, stem_of
from edgeready_device.images.decode import IMAGE_SUFFIXES

# Folders that hold all the pictures of a set and are no class.
_WRAPPERS = {"images", "image", "imgs", "img", "data", "dataset", "photos", "pictures"}
# Folders of what is marked in pictures: sets for segmentation and detection.
_MARKS = {"mask", "masks", "annotation", "annotations", "label", "labels", "segmentation", "gt", "groundtruth"}
_WITHOUT_LABELS = {"pred", "predict", "prediction", "unlabeled", "unlabelled", "unsup"}
# What published sets and labelling tools call the pictures that are of no class.
_RESTS = {"background_google", "257.clutter", "no_label", "unlabeled", "unlabelled", "unsup"}
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
    elif named := _by_file_names(tree):
        layout = named
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
    elif named := _by_file_names(tree):
        place = tree
        classes, listing, notes = named.classes, named.test or named.validation or named.train, named.notes
        read = len(named.files)
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
    _check_siblings(root, folders)
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
    if least > 1 and training_classes is None and (rests := [name for name in names if name.lower() in _RESTS]):
        notes.append(f"{_list(rests)} counts as a class: remove it if its images are of none, or of all")
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


def _are_flat_parts(folders: Sequence[Tree]) -> bool:
    """Whether all folders are parts, one of them for training, with images that have no classes."""
    are_alike = len({stem_of(folder.name) for folder in folders}) == 1
    parts = [part_of(folder.name) if are_alike else bare_part_of(folder.name) for folder in folders if folder.images]
    return TRAIN in parts and None not in parts and len(parts) == len(folders) > 1


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
        if not _are_flat_parts(place.image_folders) or len(parts) < len(place.image_folders):
            return None
    labels = {part: labels_in_names(parts[part].images, 2 if part == TRAIN else 1) for part in parts}
    names = sorted(set((labels.get(TRAIN) or {}).values()))
    if len(names) < 2:
        return None
    listings: dict[str, Listing] = {}
    notes = [f"the names of the images say their classes ({_list(names)}), up to the first point"]
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


def _check_siblings(root: Tree, folders: list[Tree]) -> None:
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


def _check_flat(root: Tree, folders: list[Tree]) -> None:
    """Raises DatasetError where all folders are parts with images that have no classes."""
    parts = [folder.name for folder in folders]
    if _are_flat_parts(folders):
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
    others = left_out(root, 0)
    if not root.has_images and others.counts:
        raise DatasetError(
            f"{place} has no {' '.join(IMAGE_SUFFIXES)} image, but {others}: unpack or convert them to images, with "
            "a subfolder for each class"
        )
    only = f"only {names[0]!r}" if names else "none"
    loose = f", and {len(root.images):,} images beside it" if root.images else ""
    raise DatasetError(
        f"{place} needs a subfolder of images for each {'of at least two classes' if least == 2 else 'class'} and "
        f"has {only}{loose}{_hint_of(root)} "
        "(symbolic links that lead out of it need --follow-links)"
    )


def _hint_of(root: Tree) -> str:
    """Where the classes of `root` may lie instead, or what its images lack."""
    inner = root
    while not inner.images and len(inner.image_folders) == 1:
        inner = inner.image_folders[0]
    deeper = [folder.name for folder in inner.image_folders]
    if inner is root:
        return ""
    if inner.images:
        return f"; the {len(inner.images):,} images in {str(inner.path)!r} need folders, or a CSV file of labels"
    return f"; give {str(inner.path)!r} where {_list(deeper)} are its classes"


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
