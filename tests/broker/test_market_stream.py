"""Market data arrives as small typed objects, whatever else comes with it, for as long as anyone wants it."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from benchmarks.stream_ingest import feeding
from tests.broker.conftest import KEY, SECRET
from the_alchemiser.broker import Credentials
from the_alchemiser.broker.market_messages import (
    DailyBar,
    MinuteBar,
    StockQuote,
    StockTrade,
    UpdatedBar,
    nanos,
)
from the_alchemiser.broker.market_stream import Occasion, StockStream, StreamOptions
from the_alchemiser.broker.resilience import Backoff
from the_alchemiser.domain.instants import parse_rfc3339

STAMP = dt.datetime(2026, 1, 2, 15, 0, 0, 123456, tzinfo=dt.UTC)
AT = parse_rfc3339("2026-01-02T15:00:00.123456Z")
BAR = {"S": "AAPL", "o": 1.0, "h": 3.5, "l": 0.5, "c": 2, "v": 100, "n": 7, "vw": 2.2, "t": STAMP}
QUOTE = {
    "T": "q",
    "S": "AAPL",
    "bx": "V",
    "bp": 150.1,
    "bs": 3,
    "ax": "V",
    "ap": 150.2,
    "as": 4,
    "c": ["R"],
    "t": STAMP,
}
TRADE = {"T": "t", "S": "AAPL", "i": 1, "x": "V", "p": 150.15, "s": 5, "c": [], "z": "C", "t": STAMP}

ROOT = Path(__file__).parent.parent.parent
Behaviour = Callable[["FeedServer", web.WebSocketResponse], Awaitable[None]]


class FeedServer:
    """Speaks the data stream; keeps what it was asked."""

    def __init__(self, *behaviours: Behaviour) -> None:
        self.behaviours = list(behaviours)
        self.asked: list[dict[str, Any]] = []
        self.wants: dict[str, set[str]] = {}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        assert request.headers["Content-Type"] == "application/msgpack"
        behave = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.wants = {"trades": set(), "quotes": set(), "bars": set()}
        await say(socket, {"T": "success", "msg": "connected"})
        await behave(self, socket)
        return socket

    async def answer(self, socket: web.WebSocketResponse) -> None:
        """Answer one request as Alpaca does."""
        asked = msgspec.msgpack.decode((await socket.receive()).data)
        self.asked.append(asked)
        if asked["action"] == "auth":
            await say(socket, {"T": "success", "msg": "authenticated"})
            return
        for channel in self.wants:
            change = set(asked.get(channel, ()))
            self.wants[channel] = (
                self.wants[channel] | change
                if asked["action"] == "subscribe"
                else self.wants[channel] - change
            )
        await say(
            socket, {"T": "subscription", **{name: sorted(found) for name, found in self.wants.items()}}
        )


async def say(socket: web.WebSocketResponse, *messages: Any) -> None:
    await socket.send_bytes(msgspec.msgpack.encode(list(messages)))


def telling(*frames: list[Any], then_close: bool = False) -> Behaviour:
    """Authenticate, take one subscription, send these frames, then answer whatever is asked (or leave)."""

    async def behave(server: FeedServer, socket: web.WebSocketResponse) -> None:
        await server.answer(socket)
        await server.answer(socket)
        for frame in frames:
            await say(socket, *frame)
        while not then_close:
            await server.answer(socket)

    return behave


@asynccontextmanager
async def feed(
    server: FeedServer, handler: Callable[[list[Any]], None] | None, **more: Any
) -> AsyncIterator[tuple[StockStream, list[float]]]:
    application = web.Application()
    application.router.add_get("/v2/iex", server.serve)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)

    url = f"ws://127.0.0.1:{runner.addresses[0][1]}/v2/iex"
    options = StreamOptions(backoff=Backoff(random=lambda: 1.0), sleep=sleep)
    stream = StockStream(Credentials(KEY, SECRET), url, handler, options=options, **more)
    task = asyncio.create_task(stream.run())
    try:
        yield stream, slept
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await runner.cleanup()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - it waits for the world, which sets no event
            await asyncio.sleep(0.005)


async def test_quotes_trades_and_bars_arrive_typed_and_in_order() -> None:
    seen: list[Any] = []
    frames = [QUOTE, TRADE, {"T": "b", **BAR}], [{"T": "u", **BAR}, {"T": "d", **BAR}]
    async with feed(FeedServer(telling(*frames)), seen.extend) as (stream, _):
        stream.subscribe(quotes=["AAPL"], trades=["AAPL"], bars=["*"])
        await until(lambda: len(seen) == 5)
        quote, trade, minute, updated, daily = seen
        assert (type(quote), type(trade)) == (StockQuote, StockTrade)
        assert (type(minute), type(updated), type(daily)) == (MinuteBar, UpdatedBar, DailyBar)
        assert (quote.symbol, quote.bid, quote.ask, quote.bid_shares, quote.ask_shares) == (
            "AAPL",
            150.1,
            150.2,
            3,
            4,
        )
        assert (quote.as_quote().ask, quote.at) == (Decimal("150.2"), AT)
        assert (trade.price, trade.shares, trade.at) == (150.15, 5, AT)
        bar = minute.as_bar()
        assert (bar.symbol, bar.at, bar.open, bar.high, bar.low, bar.close, bar.volume) == (
            "AAPL",
            AT,
            1,
            3.5,
            0.5,
            2,
            100,
        )


async def test_kinds_we_do_not_know_do_not_cost_the_others() -> None:
    seen: list[Any] = []
    halt = {"T": "new kind", "S": "AAPL", "sc": "H"}
    strange = {"T": "q", "S": 7}
    async with feed(FeedServer(telling([halt, TRADE, strange, QUOTE, {"S": "no kind"}])), seen.extend) as (
        stream,
        _,
    ):
        await until(lambda: len(seen) == 2)
        assert [type(one) for one in seen] == [StockTrade, StockQuote]
        assert stream.quarantine.count == 3
        assert [msgspec.msgpack.decode(kept.message) for kept in stream.quarantine.kept] == [
            halt,
            strange,
            {"S": "no kind"},
        ]


async def test_a_failing_handler_costs_one_frame_and_not_the_stream() -> None:
    seen: list[Any] = []

    def handle(messages: list[Any]) -> None:
        if isinstance(messages[0], StockQuote):
            raise RuntimeError("a defect of the user's")
        seen.extend(messages)

    async with feed(FeedServer(telling([QUOTE], [TRADE])), handle) as (stream, slept):
        await until(lambda: seen)
        assert (stream.handler_failures, slept) == (1, [])


@pytest.mark.spec("S0-26")
async def test_subscriptions_change_while_running_and_survive_a_reconnection() -> None:
    server = FeedServer(telling(then_close=True), telling())
    async with feed(server, lambda messages: None) as (stream, slept):
        stream.subscribe(quotes=["AAPL", "MSFT"])
        await until(lambda: len(slept) == 1 and stream.subscribed)
        assert stream.subscribed["quotes"] == {"AAPL", "MSFT"}
        stream.subscribe(trades=["IBM"])
        stream.unsubscribe(quotes=["AAPL"])
        await until(lambda: server.wants["trades"] == {"IBM"} and server.wants["quotes"] == {"MSFT"})
        await until(lambda: stream.subscribed["quotes"] == {"MSFT"})
        assert stream.trouble == ""


@pytest.mark.parametrize(("code", "seconds"), [(402, 30.0), (406, 1.0), (407, 1.0), (500, 1.0)])
@pytest.mark.spec("S0-16")
async def test_the_brokers_errors_are_kept_and_hopeless_ones_tried_slowly(code: int, seconds: float) -> None:
    async def fail(server: FeedServer, socket: web.WebSocketResponse) -> None:
        await socket.receive()
        await say(socket, {"T": "error", "code": code, "msg": "what it means"})

    async with feed(FeedServer(fail), lambda messages: None) as (stream, slept):
        await until(lambda: slept)
        assert slept[0] == seconds
        assert f"{code} what it means" in stream.trouble


@pytest.mark.parametrize("broken", [b"\xc1", b"\x91", b"[]", b"\x92\xc0\x91\x91", b"\x91" * 100_000])
async def test_a_broken_frame_costs_itself_alone(broken: bytes) -> None:
    seen: list[Any] = []

    async def garble(server: FeedServer, socket: web.WebSocketResponse) -> None:
        await server.answer(socket)
        await server.answer(socket)
        await socket.send_bytes(broken)
        await say(socket, TRADE)
        await socket.receive()

    async with feed(FeedServer(garble), seen.extend) as (stream, slept):
        await until(lambda: seen)
        assert slept == []
        assert stream.quarantine.count > 0


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-02T15:00:00.123456789Z",
        "2026-01-02T15:00:00Z",
        "1969-12-31T23:59:59.5Z",
        "2600-01-01T00:00:00.000000001Z",
    ],
)
def test_timestamps_keep_their_nanoseconds_in_each_of_their_lengths(text: str) -> None:
    at = parse_rfc3339(text)
    seconds, rest = divmod(at, 10**9)
    if 0 <= seconds < 2**32 and rest == 0:
        data = seconds.to_bytes(4, "big")
    elif 0 <= seconds < 2**34:
        data = (rest << 34 | seconds).to_bytes(8, "big")
    else:
        data = rest.to_bytes(4, "big") + seconds.to_bytes(8, "big", signed=True)
    assert nanos(msgspec.msgpack.Ext(-1, data)) == at
    assert nanos(msgspec.msgpack.Ext(5, data)) == nanos(None) == 0


# What is subscribed


def accepting(**accepted: list[str]) -> Behaviour:
    """Authenticate, and confirm only so much of whatever is asked."""

    async def behave(server: FeedServer, socket: web.WebSocketResponse) -> None:
        await server.answer(socket)
        while True:
            server.asked.append(msgspec.msgpack.decode((await socket.receive()).data))
            await say(socket, {"T": "subscription", **accepted})

    return behave


async def test_a_subscription_accepted_in_part_is_noticed_and_told() -> None:
    news: list[tuple[Occasion, str]] = []
    server = FeedServer(accepting(quotes=["AAPL"], trades=["*"]))
    async with feed(server, lambda messages: None, tell=lambda *one: news.append(one)) as (stream, slept):
        stream.subscribe(quotes=["AAPL", "MSFT"], trades=["IBM"])
        await until(lambda: stream.missing)
        assert stream.missing == {"quotes": frozenset({"MSFT"})}
        await until(lambda: (Occasion.INCOMPLETE, "not confirmed: quotes of MSFT") in news)
        assert slept == []


async def test_a_symbol_limit_costs_what_was_asked_and_not_the_connection() -> None:
    news: list[tuple[Occasion, str]] = []

    async def limited(server: FeedServer, socket: web.WebSocketResponse) -> None:
        await server.answer(socket)
        await socket.receive()
        await say(socket, {"T": "error", "code": 405, "msg": "symbol limit exceeded"})
        await server.answer(socket)
        await socket.receive()

    async with feed(FeedServer(limited), lambda messages: None, tell=lambda *one: news.append(one)) as (
        stream,
        slept,
    ):
        await until(lambda: Occasion.INCOMPLETE in {occasion for occasion, _ in news})
        stream.subscribe(quotes=["AAPL"])
        await until(lambda: stream.subscribed.get("quotes") == {"AAPL"})
        assert slept == []


async def test_who_takes_the_news_and_fails_ends_nothing() -> None:
    seen: list[Any] = []

    def fail(occasion: Occasion, text: str) -> None:
        raise RuntimeError("a defect of the user's")

    async with feed(FeedServer(telling([TRADE])), seen.extend, tell=fail) as (_, slept):
        await until(lambda: seen)
        assert slept == []


# Handlers of single messages


async def test_each_kind_has_its_handler_and_one_that_fails_costs_one_message() -> None:
    quotes: list[StockQuote] = []
    trades: list[StockTrade] = []
    bars: list[MinuteBar] = []

    def take_quote(quote: StockQuote) -> None:
        if quote.symbol == "BAD":
            raise RuntimeError("a defect of the user's")
        quotes.append(quote)

    frame = [QUOTE, {**QUOTE, "S": "BAD"}, TRADE, {"T": "b", **BAR}, {"T": "d", **BAR}, {**QUOTE, "S": "IBM"}]
    async with feed(FeedServer(telling(frame)), None) as (stream, slept):
        stream.subscribe_quotes(take_quote, "*")
        stream.subscribe_trades(trades.append, "AAPL", "IBM")
        stream.subscribe_bars(bars.append, "*")
        await until(lambda: len(quotes) == 2)
        assert [one.symbol for one in quotes] == ["AAPL", "IBM"]
        assert (len(trades), len(bars)) == (1, 1)
        assert (stream.handler_failures, stream.replay(), slept) == (1, 1, [])


async def test_halts_bands_corrections_and_cancels_arrive_typed() -> None:
    seen: list[Any] = []
    frame = [
        {"T": "s", "S": "AAPL", "sc": "H", "rc": "T5", "t": STAMP},
        {"T": "l", "S": "AAPL", "u": 160.0, "d": 140.0, "i": "B", "t": STAMP},
        {"T": "c", "S": "AAPL", "op": 150.0, "os": 5, "cp": 151.0, "cs": 6, "t": STAMP},
        {"T": "x", "S": "AAPL", "p": 150.0, "s": 5, "a": "C", "t": STAMP},
    ]
    async with feed(FeedServer(telling(frame)), seen.extend) as (stream, _):
        await until(lambda: len(seen) == 4)
        halt, band, correction, cancel = seen
        assert (halt.code, halt.reason, halt.at) == ("H", "T5", AT)
        assert (band.lowest, band.highest, band.at) == (140, 160, AT)
        assert (correction.old_price, correction.price, correction.shares) == (150, 151, 6)
        assert (cancel.price, cancel.shares) == (150, 5)
        assert stream.quarantine.count == 0


async def test_a_stream_of_whole_frames_takes_no_handlers_of_single_messages() -> None:
    stream = StockStream(Credentials(KEY, SECRET), "ws://127.0.0.1:1/v2/iex", lambda messages: None)
    with pytest.raises(ValueError, match="handler already"):
        stream.subscribe_quotes(lambda quote: None, "*")


@pytest.mark.slow
def test_a_burst_that_is_read_far_too_slowly_takes_little_memory() -> None:
    with feeding(50) as url:
        done = subprocess.run(
            [sys.executable, "-m", "tests.broker.slow_reader", url, "1000000"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            timeout=200,
        )
    said = json.loads(done.stdout)
    assert said["seen"] >= 1_000_000
    assert said["grown_bytes"] < 50_000_000
    assert said["conflated"] > 500_000
    assert said["bars_dropped"] == 0
