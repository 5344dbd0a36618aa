from __future__ import annotations

from pathlib import Path

import pytest

from edgeready_device.machine.board import Board
from edgeready_device.machine.tpu import Tpu, TpuLibrary, has_udev_rule, read_tpu_library, read_tpus

USB_NEW = {"idVendor": "1a6e\n", "idProduct": "089a\n", "speed": "5000\n", "busnum": "2\n", "devnum": "7\n"}
USB_READY = {**USB_NEW, "idVendor": "18d1\n", "idProduct": "9302\n"}
HUB = {"idVendor": "1d6b\n", "idProduct": "0003\n", "speed": "5000\n", "busnum": "2\n", "devnum": "1\n"}


@pytest.fixture
def tree(tmp_path):
    """Writes a tree of files and gives the Board below it."""

    def make(files: dict[str, str]) -> Board:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Board(tmp_path)

    return make


def usb(place: str, device: dict[str, str]) -> dict[str, str]:
    return {f"sys/bus/usb/devices/{place}/{name}": text for name, text in device.items()}


def yes(node: Path) -> bool:
    return True


def test_a_machine_without_any_has_none(tree):
    board = tree(usb("usb2", HUB))
    assert (read_tpus(board), read_tpu_library(board), has_udev_rule(board)) == ((), None, False)


@pytest.mark.parametrize(("device", "started"), [(USB_NEW, False), (USB_READY, True)])
def test_a_usb_device_is_known_before_and_after_its_firmware(tree, device, started):
    board = tree({**usb("usb2", HUB), **usb("2-1", device)})
    assert read_tpus(board, yes) == (Tpu("usb", "2-1", "/dev/bus/usb/002/007", started, True, 5000),)


@pytest.mark.parametrize(("speed", "slow"), [("480\n", True), ("12\n", True), ("5000\n", False), ("", False)])
def test_the_links_speed_is_told(tree, speed, slow):
    assert read_tpus(tree(usb("1-1.2", {**USB_NEW, "speed": speed})), yes)[0].slow_link is slow


def test_whether_the_user_may_open_it_is_asked_of_its_node(tree, tmp_path):
    asked = []
    board = tree(usb("2-1", USB_NEW))
    found = read_tpus(board, lambda node: asked.append(node) or False)
    assert (asked, found[0].usable) == ([tmp_path / "dev/bus/usb/002/007"], False)
    assert not read_tpus(board)[0].usable  # and there is no such node


def test_a_node_that_can_be_opened_is_usable(tree):
    assert read_tpus(tree({**usb("2-1", USB_NEW), "dev/bus/usb/002/007": ""}))[0].usable


def test_a_device_whose_numbers_cannot_be_read_has_no_node(tree):
    found = read_tpus(tree(usb("2-1", {**USB_NEW, "busnum": "garbage", "devnum": ""})), yes)
    assert found == (Tpu("usb", "2-1", "/", False, False, 5000),)


def test_a_pci_device_has_a_temperature(tree):
    board = tree({"sys/class/apex/apex_0/temp": "51550\n", "dev/apex_0": ""})
    assert read_tpus(board) == (Tpu("pci", "apex_0", "/dev/apex_0", True, True, None, 51.55),)


@pytest.mark.parametrize("text", ["", "hot\n"])
def test_a_temperature_that_cannot_be_read_is_none(tree, text):
    board = tree({"sys/class/apex/apex_0/temp": text})
    assert read_tpus(board, yes)[0].temperature_c is None


def test_a_pci_device_without_its_driver_is_known_by_its_card(tree):
    card = "sys/bus/pci/devices/0000:03:00.0"
    other = "sys/bus/pci/devices/0000:00:01.0"
    files = {f"{card}/vendor": "0x1ac1\n", f"{card}/device": "0x089a\n", f"{other}/vendor": "0x8086\n"}
    assert read_tpus(tree(files), yes) == (Tpu("pci", "0000:03:00.0", "", False, False),)


def test_a_card_with_a_driver_is_counted_once(tree):
    card = "sys/bus/pci/devices/0000:03:00.0"
    files = {f"{card}/vendor": "0x1ac1\n", f"{card}/device": "0x089a\n", "sys/class/apex/apex_0/temp": "40000\n"}
    assert [tpu.place for tpu in read_tpus(tree(files), yes)] == ["apex_0"]


@pytest.mark.parametrize("variant", ["std", "max"])
def test_the_library_and_its_variant_are_those_of_the_package(tree, variant):
    files = {
        "usr/lib/aarch64-linux-gnu/libedgetpu.so.1": "",
        f"var/lib/dpkg/info/libedgetpu1-{variant}:arm64.list": "",
    }
    assert read_tpu_library(tree(files)) == TpuLibrary("/usr/lib/aarch64-linux-gnu/libedgetpu.so.1", variant)


def test_a_library_of_no_package_has_no_variant(tree):
    found = read_tpu_library(tree({"usr/local/lib/libedgetpu.so.1": "", "var/lib/dpkg/info/libedge.list": ""}))
    assert found == TpuLibrary("/usr/local/lib/libedgetpu.so.1", "")


@pytest.mark.parametrize("folder", ["etc/udev/rules.d", "usr/lib/udev/rules.d", "lib/udev/rules.d"])
def test_a_udev_rule_is_one_that_names_the_vendor(tree, folder):
    assert not has_udev_rule(tree({f"{folder}/60-other.rules": 'ATTRS{idVendor}=="1d6b"'}))
    assert has_udev_rule(tree({f"{folder}/99-edgetpu.rules": 'SUBSYSTEM=="usb",ATTRS{idVendor}=="1a6e"'}))
