"""The model on the device: load once, then classify frames."""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ImageError, ModelFileError, RuntimeUnavailableError
from edgeready_device.isolation.trial import BUILT_FOR_IT, TrialRequest, try_model
from edgeready_device.model_file.contract import AS_THE_FILE_SAYS, Contract, Description, TensorSpec, read_contract
from edgeready_device.model_file.reader import TfliteModel, read_model_file
from edgeready_device.postprocess import Prediction, Scorer
from edgeready_device.preprocess import shaped_as
from edgeready_device.quantization import dequantize, quantize
from edgeready_device.runtime.delegate import EDGETPU_OP, DelegateSpec, Delegation, open_delegated, parse_delegate
from edgeready_device.runtime.runtime import Interpreter, Runtime, choose_runtime, open_interpreter
from edgeready_device.tune_file import TuneRecord, usable_choice

_PIXELS = np.dtype(np.uint8)


class Model:
    """One image classifier in one interpreter.

    It may be shared between threads: an inference holds a lock, everything else touches nothing that is shared, and
    what comes out belongs to the caller. For parallel work give each thread its own (`replicate`).
    """

    def __init__(
        self,
        file: TfliteModel,
        interpreter: Interpreter,
        runtime: Runtime,
        threads: int = 1,
        kernels: str = "default",
        delegate: Delegation | None = None,
        tuned: TuneRecord | None = None,
    ) -> None:
        self.file = file
        self.runtime = runtime
        self.threads = threads
        self.kernels = kernels
        self.delegate = delegate
        self.tuned = tuned
        self._interpreter = interpreter
        self._input = int(interpreter.get_input_details()[0]["index"])
        self._output = int(interpreter.get_output_details()[0]["index"])
        self._lock = threading.Lock()
        self._describe(AS_THE_FILE_SAYS)

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
    ) -> Model:
        """The model in the file at `path`; `trusted` leaves its structure unchecked.

        `runtime` is "ai-edge-litert" or "tflite-runtime" (None: what `choose_runtime` says), `threads` those of the
        runtime (None: 1), `kernels` "default" or "reference", `delegate` one of `delegate.FORMS`: it is tried in a
        child process first. Where none of them is given, what `tune` left beside the file for this machine is taken.
        Raises NotFoundError, ModelFileError, RuntimeUnavailableError.
        """
        return cls.from_file(
            read_model_file(path, check_hashes=check_hashes, trusted=trusted),
            runtime=runtime,
            threads=threads,
            kernels=kernels,
            delegate=delegate,
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
    ) -> Model:
        """The model of a file that is already read."""
        _ = file.contract  # what is wrong with the file is said before a runtime sees it
        tuned = None
        if (runtime, threads, delegate, kernels) == (None, None, None, "default"):
            tuned = usable_choice(file)
        if tuned is not None and tuned.choice is not None:
            runtime, threads, delegate = tuned.choice.runtime, tuned.choice.threads, tuned.choice.delegate or None
        opener, count = choose_runtime(runtime), 1 if threads is None else threads
        delegation = None
        try:
            if delegate is None:
                check_undelegated(file)
                interpreter = open_interpreter(opener, file.flatbuffer, count, kernels=kernels)
            else:
                spec = parse_delegate(delegate)
                interpreter, delegation = open_tried(opener, file, spec, threads=count, kernels=kernels)
        except ModelFileError as error:
            raise ModelFileError(f"{file.path}: {error}") from error
        return cls(file, interpreter, opener, threads=count, kernels=kernels, delegate=delegation, tuned=tuned)

    def replicate(self) -> Model:
        """The same model in an interpreter of its own."""
        other, flatbuffer = copy.copy(self), self.file.flatbuffer
        other._lock = threading.Lock()
        if self.delegate is None:
            other._interpreter = open_interpreter(self.runtime, flatbuffer, self.threads, kernels=self.kernels)
        else:  # no trial: it runs in this process already
            other._interpreter, _ = open_delegated(
                self.runtime,
                flatbuffer,
                self.delegate.spec,
                ops_total=self.delegate.ops_total,
                threads=self.threads,
                kernels=self.kernels,
            )
        return other

    def described_as(self, description: Description) -> Model:
        """The same model in the same interpreter, read as `description` says, which goes before what the file says.

        Raises ModelFileError when the two do not fit.
        """
        other = copy.copy(self)
        other._describe(description)
        return other

    def _describe(self, description: Description) -> None:
        self.description = description
        as_it_says = description is AS_THE_FILE_SAYS
        self.contract: Contract = self.file.contract if as_it_says else read_contract(self.file, description)
        self._frame_shape = self.contract.input.shape[1:]
        output = self.contract.output
        self._scorer = Scorer(self.contract.labels, self.contract.scores, output.quant, output.dtype)

    @property
    def path(self) -> Path:
        """Where the model was loaded from."""
        return self.file.path

    @property
    def input(self) -> TensorSpec:
        """The input tensor."""
        return self.contract.input

    @property
    def output(self) -> TensorSpec:
        """The output tensor."""
        return self.contract.output

    @property
    def labels(self) -> tuple[str, ...]:
        """One label per class."""
        return self.contract.labels

    def quantize(self, frame: NDArray[Any]) -> NDArray[Any]:
        """The input tensor, batch 1, of one `frame`.

        A uint8 frame (height, width[, channels]) holds pixels: normalization and quantization are applied.
        A float frame holds values that are normalized already. Raises ImageError for another shape or type.
        """
        shaped = frame if frame.shape == self._frame_shape else shaped_as(self._frame_shape, frame)
        if shaped.dtype == _PIXELS:
            table = self.contract.table
            values = self.contract.frame.normalization.apply(shaped) if table is None else table(shaped)
            return values[np.newaxis]
        if shaped.dtype.kind != "f":
            raise ImageError(f"the frame is {shaped.dtype}: give uint8 pixels, or float values that are normalized")
        quant = self.input.quant
        values = shaped.astype(np.float32) if quant is None else quantize(shaped, quant, self.input.dtype)
        return values[np.newaxis]

    def invoke(self, tensor: NDArray[Any]) -> NDArray[Any]:
        """The raw output, one value a class, of an input `tensor` as `quantize` makes it."""
        with self._lock:
            self._interpreter.set_tensor(self._input, tensor)
            self._interpreter.invoke()
            return self._interpreter.get_tensor(self._output).reshape(-1)

    def invoke_many(self, frames: Iterable[NDArray[Any]]) -> NDArray[Any]:
        """The raw outputs (n, classes) of frames (n, height, width[, channels]); one after the other."""
        rows = [self.invoke(self.quantize(frame)) for frame in frames]
        return np.array(rows, self.output.dtype).reshape(len(rows), len(self.labels))

    def dequantize(self, output: NDArray[Any]) -> NDArray[np.float32]:
        """The real values of raw outputs, float32 in the same shape."""
        quant = self.output.quant
        return output.astype(np.float32) if quant is None else dequantize(output, quant)

    def run(self, frame: NDArray[Any]) -> NDArray[np.float32]:
        """The real output values, float32 (classes,), of one frame."""
        return self.dequantize(self.invoke(self.quantize(frame)))

    def run_many(self, frames: Iterable[NDArray[Any]]) -> NDArray[np.float32]:
        """The real output values, float32 (n, classes), of many frames, one after the other."""
        return self.dequantize(self.invoke_many(frames))

    def predictions(self, output: NDArray[Any], top: int = 5, threshold: float = 0.0) -> list[Prediction]:
        """The `top` most likely labels of a raw output that score at least `threshold`, best first.

        Scores are from 0 to 1; equal ones keep the lower index first. Raises UsageError for a `top` below 1.
        """
        return self._scorer(output, top, threshold)

    def classify(self, frame: NDArray[Any], top: int = 5, threshold: float = 0.0) -> list[Prediction]:
        """The `top` most likely labels of one frame that score at least `threshold`, best first."""
        return self._scorer(self.invoke(self.quantize(frame)), top, threshold)

    def classify_many(
        self, frames: Iterable[NDArray[Any]], top: int = 5, threshold: float = 0.0
    ) -> list[list[Prediction]]:
        """What `classify` says of each of the frames, one after the other: the batch of the model is 1."""
        return [self.classify(frame, top, threshold) for frame in frames]


def check_undelegated(file: TfliteModel) -> None:
    """Raises RuntimeUnavailableError for a file that was compiled for the Edge TPU: no CPU runs it."""
    compiled = sum(op.custom_code == EDGETPU_OP for op in file.graph.ops)
    if compiled:
        raise RuntimeUnavailableError(
            f"{file.path}: {compiled} of {len(file.graph.ops)} ops are compiled for the Edge TPU "
            f"({EDGETPU_OP}), which no CPU runs: give --delegate edgetpu on a machine with a Coral device, or take "
            "the file from before the compiler"
        )


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
