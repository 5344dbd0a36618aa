"""Damaged and hostile files through `edgeready check`: a verdict or one clear error, within five seconds each.

300 files by default; EDGEREADY_MUTATIONS=2000 (any number) makes as many. The same number gives the same files.
"""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import os
import random
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from compiled_models import LOG, MIX, mixed, whole
from tflite_models import O, T, conv_classifier, rgb_classifier, tflite

from edgeready.cli.check import Format, check
from edgeready.errors import EdgereadyError
from edgeready.model_file.writer import package
from edgeready_device.model_file.manifest import InputSpec, Manifest

FILES = int(os.environ.get("EDGEREADY_MUTATIONS", "300"))
BY_COMMAND = max(5, FILES // 50)  # 40 of 2,000
LIMIT_S = 5.0
EXTREMES = (0, 1, 2, 4, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def models() -> list[bytes]:
    manifest = Manifest("net", InputSpec(8, 8, 1), "probabilities", {"mode": "uint8"})
    return [
        conv_classifier(),
        conv_classifier(dense_per_axis=True, open_batch=True),
        rgb_classifier(),
        package(conv_classifier(), manifest, ("a", "b", "c"), "1"),
        *mixed(),
        whole(conv_classifier()),
        conv_classifier(size=4)[:-8] + b"PK\x05\x06",
    ]


def mutated(data: bytes, source: random.Random) -> tuple[str, bytes]:
    """One damage to `data` and its kind."""
    kind = source.choice(("flip", "flip", "truncate", "field", "field", "cycle", "swap"))
    made = bytearray(data)
    if kind == "flip":
        for _ in range(source.choice((1, 2, 4, 16, 64))):
            made[source.randrange(len(made))] = source.randrange(256)
    elif kind == "truncate":
        del made[source.randrange(len(made)) :]
    elif kind == "field":
        for _ in range(source.choice((1, 3, 9))):
            at = source.randrange(0, len(made) - 4, 4)
            struct.pack_into("<I", made, at, source.choice((*EXTREMES, len(made), len(made) - at)))
    elif (
        kind == "cycle"
    ):  # an offset that leads to another table or vector: one that is on the way already, or itself
        for _ in range(source.choice((1, 4))):
            at = source.randrange(0, len(made) - 8, 4)
            target = source.randrange(at, len(made), 4)
            struct.pack_into("<I", made, at, source.choice((0, target - at)))
            if source.random() < 0.5:  # signed offsets, those to vtables, lead back as well
                struct.pack_into("<i", made, at, source.randrange(-at, len(made) - at))
    else:
        a, b, size = source.randrange(len(made)), source.randrange(len(made)), source.choice((4, 32, 256))
        made[a : a + size], made[b : b + size] = made[b : b + size], made[a : a + size]
    return kind, bytes(made)


def damaged() -> Iterator[tuple[str, bytes]]:
    source = random.Random(20211)
    bases = models()
    for number in range(FILES):
        yield mutated(bases[number % len(bases)], source)


def outcome_of(path: str) -> tuple[str, float, str]:
    """What the command's own function does with the file: (verdict or class of the error, seconds, message)."""
    started = time.perf_counter()
    form = Format.TEXT if int(Path(path).stem) % 2 else Format.JSON
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            check([Path(path)], False, form, 14, None)
    except typer.Exit as ended:
        found, message = f"exit {ended.exit_code}", ""
    except EdgereadyError as error:
        found, message = type(error).__name__, str(error)
    except BaseException as error:  # noqa: BLE001  (the parent wants to know which file it was)
        found, message = f"TRACEBACK {type(error).__name__}", str(error)
    return found, time.perf_counter() - started, message


def test_every_damaged_file_gets_a_verdict_or_one_clear_error_in_time(tmp_path):
    kinds, paths = [], []
    for number, (kind, data) in enumerate(damaged()):
        kinds.append(kind)
        paths.append(tmp_path / f"{number}.tflite")
        paths[-1].write_bytes(data)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = pool.map(outcome_of, map(str, paths), chunksize=10)
    assert set(Counter(name for name, _, _ in found)) <= {"exit 0", "exit 1", "ModelFileError"}
    assert max(seconds for _, seconds, _ in found) < LIMIT_S
    for path, (name, _, message) in zip(paths, found, strict=True):
        if name == "ModelFileError":
            assert message.startswith(f"{path}: ")
            assert "\n" not in message
            assert len(message) < 1000
    assert Counter(name for name, _, _ in found)["ModelFileError"] > FILES / 5
    assert len(set(kinds)) == 5


def test_the_command_ends_every_damaged_file_with_a_documented_code_and_no_traceback(tmp_path):
    ended = []
    for number, (_, data) in enumerate(damaged()):
        if number % (FILES // BY_COMMAND) == 0:
            path = tmp_path / f"{number}.tflite"
            path.write_bytes(data)
            command = [sys.executable, "-m", "edgeready", "check", str(path)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
            ended.append(done.returncode)
            assert "Traceback" not in done.stderr
            if done.returncode == 3:
                assert done.stdout == ""
                assert done.stderr.startswith(f"edgeready: {path}: ")
                assert done.stderr.count("\n") == 1
    assert len(ended) >= BY_COMMAND
    assert set(ended) <= {0, 1, 3}
    assert 3 in ended


@pytest.mark.parametrize("text", [LOG, MIX])
def test_a_damaged_log_is_read_or_refused(tmp_path, text):
    source = random.Random(8)
    outcomes = Counter()
    for number in range(FILES // 3):
        data = mutated(text.encode(), source)[1]
        path = tmp_path / f"{number}.log"
        path.write_bytes(data)
        outcomes[outcome_of(str(path))[0]] += 1
    assert set(outcomes) <= {"exit 0", "exit 1", "ModelFileError"}


@pytest.mark.parametrize(
    "line", ["x", "Compilation failed", "Edge TPU Compiler version ", "Operator Count Status\n", "\n", "RELU "]
)
def test_a_log_of_a_megabyte_of_the_same_is_read_in_time(tmp_path, line):
    path = tmp_path / "0.log"
    path.write_text((line * (1 << 20))[: 1 << 20])
    name, seconds, _ = outcome_of(str(path))
    assert name in ("exit 1", "ModelFileError")
    assert seconds < LIMIT_S


def test_a_chain_of_a_thousand_refused_ops_is_reported_in_time(tmp_path):
    count = 1000
    tensors = [T(f"t{i}", (1, 4), "int8", 0.1) for i in range(count + 1)]
    ops = [O("ELU", [f"t{i}"], [f"t{i + 1}"]) for i in range(count)]
    path = tmp_path / "0.tflite"
    path.write_bytes(tflite(tensors=tensors, ops=ops, inputs=["t0"], outputs=[f"t{count}"]))
    started = time.perf_counter()
    command = [sys.executable, "-m", "edgeready", "check", str(path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert time.perf_counter() - started < LIMIT_S
    [report] = json.loads(done.stdout)
    assert done.returncode == 1
    assert [blocker["behind"]["ops"] for blocker in report["blockers"]] == list(range(count, 0, -1))
