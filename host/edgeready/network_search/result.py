"""What a search plans, tries and finds, as values."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgeready.config.search import BudgetConfig
from edgeready.dataset import Splits
from edgeready.network_search.board import BoardSpeed
from edgeready.network_search.halving import Trial
from edgeready.network_search.limits import Candidate


@dataclass(frozen=True, kw_only=True)
class SearchPlan:
    """The `candidates` that keep the `budget`, the nearest to it first, and what their latency is estimated from."""

    budget: BudgetConfig
    candidates: tuple[Candidate, ...]
    classes: tuple[str, ...]
    speed: BoardSpeed | None = None

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain data."""
        return {
            "budget": {
                "max_size": self.budget.max_size,
                "max_macs": self.budget.max_macs,
                "max_ms": self.budget.max_ms,
                "fits_cache": self.budget.fits_cache,
            },
            "board": None if self.speed is None else asdict(self.speed),
            "candidates": [candidate.to_dict() for candidate in self.candidates],
        }


@dataclass(frozen=True, kw_only=True)
class Final:
    """A network that was trained to the end, and its file: what was measured of it.

    `validation` chose it; `float32` and `uint8` are accuracies on the test images, None where no runtime runs it.
    `doubts` say what speaks against it; `excess` is the number of bytes above the budget.
    """

    name: str
    file: str
    size_bytes: int
    validation: float
    float32: float | None
    uint8: float | None
    doubts: tuple[str, ...] = ()
    seconds: float = 0.0
    excess: int = 0


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """What a search has found in `folder`: the `plan`, the `trials` in the order of the rounds, and the `finals`.

    `front` are the trials that earned a final. `left_out` says what the time did not allow.
    """

    folder: Path
    plan: SearchPlan
    trials: tuple[Trial, ...]
    front: tuple[Trial, ...]
    finals: tuple[Final, ...]
    notes: tuple[str, ...] = ()
    left_out: str = ""
    splits: Splits = field(repr=False)

    @property
    def best(self) -> Final | None:
        """The final with the best accuracy on the validation that keeps the budget; None where there is none."""
        eligible = [final for final in self.finals if not final.excess]
        return min(eligible, key=lambda final: (-final.validation, final.size_bytes)) if eligible else None

    @property
    def doubts(self) -> tuple[str, ...]:
        """What speaks against the result, in sentences."""
        if self.best is None:
            return ("no network that was trained to the end keeps the budget",)
        return self.best.doubts

    def to_dict(self) -> dict[str, Any]:
        """The search as plain data."""
        best = self.best
        return {
            "output": str(self.folder),
            "data": self.splits.to_dict(),
            **self.plan.to_dict(),
            "trials": [
                {
                    "name": trial.candidate.name,
                    "epochs": trial.epochs,
                    "validation": trial.accuracy,
                    "seconds": trial.seconds,
                    "failure": trial.failure,
                }
                for trial in self.trials
            ],
            "front": [trial.candidate.name for trial in self.front],
            "finals": [{**asdict(final), "doubts": list(final.doubts)} for final in self.finals],
            "best": None if best is None else best.file,
            "left_out": self.left_out,
            "notes": list(self.notes),
            "doubts": list(self.doubts),
        }
