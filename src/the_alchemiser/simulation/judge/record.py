"""What the broker knows: orders, executions and money as the exchange recorded them, added up once more here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from the_alchemiser.exchange.venue.account import AccountState, FillRecord, OtherActivity, PositionState
from the_alchemiser.exchange.venue.orders import Order, OrderFilter

PAGE = 500
BUY, SELL = "buy", "sell"
ENDED = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})


class Source(Protocol):
    """What the judge reads of an exchange: its append-only records, and its own statement of the account."""

    @property
    def now(self) -> int: ...
    @property
    def update_count(self) -> int: ...
    @property
    def opening_cash_e13(self) -> int: ...
    def order(self, order_id: str) -> Order: ...
    def orders(self, chosen: OrderFilter | None = None) -> list[Order]: ...
    def fills(self, after: int | None = None, until: int | None = None) -> list[FillRecord]: ...
    def other_activities(self) -> list[OtherActivity]: ...
    def account(self) -> AccountState: ...
    def positions(self) -> list[PositionState]: ...


class Record:
    """The exchange's record as of now. `refresh` reads what is new; everything else is a plain dictionary."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.orders: dict[str, Order] = {}
        """Every order there ever was, by the broker's id."""
        self.named: dict[str, list[Order]] = {}
        """The same by client order id, oldest first: two under one name are a fault of somebody."""
        self.open: dict[str, Order] = {}
        self.fills: list[FillRecord] = []
        self.filled: dict[str, list[FillRecord]] = {}
        """Executions by the broker's order id, in their order."""
        self.others: list[OtherActivity] = []
        self.positions_e9: dict[str, int] = {}
        self.cash_e13 = source.opening_cash_e13
        self._last_order: str | None = None
        self._updates = -1
        self._moves = -1

    @property
    def now(self) -> int:
        """The exchange's time."""
        return self.source.now

    def refresh(self) -> Sequence[FillRecord]:
        """Read what has happened since the last time; returns the new executions, each to be entered."""
        self._read_others()
        if self.source.update_count == self._updates:
            return ()
        self._updates = self.source.update_count
        self._read_new_orders()
        new = self._new_fills()
        for order_id in {*self.open, *(fill.order_id for fill in new)}:
            self._keep(self.source.order(order_id))
        return new

    def enter(self, fill: FillRecord) -> None:
        """One more execution: its shares and its money move."""
        self.fills.append(fill)
        self.filled.setdefault(fill.order_id, []).append(fill)
        sign = 1 if fill.side == BUY else -1
        self.cash_e13 -= sign * fill.qty_e9 * fill.price_e4 * fill.multiplier + fill.fee_e13
        self._move(fill.symbol, sign * fill.qty_e9 - fill.fee_qty_e9)

    def has_moved(self) -> bool:
        """Whether money or shares have moved since this was last asked: only then is there a statement to look at."""
        moves, self._moves = self._moves, len(self.fills) + len(self.others)
        return moves != self._moves

    def filled_e9(self, order_id: str) -> int:
        """Shares of an order that were executed, by its executions."""
        return sum(fill.qty_e9 for fill in self.filled.get(order_id, ()))

    def cost_e13(self, order_id: str, before_e9: int, after_e9: int) -> int:
        """What the shares of an interval of an order's filled quantity cost, by its executions."""
        total = 0
        for fill in self.filled.get(order_id, ()):
            first = max(before_e9, fill.cum_qty_e9 - fill.qty_e9)
            last = min(after_e9, fill.cum_qty_e9)
            total += max(0, last - first) * fill.price_e4
        return total

    def is_open(self, order_id: str) -> bool:
        """Whether something can still come of an order."""
        return order_id in self.open

    def _read_new_orders(self) -> None:
        while True:
            wanted = OrderFilter(status="all", direction="asc", limit=PAGE, after_order_id=self._last_order)
            page = self.source.orders(wanted)
            for order in page:
                self.named.setdefault(order.client_order_id, []).append(order)
                self._keep(order)
            if page:
                self._last_order = page[-1].id
            if len(page) < PAGE:
                return

    def _keep(self, order: Order) -> None:
        self.orders[order.id] = order
        same = self.named[order.client_order_id]
        same[next(place for place, one in enumerate(same) if one.id == order.id)] = order
        if order.status in ENDED:
            self.open.pop(order.id, None)
        else:
            self.open[order.id] = order

    def _new_fills(self) -> list[FillRecord]:
        if not self.fills:
            return self.source.fills()
        last = self.fills[-1]
        return [fill for fill in self.source.fills(after=last.at - 1) if fill.sequence > last.sequence]

    def _read_others(self) -> None:
        others = self.source.other_activities()
        for other in others[len(self.others) :]:
            self.cash_e13 += other.cash_e13
            if other.change_e9:
                self._move(other.symbol, other.change_e9)
        self.others = others

    def _move(self, symbol: str, by_e9: int) -> None:
        held = self.positions_e9.get(symbol, 0) + by_e9
        if held:
            self.positions_e9[symbol] = held
        else:
            self.positions_e9.pop(symbol, None)
