"""Readiness for the Edge TPU and the error of each layer, out of a document."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from edgeready.documents.fields import Fields


@dataclass(frozen=True, kw_only=True)
class OpRow:
    """Where one op will run, and why it stays on the CPU or may stay there."""

    index: int
    name: str
    target: str
    uncertain: bool
    rule: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One root cause that keeps ops off the Edge TPU, or may keep them off where it is uncertain."""

    rule: str
    detail: str
    remedy: str
    place: str
    uncertain: bool


@dataclass(frozen=True, kw_only=True)
class OpTimes:
    """What the ops of a file take on `machine`, and those of them that stay on the CPU; `check --profile` adds it."""

    machine: str
    total_s: float | None
    cpu_s: float | None


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """The prediction for one file, op by op; `packages` counts the Edge TPU ops of a compiled one.

    `share` is the part of the `macs` on the Edge TPU; figures that are not known are None. `log` says that the
    figures are a compiler's own, from its log. `mode` is stated where a document has the verdict on several modes,
    without ops and reasons.
    """

    model: str
    verdict: str
    mapped: int | None
    total: int | None
    ops: tuple[OpRow, ...] = field(default=(), repr=False)
    causes: tuple[Cause, ...] = ()
    notes: tuple[str, ...] = ()
    macs: int | None = None
    share: float | None = None
    parameter_bytes: int | None = None
    streamed_bytes: int | None = None
    packages: int = 0
    log: bool = False
    mode: str = ""
    times: OpTimes | None = None


@dataclass(frozen=True, kw_only=True)
class LayerRow:
    """The error of one layer in decibels: infinite where there is no noise, None where it cannot run alone.

    `time_share` is its part of a run's time, 0 to 1, where `layers --profile` has added it.
    """

    layer: str
    kind: str
    share: float | None
    total_db: float | None
    own_db: float | None
    changed: int | None
    cause: str
    remedy: str
    time_share: float | None = None


@dataclass(frozen=True, kw_only=True)
class LayerErrors:
    """The layers of two files of one network, the worst first."""

    float32: str
    integer: str
    images: int | None
    scores_db: float | None
    changed: int | None
    layers: tuple[LayerRow, ...] = field(repr=False)


def read_readiness(fields: Fields, model: str) -> Readiness:
    """Returns the Readiness in the document of `check` for one file."""
    log = fields.child("log")
    if log is not None:
        return _read_log(fields, log, model)
    cost = fields.child("cost") or Fields(file=fields.file, data={})
    ops = tuple(
        OpRow(
            index=op.whole("index") or 0,
            name=op.text("custom_code") or op.text("name"),
            target=op.text("target"),
            uncertain=bool(op.flag("uncertain")),
            rule=op.text("rule"),
            detail=op.text("detail"),
        )
        for op in fields.children("ops")
    )
    return Readiness(
        model=model,
        verdict=fields.text("verdict") or ("ready" if fields.flag("ready") else "not ready"),
        mapped=fields.whole("mapped"),
        total=fields.whole("total"),
        ops=ops,
        causes=(*_read_causes(fields, "blockers"), *_read_causes(fields, "risks")),
        notes=fields.texts("notes"),
        macs=cost.whole("macs"),
        share=cost.number("edgetpu_share"),
        parameter_bytes=cost.whole("parameter_bytes"),
        streamed_bytes=cost.whole("streamed_bytes"),
        packages=len(fields.children("compiled")),
        times=_read_times(fields.child("profile")),
    )


def read_layers(fields: Fields) -> LayerErrors:
    """Returns the LayerErrors in the document of `layers`."""
    scores = fields.child("scores")
    return LayerErrors(
        float32=fields.text("float32"),
        integer=fields.text("integer"),
        images=fields.whole("images"),
        scores_db=_read_decibels(scores),
        changed=fields.whole("changed"),
        layers=tuple(_read_layer(layer) for layer in fields.children("layers")),
    )


def _read_decibels(fields: Fields | None) -> float | None:
    """Returns a ratio; null in JSON is one without noise, or without a signal where there is an error."""
    if fields is None:
        return None
    value = fields.number("sqnr_db")
    if value is not None:
        return value
    return -math.inf if fields.number("largest") else math.inf


def _read_layer(fields: Fields) -> LayerRow:
    total, own, damage = (fields.child(name) for name in ("total", "own", "damage"))
    return LayerRow(
        layer=fields.text("layer"),
        kind=fields.text("kind"),
        share=fields.number("share"),
        total_db=_read_decibels(total),
        own_db=_read_decibels(own),
        changed=None if damage is None else damage.whole("changed"),
        cause=fields.text("cause"),
        remedy=fields.text("remedy"),
        time_share=fields.number("time_share"),
    )


def _read_causes(fields: Fields, name: str) -> list[Cause]:
    causes = []
    for cause in fields.children(name):
        index, op = cause.whole("op"), cause.text("name")
        layer = cause.text("layer")
        place = "the model as a whole" if index is None else f"op {index} {op}" + (f" of {layer}" if layer else "")
        causes.append(
            Cause(
                rule=cause.text("rule"),
                detail=cause.text("detail"),
                remedy=cause.text("remedy"),
                place=place,
                uncertain=name == "risks",
            )
        )
    return causes


def _read_times(fields: Fields | None) -> OpTimes | None:
    if fields is None:
        return None
    return OpTimes(machine=fields.text("machine"), total_s=fields.number("sum_s"), cpu_s=fields.number("cpu_s"))


def _read_log(fields: Fields, log: Fields, model: str) -> Readiness:
    failure = log.child("failure")
    causes: tuple[Cause, ...] = ()
    if failure is not None:
        causes = (
            Cause(
                rule="compiler",
                detail=f"{failure.text('said')}: {failure.text('cause')}",
                remedy=failure.text("remedy"),
                place="the model as a whole",
                uncertain=False,
            ),
        )
    return Readiness(
        model=model,
        verdict="ready" if fields.flag("ready") or fields.flag("proved") else "not ready",
        mapped=log.whole("mapped"),
        total=log.whole("total"),
        causes=causes,
        streamed_bytes=log.whole("streamed_bytes"),
        log=True,
    )
