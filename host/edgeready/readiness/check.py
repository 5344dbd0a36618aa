"""The check itself: all rules in order, and the report on a graph or a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

from edgeready.errors import ModelFileError, NotFoundError
from edgeready.readiness import data_movement, data_types, operators, reductions, shapes, weights
from edgeready.readiness.cost import OpCost, estimate_cost
from edgeready.readiness.notes import write_notes
from edgeready.readiness.place import Flow, Place, layer_text
from edgeready.readiness.propagation import Impact, judge_ops, measure_impact
from edgeready.readiness.report import Blocker, ReadinessReport
from edgeready.readiness.rule import ModelRule, Rule
from edgeready.readiness.verdict import Finding
from edgeready.readiness.whole_model import MODEL_RULES, not_quantized
from edgeready_device.tflite.graph import Graph, Op, read_graph

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
)
"""The rules for ops in their order: an op's first finding is its verdict."""

_LONGEST_MESSAGE = 400  # chosen: a few lines on a terminal; a damaged file may state a shape of thousands of sizes
_FATAL = frozenset(rule.name for rule in RULES if rule.fatal)
_TYPE_RULES = frozenset(rule.name for rule in (*data_types.RULES, operators.op_version))


def rule_sentences() -> dict[str, str]:
    """Every rule's name and its sentence, in the order of the rules."""
    rules: tuple[Rule | ModelRule, ...] = (*MODEL_RULES, *RULES)
    return {rule.name: rule.sentence for rule in rules}


def check_graph(graph: Graph, *, runtime: int = 14, file: str = "") -> ReadinessReport:
    """What `edgetpu_compiler` 16 would map of `graph` for Edge TPU runtime `runtime`; `file` names it in the report.

    Raises ModelFileError when a constant that a rule looks into is damaged.
    """
    flow = Flow(graph)
    model_findings = [finding for rule in MODEL_RULES for finding in rule.findings(graph)]
    rules = RULES
    if any(finding.rule == not_quantized.name for finding in model_findings):
        rules = tuple(rule for rule in RULES if rule.name not in _TYPE_RULES)
    findings = {}
    for op in graph.ops:
        finding = _first_finding(Place(graph=graph, op=op, flow=flow, runtime=runtime), rules)
        if finding is not None:
            findings[op.index] = finding
    fatal = [finding for finding in findings.values() if finding.rule in _FATAL]
    verdicts = judge_ops(graph, flow, findings, stopped_by=(*model_findings, *fatal))
    cost = estimate_cost(graph, flow, verdicts)
    causes = _root_causes(graph, flow, model_findings, findings=findings)
    return ReadinessReport(
        file=file,
        ready=not causes,
        ops=verdicts,
        blockers=_describe_blockers(graph, flow, findings, causes=causes, costs=cost.ops),
        notes=write_notes(graph, verdicts, cost),
        cost=cost,
    )


def check_file(path: str | PathLike[str], *, runtime: int = 14) -> ReadinessReport:
    """The report on the .tflite file at `path`.

    Raises NotFoundError when there is none, ModelFileError when it is no .tflite model or a damaged one.
    """
    file = Path(path)
    try:
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(f"{file}: no such file; give the path of a .tflite model") from error
    except OSError as error:
        raise ModelFileError(f"{file}: cannot be read ({error.strerror}); give a .tflite model") from error
    try:
        return check_graph(read_graph(data), runtime=runtime, file=str(path))
    except ModelFileError as error:
        message = str(error)
        if len(message) > _LONGEST_MESSAGE:
            message = f"{message[:_LONGEST_MESSAGE]}..."
        raise ModelFileError(f"{file}: {message}; give a .tflite file as the converter wrote it") from error


def _first_finding(place: Place, rules: Sequence[Rule]) -> Finding | None:
    if place.op.name != "SHAPE" and place.flow.computes_shapes(place.op):
        return None  # the SHAPE that it depends on has the finding
    return next((finding for rule in rules for finding in rule.findings(place)), None)


def _root_causes(
    graph: Graph, flow: Flow, model_findings: Sequence[Finding], *, findings: Mapping[int, Finding]
) -> tuple[Finding, ...]:
    """The root causes, fatal ones first; findings of several ops in the same words are one."""
    op_findings = sorted(findings.values(), key=lambda finding: finding.rule not in _FATAL)
    distinct = {
        (finding.rule, finding.detail): finding
        for finding in reversed([*model_findings, *op_findings])
        if finding.op is None or not _blames_reader(flow, graph.ops[finding.op], finding, findings=findings)
    }
    return tuple(reversed(distinct.values()))


def _describe_blockers(
    graph: Graph,
    flow: Flow,
    findings: Mapping[int, Finding],
    *,
    causes: Sequence[Finding],
    costs: Sequence[OpCost],
) -> tuple[Blocker, ...]:
    """The root causes with their rule's sentence, their layer and tensor, and the work that they hold back."""
    sentences = rule_sentences()
    impacts = measure_impact(
        graph,
        flow,
        findings,
        blockers=causes,
        costs=costs,
        stops=lambda cause: cause.op is None or cause.rule in _FATAL,
    )
    return tuple(
        _describe_blocker(graph, cause, sentences[cause.rule], impact=impact)
        for cause, impact in zip(causes, impacts, strict=True)
    )


def _describe_blocker(graph: Graph, cause: Finding, sentence: str, *, impact: Impact) -> Blocker:
    result = None if cause.op is None else next(iter(graph.of(graph.ops[cause.op].outputs)), None)
    return Blocker(
        **vars(cause),
        sentence=sentence,
        layer="" if result is None else layer_text(result.name),
        tensor="" if result is None else result.name,
        shape=() if result is None else result.shape,
        impact=impact,
    )


def _blames_reader(flow: Flow, op: Op, finding: Finding, *, findings: Mapping[int, Finding]) -> bool:
    """Whether a DEQUANTIZE is only there for an op that has a finding of its own."""
    if finding.rule != data_types.float_island.name:
        return False
    readers = (reader.index for output in op.outputs for reader in flow.readers(output))
    return any(index in findings and findings[index].rule != finding.rule for index in readers)
