"""The day's cycle: from the market to orders to the end, once a day, refusing what it cannot do safely."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from fakes import Schedule, Wanting
from hand import HALF_PAST_THREE, Hand, report_of, setting
from language import NOON, TODAY, YESTERDAY, account, assets, history, holding, quotes, weights
from msgspec.structs import replace
from world import FIRST, MARKET, SECOND_DAY, UNIVERSE, World, config

from the_alchemiser.cycle import TradingCycle
from the_alchemiser.domain.effects import CancelOrder, ReadMarket, ReadQuotes
from the_alchemiser.domain.errors import BrokerUnavailable, OutcomeUnknown
from the_alchemiser.domain.events import CycleAsked, MarketRead, OrderHeard, ReadFailed
from the_alchemiser.domain.facts import (
    AlertRaised,
    CycleFinished,
    CycleRefused,
    CycleStarted,
    CycleStepped,
    FillBooked,
    OrderIntended,
    OrderLost,
    PlanBuilt,
    Reconciled,
    SignalFormed,
    SnapshotTaken,
    TradeEnded,
    TradeRefused,
)
from the_alchemiser.domain.instants import DAY, MINUTE, SECOND, rfc3339
from the_alchemiser.domain.market import MarketSnapshot
from the_alchemiser.domain.orders import OrderType
from the_alchemiser.engine import EngineConfig
from the_alchemiser.state import EngineState

D = Decimal


@pytest.fixture
def hand() -> Hand:
    return Hand()


def names(hand: Hand) -> list[str]:
    return [type(fact).__name__ for fact in hand.facts]


# The flow of a day


@pytest.mark.spec("S0-17", "S1-12")
def test_a_day_in_its_order(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.hear(request, "accepted")
    hand.hear(request, "filled", 490, (0, 490))
    assert names(hand) == [
        *("AccountOpened", "Reconciled"),
        *("Reconciled", "CycleStarted", "SnapshotTaken", "SignalFormed", "TargetSet", "PlanBuilt"),
        *("TradeApproved", "OrderIntended", "OrderReported", "OrderReported", "FillBooked"),
        *("TradeEnded", "CycleFinished"),
    ]
    assert hand.kinds(CycleFinished)[0].trades_filled == 1


@pytest.mark.spec("S1-13")
def test_every_strategy_is_asked_and_has_its_share_of_the_capital() -> None:
    eager, calm = Wanting(weights("AAPL 100%")), Wanting(weights("AAPL 50%, MSFT 50%"))
    eager.name, calm.name = "eager", "calm"
    base = setting("", ("AAPL", "MSFT")).cycle
    half = D("0.5")
    both = replace(base, strategies=(eager, calm), allocations={"eager": half, "calm": half})
    hand = Hand(EngineConfig(both))
    requests = hand.begin(market="AAPL 100/100; MSFT 100/100")
    assert {request.symbol: request.shares for request in requests} == {"AAPL": 735, "MSFT": 245}
    assert [fact.signal.strategy for fact in hand.kinds(SignalFormed)] == ["eager", "calm"]


def test_the_market_is_asked_for_as_much_past_as_the_most_far_sighted_strategy_needs(hand: Hand) -> None:
    hand.start()
    hand.read("begin:2021-01-04", "100000", at=HALF_PAST_THREE)
    assert hand.wants(ReadMarket) == [ReadMarket("20210104", ("AAPL",), 1, "2021-01-04")]


def test_a_cycle_with_nothing_to_trade_is_finished_at_once() -> None:
    hand = Hand(setting("AAPL 0%"))
    assert hand.begin() == []
    assert len(hand.kinds(CycleFinished)) == 1


def test_there_is_one_cycle_a_day_however_often_it_is_asked_for(hand: Hand) -> None:
    (request,) = hand.begin()
    for _ in range(2):
        hand.tell(CycleAsked(hand.at))
        hand.read("begin:now", "100000", orders=[report_of(request, "new")])
        assert hand.last == []
    hand.hear(request, "filled", 490, (0, 490))
    hand.tell(CycleAsked(hand.at))
    hand.read("begin:now", "51000", [holding("490 AAPL @ 100")])
    assert hand.wants(ReadMarket) == []
    assert len(hand.kinds(CycleStarted)) == 1


def test_a_person_may_ask_for_the_cycle_earlier(hand: Hand) -> None:
    hand.start()
    hand.tell(CycleAsked(NOON))
    hand.read("begin:now", "100000")
    assert len(hand.wants(ReadMarket)) == 1
    assert hand.kinds(CycleStarted)[0].cycle_id == "20210104"


def test_no_cycle_runs_while_the_market_is_closed(hand: Hand) -> None:
    hand.start(at=TODAY.open - MINUTE)
    hand.tell(CycleAsked(hand.at))
    hand.read("begin:now", "100000")
    assert hand.kinds(CycleStarted) == []
    (alert,) = hand.kinds(AlertRaised)
    assert alert.text == f"no cycle was started: the market is closed until {rfc3339(TODAY.open)}"


def test_the_holdings_of_others_are_neither_sold_nor_counted(hand: Hand) -> None:
    (request,) = hand.begin("100000", [holding("5 GOLD @ 1000")])
    assert (request.symbol, request.shares) == ("AAPL", 490)


def test_deciding_is_free_of_side_effects(hand: Hand) -> None:
    cycle = TradingCycle(hand.config.cycle, EngineState())
    cycle.state.ledger.open(D(100_000), [])
    cycle.state.is_compared = True
    snapshot = MarketSnapshot(
        NOON, TODAY, {"AAPL": history("AAPL", [98, 99, 100])}, quotes("AAPL 99.98/100.02")
    )
    decisions = [cycle.decide(snapshot, assets("AAPL"), "20210104", account("100000")) for _ in range(2)]
    assert decisions[0] == decisions[1]
    assert [trade.trade.shares for trade in decisions[0].verdict.approved] == [490]
    assert (cycle.state.orders, cycle.state.cycle) == ({}, None)


# Refusing


def refusals(hand: Hand) -> list[tuple[str, ...]]:
    return [fact.reasons for fact in hand.kinds(CycleRefused)]


def test_a_lasting_lack_refuses_the_cycle_with_its_reason_and_tells_it(hand: Hand) -> None:
    hand.start()
    hand.read("begin:2021-01-04", "100000", at=HALF_PAST_THREE)
    hand.market(assets={})
    assert refusals(hand) == [("AAPL: the broker knows no such symbol",)]
    assert [fact.level for fact in hand.kinds(AlertRaised)] == ["error"]
    assert hand.engine.state.cycle is None


@pytest.mark.parametrize("market", ["AAPL 0/100", "AAPL 101/100"])
def test_a_passing_lack_is_waited_for_a_minute_at_a_time(hand: Hand, market: str) -> None:
    hand.start()
    hand.read("begin:2021-01-04", "100000", at=HALF_PAST_THREE)
    hand.market(market)
    assert refusals(hand) == []
    assert hand.timers() == {"retry:20210104": HALF_PAST_THREE + MINUTE}
    hand.fire("retry:20210104", HALF_PAST_THREE + MINUTE)
    assert len(hand.wants(ReadMarket)) == 1
    hand.market("AAPL 100/100")
    assert [request.shares for request in hand.submitted()] == [490]


def test_waiting_ends_when_the_time_for_market_orders_has_come(hand: Hand) -> None:
    hand.start()
    hand.read("begin:2021-01-04", "100000", at=HALF_PAST_THREE)
    for minute in range(25):
        hand.at = HALF_PAST_THREE + minute * MINUTE
        hand.tell(ReadFailed(hand.at, "market:20210104", "503"))
    assert refusals(hand) == [("market data: 503",)]
    assert hand.at == TODAY.close - 6 * MINUTE


def test_a_stale_quote_is_no_basis_for_a_decision(hand: Hand) -> None:
    hand.start()
    hand.read("begin:2021-01-04", "100000", at=HALF_PAST_THREE)
    hand.market(quotes=quotes("AAPL 100/100", HALF_PAST_THREE - 121 * SECOND))
    assert hand.kinds(SnapshotTaken) == []
    assert list(hand.timers()) == ["retry:20210104"]


@pytest.mark.parametrize(
    ("minutes_left", "reason"),
    [(5, "only 5 minutes to the close are left"), (0, "only 0 minutes to the close are left")],
)
def test_a_cycle_too_near_the_close_is_refused(hand: Hand, minutes_left: int, reason: str) -> None:
    hand.start()
    hand.read("begin:2021-01-04", "100000", at=TODAY.close - minutes_left * MINUTE)
    assert refusals(hand) == [(reason,)]


def test_a_cycle_before_the_opening_is_refused(hand: Hand) -> None:
    hand.start(at=TODAY.open - MINUTE)
    hand.read("begin:2021-01-04", "100000")
    assert refusals(hand) == [("the session has not opened",)]


def test_a_refused_cycle_is_not_begun_again_that_day(hand: Hand) -> None:
    hand.start()
    hand.read("begin:2021-01-04", "100000", at=HALF_PAST_THREE)
    hand.market(assets={})
    again = Hand(hand.config, hand.facts)
    again.start(at=HALF_PAST_THREE + MINUTE)
    assert list(again.timers()) == ["close:2021-01-04"]


def test_a_blocked_account_buys_nothing(hand: Hand) -> None:
    hand.start()
    hand.read("begin:2021-01-04", "100000", at=HALF_PAST_THREE)
    state = hand.engine.reconciliation.broker
    assert state is not None
    hand.engine.reconciliation.broker = replace(state, account=replace(state.account, is_blocked=True))
    hand.market()
    assert [fact.code for fact in hand.kinds(TradeRefused)] == ["account_blocked"]
    assert hand.submitted() == []


def test_an_answer_about_another_cycle_or_a_second_answer_decides_nothing(hand: Hand) -> None:
    hand.begin()
    plans = len(hand.kinds(PlanBuilt))
    hand.market()
    found = {"AAPL": history("AAPL", [98, 99, 100])}
    hand.tell(MarketRead(hand.at, "20210103", found, quotes("AAPL 100/100", hand.at), assets("AAPL")))
    assert len(hand.kinds(PlanBuilt)) == plans


# The walk


@pytest.mark.spec("S0-17")
def test_the_day_walks_from_the_middle_to_the_market_with_one_order_at_a_time(hand: Hand) -> None:
    (request,) = hand.begin(market="AAPL 99.00/101.00")
    limits = []
    for step in range(1, 7):
        limits.append((request.limit_price, request.type))
        hand.hear(request, "new")
        hand.fire(f"step:20210104:{step}", HALF_PAST_THREE + step * 5 * MINUTE)
        assert len(hand.wants(ReadQuotes)) == 1
        hand.quotes("AAPL 99.00/101.00")
        if not hand.wants(CancelOrder):
            break
        hand.hear(request, "canceled")
        (request,) = hand.submitted()
    assert limits == [
        *((D(limit), OrderType.LIMIT) for limit in ("100.00", "100.25", "100.50", "100.75", "101.00")),
        (None, OrderType.MARKET),
    ]
    ids = [fact.request.client_order_id for fact in hand.kinds(OrderIntended)]
    assert ids == [f"alc-20210104-AAPL-b-{number}" for number in range(len(limits))]


def test_a_buy_that_waited_for_cash_is_priced_by_a_fresh_quote_not_by_an_old_one() -> None:
    hand = Hand(setting("MSFT 90%", ("AAPL", "MSFT")))
    (sell,) = hand.begin("0", [holding("980 AAPL @ 100")], "AAPL 100/100; MSFT 100/100")
    hand.at = HALF_PAST_THREE + 4 * MINUTE
    hand.hear(sell, "filled", 980, (0, 980))
    assert hand.submitted() == []
    assert [effect.symbols for effect in hand.wants(ReadQuotes)] == [("MSFT",)]
    hand.hear(sell, "filled", 980, (0, 980))
    assert hand.wants(ReadQuotes) == [], "asked for once"
    hand.quotes("MSFT 110/110")
    (buy,) = hand.submitted()
    assert buy.limit_price == 110
    assert hand.kinds(CycleStepped)[-1].step == 0


def test_with_quotes_that_stay_old_nothing_opens_but_an_exit_still_goes_at_the_market() -> None:
    hand = Hand(setting("MSFT 50%", ("AAPL", "MSFT")))
    requests = hand.begin("49000", [holding("490 AAPL @ 100")], "AAPL 99/101; MSFT 99/101")
    for request in requests:
        hand.hear(request, "new")
    hand.tell(ReadFailed(TODAY.close - 5 * MINUTE, "quotes:20210104", "503"))
    assert len(hand.wants(CancelOrder)) == 2
    for request in requests:
        hand.hear(request, "canceled")
    assert [effect.symbols for effect in hand.wants(ReadQuotes)] == [("MSFT",)]
    hand.tell(ReadFailed(hand.at, "quotes:20210104", "503"))
    assert hand.last == []
    sent = [(fact.request.symbol, fact.request.type) for fact in hand.kinds(OrderIntended)]
    assert sent[2:] == [("AAPL", OrderType.MARKET)]


def test_a_day_order_that_expires_at_the_close_ends_its_trade(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.hear(request, "partially_filled", 90, (0, 90))
    hand.at = TODAY.close
    hand.hear(request, "expired", 90)
    (ended,) = hand.kinds(TradeEnded)
    assert (ended.outcome, ended.filled) == ("expired", 90)


def test_after_the_close_nothing_is_sent_and_what_waits_is_over() -> None:
    hand = Hand(setting("MSFT 90%", ("AAPL", "MSFT")))
    (sell,) = hand.begin("0", [holding("980 AAPL @ 100")], "AAPL 100/100; MSFT 100/100")
    hand.hear(sell, "new")
    hand.at = TODAY.close + SECOND
    hand.hear(sell, "expired")
    assert hand.submitted() == []
    assert {fact.symbol: fact.outcome for fact in hand.kinds(TradeEnded)} == {
        "AAPL": "expired",
        "MSFT": "the session is over",
    }


def test_an_unfinished_cycle_of_yesterday_is_refused_not_decided_today(hand: Hand) -> None:
    hand.start()
    hand.read("begin:2021-01-04", "100000", at=HALF_PAST_THREE)
    again = Hand(hand.config, hand.facts)
    again.start(at=NOON + DAY)
    assert refusals(again) == [("only 0 minutes to the close are left",)]
    assert again.wants(ReadMarket) == []


# Whole days over a line that fails


def traded(world: World, date: str = SECOND_DAY) -> World:
    world.start()
    world.run_day(date)
    world.check()
    return world


@pytest.fixture(scope="module")
def calm() -> World:
    return traded(World())


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(7))
def test_an_order_whose_answer_was_lost_is_settled_and_never_doubled(
    calm: World, when: str, number: int
) -> None:
    fault = (when, OutcomeUnknown("timed out"))
    world = traded(World(Schedule({"place_order": {number: fault}})))
    assert len(world.kinds(OrderLost)) >= 1
    assert world.positions() == calm.positions()
    assert len(world.kinds(AlertRaised)) == 1


def test_every_answer_lost_and_every_order_is_still_sent_once(calm: World) -> None:
    fault = ("after", OutcomeUnknown("timed out"))
    world = World(lambda name: fault if name == "place_order" else None)
    traded(world)
    assert world.positions() == calm.positions()
    sent = [request.client_order_id for request in world.broker.sent]
    assert len(set(sent)) == len(sent)


def test_a_broker_that_takes_no_orders_at_all_is_not_flooded() -> None:
    fault = ("before", OutcomeUnknown("timed out"))
    world = World(lambda name: fault if name == "place_order" else None)
    world.start()
    world.run_day(FIRST)
    sent = [request.client_order_id for request in world.broker.sent]
    assert all(sent.count(name) == 2 for name in sent), "each order once, and once more under its own name"
    assert {fact.outcome for fact in world.kinds(TradeEnded)} == {"abandoned: no trace of it at the broker"}
    assert world.positions() == {}


@pytest.mark.parametrize("call", ["get_account", "get_quotes", "get_histories", "look_up", "cancel_order"])
@pytest.mark.parametrize("number", range(4))
def test_a_failing_read_or_cancel_costs_time_but_nothing_else(calm: World, call: str, number: int) -> None:
    fault = ("before", BrokerUnavailable("503"))
    traded(World(Schedule({call: {number: fault, number + 1: fault}})))


def deaf(_: object) -> list[OrderHeard]:
    return []


def test_with_a_dead_stream_every_fill_is_found_by_reading(calm: World) -> None:
    world = World()
    world.hears = deaf
    traded(world)
    assert set(world.positions()) == set(calm.positions())
    assert len(world.kinds(FillBooked)) == len(world.broker.get_executions(0))


@pytest.mark.parametrize("seed", range(12))
def test_a_stream_that_doubles_shuffles_and_drops_leads_to_agreement_all_the_same(seed: int) -> None:
    chance, world = random.Random(seed), World()

    def unreliable(heard: list[OrderHeard]) -> list[OrderHeard]:
        arrived = [one for one in heard for _ in range(chance.choice([0, 1, 1, 2, 3]))]
        chance.shuffle(arrived)
        return arrived

    world.hears = unreliable
    traded(world)


def test_an_unknown_symbol_refuses_the_whole_cycle_with_one_reason() -> None:
    world = World(setting=config(universe=(*UNIVERSE, "NOPE")))
    world.start()
    world.run_day(FIRST)
    assert [fact.reasons for fact in world.kinds(CycleRefused)] == [
        ("NOPE: the broker knows no such symbol",)
    ]
    assert world.broker.sent == []
    world.check()


def test_a_strategy_that_wants_nothing_any_more_sells_everything_to_the_last_share() -> None:
    wanting = Wanting(lambda date: weights("AAPL 50%") if date == FIRST else {})
    world = traded(World(setting=config(wanting)))
    assert world.positions() == {}


def test_a_manual_trade_between_two_days_is_adopted_and_the_next_plan_knows_it() -> None:
    from the_alchemiser.exchange.venue.orders import BUY
    from the_alchemiser.exchange.venue.orders import OrderRequest as ExchangeRequest

    world = World()
    world.start()
    world.run_day(FIRST)
    opening = MARKET.sessions.next_open(world.exchange.now).open
    world.run_to(opening + MINUTE)
    world.exchange.submit(ExchangeRequest(symbol="KO", side=BUY, qty_e9=100 * 10**9))
    world.run_day(SECOND_DAY)
    external = [fact.fill for fact in world.kinds(FillBooked) if not fact.cycle_id]
    assert [(fill.symbol, fill.shares) for fill in external] == [("KO", 100)]
    assert world.kinds(Reconciled)[-1].differences == ()
    assert world.positions()["KO"] == pytest.approx(D(605), abs=8)
    assert any("adopted a trade" in fact.text for fact in world.kinds(AlertRaised))


def test_the_half_day_of_black_friday_ends_its_trading_before_one_oclock() -> None:
    friday = "2021-11-26"
    close = next(one.close for one in MARKET.sessions.all if one.date.isoformat() == friday)
    world = World(start=close - 4 * 60 * MINUTE)
    world.start()
    world.run_day(friday)
    world.check()
    started, finished = world.kinds(CycleStarted)[0], world.kinds(CycleFinished)[0]
    assert started.at == close - 30 * MINUTE
    assert started.closes_at == close
    assert finished.at < close
    assert world.positions() != {}


def test_what_the_decision_saw_is_the_close_of_yesterday_and_the_quotes_of_now(calm: World) -> None:
    first = calm.kinds(SnapshotTaken)[0]
    assert list(first.quotes) == list(UNIVERSE)
    assert all(first.at - quote.at <= 10 * SECOND for quote in first.quotes.values())
    assert YESTERDAY == "2020-12-31"


def test_no_effect_of_a_calm_day_was_needless(calm: World) -> None:
    """Nothing is cancelled that was not replaced, nobody is alarmed, nothing is refused."""
    assert calm.kinds(AlertRaised) == []
    assert calm.kinds(TradeRefused) == []
    assert {fact.outcome for fact in calm.kinds(TradeEnded)} == {"filled"}
