"""A .npz is read in blocks of rows, with the same values as numpy reads, and what lies in it is found out."""

from __future__ import annotations

import io
import os
import tracemalloc
import zipfile

import numpy as np
import pytest

from edgeready_device.errors import DatasetError, NotFoundError
from edgeready_device.image_sets import npz_file
from edgeready_device.image_sets.npz_file import NpzFile

VALUES = np.random.default_rng(3).integers(0, 256, (11, 3, 5), dtype=np.uint8)
SAVES = [np.savez, np.savez_compressed]


@pytest.fixture
def small_blocks(monkeypatch):
    """Four rows of VALUES at a time, and seven where their order is Fortran's."""
    monkeypatch.setattr(npz_file, "_BLOCK_BYTES", 60)
    monkeypatch.setattr(npz_file, "_COLUMN_BLOCK_BYTES", 105)


def npy(values: np.ndarray, shape: tuple[int, ...] | None = None, version: tuple[int, int] = (1, 0)) -> bytes:
    """A member with the values, whose header says that they have another shape."""
    content = io.BytesIO()
    header = {"descr": np.lib.format.dtype_to_descr(values.dtype), "fortran_order": False}
    np.lib.format.write_array_header_1_0(content, {**header, "shape": shape or values.shape})
    text = content.getvalue()
    return text[:6] + bytes(version) + text[8:] + values.tobytes()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data.npz"


def write(path, members, kind=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in members:
            archive.writestr(name, content)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("save", SAVES)
@pytest.mark.parametrize(
    ("values", "lengths"),
    [
        (VALUES, [4, 4, 3]),
        (np.asfortranarray(VALUES), [7, 4]),
        (VALUES.astype(">f8"), [1] * 11),
        (VALUES[:, 0, 0].astype(bool), [11]),
        (VALUES[:0], []),
        (VALUES[:, :0], [11]),
        (np.array(["left", "right", ""]), [3]),
    ],
    ids=["bytes", "Fortran order", "big-endian", "one axis", "no rows", "empty rows", "text"],
)
def test_blocks_hold_the_rows_in_order(path, save, values, lengths):
    save(path, x=values)
    array = NpzFile(path)["x"]
    blocks = list(array.blocks())
    assert [len(block) for block in blocks] == lengths
    assert np.array_equal(np.concatenate([values[:0], *blocks]), values)
    assert (array.read().dtype, array.read().tolist()) == (values.dtype, values.tolist())


def test_the_names_are_those_of_numpy_in_the_order_of_the_file(path):
    np.savez(path, b=VALUES, a=VALUES)
    file = NpzFile(path)
    assert (list(file), len(file), file["a"].shape) == (["b", "a"], 2, VALUES.shape)


@pytest.mark.parametrize("save", SAVES)
@pytest.mark.parametrize("order", "CF")
def test_a_large_array_takes_the_memory_of_a_block(path, save, order, monkeypatch):
    monkeypatch.setattr(npz_file, "_COLUMN_BLOCK_BYTES", 4 << 20)
    save(path, x=np.zeros((4096, 64, 64), np.uint8, order=order))  # 16 MiB
    array = NpzFile(path)["x"]
    tracemalloc.start()
    try:
        assert sum(len(block) for block in array.blocks()) == 4096
        assert tracemalloc.get_traced_memory()[1] < 14 << 20  # the block before is still held, and what is unpacked
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (
            (10**12, 3, 5),
            "should be uint8 of shape (1000000000000, 3, 5), 15,000,000,000,000 bytes, and the file has 165",
        ),
        ((12, 3, 5), "should be uint8 of shape (12, 3, 5), 180 bytes, and the file has 165: it is damaged"),
        ((10, 3, 5), "should be uint8 of shape (10, 3, 5), 150 bytes, and the file has 165: it is damaged"),
    ],
)
def test_a_header_that_says_another_shape_is_refused(path, kind, shape, said):
    write(path, [("x.npy", npy(VALUES, shape))], kind)
    with pytest.raises(DatasetError) as caught:
        NpzFile(path)["x"]
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_sizes_in_the_archive_that_no_file_of_its_length_can_have_are_refused(path, kind):
    """The archive says so, too: its own directory has the length that the header asks for."""
    content = npy(VALUES, (10**7, 3, 5))
    write(path, [("x.npy", content)], kind)
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo("x.npy")
    lie = len(content) - VALUES.size + 15 * 10**7
    old, packed = (size.to_bytes(4, "little") for size in (entry.file_size, entry.compress_size))
    start = data.rindex(b"PK\x01\x02")
    directory = data[start:].replace(
        packed + old, (packed if kind else lie.to_bytes(4, "little")) + lie.to_bytes(4, "little")
    )
    path.write_bytes(data[:start] + directory)
    # Since CPython 3.11.8, and in Debian 12, zipfile itself sees that such a member reaches beyond the next thing.
    size = r"x of '.*' should be uint8 .* 150,000,000 bytes, and the file has "
    with pytest.raises(DatasetError, match=rf"{size}|cannot be read as \.npz \(Overlapped"):
        NpzFile(path)["x"]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("read", [lambda array: array.read(), lambda array: list(array.blocks())])
def test_a_changed_value_is_found_by_the_checksum(path, read):
    np.savez(path, x=VALUES)
    data = bytearray(path.read_bytes())
    data[data.index(VALUES.tobytes()) + 90] ^= 1
    path.write_bytes(data)
    with pytest.raises(
        DatasetError, match=r"cannot be read as \.npz \(Bad CRC-32 for file 'x\.npy'\): write it again"
    ):
        read(NpzFile(path)["x"])


def test_data_that_end_early_are_refused(path):
    """A deflate stream that ends before the length that archive and header agree on."""
    write(path, [("x.npy", npy(VALUES))])
    longer = npy(np.concatenate([VALUES, VALUES[:1]]))
    data = path.read_bytes()
    path.write_bytes(data.replace(len(npy(VALUES)).to_bytes(4, "little"), len(longer).to_bytes(4, "little")))
    with pytest.raises(DatasetError, match="and the file has 180"):
        NpzFile(path)["x"]
    write(path, [("x.npy", npy(VALUES, (12, 3, 5)))])
    data = path.read_bytes()
    path.write_bytes(data.replace(len(npy(VALUES)).to_bytes(4, "little"), len(longer).to_bytes(4, "little")))
    with pytest.raises(DatasetError, match=r"cannot be read as \.npz \("):
        NpzFile(path)["x"].read()


@pytest.mark.parametrize("second", ["x.npy", "x"])
def test_two_arrays_of_one_name_are_refused(path, second):
    with pytest.warns(UserWarning, match="Duplicate name") if second == "x.npy" else io.BytesIO():
        write(path, [("x.npy", npy(VALUES)), (second, npy(VALUES + 1))])
    with pytest.raises(DatasetError, match=r"cannot be read as \.npz \(it holds two arrays 'x'\)"):
        NpzFile(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "EOF"),
        (b"text, and no array", "the magic string is not correct"),
        (npy(VALUES, version=(3, 0)), "it has an array of the format version 3.0"),
        (npy(VALUES)[:40], "EOF"),
        (npy(VALUES, (-11, 3, -5)), "it has an array of the shape (-11, 3, -5)"),
        (npy(VALUES).replace(b"'|u1'", b"'|O' "), "Object arrays cannot be loaded: they hold pickles"),
        (npy(VALUES).replace(b"'|u1'", b"print"), "malformed node"),
    ],
)
def test_a_member_that_is_no_array_of_numbers_is_refused(path, content, said):
    write(path, [("x.npy", content)])
    file = NpzFile(path)
    with pytest.raises(DatasetError, match=r"cannot be read as \.npz \(") as caught:
        file["x"]
    assert said in str(caught.value.__cause__)  # which the message shortens
    assert "\n" not in str(caught.value)


def test_a_file_that_changes_while_it_is_read_is_refused(path):
    np.savez(path, x=VALUES)
    array = NpzFile(path)["x"]
    np.savez(path, x=VALUES[::-1])
    os.utime(path, ns=(1, 1))
    with pytest.raises(DatasetError, match=r"data\.npz' was changed while it was read: run the command again"):
        array.read()


def test_another_name_is_a_key_error_and_another_path_is_not_found(path):
    np.savez(path, x=VALUES)
    with pytest.raises(KeyError):
        NpzFile(path)["y"]
    with pytest.raises(NotFoundError, match=r"no file '.*gone\.npz': check the path"):
        NpzFile(path.with_name("gone.npz"))
