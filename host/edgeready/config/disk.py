"""How much disk the decoded photos of folders take."""

from __future__ import annotations

import os
import re
from typing import Annotated

from edgeready.config.option import Option
from edgeready.errors import UsageError

LIMIT_VARIABLE = "EDGEREADY_DISK_LIMIT"
# Chosen: 260,000 photos at 160x160 pixels, and less than the free space of most machines that train.
_DEFAULT = "20GB"
CACHE_FLAGS = "--cache/--no-cache"
CACHE_HELP = "keep the decoded photos of a folder for the next run, in the user's cache folder"
CacheOption = Annotated[bool, Option(help=CACHE_HELP, flags=(CACHE_FLAGS,))]
_UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}


def disk_limit() -> int:
    """Returns the bytes that $EDGEREADY_DISK_LIMIT allows, such as 500MB, 20GB or 0; raises UsageError for others."""
    text = os.environ.get(LIMIT_VARIABLE) or _DEFAULT
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kmgt]?b?)", text.strip().lower())
    unit = None if match is None else _UNITS.get(match[2])
    if match is None or unit is None:
        raise UsageError(f"{LIMIT_VARIABLE} is {text!r}: write a size such as 500MB or 20GB, or 0")
    return int(float(match[1]) * unit)
