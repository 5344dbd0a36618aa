"""`edgeready.json`: what a model file says of itself beyond its flatbuffer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgeready_device.errors import ModelFileError
from edgeready_device.normalization import COLORS, Normalization

SCHEMA_VERSION = 1
RESIZE_RULES = ("stretch", "crop", "letterbox")
SCORES = ("logits", "probabilities")
LAYOUTS = ("nhwc", "nchw")
_MOST_DIGITS = 1000  # chosen: a number that fits a float has 309 at most


@dataclass(frozen=True)
class InputSpec:
    """The picture that the model takes: size in pixels, 1 (grey) or 3 channels, resize rule, normalization.

    `color` is the order in which the model takes three channels, `layout` where their axis lies in its input: frames
    are RGB with channels last whatever the two say. `crop` is the centred share of each side that a picture keeps.
    """

    height: int
    width: int
    channels: int
    resize: str = "stretch"
    normalization: Normalization = field(default_factory=Normalization)
    color: str = "rgb"
    layout: str = "nhwc"
    crop: float = 1.0

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
        if self.color not in COLORS:
            raise ModelFileError(f"the colour order {self.color!r} is unknown: it is one of {', '.join(COLORS)}")
        if self.layout not in LAYOUTS:
            raise ModelFileError(f"the layout {self.layout!r} is unknown: it is one of {', '.join(LAYOUTS)}")
        if not 0 < self.crop <= 1:
            raise ModelFileError(f"the crop is {self.crop:g}: it is the share of each side, above 0 and at most 1")


@dataclass(frozen=True)
class Manifest:
    """The contents of `edgeready.json`; `sha256` maps each part of the file to the hash of its bytes.

    `output` is the number of the output that holds the scores.
    """

    name: str
    input: InputSpec
    scores: str
    provenance: Mapping[str, Any] = field(default_factory=dict)
    sha256: Mapping[str, str] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION
    output: int = 0

    def __post_init__(self) -> None:
        if self.schema_version > SCHEMA_VERSION:
            raise ModelFileError(
                f"edgeready.json has schema version {self.schema_version}, this program knows {SCHEMA_VERSION}: "
                "install a newer edgeready-device"
            )
        if self.scores not in SCORES:
            raise ModelFileError(f"the scores are {self.scores!r}: they are one of {', '.join(SCORES)}")
        if self.output < 0:
            raise ModelFileError(f"the output is {self.output}: outputs are counted from 0")

    def to_json(self) -> str:
        """The manifest as the text of `edgeready.json`."""
        return json.dumps(
            {
                "schema_version": self.schema_version,
                "task": "image-classification",
                "name": self.name,
                "input": _input_json(self.input),
                "output": {"scores": self.scores, **({"number": self.output} if self.output else {})},
                "provenance": dict(self.provenance),
                "sha256": dict(self.sha256),
            },
            indent=1,
        )


def _input_json(spec: InputSpec) -> dict[str, Any]:
    """Layout and crop are left out where they are the usual ones, so that older programs' files stay the same."""
    return {
        "height": spec.height,
        "width": spec.width,
        "channels": spec.channels,
        "color": spec.color if spec.channels == 3 else "grayscale",
        "resize": spec.resize,
        "mean": list(spec.normalization.mean),
        "std": list(spec.normalization.std),
        **({"layout": spec.layout} if spec.layout != "nhwc" else {}),
        **({"crop": spec.crop} if spec.crop != 1 else {}),
    }


def read_manifest(text: str | bytes) -> Manifest:
    """The Manifest in the text of `edgeready.json`; raises ModelFileError naming what is wrong."""
    try:
        parsed = json.loads(text, parse_int=_parse_integer)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"edgeready.json is no JSON ({error}): the file is damaged") from error
    root = _check_type("edgeready.json", parsed, dict)
    frame, output = _get(root, "input", dict), _get(root, "output", dict)
    return Manifest(
        name=_get(root, "name", str),
        input=InputSpec(
            _get(frame, "height", int),
            _get(frame, "width", int),
            _get(frame, "channels", int),
            resize=_get(frame, "resize", str),
            normalization=Normalization(_numbers(frame, "mean"), _numbers(frame, "std")),
            color=_color(frame),
            layout=_optional(frame, "layout", str, "nhwc"),
            crop=_number("crop", frame.get("crop", 1.0)),
        ),
        scores=_get(output, "scores", str),
        output=_optional(output, "number", int, 0),
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


def _optional(table: Mapping[str, Any], name: str, kind: type, default: Any) -> Any:
    return _check_type(name, table[name], kind) if name in table else default


def _color(table: Mapping[str, Any]) -> str:
    """The order of the channels; "grayscale" has none, and older files may lack the key."""
    name = str(_optional(table, "color", str, "rgb"))
    return "rgb" if name == "grayscale" else name


def _numbers(table: Mapping[str, Any], name: str) -> tuple[float, ...]:
    values = _get(table, name, list)
    if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        raise ModelFileError(f"{name!r} is {values!r:.60} in edgeready.json: it must be a list of numbers")
    return tuple(_number(name, value) for value in values)


def _number(name: str, value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise ModelFileError(f"{name!r} is {value!r:.60} in edgeready.json: it must be a number")
    try:
        return float(value)
    except OverflowError as error:  # JSON's whole numbers have no end
        raise ModelFileError(f"{name!r} holds a number above 1e308 in edgeready.json: the file is damaged") from error
