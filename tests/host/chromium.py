"""A headless Chromium, driven through a pipe by its DevTools protocol: pages at a width and in a colour scheme."""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PROGRAM = next((path for path in map(shutil.which, NAMES) if path is not None), None)
_LIMIT_S = 60.0  # chosen: an emulated or loaded machine starts a browser in ten
# No sandbox: tests run as root in containers, where Chromium refuses to start with one. The pages are our own.
_OPTIONS = (
    "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-extensions "
    "--disable-background-networking --disable-component-update --disable-sync --remote-debugging-pipe"
).split()


class Chromium:
    """One browser process; used in a `with` statement."""

    def __init__(self) -> None:
        assert PROGRAM is not None
        self._numbers = itertools.count(1)
        self._buffer = b""
        self._events: list[dict[str, Any]] = []
        self._profile = tempfile.TemporaryDirectory(prefix="edgeready-chromium-", ignore_cleanup_errors=True)
        theirs, self._out = os.pipe()
        self._in, ours = os.pipe()
        # The protocol is spoken on descriptors 3 and 4, which `dup2` makes of whatever numbers the pipes have.
        shell = f'exec "$@" 3<&{theirs} 4>&{ours}'
        command = ["bash", "-c", shell, "chromium", PROGRAM, *_OPTIONS, f"--user-data-dir={self._profile.name}"]
        self._process = subprocess.Popen(
            [*command, "about:blank"], pass_fds=(theirs, ours), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(theirs)
        os.close(ours)

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)
        self._profile.cleanup()

    def open(self, address: str, *, width: int, scheme: str = "light", media: str = "screen") -> Visit:
        """Opens a page and returns what it looks like and what it did."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable", session)
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        self.call("Emulation.setDeviceMetricsOverride", session, **size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", session, media=media, features=features)
        self._events.clear()
        self.call("Page.navigate", session, url=address)
        self._wait("Page.loadEventFired")
        return Visit(self, session)

    def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Sends one command and returns its result; raises AssertionError where it fails."""
        number = next(self._numbers)
        message = {
            "id": number,
            "method": method,
            "params": parameters,
            **({"sessionId": session} if session else {}),
        }
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != number:
            self._events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def events(self, name: str) -> list[dict[str, Any]]:
        """The events `name` since the page was opened."""
        return [event["params"] for event in self._events if event.get("method") == name]

    def _wait(self, name: str) -> None:
        while not self.events(name):
            self._events.append(self._read())

    def _read(self) -> dict[str, Any]:
        limit = time.monotonic() + _LIMIT_S
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], max(0.0, limit - time.monotonic()))
            assert ready, "Chromium says nothing"
            piece = os.read(self._in, 1 << 20)
            assert piece, "Chromium ended"
            self._buffer += piece
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)


class Visit:
    """A page that is open."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser, self._session = browser, session

    def evaluate(self, expression: str) -> Any:
        """Returns the value of an expression of JavaScript in the page."""
        result = self._browser.call("Runtime.evaluate", self._session, expression=expression, returnByValue=True)
        return result["result"].get("value")

    @property
    def complaints(self) -> list[dict[str, Any]]:
        """What the page wrote to the console, what went wrong in it, and what the browser logged of it."""
        names = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [event for name in names for event in self._browser.events(name)]

    @property
    def requests(self) -> list[str]:
        """The addresses that the page asked for, itself and the data in it left out."""
        addresses = [event["request"]["url"] for event in self._browser.events("Network.requestWillBeSent")]
        return [address for address in addresses if not address.startswith(("data:", "file:"))]

    def save(self, path: Path) -> None:
        """Writes a picture of the whole page."""
        shot = self._browser.call("Page.captureScreenshot", self._session, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))
