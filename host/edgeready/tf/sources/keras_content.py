"""Opens a Keras file without Keras: its configuration, its version, and whether its parts are what they should be.

The libraries follow a link out of the file, unpack whatever an archive declares, and take pickled arrays. So the
parts are looked at here first, with limits that no network that fits a .tflite comes near.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from edgeready.errors import ModelSourceError, fit_reason

_PART = re.compile(r"metadata\.json|config\.json|model\.weights(_\d{1,6})?\.h5|model\.weights\.json|assets(/.*)?")
_MOST_PARTS = 1000  # chosen: a model has three, one of 100 shards a hundred
# Of JSON. Measured: NASNetLarge, the longest of keras.applications, has 1.0 MB and 61,795 values, 11 levels deep, and
# 1,041 layers.
_MOST_TEXT, _MOST_VALUES, _MOST_DEPTH, _MOST_LAYERS = 16 << 20, 300_000, 100, 5_000
_MOST_OBJECTS = 200_000  # groups and data sets of HDF5; chosen like the number of tables in a .tflite
_MOST_WEIGHTS = 2 << 30  # bytes: a flatbuffer, which a .tflite is, holds 2 GiB
_PACKED = 1000  # deflate packs 1:1032 at best, and no trained weights so well; counts from _SMALL on
_SMALL = 16 << 20
_OPTIMIZER = re.compile(r"/?(optimizer|optimizer_weights)(/|$)")


@dataclass(frozen=True, kw_only=True)
class KerasContent:
    """The configuration of a model as JSON, the version of Keras that wrote it ("" if unknown), and how many weights
    the file holds.
    """

    config: Any
    version: str
    weights: int


def read_content(path: Path) -> KerasContent:
    """Returns what the file `path` holds; runs nothing of it.

    Raises ModelSourceError when it is no Keras model, leads out of itself, or asks for too much.
    """
    try:
        if path.suffix == ".keras" and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return _archive_content(path, archive)
        with h5py.File(path, "r") as file:
            return _hdf5_content(path, file)
    except (ModelSourceError, MemoryError):
        raise
    except Exception as error:  # whatever zipfile, zlib, h5py and json raise for a damaged file
        raise ModelSourceError(
            fit_reason(f"{path}: this is no Keras model that can be read (", error, "): save it again")
        ) from error


def _archive_content(path: Path, archive: zipfile.ZipFile) -> KerasContent:
    parts = archive.infolist()
    if len(parts) > _MOST_PARTS:
        raise ModelSourceError(f"{path}: {len(parts)} parts, and a model has {_MOST_PARTS} at most: save it again")
    for part in parts:
        if _PART.fullmatch(part.filename) is None or ".." in part.filename.split("/"):
            raise ModelSourceError(f"{path}: the part {part.filename!r} is none of a Keras model: save it again")
        _check_packing(path, part.filename, part.file_size, part.compress_size)
    weights = 0
    for part in parts:
        if part.filename.endswith(".h5"):
            with archive.open(part) as stream, h5py.File(io.BytesIO(stream.read()), "r") as file:
                weights += _check_hdf5(path, file)
    version = _parse(path, _text(path, archive, "metadata.json")).get("keras_version", "")
    config = _parse(path, _text(path, archive, "config.json"))
    config.pop("compile_config", None)  # load_model(compile=False) leaves it out: losses of one's own are harmless
    return KerasContent(config=config, version=str(version), weights=weights)


def _text(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    _check_text(path, name, archive.getinfo(name).file_size)
    return archive.read(name)


def _hdf5_content(path: Path, file: h5py.File) -> KerasContent:
    weights = _check_hdf5(path, file)
    config, version = file.attrs.get("model_config"), file.attrs.get("keras_version", "")
    if config is None:
        raise ModelSourceError(
            f"{path}: the file holds weights without their network: save the model with model.save, or build the "
            "network in FILE.py:FUNCTION and load the weights there"
        )
    text = config if isinstance(config, bytes) else str(config).encode()
    _check_text(path, "model_config", len(text))
    return KerasContent(
        config=_parse(path, text),
        version=version.decode() if isinstance(version, bytes) else str(version),
        weights=weights,
    )


def _check_text(path: Path, name: str, size: int) -> None:
    if size > _MOST_TEXT:
        raise ModelSourceError(f"{path}: {name} has {size:,} bytes, and {_MOST_TEXT:,} are the most: save it again")


def _parse(path: Path, text: bytes) -> Any:
    """The JSON in `text`, of limited depth and number of values."""
    try:
        data = json.loads(text)
    except RecursionError as error:
        raise ModelSourceError(f"{path}: its configuration is deeper than {_MOST_DEPTH} levels") from error
    layers = 0
    for count, (value, depth) in enumerate(values_of(data)):
        layers += len(value["layers"]) if isinstance(value, dict) and isinstance(value.get("layers"), list) else 0
        if layers > _MOST_LAYERS:
            raise ModelSourceError(f"{path}: its configuration has more than {_MOST_LAYERS:,} layers")
        if depth > _MOST_DEPTH:
            raise ModelSourceError(f"{path}: its configuration is deeper than {_MOST_DEPTH} levels")
        if count > _MOST_VALUES:
            raise ModelSourceError(f"{path}: its configuration has more than {_MOST_VALUES:,} values")
    if not isinstance(data, dict):
        raise ModelSourceError(f"{path}: its configuration is no JSON object: save it again")
    return data


def values_of(data: Any) -> Iterator[tuple[Any, int]]:
    """Yields `data` and each value in it, with its depth; not by recursion, which a deep one would end."""
    waiting = [(data, 0)]
    while waiting:
        value, depth = waiting.pop()
        yield value, depth
        items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting.extend((item, depth + 1) for item in items)


def _check_hdf5(path: Path, file: h5py.File) -> int:
    """Returns how many numbers the data sets of a model hold; raises ModelSourceError for those that hold none."""
    numbers, size = 0, 0
    addresses: set[Any] = set()
    waiting: list[Any] = [file]
    while waiting:
        group = waiting.pop()
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise ModelSourceError(
                    f"{path}: {name!r} is a link ({_target(link)}), and no link is followed: save the model again"
                )
            item = group[name]
            address = h5py.h5o.get_info(item.id).addr
            if address in addresses:
                continue
            addresses.add(address)
            if len(addresses) > _MOST_OBJECTS:
                raise ModelSourceError(f"{path}: more than {_MOST_OBJECTS:,} groups and data sets: save it again")
            if isinstance(item, h5py.Group):
                waiting.append(item)
            elif isinstance(item, h5py.Dataset):
                _check_data_set(path, item)
                if _OPTIMIZER.match(item.name or "") is None:
                    numbers, size = numbers + item.size, size + item.nbytes
    if size > _MOST_WEIGHTS:
        raise ModelSourceError(f"{path}: {size:,} bytes of weights, and a .tflite holds {_MOST_WEIGHTS:,} at most")
    return numbers


def _check_data_set(path: Path, item: h5py.Dataset) -> None:
    if item.external or item.is_virtual:
        raise ModelSourceError(f"{path}: the numbers of {item.name!r} lie in another file: save the model again")
    if item.size is not None:
        _check_packing(path, str(item.name), item.nbytes, item.id.get_storage_size())


def _target(link: Any) -> str:
    return f"to {getattr(link, 'filename', '') or getattr(link, 'path', '')!r}"


def _check_packing(path: Path, name: str, size: int, packed: int) -> None:
    """Raises ModelSourceError where so little of the file would become so much memory, or it is more than a model."""
    if size > _MOST_WEIGHTS or (size > _SMALL and packed * _PACKED < size):
        raise ModelSourceError(
            f"{path}: {name!r} would be {size:,} bytes, of {packed:,} in the file: that is no trained model"
        )
