"""What a runtime says when it fails, with the op that failed in front; and a run that says it so."""

from __future__ import annotations

import re
from typing import Protocol

from edgeready_device.errors import ModelFileError, one_line
from edgeready_device.text import plain

# What the runtimes' Python bindings raise: from a kernel, from a tensor without data, from a size that no integer or
# no memory holds.
RUN_ERRORS = (RuntimeError, ValueError, SystemError, MemoryError, OverflowError)
# Both runtimes append this to the kernel's own words, the inner op first where a subgraph's op fails.
_NODE = re.compile(r"Node number (\d+) \(([^)]*)\) failed to (?:prepare|invoke)\.?")
_LONGEST = 300  # characters of a reason, which may hold names from the file; chosen: a few lines
_LONGEST_NAME, _MOST_OPS = 60, 3  # of an op's name, and of the ops around it; chosen: one line


class Runnable(Protocol):
    """What has been opened and runs."""

    def invoke(self) -> None:
        """Runs the model."""


def describe_failure(error: BaseException) -> str:
    """Returns a runtime's error in one line: the op by number and name where the runtime names one, and the reason.

    Of ops that a delegate took, the runtime knows the delegate's name only.
    """
    text = one_line(error)
    reason, *nodes = _NODE.split(text)
    if not nodes:
        return plain(text)[:_LONGEST]
    ops = [_title(number, plain(name)[:_LONGEST_NAME]) for number, name in zip(nodes[::3], nodes[1::3])]
    return f"{' in '.join(ops[:_MOST_OPS])}: {plain(reason.strip())[:_LONGEST] or 'it gives no reason'}"


def _title(number: str, name: str) -> str:
    return f"an op in {name}" if name.endswith("Delegate") else f"op {number} {name}"


def run_model(model: Runnable, title: object) -> None:
    """Runs `model`, which a message calls `title`. Raises ModelFileError with the op when the runtime fails."""
    try:
        model.invoke()
    except RUN_ERRORS as error:
        raise ModelFileError(run_failure(title, error)) from error


def run_failure(title: object, error: BaseException) -> str:
    """Returns the sentence about a run of the runtime `title` that ended with `error`."""
    return f"{title} fails in a run ({describe_failure(error)}): take another runtime, or another file"
