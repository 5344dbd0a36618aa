"""`profile`: what the ops of a model take, really measured in a child process, and what is refused."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess

import numpy as np
import pytest

from edgeready_device import cli
from edgeready_device.benchmarking.benchmark_file import read_measurement
from edgeready_device.errors import ModelFileError, RuntimeUnavailableError, UsageError
from edgeready_device.machine.machine import read_machine
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.profiling import kernels
from edgeready_device.profiling import profile as module
from edgeready_device.profiling.litert_library import Kernel, LibraryError
from edgeready_device.profiling.profile import OpTime, Profile, ProfileConfig, find_library, profile
from edgeready_device.profiling.profile_child import Recordings, split_runs, summarize, take_turns
from edgeready_device.report.profile import notes, profile_json, profile_text
from edgeready_device.runtime.runtime import Runtime
from edgeready_device.tune_file import Choice, TuneRecord

QUICK = ProfileConfig(runs=3, min_time_s=0.0, max_time_s=0.0, warmup_s=0.0)
LITERT = Runtime("ai-edge-litert", "2.3.0")
OPERATORS = ["QUANTIZE", "CONV_2D", "MAX_POOL_2D", "RESHAPE", "FULLY_CONNECTED", "SOFTMAX", "QUANTIZE"]


@pytest.fixture
def library():
    """Skips where no LiteRT with a profiler is installed."""
    try:
        return find_library()
    except RuntimeUnavailableError as error:
        pytest.skip(str(error))


# -- a real one ------------------------------------------------------------------------------------------------


def test_a_profile_names_each_op_of_the_file_and_its_layer(model, library, tmp_path, capsys):
    inputs = tmp_path / "in.npz"
    np.savez(inputs, np.zeros((1, 8, 8, 1), np.uint8))
    command = ["profile", str(model("conv")), "--json", "--runs", "3", "--min-time", "0", "--threads", "1"]
    assert cli.main([*command, "--inputs", str(inputs)]) == 0
    captured = capsys.readouterr()
    data = json.loads(captured.out)
    assert captured.err == ""
    assert data["schema"] == "edgeready-profile 1"
    assert data["runtime"] == str(library[0])
    assert (data["threads"], data["emulated"]) == (1, read_machine().emulated)
    assert data["sha256"] == read_model_file(model("conv")).sha256
    assert (data["inputs"], data["same_outputs"]) == (str(inputs), True)
    certain = {op["ops"][0]: op for op in data["ops"] if len(op["ops"]) == 1}
    for op in data["ops"]:  # one that can belong to several ops has no name of its own
        names = [OPERATORS[index] for index in op["ops"]]
        assert op["operator"] == "/".join(names)
        assert bool(op["layer"]) is (len(names) == 1)
    assert {index: op["operator"] for index, op in certain.items()}.items() <= dict(enumerate(OPERATORS)).items()
    assert set(certain) >= {0, 1, 2, 4, 5, 6}
    assert [certain[index]["xnnpack"] for index in (0, 1, 2, 4, 5, 6)] == [False, True, True, True, False, False]
    assert (certain[1]["layer"], certain[4]["layer"], certain[6]["layer"]) == ("conv", "dense", "scores")
    assert certain[1]["kernels"][0].startswith("Convolution (NHWC")
    assert all(op["time_s"] >= 0 for op in data["ops"])
    assert sum(op["time_s"] for op in data["ops"]) == pytest.approx(data["sum_s"])
    assert data["covered"] == pytest.approx(data["sum_s"] / data["run_s"])
    assert data["runs"] >= 3
    assert data["run_s"] > 0
    assert data["profiled_run_s"] > 0


def test_inputs_and_outputs_are_told_apart(model, library):
    result = profile(model("float_sums"), QUICK)
    assert result.same_outputs
    assert {op.operator: op.ops for op in result.ops} == {"ADD": (0,), "SUB": (1,)}


def test_a_library_that_dies_is_one_sentence_with_a_remedy(model, library, tmp_path, monkeypatch):
    compiler = shutil.which("cc") or shutil.which("gcc") or pytest.skip("no C compiler is installed here")
    source, broken = tmp_path / "broken.c", tmp_path / "libLiteRt.so"
    source.write_text("int LiteRtCreateEnvironment(int n, void *o, void **e) { *(volatile int *)0 = n; return 0; }\n")
    subprocess.run([compiler, "-shared", "-fPIC", "-O0", "-w", "-o", str(broken), str(source)], check=True)
    monkeypatch.setattr(module, "find_library", lambda: (LITERT, broken))
    monkeypatch.setenv("EDGEREADY_READABLE", str(tmp_path))
    with pytest.raises(RuntimeUnavailableError) as caught:
        profile(model("conv"), QUICK)
    assert str(caught.value) == (
        f"{model('conv')}: ai-edge-litert 2.3.0 cannot profile it: it was ended by SIGSEGV (it read memory that is "
        "not its own: a damaged file, or a library that does not fit); pip install 'ai-edge-litert==2.3.0' has the "
        "functions that this version of edgeready-device knows"
    )


def test_a_library_with_other_functions_is_one_sentence(model, library, monkeypatch):
    monkeypatch.setattr(module, "find_library", lambda: (LITERT, "libc.so.6"))
    with pytest.raises(
        RuntimeUnavailableError, match=r"cannot profile it: its library: it has no function LiteRtCreate"
    ):
        profile(model("conv"), QUICK)


def test_a_model_that_the_c_functions_do_not_read_is_refused_in_their_words(model, library, capsys):
    assert cli.main(["profile", str(model("lstm"))]) == 6
    assert capsys.readouterr().err == (
        f"edgeready-device: {model('lstm')}: {library[0]} cannot profile it: its library says 'Variable tensors not "
        "yet supported.' (LiteRtCreateModelFromBuffer answers with status 5)\n"
    )


def test_outputs_whose_sizes_only_a_run_says_are_read(model, library):
    result = profile(model("ssd_no_shapes"), QUICK)
    assert [op.operator for op in result.ops] == ["DEQUANTIZE", "RESHAPE", "TFLite_Detection_PostProcess"]
    assert result.same_outputs


def test_every_kernel_of_the_table_is_one_of_the_library(library):
    content = library[1].read_bytes()
    assert [name for name in kernels._OPS if f"\0{name} (".encode() not in content] == []


# -- what is refused -------------------------------------------------------------------------------------------


def test_without_litert_the_command_says_what_to_install(model, monkeypatch, capsys):
    monkeypatch.setattr(
        "edgeready_device.runtime.runtime.installed_runtimes", lambda: (Runtime("tflite-runtime", "2.14.0"),)
    )
    assert cli.main(["profile", str(model("conv"))]) == 6
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "run pip install ai-edge-litert" in captured.err


def test_an_older_litert_is_refused_before_the_model_runs(model, monkeypatch, capsys):
    monkeypatch.setattr(
        "edgeready_device.runtime.runtime.installed_runtimes", lambda: (Runtime("ai-edge-litert", "2.1.0"),)
    )
    assert cli.main(["profile", str(model("conv"))]) == 6
    assert capsys.readouterr().err == (
        "edgeready-device: ai-edge-litert 2.1.0 does not say what its ops take: profile needs ai-edge-litert 2.3 or "
        "newer, below 3, which is for CPython 3.10 or newer; run pip install 'ai-edge-litert>=2.3,<3'\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--runs", "0"],
            "runs is 0, the least time 2.0 s, the longest 30.0 s, the warm-up 0.3 s: ask for at least 1",
        ),
        (["--min-time", "-1"], "runs is 100, the least time -1.0 s"),
        (["--min-time", "nan"], "runs is 100, the least time nan s"),
        (["--rows", "0"], "--rows is 0: ask for at least 1"),
        (["--threads", "0"], "threads is 0: ask for at least 1"),
    ],
)
def test_an_option_that_makes_no_sense_is_one_line(model, capsys, words, message):
    assert cli.main(["profile", str(model("conv")), *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"edgeready-device: {message}")
    assert captured.err.count("\n") == 1


def test_a_missing_file_is_not_found(tmp_path, library, capsys):
    assert cli.main(["profile", str(tmp_path / "no.tflite")]) == 4
    assert capsys.readouterr().err.count("\n") == 1


def test_a_file_for_the_edge_tpu_is_refused(model, library):
    with pytest.raises(RuntimeUnavailableError):
        profile(model("compiled"), QUICK)


def test_a_model_with_subgraphs_is_refused(model, library):
    file = read_model_file(model("conv"))
    file.__dict__["graph"] = dataclasses.replace(file.graph, subgraphs=3)
    with pytest.raises(ModelFileError, match=r"it has 3 subgraphs, and the profiler does not say in which of them"):
        profile(file, QUICK)


@pytest.mark.parametrize(
    "values", [{"runs": 0}, {"min_time_s": 31.0}, {"warmup_s": -1.0}, {"warmup_s": float("nan")}, {"threads": 0}]
)
def test_a_config_that_makes_no_sense_is_refused(values):
    with pytest.raises(UsageError):
        ProfileConfig(**values)


# -- threads and tune ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "choice", "expected"),
    [
        (None, None, (1, "")),
        (1, Choice("ai-edge-litert", 2), (1, "")),
        (None, Choice("ai-edge-litert", 1), (1, "")),
        (None, Choice("tflite-runtime", 2), (1, "tune chose tflite-runtime")),
        (None, Choice("ai-edge-litert", 1, "edgetpu"), (1, "tune chose edgetpu")),
    ],
)
def test_threads_are_those_of_tune_where_it_chose_litert(tmp_path, asked, choice, expected):
    record = None if choice is None else TuneRecord(tmp_path, choice)
    threads, note = module._threads(ProfileConfig(threads=asked), record)
    assert (threads, note.partition(", which")[0]) == expected


# -- the arithmetic --------------------------------------------------------------------------------------------


def test_the_faster_half_of_each_kind_is_averaged():
    recordings = Recordings(
        bare_s=[3.0, 1.0, 2.0, 9.0],
        profiled_s=[5.0, 50.0, 4.0],
        microseconds=[(1, 3), (1000, 3000), (2, 3)],
    )
    summary = summarize(recordings)
    assert (summary["runs"], summary["run_s"], summary["profiled_run_s"]) == (3, 1.5, 4.5)
    assert summary["kernels_s"] == pytest.approx([1.5e-6, 3e-6])


def test_a_recording_is_cut_into_its_runs():
    kernels = [Kernel("A", 0, False), Kernel("B", 1, False)]
    assert split_runs(kernels, kernels * 2, [1, 2, 3, 4]) == [[1, 2], [3, 4]]
    for recorded in ([*kernels, kernels[0]], kernels[::-1], [*kernels, Kernel("A", 0, True), kernels[1]]):
        with pytest.raises(LibraryError, match=r"^its kernels differ from run to run$"):
            split_runs(kernels, recorded, range(len(recorded)))


def test_turns_go_on_until_there_are_enough_runs():
    ends = []

    def turn(end, recordings):
        ends.append(end)
        recordings.bare_s.append(0.1)
        recordings.profiled_s.append(0.1)

    assert len(take_turns([turn, turn], runs=5, seconds=0.0, most_s=60.0).bare_s) == 6
    assert len(take_turns([turn], runs=5, seconds=0.0, most_s=0.0).bare_s) == 1
    assert ends == sorted(ends)


# -- the report ------------------------------------------------------------------------------------------------


def a_profile(**changes) -> Profile:
    ops = (
        OpTime(ops=(0,), operator="CONV_2D", layer="conv", kernels=("Convolution",), xnnpack=True, time_s=6e-4),
        OpTime(ops=(1, 2), operator="RESHAPE", layer="flat", kernels=("Copy",), xnnpack=True, time_s=1e-4),
        OpTime(ops=(3,), operator="SOFTMAX", layer="\x1b[31m", kernels=("SOFTMAX",), xnnpack=False, time_s=3e-4),
    )
    machine = dataclasses.replace(read_machine(), board="A board", architecture="aarch64", emulated=False)
    result = Profile(
        model=module.Path("net.tflite"),
        sha256="ab",
        runtime=LITERT,
        threads=1,
        machine=machine,
        inputs="seeded noise",
        runs=100,
        run_s=1e-3,
        profiled_run_s=1.1e-3,
        same_outputs=True,
        ops=ops,
    )
    return dataclasses.replace(result, **changes)


def test_the_table_has_the_hottest_first_and_a_total():
    assert profile_text(a_profile(), 20) == (
        "layer   op  operator       µs    share    kernel\n"
        "conv     0   CONV_2D    600.0   60.0 %   XNNPACK\n"
        "[31m     3   SOFTMAX    300.0   30.0 %  built-in\n"
        "flat   1-2   RESHAPE    100.0   10.0 %   XNNPACK\n"
        "total                 1,000.0  100.0 %\n\n"
        "model     net.tflite\n"
        "runtime   ai-edge-litert 2.3.0, 1 thread\n"
        "machine   A board, aarch64\n"
        "a run     1 ms without the profiler, of which the ops are 100.0 %\n"
        "profiler  a run with it takes 1.1 ms (+10.0 %); 100 runs"
    )


def test_ops_beyond_the_table_are_one_line():
    lines = profile_text(a_profile(), 1).splitlines()
    assert lines[1].split() == ["conv", "0", "CONV_2D", "600.0", "60.0", "%", "XNNPACK"]
    assert lines[2].split() == ["2", "more", "400.0", "40.0", "%"]


def test_the_document_has_the_ops_in_the_order_of_the_run():
    data = profile_json(a_profile())
    assert [op["ops"] for op in data["ops"]] == [(0,), (1, 2), (3,)]
    assert [op["share"] for op in data["ops"]] == pytest.approx([0.6, 0.1, 0.3])
    assert (data["covered"], data["trusted"], data["notes"]) == (pytest.approx(1.0), True, [])


# 30 kernels whose times were cut to whole microseconds, which explains what is missing in a run of 0.2 ms.
CUT = (OpTime(ops=(0,), operator="ADD", layer="sum", kernels=("Add",) * 30, xnnpack=True, time_s=1.78e-4),)


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"run_s": 9e-4}, "the ops are 111 % of a run, not 90 to 105 %: the machine was busy: measure again"),
        ({"run_s": 2e-3}, "the ops are 50 % of a run, not 90 to 105 %: the machine was busy, or copies of its"),
        (
            {"run_s": 2e-4, "ops": CUT},
            "the ops are 89 % of a run, not 90 to 105 %: LiteRT counts whole microseconds, and",
        ),
        ({"run_s": 2e-3, "threads": 2}, "the ops are 50 % of a run, not 90 to 105 %: threads wait for each other"),
        ({"run_s": 5e-5, "threads": 2}, "the ops are 2000 % of a run, not 90 to 105 %: LiteRT counts whole microsec"),
        ({"same_outputs": False}, "the run with the profiler gave other outputs than that without"),
        ({"note": "tune chose x"}, "tune chose x"),
    ],
)
def test_what_weakens_a_profile_is_said(changes, note):
    result = a_profile(**changes)
    assert [sentence[: len(note)] for sentence in notes(result)] == [note]
    assert result.trusted is ("note" in changes)
    assert f"note      {note[:40]}" in profile_text(result, 20)


def test_an_emulated_profile_is_marked():
    result = a_profile(machine=dataclasses.replace(read_machine(), emulated=True))
    assert profile_text(result, 20).endswith("EMULATED  not a measure of any board")
    assert profile_json(result)["emulated"] is True


def test_a_model_whose_ops_take_no_time_has_no_share():
    ops = tuple(dataclasses.replace(op, time_s=0.0) for op in a_profile().ops)
    assert [op["share"] for op in profile_json(a_profile(ops=ops))["ops"]] == [0.0, 0.0, 0.0]


# -- beside a benchmark ----------------------------------------------------------------------------------------

BENCHMARK = ["--runs", "2", "--min-time", "0", "--warmup-runs", "0", "--warmup-time", "0"]


def test_a_benchmark_has_the_profile_in_its_document_and_below_its_rows(
    model, library, monkeypatch, tmp_path, capsys
):
    configs = []

    def stand_in(file, config, *, inputs):
        configs.append((file.path, config.threads, inputs))
        return a_profile()

    monkeypatch.setattr(module, "profile", stand_in)
    out = tmp_path / "measured.json"
    command = ["benchmark", str(model("conv")), "--profile", "--threads", "1", *BENCHMARK]
    assert cli.main([*command, "--runtime", "ai-edge-litert", "--out", str(out)]) == 0
    assert configs == [(model("conv"), 1, None)]
    assert capsys.readouterr().out.endswith(f"\n\n{profile_text(a_profile(), 5)}\n")
    data = json.loads(out.read_text())
    assert data["schema"] == "edgeready-benchmark 1"
    assert data["profile"] == json.loads(json.dumps(profile_json(a_profile())))
    assert read_measurement(out).latencies_s == tuple(data["latencies_s"])


def test_a_benchmark_of_another_runtime_says_that_the_profile_is_of_litert(model, library, monkeypatch, capsys):
    monkeypatch.setattr(module, "profile", lambda file, config, *, inputs: a_profile(threads=config.threads))
    monkeypatch.setenv("EDGEREADY_RUNTIME", "tflite-runtime")
    command = ["benchmark", str(model("conv")), "--profile", "--json", *BENCHMARK]
    if cli.main(command):
        pytest.skip(capsys.readouterr().err)  # no tflite-runtime here
    data = json.loads(capsys.readouterr().out)
    assert data["profile"]["notes"] == [
        f"measured above is {data['runtime']}, which does not say what its ops take: this is ai-edge-litert on the "
        "CPU"
    ]


@pytest.mark.parametrize("words", [["--runtime", "tflite-runtime"], ["--delegate", "edgetpu"]])
def test_a_benchmark_of_what_cannot_be_profiled_is_refused_at_once(model, capsys, words):
    assert cli.main(["benchmark", str(model("conv")), "--profile", *words]) == 2
    assert capsys.readouterr() == (
        "",
        f"edgeready-device: --profile with {words[1]}: only ai-edge-litert on the CPU says what its ops take; leave "
        "--profile out, or measure that\n",
    )


def test_a_benchmark_without_a_profiler_is_refused_before_it_measures(model, monkeypatch, capsys):
    runtimes = (Runtime("ai-edge-litert", "2.1.0"),)
    monkeypatch.setattr("edgeready_device.runtime.runtime.installed_runtimes", lambda: runtimes)
    assert cli.main(["benchmark", str(model("conv")), "--profile"]) == 6
    assert "profile needs ai-edge-litert 2.3 or newer" in capsys.readouterr().err


def test_a_model_that_no_runtime_survives_is_a_bad_file(model, library, capsys):
    assert cli.main(["profile", str(model("aborting"))]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "did not survive its first run" in captured.err
