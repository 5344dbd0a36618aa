"""The wheel of the installed device package, put together again from its files."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from edgeready.errors import NotFoundError

_NAME = "edgeready-device"
_SOURCE = "./device"  # where it lies in a checkout
_NOT_IN_WHEELS = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json")


def write_device_wheel(folder: Path) -> Path:
    """Writes the wheel of the installed edgeready-device into `folder` and returns its path.

    It is pure Python: a wheel is its files and their hashes. Raises NotFoundError when it is not installed with its
    files, as an editable installation is.
    """
    try:
        installed = distribution(_NAME)
    except PackageNotFoundError as error:
        raise NotFoundError(f"{_NAME} is not installed: run pip install {_SOURCE}") from error
    contents = _contents(installed)
    package = _NAME.replace("-", "_")
    if f"{package}/__init__.py" not in contents:
        raise NotFoundError(f"{_NAME} is installed in editable mode: run pip install {_SOURCE} without -e")
    stem = f"{package}-{installed.version}"
    path = folder / f"{stem}-py3-none-any.whl"
    record = f"{stem}.dist-info/RECORD"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for file, data in sorted(contents.items()):
            wheel.writestr(zipfile.ZipInfo(file), data, zipfile.ZIP_DEFLATED)
        lines = [f"{file},sha256={_digest(data)},{len(data)}" for file, data in sorted(contents.items())]
        wheel.writestr(zipfile.ZipInfo(record), "\n".join([*lines, f"{record},,"]) + "\n")
    return path


def _contents(installed: Distribution) -> dict[str, bytes]:
    contents = {}
    for file in installed.files or ():
        inside = not file.is_absolute() and ".." not in file.parts and "__pycache__" not in file.parts
        if inside and file.name not in _NOT_IN_WHEELS and file.suffix != ".pth":
            contents[file.as_posix()] = Path(str(file.locate())).read_bytes()
    return contents


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
