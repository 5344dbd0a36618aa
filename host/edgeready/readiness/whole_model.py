"""Rules on the model as a whole: a finding of one that stops the compiler means that no op is mapped."""

from __future__ import annotations

from collections.abc import Iterator

from edgeready.readiness.evidence import LOG, V16, Evidence, Observation
from edgeready.readiness.operators import COMPILED
from edgeready.readiness.place import EIGHT_BITS
from edgeready.readiness.rule import Reason, model_rule
from edgeready_device.tflite.graph import Graph

_ANY_TYPE = frozenset({"QUANTIZE", "DEQUANTIZE", "CAST", "SHAPE", "CUSTOM"})


@model_rule(evidence=Evidence(documented="a model without operators has nothing to map"))
def no_ops(graph: Graph) -> Iterator[Reason]:
    """The model has operators."""
    if not graph.ops:
        yield Reason("the model has no operator: there is nothing to run", "convert a model that has layers")


@model_rule(evidence=Evidence(), effect="notes")
def one_subgraph(graph: Graph) -> Iterator[Reason]:
    """The model has one subgraph: no loops, branches or signatures beside the main one."""
    if graph.subgraphs > 1:
        yield Reason(
            f"the file has {graph.subgraphs} subgraphs: only the first was judged, and no compiled file with several "
            "is known",
            "use Conv1D in place of recurrent layers, write loops out in Python, leave out tf.cond, and convert one "
            "signature",
        )


@model_rule(
    evidence=Evidence(
        refused=Observation(
            what="each of the 386 ops of a float model: unsupported data type", compiler=V16, source=LOG
        )
    )
)
def not_quantized(graph: Graph) -> Iterator[Reason]:
    """The activations are 8-bit integers: the model went through full-integer quantization."""
    worked = [op for op in graph.ops if op.name not in _ANY_TYPE]
    if any(op.custom_code == COMPILED for op in graph.ops) or not worked:
        return
    results = [tensor for op in worked for tensor in graph.of(op.outputs)]
    if any(tensor.dtype in EIGHT_BITS for tensor in results):
        return
    weights = any(t.constant and t.dtype in EIGHT_BITS for op in worked for t in graph.of(op.inputs))
    how = "only its weights are 8-bit (dynamic-range quantization)" if weights else "it is not quantized"
    ops = "1 op computes" if len(worked) == 1 else f"the {len(worked)} ops compute"
    types = ", ".join(sorted({tensor.dtype for tensor in results})) or "nothing"
    yield Reason(
        f"{ops} in {types}: {how}",
        "convert to full integer: set converter.representative_dataset to about 100 images as they are fed to the "
        "model, and target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]; or use `edgeready convert`",
    )


MODEL_RULES = (no_ops, one_subgraph, not_quantized)
