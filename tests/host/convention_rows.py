"""The rows of the matrix of input conventions: networks, what is said of them, the images, and how a cell is judged.

Nothing here loads TensorFlow: convention_cases.py makes the networks and converts those that need it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edgeready.config.build import NetworkConfig
from edgeready.errors import EdgereadyError
from edgeready.jobs.job import Job, JobResult
from edgeready.quantization.conventions import Convention, answer_classes
from edgeready_device.normalization import PRESETS
from edgeready_device.progress import no_progress

SIZE = 8
COUNT = 64
BOUND = 110.0  # images whose red is above it are of the class 1

# The preset by which pixels go into each kind of network.
KINDS = {
    "unit": "unit",
    "signed-unit": "signed-unit",
    "raw": "raw",
    "torchvision": "torchvision",
    "keras-resnet": "keras-resnet",
    "rescaling inside": "raw",
    "adapted inside": "raw",
}
# What layers inside do to a pixel: value = (pixel - mean) / std.
INSIDE = {"rescaling inside": (127.5, 127.5), "adapted inside": (120.0, 3000.0**0.5)}
# The preset that is said in place of the right one: it gives all images one class.
_WRONG = {"unit": "signed-unit", "signed-unit": "unit", "raw": "unit", "torchvision": "raw", "keras-resnet": "unit"}

WITH_TENSORFLOW = ("net.keras", "net.h5", "saved_model", "net.pb")
WITHOUT_TENSORFLOW = ("net.tflite", "net.onnx")
SOURCES = (*WITH_TENSORFLOW, *WITHOUT_TENSORFLOW)
# The sources of each run of the tests; the others go through the same steps, and are for where time does not count.
TRIED = SOURCES if os.environ.get("EDGEREADY_LONG") == "1" else ("net.keras", "net.tflite")


def options(kind: str) -> dict[str, dict[str, str]]:
    """What may be said of the input of a network of `kind`: nothing, the right, another, or only the order.

    The right numbers are said by the remedies of what is refused.
    """
    name = KINDS[kind]
    color = PRESETS[name].color
    return {
        "nothing": {},
        "the preset": {"preset": name},
        "another": {"preset": _WRONG[name]},
        **({"the order": {"color": color}} if color else {}),
    }


CELLS = [(kind, source, said) for kind in KINDS for source in TRIED for said in options(kind)]


def name_of(kind: str, source: str, said: str) -> str:
    """The name of a cell."""
    return f"{kind} | {source} | {said}"


def file_of(folder: Path, kind: str, source: str) -> Path:
    """Where the network of `kind` is as a `source`."""
    return folder / kind.replace(" ", "_") / source


def _images() -> tuple[np.ndarray, np.ndarray]:
    """Noise around 104 and 116 in red, green and blue the other way round, and the classes.

    The two are so near that only the right convention tells them apart: -1 to 1 and torchvision's differ by 12.
    """
    labels = np.arange(COUNT) % 2
    red = np.where(labels, BOUND + 6, BOUND - 6)
    level = np.stack([red, 2 * BOUND - red, 2 * BOUND - red], axis=1)[:, None, None, :]
    noise = np.random.default_rng(1).integers(-10, 11, (COUNT, SIZE, SIZE, 3))
    return (level + noise).astype(np.uint8), labels.astype(np.int64)


IMAGES, LABELS = _images()


def convert_all(folder: Path, sources: tuple[str, ...], make: Callable[..., JobResult]) -> dict[str, dict[str, Any]]:
    """What `make` answers in the cells of `sources`, whose files are in `folder`."""
    return {
        name_of(kind, source, said): _answer(file_of(folder, kind, source), options(kind)[said], make)
        for kind, source, said in CELLS
        if source in sources
    }


def _answer(path: Path, told: dict[str, str], make: Callable[..., JobResult]) -> dict[str, Any]:
    case = _convert(path, NetworkConfig(**told), make)
    return case if "error" not in case else {**case, "remedied": _convert(path, _remedy(case["text"]), make)}


def _convert(path: Path, network: NetworkConfig, make: Callable[..., JobResult]) -> dict[str, Any]:
    """The job of `convert`: on how many images its two files are right; or the refusal."""
    job = Job(
        model=str(path),
        classes=2,
        images=IMAGES,
        labels=LABELS,
        calibration=IMAGES[:16],
        network=network,
        modes=("uint8",),
    )
    try:
        result = make(job, read_log=str, progress=no_progress)
    except EdgereadyError as error:
        return {"error": type(error).__name__, "code": error.exit_code, "text": str(error)}
    way = Convention(name="settled", normalization=result.normalization, color=result.color)
    return {
        "float32": int((answer_classes(result.float32, IMAGES, way) == LABELS).sum()),
        "uint8": int((_answers_in_uint8(result) == LABELS).sum()),
        "color": result.color,
    }


def _answers_in_uint8(result: JobResult) -> np.ndarray:
    """The classes that the uint8 file gives the images, by its own scale and the convention of the manifest."""
    interpreter = Interpreter(model_content=result.models["uint8"].flatbuffer)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero = source["quantization"]
    classes = []
    for image in IMAGES:
        frame = image[..., ::-1] if result.color == "bgr" else image
        values = np.round(result.normalization.apply(frame) / scale + zero)
        interpreter.set_tensor(source["index"], np.clip(values, 0, 255).astype(np.uint8)[None])
        interpreter.invoke()
        classes.append(interpreter.get_tensor(target["index"]).argmax())
    return np.array(classes)


def _remedy(text: str) -> NetworkConfig:
    """The options that a refusal proposes, as a user would copy them."""
    options = re.search(r"and on 100\.0 % with --mean (\S+) --std (\S+)( --color bgr)?: give the latter", text)
    assert options is not None, text
    mean, std = (tuple(float(value) for value in part.split(",")) for part in options.groups()[:2])
    return NetworkConfig(mean=mean, std=std, color="bgr" if options[3] else None)
