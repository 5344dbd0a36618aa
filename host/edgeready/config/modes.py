"""The modes of a .tflite file: what its ends, its inside and its weights are made of, and where it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgeready.errors import ConversionError, UsageError

YES, PARTLY, NO = "yes", "partly", "no"
_INDICES = ("int32", "int64", "bool")  # shapes, paddings and axes; in a float file they say nothing


@dataclass(frozen=True, kw_only=True)
class Mode:
    """One way to write a model.

    `ends` is the type of inputs and outputs, `holds` the types that a tensor may have, `weights` the type of which
    there must be constants. `cpu`, `edgetpu`, `gpu` and `mcu` (a microcontroller) say where the file runs: YES,
    PARTLY or NO; `note` says why where that is not plain.
    """

    name: str
    summary: str
    ends: str
    holds: tuple[str, ...]
    weights: str
    cpu: str
    edgetpu: str
    gpu: str
    mcu: str
    note: str = ""

    @property
    def calibrated(self) -> bool:
        """Whether sample inputs are needed, which give the ranges of the activations."""
        return self.weights == "int8" and self.name != "dynamic"

    @property
    def integer_only(self) -> bool:
        """Whether no float is computed inside."""
        return self.calibrated and self.name != FALLBACK

    def to_dict(self) -> dict[str, Any]:
        """What the mode is, as plain data."""
        return {
            "mode": self.name,
            "summary": self.summary,
            "ends": self.ends,
            "weights": self.weights,
            "note": self.note,
            "runs_on": {target: self.runs_on(target) for target in TARGETS},
        }

    def runs_on(self, target: str) -> str:
        """YES, PARTLY or NO for a target of TARGETS."""
        verdict: str = getattr(self, target)
        return verdict


FALLBACK = "int8-float-fallback"
_INT8 = ("int8", "uint8", "int32")

MODES: dict[str, Mode] = {
    mode.name: mode
    for mode in (
        Mode(
            name="float32",
            summary="nothing is quantized",
            ends="float32",
            holds=("float32", *_INDICES),
            weights="float32",
            cpu=YES,
            edgetpu=NO,
            gpu=YES,
            mcu=YES,
            note="a microcontroller without a float unit is slow at it",
        ),
        Mode(
            name="dynamic",
            summary="weights int8, activations float32; needs no samples",
            ends="float32",
            holds=("float32", "int8", *_INDICES),
            weights="int8",
            cpu=YES,
            edgetpu=NO,
            gpu=NO,
            mcu=NO,
            note="weights of less than 1,024 values stay float32",
        ),
        Mode(
            name="float16",
            summary="weights float16, activations float32; needs no samples",
            ends="float32",
            holds=("float32", "float16", *_INDICES),
            weights="float16",
            cpu=YES,
            edgetpu=NO,
            gpu=YES,
            mcu=NO,
            note="a CPU widens the weights to float32 when it loads the file",
        ),
        Mode(
            name="int8-float-io",
            summary="integer inside, float32 ends",
            ends="float32",
            holds=("float32", *_INT8),
            weights="int8",
            cpu=YES,
            edgetpu=PARTLY,
            gpu=YES,
            mcu=YES,
            note="the first and the last op stay on the CPU beside an Edge TPU",
        ),
        Mode(
            name=FALLBACK,
            summary="integer where the op has an 8-bit form, float32 elsewhere (ELU, ATAN2) and at the ends",
            ends="float32",
            holds=("float32", *_INT8),
            weights="int8",
            cpu=YES,
            edgetpu=PARTLY,
            gpu=PARTLY,
            mcu=PARTLY,
            note="an Edge TPU takes the ops up to the first float one",
        ),
        Mode(
            name="int8",
            summary="integer only, int8 ends",
            ends="int8",
            holds=("int8", "int32"),
            weights="int8",
            cpu=YES,
            edgetpu=YES,
            gpu=YES,
            mcu=YES,
        ),
        Mode(
            name="uint8",
            summary="integer only, uint8 ends: pixels go in as they are",
            ends="uint8",
            holds=_INT8,
            weights="int8",
            cpu=YES,
            edgetpu=YES,
            gpu=YES,
            mcu=YES,
            note="int8 inside with a QUANTIZE at each end, which int8 spares a microcontroller",
        ),
        Mode(
            name="int16x8",
            summary="integer only, int16 activations and ends, int8 weights",
            ends="int16",
            holds=("int16", "int8", "int32", "int64"),
            weights="int8",
            cpu=YES,
            edgetpu=NO,
            gpu=NO,
            mcu=YES,
            note="a CPU has no fast kernels for it",
        ),
    )
}

TARGETS = {"edgetpu": "uint8", "cpu": "uint8", "gpu": "float16", "mcu": "int8"}
"""What a file is for, and the mode that serves it best."""


def mode_named(name: str) -> Mode:
    """The mode `name`; raises UsageError for a name that is none, ConversionError for one that nothing here runs."""
    if name in ("int4", "int4x8", "int2"):
        raise ConversionError(
            f"the mode {name} is not made: TensorFlow's converter does not write {name} weights after training, and "
            "no Edge TPU and no tflite-runtime reads them; use uint8"
        )
    if name not in MODES:
        raise UsageError(f"the mode {name!r} is unknown: choose {', '.join(MODES)}")
    return MODES[name]


def choose_mode(name: str | None, target: str | None) -> Mode:
    """The mode `name`, else what serves `target` best, else uint8; raises UsageError where the two do not agree."""
    if target is not None and target not in TARGETS:
        raise UsageError(f"the target {target!r} is unknown: choose {', '.join(TARGETS)}")
    mode = mode_named(name or TARGETS[target or "edgetpu"])
    if target is not None and mode.runs_on(target) == NO:
        raise UsageError(
            f"a {mode.name} file does not run on the target {target}: leave --mode out for {TARGETS[target]}"
        )
    return mode
