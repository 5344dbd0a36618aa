"""The wheels of the installed device packages, put together again from their files."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from edgeready.errors import NotFoundError

# What a board gets: each distribution, and where it lies in a checkout.
SOURCES = {"edgeready-device": "./device", "edgeready-bench": "./device/bench"}
_NOT_IN_WHEELS = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json")


def device_wheels(folder: Path) -> tuple[Path, ...]:
    """Writes the wheels of the installed edgeready-device and edgeready-bench into `folder` and returns their paths.

    Both are pure Python: a wheel is its files and their hashes. Raises NotFoundError when one is not installed with
    its files, as an editable installation is.
    """
    return tuple(_wheel(name, folder) for name in SOURCES)


def _wheel(name: str, folder: Path) -> Path:
    try:
        found = distribution(name)
    except PackageNotFoundError as error:
        raise NotFoundError(f"{name} is not installed: run pip install {SOURCES[name]}") from error
    contents = _contents(found)
    package = name.replace("-", "_")
    if f"{package}/__init__.py" not in contents:
        raise NotFoundError(f"{name} is installed in editable mode: run pip install {SOURCES[name]} without -e")
    stem = f"{package}-{found.version}"
    path = folder / f"{stem}-py3-none-any.whl"
    record = f"{stem}.dist-info/RECORD"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for file, data in sorted(contents.items()):
            wheel.writestr(zipfile.ZipInfo(file), data, zipfile.ZIP_DEFLATED)
        lines = [f"{file},sha256={_digest(data)},{len(data)}" for file, data in sorted(contents.items())]
        wheel.writestr(zipfile.ZipInfo(record), "\n".join([*lines, f"{record},,"]) + "\n")
    return path


def _contents(found: Distribution) -> dict[str, bytes]:
    contents = {}
    for file in found.files or ():
        inside = not file.is_absolute() and ".." not in file.parts and "__pycache__" not in file.parts
        if inside and file.name not in _NOT_IN_WHEELS and file.suffix != ".pth":
            contents[file.as_posix()] = Path(str(file.locate())).read_bytes()
    return contents


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
