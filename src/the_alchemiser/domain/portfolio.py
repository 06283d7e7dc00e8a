"""What we hold: lots, positions that change only by fills, and the account as the broker states it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import msgspec

from .market import Symbol
from .money import FRACTION, ZERO, Dollars, Price, Shares, Side, floor_to_lot
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

    def restated(self, shares: Shares) -> Position:
        """What a split leaves: the same cost, and every lot's part of it, in another number of shares."""
        if not shares:
            return Position(self.symbol, (), self.realised - self.cost)
        before, parts = self.shares, []
        if before > 0:
            parts = [floor_to_lot(lot.shares * shares / before, FRACTION) for lot in self.lots[:-1]]
        parts.append(shares - sum(parts, ZERO))
        if len(parts) != len(self.lots) or min(parts) <= 0:
            return Position(self.symbol, (Lot(shares, self.cost / shares),), self.realised)
        restated = zip(parts, self.lots, strict=True)
        lots = tuple(Lot(part, lot.shares * lot.price / part) for part, lot in restated)
        return Position(self.symbol, lots, self.realised)

    def renamed(self, lots: tuple[Lot, ...]) -> Position:
        """This position with the lots of a former name first: they are the older ones."""
        return Position(self.symbol, (*lots, *self.lots), self.realised)

    def shifted(self, shares: Shares, price: Price) -> Position:
        """Shares come or (below zero) go at `price` without an order."""
        side = Side.BUY if shares > 0 else Side.SELL
        return self.after(Fill("", self.symbol, side, ZERO, abs(shares), price, 0))


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


class ActivityKind(Enum):
    """Why cash or shares moved other than by trading."""

    TRANSFER = "transfer"
    """Paid in or out: no profit and no loss."""
    DIVIDEND = "dividend"
    INTEREST = "interest"
    FEE = "fee"
    SPLIT = "split"
    """The same worth in another number of shares."""
    RENAME = "rename"
    """The shares go on under `symbol`; the old name is not told."""
    FRACTION = "fraction"
    """A part of a share that a split left was paid out."""
    OTHER = "other"


ACTIVITY_KINDS: Mapping[str, ActivityKind] = {
    **dict.fromkeys(("CSD", "CSW", "JNL", "JNLC", "JNLS", "ACATC", "ACATS", "TRANS"), ActivityKind.TRANSFER),
    **dict.fromkeys(("INT", "INTNRA", "INTTW", "SWP"), ActivityKind.INTEREST),
    **dict.fromkeys(("FEE", "CFEE", "DIVFEE", "PTC", "PTR"), ActivityKind.FEE),
    **dict.fromkeys(("SPLIT", "SSP"), ActivityKind.SPLIT),
    "NC": ActivityKind.RENAME,
    "CIL": ActivityKind.FRACTION,
}
"""Alpaca's words. Every other one that begins with DIV is a dividend, or a tax on one."""
WITH_SHARES = frozenset({"JNLS", "ACATS", "CFEE", "SPLIT", "SSP", "NC", "CIL"})
"""Those whose quantity came or went; a dividend's is what it was paid for."""


def activity_kind(name: str) -> ActivityKind:
    """What the broker's word means for the books."""
    default = ActivityKind.DIVIDEND if name.startswith("DIV") else ActivityKind.OTHER
    return ACTIVITY_KINDS.get(name, default)


EARNED = frozenset({ActivityKind.DIVIDEND, ActivityKind.INTEREST, ActivityKind.FEE, ActivityKind.OTHER})


class Activity(msgspec.Struct, frozen=True):
    """What changed the account other than by trading, as the broker tells it."""

    id: str
    kind: ActivityKind
    name: str
    """The broker's own word for it, such as DIV."""
    date: str
    cash: Dollars = ZERO
    """The signed change in cash."""
    symbol: Symbol = ""
    shares: Shares = ZERO
    """The signed change in the shares held; for a rename how many go on under the new name."""
    price: Price = ZERO
    """What a share counts for where shares came or went; zero for a fee taken in shares."""
    text: str = ""

    @property
    def paid_in(self) -> Dollars:
        """What of it was paid in (or, below zero, out): neither profit nor loss."""
        return self.cash + self.shares * self.price if self.kind is ActivityKind.TRANSFER else ZERO

    @property
    def earned(self) -> Dollars:
        """What of it was earned (or, below zero, paid) beside the results of trading."""
        return self.cash if self.kind in EARNED else ZERO


def moved(
    positions: Mapping[Symbol, Position], activity: Activity, former: Symbol = ""
) -> dict[Symbol, Position]:
    """The positions that an activity changes, as it leaves them; `former` is the old symbol of a rename."""
    symbol = activity.symbol
    position = positions.get(symbol) or Position(symbol)
    if activity.kind is ActivityKind.RENAME:
        old = positions.get(former) or Position(former)
        return {former: Position(former, (), old.realised), symbol: position.renamed(old.lots)}
    if not activity.shares:
        return {}
    if activity.kind is ActivityKind.SPLIT:
        return {symbol: position.restated(position.shares + activity.shares)}
    # What is paid for a fraction is its price.
    is_paid = activity.kind is ActivityKind.FRACTION
    price = -activity.cash / activity.shares if is_paid else activity.price
    return {symbol: position.shifted(activity.shares, price)}


class Account(msgspec.Struct, frozen=True):
    """The account as the broker states it."""

    number: str
    cash: Dollars
    equity: Dollars
    buying_power: Dollars
    is_blocked: bool = False
    """Whether the broker refuses new orders for this account."""
    holdings_value: Dollars | None = None
    """What all holdings are worth in the very answer that states cash and equity; None where it does not say."""


class Portfolio(msgspec.Struct, frozen=True):
    """Cash and shares at one instant: what a plan starts from."""

    cash: Dollars
    shares: Mapping[Symbol, Shares]

    def equity(self, prices: Mapping[Symbol, Price]) -> Dollars:
        """Cash plus every holding at `prices`."""
        return self.cash + sum((held * prices[symbol] for symbol, held in self.shares.items()), ZERO)
