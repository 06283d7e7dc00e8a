"""Simulated headlines: what they say is what the market did, and nobody hears of it before it happens."""

from datetime import date, timedelta

import pytest

from the_alchemiser.exchange.market.days import SimulatedDays
from the_alchemiser.exchange.market.news import MARK, Newsroom
from the_alchemiser.exchange.market.sessions import new_york_midnight
from the_alchemiser.exchange.units import DAY, MINUTE

FIRST = new_york_midnight(date(2022, 5, 2))


@pytest.fixture(scope="module")
def newsroom() -> Newsroom:
    return Newsroom(SimulatedDays(seed=7))


def test_every_item_says_that_it_is_simulated(newsroom: Newsroom) -> None:
    items = newsroom.between(FIRST, FIRST + 30 * DAY)
    assert len(items) > 100
    for item in items:
        assert item.headline.startswith(MARK)
        assert item.summary.startswith(MARK)
        assert not item.content or MARK in item.content
        assert ".invalid/" in item.url


def test_closing_news_tells_the_real_move_of_the_day(newsroom: Newsroom, days: SimulatedDays) -> None:
    told = 0
    for item in newsroom.between(FIRST, FIRST + 10 * DAY, ["AAPL"]):
        session = days.sessions.ended(item.at)
        assert session is not None
        if item.at < session.close + 31 * MINUTE and item.content:
            close, before = (days.close_e4("AAPL", session.index - back) for back in (0, 1))
            percent = abs(close - before) * 10_000 // before / 100
            assert f"{percent:.1f} % {'higher' if close >= before else 'lower'}" in item.headline
            told += 1
    assert told >= 3


def test_no_item_comes_before_what_it_tells_of(newsroom: Newsroom, days: SimulatedDays) -> None:
    for item in newsroom.between(FIRST, FIRST + 10 * DAY):
        session = days.sessions.begun(item.at)
        assert session is not None
        if item.content:
            assert session.close < item.at <= session.close + 30 * MINUTE
        else:
            assert session.open < item.at < session.close


def test_stretches_of_time_add_up_and_each_item_has_an_id_of_its_own(newsroom: Newsroom) -> None:
    whole = newsroom.between(FIRST, FIRST + 5 * DAY)
    cut = whole[len(whole) // 2].at
    assert newsroom.between(FIRST, cut) + newsroom.between(cut, FIRST + 5 * DAY) == whole
    assert len({item.id for item in whole}) == len(whole)
    assert [item.at for item in whole] == sorted(item.at for item in whole)
    assert Newsroom(SimulatedDays(seed=7)).between(FIRST, FIRST + 5 * DAY) == whole


def test_quiet_days_of_the_market_have_no_news(newsroom: Newsroom) -> None:
    saturday = new_york_midnight(date(2022, 5, 7))
    assert newsroom.between(saturday, saturday + 2 * DAY - 1) == []
    before_all = new_york_midnight(date(1990, 1, 2))
    assert newsroom.between(before_all, before_all + DAY - 1) == []
    assert newsroom.between(FIRST, FIRST + timedelta(days=1).days * DAY, ["NOBODY"]) == []
