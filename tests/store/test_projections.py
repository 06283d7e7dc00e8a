"""How facts become rows, one sentence each, folded in memory."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest
from msgspec.structs import replace
from story_facts import random_closes, story, trading_days

from the_alchemiser.domain import facts
from the_alchemiser.domain.errors import InvariantBroken
from the_alchemiser.domain.facts import Fact
from the_alchemiser.domain.intent import PlannedTrade, RebalancePlan, TradingState
from the_alchemiser.domain.money import ZERO, Side
from the_alchemiser.domain.orders import Fill, Order, OrderReport, OrderRequest, OrderStatus, OrderType
from the_alchemiser.domain.portfolio import Activity, ActivityKind, Holding, Lot
from the_alchemiser.pipeline.ledger import Ledger
from the_alchemiser.store.projections import MemoryRecords, project
from the_alchemiser.store.records import (
    RECORDS,
    AccountRecord,
    AlertRecord,
    ConditionRecord,
    CycleRecord,
    DayRecord,
    FillRecord,
    OrderRecord,
    PositionRecord,
    R,
    ReconciliationRecord,
    TradeRecord,
    pack,
    unpack,
)

CYCLE, ORDER = "20210302", "alc-20210302-KO-b-0"


def folded(*happened: Fact) -> MemoryRecords:
    """The rows these facts make."""
    records = MemoryRecords()
    for seq, fact in enumerate(happened, start=1):
        project(records, seq, fact)
    return records


def row(records: MemoryRecords, kind: type[R], *key: object) -> R:
    """The row that must be there."""
    found = records.find(kind, *key)
    assert found is not None
    return found


def opened(cash: str = "1000", *holdings: Holding) -> Fact:
    return facts.AccountOpened(1, "PA1", Decimal(cash), holdings)


def intended(shares: str = "10", name: str = ORDER) -> Fact:
    request = OrderRequest(
        name, "KO", Side.BUY, Decimal(shares), OrderType.LIMIT, limit_price=Decimal("50.10")
    )
    return facts.OrderIntended(2, CYCLE, request, Decimal("50.05"))


def reported(status: OrderStatus, filled: str = "0", at: int = 3, reason: str = "") -> Fact:
    report = OrderReport(ORDER, "b-1", "KO", Side.BUY, Decimal(10), status, Decimal(filled), at, reason)
    return facts.OrderReported(at, report)


def filled(before: str, after: str, price: str, side: Side = Side.BUY, name: str = ORDER) -> Fact:
    fill = Fill(name, "KO", side, Decimal(before), Decimal(after), Decimal(price), 4)
    return facts.FillBooked(5, CYCLE, fill)


def trade(symbol: str = "KO") -> PlannedTrade:
    return PlannedTrade(symbol, Side.BUY, Decimal(10), Decimal("50.05"), Decimal("50.10"))


def test_an_order_is_recorded_before_anything_is_known_of_it_at_the_broker() -> None:
    order = row(folded(intended()), OrderRecord, ORDER)
    assert (order.status, order.broker_order_id, order.intended_at) == (OrderStatus.INTENDED, "", 2)
    assert (order.limit_price, order.middle, order.cycle_id) == (Decimal("50.10"), Decimal("50.05"), CYCLE)


def test_an_order_never_goes_back_in_its_life_whatever_arrives_late() -> None:
    records = folded(intended(), reported(OrderStatus.FILLED, "10"), reported(OrderStatus.NEW, at=9))
    order = row(records, OrderRecord, ORDER)
    assert (order.status, order.broker_order_id, order.updated_at) == (OrderStatus.FILLED, "b-1", 9)


@pytest.mark.parametrize("seed", range(20))
def test_reports_in_any_order_leave_the_order_that_the_engine_has(seed: int) -> None:
    reports = [
        reported(OrderStatus.ACCEPTED),
        reported(OrderStatus.NEW, reason="held"),
        reported(OrderStatus.PARTIALLY_FILLED, "4"),
        reported(OrderStatus.CANCELED, "4", reason="asked for"),
        reported(OrderStatus.CANCELED, "4"),
    ]
    Random(seed).shuffle(reports)
    first = intended()
    assert isinstance(first, facts.OrderIntended)
    engine = Order(first.request, CYCLE, first.at, first.middle)
    for fact in reports:
        assert isinstance(fact, facts.OrderReported)
        engine.merge(fact.report)
    order = row(folded(first, *reports), OrderRecord, ORDER)
    assert (order.status, order.reason, order.broker_order_id) == (engine.status, engine.reason, "b-1")


def test_an_order_without_a_clear_answer_is_unknown_until_the_broker_speaks() -> None:
    lost = facts.OrderLost(3, ORDER, "time-out")
    order = row(folded(intended(), lost), OrderRecord, ORDER)
    assert (order.status, order.reason) == (OrderStatus.UNKNOWN, "time-out")
    settled = row(folded(intended(), lost, reported(OrderStatus.NEW)), OrderRecord, ORDER)
    assert settled.status is OrderStatus.NEW


def test_the_reason_of_a_rejection_stays_with_the_order() -> None:
    order = row(
        folded(intended(), reported(OrderStatus.REJECTED, reason="not enough cash")), OrderRecord, ORDER
    )
    assert order.reason == "not enough cash"


def test_fills_give_an_order_its_exact_value_and_average_price() -> None:
    records = folded(opened(), intended(), filled("0", "3", "50.01"), filled("3", "10", "50.07"))
    order = row(records, OrderRecord, ORDER)
    assert (order.filled, order.filled_value) == (Decimal(10), Decimal("500.52"))
    assert order.average_price == Decimal("50.052")


def test_an_order_of_somebody_else_is_shown_without_a_cycle() -> None:
    order = row(folded(reported(OrderStatus.NEW)), OrderRecord, ORDER)
    assert (order.cycle_id, order.type, order.broker_order_id) == ("", None, "b-1")


def test_an_order_name_is_never_used_twice() -> None:
    with pytest.raises(InvariantBroken):
        folded(intended(), intended())


def test_cash_moves_by_fills_alone_and_starts_at_the_opening_balance() -> None:
    records = folded(
        opened("1000"), filled("0", "3", "50.01"), filled("0", "1", "51", Side.SELL, name="alc-s")
    )
    account = row(records, AccountRecord, 1)
    assert (account.opening_cash, account.cash) == (Decimal(1000), Decimal("900.97"))


def test_a_sale_earns_over_its_oldest_lots_and_leaves_the_rest() -> None:
    sale = filled("0", "4", "55", Side.SELL, name="alc-s")
    records = folded(opened(), filled("0", "3", "50"), filled("3", "6", "52"), sale)
    position = row(records, PositionRecord, "KO")
    assert position.lots == (Lot(Decimal(2), Decimal(52)),)
    assert (position.shares, position.cost, position.realised) == (Decimal(2), Decimal(104), Decimal(18))
    assert row(records, FillRecord, "alc-s", ZERO).realised == Decimal(18)


def test_a_corrected_price_gives_its_shares_a_row_of_their_own_and_moves_cash_and_profit() -> None:
    told = Fill(ORDER, "KO", Side.BUY, Decimal(3), Decimal(5), Decimal(48), 9)
    correction = facts.FillCorrected(9, CYCLE, told, Decimal(1), Decimal(50))
    records = folded(opened(), intended(), filled("0", "1", "51"), filled("1", "9", "50"), correction)
    rows = [row(records, FillRecord, ORDER, Decimal(start)) for start in (0, 1, 3, 5)]
    assert [(one.shares, one.price, one.amount) for one in rows] == [
        (1, 51, -51),
        (2, 50, -100),
        (2, 48, -96),
        (4, 50, -200),
    ]
    assert row(records, AccountRecord, 1).cash == 1000 + sum(one.amount for one in rows)
    assert row(records, PositionRecord, "KO").realised == sum(one.realised for one in rows) == 4
    order = row(records, OrderRecord, ORDER)
    assert (order.filled, order.filled_value) == (9, 447)


def test_a_sold_out_position_keeps_what_it_earned() -> None:
    sale = filled("0", "3", "55", Side.SELL, name="alc-s")
    position = row(folded(opened(), filled("0", "3", "50"), sale), PositionRecord, "KO")
    assert (position.shares, position.lots, position.realised) == (ZERO, (), Decimal(15))


def test_what_was_held_before_we_came_is_one_lot_at_its_cost_or_else_at_its_mark() -> None:
    records = folded(
        opened(
            "1",
            Holding("KO", Decimal(4), Decimal(60), cost=Decimal(200)),
            Holding("XOM", Decimal(2), Decimal(90)),
            Holding("JPM", ZERO, Decimal(90)),
        )
    )
    assert row(records, PositionRecord, "KO").lots == (Lot(Decimal(4), Decimal(50)),)
    assert row(records, PositionRecord, "XOM").lots == (Lot(Decimal(2), Decimal(90)),)
    assert records.find(PositionRecord, "JPM") is None


def test_the_tables_agree_with_the_ledger_the_engine_trades_by() -> None:
    happened = story(random_closes(["AAPL", "JPM", "KO"], trading_days("2021-03-01", 30)))
    records, ledger = folded(*happened), Ledger()
    for fact in happened:
        if isinstance(fact, facts.AccountOpened):
            ledger.open(fact.cash, fact.holdings)
        elif isinstance(fact, facts.FillBooked):
            ledger.post(fact.fill)
    assert row(records, AccountRecord, 1).cash == ledger.cash
    for symbol, position in ledger.positions.items():
        held = row(records, PositionRecord, symbol)
        assert (held.lots, held.realised) == (position.lots, position.realised)


def test_a_cycle_is_followed_from_start_to_end() -> None:
    started = facts.CycleStarted(2, CYCLE, "2021-03-02", 99)
    plan = facts.PlanBuilt(
        3,
        CYCLE,
        RebalancePlan(CYCLE, Decimal(1000), (trade(),), Decimal("0.5"), Decimal("0.25"), ()),
    )
    cycle = row(folded(started, plan, facts.CycleFinished(8, CYCLE, 1, 0)), CycleRecord, CYCLE)
    assert (cycle.session, cycle.status, cycle.started_at, cycle.ended_at) == ("2021-03-02", "finished", 2, 8)
    assert (cycle.trades, cycle.trades_filled, cycle.turnover) == (1, 0, Decimal("0.5"))


def test_a_refused_cycle_says_why_even_if_it_never_started() -> None:
    refused = facts.CycleRefused(4, CYCLE, ("KO: no quote", "market is closed"))
    cycle = row(folded(refused), CycleRecord, CYCLE)
    assert (cycle.status, cycle.reasons, cycle.ended_at) == (
        "refused",
        ("KO: no quote", "market is closed"),
        4,
    )


def test_a_trade_shows_the_verdict_on_it_and_how_it_ended() -> None:
    records = folded(
        facts.TradeApproved(2, CYCLE, trade("KO")),
        facts.TradeRefused(2, CYCLE, trade("XOM"), "max_order_notional", "too large"),
        facts.TradeEnded(6, CYCLE, "KO", Decimal(4), "partly_filled"),
    )
    ended, refused = row(records, TradeRecord, CYCLE, "KO"), row(records, TradeRecord, CYCLE, "XOM")
    assert (ended.status, ended.filled, ended.outcome) == ("ended", Decimal(4), "partly_filled")
    assert (refused.status, refused.code, refused.text) == ("refused", "max_order_notional", "too large")


def test_days_reconciliations_and_alerts_are_kept_as_told() -> None:
    records = folded(
        facts.DayClosed(1, "2021-03-02", Decimal(1), Decimal(2), Decimal(3), Decimal(4), {"KO": Decimal(5)}),
        facts.Reconciled(2, "close", ("KO: ledger 1, broker 2",), Decimal(1), Decimal(2)),
        facts.AlertRaised(3, "critical", "books differ"),
    )
    assert row(records, DayRecord, "2021-03-02").marks == {"KO": Decimal(5)}
    assert not row(records, ReconciliationRecord, 2).is_agreed
    assert row(records, AlertRecord, 3).level == "critical"


# What moved other than by trading


def activity(kind: str, cash: str = "0", shares: str = "0", symbol: str = "KO", price: str = "0") -> Activity:
    numbers = Decimal(cash), symbol, Decimal(shares), Decimal(price)
    return Activity("id", ActivityKind(kind), kind.upper(), "2021-03-02", *numbers)


@pytest.mark.parametrize(
    ("moved", "former", "cash", "held"),
    [
        (activity("transfer", "250"), "", "1250", {"KO": "4"}),
        (activity("dividend", "1.68"), "", "1001.68", {"KO": "4"}),
        (activity("fee", "-0.02", symbol=""), "", "999.98", {"KO": "4"}),
        (activity("split", shares="4"), "", "1000", {"KO": "8"}),
        (activity("fraction", "12.50", shares="-0.5"), "", "1012.50", {"KO": "3.5"}),
        (activity("rename", shares="4", symbol="COKE"), "KO", "1000", {"KO": "0", "COKE": "4"}),
        (activity("transfer", shares="2", price="60"), "", "1000", {"KO": "6"}),
    ],
)
def test_an_activity_changes_cash_and_positions_as_the_ledger_does(
    moved: Activity, former: str, cash: str, held: dict[str, str]
) -> None:
    holding = Holding("KO", Decimal(4), Decimal(60), cost=Decimal(200))
    records = folded(opened("1000", holding), facts.ActivityBooked(2, moved, former))
    assert row(records, AccountRecord, 1).cash == Decimal(cash)
    shares = {symbol: row(records, PositionRecord, symbol).shares for symbol in held}
    assert shares == {symbol: Decimal(number) for symbol, number in held.items()}
    book = Ledger()
    book.open(Decimal(1000), [holding])
    book.move(moved, former)
    assert (book.cash, book.shares()) == (Decimal(cash), {one: n for one, n in shares.items() if n})


def test_a_split_leaves_the_cost_and_every_lots_part_of_it() -> None:
    records = folded(
        opened("10000"),
        filled("0", "3", "50"),
        filled("3", "4", "70"),
        facts.ActivityBooked(6, activity("split", shares="4")),
    )
    held = row(records, PositionRecord, "KO")
    assert [(lot.shares, lot.shares * lot.price) for lot in held.lots] == [(6, 150), (2, 70)]
    assert (held.cost, held.realised) == (220, 0)


def test_an_adjustment_follows_the_broker_without_profit() -> None:
    adjusted = facts.LedgerAdjusted(
        6, "KO", Decimal(-4), Decimal(55), Decimal(220), "a trade by telephone", "ada"
    )
    records = folded(opened("1000", Holding("KO", Decimal(4), Decimal(55), cost=Decimal(220))), adjusted)
    assert row(records, PositionRecord, "KO").shares == 0
    assert row(records, AccountRecord, 1).cash == 1220
    assert row(records, PositionRecord, "KO").realised == 0


def test_somebody_elses_order_is_a_row_without_cycle_that_follows_its_reports() -> None:
    report = OrderReport("manual", "b-9", "KO", Side.BUY, Decimal(10), OrderStatus.NEW, price=Decimal(50))
    ended = replace(report, status=OrderStatus.CANCELED, filled=Decimal(4))
    records = folded(facts.ExternalOrderSeen(1, report), facts.ExternalOrderSeen(2, ended))
    order = row(records, OrderRecord, "manual")
    assert (order.cycle_id, order.status, order.filled, order.limit_price) == (
        "",
        OrderStatus.CANCELED,
        4,
        50,
    )


def test_what_restrains_trading_is_kept_until_it_does_no_longer() -> None:
    frozen = facts.SymbolFrozen(1, "KO", "KO: ledger holds 1, broker says 2", "nothing explains it")
    records = folded(frozen)
    assert row(records, ConditionRecord, "frozen:KO").value == "KO: ledger holds 1, broker says 2"
    records = folded(frozen, facts.SymbolReleased(2, "KO"))
    assert row(records, ConditionRecord, "frozen:KO").value == ""


def test_facts_of_something_never_recorded_leave_no_row() -> None:
    plan = RebalancePlan(CYCLE, ZERO, (), ZERO, ZERO, ())
    records = folded(
        facts.OrderLost(1, ORDER, "x"),
        facts.TradeEnded(1, CYCLE, "KO", ZERO, "x"),
        facts.CycleFinished(1, CYCLE, 0, 0),
        facts.PlanBuilt(1, CYCLE, plan),
    )
    assert records.rows == {}


def test_every_record_survives_packing() -> None:
    happened = story(random_closes(["AAPL", "KO"], trading_days("2021-03-01", 4)))
    reducing = facts.TradingStateChanged(1, TradingState.REDUCING, "x")
    records = folded(*happened, facts.AlertRaised(1, "info", "x"), reducing)
    for kind in RECORDS:
        for record in records.rows[kind].values():
            assert unpack(kind, pack(record)) == record
