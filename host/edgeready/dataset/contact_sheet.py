"""A picture of a data set: a row per class with its name, its size and some of its images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from edgeready.dataset.dataset import Dataset
from edgeready.dataset.samples import save_png
from edgeready.dataset.splits import Splits
from edgeready.errors import UsageError
from edgeready_device.images.fonts import font_for

CELL = 96
GAP = 6
MARGIN = 20
TITLE_SIZE, TEXT_SIZE, SMALL_SIZE = 22, 16, 13
LABEL_WIDTH = 190
HEAD_HEIGHT = 84
MAX_CLASSES = 40  # chosen: a sheet of about 4,000 pixels in height, which viewers still open
INK, GREY, PAPER, PLATE = "#1f2933", "#6b7785", "#ffffff", "#f0f2f5"


@dataclass(frozen=True, kw_only=True)
class Block:
    """Columns of the sheet: `count` images per class out of `data`, under `title`."""

    title: str
    data: Dataset
    count: int


def preview(data: Dataset | Splits, path: str | Path, *, per_class: int = 10, seed: int = 0) -> Path:
    """Writes a PNG with up to `per_class` images of each class, drawn with `seed`, and returns its path.

    The three parts of Splits stand side by side, each with at least one column. Small images are enlarged by whole
    factors, so that their pixels show. Of more than 40 classes the first 40 are shown, and the sheet says so.
    The file appears only when it is complete.
    Raises UsageError for `per_class`, OutputError when the file cannot be written.
    """
    blocks = _blocks(data, per_class)
    classes = blocks[0].data.classes[:MAX_CLASSES]
    left_out = len(blocks[0].data.classes) - len(classes)
    sheet = Image.new("RGB", _sheet_size(blocks, len(classes), left_out), PAPER)
    draw = ImageDraw.Draw(sheet)
    _draw_head(draw, data, blocks)
    for row, name in enumerate(classes):
        _draw_row(sheet, blocks, row, name=name, seed=seed)
    if left_out:
        where = (MARGIN, HEAD_HEIGHT + len(classes) * (CELL + GAP) + GAP)
        text = f"and {left_out} more classes"
        draw.text(where, text, fill=GREY, font=font_for(text, TEXT_SIZE))
    save_png(sheet, Path(path))
    return Path(path)


def _blocks(data: Dataset | Splits, per_class: int) -> tuple[Block, ...]:
    if isinstance(data, Dataset):
        if not 1 <= per_class <= 100:
            raise UsageError(f"per_class is {per_class}: give 1 to 100 images")
        return (Block(title="images", data=data, count=per_class),)
    if not 3 <= per_class <= 100:
        raise UsageError(f"per_class is {per_class}: give 3 to 100 images, shared by the three parts")
    side = max(1, round(per_class * 0.3))
    return (
        Block(title="train", data=data.train, count=per_class - 2 * side),
        Block(title="calibration", data=data.calibration, count=side),
        Block(title="test", data=data.test, count=side),
    )


def _sheet_size(blocks: tuple[Block, ...], rows: int, left_out: int) -> tuple[int, int]:
    width = _left(blocks, len(blocks)) - 2 * GAP + MARGIN
    return width, HEAD_HEIGHT + rows * (CELL + GAP) + MARGIN + (TEXT_SIZE + GAP if left_out else 0)


def _left(blocks: tuple[Block, ...], index: int) -> int:
    """Where block `index` starts, in pixels from the left."""
    return MARGIN + LABEL_WIDTH + sum(block.count * (CELL + GAP) + 2 * GAP for block in blocks[:index])


def _draw_head(draw: ImageDraw.ImageDraw, data: Dataset | Splits, blocks: tuple[Block, ...]) -> None:
    first = blocks[0].data
    shape = f"{first.height} x {first.width} {'RGB' if first.channels == 3 else 'grey'}"
    room = _left(blocks, len(blocks)) - 2 * GAP - MARGIN
    title = f"{first.name}: {len(first.classes)} classes, {shape}"
    draw_text(draw, (MARGIN, MARGIN - 6), title, size=TITLE_SIZE, room=room)
    for index, block in enumerate(blocks):
        width = block.count * (CELL + GAP) - GAP
        where = (_left(blocks, index), HEAD_HEIGHT - SMALL_SIZE - 10)
        text = f"{block.title} ({len(block.data):,})"
        draw_text(draw, where, text, size=SMALL_SIZE, room=max(width, CELL), ink=GREY)


def _draw_row(sheet: Image.Image, blocks: tuple[Block, ...], row: int, *, name: str, seed: int) -> None:
    draw = ImageDraw.Draw(sheet)
    top = HEAD_HEIGHT + row * (CELL + GAP)
    label = blocks[0].data.classes.index(name)
    counts = [int((block.data.labels == label).sum()) for block in blocks]
    draw_text(draw, (MARGIN, top + 26), name, size=TEXT_SIZE, room=LABEL_WIDTH - 2 * GAP)
    text = " + ".join(f"{count:,}" for count in counts)
    draw_text(draw, (MARGIN, top + 50), text, size=SMALL_SIZE, room=LABEL_WIDTH - 2 * GAP, ink=GREY)
    for index, block in enumerate(blocks):
        positions = np.flatnonzero(block.data.labels == label)
        sample = np.random.default_rng((seed, label)).permutation(positions)[: block.count]
        for column, position in enumerate(sample):
            left = _left(blocks, index) + column * (CELL + GAP)
            draw.rectangle((left, top, left + CELL - 1, top + CELL - 1), fill=PLATE)
            picture = fit_tile(block.data, int(position))
            sheet.paste(picture, (left + (CELL - picture.width) // 2, top + (CELL - picture.height) // 2))


def fit_tile(data: Dataset, position: int) -> Image.Image:
    """The image at `position` as RGB, as large as fits into a CELL: enlarged by a whole factor, or shrunk."""
    image = Image.fromarray(
        np.broadcast_to(data.images[position].reshape(data.height, data.width, -1), (data.height, data.width, 3))
    )
    largest = max(data.height, data.width)
    if largest <= CELL:
        factor = CELL // largest
        return image.resize((data.width * factor, data.height * factor), Image.Resampling.NEAREST)
    width, height = (max(1, round(side * CELL / largest)) for side in (data.width, data.height))
    return image.resize((width, height), Image.Resampling.BILINEAR)


def draw_text(
    draw: ImageDraw.ImageDraw, where: tuple[int, int], text: str, *, size: int, room: int, ink: str = INK
) -> None:
    """Draws the text, cut with dots when it is wider than `room` pixels."""
    font = font_for(text, size)
    while len(text) > 1 and draw.textlength(text, font=font) > room:
        text = text[:-2].rstrip() + "…"
    draw.text(where, text, fill=ink, font=font)
