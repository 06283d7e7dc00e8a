"""Where the journal ended, noted in a second place: the only way to see that an end was cut off.

A chain vouches for what is in it, not for what once followed. A write-ahead log that lost its last frames, a file
put back from an old copy and an empty new one are all sound by themselves; the anchor says that there was more.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from the_alchemiser.domain.facts import Fact
from the_alchemiser.domain.probes import probe

from .chain import Tip
from .journal import SqlJournal

SYNC_SECONDS = 60.0
"""How old the note on the disk may be; what the process itself wrote is never older than its last append."""
LINE_BYTES = 192
"""Notes are of one length, so that a new one covers the old whole, in one write."""

log = logging.getLogger(__name__)


class _Note(msgspec.Struct, frozen=True):
    seq: int
    hash: str
    check: str

    @property
    def tip(self) -> Tip:
        return Tip(self.seq, self.hash)


class Anchor:
    """The note of one journal's end. It is written after the commit it tells of, so it is never ahead of the disk.

    That it cannot be written is told and stops nothing: it guards what is kept, not what is traded.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None
        self._synced_at = 0.0
        self._is_failing = False

    def read(self) -> Tip | None:
        """Where the journal once ended; None where nothing readable was noted."""
        try:
            note = msgspec.json.decode(self.path.read_bytes(), type=_Note)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, msgspec.MsgspecError, UnicodeError) as error:
            self._say_unreadable(error)
            return None
        if note.check == _check(note.tip):
            return note.tip
        self._say_unreadable("its check sum is wrong")
        return None

    def _say_unreadable(self, reason: object) -> None:
        probe("anchor.unreadable")
        log.error("the note of the journal's end cannot be read (%s): %s", self.path, reason)

    def note(self, tip: Tip) -> None:
        """Remember that the journal ends here, on the disk within SYNC_SECONDS."""
        try:
            self._write(tip)
            self._is_failing = False
        except OSError as error:
            if not self._is_failing:
                probe("anchor.not_written")
                log.warning("the journal's end cannot be noted in %s: %s", self.path, error.strerror)
            self._is_failing = True

    def _write(self, tip: Tip) -> None:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o644)
        line = msgspec.json.encode(_Note(tip.seq, tip.hash, _check(tip)))
        os.pwrite(self._file, line.ljust(LINE_BYTES - 1) + b"\n", 0)
        if time.monotonic() - self._synced_at >= SYNC_SECONDS:
            os.fsync(self._file)
            self._synced_at = time.monotonic()

    def close(self) -> None:
        """Put the last note on the disk and give the file back."""
        if self._file is not None:
            os.fsync(self._file)
            os.close(self._file)
            self._file = None


class AnchoredJournal:
    """A journal whose end is noted in a second place after each append."""

    def __init__(self, journal: SqlJournal, anchor: Anchor) -> None:
        self._journal, self._anchor = journal, anchor

    def append(self, facts: Sequence[Fact]) -> None:
        """As the journal's own."""
        self._journal.append(facts)
        self._anchor.note(self._journal.head())

    def read(self) -> Iterator[Fact]:
        """As the journal's own."""
        return self._journal.read()


def _check(tip: Tip) -> str:
    return sha256(f"{tip.seq}{tip.hash}".encode()).hexdigest()[:16]
