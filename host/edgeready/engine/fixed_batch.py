"""Fixes the batch of a .tflite at 1 where it is open, as the converter call of every tutorial leaves it."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeready.engine.flatbuffer_objects import read_objects, write_objects
from edgeready.errors import ModelFileError
from edgeready_device.runtime.failure import RUN_ERRORS, describe_failure, run_model

_SHAPE = 77  # BuiltinOperator.SHAPE of the schema


def fix_batch(data: bytes) -> bytes:
    """Returns the float32 .tflite `data` with batch 1 where its batch is open; with other open sizes it is unchanged.

    Tensors computed from shapes alone (by SHAPE, STRIDED_SLICE and PACK in front of a RESHAPE) become constants: the
    results stay the same, and an Edge TPU has no such ops.
    """
    model = read_objects(data)
    tensors = model.subgraphs[0].tensors
    open_tensors = [t for t in tensors if t.shapeSignature is not None and -1 in list(t.shapeSignature)]
    if not open_tensors or any(-1 in list(tensor.shapeSignature[1:]) for tensor in open_tensors):
        return data
    for tensor in open_tensors:
        tensor.shapeSignature = None
    fixed = write_objects(model)
    constants = _computed_from_shapes(model)
    if not constants:
        return fixed
    runner = _run_on_zeros(fixed)
    for index in constants:
        _make_constant(model, tensors[index], runner.get_tensor(index))
    graph = model.subgraphs[0]
    graph.operators = [op for op in graph.operators if not set(op.outputs) <= constants]
    drop_unused_codes(model)
    return write_objects(model)


def _run_on_zeros(data: bytes) -> Any:
    """Returns an interpreter in which the model has run once; raises ModelFileError when it does not run."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType  # noqa: PLC0415  (slow to load)

    try:
        runner = Interpreter(
            model_content=data,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        runner.allocate_tensors()
        for details in runner.get_input_details():
            runner.set_tensor(details["index"], np.zeros(details["shape"], details["dtype"]))
    except RUN_ERRORS as error:
        raise ModelFileError(f"LiteRT refuses the model: {describe_failure(error)}") from error
    run_model(runner, "LiteRT")
    return runner


def _computed_from_shapes(model: Any) -> set[int]:
    """Returns the tensors that are computed from shapes and constants alone."""
    graph = model.subgraphs[0]
    constants = {index for index, tensor in enumerate(graph.tensors) if model.buffers[tensor.buffer].data is not None}
    computed: set[int] = set()
    for op in graph.operators:
        needed = {index for index in op.inputs if index >= 0} - constants
        if model.operatorCodes[op.opcodeIndex].builtinCode == _SHAPE or (needed and needed <= computed):
            computed.update(int(index) for index in op.outputs)
    return computed


def _make_constant(model: Any, tensor: Any, value: Any) -> None:
    buffer = type(model.buffers[0])()
    buffer.data = np.frombuffer(np.ascontiguousarray(value).tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor.buffer = len(model.buffers) - 1


def drop_unused_codes(model: Any) -> None:
    """Removes the operator codes that no op has: the calibrator looks for a kernel of each."""
    operators = model.subgraphs[0].operators
    used = sorted({op.opcodeIndex for op in operators})
    for op in operators:
        op.opcodeIndex = used.index(op.opcodeIndex)
    model.operatorCodes = [model.operatorCodes[index] for index in used]
