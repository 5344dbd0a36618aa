"""Builds that many tests look at: each is made once, and TensorFlow stays in processes of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import run_cache
from PIL import Image

from edgeready.config.build import BuildConfig, DataConfig, NetworkConfig, OutputConfig, QuantizeConfig, TrainConfig
from edgeready.workflows import build as pipeline
from edgeready.workflows.build import BuildResult

# What takes long is left to .ci/run: the README's test command ends within eight minutes on two cores.
LONG = pytest.mark.long
NEEDS_TENSORFLOW = [pytest.mark.tensorflow]
HERE = Path(__file__).parent
NETS = HERE / "nets.py"
_FOLDER = tempfile.TemporaryDirectory(prefix="edgeready-tests-")  # goes when the session ends


@dataclass(frozen=True)
class Built:
    """A build that is done: its folder, what was asked for, and what came of it."""

    folder: Path
    config: BuildConfig
    result: BuildResult

    @property
    def file(self) -> Path:
        return self.config.output.out


def config_of(source: str, model: str, out: Path, *, data: dict[str, Any] | None = None, **options) -> BuildConfig:
    """A BuildConfig; `options` are fields of the classes in it, or such classes by their names."""
    groups: dict[str, Any] = {
        name: options.pop(name) for name in ("train", "source") if options.get(name) is not None
    }
    kinds = {"output": OutputConfig, "network": NetworkConfig, "quantize": QuantizeConfig}
    options["out"] = out
    for name, kind in kinds.items():
        names = {field.name for field in fields(kind)} & set(options)
        groups[name] = kind(**{key: options.pop(key) for key in names})
    options.pop("train", None)
    assert not options, options
    return BuildConfig(data=DataConfig(source=source, **(data or {})), model=model, **groups)


def made(
    name: str,
    source: str,
    model: str,
    *,
    train: TrainConfig | None = None,
    data: dict[str, Any] | None = None,
    **options,
) -> Built:
    """The build `name`, with the float and the Keras model beside it; without `train` a conversion."""
    return made_in(Path(_FOLDER.name, name), source, model, train=train, data=data, **options)


def made_in(
    folder: Path,
    source: str,
    model: str,
    *,
    train: TrainConfig | None = None,
    data: dict[str, Any] | None = None,
    **options,
) -> Built:
    """The build in `folder`, as `made` makes it."""
    options = {"save_float": True, "save_keras": train is not None, **options}
    config = config_of(source, model, folder / "model.tflite", train=train, data=data, **options)
    return Built(folder, config, (pipeline.convert if train is None else pipeline.build)(config))


@cache
def digits() -> Built:
    """tutorial-cnn, three epochs on digits, seed 1; made once for all processes of the run."""
    return run_cache.once(
        "digits", lambda folder: made_in(folder, "digits", "tutorial-cnn", train=TrainConfig(epochs=3))
    )


@dataclass(frozen=True)
class Ran:
    """A command that ended."""

    file: Path
    code: int
    out: str
    err: str


@cache
def digits_by_command() -> Ran:
    """The same as `digits`, by the command in a process of its own, as JSON."""
    file = Path(_FOLDER.name, "command", "model.tflite")
    arguments = ["build", "digits", "--epochs", "3", "--seed", "1", "--out", str(file), "--json"]
    done = subprocess.run([sys.executable, "-m", "edgeready", *arguments], capture_output=True, text=True)
    return Ran(file, done.returncode, done.stdout, done.stderr)


@cache
def bands(size: int, axis: bool, one_hot: bool) -> Path:
    """A .npz whose three classes have a bright band each; with or without a channel axis."""
    noise = np.random.default_rng(11)
    labels = np.arange(240) % 3
    images = noise.integers(0, 120, (240, size, size), dtype=np.uint8)
    for image, label in zip(images, labels):
        image[label * size // 3 : (label + 1) * size // 3] += 120
    path = Path(_FOLDER.name, f"bands-{size}-{axis}-{one_hot}.npz")
    np.savez(
        path, x=images[..., np.newaxis] if axis else images, y=np.eye(3, dtype=int)[labels] if one_hot else labels
    )
    return path


@cache
def photos() -> Path:
    """A folder of noisy PNG photos, 40x30, RGB: three classes of one colour each."""
    noise = np.random.default_rng(12)
    folder = Path(_FOLDER.name, "photos")
    for channel, name in enumerate(("red", "green", "blue")):
        (folder / name).mkdir(parents=True)
        for number in range(20):
            pixels = noise.integers(0, 130, (30, 40, 3), dtype=np.uint8)
            pixels[..., channel] += 90
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


@cache
def tensorflow_cases() -> tuple[Path, dict[str, Any]]:
    """What tf_cases.py found out, once in the whole run, and the folder with the files that it made."""
    return run_cache.once("tensorflow-cases", _run_cases)


def _run_cases(folder: Path) -> tuple[Path, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(HERE / "tf_cases.py"), str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return folder, json.loads((folder / "cases.json").read_text("utf-8"))


@dataclass(frozen=True)
class Refused:
    """A build that was refused: the error, and what is in the output folder."""

    error: Exception | None
    left: list[str]


def refused(cases: dict[str, Callable[[Path], BuildConfig]], trained: Collection[str] = ()) -> dict[str, Refused]:
    """Every case's outcome, converted two at a time; those that are `trained` are built."""

    def run(name: str) -> Refused:
        folder = Path(_FOLDER.name, "refused", name)
        folder.mkdir(parents=True)
        try:
            (pipeline.build if name in trained else pipeline.convert)(cases[name](folder / "model.tflite"))
        except Exception as error:  # noqa: BLE001  (the test looks at its class)
            return Refused(error, [path.name for path in folder.rglob("*")])
        return Refused(None, [path.name for path in folder.rglob("*")])

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(cases, pool.map(run, cases)))
