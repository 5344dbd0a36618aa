from __future__ import annotations

import os

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
        (b"I0000 00:00:1 interpreter.cc:1] loaded\n", False),
        (b"WARNING: All log messages before absl::InitializeLog()\n", True),
        (b"E0000 00:00:1 interpreter.cc:1] failed\n", True),
        (b"ERROR: something\n", True),
    ],
)
def test_information_is_told_from_what_matters(line, wanted):
    assert not_info(line) is wanted
