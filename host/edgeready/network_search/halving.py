"""Which candidates go on: trainings grow longer as the candidates grow fewer, and a front is trained to the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edgeready.network_search.limits import Candidate

# Steps of a trial that says something. Measured on digits with small-resnet: after 90 steps the training is right on
# 43 % of its images and the validation on 10 %, because batch normalization is still at its start; after 210 on 81 %.
_LEAST_STEPS = 200
_RATE = 3  # chosen: as in Hyperband's paper, a third goes on to three times the epochs


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A training of `candidate` for `epochs` epochs, and its accuracy on the validation.

    The accuracy is None for a training that failed; `failure` says why.
    """

    candidate: Candidate
    epochs: int
    accuracy: float | None = None
    seconds: float = 0.0
    failure: str = ""


def rung_epochs(epochs: int, steps: int) -> tuple[int, ...]:
    """Returns how long the trainings of each round are, for finals of `epochs` with `steps` each.

    That is a ninth of them, then a third, and more where an epoch has few steps.
    """
    least = min(epochs, math.ceil(_LEAST_STEPS / steps))
    return tuple(dict.fromkeys(max(least, round(epochs / part)) for part in (_RATE**2, _RATE)))


def keep_best(trials: Sequence[Trial], finals: int) -> tuple[Candidate, ...]:
    """Returns the third of the candidates with the best accuracy, but not fewer than there are `finals`.

    Of two alike the smaller is better.
    """
    ranked = rank_trials(trials)
    count = max(finals, math.ceil(len(ranked) / _RATE))
    return tuple(trial.candidate for trial in ranked[:count])


def rank_trials(trials: Sequence[Trial]) -> list[Trial]:
    """Returns the trials that did not fail, the best first."""
    done = [trial for trial in trials if trial.accuracy is not None]
    return sorted(
        done, key=lambda trial: (-(trial.accuracy or 0.0), trial.candidate.file_bytes, trial.candidate.name)
    )


def last_trials(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """Returns the last trial of each candidate, which is the longest."""
    return tuple({trial.candidate.name: trial for trial in trials}.values())


def pareto_front(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """Returns the trials to which no other is at least as good, as small and as quick; the best accuracy first."""
    return tuple(trial for trial in rank_trials(trials) if not any(_is_better(other, trial) for other in trials))


def _is_better(other: Trial, trial: Trial) -> bool:
    """Whether `other` is nowhere worse than `trial`, and somewhere better."""
    if other.accuracy is None:
        return False
    ours, theirs = _figures(trial), _figures(other)
    return theirs != ours and all(first <= second for first, second in zip(theirs, ours, strict=True))


def _rank(trial: Trial) -> tuple[float, int, str]:
    return -(trial.accuracy or 0.0), trial.candidate.file_bytes, trial.candidate.name


def _figures(trial: Trial) -> tuple[float, int, int]:
    return -(trial.accuracy or 0.0), trial.candidate.file_bytes, trial.candidate.cost.macs
