"""The raw answers of an opened model to recorded inputs, and how each of its outputs is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ModelFileError
from edgeready_device.model_file.input_size import with_input_shapes
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.model_file.tensor_spec import FLOAT_TYPES, TensorSpec
from edgeready_device.model_inputs import input_specs
from edgeready_device.session import Session
from edgeready_device.tflite.kind import kind_of

Columns = tuple[NDArray[Any], ...]  # for each input or output the rows of all samples
_PLAIN = "buif"  # numpy's kinds of numbers that golden.npz holds


@dataclass(frozen=True)
class OutputReading:
    """How the differences of one output are judged.

    `scores` says that it is a row of class scores, whose winner matters. An `exact` one holds numbers of things,
    counts or yes and no, of which a near one is as wrong as a far one. `name` is empty where there is one output.
    """

    scores: bool = True
    exact: bool = False
    name: str = ""


SCORES = OutputReading()


def output_readings(file: TfliteModel) -> tuple[OutputReading, ...]:
    """Returns how each output of `file` is read."""
    tensors = file.graph.of(file.graph.outputs)
    number = _score_output(file)
    readings = []
    for index, tensor in enumerate(tensors):
        spec = TensorSpec.of(tensor)
        scored = index == number
        readings.append(
            OutputReading(
                scores=scored,
                exact=spec.dtype not in FLOAT_TYPES and spec.quant is None and not scored,
                name=spec.name if len(tensors) > 1 else "",
            )
        )
    return tuple(readings)


def sized_as(file: TfliteModel, columns: Columns) -> TfliteModel:
    """Returns `file` with the sizes of recorded inputs where its own are open; raises ModelFileError for misfits."""
    tensors = file.graph.of(file.graph.inputs)
    if len(columns) != len(tensors):
        raise ModelFileError(
            f"{file.path}: the golden vectors have {len(columns)} inputs, the model {len(tensors)}: make them again"
        )
    shapes = {}
    for number, (tensor, rows) in enumerate(zip(tensors, columns)):
        if tensor.open:
            shapes[number] = (1, *rows.shape[1:]) if rows.ndim == len(tensor.shape) else rows.shape[1:]
    return with_input_shapes(file, shapes)


def answers_of(session: Session, columns: Columns) -> Columns:
    """Returns the raw outputs (n, values) of recorded inputs (n, ...), each answered from the initial state.

    Raises ModelFileError when the inputs do not fit, or an output cannot be held against a recording.
    """
    specs = input_specs(session.file)
    samples = zip(*(restore_rows(rows, spec) for rows, spec in zip(columns, specs)))
    return stack_outputs([session.invoke(list(sample)) for sample in samples], session.file)


def stack_samples(samples: Sequence[Sequence[NDArray[Any]]]) -> Columns:
    """Returns the samples (n, ...) of each input: a batch of 1 is left out."""
    return tuple(
        np.stack([tensor[0] if tensor.shape[:1] == (1,) else tensor for tensor in column]) for column in zip(*samples)
    )


def stack_outputs(answers: Sequence[Sequence[NDArray[Any]]], file: TfliteModel) -> Columns:
    """Returns the flat answers (n, values) of each output; raises ModelFileError where they are no such rows."""
    columns = []
    for number, column in enumerate(zip(*answers)):
        name = f"{file.path}: its output {number}"
        sizes = {tensor.size for tensor in column}
        if len(sizes) > 1:
            raise ModelFileError(
                f"{name} has {min(sizes)} to {max(sizes)} values, as the inputs are: answers of changing size cannot "
                "be held against each other"
            )
        if column[0].dtype.kind not in _PLAIN:
            raise ModelFileError(f"{name} is {column[0].dtype}: only plain numbers can be held against each other")
        columns.append(np.stack([tensor.reshape(-1) for tensor in column]))
    return tuple(columns)


def restore_rows(rows: NDArray[Any], spec: TensorSpec) -> NDArray[Any]:
    """Returns recorded inputs (n, ...) in the shape (n, *shape) of the input. Raises ModelFileError for misfits."""
    fits = rows.dtype == spec.dtype
    if fits and rows.shape[1:] == spec.shape:
        return rows
    if fits and spec.shape[:1] == (1,) and rows.shape[1:] == spec.shape[1:]:
        return rows[:, np.newaxis]
    raise ModelFileError(
        f"the golden vectors are {rows.dtype} {list(rows.shape[1:])}, the model takes {spec.dtype} "
        f"{list(spec.shape[1:] if spec.shape[:1] == (1,) else spec.shape)}: make the file again"
    )


def _score_output(file: TfliteModel) -> int | None:
    """Returns the number of the output that is one row of class scores; None where there is none."""
    try:
        contract = file.contract
    except ModelFileError:
        return None
    one_row = contract.batch == 1 and contract.output.shape[-1] > 1
    classifies = kind_of(file.graph).classifier or bool(file.labels) or file.manifest is not None
    return contract.output_number if one_row and classifies else None
