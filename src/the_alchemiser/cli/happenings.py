"""What the journal's tables tell, as one line each in the order of time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from the_alchemiser.domain.instants import Nanos
from the_alchemiser.domain.money import Side, plain
from the_alchemiser.report import wording

if TYPE_CHECKING:
    from the_alchemiser.store.reading import Reading
    from the_alchemiser.store.records import CycleRecord


class Happening(msgspec.Struct, frozen=True):
    """One thing that happened; `seq` is the journal entry that began it."""

    at: Nanos
    kind: str
    text: str
    seq: int


def happenings(reading: Reading, limit: int) -> list[Happening]:
    """The newest `limit`, newest first."""
    found = [*_cycles(reading, limit), *_trading(reading, limit), *_books(reading, limit)]
    found.sort(key=lambda one: (one.at, one.seq, one.kind), reverse=True)
    return found[:limit]


def _cycles(reading: Reading, limit: int) -> Iterator[Happening]:
    for cycle in reading.cycles(limit):
        yield Happening(cycle.ended_at or cycle.started_at, "cycle", _end_of(cycle), cycle.seq)


def _end_of(cycle: CycleRecord) -> str:
    if cycle.status == "refused":
        return f"{cycle.cycle_id} refused: {'; '.join(cycle.reasons)}"
    if cycle.status == "finished":
        return f"{cycle.cycle_id} finished: {cycle.trades_filled} of {wording.count(cycle.trades, 'trade')} filled"
    return f"{cycle.cycle_id} under way: {wording.count(cycle.trades, 'trade')}"


def _trading(reading: Reading, limit: int) -> Iterator[Happening]:
    for fill in reading.fills(limit):
        verb = "bought" if fill.side is Side.BUY else "sold"
        text = f"{verb} {plain(fill.shares)} {fill.symbol} at {wording.price(fill.price)}"
        yield Happening(fill.at, "fill", text, fill.seq)
    started = {cycle.cycle_id: cycle.started_at for cycle in reading.cycles(limit)}
    for trade in reading.trades(limit):
        if trade.status == "refused" and trade.cycle_id in started:
            text = f"{trade.side.value} {plain(trade.shares)} {trade.symbol}: {trade.text} ({trade.code})"
            yield Happening(started[trade.cycle_id], "refused", text, trade.seq)


def _books(reading: Reading, limit: int) -> Iterator[Happening]:
    for one in reading.reconciliations(limit):
        verdict = "; ".join(one.differences) or "ledger and broker agree"
        yield Happening(one.at, "books", f"{one.purpose}: {verdict}", one.seq)
    for day in reading.days(limit):
        yield Happening(day.at, "day", f"{day.session} closed, equity {wording.dollars(day.equity)}", day.seq)
    for alert in reading.alerts(limit):
        yield Happening(alert.at, alert.level, alert.text, alert.seq)
