"""The most likely labels of images."""

from __future__ import annotations

import argparse
import glob
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeready_device.commands.opening import open_model
from edgeready_device.commands.terminal import show, verb
from edgeready_device.errors import NotFoundError


def add(verbs: Any) -> None:
    """Declares the verb."""
    parser = verb(verbs, "classify", run, "the most likely labels of images", runs=True)
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="JPEG or PNG files, folders or patterns")
    parser.add_argument("--top", type=int, default=3, help="how many labels an image (default 3)")


def run(options: argparse.Namespace) -> int:
    """Does it and returns the exit code."""
    from edgeready_device import images  # noqa: PLC0415
    from edgeready_device.report.classify import classify_json, classify_text  # noqa: PLC0415

    paths = _image_paths(options.images)
    model = open_model(options)
    spec = model.contract.frame
    found = []
    for path in paths:
        frame = images.load_frame(path, spec.height, spec.width, spec.channels, spec.resize)
        found.append((path, model.classify(frame, options.top)))
    show(
        options,
        [classify_json(path, predictions) for path, predictions in found],
        "\n".join(classify_text(path, predictions) for path, predictions in found),
    )
    return 0


def _image_paths(given: Sequence[str]) -> list[Path]:
    from edgeready_device import images  # noqa: PLC0415

    paths: list[Path] = []
    for name in given:
        place = Path(name)
        if place.is_dir():
            found = list(images.image_files(place))
        elif place.exists() or not glob.has_magic(name):
            found = [place]
        else:
            found = sorted(Path(match) for match in glob.glob(name, recursive=True))
        if not found:
            raise NotFoundError(f"{name}: no JPEG or PNG images there")
        paths.extend(found)
    return paths
