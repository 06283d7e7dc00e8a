"""Messages nobody could use: counted, the newest kept for a person to look at, and logged without filling the disk."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

import msgspec

log = logging.getLogger(__name__)

KEPT_MAX = 100
"""So many of the newest are kept."""
KEPT_BYTES_MAX = 4096
"""And so much of each."""
EXCERPT_CHARACTERS = 200
LOGGED_MAX = 20
"""The first ones are logged each, then one of a thousand: a flood of nonsense must not fill the disk."""
LOGGED_EVERY = 1000


class Suspect(msgspec.Struct, frozen=True):
    """One message that could not be used, and why; `message` is its beginning."""

    number: int
    reason: str
    message: bytes


class Quarantine:
    """The bad messages of one stream. `masked` takes secrets out of what is logged."""

    def __init__(self, stream: str, masked: Callable[[str], str] = str) -> None:
        self._stream, self._masked = stream, masked
        self.count = 0
        """How many there were since the start."""
        self.kept: deque[Suspect] = deque(maxlen=KEPT_MAX)

    def put(self, reason: str, message: bytes | memoryview = b"") -> str:
        """Keep one. Returns the reason together with the beginning of the message, as a person may read it."""
        self.count += 1
        beginning = bytes(message[:KEPT_BYTES_MAX])
        self.kept.append(Suspect(self.count, reason, beginning))
        shown = self._masked(f"{reason}: {excerpt(beginning)}")
        if self.count <= LOGGED_MAX or self.count % LOGGED_EVERY == 0:
            log.warning("%s: message %d that cannot be used: %s", self._stream, self.count, shown)
        return shown


def excerpt(message: bytes) -> str:
    """The beginning of a message in printable characters."""
    text = message[:EXCERPT_CHARACTERS].decode("utf-8", "backslashreplace")
    if not text.isprintable():
        text = "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)
    return text[:EXCERPT_CHARACTERS]
