"""docs/commands.md says what the commands do, in both directions."""

from __future__ import annotations

import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

from edgeready import errors
from edgeready.cli import app as cli
from edgeready.cli import terminal
from edgeready_device import cli as device_cli
from edgeready_device import ending
from edgeready_device.commands import terminal as device_terminal
from edgeready_device.runtime.runtime import RUNTIME_VARIABLE

ROOT = Path(__file__).parents[2]
MANUAL = (ROOT / "docs" / "commands.md").read_text("utf-8")


def section(title: str) -> str:
    return MANUAL.split(f"# {title}\n")[1].split("\n## ")[0]


def codes_of_the_manual() -> set[int]:
    return {int(code) for code in re.findall(r"^\| (\d+) \|", section("Exit codes"), re.MULTILINE)}


def classes() -> dict[str, int]:
    """Every error class that the host knows, with its exit code."""
    members = {name: getattr(errors, name) for name in errors.__all__ if name != "EdgereadyError"}
    return {name: kind.exit_code for name, kind in members.items() if isinstance(kind, type)}


def help_of(*arguments: str) -> str:
    command = [sys.executable, "-m", *arguments, "--help"]
    return subprocess.run(command, capture_output=True, text=True, check=True, env={"COLUMNS": "200"}).stdout


def test_the_exit_codes_are_those_of_the_error_classes_and_of_the_verdicts():
    verdicts = {0, terminal.NEGATIVE, terminal.OUR_BUG}
    signals = {128 + number for number in ending.MEANINGS}
    assert codes_of_the_manual() == verdicts | signals | set(classes().values())


def test_every_error_class_has_the_code_that_its_docstring_states():
    for name, code in classes().items():
        assert f"(exit code {code})" in getattr(errors, name).__doc__, name


def test_both_commands_agree_on_the_codes_they_share():
    assert terminal.NEGATIVE == device_terminal.NEGATIVE
    for name in ("OUR_BUG", "INTERRUPTED"):
        assert getattr(terminal, name) == getattr(device_cli, name)


@pytest.mark.parametrize(("module", "missing"), [("edgeready", set()), ("edgeready_device", {5})])
def test_the_help_lists_the_exit_codes_of_the_manual(module, missing):
    text = " ".join(help_of(module).split())
    listed = {int(code) for code in re.findall(r"(?:Exit codes: |; )(\d+) ", text)}
    assert listed == codes_of_the_manual() - missing


def commands_of(program: str) -> set[str]:
    return set(re.findall(rf"^\| `{program} (\w+)", MANUAL, re.MULTILINE))


def test_every_command_of_the_host_is_in_the_manual_and_every_one_there_exists():
    registered = {command.name or command.callback.__name__ for command in cli.app.registered_commands}
    assert commands_of("edgeready") == registered
    assert len(registered) >= 6


def test_every_command_of_the_device_is_in_the_manual_and_every_one_there_exists():
    listed = re.search(r"commands:\n\s+COMMAND\n(.*?)\n\n", help_of("edgeready_device"), re.DOTALL)
    assert listed is not None
    assert commands_of("edgeready-device") == set(re.findall(r"^    (\w+)", listed.group(1), re.MULTILINE))


@pytest.mark.parametrize("manual", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_whatever_a_manual_names_by_its_module_is_there(manual):
    text = manual.read_text("utf-8")
    for name in re.findall(r"\b(edgeready_device(?:\.\w+)+)", text):
        pkgutil.resolve_name(name)
    examples = re.findall(r"(?m)^from (edgeready\S+) import (.*)$", text)
    for module, names in examples:
        for name in names.split(", "):
            pkgutil.resolve_name(f"{module}:{name}")


def test_every_budget_of_the_manual_is_an_option_of_the_commands_it_names():
    budgets = re.findall(r"^\| `(--[a-z0-9-]+) [A-Z]+` \| ([^|]+) \|", section("Budgets"), re.MULTILINE)
    assert len(budgets) >= 3
    for option, commands in budgets:
        for program, verb in re.findall(r"`(edgeready(?:-device)?) (\w+)`", commands):
            assert option in help_of(program.replace("-", "_"), verb), f"{program} {verb}"


def test_the_environment_variables_of_the_manual_are_those_in_the_code():
    named = set(re.findall(r"^\| `(\w+)` \|", section("Environment"), re.MULTILINE))
    assert RUNTIME_VARIABLE in named
    code = "".join(path.read_text("utf-8") for half in ("host", "device") for path in (ROOT / half).rglob("*.py"))
    for name in named:
        assert f'"{name}"' in code, name
    for name in re.findall(r'"(EDGEREADY_[A-Z]+)"', code):
        assert name in named, name
