"""Every feed of the data streams, read with the `websockets` package."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from wire import WireExchange, exchange_in_thread

PATIENCE_SECONDS = 30.0
OPTION_PATH = "/v1beta1/indicative"
Message = dict[str, Any]


class Reader:
    """A client of one feed: authenticated by its headers, in JSON or msgpack."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.seen: list[Message] = []

    async def hear(self) -> list[Message]:
        frame = await asyncio.wait_for(self.socket.recv(), PATIENCE_SECONDS)
        return json.loads(frame) if isinstance(frame, str) else msgpack.unpackb(frame)

    async def ask(self, packed: bool = False, **message: Any) -> Message:
        await self.socket.send(msgpack.packb(message) if packed else json.dumps(message))
        (answer,) = await self.hear()
        return answer

    async def until(self, kind: str, count: int) -> list[Message]:
        """The messages of one kind, as soon as there are so many."""
        while len(self.of(kind)) < count:
            self.seen += await self.hear()
        return self.of(kind)

    def of(self, kind: str) -> list[Message]:
        return [message for message in self.seen if message["T"] == kind]


@contextlib.asynccontextmanager
async def reading(
    exchange: WireExchange, path: str, *, packed: bool = False, **wanted: list[str]
) -> AsyncIterator[Reader]:
    """A reader that has been let in and has subscribed."""
    headers = {**exchange.headers, **({"Content-Type": "application/msgpack"} if packed else {})}
    address = exchange.rest.replace("http", "ws") + path
    async with connect(address, additional_headers=headers) as socket:
        reader = Reader(socket)
        assert await reader.hear() == [{"T": "success", "msg": "connected"}]
        assert await reader.hear() == [{"T": "success", "msg": "authenticated"}]
        if wanted:
            answer = await reader.ask(packed, action="subscribe", **wanted)
            assert {name: answer[name] for name in wanted} == wanted
        yield reader


async def advance(exchange: WireExchange, until: str) -> None:
    await asyncio.to_thread(exchange.advance_fully, until)


async def refusal(exchange: WireExchange, path: str, **headers: str) -> int:
    """The code of the error that ends an attempt to authenticate."""
    address = exchange.rest.replace("http", "ws") + path
    async with connect(address, additional_headers={**exchange.headers, **headers}) as socket:
        reader = Reader(socket)
        await reader.hear()
        (error,) = await reader.hear()
        with pytest.raises(ConnectionClosed):
            await reader.hear()
    return error["code"]  # type: ignore[no-any-return]


async def test_the_test_feed_ticks_at_night(exchange: WireExchange) -> None:
    await advance(exchange, "2022-06-02T06:00:00Z")
    wanted = {"trades": ["FAKEPACA"], "quotes": ["*"], "bars": ["FAKEPACA"], "dailyBars": ["FAKEPACA"]}
    async with reading(exchange, "/v2/test", **wanted) as reader:
        await advance(exchange, "2022-06-02T06:01:00Z")
        await reader.until("d", 1)
    assert len(reader.of("q")) == len(reader.of("t")) == 60
    (bar,) = reader.of("b")
    trades = [trade for trade in reader.of("t") if trade["t"] < "2022-06-02T06:01"]
    assert bar["t"] == "2022-06-02T06:00:00Z"
    # The minute began with a print that was told before anyone listened.
    assert bar["n"] == len(trades) + 1
    assert bar["h"] >= max(trade["p"] for trade in trades)
    assert bar["c"] == trades[-1]["p"]


async def test_crypto_trades_quotes_bars_and_books_are_told(exchange: WireExchange) -> None:
    channels = ("trades", "quotes", "bars", "dailyBars", "updatedBars", "orderbooks")
    wanted = {channel: ["BTC/USD"] for channel in channels}
    async with reading(exchange, "/v1beta3/crypto/us", **wanted) as reader:
        (whole,) = await reader.until("o", 1)
        await advance(exchange, "2022-06-01T14:00:00Z")
        span = {"symbols": "BTC/USD", "start": "2022-06-01T13:30:01Z"}
        trades = exchange.get("/v1beta3/crypto/us/trades", **span)["trades"]["BTC/USD"]
        await reader.until("t", len(trades))
        await reader.until("d", 20)
    assert whole["r"] is True
    assert all("r" not in message for message in reader.of("o")[1:])
    assert set(reader.of("t")[0]) == {"T", "S", "t", "p", "s", "i", "tks"}
    assert set(reader.of("q")[0]) == {"T", "S", "t", "bp", "bs", "ap", "as"}
    assert [trade["i"] for trade in reader.of("t")] == [trade["i"] for trade in trades]


async def test_a_reader_who_applies_the_changes_has_the_order_book_of_the_latest_route(
    exchange: WireExchange,
) -> None:
    async with reading(exchange, "/v1beta3/crypto/us", orderbooks=["ETH/USD"]) as reader:
        await advance(exchange, "2022-06-01T13:40:00Z")
        latest = exchange.get("/v1beta3/crypto/us/latest/orderbooks", symbols="ETH/USD")
        book = latest["orderbooks"]["ETH/USD"]
        while not reader.seen or reader.seen[-1]["t"] != book["t"]:
            reader.seen += await reader.hear()
    sides: dict[str, dict[float, float]] = {"b": {}, "a": {}}
    for message in reader.seen:
        for side, levels in sides.items():
            if message.get("r"):
                levels.clear()
            levels.update({level["p"]: level["s"] for level in message[side]})
    for side, levels in sides.items():
        assert {price: size for price, size in levels.items() if size} == {
            level["p"]: level["s"] for level in book[side]
        }


async def test_the_option_feed_tells_named_contracts_and_those_near_the_money(exchange: WireExchange) -> None:
    contracts = exchange.get("/v2/options/contracts", underlying_symbols="AAPL", type="call")
    symbols = [contract["symbol"] for contract in contracts["option_contracts"]]
    named = symbols[len(symbols) // 2]
    wanted = {"quotes": [named], "trades": ["*"]}
    async with reading(exchange, OPTION_PATH, packed=True, **wanted) as reader:
        await advance(exchange, "2022-06-01T14:30:00Z")
        await reader.until("q", 100)
        await reader.until("t", 5)
    quote, trade = reader.of("q")[0], reader.of("t")[0]
    assert set(quote) == {"T", "S", "t", "bx", "bp", "bs", "ax", "ap", "as", "c"}
    assert set(trade) == {"T", "S", "t", "x", "p", "s", "c"}
    assert next(iter(quote)) == "T"
    assert isinstance(quote["t"], msgpack.Timestamp)
    assert {message["S"] for message in reader.of("q")} == {named}


async def test_the_option_feed_refuses_json_stars_for_quotes_and_more_quotes_than_the_plan_has(
    exchange: WireExchange,
) -> None:
    assert await refusal(exchange, OPTION_PATH) == 412
    async with reading(exchange, OPTION_PATH, packed=True) as reader:
        assert (await reader.ask(True, action="subscribe", quotes=["*"]))["code"] == 413
        many = [f"AAPL220617C{number:08d}" for number in range(201)]
        assert (await reader.ask(True, action="subscribe", quotes=many))["code"] == 405
        assert len((await reader.ask(True, action="subscribe", quotes=many[:200]))["quotes"]) == 200
        assert (await reader.ask(True, action="subscribe", bars=["AAPL220617C00150000"]))["code"] == 410


async def test_the_delayed_feed_is_fifteen_minutes_late(exchange: WireExchange) -> None:
    async with reading(exchange, "/v2/delayed_sip", trades=["AAPL"]) as reader:
        await advance(exchange, "2022-06-01T13:46:00Z")
        trades = await reader.until("t", 6)
    assert (trades[0]["t"], trades[-1]["t"]) == ("2022-06-01T13:30:00Z", "2022-06-01T13:31:00Z")


async def test_feeds_that_were_not_subscribed_to_are_refused_with_the_code_of_the_plan() -> None:
    with exchange_in_thread(refused_feeds="sip,boats=411,overnight=408") as exchange:
        assert await refusal(exchange, "/v2/sip") == 409
        assert await refusal(exchange, "/v1beta1/boats") == 411
        assert await refusal(exchange, "/v1beta1/overnight") == 408
        async with reading(exchange, "/v2/iex"):
            assert await refusal(exchange, "/v2/iex") == 406


async def test_a_script_is_told_as_statuses_and_bands(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    halt = {"symbol": "AAPL", "start": "2022-06-01T13:35:00Z", "end": "2022-06-01T13:40:00Z", "reason": "T1"}
    band = {"symbol": "KO", "at": "2022-06-01T13:33:00Z", "up": "70", "down": "60"}
    script.write_text(json.dumps({"halt": [halt], "band": [band]}))
    with exchange_in_thread(script=script, requests_per_minute=0) as exchange:
        async with reading(exchange, "/v2/iex", statuses=["*"], lulds=["*"], imbalances=["AAPL"]) as reader:
            await advance(exchange, "2022-06-01T14:00:00Z")
            halted, resumed = await reader.until("s", 2)
    assert (halted["S"], halted["sc"], halted["rc"], halted["t"]) == ("AAPL", "H", "T1", halt["start"])
    assert (resumed["sc"], resumed["t"]) == ("T", halt["end"])
    assert [message["t"][14:16] for message in reader.of("i")] == ["36", "37", "38", "39"]
    (luld,) = reader.of("l")
    assert (luld["S"], luld["u"], luld["d"], luld["t"]) == ("KO", 70.0, 60.0, band["at"])


async def test_who_applies_corrections_cancels_and_updated_bars_has_the_history() -> None:
    with exchange_in_thread(print_errors=20, requests_per_minute=0, data_requests_per_minute=0) as exchange:
        async with reading(
            exchange, "/v2/iex", trades=["AAPL"], bars=["AAPL"], updatedBars=["AAPL"]
        ) as reader:
            await advance(exchange, "2022-06-01T14:00:00Z")
            await reader.until("t", 180)
            await reader.until("c", 3)
        span = {"start": "2022-06-01T13:30:01Z", "end": "2022-06-01T13:59:50Z"}
        history = exchange.get("/v2/stocks/AAPL/trades", **span)["trades"]
    told = {trade["i"]: (trade["p"], trade["s"]) for trade in reader.of("t")}
    for wrong in reader.of("x"):
        assert told.pop(wrong["i"]) == (wrong["p"], wrong["s"])
    for wrong in reader.of("c"):
        assert told.pop(wrong["oi"]) == (wrong["op"], wrong["os"])
        told[wrong["ci"]] = (wrong["cp"], wrong["cs"])
    assert len(reader.of("x")) > 3
    right = {trade["i"]: (trade["p"], trade["s"]) for trade in history}
    assert {key: told[key] for key in right if key in told} == {
        key: right[key] for key in told if key in right
    }
    bars = {bar["t"]: bar for bar in reader.of("b")}
    updated = reader.of("u")
    assert updated
    assert all(bar["n"] == bars[bar["t"]]["n"] + 1 for bar in updated)


@pytest.mark.parametrize(("compression", "extensions"), [(True, 1), (False, 0)])
async def test_who_asks_for_compression_gets_it_unless_it_is_off(compression: bool, extensions: int) -> None:
    with exchange_in_thread(compression=compression) as exchange:
        async with reading(exchange, "/v2/iex", trades=["AAPL"]) as reader:
            assert len(reader.socket.protocol.extensions) == extensions
            await advance(exchange, "2022-06-01T13:32:00Z")
            assert len(await reader.until("t", 12)) == 12


async def test_two_readers_of_the_same_get_the_same_and_a_third_what_it_asked_for(
    exchange: WireExchange,
) -> None:
    with exchange_in_thread(stream_connections=0) as exchange:
        async with (
            reading(exchange, "/v2/iex", trades=["AAPL"], quotes=["KO"]) as first,
            reading(exchange, "/v2/iex", trades=["AAPL"], quotes=["KO"]) as second,
            reading(exchange, "/v2/iex", trades=["KO"]) as third,
        ):
            await advance(exchange, "2022-06-01T13:32:00Z")
            for reader in (first, second, third):
                await reader.until("t", 12)
    assert first.seen == second.seen
    assert {(message["T"], message["S"]) for message in first.seen} == {("t", "AAPL"), ("q", "KO")}
    assert {(message["T"], message["S"]) for message in third.seen} == {("t", "KO")}


async def test_news_come_out_when_they_happen_and_are_those_of_the_history(exchange: WireExchange) -> None:
    async with reading(exchange, "/v1beta1/news", news=["*"]) as reader:
        await advance(exchange, "2022-06-01T22:00:00Z")
        history = exchange.get("/v1beta1/news", start="2022-06-01T13:30:01Z", sort="asc", limit=50)["news"]
        told = await reader.until("n", len(history))
    fields = {"id", "headline", "summary", "author", "created_at", "updated_at", "url", "content", "symbols"}
    assert fields | {"T", "source"} == told[0].keys()
    assert [(article["id"], article["created_at"]) for article in told] == [
        (article["id"], article["created_at"]) for article in history
    ]


async def test_who_asks_for_the_news_of_one_symbol_gets_no_other(exchange: WireExchange) -> None:
    async with (
        reading(exchange, "/v1beta1/news", news=["*"]) as everything,
    ):
        await advance(exchange, "2022-06-01T22:00:00Z")
        symbol = (await everything.until("n", 2))[0]["symbols"][0]
    async with reading(exchange, "/v1beta1/news", packed=True, news=[symbol]) as reader:
        await advance(exchange, "2022-06-15T22:00:00Z")
        await reader.until("n", 1)
    assert all(article["symbols"] == [symbol] for article in reader.of("n"))
    assert isinstance(reader.of("n")[0]["created_at"], msgpack.Timestamp)


async def test_a_symbol_that_changes_its_name_is_told_by_the_new_one(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    change = {"symbol": "GE", "new_symbol": "GEA", "date": "2022-06-02"}
    script.write_text(json.dumps({"name_change": [change]}))
    with exchange_in_thread(script=script) as exchange:
        async with reading(exchange, "/v2/iex", trades=["GE", "GEA"]) as reader:
            await advance(exchange, "2022-06-01T13:31:00Z")
            await advance(exchange, "2022-06-02T13:31:00Z")
            while not reader.seen or reader.seen[-1]["S"] != "GEA":
                reader.seen += await reader.hear()
    names = {message["t"][:10]: message["S"] for message in reader.of("t")}
    assert names == {"2022-06-01": "GE", "2022-06-02": "GEA"}


async def test_in_a_halt_nothing_is_told_and_no_history_shows_a_print(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    halt = {"symbol": "AAPL", "start": "2022-06-01T13:35:00Z", "end": "2022-06-01T13:40:00Z"}
    script.write_text(json.dumps({"halt": [halt]}))
    with exchange_in_thread(script=script) as exchange:
        async with reading(exchange, "/v2/iex", trades=["AAPL"], bars=["AAPL"]) as reader:
            await advance(exchange, "2022-06-01T13:45:00Z")
            bars = await reader.until("b", 10)
        span = {"start": "2022-06-01T13:30:01Z", "end": "2022-06-01T13:45:00Z"}
        history = exchange.get("/v2/stocks/AAPL/trades", **span)["trades"]
        exchange.advance_fully("2022-06-02T14:00:00Z")
        (day,) = exchange.get("/v2/stocks/AAPL/bars", timeframe="1Day", start="2022-06-01", end="2022-06-01")[
            "bars"
        ]
        whole = exchange.get(
            "/v2/stocks/AAPL/trades", start="2022-06-01T13:30:00Z", end="2022-06-01T20:00:00Z", limit=10000
        )
    assert [bar["t"][14:16] for bar in bars] == ["30", "31", "32", "33", "34", "40", "41", "42", "43", "44"]
    assert [trade["t"] for trade in reader.of("t")] == [trade["t"] for trade in history]
    assert not any("13:35" <= trade["t"][11:16] < "13:40" for trade in history)
    assert day["n"] == len(whole["trades"])


async def test_a_message_in_fragments_is_understood_an_empty_last_one_included(
    exchange: WireExchange,
) -> None:
    async with reading(exchange, "/v2/iex") as reader:
        wish = json.dumps({"action": "subscribe", "trades": ["AAPL"], "quotes": None, "bars": ["*"]})
        await reader.socket.send([wish[:7], wish[7:30], wish[30:], ""])
        (answer,) = await reader.hear()
    assert (answer["T"], answer["trades"], answer["quotes"], answer["bars"]) == (
        "subscription",
        ["AAPL"],
        [],
        ["*"],
    )
    assert answer["corrections"] == answer["cancelErrors"] == ["AAPL"]
