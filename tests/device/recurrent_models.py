"""Models that remember, for device_models.py: each answers with what it was fed before, too.

All take uint8 pixels [1, 2, 2, 1] as they are and give float32 [1, 4]. `fed(pixels)` below is the answer of the
kernels whose weights are chosen for it: pixels + half of the answer before.
"""

from __future__ import annotations

import numpy as np
from tflite_models import G, O, T, tflite

_EYE = np.eye(4, dtype=np.float32)
_ENDS = (
    T("image", (1, 2, 2, 1), "uint8", 1.0),
    T("real", (1, 2, 2, 1), "float32"),
    T("shape", data=np.array([1, 4], np.int32)),
    T("x", (1, 4), "float32"),
)
_FEED = (O("DEQUANTIZE", ["image"], ["real"], 2), O("RESHAPE", ["real", "shape"], ["x"]))


def rnn() -> bytes:
    """y = x + y before / 2, by the kernel RNN with its variable tensor."""
    tensors = [*_ENDS, *_rnn_tensors(), T("y", (1, 4), "float32")]
    return tflite(tensors=tensors, ops=[*_FEED, _rnn("x", "y")], inputs=["image"], outputs=["y"])


def sequence_rnn() -> bytes:
    """As `rnn`, by UNIDIRECTIONAL_SEQUENCE_RNN on one step of time."""
    tensors = [
        *_ENDS[:2],
        T("shape", data=np.array([1, 1, 4], np.int32)),
        T("x", (1, 1, 4), "float32"),
        *_rnn_tensors(),
        T("y", (1, 1, 4), "float32"),
    ]
    ops = [*_FEED, _rnn("x", "y", "UNIDIRECTIONAL_SEQUENCE_RNN")]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["y"])


def svdf() -> bytes:
    """y = x + x before / 2, by SVDF with a memory of two steps."""
    tensors = [
        *_ENDS,
        T("features", data=_EYE),
        T("time", data=np.tile(np.array([0.5, 1], np.float32), (4, 1))),
        T("state", (1, 8), "float32", variable=True),
        T("y", (1, 4), "float32"),
    ]
    ops = [*_FEED, O("SVDF", ["x", "features", "time", None, "state"], ["y"], 1, {"rank": 1})]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["y"])


def lstm() -> bytes:
    """UNIDIRECTIONAL_SEQUENCE_LSTM on one step of time; its gates see the input and the output before."""
    weights = [T(f"input {gate}", data=_EYE / 100) for gate in "ifco"]
    weights += [T(f"recurrent {gate}", data=_EYE * 2) for gate in "ifco"]
    biases = [T(f"bias {gate}", data=np.zeros(4, np.float32)) for gate in "ifco"]
    states = [T("output state", (1, 4), "float32", variable=True), T("cell state", (1, 4), "float32", variable=True)]
    tensors = [
        *_ENDS[:2],
        T("shape", data=np.array([1, 1, 4], np.int32)),
        T("x", (1, 1, 4), "float32"),
        *weights,
        *biases,
        *states,
        T("y", (1, 1, 4), "float32"),
    ]
    names = [tensor.name for tensor in weights]
    inputs = ["x", *names, None, None, None, *(tensor.name for tensor in biases), None, None]
    inputs += [tensor.name for tensor in states]
    lstm = O("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, ["y"], 1, {"fusedActivationFunction": 4})
    return tflite(tensors=tensors, ops=[*_FEED, lstm], inputs=["image"], outputs=["y"])


def rnn_in_a_branch() -> bytes:
    """As `rnn`, in a subgraph that IF calls: the main graph has no variable."""
    ends = [T("x", (1, 4), "float32"), T("y", (1, 4), "float32")]
    branch = G([*ends, *_rnn_tensors()], [_rnn("x", "y")], ["x"], ["y"])
    other = G(ends, [O("ABS", ["x"], ["y"])], ["x"], ["y"])
    tensors = [*_ENDS, T("always", data=np.array([True])), T("y", (1, 4), "float32")]
    ops = [*_FEED, O("IF", ["always", "x"], ["y"], 1, {"thenSubgraphIndex": 1, "elseSubgraphIndex": 2})]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["y"], callees=[branch, other])


def resource() -> bytes:
    """y = x + y before, in a resource variable that starts at 1000 for each value."""
    handle = O("VAR_HANDLE", [], ["handle"], 1, {"container": "", "sharedName": "sum"})
    start = G(
        [T("handle", (), "resource"), T("start", data=np.full((1, 4), 1000, np.float32))],
        [handle, O("ASSIGN_VARIABLE", ["handle", "start"], [])],
        [],
        [],
    )
    tensors = [*_ENDS, T("handle", (), "resource"), T("before", (1, 4), "float32"), T("y", (1, 4), "float32")]
    ops = [
        O("CALL_ONCE", [], [], 1, {"initSubgraphIndex": 1}),
        *_FEED,
        handle,
        O("READ_VARIABLE", ["handle"], ["before"]),
        O("ADD", ["x", "before"], ["y"]),
        O("ASSIGN_VARIABLE", ["handle", "y"], []),
    ]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["y"], callees=[start])


def noise() -> bytes:
    """y = x + the next of the random numbers that belong to a seed."""
    tensors = [
        *_ENDS,
        T("noise shape", data=np.array([1, 4], np.int32)),
        T("noise", (1, 4), "float32"),
        T("y", (1, 4), "float32"),
    ]
    random = O("RANDOM_UNIFORM", ["noise shape"], ["noise"], 1, {"seed": 3, "seed2": 4})
    ops = [*_FEED, random, O("ADD", ["x", "noise"], ["y"])]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["y"])


def _rnn_tensors() -> list[T]:
    return [
        T("weights", data=_EYE),
        T("recurrent", data=_EYE / 2),
        T("bias", data=np.zeros(4, np.float32)),
        T("state", (1, 4), "float32", variable=True),
    ]


def _rnn(source: str, target: str, name: str = "RNN") -> O:
    return O(name, [source, "weights", "recurrent", "bias", "state"], [target])
