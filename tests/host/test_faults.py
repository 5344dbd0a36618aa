"""A build that is killed, interrupted, terminated, starved or run twice leaves the old file or the new one, whole."""

from __future__ import annotations

import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from builds import LONG

from edgeready_device.model_file.reader import read_model_file

BUILD = [sys.executable, "-m", "edgeready", "build", "digits", "-q", "--epochs", "1", "--out", "model.tflite"]
KILLS = int(os.environ.get("EDGEREADY_KILLS", "2"))  # the 50 take four minutes
WRITE = """
import sys
from pathlib import Path
from edgeready.files.atomic import write_files
print("ready", flush=True)
for i in range(10 ** 6):
    write_files({Path("a"): bytes([i % 251]) * 300_000, Path("b"): bytes([i % 251]) * 300_000})
"""


@pytest.fixture
def place(tmp_path):
    (tmp_path / "tmp").mkdir()
    (tmp_path / "work").mkdir()
    return tmp_path


def start(command, place, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **options):
    """Starts a command that Ctrl-C ends, also where the tests themselves run in the background and ignore it."""
    return subprocess.Popen(
        command,
        cwd=place / "work",
        env={**os.environ, "TMPDIR": str(place / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=preexec_fn,
        **options,
    )


def left(place):
    return sorted(str(path.relative_to(place)) for folder in ("tmp", "work") for path in (place / folder).iterdir())


def workers_of(place):
    """Processes that still have this test's folders in their command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes()
        except OSError:  # it has just ended
            continue
        if str(place).encode() in line:
            found.append(line.decode().split("\0"))
    return found


def ended_within(place, seconds):
    until = time.monotonic() + seconds
    while workers_of(place) and time.monotonic() < until:
        time.sleep(0.1)
    return workers_of(place) == []


@LONG
@pytest.mark.tensorflow
@pytest.mark.slow
def test_a_build_killed_at_any_instant_leaves_the_old_file_or_a_whole_new_one_and_the_next_sweeps_up(place):
    out = place / "work" / "model.tflite"
    started = time.monotonic()
    first = start(BUILD, place)
    assert first.communicate()[1] == ""
    took = time.monotonic() - started
    old = out.read_bytes()
    instants = random.Random(7)
    for _ in range(KILLS):
        build = start([*BUILD, "--seed", "2"], place)
        time.sleep(instants.uniform(0, took))
        build.kill()  # this process only: what it started has to notice by itself
        build.communicate()
        assert ended_within(place, 30)
        assert out.read_bytes() == old or read_model_file(out).manifest is not None
    again = start(BUILD, place)
    assert again.communicate()[1] == ""
    assert left(place) == ["work/model.tflite"]


def test_writing_killed_at_any_instant_leaves_whole_files_and_the_next_write_sweeps_up(place):
    instants = random.Random(7)
    for _ in range(25):
        writer = start([sys.executable, "-c", WRITE], place)
        assert writer.stdout.readline() == "ready\n"
        time.sleep(instants.uniform(0.005, 0.05))
        writer.kill()
        writer.communicate()
        for name in ("a", "b"):
            path = place / "work" / name
            if path.exists():
                data = path.read_bytes()
                assert (len(data), len(set(data))) == (300_000, 1)
    last = WRITE.replace("10 ** 6", "1")
    assert start([sys.executable, "-c", last], place).wait() == 0
    assert left(place) == ["work/a", "work/b"]


def test_two_that_write_the_same_files_at_once_do_not_disturb_each_other(place):
    short = WRITE.replace("10 ** 6", "60")
    both = [start([sys.executable, "-c", short], place) for _ in range(2)]
    assert [writer.communicate()[1] for writer in both] == ["", ""]
    assert [writer.returncode for writer in both] == [0, 0]
    assert left(place) == ["work/a", "work/b"]
    assert len(set((place / "work" / "a").read_bytes())) == 1


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("number", "code", "line"),
    [(signal.SIGINT, 130, "edgeready: interrupted\n"), (signal.SIGTERM, 143, "edgeready: terminated\n")],
    ids=["SIGINT", "SIGTERM"],
)
@pytest.mark.parametrize("after_s", [1.0, pytest.param(4.0, marks=LONG)])
def test_a_build_ends_within_two_seconds_of_a_signal_with_one_line_and_nothing_left(
    place, number, code, line, after_s
):
    build = start([*BUILD, "--epochs", "200"], place)
    time.sleep(after_s)
    asked = time.monotonic()
    build.send_signal(number)
    _, errors = build.communicate()
    assert time.monotonic() - asked < 2
    assert (build.returncode, errors) == (code, line)
    assert ended_within(place, 2)
    assert left(place) == []


@pytest.mark.tensorflow
def test_ctrl_c_reaches_the_whole_group_and_still_is_one_line(place):
    build = start([*BUILD, "--epochs", "200"], place)
    time.sleep(4)
    os.killpg(build.pid, signal.SIGINT)
    _, errors = build.communicate()
    assert (build.returncode, errors) == (130, "edgeready: interrupted\n")
    assert left(place) == []


@pytest.mark.tensorflow
def test_a_disk_that_is_full_is_one_line_and_leaves_nothing(place):
    def small_files_only():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # the images of digits are larger
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    build = start(BUILD, place, preexec_fn=small_files_only)
    _, errors = build.communicate()
    assert build.returncode == 3
    assert re.fullmatch(
        rf"edgeready: the temporary folder {re.escape(str(place / 'tmp'))} takes no more \(.+\): "
        r"set TMPDIR to a folder with more space\n",
        errors,
    )
    assert left(place) == []


HUGE = """
import keras

def network(input_shape, classes):
    layers = keras.layers
    inside = [layers.Flatten(), layers.Dense(40_000), layers.Dense(200_000), layers.Dense(classes)]
    return keras.Sequential([keras.Input(input_shape), *inside])
"""


@pytest.mark.tensorflow
@pytest.mark.long
def test_a_network_that_does_not_fit_into_memory_is_named_as_such_and_leaves_nothing(place):
    def little_memory():
        resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))  # TensorFlow itself maps several GB

    (place / "huge.py").write_text(HUGE)
    build = start([*BUILD, "--model", str(place / "huge.py:network")], place, preexec_fn=little_memory)
    _, errors = build.communicate()
    assert build.returncode == 3
    name = place / "huge.py:network"
    assert errors == f"edgeready: {name} does not fit into this machine's memory: make the network smaller\n"
    assert left(place) == []
