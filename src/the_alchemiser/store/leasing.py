"""The lease as a row beside the journal it guards. `store.lease` says what it means, and why it is safe.

Whose clock: the expiry is kept by the database's own clock on PostgreSQL, where engines of several machines meet, and
by this machine's on SQLite, where they cannot. Nobody trusts either alone: a holder counts by a clock of its own that
no one sets, and whoever finds a lease that has not expired though its writer is gone needs no clock but its own to see
that for LEASE_SECONDS nobody renewed it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

import msgspec
from sqlalchemy import Connection, insert, select, text, update

from the_alchemiser.domain.errors import LeaseLost, StoreUnavailable
from the_alchemiser.domain.instants import SECOND, Nanos
from the_alchemiser.domain.probes import probe

from .databases import Database
from .lease import LEASE_SECONDS, Hold, LeaseRow, held, taken_by
from .owner import is_dead, this_process
from .session import WritingSession
from .statements import Statement
from .tables import lease

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.25
"""How often a lease is looked at whose holder can no longer write, but may not know it yet."""
_ONLY: Final = 1
_COLUMNS = [column for column in lease.c if column.name != "id"]


class Holder(msgspec.Struct, frozen=True):
    """What the row says of its holder besides which process it is."""

    version: str = ""
    config_hash: str = ""


def awake_and_asleep() -> Nanos:
    """A clock nobody sets, which goes on while the machine sleeps where the system has such a one."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def stored_lease(connection: Connection) -> LeaseRow:
    """The lease as it stands; of epoch 0 where it was never taken."""
    row = connection.execute(select(*_COLUMNS)).one_or_none()
    # Checked, because a damaged row must be told as damage.
    return (
        LeaseRow()
        if row is None
        else msgspec.convert(dict(zip(LeaseRow.__struct_fields__, row, strict=True)), LeaseRow)
    )


def store_time(connection: Connection) -> Nanos:
    """The clock by which the lease expires."""
    if connection.dialect.name == "sqlite":
        return time.time_ns()
    query = text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint")
    return int(connection.execute(query).scalar_one())


def lease_beside(database: Database) -> tuple[LeaseRow, Nanos] | None:
    """The lease and the time, for who may not write; None where nobody can say."""
    try:
        with database.one_clear_line():
            engine = database.reading_engine()
            try:
                with engine.connect() as connection:
                    return stored_lease(connection), store_time(connection)
            finally:
                engine.dispose()
    except StoreUnavailable:
        return None


def require_free(database: Database) -> None:
    """Raises LeaseHeld where a live engine has the lease: for who would begin something else before he takes it."""
    beside = lease_beside(database)
    if beside is not None:
        row, now = beside
        if row.seconds_left(now) > 0 and not is_dead(row.process):
            raise held(row, now)


class SqlLease:
    """The Lease of one process. Its row is written through the session that writes the journal."""

    def __init__(
        self,
        session: WritingSession,
        holder: Holder,
        now: Callable[[], Nanos] = awake_and_asleep,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._session, self._holder, self._sleep = session, holder, sleep
        self._hold = Hold(now)

    @property
    def epoch(self) -> int:
        return self._hold.epoch

    def take(self) -> int:
        """Take it; waits where the last holder can no longer write but may not know it yet, LEASE_SECONDS at most."""
        began, first = self._hold.now(), None
        while (seen := self._try_to_take(first, began)) is not None:
            if first is None:
                probe("leasing.waited_for_expiry")
                log.warning(
                    "%s may not know yet that it is over: waiting for its lease to expire", seen.owner
                )
            first = seen
            self._sleep(LOOK_SECONDS)
        return self._hold.epoch

    def _try_to_take(self, first: LeaseRow | None, began: Nanos) -> LeaseRow | None:
        """None once it is ours, else the row in the way. Raises LeaseHeld where it was renewed since `first`."""
        asked_at = self._hold.now()
        with self._session.transaction() as connection:
            row, now = stored_lease(connection), store_time(connection)
            if first is not None and row != first:
                raise held(row, now)
            was_unrenewed = asked_at - began >= LEASE_SECONDS * SECOND
            if row.seconds_left(now) > 0 and not was_unrenewed and not is_dead(row.process):
                return row
            self._write(connection, row.epoch + 1, now)
        self._hold.taken(row.epoch + 1, asked_at)
        return None

    def _write(self, connection: Connection, epoch: int, now: Nanos) -> None:
        process = this_process()
        expires_at = now + LEASE_SECONDS * SECOND
        row = LeaseRow(
            epoch, process.shown, process.text, expires_at, self._holder.version, self._holder.config_hash
        )
        values = msgspec.structs.asdict(row)
        is_theirs = lease.c.epoch == epoch - 1
        changed = connection.execute(update(lease).where(is_theirs).values(values)).rowcount
        if not changed:
            # Never taken before; two who try at once meet at the key.
            connection.execute(insert(lease).values(values | {"id": _ONLY}))

    def renew(self) -> None:
        self._hold.require()
        asked_at = self._hold.now()
        with self._session.transaction() as connection:
            expires_at = store_time(connection) + LEASE_SECONDS * SECOND
            is_ours = lease.c.epoch == self._hold.epoch
            if not connection.execute(update(lease).where(is_ours).values(expires_at=expires_at)).rowcount:
                raise self._lost(connection)
        self._hold.renewed(asked_at)

    def check(self) -> None:
        self._hold.require()
        if self._hold.is_fresh:
            return
        with self._session.mutex:
            # Whoever waited here for another thread's renewal needs none of its own.
            if not self._hold.is_fresh:
                probe("leasing.read_again_before_sending")
                self.renew()

    def release(self) -> None:
        """Give it back, where it is ours and the store can be told; else it expires."""
        if self._hold.epoch and not self._hold.is_lost:
            is_ours = lease.c.epoch == self._hold.epoch
            try:
                with self._session.transaction() as connection:
                    connection.execute(update(lease).where(is_ours).values(expires_at=0))
            except StoreUnavailable:
                probe("leasing.not_given_back")
        self._hold.lost("the lease was given back")

    def fence(self, connection: Connection, ours: Statement) -> None:
        """To be called first in every transaction that writes: raises LeaseLost where our epoch is over.

        `ours` finds the row of an epoch, and keeps everybody from raising it before the transaction ends.
        """
        self._hold.require()
        asked_at = self._hold.now()
        if ours.first({"key_epoch": self._hold.epoch}) is None:
            raise self._lost(connection)
        self._hold.confirmed(asked_at)

    def require_epoch_of(self, row: LeaseRow) -> None:
        """Raises LeaseLost where the row shows another epoch than ours."""
        if row.epoch != self._hold.epoch:
            raise self._lost_to(row)

    def _lost(self, connection: Connection) -> LeaseLost:
        return self._lost_to(stored_lease(connection))

    def _lost_to(self, row: LeaseRow) -> LeaseLost:
        probe("leasing.lost")
        return self._hold.lost(taken_by(row, self._hold.epoch))
