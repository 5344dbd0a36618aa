"""All rules, in the order in which they speak: an op's first finding is its verdict."""

from __future__ import annotations

from edgeready.readiness import data_movement as arrangement
from edgeready.readiness import data_types, operators, reductions, shapes, versions, weights
from edgeready.readiness import static_shapes as batches
from edgeready.readiness.rule import ModelRule, Rule
from edgeready.readiness.whole_model import MODEL_RULES

RULES: tuple[Rule, ...] = (
    operators.already_compiled,
    operators.custom_op,
    *batches.RULES,
    versions.unknown_op,
    versions.op_too_new,
    operators.unsupported_op,
    versions.op_version,
    versions.old_runtime,
    *shapes.RULES,
    *data_types.RULES,
    *weights.RULES,
    *reductions.RULES,
    *arrangement.RULES,
)


def sentences() -> dict[str, str]:
    """Every rule's name and the sentence that it stands for, for the manual."""
    every: tuple[Rule | ModelRule, ...] = (*MODEL_RULES, *RULES)
    return {rule.name: rule.sentence for rule in every}
