"""`classify`: prints the most likely labels of images."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from edgeready_device.commands.options import add_description_options, add_verb, open_classifier
from edgeready_device.commands.pictures import (
    add_picture_options,
    camera_pictures,
    check_picture_options,
    picture_paths,
    read_pictures,
    show_pictures,
)
from edgeready_device.errors import UsageError

if TYPE_CHECKING:
    from edgeready_device.commands.pictures import Reader


def add(verbs: Any) -> None:
    """Declares `classify` and its options."""
    summary = "prints the most likely labels of images"
    parser = add_verb(verbs, "classify", run, summary=summary, opens=True)
    add_picture_options(parser)
    parser.add_argument("--top", type=int, default=3, metavar="N", help="labels of each image (default 3)")
    parser.add_argument(
        "--threshold", type=float, default=0.0, metavar="SCORE", help="leave out labels below this score, from 0 to 1"
    )
    add_description_options(parser)


def run(options: argparse.Namespace) -> int:
    """Classifies the images and returns the exit code of the first that could not be used, else 0."""
    from edgeready_device.images.decode import target_of
    from edgeready_device.images.frames import fit_frame
    from edgeready_device.report.predictions import classify_json, classify_text

    check_picture_options(options)
    if not 0 <= options.threshold <= 1:
        raise UsageError(f"the threshold is {options.threshold:g}: give a score from 0 to 1")
    paths = None if options.camera is not None else picture_paths(options.images)
    model = open_classifier(options)
    spec = model.contract.frame

    def describe(name: str, read: Reader) -> tuple[Any, str]:
        predictions = model.classify(fit_frame(read(), spec), options.top, options.threshold)
        return classify_json(name, predictions), classify_text(name, predictions)

    pictures = camera_pictures(options)
    if paths is not None:
        pictures = read_pictures(paths, spec.channels, (spec.height, spec.width), target_of(spec))
    return show_pictures(options, pictures, describe)
