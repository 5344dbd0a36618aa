"""Finds the fastest runtime and threads: candidates are timed interleaved, and only right answers can win."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import numpy as np

from edgeready_device.answers import Columns, output_readings, stack_samples
from edgeready_device.benchmarking.workload import takes_frames
from edgeready_device.errors import EdgereadyError, ModelFileError, RuntimeUnavailableError, UsageError
from edgeready_device.isolation.trial import TrialRequest, with_need
from edgeready_device.machine.machine import available_cpus, read_machine
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.model_inputs import ModelInputs, seeded_inputs
from edgeready_device.progress import Progress, no_progress
from edgeready_device.runnable import check_runnable
from edgeready_device.runtime.delegate import parse_delegate
from edgeready_device.runtime.runtime import Runtime, choose_runtime, installed_runtimes
from edgeready_device.tflite.accelerators import accelerator_of
from edgeready_device.tuning.agreement import (
    MOST_INPUTS,
    CandidateOutputs,
    Expected,
    check_outputs,
    choose_inputs,
    find_consensus,
    recorded_outputs,
)
from edgeready_device.tuning.candidate import Candidate, TuneResult, choose
from edgeready_device.tuning.candidate_process import CandidateError, CandidateProcess

# Chosen: a candidate that takes more than twice as long as the fastest after three rounds is not measured further. A
# median of three rounds is not moved by one slow round, and no drift between rounds makes up for a factor of two.
HOPELESS = 2.0
FIRST_ROUNDS = 3
_LIMIT_S = 120.0  # of one answer; the time limit of a trial, for the same reason
_REFERENCE_S = 20.0  # chosen: reference kernels are slow, and their answers of so long are enough to settle a vote


@dataclass(frozen=True)
class TuneConfig:
    """The candidates and the time: `seconds` of measuring in `rounds`, each candidate once a round, in random order.

    `runtime` None stands for all installed runtimes, `threads` None for the powers of two up to the number of CPUs.
    Each of `delegates` adds a candidate for each runtime.
    """

    runtime: str | None = None
    threads: tuple[int, ...] | None = None
    delegates: tuple[str, ...] = ()
    seconds: float = 20.0  # chosen: what a person waits for; --seconds changes it
    rounds: int = 10  # chosen: many orders of the candidates, each turn still of hundreds of runs
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.seconds > 0 or self.rounds < FIRST_ROUNDS:
            raise UsageError(
                f"{self.seconds} s in {self.rounds} rounds: ask for more than 0 s and at least {FIRST_ROUNDS} rounds"
            )
        if self.threads is not None and (not self.threads or min(self.threads) < 1):
            raise UsageError(f"threads are {list(self.threads)}: ask for at least 1")


@dataclass(eq=False)  # each is itself only
class _RunningCandidate:
    """A candidate and its process; `outputs` is None where it gave no answers, by the model's fault or not."""

    plan: Candidate
    process: CandidateProcess
    outputs: CandidateOutputs | None = None
    rounds_s: list[float] = field(default_factory=list)
    runs: int = 0
    by_model: bool = False

    def check(self, expected: Expected) -> None:
        assert self.outputs is not None
        agreement = check_outputs(expected, self.outputs)
        self.plan = replace(self.plan, agreement=agreement, note=agreement.reason)

    def result(self) -> Candidate:
        return replace(self.plan, rounds_s=tuple(self.rounds_s), runs=self.runs)


def thread_counts(cpus: int) -> tuple[int, ...]:
    """Returns 1, 2, 4 ... up to `cpus`, and `cpus` itself."""
    powers = [1 << i for i in range(cpus.bit_length()) if 1 << i <= cpus]
    return tuple(sorted({*powers, cpus}))


def tune(
    file: TfliteModel,
    config: TuneConfig | None = None,
    progress: Progress = no_progress,
    *,
    inputs: ModelInputs | None = None,
) -> TuneResult:
    """Measures the candidates for `file` on this machine, each in a process of its own, and returns the TuneResult.

    They are fed with `inputs`; None: the golden vectors in the file, else seeded noise. `progress` counts "rounds".
    Raises ModelFileError when each candidate fails by the model's fault, RuntimeUnavailableError when none runs.
    """
    config = config or TuneConfig()
    plans = _plan(file, config)
    check_runnable(file, delegated=True)
    columns = choose_inputs(file) if inputs is None else stack_samples(inputs.samples[:MOST_INPUTS])
    count = len(columns[0]) if columns else 1
    with ExitStack() as stack:
        candidates: list[_RunningCandidate] = []
        for plan in plans:
            failure = next((other for other in candidates if _fails_alike(plan, other)), None)
            if failure is not None:  # with more threads it would only take as long again
                candidates.append(
                    _RunningCandidate(replace(plan, note=failure.plan.note), failure.process, by_model=True)
                )
                continue
            process = stack.enter_context(CandidateProcess(_request(plan, file), file.flatbuffer, columns))
            candidates.append(_start(plan, process, count))
        working = [candidate for candidate in candidates if candidate.outputs is not None]
        if not working:
            raise _refusal(file, candidates)
        expected = recorded_outputs(file) if inputs is None else None
        expected = expected or _vote(working, file, columns, source=_source(file, inputs))
        for candidate in working:
            candidate.check(expected)
        _time([candidate for candidate in working if not candidate.plan.note], config, progress)
    results = tuple(candidate.result() for candidate in candidates)
    emulated = read_machine().emulated
    best, reason = choose(results, emulated)
    return TuneResult(
        model=file.path,
        candidates=results,
        best=best,
        reason=reason,
        expected=expected.source,
        emulated=emulated,
    )


def _plan(file: TfliteModel, config: TuneConfig) -> list[Candidate]:
    """Returns all candidates, the one that runs without a choice first."""
    for delegate in config.delegates:
        parse_delegate(delegate)  # raises: a wrong name is the caller's mistake, and no candidate
    names = [config.runtime] if config.runtime else [runtime.name for runtime in installed_runtimes()]
    if not names:
        choose_runtime()  # raises with what to install
    runtimes = [choose_runtime(name) for name in names if config.runtime or _usable(name)]
    threads = config.threads or thread_counts(available_cpus())
    compiled = accelerator_of(file.graph)
    plain = [] if compiled else [Candidate(runtime, count) for runtime in runtimes for count in threads]
    plain += [Candidate(runtime, threads[0], delegate) for runtime in runtimes for delegate in config.delegates]
    if compiled and not plain:
        raise UsageError(f"{file.path} is compiled for {compiled[0].name}: {compiled[0].remedy}")
    return plain


def _usable(name: str) -> bool:
    try:
        choose_runtime(name)
    except RuntimeUnavailableError:  # numpy 2 under tflite-runtime: doctor explains it
        return False
    return True


def _request(plan: Candidate, file: TfliteModel) -> TrialRequest:
    request = TrialRequest(plan.runtime.name, plan.threads, delegate=plan.delegate, ops_total=len(file.graph.ops))
    return request if file.trusted else with_need(request, file.flatbuffer)


def _fails_alike(plan: Candidate, other: _RunningCandidate) -> bool:
    """Whether the model has failed, by its own fault, on the runtime of `plan`."""
    return other.by_model and not plan.delegate and plan.runtime == other.plan.runtime


def _refusal(file: TfliteModel, candidates: Sequence[_RunningCandidate]) -> EdgereadyError:
    """The error where no candidate runs: of the model where each failed by its fault, else of this machine."""
    notes = "; ".join(f"{candidate.plan.name}: {candidate.plan.note}" for candidate in candidates)
    sentence = f"{file.path}: nothing here runs it ({notes})"
    if all(candidate.by_model for candidate in candidates):
        return ModelFileError(f"{sentence}: take another file")
    return RuntimeUnavailableError(f"{sentence}: run edgeready-device doctor")


def _start(plan: Candidate, process: CandidateProcess, inputs: int) -> _RunningCandidate:
    """Opens the candidate and returns it with its answers, or with a note why it is out."""
    try:
        process.open()
        answers = [process.answer(i, _LIMIT_S) for i in range(inputs)]
    except CandidateError as error:
        process.close()
        return _RunningCandidate(replace(plan, note=str(error)), process, by_model=error.by_model)
    way = Runtime(plan.delegate, f"on {plan.runtime}") if plan.delegate else plan.runtime
    plan = replace(plan, load_s=process.load_s, first_run_s=answers[0][1], ops_taken=process.ops_taken)
    return _RunningCandidate(plan, process, _join_answers(way, [outputs for outputs, _ in answers]))


def _join_answers(runtime: Runtime, answers: Sequence[Columns], kernels: str = "default") -> CandidateOutputs:
    """Returns the answers as rows of each output, up to the first whose sizes are others: NMS and WHERE have such."""
    sizes = [tuple(values.size for values in outputs) for outputs in answers]
    count = next((number for number, size in enumerate(sizes) if size != sizes[0]), len(sizes))
    columns = [np.stack(column) for column in zip(*answers[:count])] or [np.empty((count, 0))]
    return CandidateOutputs(runtime, columns[0], kernels, more=tuple(columns[1:]))


def _vote(working: Sequence[_RunningCandidate], file: TfliteModel, columns: Columns, *, source: str) -> Expected:
    """Returns the answers of most candidates; the slow reference kernels vote, too, where the others are split."""
    outputs = {candidate.outputs.runtime: candidate.outputs for candidate in working if candidate.outputs is not None}
    readings = output_readings(file)
    expected, settled = find_consensus(list(outputs.values()), readings, source)
    if settled:
        return expected
    runtimes = dict.fromkeys(candidate.plan.runtime for candidate in working)
    more = [_run_reference(runtime, file.flatbuffer, columns) for runtime in runtimes]
    return find_consensus([*outputs.values(), *(vote for vote in more if vote is not None)], readings, source)[0]


def _source(file: TfliteModel, inputs: ModelInputs | None) -> str:
    """Returns in words what the candidates are fed with where no golden vectors are."""
    if inputs is not None:
        return f"samples of {inputs.source}"
    return "frames of noise" if takes_frames(file) else f"samples of {seeded_inputs(file).source}"


def _run_reference(runtime: Runtime, model: bytes, columns: Columns) -> CandidateOutputs | None:
    """Returns the answers of the reference kernels within their time; None where they crash or refuse."""
    answers: list[Columns] = []
    count = len(columns[0]) if columns else 1
    started = time.monotonic()
    try:
        with CandidateProcess(TrialRequest(runtime.name, 1, "reference"), model, columns) as process:
            process.open()
            while len(answers) < count and time.monotonic() - started < _REFERENCE_S:
                answers.append(process.answer(len(answers), _LIMIT_S)[0])
    except CandidateError:  # one vote less
        return None
    return _join_answers(runtime, answers, "reference")


def _time(candidates: Sequence[_RunningCandidate], config: TuneConfig, progress: Progress) -> None:
    """Times the candidates interleaved, in another order each round, so that no drift of the machine favours one."""
    order = random.Random(config.seed)
    running = list(candidates)
    for done in range(config.rounds):
        turn_s = config.seconds / config.rounds / max(1, len(running))
        for candidate in order.sample(running, len(running)):
            try:
                latencies = candidate.process.measure(turn_s, _LIMIT_S + turn_s)
            except CandidateError as error:
                candidate.plan = replace(candidate.plan, note=str(error))
                running.remove(candidate)
                continue
            candidate.rounds_s.append(statistics.median(latencies))
            candidate.runs += len(latencies)
        if done + 1 == FIRST_ROUNDS:
            running = _drop_hopeless(running)
        progress("rounds", done + 1, config.rounds)


def _drop_hopeless(running: list[_RunningCandidate]) -> list[_RunningCandidate]:
    """Returns the candidates within HOPELESS of the fastest; ends the processes of the others."""
    medians = [statistics.median(candidate.rounds_s) for candidate in running]
    near = [candidate for candidate, median in zip(running, medians) if median <= HOPELESS * min(medians)]
    for candidate in running:
        if candidate not in near:
            candidate.process.close()
    return near
