"""The pages about Coral's boards, the image of Google's compiler, and what doctor and compile say agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgeready.edgetpu.compiler import COMPILER
from edgeready_device.doctor import tpu_probes
from edgeready_device.doctor.platform_facts import PlatformFacts, wheels_for

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = ("coral-usb.md", "coral-dev-board.md", "coral-pcie.md")
REBUILT = "github.com/feranick/libedgetpu"


def instructions(text: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, continued lines joined and comments left out."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", "", lines)
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_python_the_library_its_device_and_what_cannot_work(name):
    text = (DOCS / name).read_text("utf-8")
    assert f"({name})" in (DOCS / "coral.md").read_text("utf-8")
    assert "Python" in text
    assert REBUILT in text
    assert "libedgetpu1-std" in text
    assert "## What cannot work" in text
    assert "--delegate edgetpu:" in text
    assert "Nothing on this page was run on the device" in text


def test_the_dev_boards_python_is_below_the_one_that_the_device_package_needs():
    needed = re.search(r'^requires-python = ">=([\d.]+)"', (ROOT / "device" / "pyproject.toml").read_text(), re.M)
    assert needed is not None
    text = (DOCS / "coral-dev-board.md").read_text("utf-8")
    assert f"needs Python {needed[1]}" in text
    assert "with Python 3.7." in text


@pytest.mark.parametrize("python", [(3, 9), (3, 10), (3, 11)])
def test_a_newer_python_on_the_dev_board_takes_the_runtime_that_its_page_names(python):
    facts = PlatformFacts("CPython", python, "Linux", "aarch64", "glibc", (2, 28), "aarch64")
    fitting = {wheels.requirement for wheels in wheels_for(facts) if wheels.runtime == "tflite-runtime"}
    assert fitting == {"tflite-runtime==2.13.0 'numpy<2'"}
    assert '"tflite-runtime==2.13.0"' in (DOCS / "coral-dev-board.md").read_text("utf-8")


def test_doctor_recommends_the_library_that_the_pages_recommend():
    text = (DOCS / "coral.md").read_text("utf-8")
    assert REBUILT in tpu_probes.REBUILT
    assert REBUILT in text
    assert "| `libedgetpu1-std` | the standard clock: take this one |" in text


def test_the_image_of_the_compiler_is_for_x86_64_and_holds_googles_package():
    text = (DOCS / "Dockerfile.compiler").read_text("utf-8")
    steps = instructions(text)
    assert {name for name, _ in steps} <= {"ARG", "FROM", "RUN", "USER", "WORKDIR", "ENTRYPOINT", "CMD"}
    assert [rest for name, rest in steps if name == "FROM"] == ["--platform=linux/amd64 ${BASE}"]
    assert ("ENTRYPOINT", f'["{COMPILER}"]') in steps
    (install,) = [rest for name, rest in steps if name == "RUN" and "apt-get" in rest]
    commands = [command.strip() for command in install.split("&&")]
    assert "apt-get install -y -qq --no-install-recommends edgetpu-compiler" in commands
    assert commands.index("apt-get update -qq") == 0
    assert commands[-1] == f"{COMPILER} --version"
    assert "This file has not been run" in text
    assert not re.search(r"^# *syntax=|<<", text, re.MULTILINE)


def test_the_image_of_the_compiler_needs_nothing_that_is_not_given():
    steps = instructions((DOCS / "Dockerfile.compiler").read_text("utf-8"))
    declared = {rest.partition("=")[0] for name, rest in steps if name == "ARG"}
    used = {variable for _, rest in steps for variable in re.findall(r"\$\{?([A-Z]+)", rest)}
    assert used == declared == {"BASE", "REPOSITORY"}
