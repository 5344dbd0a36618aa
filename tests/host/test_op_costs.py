"""`check --profile` and `layers --profile`: what a board's profile adds to what the host says of an op."""

from __future__ import annotations

import json
from pathlib import Path

import layer_pairs as pairs
import numpy as np
import pytest
from tflite_models import conv_classifier

from edgeready.errors import DocumentError, NotFoundError
from edgeready.workflows.op_costs import read_costs
from edgeready_device.machine.machine import Machine
from edgeready_device.model_file.reader import TfliteModel, read_model_file
from edgeready_device.profiling.profile import OpTime, Profile
from edgeready_device.report.profile import profile_json
from edgeready_device.runtime.runtime import Runtime

BOARD = Machine("aarch64", "CPU part 0xd08", "Raspberry Pi 4", 4, "6.1", "3.11.2", False)
LEAKY = conv_classifier(leaky=True)  # LEAKY_RELU (5) and the QUANTIZE behind it (6) stay on the CPU


def document(model: TfliteModel, times_us: dict[tuple[int, ...], float], **changes: object) -> dict:
    """What `profile --json` writes of `model` with these times."""
    ops = tuple(
        OpTime(
            ops=ops,
            operator="/".join(model.graph.ops[op].name for op in ops),
            layer=model.graph.of(model.graph.ops[ops[0]].outputs)[0].name if len(ops) == 1 else "",
            kernels=("a kernel",),
            xnnpack=True,
            time_s=time_us / 1e6,
        )
        for ops, time_us in times_us.items()
    )
    total_s = sum(times_us.values()) / 1e6
    profile = Profile(
        model=model.path,
        sha256=model.sha256,
        runtime=Runtime("ai-edge-litert", "2.3.0"),
        threads=1,
        machine=BOARD,
        inputs="seeded noise",
        runs=100,
        run_s=total_s or 1.0,
        profiled_run_s=1.1 * total_s,
        same_outputs=True,
        ops=ops,
    )
    return {**profile_json(profile), **changes}


TIMES = {(0,): 10.0, (1,): 500.0, (2,): 40.0, (3, 4): 50.0, (4, 5): 30.0, (5,): 350.0, (6,): 10.0, (5, 6): 10.0}


@pytest.fixture
def leaky(tmp_path) -> TfliteModel:
    """m.tflite, of which two ops stay on the CPU, beside p.json."""
    path = tmp_path / "m.tflite"
    path.write_bytes(LEAKY)
    model = read_model_file(path)
    (tmp_path / "p.json").write_text(json.dumps(document(model, TIMES)))
    return model


def test_check_says_what_is_left_to_the_cpu_and_what_it_costs(leaky, run_here):
    code, out, err = run_here("check", "m.tflite", "--profile", "p.json")
    assert (code, err) == (1, "")
    assert out.splitlines()[-8:] == [
        "",
        "on the CPU now (Raspberry Pi 4, ai-edge-litert 2.3.0, 1 thread): 1 ms in all ops",
        "  for the Edge TPU: 0.6 ms (60.0 %), in 5 ops",
        "  left to the CPU: 0.37 ms (37.0 %), in 2 ops",
        "    op 5 LEAKY_RELU of layer 'scores_int8': 0.35 ms",
        "    op 6 QUANTIZE of layer 'scores': 10 µs",
        "    op 5-6 LEAKY_RELU/QUANTIZE: 10 µs",
        "  of either: 30 µs (3.0 %), in kernels that fit several ops",
    ]


def test_check_as_json_has_the_same(leaky, run_here):
    code, out, _ = run_here("check", "m.tflite", "--profile", "p.json", "--json")
    data = json.loads(out)[0]["profile"]
    assert code == 1
    assert (data["file"], data["machine"], data["threads"]) == ("p.json", "Raspberry Pi 4", 1)
    assert [data[name] for name in ("sum_s", "edgetpu_s", "cpu_s", "either_s")] == pytest.approx(
        [1e-3, 6e-4, 3.7e-4, 3e-5]
    )
    assert data["cpu_ops"] == [
        {"ops": [5], "operator": "LEAKY_RELU", "time_s": 3.5e-4},
        {"ops": [6], "operator": "QUANTIZE", "time_s": 1e-5},
        {"ops": [5, 6], "operator": "LEAKY_RELU/QUANTIZE", "time_s": 1e-5},
    ]


def test_a_benchmark_with_a_profile_serves_as_well(leaky, tmp_path):
    profile = json.loads((tmp_path / "p.json").read_text())
    measured = {"schema": "edgeready-benchmark 1", "model": "m.tflite", "latencies_s": [1.0], "median_s": 1.0}
    (tmp_path / "b.json").write_text(json.dumps({**measured, "profile": profile}))
    assert read_costs(tmp_path / "b.json", leaky).seconds_of([5, 6]) == pytest.approx(3.7e-4)


def test_layers_say_what_a_layer_costs_in_time_and_in_answers(tmp_path, run_here):
    kernel, dense = pairs.weights()
    (tmp_path / "f.tflite").write_bytes(pairs.float_model(kernel, dense))
    (tmp_path / "i.tflite").write_bytes(pairs.integer_model(kernel, dense, conv_scale=0.0005))
    noise = np.random.default_rng(2)
    np.savez(tmp_path / "data.npz", x=noise.integers(0, 256, (90, 8, 8), np.uint8), y=np.arange(90) % 3)
    model = read_model_file(tmp_path / "i.tflite")
    conv = next(op.index for op in model.graph.ops if op.name == "CONV_2D")
    others = [op.index for op in model.graph.ops if op.index != conv]
    times = {(conv,): 1500.0, **{(op,): 500.0 / len(others) for op in others}}
    (tmp_path / "p.json").write_text(json.dumps(document(model, times)))
    arguments = ("layers", "f.tflite", "i.tflite", "--data", "data.npz", "--profile", "p.json")
    code, out, _ = run_here(*arguments)
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split()[:4] == ["layer", "share", "changed", "time"]
    assert lines[1].split()[0] == "conv"
    assert "75.0 %" in lines[1]
    assert "time: part of 2 ms in all ops on Raspberry Pi 4, ai-edge-litert 2.3.0, 1 thread" in lines
    cost = next(line for line in lines if line.startswith("conv takes "))
    data = json.loads(run_here(*arguments, "--json")[1])
    worst = data["layers"][0]
    changed = 100 * worst["damage"]["changed"] / worst["damage"]["images"]
    assert changed > 0
    assert cost == f"conv takes 75.0 % of the time, and changes {changed:.1f} % of the answers by itself"
    assert (worst["time_s"], worst["time_share"]) == (pytest.approx(1.5e-3), pytest.approx(0.75))
    assert data["profile"]["machine"] == "Raspberry Pi 4"


# -- what is no profile of the file ----------------------------------------------------------------------------


def test_the_profile_of_another_model_is_refused(leaky, tmp_path, run_here):
    other = TfliteModel.from_bytes(conv_classifier(), Path("other.tflite"))
    (tmp_path / "o.json").write_text(json.dumps(document(other, TIMES)))
    code, out, err = run_here("check", "m.tflite", "--profile", "o.json")
    assert (code, out) == (3, "")
    assert err == (
        f"edgeready: o.json: it is the profile of other.tflite (sha256 {other.sha256[:12]}), not of m.tflite "
        f"({leaky.sha256[:12]}): profile this file\n"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ops": [{"ops": [7], "time_s": 1.0}]}, "it names op 7, and "),
        ({"ops": [{"ops": [0], "time_s": -1.0}]}, r"the time of op \[0\] is -1.0: make it with"),
        ({"ops": [{"ops": [0]}]}, r"the time of op \[0\] is None: make it with"),
        ({"ops": [{"ops": ["a"], "time_s": 1.0}]}, "a"),
        ({"sha256": None}, r"sha256 unknown\), not of "),
        ({"schema": "edgeready-profile 9"}, "its schema is 'edgeready-profile 9', not 'edgeready-profile 1'"),
    ],
)
def test_a_damaged_profile_is_an_error_that_names_the_place(leaky, tmp_path, changes, message):
    (tmp_path / "p.json").write_text(json.dumps(document(leaky, TIMES, **changes)))
    with pytest.raises(DocumentError, match=message):
        read_costs(tmp_path / "p.json", leaky)


def test_a_document_without_a_profile_is_refused(leaky, tmp_path):
    measured = {"schema": "edgeready-benchmark 1", "model": "m.tflite", "latencies_s": [1.0], "median_s": 1.0}
    (tmp_path / "b.json").write_text(json.dumps(measured))
    with pytest.raises(
        DocumentError, match=r"b\.json: there is no profile in it: make it with edgeready-device profile"
    ):
        read_costs(tmp_path / "b.json", leaky)


def test_two_profiles_of_the_model_are_refused(leaky, tmp_path):
    profile = json.loads((tmp_path / "p.json").read_text())
    (tmp_path / "two.json").write_text(json.dumps([profile, profile]))
    with pytest.raises(DocumentError, match="it has 2 profiles of this model: give the document of one board"):
        read_costs(tmp_path / "two.json", leaky)


def test_a_missing_profile_is_not_found(leaky, tmp_path):
    with pytest.raises(NotFoundError):
        read_costs(tmp_path / "no.json", leaky)


@pytest.mark.parametrize(
    "words", [("m.tflite", "m.tflite"), ("m.tflite", "--format", "sarif"), ("m.tflite", "--format", "github")]
)
def test_a_profile_is_for_one_file_as_text_or_json(leaky, run_here, words):
    code, out, err = run_here("check", *words, "--profile", "p.json")
    assert (code, out) == (2, "")
    assert err == "edgeready: --profile is for one FILE, as text or JSON: give one, and leave --format out\n"


def test_a_compiler_log_has_no_profile(leaky, tmp_path, run_here):
    from compiled_models import LOG

    (tmp_path / "c.log").write_text(LOG)
    code, _, err = run_here("check", "c.log", "--profile", "p.json")
    assert (code, err) == (2, "edgeready: --profile is for a .tflite file, and c.log is a compiler log\n")
