"""What becomes of a pixel on its way into a model's input, and how that is known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgeready_device.errors import ModelFileError
from edgeready_device.model_file.tensor_spec import TensorSpec
from edgeready_device.normalization import PRESETS, RAW, Normalization
from edgeready_device.preprocess import FrameTable

# Ranges of real values that networks are usually trained on. An 8-bit input whose scale and zero point span one of
# these was calibrated on whole pictures, so that pixel 0 is its least value and 255 its greatest.
CONVENTIONS = ((0.0, 255.0), (0.0, 1.0), (-1.0, 1.0), (-128.0, 127.0), (-0.5, 0.5))
# Two ranges are the same when their ends are this share of the wider one apart, 8 of 256 steps. Chosen: it holds
# (p - 127) / 128, p / 256, and calibration pictures that lack pure black or white by a few steps.
_TOLERANCE = 1 / 32
# Chosen: what metadata says is plausible for an input of no usual range where the two share half of what they span
# together; 0 to 1 and -1 to 1 do so exactly, and those ranges are usual.
_LEAST_OVERLAP = 0.5
# Chosen: a network could not know a picture in fewer levels of grey; -1 to 1 on an input of 0 to 255 leaves 3.
_LEAST_LEVELS = 16
NOT_STATED = "not stated"
_IN_PYTHON = " (in Python Description(normalization=...) or Description(preset=...))"
_EIGHT_BITS = ("uint8", "int8")
_PLAIN_INTEGERS = ("uint8", "uint16", "int16", "uint32", "int32", "int64")  # which hold 0 to 255


@dataclass(frozen=True)
class PixelRule:
    """How pixels become values.

    `table` has the value of each pixel, None for a float input. `raw` says that pixels go in as they are: 0 becomes
    the least value of an 8-bit input and 255 the greatest. `normalization` is what is applied, None where nothing
    says so. `basis` is what it was concluded from, and `text` the conclusion in words. `note` says that the file
    contradicts itself, and `refusal` why no pixel can go in.
    """

    normalization: Normalization | None
    basis: str
    text: str
    table: FrameTable | None = None
    raw: bool = False
    note: str = ""
    refusal: str = ""


def pixel_rule(
    spec: TensorSpec,
    *,
    described: Normalization | None,
    manifest: Normalization | None,
    metadata: Normalization | None,
) -> PixelRule:
    """Returns how pixels go into the input `spec`, from what a caller, edgeready.json and TFLite Metadata say.

    They are believed in this order, the last only where the input's range does not contradict it.
    """
    described_or_trained = described or manifest
    basis = "description" if described else "edgeready.json" if manifest else "TFLite Metadata"
    if spec.quant is None:
        if spec.dtype in _PLAIN_INTEGERS:
            return _plain_integers(spec, described, manifest or metadata)
        stated = described_or_trained or metadata
        return _not_stated(spec) if stated is None else PixelRule(stated, basis, formula(stated))
    if described is not None:
        return replace(_exact(spec, described, basis), note=_doubt(spec, described))
    if manifest is not None:
        return _exact(spec, manifest, basis)
    if spec.dtype in _EIGHT_BITS:
        return _from_range(spec, metadata)
    return _from_wide_range(spec, metadata)


def input_range(spec: TensorSpec) -> tuple[float, float]:
    """Returns the least and the greatest real value of a quantized input."""
    if spec.quant is None:
        raise ModelFileError(f"{spec.name!r} is {spec.dtype} and has no scale")
    limits = np.iinfo(np.dtype(spec.dtype))
    least, greatest = ((limit - spec.quant.zero_point) * spec.quant.scale for limit in (limits.min, limits.max))
    return least, greatest


def formula(normalization: Normalization) -> str:
    """Returns what is computed of a pixel, in one line."""
    return f"(pixel - {_numbers(normalization.mean)}) / {_numbers(normalization.std)}"


def _numbers(values: tuple[float, ...]) -> str:
    return f"{values[0]:g}" if len(set(values)) == 1 else "[" + ", ".join(f"{value:g}" for value in values) + "]"


def _span(ends: tuple[float, float]) -> str:
    return f"{ends[0]:.4g} to {ends[1]:.4g}"


def _is_same(one: tuple[float, float], other: tuple[float, float]) -> bool:
    width = max(one[1] - one[0], other[1] - other[0])
    return all(abs(mine - its) <= _TOLERANCE * width for mine, its in zip(one, other))


def _is_usual(ends: tuple[float, float]) -> bool:
    return any(_is_same(ends, usual) for usual in CONVENTIONS)


def _overlap(first: tuple[float, float], second: tuple[float, float]) -> float:
    """The share of two ranges in what they span together."""
    common = min(first[1], second[1]) - max(first[0], second[0])
    return max(common, 0.0) / (max(first[1], second[1]) - min(first[0], second[0]))


def _union(normalization: Normalization) -> tuple[float, float]:
    ranges = normalization.ranges
    return min(least for least, _ in ranges), max(greatest for _, greatest in ranges)


def _exact(spec: TensorSpec, normalization: Normalization, basis: str) -> PixelRule:
    """The normalization as it is stated; refused where hardly anything of a picture would be left."""
    if spec.quant is None:
        raise ModelFileError(f"{spec.name!r} has no scale")
    table = FrameTable.exact(normalization, spec.quant, spec.dtype)
    refusal = ""
    if min(len(np.unique(row)) for row in table.rows) < _LEAST_LEVELS:
        remedy = (
            "leave out --mean, --std and --preset (normalization in Python): pixels then go in as they are"
            if spec.dtype in _EIGHT_BITS and _is_usual(input_range(spec))
            else "state that which the network was trained with"
        )
        refusal = (
            f"{formula(normalization)} gives {_span(_union(normalization))}, and the {spec.dtype} input takes "
            f"{_span(input_range(spec))}: hardly anything of a picture would be left; {remedy}"
        )
    return PixelRule(normalization, basis, formula(normalization), table, refusal=refusal)


def _doubt(spec: TensorSpec, described: Normalization) -> str:
    """What speaks against a normalization that a caller gives for an 8-bit input of a usual range; mostly nothing."""
    ends = input_range(spec)
    if spec.dtype not in _EIGHT_BITS or not _is_usual(ends):
        return ""
    if all(_is_same(ends, channel) for channel in described.ranges):
        return ""
    return (
        f"{formula(described)} gives {_span(_union(described))}, and the input's range is {_span(ends)}: it is "
        "applied as you say; without it pixels go in as they are"
    )


def _raw(spec: TensorSpec, ends: tuple[float, float], note: str = "") -> PixelRule:
    text = f"pixels as they are: the {spec.dtype} input's range is {_span(ends)}"
    return PixelRule(None, "input range", text, FrameTable.raw(spec.dtype), raw=True, note=note)


def _from_range(spec: TensorSpec, metadata: Normalization | None) -> PixelRule:
    """An 8-bit input: its range decides where it is a usual one, as MediaPipe feeds it; else the metadata may."""
    ends = input_range(spec)
    if metadata is not None and all(_is_same(ends, channel) for channel in metadata.ranges):
        return _raw(spec, ends)
    if _is_usual(ends):
        return _raw(spec, ends, _contradiction(metadata, ends, "the range decides, and pixels go in as they are"))
    if metadata is not None and _overlap(ends, _union(metadata)) >= _LEAST_OVERLAP:
        return _exact(spec, metadata, "TFLite Metadata")
    return _unusual(spec, metadata)


def _from_wide_range(spec: TensorSpec, metadata: Normalization | None) -> PixelRule:
    """An int16 input: its range is the same on both sides of 0, so that 0 to 1 cannot be told from -1 to 1."""
    ends = input_range(spec)
    if metadata is not None and _fits_wide(ends, metadata):
        return _exact(spec, metadata, "TFLite Metadata")
    if not _fits_wide(ends, RAW):
        return _unusual(spec, metadata)
    text = f"pixels as they are, 0 to 255: the {spec.dtype} input's range is {_span(ends)}"
    note = _contradiction(metadata, ends, "the range decides, and pixels go in as they are")
    return replace(_exact(spec, RAW, "input range"), text=text, note=note)


def _fits_wide(ends: tuple[float, float], normalization: Normalization) -> bool:
    return _is_same((0.0, ends[1]), (0.0, max(map(abs, _union(normalization)))))


def _contradiction(metadata: Normalization | None, ends: tuple[float, float], outcome: str) -> str:
    if metadata is None:
        return ""
    says = f"the TFLite Metadata says {formula(metadata)}, which is {_span(_union(metadata))}"
    return f"{says}, and contradicts the input's range of {_span(ends)}: {outcome}"


def _unusual(spec: TensorSpec, metadata: Normalization | None) -> PixelRule:
    """A range that many normalizations can have: pixels as they are would be a guess."""
    ends = input_range(spec)
    fits = _fits_wide if spec.dtype not in _EIGHT_BITS else lambda ends, shape: _is_same(ends, _union(shape))
    matches = [f"--preset {name}" for name, preset in PRESETS.items() if fits(ends, preset.normalization)]
    hint = f" ({' or '.join(matches)} would fit)" if matches else ""
    refusal = _contradiction(metadata, ends, "one of the two is wrong") or (
        f"the file does not state the normalization of its {spec.dtype} input, whose range of {_span(ends)} does not "
        "tell it"
    )
    remedy = f"; say --mean and --std, or --preset NAME{hint}{_IN_PYTHON}"
    return PixelRule(None, "", NOT_STATED, refusal=refusal + remedy)


def _not_stated(spec: TensorSpec) -> PixelRule:
    refusal = (
        f"the file does not state the normalization of its {spec.dtype} input, and a wrong one gives wrong answers: "
        "say --mean 127.5 --std 127.5 (-1 to 1), --mean 0 --std 255 (0 to 1), --mean 0 --std 1 (0 to 255), or "
        f"--preset {'|'.join(PRESETS)}{_IN_PYTHON}"
    )
    return PixelRule(None, "", NOT_STATED, refusal=refusal)


def _plain_integers(spec: TensorSpec, described: Normalization | None, in_file: Normalization | None) -> PixelRule:
    """Integers without a scale take pixels as they are: whatever was said besides is computed inside the model."""
    table = FrameTable([np.arange(256).astype(spec.dtype)])
    text = f"pixels as they are: the {spec.dtype} input has no scale"
    rule = PixelRule(None, "type", text, table, raw=True)
    if described is not None and described != RAW:
        problem = f"the {spec.dtype} input has no scale and takes pixels as they are: leave the normalization out"
        return replace(rule, refusal=f"{formula(described)} was asked for, and {problem}")
    if in_file is not None and in_file != RAW:
        problem = f"its {spec.dtype} input has no scale: pixels go in as they are"
        return replace(rule, note=f"the file says {formula(in_file)}, and {problem}")
    return rule
