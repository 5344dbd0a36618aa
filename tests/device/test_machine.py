from __future__ import annotations

import os
import platform

import pytest
from boards import lay

from edgeready_device.machine.board import Board
from edgeready_device.machine.machine import available_cpus, is_emulated, is_virtual, read_machine

PI_CPUINFO = """processor\t: 0
BogoMIPS\t: 108.00
CPU implementer\t: 0x41
CPU part\t: 0xd0b
Revision\t: c04170
Model\t\t: Raspberry Pi 5 Model B Rev 1.0
"""
X86_CPUINFO = """processor\t: 0
model name\t: Imaginary(R) Xeon(R) CPU: @ 2.00GHz

processor\t: 1
model name\t: another one
"""


@pytest.fixture
def tree(tmp_path):
    def build(**files: str | bytes):
        for name, text in files.items():
            place = (
                tmp_path
                / {
                    "cpuinfo": "proc/cpuinfo",
                    "model": "proc/device-tree/model",
                    "modalias": "sys/devices/system/cpu/modalias",
                }[name]
            )
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path

    return build


def test_a_raspberry_pi_is_named_by_its_device_tree(tree):
    found = read_machine(tree(cpuinfo=PI_CPUINFO, model=b"Raspberry Pi 5 Model B Rev 1.0\0"))
    assert found.board == "Raspberry Pi 5 Model B Rev 1.0"
    assert found.processor == "CPU part 0xd0b"


def test_a_pc_is_named_by_the_first_model_name(tree):
    found = read_machine(tree(cpuinfo=X86_CPUINFO))
    assert (found.processor, found.board) == ("Imaginary(R) Xeon(R) CPU: @ 2.00GHz", "")


def test_a_kernel_without_these_files_is_an_unknown_machine(tmp_path):
    found = read_machine(tmp_path)
    assert (found.processor, found.board, found.emulated) == ("unknown", "", False)
    assert found.architecture == platform.machine()
    assert (found.kernel, found.python) == (platform.release(), platform.python_version())


def test_bytes_that_are_no_text_do_not_stop_it(tree):
    assert read_machine(tree(model=b"Board \xff\0")).board == "Board �"


@pytest.mark.parametrize(
    ("architecture", "modalias", "emulated"),
    [
        ("aarch64", "cpu:type:x86,ven0000fam0006mod008F:feature:,0000", True),
        ("armv7l", "cpu:type:x86,ven0000fam0006mod008F:feature:,0000", True),
        ("x86_64", "cpu:type:aarch64:feature:,0000", True),
        ("x86_64", "cpu:type:x86,ven0000fam0006mod008F:feature:,0000", False),
        ("aarch64", "cpu:type:aarch64:feature:,0000", False),
        ("armv7l", "cpu:type:aarch64:feature:,0000", False),  # 32-bit programs on a 64-bit Raspberry Pi OS kernel
    ],
)
def test_a_cpu_of_another_family_means_emulation(tree, architecture, modalias, emulated):
    assert is_emulated(architecture, tree(modalias=modalias + "\n")) is emulated


@pytest.mark.parametrize(("architecture", "emulated"), [("aarch64", True), ("armv7l", True), ("x86_64", False)])
def test_an_x86s_cpuinfo_under_an_arm_program_means_emulation(tree, architecture, emulated):
    root = tree(cpuinfo="processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon\n")
    assert is_emulated(architecture, root) is emulated


def test_a_boards_own_cpuinfo_is_no_sign_of_emulation(tree):
    assert is_emulated("aarch64", tree(cpuinfo=PI_CPUINFO)) is False


def test_no_modalias_is_no_sign_of_emulation(tmp_path):
    assert is_emulated("aarch64", tmp_path) is False


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no CPU affinity")
def test_only_the_cpus_that_this_process_may_use_count():
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert available_cpus() == 1
    finally:
        os.sched_setaffinity(0, allowed)


# -- virtual machines ----------------------------------------------------------------------------------------

GUEST = "processor\t: 0\nmodel name\t: Xeon\nflags\t\t: fpu vme hypervisor lahf_lm\n"


@pytest.mark.parametrize(
    "tree",
    [
        {"proc/cpuinfo": GUEST},
        {"proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd\n", "sys/hypervisor/type": "xen\n"},
        {"proc/device-tree/hypervisor/compatible": b"linux,kvm\0"},
    ],
    ids=["x86", "Xen on arm64", "KVM on arm64"],
)
def test_a_guest_is_virtual(tmp_path, tree):
    assert is_virtual(Board(lay(tmp_path, tree)))


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"proc/cpuinfo": GUEST.replace(" hypervisor", "")},
        {"proc/cpuinfo": GUEST.replace("hypervisor", "no_hypervisor_here")},
        {"proc/cpuinfo": "bugs\t: hypervisor\nflags\t: fpu\n"},
        {"proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd\nModel\t: Raspberry Pi 4\n"},
        {"proc/cpuinfo": None, "sys/hypervisor/type": None},
        {"sys/hypervisor/type": "\n"},
    ],
    ids=["nothing known", "x86", "another word", "another field", "Raspberry Pi", "unreadable", "empty"],
)
def test_what_names_no_hypervisor_is_a_real_machine(tmp_path, tree):
    assert not is_virtual(Board(lay(tmp_path, tree)))
