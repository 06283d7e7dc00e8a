"""GET /v2/account/portfolio/history: equity and profit over time. Numbers, not strings.

Days are labelled with their closes, shorter windows with their beginnings. Before the account was opened its equity
is 0.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from datetime import date, timedelta
from itertools import accumulate
from typing import NamedTuple

from aiohttp import web

from the_alchemiser.exchange.errors import bad_parameter
from the_alchemiser.exchange.market.sessions import new_york_date, new_york_midnight
from the_alchemiser.exchange.rest.door import desk_of, json_answer, query_flag, query_instant
from the_alchemiser.exchange.units import DAY, HOUR, MINUTE, MONEY, SECOND
from the_alchemiser.exchange.venue.account import OtherActivity
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.history import DayClose

WIDTHS = {"1Min": MINUTE, "5Min": 5 * MINUTE, "15Min": 15 * MINUTE, "1H": HOUR, "1D": DAY}
REPORTINGS = ("market_hours", "extended_hours", "continuous")
RESETS = ("per_day", "no_reset")
INTRADAY_DAYS_LIMIT = 31
PERIOD_YEARS_LIMIT = 50
BEFORE_THE_OPEN, AFTER_THE_CLOSE = 11 * HOUR // 2, 4 * HOUR
_PERIOD = re.compile(r"([1-9]\d{0,3})([DWMA])")


class Window(NamedTuple):
    """One point: its label, and the instant up to which it looks."""

    label: int
    end: int


class Wanted(NamedTuple):
    """What was asked for, completed."""

    start: int
    end: int
    timeframe: str
    reporting: str
    resets: bool


async def portfolio_history(request: web.Request) -> web.Response:
    """GET /v2/account/portfolio/history."""
    exchange = desk_of(request).exchange
    wanted = _wanted(request, exchange)
    windows = _days(exchange, wanted) if wanted.timeframe == "1D" else _windows(exchange, wanted)
    known = exchange.day_closes()
    worth = _equities(exchange, wanted, windows, known)
    first = windows[0].label if windows else wanted.start
    base = _last_before(known, new_york_date(first))
    profits, shares = _profits(exchange, wanted, windows, worth, known)
    answer = {
        "timestamp": [window.label // SECOND for window in windows],
        "equity": [_dollars(equity) for equity in worth],
        "profit_loss": [_dollars(profit) for profit in profits],
        "profit_loss_pct": shares,
        "base_value": _dollars(base.equity_e13 if base else exchange.opening_cash_e13),
        "timeframe": wanted.timeframe,
        "cashflow": _cash_flows(request, exchange, windows),
    }
    if base is not None:
        answer["base_value_asof"] = base.day.isoformat()
    return json_answer(answer)


# What was asked for


def _wanted(request: web.Request, exchange: Exchange) -> Wanted:
    start, end = _range(request, exchange)
    days = (end - start) / DAY
    timeframe = request.query.get("timeframe") or ("1Min" if days < 7 else "15Min" if days < 30 else "1D")
    if timeframe not in WIDTHS:
        raise bad_parameter("invalid timeframe")
    if timeframe != "1D" and days > INTRADAY_DAYS_LIMIT:
        raise bad_parameter("timeframe must be 1D for periods longer than 30 days")
    longer = query_flag(request, "extended_hours")
    reporting = _word(request, "intraday_reporting", REPORTINGS[longer], REPORTINGS)
    return Wanted(
        start, end, timeframe, reporting, _word(request, "pnl_reset", "per_day", RESETS) == "per_day"
    )


def _word(request: web.Request, name: str, default: str, words: tuple[str, ...]) -> str:
    word = request.query.get(name) or default
    if word not in words:
        raise bad_parameter(f"invalid {name}")
    return word


def _range(request: web.Request, exchange: Exchange) -> tuple[int, int]:
    period, now = request.query.get("period", ""), exchange.now
    start, end = query_instant(request, "start"), _end(request)
    if period and start is not None and end is not None:
        raise bad_parameter("only two of start, end and period can be given")
    found = _PERIOD.fullmatch(period or "1M")
    if found is None:
        raise bad_parameter("invalid period")
    count, unit = int(found[1]), found[2]
    if start is None:
        end = min(now, now if end is None else end)
        start = _back(exchange, end, count, unit)
    elif end is None:
        end = start + _length(count, unit) if period else now
    if start > end:
        raise bad_parameter("start must not be after end")
    return start, min(end, now)


def _end(request: web.Request) -> int | None:
    """The last instant; a date means all of its day."""
    name = "end" if request.query.get("end") else "date_end"
    end = query_instant(request, name)
    if end is not None and len(request.query[name].strip()) == len("YYYY-MM-DD"):
        return new_york_midnight(new_york_date(end) + timedelta(days=1)) - 1
    return end


def _length(count: int, unit: str) -> int:
    days = count * {"D": 1, "W": 7, "M": 30, "A": 365}[unit]
    if days > 366 * PERIOD_YEARS_LIMIT:
        raise bad_parameter("invalid period")
    return days * DAY


def _back(exchange: Exchange, end: int, count: int, unit: str) -> int:
    """That long before `end`: days are trading days, the last of them the one of `end`."""
    today = new_york_date(end)
    if unit == "D":
        sessions = exchange.market.sessions.between(date.min, today)
        begun = [session for session in sessions[-count - 1 :] if session.open - BEFORE_THE_OPEN <= end]
        return new_york_midnight(begun[-count:][0].date) if begun else end
    return new_york_midnight(today) - _length(count, unit)


# Points in time


def _days(exchange: Exchange, wanted: Wanted) -> list[Window]:
    sessions = exchange.market.sessions.between(new_york_date(wanted.start), new_york_date(wanted.end))
    return [
        Window(session.close, min(session.close, exchange.now + 1))
        for session in sessions
        if session.open <= exchange.now
    ]


def _windows(exchange: Exchange, wanted: Wanted) -> list[Window]:
    width, now = WIDTHS[wanted.timeframe], exchange.now
    if wanted.reporting == "continuous":
        labels = list(range(wanted.start // width * width, wanted.end + 1, width))
    else:
        labels = _labels_of_sessions(exchange, wanted, width)
    return [Window(label, min(label + width, now + 1)) for label in labels]


def _labels_of_sessions(exchange: Exchange, wanted: Wanted, width: int) -> list[int]:
    longer = wanted.reporting == "extended_hours"
    early, late = (BEFORE_THE_OPEN, AFTER_THE_CLOSE) if longer else (0, 0)
    found: list[int] = []
    for session in exchange.market.sessions.between(new_york_date(wanted.start), new_york_date(wanted.end)):
        labels = range(session.open - early, session.close + late, width)
        found += [label for label in labels if wanted.start - width < label <= wanted.end]
    return found


# What it was worth


def _equities(exchange: Exchange, wanted: Wanted, windows: list[Window], known: list[DayClose]) -> list[int]:
    if wanted.timeframe != "1D":
        return exchange.equities([window.end for window in windows], wanted.timeframe)
    closes = {close.at: close.equity_e13 for close in known}
    now = exchange.account().equity_e13
    return [
        closes.get(window.label, now if window.label > exchange.now else 0)
        if window.label >= exchange.created_at
        else 0
        for window in windows
    ]


def _last_before(known: list[DayClose], day: date) -> DayClose | None:
    place = bisect_left(known, day, key=lambda close: close.day) - 1
    return known[place] if place >= 0 else None


def _profits(
    exchange: Exchange, wanted: Wanted, windows: list[Window], worth: list[int], known: list[DayClose]
) -> tuple[list[int], list[float]]:
    """Profit or loss at each point, and as a part of what it is counted from."""
    profits: list[int] = []
    shares: list[float] = []
    every_day = wanted.resets and wanted.timeframe != "1D"
    base, since = None, exchange.created_at
    for window, equity in zip(windows, worth, strict=True):
        if base is None or every_day:
            last = _last_before(known, new_york_date(window.label))
            base = last.equity_e13 if last else exchange.opening_cash_e13
            since = last.at if last else exchange.created_at
        profit = 0
        if window.end > exchange.created_at:
            profit = equity - base - exchange.transferred_e13(since, window.end)
        profits.append(profit)
        shares.append(round(profit / base, 6) if base else 0.0)
    return profits, shares


def _cash_flows(request: web.Request, exchange: Exchange, windows: list[Window]) -> dict[str, list[float]]:
    """What came and went without a trade, by type, summed up to each point."""
    asked = request.query.get("cashflow_types", "NONE").upper()
    if asked == "NONE" or not windows:
        return {}
    types = None if asked == "ALL" else set(asked.split(","))
    flows: dict[str, list[OtherActivity]] = {}
    for other in exchange.other_activities():
        if other.cash_e13 and other.booked_at >= windows[0].label and (types is None or other.type in types):
            flows.setdefault(other.type, []).append(other)
    return {kind: _summed(others, windows) for kind, others in flows.items()}


def _summed(others: list[OtherActivity], windows: list[Window]) -> list[float]:
    ends = [window.end for window in windows]
    amounts = [0] * len(ends)
    for other in others:
        place = bisect_left(ends, other.booked_at + 1)
        if place < len(ends):
            amounts[place] += other.cash_e13
    return [_dollars(amount) for amount in accumulate(amounts)]


def _dollars(count_e13: int) -> float:
    return round(count_e13 / MONEY, 4)
