"""Options that come from a file: --config takes them from edgeready.toml, --like from a model that was made before.

Both are read before the other options and become their defaults, so the command line goes before the file, and a
value from a file meets the rules of an option.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.models import ArgumentInfo

from edgeready.config.option import key_of
from edgeready.errors import UsageError

_NOT_IN_A_FILE = {"config", "like", "json", "format", "help"}
_SOURCE = "edgeready.settings"  # the key under which a context remembers where its options come from


@dataclass(frozen=True, kw_only=True)
class _Parameter:
    """A parameter of a command: its `name` in the function, its `flag` in the help, and its type."""

    name: str
    flag: str
    kind: Any


def _apply_config(ctx: typer.Context, path: Path | None) -> Path | None:
    """Makes the options in the file at `path` the defaults of the command."""
    if path is None or ctx.resilient_parsing:
        return path
    from edgeready.config.settings import read_table

    _name_source(ctx, "--config")
    name = str(ctx.info_name)
    ctx.default_map = _defaults(ctx, read_table(path, name), f"{path}: [{name}]")
    return path


def _apply_like(ctx: typer.Context, path: Path | None) -> Path | None:
    """Makes the options that the model file at `path` was made with the defaults of the command."""
    if path is None or ctx.resilient_parsing:
        return path
    from edgeready.workflows.options import read_options

    _name_source(ctx, "--like")
    options = read_options(path, str(ctx.info_name))
    defaults = _defaults(ctx, options.values, f"{path}: the options of its making,")
    parameters = _parameters(ctx)
    for key in options.paths:
        if key in parameters:
            defaults[parameters[key].name] = _refuse_path(path, parameters[key].flag)
    ctx.default_map = defaults
    return path


ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="take options from the command's table in this edgeready.toml or pyproject.toml",
        is_eager=True,
        callback=_apply_config,
    ),
]
LikeFile = Annotated[
    Path | None,
    typer.Option(
        "--like",
        help="take the options that this .tflite was made with; paths are given anew",
        is_eager=True,
        callback=_apply_like,
    ),
]


def _name_source(ctx: typer.Context, flag: str) -> None:
    other = ctx.meta.setdefault(_SOURCE, flag)
    if other != flag:
        raise UsageError(f"{other} and {flag} exclude each other: give one, and the other options beside it")


def _defaults(ctx: typer.Context, table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Returns the values of `table` as the command line would give them, by the names of the parameters."""
    from edgeready.config.settings import nearest_name
    from edgeready_device.text import plain

    parameters = _parameters(ctx)
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in parameters:
            raise UsageError(f"{where} has the unknown key {plain(key)!r}: {nearest_name(key, parameters)}")
        values[parameters[key].name] = _value(parameters[key], value, f"{where} {key}")
    return values


def _parameters(ctx: typer.Context) -> dict[str, _Parameter]:
    """The parameters of the command by their keys in a file: an argument's is its name in the help.

    They are read from the function that the command calls: click's objects differ between versions of typer.
    """
    parameters: dict[str, _Parameter] = {}
    for name, parameter in inspect.signature(ctx.command.callback or _apply_config).parameters.items():
        kind, info = typing.get_args(parameter.annotation)
        if isinstance(info, ArgumentInfo):
            flag = str(info.metavar)
            key = flag.lower()
        else:
            words = [word for word in (info.default, *(info.param_decls or ())) if str(word).startswith("-")]
            flags = words or [f"--{name.replace('_', '-')}"]  # in Annotated the first flag stands as the default
            key, flag = key_of(flags), flags[0]
        if key not in _NOT_IN_A_FILE:
            parameters[key] = _Parameter(name=name, flag=flag, kind=kind)
    return parameters


def _value(parameter: _Parameter, value: Any, where: str) -> Any:
    """Returns `value` as the command line gives it; raises UsageError for one of another type."""
    kinds = {parameter.kind, *typing.get_args(parameter.kind)}
    if list[str] in kinds:
        items = value if isinstance(value, list) else [value]
        return [_text(item, where) for item in items]
    if bool in kinds:
        return _require_type(value, bool, "true or false", where)
    if int in kinds:
        return _require_type(value, int, "a whole number", where)
    if float in kinds:
        return _require_type(value, (int, float), "a number", where)
    return _text(value, where)


def _require_type(value: Any, kinds: type | tuple[type, ...], what: str, where: str) -> Any:
    if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
        raise _wrong_type(value, what, where)
    return value


def _text(value: Any, where: str) -> str:
    """Returns `value` as text; numbers and lists of them are what --mean, --image-size and others take."""
    items = value if isinstance(value, list) and value else [value]
    if isinstance(value, str) and value:
        return value
    if any(isinstance(item, bool) or not isinstance(item, (int, float)) for item in items):
        raise _wrong_type(value, "text in quotes", where)
    return ",".join(map(str, items))


def _wrong_type(value: Any, what: str, where: str) -> UsageError:
    from edgeready_device.text import plain

    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)[:40]
    return UsageError(f"{where} is {plain(text)}: write {what}")


def _refuse_path(path: Path, flag: str) -> Callable[[], None]:
    """Returns a default that is not there: it is asked for only where the command line does not give the value."""

    def refuse() -> None:
        raise UsageError(f"{path} was made with a path for {flag}, and a file keeps no paths: give {flag}, too")

    return refuse
