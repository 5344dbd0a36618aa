from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import edgeready_device
from edgeready_device import cli
from edgeready_device.benchmarking.benchmark import BenchmarkResult
from edgeready_device.benchmarking.stability import Unsteady
from edgeready_device.machine.machine import Machine, bound_threads
from edgeready_device.model import Model
from edgeready_device.model_file.golden import GoldenVectors, recording_key
from edgeready_device.model_file.manifest import InputSpec
from edgeready_device.normalization import Normalization
from edgeready_device.report.benchmark import benchmark_json
from edgeready_device.runtime.runtime import KERNELS, choose_runtime
from edgeready_device.verification import SAME_PATH_STEPS, outputs_of

FRAME = np.array([[16, 8], [4, 12]], np.uint8)  # `sums` answers 26, 18, 21: 2.0, 1.0, 1.375
QUICK = ("--runs", "1", "--min-time", "0")


@pytest.fixture
def run(capsys):
    """Runs the command in this process: exit code, standard output, standard error."""

    def call(*arguments: object):
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as ended:  # argparse
            code = ended.code
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def fails(run):
    """Runs a command that must fail: its exit code and the one line on standard error, without the program's name."""

    def call(*arguments: object):
        code, out, err = run(*arguments)
        assert out == ""
        assert err.count("\n") == 1
        assert err.startswith("edgeready-device: ")
        assert "Traceback" not in err
        return code, err[len("edgeready-device: ") : -1]

    return call


@pytest.fixture
def real(monkeypatch):
    """A machine that is not emulated, wherever the test runs: nothing else is said of an emulated one's times."""
    monkeypatch.setattr("edgeready_device.machine.machine.is_emulated", lambda *_: False)


@pytest.fixture
def image(tmp_path):
    """Writes FRAME, or `pixels`, as a PNG."""
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")

    def make(name: str = "a.png", pixels: np.ndarray = FRAME) -> Path:
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pillow.fromarray(pixels).save(path)
        return path

    return make


@pytest.fixture
def npz(tmp_path):
    """Writes frames and labels for `sums`: three of four are right (the classes 0, 1, 2, and 0 for 1)."""

    def make(**arrays: np.ndarray) -> Path:
        frames = np.array([FRAME, FRAME[:, ::-1], [[0, 0], [200, 200]], FRAME], np.uint8)
        path = tmp_path / "data.npz"
        np.savez(path, **{"x_test": frames, "y_test": np.array([0, 1, 2, 1]), **arrays})
        return path

    return make


def process(*arguments: object, **options):
    # buffered, as for users: unwritten output comes up again when the process ends
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        [sys.executable, "-m", "edgeready_device", *map(str, arguments)],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": env, **options},
    )


# -- info ------------------------------------------------------------------------------------------------------


def test_info_without_a_model_describes_this_machine(run):
    code, out, err = run("info")
    assert (code, err) == (0, "")
    state = ("clock", "heat", "firmware", "supply", "load")  # what this kernel says of them
    assert [name for line in out.splitlines() if (name := line.split()[0]) not in state] == [
        "machine",
        "architecture",
        "CPUs",
        "kernel",
        "Python",
        "runtimes",
    ]
    assert str(choose_runtime()) in out


def test_info_of_a_model_describes_it(run, complete):
    path = complete()
    code, out, err = run("info", path)
    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith(f"file            {path} (")
    assert "labels          3: left, right, both\n" in out


@pytest.mark.parametrize("named", [True, False])
def test_info_as_json_is_one_document(run, complete, named):
    code, out, err = run("info", *([complete()] if named else []), "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert ("labels" in found, "machine" in found) == (named, not named)


# -- classify --------------------------------------------------------------------------------------------------


def test_classify_prints_a_line_an_image(run, complete, image):
    first, second = image("a.png"), image("b.png", FRAME[:, ::-1].copy())
    code, out, err = run("classify", complete(), first, second)
    assert (code, err) == (0, "")
    assert out == (
        f"{first}: left 52.5 %, both 28.1 %, right 19.3 %\n{second}: right 52.5 %, both 28.1 %, left 19.3 %\n"
    )


def test_classify_prints_the_labels_that_are_asked_for(run, complete, image):
    code, out, _ = run("classify", complete(), image(), "--top", 1)
    assert (code, out) == (0, f"{image()}: left 52.5 %\n")


def test_classify_as_json_is_one_document(run, complete, image):
    path = image()
    code, out, err = run("classify", complete(), path, path, "--json", "--top", 2)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert [entry["image"] for entry in found] == [str(path), str(path)]
    assert [(p["label"], p["index"]) for p in found[0]["predictions"]] == [("left", 0), ("both", 2)]
    assert found[0]["predictions"][0]["score"] == pytest.approx(0.5254, abs=1e-4)


@pytest.mark.parametrize("pattern", [".", "*.png", "**/*.png"])
def test_classify_takes_folders_and_patterns(run, complete, image, pattern):
    paths = [image("b.png"), image("a.png")]
    folder = paths[0].parent
    (folder / "notes.txt").write_text("no image")
    code, out, _ = run("classify", complete(), folder / pattern)
    assert code == 0
    assert [line.split(": ")[0] for line in out.splitlines()] == [str(folder / "a.png"), str(folder / "b.png")]


def test_a_file_whose_name_looks_like_a_pattern_is_taken_by_its_name(run, complete, image):
    path = image("x[1].png")
    code, out, _ = run("classify", complete(), path)
    assert (code, out.split(": ")[0]) == (0, str(path))


def test_classify_resizes_as_the_file_says(run, complete, image):
    # 4x2 pixels cropped to the middle 2x2, which is FRAME
    wide = np.concatenate([np.full((2, 1), 255, np.uint8), FRAME, np.full((2, 1), 255, np.uint8)], axis=1)
    frame = InputSpec(2, 2, 1, "crop", Normalization((0.0,), (1.0,)))
    code, out, _ = run("classify", complete(frame=frame), image("wide.png", wide))
    assert (code, out.split(": ")[1]) == (0, "left 52.5 %, both 28.1 %, right 19.3 %\n")


def test_each_runtime_can_be_asked_for(run, complete, image, runtime):
    code, out, err = run("classify", complete(), image(), "--runtime", runtime.name, "--top", 1)
    assert (code, err) == (0, "")
    assert out.endswith(": left 52.5 %\n")


def test_a_missing_image_is_not_found(fails, complete, tmp_path):
    pytest.importorskip("PIL", reason="Pillow is not installed here")
    code, message = fails("classify", complete(), tmp_path / "none.png")
    assert code == 4
    assert "none.png" in message


@pytest.mark.parametrize("name", ["empty", "*.png"])
def test_a_folder_or_pattern_without_images_is_not_found(fails, complete, tmp_path, name):
    (tmp_path / "empty").mkdir()
    code, message = fails("classify", complete(), tmp_path / name)
    assert (code, message) == (4, f"{tmp_path / name}: no images there")


def test_a_damaged_image_is_bad_input(fails, complete, image):
    bad = image("b.png")
    bad.write_bytes(bad.read_bytes()[:40])
    code, message = fails("classify", complete(), bad)
    assert code == 3
    assert "b.png" in message


def test_top_0_is_a_usage_error(fails, complete, image):
    assert fails("classify", complete(), image(), "--top", 0) == (2, "top is 0: ask for at least 1 label")


def test_pillow_that_is_not_installed_is_named_with_the_cure(fails, complete, image, monkeypatch):
    path = image()
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    code, message = fails("classify", complete(), path)
    assert code == 6
    assert "Pillow is not installed" in message
    assert "pip install" in message


# -- evaluate --------------------------------------------------------------------------------------------------


def test_evaluate_of_an_npz_prints_the_accuracy(run, complete, npz):
    code, out, err = run("evaluate", complete(), npz())
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == f"runtime      {choose_runtime()}"
    assert lines[1] == "top-1        75.00 % (30.06 to 95.44, 3 of 4)"
    assert lines[3].startswith("seen before  cannot be known: ")
    assert lines[5:] == [
        "class     top-1  right  of",
        "left   100.00 %      1   1",
        "right   50.00 %      1   2",
        "both   100.00 %      1   1",
    ]


def test_evaluate_as_json_is_one_document(run, complete, npz):
    model, data = complete(), npz()
    code, out, err = run("evaluate", model, data, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert sorted(found) == ["confusion", "data", "model", "per_class", "runtime", "seen", "top1", "top5"]
    assert (found["model"], found["data"]) == (str(model), str(data))
    assert (found["top1"]["hits"], found["top1"]["count"]) == (3, 4)
    assert found["confusion"] == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]


def test_evaluate_of_a_folder_prints_the_accuracy(run, complete, image):
    image("left/a.png")
    image("right/b.png", FRAME[:, ::-1].copy())
    folder = image("right/c.png").parents[1]
    code, out, _ = run("evaluate", complete(), folder, "--json")
    assert code == 0
    assert (json.loads(out)["top1"]["hits"], json.loads(out)["top1"]["count"]) == (2, 3)


@pytest.mark.parametrize(("budget", "code"), [("75", 0), ("75.01", 1), ("0", 0), ("100", 1), ("nan", 1)])
def test_an_accuracy_budget_gives_the_verdict(run, complete, npz, budget, code):
    found, out, err = run("evaluate", complete(), npz(), "--min-accuracy", budget)
    assert found == code
    assert "75.00 %" in out
    below = f"edgeready-device: top-1 accuracy is 75.00 %, below the budget of {float(budget):g} %\n"
    assert err == (below if code else "")


@pytest.mark.parametrize(
    ("arrays", "code", "message"),
    [
        ({"y_test": np.array([0, 1, 2, 3])}, 3, "the label 3 is outside the model's 3 classes"),
        ({"y_test": np.array([0, 1])}, 3, "4 frames and 2 labels"),
        ({"y_test": np.full(4, 0.5)}, 3, "holds 0.5, no whole number: store integers from 0"),
        ({"x_test": np.full((4, 2, 2), -1.5)}, 3, "holds values from -1.5 to -1.5: store the images as uint8"),
        ({"x_test": np.zeros((4, 5, 5, 2), np.uint8)}, 3, "have the shape (4, 5, 5, 2): make it (N, height, width"),
    ],
)
def test_data_that_does_not_fit_the_model_is_bad_input(fails, complete, npz, arrays, code, message):
    found, line = fails("evaluate", complete(), npz(**arrays))
    assert found == code
    assert message in line


def test_data_that_is_not_there_is_not_found(fails, complete, tmp_path):
    code, message = fails("evaluate", complete(), tmp_path / "none.npz")
    assert (code, message.split(";")[0]) == (4, f"{tmp_path / 'none.npz'}: no such file or folder")


def test_progress_is_shown_on_a_terminal_only(run, complete, npz, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    code, _, err = run("evaluate", complete(), npz())
    assert (code, err) == (0, "\r4 of 4 images\r\033[K")


@pytest.fixture
def measurement(tmp_path):
    """Writes a measurement of 400 runs of about 4 ms as `benchmark --out` does, with `changes`."""

    def make(name: str = "a.json", **changes: object) -> Path:
        series = 0.004 * np.exp(np.random.default_rng(1).normal(0, 0.01, 400))
        machine = Machine("aarch64", "CPU", "Raspberry Pi 5", 4, "6.6", "3.11", emulated=False)
        result = BenchmarkResult(
            Path("m.tflite"), choose_runtime(), 1, "default", 0.1, 0.01, 10, tuple(map(float, series)), machine
        )
        path = tmp_path / name
        path.write_text(json.dumps({**benchmark_json(result), **changes}))
        return path

    return make


# -- benchmark -------------------------------------------------------------------------------------------------


def test_benchmark_prints_a_summary(run, complete, real):
    code, out, err = run("benchmark", complete(), *QUICK)
    assert (code, err) == (0, "")
    names = [line[:10].strip() for line in out.splitlines()]
    assert names[:9] == ["model", "runtime", "machine", "cold start", "median", "p90", "p95", "p99", "runs"]
    assert names[9:11] == ["throughput", "stages"]
    assert "too-few     1 run, it takes 64\n            ask for --runs 64 or more\n" in out
    assert "p99         not supported by 1 samples (it takes 662)" in out


def test_benchmark_as_json_has_raw_latencies_and_the_machine(run, complete, runtime):
    threads = bound_threads(2)
    words = ["--runs", 3, "--min-time", 0, "--threads", threads, "--runtime", runtime.name, "--json"]
    code, out, err = run("benchmark", complete(), *words)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert sorted(found) == sorted(
        "schema model sha256 runtime threads kernels delegate tuned load_s first_run_s cold_start_s warmup_runs "
        "count median_s mad_s p90_s p95_s p99_s throughput_per_s memory steady unsteady emulated virtual machine "
        "before after activity windows stages latencies_s".split()
    )
    assert (found["runtime"], found["threads"], found["kernels"]) == (str(runtime), threads, "default")
    assert (found["count"], len(found["latencies_s"]), found["p99_s"]) == (3, 3, None)


@pytest.mark.parametrize(("budget", "code"), [("100000", 0), ("0.0000001", 1), ("nan", 1)])
def test_a_latency_budget_gives_the_verdict(run, complete, monkeypatch, budget, code):
    monkeypatch.setattr("edgeready_device.machine.machine.is_emulated", lambda *_: False)
    found, out, err = run("benchmark", complete(), "--runs", 64, "--min-time", 0, "--max-p90-ms", budget)
    assert found == code
    assert "median" in out
    assert err.count("\n") == code
    assert (f"above the budget of {float(budget):g} ms" in err) == bool(code)


def test_a_latency_budget_needs_enough_runs(run, complete, monkeypatch):
    monkeypatch.setattr("edgeready_device.machine.machine.is_emulated", lambda *_: False)
    code, _, err = run("benchmark", complete(), *QUICK, "--max-p90-ms", 1000)
    assert (code, err) == (1, "edgeready-device: 1 runs do not carry a p90: ask for more --runs\n")


def test_a_latency_budget_cannot_be_judged_under_emulation(run, complete, monkeypatch):
    monkeypatch.setattr("edgeready_device.machine.machine.is_emulated", lambda *_: True)
    code, out, err = run("benchmark", complete(), *QUICK, "--max-p90-ms", 1000)
    assert (code, err) == (1, "edgeready-device: emulated: no latency budget can be judged here\n")
    assert "EMULATED    not a measure of any board" in out


def test_a_longer_least_time_is_not_cut_at_the_longest(complete, monkeypatch, run):
    asked = []

    def remember(path, config):
        asked.append(config)
        raise KeyboardInterrupt

    monkeypatch.setattr("edgeready_device.benchmarking.benchmark.benchmark", remember)
    assert run("benchmark", complete(), "--min-time", 90)[0] == 130
    assert (asked[0].min_time_s, asked[0].max_time_s) == (90.0, 90.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--runs", "0"), "runs is 0"),
        (("--min-time", "-1"), "the least time is -1.0 s"),
        (("--threads", "0"), "threads is 0: ask for at least 1"),
        (("--runtime", "onnx"), "the runtime 'onnx' is unknown: choose ai-edge-litert or tflite-runtime"),
        (("--runs", "many"), "argument --runs: invalid int value: 'many'; see edgeready-device benchmark --help"),
    ],
)
def test_an_option_that_cannot_be_meant_is_a_usage_error(fails, complete, options, message):
    code, line = fails("benchmark", complete(), *options)
    assert code == 2
    assert message in line


@pytest.mark.parametrize(("steady", "code"), [(True, 0), (False, 1)])
def test_a_measurement_can_be_required_to_be_steady(run, complete, real, monkeypatch, steady, code):
    reasons = [] if steady else [Unsteady("busy", "it was", "wait"), Unsteady("drifting", "it did", "wait")]
    monkeypatch.setattr("edgeready_device.benchmarking.benchmark.judge", lambda evidence: tuple(reasons))
    assert run("benchmark", complete(), *QUICK)[0] == 0
    found, out, err = run("benchmark", complete(), *QUICK, "--require-steady")
    assert found == code
    assert ("verdict     steady" in out) is steady
    assert err == ("" if steady else "edgeready-device: the measurement is not steady: busy, drifting\n")


def test_a_sustained_benchmark_shows_its_windows(run, complete):
    code, out, err = run("benchmark", complete(), "--sustained", 0.03, "--warmup-runs", 0, "--warmup-time", 0)
    assert (code, err) == (0, "")
    assert out.splitlines()[0].split() == ["minute", "median", "p90", "heat", "clock", "throttled"]
    assert [line.split()[0] for line in out.splitlines()[1:3]] == ["0.0", "0.0"]


def test_two_measurements_are_kept_and_compared(run, complete, real, tmp_path, monkeypatch):
    monkeypatch.setattr("edgeready_device.benchmarking.benchmark.judge", lambda evidence: ())
    monkeypatch.setattr("edgeready_device.benchmarking.benchmark.is_virtual", lambda board: False)
    for name in ("a.json", "b.json"):
        few = ("--runs", 200, "--min-time", 0)
        code, out, err = run("benchmark", complete(), *few, "--out", tmp_path / name, "--json")
        assert (code, err) == (0, "")
        assert json.loads((tmp_path / name).read_text()) == json.loads(out)
    code, out, err = run("compare", tmp_path / "a.json", tmp_path / "b.json", "--max-slowdown-percent", 100000)
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == ["first", "second", "difference", "verdict"]
    code, out, _ = run("compare", tmp_path / "a.json", tmp_path / "a.json", "--json")
    assert (code, json.loads(out)["verdict"]) == (0, "no difference shown")


def _slower(path: Path, factor: float) -> Path:
    document = json.loads(path.read_text())
    slow = path.with_name("slow.json")
    slow.write_text(json.dumps({**document, "latencies_s": [value * factor for value in document["latencies_s"]]}))
    return slow


@pytest.mark.parametrize(("allowed", "code"), [(0, 1), (20, 1), (900, 0)])
def test_a_slower_second_is_1(run, measurement, allowed, code):
    slow = _slower(measurement(), 2.0)
    found, out, err = run("compare", measurement(), slow, "--max-slowdown-percent", allowed)
    assert (found, err) == (code, "")
    assert out.splitlines()[-1] == "verdict     the second is slower"


def test_a_faster_second_is_0(run, measurement):
    code, out, _ = run("compare", measurement(), _slower(measurement(), 0.5))
    assert (code, out.splitlines()[-1]) == (0, "verdict     the second is faster")


def test_emulated_against_real_is_refused(fails, measurement):
    other = measurement("b.json", emulated=True)
    code, line = fails("compare", measurement(), other)
    assert code == 3
    assert line.startswith(f"{other} was measured under emulation and {measurement()} was not")


def test_an_unsteady_measurement_is_not_judged(run, measurement):
    other = measurement("b.json", unsteady=[{"kind": "throttled", "detail": "", "advice": ""}])
    code, out, _ = run("compare", measurement(), other, "--max-slowdown-percent", 50)
    assert code == 1
    assert out.splitlines()[-1] == "verdict     not judged: measure again where it is steady"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("none.json",), 4, "none.json: no such file; make it with benchmark --out"),
        (("a.json", "--max-slowdown-percent", "-1"), 2, "the slowdown is -1 %: ask for 0 or more"),
        (("a.json", "--max-slowdown-percent", "nan"), 2, "the slowdown is nan %: ask for 0 or more"),
        ((), 2, "the following arguments are required: second; see edgeready-device compare --help"),
    ],
)
def test_a_comparison_that_cannot_be_made_is_one_line(fails, measurement, monkeypatch, arguments, code, message):
    monkeypatch.chdir(measurement().parent)
    assert fails("compare", "a.json", *arguments) == (code, message)


def test_a_model_and_a_measurement_are_not_compared(fails, measurement, complete):
    code, line = fails("compare", measurement(), complete())
    assert code == 2
    assert line == f"{measurement()} and {complete()} are a model and a measurement: give two of a kind"


def test_two_models_are_measured_in_turns(run, complete, real, runtime):
    code, out, err = run("compare", complete(), complete(), "--time", 0, "--runtime", runtime.name, "--json")
    found = json.loads(out)
    assert (err, found["verdict"], code) in (
        ("", "no difference shown", 0),
        ("", "faster", 0),
        ("", "slower", 1),
    )
    assert found["first"]["count"] >= 200
    assert found["differs"] == []


@pytest.mark.parametrize(("second", "code"), [("none.tflite", 4), ("text.tflite", 3)])
def test_a_second_model_that_cannot_be_read_is_one_line(fails, complete, tmp_path, second, code):
    (tmp_path / "text.tflite").write_text("no model")
    found, line = fails("compare", complete(), tmp_path / second)
    assert (found, line.startswith(str(tmp_path / second))) == (code, True)


def test_a_time_that_cannot_be_meant_is_refused(fails, complete):
    assert fails("compare", complete(), complete(), "--time", "-1") == (2, "the time is -1 s: ask for 0 to 86400")


def test_a_measurement_that_cannot_be_kept_is_said_and_shown(run, complete, tmp_path):
    code, out, err = run("benchmark", complete(), *QUICK, "--out", tmp_path / "none" / "a.json")
    assert (code, err.count("\n"), err.startswith("edgeready-device: cannot write ")) == (3, 1, True)
    assert "\nmedian " in out


def test_a_choice_that_cannot_be_kept_is_said_and_shown(run, complete, real):
    path = complete("conv")
    path.with_name(path.name + ".tune.json").mkdir()
    code, out, err = run("tune", path, "--threads", "1", "--seconds", "0.05")
    assert (code, err.count("\n"), err.startswith("edgeready-device: cannot write ")) == (3, 1, True)
    assert out.startswith(f"{path}\ncandidate ")


# -- verify ----------------------------------------------------------------------------------------------------


@pytest.fixture
def recorded(model, complete):
    """`conv` with golden vectors of the runtime that is chosen here, `steps` off."""

    def make(steps: int = 0) -> Path:
        inputs = (np.arange(3 * 64) * 37 % 256).astype(np.uint8).reshape(3, 8, 8, 1)
        runtime = choose_runtime()
        outputs = {
            recording_key(runtime, kernels): outputs_of(Model.load(model("conv"), kernels=kernels), inputs)
            + np.uint8(steps)
            for kernels in KERNELS
        }
        return complete("conv", golden=GoldenVectors(inputs, outputs), frame=InputSpec(8, 8, 1))

    return make


def test_verify_of_the_right_answers_is_0(run, recorded):
    path = recorded()
    code, out, err = run("verify", path)
    bound = SAME_PATH_STEPS[choose_runtime().name, "default"]
    assert (code, err) == (0, "")
    assert out == (
        f"{path} on {choose_runtime()}: the answers are right on this machine\n"
        "kernels    steps off  same top-1  verdict\n"
        f"default    {f'0 of {bound}':>9}      3 of 3     pass\n"
        "reference     0 of 0      3 of 3     pass\n"
        "\n"
        "values off by  default  reference\n"
        "nothing              9          9\n"
        "for information: default and reference differ here by up to 0 steps, same top-1 3 of 3\n"
    )


def test_verify_of_wrong_answers_is_1(run, recorded):
    code, out, err = run("verify", recorded(steps=13))
    assert (code, err) == (1, "")
    assert "THE ANSWERS ARE WRONG ON THIS MACHINE" in out
    assert out.count("FAIL") == 2


@pytest.mark.parametrize(("steps", "code"), [(0, 0), (13, 1)])
def test_verify_as_json_is_one_document(run, recorded, steps, code):
    found, out, _ = run("verify", recorded(steps), "--json")
    assert found == code
    assert json.loads(out)["passed"] is (code == 0)


def test_verify_without_golden_vectors_is_3(fails, model):
    code, message = fails("verify", model("conv"))
    assert code == 3
    assert message.startswith(f"{model('conv')}: it carries no golden vectors")


def test_verify_of_a_changed_file_is_3(fails, recorded):
    path = recorded()
    path.write_bytes(path.read_bytes().replace(b"conv/weights", b"conv/weightz"))
    code, message = fails("verify", path)
    assert code == 3
    assert "the sha256 of its flatbuffer is" in message


# -- errors ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["info", "classify", "evaluate", "benchmark", "verify"])
@pytest.mark.parametrize(("name", "code"), [("none.tflite", 4), ("text.tflite", 3), ("folder.tflite", 3)])
def test_a_model_that_cannot_be_read_is_one_line_in_every_command(fails, tmp_path, npz, request, verb, name, code):
    (tmp_path / "text.tflite").write_text("this is a text file")
    (tmp_path / "folder.tflite").mkdir()
    more = {"classify": ["x.png"], "evaluate": [npz()]}.get(verb, [])
    found, message = fails(verb, tmp_path / name, *more)
    assert found == code
    assert message.startswith(str(tmp_path / name))


def test_a_model_that_the_runtime_refuses_is_one_line(fails, model, npz):
    code, message = fails("evaluate", model("unknown_op"), npz())
    assert code == 3
    assert message.startswith(f"{model('unknown_op')}: {choose_runtime()} refuses the model: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "the following arguments are required: COMMAND; see edgeready-device --help"),
        (("fly",), "argument COMMAND: invalid choice: 'fly' (choose from "),
        (("verify",), "the following arguments are required: model; see edgeready-device verify --help"),
        (("info", "--fast"), "unrecognized arguments: --fast; see edgeready-device --help"),
    ],
)
def test_a_command_line_that_cannot_be_meant_is_one_line(fails, arguments, message):
    code, line = fails(*arguments)
    assert code == 2
    assert line.startswith(message)


def test_debug_shows_the_traceback_before_the_line(run, tmp_path):
    code, out, err = run("info", tmp_path / "none.tflite", "--debug")
    assert (code, out) == (4, "")
    assert err.startswith("Traceback (most recent call last):\n")
    assert err.endswith(f"edgeready-device: {tmp_path / 'none.tflite'}: no such file; name a .tflite model\n")


def test_a_bug_of_ours_is_one_line_with_its_own_code(fails, monkeypatch):
    def broken():
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr("edgeready_device.machine.machine.read_machine", broken)
    assert fails("info") == (70, "a bug in edgeready-device (ZeroDivisionError: by zero); see --debug")


def test_an_interruption_is_130(fails, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("edgeready_device.machine.machine.read_machine", interrupted)
    assert fails("info") == (130, "interrupted")


def test_the_version_is_told(run):
    assert run("--version") == (0, f"edgeready-device {edgeready_device.__version__}\n", "")


@pytest.mark.parametrize("verb", ["info", "classify", "evaluate", "benchmark", "verify"])
def test_every_command_has_help(run, verb):
    code, out, err = run(verb, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: edgeready-device {verb} ")


# -- in a process of its own -----------------------------------------------------------------------------------


def test_the_module_runs_as_a_command(complete, image):
    done = process("classify", complete(), image())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{image()}: left 52.5 %, both 28.1 %, right 19.3 %\n"


def test_an_error_is_the_process_exit_code_and_one_line(model, tmp_path):
    done = process("benchmark", model("unknown_op"))
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"edgeready-device: {model('unknown_op')}: ")


@pytest.mark.parametrize("arguments", [("info",), ("info", "--json"), ("--help",)])
def test_a_reader_that_went_away_is_no_error(arguments):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = process(*arguments, stdout=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("argument", ["info", "--help"])
def test_a_full_disk_is_one_line(argument):
    with open("/dev/full", "w") as full:
        done = process(argument, stdout=full)
    assert (done.returncode, done.stderr) == (
        3,
        "edgeready-device: standard output cannot be written (No space left on device): write elsewhere\n",
    )


def _without(number: int, *arguments: object):
    code = "import os, sys\nos.execv(sys.executable, [sys.executable, '-m', 'edgeready_device', *sys.argv[1:]])"
    close = f"import os\nos.close({number})\n"
    return subprocess.run([sys.executable, "-c", close + code, *map(str, arguments)], capture_output=True, text=True)


def test_a_closed_standard_output_is_one_line():
    done = _without(1, "info")
    assert (done.returncode, done.stderr) == (
        3,
        "edgeready-device: standard output is closed: nothing can be written there\n",
    )


def test_a_closed_standard_error_keeps_the_exit_code(tmp_path, complete, npz):
    assert _without(2, "info", tmp_path / "none.tflite").returncode == 4
    assert _without(2, "evaluate", complete(), npz(), "--min-accuracy", 99).returncode == 1
    assert _without(2, "evaluate", complete(), npz()).returncode == 0


def test_a_terminal_that_knows_ascii_only_gets_escapes(complete):
    path = complete(labels="été\nhiver\nboth\n".encode())
    done = process("info", path, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "labels          3: \\xe9t\\xe9, hiver, both\n" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux")
def test_a_file_name_that_is_no_text_can_be_printed(complete, image):
    named = os.fsencode(image()).replace(b"a.png", b"caf\xe9.png")
    os.rename(image(), named)
    done = process("classify", complete(), os.fsdecode(named), env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "caf\\udce9.png: left 52.5 %" in done.stdout


def test_importing_the_package_loads_neither_a_runtime_nor_pillow():
    code = (
        "import sys\nimport edgeready_device\nimport edgeready_device.cli\n"
        "print(sorted({name.split('.')[0] for name in sys.modules}"
        " & {'PIL', 'ai_edge_litert', 'tflite_runtime', 'tensorflow', 'flatbuffers', 'edgeready'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_an_option_means_the_same_in_every_verb():
    """All but --threads, of which tune takes several, and --threshold, which is 0.3 for objects."""
    texts: dict[str, set[str]] = {}
    for parser in cli.parsers()[1].values():
        for action in parser._actions:
            for name in action.option_strings:
                texts.setdefault(name, set()).add(action.help)
    assert {name for name, helps in texts.items() if len(helps) > 1} == {"--threads", "--threshold"}


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["classify", "model.tflite", ""], "word 3 of the command"),
        (["info", ""], "word 2 of the command"),
        (["classify", "--labels", "", "model.tflite", "a.png"], "word 3 of the command"),
        (["evaluate", "model.tflite", "--labels=", "--data=x"], "the value of --labels"),
    ],
)
def test_an_empty_word_is_not_the_current_folder(fails, words, what):
    assert fails(*words) == (2, f"{what} is empty: is the variable set that it comes from?")
