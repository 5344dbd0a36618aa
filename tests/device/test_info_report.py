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
        "frame": {
            "height": 2,
            "width": 2,
            "channels": 1,
            "color": "grayscale",
            "layout": "nhwc",
            "resize": "stretch",
            "crop": 1.0,
            "mean": None,
            "std": None,
            "pixels": "pixels as they are: the uint8 input's range is 0 to 255",
        },
        "notes": [],
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
        "frame           2x2 grey, stretch; pixels as they are: the uint8 input's range is 0 to 255\n"
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
    assert lines[3] == "frame           2x2 grey, stretch; normalization not stated"
    assert lines[-1].startswith(f"note            {model('echo_float')}: the file does not state the normalization")


def test_metadata_that_contradicts_the_range_is_a_note(model):
    found = _info(model("sums_normalized"))
    assert found["notes"] == [
        "the TFLite Metadata says (pixel - 2) / 0.5, which is -4 to 506, and contradicts the input's range of 0 to "
        "255: the range decides, and pixels go in as they are"
    ]
    assert info_text(found).splitlines()[-1] == f"note            {found['notes'][0]}"


def test_labels_that_do_not_fit_are_a_note_and_no_end(complete):
    path = complete(labels=b"left\nright\n")
    assert _info(path)["notes"] == [
        f"{path}: 2 labels for 3 classes: give the file that belongs to the model, or the right ones with --labels "
        "(Description(labels=...))"
    ]


def test_order_layout_and_crop_are_described(complete, model):
    frame = InputSpec(2, 4, 3, "crop", Normalization((0.0,), (1.0,)), color="bgr", layout="nchw", crop=0.875)
    lines = info_text(_info(complete("echo_nchw", labels=None, frame=frame))).splitlines()
    assert lines[3] == (
        "frame           2x4 BGR, channels first, the centre 0.875 of each side, crop; (pixel - 0) / 1"
    )


def test_a_name_cannot_write_control_characters_to_the_terminal(complete):
    found = {**_info(complete()), "name": "red\x1b[31m\nname", "ops": {"a\x1bb": 1}}
    assert "\x1b" not in info_text(found)
    assert len(info_text(found).splitlines()) == 9
