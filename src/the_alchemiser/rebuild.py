"""`alchemiser db rebuild`: a journal one can trust again, from what is left of it and from the broker's record.

What the chain vouches for is kept as it is, the rest comes from the broker by the same path by which every start takes
in what it missed. The damaged file is kept beside the new one.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from the_alchemiser.domain.effects import ReadBroker
from the_alchemiser.domain.errors import BrokerUnavailable, JournalCorrupt, StoreUnavailable
from the_alchemiser.domain.events import AdjustmentAsked, Event, ReadFailed, Started, TimerFired
from the_alchemiser.domain.facts import (
    Fact,
    FillBooked,
    JournalRebuilt,
    LedgerAdjusted,
    OrderImported,
    Reconciled,
)
from the_alchemiser.service import Notice, connected
from the_alchemiser.settings import Settings
from the_alchemiser.state import AGAIN

if TYPE_CHECKING:
    from the_alchemiser.bootstrap import Connection, System
    from the_alchemiser.ports import Journal
    from the_alchemiser.store.anchor import Anchor
    from the_alchemiser.store.chain import Entry
    from the_alchemiser.store.salvage import Advance, Salvage
    from the_alchemiser.store.sqlite import SqliteDatabase

BATCH_ENTRIES = 1_000
LOOKS_MAX = 10
"""Reads of the broker's record until the comparison stands; more means that somebody is trading meanwhile."""
LOOK_SECONDS_MAX = 5.0
WHO, WHY = "db rebuild", "the journal was rebuilt"


class Rebuilt(msgspec.Struct, frozen=True):
    """What was done, or on a dry look would be."""

    reason: str
    """What was wrong with the journal; empty where nothing was, and only its tables were made again."""
    kept: int
    entries: int
    digest: str
    evidence: Path | None
    facts: tuple[Fact, ...] = ()
    """Those that were added, from the one that tells of the rebuilding on."""

    def count(self, kind: type) -> int:
        """How many of the added facts are of a kind."""
        return sum(isinstance(fact, kind) for fact in self.facts)

    @property
    def differences(self) -> tuple[str, ...]:
        """What ledger and broker still disagree on."""
        last = [fact for fact in self.facts if isinstance(fact, Reconciled)][-1:]
        return last[0].differences if last else ()

    def as_json(self) -> dict[str, Any]:
        """The same as one JSON-ready object."""
        return {
            "reason": self.reason,
            "kept": self.kept,
            "entries": self.entries,
            "digest": self.digest,
            "evidence": self.evidence,
            "orders_imported": self.count(OrderImported),
            "fills_booked": self.count(FillBooked),
            "adjusted": self.count(LedgerAdjusted),
            "reconciled": not self.differences,
            "differences": list(self.differences),
        }


def rebuild(settings: Settings, on_notice: Notice, advance: Advance, *, is_dry: bool = False) -> Rebuilt:
    """Make the journal trustworthy; on a dry look only say how.

    Raises StoreUnavailable where there is nothing to rebuild, where an engine writes it, or where it is a newer
    version's; BrokerUnavailable where the broker cannot be asked. Either way nothing has changed then.
    """
    from the_alchemiser.store.anchor import Anchor
    from the_alchemiser.store.databases import database_of
    from the_alchemiser.store.sqlite import SqliteDatabase, WriterLock

    database, anchor = database_of(settings.store_url), Anchor(settings.anchor_path)
    if not isinstance(database, SqliteDatabase):
        return _tables_made_again(settings.store_url)
    if not database.exists() and anchor.read() is None:
        raise StoreUnavailable(
            f"there is no journal at {database.name} yet; --data DIR looks in another folder"
        )
    lock = WriterLock(database.path)
    try:
        return _Rebuilding(settings, database, anchor, on_notice).run(lock.release, advance, is_dry=is_dry)
    finally:
        lock.release()


def _tables_made_again(url: str) -> Rebuilt:
    from the_alchemiser.store.journal import SqlJournal

    with contextlib.closing(SqlJournal(url)) as journal:
        tip = journal.rebuild()
        journal.require_sound()
    return Rebuilt("", tip.seq, tip.seq, tip.hash, None)


class _Rebuilding:
    """One run of the command."""

    def __init__(
        self, settings: Settings, database: SqliteDatabase, anchor: Anchor, on_notice: Notice
    ) -> None:
        self._settings, self._database, self._anchor = settings, database, anchor
        self._on_notice = on_notice
        self._path = database.path

    def run(self, unlock: Callable[[], None], advance: Advance, *, is_dry: bool) -> Rebuilt:
        from the_alchemiser.store.salvage import Salvage, salvaged

        found = salvaged(self._path, advance) if self._path.exists() else Salvage([], "the file is gone")
        reason = found.reason or self._missing(found.entries)
        if not reason:
            unlock()
            with contextlib.suppress(JournalCorrupt):
                return self._made_again(found, is_dry=is_dry)
            reason = "the file is damaged beside the journal itself"
        self._on_notice(f"{reason}; {len(found.entries)} entries can be trusted")
        with connected(self._settings, self._on_notice) as connection:
            if is_dry:
                return self._looked_at(connection, found, reason)
            return self._made_anew(connection, found, reason)

    def _missing(self, entries: Sequence[Entry]) -> str:
        """What the note of the journal's end says that this one lacks."""
        tip = self._anchor.read()
        if tip is None or not tip.seq:
            return ""
        if tip.seq > len(entries):
            return f"the journal once ended at entry {tip.seq}, now at {len(entries)}"
        is_same = entries[tip.seq - 1].hash == tip.hash
        return "" if is_same else f"entry {tip.seq} is not the one whose digest was noted"

    def _made_again(self, found: Salvage, *, is_dry: bool) -> Rebuilt:
        if is_dry:
            last = found.entries[-1:]
            return Rebuilt("", len(found.entries), len(found.entries), last[0].hash if last else "", None)
        return _tables_made_again(self._settings.store_url)

    def _looked_at(self, connection: Connection, found: Salvage, reason: str) -> Rebuilt:
        from the_alchemiser.domain.facts import decode
        from the_alchemiser.store.memory import MemoryJournal

        journal = MemoryJournal()
        journal.append([decode(entry.body) for entry in found.entries])
        facts = self._from_the_broker(connection, journal, reason, len(found.entries), "")
        return Rebuilt(reason, len(found.entries), len(journal.facts), "", None, tuple(facts))

    def _made_anew(self, connection: Connection, found: Salvage, reason: str) -> Rebuilt:
        from the_alchemiser.store.journal import SqlJournal
        from the_alchemiser.store.salvage import remove, replace

        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        new = self._path.with_name(f"{self._path.name}.new")
        evidence = self._path.with_name(f"{self._path.name}.damaged-{stamp}") if self._path.exists() else None
        remove(new)
        try:
            with contextlib.closing(SqlJournal(f"sqlite:///{new}")) as journal:
                for first in range(0, len(found.entries), BATCH_ENTRIES):
                    journal.take_over(found.entries[first : first + BATCH_ENTRIES])
                name = evidence.name if evidence else ""
                facts = self._from_the_broker(connection, journal, reason, len(found.entries), name)
                tip = journal.head()
            replace(self._path, new, evidence)
        finally:
            remove(new)
        self._anchor.note(tip)
        self._anchor.close()
        return Rebuilt(reason, len(found.entries), tip.seq, tip.hash, evidence, tuple(facts))

    def _from_the_broker(
        self, connection: Connection, journal: Journal, reason: str, kept: int, evidence: str
    ) -> list[Fact]:
        """Start on the journal as the service does, as far as the first comparison with the broker."""
        from the_alchemiser.bootstrap import build

        seen: list[Fact] = []
        system = build(self._settings, connection, journal, [seen.extend])
        try:
            now = system.clock.now()
            first = JournalRebuilt(now, reason, kept, evidence)
            journal.append([first])
            _compare(system)
            for symbol in sorted(system.engine.state.frozen):
                system.turn.take([AdjustmentAsked(system.clock.now(), symbol, WHY, WHO)])
            if any(isinstance(fact, LedgerAdjusted) for fact in seen):
                _compare(system)
        finally:
            system.close()
        return [first, *seen]


def _compare(system: System) -> None:
    """Read the broker's record until the comparison stands. Nothing else that the engine wants is done."""
    events: list[Event] = [Started(system.clock.now())]
    for _ in range(LOOKS_MAX):
        events = [answer for event in events for answer in _answers(system, event)]
        if not events and not (events := list(_second_look(system))):
            return
    raise BrokerUnavailable("the account's books do not stand still: stop what trades on it, and try again")


def _answers(system: System, event: Event) -> Iterator[Event]:
    for effect in system.turn.take([event]):
        if isinstance(effect, ReadBroker):
            answer = system.performer.perform(effect)
            if isinstance(answer, ReadFailed):
                raise BrokerUnavailable(answer.reason)
            if answer is not None:
                yield answer


def _second_look(system: System) -> Iterator[Event]:
    """A difference counts when it is still there a little later."""
    due_at = system.turn.timers.next_of(AGAIN)
    if due_at is not None and system.engine.state.suspects:
        time.sleep(min(max(system.clock.seconds_until(due_at), 0.0), LOOK_SECONDS_MAX))
        yield TimerFired(system.clock.now(), f"{AGAIN}start")
