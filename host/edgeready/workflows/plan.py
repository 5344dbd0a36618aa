"""What is decided before the work of a build: the network, the data in their parts, and the job."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from edgeready.config.build import BuildConfig, TrainConfig
from edgeready.dataset import Dataset, Splits, hold_out
from edgeready.dataset.class_names import ClassNames
from edgeready.jobs.job import Job
from edgeready.workflows.prepare import job_of, load_data, note_drawn_test, with_network, with_validation
from edgeready_device.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The `config` with its network, why it is that one, the data, those that judge a budget, and the job."""

    config: BuildConfig
    reason: str
    splits: Splits = field(repr=False)
    judges: Dataset | None = field(repr=False)
    job: Job


def plan_build(
    config: BuildConfig, train: TrainConfig | None, progress: Progress, class_names: ClassNames | None = None
) -> Plan:
    """Returns what `config` makes of which data; `train` is None for a conversion.

    Raises DatasetError, UsageError for options that do not go together, or CheckpointError.
    """
    splits, judges, reason = load_data(config, progress, class_names), None, ""
    if train is None:
        splits = note_drawn_test(config, splits)
    if config.quantize.max_drop is not None:
        remaining, judges = hold_out(splits.train, config.data.seed)
        splits = replace(splits, train=remaining)
    if train is not None:
        config, reason = with_network(config, splits)
        splits = with_validation(config, splits)
    return Plan(config=config, reason=reason, splits=splits, judges=judges, job=job_of(config, splits, train))
