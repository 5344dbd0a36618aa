"""`detect`: prints the objects in images, with their boxes, and draws them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeready_device.commands.drawing import DrawingTarget
from edgeready_device.commands.options import (
    add_description_options,
    add_threads_option,
    add_verb,
    apply_size,
    read_description,
    read_file,
    try_file,
)
from edgeready_device.commands.pictures import (
    add_picture_options,
    check_picture_options,
    picture_paths,
    show_pictures,
    sized_pictures,
)
from edgeready_device.commands.terminal import say

if TYPE_CHECKING:
    from edgeready_device.commands.pictures import SizedReader
    from edgeready_device.detection.contract import HeadDescription
    from edgeready_device.detection.detector import Detector
    from edgeready_device.model_file.reader import TfliteModel


def add(verbs: Any) -> None:
    """Declares `detect` and its options."""
    parser = add_verb(verbs, "detect", run, summary="prints the objects in images, with their boxes", opens=True)
    add_picture_options(parser)
    add_threads_option(parser)
    parser.add_argument(
        "--threshold", type=float, metavar="SCORE", help="leave out objects below this score (default 0.3)"
    )
    add_detection_options(parser)
    parser.add_argument(
        "--draw",
        type=Path,
        metavar="OUT",
        help="also write the image with its boxes to a .png or .jpg file, or a folder for several images",
    )
    add_description_options(parser, scores=False)
    add_head_options(parser)


def add_detection_options(parser: argparse._ActionsContainer) -> None:
    """Declares the options about which objects are shown, but for --threshold."""
    parser.add_argument(
        "--iou",
        type=float,
        metavar="SHARE",
        help="of two boxes of a class that overlap by more, keep the better one (default 0.45 for YOLO; others "
        "choose inside the model)",
    )
    parser.add_argument("--max", type=int, metavar="N", dest="most", help="objects of each image (default 100)")


def add_head_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options about how a detector's outputs are read."""
    group = parser.add_argument_group("reading of the outputs, where the file leaves it open")
    group.add_argument("--head", metavar="KIND", help="ssd, yolov5, yolov8 or end-to-end")
    group.add_argument("--boxes", metavar="UNIT", help="boxes of YOLO are in fractions of the frame, or in pixels")
    group.add_argument(
        "--label-offset", type=int, metavar="N", help="the label of the first class: 0, or 1 behind the background"
    )


def run(options: argparse.Namespace) -> int:
    """Finds objects in the images and returns the exit code of the first that could not be used, else 0."""
    from edgeready_device.detection.boxes import scale_detections
    from edgeready_device.detection.detector import check_limits
    from edgeready_device.report.detections import detections_json, detections_text

    check_picture_options(options)
    limits = read_limits(options)
    check_limits(**limits)
    paths = None if options.camera is not None else picture_paths(options.images)
    target = None
    if options.draw is not None:
        several = options.frames != 1 if paths is None else len(paths) != 1
        target = DrawingTarget(options.draw, several=several, sources=paths or ())
    detector = open_detector(options)
    if target is not None:
        say_missing_letters(detector.labels)

    def describe(name: str, read: SizedReader) -> tuple[Any, str]:
        picture, size = read()
        detections = scale_detections(detector.detect(picture, **limits), picture.shape, size)
        entry, text = detections_json(name, size, detections), detections_text(name, detections)
        if target is not None:
            entry["drawing"] = str(target.write(name, picture, detections))
        return entry, text

    spec = detector.contract.input
    frame = None if target is not None else (spec.height, spec.width)  # a drawing shows all pixels
    return show_pictures(options, sized_pictures(options, paths, frame), describe)


def say_missing_letters(labels: Sequence[str]) -> None:
    """Says which letters of `labels` no font of this machine has, if there are any."""
    from edgeready_device.images.fonts import missing_letters

    note = missing_letters(labels)
    if note:
        say(f"--draw: {note}")


def read_limits(options: argparse.Namespace) -> dict[str, Any]:
    """Returns the limits in `options` as arguments of `Detector.detect`."""
    values = {"threshold": options.threshold, "iou": options.iou, "most": options.most}
    return {name: value for name, value in values.items() if value is not None}


def open_detector(options: argparse.Namespace, file: TfliteModel | None = None) -> Detector:
    """Returns the Detector that `options` ask for; a foreign file has run in a child process before.

    `file` was read before.
    """
    from edgeready_device.detection.contract import read_detector
    from edgeready_device.detection.detector import Detector

    description, head = read_description(options), read_head_description(options)
    file = apply_size(options, file or read_file(options))
    contract = read_detector(file, description, head)  # what is no detector is said before a runtime sees it
    if contract.input.pixels.note:
        say(f"{file.path}: {contract.input.pixels.note}")
    try_file(options, file)
    return Detector.from_file(
        file,
        description=description,
        head=head,
        runtime=options.runtime,
        threads=options.threads,
        delegate=options.delegate,
    )


def read_head_description(options: argparse.Namespace) -> HeadDescription:
    """Returns the HeadDescription in `options`."""
    from edgeready_device.detection.contract import HeadDescription

    return HeadDescription(kind=options.head, boxes=options.boxes, label_offset=options.label_offset)
