"""The model on the device: load once, then classify frames."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.contract import Contract, TensorSpec, read_contract
from edgeready_device.errors import ImageError, ModelFileError
from edgeready_device.model_file import ModelFile, read_model_file
from edgeready_device.postprocess import Prediction, softmax, top_predictions
from edgeready_device.quantization import dequantize, quantize
from edgeready_device.runtime import Interpreter, Runtime, choose_runtime, open_interpreter


class Model:
    """One image classifier in one interpreter.

    It may be shared between threads: an inference holds a lock. For parallel work give each thread its own
    (`replicate`).
    """

    def __init__(
        self,
        file: ModelFile,
        interpreter: Interpreter,
        runtime: Runtime,
        threads: int = 1,
        kernels: str = "default",
    ) -> None:
        self.file = file
        self.contract: Contract = read_contract(file)
        self.runtime = runtime
        self.threads = threads
        self.kernels = kernels
        self._interpreter = interpreter
        self._input = int(interpreter.get_input_details()[0]["index"])
        self._output = int(interpreter.get_output_details()[0]["index"])
        self._frame_shape = self.contract.input.shape[1:]
        self._lock = threading.Lock()

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        runtime: str | None = None,
        threads: int = 1,
        kernels: str = "default",
        check_hashes: bool = True,
    ) -> Model:
        """The model in the file at `path`.

        `runtime` is "ai-edge-litert" or "tflite-runtime" (None: what `choose_runtime` says); `kernels` is
        "default" or "reference". Raises NotFoundError, ModelFileError, RuntimeUnavailableError.
        """
        return cls.from_file(
            read_model_file(path, check_hashes=check_hashes),
            runtime=runtime,
            threads=threads,
            kernels=kernels,
        )

    @classmethod
    def from_file(
        cls, file: ModelFile, *, runtime: str | None = None, threads: int = 1, kernels: str = "default"
    ) -> Model:
        """The model of a file that is already read."""
        read_contract(file)  # say what is wrong with the file before a runtime sees it
        chosen = choose_runtime(runtime)
        try:
            interpreter = open_interpreter(chosen, file.flatbuffer, threads, kernels)
        except ModelFileError as error:
            raise ModelFileError(f"{file.path}: {error}") from error
        return cls(file, interpreter, chosen, threads, kernels)

    def replicate(self) -> Model:
        """The same model in an interpreter of its own."""
        return Model.from_file(self.file, runtime=self.runtime.name, threads=self.threads, kernels=self.kernels)

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
        shaped = self._shaped(frame)
        if shaped.dtype == np.uint8:
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

    def invoke_many(self, frames: NDArray[np.uint8]) -> NDArray[Any]:
        """The raw outputs (n, classes) of uint8 frames (n, height, width[, channels]); one after the other."""
        outputs: NDArray[Any] = np.empty((len(frames), len(self.labels)), self.output.dtype)
        for i, frame in enumerate(frames):
            outputs[i] = self.invoke(self.quantize(frame))
        return outputs

    def dequantize(self, output: NDArray[Any]) -> NDArray[np.float32]:
        """The real values of a raw output, float32 (classes,)."""
        quant = self.output.quant
        return output.astype(np.float32) if quant is None else dequantize(output, quant)

    def run(self, frame: NDArray[Any]) -> NDArray[np.float32]:
        """The real output values, float32 (classes,), of one frame."""
        return self.dequantize(self.invoke(self.quantize(frame)))

    def classify(self, frame: NDArray[Any], top: int = 5) -> list[Prediction]:
        """The `top` most likely labels of one frame, best first, with scores from 0 to 1."""
        values = self.run(frame)
        return top_predictions(softmax(values) if self.contract.scores == "logits" else values, self.labels, top)

    def _shaped(self, frame: NDArray[Any]) -> NDArray[Any]:
        if frame.shape == self._frame_shape:
            return frame
        if frame.shape == (*self._frame_shape, 1) or (*frame.shape, 1) == self._frame_shape:
            return frame.reshape(self._frame_shape)
        raise ImageError(
            f"the frame has the shape {list(frame.shape)}, the model takes {list(self._frame_shape)}: resize it first"
        )
