"""The schema against the one that the runtime ships, generated from the same schema.fbs or an earlier one."""

from __future__ import annotations

from typing import Any

import pytest

from edgeready_device.tflite.options import BUILTIN_OPTIONS, BUILTIN_OPTIONS_2
from edgeready_device.tflite.schema import BUILTIN_OPERATORS, TABLES, UNIONS

generated = pytest.importorskip(
    "ai_edge_litert.schema_py_generated", reason="ai-edge-litert, which ships the schema, is not installed here"
)

WIDTHS = {
    "Bool": 1,
    "Int8": 1,
    "Uint8": 1,
    "Int32": 4,
    "Uint32": 4,
    "Float32": 4,
    "Int64": 8,
    "Uint64": 8,
    "UOffsetTRelative": 4,
}
METADATA = {
    "ModelMetadata",
    "SubGraphMetadata",
    "TensorMetadata",
    "AssociatedFile",
    "ProcessUnit",
    "NormalizationOptions",
}
FULL_NAMES = {"Quantization": "QuantizationParameters", "Sparsity": "SparsityParameters"}
# Fields that schema.fbs marks as deprecated: the generated code has no function for them.
DEPRECATED = {("SignatureDef", 3), ("ResizeBilinear", 0), ("ResizeBilinear", 1)}


class Builder:
    """Records the slot and the type that a generated function adds a field with, and the size of vector elements."""

    def __getattr__(self, name: str) -> Any:
        def record(*arguments: Any) -> None:
            self.called, self.arguments = name, arguments

        return record


def full_name(table: str) -> str:
    return f"{table}Options" if table in {*BUILTIN_OPTIONS, *BUILTIN_OPTIONS_2} else FULL_NAMES.get(table, table)


def camel_case(name: str) -> str:
    return "".join(part[0].upper() + part[1:] for part in name.split("_"))


def call(function: str) -> Builder:
    builder = Builder()
    getattr(generated, function)(builder, 0)
    return builder


def added_fields(table: str) -> dict[str, tuple[int, int]]:
    """The functions of the generated code that add the fields of `table`, with the slot and the width of each."""
    prefix = f"{full_name(table)}Add"
    calls = {name: call(name) for name in dir(generated) if name.startswith(prefix)}
    return {name: (builder.arguments[0], WIDTHS[builder.called[7:-4]]) for name, builder in calls.items()}


def test_each_table_has_the_fields_of_the_schema_in_its_order():
    for table in TABLES.keys() - METADATA:
        expected = {
            f"{full_name(table)}Add{camel_case(name)}": (slot, 8 if field.kind == "unread" else field.width)
            for slot, (name, field) in enumerate(TABLES[table].items())
            if (table, slot) not in DEPRECATED
        }
        assert added_fields(table).items() <= expected.items()


def test_each_vector_has_elements_of_the_size_of_the_schema():
    for table in TABLES.keys() - METADATA:
        vectors = {name: field for name, field in TABLES[table].items() if field.kind in ("numbers", "tables")}
        sizes = {f"{full_name(table)}Start{camel_case(name)}Vector": field.element for name, field in vectors.items()}
        assert sizes == {name: call(name).arguments[0] if hasattr(generated, name) else sizes[name] for name in sizes}


@pytest.mark.parametrize(
    ("union", "enum"),
    [
        ("Options", "BuiltinOptions"),
        ("Options2", "BuiltinOptions2"),
        ("Details", "QuantizationDetails"),
        ("IndexVector", "SparseIndexVector"),
    ],
)
def test_a_union_has_its_tables_in_the_order_of_the_schema(union, enum):
    numbers = vars(getattr(generated, enum))
    expected = {name: number for name, number in numbers.items() if name[0] != "_" and name != "NONE"}
    assert expected.items() <= {full_name(table): number for number, table in enumerate(UNIONS[union], 1)}.items()


def test_the_operators_have_the_numbers_of_the_schema():
    expected = {name: code for name, code in vars(generated.BuiltinOperator).items() if name[0] != "_"}
    assert expected.items() <= {name: code for code, name in enumerate(BUILTIN_OPERATORS)}.items()
