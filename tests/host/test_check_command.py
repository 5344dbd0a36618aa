"""`edgeready check`: formats, runtimes, logs and compiled files."""

from __future__ import annotations

import json

import pytest
from compiled_models import LOG, MIX, mixed, whole
from tflite_models import O, T, conv_classifier, one_op, tflite

from edgeready.readiness import Blocker, OpVerdict, ReadinessReport, check_file, rule_sentences
from edgeready.report.annotations import format_github, format_sarif

NOT_READY = conv_classifier(dense_per_axis=True)


@pytest.fixture
def file(tmp_path):
    def make(data: bytes, name: str = "m.tflite") -> str:
        (tmp_path / name).write_bytes(data)
        return name

    return make


def test_the_text_is_the_compilers_table_then_blockers_cost_and_that_it_is_a_prediction(run_here, file):
    code, out, err = run_here("check", file(NOT_READY))
    lines = out.splitlines()
    assert (code, err) == (1, "")
    assert lines[:6] == [
        "m.tflite: NOT Edge-TPU ready, 4 of 7 ops mapped",
        "",
        "Operator                       Count      Status",
        "",
        "QUANTIZE                       1          Mapped to Edge TPU",
        "CONV_2D                        1          Mapped to Edge TPU",
    ]
    assert "   rule: The weights of a dense layer share one scale." in lines
    assert "   where: op 4 FULLY_CONNECTED of layer 'dense', tensor 'dense' [1, 3]" in lines
    assert "   behind it: 3 ops, 192 multiply-accumulates (7.7 %), 204 parameter bytes" in lines
    assert (
        "cost: 2,496 multiply-accumulates, 92.3 % on the Edge TPU; 256 parameter bytes; 1 Edge TPU and 1 CPU " in out
    )
    assert not any("clearing it alone" in line for line in lines)  # with one blocker it says nothing new
    assert lines[-1] == "This is a prediction from the file alone; only `edgeready compile` proves it."


def test_with_several_blockers_each_says_what_clearing_it_alone_brings(run_here, file):
    tensors = [T(name, (1, 4), "int8", 0.1) for name in "abcd"]
    ops = [O("ELU", ["a"], ["b"]), O("RELU", ["b"], ["c"]), O("ELU", ["c"], ["d"])]
    _, out, _ = run_here("check", file(tflite(tensors=tensors, ops=ops, inputs=["a"], outputs=["d"])))
    lines = [line for line in out.splitlines() if "clearing it alone" in line]
    assert lines == [
        "   clearing it alone brings the Edge TPU: 2 ops, 0 multiply-accumulates, 0 parameter bytes",
        "   clearing it alone brings the Edge TPU: nothing",
    ]


def test_format_json_and_json_are_the_same(run_here, file):
    name = file(NOT_READY)
    assert run_here("check", name, "--json") == run_here("check", name, "--format", "json")


def test_an_older_runtime_lacks_ops(run_here, file):
    name = file(one_op("RSQRT", [T("x", (1, 4), "int8", 0.1)], [T("y", (1, 4), "int8", 0.1)], version=2))
    assert run_here("check", name)[0] == 0
    code, out, _ = run_here("check", name, "--runtime", "13")
    assert code == 1
    assert "1. old-runtime: RSQRT needs Edge TPU runtime 14, asked for is 13" in out


@pytest.mark.parametrize("wrong", ["9", "15", "new"])
def test_a_runtime_that_there_is_not_is_wrong_usage(run_here, file, wrong):
    code, out, err = run_here("check", file(NOT_READY), "--runtime", wrong)
    assert (code, out) == (2, "")
    assert "--runtime" in err


def test_sarif_has_a_result_for_each_blocker_at_its_file_and_op(run_here, file):
    code, out, _ = run_here("check", file(NOT_READY, "my model.tflite"), file(conv_classifier()), "--format", "sarif")
    document = json.loads(out)
    [part] = document["runs"]
    [result] = part["results"]
    assert (code, document["version"]) == (1, "2.1.0")
    assert [rule["id"] for rule in part["tool"]["driver"]["rules"]] == list(rule_sentences())
    assert part["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "dense-per-axis"
    assert result["level"] == "error"
    assert "; remedy: " in result["message"]["text"]
    assert result["locations"] == [
        {
            "physicalLocation": {"artifactLocation": {"uri": "my%20model.tflite"}},
            "logicalLocations": [{"name": "op 4 FULLY_CONNECTED", "fullyQualifiedName": "dense"}],
        }
    ]


def test_a_ready_file_has_no_sarif_result_and_a_github_notice(run_here, file):
    name = file(conv_classifier())
    assert json.loads(run_here("check", name, "--format", "sarif")[1])["runs"][0]["results"] == []
    assert run_here("check", name, "--format", "github") == (
        0,
        "::notice file=m.tflite,title=Edge-TPU ready::all 7 ops are predicted to be mapped\n",
        "",
    )


def test_github_gets_an_error_line_for_each_blocker(run_here, file):
    code, out, _ = run_here("check", file(NOT_READY), "--format", "github")
    assert code == 1
    assert out.startswith(
        "::error file=m.tflite,title=Edge TPU%3A dense-per-axis::'dense/weights' int8 [3, 64] has 3 "
    )
    assert out.count("\n") == 1


def test_what_a_file_says_cannot_break_out_of_an_annotation():
    op = OpVerdict(index=0, name="ELU", version=1, target="cpu", rule="rank", detail="d", remedy="r")
    blocker = Blocker(rule="rank", op=0, detail="100 %\n::error::forged", remedy="do\rit")
    [line] = format_github([ReadinessReport(file="a,b:c%\n.tflite", ready=False, ops=(op,), blockers=(blocker,))])
    assert line == (
        "::error file=a%2Cb%3Ac%25%0A.tflite,title=Edge TPU%3A rank::100 %25%0A::error::forged; remedy: do%0Dit"
    )


def test_a_blocker_of_the_whole_model_has_a_file_and_no_op_in_sarif():
    blocker = Blocker(rule="no-ops", op=None, detail="d", remedy="r")
    report = ReadinessReport(file="m.tflite", ready=False, ops=(), blockers=(blocker,))
    [result] = format_sarif([report])["runs"][0]["results"]
    assert result["locations"] == [{"physicalLocation": {"artifactLocation": {"uri": "m.tflite"}}}]


@pytest.mark.parametrize("form", ["sarif", "github"])
def test_annotations_are_for_models_and_exclude_json(run_here, file, form):
    log = file(LOG.encode(), "m.log")
    assert run_here("check", log, "--format", form)[0] == 2
    code, out, err = run_here("check", file(NOT_READY), "--json", "--format", form)
    assert (code, out) == (2, "")
    assert err == f"edgeready: --json and --format {form} exclude each other: give one\n"


def test_an_unknown_format_is_wrong_usage(run_here, file):
    code, out, err = run_here("check", file(NOT_READY), "--format", "xml")
    assert (code, out) == (2, "")
    assert "'xml'" in err


def test_a_log_is_shown_as_table_with_memory(run_here, file):
    code, out, _ = run_here("check", file(MIX.encode(), "m_edgetpu.log"))
    assert code == 1
    assert out.splitlines()[0] == "m_edgetpu.log: 2 of 4 ops mapped by compiler 16.0.384591198"
    assert "LEAKY_RELU                     1          Operation not supported\n" in out
    assert "memory: parameters cached 87,808 bytes, cache left 8,147,436 bytes, streamed 5,632 bytes\n" in out
    assert "run `edgeready check` on the model itself" in out


def test_a_log_in_which_all_is_mapped_ends_with_0(run_here, file):
    text = LOG.replace(
        "Operation is otherwise supported, but not mapped due to some unspecified limitation", "Mapped to Edge TPU"
    )
    assert run_here("check", file(text.encode(), "said.txt"))[0] == 0


def test_a_log_of_a_failure_names_cause_and_remedy(run_here, file):
    text = "Edge TPU Compiler version 16.0.384591198\nInvalid model: m.tflite\nModel not quantized\n"
    code, out, _ = run_here("check", file(text.encode(), "m.log"))
    assert code == 1
    assert "it made nothing: Model not quantized\n   cause: the activations are floats\n   remedy: convert" in out


def test_models_and_logs_go_together_in_json(run_here, file):
    code, out, _ = run_here("check", file(conv_classifier()), file(LOG.encode(), "m.log"), "--json")
    model, log = json.loads(out)
    assert code == 1
    assert (model["file"], model["ready"], len(model["ops"])) == ("m.tflite", True, 7)
    assert (log["file"], log["ready"], log["ops"], log["log"]["mapped"]) == ("m.log", False, [], 2)


def test_what_is_no_log_is_exit_code_3(run_here, file):
    code, out, err = run_here("check", file(conv_classifier(), "m.log"))
    assert (code, out) == (3, "")
    assert err.startswith("edgeready: m.log: this is no compiler log")


def test_a_compiled_file_tells_its_runtime_and_its_executables(run_here, file):
    code, out, _ = run_here("check", file(mixed()[1], "m_edgetpu.tflite"))
    assert code == 1
    assert out.splitlines()[0] == "m_edgetpu.tflite: already compiled, 1 Edge TPU op, 2 ops on the CPU"
    assert "op 0: Edge TPU runtime 14 or newer; 800 parameter bytes cached, 30 streamed; package of " in out
    assert "  parameter-caching: " in out
    assert "  execution-only: " in out


def test_a_compiled_file_in_json_is_the_prediction_for_it_and_its_packages(run_here, file):
    name = file(whole(conv_classifier()))
    [found] = json.loads(run_here("check", name, "--json")[1])
    package = found.pop("compiled")[0]
    assert found == check_file(name).to_dict()
    assert found["ops"][0]["rule"] == "already-compiled"
    assert (package["min_runtime_version"], package["cached_bytes"], package["streamed_bytes"]) == (14, 800, 30)


def test_a_damaged_package_is_one_line_that_names_the_file(run_here, file):
    data = whole(conv_classifier())
    code, out, err = run_here("check", file(data.replace(b"DWN1", b"DWN2")))
    assert (code, out) == (3, "")
    assert err.startswith("edgeready: m.tflite: op 0 edgetpu-custom-op holds no package")
