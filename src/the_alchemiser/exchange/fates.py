"""What befalls accounts by rules: commands that meet a setback, and what happens at an instant by itself.

Everything that changes an account is a command of its log, with the setback in it: an exchange that continues
from its log needs no rules to come to the same state.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

from the_alchemiser.exchange.commands import Arguments
from the_alchemiser.exchange.desk import Desk
from the_alchemiser.exchange.errors import Refusal
from the_alchemiser.exchange.faults import happenings as kinds
from the_alchemiser.exchange.faults.director import ActiveRule, FaultDirector, Strike
from the_alchemiser.exchange.market.script import Halt
from the_alchemiser.exchange.timestamps import NANOS_PER_SECOND
from the_alchemiser.exchange.units import price_e4 as price_of
from the_alchemiser.exchange.units import quantity_e9
from the_alchemiser.exchange.venue.orders import Order
from the_alchemiser.exchange.venue.setbacks import Blow, Setback
from the_alchemiser.exchange.world import World

_ENTERING = ("submit", "close", "close_all")
_log = logging.getLogger(__name__)


class Fates:
    """The faults of the venue, over whichever world there is."""

    def __init__(self, director: FaultDirector, world: Callable[[], World]) -> None:
        self._director = director
        self._world = world
        self._endings: set[asyncio.Future[None]] = set()

    # -- commands ---------------------------------------------------------------------------------

    def setback(self, desk: Desk, name: str, arguments: Arguments) -> Setback | None:
        """What a command of an account's owner meets on its way; None: nothing."""
        rules = self._director.of(kinds.CommandFault)
        if not rules:
            return None
        if name in _ENTERING:
            new = self._blow(desk, "submit", _symbol(arguments))
            return None if new is None else Setback(new=new)
        kind = "replace" if name == "replace" else "cancel"
        blows = {
            order.id: blow
            for order in _concerned(desk, name, arguments)
            if (blow := self._blow(desk, kind, order.symbol, order.id)) is not None
        }
        return Setback(by_order=blows) if blows else None

    def _blow(self, desk: Desk, command: str, symbol: str, order_id: str = "") -> Blow | None:
        """The first rule that strikes; every rule that means this command counts it."""
        chosen: Strike | None = None
        for active in self._director.of(kinds.CommandFault):
            rule: Any = active.rule
            if rule.command == command and rule.symbol in ("", symbol):
                chosen = chosen or active.match(desk.terms.key, self._world().now)
        if chosen is None:
            return None
        rule = chosen.rule
        seconds = chosen.seconds(rule.exchange_seconds, "exchange_seconds")
        self._director.record(chosen, f"{command} {symbol} {order_id}".rstrip(), exchange_seconds=seconds)
        refused = isinstance(rule, kinds.RejectCancel | kinds.RejectReplace | kinds.RejectSubmit)
        return Blow(round(seconds * NANOS_PER_SECOND), refused)

    # -- instants ---------------------------------------------------------------------------------

    def befall(self, active: ActiveRule) -> None:
        """A happening whose instant has come, for every account it means."""
        rule = active.rule
        if isinstance(rule, kinds.Halted):
            self._halt(active, rule)
            return
        for desk in list(self._world().desks.values()):
            if rule.account in ("", desk.terms.key):
                for what, happen in self._acts(rule, desk):
                    self._do(active, desk, what, happen)

    def _halt(self, active: ActiveRule, rule: kinds.Halted) -> None:
        world = self._world()
        strike = Strike(active, "", 1, world.now)
        seconds = strike.seconds(rule.exchange_seconds, "exchange_seconds")
        try:
            world.halt(
                Halt(rule.symbol, world.now, world.now + round(seconds * NANOS_PER_SECOND), rule.reason)
            )
        except Refusal as refusal:
            _log.info("%s: the halt is refused: %s", rule.name, refusal)
            return
        self._director.record(strike, f"halt {rule.symbol}", exchange_seconds=seconds)

    def _do(self, active: ActiveRule, desk: Desk, what: str, happen: Callable[[], object]) -> None:
        account = desk.terms.key
        active.matched[account] += 1
        try:
            happen()
        except Refusal as refusal:
            _log.info("%s: %s is refused: %s", active.rule.name, what, refusal)
            return
        active.struck[account] += 1
        strike = Strike(active, account, active.matched[account], self._world().now)
        self._director.record(strike, what)

    def _reset(self, desk: Desk, cash: str) -> None:
        self._world().reset_account(desk.number, cash)
        # Nobody tells a stream of the old account anything any more.
        ending = asyncio.ensure_future(desk.trade_updates.close())
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    def _acts(self, rule: Any, desk: Desk) -> Iterator[tuple[str, Callable[[], object]]]:
        """What is to be done to one account, each act with its name."""
        if isinstance(rule, kinds.Reset):
            yield "account", lambda: self._reset(desk, rule.cash)
        elif isinstance(rule, kinds.ManualOrder):
            yield f"order {rule.symbol}", lambda: desk.run("submit_for_owner", request=rule.request)
        elif isinstance(rule, kinds.BothLegs):
            for leg in _exits(desk, rule.symbol):
                yield f"fill {leg.symbol} {leg.id}", _fill(desk, leg)
        else:
            for order in _chosen(desk, rule.symbol, rule.which):
                yield f"{rule.kind} {order.symbol} {order.id}", _act(desk, rule, order)


def _act(desk: Desk, rule: Any, order: Order) -> Callable[[], object]:
    if isinstance(rule, kinds.ManualCancel):
        return lambda: desk.run("cancel", order_id=order.id)
    if isinstance(rule, kinds.Reject):
        return lambda: desk.run("reject_later", order_id=order.id, reason="rejected by the venue")
    qty = None if rule.qty is None else quantity_e9(rule.qty)
    price = None if rule.price is None else price_of(rule.price)
    return _fill(desk, order, qty, price)


def _fill(
    desk: Desk, order: Order, qty_e9: int | None = None, price_e4: int | None = None
) -> Callable[[], object]:
    return lambda: desk.run("fill_anyway", order_id=order.id, qty_e9=qty_e9, price_e4=price_e4)


def _chosen(desk: Desk, symbol: str, which: str) -> list[Order]:
    working = [
        order
        for order in desk.exchange.open_orders()
        if symbol in ("", order.symbol) and order.status != "held"
    ]
    if which == "oldest":
        return working[:1]
    return working[-1:] if which == "newest" else working


def _exits(desk: Desk, symbol: str) -> list[Order]:
    """Both exits of the oldest group that has its exits at work."""
    for order in desk.exchange.open_orders():
        if (
            symbol in ("", order.symbol)
            and order.order_class in ("bracket", "oco")
            and order.status == "held"
        ):
            first = order.parent_id and desk.exchange.order(order.parent_id)
            group = (
                (first, *first.legs) if first and first.order_class == "oco" else first.legs if first else ()
            )
            working = [leg for leg in group if leg.is_open]
            if len(working) == 2:
                return working
    return []


def _concerned(desk: Desk, name: str, arguments: Arguments) -> list[Order]:
    if name == "cancel_all":
        return desk.exchange.open_orders()
    if name not in ("cancel", "replace"):
        return []
    try:
        return [desk.exchange.order(arguments["order_id"])]
    except Refusal:
        return []


def _symbol(arguments: Arguments) -> str:
    request = arguments.get("request")
    return str(arguments.get("symbol", "") if request is None else request.symbol)
