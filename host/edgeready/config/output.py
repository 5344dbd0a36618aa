"""Which file a build writes, and what is kept beside it; `config/build.py` hands it on with the other options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from edgeready.config.modes import MODES, TARGETS, Mode, choose_mode
from edgeready.config.option import Option
from edgeready.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class OutputConfig:
    """Which file is written, in which mode, and what is kept beside it.

    `mode` is a name of MODES, or None for what serves `target` best. `allow_cpu_ops` accepts a model of which not
    every op is mapped to the Edge TPU. `vectors` golden vectors are recorded, None for as many as fit.
    `resume` goes on with a training that was broken off; `keeps_state` false leaves it none to go on from.
    """

    out: Annotated[Path, Option(help="the .tflite file to write", flags=("--out", "-o"))] = Path("model.tflite")
    mode: Annotated[str | None, Option(help=f"{', '.join(MODES)} (default: uint8)")] = None
    target: Annotated[str | None, Option(help=f"choose the mode for a target: {', '.join(TARGETS)}")] = None
    save_float: Annotated[bool, Option(help="also write the float32 model, OUT_float32.tflite")] = False
    save_keras: Annotated[bool, Option(help="also write the trained model, OUT.keras, when its training ends")] = (
        False
    )
    log_csv: Annotated[Path | None, Option(help="write loss and accuracy of each epoch into this CSV file")] = None
    tensorboard: Annotated[
        Path | None, Option(help="write loss and accuracy of each epoch into this folder, for TensorBoard")
    ] = None
    resume: Annotated[
        bool, Option(help="go on with a training that was broken off, from the checkpoint beside the file")
    ] = False
    allow_cpu_ops: Annotated[bool, Option(help="accept a model that the Edge TPU runs only in part")] = False
    vectors: Annotated[
        int | None, Option(help="number of golden vectors for verify (default: 1 to 32, as suit the model's size)")
    ] = None
    image_hashes: Annotated[
        bool,
        Option(
            help="keep hashes of the images of training and calibration in the file: evaluate recognizes them",
            flags=("--image-hashes/--no-image-hashes",),
        ),
    ] = True
    keeps_state: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "out", Path(self.out))  # a notebook writes plain text
        if self.log_csv is not None:
            object.__setattr__(self, "log_csv", Path(self.log_csv))
        if self.tensorboard is not None:
            object.__setattr__(self, "tensorboard", Path(self.tensorboard))
        choose_mode(self.mode, self.target)
        if self.out.suffix != ".tflite":
            raise UsageError(f"{self.out}: name the output file something.tflite")
        if self.vectors is not None and self.vectors < 1:
            raise UsageError(f"--vectors is {self.vectors}: ask for at least 1")

    @property
    def chosen_mode(self) -> Mode:
        """The mode that the file is written in."""
        return choose_mode(self.mode, self.target)

    @property
    def for_edgetpu(self) -> bool:
        """Whether a file of which not every op is mapped to the Edge TPU is refused."""
        mapped = self.chosen_mode.edgetpu == "yes" and self.target in (None, "edgetpu")
        return mapped and not self.allow_cpu_ops

    @property
    def float_out(self) -> Path | None:
        """Where the float32 model is kept: a.tflite has a_float32.tflite beside it."""
        return self.out.with_name(f"{self.out.stem}_float32.tflite") if self.save_float else None

    @property
    def checkpoint(self) -> Path:
        """Where a training keeps its state until the file is there: a.tflite has a.checkpoint beside it."""
        return self.out.with_suffix(".checkpoint")

    @property
    def keras_out(self) -> Path | None:
        """Where the trained model is kept: a.tflite has a.keras beside it."""
        return self.out.with_suffix(".keras") if self.save_keras else None
