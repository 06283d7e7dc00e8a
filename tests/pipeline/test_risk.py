"""Risk: each limit at its boundary, exits always, and no other door to an order."""

from __future__ import annotations

import ast
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from language import NOON, plan, quotes, trade
from msgspec.structs import replace

import the_alchemiser
from the_alchemiser.domain.instants import SECOND
from the_alchemiser.domain.intent import RiskVerdict, TradingState
from the_alchemiser.domain.money import ZERO, Side
from the_alchemiser.pipeline.risk import RiskContext, RiskLimits, RiskManager

D = Decimal
WIDE = RiskLimits(
    order_notional_max=D(10**9),
    position_weight_max=D(10),
    gross_exposure_max=D(10),
    open_orders_max=1000,
    orders_per_minute_max=1000,
    daily_loss_max=D(10**9),
    price_collar=D(1),
)
CALM = RiskContext(
    at=NOON,
    state=TradingState.ACTIVE,
    equity=D(10_000),
    cash=D(10**6),
    shares={},
    quotes=quotes("AAPL 100/100; MSFT 100/100; BAC 100/100"),
    day_profit=ZERO,
)


def review(text: str, context: RiskContext = CALM, limits: RiskLimits = WIDE) -> RiskVerdict:
    return RiskManager(limits).review(plan(text), context)


def codes(text: str, context: RiskContext = CALM, limits: RiskLimits = WIDE) -> list[str]:
    return [refused.code for refused in review(text, context, limits).refused]


def holding(text: str, **more: object) -> RiskContext:
    shares, symbol = text.split()
    return replace(CALM, shares={symbol: D(shares)}, **more)


def test_a_trade_within_every_limit_passes_as_it_was_planned() -> None:
    verdict = review("buy 10 AAPL @ 100")
    assert [approved.trade for approved in verdict.approved] == [trade("buy 10 AAPL @ 100")]
    assert verdict.refused == ()


# Each limit: its code, and a situation one unit inside, exactly at, and one unit beyond it.
Situation = Callable[[int], list[str]]
BOUNDARIES: dict[str, tuple[Situation, bool]] = {
    "daily_loss": (
        lambda unit: codes(
            "buy 1 AAPL @ 100", replace(CALM, day_profit=-D(500) - unit), replace(WIDE, daily_loss_max=D(500))
        ),
        False,
    ),
    "order_notional": (
        lambda unit: codes(f"buy {10 + unit} AAPL @ 100", limits=replace(WIDE, order_notional_max=D(1000))),
        True,
    ),
    "position_weight": (
        lambda unit: codes(
            f"buy {15 + unit} AAPL @ 100", holding("10 AAPL"), replace(WIDE, position_weight_max=D("0.25"))
        ),
        True,
    ),
    "gross_exposure": (
        lambda unit: codes(
            f"buy {40 + unit} AAPL @ 100", holding("60 MSFT"), replace(WIDE, gross_exposure_max=D(1))
        ),
        True,
    ),
    "cash": (lambda unit: codes(f"buy {10 + unit} AAPL @ 99 / 100", replace(CALM, cash=D(1000))), True),
    "open_orders": (
        lambda unit: codes(
            "buy 1 AAPL @ 100", replace(CALM, open_orders=5 + unit), replace(WIDE, open_orders_max=5)
        ),
        False,
    ),
    "order_rate": (
        lambda unit: codes(
            "buy 1 AAPL @ 100",
            replace(CALM, orders_in_minute=5 + unit),
            replace(WIDE, orders_per_minute_max=5),
        ),
        False,
    ),
    "no_fresh_quote": (
        lambda unit: codes(
            "buy 1 AAPL @ 100",
            replace(CALM, at=NOON + (90 + unit) * SECOND),
            replace(WIDE, quote_age_seconds_max=90),
        ),
        True,
    ),
    "price_collar": (
        lambda unit: codes(f"buy 1 AAPL @ 100 / {105 + unit}", limits=replace(WIDE, price_collar=D("0.05"))),
        True,
    ),
}


@pytest.mark.spec("S1-12")
@pytest.mark.parametrize("code", BOUNDARIES)
def test_each_limit_holds_to_the_unit(code: str) -> None:
    situation, passes_at_the_limit = BOUNDARIES[code]
    assert situation(-1) == []
    assert situation(0) == ([] if passes_at_the_limit else [code])
    assert situation(1) == [code]


@pytest.mark.parametrize("state", [TradingState.REDUCING, TradingState.HALTED])
def test_nothing_opens_unless_trading_is_active(state: TradingState) -> None:
    assert codes("buy 1 AAPL @ 100", replace(CALM, state=state)) == ["trading_state"]


def test_nothing_opens_on_a_blocked_account() -> None:
    assert codes("buy 1 AAPL @ 100", replace(CALM, is_account_blocked=True)) == ["account_blocked"]


def test_a_restricted_symbol_is_never_bought() -> None:
    limits = replace(WIDE, restricted=frozenset({"AAPL"}))
    assert codes("buy 1 AAPL @ 100; buy 1 MSFT @ 100", limits=limits) == ["restricted"]


@pytest.mark.spec("S0-17")
def test_no_more_is_sold_than_is_held() -> None:
    assert codes("sell 10 AAPL @ 100", holding("10 AAPL")) == []
    assert codes("sell 10.000000001 AAPL @ 100", holding("10 AAPL")) == ["short_sale"]
    assert codes("sell 1 MSFT @ 100", holding("10 AAPL")) == ["short_sale"]


@pytest.mark.parametrize(
    "market", ["MSFT 100/100", "AAPL 0/100", "AAPL 100/0", "AAPL 101/100", "AAPL -1/100"]
)
def test_nothing_opens_without_a_usable_quote(market: str) -> None:
    assert codes("buy 1 AAPL @ 100", replace(CALM, quotes=quotes(market))) == ["no_fresh_quote"]


def test_the_gravest_objection_gives_the_reason() -> None:
    grave = replace(CALM, state=TradingState.HALTED, is_account_blocked=True, cash=ZERO, quotes={})
    assert codes("buy 1 AAPL @ 100", grave) == ["trading_state"]
    assert codes("buy 1 AAPL @ 100", replace(grave, state=TradingState.ACTIVE)) == ["account_blocked"]


@pytest.mark.parametrize("limit", ["cash", "gross_exposure"])
def test_approving_and_reserving_are_one_step(limit: str) -> None:
    """Two buys, each within the limit, together beyond it: the second is refused."""
    limits = replace(WIDE, gross_exposure_max=D("0.15")) if limit == "gross_exposure" else WIDE
    context = replace(CALM, cash=D(1500) if limit == "cash" else D(10**6))
    verdict = review("buy 10 AAPL @ 100; buy 10 MSFT @ 100", context, limits)
    assert [approved.trade.symbol for approved in verdict.approved] == ["AAPL"]
    assert [(refused.trade.symbol, refused.code) for refused in verdict.refused] == [("MSFT", limit)]


def test_a_sell_releases_cash_for_the_next_buy() -> None:
    assert codes("sell 10 AAPL @ 100; buy 10 MSFT @ 100", holding("10 AAPL", cash=ZERO)) == []
    assert codes("sell 10 AAPL @ 100; buy 11 MSFT @ 100", holding("10 AAPL", cash=ZERO)) == ["cash"]


def test_a_refused_trade_reserves_nothing() -> None:
    limits = replace(WIDE, restricted=frozenset({"AAPL"}))
    assert codes("buy 10 AAPL @ 100; buy 10 MSFT @ 100", replace(CALM, cash=D(1000)), limits) == [
        "restricted"
    ]


TIGHTEST = RiskLimits(
    order_notional_max=ZERO,
    position_weight_max=ZERO,
    gross_exposure_max=ZERO,
    open_orders_max=0,
    orders_per_minute_max=0,
    daily_loss_max=ZERO,
    quote_age_seconds_max=0,
    price_collar=ZERO,
    restricted=frozenset({"AAPL"}),
)


@given(
    st.sampled_from(TradingState),
    st.booleans(),
    st.sampled_from(["AAPL 100/100", "MSFT 1/1", "AAPL 0/0"]),
    st.integers(-(10**6), 10**6),
    st.integers(1, 10),
)
def test_an_exit_always_passes(
    state: TradingState, is_blocked: bool, market: str, profit: int, shares: int
) -> None:
    """Halted, blocked, without a price, beyond every limit: what makes a position smaller may leave."""
    context = holding(
        "10 AAPL",
        at=NOON + 10**15,
        state=state,
        is_account_blocked=is_blocked,
        quotes=quotes(market),
        day_profit=D(profit),
        cash=D(-5),
    )
    assert codes(f"sell {shares} AAPL @ 100", context, TIGHTEST) == []


@given(
    st.lists(st.tuples(st.sampled_from(["AAPL", "MSFT", "BAC"]), st.integers(1, 300)), max_size=5),
    st.integers(0, 20_000),
)
def test_everything_approved_is_within_the_limits_by_another_count(
    wishes: list[tuple[str, int]], cash: int
) -> None:
    limits = RiskLimits()
    context = replace(CALM, equity=D(20_000), cash=D(cash))
    bought = dict(wishes)
    text = "; ".join(f"buy {shares} {symbol} @ 100 / 101" for symbol, shares in bought.items())
    approved = [one.trade for one in review(text, context, limits).approved]
    assert sum(one.shares * 101 for one in approved) <= cash
    assert sum(one.shares * 100 for one in approved) <= 20_000
    assert all(one.shares * 100 <= 5_000 for one in approved)
    assert len(approved) + len(review(text, context, limits).refused) == len(bought)
    assert all(one.side is Side.BUY for one in approved)


@pytest.mark.spec("S4-44")
def test_only_risk_can_approve_and_only_the_approved_is_sent() -> None:
    """By reading the sources: who builds ApprovedTrade, TradeApproved and SubmitOrder."""
    package = Path(the_alchemiser.__file__).parent
    builders: dict[str, set[str]] = {
        "ApprovedTrade": set(),
        "TradeApproved": set(),
        "SubmitOrder": set(),
        "Work": set(),
    }
    for file in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in builders:
                builders[node.func.id].add(file.relative_to(package).as_posix())
    assert builders["ApprovedTrade"] == {"pipeline/risk.py"}
    # The two ways to an order, both over a verdict; settlement repeats an approved order that got lost.
    assert builders["TradeApproved"] == {"cycle.py", "reaction.py"}
    assert builders["SubmitOrder"] == {"cycle.py", "reaction.py", "arrival.py"}
    assert builders["Work"] == {"state.py"}
