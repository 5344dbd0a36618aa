"""What the extras of the package install, as a command that works wherever the package came from."""

from __future__ import annotations

import re
from importlib import metadata

_REQUIREMENT = re.compile(r"(?P<package>[^;]+?)\s*;.*extra\s*==\s*['\"](?P<extra>[\w-]+)['\"]")


def install_command(extra: str) -> str:
    """The pip command that installs what `extra` needs beside the package itself, by the packages' own names."""
    try:
        requirements = metadata.requires("edgeready") or []
    except metadata.PackageNotFoundError:  # a checkout that was never installed
        requirements = []
    matches = [match for match in map(_REQUIREMENT.match, requirements) if match and match["extra"] == extra]
    if not matches:
        return f'pip install ".[{extra}]" in the checkout of edgeready'
    return "pip install " + " ".join(f'"{match["package"]}"' for match in matches)
