"""Scores `edgeready.readiness` against what edgetpu_compiler did to public models.

usage: python benchmarks/score_readiness.py FOLDER

FOLDER holds `models.zip` (the .tflite models) and `truth.json` (`models`, each with `file`, `family`, and `ops` that
have a `target`). Printed: per-op accuracy, averaged over the models of a family and then over families, and how many
families are right in every op of every model; an uncertain op counts as mapped, as in the report. Where a compilation
has the compiler's own table (`log_rows`), the predicted table is compared with it, status by status; where it has the
runtime that the package asks for (`package_min_runtime_version`), the check for that runtime is compared with it, op
by op. A model compiled with `-a`, which has `single_partition_cpu_ops`, is left out.
"""

from __future__ import annotations

import argparse
import json
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from edgeready.readiness import ReadinessReport, check_graph
from edgeready.readiness.compiler_table import predict_table
from edgeready_device.tflite.graph import Graph, read_graph


@dataclass(frozen=True)
class Score:
    """One model's score: the share of ops predicted right, and a line for each that was not."""

    family: str
    accuracy: float
    misses: tuple[str, ...]


def score(truth: dict[str, Any], report: ReadinessReport) -> Score:
    """Compares the verdicts with the truth op by op; a missing verdict counts as wrong."""
    verdicts = {op.index: op for op in report.ops}
    misses = []
    for op in truth["ops"]:
        verdict = verdicts.get(op["index"])
        if verdict is None or verdict.target != op["target"]:
            why = "no verdict" if verdict is None else f"predicted {verdict.target} ({verdict.rule or 'no rule'})"
            misses.append(f"{truth['file']}: op {op['index']} {op['name']} v{op['version']} is {op['target']}, {why}")
    if (not report.blockers) != all(op["target"] == "edgetpu" for op in truth["ops"]):
        misses.append(f"{truth['file']}: the verdict is {report.verdict}")
    return Score(
        truth["family"], 1 - sum(": op " in miss for miss in misses) / max(1, len(truth["ops"])), tuple(misses)
    )


def tables(truth: dict[str, Any], report: ReadinessReport) -> list[bool]:
    """For each table that the compiler printed of the model whether the predicted one is the same."""
    custom = {op.custom_code for op in report.ops if op.custom_code}  # the compiler names no custom op
    table = sorted([("CUSTOM" if name in custom else name), *row] for name, *row in predict_table(report))
    logs = [compiled.get("log_rows") for compiled in truth.get("compilations", ())]
    return [sorted(rows) == table for rows in logs if rows]


def runtimes(truth: dict[str, Any], graph: Graph) -> list[bool]:
    """For each runtime that a package of the model asks for whether the check for it has every op right."""
    stamps = {compiled.get("package_min_runtime_version") for compiled in truth.get("compilations", ())}
    targets = [op["target"] for op in truth["ops"]]
    checks = (check_graph(graph, runtime=stamp) for stamp in stamps if stamp is not None)
    return [[op.target for op in report.ops] == targets and not report.risks for report in checks]


def main() -> None:
    """Reads the folder named on the command line and prints the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="holds models.zip and truth.json")
    folder: Path = parser.parse_args().folder
    models = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["models"]
    families: dict[str, list[Score]] = defaultdict(list)
    same: list[bool] = []
    stamped: list[bool] = []
    uncertain = 0
    with zipfile.ZipFile(folder / "models.zip") as archive:
        for model in models:
            if not model.get("single_partition_cpu_ops"):
                graph = read_graph(archive.read(model["file"]))
                report = check_graph(graph, file=model["file"])
                families[model["family"]].append(score(model, report))
                same.extend(tables(model, report))
                stamped.extend(runtimes(model, graph))
                uncertain += report.uncertain
    scores = [entry for family in families.values() for entry in family]
    for entry in scores:
        print(*entry.misses, sep="\n", end="\n" if entry.misses else "")
    exact = sum(not any(entry.misses for entry in family) for family in families.values())
    accuracy = mean(mean(entry.accuracy for entry in family) for family in families.values())
    print(f"{len(scores)} models in {len(families)} families")
    print(f"per-op accuracy, averaged per family: {accuracy:.4f}")
    print(f"families right in every op and in the whole: {exact} of {len(families)}")
    print(f"ops with the verdict uncertain: {uncertain}")
    print(f"tables as the compiler printed them: {sum(same)} of {len(same)}")
    print(f"packages right for the runtime that they ask for: {sum(stamped)} of {len(stamped)}")


if __name__ == "__main__":
    main()
