"""Cameras, through stand-ins for picamera2 and OpenCV: no camera is here, and picamera2 needs libcamera.

Where OpenCV is installed it reads a real video file, too.
"""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from edgeready_device.errors import ImageError, NotFoundError, RuntimeUnavailableError
from edgeready_device.images import camera
from edgeready_device.images.camera import camera_frames

RED = (250, 10, 20)


def _picture(red: int) -> np.ndarray:
    return np.full((4, 6, 3), (20, 10, red), np.uint8)  # B, G, R


class Capture:
    """What cv2.VideoCapture gives: `pictures`, then nothing."""

    def __init__(self, pictures: list[np.ndarray] | None):
        self.pictures, self.released = pictures, False

    def isOpened(self) -> bool:
        return self.pictures is not None

    def read(self) -> tuple[bool, np.ndarray | None]:
        return (True, self.pictures.pop(0)) if self.pictures else (False, None)

    def release(self) -> None:
        self.released = True


@pytest.fixture
def opencv(monkeypatch):
    """Puts a stand-in for cv2 in place that opens `pictures`; gives the sources that were asked for."""

    def install(pictures: list[np.ndarray] | None) -> tuple[list[object], Capture]:
        asked, capture = [], Capture(pictures)
        module = ModuleType("cv2")
        module.VideoCapture = lambda source: asked.append(source) or capture
        monkeypatch.setitem(sys.modules, "cv2", module)
        monkeypatch.setattr(camera.importlib.util, "find_spec", lambda name: None)
        return asked, capture

    return install


def test_opencvs_pictures_become_rgb(opencv):
    asked, capture = opencv([_picture(250), _picture(30)])
    found = list(camera_frames("film.avi", 0))
    assert asked == ["film.avi"]
    assert [frame[0, 0].tolist() for frame in found] == [list(RED), [30, 10, 20]]
    assert found[0].shape == (4, 6, 3)
    assert capture.released


@pytest.mark.parametrize(("source", "device"), [("auto", 0), ("2", 2)])
def test_the_first_pictures_of_a_camera_are_left_out(opencv, source, device):
    asked, capture = opencv([_picture(number) for number in range(20)])
    assert [frame[0, 0, 0] for frame in camera_frames(source, 2)] == [5, 6]
    assert asked == [device]
    assert capture.released


def test_grey_pictures_have_three_equal_channels(opencv):
    opencv([np.full((2, 2), 9, np.uint8)])
    assert next(iter(camera_frames("film.avi"))).tolist() == np.full((2, 2, 3), 9).tolist()


def test_a_camera_that_cannot_be_opened_is_not_found(opencv):
    _, capture = opencv(None)
    with pytest.raises(NotFoundError, match="camera or video '3' cannot be opened") as caught:
        list(camera_frames("3"))
    assert caught.value.exit_code == 4
    assert capture.released


def test_a_camera_that_gives_no_picture_is_bad_input(opencv):
    opencv([])
    with pytest.raises(ImageError, match=r"'film\.avi' gives no picture"):
        list(camera_frames("film.avi"))


def test_a_camera_is_let_go_when_the_caller_has_seen_enough(opencv):
    _, capture = opencv([_picture(1), _picture(2)])
    frames = camera_frames("film.avi", 0)
    next(frames)
    frames.close()
    assert capture.released


@pytest.fixture
def picamera2(monkeypatch):
    """A stand-in for picamera2, whose pictures count up; gives what was asked of it."""
    said = []

    class Picamera2:
        def __init__(self, number: int):
            if number > 1:
                raise IndexError("list index out of range")
            said.append(f"open {number}")
            self.count = 0

        def create_video_configuration(self, main):
            return main["format"]

        def configure(self, configuration):
            said.append(configuration)

        def start(self):
            said.append("start")

        def capture_array(self, name):
            self.count += 1
            return np.full((2, 3, 3), (self.count, 0, 9), np.uint8)

        def close(self):
            said.append("close")

    module = ModuleType("picamera2")
    module.Picamera2 = Picamera2
    monkeypatch.setitem(sys.modules, "picamera2", module)
    monkeypatch.setattr(camera.importlib.util, "find_spec", lambda name: SimpleNamespace(name=name))
    return said


@pytest.mark.parametrize(("source", "number"), [("auto", 0), ("picamera2", 0), ("picamera2:1", 1)])
def test_picamera2_goes_before_opencv_and_its_bgr888_is_rgb_in_memory(picamera2, source, number):
    assert [frame[0, 0].tolist() for frame in camera_frames(source, 2)] == [[6, 0, 9], [7, 0, 9]]
    assert picamera2 == [f"open {number}", "BGR888", "start", "close"]


def test_a_camera_that_picamera2_does_not_have_is_not_found(picamera2):
    with pytest.raises(NotFoundError, match="camera 7 cannot be opened"):
        list(camera_frames("picamera2:7"))


@pytest.mark.parametrize(("source", "module"), [("0", "cv2"), ("picamera2", "picamera2")])
def test_what_is_not_installed_is_named_with_the_cure(monkeypatch, source, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(RuntimeUnavailableError, match="is not installed, so the camera cannot be read: ") as caught:
        list(camera_frames(source))
    assert caught.value.exit_code == 6


def test_opencv_reads_a_real_video(tmp_path):
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed here")
    path = str(tmp_path / "film.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for _ in range(3):
        writer.write(np.full((48, 64, 3), RED[::-1], np.uint8))
    writer.release()
    found = list(camera_frames(path, 0))
    assert [frame.shape for frame in found] == [(48, 64, 3)] * 3
    assert np.abs(found[1].astype(int) - RED).max() <= 6  # JPEG
