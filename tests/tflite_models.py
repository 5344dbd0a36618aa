"""Synthetic .tflite files for tests, written with the schema's own object API; no TensorFlow.

    data = tflite(
        tensors=[T("x", (1, 4), scale=0.1), T("y", (1, 4), scale=0.1)],
        ops=[O("RELU", ["x"], ["y"], version=2)],
        inputs=["x"],
        outputs=["y"],
    )

Tensors are named by their names. `conv_classifier()` and its variants are whole models that run in both runtimes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

OPTIONS = {
    "ADD": "AddOptions",
    "ARG_MAX": "ArgMaxOptions",
    "ARG_MIN": "ArgMinOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "BATCH_MATMUL": "BatchMatMulOptions",
    "BIDIRECTIONAL_SEQUENCE_LSTM": "BidirectionalSequenceLSTMOptions",
    "BIDIRECTIONAL_SEQUENCE_RNN": "BidirectionalSequenceRNNOptions",
    "BUCKETIZE": "BucketizeOptions",
    "CALL_ONCE": "CallOnceOptions",
    "CONCATENATION": "ConcatenationOptions",
    "CONV_2D": "Conv2DOptions",
    "CONV_3D": "Conv3DOptions",
    "CONV_3D_TRANSPOSE": "Conv3DOptions",
    "CUMSUM": "CumsumOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "DEPTH_TO_SPACE": "DepthToSpaceOptions",
    "DIV": "DivOptions",
    "EMBEDDING_LOOKUP_SPARSE": "EmbeddingLookupSparseOptions",
    "FAKE_QUANT": "FakeQuantOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "GATHER": "GatherOptions",
    "GELU": "GeluOptions",
    "HASHTABLE": "HashtableOptions",
    "IF": "IfOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "L2_POOL_2D": "Pool2DOptions",
    "LEAKY_RELU": "LeakyReluOptions",
    "LOCAL_RESPONSE_NORMALIZATION": "LocalResponseNormalizationOptions",
    "LSH_PROJECTION": "LSHProjectionOptions",
    "LSTM": "LSTMOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "MIRROR_PAD": "MirrorPadOptions",
    "MUL": "MulOptions",
    "MULTINOMIAL": "RandomOptions",
    "ONE_HOT": "OneHotOptions",
    "PACK": "PackOptions",
    "RANDOM_STANDARD_NORMAL": "RandomOptions",
    "RANDOM_UNIFORM": "RandomOptions",
    "REDUCE_ALL": "ReducerOptions",
    "REDUCE_ANY": "ReducerOptions",
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_MIN": "ReducerOptions",
    "REDUCE_PROD": "ReducerOptions",
    "RESHAPE": "ReshapeOptions",
    "RESIZE_BILINEAR": "ResizeBilinearOptions",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
    "REVERSE_SEQUENCE": "ReverseSequenceOptions",
    "RNN": "RNNOptions",
    "SHAPE": "ShapeOptions",
    "SKIP_GRAM": "SkipGramOptions",
    "SOFTMAX": "SoftmaxOptions",
    "SPACE_TO_DEPTH": "SpaceToDepthOptions",
    "SPLIT": "SplitOptions",
    "SPLIT_V": "SplitVOptions",
    "SQUEEZE": "SqueezeOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
    "SUB": "SubOptions",
    "SUM": "ReducerOptions",
    "SVDF": "SVDFOptions",
    "TRANSPOSE_CONV": "TransposeConvOptions",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTMOptions",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "SequenceRNNOptions",
    "UNIQUE": "UniqueOptions",
    "UNPACK": "UnpackOptions",
    "VAR_HANDLE": "VarHandleOptions",
    "WHILE": "WhileOptions",
}
OPTIONS_2 = {  # of the second union, which newer operators have
    "REDUCE_WINDOW": "ReduceWindowOptions",
    "STABLEHLO_CASE": "StablehloCaseOptions",
    "STABLEHLO_COMPOSITE": "StableHLOCompositeOptions",
    "STABLEHLO_GATHER": "StablehloGatherOptions",
    "STABLEHLO_PAD": "StablehloPadOptions",
    "STABLEHLO_REDUCE_WINDOW": "StablehloReduceWindowOptions",
    "STABLEHLO_RNG_BIT_GENERATOR": "StablehloRngBitGeneratorOptions",
    "STABLEHLO_SCATTER": "StablehloScatterOptions",
}
DTYPES = (
    "float32 float16 int32 uint8 int64 string bool int16 complex64 int8 float64 complex128 uint64 resource".split()
)


@dataclass(frozen=True)
class T:
    """A tensor. `scale` is a number, a sequence (per axis `axis`) or None; `data` makes it a constant.

    A constant's `shape` and `dtype` may be left out: they are the array's. `sparsity` is the schema's own object.
    """

    name: str
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    scale: float | Sequence[float] | None = None
    zero_point: int = 0
    data: Any = None
    signature: tuple[int, ...] | None = None
    axis: int = 0
    variable: bool = False
    sparsity: Any = None


@dataclass(frozen=True)
class O:  # noqa: E742
    """An op. `options` are fields of the op's options table in the schema's spelling; None is an absent input."""

    name: str
    inputs: Sequence[str | None]
    outputs: Sequence[str]
    version: int = 1
    options: Mapping[str, Any] = field(default_factory=dict)
    custom_code: str = ""
    custom_options: bytes = b""


@dataclass(frozen=True)
class G:
    """A subgraph besides the main one; ops that call it name it by its number, from 1 on."""

    tensors: Sequence[T]
    ops: Sequence[O]
    inputs: Sequence[str]
    outputs: Sequence[str]


def tflite(
    *,
    tensors: Sequence[T],
    ops: Sequence[O],
    inputs: Sequence[str],
    outputs: Sequence[str],
    subgraphs: int = 1,
    callees: Sequence[G] = (),
    description: str = "made by a test",
    metadata: Mapping[str, bytes] | None = None,
) -> bytes:
    """The bytes of a .tflite file; further `subgraphs` are copies of the first, `callees` are others behind them."""
    model = schema.ModelT()
    model.version, model.description = 3, description
    model.buffers = [_buffer(None)]
    codes: dict[tuple[str, int, str], int] = {}
    main = _subgraph("main", G(tensors, ops, inputs, outputs), model.buffers, codes)
    others = [_subgraph(f"callee {i}", callee, model.buffers, codes) for i, callee in enumerate(callees, 1)]
    model.operatorCodes = [_code(*key) for key in codes]
    model.subgraphs = [main] * subgraphs + others
    model.metadata = [_metadata(name, value, model.buffers) for name, value in (metadata or {}).items()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def conv_classifier(
    *,
    size: int = 8,
    channels: int = 1,
    classes: int = 3,
    dense_per_axis: bool = False,
    open_batch: bool = False,
    leaky: bool = False,
) -> bytes:
    """A uint8 classifier (QUANTIZE, CONV_2D, MAX_POOL_2D, RESHAPE, FULLY_CONNECTED, SOFTMAX, QUANTIZE) that runs.

    Input [1, size, size, channels] with scale 1/255, output [1, classes] with scale 1/256, zero points 0.
    Weights are the same at every call. `dense_per_axis` gives the dense layer one scale per class, `open_batch`
    writes -1 into the input's shape_signature, `leaky` has LEAKY_RELU, which no Edge TPU runs, in place of SOFTMAX.
    """
    random = np.random.default_rng(7)
    half = size // 2
    flat = half * half * 4
    kernel = random.integers(-127, 128, (4, 3, 3, channels), dtype=np.int8)
    dense = random.integers(-127, 128, (classes, flat), dtype=np.int8)
    kernel_scales = [0.01, 0.011, 0.012, 0.013]
    dense_scale = 0.02 / half / half  # small enough that no class takes all
    dense_scales = [dense_scale * (1 + 0.1 * i) for i in range(classes)] if dense_per_axis else [dense_scale]
    image = (1, size, size, channels)
    tensors = [
        T("image", image, "uint8", 1 / 255, 0, signature=(-1, *image[1:]) if open_batch else None),
        T("image_int8", image, "int8", 1 / 255, -128),
        T("conv/weights", data=kernel, scale=kernel_scales),
        T("conv/bias", data=np.arange(4, dtype=np.int32), scale=[scale / 255 for scale in kernel_scales]),
        T("conv", (1, size, size, 4), "int8", 0.05, -128),
        T("pool", (1, half, half, 4), "int8", 0.05, -128),
        T("flatten/shape", data=np.array([1, flat], np.int32)),
        T("flatten", (1, flat), "int8", 0.05, -128),
        T("dense/weights", data=dense, scale=dense_scales),
        T("dense/bias", data=np.zeros(classes, np.int32), scale=[0.05 * scale for scale in dense_scales]),
        T("dense", (1, classes), "int8", 0.05, 0),
        T("scores_int8", (1, classes), "int8", 1 / 256, -128),
        T("scores", (1, classes), "uint8", 1 / 256, 0),
    ]
    pool = {"strideW": 2, "strideH": 2, "filterWidth": 2, "filterHeight": 2}
    ops = [
        O("QUANTIZE", ["image"], ["image_int8"]),
        O(
            "CONV_2D",
            ["image_int8", "conv/weights", "conv/bias"],
            ["conv"],
            3,
            {"strideW": 1, "strideH": 1, "fusedActivationFunction": 1},
        ),
        O("MAX_POOL_2D", ["conv"], ["pool"], 2, pool),
        O("RESHAPE", ["pool", "flatten/shape"], ["flatten"]),
        O("FULLY_CONNECTED", ["flatten", "dense/weights", "dense/bias"], ["dense"], 4),
        O("LEAKY_RELU", ["dense"], ["scores_int8"], 2, {"alpha": 0.2})
        if leaky
        else O("SOFTMAX", ["dense"], ["scores_int8"], 2, {"beta": 1.0}),
        O("QUANTIZE", ["scores_int8"], ["scores"]),
    ]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"])


def rgb_classifier() -> bytes:
    """`conv_classifier` for images [1, 16, 16, 3] and five classes."""
    return conv_classifier(size=16, channels=3, classes=5)


def one_op(
    name: str,
    inputs: Sequence[T | None],
    outputs: Sequence[T],
    *,
    version: int = 1,
    options: Mapping[str, Any] | None = None,
    custom_code: str = "",
    subgraphs: int = 1,
) -> bytes:
    """A model of one op; what is no constant is fed by the caller. Such a model need not run."""
    given = [tensor for tensor in inputs if tensor is not None]
    names = [None if tensor is None else tensor.name for tensor in inputs]
    return tflite(
        tensors=[*given, *outputs],
        ops=[O(name, names, [tensor.name for tensor in outputs], version, options or {}, custom_code)],
        inputs=[tensor.name for tensor in given if tensor.data is None],
        outputs=[tensor.name for tensor in outputs],
        subgraphs=subgraphs,
    )


def _subgraph(
    name: str, graph: G, buffers: list[schema.BufferT], codes: dict[tuple[str, int, str], int]
) -> schema.SubGraphT:
    numbers = {tensor.name: index for index, tensor in enumerate(graph.tensors)}
    made = schema.SubGraphT()
    made.name = name
    made.tensors = [_tensor(tensor, buffers) for tensor in graph.tensors]
    made.inputs, made.outputs = [numbers[name] for name in graph.inputs], [numbers[name] for name in graph.outputs]
    made.operators = [_operator(op, numbers, codes) for op in graph.ops]
    return made


def _buffer(data: bytes | None) -> schema.BufferT:
    buffer = schema.BufferT()
    buffer.data = None if data is None else np.frombuffer(data, np.uint8)
    return buffer


def _tensor(spec: T, buffers: list[schema.BufferT]) -> schema.TensorT:
    made = schema.TensorT()
    array = None if spec.data is None else np.asarray(spec.data)
    shape = spec.shape if spec.shape is not None else () if array is None else array.shape
    made.name, made.shape = spec.name, list(shape)
    dtype = spec.dtype or ("int8" if array is None else str(array.dtype))
    made.type, made.isVariable = DTYPES.index(dtype), spec.variable
    made.shapeSignature = None if spec.signature is None else list(spec.signature)
    made.buffer, made.sparsity = 0, spec.sparsity
    if array is not None:
        buffers.append(_buffer(array.tobytes()))
        made.buffer = len(buffers) - 1
    if spec.scale is not None:
        scales = np.atleast_1d(np.asarray(spec.scale, np.float32))
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale = scales
        made.quantization.zeroPoint = np.full(scales.shape, spec.zero_point, np.int64)
        made.quantization.quantizedDimension = spec.axis
    return made


def _operator(op: O, numbers: Mapping[str, int], codes: dict[tuple[str, int, str], int]) -> schema.OperatorT:
    made = schema.OperatorT()
    made.opcodeIndex = codes.setdefault((op.name, op.version, op.custom_code), len(codes))
    made.inputs = [-1 if name is None else numbers[name] for name in op.inputs]
    made.outputs = [numbers[name] for name in op.outputs]
    made.customOptions = np.frombuffer(op.custom_options, np.uint8) if op.custom_options else None
    table = OPTIONS.get(op.name) or OPTIONS_2.get(op.name)
    if table is not None:
        options = getattr(schema, f"{table}T")()
        for key, value in op.options.items():
            if not hasattr(options, key):
                raise AttributeError(f"{table} has no field {key}")
            setattr(options, key, value)
        if op.name in OPTIONS:
            made.builtinOptionsType, made.builtinOptions = getattr(schema.BuiltinOptions, table), options
        else:
            made.builtinOptions2Type, made.builtinOptions2 = getattr(schema.BuiltinOptions2, table), options
    return made


def _code(name: str, version: int, custom_code: str) -> schema.OperatorCodeT:
    code = schema.OperatorCodeT()
    number = (
        int(name.removeprefix("BUILTIN_")) if name.startswith("BUILTIN_") else getattr(schema.BuiltinOperator, name)
    )
    code.builtinCode, code.deprecatedBuiltinCode = number, min(number, 127)
    code.version, code.customCode = version, custom_code or None
    return code


def _metadata(name: str, value: bytes, buffers: list[schema.BufferT]) -> schema.MetadataT:
    buffers.append(_buffer(value))
    entry = schema.MetadataT()
    entry.name, entry.buffer = name, len(buffers) - 1
    return entry


def endless_classifier() -> bytes:
    """A uint8 classifier of frames [1, 2, 2, 1] in a loop that never ends: its condition compares 1 with 1."""
    ends = [T("x", (1, 2, 2, 1), "uint8", 1 / 255), T("y", (1, 4), "uint8", 1 / 255)]
    inner = [T("a", (1, 4), "uint8", 1 / 255), T("b", (1, 4), "uint8", 1 / 255), T("shape", data=np.int32([1, 4]))]
    loop = {"condSubgraphIndex": 1, "bodySubgraphIndex": 2}
    model = schema.ModelT()
    model.version, model.description, model.buffers = 3, "made by a test", [_buffer(None)]
    codes: dict[tuple[str, int, str], int] = {}

    def subgraph(name: str, tensors: Sequence[T], ops: Sequence[O], source: str, target: str) -> schema.SubGraphT:
        part, numbers = schema.SubGraphT(), {tensor.name: index for index, tensor in enumerate(tensors)}
        part.name, part.tensors = name, [_tensor(tensor, model.buffers) for tensor in tensors]
        part.operators = [_operator(op, numbers, codes) for op in ops]
        part.inputs, part.outputs = [numbers[source]], [numbers[target]]
        return part

    main = [O("RESHAPE", ["x", "shape"], ["a"]), O("WHILE", ["a"], ["y"], 1, loop)]
    condition = [inner[0], T("one", data=np.int32([1])), T("yes", (1,), "bool")]
    model.subgraphs = [
        subgraph("main", [*ends, *inner], main, "x", "y"),
        subgraph("condition", condition, [O("EQUAL", ["one", "one"], ["yes"])], "a", "yes"),
        subgraph("body", inner, [O("MAXIMUM", ["a", "a"], ["b"])], "a", "b"),
    ]
    model.operatorCodes = [_code(*key) for key in codes]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
