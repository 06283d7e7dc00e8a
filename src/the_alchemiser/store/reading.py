"""What the system holds and did: for any number of readers, while the engine writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, func, select

from the_alchemiser.domain.facts import Fact, decode
from the_alchemiser.domain.instants import Nanos
from the_alchemiser.domain.market import Symbol
from the_alchemiser.domain.orders import DONE, ClientOrderId

from . import schema
from .chain import Entry, Tip, verified
from .databases import database_of
from .lease import LeaseRow
from .leasing import store_time, stored_lease
from .records import (
    AccountRecord,
    AlertRecord,
    ConditionRecord,
    CycleRecord,
    DayRecord,
    FillRecord,
    OrderRecord,
    PositionRecord,
    R,
    ReconciliationRecord,
    TradeRecord,
    unpack,
)
from .tables import DERIVED, journal
from .verification import Verification, require_agreement, stored_entries, stored_tip, verify

ROWS_MAX = 1_000
"""Rows in one answer unless the caller asks for more or fewer."""

_DONE = [status.value for status in DONE]
_STATUS_CHOICES = ("open", "closed", "all")


class StatusSummary(msgspec.Struct, frozen=True):
    """Everything a person asks first, from one moment's state."""

    tip: Tip
    last_fact_at: Nanos | None
    account: AccountRecord | None
    positions: int
    orders_open: int
    cycle: CycleRecord | None
    day: DayRecord | None
    reconciliation: ReconciliationRecord | None
    conditions: tuple[ConditionRecord, ...]
    """What restrains trading now."""
    orders_of_others: int
    """Open orders that are not ours."""
    alert: AlertRecord | None
    lease: LeaseRow
    is_leased: bool
    """Whether the lease has not expired."""


class Reading:
    """Read-only questions to the journal at `url`. Lists are newest first and hold at most `limit` rows.

    Raises StoreUnavailable where there is no journal yet, or one of another version.
    """

    def __init__(self, url: str) -> None:
        self._database = database_of(url)
        with self._database.one_clear_line():
            self._engine = self._database.reading_engine()
            with self._engine.connect() as connection:
                schema.require_current(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def place(self) -> str:
        """Where the journal is, as messages call it."""
        return self._database.name

    def close(self) -> None:
        """Give the file back."""
        self._engine.dispose()

    @contextmanager
    def _moment(self) -> Iterator[Connection]:
        with self._database.one_clear_line(), self._engine.connect() as connection:
            yield connection

    def status(self) -> StatusSummary:
        """The summary, all of it from the same moment."""
        with self._moment() as connection:
            return StatusSummary(
                tip=stored_tip(connection),
                last_fact_at=_last_fact_at(connection),
                account=_first(connection, AccountRecord, select(DERIVED[AccountRecord])),
                positions=_count(connection, _held()),
                orders_open=_count(connection, _orders("open")),
                cycle=_first(connection, CycleRecord, _newest(CycleRecord)),
                day=_first(connection, DayRecord, _newest(DayRecord)),
                reconciliation=_first(connection, ReconciliationRecord, _newest(ReconciliationRecord)),
                conditions=_conditions(connection),
                orders_of_others=_count(connection, _orders("open").where(_is_of_others())),
                alert=_first(connection, AlertRecord, _newest(AlertRecord)),
                lease=(row := stored_lease(connection)),
                is_leased=row.seconds_left(store_time(connection)) > 0,
            )

    def lease(self) -> tuple[LeaseRow, Nanos]:
        """Who may write and trade, and the time by the clock its expiry is kept by."""
        with self._moment() as connection:
            return stored_lease(connection), store_time(connection)

    def account(self) -> AccountRecord | None:
        """The account and its cash by our books; None before we met it."""
        with self._moment() as connection:
            return _first(connection, AccountRecord, select(DERIVED[AccountRecord]))

    def positions(self, *, with_closed: bool = False) -> list[PositionRecord]:
        """What is held, by symbol; with those once held and sold where asked."""
        query = select(DERIVED[PositionRecord]) if with_closed else _held()
        # Sorted here, because every database has an alphabet of its own.
        return sorted(self._rows(PositionRecord, query), key=lambda position: position.symbol)

    def orders(self, status: str = "open", limit: int = ROWS_MAX) -> list[OrderRecord]:
        """Orders that are open, closed or all. Raises ValueError for another word."""
        return self._rows(
            OrderRecord, _orders(status).order_by(DERIVED[OrderRecord].c.seq.desc()).limit(limit)
        )

    def order(self, client_order_id: ClientOrderId) -> OrderRecord | None:
        """One order by our name for it."""
        table = DERIVED[OrderRecord]
        with self._moment() as connection:
            return _first(
                connection, OrderRecord, select(table).where(table.c.client_order_id == client_order_id)
            )

    def fills(
        self, limit: int = ROWS_MAX, *, cycle_id: str | None = None, symbol: Symbol | None = None
    ) -> list[FillRecord]:
        """Executions booked."""
        wanted = {"cycle_id": cycle_id, "symbol": symbol}
        return self._rows(FillRecord, _matching(FillRecord, wanted).limit(limit))

    def cycles(self, limit: int = ROWS_MAX) -> list[CycleRecord]:
        """Trading cycles."""
        return self._rows(CycleRecord, _newest(CycleRecord).limit(limit))

    def trades(self, limit: int = ROWS_MAX, *, cycle_id: str | None = None) -> list[TradeRecord]:
        """Trades planned, with risk's verdict and what became of them."""
        return self._rows(TradeRecord, _matching(TradeRecord, {"cycle_id": cycle_id}).limit(limit))

    def days(self, limit: int = ROWS_MAX) -> list[DayRecord]:
        """The books at each session's close."""
        return self._rows(DayRecord, _newest(DayRecord).limit(limit))

    def last_reconciliation(self) -> ReconciliationRecord | None:
        """The newest comparison of ledger and broker."""
        with self._moment() as connection:
            return _first(connection, ReconciliationRecord, _newest(ReconciliationRecord))

    def reconciliations(self, limit: int = ROWS_MAX) -> list[ReconciliationRecord]:
        """Comparisons of ledger and broker."""
        return self._rows(ReconciliationRecord, _newest(ReconciliationRecord).limit(limit))

    def alerts(self, limit: int = ROWS_MAX) -> list[AlertRecord]:
        """What a person should know."""
        return self._rows(AlertRecord, _newest(AlertRecord).limit(limit))

    def head(self) -> Tip:
        """Where the journal ends; its hash is the digest of the whole journal."""
        with self._moment() as connection:
            return stored_tip(connection)

    def facts(self) -> Iterator[Fact]:
        """Every fact, oldest first. Raises JournalCorrupt where the chain, or its end, does not verify."""
        return (decode(entry.body) for entry in self.entries())

    def entries(self) -> Iterator[Entry]:
        """Every entry, oldest first and checked."""
        with self._moment() as connection:
            require_agreement(connection)
            yield from verified(stored_entries(connection))

    def verify(self, anchor: Tip | None = None) -> Verification:
        """Check chain and derived tables; `anchor`, a digest noted elsewhere, must still be in the chain."""
        with self._moment() as connection:
            return verify(connection, anchor)

    def _rows(self, kind: type[R], query: Select[Any]) -> list[R]:
        with self._moment() as connection:
            return [unpack(kind, dict(row)) for row in connection.execute(query).mappings()]


def _newest(kind: type[Any]) -> Select[Any]:
    table = DERIVED[kind]
    return select(table).order_by(table.c.seq.desc())


def _matching(kind: type[Any], wanted: dict[str, str | None]) -> Select[Any]:
    columns = DERIVED[kind].c
    return _newest(kind).where(
        *(columns[name] == value for name, value in wanted.items() if value is not None)
    )


def _held() -> Select[Any]:
    table = DERIVED[PositionRecord]
    return select(table).where(table.c.shares != "0")


def _orders(status: str) -> Select[Any]:
    if status not in _STATUS_CHOICES:
        raise ValueError(f"orders are open, closed or all, not {status!r}")
    table = DERIVED[OrderRecord]
    is_done = table.c.status.in_(_DONE)
    return {
        "open": select(table).where(~is_done),
        "closed": select(table).where(is_done),
        "all": select(table),
    }[status]


def _is_of_others() -> ColumnElement[bool]:
    """Every order that we sent has a cycle, those of bar strategies, too."""
    return DERIVED[OrderRecord].c.cycle_id == ""


def _conditions(connection: Connection) -> tuple[ConditionRecord, ...]:
    table = DERIVED[ConditionRecord]
    query = select(table).where(table.c.value != "").order_by(table.c.name)
    return tuple(unpack(ConditionRecord, dict(row)) for row in connection.execute(query).mappings())


def _first(connection: Connection, kind: type[R], query: Select[Any]) -> R | None:
    row = connection.execute(query.limit(1)).mappings().one_or_none()
    return None if row is None else unpack(kind, dict(row))


def _count(connection: Connection, query: Select[Any]) -> int:
    return connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()


def _last_fact_at(connection: Connection) -> Nanos | None:
    return connection.execute(
        select(journal.c.at).order_by(journal.c.seq.desc()).limit(1)
    ).scalar_one_or_none()
