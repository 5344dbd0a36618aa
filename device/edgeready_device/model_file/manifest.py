"""`edgeready.json`: what a model file says of itself beyond its flatbuffer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgeready_device.errors import ModelFileError
from edgeready_device.normalization import Normalization

SCHEMA_VERSION = 1
RESIZE_RULES = ("stretch", "crop", "letterbox")
SCORES = ("logits", "probabilities")
_MOST_DIGITS = 1000  # chosen: a number that fits a float has 309 at most


@dataclass(frozen=True)
class InputSpec:
    """The frame that the model takes: size in pixels, 1 (grey) or 3 (RGB) channels, resize rule, normalization."""

    height: int
    width: int
    channels: int
    resize: str = "stretch"
    normalization: Normalization = field(default_factory=Normalization)

    def __post_init__(self) -> None:
        if min(self.height, self.width) < 1:
            raise ModelFileError(f"the input is {self.height}x{self.width} pixels: it needs at least 1x1")
        if self.channels not in (1, 3):
            raise ModelFileError(f"the input has {self.channels} channels: an image has 1 (grey) or 3 (RGB)")
        if self.resize not in RESIZE_RULES:
            raise ModelFileError(
                f"the resize rule {self.resize!r} is unknown: it is one of {', '.join(RESIZE_RULES)}"
            )
        if len(self.normalization.mean) not in (1, self.channels):
            raise ModelFileError(
                f"the normalization has {len(self.normalization.mean)} means for {self.channels} channels"
            )


@dataclass(frozen=True)
class Manifest:
    """The contents of `edgeready.json`; `sha256` maps each part of the file to the hash of its bytes."""

    name: str
    input: InputSpec
    scores: str
    provenance: Mapping[str, Any] = field(default_factory=dict)
    sha256: Mapping[str, str] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        if self.schema_version > SCHEMA_VERSION:
            raise ModelFileError(
                f"edgeready.json has schema version {self.schema_version}, this program knows {SCHEMA_VERSION}: "
                "install a newer edgeready-device"
            )
        if self.scores not in SCORES:
            raise ModelFileError(f"the scores are {self.scores!r}: they are one of {', '.join(SCORES)}")

    def to_json(self) -> str:
        """The manifest as the text of `edgeready.json`."""
        return json.dumps(
            {
                "schema_version": self.schema_version,
                "task": "image-classification",
                "name": self.name,
                "input": {
                    "height": self.input.height,
                    "width": self.input.width,
                    "channels": self.input.channels,
                    "color": "rgb" if self.input.channels == 3 else "grayscale",
                    "resize": self.input.resize,
                    "mean": list(self.input.normalization.mean),
                    "std": list(self.input.normalization.std),
                },
                "output": {"scores": self.scores},
                "provenance": dict(self.provenance),
                "sha256": dict(self.sha256),
            },
            indent=1,
        )


def read_manifest(text: str | bytes) -> Manifest:
    """The Manifest in the text of `edgeready.json`; raises ModelFileError naming what is wrong."""
    try:
        parsed = json.loads(text, parse_int=_parse_integer)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"edgeready.json is no JSON ({error}): the file is damaged") from error
    root = _check_type("edgeready.json", parsed, dict)
    frame = _get(root, "input", dict)
    return Manifest(
        name=_get(root, "name", str),
        input=InputSpec(
            _get(frame, "height", int),
            _get(frame, "width", int),
            _get(frame, "channels", int),
            resize=_get(frame, "resize", str),
            normalization=Normalization(_numbers(frame, "mean"), _numbers(frame, "std")),
        ),
        scores=_get(_get(root, "output", dict), "scores", str),
        provenance=_get(root, "provenance", dict),
        sha256={name: _check_type(name, value, str) for name, value in _get(root, "sha256", dict).items()},
        schema_version=_get(root, "schema_version", int),
    )


def _parse_integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:  # older Pythons take minutes for a million digits
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _get(table: Mapping[str, Any], name: str, kind: type) -> Any:
    if name not in table:
        raise ModelFileError(f"edgeready.json has no {name!r}: the file is damaged or made by another program")
    return _check_type(name, table[name], kind)


def _check_type(name: str, value: Any, kind: type) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ModelFileError(f"{name!r} is {value!r:.60} in edgeready.json: it must be a {kind.__name__}")
    return value


def _numbers(table: Mapping[str, Any], name: str) -> tuple[float, ...]:
    values = _get(table, name, list)
    if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        raise ModelFileError(f"{name!r} is {values!r:.60} in edgeready.json: it must be a list of numbers")
    try:
        return tuple(float(value) for value in values)
    except OverflowError as error:  # JSON's whole numbers have no end
        raise ModelFileError(f"{name!r} holds a number above 1e308 in edgeready.json: the file is damaged") from error
