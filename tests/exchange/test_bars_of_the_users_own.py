"""A directory of CSV or Parquet bars as a market, and what is said about a bad one."""

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from trading_desk import session_of

from the_alchemiser.exchange.market.barfiles import BadBars, read_bar_file
from the_alchemiser.exchange.market.replay import ReplayedBars
from the_alchemiser.exchange.market.sessions import new_york_midnight
from the_alchemiser.exchange.units import DAY, MINUTE, SECOND
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.intake import parse_order_request

HEADER = "timestamp,open,high,low,close,volume\n"
MINUTES = """\
2022-03-16T13:30:00Z,10.00,10.20,9.90,10.10,1001
2022-03-16T13:31:00Z,10.10,10.15,9.70,9.80,500
2022-03-16T13:35:00Z,9.90,10.00,9.90,9.95,7
"""
SESSION = session_of("2022-03-16")


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def minute_market(folder: Path, *, spread_basis_points: float = 0) -> ReplayedBars:
    write(folder, "hat.csv", HEADER + MINUTES)
    return ReplayedBars(folder, seed=1, spread_basis_points=spread_basis_points)


def test_minute_bars_come_back_as_they_went_in(tmp_path: Path) -> None:
    market = minute_market(tmp_path)
    bars = market.bars("HAT", "1Min", SESSION.open, SESSION.close, SESSION.close)
    assert [(bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in bars] == [
        (10.0, 10.2, 9.9, 10.1, 1001),
        (10.1, 10.15, 9.7, 9.8, 500),
        (9.9, 10.0, 9.9, 9.95, 7),
    ]
    assert [bar.at for bar in bars] == [SESSION.open, SESSION.open + MINUTE, SESSION.open + 5 * MINUTE]


def test_a_bar_ticks_from_its_open_over_its_extremes_to_its_close(tmp_path: Path) -> None:
    ticks = list(minute_market(tmp_path).ticks("HAT", SESSION.open - 1, SESSION.open + 59 * SECOND))
    assert [(tick.at - SESSION.open) // SECOND for tick in ticks] == [0, 15, 30, 45]
    assert (ticks[0].bid_e4, ticks[3].bid_e4) == (100_000, 101_000)
    assert {ticks[1].bid_e4, ticks[2].bid_e4} == {99_000, 102_000}
    assert all(tick.bid_e4 == tick.ask_e4 for tick in ticks)


def test_at_a_bars_start_only_its_open_is_known(tmp_path: Path) -> None:
    market = minute_market(tmp_path)
    (bar,) = market.bars("HAT", "1Min", SESSION.open, SESSION.close, SESSION.open)
    assert (bar.open, bar.high, bar.low, bar.close) == (10.0, 10.0, 10.0, 10.0)


def test_a_spread_can_be_asked_for(tmp_path: Path) -> None:
    quote = minute_market(tmp_path, spread_basis_points=100).quote("HAT", SESSION.open)
    assert (quote.bid_e4, quote.ask_e4) == (99_500, 100_500)
    with pytest.raises(ValueError, match="spread_basis_points"):
        ReplayedBars(tmp_path, spread_basis_points=-1)


def test_orders_trade_on_the_users_prices(tmp_path: Path) -> None:
    exchange = Exchange(minute_market(tmp_path), seed=1, start=SESSION.open - MINUTE)
    at_open = {"symbol": "HAT", "qty": "5", "side": "buy", "type": "market", "time_in_force": "day"}
    with pytest.raises(Exception, match="no price yet"):
        exchange.submit(parse_order_request(at_open))
    exchange.advance(SESSION.open)
    exchange.submit(parse_order_request(at_open))
    exchange.submit(parse_order_request({**at_open, "type": "limit", "limit_price": "9.75"}))
    exchange.advance(SESSION.close)
    assert [fill.price_e4 for fill in exchange.fills()] == [100_000, 97_000]


def test_an_order_from_the_day_before_meets_the_first_tick_of_the_day(tmp_path: Path) -> None:
    rows = "2022-03-16T13:30:00Z,10,10,10,10,1\n2022-03-17T13:30:00Z,8,9,8,9,1\n"
    write(tmp_path, "HAT.csv", HEADER + rows)
    exchange = Exchange(ReplayedBars(tmp_path), seed=1, start=SESSION.open)
    body = {
        "symbol": "HAT",
        "qty": "5",
        "side": "buy",
        "type": "limit",
        "limit_price": "9.5",
        "time_in_force": "gtc",
    }
    exchange.submit(parse_order_request(body))
    exchange.advance(SESSION.close + DAY)
    assert [(fill.at, fill.price_e4) for fill in exchange.fills()] == [
        (session_of("2022-03-17").open, 80_000)
    ]


def test_all_that_happens_at_one_instant_is_one_stop(tmp_path: Path) -> None:
    rows = "2022-03-16T13:30:00Z,10,10,10,10,1\n2022-03-16T13:31:00Z,8,8,8,8,1\n"
    for name in ("HAT", "SHOE"):
        write(tmp_path, f"{name}.csv", HEADER + rows)
    exchange = Exchange(ReplayedBars(tmp_path), seed=1, start=SESSION.open)
    for name in ("HAT", "SHOE"):
        body = {
            "symbol": name,
            "qty": "5",
            "side": "buy",
            "type": "limit",
            "limit_price": "9",
            "time_in_force": "day",
        }
        exchange.submit(parse_order_request(body))
    assert exchange.advance(SESSION.close, stop_on_update=True) == SESSION.open + MINUTE
    assert [fill.symbol for fill in exchange.fills()] == ["HAT", "SHOE"]


def test_the_opening_is_one_instant_for_new_and_old_orders(tmp_path: Path) -> None:
    rows = "2022-03-16T13:30:00Z,10,10,10,10,1\n2022-03-17T13:30:00Z,8,8,8,8,1\n"
    for name in ("HAT", "SHOE"):
        write(tmp_path, f"{name}.csv", HEADER + rows)
    exchange = Exchange(ReplayedBars(tmp_path), seed=1, start=SESSION.open)
    body = {
        "symbol": "HAT",
        "qty": "5",
        "side": "buy",
        "type": "limit",
        "limit_price": "9",
        "time_in_force": "gtc",
    }
    exchange.submit(parse_order_request(body))
    exchange.advance(SESSION.close)
    exchange.submit(parse_order_request({**body, "symbol": "SHOE", "time_in_force": "day"}))
    exchange.advance(SESSION.close + DAY, stop_on_update=True)
    assert {fill.symbol for fill in exchange.fills()} == {"HAT", "SHOE"}


def test_daily_bars_become_days_that_touch_high_and_low(tmp_path: Path) -> None:
    write(
        tmp_path,
        "HAT.csv",
        "Date,Open,High,Low,Close\n2022-03-16,10,11.5,9,10.5\n2022-03-17,10.6,10.7,10.5,10.5\n",
    )
    market = ReplayedBars(tmp_path)
    after = session_of("2022-03-18").open
    bars = market.bars("HAT", "1Day", 0, after, after)
    assert [(bar.open, bar.high, bar.low, bar.close) for bar in bars] == [
        (10, 11.5, 9, 10.5),
        (10.6, 10.7, 10.5, 10.5),
    ]
    assert [bar.at for bar in bars] == [new_york_midnight(date(2022, 3, day)) for day in (16, 17)]
    path = market.path("HAT", SESSION.index)
    assert (len(path.at), path.price.min(), path.price.max()) == (2340, 90_000, 115_000)
    asset = market.asset("HAT")
    assert asset is not None
    assert "simulated intraday path" in asset.source


@pytest.mark.parametrize(
    "stamp", ["2022-03-16T00:00:00Z", "2022-03-16 04:00:00+00:00", "1647388800", "1647388800000"]
)
def test_midnights_of_utc_and_new_york_mark_daily_bars(tmp_path: Path, stamp: str) -> None:
    table = read_bar_file(write(tmp_path, "HAT.csv", f"t,o,h,l,c,v\n{stamp},1,1,1,1,1\n"))
    assert table.daily


def test_parquet_with_time_stamps_is_read_too(tmp_path: Path) -> None:
    moments = [datetime(2022, 3, 16, 13, 30 + minute, tzinfo=UTC) for minute in range(3)]
    frame = pl.DataFrame(
        {"t": moments, "o": [1.0, 2, 3], "h": [1.0, 2, 3], "l": [1.0, 2, 3], "c": [1.0, 2, 3]}
    )
    frame.write_parquet(tmp_path / "hat.parquet")
    table = read_bar_file(tmp_path / "hat.parquet")
    assert (table.symbol, table.daily, table.width) == ("HAT", False, MINUTE)
    assert table.at[0] == SESSION.open
    assert table.volume.tolist() == [0, 0, 0]


def test_prices_are_rounded_to_the_tick(tmp_path: Path) -> None:
    row = "2022-03-16T13:30:00Z,10.006,10.006,0.12344,0.12345678,1\n"
    table = read_bar_file(write(tmp_path, "HAT.csv", HEADER + row))
    assert (table.open[0], table.low[0], table.close[0]) == (100_100, 1_234, 1_235)


def test_bars_outside_the_session_are_left_out_and_counted(tmp_path: Path) -> None:
    early = "2022-03-16T12:00:00Z,1,1,1,1,1\n"
    write(tmp_path, "HAT.csv", HEADER + early + MINUTES)
    market = ReplayedBars(tmp_path)
    assert market.outside_sessions == 1
    assert market.quote("HAT", SESSION.open).bid_e4 == 100_000


ROW = "2022-03-16T13:30:00Z,10,11,9,10,5\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            HEADER + ROW + "yesterday,10,11,9,10,5\n",
            "line 3, column timestamp: not a time stamp: 'yesterday'",
        ),
        (HEADER + ROW + ROW, "line 3, column timestamp: not later than the row before it"),
        (HEADER + ROW.replace("11", "ten"), "line 2, column high: not a number: 'ten'"),
        (HEADER + ROW.replace("11", ""), "line 2, column high: not a number"),
        (HEADER + ROW.replace("11", "inf"), "line 2, column high: not a number: 'inf'"),
        (HEADER + ROW.replace("10", "-10"), "line 2, column open: not a price: -10"),
        (HEADER + ROW.replace("11", "8"), "line 2, column high: high is below open"),
        (HEADER + ROW.replace(",9,", ",10.5,"), "line 2, column low: low is above open"),
        (HEADER + ROW.replace(",5", ",-5"), "line 2, column volume: not a volume: -5"),
        ("when,open,high,low,close\n1,1,1,1,1\n", "no column t or timestamp or time or datetime or date"),
        (HEADER + ROW + "2022-03-16T13:31:00Z,10,11,9,10,5,6\n", "line 3: 7 fields where the header has 6"),
        (HEADER, "no rows"),
        ("", "cannot be read"),
    ],
)
def test_a_bad_file_is_named_with_line_and_column(tmp_path: Path, text: str, complaint: str) -> None:
    file = write(tmp_path, "HAT.csv", text)
    with pytest.raises(BadBars) as caught:
        ReplayedBars(tmp_path)
    assert str(caught.value).startswith(str(file))
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_or_empty_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadBars, match="no such directory"):
        ReplayedBars(tmp_path / "nowhere")
    with pytest.raises(BadBars, match=r"no \.csv or \.parquet file"):
        ReplayedBars(tmp_path)


def test_two_files_for_one_symbol_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "HAT.csv", HEADER + MINUTES)
    write(tmp_path, "hat.csv", HEADER + MINUTES)
    with pytest.raises(BadBars, match="a second file for the symbol HAT"):
        ReplayedBars(tmp_path)


def test_a_daily_bar_on_a_day_without_session_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "HAT.csv", "date,open,high,low,close\n2022-03-19,1,1,1,1\n")
    with pytest.raises(BadBars, match="no New York session on 2022-03-19"):
        ReplayedBars(tmp_path)


def test_other_data_gives_another_fingerprint(tmp_path: Path) -> None:
    one = minute_market(tmp_path).fingerprint
    assert one == minute_market(tmp_path).fingerprint
    write(tmp_path, "hat.csv", HEADER + MINUTES.replace("9.95", "9.96"))
    assert ReplayedBars(tmp_path).fingerprint != one


def test_sizes_add_up_to_the_bars_volume(tmp_path: Path) -> None:
    path = minute_market(tmp_path).path("HAT", SESSION.index)
    assert np.add.reduceat(path.size, [0, 4, 8]).tolist() == [1001, 500, 7]
