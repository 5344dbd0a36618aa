"""TensorFlow's child process: trains or loads, converts, and leaves what it made in the job's folder."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgeready.jobs.worker import read_log, serve
from edgeready_device.progress import Progress

if TYPE_CHECKING:
    from edgeready.jobs.job import JobResult, TrainedShare
    from edgeready.jobs.network_cost import CostResult
    from edgeready.jobs.quantize_job import Quantized


def main() -> int:
    """Does the job that the process's arguments name; returns the exit code, or ends the process where all is well.

    At the end of the interpreter TensorFlow waits until the other machines of a training end as well, and the chief
    has a model to convert. What was made is in the job's folder already.
    """
    code = serve(_do, "loading TensorFlow")
    if code == 0:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    return code


def _do(
    kind: str, folder: Path, progress: Progress, protections: tuple[str, ...]
) -> JobResult | Quantized | CostResult | TrainedShare:
    from edgeready.dataset.photo_files import failure_of  # noqa: PLC0415  (numpy, which comes after the confinement)
    from edgeready.jobs.codec import images_in, load  # noqa: PLC0415  (the same)
    from edgeready.jobs.job import Job  # noqa: PLC0415  (the same)
    from edgeready.jobs.network_cost import CostJob  # noqa: PLC0415  (the same)
    from edgeready.jobs.quantize_job import QuantizeJob  # noqa: PLC0415  (the same)
    from edgeready.jobs.run import JOB  # noqa: PLC0415  (the same)

    if kind == QuantizeJob.__name__:
        from edgeready.engine.quantizer import quantize_step  # noqa: PLC0415  (slow; its errors are to be sent)
        from edgeready.tf.quantize import TensorFlowQuantizer  # noqa: PLC0415  (the same)

        return quantize_step(TensorFlowQuantizer(), load(QuantizeJob, folder, JOB), progress)
    if kind == CostJob.__name__:
        from edgeready.tf.costs import estimate_costs  # noqa: PLC0415  (the same)

        return estimate_costs(load(CostJob, folder, JOB), progress)
    from edgeready.tf.make import make, train_share  # noqa: PLC0415  (slow; its errors are to be sent)

    job = load(Job, folder, JOB)
    try:
        if job.group is not None and not job.group.is_chief:
            return train_share(job, progress)
        return replace(make(job, partial(read_log, folder), progress), protections=protections)
    except Exception as error:  # TensorFlow reads batches by a call back, and names its own error for one of ours
        raise failure_of(*images_in(job)) or error from error
