"""The TFLite schema (schema.fbs, TensorFlow 2.21) and that of TFLite Metadata: tables, operators, tensor types.

Tables have their fields in the order of their numbers.
"""

from __future__ import annotations

from edgeready_device.tflite.fields import (
    BYTE,
    BYTES,
    INT,
    INTS,
    LONG,
    LONGS,
    SHORTS,
    TEXT,
    UNREAD,
    Field,
    table,
    tables,
    union,
)
from edgeready_device.tflite.options import BUILTIN_OPTIONS, BUILTIN_OPTIONS_2

TABLES: dict[str, dict[str, Field]] = {
    "Model": {
        "version": INT,
        "operator_codes": tables("OperatorCode"),
        "subgraphs": tables("SubGraph"),
        "description": TEXT,
        "buffers": tables("Buffer"),
        "metadata_buffer": INTS,
        "metadata": tables("Metadata"),
        "signature_defs": tables("SignatureDef"),
        "external_buffer_groups": tables("ExternalBufferGroup"),
        "external_buffers": tables("ExternalBuffer"),
    },
    "OperatorCode": {"deprecated_builtin_code": BYTE, "custom_code": TEXT, "version": INT, "builtin_code": INT},
    "SubGraph": {
        "tensors": tables("Tensor"),
        "inputs": INTS,
        "outputs": INTS,
        "operators": tables("Operator"),
        "name": TEXT,
        "debug_metadata_index": INT,
    },
    "Tensor": {
        "shape": INTS,
        "type": BYTE,
        "buffer": INT,
        "name": TEXT,
        "quantization": table("Quantization"),
        "is_variable": BYTE,
        "sparsity": table("Sparsity"),
        "shape_signature": INTS,
        "has_rank": BYTE,
        "variant_tensors": tables("VariantSubType"),
        "external_buffer": INT,
    },
    "Quantization": {
        "min": INTS,
        "max": INTS,
        "scale": INTS,
        "zero_point": LONGS,
        "details_type": BYTE,
        "details": union("Details"),
        "quantized_dimension": INT,
    },
    "CustomQuantization": {"custom": BYTES},
    "BlockwiseQuantization": {"scales": INT, "zero_points": INT, "block_size": INT, "block_shape": INTS},
    "MultiAxisQuantization": {"scales": INT, "zero_points": INT, "block_size": INT, "quantized_dimensions": INTS},
    "Sparsity": {"traversal_order": INTS, "block_map": INTS, "dim_metadata": tables("DimensionMetadata")},
    "DimensionMetadata": {
        "format": BYTE,
        "dense_size": INT,
        "array_segments_type": BYTE,
        "array_segments": union("IndexVector"),
        "array_indices_type": BYTE,
        "array_indices": union("IndexVector"),
    },
    "Int32Vector": {"values": INTS},
    "Uint16Vector": {"values": SHORTS},
    "Uint8Vector": {"values": BYTES},
    "VariantSubType": {"shape": INTS, "type": BYTE, "has_rank": BYTE},
    "Operator": {
        "opcode_index": INT,
        "inputs": INTS,
        "outputs": INTS,
        "builtin_options_type": BYTE,
        "builtin_options": union("Options"),
        "custom_options": BYTES,
        "custom_options_format": BYTE,
        "mutating_variable_inputs": BYTES,
        "intermediates": INTS,
        "large_custom_options_offset": LONG,
        "large_custom_options_size": LONG,
        "builtin_options2_type": BYTE,
        "builtin_options2": union("Options2"),
        "debug_metadata_index": INT,
    },
    "Buffer": {"data": BYTES, "offset": LONG, "size": LONG},
    "Metadata": {"name": TEXT, "buffer": INT},
    "SignatureDef": {
        "inputs": tables("TensorMap"),
        "outputs": tables("TensorMap"),
        "signature_key": TEXT,
        "deprecated_tag": UNREAD,
        "subgraph_index": INT,
    },
    "TensorMap": {"name": TEXT, "tensor_index": INT},
    "ExternalBufferGroup": {"name": TEXT},
    "ExternalBuffer": {"id": INT, "group": INT, "offset": LONG, "length": UNREAD, "packing": TEXT},
    "ModelMetadata": {
        "name": TEXT,
        "description": TEXT,
        "version": TEXT,
        "subgraph_metadata": tables("SubGraphMetadata"),
        "author": TEXT,
        "license": TEXT,
        "associated_files": tables("AssociatedFile"),
        "min_parser_version": TEXT,
    },
    "SubGraphMetadata": {
        "name": TEXT,
        "description": TEXT,
        "input_tensor_metadata": tables("TensorMetadata"),
        "output_tensor_metadata": tables("TensorMetadata"),
        "associated_files": tables("AssociatedFile"),
    },
    "TensorMetadata": {
        "name": TEXT,
        "description": TEXT,
        "dimension_names": UNREAD,
        "content": UNREAD,
        "process_units": tables("ProcessUnit"),
        "stats": UNREAD,
        "associated_files": tables("AssociatedFile"),
    },
    "AssociatedFile": {"name": TEXT, "description": TEXT, "type": BYTE, "locale": TEXT, "version": TEXT},
    "ProcessUnit": {"options_type": BYTE, "options": union("ProcessUnitOptions")},
    "NormalizationOptions": {"mean": INTS, "std": INTS},
    **BUILTIN_OPTIONS,
    **BUILTIN_OPTIONS_2,
}
# The tables of each union in the order of their numbers, from 1 on.
UNIONS: dict[str, tuple[str, ...]] = {
    "Details": ("CustomQuantization", "BlockwiseQuantization", "MultiAxisQuantization"),
    "IndexVector": ("Int32Vector", "Uint16Vector", "Uint8Vector"),
    "Options": tuple(BUILTIN_OPTIONS),
    "Options2": tuple(BUILTIN_OPTIONS_2),
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
