"""Golden vectors hold what each runtime and kernel path really answers."""

from __future__ import annotations

import numpy as np
import pytest
from tflite_models import conv_classifier

from edgeready.model_file.golden import count_vectors, record_golden
from edgeready_device.model import Model
from edgeready_device.model_file.reader import TfliteModel, read_model_file
from edgeready_device.runtime.runtime import installed_runtimes
from edgeready_device.verification import verify


@pytest.fixture
def opened(tmp_path):
    def make(**kwargs) -> TfliteModel:
        path = tmp_path / "model.tflite"
        path.write_bytes(conv_classifier(**kwargs))
        return read_model_file(path)

    return make


def noise(count: int, size: int) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (count, size, size), dtype=np.uint8)


def test_every_installed_runtime_is_recorded_on_both_kernel_paths(opened):
    golden = record_golden(opened(), noise(5, 8))
    expected = [f"{runtime} {kernels}" for runtime in installed_runtimes() for kernels in ("default", "reference")]
    assert list(golden.outputs) == expected
    assert {rows.shape for rows in golden.outputs.values()} == {(5, 3)}
    assert {rows.dtype.name for rows in golden.outputs.values()} == {"uint8"}


def test_the_recorded_outputs_are_those_of_the_model(opened):
    file, frames = opened(), noise(5, 8)
    golden = record_golden(file, frames)
    for runtime in installed_runtimes():
        for kernels in ("default", "reference"):
            model = Model.from_file(file, runtime=runtime.name, kernels=kernels)
            assert np.array_equal(golden.outputs[f"{runtime} {kernels}"], model.invoke_many(frames))


def test_the_inputs_are_the_quantized_frames_in_their_order(opened):
    file, frames = opened(), noise(5, 8)
    golden = record_golden(file, frames)
    assert golden.inputs.shape == (5, 8, 8, 1)
    assert np.array_equal(golden.inputs[..., 0], frames)  # scale 1/255, zero point 0: the pixels themselves


@pytest.mark.parametrize(
    ("size", "given", "kept"),
    [
        (8, 100, 32),  # 64 bytes each: as many as are wanted
        (8, 3, 3),  # no more than there are
        (60, 100, 9),  # 3,600 bytes each: what fits into 32 KiB beside a model of 4 kB
        (300, 100, 1),  # 90,000 bytes each: 1 at least
    ],
)
def test_as_many_vectors_are_kept_as_suit_a_small_model(opened, size, given, kept):
    golden = record_golden(opened(size=size), noise(given, size))
    assert len(golden.inputs) == kept
    assert {len(rows) for rows in golden.outputs.values()} == {kept}


@pytest.mark.parametrize(
    ("sample_bytes", "model_bytes", "count"),
    [
        (784, 20_000, 32),
        (784, 439_360, 32),
        (27_648, 50_000, 1),  # 96x96 RGB
        (27_648, 600_000, 4),  # a quarter holds four
        (27_648, 1_000_000, 4),
        (150_528, 17_000, 1),  # 224x224 RGB beside a network of 17 kB
        (150_528, 3_900_000, 4),  # MobileNetV2
        (2_352, 13_000, 13),
        (0, 1_000, 32),  # an input of no values
    ],
)
def test_the_number_of_vectors_follows_from_the_sizes(sample_bytes, model_bytes, count):
    assert count_vectors(sample_bytes, model_bytes, None) == count
    assert count_vectors(sample_bytes, model_bytes, 7) == 7


def test_what_was_recorded_here_verifies_here(opened, tmp_path):
    file = opened()
    golden = record_golden(file, noise(8, 8))
    whole = file.replace(golden_npz=golden.to_bytes())
    for runtime in installed_runtimes():
        report = verify(whole, runtime.name)
        assert report.passed
        assert [(result.largest_steps, result.note) for result in report.results] == [(0, ""), (0, "")]
