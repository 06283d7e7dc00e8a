"""The numbers of a run: exact where they are money, silent where there is too little to say."""

from __future__ import annotations

from decimal import Decimal

import pytest
from story_facts import MOMENTUM, Closes, random_closes, story, trading_days

from the_alchemiser.domain.facts import (
    AccountOpened,
    ActivityBooked,
    CycleRefused,
    CycleStarted,
    DayClosed,
    Fact,
    FillBooked,
    LedgerAdjusted,
    OrderIntended,
    OrderLost,
    OrderReported,
    PlanBuilt,
    Reconciled,
    TargetSet,
    TradeRefused,
)
from the_alchemiser.domain.intent import PlannedTrade, RebalancePlan, TargetPortfolio
from the_alchemiser.domain.money import ZERO, Side
from the_alchemiser.domain.orders import Fill, OrderReport, OrderRequest, OrderStatus, OrderType
from the_alchemiser.domain.portfolio import Activity, ActivityKind, Holding
from the_alchemiser.pipeline.report import Performance, performance
from the_alchemiser.pipeline.report.contribution import NO_STRATEGY, NOT_TRADING, ROUNDING

D = Decimal
SYMBOLS = ("AAA", "BBB", "CCC")
OPENING = D(10_000)


def opened(*holdings: Holding) -> AccountOpened:
    return AccountOpened(0, "PA1", OPENING, holdings)


def target(**contributions: dict[str, str]) -> TargetSet:
    asked = {
        name: {symbol: D(weight) for symbol, weight in weights.items()}
        for name, weights in contributions.items()
    }
    symbols = sorted({symbol for weights in asked.values() for symbol in weights})
    weights = {symbol: sum((one.get(symbol, ZERO) for one in asked.values()), ZERO) for symbol in symbols}
    return TargetSet(1, "c1", TargetPortfolio(weights, asked))


def fill(
    symbol: str, side: Side, shares: str, price: str, order: str = "o1", cycle: str = "c1"
) -> FillBooked:
    return FillBooked(2, cycle, Fill(order, symbol, side, ZERO, D(shares), D(price), 2))


def closed(session: str, equity: str, **marks: str) -> DayClosed:
    return DayClosed(
        3, session, ZERO, D(equity), ZERO, ZERO, {symbol: D(mark) for symbol, mark in marks.items()}
    )


def amounts(result: Performance) -> dict[str, Decimal]:
    return {line.name: line.amount for line in result.contributions}


def test_profit_is_realised_and_unrealised_and_the_identity_is_exact() -> None:
    result = performance(
        [
            opened(),
            fill("AAA", Side.BUY, "30", "100"),
            closed("2021-03-01", "10060", AAA="102"),
            fill("AAA", Side.SELL, "10", "105"),
            closed("2021-03-02", "10130", AAA="104"),
        ],
        {},
    )
    assert (result.equity_start, result.equity_end, result.profit) == (D(10_000), D(10_130), D(130))
    assert (result.realised, result.unrealised, result.identity_difference) == (D(50), D(80), ZERO)
    assert [day.profit for day in result.days] == [D(60), D(70)]
    assert result.is_identity_exact


def test_money_that_did_not_come_from_trading_is_stated_and_not_given_to_a_strategy() -> None:
    dividend = "12.34"
    result = performance(
        [
            opened(),
            target(calm={"AAA": "0.3"}),
            fill("AAA", Side.BUY, "30", "100"),
            closed("2021-03-01", str(D("10060") + D(dividend)), AAA="102"),
        ],
        {},
    )
    assert result.identity_difference == D(dividend)
    assert not result.is_identity_exact
    assert amounts(result) == {"calm": D(60), NOT_TRADING: D(dividend)}


def test_strategies_share_a_symbol_by_the_weight_they_asked_for() -> None:
    result = performance(
        [
            opened(),
            target(calm={"AAA": "0.1"}, bold={"AAA": "0.3", "BBB": "0.2"}),
            fill("AAA", Side.BUY, "40", "100"),
            fill("BBB", Side.BUY, "20", "100"),
            closed("2021-03-01", "10060", AAA="102", BBB="99"),
        ],
        {},
    )
    assert amounts(result) == {"calm": D(20), "bold": D(40)}


def test_what_was_carried_overnight_belongs_to_yesterdays_target() -> None:
    result = performance(
        [
            opened(),
            target(calm={"AAA": "0.3"}),
            fill("AAA", Side.BUY, "30", "100"),
            closed("2021-03-01", "10000", AAA="100"),
            target(bold={"AAA": "0.6"}),
            fill("AAA", Side.BUY, "30", "110"),
            closed("2021-03-02", "10360", AAA="111"),
        ],
        {},
    )
    assert amounts(result) == {"calm": D(330), "bold": D(30)}


def test_a_symbol_nobody_wants_any_more_stays_with_those_who_wanted_it_last() -> None:
    result = performance(
        [
            opened(),
            target(calm={"AAA": "0.3"}),
            fill("AAA", Side.BUY, "30", "100"),
            closed("2021-03-01", "10000", AAA="100"),
            target(bold={"BBB": "0.6"}),
            fill("AAA", Side.SELL, "30", "101"),
            closed("2021-03-02", "10030"),
            fill("AAA", Side.BUY, "1", "100", cycle=""),
            closed("2021-03-03", "10035", AAA="105"),
        ],
        {},
    )
    assert amounts(result) == {"calm": D(35), "bold": ZERO}


def test_a_target_that_names_a_symbol_without_weight_leaves_it_with_those_who_wanted_it_last() -> None:
    result = performance(
        [
            opened(),
            target(calm={"AAA": "0.3"}),
            fill("AAA", Side.BUY, "30", "100"),
            closed("2021-03-01", "10000", AAA="100"),
            target(bold={"AAA": "0"}),
            fill("AAA", Side.SELL, "30", "101"),
            closed("2021-03-02", "10030"),
        ],
        {},
    )
    assert amounts(result) == {"calm": D(30), "bold": ZERO}


def test_holdings_found_at_the_opening_count_from_their_mark_and_belong_to_no_strategy() -> None:
    found = Holding("OLD", D(10), D(50), cost=D(100))
    result = performance([opened(found), closed("2021-03-01", "10530", OLD="53")], {})
    assert result.equity_start == D(10_500)
    assert amounts(result) == {NO_STRATEGY: D(30)}


def test_a_residue_of_splitting_has_a_line_of_its_own() -> None:
    result = performance(
        [
            opened(),
            target(a={"AAA": "0.1"}, b={"AAA": "0.1"}, c={"AAA": "0.1"}),
            fill("AAA", Side.BUY, "1", "100"),
            closed("2021-03-01", "10000.01", AAA="100.01"),
        ],
        {},
    )
    assert amounts(result)[ROUNDING] == D("0.01")
    assert sum(amounts(result).values(), ZERO) == result.profit


def decided(order: str, side: Side, middle: str, arrival: str) -> list[Fact]:
    trade = PlannedTrade("AAA", side, D(10), D(arrival), D(arrival))
    request = OrderRequest(order, "AAA", side, D(10), OrderType.LIMIT, limit_price=D(middle))
    plan = RebalancePlan("c1", OPENING, (trade,), ZERO, ZERO, ())
    return [PlanBuilt(1, "c1", plan), OrderIntended(1, "c1", request, D(middle))]


def test_costs_are_positive_when_we_paid_more_than_the_reference_on_either_side() -> None:
    facts: list[Fact] = [
        opened(),
        *decided("buy", Side.BUY, middle="100.02", arrival="100"),
        fill("AAA", Side.BUY, "10", "100.05", order="buy"),
        *decided("sell", Side.SELL, middle="101.02", arrival="101"),
        fill("AAA", Side.SELL, "10", "101.01", order="sell"),
        closed("2021-03-01", "10009.60"),
    ]
    result = performance(facts, {})
    assert [trade.spread_paid for trade in result.trades] == [D("0.30"), D("0.10")]
    assert [trade.slippage for trade in result.trades] == [D("0.50"), D("-0.10")]
    assert result.spread_paid.amount == D("0.40")
    assert result.spread_paid.reference_notional == D("2010.40")
    assert result.slippage.basis_points == pytest.approx(0.40 / 2010 * 10_000)


def test_a_fill_of_an_order_that_was_not_ours_has_no_cost_but_is_counted() -> None:
    result = performance([opened(), fill("AAA", Side.BUY, "1", "100", cycle="")], {})
    assert result.trades[0].spread_paid is None
    assert (result.slippage.amount, result.slippage.fills_without_reference) == (ZERO, 1)
    assert result.trades[0].session == "1970-01-01"


def test_an_order_is_told_with_its_fills_and_its_end() -> None:
    report = OrderReport("o1", "b1", "AAA", Side.BUY, D(10), OrderStatus.CANCELED, D(4), 3, "too late")
    facts: list[Fact] = [opened(), *decided("o1", Side.BUY, "100", "100")]
    part: list[Fact] = [fill("AAA", Side.BUY, "4", "99.50"), OrderReported(3, report)]
    order = performance([*facts, *part], {}).orders[0]
    assert (order.status, order.filled, order.average_price) == (OrderStatus.CANCELED, D(4), D("99.50"))
    assert order.reason == "too late"
    whole = performance([*facts, fill("AAA", Side.BUY, "10", "99.50")], {})
    assert whole.orders_filled == 1
    lost = performance([*facts, OrderLost(2, "o1", "time-out")], {}).orders[0]
    assert (lost.status, lost.average_price) == (OrderStatus.UNKNOWN, None)


def test_refusals_of_trades_and_of_whole_cycles_are_both_told() -> None:
    trade = PlannedTrade("AAA", Side.BUY, D(1), D(100), D(100))
    result = performance(
        [
            opened(),
            CycleStarted(1, "c1", "2021-03-01", 9),
            TradeRefused(1, "c1", trade, "max_order", "too large"),
            CycleRefused(2, "c2", ("no quote for AAA", "no quote for BBB")),
        ],
        {},
    )
    told = [(one.symbol, one.code, one.text) for one in result.refusals]
    assert told == [
        ("AAA", "max_order", "too large"),
        ("", "cycle_refused", "no quote for AAA; no quote for BBB"),
    ]
    assert result.cycles == 1


def test_the_newest_comparison_decides_whether_we_are_reconciled() -> None:
    differs = Reconciled(1, "start", ("cash: a cent",), OPENING, OPENING)
    agrees = Reconciled(2, "close", (), OPENING, OPENING)
    assert not performance([opened()], {}).is_reconciled
    assert not performance([opened(), agrees, differs], {}).is_reconciled
    healed = performance([opened(), differs, agrees], {})
    assert healed.is_reconciled
    assert healed.past_differences == ("cash: a cent",)


def test_holding_buys_equal_dollars_at_the_close_before_the_first_day() -> None:
    closes: Closes = {
        "AAA": [("2021-02-25", 1.0), ("2021-02-26", 10.0), ("2021-03-01", 11.0), ("2021-03-02", 12.0)],
        "BBB": [("2021-02-26", 50.0), ("2021-03-01", 50.0)],
        "NEW": [("2021-03-01", 5.0), ("2021-03-02", 50.0)],
    }
    facts: list[Fact] = [opened(), closed("2021-03-01", "10000"), closed("2021-03-02", "10000")]
    index = [("2021-02-26", 100.0), ("2021-03-01", 90.0), ("2021-03-02", 99.0)]
    result = performance(facts, closes, index=index, index_name="S&P 500")
    assert result.sessions == ("2021-02-26", "2021-03-01", "2021-03-02")
    assert result.holding is not None
    assert result.holding.values == pytest.approx((10_000, 10_500, 11_000))
    assert result.holding.missing == ("NEW",)
    assert result.index is not None
    assert result.index.values == pytest.approx((10_000, 9_000, 9_900))
    assert result.index.name == "S&P 500"
    assert result.index.total_return == pytest.approx(-0.01)


def test_drawdown_is_measured_from_the_highest_close_so_far() -> None:
    equities = ["11000", "9900", "10450", "12000", "11400"]
    days = trading_days("2021-03-01", 5)
    facts: list[Fact] = [opened(), *(closed(day, equity) for day, equity in zip(days, equities, strict=True))]
    result = performance(facts, {})
    assert result.drawdown.series == pytest.approx((0, 0, -0.1, -0.05, 0, -0.05))
    assert result.drawdown.maximum == pytest.approx(-0.1)
    assert (result.drawdown.peak, result.drawdown.trough) == (days[0], days[1])
    assert result.returns == pytest.approx((0.1, -0.1, 10450 / 9900 - 1, 12000 / 10450 - 1, -0.05))


@pytest.mark.parametrize(
    ("sessions", "has_volatility", "has_growth"), [(59, False, False), (60, True, False), (250, True, True)]
)
def test_yearly_figures_are_stated_only_with_enough_days(
    sessions: int, has_volatility: bool, has_growth: bool
) -> None:
    days = trading_days("2021-03-01", sessions)
    grown = [str(round(10_000 * 1.001**number + number % 2, 2)) for number in range(1, sessions + 1)]
    facts: list[Fact] = [opened(), *(closed(day, equity) for day, equity in zip(days, grown, strict=True))]
    yearly = performance(facts, {}).yearly
    assert (yearly.volatility is not None) == has_volatility
    assert (yearly.sharpe is not None) == has_volatility
    assert (yearly.growth is not None) == has_growth
    if yearly.growth is not None:
        assert yearly.growth == pytest.approx(1.001**252 - 1, rel=1e-3)


def test_an_empty_journal_gives_an_empty_report() -> None:
    result = performance([], {})
    assert (result.profit, result.days, result.contributions) == (ZERO, (), ())
    assert result.drawdown.maximum == 0.0


@pytest.mark.spec("S2-51")
# What moved other than by trading


def booked(kind: str, cash: str = "0", shares: str = "0", symbol: str = "AAA") -> ActivityBooked:
    return ActivityBooked(
        2, Activity("id", ActivityKind(kind), kind, "2021-03-02", D(cash), symbol, D(shares))
    )


def test_a_deposit_is_neither_profit_nor_return() -> None:
    result = performance(
        [
            opened(),
            closed("2021-03-01", "10000"),
            booked("transfer", "5000", symbol=""),
            closed("2021-03-02", "15000"),
        ],
        {},
    )
    assert (result.profit, result.paid_in, result.identity_difference) == (0, 5000, 0)
    assert result.returns == (0.0, 0.0)
    assert [day.profit for day in result.days] == [0, 0]


def test_a_dividend_is_profit_that_no_trade_made() -> None:
    result = performance([opened(), booked("dividend", "12.50"), closed("2021-03-01", "10012.50")], {})
    assert (result.profit, result.earned, result.identity_difference) == (D("12.50"), D("12.50"), 0)
    assert amounts(result) == {NOT_TRADING: D("12.50")}


def test_a_split_is_no_loss_of_the_day_nor_of_the_strategy_that_holds() -> None:
    result = performance(
        [
            opened(),
            target(momentum={"AAA": "0.5"}),
            fill("AAA", Side.BUY, "30", "100"),
            closed("2021-03-01", "10000", AAA="100"),
            booked("split", shares="30"),
            closed("2021-03-02", "10060", AAA="51"),
        ],
        {},
    )
    assert (result.profit, result.identity_difference) == (60, 0)
    assert amounts(result) == {"momentum": 60}


def test_an_adjustment_is_neither_profit_nor_loss() -> None:
    adjusted = LedgerAdjusted(2, "AAA", D(10), D(100), D(0), "found", "ada")
    result = performance([opened(), adjusted, closed("2021-03-01", "11010", AAA="101")], {})
    assert (result.profit, result.paid_in, result.identity_difference) == (10, 1000, 0)


def test_a_whole_story_agrees_with_itself() -> None:
    closes = random_closes(SYMBOLS, trading_days("2021-03-01", 31))
    facts = story(closes)
    result = performance(facts, closes)
    ends = [fact for fact in facts if isinstance(fact, DayClosed)]
    assert [(day.realised, day.unrealised) for day in result.days] == [
        (end.realised, end.unrealised) for end in ends
    ]
    assert result.identity_difference == ZERO
    assert result.is_reconciled
    assert {position.symbol for position in result.positions} == set(ends[-1].marks)
    assert sum((one.profit for one in result.symbols), ZERO) == result.profit
    assert result.cash + sum((one.value for one in result.positions), ZERO) == result.equity_end
    assert MOMENTUM in amounts(result)
    assert set(result.prices) == set(SYMBOLS)


def test_only_what_a_close_has_confirmed_counts_as_money() -> None:
    result = performance(
        [
            opened(),
            fill("AAA", Side.BUY, "10", "100"),
            closed("2021-03-01", "10010", AAA="101"),
            fill("AAA", Side.SELL, "10", "120"),
        ],
        {},
    )
    assert result.equity_end == D(10_010)
    assert [position.shares for position in result.positions] == [D(10)]
    assert len(result.trades) == 2
