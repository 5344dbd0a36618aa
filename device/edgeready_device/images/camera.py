"""Frames of a camera or a video, through picamera2 or OpenCV, whichever is installed (the extra `camera`)."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import stat
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import (
    EdgereadyError,
    ImageError,
    NotFoundError,
    RuntimeUnavailableError,
    UsageError,
    one_line,
)
from edgeready_device.images.decode import IMAGE_SUFFIXES
from edgeready_device.runtime.native_log import hold_native_log

Picture = NDArray[np.uint8]
Frames = Generator[Picture, None, None]
Size = tuple[int, int]  # width and height in pixels

AUTO = "auto"
_SETTLING_FRAMES = 5  # chosen: a camera's first pictures, while it finds its exposure
_IMAGES = (*IMAGE_SUFFIXES, ".npy", ".bmp", ".webp", ".tif", ".tiff")  # OpenCV would read a numbered series of them
_MOST_NUMBER = 999  # chosen: far above the cameras of a machine, and within OpenCV's C integers
_MOST_PIXELS = 16384  # a side; chosen: above every camera's, and an array of it still fits a machine
# A video may state a few frames more than it holds: where its container has no count, OpenCV takes its duration.
_MISSING_SHARE = 0.05
# OpenCV's numbers of the properties (videoio.hpp), which never change.
_WIDTH, _HEIGHT, _FRAME_RATE, _FRAME_COUNT = 3, 4, 5, 7
_MOST_RATE = 1000  # chosen: OpenCV gives 90000 and more for streams that state no rate
_MOST_COUNT = 1e12  # chosen: a live stream's count is negative, or the largest 64-bit integer over a rate
_SYSTEM_PACKAGES = (
    "sudo apt install python3-picamera2; a virtual environment sees it only when it is made with "
    "python3 -m venv --system-site-packages"
)
_CURES = {
    "picamera2": _SYSTEM_PACKAGES,
    "cv2": f'pip install "edgeready-device[camera]"; on a Raspberry Pi: {_SYSTEM_PACKAGES}',
}
# What OpenCV and its readers of files say: the error that follows says it, too.
_NATIVE_LINE = re.compile(rb"\[[^\]]* @ 0x[0-9a-f]+\]|\[ ?[A-Z]+:\d+@|Unexpected element\. ")
_NAMES = {"picamera2": "picamera2", "cv2": "OpenCV"}


@dataclass(frozen=True)
class CameraSource:
    """Where frames come from: `kind` is "picamera2", "device" (OpenCV's), "address" or "video"."""

    kind: str
    place: str
    size: Size | None = None

    @property
    def live(self) -> bool:
        """Whether frames come at their own pace, so that there is a newest one."""
        return self.kind != "video"

    def __str__(self) -> str:
        place = re.sub("//[^/@]*@", "//***@", self.place)  # an address may hold a password
        return f"{'video' if self.kind == 'video' else 'camera'} {place!r}"


class Camera(Protocol):
    """An open camera or video."""

    frame_rate: float  # frames a second as a video states it, 0 where nothing does
    is_finite: bool  # whether it is a film, and no camera or stream
    notice: str  # what is not as it was asked for or stated, else ""

    def read(self) -> Picture | None:
        """The next frame, RGB (height, width, 3), perhaps as a view; None after the last. Raises ImageError."""

    def skip(self) -> bool:
        """Passes over the next frame; False after the last."""

    def close(self) -> None:
        """Releases the camera."""


def ignore_notice(notice: str) -> None:
    """Does nothing with a notice."""


def camera_frames(source: str = AUTO, count: int = 1, notify: Callable[[str], object] = ignore_notice) -> Frames:
    """`count` frames (0: without end) of `source`, uint8 RGB (height, width, 3); the camera is closed at the end.

    `source` is what `parse_camera` takes. A video may end earlier; `notify` is called with a sentence where it holds
    fewer frames than it states. Raises UsageError for a number that cannot be one,
    RuntimeUnavailableError where neither picamera2 nor OpenCV is installed, NotFoundError where there is no such
    camera or file, ImageError where it gives no picture or is lost.
    """
    place = parse_camera(source)
    with closing(open_camera(place)) as camera:
        number = 0
        while not count or number < count:
            picture = camera.read()
            if picture is None:
                if camera.notice:
                    notify(camera.notice)
                return
            number += 1
            yield np.ascontiguousarray(picture)


def parse_camera(source: str, size: Size | None = None) -> CameraSource:
    """The CameraSource that a text names: "auto", a number, "picamera2[:N]", a video file, or an address (rtsp://...).

    "auto" is picamera2 where it is installed, else OpenCV's first device. Raises UsageError for another number or a
    size of a video, NotFoundError where there is no such file, ImageError where it is no video.
    """
    kind, place = _kind_of(source)
    if size is not None:
        if kind in ("video", "address"):
            raise UsageError(f"a size is for cameras, and {source!r} has its own: leave out --size")
        if not all(1 <= side <= _MOST_PIXELS for side in size):
            raise UsageError(f"the size is {size[0]}x{size[1]}: give sides from 1 to {_MOST_PIXELS}, as 640x480")
    return CameraSource(kind=kind, place=place, size=size)


def is_camera_name(source: str) -> bool:
    """Whether a text can only be a camera or an address, even where a file or a folder is called so."""
    return re.fullmatch(rf"{AUTO}|picamera2(:.*)?|/dev/video[0-9]+|[-+]?[0-9]+|[a-z]+://.*", source) is not None


def _kind_of(source: str) -> tuple[str, str]:
    if not is_camera_name(source):
        _check_video(source)
        return "video", source
    if source == AUTO:
        return ("picamera2", "0") if importlib.util.find_spec("picamera2") is not None else ("device", "0")
    if "://" in source:
        return "address", source
    name, colon, number = source.partition(":")
    if name == "picamera2":
        return "picamera2", _number(source, number if colon else "0")
    return "device", _number(source, source.removeprefix("/dev/video"))


def _number(source: str, text: str) -> str:
    if not re.fullmatch("[0-9]+", text, re.ASCII) or len(text.lstrip("0")) > len(str(_MOST_NUMBER)):
        raise UsageError(f"the camera is {source!r}: give a number from 0 to {_MOST_NUMBER}, as 0 or picamera2:1")
    return str(int(text))


def _check_video(source: str) -> None:
    """Raises an error unless `source` is a file that may hold a video: OpenCV would also start other readers."""
    try:
        mode = os.stat(source).st_mode
    except (OSError, ValueError) as error:
        raise NotFoundError(
            f"no camera or video {source!r}: give a camera's number (ls /dev/video*), picamera2, a video file or an "
            "address (rtsp://...)"
        ) from error
    if stat.S_ISDIR(mode):
        raise ImageError(f"{source!r} is a folder: give a camera, a video file or an address here")
    if not stat.S_ISREG(mode) and not stat.S_ISCHR(mode):
        raise ImageError(f"{source!r} is neither a file nor a camera: save the video as a file first")
    if source.lower().endswith(_IMAGES):
        raise ImageError(f"{source!r} is an image, not a video: give images to classify, or their folder to watch")


def open_camera(source: CameraSource) -> Camera:
    """The Camera of `source`, which the caller closes.

    Raises RuntimeUnavailableError where its module is missing, NotFoundError where there is no such camera,
    ImageError where a video cannot be read.
    """
    return _PiCamera(source) if source.kind == "picamera2" else _OpenCvCamera(source)


class _PiCamera:
    """A camera of picamera2."""

    frame_rate, notice, is_finite = 0.0, "", False

    def __init__(self, source: CameraSource) -> None:
        self._source = source
        module = _module("picamera2")
        try:
            self._camera = module.Picamera2(int(source.place))
        except Exception as error:
            raise NotFoundError(
                f"camera {source.place} cannot be opened ({one_line(error)}): rpicam-hello lists the cameras, and "
                "another program may hold it"
            ) from error
        try:
            with _driver_errors(source):
                # What picamera2 calls BGR888 lies in memory as R, G, B.
                main = {"format": "BGR888", **({} if source.size is None else {"size": source.size})}
                self._camera.configure(self._camera.create_video_configuration(main=main))
                self._camera.start()
                for _ in range(_SETTLING_FRAMES):
                    self._camera.capture_array("main")
        except BaseException:
            self._camera.close()
            raise

    def read(self) -> Picture | None:
        with _driver_errors(self._source):
            return _checked_picture(self._source, self._camera.capture_array("main")[..., :3])

    def skip(self) -> bool:
        return self.read() is not None

    def close(self) -> None:
        with _driver_errors(self._source):
            self._camera.close()


class _OpenCvCamera:
    """A device, an address or a video of OpenCV."""

    def __init__(self, source: CameraSource) -> None:
        self._source = source
        self._frames = self._frame_count = 0
        self.frame_rate, self.notice = 0.0, ""
        module = _module("cv2")
        # Some readers of files write to standard error whatever their level is. A camera, which may take long to
        # open, is only told to be quiet (see _module): standard error is the whole process's.
        quiet = (
            hold_native_log(lambda line: not _NATIVE_LINE.match(line)) if source.kind == "video" else nullcontext()
        )
        with _driver_errors(source), quiet:
            self._capture = module.VideoCapture(int(source.place) if source.kind == "device" else source.place)
        try:
            with _driver_errors(source):
                self._set_up()
        except BaseException:
            self.close()
            raise

    def _set_up(self) -> None:
        source, capture = self._source, self._capture
        if not capture.isOpened():
            if source.kind == "video":
                raise ImageError(
                    f"{source} cannot be opened: it is damaged, or in a format that OpenCV does not read"
                )
            advice = "see ls /dev/video* for the numbers, and whether another program holds it"
            if source.kind == "address":
                advice = "check the address, and that this machine reaches it"
            raise NotFoundError(f"{source} cannot be opened: {advice}")
        if source.size is not None:
            capture.set(_WIDTH, source.size[0])
            capture.set(_HEIGHT, source.size[1])
        if source.kind != "device":
            rate, count = capture.get(_FRAME_RATE), capture.get(_FRAME_COUNT)
            self.frame_rate = float(rate) if 0 < rate < _MOST_RATE else 0.0
            self._frame_count = int(count) if 0 < count < _MOST_COUNT else 0
        self.is_finite = source.kind == "video" or self._frame_count > 0
        for _ in range(_SETTLING_FRAMES if source.kind == "device" else 0):
            capture.read()

    def read(self) -> Picture | None:
        with _driver_errors(self._source):
            complete, picture = self._capture.read()
            if not complete:
                self._end()
                return None
            self._frames += 1
            if picture.ndim == 2:
                picture = np.repeat(picture[..., np.newaxis], 3, axis=2)
            return _checked_picture(self._source, picture[..., 2::-1])  # OpenCV's order is B, G, R

    def skip(self) -> bool:
        with _driver_errors(self._source):
            if self._capture.grab():
                self._frames += 1
                return True
            self._end()
            return False

    def _end(self) -> None:
        """Raises ImageError unless the source may end here: a live one never does."""
        source = self._source
        if not self._frames:
            raise ImageError(f"{source} gives no picture: it is in use, or damaged")
        if not self.is_finite:
            cause = "check its cable" if source.kind == "device" else "check the network"
            raise ImageError(f"{source} is lost: it gives no more pictures after {self._frames}; {cause}")
        if self._frames < (1 - _MISSING_SHARE) * self._frame_count:
            self.notice = (
                f"{source} ends after {self._frames} of the {self._frame_count} frames that it states: it may be "
                "damaged or incomplete"
            )

    def close(self) -> None:
        self._capture.release()


def _checked_picture(source: CameraSource, picture: Any) -> Picture:
    if picture is None or picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        shape = "nothing" if picture is None else f"{picture.dtype} {list(picture.shape)}"
        raise ImageError(f"{source} gives {shape} in place of 8-bit colour pictures: choose another format or camera")
    return np.asarray(picture)


@contextmanager
def _driver_errors(source: CameraSource) -> Iterator[None]:
    """Turns whatever a camera's library raises into an ImageError."""
    try:
        yield
    except EdgereadyError:
        raise
    except Exception as error:
        raise ImageError(f"{source} fails ({one_line(error)}): check its cable and settings") from error


def _module(name: str) -> Any:
    if name == "cv2":  # its lines about a device that is not there; the user's own setting goes before
        os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # FFmpeg's AV_LOG_QUIET
    try:
        return importlib.import_module(name)
    except Exception as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name == name
        reason = "is not installed" if missing else f"cannot be imported ({one_line(error)})"
        place = f" in the virtual environment {sys.prefix}" if sys.prefix != sys.base_prefix else ""
        raise RuntimeUnavailableError(
            f"{_NAMES[name]} {reason}{place}, so the camera cannot be read: {_CURES[name]}"
        ) from error
