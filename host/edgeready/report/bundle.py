"""Shows a bundle for a board."""

from __future__ import annotations

import shlex

from rich.console import Group, RenderableType

from edgeready.report.lines import block, line
from edgeready.workflows.bundle import Bundle
from edgeready_device.text import table


def bundle_view(bundle: Bundle) -> RenderableType:
    """Returns the files of a bundle as text, with the install command."""
    files = table(["file", "bytes"], [[str(path), f"{path.stat().st_size:,}"] for path in bundle.files])
    return Group(
        block(files),
        line(),
        line(f"Copy the folder to {bundle.target.system}, and install there:"),
        line(f"  scp -r {shlex.quote(str(bundle.folder))} USER@BOARD:"),
        line(f"  {bundle.install}"),
    )
