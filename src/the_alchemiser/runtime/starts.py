"""Does this program keep falling over? Starts that came to no good end, remembered beside the journal.

A file of its own, because what makes a program die may be the journal or the broker, and a start that never got so far
as to write a fact counts, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from the_alchemiser.domain.probes import probe

WINDOW_SECONDS = 300
FAILED_MAX = 3
"""So many starts within the window without a good end, and the next one is careful."""


class Starts:
    """The starts of one data folder. `now` is in seconds, by a clock that outlives the process."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._path, self._now = path, now

    def begin(self) -> str:
        """Remember this start; why it should be careful, empty where there is no reason.

        A file that cannot be read or written gives none: the journal beside it will fail for itself.
        """
        now = self._now()
        failed = [at for at in self._read() if now - WINDOW_SECONDS < at <= now]
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._write([*failed, now])
        if len(failed) < FAILED_MAX:
            return ""
        probe("starts.crash_loop")
        return f"{len(failed)} starts within {WINDOW_SECONDS // 60} minutes came to no good end"

    def end(self) -> None:
        """This process ends as it was told to: what was before is forgotten."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _read(self) -> list[float]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=list[float])
        except (OSError, msgspec.MsgspecError, UnicodeError):
            return []

    def _write(self, starts: list[float]) -> None:
        new = self._path.with_name(f"{self._path.name}.new")
        new.write_bytes(msgspec.json.encode(starts))
        new.replace(self._path)
