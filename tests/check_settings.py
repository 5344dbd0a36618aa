"""Parses each .toml, .yml and .yaml file that is named; prints the faults, and exits with 1 where there is one."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it


def fault_of(path: Path) -> str | None:
    """Why the file does not parse, or None."""
    try:
        text = path.read_text("utf-8")
        if path.suffix == ".toml":
            tomllib.loads(text)
        else:
            list(yaml.safe_load_all(text))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        return f"{path}: {error}"
    return None


if __name__ == "__main__":
    faults = [fault for name in sys.argv[1:] if (fault := fault_of(Path(name)))]
    print("\n".join(faults), end="\n" if faults else "")
    sys.exit(bool(faults))
