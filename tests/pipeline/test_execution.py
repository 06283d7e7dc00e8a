"""A trade is brought to its end: from the middle of the spread to the far side, then at the market, each share once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from language import TODAY, filled, order, quote, quotes, report, work
from msgspec.structs import replace

from the_alchemiser.domain.instants import MINUTE, SECOND
from the_alchemiser.domain.money import ZERO, Side, tick_size
from the_alchemiser.domain.orders import Order, OrderStatus, OrderType
from the_alchemiser.pipeline.execution import (
    WAIT,
    Cancel,
    End,
    ExecutionPolicy,
    Move,
    OrderManager,
    Submit,
    Walk,
    Work,
)

D = Decimal
POLICY = ExecutionPolicy(
    walk_steps=4, step_seconds=300, market_seconds_before_close=300, market_collar=D("0.02")
)
AT_MARKET = POLICY.walk_steps + 1
WIDE = "AAPL 99.00/101.00"
RICH = D(10**9)
OPEN = ["accepted", "new", "partially_filled"]


def move(some: Work, step: int = 0, market: str = WIDE, cash: Decimal = RICH) -> Move:
    return OrderManager(POLICY).next_move(some, "20210104", Walk(step), quotes(market), lambda: cash)


def sent(some: Work, step: int = 0, market: str = WIDE, cash: Decimal = RICH) -> Submit:
    made = move(some, step, market, cash)
    assert isinstance(made, Submit)
    return made


def told(status: str, shares: str = "0", text: str = "buy 10 AAPL @ 100", reason: str = "") -> Order:
    """An order for which the broker reported this, and whose fills are booked."""
    some = order(text)
    some.merge(report(some, status, shares, reason))
    if D(shares):
        some.book(filled(some, shares))
    return some


@pytest.mark.parametrize(
    ("step", "buy", "sell"),
    [
        (0, "100.00", "100.00"),
        (1, "100.25", "99.75"),
        (2, "100.50", "99.50"),
        (3, "100.75", "99.25"),
        (4, "101.00", "99.00"),
    ],
)
def test_limits_walk_from_the_middle_to_the_far_side(step: int, buy: str, sell: str) -> None:
    assert sent(work("buy 10 AAPL @ 100"), step).request.limit_price == D(buy)
    assert sent(work("sell 10 AAPL @ 100"), step).request.limit_price == D(sell)


def test_the_last_step_is_a_market_order() -> None:
    request = sent(work("buy 10 AAPL @ 100"), AT_MARKET).request
    assert (request.type, request.limit_price) == (OrderType.MARKET, None)


@given(
    st.integers(100, 5_000_000),
    st.integers(0, 5_000),
    st.sampled_from(Side),
    st.integers(0, 4),
)
def test_a_limit_lies_on_the_tick_grid_between_the_middle_and_the_far_side(
    bid: int, spread: int, side: Side, step: int
) -> None:
    market = quote(f"AAPL {D(bid) / 10_000}/{D(bid + spread) / 10_000}")
    made = OrderManager(POLICY).next_move(
        work(f"{side.value} 10 AAPL @ 100"), "20210104", Walk(step), {"AAPL": market}, lambda: RICH
    )
    assert isinstance(made, Submit)
    limit = made.request.limit_price
    assert limit is not None
    tick = tick_size(limit)
    assert limit % tick == 0
    if side is Side.BUY:
        assert market.middle - tick < limit <= market.ask
    else:
        assert market.bid <= limit < market.middle + tick_size(market.middle)


@pytest.mark.parametrize("status", OPEN)
def test_an_order_at_the_right_price_is_left_to_work(status: str) -> None:
    assert move(work("buy 10 AAPL @ 100", told(status)), step=0) is WAIT


@pytest.mark.parametrize("status", OPEN)
@pytest.mark.parametrize(("step", "market"), [(1, WIDE), (AT_MARKET, WIDE), (0, "AAPL 99.50/101.50")])
def test_an_order_is_taken_back_when_the_walk_or_the_market_has_moved_on(
    status: str, step: int, market: str
) -> None:
    made = move(work("buy 10 AAPL @ 100", told(status)), step, market)
    assert isinstance(made, Cancel)


@pytest.mark.parametrize("status", [OrderStatus.INTENDED, OrderStatus.UNKNOWN, OrderStatus.PENDING_CANCEL])
def test_nothing_is_done_about_an_order_whose_state_is_not_known(status: OrderStatus) -> None:
    some = order("buy 10 AAPL @ 100")
    some.status = status
    for step in range(AT_MARKET + 1):
        assert move(work("buy 10 AAPL @ 100", some), step) is WAIT


def test_a_cancel_is_asked_for_once() -> None:
    some = told("new")
    some.cancel_intended = True
    assert move(work("buy 10 AAPL @ 100", some), step=2) is WAIT


def test_a_market_order_is_never_taken_back() -> None:
    some = order("buy 10 AAPL @ 100", limit=False)
    some.merge(report(some, "new"))
    assert move(work("buy 10 AAPL @ 100", some), AT_MARKET) is WAIT


def test_after_a_cancel_only_the_rest_is_sent_under_the_next_name() -> None:
    request = sent(work("buy 10 AAPL @ 100", told("canceled", "3")), step=2).request
    assert (request.shares, request.client_order_id) == (7, "alc-20210104-AAPL-b-1")


def test_nothing_new_is_sent_while_fills_of_the_last_order_are_still_on_their_way() -> None:
    some = order("buy 10 AAPL @ 100")
    some.merge(report(some, "canceled", "3"))
    some.book(filled(some, "1"))
    assert move(work("buy 10 AAPL @ 100", some), step=2) is WAIT


def test_a_filled_trade_has_ended() -> None:
    assert move(work("buy 10 AAPL @ 100", told("canceled", "3"), told("filled", "7"))) == End("filled")


@pytest.mark.parametrize("status", ["rejected", "expired"])
def test_what_was_refused_is_not_sent_again(status: str) -> None:
    """Else the same refusal would come back for ever; the next cycle plans afresh."""
    ended = End(f"{status}: insufficient buying power")
    assert move(work("buy 10 AAPL @ 100", told(status, reason="insufficient buying power"))) == ended
    assert move(work("buy 10 AAPL @ 100", told(status))) == End(status)


def test_an_order_that_never_arrived_ends_its_trade() -> None:
    some = order("buy 10 AAPL @ 100")
    some.status, some.reason = OrderStatus.ABANDONED, "no trace of it at the broker"
    assert move(work("buy 10 AAPL @ 100", some)) == End("abandoned: no trace of it at the broker")


def test_a_buy_waits_for_the_cash_that_sells_will_bring() -> None:
    assert move(work("buy 10 AAPL @ 100"), cash=D("999.99")) is WAIT
    assert sent(work("buy 10 AAPL @ 100"), cash=D("1000.00")).request.shares == 10


def test_a_sell_waits_for_no_cash() -> None:
    assert sent(work("sell 10 AAPL @ 100"), cash=D(-1)).request.shares == 10


def test_at_the_market_a_buy_takes_what_the_cash_can_surely_pay_collar_included() -> None:
    assert sent(work("buy 10 AAPL @ 100"), AT_MARKET, cash=D("1030.20")).request.shares == 10
    assert sent(work("buy 10 AAPL @ 100"), AT_MARKET, cash=D("1030.19")).request.shares == 9
    assert move(work("buy 10 AAPL @ 100"), AT_MARKET, cash=D(103)) == End("not enough cash")
    assert move(work("buy 10 AAPL @ 100"), AT_MARKET, cash=D(-5)) == End("not enough cash")


def test_a_fraction_is_cut_to_what_a_fraction_of_cash_can_pay() -> None:
    request = sent(work("buy 0.5 AAPL @ 100"), AT_MARKET, cash=D("10.302")).request
    assert request.shares == D("0.1")


def test_an_open_buy_keeps_the_cash_it_may_still_spend() -> None:
    manager, some = OrderManager(POLICY), told("partially_filled", "4")
    assert manager.reserved(some) == 6 * 100
    assert manager.reserved(told("canceled", "4")) == 0
    assert manager.reserved(told("new", text="sell 10 AAPL @ 100")) == 0
    lost = order("buy 10 AAPL @ 100")
    lost.status = OrderStatus.UNKNOWN
    assert manager.reserved(lost) == 1000
    assert manager.reserved(order("buy 10 AAPL @ 100", limit=False)) == 10 * 102


def test_steps_follow_the_time_and_the_market_order_leaves_before_the_close() -> None:
    start = TODAY.close - 30 * MINUTE
    reached = [POLICY.step_at(start, TODAY.close, start + minutes * MINUTE) for minutes in range(0, 31, 5)]
    assert reached == [0, 1, 2, 3, 4, 5, 5]
    assert [POLICY.step_starts(step, start, TODAY.close) - start for step in range(6)] == [
        step * 5 * MINUTE for step in range(6)
    ]


def test_a_cycle_that_starts_late_skips_steps_rather_than_missing_the_close() -> None:
    start = TODAY.close - 12 * MINUTE
    market_at = TODAY.close - 5 * MINUTE
    assert POLICY.market_at(start, TODAY.close) == market_at
    assert POLICY.step_at(start, TODAY.close, market_at - 1) == 1
    assert POLICY.step_at(start, TODAY.close, market_at) == AT_MARKET
    assert POLICY.step_starts(3, start, TODAY.close) == market_at


class PatientBroker:
    """Says what the story tells of each order, and holds every share it sold against the order's name."""

    def __init__(self, story: list[tuple[str, int]]) -> None:
        self.story = iter(story)
        self.names: list[str] = []

    def answer(self, some: Order) -> None:
        status, shares = next(self.story, ("filled", 10**6))
        amount = min(D(shares), some.remaining)
        if status == "filled":
            amount = some.remaining
        total = some.booked + amount
        some.merge(report(some, status, str(total)))
        if amount:
            some.book(filled(some, str(amount), after=str(some.booked)))


@pytest.mark.spec("S0-17", "S1-12")
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["new", "partially_filled", "canceled", "filled", "rejected"]), st.integers(0, 4)
        ),
        max_size=12,
    ),
    st.lists(st.integers(0, AT_MARKET), max_size=12),
)
def test_whatever_the_broker_does_a_trade_is_never_filled_twice_and_ends(
    story: list[tuple[str, int]], steps: list[int]
) -> None:
    broker, some, names = PatientBroker(story), work("buy 10 AAPL @ 100"), []
    for step in [*sorted(steps), *[AT_MARKET] * 40]:
        made = move(some, step)
        if isinstance(made, Submit):
            request = made.request
            assert request.shares == 10 - some.filled
            assert all(one.is_done for one in some.orders)
            names.append(request.client_order_id)
            some.orders.append(Order(request, "20210104", 0, made.middle))
        elif isinstance(made, Cancel):
            made.order.cancel_intended = True
        elif isinstance(made, End):
            break
        broker.answer(some.orders[-1])
        assert some.filled <= 10
    assert isinstance(move(some, AT_MARKET), End)
    assert len(set(names)) == len(names)


def test_a_policy_of_no_steps_goes_straight_to_the_far_side_and_the_market() -> None:
    hasty = OrderManager(replace(POLICY, walk_steps=0))
    made = hasty.next_move(work("buy 10 AAPL @ 100"), "20210104", Walk(0), quotes(WIDE), lambda: RICH)
    assert isinstance(made, Submit)
    assert made.request.limit_price in {D("100.00"), D("101.00")}
    assert POLICY.market_at(0, 10 * 3600 * SECOND) == 5 * 300 * SECOND
    assert hasty.reserved(told("filled", "10")) == ZERO
