"""How the events of the live loop look, and the line of a terminal that changes in its place."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import numpy as np

from edgeready_device.postprocess import Prediction
from edgeready_device.report.watch import frame_text, source_text, status_text, summary_text, watch_json
from edgeready_device.watching.frame import Back, Lost, Notice
from edgeready_device.watching.loop import Ended, Unusable
from edgeready_device.watching.rates import Summary
from edgeready_device.watching.watch import Labelled

SUMMARY = Summary(
    seconds=10.0,
    captured=300,
    analyzed=99,
    dropped=200,
    unusable=1,
    losses=2,
    latency_median_s=0.0405,
    latency_p95_s=0.25,
)


def labelled(**fields) -> Labelled:
    values = {
        "time": 1.5,
        "number": 7,
        "name": "",
        "picture": np.zeros((1, 1, 3), np.uint8),
        "size": (1, 1),
        "label": "cat",
        "score": 0.9125,
        "previous": None,
        "changed": True,
        "predictions": (Prediction("cat", 0, 0.9125),),
        "latency_s": 0.04,
        "analysis_s": 0.03,
        "analyzed_per_s": 14.876,
        "captured_per_s": 29.991,
        "dropped": 3,
    }
    return Labelled(**{**values, **fields})


def test_a_frame_as_data():
    assert watch_json(labelled()) == {
        "event": "frame",
        "time": "1970-01-01T00:00:01.500Z",
        "frame": 7,
        "label": "cat",
        "score": 0.9125,
        "previous": None,
        "changed": True,
        "predictions": [{"label": "cat", "index": 0, "score": 0.9125}],
        "latency_ms": 40.0,
        "analysis_ms": 30.0,
        "frames_per_s": 14.88,
        "captured_per_s": 29.99,
        "dropped": 3,
    }
    assert watch_json(labelled(name="in/a.jpg"))["image"] == "in/a.jpg"
    assert watch_json(labelled(analyzed_per_s=None))["frames_per_s"] is None


def test_what_happens_to_a_source_as_data():
    moment = {"time": "1970-01-01T00:00:02.000Z"}
    assert watch_json(Lost(2.0, "gone", 1.0)) == {"event": "lost", **moment, "error": "gone", "retry_s": 1.0}
    assert watch_json(Back(2.0, 3.25)) == {"event": "back", **moment, "after_s": 3.25}
    assert watch_json(Notice(2.0, "smaller")) == {"event": "notice", **moment, "message": "smaller"}
    unusable = {"event": "unusable", **moment, "frame": 4, "image": "in/b.jpg", "error": "damaged"}
    assert watch_json(Unusable(2.0, 4, "in/b.jpg", "damaged")) == unusable


def test_the_end_as_data():
    assert watch_json(Ended(2.0, SUMMARY)) == {
        "event": "end",
        "time": "1970-01-01T00:00:02.000Z",
        "seconds": 10.0,
        "captured": 300,
        "analyzed": 99,
        "dropped": 200,
        "unusable": 1,
        "losses": 2,
        "frames_per_s": 9.9,
        "latency_ms": {"median": 40.5, "p95": 250.0},
    }


def test_events_as_text():
    assert frame_text(labelled()) == "1970-01-01T00:00:01.500Z  cat 91.2 %  (14.9 frames/s, latency 40 ms)"
    assert frame_text(labelled(label=None, score=None, analyzed_per_s=None)) == (
        "1970-01-01T00:00:01.500Z  no label  (latency 40 ms)"
    )
    assert frame_text(labelled(name="in/a.jpg")) == "in/a.jpg: cat 91.2 %"
    assert status_text(labelled()) == "14.9 of 30.0 frames/s, latency 40 ms, 3 dropped: cat 91.2 %"
    assert source_text(Lost(0, "camera '0' is lost", 0.5), "x") == "camera '0' is lost; trying again in 500 ms"
    assert source_text(Back(0, 2.5), "camera '0'") == "camera '0' gives frames again, after 2.5 s"
    assert source_text(Notice(0, "smaller"), "x") == "smaller"
    assert summary_text(SUMMARY) == (
        "99 frames in 10 s (9.9 frames/s), 200 dropped, 1 unusable, lost 2 times, "
        "latency 40.5 ms, of 95 % at most 250 ms"
    )


def test_a_run_without_frames_has_a_summary_too():
    empty = Summary(0.0, 0, 0, 0, 0, losses=1, latency_median_s=None, latency_p95_s=None)
    assert summary_text(empty) == "0 frames in 0 µs, 0 dropped, lost once"
    assert watch_json(Ended(0, empty))["latency_ms"] == {"median": None, "p95": None}


def test_a_label_cannot_control_the_terminal():
    assert "\x1b" not in frame_text(labelled(label="\x1b[2Jcat"))
    assert "\x1b" not in status_text(labelled(label="\x1b[2Jcat"))


def test_a_terminal_shows_the_state_in_one_line_that_gives_way_to_others(complete, tmp_path):
    for number, value in enumerate((250, 0)):
        np.save(tmp_path / f"{number}.npy", np.array([[value, 250 - value], [0, 0]], np.uint8))
        os.utime(tmp_path / f"{number}.npy", (number, number))
    command = [sys.executable, "-m", "edgeready_device", "watch", str(complete()), str(tmp_path), "--count", "2"]
    controller, terminal = pty.openpty()
    with subprocess.Popen(command, stdout=terminal, stderr=terminal, close_fds=True) as child:
        os.close(terminal)
        shown = b""
        while True:
            try:
                data = os.read(controller, 4096)
            except OSError:  # the process has ended
                break
            if not data:
                break
            shown += data
    os.close(controller)
    assert child.returncode == 0
    lines = shown.decode().replace("\r\n", "\n").split("\n")
    clear = "\r\x1b[K"
    assert lines[0] == f"{clear}{tmp_path}/0.npy: left 100.0 %, both 0.0 %, right 0.0 %"
    state, line = lines[1].split(clear)
    assert re.fullmatch(r"\rlatency [\d.]+ .{1,2}s?, 0 dropped: left 100\.0 %\x1b\[K", state)
    assert line.startswith(f"{tmp_path}/1.npy: right 100.0 %")
    assert lines[2].startswith(f"{clear}edgeready-device: 2 frames in ")
