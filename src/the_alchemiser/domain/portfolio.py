"""What we hold: lots, positions that change only by fills, and the account as the broker states it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from .market import Symbol
from .money import ZERO, Dollars, Price, Shares, Side
from .orders import Fill


class Lot(msgspec.Struct, frozen=True):
    """Shares bought together at one price; negative where they were sold before their buy was told."""

    shares: Shares
    price: Price


class Position(msgspec.Struct, frozen=True):
    """The shares of one symbol, first in first out, and what closing earlier ones has earned."""

    symbol: Symbol
    lots: tuple[Lot, ...] = ()
    realised: Dollars = ZERO

    @property
    def shares(self) -> Shares:
        """All shares held."""
        return sum((lot.shares for lot in self.lots), ZERO)

    @property
    def cost(self) -> Dollars:
        """What the shares held were bought for."""
        return sum((lot.shares * lot.price for lot in self.lots), ZERO)

    def after(self, fill: Fill) -> Position:
        """The position once `fill` is booked: it closes the oldest lots of the other direction first.

        What is left opens a lot: a negative one where a sale is told before its buy, which will close it.
        """
        if fill.side is Side.BUY and (not self.lots or self.lots[-1].shares > 0):
            return Position(self.symbol, (*self.lots, Lot(fill.shares, fill.price)), self.realised)
        left, realised, kept = fill.shares * fill.side.sign, self.realised, []
        for lot in self.lots:
            closed = _closed(lot, left)
            left += closed
            realised += closed * (fill.price - lot.price)
            if lot.shares != closed:
                kept.append(Lot(lot.shares - closed, lot.price))
        if left:
            kept.append(Lot(left, fill.price))
        return Position(self.symbol, tuple(kept), realised)

    def earning(self, amount: Dollars) -> Position:
        """The position with so much more earned: what a corrected price does, whether its shares are still held."""
        return Position(self.symbol, self.lots, self.realised + amount)


def _closed(lot: Lot, moved: Shares) -> Shares:
    """How much of a lot (with its sign) shares moving the other way close."""
    if lot.shares > 0:
        return min(lot.shares, max(-moved, ZERO))
    return max(lot.shares, min(-moved, ZERO))


class Holding(msgspec.Struct, frozen=True):
    """One position as the broker states it."""

    symbol: Symbol
    shares: Shares
    price: Price
    """The price the broker marks it at."""
    cost: Dollars = ZERO


class Account(msgspec.Struct, frozen=True):
    """The account as the broker states it."""

    number: str
    cash: Dollars
    equity: Dollars
    buying_power: Dollars
    is_blocked: bool = False
    """Whether the broker refuses new orders for this account."""


class Portfolio(msgspec.Struct, frozen=True):
    """Cash and shares at one instant: what a plan starts from."""

    cash: Dollars
    shares: Mapping[Symbol, Shares]

    def equity(self, prices: Mapping[Symbol, Price]) -> Dollars:
        """Cash plus every holding at `prices`."""
        return self.cash + sum((held * prices[symbol] for symbol, held in self.shares.items()), ZERO)
