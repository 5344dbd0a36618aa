"""A name that a file may carry to control a terminal, a log or an annotation, and what may be left of it."""

from __future__ import annotations

import re

# C0 (clear the screen, set the title, ring), C1, bidi overrides and isolates, a zero width space, line breaks of
# every kind, commands of GitHub's, Azure's and TeamCity's logs, and rich's markup.
HOSTILE = (
    "x\x1b[2J\x1b]0;title\x07\x08\x9b31m\x85\u202egnp\u2066\u200b\u2028\x0b\r\n::error::forged\n  ::add-mask::on\t"
    "##[error]forged ##vso[task.complete]##teamcity[x] [red]m[/red] [/] %0A"
)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LOG_COMMAND = re.compile(r"##\w*\[")


def faults(text: str) -> list[str]:
    """What in `text` controls a terminal or a continuous integration."""
    lines = text.split("\n")
    return [
        *(f"control {c!r} in {line!r}" for line in lines for c in line if not c.isprintable()),
        *(f"command {line!r}" for line in lines if line.strip().startswith("::")),
        *(f"command {line!r}" for line in lines if LOG_COMMAND.search(line)),
    ]
