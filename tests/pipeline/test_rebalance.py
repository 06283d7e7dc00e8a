"""The plan: sells first, buys only with cash that is there or certain, dust left alone."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from language import assets, portfolio, quote, quotes, said, target

from the_alchemiser.domain.intent import RebalancePlan
from the_alchemiser.domain.money import FRACTION, ONE, WHOLE_SHARE, ZERO, Side
from the_alchemiser.pipeline.rebalance import RebalancePolicy, build_rebalance_plan

D = Decimal
EVERYTHING = RebalancePolicy(cash_buffer=ZERO, dust=ZERO)
FINELY = RebalancePolicy(cash_buffer=ZERO, dust=ZERO, fractional=True)
MARKET = "AAPL 100/100; MSFT 200/200; BAC 20/20"


def planned(
    holding: str,
    wanted: str,
    market: str = MARKET,
    policy: RebalancePolicy = EVERYTHING,
    *,
    fractions: bool = False,
) -> RebalancePlan:
    prices = quotes(market)
    listed = assets(*prices, fractionable=fractions)
    return build_rebalance_plan("20210104", target(wanted), portfolio(holding), prices, listed, policy)


def trades(*arguments: str, **more: object) -> list[str]:
    return [said(trade) for trade in planned(*arguments, **more).trades]  # type: ignore[arg-type]


def test_half_of_what_may_be_invested_at_the_middle_of_the_spread() -> None:
    policy = RebalancePolicy()
    plan = planned("100000 USD", "AAPL 50%", "AAPL 99.98/100.02", policy)
    assert [said(trade) for trade in plan.trades] == ["buy 490 AAPL"]
    assert plan.equity == 100_000
    assert plan.turnover == D("0.49")
    assert plan.spread_cost == 490 * D("0.02")


def test_sells_come_first_then_the_largest_buy() -> None:
    assert trades("100 AAPL, 0 USD", "MSFT 20%, BAC 80%") == ["sell 100 AAPL", "buy 400 BAC", "buy 10 MSFT"]


def test_a_plan_never_spends_cash_it_does_not_have() -> None:
    """The middle promises more shares than the ask can pay for."""
    assert trades("1000 USD", "AAPL 100%", "AAPL 99/101") == ["buy 9 AAPL"]


def test_a_sale_is_counted_at_the_bid_it_will_get_in_the_end() -> None:
    market = "AAPL 90/110; MSFT 200/200"
    assert trades("10 AAPL, 0 USD", "MSFT 100%", market) == ["sell 10 AAPL", "buy 4 MSFT"]


def test_the_smallest_buy_gives_way_when_cash_is_short() -> None:
    market = "AAPL 80/120; MSFT 160/240"
    assert trades("1000 USD", "AAPL 80%, MSFT 20%", market) == ["buy 8 AAPL"]


def test_differences_smaller_than_dust_are_left_alone_and_named() -> None:
    policy = RebalancePolicy(cash_buffer=ZERO, dust=D(500))
    plan = planned("10 AAPL, 9000 USD", "AAPL 14%, MSFT 6%", policy=policy)
    assert [said(trade) for trade in plan.trades] == ["buy 3 MSFT"]
    assert plan.dust == ("AAPL",)


def test_a_position_nobody_wants_is_closed_to_the_last_fraction_however_small() -> None:
    policy = RebalancePolicy(cash_buffer=ZERO, dust=D(500))
    assert trades("0.000000001 AAPL, 1000 USD", "MSFT 0%", policy=policy) == ["sell 0.000000001 AAPL"]


def test_only_whole_shares_are_traded_unless_fractions_are_wanted_and_allowed() -> None:
    assert trades("1050 USD", "AAPL 100%") == ["buy 10 AAPL"]
    assert trades("1050 USD", "AAPL 100%", policy=FINELY) == ["buy 10 AAPL"]
    assert trades("1050 USD", "AAPL 100%", policy=FINELY, fractions=True) == ["buy 10.5 AAPL"]


def test_a_fraction_held_does_not_turn_a_whole_share_order_into_a_fraction() -> None:
    assert trades("10.5 AAPL, 950 USD", "AAPL 70%") == ["buy 3 AAPL"]
    assert trades("10.5 AAPL, 950 USD", "AAPL 30%") == ["sell 4 AAPL"]


def test_holding_what_is_wanted_means_doing_nothing() -> None:
    plan = planned("10 AAPL, 0 USD", "AAPL 100%")
    assert (plan.trades, plan.turnover, plan.dust) == ((), 0, ())


def test_an_empty_account_plans_nothing() -> None:
    assert planned("0 USD", "AAPL 100%").trades == ()


@st.composite
def situations(draw: st.DrawFn) -> tuple[str, str, str, bool]:
    """Any holdings, target and market of three symbols, with spreads of up to a fifth of the price."""
    symbols = ["AAPL", "BAC", "MSFT"]
    held, wanted, market, left = [], [], [], 10_000
    for symbol in symbols:
        cents = draw(st.integers(101, 500_000))
        spread = draw(st.integers(0, cents // 10))
        market.append(f"{symbol} {D(cents - spread) / 100}/{D(cents + spread) / 100}")
        held.append(f"{draw(st.decimals(0, 500, places=draw(st.sampled_from([0, 9]))))} {symbol}")
        part = draw(st.integers(0, left))
        left -= part
        wanted.append(f"{symbol} {D(part) / 100}%")
    cash = draw(st.decimals(0, 200_000, places=2))
    return ", ".join([*held, f"{cash} USD"]), ", ".join(wanted), "; ".join(market), draw(st.booleans())


@pytest.mark.spec("S0-19", "S1-14")
@given(situations())
def test_done_at_the_worst_prices_the_plan_leaves_cash_and_never_passes_its_target(
    situation: tuple[str, str, str, bool],
) -> None:
    holding, wanted, market, finely = situation
    policy = FINELY if finely else EVERYTHING
    plan = planned(holding, wanted, market, policy, fractions=finely)
    start, prices, weights = portfolio(holding), quotes(market), target(wanted).weights
    cash, shares, is_selling = start.cash, dict(start.shares), True
    for trade in plan.trades:
        assert trade.shares > 0
        assert is_selling or trade.side is Side.BUY, "a sale after a buy"
        is_selling = trade.side is Side.SELL
        cash -= trade.side.sign * trade.shares * trade.far_price
        shares[trade.symbol] = shares.get(trade.symbol, ZERO) + trade.side.sign * trade.shares
        assert shares[trade.symbol] >= 0
        assert cash >= 0
    lot = FRACTION if finely else WHOLE_SHARE
    is_short_of_cash = any(cash < quote.ask * lot for quote in prices.values()) or plan.spread_cost > 0
    for symbol, quote_ in prices.items():
        ideal = weights[symbol] * plan.equity / quote_.middle
        # Above by less than a lot (a fraction that whole shares cannot sell); below only where cash ran out.
        assert shares.get(symbol, ZERO) - ideal < lot
        if not is_short_of_cash:
            assert ideal - shares.get(symbol, ZERO) < lot


@given(situations())
def test_a_plan_carried_out_at_the_middle_leaves_nothing_to_plan(
    situation: tuple[str, str, str, bool],
) -> None:
    holding, wanted, market, finely = situation
    no_spread = "; ".join(f"{one.symbol} {one.middle}/{one.middle}" for one in quotes(market).values())
    policy = FINELY if finely else EVERYTHING
    plan = planned(holding, wanted, no_spread, policy, fractions=finely)
    start = portfolio(holding)
    cash, shares = start.cash, dict(start.shares)
    for trade in plan.trades:
        cash -= trade.side.sign * trade.notional
        shares[trade.symbol] = shares.get(trade.symbol, ZERO) + trade.side.sign * trade.shares
    after = ", ".join([*(f"{held} {symbol}" for symbol, held in shares.items()), f"{cash} USD"])
    assert planned(after, wanted, no_spread, policy, fractions=finely).trades == ()


def test_the_buffer_stays_in_cash() -> None:
    plan = planned("100000 USD", "AAPL 100%", "AAPL 100/100", RebalancePolicy(cash_buffer=D("0.02")))
    spent = sum(trade.notional for trade in plan.trades)
    assert spent == 98_000
    assert quote("AAPL 100/100").middle * ONE == 100
