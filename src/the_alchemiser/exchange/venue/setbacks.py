"""Requests that the venue accepts and then lets wait or turns down: what may come of a cancel, a change, an order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import msgspec

from the_alchemiser.exchange.errors import Refusal
from the_alchemiser.exchange.venue.incidents import Incidents
from the_alchemiser.exchange.venue.orders import Order, OrderChanges


class Blow(msgspec.Struct, frozen=True):
    """What one request meets: it waits for `delay` (ns of exchange time) and then succeeds, or is `refused`."""

    delay: int
    refused: bool = False


class Setback(msgspec.Struct, frozen=True):
    """The blows of one command, by the id of the order that is to be canceled or replaced, and for new orders."""

    by_order: Mapping[str, Blow] = {}
    new: Blow | None = None


class Setbacks(Incidents):
    """Cancels, replacements and orders that go another way than their owner was told."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._setback: Setback | None = None
        self._unwilling: dict[str, str] = {}  # what will be refused, by order id: the status it had

    @contextlib.contextmanager
    def suffering(self, setback: Setback) -> Iterator[None]:
        """The requests within the block meet these blows."""
        self._setback = setback
        try:
            yield
        finally:
            self._setback = None

    @contextlib.contextmanager
    def _delayed(self, blow: Blow) -> Iterator[None]:
        """Cancels and replacements within the block settle no sooner than an instant from now."""
        rules, delay = self.rules, max(1, blow.delay)
        self.rules = msgspec.structs.replace(rules, cancel_delay=delay, replace_delay=delay)
        try:
            yield
        finally:
            self.rules = rules

    def cancel(self, order_id: str) -> None:
        blow = None if self._setback is None else self._setback.by_order.get(order_id)
        if blow is None:
            super().cancel(order_id)
            return
        before = [(member, member.status) for member in self._family(self._record(order_id))]
        with self._delayed(blow):
            super().cancel(order_id)
        if blow.refused:
            for member, status in before:
                if member.status == "pending_cancel":
                    self._unwilling[member.id] = status

    def _finish_cancel(self, family: list[Order]) -> None:
        refused = [
            (member, self._unwilling.pop(member.id)) for member in family if member.id in self._unwilling
        ]
        for member, before in refused:
            if member.status == "pending_cancel":
                self._set_status(member, "partially_filled" if member.filled_qty_e9 else before)
                self._emit("order_cancel_rejected", member)
        super()._finish_cancel(family)

    def replace(self, order_id: str, changes: OrderChanges) -> Order:
        blow = None if self._setback is None else self._setback.by_order.get(order_id)
        if blow is None:
            return super().replace(order_id, changes)
        with self._delayed(blow):
            new = super().replace(order_id, changes)
        if blow.refused:
            self._unwilling[new.id] = new.status
        return new

    def _settle_replacement(self, old: Order, new: Order, before: str, means: int) -> None:
        if self._unwilling.pop(new.id, None) is not None and new.is_open:
            self._end(new, "rejected")
        super()._settle_replacement(old, new, before, means)

    def _route(self, order: Order) -> None:
        blow = None if self._setback is None else self._setback.new
        if blow is None:
            super()._route(order)
            return
        self._emit(order.status, order)
        self._alarm(self.now + max(1, blow.delay), partial(self._turn_down, order))

    def _turn_down(self, order: Order) -> None:
        with contextlib.suppress(Refusal):
            self.reject_later(order.id, "rejected by the venue")
