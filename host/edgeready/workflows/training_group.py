"""A training on several machines: what the chief does with the others, and what each of them does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgeready.config.build import BuildConfig
from edgeready.config.worker_group import WorkerGroup
from edgeready.errors import UsageError
from edgeready.jobs.job import JobResult, TrainedShare
from edgeready.jobs.rendezvous import meet
from edgeready.jobs.run import run_in_child
from edgeready.jobs.run_job import run_job
from edgeready.jobs.training import CheckpointPlan, TrainingFiles
from edgeready.workflows.plan import Plan, plan_build
from edgeready_device.progress import Progress, no_progress


@dataclass(frozen=True, kw_only=True)
class WorkerShare:
    """What a machine of `group` has trained that is not the chief, who writes the file `out`; `digest` is a hash."""

    out: Path
    group: WorkerGroup
    epochs: int
    digest: str

    def to_dict(self) -> dict[str, Any]:
        """The share as plain data."""
        return {
            "out": None,
            "worker": self.group.index,
            "workers": list(self.group.workers),
            "epochs": self.epochs,
            "weights_sha256": self.digest,
        }


def check_group(config: BuildConfig, group: WorkerGroup | None) -> None:
    """Raises UsageError for options that a training on several machines does not have."""
    if group is None:
        return
    if config.output.resume:
        raise UsageError("--resume goes on on one machine, and TF_CONFIG names several: leave one of the two out")
    if config.devices.on_cpu:
        raise UsageError(
            f"--devices {config.devices.devices} is for one machine, and TF_CONFIG names several: leave it out"
        )


def train_share(config: BuildConfig, group: WorkerGroup, progress: Progress = no_progress) -> WorkerShare:
    """Trains the network of `config` with the other machines of `group`, and writes nothing.

    Raises DatasetError, ModelSourceError, TrainingError where another machine is lost or trains something else, or
    SurroundingsError for a port that is in use.
    """
    check_group(config, group)
    job = plan_build(config, config.train, progress).job
    identity, job = job.files.checkpoint.identity, replace(job, group=group, files=TrainingFiles())
    with meet(group, identity, config.devices.worker_wait, progress) as fellows:
        share = run_in_child(job, TrainedShare, progress, fellows)
        fellows.finish(share.digest)
    return WorkerShare(out=config.output.out, group=group, epochs=len(share.epochs), digest=share.digest)


def train_together(plan: Plan, group: WorkerGroup, progress: Progress) -> JobResult:
    """Does the job of `plan` as the chief of `group`; raises what `train_share` raises.

    It keeps no checkpoint: the chief alone could not go on from there.
    """
    files = plan.job.files
    job = replace(plan.job, group=group, files=replace(files, checkpoint=CheckpointPlan()))
    with meet(group, files.checkpoint.identity, plan.config.devices.worker_wait, progress) as fellows:
        result = run_job(job, progress, fellows)
        fellows.check(result.digest)
    return result
