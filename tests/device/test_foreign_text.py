"""A hostile name, wherever a file can bring one in, controls neither the terminal nor a log that a machine reads."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from foreign_text import HOSTILE, faults
from report_cases import LITERT

from edgeready_device.cli import main
from edgeready_device.commands.terminal import say, show
from edgeready_device.doctor.finding import Diagnosis, Finding
from edgeready_device.errors import ModelFileError, NotFoundError, one_line
from edgeready_device.model_file.manifest import InputSpec
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.postprocess import Prediction
from edgeready_device.report.doctor import diagnosis_text
from edgeready_device.report.info import info_json, info_text
from edgeready_device.report.predictions import classify_text
from edgeready_device.runtime.native_log import hold_native_log
from edgeready_device.text import csv_text, json_text, plain, printable, rows, table

CLEAN = (
    "x [2J ]0;title   31m  gnp      ::error::forged   ::add-mask::on # #[error]forged # #vso[task.complete]"
    "# #teamcity[x] [red]m[/red] [/] %0A"
)
FILE_NAME = HOSTILE.replace("/", "_")


def test_a_text_keeps_its_lines_and_loses_what_controls():
    assert printable("a\x1b[2J\n::error::b\n  ::x\n##[y]\n#[z] :: ok") == (
        "a [2J\n: :error::b\n  : :x\n# #[y]\n#[z] :: ok"
    )
    assert faults(printable(HOSTILE)) == []
    assert printable(printable(HOSTILE)) == printable(HOSTILE)


@pytest.mark.parametrize(
    "text", ["", "tabby cat", "Köter [1] 100 % #1 ##", "a::b", "猫 \U0001f408", "\udcff", "a\n\nb", "conv2d/kernel:0"]
)
def test_an_ordinary_text_stays_as_it_is(text):
    assert printable(text) == text


def test_a_plain_text_is_one_line():
    assert "\n" not in plain(HOSTILE)
    assert faults(plain(HOSTILE)) == []


def test_rows_tables_and_csv_hold_each_cell_in_its_line():
    assert rows([("name", HOSTILE), ("b", "2")]).count("\n") == 1
    assert table(["class", "of"], [[HOSTILE, "1"]]).count("\n") == 1
    assert csv_text([{"a": HOSTILE, "b": 1, "c": None}]).splitlines()[1].endswith(",1,")
    for text in (rows([("name", HOSTILE)]), table(["class"], [[HOSTILE]]), csv_text([{"a": HOSTILE}])):
        assert faults(text.replace("\r\n", "\n")) == []


def test_json_holds_the_text_itself_and_no_command():
    text = json_text({"name": HOSTILE, "##[x]": "##"})
    assert json.loads(text) == {"name": HOSTILE, "##[x]": "##"}
    assert faults(text) == []


@pytest.mark.parametrize("kind", [ModelFileError, NotFoundError])
def test_an_error_of_ours_is_clean_in_a_traceback_too(kind):
    assert faults(str(kind(HOSTILE))) == []
    assert faults(one_line(ValueError(HOSTILE))) == []
    assert "\n" not in one_line(ValueError(HOSTILE))


def test_what_the_commands_write_is_cleaned_at_the_door(capsys):
    class Options:
        json = False

    show(Options, {}, HOSTILE)
    say(HOSTILE)
    written = capsys.readouterr()
    assert faults(written.out) == []
    assert faults(written.err) == []
    assert written.err.count("\n") == 1


def test_names_in_the_reports_stay_in_their_lines():
    finding = Finding("runtime", "ok", HOSTILE, HOSTILE)
    diagnosis = diagnosis_text(Diagnosis((finding,), subject=HOSTILE, ran=("here",)))
    predictions = classify_text(HOSTILE, [Prediction(HOSTILE, 0, 0.5)])
    assert (diagnosis.count("\n"), predictions.count("\n")) == (2, 0)
    assert faults(diagnosis + "\n" + predictions) == []


def test_what_a_runtime_writes_while_it_loads_is_cleaned(capfd):
    with hold_native_log(lambda line: True):
        os.write(2, b"ERROR: custom op \x1b]0;t\x07\xff ##[error]x\n")
    assert capfd.readouterr().err == "ERROR: custom op  ]0;t \\xff # #[error]x\n"


def test_a_model_with_hostile_names_everywhere_is_described(tmp_path):
    pytest.importorskip("tflite_models", exc_type=ImportError)
    from tflite_models import O, T, tflite

    path = tmp_path / "m.tflite"
    tensors = [T(f"{HOSTILE}{i}", (1, 4), "uint8", 1.0) for i in range(2)]
    ops = [O("CUSTOM", [tensors[0].name], [tensors[1].name], custom_code=HOSTILE)]
    path.write_bytes(tflite(tensors=tensors, ops=ops, inputs=[tensors[0].name], outputs=[tensors[1].name]))
    with pytest.raises(ModelFileError) as refused:  # it is no image classifier, and says so with the tensor's name
        info_json(read_model_file(path), [LITERT])
    assert faults(str(refused.value)) == []


def test_a_described_model_with_hostile_values_has_a_row_for_each(complete):
    data = info_json(read_model_file(complete("echo_rgb", labels=None, frame=InputSpec(2, 2, 3))), [LITERT])
    lines = info_text(data).count("\n")
    data |= {"file": HOSTILE, "name": HOSTILE, "labels": [HOSTILE], "ops": {HOSTILE: 1}, "tuned": HOSTILE}
    text = info_text(data)
    assert text.count("\n") == lines + 1
    assert faults(text) == []


def test_the_command_cleans_file_names_labels_and_its_usage_errors(tmp_path, monkeypatch, capsys, model):
    monkeypatch.chdir(tmp_path)
    images = tmp_path / "images"
    images.mkdir()
    np.save(images / "frame.npy", np.zeros((2, 2), np.uint8))
    (images / "frame.npy").rename(images / f"{FILE_NAME}.npy")
    (tmp_path / "labels.txt").write_text(f"{HOSTILE}\n" * 3)
    (tmp_path / f"{FILE_NAME}.tflite").write_bytes(b"no model")
    foreign = str(images / f"{FILE_NAME}.npy")
    codes = [
        main(["classify", str(model("sums")), foreign, "--trusted"]),
        main(["classify", str(model("sums")), foreign + "2", "--trusted", "--debug"]),
        main(["info", f"{FILE_NAME}.tflite"]),
        main(["classify", str(model("sums")), foreign, "--labels", f"{FILE_NAME}.txt", "--trusted"]),
        main(["evaluate", str(model("sums")), f"{FILE_NAME}.npz", "--trusted"]),
    ]
    with pytest.raises(SystemExit) as ended:
        main(["info", "a", HOSTILE])
    written = capsys.readouterr()
    assert (codes, ended.value.code) == ([0, 4, 3, 4, 4], 2)
    assert written.out.count("\n") == 1
    assert faults(written.out) == []
    assert faults(written.err) == []


def test_the_hostile_name_is_what_it_says():
    assert faults(HOSTILE) != []
    assert plain(HOSTILE) == CLEAN
