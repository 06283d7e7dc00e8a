"""Positions: first in first out, and every cent of profit explained by fills."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from language import fills, portfolio

from the_alchemiser.domain.money import ZERO, Side
from the_alchemiser.domain.orders import Fill
from the_alchemiser.domain.portfolio import Lot, Position

D = Decimal


def held_after(text: str) -> Position:
    position = Position("AAPL")
    for fill in fills(text):
        position = position.after(fill)
    return position


@st.composite
def trading(draw: st.DrawFn) -> list[Fill]:
    """Fills of one symbol that never sell more than is held, fractions included."""
    held, made = ZERO, []
    for number in range(draw(st.integers(1, 12))):
        price = draw(st.decimals("0.0001", "5000", places=4))
        side = draw(st.sampled_from(Side)) if held else Side.BUY
        most = held if side is Side.SELL else D(1000)
        shares = draw(st.decimals("0.000000001", max(most, D("0.000000001")), places=9))
        held += side.sign * shares
        made.append(Fill(f"order-{number}", "AAPL", side, ZERO, shares, price, number))
    return made


def test_the_oldest_shares_are_sold_first() -> None:
    position = held_after("buy 10 AAPL @ 100; buy 10 AAPL @ 120; sell 15 AAPL @ 130")
    assert position.lots == (Lot(D(5), D(120)),)
    assert position.realised == 10 * 30 + 5 * 10


def test_selling_everything_leaves_no_lot_and_keeps_what_was_earned() -> None:
    position = held_after("buy 10 AAPL @ 100; sell 4 AAPL @ 90; sell 6 AAPL @ 110")
    assert (position.lots, position.shares, position.cost, position.realised) == ((), 0, 0, 20)


def test_a_sale_told_before_its_buy_is_made_whole_by_the_buy() -> None:
    told_late = held_after("sell 10 AAPL @ 130; buy 4 AAPL @ 100; buy 6 AAPL @ 120")
    assert (told_late.lots, told_late.realised) == ((), 4 * 30 + 6 * 10)
    beyond = held_after("buy 10 AAPL @ 100; sell 11 AAPL @ 90")
    assert (beyond.lots, beyond.realised) == ((Lot(D(-1), D(90)),), -100)
    assert beyond.after(fills("buy 3 AAPL @ 80")[0]).lots == (Lot(D(2), D(80)),)


@given(trading(), st.randoms(use_true_random=False), st.decimals("0.0001", "5000", places=4))
def test_in_whatever_order_fills_are_told_shares_and_profit_come_to_the_same(
    made: list[Fill], chance: random.Random, mark: Decimal
) -> None:
    def books(told: list[Fill]) -> tuple[Decimal, Decimal]:
        position = Position("AAPL")
        for fill in told:
            position = position.after(fill)
        return position.shares, position.realised + position.shares * mark - position.cost

    assert books(chance.sample(made, len(made))) == books(made)


@pytest.mark.spec("S4-46")
@given(trading(), st.decimals("0.0001", "5000", places=4))
def test_what_was_earned_and_what_is_on_paper_are_the_cash_that_flowed(
    made: list[Fill], mark: Decimal
) -> None:
    position = Position("AAPL")
    for fill in made:
        position = position.after(fill)
    flowed = sum((fill.amount for fill in made), ZERO)
    on_paper = position.shares * mark - position.cost
    assert position.realised + on_paper == flowed + position.shares * mark


@pytest.mark.spec("S4-46")
@given(trading())
def test_realised_profit_is_that_of_an_independent_first_in_first_out_count(made: list[Fill]) -> None:
    position, queue, earned = Position("AAPL"), [], ZERO
    for fill in made:
        position = position.after(fill)
        # Counted in billionths of a share, one by one lot, by a second program.
        left = int(fill.shares * 10**9)
        if fill.side is Side.BUY:
            queue.append([left, fill.price])
        while fill.side is Side.SELL and left:
            taken = min(left, queue[0][0])
            earned += taken * (fill.price - queue[0][1]) / 10**9
            queue[0][0] -= taken
            left -= taken
            if not queue[0][0]:
                queue.pop(0)
        assert position.realised == earned
        assert position.shares == D(sum(units for units, _ in queue)) / 10**9


def test_equity_is_cash_and_every_holding_at_its_price() -> None:
    held = portfolio("10 AAPL, 2 MSFT, 500 USD")
    assert held.equity({"AAPL": D(100), "MSFT": D(200)}) == 1900
