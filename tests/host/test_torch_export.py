"""Networks of PyTorch, exported by an interpreter that has it, or refused with what to do.

EDGEREADY_TORCH_PYTHON names an interpreter with PyTorch; without it the tests that need one skip and say so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from edgeready.config.build import SourceConfig
from edgeready.errors import ModelSourceError, NotFoundError
from edgeready.jobs.job import Job
from edgeready.jobs.torch_export import export_torch, is_torch
from edgeready_device.progress import no_progress

TORCH = os.environ.get("EDGEREADY_TORCH_PYTHON")
NEEDS_TORCH = pytest.mark.skipif(not TORCH, reason="EDGEREADY_TORCH_PYTHON names no interpreter with PyTorch")
NEEDS_ONNX = pytest.mark.skipif(find_spec("onnxsim") is None, reason="the extra `onnx` is not installed")
BUILD = "build the network in FILE.py:FUNCTION, load the weights there, and give that"
SIZE, CLASSES = 12, 3
NETWORK = f"""
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        torch.manual_seed(1)
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.groups = nn.Conv2d(8, 8, 1, groups=2)
        self.dense = nn.Linear(8 * {SIZE // 2} ** 2, classes)

    def forward(self, image):
        maps = self.pool(torch.relu(self.norm(self.first(image))))
        maps = nn.functional.hardswish(self.groups(maps))
        return torch.log_softmax(self.dense(torch.flatten(maps, 1)), 1)

def make(classes):
    return Net(classes)

def number():
    return 3

def fails():
    raise ValueError("two\\nlines")

def two():
    class Two(nn.Module):
        def forward(self, image):
            return image, image
    return Two()

def wide():
    return nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten(), nn.Linear(5, {CLASSES}))

def narrow():
    return nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten(), nn.Linear(2 * {SIZE * SIZE}, {CLASSES}))
"""
SAVE = f"""
import torch, net
module, image = net.make({CLASSES}).eval(), torch.zeros(1, 3, {SIZE}, {SIZE})
torch.export.save(torch.export.export(module, (image,)), "program.pt2")
torch.jit.trace(module, image).save("script.pt")
torch.save(module.state_dict(), "weights.pth")
"""


def job(model, python=sys.executable, **settings):
    frames = np.random.default_rng(0).integers(0, 255, (9, SIZE, SIZE, 3)).astype(np.uint8)
    source = SourceConfig(torch_python=python)
    return Job(model=str(model), classes=CLASSES, images=frames, calibration=frames, source=source, **settings)


def refusal(folder, model, *arguments, error=ModelSourceError, **settings):
    with pytest.raises(error) as raised:
        export_torch(job(model, *arguments, **settings), folder, no_progress)
    error = raised
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("torch")
    (folder / "net.py").write_text(NETWORK)
    subprocess.run([str(TORCH), "-c", SAVE], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize(
    ("model", "python", "torch"),
    [
        ("net.pt2", None, True),
        ("net.pt", None, True),
        ("net.pth", "python", True),
        ("net.py:make", "python", True),
        ("net.py:make", None, False),
        ("net.onnx", "python", False),
        ("net.keras", None, False),
    ],
)
def test_what_is_pytorchs_is_told_by_its_name_or_by_the_interpreter(model, python, torch):
    assert is_torch(job(model, python)) is torch


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A folder with a file that may be PyTorch's, which is the current one."""
    (tmp_path / "net.pt2").write_bytes(b"no program")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("model", ["none.pt2", "none.py:make", "folder.pt"])
def test_a_file_that_is_not_there_is_not_found(program, model):
    (program / "folder.pt").mkdir()
    said = "no such file; give FILE.py:FUNCTION, a .pt2 or a TorchScript file"
    assert refusal(program, model, error=NotFoundError) == f"{model}: {said}"


def test_a_file_of_pytorch_asks_for_an_interpreter(program):
    said = "give --torch-python PYTHON, an interpreter in which `import torch` works: it is a file of PyTorch"
    assert refusal(program, "net.pt2", None) == f"net.pt2: {said}"


@pytest.mark.parametrize("python", ["no-such-python", "/", ""])
def test_an_interpreter_that_is_none_is_named(program, python):
    said = refusal(program, "net.pt2", python)
    assert said.startswith(f"--torch-python {python}: give the path of an interpreter with PyTorch: ")


@pytest.mark.skipif(find_spec("torch") is not None, reason="this interpreter has PyTorch")
def test_an_interpreter_without_pytorch_is_named(program):
    said = f"install torch for {sys.executable}, or name another --torch-python"
    assert refusal(program, "net.pt2") == f"net.pt2: {said}"


def test_a_program_that_is_no_python_is_told_by_how_it_ends(program):
    assert (
        refusal(program, "net.pt2", "/bin/false")
        == "net.pt2: /bin/false ended with 1 (it said nothing); --debug shows all that it printed"
    )


def test_several_inputs_are_left_to_the_user(program):
    arrays = {"a": np.zeros((9, 2), np.float32), "b": np.zeros((9, 2), np.float32)}
    said = "write it with torch.onnx.export, and give that: here one input is exported, not 2"
    assert refusal(program, "net.pt2", arrays=arrays) == f"net.pt2: {said}"


@NEEDS_TORCH
@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("net.py:number", "it returned int: let it return a torch.nn.Module"),
        ("net.py:fails", "it failed: ValueError: two"),
        ("net.py:none", "net.py has no function 'none': give FILE.py:FUNCTION"),
        ("net.py:two", "the network returns tuple: let it return one tensor of scores"),
        ("net.py:narrow", f"the model takes [{SIZE}, {SIZE}, 1], the images are [{SIZE}, {SIZE}, 3]: leave"),
        (
            "net.py:wide",
            f"give the --image-size that it takes: the network fails on inputs of the shape [1, 3, {SIZE}, {SIZE}] (",
        ),
        ("weights.pth", f"{BUILD}: it is no TorchScript (RuntimeError: "),
        ("net.pt2", f"{BUILD}: it is no program of torch.export ("),
    ],
)
def test_a_network_that_cannot_be_exported_is_refused(files, monkeypatch, model, said):
    monkeypatch.chdir(files)
    Path("net.pt2").write_bytes(b"no program")
    assert refusal(files, model, TORCH).startswith(f"{model}: {said}")


@NEEDS_TORCH
@NEEDS_ONNX
@pytest.mark.tensorflow
@pytest.mark.parametrize("model", ["net.py:make", "program.pt2", "script.pt"])
def test_a_network_of_pytorch_becomes_a_uint8_file_that_agrees_with_it(files, run_here, model):
    random = np.random.default_rng(0)
    labels = np.arange(60) % CLASSES
    images = (random.integers(0, 60, (60, SIZE, SIZE, 3)) + 60 * labels[:, None, None, None]).astype(np.uint8)
    data = files / "data.npz"
    np.savez(data, x_train=images[:40], y_train=labels[:40], x_test=images[40:], y_test=labels[40:])
    source = files / model
    code, out, err = run_here(
        "convert", source, "--torch-python", TORCH, "--data", data, "-o", files / "net.tflite", "--json"
    )
    assert code in (0, 1), err  # an untrained network may be no better than a guess
    document = json.loads(out)
    check = document["source_check"]
    assert check["runtime"].startswith("PyTorch ")
    assert check["frames"] == 8
    assert 0 < check["difference"] <= 1e-5 * check["largest_value"]
    assert document["readiness"]["ready"] is True
    assert document["protections"] == []
    assert document["rewrites"][0] == "LogSoftmax at the end is left out: what goes into it has the same softmax"
