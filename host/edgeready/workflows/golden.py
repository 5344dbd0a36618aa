"""Adds golden vectors to any .tflite: the same file, with one part more behind it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.dataset import SET_NAMES, load_splits
from edgeready.errors import DatasetError, ModelFileError, RuntimeUnavailableError, UsageError
from edgeready.files.atomic import write_files
from edgeready.model_file.golden import MOST_VECTORS, count_vectors, record_golden, record_samples
from edgeready.model_file.writer import with_parts
from edgeready.proof.runtimes import RuntimeTrial, runtimes_that_run, try_runtimes
from edgeready_device.benchmarking.workload import takes_frames
from edgeready_device.errors import ImageError
from edgeready_device.image_sets.failures import failure_text
from edgeready_device.images.decode import image_files, load_frame
from edgeready_device.images.frames import fit_frame
from edgeready_device.input_file import require_file
from edgeready_device.isolation.trial import TrialRequest, try_model
from edgeready_device.model_file.archive import read_archive
from edgeready_device.model_file.golden import GoldenVectors
from edgeready_device.model_file.manifest import InputSpec
from edgeready_device.model_file.reader import GOLDEN, MANIFEST, TfliteModel, read_model_file
from edgeready_device.model_inputs import ModelInputs, read_inputs, seeded_inputs
from edgeready_device.runnable import check_runnable

_MOST_PARTS_BYTES = 256 << 20  # unpacked, all together; chosen: far above the parts of any classifier


@dataclass(frozen=True, kw_only=True)
class GoldenFile:
    """A file that was written: how many vectors it carries, under which names they were recorded, and where not."""

    out: Path
    size_bytes: int
    vectors: int
    recordings: tuple[str, ...]
    refusals: tuple[RuntimeTrial, ...]

    def to_dict(self) -> dict[str, Any]:
        """The file as plain data."""
        return {
            "out": str(self.out),
            "size_bytes": self.size_bytes,
            "vectors": self.vectors,
            "recordings": list(self.recordings),
            "refused": {str(trial.runtime): trial.reason for trial in self.refusals},
        }


def add_golden(
    path: Path,
    source: str | None = None,
    out: Path | None = None,
    vectors: int | None = None,
    *,
    inputs: Path | None = None,
    skip_damaged: bool = False,
) -> GoldenFile:
    """Writes to `out` the model in `path` with vectors recorded on the runtimes here.

    An image classifier is fed with pictures of `source`: a named set, a .npz, or a folder with pictures in it or in
    its subfolders; they are made to fit the model. `inputs` is a .npz with an array for each input of any model. What
    is no image classifier gets seeded noise where neither is given. `out` None is NAME_golden.tflite beside `path`;
    `vectors` None takes as many as `record_golden` does. What the file carries stays, older vectors excepted.
    Each runtime tries the model in a child process first. Raises RuntimeUnavailableError when none here runs it,
    DatasetError when there is no picture, UsageError for a `source` that does not suit the model.
    """
    if vectors is not None and vectors < 1:
        raise UsageError(f"vectors is {vectors}: ask for at least 1")
    if source is not None and inputs is not None:
        raise UsageError("--data and --inputs: give one of the two")
    target = out or path.with_name(f"{path.stem}_golden.tflite")
    require_file(path)
    file = read_model_file(path)
    flatbuffer = file.flatbuffer  # with sizes that are open, which the file keeps
    if source is None:
        file, feed = _tensors(file, inputs, vectors)
    else:
        pictures = _pictures(source, file.contract.frame, vectors or MOST_VECTORS, skip_damaged=skip_damaged)
    check_runnable(file)
    trials = tuple(_try_reference_kernels(trial, file) for trial in try_runtimes(file))
    runtimes = runtimes_that_run(trials)
    if not runtimes:
        raise RuntimeUnavailableError(
            f"{path}: no runtime here runs it, so nothing can be recorded: "
            + "; ".join(f"{trial.runtime}: {trial.reason}" for trial in trials)
        )
    if source is None:
        golden = record_samples(file, feed.samples, runtimes, vectors)
    else:
        golden = record_golden(file, pictures, runtimes, vectors)
    write_files({target: (data := _with_part(path, flatbuffer, golden))})
    return GoldenFile(
        out=target,
        size_bytes=len(data),
        vectors=len(golden.inputs),
        recordings=tuple(golden.outputs),
        refusals=tuple(trial for trial in trials if not trial.runs),
    )


def _tensors(file: TfliteModel, inputs: Path | None, vectors: int | None) -> tuple[TfliteModel, ModelInputs]:
    """`file` and the samples in the .npz `inputs`; None is seeded noise for what takes no pictures."""
    if inputs is not None:
        return read_inputs(inputs, file)
    if takes_frames(file):
        raise UsageError(f"{file.path} is an image classifier: give pictures with --data, or tensors with --inputs")
    sample_bytes = sum(tensor.nbytes for tensor in seeded_inputs(file)[0])
    return file, seeded_inputs(file, count_vectors(sample_bytes, len(file.flatbuffer), vectors))


def _try_reference_kernels(trial: RuntimeTrial, file: TfliteModel) -> RuntimeTrial:
    """`trial`, which ran on the default kernels, after the reference kernels have run the model in a child, too."""
    if not trial.runs:
        return trial
    result = try_model(TrialRequest(trial.runtime.name, kernels="reference"), file.flatbuffer, graphs=file.subgraphs)
    if result.ran:
        return trial
    return RuntimeTrial(runtime=trial.runtime, runs=False, reason=result.error or result.exit.sentence)


def _pictures(source: str, spec: InputSpec, most: int, *, skip_damaged: bool) -> NDArray[np.uint8]:
    """At most `most` frames, spread evenly over what `source` holds, (n, height, width, channels).

    Raises ImageError for those of a folder that cannot be read, unless `skip_damaged` leaves them out.
    """
    folder = Path(source)
    if source in SET_NAMES or not folder.is_dir():
        images = load_splits(source).test.images
        try:
            return np.stack([fit_frame(images[index], spec) for index in _spread(len(images), most)])
        except ImageError as error:
            raise DatasetError(f"{source}: {error}") from error
    places = [folder, *sorted(path for path in folder.rglob("*") if path.is_dir())]
    paths = [path for place in places for path in image_files(place)]
    if not paths:
        raise DatasetError(f"{source}: no images there or in its subfolders: name a folder with some")
    frames, failures = [], {}
    for path in (paths[index] for index in _spread(len(paths), most)):
        try:
            frames.append(load_frame(path, spec.height, spec.width, spec.channels, spec.resize))
        except ImageError as error:
            failures[path] = error
    if failures and not (skip_damaged and frames):
        raise ImageError(failure_text(failures, len(failures) + len(frames)))
    return np.stack(frames)


def _spread(count: int, most: int) -> list[int]:
    """Which of `count` to take; in an order that shows every part of them early, as fewer may be kept."""
    number = min(count, most)
    even = np.linspace(0, count - 1, number).round().astype(int)
    return [int(even[index]) for index in np.random.default_rng(0).permutation(number)]


def _with_part(path: Path, flatbuffer: bytes, golden: GoldenVectors) -> bytes:
    """The file's bytes with `golden` among its parts, and with its hash in the manifest where there is one.

    Raises DatasetError where the vectors are larger than a device reads.
    """
    parts = _parts(path)
    manifest = parts.pop(MANIFEST, None)
    parts[GOLDEN] = golden.to_bytes()
    if manifest is not None:
        fields = json.loads(manifest)
        fields["sha256"] = {**fields["sha256"], GOLDEN: hashlib.sha256(parts[GOLDEN]).hexdigest()}
        parts[MANIFEST] = json.dumps(fields, indent=1).encode()
    data = with_parts(flatbuffer, parts)
    try:
        TfliteModel.from_bytes(data, trusted=True)
    except ModelFileError as error:
        raise DatasetError(f"{path}: with {len(golden.inputs)} vectors {error}: ask for fewer --vectors") from error
    return data


def _parts(path: Path) -> dict[str, bytes]:
    """Every part behind the flatbuffer, by its name; edgeready's own are checked already."""
    try:
        archive = read_archive(path.read_bytes())
        return {} if archive is None else archive.parts(_MOST_PARTS_BYTES)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from error
