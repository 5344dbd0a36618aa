"""The TFLite schema (schema.fbs, TensorFlow 2.21) and that of TFLite Metadata: tables, operators, tensor types.

A field is a width in bytes (a scalar), `s` (a string), `Name` (a table), `|` (a union, its type in the field
before), or with `[` in front a vector of such; `-` is a field that no reader follows. Fields are in the order of
their numbers.
"""

from __future__ import annotations

_TABLES = """
Model:4,[OperatorCode,[SubGraph,s,[Buffer,[4,[Metadata,[SignatureDef,[ExternalBufferGroup,[ExternalBuffer
OperatorCode:1,s,4,4
SubGraph:[Tensor,[4,[4,[Operator,s,4
Tensor:[4,1,4,s,Quantization,1,Sparsity,[4,1,[VariantSubType,4
Quantization:[4,[4,[4,[8,1,|Details,4
CustomQuantization:[1
BlockwiseQuantization:4,4,4,[4
MultiAxisQuantization:4,4,4,[4
Sparsity:[4,[4,[DimensionMetadata
DimensionMetadata:1,4,1,|IndexVector,1,|IndexVector
Int32Vector:[4
Uint16Vector:[2
Uint8Vector:[1
VariantSubType:[4,1,1
Operator:4,[4,[4,1,|Options,[1,1,[1,[4,8,8,1,|Options2,4
Buffer:[1,8,8
Metadata:s,4
SignatureDef:[TensorMap,[TensorMap,s,-,4
TensorMap:s,4
ExternalBufferGroup:s
ExternalBuffer:4,4,8,-,s
ModelMetadata:s,s,s,[SubGraphMetadata,s,s,[AssociatedFile,s
SubGraphMetadata:s,s,[TensorMetadata,[TensorMetadata,[AssociatedFile
TensorMetadata:s,s,-,-,[ProcessUnit,-,[AssociatedFile
AssociatedFile:s,s,1,s,s
ProcessUnit:1,|ProcessUnitOptions
NormalizationOptions:[4,[4
"""

# The options of the built-in operators in the order of the union's numbers, from 1 on.
_OPTIONS = """
Conv2D:1,4,4,1,4,4,1 DepthwiseConv2D:1,4,4,4,1,4,4 ConcatEmbeddings:4,[4,[4 LSHProjection:1 Pool2D:1,4,4,4,4,1
SVDF:4,1,1 RNN:1,1 FullyConnected:1,1,1,1,1,[1 Softmax:4 Concatenation:4,1 Add:1,1 L2Norm:1
LocalResponseNormalization:4,4,4,4 LSTM:1,4,4,1,1 ResizeBilinear:4,4,1,1 Call:4 Reshape:[4 SkipGram:4,4,1
SpaceToDepth:4 EmbeddingLookupSparse:1 Mul:1 Pad: Gather:4,4 BatchToSpaceND: SpaceToBatchND: Transpose: Reducer:1
Sub:1,1 Div:1 Squeeze:[4 SequenceRNN:1,1,1 StridedSlice:4,4,4,4,4,1 Exp: TopKV2: Split:4 LogSoftmax: Cast:1,1
Dequantize: MaximumMinimum: ArgMax:1 Less: Neg: PadV2: Greater: GreaterEqual: LessEqual: Select: Slice:
TransposeConv:1,4,4,1,1 SparseToDense:1 Tile: ExpandDims: Equal: NotEqual: Shape:1 Pow: ArgMin:1 FakeQuant:4,4,4,1
Pack:4,4 LogicalOr: OneHot:4 LogicalAnd: LogicalNot: Unpack:4,4 FloorDiv: Square: ZerosLike: Fill:
BidirectionalSequenceLSTM:1,4,4,1,1,1 BidirectionalSequenceRNN:1,1,1,1 UnidirectionalSequenceLSTM:1,4,4,1,1,1
FloorMod: Range: ResizeNearestNeighbor:1,1 LeakyRelu:4 SquaredDifference: MirrorPad:1 Abs: SplitV:4 Unique:1
ReverseV2: AddN: GatherNd: Cos: Where: Rank: ReverseSequence:4,4 MatrixDiag: Quantize: MatrixSetDiag: HardSwish:
If:4,4 While:4,4 DepthToSpace:4 NonMaxSuppressionV4: NonMaxSuppressionV5: ScatterNd: SelectV2: Densify: SegmentSum:
BatchMatMul:1,1,1 Cumsum:1,1 CallOnce:4 BroadcastTo: Rfft2d: Conv3D:1,4,4,4,1,4,4,4 Hashtable:4,1,1 HashtableFind:
HashtableImport: HashtableSize: VarHandle:s,s ReadVariable: AssignVariable: Random:8,8 Bucketize:[4 Gelu:1
DynamicUpdateSlice: UnsortedSegmentProd: UnsortedSegmentMax: UnsortedSegmentMin: UnsortedSegmentSum: ATan2: Sign:
Bitcast: BitwiseXor: RightShift:
"""

_OPTIONS_2 = """
StablehloConcatenate:8 StablehloBroadcastInDim:[8 StablehloSlice:[8,[8,[8
StablehloConvolution:[8,[8,[8,[8,[1,8,8,[8,8,8,[8,8,8,[8,8,8,[4 StablehloCustomCall:s,1,s,4,[4,[1
StablehloReduce:[8,4 StablehloScatter:1,[8,[8,[8,8,1,4 StablehloCompare:4,4 StablehloDynamicSlice:[8
StablehloPad:[8,[8,[8 StablehloIota:8 StablehloDotGeneral:[8,[8,[8,[8,[4 StablehloReduceWindow:[8,[8,[8,[8,[8,4
StablehloSort:8,1,4 StablehloWhile:4,4 StablehloGather:[8,[8,[8,8,[8,1 StablehloTranspose:[8 Dilate:
StablehloRngBitGenerator:1 ReduceWindow:4 StableHLOComposite:s,4,[1,1,4 StablehloShiftLeft: StablehloCase:[4
"""


def _read(text: str) -> dict[str, tuple[str, ...]]:
    entries = (entry.partition(":") for entry in text.split())
    return {name: tuple(fields.split(",")) if fields else () for name, _, fields in entries}


OPTIONS = tuple(_read(_OPTIONS))
OPTIONS_2 = tuple(_read(_OPTIONS_2))
TABLES = {**_read(_TABLES), **_read(_OPTIONS), **_read(_OPTIONS_2)}
UNIONS: dict[str, tuple[str, ...]] = {
    "Details": ("CustomQuantization", "BlockwiseQuantization", "MultiAxisQuantization"),
    "IndexVector": ("Int32Vector", "Uint16Vector", "Uint8Vector"),
    "Options": OPTIONS,
    "Options2": OPTIONS_2,
    "ProcessUnitOptions": ("NormalizationOptions",),
}

BUILTIN_OPERATORS: tuple[str, ...] = tuple(
    """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE
    EMBEDDING_LOOKUP FLOOR FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D
    LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6
    RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM
    EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND
    TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN
    EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM ARG_MAX
    MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV
    SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT
    REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV
    REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU
    SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU
    REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE
    NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL
    PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS
    HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE
    READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM
    MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX
    UNSORTED_SEGMENT_SUM ATAN2 UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT
    STABLEHLO_LOGISTIC STABLEHLO_ADD STABLEHLO_DIVIDE STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM
    STABLEHLO_RESHAPE STABLEHLO_CLAMP STABLEHLO_CONCATENATE STABLEHLO_BROADCAST_IN_DIM
    STABLEHLO_CONVOLUTION STABLEHLO_SLICE STABLEHLO_CUSTOM_CALL STABLEHLO_REDUCE STABLEHLO_ABS
    STABLEHLO_AND STABLEHLO_COSINE STABLEHLO_EXPONENTIAL STABLEHLO_FLOOR STABLEHLO_LOG STABLEHLO_MINIMUM
    STABLEHLO_NEGATE STABLEHLO_OR STABLEHLO_POWER STABLEHLO_REMAINDER STABLEHLO_RSQRT STABLEHLO_SELECT
    STABLEHLO_SUBTRACT STABLEHLO_TANH STABLEHLO_SCATTER STABLEHLO_COMPARE STABLEHLO_CONVERT
    STABLEHLO_DYNAMIC_SLICE STABLEHLO_DYNAMIC_UPDATE_SLICE STABLEHLO_PAD STABLEHLO_IOTA
    STABLEHLO_DOT_GENERAL STABLEHLO_REDUCE_WINDOW STABLEHLO_SORT STABLEHLO_WHILE STABLEHLO_GATHER
    STABLEHLO_TRANSPOSE DILATE STABLEHLO_RNG_BIT_GENERATOR REDUCE_WINDOW STABLEHLO_COMPOSITE
    STABLEHLO_SHIFT_LEFT STABLEHLO_CBRT STABLEHLO_CASE
    """.split()
)

TENSOR_TYPES: tuple[str, ...] = tuple(
    """
    float32 float16 int32 uint8 int64 string bool int16 complex64 int8 float64 complex128 uint64
    resource variant uint32 uint16 int4 bfloat16 int2 uint4 float8_e4m3fn float8_e5m2
    """.split()
)


def operator_name(code: int) -> str:
    """The name of built-in operator `code`; one that this schema does not know keeps its number."""
    return BUILTIN_OPERATORS[code] if 0 <= code < len(BUILTIN_OPERATORS) else f"BUILTIN_{code}"


def tensor_type(code: int) -> str:
    """The name of tensor type `code` in numpy's spelling; one that this schema does not know keeps its number."""
    return TENSOR_TYPES[code] if 0 <= code < len(TENSOR_TYPES) else f"type_{code}"
