"""The image as its users run it: commands, folders, user, label, what it is made of."""

from __future__ import annotations

import re

from engine import ROOT, Done
from lane import COMMAND_S, Lane, ended, parsed
from systems import EMULATED, VERSION, System, environment

DATA = ROOT / "tests" / "data" / "arm64"
FOREIGN = ROOT / "tests" / "fuzz" / "corpus" / "models"
PIXELS = ("--mean", "0", "--std", "20")  # how the foreign file takes them, which it does not say: as they are
MOST_BYTES = 150 * 10**6  # above the base image, with tflite-runtime
PARTS = {
    "Python": "/usr/lib/python3.* /usr/bin/python3.*",
    "numpy": "/opt/edgeready/site/numpy /opt/edgeready/site/numpy.libs /usr/lib/python3/dist-packages/numpy",
    "Pillow": "/opt/edgeready/site/PIL /opt/edgeready/site/pillow.libs /usr/lib/python3/dist-packages/PIL",
    "tflite-runtime": "/opt/edgeready/site/tflite_runtime",
    "ai-edge-litert": "/opt/edgeready/site/ai_edge_litert",
    "all packages": "/opt/edgeready/site",
    "edgeready-device": "/opt/edgeready/app/edgeready_device*",
    "model": "/models",
}


def image(lane: Lane, system: System) -> None:
    """Every check of the image."""
    with lane.timed(f"the image, {system.name}"):
        _commands(lane, system)
        _benchmark(lane, system)
        _verbs(lane, system)
        _foreign(lane, system)
        _read_only(lane, system)
        _inside(lane, system)
        _size(lane, system)


def _run(
    lane: Lane, system: System, *arguments: str, entry: str = "", init: bool = True, options: tuple[str, ...] = ()
) -> Done:
    profile = system.profiles[0] if EMULATED else ""
    mounts = ["-v", f"{DATA}:/data:ro", "-v", f"{FOREIGN}:/foreign:ro"]
    options = (*mounts, *(["--entrypoint", entry] if entry else []), *options)
    cpu = {key: value for key, value in environment("site", profile).items() if key == "QEMU_CPU"}
    return lane.engine.run(
        system.tag("image"), *arguments, limit_s=COMMAND_S, options=options, environment=cpu.items(), init=init
    )


def _commands(lane: Lane, system: System) -> None:
    done = _run(lane, system, "classify", "/models/digits.tflite", "digit-3.png", "/data/digit-8-large.png", "--json")
    best = [answer["predictions"][0]["label"] for answer in parsed(done) or []]
    lane.verdict(f"docker run IMAGE classify, {system.name}", best == ["3", "8"], f"{best}" if best else ended(done))
    done = _run(lane, system, "verify", "/models/digits.tflite")
    lane.verdict(f"docker run IMAGE verify, {system.name}", done.code == 0, done.last_line())
    done = _run(lane, system)
    said = "EMULATED" in done.output
    lane.verdict(f"docker run IMAGE (info), {system.name}", done.code == 0 and said is EMULATED, done.last_line())


def _benchmark(lane: Lane, system: System) -> None:
    line = ("benchmark", "/models/digits.tflite", "--runs", "70", "--min-time", "0")
    done = _run(lane, system, *line)
    said = re.search(r"(?i)emulated.*not a measure of any board", done.output) is not None
    lane.verdict(f"benchmark's text, {system.name}", done.code == 0 and said is EMULATED, done.last_line())
    done = _run(lane, system, *line, "--json", "--max-p90-ms", "1e9")
    document = parsed(done)
    ok = document is not None and document["emulated"] is EMULATED and done.code == int(EMULATED)
    lane.verdict(f"benchmark's latency budget, {system.name}", ok, f"exit code {done.code}: {done.errors.strip()}")


def _verbs(lane: Lane, system: System) -> None:
    """doctor, tune and compare: where the machine is emulated they say so, and neither chooses nor judges."""
    done = _run(lane, system, "doctor")
    ok = done.code == 0 and ("this machine is emulated" in done.output) is EMULATED
    lane.verdict(f"doctor, {system.name}", ok, done.last_line())
    done = _run(lane, system, "tune", "/models/digits.tflite", "--seconds", "1", "--dry-run", "--json")
    candidates = (parsed(done) or {}).get("candidates", [])
    ok = done.code == int(EMULATED) and ("this machine is emulated" in done.errors) is EMULATED
    ok = ok and bool(candidates) and not any(each["out"] for each in candidates)  # every answer was right
    lane.verdict(f"tune, {system.name}", ok, f"exit code {done.code}: {done.last_line()}")
    measure = "edgeready-device benchmark /models/digits.tflite --runs 200 --min-time 0 --out"
    script = (
        f"{measure} /tmp/a.json && {measure} /tmp/b.json && exec edgeready-device compare /tmp/a.json /tmp/b.json"
    )
    done = _run(lane, system, "-c", script, entry="sh")
    ok = done.code == 1 if EMULATED else done.code in (0, 1)
    ok = ok and ("both were measured under emulation" in done.output) is EMULATED
    lane.verdict(f"compare, {system.name}", ok, f"exit code {done.code}: {done.last_line()}")


def _foreign(lane: Lane, system: System) -> None:
    """A file without anything of edgeready's, which is first run in a child process."""
    done = _run(lane, system, "classify", "/foreign/conv_valid.tflite", "digit-3.png", *PIXELS, "--json")
    best = [answer["predictions"][0]["label"] for answer in parsed(done) or []]
    lane.verdict(f"classify with a foreign file, {system.name}", best == ["3"], f"{best}" if best else ended(done))


def _read_only(lane: Lane, system: System) -> None:
    """A container that can write nowhere, for a user that has neither a name nor a home folder."""
    nowhere = ("--read-only", "--user", "4321:4321", "-e", "HOME=/nonexistent", "-e", "TMPDIR=/nonexistent")
    for words in (
        ("classify", "/models/digits.tflite", "digit-3.png"),
        ("classify", "/foreign/conv_valid.tflite", "digit-3.png", *PIXELS),
        ("watch", "/models/digits.tflite", "/data", "--count", "1"),
        ("verify", "/models/digits.tflite"),
        ("info", "/models/digits.tflite"),
        ("doctor", "/models/digits.tflite"),
        ("benchmark", "/models/digits.tflite", "--runs", "5", "--min-time", "0"),
    ):
        done = _run(lane, system, *words, options=nowhere)
        ok = done.code == 0 and "Traceback" not in done.errors
        lane.verdict(
            f"docker run --read-only IMAGE {words[0]}, {system.name}", ok, f"{done.code}: {done.last_line()}"
        )


def _inside(lane: Lane, system: System) -> None:
    done = _run(lane, system, "-u", entry="id")
    lane.verdict(f"the image's user, {system.name}", done.output.strip() == "1000", f"uid {done.output.strip()}")
    script = "find /var/cache/apt /var/lib/apt/lists -type f -size +0; command -v pip gcc; true"
    done = _run(lane, system, "-c", script, entry="sh")
    lane.verdict(f"nothing else in the image, {system.name}", not done.output.strip(), done.output.strip() or "clean")
    # Without an init a crash as process 1 hangs for ever under QEMU.
    done = _run(lane, system, "-s", "--", "python3", "-c", "import os; os.abort()", entry="tini", init=False)
    lane.verdict(f"a crash without --init ends, {system.name}", done.code == 134, f"exit code {done.code}")
    label = lane.engine.inspect(system.tag("image"), '{{index .Config.Labels "org.opencontainers.image.version"}}')
    lane.verdict(f"the image's version, {system.name}", label == VERSION, label)


def _size(lane: Lane, system: System) -> None:
    size, base = (int(lane.engine.inspect(name, "{{.Size}}") or 0) for name in (system.tag("image"), system.base))
    done = _run(
        lane,
        system,
        "-c",
        "; ".join(f"du -skc {paths} 2>/dev/null | tail -1" for paths in PARTS.values()),
        entry="sh",
    )
    found = [int(line.split()[0]) * 1024 for line in done.output.splitlines()]
    parts = ", ".join(f"{name} {found[i] / 1e6:.1f}" for i, name in enumerate(PARTS) if i < len(found) and found[i])
    above = size - base
    text = f"{system.name}: {size / 1e6:.0f} MB, {above / 1e6:.0f} MB above its base of {base / 1e6:.0f} MB ({parts})"
    lane.sizes.append(text)
    small = above <= MOST_BYTES or ("tflite-runtime", "site") not in system.runtimes
    lane.verdict(f"the image's size, {system.name}", small, text)
