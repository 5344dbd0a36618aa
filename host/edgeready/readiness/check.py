"""The check itself: a graph or a file in, a report out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

from edgeready.errors import ModelFileError, NotFoundError
from edgeready.readiness import data_types, versions
from edgeready.readiness.catalogue import RULES
from edgeready.readiness.flow import Flow
from edgeready.readiness.mapping import verdicts
from edgeready.readiness.model import MODEL_RULES, not_quantized
from edgeready.readiness.notes import notes
from edgeready.readiness.rule import Place, Rule
from edgeready.readiness.verdict import Finding, ReadinessReport
from edgeready_device.graph import Graph, Op, read_graph

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
    blockers = _blockers(graph, flow, whole, findings)
    return ReadinessReport(file, not blockers, ops, blockers, notes(graph, ops))


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
        raise ModelFileError(f"{found}: {error}; give a .tflite file as the converter wrote it") from error


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


def _blames_reader(flow: Flow, op: Op, finding: Finding, findings: Mapping[int, Finding]) -> bool:
    """Whether a DEQUANTIZE is only there for an op that has a finding of its own."""
    if finding.rule != data_types.float_island.name:
        return False
    readers = (reader.index for output in op.outputs for reader in flow.readers(output))
    return any(index in findings and findings[index].rule != finding.rule for index in readers)
