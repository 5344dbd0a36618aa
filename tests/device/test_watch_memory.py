"""Weeks of frames: the memory of `watch` does not grow.

2,000 frames run by default. EDGEREADY_LONG=1 runs 100,000, as a process that a service would be.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

COUNT = 100_000 if os.environ.get("EDGEREADY_LONG") == "1" else 2_000
# Of resident memory, from the first tenth to the end. Chosen: a kept 2x2 frame of 100,000 would be more than 10 MB, a
# kept 16x16 frame of 2,000 more than 1.5 MB; measured on x86-64 are 0 to 0.3 MB of either.
MOST_GROWN_BYTES = 1_000_000


def rss_bytes(process: int) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def grown_bytes(*arguments: object, count: int) -> int:
    """Runs `watch` for `count` frames and some more; gives what its memory grew by after the first tenth of them."""
    total = count + 1000  # more than its pipe holds, so that it still runs when `count` are read
    command = [sys.executable, "-m", "edgeready_device", "watch", *arguments, "--jsonl", "--count", total]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) as child:
        first = last = 0
        for number, line in enumerate(child.stdout, 1):  # noqa: B007  (the last one is read below)
            if number == count // 10:
                first = rss_bytes(child.pid)
            elif number == count:
                last = rss_bytes(child.pid)
    end = json.loads(line)
    assert (child.returncode, end["event"], end["analyzed"]) == (0, "end", total)
    assert min(first, last) > 0
    print(f"{count} frames: {(last - first) / 1e6:.2f} MB more, after {first / 1e6:.1f} MB")
    return last - first


@pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="this system does not say how much memory is resident"
)
def test_the_memory_is_flat_over_a_video_in_a_loop(complete, tmp_path):
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed here")
    pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    writer = cv2.VideoWriter(str(tmp_path / "film.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (16, 16))
    for number in range(100):
        writer.write(np.full((16, 16, 3), 2 * number, np.uint8))
    writer.release()
    assert grown_bytes(complete(), tmp_path / "film.avi", "--loop", count=COUNT) <= MOST_GROWN_BYTES
