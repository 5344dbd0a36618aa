"""Every probe on machines that are made up, and on real processes that really die."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgeready_device import cli
from edgeready_device.doctor import diagnosis, probes, tpu_probes
from edgeready_device.doctor.diagnosis import diagnose
from edgeready_device.doctor.environment import Environment, Inventory, Subject, read_environment, read_inventory
from edgeready_device.doctor.finding import Diagnosis, Finding
from edgeready_device.doctor.platform_facts import PlatformFacts, read_platform, wheels_for
from edgeready_device.doctor.sample import ANSWER, is_right, sample_model
from edgeready_device.isolation.child import ChildExit
from edgeready_device.isolation.trial import TrialResult
from edgeready_device.machine.machine import read_machine
from edgeready_device.machine.tpu import Tpu, TpuLibrary
from edgeready_device.report.doctor import diagnosis_json, diagnosis_text
from edgeready_device.runtime.runtime import installed_runtimes
from edgeready_device.tflite.graph import read_graph

WELL = ChildExit(0)
PI_OS_12 = PlatformFacts("CPython", (3, 11), "Linux", "aarch64", "glibc", (2, 36), "aarch64")
BOTH = (("ai-edge-litert", "2.3.0"), ("tflite-runtime", "2.14.0"))
RIGHT = TrialResult(WELL, tuple(map(float, ANSWER)))


def board(**changes) -> Environment:
    """A healthy Raspberry Pi on which both runtimes answer rightly."""
    usual = {"facts": PI_OS_12, "inventory": Inventory(WELL, "1.26.4", BOTH), "attempt": lambda *_: RIGHT}
    return Environment(**{**usual, **changes})


def system(**changes) -> PlatformFacts:
    return dataclasses.replace(PI_OS_12, **changes)


def found(probe, machine: Environment) -> list[tuple[str, str, str]]:
    return [(finding.level, finding.sentence, finding.remedy) for finding in probe(machine)]


# -- which wheels fit ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({}, "ai-edge-litert"),
        ({"python": (3, 13), "libc_version": (2, 41)}, "ai-edge-litert"),
        ({"python": (3, 9), "libc_version": (2, 31)}, "ai-edge-litert==2.1.0"),
        ({"machine": "armv7l"}, "tflite-runtime 'numpy<2'"),
        ({"machine": "x86_64"}, "ai-edge-litert"),
    ],
)
def test_the_wheel_that_fits_is_known(changes, first):
    assert wheels_for(system(**changes))[0].requirement == first


@pytest.mark.parametrize(
    "changes",
    [
        {"machine": "armv7l", "python": (3, 13)},
        {"machine": "armv7l", "libc_version": (2, 31)},
        {"machine": "armv6l"},
        {"machine": "i686"},
        {"python": (3, 8)},
        {"python": (3, 15)},
        {"libc": "musl", "libc_version": (1, 2)},
        {"implementation": "PyPy"},
        {"system": "Darwin"},
        {"machine": "riscv64"},
    ],
)
def test_where_no_wheel_fits_there_is_none(changes):
    assert wheels_for(system(**changes)) == ()


def test_this_python_is_described_as_it_is():
    facts = read_platform()
    assert facts.python == sys.version_info[:2]
    assert facts.text.startswith(f"CPython {sys.version_info[0]}.{sys.version_info[1]} on {facts.system} ")


@pytest.mark.parametrize(("kernel", "machine"), [("aarch64", "armv7l"), ("x86_64", "i686"), ("armv7l", "armv7l")])
def test_a_32_bit_python_on_a_64_bit_kernel_is_32_bit(monkeypatch, kernel, machine):
    monkeypatch.setattr("sys.maxsize", (1 << 31) - 1)
    monkeypatch.setattr("platform.machine", lambda: kernel)
    assert (read_platform().machine, read_platform().kernel_machine) == (machine, kernel)


# -- Python, processor, numpy ----------------------------------------------------------------------------------


def test_an_armv6_processor_is_told_before_anything_dies():
    assert found(probes.processor, board(facts=system(machine="armv6l"))) == [
        (
            "problem",
            "this processor is armv6l (Raspberry Pi 1 and Zero): every runtime is built for ARMv7 or newer and ends "
            "in 'Illegal instruction'",
            "take a Raspberry Pi Zero 2 W, 2 or newer",
        )
    ]


def test_a_32_bit_system_on_a_64_bit_processor_is_noted():
    [(level, sentence, remedy)] = found(probes.processor, board(facts=system(machine="armv7l")))
    assert (level, remedy) == ("note", "install the 64-bit Raspberry Pi OS")
    assert sentence.startswith("a 32-bit system runs on a 64-bit processor")


def test_a_usual_processor_is_fine():
    assert found(probes.processor, board()) == [("ok", "CPython 3.11 on Linux aarch64 with glibc 2.36", "")]


@pytest.mark.parametrize("emulated", [True, False])
def test_emulation_is_noted(emulated):
    assert len(found(probes.emulation, board(emulated=emulated))) == emulated


def test_a_numpy_that_dies_is_told_with_the_signal():
    broken = board(inventory=Inventory(ChildExit(None, "SIGILL", errors="x\n")))
    [(level, sentence, remedy)] = found(probes.numpy_loads, broken)
    assert level == "problem"
    assert sentence.startswith("numpy does not load: it was ended by SIGILL (an instruction that this processor does")
    assert remedy.startswith("sudo apt install python3-numpy")


def test_a_numpy_that_is_not_there_is_told_with_its_error():
    child_exit = ChildExit(1, errors="Traceback ...\nModuleNotFoundError: No module named 'numpy'\n")
    [(_, sentence, _)] = found(probes.numpy_loads, board(inventory=Inventory(child_exit)))
    assert sentence == (
        "numpy does not load: it ended with exit code 1 (ModuleNotFoundError: No module named 'numpy')"
    )


@pytest.mark.parametrize(
    ("facts", "sentence", "remedy"),
    [
        ({}, "no TFLite runtime is installed", "pip install ai-edge-litert"),
        ({"python": (3, 9)}, "no TFLite runtime is installed", "pip install ai-edge-litert==2.1.0"),
        (
            {"managed": True},  # where pip itself would end with externally-managed-environment
            "no TFLite runtime is installed",
            "python3 -m venv --system-site-packages ~/edgeready && ~/edgeready/bin/pip install ai-edge-litert",
        ),
        (
            {"libc": "musl"},
            "no TFLite runtime is installed, and none has wheels for musl (Alpine Linux)",
            "use a Debian image, as python:3.11-slim-bookworm",
        ),
        (
            {"machine": "armv7l", "python": (3, 13), "libc_version": (2, 41)},
            "no TFLite runtime is installed, and none has wheels for CPython 3.13 on Linux armv7l with glibc 2.41",
            "install the 64-bit Raspberry Pi OS, or the 32-bit one of Debian 12, which has CPython 3.11",
        ),
        ({"system": "Darwin"}, "no TFLite runtime is installed", "pip install ai-edge-litert"),
        (
            {"python": (3, 15)},
            "no TFLite runtime is installed, and none has wheels for CPython 3.15 on Linux aarch64 with glibc 2.36",
            "use CPython 3.10 to 3.13 on a 64-bit Linux with glibc 2.27 or newer, as Debian 12 or Raspberry Pi OS 12",
        ),
    ],
)
def test_a_missing_runtime_is_told_with_the_wheel_or_that_there_is_none(facts, sentence, remedy):
    broken = board(facts=system(**facts), inventory=Inventory(WELL, "1.26.4", ()))
    assert found(probes.runtime_installed, broken) == [("problem", sentence, remedy)]


def test_an_installed_runtime_and_a_broken_numpy_are_no_missing_runtime():
    assert found(probes.runtime_installed, board()) == []
    assert found(probes.runtime_installed, board(inventory=Inventory(ChildExit(1)))) == []


# -- runtimes --------------------------------------------------------------------------------------------------


def results(**by_name):
    """An attempt that gives each runtime its own result."""
    return lambda request, model: by_name[request.runtime.replace("-", "_")]


def test_it_says_what_confines_a_first_run():
    result = dataclasses.replace(RIGHT, protections=("no network", "libraries only"))
    healthy = board(attempt=results(ai_edge_litert=result, tflite_runtime=result))
    assert found(probes.runtimes_run, healthy)[2:] == [
        ("ok", "a file's first run is confined: no network; libraries only", "")
    ]


def test_a_runtime_that_dies_is_told_with_another_one_that_is_installed():
    broken = board(attempt=results(ai_edge_litert=TrialResult(ChildExit(None, "SIGILL")), tflite_runtime=RIGHT))
    first, second = found(probes.runtimes_run, broken)
    assert first == (
        "problem",
        "ai-edge-litert 2.3.0 does not run: it was ended by SIGILL (an instruction that this processor does not "
        "have: the library was built for a newer one)",
        "--runtime tflite-runtime (or EDGEREADY_RUNTIME=tflite-runtime)",
    )
    assert second == ("ok", "tflite-runtime 2.14.0 loads, runs a model and answers rightly", "")


@pytest.mark.parametrize(
    ("changes", "child_exit", "remedy"),
    [
        ({}, ChildExit(None, "SIGSEGV"), "pip install tflite-runtime 'numpy<2', then --runtime tflite-runtime"),
        ({"emulated": True}, ChildExit(None, "SIGSEGV"), "use QEMU 10 or newer, and set QEMU_CPU to the board's, as"),
        ({}, ChildExit(None, "SIGKILL"), "close other programs, or give the machine more memory or swap"),
        ({}, ChildExit(None, timed_out=True), "close other programs"),
        (
            {"facts": system(python=(3, 13))},
            ChildExit(None, "SIGSEGV"),
            "pip install --force-reinstall --no-cache-dir ai-edge-litert",
        ),
    ],
)
def test_what_helps_against_a_crash_depends_on_the_machine(changes, child_exit, remedy):
    only = Inventory(WELL, "1.26.4", BOTH[:1])
    broken = board(inventory=only, attempt=lambda *_: TrialResult(child_exit), **changes)
    [(_, sentence, advice)] = found(probes.runtimes_run, broken)
    assert sentence == f"ai-edge-litert 2.3.0 does not run: {child_exit.sentence}"
    assert advice.startswith(remedy)


def test_a_refusal_is_told_with_its_own_remedy():
    refused = TrialResult(WELL, error="tflite-runtime 2.14.0 cannot work with numpy 2.1: run pip install 'numpy<2'")
    [(_, sentence, remedy), _] = found(probes.runtimes_run, board(attempt=lambda *_: refused))
    assert (sentence, remedy) == ("tflite-runtime 2.14.0 cannot work with numpy 2.1", "run pip install 'numpy<2'")


def test_a_python_error_in_the_child_is_told_by_its_last_line():
    died = TrialResult(ChildExit(1, errors="Traceback\n  File\nImportError: libstdc++.so.6: not found\n"))
    [(_, sentence, _), _] = found(probes.runtimes_run, board(attempt=lambda *_: died))
    assert sentence.endswith("it ended with exit code 1 (ImportError: libstdc++.so.6: not found)")


@pytest.mark.parametrize("emulated", [True, False])
def test_wrong_answers_are_no_success(emulated):
    wrong = TrialResult(WELL, (0.0, 255.0, 0.0))
    broken = board(emulated=emulated, attempt=lambda *_: wrong)
    (level, sentence, remedy), _ = found(probes.runtimes_run, broken)
    assert level == "problem"
    assert sentence == "ai-edge-litert 2.3.0 runs a model but answers wrongly: 0, 255, 0 in place of 20, 84, 153"
    assert ("QEMU" in remedy) is emulated
    assert diagnose(broken).ran == ()


def test_the_sample_is_what_its_maker_says_and_both_runtimes_agree():
    conv = pytest.importorskip("tflite_models", exc_type=ImportError).conv_classifier(size=6)
    assert read_graph(sample_model()) == read_graph(conv)
    assert len(sample_model()) < 4096


@pytest.mark.parametrize(
    ("answer", "right"),
    [(ANSWER, True), ((24, 80, 153), True), ((25, 84, 153), False), ((20, 84), False), ((), False)],
)
def test_an_answer_is_right_within_the_bound(answer, right):
    assert is_right(answer) is right


# -- the Edge TPU ----------------------------------------------------------------------------------------------

USB = Tpu("usb", "2-1", "/dev/bus/usb/002/007", False, True, 5000)
PCI = Tpu("pci", "apex_0", "/dev/apex_0", True, True, None, 51.6)
LIBRARY = TpuLibrary("/usr/lib/libedgetpu.so.1", "max")


def says(text) -> dict:
    return {"ask": lambda question: ChildExit(0, output=text)}


def test_where_nobody_asks_for_an_edge_tpu_its_absence_is_a_note():
    assert found(tpu_probes.device, board()) == [("note", "no Edge TPU and no libedgetpu is on this machine", "")]
    assert found(tpu_probes.library, board()) == found(tpu_probes.delegate, board()) == []


@pytest.mark.parametrize(
    "changes", [{"delegate": "edgetpu:usb"}, {"library": LIBRARY}, {"subject": Subject("m", b"", 2, 1)}]
)
def test_where_somebody_does_it_is_a_problem(changes):
    [(level, sentence, _)] = found(tpu_probes.device, board(**changes))
    assert (level, sentence[:30]) == ("problem", "no Edge TPU is plugged in: nei")


@pytest.mark.parametrize(
    ("tpu", "level", "sentence", "remedy"),
    [
        (USB, "ok", "an Edge TPU is on USB (2-1); the first model loads its firmware", ""),
        (dataclasses.replace(USB, started=True), "ok", "an Edge TPU is on usb (2-1)", ""),
        (PCI, "ok", "an Edge TPU is on pci (apex_0, 52 °C)", ""),
        (
            Tpu("pci", "0000:03:00.0", "", False, False),
            "problem",
            "the Edge TPU on PCI 0000:03:00.0 has no driver: there is no /dev/apex_0",
            "sudo apt install gasket-dkms && sudo reboot",
        ),
    ],
)
def test_a_device_is_told_with_its_state(tpu, level, sentence, remedy):
    assert found(tpu_probes.device, board(tpus=(tpu,))) == [(level, sentence, remedy)]
    assert found(tpu_probes.permission, board(tpus=(tpu,))) == []


def test_a_usb_device_that_may_not_be_opened_wants_a_rule():
    shut = dataclasses.replace(USB, usable=False)
    assert found(tpu_probes.permission, board(tpus=(shut,))) == [
        (
            "problem",
            "this user may not open the Edge TPU (/dev/bus/usb/002/007): no udev rule names it",
            tpu_probes.UDEV,
        )
    ]
    [(_, sentence, remedy)] = found(tpu_probes.permission, board(tpus=(shut,), udev_rule=True))
    assert sentence.endswith("though there is a udev rule")
    assert remedy == "sudo usermod -aG plugdev $USER, log in again, and plug the device in again"


def test_a_pci_device_that_may_not_be_opened_wants_its_group():
    shut = dataclasses.replace(PCI, usable=False)
    assert found(tpu_probes.permission, board(tpus=(shut,))) == [
        ("problem", "this user may not open the Edge TPU (/dev/apex_0)", tpu_probes.APEX)
    ]


def test_a_slow_link_is_noted():
    slow = dataclasses.replace(USB, speed_mbps=480)
    [(level, sentence, _)] = found(tpu_probes.link, board(tpus=(slow,)))
    assert (level, sentence[:44]) == ("note", "the Edge TPU is on USB 2 (480 Mbit/s): input")
    assert found(tpu_probes.link, board(tpus=(USB, PCI))) == []


def test_a_library_that_loads_is_told_with_version_and_clock():
    text = json.dumps({"version": "RuntimeVersion(14)", "devices": [["usb", "/sys"]]})
    assert found(tpu_probes.library, board(tpus=(USB,), library=LIBRARY, **says(text))) == [
        ("ok", "libedgetpu loads: RuntimeVersion(14), maximum clock: it gets hot", "")
    ]


def test_a_library_that_sees_no_device_though_there_is_one_is_a_problem():
    text = json.dumps({"version": "RuntimeVersion(14)", "devices": []})
    assert [level for level, *_ in found(tpu_probes.library, board(tpus=(USB,), **says(text)))] == [
        "ok",
        "problem",
    ]


@pytest.mark.parametrize(
    ("library", "remedy"),
    [(None, f"{tpu_probes.REBUILT}; take its libedgetpu1-std (see docs/coral.md)"), (LIBRARY, tpu_probes.REBUILT)],
)
def test_a_library_that_does_not_load_is_told_with_the_loaders_reason(library, remedy):
    broken = board(tpus=(USB,), library=library, **says('{"error": "wrong ELF class"}'))
    assert found(tpu_probes.library, broken) == [("problem", "libedgetpu does not load: wrong ELF class", remedy)]


def test_a_library_that_kills_its_process_is_a_sentence():
    broken = board(tpus=(USB,), ask=lambda question: ChildExit(None, "SIGSEGV"))
    [(level, sentence, remedy)] = found(tpu_probes.library, broken)
    assert (level, remedy) == ("problem", tpu_probes.REBUILT)
    assert sentence.startswith("libedgetpu cannot be loaded: it was ended by SIGSEGV")


def test_a_runtime_that_the_library_was_not_built_for_is_told():
    crashed = TrialResult(ChildExit(None, "SIGSEGV"))
    nothing = TrialResult(WELL, error="the delegate edgetpu took 0 of 7 ops; the file is not compiled")
    broken = board(tpus=(USB,), library=LIBRARY, attempt=results(ai_edge_litert=nothing, tflite_runtime=crashed))
    good, bad = found(tpu_probes.delegate, broken)
    assert good == ("ok", "ai-edge-litert 2.3.0 starts the delegate edgetpu", "")
    assert bad[1].startswith(
        "tflite-runtime 2.14.0 does not get on with the delegate edgetpu: it was ended by SIGSEGV"
    )
    assert bad[2] == tpu_probes.REBUILT


# -- the model in question -------------------------------------------------------------------------------------


def test_a_model_that_runs_on_one_runtime_runs():
    broken = board(
        subject=Subject("m.tflite", b"", 5),
        attempt=results(ai_edge_litert=TrialResult(ChildExit(None, "SIGSEGV")), tflite_runtime=RIGHT),
    )
    result = diagnose(broken)
    assert result.ran == ("tflite-runtime 2.14.0",)
    assert [finding.sentence for finding in result.findings if finding.probe == "model"] == [
        f"m.tflite ends ai-edge-litert 2.3.0: {ChildExit(None, 'SIGSEGV').sentence}",
        "m.tflite runs on tflite-runtime 2.14.0",
    ]


def test_a_compiled_model_without_the_delegate_is_told():
    result = diagnose(board(subject=Subject("m.tflite", b"", 3, 1), **says('{"error": "none"}')))
    assert result.ran == ()
    assert result.findings[-1] == Finding(
        "model",
        "problem",
        "1 of 3 ops of m.tflite are compiled for the Edge TPU: no CPU runs them",
        "give --delegate edgetpu on a machine with a Coral device",
    )


@pytest.mark.parametrize(("error", "ran"), [("the delegate x took 0 of 7 ops", BOTH), ("it does not load: y", ())])
def test_a_delegate_that_is_asked_for_has_to_start(error, ran):
    def attempt(request, model):
        return TrialResult(WELL, error=error) if request.delegate else RIGHT

    assert diagnose(board(delegate="./libx.so", attempt=attempt)).ran == tuple(name for name, _ in ran)


@pytest.mark.parametrize(("delegate", "code"), [("tpu", 2), ("./none.so", 4)])
def test_a_delegate_that_cannot_be_meant_is_an_error(capsys, delegate, code):
    assert cli.main(["doctor", "--delegate", delegate]) == code
    assert capsys.readouterr().out == ""


def test_a_level_that_is_none_is_refused():
    with pytest.raises(ValueError, match="the level 'bad' is none of ok, note, problem"):
        Finding("x", "bad", "y")


# -- real processes --------------------------------------------------------------------------------------------


def test_what_is_installed_is_found_by_a_child():
    inventory = read_inventory()
    assert inventory.runtimes == tuple((runtime.name, runtime.version) for runtime in installed_runtimes())
    assert inventory.numpy


def test_this_machine_runs_a_model(capsys):
    assert cli.main(["doctor"]) == 0
    out = capsys.readouterr().out
    for runtime in installed_runtimes():
        assert f"ok    {runtime} loads, runs a model and answers rightly\n" in out
    assert out.splitlines()[-1] == f"a model runs here: {', '.join(runtime.name for runtime in installed_runtimes())}"


def test_a_model_of_ones_own_is_tried_on_each_runtime(capsys, model):
    assert cli.main(["doctor", str(model("conv")), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["ran"] == [str(runtime) for runtime in installed_runtimes()]
    assert data["subject"] == str(model("conv"))


def test_a_model_that_no_runtime_takes_ends_with_6(capsys, model):
    assert cli.main(["doctor", str(model("unknown_op"))]) == 6
    assert f"{model('unknown_op')} DOES NOT RUN HERE" in capsys.readouterr().out


def test_a_model_that_is_not_there_ends_with_4(capsys):
    assert cli.main(["doctor", "none.tflite"]) == 4


DIES = "import os, signal\nos.kill(os.getpid(), signal.{})\n"


@pytest.fixture
def doctor(tmp_path):
    """Runs the command with stand-ins of packages in front of the real ones, each with the given code."""

    def call(*arguments: str, packages: dict[str, str] | None = None, **environment: str):
        for name, code in (packages or {}).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            (path.parent / "__init__.py").touch()
            path.write_text(code)
        command = [sys.executable, "-m", "edgeready_device", "doctor", *arguments]
        path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
        env = {**os.environ, "PYTHONPATH": path, **environment}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=env)

    return call


def test_runtimes_that_really_die_are_sentences_and_exit_code_6(doctor):
    signals = {"ai-edge-litert": "SIGILL", "tflite-runtime": "SIGSEGV"}
    names = [runtime.name for runtime in installed_runtimes()]  # no other: it would be a runtime of unknown version
    done = doctor(packages={f"{name.replace('-', '_')}/interpreter.py": DIES.format(signals[name]) for name in names})
    assert (done.returncode, done.stderr) == (6, "")
    for runtime in installed_runtimes():
        assert f"FIX   {runtime} does not run: it was ended by {signals[runtime.name]} (" in done.stdout
    emulated = read_machine().emulated  # which is a note, and not counted
    assert ("this machine is emulated: no time measured here counts" in done.stdout) is emulated
    last = done.stdout.splitlines()[-1]
    assert last == f"a model DOES NOT RUN HERE; things to fix: {len(names)}"


def test_a_numpy_that_really_dies_does_not_take_the_doctor_with_it(doctor):
    done = doctor(packages={"numpy/__init__.py": DIES.format("SIGILL")})
    assert (done.returncode, done.stderr) == (6, "")
    assert "FIX   numpy does not load: it was ended by SIGILL (" in done.stdout


def test_a_runtime_that_is_not_for_this_python_says_so(doctor):
    done = doctor(packages=dict.fromkeys(("ai_edge_litert/interpreter.py",), "import no_such_module\n"))
    assert "does not load on this machine (No module named 'no_such_module')" in done.stdout


@pytest.mark.install
@pytest.mark.slow
@pytest.mark.long
def test_numpy_2_under_tflite_runtime_is_told(doctor, tmp_path):
    if not any(runtime.name == "tflite-runtime" for runtime in installed_runtimes()):
        pytest.skip("tflite-runtime is not installed here")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(tmp_path), "numpy>=2,<2.3"]
    subprocess.run(pip, check=True)
    done = doctor()
    assert "FIX   tflite-runtime 2.14.0 cannot work with numpy 2." in done.stdout
    assert "-> run pip install 'numpy<2', or pip install ai-edge-litert" in done.stdout


def test_a_stand_in_of_libedgetpu_is_loaded_asked_and_started(doctor, delegate_library, tmp_path, model):
    shutil.copy(delegate_library, tmp_path / "libedgetpu.so.1")
    done = doctor(str(model("compiled")), "--delegate", "edgetpu:usb", LD_LIBRARY_PATH=str(tmp_path))
    assert done.returncode == 0
    assert "ok    libedgetpu loads: BuildLabel(a test's), RuntimeVersion(14)\n" in done.stdout
    for runtime in installed_runtimes():
        way = f"{model('compiled')} runs on {runtime} with edgetpu:usb, 1 of 1 ops in the delegate\n"
        assert f"ok    {way}" in done.stdout


def test_a_libedgetpu_of_another_tflite_is_told_with_what_to_take(doctor, compiled_delegate, tmp_path, model):
    shutil.copy(compiled_delegate("-DTENSORFLOW_2_5"), tmp_path / "libedgetpu.so.1")
    done = doctor(str(model("compiled")), "--delegate", "edgetpu", LD_LIBRARY_PATH=str(tmp_path))
    assert done.returncode == 6
    assert done.stdout.count("-> install a libedgetpu that was rebuilt for this runtime's TFLite") == len(
        installed_runtimes()
    )


# -- how it looks, and the manual ------------------------------------------------------------------------------

BROKEN = Diagnosis((Finding("a", "ok", "fine"), Finding("b", "problem", "bad", "fix it")), (), "a model")


def test_a_remedy_is_on_a_line_of_its_own():
    assert diagnosis_text(BROKEN) == (
        "ok    fine\nFIX   bad\n        -> fix it\na model DOES NOT RUN HERE; things to fix: 1"
    )


def test_as_data_a_diagnosis_has_all_findings():
    assert diagnosis_json(BROKEN) == {
        "subject": "a model",
        "ran": [],
        "findings": [
            {"probe": "a", "level": "ok", "sentence": "fine", "remedy": ""},
            {"probe": "b", "level": "problem", "sentence": "bad", "remedy": "fix it"},
        ],
    }


def test_every_probe_asks_its_question_in_the_manual():
    manual = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
    if not manual.is_file():
        pytest.skip("the manual is not beside these tests here")
    text = " ".join(manual.read_text("utf-8").split())
    for probe in diagnosis.PROBES:
        assert probe.__doc__ in text, probe.__name__


def test_the_real_environment_is_read_from_a_tree_too(tmp_path):
    from edgeready_device.machine.board import Board

    read = read_environment(board=Board(tmp_path))
    assert (read.tpus, read.library, read.udev_rule, read.subject) == ((), None, False, None)
