"""The engine, event by event: the broker's record is believed, doubt opens nothing, time is what it is told."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hand import (
    HALF_PAST_THREE,
    SESSIONS,
    Hand,
    execution_of,
    report_of,
    setting,
    somebody_elses,
)
from language import NOON, TODAY, holding
from msgspec.structs import replace

from the_alchemiser.domain.effects import (
    CancelOrder,
    RaiseAlert,
    ReadBroker,
    ReadMarket,
    ReadQuotes,
    SubmitOrder,
)
from the_alchemiser.domain.errors import SafetyRefusal
from the_alchemiser.domain.events import (
    CancelDenied,
    OrderDenied,
    OrderNotFound,
    OrderUnheard,
    ReadFailed,
    Started,
    StreamGarbled,
    StreamLost,
    StreamRestored,
    StreamSuspected,
)
from the_alchemiser.domain.facts import (
    AccountOpened,
    AlertRaised,
    DayClosed,
    FillBooked,
    OrderIntended,
    OrderLost,
    OrderReported,
    Reconciled,
    TradeRefused,
    encode,
)
from the_alchemiser.domain.instants import MINUTE, SECOND
from the_alchemiser.engine import CLOSE_RETRY_SECONDS, Engine
from the_alchemiser.reconciliation import RECHECK_SECONDS

D = Decimal


@pytest.fixture
def hand() -> Hand:
    return Hand()


def alerts(hand: Hand) -> list[str]:
    return [fact.text for fact in hand.kinds(AlertRaised)]


# The whole record of the broker


def test_the_first_account_met_is_the_only_one_ever_traded(hand: Hand) -> None:
    hand.start()
    assert hand.kinds(AccountOpened)[0].number == "PA3TEST00001"
    with pytest.raises(
        SafetyRefusal, match="these keys open account PA3OTHER0001, the journal is of PA3TEST00001"
    ):
        hand.read("restored", "100000", number="PA3OTHER0001")


def test_the_account_named_in_the_settings_is_the_only_one_opened() -> None:
    hand = Hand(replace(setting(), account_number="PA3WANTED001"))
    with pytest.raises(SafetyRefusal, match="the journal is of PA3WANTED001"):
        hand.start()
    assert hand.facts == []


def test_an_account_with_short_positions_is_not_opened(hand: Hand) -> None:
    with pytest.raises(SafetyRefusal, match="short positions"):
        hand.start(held=[holding("-5 AAPL @ 100")])


def test_what_the_account_did_before_we_met_it_is_its_opening_balance_not_new_trades(hand: Hand) -> None:
    """An old account: years of executions must not be booked on top of the holdings they made."""
    old = execution_of(somebody_elses("buy", 10, "AAPL"), 0, 10, at=NOON - 10**15)
    hand.read("start", "5000", [holding("10 AAPL @ 100")], executions=[old], at=NOON)
    assert hand.engine.state.ledger.shares() == {"AAPL": 10}
    assert hand.kinds(FillBooked) == []
    assert hand.kinds(Reconciled)[-1].differences == ()


def test_a_manual_trade_told_before_the_account_is_opened_is_part_of_its_opening(hand: Hand) -> None:
    manual = somebody_elses("buy", 10, "AAPL")
    hand.hear(manual, "filled", 10, (0, 10))
    assert hand.kinds(FillBooked) == []
    hand.start("99000", [holding("10 AAPL @ 100")], at=NOON + SECOND)
    assert hand.kinds(Reconciled)[-1].differences == ()


def test_a_manual_trade_is_adopted_once_told_and_never_undone(hand: Hand) -> None:
    hand.start()
    manual = somebody_elses("buy", 10, "MSFT")
    hand.at = NOON + SECOND
    hand.hear(manual, "partially_filled", 4, (0, 4))
    assert [effect.purpose for effect in hand.wants(ReadBroker)] == ["external"]
    hand.hear(manual, "partially_filled", 4, (0, 4))
    assert hand.wants(ReadBroker) == [], "one read is enough while it is under way"
    executions = [execution_of(manual, 0, 4, at=hand.at), execution_of(manual, 4, 10, "101", at=hand.at)]
    hand.read("external", "98994", [holding("10 MSFT @ 101")], executions=executions)
    assert hand.engine.state.ledger.shares() == {"MSFT": 10}
    assert [fact.cycle_id for fact in hand.kinds(FillBooked)] == ["", ""]
    assert hand.kinds(Reconciled)[-1].differences == ()
    assert alerts(hand)[:2] == [
        "an order that is not ours is open and counted: buy 10 MSFT (manual)",
        "adopted a trade that was not ours: buy 4 MSFT at 100",
    ]
    assert [effect for effect in hand.effects if isinstance(effect, SubmitOrder | CancelOrder)] == []


def test_a_manual_order_half_done_when_we_came_is_adopted_from_where_it_stood(hand: Hand) -> None:
    hand.start(held=[holding("5 MSFT @ 100")])
    rest = execution_of(somebody_elses("buy", 10, "MSFT"), 5, 10, at=NOON + SECOND)
    hand.read("restored", "99500", [holding("10 MSFT @ 100")], executions=[rest])
    assert hand.engine.state.ledger.shares() == {"MSFT": 10}
    assert hand.kinds(Reconciled)[-1].differences == ()


def test_a_manual_sale_told_before_its_buy_is_booked_at_once_and_made_whole_by_the_record(hand: Hand) -> None:
    hand.start()
    hand.at = NOON + SECOND
    buy, sell = somebody_elses("buy", 10, "MSFT", "first"), somebody_elses("sell", 10, "MSFT", "second")
    hand.hear(sell, "filled", 10, (0, 10), price="110")
    assert hand.engine.state.ledger.shares() == {"MSFT": -10}
    assert hand.engine.state.why_not_open("MSFT")
    executions = [execution_of(buy, 0, 10, at=hand.at), execution_of(sell, 0, 10, "110", at=hand.at)]
    hand.read("external", "100100", executions=executions)
    assert (hand.engine.state.ledger.cash, hand.engine.state.ledger.realised) == (100_100, 100)


def test_a_difference_counts_only_if_it_is_still_there_at_a_second_look(hand: Hand) -> None:
    hand.start()
    hand.read("restored", "90000", [holding("100 AAPL @ 100")])
    assert len(hand.kinds(Reconciled)) == 1
    assert hand.timers() == {"again:restored": hand.at + RECHECK_SECONDS * SECOND}
    hand.fire("again:restored", hand.at + RECHECK_SECONDS * SECOND)
    assert [effect.purpose for effect in hand.wants(ReadBroker)] == ["again:restored"]
    hand.read("again:restored", "100000")
    assert hand.kinds(Reconciled)[-1].differences == ()
    assert alerts(hand) == []


def test_a_difference_that_stays_is_alarmed_and_nothing_opens_on_it(hand: Hand) -> None:
    hand.start()
    wrong = ("90000", [holding("100 AAPL @ 100")])
    hand.read("begin:2021-01-04", *wrong, at=HALF_PAST_THREE)
    hand.read("again:begin:2021-01-04", *wrong)
    searched = "searched orders, fills, transfers, dividends, interest, fees, splits and renames"
    shares, cash = "AAPL: ledger holds 0, broker says 100", "cash: ledger has 100000, broker says 90000"
    assert alerts(hand) == [
        f"ledger and broker disagree, nothing is opened in AAPL: {shares}; {searched}: nothing explains it",
        f"ledger and broker disagree, nothing is opened: {cash}; {searched}: nothing explains it",
    ]
    assert len(hand.wants(ReadMarket)) == 1, "exits are decided nevertheless"
    hand.market()
    assert hand.submitted() == []
    assert [(fact.code, fact.trade.symbol) for fact in hand.kinds(TradeRefused)] == [("frozen", "AAPL")]


def test_a_difference_found_while_trading_stops_buys_but_not_sales() -> None:
    hand = Hand(setting("MSFT 50%", ("AAPL", "MSFT")))
    market = "AAPL 99/101; MSFT 99/101"
    held = [holding("490 AAPL @ 100")]
    sell, buy = hand.begin("51000", held, market)
    for request in (sell, buy):
        hand.hear(request, "new")
    for purpose in ("restored", "again:restored"):
        hand.read(purpose, "50000", held, orders=[report_of(sell, "new"), report_of(buy, "new")])
    hand.quotes(market, HALF_PAST_THREE + 5 * MINUTE)
    for request in (sell, buy):
        hand.hear(request, "canceled")
    assert [one.request.symbol for one in hand.kinds(OrderIntended)] == ["AAPL", "MSFT", "AAPL"]
    sent = hand.kinds(OrderIntended)[-1].request
    reports = [report_of(sent, "new")]
    hand.read("restored", "51000", held, orders=reports)
    assert [request.symbol for request in hand.submitted()] == ["MSFT"], "agreed again, the buy goes on"


def test_an_order_on_its_way_is_no_difference(hand: Hand) -> None:
    """The record was read before the order arrived: neither is wrong."""
    hand.begin()
    hand.read("restored", "100000")
    told = hand.kinds(Reconciled)[-1]
    assert (told.purpose, told.differences) == ("restored", ())
    assert hand.kinds(OrderLost) == []


def test_before_the_record_was_read_once_nothing_is_sent(hand: Hand) -> None:
    """After a restart the stream may speak first; what we remember may be wrong by then."""
    (request,) = hand.begin(market="AAPL 99/101")
    again = Hand(hand.config, hand.facts)
    again.at = HALF_PAST_THREE + 6 * MINUTE
    again.hear(request, "canceled")
    assert again.last == []


def test_after_a_restart_the_walk_goes_on_only_with_new_quotes(hand: Hand) -> None:
    (request,) = hand.begin(market="AAPL 99/101")
    hand.hear(request, "new")
    again = Hand(hand.config, hand.facts)
    again.tell(Started(HALF_PAST_THREE + 90 * SECOND))
    again.read("start", "100000", orders=[report_of(request, "canceled")])
    assert again.submitted() == []
    assert [effect.symbols for effect in again.wants(ReadQuotes)] == [("AAPL",)]
    again.quotes("AAPL 109/111")
    assert [one.limit_price for one in again.submitted()] == [110]


def test_a_record_that_cannot_be_read_is_asked_for_again(hand: Hand) -> None:
    hand.start()
    hand.tell(ReadFailed(hand.at, "broker:begin:2021-01-04", "503"))
    assert hand.timers() == {"read:begin:2021-01-04": hand.at + 5 * SECOND}
    hand.fire("read:begin:2021-01-04")
    assert [effect.purpose for effect in hand.wants(ReadBroker)] == ["begin:2021-01-04"]


def test_a_reconnected_stream_means_reading_what_it_missed(hand: Hand) -> None:
    hand.start()
    hand.tell(StreamRestored(hand.at + MINUTE))
    assert [effect.purpose for effect in hand.wants(ReadBroker)] == ["restored"]


def test_after_a_gap_in_the_stream_nothing_is_bought_before_the_gap_was_read(hand: Hand) -> None:
    hand.start()
    hand.fire("begin:2021-01-04", HALF_PAST_THREE)
    hand.read("begin:2021-01-04", "100000")
    hand.tell(StreamRestored(hand.at + SECOND))
    hand.market()
    assert hand.submitted() == []
    hand.read("restored", "100000", at=hand.at + SECOND)
    assert [one.symbol for one in hand.submitted()] == ["AAPL"]


def test_a_gap_in_the_stream_keeps_nobody_from_selling() -> None:
    hand = Hand(setting("AAPL 0%"))
    hand.start(held=[holding("10 AAPL @ 100")])
    hand.fire("begin:2021-01-04", HALF_PAST_THREE)
    hand.read("begin:2021-01-04", "100000", [holding("10 AAPL @ 100")])
    hand.tell(StreamRestored(hand.at + SECOND))
    hand.market()
    assert [one.symbol for one in hand.submitted()] == ["AAPL"]


def test_a_record_asked_for_before_the_stream_was_back_does_not_close_its_gap(hand: Hand) -> None:
    hand.start()
    hand.fire("begin:2021-01-04", HALF_PAST_THREE)
    hand.read("begin:2021-01-04", "100000")
    hand.tell(StreamGarbled(hand.at + SECOND, "nonsense"))
    hand.tell(StreamRestored(hand.at + SECOND))
    hand.market()
    hand.read("garbled", "100000", at=hand.at + SECOND)
    assert hand.submitted() == []
    hand.read("restored", "100000", at=hand.at + SECOND)
    assert [one.symbol for one in hand.submitted()] == ["AAPL"]


def test_an_order_stream_that_cannot_be_opened_is_told_to_a_person(hand: Hand) -> None:
    hand.start()
    hand.tell(StreamLost(hand.at, "refused five times"))
    assert [(one.level, "refused five times" in one.text) for one in hand.wants(RaiseAlert)] == [
        ("critical", True)
    ]


@pytest.mark.parametrize("kind", [StreamGarbled, StreamSuspected])
def test_what_the_stream_says_unclearly_or_not_at_all_is_read_and_told(
    hand: Hand, kind: type[StreamGarbled | StreamSuspected]
) -> None:
    hand.start()
    hand.tell(kind(hand.at, "what happened"))
    assert len(hand.wants(ReadBroker)) == 1
    assert [(one.level, "what happened" in one.text) for one in hand.wants(RaiseAlert)] == [("warning", True)]


# Time


def test_the_first_start_sets_the_days_two_timers_and_closes_no_day_it_did_not_see(hand: Hand) -> None:
    hand.start()
    assert hand.timers() == {
        "begin:2021-01-04": HALF_PAST_THREE,
        "close:2021-01-04": TODAY.close + MINUTE,
    }
    assert hand.kinds(DayClosed) == []


def test_a_start_within_the_cycles_time_begins_it_at_once_and_after_the_close_not_at_all() -> None:
    late, too_late = Hand(), Hand()
    late.start(at=TODAY.close - 10 * MINUTE)
    assert late.timers()["begin:2021-01-04"] < late.at
    too_late.start(at=TODAY.close + SECOND)
    assert list(too_late.timers()) == ["begin:2021-01-05", "close:2021-01-05"]


def test_a_half_days_cycle_begins_half_an_hour_before_its_early_close(hand: Hand) -> None:
    half = replace(TODAY, close=TODAY.close - 180 * MINUTE)
    hand.sessions = (SESSIONS[0], half, *SESSIONS[2:])
    hand.start()
    assert hand.timers() == {
        "begin:2021-01-04": half.close - 30 * MINUTE,
        "close:2021-01-04": half.close + MINUTE,
    }


def test_the_books_of_a_day_are_closed_at_the_brokers_marks_and_once(hand: Hand) -> None:
    hand.start("90000", [holding("100 AAPL @ 110", cost="100")])
    marked = [holding("100 AAPL @ 120", cost="100")]
    hand.read("close:2021-01-04", "90000", marked, at=TODAY.close + MINUTE)
    (closed,) = hand.kinds(DayClosed)
    assert (closed.cash, closed.equity, closed.realised, closed.unrealised) == (90_000, 102_000, 0, 2_000)
    assert closed.marks == {"AAPL": 120}
    assert "begin:2021-01-05" in hand.timers()
    hand.read("close:2021-01-04", "90000", marked)
    assert len(hand.kinds(DayClosed)) == 1


def test_books_with_a_holding_that_has_no_mark_stay_open_and_are_told(hand: Hand) -> None:
    hand.start("90000", [holding("100 AAPL @ 110")])
    for purpose in ("close:2021-01-04", "again:close:2021-01-04"):
        hand.read(purpose, "90000", at=TODAY.close + MINUTE)
    assert hand.kinds(DayClosed) == []
    assert "the books of 2021-01-04 stay open: the broker marks no AAPL" in alerts(hand)


def test_books_are_not_closed_by_positions_and_an_account_of_different_moments(hand: Hand) -> None:
    hand.start("90000", [holding("100 AAPL @ 110", cost="100")])
    marked, closes_at = [holding("100 AAPL @ 120", cost="100")], TODAY.close + MINUTE
    for tries in range(3):
        hand.read("close:2021-01-04", "90000", marked, value="11000", equity="101000", at=closes_at)
        closes_at += CLOSE_RETRY_SECONDS * SECOND
        assert hand.timers()["close:2021-01-04"] == closes_at, tries
    assert hand.kinds(DayClosed) == []
    told = "the books of 2021-01-04 stay open: cash and positions make 102000, the account says 101000"
    assert alerts(hand) == [told], "once, however often it is tried"
    hand.read("close:2021-01-04", "90000", marked, at=closes_at)
    assert [closed.equity for closed in hand.kinds(DayClosed)] == [102_000]


def test_books_that_differ_from_the_brokers_stay_open_until_they_agree(hand: Hand) -> None:
    hand.start("90000")
    for purpose in ("close:2021-01-04", "again:close:2021-01-04"):
        hand.read(purpose, "89000", at=TODAY.close + MINUTE)
    assert hand.kinds(DayClosed) == []
    assert "the books of 2021-01-04 stay open: cash: ledger has 90000, broker says 89000" in alerts(hand)
    hand.read("close:2021-01-04", "90000", at=TODAY.close + 6 * MINUTE)
    assert [closed.cash for closed in hand.kinds(DayClosed)] == [90_000]


def test_books_that_stay_open_are_tried_again_minutes_later_not_at_once(hand: Hand) -> None:
    hand.start("90000", [holding("100 AAPL @ 110")])
    for purpose in ("close:2021-01-04", "again:close:2021-01-04"):
        hand.read(purpose, "90000", at=TODAY.close + MINUTE)
    assert hand.timers() == {"close:2021-01-04": TODAY.close + MINUTE + CLOSE_RETRY_SECONDS * SECOND}
    hand.read("close:2021-01-04", "90000", [holding("100 AAPL @ 110")], at=TODAY.close + 6 * MINUTE)
    assert [closed.session for closed in hand.kinds(DayClosed)] == ["2021-01-04"]


# One engine, one truth


def test_the_same_events_give_the_same_bytes_and_the_same_wishes() -> None:
    def lived() -> tuple[list[bytes], list[object]]:
        hand = Hand(setting("AAPL 40%, MSFT 40%", ("AAPL", "MSFT")))
        for request in hand.begin(market="AAPL 99/101; MSFT 99/101"):
            hand.hear(request, "partially_filled", 7, (0, 7))
        hand.quotes("AAPL 98/101; MSFT 99/102", HALF_PAST_THREE + 5 * MINUTE)
        return [encode(fact) for fact in hand.facts], list(hand.effects)

    assert lived() == lived()


def test_a_timer_nobody_set_and_an_order_nobody_sent_change_nothing(hand: Hand) -> None:
    hand.start()
    facts = len(hand.facts)
    hand.fire("fills")
    hand.fire("lookup:alc-x:3")
    hand.fire("step:20210104:2")
    hand.fire("retry:20210104")
    hand.tell(OrderNotFound(hand.at, "alc-x"))
    hand.tell(OrderDenied(hand.at, "alc-x", "no"))
    hand.tell(OrderUnheard(hand.at, "alc-x", "no"))
    hand.tell(CancelDenied(hand.at, "alc-x", "no"))
    hand.tell(ReadFailed(hand.at, "quotes:20210104", "no"))
    hand.tell(ReadFailed(hand.at, "market:20210104", "no"))
    assert len(hand.facts) == facts
    assert [effect for effect in hand.effects if isinstance(effect, RaiseAlert | ReadQuotes)] == []
    assert hand.kinds(OrderReported) == []


def test_an_engine_reads_its_whole_past_from_facts(hand: Hand) -> None:
    hand.begin()
    assert Engine(hand.config, hand.facts).state.orders == hand.engine.state.orders
