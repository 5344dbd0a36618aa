"""The one way from a text to a view: names and texts of files break no line and mean no markup.

Everything in `report/` is made of these lines and of `tables`; `tests/host/test_foreign_text.py` holds that.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from edgeready.quantization.conventions import ConventionReport
from edgeready.quantization.source_check import SourceCheck
from edgeready_device.text import printable


def line(text: str = "", style: str = "") -> Text:
    """Returns `text` as one line in `style`."""
    return Text(printable(text.replace("\n", " ")), style)


def block(text: str, style: str = "") -> Text:
    """Returns lines that are clean already, as a table of the device package is, in `style`."""
    return Text(printable(text), style)


def labelled(label: str, text: str, style: str = "") -> Text:
    """Returns one line with `text` in `style` after its label, both in columns."""
    return Text.assemble(line(f"{label:<12} "), line(text, style))


def convention_lines(report: ConventionReport | None) -> list[Text]:
    """How pixels go into a trained network, where trying has shown another way than the assumed one, or failed."""
    if report is None or not (report.changed or report.note):
        return []
    if report.note:
        return [labelled("pixels", f"as {report.chosen}; {report.note}")]
    first, *others = report.trials
    shares = ", ".join(f"{trial.share} as {trial.name}" for trial in others if trial.count == first.count)
    return [
        labelled(
            "pixels",
            f"as {first.name}, found by trying: the float32 network is right on {first.share} of {first.count} "
            f"labelled images, and on {shares}",
        )
    ]


def source_lines(check: SourceCheck | None) -> list[Text]:
    """Returns one line with how near the float32 model is to its source, where that was computed."""
    if check is None:
        return []
    text = f"float32 as {check.runtime} gives it, within {check.difference:.1e} on {check.frames} frames"
    return [labelled("source", f"{text} (largest output {check.largest_value:.3g})")]


def protection_lines(protections: Sequence[str]) -> list[Text]:
    """Returns one line with what the process that read a foreign model had given up, if it had."""
    return [labelled("protection", "; ".join(protections))] if protections else []
