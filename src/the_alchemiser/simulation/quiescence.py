"""What must be true when all is quiet again, by the plainest comparison of the two sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from the_alchemiser.domain.facts import DayClosed, Fact, OrderIntended
from the_alchemiser.domain.orders import OrderStatus
from the_alchemiser.engine import Engine
from the_alchemiser.exchange.units import MONEY, QUANTITY
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.simulation.judge.violations import Violation


def check(engine: Engine | None, facts: Sequence[Fact], exchange: Exchange, date: str) -> list[Violation]:
    """Everything that is wrong with a world at rest."""
    if engine is None:
        return [Violation("I-CALM", exchange.now, "no engine runs")]
    found = [*_orders(facts), *_books(engine, exchange), *_rest(engine, facts, date)]
    return [Violation(invariant, exchange.now, text) for invariant, text in found]


def _orders(facts: Sequence[Fact]) -> Iterator[tuple[str, str]]:
    names = Counter(fact.request.client_order_id for fact in facts if isinstance(fact, OrderIntended))
    for name, count in names.items():
        if count > 1:
            yield "I-ONE", f"{name} was intended {count} times"


def _books(engine: Engine, exchange: Exchange) -> Iterator[tuple[str, str]]:
    ledger = {symbol: int(shares * QUANTITY) for symbol, shares in engine.state.ledger.shares().items()}
    held = {position.symbol: position.qty_e9 for position in exchange.positions()}
    if ledger != held:
        yield "I-POS", f"the ledger holds {ledger}, the broker {held}"
    cash, stated = int(engine.state.ledger.cash * MONEY), exchange.account().cash_e13
    if cash != stated:
        yield "I-CASH", f"the ledger has {cash}, the broker {stated}"


def _rest(engine: Engine, facts: Sequence[Fact], date: str) -> Iterator[tuple[str, str]]:
    for name, order in engine.state.live.items():
        kind = "I-UNK" if order.status is OrderStatus.UNKNOWN else "I-CALM"
        yield kind, f"{name} is still {order.status.value}"
    closed = [fact.session for fact in facts if isinstance(fact, DayClosed)]
    if date not in closed:
        yield "I-DAY", f"the books of {date} were not closed"
    for session, count in Counter(closed).items():
        if count > 1:
            yield "I-DAY", f"the books of {session} were closed {count} times"
