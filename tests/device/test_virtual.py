"""Whether a machine is told to be virtual: from processors and kernels as they describe themselves."""

from __future__ import annotations

import pytest
from boards import lay

from edgeready_device.machine.board import Board
from edgeready_device.machine.virtual import is_virtual

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
