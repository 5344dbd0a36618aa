"""What lies in a folder of images: one walk, which counts what is no image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edgeready_device.images.decode import HEIF_SUFFIXES, IMAGE_SUFFIXES
from edgeready_device.input_file import list_folder

# What systems and archivers leave beside the pictures of their users.
_SYSTEM_NAMES = {"__macosx", "@eadir", "thumbs.db", "desktop.ini"}
_MOST_DEPTH = 16  # chosen: published sets have up to nine folders, and a refusal shows those that lie too deep
LINKS = "link out of the folder"


@dataclass(frozen=True)
class Tree:
    """A folder with the images, the other files and the folders that lie in it, each sorted by name."""

    path: Path
    images: tuple[Path, ...] = ()
    others: tuple[Path, ...] = ()
    folders: tuple[Tree, ...] = ()
    links: int = 0

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.path.name

    def walk(self) -> Iterator[Tree]:
        """The folder and all that lie in it, at any depth."""
        yield self
        for folder in self.folders:
            yield from folder.walk()

    def all_images(self) -> tuple[Path, ...]:
        """The images in the folder and in those in it, in the order of the walk."""
        return tuple(image for folder in self.walk() for image in folder.images)

    @property
    def has_images(self) -> bool:
        """Whether there is an image at any depth."""
        return any(folder.images for folder in self.walk())

    @property
    def image_folders(self) -> tuple[Tree, ...]:
        """The folders directly in it that hold an image at any depth."""
        return tuple(folder for folder in self.folders if folder.has_images)


@dataclass(frozen=True)
class LeftOut:
    """How many files of each kind were not read; a kind is a suffix, or what the file is."""

    counts: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        """The kinds with their counts, the largest first, and what helps."""
        rows = sorted(self.counts.items(), key=lambda row: (-row[1], row[0]))
        return ", ".join(f"{count:,} {_kind_text(kind, count)}" for kind, count in rows)


def read_tree(folder: Path, *, follow_links: bool) -> Tree:
    """What lies in `folder`; hidden files and those of the system are passed over.

    A link that leads out of the folder counts in `links`, unless `follow_links`; one to a folder that holds it is
    never followed. Raises FileAccessError where a folder cannot be listed.
    """
    return _read(folder, fence=None if follow_links else folder.resolve(), above=(), depth=0)


def left_out(tree: Tree, read: int, tables: Collection[Path] = ()) -> LeftOut:
    """What of `tree` was not read, where `read` of its images were, and of the other files the `tables`."""
    counts: Counter[str] = Counter()
    for folder in tree.walk():
        counts.update(file.suffix.lower() or "file without a suffix" for file in folder.others if file not in tables)
        if folder.links:
            counts[LINKS] += folder.links
    if spare := len(tree.all_images()) - read:
        counts["image"] = spare
    return LeftOut(counts=counts)


def _read(folder: Path, *, fence: Path | None, above: tuple[Path, ...], depth: int) -> Tree:
    images: list[Path] = []
    others: list[Path] = []
    folders: list[Tree] = []
    links = 0
    place = folder.resolve()
    for entry in list_folder(folder):
        if entry.name.startswith(".") or entry.name.lower() in _SYSTEM_NAMES:
            continue
        if not _stays_inside(entry, fence):
            links += 1
        elif entry.is_dir():
            if depth < _MOST_DEPTH and entry.resolve() not in (*above, place):
                folders.append(_read(entry, fence=fence, above=(*above, place), depth=depth + 1))
        elif entry.is_file() and entry.suffix.lower() in IMAGE_SUFFIXES:
            images.append(entry)
        else:
            others.append(entry)
    return Tree(path=folder, images=tuple(images), others=tuple(others), folders=tuple(folders), links=links)


def _stays_inside(entry: Path, fence: Path | None) -> bool:
    """Whether the entry is inside the fence, also when it is a symbolic link."""
    return fence is None or not entry.is_symlink() or entry.resolve().is_relative_to(fence)


def _kind_text(kind: str, count: int) -> str:
    if kind in HEIF_SUFFIXES:
        return f"{kind} (pip install pillow-heif reads them)"
    if kind == LINKS:
        return f"{kind if count == 1 else 'links out of the folder'} (--follow-links takes them)"
    if kind == "image":
        return "image without a class" if count == 1 else "images without a class"
    return kind
