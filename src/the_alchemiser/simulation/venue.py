"""What the venue, and the account's owner beside us, do without being asked by any process of ours."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from typing import TypeVar

from the_alchemiser.domain.instants import SECOND, Nanos
from the_alchemiser.exchange.errors import Refusal
from the_alchemiser.exchange.market.board import Board
from the_alchemiser.exchange.market.days import SimulatedDays
from the_alchemiser.exchange.market.prices import Levels, Quote, Tick, Trade
from the_alchemiser.exchange.market.script import Halt, MarketScript
from the_alchemiser.exchange.units import CENT_E13, QUANTITY
from the_alchemiser.exchange.venue.orders import BRACKET, Order, OrderChanges, OrderFilter, OrderRequest
from the_alchemiser.exchange.venue.setbacks import Blow, Setback
from the_alchemiser.simulation.chance import stream
from the_alchemiser.simulation.director import Director
from the_alchemiser.simulation.schedule import Fault
from the_alchemiser.simulation.virtual import VirtualTime

Answer = TypeVar("Answer")


class OwnScript:
    """The shared market with a script of one's own: halts of one world do not halt another's.

    In a halt there are no new prices; everything else is asked of the shared market.
    """

    def __init__(self, shared: SimulatedDays | Board) -> None:
        self._shared = shared
        self.script = MarketScript()

    def __getattr__(self, name: str) -> object:
        return getattr(self._shared, name)

    def quote(self, symbol: str, at: Nanos) -> Quote:
        """The quote in force at an instant."""
        return self._shared.quote(symbol, self._last_traded(symbol, at))

    def trade(self, symbol: str, at: Nanos) -> Trade:
        """The latest trade at an instant."""
        return self._shared.trade(symbol, self._last_traded(symbol, at))

    def next_cross(self, symbol: str, after: Nanos, until: Nanos, levels: Levels) -> Tick | None:
        """The first tick that reaches a level and lies in no halt."""
        while (tick := self._shared.next_cross(symbol, after, until, levels)) is not None:
            halt = self.script.halted(symbol, tick.at)
            if halt is None:
                return tick
            after = halt.end - 1
        return None

    def _last_traded(self, symbol: str, at: Nanos) -> Nanos:
        while (halt := self.script.halted(symbol, at)) is not None:
            at = halt.start - 1
        return at


class Venue:
    """Halts, rejects, fills out of band; orders, cancels and transfers by hand."""

    def __init__(self, time: VirtualTime, director: Director, seed: int, symbols: tuple[str, ...]) -> None:
        self._exchange, self._at, self._director = time.exchange, time.at, director
        self._seed, self._symbols = seed, symbols

    # What comes of requests

    def submitting(self, act: Callable[[], Answer]) -> Answer:
        """An order is entered; it may be accepted now and rejected later."""
        fault = self._director.strike("venue_submit")
        if fault is None:
            return act()
        if fault.kind == "rejected_later":
            with self._exchange.suffering(Setback(new=_blow(fault))):
                return act()
        acts = {
            "filled_anyway": self._fill,
            "canceled_by_hand": self._cancel_by_hand,
            "replaced_by_hand": self._replace_by_hand,
        }
        answer, befall = act(), acts[fault.kind]
        newest = self._exchange.orders(OrderFilter(status="all", limit=1))
        if newest:
            self._later(fault, lambda: befall(newest[0], fault))
        return answer

    def canceling(self, order_id: str, act: Callable[[], Answer]) -> Answer:
        """A cancel is asked for; it may take long, and be refused in the end."""
        fault = self._director.strike("venue_cancel")
        if fault is None:
            return act()
        with self._exchange.suffering(Setback(by_order={order_id: _blow(fault)})):
            return act()

    # What happens by itself

    def befall(self, fault: Fault) -> bool:
        """A fault of the site `venue`; False where there was nothing it could happen to."""
        acts = {
            "halt": self._halt,
            "manual_buy": self._manual_buy,
            "manual_sell": self._manual_sell,
            "manual_limit": self._manual_limit,
            "deposit": self._deposit,
            "withdrawal": self._withdraw,
            "manual_replace": self._manual_replace,
            "manual_bracket": self._manual_bracket,
        }
        try:
            acts[fault.kind](fault, stream(self._seed, f"venue {fault.kind} {fault.number}"))
        except (Refusal, LookupError):
            return False
        return True

    def deposit_unlisted(self, fault: Fault, until: Nanos) -> None:
        """Money comes, and the broker lists the transfer only later, at `until` at the latest."""
        chance = stream(self._seed, f"venue {fault.kind} {fault.number}")
        listed_after = min(round(fault.amount * SECOND), max(until - self._exchange.now, 0))
        self._exchange.transfer(chance.randint(1, 500_000) * CENT_E13, listed_after)

    def _halt(self, fault: Fault, chance: random.Random) -> None:
        now, market = self._exchange.now, self._exchange.market
        halt = Halt(chance.choice(self._symbols), now, now + round(fault.amount * SECOND), "T1")
        market.script = MarketScript((*market.script.entries, halt))
        self._exchange.halt(halt)

    def _fill(self, order: Order, fault: Fault) -> None:
        """An execution out of band, of a part or of all that is left."""
        # What was reported as ended stays so: nobody could answer for an execution that comes after it.
        whole = self._exchange.order(order.id).remaining_e9 // QUANTITY
        if not self._exchange.order(order.id).is_open:
            return
        chance = stream(self._seed, f"part {fault.number}")
        part = QUANTITY * chance.randint(1, whole) if whole and chance.random() < 0.5 else None
        self._exchange.fill_anyway(order.id, part)

    def _cancel_by_hand(self, order: Order, fault: Fault) -> None:
        self._exchange.cancel(order.id)

    def _replace_by_hand(self, order: Order, fault: Fault) -> None:
        """The owner gives it another limit, or another size. No seed does it yet: a schedule has to say so."""
        chance, limit = stream(self._seed, f"replaced {fault.number}"), order.limit_price_e4
        if limit is not None and chance.random() < 0.6:
            cents = chance.choice((-5, -1, 1, 5)) * 100
            self._exchange.replace(order.id, OrderChanges(limit_price_e4=limit // 100 * 100 + cents))
        else:
            shares = max(1, (order.qty_e9 or 0) // QUANTITY - chance.randint(1, 3))
            self._exchange.replace(order.id, OrderChanges(qty_e9=shares * QUANTITY))

    def _later(self, fault: Fault, act: Callable[[], None]) -> None:
        def happen() -> None:
            with contextlib.suppress(Refusal):
                act()

        self._at(self._exchange.now + round(fault.amount * SECOND), happen)

    def _manual_buy(self, fault: Fault, chance: random.Random) -> None:
        self._manual("buy", chance.choice(self._symbols), chance.randint(1, 10) * QUANTITY)

    def _manual_sell(self, fault: Fault, chance: random.Random) -> None:
        held = [held for held in self._exchange.positions() if held.qty_available_e9 >= QUANTITY]
        position = chance.choice(held)
        whole = position.qty_available_e9 // QUANTITY
        self._manual("sell", position.symbol, chance.randint(1, whole) * QUANTITY)

    def _manual_limit(self, fault: Fault, chance: random.Random) -> None:
        """An order that rests: far from the market, of a part of what is held or to buy some more."""
        held = {held.symbol: held.qty_available_e9 // QUANTITY for held in self._exchange.positions()}
        symbol = chance.choice(self._symbols)
        price = self._exchange.price_e4(symbol) // 100 * 100
        if held.get(symbol, 0) > 0 and chance.random() < 0.7:
            side, limit, shares = "sell", price * 11 // 10, chance.randint(1, held[symbol])
        else:
            side, limit, shares = "buy", price * 9 // 10, chance.randint(1, 5)
        self._exchange.submit_for_owner(
            OrderRequest(
                symbol=symbol,
                side=side,
                type="limit",
                qty_e9=shares * QUANTITY,
                limit_price_e4=limit // 100 * 100,
            )
        )

    def _manual(self, side: str, symbol: str, qty_e9: int) -> None:
        self._exchange.submit_for_owner(OrderRequest(symbol=symbol, side=side, qty_e9=qty_e9))

    def _manual_replace(self, fault: Fault, chance: random.Random) -> None:
        """The owner asks for another price, or for fewer shares, of the order that rests longest."""
        resting = [order for order in self._exchange.orders() if order.limit_price_e4 is not None]
        order = resting[-1] if resting else None
        if order is None or order.limit_price_e4 is None:
            raise LookupError("no order rests")
        if fault.about == "shares":
            changes = OrderChanges(qty_e9=((order.qty_e9 or 0) // QUANTITY - 1) * QUANTITY)
        else:
            changes = OrderChanges(limit_price_e4=order.limit_price_e4 // 100 * 100 - 100)
        self._exchange.replace(order.id, changes)

    def _manual_bracket(self, fault: Fault, chance: random.Random) -> None:
        """The owner buys, with a profit to take and a loss to stop so near that one of them comes about soon."""
        symbol = self._symbols[0]
        price = self._exchange.price_e4(symbol) // 100 * 100
        self._exchange.submit_for_owner(
            OrderRequest(
                symbol=symbol,
                side="buy",
                qty_e9=5 * QUANTITY,
                order_class=BRACKET,
                take_profit_limit_e4=price * 1002 // 1000 // 100 * 100 + 100,
                stop_loss_stop_e4=price * 998 // 1000 // 100 * 100 - 100,
            )
        )

    def _deposit(self, fault: Fault, chance: random.Random) -> None:
        self._exchange.transfer(chance.randint(1, 500_000) * CENT_E13)

    def _withdraw(self, fault: Fault, chance: random.Random) -> None:
        self._exchange.transfer(-chance.randint(1, 50_000) * CENT_E13)


def _blow(fault: Fault) -> Blow:
    return Blow(round(fault.amount * SECOND), refused=fault.kind == "refused_later")
