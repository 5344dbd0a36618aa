"""Downloads a file over https, whole or not at all."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edgeready.errors import DatasetError, NotFoundError, OutputError
from edgeready.files.atomic import new_file
from edgeready_device.progress import Progress, no_progress

# The servers that Keras itself uses.
BASE_URLS = {
    "keras": "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "toronto": "https://www.cs.toronto.edu/~kriz/",
}
TIMEOUT_S = 30.0  # chosen: for each read; a server that is silent for longer does not answer
_CHUNK_BYTES = 1 << 16
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, kw_only=True)
class Download:
    """One file: `base` is a key of BASE_URLS, `file` the name there, `target` the path below the Keras cache."""

    base: str
    file: str
    target: str
    max_bytes: int

    @property
    def url(self) -> str:
        """The whole address."""
        return BASE_URLS[self.base] + self.file


def download(item: Download, path: Path, progress: Progress = no_progress) -> None:
    """Downloads the file to `path`, which appears only when it is complete; `progress` counts its bytes.

    Raises NotFoundError when it cannot be fetched or the connection breaks off, DatasetError when it is larger than
    `max_bytes` or the address is not https, OutputError when it cannot be written.
    """
    _check_address(item.url)
    try:
        with _OPENER.open(item.url, timeout=TIMEOUT_S) as response, new_file(path) as temporary:
            _save(item, response, temporary, path=path, progress=progress)
    except (NotFoundError, OutputError):
        raise
    except (OSError, http.client.HTTPException) as error:
        reason = " ".join(str(getattr(error, "reason", "") or error or type(error).__name__).split())
        code = f"{error.code} " if isinstance(error, urllib.error.HTTPError) else ""
        raise NotFoundError(f"{item.url} cannot be fetched ({code}{reason}): try again") from error


def _save(item: Download, response: Any, temporary: Path, *, path: Path, progress: Progress) -> None:
    total = response.length or 0  # None where the server does not say
    if total > item.max_bytes:
        raise DatasetError(_too_large(item, total))
    done = 0
    with temporary.open("wb", buffering=0) as file:
        while chunk := response.read(_CHUNK_BYTES):
            done += len(chunk)
            if done > item.max_bytes:
                raise DatasetError(_too_large(item, done))
            _write(file, chunk, path)
            progress(f"downloading {path.name}", done, total)
    if done < total:
        raise NotFoundError(f"{item.url} broke off after {done} of {total} bytes: try again")


def _write(file: FileIO, chunk: bytes, path: Path) -> None:
    """Writes the whole chunk; unbuffered, so that a full disk shows here and not when the file is closed."""
    try:
        while chunk:
            chunk = chunk[file.write(chunk) :]
    except OSError as error:
        raise OutputError(f"cannot write {str(path)!r} ({error.strerror}): free some space") from error


def _too_large(item: Download, size: int) -> str:
    return f"{item.url} has {size} bytes or more, over the {item.max_bytes} expected at most: it is another file"


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise DatasetError(f"{url} is not https: data sets are fetched over https (http on this machine only)")


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but not away from https."""

    def redirect_request(
        self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        _check_address(newurl)
        return super().redirect_request(req, fp, code, msg=msg, headers=headers, newurl=newurl)


_OPENER = urllib.request.build_opener(_SafeRedirects)
