"""One .tflite model in one interpreter: any number of inputs and outputs, of any type."""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import (
    InferenceError,
    ModelFileError,
    RuntimeUnavailableError,
    UsageError,
    one_line,
)
from edgeready_device.first_run import try_first
from edgeready_device.isolation.trial import BUILT_FOR_IT, TrialRequest, try_model
from edgeready_device.machine.machine import bound_threads
from edgeready_device.model_file.input_size import with_image_size
from edgeready_device.model_file.reader import TfliteModel, read_model_file
from edgeready_device.model_file.tensor_spec import TensorSpec
from edgeready_device.runnable import check_runnable
from edgeready_device.runtime.delegate import DelegateSpec, Delegation, open_delegated, parse_delegate
from edgeready_device.runtime.failure import RUN_ERRORS, run_failure
from edgeready_device.runtime.forked import Reopening, follow_forks, is_native
from edgeready_device.runtime.runtime import Interpreter, Runtime, choose_runtime, open_interpreter
from edgeready_device.tune_file import TuneRecord, usable_choice


class Session:
    """One model in one interpreter; tensors go in and tensors come out.

    Every inference starts from the model's initial state, so that an answer depends on its own inputs alone.
    `keep_state` keeps what a recurrent model remembers from one inference to the next, until `reset_state`.

    It may be shared between threads: an inference holds a lock, and what comes out belongs to the caller. For
    parallel work give each thread its own (`replicate`). In a forked process it opens the model again with its first
    inference there, from the initial state; with a delegate it refuses.
    """

    _interpreter: Interpreter

    def __init__(
        self,
        file: TfliteModel,
        interpreter: Interpreter,
        runtime: Runtime,
        *,
        threads: int = 1,
        kernels: str = "default",
        delegate: Delegation | None = None,
        tuned: TuneRecord | None = None,
        keep_state: bool = False,
    ) -> None:
        self.file = file
        self.runtime = runtime
        self.threads = threads
        self.kernels = kernels
        self.delegate = delegate
        self.tuned = tuned
        self.keep_state = keep_state
        self.inputs = tuple(TensorSpec.of(file.graph.tensors[index]) for index in file.graph.inputs)
        self.outputs = tuple(TensorSpec.of(file.graph.tensors[index]) for index in file.graph.outputs)
        self._resets = file.stateful and not keep_state
        self._used = False
        self._lock = threading.Lock()
        self._attach(interpreter)
        follow_forks(self)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        runtime: str | None = None,
        threads: int | None = None,
        kernels: str = "default",
        delegate: str | None = None,
        check_hashes: bool = True,
        trusted: bool = False,
        keep_state: bool = False,
        input_size: tuple[int, int] | None = None,
    ) -> Session:
        """Opens the model in the file at `path`; `trusted` leaves its structure unchecked.

        `runtime` is "ai-edge-litert" or "tflite-runtime" (None: what `choose_runtime` says), `threads` those of the
        runtime (None: 1; never more than the CPUs that this process may use), `kernels` "default" or "reference",
        `delegate` one of `delegate.FORMS`: it is tried in a child process first. Where none of them is given, what
        `tune` left beside the file for this machine is taken.
        `input_size` is the width and height of the images where the file leaves them open.
        Raises NotFoundError, ModelFileError, RuntimeUnavailableError.
        """
        return cls.from_file(
            with_image_size(read_model_file(path, check_hashes=check_hashes, trusted=trusted), input_size),
            runtime=runtime,
            threads=threads,
            kernels=kernels,
            delegate=delegate,
            keep_state=keep_state,
        )

    @classmethod
    def from_file(
        cls,
        file: TfliteModel,
        *,
        runtime: str | None = None,
        threads: int | None = None,
        kernels: str = "default",
        delegate: str | None = None,
        keep_state: bool = False,
    ) -> Session:
        """Opens the model of a file that is already read. Raises as `load` does."""
        tuned = None
        if (runtime, threads, delegate, kernels) == (None, None, None, "default"):
            tuned = usable_choice(file)
        if tuned is not None and tuned.choice is not None:
            runtime, threads, delegate = tuned.choice.runtime, tuned.choice.threads, tuned.choice.delegate or None
        opener, count = choose_runtime(runtime), 1 if threads is None else bound_threads(threads)
        delegation = None
        check_runnable(file, delegated=delegate is not None)
        survived = file.trusted or (opener.name, count, kernels) in file.survivals
        if file.doubtful and not survived and delegate is None:
            try_first(file, opener, count, kernels)
        try:
            if delegate is None:
                interpreter = open_interpreter(opener, file.flatbuffer, count, kernels=kernels)
            else:
                spec = parse_delegate(delegate)
                interpreter, delegation = open_tried(opener, file, spec, threads=count, kernels=kernels)
        except ModelFileError as error:
            raise ModelFileError(f"{file.path}: {error}") from error
        return cls(
            file,
            interpreter,
            opener,
            threads=count,
            kernels=kernels,
            delegate=delegation,
            tuned=tuned,
            keep_state=keep_state,
        )

    @property
    def path(self) -> Path:
        """Where the model was loaded from."""
        return self.file.path

    def replicate(self) -> Session:
        """Opens the same model in an interpreter of its own, in its initial state."""
        other = copy.copy(self)
        other._lock = threading.Lock()
        other._used = False
        other._attach(self._open())
        follow_forks(other)
        return other

    def invoke(self, tensors: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Returns the raw outputs, in the model's order, of one tensor for each of its inputs.

        Raises UsageError when the tensors do not fit the inputs, InferenceError when the runtime fails in the run.
        """
        if len(tensors) != len(self.inputs):
            raise UsageError(f"{len(tensors)} tensors for {len(self.inputs)} inputs: give one for each input")
        with self._lock:
            if self._resets:
                self._reset()
            for index, tensor in zip(self._input_indices, tensors):
                self._set_tensor(index, tensor)
            self._run()
            return [self._get_tensor(index) for index in self._output_indices]

    def invoke_single(self, tensor: NDArray[Any], output: int = 0) -> NDArray[Any]:
        """Returns the raw output number `output` of a model with one input: the short way for classifiers.

        It does what `invoke` does, without its calls: a small model takes eight microseconds, and a call 0.1.
        """
        with self._lock:
            if self._resets:
                self._reset()
            interpreter = self._interpreter
            try:
                interpreter.set_tensor(self._input_indices[0], tensor)
            except ValueError as error:  # another shape or type
                raise self._misfit(error) from error
            self._used = True
            try:
                interpreter.invoke()
                return interpreter.get_tensor(self._output_indices[output])
            except RUN_ERRORS as error:
                raise self._failure(error) from error

    def leave_interpreter(self) -> None:
        """Lets go of the interpreter in a forked process, where the next inference opens another one."""
        self._lock = threading.Lock()  # a thread of the parent may have held it
        if is_native(self._interpreter):
            self._interpreter = cast("Interpreter", Reopening(self._interpreter, self._reopen))
            self._used = False

    def reset_state(self) -> None:
        """Sets what the model remembers back to its initial state; for `keep_state`."""
        with self._lock:
            if self.file.stateful:
                self._reset()

    def _set_tensor(self, index: int, tensor: NDArray[Any]) -> None:
        try:
            self._interpreter.set_tensor(index, tensor)
        except ValueError as error:  # another shape or type
            raise self._misfit(error) from error

    def _run(self) -> None:
        self._used = True
        try:
            self._interpreter.invoke()
        except RUN_ERRORS as error:
            raise self._failure(error) from error

    def _get_tensor(self, index: int) -> NDArray[Any]:
        try:
            return self._interpreter.get_tensor(index)
        except RUN_ERRORS as error:  # an output that no op has written, or one without any values
            for details in self._interpreter.get_output_details():
                if details["index"] == index and 0 in details["shape"]:
                    return np.empty(details["shape"], details["dtype"])
            raise self._failure(error) from error

    def _misfit(self, error: BaseException) -> UsageError:
        return UsageError(f"{self.path}: the tensor does not fit its input: {one_line(error)}")

    def _failure(self, error: BaseException) -> InferenceError:
        return InferenceError(f"{self.path}: {run_failure(self.runtime, error)}")

    def _reset(self) -> None:
        """Sets the state back; a fresh interpreter is in its initial state already."""
        if not self._used:
            return
        self._used = False
        if self.file.remembers_outside_tensors:  # reset_all_variables leaves that as it is
            self._attach(self._open())
            return
        try:
            self._interpreter.reset_all_variables()
        except RUN_ERRORS as error:  # of what a file calls a variable and no kernel keeps
            raise self._failure(error) from error

    def _attach(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter
        try:
            self._input_indices = [int(details["index"]) for details in interpreter.get_input_details()]
            self._output_indices = [int(details["index"]) for details in interpreter.get_output_details()]
        except UnicodeDecodeError as error:  # of a name, which the runtimes read on the way to an index
            raise ModelFileError(
                f"{self.path}: the name of an input or output is no UTF-8, and {self.runtime} cannot read it: "
                "convert the model again"
            ) from error

    def _reopen(self) -> Interpreter:
        if self.delegate is not None:
            raise RuntimeUnavailableError(
                f"{self.path}: it was opened with {self.delegate.name} before this process was forked, and a device "
                "belongs to one process: load the model in the process that uses it"
            )
        self._attach(self._open())
        return self._interpreter

    def _open(self) -> Interpreter:
        """Opens the model once more as it is open already, without a trial: it runs in this process."""
        if self.delegate is None:
            return open_interpreter(self.runtime, self.file.flatbuffer, self.threads, kernels=self.kernels)
        interpreter, _ = open_delegated(
            self.runtime,
            self.file.flatbuffer,
            self.delegate.spec,
            ops_total=self.delegate.ops_total,
            threads=self.threads,
            kernels=self.kernels,
        )
        return interpreter


def open_tried(
    runtime: Runtime, file: TfliteModel, spec: DelegateSpec, *, threads: int = 1, kernels: str = "default"
) -> tuple[Interpreter, Delegation]:
    """`open_delegated` after a first run in a child, with that run's times; raises RuntimeUnavailableError."""
    ops_total = len(file.graph.ops)
    result = try_model(
        TrialRequest(runtime.name, threads, kernels, delegate=spec.text, ops_total=ops_total), file.flatbuffer
    )
    if result.error:
        raise RuntimeUnavailableError(result.error)
    if not result.exit.succeeded:
        raise RuntimeUnavailableError(
            f"the delegate {spec.text} does not work with {runtime}: in a trial run {result.exit.sentence}: "
            f"{BUILT_FOR_IT}"
        )
    interpreter, delegation = open_delegated(
        runtime, file.flatbuffer, spec, ops_total=ops_total, threads=threads, kernels=kernels
    )
    return interpreter, replace(delegation, first_run_s=result.first_run_s, second_run_s=result.second_run_s)
