"""The Python API of the host: every example of docs/python-api.md runs, and its tables name what there is."""

from __future__ import annotations

import csv
import dataclasses
import inspect
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from builds import LONG
from tflite_models import conv_classifier

import edgeready
from edgeready import api
from edgeready.errors import NotFoundError, RuntimeUnavailableError, UsageError

MANUAL = (Path(__file__).parents[2] / "docs" / "python-api.md").read_text("utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", MANUAL, re.DOTALL)
FUNCTIONS = [name for name in edgeready.__all__ if inspect.isfunction(getattr(edgeready, name))]
CONFIGS = [name for name in edgeready.__all__ if name.endswith("Config")]


@LONG
@pytest.mark.tensorflow
def test_every_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert len(EXAMPLES) == 5
    exec(compile("\n".join(EXAMPLES), "docs/python-api.md", "exec"), {})
    assert re.search(r"(?m)^uint8    \d\d\.\d\d% [\d,]+ bytes$", capsys.readouterr().out)
    header, *lines = (tmp_path / "modes.csv").read_text("utf-8").splitlines()
    assert header.startswith("mode,refusal,flatbuffer_bytes,size_bytes,times_smaller,top1,")
    assert [line.split(",")[0] for line in lines] == ["float32", "uint8", "float16"]


def test_the_table_of_functions_is_that_of_the_package():
    table = MANUAL.split("## Functions\n")[1].split("## Options")[0]
    rows = re.findall(r"^\| `(\w+)\((.*?)\)`", table, re.MULTILINE)
    assert {name for name, _ in rows} == set(FUNCTIONS)
    for name, arguments in rows:
        parameters = inspect.signature(getattr(edgeready, name)).parameters
        documented = [argument.strip().rstrip("=") for argument in arguments.split(",")]
        assert documented == [parameter for parameter in parameters if parameter != "progress"], name


def test_the_table_of_classes_has_every_field():
    rows = dict(re.findall(r"^\| `(\w+Config)\((.*?)\)`", MANUAL, re.MULTILINE))
    assert set(rows) == set(CONFIGS)
    for name, arguments in rows.items():
        fields = [field.name for field in dataclasses.fields(getattr(edgeready, name))]
        assert [argument.strip().rstrip("=") for argument in arguments.split(",")] == fields


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_typed_and_takes_all_but_its_subject_by_keyword(name):
    function = getattr(edgeready, name)
    parameters = list(inspect.signature(function).parameters.values())
    subjects = 2 if name == "layers" else 1
    assert [each.kind for each in parameters[subjects:]] == [inspect.Parameter.KEYWORD_ONLY] * (
        len(parameters) - subjects
    )
    assert all(each.annotation is not inspect.Parameter.empty for each in parameters)
    assert function.__doc__
    assert function.__module__ == api.__name__


def test_importing_it_loads_neither_tensorflow_nor_a_runtime():
    code = (
        "import sys, edgeready\n"
        "edgeready.build, edgeready.check, edgeready.TrainConfig()\n"
        "heavy = {'tensorflow', 'keras', 'ai_edge_litert', 'tflite_runtime', 'typer', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_dir_lists_what_is_stable_and_other_names_are_not_there():
    assert dir(edgeready) == sorted(edgeready.__all__)
    with pytest.raises(AttributeError, match="module 'edgeready' has no attribute 'nothing'"):
        _ = edgeready.nothing


def test_importing_the_modules_behind_it_does_not_replace_a_function():
    for name in FUNCTIONS:
        assert not (Path(edgeready.__file__).parent / f"{name}.py").exists()
        assert not (Path(edgeready.__file__).parent / name).exists()


def test_check_returns_what_the_command_prints(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(conv_classifier())
    inspected = edgeready.check(path)
    assert inspected.ready
    done = subprocess.run(
        [sys.executable, "-m", "edgeready", "check", str(path), "--json"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [json.loads(json.dumps(inspected.to_dict()))]


def test_a_missing_file_is_an_error_with_its_exit_code(tmp_path):
    for function in (edgeready.check, lambda file: edgeready.evaluate(file, data="digits")):
        with pytest.raises(NotFoundError) as caught:
            function(tmp_path / "none.tflite")
        assert caught.value.exit_code == 4


def test_a_value_that_makes_no_sense_is_refused_before_any_work(tmp_path):
    with pytest.raises(UsageError, match=r"name the output file something\.tflite"):
        edgeready.build("digits", out=tmp_path / "model.bin")
    with pytest.raises(UsageError, match="the mode 'uint9' is unknown"):
        edgeready.modes("net.keras", data="digits", only=["uint9"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("function", [edgeready.check, edgeready.compile])
@pytest.mark.parametrize("runtime", [9, 15])
def test_a_runtime_that_no_compiler_writes_for_is_refused_as_by_the_command(tmp_path, function, runtime):
    with pytest.raises(UsageError, match=f"runtime is {runtime}: use 10 to 14"):
        function(tmp_path / "model.tflite", runtime=runtime)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "no host: name one"),
        ({"hosts": "-oProxyCommand=x"}, "'-oProxyCommand=x' is no host"),
        ({"hosts": ["pi@a", "a b"]}, "'a b' is no host"),
        ({"hosts": "pi@a", "versions_kept": 0}, "versions kept: 0: keep 1 to 100"),
        ({"hosts": "pi@a", "versions_kept": 101}, "versions kept: 101: keep 1 to 100"),
    ],
)
def test_a_deployment_that_makes_no_sense_is_refused_before_any_board_is_reached(tmp_path, options, message):
    path = tmp_path / "model.tflite"
    path.write_bytes(conv_classifier())
    with pytest.raises(UsageError, match=message):
        edgeready.deploy(path, **options)
    for absent in ({"ssh_config": tmp_path / "absent"}, {"inventory": tmp_path / "absent"}):
        with pytest.raises(NotFoundError, match="absent: no such file"):
            edgeready.rollback("pi@a", **absent)


def test_without_the_compiler_compile_says_so(tmp_path, monkeypatch):
    path = tmp_path / "model.tflite"
    path.write_bytes(conv_classifier())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeUnavailableError, match="not on PATH"):
        edgeready.compile(path)


def test_a_check_as_csv_has_a_line_an_op(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(conv_classifier())
    rows = list(csv.DictReader(io.StringIO(edgeready.check(path).to_csv())))
    assert list(rows[0]) == ["index", "name", "version", "target", "uncertain", "rule", "detail", "remedy"]
    assert [row["name"] for row in rows][:2] == ["QUANTIZE", "CONV_2D"]
    assert {row["target"] for row in rows} == {"edgetpu"}
