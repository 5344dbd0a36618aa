"""The mark in litert-torch's files, with which TensorFlow's quantizer leaves every layer float32, is removed."""

from __future__ import annotations

import numpy as np
from ai_edge_litert.schema_py_generated import MetadataT
from engine_nets import inputs_of, one_convolution

from edgeready.engine.flatbuffer_objects import read_objects, write_objects
from edgeready.engine.float_model import load_tflite
from edgeready.engine.stablehlo_mark import drop_stablehlo_mark
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.session import Session

MARK = b"keep_stablehlo_constant"


def with_entries(data, *names):
    model = read_objects(data)
    model.metadata = []
    for name in names:
        buffer = type(model.buffers[0])()
        buffer.data = np.frombuffer(b"true", np.uint8)
        model.buffers.append(buffer)
        entry = MetadataT()
        entry.name, entry.buffer = name, len(model.buffers) - 1
        model.metadata.append(entry)
    return write_objects(model)


def entries_of(data):
    return [entry.name for entry in read_objects(data).metadata or []]


def answers(data):
    session = Session.from_file(TfliteModel(data, trusted=True))
    return np.concatenate([session.invoke([image[np.newaxis]])[0] for image in inputs_of(data).arrays[0]])


def test_a_file_is_read_without_the_mark_with_all_other_entries_and_the_same_answers(tmp_path):
    data = with_entries(one_convolution(), b"first", MARK, b"last")
    path = tmp_path / "net.tflite"
    path.write_bytes(data)
    float32 = load_tflite(path).float32
    assert entries_of(float32) == [b"first", b"last"]
    assert np.array_equal(answers(float32), answers(data))


def test_a_file_whose_only_entry_is_the_mark_has_none_afterwards():
    assert entries_of(drop_stablehlo_mark(with_entries(one_convolution(), MARK))) == []


def test_a_file_without_the_mark_comes_back_as_it_is_even_where_its_words_stand_in_another_name():
    for data in (one_convolution(), with_entries(one_convolution(), MARK + b"s")):
        assert drop_stablehlo_mark(data) is data
