"""How the verbs open a model: the options that they share, and what these ask for."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeready_device.model import Model
    from edgeready_device.model_file.contract import Description
    from edgeready_device.model_file.reader import TfliteModel


def add_opening_options(parser: argparse.ArgumentParser) -> None:
    """The options about runtime, delegate and trust."""
    parser.add_argument(
        "--runtime", help="ai-edge-litert or tflite-runtime (default: what tune chose, else the first installed)"
    )
    parser.add_argument(
        "--delegate",
        metavar="NAME|LIB,KEY=VALUE",
        help="edgetpu[:usb|:pci|:N], or the path of a delegate's shared library with its options",
    )
    parser.add_argument(
        "--trusted",
        action="store_true",
        help="neither check the file's structure nor run a file that edgeready did not make in a child process first",
    )


def open_file(options: argparse.Namespace, *kernels: str) -> TfliteModel:
    """The file that `options` name; a foreign one has then run in a child process, on each of `kernels`."""
    from edgeready_device.first_run import is_foreign, run_first
    from edgeready_device.model_file.reader import read_model_file

    file = read_model_file(options.model, trusted=options.trusted)
    tried = getattr(options, "delegate", None) is not None  # a delegate's first run is in a child anyhow
    if is_foreign(file) and not options.trusted and not tried:
        for path in kernels or ("default",):
            run_first(file, options.runtime, getattr(options, "threads", None), path)
    return file


def open_model(options: argparse.Namespace) -> Model:
    """The Model that `options` ask for."""
    from edgeready_device.model import Model

    return Model.from_file(open_file(options), runtime=options.runtime, delegate=options.delegate)


def add_description_options(parser: argparse.ArgumentParser) -> None:
    """The options about labels, normalization and resizing."""
    group = parser.add_argument_group("what the file does not say, or says otherwise")
    group.add_argument("--labels", type=Path, metavar="FILE", help="one label a line, or lines of number and label")
    group.add_argument("--mean", help="(pixel - MEAN) / STD is what the network sees; 127.5, or one a channel")
    group.add_argument("--std", help="as --mean: 127.5 or 58.4,57.1,57.4")
    group.add_argument("--resize", help="how an image becomes a frame: stretch, crop or letterbox")


def description_of(options: argparse.Namespace) -> Description:
    """The Description that `options` give."""
    from edgeready_device import preprocess
    from edgeready_device.model_file import contract, labels

    return contract.Description(
        labels=None if options.labels is None else labels.read_labels(options.labels),
        normalization=preprocess.parse_normalization(options.mean, options.std),
        resize=options.resize,
    )
