"""What an option is worth here: the Black-Scholes formula over a stated surface of volatility.

    value      the formula for European options without dividends, never less than exercising at once would give,
               since the contracts are American
    rate       two per cent a year
    time       calendar time to the close of the expiry day, in years of 365 days
    at the     the stock's realised volatility of the twenty days before (the one its simulated hours are drawn with),
    money      times the root of 252, drawn towards 28 % for longer terms
    smile      around it, in standard deviations m of log(strike / spot): times 1 - 0.08 m + 0.04 m^2, |m| at most 2.5
    quotes     around the value, two cents and two per cent of it apart, on a grid of one cent below $3 and five above

Everything is a function of arrays, so that a chain costs what a contract does.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from the_alchemiser.exchange.market.barring import Ints
from the_alchemiser.exchange.units import DAY, PRICE

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

RATE = 0.02
YEAR = 365 * DAY
LONG_RUN_VOLATILITY = 0.28
LOWEST_VOLATILITY, HIGHEST_VOLATILITY = 0.08, 1.50
SKEW, SMILE, WIDEST = -0.08, 0.04, 2.5
SHORTEST_YEARS = 1e-6  # half a minute: later than that only exercising counts
NICKELS_FROM = 3.0
TRADING_DAYS = 252


class Terms(NamedTuple):
    """What values depend on; arrays of one length, or of one element that counts for all."""

    spot: Floats
    strike: Floats
    years: Floats
    at_the_money: Floats
    is_call: Flags


class Greeks(NamedTuple):
    """By the share: delta and gamma by a dollar of the stock, theta by a day, vega and rho by a percentage point."""

    delta: Floats
    gamma: Floats
    theta: Floats
    vega: Floats
    rho: Floats


def at_the_money(daily_volatility: float, years: Floats) -> Floats:
    """The surface at the spot: the realised volatility, drawn towards its long run for longer terms."""
    realised = daily_volatility * TRADING_DAYS**0.5
    drawn: Floats = LONG_RUN_VOLATILITY + (realised - LONG_RUN_VOLATILITY) / (1 + 2 * years)
    bounded: Floats = np.clip(drawn, LOWEST_VOLATILITY, HIGHEST_VOLATILITY)
    return bounded


def implied_volatility(terms: Terms) -> Floats:
    """The surface at each strike."""
    years = np.maximum(terms.years, 1 / 365)
    distance = np.log(terms.strike / terms.spot) / (terms.at_the_money * np.sqrt(years))
    m = np.clip(distance, -WIDEST, WIDEST)
    smile: Floats = terms.at_the_money * (1 + SKEW * m + SMILE * m * m)
    return smile


def values(terms: Terms) -> Floats:
    """Dollars by the share, rounded to a millionth so that no machine sees another price."""
    sign = np.where(terms.is_call, 1.0, -1.0)
    discount = np.exp(-RATE * np.maximum(terms.years, 0))
    first, second = _distances(terms, implied_volatility(terms))
    european = sign * (terms.spot * _normal(sign * first) - terms.strike * discount * _normal(sign * second))
    exercised = np.maximum(sign * (terms.spot - terms.strike), 0)
    alive = terms.years > SHORTEST_YEARS
    worth: Floats = np.rint(np.where(alive, np.maximum(european, exercised), exercised) * 1e6) / 1e6
    return worth


def greeks(terms: Terms) -> Greeks:
    """The sensitivities of the formula, smile held fixed."""
    sign = np.where(terms.is_call, 1.0, -1.0)
    sigma, years = implied_volatility(terms), np.maximum(terms.years, SHORTEST_YEARS)
    first, second = _distances(terms, sigma)
    density = np.exp(-first * first / 2) / np.sqrt(2 * np.pi)
    owed = RATE * terms.strike * np.exp(-RATE * years) * _normal(sign * second)
    decay = -terms.spot * density * sigma / (2 * np.sqrt(years))
    return Greeks(
        sign * _normal(sign * first),
        density / (terms.spot * sigma * np.sqrt(years)),
        (decay - sign * owed) / 365,
        terms.spot * density * np.sqrt(years) / 100,
        sign * owed * years / RATE / 100,
    )


def quotes_around(value: Floats) -> tuple[Ints, Ints]:
    """Bid and ask (1e-4 dollars) around values; the bid of what is worth next to nothing is zero."""
    tick = np.where(value < NICKELS_FROM, 0.01, 0.05)
    half = 0.01 + 0.01 * value
    bid = np.floor(np.maximum(value - half, 0) / tick + 1e-9)
    ask = np.maximum(np.ceil((value + half) / tick - 1e-9), bid + 1)
    step = np.rint(tick * PRICE).astype(np.int64)
    return bid.astype(np.int64) * step, ask.astype(np.int64) * step


def _distances(terms: Terms, sigma: Floats) -> tuple[Floats, Floats]:
    """d1 and d2 of the formula."""
    years = np.maximum(terms.years, SHORTEST_YEARS)
    width = sigma * np.sqrt(years)
    first = (np.log(terms.spot / terms.strike) + (RATE + sigma * sigma / 2) * years) / width
    return first, first - width


# Abramowitz and Stegun 26.2.17: the normal distribution to seven digits.
_TERMS = (0.319381530, -0.356563782, 1.781477937, -1.821255978, 1.330274429)


def _normal(x: Floats) -> Floats:
    away = np.abs(x)
    t = 1 / (1 + 0.2316419 * away)
    series = np.zeros_like(t)
    for term in reversed(_TERMS):
        series = (series + term) * t
    tail = np.exp(-away * away / 2) / np.sqrt(2 * np.pi) * series
    below: Floats = np.where(x < 0, tail, 1 - tail)
    return below
