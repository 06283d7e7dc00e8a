"""Money that comes into an account and leaves it beside trading: no profit, and no loss."""

from __future__ import annotations

from typing import Any

from the_alchemiser.exchange.errors import forbidden, unprocessable
from the_alchemiser.exchange.market.sessions import new_york_date
from the_alchemiser.exchange.units import CENT_E13, MONEY, format_money
from the_alchemiser.exchange.venue.account import OtherActivity
from the_alchemiser.exchange.venue.exercise import Exercise

DEPOSIT, WITHDRAWAL = "CSD", "CSW"
LARGEST_E13 = 1_000_000_000 * MONEY


class Transfers(Exercise):
    """The account and its bank."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self.opening_cash_e13:
            self._enter_transfer(self.opening_cash_e13, cash_e13=0)  # the books began with it

    def transfer(self, amount_e13: int, listed_after: int = 0) -> OtherActivity:
        """Deposits money, or withdraws it (below zero), at once; told of so many ns later. Raises Refusal."""
        if amount_e13 == 0 or abs(amount_e13) > LARGEST_E13 or amount_e13 % CENT_E13:
            raise unprocessable("amount must be cents, more than 0 and at most 1000000000")
        free = self._means().non_marginable_buying_power_e13 // CENT_E13 * CENT_E13
        if -amount_e13 > free:
            raise forbidden(
                f"insufficient withdrawable cash (requested: {format_money(-amount_e13)},"
                f" available: {format_money(free)})"
            )
        return self._enter_transfer(amount_e13, cash_e13=amount_e13, listed_after=listed_after)

    def transferred_e13(self, after: int, until: int) -> int:
        """What came in, less what left, after an instant and before another."""
        return sum(
            other.cash_e13
            for other in self._account.others
            if other.type in (DEPOSIT, WITHDRAWAL) and after < other.booked_at < until
        )

    def _enter_transfer(self, amount_e13: int, *, cash_e13: int, listed_after: int = 0) -> OtherActivity:
        activity = OtherActivity(
            id=self._activity_id(),
            type=DEPOSIT if amount_e13 > 0 else WITHDRAWAL,
            day=new_york_date(self.now),
            booked_at=self.now,
            seen_from=self.now + listed_after,
            net_amount_e13=amount_e13,
            cash_e13=cash_e13,
        )
        self._account.enter(activity)
        return activity
