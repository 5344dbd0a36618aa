"""Which boards: hosts of a command line or an inventory, checked before they reach a command."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeready.errors import NotFoundError, UsageError
from edgeready_device.input_file import require_file
from edgeready_device.text import plain

# A user and a host as OpenSSH takes them: an alias of ~/.ssh/config, a name, or an address, also of IPv6. No word may
# begin with "-", which the client would read as an option.
_WORD = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}@)?[A-Za-z0-9_:][A-Za-z0-9_.:%-]{0,252}")
_MOST_BYTES = 1_000_000  # chosen: 10,000 lines of 100 bytes; more is no inventory
_KEYS = ("ansible_host", "ansible_user", "ansible_port")


@dataclass(frozen=True, kw_only=True)
class Host:
    """A board: the name that people see, and what the OpenSSH client is given."""

    name: str
    address: str
    port: int | None = None


def parse_host(word: str) -> Host:
    """Returns the Host of `[USER@]NAME`. Raises UsageError for what is no such word."""
    if not _WORD.fullmatch(word):
        raise UsageError(f"{plain(word)[:80]!r} is no host: give [USER@]NAME, a port goes into ~/.ssh/config")
    return Host(name=word, address=word)


def read_hosts(words: Sequence[str], inventory: Path | None) -> tuple[Host, ...]:
    """Returns the hosts of a command line and of an inventory, each once.

    Raises UsageError where there is none or a line is no host, NotFoundError for an inventory that is not there.
    """
    hosts = [parse_host(word) for word in words]
    if inventory is not None:
        hosts += _read_inventory(inventory)
    if not hosts:
        raise UsageError("no host: name one, as in pi@raspberrypi.local, or give --inventory")
    names: dict[str, Host] = {}
    for host in hosts:
        if names.setdefault(host.name, host) != host:
            raise UsageError(f"the host {host.name} is there twice, with different addresses: give it another name")
    return tuple(names.values())


def _read_inventory(path: Path) -> list[Host]:
    require_file(path)
    if not path.exists():
        raise NotFoundError(f"{path}: no such file: give the inventory's path")
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig") if len(data) <= _MOST_BYTES else ""
    except UnicodeDecodeError:
        text = ""
    if data and not text:
        raise UsageError(f"{path} is no inventory: it takes one host a line, in UTF-8, in 1 MB at most")
    hosts, is_list = [], True
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split("#")[0].split(";")[0].split()
        if not words:
            continue
        if words[0].startswith("["):
            is_list = _lists_hosts(words[0], f"{path}, line {number}")
        elif is_list:
            hosts.append(_parse_line(words, f"{path}, line {number}"))
    return hosts


def _lists_hosts(section: str, place: str) -> bool:
    """Whether the lines of a section are hosts: those of `:children` are groups, whose hosts stand elsewhere."""
    if section.endswith(":vars]"):
        raise UsageError(f"{place}: {plain(section)[:80]} is not read: put {', '.join(_KEYS)} beside each host")
    return not section.endswith(":children]")


def _parse_line(words: Sequence[str], place: str) -> Host:
    name, *settings = words
    if not _WORD.fullmatch(name):
        raise UsageError(f"{place}: {plain(name)[:80]!r} is no host: give [USER@]NAME, without ranges")
    values = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if key not in _KEYS or not equals:
            raise UsageError(f"{place}: {plain(setting)[:80]!r} is not read: {', '.join(_KEYS)} are")
        values[key] = value.strip("\"'")
    address = values.get("ansible_host", name)
    if "ansible_user" in values:
        address = f"{values['ansible_user']}@{address.rpartition('@')[2]}"
    if not _WORD.fullmatch(address):
        raise UsageError(f"{place}: {plain(address)[:80]!r} is no host: give [USER@]NAME")
    port = values.get("ansible_port")
    if port is not None and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        raise UsageError(f"{place}: the port {plain(port)[:80]!r} is none: give 1 to 65535")
    return Host(name=name, address=address, port=int(port) if port else None)
