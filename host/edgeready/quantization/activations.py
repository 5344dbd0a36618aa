"""Runs a .tflite and returns the values of its tensors, sample by sample; without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from numpy.typing import NDArray

from edgeready.errors import ModelFileError
from edgeready.quantization.samples import Samples
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.runtime.failure import RUN_ERRORS, describe_failure, run_model


def trace_activations(
    model: bytes | TfliteModel, samples: Samples, tensors: Sequence[int]
) -> Iterator[dict[int, NDArray[Any]]]:
    """Yields for each of `samples` the values of `tensors` (indices in the file), each in the tensor's shape.

    `model` is a flatbuffer, or a TfliteModel that has been parsed already. Each sample meets its initial state. Every
    tensor keeps its memory and no delegate fuses ops, so that no value in between is lost.

    Raises ModelFileError when LiteRT does not run the model, as with custom ops.
    """
    file = model if isinstance(model, TfliteModel) else TfliteModel(model, trusted=True)
    interpreter = _open(file.flatbuffer)
    reopen = file.remembers_outside_tensors
    inputs = [int(detail["index"]) for detail in interpreter.get_input_details()]
    for number, sample in enumerate(samples()):
        if reopen and number:
            interpreter = _open(file.flatbuffer)
        interpreter.reset_all_variables()  # what the sample before left in a recurrent model
        for index, values in zip(inputs, sample, strict=True):
            interpreter.set_tensor(index, values)
        run_model(interpreter, "LiteRT")
        yield {index: interpreter.get_tensor(index) for index in tensors}


def _open(model: bytes) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType  # noqa: PLC0415  (slow to load)

    try:
        interpreter = Interpreter(
            model_content=model,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        interpreter.allocate_tensors()
    except RUN_ERRORS as error:
        raise ModelFileError(f"LiteRT does not run the float32 model: {describe_failure(error)}") from error
    return interpreter
