"""How every verb that runs a model opens it: the options that they share, and the Model that these ask for."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeready_device.model import Model
    from edgeready_device.model_file import ModelFile


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


def open_file(options: argparse.Namespace, *kernels: str) -> ModelFile:
    """The file that `options` name; a foreign one has then run in a child process, on each of `kernels`."""
    from edgeready_device.isolation.first_run import is_foreign, run_first  # noqa: PLC0415
    from edgeready_device.model_file import read_model_file  # noqa: PLC0415

    file = read_model_file(options.model, trusted=options.trusted)
    tried = getattr(options, "delegate", None) is not None  # a delegate's first run is in a child anyhow
    if is_foreign(file) and not options.trusted and not tried:
        for path in kernels or ("default",):
            run_first(file, options.runtime, getattr(options, "threads", None), path)
    return file


def open_model(options: argparse.Namespace) -> Model:
    """The Model that `options` ask for."""
    from edgeready_device.model import Model  # noqa: PLC0415  (numpy is slow to load, --help needs none)

    return Model.from_file(open_file(options), runtime=options.runtime, delegate=options.delegate)
