"""What we hold: lots, positions that change only by fills, and the account as the broker states it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from .errors import InvariantBroken
from .market import Symbol
from .money import ZERO, Dollars, Price, Shares, Side
from .orders import Fill


class Lot(msgspec.Struct, frozen=True):
    """Shares bought together at one price."""

    shares: Shares
    price: Price


class Position(msgspec.Struct, frozen=True):
    """Long shares of one symbol, first in first out, and what selling earlier ones has earned."""

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
        """The position once `fill` is booked: a buy opens a lot, a sale consumes the oldest lots first."""
        if fill.side is Side.BUY:
            return Position(self.symbol, (*self.lots, Lot(fill.shares, fill.price)), self.realised)
        return self._after_sale(fill)

    def _after_sale(self, fill: Fill) -> Position:
        left, realised, kept = fill.shares, self.realised, []
        for lot in self.lots:
            sold = min(lot.shares, left)
            left -= sold
            realised += sold * (fill.price - lot.price)
            if lot.shares > sold:
                kept.append(Lot(lot.shares - sold, lot.price))
        if left:
            raise InvariantBroken(f"sold {left} more {fill.symbol} than the ledger holds")
        return Position(self.symbol, tuple(kept), realised)


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
