"""Cameras, through stand-ins for picamera2 and OpenCV: no camera is here, and picamera2 needs libcamera.

Where OpenCV is installed it reads a real video file, too.
"""

from __future__ import annotations

import os
import sys
from contextlib import closing
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from edgeready_device.errors import ImageError, NotFoundError, RuntimeUnavailableError, UsageError
from edgeready_device.images import camera
from edgeready_device.images.camera import camera_frames, open_camera, parse_camera

RED = (250, 10, 20)


def _picture(red: int) -> np.ndarray:
    return np.full((4, 6, 3), (20, 10, red), np.uint8)  # B, G, R


class Capture:
    """What cv2.VideoCapture gives: `pictures`, then nothing."""

    def __init__(self, pictures: list[np.ndarray] | None):
        self.pictures, self.released, self.stated = pictures, False, {}

    def get(self, number: int) -> float:
        return self.stated.get(number, 0.0)

    def set(self, number: int, value: float) -> bool:
        self.stated[number] = value
        return True

    def isOpened(self) -> bool:
        return self.pictures is not None

    def read(self) -> tuple[bool, np.ndarray | None]:
        return (True, self.pictures.pop(0)) if self.pictures else (False, None)

    def release(self) -> None:
        self.released = True


@pytest.fixture
def film(tmp_path) -> str:
    """A file for OpenCV, or its stand-in, to open."""
    (tmp_path / "film.avi").write_bytes(b"film")
    return str(tmp_path / "film.avi")


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


def test_opencvs_pictures_become_rgb(opencv, film):
    asked, capture = opencv([_picture(250), _picture(30)])
    found = list(camera_frames(film, 0))
    assert asked == [film]
    assert [frame[0, 0].tolist() for frame in found] == [list(RED), [30, 10, 20]]
    assert found[0].shape == (4, 6, 3)
    assert capture.released


@pytest.mark.parametrize(("source", "device"), [("auto", 0), ("2", 2), ("007", 7), ("/dev/video3", 3)])
def test_the_first_pictures_of_a_camera_are_left_out(opencv, source, device):
    asked, capture = opencv([_picture(number) for number in range(20)])
    assert [frame[0, 0, 0] for frame in camera_frames(source, 2)] == [5, 6]
    assert asked == [device]
    assert capture.released


def test_grey_pictures_have_three_equal_channels(opencv, film):
    opencv([np.full((2, 2), 9, np.uint8)])
    assert next(iter(camera_frames(film))).tolist() == np.full((2, 2, 3), 9).tolist()


def test_a_camera_that_cannot_be_opened_is_not_found(opencv):
    _, capture = opencv(None)
    with pytest.raises(NotFoundError, match="camera '3' cannot be opened") as caught:
        list(camera_frames("3"))
    assert caught.value.exit_code == 4
    assert capture.released


def test_a_camera_that_gives_no_picture_is_bad_input(opencv, film):
    opencv([])
    with pytest.raises(ImageError, match=r"video '.*film\.avi' gives no picture: it is in use, or damaged"):
        list(camera_frames(film))


def test_a_camera_that_gives_no_more_pictures_is_lost(opencv):
    _, capture = opencv([_picture(number) for number in range(7)])
    frames = camera_frames("0", 0)
    assert [next(frames)[0, 0, 0], next(frames)[0, 0, 0]] == [5, 6]
    with pytest.raises(ImageError, match="camera '0' is lost: it gives no more pictures after 2; check its cable"):
        next(frames)
    assert capture.released


def test_an_address_that_states_no_number_of_frames_is_lost_at_its_end_and_another_one_just_ends(opencv):
    _, capture = opencv([_picture(1)])
    frames = camera_frames("rtsp://user:secret@camera.example/1", 0)
    next(frames)
    with pytest.raises(ImageError, match=r"'rtsp://\*\*\*@camera.example/1' is lost: .* after 1; check the network"):
        next(frames)
    _, capture = opencv([_picture(1)])
    capture.stated = {7: 1.0}
    assert len(list(camera_frames("https://camera.example/film.mp4", 0))) == 1


def test_a_video_that_ends_early_is_noticed(opencv, film):
    _, capture = opencv([_picture(number) for number in range(9)])
    capture.stated = {7: 10.0}
    notices = []
    assert len(list(camera_frames(film, 0, notify=notices.append))) == 9
    assert notices == [
        f"video {film!r} ends after 9 of the 10 frames that it states: it may be damaged or incomplete"
    ]


@pytest.mark.parametrize("stated", [0.0, 9.0, 9.4, -1.0, float("nan"), 2.0**63])
def test_a_video_that_ends_about_where_it_says_is_not_noticed(opencv, film, stated):
    _, capture = opencv([_picture(number) for number in range(9)])
    capture.stated = {7: stated}
    notices = []
    assert len(list(camera_frames(film, 0, notify=notices.append))) == 9
    assert notices == []


@pytest.mark.parametrize(
    ("stated", "rate"), [(25.0, 25.0), (0.0, 0.0), (90_000.0, 0.0), (-1.0, 0.0), (float("nan"), 0.0)]
)
def test_a_frame_rate_that_none_can_be_is_not_stated(opencv, film, stated, rate):
    _, capture = opencv([_picture(1)])
    capture.stated = {5: stated}
    with closing(open_camera(parse_camera(film))) as video:
        assert video.frame_rate == rate


def test_a_size_is_asked_of_the_camera(opencv):
    _, capture = opencv([_picture(number) for number in range(20)])
    with closing(open_camera(parse_camera("0", (640, 480)))):
        assert capture.stated == {3: 640, 4: 480}


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("driver"), OSError(5, "Input/output error"), type("CvError", (Exception,), {})("bad")]
)
def test_what_a_driver_raises_is_one_line(opencv, error):
    def fail():
        raise error

    _, capture = opencv([_picture(1)])
    capture.read = fail
    with pytest.raises(ImageError, match=r"camera '0' fails \(.*(driver|error|bad)\): check its cable and settings"):
        list(camera_frames("0"))
    assert capture.released


@pytest.mark.parametrize(
    ("picture", "shown"),
    [
        (np.zeros((2, 2, 3), np.uint16), r"uint16 \[2, 2, 3\]"),
        (np.zeros((2, 2, 2), np.uint8), r"uint8 \[2, 2, 2\]"),
    ],
)
def test_pictures_of_another_kind_are_not_guessed_at(opencv, film, picture, shown):
    opencv([picture])
    with pytest.raises(ImageError, match=f"gives {shown} in place of 8-bit colour pictures"):
        list(camera_frames(film))


@pytest.mark.parametrize(
    "source",
    ["-1", "+1", "1000", "99999999999999999999", "picamera2:", "picamera2:x", "picamera2:-1", "/dev/video4000"],
)
def test_a_number_that_no_camera_can_have_is_a_usage_error(source):
    with pytest.raises(UsageError) as caught:
        list(camera_frames(source))
    assert str(caught.value) == f"the camera is {source!r}: give a number from 0 to 999, as 0 or picamera2:1"


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("none.avi", NotFoundError, "no camera or video '{}': give a camera's number (ls /dev/video*), picamera2, "),
        ("nul\0.avi", NotFoundError, "no camera or video '{}'"),
        ("folder", ImageError, "'{}' is a folder: give a camera, a video file or an address here"),
        ("pipe", ImageError, "'{}' is neither a file nor a camera: save the video as a file first"),
        ("a.JPG", ImageError, "'{}' is an image, not a video: give images to classify, or their folder to watch"),
        ("a_001.bmp", ImageError, "'{}' is an image, not a video: give images to classify, or their folder to watch"),
        ("%03d.png", NotFoundError, "no camera or video '{}'"),
    ],
)
def test_what_can_be_no_video_is_said_before_opencv_sees_it(opencv, tmp_path, name, error, message):
    asked, _ = opencv([_picture(1)])
    (tmp_path / "folder").mkdir()
    for image in ("a.JPG", "a_001.bmp"):
        (tmp_path / image).write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe")
    path = str(tmp_path / name)
    with pytest.raises(error) as caught:
        list(camera_frames(path))
    assert str(caught.value).startswith(message.format(repr(path)[1:-1]))
    assert asked == []


def test_a_camera_is_let_go_when_the_caller_has_seen_enough(opencv, film):
    _, capture = opencv([_picture(1), _picture(2)])
    frames = camera_frames(film, 0)
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
            return [main["format"], *([main["size"]] if "size" in main else [])]

        def configure(self, configuration):
            said.extend(configuration)

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


@pytest.mark.parametrize(
    ("source", "module", "cure"),
    [
        ("0", "cv2", 'pip install "edgeready-device[camera]"; on a Raspberry Pi: sudo apt install python3-picamera2'),
        ("picamera2", "picamera2", "sudo apt install python3-picamera2"),
    ],
)
def test_what_is_not_installed_is_named_with_the_cure(monkeypatch, source, module, cure):
    monkeypatch.setattr(sys, "prefix", "/home/pi/env")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(RuntimeUnavailableError) as caught:
        list(camera_frames(source))
    name = {"cv2": "OpenCV"}.get(module, module)
    assert str(caught.value) == (
        f"{name} is not installed in the virtual environment /home/pi/env, so the camera cannot be read: {cure}; a "
        "virtual environment sees it only when it is made with python3 -m venv --system-site-packages"
    )
    assert caught.value.exit_code == 6


@pytest.mark.parametrize(
    "error", [ImportError("libGL.so.1: cannot open shared object file"), ValueError("numpy.dtype size changed")]
)
def test_a_module_that_cannot_be_imported_is_not_called_missing(monkeypatch, error):
    def refuse(name):
        raise error

    monkeypatch.setattr(camera.importlib, "import_module", refuse)
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    with pytest.raises(RuntimeUnavailableError) as caught:
        list(camera_frames("picamera2"))
    assert str(caught.value).startswith(f"picamera2 cannot be imported ({error}), so the camera cannot be read: ")


def test_picamera2_that_fails_after_it_was_opened_is_one_line_and_closed(picamera2, monkeypatch):
    def fail(self):
        raise RuntimeError("Failed to start camera: Device or resource busy")

    monkeypatch.setattr(sys.modules["picamera2"].Picamera2, "start", fail)
    with pytest.raises(ImageError, match=r"camera '0' fails \(Failed to start camera: Device or resource busy\)"):
        list(camera_frames("picamera2"))
    assert picamera2 == ["open 0", "BGR888", "close"]


def test_a_size_is_asked_of_picamera2(picamera2):
    with closing(open_camera(parse_camera("picamera2", (640, 480)))):
        assert picamera2[:3] == ["open 0", "BGR888", (640, 480)]


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((0, 480), "the size is 0x480: give sides from 1 to 16384, as 640x480"),
        ((640, 20000), "the size is 640x20000: give sides from 1 to 16384, as 640x480"),
    ],
)
def test_a_size_that_no_camera_has_is_refused(size, message):
    with pytest.raises(UsageError) as caught:
        parse_camera("0", size)
    assert str(caught.value) == message


def test_a_size_of_a_video_is_refused(film):
    with pytest.raises(UsageError, match=r"a size is for cameras, and '.*film\.avi' has its own: leave out --size"):
        parse_camera(film, (640, 480))


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
