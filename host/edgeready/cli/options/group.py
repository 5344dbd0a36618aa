"""Options that belong together as one frozen dataclass: each of its fields becomes an option of the command."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """`command`, its parameters of a dataclass type replaced by that class' fields, for typer to read.

    The command gets the dataclass filled from them. Every field needs a default, and so does every parameter behind.
    """
    hints = typing.get_type_hints(command, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if isinstance(kind, type) and is_dataclass(kind)}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if name in groups:
            parameters += _fields_of(groups[name])
        else:
            parameters.append(parameter.replace(annotation=hints[name]))

    def spread_command(**options: Any) -> None:
        filled = {
            name: kind(**{field.name: options.pop(field.name) for field in fields(kind)})
            for name, kind in groups.items()
        }
        command(**options, **filled)

    spread_command.__name__, spread_command.__doc__ = command.__name__, command.__doc__
    spread_command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    setattr(spread_command, "__signature__", inspect.Signature(parameters))  # noqa: B010  (mypy knows no such attribute)
    return spread_command


def _fields_of(kind: type) -> list[inspect.Parameter]:
    hints = typing.get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(
            field.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=field.default, annotation=hints[field.name]
        )
        for field in fields(kind)
    ]
