"""Config classes as options of a command: each field that is marked with an Option becomes one."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Annotated, Any

import typer

from edgeready.config.option import Option, option_of


@dataclass(frozen=True, kw_only=True)
class _Group:
    """A parameter of a config class: its options, and the fields that the command has as arguments of its own."""

    kind: type
    options: Mapping[str, Option]
    tuples: frozenset[str]

    def fill(self, values: dict[str, Any], arguments: Mapping[str, Any]) -> Any:
        """The config object of what the command line says; its options are taken out of `values`."""
        fields = {name: self._parse(name, values.pop(name)) for name in self.options}
        return self.kind(**fields, **arguments)

    def _parse(self, name: str, value: Any) -> Any:
        parse = self.options[name].parse
        if name in self.tuples:
            return tuple(value if parse is None else map(parse, value)) if value else ()
        return value if parse is None or value is None else parse(value)


def spread(
    command: Callable[..., None],
    *,
    without: Iterable[str] = (),
    arguments: Mapping[str, Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> Callable[..., None]:
    """`command` for typer to read: a parameter of a config class is replaced by the options of its fields.

    The command gets the config objects filled from them. `without` names options that it does not have; `arguments`
    maps the name of a field, which is no option, to the annotation of the parameter that fills it: `source` of
    DataConfig is an argument of `build` and an option of `convert`; `defaults` holds the defaults of such parameters.
    One --help panel holds the options of a class.
    """
    hints = {
        name: _unwrap_optional(hint) for name, hint in typing.get_type_hints(command, include_extras=True).items()
    }
    leave_out, extra, optional = set(without), dict(arguments or {}), dict(defaults or {})
    parameters: list[inspect.Parameter] = []
    groups: dict[str, _Group] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        if not is_config(hints[name]):
            parameters.append(_keyword(name, hints[name], parameter.default))
            continue
        groups[name], options = _group(hints[name], leave_out)
        parameters += [
            _keyword(key, extra[key], optional.get(key, inspect.Parameter.empty))
            for key in _field_names(hints[name])
            if key in extra
        ]
        parameters += options

    def spread_command(**values: Any) -> None:
        configs = {
            name: group.fill(values, {key: values.pop(key) for key in _field_names(group.kind) if key in extra})
            for name, group in groups.items()
        }
        command(**values, **configs)

    spread_command.__name__, spread_command.__doc__ = command.__name__, command.__doc__
    spread_command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    setattr(spread_command, "__signature__", inspect.Signature(parameters))  # noqa: B010  (mypy knows no such attribute)
    return spread_command


def is_config(hint: Any) -> bool:
    """Whether `hint` is a config class; among the types of a command's parameters every dataclass is one."""
    return isinstance(hint, type) and is_dataclass(hint)


def _unwrap_optional(hint: Any) -> Any:
    """The Annotated in `hint`: Python 3.10 puts an Optional around that of a parameter whose default is None."""
    kinds = typing.get_args(hint) if typing.get_origin(hint) is typing.Union else ()
    return next((kind for kind in kinds if typing.get_origin(kind) is Annotated), hint)


def _field_names(kind: type) -> list[str]:
    return [field.name for field in fields(kind)]


def _group(kind: type, leave_out: set[str]) -> tuple[_Group, list[inspect.Parameter]]:
    hints = typing.get_type_hints(kind, include_extras=True)
    options: dict[str, Option] = {}
    tuples: set[str] = set()
    parameters = []
    panel = kind.__name__.removesuffix("Config")
    for field in fields(kind):
        option = option_of(hints[field.name])
        if option is None or field.name in leave_out:
            continue
        options[field.name] = option
        value_type = typing.get_args(hints[field.name])[0]
        if typing.get_origin(value_type) is tuple and option.flags and field.default == ():
            tuples.add(field.name)
        parameters.append(_parameter(field, value_type, option, panel))
    return _Group(kind=kind, options=options, tuples=frozenset(tuples)), parameters


def _parameter(field: Field[Any], value_type: Any, option: Option, panel: str) -> inspect.Parameter:
    flags = option.flags_of(field.name)
    default = field.default
    if default == ():  # a tuple: the option may come several times
        value_type, default = list[str] | None, None
    elif option.parse is not None:
        value_type = str | None
    if default is MISSING:
        raise TypeError(f"the option {flags[0]} has no default: give {field.name} one")
    described = typer.Option(*flags, help=option.help, rich_help_panel=f"{panel} options")
    return _keyword(field.name, Annotated[value_type, described], default)


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
