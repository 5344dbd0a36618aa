"""One mode's model file, proved and put together, before anything is measured with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeready import __version__
from edgeready.config.modes import MODES, Mode
from edgeready.dataset import Splits
from edgeready.errors import ConversionError
from edgeready.jobs.job import Made
from edgeready.model_file.golden import record_golden
from edgeready.model_file.writer import package
from edgeready.proof.conformance import prove
from edgeready.proof.runtimes import Loadable, runtimes_that_run, try_runtimes
from edgeready.readiness import ReadinessReport, check_graph
from edgeready_device.model_file.golden import GoldenVectors
from edgeready_device.model_file.manifest import Manifest
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.tflite.graph import read_graph


@dataclass(frozen=True)
class Draft:
    """A file at `path` that holds what its mode promises; `tried` says which runtimes run it."""

    mode: Mode
    path: Path
    flatbuffer: bytes = field(repr=False)
    manifest: Manifest
    labels: tuple[str, ...]
    golden: GoldenVectors | None = field(repr=False)
    readiness: ReadinessReport
    tried: tuple[Loadable, ...]

    @property
    def runs(self) -> bool:
        """Whether any runtime that is installed here runs it."""
        return any(each.runs for each in self.tried)

    def packaged(self, manifest: Manifest) -> bytes:
        """The bytes of the file with `manifest` in it."""
        return package(self.flatbuffer, manifest, self.labels, __version__, self.golden)


def make_draft(
    made: Made, name: str, manifest: Manifest, splits: Splits, path: Path, *, mapped: bool = False
) -> Draft:
    """The Draft of `made` in the mode `name`, written to `path`.

    Raises ConversionError when the converter refused the mode, when the file is not what the mode promises, or,
    with `mapped`, when an op would stay on the CPU.
    """
    mode = MODES[name]
    flatbuffer = flatbuffer_of_mode(made, mode)
    readiness = readiness_of(flatbuffer, path, mapped=mapped)
    tried = tried_file(flatbuffer, name)
    labels = splits.train.classes
    path.write_bytes(package(flatbuffer, manifest, labels, __version__))
    golden = None
    if mode.ends != "float32" and runtimes_that_run(tried):
        golden = record_golden(read_model_file(path), _golden_frames(splits), runtimes_that_run(tried))
        path.write_bytes(package(flatbuffer, manifest, labels, __version__, golden))
    return Draft(mode, path, flatbuffer, manifest, labels, golden, readiness, tried)


def readiness_of(flatbuffer: bytes, path: Path, *, mapped: bool) -> ReadinessReport:
    """What the Edge TPU does with `flatbuffer`; raises ConversionError where `mapped` asks for more than that."""
    readiness = check_graph(read_graph(flatbuffer), file=str(path))
    if mapped and not readiness.ready:
        raise _not_ready(readiness)
    return readiness


def tried_file(flatbuffer: bytes, name: str) -> tuple[Loadable, ...]:
    """Which runtimes run the file of mode `name`; raises ConversionError when one dies of it."""
    tried = try_runtimes(flatbuffer)
    for each in tried:
        if each.reference_crash:
            raise ConversionError(
                f"the {name} file ends the reference kernels of {each.runtime}: {each.reference_crash}; the ranges "
                "of a network whose activations vanish do this: train it, or give calibration data that moves it"
            )
    return tried


def flatbuffer_of_mode(made: Made, mode: Mode) -> bytes:
    """The bytes of `made` in `mode`; raises ConversionError when they are not there or not what the mode promises."""
    if mode.name not in made.files:
        raise ConversionError(made.refusals.get(mode.name, f"the mode {mode.name} was not asked for"))
    prove(read_graph(made.files[mode.name]), mode)
    return made.files[mode.name]


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
