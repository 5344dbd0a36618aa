"""The table that the compiler would print, in its own words; in ours where it would print none."""

from __future__ import annotations

from collections import Counter

from edgeready.readiness.propagation import DOWNSTREAM, NOT_COMPILED
from edgeready.readiness.report import ReadinessReport
from edgeready.readiness.verdict import OpVerdict

MAPPED = "Mapped to Edge TPU"
SUBGRAPH = "More than one subgraph is not supported"
DATA_TYPE = "Operation is working on an unsupported data type"
UNSPECIFIED = "Operation is otherwise supported, but not mapped due to some unspecified limitation"
UNSUPPORTED = "Operation not supported"
VERSION = "Operation version not supported"
RANK = "Tensor has unsupported rank (up to 3 innermost dimensions mapped)"
NO_TABLE = "Not compiled: the compiler stops (our words)"

_STATUS = {
    "": MAPPED,
    DOWNSTREAM: SUBGRAPH,
    NOT_COMPILED: NO_TABLE,
    "already-compiled": DATA_TYPE,
    "cast": DATA_TYPE,
    "computed-shape": NO_TABLE,
    "custom-op": NO_TABLE,
    "data-type": DATA_TYPE,
    "float-island": DATA_TYPE,
    "float-output": DATA_TYPE,
    "no-ops": NO_TABLE,
    "old-runtime": UNSUPPORTED,
    "op-too-new": NO_TABLE,
    "op-version": VERSION,
    "open-batch": NO_TABLE,
    "rank": RANK,
    "unknown-op": NO_TABLE,
    "unsupported-op": UNSUPPORTED,
}
"""The phrase for each rule; the others are the limits on sizes and forms that the compiler calls unspecified."""


def predict_table(report: ReadinessReport) -> list[tuple[str, int, str]]:
    """The predicted table: rows (op, count, status) in the order of the ops."""
    counts = Counter((op.custom_code or op.name, predict_status(report, op)) for op in report.ops)
    return [(name, count, status) for (name, status), count in counts.items()]


def predict_status(report: ReadinessReport, op: OpVerdict) -> str:
    """The status that the compiler's table would give `op`."""
    if any(_STATUS.get(blocker.rule) == NO_TABLE for blocker in report.blockers):
        return NO_TABLE
    if op.target == "edgetpu":
        return MAPPED
    if op.rule == NOT_COMPILED:  # of a model that is not quantized or compiled already it prints a table all the same
        return DATA_TYPE
    if op.rule == "unsupported-op" and op.name == "CUSTOM":
        return DATA_TYPE
    return status_phrase(op.rule)


def status_phrase(rule: str) -> str:
    """The compiler's phrase for a refusal by `rule`."""
    return _STATUS.get(rule, UNSPECIFIED)
