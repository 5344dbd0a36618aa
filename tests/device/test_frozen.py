"""A frozen program starts itself in place of a Python: it does a child's work then, or refuses, and never loops."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeready_device.isolation import child
from edgeready_device.isolation.child import module_arguments, start_child

# What PyInstaller makes: a program whose sys.executable is itself. It counts its starts, and ends a loop.
PROGRAM = """#!{python}
import os, sys
sys.frozen, sys.executable = True, {program!r}
with open({starts!r}, "a") as file:
    file.write("x")
if len(open({starts!r}).read()) > 5:
    os._exit(99)
sys.path[:0] = {path!r}
{first}
from edgeready_device import Model
from edgeready_device.errors import EdgereadyError
try:
    model = Model.load({model!r}, runtime="ai-edge-litert", delegate={delegate!r})
    print(model.delegate.ops_taken)
except EdgereadyError as error:
    print(f"{{type(error).__name__}}: {{error}}")
"""
SUPPORT = "import edgeready_device\nedgeready_device.freeze_support()"


@pytest.fixture
def frozen(tmp_path, model, delegate_library, litert):
    """Runs a program that is frozen, with the lines `first` in it: what it printed, and how often it was started."""

    def run(first: str) -> tuple[str, int]:
        program, starts = tmp_path / "program", tmp_path / "starts"
        program.write_text(
            PROGRAM.format(
                python=sys.executable,
                program=str(program),
                starts=str(starts),
                path=[path for path in sys.path if path],
                first=first,
                model=str(model("conv")),
                delegate=f"{delegate_library},take=22",
            )
        )
        program.chmod(0o755)
        done = subprocess.run([str(program)], capture_output=True, text=True, timeout=60, check=False)
        assert done.stderr == ""
        return done.stdout, len(starts.read_text())

    return run


def test_a_frozen_program_that_supports_it_tries_a_delegate_in_itself(frozen):
    assert frozen(SUPPORT) == ("1\n", 2)


def test_a_frozen_program_that_does_not_is_told_what_to_call(frozen):
    assert frozen("") == (
        "SurroundingsError: this is a frozen program, which would start itself in place of a child process: call "
        "edgeready_device.freeze_support() first of all in it\n",
        1,
    )


@pytest.mark.parametrize("module", ["os", "edgeready_devices", "edgeready_device"])
def test_a_frozen_program_does_no_other_work_than_ours(monkeypatch, module):
    monkeypatch.setattr(sys, "argv", ["program", child.CHILD_FLAG, module])
    monkeypatch.setenv("EDGEREADY_PARENT", str(os.getppid()))
    child.freeze_support()
    assert sys.argv == ["program", child.CHILD_FLAG, module]


def test_where_nothing_is_frozen_the_call_does_nothing(monkeypatch):
    monkeypatch.setattr(child, "_supports_freezing", False)
    child.freeze_support()
    assert module_arguments("edgeready_device.trial_child")[0] == "-c"


@pytest.mark.parametrize("executable", ["", None])
def test_an_embedded_python_that_does_not_know_its_program_says_so(monkeypatch, executable):
    monkeypatch.setattr(sys, "executable", executable)
    with pytest.raises(child.SurroundingsError, match=r"sys\.executable is empty"):
        start_child(["-c", ""], errors=subprocess.DEVNULL)


def test_a_python_that_is_gone_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(child.SurroundingsError, match=r"^no child process can be started: .*python: cannot be used"):
        start_child(["-c", ""], errors=subprocess.DEVNULL)
    assert list(Path(tmp_path).iterdir()) == []
