"""`edgeready report`: what it writes, what it says, and what it refuses without writing anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import report_documents as documents
from foreign_text import HOSTILE, faults
from tflite_models import conv_classifier

import edgeready
from edgeready.errors import DocumentError, NotFoundError, OutputError, UsageError


@pytest.fixture
def files(tmp_path) -> list[str]:
    """The documents of a build and of boards, in the folder of the command."""
    for name, document in (("build", documents.build_document()), ("boards", documents.deploy_document())):
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    return ["build.json", "boards.json"]


def test_it_writes_one_page_and_says_what_is_in_it(run_here, files):
    code, out, err = run_here("report", "out.html", *files)
    text = Path("out.html").read_text("utf-8")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"out.html: {len(text.encode()):,} B, made from",
        "  build.json: build or convert",
        "  boards.json: deploy",
    ]
    assert text.startswith("<!DOCTYPE html>")
    assert "<title>pets.tflite and m.tflite</title>" in text


def test_as_json_it_is_one_document(run_here, files):
    code, out, err = run_here("report", "new/card.md", *files, "--json", "--title", "Pets")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "out": "new/card.md",
        "format": "md",
        "size_bytes": Path("new/card.md").stat().st_size,
        "sources": [
            {"file": "build.json", "command": "build or convert"},
            {"file": "boards.json", "command": "deploy"},
        ],
    }
    assert "\n# Pets\n" in Path("new/card.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "form"), [("a.html", "html"), ("a.HTM", "html"), ("a.md", "md"), ("a.markdown", "md")]
)
def test_the_name_of_the_output_says_the_format(run_here, files, name, form):
    code, _, _ = run_here("report", name, *files, "--format", form)
    assert code == 0
    assert Path(name).read_text("utf-8").startswith("<!DOCTYPE" if form == "html" else "---\n")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("boards.json", "build.json"), "boards.json: name the output file first, something.html or something.md"),
        (("boards.json", "build.json", "--format", "md"), "boards.json: name the output file first, something.md"),
        (("a.html", "build.json", "--format", "md"), "a.html: name the output file first, something.md"),
        (("a.md", "build.json", "--format", "html"), "a.md: name the output file first, something.html"),
        (("page", "build.json"), "page: name the output file first"),
        (("m.tflite", "build.json"), "m.tflite: name the output file first"),
    ],
)
def test_an_output_that_is_no_report_is_refused_and_nothing_is_written(run_here, files, arguments, text):
    before = {path: path.read_bytes() for path in Path.cwd().iterdir()} if Path("build.json").exists() else {}
    code, out, err = run_here("report", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert text in err
    assert before == {} or {path: path.read_bytes() for path in Path.cwd().iterdir()} == before
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["boards.json", "build.json"]


def test_the_output_is_no_file_to_report(run_here, tmp_path):
    page = tmp_path / "a.html"
    page.write_text(json.dumps(documents.build_document()))
    before = page.read_bytes()
    code, out, err = run_here("report", "a.html", page)
    assert (code, out) == (2, "")
    assert "it is among the files to report: name another output first" in err
    assert page.read_bytes() == before


def test_a_page_of_ours_is_written_again_and_nothing_else_is_lost(run_here, files):
    for _ in range(2):
        assert run_here("report", "a.html", *files)[0] == 0
    Path("other.html").write_text("<p>mine")
    Path("README.md").write_text("# mine")
    Path("empty.html").write_text("")
    for name, text in (
        ("other.html", "no report of edgeready's"),
        ("README.md", "perhaps with what you have filled in"),
    ):
        before = Path(name).read_bytes()
        code, out, err = run_here("report", name, *files)
        assert (code, out, err.count("\n")) == (3, "", 1)
        assert err.startswith(f"edgeready: {name}: it is there already")
        assert text in err
        assert Path(name).read_bytes() == before
    assert run_here("report", "empty.html", *files)[0] == 0


def test_a_folder_in_the_place_of_the_output_is_said(run_here, files):
    Path("a.html").mkdir()
    code, out, err = run_here("report", "a.html", *files)
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert "cannot write" in err


def test_without_files_it_is_wrong_usage(run_here):
    code, out, err = run_here("report", "a.html")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "FILE..." in err


@pytest.mark.parametrize(
    ("content", "code", "text"),
    [
        (b"text", 3, "edgeready: a.json: it is no JSON ("),
        (b'{"a": 1}', 3, "edgeready: a.json: it is no document that a report is made of: give what a command wrote"),
        (conv_classifier(), 3, "edgeready: a.json: it is a model: give what `edgeready check a.json --json`"),
        (None, 4, "edgeready: a.json: no such file; give what a command wrote with --json"),
    ],
)
def test_one_file_that_is_not_ours_is_one_line_and_no_page(run_here, files, content, code, text):
    if content is not None:
        Path("a.json").write_bytes(content)
    before = sorted(path.name for path in Path.cwd().iterdir())
    ended, out, err = run_here("report", "out.html", *files, "a.json")
    assert (ended, out, err.count("\n"), faults(err)) == (code, "", 1, [])
    assert err.startswith(text)
    assert sorted(path.name for path in Path.cwd().iterdir()) == before


def test_a_hostile_name_of_a_file_is_clean_everywhere(run_here):
    name = f"{HOSTILE.replace('/', '_')}.json"
    Path(name).write_text(json.dumps(documents.build_document(out=HOSTILE)))
    code, out, err = run_here("report", "a.html", name)
    assert (code, err, faults(out)) == (0, "", [])
    code, out, err = run_here("report", "a.md", name)
    assert (code, err, faults(out)) == (0, "", [])
    assert faults(Path("a.md").read_text("utf-8")) == []


def test_an_output_that_cannot_be_written_is_said(run_here, files):
    Path("file").write_text("")
    code, out, err = run_here("report", "file/a.html", *files)
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert "cannot write" in err


def test_the_python_function_writes_the_same(run_here, files, tmp_path):
    run_here("report", "a.html", *files)
    result = edgeready.write_report(files, out="b.html")
    assert (result.out, result.form) == (Path("b.html"), "html")
    assert Path("b.html").read_bytes() == Path("a.html").read_bytes()
    assert result.to_dict()["sources"][1] == {"file": "boards.json", "command": "deploy"}
    assert edgeready.write_report([tmp_path / "build.json"], out=tmp_path / "c.md", title="T").form == "md"


def test_the_python_function_raises_what_the_command_says(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text").write_text("text")
    for paths, out, error in (
        (["text"], "a.html", DocumentError),
        (["none"], "a.html", NotFoundError),
        ([], "a.html", UsageError),
        (files, "a.pdf", UsageError),
        (files, "text/a.html", OutputError),
    ):
        with pytest.raises(error):
            edgeready.write_report(paths, out=out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["boards.json", "build.json", "text"]
