"""How a float32 network takes pixels, found out by trying the usual ways on labelled images."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.budget.significance import paired_drop
from edgeready.dataset.class_order import alternate_classes
from edgeready.errors import ConversionError
from edgeready.files.stored_images import Images
from edgeready.quantization.inputs import in_color_order
from edgeready_device.model_file.ends import scores_of
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.normalization import PRESETS, Normalization
from edgeready_device.runtime.failure import RUN_ERRORS

# The presets that differ from each other, the usual first: what trainers and libraries do to a pixel.
USUAL = ("unit", "signed-unit", "raw", "torchvision", "keras-resnet")
_FIRST = 64  # images on which every way is tried; chosen: the right one is far ahead on so many, or none is
# Images for the two ways that are left, by the pixels of a frame; chosen: seconds on two cores.
_SMALL_FRAME, _MOST_SMALL, _MOST_LARGE = 64 * 64, 1000, 256
_SIGNIFICANT = 0.001  # McNemar's p-value; chosen: five ways are compared, and a wrong choice spoils the file
_SIGNIFICANT_OWN = 0.01  # of the data's own mean and deviation against one way; chosen: one comparison, not five
_MOST_THREADS = 4  # chosen: the boards and runners in use have two to four cores


@dataclass(frozen=True, kw_only=True)
class Convention:
    """What is done to pixels before the network sees them: normalization, and the order of three channels."""

    name: str
    normalization: Normalization
    color: str = "rgb"

    @property
    def options(self) -> str:
        """The options of a command that say it."""
        mean, std = (
            ",".join(f"{v:g}" for v in values) for values in (self.normalization.mean, self.normalization.std)
        )
        return f"--mean {mean} --std {std}{' --color bgr' if self.color == 'bgr' else ''}"


@dataclass(frozen=True, kw_only=True)
class ConventionTrial:
    """On how many of `count` labelled images the network is right, with the Convention `name`."""

    name: str
    right: int
    count: int

    @property
    def share(self) -> str:
        """The share of right answers, for people."""
        return f"{100 * self.right / self.count:.1f} %"


@dataclass(frozen=True, kw_only=True)
class ConventionReport:
    """The convention in use, what was `assumed` before trying, and the trials, the chosen one first.

    `stated` says that the user, or the file, says how pixels go in. There are no trials where the network cannot be
    run here, which is the `note`.
    """

    chosen: str
    assumed: str
    stated: bool
    trials: tuple[ConventionTrial, ...] = ()
    note: str = ""

    @property
    def changed(self) -> bool:
        """Whether trying has shown another convention than the assumed one."""
        return self.chosen != self.assumed

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data."""
        return {**asdict(self), "trials": [asdict(trial) for trial in self.trials]}


def usual_conventions(channels: int, color: str | None = None) -> tuple[Convention, ...]:
    """The usual conventions for images of so many channels, all with the order `color` where one is given."""
    conventions = []
    for name in USUAL:
        preset = PRESETS[name]
        order = color or preset.color or "rgb"
        if len(preset.normalization.mean) > 1 and channels != len(preset.normalization.mean):
            continue
        if color is not None and preset.color is not None and color != preset.color:
            continue
        conventions.append(Convention(name=name, normalization=preset.normalization, color=order))
    return tuple(conventions)


def settle_convention(
    float32: TfliteModel,
    images: Images,
    labels: NDArray[np.int64],
    assumed: Convention,
    *,
    stated: bool,
    color: str | None = None,
) -> tuple[Convention, ConventionReport]:
    """Returns the Convention that `float32` takes, and how that was found out.

    It is `assumed` unless another usual one is right on significantly more of the labelled `images` (n, height,
    width[, channels]), or their own mean and deviation are still significantly better; `stated` forbids that change.

    Raises ConversionError when what was stated is significantly worse than another.
    """
    channels = images.shape[3] if images.ndim == 4 else 1
    others = [item for item in usual_conventions(channels, color) if not _is_same(item, assumed)]
    ways = {item.name: item for item in (assumed, *others)}
    most = _MOST_SMALL if images[0].size <= _SMALL_FRAME * channels else _MOST_LARGE
    rows = alternate_classes(labels)[:most]
    try:
        trials, best = _try(float32, images[rows], labels[rows], ways)
        own = own_convention(images, color)
        if own is not None and not any(_is_same(own, way) for way in ways.values()):
            current, ways[own.name] = ways[best or assumed.name], own
            better = _try_own(float32, images[rows], labels[rows], (current, own), assumed=assumed)
            trials, best = better or (trials, best)
    except RUN_ERRORS as error:
        note = f"the usual ways were not tried: LiteRT does not run the float32 network ({error!s:.80})"
        return assumed, ConventionReport(chosen=assumed.name, assumed=assumed.name, stated=stated, note=note)
    if best is not None and stated:
        first, second = (next(t for t in trials if t.name == name) for name in (assumed.name, best))
        raise ConversionError(
            f"the float32 network is right on {first.share} of {first.count} labelled images with "
            f"{assumed.options}, and on {second.share} with {ways[best].options}: give the latter, or leave them out"
        )
    convention = ways[best or assumed.name]
    ordered = tuple(sorted(trials, key=lambda trial: (trial.name != convention.name, -trial.right)))
    report = ConventionReport(chosen=convention.name, assumed=assumed.name, stated=stated, trials=ordered)
    return convention, report


def _try(
    float32: TfliteModel, images: NDArray[np.uint8], labels: NDArray[np.int64], ways: Mapping[str, Convention]
) -> tuple[list[ConventionTrial], str | None]:
    """Returns the trials, and the name of the way that is significantly better than the first, if one is."""
    first, truth = next(iter(ways)), labels[:_FIRST]
    answers = {name: answer_classes(float32, images[:_FIRST], way) for name, way in ways.items()}
    right = {name: int((answer == truth).sum()) for name, answer in answers.items()}
    best = max(right, key=lambda name: right[name])
    if right[best] == right[first]:
        return _trials(right, len(truth)), None
    if len(labels) > _FIRST and not _is_better(answers[first], answers[best], truth):
        truth = labels
        answers = {name: answer_classes(float32, images, ways[name]) for name in (first, best)}
        right = {name: int((answer == truth).sum()) for name, answer in answers.items()}
    return _trials(right, len(truth)), best if _is_better(answers[first], answers[best], truth) else None


def _try_own(
    float32: TfliteModel,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    ways: tuple[Convention, Convention],
    *,
    assumed: Convention,
) -> tuple[list[ConventionTrial], str | None] | None:
    """Returns the trials and the name of the second of `ways`, if it is significantly better than the first.

    What was `assumed` is among the trials.
    """
    for count in (_FIRST, len(labels)):  # few decide whether it is worth to look at all
        truth = labels[:count]
        first, second = (answer_classes(float32, images[:count], way) for way in ways)
        right = {way.name: int((answer == truth).sum()) for way, answer in zip(ways, (first, second))}
        if right[ways[1].name] < right[ways[0].name] or right[ways[0].name] == len(truth):
            return None
    is_first = ways[0].name == assumed.name
    if not _is_better(first, second, truth, _SIGNIFICANT if is_first else _SIGNIFICANT_OWN):
        return None
    if assumed.name not in right:
        right[assumed.name] = int((answer_classes(float32, images, assumed) == truth).sum())
    return _trials(right, len(truth)), ways[1].name


def own_convention(images: Images, color: str | None = None) -> Convention | None:
    """Returns the convention of a training that took mean and deviation from these images, each channel's own.

    None where a channel does not vary.
    """
    channels = images[..., np.newaxis] if images.ndim == 3 else in_color_order(images, color or "rgb")
    count, sums, squares = 0, np.zeros(channels.shape[-1]), np.zeros(channels.shape[-1])
    for start in range(0, len(images), _FIRST):
        values = channels[start : start + _FIRST].reshape(-1, channels.shape[-1]).astype(np.float64)
        count, sums, squares = count + len(values), sums + values.sum(axis=0), squares + (values**2).sum(axis=0)
    means = sums / count
    deviations = np.sqrt(np.maximum(squares / count - means**2, 0))  # exact sums: float64 holds whole numbers to 2^53
    if (deviations < 1).any():
        return None
    normalization = Normalization(*(tuple(round(float(v), 3) for v in row) for row in (means, deviations)))
    return Convention(name="standardized", normalization=normalization, color=color or "rgb")


def _trials(right: Mapping[str, int], count: int) -> list[ConventionTrial]:
    return [ConventionTrial(name=name, right=number, count=count) for name, number in right.items()]


def _is_better(
    first: NDArray[np.int64], second: NDArray[np.int64], truth: NDArray[np.int64], limit: float = _SIGNIFICANT
) -> bool:
    drop = paired_drop(first, second, truth)
    return drop.gained > drop.lost and drop.p_value < limit


def answer_classes(float32: TfliteModel, images: NDArray[np.uint8], way: Convention) -> NDArray[np.int64]:
    """Returns the class (n,) that the network gives each of the RGB `images`; one output scores the second of two."""
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415  (slow to load)

    threads = min(_MOST_THREADS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
    interpreter = Interpreter(model_content=float32.flatbuffer, num_threads=threads)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]["index"]
    scores = []
    for frame in images:
        values = way.normalization.apply(in_color_order(frame, way.color))
        interpreter.reset_all_variables()
        interpreter.set_tensor(source["index"], values.reshape(source["shape"]))
        interpreter.invoke()
        scores.append(interpreter.get_tensor(target).reshape(-1))
    rows = np.array(scores)
    if rows.shape[1] == 1:
        return (rows[:, 0] > (0.5 if scores_of(float32.graph) == "probabilities" else 0)).astype(np.int64)
    return np.asarray(rows.argmax(axis=1), np.int64)


def _is_same(first: Convention, second: Convention) -> bool:
    """Whether both do the same to a pixel, whether a number is written once or for each channel."""
    ranges = [set(item.normalization.ranges) for item in (first, second)]
    if all(len(values) == 1 for values in ranges):
        return ranges[0] == ranges[1] and first.color == second.color
    return (first.normalization, first.color) == (second.normalization, second.color)
