"""The detector on the device: load once, then find objects in pictures."""

from __future__ import annotations

import copy
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.detection.boxes import Box, Candidates, Detection, sort_candidates, suppress_overlaps
from edgeready_device.detection.contract import AS_FOUND, HeadDescription, read_detector
from edgeready_device.detection.decoding import decode
from edgeready_device.detection.kinds import END_TO_END, SSD
from edgeready_device.detection.placement import Placement
from edgeready_device.errors import ImageError, ModelFileError, UsageError
from edgeready_device.images.pictures import convert_channels, read_picture
from edgeready_device.model_file.contract import AS_THE_FILE_SAYS, Description
from edgeready_device.model_file.reader import TfliteModel, read_model_file
from edgeready_device.model_file.tensor_spec import TensorSpec
from edgeready_device.quantization import dequantize
from edgeready_device.session import Session

# Chosen: between the 0.25 that Ultralytics shows objects from and the 0.5 of TensorFlow's examples.
THRESHOLD = 0.3
# Two YOLO boxes of a class that overlap by more are one object: the value of YOLOv5's detect.py.
IOU = 0.45
MOST = 100  # objects of a picture: COCO's own limit


class Detector:
    """One object detector in one interpreter: a Session, and how pictures go in and objects come out.

    It may be shared between threads, as a Session may; for parallel work give each thread its own (`replicate`).
    """

    def __init__(
        self, session: Session, description: Description = AS_THE_FILE_SAYS, head: HeadDescription = AS_FOUND
    ) -> None:
        self.session = session
        self.contract = read_detector(session.file, description, head)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        description: Description = AS_THE_FILE_SAYS,
        head: HeadDescription = AS_FOUND,
        runtime: str | None = None,
        threads: int | None = None,
        delegate: str | None = None,
        trusted: bool = False,
    ) -> Detector:
        """Returns the detector in the file at `path`, read as `description` and `head` say.

        The other arguments are those of `Session.load`. Raises NotFoundError, RuntimeUnavailableError, and
        ModelFileError when the file is damaged, is no detector that can be read, or can be read in two ways.
        """
        return cls.from_file(
            read_model_file(path, trusted=trusted),
            description=description,
            head=head,
            runtime=runtime,
            threads=threads,
            delegate=delegate,
        )

    @classmethod
    def from_file(
        cls,
        file: TfliteModel,
        *,
        description: Description = AS_THE_FILE_SAYS,
        head: HeadDescription = AS_FOUND,
        runtime: str | None = None,
        threads: int | None = None,
        delegate: str | None = None,
    ) -> Detector:
        """Returns the detector of a file that is already read. Raises as `load` does."""
        read_detector(file, description, head)  # what is wrong with the file is said before a runtime sees it
        return cls(Session.from_file(file, runtime=runtime, threads=threads, delegate=delegate), description, head)

    @property
    def path(self) -> Path:
        """Where the model was loaded from."""
        return self.session.path

    @property
    def labels(self) -> tuple[str, ...]:
        """One label per class."""
        return self.contract.labels

    @property
    def kind(self) -> str:
        """The kind of head: "ssd", "yolov5", "yolov8" or "end-to-end"."""
        return self.contract.head.kind

    def replicate(self) -> Detector:
        """Returns the same detector in an interpreter of its own."""
        other = copy.copy(self)
        other.session = self.session.replicate()
        return other

    def detect(
        self, picture: Any, *, threshold: float = THRESHOLD, iou: float | None = None, most: int = MOST
    ) -> list[Detection]:
        """Returns at most `most` objects in `picture` that score at least `threshold`, best first.

        The picture is uint8 (height, width[, 1, 3 or 4]), RGB, of any size, or an image of Pillow; boxes are in its
        pixels. Of two boxes of a class that overlap by more than `iou` the better one stays; without it that is 0.45
        for YOLO heads, and others have chosen already. Boxes without an area in the picture are left out.

        Raises ImageError for another picture, UsageError for a threshold that can be none, and ModelFileError when
        the model gives values that cannot be boxes, classes and scores.
        """
        check_limits(threshold, iou, most)
        contract, pixels = self.contract, _pixels(picture, self.contract.input.channels)
        placement = Placement.of(pixels.shape[0], pixels.shape[1], contract.input, rule=contract.resize)
        outputs = self.session.invoke([contract.input.to_tensor(placement.frame_of(pixels))])
        try:
            candidates = self._decode(outputs)
        except ModelFileError as error:
            raise ModelFileError(f"{self.path}: {error}") from error
        if iou is None:
            iou = math.inf if self.kind in (SSD, END_TO_END) else IOU
        best = suppress_overlaps(sort_candidates(candidates, threshold), iou, most)
        corners = placement.to_picture(best.corners)
        visible = (corners[:, 2:] > corners[:, :2]).all(axis=1)
        best = Candidates(corners, best.classes, best.scores).select(visible)
        return [
            Detection(self._label(int(index)), int(index), float(score), Box(*map(float, box)))
            for box, index, score in zip(best.corners, best.classes, best.scores)
        ]

    def _decode(self, outputs: list[NDArray[Any]]) -> Candidates:
        contract = self.contract
        head = contract.head
        values = [_real(outputs[place], spec) for place, spec in zip(head.outputs, contract.outputs)]
        return decode(head, values, (contract.input.height, contract.input.width), contract.boxes)

    def _label(self, index: int) -> str:
        return self.labels[index] if index < len(self.labels) else str(index)


def _pixels(picture: Any, channels: int) -> NDArray[np.uint8]:
    """The picture with so many channels, of its own size."""
    pixels = read_picture(picture)
    if pixels.dtype != np.uint8:
        raise ImageError(f"the picture is {pixels.dtype} {list(pixels.shape)}: give uint8 pixels from 0 to 255")
    return convert_channels(pixels, channels)


def _real(values: NDArray[Any], spec: TensorSpec) -> NDArray[Any]:
    """The real values of a raw output."""
    return values.astype(np.float32, copy=False) if spec.quant is None else dequantize(values, spec.quant)


def check_limits(threshold: float = THRESHOLD, iou: float | None = None, most: int = MOST) -> None:
    """Raises UsageError unless the three can be a score, an overlap and a number of objects."""
    if not 0 <= threshold <= 1:
        raise UsageError(f"the threshold is {threshold:g}: give a score from 0 to 1")
    if iou is not None and not 0 <= iou <= 1:
        raise UsageError(f"the overlap (iou) is {iou:g}: give a share from 0 to 1")
    if most < 1:
        raise UsageError(f"the number of objects is {most}: ask for at least 1")
