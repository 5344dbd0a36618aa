"""The host's errors: those of the device package, and what training and conversion add."""

from __future__ import annotations

from collections.abc import Sequence

from edgeready_device.errors import (
    LONGEST_LINE,
    DatasetError,
    EdgereadyError,
    FileAccessError,
    ImageError,
    MeasurementError,
    ModelFileError,
    NotFoundError,
    OutputError,
    RuntimeUnavailableError,
    SurroundingsError,
    UsageError,
    fit_reason,
    reason_of,
)

__all__ = [
    "LONGEST_LINE",
    "AgreementError",
    "BoardError",
    "BudgetError",
    "CheckpointError",
    "ConversionError",
    "ConverterCrashError",
    "DatasetError",
    "DocumentError",
    "EdgereadyError",
    "FileAccessError",
    "FrameMismatchError",
    "ImageError",
    "MeasurementError",
    "MissingExtraError",
    "ModelFileError",
    "ModelSourceError",
    "NotFoundError",
    "OutputError",
    "RuntimeUnavailableError",
    "SettingsError",
    "SurroundingsError",
    "TrainingError",
    "UntranslatedError",
    "UsageError",
    "fit_reason",
    "reason_of",
]


class LibraryLogError(Exception):
    """What a child process printed before it failed; the cause of the error that says it in a sentence."""


class ModelSourceError(EdgereadyError, ValueError):
    """A source model (a function, a saved Keras model) that cannot be used (exit code 3)."""

    exit_code = 3


class UntranslatedError(ModelSourceError):
    """A model with an operator that the engine without TensorFlow does not translate (exit code 3)."""


class SettingsError(EdgereadyError, ValueError):
    """A file of settings that cannot be read as TOML (exit code 3)."""

    exit_code = 3


class CheckpointError(EdgereadyError, ValueError):
    """A checkpoint that a training cannot use: damaged, of another training, or in use (exit code 3)."""

    exit_code = 3


class DocumentError(EdgereadyError, ValueError):
    """A file that is to be reported and that none of the commands wrote (exit code 3)."""

    exit_code = 3


class FrameMismatchError(ModelSourceError):
    """A model that takes pictures of another size or with other channels than the data have (exit code 3).

    `frame` is the height, width and channels that it takes.
    """

    def __init__(self, message: str, frame: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.frame = tuple(frame)


class BudgetError(EdgereadyError, RuntimeError):
    """A model that cannot be made integer within the accuracy budget (exit code 1); `trail` says what was tried."""

    exit_code = 1

    def __init__(self, message: str, trail: object = None) -> None:
        super().__init__(message)
        self.trail = trail


class AgreementError(EdgereadyError, RuntimeError):
    """A converted model that does not give its float32 model's answers (exit code 1)."""

    exit_code = 1


class BoardError(EdgereadyError, RuntimeError):
    """A board that cannot be reached, or on which a step of a deployment failed (exit code 1)."""

    exit_code = 1


class ConversionError(EdgereadyError, RuntimeError):
    """A model that cannot be converted to what its mode promises, or that a compiler refuses (exit code 5)."""

    exit_code = 5


class ConverterCrashError(ConversionError):
    """A model on which a converter's process crashed (exit code 5)."""


class MissingExtraError(EdgereadyError, ImportError):
    """A command that needs an extra which is not installed (exit code 6)."""

    exit_code = 6


class TrainingError(EdgereadyError, ArithmeticError):
    """A training run that came to nothing (exit code 3)."""

    exit_code = 3
