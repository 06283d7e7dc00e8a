"""Deposits and withdrawals change what an account has, and what it may buy; they are no profit."""

from __future__ import annotations

import pytest
from trading_desk import Desk

from the_alchemiser.exchange.units import MONEY
from the_alchemiser.exchange.venue.activities import ActivityFilter

CASH = ActivityFilter(types=frozenset({"TRANS"}), newest_first=False)


def transfers(desk: Desk) -> list[tuple[str, int]]:
    return [(one.type, one.net_amount_e13 // MONEY) for one in desk.exchange.activities(CASH)]


def test_an_account_begins_with_a_deposit() -> None:
    assert transfers(Desk(cash="1000")) == [("CSD", 1000)]
    assert transfers(Desk(cash="0")) == []


def test_what_is_paid_in_can_be_spent_at_once() -> None:
    desk = Desk(cash="1000")
    desk.refused(desk.buy, "150")
    desk.exchange.transfer(1000 * MONEY)
    desk.buy("150")
    assert (desk.cash, desk.shares(), transfers(desk)) == ("497", "150", [("CSD", 1000), ("CSD", 1000)])


def test_what_orders_hold_cannot_be_withdrawn() -> None:
    desk = Desk(cash="1000")
    desk.buy("50", limit_price="9")
    assert "insufficient" in desk.refused(desk.exchange.transfer, -551 * MONEY).message
    desk.exchange.transfer(-550 * MONEY)
    assert (desk.cash, desk.buying_power, transfers(desk)[1:]) == ("450", "0", [("CSW", -550)])


def test_nobody_withdraws_what_is_borrowed() -> None:
    desk = Desk(cash="10000", multiplier=4)
    desk.buy("1900")
    desk.refused(desk.exchange.transfer, -1 * MONEY)


@pytest.mark.parametrize("amount", [0, 1, MONEY // 1000, 10**10 * MONEY])
def test_only_cents_are_transferred(amount: int) -> None:
    desk = Desk()
    desk.refused(desk.exchange.transfer, amount)


def test_yesterday_is_not_changed_by_it() -> None:
    desk = Desk(cash="1000")
    desk.next_day("10.00", "10.02")
    desk.exchange.transfer(500 * MONEY)
    account = desk.exchange.account()
    assert (account.last_equity_e13, account.equity_e13) == (1000 * MONEY, 1500 * MONEY)
    assert desk.exchange.transferred_e13(desk.session.close, desk.exchange.now + 1) == 500 * MONEY
