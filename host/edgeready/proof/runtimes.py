"""Which of the installed TFLite runtimes load and run a model: tried for real, each in a child process."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from edgeready_device.isolation.trial import TrialRequest, try_model
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.run_records import RunKey, record_run
from edgeready_device.runtime.runtime import KERNELS, Runtime, installed_runtimes


@dataclass(frozen=True, kw_only=True)
class RuntimeTrial:
    """Whether one runtime runs one model, and the `reason` where it does not.

    `reference_crash` says how the reference kernels crashed on a model that the default kernels run.
    """

    runtime: Runtime
    runs: bool
    reason: str = ""
    reference_crash: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The trial as plain data."""
        return {"runtime": str(self.runtime), "runs": self.runs, "reason": self.reason}


def try_runtimes(model: TfliteModel, runtimes: Sequence[Runtime] | None = None) -> tuple[RuntimeTrial, ...]:
    """Runs `model` once on each of `runtimes` (None: the installed ones); a crash there is a reason here."""

    def attempt(runtime: Runtime) -> RuntimeTrial:
        fast, slow = (
            try_model(TrialRequest(runtime.name, kernels=kernels), model.flatbuffer, graphs=model.subgraphs)
            for kernels in KERNELS
        )
        return RuntimeTrial(
            runtime=runtime,
            runs=fast.ran,
            reason="" if fast.ran else fast.error or fast.exit.sentence,
            reference_crash=slow.exit.sentence if fast.ran and slow.exit.signal else "",
        )

    with ThreadPoolExecutor(2) as pool:
        return tuple(pool.map(attempt, installed_runtimes() if runtimes is None else runtimes))


def record_trials(trials: Sequence[RuntimeTrial], flatbuffer: bytes) -> None:
    """Records that the runtimes of `trials` run `flatbuffer` here, which is the tried one with metadata added.

    So the device package opens a file that was made on this machine without another trial.
    """
    sha256 = hashlib.sha256(flatbuffer).hexdigest()
    for runtime in runtimes_that_run(trials):
        record_run(RunKey(sha256, str(runtime)))


def runtimes_that_run(trials: Sequence[RuntimeTrial]) -> tuple[Runtime, ...]:
    """The runtimes of `trials` that run the model."""
    return tuple(trial.runtime for trial in trials if trial.runs)
