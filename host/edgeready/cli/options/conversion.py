"""The options of a conversion: which mode is written, and how a saved model is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from edgeready.config.build import SourceConfig
from edgeready.config.modes import MODES, TARGETS
from edgeready.errors import UsageError


@dataclass(frozen=True)
class ModeOptions:
    """What the file is made of, or what it is for."""

    mode: Annotated[str | None, typer.Option("--mode", help=f"{', '.join(MODES)}; default uint8")] = None
    target: Annotated[str | None, typer.Option("--target", help=f"picks the mode: {', '.join(TARGETS)}")] = None


@dataclass(frozen=True)
class SourceOptions:
    """How a saved model is read and what may be in it."""

    signature: Annotated[str | None, typer.Option("--signature", help="which signature of a SavedModel")] = None
    inputs: Annotated[
        list[str] | None, typer.Option("--input", help="a frozen graph's input by name; once for each")
    ] = None
    outputs: Annotated[
        list[str] | None, typer.Option("--output", help="a frozen graph's output by name; once for each")
    ] = None
    shapes: Annotated[
        list[str] | None,
        typer.Option("--input-shape", help="what a model leaves open: 1x28x28x1; once for each input"),
    ] = None
    select_tf_ops: Annotated[
        bool, typer.Option("--select-tf-ops", help="let TensorFlow's own ops in; no pip runtime runs them")
    ] = False
    custom_ops: Annotated[
        bool, typer.Option("--allow-custom-ops", help="let ops in that only your own runtime knows")
    ] = False

    def config(self) -> SourceConfig:
        """The SourceConfig that they mean; raises UsageError."""
        return SourceConfig(
            self.signature,
            tuple(self.inputs or ()),
            tuple(self.outputs or ()),
            tuple(_shape(text) for text in self.shapes or ()),
            self.select_tf_ops,
            self.custom_ops,
        )


def _shape(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.lower().replace(",", "x").split("x"))
    except ValueError as error:
        raise UsageError(f"--input-shape is {text!r}: write sizes, as in 1x28x28x1") from error
