"""Frames of a camera or a video, through picamera2 or OpenCV, whichever is installed (the extra `camera`)."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Generator
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ImageError, NotFoundError, RuntimeUnavailableError
from edgeready_device.runtime.native_log import hold_native_log

Frames = Generator["NDArray[np.uint8]", None, None]

AUTO = "auto"
_SETTLING_FRAMES = 5  # chosen: a camera's first pictures, while it finds its exposure
_MISSING = {
    "picamera2": "picamera2 is not installed, so the camera cannot be read: sudo apt install python3-picamera2",
    "cv2": 'OpenCV is not installed, so the camera cannot be read: pip install "edgeready-device[camera]"',
}


def camera_frames(source: str = AUTO, count: int = 1) -> Frames:
    """`count` frames (0: without end) of `source`, uint8 RGB (height, width, 3); the camera is closed at the end.

    `source` is "auto" (picamera2 where it is installed, else OpenCV's first device), "picamera2" or "picamera2:1",
    the number of a device for OpenCV, or a video file or address for OpenCV, which may end earlier.
    Raises RuntimeUnavailableError where neither is installed, NotFoundError where there is no such camera.
    """
    if source == AUTO:
        source = "picamera2" if importlib.util.find_spec("picamera2") is not None else "0"
    name, _, number = source.partition(":")
    stream = _picamera2(int(number) if number.isdigit() else 0) if name == "picamera2" else _opencv(source)
    with closing(stream):  # releases the camera
        for position, frame in enumerate(stream, 1):
            yield frame
            if position == count:
                return


def _picamera2(number: int) -> Frames:
    module = _module("picamera2")
    try:
        camera = module.Picamera2(number)
    except (IndexError, RuntimeError) as error:
        raise NotFoundError(f"camera {number} cannot be opened ({error}): rpicam-hello lists the cameras") from error
    try:
        # What picamera2 calls BGR888 lies in memory as R, G, B.
        camera.configure(camera.create_video_configuration(main={"format": "BGR888"}))
        camera.start()
        for _ in range(_SETTLING_FRAMES):
            camera.capture_array("main")
        while True:
            yield np.ascontiguousarray(camera.capture_array("main")[..., :3])
    finally:
        camera.close()


def _opencv(source: str) -> Frames:
    module = _module("cv2")
    with hold_native_log(lambda line: False):  # it writes lines of its own about a device that is not there
        capture = module.VideoCapture(int(source) if source.isdigit() else source)
    try:
        if not capture.isOpened():
            raise NotFoundError(
                f"camera or video {source!r} cannot be opened: see ls /dev/video* for the numbers, and check the path"
            )
        for _ in range(_SETTLING_FRAMES if source.isdigit() else 0):
            capture.read()
        yield from _pictures(capture, source)
    finally:
        capture.release()


def _pictures(capture: Any, source: str) -> Frames:
    complete, picture = capture.read()
    if not complete:
        raise ImageError(f"camera or video {source!r} gives no picture: it is in use, or the file is damaged")
    while complete:
        if picture.ndim == 2:
            picture = np.repeat(picture[..., np.newaxis], 3, axis=2)
        yield np.ascontiguousarray(picture[..., ::-1])  # OpenCV's order is B, G, R
        complete, picture = capture.read()


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise RuntimeUnavailableError(_MISSING[name]) from error
