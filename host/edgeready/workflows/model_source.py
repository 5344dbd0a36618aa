"""The trained model that a conversion starts from, also in a folder or a ZIP, and the names of its classes."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from edgeready.config.build import BuildConfig
from edgeready.config.networks import AUTO_NETWORK, require_network
from edgeready.dataset.class_names import ClassNames, class_names_of
from edgeready.engine.sources import check_function_file, check_source
from edgeready.errors import ModelFileError, ModelSourceError, fit_reason
from edgeready.files.scratch import scratch_folder, shown_path
from edgeready.jobs.torch_export import check_torch_file, is_torch_model
from edgeready_device.model_file.labels import read_labels
from edgeready_device.model_file.reader import TfliteModel, read_model_file

NO_LABELS = "none"
LABEL_FILE = "labels.txt"
_SUFFIXES = (".keras", ".h5", ".tflite", ".onnx", ".pb", ".pt2")
_MOST_BYTES = 4 << 30  # of what is in a ZIP; option: above the float32 models that have an integer file
_MOST_ENTRIES = 10_000  # option: far above those of an export
_REMEDY = (
    "name both alike, give the file that belongs to the model with --labels, or --labels none where the outputs have "
    "the order of the data's classes"
)


@contextmanager
def open_source(config: BuildConfig) -> Iterator[BuildConfig]:
    """`config` with the model file in the place of a folder or a ZIP that holds one, as Teachable Machine gives them.

    What a ZIP holds is gone when the block ends. Raises ModelSourceError for a ZIP that holds no model, or several,
    and for what is no model by its name; NotFoundError where there is none.
    """
    path = Path(config.model)
    if path.suffix.lower() == ".zip" and path.is_file():
        with scratch_folder() as folder:
            yield replace(config, model=str(_unpack(path, folder)))
        return
    models = _models_in(path) if _is_plain_folder(path) else []
    source = replace(config, model=str(models[0])) if len(models) == 1 else config
    if is_torch_model(source.model, source.source):
        check_torch_file(source.model)
    else:
        check_source(source.model)
    yield source


def check_network(name: str) -> None:
    """Raises ModelSourceError for a network that there is not, and NotFoundError where its file is not."""
    if ":" in name:
        check_function_file(name)
    elif Path(name).exists() and Path(name).suffix:
        raise ModelSourceError(
            f"{name} is a file: build trains a network by name or FILE.py:FUNCTION; what is trained already goes to "
            f"edgeready convert {name} --data DATA"
        )
    elif name != AUTO_NETWORK:
        require_network(name)


def find_class_names(config: BuildConfig) -> ClassNames | None:
    """The names of the classes of the model in `config`, in the order of its outputs; None where nothing says them.

    They are in the file of --labels, in a .tflite, or in a labels.txt in the folder of the model. Raises
    NotFoundError or UsageError for a file of labels that cannot be used.
    """
    option = config.source.labels
    if option is not None:
        if option == NO_LABELS:
            return None
        return class_names_of(read_labels(Path(option)), repr(option), _REMEDY)
    path = Path(config.model)
    if path.suffix.lower() == ".tflite" and path.is_file():
        with suppress(ModelFileError):  # what reads it next says so
            labels = _labels_inside(read_model_file(path))
            if labels:
                return class_names_of(labels, repr(shown_path(path)), _REMEDY)
    places = [path, path / "assets", path.parent] if path.is_dir() else [path.parent] if path.is_file() else []
    for place in places:
        if (place / LABEL_FILE).is_file():
            file = place / LABEL_FILE
            return class_names_of(read_labels(file), repr(shown_path(file)), _REMEDY)
    return None


def _labels_inside(model: TfliteModel) -> tuple[str, ...]:
    """The labels that a .tflite carries; none where they are missing, or only number the classes."""
    by_output = model.output_labels[0] if model.output_labels else ()
    labels = by_output or model.labels
    return () if labels == tuple(map(str, range(len(labels)))) else labels


def _is_plain_folder(path: Path) -> bool:
    return path.is_dir() and path.suffix.lower() not in _SUFFIXES and not (path / "saved_model.pb").exists()


def _models_in(folder: Path) -> list[Path]:
    """The models directly in `folder`: files that a source reads, and SavedModels."""
    entries = [entry for entry in sorted(folder.iterdir()) if not entry.name.startswith(".")]
    return [
        entry
        for entry in entries
        if (entry.is_dir() and (entry / "saved_model.pb").is_file())
        or (entry.is_file() and entry.suffix.lower() in _SUFFIXES and not entry.name.endswith(".weights.h5"))
    ]


def _unpack(path: Path, folder: Path) -> Path:
    """The one model of the ZIP `path`, unpacked below `folder`."""
    place = folder / path.name
    place.mkdir()
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            size = sum(entry.file_size for entry in entries)
            if len(entries) > _MOST_ENTRIES or size > _MOST_BYTES:
                raise ModelSourceError(
                    f"{path} holds {len(entries):,} files of {size >> 20:,} MiB: unpack it, and give the model in it"
                )
            archive.extractall(place)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        if isinstance(error, ModelSourceError):
            raise
        raise ModelSourceError(
            fit_reason(f"{path} cannot be unpacked (", error, "): copy it again, or unpack it")
        ) from error
    root = _inner_folder(place)
    models = [root] if (root / "saved_model.pb").is_file() else _models_in(root)
    if len(models) != 1:
        names = ", ".join(sorted(entry.name for entry in root.iterdir())[:8]) or "nothing"
        count = "several models" if models else "no model that is read"
        raise ModelSourceError(f"{path} holds {count} ({names}): unpack it, and give the model in it")
    return models[0]


def _inner_folder(folder: Path) -> Path:
    """`folder`, or the one folder in it that holds all: who packs a folder packs its name, too."""
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".") and entry.name != "__MACOSX"]
    inner = entries[0] if len(entries) == 1 else folder
    if inner is folder or not inner.is_dir() or (inner / "saved_model.pb").exists():
        return folder
    return _inner_folder(inner)
