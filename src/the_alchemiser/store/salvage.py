"""What of a damaged journal can still be trusted, and how a new file takes the place of the old one.

The chain decides: an entry counts when it follows from the one before it. Nothing is read from the file itself, only
from a copy, so the file stays as it was found, for whoever wants to know what happened to it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from the_alchemiser.domain.errors import StoreUnavailable
from the_alchemiser.domain.facts import decode
from the_alchemiser.domain.probes import probe

from .chain import BrokenChain, Entry, verified
from .sqlite import PAGE_BYTES

ROOT_PAGES_MAX = 64
"""Where the journal's tree may begin: tables are made when the file is, each at the next free page."""
VALID_FOR = slice(92, 96)
LOG_SUFFIX, INDEX_SUFFIX = "-wal", "-shm"
TELL_EVERY = 1_000

Advance = Callable[[int], None]


class Salvage(msgspec.Struct, frozen=True):
    """The entries before the first bad one; `reason` says what is wrong with that, empty where none is."""

    entries: list[Entry]
    reason: str


def salvaged(path: Path, advance: Advance) -> Salvage:
    """The longest part of a journal, from its beginning on, that is what was written.

    Raises StoreUnavailable for one that a newer version of this program wrote: that is not damage.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="salvage-") as folder:
        found = _trusted(_copied(path, Path(folder)), advance)
        if found.entries or not found.reason:
            return found
        for root in range(2, ROOT_PAGES_MAX + 1):
            copy = _copied(path, Path(folder))
            _give_first_page(copy, root)
            behind = _trusted(copy, advance)
            if behind.entries:
                probe("salvage.first_page_replaced")
                return Salvage(behind.entries, behind.reason or f"its first page is damaged: {found.reason}")
        return found


def _copied(path: Path, folder: Path) -> Path:
    copy = folder / path.name
    for suffix in ("", LOG_SUFFIX, INDEX_SUFFIX):
        _beside(copy, suffix).unlink(missing_ok=True)
        if suffix != INDEX_SUFFIX and _beside(path, suffix).exists():
            shutil.copyfile(_beside(path, suffix), _beside(copy, suffix))
    return copy


def _trusted(copy: Path, advance: Advance) -> Salvage:
    entries: list[Entry] = []
    try:
        for entry in verified(_readable(copy)):
            _require_known(entry)
            entries.append(entry)
            if len(entries) % TELL_EVERY == 0:
                advance(len(entries))
    except BrokenChain as broken:
        return Salvage(entries, str(broken))
    except (sqlite3.Error, UnicodeError, msgspec.MsgspecError, TypeError) as error:
        return Salvage(entries, f"what follows entry {len(entries)} cannot be read: {error}")
    return Salvage(entries, "")


def _give_first_page(copy: Path, root: int) -> None:
    """Put a first page in place of the damaged one that says: the journal's tree begins at page `root`.

    Without it no other page can be found, though all may be there. A wrong guess is harmless: the chain decides.
    """
    seed = copy.with_name("first-page.db")
    remove(seed)
    with closing(sqlite3.connect(seed, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE journal (seq INTEGER PRIMARY KEY, at, kind, body, hash)")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET rootpage = ?", (root,))
    page = bytearray(seed.read_bytes()[:PAGE_BYTES])
    # Where this differs from the change counter, SQLite takes the number of pages from the length of the file.
    page[VALID_FOR] = b"\0\0\0\0"
    with copy.open("r+b") as file:
        file.write(page)


def _readable(copy: Path) -> Iterator[Entry]:
    """Entry after entry, each by itself: what cannot be read must not take its neighbours along."""
    one = "SELECT seq, at, kind, body, hash FROM journal WHERE seq > ? ORDER BY seq LIMIT 1"
    with closing(sqlite3.connect(copy)) as connection:
        after = 0
        while (row := connection.execute(one, (after,)).fetchone()) is not None:
            entry = msgspec.convert(row, tuple[int, int, str, str, str])
            after = entry[0]
            yield Entry(*entry)


def _require_known(entry: Entry) -> None:
    try:
        decode(entry.body)
    except msgspec.ValidationError as error:
        raise StoreUnavailable(
            f"entry {entry.seq} ({entry.kind}) is genuine and unknown to this version: a newer one wrote it ({error})"
        ) from error


def replace(path: Path, new: Path, evidence: Path | None) -> None:
    """Give the damaged file and its log another name, and the new file theirs.

    The log goes before the new file comes: SQLite would apply what is left of it to whatever lies beside it.
    """
    for suffix in ("", LOG_SUFFIX):
        if evidence is not None and _beside(path, suffix).exists():
            os.link(_beside(path, suffix), _beside(evidence, suffix))
    _sync_folder(path)
    for suffix in (LOG_SUFFIX, INDEX_SUFFIX):
        _beside(path, suffix).unlink(missing_ok=True)
    new.replace(path)
    _sync_folder(path)


def remove(path: Path) -> None:
    """Remove a database that was never finished, with all that belongs to it."""
    for suffix in ("", LOG_SUFFIX, INDEX_SUFFIX, ".lock"):
        _beside(path, suffix).unlink(missing_ok=True)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _sync_folder(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
