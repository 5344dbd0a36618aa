"""Edge TPUs of this machine and their library, as kernel and package manager describe them; nothing is opened."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgeready_device.machine.board import Board

# Vendor and product as Coral's devices report them. A USB device has the first identity until its firmware is loaded
# with the first model, then the second.
USB_NEW, USB_READY = ("1a6e", "089a"), ("18d1", "9302")
PCI = ("0x1ac1", "0x089a")
SLOW_MBPS = 480  # what the kernel reports for a USB 2 link
_LIBRARIES = (
    "usr/lib/*/libedgetpu.so.1",
    "usr/lib/libedgetpu.so.1",
    "usr/local/lib/libedgetpu.so.1",
    "lib/*/libedgetpu.so.1",
)
_RULES = ("etc/udev/rules.d/*.rules", "usr/lib/udev/rules.d/*.rules", "lib/udev/rules.d/*.rules")


@dataclass(frozen=True)
class Tpu:
    """One Edge TPU: `kind` is usb or pci, `place` its name in sysfs, `node` the file that its library opens.

    `started` says whether its firmware (USB) or driver (PCI) is there, `usable` whether this user may open the node.
    `speed_mbps` is the USB link's, `temperature_c` the chip's (PCI only); None where it is not known.
    """

    kind: str
    place: str
    node: str
    started: bool
    usable: bool
    speed_mbps: int | None = None
    temperature_c: float | None = None

    @property
    def slow_link(self) -> bool:
        """Whether the device is on USB 2."""
        return self.speed_mbps is not None and self.speed_mbps <= SLOW_MBPS


@dataclass(frozen=True)
class TpuLibrary:
    """An installed libedgetpu: `variant` is std or max (the higher clock), empty where no package says so."""

    path: str
    variant: str = ""


def read_tpus(board: Board, may_open: Callable[[Path], bool] | None = None) -> tuple[Tpu, ...]:
    """Returns the Edge TPUs of `board`, USB first; `may_open` says whether a node can be read and written."""
    may_open = may_open or _may_open
    return (*_usb(board, may_open), *_pci(board, may_open))


def read_tpu_library(board: Board) -> TpuLibrary | None:
    """Returns the libedgetpu that the loader finds; None when it is not installed."""
    paths = [path for pattern in _LIBRARIES for path in board.paths(pattern)]
    if not paths:
        return None
    packages = board.paths("var/lib/dpkg/info/libedgetpu1-*.list")
    variants = [match.group(1) for path in packages if (match := re.search(r"libedgetpu1-(std|max)\b", path))]
    return TpuLibrary("/" + paths[0], variants[0] if variants else "")


def has_udev_rule(board: Board) -> bool:
    """Returns whether a udev rule names the USB device, so that other users than root may open it."""
    return any(USB_NEW[0] in board.text(path) for pattern in _RULES for path in board.paths(pattern))


def _usb(board: Board, may_open: Callable[[Path], bool]) -> list[Tpu]:
    tpus = []
    for path in board.paths("sys/bus/usb/devices/*/idVendor"):
        folder = path.rpartition("/")[0]
        identity = (board.text(path), board.text(f"{folder}/idProduct"))
        if identity in (USB_NEW, USB_READY):
            bus, number = board.number(f"{folder}/busnum"), board.number(f"{folder}/devnum")
            node = "" if bus is None or number is None else f"dev/bus/usb/{bus:03d}/{number:03d}"
            usable = bool(node) and may_open(board.root / node)
            speed, started = board.number(f"{folder}/speed"), identity == USB_READY
            place = folder.rpartition("/")[2]
            tpus.append(Tpu("usb", place, f"/{node}", started=started, usable=usable, speed_mbps=speed))
    return tpus


def _pci(board: Board, may_open: Callable[[Path], bool]) -> list[Tpu]:
    tpus = []
    with_driver = board.paths("sys/class/apex/apex_*")
    for path in with_driver:
        name = path.rpartition("/")[2]
        millidegrees = board.number(f"{path}/temp")
        temperature_c = None if millidegrees is None else millidegrees / 1000
        usable = may_open(board.root / "dev" / name)
        tpus.append(Tpu("pci", name, f"/dev/{name}", started=True, usable=usable, temperature_c=temperature_c))
    cards = [path.rpartition("/")[0] for path in board.paths("sys/bus/pci/devices/*/vendor")]
    cards = [card for card in cards if (board.text(f"{card}/vendor"), board.text(f"{card}/device")) == PCI]
    for card in cards[len(with_driver) :]:  # without a driver: no apex, and no node
        tpus.append(Tpu("pci", card.rpartition("/")[2], "", started=False, usable=False))
    return tpus


def _may_open(node: Path) -> bool:
    return os.access(node, os.R_OK | os.W_OK)
