"""What a ZIP tail must not do although it is read: leave its place, cost time, steer a terminal, run code."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import pytest
import tails
from crafting import ATTACKS
from tflite_models import conv_classifier

from edgeready_device import cli
from edgeready_device.errors import ModelFileError
from edgeready_device.model_file.reader import TfliteModel, flatbuffer_of, read_model_file


def read(tmp_path: Path, data: bytes, **options: bool) -> TfliteModel:
    path = tmp_path / "attack.tflite"
    path.write_bytes(data)
    return read_model_file(path, **options)


def test_a_part_whose_name_leaves_the_folder_is_never_written(tmp_path):
    def write(archive):
        for name in ("../outside.txt", "/tmp/outside.txt", "C:\\outside.txt", "labels.txt"):
            archive.writestr(name, "a\nb\nc\n")

    inside = tmp_path / "inside"
    inside.mkdir()
    assert read(inside, tails.zipped(write)).labels == ("a", "b", "c")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["attack.tflite", "inside"]


def test_nothing_is_unpickled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelFileError):
        read(tmp_path, ATTACKS["a pickle in the golden vectors"].make(), check_hashes=False)
    assert not Path(tails.PICKLED_PATH).exists()


def test_labels_cannot_steer_the_terminal(tmp_path, capsys):
    labels = "cat\x1b[2J\x1b]0;title\x07\ndog\u202egnp.exe\nbird\x00\x9b31m\r"
    found = read(tmp_path, tails.zipped(lambda archive: archive.writestr("labels.txt", labels)))
    assert found.labels == ("cat [2J ]0;title", "dog gnp.exe", "bird  31m")
    assert cli.main(["info", str(tmp_path / "attack.tflite")]) == 0
    assert capsys.readouterr().out.replace("\n", "").isprintable()


def test_a_directory_of_half_a_million_parts_is_not_read(tmp_path):
    entry = b"PK\x01\x02" + bytes(24) + struct.pack("<H", 6) + bytes(16) + b"000000"
    directory = entry * 500_000
    end = b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, 0xFFFF, 0xFFFF, len(directory), len(conv_classifier()), 0)
    started = time.perf_counter()
    found = read(tmp_path, conv_classifier() + directory + end)
    assert time.perf_counter() - started < 2
    assert found.labels == ()  # a bare model with something behind it


def test_a_zip64_directory_is_not_read(tmp_path):
    data = tails.zipped(lambda archive: archive.writestr("labels.txt", "a\nb\nc\n"))
    at = data.rindex(b"PK\x05\x06")
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, at, 1)
    assert read(tmp_path, data[:at] + locator + data[at:]).labels == ()


def whole_file() -> bytes:
    """A file as the host writes it: metadata that names the parts, hashes, labels and golden vectors."""
    return (Path(__file__).parents[1] / "fuzz" / "corpus" / "tails" / "whole.tflite").read_bytes()


def contents(file: TfliteModel) -> tuple:
    golden = None if file.golden is None else file.golden.to_bytes()
    manifest = None if file.manifest is None else file.manifest.to_json()
    return file.flatbuffer, file.labels, manifest, golden, file.metadata


def test_a_changed_byte_is_one_clear_error_or_changes_nothing(tmp_path):
    """Every byte of the tail, and every 31st of the flatbuffer, flipped whole."""
    data = whole_file()
    front = len(flatbuffer_of(data))
    sound = contents(read(tmp_path, data))
    harmless = 0
    for place in [*range(0, front, 31), *range(front, len(data))]:
        changed = bytearray(data)
        changed[place] ^= 0xFF
        try:
            found = contents(read(tmp_path, bytes(changed)))
        except ModelFileError:
            continue
        assert found == sound, place
        assert place >= front  # the flatbuffer is hashed whole
        harmless += 1
    assert harmless < 400  # dates, versions and attributes, which no reader asks for


@pytest.mark.parametrize("part", ["flatbuffer", "labels.txt", "golden.npz", "edgeready.json"])
def test_a_changed_byte_in_a_part_is_never_harmless(tmp_path, part):
    data = whole_file()
    begin = 0 if part == "flatbuffer" else data.index(part.encode() + b"", len(flatbuffer_of(data))) + len(part)
    for place in range(begin, begin + 6):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises(ModelFileError):
            read(tmp_path, bytes(changed))


def test_what_is_changed_on_purpose_is_read_when_hashes_are_not_asked_for(tmp_path):
    data = whole_file()
    assert data.count(b"a\nb\nc\n") == 1
    changed = tails.with_parts(flatbuffer_of(data), {"labels.txt": b"x\ny\nz\n", "edgeready.json": manifest_of(data)})
    with pytest.raises(ModelFileError, match=r"the sha256 of its labels\.txt"):
        read(tmp_path, changed)
    assert read(tmp_path, changed, check_hashes=False).labels == ("x", "y", "z")


def manifest_of(data: bytes) -> bytes:
    from edgeready_device.model_file.archive import read_archive

    archive = read_archive(data)
    assert archive is not None
    return archive.part("edgeready.json", 1 << 20)
