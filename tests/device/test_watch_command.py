"""`edgeready-device watch`: a real video, a folder that fills, stand-in cameras, signals and readers that go away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from edgeready_device import Model, watch

LEFT, RIGHT, BOTH = ([[250, 0], [0, 0]], [[0, 250], [0, 0]], [[9, 9], [9, 9]])  # what `sums` says of pixels
CAMERA = '''
"""A stand-in for cv2: its camera gives what {0} says, then fails; a call of VideoCapture takes the next one."""
import threading, time
import numpy as np
RUNS = iter({0})
class VideoCapture:
    def __init__(self, source):
        self.frames = next(RUNS, None)
        if self.frames == "hang": time.sleep(60)
        self.sticks = self.frames == "stick"  # after 20 frames, with a thread of its own, as libcamera has it
        if self.sticks: threading.Thread(target=time.sleep, args=(60,), daemon=False).start()
        self.left = 20 if self.sticks else self.frames
    def isOpened(self): return self.frames is not None
    def set(self, number, value): pass
    def get(self, number): return 0.0
    def read(self):
        time.sleep(60 if self.sticks and not self.left else 0.002)
        if not self.left: return False, None
        self.left -= 1
        picture = np.zeros((2, 2, 3), np.uint8)
        picture[0, 0] = 250
        return True, picture
    def release(self): pass
'''


QUICK = """
import sys
from edgeready_device import cli
from edgeready_device.watching import capture, folder
capture.Retry.__init__.__defaults__ = (0.01, 60.0, {})
folder._SETTLE_S = 0.2
sys.exit(cli.main())
"""


PICAMERA2 = '''
"""A stand-in for picamera2 that writes what is asked of it to {0!r}, and fails after ten pictures."""
import time
import numpy as np
class Picamera2:
    opened = 0
    def __init__(self, number=0):
        type(self).opened += 1
        self.tell(f"open {{number}}")
        if self.opened == 2: raise IndexError("list index out of range")
        self.left = 10
    def tell(self, text): open({0!r}, "a").write(text + "\\n")
    def create_video_configuration(self, main): return main
    def configure(self, main): self.tell(f"{{main['format']}} {{main['size']}}")
    def start(self): self.tell("start")
    def capture_array(self, name):
        self.left -= 1
        time.sleep(0.01)
        if self.left < 0: raise RuntimeError("Camera frontend has timed out")
        return np.array([[[0, 0, 0], [250, 250, 250]], [[0, 0, 0], [0, 0, 0]]], np.uint8)
    def close(self): self.tell("close")
'''


@pytest.fixture
def run(call_verb):
    """Runs `watch` in this process."""
    return partial(call_verb, "watch")


@pytest.fixture
def start(tmp_path, complete):
    """Starts `watch` in a process of its own, with a stand-in for cv2 that `camera` describes; ends it afterwards.

    It is quicker than users': it opens a lost camera again after 10 ms, takes a half-written file for a broken one
    after 0.2 s, and a driver that does not return for one that hangs after 5 s or `stall_s`.
    """
    children = []

    def call(*arguments: object, camera: str | None = None, stall_s: float = 5, **options):
        path = [str(tmp_path / "stand-ins"), os.environ.get("PYTHONPATH", "")]
        if camera is not None:
            (tmp_path / "stand-ins").mkdir()
            (tmp_path / "stand-ins" / "cv2.py").write_text(CAMERA.format(camera))
        child = subprocess.Popen(
            [sys.executable, "-c", QUICK.format(stall_s), "watch", str(complete()), *map(str, arguments)],
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options},
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        )
        children.append(child)
        return child

    yield call
    for child in children:
        child.kill()
        child.communicate()


@pytest.fixture
def film(tmp_path):
    """Writes a real video of 16x16 pictures whose quarters are as bright as given, ten a second."""
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed here")
    pytest.importorskip("PIL.Image", reason="Pillow is not installed here")

    def make(*pictures, name: str = "film.avi") -> Path:
        path = tmp_path / name
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (16, 16))
        for picture in pictures:
            pixels = np.repeat(np.repeat(np.array(picture, np.uint8), 8, axis=0), 8, axis=1)
            writer.write(np.repeat(pixels[..., np.newaxis], 3, axis=2))
        writer.release()
        return path

    return make


def save(folder: Path, name: str, picture) -> Path:
    """Puts a complete file into the folder."""
    np.save(folder.parent / name, np.array(picture, np.uint8))
    return (folder.parent / name).rename(folder / name)


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def parsed(lines) -> list[dict]:
    return [json.loads(line) for line in lines]


# -- videos ----------------------------------------------------------------------------------------------------


def test_a_video_is_labelled_frame_by_frame_and_its_label_changes_once(run, complete, film):
    path = film(*[LEFT] * 4, RIGHT, *[LEFT] * 3, *[RIGHT] * 8)
    code, out, err = run(complete(), path, "--jsonl")
    events = parsed(out)
    assert code == 0
    assert [event["frame"] for event in events[:-1]] == list(range(1, 17))
    assert [event["label"] for event in events[:-1]] == [None, None, *["left"] * 10, *["right"] * 4]
    assert [(event["frame"], event["previous"]) for event in events[:-1] if event["changed"]] == [
        (3, None),
        (13, "left"),
    ]
    end = events[-1]
    assert {name: end[name] for name in ("event", "captured", "analyzed", "dropped", "unusable", "losses")} == {
        "event": "end",
        "captured": 16,
        "analyzed": 16,
        "dropped": 0,
        "unusable": 0,
        "losses": 0,
    }
    assert len(err) == 1
    assert err[0].startswith("16 frames in ")


def test_as_text_a_video_is_a_line_a_change(run, complete, film):
    code, out, _ = run(complete(), film(*[LEFT] * 5, *[RIGHT] * 8))
    assert (code, [line.split("  ")[1].split()[0] for line in out]) == (0, ["left", "right"])
    assert out[0].endswith(")")
    assert "latency" in out[0]


def test_without_smoothing_every_frame_speaks_for_itself(run, complete, film):
    path = film(LEFT, RIGHT, LEFT, RIGHT)
    code, out, _ = run(complete(), path, "--jsonl", "--smooth", 1, "--hold", 1, "--changes")
    assert (code, [event["label"] for event in parsed(out)]) == (0, ["left", "right", "left", "right"])


def test_a_run_without_any_label_says_why(run, complete, film):
    code, out, err = run(complete(), film(LEFT, LEFT))
    assert (code, out, len(err)) == (0, [], 2)
    assert err[1] == "no frame had a label: none led in --hold frames in a row and reached --threshold"
    assert len(run(complete(), film(LEFT, LEFT), "--hold", 2)[2]) == 1


def test_one_document_is_the_summary(run, complete, film):
    code, out, _ = run(complete(), film(LEFT), "--json")
    assert (code, len(out)) == (0, 1)
    assert (json.loads(out[0])["analyzed"], "event" in json.loads(out[0])) == (1, False)


def test_an_interval_in_a_video_is_one_of_the_film(run, complete, film):
    path = film(*[LEFT] * 25)
    code, out, _ = run(complete(), path, "--jsonl", "--interval", 1)
    found = [(event["frame"], event["label"], event["changed"]) for event in parsed(out)[:-1]]
    assert (code, found) == (0, [(1, "left", True), (11, "left", False), (21, "left", False)])
    code, out, _ = run(complete(), path, "--jsonl", "--interval", 1, "--hold", 2)
    assert [event["label"] for event in parsed(out)[:-1]] == [None, "left", "left"]
    code, out, _ = run(complete(), path, "--jsonl", "--interval", 0.5)
    assert [(event["frame"], event["label"]) for event in parsed(out)[:3]] == [(1, None), (6, None), (11, "left")]


def test_a_video_can_start_again_at_its_end(run, complete, film):
    code, out, _ = run(complete(), film(LEFT, RIGHT), "--jsonl", "--loop", "--count", 5, "--smooth", 1, "--hold", 1)
    found = [(event["frame"], event["label"]) for event in parsed(out)[:-1]]
    assert (code, found) == (0, [(1, "left"), (2, "right"), (3, "left"), (4, "right"), (5, "left")])


def test_a_video_in_real_time_takes_its_time(run, complete, film):
    begin = time.monotonic()
    code, out, _ = run(complete(), film(*[LEFT] * 4), "--jsonl", "--realtime")
    assert (code, parsed(out)[-1]["captured"]) == (0, 4)
    assert time.monotonic() - begin >= 0.3


def test_frames_are_turned(run, complete, film):
    found = [
        parsed(run(complete(), film(LEFT), "--jsonl", "--hold", 1, "--rotate", degrees)[1])[0]["label"]
        for degrees in (0, 90)
    ]
    assert found == ["left", "right"]


def test_a_video_that_ends_early_is_said(run, complete, film):
    path = film(*[LEFT] * 20)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 4])
    code, out, err = run(complete(), path, "--jsonl")
    assert code == 0
    assert "of the 20 frames that it states: it may be damaged or incomplete" in err[0]
    assert parsed(out)[-2]["event"] == "notice"


def test_the_model_may_come_through_a_pipe(complete, film, tmp_path):
    os.mkfifo(tmp_path / "pipe.tflite")
    arguments = [str(tmp_path / "pipe.tflite"), str(film(LEFT)), "--json"]
    child = subprocess.Popen([sys.executable, "-m", "edgeready_device", "watch", *arguments], stdout=subprocess.PIPE)
    (tmp_path / "pipe.tflite").write_bytes(complete().read_bytes())
    out, _ = child.communicate(timeout=60)
    assert (child.returncode, json.loads(out)["analyzed"]) == (0, 1)


# -- folders ---------------------------------------------------------------------------------------------------


def test_each_file_of_a_folder_speaks_for_itself(run, complete, folder):
    for number, picture in enumerate((LEFT, RIGHT, LEFT, LEFT)):
        os.utime(save(folder, f"{number}.npy", picture), (number, number))
    code, out, err = run(complete(), folder, "--count", 4, "--top", 1)
    assert (code, [line.split(" 100")[0] for line in out]) == (
        0,
        [f"{folder}/0.npy: left", f"{folder}/1.npy: right", f"{folder}/2.npy: left", f"{folder}/3.npy: left"],
    )
    assert len(err) == 1


def test_each_file_of_a_folder_with_the_label_runs_the_action(run, complete, folder, tmp_path):
    for number, picture in enumerate((LEFT, RIGHT, LEFT, LEFT)):
        os.utime(save(folder, f"{number}.npy", picture), (number, number))
    (tmp_path / "log").mkdir()
    action = f"touch {tmp_path / 'log'}/{{frame}}"
    code, out, _ = run(complete(), folder, "--count", 4, "--jsonl", "--on", "left", action, "--interval", 0.3)
    changes = [(event["changed"], event["previous"]) for event in parsed(out)[:-1]]
    assert (code, changes, sorted(os.listdir(tmp_path / "log"))) == (0, [(True, None)] * 4, ["1", "3", "4"])


def test_a_folder_can_be_smoothed_like_a_stream(run, complete, folder):
    for number, picture in enumerate((LEFT, RIGHT, RIGHT)):
        os.utime(save(folder, f"{number}.npy", picture), (number, number))
    code, out, _ = run(complete(), folder, "--count", 3, "--hold", 2, "--jsonl")
    assert (code, [event["label"] for event in parsed(out)[:-1]]) == (0, [None, None, "right"])


def test_files_that_come_while_it_runs_are_labelled_and_bad_ones_said(start, folder):
    child = start(folder, "--jsonl", "--top", 1, "--count", 3)
    save(folder, "a.npy", LEFT)
    first = json.loads(child.stdout.readline())
    assert (first["event"], first["image"], first["label"]) == ("frame", f"{folder}/a.npy", "left")
    save(folder, "b.npy", np.zeros((2, 2, 2)))
    save(folder, "c.npy", RIGHT)
    found = {event.get("image"): event.get("label", event.get("error")) for event in parsed(child.stdout)}
    err = child.stderr.read()
    assert (child.wait(60), found[f"{folder}/c.npy"]) == (0, "right")
    assert found[f"{folder}/b.npy"].startswith(f"array '{folder}/b.npy': the picture is uint8 [2, 2, 2]")
    assert [line for line in err.splitlines() if "b.npy" in line] == [f"edgeready-device: {found[f'{folder}/b.npy']}"]


# -- cameras ---------------------------------------------------------------------------------------------------


def test_a_camera_that_is_lost_is_opened_again_and_one_line_says_so(start):
    child = start("0", "--jsonl", "--count", 8, "--changes", camera="[9, None, 40]")
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0
    assert [event["label"] for event in parsed(out.splitlines())] == ["left"]
    lines = [line.removeprefix("edgeready-device: ") for line in err.splitlines()]
    assert lines[0] == "camera '0' is lost: it gives no more pictures after 4; check its cable; trying again in 10 ms"
    assert lines[1].startswith("camera '0' cannot be opened: ")
    assert lines[1].endswith("; trying again in 20 ms")
    assert lines[2].startswith("camera '0' gives frames again, after ")
    assert "lost 2 times" in lines[3]


def test_picamera2_is_asked_for_its_size_and_opened_again_after_it_failed(start, tmp_path):
    (tmp_path / "stand-ins").mkdir()
    (tmp_path / "stand-ins" / "picamera2.py").write_text(PICAMERA2.format(str(tmp_path / "log")))
    child = start("--size", "2x2", "--rotate", 270, "--jsonl", "--count", 10)
    events, err = parsed(child.stdout), child.stderr.read()
    frames = [event for event in events if event["event"] == "frame"]
    assert (child.wait(60), len(frames), frames[-1]["label"]) == (0, 10, "left")
    assert [event["event"] for event in events if event["event"] != "frame"][:3] == ["lost", "lost", "back"]
    assert "edgeready-device: camera '0' fails (Camera frontend has timed out): check its cable and settings" in err
    assert "rpicam-hello lists the cameras" in err
    log = (tmp_path / "log").read_text().splitlines()
    start_again = ["open 0", "BGR888 (2, 2)", "start"]
    assert log[:8] == [*start_again, "close", "open 0", *start_again]
    assert log[-1] == "close"


def test_a_driver_that_hangs_does_not_keep_the_process(start):
    child = start("0", camera="['hang']", stall_s=0.2)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (3, "")
    assert err.startswith("edgeready-device: camera '0' hangs in its driver, which only a new process gets over: ")


def test_a_driver_that_hangs_after_a_while_ends_it_too(start):
    child = start("0", "--jsonl", "--changes", camera="['stick']", stall_s=0.5)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, parsed(out.splitlines())[0]["label"]) == (3, "left")
    assert "hangs in its driver" in err


def test_the_camera_can_be_named_as_in_classify(run, complete, film):
    path = film(LEFT)
    assert run(complete(), "--camera", path, "--json")[0] == 0
    code, out, err = run(complete(), path, "--camera", path)
    assert (code, out, err) == (2, [], [f"--camera and {path}: give one of the two"])


def test_a_path_is_never_a_camera(complete, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "0").mkdir()
    save(tmp_path / "0", "a.npy", LEFT)
    events = list(watch(Model.load(complete()), Path("0"), count=1))
    assert (events[0].name, events[0].label) == ("0/a.npy", "left")


def test_a_folder_that_is_called_like_a_camera_is_none(run, complete, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "0").mkdir()
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert run(complete(), "0")[0] == 6
    save(tmp_path / "0", "a.npy", LEFT)
    assert run(complete(), "./0", "--count", 1)[0] == 0


def test_a_camera_that_gives_another_size_is_said(start):
    child = start("0", "--size", "640x480", "--count", 1, camera="[100]")
    _, err = child.communicate(timeout=60)
    assert child.returncode == 0
    assert "edgeready-device: camera '0' gives 2x2 in place of 640x480\n" in err


# -- how it ends -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_signal_ends_it_with_a_summary_and_its_code(start, number, code):
    child = start("0", "--jsonl", camera="[1000000]")
    first = child.stdout.readline()
    child.send_signal(number)
    events = parsed([first, *child.stdout])
    err = child.stderr.read()
    assert (child.wait(60), events[-1]["event"]) == (code, "end")
    assert events[-1]["analyzed"] == len(events) - 1
    assert err.startswith(f"edgeready-device: {len(events) - 1} frames in ")
    assert err.count("\n") == 1


def test_a_signal_ends_it_although_a_driver_hangs(start):
    child = start("0", "--jsonl", camera="['stick']", stall_s=60)
    while json.loads(child.stdout.readline())["frame"] < 15:
        pass
    begin = time.monotonic()
    child.terminate()
    assert (child.wait(60), json.loads(child.stdout.readlines()[-1])["event"]) == (143, "end")
    assert time.monotonic() - begin < 5


def test_a_process_that_is_killed_leaves_whole_lines(start, tmp_path):
    with open(tmp_path / "out", "w") as target:
        child = start("0", "--jsonl", camera="[1000000]", stdout=target)
        while (tmp_path / "out").stat().st_size < 20_000:
            time.sleep(0.01)
        child.kill()
        child.wait(60)
    text = (tmp_path / "out").read_text()
    assert (child.returncode, text[-1]) == (-signal.SIGKILL, "\n")
    assert [event["frame"] > 0 for event in parsed(text.splitlines())].count(False) == 0


def test_a_signal_while_nothing_comes_ends_it_too(start, folder):
    child = start(folder, "--on", "left", "true", stderr=subprocess.DEVNULL)
    save(folder, "a.npy", LEFT)
    assert "left" in child.stdout.readline()
    begin = time.monotonic()
    child.terminate()
    assert child.wait(60) == 143
    assert time.monotonic() - begin < 2


def test_a_reader_that_goes_away_ends_it_although_no_line_is_due(start, folder):
    child = start(folder)
    save(folder, "a.npy", LEFT)
    assert "left" in child.stdout.readline()
    child.stdout.close()
    assert (child.wait(60), child.stderr.read()) == (0, "")


def test_an_action_runs_while_frames_go_on(run, complete, film, tmp_path):
    path = film(*[LEFT] * 5, *[RIGHT] * 8)
    (tmp_path / "x.py").write_text("import sys, time; time.sleep(0.05); open(sys.argv[1], 'a').write(sys.argv[2])")
    action = f"{sys.executable} {tmp_path / 'x.py'} {tmp_path / 'log'} {{label}}"
    code, out, err = run("--on", "left", action, complete(), path, "--on", "right", "false", "--top", 1)
    assert (code, len(out), (tmp_path / "log").read_text()) == (0, 2, "left")
    assert sorted(err)[0] == "--on right false ended with exit code 1"


# -- what cannot be meant --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("none.avi",), 4, "no camera or video 'none.avi': give a camera's number (ls /dev/video*), picamera2, "),
        (("picamera2:x",), 2, "the camera is 'picamera2:x': give a number from 0 to 999, as 0 or picamera2:1"),
        (("0", "--size", "640"), 2, "the size is '640': give width and height, as 640x480"),
        (("0", "--size", "0x0"), 2, "the size is 0x0: give sides from 1 to 16384, as 640x480"),
        ((".", "--size", "640x480"), 2, "--size does not fit the folder '.': leave it out"),
        ((".", "--loop"), 2, "--loop does not fit the folder '.': leave it out"),
        (("0", "--loop"), 2, "--loop does not fit camera '0': leave it out"),
        (("0", "--new-only"), 2, "--new-only does not fit camera '0': leave it out"),
        ((".", "--rotate", "45"), 2, "rotate is 45: give 0, 90, 180 or 270 degrees, clockwise"),
        ((".", "--interval", "-1"), 2, "the interval is -1 s: give 0 to 86400 seconds"),
        ((".", "--interval", "nan"), 2, "the interval is nan s: give 0 to 86400 seconds"),
        ((".", "--smooth", "0"), 2, "smooth is 0: give 1 to 10000 frames"),
        ((".", "--hold", "0"), 2, "hold is 0: give 1 to 10000 frames"),
        ((".", "--margin", "2"), 2, "the margin is 2: give a score from 0 to 1"),
        ((".", "--threshold", "nan"), 2, "the threshold is nan: give a score from 0 to 1"),
        ((".", "--count", "-1"), 2, "the count of frames is -1: give 1 or more, or 0 for no end"),
        ((".", "--top", "0"), 2, "top is 0: ask for at least 1 label"),
        ((".", "--json", "--jsonl"), 2, "--json writes one document at the end: take --jsonl for a line a frame"),
        ((".", "--on", "kat", "true"), 2, "--on kat: the model has no such label; its labels are left, right, both"),
        ((".", "--on", "left", "no-such-program"), 4, "--on left: no program 'no-such-program'"),
        ((".", "--on", "left"), 2, "argument --on: expected 2 arguments"),
    ],
)
def test_a_line_that_cannot_be_meant_is_one_line(run, complete, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    found, out, err = run(complete(), *arguments)
    assert (found, out, len(err)) == (code, [], 1)
    assert err[0].startswith(message)


def test_a_camera_that_is_not_there_ends_it_at_once(start):
    child = start("0", camera="[None]")
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (4, "")
    assert err == (
        "edgeready-device: camera '0' cannot be opened: see ls /dev/video* for the numbers, and whether another "
        "program holds it\n"
    )


def test_without_a_camera_module_it_is_6(run, complete, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    code, out, err = run(complete(), "0")
    assert (code, out) == (6, [])
    assert "python3 -m venv --system-site-packages" in err[0]


def test_a_file_that_is_no_video_is_bad_input(run, complete, tmp_path):
    pytest.importorskip("cv2", reason="OpenCV is not installed here")
    for data in (b"text" * 99, b"RIFF\x10\x10\0\0AVI LISTxxxxjunk" * 9, b""):
        (tmp_path / "x.mp4").write_bytes(data)
        code, out, err = run(complete(), tmp_path / "x.mp4")
        assert (code, out) == (3, [])
        assert err == [
            f"video '{tmp_path}/x.mp4' cannot be opened: it is damaged, or in a format that OpenCV does not read"
        ]


@pytest.mark.parametrize("option", [("--realtime",), ("--interval", "1")])
def test_a_video_that_states_no_frame_rate_has_no_time(start, tmp_path, option):
    (tmp_path / "x.avi").write_bytes(b"film")
    child = start(tmp_path / "x.avi", *option, camera="[9]")
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (3, "")
    assert err == (
        f"edgeready-device: video '{tmp_path}/x.avi' states no frame rate: leave out --realtime and --interval\n"
    )
