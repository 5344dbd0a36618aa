"""Every mode of one network beside its float32 file: size, accuracy, agreement, latency, and where each runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgeready.config.build import BuildConfig
from edgeready.config.modes import MODES, Mode, mode_named
from edgeready.dataset import Dataset
from edgeready.errors import ConversionError
from edgeready.files.atomic import write_files
from edgeready.files.scratch import scratch_folder
from edgeready.jobs.job import Progress
from edgeready.proof.measure import Disagreement, Measured, agreement, disagreements, measure
from edgeready.proof.runtimes import Loadable, runtimes_that_run
from edgeready.readiness import ReadinessReport
from edgeready.workflows.draft import Draft
from edgeready.workflows.mode_files import ModeFiles, make_modes
from edgeready_device.statistics import Proportion

FLOAT32 = "float32"
_UNRUN = "no runtime that is installed here runs it"


@dataclass(frozen=True)
class ModeRow:
    """One mode: `measured` on the test images, or refused; `refusal` is the sentence that says why.

    `tried` says which of the installed runtimes run the file. `readiness` is the check's prediction for the Edge TPU.
    """

    mode: Mode
    measured: Measured | None = None
    tried: tuple[Loadable, ...] = ()
    readiness: ReadinessReport | None = None
    refusal: str = ""

    def __post_init__(self) -> None:
        if self.measured is None and not self.refusal:
            raise ValueError(f"the mode {self.mode.name} is neither measured nor refused")


@dataclass(frozen=True)
class ModesReport:
    """The rows of one network on the images of `test`, with that of float32, which the others are held against."""

    network: str
    test: Dataset = field(repr=False)
    rows: tuple[ModeRow, ...]

    def __post_init__(self) -> None:
        if self.of(FLOAT32).measured is None:
            raise ValueError("the float32 file is not measured: the modes have nothing to be held against")

    def of(self, name: str) -> ModeRow:
        """The row of the mode `name`; raises KeyError where there is none."""
        return {row.mode.name: row for row in self.rows}[MODES[name].name]

    @property
    def float32(self) -> Measured:
        """The float32 file, measured."""
        measured = self.of(FLOAT32).measured
        if measured is None:  # checked when made
            raise LookupError(FLOAT32)
        return measured

    @property
    def quantized(self) -> tuple[str, Measured] | None:
        """The mode whose errors are looked at: uint8, else the first other than float32; None where there is none."""
        found = {mode.name: measured for mode, measured in self.measured if mode.name != FLOAT32}
        name = "uint8" if "uint8" in found else next(iter(found), None)
        return None if name is None else (name, found[name])

    @property
    def measured(self) -> tuple[tuple[Mode, Measured], ...]:
        """The modes that were measured, in order."""
        return tuple((row.mode, row.measured) for row in self.rows if row.measured is not None)

    def agreement(self, measured: Measured) -> Proportion:
        """On how many test images `measured` gives the float32 file's answer."""
        return agreement(self.float32.accuracy, measured.accuracy)

    def smaller(self, measured: Measured) -> float:
        """How many times smaller than the float32 flatbuffer the one of `measured` is."""
        return self.float32.flatbuffer_bytes / measured.flatbuffer_bytes

    def disagreements(self, name: str) -> tuple[Disagreement, ...]:
        """The images on which the float32 file and the mode `name` differ; none where it was refused."""
        measured = self.of(name).measured
        return () if measured is None else disagreements(self.float32.accuracy, measured.accuracy)


def compare_modes(
    config: BuildConfig, modes: Sequence[str], progress: Progress, out: Path | None = None
) -> ModesReport:
    """The ModesReport of the trained model `config.model` in `modes` and float32, on all test images.

    With `out` the files are kept there as MODE.tflite, with their accuracy in the manifest. A mode that cannot be
    made is refused in its row. Raises what `convert` raises where the model or the data cannot be used, and
    ConversionError where not even the float32 file runs.
    """
    names = list(dict.fromkeys(mode_named(name).name for name in (FLOAT32, *modes)))
    with scratch_folder() as folder:
        files = make_modes(config, names, folder, progress)
        rows = {name: _row(files, name, progress) for name in names}
        base = rows[FLOAT32].measured
        if base is None:
            raise ConversionError(f"the float32 file cannot be measured: {rows[FLOAT32].refusal}")
        if out is not None:
            write_files(
                {out / f"{name}.tflite": _final(draft, base, rows[name]) for name, draft in files.drafts.items()}
            )
        return ModesReport(files.made.name, files.splits.test, tuple(rows.values()))


def _row(files: ModeFiles, name: str, progress: Progress) -> ModeRow:
    if name in files.refusals:
        return ModeRow(MODES[name], refusal=files.refusals[name])
    draft = files.drafts[name]
    running = runtimes_that_run(draft.tried)
    if not running:
        reasons = dict.fromkeys(each.reason for each in draft.tried)
        return ModeRow(draft.mode, None, draft.tried, draft.readiness, f"{_UNRUN}: {'; '.join(reasons)}")
    tested: Callable[[int, int], None] = lambda done, total: progress(f"testing {name}", done, total)  # noqa: E731
    measured = measure(draft.path, files.splits.test, tested, running[0].name)
    return ModeRow(draft.mode, measured, draft.tried, draft.readiness)


def _final(draft: Draft, base: Measured, row: ModeRow) -> bytes:
    """The bytes of the file to keep, its accuracy and that of the float32 file in the manifest."""
    if row.measured is None:
        return draft.path.read_bytes()
    shares = {FLOAT32: base.accuracy.top1, draft.mode.name: row.measured.accuracy.top1}
    found = {name: {"top1": share.value, "interval95": list(share.interval)} for name, share in shares.items()}
    manifest = replace(draft.manifest, provenance={**draft.manifest.provenance, "accuracy": found})
    return draft.packaged(manifest)
