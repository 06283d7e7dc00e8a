"""What routes show of a market as of now: nothing of what has had no price yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from the_alchemiser.exchange.market.prices import NoPrice
from the_alchemiser.exchange.rows import Row

M = TypeVar("M")


def shown(show: Callable[[M, str, int], Row | None], market: M, symbol: str, now: int) -> Row | None:
    """The row that `show` makes of a symbol; None before its first price."""
    try:
        return show(market, symbol, now)
    except NoPrice:
        return None


def rows_shown(
    show: Callable[[M, str, int], Row | None], market: M | None, symbols: Iterable[str], now: int
) -> dict[str, Row]:
    """The rows of those symbols that have one; none without a market."""
    if market is None:
        return {}
    rows = {symbol: shown(show, market, symbol, now) for symbol in symbols}
    return {symbol: row for symbol, row in rows.items() if row is not None}
