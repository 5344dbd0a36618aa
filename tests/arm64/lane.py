"""The steps of the arm64 lane; each leaves its verdict in a Lane, which prints what it knows at the end."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import ROOT, Done, Engine
from systems import CPU_PARTS, EMULATED, NATIVE, System, environment

WORKERS = 2
DEVICE_TESTS_S = 1500
HOSTILE_S = 1200
CONTRACT_S = 300
CONVERSION_S = 300
COMMAND_S = 90
# Files of tests/device that open no runtime: with a second runtime they would only say the same again. A file that
# comes new is run with every runtime until it is named here.
ARITHMETIC = tuple(
    f"tests/device/test_{name}.py"
    for name in (
        *("archive", "board_state", "compare", "difference", "examples", "golden", "manifest", "bimodal"),
        *("postprocess", "preprocess", "quantization", "stability", "statistics", "step_table"),
    )
)
# What no processor changes: processes, signals and pipes; what a graph looks like; labels and texts. Emulation only
# makes it slow.
HOST_ONLY = tuple(
    f"tests/device/test_{name}.py"
    for name in (
        *("ending", "surroundings", "frozen", "confinement", "forks", "input_file", "limits", "run_records"),
        *("watch_actions", "watch_command", "watch_folder", "watch_labels", "watch_loop", "watch_memory"),
        *("watch_objects", "watch_report", "watch_stream", "word_order", "failure", "bounds", "foreign_text"),
        *("foreign_structure", "detect_command", "detector_head", "detector_labels", "exporter_notes", "flexbuffer"),
        *("pictures", "pixels", "seen_images", "any_model", "any_golden", "verbosity"),
        *("profile_kernels", "litert_library"),
    )
)
# QEMU's own memory is in the child's limit.
UNDER_QEMU = "test_first_run.py::test_a_model_that_takes_more_memory_than_its_size_explains_is_refused"
OPENING, BESIDE = "what opens it", "arithmetic"
HOST_FOLDERS = tuple(f"/opt/edgeready/tests/{folder}" for folder in ("host", "tests", "tests/host"))
NO_INDEX = ("-m", "not install")  # the container has neither network nor pip
FAULTS = ("garbage", "classes", "reference")
# One step off at the input, at the output, in a scale: file, text (found once), text instead.
MUTATIONS = {
    "input": ("model.py", "return self._encode(frame)\n", "return np.minimum(self._encode(frame), 254) + 1\n"),
    "output": (
        "model.py",
        "row: NDArray[Any] = output[0]\n",
        "row: NDArray[Any] = (np.maximum(output, 1) - 1)[0]\n",
    ),
    "scale": (
        "model_file/tensor_spec.py",
        "QuantParams(tensor.scales[0],",
        "QuantParams(tensor.scales[0] * (1 + 1 / 255),",
    ),
}


@dataclass
class Lane:
    """What was found: rows of the contract, verdicts, and how long things took."""

    engine: Engine
    say: Callable[[str], None]
    rows: list[list[str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    times: list[tuple[str, float]] = field(default_factory=list)
    sizes: list[str] = field(default_factory=list)

    def verdict(self, name: str, ok: bool, detail: str) -> None:
        """Notes one check and says it."""
        self.say(f"{'ok  ' if ok else 'FAIL'} {name}: {detail}")
        if not ok:
            self.failures.append(f"{name}: {detail.splitlines()[-1] if detail else ''}")

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Notes how long the block took."""
        started = time.monotonic()
        yield
        self.times.append((name, time.monotonic() - started))


def together(*steps: Callable[[], None]) -> None:
    """Runs the steps, as many at once as there are workers; raises what one of them raised."""
    with ThreadPoolExecutor(WORKERS) as pool:
        for future in [pool.submit(step) for step in steps]:
            future.result()


def build(lane: Lane, system: System) -> None:
    """The image with the tests, then the image itself."""
    arguments = system.arguments(lane.engine)
    with lane.timed(f"build, {system.name}"):
        log = lane.engine.build(system.tag("test"), "--target", "test", *arguments)
        log += lane.engine.build(system.tag("image"), *arguments)
    steps = sum(line.endswith(" CACHED") for line in log.splitlines())
    lane.verdict(f"build, {system.name}", True, f"{lane.times[-1][1]:.0f} s, {steps} steps from the cache")


def profiles(system: System, more: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The profiles to run; a machine that is arm64 itself has only one."""
    return (*system.profiles, *more) if EMULATED else (NATIVE,)


def device_tests(lane: Lane, system: System, runtime: str, site: str, part: str = "") -> None:
    """All of tests/device with one runtime; or only what opens it, or only the arithmetic beside it."""
    profile = profiles(system)[0]
    name = f"tests/device, {system.name}, {runtime}{part and f', {part}'}"
    host_only = HOST_ONLY if EMULATED else ()
    tests = ["tests/device", *(["--deselect", f"tests/device/{UNDER_QEMU}"] if EMULATED else [])]
    chosen = {
        "": [*tests, *(f"--ignore={file}" for file in host_only)],
        OPENING: [*tests, *(f"--ignore={file}" for file in (*ARITHMETIC, *host_only))],
        # With the runtime loaded, as on a board: one of them changes how the processor rounds.
        BESIDE: ["-p", f"{runtime.replace('-', '_')}.interpreter", *ARITHMETIC],
    }[part]
    with lane.timed(name):
        done = lane.engine.run(
            system.tag("test"),
            *("-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", *NO_INDEX, *chosen),
            limit_s=DEVICE_TESTS_S,
            environment=environment(site, profile).items(),
        )
    summary = done.output.strip().splitlines()[-1:] or ["no output"]
    shown = summary[0] if done.code == 0 else ended(done) + "\n" + done.output[-6000:] + "\n" + summary[0]
    lane.verdict(name, done.code == 0, shown)


def contract(lane: Lane, system: System, runtime: str, site: str, profile: str) -> None:
    """The host's models on one runtime and CPU."""
    name = f"contract, {system.name}, {runtime}, {profile}"
    with lane.timed(name):
        done = run_contract(lane.engine, system, runtime, profile, environment(site, profile))
    document = parsed(done)
    if document is None:
        lane.rows.append([profile, runtime, "-", "-", "-", "-", ended(done)])
        lane.verdict(name, False, ended(done))
        return
    for row in document["rows"]:
        steps, bound = row["steps"], row["bound"]
        same, verdict = "{} of {}".format(*row["agreement"]), row["reason"] or "pass"
        lane.rows.append(
            [profile, document["runtime"], row["model"], row["kernels"], f"{steps} of {bound}", same, verdict]
        )
    bad = [f"{row['model']} {row['kernels']}: {row['reason']}" for row in document["rows"] if row["reason"]]
    lane.verdict(name, not bad and done.code == 0, "; ".join(bad) or f"{len(document['rows'])} rows pass")


def run_contract(
    engine: Engine,
    system: System,
    runtime: str,
    profile: str,
    variables: dict[str, str],
    options: tuple[str, ...] = (),
    models: str = "",
) -> Done:
    """contract.py in a container."""
    part = ["--cpu-part", CPU_PARTS[profile]] if profile in CPU_PARTS else []
    chosen = ["--models", models] if models else []
    return engine.run(
        system.tag("test"),
        *("tests/arm64/contract.py", "--runtime", runtime, *part, *chosen),
        limit_s=CONTRACT_S,
        options=options,
        environment=variables.items(),
    )


def faults(lane: Lane, system: System, runtime: str, site: str) -> None:
    """A backend that computes wrong numbers in silence is caught by verify."""
    profile = profiles(system)[0]
    for fault in FAULTS:
        variables = environment(site, profile, "/opt/edgeready/tests/tests/arm64/faulty")
        done = lane.engine.run(
            system.tag("test"),
            *("-m", "edgeready_device", "verify", "tests/data/arm64/rgb.tflite", "--runtime", runtime, "--json"),
            limit_s=COMMAND_S,
            environment={**variables, "EDGEREADY_FAULT": fault}.items(),
        )
        document = parsed(done)
        caught = done.code == 1 and document is not None and document["passed"] is False
        name = f"faulty backend ({fault}), {system.name}, {runtime}"
        lane.verdict(name, caught, "caught by verify" if caught else f"NOT CAUGHT: {ended(done)}")


def conversion(lane: Lane, system: System) -> None:
    """The host package makes a float32 file integer on arm64, without TensorFlow."""
    site = dict(system.runtimes).get("ai-edge-litert")
    if site is None:  # no 32-bit wheel
        return
    name = f"conversion, {system.name}"
    with lane.timed(name):
        done = lane.engine.run(
            system.tag("test"),
            "tests/arm64/convert.py",
            limit_s=CONVERSION_S,
            environment=environment(site, profiles(system)[0], *HOST_FOLDERS).items(),
        )
    document = parsed(done) or {}
    expected = {"engine": "litert", "ready": True, "top1": 1.0, "runs": [True]}
    ok = done.code == 0 and {key: document.get(key) for key in expected} == expected
    lane.verdict(name, ok, done.output.strip() if document else ended(done))


def hostile(lane: Lane, system: System) -> None:
    """500 damaged model files through the commands with every runtime: no crash, no hang, no traceback."""
    sites = dict.fromkeys(site for _, site in system.runtimes)
    name = f"hostile files, {system.name}"
    with lane.timed(name):
        done = lane.engine.run(
            system.tag("test"),
            *("benchmarks/hostile.py", "--count", "500", "--limit", "60"),
            limit_s=HOSTILE_S,
            environment=environment(":/opt/edgeready/".join(sites), profiles(system)[0]).items(),
        )
    lane.verdict(name, done.code == 0, done.output.strip() if done.output.strip() else ended(done))


def mutations(lane: Lane, system: System, runtime: str, site: str) -> None:
    """The contract lane turns red for each mutation of the device package."""
    profile = profiles(system)[0]
    for mutation, (file, old, new) in MUTATIONS.items():
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            shutil.copytree(ROOT / "device" / "edgeready_device", Path(folder, "edgeready_device"))
            source = Path(folder, "edgeready_device", file)
            text = source.read_text("utf-8")
            if text.count(old) != 1:
                lane.verdict(f"mutation ({mutation})", False, f"{file} has {text.count(old)} times {old!r}")
                continue
            source.write_text(text.replace(old, new), "utf-8")
            options = ("-v", f"{folder}:/mutant:ro")
            variables = environment(site, profile, "/mutant")
            done = run_contract(lane.engine, system, runtime, profile, variables, options, "tutorial")
        document = parsed(done)
        reasons = [row["reason"] for row in document["rows"] if row["reason"]] if document else []
        name = f"mutation (one step off, {mutation}), {system.name}, {runtime}"
        lane.verdict(name, bool(reasons) and done.code == 1, reasons[0] if reasons else f"NOT CAUGHT: {ended(done)}")


def parsed(done: Done) -> Any:
    """The JSON document that a container printed, or None."""
    try:
        return json.loads(done.output)
    except json.JSONDecodeError:
        return None


def ended(done: Done) -> str:
    """How a container ended, in one line."""
    if done.timed_out:
        return "killed at its time limit"
    return f"ended with {done.code}: {done.last_line()}"
