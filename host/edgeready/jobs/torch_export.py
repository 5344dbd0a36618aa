"""Has an interpreter of the user's, which has PyTorch, write a network as an ONNX file."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import edgeready
from edgeready.config.build import SourceConfig
from edgeready.errors import LibraryLogError, ModelSourceError, NotFoundError, fit_reason
from edgeready.jobs.job import Job, JobResult
from edgeready.onnx_file import WITHOUT_LOG_SOFTMAX
from edgeready.quantization.inputs import frame_mismatch
from edgeready.quantization.samples import Samples
from edgeready.quantization.source_check import SourceCheck, hold_against_source
from edgeready_device.progress import Progress
from edgeready_device.text import plain

SUFFIXES = (".pt2", ".pt", ".pth")
_FRAMES = 8  # chosen: few, because a wrong export shows on every frame
_SCRIPT = Path(edgeready.__file__).with_name("torch_worker.py")


@dataclass(frozen=True, kw_only=True, eq=False)
class TorchExport:
    """A network as the file `onnx`, and the `outputs` (n, ...) for `inputs` that PyTorch of version `torch` gives."""

    onnx: Path
    torch: str
    inputs: NDArray[np.float32] = field(repr=False)
    outputs: NDArray[np.float32] = field(repr=False)


def is_torch(job: Job) -> bool:
    """Whether the model of `job` is one of PyTorch's, by its name or because an interpreter with torch is named."""
    return job.train is None and is_torch_model(job.model, job.source)


def is_torch_model(model: str, source: SourceConfig) -> bool:
    """Whether the trained `model` is one of PyTorch's."""
    return Path(model).suffix in SUFFIXES or (source.torch_python is not None and ".py:" in model)


def check_torch_file(model: str) -> None:
    """Raises NotFoundError where the file of a model of PyTorch, or of its function, is none."""
    if not Path(model.rpartition(":")[0] if ".py:" in model else model).is_file():
        raise NotFoundError(f"{model}: no such file; give FILE.py:FUNCTION, a .pt2 or a TorchScript file")


def export_torch(job: Job, folder: Path, progress: Progress) -> TorchExport:
    """Returns the network of `job`, written into `folder` by the interpreter that it names.

    Raises NotFoundError where the model is no file, and ModelSourceError where no interpreter is named, it has no
    torch, or the network cannot be exported.
    """
    check_torch_file(job.model)
    python = job.source.torch_python
    if python is None:
        raise ModelSourceError(
            f"{job.model}: give --torch-python PYTHON, an interpreter in which `import torch` works: it is a file of "
            "PyTorch"
        )
    progress("exporting from PyTorch", 0, 0)
    inputs = _inputs(job)
    np.save(folder / "inputs.npy", inputs)
    model = job.model if ".py:" in job.model else os.path.abspath(job.model)
    log = folder / "torch.log"
    with log.open("wb") as output:
        try:
            child = subprocess.Popen(
                [python, str(_SCRIPT), model, str(folder), str(job.classes)],
                stdin=subprocess.PIPE,  # its end tells the child that this process is gone
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise ModelSourceError(
                f"--torch-python {python}: give the path of an interpreter with PyTorch: {error.strerror}"
            ) from error
        try:
            code = child.wait()
        finally:
            child.kill()
            child.wait()
    return _read_answer(job, folder, inputs, code)


def _read_answer(job: Job, folder: Path, inputs: NDArray[np.float32], code: int) -> TorchExport:
    text = (folder / "torch.log").read_text("utf-8", "replace")
    try:
        answer: dict[str, Any] = json.loads((folder / "answer.json").read_text("utf-8"))
    except (OSError, ValueError):
        ending = f"{job.source.torch_python} ended with {code} ("
        answer = {"error": fit_reason(ending, _last_line(text), "); --debug shows all that it printed")}
    if "shape" in answer:
        raise _other_shape(job, answer["shape"], inputs)
    if "error" in answer:
        raise ModelSourceError(f"{job.model}: {plain(answer['error'])}") from LibraryLogError(text)
    outputs = np.load(folder / "outputs.npy")
    return TorchExport(onnx=folder / "net.onnx", torch=str(answer["torch"]), inputs=inputs, outputs=outputs)


def hold_against_torch(result: JobResult, export: TorchExport, pictures: bool) -> SourceCheck:
    """Returns how far the float32 model of `result` is from what PyTorch gives for the same inputs.

    With `pictures` it takes the channels last. Raises ConversionError where the two are more than 1e-4 of the largest
    output apart.
    """
    graph = result.float32.graph
    shape = graph.of(graph.inputs)[0].shape[1:]
    inputs = export.inputs.transpose(0, 2, 3, 1) if pictures and export.inputs.ndim == 4 else export.inputs
    samples = Samples((np.ascontiguousarray(inputs).reshape(len(inputs), *shape),))
    rows = iter(export.outputs)
    finish = _log_softmax if WITHOUT_LOG_SOFTMAX in result.rewrites else None
    return hold_against_source(
        result.float32, samples, lambda _: [next(rows)], f"PyTorch {export.torch}", finish=finish
    )


def _log_softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns what the LogSoftmax at the end, which was left out, makes of `scores`."""
    shifted = scores - scores.max()
    logarithms: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum())
    return logarithms


def _inputs(job: Job) -> NDArray[np.float32]:
    """Returns some calibration inputs as PyTorch takes them: pixels from 0 to 1 with the channels first."""
    if job.arrays is None:
        frames = job.calibration[:_FRAMES]
        pictures = frames[..., np.newaxis] if frames.ndim == 3 else frames
        return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2).astype(np.float32) / 255)
    if len(job.arrays) != 1:
        raise ModelSourceError(
            f"{job.model}: write it with torch.onnx.export, and give that: here one input is exported, not "
            f"{len(job.arrays)}"
        )
    (array,) = job.arrays.values()
    return np.ascontiguousarray(array[:_FRAMES].astype(np.float32))


def _other_shape(job: Job, shape: Sequence[int], inputs: NDArray[np.float32]) -> ModelSourceError:
    """The error for a program that was exported for inputs of another `shape`."""
    if job.arrays is None and len(shape) == 4:
        return frame_mismatch(job.model, (*shape[2:], shape[1]), job.images.shape[1:])
    return ModelSourceError(
        f"{job.model}: give data of its shape: the program takes {list(shape)}, the data are {list(inputs[:1].shape)}"
    )


def _last_line(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
