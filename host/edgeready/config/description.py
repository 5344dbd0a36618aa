"""What the user may say of a model file that does not say it itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from edgeready.config.option import Option
from edgeready_device.normalization import PRESETS, normalization_of, parse_numbers

if TYPE_CHECKING:
    from edgeready_device.model_file.contract import Description


MeanOption = Annotated[
    tuple[float, ...] | None,
    Option(
        help="the network sees (pixel - MEAN) / STD: one number or one per channel",
        parse=partial(parse_numbers, "--mean"),
    ),
]
StdOption = Annotated[
    tuple[float, ...] | None,
    Option(help="as --mean: 127.5, or 58.4,57.1,57.4", parse=partial(parse_numbers, "--std")),
]


@dataclass(frozen=True, kw_only=True)
class DescriptionConfig:
    """How a file is to be read, in place of what it says: the fields of a `Description` of the device package."""

    labels: Annotated[Path | None, Option(help="one label a line, lines of number and label, or JSON")] = None
    mean: MeanOption = None
    std: StdOption = None
    preset: Annotated[str | None, Option(help=f"how a family of networks takes pictures: {', '.join(PRESETS)}")] = (
        None
    )
    color: Annotated[str | None, Option(help="the order in which the model takes channels: rgb or bgr")] = None
    layout: Annotated[str | None, Option(help="nhwc or nchw, where the input can be read as both")] = None
    output: Annotated[int | None, Option(help="the output that holds the scores, counted from 0")] = None
    scores: Annotated[str | None, Option(help="what the output holds: logits or probabilities")] = None

    @property
    def description(self) -> Description:
        """The Description; raises UsageError for values that cannot be meant."""
        from edgeready_device.model_file.contract import Description  # noqa: PLC0415  (numpy, and --help needs none)
        from edgeready_device.model_file.labels import read_labels  # noqa: PLC0415

        return Description(
            labels=None if self.labels is None else read_labels(self.labels),
            normalization=normalization_of(self.mean, self.std),
            preset=self.preset,
            color=self.color,
            layout=self.layout,
            output=self.output,
            scores=self.scores,
        )
