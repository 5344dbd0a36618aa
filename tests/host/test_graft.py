"""A metadata entry is added and nothing else changes."""

from __future__ import annotations

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st
from tflite_models import conv_classifier, rgb_classifier, tflite

from edgeready.errors import ModelFileError
from edgeready.model_file.metadata_entry import with_metadata
from edgeready_device.runtime.runtime import installed_runtimes, open_interpreter
from edgeready_device.tflite.flatbuffer import Flatbuffer
from edgeready_device.tflite.graph import IDENTIFIER, read_graph

MODELS = {"grey": conv_classifier(), "rgb": rgb_classifier(), "open": conv_classifier(open_batch=True)}


def offsets(data: bytes) -> dict[str, int]:
    """Where in the file each constant tensor's bytes begin."""
    first = np.frombuffer(data, np.uint8).__array_interface__["data"][0]
    return {
        tensor.name: np.frombuffer(tensor.data, np.uint8).__array_interface__["data"][0] - first
        for tensor in read_graph(data).tensors
        if tensor.data is not None
    }


def entry_names(data: bytes) -> list[str]:
    return [entry.text(0) for entry in Flatbuffer(data).root(IDENTIFIER).tables(6)]


@pytest.mark.parametrize("name", MODELS)
def test_tensors_ops_and_ends_stay_as_they_were(name):
    before, after = read_graph(MODELS[name]), read_graph(with_metadata(MODELS[name], "NOTE", b"hello"))
    assert after.tensors == before.tensors
    assert after.ops == before.ops
    assert (after.inputs, after.outputs, after.subgraphs) == (before.inputs, before.outputs, before.subgraphs)
    assert after.description == before.description == "made by a test"
    assert after.metadata == {**before.metadata, "NOTE": b"hello"}


def test_the_options_of_every_op_can_still_be_read():
    before, after = read_graph(MODELS["grey"]), read_graph(with_metadata(MODELS["grey"], "NOTE", b"hello"))
    for one, two in zip(before.ops, after.ops):
        assert [two.option(field, "i") for field in range(6)] == [one.option(field, "i") for field in range(6)]
    assert after.ops[2].option(1, "i") == 2  # the pool's stride, so that not only defaults are compared


def test_the_schema_version_stays():
    assert Flatbuffer(with_metadata(MODELS["grey"], "NOTE", b"")).root(IDENTIFIER).scalar(0, "I") == 3


def test_the_old_bytes_are_kept_whole_and_moved_by_a_multiple_of_16():
    for length in range(40):
        made = with_metadata(MODELS["grey"], "NOTE", b"x" * length)
        assert made.index(MODELS["grey"]) % 16 == 0


@given(st.binary(max_size=100), st.text("ABC_", min_size=1, max_size=20))
def test_whatever_is_added_the_alignment_of_constants_holds(data, name):
    before, after = offsets(MODELS["rgb"]), offsets(with_metadata(MODELS["rgb"], name, data))
    assert {key: offset % 16 for key, offset in after.items()} == {key: offset % 16 for key, offset in before.items()}
    assert read_graph(with_metadata(MODELS["rgb"], name, data)).metadata[name] == data


def test_an_entry_of_the_same_name_is_replaced_and_not_doubled():
    once = with_metadata(MODELS["grey"], "NOTE", b"first")
    twice = with_metadata(once, "NOTE", b"second")
    assert entry_names(twice) == ["NOTE"]
    assert read_graph(twice).metadata == {"NOTE": b"second"}


def test_entries_of_other_names_are_kept_in_their_order():
    graph = read_graph(MODELS["grey"])
    assert graph.metadata == {}
    made = MODELS["grey"]
    for name in ("min_runtime_version", "CONVERSION_METADATA", "NOTE", "min_runtime_version"):
        made = with_metadata(made, name, name.encode())
    assert entry_names(made) == ["CONVERSION_METADATA", "NOTE", "min_runtime_version"]
    assert read_graph(made).metadata == {name: name.encode() for name in entry_names(made)}


def test_the_same_arguments_give_the_same_bytes():
    assert with_metadata(MODELS["grey"], "NOTE", b"a") == with_metadata(MODELS["grey"], "NOTE", b"a")


@pytest.mark.parametrize("runtime", installed_runtimes(), ids=str)
@pytest.mark.parametrize("name", ["grey", "rgb"])
def test_each_runtime_loads_it_and_answers_as_before(runtime, name):
    old = open_interpreter(runtime, MODELS[name])
    new = open_interpreter(runtime, with_metadata(MODELS[name], "NOTE", b"hello, world"))
    taken, given_ = old.get_input_details()[0], old.get_output_details()[0]
    noise = np.random.default_rng(1)
    answers = set()
    for _ in range(20):
        frame = noise.integers(0, 256, taken["shape"], dtype=np.uint8)
        for interpreter in (old, new):
            interpreter.set_tensor(taken["index"], frame)
            interpreter.invoke()
        answer = old.get_tensor(given_["index"])
        assert np.array_equal(answer, new.get_tensor(given_["index"]))
        answers.add(answer.tobytes())
    assert len(answers) > 10  # so that equal answers mean something


def test_a_model_with_its_constants_behind_the_flatbuffer_is_refused():
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(MODELS["grey"], 0))
    model.buffers[1].data, model.buffers[1].offset, model.buffers[1].size = None, 4096, 16
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    with pytest.raises(ModelFileError, match=r"^the model keeps its constants outside the flatbuffer: no edge model"):
        with_metadata(bytes(builder.Output()), "NOTE", b"")


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\0" * 64, MODELS["grey"][:200]])
def test_what_is_no_whole_model_is_an_error_of_the_file(data):
    with pytest.raises(ModelFileError):
        with_metadata(data, "NOTE", b"")


def test_a_model_without_ops_can_carry_an_entry():
    bare = tflite(tensors=[], ops=[], inputs=[], outputs=[])
    assert read_graph(with_metadata(bare, "NOTE", b"x")).metadata == {"NOTE": b"x"}
