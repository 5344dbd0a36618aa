"""What can be watched: a camera, an address, a video, a folder that fills, or a program's own frames."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Union

import numpy as np

from edgeready_device.errors import ImageError, UsageError
from edgeready_device.images.camera import CameraSource, Size, is_camera_name, open_camera, parse_camera
from edgeready_device.images.pictures import convert_channels, read_picture
from edgeready_device.watching.folder import FolderReader, check_folder
from edgeready_device.watching.frame import Shot

SourceLike = Union[str, "os.PathLike[str]", Iterable[Any]]


class Reader(Protocol):
    """An open source."""

    def read(self, stop: threading.Event) -> Shot | None:
        """The next frame, which it waits for until `stop` is set; None after the last."""

    def take_notices(self) -> list[str]:
        """Sentences about the source that were not taken yet."""

    def close(self) -> None:
        """Releases the source."""


@dataclass(frozen=True)
class SourceOptions:
    """How a source is read; raises UsageError for what does not fit the source when it is used.

    `size` is what a camera is asked for, width and height. With `realtime` only the newest frame of a video, a folder
    or a program's frames counts, as of a camera. `loop` starts a video again at its end, `interval_s` is the least
    time from one analyzed frame to the next, and `new_only` leaves out the files that a folder holds at the start.
    """

    size: Size | None = None
    realtime: bool = False
    loop: bool = False
    interval_s: float = 0.0
    new_only: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.interval_s <= _LONGEST_INTERVAL_S:
            raise UsageError(f"the interval is {self.interval_s:g} s: give 0 to {_LONGEST_INTERVAL_S} seconds")


_LONGEST_INTERVAL_S = 86400  # chosen: a day; more is a task for a timer
_SPARSE_S = 1.0  # chosen: smoothing over five frames would hold a label back for longer than people wait for one


@dataclass(frozen=True)
class Source:
    """Something to watch. `kind` is "camera", "video", "folder" or "frames"."""

    kind: str
    name: str
    open: Callable[[], Reader]
    reconnects: bool = False  # whether it may come back after an error
    may_hang: bool = False  # whether its driver may never return
    interval_s: float = 0.0  # the least time between two analyzed frames
    is_in_film_time: bool = False  # whether that is time of the film, whose frames are passed over
    files: FolderReader | None = None

    def reduce_to(self, target: tuple[int, int], rotate: int) -> None:
        """Lets large JPEGs of a folder, turned by `rotate` degrees, be decoded for frames of `target` alone."""
        if self.files is not None:
            self.files.reduce_to(target if rotate % 180 == 0 else (target[1], target[0]))

    @property
    def is_stream(self) -> bool:
        """Whether frames follow one another; the files of a folder stand for themselves."""
        return self.kind != "folder"

    @property
    def is_dense(self) -> bool:
        """Whether frames follow so closely that labels are smoothed over several of them, unless it is said."""
        return self.is_stream and self.interval_s < _SPARSE_S

    @property
    def pause_s(self) -> float:
        """The least time of the clock between two analyzed frames."""
        return 0.0 if self.is_in_film_time else self.interval_s


def choose_source(source: SourceLike, options: SourceOptions) -> Source:
    """The Source of a camera's name, a path, an address, or an iterable of pictures.

    Raises UsageError for options that do not fit it, NotFoundError where there is no such file or folder, ImageError
    where it can be none.
    """
    if not isinstance(source, (str, os.PathLike)):
        _check_fit(options, "a program's frames", size=False, loop=False, new_only=False)
        frames = iter(source)
        return Source(
            "frames",
            "frames",
            open=lambda: FramesReader(frames, is_live=options.realtime),
            interval_s=options.interval_s,
        )
    place = source if isinstance(source, str) else os.path.join(".", source)  # a Path names no camera
    if not is_camera_name(place) and os.path.isdir(place):
        _check_fit(options, f"the folder {place!r}", size=False, loop=False)
        folder = Path(place)
        check_folder(folder)
        reader = FolderReader(folder, newest=options.realtime, new_only=options.new_only)
        return Source(
            "folder", place, open=reader.reopen, reconnects=True, interval_s=options.interval_s, files=reader
        )
    camera = parse_camera(place, options.size)
    if not camera.live:
        _check_fit(options, str(camera), size=False, new_only=False)
        return _video(camera, options)
    _check_fit(options, str(camera), loop=False, new_only=False)
    return Source(
        "camera",
        str(camera),
        open=lambda: CameraReader(camera, realtime=options.realtime),
        reconnects=True,
        may_hang=True,
        interval_s=options.interval_s,
    )


def _check_fit(options: SourceOptions, name: str, **unfit: bool) -> None:
    """Raises UsageError where an option is set that `unfit` lists."""
    for option in unfit:
        if getattr(options, option):
            raise UsageError(f"--{option.replace('_', '-')} does not fit {name}: leave it out")


def _video(camera: CameraSource, options: SourceOptions) -> Source:
    pace = options.realtime
    step_s = 0.0 if pace else options.interval_s
    return Source(
        "video",
        str(camera),
        open=lambda: VideoReader(camera, realtime=pace, loop=options.loop, step_s=step_s),
        interval_s=options.interval_s,
        is_in_film_time=not pace,
    )


_END = object()


class FramesReader:
    """Reads the frames that a program gives."""

    def __init__(self, frames: Iterator[Any], *, is_live: bool) -> None:
        self._frames, self._is_live = frames, is_live

    def read(self, stop: threading.Event) -> Shot | None:
        """The next frame, grey or RGB. Raises ImageError for what is no picture."""
        frame = next(self._frames, _END)
        if frame is _END:
            return None
        pixels = read_picture(frame)
        if pixels.dtype != np.uint8:
            raise ImageError(f"the frame is {pixels.dtype} {list(pixels.shape)}: give uint8 pixels from 0 to 255")
        pixels = convert_channels(pixels, 1 if pixels.shape[2] == 1 else 3)
        return Shot(time.monotonic(), pixels, is_live=self._is_live)

    def take_notices(self) -> list[str]:
        """None: the program knows its frames."""
        return []

    def close(self) -> None:
        """Does nothing: the frames are the program's."""


class CameraReader:
    """Reads a camera or an address; of a film that a server gives each frame, unless `realtime`."""

    def __init__(self, source: CameraSource, *, realtime: bool) -> None:
        self._source = source
        self._camera = open_camera(source)
        self._is_live = realtime or not self._camera.is_finite
        self._notices: list[str] = []
        self._is_new = True

    def read(self, stop: threading.Event) -> Shot | None:
        """The next frame; raises ImageError when the camera is lost."""
        picture = self._camera.read()
        if picture is None:
            self._notices += [self._camera.notice] if self._camera.notice else []
            return None
        height, width = picture.shape[:2]
        if self._is_new and self._source.size not in (None, (width, height)):
            size = f"{self._source.size[0]}x{self._source.size[1]}" if self._source.size else ""
            self._notices.append(f"{self._source} gives {width}x{height} in place of {size}")
        self._is_new = False
        return Shot(time.monotonic(), picture, is_live=self._is_live)

    def take_notices(self) -> list[str]:
        """What is not as it was asked for, once."""
        notices, self._notices = self._notices, []
        return notices

    def close(self) -> None:
        """Releases the camera."""
        self._camera.close()


class VideoReader:
    """Reads a video: as fast as its frames are taken, or with `realtime` at the rate that it states.

    `step_s` is the least time in the video between two frames, the others are passed over.
    """

    def __init__(self, source: CameraSource, *, realtime: bool, loop: bool, step_s: float) -> None:
        self._source, self._loop, self._realtime = source, loop, realtime
        self._camera = open_camera(source)
        self._notices: list[str] = []
        rate = self._camera.frame_rate
        if (realtime or step_s) and not rate:
            self._camera.close()
            raise ImageError(f"{source} states no frame rate: leave out --realtime and --interval")
        self._frame_s = 1 / rate if rate else 0.0
        self._step_s = step_s
        self._position = 0  # of the next frame, in frames
        self._next_s = 0.0  # the least time in the video of the next frame
        self._start = time.monotonic()

    def read(self, stop: threading.Event) -> Shot | None:
        """The next frame, when it is due."""
        count = 1
        while self._step_s and self._position * self._frame_s < self._next_s - _ROUNDING_S:
            if not self._camera.skip():
                return self._rewind(stop)
            self._position += 1
            count += 1
        picture = self._camera.read()
        if picture is None:
            return self._rewind(stop)
        if self._realtime:
            stop.wait(max(0.0, self._start + self._position * self._frame_s - time.monotonic()))
        self._next_s = self._position * self._frame_s + self._step_s
        self._position += 1
        return Shot(time.monotonic(), picture, count=count, is_live=self._realtime)

    def take_notices(self) -> list[str]:
        """Whether the video ended early, once."""
        notices, self._notices = self._notices, []
        return notices

    def close(self) -> None:
        """Releases the video."""
        self._camera.close()

    def _rewind(self, stop: threading.Event) -> Shot | None:
        """The first frame again with `loop`, else None."""
        if not self._loop or stop.is_set():
            self._notices += [self._camera.notice] if self._camera.notice else []
            return None
        self._camera.close()
        self._camera = open_camera(self._source)
        self._position, self._next_s, self._start = 0, 0.0, time.monotonic()
        return self.read(stop)


_ROUNDING_S = 1e-6  # of a position that is a multiple of the frame's time
