"""Where `detect --draw` writes: one file, or a folder with a file for each picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgeready_device.atomic import write_bytes
from edgeready_device.errors import OutputError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeready_device.detection.boxes import Detection

_ADVICE = "choose another place for --draw"


class DrawingTarget:
    """The place of `--draw`: pictures with their boxes are written there, never over one of the `sources`.

    `place` is a .png or .jpg file for one picture, a folder for `several`; a folder that is not there is made.
    Raises UsageError for a place of the other kind, OutputError where it cannot be, and RuntimeUnavailableError
    where Pillow is not installed.
    """

    def __init__(self, place: Path, *, several: bool, sources: Sequence[str] = ()) -> None:
        from edgeready_device.images.pillow_image import require_pillow
        from edgeready_device.report.drawing import DRAWING_FORMATS

        require_pillow()
        is_file = place.suffix.lower() in DRAWING_FORMATS and not place.is_dir()
        if several and is_file:
            raise UsageError(f"--draw {place} is one file, and there are several pictures: name a folder")
        if not several and not is_file and not place.is_dir():
            raise UsageError(f"--draw {place}: name a .png or .jpg file, or a folder that is there")
        if not place.parent.is_dir():
            raise OutputError(f"cannot write {str(place)!r} (no folder {str(place.parent)!r}): {_ADVICE}")
        self._place, self._is_file = place, is_file
        self._sources = {os.path.realpath(source) for source in sources}
        self._names: set[str] = set()

    def write(self, name: str, picture: NDArray[np.uint8], detections: Sequence[Detection]) -> Path:
        """Writes the `picture` called `name` with its `detections`, and returns where."""
        from edgeready_device.report.drawing import draw_detections

        path = self._place if self._is_file else self._place / self._choose_name(name)
        if os.path.realpath(path) in self._sources:
            raise UsageError(f"--draw would write over the picture {str(path)!r}: name another place")
        if not self._is_file:
            try:
                self._place.mkdir(exist_ok=True)
            except OSError as error:
                raise OutputError(f"cannot make {str(self._place)!r} ({error.strerror}): {_ADVICE}") from error
        write_bytes(path, draw_detections(picture, detections, path.suffix), _ADVICE)
        return path

    def _choose_name(self, name: str) -> str:
        """A file name that no other picture of this run has."""
        stem = Path(name).stem.replace(" ", "-") if os.sep not in name else Path(name).stem
        for number in range(1, len(self._names) + 2):
            file = f"{stem}.png" if number == 1 else f"{stem}-{number}.png"
            if file not in self._names:
                self._names.add(file)
                break
        return file
