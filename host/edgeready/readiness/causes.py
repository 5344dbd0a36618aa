"""Root causes: findings of several ops in the same words are one, at the first op in the graph that has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from edgeready.readiness.cost import OpCost
from edgeready.readiness.data_types import float_island
from edgeready.readiness.evidence import Evidence
from edgeready.readiness.place import Flow, layer_text, name_text
from edgeready.readiness.propagation import Cause, measure_impact
from edgeready.readiness.report import Blocker
from edgeready.readiness.verdict import Finding
from edgeready_device.tflite.graph import Graph, Op


def group_causes(graph: Graph, flow: Flow, findings: Mapping[int, Finding]) -> tuple[Cause, ...]:
    """The root causes among `findings`, in the order of the graph.

    Findings in the same words are one cause, unless they only look alike because long names were cut.
    """
    alike = _ambiguous_names(graph)
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for index in sorted(findings):
        finding, op = findings[index], graph.ops[index]
        if not _blames_reader(flow, op, finding, findings=findings):
            names = [name for name in _op_names(graph, op) if name_text(name) in alike]
            full = [name for name in names if name_text(name) in finding.detail]
            groups.setdefault((finding.rule, finding.detail, *full), []).append(finding)
    return tuple(
        Cause(finding=group[0], ops=tuple(finding.op for finding in group if finding.op is not None))
        for group in groups.values()
    )


def describe_causes(
    graph: Graph,
    flow: Flow,
    findings: Mapping[int, Finding],
    *,
    causes: Sequence[Cause],
    costs: Sequence[OpCost],
    rules: Mapping[str, tuple[str, Evidence]],
    fatal: frozenset[str] = frozenset(),
) -> tuple[Blocker, ...]:
    """`causes` with the sentence and the evidence of their rule, their layer and tensor, and the work behind them."""
    impacts = measure_impact(
        graph,
        flow,
        findings,
        causes=causes,
        costs=costs,
        stops=lambda finding: finding.op is None or finding.rule in fatal,
    )
    blockers = []
    for cause, impact in zip(causes, impacts, strict=True):
        finding = cause.finding
        result = None if finding.op is None else next(iter(graph.of(graph.ops[finding.op].outputs)), None)
        sentence, evidence = rules[finding.rule]
        blockers.append(
            Blocker(
                **vars(finding),
                sentence=sentence,
                evidence=evidence,
                layer="" if result is None else layer_text(result.name),
                tensor="" if result is None else result.name,
                shape=() if result is None else result.shape,
                impact=impact,
            )
        )
    return tuple(blockers)


def _op_names(graph: Graph, op: Op) -> Iterable[str]:
    indices = dict.fromkeys(index for index in (*op.inputs, *op.outputs) if index >= 0)
    return (op.custom_code, *(graph.tensors[index].name for index in indices))


def _ambiguous_names(graph: Graph) -> frozenset[str]:
    """The texts of names that stand for more than one name, because it is cut."""
    names = {tensor.name for tensor in graph.tensors} | {op.custom_code for op in graph.ops}
    count: dict[str, int] = {}
    for name in names:
        count[name_text(name)] = count.get(name_text(name), 0) + 1
    return frozenset(text for text, number in count.items() if number > 1)


def _blames_reader(flow: Flow, op: Op, finding: Finding, *, findings: Mapping[int, Finding]) -> bool:
    """Whether a DEQUANTIZE is only there for an op that has a finding of its own."""
    if finding.rule != float_island.name:
        return False
    readers = (reader.index for output in op.outputs for reader in flow.readers(output))
    return any(index in findings and findings[index].rule != finding.rule for index in readers)
