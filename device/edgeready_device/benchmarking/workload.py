"""What is measured: one inference of a model in three steps, on a frame or on tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Union

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ModelFileError
from edgeready_device.model import Model
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.model_inputs import ModelInputs, seeded_inputs
from edgeready_device.session import Session

TOP = 5  # chosen: a top-5 answer is the longest that is usual


@dataclass(frozen=True)
class Workload:
    """One inference: `prepare` gives what `invoke` takes, and `answer` takes what that gives.

    `source` says in words what tensors are fed; it is empty for a frame of an image classifier.
    """

    session: Session
    prepare: Callable[[], Any]
    invoke: Callable[[Any], Any]
    answer: Callable[[Any], Any]
    source: str = ""


Measurable = Union["Model", "Session", "Workload"]


def takes_frames(file: TfliteModel) -> bool:
    """Returns whether `file` is an image classifier that needs no further description."""
    try:
        file.contract.check()
    except ModelFileError:
        return False
    return True


def workload_of(model: Measurable, inputs: ModelInputs | None = None) -> Workload:
    """Returns the Workload of an opened model: the first of `inputs`, else a frame or tensors of seeded noise."""
    if isinstance(model, Workload):
        return model
    if isinstance(model, Model) and inputs is None:
        frame = seeded_frame(model)
        return Workload(
            model.session,
            prepare=partial(model.quantize, frame),
            invoke=model.invoke,
            answer=partial(model.predictions, top=TOP),
        )
    session = model.session if isinstance(model, Model) else model
    inputs = inputs or seeded_inputs(session.file)
    return Workload(
        session, prepare=partial(inputs.__getitem__, 0), invoke=session.invoke, answer=_nothing, source=inputs.source
    )


def seeded_frame(model: Model) -> NDArray[np.uint8]:
    """Returns a frame of seeded noise that fits `model`."""
    frame = model.contract.frame
    sides = (frame.height, frame.width)
    shape = sides if len(model.input.shape) == len(sides) + 1 else (*sides, frame.channels)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def _nothing(_: Any) -> None:
    """Stands for the postprocessing of a model whose outputs nobody reads here."""
