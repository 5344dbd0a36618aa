from __future__ import annotations

import numpy as np
from report_cases import LITERT

from edgeready_device.model_file.golden import GoldenVectors
from edgeready_device.model_file.manifest import InputSpec
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.normalization import Normalization
from edgeready_device.report.info import info_json, info_text


def _info(path, runtimes=(LITERT,)):
    return info_json(read_model_file(path), runtimes)


def test_a_bare_model_is_described(model):
    path = model("sums")
    size = path.stat().st_size
    found = _info(path)
    assert found == {
        "file": str(path),
        "name": "",
        "size_bytes": size,
        "flatbuffer_bytes": size,
        "input": {"name": "image", "dtype": "uint8", "shape": [1, 2, 2, 1], "scale": 1.0, "zero_point": 0},
        "output": {
            "name": "logits",
            "dtype": "uint8",
            "shape": [1, 3],
            "scale": 0.125,
            "zero_point": 10,
            "scores": "logits",
        },
        "frame": {"height": 2, "width": 2, "channels": 1, "resize": "stretch", "mean": None, "std": None},
        "labels": ["0", "1", "2"],
        "ops": {"QUANTIZE": 2, "RESHAPE": 1, "FULLY_CONNECTED": 1},
        "golden_vectors": 0,
        "provenance": {},
        "runtimes": ["ai-edge-litert 2.3.0"],
    }
    assert info_text(found) == (
        f"file            {path} ({size:,} bytes, {size:,} the model alone)\n"
        "name            -\n"
        "input           uint8 [1, 2, 2, 1] (scale 1, zero point 0)\n"
        "frame           2x2 grey, stretch; pixels as they are (the file names no normalization)\n"
        "output          uint8 [1, 3] (scale 0.125, zero point 10), logits\n"
        "labels          3: 0, 1, 2\n"
        "ops             2 QUANTIZE, 1 RESHAPE, 1 FULLY_CONNECTED\n"
        "golden vectors  0\n"
        "runtimes here   ai-edge-litert 2.3.0"
    )


def test_a_complete_model_is_described(complete):
    frame = InputSpec(2, 2, 3, "crop", Normalization((1.0, 2.0, 3.5), (4.0, 4.0, 4.0)))
    golden = GoldenVectors(np.zeros((7, 2, 2, 3), np.uint8), {"x": np.zeros((7, 12), np.uint8)})
    found = _info(complete("echo_rgb", labels=None, frame=frame, golden=golden), [])
    assert (found["name"], found["golden_vectors"]) == ("echo_rgb", 7)
    assert found["provenance"] == {"made_by": "a test"}
    lines = info_text(found).splitlines()
    assert lines[1] == "name            echo_rgb"
    assert lines[3] == "frame           2x2 RGB, crop; (pixel - [1, 2, 3.5]) / 4"
    assert lines[5] == "labels          12: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ..."
    assert lines[7] == "golden vectors  7"
    assert lines[8] == "runtimes here   none: pip install ai-edge-litert"


def test_a_float_model_is_described(model):
    lines = info_text(_info(model("echo_float"))).splitlines()
    assert lines[2] == "input           float32 [1, 2, 2, 1] (not quantized)"
    assert lines[3] == "frame           2x2 grey, stretch; (pixel - 0) / 255"


def test_a_name_cannot_write_control_characters_to_the_terminal(complete):
    found = {**_info(complete()), "name": "red\x1b[31m\nname", "ops": {"a\x1bb": 1}}
    assert "\x1b" not in info_text(found)
    assert len(info_text(found).splitlines()) == 9
