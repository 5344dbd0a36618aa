"""The command `layers` and the option --debug-report."""

from __future__ import annotations

import json
import sys

import builds
import layer_pairs as pairs
import numpy as np
import pytest
from PIL import Image

from edgeready.config.extras import install_command
from edgeready.dataset import load_splits
from edgeready.errors import ModelFileError
from edgeready.layer_analysis import LayerReport
from edgeready.quantization.activations import trace_activations
from edgeready.quantization.equalization import equalize_channels
from edgeready.quantization.inputs import image_samples
from edgeready.workflows.layers import diagnose_models
from edgeready_device.model_file.manifest import InputSpec, Manifest
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.normalization import Normalization
from edgeready_device.tflite.graph import read_graph

KERNEL, DENSE = pairs.weights()


@pytest.fixture
def files(tmp_path):
    """f.tflite, i.tflite (its grid too small), and data.npz with images that fit them."""
    (tmp_path / "f.tflite").write_bytes(pairs.float_model(KERNEL, DENSE))
    (tmp_path / "i.tflite").write_bytes(pairs.integer_model(KERNEL, DENSE, conv_scale=0.0005))
    noise = np.random.default_rng(2)
    np.savez(tmp_path / "data.npz", x=noise.integers(0, 256, (90, 8, 8), np.uint8), y=np.arange(90) % 3)
    return tmp_path


def test_it_names_the_layer_that_hurts_and_the_remedy(files, run_here):
    code, out, _ = run_here("layers", "f.tflite", "i.tflite", "--data", "data.npz")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split()[:3] == ["layer", "share", "changed"]
    assert lines[1].split()[:3] == ["conv", "100", "%"]
    assert lines[1].split()[-1] == "conv_2d"
    told = next(line for line in lines if line.startswith("conv: "))
    assert "beyond the calibrated range and cut off: calibrate with more images" in told
    assert "i.tflite against f.tflite on 18 images: SQNR of the scores" in out


def test_as_json_it_is_one_document_with_as_many_images_as_asked_for(files, run_here):
    code, out, _ = run_here("layers", "f.tflite", "i.tflite", "--data", "data.npz", "--images", "5", "--json")
    data = json.loads(out)
    assert (code, data["images"], data["layers"][0]["layer"]) == (0, 5, "conv")


def test_the_debug_report_is_a_json_file_and_a_picture(files, run_here):
    pytest.importorskip("matplotlib", reason="the extra `plots` is not installed")
    code, _, err = run_here("layers", "f.tflite", "i.tflite", "--data", "data.npz", "--debug-report", "new/why")
    assert code == 0
    assert err.splitlines() == ["edgeready: wrote new/why/layers.json", "edgeready: wrote new/why/layers.png"]
    data = json.loads((files / "new" / "why" / "layers.json").read_text("utf-8"))
    assert [layer["cause"] for layer in data["layers"]] == ["clipped", "inherited", "inherited", "inherited"]
    assert Image.open(files / "new" / "why" / "layers.png").width == 1500


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("i.tflite", "f.tflite"), 3, "give the float32 file first, the integer one second"),
        (("f.tflite", "none.tflite"), 4, "none.tflite: no such file"),
        (("f.tflite", "data.npz"), 3, "data.npz: "),
        (("f.tflite", "i.tflite", "--images", "0"), 2, "the number of images is 0: use at least 1"),
        pytest.param(("f.tflite", "i.tflite", "--data", "digits"), 3, "has 3 labels", marks=pytest.mark.digits),
    ],
    ids=["swapped", "no file", "no model", "no images", "other data"],
)
def test_what_cannot_be_compared_is_one_line(files, run_here, arguments, code, message):
    data = () if "--data" in arguments else ("--data", "data.npz")
    ended, out, err = run_here("layers", *arguments, *data)
    assert (ended, out) == (code, "")
    assert message in err
    assert err.count("\n") == 1


def test_without_matplotlib_it_is_said_before_the_work(files, run_here, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, out, err = run_here("layers", "f.tflite", "i.tflite", "--data", "none.npz", "--debug-report", "why")
    assert (code, out) == (6, "")
    assert f"run {install_command('plots')}, or leave them out" in err
    assert not (files / "why").exists()


def test_a_float_model_is_evened_out_like_the_integer_one_before_they_are_compared(tmp_path):
    noise = np.random.default_rng(3)
    np.savez(tmp_path / "data.npz", x=noise.integers(0, 256, (90, 8, 8), np.uint8), y=np.arange(90) % 3)
    splits = load_splits(str(tmp_path / "data.npz"))
    kernel, dense = KERNEL.copy(), DENSE.copy()
    kernel[0] *= 60
    dense[:, 0::4] /= 60
    given = pairs.float_model(kernel, dense)
    samples = image_samples(read_graph(given), splits.calibration.images, Normalization())
    even = read_graph(equalize_channels(given, samples))
    largest = max(values[3].max() for values in trace_activations(equalize_channels(given, samples), samples, [3]))
    integer = pairs.integer_model(
        even.tensors[1].values(), even.tensors[7].values(), conv_scale=float(largest) / 180
    )  # with room for other images

    def diagnosed(equalize: bool) -> LayerReport:
        known = {"budget": {"choice": 0, "attempts": [{"method": {"equalize": equalize}}]}}
        manifest = Manifest("net", InputSpec(8, 8, 1, "stretch", Normalization()), "logits", known)
        whole = TfliteModel(integer, manifest=manifest, labels=("0", "1", "2"))
        return diagnose_models(TfliteModel(given), whole, splits, images=8)

    assert min(layer.total.sqnr_db for layer in diagnosed(True).layers) > 35
    with pytest.raises(ModelFileError, match="net_1/conv_1/kernel' are others in the two files"):
        diagnosed(False)


def test_inputs_without_labels_serve_as_well_as_images(files, run_here):
    pixels = np.random.default_rng(4).integers(0, 256, (20, 8, 8, 1))
    np.savez(files / "inputs.npz", image=(pixels / 255).astype(np.float32))
    code, out, _ = run_here("layers", "f.tflite", "i.tflite", "--data", "inputs.npz", "--json")
    data = json.loads(out)
    assert (code, data["images"]) == (0, 10)
    assert (data["layers"][0]["layer"], data["layers"][0]["cause"]) == ("conv", "clipped")


@pytest.mark.long
class TestBuilt:
    """A real network, trained and converted by TensorFlow."""

    pytestmark = builds.NEEDS_TENSORFLOW

    def test_its_layers_have_the_names_of_keras_and_none_needs_a_remedy(self, digits, run_here):
        arguments = (digits.config.output.float_out, digits.file, "--data", "digits", "--json")
        code, out, _ = run_here("layers", *arguments)
        data = json.loads(out)
        assert code == 0
        assert {layer["layer"] for layer in data["layers"]} == {
            "reshape",
            "conv2d",
            "max_pooling2d",
            "flatten",
            "dense",
        }
        assert {layer["cause"] for layer in data["layers"]} == {""}
        assert data["scores"]["sqnr_db"] > 30

    def test_a_conversion_leaves_the_debug_report_and_no_other_file(self, digits, run_here, tmp_path):
        pytest.importorskip("matplotlib", reason="the extra `plots` is not installed")
        keras = digits.config.output.keras_out
        code, out, _ = run_here(
            "convert", keras, "--data", "digits", "--out", "m.tflite", "--debug-report", "why", "--json"
        )
        assert (code, json.loads(out)["float_out"]) == (0, None)
        assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["layers.json", "layers.png", "m.tflite"]

    def test_a_file_in_the_place_of_the_folder_is_told_before_the_build(self, digits, run_here, tmp_path):
        (tmp_path / "why").write_text("", "utf-8")
        keras = digits.config.output.keras_out
        code, _, err = run_here("convert", keras, "--data", "digits", "--debug-report", "why")
        assert (code, err.count("\n")) == (3, 1)
        assert "cannot write into why: it is no folder" in err

    def test_a_mode_without_integers_has_no_debug_report(self, digits, run_here):
        keras = digits.config.output.keras_out
        code, out, err = run_here("convert", keras, "--data", "digits", "--mode", "float16", "--debug-report", "why")
        assert (code, out) == (2, "")
        assert "float16 files compute in floats: leave it out, or choose an integer mode" in err


# -- what becomes of a pixel, where the float32 file does not say ---------------------------------------------------


def test_the_integer_models_range_tells_the_float_models_normalization(files, run_here):
    from edgeready.workflows.layers import _convention
    from edgeready_device.model_file.reader import read_model_file

    float32, integer = (read_model_file(files / name) for name in ("f.tflite", "i.tflite"))
    found = _convention(float32, integer)
    quant = integer.contract.input.quant
    assert not float32.contract.normalization_stated
    assert found == (Normalization((float(quant.zero_point),), (1 / quant.scale,)), "rgb")
    with pytest.raises(ModelFileError, match="does not state the normalization of its float32 input"):
        _convention(float32, float32)
