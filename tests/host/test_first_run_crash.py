"""A sound model that ends a real runtime with a segmentation fault is met in a child process."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from tflite_models import O, T, tflite

pytest.importorskip("tflite_runtime")


def wide_window(side: int = 1640, window: int = 40) -> bytes:
    """A classifier of one large convolution, as two public models are: its window buffer passes 2^31 bytes."""
    left = side - window + 1
    tensors = [
        T("image", (1, side, side, 1), "uint8", 1 / 255, 0),
        T("x", (1, side, side, 1), "int8", 1 / 255, -128),
        T("weights", data=np.ones((1, window, window, 1), np.int8), scale=[0.01]),
        T("bias", data=np.zeros(1, np.int32), scale=[0.01 / 255]),
        T("y", (1, left, left, 1), "int8", 0.1, 0),
        T("axes", data=np.array([1, 2], np.int32)),
        T("mean", (1, 1), "int8", 0.1, 0),
        T("dense", data=np.ones((3, 1), np.int8), scale=0.01),
        T("scores_int8", (1, 3), "int8", 0.1, 0),
        T("scores", (1, 3), "uint8", 0.1, 128),
    ]
    ops = [
        O("QUANTIZE", ["image"], ["x"]),
        O("CONV_2D", ["x", "weights", "bias"], ["y"], 3, {"padding": 1, "strideW": 1, "strideH": 1}),
        O("MEAN", ["y", "axes"], ["mean"], 2),
        O("FULLY_CONNECTED", ["mean", "dense", None], ["scores_int8"], 4),
        O("QUANTIZE", ["scores_int8"], ["scores"]),
    ]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"])


@pytest.mark.slow
def test_a_kernel_that_crashes_is_a_sentence_with_the_signals_meaning(tmp_path):
    path = tmp_path / "wide.tflite"
    path.write_bytes(wide_window())
    command = [sys.executable, "-m", "edgeready_device", "benchmark", str(path), "--runtime", "tflite-runtime"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"edgeready-device: {path}: tflite-runtime ")
    assert "did not survive its first run, in a child process: it was ended by SIGSEGV (it read memory" in line
