"""What a training in 8 bits has changed: the network as it came, converted as it was, beside the retrained one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeready.budget.significance import PairedDrop, paired_drop
from edgeready.errors import AgreementError
from edgeready_device.evaluation import EvaluationReport
from edgeready_device.statistics import Proportion
from edgeready_device.text import proportion_json

_SIGNIFICANT = 0.05  # the usual bound


@dataclass(frozen=True, kw_only=True)
class QatGain:
    """The accuracy before a training in 8 bits, on the test images.

    `float32` is that of the network as it came, `plain` that of its integer file in `mode`, `tuned` that of the
    retrained one. `drop` compares the two files; it and `plain` are None where there is no such file. `epoch` is the
    one whose weights were kept, 0 for those before the first.
    """

    mode: str
    float32: Proportion
    plain: Proportion | None
    tuned: Proportion
    drop: PairedDrop | None
    epoch: int

    def to_dict(self) -> dict[str, Any]:
        """The accuracies and the comparison as plain data."""
        result: dict[str, Any] = {
            "float32_as_it_came": proportion_json(self.float32),
            "without_qat": None if self.plain is None else proportion_json(self.plain),
            "with_qat": proportion_json(self.tuned),
            "kept_epoch": self.epoch,
        }
        if self.drop is not None:
            result |= {"lost": self.drop.lost, "gained": self.drop.gained, "p_value": self.drop.p_value}
        return result


def find_gain(before: Mapping[str, EvaluationReport], tuned: EvaluationReport, mode: str, epoch: int) -> QatGain:
    """Returns what a training in 8 bits has changed, whose file in `mode`, of `epoch`, has the answers `tuned`.

    `before` holds the answers of the network as it came, to the same images, by mode: float32, and `mode` if there is
    such a file. Raises AgreementError for a training that made the file significantly worse (McNemar's exact test).
    """
    plain = before.get(mode)
    drop = None if plain is None else paired_drop(plain.predictions, tuned.predictions, tuned.truth)
    gain = QatGain(
        mode=mode,
        float32=before["float32"].top1,
        plain=None if plain is None else plain.top1,
        tuned=tuned.top1,
        drop=drop,
        epoch=epoch,
    )
    if plain is not None and drop is not None and drop.value > 0 and drop.p_value < _SIGNIFICANT:
        raise AgreementError(
            f"leave out --qat: with it the {mode} file is right on {100 * tuned.top1.value:.2f} % of the test images "
            f"and without it on {100 * plain.top1.value:.2f} % (p = {drop.p_value:.2g}); or give more images, or "
            "another number of epochs"
        )
    return gain
