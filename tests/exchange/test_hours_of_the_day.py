"""The parts of a trading day, and which orders may trade in which of them."""

from __future__ import annotations

from datetime import date

import pytest
from trading_desk import Desk, session_of

from the_alchemiser.exchange.market.hours import CLOSED, OVERNIGHT, POST, PRE, REGULAR, hours_of
from the_alchemiser.exchange.market.sessions import new_york_midnight, xnys_sessions
from the_alchemiser.exchange.units import HOUR, MINUTE

HOURS = hours_of(xnys_sessions())


def new_york(day: str, hour: float) -> int:
    return new_york_midnight(date.fromisoformat(day)) + int(hour * HOUR)


@pytest.mark.parametrize(
    ("day", "hour", "phase"),
    [
        ("2022-03-16", 3.99, OVERNIGHT),
        ("2022-03-16", 4, PRE),
        ("2022-03-16", 9.49, PRE),
        ("2022-03-16", 9.5, REGULAR),
        ("2022-03-16", 15.99, REGULAR),
        ("2022-03-16", 16, POST),
        ("2022-03-16", 19.99, POST),
        ("2022-03-16", 20, OVERNIGHT),
        ("2022-03-18", 20, CLOSED),
        ("2022-03-20", 19.99, CLOSED),
        ("2022-03-20", 20, OVERNIGHT),
        ("2022-11-25", 13, POST),
        ("2022-11-25", 17, CLOSED),
        ("2022-07-03", 21, CLOSED),
        ("2022-07-04", 21, OVERNIGHT),
    ],
)
def test_every_instant_lies_in_one_part_of_the_day(day: str, hour: float, phase: str) -> None:
    at = new_york(day, hour)
    span = HOURS.span(at)
    assert span.phase == phase
    assert span.began <= at < span.ends


def test_the_parts_follow_each_other_without_a_gap() -> None:
    at, end = new_york("2022-03-10", 0), new_york("2022-03-16", 0)
    while at < end:
        span = HOURS.span(at)
        following = HOURS.span(span.ends)
        assert following.began == span.ends
        assert following.phase != span.phase
        at = span.ends


def test_nothing_is_open_beyond_the_calendar() -> None:
    sessions = xnys_sessions()
    assert HOURS.phase(sessions.all[0].open - 14 * HOUR) == CLOSED
    last = HOURS.of(sessions.all[-1])
    assert HOURS.phase(last.end) == CLOSED
    assert HOURS.day(last.end) is None


def test_an_order_for_extended_hours_trades_before_the_opening_and_after_the_close(desk: Desk) -> None:
    exchange = desk.exchange
    exchange.advance(desk.session.close + MINUTE)
    late = desk.buy("1", limit_price="10", extended_hours=True)
    regular = desk.buy("1", limit_price="10")
    assert (late.status, regular.status) == ("pending_new", "accepted")
    exchange.move("HAT", 99_000, 99_500, desk.session.close + 2 * MINUTE)
    assert (desk.status(late), desk.status(regular)) == ("filled", "accepted")
    following = HOURS.of(session_of("2022-03-17"))
    early = desk.buy("1", limit_price="9", extended_hours=True)
    exchange.move("HAT", 88_000, 88_500, following.pre + MINUTE)
    assert desk.status(early) == "expired"
    early = desk.buy("1", limit_price="9", extended_hours=True)
    assert (desk.status(early), desk.status(regular)) == ("filled", "accepted")
    exchange.move("HAT", 88_000, 88_500, following.open)
    assert desk.status(regular) == "filled"


def test_the_order_of_the_night_waits_for_the_morning(desk: Desk) -> None:
    desk.exchange.advance(HOURS.of(desk.session).end)
    order = desk.buy("1", limit_price="10", extended_hours=True)
    following = HOURS.of(session_of("2022-03-17"))
    assert (order.status, order.expires_at) == ("accepted", following.end)
    desk.exchange.advance(following.pre)
    assert desk.status(order) == "new"
    desk.exchange.advance(following.end)
    assert desk.status(order) == "expired"
