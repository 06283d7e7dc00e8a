"""Strategies told bar by bar: one order at a time, through the same checks, and never from a bar of the future."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hand import HALF_PAST_THREE, LIMITS, Hand, setting
from language import NOON
from msgspec.structs import replace

from the_alchemiser.cycle import CycleConfig
from the_alchemiser.domain.events import OrderDenied
from the_alchemiser.domain.facts import OrderIntended, SignalFormed, TradeRefused
from the_alchemiser.domain.instants import MINUTE
from the_alchemiser.domain.market import Bar
from the_alchemiser.domain.money import ONE, ZERO, Weight
from the_alchemiser.domain.orders import OrderRequest
from the_alchemiser.engine import EngineConfig
from the_alchemiser.pipeline.rebalance import RebalancePolicy

D = Decimal


class Script:
    """Says at each bar what the test wrote down."""

    name = "scripted"

    def __init__(self, says: Sequence[Weight | None], symbol: str = "HAT") -> None:
        self.symbols, self._says = (symbol,), iter(says)

    def on_bar(self, bar: Bar) -> Weight | None:
        return next(self._says, None)


def hand(*says: Weight | None, cycle: CycleConfig | None = None) -> Hand:
    policy = RebalancePolicy(cash_buffer=ZERO)
    chosen = cycle or CycleConfig(limits=LIMITS, rebalance=policy)
    some = Hand(EngineConfig(chosen, (Script(says),)))
    some.start()
    return some


def bar(some: Hand, number: int = 0, close: float = 100.0, symbol: str = "HAT") -> list[OrderRequest]:
    """The bar of minute `number` from noon on; the orders it led to."""
    at = NOON + number * MINUTE
    result = some.engine.step(Bar(symbol, at, close, close, close, close, 1.0, at + MINUTE))
    some.facts += result.facts
    some.last, some.at = list(result.effects), at + MINUTE
    return some.submitted()


def test_a_new_wish_becomes_a_market_order_for_the_difference() -> None:
    some = hand(D("0.5"), None, D("0.2"))
    (bought,) = bar(some)
    assert (bought.side.value, bought.shares, bought.limit_price) == ("buy", 500, None)
    some.hear(bought, "filled", 500, (0, 500))
    assert bar(some, 1) == []
    (sold,) = bar(some, 2)
    assert (sold.side.value, sold.shares) == ("sell", 300)


def test_a_change_of_mind_waits_until_the_order_in_flight_has_ended() -> None:
    some = hand(D("0.5"), ZERO, None)
    (bought,) = bar(some)
    assert bar(some, 1) == []
    some.hear(bought, "filled", 500, (0, 500))
    (sold,) = bar(some, 2)
    assert (sold.side.value, sold.shares) == ("sell", 500)


def test_wishing_for_what_is_held_does_nothing() -> None:
    some = hand(ZERO)
    assert bar(some) == []
    assert some.kinds(SignalFormed) == []


def test_a_bar_of_a_symbol_nobody_asked_for_is_not_told() -> None:
    some = hand(D("0.5"))
    assert bar(some, symbol="SHOE") == []
    assert len(bar(some, 1)) == 1


def test_equity_counts_what_is_held_at_the_last_close() -> None:
    some = hand(D("0.5"), D(1))
    (bought,) = bar(some)
    some.hear(bought, "filled", 500, (0, 500))
    (more,) = bar(some, 1, close=99.0)
    assert more.shares == (50_000 + 500 * 99) // 99 - 500


@pytest.mark.parametrize("limit", [{"order_notional_max": D(1000)}, {"restricted": frozenset({"HAT"})}])
def test_no_wish_passes_by_the_limits(limit: dict[str, object]) -> None:
    some = hand(D("0.5"), cycle=CycleConfig(limits=replace(LIMITS, **limit)))
    assert bar(some) == []
    assert len(some.kinds(TradeRefused)) == 1
    assert some.kinds(OrderIntended) == []


def test_a_refused_order_is_not_sent_again_for_the_same_wish() -> None:
    some = hand(D("0.5"))
    (bought,) = bar(some)
    some.tell(OrderDenied(some.at, bought.client_order_id, "no"))
    assert bar(some, 1) == bar(some, 2) == []


def test_the_cash_of_an_order_in_flight_is_not_spent_again_by_the_days_cycle() -> None:
    base = setting().cycle
    some = Hand(EngineConfig(base, (Script([D("0.9")]),)))
    some.start()
    assert len(bar(some)) == 1
    some.read("begin:2021-01-04", "100000", at=HALF_PAST_THREE)
    some.market()
    assert [(fact.trade.symbol, fact.code) for fact in some.kinds(TradeRefused)] == [("AAPL", "cash")]
    assert base.allocations == {"wanting": ONE}
