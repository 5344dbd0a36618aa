"""The tables of the TFLite schema (schema.fbs, TensorFlow 2.21) and of TFLite Metadata, for the layout check.

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
