"""What became of each order: told twice, late, shuffled or not at all, it settles exactly once."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest
from hand import (
    HALF_PAST_THREE,
    Hand,
    execution_of,
    heard,
    report_of,
    setting,
)
from hypothesis import given
from hypothesis import strategies as st
from language import holding

from the_alchemiser.domain.effects import (
    CancelOrder,
    ReadBroker,
)
from the_alchemiser.domain.events import (
    CancelDenied,
    OrderHeard,
    StreamRestored,
)
from the_alchemiser.domain.facts import (
    AlertRaised,
    CycleFinished,
    FillBooked,
    OrderIntended,
    Reconciled,
    TradeEnded,
)
from the_alchemiser.domain.instants import MINUTE, SECOND
from the_alchemiser.domain.orders import OrderRequest
from the_alchemiser.engine import CANCEL_RETRY_SECONDS

D = Decimal


@pytest.fixture
def hand() -> Hand:
    return Hand()


def alerts(hand: Hand) -> list[str]:
    return [fact.text for fact in hand.kinds(AlertRaised)]


# Orders and fills, told in every way


SCRIPT = [
    ("accepted", 0, None),
    ("new", 0, None),
    ("partially_filled", 100, (0, 100)),
    ("partially_filled", 300, (100, 300)),
    ("filled", 490, (300, 490)),
]


def books(hand: Hand) -> tuple[object, ...]:
    state = hand.engine.state
    (order,) = state.orders.values()
    fills = sorted((fact.fill for fact in hand.kinds(FillBooked)), key=lambda fill: fill.cum_before)
    return (
        state.ledger.cash,
        [(held.symbol, held.shares, held.cost, held.realised) for held in state.ledger.positions.values()],
        (order.status, order.booked, order.reported_filled, order.broker_order_id),
        fills,
        [fact.outcome for fact in hand.kinds(TradeEnded)],
        len(hand.kinds(CycleFinished)),
    )


def told(events: list[OrderHeard], request: OrderRequest, base: Hand) -> Hand:
    """A new engine with the past of `base` hears these events, then reads the record once, as its timers would."""
    hand = Hand(base.config, base.facts)
    hand.read("start", "100000", orders=[report_of(request, "new")], at=HALF_PAST_THREE)
    for event in events:
        hand.tell(event)
    if hand.engine.settlement.has_holes:
        hand.read(
            "fills",
            "51000",
            [holding("490 AAPL @ 100")],
            orders=[report_of(request, "filled", 490)],
            executions=[execution_of(request, *one[2], at=HALF_PAST_THREE) for one in SCRIPT if one[2]],
        )
    hand.quotes("AAPL 100/100")
    return hand


def test_an_orders_reports_say_the_same_in_every_order_they_may_arrive(hand: Hand) -> None:
    """All 720 orders of six messages, one of them told twice."""
    (request,) = hand.begin()
    script = [heard(request, *one, at=HALF_PAST_THREE) for one in [*SCRIPT, SCRIPT[2]]]
    expected = books(told(script, request, hand))
    assert expected[0] == 51_000
    assert expected[4:] == (["filled"], 1)
    for events in itertools.permutations(script):
        assert books(told(list(events), request, hand)) == expected


@given(st.lists(st.integers(0, len(SCRIPT) - 1), max_size=12))
def test_lost_doubled_and_late_messages_change_nothing_once_the_record_is_read(chosen: list[int]) -> None:
    hand = Hand()
    (request,) = hand.begin()
    events = [heard(request, *SCRIPT[number], at=HALF_PAST_THREE) for number in [*chosen, 4]]
    assert (
        books(told(events, request, hand))[:2]
        == books(told([heard(request, *one, at=HALF_PAST_THREE) for one in SCRIPT], request, hand))[:2]
    )


def test_a_fill_heard_before_the_answer_to_its_order_is_booked(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.hear(request, "filled", 490, (0, 490))
    hand.hear(request, "accepted")
    assert hand.engine.state.ledger.shares() == {"AAPL": 490}
    assert not hand.engine.state.live


def test_fills_nobody_told_are_found_in_the_brokers_record(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.hear(request, "new")
    hand.hear(request, "filled", 490)
    assert hand.timers() == {"fills": HALF_PAST_THREE + SECOND}
    hand.fire("fills", HALF_PAST_THREE + SECOND)
    (asked,) = hand.wants(ReadBroker)
    assert asked.watch == (request.client_order_id,)
    assert asked.executions_after < HALF_PAST_THREE
    executions = [execution_of(request, 0, 490, at=HALF_PAST_THREE)]
    hand.read("fills", "51000", [holding("490 AAPL @ 100")], executions=executions)
    assert [fact.fill.shares for fact in hand.kinds(FillBooked)] == [490]
    assert hand.kinds(Reconciled)[-1].differences == ()
    assert len(hand.kinds(CycleFinished)) == 1


def test_a_read_reaches_back_to_the_last_agreement_however_many_later_fills_are_booked() -> None:
    """One lost message about AAPL, then MSFT fills: the hole must stay within what is asked for."""
    hand = Hand(setting("AAPL 40%, MSFT 40%", ("AAPL", "MSFT")))
    first, second = hand.begin(market="AAPL 100/100; MSFT 100/100")
    much_later = HALF_PAST_THREE + 9 * MINUTE
    hand.at = much_later
    hand.hear(second, "filled", 392, (0, 392))
    hand.tell(StreamRestored(much_later))
    (asked,) = hand.wants(ReadBroker)
    assert asked.executions_after < HALF_PAST_THREE
    executions = [execution_of(first, 0, 392, at=HALF_PAST_THREE)]
    held = [holding("392 AAPL @ 100"), holding("392 MSFT @ 100")]
    reports = [report_of(first, "filled", 392), report_of(second, "filled", 392)]
    hand.read("restored", "21600", held, orders=reports, executions=executions)
    assert hand.kinds(Reconciled)[-1].differences == ()
    hand.tell(StreamRestored(much_later + MINUTE))
    assert much_later - MINUTE <= hand.wants(ReadBroker)[0].executions_after < much_later


def test_a_record_without_the_missing_fill_is_read_again_later_not_at_once(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.hear(request, "filled", 490)
    hand.fire("fills", HALF_PAST_THREE + SECOND)
    hand.read("fills", "100000", orders=[report_of(request, "filled", 490)])
    assert hand.timers()["fills"] - hand.at == 15 * SECOND
    hand.hear(request, "filled", 490)
    assert "fills" not in hand.timers(), "one timer is enough"


# Cancels


def test_a_cancel_that_was_refused_because_the_order_filled_leads_to_no_second_order(hand: Hand) -> None:
    (request,) = hand.begin(market="AAPL 99/101")
    hand.hear(request, "new")
    hand.quotes("AAPL 99/101", HALF_PAST_THREE + 5 * MINUTE)
    assert len(hand.wants(CancelOrder)) == 1
    hand.tell(CancelDenied(hand.at, request.client_order_id, "order is already filled"))
    assert [effect.purpose for effect in hand.wants(ReadBroker)] == ["fills"]
    hand.read(
        "fills",
        "51000",
        [holding("490 AAPL @ 100")],
        orders=[report_of(request, "filled", 490)],
        executions=[execution_of(request, 0, 490, at=hand.at)],
    )
    assert hand.kinds(TradeEnded)[0].outcome == "filled"
    assert len(hand.kinds(OrderIntended)) == 1


def test_a_cancel_without_effect_is_asked_for_again_at_the_next_step_only(hand: Hand) -> None:
    (request,) = hand.begin(market="AAPL 99/101")
    hand.hear(request, "new")
    hand.quotes("AAPL 99/101", HALF_PAST_THREE + 5 * MINUTE)
    hand.tell(CancelDenied(hand.at, request.client_order_id, "503"))
    hand.read("fills", "100000", orders=[report_of(request, "new")])
    assert hand.wants(CancelOrder) == []
    hand.quotes("AAPL 99/101", HALF_PAST_THREE + 10 * MINUTE)
    assert len(hand.wants(CancelOrder)) == 1


def test_many_denied_cancels_are_asked_for_again_by_one_timer() -> None:
    hand = Hand(setting("AAPL 40%, MSFT 40%", ("AAPL", "MSFT")))
    requests = hand.begin(market="AAPL 99/101; MSFT 99/101")
    for request in requests:
        hand.hear(request, "new")
    at = HALF_PAST_THREE + 5 * MINUTE
    hand.quotes("AAPL 99/101; MSFT 99/101", at)
    timers = []
    for request in requests:
        hand.tell(CancelDenied(at, request.client_order_id, "503"))
        timers.append(hand.timers())
    assert timers == [{"step:after a denied cancel": at + CANCEL_RETRY_SECONDS * SECOND}, {}]
    hand.tell(CancelDenied(at + CANCEL_RETRY_SECONDS * SECOND, requests[0].client_order_id, "503"))
    assert len(hand.timers()) == 1, "the next round has a timer of its own"


def test_fills_that_overtake_a_cancel_reduce_the_next_order(hand: Hand) -> None:
    (request,) = hand.begin(market="AAPL 99/101")
    hand.hear(request, "new")
    hand.quotes("AAPL 99/101", HALF_PAST_THREE + 5 * MINUTE)
    hand.hear(request, "canceled", 90)
    assert hand.submitted() == [], "a reported fill is not booked yet"
    hand.hear(request, "partially_filled", 90, (0, 90))
    (following,) = hand.submitted()
    assert (following.shares, following.client_order_id) == (400, "alc-20210104-AAPL-b-1")
