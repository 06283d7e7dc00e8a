"""When is the one cycle of `alchemiser cycle` over? When nothing of it is left to do, whatever was told meanwhile."""

from __future__ import annotations

from hand import HALF_PAST_THREE, Hand, execution_of, report_of
from language import NOON, TODAY, holding

from the_alchemiser.domain.events import CycleAsked, OrderUnheard
from the_alchemiser.domain.instants import MINUTE
from the_alchemiser.service import is_cycle_over


def is_over(hand: Hand, since: int = 0) -> bool:
    return is_cycle_over(hand.facts[since:], hand.engine.state)


def ask(hand: Hand, at: int) -> None:
    hand.tell(CycleAsked(at))
    hand.read("begin:now", "100000")


def test_a_warning_while_orders_work_does_not_end_the_cycle() -> None:
    hand = Hand()
    hand.start()
    ask(hand, HALF_PAST_THREE)
    hand.market("AAPL 99/101")
    (request,) = hand.submitted()
    hand.tell(OrderUnheard(hand.at, request.client_order_id, "no answer within 5 s"))
    assert not is_over(hand)
    made = execution_of(request, 0, 490, at=hand.at)
    held = [holding("490 AAPL @ 100")]
    hand.read("fills", "51000", held, orders=[report_of(request, "filled", 490)], executions=[made])
    assert not is_over(hand), "its reconciliation is still to come"
    hand.read("cycle:20210104", "51000", held)
    assert is_over(hand)


def test_a_cycle_taken_up_again_is_waited_for_as_one_begun_now() -> None:
    killed = Hand()
    killed.begin(market="AAPL 99/101")
    hand = Hand(history_=killed.facts)
    since = len(hand.facts)
    hand.start(at=HALF_PAST_THREE + MINUTE)
    ask(hand, HALF_PAST_THREE + MINUTE)
    assert not is_over(hand, since)


def test_a_refused_cycle_is_over_at_once() -> None:
    hand = Hand()
    hand.start()
    ask(hand, TODAY.close - MINUTE)
    assert is_over(hand)


def test_outside_the_session_there_is_nothing_to_wait_for() -> None:
    hand = Hand()
    hand.start()
    assert not is_over(hand)
    ask(hand, NOON + 12 * 60 * MINUTE)
    assert is_over(hand)
