"""The model on the device: load once, then classify frames."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ImageError
from edgeready_device.model_file.contract import AS_THE_FILE_SAYS, Contract, Description, read_contract
from edgeready_device.model_file.input_size import with_image_size
from edgeready_device.model_file.reader import TfliteModel, read_model_file
from edgeready_device.model_file.tensor_spec import TensorSpec
from edgeready_device.postprocess import Prediction, Scorer
from edgeready_device.preprocess import shaped_as
from edgeready_device.quantization import dequantize, quantize
from edgeready_device.runtime.delegate import Delegation
from edgeready_device.runtime.runtime import Runtime
from edgeready_device.session import Session
from edgeready_device.tune_file import TuneRecord

_PIXELS = np.dtype(np.uint8)


class Model:
    """One image classifier in one interpreter: a Session, and how frames go in and scores come out.

    Every frame is classified from the model's initial state, whatever frames came before; `keep_state` changes that.
    It may be shared between threads: an inference holds a lock, everything else touches nothing that is shared, and
    what comes out belongs to the caller. For parallel work give each thread its own (`replicate`).
    """

    def __init__(self, session: Session, description: Description = AS_THE_FILE_SAYS) -> None:
        self.session = session
        self._describe(description)

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
    ) -> Model:
        """The model in the file at `path`; `trusted` leaves its structure unchecked.

        `runtime` is "ai-edge-litert" or "tflite-runtime" (None: what `choose_runtime` says), `threads` those of the
        runtime (None: 1), `kernels` "default" or "reference", `delegate` one of `delegate.FORMS`: it is tried in a
        child process first. Where none of them is given, what `tune` left beside the file for this machine is taken.
        `keep_state` is as for a Session: the frames are a stream, and a recurrent model remembers those before.
        `input_size` is the width and height of the images where the file leaves them open.
        Raises NotFoundError, ModelFileError, RuntimeUnavailableError.
        """
        file = read_model_file(path, check_hashes=check_hashes, trusted=trusted)
        return cls.from_file(
            file if input_size is None else with_image_size(file, input_size),
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
    ) -> Model:
        """The model of a file that is already read."""
        _ = file.contract  # what is wrong with the file is said before a runtime sees it
        return cls(
            Session.from_file(
                file, runtime=runtime, threads=threads, kernels=kernels, delegate=delegate, keep_state=keep_state
            )
        )

    def replicate(self) -> Model:
        """The same model in an interpreter of its own."""
        other = copy.copy(self)
        other.session = self.session.replicate()
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
    def file(self) -> TfliteModel:
        """The file that the model was read from."""
        return self.session.file

    @property
    def path(self) -> Path:
        """Where the model was loaded from."""
        return self.session.path

    @property
    def runtime(self) -> Runtime:
        """The runtime that the model is open in."""
        return self.session.runtime

    @property
    def threads(self) -> int:
        """The threads of the runtime."""
        return self.session.threads

    @property
    def kernels(self) -> str:
        """The kernel path: "default" or "reference"."""
        return self.session.kernels

    @property
    def delegate(self) -> Delegation | None:
        """What the delegate did; None without one."""
        return self.session.delegate

    @property
    def tuned(self) -> TuneRecord | None:
        """What `tune` left beside the file; None where it was not asked."""
        return self.session.tuned

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
        return self.session.invoke_single(tensor).reshape(-1)

    def reset_state(self) -> None:
        """Sets what a recurrent model remembers back to its initial state; for `keep_state`."""
        self.session.reset_state()

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
