"""Every refusal of the streams, with its code and text, and whether the connection ends by it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest
from conformance.refusals import named
from conformance.refusals.of_streams import (
    LOGIN,
    REFUSED_FEEDS,
    STREAM_REFUSALS,
    TRADING_REFUSALS,
    StreamRefusal,
    TradingRefusal,
)
from websockets import ConnectionClosed, InvalidStatus
from websockets.asyncio.client import ClientConnection, connect
from wire import WireExchange, exchange_in_thread

PATIENCE_SECONDS = 30.0
CONNECTED = [{"T": "success", "msg": "connected"}]
SILENCE = "ten seconds of silence"


@pytest.fixture(scope="module")
def exchange() -> Iterator[WireExchange]:
    with exchange_in_thread(refused_feeds=REFUSED_FEEDS, trading_connections=1) as running:
        yield running


def rows(refusals: Any) -> list[Any]:
    """The table as parameters; who waits out ten seconds is slow."""
    slow = pytest.mark.slow
    return [pytest.param(row, id=row.name, marks=slow if row.name == SILENCE else ()) for row in refusals]


def place(exchange: WireExchange, path: str) -> str:
    return exchange.rest.replace("http", "ws") + path


async def heard(socket: ClientConnection) -> Any:
    frame = await asyncio.wait_for(socket.recv(), PATIENCE_SECONDS)
    try:
        return json.loads(frame)
    except ValueError:
        return msgpack.unpackb(frame)


def written(exchange: WireExchange, message: Any, packed: bool = False) -> str | bytes:
    if isinstance(message, str):
        return message
    filled = named(message, {"key": exchange.key, "secret": exchange.secret})
    packing: bytes = msgpack.packb(filled)
    return packing if packed else json.dumps(filled)


async def provoked(exchange: WireExchange, refusal: StreamRefusal, socket: ClientConnection) -> Any:
    """The last answer."""
    answer = await heard(socket)
    assert answer == CONNECTED
    for message in refusal.says:
        await socket.send(written(exchange, message, refusal.packed))
        answer = await heard(socket)
    return answer if refusal.says else await heard(socket)


@pytest.mark.parametrize("refusal", rows(STREAM_REFUSALS))
async def test_a_data_stream_refuses_as_documented(exchange: WireExchange, refusal: StreamRefusal) -> None:
    address = place(exchange, refusal.feed)
    kind = {"Content-Type": "application/msgpack"} if refusal.packed else {}
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(refusal.beside):
            other = await stack.enter_async_context(connect(address, additional_headers=exchange.headers))
            assert [await heard(other), await heard(other)][1][0]["msg"] == "authenticated"
        socket = await stack.enter_async_context(connect(address, additional_headers=kind))
        error = {"T": "error", "code": refusal.code, "msg": refusal.text}
        assert await provoked(exchange, refusal, socket) == [error]
        if refusal.ends:
            with pytest.raises(ConnectionClosed):
                await heard(socket)
        else:
            await socket.send(written(exchange, {"action": "unsubscribe"}, refusal.packed))
            assert (await heard(socket))[0]["T"] == ("error" if LOGIN not in refusal.says else "subscription")


@pytest.mark.parametrize("refusal", rows(TRADING_REFUSALS))
async def test_the_trading_stream_refuses_as_documented(
    exchange: WireExchange, refusal: TradingRefusal
) -> None:
    async with connect(exchange.trading_stream) as socket:
        if refusal.says is not None:
            await socket.send(written(exchange, refusal.says))
        assert await heard(socket) == refusal.answer
        with pytest.raises(ConnectionClosed):
            await heard(socket)


async def test_a_second_connection_to_the_trading_stream_is_refused_at_its_door(
    exchange: WireExchange,
) -> None:
    async with connect(exchange.trading_stream) as first:
        await first.send(written(exchange, LOGIN))
        assert (await heard(first))["data"]["status"] == "authorized"
        with pytest.raises(InvalidStatus) as refused:
            async with connect(exchange.trading_stream, additional_headers=exchange.headers):
                pass
    assert refused.value.response.status_code == 429
