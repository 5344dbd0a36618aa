"""Operator-wise: a sound network for each operator of both runtimes, and what becomes of one with a change.

Two runtimes in one process disturb each other, and a changed network may end the process: children run them.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from operator_cases import cases
from operator_mutations import CHANGES, changed
from operator_networks import forged, network

from edgeready_device.errors import ModelFileError
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.runtime.runtime import installed_runtimes
from edgeready_device.tflite.structure.verification import verified_graph

HERE = Path(__file__).parent
RUNTIMES = [runtime.name for runtime in installed_runtimes()]
# Runs all networks on one runtime; prints the failures by name, and the operators that it registers besides.
RUN_ALL = """
import json, sys
sys.path[:0] = sys.argv[2:]
import numpy as np
from operator_cases import cases
from operator_networks import IMAGE, network
from tflite_models import T, one_op
from edgeready_device.runtime.runtime import choose_runtime, open_interpreter
from edgeready_device.tflite.schema import BUILTIN_OPERATORS
runtime = choose_runtime(sys.argv[1])
image = np.random.default_rng(0).uniform(-1, 1, IMAGE).astype(np.float32)
failures, names = {}, set()
for case in cases():
    names.add(case.op)
    try:
        interpreter = open_interpreter(runtime, network(case))
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
        interpreter.invoke()
    except (ValueError, RuntimeError) as error:
        failures[case.name] = str(error)
others = []
for name in set(BUILTIN_OPERATORS) - names - {"CUSTOM"}:
    try:
        open_interpreter(runtime, one_op(name, [T("x", (1,), "float32")], [T("y", (1,), "float32")]))
        others.append(name)
    except ValueError as error:
        if "Didn't find op" not in str(error) and "out of range" not in str(error):
            others.append(name)
print(json.dumps([failures, others]))
"""


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_there_is_a_network_for_each_operator_of_a_runtime_and_it_runs(runtime):
    command = [sys.executable, "-c", RUN_ALL, runtime, str(HERE), str(HERE.parent)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    failures, others = json.loads(done.stdout.splitlines()[-1])
    newer = {name for name, reason in failures.items() if "out of range" in reason}  # than tflite-runtime 2.14
    assert {name for name in newer if not name.startswith(("STABLEHLO", "DILATE", "REDUCE_WINDOW"))} == set()
    assert {name: reason for name, reason in failures.items() if name not in newer} == {}
    assert others == []
    assert runtime == "tflite-runtime" or newer == set()


def test_the_verifier_has_nothing_against_the_networks():
    for case in cases():
        for data in (network(case), forged(network(case))):
            file = TfliteModel.from_bytes(data)
            assert file.graph.inputs, case.name
            assert file.contract.labels, case.name


def test_a_changed_operator_is_accepted_or_refused_with_one_sentence_and_the_same_seed_gives_the_same_files():
    networks = [(case.op, network(case)) for case in cases()]
    outcomes = []
    for _ in range(2):
        source, refused, kinds = random.Random(5), [], set()
        for op, data in networks[::2]:
            kind, made = changed(data, op, source)
            kinds.update(kind.split("+"))
            try:
                verified_graph(made)
            except ModelFileError as error:
                refused.append(str(error))
        outcomes.append(refused)
    assert kinds == set(CHANGES)
    assert outcomes[0] == outcomes[1]
    assert 20 < len(refused) < 90
    assert [sentence for sentence in refused if "\n" in sentence or len(sentence) > 400] == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the forks of the benchmark are Linux's")
def test_changed_operators_neither_end_nor_hang_the_commands():
    script = HERE.parents[1] / "benchmarks" / "hostile.py"
    command = [sys.executable, str(script), "--operators", "40", "--seed", "3", "--limit", "20"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "foreign: 40 files, the verifier refuses " in done.stdout
