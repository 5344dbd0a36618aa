"""Which of the installed TFLite runtimes load and run a file: tried for real, each in a child process."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from edgeready_device.isolation.trial import TrialRequest, try_model
from edgeready_device.runtime.runtime import KERNELS, Runtime, installed_runtimes


@dataclass(frozen=True)
class Loadable:
    """One runtime and one model: whether it runs, and if not, why; `reference_crash` says how slow kernels died."""

    runtime: Runtime
    runs: bool
    reason: str = ""
    reference_crash: str = ""


def try_runtimes(flatbuffer: bytes, runtimes: Sequence[Runtime] | None = None) -> tuple[Loadable, ...]:
    """What each of `runtimes` (None: the installed ones) says to the model; a crash there is a reason here."""

    def attempt(runtime: Runtime) -> Loadable:
        fast, slow = (try_model(TrialRequest(runtime.name, kernels=kernels), flatbuffer) for kernels in KERNELS)
        reason = "" if fast.ran else fast.error or fast.ended.sentence
        return Loadable(runtime, fast.ran, reason, slow.ended.sentence if fast.ran and slow.ended.signal else "")

    with ThreadPoolExecutor(2) as pool:
        return tuple(pool.map(attempt, installed_runtimes() if runtimes is None else runtimes))


def runtimes_that_run(tried: Sequence[Loadable]) -> tuple[Runtime, ...]:
    """The runtimes of `tried` that run the model."""
    return tuple(each.runtime for each in tried if each.runs)
