"""Hosts of a command line and of inventories: hostile text never reaches the OpenSSH client."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from edgeready.boards.connection import Client
from edgeready.boards.hosts import Host, parse_host, read_hosts
from edgeready.boards.probe import Probe
from edgeready.errors import BoardError, NotFoundError, UsageError
from edgeready.workflows.board_wheels import target_of


@pytest.mark.parametrize("word", ["pi@raspberrypi.local", "board-1", "pi@fe80::1%eth0", "10.0.0.7", "a_b@c"])
def test_a_host_is_what_the_openssh_client_takes(word):
    assert parse_host(word) == Host(name=word, address=word)


@pytest.mark.parametrize(
    "word",
    [
        "-oProxyCommand=touch harm",
        "pi@-oX",
        "a b",
        "a\nb",
        "",
        "a;b",
        "$(x)",
        "`x`",
        "pi@",
        "@a",
        "a@b@c",
        "é",
        "a/b",
        "a\x1b",
    ],
)
def test_what_is_no_host_is_refused_before_anything_runs(word):
    with pytest.raises(UsageError, match="is no host: give"):
        parse_host(word)


def test_an_inventory_is_one_host_a_line_or_ansibles_ini(tmp_path):
    path = tmp_path / "boards"
    two = "two ansible_host=10.0.0.2 ansible_user=pi ansible_port=2222\n"
    path.write_text(
        f"pi@one  # the first\n\n[kitchen]\n{two}; a remark\n[house:children]\nkitchen\n[garden]\nthree\n{two}"
    )
    assert read_hosts(["zero"], path) == (
        Host(name="zero", address="zero"),
        Host(name="pi@one", address="pi@one"),
        Host(name="two", address="pi@10.0.0.2", port=2222),
        Host(name="three", address="three"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pi[01:10]", "line 1: 'pi[01:10]' is no host: give [USER@]NAME, without ranges"),
        ("\na ansible_host=-oX", "line 2: '-oX' is no host: give [USER@]NAME"),
        ("a ansible_user=-l", "line 1: '-l@a' is no host: give [USER@]NAME"),
        ("a ansible_port=0", "line 1: the port '0' is none: give 1 to 65535"),
        ("a ansible_port=99999999999", "line 1: the port '99999999999' is none: give 1 to 65535"),
        ("a ansible_password=x", "'ansible_password=x' is not read: ansible_host, ansible_user, ansible_port are"),
        ("[x:vars]\nansible_user=pi", "[x:vars] is not read: put ansible_host, ansible_user, ansible_port beside"),
        ("a ansible_port=1\na ansible_port=2", "the host a is there twice, with different addresses"),
        ("# nothing", "no host: name one, as in pi@raspberrypi.local, or give --inventory"),
        ("\xff\xfe", "is no inventory: it takes one host a line, in UTF-8, in 1 MB at most"),
        ("a\n" * 600_000, "is no inventory: it takes one host a line, in UTF-8, in 1 MB at most"),
    ],
    ids=range(11),
)
def test_what_an_inventory_says_and_is_not_read_is_refused_with_its_line(tmp_path, text, message):
    path = tmp_path / "boards"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError) as caught:
        read_hosts([], path)
    assert message in str(caught.value)
    with pytest.raises(NotFoundError):
        read_hosts([], tmp_path / "absent")


def test_the_client_asks_for_no_password_and_takes_no_new_key(tmp_path):
    client = Client(config=tmp_path / "config", sockets=tmp_path / ("long" * 20), stop=threading.Event())
    command = client.command(Host(name="a", address="pi@a", port=2222), "true")
    assert command[1:5] == ["-F", str(tmp_path / "config"), "-p", "2222"]
    assert {"BatchMode=yes", "StrictHostKeyChecking=yes"} <= set(command)
    assert command[-4:] == ["-T", "--", "pi@a", "true"]
    assert not [word for word in command if word.startswith("ControlPath")]  # its folder's name is too long


def board(machine: str, python: str, libc: str, bits: int) -> Probe:
    none = {"wheels": {}, "version": "", "model_sha256": "", "environment": ""}
    return Probe(machine=machine, python=python, libc=f"glibc {libc}", bits=bits, **none)


@pytest.mark.parametrize(
    ("probe", "runtimes"),
    [
        (board("aarch64", "3.11", "2.36", 64), ["tflite-runtime", "ai-edge-litert"]),
        (board("x86_64", "3.10", "2.35", 64), ["tflite-runtime", "ai-edge-litert"]),
        (board("aarch64", "3.13", "2.41", 64), ["ai-edge-litert"]),
        (board("armv7l", "3.11", "2.36", 32), ["tflite-runtime"]),
        (board("aarch64", "3.11", "2.36", 32), ["tflite-runtime"]),  # a 64-bit kernel below a 32-bit system
    ],
)
def test_a_board_gets_every_runtime_that_has_a_wheel_for_it(probe, runtimes):
    assert [requirement.split("=")[0].split(">")[0] for requirement in target_of(probe).runtimes] == runtimes


@pytest.mark.parametrize(
    ("probe", "message"),
    [
        (
            board("armv6l", "3.11", "2.36", 32),
            "no runtime has a wheel for it (armv6l, 32 bit, Python 3.11, ",
        ),
        (board("armv7l", "3.13", "2.41", 32), "no runtime has a wheel for it (armv7l, 32 bit"),
        (board("riscv64", "3.13", "2.41", 64), "no runtime has a wheel for it (riscv64, 64 bit"),
        (board("aarch64", "3.9", "2.31", 64), "deploy needs CPython 3.10 and glibc 2.34 there"),
        (board("aarch64", "3.11", "x", 64), "deploy needs CPython 3.10 and glibc 2.34 there"),
    ],
)
def test_a_board_without_a_runtime_is_refused(probe, message):
    with pytest.raises(BoardError) as caught:
        target_of(probe)
    assert message in str(caught.value)


def test_the_manual_names_every_variable_of_the_ansible_role():
    docs = Path(__file__).parents[2] / "docs"
    role = docs / "ansible" / "roles" / "edgeready_board"
    manual = re.findall(r"^\| `(edgeready_board_\w+)`", (docs / "deploy.md").read_text("utf-8"), re.MULTILINE)
    specified = re.findall(r"^      (\w+):$", (role / "meta" / "argument_specs.yml").read_text("utf-8"), re.MULTILINE)
    defaults = re.findall(r"^(\w+):", (role / "defaults" / "main.yml").read_text("utf-8"), re.MULTILINE)
    tasks = (role / "tasks" / "main.yml").read_text("utf-8")
    assert manual == specified == ["edgeready_board_bundle", "edgeready_board_place"]
    assert defaults == ["edgeready_board_place"]
    assert all(name in tasks for name in manual)
