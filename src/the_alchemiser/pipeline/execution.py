"""How is a trade brought to its end? Limit orders that walk from the middle of the spread to the far side, then market.

`OrderManager` is level-triggered: asked at any moment, with nothing but the state of a trade's orders, it says what
is to be done next. So a fill, a refusal, a new step and a restart after a crash are all handled by the same few lines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from the_alchemiser.domain.instants import SECOND, Nanos
from the_alchemiser.domain.intent import PlannedTrade
from the_alchemiser.domain.market import Quote, Symbol
from the_alchemiser.domain.money import (
    ZERO,
    Dollars,
    Price,
    Shares,
    Side,
    Weight,
    decimal,
    floor_to_lot,
    round_to_tick,
)
from the_alchemiser.domain.orders import (
    ClientOrderId,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    client_order_id,
)
from the_alchemiser.domain.probes import probe

LAST_LOOK_SECONDS = 60
"""How long after the market orders the broker is asked what became of them, should the stream have said nothing."""


class Walk(msgspec.Struct, frozen=True):
    """Which step the limit prices have reached, and whether there is time to follow the market meanwhile."""

    step: int
    is_hurried: bool = False


class ExecutionPolicy(msgspec.Struct, frozen=True):
    """How patiently to trade."""

    walk_steps: int = 4
    """Limit prices between the middle (step 0) and the far side (the last step)."""
    step_seconds: int = 300
    market_seconds_before_close: int = 300
    """From here on only market orders: a trade must not be left half done at the close."""
    market_collar: Weight = decimal("0.02")
    """How much worse than the far side a market order may fill; this much more cash is reserved for it."""

    def walk(self, step: int, trades: int, orders_per_minute: int) -> Walk:
        """Where the prices of so many trades stand.

        Each step cancels and sends anew: where that would take longer than the step, every order goes to the far
        side at once and stays there until the market orders.
        """
        is_hurried = trades * 2 * 60 > orders_per_minute * self.step_seconds
        return Walk(max(step, self.walk_steps) if is_hurried else step, is_hurried)

    def market_at(self, started_at: Nanos, closes_at: Nanos) -> Nanos:
        """When the walk ends and market orders begin."""
        patient = started_at + (self.walk_steps + 1) * self.step_seconds * SECOND
        return min(patient, closes_at - self.market_seconds_before_close * SECOND)

    def step_at(self, started_at: Nanos, closes_at: Nanos, now: Nanos) -> int:
        """The step the walk has reached at `now`; `walk_steps + 1` means market orders."""
        if now >= self.market_at(started_at, closes_at):
            return self.walk_steps + 1
        return min((now - started_at) // (self.step_seconds * SECOND), self.walk_steps)

    def step_starts(self, step: int, started_at: Nanos, closes_at: Nanos) -> Nanos:
        """When `step` begins; the one after the market step only looks whether everything has filled."""
        market_at = self.market_at(started_at, closes_at)
        if step > self.walk_steps:
            return market_at + (step - self.walk_steps - 1) * LAST_LOOK_SECONDS * SECOND
        return min(started_at + step * self.step_seconds * SECOND, market_at)


class Work(msgspec.Struct):
    """One approved trade on its way: every order sent for it so far, in order."""

    trade: PlannedTrade
    orders: list[Order] = []
    outcome: str = ""
    """Empty while there is something left to do."""

    @property
    def is_under_way(self) -> bool:
        """Whether an order of it may still be reported on: until then there is nothing to send."""
        return bool(self.orders) and not self.orders[-1].is_done

    @property
    def filled(self) -> Shares:
        """Shares booked over all its orders."""
        return sum((order.booked - order.counted for order in self.orders), ZERO)

    @property
    def remaining(self) -> Shares:
        """Shares still to be traded."""
        return self.trade.shares - self.filled


class Submit(msgspec.Struct, frozen=True):
    """Send this order now."""

    request: OrderRequest
    middle: Price


class Cancel(msgspec.Struct, frozen=True):
    """Take this order back, because the walk has moved on."""

    order: Order


class End(msgspec.Struct, frozen=True):
    """Nothing more is to be done for this trade."""

    outcome: str


class Wait(msgspec.Struct, frozen=True):
    """The broker, a fill, cash or the next step must come first."""


WAIT = Wait()
Move = Submit | Cancel | End | Wait


class OrderManager:
    """Decides the next move of one trade. It keeps nothing: the state it needs is in the arguments."""

    def __init__(self, policy: ExecutionPolicy) -> None:
        self.policy = policy

    def next_move(
        self,
        work: Work,
        cycle_id: str,
        walk: Walk,
        quotes: Mapping[Symbol, Quote],
        free_cash: Callable[[], Dollars],
    ) -> Move:
        """What to do for `work` now. `free_cash`, not promised to any order, is asked only for a new buy."""
        last = work.orders[-1] if work.orders else None
        if last is not None and not last.is_done:
            return self._tend(last, work.trade, walk, quotes)
        if work.remaining <= 0:
            return End("filled")
        if last is not None and last.status is OrderStatus.REPLACED:
            probe("execution.successor_awaited")
            return WAIT  # What it was replaced by may fill all of the rest.
        if last is not None and last.status in (
            OrderStatus.REJECTED,
            OrderStatus.DENIED,
            OrderStatus.ABANDONED,
            OrderStatus.EXPIRED,
        ):
            # Sending again what was refused would loop; the next cycle plans afresh.
            return End(f"{last.status.value}: {last.reason}" if last.reason else last.status.value)
        return self._submit(work, cycle_id, walk.step, quotes[work.trade.symbol], free_cash)

    def _tend(self, order: Order, trade: PlannedTrade, walk: Walk, quotes: Mapping[Symbol, Quote]) -> Move:
        is_settled = order.status in (OrderStatus.NEW, OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)
        if not is_settled or order.cancel_intended or order.request.type is OrderType.MARKET:
            return WAIT  # One that somebody changed at the broker has no price of ours, either: it is never undone.
        if walk.is_hurried and walk.step <= self.policy.walk_steps:
            return WAIT
        wanted = self._limit_price(trade.side, walk.step, quotes[trade.symbol])
        return WAIT if wanted == order.request.limit_price else Cancel(order)

    def _submit(
        self, work: Work, cycle_id: str, step: int, quote: Quote, free_cash: Callable[[], Dollars]
    ) -> Move:
        trade, shares = work.trade, work.remaining
        limit = self._limit_price(trade.side, step, quote)
        if trade.side is Side.BUY:
            affordable = self._affordable(shares, limit, quote, free_cash())
            if affordable < shares:
                if limit is not None:
                    probe("execution.purchase_awaits_cash")
                    return WAIT
                if not affordable:
                    probe("execution.no_cash_left")
                    return End("not enough cash")
                probe("execution.purchase_made_smaller")
                shares = affordable
        name = client_order_id(cycle_id, trade.symbol, trade.side, len(work.orders))
        return Submit(_request(name, trade, shares, limit), quote.middle)

    def _affordable(self, shares: Shares, limit: Price | None, quote: Quote, free_cash: Dollars) -> Shares:
        each = limit if limit is not None else quote.ask * (1 + self.policy.market_collar)
        if shares * each <= free_cash:
            return shares
        lot = decimal(1).scaleb(min(0, int(shares.normalize().as_tuple().exponent)))
        return floor_to_lot(max(free_cash, ZERO) / each, lot)

    def _limit_price(self, side: Side, step: int, quote: Quote) -> Price | None:
        steps = self.policy.walk_steps
        if step > steps:
            return None
        far = quote.ask if side is Side.BUY else quote.bid
        return round_to_tick(quote.middle + (far - quote.middle) * step / max(steps, 1), side)

    def reserved(self, order: Order) -> Dollars:
        """The cash that `order` may still spend."""
        if order.request.side is Side.SELL or order.is_done:
            return ZERO
        each = order.request.limit_price or order.middle * (1 + self.policy.market_collar)
        return order.pending * each


def _request(name: ClientOrderId, trade: PlannedTrade, shares: Shares, limit: Price | None) -> OrderRequest:
    kind = OrderType.MARKET if limit is None else OrderType.LIMIT
    return OrderRequest(name, trade.symbol, trade.side, shares, kind, limit_price=limit)
