"""What do we own? A fold of fills, and the statement that the broker says the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from the_alchemiser.domain.market import Symbol
from the_alchemiser.domain.money import CENT, ZERO, Dollars, Price, Shares, plain
from the_alchemiser.domain.orders import ClientOrderId, Fill, Order
from the_alchemiser.domain.portfolio import (
    Account,
    Activity,
    Holding,
    Lot,
    Portfolio,
    Position,
    moved,
)

EQUITY_TOLERANCE = 2 * CENT
"""Equity, cash and holdings are three amounts, each of them rounded to a cent."""


class Ledger:
    """Cash and positions, changed only by an opening balance and by fills. Exact: nothing is ever rounded."""

    def __init__(self) -> None:
        self.cash: Dollars = ZERO
        self.positions: dict[Symbol, Position] = {}

    def open(self, cash: Dollars, holdings: Iterable[Holding]) -> None:
        """Start from what the account held when we met it, each holding one lot at the broker's cost."""
        self.cash = cash
        self.positions = {
            held.symbol: Position(
                held.symbol, (Lot(held.shares, (held.cost or held.shares * held.price) / held.shares),)
            )
            for held in holdings
            if held.shares
        }

    def post(self, fill: Fill) -> None:
        """Book one fill; a sale may be told before its buy."""
        position = self.positions.get(fill.symbol) or Position(fill.symbol)
        self.positions[fill.symbol] = position.after(fill)
        self.cash += fill.amount

    def correct(self, symbol: Symbol, amount: Dollars) -> None:
        """Shares of `symbol` booked before had another price: cash and what was earned change by `amount`."""
        self.positions[symbol] = self.positions[symbol].earning(amount)
        self.cash += amount

    def move(self, activity: Activity, former: Symbol = "") -> None:
        """Book what moved cash or shares other than by trading."""
        self.cash += activity.cash
        self.positions.update(moved(self.positions, activity, former))

    def adjust(self, symbol: Symbol, shares: Shares, price: Price, cash: Dollars) -> None:
        """Follow the broker because a person says so: shares come and go at `price`, which makes no profit."""
        self.cash += cash
        if shares:
            self.positions[symbol] = (self.positions.get(symbol) or Position(symbol)).shifted(shares, price)

    def shares(self) -> dict[Symbol, Shares]:
        """What is held now, without the positions that were closed."""
        return {symbol: held for symbol, position in self.positions.items() if (held := position.shares)}

    def portfolio(self) -> Portfolio:
        """Cash and shares, for a plan to start from."""
        return Portfolio(self.cash, self.shares())

    @property
    def realised(self) -> Dollars:
        """Profit of everything sold so far."""
        return sum((position.realised for position in self.positions.values()), ZERO)

    def unrealised(self, marks: Mapping[Symbol, Price]) -> Dollars:
        """Profit of everything held, at `marks`."""
        return sum(
            (
                position.shares * marks[symbol] - position.cost
                for symbol, position in self.positions.items()
                if position.lots
            ),
            ZERO,
        )


class Difference(msgspec.Struct, frozen=True):
    """One way in which ledger and broker disagree. What is missing here is positive."""

    text: str
    symbol: Symbol = ""
    """Empty where it is about cash or equity."""
    shares: Shares = ZERO
    cash: Dollars = ZERO


def reconcile(
    ledger: Ledger,
    orders: Iterable[Order],
    account: Account,
    holdings: Iterable[Holding],
    open_orders: Mapping[ClientOrderId, Symbol],
) -> tuple[Difference, ...]:
    """Every way in which ledger and broker disagree; empty means to the share and to the cent.

    `open_orders` are those of ours that are open at the broker, with their symbols.
    """
    stated = {holding.symbol: holding for holding in holdings if holding.shares}
    return (
        *_share_differences(ledger.shares(), stated),
        *_money_differences(ledger, account, stated),
        *_order_differences(orders, open_orders),
    )


def _share_differences(ours: Mapping[Symbol, Shares], stated: Mapping[Symbol, Holding]) -> list[Difference]:
    differences = []
    for symbol in sorted(set(ours) | set(stated)):
        mine = ours.get(symbol, ZERO)
        theirs = stated[symbol].shares if symbol in stated else ZERO
        if mine != theirs:
            text = f"{symbol}: ledger holds {plain(mine)}, broker says {plain(theirs)}"
            differences.append(Difference(text, symbol, theirs - mine))
    return differences


def _money_differences(
    ledger: Ledger, account: Account, stated: Mapping[Symbol, Holding]
) -> list[Difference]:
    differences = []
    # Brokers show cents; less than one apart is the same amount.
    if abs(ledger.cash - account.cash) >= CENT:
        text = f"cash: ledger has {plain(ledger.cash)}, broker says {plain(account.cash)}"
        differences.append(Difference(text, cash=account.cash - ledger.cash))
    value = account.holdings_value
    if value is None:
        value = sum((holding.shares * holding.price for holding in stated.values()), ZERO)
    if abs(account.cash + value - account.equity) >= EQUITY_TOLERANCE:
        text = f"equity: cash and holdings make {plain(account.cash + value)}, broker says {plain(account.equity)}"
        differences.append(Difference(text))
    return differences


def _order_differences(
    orders: Iterable[Order], open_orders: Mapping[ClientOrderId, Symbol]
) -> list[Difference]:
    live = {order.request.client_order_id: order.request.symbol for order in orders if not order.is_done}
    missing = [
        Difference(f"order {name}: live here, not open at the broker", live[name])
        for name in sorted(live.keys() - open_orders.keys())
    ]
    extra = [
        Difference(f"order {name}: open at the broker, ended here", open_orders[name])
        for name in sorted(open_orders.keys() - live.keys())
    ]
    return missing + extra
