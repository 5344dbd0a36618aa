"""The events of the live loop, as lines of text and of JSON."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from edgeready_device.detection.boxes import Detection, scale_detections
from edgeready_device.report.detections import detections_text, objects_json
from edgeready_device.report.predictions import classify_text
from edgeready_device.text import duration, plain, time_text
from edgeready_device.watching.frame import Back, Lost, Notice
from edgeready_device.watching.loop import Ended, Unusable
from edgeready_device.watching.objects import Detected
from edgeready_device.watching.rates import Summary
from edgeready_device.watching.watch import Labelled

if TYPE_CHECKING:
    from edgeready_device.watching.objects import ObjectEvent
    from edgeready_device.watching.watch import Event


def watch_json(event: Event | ObjectEvent) -> dict[str, Any]:
    """Returns an event as plain data; `event` says which it is."""
    if isinstance(event, Labelled):
        return _labelled_json(event)
    if isinstance(event, Detected):
        return _detected_json(event)
    if isinstance(event, Ended):
        return {"event": "end", "time": time_text(event.time), **summary_json(event.summary)}
    if isinstance(event, Unusable):
        image = {"image": event.name} if event.name else {}
        return {"event": "unusable", **_moment(event.time, event.number), **image, "error": event.message}
    if isinstance(event, Lost):
        return {
            "event": "lost",
            "time": time_text(event.time),
            "error": event.message,
            "retry_s": round(event.pause_s, 3),
        }
    if isinstance(event, Back):
        return {"event": "back", "time": time_text(event.time), "after_s": round(event.after_s, 3)}
    return {"event": "notice", "time": time_text(event.time), "message": event.message}


def summary_json(summary: Summary) -> dict[str, Any]:
    """Returns the summary of a run as plain data; the latencies are those of the last 1000 frames."""
    return {
        "seconds": round(summary.seconds, 3),
        "captured": summary.captured,
        "analyzed": summary.analyzed,
        "dropped": summary.dropped,
        "unusable": summary.unusable,
        "losses": summary.losses,
        "frames_per_s": _rounded(summary.analyzed_per_s),
        "latency_ms": {
            "median": _milliseconds(summary.latency_median_s),
            "p95": _milliseconds(summary.latency_p95_s),
        },
    }


def frame_text(event: Labelled | Detected) -> str:
    """Returns the text of a frame: its time and labels, or for a file its path and what is in it."""
    if event.name:
        if isinstance(event, Detected):
            return detections_text(event.name, _in_file(event))
        return classify_text(event.name, event.predictions)
    speed = f"latency {duration(event.latency_s)}"
    if event.analyzed_per_s is not None:
        speed = f"{event.analyzed_per_s:.1f} frames/s, {speed}"
    return f"{time_text(event.time)}  {_label_text(event)}  ({speed})"


def status_text(event: Labelled | Detected) -> str:
    """Returns the state of the loop in a short line: the speed, and the label with its score."""
    captured = "" if event.captured_per_s is None else f" of {event.captured_per_s:.1f}"
    rate = "" if event.analyzed_per_s is None else f"{event.analyzed_per_s:.1f}{captured} frames/s, "
    return f"{rate}latency {duration(event.latency_s)}, {event.dropped} dropped: {_label_text(event)}"


def source_text(event: Unusable | Lost | Back | Notice, source: str) -> str:
    """Returns the line of an event that is about the source and not about a label."""
    if isinstance(event, Lost):
        return f"{event.message}; trying again in {duration(event.pause_s)}"
    if isinstance(event, Back):
        return f"{source} gives frames again, after {duration(event.after_s)}"
    return event.message


def summary_text(summary: Summary) -> str:
    """Returns the summary of a run in one line."""
    parts = [f"{summary.analyzed} frames in {duration(summary.seconds)}"]
    if summary.analyzed_per_s:
        parts[0] += f" ({summary.analyzed_per_s:.1f} frames/s)"
    parts.append(f"{summary.dropped} dropped")
    if summary.unusable:
        parts.append(f"{summary.unusable} unusable")
    if summary.losses:
        parts.append(f"lost {summary.losses} times" if summary.losses > 1 else "lost once")
    if summary.latency_median_s is not None and summary.latency_p95_s is not None:
        parts.append(
            f"latency {duration(summary.latency_median_s)}, of 95 % at most {duration(summary.latency_p95_s)}"
        )
    return ", ".join(parts)


def _labelled_json(event: Labelled) -> dict[str, Any]:
    return {
        "event": "frame",
        **_moment(event.time, event.number),
        **({"image": event.name} if event.name else {}),
        "label": event.label,
        "score": event.score,
        "previous": event.previous,
        "changed": event.changed,
        "predictions": [dataclasses.asdict(prediction) for prediction in event.predictions],
        **_speed_json(event),
    }


def _detected_json(event: Detected) -> dict[str, Any]:
    return {
        "event": "frame",
        **_moment(event.time, event.number),
        **({"image": event.name} if event.name else {}),
        "labels": list(event.labels),
        "appeared": [item.label for item in event.appearances if item.label is not None],
        "gone": [item.previous for item in event.appearances if item.label is None],
        "changed": event.changed,
        **objects_json(event.size, _in_file(event)),
        **_speed_json(event),
    }


def _in_file(event: Detected) -> list[Detection]:
    """The objects of a frame in pixels of its source: those of the file, where its picture has fewer."""
    return scale_detections(event.detections, event.picture.shape, event.size)


def _speed_json(event: Labelled | Detected) -> dict[str, Any]:
    return {
        "latency_ms": _milliseconds(event.latency_s),
        "analysis_ms": _milliseconds(event.analysis_s),
        "frames_per_s": _rounded(event.analyzed_per_s),
        "captured_per_s": _rounded(event.captured_per_s),
        "dropped": event.dropped,
    }


def _moment(time: float, number: int) -> dict[str, Any]:
    return {"time": time_text(time), "frame": number}


def _label_text(event: Labelled | Detected) -> str:
    if isinstance(event, Detected):
        return ", ".join(event.labels) or "no object"
    if event.label is None or event.score is None:
        return "no label"
    return f"{plain(event.label)} {100 * event.score:.1f} %"


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1e3, 3)


def _rounded(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 2)
