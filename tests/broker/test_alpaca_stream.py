"""Order updates arrive once per event, gaps are announced, and the stream never stays dead."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from typing import Any

import picows
import pytest
from aiohttp import web

from tests.broker.alpaca_rows import ORDER_ID, order_row
from tests.broker.conftest import KEY, SECRET
from the_alchemiser.broker import AlpacaStream, Credentials, websocket
from the_alchemiser.broker.quarantine import KEPT_BYTES_MAX
from the_alchemiser.broker.resilience import Backoff
from the_alchemiser.domain.events import OrderHeard
from the_alchemiser.domain.hearing import Deaf, Garbled
from the_alchemiser.domain.instants import parse_rfc3339
from the_alchemiser.domain.orders import OrderStatus
from the_alchemiser.domain.probes import counted

Socket = web.WebSocketResponse
Behaviour = Callable[[Socket], Awaitable[None]]


def update(event: str, order: dict[str, Any] | None = None, **data: Any) -> dict[str, Any]:
    stamp = "2026-01-02T15:00:00.000000007Z"
    return {
        "stream": "trade_updates",
        "data": {"event": event, "order": order or order_row(), "timestamp": stamp, **data},
    }


async def greet(socket: Socket) -> None:
    """What every well-behaved broker does before the first update."""
    login = json.loads((await socket.receive()).data)
    assert login == {"action": "authenticate", "data": {"key_id": KEY, "secret_key": SECRET}}
    await socket.send_json(
        {"stream": "authorization", "data": {"status": "authorized", "action": "authenticate"}}
    )
    wanted = json.loads((await socket.receive()).data)
    assert wanted == {"action": "listen", "data": {"streams": ["trade_updates"]}}
    await socket.send_json({"stream": "listening", "data": {"streams": ["trade_updates"], "sequence": 3}})


def saying(*messages: Any, then_close: bool = False) -> Behaviour:
    """Greet, say these, and wait (or leave)."""

    async def behave(socket: Socket) -> None:
        await greet(socket)
        for message in messages:
            if isinstance(message, bytes):
                await socket.send_bytes(message)
            else:
                await socket.send_str(message if isinstance(message, str) else json.dumps(message))
        if not then_close:
            await socket.receive()

    return behave


@asynccontextmanager
async def streaming(
    *behaviours: Behaviour, **options: Any
) -> AsyncIterator[tuple[AlpacaStream, list[float]]]:
    """A stream to a server that behaves so at the first connection, so at the second, and as the last ever after."""
    connections = 0

    async def serve(request: web.Request) -> web.StreamResponse:
        nonlocal connections
        behave = behaviours[min(connections, len(behaviours) - 1)]
        connections += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await behave(socket)
        return socket

    application = web.Application()
    application.router.add_get("/stream", serve)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)

    stream = AlpacaStream(
        Credentials(KEY, SECRET),
        f"ws://127.0.0.1:{port}/stream",
        backoff=Backoff(random=lambda: 1.0),
        sleep=sleep,
        **options,
    )
    try:
        yield stream, slept
    finally:
        await runner.cleanup()


async def heard(stream: AlpacaStream, count: int) -> list[Any]:
    found: list[Any] = []
    async with aclosing(stream.order_updates()) as updates, asyncio.timeout(20):
        async for one in updates:
            found.append(one)
            if len(found) == count:
                break
    return found


@pytest.mark.spec("S0-26", "S1-02")
async def test_updates_follow_the_announcement_that_the_stream_listens() -> None:
    filled = order_row(status="partially_filled", filled_qty="7")
    async with streaming(
        saying(
            update("new", order_row(status="new")),
            update("partial_fill", filled, price="150.2", qty="4", sequence=9),
        )
    ) as (stream, _):
        first, new, fill = await heard(stream, 3)
        assert first is None
        assert new is not None
        assert (new.report.status, new.execution) == (OrderStatus.NEW, None)
        assert fill is not None
        assert fill.execution is not None
        assert (fill.execution.cum_before, fill.execution.cum_after) == (3, 7)
        assert (fill.execution.price, fill.execution.broker_order_id) == (Decimal("150.2"), ORDER_ID)
        assert fill.at == parse_rfc3339("2026-01-02T15:00:00.000000007Z")
        assert fill.sequence == stream.sequence == 9


async def test_the_count_of_updates_begins_where_the_exchange_says() -> None:
    async with streaming(saying()) as (stream, _):
        assert await heard(stream, 1) == [None]
        assert stream.sequence == 3


@asynccontextmanager
async def talking_to(broker: type[picows.WSListener]) -> AsyncIterator[AlpacaStream]:
    """A stream to a server with control over single frames, which answers no ping."""
    server = await picows.ws_create_server(lambda request: broker(), "127.0.0.1", 0, enable_auto_pong=False)
    port = server.sockets[0].getsockname()[1]
    url = f"ws://127.0.0.1:{port}/stream"
    yield AlpacaStream(Credentials(KEY, SECRET), url, silence_seconds=0.2, sleep=lambda _: asyncio.sleep(0))
    server.close()


class Silent(picows.WSListener):
    """Greets in binary frames, says one update in three fragments, and then never another byte."""

    frames = 0

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        self.frames += 1
        if self.frames == 1:
            transport.send(
                picows.WSMsgType.BINARY, b'{"stream":"authorization","data":{"status":"authorized"}}'
            )
        elif self.frames == 2:
            transport.send(
                picows.WSMsgType.BINARY, b'{"stream":"listening","data":{"streams":["trade_updates"]}}'
            )
            text = json.dumps(update("new")).encode()
            transport.send(picows.WSMsgType.TEXT, text[:50], fin=False)
            transport.send(picows.WSMsgType.CONTINUATION, text[50:], fin=False)
            transport.send(picows.WSMsgType.CONTINUATION, b"", fin=True)


@pytest.mark.spec("S0-26")
async def test_a_connection_that_only_looks_alive_is_replaced() -> None:
    async with talking_to(Silent) as stream:
        found = await heard(stream, 4)
        assert [one is None for one in found] == [True, False, True, False]


async def test_binary_frames_and_fragments_are_read_like_text() -> None:
    async with talking_to(Silent) as stream:
        _, pieced = await heard(stream, 2)
        assert pieced is not None
        assert pieced.report.broker_order_id == ORDER_ID


async def test_what_is_not_an_update_is_passed_over() -> None:
    strange: list[Any] = [
        {"stream": "account_updates", "data": {"id": 1}},
        {"action": "error", "data": {"error_message": "internal server error"}},
    ]
    async with streaming(saying(*strange, update("new"))) as (stream, _):
        _, new = await heard(stream, 2)
        assert isinstance(new, OrderHeard)
        assert stream.quarantine.count == 0


@pytest.mark.parametrize("event", ["trade_bust", "trade_correct", "invented_later"])
async def test_of_an_event_nobody_knows_the_order_is_taken_and_the_record_is_asked(event: str) -> None:
    strange = update(event, order_row(status="invented_later"), qty="1", price="2")
    async with streaming(saying(strange)) as (stream, _):
        _, unknown, garbled = await heard(stream, 3)
        assert unknown.execution is None
        assert not unknown.report.status.is_done
        assert isinstance(garbled, Garbled)
        assert event in garbled.reason


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"stream": "trade_updates", "data": None}, id="no data"),
        pytest.param({"unheard": "of"}, id="of no stream"),
        pytest.param(update("fill", order_row(filled_qty="1"), qty="2", price="1"), id="more than all"),
        pytest.param(update("fill", order_row(filled_qty="1"), qty="-1", price="1"), id="less than nothing"),
        pytest.param(update("fill", order_row(filled_qty="1"), qty="1", price="0"), id="for nothing"),
        pytest.param("[" * 100_000, id="too deep"),
        pytest.param(b"\x01", id="a heartbeat byte"),
        pytest.param("{", id="half a message"),
        pytest.param({"stream": "trade_updates", "data": {"event": "fill", "order": None}}, id="no order"),
        pytest.param(update("fill", order_row(filled_qty="many"), qty="1", price="1"), id="no number"),
        pytest.param({"stream": "trade_updates", "data": [1]}, id="a list"),
    ],
)
@pytest.mark.spec("S0-26")
async def test_an_update_that_cannot_be_read_is_kept_and_said_and_the_next_is_heard(broken: Any) -> None:
    async with streaming(saying(broken, update("new"))) as (stream, slept):
        first, garbled, new = await heard(stream, 3)
        assert first is None
        assert isinstance(garbled, Garbled)
        assert isinstance(new, OrderHeard)
        assert slept == []
        said = broken if isinstance(broken, bytes | str) else json.dumps(broken)
        text = said if isinstance(said, bytes) else said.encode()
        assert [(kept.number, kept.message) for kept in stream.quarantine.kept] == [
            (1, text[:KEPT_BYTES_MAX])
        ]


async def test_a_repeated_update_is_handed_on_again_for_the_ledger_to_recognise() -> None:
    fill = update("fill", order_row(filled_qty="10", status="filled"), qty="10", price="150")
    async with streaming(saying(fill, fill)) as (stream, _):
        _, once, twice = await heard(stream, 3)
        assert once == twice


async def test_updates_that_overtake_the_confirmation_are_not_lost() -> None:
    async def hasty(socket: Socket) -> None:
        await socket.receive()
        await socket.send_json({"stream": "authorization", "data": {"status": "authorized"}})
        await socket.receive()
        await socket.send_json(update("new"))
        await socket.send_json({"stream": "listening", "data": {"streams": ["trade_updates"]}})
        await socket.receive()

    async with streaming(hasty) as (stream, _):
        first, early = await heard(stream, 2)
        assert first is None
        assert early is not None


@pytest.mark.spec("S0-26")
async def test_every_connection_is_announced_and_losses_wait_longer_and_longer() -> None:
    async with streaming(
        saying(update("new"), then_close=True), saying(then_close=True), saying(update("new"))
    ) as (stream, slept):
        found = await heard(stream, 5)
        assert [one is None for one in found] == [True, False, True, True, False]
        assert slept == [1.0, 2.0]


@pytest.mark.spec("S0-26")
async def test_a_server_that_is_not_there_yet_is_tried_until_it_is(unused_tcp_port: int) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)
        if len(slept) == 12:
            raise asyncio.CancelledError

    url = f"ws://127.0.0.1:{unused_tcp_port}/stream"
    stream = AlpacaStream(Credentials(KEY, SECRET), url, sleep=sleep, backoff=Backoff(random=lambda: 0.0))
    found: list[Any] = []

    async def hear() -> None:
        async for one in stream.order_updates():
            found.append((one, len(slept)))  # noqa: PERF401 - it is kept when the stream is cancelled

    with pytest.raises(asyncio.CancelledError):
        await hear()
    assert not stream.is_listening
    assert stream.trouble
    assert slept == [0.5, 1, 2, 4, 8, *[15] * 7]
    # told once, and before the fifth wait
    assert [(type(one), waits) for one, waits in found] == [(Deaf, 4)]


async def test_refused_keys_are_tried_again_slowly_and_said() -> None:
    async def refuse(socket: Socket) -> None:
        await socket.receive()
        await socket.send_json(
            {"stream": "authorization", "data": {"status": "unauthorized", "action": "listen"}}
        )

    async with streaming(refuse, refuse, saying()) as (stream, slept):
        deaf, listening = await heard(stream, 2)
        assert isinstance(deaf, Deaf)
        assert "refuses these keys" in deaf.reason
        assert listening is None
        assert slept == [30.0, 30.0]


async def test_a_stream_said_to_be_mute_is_left_for_a_new_one() -> None:
    async with streaming(saying(), saying(update("new"))) as (stream, slept):
        found: list[Any] = []
        async with aclosing(stream.order_updates()) as updates, asyncio.timeout(20):
            async for one in updates:
                found.append(one)
                if len(found) == 1:
                    stream.suspect("an order was not heard of")
                if len(found) == 3:
                    break
        assert [one is None for one in found] == [True, True, False]
        assert slept == [1.0]


async def test_a_stream_that_is_not_listening_cannot_be_suspected(unused_tcp_port: int) -> None:
    AlpacaStream(Credentials(KEY, SECRET), f"ws://127.0.0.1:{unused_tcp_port}/stream").suspect("of what?")


async def test_a_reader_slower_than_the_broker_loses_nothing() -> None:
    rows = [update("new", order_row(id=f"order-{number}")) for number in range(2_000)]
    async with streaming(saying(*rows), unread_max=10) as (stream, slept):
        found = []
        async with aclosing(stream.order_updates()) as updates, asyncio.timeout(60):
            async for one in updates:
                await asyncio.sleep(0)
                if one is not None:
                    found.append(one.report.broker_order_id)
                if len(found) == len(rows):
                    break
        assert found == [f"order-{number}" for number in range(2_000)]
        assert slept == []


async def test_large_messages_fill_the_inbox_as_many_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "UNREAD_BYTES_MAX", 50_000)
    padded = update("new", order_row(reject_reason="x" * 9_000))
    with counted() as probes:
        async with streaming(saying(*[padded] * 300)) as (stream, slept):
            found = 0
            async with aclosing(stream.order_updates()) as updates, asyncio.timeout(60):
                async for one in updates:
                    await asyncio.sleep(0)
                    found += one is not None
                    if found == 300:
                        break
    assert slept == []
    assert probes["websocket.reading_paused"] > 0
