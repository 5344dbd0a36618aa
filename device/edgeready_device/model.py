"""The model on the device: load once, then classify frames."""

from __future__ import annotations

import copy
import itertools
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import InferenceError
from edgeready_device.frame_encoder import FrameEncoder
from edgeready_device.model_file.contract import AS_THE_FILE_SAYS, Contract, Description, read_contract
from edgeready_device.model_file.input_size import with_image_size
from edgeready_device.model_file.reader import TfliteModel, read_model_file
from edgeready_device.model_file.tensor_spec import TensorSpec
from edgeready_device.postprocess import Prediction, Scorer, check_finite, two_classes
from edgeready_device.quantization import dequantize
from edgeready_device.runtime.delegate import Delegation
from edgeready_device.runtime.runtime import Runtime
from edgeready_device.session import Session
from edgeready_device.tflite.structure.node import DAMAGE
from edgeready_device.tune_file import TuneRecord


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
        description: Description = AS_THE_FILE_SAYS,
    ) -> Model:
        """The model in the file at `path`; `trusted` leaves its structure unchecked.

        `description` goes before what the file says. With `keep_state` the frames are a stream, and a recurrent model
        remembers those before. The other arguments are those of `Session.load`. Raises NotFoundError, ModelFileError,
        RuntimeUnavailableError.
        """
        return cls.from_file(
            with_image_size(read_model_file(path, check_hashes=check_hashes, trusted=trusted), input_size),
            runtime=runtime,
            threads=threads,
            kernels=kernels,
            delegate=delegate,
            keep_state=keep_state,
            description=description,
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
        description: Description = AS_THE_FILE_SAYS,
    ) -> Model:
        """The model of a file that is already read."""
        contract_of(file, description)  # what is wrong with the file is said before a runtime sees it
        session = Session.from_file(
            file, runtime=runtime, threads=threads, kernels=kernels, delegate=delegate, keep_state=keep_state
        )
        return cls(session, description)

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
        self.contract: Contract = contract_of(self.file, description)
        self._encoder = FrameEncoder(self.contract)
        self._encode = self._encoder.encode
        self._output_number = self.contract.output_number
        self._is_row = len(self.contract.output.shape) == 2  # [batch, classes]
        output = self.contract.output
        self._scorer = Scorer(
            self.contract.labels,
            self.contract.scores,
            output.quant,
            output.dtype,
            binary=self.contract.binary,
            stated=self.contract.scores_stated,
            name=f"{self.path}: ",
            refusal=self.contract.output_refusal,
        )
        self._score = self._scorer.__call__  # the method itself, which is called quicker than the object

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

    def quantize(self, frame: Any) -> NDArray[Any]:
        """The input tensor of one `frame`; its batch is 1, or as many times the frame as the model takes at once.

        A uint8 frame (height, width[, channels]) holds pixels, RGB: colour order, normalization, quantization and
        layout are applied. A float frame holds values that are normalized already. Images of Pillow are cropped and
        resized. Raises ImageError for another shape or type, ModelFileError where the normalization is not known.
        """
        return self._encode(frame)

    def invoke(self, tensor: NDArray[Any]) -> NDArray[Any]:
        """The raw output, one value a class, of an input `tensor` as `quantize` makes it; of its first row."""
        return self._first_row(self.session.invoke_single(tensor, self._output_number))

    def _first_row(self, output: NDArray[Any]) -> NDArray[Any]:
        if self._is_row and output.shape == self.contract.output.shape:
            row: NDArray[Any] = output[0]
        else:
            row = self._rows(output)[0]
        return row

    def _rows(self, output: NDArray[Any]) -> NDArray[Any]:
        """A raw output as (batch, values); raises InferenceError where an op makes other sizes than the file says."""
        shape = self.contract.output.shape
        if output.size != math.prod(shape):
            raise InferenceError(
                f"{self.path}: its output is {list(output.shape)} in the run, and {list(shape)} in the file: {DAMAGE}"
            )
        rows: NDArray[Any] = output.reshape(self.contract.batch, -1)
        return rows

    def reset_state(self) -> None:
        """Sets what a recurrent model remembers back to its initial state; for `keep_state`."""
        self.session.reset_state()

    def invoke_many(self, frames: Iterable[NDArray[Any]]) -> NDArray[Any]:
        """The raw outputs (n, values) of frames (n, height, width[, channels]), run in the model's batches."""
        rows = list(self._raw_rows(frames))
        return np.array(rows, self.output.dtype).reshape(len(rows), self.output.shape[-1])

    def _raw_rows(self, frames: Iterable[Any]) -> Iterator[NDArray[Any]]:
        batch = self.contract.batch
        if batch == 1:
            yield from (self.invoke(self.quantize(frame)) for frame in frames)
            return
        stream = iter(frames)
        while chunk := list(itertools.islice(stream, batch)):
            output = self.session.invoke_single(self._encoder.encode_batch(chunk), self._output_number)
            yield from self._rows(output)[: len(chunk)]

    def class_scores(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Raw outputs (n, values) as a row of scores each (n, classes), in which the greatest is the best.

        They stay as they are but for a model whose one number scores the second of two classes. Raises ModelFileError
        for scores that are no numbers.
        """
        if outputs.dtype.kind == "f":
            check_finite(outputs, f"{self.path}: ")
        return two_classes(self.dequantize(outputs), self.contract.scores) if self.contract.binary else outputs

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

        Scores are from 0 to 1; equal ones keep the lower index first. Raises UsageError for a `top` below 1,
        ModelFileError for scores that are no numbers, and where the file's labels do not fit.
        """
        return self._score(output, top, threshold)

    def classify(self, frame: Any, top: int = 5, threshold: float = 0.0) -> list[Prediction]:
        """The `top` most likely labels of one frame that score at least `threshold`, best first."""
        output = self.session.invoke_single(self._encode(frame), self._output_number)
        return self._score(self._first_row(output), top, threshold)

    def scores(self, frame: Any) -> NDArray[np.float32]:
        """The scores of all classes of one frame, from 0 to 1, in the order of labels. Raises as `predictions`."""
        return self._scorer.scores(self.invoke(self._encode(frame)))

    def classify_many(self, frames: Iterable[Any], top: int = 5, threshold: float = 0.0) -> list[list[Prediction]]:
        """What `classify` says of each of the frames, as many at once as the model takes: mostly one."""
        return [self.predictions(row, top, threshold) for row in self._raw_rows(frames)]


def contract_of(file: TfliteModel, description: Description) -> Contract:
    """The Contract of `file` under `description`; raises ModelFileError when it is no image classifier."""
    return file.contract if description is AS_THE_FILE_SAYS else read_contract(file, description)
