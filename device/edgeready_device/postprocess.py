"""From a raw output to labelled scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ModelFileError, UsageError
from edgeready_device.quantization import QuantParams, dequantize

# Classes below which plain Python beats numpy's calls. Measured on x86-64 with numpy 1.26: they take as long as each
# other with 40 classes for probabilities and with 100 to 200 for logits.
_FEW = 64
# Chosen: float16 softmaxes of a thousand classes are off by a tenth of it.
_MOST_FROM_ONE = 0.005


@dataclass(frozen=True, init=False)
class Prediction:
    """One class: its label, its index in the output, and its score from 0 to 1."""

    label: str
    index: int
    score: float

    def __init__(self, label: str, index: int, score: float) -> None:
        # The constructor of a frozen dataclass calls object.__setattr__ for each field, which takes twice as long.
        fields = self.__dict__
        fields["label"] = label
        fields["index"] = index
        fields["score"] = score


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of `logits` (classes,), same shape."""
    powers = np.exp(logits.astype(np.float64) - float(logits.max()))
    return np.asarray(powers / powers.sum(), np.float32)


def top_predictions(scores: NDArray[np.float32], labels: Sequence[str], top: int) -> list[Prediction]:
    """The `top` highest of `scores` (classes,), best first; equal scores keep the lower index first."""
    _check_top(top)
    order = np.argsort(-scores, kind="stable")[:top]
    return [Prediction(labels[int(i)], int(i), float(scores[i])) for i in order]


def check_finite(values: NDArray[Any], name: str = "") -> None:
    """Raises ModelFileError, which begins with `name`, for scores (...) that are no numbers: none can be the best."""
    wrong = np.count_nonzero(~np.isfinite(values))
    if wrong:
        raise ModelFileError(
            f"{name}{wrong} of {values.size} scores that the model gives are no numbers (NaN or infinity): its "
            "weights, or the normalization that it is fed with, are wrong; convert it again, or say how pixels go in"
        )


def two_classes(values: NDArray[np.float32], scores: str) -> NDArray[np.float32]:
    """Returns rows of two scores (..., 2) for what scores the second class alone (..., 1): a sigmoid or its logit."""
    first = np.zeros_like(values) if scores == "logits" else 1 - values
    return np.concatenate([first, values], axis=-1)


def _are_shares(values: NDArray[np.float32]) -> bool:
    """Whether values (classes,) are shares of 1, which the logits of a network are not by chance."""
    return bool((values >= 0).all()) and abs(float(values.sum()) - 1) <= _MOST_FROM_ONE


class Scorer:
    """Turns raw outputs into predictions.

    An 8-bit output has 256 values, whose scores are computed once: each frame takes a look-up for each of its top
    labels, and for logits one sum. `binary` says that the output is one number, the score of the second class.
    `stated` says that somebody says what the scores are; else float scores that add up to 1 are probabilities,
    whatever the last op. Errors begin with `name`; a `refusal` is raised in place of any answer.
    """

    def __init__(
        self,
        labels: Sequence[str],
        scores: str,
        quant: QuantParams | None,
        dtype: str,
        *,
        binary: bool = False,
        stated: bool = True,
        name: str = "",
        refusal: str = "",
    ) -> None:
        self._stated = stated
        self._name = name
        self._refusal = refusal
        self._powers: dict[int, Callable[[int], float]] = {}  # of each value, by the greatest value beside it
        self._best: dict[int, Prediction] = {}  # by class and value: those that were the best before
        self._labels = tuple(labels)
        self._logits = scores == "logits"
        self._quant = quant
        self._binary = binary
        self._scores: tuple[float, ...] = ()
        if quant is not None and np.dtype(dtype).itemsize == 1 and not binary:
            self._least = int(np.iinfo(np.dtype(dtype)).min)
            if self._logits:  # exp of 0, -1, ... -255 steps
                self._scores = tuple(math.exp(-steps * quant.scale) for steps in range(256))
            else:
                self._scores = tuple(dequantize(np.arange(self._least, self._least + 256), quant).tolist())
        few = len(self._labels) < _FEW
        self._looks_up = bool(self._scores) and few and not refusal

    def __call__(self, raw: NDArray[Any], top: int, threshold: float = 0.0) -> list[Prediction]:
        """The `top` best of the raw output `raw` (classes,), best first, without those below the score `threshold`.

        Equal scores keep the lower index first. Raises UsageError for a `top` below 1, ModelFileError for scores that
        are no numbers.
        """
        if top == 1 and self._looks_up:
            values = raw.tolist()
            value = max(values)
            index = values.index(value)
            if self._logits:
                score = 1 / sum(map(self._powers.get(value) or self._powers_below(value), values))
                return [Prediction(self._labels[index], index, score)] if score >= threshold else []
            prediction = self._best.get(256 * index + value) or self._predict_best(index, value)
            return [prediction] if prediction.score >= threshold else []
        _check_top(top)
        if self._refusal:
            raise ModelFileError(self._refusal)
        if not self._scores:
            predictions = self._score_wide(raw, top)
        elif len(raw) < _FEW:
            predictions = self._score_few(raw.tolist(), top)
        else:
            predictions = self._score_many(raw, top)
        return [item for item in predictions if item.score >= threshold] if threshold > 0 else predictions

    def scores(self, raw: NDArray[Any]) -> NDArray[np.float32]:
        """The scores (classes,) of the raw output `raw`, in the order of the labels. Raises ModelFileError."""
        if self._refusal:
            raise ModelFileError(self._refusal)
        if not self._scores:
            return self._wide_scores(raw)
        wide = raw.astype(np.int16)
        table = np.array(self._scores)
        if not self._logits:
            return np.asarray(table[wide - self._least], np.float32)
        powers = table[int(wide.max()) - wide]
        return np.asarray(powers / powers.sum(), np.float32)

    def _score_wide(self, raw: NDArray[Any], top: int) -> list[Prediction]:
        return top_predictions(self._wide_scores(raw), self._labels, top)

    def _wide_scores(self, raw: NDArray[Any]) -> NDArray[np.float32]:
        values = raw.astype(np.float32) if self._quant is None else dequantize(raw, self._quant)
        check_finite(values, self._name)
        if self._binary:
            values = two_classes(values, "logits" if self._logits else "probabilities")
        if not self._logits or (not self._stated and _are_shares(values)):
            return values
        return softmax(values)

    def _score_few(self, values: list[int], top: int) -> list[Prediction]:
        best = max(values)
        if top == 1:
            order = [values.index(best)]
        else:  # stable: of equals the first
            order = sorted(range(len(values)), key=values.__getitem__, reverse=True)[:top]
        if not self._logits:
            return [Prediction(self._labels[i], i, self._scores[values[i] - self._least]) for i in order]
        powers = self._scores
        total = sum([powers[best - value] for value in values])
        return [Prediction(self._labels[i], i, powers[best - values[i]] / total) for i in order]

    def _predict_best(self, index: int, value: int) -> Prediction:
        """Makes the Prediction of a value, once: that takes longer than to find the best of ten classes."""
        prediction = Prediction(self._labels[index], index, self._scores[value - self._least])
        self._best[256 * index + value] = prediction
        return prediction

    def _powers_below(self, best: int) -> Callable[[int], float]:
        """Makes the look-up of a value's power where `best` is the greatest: an index below 0 is from the end."""
        table = [0.0] * 256
        for value in range(self._least, best + 1):
            table[value] = self._scores[best - value]
        self._powers[best] = table.__getitem__
        return self._powers[best]

    def _score_many(self, raw: NDArray[Any], top: int) -> list[Prediction]:
        wide = raw.astype(np.int16)
        order = [int(raw.argmax())] if top == 1 else np.argsort(-wide, kind="stable")[:top].tolist()
        best = int(wide[order[0]])
        if not self._logits:
            return [Prediction(self._labels[i], i, self._scores[int(raw[i]) - self._least]) for i in order]
        counts = np.bincount(best - wide)
        total = float(np.dot(counts, self._scores[: len(counts)]))
        return [Prediction(self._labels[i], i, self._scores[best - int(raw[i])] / total) for i in order]


def _check_top(top: int) -> None:
    if top < 1:
        raise UsageError(f"top is {top}: ask for at least 1 label")
