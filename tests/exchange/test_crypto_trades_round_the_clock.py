"""Crypto pairs have a simulated market of their own that never closes."""

from __future__ import annotations

import pytest

from the_alchemiser.exchange.market.board import Board
from the_alchemiser.exchange.market.crypto import PAIRS, SimulatedCrypto
from the_alchemiser.exchange.market.days import SimulatedDays
from the_alchemiser.exchange.market.prices import HIGHEST, LOWEST, Levels, UnknownSymbol, trade_price_e4
from the_alchemiser.exchange.timestamps import parse_instant
from the_alchemiser.exchange.units import DAY, HOUR, MINUTE, SECOND

SUNDAY_NIGHT = parse_instant("2022-06-05T03:10:07Z")


@pytest.fixture(scope="module")
def crypto(days: SimulatedDays) -> SimulatedCrypto:
    return SimulatedCrypto(days.first_day, days.last_day, seed=7)


@pytest.mark.parametrize("pair", PAIRS)
def test_a_pair_has_a_quote_on_a_sunday_night(crypto: SimulatedCrypto, pair: str) -> None:
    quote = crypto.quote(pair, SUNDAY_NIGHT)
    assert 0 < quote.bid_e4 < quote.ask_e4
    assert SUNDAY_NIGHT - quote.at < 15 * SECOND
    assert quote.bid_size > 0 < quote.ask_size
    asset = crypto.asset(pair)
    assert asset is not None
    assert asset.price_increment_e4 is not None
    assert quote.bid_e4 % asset.price_increment_e4 == quote.ask_e4 % asset.price_increment_e4 == 0
    assert "simulated" in asset.source


def test_prices_go_on_over_midnight_where_they_were(crypto: SimulatedCrypto) -> None:
    midnight = parse_instant("2022-06-05T00:00:00Z")
    before, after = crypto.quote("ETH/USD", midnight - 1), crypto.quote("ETH/USD", midnight)
    assert (before.bid_e4 + before.ask_e4) / (after.bid_e4 + after.ask_e4) == pytest.approx(1, abs=0.001)


def test_a_price_does_not_depend_on_what_was_asked_before(
    days: SimulatedDays, crypto: SimulatedCrypto
) -> None:
    fresh = SimulatedCrypto(days.first_day, days.last_day, seed=7)
    other_seed = SimulatedCrypto(days.first_day, days.last_day, seed=8)
    assert fresh.quote("BTC/USD", SUNDAY_NIGHT) == crypto.quote("BTC/USD", SUNDAY_NIGHT)
    assert other_seed.quote("BTC/USD", SUNDAY_NIGHT) != crypto.quote("BTC/USD", SUNDAY_NIGHT)


def test_every_minute_has_a_bar_and_some_have_no_trade(crypto: SimulatedCrypto) -> None:
    start = SUNDAY_NIGHT // DAY * DAY
    bars = crypto.bars("BTC/USD", "1Min", start, start + 3 * HOUR - 1, SUNDAY_NIGHT)
    assert [bar.at for bar in bars] == [start + index * MINUTE for index in range(180)]
    quiet = [bar for bar in bars if not bar.trades]
    assert 20 < len(quiet) < 160
    assert all(bar.volume == 0 for bar in quiet)
    assert all(bar.volume % 1 for bar in bars if bar.trades)


def test_bars_tell_of_the_trades_there_were(crypto: SimulatedCrypto) -> None:
    start = SUNDAY_NIGHT // DAY * DAY
    trades = list(crypto.trades("SOL/USD", start, start + HOUR - 1, SUNDAY_NIGHT))
    (bar,) = crypto.bars("SOL/USD", "1Hour", start, start, SUNDAY_NIGHT)
    assert bar.trades == len(trades)
    assert bar.volume == pytest.approx(sum(trade.size for trade in trades))
    assert {trade.taker for trade in trades} == {"B", "S"}
    assert crypto.trade("SOL/USD", start + HOUR - 1) == trades[-1]


def test_a_daily_bar_begins_at_midnight_utc_and_shows_nothing_later(crypto: SimulatedCrypto) -> None:
    yesterday, today = crypto.bars("BTC/USD", "1Day", SUNDAY_NIGHT - 2 * DAY, SUNDAY_NIGHT, SUNDAY_NIGHT)
    assert (yesterday.at % DAY, today.at % DAY) == (0, 0)
    assert yesterday.close == pytest.approx(today.open)
    quote = crypto.quote("BTC/USD", SUNDAY_NIGHT)
    assert today.close * 10_000 == pytest.approx(trade_price_e4(quote.bid_e4, quote.ask_e4))


def test_a_search_finds_the_tick_that_reading_all_of_them_finds(crypto: SimulatedCrypto) -> None:
    quote = crypto.quote("ETH/USD", SUNDAY_NIGHT)
    levels = Levels(quote.ask_e4 * 995 // 1000, HIGHEST, LOWEST, HIGHEST)
    until = SUNDAY_NIGHT + 2 * DAY
    found = crypto.next_cross("ETH/USD", SUNDAY_NIGHT, until, levels)
    ticks = crypto.ticks("ETH/USD", SUNDAY_NIGHT, until)
    assert found == next((tick for tick in ticks if tick.ask_e4 <= levels.buy_e4), None)
    assert found is not None


def test_an_order_book_stands_around_the_quote(crypto: SimulatedCrypto) -> None:
    quote, book = crypto.quote("DOGE/USD", SUNDAY_NIGHT), crypto.order_book("DOGE/USD", SUNDAY_NIGHT)
    assert (book.bids[0], book.asks[0]) == ((quote.bid_e4, quote.bid_size), (quote.ask_e4, quote.ask_size))
    assert len(book.bids) == len(book.asks) == 10
    assert [price for price, _ in book.bids] == sorted((price for price, _ in book.bids), reverse=True)
    assert [price for price, _ in book.asks] == sorted(price for price, _ in book.asks)


def test_a_board_finds_each_asset_where_it_trades(days: SimulatedDays, crypto: SimulatedCrypto) -> None:
    board = Board(days, crypto)
    spelled = [board.asset(name) for name in ("BTC/USD", "BTCUSD", "btc/usd", "BTC%2FUSD")]
    assert {asset.symbol for asset in spelled if asset is not None} == {"BTC/USD"}
    assert None not in spelled
    assert board.quote("AAPL", SUNDAY_NIGHT) == days.quote("AAPL", SUNDAY_NIGHT)
    assert board.quote("BTC/USD", SUNDAY_NIGHT) == crypto.quote("BTC/USD", SUNDAY_NIGHT)
    assert len(board.assets()) == len(days.assets()) + len(PAIRS)
    with pytest.raises(UnknownSymbol):
        board.quote("NONE/USD", SUNDAY_NIGHT)
