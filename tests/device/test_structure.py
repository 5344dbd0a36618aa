from __future__ import annotations

import random
import struct

import pytest
from mutations import mutated, places

from edgeready_device.errors import ModelFileError
from edgeready_device.model import Model
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.tflite.flatbuffer import check_layout
from edgeready_device.tflite.graph import read_graph, read_subgraphs
from edgeready_device.tflite.options import BUILTIN_OPTIONS, BUILTIN_OPTIONS_2
from edgeready_device.tflite.schema import BUILTIN_OPERATORS
from edgeready_device.tflite.structure.node import ANY, SAME
from edgeready_device.tflite.structure.operators import OPERATORS
from edgeready_device.tflite.structure.verification import verified_graph

SOUND = (
    "conv",
    "rgb",
    "sums",
    "sums_zip_end",
    "sums_listed",
    "rank3",
    "echo_int8",
    "echo_int16",
    "echo_float",
    "unknown_op",
)


def test_each_row_names_an_operator_and_options_of_the_schema():
    rows, known = OPERATORS.values(), {**BUILTIN_OPTIONS, **BUILTIN_OPTIONS_2}
    assert len(OPERATORS) == 172
    assert [row.name for row in rows if row.name not in BUILTIN_OPERATORS] == []
    assert [row.name for row in rows if row.options and row.options not in known] == []
    assert [row.name for row in rows if row.optional and not row.options] == []


def test_each_activation_is_the_field_of_that_name_in_the_options():
    rows = [row for row in OPERATORS.values() if row.activation is not None]
    assert {list(BUILTIN_OPTIONS[row.options])[row.activation] for row in rows} == {"fused_activation_function"}
    assert len(rows) == 21


def test_each_row_says_which_types_go_together():
    positions = {row.name: row.types for row in OPERATORS.values() if row.types not in (SAME, ANY)}
    assert [name for name, position in positions.items() if not 0 <= position < OPERATORS[name].least] == []


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_model_is_verified_and_read_as_without_verification(model, name):
    data = model(name).read_bytes()
    found, trusted = verified_graph(data), read_graph(data, trusted=True)
    assert [(op.name, op.inputs, op.outputs) for op in found.ops] == [
        (op.name, op.inputs, op.outputs) for op in trusted.ops
    ]
    assert [(tensor.name, tensor.shape) for tensor in found.tensors] == [(t.name, t.shape) for t in trusted.tensors]
    assert len(read_subgraphs(data)) == found.subgraphs == 1


def test_an_unsound_model_is_refused_before_a_runtime_sees_it(model):
    message = r"misfit\.tflite: op 0 RESHAPE makes \[1, 5\] of \[1, 2, 2, 1\], another number of values: the file is"
    with pytest.raises(ModelFileError, match=message) as caught:
        Model.load(model("misfit"))
    assert caught.value.exit_code == 3


def test_only_a_trusted_file_is_not_verified(model):
    assert read_model_file(model("misfit"), trusted=True).graph.ops[0].name == "RESHAPE"
    with pytest.raises(ModelFileError, match="another number of values"):
        read_model_file(model("misfit"), check_hashes=False)


def test_a_trusted_file_is_still_a_file_with_bounds(model, tmp_path):
    path = tmp_path / "cut.tflite"
    path.write_bytes(model("conv").read_bytes()[:-200])
    with pytest.raises(ModelFileError, match="truncated or damaged"):
        read_model_file(path, trusted=True)


def test_a_truncated_flatbuffer_is_refused_at_every_length(model):
    data = model("sums").read_bytes()
    for size in range(0, len(data) - 16, 4):
        with pytest.raises(ModelFileError):
            verified_graph(data[:size])


def test_every_offset_that_leads_outside_is_refused(model):
    data = model("sums").read_bytes()
    offsets = [place for place in places(data) if place.kind == "offset"]
    assert len(offsets) > 60
    for place in offsets:
        changed = bytearray(data)
        struct.pack_into("<I", changed, place.position, 0x7FFFFFF0)
        with pytest.raises(ModelFileError):
            check_layout(memoryview(bytes(changed)))


def test_every_vector_and_text_of_four_billion_is_refused(model):
    data = model("sums").read_bytes()
    for place in [place for place in places(data) if place.kind == "length"]:
        changed = bytearray(data)
        struct.pack_into("<I", changed, place.position, 0xFFFFFFFF)
        with pytest.raises(ModelFileError, match=r"runs past the file|has no end"):
            check_layout(memoryview(bytes(changed)))


@pytest.mark.parametrize("name", ["conv", "rgb", "sums_listed"])
def test_a_changed_field_is_refused_or_harmless_to_read(model, name):
    data = model(name).read_bytes()
    source, steering, refused = random.Random(11), places(data), 0
    for _ in range(200):
        try:
            for tensor in verified_graph(mutated(data, source, steering)[1]).tensors:
                if tensor.constant:
                    tensor.values()
        except ModelFileError:
            refused += 1
    assert refused > 60
