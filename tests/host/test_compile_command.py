"""`edgeready compile`, with a stand-in for edgetpu_compiler and for docker that says what public logs say."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from compiled_models import CUSTOM, MIX, compiled, mixed, options, two_executables, whole
from tflite_models import O, T, conv_classifier, one_op, tflite

from edgeready import __version__
from edgeready.edgetpu import compiler
from edgeready.edgetpu.compiler import run_compiler
from edgeready.errors import ConversionError, RuntimeUnavailableError
from edgeready.model_file.metadata_entry import with_metadata
from edgeready.model_file.tflite_metadata import tflite_metadata
from edgeready.model_file.writer import package
from edgeready_device.model_file.golden import GoldenVectors
from edgeready_device.model_file.manifest import InputSpec, Manifest
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.tflite.metadata import ENTRY

STAND_IN = """\
#!/bin/sh
here=$(dirname "$0")
printf '%s\\n' "$@" > "$here/arguments"
for last; do :; done
cat "$last" > "$here/given" 2> /dev/null
while [ "$1" != -o ]; do shift; done
[ -f "$here/made" ] && cat "$here/made" > "$2/model_edgetpu.tflite"
cat "$here/said"
exit "$(cat "$here/code")"
"""
DOCKER = """\
#!/bin/sh
here=$(dirname "$0")
printf '%s\\n' "$@" > "$here/docker-arguments"
echo "docker: no such image"
exit 125
"""
PATIENT = """\
#!/bin/sh
here=$(dirname "$0")
trap 'touch "$here/ended"; exit 1' TERM
touch "$here/started"
while :; do sleep 0.02; done
"""
ALL = """\
Edge TPU Compiler version 16.0.384591198

Input model: model.tflite
Number of Edge TPU subgraphs: 1

Operator                       Count      Status

CONV_2D                        1          Mapped to Edge TPU
FULLY_CONNECTED                1          Mapped to Edge TPU
MAX_POOL_2D                    1          Mapped to Edge TPU
QUANTIZE                       2          Mapped to Edge TPU
RESHAPE                        1          Mapped to Edge TPU
SOFTMAX                        1          Mapped to Edge TPU
"""
SPEC = InputSpec(8, 8, 1)
LABELS = ("cat", "dog", "emu")


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """A folder alone on PATH beside the system's, with the stand-ins; returns how to set what they do."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def install(said: str, made: bytes | None = None, code: int = 0) -> Path:
        (folder / "edgetpu_compiler").write_text(STAND_IN)
        (folder / "edgetpu_compiler").chmod(0o755)
        (folder / "said").write_text(said)
        (folder / "code").write_text(str(code))
        if made is not None:
            (folder / "made").write_bytes(made)
        return folder

    return install


def written(folder: Path, data: bytes) -> Path:
    path = folder / "net.tflite"
    path.write_bytes(data)
    return path


def ours() -> bytes:
    return package(conv_classifier(), Manifest("net", SPEC, "probabilities", {"mode": "uint8"}), LABELS, "1.2")


def test_a_model_that_is_all_mapped_is_proved_and_the_prediction_right(tools, run_here, tmp_path):
    model = written(tmp_path, conv_classifier())
    folder = tools(ALL, whole(conv_classifier()))
    code, out, err = run_here("compile", model, "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert (found["out"], found["proved"], found["predicted_ready"]) == (
        str(tmp_path / "net_edgetpu.tflite"),
        True,
        True,
    )
    assert found["outcome"] == {"mapped": 7, "total": 7, "differences": [], "row_differences": []}
    assert found["compiled"][0]["min_runtime_version"] == 14
    assert (folder / "given").read_bytes() == conv_classifier()
    options = (folder / "arguments").read_text().splitlines()
    assert options[:2] == ["-s", "-o"]
    assert options[-1].endswith("/model.tflite")


def test_an_older_runtime_is_handed_to_the_compiler(tools, run_here, tmp_path):
    folder = tools(ALL, whole(conv_classifier()))
    assert run_here("compile", written(tmp_path, conv_classifier()), "--runtime", "13")[0] == 0
    assert (folder / "arguments").read_text().splitlines()[:3] == ["-s", "-m", "13"]


def test_a_model_mapped_in_part_ends_with_1_and_the_table_is_shown(tools, run_here, tmp_path):
    model, made = mixed()
    tools(MIX, made)
    code, out, _ = run_here("compile", written(tmp_path, model))
    assert code == 1
    assert "LEAKY_RELU                     1          Operation not supported\n" in out
    assert "already compiled, 1 Edge TPU op, 2 ops on the CPU" in out
    assert "prediction: right for all 4 ops and every row of the table" in out


def test_what_was_predicted_wrong_is_printed_op_by_op_and_row_by_row(tools, run_here, tmp_path):
    model, _ = mixed()
    text = MIX.replace("More than one subgraph is not supported", "Mapped to Edge TPU")
    tools(text.replace("Operation not supported", "Mapped to Edge TPU"), whole(model))
    code, out, _ = run_here("compile", written(tmp_path, model))
    assert code == 0
    lines = out.splitlines()
    assert "prediction WRONG: op 2 LEAKY_RELU is edgetpu, predicted cpu (unsupported-op)" in lines
    assert "prediction WRONG: op 3 FULLY_CONNECTED is edgetpu, predicted cpu (downstream)" in lines
    assert "table: LEAKY_RELU 'Mapped to Edge TPU' has 1 ops, predicted 0" in lines
    assert "table: FULLY_CONNECTED 'Mapped to Edge TPU' has 2 ops, predicted 1" in lines
    assert "table: LEAKY_RELU 'Operation not supported' has 0 ops, predicted 1" in lines


def test_an_uncertain_op_that_is_refused_is_no_wrong_prediction(tools, run_here, tmp_path):
    tensors = [T(name, (1, 20000), "int8", 0.1) for name in ("x", "a", "y")]
    softmax = O("SOFTMAX", ["a"], ["y"], options={"beta": 1.0})
    ends = {"inputs": ["x"], "outputs": ["y"]}
    edgetpu = O("CUSTOM", ["x"], ["a"], custom_code=CUSTOM)
    table = "RELU  1  Mapped to Edge TPU\nSOFTMAX  1  More than one subgraph is not supported\n"
    tools(
        f"Edge TPU Compiler version 16.0.384591198\n\nOperator  Count  Status\n\n{table}",
        compiled(tensors, [edgetpu, softmax], options(two_executables()), **ends),
    )
    model = written(tmp_path, tflite(tensors=tensors, ops=[O("RELU", ["x"], ["a"]), softmax], **ends))
    _, out, _ = run_here("compile", model)
    assert "uncertain: op 1 SOFTMAX is cpu, predicted uncertain (softmax-size)" in out.splitlines()
    assert "prediction WRONG" not in out
    found = json.loads(run_here("compile", model, "--json")[1])
    assert (found["proved"], found["predicted_verdict"]) == (False, "probably ready")


def test_labels_metadata_and_manifest_are_in_the_compiled_file(tools, run_here, tmp_path):
    tools(ALL, whole(conv_classifier()))
    assert run_here("compile", written(tmp_path, ours()))[0] == 0
    file = read_model_file(tmp_path / "net_edgetpu.tflite")
    assert (file.labels, file.manifest.name, file.manifest.input) == (LABELS, "net", SPEC)
    assert file.metadata.label_file == "labels.txt"
    assert set(file.manifest.provenance["compiled_from"]) == {"flatbuffer", "labels.txt"}
    assert file.golden is None
    assert [op.custom_code for op in file.graph.ops] == ["edgetpu-custom-op"]


def test_the_parts_of_a_foreign_file_are_kept_as_they_are(tools, run_here, tmp_path):
    tail = io.BytesIO()
    golden = some_golden_vectors()
    described = tflite_metadata("theirs", "9", SPEC, "labels.txt", [])
    tail.write(with_metadata(conv_classifier(), ENTRY, described))
    with zipfile.ZipFile(tail, "w") as archive:
        archive.writestr("labels.txt", "a\nb\nc\n")
        archive.writestr("more/notes.txt", "hello")
        archive.writestr("golden.npz", golden)
    tools(ALL, whole(conv_classifier()))
    assert run_here("compile", written(tmp_path, tail.getvalue()))[0] == 0
    with zipfile.ZipFile(tmp_path / "net_edgetpu.tflite") as archive:
        assert archive.namelist() == ["labels.txt", "more/notes.txt"]
        assert archive.read("more/notes.txt") == b"hello"
    file = read_model_file(tmp_path / "net_edgetpu.tflite", check_hashes=False)
    assert file.labels == ("a", "b", "c")
    assert file.graph.metadata[ENTRY] == described


def test_a_damaged_part_of_a_foreign_file_is_an_error_and_nothing_is_written(tools, run_here, tmp_path):
    tail = io.BytesIO()
    tail.write(conv_classifier())
    with zipfile.ZipFile(tail, "w") as archive:
        archive.writestr("notes.txt", "hello")
    tools(ALL, whole(conv_classifier()))
    code, err = failed(run_here, tmp_path, data=tail.getvalue().replace(b"hello", b"jello"))
    assert code == 3
    assert "its part 'notes.txt' is damaged (Bad CRC-32" in err


def test_a_part_that_unpacks_to_too_much_is_refused(tools, run_here, tmp_path):
    tail = io.BytesIO()
    tail.write(conv_classifier())
    with zipfile.ZipFile(tail, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.txt", bytes(65 << 20))
    tools(ALL, whole(conv_classifier()))
    code, err = failed(run_here, tmp_path, data=tail.getvalue())
    assert code == 3
    assert "its parts unpack to 68,157,440 bytes: refused" in err


def _metadata_of(data: bytes) -> bytes:
    from edgeready_device.model_file.reader import flatbuffer_of
    from edgeready_device.tflite.graph import read_graph

    return read_graph(flatbuffer_of(data)).metadata[ENTRY]


def some_golden_vectors() -> bytes:
    """Golden vectors of conv_classifier, not computed."""
    outputs = {"ai-edge-litert 2.3.0 reference": np.zeros((1, 3), np.uint8)}
    return GoldenVectors(np.zeros((1, 8, 8, 1), np.uint8), outputs).to_bytes()


def test_the_compiler_calls_every_custom_op_custom_and_so_does_the_comparison(tools, run_here, tmp_path):
    ends = [T("x", (1, 4), "int8", 0.1)], [T("y", (1, 4), "int8", 0.1)]
    data = one_op("CUSTOM", *ends, custom_code="TFLite_Detection_PostProcess")
    row = "CUSTOM                         1          Operation is working on an unsupported data type\n"
    tools(ALL[: ALL.index("CONV_2D")] + row, data)
    code, out, _ = run_here("compile", written(tmp_path, data), "--json")
    assert code == 1
    assert json.loads(out)["outcome"] == {"mapped": 0, "total": 1, "differences": [], "row_differences": []}


def test_a_bare_model_stays_bare(tools, run_here, tmp_path):
    made = whole(conv_classifier())
    tools(ALL, made)
    assert run_here("compile", written(tmp_path, conv_classifier()), "--out", tmp_path / "x.tflite")[0] == 0
    assert (tmp_path / "x.tflite").read_bytes() == made


def failed(run_here, tmp_path, *options, data=None) -> tuple[int, str]:
    """Exit code and the one line on standard error; nothing else is written."""
    before = {path.name for path in tmp_path.iterdir()} | {"net.tflite"}
    code, out, err = run_here("compile", written(tmp_path, data or conv_classifier()), *options)
    assert out == ""
    assert err.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == before
    return code, err


def test_without_a_compiler_it_says_what_to_install(run_here, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, err = failed(run_here, tmp_path)
    assert code == 6
    assert err == (
        "edgeready: edgetpu_compiler is not on PATH: install it (x86-64 Linux only), or name a container image that "
        "has it with --container IMAGE\n"
    )
    assert failed(run_here, tmp_path, "--container", "coral")[1] == (
        "edgeready: docker is not on PATH: install it to use --container\n"
    )


def test_a_refusal_is_told_with_its_cause(tools, run_here, tmp_path):
    tools("Edge TPU Compiler version 16.0\nERROR: Op builtin_code out of range: 150\nInvalid model: m\n", code=1)
    code, err = failed(run_here, tmp_path)
    assert code == 5
    assert "makes nothing of it: ERROR: Op builtin_code out of range: 150 (the op came to TFLite after" in err


@pytest.mark.parametrize(
    ("said", "made", "code", "line"),
    [
        ("", None, 0, "edgetpu_compiler ended with 0 and no table: it said nothing"),
        ("segmentation fault", None, 139, "edgetpu_compiler ended with 139 and no table: segmentation fault"),
        (ALL, None, 0, "edgetpu_compiler ended with 0 and no table: SOFTMAX"),
        (ALL, b"no model", 0, "the compiler wrote no model: "),
        (ALL, b"", 0, "the compiler wrote no model: the file has 0 bytes"),
    ],
    ids=["silent", "crashed", "no file", "garbage", "empty"],
)
def test_a_compiler_that_makes_no_sense_is_one_line_with_exit_code_5(
    tools, run_here, tmp_path, said, made, code, line
):
    tools(said, made, code)
    ended, err = failed(run_here, tmp_path)
    assert ended == 5
    assert err.startswith(f"edgeready: {line}")


def test_a_compiler_that_does_not_end_is_stopped(tools):
    (tools("") / "edgetpu_compiler").write_text("#!/bin/sh\nexec sleep 60\n")
    with pytest.raises(ConversionError, match=r"did not finish in 0\.2 s"):
        run_compiler(conv_classifier(), timeout_s=0.2)


def test_a_compiler_that_is_stopped_gets_a_chance_to_end_what_it_started(tools):
    folder = tools("")
    (folder / "edgetpu_compiler").write_text(PATIENT)
    with pytest.raises(ConversionError, match=r"did not finish in 0\.2 s"):
        run_compiler(conv_classifier(), timeout_s=0.2)
    assert (folder / "ended").exists()


def wait_until_there(path: Path) -> None:
    end = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < end, f"{path.name} did not come"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_compiler_ends_with_the_command(tools, tmp_path, number):
    folder = tools("")
    (folder / "edgetpu_compiler").write_text(PATIENT)
    model = written(tmp_path, conv_classifier())
    process = subprocess.Popen([sys.executable, "-m", "edgeready", "compile", str(model)])
    wait_until_there(folder / "started")
    process.send_signal(number)
    process.wait()
    wait_until_there(folder / "ended")


def test_a_compiler_that_does_not_start_is_told(tools):
    (tools("") / "edgetpu_compiler").write_bytes(b"\x7fELF nothing")
    with pytest.raises(RuntimeUnavailableError, match="does not start"):
        run_compiler(conv_classifier())


def test_a_compiled_file_is_not_compiled_again(tools, run_here, tmp_path):
    tools(ALL, b"")
    code, err = failed(run_here, tmp_path, data=whole(conv_classifier()))
    assert code == 3
    assert "is compiled already; give the file that was compiled" in err


def test_the_output_may_not_be_the_input_or_another_kind_of_file(tools, run_here, tmp_path):
    tools(ALL, whole(conv_classifier()))
    for name in ("net.tflite", "x.bin"):
        code, err = failed(run_here, tmp_path, "--out", tmp_path / name)
        assert code == 2
        assert "that is not the input" in err


def test_the_container_gets_the_folder_no_network_and_the_same_options(tools, run_here, tmp_path):
    folder = tools("")
    (folder / "docker").write_text(DOCKER)
    (folder / "docker").chmod(0o755)
    code, err = failed(run_here, tmp_path, "--container", "me/coral:16")
    assert code == 6
    assert "edgetpu_compiler does not run in the image 'me/coral:16' (docker: no such image)" in err
    given = (folder / "docker-arguments").read_text().splitlines()
    assert given[:5] == ["run", "--rm", "--init", "--network", "none"]
    assert given[5] == "--volume"
    assert given[6].endswith(":/edgeready")
    assert given[7:] == [
        "--entrypoint",
        "edgetpu_compiler",
        "me/coral:16",
        "-s",
        "-o",
        "/edgeready/out",
        "/edgeready/model.tflite",
    ]


def test_an_image_that_looks_like_an_option_is_refused(tools, run_here, tmp_path):
    folder = tools("")
    (folder / "docker").write_text(DOCKER)
    (folder / "docker").chmod(0o755)
    code, err = failed(run_here, tmp_path, "--container=--privileged")
    assert code == 6
    assert "'--privileged' is no container image" in err
    assert not (folder / "docker-arguments").exists()


def test_a_float_model_is_compiled_as_it_is_and_nothing_is_proved(tools, run_here, tmp_path):
    floats = one_op("RELU", [T("x", (1, 4), "float32")], [T("y", (1, 4), "float32")])
    text = ALL[: ALL.index("CONV_2D")] + "RELU 1 Operation is working on an unsupported data type\n"
    tools(text, floats)
    code, out, _ = run_here("compile", written(tmp_path, floats), "--json")
    assert code == 1
    assert json.loads(out)["outcome"] == {"mapped": 0, "total": 1, "differences": [], "row_differences": []}


def test_the_version_of_the_package_is_the_files_version(tools, run_here, tmp_path):
    tools(ALL, whole(conv_classifier()))
    run_here("compile", written(tmp_path, ours()))
    assert compiler.COMPILER == "edgetpu_compiler"
    assert __version__.encode() in _metadata_of((tmp_path / "net_edgetpu.tflite").read_bytes())
