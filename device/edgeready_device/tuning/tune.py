"""Which runtime and how many threads are fastest here: all are timed in turns, and only right answers can win."""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import RuntimeUnavailableError, UsageError
from edgeready_device.isolation.trial import TrialRequest
from edgeready_device.machine.machine import available_cpus, read_machine
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.progress import Progress, no_progress
from edgeready_device.runtime.delegate import EDGETPU_OP, parse_delegate
from edgeready_device.runtime.runtime import Runtime, choose_runtime, installed_runtimes
from edgeready_device.tuning.agreement import Expected, Voice, consensus, expected_of, inputs_of, judged
from edgeready_device.tuning.candidate import Candidate, TuneResult, choose
from edgeready_device.tuning.candidate_process import INPUTS, MODEL, Contender, ContenderError

HOPELESS = 2.0  # what is slower than this many times the fastest after the first rounds is not measured further
FIRST_ROUNDS = 3
_LIMIT_S = 120.0
_REFERENCE_S = 20.0  # reference kernels are slow: what they answer in this time is enough


@dataclass(frozen=True)
class TuneConfig:
    """What to try and for how long: `seconds` of measuring in `rounds`, each candidate once a round, in random order.

    None stands for all installed runtimes, and for the powers of two up to the number of CPUs. `delegates` are tried
    besides.
    """

    runtime: str | None = None
    threads: tuple[int, ...] | None = None
    delegates: tuple[str, ...] = ()
    seconds: float = 20.0
    rounds: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.seconds > 0 or self.rounds < FIRST_ROUNDS:
            raise UsageError(
                f"{self.seconds} s in {self.rounds} rounds: ask for more than 0 s and at least {FIRST_ROUNDS} rounds"
            )
        if self.threads is not None and (not self.threads or min(self.threads) < 1):
            raise UsageError(f"threads are {list(self.threads)}: ask for at least 1")


@dataclass(eq=False)  # each is itself only
class _Entrant:
    """A candidate while it is timed, with its answers; `voice` is None where it gave none."""

    plan: Candidate
    contender: Contender
    voice: Voice | None = None
    rounds_s: list[float] = field(default_factory=list)
    runs: int = 0

    def judge(self, expected: Expected) -> None:
        assert self.voice is not None
        answers = judged(expected, self.voice)
        self.plan = replace(self.plan, answers=answers, note=answers.reason)

    def candidate(self) -> Candidate:
        return replace(self.plan, rounds_s=tuple(self.rounds_s), runs=self.runs)


def thread_counts(cpus: int) -> tuple[int, ...]:
    """1, 2, 4 ... and all of `cpus`."""
    powers = [1 << i for i in range(cpus.bit_length()) if 1 << i <= cpus]
    return tuple(sorted({*powers, cpus}))


def tune(
    file: TfliteModel, config: TuneConfig | None = None, progress: Progress = no_progress
) -> TuneResult:
    """The TuneResult of `file` on this machine; each candidate runs in a process of its own.

    `progress` counts "rounds". Raises RuntimeUnavailableError when no candidate runs at all.
    """
    config, contract = config or TuneConfig(), file.contract
    planned = _planned(file, config)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgeready-tune-")))
        (folder / MODEL).write_bytes(file.flatbuffer)
        inputs = inputs_of(file, contract)
        np.save(folder / INPUTS, inputs)
        entrants = []
        for plan in planned:
            contender = stack.enter_context(Contender(_request(plan, file), folder))
            entrants.append(_entered(plan, contender, len(inputs)))
        answered = [entrant for entrant in entrants if entrant.voice is not None]
        if not answered:
            notes = "; ".join(f"{entrant.plan.name}: {entrant.plan.note}" for entrant in entrants)
            raise RuntimeUnavailableError(f"{file.path}: nothing here runs it ({notes}): run edgeready-device doctor")
        expected = expected_of(file, contract) or _agreed(answered, folder, len(inputs))
        for entrant in answered:
            entrant.judge(expected)
        _time([entrant for entrant in answered if not entrant.plan.note], config, progress)
    candidates = tuple(entrant.candidate() for entrant in entrants)
    emulated = read_machine().emulated
    return TuneResult(file.path, candidates, *choose(candidates, emulated), expected.source, emulated)


def _planned(file: TfliteModel, config: TuneConfig) -> list[Candidate]:
    """All candidates, the one that runs without a choice first."""
    for delegate in config.delegates:
        parse_delegate(delegate)  # a name that is none is the caller's mistake, and no candidate
    named = [config.runtime] if config.runtime else [runtime.name for runtime in installed_runtimes()]
    if not named:
        choose_runtime()  # says what to install
    runtimes = [choose_runtime(name) for name in named if config.runtime or _usable(name)]
    threads = config.threads or thread_counts(available_cpus())
    compiled = any(op.custom_code == EDGETPU_OP for op in file.graph.ops)
    plain = [] if compiled else [Candidate(runtime, count) for runtime in runtimes for count in threads]
    plain += [Candidate(runtime, threads[0], delegate) for runtime in runtimes for delegate in config.delegates]
    if not plain:
        raise UsageError(f"{file.path} is compiled for the Edge TPU: give --delegate edgetpu, too")
    return plain


def _usable(name: str) -> bool:
    try:
        choose_runtime(name)
    except RuntimeUnavailableError:  # numpy 2 under tflite-runtime: doctor tells
        return False
    return True


def _request(plan: Candidate, file: TfliteModel) -> TrialRequest:
    return TrialRequest(plan.runtime.name, plan.threads, "default", plan.delegate, len(file.graph.ops))


def _entered(plan: Candidate, contender: Contender, inputs: int) -> _Entrant:
    """The candidate with its answers, or a note why it is out."""
    try:
        contender.open()
        answers = [contender.answer(i, _LIMIT_S) for i in range(inputs)]
    except ContenderError as error:
        contender.close()
        return _Entrant(replace(plan, note=str(error)), contender)
    way = Runtime(plan.delegate, f"on {plan.runtime}") if plan.delegate else plan.runtime
    opened = replace(plan, load_s=contender.load_s, first_run_s=answers[0][1], ops_taken=contender.ops_taken)
    return _Entrant(opened, contender, Voice(way, np.stack([output for output, _ in answers])))


def _agreed(answered: Sequence[_Entrant], folder: Path, inputs: int) -> Expected:
    """What most ways to run the model answer; the slow reference kernels are asked where the others are split."""
    voices = {entrant.voice.runtime: entrant.voice for entrant in answered if entrant.voice is not None}
    expected, settled = consensus(list(voices.values()))
    if settled:
        return expected
    more = [_reference(runtime, folder, inputs) for runtime in {entrant.plan.runtime: 0 for entrant in answered}]
    return consensus([*voices.values(), *(voice for voice in more if voice is not None)])[0]


def _reference(runtime: Runtime, folder: Path, inputs: int) -> Voice | None:
    """What the reference kernels answer in the time that they have; None where they crash or refuse."""
    rows: list[NDArray[Any]] = []
    started = time.monotonic()
    try:
        with Contender(TrialRequest(runtime.name, 1, "reference"), folder) as contender:
            contender.open()
            while len(rows) < inputs and time.monotonic() - started < _REFERENCE_S:
                rows.append(contender.answer(len(rows), _LIMIT_S)[0])
    except ContenderError:  # one voice less
        return None
    return Voice(runtime, np.stack(rows), "reference")


def _time(entrants: Sequence[_Entrant], config: TuneConfig, progress: Progress) -> None:
    """Times the entrants in turns, in another order each round, so that no drift of the machine favours one."""
    order = random.Random(config.seed)
    running = list(entrants)
    for done in range(config.rounds):
        turn_s = config.seconds / config.rounds / max(1, len(running))
        for entrant in order.sample(running, len(running)):
            try:
                latencies = entrant.contender.measure(turn_s, _LIMIT_S + turn_s)
            except ContenderError as error:
                entrant.plan = replace(entrant.plan, note=str(error))
                running.remove(entrant)
                continue
            entrant.rounds_s.append(statistics.median(latencies))
            entrant.runs += len(latencies)
        if done + 1 == FIRST_ROUNDS:
            running = _promising(running)
        progress("rounds", done + 1, config.rounds)


def _promising(running: list[_Entrant]) -> list[_Entrant]:
    """Those within HOPELESS of the fastest; the others give their memory back."""
    medians = [statistics.median(entrant.rounds_s) for entrant in running]
    kept = [entrant for entrant, median in zip(running, medians) if median <= HOPELESS * min(medians)]
    for entrant in running:
        if entrant not in kept:
            entrant.contender.close()
    return kept
