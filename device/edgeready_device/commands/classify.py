"""`classify`: prints the most likely labels of images."""

from __future__ import annotations

import argparse
import glob
import itertools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from edgeready_device.commands.options import add_description_options, add_verb, open_classifier
from edgeready_device.commands.terminal import print_traceback, say, show, write_json, write_line
from edgeready_device.errors import ImageError, ModelFileError, NotFoundError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeready_device.model_file.manifest import InputSpec

    Picture = tuple[str, Callable[[], NDArray[np.uint8]]]  # what it is called, and what gives its frame

STANDARD_INPUT = "-"
_MOST_BYTES = 256 << 20  # of an image on standard input; chosen: far above a camera's picture, below a board's memory


def add(verbs: Any) -> None:
    """Declares `classify` and its options."""
    summary = "prints the most likely labels of images"
    parser = add_verb(verbs, "classify", run, summary=summary, opens=True)
    parser.add_argument(
        "images",
        nargs="*",
        metavar="IMAGE",
        help="a JPEG or PNG file, a folder, or a quoted pattern; a .npy file (needs no Pillow); - is one image on "
        "standard input",
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
    parser.add_argument("--top", type=int, default=3, metavar="N", help="labels of each image (default 3)")
    parser.add_argument(
        "--threshold", type=float, default=0.0, metavar="SCORE", help="leave out labels below this score, from 0 to 1"
    )
    parser.add_argument("--jsonl", action="store_true", help="write a line of JSON for each image, as it is done")
    add_description_options(parser)


def run(options: argparse.Namespace) -> int:
    """Classifies the images and returns the exit code of the first that could not be used, else 0."""
    from edgeready_device.report.predictions import classify_json, classify_text, refusal_json

    _check(options)
    paths = None if options.camera is not None else _image_paths(options.images)
    model = open_classifier(options)
    spec = model.contract.frame
    pictures = _camera(options, spec) if paths is None else _files(paths, spec)
    code, entries = 0, []
    for name, frame in pictures:
        try:
            predictions = model.classify(frame(), options.top, options.threshold)
            entry, text = classify_json(name, predictions), classify_text(name, predictions)
        except (ImageError, NotFoundError, ModelFileError) as error:  # the last: no scores for this image
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


def _check(options: argparse.Namespace) -> None:
    if options.camera is not None and options.images:
        raise UsageError(f"--camera and {options.images[0]}: give one of the two")
    if options.camera is None and not options.images:
        raise UsageError("no image: name files, folders or patterns, - for standard input, or --camera")
    if options.images.count(STANDARD_INPUT) > 1:
        raise UsageError("- stands twice: standard input holds one image")
    if options.frames < 0:
        raise UsageError(f"frames is {options.frames}: ask for 1 or more, or 0 for all")
    if not 0 <= options.threshold <= 1:
        raise UsageError(f"the threshold is {options.threshold:g}: give a score from 0 to 1")
    if options.json and (options.jsonl or (options.camera is not None and options.frames == 0)):
        raise UsageError("--json writes one document at the end: take --jsonl for a line an image")


def _files(paths: Sequence[str], spec: InputSpec) -> Iterator[Picture]:
    from edgeready_device.images.decode import load_picture
    from edgeready_device.images.frames import load_array

    for path in paths:
        if path == STANDARD_INPUT:
            yield "standard input", partial(_from_standard_input, spec)
        elif path.endswith(".npy"):
            yield path, partial(load_array, path, spec)
        else:
            yield path, partial(load_picture, path, spec)


def _from_standard_input(spec: InputSpec) -> NDArray[np.uint8]:
    from edgeready_device.images.decode import decode_image
    from edgeready_device.images.frames import fit_frame

    if sys.stdin is None:  # the caller closed it
        raise ImageError("standard input is closed: pipe an image into the command")
    data = sys.stdin.buffer.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ImageError(f"standard input holds more than {_MOST_BYTES >> 20} MiB: send one encoded image")
    return fit_frame(decode_image(data, spec.channels), spec)


def _camera(options: argparse.Namespace, spec: InputSpec) -> Iterator[Picture]:
    from edgeready_device.images.camera import camera_frames
    from edgeready_device.images.frames import fit_frame

    frames = camera_frames(options.camera, options.frames, notify=say)
    for number, frame in zip(itertools.count(1), frames):
        yield f"frame {number}", partial(fit_frame, frame, spec)


def _image_paths(names: Sequence[str]) -> list[str]:
    from edgeready_device.images.decode import image_files

    paths: list[str] = []
    for name in names:
        if name != STANDARD_INPUT and os.path.isdir(name):
            matches = [str(path) for path in image_files(name)]
        elif name == STANDARD_INPUT or os.path.exists(name) or not glob.has_magic(name):
            matches = [name]
        else:
            matches = sorted(glob.glob(name, recursive=True))
        if not matches:
            raise NotFoundError(f"{name}: no JPEG or PNG images there")
        paths.extend(matches)
    return paths
