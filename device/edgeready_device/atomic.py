"""Writes a file that appears under its name only when it is complete."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from edgeready_device.errors import OutputError


def write_text(path: Path, text: str, advice: str = "choose another file") -> None:
    """Writes `text` to `path`, whole or not at all; raises OutputError with what cannot be written and `advice`."""
    write_bytes(path, text.encode("utf-8"), advice)


def write_bytes(path: Path, data: bytes, advice: str = "choose another file") -> None:
    """Writes `data` to `path`, whole or not at all; raises OutputError with what cannot be written and `advice`."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            temporary.write_bytes(data)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {str(path)!r} ({error.strerror}): {advice}") from error
