"""The command `edgeready-device`: parses the arguments, calls a verb, and returns a documented exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from edgeready_device import __version__
from edgeready_device.commands import (
    benchmark,
    classify,
    compare,
    detect,
    doctor,
    evaluate,
    info,
    tune,
    verify,
    watch,
)
from edgeready_device.commands.options import Handler, bound_counts
from edgeready_device.commands.terminal import print_traceback, say
from edgeready_device.commands.word_order import order_words, refuse_empty_words
from edgeready_device.ending import SignalExit, signal_handlers
from edgeready_device.isolation.child import freeze_support
from edgeready_device.isolation.parent import is_frozen
from edgeready_device.platforms import require_posix
from edgeready_device.standard_streams import discard_output, occupy_closed_streams, write_message, write_output
from edgeready_device.surroundings import explain
from edgeready_device.text import plain

VERBS = (info, classify, detect, watch, evaluate, verify, benchmark, compare, tune, doctor)
OUR_BUG = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130  # as shells report SIGINT: 128 + 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command with `arguments` (None: the process's) and returns its exit code."""
    options = argparse.Namespace(debug=False)
    try:
        require_posix("edgeready-device")
        if arguments is None and is_frozen():
            freeze_support()
        occupy_closed_streams()
        with signal_handlers(say):
            options = _parse(sys.argv[1:] if arguments is None else arguments)
            bound_counts(options)
            handler: Handler = options.handler
            return handler(options)
    except KeyboardInterrupt:
        return _fail(options, "interrupted", INTERRUPTED)
    except SignalExit as ended:
        return _fail(options, ended.meaning, ended.code)
    except BrokenPipeError:
        discard_output()
        return 0
    except Exception as error:  # noqa: BLE001  (the last line of defence: one line, and its own exit code)
        cause = explain(error)
        if cause is not None:
            return _fail(options, str(cause), cause.exit_code)
        return _fail(options, f"a bug in edgeready-device ({type(error).__name__}: {error}); see --debug", OUR_BUG)


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

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Ends the process once help and version are written; raises OutputError where they cannot be."""
        if sys.stdout is not None:
            write_output()
        write_message(message or "")
        raise SystemExit(status)


def _parse(words: Sequence[str]) -> argparse.Namespace:
    refuse_empty_words(words)
    parser, verbs = parsers()
    return parser.parse_args(order_words(words, verbs))


def parsers() -> tuple[argparse.ArgumentParser, Mapping[str, argparse.ArgumentParser]]:
    """Returns the command's parser, and that of each verb by its name."""
    parser = _Parser(
        prog="edgeready-device",
        description="Runs, evaluates, verifies, benchmarks, compares and tunes .tflite image classifiers, and runs "
        "object detectors.",
        epilog="Exit codes: 0 yes; 1 a negative verdict; 2 usage; 3 bad input; 4 not found; "
        "6 runtime, delegate, package or machine; 70 a bug of ours; 129 hung up; 130 interrupted; 143 terminated.",
    )
    parser.add_argument("--version", action="version", version=f"edgeready-device {__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for verb in VERBS:
        verb.add(verbs)
    return parser, verbs.choices
