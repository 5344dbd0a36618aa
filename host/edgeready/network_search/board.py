"""What a board takes for a multiply-accumulate, from one measurement on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median

from edgeready.errors import DocumentError, NotFoundError
from edgeready.readiness import check_graph
from edgeready_device.benchmarking.benchmark_file import read_measurement
from edgeready_device.model_file.reader import read_model_file


@dataclass(frozen=True, kw_only=True)
class BoardSpeed:
    """The `ms` of an inference of a `model` with `macs` multiply-accumulates on a `board`, and what spoke against it.

    Other networks are estimated as if each multiply-accumulate took the same time: a network of other ops, or one
    that no longer fits a cache, takes another time. The last word has `edgeready-device benchmark` on the board.
    """

    board: str
    model: str
    ms: float
    macs: int
    unsteady: tuple[str, ...] = ()

    @property
    def ms_per_mac(self) -> float:
        """Milliseconds for each multiply-accumulate."""
        return self.ms / self.macs


def read_board_speed(result: Path, model: Path | None) -> BoardSpeed:
    """Returns the speed in the file `result` of `benchmark --out`, which measured `model` (None: where it says).

    Raises NotFoundError where a file is not there, MeasurementError for one of another kind, and DocumentError where
    the model is not the one that was measured, or multiplies nothing.
    """
    measurement = read_measurement(result)
    path = Path(measurement.model) if model is None else model
    if not path.is_file():
        raise NotFoundError(
            f"{path}: no such file; name the model that {result} measured with --board-model, to count its "
            "multiply-accumulates"
        )
    file = read_model_file(path)
    if file.sha256 != measurement.sha256:
        hashes = f"SHA-256 {measurement.sha256[:12]}, not {file.sha256[:12]}"
        raise DocumentError(
            f"{result} measured another file than {path} ({hashes}): "
            "name the one that was measured with --board-model"
        )
    cost = check_graph(file.graph).cost
    if cost is None or not cost.macs:
        raise DocumentError(f"{path} multiplies nothing that can be counted: measure an image classifier for --board")
    return BoardSpeed(
        board=measurement.machine or "the board",
        model=path.name,
        ms=1000 * median(measurement.latencies_s),
        macs=cost.macs,
        unsteady=(*measurement.unsteady, *(("emulated",) if measurement.emulated else ())),
    )
