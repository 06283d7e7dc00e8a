"""Positions below zero, positions in contracts, and fees: the books stay exact."""

from __future__ import annotations

from the_alchemiser.exchange.units import CENT_E13, MONEY, QUANTITY
from the_alchemiser.exchange.venue.account import Account, FillRecord, Position


def fill(side: str, shares: float, dollars: float, **fields: object) -> FillRecord:
    whole: dict[str, object] = {
        "sequence": 1,
        "execution_id": "e",
        "order_id": "o",
        "client_order_id": "c",
        "symbol": "HAT",
        "side": side,
        "price_e4": round(dollars * 10**4),
        "qty_e9": round(shares * QUANTITY),
        "cum_qty_e9": 0,
        "leaves_qty_e9": 0,
        "order_status": "filled",
        "at": 0,
    }
    return FillRecord(**(whole | fields))  # type: ignore[arg-type]


def test_a_short_position_lies_below_zero_with_its_basis() -> None:
    account = Account(1000 * MONEY)
    assert account.book(fill("sell", 10, 20)) == -10 * QUANTITY
    assert account.cash_e13 == 1200 * MONEY
    assert account.positions["HAT"].cost_basis_e13 == -200 * MONEY


def test_covering_a_part_takes_the_basis_in_proportion() -> None:
    account = Account(1000 * MONEY)
    account.book(fill("sell", 10, 20))
    account.book(fill("buy", 4, 15))
    assert account.cash_e13 == 1140 * MONEY
    assert account.positions["HAT"].cost_basis_e13 == -120 * MONEY


def test_a_covered_position_is_gone() -> None:
    account = Account(1000 * MONEY)
    account.book(fill("sell", 10, 20))
    assert account.book(fill("buy", 10, 25)) == 0
    assert account.positions == {}
    assert account.cash_e13 == 950 * MONEY


def test_a_change_beyond_zero_opens_the_other_side_at_its_own_price() -> None:
    position = Position(symbol="HAT")
    position.change(-10 * QUANTITY, 200_000)
    position.change(15 * QUANTITY, 300_000)
    assert (position.qty_e9, position.cost_basis_e13) == (5 * QUANTITY, 150 * MONEY)


def test_a_contract_counts_its_multiplier() -> None:
    account = Account(1000 * MONEY)
    account.book(fill("buy", 2, 1.5, multiplier=100))
    assert account.cash_e13 == 700 * MONEY
    assert account.positions["HAT"].cost_basis_e13 == 300 * MONEY


def test_a_fee_in_money_leaves_with_the_price() -> None:
    account = Account(1000 * MONEY)
    account.book(fill("buy", 10, 20))
    account.book(fill("sell", 10, 20, fee_e13=50 * CENT_E13))
    assert account.cash_e13 == 1000 * MONEY - 50 * CENT_E13


def test_a_fee_in_kind_leaves_the_position_and_not_the_cash() -> None:
    account = Account(1000 * MONEY)
    position = account.book(fill("buy", 2, 100, fee_qty_e9=5 * QUANTITY // 1000))
    assert position == 1_995_000_000
    assert account.cash_e13 == 800 * MONEY
    assert account.positions["HAT"].cost_basis_e13 == 19_950 * CENT_E13
