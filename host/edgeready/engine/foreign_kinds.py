"""Says what a file or folder is that no source here reads, and what to do with it."""

from __future__ import annotations

from pathlib import Path

_ITS_SOURCE = "convert the model that it was made from"
_LOAD_WEIGHTS = "build its network in FILE.py:FUNCTION, load the weights there, and give that"
_PYTORCH = "write it in PyTorch with torch.onnx.export(model, (image,), 'net.onnx'), and give net.onnx"
# What the ends of a file's name mean, the longer ones first, and what to do with it.
_FILES = {
    ".weights.h5": ("weights without their network (Keras' save_weights)", _LOAD_WEIGHTS),
    ".ptl": ("a PyTorch Lite file", _PYTORCH),
    ".pte": ("an ExecuTorch file", _ITS_SOURCE),
    ".safetensors": ("weights without their network (safetensors)", _LOAD_WEIGHTS),
    ".mlmodel": ("a Core ML model", _ITS_SOURCE),
    ".caffemodel": ("the weights of a Caffe network", _ITS_SOURCE),
    ".prototxt": ("a Caffe network without its weights", _ITS_SOURCE),
    ".ckpt": ("a checkpoint: weights without their network", _LOAD_WEIGHTS),
    ".index": ("part of a TensorFlow checkpoint: weights without their network", _LOAD_WEIGHTS),
    ".meta": ("part of a TensorFlow 1 checkpoint", "freeze its graph with convert_variables_to_constants first"),
    ".pbtxt": ("a graph as text", "give the frozen graph, which is a .pb"),
    ".task": ("a MediaPipe bundle", "unpack it (it is a ZIP) and give the .tflite in it"),
    ".engine": ("a TensorRT engine", _ITS_SOURCE),
    ".trt": ("a TensorRT engine", _ITS_SOURCE),
    ".xml": ("an OpenVINO model or another XML file", _ITS_SOURCE),
    ".pdmodel": ("a Paddle model", _ITS_SOURCE),
    ".param": ("an ncnn network", _ITS_SOURCE),
    ".gguf": ("a GGUF file", _ITS_SOURCE),
    ".joblib": ("a pickle (scikit-learn)", "train a network in its place: edgeready build"),
    ".pkl": ("a pickle", _LOAD_WEIGHTS),
    ".zip": ("a ZIP archive", "unpack it and give the model in it"),
    ".tar.gz": ("an archive", "unpack it and give the model in it"),
    ".tgz": ("an archive", "unpack it and give the model in it"),
    ".json": ("a network without its weights", "save the model with model.save(NAME.keras), and give that"),
    ".npz": ("arrays, no model", _LOAD_WEIGHTS),
}
_TFJS = ("a TensorFlow.js model", "convert it back with tensorflowjs_converter to a Keras .h5, or " + _ITS_SOURCE)
_TFJS_MARKS = (b'"modelTopology"', b'"weightsManifest"')
_MOST_READ = 1 << 16  # bytes; chosen: a TensorFlow.js model has its marks in the first kilobytes, or at its end


def find_foreign_kind(path: Path) -> str:
    """Returns what `path` is, and what to do with it, where no source reads that; "" for other files and folders."""
    kind = _folder_kind(path) if path.is_dir() else _file_kind(path)
    return "" if kind is None else f"it is {kind[0]}: {kind[1]}"


def _file_kind(path: Path) -> tuple[str, str] | None:
    if path.suffix == ".json" and _is_tfjs(path):
        return _TFJS
    name = path.name.lower()
    ending = next((ending for ending in _FILES if name.endswith(ending)), None)
    return None if ending is None else _FILES[ending]


def _folder_kind(path: Path) -> tuple[str, str] | None:
    names = sorted(entry.name for entry in path.iterdir())
    if "model.json" in names and _is_tfjs(path / "model.json"):
        return _TFJS
    if path.suffix == ".mlpackage":
        return _FILES[".mlmodel"]
    if "checkpoint" in names or any(name.endswith(".index") for name in names):
        return "a folder of TensorFlow checkpoints: weights without their network", _LOAD_WEIGHTS
    if any(name.endswith((".safetensors", ".bin")) for name in names) and "config.json" in names:
        return "a model of transformers", _PYTORCH
    models = [name for name in names if name.endswith((".keras", ".h5", ".tflite", ".pb"))]
    inner = [name for name in names if (path / name / "saved_model.pb").is_file()]
    if inner or models:
        return f"a folder with {', '.join([*inner, *models][:4])}", "name the model in it"
    return None


def _is_tfjs(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_READ)
            file.seek(max(0, path.stat().st_size - _MOST_READ))
            text += file.read()
            return any(mark in text for mark in _TFJS_MARKS)
    except OSError:
        return False
