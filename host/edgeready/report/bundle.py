"""A bundle for a board."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from edgeready.workflows.bundle import Bundle
from edgeready_device.text import table


def bundle_view(bundle: Bundle) -> RenderableType:
    """A bundle for people: its files and the install line."""
    files = table(["file", "bytes"], [[str(path), f"{path.stat().st_size:,}"] for path in bundle.files])
    return Text(f"{files}\n\nCopy the folder to {bundle.target.system}, then there:\n  {bundle.install}")
