from __future__ import annotations

import subprocess
import sys

import pytest

from edgeready_device.errors import RuntimeUnavailableError
from edgeready_device.platforms import require_posix

# As on Windows: what is None in sys.modules cannot be imported, and is not found.
RUN = """
import sys
sys.modules.update(fcntl=None, resource=None)
from edgeready_device.cli import main
sys.exit(main())
"""


def test_the_systems_that_are_promised_have_all_that_is_needed():
    require_posix("edgeready-device")


def test_a_system_that_lacks_one_module_is_told_which(monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(RuntimeUnavailableError) as caught:
        require_posix("edgeready")
    assert caught.value.exit_code == 6
    assert str(caught.value) == (
        "edgeready runs on Linux and macOS; the Python of this system (win32) has no module fcntl: "
        "on Windows, use the Windows Subsystem for Linux"
    )


@pytest.mark.parametrize("arguments", [("--version",), ("info", "model.tflite")], ids=["version", "a verb"])
def test_windows_is_one_sentence_at_the_start_and_exit_code_6(arguments):
    done = subprocess.run([sys.executable, "-c", RUN, *arguments], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (6, "")
    assert done.stderr == (
        f"edgeready-device: edgeready-device runs on Linux and macOS; the Python of this system ({sys.platform}) has "
        "no module fcntl and no resource: on Windows, use the Windows Subsystem for Linux\n"
    )
