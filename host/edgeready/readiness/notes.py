"""Advice that decides nothing: cache, float boundaries, open batch, large activations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgeready.readiness.cost import CACHE_BYTES, Cost
from edgeready.readiness.place import count_elements, name_text, shape_text, tensor_text
from edgeready.readiness.shapes import open_inputs
from edgeready.readiness.verdict import Finding, OpVerdict
from edgeready_device.tflite.graph import Graph

# Chosen: the Edge TPU's memory of about 8 MB. Reports to Google name large inputs and no limit (edgetpu #439, #449,
# #508, #608, #653); no observation of the smallest activation that is refused is known.
LARGE_ACTIVATION_BYTES = 8 << 20
# Held against the packages of public compiled models. The worst had 104 kB predicted cached and streamed 1.51 MB;
# some were compiled together with another model.
CACHE_MISSES = 48
CACHE_MODELS = 224
_MIB = 1 << 20


def write_notes(
    graph: Graph, ops: Sequence[OpVerdict], cost: Cost, *, remarks: Sequence[Finding] = ()
) -> tuple[str, ...]:
    """The advice on `graph`, one line each, from its verdicts `ops` and its predicted `cost`.

    `remarks` are the findings of the rules that decide nothing.
    """
    return (
        *_partition(ops),
        *_cache(cost),
        *_boundaries(cost),
        *_open(graph, ops),
        *_activations(graph, ops),
        *(f"{remark.detail}; {remark.remedy}" for remark in remarks),
    )


def _partition(ops: Sequence[OpVerdict]) -> Iterator[str]:
    mapped = sum(op.target == "edgetpu" for op in ops)
    if 0 < mapped < len(ops):
        yield (
            f"{mapped} of {len(ops)} ops run on the Edge TPU, the others on the CPU: each inference waits for both"
        )


def _cache(cost: Cost) -> Iterator[str]:
    need = cost.cached_bytes + cost.streamed_bytes
    if not need:
        return
    size = f"{need / _MIB:.1f} MiB" if need >= _MIB else f"{need / 1024:.1f} KiB"
    if cost.streamed_bytes:
        yield (
            f"the parameters are predicted to take {size} once compiled, more than the Edge TPU's cache of about "
            f"{CACHE_BYTES / _MIB:.1f} MiB: about {cost.streamed_bytes / _MIB:.1f} MiB are streamed at each "
            "inference, which costs speed; use a smaller network"
        )
    else:
        yield (
            f"the parameters are predicted to take {size} once compiled, less than the Edge TPU's cache of about "
            f"{CACHE_BYTES / _MIB:.1f} MiB; of {CACHE_MODELS} public compiled models with this prediction "
            f"{CACHE_MISSES} stream parameters nevertheless"
        )


def _boundaries(cost: Cost) -> Iterator[str]:
    for end in ("input", "output"):
        conversions = [conversion for conversion in cost.float_ends if conversion.end == end]
        if conversions:
            many = "s" if len(conversions) > 1 else ""
            count = sum(conversion.elements for conversion in conversions)
            extra = sum(conversion.extra_bytes for conversion in conversions)
            yield (
                f"float {end}: {len(conversions)} conversion{many} of {count:,} values at each inference on the CPU, "
                f"and {extra:,} bytes more to hand over; this alone keeps no other op off the Edge TPU"
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
    largest = max(results, key=lambda tensor: count_elements(tensor.shape), default=None)
    if largest is not None and (size := count_elements(largest.shape)) > LARGE_ACTIVATION_BYTES:
        yield (
            f'{tensor_text(largest)} is {size / _MIB:.0f} MiB: the compiler may stop with "large '
            'activation tensors in model"; use a smaller input'
        )
