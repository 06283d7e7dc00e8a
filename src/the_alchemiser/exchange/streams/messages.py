"""The messages of the data streams, field by field; `T` comes first because some clients read it first.

`t` is filled in by the encoding, whose form of an instant it is. None of them can be part of a cycle, and there are
very many: the collector need not look at them (gc=False).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from the_alchemiser.exchange.market.prices import Bar, Quote, Trade
from the_alchemiser.exchange.rows import OPTION_VENUE, TAPE, VENUE
from the_alchemiser.exchange.streams.feeds import CRYPTO, OPTIONS, STOCKS, TEST
from the_alchemiser.exchange.units import PRICE, tick_e4

MISTAKEN_ID_OFFSET = 10**9  # the ids of prints that never were lie beyond those of the real ones
_TRADE_CONDITIONS = ("@",)
_QUOTE_CONDITIONS = ("R",)
OPTION_QUOTE_CONDITION, OPTION_TRADE_CONDITION = "A", "I"


class SymbolMessage(msgspec.Struct, gc=False):
    """What every message about a symbol begins with."""

    T: str
    S: str
    t: Any


class StockTrade(SymbolMessage, gc=False):
    i: int
    p: float
    s: float
    x: str = VENUE
    c: tuple[str, ...] = _TRADE_CONDITIONS
    z: str = TAPE


class StockQuote(SymbolMessage, gc=False):
    bp: float
    bs: float
    ap: float
    as_: float = msgspec.field(name="as")
    bx: str = VENUE
    ax: str = VENUE
    c: tuple[str, ...] = _QUOTE_CONDITIONS
    z: str = TAPE


class BarMessage(SymbolMessage, gc=False):
    """A minute bar (T b), an updated one (u) or the running bar of the day (d)."""

    o: float
    h: float
    l: float  # noqa: E741  the wire's name
    c: float
    v: float
    n: int
    vw: float


class CryptoTrade(SymbolMessage, gc=False):
    """`tks` is the side that took: B or S."""

    p: float
    s: float
    i: int
    tks: str


class CryptoQuote(SymbolMessage, gc=False):
    bp: float
    bs: float
    ap: float
    as_: float = msgspec.field(name="as")


class OptionTrade(SymbolMessage, gc=False):
    p: float
    s: float
    x: str = OPTION_VENUE
    c: str = OPTION_TRADE_CONDITION


class OptionQuote(SymbolMessage, gc=False):
    bp: float
    bs: float
    ap: float
    as_: float = msgspec.field(name="as")
    bx: str = OPTION_VENUE
    ax: str = OPTION_VENUE
    c: str = OPTION_QUOTE_CONDITION


class StatusMessage(SymbolMessage, gc=False):
    """A change of trading status: code and text, reason code and text."""

    sc: str
    sm: str
    rc: str
    rm: str
    z: str = TAPE


class LuldMessage(SymbolMessage, gc=False):
    """The price band: up, down, and an indicator."""

    u: float
    d: float
    i: str = "B"
    z: str = TAPE


class ImbalanceMessage(SymbolMessage, gc=False):
    p: float
    z: str = TAPE


class CorrectionMessage(SymbolMessage, gc=False):
    """A print as it was told (o…) and as it is (c…)."""

    oi: int
    op: float
    os: float
    ci: int
    cp: float
    cs: float
    x: str = VENUE
    oc: tuple[str, ...] = _TRADE_CONDITIONS
    cc: tuple[str, ...] = _TRADE_CONDITIONS
    z: str = TAPE


class CancelMessage(SymbolMessage, gc=False):
    """A print that never was: `a` is C (cancelled) or E (an error)."""

    i: int
    p: float
    s: float
    a: str
    x: str = VENUE
    z: str = TAPE


class BookLevel(msgspec.Struct, gc=False):
    """A price and the coins there; none of them deletes the level."""

    p: float
    s: float


class OrderbookMessage(SymbolMessage, omit_defaults=True):
    """`r` marks a full book that replaces what was known; without it only the changed levels are told."""

    b: list[BookLevel] = msgspec.field()
    a: list[BookLevel] = msgspec.field()
    r: bool = False


Message = msgspec.Struct


def _stock_trade(symbol: str, trade: Trade) -> Message:
    return StockTrade("t", symbol, None, trade.id, trade.price_e4 / PRICE, int(trade.size))


def _stock_quote(symbol: str, quote: Quote) -> Message:
    bid, ask = quote.bid_e4 / PRICE, quote.ask_e4 / PRICE
    return StockQuote("q", symbol, None, bid, int(quote.bid_size), ask, int(quote.ask_size))


def _crypto_trade(symbol: str, trade: Trade) -> Message:
    return CryptoTrade("t", symbol, None, trade.price_e4 / PRICE, trade.size, trade.id, trade.taker)


def _crypto_quote(symbol: str, quote: Quote) -> Message:
    bid, ask = quote.bid_e4 / PRICE, quote.ask_e4 / PRICE
    return CryptoQuote("q", symbol, None, bid, quote.bid_size, ask, quote.ask_size)


def _option_trade(symbol: str, trade: Trade) -> Message:
    return OptionTrade("t", symbol, None, trade.price_e4 / PRICE, int(trade.size))


def _option_quote(symbol: str, quote: Quote) -> Message:
    bid, ask = quote.bid_e4 / PRICE, quote.ask_e4 / PRICE
    return OptionQuote("q", symbol, None, bid, int(quote.bid_size), ask, int(quote.ask_size))


TRADES_OF: dict[str, Callable[[str, Trade], Message]] = {
    STOCKS: _stock_trade,
    TEST: _stock_trade,
    CRYPTO: _crypto_trade,
    OPTIONS: _option_trade,
}
QUOTES_OF: dict[str, Callable[[str, Quote], Message]] = {
    STOCKS: _stock_quote,
    TEST: _stock_quote,
    CRYPTO: _crypto_quote,
    OPTIONS: _option_quote,
}


def bar_message(kind: str, symbol: str, bar: Bar) -> BarMessage:
    return BarMessage(
        kind, symbol, None, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades, bar.vwap
    )


def imbalance(symbol: str, trade: Trade) -> ImbalanceMessage:
    return ImbalanceMessage("i", symbol, None, trade.price_e4 / PRICE)


def mistaken(symbol: str, trade: Trade, *, corrected: bool) -> StockTrade:
    """The wrong print: one that will be cancelled, or what will be corrected into `trade`."""
    price = trade.price_e4 + tick_e4(trade.price_e4) if corrected else trade.price_e4
    return StockTrade("t", symbol, None, trade.id + MISTAKEN_ID_OFFSET, price / PRICE, trade.size)


def correction(symbol: str, trade: Trade) -> CorrectionMessage:
    """That the mistaken print should have been `trade`."""
    wrong = mistaken(symbol, trade, corrected=True)
    price = trade.price_e4 / PRICE
    return CorrectionMessage("c", symbol, None, wrong.i, wrong.p, wrong.s, trade.id, price, trade.size)


def cancellation(symbol: str, trade: Trade) -> CancelMessage:
    """That the mistaken print beside `trade` never was."""
    wrong = mistaken(symbol, trade, corrected=False)
    return CancelMessage("x", symbol, None, wrong.i, wrong.p, wrong.s, "C")
