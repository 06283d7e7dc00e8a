"""Journals that live as long as their process: one for backtests, and one that several simulated engines share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from the_alchemiser.domain.errors import LeaseLost
from the_alchemiser.domain.facts import Fact
from the_alchemiser.domain.instants import SECOND, Nanos

from .chain import START, Tip, entries_after
from .lease import LEASE_SECONDS, Hold, LeaseRow, held, taken_by


class MemoryJournal:
    """A Journal in a list. `head` gives the digest a stored journal of the same facts would have."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self._tip = START

    def append(self, facts: Sequence[Fact]) -> None:
        """Keep the facts. Hashing waits until somebody asks: a backtest usually never does."""
        self.facts.extend(facts)

    def read(self) -> Iterator[Fact]:
        """Every fact so far, oldest first."""
        return iter(self.facts)

    def head(self) -> Tip:
        """How many facts there are, and the digest of them all."""
        fresh = entries_after(self._tip, self.facts[self._tip.seq :])
        if fresh:
            self._tip = Tip(fresh[-1].seq, fresh[-1].hash)
        return self._tip

    def close(self) -> None:
        """Nothing to give back."""


class MemoryStore(MemoryJournal):
    """One store for several engines: the facts, and the lease by which one of them at a time may write."""

    def __init__(self) -> None:
        super().__init__()
        self.lease = LeaseRow()

    def journal(self, owner: str, now: Callable[[], Nanos]) -> LeasedJournal:
        """The store as the engine called `owner` sees it; it still has to take the lease."""
        return LeasedJournal(self, owner, now)

    def died(self, owner: str) -> None:
        """The process called `owner` is known to have ended: nobody need wait until its lease expires."""
        if self.lease.owner == owner:
            self.lease = replace(self.lease, expires_at=0)


class LeasedJournal:
    """Journal and Lease of one engine on a shared store, with the rules a database keeps."""

    def __init__(self, store: MemoryStore, owner: str, now: Callable[[], Nanos]) -> None:
        self._store, self._owner, self._now = store, owner, now
        self._hold = Hold(now)

    @property
    def epoch(self) -> int:
        return self._hold.epoch

    def take(self) -> int:
        row, now = self._store.lease, self._now()
        if row.expires_at > now:
            raise held(row, now)
        self._store.lease = LeaseRow(row.epoch + 1, self._owner, expires_at=now + LEASE_SECONDS * SECOND)
        self._hold.taken(row.epoch + 1, now)
        return self._hold.epoch

    def renew(self) -> None:
        self._require_epoch()
        now = self._now()
        self._store.lease = replace(self._store.lease, expires_at=now + LEASE_SECONDS * SECOND)
        self._hold.renewed(now)

    def check(self) -> None:
        self._hold.require()
        if not self._hold.is_fresh:
            self.renew()

    def release(self) -> None:
        if self._store.lease.epoch == self._hold.epoch:
            self._store.lease = replace(self._store.lease, expires_at=0)
        self._hold.lost("the lease was given back")

    def append(self, facts: Sequence[Fact]) -> None:
        self._require_epoch()
        self._store.append(facts)
        self._hold.confirmed(self._now())

    def read(self) -> Iterator[Fact]:
        return self._store.read()

    def _require_epoch(self) -> None:
        self._hold.require()
        if self._store.lease.epoch != self._hold.epoch:
            raise self._lost()

    def _lost(self) -> LeaseLost:
        return self._hold.lost(taken_by(self._store.lease, self._hold.epoch))
