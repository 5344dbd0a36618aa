"""What a library says becomes one line of at most 200 characters, with what to do in it, however much it says."""

from __future__ import annotations

import ast
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeready import errors
from edgeready.documents.reading import read_documents
from edgeready.errors import LONGEST_LINE, EdgereadyError, fit_reason, reason_of
from edgeready.jobs.converter_log import last_line, refusal
from edgeready.jobs.run import failure
from edgeready_device.image_sets.array_file import read_npz

HOST = Path(__file__).parents[2] / "host" / "edgeready"
LONG = "ValueError: " + "many_words," * 1500
# Errors that edgeready raises itself, with a sentence of its own: they are no library's.
OURS = {*errors.__all__, "NotAFileError", "Fault"}
CUT_BY_ITSELF = {"engine/make.py", "quantization/conventions.py"}  # a log; a note of 80 characters
MOST_WORDS = 115  # characters around a reason: 30 of it, and 44 of names and versions, then fit, too


def test_a_reason_is_the_first_line_of_an_exception_or_its_class():
    assert reason_of(ValueError("  short \n and a second line")) == "short"
    assert reason_of(KeyError()) == "KeyError"
    assert reason_of("red \x1b[31m alert\nand more") == "red  [31m alert and more"


def test_a_short_reason_stays_whole():
    assert fit_reason("net.h5: no (", ValueError("bad"), "): save it again") == "net.h5: no (bad): save it again"


@pytest.mark.parametrize("problem", [LONG, ValueError(LONG), "x" * 16_377, ValueError("\n" + LONG + "\nmore")])
def test_a_long_reason_is_cut_and_what_to_do_stays(problem):
    text = fit_reason("net.h5: it does not load (", problem, "): save it again")
    assert len(f"edgeready: {text}") == 200
    assert text.endswith(" ... --debug shows all): save it again")
    assert "\n" not in text


def test_debug_is_named_once():
    text = fit_reason("it failed: ", LONG, "; --debug shows where")
    assert text.endswith(" ...; --debug shows where")
    assert len(f"edgeready: {text}") == 200


def test_a_long_name_leaves_thirty_characters_of_the_reason():
    name = "/".join(["folder"] * 40)
    text = fit_reason(f"{name}: no (", "y" * 500, "): save it again")
    assert text == f"{name}: no ({'y' * 26} ...): save it again"


TRACEBACK = 'Traceback (most recent call last):\n  File "a.py", line 3, in make\n    do(it)\n       ^^^^\n'


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("loading\nerror: no\n\n", "error: no"),
        (TRACEBACK + "ValueError: too short\nExample:\n\n    return config\n", "ValueError: too short"),
        (
            TRACEBACK + "NotImplementedError: \nObject Odd has none,\n\n   x\n",
            "NotImplementedError: Object Odd has none,",
        ),
        (TRACEBACK + "KeyError:\n", "KeyError:"),
        (f"{TRACEBACK}KeyError: 1\n\nDuring it:\n\n{TRACEBACK}OSError: 2", "OSError: 2"),
        (TRACEBACK, "^^^^"),
        ("\n", "it said nothing"),
    ],
)
def test_the_last_word_of_a_log_is_its_last_line_or_the_first_of_the_exception_that_ended_it(log, line):
    assert last_line(log) == line


@pytest.mark.parametrize("length", [0, 1, 150, 188, 189, 190, 16_377])
def test_every_length_fits(length):
    assert len(fit_reason("", "z" * length)) == min(length, LONGEST_LINE)


@pytest.mark.parametrize("engine", ["TensorFlow", "LiteRT"])
@pytest.mark.parametrize("mode", ["uint8", "float32", "int8-float-fallback", "converting"])
@pytest.mark.parametrize(
    "log",
    [
        LONG,
        f"a\n{LONG}\n\n",
        "error: 'tf.TensorListReserve' op requires element_shape to be static",
        "".join(f"error: 'tf.{'Op' * 40}{number}' op\n" for number in range(40)),
        "Quantization not yet supported for op: 'CUSTOM'",
        "",
    ],
    ids=["one line", "lines", "a loop", "forty ops", "one op", "nothing"],
)
def test_whatever_a_converter_prints_its_refusal_fits_with_a_remedy(log, mode, engine):
    text = str(refusal(1, log, mode, engine=engine))
    assert len(f"edgeready: {text}") <= 200
    assert "\n" not in text
    assert any(remedy in text for remedy in ("replace the layer", "unroll=True", "try another --mode"))


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGILL, signal.SIGFPE, signal.SIGBUS])
def test_a_crash_fits_with_a_remedy(number):
    name = signal.Signals(number).name
    converting = str(refusal(-number, LONG))
    assert len(f"edgeready: {converting}") <= 200
    assert "unroll=True" in converting
    assert str(failure(-number, LONG, "training in 8 bits, epoch 1 of 20")) == (
        f"TensorFlow crashed ({name}) while training in 8 bits, epoch 1 of 20: set TF_ENABLE_ONEDNN_OPTS=0, "
        "or try another --batch-size or --image-size"
    )
    reading = str(failure(-number, LONG, "reading the model"))
    assert reading == f"TensorFlow crashed ({name}) while reading the model: --debug shows all that it printed"
    litert = str(failure(-number, LONG, "training in 8 bits", engine="LiteRT"))
    assert litert == f"LiteRT crashed ({name}) while training in 8 bits: --debug shows all that it printed"


@pytest.mark.parametrize("log", [LONG, f"{LONG}\n", "OOM when allocating", ""])
@pytest.mark.parametrize("stage", ["reading the model", "training, epoch 100 of 100, loss 0.123"])
def test_a_failure_fits_with_what_to_do(log, stage):
    text = str(failure(1, log, stage))
    assert len(f"edgeready: {text}") <= 200
    assert text.endswith(("--debug shows all that it printed", "use smaller images or batches"))


@pytest.mark.parametrize(("read", "name"), [(read_npz, "a.npz"), (lambda path: read_documents([path]), "a.json")])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"{" * 100_000, b"\x00" * 50])
def test_a_damaged_file_is_told_in_one_line(read, name, content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(content)
    with pytest.raises(EdgereadyError) as caught:
        read(Path(name))
    assert len(f"edgeready: {caught.value}") <= 200
    assert "\n" not in str(caught.value)


NODES = [
    (path.relative_to(HOST).as_posix(), node)
    for path in HOST.rglob("*.py")
    for node in ast.walk(ast.parse(path.read_text("utf-8")))
    if isinstance(node, (ast.ExceptHandler, ast.Call))
]


def handlers() -> Iterator[tuple[str, ast.ExceptHandler]]:
    for place, node in NODES:
        if isinstance(node, ast.ExceptHandler) and node.name is not None and node.type is not None:
            yield place, node


def test_no_message_holds_an_error_of_a_library_as_it_is():
    whole = {
        f"{place}:{value.lineno}"
        for place, handler in handlers()
        if place not in CUT_BY_ITSELF and not names_in(handler.type) <= OURS
        for value in ast.walk(handler)
        if isinstance(value, ast.FormattedValue)
        and isinstance(value.value, ast.Name)
        and value.value.id == handler.name
    }
    assert whole == set()


def names_in(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def test_the_words_around_a_reason_leave_room_for_it():
    long = {}
    for place, node in NODES:
        if isinstance(node, ast.Call) and names_in(node.func) == {"fit_reason"}:
            words = [part for argument in node.args for part in ast.walk(argument)]
            count = sum(len(part.value) for part in words if isinstance(part, ast.Constant) and part.value)
            if count > MOST_WORDS:
                long[f"{place}:{node.lineno}"] = count
    assert long == {}
