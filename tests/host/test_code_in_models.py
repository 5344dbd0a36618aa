"""A saved model that carries code is refused, and its code does not run."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

WRITE = """
import os, sys
import tf_keras
from tf_keras import layers

def run(image):
    return image

# What is stored is the lambda's bytecode: it would write the file when the layer is called.
code = layers.Lambda(lambda image: (__import__("pathlib").Path("ran").write_text("x"), image)[1])
model = tf_keras.Sequential([layers.Input((8, 8)), code, layers.Flatten(), layers.Dense(10)])
model.save("code" + sys.argv[1])
"""


@pytest.mark.tensorflow
@pytest.mark.skipif(importlib.util.find_spec("tf_keras") is None, reason="the extra legacy is not installed here")
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_the_code_of_a_lambda_layer_is_not_run(tmp_path, suffix):
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1"}
    subprocess.run(
        [sys.executable, "-c", WRITE, suffix], cwd=tmp_path, env=environment, capture_output=True, check=True
    )
    (tmp_path / "ran").unlink()
    command = [sys.executable, "-m", "edgeready", "convert", f"code{suffix}", "--data", "digits", "-o", "m.tflite"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 3
    assert done.stderr.endswith(
        "(it carries code in a Lambda layer, which is not run: give FILE.py:FUNCTION instead)\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == [f"code{suffix}"]
