"""The images on which two models disagree, as a contact sheet with the true class and both answers."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

from edgeready.dataset import Dataset
from edgeready.dataset.contact_sheet import (
    CELL,
    GAP,
    GREY,
    INK,
    MARGIN,
    PAPER,
    PLATE,
    SMALL_SIZE,
    TEXT_SIZE,
    TITLE_SIZE,
    draw_text,
    fit_tile,
)
from edgeready.dataset.samples import save_png
from edgeready.proof.measure import Disagreement

MOST_IMAGES = 60  # chosen: ten rows, a sheet of about 2,000 pixels in height
COLUMNS = 6
_LINE = SMALL_SIZE + 4
_WIDTH, _HEIGHT = CELL + 72, CELL + 3 * _LINE + 4 * GAP
_HEAD = 78
_RIGHT, _WRONG = "#3a8a4d", "#b23a3a"


def save_disagreements(
    disagreements: tuple[Disagreement, ...], test: Dataset, names: tuple[str, str], *, path: Path
) -> None:
    """Writes a PNG with the first 60 of `disagreements`, images of `test`; `names` are those of the two models.

    A right answer is green, a wrong one red. Raises OutputError when the file cannot be written.
    """
    first_ones = disagreements[:MOST_IMAGES]
    rows = -(-len(first_ones) // COLUMNS)
    width = 2 * MARGIN + COLUMNS * _WIDTH
    sheet = Image.new("RGB", (width, _HEAD + rows * _HEIGHT + MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    title = f"{names[0]} and {names[1]} disagree on {len(disagreements):,} of {len(test):,} images of {test.name}"
    draw_text(draw, (MARGIN, MARGIN - 6), title, size=TITLE_SIZE, room=width - 2 * MARGIN)
    summary = _summarize(disagreements, names)
    draw_text(draw, (MARGIN, MARGIN + 26), summary, size=TEXT_SIZE, room=width - 2 * MARGIN, ink=GREY)
    for number, disagreement in enumerate(first_ones):
        row, column = divmod(number, COLUMNS)
        corner = (MARGIN + column * _WIDTH, _HEAD + row * _HEIGHT)
        _draw_cell(sheet, corner, disagreement, test=test, names=names)
    save_png(sheet, path)


def _summarize(disagreements: tuple[Disagreement, ...], names: tuple[str, str]) -> str:
    count = len(disagreements)
    first = sum(image.first == image.truth for image in disagreements)
    second = sum(image.second == image.truth for image in disagreements)
    more = "" if count <= MOST_IMAGES else f"; the first {MOST_IMAGES} are shown"
    return f"{names[0]} is right on {first}, {names[1]} on {second}, neither on {count - first - second}{more}"


def _draw_cell(
    sheet: Image.Image,
    corner: tuple[int, int],
    disagreement: Disagreement,
    *,
    test: Dataset,
    names: tuple[str, str],
) -> None:
    draw = ImageDraw.Draw(sheet)
    left, top = corner
    draw.rectangle((left, top, left + CELL - 1, top + CELL - 1), fill=PLATE)
    picture = fit_tile(test, disagreement.index)
    sheet.paste(picture, (left + (CELL - picture.width) // 2, top + (CELL - picture.height) // 2))
    truth = disagreement.truth
    lines = [(f"#{disagreement.index}: {test.classes[truth]}", INK)]
    for name, answer in ((names[0], disagreement.first), (names[1], disagreement.second)):
        lines.append((f"{name}: {test.classes[answer]}", _RIGHT if answer == truth else _WRONG))
    for number, (text, ink) in enumerate(lines):
        where = (left, top + CELL + GAP + number * _LINE)
        draw_text(draw, where, text, size=SMALL_SIZE, room=_WIDTH - 2 * GAP, ink=ink)
