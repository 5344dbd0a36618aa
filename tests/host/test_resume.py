"""A training that is broken off goes on: its checkpoint, what it is held against, and what is said of it."""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import builds
import numpy as np
import pytest

from edgeready.config.build import BuildConfig, DataConfig, NetworkConfig, OutputConfig, QuantizeConfig, TrainConfig
from edgeready.config.training import steady_length
from edgeready.dataset import Dataset, Splits
from edgeready.errors import CheckpointError, NotFoundError, UsageError
from edgeready.files.lock import exclusive_file
from edgeready.jobs.checkpoint import (
    CheckpointHeader,
    TrainingState,
    Waiting,
    differences,
    read_header,
    read_state,
    write_state,
)
from edgeready.jobs.training import CheckpointPlan, Epoch
from edgeready.workflows.build import convert
from edgeready.workflows.prepare import job_of, trial_is_worth_it
from edgeready.workflows.resume import (
    describe_replaced,
    describe_rest,
    has_ended,
    held_checkpoint,
    plan_checkpoint,
)

REMEDY = "leave --resume out to train from the beginning"
HEADER = CheckpointHeader(
    identity={"--epochs": "3", "the classes": "a b"},
    stage="head",
    before=1,
    epochs=(Epoch(epoch=1, loss=0.5, accuracy=0.25), Epoch(epoch=2, loss=0.25, accuracy=0.5, val_loss=0.125)),
    waiting=Waiting(best_loss=0.125, mark=0.25, waited=2, steady=4),
)
STATE = TrainingState(
    header=HEADER,
    model=tuple(np.full(2, number, np.float32) for number in range(12)),
    optimizer=(np.array(7, np.int64),),
    best=(np.zeros((0, 3), np.float32),),
)


@pytest.fixture
def path(tmp_path) -> Path:
    write_state(tmp_path / "model.checkpoint", STATE)
    return tmp_path / "model.checkpoint"


# The file


def test_a_state_is_read_as_it_was_written(path):
    state = read_state(path)
    assert (state.header, read_header(path)) == (HEADER, HEADER)
    assert [array.tolist() for array in state.model] == [[float(number)] * 2 for number in range(12)]
    assert [(array.dtype, array.shape) for array in (*state.optimizer, *state.best)] == [
        (np.int64, ()),
        (np.float32, (0, 3)),
    ]


def test_a_state_goes_in_the_place_of_the_one_before_and_leaves_nothing_else(path):
    write_state(path, replace(STATE, header=replace(HEADER, stage="ended"), model=()))
    assert (read_state(path).header.stage, read_state(path).model) == ("ended", ())
    assert [file.name for file in path.parent.iterdir()] == ["model.checkpoint"]


def rewritten(content: bytes, header: bytes) -> bytes:
    """The file with another header."""
    arrays = dict(np.load(io.BytesIO(content)))
    stream = io.BytesIO()
    np.savez(stream, **arrays | {"header": np.frombuffer(header, np.uint8)})
    return stream.getvalue()


def pickled() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, header=np.array([{"format": "edgeready checkpoint 1"}], object))
    return stream.getvalue()


def without_header() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, x=np.zeros(3))
    return stream.getvalue()


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("header", "text")
    return stream.getvalue()


DAMAGES = {
    "empty": lambda content: b"",
    "text": lambda content: b"no checkpoint",
    "an array alone": lambda content: zipfile.ZipFile(io.BytesIO(content)).read("model-3.npy"),
    "cut in its middle": lambda content: content[: len(content) // 2],
    "cut at its end": lambda content: content[:-1],
    "a changed number": lambda content: content.replace(np.float32(11).tobytes(), np.float32(12).tobytes(), 1),
    "a changed header": lambda content: content.replace(b'"waited": 2', b'"waited": 3'),
    "a zip of texts": lambda content: zipped(),
    "another .npz": lambda content: without_header(),
    "a pickle": lambda content: pickled(),
    "another format": lambda content: rewritten(content, b'{"format": "edgeready checkpoint 2", "epochs": []}'),
    "no format": lambda content: rewritten(content, b"{}"),
    "a list": lambda content: rewritten(content, b"[]"),
    "no JSON": lambda content: rewritten(content, b"{"),
    "other epochs": lambda content: rewritten(content, b'{"format": "edgeready checkpoint 1", "epochs": [{}]}'),
    "other entries": lambda content: rewritten(
        content, b'{"format": "edgeready checkpoint 1", "epochs": [], "waiting": null, "a": 1}'
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_called_so(path, damage):
    content = path.read_bytes()
    path.write_bytes(DAMAGES[damage](content))
    assert path.read_bytes() != content
    with pytest.raises(CheckpointError) as error:
        read_header(path)
    assert str(error.value) == f"{path} is no checkpoint of a training, or is damaged: {REMEDY}"


def test_a_folder_in_its_place_is_called_so(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_header(tmp_path)


def test_a_full_disk_leaves_the_state_before(path):
    program = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from edgeready.jobs.checkpoint import read_state, write_state\n"
        "state = read_state(Path(sys.argv[1]))\n"
        "object.__setattr__(state, 'model', (np.zeros(1 << 20),))\n"
        "write_state(Path(sys.argv[1]), state)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: (
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)),
        ),
    )
    assert done.stderr.splitlines()[-1] == (
        f"edgeready_device.errors.OutputError: cannot write the training's state into {str(path)!r} "
        "(File too large): free some space"
    )
    assert read_state(path).header == HEADER
    assert [file.name for file in path.parent.iterdir()] == ["model.checkpoint"]


# What a training is


def noise(count: int, seed: int) -> Dataset:
    images = np.random.default_rng(seed).integers(0, 256, (count, 4, 4), dtype=np.uint8)
    return Dataset(name="noise", images=images, labels=np.arange(count) % 2, classes=("a", "b"))


SPLITS = Splits(train=noise(8, 1), calibration=noise(4, 2), test=noise(4, 3))
CONFIG = BuildConfig(data=DataConfig(source="noise"), model="tutorial-cnn", train=TrainConfig(epochs=3))


def plan_in(folder: Path, config: BuildConfig = CONFIG, splits: Splits = SPLITS, *, resume: bool = True):
    output = OutputConfig(out=folder / "model.tflite", resume=resume)
    return plan_checkpoint(replace(config, output=output), splits, config.train)


def left_by(folder: Path, config: BuildConfig = CONFIG, splits: Splits = SPLITS, stage: str = "network"):
    """A checkpoint of a training of `config` in `folder`."""
    plan = plan_in(folder, config, splits, resume=False)
    header = replace(HEADER, identity=plan.identity, stage=stage)
    write_state(Path(plan.path), replace(STATE, header=header))


def test_the_same_training_goes_on(tmp_path):
    left_by(tmp_path)
    plan = plan_in(tmp_path)
    assert (plan.path, plan.resume) == (str(tmp_path / "model.checkpoint"), True)
    assert not has_ended(plan)
    left_by(tmp_path, stage="ended")
    assert has_ended(plan_in(tmp_path))
    assert not has_ended(plan_in(tmp_path, resume=False))


def train(**options) -> BuildConfig:
    return replace(CONFIG, train=replace(CONFIG.train, **options))


@pytest.mark.parametrize(
    ("config", "clause"),
    [
        (train(epochs=4), "--epochs was 3 and is 4"),
        (train(batch_size=16), "--batch-size was 32 and is 16"),
        (train(learning_rate=0.01), "--learning-rate was 0.002 and is 0.01"),
        (train(seed=2), "--seed was 1 and is 2"),
        (train(augment="shift"), "--augment was None and is shift"),
        (train(patience=3), "--patience was None and is 3"),
        (train(weight_decay=0.05), "--weight-decay was None and is 0.05"),
        (train(class_weights=True), "--class-weights was None and is True"),
        (replace(CONFIG, model="small-resnet"), "--model was tutorial-cnn and is small-resnet"),
        (
            replace(CONFIG, network=NetworkConfig(preset="unit")),
            "--preset was None and is unit",
        ),
        (replace(CONFIG, network=NetworkConfig(weights="imagenet")), "--weights was None and is imagenet"),
        (replace(CONFIG, quantize=QuantizeConfig(max_drop=1)), "--max-drop was not given and is given"),
        (
            train(epochs=4, batch_size=8, seed=3, patience=1),
            "--epochs was 3 and is 4, --batch-size was 32 and is 8, --seed was 1 and is 3, and 1 more",
        ),
    ],
)
def test_a_training_with_other_options_is_refused_by_their_names(tmp_path, config, clause):
    left_by(tmp_path)
    with pytest.raises(CheckpointError) as error:
        plan_in(tmp_path, config)
    assert str(error.value) == (
        f"{tmp_path / 'model.checkpoint'} is of another training ({clause}): "
        f"give what it was started with, or {REMEDY}"
    )


@pytest.mark.parametrize(
    ("splits", "clause"),
    [
        (replace(SPLITS, train=noise(9, 1)), "the training images changed"),
        (replace(SPLITS, train=noise(8, 4)), "the training images changed"),
        (replace(SPLITS, train=replace(SPLITS.train, labels=np.array([1, 0] * 4))), "the training images changed"),
        (replace(SPLITS, validation=noise(8, 5)), "the validation images changed"),
        (
            Splits(**{name: replace(part, classes=("a", "c")) for name, part in SPLITS.parts().items()}),
            "the classes changed",
        ),
    ],
)
def test_other_images_or_classes_are_refused(tmp_path, splits, clause):
    left_by(tmp_path)
    with pytest.raises(CheckpointError, match=rf"is of another training \({clause}\)"):
        plan_in(tmp_path, splits=splits)


def test_what_the_training_does_not_depend_on_may_be_another(tmp_path):
    left_by(tmp_path)
    other = replace(
        CONFIG, network=NetworkConfig(fix=False), quantize=QuantizeConfig(calibration="percentile", engine="litert")
    )
    assert plan_in(tmp_path, other, replace(SPLITS, calibration=noise(5, 6), test=noise(5, 7))).resume


def test_the_code_of_a_network_and_its_weights_are_looked_at(tmp_path):
    (tmp_path / "net.py").write_text("# one")
    config = replace(CONFIG, model=f"{tmp_path / 'net.py'}:make")
    left_by(tmp_path, config)
    assert plan_in(tmp_path, config).resume
    (tmp_path / "net.py").write_text("# two")
    with pytest.raises(CheckpointError, match=r"\(the network's code changed\)"):
        plan_in(tmp_path, config)


def test_another_version_is_named(tmp_path):
    left_by(tmp_path)
    header = read_header(tmp_path / "model.checkpoint")
    before = replace(header, identity={**header.identity, "Keras": "3.0.0"})
    assert differences(before, {**header.identity, "Keras": "3.1.0"}) == ("Keras was 3.0.0 and is 3.1.0",)
    assert {"edgeready", "TensorFlow", "Keras", "NumPy"} < set(header.identity)


def test_what_only_one_side_knows_is_a_difference():
    assert differences(HEADER, {"--epochs": "3", "the classes": "a b", "new": "1"}) == ("new was not there and is 1",)
    assert differences(HEADER, {"--epochs": "3"}) == ("the classes changed",)
    assert differences(HEADER, HEADER.identity) == ()


def test_a_training_that_is_over_is_not_tried_with_an_untrained_network(tmp_path):
    config = replace(
        CONFIG,
        model="net.py:make",
        train=TrainConfig(epochs=10_000_000),
        output=OutputConfig(out=tmp_path / "model.tflite"),
    )
    assert trial_is_worth_it(job_of(config, SPLITS, config.train))
    left_by(tmp_path, config, stage="ended")
    resumed = replace(config, output=replace(config.output, resume=True))
    train = replace(resumed.train, augment="none")
    assert resumed.train.augment is None
    left_by(tmp_path, replace(config, train=train), stage="ended")
    assert not trial_is_worth_it(job_of(resumed, SPLITS, resumed.train))


# Whose it is


def test_a_checkpoint_goes_when_the_model_is_there_and_stays_when_it_fails(path):
    output = OutputConfig(out=path.with_name("model.tflite"))
    with pytest.raises(ValueError, match="the conversion"), held_checkpoint(output):
        raise ValueError("the conversion")
    assert [file.name for file in path.parent.iterdir()] == ["model.checkpoint"]
    (path.parent / ".model.checkpoint.12345678.part").write_text("of a process that was killed")
    with held_checkpoint(output):
        assert sorted(file.name for file in path.parent.iterdir())[:1] == [".model.checkpoint.12345678.part"]
    assert list(path.parent.iterdir()) == []


def test_there_is_nothing_to_go_on_from(tmp_path):
    output = OutputConfig(out=tmp_path / "new" / "model.tflite", resume=True)
    with pytest.raises(NotFoundError) as error, held_checkpoint(output):
        pass
    assert str(error.value) == (
        f"--resume: there is no {tmp_path / 'new' / 'model.checkpoint'}: a training of more than 10 s "
        f"leaves one that does not come to its end; {REMEDY}"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_new_folder_goes_again_where_nothing_came_into_it(tmp_path):
    output = OutputConfig(out=tmp_path / "new" / "er" / "model.tflite")
    with pytest.raises(ValueError, match="the data"), held_checkpoint(output):
        raise ValueError("the data")
    assert list(tmp_path.iterdir()) == []
    with held_checkpoint(output):
        output.out.write_bytes(b"model")
    assert [file.name for file in output.out.parent.iterdir()] == ["model.tflite"]


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.write_text("mine")], ids=["folder", "file"])
def test_what_is_no_checkpoint_is_not_replaced(tmp_path, make):
    output = OutputConfig(out=tmp_path / "model.tflite")
    make(output.checkpoint)
    with pytest.raises(CheckpointError) as error, held_checkpoint(output):
        pass
    assert str(error.value) == (
        f"{output.checkpoint} is in the place of the training's checkpoint, and is none: move it away, "
        "or name another --out"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["model.checkpoint"]


def test_a_training_that_keeps_no_state_has_no_checkpoint_and_no_lock(path):
    output = OutputConfig(out=path.with_name("model.tflite"), keeps_state=False)
    with held_checkpoint(output):
        assert [file.name for file in path.parent.iterdir()] == ["model.checkpoint"]
    assert read_header(path) == HEADER
    assert plan_checkpoint(replace(CONFIG, output=output), SPLITS, CONFIG.train) == CheckpointPlan()
    assert (describe_rest(output, 0), describe_replaced(output)) == ("", "")


def test_a_conversion_has_nothing_to_go_on_with():
    with pytest.raises(UsageError) as error:
        convert(replace(CONFIG, output=OutputConfig(resume=True)))
    assert str(error.value) == "--resume goes on with a training, and a conversion has none: leave it out"


HOLD = """
import sys, time; from pathlib import Path; from edgeready.files.lock import exclusive_file
with exclusive_file(Path(sys.argv[1])) as ours: print(ours, flush=True); time.sleep(60)
"""


def test_two_trainings_of_one_file_do_not_run_at_once(tmp_path):
    output, held = OutputConfig(out=tmp_path / "model.tflite"), tmp_path / ".model.checkpoint.held"
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(held)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "True\n"
        with pytest.raises(CheckpointError) as error, held_checkpoint(output):
            pass
        assert str(error.value) == (
            f"another edgeready build is at work on {output.out}: wait for it, or name another --out"
        )
    finally:
        other.kill()
        other.communicate()
    assert held.exists()  # what is left of the killed one
    with held_checkpoint(output):
        assert held.exists()
    assert not held.exists()


def test_a_lock_that_leads_elsewhere_is_not_followed(tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic"), exclusive_file(tmp_path / "lock"):
        pass
    assert not (tmp_path / "other").exists()


# What is said


def test_a_training_says_how_it_goes_on(path):
    output = OutputConfig(out=path.with_name("model.tflite"))
    assert describe_rest(output, 0) == (f"2 epochs kept in {path}: the same command with --resume goes on from there")
    assert describe_rest(output, time.time() + 60) == ""
    assert describe_rest(replace(output, resume=True), time.time() + 60) == describe_rest(output, 0)
    assert describe_replaced(output) == (
        f"{path} (2 epochs of an earlier training) is replaced: --resume would go on from it"
    )
    assert describe_replaced(replace(output, resume=True)) == ""


def test_a_training_that_is_over_says_that_the_conversion_is_left(path):
    write_state(path, replace(STATE, header=replace(HEADER, stage="ended", epochs=HEADER.epochs[:1])))
    output = OutputConfig(out=path.with_name("model.tflite"))
    assert describe_rest(output, 0) == (
        f"the trained network is kept in {path}: the same command with --resume converts it"
    )
    assert describe_replaced(output) == (
        f"{path} (1 epoch of an earlier training) is replaced: --resume would go on from it"
    )


def test_nothing_is_said_of_a_file_that_is_no_checkpoint(tmp_path):
    (tmp_path / "model.checkpoint").write_text("mine")
    output = OutputConfig(out=tmp_path / "model.tflite")
    assert (describe_rest(output, 0), describe_replaced(output)) == ("", "")
    for name in ("other.tflite", f"{'x' * 300}.tflite"):
        missing = OutputConfig(out=tmp_path / name)
        assert (describe_rest(missing, 0), describe_replaced(missing)) == ("", "")


@pytest.mark.digits
def test_the_command_refuses_in_one_line(run_here):
    code, out, err = run_here("build", "digits", "--resume", "--out", "a.tflite")
    assert (code, out) == (4, "")
    assert err == (
        "edgeready: --resume: there is no a.checkpoint: a training of more than 10 s leaves one that does not come "
        f"to its end; {REMEDY}\n"
    )
    Path("a.checkpoint").write_text("mine")
    code, out, err = run_here("build", "digits", "--resume", "--out", "a.tflite")
    assert (code, out) == (3, "")
    assert err == f"edgeready: a.checkpoint is no checkpoint of a training, or is damaged: {REMEDY}\n"
    assert sorted(path.name for path in Path().iterdir()) == ["a.checkpoint"]


# With TensorFlow


@pytest.mark.tensorflow
def test_a_training_that_goes_on_comes_to_the_same_epochs_and_weights(cases):
    assert cases["resume network"] == {"value": {"epochs": 3, "same": {"1": True}}}


@pytest.mark.tensorflow
def test_only_the_conversion_is_repeated_where_the_training_was_over(cases):
    assert cases["resume a conversion"]["value"] == {
        "stage": "ended",
        "refused": ["uint8"],
        "same": True,
        "trained": False,
        "files": ["model.checkpoint"],
    }


@pytest.mark.tensorflow
def test_the_state_of_another_network_is_refused(cases, case_files):
    assert cases["resume with another network"] == {
        "error": "CheckpointError",
        "text": f"{case_files / 'converted' / 'model.checkpoint'} is of another network: {REMEDY}, "
        "or take the code back that it was started with",
        "code": 3,
    }


@builds.LONG
@pytest.mark.tensorflow
@pytest.mark.slow
def test_every_training_goes_on_after_every_epoch_to_the_same_bits(tmp_path):
    command = [sys.executable, str(Path(__file__).with_name("resume_cases.py")), str(tmp_path)]
    outcomes = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert outcomes.pop("diverged") == ["the loss is nan after 2 epochs: give a smaller --learning-rate"]
    assert {name: set(outcome["same"].values()) for name, outcome in outcomes.items()} == {
        name: {True} for name in ("network", "transfer", "open", "patience")
    }
    stops = {name: sorted(map(int, outcome["same"])) for name, outcome in outcomes.items()}
    steady = steady_length(outcomes["open"]["epochs"])
    assert stops.pop("open") == [steady - 1, steady, steady + 1]
    assert stops == {name: list(range(1, outcomes[name]["epochs"])) for name in ("network", "transfer", "patience")}
    assert outcomes["patience"]["epochs"] < 9  # the patience has ended a stage


AT_ONCE = "import edgeready.workflows.resume as r, edgeready.cli.app as a; r.INTERVAL_S = 0.0; a.main()"
BUILD = [sys.executable, "-c", AT_ONCE, "build", "digits", "-q", "--epochs", "3", "--out", "model.tflite"]
ENDINGS = [(signal.SIGINT, 130, "interrupted"), (signal.SIGKILL, -9, "")]


@builds.LONG
@pytest.mark.tensorflow
@pytest.mark.slow
def test_a_build_that_is_ended_twice_comes_to_the_same_file(tmp_path):
    (tmp_path / "whole").mkdir()
    assert subprocess.run(BUILD, cwd=tmp_path / "whole", capture_output=True).returncode == 0
    resume: list[str] = []
    for number, code, meaning in ENDINGS:
        started = time.time()
        build = subprocess.Popen(
            [*BUILD, *resume],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        checkpoint = tmp_path / "model.checkpoint"
        while not (checkpoint.exists() and checkpoint.stat().st_mtime >= started) and build.poll() is None:
            time.sleep(0.05)
        build.send_signal(number)
        lines = build.communicate()[1].splitlines()
        assert build.returncode == code
        assert [line.partition(": ")[2] for line in lines[1:]] == ([meaning] if meaning else [])
        hint = ("from there", "converts it")  # it may have come to its end
        assert all(line.endswith(hint) for line in lines[:1])
        resume = ["--resume"]
    last = subprocess.run([*BUILD, *resume], cwd=tmp_path, capture_output=True, text=True)
    assert (last.returncode, last.stderr) == (0, "")
    assert (tmp_path / "model.tflite").read_bytes() == (tmp_path / "whole" / "model.tflite").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["model.tflite", "whole"]
