"""One writer for each account: who has the lease, for how long, and what a process may conclude from what it last read.

The row in the store is the truth; `Hold` is what its holder remembers of it. Whoever takes the lease raises the epoch,
and every append names its epoch in its own transaction: an engine that slept through its expiry writes nothing. That it
sends nothing either needs a second rule, for a socket asks no database: it sends only on a reading of the row that is
at most READING_SECONDS_MAX old, and never later than LEASE_SECONDS after it asked for its last renewal, both by a clock
of its own that it read before it asked. The store counts the same LEASE_SECONDS from a later moment, so the lease has
ended for its holder before anybody else can have it. One send remains that nothing on this side of the wire can stop:
the one already past its check when the process was put to sleep. Its client order id is a function of the decision
alone, so the broker books it once whoever repeats it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from the_alchemiser.domain.errors import LeaseHeld, LeaseLost
from the_alchemiser.domain.instants import SECOND, Nanos

LEASE_SECONDS: Final = 10
"""How long a lease lives without renewal. Long enough for a slow fsync or a restarting database (some 5 s), short
enough that an account whose engine froze is taken over before its next quote is stale."""
RENEWAL_SECONDS: Final = 2.5
"""How often it is renewed: three renewals in a row may fail before it is in danger."""
READING_SECONDS_MAX: Final = 1
"""How old the knowledge of being the holder may be when something is sent."""


class LeaseRow(msgspec.Struct, frozen=True):
    """The lease as it stands in a store. `expires_at` is by the store's clock; 0 where it was given back."""

    epoch: int = 0
    owner: str = ""
    process: str = ""
    """What tells whether the owner still lives; see `store.owner`."""
    expires_at: Nanos = 0
    version: str = ""
    """The program that holds it."""
    config_hash: str = ""
    """The settings it runs by."""

    def seconds_left(self, now: Nanos) -> float:
        """How long it lives yet without renewal; negative once it has expired."""
        return (self.expires_at - now) / SECOND


class Hold:
    """What one process knows of its own lease, by its own clock.

    `now` must go on while the machine sleeps; it need not agree with any other clock.
    """

    def __init__(self, now: Callable[[], Nanos]) -> None:
        self._now = now
        self.epoch = 0
        self._read_at: Nanos = 0
        self._renewed_at: Nanos = 0
        self._loss = "no lease was taken"

    def now(self) -> Nanos:
        """The moment to be passed on as `asked_at`: read it before asking the store."""
        return self._now()

    def taken(self, epoch: int, asked_at: Nanos) -> None:
        """The store wrote our name."""
        self.epoch, self._loss = epoch, ""
        self.renewed(asked_at)

    def renewed(self, asked_at: Nanos) -> None:
        """The store counted LEASE_SECONDS anew, some time after `asked_at`."""
        self._renewed_at = asked_at
        self.confirmed(asked_at)

    def confirmed(self, asked_at: Nanos) -> None:
        """The store showed our epoch, some time after `asked_at`."""
        self._read_at = asked_at

    def lost(self, reason: str) -> LeaseLost:
        """It is over, for good: a process whose lease was taken never takes another."""
        self._loss = self._loss or reason
        return LeaseLost(self._loss)

    @property
    def is_lost(self) -> bool:
        """Whether it was never taken, or is over."""
        return bool(self._loss)

    def require(self) -> None:
        """Raises LeaseLost where it was never taken, or lost."""
        if self._loss:
            raise LeaseLost(self._loss)

    @property
    def is_fresh(self) -> bool:
        """Whether what we know is new enough to send by."""
        now = self._now()
        is_read = 0 <= now - self._read_at <= READING_SECONDS_MAX * SECOND
        return is_read and 0 <= now - self._renewed_at < LEASE_SECONDS * SECOND


def held(row: LeaseRow, now: Nanos) -> LeaseHeld:
    """The refusal to whoever wants it too."""
    left = max(row.seconds_left(now), 0.0)
    return LeaseHeld(
        f"another engine trades this account: {row.owner} holds its lease (epoch {row.epoch}) "
        f"for another {left:.1f} s at least",
        owner=row.owner,
    )


def explained(other: LeaseHeld, beside: tuple[LeaseRow, Nanos] | None) -> LeaseHeld:
    """The refusal in the words of the lease, where the database's own say only which session is in the way."""
    if beside is None or not beside[0].expires_at:
        return other
    row, now = beside
    if row.seconds_left(now) > 0:
        return held(row, now)
    return LeaseHeld(
        f"{other}; it has not renewed its lease for {-row.seconds_left(now):.0f} s, so it is stopped or hangs: "
        f"end {row.owner}, then start again",
        owner=row.owner,
    )


def taken_by(row: LeaseRow, epoch: int) -> str:
    """Why the engine of `epoch` may do nothing more."""
    return (
        f"the lease on this account (epoch {epoch}) was taken by {row.owner or 'another engine'} "
        f"(epoch {row.epoch}): this engine writes and sends nothing more"
    )
