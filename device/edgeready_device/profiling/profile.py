"""Profiles a model: what each of its ops costs on this machine, beside a run without the profiler."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgeready_device.errors import ModelFileError, RuntimeUnavailableError, UsageError
from edgeready_device.first_run import try_first
from edgeready_device.isolation.child import ChildExit, module_arguments, run_child
from edgeready_device.machine.machine import Machine, bound_threads, read_machine
from edgeready_device.model_file.reader import TfliteModel, read_model_file
from edgeready_device.model_inputs import ModelInputs, seeded_inputs
from edgeready_device.profiling.kernels import assign_kernels
from edgeready_device.profiling.litert_library import MODULE, Kernel, LibraryError, check_library
from edgeready_device.profiling.profile_child import LENGTH_BYTES, ProfileRequest
from edgeready_device.runnable import check_runnable
from edgeready_device.runtime.runtime import Runtime, choose_runtime
from edgeready_device.tflite.graph import Graph
from edgeready_device.tune_file import TuneRecord, usable_choice

LEAST_SHARE, MOST_SHARE = 0.9, 1.05  # of a run in the sum of its ops; chosen: so near, each op's share can be trusted
_OPENING_S = 240.0  # chosen: time to open a large model twice and to warm it up on a slow board
_REMEDY = "pip install 'ai-edge-litert==2.3.0' has the functions that this version of edgeready-device knows"
_LIBRARY_ERROR = re.compile(r"^ERROR: (?:\[[^\]]*\] )?(.+)$", re.MULTILINE)  # a line of LiteRT's log
_LONGEST_REASON = 150  # characters of a library's own words; chosen: the error stays one line
_CHILD = "edgeready_device.profiling.profile_child"


@dataclass(frozen=True)
class ProfileConfig:
    """How to profile: at least `runs` runs and `min_time_s` seconds, at most `max_time_s`, after a warm-up.

    So many runs and so long with the profiler, and as long without it. `threads` None is what `tune` chose for
    LiteRT, else 1.
    """

    runs: int = 100  # as of a benchmark
    min_time_s: float = 2.0  # as of a benchmark
    max_time_s: float = 30.0  # as of a benchmark
    warmup_s: float = 0.3  # as of a benchmark
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.runs < 1 or not 0 <= self.min_time_s <= self.max_time_s or not self.warmup_s >= 0:
            raise UsageError(
                f"runs is {self.runs}, the least time {self.min_time_s} s, the longest {self.max_time_s} s, the "
                f"warm-up {self.warmup_s} s: ask for at least 1 run, and times that are not negative"
            )
        if self.threads is not None and self.threads < 1:
            raise UsageError(f"threads is {self.threads}: ask for at least 1")


@dataclass(frozen=True)
class OpTime:
    """What one op takes in a run, in seconds: the mean of the faster half of many runs.

    `ops` are its index in the file, or several where the kernels can belong to each of these, and then `operator` has
    all their names and `layer` (the name of the tensor that an op makes) none. `kernels` are the runtime's own names.
    """

    ops: tuple[int, ...]
    operator: str
    layer: str
    kernels: tuple[str, ...]
    xnnpack: bool
    time_s: float


@dataclass(frozen=True)
class Profile:
    """What the ops of a model take on this machine, in the order of the run.

    `run_s` is a run without the profiler, and `profiled_run_s` one with it, each the mean of the faster half of about
    as many runs. `same_outputs` says that both gave the same answer, `note` what was asked for in vain.
    """

    model: Path
    sha256: str
    runtime: Runtime
    threads: int
    machine: Machine
    inputs: str
    runs: int
    run_s: float
    profiled_run_s: float
    same_outputs: bool
    ops: tuple[OpTime, ...] = field(repr=False)
    note: str = ""

    @property
    def sum_s(self) -> float:
        """The time of all ops."""
        return sum(op.time_s for op in self.ops)

    @property
    def covered(self) -> float:
        """The sum of the ops as a share of a run without the profiler."""
        return self.sum_s / self.run_s

    @property
    def trusted(self) -> bool:
        """Whether the sum is near the run, and the answers are the same."""
        return self.same_outputs and LEAST_SHARE <= self.covered <= MOST_SHARE

    @property
    def hottest(self) -> tuple[OpTime, ...]:
        """The ops, the one that takes longest first."""
        return tuple(sorted(self.ops, key=lambda op: -op.time_s))

    def share(self, op: OpTime) -> float:
        """The part of the ops' time that `op` takes, from 0 to 1."""
        return op.time_s / self.sum_s if self.sum_s else 0.0


def profile(
    model: TfliteModel | str | os.PathLike[str],
    config: ProfileConfig | None = None,
    *,
    inputs: ModelInputs | None = None,
) -> Profile:
    """Measures what each op of a model takes, in a child process, with the first of `inputs` or seeded noise.

    A model that has not run on this machine runs in another one first. Raises RuntimeUnavailableError where no LiteRT
    with a profiler is installed, or it dies in the profile, and ModelFileError for a model that cannot be profiled.
    """
    config = config or ProfileConfig()
    file = model if isinstance(model, TfliteModel) else read_model_file(model)
    runtime, library = find_library()
    check_runnable(file)
    if file.graph.subgraphs > 1:
        raise ModelFileError(
            f"{file.path}: it has {file.graph.subgraphs} subgraphs, and the profiler does not say in which of them a "
            "kernel runs: profile a model without loops and conditions"
        )
    threads, note = _threads(config, usable_choice(file))
    inputs = inputs or seeded_inputs(file)
    if not file.trusted:
        try_first(file, runtime, threads)
    answer = _ask_child(file, runtime, _request(config, library, threads), inputs)
    try:
        ops = _op_times(file.graph, [Kernel(**kernel) for kernel in answer["kernels"]], answer["kernels_s"])
    except LibraryError as error:
        raise RuntimeUnavailableError(f"{file.path}: {runtime} cannot profile it ({error}): {_REMEDY}") from error
    return Profile(
        model=file.path,
        sha256=file.sha256,
        runtime=runtime,
        threads=threads,
        machine=read_machine(),
        inputs=inputs.source,
        runs=answer["runs"],
        run_s=answer["run_s"],
        profiled_run_s=answer["profiled_run_s"],
        same_outputs=answer["same_outputs"],
        ops=ops,
        note=note,
    )


def find_library() -> tuple[Runtime, Path]:
    """Returns LiteRT and its shared library with the profiler. Raises RuntimeUnavailableError."""
    runtime = choose_runtime("ai-edge-litert")
    spec = importlib.util.find_spec(MODULE)
    places = [] if spec is None else list(spec.submodule_search_locations or ())
    return runtime, check_library(runtime, places)


def _threads(config: ProfileConfig, tuned: TuneRecord | None) -> tuple[int, str]:
    """Returns the number of threads, and what of tune's choice is not followed."""
    choice = None if tuned is None else tuned.choice
    note = ""
    if choice is not None and (choice.delegate or choice.runtime != "ai-edge-litert"):
        other = choice.delegate or choice.runtime
        note = f"tune chose {other}, which does not say what its ops take: this is ai-edge-litert on the CPU"
    if config.threads is not None:
        return bound_threads(config.threads), note
    return (1 if choice is None or note else bound_threads(choice.threads)), note


def _request(config: ProfileConfig, library: Path, threads: int) -> ProfileRequest:
    return ProfileRequest(
        library=str(library),
        threads=threads,
        runs=config.runs,
        min_time_s=2 * config.min_time_s,  # of both kinds of runs
        max_time_s=2 * config.max_time_s,
        warmup_s=config.warmup_s,
    )


def _ask_child(file: TfliteModel, runtime: Runtime, request: ProfileRequest, inputs: ModelInputs) -> dict[str, Any]:
    """Returns the child's answer. Raises RuntimeUnavailableError where it has none."""
    tensors = io.BytesIO()
    np.savez(tensors, *inputs[0])
    flatbuffer = bytes(file.flatbuffer)
    child = run_child(
        module_arguments(_CHILD, json.dumps(asdict(request))),
        timeout_s=_OPENING_S + request.max_time_s,
        stdin=len(flatbuffer).to_bytes(LENGTH_BYTES, "big") + flatbuffer + tensors.getvalue(),
        environment={"OPENBLAS_NUM_THREADS": "1"},  # a thread that runs before the child confines itself stays free
    )
    answer = _read_answer(child)
    if "error" in answer:
        reason = answer["error"]
        if answer.get("by_library"):
            own = _LIBRARY_ERROR.search(child.errors)
            reason = f"its library says {own[1][:_LONGEST_REASON]!r} ({reason})" if own else f"its library: {reason}"
        remedy = "" if child.succeeded else f"; {_REMEDY}"
        raise RuntimeUnavailableError(f"{file.path}: {runtime} cannot profile it: {reason}{remedy}")
    return answer


def _read_answer(child: ChildExit) -> dict[str, Any]:
    try:
        answer = json.loads(child.output)
        if isinstance(answer, dict):
            return answer
    except ValueError:  # it died before
        pass
    return {"error": child.sentence}


def _op_times(graph: Graph, kernels: Sequence[Kernel], kernels_s: Sequence[float]) -> tuple[OpTime, ...]:
    """Returns what the ops take in the order of the run: kernels of the same op together."""
    rows: dict[tuple[int, ...], list[tuple[Kernel, float]]] = {}
    partitions = any(kernel.delegated for kernel in kernels)
    for kernel, indices, time_s in zip(kernels, assign_kernels(graph, kernels), kernels_s):
        if indices or kernel.delegated:
            rows.setdefault(indices, []).append((kernel, time_s))
        elif not partitions:
            raise LibraryError(f"its partition {kernel.tag!r:.60} does not name its kernels")
    return tuple(_op_time(graph, indices, times) for indices, times in rows.items())


def _op_time(graph: Graph, indices: tuple[int, ...], times: Sequence[tuple[Kernel, float]]) -> OpTime:
    """Returns what the op at `indices`, or one of these, takes by the `times` of its kernels."""
    ops = [graph.ops[index] for index in indices]
    outputs = graph.of(ops[0].outputs) if len(ops) == 1 else ()
    return OpTime(
        ops=indices,
        operator="/".join(dict.fromkeys(op.custom_code or op.name for op in ops)),
        layer=outputs[0].name if outputs else "",
        kernels=tuple(kernel.tag for kernel, _ in times),
        xnnpack=times[0][0].delegated,
        time_s=sum(time_s for _, time_s in times),
    )
