"""The resting orders of one symbol, and from which prices on they want to hear of the market."""

from __future__ import annotations

from collections.abc import Iterable

from the_alchemiser.exchange.market.combination import NET_SHIFT_E4
from the_alchemiser.exchange.market.hours import REGULAR
from the_alchemiser.exchange.market.prices import HIGHEST, LOWEST, Levels, Tick
from the_alchemiser.exchange.market.trails import Trail
from the_alchemiser.exchange.venue.option_rules import OPTION
from the_alchemiser.exchange.venue.orders import (
    BUY,
    CLS,
    MARKET,
    MLEG,
    OPG,
    SELL,
    STOP,
    STOP_LIMIT,
    TRAILING_STOP,
    Order,
)
from the_alchemiser.exchange.venue.portions import Display
from the_alchemiser.exchange.venue.presence import trades_in
from the_alchemiser.exchange.venue.rivals import Rivals

LEAST_BID_E4 = 1  # for an option there may be no bid at all
NO_LEVELS = Levels(LOWEST, HIGHEST, LOWEST, HIGHEST)


def collar_e4(stop_price_e4: int) -> int:
    """The limit an elected buy stop trades with: 4 % above a stop below $50, else 2.5 % above."""
    thousandths = 1040 if stop_price_e4 < 500_000 else 1025
    return stop_price_e4 * thousandths // 1000


def awaits_election(order: Order) -> bool:
    return not order.elected and order.type in (STOP, STOP_LIMIT, TRAILING_STOP)


def trails(order: Order) -> bool:
    """Whether its stop still follows the market."""
    return order.type == TRAILING_STOP and not order.elected


def trail_of(order: Order) -> Trail:
    return Trail(
        order.side == SELL, order.hwm_e4 or 0, order.trail_price_e4 or 0, order.trail_percent_e4 or 0
    )


def bound_e4(order: Order) -> int:
    """The worst price at which `order` may execute; HIGHEST or LOWEST when any will do."""
    if order.limit_price_e4 is not None:
        return order.limit_price_e4
    if order.side != BUY:
        return LEAST_BID_E4 if order.asset_class == OPTION else LOWEST
    return HIGHEST if order.type == MARKET else collar_e4(order.stop_price_e4 or 0)


def levels_of(order: Order) -> Levels:
    if order.order_class == MLEG:  # a purchase of the combination, whose prices are shifted above zero
        limit = order.limit_price_e4
        return Levels(HIGHEST if limit is None else limit + NET_SHIFT_E4, HIGHEST, LOWEST, HIGHEST)
    if order.time_in_force == OPG:  # takes the first price there is, or none
        return Levels(HIGHEST, LOWEST, HIGHEST, LOWEST)
    if order.time_in_force == CLS or trails(order):
        return NO_LEVELS
    if awaits_election(order):
        stop = order.stop_price_e4 or 0
        if order.side == BUY:
            return Levels(LOWEST, HIGHEST, LOWEST, stop)
        return Levels(LOWEST, HIGHEST, stop, HIGHEST)
    if order.side == BUY:
        return Levels(bound_e4(order), HIGHEST, LOWEST, HIGHEST)
    return Levels(LOWEST, bound_e4(order), LOWEST, HIGHEST)


def widened(one: Levels, other: Levels) -> Levels:
    return Levels(
        max(one.buy_e4, other.buy_e4),
        min(one.sell_e4, other.sell_e4),
        max(one.stop_sell_e4, other.stop_sell_e4),
        min(one.stop_buy_e4, other.stop_buy_e4),
    )


def _attains(one: Levels, widest: Levels) -> bool:
    """Whether without `one` the widest levels may be narrower."""
    buy, sell, stop_sell, stop_buy = widest
    return (
        one[0] == buy != LOWEST
        or one[1] == sell != HIGHEST
        or one[2] == stop_sell != LOWEST
        or one[3] == stop_buy != HIGHEST
    )


class Book:
    """`open` holds every open order of the symbol, `working` those the market may touch, oldest first.

    `seen` is the last instant whose ticks these orders have met. `upcoming` keeps the next tick that
    reaches a level, once searched up to `searched`. `phase` is the part of the day: orders that may not trade
    in it, or in a halt, stay in `working` but listen to nothing.
    """

    __slots__ = (
        "_by_side",
        "_levels",
        "_stale",
        "display",
        "halted",
        "open",
        "phase",
        "rivals",
        "searched",
        "seen",
        "symbol",
        "trailing",
        "upcoming",
        "working",
    )

    def __init__(self, symbol: str, seen: int, phase: str = REGULAR, *, halted: bool = False) -> None:
        self.symbol = symbol
        self.phase = phase
        self.halted = halted
        self.open: dict[str, Order] = {}
        self._by_side: dict[str, dict[str, Order]] = {BUY: {}, SELL: {}}
        self.working: dict[str, Order] = {}
        self.trailing: dict[str, Order] = {}
        self.display = Display()
        self.rivals = {BUY: Rivals(BUY), SELL: Rivals(SELL)}
        self.seen = seen
        self.searched = seen
        self.upcoming: Tick | None = None
        self._levels = NO_LEVELS
        self._stale = False

    @property
    def levels(self) -> Levels:
        if self._stale:
            self._levels = NO_LEVELS
            for order in self.working.values():
                if self.admits(order):
                    self._levels = widened(self._levels, levels_of(order))
            self._stale = False
        return self._levels

    @property
    def listens(self) -> bool:
        """Whether any order may trade now."""
        return bool(self.working) and (self.levels != NO_LEVELS or self.trails_now)

    @property
    def trails_now(self) -> bool:
        """Whether stops follow the market now: they do in the regular session."""
        return bool(self.trailing) and self.phase == REGULAR and not self.halted

    def admits(self, order: Order) -> bool:
        """Whether `order` may trade now."""
        return not self.halted and trades_in(self.phase, order)

    def enter(self, phase: str, *, halted: bool = False) -> None:
        """Another part of the day begins, or a halt, or the time after one."""
        self.phase, self.halted = phase, halted
        self._stale = True
        self.forget_search()

    def work(self, order: Order, now: int) -> None:
        """Expose `order` to the market from `now` on; the others have met every earlier tick already."""
        self.working[order.id] = order
        if trails(order):
            self.trailing[order.id] = order
        self.seen = max(self.seen, now)
        before = None if self._stale or self.trailing else self._levels
        if not self._stale and self.admits(order):
            self._levels = widened(self._levels, levels_of(order))
        if self._levels != before or (self.upcoming is not None and self.upcoming.at <= self.seen):
            self.forget_search()
        else:  # the order listens to nothing that the others do not: what was found for them holds
            self.searched = max(self.searched, self.seen)

    def repriced(self) -> None:
        """Prices of its orders have changed."""
        for rivals in self.rivals.values():
            rivals.renew()
        self._stale = True
        self.forget_search()

    def rest(self, order: Order) -> None:
        """Withdraw `order` from the market, for good or to be worked anew."""
        if self.working.pop(order.id, None) is not None:
            self.trailing.pop(order.id, None)
            self._stale = self._stale or _attains(levels_of(order), self._levels)
            if self.upcoming is not None:
                self.forget_search()

    def keep(self, order: Order) -> None:
        """`order` is open from now on."""
        self.open[order.id] = self._by_side[order.side][order.id] = order
        self.rivals[order.side].add(order)

    def close(self, order: Order) -> None:
        self.rest(order)
        if self.open.pop(order.id, None) is not None:
            self._by_side[order.side].pop(order.id, None)
            self.rivals[order.side].drop(order)

    def against(self, side: str) -> Iterable[Order]:
        """The open orders on the other side, oldest first."""
        return self._by_side[SELL if side == BUY else BUY].values()

    def elected(self, order: Order) -> None:
        """An order in `working` changed what it waits for."""
        self.trailing.pop(order.id, None)
        self._stale = True
        self.forget_search()

    def forget_search(self) -> None:
        self.searched = self.seen
        self.upcoming = None
