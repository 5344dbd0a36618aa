"""The capture thread and the loop: the newest frame, lost sources, drivers that hang."""

from __future__ import annotations

import threading
import time
import weakref

import numpy as np
import pytest

from edgeready_device.errors import ImageError, NotFoundError, RuntimeUnavailableError
from edgeready_device.watching import capture, loop
from edgeready_device.watching.capture import Retry, is_capturing
from edgeready_device.watching.frame import Back, End, Frame, Lost, Notice, Shot
from edgeready_device.watching.loop import Analyzed, Ended, LoopOptions, SourceHangs, analyze_frames
from edgeready_device.watching.slot import Slot
from edgeready_device.watching.source import Source

QUICK = Retry(first_s=0.01, most_s=0.03)


def shot(number: int, **fields) -> Shot:
    return Shot(time.monotonic(), np.full((2, 2, 3), number % 256, np.uint8), **fields)


def frame(number: int, *, is_live: bool = True) -> Frame:
    return Frame(number, 0.0, shot(number, is_live=is_live))


class Reader:
    """Gives the items of a list: a number is a frame, an error is raised, a function is called first."""

    def __init__(self, items, notices=(), is_live=False):
        self.items, self.notices, self.closed, self.is_live = list(items), list(notices), 0, is_live

    def read(self, stop):
        if not self.items:
            return None
        item = self.items.pop(0)
        if isinstance(item, Exception):
            raise item
        return shot(item, is_live=self.is_live) if isinstance(item, int) else item(stop)

    def take_notices(self):
        notices, self.notices = self.notices, []
        return notices

    def close(self):
        self.closed += 1


def source(*readers, **fields) -> Source:
    """A source that opens as each of `readers` in turn: a Reader, or an error that opening raises."""
    waiting = list(readers)

    def open_next():
        reader = waiting.pop(0)
        if isinstance(reader, Exception):
            raise reader
        return reader

    return Source("camera", "camera '0'", open=open_next, **fields)


def run(place: Source, analyze=lambda pixels: int(pixels[0, 0, 0]), retry=QUICK, **options) -> list:
    return list(analyze_frames(place, analyze, LoopOptions(**options), retry=retry))


def results(events) -> list[int]:
    return [event.result for event in events if isinstance(event, Analyzed)]


# -- the slot --------------------------------------------------------------------------------------------------


def test_the_newest_frame_takes_the_place_of_the_one_that_waits():
    slot, stop = Slot(), threading.Event()
    for number in (1, 2, 3):
        slot.put(frame(number), stop)
    assert slot.take(0).number == 3
    assert slot.take(0) is None


def test_messages_are_never_lost_and_keep_their_order():
    slot, stop = Slot(), threading.Event()
    lost, back, end = Lost(0, "x", 1), Back(0, 1), End()
    slot.put(frame(1), stop)
    slot.announce(lost)
    slot.announce(back)
    slot.put(frame(2), stop)
    slot.put(frame(3), stop)
    slot.announce(end)
    items = [slot.take(0) for _ in range(6)]
    assert [items[0].number, *items[1:3], items[3].number, *items[4:]] == [1, lost, back, 3, end, None]


def test_every_frame_waits_for_the_one_before_it_to_be_taken():
    slot, stop = Slot(), threading.Event()
    thread = threading.Thread(target=lambda: [slot.put(frame(number, is_live=False), stop) for number in range(50)])
    thread.start()
    assert [slot.take(5).number for _ in range(50)] == list(range(50))
    thread.join(5)
    assert not thread.is_alive()


def test_a_frame_that_waits_is_given_up_when_it_has_to_stop():
    slot, stop = Slot(), threading.Event()
    slot.put(frame(1), stop)
    thread = threading.Thread(target=lambda: slot.put(frame(2, is_live=False), stop))
    thread.start()
    stop.set()
    slot.wake()
    thread.join(5)
    assert (thread.is_alive(), slot.take(0).number, slot.take(0)) == (False, 1, None)


def test_a_frame_can_be_left_while_messages_are_taken():
    slot, stop = Slot(), threading.Event()
    notice = Notice(0, "x")
    slot.announce(notice)
    slot.put(frame(1), stop)
    assert slot.take(0, frames=False) == notice
    assert slot.take(0.01, frames=False) is None
    assert slot.take(0).number == 1


# -- the newest frame ------------------------------------------------------------------------------------------


def test_a_slow_model_gets_the_newest_frame_and_the_others_are_counted():
    """A camera gives nine frames while the model looks at the first."""
    busy, full = threading.Event(), threading.Event()

    def wait_for_the_model(stop):
        assert busy.wait(5)
        return shot(2, is_live=True)

    def last(stop):
        full.set()
        time.sleep(0.02)  # so that the one before is in the slot
        return None

    def analyze(pixels):
        busy.set()
        assert full.wait(5)
        time.sleep(0.05)
        return int(pixels[0, 0, 0])

    reader = Reader([1, wait_for_the_model, *range(3, 11), last], is_live=True)
    events = run(source(reader), analyze)
    assert results(events) == [1, 10]
    assert [(event.frame.number, event.dropped) for event in events[:2]] == [(1, 0), (10, 8)]
    assert (events[2].summary.captured, events[2].summary.analyzed, events[2].summary.dropped) == (10, 2, 8)
    assert reader.closed == 1


def test_latency_counts_from_the_capture_and_analysis_from_the_models_turn():
    def analyze(pixels):
        time.sleep(0.03)

    old = Shot(time.monotonic() - 5, np.zeros((2, 2, 3), np.uint8))
    event = run(source(Reader([lambda stop: old])), analyze)[0]
    assert 5.03 <= event.latency_s < 6
    assert 0.03 <= event.analysis_s < 1
    assert time.time() - 7 < event.frame.time < time.time() - 4.9


# -- lost and found --------------------------------------------------------------------------------------------


def test_a_lost_camera_is_opened_again_with_a_growing_pause():
    gone = ImageError("camera '0' is lost")
    readers = [Reader([1, gone]), *[NotFoundError("no camera")] * 3, Reader([2, 3, gone]), Reader([4])]
    events = run(source(*readers, reconnects=True))
    assert results(events) == [1, 2, 3, 4]
    losses = [(event.message, event.pause_s) for event in events if isinstance(event, Lost)]
    assert losses == [
        ("camera '0' is lost", 0.01),
        ("no camera", 0.02),
        ("no camera", 0.03),
        ("no camera", 0.03),
        ("camera '0' is lost", 0.01),
    ]
    kinds = [type(event).__name__ for event in events]
    assert kinds == ["Analyzed", *["Lost"] * 4, "Back", "Analyzed", "Analyzed", "Lost", "Back", "Analyzed", "Ended"]
    assert events[-1].summary.losses == 5
    assert [event.frame.number for event in events if isinstance(event, Analyzed)] == [1, 2, 3, 4]


def test_a_source_that_never_gave_a_frame_is_a_mistake_and_not_waited_for():
    with pytest.raises(NotFoundError, match="no camera"):
        run(source(NotFoundError("no camera"), Reader([1]), reconnects=True))
    with pytest.raises(ImageError, match="gives no picture"):
        run(source(Reader([ImageError("gives no picture")]), Reader([1]), reconnects=True))


def test_a_source_that_cannot_come_back_ends_the_loop_with_its_error():
    reader = Reader([1, ImageError("damaged")])
    with pytest.raises(ImageError, match="damaged"):
        run(source(reader))
    assert reader.closed == 1


def test_a_package_that_is_missing_is_not_waited_for():
    with pytest.raises(RuntimeUnavailableError, match="no OpenCV"):
        run(source(Reader([1, RuntimeUnavailableError("no OpenCV")]), Reader([2]), reconnects=True))


def test_what_the_source_notices_is_an_event():
    events = run(source(Reader([1], notices=["smaller than asked for"])))
    assert [getattr(event, "message", event) for event in events[:1]] == ["smaller than asked for"]


def test_a_driver_that_hangs_ends_the_loop(monkeypatch):
    monkeypatch.setattr(loop, "_FAREWELL_S", 0.05)
    release = threading.Event()
    reader = Reader([1, lambda stop: release.wait(10) and None])
    start = time.monotonic()
    try:
        with pytest.raises(SourceHangs, match="camera '0' hangs in its driver") as caught:
            run(source(reader, may_hang=True), retry=Retry(stall_s=0.05))
    finally:
        release.set()
        while is_capturing():
            time.sleep(0.001)
    assert caught.value.exit_code == 3
    assert time.monotonic() - start < 5


def test_time_in_which_the_process_was_stopped_is_no_stall(monkeypatch):
    place = source(Reader([]), may_hang=True)
    watched = capture.Capture(place, Slot(), Retry(stall_s=40))
    now = [1000.0]
    monkeypatch.setattr(capture.time, "monotonic", lambda: now[0])
    watched._last_check = watched._awake_since = watched._busy_since = 1000.0
    stalls = []
    for seconds in (4, 4, 600, *[4] * 11):  # stopped with Ctrl-Z for ten minutes
        now[0] += seconds
        stalls.append(watched.check_stall())
    assert stalls == [*[False] * 13, True]


def test_a_loop_that_is_left_lets_go_of_its_source():
    reader = Reader(range(100))
    events = analyze_frames(source(reader), lambda pixels: 0, LoopOptions())
    next(events)
    events.close()
    assert reader.closed == 1
    assert not is_capturing()


def test_an_error_of_the_model_lets_go_of_the_source_too():
    def analyze(pixels):
        raise ZeroDivisionError

    reader = Reader(range(100))
    with pytest.raises(ZeroDivisionError):
        run(source(reader), analyze)
    assert reader.closed == 1


def test_a_loop_that_waits_for_a_lost_camera_can_be_told_to_stop():
    told = []
    place = source(Reader([1, ImageError("lost")]), reconnects=True)
    events = analyze_frames(
        place, lambda pixels: 0, LoopOptions(), stop=lambda: bool(told), retry=Retry(first_s=60, most_s=60)
    )
    start = time.monotonic()
    kinds = []
    for event in events:
        kinds.append(type(event))
        told += [1] if isinstance(event, Lost) else []
    assert kinds == [Analyzed, Lost, Ended]
    assert time.monotonic() - start < 5


# -- weeks -----------------------------------------------------------------------------------------------------


def test_nothing_is_kept_of_frames_that_are_done():
    """A frame that anyone holds after its turn would be counted here."""
    references = []

    class Pixels(np.ndarray):
        pass

    def give(stop):
        pixels = np.zeros((2, 2, 3), np.uint8).view(Pixels)
        references.append(weakref.ref(pixels))
        return Shot(time.monotonic(), pixels)

    most = 0
    for _ in analyze_frames(source(Reader([give] * 500)), lambda pixels: None, LoopOptions()):
        most = max(most, sum(reference() is not None for reference in references))
    assert most <= 5
