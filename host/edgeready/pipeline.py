"""The main job: data, training, conversion, proof, and the one file; calls the stages in order."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeready import __version__
from edgeready.comparison import Comparison, measure
from edgeready.config import BuildConfig, TrainConfig
from edgeready.dataset import Splits, load_splits
from edgeready.errors import ConversionError, OutputError
from edgeready.job import Job, Made, Progress
from edgeready.new_file import write_files
from edgeready.package import package
from edgeready.proof import prove_uint8
from edgeready.readiness import ReadinessReport, check_graph
from edgeready.recording import record_golden
from edgeready.scratch import scratch_folder
from edgeready.workshop import run_job
from edgeready_device.graph import read_graph
from edgeready_device.manifest import InputSpec, Manifest
from edgeready_device.model_file import read_model_file


@dataclass(frozen=True)
class BuildResult:
    """One finished model file: what it was made from, what was proved and what was measured."""

    out: Path
    float_out: Path | None
    splits: Splits = field(repr=False)
    losses: tuple[float, ...]
    readiness: ReadinessReport
    comparison: Comparison
    mended: tuple[str, ...] = ()
    proposed: tuple[str, ...] = ()


def build(config: BuildConfig, progress: Progress | None = None) -> BuildResult:
    """Trains `config.model` on the data and makes the model file; see `_finish` for what is proved and raised."""
    return _run(config, config.train, progress or _silent)


def convert(config: BuildConfig, progress: Progress | None = None) -> BuildResult:
    """Makes the model file from the trained model `config.model` names (.keras, .h5 or FILE.py:FUNCTION)."""
    return _run(config, None, progress or _silent)


def _run(config: BuildConfig, train: TrainConfig | None, report: Progress) -> BuildResult:
    _check_output(config)
    splits = load_splits(
        config.data.source,
        seed=config.data.seed,
        image_size=config.data.image_size,
        channels=config.data.channels,
        progress=lambda done, total: report("reading data", done, total),
    )
    if config.normalization is not None:  # said before the training, not after it
        InputSpec(splits.train.height, splits.train.width, splits.train.channels, "stretch", config.normalization)
    job = Job(
        config.model,
        len(splits.train.classes),
        splits.train.images,
        splits.train.labels,
        splits.calibration.images,
        train,
        config.weights,
        config.normalization,
        config.fix,
    )
    return _finish(config, splits, run_job(job, report), report)


def _finish(config: BuildConfig, splits: Splits, made: Made, report: Progress) -> BuildResult:
    """Proves, measures and writes; nothing is written when something is wrong.

    Raises ConversionError when the model is not uint8, integer-only and static, or when an op would stay on
    the CPU and `allow_cpu_ops` is not set.
    """
    graph = read_graph(made.uint8)
    prove_uint8(graph)
    readiness = check_graph(graph, file=str(config.out))
    if not readiness.ready and not config.allow_cpu_ops:
        raise _not_ready(readiness)
    manifest = _manifest(config, splits, made)
    labels = splits.train.classes
    with scratch_folder() as folder:
        draft, twin = folder / "uint8.tflite", folder / "float32.tflite"
        draft.write_bytes(package(made.uint8, manifest, labels, __version__))
        golden = record_golden(read_model_file(draft), _golden_frames(splits))
        draft.write_bytes(package(made.uint8, manifest, labels, __version__, golden))
        twin.write_bytes(package(made.float32, manifest, labels, __version__))
        comparison = _compare(draft, twin, splits, report)
        final = package(made.uint8, _with_accuracy(manifest, comparison), labels, __version__, golden)
        comparison = replace(comparison, uint8=replace(comparison.uint8, size_bytes=len(final)))
        files = {config.float_out: twin.read_bytes(), config.keras_out: made.keras, config.out: final}
        write_files({path: data for path, data in files.items() if path is not None})
    return BuildResult(
        config.out, config.float_out, splits, made.losses, readiness, comparison, made.mended, made.proposed
    )


def _compare(draft: Path, twin: Path, splits: Splits, report: Progress) -> Comparison:
    def tested(name: str) -> Callable[[int, int], None]:
        return lambda done, total: report(f"testing {name}", done, total)

    return Comparison(
        measure(twin, splits.test, tested("float32")),
        measure(draft, splits.test, tested("uint8")),
    )


def _manifest(config: BuildConfig, splits: Splits, made: Made) -> Manifest:
    first = splits.train
    data = {
        "name": first.name,
        "seed": config.data.seed,
        "train_images": len(first),
        "calibration_images": len(splits.calibration),
        "test_images": len(splits.test),
    }
    known = {"mode": "uint8", "data": data, "versions": {"edgeready": __version__, **made.versions}}
    if made.mended:
        known["mended"] = list(made.mended)
    if made.losses:
        known["training"] = asdict(config.train)
    frame = InputSpec(first.height, first.width, first.channels, "stretch", made.normalization)
    return Manifest(made.name, frame, made.scores, known)


def _with_accuracy(manifest: Manifest, comparison: Comparison) -> Manifest:
    shares = {"float32": comparison.float32.accuracy.top1, "uint8": comparison.uint8.accuracy.top1}
    found = {name: {"top1": share.value, "interval95": list(share.interval)} for name, share in shares.items()}
    return replace(manifest, provenance={**manifest.provenance, "accuracy": found})


def _golden_frames(splits: Splits) -> NDArray[np.uint8]:
    """Calibration images in an order that shows every class early."""
    labels = splits.calibration.labels
    rank = np.zeros(len(labels), np.int64)
    for index in range(len(splits.calibration.classes)):
        rank[labels == index] = np.arange(int((labels == index).sum()))
    return np.asarray(splits.calibration.images[np.argsort(rank, kind="stable")], np.uint8)


def _not_ready(readiness: ReadinessReport) -> ConversionError:
    first = readiness.blockers[0]
    more = f" (and {len(readiness.blockers) - 1} more)" if len(readiness.blockers) > 1 else ""
    mapped = f"the Edge TPU would map {readiness.mapped} of {len(readiness.ops)} ops"
    return ConversionError(f"{mapped}: {first.detail}{more}; {first.remedy}; or accept it with --allow-cpu-ops")


def _check_output(config: BuildConfig) -> None:
    """Says before the training, not after it, that the output cannot be written."""
    for path in (config.out, config.float_out, config.keras_out):
        if path is None:
            continue
        try:
            folder = next(parent for parent in path.absolute().parents if parent.exists())
            taken = path.is_dir()
        except OSError as error:  # a name that no file can have
            raise OutputError(f"cannot write {path} ({error.strerror}): choose another --out") from error
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise OutputError(
                f"cannot write {path}: {folder} is no folder that you may write to; choose another --out"
            )
        if taken:
            raise OutputError(f"cannot write {path}: it is a folder; name a file in it with --out")


def _silent(stage: str, done: int, total: int) -> None:
    """Progress for callers who want none."""
