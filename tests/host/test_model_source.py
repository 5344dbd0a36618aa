"""The model in a folder or a ZIP, and the labels that lie beside it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from builds import LONG
from PIL import Image
from tflite_models import O, T, conv_classifier, tflite

from edgeready.config.build import BuildConfig, DataConfig, OutputConfig, SourceConfig
from edgeready.errors import DatasetError, ModelSourceError, NotFoundError, UsageError
from edgeready.model_file.writer import package
from edgeready.workflows.build import convert
from edgeready.workflows.model_source import find_class_names, open_source
from edgeready.workflows.tensors import convert_tensors
from edgeready_device.model_file.manifest import InputSpec, Manifest
from edgeready_device.model_file.reader import read_model_file

BANDS = {"low": 4, "middle": 2, "top": 0}  # the first of two bright rows of six


def config(
    model: Path | str, source: Path | str = "digits", labels: Path | str | None = None, out: Path = Path("out.tflite")
) -> BuildConfig:
    return BuildConfig(
        data=DataConfig(source=str(source)),
        model=str(model),
        output=OutputConfig(out=out),
        source=SourceConfig(labels=None if labels is None else str(labels)),
    )


def names_of(model: Path, labels: Path | str | None = None) -> tuple[str, ...] | None:
    names = find_class_names(config(model, labels=labels))
    return None if names is None else names.readings[0]


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


# -- a model in a folder or a ZIP ------------------------------------------------------------------------------


def test_the_one_model_of_a_folder_is_taken(tmp_path):
    (tmp_path / "keras_model.h5").write_bytes(b"")
    (tmp_path / "labels.txt").write_text("0 cat\n1 dog\n")
    with open_source(config(tmp_path)) as opened:
        assert opened.model == str(tmp_path / "keras_model.h5")
        assert names_of(Path(opened.model)) == ("cat", "dog")


def test_the_saved_model_of_a_folder_is_taken_with_the_labels_beside_it(tmp_path):
    (tmp_path / "model.savedmodel").mkdir()
    (tmp_path / "model.savedmodel" / "saved_model.pb").write_bytes(b"")
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    with open_source(config(tmp_path)) as opened:
        assert opened.model == str(tmp_path / "model.savedmodel")
        assert names_of(Path(opened.model)) == ("cat", "dog")


def test_a_folder_with_several_models_is_refused_by_their_names_and_a_saved_model_stays_as_it_is(tmp_path):
    for name in ("a.keras", "b.h5"):
        (tmp_path / name).write_bytes(b"")
    with (
        pytest.raises(ModelSourceError, match=r"it is a folder with a\.keras, b\.h5: name the model in it$"),
        open_source(config(tmp_path)),
    ):
        pass
    (tmp_path / "saved_model.pb").write_bytes(b"")
    (tmp_path / "b.h5").unlink()
    with open_source(config(tmp_path)) as opened:
        assert opened.model == str(tmp_path)


NO_DATA = "none.npz"  # the model is looked at first


@pytest.mark.parametrize("command", ["convert", "modes"])
@pytest.mark.parametrize(
    ("model", "code", "said"),
    [
        ("none.keras", 4, "none.keras: no such model file; give a Keras model (.keras or .h5), "),
        ("none.onnx", 4, "none.onnx: no such model file; give "),
        ("none.zip", 4, "none.zip: no such model file; give "),
        ("none", 4, "none: no such model file; give "),
        ("none.py:net", 4, "none.py: no such file; give FILE.py:FUNCTION"),
        ("none.pt2", 4, "none.pt2: no such file; give FILE.py:FUNCTION, a .pt2 or a TorchScript file"),
        ("a.weights.h5", 3, "a.weights.h5: it is weights without their network (Keras' save_weights): "),
        ("a.txt", 3, "a.txt: give a Keras model (.keras or .h5), "),
        ("folder", 3, "folder: the folder holds no saved_model.pb; give "),
        ("folder.keras", 4, "folder.keras: no such model file; give "),
    ],
)
def test_what_is_no_model_by_its_name_is_told_before_the_data_are_read(
    run_here, tmp_path, command, model, code, said
):
    for name in ("a.weights.h5", "a.txt"):
        (tmp_path / name).write_bytes(b"text")
    for name in ("folder", "folder.keras"):
        (tmp_path / name).mkdir()
    ended, out, err = run_here(command, model, "--data", NO_DATA)
    assert (ended, out, err.count("\n")) == (code, "", 1)
    assert err.startswith(f"edgeready: {said}")


@pytest.mark.parametrize(
    ("model", "code", "said"),
    [
        ("resnet", 3, "the model 'resnet' is unknown: choose tutorial-cnn, "),
        ("none.keras", 3, "the model 'none.keras' is unknown: choose tutorial-cnn, "),
        ("none.py:net", 4, "none.py: no such file; give FILE.py:FUNCTION"),
        (
            "net.keras",
            3,
            "net.keras is a file: build trains a network by name or FILE.py:FUNCTION; what is trained already goes "
            "to edgeready convert net.keras --data DATA\n",
        ),
    ],
)
def test_a_network_that_there_is_not_is_told_before_the_data_are_read(run_here, tmp_path, model, code, said):
    (tmp_path / "net.keras").write_bytes(b"net")
    ended, out, err = run_here("build", NO_DATA, "--model", model)
    assert (ended, out, err.count("\n")) == (code, "", 1)
    assert err.startswith(f"edgeready: {said}")
    assert [path.name for path in tmp_path.iterdir()] == ["net.keras"]


def test_a_model_that_may_be_one_is_left_to_what_reads_the_data_first(run_here, tmp_path):
    (tmp_path / "net.keras").write_bytes(b"net")
    code, out, err = run_here("convert", "net.keras", "--data", NO_DATA)
    assert (code, out) == (4, "")
    assert err.startswith("edgeready: no data set or path 'none.npz': use digits, ")


@pytest.mark.parametrize("top", ["", "converted_keras/"])
def test_the_model_of_a_zip_is_unpacked_for_the_time_of_the_command(tmp_path, top):
    path = zipped(tmp_path / "m.zip", {f"{top}keras_model.h5": b"net", f"{top}labels.txt": b"0 a b\r\n1 c"})
    with open_source(config(path)) as opened:
        model = Path(opened.model)
        assert (model.name, model.read_bytes()) == ("keras_model.h5", b"net")
        names = find_class_names(opened)
        assert names is not None
        assert names.readings[0] == ("a b", "c")
        assert names.origin == repr(f"m.zip/{top}labels.txt")
    assert not model.exists()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"model.json": b"{}", "weights.bin": b""},
            "holds no model that is read (model.json, weights.bin): ",
        ),
        ({"a.h5": b"", "b.keras": b""}, "holds several models (a.h5, b.keras): unpack it, and give the"),
        ({}, "holds no model that is read (nothing): unpack it, and give the model in it"),
    ],
)
def test_a_zip_without_one_model_is_refused(tmp_path, files, said):
    path = zipped(tmp_path / "m.zip", files)
    with pytest.raises(ModelSourceError) as caught, open_source(config(path)):
        pass
    assert f"{path} {said}" in str(caught.value)


def test_a_damaged_zip_is_refused(tmp_path):
    path = tmp_path / "m.zip"
    path.write_bytes(b"PK no zip")
    with (
        pytest.raises(ModelSourceError, match=r"m\.zip cannot be unpacked \(File is not a zip file\): copy it again"),
        open_source(config(path)),
    ):
        pass


def test_a_name_in_a_zip_that_leads_out_of_it_stays_inside(tmp_path):
    path = zipped(tmp_path / "m.zip", {"../net.h5": b"net"})
    with open_source(config(path)) as opened:
        assert Path(opened.model).parts[-2:] == ("m.zip", "net.h5")
    assert not (tmp_path / "net.h5").exists()


# -- labels ----------------------------------------------------------------------------------------------------


def test_labels_that_are_named_go_before_those_beside_the_model(tmp_path):
    (tmp_path / "net.keras").write_bytes(b"")
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    (tmp_path / "mine.json").write_text(json.dumps({"1": "owl", "0": "fox"}))
    assert names_of(tmp_path / "net.keras") == ("cat", "dog")
    assert names_of(tmp_path / "net.keras", tmp_path / "mine.json") == ("fox", "owl")
    assert names_of(tmp_path / "net.keras", "none") is None


def test_a_model_without_labels_keeps_the_order_of_the_data(tmp_path):
    (tmp_path / "net.keras").write_bytes(b"")
    assert names_of(tmp_path / "net.keras") is None
    assert names_of(Path("net.py:make")) is None


def test_a_tflite_has_its_own_labels_but_for_numbers(tmp_path):
    (tmp_path / "labels.txt").write_text("cat\ndog\nowl\n")
    manifest = Manifest("net", InputSpec(8, 8, 1), "probabilities")
    (tmp_path / "named.tflite").write_bytes(package(conv_classifier(), manifest, ("x", "y", "z"), "1"))
    (tmp_path / "bare.tflite").write_bytes(conv_classifier())
    (tmp_path / "numbered.tflite").write_bytes(package(conv_classifier(), manifest, ("0", "1", "2"), "1"))
    assert names_of(tmp_path / "named.tflite") == ("x", "y", "z")
    assert names_of(tmp_path / "bare.tflite") == ("cat", "dog", "owl")
    assert names_of(tmp_path / "numbered.tflite") == ("cat", "dog", "owl")


@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        (None, NotFoundError, "no such file; name a text file with one label a line"),
        (b"", UsageError, "holds no labels: write one label a line"),
        (b"caf\xe9\nbar\n", UsageError, "line 1 is not UTF-8 (byte 0xe9), perhaps Latin-1"),
        (b"cat\ncat\n", UsageError, "names 'cat' twice: give every class its own name"),
        (b"cat\n", UsageError, "has 1 labels: write one for each output of the model, at least two"),
    ],
)
def test_a_label_file_that_cannot_be_used_is_refused(tmp_path, content, error, said):
    path = tmp_path / "mine.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error) as caught:
        names_of(Path("net.py:make"), path)
    assert said in str(caught.value)


def test_labels_without_labelled_images_are_refused(tmp_path):
    np.savez(tmp_path / "inputs.npz", image=np.zeros((4, 8, 8, 1), np.float32))
    with pytest.raises(UsageError, match="--labels names the classes of images, and the data have no labels"):
        convert_tensors(config(tmp_path / "net.tflite", tmp_path / "inputs.npz", "labels.txt"))


# -- a conversion ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bands(tmp_path_factory) -> Path:
    """A folder with a network whose outputs are low, top and middle in this order, and images of these classes."""
    folder = tmp_path_factory.mktemp("bands")
    weights = np.zeros((3, 6, 6), np.float32)
    for output, name in enumerate(("low", "top", "middle")):
        weights[output, BANDS[name] : BANDS[name] + 2] = 1
    tensors = [
        T("image", (1, 6, 6, 1), "float32"),
        T("shape", data=np.array([1, 36], np.int32)),
        T("flat", (1, 36), "float32"),
        T("weights", data=weights.reshape(3, 36)),
        T("bias", data=np.zeros(3, np.float32)),
        T("scores", (1, 3), "float32"),
    ]
    ops = [O("RESHAPE", ["image", "shape"], ["flat"]), O("FULLY_CONNECTED", ["flat", "weights", "bias"], ["scores"])]
    (folder / "net.tflite").write_bytes(tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"]))
    noise = np.random.default_rng(1)
    for name, row in BANDS.items():
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(50):
            pixels = noise.integers(0, 60, (6, 6), dtype=np.uint8)
            pixels[row : row + 2] += 150
            Image.fromarray(pixels).save(folder / "photos" / name / f"{number}.png")
    return folder


def test_a_converted_model_gives_the_labels_of_the_file_beside_it(bands, tmp_path):
    (bands / "labels.txt").write_bytes("\ufeff0 Low\r\n1 TOP\r\n2 middle\r\n".encode())
    result = convert(config(bands / "net.tflite", bands / "photos", out=tmp_path / "o.tflite"))
    assert result.comparison.model.accuracy.top1.value == 1
    assert result.doubts == ()
    assert read_model_file(tmp_path / "o.tflite").labels == ("Low", "TOP", "middle")
    assert result.splits.notes[0] == (
        f"the classes have the names and the order of {str(bands / 'labels.txt')!r}: 'low' is 'Low', 'top' is 'TOP'"
    )


def test_labels_that_do_not_fit_the_data_write_nothing(bands, tmp_path):
    (tmp_path / "labels.txt").write_text("low\ntop\nbottom\n")
    with pytest.raises(DatasetError, match="give the file that belongs to the model with --labels, or --labels none"):
        convert(config(bands / "net.tflite", bands / "photos", tmp_path / "labels.txt", out=tmp_path / "o.tflite"))
    assert [path.name for path in tmp_path.iterdir()] == ["labels.txt"]


@LONG
def test_labels_that_fit_by_name_and_not_by_order_are_told_by_the_data(bands, tmp_path):
    (tmp_path / "wrong.txt").write_text("top\nlow\nmiddle\n")
    result = convert(
        config(bands / "net.tflite", bands / "photos", tmp_path / "wrong.txt", out=tmp_path / "o.tflite")
    )
    assert result.doubts[0].startswith(
        "the classes seem to be in another order: the float32 network is right on 33.3 % of the test images, and on "
        "100.0 % where top is low, low is top:"
    )
