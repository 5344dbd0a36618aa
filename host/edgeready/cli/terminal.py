"""How a command ends and what it writes: results to standard output, one line on standard error, an exit code."""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Iterable
from contextvars import ContextVar
from enum import Enum
from typing import Any, NoReturn

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from edgeready.errors import EdgereadyError, OutputError, SurroundingsError, UsageError, fit_reason
from edgeready_device.commands.word_order import refuse_empty_words
from edgeready_device.ending import SignalExit, SignalHandlers
from edgeready_device.platforms import require_posix
from edgeready_device.standard_streams import discard_output, occupy_closed_streams, write_message, write_output
from edgeready_device.surroundings import explain
from edgeready_device.text import json_text, plain, printable

NEGATIVE = 1  # a verdict that is no; errors bring their own code
USAGE = 2
OUR_BUG = 70
INTERRUPTED = 130
_GRACE_S = 10.0  # chosen: time to remove a scratch folder with the images of a large data set
_DEBUG, _VERBOSE, _QUIET = {"--debug"}, {"-v", "--verbose"}, {"-q", "--quiet"}  # wherever they stand
_WrongUsage: Any = typer.BadParameter.__mro__[1]  # click's UsageError, wherever this typer keeps its click


class Verbosity(Enum):
    """How much of its progress a command shows."""

    QUIET = "quiet"
    NORMAL = "normal"
    VERBOSE = "verbose"


_VERBOSITY: ContextVar[Verbosity] = ContextVar("verbosity", default=Verbosity.NORMAL)


def verbosity() -> Verbosity:
    """Returns what -v and -q of this command ask for."""
    return _VERBOSITY.get()


def run(app: typer.Typer, name: str) -> NoReturn:
    """Runs the command `name` with the process's arguments and ends the process with its exit code."""
    arguments, switches = _take_switches(sys.argv[1:])
    debug = bool(switches & _DEBUG)
    signals = SignalHandlers(say, _GRACE_S)
    try:
        require_posix(name)
        occupy_closed_streams()
        with signals:
            refuse_empty_words(arguments)
            _VERBOSITY.set(_choose_verbosity(switches))
            code = app(args=arguments or ["--help"], prog_name=name, standalone_mode=False)
    except SignalExit:
        _fail(signals.meaning, signals.code, debug)
    except _WrongUsage as error:
        command = error.ctx.command_path if error.ctx else name
        _fail(f"{error.format_message().rstrip('.')}; see {command} --help", USAGE, debug)
    except Exception as error:  # noqa: BLE001  (the last line of defence: one line, and its own exit code)
        cause = _explain(error)
        if signals.number and not isinstance(cause, SurroundingsError):  # native code made an error of a signal
            _fail(signals.meaning, signals.code, debug)
        if cause is not None:
            _fail(str(cause), cause.exit_code, debug)
        _fail(
            fit_reason(f"a bug in edgeready ({type(error).__name__}: ", str(error), "); see --debug"), OUR_BUG, debug
        )
    if code == INTERRUPTED:
        say("interrupted")
    sys.exit(code)


def _take_switches(words: list[str]) -> tuple[list[str], set[str]]:
    """Returns the words without the switches that may stand anywhere before `--`, and these."""
    end = words.index("--") if "--" in words else len(words)
    switches = {*_DEBUG, *_VERBOSE, *_QUIET}
    return [word for word in words[:end] if word not in switches] + words[end:], switches.intersection(words[:end])


def _choose_verbosity(switches: set[str]) -> Verbosity:
    if switches & _VERBOSE and switches & _QUIET:
        raise UsageError("--verbose and --quiet exclude each other: give one")
    return Verbosity.VERBOSE if switches & _VERBOSE else Verbosity.QUIET if switches & _QUIET else Verbosity.NORMAL


def _explain(error: Exception) -> EdgereadyError | None:
    """Returns the error with a sentence that `error` is, or stands for; None for a bug."""
    if isinstance(error, OSError) and not isinstance(error, EdgereadyError) and sys.stdout is not None:
        try:
            write_output()  # --help is written by a library, which leaves what it could not write in the buffer
        except OutputError as cause:
            return cause
    return explain(error)


class CleanConsole(Console):
    """A console that writes no control character but those of its own styles."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yields the segments of `renderable`, cleaned."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else printable(text), style, control)


def say(message: str) -> None:
    """Writes `message` to standard error as one line."""
    write_message(f"edgeready: {plain(' '.join(message.split()))}\n")


def print_view(view: RenderableType) -> None:
    """Writes a result for people to standard output: colour on a terminal, plain text elsewhere."""
    text = io.StringIO()  # a Console on standard output would meet its errors in its own way
    CleanConsole(file=text, force_terminal=Console().is_terminal, soft_wrap=True, highlight=False).print(view)
    _write(text.getvalue())


def print_json(data: Any) -> None:
    """Writes `data` to standard output as one JSON document."""
    _write(json_text(data) + "\n")


def print_text(text: str) -> None:
    """Writes `text` to standard output as it is."""
    _write(text)


def _fail(message: str, code: int, debug: bool) -> NoReturn:
    if debug:
        write_message(printable(traceback.format_exc()))
    say(message)
    sys.exit(code)


def _write(text: str) -> None:
    try:
        write_output(text)
    except BrokenPipeError:  # the reader has seen enough; the exit code still tells the verdict
        discard_output()
