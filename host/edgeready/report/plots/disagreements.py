"""The images on which two models disagree, as a contact sheet with what is true and what each says."""

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
    tile,
)
from edgeready.dataset.samples import save_png
from edgeready.proof.measure import Disagreement

MOST_IMAGES = 60
COLUMNS = 6
_LINE = SMALL_SIZE + 4
_WIDTH, _HEIGHT = CELL + 72, CELL + 3 * _LINE + 4 * GAP
_HEAD = 78
_RIGHT, _WRONG = "#3a8a4d", "#b23a3a"


def save_disagreements(found: tuple[Disagreement, ...], test: Dataset, names: tuple[str, str], path: Path) -> None:
    """Writes a PNG with the first 60 of `found`, images of `test`; `names` are those of the two models.

    What is right is green, what is wrong red. Raises OutputError where it cannot write.
    """
    shown = found[:MOST_IMAGES]
    rows = -(-len(shown) // COLUMNS)
    width = 2 * MARGIN + COLUMNS * _WIDTH
    sheet = Image.new("RGB", (width, _HEAD + rows * _HEIGHT + MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    title = f"{names[0]} and {names[1]} disagree on {len(found):,} of {len(test):,} images of {test.name}"
    draw_text(draw, (MARGIN, MARGIN - 6), title, TITLE_SIZE, width - 2 * MARGIN)
    draw_text(draw, (MARGIN, MARGIN + 26), _counts(found, names), TEXT_SIZE, width - 2 * MARGIN, GREY)
    for number, one in enumerate(shown):
        row, column = divmod(number, COLUMNS)
        _draw_cell(sheet, draw, (MARGIN + column * _WIDTH, _HEAD + row * _HEIGHT), one, test, names)
    save_png(sheet, path)


def _counts(found: tuple[Disagreement, ...], names: tuple[str, str]) -> str:
    first = sum(one.first == one.truth for one in found)
    second = sum(one.second == one.truth for one in found)
    more = "" if len(found) <= MOST_IMAGES else f"; the first {MOST_IMAGES} are shown"
    return f"{names[0]} is right on {first}, {names[1]} on {second}, neither on {len(found) - first - second}{more}"


def _draw_cell(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    one: Disagreement,
    test: Dataset,
    names: tuple[str, str],
) -> None:
    left, top = corner
    draw.rectangle((left, top, left + CELL - 1, top + CELL - 1), fill=PLATE)
    picture = tile(test, one.index)
    sheet.paste(picture, (left + (CELL - picture.width) // 2, top + (CELL - picture.height) // 2))
    lines = [(f"#{one.index}: {test.classes[one.truth]}", INK)]
    for name, said in ((names[0], one.first), (names[1], one.second)):
        lines.append((f"{name}: {test.classes[said]}", _RIGHT if said == one.truth else _WRONG))
    for number, (text, ink) in enumerate(lines):
        draw_text(draw, (left, top + CELL + GAP + number * _LINE), text, SMALL_SIZE, _WIDTH - 2 * GAP, ink)
