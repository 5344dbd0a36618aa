"""Golden vectors for any file: what is added, what stays, and that wrong answers are told from right ones."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tflite_models import O, T, conv_classifier, rgb_classifier, tflite

from edgeready.errors import (
    DatasetError,
    ImageError,
    ModelFileError,
    NotFoundError,
    RuntimeUnavailableError,
    UsageError,
)
from edgeready.model_file.writer import package, with_parts
from edgeready.workflows.golden import add_golden
from edgeready_device.model_file.golden import GoldenVectors
from edgeready_device.model_file.manifest import InputSpec, Manifest
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.runtime.runtime import installed_runtimes
from edgeready_device.verification import verify

RECORDINGS = tuple(f"{runtime} {kernels}" for runtime in installed_runtimes() for kernels in ("default", "reference"))


@pytest.fixture
def foreign(tmp_path) -> Path:
    """A bare file for 16x16 RGB images, as others make them."""
    path = tmp_path / "foreign.tflite"
    path.write_bytes(rgb_classifier())
    return path


@pytest.fixture
def pictures(tmp_path) -> Path:
    """40 pictures of another size, some in subfolders."""
    folder = tmp_path / "pictures"
    noise = np.random.default_rng(4)
    for number in range(40):
        place = folder / ("" if number % 2 else "sub")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(place / f"{number}.png")
    return folder


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_foreign_file_gets_vectors_and_keeps_every_byte_of_its_own(foreign, pictures, tmp_path):
    out = tmp_path / "out.tflite"
    found = add_golden(foreign, str(pictures), out)
    assert (found.out, found.vectors, found.recordings, found.refusals) == (out, 32, RECORDINGS, ())
    assert found.size_bytes == out.stat().st_size
    assert read_model_file(out).flatbuffer == foreign.read_bytes()
    assert list(parts(out)) == ["golden.npz"]


@pytest.mark.parametrize("runtime", [runtime.name for runtime in installed_runtimes()])
def test_what_was_added_verifies_here_and_a_changed_weight_does_not(foreign, pictures, tmp_path, runtime):
    out = tmp_path / "out.tflite"
    add_golden(foreign, str(pictures), out)
    assert verify(read_model_file(out), runtime).passed
    data = read_model_file(out).flatbuffer
    dense = np.random.default_rng(7)  # as conv_classifier draws them
    dense.integers(-127, 128, (4, 3, 3, 3), dtype=np.int8)
    weights = dense.integers(-127, 128, (5, 256), dtype=np.int8).tobytes()
    assert data.count(weights) == 1
    out.write_bytes(with_parts(data.replace(weights, bytes(reversed(weights))), parts(out)))
    assert not verify(read_model_file(out), runtime).passed


@pytest.mark.parametrize(("asked", "got"), [(2, 2), (99, 40)])
def test_as_many_vectors_are_recorded_as_are_asked_for(foreign, pictures, tmp_path, asked, got):
    assert add_golden(foreign, str(pictures), tmp_path / "out.tflite", asked).vectors == got


def test_no_vector_is_a_usage_error(foreign, pictures, tmp_path):
    with pytest.raises(UsageError, match="vectors is 0: ask for at least 1"):
        add_golden(foreign, str(pictures), tmp_path / "out.tflite", 0)


def test_an_npz_or_a_named_set_is_resized_to_the_model(foreign, tmp_path):
    path = tmp_path / "data.npz"
    images = np.random.default_rng(1).integers(0, 256, (60, 10, 12), dtype=np.uint8)
    np.savez(path, x=images, y=np.arange(60) % 3)
    out = tmp_path / "out.tflite"
    assert add_golden(foreign, str(path), out).vectors <= 32
    assert read_model_file(out).golden.inputs.shape[1:] == (16, 16, 3)


def test_a_complete_file_keeps_its_parts_and_its_hashes_hold(tmp_path, pictures):
    path, out = tmp_path / "own.tflite", tmp_path / "out.tflite"
    manifest = Manifest("own", InputSpec(8, 8, 1), "probabilities", {"mode": "uint8"})
    old = GoldenVectors(np.zeros((1, 8, 8, 1), np.uint8), {"old 1 default": np.zeros((1, 3), np.uint8)})
    path.write_bytes(package(conv_classifier(), manifest, ["a", "b", "c"], "1", old))
    said = json.loads(parts(path)["edgeready.json"])
    said["later"] = "a key that this version does not know"
    contents = {**parts(path), "notes.txt": b"keep me", "edgeready.json": json.dumps(said).encode()}
    path.write_bytes(with_parts(read_model_file(path).flatbuffer, contents))
    add_golden(path, str(pictures), out)
    file = read_model_file(out)  # checks the hashes
    assert tuple(file.golden.outputs) == RECORDINGS
    assert (file.labels, file.manifest.provenance) == (("a", "b", "c"), {"mode": "uint8"})
    assert parts(out)["notes.txt"] == b"keep me"
    assert json.loads(parts(out)["edgeready.json"])["later"] == said["later"]


def test_damaged_pictures_are_left_out_where_that_is_asked_for(foreign, pictures, tmp_path):
    for path in sorted(pictures.glob("*.png"))[2:]:
        path.unlink()
    for path in (pictures / "sub").iterdir():
        path.unlink()
    (pictures / "bad.png").write_bytes(b"no image")
    with pytest.raises(ImageError, match=r"bad\.png' .*; --skip-damaged goes on without it"):
        add_golden(foreign, str(pictures), tmp_path / "out.tflite")
    assert add_golden(foreign, str(pictures), tmp_path / "out.tflite", skip_damaged=True).vectors == 2


def test_a_damaged_part_is_an_error_that_names_the_file_and_nothing_is_written(tmp_path, pictures):
    path = tmp_path / "notes.tflite"
    path.write_bytes(with_parts(conv_classifier(), {"notes.txt": b"hello"}).replace(b"hello", b"jello"))
    with pytest.raises(ModelFileError, match=r"notes\.tflite: its part 'notes.txt' is damaged \(Bad CRC-32"):
        add_golden(path, str(pictures), tmp_path / "out.tflite")
    assert not (tmp_path / "out.tflite").exists()


def test_a_float_model_gets_float_vectors(tmp_path, pictures):
    path, out = tmp_path / "float.tflite", tmp_path / "out.tflite"
    shape = T("shape", data=np.array([1, 4], np.int32))
    tensors = [T("image", (1, 2, 2, 1), "float32"), shape, T("scores", (1, 4), "float32")]
    ops = [O("RESHAPE", ["image", "shape"], ["scores"])]
    path.write_bytes(tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"]))
    add_golden(path, str(pictures), out)
    file = read_model_file(out)
    assert {rows.dtype.name for rows in (file.golden.inputs, *file.golden.outputs.values())} == {"float32"}
    assert verify(file).passed


def test_equal_pictures_give_an_equal_file(foreign, pictures, tmp_path):
    first, second = tmp_path / "1.tflite", tmp_path / "2.tflite"
    add_golden(foreign, str(pictures), first)
    add_golden(foreign, str(pictures), second)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("nowhere", NotFoundError, "no data set or path"),
        ("empty", DatasetError, "empty: no images there or in its subfolders"),
    ],
)
def test_data_without_pictures_is_refused_and_leaves_no_file(foreign, tmp_path, monkeypatch, source, error, message):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    with pytest.raises(error, match=message):
        add_golden(foreign, source, tmp_path / "out.tflite")
    assert not (tmp_path / "out.tflite").exists()


def test_a_model_that_no_runtime_runs_is_refused_with_the_reasons(tmp_path, pictures):
    path = tmp_path / "custom.tflite"
    tensors = [T("x", (1, 2, 2, 1), "uint8", 1.0), T("y", (1, 4), "uint8", 1.0)]
    op = O("CUSTOM", ["x"], ["y"], custom_code="NoSuchOp")
    path.write_bytes(tflite(tensors=tensors, ops=[op], inputs=["x"], outputs=["y"]))
    with pytest.raises(
        RuntimeUnavailableError, match="no runtime here runs it, so nothing can be recorded: "
    ) as caught:
        add_golden(path, str(pictures), tmp_path / "out.tflite")
    for runtime in installed_runtimes():
        assert str(runtime) in str(caught.value)


def test_what_is_no_model_is_refused(tmp_path, pictures):
    path = tmp_path / "text.tflite"
    path.write_text("this is a text file")
    with pytest.raises(ModelFileError, match=r"text\.tflite"):
        add_golden(path, str(pictures), tmp_path / "out.tflite")


def test_the_command_writes_beside_the_file_and_says_what_to_do(run_here, foreign, pictures):
    code, out, err = run_here("golden", foreign, "--data", pictures)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith(f"{foreign.with_name('foreign_golden.tflite')}: 32 golden vectors, ")
    assert tuple(line.strip() for line in lines[1:-1]) == RECORDINGS
    assert lines[-1] == "On the board: edgeready-device verify foreign_golden.tflite"


def test_the_command_as_json_is_one_document(run_here, foreign, pictures, tmp_path):
    code, out, _ = run_here("golden", foreign, "--data", pictures, "--out", tmp_path / "x.tflite", "--json")
    found = json.loads(out)
    assert (code, found["out"], found["recordings"]) == (0, str(tmp_path / "x.tflite"), list(RECORDINGS))
    assert found["refused"] == {}


# -- models that are no image classifiers --------------------------------------------------------------------------


@pytest.fixture
def two_arms(tmp_path) -> Path:
    """Two inputs of two types, and two outputs: x + x, and the rows of a table that `tokens` names."""
    tensors = [
        T("x", (1, 3), "float32"),
        T("tokens", (1, 2), "int32"),
        T("table", data=np.arange(8, dtype=np.float32).reshape(4, 2)),
        T("twice", (1, 3), "float32"),
        T("rows", (1, 2, 2), "float32"),
    ]
    ops = [O("ADD", ["x", "x"], ["twice"]), O("GATHER", ["table", "tokens"], ["rows"])]
    path = tmp_path / "arms.tflite"
    path.write_bytes(tflite(tensors=tensors, ops=ops, inputs=["x", "tokens"], outputs=["twice", "rows"]))
    return path


def test_any_model_gets_vectors_of_seeded_noise(two_arms):
    found = add_golden(two_arms)
    assert (found.vectors, found.recordings) == (32, RECORDINGS)
    golden = read_model_file(found.out).golden
    assert [rows.shape for rows in golden.all_inputs] == [(32, 3), (32, 2)]
    for key in RECORDINGS:
        twice, rows = golden.outputs_of(key)
        assert twice.tolist() == (golden.inputs * 2).tolist()
        assert rows.shape == (32, 4)
    assert verify(read_model_file(found.out)).passed


def test_any_model_gets_vectors_of_ones_own_values(two_arms, tmp_path):
    np.savez(tmp_path / "in.npz", x=np.arange(15.0).reshape(5, 3), tokens=np.full((5, 2), 3))
    found = add_golden(two_arms, inputs=tmp_path / "in.npz", vectors=4)
    golden = read_model_file(found.out).golden
    assert golden.inputs.tolist() == np.arange(12.0).reshape(4, 3).tolist()
    assert golden.outputs_of(RECORDINGS[0])[1].tolist() == [[6, 7, 6, 7]] * 4


def test_a_classifier_may_be_fed_with_tensors_too(foreign, tmp_path):
    np.savez(tmp_path / "in.npz", image=np.zeros((2, 16, 16, 3), np.uint8))
    assert add_golden(foreign, inputs=tmp_path / "in.npz").vectors == 2


def test_a_model_of_open_size_keeps_its_bytes_and_verifies_at_the_size_of_its_vectors(tmp_path):
    tensors = [T("x", (1,), "float32", signature=(-1,)), T("y", (1,), "float32", signature=(-1,))]
    path = tmp_path / "open.tflite"
    path.write_bytes(tflite(tensors=tensors, ops=[O("ABS", ["x"], ["y"])], inputs=["x"], outputs=["y"]))
    with pytest.raises(ModelFileError, match=r"open \(\[-1\]\): give --inputs FILE.npz"):
        add_golden(path)
    np.savez(tmp_path / "in.npz", x=-np.ones((3, 7)))
    found = add_golden(path, inputs=tmp_path / "in.npz")
    assert read_model_file(found.out).flatbuffer == path.read_bytes()
    assert verify(read_model_file(found.out)).passed


def test_what_does_not_suit_the_model_is_refused_before_anything_is_written(foreign, two_arms, pictures, tmp_path):
    files = sorted(tmp_path.iterdir())
    with pytest.raises(UsageError, match="is an image classifier: give pictures with --data, or tensors with"):
        add_golden(foreign)
    with pytest.raises(UsageError, match="--data and --inputs: give one of the two"):
        add_golden(foreign, str(pictures), inputs=tmp_path / "in.npz")
    with pytest.raises(ModelFileError, match=r"2 inputs .* it seems to be a model with 2 inputs"):
        add_golden(two_arms, str(pictures))
    with pytest.raises(NotFoundError, match="no such file; name a "):
        add_golden(two_arms, inputs=tmp_path / "none.npz")
    assert sorted(tmp_path.iterdir()) == files


def test_vectors_that_no_device_reads_are_refused(two_arms, monkeypatch):
    monkeypatch.setattr("edgeready_device.model_file.golden._MOST_BYTES", 1000)  # in place of 64 MiB
    with pytest.raises(DatasetError, match=r"with 32 vectors .* ask for fewer --vectors"):
        add_golden(two_arms)
    assert not two_arms.with_name("arms_golden.tflite").exists()


def test_answers_of_changing_size_cannot_be_recorded(tmp_path):
    tensors = [T("x", (1, 4), "bool"), T("y", (1, 2), "int64", signature=(-1, 2))]
    path = tmp_path / "where.tflite"
    path.write_bytes(tflite(tensors=tensors, ops=[O("WHERE", ["x"], ["y"])], inputs=["x"], outputs=["y"]))
    with pytest.raises(ModelFileError, match="its output 0 has "):
        add_golden(path)
