"""What is wrong with Python, processor, numpy and runtimes: a small generator a question, which its docstring is."""

from __future__ import annotations

from collections.abc import Iterator

from edgeready_device.doctor.environment import Patient
from edgeready_device.doctor.finding import Finding
from edgeready_device.doctor.platform_facts import wheels_for
from edgeready_device.doctor.sample import ANSWER, FILL, OPS, is_right, sample_model
from edgeready_device.isolation.child import Ended
from edgeready_device.isolation.trial import TrialRequest

REINSTALL = "pip install --force-reinstall --no-cache-dir"


def processor(patient: Patient) -> Iterator[Finding]:
    """Is the processor one that the runtimes' builds know: ARMv7 or newer, 64-bit Arm, x86-64?"""
    facts = patient.facts
    if facts.machine.startswith(("armv4", "armv5", "armv6")):
        yield Finding(
            "processor",
            "problem",
            f"this processor is {facts.machine} (Raspberry Pi 1 and Zero): every runtime is built for ARMv7 or newer "
            "and ends in 'Illegal instruction'",
            "take a Raspberry Pi Zero 2 W, 2 or newer",
        )
    elif facts.machine == "armv7l" and facts.kernel_machine == "aarch64":
        yield Finding(
            "processor",
            "note",
            "a 32-bit system runs on a 64-bit processor: LiteRT has no 32-bit wheels, and int8 is slower",
            "install the 64-bit Raspberry Pi OS",
        )
    else:
        yield Finding("processor", "ok", facts.text)


def emulation(patient: Patient) -> Iterator[Finding]:
    """Is the machine emulated, so that no time counts, and QEMU 7 computes wrong numbers?"""
    if patient.emulated:
        yield Finding(
            "emulation",
            "note",
            "this machine is emulated: no time measured here counts, and QEMU before 10 crashes or answers wrongly",
            "use QEMU 10 or newer, and set QEMU_CPU to the board's, as QEMU_CPU=cortex-a72",
        )


def numpy_loads(patient: Patient) -> Iterator[Finding]:
    """Does numpy load?"""
    found = patient.inventory
    if found.numpy:
        yield Finding("numpy", "ok", f"numpy {found.numpy} loads")
        return
    last = _last_line(found.ended.errors)
    yield Finding(
        "numpy",
        "problem",
        f"numpy does not load: {found.ended.sentence}{f' ({last})' if last else ''}",
        "sudo apt install python3-numpy (and a virtual environment made with --system-site-packages), or "
        f"{REINSTALL} numpy",
    )


def runtime_installed(patient: Patient) -> Iterator[Finding]:
    """Is a runtime installed, and if not, is there a wheel for this Python, processor and C library?"""
    if patient.inventory.runtimes or not patient.inventory.numpy:
        return
    facts, fitting = patient.facts, wheels_for(patient.facts)
    if fitting:
        yield Finding("runtime", "problem", "no TFLite runtime is installed", f"pip install {fitting[0].requirement}")
    elif facts.libc == "musl":
        yield Finding(
            "runtime",
            "problem",
            "no TFLite runtime is installed, and none has wheels for musl (Alpine Linux)",
            "use a Debian image, as python:3.11-slim-bookworm",
        )
    elif facts.machine == "armv7l" and facts.python > (3, 11):
        yield Finding(
            "runtime",
            "problem",
            f"no TFLite runtime is installed, and none has wheels for {facts.text}",
            "install the 64-bit Raspberry Pi OS, or the 32-bit one of Debian 12, which has CPython 3.11",
        )
    elif facts.system != "Linux":
        yield Finding("runtime", "problem", "no TFLite runtime is installed", "pip install ai-edge-litert")
    else:
        yield Finding(
            "runtime",
            "problem",
            f"no TFLite runtime is installed, and none has wheels for {facts.text}",
            "use CPython 3.10 to 3.13 on a 64-bit Linux with glibc 2.27 or newer, as Debian 12 or Raspberry Pi OS 12",
        )


def runtimes_run(patient: Patient) -> Iterator[Finding]:
    """Does each runtime that is installed load, open a model of 2 kB, and answer it rightly?"""
    for name, version in patient.inventory.runtimes:
        result = patient.attempt(TrialRequest(name, fill=FILL, ops_total=OPS), sample_model())
        title = f"{name} {version}"
        if result.error:
            yield Finding(name, "problem", *told(result.error))
        elif not result.ended.well:
            reason = _last_line(result.ended.errors) if result.ended.code else ""
            sentence = f"{title} does not run: {result.ended.sentence}{f' ({reason})' if reason else ''}"
            yield Finding(name, "problem", sentence, crash_remedy(patient, name, result.ended))
        elif not is_right(result.output):
            given = ", ".join(f"{value:g}" for value in result.output)
            yield Finding(
                name,
                "problem",
                f"{title} runs a model but answers wrongly: {given} in place of {', '.join(map(str, ANSWER))}",
                "use QEMU 10 or newer" if patient.emulated else f"{REINSTALL} {name}",
            )
        else:
            yield Finding(name, "ok", f"{title} loads, runs a model and answers rightly")


def crash_remedy(patient: Patient, name: str, ended: Ended) -> str:
    """What mends a runtime that died as `ended` says."""
    if patient.emulated:
        return "use QEMU 10 or newer, and set QEMU_CPU to the board's, as QEMU_CPU=cortex-a72"
    if ended.signal == "SIGKILL" or ended.timed_out:
        return "close other programs, or give the machine more memory or swap"
    installed = [other for other, _ in patient.inventory.runtimes if other != name]
    if installed:
        return f"--runtime {installed[0]} (or EDGEREADY_RUNTIME={installed[0]})"
    others = [wheels for wheels in wheels_for(patient.facts) if wheels.runtime != name]
    if others:
        return f"pip install {others[0].requirement}, then --runtime {others[0].runtime}"
    return f"{REINSTALL} {name}"


def told(error: str) -> tuple[str, str]:
    """One of edgeready's errors as a sentence and its remedy, which is behind the last colon."""
    sentence, _, remedy = error.rpartition(": ")
    return (sentence, remedy.replace(", then run edgeready-device doctor", "")) if sentence else (remedy, "")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""


PROBES = (processor, emulation, numpy_loads, runtime_installed, runtimes_run)
