"""A camera in the network: a real stream over HTTP that breaks off and comes back, and a film on a server."""

from __future__ import annotations

import io
import threading
import time
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from edgeready_device import watch
from edgeready_device.errors import NotFoundError
from edgeready_device.testing import fake_model
from edgeready_device.watching.capture import Retry
from edgeready_device.watching.frame import Back, Lost
from edgeready_device.watching.loop import Ended
from edgeready_device.watching.watch import Labelled

cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed here")
pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")


class Stream(BaseHTTPRequestHandler):
    """Ten pictures of a camera, as JPEG in a multipart answer; then it breaks off."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        target = io.BytesIO()
        pillow.fromarray(np.full((48, 64, 3), 200, np.uint8)).save(target, "JPEG")
        for _ in range(10):
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(target.getvalue())}\r\n\r\n"
            self.wfile.write(head.encode() + target.getvalue() + b"\r\n")
            time.sleep(0.005)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def serve():
    """Starts a server with a handler, and gives its address."""
    servers = []

    def start(handler) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def bright():
    return fake_model(lambda frame: (0.9, 0.1) if frame.mean() > 100 else (0.1, 0.9), ("day", "night"), 8, 8)


def test_a_stream_that_breaks_off_comes_back(serve, bright):
    address = f"http://user:secret@{serve(Stream)}/stream"
    kinds, losses = [], []
    for event in watch(bright, address, hold=1, retry=Retry(first_s=0.01), stop=lambda: len(losses) == 2):
        kinds.append(type(event))
        if isinstance(event, Lost):
            losses.append(event.message)
        elif isinstance(event, Labelled):
            assert event.label == "day"
    assert [kind for kind in kinds if kind is not Labelled] == [Lost, Back, Lost, Ended]
    assert [message.partition(" after ")[0] for message in losses] == [
        f"camera '{address.replace('user:secret', '***')}' is lost: it gives no more pictures"
    ] * 2


def test_of_a_film_on_a_server_each_frame_counts_and_it_ends(serve, bright, tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / "film.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (16, 16))
    for number in range(20):
        writer.write(np.full((16, 16, 3), 255 * (number >= 10), np.uint8))
    writer.release()

    class Files(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *arguments):
            pass

    events = list(watch(bright, f"http://{serve(Files)}/film.avi", smooth=1, hold=1))
    assert [event.label for event in events[:-1]] == ["night"] * 10 + ["day"] * 10
    assert (events[-1].summary.dropped, events[-1].summary.losses) == (0, 0)


def test_an_address_where_nobody_answers_is_not_found(bright):
    with pytest.raises(NotFoundError, match="cannot be opened: check the address, and that this machine reaches it"):
        list(watch(bright, "http://127.0.0.1:1/stream"))
