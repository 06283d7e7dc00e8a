"""Which option contracts a request selects, by the filters that the trading and the data API share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from aiohttp import web

from the_alchemiser.exchange.market.board import Board
from the_alchemiser.exchange.market.contracts import CALL, PUT, Contract
from the_alchemiser.exchange.market.options import OptionMarket
from the_alchemiser.exchange.rest.door import FLOOR
from the_alchemiser.exchange.timestamps import parse_day
from the_alchemiser.exchange.units import price_e4


class Selection(NamedTuple):
    """The contracts between these bounds, inclusive; strikes in 1e-4 dollars, None: unbounded."""

    first: date
    last: date
    kind: str | None = None
    lowest_e4: int | None = None
    highest_e4: int | None = None

    def admits(self, contract: Contract) -> bool:
        return (
            (self.kind is None or contract.kind == self.kind)
            and (self.lowest_e4 is None or contract.strike_e4 >= self.lowest_e4)
            and (self.highest_e4 is None or contract.strike_e4 <= self.highest_e4)
        )


def option_market(request: web.Request) -> OptionMarket | None:
    """The option market, if this exchange has one."""
    market = request.app[FLOOR].market
    return market.options if isinstance(market, Board) else None


def selection_of(request: web.Request, first: date, last: date) -> Selection:
    """The filters of the query; `first` and `last` bound the expiries where it does not.

    Raises ValueError with the name of the parameter that makes no sense.
    """
    exact = _day(request, "expiration_date")
    kind = request.query.get("type") or None
    if kind not in (None, CALL, PUT):
        raise ValueError("type")
    earliest = _day(request, "expiration_date_gte")
    return Selection(
        exact or max(filter(None, (earliest, first))),
        exact or _day(request, "expiration_date_lte") or last,
        kind,
        _strike(request, "strike_price_gte"),
        _strike(request, "strike_price_lte"),
    )


def select(market: OptionMarket, underlying: str, wanted: Selection, at: int) -> Iterator[Contract]:
    """The contracts on one stock that have been listed by `at`: by expiry, calls before puts, then by strike."""
    for expiry in market.chains.expiries(wanted.first, wanted.last, at):
        for contract in market.chains.contracts(underlying, expiry, at):
            if wanted.admits(contract):
                yield contract


def _day(request: web.Request, name: str) -> date | None:
    text = request.query.get(name, "")
    try:
        return parse_day(text) if text else None
    except ValueError:
        raise ValueError(name) from None


def _strike(request: web.Request, name: str) -> int | None:
    text = request.query.get(name, "")
    try:
        return price_e4(text) if text else None
    except ValueError:
        raise ValueError(name) from None
