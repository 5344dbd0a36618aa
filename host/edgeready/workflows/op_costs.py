"""What each op of a file takes on a machine, as `edgeready-device profile` measured it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeready.documents import Profile, ProfileRow, read_documents
from edgeready.errors import DocumentError
from edgeready_device.model_file.reader import TfliteModel

_MAKE = "make it with edgeready-device profile MODEL --json"


@dataclass(frozen=True, kw_only=True)
class OpCosts:
    """The profile of one file, which is in the document `file`."""

    file: str
    profile: Profile

    @property
    def total_s(self) -> float:
        """The time of all ops."""
        return sum(row.seconds or 0.0 for row in self.profile.rows)

    def rows_of(self, ops: Collection[int]) -> tuple[ProfileRow, ...]:
        """Returns the rows whose kernels belong to `ops` and to no other, the slowest first."""
        return tuple(row for row in self.profile.rows if row.ops and set(row.ops) <= set(ops))

    def seconds_of(self, ops: Collection[int]) -> float:
        """Returns the time of the kernels that belong to `ops` and to no other."""
        return sum(row.seconds or 0.0 for row in self.rows_of(ops))

    def share_of(self, ops: Collection[int]) -> float:
        """Returns the part of all ops' time that `seconds_of` is, from 0 to 1."""
        return self.seconds_of(ops) / self.total_s if self.total_s else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Returns where the times are from, as plain data."""
        profile = self.profile
        return {
            "file": self.file,
            "machine": profile.machine,
            "runtime": profile.runtime,
            "threads": profile.threads,
            "emulated": profile.emulated,
            "run_s": profile.run_s,
            "sum_s": self.total_s,
            "notes": list(profile.notes),
        }


def read_costs(path: Path, model: TfliteModel) -> OpCosts:
    """Returns the profile of `model` in the document `path`, which `profile` or `benchmark --profile` wrote.

    Raises NotFoundError, and DocumentError where the document has no profile of this model, or several.
    """
    parts = [part for document in read_documents([path]) for part in document.parts]
    profiles = [part for part in parts if isinstance(part, Profile)]
    if not profiles:
        raise DocumentError(f"{path}: there is no profile in it: {_MAKE}")
    own = [profile for profile in profiles if profile.sha256 == model.sha256]
    if not own:
        raise DocumentError(
            f"{path}: it is the profile of {profiles[0].model or 'another model'} "
            f"(sha256 {profiles[0].sha256[:12] or 'unknown'}), not of {model.path} ({model.sha256[:12]}): "
            "profile this file"
        )
    if len(own) > 1:
        raise DocumentError(f"{path}: it has {len(own)} profiles of this model: give the document of one board")
    _check_rows(path, own[0], model)
    return OpCosts(file=str(path), profile=own[0])


def _check_rows(path: Path, profile: Profile, model: TfliteModel) -> None:
    """Raises DocumentError where a row names an op that `model` lacks, or has no time."""
    count = len(model.graph.ops)
    for row in profile.rows:
        strange = [op for op in row.ops if op >= count]
        if strange:
            raise DocumentError(f"{path}: it names op {strange[0]}, and {model.path} has {count}: {_MAKE}")
        if row.seconds is None or row.seconds < 0:
            raise DocumentError(f"{path}: the time of op {list(row.ops)} is {row.seconds}: {_MAKE}")
