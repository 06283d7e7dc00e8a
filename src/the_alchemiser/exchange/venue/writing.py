"""What options ask of an account: which contracts live, what written ones tie up, whether an order can be covered."""

from __future__ import annotations

from collections.abc import Iterable

from the_alchemiser.exchange.errors import Refusal, forbidden
from the_alchemiser.exchange.market.board import Board
from the_alchemiser.exchange.market.contracts import MULTIPLIER, PUT, Contract, parse_contract
from the_alchemiser.exchange.market.prices import Quote
from the_alchemiser.exchange.units import CENT_E13, QUANTITY, format_money
from the_alchemiser.exchange.venue import option_rules
from the_alchemiser.exchange.venue import orders as o
from the_alchemiser.exchange.venue.account import Position
from the_alchemiser.exchange.venue.books import Book
from the_alchemiser.exchange.venue.coverage import Holding, requirement, together
from the_alchemiser.exchange.venue.matching import Matching
from the_alchemiser.exchange.venue.option_rules import OPTION, Lifetime
from the_alchemiser.exchange.venue.orders import Order, OrderRequest


class Writing(Matching):
    """Keeps shares and money behind written options, as executions and orders come and go."""

    def _life(self, symbol: str) -> Lifetime | None:
        """When a contract is listed and ends; None if it never is."""
        options = self.market.options if isinstance(self.market, Board) else None
        contract = parse_contract(symbol)
        first = options.chains.first_session(contract) if options is not None and contract else None
        if options is None or contract is None or first is None:
            return None
        return Lifetime(contract, first.open, options.expires_at(contract))

    # -- coverage ---------------------------------------------------------------------------------

    def _contracts_on(self, underlying: str) -> list[tuple[Contract, Position]]:
        """The option positions on a stock."""
        found = []
        for symbol, position in self._account.positions.items():
            contract = parse_contract(symbol) if position.asset_class == OPTION else None
            if contract is not None and contract.underlying == underlying:
                found.append((contract, position))
        return found

    def _held_on(self, underlying: str) -> list[Holding]:
        return [
            Holding(contract, position.qty_e9 // QUANTITY)
            for contract, position in self._contracts_on(underlying)
        ]

    def _certain_on(self, underlying: str) -> list[Holding]:
        """The holdings without what is for sale: it may be gone when it is needed."""
        found = []
        for contract, position in self._contracts_on(underlying):
            free = position.qty_e9 - (position.held_qty_e9 if position.qty_e9 > 0 else 0)
            found.append(Holding(contract, free // QUANTITY))
        return found

    def _being_written_on(self, underlying: str, without: Order | None = None) -> list[Holding]:
        """What open orders will write if they fill."""
        found = []
        for symbol, book in self._books.items():
            contract = parse_contract(symbol) if book.open else None
            if contract is None or contract.underlying != underlying:
                continue
            count = sum(
                self._being_written_by(order)
                for order in book.open.values()
                if order.position_intent == "sell_to_open" and not order.parent_id and order is not without
            )
            found.append(Holding(contract, -count // QUANTITY))
        return found

    def _being_written_by(self, order: Order) -> int:
        """Contracts (e9): of a replacement that waits, what it writes more than the order that still stands."""
        if not self._is_unsettled(order):
            return order.remaining_e9
        replaced = self._orders[order.replaces or ""]
        return max(0, order.remaining_e9 - replaced.remaining_e9) if replaced.is_open else 0

    def _cover(self, underlying: str) -> None:
        """Set aside what the written options on a stock ask for, and nothing more."""
        held = self._held_on(underlying)
        shares = requirement([*held, *self._being_written_on(underlying)]).shares_e9
        stock = self._account.positions.get(underlying)
        if stock is not None:
            stock.pledged_e9 = max(0, min(shares, stock.qty_e9 - stock.held_qty_e9))
        money = requirement(held).money_e13
        written = []
        for _, position in self._contracts_on(underlying):
            position.collateral_e13 = 0
            if position.qty_e9 < 0:
                written.append(position)
        count = sum(-position.qty_e9 for position in written)
        for position in written:
            # The contracts share the requirement; the last one takes what is left.
            position.collateral_e13 = money * -position.qty_e9 // count
            money, count = money - position.collateral_e13, count + position.qty_e9

    def _cover_order(self, order: Order) -> None:
        if order.asset_class == OPTION:
            contract = parse_contract(order.symbol)
            if contract is not None:
                self._cover(contract.underlying)
        elif self._account.has_options:  # shares came or went that stand behind contracts
            self._cover(order.symbol)

    def _execute(self, book: Book, order: Order, qty_e9: int, price_e4: int, *, done: bool) -> None:
        super()._execute(book, order, qty_e9, price_e4, done=done)
        if order.asset_class == OPTION or self._account.has_options:
            self._cover_order(order)

    def _end(self, order: Order, status: str) -> None:
        super()._end(order, status)
        if order.asset_class == OPTION or self._account.has_options:
            self._cover_order(order)

    # -- admission --------------------------------------------------------------------------------

    def _check_option(
        self,
        request: OrderRequest,
        intent: str,
        quote: Quote,
        without: Order | None = None,
    ) -> int:
        """Whether the account may have this one contract; the buying power that the order reserves."""
        contract = parse_contract(request.symbol)
        if contract is None:
            raise forbidden(f'contract "{request.symbol}" not found')
        option_rules.check_level(self.options_trading_level, request, intent)
        sign = 1 if request.side == o.BUY else -1
        count = (request.qty_e9 or 0) // QUANTITY - (without.filled_qty_e9 // QUANTITY if without else 0)
        price = request.limit_price_e4
        if price is None:
            price = quote.ask_e4 if request.side == o.BUY else quote.bid_e4
        cost = sign * price * count * MULTIPLIER * QUANTITY
        change = Holding(contract, sign * count)
        try:
            return self._check_written(contract.underlying, [change], cost, without)
        except Uncovered as uncovered:
            if intent == "sell_to_open" and contract.is_call:
                raise option_rules.uncovered_call(
                    contract, count * MULTIPLIER * QUANTITY, uncovered.available_e9
                ) from None
            raise forbidden("account not eligible to trade uncovered option contracts") from None
        except Unaffordable as short:
            if intent == "sell_to_open" and contract.kind == PUT:
                raise forbidden(
                    "insufficient options buying power for cash-secured put "
                    f"(required: {format_money(short.required_e13)}, available: {short.available})"
                ) from None
            raise short.refusal from None

    def _deliverable_e9(self, underlying: str) -> int:
        """Shares of a stock that are not for sale."""
        stock = self._account.positions.get(underlying)
        return max(0, stock.qty_e9 - stock.held_qty_e9) if stock else 0

    def _stays_covered(self, underlying: str, changes: Iterable[Holding]) -> bool:
        """Whether there are shares for every call if `changes` come to the books now."""
        held = [*self._held_on(underlying), *self._being_written_on(underlying)]
        before, after = requirement(held), requirement(together([*held, *changes]))
        return after.shares_e9 <= max(self._deliverable_e9(underlying), before.shares_e9)

    def _check_written(
        self, underlying: str, changes: Iterable[Holding], cost_e13: int, without: Order | None = None
    ) -> int:
        """The buying power that trading `changes` for `cost_e13` reserves: the cost, and what is tied up more.

        Raises Uncovered, Unaffordable.
        """
        held = [*self._certain_on(underlying), *self._being_written_on(underlying, without)]
        before, after = requirement(held), requirement(together([*held, *changes]))
        owned = self._deliverable_e9(underlying)
        if after.shares_e9 > max(owned, before.shares_e9):
            raise Uncovered(max(0, owned - before.shares_e9))
        required = after.money_e13 - before.money_e13 + cost_e13
        if required <= 0:
            return 0
        means = self._means()
        released = without.held_cash_e13 // means.multiplier if without else 0
        own = means.non_marginable_buying_power_e13 + released
        if required > own:
            raise Unaffordable(required, own)
        return required * means.multiplier


class Uncovered(Exception):
    """Calls would be written without shares or bought calls behind them."""

    def __init__(self, available_e9: int) -> None:
        super().__init__(available_e9)
        self.available_e9 = available_e9


class Unaffordable(Exception):
    """The account has less own money than the order asks for."""

    def __init__(self, required_e13: int, own_e13: int) -> None:
        super().__init__(required_e13)
        self.required_e13 = required_e13
        self.available = format_money(own_e13 // CENT_E13 * CENT_E13)

    @property
    def refusal(self) -> Refusal:
        return forbidden(
            "insufficient options buying power",
            options_buying_power=self.available,
            cost_basis=format_money(self.required_e13),
        )
