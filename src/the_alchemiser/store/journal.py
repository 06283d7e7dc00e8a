"""The journal on disk: facts are appended, never changed, and survive a power cut once `append` returns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from msgspec.structs import asdict
from sqlalchemy import Connection, delete, insert, select

from the_alchemiser.domain.errors import ConnectionLost, JournalCorrupt, LeaseHeld
from the_alchemiser.domain.facts import Fact, decode
from the_alchemiser.domain.probes import probe

from . import schema
from .chain import START, Entry, Tip, entries_after, link, verified
from .databases import database_of
from .lease import explained
from .leasing import Holder, SqlLease, lease_beside
from .projections import project
from .session import WritingSession
from .shelf import Shelf
from .sqlite import BUSY_SECONDS, JOURNAL_BYTES_MAX, Connect
from .statements import Statements
from .tables import DERIVED, PROJECTION_VERSION, projection
from .verification import Verification, glance, refold, require_agreement, stored_entries, stored_tip, verify

CHECKED_ENTRIES_MAX = 100_000
"""A journal of so many entries is checked whole at each start, which takes some three seconds; they are ten years of
daily cycles in twenty symbols."""


class SqlJournal:
    """The one writer of a journal, and of the tables for reading folded from it; one call at a time.

    Opening takes the lease on the account (waiting, LEASE_SECONDS at most, where its last holder may not know yet
    that it is over) and makes or migrates the tables. Raises LeaseHeld while another engine writes, StoreUnavailable
    for what a newer version wrote. Every failure is a StoreUnavailable of one clear line; what is damaged is its
    kind JournalCorrupt.
    """

    def __init__(
        self,
        url: str,
        *,
        holder: Holder | None = None,
        busy_seconds: float = BUSY_SECONDS,
        bytes_max: int = JOURNAL_BYTES_MAX,
        connect: Connect = sqlite3.connect,
    ) -> None:
        self._database = database_of(url, busy_seconds=busy_seconds, bytes_max=bytes_max, connect=connect)
        self._session = WritingSession(self._database, self._may_seize)
        self.lease = SqlLease(self._session, holder or Holder())
        self._connection: Connection | None = None
        self._tip: Tip | None = None
        self._unsettled: Tip | None = None
        with ExitStack() as given_back:
            given_back.callback(self._let_go)
            self._open()
            given_back.pop_all()

    def _open(self) -> None:
        try:
            with self._session.transaction() as connection:
                schema.bring_forward(connection)
        except LeaseHeld as other:
            raise explained(other, lease_beside(self._database)) from other
        self.lease.take()
        with self._whole() as connection:
            version = connection.execute(select(projection.c.version)).scalar_one_or_none()
            if version is None:
                connection.execute(insert(projection), _mark(START) | {"id": 1})
            elif version != PROJECTION_VERSION:
                self._refold(connection)

    def _may_seize(self) -> bool:
        """Whether the session that has the right to write cannot be that of a live engine.

        Raises LeaseLost where it is that of the engine which took our lease.
        """
        beside = lease_beside(self._database)
        if beside is None:
            return False
        row, now = beside
        if self.lease.epoch:
            self.lease.require_epoch_of(row)
            return True  # it is our own, which the server has not yet missed
        return row.epoch > 0 and row.seconds_left(now) <= 0

    @contextmanager
    def _whole(self) -> Iterator[Connection]:
        """One transaction, and the statements for its connection. Whatever fails, memory forgets it, too."""
        try:
            with self._session.transaction() as connection:
                if connection is not self._connection:
                    self._connection = connection
                    self._statements = Statements(connection)
                    self._shelf = Shelf(self._statements)
                yield connection
        except BaseException:
            self._tip = None
            if self._connection is not None:
                self._shelf.forget()
            raise

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction that changes something only while the lease is ours."""
        with self._whole() as connection:
            self.lease.fence(connection, self._statements.lease)
            yield connection

    def append(self, facts: Sequence[Fact]) -> None:
        """Make the facts durable together, in order, with every row that follows from them.

        Raises StoreUnavailable: of them all or nothing is there, and the same call tried again writes them once.
        Raises LeaseLost, and InvariantBroken for facts that would falsify money, leaving nothing.
        """
        if not facts:
            return
        try:
            self._append(facts)
        except ConnectionLost:
            # It may have broken long ago, while nobody used it; or under our commit, and then the chain tells.
            probe("journal.append_repeated")
            self._append(facts)

    def _append(self, facts: Sequence[Fact]) -> None:
        with self._writing() as connection:
            before = self._tip or require_agreement(connection)
            if not self._is_written(facts, before):
                entries = entries_after(before, facts)
                before, self._unsettled = _end_of(entries), before
                self._write(entries, facts)
        self._tip, self._unsettled = before, None
        self._shelf.keep()

    def _is_written(self, facts: Sequence[Fact], tip: Tip) -> bool:
        """Whether an append that seemed to fail put just these facts at the end of the journal.

        The hash of an entry names everything before it, so it is the transaction's own name.
        """
        return (
            self._unsettled is not None
            and tip != self._unsettled
            and tip == _end_of(entries_after(self._unsettled, facts))
        )

    def _write(self, entries: Sequence[Entry], facts: Sequence[Fact]) -> None:
        self._statements.append.run(map(asdict, entries))
        for entry, fact in zip(entries, facts, strict=True):
            project(self._shelf, entry.seq, fact)
        self._shelf.write()
        self._statements.mark.run([_mark(_end_of(entries))])

    def take_over(self, entries: Sequence[Entry]) -> None:
        """Make entries of another journal, checked by their chain, the next ones of this, exactly as they are."""
        facts = [decode(entry.body) for entry in entries]
        with self._writing() as connection:
            before = self._tip or require_agreement(connection)
            if entries[0].hash != link(before.hash, entries[0].seq, entries[0].body):
                raise JournalCorrupt(f"entry {entries[0].seq} does not follow entry {before.seq}")
            self._write(entries, facts)
        self._tip, self._unsettled = _end_of(entries), None
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
        with self._writing() as connection:
            self._tip = None
            self._refold(connection)
            return stored_tip(connection)

    def _refold(self, connection: Connection) -> None:
        tip, records = refold(connection)
        for table in DERIVED.values():
            connection.execute(delete(table))
        self._shelf.replace_all(records.rows)
        connection.execute(delete(projection))
        connection.execute(insert(projection), _mark(tip) | {"id": 1})

    def close(self) -> None:
        """Give lease and database back. A journal that was never closed loses nothing."""
        self.lease.release()
        self._let_go()

    def _let_go(self) -> None:
        if self._connection is not None:
            self._statements.close()
            self._connection = None
        self._session.close()


def _end_of(entries: Sequence[Entry]) -> Tip:
    return Tip(entries[-1].seq, entries[-1].hash)


def _mark(tip: Tip) -> dict[str, str | int]:
    return {"version": PROJECTION_VERSION, "seq": tip.seq, "hash": tip.hash}
