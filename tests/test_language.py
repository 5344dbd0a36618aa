"""Names say what a value is: a variable is a noun, a function starts with a verb."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PRODUCT = (ROOT / "host" / "edgeready", ROOT / "device" / "edgeready_device")
MODULES = sorted(path for folder in PRODUCT for path in folder.rglob("*.py"))
# Words that say that something happened to a value, and not what it is.
BARE = set(
    """
    found given made told kept taken asked said seen known wanted held shown tried got gone drawn sent thrown begun
    one each opened loaded chosen judged listed climbed joined fitted mended tested counted called written wrote
    """.split()
)
NOUNS_IN_ED = {"seed", "speed", "need", "feed"}
SHORT_LINES = 3  # in a function of so few lines a name is read beside its meaning
ALLOWED: set[str] = set()


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


def is_long(node: ast.FunctionDef) -> bool:
    return (node.end_lineno or 0) - node.lineno + 1 > SHORT_LINES


def variables(node: ast.FunctionDef) -> set[str]:
    """The names that a function stores to, its parameters and those of functions in it among them."""
    stored = {name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}
    return stored | {argument.arg for argument in ast.walk(node) if isinstance(argument, ast.arg)}


def is_property(node: ast.FunctionDef) -> bool:
    return any("property" in ast.unparse(decorator) for decorator in node.decorator_list)


def test_no_variable_is_a_bare_participle():
    bad = {place: sorted(names) for place, node in functions() if is_long(node) and (names := variables(node) & BARE)}
    assert {place: names for place, names in bad.items() if place not in ALLOWED} == {}


def test_no_function_is_called_by_a_bare_participle():
    def bare(name: str) -> bool:
        word = name.strip("_")
        return word in BARE or (word.endswith("ed") and "_" not in word and word not in NOUNS_IN_ED)

    bad = [place for place, node in functions() if bare(node.name) and is_long(node) and not is_property(node)]
    assert [place for place in bad if place not in ALLOWED] == []


def test_the_allow_list_is_empty():
    assert set() == ALLOWED
