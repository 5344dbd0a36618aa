"""The arm64 lane's own data and promises, checked without Docker (tests/arm64/run is the lane)."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from lane import ARITHMETIC, MUTATIONS

from edgeready_device.runtime.runtime import installed_runtimes

ROOT = Path(__file__).parents[2]
LANE = ROOT / "tests" / "arm64"
DATA = ROOT / "tests" / "data" / "arm64"


@pytest.mark.long
@pytest.mark.parametrize("runtime", [runtime.name for runtime in installed_runtimes()])
def test_the_host_answers_as_it_did_when_the_lane_was_recorded(runtime):
    script = [sys.executable, str(LANE / "contract.py"), "--runtime", runtime]
    done = subprocess.run(script, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert {row["model"] for row in rows} == {"tutorial", "residual", "depthwise", "rgb"}
    assert [row["reason"] for row in rows] == [""] * 8


def test_the_dockerfile_asks_nothing_that_docker_20_10_lacks():
    text = (ROOT / "Dockerfile.arm64").read_text("utf-8")
    assert not re.search(r"^# *syntax=|<<|COPY --link", text, re.MULTILINE)


def test_whatever_the_dockerfile_copies_is_there():
    text = (ROOT / "Dockerfile.arm64").read_text("utf-8")
    copied = [name for line in re.findall(r"(?m)^COPY (?!--from)(.*)$", text) for name in line.split()[:-1]]
    assert len(copied) > 10
    assert [name for name in copied if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_each_mutation_still_finds_its_place(mutation):
    file, old, new = MUTATIONS[mutation]
    assert (ROOT / "device" / "edgeready_device" / file).read_text("utf-8").count(old) == 1
    assert old != new


def test_the_data_is_small():
    sizes = {file: file.stat().st_size for file in DATA.rglob("*") if file.is_file()}
    assert max(sizes.values()) <= 120_000
    assert sum(sizes.values()) <= 400_000


@pytest.mark.parametrize("name", ARITHMETIC)
def test_what_runs_with_one_runtime_only_opens_none(name):
    text = (ROOT / name).read_text("utf-8")
    assert "def test_" in text
    opening = (
        r"\b(Model\.load|Model\.from_file|cli\.main|edgeready_device\b.*\bimport cli|choose_runtime|subprocess)\b"
    )
    assert not re.search(opening, text)
    fixtures = {"runtime", "litert", "faked", "complete", "run", "delegate_library", "compiled_delegate"}
    asked = {each.strip() for arguments in re.findall(r"def \w+\(([^)]*)\)", text) for each in arguments.split(",")}
    assert asked & fixtures == set()


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler is installed here")
def test_ready_made_delegates_are_named_as_the_tests_ask_for_them(tmp_path):
    compiler = tmp_path / "aarch64-linux-gnu-gcc"
    compiler.symlink_to(shutil.which("cc"))
    environment = {**os.environ, "PLATFORM": "linux/arm64", "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    source = ROOT / "tests" / "device" / "external_delegate.c"
    subprocess.run([LANE / "delegates", source, tmp_path / "made"], env=environment, check=True)
    assert {file.name for file in (tmp_path / "made").iterdir()} == {
        "libexternal.so",
        "libexternal-DTENSORFLOW_2_5.so",
    }


def test_a_platform_without_a_known_compiler_is_refused(tmp_path):
    environment = {**os.environ, "PLATFORM": "linux/riscv64"}
    done = subprocess.run([LANE / "delegates", "", ""], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "delegates: no compiler is known for linux/riscv64\n")
