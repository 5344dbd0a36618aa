from __future__ import annotations

import os
import subprocess
import sys

import pytest

from edgeready_device.runtime.native_log import hold_native_log, not_info


def test_only_the_lines_that_are_wanted_come_out(capfd):
    with hold_native_log(lambda line: line.startswith(b"WARN")):
        os.write(2, b"INFO: one\nWARNING: two\nINFO: three\n")
        assert capfd.readouterr().err == ""
    assert capfd.readouterr().err == "WARNING: two\n"


def test_standard_error_is_itself_again_afterwards(capfd):
    with hold_native_log(lambda line: False):
        os.write(2, b"held\n")
    os.write(2, b"free\n")
    assert capfd.readouterr().err == "free\n"


def test_no_file_descriptor_is_left_open():
    before = sorted(os.listdir("/proc/self/fd"))
    with hold_native_log(lambda line: False):
        pass
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_an_error_passes_through_and_standard_error_is_itself_again(capfd):
    with pytest.raises(ValueError, match="mine"), hold_native_log(not_info):
        raise ValueError("mine")
    os.write(2, b"free\n")
    assert capfd.readouterr().err == "free\n"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n", False),
        (b"INFO: Applying 1 TensorFlow Lite delegate(s) lazily.\n", False),
        (b"INFO: [environment.cc:30] Creating LiteRT environment\n", False),
        (b"I0000 00:00:1 interpreter.cc:1] loaded\n", False),
        (b"I0000 00:00:1757000000.123456   41 interpreter.cc:1] loaded\n", False),
        (b"INFO: camera 1 is ready\n", True),  # a program's own, through its logging
        (b"INFO:root:camera 1 is ready\n", True),
        (b"I0000 is the number of my camera\n", True),
        (b"WARNING: All log messages before absl::InitializeLog()\n", True),
        (b"E0000 00:00:1 interpreter.cc:1] failed\n", True),
        (b"ERROR: something\n", True),
    ],
)
def test_information_is_told_from_what_matters(line, wanted):
    assert not_info(line) is wanted


def test_a_programs_own_lines_during_a_load_come_out(model, litert):
    code = (
        "import os, sys\nfrom edgeready_device import Model\nfrom edgeready_device.runtime import runtime\n"
        "opened = runtime.runtime_module\n"
        "def module(name):\n    found = opened(name)\n    real = found.Interpreter\n"
        "    class Spy:\n        OpResolverType = found.OpResolverType\n"
        "        def Interpreter(self, **options):\n"
        "            os.write(2, b'INFO: camera 1 is ready\\n')\n            return real(**options)\n"
        "    return Spy()\nruntime.runtime_module = module\nModel.load(sys.argv[1], runtime=sys.argv[2])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, model("conv"), litert.name], capture_output=True, check=True)
    assert done.stderr == b"INFO: camera 1 is ready\n"


def test_where_nothing_can_be_collected_nothing_is_held_back(capfd, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edgeready_device.runtime.native_log._open_memory", refuse)
    before = sorted(os.listdir("/proc/self/fd"))
    with hold_native_log(not_info):
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n")
    assert capfd.readouterr().err == "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n"
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_a_fork_while_a_log_is_held_can_hold_its_own():
    with hold_native_log(not_info):
        child = os.fork()
        if not child:
            with hold_native_log(not_info):  # the parent's lock is not the child's
                os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
