"""One file: flatbuffer, metadata, labels, manifest, golden vectors."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from tflite_models import conv_classifier, rgb_classifier

from edgeready.model_file.writer import package
from edgeready_device.model import Model
from edgeready_device.model_file.contract import read_contract
from edgeready_device.model_file.golden import GoldenVectors
from edgeready_device.model_file.manifest import InputSpec, Manifest
from edgeready_device.model_file.reader import flatbuffer_of, read_model_file
from edgeready_device.normalization import Normalization
from edgeready_device.tflite.graph import read_graph
from edgeready_device.tflite.metadata import ENTRY, LabelFiles, TfliteMetadata

FLATBUFFER = conv_classifier()
LABELS = ("Apfel", "梨 (Birne)", "naïve, or not")
MANIFEST = Manifest("fruit", InputSpec(8, 8, 1), "probabilities", {"mode": "uint8"})
GOLDEN = GoldenVectors(
    np.arange(2 * 64, dtype=np.uint8).reshape(2, 8, 8, 1), {"fake 1 reference": np.zeros((2, 3), np.uint8)}
)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "fruit.tflite"
    path.write_bytes(package(FLATBUFFER, MANIFEST, LABELS, "0.1.0", GOLDEN))
    return path


def test_the_file_itself_opens_as_a_zip_with_three_stored_parts(file):
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["labels.txt", "golden.npz", "edgeready.json"]
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}


def test_the_parts_are_what_went_in(file):
    with zipfile.ZipFile(file) as archive:
        assert archive.read("labels.txt").decode() == "Apfel\n梨 (Birne)\nnaïve, or not\n"
        assert archive.read("golden.npz") == GOLDEN.to_bytes()
        assert json.loads(archive.read("edgeready.json"))["name"] == "fruit"


def test_the_hashes_are_those_of_the_bytes(file):
    data = file.read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        start = min(entry.header_offset for entry in archive.infolist())
        hashed = {"flatbuffer": data[:start]} | {name: archive.read(name) for name in ("labels.txt", "golden.npz")}
        stated = json.loads(archive.read("edgeready.json"))["sha256"]
    assert stated == {name: hashlib.sha256(part).hexdigest() for name, part in hashed.items()}


def test_the_device_package_accepts_it_and_reads_every_part_back(file):
    read = read_model_file(file)
    assert read.labels == LABELS
    assert read.size_bytes == file.stat().st_size
    assert read.manifest is not None
    assert replace(read.manifest, sha256={}) == MANIFEST
    assert read.metadata == TfliteMetadata(
        "fruit",
        "0.1.0",
        (LabelFiles("labels.txt"),),
        Normalization((0.0,), (255.0,)),
        ("edgeready.json", "golden.npz", "labels.txt"),
    )
    assert read.golden is not None
    assert np.array_equal(read.golden.inputs, GOLDEN.inputs)
    assert list(read.golden.outputs) == ["fake 1 reference"]


def test_the_flatbuffer_in_front_is_the_model_with_one_entry_more(file):
    before, after = read_graph(FLATBUFFER), read_graph(flatbuffer_of(file.read_bytes()))
    assert (after.tensors, after.ops) == (before.tensors, before.ops)
    assert list(after.metadata) == [ENTRY]


def test_equal_arguments_give_equal_bytes():
    assert package(FLATBUFFER, MANIFEST, LABELS, "1", GOLDEN) == package(FLATBUFFER, MANIFEST, LABELS, "1", GOLDEN)


@pytest.mark.parametrize(
    "other",
    [
        (FLATBUFFER, MANIFEST, LABELS, "2", GOLDEN),
        (FLATBUFFER, MANIFEST, LABELS[::-1], "1", GOLDEN),
        (FLATBUFFER, MANIFEST, LABELS, "1", None),
        (FLATBUFFER, replace(MANIFEST, scores="logits"), LABELS, "1", GOLDEN),
    ],
    ids=["version", "labels", "golden", "manifest"],
)
def test_any_other_argument_gives_other_bytes(other):
    assert package(*other) != package(FLATBUFFER, MANIFEST, LABELS, "1", GOLDEN)


def test_without_golden_vectors_no_such_part_is_there_or_listed(tmp_path):
    path = tmp_path / "bare.tflite"
    path.write_bytes(package(FLATBUFFER, MANIFEST, LABELS, "1"))
    read = read_model_file(path)
    assert read.golden is None
    assert read.metadata.files == ("edgeready.json", "labels.txt")
    assert read.manifest is not None
    assert sorted(read.manifest.sha256) == ["flatbuffer", "labels.txt"]


def test_a_file_that_is_packaged_again_has_the_new_metadata_only(file, tmp_path):
    again = tmp_path / "again.tflite"
    renamed = replace(MANIFEST, name="vegetables")
    again.write_bytes(package(flatbuffer_of(file.read_bytes()), renamed, ("a", "b", "c"), "2"))
    read = read_model_file(again)
    assert (read.metadata.name, read.metadata.version, read.labels) == ("vegetables", "2", ("a", "b", "c"))


def test_the_model_runs_from_the_packaged_file_with_its_labels(tmp_path):
    path = tmp_path / "rgb.tflite"
    labels = ("red", "green", "blue", "grey", "none")
    manifest = Manifest("colours", InputSpec(16, 16, 3), "probabilities")
    path.write_bytes(package(rgb_classifier(), manifest, labels, "1"))
    model = Model.load(path)
    found = model.classify(np.full((16, 16, 3), 200, np.uint8), 5)
    assert {prediction.label for prediction in found} == set(labels)
    assert read_contract(model.file).frame == InputSpec(16, 16, 3)
