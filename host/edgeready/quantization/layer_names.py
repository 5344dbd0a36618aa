"""Names layers as their author knows them, from the names of the tensors that the converter left."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

# Names of kernels in a fused name; a kernel names the layer better than the batch norm beside it.
_KERNELS = ("convolution", "Conv2D", "depthwise", "separable_conv2d", "conv_transpose", "MatMul", "BatchMatMul")
_COUNTER = re.compile(r"_\d+$")


def name_layers(results: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Returns the layer of each op, in order, from the names of its tensors: the first that names one, else the last.

    "functional_1/relu_1/Relu6;functional_1/bn_1/batchnorm/add_1;functional_1/stem_1/convolution" is "stem": Keras 3
    enters the scope of each layer twice, so that every name ends in a counter. The counter is removed where all
    layers have one. The name of an inner model is kept only where it tells two layers apart.
    """
    candidates = [[_scope(name) for name in names] for names in results]
    scopes = [next((scope for scope in options if len(scope) > 1), options[-1]) for options in candidates]
    layers = [scope[-1] for scope in scopes if len(scope) > 1]
    has_counters = bool(layers) and all(_COUNTER.search(name) for name in layers)
    paths = [_path(scope, has_counters) for scope in scopes]
    last = {path: path.rpartition("/")[2] for path in paths}
    shared = {name for name, times in Counter(last.values()).items() if times > 1}
    return tuple(path if last[path] in shared else last[path] for path in paths)


def _scope(name: str) -> list[str]:
    """Returns the scopes around the part of a fused name that names the layer; the name itself if it has none."""
    parts = [part.split("/") for part in name.split(";") if part]
    if not parts:
        return [name or "(no name)"]
    kernels = [part for part in parts if _COUNTER.sub("", part[-1].rstrip("0123456789")) in _KERNELS]
    part = (kernels or parts)[0]
    # a batch norm's own scope ("bn/batchnorm/add_1") and the stem of a reduction ("Mean/reduction_indices")
    scope = [name for name in part[:-1] if name != "batchnorm"]
    return scope if len(scope) > 1 else [*scope, part[-1]] if scope else [part[-1]]


def _path(scope: list[str], has_counters: bool) -> str:
    if len(scope) == 1:
        return scope[0]
    inner = scope[1:]  # the outermost scope is the model
    return "/".join(_COUNTER.sub("", part) if has_counters else part for part in inner)
