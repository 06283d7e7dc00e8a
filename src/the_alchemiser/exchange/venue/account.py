"""The money side: cash, what open orders reserve, positions, and the ledger of fills. Integers only.

The identities every state must satisfy: cash = deposits - sum(buys) + sum(sells) - fees exactly;
position = sum of its fills less fees taken in kind, below zero for a short one; reserved money and
shares = sum over open orders.
"""

from __future__ import annotations

from datetime import date

import msgspec

from the_alchemiser.exchange.market.sessions import new_york_midnight
from the_alchemiser.exchange.venue.configuration import Configuration
from the_alchemiser.exchange.venue.margin import Standing
from the_alchemiser.exchange.venue.orders import BUY, Order


class FillRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One execution. `cum_qty_e9` and `leaves_qty_e9` are the order's, after it.

    A fee is taken in money (`fee_e13`) or from what was bought (`fee_qty_e9`), as crypto venues do.
    """

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
    position_intent: str = ""
    asset_class: str = "us_equity"
    multiplier: int = 1
    fee_e13: int = 0
    fee_qty_e9: int = 0

    @property
    def type(self) -> str:
        return "fill" if self.order_status == "filled" else "partial_fill"

    @property
    def value_e13(self) -> int:
        return self.qty_e9 * self.price_e4 * self.multiplier

    @property
    def change_e9(self) -> int:
        """What the position changes by, after a fee in kind; below zero for a sale."""
        return self.qty_e9 - self.fee_qty_e9 if self.side == BUY else -self.qty_e9 - self.fee_qty_e9


class OtherActivity(msgspec.Struct, frozen=True, kw_only=True):
    """What changed the books, or was charged, beside the executions.

    `at` is the start of its New York day, by which it is sorted; it changed the books at `booked_at` and may be seen
    from `seen_from` on. `cash_e13` and `change_e9` are what it did to cash and to the position in `symbol`; the
    amounts that are shown can be others: a fee of a trade left with the trade.
    """

    id: str
    type: str
    day: date
    booked_at: int
    seen_from: int
    sub_type: str = ""
    symbol: str = ""
    description: str = ""
    net_amount_e13: int = 0
    qty_e9: int | None = None
    per_share_e13: int | None = None
    price_e4: int | None = None
    group_id: str = ""
    cash_e13: int = 0
    change_e9: int = 0

    @property
    def at(self) -> int:
        return new_york_midnight(self.day)


class Fee(msgspec.Struct, frozen=True):
    """What one execution costs beside its price, in money or in the bought asset."""

    money_e13: int = 0
    qty_e9: int = 0


NO_FEE = Fee()


class Position(msgspec.Struct, kw_only=True, eq=False):
    """What is owned (or, below zero, owed) of one symbol, and at which cost, below zero for a short one.

    `held_qty_e9`, never below zero, is what closing orders reserve. `day_basis_e13`: at the last close, or at
    cost if opened since. `collateral_e13` is money that the position ties up beyond its own margin,
    `pledged_e9` shares that written calls may ask for. An option that `lapses` is not exercised at its end.
    """

    symbol: str
    asset_class: str = "us_equity"
    multiplier: int = 1
    qty_e9: int = 0
    held_qty_e9: int = 0
    cost_basis_e13: int = 0
    day_basis_e13: int = 0
    collateral_e13: int = 0
    pledged_e9: int = 0
    lapses: bool = False

    def change(self, by_e9: int, price_e4: int) -> None:
        """Enter a change of quantity at this price; what goes beyond zero opens the other side."""
        closing = min(abs(by_e9), abs(self.qty_e9)) if (by_e9 < 0) != (self.qty_e9 < 0) else 0
        if closing:
            # The basis leaves in proportion; it is zero with the last share.
            size = abs(self.qty_e9)
            self.cost_basis_e13 -= self.cost_basis_e13 * closing // size
            self.day_basis_e13 -= self.day_basis_e13 * closing // size
        opening = by_e9 - closing if by_e9 > 0 else by_e9 + closing
        value = opening * price_e4 * self.multiplier
        self.cost_basis_e13 += value
        self.day_basis_e13 += value
        self.qty_e9 += by_e9


class PositionState(msgspec.Struct, frozen=True, kw_only=True):
    """A position as reported, marked at the latest trade. All of a short one is below zero."""

    symbol: str
    asset_id: str
    asset_class: str
    exchange: str
    marginable: bool
    qty_e9: int
    qty_available_e9: int
    cost_basis_e13: int
    day_basis_e13: int
    current_price_e4: int
    lastday_price_e4: int
    multiplier: int = 1

    @property
    def side(self) -> str:
        return "long" if self.qty_e9 > 0 else "short"

    @property
    def market_value_e13(self) -> int:
        return self.qty_e9 * self.current_price_e4 * self.multiplier

    @property
    def unrealized_pl_e13(self) -> int:
        return self.market_value_e13 - self.cost_basis_e13

    @property
    def unrealized_intraday_pl_e13(self) -> int:
        return self.market_value_e13 - self.day_basis_e13


class AccountState(Standing, frozen=True, kw_only=True):
    """The account at one instant: its means, and what they stood at when the last trading day closed."""

    id: str
    account_number: str
    at: int
    created_at: int
    last_equity_e13: int
    last_maintenance_margin_e13: int
    configuration: Configuration
    shorting_enabled: bool
    trading_blocked: bool
    options_approved_level: int
    options_trading_level: int
    has_crypto: bool

    @property
    def daytrading_buying_power_e13(self) -> int:
        """Of the day-trading rule that ended in 2026, for clients that still read it."""
        return self.buying_power_e13 if self.multiplier == 4 else 0

    @property
    def bod_dtbp_e13(self) -> int:
        """The same at the beginning of the day."""
        if self.multiplier != 4:
            return 0
        return 4 * max(0, self.last_equity_e13 - self.last_maintenance_margin_e13)


class Account:
    """The books of one account."""

    def __init__(self, cash_e13: int) -> None:
        self.cash_e13 = cash_e13
        self.held_cash_e13 = 0
        self.positions: dict[str, Position] = {}
        self.fills: list[FillRecord] = []
        self.others: list[OtherActivity] = []
        self.last_equity_e13 = cash_e13
        self.last_maintenance_margin_e13 = 0

    @property
    def is_plain(self) -> bool:
        """Whether it is long only, and no position ties up money."""
        for position in self.positions.values():  # noqa: SIM110  every order asks: a generator takes twice as long
            if position.qty_e9 <= 0 or position.collateral_e13:
                return False
        return True

    @property
    def has_options(self) -> bool:
        """Whether a contract is owned or written."""
        for position in self.positions.values():  # noqa: SIM110  as above
            if position.asset_class == "us_option":
                return True
        return False

    def quantity_e9(self, symbol: str) -> int:
        """Owned, or below zero owed."""
        position = self.positions.get(symbol)
        return position.qty_e9 if position else 0

    def available_e9(self, symbol: str) -> int:
        """How much of the position in `symbol`, long or short, no open order and no written call reserves:
        never below zero.
        """
        position = self.positions.get(symbol)
        return abs(position.qty_e9) - position.held_qty_e9 - position.pledged_e9 if position else 0

    def hold(self, order: Order, *, cash_e13: int = 0, qty_e9: int = 0) -> None:
        """Set what `order` reserves to exactly this."""
        if cash_e13 != order.held_cash_e13:
            self.held_cash_e13 += cash_e13 - order.held_cash_e13
            order.held_cash_e13 = cash_e13
        if qty_e9 != order.held_qty_e9:
            self.positions[order.symbol].held_qty_e9 += qty_e9 - order.held_qty_e9
            order.held_qty_e9 = qty_e9

    def book(self, fill: FillRecord) -> int:
        """Enter one execution; returns the position's quantity after it, below zero for a short one."""
        self.fills.append(fill)
        value = fill.value_e13
        self.cash_e13 += (-value if fill.side == BUY else value) - fill.fee_e13
        position = self.positions.get(fill.symbol)
        if position is None:
            position = self.positions[fill.symbol] = Position(
                symbol=fill.symbol, asset_class=fill.asset_class, multiplier=fill.multiplier
            )
        position.change(fill.change_e9, fill.price_e4)
        if not position.qty_e9:
            del self.positions[fill.symbol]
        return position.qty_e9

    def enter(self, other: OtherActivity) -> None:
        """Enter what is no execution, and its money; the position is the caller's to change."""
        self.others.append(other)
        self.cash_e13 += other.cash_e13
