from __future__ import annotations

import io
import zipfile

import pytest

from edgeready_device.errors import ModelFileError
from edgeready_device.model_file.archive import read_archive

PARTS = {"labels.txt": b"a\nb\n", "more/notes.txt": b"hello", "golden.npz": b"12345678"}
FRONT = b"what stands before the ZIP"


def tail(parts, compression=zipfile.ZIP_DEFLATED):
    target = io.BytesIO()
    target.write(FRONT)
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return target.getvalue()


def test_all_parts_are_read_by_name_in_their_order():
    archive = read_archive(tail(PARTS))
    assert archive.start == len(FRONT)
    assert archive.names == list(PARTS)
    assert list(archive.parts(1000).items()) == list(PARTS.items())


def test_a_part_that_is_left_out_does_not_count():
    assert list(read_archive(tail(PARTS)).parts(9, without=("golden.npz",))) == ["labels.txt", "more/notes.txt"]


def test_parts_that_are_too_large_together_are_refused():
    with pytest.raises(ModelFileError, match=r"^its parts unpack to 17 bytes: refused$"):
        read_archive(tail(PARTS)).parts(16)


def test_a_damaged_part_is_named():
    data = tail(PARTS, zipfile.ZIP_STORED).replace(b"hello", b"jello")
    message = r"^its part 'more/notes.txt' is damaged \(Bad CRC-32 for file 'more/notes.txt'\): copy the file again$"
    with pytest.raises(ModelFileError, match=message):
        read_archive(data).parts(1000)


def test_a_part_whose_directory_understates_its_size_is_refused():
    data = tail({"zeros": bytes(100)}, zipfile.ZIP_DEFLATED)
    at = data.rindex(b"PK\x01\x02") + 24  # where the directory states the unpacked size
    with pytest.raises(ModelFileError, match="its part 'zeros' is damaged"):
        read_archive(data[:at] + (50).to_bytes(4, "little") + data[at + 4 :]).parts(1000)


def test_what_is_no_archive_has_none():
    assert read_archive(FRONT) is None
    assert read_archive(tail({})) is None
