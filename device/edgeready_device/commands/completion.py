"""`completion`: prints the script that completes this command's words in a shell."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edgeready_device.commands.verbosity import add_verbosity_options

if TYPE_CHECKING:
    from edgeready_device.report.completion import VerbWords


def add(verbs: Any) -> None:
    """Declares `completion` and its argument."""
    from edgeready_device.report.completion import SHELLS

    summary = "prints the script that completes this command in bash, zsh or fish"
    parser = verbs.add_parser("completion", help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    parser.add_argument("shell", choices=SHELLS, help="the shell that will read the script")
    parser.add_argument("--debug", action="store_true", help="add a traceback to an error")
    add_verbosity_options(parser)
    parser.set_defaults(handler=run, verbs=verbs.choices)  # which also has the verbs that are declared after this one


def run(options: argparse.Namespace) -> int:
    """Prints the script and returns the exit code."""
    from edgeready_device.report.completion import completion_script
    from edgeready_device.standard_streams import write_output

    write_output(completion_script(options.shell, "edgeready-device", _words(options.verbs)))
    return 0


def _words(verbs: Mapping[str, argparse.ArgumentParser]) -> dict[str, VerbWords]:
    """Returns the words of each verb, as its parser has them."""
    from edgeready_device.report.completion import OptionWords, VerbWords, all_values

    words = {}
    for name, parser in verbs.items():
        options = tuple(
            OptionWords(
                flags=tuple(action.option_strings),
                help=(action.help or "").replace("%%", "%"),
                takes_value=action.nargs != 0,
                values=all_values(action.choices),
            )
            for action in parser._actions
            if action.option_strings
        )
        arguments = [action for action in parser._actions if not action.option_strings]
        values = all_values(arguments[0].choices) if arguments else ()
        words[name] = VerbWords(help=parser.description or "", options=options, values=values)
    return words
