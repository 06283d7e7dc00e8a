"""The shipped market: real closes, a simulated path between them, quotes around it, bars made of it."""

from datetime import date
from importlib import resources

import numpy as np
import polars as pl
import pytest
from trading_desk import session_of

from the_alchemiser.exchange.market.barring import parse_timeframe
from the_alchemiser.exchange.market.days import INDEX, SimulatedDays, volatility_before
from the_alchemiser.exchange.market.prices import (
    HIGHEST,
    LOWEST,
    Levels,
    NoPrice,
    UnknownSymbol,
    reaches,
    trade_price_e4,
)
from the_alchemiser.exchange.market.sessions import new_york_midnight
from the_alchemiser.exchange.units import DAY, HOUR, MINUTE, SECOND, tick_e4

SUMS = {"AAPL": 166_487_953, "KO": 176_948_380, "XOM": 289_146_025, INDEX: 12_487_471_170}

SAMPLE = [
    ("AAPL", "1990-06-01"),
    ("AAPL", "2020-03-16"),
    ("AMD", "2015-09-02"),
    ("KO", "2022-11-25"),
    ("PFE", "1998-05-05"),
]


def test_a_days_volatility_is_taken_from_the_days_before_it() -> None:
    calm = np.array([1_000_000, 1_010_000] * 15)
    crash = np.append(calm[:25], [500_000] * 5)
    assert volatility_before(calm, 25) == volatility_before(crash, 25) == pytest.approx(0.0125, rel=0.01)
    assert volatility_before(crash, 26) > 0.03
    assert volatility_before(calm, 2) == 0.015


def test_known_closes_are_served_as_they_were(days: SimulatedDays) -> None:
    last = session_of("2022-12-28")
    assert days.trade("AAPL", last.close).price_e4 == 1_256_700
    assert days.trade("XOM", last.close).price_e4 == 1_066_300
    assert days.trade(INDEX, last.close).price_e4 == 37_832_200
    assert (str(days.first_day), str(days.last_day)) == ("1990-01-02", "2022-12-28")
    assert len(days.assets()) == 21


@pytest.mark.parametrize(("symbol", "day"), SAMPLE)
def test_a_day_runs_from_the_last_real_close_to_its_own(days: SimulatedDays, symbol: str, day: str) -> None:
    session = session_of(day)
    path = days.path(symbol, session.index)
    assert path.price[0] == days.close_e4(symbol, session.index - 1)
    assert path.price[-1] == days.close_e4(symbol, session.index)
    assert (path.at[0], path.at[-1]) == (session.open, session.close - 10 * SECOND)


@pytest.mark.parametrize(("symbol", "day"), SAMPLE)
def test_quotes_lie_around_the_trades_on_the_tick_grid(days: SimulatedDays, symbol: str, day: str) -> None:
    path = days.path(symbol, session_of(day).index)
    for price, bid, ask in zip(path.price.tolist(), path.bid.tolist(), path.ask.tolist(), strict=True):
        assert bid <= price <= ask
        assert bid < ask
        assert price % tick_e4(price) == bid % tick_e4(bid) == ask % tick_e4(ask) == 0
        assert trade_price_e4(bid, ask) == price
        assert ask - bid <= max(2 * tick_e4(price), price * 6 // 10_000)


def test_the_spread_is_about_four_basis_points(days: SimulatedDays) -> None:
    path = days.path("UNH", session_of("2021-06-01").index)
    assert 3 < float(((path.ask - path.bid) / path.price).mean()) * 10_000 < 5.1


def test_the_path_moves_about_as_much_as_days_did_before(days: SimulatedDays) -> None:
    calm, wild = (days.path("AAPL", session_of(day).index) for day in ("2017-05-03", "2020-03-18"))
    calm_range, wild_range = ((one.price.max() - one.price.min()) / one.price[0] for one in (calm, wild))
    assert 0.002 < calm_range < 0.03 < wild_range < 0.25


def test_the_shipped_closes_are_the_ones_of_the_source() -> None:
    """Sums over all days, taken from the source when the file was built, in thousandths of a dollar."""
    shipped = resources.files("the_alchemiser.exchange.market") / "data" / "us20_daily.parquet"
    table = pl.read_parquet(shipped.read_bytes())
    assert (table.height, table.width, table.null_count().sum_horizontal().item()) == (8313, 22, 0)
    assert {name: sum(table[name].to_list()) for name in ("AAPL", "KO", "XOM", INDEX)} == SUMS
    assert table["AAPL"].head(3).to_list() == [264, 266, 267]


def test_seeds_give_different_hours_and_the_same_closes(days: SimulatedDays) -> None:
    other, index = SimulatedDays(seed=8), session_of("2021-06-01").index
    one, two = days.path("KO", index), other.path("KO", index)
    assert not np.array_equal(one.price, two.price)
    assert (one.price[-1], one.price[0]) == (two.price[-1], two.price[0])


def test_paths_do_not_depend_on_what_was_asked_before(days: SimulatedDays) -> None:
    fresh, index = SimulatedDays(seed=7), session_of("2021-06-01").index
    fresh.path("XOM", index - 1)
    assert np.array_equal(fresh.path("KO", index).price, days.path("KO", index).price)


def test_a_symbol_can_be_left_out_and_an_unknown_one_is_named() -> None:
    market = SimulatedDays(seed=7, symbols=("KO",))
    with pytest.raises(UnknownSymbol):
        market.quote("PEP", session_of("2021-06-01").close)
    with pytest.raises(ValueError, match="no history for COKE"):
        SimulatedDays(seed=7, symbols=("COKE",))


def test_the_index_can_be_looked_at_but_not_traded(days: SimulatedDays) -> None:
    asset = days.asset(INDEX)
    assert asset is not None
    assert not asset.tradable
    assert "simulated intraday path" in asset.source


def test_there_is_no_price_before_the_first_tick_and_the_last_one_stays(days: SimulatedDays) -> None:
    first, last = session_of("1990-01-02"), session_of("2022-12-28")
    with pytest.raises(NoPrice):
        days.quote("KO", first.open - 1)
    assert days.quote("KO", last.close + 300 * DAY).at == last.close - 10 * SECOND


def test_ticks_come_each_ten_seconds_within_sessions_only(days: SimulatedDays) -> None:
    friday, monday = session_of("2022-03-11"), session_of("2022-03-14")
    ticks = list(days.ticks("KO", friday.close - 30 * SECOND, monday.open + 10 * SECOND))
    assert [tick.at for tick in ticks] == [
        friday.close - 20 * SECOND,
        friday.close - 10 * SECOND,
        monday.open,
        monday.open + 10 * SECOND,
    ]
    assert ticks[2][1:] == (days.quote("KO", monday.open).bid_e4, days.quote("KO", monday.open).ask_e4)


def test_the_next_cross_is_the_first_tick_that_reaches_a_level(days: SimulatedDays) -> None:
    session = session_of("2021-06-01")
    path = days.path("KO", session.index)
    low, high = int(path.ask.min()), int(path.bid.max())
    for levels in (
        Levels(low + 300, HIGHEST, LOWEST, HIGHEST),
        Levels(LOWEST, high - 300, LOWEST, HIGHEST),
        Levels(LOWEST, HIGHEST, low + 200, HIGHEST),
        Levels(LOWEST, HIGHEST, LOWEST, high - 200),
    ):
        found = days.next_cross("KO", session.open, session.close, levels)
        slow = (
            tick
            for tick in days.ticks("KO", session.open, session.close)
            if reaches(levels, tick[1], tick[2])
        )
        assert found is not None
        assert found == next(slow)
    assert (
        days.next_cross("KO", session.open, session.close, Levels(LOWEST, HIGHEST, LOWEST, HIGHEST)) is None
    )


def test_daily_bars_carry_real_closes_and_new_yorks_midnight(days: SimulatedDays) -> None:
    first, last = session_of("2021-03-10"), session_of("2021-03-16")
    bars = days.bars("AAPL", "1Day", first.open - DAY, last.close, last.close + DAY)
    dates = [session.date for session in days.sessions.between(first.date, last.date)]
    assert [bar.at for bar in bars] == [new_york_midnight(day) for day in dates]
    indexes = [session.index for session in days.sessions.between(first.date, last.date)]
    assert [round(bar.close * 10_000) for bar in bars] == [days.close_e4("AAPL", index) for index in indexes]
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)
    assert all(bar.low <= bar.vwap <= bar.high for bar in bars)


@pytest.mark.parametrize(
    ("timeframe", "count"), [("1Min", 390), ("5Min", 78), ("15T", 26), ("1Hour", 7), ("4H", 2)]
)
def test_intraday_bars_add_up_to_the_day(days: SimulatedDays, timeframe: str, count: int) -> None:
    session = session_of("2021-06-01")
    bars = days.bars("KO", timeframe, session.open - 2 * HOUR, session.close, session.close)
    (day,) = days.bars("KO", "1Day", new_york_midnight(session.date), session.close, session.close)
    assert len(bars) == count
    assert (bars[0].open, bars[-1].close) == (day.open, day.close)
    assert (max(bar.high for bar in bars), min(bar.low for bar in bars)) == (day.high, day.low)
    assert sum(bar.volume for bar in bars) == day.volume
    assert sum(bar.trades for bar in bars) == day.trades


def test_weeks_begin_on_monday_and_months_on_the_first(days: SimulatedDays) -> None:
    end = session_of("2021-03-16").close
    weeks = days.bars("KO", "1Week", new_york_midnight(date(2021, 2, 22)), end, end)
    months = days.bars("KO", "1Month", new_york_midnight(date(2021, 1, 1)), end, end)
    quarters = days.bars("KO", "3M", new_york_midnight(date(2020, 10, 1)), end, end)
    expected_weeks = [date(2021, 2, 22), date(2021, 3, 1), date(2021, 3, 8), date(2021, 3, 15)]
    assert [bar.at for bar in weeks] == [new_york_midnight(day) for day in expected_weeks]
    assert [bar.at for bar in months] == [new_york_midnight(date(2021, month, 1)) for month in (1, 2, 3)]
    assert [bar.at for bar in quarters] == [
        new_york_midnight(date(2020, 10, 1)),
        new_york_midnight(date(2021, 1, 1)),
    ]
    assert months[-1].close == weeks[-1].close


@pytest.mark.parametrize("text", ["60Min", "24Hour", "2Day", "5Month", "0Min", "1", "Day", "1min", ""])
def test_an_unknown_timeframe_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid timeframe"):
        parse_timeframe(text)


@pytest.mark.parametrize("timeframe", ["1Min", "5Min", "1Hour", "1Day", "1Week", "1Month"])
def test_nothing_later_than_the_asker_is_visible(days: SimulatedDays, timeframe: str) -> None:
    """What is served at noon is what a market whose later ticks do not exist would serve."""
    session = session_of("2021-06-02")
    noon = session.open + 150 * MINUTE + 5 * SECOND
    bars = days.bars("KO", timeframe, noon - 40 * DAY, session.close + 40 * DAY, noon)
    known = list(days.ticks("KO", session.open - 1, noon))
    assert bars[-1].close == trade_price_e4(*known[-1][1:]) / 10_000
    assert bars[-1].at <= noon
    later = days.bars("KO", timeframe, noon - 40 * DAY, session.close + 40 * DAY, session.close)
    assert later[: len(bars) - 1] == bars[:-1]
    assert days.quote("KO", noon).at <= noon
    assert days.trade("KO", noon).at <= noon
    assert max(one.at for one in days.trades("KO", session.open, session.close, noon)) <= noon
    assert max(one.at for one in days.quotes("KO", session.open, session.close, noon)) <= noon
    assert days.previous_close_e4("KO", noon) == days.close_e4("KO", session.index - 1)


def test_a_forming_daily_bar_shows_only_the_ticks_so_far(days: SimulatedDays) -> None:
    session = session_of("2020-03-16")
    noon = session.open + 150 * MINUTE
    (bar,) = days.bars("AAPL", "1Day", new_york_midnight(session.date), session.close, noon)
    seen = [trade_price_e4(tick.bid_e4, tick.ask_e4) for tick in days.ticks("AAPL", session.open - 1, noon)]
    assert (bar.high, bar.low, bar.trades) == (max(seen) / 10_000, min(seen) / 10_000, len(seen))
