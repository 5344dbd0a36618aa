"""Imports run one way: from the commands down to the device package, and never in a circle."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"edgeready": ROOT / "host" / "edgeready", "edgeready_device": ROOT / "device" / "edgeready_device"}
# From top to bottom: a module imports its own folder and what stands in a later line.
HOST_ORDER = """
    __main__
    cli api
    report tf_worker litert_worker torch_worker
    workflows tf
    engine network_search
    proof layer_analysis jobs
    quantization
    dataset edgetpu budget boards documents onnx_file
    config files model_file readiness
    errors
"""
HOST_RANKS = {folder: rank for rank, line in enumerate(HOST_ORDER.split("\n")) for folder in line.split()}
TENSORFLOW = {"tensorflow", "keras", "tf_keras"}


def module_name(package: str, path: Path) -> str:
    return ".".join((package, *path.relative_to(PACKAGES[package]).with_suffix("").parts)).removesuffix(".__init__")


MODULES = {module_name(package, path): path for package, root in PACKAGES.items() for path in root.rglob("*.py")}


def statements(tree: ast.Module, *, for_types: bool) -> Iterator[ast.AST]:
    """Every node anywhere in a module; without `for_types` those under TYPE_CHECKING are left out."""
    blocks = [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    typed = {id(node) for block in blocks for statement in block.body for node in ast.walk(statement)}
    return (node for node in ast.walk(tree) if for_types or id(node) not in typed)


def imported(name: str, *, for_types: bool = True) -> set[str]:
    """The modules that the module `name` imports, anywhere in it, by their full names."""
    names = set()
    for node in statements(ast.parse(MODULES[name].read_text("utf-8")), for_types=for_types):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {each if each in MODULES else node.module for each in full}
    return names


def folder_of(name: str) -> str:
    """The first folder or module below the package; empty for the package itself."""
    return name.split(".")[1] if "." in name else ""


HOST = [name for name in MODULES if name.startswith("edgeready.")]
DEVICE = [name for name in MODULES if name.split(".")[0] == "edgeready_device"]


def test_every_folder_of_the_host_has_its_place_in_the_order():
    assert {folder_of(name) for name in HOST} == set(HOST_RANKS)


def test_the_host_imports_downwards_only():
    upward = [
        f"{name} imports {other}"
        for name in HOST
        for other in imported(name)
        if other.startswith("edgeready.")
        and folder_of(other) != folder_of(name)
        and HOST_RANKS[folder_of(other)] <= HOST_RANKS[folder_of(name)]
    ]
    assert upward == []


@pytest.mark.parametrize("level", ["modules", "folders"])
def test_no_imports_run_in_a_circle(level):
    key = (lambda name: name) if level == "modules" else lambda name: f"{name.split('.')[0]}.{folder_of(name)}"
    graph: dict[str, set[str]] = {}
    for name in MODULES:
        if name in PACKAGES:  # the lazy front door: its imports are for the type checker
            continue
        graph.setdefault(key(name), set()).update(key(other) for other in imported(name) if other in MODULES)
    for node, others in graph.items():
        others.discard(node)
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"a circle: {' > '.join(error.args[1])}")
    assert len(order) >= len(graph) > 20


def test_the_device_package_never_imports_the_host():
    assert [name for name in DEVICE for other in imported(name) if other.split(".")[0] == "edgeready"] == []


def test_the_device_package_imports_numpy_and_the_standard_library_only():
    allowed = {*sys.stdlib_module_names, "numpy", "PIL", "pillow_heif", "edgeready_device"}
    outside = {name: {other.split(".")[0] for other in imported(name, for_types=False)} - allowed for name in DEVICE}
    assert {name: others for name, others in outside.items() if others} == {}


def test_tensorflow_is_imported_in_its_folder_only():
    inside = {name for name in MODULES if {other.split(".")[0] for other in imported(name)} & TENSORFLOW}
    assert {folder_of(name) for name in inside} == {"tf"}
    assert len(inside) > 10


def test_the_folder_tf_is_entered_through_the_worker_only():
    entered = {
        name for name in HOST for other in imported(name) if folder_of(other) == "tf" and folder_of(name) != "tf"
    }
    assert entered == {"edgeready.tf_worker"}
