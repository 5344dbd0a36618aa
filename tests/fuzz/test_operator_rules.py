"""Each rule of the rarer operators: a sound network with one thing changed, and the sentence that it must cause."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from operator_cases import cases
from operator_networks import c, network, ramp, sparse_weights, text, x
from tflite_models import O, T, tflite

from edgeready_device.errors import ModelFileError
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.tflite.structure.operators import OPERATORS
from edgeready_device.tflite.structure.verification import verified_graph

CASES = {case.name: case for case in cases()}
FAULTS = [
    ("RESHAPE", {1: None}, {}, r"has the inputs \[1, -1\], and takes 1 to 2"),
    ("RESHAPE", {1: c("shape", [1] * 9)}, {}, "makes 9 dimensions, and runtimes know 8"),
    ("ADD", {1: None}, {}, "has the inputs"),
    ("DIV_INT32", {1: c("other", [[2] * 7 + [0]])}, {}, "divides whole numbers by 0"),
    ("FLOOR_MOD_INT32", {1: c("other", np.zeros((4, 8)))}, {}, "divides whole numbers by 0"),
    ("MULTINOMIAL", {1: c("count", 3)}, {}, r"makes \[4, 3\], and its output is \[4, 2\]"),
    ("MULTINOMIAL", {1: c("count", 1 << 30)}, {}, "takes 34359738368 bytes"),
    ("FILL", {0: c("dims", [4, -2])}, {}, r"makes a tensor of \[4, -2\]"),
    ("FILL", {0: c("dims", [1 << 20, 1 << 20])}, {}, "takes 4398046511104 bytes, more than"),
    ("FILL", {0: c("dims", [2, 4])}, {}, r"makes \[2, 4\], and its output is \[4, 2\]"),
    ("RANDOM_UNIFORM", {0: c("shape", [2] * 16)}, {}, "makes a tensor of"),
    ("BROADCAST_ARGS", {0: c("a", [4])}, {}, r"joins the shapes \[4\] and \[1, 8\]"),
    ("RANGE", {2: c("step", 0)}, {}, "in steps of 0"),
    ("RANGE", {1: c("end", (1 << 31) - 1), 2: c("step", 1)}, {}, "2147483647 numbers"),
    ("CUMSUM", {1: c("axis", 2)}, {}, "has the axis 2, and there are 2 dimensions"),
    ("REVERSE_V2", {1: c("axes", [-3])}, {}, "has the axis -3"),
    ("EXPAND_DIMS", {1: c("axis", 9)}, {}, "has the axis 9"),
    ("ARG_MAX", {1: c("axis", 7)}, {}, "has the axis 7"),
    ("TOPK_V2", {1: c("k", 9)}, {}, "takes 9 values of 8"),
    ("ONE_HOT", {1: c("depth", -1)}, {}, r"has the depth \[-1\]"),
    ("ONE_HOT", {}, {"axis": 5}, "has the axis 5"),
    ("SELECT", {0: x(4, 8, dtype="int32", name="mask")}, {}, "by int32"),
    ("GATHER_ND", {1: c("places", [[4, 0]])}, {}, "names the places 4 to 4 of 4 in dimension 0"),
    ("GATHER_ND", {1: c("places", [[0, 0, 0]])}, {}, "has places of 3 numbers for 2 dimensions"),
    ("SCATTER_ND", {0: c("places", [[1], [-1]])}, {}, "names the places -1 to 1 of 4"),
    ("SPARSE_TO_DENSE", {0: c("places", [[0, 1], [2, 4]])}, {}, "names the places 1 to 4 of 4 in dimension 1"),
    ("SPARSE_TO_DENSE", {2: c("values", [1, 2, 3], "float32")}, {}, "has 3 values for 2 places"),
    ("SEGMENT_SUM", {1: c("segments", [0, 2, 1, 1])}, {}, "which do not rise"),
    ("SEGMENT_SUM", {1: c("segments", [0, 1])}, {}, r"has the segments \[2\] for \[4, 8\]"),
    ("UNSORTED_SEGMENT_SUM", {1: c("segments", [0, 1, 0, 2])}, {}, "names segment 2 of 2"),
    ("UNSORTED_SEGMENT_MAX", {2: c("count", -1)}, {}, r"has \[-1\] segments"),
    ("REVERSE_SEQUENCE", {1: c("lengths", [2, 3, 4, 9])}, {}, "has lengths of 2 to 9 in 8"),
    ("REVERSE_SEQUENCE", {}, {"seqDim": 0}, "the sequence in dimension 0 and the batch in 0"),
    ("MATRIX_SET_DIAG", {1: ramp("diagonal", 2, 3)}, {}, r"puts the diagonal \[2, 3\]"),
    ("EMBEDDING_LOOKUP", {0: c("places", [0, 4])}, {}, "looks the rows 0 to 4 up, and there are 4"),
    ("EMBEDDING_LOOKUP", {0: c("places", [0.0, 1.0], "float32")}, {}, r"looks float32 \[2\] up"),
    ("EMBEDDING_LOOKUP_SPARSE", {0: c("places", [0, 3, 7])}, {}, "looks the rows 0 to 7 up"),
    ("EMBEDDING_LOOKUP_SPARSE", {1: c("indices", [[0, 0], [0, 1], [9, 0]])}, {}, "names the places 0 to 9 of 2"),
    ("HASHTABLE_LOOKUP", {1: c("keys", [1, 3, 5])}, {}, r"has int32 \[3\] keys for \[4, 8\]"),
    ("DYNAMIC_UPDATE_SLICE", {1: ramp("update", 5, 2)}, {}, r"puts \[5, 2\] into \[4, 8\]"),
    ("CONV_3D", {1: ramp("weights", 2, 2, 2, 3, 2)}, {}, "for 1 channels"),
    ("CONV_3D", {}, {"strideD": 0}, "has the stride or dilation 0"),
    ("RNN", {1: None}, {}, "has the inputs"),
    ("STABLEHLO_ADD", {1: ramp("other", 4, 4)}, {}, r"takes shapes that differ from \[4, 8\]"),
    ("STABLEHLO_CASE", {}, {"branchSubgraphIndices": [-5, 2]}, "an op calls subgraph -5 of 3"),
    ("STABLEHLO_SCATTER", {}, {"updateComputationSubgraphIndex": 9}, "an op calls subgraph 9 of 2"),
    ("STABLEHLO_REDUCE_WINDOW", {1: None}, {}, "has the inputs"),
    ("SKIP_GRAM", {0: T("w", (), "string", data=np.uint8([1, 0, 0, 0, 9, 0, 0, 0]))}, {}, "holds 1 strings in 8"),
    ("HASHTABLE_FIND", {1: text("words", "a", "b", shape=(3,))}, {}, r"holds 2 strings in .* for \[3\]"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "inputs", "options", "sentence"), FAULTS)
def test_a_fault_of_an_operator_is_a_sentence_before_a_runtime_sees_it(name, inputs, options, sentence):
    case = CASES[name]
    changed = [inputs.get(place, tensor) for place, tensor in enumerate(case.inputs)]
    verified_graph(network(case))
    with pytest.raises(ModelFileError, match=sentence):
        verified_graph(network(replace(case, inputs=changed, options={**case.options, **options})))


def test_strings_that_reach_out_of_their_bytes_are_refused():
    words = text("words", "a", "b", "c")
    for place, value in ((4, 0), (8, 255), (16, 99), (12, 0)):
        data = words.data.copy()
        data[place] = value
        case = replace(CASES["HASHTABLE_FIND"], inputs=[CASES["HASHTABLE_FIND"].inputs[0], replace(words, data=data)])
        with pytest.raises(ModelFileError, match="holds strings that reach out of its 23 bytes"):
            verified_graph(network(case))


def test_the_verifier_knows_the_operands_of_every_operator_that_a_network_has():
    assert {case.op for case in CASES.values()} <= set(OPERATORS)


@pytest.mark.parametrize(("name", "doubtful"), [("ADD", False), ("LSTM", False), ("DENSIFY", True), ("WHERE", True)])
def test_what_cannot_be_checked_to_the_end_is_doubtful(name, doubtful):
    assert TfliteModel.from_bytes(network(CASES[name])).doubtful is doubtful


def test_a_custom_operator_and_one_that_nobody_knows_are_doubtful():
    from tflite_models import one_op

    for name, custom in (("CUSTOM", "Mine"), ("BUILTIN_300", "")):
        data = one_op(name, [T("x", (1, 4), "float32")], [T("y", (1, 4), "float32")], custom_code=custom)
        assert TfliteModel.from_bytes(data).doubtful


def test_an_output_of_millions_of_values_is_no_classifier_and_gets_no_labels():
    size = 1 << 27
    ops = [O("TILE", ["image", "times"], ["tiled"]), O("RESHAPE", ["tiled", "shape"], ["scores"])]
    tensors = [
        T("image", (1, 4, 8, 1), "uint8", 1 / 255),
        c("times", [1, size // 32, 1, 1]),
        T("tiled", (1, size // 8, 8, 1), "uint8", 1 / 255),
        c("shape", [1, size]),
        T("scores", (1, size), "uint8", 1 / 255),
    ]
    file = TfliteModel.from_bytes(tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"]))
    with pytest.raises(ModelFileError, match="134217728 values in its output, more than 100000 classes"):
        _ = file.contract


def change_levels(change) -> bytes:
    """The network of DENSIFY after `change` of its sparsity."""
    weights = sparse_weights()
    change(weights.sparsity)
    return network(replace(CASES["DENSIFY"], inputs=[weights]))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s.traversalOrder.append(2), r"has the order \[0, 1, 2\] and 2 levels"),
        (lambda s: setattr(s, "traversalOrder", [0, 0]), r"has the order \[0, 0\]"),
        (lambda s: setattr(s, "blockMap", [7]), "has the order"),
        (lambda s: s.dimMetadata.pop(), "and 1 levels for 2 dimensions"),
        (lambda s: setattr(s.dimMetadata[0], "denseSize", 0), "has a dense level of 0 for a dimension of 4"),
        (lambda s: s.dimMetadata[1].arraySegments.values.pop(), "one segment for each of 4 rows"),
        (lambda s: setattr(s.dimMetadata[1], "arraySegments", None), "one segment for each of 4 rows"),
        (lambda s: s.dimMetadata[1].arraySegments.values.__setitem__(1, 3), "do not rise to 3"),
        (lambda s: s.dimMetadata[1].arrayIndices.values.__setitem__(2, 4), "names the sparse places 0 to 4 of 4"),
        (lambda s: s.dimMetadata[1].arrayIndices.values.__setitem__(2, -1), "names the sparse places -1 to 3 of 4"),
    ],
)
def test_a_fault_of_a_sparse_constant_is_a_sentence(change, sentence):
    verified_graph(change_levels(lambda sparsity: None))
    with pytest.raises(ModelFileError, match=sentence):
        verified_graph(change_levels(change))


def test_sparse_blocks_are_counted_in_blocks_and_values_belong_to_them():
    def use_blocks(sparsity):
        dense = schema.DimensionMetadataT()
        dense.denseSize = 2
        sparsity.traversalOrder, sparsity.blockMap = [0, 1, 2], [1]
        sparsity.dimMetadata[1].arrayIndices.values = [0, 1, 1]
        sparsity.dimMetadata.append(dense)

    weights = sparse_weights()
    use_blocks(weights.sparsity)
    verified_graph(network(replace(CASES["DENSIFY"], inputs=[replace(weights, data=np.ones(6, np.float32))])))
    with pytest.raises(ModelFileError, match="holds 12 bytes for 6 sparse values of float32"):
        verified_graph(change_levels(use_blocks))


def test_texts_become_no_numbers():
    case = replace(
        CASES["UNIQUE"], outputs=[replace(CASES["UNIQUE"].outputs[0], dtype="string"), CASES["UNIQUE"].outputs[1]]
    )
    with pytest.raises(ModelFileError, match="makes string and int32 from int32"):
        verified_graph(network(case))
