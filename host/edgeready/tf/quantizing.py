"""Does a QuantizeJob: the converter's own integer quantization of a float32 .tflite, in one step or two."""

from __future__ import annotations

from edgeready.child.job import Progress
from edgeready.child.quantize_job import Quantized, QuantizeJob
from edgeready.errors import UsageError
from edgeready.modes.mode import MODES
from edgeready.quantization.representative import check_feeds
from edgeready.tf import quantize


def quantize_step(job: QuantizeJob, progress: Progress) -> Quantized:
    """What `job` asks for; the log of the process tells why the converter refused it."""
    mode = MODES[job.mode]
    if job.feeds is not None:
        check_feeds(job.feeds)
    progress(f"converting to {mode.name}", 0, 0)
    if mode.name == "int16x8":  # the converter has it in one step only
        if job.feeds is None:
            raise UsageError("int16x8 takes its ranges from samples: give feeds")
        return Quantized(model=quantize.quantize_16x8(job.model, job.feeds))
    if job.feeds is None:
        return Quantized(job.model, quantize.quantize(job.model, mode.ends))
    calibrated = quantize.observe(job.model, job.feeds, job.method)
    if job.observe_only:
        return Quantized(calibrated)
    return Quantized(calibrated, quantize.to_integer(calibrated, job.feeds, job.method, mode.ends))
