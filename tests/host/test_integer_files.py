"""Integer files that others made, without a manifest: check, golden and evaluate take them, and convert says so."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tflite_models import O, T, tflite

SIZE = 4
PIXELS = SIZE * SIZE
# How converters write an image's end: type, scale, zero point; a pixel p is stored as p, or as p - 128.
ENDS = [("int8", 1 / 255, -128), ("int8", 1 / 127.5, 0), ("int8", 1.0, -128), ("uint8", 1 / 255, 0)]


@pytest.fixture(params=ENDS, ids=["int8 0 to 1", "int8 -1 to 1", "int8 0 to 255", "uint8"])
def files(request, tmp_path):
    """A file that tells bright images from dark ones by one dense layer, and 40 images of each kind."""
    dtype, scale, zero = request.param
    weights = np.concatenate([np.full((1, PIXELS), -16), np.full((1, PIXELS), 16)]).astype(np.int8)
    inner = zero if dtype == "int8" else -128
    middle = PIXELS * 16 * (110 - 128 - inner)  # what both kinds of images have in common, which the bias takes away
    tensors = [
        T("image", (1, SIZE, SIZE, 1), dtype, scale, zero),
        T("inner", (1, SIZE, SIZE, 1), "int8", scale, inner),
        T("flat", (1, PIXELS), "int8", scale, inner),
        T("weights", data=weights, scale=0.01),
        T("bias", data=np.array([middle, -middle], np.int32), scale=scale * 0.01),
        T("sizes", data=np.array([1, PIXELS], np.int32)),
        T("scores", (1, 2), "int8", scale * 0.01 * PIXELS * 16, 0),
    ]
    front = [] if dtype == "int8" else [O("QUANTIZE", ["image"], ["inner"])]
    ops = [
        *front,
        O("RESHAPE", ["inner" if front else "image", "sizes"], ["flat"]),
        O("FULLY_CONNECTED", ["flat", "weights", "bias"], ["scores"]),
    ]
    data = tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"])
    (tmp_path / "other.tflite").write_bytes(data)
    labels = np.arange(80) % 2
    level = np.where(labels, 160, 60)[:, None, None]
    noise = np.random.default_rng(1).integers(-30, 30, (80, SIZE, SIZE))
    np.savez(tmp_path / "images.npz", x=(level + noise).astype(np.uint8), y=labels)
    return tmp_path


def test_evaluate_reads_its_pixels_rightly(files, run_here):
    code, out, err = run_here("evaluate", "other.tflite", "--data", "images.npz", "--json")
    assert code == 0, err
    top1 = json.loads(out)["top1"]
    assert (top1["hits"], top1["count"]) == (16, 16)


@pytest.mark.parametrize("files", ENDS[:1], indirect=True)
def test_check_reads_it(files, run_here):
    code, out, err = run_here("check", "other.tflite", "--json")
    assert (code, err) == (0, ""), out


@pytest.mark.parametrize("files", ENDS[:1], indirect=True)
def test_golden_adds_vectors_to_it(files, run_here):
    code, _, err = run_here("golden", "other.tflite", "--data", "images.npz", "--out", "golden.tflite")
    assert code == 0, err
    assert (files / "golden.tflite").stat().st_size > (files / "other.tflite").stat().st_size


@pytest.mark.parametrize("files", ENDS[:1], indirect=True)
def test_convert_says_that_it_is_an_integer_file_and_writes_nothing(files, run_here):
    before = sorted(files.iterdir())
    code, out, err = run_here("convert", "other.tflite", "--data", "images.npz", "--out", "new.tflite")
    assert (code, out, err.count("\n"), sorted(files.iterdir())) == (3, "", 1, before)
    assert "other.tflite: it is quantized already, ends " in err
    assert err.endswith("use this file as it is (check, golden and evaluate take it)\n")
