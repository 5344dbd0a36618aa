"""A run or an opening that the runtime refuses is the file's fault, told with the op, in library and commands."""

from __future__ import annotations

import numpy as np
import pytest

from edgeready_device import Model, benchmark, cli, evaluate
from edgeready_device.errors import ModelFileError
from edgeready_device.isolation.trial import TrialRequest, try_model
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.runtime.failure import describe_failure, run_model
from edgeready_device.runtime.runtime import open_interpreter
from edgeready_device.tuning.tune import TuneConfig, tune

DARK, BRIGHT = np.full((2, 2), 7, np.uint8), np.full((2, 2), 200, np.uint8)
FAILURE = "op 1 GATHER: gather index out of bounds"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Division by 0Node number 3 (FLOOR_MOD) failed to invoke.", "op 3 FLOOR_MOD: Division by 0"),
        (
            "badNode number 2 (GATHER) failed to invoke.\nNode number 0 (WHILE) failed to invoke.",
            "op 2 GATHER in op 0 WHILE: bad",
        ),
        (
            "conv.cc:352 1 != 0Node number 0 (CONV_2D) failed to prepare.Failed to apply the default delegate.",
            "op 0 CONV_2D: conv.cc:352 1 != 0",
        ),
        ("Node number 1 (My\x1b[2JOp) failed to invoke.", "op 1 My [2JOp: it gives no reason"),
        (
            "XNNPack delegate failed to reshape runtimeNode number 1 (TfLiteXNNPackDelegate) failed to prepare.",
            "an op in TfLiteXNNPackDelegate: XNNPack delegate failed to reshape runtime",
        ),
        ("no\nop at all", "no op at all"),
        ("", "RuntimeError"),
    ],
)
def test_a_failure_begins_with_its_op(text, sentence):
    assert describe_failure(RuntimeError(text)) == sentence


def test_a_failure_is_at_most_some_lines_long():
    assert len(describe_failure(RuntimeError("x" * 9999))) == 300
    assert len(describe_failure(RuntimeError(f"{'x' * 9999}Node number 1 ({'y' * 9999}) failed to invoke."))) == 367


def test_a_run_that_fails_is_told_with_the_op_by_the_library(model, runtime):
    opened = Model.load(model("look_up"), runtime=runtime.name)
    assert opened.run(DARK).tolist() == [7, 7, 7, 7]
    with pytest.raises(ModelFileError) as caught:
        opened.run(BRIGHT)
    assert str(caught.value) == (
        f"{model('look_up')}: {runtime} fails in a run ({FAILURE}): take another runtime, or another file"
    )
    assert opened.run(DARK).tolist() == [7, 7, 7, 7]


def test_a_run_that_fails_is_told_by_what_measures(model, litert):
    opened = Model.load(model("look_up"), runtime=litert.name)
    with pytest.raises(ModelFileError, match=FAILURE):
        evaluate(opened, np.stack([DARK, BRIGHT]), np.array([0, 1]), workers=1)
    with pytest.raises(ModelFileError, match=FAILURE):
        benchmark(opened)


def test_a_run_that_fails_ends_classify_with_3_and_one_line(model, tmp_path, runtime, capsys):
    np.save(tmp_path / "bright.npy", BRIGHT)
    code = cli.main(["classify", str(model("look_up")), str(tmp_path / "bright.npy"), "--runtime", runtime.name])
    errors = capsys.readouterr().err
    assert code == 3
    assert errors.count("\n") == 1
    assert FAILURE in errors


def test_a_run_that_fails_in_a_child_is_told_with_the_op(model, runtime):
    result = try_model(TrialRequest(runtime.name, fill=200), model("look_up").read_bytes())
    assert result.error == f"{runtime.name} fails in a run ({FAILURE}): take another runtime, or another file"


def test_a_candidate_that_fails_in_a_run_is_out_with_the_op(model, litert):
    file = read_model_file(model("look_up"))
    with pytest.raises(Exception, match=f"it fails in a run: {FAILURE}") as caught:
        tune(file, TuneConfig(litert.name, (1,), (), 0.1, 3))
    assert caught.value.exit_code == 3


def test_an_interpreter_of_the_hosts_own_is_run_with_the_same_sentence(model, runtime):
    interpreter = open_interpreter(runtime, model("look_up").read_bytes())
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.full((1, 2, 2, 1), 255, np.uint8))
    with pytest.raises(ModelFileError, match=rf"^the probe fails in a run \({FAILURE}\): take another runtime"):
        run_model(interpreter, "the probe")


def test_an_opening_that_fails_is_told_with_the_op(model, runtime):
    with pytest.raises(ModelFileError, match=r"refuses the model: (op 0 RESHAPE|an op in \w+Delegate): .+"):
        open_interpreter(runtime, model("misfit").read_bytes())
