"""What can go wrong, a class and an exit code each; the message says what, the value, and what to do."""

from __future__ import annotations

from edgeready_device.text import plain, printable


def one_line(error: BaseException) -> str:
    """An error's text without line breaks and control characters; its class where it has none."""
    return plain(" ".join(str(error).split())) or type(error).__name__


# Chosen: a message is one line of at most 200 characters, two rows of a wide terminal, the command's name among them.
LONGEST_LINE = 200 - len("edgeready: ")
_LEAST_REASON = (
    30  # characters of a library's own words that are kept however long a path is; chosen: a class and a name
)
_CUT = " ... --debug shows all"


def fit_reason(before: str, problem: BaseException | str, after: str = "") -> str:
    """Returns `before`, what a library says of a `problem`, and `after`, as one line of at most 200 characters.

    `after` holds what to do, and stays whole: the library's words are cut. --debug shows them all.
    """
    room = max(_LEAST_REASON, LONGEST_LINE - len(before) - len(after))
    return f"{before}{_shorten(reason_of(problem), room, mark=' ...' if '--debug' in after else _CUT)}{after}"


def reason_of(problem: BaseException | str) -> str:
    """Returns what a library says of a `problem` in one line: the first of an exception, else its class."""
    if isinstance(problem, BaseException):
        lines = str(problem).strip().splitlines()
        return plain(" ".join(lines[0].split())) if lines else type(problem).__name__
    return plain(" ".join(problem.split()))


def _shorten(text: str, room: int, mark: str) -> str:
    if len(text) <= room:
        return text
    mark = mark if room > 2 * len(mark) else " ..."
    return f"{text[: room - len(mark)].rstrip()}{mark}"


class EdgereadyError(Exception):
    """The base of every error that edgeready raises on purpose; `exit_code` is what the command ends with."""

    exit_code = 70

    def __str__(self) -> str:
        """Returns the message, in which the names and texts of a file control no terminal."""
        return printable(super().__str__())


class UsageError(EdgereadyError, ValueError):
    """An argument that cannot be meant (exit code 2)."""

    exit_code = 2


class ModelFileError(EdgereadyError, ValueError):
    """A model file that is not what it should be (exit code 3)."""

    exit_code = 3


class InferenceError(ModelFileError):
    """A run that the runtime broke off (exit code 3); `__cause__` is the runtime's own error."""


class ImageError(EdgereadyError, ValueError):
    """An image that cannot be read or does not fit the model (exit code 3)."""

    exit_code = 3


class DatasetError(EdgereadyError, ValueError):
    """A data set whose contents cannot be used (exit code 3)."""

    exit_code = 3


class NotFoundError(EdgereadyError, FileNotFoundError):
    """A file, folder or data set that is not there (exit code 4)."""

    exit_code = 4


class RuntimeUnavailableError(EdgereadyError, ImportError):
    """No TFLite runtime can be used on this machine, or it refused the model (exit code 6)."""

    exit_code = 6


class MeasurementError(EdgereadyError, ValueError):
    """A benchmark's file that cannot be used, or not with the other one (exit code 3)."""

    exit_code = 3


class OutputError(EdgereadyError, OSError):
    """A result that cannot be written where it was asked for (exit code 3)."""

    exit_code = 3


class FileAccessError(EdgereadyError, OSError):
    """A file or a folder that is there and cannot be read, entered or used as one (exit code 3)."""

    exit_code = 3


class SurroundingsError(EdgereadyError, OSError):
    """A machine that gives this process too few descriptors, processes, threads or memory (exit code 6)."""

    exit_code = 6
