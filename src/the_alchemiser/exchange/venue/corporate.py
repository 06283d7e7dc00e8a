"""What corporate actions of the market's script do to an account: splits, dividends, changes of name.

All of it happens as a day of New York begins, before anything trades. A split multiplies positions and leaves
their cost as it is; the part of a share that a holder of whole shares would be left with is paid in cash. Plain
open orders are split, too; orders of a group ask not to be (do not reduce), and end where their shares are gone.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from the_alchemiser.exchange.market.script import (
    DIVIDEND,
    NAME_CHANGE,
    PAYMENT,
    SPLIT,
    AnyEntry,
    Dividend,
    NameChange,
    Split,
)
from the_alchemiser.exchange.units import NEVER, QUANTITY, round_to_tick
from the_alchemiser.exchange.venue.account import OtherActivity, Position
from the_alchemiser.exchange.venue.books import collar_e4
from the_alchemiser.exchange.venue.orders import Order
from the_alchemiser.exchange.venue.setbacks import Setbacks


class Corporate(Setbacks):
    """The account through the corporate actions of its market."""

    def _schedule(self) -> None:
        super()._schedule()
        script = self.market.script
        self._entitled_e9: dict[str, int] = {}
        acts = {SPLIT: self._split, DIVIDEND: self._entitle, PAYMENT: self._pay, NAME_CHANGE: self._rename}
        for change in script.name_changes:
            first = self._first_names.get(change.symbol, change.symbol)
            self._first_names[change.new_symbol] = first
        for happening in script.between(self.now, NEVER):
            if happening.kind in acts:
                self._alarm(happening.at, _bound(acts[happening.kind], happening.entry))

    def _note(self, kind: str, day: date, **fields: Any) -> None:
        """Enters an activity of today."""
        self._account.enter(
            OtherActivity(
                id=self._activity_id(), type=kind, day=day, booked_at=self.now, seen_from=self.now, **fields
            )
        )

    # -- splits -----------------------------------------------------------------------------------

    def _split(self, split: Split) -> None:
        symbol = split.symbol
        pushed = self._pushed.get(symbol)
        if pushed is not None:
            at, *prices = pushed
            bid, ask = (
                max(1, round_to_tick(_times(price, split.old_rate, split.new_rate))) for price in prices
            )
            self._pushed[symbol] = (at, bid, max(bid, ask))
        self._known_at = NEVER
        position = self._account.positions.get(symbol)
        if position is not None:
            self._split_position(split, position)
        book = self._books.get(symbol)
        # Groups come last: what they hold must fit beside what the others hold then.
        for order in sorted(book.open.values(), key=_stays) if book is not None else ():
            if order.is_open:
                self._split_order(split, order)
        self._cover(symbol)

    def _split_position(self, split: Split, position: Position) -> None:
        before = position.qty_e9
        sign = -1 if before < 0 else 1
        size = abs(before) * split.new_rate // split.old_rate
        fraction = size % QUANTITY if before % QUANTITY == 0 else 0
        text = f"{split.new_rate} for {split.old_rate} split"
        position.qty_e9 = sign * size
        self._note(
            "SPLIT",
            split.ex_date,
            symbol=split.symbol,
            qty_e9=position.qty_e9 - before,
            change_e9=position.qty_e9 - before,
            description=text,
        )
        if fraction:
            self._pay_fraction(split, position, sign * fraction)
        if not position.qty_e9:
            for order in tuple(self._book(split.symbol).open.values()):
                if order.is_open and order.held_qty_e9:
                    self._end(order, "canceled")
            del self._account.positions[split.symbol]

    def _pay_fraction(self, split: Split, position: Position, fraction_e9: int) -> None:
        """The part of a share beyond the last whole one leaves at the market's price."""
        price = self._mark_e4(split.symbol)
        position.change(-fraction_e9, price)
        self._note(
            "CIL",
            split.ex_date,
            symbol=split.symbol,
            net_amount_e13=fraction_e9 * price,
            cash_e13=fraction_e9 * price,
            qty_e9=-fraction_e9,
            change_e9=-fraction_e9,
            price_e4=price,
            description="cash in lieu of a fraction of a share",
        )

    def _split_order(self, split: Split, order: Order) -> None:
        size = order.qty_e9 or 0
        changed = size * split.new_rate // split.old_rate
        if size % QUANTITY == 0:
            changed -= changed % QUANTITY
        if _stays(order):
            position = self._account.positions.get(order.symbol)
            if order.held_qty_e9 and (position is None or position.held_qty_e9 > abs(position.qty_e9)):
                self._cancel_group(order)
        elif order.filled_qty_e9 or not changed:
            self._end(order, "canceled")
        else:
            self._restate(split, order, changed)

    def _cancel_group(self, order: Order) -> None:
        for member in self._family(order):
            if member.is_open:
                self._end(member, "canceled")

    def _restate(self, split: Split, order: Order, qty_e9: int) -> None:
        """The order asks for as much as before in new shares at new prices, and reserves accordingly."""
        before = (order.qty_e9 or 0) * _reckoned_e4(order)
        for name in ("limit_price_e4", "stop_price_e4", "hwm_e4", "trail_price_e4"):
            price = getattr(order, name)
            if price is not None:
                changed = round_to_tick(_times(price, split.old_rate, split.new_rate))
                setattr(order, name, max(1, changed))
        order.qty_e9 = qty_e9
        if order.closes and qty_e9 > abs(self._account.quantity_e9(order.symbol)):
            self._end(order, "canceled")
            return
        held = order.held_cash_e13
        if held and before:
            held = held * qty_e9 * _reckoned_e4(order) // before
        self._account.hold(order, cash_e13=held, qty_e9=qty_e9 if order.held_qty_e9 else 0)
        order.updated_at = self.now
        self._book(order.symbol).repriced()
        self._emit("restated", order)

    # -- dividends --------------------------------------------------------------------------------

    def _entitle(self, dividend: Dividend) -> None:
        """Who holds the share as the ex-date begins will be paid; who is short will pay."""
        held = self._account.quantity_e9(dividend.symbol)
        if held and self.rules.pay_dividends:
            self._entitled_e9[dividend.id] = held

    def _pay(self, dividend: Dividend) -> None:
        held = self._entitled_e9.pop(dividend.id, 0)
        if held:
            amount = held * dividend.cash_e13 // QUANTITY
            self._note(
                "DIV",
                dividend.payable_date,
                symbol=dividend.symbol,
                net_amount_e13=amount,
                cash_e13=amount,
                qty_e9=held,
                per_share_e13=dividend.cash_e13,
                description="cash dividend",
            )

    # -- names ------------------------------------------------------------------------------------

    def _rename(self, change: NameChange) -> None:
        old, new = change.symbol, change.new_symbol
        if old in self._pushed:
            self._pushed[new] = self._pushed.pop(old)
        self._known_at = NEVER
        position = self._account.positions.pop(old, None)
        if position is not None:
            position.symbol = new
            self._account.positions[new] = position
            self._note(
                "NC", change.date, symbol=new, qty_e9=position.qty_e9, description=f"{old} is now {new}"
            )
        book = self._books.pop(old, None)
        if book is None:
            return
        book.symbol = new
        self._books[new] = book
        for order in book.open.values():
            order.symbol = new
            order.updated_at = self.now
            self._emit("restated", order)


def _stays(order: Order) -> bool:
    """Whether a split leaves it as it is."""
    return bool(order.order_class) or order.notional_e13 is not None


def _reckoned_e4(order: Order) -> int:
    """The price that decides what an opening order reserves; 0 where it is the market's."""
    if order.limit_price_e4 is not None:
        return order.limit_price_e4
    return 0 if order.stop_price_e4 is None else collar_e4(order.stop_price_e4)


def _times(price_e4: int, up: int, down: int) -> int:
    return price_e4 * up // down


def _bound(act: Any, entry: AnyEntry) -> Any:
    return lambda: act(entry)
