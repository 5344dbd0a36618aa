"""The modes side by side: the table, the JSON, and what has to be there."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from test_report import MACHINE, RUNTIME, measured, part, shown

from edgeready.config.modes import MODES, TARGETS
from edgeready.proof.measure import Disagreement
from edgeready.proof.runtimes import RuntimeTrial
from edgeready.report.modes import known_modes_json, known_modes_view, modes_view, write_modes
from edgeready.workflows.modes import ModeRow, ModesReport
from edgeready_device.runtime.runtime import Runtime

OTHER = Runtime("tflite-runtime", "2.14.0")
BOTH = (RuntimeTrial(runtime=RUNTIME, runs=True), RuntimeTrial(runtime=OTHER, runs=True))
ONE = (
    RuntimeTrial(runtime=RUNTIME, runs=True),
    RuntimeTrial(runtime=OTHER, runs=False, reason="FULLY_CONNECTED version 12 is too new"),
)


def report(*extra: ModeRow) -> ModesReport:
    rows = (
        ModeRow(mode=MODES["float32"], measured=measured([0, 1, 2, 0, 1, 2], 80_000), trials=BOTH),
        ModeRow(mode=MODES["uint8"], measured=measured([0, 1, 2, 0, 2, 0], 20_000), trials=BOTH),
        ModeRow(mode=MODES["dynamic"], measured=measured([0, 1, 2, 0, 1, 1], 24_000), trials=ONE),
    )
    return ModesReport(network="pets-cnn", test=part(3, 6), rows=(*rows, *extra))


def cells(line: str) -> list[str]:
    return re.split(r" {2,}", line.strip())


def test_the_table_has_a_line_a_mode_with_every_figure():
    lines = shown(modes_view(report())).splitlines()
    assert cells(lines[0]) == ["mode", "model alone", "smaller", "top-1", "95 % interval", "agrees", "median"]
    assert cells(lines[1]) == [
        "float32",
        "80,000 B",
        "1.00x",
        "100.00 %",
        "60.97 to 100.00 %",
        "100.00 %",
        "0.5 ms",
    ]
    assert cells(lines[2])[:6] == ["uint8", "20,000 B", "4.00x", "66.67 %", "30.00 to 90.32 %", "66.67 %"]
    assert cells(lines[5]) == ["mode", "p90", "Edge TPU", "also for", "loads in"]
    assert cells(lines[7])[-1] == "ai-edge-litert, tflite-runtime"
    assert lines[8].endswith("ai-edge-litert")
    assert max(map(len, lines[:9])) <= 80


def test_below_the_table_is_what_was_refused_and_which_runtime_does_not_take_a_file():
    refused = ModeRow(mode=MODES["int8"], refusal="op 3 ELU stays float32: use ReLU")
    lines = shown(modes_view(report(refused))).splitlines()
    assert "int8: op 3 ELU stays float32: use ReLU" in lines
    assert "dynamic: not in tflite-runtime 2.14.0: FULLY_CONNECTED version 12 is too new" in lines
    assert "test         6 images of pets, all of them through edgeready-device" in lines
    assert f"measured on  {MACHINE.processor}, {RUNTIME}, 1 thread" in lines


def test_the_json_has_refused_and_measured_modes_and_no_raw_runs():
    refused = ModeRow(mode=MODES["int8"], refusal="op 3 ELU stays float32: use ReLU")
    data = json.loads(json.dumps(report(refused).to_dict()))
    by_mode = {row["mode"]: row for row in data["modes"]}
    assert list(by_mode) == ["float32", "uint8", "dynamic", "int8"]
    assert by_mode["int8"]["refusal"] == "op 3 ELU stays float32: use ReLU"
    assert "accuracy" not in by_mode["int8"]
    assert by_mode["uint8"]["times_smaller"] == 4.0
    assert by_mode["uint8"]["agreement"]["hits"] == 4
    assert by_mode["uint8"]["latency"]["median_s"] == 0.0005
    assert "latencies_s" not in by_mode["uint8"]["latency"]
    assert by_mode["dynamic"]["runtimes"][1]["reason"] == "FULLY_CONNECTED version 12 is too new"
    assert by_mode["uint8"]["runs_on"] == {"edgetpu": "yes", "cpu": "yes", "gpu": "yes", "mcu": "yes"}


def test_images_on_which_two_modes_differ_come_in_the_order_lost_won_neither():
    assert report().disagreements("uint8") == (
        Disagreement(index=4, truth=1, first=1, second=2),
        Disagreement(index=5, truth=2, first=2, second=0),
    )
    row = ModeRow(
        mode=MODES["float32"], measured=measured([1, 1, 0, 0, 1, 2], 80_000), trials=BOTH
    )  # the truth is 0 1 2 0 1 2
    other = ModeRow(mode=MODES["uint8"], measured=measured([0, 1, 1, 1, 1, 2], 20_000), trials=BOTH)
    found = ModesReport(network="net", test=part(3, 6), rows=(row, other)).disagreements("uint8")
    assert [(one.index, one.truth, one.first, one.second) for one in found] == [
        (3, 0, 0, 1),
        (0, 0, 1, 0),
        (2, 2, 0, 1),
    ]


def test_errors_are_looked_at_in_uint8_or_else_in_the_first_other_mode():
    assert report().quantized[0] == "uint8"
    rows = report().rows
    assert ModesReport(network="net", test=part(3, 6), rows=(rows[0], rows[2])).quantized[0] == "dynamic"
    assert ModesReport(network="net", test=part(3, 6), rows=rows[:1]).quantized is None


def test_without_a_float32_file_nothing_can_be_compared():
    with pytest.raises(ValueError, match="the float32 file is not measured"):
        ModesReport(network="net", test=part(3, 6), rows=(ModeRow(mode=MODES["float32"], refusal="it does not run"),))


def test_a_row_is_measured_or_refused():
    with pytest.raises(ValueError, match="uint8 is neither measured nor refused"):
        ModeRow(mode=MODES["uint8"])


def test_the_table_of_known_modes_names_each_with_where_it_runs():
    lines = shown(known_modes_view()).splitlines()
    assert cells(lines[0]) == ["mode", "ends", "weights", *TARGETS]
    assert [cells(line)[0] for line in lines[1 : 1 + len(MODES)]] == list(MODES)
    assert cells(lines[1 + list(MODES).index("uint8")]) == ["uint8", "uint8", "int8", "yes", "yes", "yes", "yes"]
    data = known_modes_json()
    assert [row["mode"] for row in data["modes"]] == list(MODES)
    assert data["targets"] == TARGETS


def test_without_plots_only_the_tables_are_written(tmp_path):
    assert write_modes(report(), tmp_path, plots=False) == (tmp_path / "modes.json", tmp_path / "modes.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["modes.csv", "modes.json"]
    assert json.loads((tmp_path / "modes.json").read_text("utf-8"))["network"] == "pets-cnn"


def test_the_agreement_is_that_of_the_answers():
    found = report()
    assert found.agreement(found.float32).hits == len(found.test)
    assert np.array_equal(found.float32.accuracy.predictions, np.arange(6) % 3)
