"""What the long lane adds: an emulator that computes wrong numbers, a processor that is too old, the naive build."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import armel
from lane import COMMAND_S, Lane, ended, parsed
from systems import ARMV6, BOOKWORM, System, environment

CPUINFO = """processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd08
CPU revision\t: 3
"""


def naive(lane: Lane, system: System) -> None:
    """Builds the image and the naive one, both without the build's cache; ours takes at most half the time."""
    arguments = system.arguments(lane.engine)
    started = time.monotonic()
    lane.engine.build(system.tag("cold"), "--no-cache", *arguments)
    ours = time.monotonic() - started
    lane.times.append((f"cold build, {system.name}", ours))
    lane.engine.build(system.tag("naive"), "--no-cache", *arguments, file="tests/arm64/Dockerfile.naive")
    theirs = time.monotonic() - started - ours
    lane.times.append((f"cold build with pip under emulation, {system.name}", theirs))
    size = int(lane.engine.inspect(system.tag("naive"), "{{.Size}}")) / 1e6
    text = f"{ours:.0f} s, with pip under emulation {theirs:.0f} s ({size:.0f} MB): {ours / theirs:.2f} of it"
    lane.verdict("cold build", ours <= theirs / 2, text)


def old_qemu(lane: Lane) -> None:
    """Debian 12's QEMU 7.2, started by its path: LiteRT crashes, and where that is worked round verify says no."""
    tag = "edgeready-qemu-7"
    lane.engine.build(tag, file="tests/arm64/Dockerfile.qemu7")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        lane.engine.extract(tag, "/qemu-aarch64-static", Path(folder, "qemu"))
        Path(folder, "cpuinfo").write_text(CPUINFO, "utf-8")
        for described, more in (("", []), (" and an Arm cpuinfo", ["-v", f"{folder}/cpuinfo:/proc/cpuinfo:ro"])):
            for runtime, site in BOOKWORM.runtimes:
                done = lane.engine.run(
                    BOOKWORM.tag("test"),
                    *("/usr/bin/python3", "-m", "edgeready_device", "verify", "tests/data/arm64/residual.tflite"),
                    *("--runtime", runtime, "--json"),
                    limit_s=COMMAND_S,
                    options=["-v", f"{folder}/qemu:/qemu:ro", "--entrypoint", "/qemu", *more],
                    environment={**environment(site, "max"), "QEMU_CPU": "max"}.items(),
                )
                name = f"QEMU 7.2, its default CPU{described}, {runtime}"
                lane.verdict(name, _told(done.code, parsed(done)), _text(done.code, parsed(done)) or ended(done))


def _told(code: int, document: dict[str, Any] | None) -> bool:
    """Whether nobody would take the answers for right: a crash, or verify's no; or they are right."""
    if document is None:
        return code not in (0, 124)
    return code == (0 if document["passed"] else 1)


def _text(code: int, document: dict[str, Any] | None) -> str:
    if document is None:
        return f"crashed (signal {code - 128})" if code > 128 else ""
    parts = [
        f"{path['kernels']} {path['largest_steps']} steps off, {path['agreement']['hits']} of "
        f"{path['agreement']['count']} winners"
        for path in document["paths"]
    ]
    return f"{'right' if document['passed'] else 'caught by verify'}: {'; '.join(parts)}"


def arm1176(lane: Lane) -> None:
    """A Raspberry Pi Zero with the wheel for ARMv7 gets one sentence, from every command that needs a runtime."""
    reason = armel.base_image(lane.engine, ARMV6.base)
    if reason:
        lane.say(f"NOT RUN: ARMv6: {reason}")
        return
    lane.engine.build(ARMV6.tag("image"), *ARMV6.arguments(lane.engine))
    lane.engine.build(ARMV6.tag("test"), "--target", "test", *ARMV6.arguments(lane.engine))
    picture = "tests/data/arm64/digit-3.png"
    digits = "tests/data/arm64/digits.npz"
    for line in (("verify",), ("classify", picture), ("evaluate", digits), ("benchmark",), ("info",)):
        done = lane.engine.run(
            ARMV6.tag("test"),
            *("-m", "edgeready_device", line[0], "/models/digits.tflite", *line[1:]),
            limit_s=COMMAND_S,
            environment=environment("site", ARMV6.profiles[0]).items(),
        )
        said = done.errors.strip()
        told = done.code == 6 and said.count("\n") == 0 and "is built for ARMv7" in said
        works = line[0] == "info" and done.code == 0
        lane.verdict(f"ARMv6, {line[0]}", told or works, said or f"exit code {done.code}")
