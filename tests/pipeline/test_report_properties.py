"""Whatever a run did, its report adds up: to the last digit where it is money."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from the_alchemiser.domain.facts import AccountOpened, DayClosed, Fact, FillBooked, OrderIntended, TargetSet
from the_alchemiser.domain.intent import TargetPortfolio
from the_alchemiser.domain.money import ZERO, Side
from the_alchemiser.domain.orders import Fill, OrderRequest
from the_alchemiser.pipeline.report import performance
from the_alchemiser.pipeline.report.contribution import ROUNDING

SYMBOLS = ("AAA", "BBB", "CCC")
OPENING = Decimal(10_000)
Wishes = dict[str, dict[str, Decimal]]
Fills = list[tuple[str, Side, Decimal, Decimal]]
Day = tuple[Wishes, Fills, dict[str, Decimal], Decimal]
"""What strategies wished, what filled, the marks at the close, and money from outside trading."""

prices = st.decimals("0.0001", "99999.9999", places=4)
quantities = st.decimals("0.000000001", "9999.999999999", places=9)
weights = st.dictionaries(st.sampled_from(SYMBOLS), st.decimals("0", "1", places=9), max_size=3)
day_plans = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(["calm", "bold", "odd"]), weights, max_size=3),
        st.lists(st.tuples(st.sampled_from(SYMBOLS), st.sampled_from(Side), quantities, prices), max_size=6),
        st.fixed_dictionaries(dict.fromkeys(SYMBOLS, prices)),
        st.sampled_from([ZERO, Decimal("1.23"), Decimal("-0.07")]),
    ),
    max_size=6,
)


def random_journal(
    days: list[Day],
) -> list[Fact]:
    """A journal whose equity is cash and holdings at the marks, plus what came from outside trading."""
    facts: list[Fact] = [AccountOpened(0, "PA1", OPENING, ())]
    cash, held = OPENING, dict.fromkeys(SYMBOLS, ZERO)
    for number, (wishes, fills, marks, outside) in enumerate(days):
        blended = TargetPortfolio(dict.fromkeys(SYMBOLS, ZERO), wishes)
        facts.append(TargetSet(1, f"c{number}", blended))
        for place, (symbol, side, shares, price) in enumerate(fills):
            moved = shares if side is Side.BUY else min(shares, held[symbol])
            if not moved:
                continue
            order = f"o{number}-{place}"
            request = OrderRequest(order, symbol, side, moved)
            facts.append(OrderIntended(1, f"c{number}", request, marks[symbol]))
            one = Fill(order, symbol, side, ZERO, moved, price, 2)
            facts.append(FillBooked(2, f"c{number}", one))
            cash += one.amount
            held[symbol] += side.sign * moved
        cash += outside
        equity = cash + sum((held[symbol] * marks[symbol] for symbol in SYMBOLS), ZERO)
        known = {symbol: mark for symbol, mark in marks.items() if held[symbol]}
        facts.append(DayClosed(3, f"2021-03-{number + 1:02}", cash, equity, ZERO, ZERO, known))
    return facts


@given(day_plans)
def test_whatever_is_traded_the_lines_add_up_exactly(
    days: list[Day],
) -> None:
    result = performance(random_journal(days), {})
    outside = sum((one[3] for one in days), ZERO)
    assert sum((line.amount for line in result.contributions), ZERO) == result.profit
    assert sum((day.profit for day in result.days), ZERO) == result.profit
    assert sum((one.profit for one in result.symbols), ZERO) + outside == result.profit
    assert result.identity_difference == outside
    assert result.equity_end == result.equity_start + result.realised + result.unrealised + outside
    assert result.spread_paid.amount == sum((one.spread_paid or ZERO for one in result.trades), ZERO)
    assert all(abs(line.amount) < 1 for line in result.contributions if line.name == ROUNDING)
