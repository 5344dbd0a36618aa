"""Everything a board without internet needs in one folder: wheels, the model, and one install line."""

from __future__ import annotations

import errno
import filecmp
import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeready.errors import EdgereadyError, NotFoundError, OutputError, UsageError, fit_reason
from edgeready.files.scratch import held_folder
from edgeready.workflows.device_wheel import write_device_wheel
from edgeready_device.input_file import require_file
from edgeready_device.isolation.parent import end_with_parent
from edgeready_device.model_file.reader import read_model_file

INSTALLER = "install.sh"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A board's system: its CPython, its wheels' platforms, its runtimes, and what else it needs."""

    system: str
    python: str
    platforms: tuple[str, ...]
    runtimes: tuple[str, ...]
    libraries: tuple[str, ...] = ()
    system_packages: tuple[str, ...] = ()

    @property
    def requirements(self) -> tuple[str, ...]:
        """What pip is asked for beside the device package."""
        return (*self.runtimes, *self.libraries)


# Every runtime that has a wheel for the board's Python: which is faster depends on the board and the model, and
# `tune` can only choose among those that are installed.
_TFLITE, _LITERT = "tflite-runtime==2.14.0", "ai-edge-litert>=2.3,<3"
_ARM64 = ("manylinux_2_34_aarch64", "manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux2014_aarch64")
TARGETS: dict[str, Target] = {
    "pi-os-12": Target(
        system="Raspberry Pi OS 12 (bookworm), 64 bit",
        python="3.11",
        platforms=_ARM64,
        runtimes=(_TFLITE, _LITERT),
        libraries=("numpy<2", "pillow"),  # tflite-runtime 2.14 was built for numpy 1 and does not say so
    ),
    "pi-os-13": Target(
        system="Raspberry Pi OS 13 (trixie), 64 bit",
        python="3.13",
        platforms=_ARM64,
        runtimes=(_LITERT,),
        libraries=("pillow",),
    ),
    "armv7": Target(
        system="Raspberry Pi OS 12 (bookworm), 32 bit",
        python="3.11",
        platforms=("manylinux_2_34_armv7l",),
        runtimes=(_TFLITE,),
        system_packages=("python3-numpy", "python3-pil"),  # the index has no wheels of these for 32 bit
    ),
}


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A finished bundle: its folder, its files and the command to run on the board."""

    folder: Path
    target: Target
    files: tuple[Path, ...]
    install: str

    def to_dict(self) -> dict[str, Any]:
        """The bundle as plain data, files with their sizes in bytes."""
        return {
            "folder": str(self.folder),
            "system": self.target.system,
            "files": {str(path.relative_to(self.folder)): path.stat().st_size for path in self.files},
            "install": self.install,
        }


def make_bundle(model: Path, target: str, out: Path) -> Bundle:
    """The Bundle of the model file `model` for `target`, in the new folder `out`.

    Raises UsageError for an unknown target, NotFoundError or ModelFileError for the model, NotFoundError when
    pip cannot get the wheels, OutputError when `out` is there already or cannot be written.
    """
    if target not in TARGETS:
        raise UsageError(f"the target {target!r} is unknown: choose {', '.join(TARGETS)}")
    system = TARGETS[target]
    require_file(model)
    recorded = read_model_file(model).golden is not None
    if out.exists():
        raise OutputError(f"{out} is there already: name a new folder with --out")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with held_folder(out.parent, f".{out.name}.edgeready-") as scratch:
            folder = scratch / "bundle"
            _fill(folder, model, system, recorded)
            folder.rename(out)
    except OSError as error:
        if isinstance(error, EdgereadyError):
            raise
        raise OutputError(
            f"cannot write {out} ({error.strerror}): free some space, or choose another folder with --out"
        ) from error
    files = tuple(sorted(path for path in out.rglob("*") if path.is_file()))
    return Bundle(folder=out, target=system, files=files, install=f"sh {out.name}/{INSTALLER}")


def _fill(folder: Path, model: Path, target: Target, recorded: bool) -> None:
    wheels = folder / "wheels"
    wheels.mkdir(parents=True)
    download_wheels(target, wheels, temporary=folder.parent)
    write_device_wheel(wheels)
    shutil.copyfile(model, folder / model.name)
    installer = folder / INSTALLER
    installer.write_text(_installer(target, model.name, verb="verify" if recorded else "doctor"), "utf-8")
    installer.chmod(0o755)
    _check(folder, model)


def _check(folder: Path, model: Path) -> None:
    """Raises OutputError for what a full or failing disk did not take: on the board nobody can fetch it again."""
    for wheel in sorted((folder / "wheels").glob("*.whl")):
        try:
            with zipfile.ZipFile(wheel) as archive:
                damaged = archive.testzip() is not None
        except zipfile.BadZipFile:
            damaged = True
        if damaged:
            raise OutputError(f"{wheel.name} was not written whole: free some space, and bundle again")
    if not filecmp.cmp(model, folder / model.name, shallow=False):
        raise OutputError(f"{model.name} was not copied whole: free some space, and bundle again")


def download_wheels(target: Target, wheels: Path, temporary: Path) -> None:
    """Downloads what `target` needs into `wheels`. Raises NotFoundError when pip cannot get it, OSError if full."""
    platforms = [argument for platform in target.platforms for argument in ("--platform", platform)]
    version = ["--python-version", target.python, "--implementation", "cp"]
    command = [sys.executable, "-m", "pip", "download", "-q", "--only-binary=:all:", *platforms, *version]
    alone = ["--no-deps"] if target.system_packages else []
    download = subprocess.run(
        [*command, *alone, "-d", str(wheels), *target.requirements],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TMPDIR": str(temporary)},  # what a killed pip leaves goes with the unfinished bundle
        preexec_fn=end_with_parent,
    )
    if not download.returncode:
        return
    for code in (errno.ENOSPC, errno.EDQUOT):
        if os.strerror(code) in download.stderr:
            raise OSError(code, os.strerror(code))
    lines = [line for line in download.stderr.splitlines() if line.startswith("ERROR") or "No module" in line]
    reason = lines[-1].removeprefix("ERROR: ") if lines else f"exit code {download.returncode}"
    raise NotFoundError(
        fit_reason(
            f"pip cannot get the wheels for {target.system} (", reason, "): run this where a package index is reached"
        )
    )


def _installer(target: Target, model: str, verb: str) -> str:
    """The text of install.sh, which ends with what `verb` says of the model there, and with the command's path."""
    extras = [] if target.system_packages else ["images"]
    extras += ["litert"] if _LITERT in target.runtimes else []
    ours = f"edgeready-device[{','.join(extras)}]" if extras else "edgeready-device"
    own = " --system-site-packages" if target.system_packages else ""
    no_deps = " --no-deps" if target.system_packages else ""
    requirements = " ".join(f"'{requirement}'" for requirement in (ours, *target.requirements))
    fits = f"python3 -c 'import sys; sys.exit(sys.version_info[:2] != {_numbers(target.python)})'"
    lines = [
        "#!/bin/sh",
        f"# Installs edgeready-device on {target.system} (CPython {target.python}) without internet,",
        "# in the folder $1, or else in the folder edgeready of the home folder. No other place is touched.",
        "set -eu",
        'fail() { echo "$1" >&2; exit "$2"; }',
        'here=$(cd "$(dirname "$0")" && pwd)',
        "place=${1:-${HOME:+$HOME/edgeready}}",
        '[ -n "$place" ] || fail "HOME is not set: name a folder, as in sh install.sh /opt/edgeready" 2',
        f'{fits} || fail "this bundle is for CPython {target.python}, and here is $(python3 --version): '
        'make one with another --target" 6',
    ]
    if target.system_packages:
        packages = " ".join(target.system_packages)
        sentence = f"install the system's packages first: sudo apt install {packages}"
        lines.append(f"python3 -c 'import numpy, PIL' || fail \"{sentence}\" 6")
    sentence = "a virtual environment cannot be made: sudo apt install python3-venv"
    lines += [
        f'python3 -m venv{own} "$place" || fail "{sentence}" 6',
        f'"$place/bin/pip" install -q --no-index --find-links "$here/wheels"{no_deps} {requirements}',
        f'"$place/bin/edgeready-device" {verb} "$here"/{shlex.quote(model)}',
        'echo "installed: $place/bin/edgeready-device"',
    ]
    if len(target.runtimes) > 1:
        lines += [
            'echo "two runtimes are installed: the following command finds the faster one here, and has it used from '
            'then on:"',
            """printf '  "%s" tune "%s"/%s\\n' "$place/bin/edgeready-device" "$here" """
            + shlex.quote(shlex.quote(model)),
        ]
    return "\n".join(lines) + "\n"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
