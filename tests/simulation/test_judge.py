"""The judge judged: for each invariant a history that breaks it, and one beside it that just does not."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from court import ACME, BOLT, CASH, CLOSE, CYCLE, E4, E9, E13, MINUTE, SECOND, SESSION, Court

from the_alchemiser.domain import facts as told
from the_alchemiser.domain.events import OrderHeard, Started, StreamRestored
from the_alchemiser.domain.facts import Fact
from the_alchemiser.domain.intent import TradingState
from the_alchemiser.domain.market import Quote
from the_alchemiser.domain.money import Side
from the_alchemiser.domain.orders import Evidence, Execution, Fill, FillSource, OrderReport, OrderStatus
from the_alchemiser.exchange.venue.account import OtherActivity
from the_alchemiser.simulation.judge import keeping
from the_alchemiser.simulation.judge.case import CHECKS, Rules
from the_alchemiser.simulation.judge.hearing import Departure
from the_alchemiser.simulation.judge.story import CHANGES, EXPLAINING
from the_alchemiser.simulation.judge.violations import JUDGED, NOT_JUDGED

A, B = "alc-a-0", "alc-b-0"


@pytest.fixture
def court() -> Court:
    return Court()


# What is judged at all


def test_every_invariant_that_is_judged_has_a_check_that_names_it() -> None:
    named = {invariant for checks in CHECKS.of.values() for invariant, _ in checks}
    assert named == set(JUDGED)
    for checks in CHECKS.of.values():
        for invariant, check in checks:
            assert (check.__doc__ or "").startswith(f"{invariant}: "), check


def test_what_is_not_judged_is_said_and_has_no_check_that_passes() -> None:
    assert not set(JUDGED) & set(NOT_JUDGED)
    assert len(JUDGED) + len(NOT_JUDGED) == 21


def test_every_kind_of_fact_is_taken_in_or_known_to_move_nothing() -> None:
    kinds = set(get_args(Fact))
    assert set(CHANGES) | EXPLAINING == kinds
    assert not set(CHANGES) & EXPLAINING


def test_a_day_of_trading_breaks_nothing(court: Court) -> None:
    court.trade(A, 10)
    court.step()
    court.wait(300)
    court.approve(BOLT, 4)
    court.quote(BOLT)
    court.trade(B, 4, "buy", BOLT)
    court.step()
    court.exchange.now = CLOSE + MINUTE
    court.close_day(
        cash=Decimal(CASH - 1400),
        equity=Decimal(CASH),
        marks={ACME: Decimal(100), BOLT: Decimal(100)},
    )
    court.rest()
    assert court.texts == []


# I-ONE


def test_two_orders_under_one_name_are_found(court: Court) -> None:
    court.send(A)
    court.exchange.add(A)
    court.step()
    assert "I-ONE" in court.violated


def test_a_replacement_is_the_same_order(court: Court) -> None:
    first = court.send(A)
    court.exchange.set(first, "replaced")
    court.exchange.add(A, replaces=first)
    court.step()
    assert court.texts == []


def test_one_decision_sent_under_two_names_is_found(court: Court) -> None:
    court.send(A)
    court.intend("alc-a-1")
    court.arrive("alc-a-1")
    assert court.violated == {"I-ONE"}


def test_the_rest_of_a_canceled_order_may_be_sent_again(court: Court) -> None:
    first = court.send(A)
    court.exchange.execute(first, 4)
    court.exchange.set(first, "canceled")
    court.report(A, OrderStatus.CANCELED, 4)
    court.book(A, 0, 4)
    court.intend("alc-a-1", 6)
    court.arrive("alc-a-1", 6)
    assert court.texts == []


def test_one_share_more_than_the_rest_is_found(court: Court) -> None:
    first = court.send(A)
    court.exchange.execute(first, 4)
    court.exchange.set(first, "canceled")
    court.report(A, OrderStatus.CANCELED, 4)
    court.book(A, 0, 4)
    court.intend("alc-a-1", 7)
    court.arrive("alc-a-1", 7)
    assert court.violated == {"I-ONE"}


def test_the_same_order_may_arrive_twice(court: Court) -> None:
    court.send(A)
    court.arrive(A)
    court.step()
    assert court.texts == []


def test_an_order_without_an_approved_trade_is_found(court: Court) -> None:
    court.intend(A, symbol="NEWS")
    court.arrive(A, symbol="NEWS")
    assert court.violated == {"I-ONE"}


def test_an_order_after_a_refused_one_is_found(court: Court) -> None:
    court.intend(A)
    court.case.hearing.denied.add(A)
    court.report(A, OrderStatus.DENIED)
    court.intend(B, symbol=BOLT)
    court.step()
    assert court.texts == []
    court.intend("alc-a-1")
    court.step()
    assert court.violated == {"I-ONE"}


# I-JRN


def test_an_order_that_was_not_written_first_is_found(court: Court) -> None:
    court.intend(A)
    court.arrive(A, durable=len(court.journal) - 1)
    assert court.violated == {"I-JRN"}


@pytest.mark.parametrize(
    "other", [{"shares": 9}, {"side": "sell"}, {"symbol": BOLT}, {"type": "market", "limit_e4": None}]
)
def test_an_order_that_was_written_otherwise_is_found(court: Court, other: dict[str, object]) -> None:
    court.intend(A)
    court.arrive(A, **other)  # type: ignore[arg-type]
    assert "I-JRN" in court.violated


def test_a_cancel_that_was_not_written_first_is_found(court: Court) -> None:
    court.send(A)
    court.cancel(A)
    assert court.violated == {"I-JRN"}


def test_a_written_cancel_may_be_sent(court: Court) -> None:
    court.send(A)
    court.say(told.CancelIntended(court.now, A))
    court.cancel(A)
    assert court.texts == []


@pytest.mark.parametrize(
    "other", [{"shares": 1}, {"side": "sell"}, {"symbol": BOLT}, {"limit_price_e4": 99 * E4}]
)
def test_an_order_that_the_broker_has_otherwise_is_found(court: Court, other: dict[str, Any]) -> None:
    court.intend(A)
    court.arrive(A)
    court.exchange.add(A, **other)
    court.step()
    assert court.violated == {"I-JRN"}


# I-LIM


def test_an_order_over_the_notional_limit_is_found() -> None:
    rules = Rules(order_notional_max_e13=900 * E13, price_collar_ppm=0)
    court = Court(rules)
    court.send(A, 9)
    assert court.texts == []
    court = Court(rules)
    court.send(A, 10)
    assert court.violated == {"I-LIM"}


def test_an_order_priced_out_of_the_collar_is_found(court: Court) -> None:
    court.intend(A, limit=105)
    court.arrive(A, limit_e4=105 * E4)
    assert court.texts == []
    court.arrive(A, limit_e4=105 * E4 + 1)
    assert court.violated == {"I-LIM"}


def test_one_open_order_too_many_is_found() -> None:
    court = Court(Rules(open_orders_max=1))
    court.send(A)
    assert court.texts == []
    court.send(B, 10, "buy", BOLT)
    assert court.violated == {"I-LIM"}


def test_one_order_a_minute_too_many_is_found() -> None:
    court = Court(Rules(orders_per_minute_max=1))
    court.send(A)
    court.wait(60)
    court.intend(B, 5, "buy", BOLT)
    court.arrive(B, 5, "buy", BOLT)
    assert court.texts == []
    court.intend("alc-b-1", 5, "buy", BOLT)
    court.arrive("alc-b-1", 5, "buy", BOLT)
    assert court.violated == {"I-LIM"}


def test_a_restricted_symbol_is_found() -> None:
    court = Court(Rules(restricted=frozenset({ACME})))
    court.send(A)
    assert court.violated == {"I-LIM"}


def test_a_trade_that_makes_a_position_too_heavy_is_found() -> None:
    court = Court(Rules(position_weight_max_ppm=100_000, price_collar_ppm=0))
    court.step()
    assert court.texts == []
    court.approve(ACME, 11)
    court.step()
    assert court.violated == {"I-LIM"}


def test_a_purchase_in_doubt_is_found(court: Court) -> None:
    court.say(told.SymbolFrozen(court.now, BOLT, "1 share", "nothing found"))
    court.intend(A)
    court.step()
    assert court.texts == []
    court.intend(B, symbol=BOLT)
    court.step()
    assert court.violated == {"I-LIM"}


def test_a_purchase_while_only_exits_may_pass_is_found(court: Court) -> None:
    court.say(told.TradingStateChanged(court.now, TradingState.REDUCING, "the stream is lost"))
    court.intend(A)
    court.step()
    assert court.violated == {"I-LIM"}


def test_trades_that_together_are_too_much_are_found() -> None:
    for shares, expected in ((80, set()), (81, {"I-LIM"})):
        court = Court(
            Rules(price_collar_ppm=0, position_weight_max_ppm=900_000, order_notional_max_e13=E9 * E13)
        )
        court.approve("NEWS", shares)
        court.step()
        assert court.violated == expected


# I-RES


def test_too_little_kept_back_is_found(court: Court) -> None:
    court.send(A)
    court.step(free_e13=(CASH - 1_000) * E13)
    assert court.texts == []
    court.step(free_e13=(CASH - 1_000) * E13 + 10_001)
    assert court.violated == {"I-RES"}


def test_of_an_order_that_has_ended_only_what_it_filled_is_kept_back(court: Court) -> None:
    order = court.send(A)
    court.exchange.execute(order, 4)
    court.exchange.set(order, "canceled")
    court.report(A, OrderStatus.CANCELED, 4)
    court.step(free_e13=(CASH - 400) * E13)
    assert court.texts == []
    court.step(free_e13=(CASH - 400) * E13 + 10_001)
    assert court.violated == {"I-RES"}


def test_what_is_kept_back_for_nothing_is_found(court: Court) -> None:
    court.step(free_e13=CASH * E13 - 10_001)
    assert court.violated == {"I-RES"}


def test_a_release_while_the_order_lives_is_found(court: Court) -> None:
    court.send(A)
    court.report(A, OrderStatus.CANCELED)
    court.step()
    assert "I-RES" in court.violated


# I-CLOSE


def test_a_sale_of_more_than_is_held_is_found(court: Court) -> None:
    court.trade(A, 10)
    court.approve(ACME, 11, Side.SELL)
    sale = court.send(B, 11, "sell")
    court.exchange.execute(sale, 10)
    court.book(B, 0, 10, "sell")
    court.step()
    assert court.texts == []
    court.exchange.execute(sale, 1)
    court.step()
    assert court.violated == {"I-CLOSE"}


# I-FILL


def test_shares_booked_twice_are_found(court: Court) -> None:
    order = court.send(A)
    court.exchange.execute(order, 6)
    court.book(A, 0, 4)
    court.book(A, 4, 6)
    court.step()
    assert court.texts == []
    court.book(A, 5, 6)
    court.step()
    assert "I-FILL" in court.violated


def test_shares_booked_before_they_were_executed_are_found(court: Court) -> None:
    order = court.send(A)
    court.exchange.execute(order, 6)
    court.book(A, 0, 7)
    court.step()
    assert "I-FILL" in court.violated


def test_shares_booked_at_another_price_are_found(court: Court) -> None:
    order = court.send(A)
    court.exchange.execute(order, 6)
    court.book(A, 0, 6, dollars=101)
    court.step()
    assert "I-FILL" in court.violated


def test_two_executions_may_be_booked_as_one_at_what_they_cost(court: Court) -> None:
    order = court.send(A)
    court.exchange.execute(order, 5, 99)
    court.exchange.execute(order, 5, 101)
    court.report(A, OrderStatus.FILLED, 10)
    court.book(A, 0, 10, dollars=100)
    court.rest()
    assert court.texts == []


@pytest.mark.parametrize(("dollars", "expected"), [("100.00001", set()), ("100.01", {"I-FILL", "I-CASH"})])
def test_a_reckoned_average_is_right_to_the_cent(court: Court, dollars: str, expected: set[str]) -> None:
    order = court.send(A)
    court.exchange.execute(order, 10)
    court.report(A, OrderStatus.FILLED, 10)
    fill = Fill(A, ACME, Side.BUY, Decimal(0), Decimal(10), Decimal(dollars), court.now, FillSource.SYNTHETIC)
    court.say(told.FillBooked(court.now, CYCLE, fill))
    court.rest()
    assert court.violated == expected


def test_an_execution_that_nobody_booked_is_found_at_rest(court: Court) -> None:
    order = court.send(A)
    court.exchange.execute(order, 10)
    court.report(A, OrderStatus.FILLED, 10)
    court.step()
    assert court.texts == []
    court.rest()
    assert {"I-FILL", "I-POS", "I-CASH"} <= court.violated


@pytest.mark.parametrize("later", [("unknown", 5, 5), ("partially_filled", 4, 4), ("partially_filled", 5, 4)])
def test_an_order_that_goes_back_is_found(court: Court, later: tuple[str, int, int]) -> None:
    order = court.send(A)
    court.exchange.execute(order, 5)
    court.book(A, 0, 5)
    court.step(orders={A: ("partially_filled", 5 * E9, 5 * E9)})
    assert court.texts == []
    court.step(orders={A: (later[0], later[1] * E9, later[2] * E9)})
    assert court.violated == {"I-FILL"}


@pytest.mark.parametrize(("told_shares", "outcome"), [(5, "canceled"), (4, "filled")])
def test_an_end_of_a_trade_that_is_not_true_is_found(court: Court, told_shares: int, outcome: str) -> None:
    order = court.send(A)
    court.exchange.execute(order, 4)
    court.exchange.set(order, "canceled")
    court.report(A, OrderStatus.CANCELED, 4)
    court.book(A, 0, 4)
    court.say(told.TradeEnded(court.now, CYCLE, ACME, Decimal(4), "canceled"))
    court.step()
    assert court.texts == []
    court.say(told.TradeEnded(court.now, CYCLE, ACME, Decimal(told_shares), outcome))
    court.step()
    assert court.violated == {"I-FILL"}


def test_a_memory_of_shares_that_were_never_executed_is_found(court: Court) -> None:
    court.send(A)
    court.step(orders={A: ("partially_filled", 1, 0)})
    assert court.violated == {"I-FILL"}


# I-POS and I-CASH


def test_a_machine_that_holds_something_else_is_found(court: Court) -> None:
    court.trade(A)
    court.step(positions_e9={ACME: 10 * E9 - 1})
    assert court.violated == {"I-CASH"}


def test_a_cent_that_nobody_can_explain_is_found_in_the_exchange() -> None:
    for cents, expected in ((0, set()), (1, {"I-CASH"})):
        court = Court()
        court.trade(A)
        court.exchange.stated_cash_e13 = (CASH - 1000) * E13 + cents
        court.step()
        assert court.violated == expected


def test_a_cent_that_nobody_can_explain_is_found_in_a_ledger(court: Court) -> None:
    court.step(cash_e13=CASH * E13 + 10_000)
    assert court.texts == []
    court.step(cash_e13=CASH * E13 + 10_001)
    assert court.violated == {"I-CASH"}


def test_money_that_came_and_is_not_in_the_journal_is_found_at_rest(court: Court) -> None:
    court.exchange.others.append(
        OtherActivity(id="1", type="CSD", day=None, booked_at=1, seen_from=1, cash_e13=E13)  # type: ignore[arg-type]
    )
    court.step()
    assert court.texts == []
    court.rest()
    assert court.violated == {"I-CASH"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"equity": Decimal("10000.01")},
        {"realised": Decimal("0.01")},
        {"unrealised": Decimal("0.01")},
        {"marks": {}},
    ],
)
def test_a_day_that_does_not_add_up_is_found(wrong: dict[str, object]) -> None:
    right: dict[str, object] = {"cash": Decimal(CASH - 1000), "marks": {ACME: Decimal(100)}}
    for details, expected in ((right, set()), (right | wrong, {"I-CASH"})):
        court = Court()
        court.trade(A)
        court.exchange.now = CLOSE + MINUTE
        court.close_day(**details)
        court.step()
        assert court.violated == expected


def test_profit_is_what_the_first_shares_bought_have_gained(court: Court) -> None:
    court.trade(A)
    court.approve(ACME, 4, Side.SELL)
    sale = court.send(B, 4, "sell")
    court.exchange.execute(sale, 4, 110)
    court.report(B, OrderStatus.FILLED, 4)
    court.book(B, 0, 4, "sell", dollars=110)
    court.exchange.now = CLOSE + MINUTE
    court.close_day(
        cash=Decimal(CASH - 1000 + 440),
        equity=Decimal(CASH + 40 + 6 * 5),
        realised=Decimal(40),
        unrealised=Decimal(30),
        marks={ACME: Decimal(105)},
    )
    court.rest()
    assert court.texts == []


# I-EXT


def seen_elsewhere(court: Court) -> str:
    """Somebody else's trade, told to the engine just now; returns the broker's id of the order."""
    court.step()
    court.wait(1)
    order_id = court.exchange.add("by hand", 3)
    court.exchange.execute(order_id, 3)
    tell_elsewhere(court, order_id)
    return order_id


def tell_elsewhere(court: Court, order_id: str) -> None:
    report = OrderReport("by hand", order_id, ACME, Side.BUY, Decimal(3), OrderStatus.FILLED, Decimal(3))
    execution = Execution(order_id, ACME, Side.BUY, Decimal(0), Decimal(3), Decimal(100), court.now)
    court.judge.delivered([OrderHeard(court.now, report, execution)])


def test_an_external_trade_that_is_not_booked_within_a_second_is_found(court: Court) -> None:
    seen_elsewhere(court)
    court.wait(1)
    court.step()
    assert court.texts == []
    court.wait(0.001)
    court.step()
    assert court.violated == {"I-EXT"}


def test_an_external_trade_may_be_booked_or_its_symbol_frozen(court: Court) -> None:
    order_id = seen_elsewhere(court)
    court.book(f"external-{order_id}", 0, 3)
    court.wait(5)
    court.step()
    assert court.texts == []
    court = Court()
    seen_elsewhere(court)
    court.wait(5)
    court.say(told.SymbolFrozen(court.now, ACME, "more than we know", "nothing found"))
    court.step()
    assert court.texts == []


def test_a_trade_that_may_be_an_unanswered_order_of_ours_is_counted_as_that(court: Court) -> None:
    court.intend(A)
    court.say(told.OrderLost(court.now, A, "no answer"))
    order_id = seen_elsewhere(court)
    court.wait(5)
    court.step()
    assert court.texts == []
    court.report(A, OrderStatus.NEW)
    court.wait(2)
    court.step()
    assert court.texts == [], "nobody has told of it since it cannot be ours"
    tell_elsewhere(court, order_id)
    court.wait(1.001)
    court.step()
    assert "I-EXT" in court.violated


def test_a_difference_that_freezes_nothing_is_found(court: Court) -> None:
    differs = told.Reconciled(court.now, "record", ("ACME: 1 share",), Decimal(CASH), Decimal(CASH))
    court.say(differs)
    court.say(told.SymbolFrozen(court.now, ACME, "1 share", "nothing found"))
    court.step()
    assert court.texts == []
    court.say(told.SymbolReleased(court.now, ACME))
    court.step()
    assert court.violated == {"I-EXT"}


def test_an_open_order_of_somebody_else_that_is_not_counted_is_found(court: Court) -> None:
    court.step()
    order_id = court.exchange.add("by hand", 3)
    report = OrderReport("by hand", order_id, ACME, Side.BUY, Decimal(3), OrderStatus.NEW)
    court.judge.delivered([OrderHeard(court.now, report)])
    court.wait(1)
    court.step()
    assert court.texts == []
    court.wait(0.001)
    court.step()
    assert court.violated == {"I-EXT"}


def test_an_open_order_of_somebody_else_may_be_counted(court: Court) -> None:
    order_id = court.exchange.add("by hand", 3)
    report = OrderReport("by hand", order_id, ACME, Side.BUY, Decimal(3), OrderStatus.NEW)
    court.judge.delivered([OrderHeard(court.now, report)])
    court.say(told.ExternalOrderSeen(court.now, report))
    court.wait(2)
    court.step()
    assert court.texts == []


def asked(court: Court, *sites: str) -> None:
    court.case.hearing.asked_at |= dict.fromkeys(sites, court.now)


def test_open_orders_that_nobody_asks_for_are_found(court: Court) -> None:
    asked(court, "account")
    court.send(A)
    court.wait(120)
    court.step()
    assert court.texts == []
    court.wait(1)
    court.step()
    assert court.violated == {"I-EXT"}


def test_open_orders_may_be_asked_for_or_nobody_be_there_to_ask(court: Court) -> None:
    asked(court, "account")
    court.send(A)
    court.wait(110)
    asked(court, "open_orders")
    court.wait(120)
    court.step()
    assert court.texts == []
    court.judge.delivered([Started(court.now)])
    court.wait(120)
    court.step()
    assert court.texts == []


def test_a_gap_of_the_stream_that_nobody_reads_is_found(court: Court) -> None:
    asked(court, "executions")
    court.wait(1)
    for is_read, expected in ((True, set()), (False, {"I-EXT"})):
        court.judge.delivered([StreamRestored(court.now)])
        court.wait(1)
        if is_read:
            asked(court, "executions")
        court.wait(30)
        court.step()
        assert court.violated == expected


def test_an_unknown_order_that_nobody_looks_for_is_found(court: Court) -> None:
    asked(court, "account")
    unanswered(court)
    court.wait(30)
    asked(court, f"look_up {A}", "open_orders")
    court.wait(120)
    court.step()
    assert court.texts == []
    court.wait(1)
    asked(court, "open_orders")
    court.step()
    assert court.violated == {"I-UNK"}


def test_missing_executions_that_nobody_asks_for_are_found(court: Court) -> None:
    asked(court, "account")
    order = court.send(A)
    court.exchange.execute(order, 4)
    court.report(A, OrderStatus.PARTIALLY_FILLED, 4)
    court.wait(120)
    court.step()
    assert court.texts == []
    court.wait(1)
    court.step()
    assert court.violated == {"I-FILL", "I-EXT"}


# I-EPOCH


def test_an_order_is_durable_as_it_leaves() -> None:
    court = Court()
    court.intend(A)
    court.judge.departed(Departure(A, is_submission=True))
    court.judge.departed(Departure("the broker's name for another"))
    assert court.violated == set()
    court.judge.departed(Departure(B, is_submission=True))
    assert court.violated == {"I-JRN"}


def test_a_send_by_a_stale_epoch_is_found(court: Court) -> None:
    court.judge.departed(Departure(A, 2, 2))
    assert court.texts == []
    court.judge.departed(Departure(A, 2, 3))
    assert court.violated == {"I-EPOCH"}


def test_a_commit_by_a_stale_epoch_is_found(court: Court) -> None:
    court.judge.committed(2, 2)
    assert court.texts == []
    court.judge.committed(2, 3)
    assert court.violated == {"I-EPOCH"}


# I-AUD


def test_a_journal_that_gives_back_something_else_is_found(court: Court) -> None:
    court.case.read_again = lambda: list(court.journal)
    court.rest()
    assert court.texts == []
    court.case.read_again = lambda: court.journal[:-1]
    court.judge.rested()
    assert court.violated == {"I-AUD"}


def test_a_fact_that_was_changed_is_found(court: Court) -> None:
    changed = [*court.journal[:-1], msgspec.structs.replace(court.journal[-1], at=1)]
    court.case.read_again = lambda: changed
    court.rest()
    assert court.violated == {"I-AUD"}


def test_a_memory_that_the_journal_does_not_make_is_found(court: Court) -> None:
    court.step()
    glance = court.case.glances["one"]
    court.case.started_anew = lambda: glance
    court.judge.rested()
    assert court.texts == []
    court.case.started_anew = lambda: msgspec.structs.replace(glance, cash_e13=1)
    court.judge.rested()
    assert court.violated == {"I-AUD"}


# I-UNK


def unanswered(court: Court) -> None:
    court.intend(A)
    court.say(told.OrderLost(court.now, A, "no answer"))


def look(court: Court, lists: int = 2) -> None:
    """Everything that must have been asked before an order may be given up."""
    court.case.hearing.lists += [court.now] * lists
    court.case.hearing.not_found[A] = [court.now]


def test_an_order_may_be_given_up_after_its_horizon_and_clean_reads(court: Court) -> None:
    unanswered(court)
    court.wait(60)
    look(court)
    court.report(A, OrderStatus.ABANDONED)
    court.rest()
    assert court.texts == []


def test_an_order_given_up_too_soon_is_found(court: Court) -> None:
    unanswered(court)
    court.wait(59.9)
    look(court)
    court.report(A, OrderStatus.ABANDONED)
    court.step()
    assert court.violated == {"I-UNK"}


def test_an_order_given_up_after_one_list_is_found(court: Court) -> None:
    unanswered(court)
    court.wait(61)
    look(court, lists=1)
    court.report(A, OrderStatus.ABANDONED)
    court.step()
    assert court.violated == {"I-UNK"}


def test_an_order_given_up_that_nobody_watches_is_found(court: Court) -> None:
    unanswered(court)
    court.wait(60)
    look(court)
    court.report(A, OrderStatus.ABANDONED)
    asked(court, "account", f"look_up {A}")
    court.wait(480)
    court.step()
    assert court.texts == []
    court.wait(1)
    court.step()
    assert court.violated == {"I-UNK"}


def test_an_order_that_turned_up_need_not_be_watched(court: Court) -> None:
    unanswered(court)
    court.wait(60)
    look(court)
    court.report(A, OrderStatus.ABANDONED)
    asked(court, "account")
    court.report(A, OrderStatus.CANCELED)
    court.say(told.AlertRaised(court.now, "error", "it turned up"))
    court.wait(481)
    court.step()
    assert court.texts == []


def test_an_order_that_turned_up_and_nobody_was_told_is_found(court: Court) -> None:
    unanswered(court)
    court.wait(60)
    look(court)
    court.report(A, OrderStatus.ABANDONED)
    court.step()
    assert court.texts == []
    court.wait(1)
    court.exchange.add(A)
    court.report(A, OrderStatus.NEW)
    court.step()
    assert "I-ALRM" in court.violated


def test_an_order_that_turned_up_is_asked_for_from_then_on(court: Court) -> None:
    unanswered(court)
    court.wait(60)
    look(court)
    asked(court, "account", "open_orders")
    court.report(A, OrderStatus.ABANDONED)
    court.wait(150)
    asked(court, f"look_up {A}")
    court.report(A, OrderStatus.PENDING_CANCEL)
    court.say(told.AlertRaised(court.now, "error", "it turned up"))
    court.wait(120)
    court.step()
    assert court.texts == []
    court.wait(1)
    court.step()
    assert court.violated == {"I-EXT"}


def test_a_silence_taken_for_a_refusal_is_found(court: Court) -> None:
    unanswered(court)
    court.report(A, OrderStatus.REJECTED)
    court.step()
    assert court.violated == {"I-UNK"}


def test_a_refusal_may_be_taken_for_a_refusal(court: Court) -> None:
    court.intend(A)
    court.case.hearing.denied.add(A)
    court.report(A, OrderStatus.REJECTED)
    court.rest()
    assert court.texts == []


def test_an_order_still_unknown_at_rest_is_found(court: Court) -> None:
    unanswered(court)
    court.step()
    assert court.texts == []
    court.rest()
    assert court.violated == {"I-UNK"}


# I-STALE


@pytest.mark.parametrize(
    ("bid", "ask", "age_seconds", "is_wrong"),
    [
        ("99.9", "100.1", 120, False),
        ("99.9", "100.1", 121, True),
        ("100", "100", 0, False),
        ("100.1", "99.9", 0, True),
        ("0", "100.1", 0, True),
    ],
)
def test_a_purchase_on_bad_data_is_found(
    court: Court, bid: str, ask: str, age_seconds: int, is_wrong: bool
) -> None:
    court.quote(ACME, bid, ask, age_seconds)
    court.intend(A)
    court.step()
    assert court.violated == ({"I-STALE"} if is_wrong else set())


def test_a_purchase_without_any_quote_is_found(court: Court) -> None:
    court.intend(B, symbol="ODD")
    court.step()
    assert court.violated == {"I-STALE"}


def test_a_purchase_outside_the_session_is_found(court: Court) -> None:
    court.exchange.now = CLOSE
    court.quote()
    court.intend(A)
    court.step()
    assert court.violated == {"I-STALE"}


def test_a_decision_on_bad_data_is_found(court: Court) -> None:
    for age_seconds, expected in ((120, set()), (121, {"I-STALE"})):
        quote = Quote(ACME, court.now - age_seconds * SECOND, Decimal(1), Decimal(2))
        court.say(told.SnapshotTaken(court.now, CYCLE, {ACME: quote}, ""))
        court.step()
        assert court.violated == expected


def test_an_order_that_leaves_after_its_session_is_found(court: Court) -> None:
    court.intend(A)
    court.exchange.now = CLOSE - 1
    court.judge.departed(Departure(A))
    assert court.texts == []
    court.exchange.now = CLOSE
    court.judge.departed(Departure(A))
    assert court.violated == {"I-STALE"}


def test_an_order_sent_again_after_its_session_is_found(court: Court) -> None:
    unanswered(court)
    for at, expected in ((CLOSE - 1, set()), (CLOSE, {"I-STALE"})):
        court.exchange.now = at
        look(court)
        court.judge.case.hearing.not_found[A] = [at]
        court.say(told.OrderSentAgain(at, A, Evidence(1, 2, 0)))
        court.step()
        assert court.violated & {"I-STALE"} == expected


def test_a_sale_needs_no_quote(court: Court) -> None:
    court.trade(A)
    court.wait(500)
    court.approve(ACME, 10, Side.SELL)
    court.intend(B, side="sell")
    court.step()
    assert court.texts == []


# I-DAY


def test_a_day_closed_twice_is_found(court: Court) -> None:
    court.exchange.now = CLOSE + MINUTE
    court.close_day()
    court.step()
    assert court.texts == []
    court.close_day()
    court.step()
    assert court.violated == {"I-DAY"}


def test_a_day_closed_before_its_end_is_found(court: Court) -> None:
    court.exchange.now = CLOSE - 1
    court.close_day()
    court.step()
    assert court.violated == {"I-DAY"}


def test_a_second_cycle_of_a_day_is_found(court: Court) -> None:
    court.say(told.CycleStarted(court.now, CYCLE, SESSION.date, CLOSE))
    court.step()
    assert court.violated == {"I-DAY"}


def test_a_second_opening_balance_is_found(court: Court) -> None:
    court.say(told.AccountOpened(court.now, "A1", Decimal(CASH), ()))
    court.step()
    assert "I-DAY" in court.violated


# I-BND


def test_a_queue_beyond_its_bound_is_found(court: Court) -> None:
    court.step(sizes={"timers": 5})
    assert court.texts == []
    court.step(sizes={"timers": 6})
    assert court.violated == {"I-BND"}


# I-ALRM


def test_a_lost_order_of_which_nobody_was_told_is_found(court: Court) -> None:
    court.intend(A)
    court.say(told.OrderLost(court.now, A, "no answer"))
    court.say(told.OrderLost(court.now, A, "sent again"), is_told=False)
    court.step()
    assert court.texts == []
    court.intend(B, symbol=BOLT)
    court.say(told.OrderLost(court.now + 1, B, "no answer"), is_told=False)
    court.step()
    assert court.violated == {"I-ALRM"}


def test_an_alarm_where_nothing_was_wrong_is_found(court: Court) -> None:
    court.say(told.AlertRaised(court.now, "warning", "odd"))
    court.judge.struck("request_lost")
    court.rest()
    assert court.texts == []
    court = Court()
    court.say(told.AlertRaised(court.now, "warning", "odd"))
    court.rest()
    assert court.violated == {"I-ALRM"}


@pytest.mark.parametrize(("seconds", "is_wrong"), [(5, False), (5.1, True)])
def test_a_fault_that_nobody_was_told_of_in_time_is_found(
    court: Court, monkeypatch: pytest.MonkeyPatch, seconds: float, is_wrong: bool
) -> None:
    monkeypatch.setitem(keeping.ALARM_SECONDS, "keys revoked", 5)
    court.judge.struck("keys revoked")
    court.wait(seconds)
    court.say(told.AlertRaised(court.now, "critical", "the keys are refused"))
    court.rest()
    assert court.violated == ({"I-ALRM"} if is_wrong else set())


# The judge's independence

LOOKING_INSIDE = {"witness.py", "clerk.py"}


def test_the_judge_shares_no_code_with_what_it_judges() -> None:
    """Types of facts, events and records are data; only the witness and the clerk look at an engine."""
    folder = Path(keeping.__file__).parent
    allowed = re.compile(
        r"the_alchemiser\.(domain(|\.(facts|events|orders|market))|exchange\.venue\.(account|orders)"
        r"|simulation\.judge(\.\w+)?|pipeline\.risk)$"
    )
    for path in sorted(folder.glob("*.py")):
        for module in re.findall(r"^from (the_alchemiser\S*) import", path.read_text(), re.MULTILINE):
            assert allowed.match(module) or path.name in LOOKING_INSIDE, f"{path.name} imports {module}"


def test_a_quote_is_taken_from_the_newest_fact(court: Court) -> None:
    quote = Quote(ACME, court.now, Decimal(1), Decimal(2))
    court.say(told.SnapshotTaken(court.now, CYCLE, {ACME: quote}, ""))
    court.step()
    assert court.case.story.quotes[ACME] is quote


def test_times_are_of_the_exchange(court: Court) -> None:
    court.step(free_e13=CASH * E13 - 10_001)
    assert court.judge.violations[0].at == court.now
    assert SECOND * 60 == MINUTE
