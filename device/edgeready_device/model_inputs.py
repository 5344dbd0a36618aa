"""The tensors that any model is fed with: from a .npz file, or seeded noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import DatasetError, NotFoundError, UsageError
from edgeready_device.input_file import check_file
from edgeready_device.model_file.input_size import with_input_shapes
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.model_file.tensor_spec import FLOAT_TYPES, TensorSpec
from edgeready_device.quantization import quantize
from edgeready_device.runnable import check_runnable
from edgeready_device.text import plain

Tensors = list[NDArray[Any]]  # one for each input
NOISE = "seeded noise"  # how the source of such samples begins
_MOST_BYTES = 1 << 30  # of all arrays; chosen: as large as a model file may be


@dataclass(frozen=True)
class ModelInputs:
    """What a model is fed with: `samples`, each with one tensor for each input, and in words where they are from."""

    samples: tuple[Tensors, ...] = field(repr=False)
    source: str

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, number: int) -> Tensors:
        return self.samples[number]


def seeded_inputs(file: TfliteModel, count: int = 1, seed: int = 0) -> ModelInputs:
    """Returns `count` samples of seeded noise in the types and shapes of the inputs of `file`.

    Quantized integers take their whole range, floats -1 to 1, other integers 0 and 1, which are numbers of tokens, of
    segments and of masks in any model. Raises what `check_runnable` raises.
    """
    check_runnable(file, delegated=True)
    specs = input_specs(file)
    random = np.random.default_rng(seed)
    samples = tuple([_noise(spec, random) for spec in specs] for _ in range(count))
    ranges = ", ".join(dict.fromkeys(_range(spec) for spec in specs))
    return ModelInputs(samples, f"{NOISE} ({ranges})" if specs else "nothing: it has no inputs")


def read_inputs(path: Path, file: TfliteModel) -> tuple[TfliteModel, ModelInputs]:
    """Returns the samples in the .npz at `path`, and `file` with the sizes that they have where its own are open.

    An array is named after its tensor or input_0, input_1 and so on. It holds one sample, or many along a dimension
    in front, which may stand for a batch of 1. Raises NotFoundError, and DatasetError when the arrays do not fit.
    """
    arrays = _read_arrays(path)
    tensors = [file.graph.tensors[index] for index in file.graph.inputs]
    names = [tensor.name for tensor in tensors]
    columns = []
    for number, signature in enumerate(tensor.shape_signature for tensor in tensors):
        key = _key_of(names[number], number, arrays, path=path, names=names)
        columns.append(_split(arrays.pop(key), signature, tensors[number].shape, title=f"{path}: its array {key!r}"))
    if arrays:
        raise DatasetError(f"{path}: it holds {_list(arrays)} besides the model's inputs: leave it out")
    counts = {len(column) for column in columns}
    if len(counts) > 1:
        sizes = ", ".join(f"{len(column)} of {name!r:.60}" for name, column in zip(names, columns))
        raise DatasetError(f"{path}: it holds {sizes}: give as many samples of each input")
    file = with_input_shapes(file, {number: column[0].shape for number, column in enumerate(columns)})
    specs = input_specs(file)
    titles = [f"{path}: its array for {name!r:.60}" for name in names]
    columns = [
        [convert(values, spec, title) for values in column] for column, spec, title in zip(columns, specs, titles)
    ]
    count = counts.pop() if counts else 1
    return file, ModelInputs(tuple([column[i] for column in columns] for i in range(count)), str(path))


def input_specs(file: TfliteModel) -> tuple[TensorSpec, ...]:
    """Returns what each input takes."""
    return tuple(TensorSpec.of(tensor) for tensor in file.graph.of(file.graph.inputs))


def convert(values: NDArray[Any], spec: TensorSpec, title: str) -> NDArray[Any]:
    """Returns `values` in the type of an input: real values are quantized by its scale.

    Raises DatasetError, which calls them `title`, for values that the type does not hold.
    """
    if values.dtype == spec.dtype:
        return values
    dtype = np.dtype(spec.dtype)
    if values.dtype.kind == "f" and spec.quant is not None:
        try:
            return quantize(values, spec.quant, spec.dtype)
        except UsageError as error:
            raise DatasetError(f"{title}: {error}") from error
    fits = values.dtype.kind in "buif" and spec.dtype in FLOAT_TYPES
    if values.dtype.kind in "bui" and dtype.kind in "ui":
        limits = np.iinfo(dtype)
        fits = not values.size or (int(values.min()) >= limits.min and int(values.max()) <= limits.max)
    if not fits:
        raise DatasetError(f"{title} is {values.dtype}, and the model takes {spec.dtype}: convert it first")
    return values.astype(dtype)


def _noise(spec: TensorSpec, random: np.random.Generator) -> NDArray[Any]:
    dtype = np.dtype(spec.dtype)
    if dtype.kind == "f":
        return random.uniform(-1, 1, spec.shape).astype(dtype)
    if dtype.kind == "b" or not _is_quantized(spec):
        return random.integers(0, 2, spec.shape).astype(dtype)
    limits = np.iinfo(dtype)
    return random.integers(limits.min, limits.max, spec.shape, dtype=dtype, endpoint=True)


def _is_quantized(spec: TensorSpec) -> bool:
    """Whether all values of the type stand for something: a scale says so, and 8 bits without one are pixels."""
    return spec.quant is not None or np.dtype(spec.dtype).itemsize == 1


def _range(spec: TensorSpec) -> str:
    kind = np.dtype(spec.dtype).kind
    if kind == "f":
        return f"{spec.dtype} from -1 to 1"
    return f"{spec.dtype} of its whole range" if kind != "b" and _is_quantized(spec) else f"{spec.dtype} 0 and 1"


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    if not path.exists():
        raise NotFoundError(f"{path}: no such file; name a .npz with an array for each input")
    try:
        check_file(path)
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            raise ValueError("it is one array, no .npz")
        with content as archive:
            size = sum(entry.file_size for entry in archive.zip.infolist())
            if size > _MOST_BYTES:
                raise ValueError(f"its arrays take {size:,} bytes")
            arrays = {name: archive[name] for name in archive.files}
    except Exception as error:  # zipfile, its decompressors and numpy raise a dozen kinds
        reason = plain(" ".join(str(error).split()))[:200] or type(error).__name__
        raise DatasetError(f"{path}: no readable .npz ({reason}): write it with numpy.savez") from error
    return arrays


def _key_of(name: str, number: int, arrays: Mapping[str, NDArray[Any]], *, path: Path, names: Sequence[str]) -> str:
    """Returns which of `arrays` is for input `number`, called `name` in the file."""
    short = name.rpartition(":")[0].removeprefix("serving_default_")
    keys = [key for key in dict.fromkeys((name, short, f"input_{number}")) if key in arrays]
    if not keys and len(names) == len(arrays) == 1:
        return next(iter(arrays))
    if not keys:
        raise DatasetError(
            f"{path}: no array {name!r:.60} or 'input_{number}' among {_list(arrays)}: name one for each of the "
            f"model's {len(names)} inputs"
        )
    return keys[0]


def _split(values: NDArray[Any], signature: Sequence[int], shape: Sequence[int], *, title: str) -> list[NDArray[Any]]:
    """Returns the samples in `values`, each in a shape that an input of `signature` takes."""
    rank = len(signature)
    if _fits(values.shape, signature) and (rank < 2 or signature[0] not in (1, -1) or len(values) == 1):
        return [values]
    if values.ndim == rank + 1 and _fits(values.shape[1:], signature) and len(values):
        return list(values)
    if rank and signature[0] in (1, -1) and _fits(values.shape[1:], signature[1:]) and len(values):
        return [row[np.newaxis] for row in values]
    raise DatasetError(
        f"{title} has the shape {list(values.shape)}, and the model takes {list(signature)}: give that shape, or "
        "samples along a dimension in front of it"
    )


def _fits(shape: Sequence[int], signature: Sequence[int]) -> bool:
    return len(shape) == len(signature) and all(own in (-1, size) for own, size in zip(signature, shape))


def _list(names: Mapping[str, object]) -> str:
    return ", ".join(f"{plain(name)!r:.60}" for name in list(names)[:10]) or "nothing"
