"""`edgeready gate`: every budget of a model in one command, red and green for each."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tflite_models import conv_classifier

from edgeready import golden
from edgeready.config.gate import GateConfig
from edgeready.errors import UsageError
from edgeready.model_file.writer import package
from edgeready.workflows.evaluate import evaluate_file
from edgeready.workflows.gate import check_budgets
from edgeready_device.benchmarking.benchmark_file import SCHEMA
from edgeready_device.model_file.manifest import InputSpec, Manifest
from edgeready_device.model_file.reader import read_model_file

RUNS = [0.002] * 100  # a p90 of 2 ms


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A model with golden vectors, images, and what a board measured."""
    folder = tmp_path_factory.mktemp("gate")
    images = np.random.default_rng(4).integers(0, 256, (200, 8, 8), dtype=np.uint8)
    np.savez(folder / "noise.npz", x=images, y=np.arange(200) % 3)
    manifest = Manifest("net", InputSpec(8, 8, 1), "probabilities")
    bare = folder / "bare.tflite"
    bare.write_bytes(package(conv_classifier(), manifest, ("0", "1", "2"), "1"))
    golden(bare, data=folder / "noise.npz", out=folder / "model.tflite", vectors=4)
    golden_vectors = read_model_file(folder / "model.tflite").golden
    shifted = {key: np.roll(rows, 1, axis=1) for key, rows in golden_vectors.outputs.items()}
    wrong = package(conv_classifier(), manifest, ("0", "1", "2"), "1", replace(golden_vectors, outputs=shifted))
    (folder / "wrong.tflite").write_bytes(wrong)
    (folder / "leaky.tflite").write_bytes(package(conv_classifier(leaky=True), manifest, ("0", "1", "2"), "1"))
    return folder


@pytest.fixture
def gate(run_here, folder, monkeypatch):
    def command(*words, model="model.tflite"):
        monkeypatch.chdir(folder)
        code, out, err = run_here("gate", *([model] if model else []), "--json", *words)
        return code, {check["name"]: check for check in json.loads(out)["checks"]} if out else err

    return command


@pytest.fixture
def measured(folder):
    """Writes what `benchmark --out` writes on a board."""

    def write(**changes) -> str:
        sha256 = read_model_file(folder / "model.tflite").sha256
        document = {
            "schema": SCHEMA,
            "model": "model.tflite",
            "sha256": sha256,
            "runtime": "tflite-runtime 2.14.0",
            "threads": 4,
            "kernels": "default",
            "machine": {"board": "Raspberry Pi 4", "processor": ""},
            "emulated": False,
            "unsteady": [],
            "latencies_s": RUNS,
            **changes,
        }
        (folder / "pi4.json").write_text(json.dumps(document))
        return "pi4.json"

    return write


def test_the_readiness_budget_is_green_and_red(gate):
    code, checks = gate("--readiness", "ready")
    assert (code, checks["readiness"]["value"], checks["readiness"]["passed"]) == (0, "ready", True)
    code, checks = gate("--readiness", "probably", model="leaky.tflite")
    assert (code, checks["readiness"]["value"], checks["readiness"]["budget"]) == (
        1,
        "not ready",
        "ready or probably ready",
    )
    assert "LEAKY_RELU" in checks["readiness"]["note"]


def test_the_size_budget_is_green_at_the_size_and_red_below(gate, folder):
    size_kb = (folder / "model.tflite").stat().st_size / 1000
    assert gate("--max-size-kb", str(size_kb))[0] == 0
    code, checks = gate("--max-size-kb", str(size_kb - 0.001))
    assert (code, checks["size"]["value"], checks["size"]["passed"]) == (1, size_kb, False)


def test_the_accuracy_budget_is_green_at_the_accuracy_and_red_above(gate, folder):
    top1 = evaluate_file(folder / "model.tflite", str(folder / "noise.npz")).top1
    accuracy = 100 * top1.value
    assert gate("--data", "noise.npz", "--min-accuracy", repr(accuracy))[0] == 0
    code, checks = gate("--data", "noise.npz", "--min-accuracy", repr(accuracy + 0.01))
    assert (code, checks["accuracy"]["value"], checks["accuracy"]["passed"]) == (1, accuracy, False)
    assert checks["accuracy"]["note"].startswith(f"{top1.hits} of {top1.count} images, 95 % interval ")


def test_the_agreement_budget_is_green_and_red(gate, folder):
    code, checks = gate("--min-agreement", "100")
    assert (code, checks["agreement"]["value"]) == (0, 100.0)
    code, checks = gate("--min-agreement", "0", model="wrong.tflite")  # verify says no, whatever the winners are
    assert (code, checks["agreement"]["passed"]) == (1, False)
    assert "steps off with the default kernels: see edgeready-device verify" in checks["agreement"]["note"]
    code, checks = gate("--min-agreement", "99", model="wrong.tflite")
    assert (code, checks["agreement"]["value"] < 99) == (1, True)
    code, line = gate("--min-agreement", "50", model="bare.tflite")
    assert (code, line.partition(": it carries no golden vectors")[0]) == (3, "edgeready: bare.tflite")


def test_the_latency_budget_is_green_and_red(gate, measured):
    code, checks = gate("--max-p90-ms", "2", "--measurement", measured())
    assert (code, checks["p90"]["value"], checks["p90"]["note"]) == (
        0,
        2.0,
        "Raspberry Pi 4, tflite-runtime 2.14.0, threads: 4",
    )
    code, checks = gate("--max-p90-ms", "1.9", "--measurement", measured(unsteady=[{"kind": "busy"}]))
    assert (code, checks["p90"]["passed"]) == (1, False)
    assert checks["p90"]["note"].endswith("; not steady: busy")


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"sha256": "ab" * 32}, "pi4.json is of another model (abababab, this is "),
        ({"emulated": True}, "pi4.json was measured under emulation, which says nothing of a board: measure on"),
        ({"latencies_s": RUNS[:63]}, "pi4.json has 63 runs, which do not carry a p90: measure with more --runs"),
    ],
)
def test_a_measurement_that_allows_no_verdict_is_red(gate, measured, changes, note):
    code, checks = gate("--max-p90-ms", "1000", "--measurement", measured(**changes))
    assert (code, checks["p90"]["value"], checks["p90"]["note"][: len(note)]) == (1, None, note)


def test_all_budgets_of_a_file_are_one_table_of_80_columns(run_here, folder, measured, monkeypatch):
    (folder / "edgeready.toml").write_text(
        f'[gate]\nmodel = "model.tflite"\nreadiness = "ready"\nmax-size-kb = 1000\ndata = "noise.npz"\n'
        f'min-accuracy = 0\nmin-agreement = 99.5\nmax-p90-ms = 2.5\nmeasurement = "{measured()}"\n'
    )
    monkeypatch.chdir(folder)
    code, out, err = run_here("gate", "--config", "edgeready.toml")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert [line.split() for line in lines[:1]] == [["budget", "measured", "limit", "verdict"]]
    assert [(line.split()[0], line.split()[-1]) for line in lines[1:6]] == [
        (name, "kept") for name in ("readiness", "size", "accuracy", "agreement", "p90")
    ]
    assert lines[-1] == "model.tflite: all 5 budgets are kept"
    assert max(map(len, lines[:6])) <= 80
    code, out, _ = run_here("gate", "--config", "edgeready.toml", "--max-size-kb", "0.5", "--max-p90-ms", "1")
    assert (code, out.splitlines()[-1]) == (1, "model.tflite: broken: size, p90")


def test_github_gets_an_annotation_for_each_broken_budget(run_here, folder, monkeypatch):
    monkeypatch.chdir(folder)
    code, out, err = run_here(
        "gate", "leaky.tflite", "--format", "github", "--max-size-kb", "0.5", "--readiness", "ready"
    )
    assert (code, err) == (1, "")
    readiness, size, *table = out.splitlines()
    assert readiness.startswith(
        "::error file=leaky.tflite,title=edgeready gate%3A readiness::not ready, the limit is"
    )
    assert size.endswith(" kB, the limit is at most 0.5 kB")
    assert (table[0].split(), table[-1]) == (
        ["budget", "measured", "limit", "verdict"],
        "leaky.tflite: broken: readiness, size",
    )
    code, out, _ = run_here("gate", "model.tflite", "--format", "github", "--max-size-kb", "500")
    assert (code, out.splitlines(keepends=True)[0]) == (
        0,
        "::notice file=model.tflite,title=edgeready gate::model.tflite: the budget is kept\n",
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "nothing to check: give a budget, or --config with a [gate] table that has one"),
        ({"readiness": "yes"}, "--readiness is 'yes': use ready or probably"),
        ({"min_accuracy": 90.0}, "--min-accuracy has nothing to check: give --data, too"),
        ({"data": "digits"}, "--data has no budget: give --min-accuracy, too"),
        ({"max_p90_ms": 1.0}, "--max-p90-ms has nothing to check: give --measurement, too"),
        ({"measurement": "a.json"}, "--measurement has no budget: give --max-p90-ms, too"),
        (
            {"min_accuracy": float("nan"), "data": "d"},
            "--min-accuracy is nan: give percent from 0 to 100, such as 90",
        ),
        ({"min_agreement": 100.1}, "--min-agreement is 100.1: give percent from 0 to 100, such as 90"),
        ({"max_size_kb": 0.0}, "--max-size-kb is 0: give a number above 0"),
        ({"max_size_kb": float("nan")}, "--max-size-kb is nan: give a number above 0"),
        ({"max_p90_ms": float("inf"), "measurement": "a"}, "--max-p90-ms is inf: give a number above 0"),
    ],
)
def test_budgets_that_cannot_be_meant_are_refused(options, message):
    with pytest.raises(UsageError) as caught:
        GateConfig(**options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--max-size-kb", "1", "--format", "github"), 2, "--json and --format github exclude each other: give one"),
        (("--max-p90-ms", "1", "--measurement", "no.json"), 4, "no.json: no such file; make it with benchmark --out"),
        (("--max-p90-ms", "1", "--measurement", "noise.npz"), 3, "noise.npz: it is no JSON"),
        (("--min-accuracy", "1", "--data", "nosuch"), 4, "no data set or path 'nosuch'"),
    ],
)
def test_what_is_missing_ends_the_command_before_any_verdict(gate, words, code, message):
    exit_code, err = gate(*words)
    assert (exit_code, err[: len(message) + 11]) == (code, f"edgeready: {message}")


def test_a_model_that_is_none_or_missing_is_an_error(gate, folder):
    assert gate("--max-size-kb", "1", model="noise.npz")[0] == 3
    assert gate("--max-size-kb", "1", model="no.tflite")[0] == 4
    assert gate("--max-size-kb", "1", model=None) == (
        2,
        "edgeready: Missing argument 'MODEL'; see edgeready gate --help\n",
    )


def test_the_report_is_a_value_for_programs(folder):
    report = check_budgets(folder / "model.tflite", GateConfig(max_size_kb=0.001, readiness="ready"))
    assert (report.passed, [check.name for check in report.failures]) == (False, ["size"])
