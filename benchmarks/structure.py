"""The shape of the code: sizes, import circles, long positional calls, and functions that name values by participles.

    python benchmarks/structure.py [CHECKOUT] [--list]

CHECKOUT is a folder with `host/` and `device/`, so that two versions can be compared; `--list` prints each place.
`tests/test_imports.py`, `test_style.py` and `test_language.py` hold what is wanted; this prints the figures.
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator
from pathlib import Path

# The names that docs/architecture.md rules out, and functions of at most this many lines may still have them.
BARE = frozenset("found given made told kept taken asked one each said seen known wanted held shown tried".split())
SHORT = 3
MOST_POSITIONAL = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", nargs="?", type=Path, default=Path(__file__).resolve().parents[1])
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    modules = product_modules(options.checkout)
    trees = {name: ast.parse(path.read_text("utf-8")) for name, path in modules.items()}
    lines = {name: len(path.read_text("utf-8").splitlines()) for name, path in modules.items()}
    largest = max(lines, key=lines.__getitem__)
    host = options.checkout / "host" / "edgeready"
    entries = sorted(path.name for path in host.iterdir() if path.name not in ("__pycache__", "py.typed"))
    functions = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    figures = {
        "calls with six or more positional arguments": list(long_calls(trees)),
        "functions that name a value by a bare participle": list(participles(trees)),
        "circles of modules": [" ".join(sorted(circle)) for circle in circles(imports(trees))],
    }
    print(f"modules {len(modules)}, lines {sum(lines.values()):,}, largest {largest} with {lines[largest]}")
    print(f"entries of host/edgeready: {len(entries)} ({' '.join(entries)})")
    print(f"functions {len(functions):,}")
    for title, places in figures.items():
        print(f"{title}: {len(places)}")
        if options.list:
            print(*(f"  {place}" for place in places), sep="\n")


def product_modules(checkout: Path) -> dict[str, Path]:
    """The modules below `host/` and `device/` by their full names; a package is a folder with `__init__.py`."""
    modules = {}
    for package in sorted(checkout.glob("host/*/__init__.py")) + sorted(checkout.glob("device/**/__init__.py")):
        if not (package.parents[1] / "__init__.py").exists() and "build" not in package.parts:
            for path in sorted(package.parent.rglob("*.py")):
                parts = path.relative_to(package.parents[1]).with_suffix("").parts
                modules[".".join(parts).removesuffix(".__init__")] = path
    return modules


def imports(trees: dict[str, ast.Module]) -> dict[str, set[str]]:
    """The product modules that each module imports, at any place in it."""
    graph: dict[str, set[str]] = {name: set() for name in trees}
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                graph[name] |= {alias.name for alias in node.names} & trees.keys()
            elif isinstance(node, ast.ImportFrom) and node.module:
                full = {f"{node.module}.{alias.name}" for alias in node.names}
                graph[name] |= {module if module in trees else node.module for module in full} & trees.keys()
    return graph


def circles(graph: dict[str, set[str]]) -> list[frozenset[str]]:
    """The groups of modules that reach one another."""

    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        stack = list(graph[start])
        while stack:
            name = stack.pop()
            if name not in seen:
                seen.add(name)
                stack += graph[name]
        return seen

    reached = {name: reach(name) for name in graph}
    groups = {frozenset(other for other in reached[name] if name in reached[other]) for name in graph}
    return sorted((group for group in groups if len(group) > 1), key=sorted)


def long_calls(trees: dict[str, ast.Module]) -> Iterator[str]:
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                plain = [argument for argument in node.args if not isinstance(argument, ast.Starred)]
                if len(plain) > MOST_POSITIONAL:
                    yield f"{name}:{node.lineno} {ast.unparse(node.func)}"


def participles(trees: dict[str, ast.Module]) -> Iterator[str]:
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= SHORT:
                stored = {x.id for x in ast.walk(node) if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)}
                arguments = {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
                if bare := (stored | arguments | {node.name}) & BARE:
                    yield f"{name}:{node.lineno} {node.name} {' '.join(sorted(bare))}"


if __name__ == "__main__":
    main()
