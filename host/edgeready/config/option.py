"""What an option of the commands says of itself, beside the field that holds its value."""

from __future__ import annotations

import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from edgeready.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Option:
    """Marks a field of a config class as an option: `Annotated[int, Option(help="...")]`.

    The command's option is named after the field, `--batch-size` for `batch_size`, unless `flags` name it. `parse`
    turns the text on the command line into the field's value, one element of it where the field is a tuple, and
    raises UsageError; without it the field's own type reads the text.
    """

    help: str
    flags: tuple[str, ...] = ()
    parse: Callable[[str], Any] | None = None

    def flags_of(self, field_name: str) -> tuple[str, ...]:
        """The flags of the option on the field `field_name`."""
        return self.flags or ("--" + field_name.replace("_", "-"),)


def option_of(hint: Any) -> Option | None:
    """The Option that an annotation carries; None for a field that is no option."""
    if typing.get_origin(hint) is not Annotated:
        return None
    return next((mark for mark in hint.__metadata__ if isinstance(mark, Option)), None)


def key_of(flags: typing.Iterable[str]) -> str:
    """The name of an option in edgeready.toml: its long flag without dashes, "fix" of "--fix/--no-fix"."""
    return next(flag for flag in flags if flag.startswith("--")).partition("/")[0].removeprefix("--")


def parse_image_size(text: str) -> tuple[int, int]:
    """(height, width) of "96", "96x128" or "96,128"; raises UsageError for anything else."""
    try:
        height, _, width = text.lower().replace(",", "x").partition("x")
        return int(height), int(width or height)
    except ValueError as error:
        raise UsageError(f"the image size is {text!r}: write 96 or 96x128 (height x width)") from error


def parse_shape(text: str) -> tuple[int, ...]:
    """The sizes of "1x28x28x1"; raises UsageError for anything else."""
    try:
        return tuple(int(size) for size in text.lower().replace(",", "x").split("x"))
    except ValueError as error:
        raise UsageError(f"--input-shape is {text!r}: write sizes, as in 1x28x28x1") from error
