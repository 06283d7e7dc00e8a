"""What the Go client (alpaca-trade-api-go, v3) is documented to put on the wire; the client itself is not run here."""

import asyncio
import http.client
import json
from typing import Any
from urllib.parse import quote, urlsplit

import msgpack
from websockets.asyncio.client import connect
from wire import WireExchange

PATIENCE_SECONDS = 30.0
# Go's encoder writes every field of a struct, with its zero value where nothing was set.
EVERY_FIELD: dict[str, Any] = {
    "symbol": "AAPL",
    "qty": "3",
    "notional": None,
    "side": "buy",
    "type": "market",
    "time_in_force": "day",
    "limit_price": None,
    "extended_hours": False,
    "stop_price": None,
    "client_order_id": "",
    "order_class": "",
    "take_profit": None,
    "stop_loss": None,
    "trail_price": None,
    "trail_percent": None,
    "position_intent": "",
    "legs": None,
}


def test_zero_values_count_as_not_given(exchange: WireExchange) -> None:
    first = exchange.submit(**EVERY_FIELD)
    second = exchange.submit(**EVERY_FIELD)
    assert first["client_order_id"] != second["client_order_id"] != ""
    exchange.request("PATCH", f"/v2/orders/{first['id']}", {"qty": "", "limit_price": None, "trail": None})
    position = exchange.get("/v2/positions/AAPL", symbol="AAPL")
    assert position["qty"] == "6"


def test_a_margin_requirement_is_a_whole_number(exchange: WireExchange) -> None:
    # Go reads it as an unsigned integer: a fraction, even .0, would fail its decoder.
    requirement = exchange.get("/v2/assets/AAPL")["maintenance_margin_requirement"]
    assert isinstance(requirement, int)
    assert requirement >= 0


def test_order_updates_come_as_events_one_a_line_from_the_instant_asked_for(exchange: WireExchange) -> None:
    exchange.submit(**EVERY_FIELD)
    exchange.advance_fully("2022-06-01T13:32:00Z")
    connection = http.client.HTTPConnection(urlsplit(exchange.rest).netloc, timeout=PATIENCE_SECONDS)
    since = quote("2022-06-01T09:00:00.000000001-04:00")
    connection.request("GET", f"/v2/events/trades?since={since}", headers=exchange.headers)
    answer = connection.getresponse()
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    told: list[dict[str, Any]] = []
    while not told or told[-1]["event"] != "fill":
        line = answer.readline()
        assert line, "the stream of events does not end by itself"
        if line.startswith(b"data: "):
            told.append(json.loads(line[len(b"data: ") :]))
    connection.close()
    assert {"at", "event_id", "event", "execution_id", "order", "price", "qty", "position_qty"} <= told[
        -1
    ].keys()
    assert told[-1]["order"]["status"] == "filled"


async def test_welcome_authentication_and_subscription_come_alone_and_in_order(
    exchange: WireExchange,
) -> None:
    credentials = {"action": "auth", "key": exchange.key, "secret": exchange.secret}
    packing = {"Content-Type": "application/msgpack"}
    async with connect(exchange.data_stream, additional_headers=packing) as socket:
        assert await heard(socket) == [{"T": "success", "msg": "connected"}]
        await socket.send(msgpack.packb(credentials))
        assert await heard(socket) == [{"T": "success", "msg": "authenticated"}]
        wanted = {
            "action": "subscribe",
            "trades": ["AAPL"],
            "quotes": ["AAPL"],
            "bars": None,
            "statuses": None,
        }
        await socket.send(msgpack.packb(wanted))
        (subscription,) = await heard(socket)
        assert subscription["T"] == "subscription"
        assert subscription["trades"] == subscription["quotes"] == ["AAPL"]
        await asyncio.to_thread(exchange.advance_fully, "2022-06-01T13:31:00Z")
        messages = await heard(socket)
    # Go's decoder looks at the first key to know what follows, and reads sizes and ids as whole numbers.
    assert {next(iter(message)) for message in messages} == {"T"}
    sizes = [message[key] for message in messages for key in ("s", "as", "bs", "i") if key in message]
    assert sizes
    assert all(isinstance(size, int) for size in sizes)


async def heard(socket: Any) -> list[dict[str, Any]]:
    return msgpack.unpackb(await asyncio.wait_for(socket.recv(), PATIENCE_SECONDS), timestamp=3)  # type: ignore[no-any-return]
