"""A dataclass as a folder of plain files, from which another process reads it again.

Plain values go into one JSON file; arrays, bytes and models into files of their own. Arrays are mapped when read.
Images in a file stay there: the other process inherits its descriptor.
The types of the fields say how a value is read, so that a job has no code of its own for this.
"""

from __future__ import annotations

import dataclasses
import json
import os
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from edgeready.dataset.photo_files import PhotoFiles, PictureSource
from edgeready.files.stored_images import PixelFile, StoredImages
from edgeready_device.model_file.reader import TfliteModel

T = TypeVar("T")
_IMAGES = "edgeready images"  # the key that marks images in a file; no field of a dataclass has a space
_PLAIN = (str, int, float, bool, type(None))


def save(value: Any, folder: Path, name: str) -> None:
    """Writes the dataclass `value` into `folder` as NAME.json and files whose names begin with NAME."""
    (folder / f"{name}.json").write_text(json.dumps(_encode(value, folder, name)), "utf-8")


def load(kind: type[T], folder: Path, name: str) -> T:
    """The value of the dataclass `kind` that `save` wrote into `folder` under `name`."""
    value: T = _decode(kind, json.loads((folder / f"{name}.json").read_text("utf-8")), folder)
    return value


def _encode(value: Any, folder: Path, name: str) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, StoredImages):
        return _encode_images(value, folder, name)
    if isinstance(value, np.ndarray):
        np.save(folder / f"{name}.npy", value)
        return f"{name}.npy"
    if isinstance(value, (bytes, TfliteModel)):
        (folder / f"{name}.bin").write_bytes(value if isinstance(value, bytes) else value.flatbuffer)
        return f"{name}.bin"
    if isinstance(value, Mapping):  # numbered: a key is any text, and no name for a file
        return {key: _encode(item, folder, f"{name}-{number}") for number, (key, item) in enumerate(value.items())}
    if isinstance(value, (tuple, list)):
        return [_encode(item, folder, f"{name}-{number}") for number, item in enumerate(value)]
    if dataclasses.is_dataclass(value):
        fields = [field.name for field in dataclasses.fields(value) if field.init]
        return {field: _encode(getattr(value, field), folder, f"{name}-{field}") for field in fields}
    raise TypeError(f"{name} is a {type(value).__name__}: no job can hold one")


def open_descriptors(value: Any) -> tuple[int, ...]:
    """Returns the descriptors of the files of images in the dataclass `value`, which the other process inherits."""
    stores = [images.store for images in images_in(value)]
    return tuple(sorted({store.descriptor for store in stores if isinstance(store, PixelFile)}))


def images_in(value: Any) -> list[StoredImages]:
    """Returns all images in files that the dataclass `value` holds."""
    if isinstance(value, StoredImages):
        return [value]
    if isinstance(value, Mapping):
        items = list(value.values())
    elif dataclasses.is_dataclass(value):
        items = [getattr(value, field.name) for field in dataclasses.fields(value)]
    else:
        items = list(value) if isinstance(value, (tuple, list)) else []
    return [images for item in items for images in images_in(item)]


def _encode_images(images: StoredImages, folder: Path, name: str) -> dict[str, Any]:
    store = images.store
    place: dict[str, Any]
    if isinstance(store, PixelFile):
        place = {"descriptor": store.descriptor, "start": store.start, "count": len(store), "frame": store.frame}
    elif isinstance(store, PhotoFiles):
        source = store.source
        files, keys = [str(file) for file in source.files], [key.hex() for key in store.keys]
        place = {"folder": str(source.folder), "files": files, "keys": keys, "frame": source.frame}
    else:
        raise TypeError(f"{name} is images of a {type(store).__name__}: no job can hold them")
    np.save(folder / f"{name}.npy", images.rows)
    return {_IMAGES: place, "rows": f"{name}.npy", "form": images.form}


def _decode_images(data: dict[str, Any], folder: Path) -> StoredImages:
    place = data[_IMAGES]
    store = _decode_photos(place) if "files" in place else _decode_pixels(place)
    form = tuple(step if isinstance(step, str) else tuple(step) for step in data["form"])
    return StoredImages(store, np.load(folder / data["rows"], allow_pickle=False), form)


def _decode_pixels(place: dict[str, Any]) -> PixelFile:
    # Several values may be of one file: each has a descriptor that it closes itself.
    descriptor = os.dup(place["descriptor"])
    return PixelFile(descriptor, place["count"], frame=tuple(place["frame"]), start=place["start"])


def _decode_photos(place: dict[str, Any]) -> PhotoFiles:
    height, width, channels = place["frame"]
    source = PictureSource(
        folder=Path(place["folder"]),
        files=tuple(Path(file) for file in place["files"]),
        size=(height, width),
        channels=channels,
    )
    return PhotoFiles(source, tuple(map(bytes.fromhex, place["keys"])))


def _decode(kind: Any, data: Any, folder: Path) -> Any:
    if isinstance(data, dict) and _IMAGES in data:
        return _decode_images(data, folder)
    if StoredImages in typing.get_args(kind):  # images that are an array in this value
        (kind,) = (option for option in typing.get_args(kind) if option is not StoredImages)
    kind = _without_none(kind, data)
    if kind is None or kind in _PLAIN or kind is Any:
        return data
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if hasattr(origin, "__value__"):  # NDArray: an alias with a name of its own in numpy 2.5, a plain one before
        origin = typing.get_origin(origin.__value__)
    if origin is np.ndarray:
        return np.load(folder / data, mmap_mode="r", allow_pickle=False)
    if kind is bytes:
        return (folder / data).read_bytes()
    if kind is TfliteModel:  # written by the other process of this job, and not by a stranger
        return TfliteModel((folder / data).read_bytes())
    if origin is tuple:
        return tuple(_decode(arguments[0], item, folder) for item in data)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _decode(arguments[1], item, folder) for key, item in data.items()}
    hints = typing.get_type_hints(kind)
    return kind(**{name: _decode(hints[name], item, folder) for name, item in data.items()})


def _without_none(kind: Any, data: Any) -> Any:
    """The one type that `data` has of `kind`, which may be a union with None."""
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return kind
    if data is None:
        return None
    (value_type,) = (option for option in typing.get_args(kind) if option is not type(None))
    return value_type
