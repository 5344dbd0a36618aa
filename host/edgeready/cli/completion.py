"""The command `completion`: prints the script that completes this command's words in a shell."""

from __future__ import annotations

import inspect
import typing
from enum import Enum
from typing import Annotated, Any

import typer

from edgeready.cli.terminal import print_text
from edgeready_device.report.completion import OptionWords, VerbWords, completion_script

_HELP = OptionWords(flags=("--help", "-h"), help="show the help")


class Shell(str, Enum):
    """The shells that there is a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command()(completion)


def completion(
    context: typer.Context,
    shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish")],
) -> None:
    """Prints the script that completes this command in bash, zsh or fish."""
    commands: dict[str, Any] = getattr(context.find_root().command, "commands", {})
    words = {name: _words(command) for name, command in commands.items()}
    print_text(completion_script(shell.value, "edgeready", words))


def _words(command: Any) -> VerbWords:
    hints = typing.get_type_hints(command.callback)
    options = [_HELP]
    values: tuple[str, ...] = ()
    for parameter in command.params:
        choices = _choices(hints.get(parameter.name))
        if parameter.param_type_name == "argument":
            values = choices
            continue
        flags = (*parameter.opts, *parameter.secondary_opts)
        options.append(
            OptionWords(flags=flags, help=parameter.help or "", takes_value=not parameter.is_flag, values=choices)
        )
    return VerbWords(help=inspect.getdoc(command.callback) or "", options=tuple(options), values=values)


def _choices(hint: Any) -> tuple[str, ...]:
    """The values of a parameter whose type is an Enum."""
    kinds = (hint, *typing.get_args(hint))
    return tuple(
        str(member.value) for kind in kinds if isinstance(kind, type) and issubclass(kind, Enum) for member in kind
    )
