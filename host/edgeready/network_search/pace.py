"""How long trainings take, from those that have ended: whether one more fits into the time, and what is left."""

from __future__ import annotations

from dataclasses import dataclass

_START_S = 12.0  # chosen: loading TensorFlow and building a network, measured as 8 to 15 s on two cores


@dataclass
class Pace:
    """The `seconds` of all trainings so far, and the `work` in them: multiply-accumulates times images."""

    seconds: float = 0.0
    work: float = 0.0
    trainings: int = 0

    def add(self, work: float, seconds: float) -> None:
        """Takes note of a training."""
        self.seconds, self.work, self.trainings = self.seconds + seconds, self.work + work, self.trainings + 1

    def estimate(self, work: float) -> float | None:
        """Returns the seconds that `work` will take; None where no training has ended yet."""
        if not self.trainings or not self.work:
            return None
        stepping = max(self.seconds - _START_S * self.trainings, 0.0)
        return _START_S + work * stepping / self.work

    def allows(self, work: float, limit_s: float | None) -> bool:
        """Whether `work` ends before `limit_s` seconds of training are over; a first training is always begun."""
        if limit_s is None:
            return True
        estimate = self.estimate(work)
        return estimate is None or self.seconds + estimate <= limit_s


def duration_text(seconds: float) -> str:
    """Returns a time as people say it: "40 seconds", "12 minutes", "1.5 hours"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    return f"{round(seconds / 60)} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
