"""The command `edgeready-device`: parses the arguments, calls a verb, and returns a documented exit code.

The verbs are imported after the handlers of signals are set, so that a signal meets no traceback of an import.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from edgeready_device import __version__
from edgeready_device.commands.terminal import print_traceback, say, say_stage
from edgeready_device.commands.verbosity import choose_verbosity
from edgeready_device.commands.word_order import order_words, refuse_empty_words
from edgeready_device.ending import SignalExit, SignalHandlers
from edgeready_device.errors import SurroundingsError
from edgeready_device.isolation.child import freeze_support
from edgeready_device.isolation.parent import is_frozen
from edgeready_device.platforms import require_posix
from edgeready_device.standard_streams import discard_output, occupy_closed_streams, write_message, write_output
from edgeready_device.surroundings import explain
from edgeready_device.text import plain

if TYPE_CHECKING:
    from edgeready_device.commands.options import Handler

OUR_BUG = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130  # as shells report SIGINT: 128 + 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command with `arguments` (None: the process's) and returns its exit code."""
    options = argparse.Namespace(debug=False)
    signals = SignalHandlers(say)
    try:
        require_posix("edgeready-device")
        if arguments is None and is_frozen():
            freeze_support()
        occupy_closed_streams()
        with signals:
            return _run(options, sys.argv[1:] if arguments is None else arguments)
    except BrokenPipeError:
        discard_output()
        return 0
    except (Exception, KeyboardInterrupt, SignalExit) as error:  # noqa: BLE001  (the last line of defence)
        return _fail(options, *_verdict(error, signals))


def _run(options: argparse.Namespace, words: Sequence[str]) -> int:
    """Parses `words` into `options`, carries them out, and returns the exit code."""
    from edgeready_device.commands.options import bound_counts  # noqa: PLC0415  (after the handlers)

    refuse_empty_words(words)
    parser, verbs = parsers()
    parser.parse_args(order_words(words, verbs), options)
    choose_verbosity(options)
    say_stage("begins")
    bound_counts(options)
    handler: Handler = options.handler
    code = handler(options)
    say_stage(f"ends with exit code {code}")
    return code


def _verdict(error: BaseException, signals: SignalHandlers) -> tuple[str, int]:
    """Returns the line and the exit code for `error`, which can be what native code made of a signal."""
    cause = explain(error)
    ended = isinstance(error, (KeyboardInterrupt, SignalExit)) or signals.number
    if ended and not isinstance(cause, SurroundingsError):  # numpy's BLAS sends SIGINT where it may start no thread
        return signals.meaning, signals.code
    if cause is not None:
        return str(cause), cause.exit_code
    return f"a bug in edgeready-device ({type(error).__name__}: {error}); see --debug", OUR_BUG


def _fail(options: argparse.Namespace, message: str, code: int) -> int:
    if options.debug:
        print_traceback()
    say(message)
    return code


class _Parser(argparse.ArgumentParser):
    """argparse's parser with usage errors in one line."""

    def error(self, message: str) -> NoReturn:
        """Ends the process with exit code 2."""
        self.exit(2, f"edgeready-device: {plain(message)}; see {self.prog} --help\n")

    def _print_message(self, message: str, file: object = None) -> None:
        """Writes help and version; raises OutputError where that is impossible, which argparse tells or does not."""
        write_output(message)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Ends the process."""
        write_message(message or "")
        raise SystemExit(status)


def parsers() -> tuple[argparse.ArgumentParser, Mapping[str, argparse.ArgumentParser]]:
    """Returns the command's parser, and that of each verb by its name."""
    from edgeready_device.commands import (  # noqa: PLC0415  (after the handlers)
        benchmark,
        classify,
        compare,
        completion,
        detect,
        doctor,
        evaluate,
        info,
        profile,
        tune,
        verify,
        watch,
    )

    parser = _Parser(
        prog="edgeready-device",
        description="Runs, evaluates, verifies, benchmarks, compares and tunes .tflite image classifiers, and runs "
        "object detectors.",
        epilog="Exit codes: 0 yes; 1 a negative verdict; 2 usage; 3 bad input; 4 not found; "
        "6 runtime, delegate, package or machine; 70 a bug of ours; 129 hung up; 130 interrupted; 143 terminated.",
    )
    parser.add_argument("--version", action="version", version=f"edgeready-device {__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for verb in (
        info,
        classify,
        detect,
        watch,
        evaluate,
        verify,
        benchmark,
        profile,
        compare,
        tune,
        doctor,
        completion,
    ):
        verb.add(verbs)
    return parser, verbs.choices
