"""`edgeready-device verify` with a budget: the verdict of the budget is apart from that of the bound."""

from __future__ import annotations

import json

import numpy as np
import pytest

from edgeready_device import cli
from edgeready_device.model import Model
from edgeready_device.model_file.golden import GoldenVectors, recording_key
from edgeready_device.model_file.manifest import InputSpec
from edgeready_device.runtime.runtime import KERNELS, choose_runtime
from edgeready_device.verification import outputs_of


@pytest.fixture
def recorded(model, complete):
    """`conv` with golden vectors of this machine, in which `flipped` of the four winners are another class by a step.

    A step is within the bound of the default kernels; the reference kernels are recorded as they are.
    """

    def make(flipped: int = 0):
        inputs = (np.arange(4 * 64) * 37 % 256).astype(np.uint8).reshape(4, 8, 8, 1)
        runtime = choose_runtime()
        outputs = {
            recording_key(runtime, kernels): outputs_of(Model.load(model("conv"), kernels=kernels), inputs)
            for kernels in KERNELS
        }
        rows = outputs[recording_key(runtime, "default")]
        rows[:flipped] = np.where(
            np.arange(rows.shape[1]) == rows[:flipped].argmin(axis=1)[:, None], 255, rows[:flipped]
        )
        return complete("conv", golden=GoldenVectors(inputs, outputs), frame=InputSpec(8, 8, 1))

    return make


@pytest.fixture
def run(capsys):
    def call(*arguments: object):
        code = cli.main(["verify", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.mark.parametrize(("budget", "code"), [("100", 0), ("0", 0), ("100.5", 1), ("nan", 1)])
def test_an_agreement_budget_gives_a_verdict_of_its_own(run, recorded, budget, code):
    found, out, err = run(recorded(), "--min-agreement", budget)
    assert found == code
    assert "the answers are right on this machine" in out
    below = f"edgeready-device: top-1 agreement is 100.00 %, below the budget of {float(budget):g} %\n"
    assert err == (below if code else "")


def test_the_agreement_is_that_of_the_worst_path(run, recorded):
    code, out, err = run(recorded(flipped=1), "--min-agreement", 80)
    assert code == 1
    assert "THE ANSWERS ARE WRONG" in out
    assert err == "edgeready-device: top-1 agreement is 75.00 %, below the budget of 80 %\n"


def test_a_wrong_answer_is_no_whatever_the_budget(run, recorded):
    code, _, err = run(recorded(flipped=1), "--min-agreement", 10)
    assert (code, err) == (1, "")


def test_the_differences_are_shown_as_a_histogram(run, recorded):
    lines = run(recorded())[1].splitlines()
    assert lines[5].split() == ["values", "off", "by", "default", "reference"]
    assert lines[6].split() == ["nothing", "12", "12"]
    found = json.loads(run(recorded(), "--json")[1])
    assert [path["histogram"] for path in found["paths"]] == [[12], [12]]
    assert found["between"]["kernels"] == ["default", "reference"]
