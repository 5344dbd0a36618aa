"""Writes a network of PyTorch as an ONNX file, with what it gives for some inputs; run by an interpreter with torch.

Run as: PYTHON torch_worker.py MODEL FOLDER CLASSES. FOLDER holds inputs.npy, float32 (n, channels, height, width) or
another shape with the batch first; it gets net.onnx, outputs.npy and answer.json. MODEL is FILE.py:FUNCTION, a .pt2
of torch.export or a TorchScript file. It imports nothing of edgeready: that interpreter need not have it.

Standard input is the parent's life line: when it ends, the parent is gone, and so is this process.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

_OPSET = 17  # of the exporter that needs no onnxscript; chosen: the newest that PyTorch 1.13, of Debian 12, writes

_LONGEST = 90  # characters of a library's own words; chosen: with name and remedy they fit 200


def main() -> int:
    """Writes the files; returns 0, or 1 where answer.json says in "error" what is wrong."""
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    model, folder, classes = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    try:
        answer = _export(model, folder, classes)
    except _Refusal as refusal:
        traceback.print_exc()
        answer = {"error": str(refusal)}
    (folder / "answer.json").write_text(json.dumps(answer), "utf-8")
    return 1 if "error" in answer else 0


class _Refusal(Exception):
    """Says what the model lacks."""


def _export(model: str, folder: Path, classes: int) -> dict[str, Any]:
    try:
        import numpy as np  # noqa: PLC0415  (of the user's interpreter)
        import torch  # noqa: PLC0415  (the same)
    except ImportError as error:
        raise _Refusal(f"install {error.name} for {sys.executable}, or name another --torch-python") from error
    inputs = torch.from_numpy(np.load(folder / "inputs.npy"))
    network = _load(torch, model, classes)
    shape = _own_shape(network)
    if shape is not None and shape[1:] != tuple(inputs.shape[1:]):
        return {"error": "", "shape": list(shape)}
    try:
        with torch.no_grad():
            call = network.module() if hasattr(network, "module") and not _is_module(torch, network) else network
            rows = [call(inputs[row : row + 1]) for row in range(len(inputs))]
    except Exception as error:  # whatever the user's own code raises
        channels = _first_channels(network)
        if inputs.ndim == 4 and channels in (1, 3) and channels != inputs.shape[1]:
            return {"error": "", "shape": [1, channels, *inputs.shape[2:]]}
        raise _Refusal(
            f"give the --image-size that it takes: the network fails on inputs of the shape {list(inputs[:1].shape)} "
            f"({_sentence(error)})"
        ) from error
    if not all(isinstance(row, torch.Tensor) for row in rows):
        raise _Refusal(f"the network returns {type(rows[0]).__name__}: let it return one tensor of scores")
    np.save(folder / "outputs.npy", torch.cat(rows).float().numpy())
    _write_onnx(torch, network, inputs[:1], folder / "net.onnx")
    return {"torch": str(torch.__version__)}


def _load(torch: Any, model: str, classes: int) -> Any:
    if ".py:" in model:
        network = _call(model, classes)
        if not _is_module(torch, network):
            raise _Refusal(f"it returned {type(network).__name__}: let it return a torch.nn.Module")
        return network.float().eval()
    try:
        if model.endswith(".pt2"):
            return torch.export.load(model)
        return torch.jit.load(model, map_location="cpu").float().eval()
    except Exception as error:  # torch raises of all kinds for files that it cannot read
        kind = "program of torch.export" if model.endswith(".pt2") else "TorchScript"
        raise _Refusal(
            f"build the network in FILE.py:FUNCTION, load the weights there, and give that: it is no {kind} "
            f"({_sentence(error)})"
        ) from error


def _call(model: str, classes: int) -> Any:
    """Returns what FUNCTION in FILE.py returns; it may take `classes`."""
    file, _, function = model.rpartition(":")
    path = Path(file)
    sys.path[:0] = [str(path.resolve().parent)]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise _Refusal("there is no such file: give FILE.py:FUNCTION")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        make = getattr(module, function, None)
        if not callable(make):
            raise _Refusal(f"{path} has no function {function!r}: give FILE.py:FUNCTION")
        takes = inspect.signature(make).parameters
        return make(**({"classes": classes} if "classes" in takes else {}))
    except _Refusal:
        raise
    except (Exception, SystemExit) as error:  # whatever the user's own code raises
        raise _Refusal(f"it failed: {_sentence(error)}") from error


def _own_shape(network: Any) -> tuple[int, ...] | None:
    """Returns the shape of the input that a program of torch.export was made for; None for other networks."""
    example = getattr(network, "example_inputs", None)
    if not example or not example[0]:
        return None
    return tuple(example[0][0].shape)


def _first_channels(network: Any) -> int | None:
    """Returns how many channels the first convolution takes; None for a network without one."""
    for values in network.parameters():
        if values.ndim == 4:
            return int(values.shape[1])
    return None


def _write_onnx(torch: Any, network: Any, example: Any, path: Path) -> None:
    """Writes `network` by the new exporter where its onnxscript is installed, else by the old one."""
    names = {"input_names": ["image"], "output_names": ["scores"]}
    new = importlib.util.find_spec("onnxscript") is not None and not isinstance(network, torch.jit.ScriptModule)
    try:
        if new and hasattr(torch.onnx, "ONNXProgram"):
            torch.onnx.export(network, (example,), str(path), dynamo=True, **names)
            return
        if not _is_module(torch, network):
            network = network.module()
        old = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
        torch.onnx.export(network, (example,), str(path), opset_version=_OPSET, **old, **names)
    except Exception as error:  # torch raises of all kinds for networks that it cannot export
        raise _Refusal(f"torch.onnx.export does not write it ({_sentence(error)})") from error


def _is_module(torch: Any, network: Any) -> bool:
    return isinstance(network, torch.nn.Module)


def _sentence(error: BaseException) -> str:
    """Returns the class and the first line of `error`, of a length that fits a message."""
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rstrip()} ... --debug shows the rest"


def _end_with_the_parent() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
