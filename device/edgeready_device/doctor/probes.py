"""Probes of Python, processor, numpy and runtimes: each is a small generator whose docstring is its question."""

from __future__ import annotations

from collections.abc import Iterator

from edgeready_device.doctor.environment import Environment
from edgeready_device.doctor.finding import Finding
from edgeready_device.doctor.platform_facts import wheels_for
from edgeready_device.doctor.sample import ANSWER, FILL, OPS, is_right, sample_model
from edgeready_device.isolation.child import ChildExit
from edgeready_device.isolation.trial import TrialRequest

_MOST_CHARACTERS = 200  # of a line of a traceback; chosen: two lines of a terminal
SUPPORTED_SYSTEM = (
    "use CPython 3.10 to 3.13 on a 64-bit Linux with glibc 2.27 or newer, as Debian 12 or Raspberry Pi OS 12"
)
_AGAIN = "install --force-reinstall --no-cache-dir"


def processor(environment: Environment) -> Iterator[Finding]:
    """Is the processor one that the runtimes' builds know: ARMv7 or newer, 64-bit Arm, x86-64?"""
    facts = environment.facts
    if facts.machine.startswith(("armv4", "armv5", "armv6")):
        yield Finding(
            "processor",
            "problem",
            f"this processor is {facts.machine} (Raspberry Pi 1 and Zero): every runtime is built for ARMv7 or newer "
            "and ends in 'Illegal instruction'",
            remedy="take a Raspberry Pi Zero 2 W, 2 or newer",
        )
    elif facts.machine == "armv7l" and facts.kernel_machine == "aarch64":
        yield Finding(
            "processor",
            "note",
            "a 32-bit system runs on a 64-bit processor: LiteRT has no 32-bit wheels, and int8 is slower",
            remedy="install the 64-bit Raspberry Pi OS",
        )
    else:
        yield Finding("processor", "ok", facts.text)


def emulation(environment: Environment) -> Iterator[Finding]:
    """Is the machine emulated, so that no time counts, and QEMU 7 computes wrong numbers?"""
    if environment.emulated:
        yield Finding(
            "emulation",
            "note",
            "this machine is emulated: no time measured here counts, and QEMU before 10 crashes or answers wrongly",
            remedy="use QEMU 10 or newer, and set QEMU_CPU to the board's, as QEMU_CPU=cortex-a72",
        )


def numpy_loads(environment: Environment) -> Iterator[Finding]:
    """Does numpy load?"""
    inventory = environment.inventory
    if inventory.numpy:
        yield Finding("numpy", "ok", f"numpy {inventory.numpy} loads")
        return
    last = _last_line(inventory.exit.errors)
    yield Finding(
        "numpy",
        "problem",
        f"numpy does not load: {inventory.exit.sentence}{f' ({last})' if last else ''}",
        remedy="sudo apt install python3-numpy (and a virtual environment made with --system-site-packages), or "
        f"{environment.facts.pip} {_AGAIN} numpy",
    )


def runtime_installed(environment: Environment) -> Iterator[Finding]:
    """Is a runtime installed, and if not, is there a wheel for this Python, processor and C library?"""
    if environment.inventory.runtimes or not environment.inventory.numpy:
        return
    facts, fitting = environment.facts, wheels_for(environment.facts)
    if fitting:
        yield Finding(
            "runtime",
            "problem",
            "no TFLite runtime is installed",
            remedy=f"{facts.pip} install {fitting[0].requirement}",
        )
    elif facts.libc == "musl":
        yield Finding(
            "runtime",
            "problem",
            "no TFLite runtime is installed, and none has wheels for musl (Alpine Linux)",
            remedy="use a Debian image, as python:3.11-slim-bookworm",
        )
    elif facts.machine == "armv7l" and facts.python > (3, 11):
        yield Finding(
            "runtime",
            "problem",
            f"no TFLite runtime is installed, and none has wheels for {facts.text}",
            remedy="install the 64-bit Raspberry Pi OS, or the 32-bit one of Debian 12, which has CPython 3.11",
        )
    elif facts.system != "Linux":
        yield Finding(
            "runtime", "problem", "no TFLite runtime is installed", remedy=f"{facts.pip} install ai-edge-litert"
        )
    else:
        yield Finding(
            "runtime",
            "problem",
            f"no TFLite runtime is installed, and none has wheels for {facts.text}",
            remedy=SUPPORTED_SYSTEM,
        )


def runtimes_run(environment: Environment) -> Iterator[Finding]:
    """Does each runtime that is installed load, open a model of 2 kB, and answer it rightly? What confines it?"""
    protections: tuple[str, ...] = ()
    for name, version in environment.inventory.runtimes:
        result = environment.attempt(TrialRequest(name, fill=FILL, ops_total=OPS), sample_model())
        title = f"{name} {version}"
        if result.error:
            yield Finding(name, "problem", *split_remedy(result.error))
        elif not result.exit.succeeded:
            reason = _last_line(result.exit.errors) if result.exit.code else ""
            sentence = f"{title} does not run: {result.exit.sentence}{f' ({reason})' if reason else ''}"
            yield Finding(name, "problem", sentence, remedy=crash_remedy(environment, name, result.exit))
        elif not is_right(result.output):
            answer = ", ".join(f"{value:g}" for value in result.output)
            yield Finding(
                name,
                "problem",
                f"{title} runs a model but answers wrongly: {answer} in place of {', '.join(map(str, ANSWER))}",
                remedy="use QEMU 10 or newer" if environment.emulated else f"{environment.facts.pip} {_AGAIN} {name}",
            )
        else:
            yield Finding(name, "ok", f"{title} loads, runs a model and answers rightly")
        protections = protections or result.protections
    if protections:
        yield Finding("first run", "ok", f"a file's first run is confined: {'; '.join(protections)}")


def crash_remedy(environment: Environment, name: str, child_exit: ChildExit) -> str:
    """Returns what helps against a crash of the runtime `name` that ended with `child_exit`."""
    if environment.emulated:
        return "use QEMU 10 or newer, and set QEMU_CPU to the board's, as QEMU_CPU=cortex-a72"
    if child_exit.signal == "SIGKILL" or child_exit.timed_out:
        return "close other programs, or give the machine more memory or swap"
    installed = [other for other, _ in environment.inventory.runtimes if other != name]
    if installed:
        return f"--runtime {installed[0]} (or EDGEREADY_RUNTIME={installed[0]})"
    others = [wheels for wheels in wheels_for(environment.facts) if wheels.runtime != name]
    if others:
        return f"{environment.facts.pip} install {others[0].requirement}, then --runtime {others[0].runtime}"
    return f"{environment.facts.pip} {_AGAIN} {name}"


def split_remedy(error: str) -> tuple[str, str]:
    """Returns the text of an error as its sentence and its remedy, which stands after the last colon."""
    sentence, _, remedy = error.rpartition(": ")
    return (sentence, remedy.replace(", then run edgeready-device doctor", "")) if sentence else (remedy, "")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:_MOST_CHARACTERS] if lines else ""


PROBES = (processor, emulation, numpy_loads, runtime_installed, runtimes_run)
