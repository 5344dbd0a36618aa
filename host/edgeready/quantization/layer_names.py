"""The layer's name as its author knows it, from the names of the tensors that the converter left."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

# What the kernel of an op is called in a fused name: it names the layer better than the batch norm beside it.
_KERNELS = ("convolution", "Conv2D", "depthwise", "separable_conv2d", "conv_transpose", "MatMul", "BatchMatMul")
_COUNTED = re.compile(r"_\d+$")


def layer_names(results: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """The layer of each op, in order, from the names of its tensors: the first that tells of one, else the last.

    "functional_1/relu_1/Relu6;functional_1/bn_1/batchnorm/add_1;functional_1/stem_1/convolution" is "stem": Keras 3
    enters each layer's scope twice, so that every name ends in a count of its own, which is taken off where all
    layers have one. A model within the model is named where only that tells two layers apart.
    """
    found = [[_scope(name) for name in names] for names in results]
    scopes = [next((scope for scope in scopes if len(scope) > 1), scopes[-1]) for scopes in found]
    known = [scope[-1] for scope in scopes if len(scope) > 1]
    counted = bool(known) and all(_COUNTED.search(name) for name in known)
    spoken = [_spoken(scope, counted) for scope in scopes]
    last = {path: path.rpartition("/")[2] for path in spoken}
    shared = {name for name, times in Counter(last.values()).items() if times > 1}
    return tuple(path if last[path] in shared else last[path] for path in spoken)


def _scope(name: str) -> list[str]:
    """The scopes around the function of the fused part that names the layer; the name itself where there are none."""
    parts = [part.split("/") for part in name.split(";") if part]
    if not parts:
        return [name or "(no name)"]
    kernels = [part for part in parts if _COUNTED.sub("", part[-1].rstrip("0123456789")) in _KERNELS]
    chosen = (kernels or parts)[0]
    # a batch norm's own scope ("bn/batchnorm/add_1") and the stem of a reduction ("Mean/reduction_indices")
    scope = [part for part in chosen[:-1] if part != "batchnorm"]
    return scope if len(scope) > 1 else [*scope, chosen[-1]] if scope else [chosen[-1]]


def _spoken(scope: list[str], counted: bool) -> str:
    if len(scope) == 1:
        return scope[0]
    inner = scope[1:]  # the outermost scope is the model
    return "/".join(_COUNTED.sub("", part) if counted else part for part in inner)
