"""The code keeps the project's rules: the tools agree and the ceilings hold."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOST = sorted((ROOT / "host" / "edgeready").rglob("*.py"))
DEVICE = sorted((ROOT / "device" / "edgeready_device").rglob("*.py"))
MODULES = [*HOST, *DEVICE]
MOST_MODULE_LINES, MOST_FUNCTION_LINES = 400, 50
MOST_POSITIONAL = 5
NAMES_THAT_SAY_NOTHING = {"utils", "util", "common", "helpers", "helper", "base", "misc"}
BROAD = {"", "Exception", "BaseException"}


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def nodes(kind: type | tuple[type, ...]) -> Iterator[tuple[str, Path, ast.AST]]:
    """Every node of `kind` in the product, with the place to print and the module."""
    for path in MODULES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, kind):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", path, node


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "--no-cache"),
        ("ruff", "format", "--check", "--no-cache", "host", "device", "tests", "benchmarks"),
        ("mypy",),
    ],
    ids=["ruff check", "ruff format", "mypy"],
)
def test_the_tool_has_nothing_to_say(command):
    pytest.importorskip(command[0])
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_is_something_to_look_at():
    assert len(HOST) > 100
    assert len(DEVICE) > 60


def test_a_module_has_at_most_400_lines():
    lines = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    assert {path: count for path, count in lines.items() if count > MOST_MODULE_LINES} == {}


def test_a_function_has_at_most_50_lines():
    functions = nodes((ast.FunctionDef, ast.AsyncFunctionDef))
    lengths = {f"{place} {node.name}": node.end_lineno - node.lineno + 1 for place, _, node in functions}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_FUNCTION_LINES} == {}


def test_a_module_has_a_docstring_and_a_name_that_says_something():
    assert [path for path in MODULES if path.stem in NAMES_THAT_SAY_NOTHING] == []
    assert [path for path in MODULES if path.read_text("utf-8") and not ast.get_docstring(parsed(path))] == []


def test_a_call_has_at_most_five_positional_arguments():
    def positional(call: ast.Call) -> int:
        return sum(not isinstance(argument, ast.Starred) for argument in call.args)

    assert [place for place, _, call in nodes(ast.Call) if positional(call) > MOST_POSITIONAL] == []


def test_whoever_catches_everything_raises_again_or_gives_a_reason_and_never_passes():
    for place, path, node in nodes(ast.ExceptHandler):
        names = {name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)} if node.type else {""}
        if names & BROAD:
            raised = any(isinstance(statement, ast.Raise) for statement in ast.walk(node))
            assert raised or "# " in path.read_text("utf-8").splitlines()[node.lineno - 1], place
            assert not all(isinstance(statement, ast.Pass) for statement in node.body), place


@pytest.mark.parametrize("folder", ["host", "device"])
def test_no_package_is_importable_from_the_root_of_a_distribution(folder):
    assert not (ROOT / folder / "__init__.py").exists()
