"""The engine, event by event: orders settle exactly once, the broker's record is believed, and doubt opens nothing."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest
from hand import (
    HALF_PAST_THREE,
    SESSIONS,
    Hand,
    execution_of,
    heard,
    report_of,
    setting,
    somebody_elses,
)
from hypothesis import given
from hypothesis import strategies as st
from language import NOON, TODAY, holding
from msgspec.structs import replace

from the_alchemiser.domain.effects import (
    CancelOrder,
    LookUpOrder,
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
    OrderHeard,
    OrderNotFound,
    OrderUnheard,
    ReadFailed,
    Started,
    StreamRestored,
)
from the_alchemiser.domain.facts import (
    AccountOpened,
    AlertRaised,
    CycleFinished,
    DayClosed,
    FillBooked,
    OrderIntended,
    OrderLost,
    OrderReported,
    Reconciled,
    TradeEnded,
    encode,
)
from the_alchemiser.domain.instants import MINUTE, SECOND
from the_alchemiser.domain.orders import OrderRequest, OrderStatus
from the_alchemiser.engine import RECHECK_SECONDS, Engine
from the_alchemiser.settlement import IN_FLIGHT_SECONDS

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
        state.ledger.positions,
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


# Orders without an answer


def lost(hand: Hand) -> OrderRequest:
    (request,) = hand.begin()
    hand.tell(OrderUnheard(hand.at, request.client_order_id, "timed out"))
    return request


def look_ups(hand: Hand, seconds: int, name: str) -> list[int]:
    """Answer every look-up with "no such order" for a while; at which seconds they were asked."""
    start, asked = hand.at, []
    timers = hand.timers()
    while timers:
        key, at = min(timers.items(), key=lambda timer: timer[1])
        if at > start + seconds * SECOND:
            break
        hand.fire(key, at)
        timers = hand.timers()
        if hand.wants(LookUpOrder):
            asked.append((at - start) // SECOND)
            hand.tell(OrderNotFound(hand.at, name))
            if hand.submitted():
                break
    return asked


def test_an_order_without_an_answer_is_looked_up_and_never_sent_under_another_name(hand: Hand) -> None:
    request = lost(hand)
    assert hand.engine.state.orders[request.client_order_id].status is OrderStatus.UNKNOWN
    assert hand.engine.cycle.free_cash() == 51_000, "its cash stays reserved"
    assert look_ups(hand, 20, request.client_order_id) == [1, 2, 4, 8, 16]
    assert hand.submitted() == []
    assert len(hand.kinds(OrderIntended)) == 1


def test_an_order_found_by_its_name_is_taken_up_where_it_stands(hand: Hand) -> None:
    request = lost(hand)
    hand.hear(request, "partially_filled", 100, (0, 100))
    assert hand.engine.state.orders[request.client_order_id].status is OrderStatus.PARTIALLY_FILLED
    hand.fire(f"lookup:{request.client_order_id}:0")
    assert hand.wants(LookUpOrder) == []
    assert len(hand.kinds(OrderIntended)) == 1


def test_an_order_that_left_no_trace_is_sent_once_more_under_its_own_name_then_given_up(hand: Hand) -> None:
    request = lost(hand)
    sent = hand.at
    look_ups(hand, 1000, request.client_order_id)
    assert hand.submitted() == [request]
    assert hand.at - sent == IN_FLIGHT_SECONDS * SECOND
    name = request.client_order_id
    hand.tell(OrderUnheard(hand.at, name, "timed out"))
    hand.tell(OrderNotFound(hand.at + 31 * SECOND, name))
    assert hand.last == []
    hand.tell(OrderNotFound(hand.at + SECOND, name))
    assert hand.wants(SubmitOrder) == []
    assert hand.kinds(TradeEnded)[-1].outcome == "abandoned: no trace of it at the broker"
    assert len(hand.kinds(OrderLost)) == 2


def test_the_search_for_one_order_is_one_chain_of_timers_whatever_comes_between(hand: Hand) -> None:
    request = lost(hand)
    for _ in range(5):
        hand.tell(OrderUnheard(hand.at, request.client_order_id, "timed out"))
        assert hand.timers() == {}
    hand.fire(f"lookup:{request.client_order_id}:40")
    assert list(hand.timers().values()) == [hand.at + 30 * SECOND]


def test_an_order_given_up_that_arrives_after_all_is_taken_back_and_cancelled(hand: Hand) -> None:
    request = lost(hand)
    name = request.client_order_id
    for _ in range(2):
        hand.tell(OrderNotFound(hand.at + IN_FLIGHT_SECONDS * SECOND, name))
    assert len(hand.kinds(CycleFinished)) == 1
    hand.read("restored", "100000")
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


def test_yesterdays_lost_order_is_not_sent_again_today(hand: Hand) -> None:
    lost(hand)
    after_close = TODAY.close + 10 * MINUTE
    morning = Hand(hand.config, hand.facts)
    morning.start(at=after_close)
    (name,) = morning.engine.state.orders
    morning.tell(OrderNotFound(after_close + MINUTE, name))
    assert morning.wants(SubmitOrder) == []
    assert morning.engine.state.orders[name].status is OrderStatus.ABANDONED


def test_a_refused_order_ends_its_trade_and_is_told(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.tell(OrderDenied(hand.at, request.client_order_id, "insufficient buying power"))
    assert hand.kinds(TradeEnded)[0].outcome == "rejected: insufficient buying power"
    assert hand.submitted() == []
    assert any("refused: insufficient buying power" in text for text in alerts(hand))
    assert hand.engine.cycle.free_cash() == 100_000, "its cash is free again"


def test_an_answer_of_no_clear_outcome_after_the_stream_told_is_no_loss(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.hear(request, "new")
    hand.tell(OrderUnheard(hand.at, request.client_order_id, "timed out"))
    assert hand.kinds(OrderLost) == []
    assert hand.last == []


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


def test_fills_that_overtake_a_cancel_reduce_the_next_order(hand: Hand) -> None:
    (request,) = hand.begin(market="AAPL 99/101")
    hand.hear(request, "new")
    hand.quotes("AAPL 99/101", HALF_PAST_THREE + 5 * MINUTE)
    hand.hear(request, "canceled", 90)
    assert hand.submitted() == [], "a reported fill is not booked yet"
    hand.hear(request, "partially_filled", 90, (0, 90))
    (following,) = hand.submitted()
    assert (following.shares, following.client_order_id) == (400, "alc-20210104-AAPL-b-1")


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


def test_a_manual_trade_is_adopted_once_told_and_never_undone(hand: Hand) -> None:
    hand.start()
    manual = somebody_elses("buy", 10, "MSFT")
    hand.at = NOON + SECOND
    hand.hear(manual, "partially_filled", 4, (0, 4))
    hand.hear(manual, "partially_filled", 4, (0, 4))
    assert [effect.purpose for effect in hand.wants(ReadBroker)] == ["external"]
    executions = [execution_of(manual, 0, 4, at=hand.at), execution_of(manual, 4, 10, "101", at=hand.at)]
    hand.read("external", "98994", [holding("10 MSFT @ 101")], executions=executions)
    assert hand.engine.state.ledger.shares() == {"MSFT": 10}
    assert [fact.cycle_id for fact in hand.kinds(FillBooked)] == ["", ""]
    assert hand.kinds(Reconciled)[-1].differences == ()
    assert alerts(hand)[0] == "adopted a trade that was not ours: buy 4 MSFT at 100"
    assert [effect for effect in hand.effects if isinstance(effect, SubmitOrder | CancelOrder)] == []


def test_a_manual_order_half_done_when_we_came_is_adopted_from_where_it_stood(hand: Hand) -> None:
    hand.start(held=[holding("5 MSFT @ 100")])
    rest = execution_of(somebody_elses("buy", 10, "MSFT"), 5, 10, at=NOON + SECOND)
    hand.read("restored", "99500", [holding("10 MSFT @ 100")], executions=[rest])
    assert hand.engine.state.ledger.shares() == {"MSFT": 10}
    assert hand.kinds(Reconciled)[-1].differences == ()


def test_a_manual_sale_told_before_its_buy_waits_for_the_record(hand: Hand) -> None:
    hand.start()
    hand.at = NOON + SECOND
    buy, sell = somebody_elses("buy", 10, "MSFT", "first"), somebody_elses("sell", 10, "MSFT", "second")
    hand.hear(sell, "filled", 10, (0, 10), price="110")
    assert hand.kinds(FillBooked) == []
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
    differences = "AAPL: ledger holds 0, broker says 100; cash: ledger has 100000, broker says 90000"
    assert alerts(hand) == [
        f"ledger and broker disagree: {differences}",
        f"cycle 20210104 refused: the ledger does not agree with the broker: {differences}",
    ]
    assert hand.wants(ReadMarket) == []


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
