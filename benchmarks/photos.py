"""Photos: how quickly large ones become frames, and what training on many of them takes, beside plain Keras.

    python benchmarks/photos.py [--part reading|memory|small|arrays|loading] [--sizes 96 160] [--counts 1000 20000]

`reading` compares 12-megapixel JPEGs as frames, decoded quickly as both halves do, with decoding them whole: by
Pillow alone, and into an array that is then resized, which programs with numpy do and this one did at first.
`memory` trains on photos as frames of 160x160, and `small` on up to 200,000 pictures of 32x32: photo_memory.py says
how. `arrays` is `small` with the pictures in a .npz. `loading` compares decoding again with tf.data:
photo_loading.py.

The large photos are made here: noise with the spectrum of natural pictures (its amplitude falls with the frequency),
a little blurred, coloured, and saved at some qualities. With `--enlarge FOLDER` they are photographs of that folder,
made large. `less` is how much less CPU time a frame takes than by way of an array, and than by Pillow alone;
`difference` is the mean between the two frames in grey levels, `largest` that of the worst photo. `floor` is the
time that libjpeg takes at an eighth of the size, the least that it has: it undoes the Huffman codes of all
coefficients, of which it then uses one in 64. What misses a limit ends with exit code 1, as frames of 160 pixels of
noise do (0.51 grey levels); those of photographs keep it.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from photo_loading import compare_loading
from photo_memory import compare_memory, measure_arrays
from PIL import Image

from edgeready_device.images.decode import load_frame, read_image
from edgeready_device.images.frames import resize_frame

WIDTH, HEIGHT = 4000, 3000
# Cycles a pixel at which a lens and the making of colours leave a third of the contrast. Chosen: a photo then has the
# 3 to 4 MB that those of telephones have.
SHARP = 0.2
LEAST_RATIO, MOST_DIFFERENCE = 4.0, 0.5  # chosen: below what is measured, and less than rounding changes


PARTS = ["reading", "memory", "small", "arrays", "loading"]
PROGRAMS = ("first", "again", "decoded again", "keras")
SMALL_COUNTS = [20_000, 200_000]
MOST_GROWTH_KIB = 20.0  # for each photo at 160x160; chosen: about what plain Keras keeps


def save_photo(path: Path, seed: int, width: int = WIDTH, height: int = HEIGHT, *, quality: int = 90) -> None:
    """Writes a JPEG of coloured noise whose amplitude falls with the frequency."""
    generator = np.random.default_rng(seed)
    frequencies = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequencies[0, 0] = 1
    sharpness = np.exp(-((frequencies / SHARP) ** 2))
    frequencies /= sharpness
    planes = []
    for _ in range(3):
        spectrum = np.fft.rfft2(generator.standard_normal((height, width), np.float32)) / frequencies
        plane = np.fft.irfft2(spectrum, (height, width))
        planes.append(128 + 55 * (plane - plane.mean()) / plane.std())
    grey, *colours = planes
    pixels = np.stack([grey, *(0.8 * grey + 0.2 * colour for colour in colours)], axis=-1)
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path, quality=quality)


def save_enlarged(path: Path, photograph: Path, quality: int) -> None:
    """Writes a photograph so large that its longer side has WIDTH pixels, with the noise of a sensor."""
    with Image.open(photograph) as image:
        factor = WIDTH / max(image.size)
        # Multiples of 8, as 4,000 and 3,024 are: other sides are stretched a little where they are decoded smaller.
        size = (8 * round(image.width * factor / 8), 8 * round(image.height * factor / 8))
        pixels = np.asarray(image.convert("RGB").resize(size, Image.Resampling.LANCZOS), np.int16)
    noise = np.random.default_rng(1).integers(-4, 5, (*pixels.shape[:2], 1), np.int16)
    Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)).save(path, quality=quality)


def cpu_seconds(read: Callable[[], NDArray[np.uint8]]) -> tuple[float, NDArray[np.uint8]]:
    """The least CPU time of three calls, and what the last returned."""
    times = []
    for _ in range(3):
        start = time.process_time()
        frame = read()
        times.append(time.process_time() - start)
    return min(times), frame


def read_whole(path: Path, side: int) -> NDArray[np.uint8]:
    """The photo as a frame of `side` pixels by Pillow alone, decoded whole."""
    with Image.open(path) as image:
        return np.array(image.resize((side, side), Image.Resampling.BILINEAR))


def read_eighth(path: Path) -> NDArray[np.uint8]:
    """The photo at an eighth of its size."""
    with Image.open(path) as image:
        image.draft(None, (WIDTH // 8, HEIGHT // 8))
        image.load()
        return np.empty(image.size, np.uint8)


def compare_size(photos: list[Path], side: int) -> bool:
    """Prints the row of one frame size; returns whether it keeps the goals."""
    array_s = pillow_s = quick_s = floor_s = 0.0
    differences = []
    for photo in photos:
        seconds, whole = cpu_seconds(lambda photo=photo: resize_frame(read_image(photo, 3), side, side))
        array_s += seconds
        pillow_s += cpu_seconds(lambda photo=photo: read_whole(photo, side))[0]
        seconds, quick = cpu_seconds(lambda photo=photo: load_frame(photo, side, side, 3))
        quick_s += seconds
        floor_s += cpu_seconds(lambda photo=photo: read_eighth(photo))[0]
        differences.append(float(np.abs(whole.astype(int) - quick).mean()))
    ratio, difference = array_s / quick_s, float(np.mean(differences))
    times = (f"{1000 * seconds / len(photos):.0f} ms" for seconds in (array_s, pillow_s, quick_s, floor_s))
    cells = [f"{side}x{side}", *times, f"{ratio:.1f}, {pillow_s / quick_s:.1f}"]
    print("|", " | ".join([*cells, f"{difference:.2f}", f"{max(differences):.2f}"]), "|")
    return ratio >= LEAST_RATIO and difference < MOST_DIFFERENCE


def main() -> None:
    """Prints the table; ends with 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=4)
    parser.add_argument("--sizes", type=int, nargs="+", default=[96, 160, 224])
    parser.add_argument("--qualities", type=int, nargs="+", default=[60, 75, 90])
    parser.add_argument(
        "--enlarge", type=Path, help="a folder of JPEGs to make the large photos of, in place of noise"
    )
    parser.add_argument("--part", choices=PARTS, action="append")
    parser.add_argument("--counts", type=int, nargs="+", default=[1000, 5000, 20000])
    parser.add_argument("--programs", choices=PROGRAMS, nargs="+", default=list(PROGRAMS))
    options = parser.parse_args()
    parts, kept = options.part or PARTS, []
    if "reading" in parts:
        photographs = choose_photographs(options.enlarge, options.photos) if options.enlarge else []
        kept += [
            compare_quality(options.photos, quality, options.sizes, photographs) for quality in options.qualities
        ]
    if "memory" in parts:
        growth = compare_memory(options.counts, 160, options.programs)
        kept.append(max(growth[program] for program in options.programs if program != "keras") <= MOST_GROWTH_KIB)
    if "small" in parts:
        compare_memory(SMALL_COUNTS, 32, ("first",), width=32, height=32)
    if "arrays" in parts:
        measure_arrays(SMALL_COUNTS, 32)
    if "loading" in parts:
        compare_loading([(2000, 240, 200), (300, 1600, 1200)], 160)
    if not all(kept):
        raise SystemExit(1)


def choose_photographs(folder: Path, count: int) -> list[Path]:
    """`count` JPEGs in the folder and below it, drawn with a fixed seed."""
    files = sorted(folder.rglob("*.jpg"))
    if len(files) < count:
        raise SystemExit(f"{folder} has {len(files)} JPEGs: give a folder of {count}, or fewer --photos")
    return random.Random(1).sample(files, count)


def compare_quality(count: int, quality: int, sizes: list[int], photographs: list[Path]) -> bool:
    """Prints the table of `count` photos, of noise or of `photographs`; returns whether all sizes keep the goals."""
    with tempfile.TemporaryDirectory() as folder:
        photos = [Path(folder) / f"{number}.jpg" for number in range(count)]
        for number, photo in enumerate(photos):
            if photographs:
                save_enlarged(photo, photographs[number], quality)
            else:
                save_photo(photo, number, quality=quality)
        size = np.mean([photo.stat().st_size for photo in photos]) / 1e6
        kind = "photographs enlarged to 4000 pixels" if photographs else f"photos of {WIDTH}x{HEIGHT} pixels"
        print(f"{count} {kind}, quality {quality}, {size:.1f} MB each\n")
        print("| frame | by an array | Pillow | quickly | floor | less | difference | largest |\n" + "|---" * 8 + "|")
        outcomes = [compare_size(photos, side) for side in sizes]
    return all(outcomes)


if __name__ == "__main__":
    main()
