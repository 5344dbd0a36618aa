"""Commands that run when a label appears: without a shell, beside the loop, each of them once at a time."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from edgeready_device.errors import NotFoundError, UsageError
from edgeready_device.isolation.child import signal_name
from edgeready_device.text import plain, time_text
from edgeready_device.watching.objects import Appearance, Detected
from edgeready_device.watching.watch import Labelled

ANY = "*"
_PATIENCE_S = 1.0  # chosen: time for a message to a server; who ends the loop waits for no more than two seconds
_PLACEHOLDER = re.compile(r"\{(label|previous|score|time|frame)\}")
_FOREIGN = re.compile(r"\{(label|previous)\}")  # text of the model's author
# Programs that take code as an argument of these options, in which a label would be code, too.
_INTERPRETERS = re.compile(
    r"(sh|bash|dash|ash|zsh|ksh|mksh|fish|csh|tcsh|su|env|python|pypy|perl|ruby|node|php|lua|tclsh|osascript)[\d.]*"
)
_CODE_OPTION = re.compile(r"-[A-Za-z]*[ceES].*|--(command|eval|execute|split-string)(=.*)?", re.DOTALL)
_CODE_ALWAYS = re.compile(r"ssh|eval|[gmn]?awk|sed|parallel|watch|script|at|batch")  # whatever their options
# Programs that run another one, which they take as arguments.
_WRAPPERS = re.compile(
    r"env|sudo|doas|su|nice|ionice|nohup|timeout|setsid|stdbuf|chrt|taskset|flock|xargs|time|busybox|systemd-run|runuser"
)


@dataclass(frozen=True)
class Action:
    """A command, split into its arguments, that runs when `label` appears; "*" is every change."""

    label: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"--on {plain(self.label)} {plain(self.arguments[0])}"


def parse_action(label: str, command: str, labels: Sequence[str]) -> Action:
    """The Action of `command`, which is split as a shell does it, for one of `labels` or "*".

    Raises UsageError for another label, a command that cannot be split, or a placeholder where a program takes it for
    code, NotFoundError where there is no such program.
    """
    if label not in labels and label != ANY:
        some = ", ".join(plain(name) for name in labels[:10])
        raise UsageError(f"--on {label}: the model has no such label; its labels are {some}; {ANY} is every change")
    try:
        arguments = tuple(shlex.split(command))
    except ValueError as error:
        raise UsageError(f"--on {label} {command!r} cannot be split ({error}): close the quotes") from error
    if not arguments or not arguments[0]:
        raise UsageError(f"--on {label} has no command: give a program with its arguments, in quotes")
    _check_placeholders(label, arguments)
    if shutil.which(arguments[0]) is None:
        raise NotFoundError(f"--on {label}: no program {arguments[0]!r}: install it, or give its whole path")
    return Action(label, arguments)


def _check_placeholders(label: str, arguments: Sequence[str]) -> None:
    """Raises UsageError where a label would become a program or code: labels come with the model, from anywhere."""
    if _PLACEHOLDER.search(arguments[0]):
        raise UsageError(f"--on {label}: a placeholder cannot be the program {arguments[0]!r}: name the program")
    if not any(_FOREIGN.search(argument) for argument in arguments):
        return
    first = os.path.basename(arguments[0])
    names = [os.path.basename(name) for name in arguments] if _WRAPPERS.fullmatch(first) else [first]
    always = [name for name in names if _CODE_ALWAYS.fullmatch(name)]
    interpreters = [name for name in names if _INTERPRETERS.fullmatch(name)]
    if always or (interpreters and any(_CODE_OPTION.fullmatch(argument) for argument in arguments)):
        raise UsageError(
            f"--on {label}: {(always or interpreters)[-1]} would run a label as code: leave out the placeholder, and "
            'read "$EDGEREADY_LABEL", in double quotes'
        )


class Actions:
    """Runs the actions of the labels that appear. `update` and `close` return a line for each failure."""

    def __init__(self, actions: Sequence[Action]) -> None:
        self._runners = [_Runner(action) for action in actions]

    def trigger(self, event: Labelled | Detected) -> list[str]:
        """Starts the actions of the labels that appeared with `event`; returns a line for each that cannot start.

        An action that still runs starts again when it has ended, with the latest change.
        """
        changes: Sequence[Labelled | Appearance] = ()
        if isinstance(event, Detected):
            changes = event.appearances
        elif event.changed:
            changes = (event,)
        return [
            line
            for change in changes
            for runner in self._runners
            if runner.action.label in (ANY, change.label)
            for line in runner.start(change)
        ]

    def update(self) -> list[str]:
        """Starts what waits; returns a line for each action that failed since the last call."""
        return [line for runner in self._runners for line in runner.update()]

    def close(self) -> list[str]:
        """Waits a second for what runs and what waits, ends the rest, and returns a line for each failure."""
        end = time.monotonic() + _PATIENCE_S
        return [line for runner in self._runners for line in runner.close(max(0.0, end - time.monotonic()))]


class _Runner:
    """One action: at most one process of it at a time."""

    def __init__(self, action: Action) -> None:
        self.action = action
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: Labelled | Appearance | None = None

    def start(self, event: Labelled | Appearance) -> list[str]:
        lines = self.update()
        if self._process is not None:
            self._waiting = event
            return lines
        values = _values(event)
        try:
            self._process = subprocess.Popen(
                [self.action.arguments[0], *(_fill(argument, values) for argument in self.action.arguments[1:])],
                stdin=subprocess.DEVNULL,
                stdout=_error_stream(),  # standard output is for the labels
                stderr=_error_stream(),
                env={**os.environ, **_environment(values)},
                start_new_session=True,  # so that Ctrl-C ends the loop first, and `close` all that it started
            )
        except (OSError, ValueError) as error:
            lines.append(f"{self.action} cannot start: {error}")
        return lines

    def update(self) -> list[str]:
        if self._process is None or self._process.poll() is None:
            return []
        lines = self._end_line(self._process.returncode)
        self._process = None
        if self._waiting is not None:
            event, self._waiting = self._waiting, None
            lines += self.start(event)
        return lines

    def close(self, timeout_s: float) -> list[str]:
        end, lines = time.monotonic() + timeout_s, []
        while self._process is not None:
            try:
                self._process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                lines.append(f"{self.action} still ran at the end, and was ended")
                if self._waiting is not None:
                    lines.append(f"{self.action} did not run for frame {self._waiting.number}")
                self._kill(self._process)
                break
            lines += self.update()  # which starts it for the event that waits
        self._process = self._waiting = None
        return lines

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        with suppress(ProcessLookupError):  # it has just ended by itself
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _end_line(self, code: int) -> list[str]:
        if code == 0:
            return []
        how = f"was ended by {signal_name(-code)}" if code < 0 else f"ended with exit code {code}"
        return [f"{self.action} {how}"]


def _values(event: Labelled | Appearance) -> dict[str, str]:
    """What is known of an event, as text in one line: a label is the model's, and could hold anything."""
    return {
        "label": plain(event.label or ""),
        "previous": plain(event.previous or ""),
        "score": "" if event.score is None else f"{event.score:.4f}",
        "time": time_text(event.time),
        "frame": str(event.number),
    }


def _fill(argument: str, values: Mapping[str, str]) -> str:
    """Returns `argument` with its placeholders filled, once: what a value holds is no placeholder."""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], argument)


def _environment(values: Mapping[str, str]) -> dict[str, str]:
    return {
        "EDGEREADY_LABEL": values["label"],
        "EDGEREADY_PREVIOUS": values["previous"],
        "EDGEREADY_SCORE": values["score"],
        "EDGEREADY_TIME": values["time"],
        "EDGEREADY_FRAME": values["frame"],
    }


def _error_stream() -> int:
    """The descriptor of standard error, or where it was closed that of nothing."""
    try:
        os.fstat(2)
    except OSError:
        return subprocess.DEVNULL
    return 2 if sys.stderr is not None else subprocess.DEVNULL
