"""Which op a kernel belongs to: certain, left open, or an error; no runtime is asked."""

from __future__ import annotations

import pytest

from edgeready_device.profiling.kernels import align, assign_kernels
from edgeready_device.profiling.litert_library import Kernel, LibraryError
from edgeready_device.tflite.graph import Graph, Op, Tensor, read_graph

CONV, FC, RESHAPE = "Convolution (NHWC, QC8) IGEMM", "Fully Connected (NC, QU8) GEMM", "Static Reshape (NC)"

ROUNDING, COPY = "Convert (NC, F32, QDU8)", "Copy (NC, X8)"


@pytest.mark.parametrize(
    ("names", "tags", "places"),
    [
        (["CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D"], [CONV, CONV, FC], [(0,), (1,), (2,)]),
        (["PAD", "CONV_2D", "RELU"], [CONV], [(1,)]),  # padding and activation are inside
        (["CONV_2D", "RESHAPE", "FULLY_CONNECTED"], [CONV, FC], [(0,), (2,)]),  # a reshape costs nothing
        (["CONV_2D", "MEAN"], [CONV, "Mean (ND) Reduce2"], [(0,), (1,)]),
        (["ADD", "MUL"], ["Add (ND)", "Clamp (NC)", "Multiply (ND)"], [(0,), (0,), (1,)]),  # the activation of ADD
        (["ADD", "RELU"], ["Add (ND)", "Clamp (NC)"], [(0,), (1,)]),
        (["CONV_2D", "CONV_2D"], [ROUNDING, CONV, ROUNDING, CONV], [(0,), (0,), (1,), (1,)]),
        (["CONCATENATION", "CONV_2D"], [COPY, COPY, CONV], [(0,), (0,), (1,)]),
        (["CONV_2D", "SPLIT", "MUL"], [CONV, COPY, COPY, "Multiply (ND)"], [(0,), (1,), (1,), (2,)]),
        (["CONV_2D", "LEAKY_RELU", "MUL"], [CONV, "LeakyReLU (NC)", "Square (NC)"], [(0,), (1,), (2,)]),
        (["CONV_2D", "FOO", "CONV_2D"], [CONV, "Foo (NC)", CONV], [(0,), (1,), (2,)]),  # a kernel that nobody knows
        ([], [CONV], [()]),
        (["CONV_2D"], [], []),
    ],
)  # fmt: skip
def test_a_kernel_belongs_to_the_op_that_can_make_it(names, tags, places):
    assert align(names, tags, range(len(names))) == places


@pytest.mark.parametrize(
    ("names", "tags", "places"),
    [
        (["ADD", "ADD"], ["Add (ND)"], [(0, 1)]),  # one of two alike is fused, and nothing says which
        (["CONV_2D", "CONV_2D", "CONV_2D"], [CONV, CONV], [(0, 1), (1, 2)]),
        (["CONV_2D", "FULLY_CONNECTED"], [CONV, RESHAPE, FC], [(0,), (0, 1), (1,)]),  # a kernel of either
        (["RESHAPE", "FULLY_CONNECTED"], [RESHAPE, RESHAPE, FC], [(0,), (0, 1), (1,)]),
    ],
)
def test_a_kernel_that_fits_several_ops_is_left_open(names, tags, places):
    assert align(names, tags, range(len(names))) == places


def graph_of(*ops: tuple[str, tuple[int, ...], int]) -> Graph:
    """A graph of ops, each its name, its inputs and its output; tensor 0 is the model's input."""
    tensors = tuple(Tensor(i, f"t{i}", (1, 4), (1, 4), "int8") for i in range(len(ops) + 1))
    own = tuple(Op(i, name, 1, inputs, (output,)) for i, (name, inputs, output) in enumerate(ops))
    return Graph(tensors, own, inputs=(0,), outputs=(len(ops),))


def test_kernels_of_a_file_count_its_ops_and_those_of_a_partition_are_aligned(model):
    graph = read_graph(model("conv").read_bytes())
    names = ["QUANTIZE", CONV, "Max Pooling (NHWC, S8)", RESHAPE, FC, "SOFTMAX", "QUANTIZE"]
    inside = {1: 0, 2: 1, 3: 2, 4: 3}
    kernels = [Kernel(name, inside.get(n, n), n in inside) for n, name in enumerate(names)]
    assert assign_kernels(graph, kernels) == [(n,) for n in range(7)]


def test_partitions_have_the_ops_that_can_run_by_then():
    graph = graph_of(
        ("RELU", (0,), 1),
        ("LOGISTIC", (1,), 2),  # built-in here
        ("TANH", (0,), 3),  # ready before it, so in the first partition
        ("ADD", (2, 3), 4),
        ("RELU", (4,), 5),
    )
    kernels = [
        Kernel("Clamp (NC)", 0, True),
        Kernel("TanH (NC)", 1, True),
        Kernel("LOGISTIC", 1, False),
        Kernel("TfLiteXNNPackDelegate", 5, False),  # a partition's own entry, behind the ops of the file
        Kernel("Add (ND)", 0, True),
        Kernel("Clamp (NC)", 1, True),
    ]
    assert assign_kernels(graph, kernels) == [(0,), (2,), (1,), (), (3,), (4,)]


def test_two_partitions_side_by_side_share_their_ops():
    entry = Kernel("TfLiteXNNPackDelegate", 2, False)
    kernels = [Kernel("TanH (NC)", 0, True), entry, Kernel("Add (ND)", 0, True)]
    assert assign_kernels(graph_of(("TANH", (0,), 1), ("ADD", (1, 1), 2)), kernels) == [(0,), (), (1,)]


def test_a_kernel_behind_all_ops_belongs_to_none():
    kernels = [Kernel("TANH", 0, False), Kernel("Copy (NC, X8)", 0, True)]
    assert assign_kernels(graph_of(("TANH", (0,), 1)), kernels) == [(0,), ()]


def test_an_op_that_is_another_in_the_file_is_an_error(model):
    with pytest.raises(LibraryError, match=r"^it calls op 1 'SOFTMAX', which is CONV_2D in the file$"):
        assign_kernels(read_graph(model("conv").read_bytes()), [Kernel("SOFTMAX", 1, False)])
