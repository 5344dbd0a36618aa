"""Advice that decides nothing: cache, float boundaries, open batch, large activations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgeready.readiness.cost import CACHE_BYTES, Cost
from edgeready.readiness.operands import elements
from edgeready.readiness.static_shapes import open_inputs
from edgeready.readiness.verdict import OpVerdict
from edgeready.readiness.wording import name_text, shape_text, tensor_text
from edgeready_device.tflite.graph import Graph

LARGE_ACTIVATION_BYTES = 8 << 20
_MIB = 1 << 20


def notes(graph: Graph, ops: Sequence[OpVerdict], spent: Cost) -> tuple[str, ...]:
    """One line each on what `graph` costs (`spent`) beyond its verdicts `ops`."""
    return (*_partition(ops), *_cache(spent), *_boundaries(spent), *_open(graph, ops), *_activations(graph, ops))


def _partition(ops: Sequence[OpVerdict]) -> Iterator[str]:
    mapped = sum(op.target == "edgetpu" for op in ops)
    if 0 < mapped < len(ops):
        yield (
            f"{mapped} of {len(ops)} ops run on the Edge TPU, the others on the CPU: each inference waits for both"
        )


def _cache(spent: Cost) -> Iterator[str]:
    need = spent.cached_bytes + spent.streamed_bytes
    if not need:
        return
    taken = f"{need / _MIB:.1f} MiB" if need >= _MIB else f"{need / 1024:.1f} KiB"
    if spent.streamed_bytes:
        yield (
            f"the parameters take about {taken} once compiled, the Edge TPU caches about "
            f"{CACHE_BYTES / _MIB:.1f}: about {spent.streamed_bytes / _MIB:.1f} MiB are streamed at each inference, "
            "which costs speed; use a smaller network"
        )
    else:
        yield (
            f"the parameters take about {taken} once compiled and fit the Edge TPU's cache of about "
            f"{CACHE_BYTES / _MIB:.1f} MiB"
        )


def _boundaries(spent: Cost) -> Iterator[str]:
    for end in ("input", "output"):
        found = [one for one in spent.float_ends if one.end == end]
        if found:
            count = sum(one.elements for one in found)
            yield (
                f"float {end}: {len(found)} conversion{'s' if len(found) > 1 else ''} of {count:,} values at each "
                f"inference on the CPU, and {sum(one.extra_bytes for one in found):,} bytes more to hand over; the "
                "ops between are compiled all the same"
            )


def _open(graph: Graph, ops: Sequence[OpVerdict]) -> Iterator[str]:
    for tensor in open_inputs(graph)[:1]:
        if all(op.rule != "open-batch" for op in ops):
            yield (
                f"input {name_text(tensor.name)} leaves a size open (shape_signature "
                f"{shape_text(tensor.shape_signature)}): no op suffers from it here, a fixed batch of 1 is safer"
            )


def _activations(graph: Graph, ops: Sequence[OpVerdict]) -> Iterator[str]:
    results = (
        tensor
        for op, verdict in zip(graph.ops, ops, strict=True)
        if verdict.target == "edgetpu"
        for tensor in graph.of(op.outputs)
    )
    largest = max(results, key=lambda tensor: elements(tensor.shape), default=None)
    if largest is not None and elements(largest.shape) > LARGE_ACTIVATION_BYTES:
        yield (
            f'{tensor_text(largest)} is {elements(largest.shape) / _MIB:.0f} MiB: the compiler may stop with "large '
            'activation tensors in model"; use a smaller input'
        )
