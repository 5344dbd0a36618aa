"""The script that scores the rules against what the compiler did."""

from __future__ import annotations

import json
import runpy
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tflite_models import T, conv_classifier, one_op

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "score_readiness.py"


def truth(file: str, family: str, names: list[str], cpu: tuple[int, ...] = (), **more: Any) -> dict[str, Any]:
    ops = [
        {"index": i, "name": name, "version": 1, "target": "cpu" if i in cpu else "edgetpu"}
        for i, name in enumerate(names)
    ]
    return {"file": file, "family": family, "ops": ops, **more}


def test_a_wrong_op_counts_in_its_model_and_its_family(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    relu = one_op("RELU", [T("x", (1, 4), "int8", 0.1)], [T("y", (1, 4), "int8", 0.1)])
    names = ["QUANTIZE", "CONV_2D", "MAX_POOL_2D", "RESHAPE", "FULLY_CONNECTED", "SOFTMAX", "QUANTIZE"]
    right = [[name, names.count(name), "Mapped to Edge TPU"] for name in reversed(dict.fromkeys(names))]
    wrong = [*right[:-1], [*right[-1][:2], "Operation not supported"]]
    with zipfile.ZipFile(tmp_path / "models.zip", "w") as archive:
        archive.writestr("net.tflite", conv_classifier())
        archive.writestr("relu.tflite", relu)
    models = [
        truth(
            "net.tflite",
            "nets",
            names,
            compilations=[
                {"log_rows": right, "package_min_runtime_version": 12},
                {"log_rows": wrong, "package_min_runtime_version": 10},  # older than QUANTIZE
                {"log_rows": None},
            ],
        ),
        truth("relu.tflite", "mixed", ["RELU"], cpu=(0,)),
        truth("relu.tflite", "mixed", ["RELU"]),
        truth("net.tflite", "left out", names, single_partition_cpu_ops=[3]),
    ]
    (tmp_path / "truth.json").write_text(json.dumps({"models": models}), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["score_readiness.py", str(tmp_path)])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    assert capsys.readouterr().out.splitlines() == [
        "relu.tflite: op 0 RELU v1 is cpu, predicted edgetpu (no rule)",
        "relu.tflite: the verdict is ready",
        "3 models in 2 families",
        "per-op accuracy, averaged per family: 0.7500",
        "families right in every op and in the whole: 1 of 2",
        "ops with the verdict uncertain: 0",
        "tables as the compiler printed them: 1 of 2",
        "packages right for the runtime that they ask for: 1 of 2",
    ]
