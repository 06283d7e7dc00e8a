"""How options end: exercised, assigned, or expired with nothing.

At the close of its expiry day a bought contract that is worth a cent or more is exercised, unless its owner said
otherwise or the account can neither pay for the shares nor deliver them; written ones worth as much are assigned.
Everything else expires. The books change at once; the activities that tell of it come up when the day is over, and no
stream ever tells of an assignment. All this is the same on paper accounts.

Half an hour before that close the desk sells what could not be exercised.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from the_alchemiser.exchange.errors import Refusal, forbidden, not_found
from the_alchemiser.exchange.market.contracts import MULTIPLIER, Contract, parse_contract
from the_alchemiser.exchange.market.hours import REGULAR
from the_alchemiser.exchange.market.prices import asset_id
from the_alchemiser.exchange.market.sessions import new_york_date, new_york_midnight
from the_alchemiser.exchange.units import CENT_E4, QUANTITY, format_money, format_quantity
from the_alchemiser.exchange.venue import orders as o
from the_alchemiser.exchange.venue.account import OtherActivity, Position
from the_alchemiser.exchange.venue.coverage import Holding, requirement, together
from the_alchemiser.exchange.venue.option_rules import LAST_OPENING, OPTION
from the_alchemiser.exchange.venue.orders import Order, OrderRequest
from the_alchemiser.exchange.venue.timeline import Timeline

CANNOT_EXERCISE_SHORT = 40310001


class _Delivery(NamedTuple):
    """What exercising or an assignment moves: shares (below zero: out) at the strike, and money."""

    shares_e9: int
    cash_e13: int


class Exercise(Timeline):
    """The ends of option positions."""

    _watched = 0  # the instant of the latest alarm

    # -- at their owner's wish --------------------------------------------------------------------

    def exercise(self, symbol_or_id: str) -> None:
        """Exercise all of a bought contract that no order reserves, now. Raises Refusal."""
        symbol, contract = self._bought(symbol_or_id)
        qty = self._account.available_e9(symbol)
        if not qty:
            raise forbidden("insufficient qty available for exercise", symbol=symbol)
        self._check_delivery(contract, qty)
        self._check_left_covered(contract, qty)
        self._deliver(contract, qty, "OPEXC")

    def do_not_exercise(self, symbol_or_id: str) -> None:
        """Let a bought contract expire, whatever it is worth then. Raises Refusal."""
        symbol, _ = self._bought(symbol_or_id)
        self._account.positions[symbol].lapses = True

    def _bought(self, symbol_or_id: str) -> tuple[str, Contract]:
        for symbol, position in self._account.positions.items():
            named = symbol_or_id == symbol or symbol_or_id.lower() == asset_id(symbol)
            if named and position.asset_class == OPTION:
                contract = parse_contract(symbol)
                if position.qty_e9 < 0 or contract is None:
                    raise Refusal(403, CANNOT_EXERCISE_SHORT, "cannot exercise short position")
                return symbol, contract
        raise not_found(f"long position not found: {symbol_or_id[:64]}")

    def _check_delivery(self, contract: Contract, qty_e9: int) -> None:
        delivery = _delivery(contract, qty_e9)
        if delivery.shares_e9 < 0:
            available = self._account.available_e9(contract.underlying)
            if available < -delivery.shares_e9:
                required, free = format_quantity(-delivery.shares_e9), format_quantity(available)
                raise forbidden(
                    f"insufficient underlying qty available for exercise (required: {required}, available: {free})"
                )
        elif -delivery.cash_e13 > self._means().buying_power_e13:
            raise forbidden(
                "insufficient buying power",
                buying_power=format_money(self._means().buying_power_e13),
                cost_basis=format_money(-delivery.cash_e13),
            )

    def _check_left_covered(self, contract: Contract, qty_e9: int) -> None:
        """What covers a written contract is not exercised from under it."""
        held = self._held_on(contract.underlying)
        before = requirement(held)
        after = requirement(together([*held, Holding(contract, -qty_e9 // QUANTITY)]))
        delivery = _delivery(contract, qty_e9)
        stock = self._account.positions.get(contract.underlying)
        shares = delivery.shares_e9 + (stock.qty_e9 - stock.held_qty_e9 if stock else 0)
        own = self._means().non_marginable_buying_power_e13 + max(0, delivery.cash_e13)
        if after.shares_e9 > max(0, shares) or after.money_e13 - before.money_e13 > own:
            raise forbidden("account not eligible to trade uncovered option contracts")

    def _can_deliver(self, contract: Contract, qty_e9: int) -> bool:
        try:
            self._check_delivery(contract, qty_e9)
        except Refusal:
            return False
        return True

    # -- at the end of their time -----------------------------------------------------------------

    def _change_phase(self) -> None:
        before = self._phase
        super()._change_phase()
        if self._phase == REGULAR and self._expiring():
            self._watch()
        elif before == REGULAR:
            self._expire_contracts()

    def _cover_order(self, order: Order) -> None:
        super()._cover_order(order)
        if order.asset_class == OPTION and self._phase == REGULAR:
            self._watch()

    def _watch(self) -> None:
        """The desk will look at what expires today, once, if it is not too late for that."""
        at = self._phase_ends - LAST_OPENING
        if at > max(self.now, self._watched):
            self._watched = at
            self._alarm(at, self._sell_what_cannot_be_exercised)

    def _expiring(self) -> list[tuple[Contract, Position]]:
        """The option positions whose last day it is, written ones first: what they bring pays for the others."""
        today = new_york_date(self.now)
        found = []
        for symbol, position in self._account.positions.items():
            contract = parse_contract(symbol) if position.asset_class == OPTION else None
            if contract is not None and contract.expiry <= today:
                found.append((contract, position))
        return sorted(found, key=lambda one: (one[1].qty_e9 > 0, one[0].symbol))

    def _pays(self, contract: Contract) -> bool:
        return contract.intrinsic_e4(self._mark_e4(contract.underlying)) >= CENT_E4

    def _sell_what_cannot_be_exercised(self) -> None:
        if self._phase != REGULAR:
            return
        for contract, position in self._expiring():
            free = self._account.available_e9(contract.symbol)
            if position.qty_e9 <= 0 or not free or position.lapses or not self._pays(contract):
                continue
            if not self._can_deliver(contract, position.qty_e9):
                self._sell_out(contract.symbol, free)

    def _sell_out(self, symbol: str, qty_e9: int) -> None:
        try:
            self.submit(OrderRequest(symbol=symbol, side=o.SELL, qty_e9=qty_e9, source="liquidation"))
        except Refusal:
            return  # it would uncover another contract: then it stays

    def _expire_contracts(self) -> None:
        for contract, position in self._expiring():
            qty = position.qty_e9
            wanted = self._pays(contract) and not position.lapses
            if wanted and (qty < 0 or self._can_deliver(contract, qty)):
                self._deliver(contract, qty, "OPASN" if qty < 0 else "OPEXC")
            else:
                self._remove(contract, qty, "OPEXP", "")

    # -- the books --------------------------------------------------------------------------------

    def _deliver(self, contract: Contract, qty_e9: int, kind: str) -> None:
        """The contracts (below zero: written ones) become shares at the strike."""
        delivery = _delivery(contract, qty_e9)
        group = self._activity_id()
        self._remove(contract, qty_e9, kind, group)
        self._make_room(contract.underlying, delivery.shares_e9)
        positions = self._account.positions
        stock = positions.get(contract.underlying)
        if stock is None:
            stock = positions[contract.underlying] = Position(symbol=contract.underlying)
        stock.change(delivery.shares_e9, contract.strike_e4)
        if not stock.qty_e9:
            del positions[contract.underlying]
        self._tell(
            "OPTRD",
            contract.underlying,
            delivery.shares_e9,
            group,
            cash_e13=delivery.cash_e13,
            price_e4=contract.strike_e4,
        )
        self._cover(contract.underlying)

    def _remove(self, contract: Contract, qty_e9: int, kind: str, group: str) -> None:
        symbol = contract.symbol
        position = self._account.positions[symbol]
        position.change(-qty_e9, 0)
        if not position.qty_e9:
            del self._account.positions[symbol]
        self._tell(kind, symbol, -qty_e9, group)
        self._cover(contract.underlying)

    def _tell(
        self,
        kind: str,
        symbol: str,
        change_e9: int,
        group: str,
        *,
        cash_e13: int = 0,
        price_e4: int | None = None,
    ) -> None:
        day = new_york_date(self.now)
        self._account.enter(
            OtherActivity(
                id=self._activity_id(),
                type=kind,
                day=day,
                booked_at=self.now,
                seen_from=new_york_midnight(day + timedelta(days=1)),
                symbol=symbol,
                description=_DESCRIPTIONS[kind],
                net_amount_e13=cash_e13,
                qty_e9=change_e9,
                price_e4=price_e4,
                group_id=group,
                cash_e13=cash_e13,
                change_e9=change_e9,
            )
        )


_DESCRIPTIONS = {
    "OPASN": "Option Assignment",
    "OPEXC": "Option Exercise",
    "OPEXP": "Option Expiry",
    "OPTRD": "Option Trade",
}


def _delivery(contract: Contract, qty_e9: int) -> _Delivery:
    """What `qty_e9` contracts move when they are exercised, or below zero assigned."""
    shares = qty_e9 * MULTIPLIER if contract.is_call else -qty_e9 * MULTIPLIER
    return _Delivery(shares, -shares * contract.strike_e4)
