"""Every class of error, met as a user meets it: the installed command's one line and its exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tflite_models import conv_classifier

from edgeready import errors
from edgeready.config.extras import install_command

TENSORFLOW = pytest.mark.tensorflow
ELU = """
import keras

def network(input_shape, classes):
    layers = keras.layers
    inside = [layers.Flatten(), layers.Dense(8, "elu"), layers.Dense(classes)]
    return keras.Sequential([keras.Input(input_shape), *inside])
"""


@dataclass(frozen=True)
class Met:
    """A command that meets the error: its arguments, and how its one line begins and ends."""

    error: str
    module: str
    arguments: tuple[str, ...]
    begins: str
    ends: str
    hidden: str = ""  # a package that is to look as if it were not installed
    descriptors: int = 0  # that the command may open, where it is not 0

    def marked(self, *marks: pytest.MarkDecorator) -> object:
        return pytest.param(self, id=f"{self.module}: {self.error}", marks=marks)


DEVICE, HOST = "edgeready_device", "edgeready"
CASES = [
    Met("UsageError", DEVICE, ("benchmark", "m.tflite", "--runs", "0"), "runs is 0", "").marked(),
    Met("UsageError", HOST, ("build", "digits", "--epochs", "0"), "epochs is 0", "train for at least 1").marked(),
    Met("ModelFileError", DEVICE, ("info", "text.tflite"), "text.tflite: ", "this is no .tflite model").marked(),
    Met("ModelFileError", HOST, ("check", "text.tflite"), "text.tflite: ", "as the converter wrote it").marked(),
    Met(
        "ImageError",
        DEVICE,
        ("classify", "m.tflite", "text.tflite"),
        "'text.tflite' is not an image",
        "save it again as an 8-bit JPEG or PNG",
    ).marked(),
    Met("MeasurementError", DEVICE, ("compare", "one.npz", "one.npz"), "one.npz: it is no JSON", "--out").marked(),
    Met("DatasetError", DEVICE, ("evaluate", "m.tflite", "text.tflite"), "text.tflite: give a .npz", "").marked(),
    Met(
        "DatasetError", HOST, ("data", "one.npz"), "'one.npz' has no images with labels but z", "or x and y"
    ).marked(),
    Met("NotFoundError", DEVICE, ("info", "no.tflite"), "no.tflite: no such file", "name a .tflite model").marked(),
    Met(
        "NotFoundError", HOST, ("check", "no.tflite"), "no.tflite: no such file", "give the path of a .tflite model"
    ).marked(),
    Met(
        "RuntimeUnavailableError",
        DEVICE,
        ("classify", "m.tflite", "text.tflite"),
        "Pillow is not installed",
        'pip install "edgeready-device[images]"',
        hidden="PIL",
    ).marked(),
    Met(
        "FileAccessError",
        DEVICE,
        ("evaluate", "m.tflite", "x" * 300),
        "x" * 300,
        "check the path and its permissions",
    ).marked(),
    Met(
        "SurroundingsError",
        DEVICE,
        ("doctor",),
        "no child process can be started: this process may open no more files",
        "raise the limit (ulimit -n)",
        descriptors=8,
    ).marked(),
    Met(
        "SettingsError",
        HOST,
        ("build", "--config", "broken.toml"),
        "broken.toml: it is no TOML (",
        "): correct it there",
    ).marked(),
    Met(
        "DocumentError", HOST, ("report", "a.html", "text.tflite"), "text.tflite: it is no JSON", "deploy, ..."
    ).marked(),
    Met("OutputError", HOST, ("build", "digits", "-o", "text.tflite/m.tflite"), "cannot write", "--out").marked(),
    Met(
        "MissingExtraError",
        HOST,
        ("build", "digits", "--epochs", "1"),
        "TensorFlow does not load",
        f"run {install_command('build')} to train and convert",
        hidden="tensorflow",
    ).marked(pytest.mark.digits),
    Met("ModelSourceError", HOST, ("build", "digits", "--model", "nothing"), "the model 'nothing' is", "").marked(
        TENSORFLOW
    ),
    Met(
        "CheckpointError",
        HOST,
        ("build", "digits", "--resume", "--out", "damaged.tflite"),
        "damaged.checkpoint is no checkpoint of a training, or is damaged",
        "leave --resume out to train from the beginning",
    ).marked(pytest.mark.digits),
    Met(
        "ConversionError",
        HOST,
        ("build", "digits", "-q", "--epochs", "1", "--model", "elu.py:network"),
        "op 4 ELU stays float32",
        "use ReLU or ReLU6 in its place",
    ).marked(TENSORFLOW, pytest.mark.long),
    Met(
        "TrainingError",
        HOST,
        ("build", "digits", "-q", "--epochs", "2", "--learning-rate", "9", "--model", "explodes.py:network"),
        "the loss is nan after",
        "give a smaller --learning-rate",
    ).marked(TENSORFLOW, pytest.mark.long),
]
EXPLODES = ELU.replace('layers.Dense(8, "elu")', "layers.Rescaling(1e30), layers.Dense(8)")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "m.tflite").write_bytes(conv_classifier())
    (tmp_path / "text.tflite").write_text("This is a text, and not a model.\n")
    (tmp_path / "damaged.checkpoint").write_text("no checkpoint")
    (tmp_path / "broken.toml").write_text("[build\n")
    (tmp_path / "elu.py").write_text(ELU)
    (tmp_path / "explodes.py").write_text(EXPLODES)
    np.savez(tmp_path / "one.npz", z=np.zeros(3))
    return tmp_path


@pytest.fixture
def run(place: Path) -> Callable[[Met], subprocess.CompletedProcess[str]]:
    def command(met: Met) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # Python's own, beside elu.py
        if met.hidden:
            (place / "hidden").mkdir()
            (place / "hidden" / f"{met.hidden}.py").write_text("raise ImportError('hidden by the test')\n")
            environment["PYTHONPATH"] = str(place / "hidden")
        line = [sys.executable, "-m", met.module, *met.arguments]
        if met.descriptors:
            line = ["prlimit", f"--nofile={met.descriptors}", *line]
        return subprocess.run(line, cwd=place, env=environment, capture_output=True, text=True, check=False)

    return command


@pytest.mark.parametrize("met", CASES)
def test_the_command_says_one_line_ends_with_the_code_of_the_class_and_leaves_nothing(met, run, place):
    before = sorted(place.iterdir())
    done = run(met)
    program = met.module.replace("_", "-")
    assert done.returncode == getattr(errors, met.error).exit_code
    assert done.stdout == ""
    assert done.stderr.startswith(f"{program}: {met.begins}"), done.stderr
    assert done.stderr.endswith(f"{met.ends}\n"), done.stderr
    assert done.stderr.count("\n") == 1
    assert [path for path in sorted(place.iterdir()) if path.name != "hidden"] == before


def test_no_class_of_error_is_left_out():
    met = {case.values[0].error for case in CASES}
    met.add("BudgetError")  # a verdict, with its trail on standard output: tests/host/test_hard_model.py
    met.add("BoardError")  # needs a board: tests/host/test_deploy.py
    met.add("AgreementError")  # a verdict: tests/host/test_verdict.py
    met.add("FrameMismatchError")  # a ModelSourceError after which the data are read again: test_fitting_frames.py
    met.add("UntranslatedError")  # a ModelSourceError after which TensorFlow tries it: test_onnx_translation.py
    met.add("ConverterCrashError")  # a ConversionError that is tried again: tests/host/test_workshop.py
    classes = {name for name in errors.__all__ if isinstance(getattr(errors, name), type)}
    assert met == classes - {"EdgereadyError"}
