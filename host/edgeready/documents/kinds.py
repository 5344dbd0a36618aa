"""Every kind of document: the fields that it is known by, and the parts that are in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from edgeready.documents.accuracy import Accuracy, Disagreements, read_accuracy, read_disagreements
from edgeready.documents.budgets import (
    AttemptTable,
    BudgetTable,
    FidelityTable,
    Verification,
    read_attempts,
    read_budgets,
    read_fidelity,
    read_verification,
)
from edgeready.documents.fields import Fields
from edgeready.documents.graph import LayerErrors, Readiness, read_layers, read_readiness
from edgeready.documents.making import Making, Training, read_making, read_training
from edgeready.documents.search import SearchTable, read_search
from edgeready.documents.speed import (
    Doubt,
    Profile,
    Size,
    Speed,
    SpeedComparison,
    read_comparison,
    read_profile,
    read_size,
    read_speed,
)
from edgeready.errors import DocumentError
from edgeready_device.benchmarking.benchmark_file import SCHEMA

Part = (
    Accuracy
    | AttemptTable
    | BudgetTable
    | Disagreements
    | FidelityTable
    | LayerErrors
    | Making
    | Profile
    | Readiness
    | SearchTable
    | Size
    | Speed
    | SpeedComparison
    | Training
    | Verification
)
MAKING = "build or convert"  # whose documents are alike
_PROFILE_SCHEMA = "edgeready-profile 1"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of document: the `fields` that it is known by, and what reads it."""

    command: str
    fields: frozenset[str]
    read: Callable[[Fields], Iterator[Part]]


def _read_build(fields: Fields) -> Iterator[Part]:
    model, mode = fields.text("out"), fields.text("mode")
    making = read_making(fields, model)
    yield making
    training = read_training(fields, model)
    if training is not None:
        yield training
    yield from _read_attempts(fields)
    for name in dict.fromkeys(("float32", mode)):
        measured = fields.child(name)
        if measured is None:
            continue
        accuracy, latency = measured.child("accuracy"), measured.child("latency")
        agreement = fields.child("agreement") if name == mode else None
        yield read_size(measured, model, name)
        if accuracy is not None:
            yield read_accuracy(accuracy, model=model, mode=name, data=making.data, agreement=agreement)
        if latency is not None:
            yield read_speed(latency, model=model, mode=name)
    yield from _read_disagreements(fields, model)
    readiness = fields.child("readiness")
    if readiness is not None:
        yield read_readiness(readiness, model)


def _read_attempts(fields: Fields) -> Iterator[Part]:
    budget = fields.child("budget")
    if budget is not None and budget.children("attempts"):
        yield read_attempts(budget, fields.text("out"))


def _read_tensors(fields: Fields) -> Iterator[Part]:
    model = fields.text("out")
    size = Size(model=model, mode="float32", size_bytes=None, flatbuffer_bytes=fields.whole("float32_bytes"))
    yield size
    mode, count = fields.text("mode"), fields.whole("size_bytes")
    yield Size(model=model, mode=mode, size_bytes=count, flatbuffer_bytes=count)
    yield read_fidelity(fields, model)
    readiness = fields.child("readiness")
    if readiness is not None:
        yield read_readiness(readiness, model)


def _read_modes(fields: Fields) -> Iterator[Part]:
    model = fields.text("network")
    data = fields.child("data")
    name = "" if data is None else data.text("name")
    for row in fields.children("modes"):
        mode, accuracy, latency = row.text("mode"), row.child("accuracy"), row.child("latency")
        if accuracy is None:
            continue
        yield read_size(row, model, mode)
        yield read_accuracy(accuracy, model=model, mode=mode, data=name, agreement=row.child("agreement"))
        if latency is not None:
            yield read_speed(latency, model=model, mode=mode)
        verdict = row.child("edgetpu")
        if verdict is not None:
            yield replace(read_readiness(verdict, model), mode=mode)
    yield from _read_disagreements(fields, model)


def _read_disagreements(fields: Fields, model: str) -> Iterator[Part]:
    disagreements = fields.child("disagreements")
    if disagreements is not None:
        yield read_disagreements(disagreements, model)


def _read_evaluation(fields: Fields) -> Iterator[Part]:
    model = fields.text("model") or Path(fields.file).stem
    yield read_accuracy(fields, model=model, data=fields.text("data"))


def _read_boards(fields: Fields) -> Iterator[Part]:
    for board in fields.children("boards"):
        host, failure, measured = board.text("host"), board.text("failure"), board.child("benchmark")
        if failure or measured is None:
            if failure or "benchmark" in board.data:  # a rollback measures nothing, and has not failed
                reason = failure or "it measured nothing"
                yield Speed(machine=host, model="", system=board.text("system"), failure=reason)
        else:
            speed = read_speed(measured, machine=host, system=board.text("system"))
            if reason := board.text("profile_failure"):
                missing = Doubt(kind="no profile", detail=reason, advice="")
                speed = replace(speed, doubts=(*speed.doubts, missing))
            yield speed
            yield from _read_inner_profile(measured, host)
            yield from _read_inner_profile(board, host)


def _read_check(fields: Fields) -> Iterator[Part]:
    yield read_readiness(fields, fields.text("file"))


def _read_compilation(fields: Fields) -> Iterator[Part]:
    yield read_readiness(fields, fields.text("out"))


def _read_comparison(fields: Fields) -> Iterator[Part]:
    yield read_comparison(fields)


def _read_budgets(fields: Fields) -> Iterator[Part]:
    yield read_budgets(fields)


def _read_verification(fields: Fields) -> Iterator[Part]:
    yield read_verification(fields)


def _read_search(fields: Fields) -> Iterator[Part]:
    yield read_search(fields)


def _read_layers(fields: Fields) -> Iterator[Part]:
    yield read_layers(fields)


def _read_benchmark(fields: Fields) -> Iterator[Part]:
    if fields.text("schema") != SCHEMA:
        schema = fields.text("schema")[:40]
        raise DocumentError(f"{fields.file}: its schema is {schema!r}, not {SCHEMA!r}: measure again with benchmark")
    yield read_speed(fields)
    yield from _read_inner_profile(fields)


def _read_inner_profile(fields: Fields, machine: str = "") -> Iterator[Part]:
    """Yields the profile that `benchmark --profile` adds, and a board's."""
    profile = fields.child("profile")
    if profile is not None:
        yield read_profile(profile, machine)


def _read_profile(fields: Fields) -> Iterator[Part]:
    if fields.text("schema") != _PROFILE_SCHEMA:
        schema = fields.text("schema")[:40]
        raise DocumentError(
            f"{fields.file}: its schema is {schema!r}, not {_PROFILE_SCHEMA!r}: profile the model again"
        )
    yield read_profile(fields)


def _kind(command: str, names: str, read: Callable[[Fields], Iterator[Part]]) -> Kind:
    return Kind(command=command, fields=frozenset(names.split()), read=read)


# In the order of looking: a document is of the first kind all of whose fields it has.
KINDS = (
    _kind("benchmark", "schema latencies_s median_s", _read_benchmark),
    _kind("profile", "schema ops run_s", _read_profile),
    _kind(MAKING, "out data mode readiness", _read_build),
    _kind("build", "out budget", _read_attempts),  # where no attempt kept it
    _kind("convert", "out outputs mode readiness", _read_tensors),
    _kind("modes", "network modes", _read_modes),
    _kind("search", "candidates trials finals", _read_search),
    _kind("layers", "float32 integer layers scores", _read_layers),
    _kind("evaluate", "top1 per_class", _read_evaluation),
    _kind("deploy", "boards", _read_boards),
    _kind("compare", "first second percent verdict", _read_comparison),
    _kind("gate", "file passed checks", _read_budgets),
    _kind("verify", "model passed paths", _read_verification),
    _kind("compile", "out proved log", _read_compilation),
    _kind("check", "file ready verdict ops", _read_check),
    _kind("check", "file ready log", _read_check),
)
