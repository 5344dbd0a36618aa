"""docs/edge-tpu.md is what the rules say, and every rule has the compiler's words."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from readiness_models import i8, unary
from tflite_models import O, T, conv_classifier, one_op, tflite

from edgeready.readiness import check_graph, rule_sentences
from edgeready.readiness.check import RULES
from edgeready.readiness.compiler_table import (
    _STATUS,
    DATA_TYPE,
    MAPPED,
    NO_TABLE,
    SUBGRAPH,
    UNSUPPORTED,
    predict_table,
)
from edgeready.readiness.manual import write_manual
from edgeready.readiness.operators import VERSIONS, WITHOUT_FILE
from edgeready.readiness.rewrites import SENTENCES
from edgeready.readiness.whole_model import MODEL_RULES
from edgeready_device.tflite.graph import read_graph

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "edge-tpu.md"


def rows(data: bytes) -> list[tuple[str, int, str]]:
    return predict_table(check_graph(read_graph(data)))


def test_the_manual_page_is_what_the_rules_say() -> None:
    assert PAGE.read_text("utf-8") == write_manual()


def test_the_command_in_the_pages_head_writes_the_page() -> None:
    done = subprocess.run([sys.executable, "-m", "edgeready.readiness.manual"], capture_output=True, check=True)
    assert done.stdout.decode() == write_manual()


@pytest.mark.parametrize("name", rule_sentences())
def test_every_rule_is_in_the_manual_with_its_sentence(name: str) -> None:
    [line] = [line for line in write_manual().splitlines() if line.startswith(f"| `{name}` |")]
    assert rule_sentences()[name] in line


def test_every_rewrite_is_in_the_manual() -> None:
    section = write_manual().split("## Rewrites")[1].split("## Rules")[0]
    assert [line for line in section.splitlines() if line.startswith("- ")] == [
        f"- {text}" for text in SENTENCES.values()
    ]
    assert len(SENTENCES) == 7


def test_every_rewrite_with_a_sentence_is_a_function_in_the_same_order() -> None:
    module = ast.parse((ROOT / "host" / "edgeready" / "tf" / "rewrites.py").read_text("utf-8"))
    [names] = [
        [element.id for element in node.value.elts]
        for node in module.body
        if isinstance(node, ast.AnnAssign) and node.target.id == "REWRITES"
    ]
    assert names == list(SENTENCES)


def test_every_phrase_belongs_to_a_rule_or_to_what_follows_from_one() -> None:
    assert set(_STATUS) - set(rule_sentences()) == {"", "downstream", "not-compiled"}


def test_a_ready_models_table_counts_ops_of_a_kind_together() -> None:
    assert rows(conv_classifier()) == [
        ("QUANTIZE", 2, MAPPED),
        ("CONV_2D", 1, MAPPED),
        ("MAX_POOL_2D", 1, MAPPED),
        ("RESHAPE", 1, MAPPED),
        ("FULLY_CONNECTED", 1, MAPPED),
        ("SOFTMAX", 1, MAPPED),
    ]


def test_one_kind_of_op_has_a_row_for_each_status() -> None:
    tensors = [i8("a", 1, 4), i8("b", 1, 4), i8("c", 1, 4), i8("d", 1, 4)]
    ops = [O("RELU", ["a"], ["b"]), O("ELU", ["b"], ["c"]), O("RELU", ["c"], ["d"])]
    assert rows(tflite(tensors=tensors, ops=ops, inputs=["a"], outputs=["d"])) == [
        ("RELU", 1, MAPPED),
        ("ELU", 1, UNSUPPORTED),
        ("RELU", 1, SUBGRAPH),
    ]


def test_a_float_model_has_a_table_of_wrong_data_types() -> None:
    floats = [T("x", (1, 4), "float32"), T("y", (1, 4), "float32")]
    assert rows(unary("RELU", *floats)) == [("RELU", 1, DATA_TYPE)]


def test_a_float_model_that_also_stops_the_compiler_has_no_table() -> None:
    floats = [T("x", (1, 4), "float32"), T("y", (1, 4), "float32"), T("z", (1, 4), "float32")]
    ops = [O("RELU", ["x"], ["y"]), O("GELU", ["y"], ["z"])]
    assert rows(tflite(tensors=floats, ops=ops, inputs=["x"], outputs=["z"])) == [
        ("RELU", 1, NO_TABLE),
        ("GELU", 1, NO_TABLE),
    ]


def test_a_refused_op_beside_one_that_stops_the_compiler_has_no_row_of_its_own() -> None:
    tensors = [i8("a", 1, 4), i8("b", 1, 4), i8("c", 1, 4)]
    ops = [O("ELU", ["a"], ["b"]), O("GELU", ["b"], ["c"])]
    assert rows(tflite(tensors=tensors, ops=ops, inputs=["a"], outputs=["c"])) == [
        ("ELU", 1, NO_TABLE),
        ("GELU", 1, NO_TABLE),
    ]


def test_a_known_custom_op_is_called_a_wrong_data_type_as_the_compiler_does() -> None:
    data = one_op("CUSTOM", [i8("x", 1, 4)], [i8("y", 1, 4)], custom_code="TFLite_Detection_PostProcess")
    assert rows(data) == [("TFLite_Detection_PostProcess", 1, DATA_TYPE)]


def test_every_rule_shows_its_evidence_in_the_manual() -> None:
    page = write_manual()
    for rule in (*MODEL_RULES, *RULES):
        [line] = [line for line in page.splitlines() if line.startswith(f"| `{rule.name}` |")]
        for observation in (rule.evidence.mapped, rule.evidence.refused):
            assert observation is None or observation.text() in line
        assert rule.evidence.documented in line


def test_a_rule_refuses_only_what_was_seen_refused_and_doubts_what_is_only_documented() -> None:
    for rule in RULES:
        evidence = rule.evidence
        if rule.effect in ("stops", "refuses"):
            assert evidence.refused is not None, rule.name
        elif rule.effect == "notes":
            assert (evidence.refused, evidence.documented) == (None, ""), rule.name
        else:
            assert evidence.refused or evidence.documented or evidence.mapped, rule.name


def test_the_table_of_operations_says_which_no_compiled_file_shows() -> None:
    rows = [line.split(" | ") for line in write_manual().split("## Operations")[1].splitlines()]
    seen = {row[0].removeprefix("| "): row[-1].removesuffix(" |") for row in rows if len(row) == 5}
    assert [name for name in VERSIONS if seen[name] != "compiled files"] == list(WITHOUT_FILE)
    assert len(WITHOUT_FILE) == 13
    assert (seen["RELU"], seen["MINIMUM"], seen["ADD"]) == ("compiler logs", "Coral's table only", "compiled files")
