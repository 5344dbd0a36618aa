"""A finished build."""

from __future__ import annotations

import shlex

from rich.console import Group, RenderableType
from rich.table import Table

from edgeready.dataset import Dataset
from edgeready.proof.measure import Comparison, Measured
from edgeready.proof.qat_gain import QatGain
from edgeready.quantization.calibration import CalibrationReport
from edgeready.report.budget import budget_line, trail_view
from edgeready.report.lines import convention_lines, labelled, line, protection_lines, source_lines
from edgeready.report.readiness import verdict
from edgeready.report.tables import new_table
from edgeready.workflows.build import BuildResult
from edgeready_device.text import duration


def build_view(result: BuildResult, images: str) -> RenderableType:
    """A finished build for people: what was measured, the verdict, the file, and the commands for the board.

    `images` is what the printed `classify` command is given.
    """
    parts = [_facts(result), _next_steps(result, images)]
    if result.comparison is not None:
        parts.insert(0, _comparison_table(result.comparison, result.mode.name, retrained=result.gain is not None))
    if result.trail is not None:
        parts.insert(0, trail_view(result.trail))
    return Group(*parts)


def _comparison_table(comparison: Comparison, mode: str, *, retrained: bool) -> Table:
    baseline = "float32, retrained" if retrained else "float32"
    both = (comparison.baseline,) if mode == "float32" else (comparison.baseline, comparison.model)
    table = new_table("", baseline, *([] if mode == "float32" else [mode]))
    table.add_cells("top-1 accuracy", *(f"{100 * m.accuracy.top1.value:.2f} %" for m in both))
    table.add_cells("  95 % interval", *(_interval(m) for m in both))
    table.add_cells("model alone", *(f"{m.flatbuffer_bytes:,} B" for m in both))
    table.add_cells("whole file", *(f"{m.size_bytes:,} B" for m in both))
    table.add_cells("latency, median", *(duration(m.latency.summary.median_s) for m in both))
    return table


def _facts(result: BuildResult) -> RenderableType:
    colour = "red" if result.readiness.blockers else "green"
    return Group(
        line(),
        *([labelled("network", result.network_reason)] if result.network_reason else []),
        *_training(result),
        *_measured_facts(result),
        *_gain_lines(result.gain),
        *convention_lines(result.convention),
        *(labelled("DOUBT", text, "red") for text in result.doubts),
        labelled("Edge TPU", verdict(result.readiness), colour),
        *(labelled("uncertain", risk.detail) for risk in result.readiness.risks),
        *(labelled("runtime", f"{t.runtime} does not run it: {t.reason}") for t in result.trials if not t.runs),
        *([labelled("engine", result.engine_reason)] if result.engine_reason else []),
        *protection_lines(result.protections),
        *source_lines(result.source_check),
        *(labelled("rewritten", text) for text in result.rewrites),
        *(labelled("proposed", text) for text in result.proposals),
        *_calibration(result),
        *(() if result.trail is None else (labelled("budget", budget_line(result.trail)),)),
        *_measured_on(result),
    )


def _training(result: BuildResult) -> list[RenderableType]:
    """Which epoch the weights are of, where a validation chose it."""
    training, validation = result.training, result.splits.validation
    best = None if training is None else training.best
    if training is None or validation is None or best is None or best.val_accuracy is None:
        return []
    count = f"{len(training.epochs)}" if training.is_open else f"{len(training.epochs)} of {training.asked}"
    score = f"{100 * best.val_accuracy:.2f} % of {len(validation):,} validation images"
    return [
        labelled("training", f"{count} epochs, the weights of epoch {best.epoch}: {score}"),
        *([labelled("", training.ending)] if training.ending else []),
    ]


def _measured_facts(result: BuildResult) -> list[RenderableType]:
    test: Dataset = result.splits.test
    if result.comparison is None:
        mode = result.mode.name
        return [labelled("test", f"nothing measured: the {mode} file is for a runtime of your own")]
    same = result.comparison.agreement
    return [
        labelled("test", f"{len(test):,} images of {test.name}; the same answer on {100 * same.value:.2f} %"),
        labelled("baseline", f"{100 * test.majority_share():.2f} %, always the largest class"),
    ]


def _gain_lines(gain: QatGain | None) -> list[RenderableType]:
    """Returns what the network was before a training in 8 bits, and whether that has changed anything for certain."""
    if gain is None:
        return []
    first = labelled("before --qat", f"float32 was right on {100 * gain.float32.value:.2f} %")
    if gain.plain is None or gain.drop is None:
        return [first.append(f", and had no {gain.mode} file")]
    first.append(f", {gain.mode} on {100 * gain.plain.value:.2f} %")
    noun = "image" if gain.drop.gained == 1 else "images"
    changes = f"{gain.drop.gained} {noun} gained and {gain.drop.lost} lost by it, p = {gain.drop.p_value:.2g}"
    choice = f"the weights of epoch {gain.epoch}" if gain.epoch else "no epoch was better: the weights as they came"
    return [first, labelled("", f"{changes}; {choice}")]


def _calibration(result: BuildResult) -> list[RenderableType]:
    if result.calibration is None:
        return []
    first, *warnings = calibration_lines(result.calibration)
    return [labelled("calibration", first), *(labelled("", text) for text in warnings)]


def calibration_lines(report: CalibrationReport) -> list[str]:
    """One line of facts, then a line for each warning."""
    parts = [f"{report.samples:,} images"]
    if report.classes:
        covered = sum(count > 0 for count in report.classes.values())
        parts.append(f"{covered} of {len(report.classes)} classes")
    if report.least_stable is not None and report.most_clipped is not None:
        parts.append(f"two halves agree to {100 * report.least_stable.stability:.0f} % or better")
        parts.append(f"{100 * report.most_clipped.clipped:.2g} % clipped at most on {report.others} others")
    if report.note:
        parts.append(report.note)
    return [", ".join(parts), *(f"warning: {warning}" for warning in report.warnings)]


def _measured_on(result: BuildResult) -> list[RenderableType]:
    if result.comparison is None:
        return []
    latency = result.comparison.model.latency
    machine = latency.machine
    emulated = " EMULATED: no measure of any board" if machine.emulated else ""
    return [labelled("measured on", f"{machine.board or machine.processor}, {latency.runtime}, 1 thread{emulated}")]


def _next_steps(result: BuildResult, images: str) -> RenderableType:
    return Group(
        line(),
        line("The one file to copy: ").append_text(line(str(result.out), "bold")),
        line(
            f"To the board: edgeready bundle {shlex.quote(str(result.out))}, copy the folder, sh install.sh. There:"
        ),
        line(f"  edgeready-device classify {result.out} {images}"),
        line(f"  edgeready-device verify {result.out}"),
    )


def _interval(measured: Measured) -> str:
    low, high = measured.accuracy.top1.interval
    return f"{100 * low:.2f} to {100 * high:.2f} %"
