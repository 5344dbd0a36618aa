"""The host's command on a system that is neither Linux nor macOS."""

from __future__ import annotations

import subprocess
import sys

import pytest

# As on Windows: what is None in sys.modules cannot be imported, and is not found.
RUN = """
import sys
sys.modules.update(fcntl=None, resource=None)
from edgeready.cli.app import main
main()
"""


@pytest.mark.parametrize("arguments", [("--version",), ("check", "model.tflite")], ids=["version", "a command"])
def test_windows_is_one_sentence_at_the_start_and_exit_code_6(arguments):
    done = subprocess.run([sys.executable, "-c", RUN, *arguments], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (6, "")
    assert done.stderr == (
        f"edgeready: edgeready runs on Linux and macOS; the Python of this system ({sys.platform}) has no module "
        "fcntl and no resource: on Windows, use the Windows Subsystem for Linux\n"
    )
