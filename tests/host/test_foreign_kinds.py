"""Models of other libraries: one line says what a file is and what to do with it."""

from __future__ import annotations

import pytest

from edgeready.engine.sources import check_model_file, no_source
from edgeready.errors import ModelSourceError

WEIGHTS = "build its network in FILE.py:FUNCTION, load the weights there, and give that"
PYTORCH = "write it in PyTorch with torch.onnx.export(model, (image,), 'net.onnx'), and give net.onnx"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("net.ptl", f"it is a PyTorch Lite file: {PYTORCH}"),
        ("model.safetensors", f"it is weights without their network (safetensors): {WEIGHTS}"),
        ("net.mlmodel", "it is a Core ML model: convert the model that it was made from"),
        ("model.ckpt.index", f"it is part of a TensorFlow checkpoint: weights without their network: {WEIGHTS}"),
        ("net.tar.gz", "it is an archive: unpack it and give the model in it"),
        (
            "model.json",
            "it is a network without its weights: save the model with model.save(NAME.keras), and give that",
        ),
    ],
)
def test_a_file_of_another_library_is_named(tmp_path, name, said):
    (tmp_path / name).write_bytes(b"{}")
    assert str(no_source(tmp_path / name)) == f"{tmp_path / name}: {said}"


@pytest.mark.parametrize("content", [b'{"modelTopology": {}}', b" " * 100_000 + b'"weightsManifest": []}'])
def test_a_tensorflow_js_model_is_told_from_a_keras_configuration(tmp_path, content):
    (tmp_path / "model.json").write_bytes(content)
    for path in (tmp_path, tmp_path / "model.json"):
        assert str(no_source(path)).startswith(f"{path}: it is a TensorFlow.js model: convert it back with")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["checkpoint", "model.ckpt-1.index"], "it is a folder of TensorFlow checkpoints"),
        (["config.json", "pytorch_model.bin"], "it is a model of transformers"),
        (["a.keras", "b.tflite", "notes.txt"], "it is a folder with a.keras, b.tflite: name the model in it"),
        (["readme.txt"], "the folder holds no saved_model.pb; give a Keras model"),
        ([], "the folder holds no saved_model.pb; give a Keras model"),
    ],
)
def test_a_folder_is_named_by_what_is_in_it(tmp_path, names, said):
    for name in names:
        (tmp_path / name).write_bytes(b"")
    assert str(no_source(tmp_path)).startswith(f"{tmp_path}: {said}")


def test_a_saved_model_one_folder_down_is_named(tmp_path):
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "saved_model.pb").write_bytes(b"")
    assert str(no_source(tmp_path)) == f"{tmp_path}: it is a folder with export: name the model in it"


def test_weights_alone_are_told_before_a_library_looks_for_a_model(tmp_path):
    path = tmp_path / "net.weights.h5"
    path.write_bytes(b"x")
    with pytest.raises(ModelSourceError, match="it is weights without their network"):
        check_model_file(path)


def test_another_file_is_told_what_is_taken(tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"x")
    assert str(no_source(tmp_path / "notes.txt")).startswith(f"{tmp_path / 'notes.txt'}: give a Keras model (.keras")
