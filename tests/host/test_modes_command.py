"""The command `modes`: the table of the modes, and the modes of a network that TensorFlow made."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import builds
import pytest

from edgeready.config.extras import install_command
from edgeready.config.modes import MODES
from edgeready_device.model import Model
from edgeready_device.model_file.reader import read_model_file


def test_without_a_model_it_tells_what_the_modes_are(run_here):
    code, out, err = run_here("modes")
    assert (code, err) == (0, "")
    assert all(f"\n{name}: " in out for name in MODES)
    code, out, _ = run_here("modes", "--json")
    assert [row["mode"] for row in json.loads(out)["modes"]] == list(MODES)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("m.keras",), 2, "nothing to measure m.keras on: give --data"),
        (("--data", "digits"), 2, "name a trained model before --data and --out"),
        (("--out", "folder"), 2, "name a trained model before --data and --out"),
        (("m.keras", "--data", "digits", "--plots"), 2, "give --out FOLDER"),
        (("m.keras", "--data", "digits", "--only", "int4"), 5, "the mode int4 is not made"),
        (("m.keras", "--data", "digits", "--only", "uint7"), 2, "the mode 'uint7' is unknown: choose float32, "),
        (("m.keras", "--data", "digits"), 4, "m.keras: no such model file"),
    ],
)
def test_what_cannot_be_meant_is_one_line(run_here, arguments, code, message):
    ended, out, err = run_here("modes", *arguments)
    assert (ended, out) == (code, "")
    assert message in err
    assert err.count("\n") == 1


def test_without_matplotlib_plots_are_refused_before_the_work(run_here, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, _, err = run_here("modes", "none.keras", "--data", "none.npz", "--out", "folder", "--plots")
    assert code == 6
    assert f"run {install_command('plots')}, or leave them out" in err


@cache
def elu() -> tuple[Path, dict, str]:
    """Modes of a network with an ELU, which has no 8-bit form, on digits: the folder, the JSON, the messages."""
    folder = Path(builds._FOLDER.name, "modes")
    names = [word for name in ("uint8", "int8-float-fallback", "dynamic") for word in ("--only", name)]
    command = ["modes", f"{builds.NETS}:elu", "--data", "digits", *names, "--out", str(folder), "--plots", "--json"]
    done = subprocess.run([sys.executable, "-m", "edgeready", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout), done.stderr


@pytest.mark.long
class TestMeasured:
    """A network of Keras in several modes."""

    pytestmark = builds.NEEDS_TENSORFLOW

    def test_a_mode_that_cannot_be_is_refused_in_its_row_and_the_others_are_measured(self):
        rows = {row["mode"]: row for row in elu()[1]["modes"]}
        assert list(rows) == ["float32", "uint8", "int8-float-fallback", "dynamic"]
        assert "ELU stays float32" in rows["uint8"]["refusal"]
        assert "accuracy" not in rows["uint8"]
        for name in ("float32", "int8-float-fallback", "dynamic"):
            assert rows[name]["refusal"] is None
            assert rows[name]["accuracy"]["top1"]["count"] == 359
            assert rows[name]["latency"]["p90_s"] >= rows[name]["latency"]["median_s"] > 0
            assert all(runtime["runs"] for runtime in rows[name]["runtimes"])
        assert rows["float32"]["agreement"]["value"] == 1
        assert rows["int8-float-fallback"]["times_smaller"] > 1.5

    def test_the_files_are_kept_with_their_mode_and_accuracy_and_classify(self):
        folder, data, _ = elu()
        rows = {row["mode"]: row for row in data["modes"]}
        assert sorted(path.name for path in folder.glob("*.tflite")) == [
            "dynamic.tflite",
            "float32.tflite",
            "int8-float-fallback.tflite",
        ]
        for name in ("dynamic", "int8-float-fallback"):
            provenance = read_model_file(folder / f"{name}.tflite").manifest.provenance
            assert provenance["mode"] == name
            assert provenance["accuracy"][name]["top1"] == rows[name]["accuracy"]["top1"]["value"]
            assert Model.load(folder / f"{name}.tflite").labels == tuple("0123456789")

    def test_the_pictures_are_those_of_the_first_mode_that_is_measured(self):
        pytest.importorskip("matplotlib", reason="the extra `plots` is not installed")
        folder, _, messages = elu()
        pictures = {path.name for path in folder.glob("*.png")}
        assert pictures == {
            "modes.png",
            "confusion_int8-float-fallback.png",
            "disagreements_int8-float-fallback.png",
        }
        assert len([line for line in messages.splitlines() if line.startswith("edgeready: wrote ")]) == 5
