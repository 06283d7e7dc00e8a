"""The journal on disk: facts are appended, never changed, and survive a power cut once `append` returns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from msgspec.structs import asdict
from sqlalchemy import Connection, delete, insert, select

from the_alchemiser.domain.errors import JournalCorrupt
from the_alchemiser.domain.facts import Fact, decode

from . import schema
from .chain import START, Entry, Tip, entries_after, verified
from .databases import database_of
from .projections import project
from .shelf import Shelf
from .sqlite import BUSY_SECONDS, JOURNAL_BYTES_MAX, Connect
from .statements import Statements
from .tables import DERIVED, PROJECTION_VERSION, projection
from .verification import Verification, glance, refold, require_agreement, stored_entries, stored_tip, verify

CHECKED_ENTRIES_MAX = 100_000
"""A journal of so many entries is checked whole at each start, which takes some three seconds; they are ten years of
daily cycles in twenty symbols."""


class SqlJournal:
    """The one writer of a journal file, and of the tables for reading folded from it; one call at a time.

    Opening makes or migrates the tables, and refuses (StoreUnavailable) a file that another process writes
    or that a newer version wrote. Every failure is a StoreUnavailable of one clear line; what is damaged is
    its kind JournalCorrupt.
    """

    def __init__(
        self,
        url: str,
        *,
        busy_seconds: float = BUSY_SECONDS,
        bytes_max: int = JOURNAL_BYTES_MAX,
        connect: Connect = sqlite3.connect,
    ) -> None:
        self._database = database_of(url, busy_seconds=busy_seconds, bytes_max=bytes_max, connect=connect)
        with self._database.one_clear_line(), ExitStack() as given_back:
            writer = self._database.writer()
            given_back.callback(writer.close)
            self._connection = writer.connection
            self._prepare()
            given_back.callback(self._statements.close)
            self._resources = given_back.pop_all()

    def _prepare(self) -> None:
        self._tip: Tip | None = None
        with self._connection.begin():
            schema.bring_forward(self._connection)
            self._statements = Statements(self._connection)
            self._shelf = Shelf(self._statements)
            version = self._connection.execute(select(projection.c.version)).scalar_one_or_none()
            if version is None:
                self._connection.execute(insert(projection), _mark(START) | {"id": 1})
            elif version != PROJECTION_VERSION:
                self._refold()

    @contextmanager
    def _whole(self) -> Iterator[Connection]:
        """One transaction on the connection.

        Whatever fails, nothing of it stays, in the file or in memory.
        """
        with self._database.one_clear_line():
            self._database.require_same()
            try:
                with self._connection.begin():
                    yield self._connection
            except BaseException:
                self._tip = None
                self._shelf.forget()
                raise

    def append(self, facts: Sequence[Fact]) -> None:
        """Make the facts durable together, in order, with every row that follows from them.

        Raises StoreUnavailable, leaving nothing of them; the same call may then be tried again. Raises
        InvariantBroken, leaving nothing either, for facts that would falsify money.
        """
        if not facts:
            return
        with self._whole() as connection:
            entries = entries_after(self._tip or require_agreement(connection), facts)
            self._statements.append.run(map(asdict, entries))
            for entry, fact in zip(entries, facts, strict=True):
                project(self._shelf, entry.seq, fact)
            self._shelf.write()
            tip = Tip(entries[-1].seq, entries[-1].hash)
            self._statements.mark.run([_mark(tip)])
        self._tip = tip
        self._shelf.keep()

    def read(self) -> Iterator[Fact]:
        """Every fact so far, oldest first.

        Raises JournalCorrupt where the chain, or its end, does not verify.
        """
        return (decode(entry.body) for entry in self.entries())

    def entries(self) -> Iterator[Entry]:
        """Every entry so far, oldest first and checked; appending meanwhile is allowed."""
        with self._database.one_clear_line():
            engine = self._database.reading_engine()
            try:
                with engine.connect() as connection:
                    require_agreement(connection)
                    yield from verified(stored_entries(connection))
            finally:
                engine.dispose()

    def head(self) -> Tip:
        """Where the journal ends; its hash is the digest of the whole journal."""
        if self._tip is None:
            with self._whole() as connection:
                tip = require_agreement(connection)
            self._tip = tip
        return self._tip

    def verify(self, anchor: Tip | None = None) -> Verification:
        """Check chain and derived tables; `anchor`, a digest noted elsewhere, must still be in the chain."""
        with self._whole() as connection:
            return verify(connection, anchor)

    def require_sound(self, anchor: Tip | None = None) -> None:
        """Raises JournalCorrupt unless everything stored is what was written, and ends where `anchor` says or later.

        A journal of more than CHECKED_ENTRIES_MAX entries has its structure and its end looked at; its chain is
        checked as it is read, its tables by `alchemiser audit verify`.
        """
        with self._whole() as connection:
            is_long = stored_tip(connection).seq > CHECKED_ENTRIES_MAX
            found = glance(connection, anchor) if is_long else verify(connection, anchor)
        if not found.is_sound:
            raise JournalCorrupt(f"the journal {self._database.name} is not what was written: {found.reason}")

    def rebuild(self) -> Tip:
        """Make every derived table again from the journal alone.

        Raises JournalCorrupt, changing nothing, if it is damaged.
        """
        with self._whole() as connection:
            self._tip = None
            self._refold()
            return stored_tip(connection)

    def _refold(self) -> None:
        tip, records = refold(self._connection)
        for table in DERIVED.values():
            self._connection.execute(delete(table))
        self._shelf.replace_all(records.rows)
        self._connection.execute(delete(projection))
        self._connection.execute(insert(projection), _mark(tip) | {"id": 1})

    def close(self) -> None:
        """Give the file back. A journal that was never closed loses nothing."""
        with self._database.one_clear_line():
            self._resources.close()


def _mark(tip: Tip) -> dict[str, str | int]:
    return {"version": PROJECTION_VERSION, "seq": tip.seq, "hash": tip.hash}
