"""Which op of the file each kernel of a run belongs to.

A built-in kernel says its op's index. A kernel of XNNPACK says only what it is, as "Convolution (NHWC, QC8) IGEMM",
and its place in its partition. XNNPACK makes kernels in the order of the ops, leaves some ops out (fused, or a
reshape), and adds kernels of its own. So both are aligned in that order by what they can be. A kernel that fits
several ops equally well belongs to all of them: no name is guessed.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgeready_device.profiling.litert_library import Kernel, LibraryError
from edgeready_device.tflite.graph import Graph, Op

# What a kernel's name begins with in LiteRT 2.3.0, and the ops that make it: seen in the runs of 110 models, or what
# the name says. A convolution of single pixels is a fully connected one there, and a number times itself a square.
_OPS = {
    "Abs": ("ABS",),
    "Add": ("ADD",),
    "ApproxGELU": ("GELU",),
    "Average Pooling": ("AVERAGE_POOL_2D",),
    "Bankders Rounding": ("ROUND",),  # spelled so there
    "Batch Matrix Multiply": ("BATCH_MATMUL", "FULLY_CONNECTED"),
    "Ceiling": ("CEIL",),
    "Clamp": ("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "MINIMUM", "MAXIMUM"),
    "Constant Pad": ("PAD", "PADV2"),
    "Convert": ("QUANTIZE", "DEQUANTIZE", "CAST"),
    "Convolution": ("CONV_2D", "DEPTHWISE_CONV_2D"),
    "Copy": ("CONCATENATION", "SPLIT", "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "BROADCAST_TO"),
    "Cosine": ("COS",),
    "Deconvolution": ("TRANSPOSE_CONV",),
    "Depth To Space": ("DEPTH_TO_SPACE",),
    "Divide": ("DIV",),
    "Dynamic Fully Connected": ("FULLY_CONNECTED", "CONV_2D", "BATCH_MATMUL"),
    "ELU": ("ELU",),
    "Exp": ("EXP",),
    "Floor": ("FLOOR",),
    "Fully Connected": ("FULLY_CONNECTED", "CONV_2D", "BATCH_MATMUL"),
    "GELU": ("GELU",),
    "HardSwish": ("HARD_SWISH",),
    "LeakyReLU": ("LEAKY_RELU",),
    "Log": ("LOG",),
    "Max Pooling": ("MAX_POOL_2D",),
    "Maximum": ("MAXIMUM", "RELU"),
    "Mean": ("MEAN", "AVERAGE_POOL_2D"),
    "Minimum": ("MINIMUM",),
    "Multiply": ("MUL",),
    "Negate": ("NEG",),
    "PReLU": ("PRELU",),
    "Power": ("POW",),
    "Reciprocal Square Root": ("RSQRT",),
    "Reduce Max": ("REDUCE_MAX",),
    "Reduce Min": ("REDUCE_MIN",),
    "Resize Bilinear": ("RESIZE_BILINEAR",),
    "Sigmoid": ("LOGISTIC",),
    "Sign": ("SIGN",),
    "Sine": ("SIN",),
    "Slice": ("SLICE", "STRIDED_SLICE"),
    "Softmax": ("SOFTMAX",),
    "Space To Depth": ("SPACE_TO_DEPTH",),
    "Square Root": ("SQRT",),
    "Square": ("SQUARE", "MUL"),
    "Squared Difference": ("SQUARED_DIFFERENCE",),
    "Static Expand Dims": ("EXPAND_DIMS",),
    "Static Reshape": ("RESHAPE", "SQUEEZE", "EXPAND_DIMS"),
    "Subtract": ("SUB",),
    "Sum": ("SUM",),
    "TanH": ("TANH",),
    "Transpose": ("TRANSPOSE",),
}
# Kernels beside an op's own: what they begin with, the ops, and whether they come before or after its own kernel.
_MATRIX_OPS = ("FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D", "BATCH_MATMUL")
_POOL_OPS = ("MAX_POOL_2D", "AVERAGE_POOL_2D")
_BESIDE = {
    "Convert (NC, F32, QD": (_MATRIX_OPS, "before"),  # weights of 8 bits and real inputs, which are rounded first
    "Clamp": (("ADD", "SUB", "MUL", "DIV", "CONCATENATION", *_POOL_OPS), "after"),  # the activation in the op
}
_KNOWN_OPS = {name for names in _OPS.values() for name in names}
_SEVERAL = ("CONCATENATION", "SPLIT")  # ops with a kernel for each part
_Steps = tuple[tuple[int, int], tuple[int, int]]
_NEVER = 1 << 30  # a cost above all others


def assign_kernels(graph: Graph, kernels: Sequence[Kernel]) -> list[tuple[int, ...]]:
    """Returns for each of `kernels`, which are those of one run, the indices of the ops that it can belong to.

    Raises LibraryError where a built-in kernel is not the op of `graph` at its index.
    """
    own = [_is_builtin(kernel, graph) for kernel in kernels]
    indices = {kernel.index for kernel, builtin in zip(kernels, own) if builtin}
    waiting = [op for op in graph.ops if op.index not in indices]
    available = {tensor.index for tensor in graph.tensors if tensor.constant or tensor.variable}
    available |= {-1, *graph.inputs}
    places: list[tuple[int, ...]] = [() for _ in kernels]  # also of a partition's own entry beside its kernels
    start = 0
    while start < len(kernels):
        if own[start]:
            index = kernels[start].index
            places[start] = (index,)
            available |= set(graph.ops[index].outputs)
            start += 1
            continue
        end = next((place for place in range(start, len(kernels)) if own[place]), len(kernels))
        ops, waiting = _take_ready(waiting, available)
        inside = [place for place in range(start, end) if kernels[place].delegated]
        tags = [kernels[place].tag for place in inside]
        for place, belonging in zip(inside, align([op.name for op in ops], tags, [op.index for op in ops])):
            places[place] = belonging
        start = end
    return places


def align(names: Sequence[str], tags: Sequence[str], indices: Sequence[int]) -> list[tuple[int, ...]]:
    """Returns for each kernel (`tags`) of a partition which of its ops (`names`, `indices`) it can belong to.

    Of all assignments in order the best have the fewest kernels that are none of their op's, and the fewest ops
    without a kernel; what differs between the best is left open.
    """
    if not names:
        return [() for _ in tags]
    steps = [[_steps(tag, name) for name in names] for tag in tags]
    heads, tails = _head_costs(steps, len(names)), _tail_costs(steps, len(names))
    least = tails[0][0][0]

    def belongs(kernel: int, op: int) -> bool:
        return any(
            heads[kernel][op][had] + cost + tails[kernel + 1][op][has] == least
            for had, (cost, has) in enumerate(steps[kernel][op])
        )

    return [tuple(index for op, index in enumerate(indices) if belongs(kernel, op)) for kernel in range(len(tags))]


def _steps(tag: str, name: str) -> _Steps:
    """Returns the cost of the kernel `tag` for the op `name`, and whether it has its own then; without one, and with.

    An unknown kernel fits an op that no known one is for. A second one of its own costs as much as one that fits not.
    """
    beside = next((where for start, where in _BESIDE.items() if tag.startswith(start)), ((), ""))
    if name in beside[0]:
        return ((0, 0), (1, 1)) if beside[1] == "before" else ((1, 0), (0, 1))
    makers = _OPS.get(tag.partition(" (")[0])
    if not (name in makers if makers is not None else name not in _KNOWN_OPS):
        return (1, 0), (1, 1)
    return (0, 1), (0 if name in _SEVERAL else 1, 1)


def _head_costs(steps: Sequence[Sequence[_Steps]], ops: int) -> list[list[list[int]]]:
    """Returns the least cost up to each state: so many kernels assigned, at this op, which has its own or not."""
    costs = [[[_NEVER, _NEVER] for _ in range(ops)] for _ in range(len(steps) + 1)]
    costs[0][0][0] = 0
    for kernel in range(len(steps) + 1):
        for op in range(ops):
            for had, cost in enumerate(costs[kernel][op]):
                if op + 1 < ops:
                    ahead = costs[kernel][op + 1]
                    ahead[0] = min(ahead[0], cost + 1 - had)
                if kernel < len(steps):
                    step, has = steps[kernel][op][had]
                    below = costs[kernel + 1][op]
                    below[has] = min(below[has], cost + step)
    return costs


def _tail_costs(steps: Sequence[Sequence[_Steps]], ops: int) -> list[list[list[int]]]:
    """Returns the least cost from each state to the end, where all kernels are assigned and all ops passed."""
    costs = [[[_NEVER, _NEVER] for _ in range(ops)] for _ in range(len(steps) + 1)]
    for kernel in reversed(range(len(steps) + 1)):
        for op in reversed(range(ops)):
            for had in (0, 1):
                choices = [_NEVER]
                if kernel == len(steps) and op + 1 == ops:
                    choices.append(1 - had)
                if op + 1 < ops:
                    choices.append(costs[kernel][op + 1][0] + 1 - had)
                if kernel < len(steps):
                    step, has = steps[kernel][op][had]
                    choices.append(costs[kernel + 1][op][has] + step)
                costs[kernel][op][had] = min(choices)
    return costs


def _is_builtin(kernel: Kernel, graph: Graph) -> bool:
    """Returns whether `kernel` is an op of the file; raises LibraryError where the file has another at its index."""
    if kernel.delegated or kernel.index >= len(graph.ops):  # a partition comes behind the file's own ops
        return False
    op = graph.ops[kernel.index]
    if kernel.tag not in (op.name, op.custom_code):
        raise LibraryError(f"it calls op {kernel.index} {kernel.tag!r:.60}, which is {op.name} in the file")
    return True


def _take_ready(waiting: Sequence[Op], available: set[int]) -> tuple[list[Op], list[Op]]:
    """Returns the ops of `waiting` that can run now, which is how TFLite cuts partitions, and the others.

    What they give is added to the tensors that are `available`.
    """
    ready, others = [], []
    for op in waiting:
        if available.issuperset(op.inputs):
            ready.append(op)
            available.update(op.outputs)
        else:
            others.append(op)
    return ready, others
