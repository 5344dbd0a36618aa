"""The check itself: all rules in order, and the report on a graph or a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

from edgeready.errors import ModelFileError, NotFoundError
from edgeready.readiness import data_movement, data_types, operators, reductions, shapes, sizes, weights
from edgeready.readiness.causes import describe_causes, group_causes
from edgeready.readiness.cost import estimate_cost
from edgeready.readiness.evidence import Evidence
from edgeready.readiness.notes import write_notes
from edgeready.readiness.place import Flow, Place
from edgeready.readiness.propagation import Cause, judge_ops
from edgeready.readiness.report import ReadinessReport
from edgeready.readiness.rule import Effect, ModelRule, Rule
from edgeready.readiness.verdict import Finding
from edgeready.readiness.whole_model import MODEL_RULES, not_quantized
from edgeready_device.input_file import read_file
from edgeready_device.tflite.graph import Graph, read_graph

RULES: tuple[Rule, ...] = (
    operators.already_compiled,
    operators.custom_op,
    *shapes.STATIC_RULES,
    operators.unknown_op,
    operators.op_too_new,
    operators.unsupported_op,
    operators.op_version,
    operators.old_runtime,
    *shapes.RULES,
    *data_types.RULES,
    *weights.RULES,
    *reductions.RULES,
    *data_movement.RULES,
    *sizes.RULES,
)
"""The rules for ops in their order: an op's first finding is its verdict, one that refuses before one that doubts."""

_MOST_BYTES = 2 << 30  # of FlatBuffers, whose offsets are signed 32-bit numbers
_LONGEST_MESSAGE = 400  # chosen: a few lines on a terminal; a damaged file may state a shape of thousands of sizes
_FATAL = frozenset(rule.name for rule in RULES if rule.fatal)
_TYPE_RULES = frozenset(rule.name for rule in (*data_types.RULES, operators.op_version))


def rule_sentences() -> dict[str, str]:
    """Every rule's name and its sentence, in the order of the rules."""
    return {name: sentence for name, (sentence, _) in _rules_by_name().items()}


def _rules_by_name() -> dict[str, tuple[str, Evidence]]:
    rules: tuple[Rule | ModelRule, ...] = (*MODEL_RULES, *RULES)
    return {rule.name: (rule.sentence, rule.evidence) for rule in rules}


def check_graph(graph: Graph, *, runtime: int = 14, file: str = "") -> ReadinessReport:
    """What `edgetpu_compiler` 16 would map of `graph` for Edge TPU runtime `runtime`; `file` names it in the report.

    Raises ModelFileError when a constant that a rule looks into is damaged.
    """
    flow = Flow(graph)
    model_findings = _model_findings(graph, "stops")
    rules = tuple(rule for rule in RULES if rule.effect != "notes")
    if any(finding.rule == not_quantized.name for finding in model_findings):
        rules = tuple(rule for rule in rules if rule.name not in _TYPE_RULES)
    findings, doubts = {}, {}
    for op in graph.ops:
        refusal, doubt = _first_findings(Place(graph=graph, op=op, flow=flow, runtime=runtime), rules)
        if refusal is not None:
            findings[op.index] = refusal
        elif doubt is not None:
            doubts[op.index] = doubt
    fatal = [finding for finding in findings.values() if finding.rule in _FATAL]
    verdicts = judge_ops(graph, flow, findings, doubts=doubts, stopped_by=(*model_findings, *fatal))
    cost = estimate_cost(graph, flow, verdicts)
    causes = (
        *(Cause(finding=finding) for finding in model_findings),
        *sorted(group_causes(graph, flow, findings), key=lambda cause: cause.finding.rule not in _FATAL),
    )
    risks = group_causes(graph, flow, doubts)
    described = _rules_by_name()
    return ReadinessReport(
        file=file,
        ready=not causes and not risks,
        ops=verdicts,
        blockers=describe_causes(graph, flow, findings, causes=causes, costs=cost.ops, rules=described, fatal=_FATAL),
        risks=describe_causes(graph, flow, doubts, causes=risks, costs=cost.ops, rules=described),
        notes=write_notes(graph, verdicts, cost, remarks=_remarks(graph, flow, runtime)),
        cost=cost,
    )


def check_file(path: str | PathLike[str], *, runtime: int = 14) -> ReadinessReport:
    """The report on the .tflite file at `path`.

    Raises NotFoundError when there is none, ModelFileError when it is no .tflite model or a damaged one.
    """
    return check_bytes(read_bytes(path), path, runtime=runtime)


def read_bytes(path: str | PathLike[str]) -> bytes:
    """The bytes of the file at `path`. Raises NotFoundError when there is none, ModelFileError when it is no file."""
    try:
        data = read_file(path, _MOST_BYTES)
    except FileNotFoundError as error:
        raise NotFoundError(f"{path}: no such file; give the path of a .tflite model") from error
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({error.strerror}); give a .tflite model") from error
    if len(data) > _MOST_BYTES:
        raise ModelFileError(f"{path}: larger than 2 GiB, which no .tflite model is; give a .tflite model")
    return data


def check_bytes(data: bytes, path: str | PathLike[str], *, runtime: int = 14) -> ReadinessReport:
    """The report on the .tflite file `data` that was read from `path`; raises ModelFileError."""
    file = Path(path)
    try:
        return check_graph(read_graph(data), runtime=runtime, file=str(path))
    except ModelFileError as error:
        message = str(error)
        if len(message) > _LONGEST_MESSAGE:
            message = f"{message[:_LONGEST_MESSAGE]}..."
        raise ModelFileError(f"{file}: {message}; give a .tflite file as the converter wrote it") from error


def _first_findings(place: Place, rules: Sequence[Rule]) -> tuple[Finding | None, Finding | None]:
    """The first finding that refuses the op at `place`, and the first that doubts it."""
    if place.op.name != "SHAPE" and place.flow.computes_shapes(place.op):
        return None, None  # the SHAPE that it depends on has the finding
    doubt = None
    for rule in rules:
        for finding in rule.findings(place):
            if not finding.uncertain:
                return finding, None
            doubt = doubt or finding
    return None, doubt


def _model_findings(graph: Graph, effect: Effect) -> list[Finding]:
    return [finding for rule in MODEL_RULES if rule.effect == effect for finding in rule.findings(graph)]


def _remarks(graph: Graph, flow: Flow, runtime: int) -> list[Finding]:
    """What the rules that decide nothing have to say: the first finding of each, with the number of the others."""
    remarks = _model_findings(graph, "notes")
    places = [Place(graph=graph, op=op, flow=flow, runtime=runtime) for op in graph.ops]
    for rule in (rule for rule in RULES if rule.effect == "notes"):
        findings = [finding for place in places for finding in rule.findings(place)]
        if findings:
            more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
            remarks.append(replace(findings[0], detail=findings[0].detail + more))
    return remarks
