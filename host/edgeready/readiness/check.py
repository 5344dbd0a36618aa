"""The check itself: a graph or a file in, a report out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

from edgeready.errors import ModelFileError, NotFoundError
from edgeready.readiness import data_types, versions
from edgeready.readiness.catalogue import RULES, sentences
from edgeready.readiness.cost import OpCost, cost
from edgeready.readiness.dataflow import Flow
from edgeready.readiness.impact import behind
from edgeready.readiness.mapping import verdicts
from edgeready.readiness.notes import notes
from edgeready.readiness.report import Blocker, ReadinessReport
from edgeready.readiness.rule import Place, Rule
from edgeready.readiness.verdict import Finding
from edgeready.readiness.whole_model import MODEL_RULES, not_quantized
from edgeready.readiness.wording import layer_text
from edgeready_device.tflite.graph import Graph, Op, read_graph

_LONGEST_MESSAGE = 400
_FATAL = frozenset(rule.name for rule in RULES if rule.fatal)
_TYPE_RULES = frozenset(rule.name for rule in (*data_types.RULES, versions.op_version))


def check_graph(graph: Graph, *, runtime: int = 14, file: str = "") -> ReadinessReport:
    """What `edgetpu_compiler` 16 would map of `graph` for Edge TPU runtime `runtime`; `file` names it in the report.

    Raises ModelFileError when a constant that a rule looks into is damaged.
    """
    flow = Flow(graph)
    whole = [finding for rule in MODEL_RULES for finding in rule.findings(graph)]
    rules = RULES
    if any(finding.rule == not_quantized.name for finding in whole):
        rules = tuple(rule for rule in RULES if rule.name not in _TYPE_RULES)
    findings = {}
    for op in graph.ops:
        finding = _first(Place(graph, op, flow, runtime), rules)
        if finding is not None:
            findings[op.index] = finding
    fatal = [finding for finding in findings.values() if finding.rule in _FATAL]
    ops = verdicts(graph, flow, findings, (*whole, *fatal))
    spent = cost(graph, flow, ops)
    blockers = _described(graph, flow, findings, _blockers(graph, flow, whole, findings), spent.ops)
    return ReadinessReport(file, not blockers, ops, blockers, notes(graph, ops, spent), spent)


def check_file(path: str | PathLike[str], *, runtime: int = 14) -> ReadinessReport:
    """The report on the .tflite file at `path`.

    Raises NotFoundError when there is none, ModelFileError when it is no .tflite model or a damaged one.
    """
    found = Path(path)
    try:
        data = found.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(f"{found}: no such file; give the path of a .tflite model") from error
    except OSError as error:
        raise ModelFileError(f"{found}: cannot be read ({error.strerror}); give a .tflite model") from error
    try:
        return check_graph(read_graph(data), runtime=runtime, file=str(path))
    except ModelFileError as error:
        said = str(error)
        short = said if len(said) <= _LONGEST_MESSAGE else f"{said[:_LONGEST_MESSAGE]}..."  # a shape may be long
        raise ModelFileError(f"{found}: {short}; give a .tflite file as the converter wrote it") from error


def _first(place: Place, rules: Sequence[Rule]) -> Finding | None:
    if place.op.name != "SHAPE" and place.flow.computes_shapes(place.op):
        return None  # the SHAPE that it depends on has the finding
    return next((finding for rule in rules for finding in rule.findings(place)), None)


def _blockers(
    graph: Graph, flow: Flow, whole: Sequence[Finding], findings: Mapping[int, Finding]
) -> tuple[Finding, ...]:
    """The root causes, fatal ones first; one that several ops share in the same words is named once."""
    found = sorted(findings.values(), key=lambda finding: finding.rule not in _FATAL)
    distinct = {
        (finding.rule, finding.detail): finding
        for finding in reversed([*whole, *found])
        if finding.op is None or not _blames_reader(flow, graph.ops[finding.op], finding, findings)
    }
    return tuple(reversed(distinct.values()))


def _described(
    graph: Graph, flow: Flow, findings: Mapping[int, Finding], blockers: Sequence[Finding], costs: Sequence[OpCost]
) -> tuple[Blocker, ...]:
    """The blockers with their rule's sentence, the layer and tensor that they are about, and the work behind them."""
    said = sentences()
    held = behind(graph, flow, findings, blockers, costs, lambda found: found.op is None or found.rule in _FATAL)
    made = []
    for found, back in zip(blockers, held, strict=True):
        about = None if found.op is None else next(iter(graph.of(graph.ops[found.op].outputs)), None)
        made.append(
            Blocker(
                **vars(found),
                sentence=said[found.rule],
                layer="" if about is None else layer_text(about.name),
                tensor="" if about is None else about.name,
                shape=() if about is None else about.shape,
                behind=back,
            )
        )
    return tuple(made)


def _blames_reader(flow: Flow, op: Op, finding: Finding, findings: Mapping[int, Finding]) -> bool:
    """Whether a DEQUANTIZE is only there for an op that has a finding of its own."""
    if finding.rule != data_types.float_island.name:
        return False
    readers = (reader.index for output in op.outputs for reader in flow.readers(output))
    return any(index in findings and findings[index].rule != finding.rule for index in readers)
