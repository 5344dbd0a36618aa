"""Advice that decides nothing."""

from __future__ import annotations

import numpy as np
import pytest
from tflite_models import O, T, conv_classifier, one_op, tflite

from edgeready.readiness import ReadinessReport, check_graph
from edgeready_device.tflite.graph import read_graph


def check(data: bytes) -> ReadinessReport:
    return check_graph(read_graph(data))


def test_parameters_beyond_the_cache_are_told_and_do_not_decide() -> None:
    weights = T("w", data=np.zeros((8192, 1024), np.int8), scale=0.1)
    tensors = [T("x", (1, 1024), "int8", 0.1), T("y", (1, 8192), "int8", 0.1)]
    report = check(one_op("FULLY_CONNECTED", [tensors[0], weights], [tensors[1]], version=4))
    assert report.ready is True
    assert report.notes == (
        "the parameters are predicted to take 8.8 MiB once compiled, more than the Edge TPU's cache of about 7.5 MiB"
        ": about 1.3 MiB are streamed at each inference, which costs speed; use a smaller network",
    )


def test_parameters_within_the_cache_are_told_in_kib() -> None:
    assert check(conv_classifier()).notes == (
        "the parameters are predicted to take 0.3 KiB once compiled, less than the Edge TPU's cache of about 7.5 MiB"
        "; of 224 public compiled models with this prediction 48 stream parameters nevertheless",
    )


@pytest.mark.parametrize("between", ["RELU", "LEAKY_RELU", "GELU"])
def test_float_ends_do_not_claim_that_the_ops_between_are_mapped(between: str) -> None:
    tensors = [T("x", (1, 4), "float32"), *(T(name, (1, 4), "int8", 0.1) for name in "ab"), T("y", (1, 4), "float32")]
    ops = [O("QUANTIZE", ["x"], ["a"]), O(between, ["a"], ["b"]), O("DEQUANTIZE", ["b"], ["y"], 2)]
    notes = check(tflite(tensors=tensors, ops=ops, inputs=["x"], outputs=["y"])).notes
    ends = [note for note in notes if note.startswith("float ")]
    assert [note.split("; ")[1] for note in ends] == ["this alone keeps no other op off the Edge TPU"] * 2


def test_an_open_batch_that_hurts_no_op_is_a_note_only() -> None:
    report = check(conv_classifier(open_batch=True))
    assert report.ready is True
    assert report.notes[1].startswith("input 'image' leaves a size open (shape_signature [-1, 8, 8, 1])")


def test_a_large_activation_is_a_note_only() -> None:
    report = check(
        one_op("RELU", [T("x", (1, 2048, 2048, 3), "int8", 0.1)], [T("y", (1, 2048, 2048, 3), "int8", 0.1)])
    )
    assert report.ready is True
    assert report.notes[0].startswith("'y' int8 [1, 2048, 2048, 3] is 12 MiB: the compiler may stop")
