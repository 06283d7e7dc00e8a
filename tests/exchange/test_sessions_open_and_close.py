"""What openings, closings and the end of a date do to orders and accounts; and the shipped table of sessions."""

from datetime import date

import exchange_calendars
import pytest
from trading_desk import Desk, session_of

from the_alchemiser.exchange.market.sessions import new_york_date, new_york_midnight, xnys_sessions
from the_alchemiser.exchange.units import DAY, MINUTE, SECOND


# The library itself reads Series.values, which pandas is about to change.
@pytest.mark.filterwarnings("ignore:Series.values")
def test_the_table_agrees_with_the_calendar_library_session_by_session() -> None:
    schedule = exchange_calendars.get_calendar("XNYS", start="1990-01-01", end="2029-12-31").schedule
    expected = [
        (day.date(), int(opens.timestamp()) * SECOND, int(closes.timestamp()) * SECOND)
        for day, opens, closes, *_ in schedule[["open", "close"]].itertuples()
    ]
    assert [(one.date, one.open, one.close) for one in xnys_sessions().all] == expected


def test_half_days_are_half_days() -> None:
    assert session_of("2022-11-25").is_half_day
    assert not session_of("2022-11-23").is_half_day
    assert (
        sum(session.is_half_day for session in xnys_sessions().between(date(2022, 1, 1), date(2022, 12, 31)))
        == 1
    )


def test_the_session_is_open_from_its_open_until_just_before_its_close() -> None:
    sessions, day = xnys_sessions(), session_of("2022-03-16")
    assert not sessions.is_open(day.open - 1)
    assert sessions.is_open(day.open)
    assert sessions.is_open(day.close - 1)
    assert not sessions.is_open(day.close)


def test_next_open_and_close_lie_always_ahead() -> None:
    sessions, friday, monday = xnys_sessions(), session_of("2022-03-11"), session_of("2022-03-14")
    assert sessions.next_open(friday.open) == monday
    assert sessions.next_open(friday.open - 1) == friday
    assert sessions.next_close(friday.close - 1) == friday
    assert sessions.next_close(friday.close) == monday
    assert sessions.ended(friday.close) == friday
    assert sessions.begun(monday.open - 1) == friday


def test_nothing_lies_beyond_the_table() -> None:
    sessions = xnys_sessions()
    assert sessions.next_open(sessions.all[-1].open) is None
    assert sessions.next_close(sessions.all[-1].close) is None
    assert sessions.begun(sessions.all[0].open - 1) is None
    assert sessions.ended(sessions.all[0].open) is None
    assert sessions.on(date(2022, 12, 25)) is None


@pytest.mark.parametrize(("day", "hour"), [("2022-03-11", 5), ("2022-03-14", 4)])
def test_new_yorks_midnight_knows_daylight_saving(day: str, hour: int) -> None:
    midnight = new_york_midnight(date.fromisoformat(day))
    assert midnight % DAY == hour * 3600 * SECOND
    assert new_york_date(midnight).isoformat() == day
    assert new_york_date(midnight - 1).isoformat() < day


def test_an_order_after_the_close_waits_for_the_opening_quote() -> None:
    desk = Desk()
    desk.after_the_close()
    order = desk.buy("10")
    assert order.status == "accepted"
    assert desk.news() == [("accepted", "buy")]
    desk.next_day("9.50", "9.52")
    assert desk.status(order) == "filled"
    assert desk.exchange.fills()[0].price_e4 == 95_200
    assert desk.news() == [("new", "buy"), ("fill", "buy")]


def test_yesterdays_quote_executes_nothing_today() -> None:
    desk = Desk()
    desk.after_the_close()
    order = desk.buy("10")
    following = desk.exchange.market.sessions.next_open(desk.exchange.now)
    assert following is not None
    desk.exchange.advance(following.open + 60 * SECOND)
    assert desk.status(order) == "new"
    assert desk.status(desk.buy("10")) == "new"


def test_a_day_order_expires_at_the_close_and_frees_its_cash(desk: Desk) -> None:
    order = desk.buy("10", limit_price="9")
    assert order.expires_at == desk.session.close
    desk.exchange.advance(desk.session.close - 1)
    assert desk.status(order) == "new"
    desk.exchange.advance(desk.session.close)
    assert (desk.status(order), desk.buying_power) == ("expired", "1000")
    assert desk.now(order).expired_at == desk.session.close


def test_a_day_order_given_after_the_close_expires_at_the_next_one() -> None:
    desk = Desk()
    desk.after_the_close()
    order = desk.buy("10", limit_price="9")
    desk.next_day("10", "10.02")
    assert desk.status(order) == "new"
    assert order.expires_at == session_of("2022-03-17").close


def test_on_a_half_day_orders_expire_at_one() -> None:
    desk = Desk(day="2022-11-25")
    order = desk.buy("10", limit_price="9")
    assert (order.expires_at - desk.session.open) // SECOND == 3.5 * 3600


def test_a_good_till_canceled_order_works_the_next_day_and_ends_after_ninety(desk: Desk) -> None:
    order = desk.buy("10", limit_price="9", time_in_force="gtc")
    desk.after_the_close()
    desk.next_day("10", "10.02")
    assert desk.status(order) == "new"
    assert order.expires_at == session_of("2022-06-14").close
    desk.exchange.advance(order.expires_at + 15 * MINUTE - 1)
    assert desk.status(order) == "new"
    desk.exchange.advance(order.expires_at + 15 * MINUTE)
    assert (desk.status(order), desk.buying_power) == ("canceled", "1000")


def test_last_equity_turns_to_the_last_close_when_new_yorks_date_changes() -> None:
    desk = Desk()
    desk.buy("10")
    desk.quote("11.00", "11.00")
    desk.after_the_close()
    assert (desk.exchange.account().last_equity_e13, desk.equity) == (1000 * 10**13, "1009.8")
    assert desk.exchange.position("HAT").unrealized_intraday_pl_e13 == 98 * 10**12
    desk.exchange.advance(new_york_midnight(date(2022, 3, 17)))
    assert desk.exchange.account().last_equity_e13 == 10098 * 10**12
    assert desk.exchange.position("HAT").unrealized_intraday_pl_e13 == 0


def test_the_day_begins_from_the_last_close_even_if_nobody_looked_before_prices_moved(desk: Desk) -> None:
    desk.buy("10")
    desk.quote("11.00", "11.00")
    desk.after_the_close()
    desk.next_day("12.00", "12.00")
    assert desk.exchange.account().last_equity_e13 == 10098 * 10**12
    assert desk.exchange.position("HAT").unrealized_intraday_pl_e13 == 10 * 10**13


def test_time_does_not_go_back(desk: Desk) -> None:
    with pytest.raises(ValueError, match="time goes back"):
        desk.exchange.advance(desk.exchange.now - 1)
    with pytest.raises(ValueError, match="time goes back"):
        desk.quote("10", "10", after_seconds=-1)


def test_weekends_and_holidays_pass_in_one_step(desk: Desk) -> None:
    order = desk.buy("10", limit_price="9", time_in_force="gtc")
    assert desk.exchange.advance(desk.session.close + 30 * DAY) == desk.exchange.now
    assert desk.status(order) == "new"
