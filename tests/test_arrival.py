"""Did the order reach the broker? Looked for, proved absent or found, sent again or given up: never guessed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hand import HALF_PAST_THREE, SESSIONS, Hand, report_of, setting
from language import TODAY, account, holding

from the_alchemiser.arrival import (
    BUSY_SENDS_MAX,
    CANCEL_AGAIN_SECONDS,
    CLEAN_READS_MIN,
    IN_FLIGHT_SECONDS,
    LOOK_UPS_AT_MS,
)
from the_alchemiser.domain.effects import CancelOrder, LookUpOrder, ReadBroker, SubmitOrder
from the_alchemiser.domain.events import (
    BrokerRead,
    BrokerState,
    OrderDenied,
    OrderNotFound,
    OrderNotSent,
    OrdersRead,
    OrderUnheard,
    ReadFailed,
    Started,
    StreamRestored,
)
from the_alchemiser.domain.facts import (
    AlertRaised,
    CycleFinished,
    OrderIntended,
    OrderLost,
    OrderReported,
    OrderSentAgain,
    Reconciled,
    TradeEnded,
)
from the_alchemiser.domain.instants import MILLISECOND, MINUTE, SECOND, Nanos
from the_alchemiser.domain.orders import Order, OrderRequest, OrderStatus

D = Decimal


@pytest.fixture
def hand() -> Hand:
    return Hand()


def alerts(hand: Hand) -> list[str]:
    return [fact.text for fact in hand.kinds(AlertRaised)]


def order_of(hand: Hand, request: OrderRequest) -> Order:
    return hand.engine.state.orders[request.client_order_id]


def lost(hand: Hand, **begin: Any) -> OrderRequest:
    (request,) = hand.begin(**begin)
    hand.tell(OrderUnheard(hand.at, request.client_order_id, "timed out"))
    return request


class Nothing:
    """A broker that answers every look-up and every read with "no such order"."""

    def __init__(self, hand: Hand, cash: str = "100000", held: Sequence[Any] = ()) -> None:
        self.hand, self.cash, self.held = hand, cash, held
        self.looked_up_at: list[Nanos] = []
        self.reads = 0
        self.due: dict[str, Nanos] = {}
        self.hear(hand.last)

    def until(self, at: Nanos) -> Nothing:
        """Let time pass, and fire what is due; stops where something is sent."""
        while self.due and (soonest := min(self.due.items(), key=lambda timer: timer[1]))[1] <= at:
            key, when = soonest
            del self.due[key]
            if key.startswith(("lookup", "again")):
                self.hear(self.hand.fire(key, when))
                if self.hand.submitted():
                    break
        return self

    def hear(self, wanted: Sequence[Any]) -> None:
        """Answer what the last step wanted, and what comes of it."""
        hand = self.hand
        self.due |= hand.timers()
        for effect in wanted:
            if isinstance(effect, LookUpOrder):
                self.looked_up_at.append(hand.at)
                self.hear(hand.tell(OrderNotFound(hand.at, effect.client_order_id)))
            elif isinstance(effect, ReadBroker) and effect.is_orders_only:
                self.reads += 1
                self.hear(hand.tell(OrdersRead(hand.at, effect.purpose, ())))
            elif isinstance(effect, ReadBroker):
                self.hear(hand.read(effect.purpose, self.cash, self.held))


# Looked for


def test_an_order_without_an_answer_is_looked_up_at_the_times_written_down(hand: Hand) -> None:
    request, start = lost(hand), hand.at
    assert order_of(hand, request).status is OrderStatus.UNKNOWN
    assert hand.engine.cycle.free_cash() == 51_000, "its cash stays reserved"
    asked = Nothing(hand).until(start + 40 * SECOND).looked_up_at
    assert [(at - start) // MILLISECOND for at in asked] == list(LOOK_UPS_AT_MS[:7])
    assert (hand.submitted(), len(hand.kinds(OrderIntended))) == ([], 1)


def test_an_order_found_by_its_name_is_taken_up_where_it_stands(hand: Hand) -> None:
    request = lost(hand)
    hand.hear(request, "partially_filled", 100, (0, 100))
    assert order_of(hand, request).status is OrderStatus.PARTIALLY_FILLED
    hand.fire(f"lookup:{request.client_order_id}:1000")
    assert hand.wants(LookUpOrder) == []
    assert len(hand.kinds(OrderIntended)) == 1


def test_a_status_we_do_not_know_is_no_end_and_no_crash_but_a_reason_to_look(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.hear(request, "unknown")
    assert order_of(hand, request).status is OrderStatus.UNKNOWN
    asked = Nothing(hand).until(hand.at + 10 * MINUTE)
    assert len(asked.looked_up_at) > 10
    assert order_of(hand, request).status is OrderStatus.UNKNOWN, "it has a name there: never given up"
    hand.hear(request, "new")
    hand.hear(request, "unknown")
    assert order_of(hand, request).status is OrderStatus.NEW


# Proved absent


def test_an_order_that_left_no_trace_is_sent_once_more_under_its_own_name(hand: Hand) -> None:
    request, start = lost(hand), hand.at
    nothing = Nothing(hand).until(start + 5 * MINUTE)
    assert hand.submitted() == [request]
    assert hand.at - start == 62 * SECOND
    assert nothing.reads == CLEAN_READS_MIN + 1, "the first was asked for at the moment of the loss"
    (sent,) = hand.wants(SubmitOrder)
    assert sent.not_after == hand.engine.state.cycle.closes_at, (
        "a day order that leaves later trades tomorrow"
    )
    (fact,) = hand.kinds(OrderSentAgain)
    assert (fact.evidence.look_ups, fact.evidence.list_reads, fact.evidence.since) == (
        len(LOOK_UPS_AT_MS) + CLEAN_READS_MIN,
        CLEAN_READS_MIN,
        start,
    )
    assert hand.engine.cycle.free_cash() == 51_000, "still reserved"


def test_sent_twice_in_vain_it_is_given_up_with_its_evidence_and_its_symbol_closed(hand: Hand) -> None:
    request, start = lost(hand), hand.at
    nothing = Nothing(hand).until(start + 5 * MINUTE)
    again = hand.at
    nothing.hear(hand.tell(OrderUnheard(hand.at, request.client_order_id, "timed out")))
    nothing.until(again + 5 * MINUTE)
    assert hand.submitted() == []
    (end,) = [fact for fact in hand.kinds(OrderReported) if fact.report.status is OrderStatus.ABANDONED]
    assert end.at - again >= IN_FLIGHT_SECONDS * SECOND
    assert end.evidence is not None
    assert (end.evidence.since, end.evidence.list_reads >= CLEAN_READS_MIN) == (again, True)
    assert hand.kinds(TradeEnded)[-1].outcome == "abandoned: no trace of it at the broker"
    assert len(hand.kinds(OrderIntended)) == 1
    assert hand.engine.cycle.free_cash() == 100_000


@pytest.mark.parametrize("reads", range(CLEAN_READS_MIN))
def test_look_ups_alone_prove_nothing_however_many(hand: Hand, reads: int) -> None:
    request = lost(hand)
    for _ in range(reads):
        hand.read("other", "100000", at=hand.at + SECOND)
    for seconds in range(60, 600, 30):
        hand.tell(OrderNotFound(hand.at + seconds * SECOND, request.client_order_id))
    assert order_of(hand, request).status is OrderStatus.UNKNOWN
    assert hand.kinds(OrderSentAgain) == []


def test_whole_reads_ask_by_name_as_well_and_are_enough(hand: Hand) -> None:
    request, start = lost(hand), hand.at
    hand.read("other", "100000", at=start + 20 * SECOND)
    hand.read("other", "100000", at=start + 40 * SECOND)
    assert hand.submitted() == []
    hand.read("other", "100000", at=start + 60 * SECOND)
    assert hand.submitted() == [request]


def test_after_a_start_what_was_lost_long_ago_is_settled_by_two_reads(hand: Hand) -> None:
    request = lost(hand)
    again = Hand(hand.config, hand.facts)
    again.start(at=hand.at + 5 * MINUTE)
    assert [effect.is_orders_only for effect in again.wants(ReadBroker)] == [True]
    again.tell(OrdersRead(again.at + SECOND, "orders", ()))
    assert again.submitted() == [request]


def test_what_is_said_before_the_horizon_proves_nothing(hand: Hand) -> None:
    request, start = lost(hand), hand.at
    for seconds in range(1, IN_FLIGHT_SECONDS, 5):
        hand.tell(OrderNotFound(start + seconds * SECOND, request.client_order_id))
        hand.read("other", "100000")
    assert hand.submitted() == []
    hand.tell(OrderNotFound(start + IN_FLIGHT_SECONDS * SECOND, request.client_order_id))
    assert hand.submitted() == [request]


def test_a_read_that_began_before_the_loss_is_no_evidence(hand: Hand) -> None:
    hand.begin()
    (request,) = hand.submitted()
    for purpose in ("step", "fills", "restored"):
        hand.engine.inquiry.ask(hand.step(), purpose)
    hand.tell(OrderUnheard(hand.at + SECOND, request.client_order_id, "timed out"))
    for purpose in ("step", "fills", "restored"):
        hand.read(purpose, "100000", at=hand.at + MINUTE)
    hand.tell(OrderNotFound(hand.at, request.client_order_id))
    assert hand.submitted() == []


def test_a_read_that_lists_it_ends_the_search(hand: Hand) -> None:
    request = lost(hand)
    hand.read("other", "100000", orders=[report_of(request, "new")])
    hand.tell(OrderNotFound(hand.at + 2 * MINUTE, request.client_order_id))
    assert order_of(hand, request).status is OrderStatus.NEW
    assert hand.last == []


def test_a_search_begun_anew_does_not_hear_the_timers_of_the_one_before(hand: Hand) -> None:
    request = lost(hand)
    (old,) = hand.timers()
    hand.tell(OrderUnheard(hand.at, request.client_order_id, "timed out again"))
    assert len(hand.timers()) == 1
    hand.fire(old)
    assert hand.last == []


def test_the_search_goes_on_after_a_start_even_where_the_record_cannot_be_read(hand: Hand) -> None:
    request = lost(hand)
    again = Hand(hand.config, hand.facts)
    again.tell(Started(hand.at + MINUTE))
    ((key, at),) = [timer for timer in again.timers().items() if timer[0].startswith("lookup")]
    again.tell(ReadFailed(again.at, "broker:start", "503"))
    again.fire(key, at)
    assert [effect.client_order_id for effect in again.wants(LookUpOrder)] == [request.client_order_id]


def test_yesterdays_lost_purchase_is_not_sent_again_today(hand: Hand) -> None:
    lost(hand)
    after_close = TODAY.close + 10 * MINUTE
    morning = Hand(hand.config, hand.facts)
    morning.start(at=after_close)
    Nothing(morning).until(after_close + 5 * MINUTE)
    (order,) = morning.engine.state.orders.values()
    assert order.status is OrderStatus.ABANDONED
    assert morning.wants(SubmitOrder) == []


def test_an_exit_is_sent_again_even_where_its_cycle_was_forgotten() -> None:
    hand = Hand(setting("AAPL 0%"))
    (request,) = hand.begin("0", [holding("10 AAPL @ 100")])
    hand.tell(OrderUnheard(hand.at, request.client_order_id, "timed out"))
    hand.engine.state.forget_cycles()
    nothing = Nothing(hand, "0", [holding("10 AAPL @ 100")])
    assert nothing.until(hand.at + 5 * MINUTE)
    assert hand.submitted() == [request]


def test_nothing_is_bought_in_a_symbol_in_doubt_until_all_agrees_again() -> None:
    hand = Hand(setting("AAPL 40%, MSFT 40%", ("AAPL", "MSFT")))
    hand.begin(market="AAPL 100/100; MSFT 100/100")
    hand.engine.state.doubted.add("AAPL")
    for request in list(hand.engine.state.orders.values()):
        hand.hear(request.request, "canceled")
    assert [one.symbol for one in (fact.request for fact in hand.kinds(OrderIntended))] == [
        "AAPL",
        "MSFT",
        "MSFT",
    ]
    following = hand.kinds(OrderIntended)[-1].request
    hand.read("other", "100000", orders=[report_of(following, "new")])
    assert hand.kinds(Reconciled)[-1].differences == ()
    assert [one.symbol for one in hand.submitted()] == ["AAPL"]


def test_a_read_that_could_not_ask_for_an_order_is_no_evidence_of_its_absence(hand: Hand) -> None:
    request = lost(hand)
    horizon, name = hand.at + (IN_FLIGHT_SECONDS + 1) * SECOND, request.client_order_id
    hand.tell(OrderNotFound(horizon, name))
    for seconds in (2, 4, 6, 8):
        hand.tell(OrdersRead(horizon + (seconds + 1) * SECOND, "orders", (), unread=(name,)))
    assert (order_of(hand, request).status, hand.submitted()) == (OrderStatus.UNKNOWN, [])
    for seconds in (10, 12, 14):
        hand.tell(OrdersRead(horizon + seconds * SECOND, "orders", ()))
    assert [fact.client_order_id for fact in hand.kinds(OrderSentAgain)] == [name]


def test_a_comparison_without_a_word_on_the_order_that_was_given_up_leaves_its_symbol_in_doubt(
    hand: Hand,
) -> None:
    request = given_up(hand)
    hand.engine.state.doubted.add("AAPL")
    state = BrokerState(account("100000", "100000"), (), (), (), SESSIONS, unread=(request.client_order_id,))
    compared = len(hand.kinds(Reconciled))
    hand.tell(BrokerRead(hand.at, "record", state))
    assert (hand.engine.state.doubted, len(hand.kinds(Reconciled))) == ({"AAPL"}, compared)
    assert "read:record" in hand.timers(), "it is read again"
    hand.read("record", "100000")
    assert hand.engine.state.doubted == set()


# Late arrivals


def given_up(hand: Hand) -> OrderRequest:
    request = lost(hand)
    nothing = Nothing(hand).until(hand.at + 5 * MINUTE)
    nothing.hear(hand.tell(OrderUnheard(hand.at, request.client_order_id, "timed out")))
    nothing.until(hand.at + 5 * MINUTE)
    assert order_of(hand, request).status is OrderStatus.ABANDONED
    return request


def test_an_order_given_up_that_arrives_after_all_is_taken_back_and_cancelled(hand: Hand) -> None:
    request = given_up(hand)
    name = request.client_order_id
    assert len(hand.kinds(CycleFinished)) == 1
    assert name not in hand.engine.state.live
    hand.tell(StreamRestored(hand.at))
    assert hand.wants(ReadBroker)[0].watch == (name,), "still asked for"
    hand.hear(request, "new")
    assert [effect.client_order_id for effect in hand.wants(CancelOrder)] == [name]
    assert name in hand.engine.state.live, "it is to be reckoned with again"
    assert hand.engine.cycle.free_cash() == 51_000
    hand.hear(request, "canceled", 7, (0, 7))
    assert hand.engine.state.ledger.shares() == {"AAPL": 7}
    assert not hand.engine.state.live


def test_the_watch_for_an_order_given_up_ends_with_its_day(hand: Hand) -> None:
    given_up(hand)
    hand.fire("close:2021-01-04", TODAY.close + MINUTE)
    hand.read("close:2021-01-04", "100000")
    hand.tell(StreamRestored(hand.at))
    assert hand.wants(ReadBroker)[0].watch == ()


def test_a_cancellation_without_effect_is_pressed_whenever_the_record_shows_the_order(hand: Hand) -> None:
    request = given_up(hand)
    hand.hear(request, "new")
    hand.read("other", "100000", orders=[report_of(request, "new")])
    assert hand.wants(CancelOrder) == [], "it was only just asked for"
    hand.at += CANCEL_AGAIN_SECONDS * SECOND
    hand.read("other", "100000", orders=[report_of(request, "new")])
    assert len(hand.wants(CancelOrder)) == 1
    hand.at += CANCEL_AGAIN_SECONDS * SECOND
    hand.read("other", "100000", orders=[report_of(request, "pending_cancel", at=hand.at)])
    assert hand.wants(CancelOrder) == [], "the broker has taken it up"


def test_an_order_is_cancelled_as_soon_as_the_broker_names_it(hand: Hand) -> None:
    request = lost(hand)
    arrivals = hand.engine.settlement.arrivals
    step = hand.step()
    arrivals.cancel(step, order_of(hand, request))
    assert step.effects == []
    hand.hear(request, "new")
    assert [effect.broker_order_id for effect in hand.wants(CancelOrder)] == [f"b-{request.client_order_id}"]


# Refused, or never sent


def test_a_refused_order_ends_its_trade_and_is_told(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.tell(OrderDenied(hand.at, request.client_order_id, "insufficient buying power"))
    assert hand.kinds(TradeEnded)[0].outcome == "denied: insufficient buying power"
    assert hand.submitted() == []
    assert any("refused: insufficient buying power" in text for text in alerts(hand))
    assert hand.engine.cycle.free_cash() == 100_000, "its cash is free again"


def test_a_refused_order_of_which_a_copy_arrives_is_taken_back(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.tell(OrderDenied(hand.at, request.client_order_id, "insufficient buying power"))
    hand.tell(StreamRestored(hand.at))
    assert hand.wants(ReadBroker)[0].watch == (request.client_order_id,)
    hand.hear(request, "new")
    assert len(hand.wants(CancelOrder)) == 1
    assert hand.engine.cycle.free_cash() == 51_000


def test_a_repeat_that_is_refused_says_nothing_of_the_first_sending(hand: Hand) -> None:
    request = lost(hand)
    Nothing(hand).until(hand.at + 5 * MINUTE)
    hand.tell(OrderDenied(hand.at, request.client_order_id, "insufficient buying power"))
    assert order_of(hand, request).status is OrderStatus.UNKNOWN
    assert hand.engine.cycle.free_cash() == 51_000


def test_an_order_the_broker_was_too_busy_for_is_sent_again_a_little_later(hand: Hand) -> None:
    (request,) = hand.begin()
    name, waits = request.client_order_id, []
    for _ in range(BUSY_SENDS_MAX):
        hand.tell(OrderNotSent(hand.at, name, "429"))
        assert order_of(hand, request).status is OrderStatus.INTENDED
        ((key, at),) = hand.timers().items()
        waits.append((at - hand.at) // SECOND)
        hand.fire(key, at)
        assert hand.submitted() == [request]
    assert waits == [1, 2, 4, 8]
    hand.tell(OrderNotSent(hand.at, name, "429"))
    assert order_of(hand, request).status is OrderStatus.UNSENT
    (following,) = hand.submitted()
    assert (following.client_order_id, following.shares) == ("alc-20210104-AAPL-b-1", 490)
    assert hand.engine.cycle.free_cash() == 51_000, "one reservation, not two"


def test_the_broker_is_left_alone_for_as_long_as_it_asks(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.tell(OrderNotSent(hand.at, request.client_order_id, "429", again_after_seconds=30))
    assert list(hand.timers().values()) == [hand.at + 30 * SECOND]


def test_an_order_that_waited_too_long_to_be_sent_is_not_but_a_fresh_one_is(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.tell(OrderNotSent(hand.at, request.client_order_id, "it had waited", is_too_late=True))
    assert order_of(hand, request).status is OrderStatus.UNSENT
    assert [one.client_order_id for one in hand.submitted()] == ["alc-20210104-AAPL-b-1"]
    assert hand.kinds(TradeEnded) == []


def test_a_repeat_that_was_not_sent_ends_no_search(hand: Hand) -> None:
    request = lost(hand)
    hand.tell(OrderNotSent(hand.at, request.client_order_id, "429", is_too_late=True))
    assert order_of(hand, request).status is OrderStatus.UNKNOWN


def test_every_order_says_from_when_on_it_is_too_late_for_it() -> None:
    buying, selling = Hand(), Hand(setting("AAPL 0%"))
    (bought,) = buying.begin()
    (sold,) = selling.begin("0", [holding("10 AAPL @ 100")])
    assert [effect.not_after for effect in buying.effects if isinstance(effect, SubmitOrder)] == [
        HALF_PAST_THREE + 5 * MINUTE
    ]
    assert [effect.not_after for effect in selling.effects if isinstance(effect, SubmitOrder)] == [
        TODAY.close
    ]
    assert order_of(selling, sold).not_after == TODAY.close
    assert order_of(buying, bought).not_after == HALF_PAST_THREE + 5 * MINUTE


def test_an_answer_of_no_clear_outcome_after_the_stream_told_is_no_loss(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.hear(request, "new")
    hand.tell(OrderUnheard(hand.at, request.client_order_id, "timed out"))
    assert hand.kinds(OrderLost) == []
    assert hand.wants(LookUpOrder) == []
