"""A hostile name, wherever a file can bring one in, controls no terminal, no log of a machine, and no annotation."""

from __future__ import annotations

import ast
import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest
from compiled_models import LOG
from foreign_text import COLOUR, HOSTILE, faults
from rich.console import Console
from test_report import result
from tflite_models import O, T, tflite

import edgeready.report
from edgeready.cli.progress import progress_bar
from edgeready.cli.terminal import CleanConsole, print_view, say
from edgeready.edgetpu.compiler_log import Failure, parse_log
from edgeready.edgetpu.outcome import Difference, Outcome, RowDifference
from edgeready.readiness import check_graph
from edgeready.report.annotations import format_github, format_sarif
from edgeready.report.build import build_view
from edgeready.report.lines import line
from edgeready.report.readiness import compilation_view, log_view, readiness_view
from edgeready.report.tables import new_table
from edgeready.workflows.compile import Compilation
from edgeready_device.tflite.graph import read_graph

FILE_NAME = HOSTILE.replace("/", "_")


def hostile_model() -> bytes:
    """Custom and unmapped ops between tensors, all of them with hostile names."""
    tensors = [T(f"{HOSTILE}/{i}", (1, 4), "int8", 0.1) for i in range(3)]
    ops = [
        O("CUSTOM", [tensors[0].name], [tensors[1].name], custom_code=HOSTILE),
        O("ELU", [tensors[1].name], [tensors[2].name]),
    ]
    return tflite(tensors=tensors, ops=ops, inputs=[tensors[0].name], outputs=[tensors[2].name])


def hostile_log() -> str:
    version = LOG.replace("16.0.384591198", "16\x1b[2J\x1b]0;t\x07\x9b##[error]x")
    return version.replace("Mapped to Edge TPU", f"Mapped{HOSTILE.replace(chr(10), ' ').replace(chr(13), '')[:200]}")


def shown(view, terminal: bool = False) -> str:
    text = io.StringIO()
    CleanConsole(file=text, force_terminal=terminal, soft_wrap=True, highlight=False).print(view)
    return text.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
def test_markup_and_control_characters_in_a_view_are_text(terminal):
    table = new_table("of", "name")
    table.add_cells("1", HOSTILE)
    text = shown(table, terminal) + shown(line(HOSTILE, "red"), terminal) + shown(HOSTILE.replace("[", "("), terminal)
    assert faults(COLOUR.sub("", text)) == []
    assert text.count("[red]m[/red] [/] %0A") == 2
    assert ("\x1b[31m" in text) is terminal


def test_the_door_cleans_a_view_that_nobody_cleaned(capsys):
    print_view(HOSTILE.replace("[", "("))
    say(HOSTILE)
    written = capsys.readouterr()
    assert faults(written.out) == []
    assert faults(written.err) == []
    assert written.err.count("\n") == 1


def test_a_compiler_log_reaches_the_terminal_clean(run_here):
    Path("m.log").write_text(hostile_log())
    code, out, err = run_here("check", "m.log")
    assert (code, err) == (1, "")
    assert out.splitlines()[0] == "m.log: 0 of 3 ops mapped by compiler 16 [2J ]0;t  # #[error]x"
    assert faults(out) == []


def test_the_failure_in_a_log_is_one_line(run_here):
    Path("m.log").write_text(
        "Edge TPU Compiler version 16\x1b[2J\nInternal compiler error\x1b]0;t\x07\r\x0b::error::x\u202e\n"
    )
    code, out, _ = run_here("check", "m.log")
    assert code == 1
    assert faults(out) == []
    assert out.count("\n") == 4


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_a_model_full_of_hostile_names_is_checked_in_every_format(run_here, form):
    Path(f"{FILE_NAME}.tflite").write_bytes(hostile_model())
    code, out, err = run_here("check", f"{FILE_NAME}.tflite", "--format", form)
    assert (code, err) == (1, "")
    if form == "github":
        lines = out.splitlines()
        assert all(line.startswith("::error file=x ") for line in lines)
        assert len(lines) == 2
        out = "\n".join(line[2:] for line in lines)
    assert faults(out) == []
    if form == "sarif":
        texts = json.dumps(json.loads(out), ensure_ascii=False)
        assert faults(texts) == []
        assert "\\u00" not in texts


def test_a_file_that_is_no_model_is_named_in_one_clean_line(run_here):
    Path(f"{FILE_NAME}.tflite").write_bytes(b"no model")
    code, out, err = run_here("check", f"{FILE_NAME}.tflite")
    assert (code, out, err.count("\n"), faults(err)) == (3, "", 1, [])


def test_a_usage_error_and_a_traceback_are_clean(run_here):
    code, _, err = run_here("check", "a.tflite", "--format", HOSTILE)
    assert (code, err.count("\n"), faults(err)) == (2, 1, [])
    code, _, err = run_here("check", HOSTILE, "--debug")
    assert (code, faults(err)) == (4, [])
    assert "Traceback" in err


def test_class_folders_with_hostile_names_are_shown_in_their_rows(run_here):
    pytest.importorskip("PIL")
    from PIL import Image

    for name in ("##[error]longer", "::error::forged", "[red]b[-red]"):
        folder = Path("data") / name
        folder.mkdir(parents=True)
        for number in range(8):
            pixels = np.random.default_rng([ord(name[1]), number]).integers(0, 256, (8, 8), np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    code, out, err = run_here("data", "data")
    assert (code, err) == (0, "")
    assert out.count("\n") == 6
    assert "[red]b[-red]" in out
    assert faults(out) == []
    (Path("data") / "[red]b[-red]").rename(Path("data") / FILE_NAME)
    code, out, err = run_here("data", "data")
    assert (code, out, err.count("\n"), faults(err)) == (3, "", 1, [])


def test_a_finished_build_shows_hostile_rewrites_names_and_reasons():
    build = result()
    lines = shown(build_view(build, "IMAGE")).count("\n")
    hostile = dataclasses.replace(build, rewrites=(HOSTILE,), proposals=(HOSTILE,), out=Path(HOSTILE))
    text = shown(build_view(hostile, HOSTILE))
    assert text.count("\n") == lines + 2
    assert faults(text) == []


def test_a_compilation_shows_hostile_names_in_their_lines():
    log = dataclasses.replace(
        parse_log(hostile_log()),
        failure=Failure(message=HOSTILE, cause=HOSTILE, remedy=HOSTILE),
    )
    report = check_graph(read_graph(hostile_model()), file=HOSTILE)
    outcome = Outcome(
        mapped=0,
        total=1,
        differences=(Difference(op=0, name=HOSTILE, predicted="cpu", actual="edgetpu", rule="x"),),
        rows=(RowDifference(op=HOSTILE, status=HOSTILE, predicted=1, actual=0),),
    )
    compilation = Compilation(out=Path(HOSTILE), report=report, log=log, packages=(), outcome=outcome)
    text = shown(compilation_view(compilation)) + shown(log_view(HOSTILE, log)) + shown(readiness_view(report))
    assert faults(text) == []


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_annotations_hold_no_command_of_a_file():
    report = check_graph(read_graph(hostile_model()), file=f"{HOSTILE}\udcff")
    assert faults("\n".join(line[2:] for line in format_github([report])).replace("\udcff", "")) == []
    uris = {
        r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for r in format_sarif([report])["runs"][0]["results"]
    }
    assert [faults(uri) for uri in uris] == [[]]
    assert next(iter(uris)).endswith("%FF")


def test_the_label_of_a_progress_bar_means_no_markup():
    text = io.StringIO()
    with progress_bar(Console(file=text, force_terminal=True, width=400)) as progress:
        progress(f"[/] {HOSTILE}", 1, 2)
    assert "[/] x [2J ]0;title" in text.getvalue()
    assert not {"\x07", "\x9b", "\u202e"} & set(text.getvalue())


def test_every_view_is_made_of_clean_lines():
    """A view that makes its text by another way than `lines` and `tables` would have to clean it by itself."""
    folder = Path(edgeready.report.__file__).parent
    others = [path for path in folder.glob("*.py") if path.name not in ("lines.py", "tables.py")]
    called = {
        f"{path.name}: {name}"
        for path in others
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        for name in [getattr(node.func, "id", getattr(node.func, "attr", ""))]
        if name in {"Text", "from_markup", "assemble", "Table", "add_row", "print"}
    }
    assert len(others) >= 12
    assert called == set()
