"""The money side: cash, what open orders reserve, positions, and the ledger of fills. Integers only.

The identities every state must satisfy: cash = deposits - sum(buys) + sum(sells) exactly;
position = sum of its fills; reserved cash and shares = sum over open orders.
"""

from __future__ import annotations

import msgspec

from the_alchemiser.exchange.venue.orders import BUY, Order


class FillRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One execution. `cum_qty_e9` and `leaves_qty_e9` are the order's, after it."""

    sequence: int
    execution_id: str
    order_id: str
    client_order_id: str
    symbol: str
    side: str
    price_e4: int
    qty_e9: int
    cum_qty_e9: int
    leaves_qty_e9: int
    order_status: str
    at: int

    @property
    def type(self) -> str:
        return "fill" if self.order_status == "filled" else "partial_fill"


class Position(msgspec.Struct, kw_only=True, eq=False):
    """Shares of one symbol in the books. `day_basis_e13`: at the last close, or at cost if bought since."""

    symbol: str
    qty_e9: int = 0
    held_qty_e9: int = 0
    cost_basis_e13: int = 0
    day_basis_e13: int = 0


class PositionState(msgspec.Struct, frozen=True, kw_only=True):
    """A position as reported, marked at the latest trade."""

    symbol: str
    asset_id: str
    exchange: str
    qty_e9: int
    qty_available_e9: int
    cost_basis_e13: int
    day_basis_e13: int
    current_price_e4: int
    lastday_price_e4: int

    @property
    def market_value_e13(self) -> int:
        return self.qty_e9 * self.current_price_e4

    @property
    def unrealized_pl_e13(self) -> int:
        return self.market_value_e13 - self.cost_basis_e13

    @property
    def unrealized_intraday_pl_e13(self) -> int:
        return self.market_value_e13 - self.day_basis_e13


class AccountState(msgspec.Struct, frozen=True, kw_only=True):
    """The account at one instant. equity = cash + long market value, to the last unit."""

    id: str
    account_number: str
    at: int
    created_at: int
    cash_e13: int
    held_cash_e13: int
    long_market_value_e13: int
    last_equity_e13: int
    multiplier: int = 1

    @property
    def equity_e13(self) -> int:
        return self.cash_e13 + self.long_market_value_e13

    @property
    def buying_power_e13(self) -> int:
        """Cash not reserved by open orders, never below zero (cash account)."""
        return max(0, self.cash_e13 - self.held_cash_e13)


class Account:
    """The books of one cash account."""

    def __init__(self, cash_e13: int) -> None:
        self.cash_e13 = cash_e13
        self.held_cash_e13 = 0
        self.positions: dict[str, Position] = {}
        self.fills: list[FillRecord] = []
        self.last_equity_e13 = cash_e13

    @property
    def free_cash_e13(self) -> int:
        return self.cash_e13 - self.held_cash_e13

    def quantity_e9(self, symbol: str) -> int:
        position = self.positions.get(symbol)
        return position.qty_e9 if position else 0

    def available_e9(self, symbol: str) -> int:
        """Shares of `symbol` that no open order reserves."""
        position = self.positions.get(symbol)
        return position.qty_e9 - position.held_qty_e9 if position else 0

    def hold(self, order: Order, *, cash_e13: int = 0, qty_e9: int = 0) -> None:
        """Set what `order` reserves to exactly this."""
        if cash_e13 != order.held_cash_e13:
            self.held_cash_e13 += cash_e13 - order.held_cash_e13
            order.held_cash_e13 = cash_e13
        if qty_e9 != order.held_qty_e9:
            self.positions[order.symbol].held_qty_e9 += qty_e9 - order.held_qty_e9
            order.held_qty_e9 = qty_e9

    def book(self, fill: FillRecord) -> int:
        """Enter one execution; returns the position's quantity after it."""
        self.fills.append(fill)
        value = fill.qty_e9 * fill.price_e4
        position = self.positions.get(fill.symbol)
        if position is None:
            position = self.positions[fill.symbol] = Position(symbol=fill.symbol)
        if fill.side == BUY:
            self.cash_e13 -= value
            position.qty_e9 += fill.qty_e9
            position.cost_basis_e13 += value
            position.day_basis_e13 += value
        else:
            self.cash_e13 += value
            self._reduce(position, fill.qty_e9)
        return position.qty_e9

    def _reduce(self, position: Position, qty_e9: int) -> None:
        # The basis leaves in proportion, rounded in favour of what stays; it is zero with the last share.
        position.cost_basis_e13 -= position.cost_basis_e13 * qty_e9 // position.qty_e9
        position.day_basis_e13 -= position.day_basis_e13 * qty_e9 // position.qty_e9
        position.qty_e9 -= qty_e9
        if not position.qty_e9:
            del self.positions[position.symbol]
