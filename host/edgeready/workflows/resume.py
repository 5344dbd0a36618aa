"""A training that goes on: what it depends on, who has its checkpoint, and what is said of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import get_type_hints

from edgeready.config.build import BuildConfig, OutputConfig, TrainConfig
from edgeready.config.option import option_of
from edgeready.dataset import Dataset, Splits
from edgeready.errors import CheckpointError, NotFoundError, OutputError
from edgeready.files.atomic import sweep
from edgeready.files.lock import exclusive_file
from edgeready.jobs.checkpoint import ENDED, CheckpointHeader, differences, read_header
from edgeready.jobs.training import INTERVAL_S, CheckpointPlan
from edgeready_device import __version__

_LIBRARIES = {"TensorFlow": "tensorflow", "Keras": "keras", "NumPy": "numpy"}  # another version, other numbers
_OF_THE_CONVERSION = {"fix"}
_MOST_DIFFERENCES = 3  # chosen: a line


@contextmanager
def held_checkpoint(output: OutputConfig) -> Iterator[None]:
    """Keeps other trainings from the checkpoint of `output` during the block, and removes it when that succeeds.

    Raises CheckpointError where another process has it, or where it is no checkpoint of ours, NotFoundError where
    there is none to go on from.
    """
    path = output.checkpoint
    if not output.keeps_state:
        yield
        return
    with ExitStack() as stack:
        for folder in reversed([parent for parent in path.absolute().parents if not parent.exists()]):
            stack.callback(_remove_empty, folder)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            is_ours = stack.enter_context(exclusive_file(path.with_name(f".{path.name}.held")))
        except OSError as error:
            raise OutputError(f"cannot write beside {output.out} ({error.strerror}): choose another --out") from error
        if not is_ours:
            raise CheckpointError(
                f"another edgeready build is at work on {output.out}: wait for it, or name another --out"
            )
        if not output.resume:
            _check_replaceable(path)
        stack.callback(sweep, path)
        if output.resume and not path.is_file():
            raise NotFoundError(
                f"--resume: there is no {path}: a training of more than {INTERVAL_S:g} s leaves one that does not "
                "come to its end; leave --resume out to train from the beginning"
            )
        yield
        path.unlink(missing_ok=True)


def plan_checkpoint(config: BuildConfig, splits: Splits, train: TrainConfig) -> CheckpointPlan:
    """Returns where the training `train` of `config` keeps its state, and whether it goes on from there.

    Raises CheckpointError where it is to go on, and the state is damaged or of another training.
    """
    path, resume = config.output.checkpoint, config.output.resume
    identity = _identity_of(config, splits, train)
    if resume:
        clauses = differences(read_header(path), identity)
        if clauses:
            more = len(clauses) - _MOST_DIFFERENCES
            text = ", ".join([*clauses[:_MOST_DIFFERENCES], *([f"and {more} more"] if more > 0 else [])])
            raise CheckpointError(
                f"{path} is of another training ({text}): give what it was started with, or leave --resume out to "
                "train from the beginning"
            )
    if not config.output.keeps_state:
        return CheckpointPlan()
    return CheckpointPlan(path=str(path.absolute()), identity=identity, resume=resume, interval_s=INTERVAL_S)


def has_ended(plan: CheckpointPlan) -> bool:
    """Returns whether `plan` goes on from a training that is over, so that only the conversion is left."""
    return plan.resume and read_header(Path(plan.path)).stage == ENDED


def describe_replaced(output: OutputConfig) -> str:
    """Returns what is said of a checkpoint that a training from the beginning replaces; "" for none."""
    header = None if output.resume else _header_at(output)
    if header is None:
        return ""
    return f"{output.checkpoint} ({_count(header)} of an earlier training) is replaced: --resume would go on from it"


def describe_rest(output: OutputConfig, since: float) -> str:
    """Returns how a training goes on that did not come to its end; "" where it has left nothing `since` that time."""
    header = _header_at(output)
    if header is None or not (output.resume or output.checkpoint.stat().st_mtime >= since):
        return ""
    if header.stage == ENDED:
        return f"the trained network is kept in {output.checkpoint}: the same command with --resume converts it"
    return f"{_count(header)} kept in {output.checkpoint}: the same command with --resume goes on from there"


def _check_replaceable(path: Path) -> None:
    """Raises CheckpointError where a training would put its state in the place of something else."""
    if path.exists():
        try:
            read_header(path)
        except CheckpointError as error:
            raise CheckpointError(
                f"{path} is in the place of the training's checkpoint, and is none: move it away, "
                "or name another --out"
            ) from error


def _header_at(output: OutputConfig) -> CheckpointHeader | None:
    try:
        return read_header(output.checkpoint) if output.keeps_state and output.checkpoint.is_file() else None
    except (CheckpointError, OSError):  # another file, and none of ours; or a name that no file can have
        return None


def _count(header: CheckpointHeader) -> str:
    return f"{len(header.epochs)} epoch{'s' if len(header.epochs) != 1 else ''}"


def _identity_of(config: BuildConfig, splits: Splits, train: TrainConfig) -> dict[str, str]:
    """Returns by name what decides how the training goes."""
    identity = {"--model": config.model}
    for group in (train, config.network):
        hints = get_type_hints(type(group), include_extras=True)
        for member in (field for field in fields(group) if field.name not in _OF_THE_CONVERSION):
            option = option_of(hints[member.name])
            flag = f"--{member.name}" if option is None else option.flags_of(member.name)[0]
            identity[flag] = str(getattr(group, member.name))
    identity |= {
        "--devices": config.devices.devices,
        "--max-drop": "not given" if config.quantize.max_drop is None else "given",  # which takes images
        "the training images": _digest(splits.train),
        "the classes": " ".join(splits.train.classes),
    }
    if splits.validation is not None:
        identity["the validation images"] = _digest(splits.validation)
    files = {"the network's code": config.model.rpartition(":")[0], "the weights": config.network.weights or ""}
    for name, path in files.items():
        if path and Path(path).is_file():
            identity[name] = hashlib.blake2b(Path(path).read_bytes(), digest_size=16).hexdigest()
    return identity | {"edgeready": __version__} | {name: _version(package) for name, package in _LIBRARIES.items()}


def _digest(part: Dataset) -> str:
    content = [str((part.images.shape, part.labels.tolist())).encode(), *part.hashes()]
    return hashlib.blake2b(b"".join(content), digest_size=16).hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not there"


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # something is in it
        folder.rmdir()
