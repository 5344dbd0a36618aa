"""The pictures that a command is to look at: files, folders, patterns, standard input, or a camera."""

from __future__ import annotations

import argparse
import glob
import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from edgeready_device.commands.terminal import print_traceback, say, say_stage, show, write_json, write_line
from edgeready_device.errors import ImageError, ModelFileError, NotFoundError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Reader = Callable[[], NDArray[np.uint8]]
    SizedReader = Callable[[], tuple[NDArray[np.uint8], tuple[int, int]]]
    Picture = tuple[str, Reader]  # what it is called, and what reads it

T = TypeVar("T")
STANDARD_INPUT = "-"
_MOST_BYTES = 256 << 20  # of an image on standard input; chosen: far above a camera's picture, below a board's memory


def add_picture_options(parser: argparse.ArgumentParser) -> None:
    """Declares the images, --camera, --frames and --jsonl."""
    parser.add_argument(
        "images",
        nargs="*",
        metavar="IMAGE",
        help="an image file (JPEG, PNG, ...), a folder, or a quoted pattern; a .npy file (needs no Pillow); - is one "
        "image on standard input",
    )
    parser.add_argument(
        "--camera",
        nargs="?",
        const="auto",
        metavar="SOURCE",
        help="take frames of a camera: its number, picamera2, or a video file (default: the first camera)",
    )
    parser.add_argument(
        "--frames", type=int, default=1, metavar="N", help="frames of the camera; 0 takes all (default 1)"
    )
    parser.add_argument("--jsonl", action="store_true", help="write a line of JSON for each image, as it is done")


def check_picture_options(options: argparse.Namespace) -> None:
    """Raises UsageError unless `options` name images or a camera, and one form of output."""
    if options.camera is not None and options.images:
        raise UsageError(f"--camera and {options.images[0]}: give one of the two")
    if options.camera is None and not options.images:
        raise UsageError("no image: name files, folders or patterns, - for standard input, or --camera")
    if options.images.count(STANDARD_INPUT) > 1:
        raise UsageError("- stands twice: standard input holds one image")
    if options.frames < 0:
        raise UsageError(f"frames is {options.frames}: ask for 1 or more, or 0 for all")
    if options.json and (options.jsonl or (options.camera is not None and options.frames == 0)):
        raise UsageError("--json writes one document at the end: take --jsonl for a line an image")


def picture_paths(names: Sequence[str]) -> list[str]:
    """Returns the image files that `names` stand for; raises NotFoundError where one stands for none."""
    from edgeready_device.images.decode import image_files_below

    paths: list[str] = []
    for name in names:
        if name != STANDARD_INPUT and os.path.isdir(name):
            matches = [str(path) for path in image_files_below(name)]
        elif name == STANDARD_INPUT or os.path.exists(name) or not glob.has_magic(name):
            matches = [name]
        else:
            matches = sorted(glob.glob(name, recursive=True))
        if not matches:
            raise NotFoundError(f"{name}: no images there")
        paths.extend(matches)
    return paths


def read_pictures(
    paths: Sequence[str],
    channels: int,
    size: tuple[int, int] | None = None,
    target: tuple[int, int] | None = None,
) -> Iterator[Picture]:
    """Yields the name of each of `paths`, and what reads it: uint8 of its own size, grey (1) or RGB (3 `channels`).

    A .npy file keeps the channels that it has; `size` (height, width) tells where its axes can be read in two ways.
    `target` is that of `read_image`.
    """
    from edgeready_device.images.decode import read_image
    from edgeready_device.images.frames import read_array

    for path in paths:
        if path == STANDARD_INPUT:
            yield "standard input", partial(_from_standard_input, channels, target)
        elif path.endswith(".npy"):
            yield path, partial(read_array, path, size)
        else:
            yield path, partial(read_image, path, channels, target)


def sized_pictures(
    options: argparse.Namespace, paths: Sequence[str] | None, target: tuple[int, int] | None
) -> Iterator[tuple[str, SizedReader]]:
    """Yields the name of each of `paths`, or of each frame of a camera, and what reads it with its height and width.

    Its pixels, RGB, are fewer where a large JPEG is read for frames of the size `target`.
    """
    if paths is None:
        for name, read in camera_pictures(options):
            yield name, partial(_with_size, read)
        return
    for path in paths:
        name = "standard input" if path == STANDARD_INPUT else path
        yield name, partial(_read_sized, path, target)


def camera_pictures(options: argparse.Namespace) -> Iterator[Picture]:
    """Yields a name for each frame of the camera in `options`, and what returns it, RGB."""
    from edgeready_device.images.camera import camera_frames

    frames = camera_frames(options.camera, options.frames, notify=say)
    for number, frame in zip(itertools.count(1), frames):
        yield f"frame {number}", partial(_same, frame)


def show_pictures(
    options: argparse.Namespace, pictures: Iterable[tuple[str, T]], describe: Callable[[str, T], tuple[Any, str]]
) -> int:
    """Writes what `describe` says of each picture, as data and as text, and returns the exit code.

    A picture that cannot be used is a line on standard error and an entry of its own: the code is that of the first
    such picture, else 0.
    """
    from edgeready_device.report.predictions import refusal_json

    code, entries = 0, []
    for name, read in pictures:
        say_stage(f"looks at {name}")
        try:
            entry, text = describe(name, read)
        except (ImageError, NotFoundError, ModelFileError) as error:  # the last: no answer for this picture
            if options.debug:
                print_traceback()
            say(str(error))
            code, entry, text = code or error.exit_code, refusal_json(name, error), ""
        if options.json:
            entries.append(entry)
        elif options.jsonl:
            write_json(entry)
        elif text:
            write_line(text)
    if options.json:
        show(options, entries, "")
    return code


def _with_size(read: Reader) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    pixels = read()
    return pixels, (pixels.shape[0], pixels.shape[1])


def _read_sized(path: str, target: tuple[int, int] | None) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    from edgeready_device.images.decode import decode_sized_image, read_sized_image
    from edgeready_device.images.frames import read_array

    if path == STANDARD_INPUT:
        return decode_sized_image(_read_standard_input(), 3, target=target)
    if path.endswith(".npy"):
        return _with_size(partial(read_array, path))
    return read_sized_image(path, 3, target)


def _same(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return frame


def _from_standard_input(channels: int, target: tuple[int, int] | None) -> NDArray[np.uint8]:
    from edgeready_device.images.decode import decode_image

    return decode_image(_read_standard_input(), channels, target=target)


def _read_standard_input() -> bytes:
    if sys.stdin is None:  # the caller closed it
        raise ImageError("standard input is closed: pipe an image into the command")
    data = sys.stdin.buffer.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ImageError(f"standard input holds more than {_MOST_BYTES >> 20} MiB: send one encoded image")
    return data
