"""Does the ledger agree with the broker? What differs is frozen, explained or adjusted, never invented."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hand import HALF_PAST_THREE, SESSIONS, Hand, report_of, setting, somebody_elses
from language import NOON, account, holding
from msgspec.structs import replace

from the_alchemiser.domain.effects import CancelOrder, ReadBroker, SubmitOrder
from the_alchemiser.domain.events import (
    AdjustmentAsked,
    BrokerRead,
    BrokerState,
    OrdersRead,
    ReadFailed,
    StreamLost,
    StreamRestored,
)
from the_alchemiser.domain.facts import (
    AccountOpened,
    ActivityBooked,
    AlertRaised,
    ExternalOrderSeen,
    LedgerAdjusted,
    OrderIntended,
    Reconciled,
    SymbolFrozen,
    SymbolReleased,
    TradeRefused,
    TradingStateChanged,
)
from the_alchemiser.domain.instants import MINUTE, SECOND
from the_alchemiser.domain.intent import TradingState
from the_alchemiser.domain.orders import OrderReport
from the_alchemiser.domain.portfolio import Activity, ActivityKind, Holding
from the_alchemiser.engine import Engine
from the_alchemiser.reconciliation import LOOKS_MAX, UNREAD_TOLD_EVERY

D = Decimal
BOTH = ("AAPL", "MSFT")
MARKET = "AAPL 99/101; MSFT 99/101"


@pytest.fixture
def hand() -> Hand:
    return Hand(setting("AAPL 40%, MSFT 40%", BOTH))


def alerts(hand: Hand) -> list[str]:
    return [fact.text for fact in hand.kinds(AlertRaised)]


def bought(hand: Hand) -> list[str]:
    return [fact.request.symbol for fact in hand.kinds(OrderIntended)]


def refused(hand: Hand) -> list[tuple[str, str]]:
    return [(fact.trade.symbol, fact.code) for fact in hand.kinds(TradeRefused)]


def read_twice(hand: Hand, cash: str, held: Sequence[Holding] = (), **more: Any) -> None:
    """What the broker says is the same at the second look."""
    hand.read("record", cash, held, **more)
    hand.read("again:record", cash, held, **more)


def decide(hand: Hand, cash: str, held: Sequence[Holding] = ()) -> None:
    """The day's cycle, where the broker still says the same."""
    hand.fire("begin:2021-01-04", HALF_PAST_THREE)
    for purpose in ("begin:2021-01-04", "again:begin:2021-01-04"):
        hand.read(purpose, cash, held)
        if hand.engine.state.cycle is not None:
            break
    hand.market(MARKET)


def activity(kind: str, cash: str = "0", shares: str = "0", symbol: str = "", name: str = "") -> Activity:
    moved = D(cash), symbol, D(shares)
    return Activity(name or f"id-{kind}", ActivityKind(kind), kind.upper(), "2021-01-04", *moved)


def read_with(hand: Hand, activities: Sequence[Activity], cash: str, held: Sequence[Holding] = ()) -> None:
    """Two looks, the second with what moved other than by trading."""
    hand.read("record", cash, held)
    assert "again:record" in hand.timers()
    total = D(cash) + sum(one.shares * one.price for one in held)
    state = BrokerState(account(cash, str(total)), tuple(held), (), (), SESSIONS, tuple(activities))
    hand.tell(BrokerRead(hand.at + 2 * SECOND, "again:record", state))


# Freezing


def test_a_symbol_that_differs_is_frozen_for_opening_while_the_others_trade(hand: Hand) -> None:
    hand.start()
    wrong = [holding("5 AAPL @ 100")]
    read_twice(hand, "100000", wrong)
    (frozen,) = hand.kinds(SymbolFrozen)
    assert (frozen.symbol, frozen.difference) == ("AAPL", "AAPL: ledger holds 0, broker says 5")
    assert "nothing explains it" in frozen.cause
    decide(hand, "100000", wrong)
    assert bought(hand) == ["MSFT"]
    assert refused(hand) == [("AAPL", "frozen")]


def test_a_difference_in_cash_freezes_all_opening(hand: Hand) -> None:
    hand.start()
    read_twice(hand, "99000")
    assert [fact.symbol for fact in hand.kinds(SymbolFrozen)] == [""]
    decide(hand, "99000")
    assert bought(hand) == []
    assert refused(hand) == [("AAPL", "frozen"), ("MSFT", "frozen")]


def test_an_order_that_has_ended_here_and_is_open_there_freezes_its_own_symbol_alone(hand: Hand) -> None:
    (aapl, msft) = hand.begin(market=MARKET)
    hand.hear(aapl, "rejected")
    hand.hear(msft, "new")
    for purpose in ("record", "again:record"):
        hand.read(purpose, "100000", orders=[report_of(aapl, "new"), report_of(msft, "new")])
    differing = {symbol: frozen.difference for symbol, frozen in hand.engine.state.frozen.items()}
    assert differing == {"AAPL": f"order {aapl.client_order_id}: open at the broker, ended here"}


def test_a_frozen_symbol_is_sold_but_no_more_of_it_than_both_sides_hold() -> None:
    hand = Hand(setting("MSFT 10%", BOTH))
    hand.start("50000", [holding("100 AAPL @ 100")])
    fewer = [holding("60 AAPL @ 100")]
    read_twice(hand, "50000", fewer)
    decide(hand, "50000", fewer)
    sold = [fact.request for fact in hand.kinds(OrderIntended) if fact.request.symbol == "AAPL"]
    assert [(request.side.value, request.shares) for request in sold] == [("sell", 60)]
    assert hand.engine.state.sellable("AAPL") == 0, "nothing of it is left to be sold a second time"


def test_it_is_released_by_itself_when_they_agree_again(hand: Hand) -> None:
    hand.start()
    read_twice(hand, "100000", [holding("5 AAPL @ 100")])
    hand.read("record", "100000")
    assert [fact.symbol for fact in hand.kinds(SymbolReleased)] == ["AAPL"]
    assert hand.engine.state.frozen == {}
    decide(hand, "100000")
    assert bought(hand) == ["AAPL", "MSFT"]


def test_the_same_difference_is_told_once_and_another_one_again(hand: Hand) -> None:
    hand.start()
    for shares in (5, 5, 6):
        read_twice(hand, "100000", [holding(f"{shares} AAPL @ 100")])
    assert [fact.difference[-1] for fact in hand.kinds(SymbolFrozen)] == ["5", "6"]
    assert len(alerts(hand)) == 2


def test_a_freeze_outlives_the_process(hand: Hand) -> None:
    hand.start()
    read_twice(hand, "100000", [holding("5 AAPL @ 100")])
    again = Hand(hand.config, hand.facts)
    again.start("100000", [holding("5 AAPL @ 100")])
    again.read("again:start", "100000", [holding("5 AAPL @ 100")])
    assert (bool(again.engine.state.why_not_open("AAPL")), again.engine.state.why_not_open("MSFT")) == (
        True,
        "",
    )


def test_while_a_difference_is_looked_at_again_nothing_is_bought_on_it(hand: Hand) -> None:
    (first, second) = hand.begin(market=MARKET)
    for request in (first, second):
        hand.hear(request, "new")
    hand.read(
        "record",
        "100000",
        [holding("5 AAPL @ 100")],
        orders=[report_of(first, "new"), report_of(second, "new")],
    )
    hand.quotes(MARKET, HALF_PAST_THREE + 5 * MINUTE)
    for request in (first, second):
        hand.hear(request, "canceled")
    assert bought(hand)[2:] == ["MSFT"]
    reports = [report_of(hand.kinds(OrderIntended)[-1].request, "new")]
    hand.read("again:record", "100000", orders=reports)
    assert bought(hand)[2:] == ["MSFT", "AAPL"], "it was an illusion, and the purchase goes on"


def test_differences_that_change_with_every_look_are_trading_not_errors(hand: Hand) -> None:
    """Fills come in between two reads: what counts is the same difference twice."""
    hand.start()
    hand.read("record", "100000", [holding("1 AAPL @ 100")])
    for shares in range(2, LOOKS_MAX + 1):
        assert hand.kinds(SymbolFrozen) == []
        hand.read("again:record", "100000", [holding(f"{shares} AAPL @ 100")])
    assert len(hand.kinds(SymbolFrozen)) == 1, "but not for ever"


# Answers that are none


def test_an_empty_list_of_positions_is_no_flat_account(hand: Hand) -> None:
    hand.start("50000", [holding("100 AAPL @ 100")])
    hand.read("record", "50000", equity="60000")
    assert hand.kinds(SymbolFrozen) == [], "one empty answer is none"
    hand.read("again:record", "50000", equity="60000")
    assert hand.engine.state.ledger.shares() == {"AAPL": 100}
    assert [fact.symbol for fact in hand.kinds(SymbolFrozen)] == ["AAPL", ""]
    assert not [one for one in hand.effects if isinstance(one, SubmitOrder)]


def test_an_account_is_not_opened_with_a_list_of_positions_that_cannot_be_complete(hand: Hand) -> None:
    whole = replace(account("50000", "60000"), holdings_value=D(10_000))
    hand.tell(BrokerRead(NOON, "start", BrokerState(whole, (), (), (), SESSIONS)))
    assert hand.kinds(AccountOpened) == []
    assert "read:start" in hand.timers()
    held = (holding("100 AAPL @ 99"),)
    hand.tell(BrokerRead(NOON, "start", BrokerState(whole, held, (), (), SESSIONS)))
    assert [fact.holdings for fact in hand.kinds(AccountOpened)] == [held], "marks may have moved since"


# Explanations


@pytest.mark.parametrize(
    ("moved", "cash", "held", "shares"),
    [
        (activity("transfer", "5000"), "55000", "100 AAPL @ 100", {"AAPL": 100}),
        (activity("dividend", "21.50", symbol="AAPL"), "50021.50", "100 AAPL @ 100", {"AAPL": 100}),
        (activity("fee", "-0.01"), "49999.99", "100 AAPL @ 100", {"AAPL": 100}),
        (activity("interest", "1.23"), "50001.23", "100 AAPL @ 100", {"AAPL": 100}),
        (activity("split", shares="300", symbol="AAPL"), "50000", "400 AAPL @ 25", {"AAPL": 400}),
        (activity("rename", shares="100", symbol="APLE"), "50000", "100 APLE @ 100", {"APLE": 100}),
    ],
)
def test_what_the_broker_tells_beside_trades_is_booked_where_it_explains_the_difference(
    hand: Hand, moved: Activity, cash: str, held: str, shares: dict[str, int]
) -> None:
    hand.start("50000", [holding("100 AAPL @ 100")])
    read_with(hand, [moved], cash, [holding(held)])
    assert [fact.activity for fact in hand.kinds(ActivityBooked)] == [moved]
    assert hand.engine.state.ledger.shares() == shares
    assert hand.kinds(Reconciled)[-1].differences == ()
    assert hand.kinds(SymbolFrozen) == []
    assert alerts(hand) == []


def test_a_split_with_its_fraction_paid_out_is_booked_together(hand: Hand) -> None:
    hand.start("50000", [holding("101 AAPL @ 100")])
    split = activity("split", shares="-50.5", symbol="AAPL")
    fraction = activity("fraction", "100", "-0.5", "AAPL")
    read_with(hand, [split, fraction], "50100", [holding("50 AAPL @ 200")])
    ledger = hand.engine.state.ledger
    assert (ledger.shares(), ledger.cash, ledger.realised) == ({"AAPL": 50}, 50_100, 0)


def test_an_activity_is_booked_once_and_one_from_before_the_opening_never(hand: Hand) -> None:
    deposit = activity("transfer", "50000", name="the opening deposit")
    hand.tell(BrokerRead(NOON, "start", BrokerState(account("50000"), (), (), (), SESSIONS, (deposit,))))
    later = activity("transfer", "5000", name="a later one")
    read_with(hand, [deposit, later], "55000")
    assert [fact.activity.id for fact in hand.kinds(ActivityBooked)] == ["a later one"]
    read_with(hand, [deposit, later], "60000")
    assert len(hand.kinds(ActivityBooked)) == 1
    assert [fact.symbol for fact in hand.kinds(SymbolFrozen)] == [""]


def test_what_explains_only_a_part_is_named_and_not_booked(hand: Hand) -> None:
    hand.start("50000")
    read_with(hand, [activity("dividend", "20", symbol="AAPL")], "50021")
    assert hand.kinds(ActivityBooked) == []
    assert hand.kinds(SymbolFrozen)[0].cause.endswith("DIVIDEND of 2021-01-04 ($20) does not account for it")


def test_a_split_of_other_shares_than_are_missing_is_not_booked(hand: Hand) -> None:
    hand.start("50000", [holding("100 AAPL @ 100")])
    read_with(hand, [activity("split", shares="300", symbol="AAPL")], "50000", [holding("399 AAPL @ 25")])
    assert hand.kinds(ActivityBooked) == []
    assert [fact.symbol for fact in hand.kinds(SymbolFrozen)] == ["AAPL"]


def test_only_those_that_fit_together_are_booked(hand: Hand) -> None:
    """A late one must not be booked a second time after a person has adjusted for it."""
    hand.start("50000")
    stray, fee = activity("transfer", "700", name="stray"), activity("fee", "-0.02")
    read_with(hand, [stray, fee], "49999.98")
    assert [fact.activity.name for fact in hand.kinds(ActivityBooked)] == ["FEE"]


def test_a_cent_of_cash_names_the_entry_that_only_one_side_knows(hand: Hand) -> None:
    (aapl, _) = hand.begin(market=MARKET)
    hand.hear(aapl, "filled", 392, (0, 392), price="100.01")
    read_twice(hand, "60796.07", [holding("392 AAPL @ 100")])
    (frozen,) = hand.kinds(SymbolFrozen)
    assert frozen.difference == "cash: ledger has 60796.08, broker says 60796.07"
    assert (
        f"the fill of {aapl.client_order_id} from 0 is booked, the broker does not tell of it" in frozen.cause
    )


def test_a_deposit_is_no_profit_and_a_withdrawal_no_loss_of_the_day() -> None:
    hand = Hand(setting("AAPL 10%", ("AAPL",)))
    hand.start("100000")
    read_with(hand, [activity("transfer", "-50000")], "50000")
    decide(hand, "50000")
    assert refused(hand) == [], "the daily loss limit is not reached by taking money out"
    assert bought(hand) == ["AAPL"]


# A person's word


def test_a_person_adjusts_the_ledger_with_a_name_and_a_reason_and_it_trades_again(hand: Hand) -> None:
    hand.start()
    wrong = [holding("5 AAPL @ 120")]
    read_twice(hand, "100000", wrong)
    hand.tell(AdjustmentAsked(hand.at, "AAPL", "bought by telephone", "ada"))
    (adjusted,) = hand.kinds(LedgerAdjusted)
    assert (adjusted.shares, adjusted.price, adjusted.cash) == (5, 120, 0)
    assert (adjusted.reason, adjusted.who) == ("bought by telephone", "ada")
    assert hand.engine.state.ledger.shares() == {"AAPL": 5}
    assert hand.engine.state.ledger.unrealised({"AAPL": D(120)}) == 0
    assert [fact.symbol for fact in hand.kinds(SymbolReleased)] == ["AAPL"]
    hand.read("record", "100000", wrong)
    assert hand.kinds(Reconciled)[-1].differences == ()


def test_shares_that_left_leave_without_profit_or_loss(hand: Hand) -> None:
    hand.start("50000", [holding("100 AAPL @ 100")])
    read_twice(hand, "50000")
    hand.tell(AdjustmentAsked(hand.at, "AAPL", "moved to another broker", "ada"))
    ledger = hand.engine.state.ledger
    assert (ledger.shares(), ledger.realised) == ({}, 0)


def test_where_nothing_differs_nothing_is_adjusted(hand: Hand) -> None:
    hand.start()
    hand.tell(AdjustmentAsked(hand.at, "AAPL", "just so", "ada"))
    assert hand.kinds(LedgerAdjusted) == []
    assert alerts(hand) == [
        "the ledger was not adjusted: ledger and broker agree on AAPL: there is nothing to adjust"
    ]


# The orders of others


def others(side: str, shares: int, symbol: str, price: str | None = "100") -> OrderReport:
    report = report_of(somebody_elses(side, shares, symbol), "new")
    return replace(report, price=None if price is None else D(price))


def test_a_manual_buy_order_reserves_its_cash_at_once_and_counts_as_open(hand: Hand) -> None:
    hand.start("100000")
    hand.tell(OrdersRead(hand.at, "orders", (others("buy", 500, "XOM"),)))
    decide(hand, "100000")
    hand.hear(hand.kinds(OrderIntended)[0].request, "new")
    assert hand.engine.cycle.free_cash() == 100_000 - 500 * 100 - sum(
        fact.request.shares * fact.request.limit_price for fact in hand.kinds(OrderIntended)
    )
    assert bought(hand) == ["AAPL"], "for the other one the cash is promised away"


def test_a_manual_order_that_names_no_price_may_take_any_amount(hand: Hand) -> None:
    hand.start("100000")
    hand.tell(OrdersRead(hand.at, "orders", (others("buy", 1, "XOM", None),)))
    assert hand.engine.cycle.free_cash() == 0


def test_a_manual_sell_order_reserves_its_shares() -> None:
    hand = Hand(setting("MSFT 10%", BOTH))
    held = [holding("100 AAPL @ 100")]
    hand.start("50000", held)
    hand.tell(OrdersRead(hand.at, "orders", (others("sell", 70, "AAPL"),)))
    assert hand.engine.state.sellable("AAPL") == 30
    decide(hand, "50000", held)
    assert ("AAPL", "short_sale") in refused(hand)


def test_orders_of_others_are_never_cancelled_and_outlive_a_restart(hand: Hand) -> None:
    hand.start("100000")
    report = others("buy", 500, "XOM")
    hand.hear(somebody_elses("buy", 500, "XOM"), "new")
    assert len(hand.kinds(ExternalOrderSeen)) == 1
    hand.tell(OrdersRead(hand.at, "orders", (report,)))
    assert len(hand.kinds(ExternalOrderSeen)) == 1, "nothing new"
    state = Engine(hand.config, hand.facts).state
    assert list(state.others) == [report.broker_order_id]
    assert "manual" in state.broker_read("record", hand.at).watch
    assert not [one for one in hand.effects if isinstance(one, CancelOrder)]


def test_an_order_of_somebody_elses_ends_with_its_report_or_when_two_reads_do_not_know_it(hand: Hand) -> None:
    hand.start("100000")
    manual = somebody_elses("buy", 500, "XOM")
    hand.hear(manual, "new")
    hand.hear(manual, "canceled")
    assert hand.engine.state.others == {}
    hand.tell(OrdersRead(hand.at, "orders", (others("buy", 500, "XOM"),)))
    assert hand.engine.state.others == {}, "an older list does not bring it back"
    hand.hear(somebody_elses("buy", 5, "F", "done at once"), "filled", 5, (0, 5))
    assert [fact.report.client_order_id for fact in hand.kinds(ExternalOrderSeen)] == ["manual", "manual"]
    hand.hear(somebody_elses("buy", 5, "KO", "second"), "new")
    for left in (1, 1, 0):
        hand.tell(OrdersRead(hand.at + SECOND, "orders", ()))
        assert len(hand.engine.state.others) == left


def test_an_order_that_could_not_be_looked_up_is_neither_missing_nor_ended(hand: Hand) -> None:
    """Ours and one of somebody else's: the rest of the record agrees, and counts."""
    (aapl, msft) = hand.begin(market=MARKET)
    for request in (aapl, msft, somebody_elses("buy", 5, "KO")):
        hand.hear(request, "new")
    unread = (aapl.client_order_id, msft.client_order_id, "manual")
    state = BrokerState(account("100000", "100000"), (), (), (), SESSIONS, unread=unread)
    for number in range(1, UNREAD_TOLD_EVERY + 1):
        hand.tell(BrokerRead(hand.at + SECOND, "record", state))
        assert hand.kinds(Reconciled)[-1].differences == ()
        assert ["could not be looked up" in text for text in alerts(hand)].count(True) == 3 * (number == 10)
    assert (hand.engine.state.frozen, len(hand.engine.state.others)) == ({}, 1)


# How far we may act


def test_a_lost_stream_lets_only_exits_pass_until_it_is_back_and_the_record_was_compared() -> None:
    hand = Hand(setting("MSFT 10%", BOTH))
    held = [holding("100 AAPL @ 100")]
    hand.start("50000", held)
    hand.tell(StreamLost(hand.at, "refused five times"))
    assert hand.engine.state.trading is TradingState.REDUCING
    decide(hand, "50000", held)
    assert [fact.request.side.value for fact in hand.kinds(OrderIntended)] == ["sell"]
    assert refused(hand) == [("MSFT", "trading_state")]
    hand.tell(StreamRestored(hand.at + SECOND))
    assert hand.engine.state.trading is TradingState.REDUCING, "what was missed is not read yet"
    sold = hand.kinds(OrderIntended)[0].request
    hand.read("restored", "50000", held, orders=[report_of(sold, "new")])
    assert hand.engine.state.trading is TradingState.ACTIVE
    assert [fact.state.value for fact in hand.kinds(TradingStateChanged)] == ["reducing", "active"]


def test_a_read_asked_for_before_the_stream_was_back_does_not_end_the_doubt(hand: Hand) -> None:
    hand.start()
    hand.fire("close:2021-01-04")
    hand.tell(StreamLost(hand.at + SECOND, "gone"))
    hand.tell(StreamRestored(hand.at + SECOND))
    hand.read("close:2021-01-04", "100000")
    assert hand.engine.state.trading is TradingState.REDUCING


def test_revoked_keys_let_only_exits_pass_and_their_return_is_followed_by_a_comparison(hand: Hand) -> None:
    hand.start()
    hand.tell(ReadFailed(hand.at + SECOND, "broker:record", "401", is_unauthorized=True))
    assert hand.engine.state.trading is TradingState.REDUCING
    hand.tell(OrdersRead(hand.at + MINUTE, "orders", ()))
    assert [effect.purpose for effect in hand.wants(ReadBroker)] == ["keys"]
    hand.read("keys", "100000")
    assert hand.engine.state.trading is TradingState.ACTIVE


def test_a_start_that_cannot_read_the_record_opens_nothing_until_it_can(hand: Hand) -> None:
    hand.tell(ReadFailed(NOON, "broker:start", "503"))
    assert hand.engine.state.trading is TradingState.REDUCING
    hand.fire("read:start", NOON + 5 * SECOND)
    assert [effect.purpose for effect in hand.wants(ReadBroker)] == ["start"]
    hand.read("start", "100000")
    assert hand.engine.state.trading is TradingState.ACTIVE


def test_doubt_over_cash_keeps_trading_from_becoming_active_again(hand: Hand) -> None:
    hand.start()
    hand.tell(StreamLost(hand.at, "gone"))
    hand.tell(StreamRestored(hand.at + SECOND))
    hand.read("restored", "99000")
    hand.read("again:restored", "99000")
    assert hand.engine.state.trading is TradingState.REDUCING


def test_what_a_person_halted_no_doubt_and_no_comparison_changes(hand: Hand) -> None:
    hand.start()
    hand.engine.state.apply(TradingStateChanged(hand.at, TradingState.HALTED, "stop"))
    hand.tell(StreamLost(hand.at, "gone"))
    hand.tell(StreamRestored(hand.at + SECOND))
    hand.read("restored", "100000")
    assert hand.engine.state.trading is TradingState.HALTED


def test_before_the_first_comparison_of_a_process_nothing_is_opened(hand: Hand) -> None:
    (request, _) = hand.begin(market=MARKET)
    hand.hear(request, "new")
    again = Hand(hand.config, hand.facts)
    again.at = HALF_PAST_THREE + SECOND
    again.hear(request, "canceled")
    again.quotes(MARKET)
    assert again.submitted() == []
