"""What a caller may say of a model file that does not say it itself: the options that several verbs share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeready_device.description import Description


def add_description_options(parser: argparse.ArgumentParser) -> None:
    """The options about labels, normalization and resizing."""
    group = parser.add_argument_group("what the file does not say, or says otherwise")
    group.add_argument("--labels", type=Path, metavar="FILE", help="one label a line, or lines of number and label")
    group.add_argument("--mean", help="(pixel - MEAN) / STD is what the network sees; 127.5, or one a channel")
    group.add_argument("--std", help="as --mean: 127.5 or 58.4,57.1,57.4")
    group.add_argument("--resize", help="how an image becomes a frame: stretch, crop or letterbox")


def description_of(options: argparse.Namespace) -> Description:
    """The Description that `options` give."""
    from edgeready_device import description  # noqa: PLC0415  (numpy is slow to load, --help needs none)

    return description.Description(
        labels=None if options.labels is None else description.read_labels(options.labels),
        normalization=description.normalization_from(options.mean, options.std),
        resize=options.resize,
    )
