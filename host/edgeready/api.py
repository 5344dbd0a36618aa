"""The Python API: what the commands do, as functions that return the results that the commands show.

A function imports what it needs when it is called, so that `import edgeready` stays quick, and none of them loads
TensorFlow into the caller's process. Errors are those of `edgeready.errors`; nothing is printed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Union

from edgeready.config.build import (
    BuildConfig,
    DataConfig,
    NetworkConfig,
    OutputConfig,
    QuantizeConfig,
    SourceConfig,
    TrainConfig,
)
from edgeready.config.deploy import VERSIONS_KEPT
from edgeready.config.devices import DevicesConfig
from edgeready.config.edgetpu import NEWEST_RUNTIME
from edgeready.config.layers import IMAGES
from edgeready.config.modes import MODES
from edgeready.config.networks import AUTO_NETWORK
from edgeready.config.search import EPOCHS, BudgetConfig, SearchConfig
from edgeready.config.worker_group import VARIABLE, read_group
from edgeready.errors import UsageError
from edgeready_device.progress import Progress, no_progress

if TYPE_CHECKING:
    from edgeready.dataset import Splits
    from edgeready.layer_analysis import LayerReport
    from edgeready.network_search.result import SearchResult
    from edgeready.report.report_file import ReportFile
    from edgeready.workflows.build import BuildResult
    from edgeready.workflows.bundle import Bundle
    from edgeready.workflows.check import Inspection
    from edgeready.workflows.compile import Compilation
    from edgeready.workflows.deploy import Deployment
    from edgeready.workflows.evaluate import Evaluation
    from edgeready.workflows.golden import GoldenFile
    from edgeready.workflows.modes import ModesReport
    from edgeready.workflows.networks import NetworkList
    from edgeready.workflows.tensors import TensorResult
    from edgeready_device.model_file.contract import Description

StrPath = Union[str, "os.PathLike[str]"]
Hosts = str | Sequence[str]
Data = Union[str, "os.PathLike[str]", DataConfig]


def build(
    data: Data,
    *,
    model: str = AUTO_NETWORK,
    out: StrPath | OutputConfig = "model.tflite",
    train: TrainConfig | None = None,
    network: NetworkConfig | None = None,
    quantize: QuantizeConfig | None = None,
    devices: DevicesConfig | None = None,
    progress: Progress = no_progress,
) -> BuildResult:
    """Trains `model` on `data`, makes the model file and returns what was proved and measured of it.

    `model` is the name of a network, FILE.py:FUNCTION, or "auto" for what suits the images; `data` the name of a set,
    a .npz or a folder of images.
    Raises DatasetError, ModelSourceError, TrainingError, ConversionError, BudgetError or OutputError; then no file
    is written. Needs the extra `build`.
    """
    from edgeready.workflows.build import build as run

    if read_group(os.environ.get(VARIABLE)) is not None:
        raise UsageError(
            f"{VARIABLE} names several workers, which the command `edgeready build` trains on: unset it to train here"
        )
    images = _data(data)
    config = BuildConfig(
        data=images,
        model=model,
        output=_output(out),
        train=train or TrainConfig(seed=images.seed),
        network=network or NetworkConfig(),
        quantize=quantize or QuantizeConfig(),
        devices=devices or DevicesConfig(),
    )
    return run(config, progress)


def convert(
    model: StrPath,
    *,
    data: Data,
    out: StrPath | OutputConfig = "model.tflite",
    network: NetworkConfig | None = None,
    quantize: QuantizeConfig | None = None,
    source: SourceConfig | None = None,
    progress: Progress = no_progress,
) -> BuildResult | TensorResult:
    """Makes the model file from a trained model and returns what was proved and measured of it.

    `model` is a .keras or .h5 file, a SavedModel folder, a frozen .pb, a float .tflite, an ONNX model, a .pt2 or
    TorchScript file, or FILE.py:FUNCTION; `data` gives labels, calibration and test images. Where `data` is a .npz of
    inputs without labels the model need be no classifier, and the result is a TensorResult. Raises what `build`
    raises. Needs the extra `build` for all sources but a float .tflite, and those that become ONNX, which need the
    extra `onnx`.
    """
    from edgeready.dataset.tensors import is_tensor_file
    from edgeready.workflows.build import convert as run
    from edgeready.workflows.tensors import convert_tensors

    config = BuildConfig(
        data=_data(data),
        model=os.fspath(model),
        output=_output(out),
        network=network or NetworkConfig(),
        quantize=quantize or QuantizeConfig(),
        source=source or SourceConfig(),
    )
    return convert_tensors(config, progress) if is_tensor_file(config.data.source) else run(config, progress)


def search(
    data: Data,
    *,
    budget: BudgetConfig,
    output: StrPath,
    search: SearchConfig | None = None,
    train: TrainConfig | None = None,
    progress: Progress = no_progress,
) -> SearchResult:
    """Finds the network with the best accuracy on `data` that keeps `budget`, and returns what was tried and made.

    The model files are written into the folder `output`; a search there that was interrupted goes on. `train` is how
    the networks are trained to the end. Raises what `build` raises, UsageError where nothing keeps the budget, and
    OutputError for a folder that holds something else. Needs the extra `build`.
    """
    from edgeready.workflows.search import search as run

    images = _data(data)
    training = train or TrainConfig(epochs=EPOCHS, seed=images.seed)
    return run(images, budget, Path(output), search=search, train=training, progress=progress)


def check(file: StrPath, *, runtime: int = NEWEST_RUNTIME) -> Inspection:
    """Predicts which ops of a .tflite file the Edge TPU compiler maps; reads compiled files and its logs, too.

    `runtime` is that of the Edge TPU on the device, 10 to 14. Raises UsageError, NotFoundError or ModelFileError.
    """
    from edgeready.workflows.check import inspect

    return inspect(Path(file), runtime)


def evaluate(
    file: StrPath,
    *,
    data: StrPath,
    seed: int | None = None,
    follow_links: bool = False,
    skip_damaged: bool = False,
    cache: bool = True,
    test: StrPath | None = None,
    description: Description | None = None,
    progress: Progress = no_progress,
) -> Evaluation:
    """Returns the accuracy of a .tflite classifier on the test images of `data`, or on those of `test`.

    `seed` picks the split, None that of the file. `skip_damaged` leaves out images that cannot be read, `cache` keeps
    decoded photos for the next run. `description` (of `edgeready_device`) goes before what the file says. Raises
    DatasetError, NotFoundError, or ModelFileError, also where more must be said before the model can classify.
    """
    from edgeready.workflows.evaluate import evaluate_file

    return evaluate_file(
        Path(file),
        os.fspath(data),
        description,
        seed=seed,
        follow_links=follow_links,
        skip_damaged=skip_damaged,
        cache=cache,
        test=None if test is None else os.fspath(test),
        progress=progress,
    )


def modes(
    model: StrPath,
    *,
    data: Data,
    only: Sequence[str] | None = None,
    out: StrPath | None = None,
    network: NetworkConfig | None = None,
    source: SourceConfig | None = None,
    progress: Progress = no_progress,
) -> ModesReport:
    """Makes a trained model in each mode and measures each on the test images of `data`.

    `only` names modes, None means all; the files are kept in the folder `out`, where it is named. A mode that cannot
    be made is refused in its row. Raises what `convert` raises for the model and the data, and needs what it needs.
    """
    from edgeready.workflows.modes import compare_modes

    config = BuildConfig(
        data=_data(data),
        model=os.fspath(model),
        output=OutputConfig(allow_cpu_ops=True),
        network=network or NetworkConfig(),
        source=source or SourceConfig(),
    )
    return compare_modes(config, list(only or MODES), progress, None if out is None else Path(out))


def layers(
    float32: StrPath,
    integer: StrPath,
    *,
    data: StrPath,
    images: int = IMAGES,
    seed: int | None = None,
    follow_links: bool = False,
    skip_damaged: bool = False,
    cache: bool = True,
    test: StrPath | None = None,
    progress: Progress = no_progress,
) -> LayerReport:
    """Returns the quantization error of each layer of two files of one network, and what it does to the scores.

    `images` test images of `data` are compared; the rest is as for `evaluate`. Raises ModelFileError when the files
    do not belong together, DatasetError, UsageError or NotFoundError.
    """
    from edgeready.workflows.layers import diagnose_files

    return diagnose_files(
        Path(float32),
        Path(integer),
        os.fspath(data),
        seed=seed,
        images=images,
        follow_links=follow_links,
        skip_damaged=skip_damaged,
        cache=cache,
        test=None if test is None else os.fspath(test),
        progress=progress,
    )


def golden(
    file: StrPath,
    *,
    data: StrPath | None = None,
    inputs: StrPath | None = None,
    out: StrPath | None = None,
    vectors: int | None = None,
    skip_damaged: bool = False,
) -> GoldenFile:
    """Writes the model in `file` with golden vectors, which `edgeready_device.verify` compares on the board.

    `data` is a folder of pictures, a .npz or the name of a set, for an image classifier; `inputs` is a .npz with an
    array for each input of any model; else there is seeded noise. `out` defaults to FILE_golden.tflite, `vectors` to
    as many as suit the model's size. Raises RuntimeUnavailableError where nothing here runs it, DatasetError.
    """
    from edgeready.workflows.golden import add_golden

    return add_golden(
        Path(file),
        None if data is None else os.fspath(data),
        None if out is None else Path(out),
        vectors,
        inputs=None if inputs is None else Path(inputs),
        skip_damaged=skip_damaged,
    )


def bundle(file: StrPath, *, target: str = "pi-os-12", out: StrPath = "edgeready-bundle") -> Bundle:
    """Writes a new folder with wheels, the model and an installer for a board without internet.

    `target` is pi-os-12, pi-os-13 or armv7. Raises UsageError, NotFoundError without the wheels, OutputError.
    """
    from edgeready.workflows.bundle import make_bundle

    return make_bundle(Path(file), target, Path(out))


def compile(
    file: StrPath, *, out: StrPath | None = None, container: str | None = None, runtime: int = NEWEST_RUNTIME
) -> Compilation:
    """Compiles a .tflite file with Google's edgetpu_compiler and compares its table with the prediction.

    `container` names an image with the compiler, run by docker; `runtime` is as for `check`. Raises
    RuntimeUnavailableError where there is no compiler, ConversionError when it refuses the model, and what `check`
    raises.
    """
    from edgeready.workflows.compile import compile_file

    target = None if out is None else Path(out)
    return compile_file(Path(file), target, container=container, runtime=runtime)


def deploy(
    file: StrPath,
    *,
    hosts: Hosts = (),
    inventory: StrPath | None = None,
    ssh_config: StrPath | None = None,
    versions_kept: int = VERSIONS_KEPT,
    profile: bool = False,
    progress: Progress = no_progress,
) -> Deployment:
    """Installs a .tflite file on boards over ssh, verifies, tunes and measures it there, with `profile` op by op.

    `hosts` are words as in pi@raspberrypi.local, `inventory` is a file of them. A board that fails does not raise: it
    is among the `failures` of the result, with the reason. Raises UsageError for what is no host, NotFoundError or
    ModelFileError for the model, RuntimeUnavailableError without an OpenSSH client.
    """
    from edgeready.boards.hosts import read_hosts
    from edgeready.workflows.deploy import deploy as run

    return run(
        Path(file),
        read_hosts((hosts,) if isinstance(hosts, str) else hosts, None if inventory is None else Path(inventory)),
        ssh_config=None if ssh_config is None else Path(ssh_config),
        versions_kept=versions_kept,
        profile=profile,
        progress=progress,
    )


def rollback(
    hosts: Hosts = (),
    *,
    inventory: StrPath | None = None,
    ssh_config: StrPath | None = None,
    progress: Progress = no_progress,
) -> Deployment:
    """Makes the version before the current one current on boards; the arguments and errors are those of `deploy`."""
    from edgeready.boards.hosts import read_hosts
    from edgeready.workflows.deploy import rollback as run

    return run(
        read_hosts((hosts,) if isinstance(hosts, str) else hosts, None if inventory is None else Path(inventory)),
        ssh_config=None if ssh_config is None else Path(ssh_config),
        progress=progress,
    )


def write_report(files: Sequence[StrPath], *, out: StrPath, title: str = "") -> ReportFile:
    """Writes what the commands wrote with --json into `files` as one HTML page, or as a model card in Markdown.

    `out` is something.html or something.md. Raises UsageError for another name, NotFoundError, DocumentError for a
    file that none of the commands wrote, OutputError.
    """
    from edgeready.report.report_file import write_report as write
    from edgeready.workflows.report import gather_report

    return write(gather_report(Path(out), [Path(file) for file in files], title=title))


def networks(image_size: int | None = None, *, channels: int = 3, classes: int = 10) -> NetworkList:
    """Returns the networks by name, with parameters, bytes as uint8, multiply-accumulates and what the Edge TPU maps.

    Raises UsageError, and MissingExtraError for another size than the usual one (None) without the extra `build`.
    """
    from edgeready.workflows.networks import list_networks

    return list_networks(None if image_size is None else (image_size, image_size), channels=channels, classes=classes)


def load_data(data: Data, *, progress: Progress = no_progress) -> Splits:
    """Reads a data set and cuts it in three: training, calibration and test images without an image in common.

    Raises NotFoundError or DatasetError.
    """
    from edgeready.dataset import load_splits

    config = _data(data)
    return load_splits(
        config.source,
        seed=config.seed,
        image_size=config.image_size,
        channels=config.channels,
        follow_links=config.follow_links,
        skip_damaged=config.skip_damaged,
        keep=config.cache,
        test=config.test,
        calibration_count=config.calibration_samples,
        progress=progress,
    )


def _data(data: Data) -> DataConfig:
    return data if isinstance(data, DataConfig) else DataConfig(source=os.fspath(data))


def _output(out: StrPath | OutputConfig) -> OutputConfig:
    return out if isinstance(out, OutputConfig) else OutputConfig(out=Path(out))
