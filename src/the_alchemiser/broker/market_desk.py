"""Prices and assets, as Alpaca's data service and asset list have them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np

from the_alchemiser.broker import convert
from the_alchemiser.broker.clients import Clients
from the_alchemiser.broker.resilience import alpaca_retry_context
from the_alchemiser.domain.errors import BrokerRefused, BrokerUnavailable, MarketDataMissing
from the_alchemiser.domain.instants import Nanos, rfc3339
from the_alchemiser.domain.market import Asset, Bar, History, Quote, Symbol
from the_alchemiser.domain.money import Price, decimal

BARS_PER_PAGE = 10_000
PAGES_MAX = 500
SYMBOLS_PER_REQUEST = 200
"""Keeps a request line below the 8 KB every proxy takes."""
ASSETS_ONE_BY_ONE_MAX = 60
"""Up to here single questions are cheaper than the list of all 33,000 assets."""
ASSET_SECONDS = 3_600.0
"""Assets change overnight; the broker's refusal of an order is the authority in between."""
SIGNAL_ADJUSTMENT = "all"
"""Signals see prices adjusted for splits and dividends: a split is not a fall, and a dividend paid is not a loss.
Orders are priced from live quotes, which nothing adjusts."""


class MarketDesk:
    """The market-data and the asset service."""

    _clients: Clients
    _assets: dict[Symbol, tuple[float, Asset | None]]

    def get_histories(
        self, symbols: Sequence[Symbol], sessions: int, before_date: str
    ) -> dict[Symbol, History]:
        """The last `sessions` daily closes before an ISO date, per symbol; fewer where a symbol is younger."""
        end = convert.new_york_instant(before_date, "00:00")
        # 252 sessions a year: 1.5 calendar days for each covers holidays, ten more the shortest asks.
        first = dt.date.fromisoformat(before_date) - dt.timedelta(days=int(sessions * 1.5) + 10)
        start = convert.new_york_instant(first.isoformat(), "00:00")
        with alpaca_retry_context(operation_name="read daily bars"), self._clients.reading():
            found: dict[Symbol, list[Bar]] = {}
            for some in _batches(symbols):
                found |= self._bars(some, "1Day", start, end - 1)
        return {
            symbol: _history(symbol, found[symbol][-sessions:]) for symbol in symbols if found.get(symbol)
        }

    def get_bars(self, symbol: Symbol, timeframe: str, start: Nanos, end: Nanos) -> Sequence[Bar]:
        """Bars of one symbol, oldest first; timeframe as Alpaca writes it (1Min, 5Min, 1Hour, 1Day)."""
        with alpaca_retry_context(operation_name="read bars"), self._clients.reading():
            return self._bars([symbol], timeframe, start, end).get(symbol, [])

    def get_quotes(self, symbols: Sequence[Symbol]) -> dict[Symbol, Quote]:
        """The newest quote per symbol; a symbol nobody has quoted is absent."""
        with alpaca_retry_context(operation_name="read quotes"), self._clients.reading():
            rows = self._latest("quotes", symbols)
            return {symbol: convert.quote(symbol, rows[symbol]) for symbol in symbols if rows.get(symbol)}

    def get_quote(self, symbol: Symbol) -> Quote:
        """The newest quote of one symbol. Raises MarketDataMissing where there is none."""
        quotes = self.get_quotes([symbol])
        if symbol not in quotes:
            raise MarketDataMissing(f"nobody quotes {symbol}")
        return quotes[symbol]

    def get_price(self, symbol: Symbol) -> Price:
        """The latest trade's price, else the middle of the spread. Raises MarketDataMissing where there is neither."""
        with alpaca_retry_context(operation_name="read last trade"), self._clients.reading():
            trade = self._latest("trades", [symbol]).get(symbol)
            if trade and trade.get("p"):
                return decimal(trade["p"])
        newest = self.get_quote(symbol)
        if not newest.is_two_sided:
            raise MarketDataMissing(f"{symbol} has neither a trade nor two sides of a quote")
        return newest.middle

    def get_previous_close(self, symbol: Symbol, before_date: str) -> float:
        """The close of the last session before an ISO date. Raises MarketDataMissing where there is none."""
        histories = self.get_histories([symbol], 1, before_date)
        if symbol not in histories:
            raise MarketDataMissing(f"{symbol} has no session before {before_date}")
        return float(histories[symbol].closes[-1])

    def get_assets(self, symbols: Sequence[Symbol]) -> dict[Symbol, Asset]:
        """What the broker knows of these symbols; unknown ones are absent. An answer may be an hour old."""
        now = self._clients.options.platform.monotonic()
        missing = [symbol for symbol in symbols if self._assets.get(symbol, (0.0, None))[0] <= now]
        with alpaca_retry_context(operation_name="read assets"), self._clients.reading():
            fresh = self._all_assets() if len(missing) > ASSETS_ONE_BY_ONE_MAX else {}
            for symbol in missing:
                found = fresh.get(symbol) or self._asset(symbol)
                self._assets[symbol] = (now + ASSET_SECONDS, found)
        known = {symbol: self._assets[symbol][1] for symbol in symbols}
        return {symbol: asset for symbol, asset in known.items() if asset is not None}

    def _asset(self, symbol: Symbol) -> Asset | None:
        try:
            raw: Any = self._clients.trading.get(f"/assets/{quote(symbol, safe='')}")
        except BrokerRefused as refused:
            if refused.status == 404:
                return None
            raise
        return convert.asset(raw)

    def _all_assets(self) -> dict[Symbol, Asset]:
        rows: Any = self._clients.trading.get("/assets", {"status": "active", "asset_class": "us_equity"})
        return {raw["symbol"]: convert.asset(raw) for raw in rows}

    def _latest(self, kind: str, symbols: Sequence[Symbol]) -> dict[Symbol, convert.Raw]:
        rows: dict[Symbol, convert.Raw] = {}
        for some in _batches(symbols):
            query = {"symbols": ",".join(some), "feed": self._clients.options.feed}
            answer: Any = self._clients.data.get(f"/stocks/{kind}/latest", query)
            rows |= answer[kind] or {}
        return rows

    def _bars(
        self, symbols: Sequence[Symbol], timeframe: str, start: Nanos, end: Nanos
    ) -> dict[Symbol, list[Bar]]:
        query: dict[str, Any] = {
            "symbols": ",".join(symbols),
            "timeframe": timeframe,
            "start": rfc3339(start),
            "end": rfc3339(end),
            "adjustment": SIGNAL_ADJUSTMENT,
            "feed": self._clients.options.feed,
            "limit": BARS_PER_PAGE,
        }
        found: dict[Symbol, list[Bar]] = {}
        for _ in range(PAGES_MAX):
            page: Any = self._clients.data.get("/stocks/bars", query)
            for symbol, rows in (page["bars"] or {}).items():
                found.setdefault(symbol, []).extend(convert.bar(symbol, raw) for raw in rows)
            if not page.get("next_page_token"):
                return found
            query = query | {"page_token": page["next_page_token"]}
        raise BrokerUnavailable(f"read bars: more than {PAGES_MAX * BARS_PER_PAGE} of them")


def _history(symbol: Symbol, bars: Sequence[Bar]) -> History:
    closes = np.array([bar.close for bar in bars], dtype=np.float64)
    return History(symbol, convert.new_york_date(bars[-1].at), closes)


def _batches(symbols: Sequence[Symbol]) -> Iterator[Sequence[Symbol]]:
    for first in range(0, len(symbols), SYMBOLS_PER_REQUEST):
        yield symbols[first : first + SYMBOLS_PER_REQUEST]
