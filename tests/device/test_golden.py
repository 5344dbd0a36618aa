from __future__ import annotations

import contextlib
import io
import zipfile

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgeready_device.errors import ModelFileError
from edgeready_device.model_file.golden import GoldenVectors, read_golden, recording_key
from edgeready_device.runtime.runtime import Runtime

INPUTS = np.arange(24, dtype=np.uint8).reshape(3, 2, 4)
OUTPUTS = np.array([[1, 2], [3, 4], [5, 6]], np.uint8)
LITERT = Runtime("ai-edge-litert", "2.3.0")
KEY = recording_key(LITERT, "default")
VECTORS = GoldenVectors(INPUTS, {KEY: OUTPUTS, recording_key(LITERT, "reference"): OUTPUTS + 1})


def _npz(**arrays: np.ndarray) -> bytes:
    target = io.BytesIO()
    np.savez(target, **arrays)
    return target.getvalue()


def test_a_recording_is_named_by_runtime_version_and_kernels():
    assert KEY == "ai-edge-litert 2.3.0 default"


def test_what_is_written_is_read_back():
    found = read_golden(VECTORS.to_bytes())
    assert found.inputs.dtype == np.uint8
    assert found.inputs.tolist() == INPUTS.tolist()
    assert {key: rows.tolist() for key, rows in found.outputs.items()} == {
        "ai-edge-litert 2.3.0 default": [[1, 2], [3, 4], [5, 6]],
        "ai-edge-litert 2.3.0 reference": [[2, 3], [4, 5], [6, 7]],
    }


def test_equal_vectors_give_equal_bytes():
    again = GoldenVectors(np.asfortranarray(INPUTS), dict(VECTORS.outputs))
    assert again.to_bytes() == VECTORS.to_bytes()


def test_the_bytes_do_not_hold_the_time_that_they_were_made_at():
    with zipfile.ZipFile(io.BytesIO(VECTORS.to_bytes())) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_arrays_of_another_kind_are_ignored():
    found = read_golden(_npz(inputs=INPUTS, note=np.zeros(1), **{"outputs/a 1 default": OUTPUTS}))
    assert list(found.outputs) == ["a 1 default"]


def test_numpy_itself_reads_the_bytes():
    with np.load(io.BytesIO(VECTORS.to_bytes()), allow_pickle=False) as archive:
        assert archive["inputs"].tolist() == INPUTS.tolist()


def test_outputs_and_inputs_come_in_pairs():
    with pytest.raises(ModelFileError, match="golden vectors 'x': 2 outputs for 3 inputs") as caught:
        GoldenVectors(INPUTS, {"x": OUTPUTS[:2]})
    assert caught.value.exit_code == 3


def test_vectors_without_an_input_are_refused():
    with pytest.raises(ModelFileError, match="the golden vectors are empty"):
        GoldenVectors(INPUTS[:0], {"x": OUTPUTS[:0]})


def test_vectors_without_a_recording_are_refused():
    with pytest.raises(ModelFileError, match="the golden vectors are empty"):
        GoldenVectors(INPUTS, {})


def test_vectors_without_inputs_are_refused():
    with pytest.raises(ModelFileError, match=r"golden\.npz has no array 'inputs'"):
        read_golden(_npz(**{"outputs/x": OUTPUTS}))


def test_numbers_in_place_of_rows_are_refused():
    with pytest.raises(ModelFileError, match="golden"):
        read_golden(_npz(inputs=np.uint8(3), **{"outputs/x": np.uint8(3)}))


def test_nothing_is_unpickled():
    with pytest.raises(ModelFileError, match=r"golden\.npz cannot be read .*object"):
        read_golden(_npz(inputs=np.array([print], dtype=object)))


def _npy() -> bytes:
    target = io.BytesIO()
    np.save(target, INPUTS)
    return target.getvalue()


@pytest.mark.parametrize(
    "data",
    [b"", b"PK", b"no archive at all", _npy(), VECTORS.to_bytes()[:-30], VECTORS.to_bytes()[:40]],
    ids=["empty", "two bytes", "text", "npy", "cut at the end", "cut at the front"],
)
def test_bytes_that_are_no_npz_are_called_damaged(data):
    with pytest.raises(ModelFileError, match=r"golden\.npz cannot be read .* damaged") as caught:
        read_golden(data)
    assert caught.value.exit_code == 3


def test_an_array_that_claims_to_be_huge_is_refused_without_being_made():
    target = io.BytesIO()
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1152921504606846976,), }"
    header += b" " * (117 - len(header)) + b"\n"
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("inputs.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(ModelFileError, match=r"golden\.npz cannot be read"):
        read_golden(target.getvalue())


@example(place=532, change=128)  # an offset that a 32-bit machine cannot hold
@given(st.integers(0, len(VECTORS.to_bytes()) - 1), st.integers(1, 255))
def test_any_changed_byte_is_read_or_refused_with_our_error(place, change):
    data = bytearray(VECTORS.to_bytes())
    data[place] ^= change
    with contextlib.suppress(ModelFileError):
        read_golden(bytes(data))
