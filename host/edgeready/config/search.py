"""What a search for the best network may cost, and how it looks for it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from edgeready.config.networks import IMAGENET_WIDTHS, SCALABLE_NETWORKS
from edgeready.config.option import Option, parse_image_size
from edgeready.errors import UsageError

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "KI": 1 << 10, "MI": 1 << 20}
_COUNT = re.compile(r"(\d{1,15}(?:\.\d{1,15})?) ?([KMG]?I?)B?", re.IGNORECASE | re.ASCII)
_MOST_HOURS = 1000.0  # chosen: six weeks; a longer time is a mistake of units
FAMILIES = (*SCALABLE_NETWORKS, *IMAGENET_WIDTHS)
"""The networks that come in several widths, all of them trained from random weights by a search."""
EPOCHS = 30
"""Of a final where nobody says; chosen: the trials of the last round have ten then, which rank small networks."""
MOST_FINALS = 10  # chosen: each is a whole training, and more points say no more of the front


def parse_count(option: str, text: str) -> int:
    """Returns the number of "24576", "96KiB", "1MB" or "12M"; raises UsageError for anything else, and for 0."""
    match = _COUNT.fullmatch(text.strip())
    unit = None if match is None else _UNITS.get(match[2].upper())
    value = 0 if match is None or unit is None else int(float(match[1]) * unit)
    if value < 1:
        raise UsageError(f"{option} is {text!r}: write a number above 0, such as 24576, 500K, 96Ki or 1M")
    return value


@dataclass(frozen=True, kw_only=True)
class BudgetConfig:
    """What the network may cost; each limit is kept, and one at least is given.

    `max_size` counts the whole .tflite file with its labels, manifest and one golden vector. `max_ms` is estimated
    from what `board`, a file of `edgeready-device benchmark --out`, says of `board_model` on that board. With
    `fits_cache` all parameters stay in the memory of the Edge TPU.
    """

    max_size: Annotated[
        int | None, Option(help="largest file in bytes: 24576, 96Ki, 1MB", parse=partial(parse_count, "--max-size"))
    ] = None
    max_macs: Annotated[
        int | None,
        Option(help="most multiply-accumulates of an inference: 500K, 12M", parse=partial(parse_count, "--max-macs")),
    ] = None
    max_ms: Annotated[float | None, Option(help="longest inference in milliseconds, estimated from --board")] = None
    board: Annotated[
        Path | None, Option(help="what edgeready-device benchmark --out wrote on the board, for --max-ms")
    ] = None
    board_model: Annotated[
        Path | None, Option(help="the .tflite that was measured for --board (default: where that file says)")
    ] = None
    fits_cache: Annotated[
        bool, Option(help="all parameters stay in the Edge TPU's memory", flags=("--fits-cache",))
    ] = False

    def __post_init__(self) -> None:
        for name in ("board", "board_model"):
            path = getattr(self, name)
            if path is not None:
                object.__setattr__(self, name, Path(path))
        for name, count in (("--max-size", self.max_size), ("--max-macs", self.max_macs)):
            if count is not None and count < 1:
                raise UsageError(f"{name} is {count}: give a number above 0")
        if self.max_ms is not None and not (self.max_ms > 0 and math.isfinite(self.max_ms)):
            raise UsageError(f"--max-ms is {self.max_ms:g}: give milliseconds above 0")
        if self.max_ms is not None and self.board is None:
            raise UsageError(
                "--max-ms needs --board RESULT.json: measure any model there with edgeready-device benchmark --out"
            )
        if self.max_ms is None and self.board is not None:
            raise UsageError("--board goes with --max-ms: give the longest inference, too")
        if self.board is None and self.board_model is not None:
            raise UsageError("--board-model goes with --board: give the file of benchmark --out, too")
        if (self.max_size, self.max_macs, self.max_ms) == (None, None, None) and not self.fits_cache:
            raise UsageError("nothing bounds the network: give --max-size, --max-macs, --max-ms or --fits-cache")


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """Where a search looks, and for how long.

    `networks` are some of FAMILIES and `sizes` the frames of a folder's images, none for those that suit
    the data. At most `finals` networks are trained to the end. No training begins that would not end within
    `max_hours` of training.
    """

    networks: Annotated[
        tuple[str, ...],
        Option(
            help=f"a family to try; repeat: {', '.join(FAMILIES)} (default: the first three)", flags=("--network",)
        ),
    ] = ()
    sizes: Annotated[
        tuple[tuple[int, int], ...],
        Option(
            help="an image size to try for a folder; repeat (default: 32, 48 and 64)",
            flags=("--image-size",),
            parse=parse_image_size,
        ),
    ] = ()
    finals: Annotated[int, Option(help="most networks that are trained to the end")] = 3
    max_hours: Annotated[float | None, Option(help="hours of training in all, resumed ones included")] = None

    def __post_init__(self) -> None:
        for name in self.networks:
            if name not in FAMILIES:
                raise UsageError(f"--network is {name!r}: choose {', '.join(FAMILIES)}")
        for size in self.sizes:
            if min(size) < 1:
                raise UsageError(f"the image size is {size}: use at least 1 pixel")
        if not 1 <= self.finals <= MOST_FINALS:
            raise UsageError(f"--finals is {self.finals}: train 1 to {MOST_FINALS} networks to the end")
        if self.max_hours is not None and not 0 < self.max_hours <= _MOST_HOURS:
            raise UsageError(f"--max-hours is {self.max_hours:g}: give hours above 0 and up to {_MOST_HOURS:g}")
