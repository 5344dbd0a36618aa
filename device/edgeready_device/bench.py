"""The package edgeready-bench, which measures and diagnoses, and its verbs: there where somebody wants that."""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

from edgeready_device.errors import RuntimeUnavailableError

VERBS = ("benchmark", "compare", "tune", "doctor")
INSTALL = 'pip install "edgeready-device[bench]" (from a checkout: pip install ./device/bench)'
_PACKAGE = "edgeready_bench"


def bench_installed() -> bool:
    """Whether edgeready-bench is installed; nothing is imported."""
    return importlib.util.find_spec(_PACKAGE) is not None


def bench_module(name: str, what: str) -> ModuleType:
    """The module `name` of edgeready-bench, for `what`; raises RuntimeUnavailableError where it is not installed."""
    if not bench_installed():
        raise not_installed(what)
    return importlib.import_module(f"{_PACKAGE}.{name}")


def not_installed(what: str) -> RuntimeUnavailableError:
    """What is said of `what` where edgeready-bench is not installed."""
    return RuntimeUnavailableError(f"{what} is in the package edgeready-bench, which is not installed: {INSTALL}")


def add(verbs: Any) -> None:
    """Declares the verbs of edgeready-bench, and where it is not installed their names alone."""
    if not bench_installed():
        for name in VERBS:  # no character begins an option, so that every argument is taken as it is
            parser = verbs.add_parser(name, help="(in edgeready-bench)", add_help=False, prefix_chars="\0")
            parser.add_argument("arguments", nargs="*")
            parser.set_defaults(handler=missing, verb=name, debug=False)
        return
    for module in bench_module("commands", "this").VERBS:
        module.add(verbs)


def missing(options: Any) -> int:
    """Raises RuntimeUnavailableError, which names the package."""
    raise not_installed(options.verb)
