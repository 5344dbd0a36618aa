"""Reads edgeready.toml, or [tool.edgeready] of a pyproject.toml: a table of options for each command."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edgeready.errors import NotFoundError, SettingsError, UsageError
from edgeready_device.errors import one_line
from edgeready_device.input_file import read_file
from edgeready_device.text import plain

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLES = ("build", "convert", "gate")
_PYPROJECT = "pyproject.toml"
_MOST_BYTES = 1 << 20  # chosen: thousands of times what a project needs, and read in milliseconds


def read_table(path: Path, name: str) -> dict[str, Any]:
    """Returns the table `name`, one of TABLES, of the settings in the file at `path`.

    A file called pyproject.toml holds it under [tool.edgeready]. Raises NotFoundError or SettingsError for a file
    that cannot be read, UsageError for a table that is missing or unknown.
    """
    root: Any = _read_toml(path)
    where = ""
    if path.name == _PYPROJECT:
        where = "tool.edgeready."
        tool = root.get("tool")
        root = tool.get("edgeready") if isinstance(tool, dict) else None
        if root is None:
            raise UsageError(f"{path} has no [tool.edgeready]: add [tool.edgeready.{name}], or name another file")
    if not isinstance(root, dict):
        raise UsageError(f"{path}: tool.edgeready is no table: write [tool.edgeready.{name}]")
    for key, table in root.items():
        if key not in TABLES:
            raise UsageError(f"{path} has the unknown entry {plain(key)!r}: {nearest_name(key, TABLES)}")
        if not isinstance(table, dict):
            raise UsageError(f"{path}: {key} is no table: write its options under [{where}{key}]")
    if name not in root:
        raise UsageError(f"{path} has no [{where}{name}]: add it, or leave --config out")
    options: dict[str, Any] = root[name]
    return options


def nearest_name(name: str, names: Iterable[str]) -> str:
    """Returns what to write in place of `name`: the nearest of `names`, or all of them where none is near."""
    choices = sorted(names)
    near = difflib.get_close_matches(name.replace("_", "-").lower(), choices, n=1)
    return f"did you mean {near[0]}?" if near else f"use {', '.join(choices)}"


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        content = read_file(path, _MOST_BYTES)
    except FileNotFoundError as error:
        raise NotFoundError(f"{path}: no such file; name an edgeready.toml or a pyproject.toml") from error
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}): name an edgeready.toml") from error
    if len(content) > _MOST_BYTES:
        raise SettingsError(f"{path}: it has more than {_MOST_BYTES:,} bytes: name an edgeready.toml")
    try:
        return tomllib.loads(content.decode("utf-8-sig"))  # an editor may put a mark of the byte order in front
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: it is no TOML ({one_line(error)}): correct it there") from error
