"""The options that a model file was made with: kept in its provenance, and read again for `build --like`.

Paths are not kept: they say where somebody's files lie, and mean nothing on another machine.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from edgeready.config.build import BuildConfig
from edgeready.config.option import key_of, option_of
from edgeready.dataset import SET_NAMES
from edgeready.errors import ModelFileError, UsageError
from edgeready_device.model_file.reader import read_model_file

BUILD, CONVERT = "build", "convert"
# Where results go, and decoded photos, is said anew.
_BESIDE_THE_MODEL = {"out", "save-float", "save-keras", "log-csv", "tensorboard", "resume", "debug-report", "cache"}
_PATHS = {"calibration-data", "labels", "test", "weights", "torch-python"}


@dataclass(frozen=True, kw_only=True)
class MakingOptions:
    """The `command` that made a file, the `values` of its options by their keys, and the keys that were `paths`."""

    command: str
    values: Mapping[str, Any] = field(default_factory=dict)
    paths: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The options as plain data."""
        return {"command": self.command, "values": dict(self.values), "paths": list(self.paths)}


def options_of(config: BuildConfig, command: str) -> MakingOptions:
    """Returns the options that make `config` by `command`, BUILD or CONVERT, whatever the defaults will be."""
    groups: list[Any] = [config.data, config.network, config.output, config.quantize]
    groups.append(config.train if command == BUILD else config.source)
    values: dict[str, Any] = {}
    for group in groups:
        hints = typing.get_type_hints(type(group), include_extras=True)
        for member in fields(group):
            option = option_of(hints[member.name])
            value = getattr(group, member.name)
            if option is not None and value not in (None, ()):
                values[key_of(option.flags_of(member.name))] = _plain(value)
    values["data"] = config.data.source
    values["model" if command == BUILD else "source"] = config.model
    paths = sorted(key for key, value in values.items() if _is_path(key, value))
    left_out = {*paths, *_BESIDE_THE_MODEL}
    return MakingOptions(
        command=command,
        values={key: value for key, value in values.items() if key not in left_out},
        paths=tuple(paths),
    )


def read_options(path: Path, command: str) -> MakingOptions:
    """Returns the options that the model file at `path` was made with.

    Raises UsageError for a file that another command than `command` made, NotFoundError, or ModelFileError for one
    that keeps no options.
    """
    manifest = read_model_file(path).manifest
    data = None if manifest is None else manifest.provenance.get("options")
    if data is None:
        raise ModelFileError(
            f"{path}: it keeps no options: only files of edgeready build and convert do; give the options themselves"
        )
    options = _parse(data)
    if options is None:
        raise ModelFileError(f"{path}: the options that it keeps are damaged: give the options themselves")
    if options.command != command:
        raise UsageError(
            f"{path} was made by edgeready {options.command}: repeat it with edgeready {options.command} --like"
        )
    return options


def _parse(data: Any) -> MakingOptions | None:
    if not isinstance(data, dict) or data.get("command") not in (BUILD, CONVERT):
        return None
    values, paths = data.get("values"), data.get("paths")
    if not isinstance(values, dict) or not isinstance(paths, list) or not all(isinstance(key, str) for key in paths):
        return None
    # Anybody can write a file: it names no code to run, nothing to read, and no place to write to.
    named = {key for key, value in values.items() if _is_path(key, value)}
    values = {key: value for key, value in values.items() if key not in named | _BESIDE_THE_MODEL}
    return MakingOptions(command=data["command"], values=values, paths=tuple(sorted({*paths, *named})))


def _is_path(key: str, value: Any) -> bool:
    """Whether the option is a path, and no name that means the same everywhere."""
    if key == "data":
        return not isinstance(value, str) or value not in SET_NAMES
    if key == "model":  # a network's name, or FILE.py:FUNCTION
        return not isinstance(value, str) or ":" in value
    return key == "source" or (key in _PATHS and value != "imagenet")


def _plain(value: Any) -> Any:
    """The value as JSON has it, and as edgeready.toml takes it: sizes and shapes as "96x128" is read, too."""
    if isinstance(value, tuple):
        return [",".join(map(str, item)) if isinstance(item, tuple) else item for item in value]
    return str(value) if isinstance(value, Path) else value
