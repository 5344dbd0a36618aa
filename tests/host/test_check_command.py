"""`edgeready check`: formats, runtimes, logs and compiled files."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from compiled_models import CUSTOM, LOG, MIX, compiled, mixed, options, two_executables, whole
from tflite_models import O, T, conv_classifier, one_op, tflite

from edgeready.cli.making import run_build
from edgeready.config.build import BuildConfig, DataConfig
from edgeready.errors import ConversionError
from edgeready.readiness import Blocker, OpVerdict, ReadinessReport, check_file, rule_sentences
from edgeready.report.annotations import format_github, format_sarif
from edgeready.workflows.draft import readiness_of
from edgeready_device.model_file.reader import TfliteModel

NOT_READY = conv_classifier(leaky=True)
UNCERTAIN = one_op(
    "SOFTMAX", [T("x", (1, 20000), "int8", 0.1)], [T("y", (1, 20000), "int8", 1 / 256, -128)], options={"beta": 1.0}
)


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
        "m.tflite: NOT Edge-TPU ready, 5 of 7 ops mapped",
        "",
        "Operator                       Count      Status",
        "",
        "QUANTIZE                       1          Mapped to Edge TPU",
        "CONV_2D                        1          Mapped to Edge TPU",
    ]
    assert "   rule: The op is in the Edge TPU's table of operations." in lines
    assert (
        "   evidence: refused LEAKY_RELU: operation not supported (compiled files, compiler logs, compiler 16.0); "
        "documented: the table of supported operations"
    ) in lines
    assert "   where: op 5 LEAKY_RELU of layer 'scores_int8', tensor 'scores_int8' [1, 3]" in lines
    assert "   behind it: 2 ops, 0 multiply-accumulates (0.0 %), 0 parameter bytes" in lines
    assert (
        "cost: 2,496 multiply-accumulates, 100.0 % on the Edge TPU; 975 elements moved, 12 of them by the CPU; "
        "2 ops left to the CPU; 256 parameter bytes; 1 Edge TPU and 1 CPU partition"
    ) in lines
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
    assert part["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "unsupported-op"
    assert result["level"] == "error"
    assert "; remedy: " in result["message"]["text"]
    assert result["locations"] == [
        {
            "physicalLocation": {"artifactLocation": {"uri": "my%20model.tflite"}},
            "logicalLocations": [{"name": "op 5 LEAKY_RELU", "fullyQualifiedName": "scores_int8"}],
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
        "::error file=m.tflite,title=Edge TPU%3A unsupported-op::the Edge TPU has no LEAKY_RELU (it makes "
    )
    assert out.count("\n") == 1


def test_what_a_file_says_cannot_break_out_of_an_annotation():
    op = OpVerdict(index=0, name="ELU", version=1, target="cpu", rule="rank", detail="d", remedy="r")
    blocker = Blocker(rule="rank", op=0, detail="100 %\n::error::forged", remedy="do\rit")
    [line] = format_github([ReadinessReport(file="a,b:c%\n.tflite", ready=False, ops=(op,), blockers=(blocker,))])
    assert line == (
        "::error file=a%2Cb%3Ac%25%0A.tflite,title=Edge TPU%3A rank::100 %25 ::error::forged; remedy: do it"
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


def test_a_compiled_file_in_json_is_ready_and_has_its_packages(run_here, file):
    name = file(whole(conv_classifier()))
    [found] = json.loads(run_here("check", name, "--json")[1])
    package = found.pop("compiled")[0]
    assert (found["ready"], found["verdict"], found["mapped"], found["blockers"]) == (True, "ready", 1, [])
    assert found["ops"][0] == check_file(name).to_dict()["ops"][0] | {
        "target": "edgetpu",
        "rule": "",
        "detail": "",
        "remedy": "",
    }
    assert (package["min_runtime_version"], package["cached_bytes"], package["streamed_bytes"]) == (14, 800, 30)


def test_a_damaged_package_is_one_line_that_names_the_file(run_here, file):
    data = whole(conv_classifier())
    code, out, err = run_here("check", file(data.replace(b"DWN1", b"DWN2")))
    assert (code, out) == (3, "")
    assert err.startswith("edgeready: m.tflite: op 0 edgetpu-custom-op holds no package")


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_a_wholly_compiled_file_ends_with_0(run_here, file, form):
    code, out, err = run_here("check", file(whole(conv_classifier())), "--strict", "--format", form)
    assert (code, err) == (0, "")
    assert "already-compiled:" not in out
    assert "::error" not in out
    if form == "github":
        assert out.endswith("::the only op is compiled for the Edge TPU\n")
    if form == "sarif":
        assert json.loads(out)["runs"][0]["results"] == []


def test_a_package_for_a_newer_runtime_than_the_devices_does_not_run(run_here, file):
    name = file(whole(conv_classifier()))
    code, out, _ = run_here("check", name, "--runtime", "13")
    lines = out.splitlines()
    assert code == 1
    assert lines[0] == "m.tflite: already compiled, 1 Edge TPU op, 0 ops on the CPU"
    assert lines[-2:] == [
        "1. old-runtime: the package of op 0 asks for Edge TPU runtime 14, the device has 13",
        "   remedy: update libedgetpu on the device to runtime 14 or newer, or compile with `edgeready compile "
        "--runtime 13`",
    ]
    [found] = json.loads(run_here("check", name, "--runtime", "13", "--json")[1])
    assert (found["ready"], found["mapped"], found["blockers"][0]["rule"]) == (False, 0, "old-runtime")
    assert "runtime 14 on a device with 13" in found["blockers"][0]["evidence"]["refused"]["what"]


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_of_a_partly_compiled_file_only_the_ops_that_are_left_are_to_blame(run_here, file, form):
    code, out, err = run_here("check", file(mixed()[1]), "--format", form)
    assert (code, err) == (1, "")
    assert "the Edge TPU has no LEAKY_RELU" in out
    assert "holds a compiled model" not in out
    if form == "json":
        [found] = json.loads(out)
        assert [(op["target"], op["rule"]) for op in found["ops"]] == [
            ("edgetpu", ""),
            ("cpu", "unsupported-op"),
            ("cpu", "not-compiled"),
        ]
        assert (found["mapped"], [blocker["op"] for blocker in found["blockers"]]) == (1, [1])
        assert found["ops"][2]["detail"] == "the compiler left it on the CPU"


def test_a_partly_compiled_file_without_a_known_cause_is_not_ready(run_here, file):
    tensors = [T(name, (1, 4), "int8", 0.1) for name in "xyz"]
    ops = [O("CUSTOM", ["x"], ["y"], custom_code=CUSTOM), O("RELU", ["y"], ["z"])]
    data = compiled(tensors, ops, options(two_executables()), inputs=["x"], outputs=["z"])
    code, out, _ = run_here("check", file(data), "--format", "github")
    assert (code, out.count("::error")) == (1, 1)
    assert "the compiler left 1 of 2 ops on the CPU" in out


UNCERTAIN_DETAIL = (
    "softmax is taken over the last dimension of 'x' int8 [1, 20000]; a softmax over 16,384 values was mapped, no "
    "refusal is known"
)


def test_an_uncertain_op_makes_a_model_probably_ready_with_exit_code_0_and_a_line(run_here, file):
    code, out, err = run_here("check", file(UNCERTAIN))
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "m.tflite: probably Edge-TPU ready (predicted), 1 of 1 ops mapped, 1 of them uncertain"
    assert f"1. uncertain, softmax-size: {UNCERTAIN_DETAIL}" in lines
    assert (
        "   evidence: mapped a softmax over 16,384 values (compiled files); documented: at most 16,000 elements"
        in lines
    )
    assert "   behind it: 1 op, 0 multiply-accumulates, 0 parameter bytes" in lines
    assert err == (
        f"edgeready: m.tflite: probably ready, 1 of 1 ops uncertain: {UNCERTAIN_DETAIL}; --strict makes this exit "
        "code 1\n"
    )


def test_strict_makes_an_uncertain_op_exit_code_1(run_here, file):
    code, _, err = run_here("check", file(UNCERTAIN), "--strict")
    assert code == 1
    assert err.endswith("no refusal is known; exit code 1 because of --strict\n")
    assert run_here("check", file(conv_classifier()), "--strict")[0] == 0


def test_an_uncertain_op_is_in_json_with_its_evidence(run_here, file):
    [document] = json.loads(run_here("check", file(UNCERTAIN), "--json")[1])
    assert (document["ready"], document["verdict"], document["mapped"]) == (False, "probably ready", 1)
    assert document["blockers"] == []
    [risk] = document["risks"]
    assert (risk["rule"], risk["op"], risk["evidence"]["mapped"]["size"]) == ("softmax-size", 0, 16384)
    assert document["ops"][0]["uncertain"] is True


def test_an_uncertain_op_is_a_warning_in_sarif_and_for_github(run_here, file):
    name = file(UNCERTAIN)
    code, out, _ = run_here("check", name, "--format", "sarif")
    [result] = json.loads(out)["runs"][0]["results"]
    assert (code, result["level"], result["ruleId"]) == (0, "warning", "softmax-size")
    assert result["message"]["text"].startswith(f"uncertain: {UNCERTAIN_DETAIL}; remedy: ")
    code, out, _ = run_here("check", name, "--format", "github")
    assert code == 0
    assert out.startswith(
        f"::warning file=m.tflite,title=Edge TPU%3A softmax-size::uncertain: {UNCERTAIN_DETAIL}; remedy: "
    )
    assert out.count("\n") == 1


def test_blockers_stand_in_the_order_of_the_graph_in_every_format(run_here, file):
    tensors = [T(name, (1, 4), "int8", 0.1) for name in "abcd"]
    ops = [O("ADD", ["a", "a"], ["b"], 4), O("ELU", ["b"], ["c"]), O("ADD", ["c", "c"], ["d"], 4)]
    name = file(tflite(tensors=tensors, ops=ops, inputs=["a"], outputs=["d"]))
    order = ["op-version", "unsupported-op"]
    text = run_here("check", name)[1]
    assert [line.split()[1] for line in text.splitlines() if line[:2] in ("1.", "2.")] == [
        f"{rule}:" for rule in order
    ]
    [document] = json.loads(run_here("check", name, "--json")[1])
    assert [(blocker["rule"], blocker["op"]) for blocker in document["blockers"]] == list(zip(order, (0, 1)))
    results = json.loads(run_here("check", name, "--format", "sarif")[1])["runs"][0]["results"]
    assert [result["ruleId"] for result in results] == order
    github = run_here("check", name, "--format", "github")[1].splitlines()
    assert [line.split("%3A ")[1].split("::")[0] for line in github] == order


def test_build_and_convert_accept_an_uncertain_op_and_no_refused_one():
    accepted = readiness_of(TfliteModel(UNCERTAIN), Path("m.tflite"), mapped=True)
    assert accepted.verdict == "probably ready"
    with pytest.raises(ConversionError, match="the Edge TPU would map 5 of 7 ops"):
        readiness_of(TfliteModel(NOT_READY), Path("m.tflite"), mapped=True)


@pytest.mark.parametrize(
    ("data", "warning"),
    [
        (conv_classifier(), ""),
        (
            UNCERTAIN,
            f"edgeready: warning: m.tflite: probably ready, 1 of 1 ops uncertain: {UNCERTAIN_DETAIL}\n",
        ),
    ],
    ids=["ready", "probably ready"],
)
def test_build_and_convert_warn_of_an_uncertain_op(capsys, data, warning):
    readiness = readiness_of(TfliteModel(data), Path("m.tflite"), mapped=True)
    result = SimpleNamespace(
        readiness=readiness, to_dict=readiness.to_dict, doubts=(), splits=SimpleNamespace(notes=())
    )
    run_build(
        lambda config, progress: result,
        BuildConfig(data=DataConfig(source="digits"), model="tutorial-cnn"),
        as_json=True,
    )
    out, err = capsys.readouterr()
    assert json.loads(out)["verdict"] == readiness.verdict
    assert err == warning


# -- several files, some of which cannot be read ---------------------------------------------------------------------


def test_a_file_that_cannot_be_read_does_not_hide_the_others(run_here, file, tmp_path):
    good, other = file(conv_classifier(), "a.tflite"), file(conv_classifier(), "c.tflite")
    (tmp_path / "bad.tflite").write_bytes(b"junk")
    code, out, err = run_here("check", good, tmp_path / "none.tflite", tmp_path / "bad.tflite", other)
    assert (code, [line for line in out.splitlines() if "Edge-TPU ready" in line]) == (
        4,
        [f"{path}: Edge-TPU ready (predicted), 7 of 7 ops mapped" for path in (good, other)],
    )
    first, second = err.splitlines()
    assert first.endswith("none.tflite: no such file; give the path of a .tflite model")
    assert "bad.tflite: the file has 4 bytes" in second


def test_the_code_is_that_of_the_first_file_that_cannot_be_read(run_here, file, tmp_path):
    (tmp_path / "bad.tflite").write_bytes(b"junk")
    code, _, err = run_here("check", file(NOT_READY), tmp_path / "bad.tflite", tmp_path / "none.tflite")
    assert (code, err.count("\n")) == (3, 2)


def test_every_format_names_the_file_that_cannot_be_read(run_here, file, tmp_path):
    good, bad = file(conv_classifier(), "a.tflite"), tmp_path / "bad.tflite"
    bad.write_bytes(b"junk")
    code, out, _ = run_here("check", good, bad, "--json")
    first, second = json.loads(out)
    assert (code, first["ready"], second["file"], second["ready"]) == (3, True, str(bad), False)
    assert second["error"].startswith(f"{bad}: the file has 4 bytes")
    code, out, _ = run_here("check", good, bad, "--format", "github")
    assert (code, [line.partition(" ")[0] for line in out.splitlines()]) == (3, ["::error", "::notice"])
    assert "title=no readable model::" in out
    code, out, _ = run_here("check", good, bad, "--format", "sarif")
    (invocation,) = json.loads(out)["runs"][0]["invocations"]
    (notification,) = invocation["toolExecutionNotifications"]
    assert (code, invocation["executionSuccessful"], notification["level"]) == (3, False, "error")
    assert notification["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].endswith("/bad.tflite")


def test_an_edge_tpu_runtime_that_no_compiler_knows_is_told_once(run_here, file):
    code, _, err = run_here("check", file(conv_classifier(), "a.tflite"), file(NOT_READY), "--runtime", "99")
    assert (code, err.count("\n")) == (2, 1)
