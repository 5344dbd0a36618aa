"""The code keeps the project's rules: the tools agree, the ceilings hold, imports run one way."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOST = sorted((ROOT / "host" / "edgeready").rglob("*.py"))
DEVICE = sorted((ROOT / "device" / "edgeready_device").rglob("*.py"))
BENCH = sorted((ROOT / "device" / "bench" / "edgeready_bench").rglob("*.py"))
TENSORFLOW = {"tensorflow", "keras", "tf_keras"}
MOST_MODULE_LINES, MOST_FUNCTION_LINES = 250, 40
NAMES_THAT_SAY_NOTHING = {"utils", "util", "common", "helpers", "helper", "base", "misc"}

every_module = pytest.mark.parametrize("path", [*HOST, *DEVICE, *BENCH], ids=lambda path: str(path.relative_to(ROOT)))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imported(path: Path, *, for_types: bool = True) -> set[str]:
    """The top-level packages that a module imports, anywhere in it; or not `for_types`, under TYPE_CHECKING."""
    tree = parsed(path)
    nodes = list(ast.walk(tree))
    if not for_types:
        blocks = [node for node in nodes if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
        typed = {id(node) for block in blocks for statement in block.body for node in ast.walk(statement)}
        nodes = [node for node in nodes if id(node) not in typed]
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {
        name.partition(".")[0]
        for name in plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    }


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
    assert len(HOST) > 40
    assert len(DEVICE) > 20
    assert len(BENCH) > 20


@every_module
def test_a_module_has_at_most_250_lines(path):
    assert len(path.read_text("utf-8").splitlines()) <= MOST_MODULE_LINES


@every_module
def test_a_function_has_at_most_40_lines(path):
    functions = [n for n in ast.walk(parsed(path)) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    long = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions}
    assert {name: lines for name, lines in long.items() if lines > MOST_FUNCTION_LINES} == {}


@every_module
def test_a_module_has_a_docstring_and_a_name_that_says_something(path):
    assert path.stem not in NAMES_THAT_SAY_NOTHING
    if path.name != "__init__.py" or path.read_text("utf-8"):
        assert ast.get_docstring(parsed(path))


@every_module
def test_no_error_is_swallowed_whole(path):
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ExceptHandler):
            broad = node.type is None or (
                isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
            )
            assert not (broad and all(isinstance(statement, ast.Pass) for statement in node.body)), node.lineno


@every_module
def test_whoever_catches_everything_raises_again_or_gives_a_reason(path):
    lines = path.read_text("utf-8").splitlines()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ExceptHandler):
            names = {name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)} if node.type else {""}
            broad = bool(names & {"", "Exception", "BaseException"})
            raised = any(isinstance(statement, ast.Raise) for statement in ast.walk(node))
            assert not broad or raised or "# " in lines[node.lineno - 1], f"line {node.lineno}"


@pytest.mark.parametrize("path", [path for path in HOST if "tf" not in path.parts], ids=lambda path: path.name)
def test_tensorflow_is_imported_in_its_folder_only(path):
    assert imported(path) & TENSORFLOW == set()


@pytest.mark.parametrize("path", [path for path in HOST if "tf" not in path.parts], ids=lambda path: path.name)
def test_the_folder_tf_is_entered_through_the_child_process_only(path):
    modules = {node.module or "" for node in ast.walk(parsed(path)) if isinstance(node, ast.ImportFrom)}
    entered = {name for name in modules if name.startswith("edgeready.tf")}
    assert entered == ({"edgeready.tf"} if path.name == "worker.py" else set())


@pytest.mark.parametrize("path", DEVICE, ids=lambda path: path.name)
def test_the_device_package_imports_numpy_and_the_standard_library_only(path):
    assert imported(path, for_types=False) <= {*sys.stdlib_module_names, "numpy", "PIL", "edgeready_device"}


@pytest.mark.parametrize("path", DEVICE, ids=lambda path: path.name)
def test_the_device_package_knows_the_second_one_by_its_name_in_one_module_and_by_its_types(path):
    assert imported(path) <= {*sys.stdlib_module_names, "numpy", "PIL", "edgeready_device", "edgeready_bench"}
    texts = [node.value for node in ast.walk(parsed(path)) if isinstance(node, ast.Constant)]
    named = any(isinstance(text, str) and "edgeready_bench" in text for text in texts)
    assert named is (path.name == "bench.py")


@pytest.mark.parametrize("path", BENCH, ids=lambda path: path.name)
def test_the_second_device_package_imports_numpy_and_the_first_only(path):
    assert imported(path) <= {*sys.stdlib_module_names, "numpy", "edgeready_device", "edgeready_bench"}


@pytest.mark.parametrize("folder", ["host", "device", "device/bench"])
def test_no_package_is_importable_from_the_root_of_a_distribution(folder):
    assert not (ROOT / folder / "__init__.py").exists()
