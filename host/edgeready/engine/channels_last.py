"""Lets a network whose pictures go in with the channels first, as PyTorch's do, take them with the channels last."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeready.engine.fixed_batch import drop_unused_codes
from edgeready.engine.flatbuffer_objects import add_tensor, make_operator, read_objects, write_objects
from edgeready_device.tflite.graph import read_graph

_CHANNELS = (1, 3)
_TO_FIRST = (0, 3, 1, 2)


def take_channels_last(data: bytes, frame: Sequence[int]) -> bytes:
    """Returns the .tflite `data` with a TRANSPOSE behind its input, which then has the channels last.

    It comes back as it is unless its one input has one or three channels first, and no picture of the shape `frame`
    (height, width[, channels]) could go in as it is.
    """
    graph = read_graph(data)
    shape = graph.tensors[graph.inputs[0]].shape if len(graph.inputs) == 1 else ()
    as_it_is = tuple(frame) if len(frame) == 3 else (*frame, 1)
    if len(shape) != 4 or shape[1] not in _CHANNELS or shape[3] in _CHANNELS or shape[1:] == as_it_is:
        return data
    model = read_objects(data)
    main = model.subgraphs[0]
    own = int(main.inputs[0])
    image = add_tensor(model, "image", (shape[0], *shape[2:], shape[1]))
    axes = add_tensor(model, "image/axes", (4,), np.array(_TO_FIRST, np.int32))
    main.operators = [make_operator(model, "TRANSPOSE", [image, axes], own), *main.operators]
    main.inputs = [image]
    for signature in model.signatureDefs or ():
        for item in signature.inputs or ():
            item.tensorIndex = image
    drop_unused_codes(model)
    return write_objects(model)
