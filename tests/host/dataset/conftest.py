import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from edgeready.dataset import Dataset


@pytest.fixture
def noise_set():
    """Makes a data set of noise with `counts` images per class; every image is another one."""

    def make(*counts, size=(4, 5), seed=0, classes=None):
        labels = np.repeat(np.arange(len(counts)), counts).astype(np.int64)
        images = np.random.default_rng(seed).integers(0, 256, (len(labels), *size), dtype=np.uint8)
        return Dataset(
            name="noise", images=images, labels=labels, classes=classes or tuple("abcdefghij"[: len(counts)])
        )

    return make


class Answer:
    """What the server says for one path: a body, a status, a stated length, and whether it stalls half-way."""

    def __init__(self, body=b"", status=200, length=None, stalls=False, location=None):
        self.body, self.status, self.location = body, status, location
        self.length = len(body) if length is None else length
        self.stalls = stalls


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        answer = self.server.answers.get(self.path.lstrip("/"), Answer(b"no such file", 404))
        self.send_response(answer.status)
        if answer.length >= 0:
            self.send_header("Content-Length", str(answer.length))
        if answer.location:
            self.send_header("Location", answer.location)
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()
        if answer.stalls:
            self.server.stalled.set()
            self.server.go_on.wait(20)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    """A real http server on this machine; fill its `answers`, read its `asked` and its `url`."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.answers, httpd.asked = {}, []
    httpd.stalled, httpd.go_on = threading.Event(), threading.Event()
    httpd.url = f"http://127.0.0.1:{httpd.server_port}/"
    httpd.answer = Answer
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield httpd
    httpd.go_on.set()
    httpd.shutdown()
    httpd.server_close()
    thread.join()
