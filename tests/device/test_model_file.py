from __future__ import annotations

import hashlib
import io
import os
import re
import struct
import threading
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeready_device.errors import ModelFileError, NotFoundError
from edgeready_device.model_file.golden import GoldenVectors
from edgeready_device.model_file.labels import parse_labels
from edgeready_device.model_file.reader import flatbuffer_of, read_model_file
from edgeready_device.tflite.metadata import TfliteMetadata

GOLDEN = GoldenVectors(np.zeros((2, 2, 2, 1), np.uint8), {"ai-edge-litert 2.3.0 default": np.zeros((2, 3), np.uint8)})


def _refused(path, **options) -> str:
    with pytest.raises(ModelFileError) as caught:
        read_model_file(path, **options)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert caught.value.exit_code == 3
    return message


def _replace(path, before: bytes, after: bytes) -> None:
    data = path.read_bytes()
    assert data.count(before) == 1
    assert len(before) == len(after)
    path.write_bytes(data.replace(before, after))


# -- files that are as they should be --------------------------------------------------------------------------


def test_a_bare_file_is_its_flatbuffer(model):
    data = model("sums").read_bytes()
    found = read_model_file(model("sums"))
    assert (found.path, found.size_bytes, found.flatbuffer) == (model("sums"), len(data), data)
    assert (found.manifest, found.labels, found.golden) == (None, (), None)
    assert found.metadata == TfliteMetadata()
    assert flatbuffer_of(data) == data


def test_a_path_may_be_text(model):
    assert read_model_file(str(model("sums"))).path == model("sums")


def test_a_complete_file_gives_all_its_parts(complete, model):
    path = complete(golden=GOLDEN)
    found = read_model_file(path)
    assert found.flatbuffer == model("sums").read_bytes()
    assert flatbuffer_of(path.read_bytes()) == found.flatbuffer
    assert found.size_bytes == path.stat().st_size > len(found.flatbuffer)
    assert found.labels == ("left", "right", "both")
    assert found.manifest.name == "sums"
    assert sorted(found.manifest.sha256) == ["flatbuffer", "golden.npz", "labels.txt"]
    assert found.golden.inputs.shape == (2, 2, 2, 1)
    assert list(found.golden.outputs) == ["ai-edge-litert 2.3.0 default"]


def test_golden_vectors_are_kept_as_their_bytes_until_somebody_asks(complete):
    found = read_model_file(complete(golden=GOLDEN))
    assert found.golden_npz == GOLDEN.to_bytes()
    assert found.golden is not found.golden
    assert found.golden.to_bytes() == GOLDEN.to_bytes()


def test_a_zip_that_was_appended_by_cat_is_read_too(complete, model):
    found = read_model_file(complete(golden=GOLDEN, relative=True))
    assert found.flatbuffer == model("sums").read_bytes()
    assert found.labels == ("left", "right", "both")


def test_the_zip_module_opens_the_model_itself(complete):
    with zipfile.ZipFile(complete(golden=GOLDEN)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["labels.txt", "golden.npz", "edgeready.json"]


def test_the_standard_metadata_is_read(model):
    found = read_model_file(model("sums_normalized")).metadata
    assert (found.name, found.label_file, found.files) == ("standard", "names.txt", ("names.txt",))
    assert (found.normalization.mean, found.normalization.std) == ((2.0,), (0.5,))


def test_the_label_file_is_the_one_that_the_metadata_names(model, tmp_path):
    path = tmp_path / "named.tflite"
    path.write_bytes(model("sums_normalized").read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "x\ny\nz\n")
        archive.writestr("names.txt", "a\nb\nc\n")
    assert read_model_file(path).labels == ("a", "b", "c")


def test_a_part_that_nobody_asked_for_is_left_alone(complete):
    path = complete(extra={"notes.txt": b"hello"})
    assert read_model_file(path).labels == ("left", "right", "both")


def test_bytes_that_look_like_the_end_of_a_zip_are_no_zip(model):
    data = model("sums_zip_end").read_bytes()
    assert b"PK\x05\x06" in data
    assert read_model_file(model("sums_zip_end")).flatbuffer == data


def test_a_complete_file_may_hold_such_bytes_too(complete):
    found = read_model_file(complete("sums_zip_end", golden=GOLDEN, relative=True))
    assert found.labels == ("left", "right", "both")
    assert b"PK\x05\x06" in found.flatbuffer


def test_an_empty_zip_behind_the_model_is_no_part(model, tmp_path):
    path = tmp_path / "empty.tflite"
    path.write_bytes(model("sums").read_bytes())
    with zipfile.ZipFile(path, "a"):
        pass
    assert read_model_file(path).labels == ()


# -- labels ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "labels"),
    [
        (b"cat\ndog\n", ("cat", "dog")),
        (b"cat\ndog", ("cat", "dog")),
        (b"cat\r\ndog\r\n", ("cat", "dog")),
        (b"cat\rdog", ("cat", "dog")),
        (b"\xef\xbb\xbfcat\ndog\n", ("cat", "dog")),
        (b"cat\ndog\n\n\n", ("cat", "dog")),
        (b"cat\n\ndog\n", ("cat", "", "dog")),
        (b"  cat  \n", ("cat",)),
        ("Käse\n猫\n".encode(), ("Käse", "猫")),
        (b"caf\xe9\n", ("caf�",)),
        (b"red\x1b[31m\n", ("red [31m",)),
        (b"a\x00b\tc\n", ("a b c",)),
        (b"one\x0clabel\nanother\x0bone\nand\x1cthis\n", ("one label", "another one", "and this")),
        ("one\u2028label\u0085x\n".encode(), ("one label x",)),
        (b"", ()),
        (b"\n\n", ()),
    ],
)
def test_labels_are_lines_without_control_characters(data, labels):
    assert parse_labels(data) == labels


@given(st.binary(max_size=60))
def test_any_bytes_give_printable_labels(data):
    assert all(label == label.strip() and (label.isprintable() or not label) for label in parse_labels(data))


# -- files that are not ----------------------------------------------------------------------------------------


def test_a_missing_file_is_not_found(tmp_path):
    path = tmp_path / "none.tflite"
    with pytest.raises(NotFoundError) as caught:
        read_model_file(path)
    assert str(caught.value) == f"{path}: no such file; name a .tflite model"
    assert caught.value.exit_code == 4


def test_a_folder_is_refused(tmp_path):
    assert _refused(tmp_path) == f"{tmp_path} is a folder: name the .tflite file in it"


def test_a_path_that_cannot_be_one_is_refused():
    with pytest.raises(ModelFileError, match=r"cannot be read .*null (byte|character)"):
        read_model_file("a\0b")


def test_a_path_through_a_file_is_refused(model):
    assert "cannot be read (Not a directory)" in _refused(model("sums") / "x.tflite")


def test_a_name_that_is_too_long_is_refused(tmp_path):
    assert "cannot be read (File name too long)" in _refused(tmp_path / ("x" * 300))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file has 0 bytes: it is empty or truncated, no .tflite model"),
        (b"TFL3", "the file has 4 bytes"),
        (b"this is a text file\n", "bytes 4 to 8 are b' is ', not b'TFL3': this is no .tflite model"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "this is no .tflite model"),
        (bytes(4) + b"TFL3", "the offset at 0 points to 0, where nothing starts: damaged file"),
        (b"\xff\xff\xff\x7fTFL3" + bytes(100), "outside the file's 108 bytes"),
    ],
    ids=["empty", "four bytes", "text", "png", "header only", "root outside"],
)
def test_a_file_that_is_no_model_is_refused(tmp_path, data, message):
    path = tmp_path / "model.tflite"
    path.write_bytes(data)
    assert message in _refused(path)


def test_a_zip_alone_is_refused(tmp_path):
    path = tmp_path / "model.tflite"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("labels.txt", "a\nb\n")
    assert "starts before the model" in _refused(path)


@pytest.mark.parametrize("name", ["sums", "conv", "rgb", "sums_normalized"])
def test_a_flatbuffer_cut_at_any_length_is_refused(model, tmp_path, name):
    data = model(name).read_bytes()
    path = tmp_path / "cut.tflite"
    for size in range(0, len(data), 7):
        path.write_bytes(data[:size])
        assert _refused(path).startswith(f"{path}: ")


def test_metadata_that_is_damaged_is_refused(model):
    assert "outside the file's 8 bytes" in _refused(model("sums_bad_metadata"))


# -- changed and truncated parts -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "before", "after"),
    [
        ("flatbuffer", b"logits_int8", b"logits_int9"),
        ("labels.txt", b"right", b"wrong"),
    ],
)
def test_a_changed_part_is_named(complete, part, before, after):
    path = complete(golden=GOLDEN, parts={})
    data = path.read_bytes()
    at = data.index(before)
    path.write_bytes(data[:at] + after + data[at + len(before) :])
    message = _refused(path)
    assert part in message
    # the ZIP's own checksum sees a changed part before its sha256 does; the flatbuffer has no other guard
    assert ("sha256" in message) == (part == "flatbuffer")


@pytest.mark.parametrize(
    ("part", "data"),
    [
        ("labels.txt", b"left\nwrong\nboth\n"),
        ("golden.npz", GoldenVectors(GOLDEN.inputs + np.uint8(1), GOLDEN.outputs).to_bytes()),
    ],
)
def test_a_replaced_part_is_named_with_both_hashes(complete, part, data):
    path = complete(golden=GOLDEN, parts={part: data})
    found = hashlib.sha256(data).hexdigest()[:12]
    assert re.search(
        rf": the sha256 of its {part} is {found}\.\.\., edgeready.json says [0-9a-f]{{12}}\.\.\.: ", _refused(path)
    )
    assert read_model_file(path, check_hashes=False).manifest is not None


def test_a_changed_flatbuffer_is_read_when_hashes_are_not_checked(complete):
    path = complete()
    _replace(path, b"logits_int8", b"logits_int9")
    assert "the sha256 of its flatbuffer is" in _refused(path)
    names = [tensor.name for tensor in read_model_file(path, check_hashes=False).graph.tensors]
    assert "logits_int9" in names


@pytest.mark.parametrize("part", ["labels.txt", "golden.npz"])
def test_a_missing_part_is_named(complete, part):
    path = complete(golden=GOLDEN, parts={part: None})
    assert _refused(path) == f"{path}: its part {part!r} is missing: copy the file again"


def test_golden_vectors_that_are_damaged_are_refused_without_hashes_too(complete):
    path = complete(golden=GOLDEN, parts={"golden.npz": b"nonsense"})
    assert "golden.npz cannot be read" in _refused(path, check_hashes=False)


def test_an_edgeready_json_that_is_damaged_is_refused(complete):
    assert "edgeready.json is no JSON" in _refused(complete(parts={"edgeready.json": b"{"}))


@pytest.mark.parametrize("cut", [1, 10, 22, 60, 200, 400])
def test_a_truncated_tail_is_refused_where_the_metadata_lists_its_parts(complete, cut):
    path = complete("sums_listed", golden=GOLDEN)
    assert read_model_file(path).labels == ("left", "right", "both")
    path.write_bytes(path.read_bytes()[:-cut])
    assert _refused(path) == (
        f"{path}: its metadata lists edgeready.json but the part is missing: the file is truncated"
    )


def test_a_file_cut_anywhere_is_refused_where_the_metadata_lists_its_parts(complete):
    path = complete("sums_listed", golden=GOLDEN)
    data = path.read_bytes()
    for size in range(0, len(data), 41):
        path.write_bytes(data[:size])
        _refused(path)


def test_one_changed_byte_anywhere_is_our_error_or_harmless(complete):
    path = complete("sums_listed", golden=GOLDEN)
    data = path.read_bytes()
    whole = read_model_file(path)
    generator = np.random.default_rng(5)
    for place in generator.choice(len(data), 400, replace=False):
        changed = bytearray(data)
        changed[place] ^= int(generator.integers(1, 256))
        path.write_bytes(bytes(changed))
        try:
            found = read_model_file(path)
        except ModelFileError:
            continue
        assert (found.flatbuffer, found.labels, found.manifest.sha256) == (
            whole.flatbuffer,
            whole.labels,
            whole.manifest.sha256,
        )


# -- archives that are made to harm ----------------------------------------------------------------------------


@pytest.fixture
def archived(model, tmp_path):
    """`sums` with a ZIP tail that `write` fills."""

    def make(write):
        path = tmp_path / "archived.tflite"
        path.write_bytes(model("sums").read_bytes())
        with zipfile.ZipFile(path, "a") as archive:
            write(archive)
        return path

    return make


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_part_that_is_there_twice_is_refused(archived):
    def write(archive):
        archive.writestr("labels.txt", "a\nb\nc\n")
        archive.writestr("labels.txt", "c\nb\na\n")

    assert "has 2 parts, too many or some twice: refused" in _refused(archived(write))


def test_too_many_parts_are_refused(archived):
    def write(archive):
        for i in range(1001):
            archive.writestr(str(i), b"")

    assert "has 1001 parts, too many" in _refused(archived(write))


def test_an_encrypted_part_is_refused(archived):
    path = archived(lambda archive: archive.writestr("labels.txt", "a\nb\nc\n"))
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.rindex(signature) + offset] |= 1
    path.write_bytes(bytes(data))
    assert "its part 'labels.txt' is encrypted" in _refused(path)


def test_a_part_that_claims_to_be_huge_is_refused(archived):
    path = archived(lambda archive: archive.writestr("labels.txt", "a\nb\nc\n"))
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.rindex(b"PK\x01\x02") + 24, 1 << 30)
    path.write_bytes(bytes(data))
    assert "or too large (1073741824 bytes): refused" in _refused(path)


def test_a_part_that_unpacks_to_more_than_it_claims_is_refused(archived):
    path = archived(lambda archive: archive.writestr("labels.txt", b"x" * 10_000, zipfile.ZIP_DEFLATED))
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.rindex(b"PK\x01\x02") + 24, 5)
    path.write_bytes(bytes(data))
    assert "its part 'labels.txt' is damaged" in _refused(path)


def test_a_deflated_part_is_read(archived):
    path = archived(lambda archive: archive.writestr("labels.txt", b"a\nb\nc\n" * 50, zipfile.ZIP_DEFLATED))
    assert len(read_model_file(path).labels) == 150


def test_a_deflated_part_that_is_damaged_is_refused(archived):
    content = "\n".join(map(str, range(500)))
    path = archived(lambda archive: archive.writestr("labels.txt", content, zipfile.ZIP_DEFLATED))
    data = bytearray(path.read_bytes())
    begin = data.rindex(b"PK\x03\x04") + 30 + len("labels.txt")
    data[begin : begin + 20] = b"\xff" * 20
    path.write_bytes(bytes(data))
    assert "its part 'labels.txt' is damaged" in _refused(path)


def test_a_part_that_is_compressed_another_way_is_refused(archived):
    path = archived(lambda archive: archive.writestr("labels.txt", b"a\nb\nc\n"))
    data = bytearray(path.read_bytes())
    struct.pack_into("<H", data, data.rindex(b"PK\x03\x04") + 8, 12)
    struct.pack_into("<H", data, data.rindex(b"PK\x01\x02") + 10, 12)
    path.write_bytes(bytes(data))
    assert "its part 'labels.txt' is encrypted, not compressed by deflate, or too large" in _refused(path)


def test_a_directory_that_points_into_the_model_is_refused(archived):
    path = archived(lambda archive: archive.writestr("labels.txt", "a\nb\nc\n"))
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.rindex(b"PK\x01\x02") + 42, 100)
    path.write_bytes(bytes(data))
    _refused(path)


def test_a_zip_before_the_model_is_refused(model, tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("labels.txt", "a\n")
    path = tmp_path / "front.tflite"
    path.write_bytes(stream.getvalue() + model("sums").read_bytes())
    _refused(path)


def test_a_file_that_is_too_large_is_refused(model, monkeypatch):
    monkeypatch.setattr("edgeready_device.model_file.reader._MAX_MODEL_BYTES", 100)
    with pytest.raises(ModelFileError, match="larger than 1 GiB, no edge model"):
        read_model_file(model("sums"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_model_can_come_through_a_pipe(model, tmp_path):
    pipe = tmp_path / "pipe.tflite"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(model("sums").read_bytes()))
    writer.start()
    assert read_model_file(pipe).flatbuffer == model("sums").read_bytes()
    writer.join()
