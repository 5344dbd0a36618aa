"""All budgets of a model in one report: readiness, size, accuracy, agreement, and the latency on a board."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeready.config.edgetpu import NEWEST_RUNTIME
from edgeready.config.gate import GateConfig
from edgeready.workflows.check import inspect
from edgeready.workflows.evaluate import evaluate_file
from edgeready_device.answers import sized_as
from edgeready_device.benchmarking.benchmark_file import read_measurement
from edgeready_device.benchmarking.latency import summarize
from edgeready_device.errors import UsageError
from edgeready_device.first_run import run_first
from edgeready_device.input_file import require_file
from edgeready_device.model_file.contract import Description
from edgeready_device.model_file.reader import TfliteModel, read_model_file
from edgeready_device.progress import Progress, no_progress
from edgeready_device.runtime.runtime import KERNELS
from edgeready_device.verification import verify


@dataclass(frozen=True, kw_only=True)
class BudgetCheck:
    """One budget: what was measured, what it must keep, and whether it does. `note` says what a reader must know.

    `value` is None where nothing can be judged, which is no pass; `least` says which side of `budget` is right.
    """

    name: str
    value: float | str | None
    budget: float | str
    unit: str = ""
    least: bool = False
    passed: bool
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The check as plain data."""
        return {
            "name": self.name,
            "value": self.value,
            "budget": self.budget,
            "unit": self.unit,
            "passed": self.passed,
            "note": self.note,
        }


@dataclass(frozen=True, kw_only=True)
class GateReport:
    """The checks of one file, in the order of the options."""

    file: str
    checks: tuple[BudgetCheck, ...]

    @property
    def failures(self) -> tuple[BudgetCheck, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)

    @property
    def passed(self) -> bool:
        """Whether every budget is kept."""
        return not self.failures

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data."""
        return {"file": self.file, "passed": self.passed, "checks": [check.to_dict() for check in self.checks]}


def check_budgets(
    file: Path, config: GateConfig, description: Description | None = None, progress: Progress = no_progress
) -> GateReport:
    """Returns how the model in `file` keeps each budget of `config`; `description` goes before what the file says.

    Raises NotFoundError, ModelFileError, DatasetError or MeasurementError for what cannot be read, UsageError for a
    budget that the model has no figure for.
    """
    require_file(file)
    model = read_model_file(file)
    checks = []
    if config.readiness is not None:
        checks.append(_check_readiness(file, config))
    if config.max_size_kb is not None:
        size_kb = file.stat().st_size / 1000
        checks.append(_at_most("size", size_kb, config.max_size_kb, "kB"))
    if config.min_accuracy is not None and config.data is not None:
        evaluation = evaluate_file(
            file,
            config.data,
            description,
            follow_links=config.follow_links,
            skip_damaged=config.skip_damaged,
            cache=config.cache,
            test=config.test,
            progress=progress,
        )
        top1 = evaluation.top1
        low, high = top1.interval
        note = f"{top1.hits} of {top1.count} images, 95 % interval {100 * low:.2f} to {100 * high:.2f} %"
        note = "; ".join((note, *evaluation.notes, *evaluation.data_notes))
        checks.append(_at_least("accuracy", 100 * top1.value, config.min_accuracy, note=note))
    if config.min_agreement is not None:
        checks.append(_check_agreement(model, config.min_agreement))
    if config.max_p90_ms is not None and config.measurement is not None:
        checks.append(_check_latency(model, config.measurement, config.max_p90_ms))
    return GateReport(file=str(file), checks=tuple(checks))


def _check_readiness(file: Path, config: GateConfig) -> BudgetCheck:
    inspection = inspect(file, NEWEST_RUNTIME)
    report = inspection.report
    reasons = () if report is None else (*report.blockers, *report.risks)
    return BudgetCheck(
        name="readiness",
        value=inspection.verdict,
        budget=" or ".join(config.verdicts),
        passed=inspection.verdict in config.verdicts,
        note=f"{reasons[0].detail}; {reasons[0].remedy}" if reasons else "",
    )


def _check_agreement(model: TfliteModel, least: float) -> BudgetCheck:
    """The answers to the golden vectors on this machine; a file fails, too, where `verify` fails it."""
    if model.golden is not None:
        model = sized_as(model, model.golden.all_inputs)  # its open sizes are those of what was recorded
        for kernels in KERNELS:
            run_first(model, kernels=kernels)
    report = verify(model)
    if report.agreement is None:
        raise UsageError(
            f"{model.path}: no output is a row of class scores, so no winner can agree: leave --min-agreement out"
        )
    steps = [result for result in report.results if not result.passed]
    note = f"of {report.agreement.count} golden vectors with {report.runtime}"
    if steps:
        note += (
            f"; {steps[0].largest_steps} steps off with the {steps[0].kernels} kernels: see edgeready-device verify"
        )
    return _at_least("agreement", 100 * report.agreement.value, least, note=note, sound=report.passed)


def _check_latency(model: TfliteModel, path: Path, most_ms: float) -> BudgetCheck:
    """The 90th percentile of a measurement; one of another model, or emulated, or too short, allows no verdict."""
    measurement = read_measurement(path)
    summary = summarize(measurement.latencies_s)
    reason = ""
    if measurement.sha256 != model.sha256:
        reason = (
            f"{path} is of another model ({measurement.sha256[:8]}, this is {model.sha256[:8]}): measure this one"
        )
    elif measurement.emulated:
        reason = f"{path} was measured under emulation, which says nothing of a board: measure on the board"
    elif summary.p90_s is None:
        reason = f"{path} has {summary.count} runs, which do not carry a p90: measure with more --runs"
    if reason or summary.p90_s is None:
        return BudgetCheck(name="p90", value=None, budget=most_ms, unit="ms", passed=False, note=reason)
    note = f"{measurement.machine or 'an unnamed machine'}, {measurement.runtime}, threads: {measurement.threads}"
    if measurement.unsteady:
        note += f"; not steady: {', '.join(measurement.unsteady)}"
    return _at_most("p90", 1e3 * summary.p90_s, most_ms, "ms", note=note)


def _at_most(name: str, value: float, most: float, unit: str, *, note: str = "") -> BudgetCheck:
    return BudgetCheck(name=name, value=value, budget=most, unit=unit, passed=value <= most, note=note)


def _at_least(name: str, value: float, least: float, *, note: str, sound: bool = True) -> BudgetCheck:
    return BudgetCheck(
        name=name, value=value, budget=least, unit="%", least=True, passed=value >= least and sound, note=note
    )
