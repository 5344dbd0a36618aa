"""Converts untrained networks to find what they cost."""

from __future__ import annotations

import gc

import keras
import numpy as np

from edgeready.config.build import SourceConfig
from edgeready.config.method import Method
from edgeready.engine.quantizer import make_integer
from edgeready.errors import EdgereadyError
from edgeready.jobs.network_cost import CostJob, CostResult, NetworkCost, NetworkPlan
from edgeready.quantization.samples import Samples
from edgeready.readiness import check_graph
from edgeready.tf import convert
from edgeready.tf.models import make_model
from edgeready.tf.quantize import TensorFlowQuantizer
from edgeready.tf.train import match_rank, seed_everything
from edgeready_device.progress import Progress
from edgeready_device.tflite.graph import read_graph

_SEED = 1  # of the weights and the noise; chosen: neither size nor multiplications depend on it
_MOVE = 0.01  # chosen: less than weights begin with, so that no activation vanishes or explodes
_FRAMES = 2  # of noise, for the ranges; chosen: the ranges of random weights need only be there


def estimate_costs(job: CostJob, progress: Progress) -> CostResult:
    """Returns the cost of each network of `job`; one that cannot be made has the reason in its `refusal`."""
    costs = []
    for number, plan in enumerate(job.plans):
        progress(f"estimating the cost of {plan.name}", number, len(job.plans))
        try:
            costs.append(_cost_of(plan))
        except EdgereadyError as error:
            costs.append(NetworkCost(plan=plan, refusal=str(error)))
        keras.backend.clear_session()
        gc.collect()  # networks hold themselves in circles, and a hundred would stay in memory
    return CostResult(costs=tuple(costs))


def _move_weights(model: keras.Model) -> None:
    """Gives each weight of `model` values of its own, as a training does.

    Constants that are alike, such as biases of zeros, share their bytes in a file.
    """
    draws = np.random.default_rng(_SEED)
    for weight in model.weights:
        if weight.dtype == "float32":
            weight.assign(weight.numpy() + draws.uniform(0, _MOVE, weight.shape).astype(np.float32))


def _cost_of(plan: NetworkPlan) -> NetworkCost:
    seed_everything(_SEED)
    frame = plan.frame[:2] if plan.frame[2] == 1 else plan.frame  # as grey images come
    named = make_model(plan.model, frame, plan.classes, alpha=plan.alpha)
    _move_weights(named.model)
    float32 = convert.to_float32(convert.freeze(named.model), SourceConfig())
    noise = np.random.default_rng(_SEED).integers(0, 256, (_FRAMES, *frame), np.uint8)
    samples = Samples((np.asarray(match_rank(named.model, noise)),), named.normalization)
    data = make_integer(TensorFlowQuantizer(), float32, "uint8", samples, Method())
    report = check_graph(read_graph(data))
    if report.cost is None:
        raise ValueError(f"the report on {plan.name} has no cost")
    return NetworkCost(
        plan=plan,
        parameters=named.model.count_params(),
        model_bytes=len(data),
        macs=report.cost.macs,
        cached_bytes=report.cost.cached_bytes,
        streamed_bytes=report.cost.streamed_bytes,
        mapped_ops=report.mapped,
        ops=len(report.ops),
        verdict=report.verdict,
    )
