"""The newest of everything, with its age: bounded however fast it comes and however slowly it is read."""

from __future__ import annotations

import asyncio
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from the_alchemiser.broker import latest_board
from the_alchemiser.broker.latest_board import LatestBoard
from the_alchemiser.broker.market_messages import MinuteBar, StockQuote, StockTrade, TradingStatus

SYMBOLS = ("AAPL", "IBM", "KO", "MSFT")


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def board() -> tuple[LatestBoard, Clock]:
    clock = Clock()
    return LatestBoard(clock), clock


def quote(symbol: str, bid: float = 1.0) -> StockQuote:
    return StockQuote(symbol, bid, bid + 0.01)


def bar(symbol: str, close: float = 1.0) -> MinuteBar:
    return MinuteBar(symbol, 1, 1, 1, close)


def test_a_quote_is_fresh_for_five_seconds_and_then_opens_nothing() -> None:
    newest, clock = board()
    newest.take([quote("AAPL"), quote("IBM")])
    clock.seconds += 3
    newest.take([quote("IBM", 2.0)])
    assert set(newest.fresh(SYMBOLS)) == {"AAPL", "IBM"}
    clock.seconds += 2.5
    assert newest.fresh(SYMBOLS) == {"IBM": quote("IBM", 2.0)}
    assert (newest.age_seconds("AAPL"), newest.age_seconds("KO")) == (5.5, float("inf"))
    assert newest.quote("AAPL") == quote("AAPL")
    assert newest.quote("KO") is None


NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("bid", "ask"), [(0, 1), (1, 0), (-1, 1), (2, 1), (NAN, 1), (1, NAN), (1, INFINITE), (INFINITE, INFINITE)]
)
def test_what_is_no_quote_leaves_the_last_good_one_and_makes_it_no_younger(bid: float, ask: float) -> None:
    newest, clock = board()
    newest.take([quote("AAPL")])
    clock.seconds += 4
    newest.take([StockQuote("AAPL", bid, ask), StockQuote("IBM", bid, ask)])
    clock.seconds += 2
    assert newest.fresh(SYMBOLS) == {}
    assert newest.quote("AAPL") == quote("AAPL")
    assert newest.unusable == 2


def test_a_trade_makes_no_quote_young() -> None:
    newest, clock = board()
    newest.take([quote("AAPL")])
    clock.seconds += 6
    newest.take([StockTrade("AAPL", 1.0, 5), TradingStatus("AAPL", "H")])
    assert newest.fresh(["AAPL"]) == {}
    assert newest.trade("AAPL") == StockTrade("AAPL", 1.0, 5)
    assert newest.status("AAPL") == TradingStatus("AAPL", "H")


frames = st.lists(
    st.lists(
        st.one_of(*(st.builds(kind, st.sampled_from(SYMBOLS), st.floats(1, 9)) for kind in (quote, bar)))
    ),
    max_size=30,
)


@given(frames=frames, read_after=st.sets(st.integers(0, 30)))
def test_whenever_it_is_read_the_newest_of_each_symbol_and_every_bar_have_been_told(
    frames: list[list[Any]], read_after: set[int]
) -> None:
    async def read() -> tuple[list[Any], LatestBoard]:
        newest, told = LatestBoard(lambda: 0.0), []
        for number, frame in enumerate(frames):
            newest.take(frame)
            if number in read_after:
                told += await newest.changes()
        newest.take([])
        return told + await newest.changes(), newest

    told, newest = asyncio.run(read())
    sent = [message for frame in frames for message in frame]
    assert [one for one in told if isinstance(one, MinuteBar)] == [
        one for one in sent if isinstance(one, MinuteBar)
    ]
    last_sent = {one.symbol: one for one in sent if isinstance(one, StockQuote)}
    assert {one.symbol: one for one in told if isinstance(one, StockQuote)} == last_sent
    assert len(told) + newest.conflated == len(sent)


def test_ten_seconds_of_a_burst_take_no_more_memory_than_one_message_a_symbol() -> None:
    newest, _ = board()
    symbols = [f"S{number}" for number in range(500)]
    newest.take([quote(symbol) for symbol in symbols])
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(200):
        newest.take([quote(symbol, 2.0) for symbol in symbols])
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 1_000_000
    assert newest.conflated == 100_000


def test_bars_nobody_takes_are_bounded_and_what_is_dropped_is_counted(monkeypatch: Any) -> None:
    monkeypatch.setattr(latest_board, "BARS_MAX", 3)
    newest, _ = board()
    newest.take([bar("AAPL", float(number)) for number in range(5)])
    changes = asyncio.run(newest.changes())
    assert [one.close for one in changes] == [2, 3, 4]
    assert newest.bars_dropped == 2
