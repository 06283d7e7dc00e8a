"""What an account is worth and may do at the prices in force: marks, margin, buying power, and the end of days.

The lowest layer of the venue.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from the_alchemiser.exchange.market.names import first_name
from the_alchemiser.exchange.market.prices import (
    Asset,
    Market,
    NoPrice,
    Quote,
    UnknownSymbol,
    trade_price_e4,
)
from the_alchemiser.exchange.market.sessions import new_york_date, new_york_midnight
from the_alchemiser.exchange.units import NEVER, money_e13
from the_alchemiser.exchange.venue.account import Account, Position
from the_alchemiser.exchange.venue.configuration import Configuration
from the_alchemiser.exchange.venue.history import DayClose
from the_alchemiser.exchange.venue.margin import Exposure, Standing, Weight, Weights, weight

MULTIPLIERS = (1, 2, 4)
OPTIONS_APPROVED_LEVEL = 3


class Valuation:
    """The account at the market's prices. `multiplier`: 1 a cash account, 2 or 4 one that may borrow."""

    def __init__(self, market: Market, *, cash: str, start: int, multiplier: int) -> None:
        if multiplier not in MULTIPLIERS:
            raise ValueError(f"the margin multiplier is 1, 2 or 4, not {multiplier}")
        self.market = market
        self.now = start
        self.created_at = start
        self.multiplier = multiplier
        self.configuration = Configuration()
        self._account = Account(money_e13(cash))
        self._pushed: dict[str, tuple[int, int, int]] = {}
        self._first_names: dict[str, str] = {}
        # What was worked out at the instant `_known_at`; any price that is told anew takes it back to never.
        self._known_at = NEVER
        self._known_marks: dict[str, int] = {}
        self._known_weights: dict[str, tuple[object, Weight]] = {}
        self._known_totals: tuple[object, Weights] = (None, Weights(1, ()))
        self._day_closes: list[DayClose] = []
        self.opening_cash_e13 = self._account.cash_e13
        self._day_ends = NEVER
        self._closing = self._standing()

    # -- prices -----------------------------------------------------------------------------------

    def _quote(self, symbol: str, at: int | None = None) -> Quote:
        """The quote in force (or that of an earlier instant of this part of the day): the market's, or a later
        pushed one. Raises NoPrice, UnknownSymbol.
        """
        at = self.now if at is None else at
        pushed = self._pushed.get(symbol)
        if pushed is None:
            return self.market.quote(self._source(symbol), at)
        if pushed[0] == at:
            return Quote(*pushed, 100, 100)
        try:
            quote = self.market.quote(self._source(symbol), at)
        except NoPrice:
            return Quote(*pushed, 100, 100)
        return quote if quote.at > pushed[0] else Quote(*pushed, 100, 100)

    def _source(self, symbol: str) -> str:
        """The name under which the market keeps the prices of `symbol`: the one it had first."""
        return self._first_names.get(symbol, symbol)

    def _listed(self, symbol: str) -> Asset | None:
        """The asset that is called `symbol` today."""
        script = self.market.script
        if not script.name_changes:
            return self.market.asset(symbol)
        original = first_name(script, symbol, new_york_date(self.now))
        asset = None if original is None else self.market.asset(original)
        if asset is None or asset.symbol != original:  # BTCUSD is how people spell BTC/USD, not its new name
            return asset
        return asset if original == symbol else msgspec.structs.replace(asset, symbol=symbol)

    def _mark_e4(self, symbol: str) -> int:
        """The price a position is valued at: the latest trade; 0 before the first price."""
        if self._known_at != self.now:
            self._forget()
        mark = self._known_marks.get(symbol)
        if mark is None:
            mark = self._known_marks[symbol] = self._marked_e4(symbol)
        return mark

    def _marked_e4(self, symbol: str) -> int:
        try:
            quote = self._quote(symbol)
        except (NoPrice, UnknownSymbol):
            return 0
        return trade_price_e4(quote.bid_e4, quote.ask_e4)

    def _forget(self) -> None:
        """Another instant, or other prices: nothing that was worked out holds any longer."""
        self._known_at = self.now
        self._known_marks.clear()
        self._known_weights.clear()
        self._known_totals = (None, self._known_totals[1])

    def _previous_close_e4(self, symbol: str) -> int:
        try:
            return self.market.previous_close_e4(self._source(symbol), self.now)
        except NoPrice:
            return self._mark_e4(symbol)

    def _market_value_e13(self) -> int:
        """All positions at their marks, short ones below zero."""
        return sum(map(self._value_e13, self._account.positions.values()))

    def _value_e13(self, position: Position) -> int:
        return position.qty_e9 * self._mark_e4(position.symbol) * position.multiplier

    # -- days -------------------------------------------------------------------------------------

    def _end_day(self) -> None:
        """At the close: keep what becomes yesterday's equity and prices once New York's date changes."""
        self._closing = self._standing()
        self._day_closes.append(DayClose(new_york_date(self.now), self.now, self._closing.equity_e13))
        self._day_ends = new_york_midnight(new_york_date(self.now) + timedelta(days=1))

    def _begin_day(self) -> None:
        """Turn the last close into `last_equity` and the basis of the day's profit, once its date is over."""
        if self.now < self._day_ends:
            return
        self._day_ends = NEVER
        self._account.last_equity_e13 = self._closing.equity_e13
        self._account.last_maintenance_margin_e13 = self._closing.maintenance_margin_e13
        for position in self._account.positions.values():
            position.day_basis_e13 = self._value_e13(position)

    # -- means ------------------------------------------------------------------------------------

    def _asset_of(self, position: Position) -> Asset:
        """The asset of a position; one that has left the market lends nothing."""
        return self._listed(position.symbol) or Asset(
            id="",
            symbol=position.symbol,
            name=position.symbol,
            exchange="",
            asset_class=position.asset_class,
            multiplier=position.multiplier,
        )

    def _standing(self, released_e13: int = 0) -> Standing:
        """The account's means now; with so much of the buying power free again that is reserved."""
        account = self._account
        return self._weights().standing(account.cash_e13, account.held_cash_e13 - released_e13)

    def _weights(self) -> Weights:
        """What the positions ask for. Worked out anew when time, prices or positions have changed: of many orders
        that come at one instant, most find it known.
        """
        if self._known_at != self.now:
            self._forget()
        positions = self._account.positions.values()
        allowed = min(self.multiplier, int(self.configuration.max_margin_multiplier))
        state = [(one.symbol, one.qty_e9, one.collateral_e13, allowed) for one in positions]
        if self._known_totals[0] != (allowed, state):
            weights = [self._weight(one, terms) for one, terms in zip(positions, state, strict=True)]
            self._known_totals = ((allowed, state), Weights(allowed, weights))
        return self._known_totals[1]

    def _weight(self, position: Position, terms: tuple[str, int, int, int]) -> Weight:
        """`terms` is all that it depends on beside time and prices."""
        known = self._known_weights.get(position.symbol)
        if known is None or known[0] != terms:
            known = (terms, weight(self._exposure(position), terms[-1]))
            self._known_weights[position.symbol] = known
        return known[1]

    def _exposure(self, position: Position) -> Exposure:
        collateral = position.collateral_e13
        if position.qty_e9 < 0 and position.asset_class == "us_option":
            # What buying it back would cost has left the equity already.
            collateral += self._value_e13(position)
        return Exposure(self._asset_of(position), position.qty_e9, self._mark_e4(position.symbol), collateral)

    def _means(self, released_e13: int = 0) -> Standing:
        """As `_standing`, without looking at prices where a cash account owns nothing but long positions."""
        account = self._account
        if self.multiplier == 1 and account.is_plain:
            held = account.held_cash_e13 - released_e13
            return Standing(multiplier=1, cash_e13=account.cash_e13, held_cash_e13=held)
        return self._standing(released_e13)

    @property
    def options_trading_level(self) -> int:
        """What the account may do with options: 0 nothing to 3 spreads."""
        return min(OPTIONS_APPROVED_LEVEL, self.configuration.max_options_trading_level)
