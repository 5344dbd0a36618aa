"""Whether a model can run here at all: what it was compiled for, what its inputs take, and their sizes."""

from __future__ import annotations

from edgeready_device.errors import ModelFileError, RuntimeUnavailableError
from edgeready_device.model_file.input_size import check_sizes
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.model_file.tensor_spec import FLOAT_TYPES, INTEGER_TYPES
from edgeready_device.tflite.accelerators import accelerator_of


def check_runnable(file: TfliteModel, *, delegated: bool = False) -> None:
    """Raises what `check_undelegated` raises unless `delegated`, and ModelFileError for inputs that cannot be fed."""
    for tensor in file.graph.of(file.graph.inputs):
        if tensor.dtype == "string":
            raise ModelFileError(
                f"{file.path}: its input {tensor.name!r:.60} takes text (string), and numbers are what is fed here: "
                "give the model behind the tokenizer, which takes numbers of tokens"
            )
        if tensor.dtype not in (*FLOAT_TYPES, *INTEGER_TYPES, "bool"):
            raise ModelFileError(
                f"{file.path}: its input {tensor.name!r:.60} is {tensor.dtype}, which cannot be fed: convert the "
                "model with inputs of float32 or integers"
            )
    check_sizes(file)
    if not delegated:
        check_undelegated(file)


def check_undelegated(file: TfliteModel) -> None:
    """Raises RuntimeUnavailableError for a file that was compiled for an accelerator: no CPU runs it."""
    compiled = accelerator_of(file.graph)
    if compiled is not None:
        accelerator, count = compiled
        raise RuntimeUnavailableError(
            f"{file.path}: {count} of {len(file.graph.ops)} ops are compiled for {accelerator.name} "
            f"({accelerator.prefix}), which no CPU runs: {accelerator.remedy}, or take the file from before the "
            "compiler"
        )
