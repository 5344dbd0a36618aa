"""`watch`: labels the frames of a camera, a video or a folder as they come."""

from __future__ import annotations

import argparse
import os
import re
import select
import signal
import stat
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from edgeready_device.commands.detect import add_detection_options, add_head_options, open_detector
from edgeready_device.commands.options import (
    add_description_options,
    add_threads_option,
    add_verb,
    open_classifier,
    read_file,
)
from edgeready_device.commands.terminal import say, say_stage, shows_counters, write_json, write_line
from edgeready_device.errors import UsageError
from edgeready_device.standard_streams import write_message, write_output

if TYPE_CHECKING:
    from edgeready_device.model_file.reader import TfliteModel
    from edgeready_device.watching.actions import Actions
    from edgeready_device.watching.loop import LoopOptions
    from edgeready_device.watching.objects import Detected, ObjectEvent
    from edgeready_device.watching.source import Source
    from edgeready_device.watching.watch import Event, Labelled

# Options, by their names, that only one of the two kinds of models takes.
_OF_LABELS = {
    "top": "--top",
    "smooth": "--smooth",
    "margin": "--margin",
    "crop": "--crop",
    "scores": "--scores",
}
_OF_OBJECTS = {
    "iou": "--iou",
    "most": "--max",
    "head": "--head",
    "boxes": "--boxes",
    "label_offset": "--label-offset",
}
_CHECK_S = 1.0  # chosen: how long after its reader the command ends where no line is due
_STATUS_S = 0.25  # chosen: a terminal's line that changes more often cannot be read
# Windows has no SIGHUP; the command itself does not run there, but says so.
_SIGNALS: tuple[int, ...] = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


def add(verbs: Any) -> None:
    """Declares `watch` and its options."""
    summary = "labels, or finds objects in, the frames of a camera, a video or a folder that fills, as they come"
    parser = add_verb(verbs, "watch", run, summary=summary, opens=True)
    parser.add_argument(
        "source",
        nargs="?",
        metavar="SOURCE",
        help="a camera's number, picamera2[:N], an address (rtsp://...), a video file, or a folder (default: the "
        "first camera)",
    )
    add_threads_option(parser)
    parser.add_argument("--jsonl", action="store_true", help="write a line of JSON for each image, as it is done")
    parser.add_argument("--changes", action="store_true", help="write only the frames at which the label changes")
    _add_source_options(parser)
    _add_label_options(parser)
    group = parser.add_argument_group("the objects, of a detector")
    add_detection_options(group)
    parser.add_argument(
        "--on",
        nargs=2,
        action="append",
        default=[],
        metavar=("LABEL", "COMMAND"),
        help="run COMMAND, without a shell, when LABEL appears ('*': at every change); {label}, {previous}, {score}, "
        "{time} and {frame} in it are filled in, and EDGEREADY_LABEL and so on are set; may be given again",
    )
    add_description_options(parser)
    add_head_options(parser)


def _add_source_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the source")
    group.add_argument(
        "--camera",
        nargs="?",
        const="auto",
        metavar="SOURCE",
        help="take frames of a camera: its number, picamera2, or a video file (default: the first camera)",
    )
    group.add_argument("--size", metavar="WxH", help="ask the camera for this size, as 640x480")
    group.add_argument(
        "--rotate", type=int, default=0, metavar="DEGREES", help="turn each frame clockwise: 0, 90, 180 or 270"
    )
    group.add_argument(
        "--interval",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="the least time between two frames, in a video that of the film (default 0)",
    )
    group.add_argument(
        "--realtime",
        action="store_true",
        help="of a video or a folder, too, take only the newest frame; a video runs at its own speed",
    )
    group.add_argument("--loop", action="store_true", help="start a video again at its end")
    group.add_argument("--new-only", action="store_true", help="leave out what the folder holds at the start")
    group.add_argument("--count", type=int, default=0, metavar="N", help="end after N frames (default: no end)")


def _add_label_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the label")
    group.add_argument("--top", type=int, metavar="N", help="labels of each image (default 3)")
    group.add_argument(
        "--threshold",
        type=float,
        metavar="SCORE",
        help="leave out labels, or objects, below this score, from 0 to 1 (default 0, of objects 0.3)",
    )
    group.add_argument(
        "--smooth", type=int, metavar="N", help="score the mean of the last N frames (default 5; of a folder 1)"
    )
    group.add_argument(
        "--hold",
        type=int,
        metavar="N",
        help="change the label when another one has led in N frames in a row (default 3; of a folder, or with an "
        "--interval of a second or more, 1, and so --smooth)",
    )
    group.add_argument(
        "--keep-state", action="store_true", help="let a recurrent model remember the frames before, as of a stream"
    )
    group.add_argument(
        "--margin",
        type=float,
        metavar="SCORE",
        help="how much more another label must score to lead (default 0.1)",
    )


def run(options: argparse.Namespace) -> int:
    """Labels frames until the source ends or a signal comes, and returns the exit code."""
    import edgeready_device.report.watch  # noqa: F401  (before the first frame, which would wait for it)
    from edgeready_device.images.camera import AUTO
    from edgeready_device.watching.actions import Actions, parse_action
    from edgeready_device.watching.capture import is_capturing
    from edgeready_device.watching.loop import LoopOptions, SourceHangs
    from edgeready_device.watching.source import SourceOptions, choose_source

    if options.json and options.jsonl:
        raise UsageError("--json writes one document at the end: take --jsonl for a line a frame")
    if options.source is not None and options.camera is not None:
        raise UsageError(f"--camera and {options.source}: give one of the two")
    source = choose_source(
        options.camera or options.source or AUTO,
        SourceOptions(
            size=_parse_size(options.size),
            realtime=options.realtime,
            loop=options.loop,
            interval_s=options.interval,
            new_only=options.new_only,
        ),
    )
    loop = LoopOptions(rotate=options.rotate, count=options.count)
    start, labels = _open_analysis(options, source, loop)
    actions = Actions([parse_action(label, command, labels) for label, command in options.on])
    watcher = _Watcher(options, source, actions)
    say_stage(f"looks at {source.name}")
    events = start(stop=watcher.stop)
    try:
        with _signals(watcher), closing(watcher), closing(events):
            for event in events:
                watcher.show(event)
    except SourceHangs as error:
        say(str(error))
        watcher.code = error.exit_code
    if is_capturing():  # in a driver that hangs, whose own threads would keep the process from ending
        write_output()
        os._exit(watcher.code)
    return watcher.code


def _open_analysis(options: argparse.Namespace, source: Source, loop: LoopOptions) -> tuple[Any, tuple[str, ...]]:
    """Returns what starts the loop, of a classifier or a detector, and the labels of the model."""
    from edgeready_device.detection.head import gives_boxes

    file = read_file(options)  # once: it may be a pipe
    boxes = options.output is None and gives_boxes(file.graph)  # a classifier may give a map of features besides
    others = _OF_LABELS if boxes else _OF_OBJECTS
    misplaced = [name for name in others if getattr(options, name) is not None]
    if misplaced:
        kind, other = ("finds objects", "labels of frames") if boxes else ("labels frames", "objects")
        option = others[misplaced[0]]
        raise UsageError(f"{option} is for {other}, and {options.model} {kind}: leave {option} out")
    if boxes and options.keep_state:
        raise UsageError(
            f"--keep-state is for labels of frames, and {options.model} finds objects: leave --keep-state out"
        )
    return (_open_objects if boxes else _open_labels)(options, file, source, loop=loop)


def _open_labels(
    options: argparse.Namespace, file: TfliteModel, source: Source, *, loop: LoopOptions
) -> tuple[Any, tuple[str, ...]]:
    from edgeready_device.watching.smoothing import MARGIN
    from edgeready_device.watching.watch import Labelling, choose_steadiness, label_frames

    steadiness = choose_steadiness(
        source,
        smooth=options.smooth,
        hold=options.hold,
        margin=MARGIN if options.margin is None else options.margin,
        threshold=options.threshold or 0.0,
    )
    model = open_classifier(options, file)
    labelling = Labelling(model, steadiness, top=3 if options.top is None else options.top)
    return partial(label_frames, source, labelling, loop), model.labels


def _open_objects(
    options: argparse.Namespace, file: TfliteModel, source: Source, *, loop: LoopOptions
) -> tuple[Any, tuple[str, ...]]:
    from edgeready_device.watching.objects import choose_detect_options, detect_frames

    limits = choose_detect_options(
        source, threshold=options.threshold, iou=options.iou, most=options.most, hold=options.hold
    )
    detector = open_detector(options, file)
    source.reduce_to((detector.contract.input.height, detector.contract.input.width), loop.rotate)
    return partial(detect_frames, source, detector, limits, loop=loop), detector.labels


def _parse_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,6})[xX]([0-9]{1,6})", text)
    if match is None:
        raise UsageError(f"the size is {text!r}: give width and height, as 640x480")
    return int(match[1]), int(match[2])


class _Watcher:
    """Shows events as the options ask, runs the actions, and knows when to stop."""

    def __init__(self, options: argparse.Namespace, source: Source, actions: Actions) -> None:
        self._options, self._source, self._actions = options, source, actions
        self._status = _StatusLine()
        self._next_check = 0.0
        self._lacks_label: bool | None = None  # None until there is a frame of a classifier
        self.code = 0  # 128 and the number of the signal that ended it

    def stop(self) -> bool:
        """Looks after the actions and the reader; returns whether a signal came."""
        self._say_all(self._actions.update())
        if time.monotonic() >= self._next_check:
            self._next_check = time.monotonic() + _CHECK_S
            _check_reader()
        return self.code != 0

    def show(self, event: Event | ObjectEvent) -> None:
        """Writes what the options ask for of `event`, and starts its actions."""
        from edgeready_device.report.watch import source_text, summary_json, summary_text, watch_json
        from edgeready_device.watching.loop import Ended
        from edgeready_device.watching.objects import Detected
        from edgeready_device.watching.watch import Labelled

        options = self._options
        if isinstance(event, Labelled):
            self._lacks_label = self._lacks_label is not False and not event.changed
        if isinstance(event, (Labelled, Detected)):
            self._show_frame(event)
            self._say_all(self._actions.trigger(event))
            return
        if options.jsonl and not options.changes:
            write_json(watch_json(event))
        if isinstance(event, Ended):
            if options.json:
                write_json(summary_json(event.summary))
            self._say_all([summary_text(event.summary)])
            if self._lacks_label and not self.code:
                self._say_all(["no frame had a label: none led in --hold frames in a row and reached --threshold"])
        else:
            self._say_all([source_text(event, self._source.name)])

    def close(self) -> None:
        """Waits for the actions that run, not for long."""
        self._say_all(self._actions.close())

    def _show_frame(self, event: Labelled | Detected) -> None:
        from edgeready_device.report.watch import frame_text, status_text, watch_json

        options = self._options
        # As text, a stream's frames are one line a label; each file of a folder has its own.
        only_changes = options.changes or not (options.jsonl or event.name)
        if not options.json and (event.changed or not only_changes):
            self._status.clear()
            if options.jsonl:
                write_json(watch_json(event))
            else:
                write_line(frame_text(event))
        self._status.show(lambda: status_text(event))

    def _say_all(self, lines: list[str]) -> None:
        if lines:
            self._status.clear()
        for line in lines:
            say(line)


class _StatusLine:
    """The last line of a terminal, which changes in its place; nothing where standard error is no terminal."""

    def __init__(self) -> None:
        self._is_terminal = shows_counters()
        self._next = 0.0

    def show(self, text: Any) -> None:
        """Shows the text that `text` returns, a few times a second at most."""
        if self._is_terminal and time.monotonic() >= self._next:
            self._next = time.monotonic() + _STATUS_S
            write_message(f"\r{text()}\033[K")

    def clear(self) -> None:
        """Makes room for a line that stays."""
        if self._is_terminal:
            write_message("\r\033[K")


@contextmanager
def _signals(watcher: _Watcher) -> Iterator[None]:
    """Lets a signal end the loop after its frame; a second one ends the process at once."""
    if threading.current_thread() is not threading.main_thread():  # no other thread may set handlers
        yield
        return
    before: dict[int, Any] = {number: signal.getsignal(number) for number in _SIGNALS}

    def end(number: int, frame: object) -> None:
        watcher.code = 128 + number
        signal.signal(number, before[number])

    for number in _SIGNALS:
        if before[number] != signal.SIG_IGN:  # as of a process in the background
            signal.signal(number, end)
    try:
        yield
    finally:
        for number in _SIGNALS:
            signal.signal(number, before[number])


def _check_reader() -> None:
    """Raises BrokenPipeError when standard output is a pipe whose reader is gone: no line may be due for hours."""
    if sys.stdout is None or sys.stdout is not sys.__stdout__ or not hasattr(select, "poll"):
        return
    try:
        if not stat.S_ISFIFO(os.fstat(1).st_mode):
            return
    except OSError:
        return
    poll = select.poll()
    poll.register(1, 0)
    if any(state & select.POLLERR for _, state in poll.poll(0)):
        raise BrokenPipeError
