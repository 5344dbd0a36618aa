"""Size, latency on a machine, and what each op costs, out of a document."""

from __future__ import annotations

from dataclasses import dataclass, field

from edgeready.documents.fields import Fields


@dataclass(frozen=True, kw_only=True)
class Size:
    """The bytes of one file in `mode`: all of it, and the model alone."""

    model: str
    mode: str
    size_bytes: int | None
    flatbuffer_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """One reason why a measurement cannot be relied on, or lacks something, and what to do ("" where nothing is)."""

    kind: str
    detail: str
    advice: str


@dataclass(frozen=True, kw_only=True)
class Speed:
    """The latency of one model on one machine, or the `failure` of a board that measured nothing.

    `steady` is None where it was not judged.
    """

    machine: str
    model: str
    mode: str = ""
    system: str = ""
    runtime: str = ""
    threads: int | None = None
    median_s: float | None = None
    p90_s: float | None = None
    runs: int | None = None
    memory_bytes: int | None = None
    emulated: bool = False
    virtual: bool = False
    steady: bool | None = None
    doubts: tuple[Doubt, ...] = ()
    failure: str = ""

    @property
    def verdict(self) -> str:
        """What the figure is worth: "steady", "NOT STEADY", "EMULATED", "FAILED", or "not judged"."""
        if self.failure:
            return "FAILED"
        if self.emulated:
            return "EMULATED"
        if self.steady is None:
            return "not judged"
        return "steady" if self.steady else "NOT STEADY"


@dataclass(frozen=True, kw_only=True)
class SpeedComparison:
    """Two measurements as `compare` has judged them: the second is by `percent` slower, or faster below 0."""

    first: str
    second: str
    first_s: float | None
    second_s: float | None
    percent: float | None
    low_percent: float | None
    high_percent: float | None
    verdict: str
    passed: bool
    remarks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ProfileRow:
    """The time of one op, or of several that cannot be told apart; `share` is its part of all ops' time, 0 to 1."""

    ops: tuple[int, ...]
    operator: str
    layer: str
    seconds: float | None
    share: float | None
    kernel: str


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The ops of one model with their times on one machine, the slowest first.

    `run_s` is a run without the profiler. `notes` say why the times are to be taken with care.
    """

    model: str
    machine: str
    runtime: str
    threads: int | None
    emulated: bool
    run_s: float | None
    sum_s: float | None
    notes: tuple[str, ...]
    rows: tuple[ProfileRow, ...] = field(repr=False)
    sha256: str = ""


def read_size(fields: Fields, model: str, mode: str) -> Size:
    """Returns the Size in the document of a measured model."""
    return Size(
        model=model,
        mode=mode,
        size_bytes=fields.whole("size_bytes"),
        flatbuffer_bytes=fields.whole("flatbuffer_bytes"),
    )


def read_speed(fields: Fields, *, model: str = "", mode: str = "", machine: str = "", system: str = "") -> Speed:
    """Returns the Speed in the document of `benchmark`; `machine` goes before the name that the document has."""
    name, memory = _name_machine(fields.child("machine")), fields.child("memory")
    delegate = fields.child("delegate")
    runtime = fields.text("runtime")
    return Speed(
        machine=machine or name,
        model=model or fields.text("model"),
        mode=mode,
        system=system or (name if machine else ""),
        runtime=runtime if delegate is None else f"{runtime}, {delegate.text('name')}",
        threads=fields.whole("threads"),
        median_s=fields.number("median_s"),
        p90_s=fields.number("p90_s"),
        runs=fields.whole("count"),
        memory_bytes=None if memory is None else memory.whole("peak_bytes"),
        emulated=bool(fields.flag("emulated")),
        virtual=bool(fields.flag("virtual")),
        steady=fields.flag("steady"),
        doubts=tuple(
            Doubt(kind=doubt.text("kind"), detail=doubt.text("detail"), advice=doubt.text("advice"))
            for doubt in fields.children("unsteady")
        ),
    )


def read_comparison(fields: Fields) -> SpeedComparison:
    """Returns the SpeedComparison in the document of `compare`."""
    nothing = Fields(file=fields.file, data={})
    first, second = fields.child("first") or nothing, fields.child("second") or nothing
    note = fields.text("note")
    return SpeedComparison(
        first=first.text("file"),
        second=second.text("file"),
        first_s=first.number("median_s"),
        second_s=second.number("median_s"),
        percent=fields.number("percent"),
        low_percent=fields.number("low_percent"),
        high_percent=fields.number("high_percent"),
        verdict=fields.text("verdict"),
        passed=bool(fields.flag("passed")),
        remarks=(*fields.texts("differs"), *fields.texts("doubts"), *((note,) if note else ())),
    )


def read_profile(fields: Fields, machine: str = "") -> Profile:
    """Returns the Profile in the document of `profile`; `machine` goes before the name that the document has."""
    rows = [_read_profile_row(op) for op in fields.children("ops")]
    return Profile(
        model=fields.text("model"),
        machine=machine or _name_machine(fields.child("machine")),
        runtime=fields.text("runtime"),
        threads=fields.whole("threads"),
        emulated=bool(fields.flag("emulated")),
        run_s=fields.number("run_s"),
        sum_s=fields.number("sum_s"),
        notes=fields.texts("notes"),
        rows=tuple(sorted(rows, key=lambda row: -(row.seconds or 0.0))),
        sha256=fields.text("sha256"),
    )


def _read_profile_row(fields: Fields) -> ProfileRow:
    return ProfileRow(
        ops=fields.wholes("ops"),
        operator=fields.text("operator"),
        layer=fields.text("layer"),
        seconds=fields.number("time_s"),
        share=fields.number("share"),
        kernel="XNNPACK" if fields.flag("xnnpack") else "built-in",
    )


def _name_machine(fields: Fields | None) -> str:
    name = "" if fields is None else fields.text("board") or fields.text("processor")
    return name or "an unnamed machine"
