"""Fills told out of turn, twice, wrongly or never: the ledger ends with the broker's money all the same."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hand import HALF_PAST_THREE, Hand, execution_of, report_of
from hypothesis import given
from hypothesis import strategies as st
from language import holding
from msgspec.structs import replace

from the_alchemiser.domain.effects import ReadBroker
from the_alchemiser.domain.events import OrderHeard, StreamRestored
from the_alchemiser.domain.facts import AlertRaised, FillBooked, FillCorrected, Reconciled
from the_alchemiser.domain.instants import SECOND
from the_alchemiser.domain.money import Side
from the_alchemiser.domain.orders import Execution, FillSource, OrderRequest, OrderStatus
from the_alchemiser.settlement import HOLE_READS_MIN, HOLE_SECONDS_MIN

D = Decimal


@pytest.fixture
def hand() -> Hand:
    return Hand()


def alerts(hand: Hand) -> list[str]:
    return [fact.text for fact in hand.kinds(AlertRaised)]


def recorded(request: OrderRequest, before: int, after: int, price: str = "100") -> Execution:
    """As the broker's list of executions tells it."""
    return replace(execution_of(request, before, after, price, HALF_PAST_THREE), source=FillSource.RECORD)


def shares(hand: Hand) -> dict[str, Decimal]:
    return hand.engine.state.ledger.shares()


def test_the_second_fill_is_booked_before_the_first_and_the_hole_is_asked_for(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.hear(request, "filled", 490, (300, 490))
    assert shares(hand) == {"AAPL": 190}
    assert request.client_order_id in hand.engine.state.live
    assert "fills" in hand.timers()
    hand.hear(request, "partially_filled", 300, (0, 300))
    assert shares(hand) == {"AAPL": 490}
    assert not hand.engine.state.live


def test_one_execution_told_in_other_cuts_is_the_same_money(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.hear(request, "partially_filled", 300, (100, 300))
    hand.hear(request, "partially_filled", 300, (0, 200))
    hand.hear(request, "partially_filled", 300, (50, 300))
    assert shares(hand) == {"AAPL": 300}
    assert hand.engine.state.ledger.cash == 70_000
    assert alerts(hand) == []


@given(
    st.permutations([(0, 100, "99"), (100, 300, "100"), (300, 400, "101"), (400, 490, "98")]), st.booleans()
)
def test_partial_fills_in_any_order_and_twice_cost_the_same(
    parts: list[tuple[int, int, str]], is_doubled: bool
) -> None:
    hand = Hand()
    (request,) = hand.begin()
    for start, end, price in parts * (2 if is_doubled else 1):
        hand.hear(request, "filled", 490, (start, end), price=price)
    assert shares(hand) == {"AAPL": 490}
    assert hand.engine.state.ledger.cash == 100_000 - 9_900 - 20_000 - 10_100 - 90 * 98
    assert len(hand.kinds(FillBooked)) == 4


def test_two_prices_for_the_same_shares_alarm_and_the_record_decides(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.hear(request, "partially_filled", 300, (0, 300))
    hand.hear(request, "partially_filled", 300, (100, 200), price="90")
    assert hand.engine.state.ledger.cash == 70_000, "a rumour moves no money"
    assert "told at 90" in alerts(hand)[-1]
    reports = [report_of(request, "partially_filled", 300)]
    held = [holding("300 AAPL @ 100")]
    executions = [recorded(request, 0, 100), recorded(request, 100, 200, "90"), recorded(request, 200, 300)]
    hand.read("fills", "71000", held, orders=reports, executions=executions)
    assert hand.engine.state.ledger.cash == 71_000
    assert hand.kinds(Reconciled)[-1].differences == ()
    ledger = hand.engine.state.ledger
    marks = {"AAPL": D(100)}
    assert ledger.realised + ledger.unrealised(marks) == 1_000, "no cent is lost by the correction"
    hand.read("fills", "71000", held, orders=reports, executions=executions)
    assert len(hand.kinds(FillCorrected)) == 1
    assert Hand(hand.config, hand.facts).engine.state.ledger.cash == 71_000, "replayed, too"


def test_more_filled_than_was_asked_is_booked_and_alarmed(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.hear(request, "filled", 500, (0, 500))
    assert shares(hand) == {"AAPL": 500}
    assert any("filled by 10 shares more than asked" in text for text in alerts(hand))
    assert hand.engine.cycle.free_cash() == 50_000


@pytest.mark.parametrize(("symbol", "side"), [("MSFT", Side.BUY), ("AAPL", Side.SELL)])
def test_what_is_told_of_another_order_under_our_name_is_not_believed(
    hand: Hand, symbol: str, side: Side
) -> None:
    (request,) = hand.begin()
    other = replace(request, symbol=symbol, side=side)
    hand.hear(other, "filled", 490, (0, 490))
    order = hand.engine.state.orders[request.client_order_id]
    assert (order.status, order.booked, shares(hand)) == (OrderStatus.INTENDED, 0, {})
    assert any("not believed" in text for text in alerts(hand))


@pytest.mark.parametrize(("before", "after"), [(-5, 5), (5, 5), (5, 3)])
def test_an_execution_that_is_no_interval_is_left_to_the_record(hand: Hand, before: int, after: int) -> None:
    (request,) = hand.begin()
    damaged = replace(execution_of(request, 0, 5), cum_before=D(before), cum_after=D(after))
    hand.tell(OrderHeard(hand.at, report_of(request, "partially_filled", 5), damaged))
    assert shares(hand) == {}
    assert "fills" in hand.timers()


def ended_with_a_hole(hand: Hand, average: str | None = "101") -> OrderRequest:
    """490 filled at 101 on average; 300 of them were told, at 100."""
    (request,) = hand.begin()
    hand.hear(request, "partially_filled", 300, (0, 300))
    told = replace(report_of(request, "filled", 490), average_price=average and D(average))
    hand.tell(OrderHeard(hand.at, told))
    return request


def read_without_it(hand: Hand, request: OrderRequest, seconds: int) -> None:
    hand.read(
        "fills",
        "50510",
        [holding("490 AAPL @ 100")],
        orders=[report_of(request, "filled", 490)],
        executions=[recorded(request, 0, 300)],
        at=hand.at + seconds * SECOND,
    )


def test_a_fill_the_record_never_shows_is_reckoned_from_the_average_and_marked(hand: Hand) -> None:
    request = ended_with_a_hole(hand)
    for _ in range(HOLE_READS_MIN):
        assert shares(hand) == {"AAPL": 300}
        read_without_it(hand, request, HOLE_SECONDS_MIN // 2)
    (fill,) = [fact.fill for fact in hand.kinds(FillBooked) if fact.fill.source is FillSource.SYNTHETIC]
    assert (fill.cum_before, fill.cum_after) == (300, 490)
    assert abs(hand.engine.state.ledger.cash - (100_000 - 490 * 101)) < D("0.000001")
    assert not hand.engine.state.live
    assert any("booked at its average" in text for text in alerts(hand))
    hand.hear(request, "filled", 490, (300, 490), price="102")
    assert len(hand.kinds(FillCorrected)) == 1, "told after all, its own price counts"
    assert hand.engine.state.ledger.cash == 100_000 - 30_000 - 190 * 102


def test_many_reads_in_one_moment_prove_nothing_about_a_missing_fill(hand: Hand) -> None:
    request = ended_with_a_hole(hand)
    for _ in range(3 * HOLE_READS_MIN):
        read_without_it(hand, request, 0)
    assert shares(hand) == {"AAPL": 300}


def test_without_an_average_nothing_is_invented(hand: Hand) -> None:
    request = ended_with_a_hole(hand, None)
    for _ in range(2 * HOLE_READS_MIN):
        read_without_it(hand, request, HOLE_SECONDS_MIN)
    assert shares(hand) == {"AAPL": 300}


def test_a_hole_is_asked_for_from_before_its_order_however_long_ago_all_agreed(hand: Hand) -> None:
    request = ended_with_a_hole(hand, None)
    hand.engine.state.agreed_at = hand.at + 3600 * SECOND
    hand.tell(StreamRestored(hand.at + 3600 * SECOND))
    (asked,) = hand.wants(ReadBroker)
    assert asked.executions_after <= hand.engine.state.orders[request.client_order_id].intended_at
