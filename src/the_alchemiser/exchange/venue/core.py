"""The exchange: takes orders, moves time and markets, and says what happened.

Synchronous and deterministic: the market, the seed and the instants come from outside, so the same
calls give the same ids, fills and updates on every machine.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from the_alchemiser.exchange.errors import Refusal, bad_parameter, not_found
from the_alchemiser.exchange.market.prices import (
    Asset,
    Bar,
    NoPrice,
    Quote,
    Trade,
    UnknownSymbol,
    asset_id,
    trade_price_e4,
)
from the_alchemiser.exchange.units import DAY, QUANTITY, parse_decimal, quantity_e9
from the_alchemiser.exchange.venue import orders as o
from the_alchemiser.exchange.venue.account import (
    AccountState,
    FillRecord,
    OtherActivity,
    PositionState,
)
from the_alchemiser.exchange.venue.activities import Activity, ActivityFilter, page
from the_alchemiser.exchange.venue.configuration import Configuration, configured
from the_alchemiser.exchange.venue.history import DayClose, Tape, changes, equities
from the_alchemiser.exchange.venue.listing import listed
from the_alchemiser.exchange.venue.orders import Order, OrderFilter, OrderRequest
from the_alchemiser.exchange.venue.rules import BLOCKED
from the_alchemiser.exchange.venue.transfers import Transfers
from the_alchemiser.exchange.venue.valuation import OPTIONS_APPROVED_LEVEL

_instant = attrgetter("at")


class CloseResult(NamedTuple):
    """What became of one position in close_all: the closing order, or why there is none."""

    symbol: str
    http_status: int
    order: Order | None
    refusal: Refusal | None


class Exchange(Transfers):
    """One exchange with one account. All instants are ns UTC; every method answers at once.

    `submit`, `replace`, `cancel` and the closing methods raise Refusal and then have changed nothing.
    """

    # -- orders -----------------------------------------------------------------------------------

    def order(self, order_id: str) -> Order:
        return self._shown(self._record(order_id))

    def order_by_client_id(self, client_order_id: str) -> Order:
        record = self._by_client_id.get(client_order_id)
        if record is None:
            raise not_found(f"order not found for {client_order_id[:128]}")
        return self._shown(record)

    def orders(self, chosen: OrderFilter | None = None) -> list[Order]:
        """Snapshots of the orders that `chosen` selects, newest first unless it says otherwise."""
        chosen = chosen or OrderFilter()
        candidates = self._open_with_parents() if chosen.status == "open" else self._records
        return [self._shown(order) for order in listed(candidates, chosen, self._orders)]

    def open_orders(self) -> list[Order]:
        """All open orders, held legs among them, oldest first."""
        return [self._shown(order) for order in self._open_orders()]

    @property
    def open_order_count(self) -> int:
        """How many orders are open, legs included."""
        return sum(len(book.open) for book in self._books.values())

    def _open_with_parents(self) -> list[Order]:
        """The open orders and the parents of open legs, oldest first: a list of open orders needs no others."""
        found = {order.id: order for book in self._books.values() for order in book.open.values()}
        parents = {order.parent_id for order in found.values() if order.parent_id} - found.keys()
        together = [*found.values(), *(self._orders[parent] for parent in sorted(parents))]
        return sorted(together, key=lambda order: order.sequence)

    # -- positions --------------------------------------------------------------------------------

    def positions(self) -> list[PositionState]:
        return [self._position_state(symbol) for symbol in sorted(self._account.positions)]

    def position(self, symbol_or_asset_id: str) -> PositionState:
        return self._position_state(self._held_symbol(symbol_or_asset_id))

    def close_position(self, symbol_or_asset_id: str, qty: object = None, percentage: object = None) -> Order:
        """Close a position at the market: all of it, `qty` shares, or `percentage` (0-100] of it."""
        symbol = self._held_symbol(symbol_or_asset_id)
        signed = self._account.quantity_e9(symbol)
        owned = abs(signed)
        if qty is not None and percentage is not None:
            raise bad_parameter("only one of qty or percentage is accepted")
        wanted = owned
        if qty is not None:
            wanted = _quantity(qty)
        elif percentage is not None:
            wanted = _share(percentage, owned)
        crypto = self._account.positions[symbol].asset_class == "crypto"
        return self.submit(
            OrderRequest(
                symbol=symbol,
                side=o.SELL if signed > 0 else o.BUY,
                qty_e9=wanted,
                time_in_force="gtc" if crypto else "day",
                closes_position=True,
            )
        )

    def close_all(self, cancel_orders: bool = False) -> list[CloseResult]:
        """Close every position at the market; with `cancel_orders` all open orders go first."""
        if cancel_orders:
            self.cancel_all()
        return [self._close_one(symbol) for symbol in sorted(self._account.positions)]

    def _close_one(self, symbol: str) -> CloseResult:
        try:
            return CloseResult(symbol, 200, self.close_position(symbol), None)
        except Refusal as refusal:
            return CloseResult(symbol, refusal.http_status, None, refusal)

    def _held_symbol(self, symbol_or_asset_id: str) -> str:
        if symbol_or_asset_id in self._account.positions:
            return symbol_or_asset_id
        for symbol in self._account.positions:  # a pair is also known without its slash
            if symbol_or_asset_id == symbol.replace("/", "") or symbol_or_asset_id.lower() == asset_id(
                symbol
            ):
                return symbol
        asset = self.asset(symbol_or_asset_id)
        if asset is None or asset.symbol not in self._account.positions:
            raise not_found("position does not exist")
        return asset.symbol

    def _position_state(self, symbol: str) -> PositionState:
        self._begin_day()
        position = self._account.positions[symbol]
        asset = self._listed(symbol)
        return PositionState(
            symbol=symbol,
            asset_id=asset.id if asset else asset_id(symbol),
            asset_class=position.asset_class,
            exchange=asset.exchange if asset else "",
            marginable=asset.marginable if asset else False,
            qty_e9=position.qty_e9,
            qty_available_e9=position.qty_e9
            + (position.held_qty_e9 if position.qty_e9 < 0 else -position.held_qty_e9 - position.pledged_e9),
            multiplier=position.multiplier,
            cost_basis_e13=position.cost_basis_e13,
            day_basis_e13=position.day_basis_e13,
            current_price_e4=self._mark_e4(symbol),
            lastday_price_e4=self._previous_close_e4(symbol),
        )

    # -- account ----------------------------------------------------------------------------------

    def account(self) -> AccountState:
        self._begin_day()
        means, shorts = self._standing(), not self.configuration.no_shorting
        return AccountState(
            id=self.account_id,
            account_number=self.account_number,
            at=self.now,
            created_at=self.created_at,
            last_equity_e13=self._account.last_equity_e13,
            last_maintenance_margin_e13=self._account.last_maintenance_margin_e13,
            configuration=self.configuration,
            shorting_enabled=means.multiplier > 1 and shorts,
            trading_blocked=self.rules.restriction == BLOCKED,
            options_approved_level=OPTIONS_APPROVED_LEVEL,
            options_trading_level=self.options_trading_level,
            has_crypto=any(asset.asset_class == "crypto" for asset in self._assets_by_id.values()),
            **msgspec.structs.asdict(means),
        )

    def configure(self, changes: Mapping[str, Any]) -> Configuration:
        """Change settings of the account; null changes nothing. Raises Refusal."""
        self.configuration = configured(self.configuration, changes)
        return self.configuration

    def fills(self, after: int | None = None, until: int | None = None) -> list[FillRecord]:
        """Executions in order, with after < at < until where given."""
        fills = self._account.fills
        first = 0 if after is None else bisect_right(fills, after, key=_instant)
        end = len(fills) if until is None else bisect_left(fills, until, key=_instant)
        return fills[first:end]

    def activities(self, wanted: ActivityFilter) -> list[Activity]:
        """One page of what happened in the account. Raises Refusal."""
        try:
            return page(self._account, wanted, self.now)
        except LookupError:
            raise bad_parameter("invalid page_token") from None

    def other_activities(self) -> list[OtherActivity]:
        """What changed the books beside executions, oldest first."""
        return list(self._account.others)

    def day_closes(self) -> list[DayClose]:
        """What the account was worth at each close since it was opened."""
        return list(self._day_closes)

    def equities(self, ends: list[int], timeframe: str) -> list[int]:
        """The equity just before each instant (ascending, none later than now), at the bars of that width; 0
        before the account was opened.
        """
        first = bisect_right(ends, self.created_at)
        if first == len(ends):
            return [0] * first
        timeframe = "1Hour" if timeframe == "1H" else timeframe

        def read(symbol: str) -> list[Bar]:
            return self.bars(self._source(symbol), timeframe, ends[first] - DAY, ends[-1])

        def mark(symbol: str, at: int) -> int | None:
            try:
                quote = self.market.quote(self._source(symbol), at)
            except (NoPrice, UnknownSymbol):
                return None
            return trade_price_e4(quote.bid_e4, quote.ask_e4)

        worth = equities(self.opening_cash_e13, changes(self._account), ends[first:], Tape(read, mark))
        return [0] * first + list(worth)

    # -- the market as of now ---------------------------------------------------------------------

    def assets(self) -> tuple[Asset, ...]:
        return self.market.assets()

    def asset(self, symbol_or_id: str) -> Asset | None:
        return self._find_asset(symbol_or_id)

    def price_e4(self, symbol: str) -> int:
        """What positions in it are valued at now; 0 for an unknown symbol or before its first price."""
        return self._mark_e4(symbol)

    def quote(self, symbol: str) -> Quote | None:
        """The quote in force now; None for an unknown symbol or before its first price."""
        try:
            return self._quote(symbol)
        except (UnknownSymbol, NoPrice):
            return None

    def trade(self, symbol: str) -> Trade | None:
        """The latest trade; None for an unknown symbol or before its first price."""
        try:
            return self._trade(symbol)
        except (UnknownSymbol, NoPrice):
            return None

    def _trade(self, symbol: str) -> Trade:
        quote = self._quote(symbol)
        pushed = self._pushed.get(symbol)
        if pushed is not None and quote.at == pushed[0]:
            return Trade(quote.at, trade_price_e4(quote.bid_e4, quote.ask_e4), 100, 1)
        return self.market.trade(self._source(symbol), self.now)

    def bars(self, symbol: str, timeframe: str, start: int, end: int) -> list[Bar]:
        """Bars as known now, forming ones included; none for an unknown symbol. ValueError: bad timeframe."""
        try:
            return self.market.bars(symbol, timeframe, start, end, self.now)
        except UnknownSymbol:
            return []

    def trades(self, symbol: str, start: int, end: int) -> Iterable[Trade]:
        return self.market.trades(symbol, start, end, self.now) if self.market.asset(symbol) else ()

    def quotes(self, symbol: str, start: int, end: int) -> Iterable[Quote]:
        return self.market.quotes(symbol, start, end, self.now) if self.market.asset(symbol) else ()


def _quantity(text: object) -> int:
    try:
        return quantity_e9(text)
    except ValueError:
        raise bad_parameter("invalid qty") from None


def _share(percentage: object, owned_e9: int) -> int:
    """`percentage` per cent of `owned_e9`, rounded down: to whole units where there are no others to begin with."""
    try:
        fraction = parse_decimal(percentage)
    except ValueError:
        raise bad_parameter("invalid percentage") from None
    if not 0 < fraction <= 100:
        raise bad_parameter("percentage must be between 0 and 100")
    share = int(owned_e9 * fraction / Decimal(100))
    return share if owned_e9 % QUANTITY else share // QUANTITY * QUANTITY
