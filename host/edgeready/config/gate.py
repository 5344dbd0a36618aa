"""The budgets of `gate`: what a model must keep, all of them in one place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from edgeready.config.disk import CacheOption
from edgeready.config.option import Option
from edgeready.errors import UsageError

READY, PROBABLY = "ready", "probably"
_VERDICTS = {READY: ("ready",), PROBABLY: ("ready", "probably ready")}


@dataclass(frozen=True, kw_only=True)
class GateConfig:
    """What a model must keep; None is not checked, and at least one budget is given.

    `readiness` is READY or PROBABLY; `data` (or `test` in its place) gives the test images of `min_accuracy`,
    `measurement` the latencies of `max_p90_ms`, from `benchmark --out` on the board.
    """

    readiness: Annotated[
        str | None, Option(help="Edge TPU: ready, or probably (also with ops that are uncertain)")
    ] = None
    max_size_kb: Annotated[float | None, Option(help="largest size of the file (1 kB = 1000 bytes)")] = None
    min_accuracy: Annotated[float | None, Option(help="least top-1 accuracy in percent, on the test images")] = None
    data: Annotated[str | None, Option(help="the data set of --min-accuracy: a name, a .npz or a folder")] = None
    test: Annotated[str | None, Option(help="take the test images from this .npz, folder or named set instead")] = (
        None
    )
    follow_links: Annotated[bool, Option(help="follow symbolic links that lead out of a folder")] = False
    skip_damaged: Annotated[bool, Option(help="leave out images of a folder that cannot be read")] = False
    cache: CacheOption = True
    min_agreement: Annotated[
        float | None, Option(help="least top-1 agreement with the golden vectors in percent, on this machine")
    ] = None
    max_p90_ms: Annotated[float | None, Option(help="largest 90th percentile of the latency in --measurement")] = None
    measurement: Annotated[Path | None, Option(help="what edgeready-device benchmark --out wrote on the board")] = (
        None
    )

    def __post_init__(self) -> None:
        if self.measurement is not None:
            object.__setattr__(self, "measurement", Path(self.measurement))  # from a file it is text
        if self.readiness is not None and self.readiness not in _VERDICTS:
            raise UsageError(f"--readiness is {self.readiness!r}: use {' or '.join(_VERDICTS)}")
        for flag, percent in (("--min-accuracy", self.min_accuracy), ("--min-agreement", self.min_agreement)):
            if percent is not None and not 0 <= percent <= 100:
                raise UsageError(f"{flag} is {percent:g}: give percent from 0 to 100, such as 90")
        for flag, most in (("--max-size-kb", self.max_size_kb), ("--max-p90-ms", self.max_p90_ms)):
            if most is not None and not 0 < most < float("inf"):
                raise UsageError(f"{flag} is {most:g}: give a number above 0")
        self._check_pairs()

    @property
    def verdicts(self) -> tuple[str, ...]:
        """The verdicts of `check` that `readiness` accepts."""
        return _VERDICTS[self.readiness or PROBABLY]

    def _check_pairs(self) -> None:
        """Raises UsageError where a budget lacks what it is checked on, or where there is no budget."""
        pairs = (
            ("--min-accuracy", self.min_accuracy, "--data", self.data),
            ("--max-p90-ms", self.max_p90_ms, "--measurement", self.measurement),
        )
        for budget, value, source, path in pairs:
            if value is not None and path is None:
                raise UsageError(f"{budget} has nothing to check: give {source}, too")
            if value is None and path is not None:
                raise UsageError(f"{source} has no budget: give {budget}, too")
        budgets = (self.readiness, self.max_size_kb, self.min_accuracy, self.min_agreement, self.max_p90_ms)
        if all(budget is None for budget in budgets):
            raise UsageError("nothing to check: give a budget, or --config with a [gate] table that has one")
