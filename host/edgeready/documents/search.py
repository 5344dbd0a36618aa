"""A search for the best network, out of its document."""

from __future__ import annotations

from dataclasses import dataclass

from edgeready.documents.fields import Fields


@dataclass(frozen=True, kw_only=True)
class Searched:
    """One network of a search: its costs, what its last trial reached in `epochs`, and what it was in the end.

    Accuracies are shares, None where there is none: `trial` and `validation` on the validation, `uint8` on the test
    images. `size_bytes` is that of the file, estimated unless the network was trained to the end.
    """

    name: str
    size_bytes: int | None
    macs: int | None
    epochs: int | None
    trial: float | None
    validation: float | None
    uint8: float | None
    is_final: bool
    is_best: bool
    fate: str


@dataclass(frozen=True, kw_only=True)
class SearchTable:
    """The networks of one search on `data`, those trained to the end first, its limits, and its doubts."""

    output: str
    data: str
    best: str
    max_size: int | None
    limits: tuple[str, ...]
    networks: tuple[Searched, ...]
    doubts: tuple[str, ...]
    left_out: str


def read_search(fields: Fields) -> SearchTable:
    """Returns the SearchTable in the document of `search`."""
    data = fields.child("data")
    budget = fields.child("budget") or Fields(file=fields.file, data={})
    trials = {trial.text("name"): trial for trial in fields.children("trials")}  # the last of each
    finals = {final.text("name"): final for final in fields.children("finals")}
    best = fields.text("best")
    front = fields.texts("front")
    candidates = {candidate.text("name"): candidate for candidate in fields.children("candidates")}
    networks = [
        _read_network(candidate, trials.get(name), finals.get(name), best=best, is_chosen=name in front)
        for name, candidate in candidates.items()
    ]
    networks.sort(key=lambda network: (not network.is_final, -(network.epochs or 0), -(network.trial or 0.0)))
    return SearchTable(
        output=fields.text("output"),
        data="" if data is None else data.text("name"),
        best=best,
        max_size=budget.whole("max_size"),
        limits=_limits(budget),
        networks=tuple(networks),
        doubts=fields.texts("doubts"),
        left_out=fields.text("left_out"),
    )


def _read_network(
    candidate: Fields, trial: Fields | None, final: Fields | None, *, best: str, is_chosen: bool
) -> Searched:
    return Searched(
        name=candidate.text("name"),
        size_bytes=candidate.whole("file_bytes") if final is None else final.whole("size_bytes"),
        macs=candidate.whole("macs"),
        epochs=None if trial is None else trial.whole("epochs"),
        trial=None if trial is None else trial.number("validation"),
        validation=None if final is None else final.number("validation"),
        uint8=None if final is None else final.number("uint8"),
        is_final=final is not None,
        is_best=final is not None and bool(best) and final.text("file") == best,
        fate=_fate(trial, final, is_chosen=is_chosen),
    )


def _fate(trial: Fields | None, final: Fields | None, *, is_chosen: bool) -> str:
    """What became of a network, where it is not the best."""
    if final is not None:
        excess = final.whole("excess")
        return "; ".join((*([f"{excess:,} B above the budget"] if excess else []), *final.texts("doubts")))
    if trial is None:
        return "not tried"
    if failure := trial.text("failure"):
        return failure
    if is_chosen:
        return "it was to be trained to the end, and there was no time, or no file came of it"
    return f"dropped after {trial.whole('epochs') or 0} epochs: others were better, or as good and smaller"


def _limits(budget: Fields) -> tuple[str, ...]:
    size, macs, ms = budget.whole("max_size"), budget.whole("max_macs"), budget.number("max_ms")
    return (
        *([] if size is None else [f"at most {size:,} B"]),
        *([] if macs is None else [f"at most {macs:,} multiply-accumulates"]),
        *([] if ms is None else [f"at most {ms:g} ms, estimated"]),
        *(["parameters within the Edge TPU's cache"] if budget.flag("fits_cache") else []),
    )
