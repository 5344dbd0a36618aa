"""A board that one deployment has to itself, until it ends or is interrupted."""

from __future__ import annotations

import getpass
import re
import secrets
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgeready.boards.connection import Answer, Client
from edgeready.boards.hosts import Host
from edgeready.boards.scripts import BUSY, LOCK, RELEASE
from edgeready.errors import BoardError

ANY_DEPLOYED = "deployed"  # in the place of a version: whatever is there, but something
GRACE_S = 10  # chosen: between two steps lies a connection, which takes 3 s on a slow board
_LIMIT_S = 120.0  # chosen: the grace, and a slow SD card that removes an unfinished environment of 200 MB


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A deployment's claim to a board, whose token is in the lock there, and the space that is free there."""

    client: Client
    host: Host
    root: str
    token: str
    free_bytes: int

    def run(self, script: str, arguments: Sequence[str] = (), *, limit_s: float, data: Path | None = None) -> Answer:
        """Runs a step on the board and returns its Answer. Raises BoardError as Client.run, or where it is lost."""
        words = [self.root, self.token, *arguments]
        answer = self.client.run(self.host, script, words, limit_s=limit_s, data=data)
        return _require_own(answer)


@contextmanager
def claim_board(client: Client, host: Host, root: str, *, version: str) -> Iterator[Claim]:
    """A Claim to a board on which `version` is current, as its probe said; it ends with the block.

    Raises BoardError where another deployment is at work, or has changed the board.
    """
    token = secrets.token_hex(8)
    answer = client.run(host, LOCK, [root, token, _owner(), version, str(GRACE_S)], limit_s=_LIMIT_S)
    _require_own(answer)
    if answer.code:
        raise BoardError(answer.message or f"its folder cannot be locked (exit code {answer.code})")
    free = re.search(r"(?m)^edgeready-free (\d{1,15})$", answer.output)
    claim = Claim(client=client, host=host, root=root, token=token, free_bytes=int(free[1]) * 1024 if free else 0)
    try:
        yield claim
    finally:
        _release(claim)


def _release(claim: Claim) -> None:
    try:
        claim.run(RELEASE, limit_s=_LIMIT_S)
    except BoardError:  # it is lost: the next deployment sees that no step follows
        return


def _require_own(answer: Answer) -> Answer:
    if answer.code == BUSY:
        raise BoardError(answer.message)
    return answer


def _owner() -> str:
    """Who deploys, for the people that meet the lock: one word."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = "somebody"
    return re.sub(r"[^A-Za-z0-9._@-]", "_", f"{user}@{socket.gethostname()}")[:60]
