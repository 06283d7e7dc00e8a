"""When the broker is asked: by the clock while orders are open, on every suspicion, and never twice for one thing."""

from __future__ import annotations

import pytest
from hand import HALF_PAST_THREE, Hand, execution_of, report_of, setting, somebody_elses
from language import holding
from msgspec.structs import replace

from the_alchemiser.domain.effects import ReadBroker, SetTimer
from the_alchemiser.domain.events import CancelDenied, OrdersRead, OrderUnheard, ReadFailed, StreamRestored
from the_alchemiser.domain.facts import AlertRaised, ExternalOrderSeen, FillBooked
from the_alchemiser.domain.instants import MINUTE, SECOND
from the_alchemiser.domain.orders import OrderReport
from the_alchemiser.inquiry import ANSWER_SECONDS_MAX, RETRY_SECONDS, UNAUTHORIZED_RETRY_SECONDS, PollPolicy


@pytest.fixture
def hand() -> Hand:
    return Hand(replace(setting(), polls=PollPolicy()))


def reads(hand: Hand) -> list[str]:
    return [effect.purpose for effect in hand.wants(ReadBroker)]


def list_orders(hand: Hand, *orders: OrderReport, purpose: str = "orders") -> None:
    hand.tell(OrdersRead(hand.at, purpose, orders))


def polls(hand: Hand) -> list[int]:
    """When the next poll is timed, in seconds after the newest event."""
    return [(one.at - hand.at) // SECOND for one in hand.wants(SetTimer) if one.key == "poll"]


def test_without_open_orders_the_whole_record_is_read_every_five_minutes(hand: Hand) -> None:
    hand.start()
    hand.fire("poll", hand.at + 300 * SECOND)
    assert reads(hand) == ["record"]
    assert not hand.wants(ReadBroker)[0].is_orders_only
    assert polls(hand) == [300]


def test_while_an_order_is_open_the_list_of_orders_is_read_every_fifteen_seconds(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.hear(request, "new")
    hand.fire("poll", HALF_PAST_THREE + 15 * SECOND)
    (read,) = hand.wants(ReadBroker)
    assert (read.purpose, read.is_orders_only, read.watch) == ("orders", True, (request.client_order_id,))
    assert polls(hand) == [15]
    list_orders(hand, report_of(request, "new"))
    assert hand.wants(ReadBroker) == []


def test_a_fill_that_the_stream_lost_is_found_by_the_next_poll_and_booked_from_the_record(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.hear(request, "new")
    hand.fire("poll", HALF_PAST_THREE + 15 * SECOND)
    list_orders(hand, report_of(request, "partially_filled", 90))
    assert reads(hand) == ["suspicion"]
    hand.read(
        "suspicion",
        "91000",
        [holding("90 AAPL @ 100")],
        orders=[report_of(request, "partially_filled", 90)],
        executions=[execution_of(request, 0, 90, at=hand.at)],
    )
    assert [fact.fill.shares for fact in hand.kinds(FillBooked)] == [90]


def test_an_order_of_ours_that_the_list_lacks_calls_for_the_whole_record(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.hear(request, "new")
    hand.fire("poll", HALF_PAST_THREE + 15 * SECOND)
    list_orders(hand)
    assert reads(hand) == ["suspicion"]


def test_an_order_younger_than_the_list_need_not_be_on_it(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.fire("poll", HALF_PAST_THREE + 2 * SECOND)
    hand.hear(request, "new")
    list_orders(hand)
    assert reads(hand) == []


def test_the_polls_go_on_over_a_whole_cycle_and_end_with_it(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.hear(request, "new")
    asked = 0
    at = hand.at
    while at < HALF_PAST_THREE + 2 * MINUTE:
        hand.fire("poll", at := at + 15 * SECOND)
        asked += len(hand.wants(ReadBroker))
        list_orders(hand, report_of(request, "new"))
    assert asked == 8
    hand.hear(request, "filled", 490, (0, 490))
    hand.fire("poll", at + 15 * SECOND)
    assert "orders" not in reads(hand)


def test_where_nothing_can_be_lost_nothing_is_asked_by_the_clock() -> None:
    silent = Hand()
    (request,) = silent.begin()
    silent.hear(request, "new")
    assert not [one for one in silent.effects if isinstance(one, SetTimer) and one.key == "poll"]
    silent.fire("poll")
    assert reads(silent) == []


# Suspicion


def test_an_answer_of_unclear_outcome_makes_us_look_at_the_open_orders(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.tell(OrderUnheard(hand.at, request.client_order_id, "the answer was about 'another'"))
    assert reads(hand) == ["orders"]


def test_a_cancel_that_is_denied_makes_us_read_the_record(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.hear(request, "new")
    hand.tell(CancelDenied(hand.at, request.client_order_id, "too late"))
    assert reads(hand) == ["fills"]


def test_an_order_that_nobody_knows_makes_us_look_at_the_open_orders_once(hand: Hand) -> None:
    hand.start()
    hand.at += SECOND
    manual = somebody_elses("buy", 10, "MSFT")
    hand.hear(manual, "new")
    assert reads(hand) == ["orders"]
    list_orders(hand, report_of(manual, "new"))
    hand.hear(manual, "new")
    assert reads(hand) == []


def test_somebody_elses_fill_that_was_only_implied_makes_us_read_the_record(hand: Hand) -> None:
    hand.start()
    hand.at += SECOND
    hand.hear(somebody_elses("buy", 10, "MSFT"), "partially_filled", 4)
    assert reads(hand) == ["external"]
    assert [fact.report.filled for fact in hand.kinds(ExternalOrderSeen)] == [4]


def test_an_overdrawn_account_has_nothing_free_beside_an_order_of_any_amount() -> None:
    hand = Hand()
    hand.start("-250")
    hand.at += SECOND
    hand.hear(somebody_elses("buy", 10, "MSFT"), "new")
    assert hand.engine.state.promised_to_others is None
    assert hand.engine.cycle.free_cash() == -250


# One read at a time


def test_a_read_that_is_under_way_is_not_asked_for_again_but_once_more_when_it_came(hand: Hand) -> None:
    """It may have been answered before the second reason arose."""
    hand.start()
    for _ in range(3):
        hand.tell(StreamRestored(hand.at + SECOND))
    assert [one.purpose for one in hand.effects if isinstance(one, ReadBroker)] == ["start", "restored"]
    hand.read("restored", "100000")
    assert reads(hand) == ["restored"]
    hand.read("restored", "100000")
    assert reads(hand) == []


def test_a_read_that_was_never_answered_does_not_stop_others_for_ever(hand: Hand) -> None:
    hand.start()
    hand.tell(StreamRestored(hand.at + SECOND))
    hand.tell(StreamRestored(hand.at + ANSWER_SECONDS_MAX * SECOND))
    assert reads(hand) == ["restored"]


# Failures


def test_a_failing_record_is_asked_for_for_ever_with_pauses_that_grow_to_a_bound_and_few_alerts(
    hand: Hand,
) -> None:
    pauses = []
    for _ in range(12):
        hand.tell(ReadFailed(hand.at, "broker:begin:2021-01-04", "503"))
        (pause,) = [at for key, at in hand.timers().items() if key.startswith("read:")]
        pauses.append((pause - hand.at) // SECOND)
        hand.fire("read:begin:2021-01-04", pause)
        assert reads(hand) == ["begin:2021-01-04"]
    assert pauses == [*RETRY_SECONDS, *[RETRY_SECONDS[-1]] * 7]
    assert len(hand.kinds(AlertRaised)) == 2, "the first failure, and the eleventh"


def test_refused_keys_are_tried_slowly(hand: Hand) -> None:
    hand.start()
    hand.tell(ReadFailed(hand.at, "broker:record", "401", is_unauthorized=True))
    assert hand.timers()["read:record"] == hand.at + UNAUTHORIZED_RETRY_SECONDS * SECOND


def test_a_poll_that_failed_waits_for_the_next(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.hear(request, "new")
    hand.fire("poll", HALF_PAST_THREE + 15 * SECOND)
    hand.tell(ReadFailed(hand.at, "broker:orders", "503"))
    assert not [key for key in hand.timers() if key.startswith("read:")]
    hand.fire("poll", hand.at + 15 * SECOND)
    assert reads(hand) == ["orders"]
