"""Input conventions x sources x what is said: right in float32 and uint8, or refused with a remedy that helps.

Two kinds of source are tried, all with EDGEREADY_LONG=1. The rows are in convention_rows.py, the networks in
convention_cases.py: a new kind of source is a name in the one and a function that saves it in the other.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import run_cache
from builds import HERE, NEEDS_TENSORFLOW
from convention_rows import CELLS, COUNT, KINDS, WITHOUT_TENSORFLOW, convert_all, name_of

from edgeready.engine.make import make
from edgeready_device.normalization import PRESETS

# The networks are made with TensorFlow; 15 s with all sources.
pytestmark = [*NEEDS_TENSORFLOW, pytest.mark.slow, pytest.mark.wide]


def matrix() -> dict[str, dict[str, Any]]:
    """What came of every cell; made once for all processes of the run."""
    return run_cache.once("conventions", fill_matrix)


def fill_matrix(folder: Path) -> dict[str, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(HERE / "convention_cases.py"), str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    cases = json.loads((folder / "cases.json").read_text("utf-8"))
    return {**cases, **convert_all(folder, WITHOUT_TENSORFLOW, make)}


@pytest.mark.parametrize(("kind", "source", "said"), CELLS)
def test_pixels_go_in_rightly_or_the_right_options_are_named(kind, source, said):
    case = matrix()[name_of(kind, source, said)]
    right = {"float32": COUNT, "uint8": COUNT, "color": PRESETS[KINDS[kind]].color or "rgb"}
    if said != "another":
        assert case == right
        return
    assert (case.get("error"), case.get("code")) == ("ConversionError", 5)
    assert case["text"].startswith("the float32 network is right on 50.0 % of 64 labelled images with --mean ")
    assert case["text"].endswith(": give the latter, or leave them out")
    assert case["remedied"] == right
