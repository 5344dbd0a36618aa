"""A network that 8 bits ruin as it stands, and the accuracy budget that gets it back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import builds
import pytest
from builds import LONG, NEEDS_TENSORFLOW

from edgeready.budget.ladder import steps
from edgeready.config.modes import MODES
from edgeready.dataset import hold_out, load_splits
from edgeready.proof.conformance import prove
from edgeready.workflows import budget as budgeting
from edgeready_device.model_file.reader import read_model_file

HERE = Path(__file__).parent
pytestmark = [*NEEDS_TENSORFLOW, LONG, pytest.mark.slow]


@cache
def network() -> tuple[Path, str]:
    """The badly scaled network, trained on digits, and what was printed of its results before and after."""
    folder = Path(builds._FOLDER.name, "hard")
    folder.mkdir()
    scaled, plain = folder / "scaled.keras", folder / "plain.keras"
    done = subprocess.run(
        [sys.executable, str(HERE / "hard_net.py"), "digits", "12", str(scaled), str(plain)],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert done.returncode == 0, done.stderr
    return scaled, done.stdout


@cache
def within_one_point() -> builds.Built:
    return builds.made("hard-kept", "digits", str(network()[0]), max_drop=1.0)


@pytest.fixture(scope="module")
def kept():
    return within_one_point()


def test_min_max_calibration_loses_more_than_10_points(kept):
    assert kept.result.trail.attempts[0].name == "min-max calibration"
    assert kept.result.trail.attempts[0].drop.value > 0.10
    assert kept.result.trail.attempts[0].drop.verdict(0.10) == "broken"  # the interval shows it


def test_the_ladder_gets_it_back_to_within_a_point_on_the_test_images(kept):
    both = kept.result.comparison
    assert both.baseline.accuracy.top1.value > 0.9
    assert both.baseline.accuracy.top1.value - both.model.accuracy.top1.value <= 0.01
    assert kept.result.trail.attempts[kept.result.trail.choice].name == "equalized, bias-corrected"


def test_the_file_is_integer_only_and_fully_mapped(kept):
    prove(read_model_file(kept.file).graph, MODES["uint8"])
    readiness = kept.result.readiness
    assert readiness.ready
    assert readiness.mapped == len(readiness.ops) == 11


def test_the_trail_is_in_the_file(kept):
    budget = read_model_file(kept.file).manifest.provenance["budget"]
    assert budget == json.loads(json.dumps(kept.result.trail.to_dict()))
    assert budget["max_drop"] == 0.01
    assert len(budget["attempts"]) == budget["choice"] + 1 == 3
    assert budget["judged_on"] == "230 images of the training part, which the model may know"


def test_the_test_images_had_no_part_in_the_choice(kept):
    attempts = kept.result.trail.attempts
    assert [attempt.test is None for attempt in attempts] == [True, True, False]
    splits = load_splits("digits", seed=1)
    rest, judges = hold_out(splits.train, 1)
    assert attempts[0].drop.count == len(judges)
    parts = [set(part.hashes()) for part in (rest, judges, splits.calibration, splits.test)]
    assert sum(map(len, parts)) == len(set().union(*parts))


def test_scaling_badly_did_not_change_the_float_results():
    told = re.search(r"largest difference (\S+) of (\S+)$", network()[1].strip())
    assert float(told[1]) <= 1e-5 * float(told[2])


def test_where_no_attempt_keeps_the_budget_the_trail_is_printed_and_no_file_is_left(run_here, monkeypatch, tmp_path):
    monkeypatch.setattr(budgeting, "steps", lambda *given: steps(*given)[:1])
    arguments = ("convert", str(network()[0]), "--data", "digits", "--max-drop", "0.3", "--out", "x.tflite", "-q")
    code, out, err = run_here(*arguments, "--json")
    assert code == 1
    assert err.startswith("edgeready: no attempt keeps --max-drop 0.3: the best, min-max calibration, loses ")
    assert json.loads(out)["budget"]["choice"] is None
    assert list(tmp_path.iterdir()) == []
