"""How every verb that runs a model opens it: the options that they share, and the Model that these ask for."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeready_device.model import Model


def add_opening_options(parser: argparse.ArgumentParser) -> None:
    """The options about runtime, delegate and trust."""
    parser.add_argument("--runtime", help="ai-edge-litert or tflite-runtime (default: the first installed)")


def open_model(options: argparse.Namespace) -> Model:
    """The Model that `options` ask for."""
    from edgeready_device.model import Model  # noqa: PLC0415  (numpy is slow to load, --help needs none)

    return Model.load(options.model, runtime=options.runtime)
