"""Both streams without any client library: every control message, every error, both encodings."""

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgpack
import pytest
from wire import WireExchange, exchange_in_thread, running_exchange

from the_alchemiser.exchange.streams import dataclient, tradestream

PATIENCE_SECONDS = 30.0
LISTEN = {"action": "listen", "data": {"streams": ["trade_updates"]}}


class Peer:
    """One WebSocket connection."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def say(self, message: Any) -> None:
        await self.socket.send_str(message if isinstance(message, str) else json.dumps(message))

    async def hear(self) -> Any:
        """The next frame, decoded; the close code when the server ended it."""
        frame = await self.socket.receive(PATIENCE_SECONDS)
        if frame.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            return json.loads(frame.data)
        return self.socket.close_code

    async def ask(self, message: Any) -> Any:
        await self.say(message)
        return await self.hear()


@contextlib.asynccontextmanager
async def connected(address: str, **headers: str) -> AsyncIterator[Peer]:
    async with aiohttp.ClientSession() as session, session.ws_connect(address, headers=headers) as socket:
        yield Peer(socket)


@contextlib.asynccontextmanager
async def admitted(exchange: WireExchange, path: str = "/v2/iex") -> AsyncIterator[Peer]:
    """A data stream connection past its authentication."""
    async with connected(exchange.rest + path) as peer:
        assert await peer.hear() == [{"T": "success", "msg": "connected"}]
        answer = await peer.ask({"action": "auth", "key": exchange.key, "secret": exchange.secret})
        assert answer == [{"T": "success", "msg": "authenticated"}]
        yield peer


@contextlib.asynccontextmanager
async def listening(exchange: WireExchange) -> AsyncIterator[Peer]:
    """A trading stream connection that listens to trade updates."""
    async with connected(exchange.trading_stream) as peer:
        await peer.ask({"action": "auth", "key": exchange.key, "secret": exchange.secret})
        await peer.ask(LISTEN)
        yield peer


def error(code: int) -> list[dict[str, Any]]:
    texts = {
        400: "invalid syntax",
        401: "not authenticated",
        402: "auth failed",
        403: "already authenticated",
        405: "symbol limit exceeded",
        406: "connection limit exceeded",
        409: "insufficient subscription",
        410: "invalid subscribe action for this feed",
    }
    return [{"T": "error", "code": code, "msg": texts[code]}]


# The trading stream


def login(exchange: WireExchange, form: str) -> dict[str, Any]:
    key, secret = exchange.key, exchange.secret
    return {
        "of the libraries": {"action": "authenticate", "data": {"key_id": key, "secret_key": secret}},
        "of the documentation": {"action": "auth", "key": key, "secret": secret},
        "by token": {"action": "authenticate", "data": {"oauth_token": secret}},
    }[form]


@pytest.mark.parametrize("form", ["of the libraries", "of the documentation", "by token"])
async def test_every_form_of_authentication_opens_the_trading_stream(
    shared_exchange: WireExchange, form: str
) -> None:
    async with connected(shared_exchange.trading_stream) as peer:
        assert await peer.ask(login(shared_exchange, form)) == {
            "stream": "authorization",
            "data": {"status": "authorized", "action": "authenticate"},
        }
        answer = await peer.ask(
            {"action": "listen", "data": {"streams": ["account_updates", "trade_updates"]}}
        )
        assert (answer["stream"], answer["data"]["streams"]) == ("listening", ["trade_updates"])
        assert (await peer.ask({"action": "listen", "data": {"streams": []}}))["data"]["streams"] == []


async def test_wrong_keys_and_listening_before_authentication_end_the_connection(
    shared_exchange: WireExchange,
) -> None:
    wrong = {"action": "authenticate", "data": {"key_id": "PKWRONG", "secret_key": shared_exchange.secret}}
    for message, action in ((wrong, "authenticate"), (LISTEN, "listen")):
        async with connected(shared_exchange.trading_stream) as peer:
            answer = await peer.ask(message)
            assert answer == {"stream": "authorization", "data": {"status": "unauthorized", "action": action}}
            assert await peer.hear() == 1008


@pytest.mark.parametrize(
    "message", ["{", "[]", '"listen"', '{"action": "fly"}', '{"action": ["auth"]}', "[" * 9999]
)
async def test_nonsense_on_the_trading_stream_is_answered_and_ends_the_connection(
    shared_exchange: WireExchange, message: str
) -> None:
    async with connected(shared_exchange.trading_stream) as peer:
        answer = await peer.ask(message)
        assert answer["action"] == "error"
        assert answer["data"]["error_message"]
        assert await peer.hear() == 1008


async def test_trade_updates_carry_the_whole_order_and_this_execution(exchange: WireExchange) -> None:
    async with listening(exchange) as peer:
        order = exchange.submit(symbol="AAPL", qty="3", side="buy")
        updates = [(await peer.hear())["data"] for _ in range(3)]
        assert [update["event"] for update in updates] == ["pending_new", "new", "fill"]
        fill = updates[2]
        assert fill["order"] == exchange.get(f"/v2/orders/{order['id']}")
        assert (fill["qty"], fill["position_qty"]) == ("3", "3")
        assert fill["price"] == fill["order"]["filled_avg_price"]
        assert fill["timestamp"] == "2022-06-01T13:30:00Z"


@pytest.mark.parametrize(
    ("text_frames", "kind"), [(False, aiohttp.WSMsgType.BINARY), (True, aiohttp.WSMsgType.TEXT)]
)
async def test_trading_frames_are_binary_as_on_paper_unless_text_is_asked_for(
    text_frames: bool, kind: aiohttp.WSMsgType
) -> None:
    with exchange_in_thread(text_frames=text_frames) as exchange:
        async with connected(exchange.trading_stream) as peer:
            await peer.say(login(exchange, "of the libraries"))
            assert (await peer.socket.receive(PATIENCE_SECONDS)).type == kind


async def test_the_sequence_of_an_answer_is_the_number_of_the_last_frame_sent(exchange: WireExchange) -> None:
    exchange.submit(symbol="AAPL", qty="1", side="buy")
    assert exchange.request("GET", "/v2/account").sequence == 0
    async with listening(exchange) as peer:
        answer = exchange.request("POST", "/v2/orders", {"symbol": "KO", "qty": "1", "side": "buy", "type": "market",
                                                         "time_in_force": "day"})  # fmt: skip
        assert answer.sequence == 3
        assert [(await peer.hear())["data"]["sequence"] for _ in range(answer.sequence)] == [1, 2, 3]
    async with connected(exchange.trading_stream) as late:
        await late.ask(login(exchange, "of the libraries"))
        assert (await late.ask(LISTEN))["data"]["sequence"] == 3


# The data stream


async def test_a_json_subscriber_is_answered_with_the_full_set(shared_exchange: WireExchange) -> None:
    async with admitted(shared_exchange) as peer:
        first = await peer.ask({"action": "subscribe", "trades": ["AAPL"], "quotes": None, "bars": ["*"]})
        assert first == [
            {
                "T": "subscription",
                "trades": ["AAPL"],
                "quotes": [],
                "bars": ["*"],
                "updatedBars": [],
                "dailyBars": [],
                "statuses": [],
                "lulds": [],
                "imbalances": [],
                "corrections": ["AAPL"],
                "cancelErrors": ["AAPL"],
            }
        ]
        (second,) = await peer.ask({"action": "unsubscribe", "trades": ["AAPL"], "bars": []})
        assert (second["trades"], second["bars"], second["corrections"]) == ([], ["*"], [])


async def test_each_error_of_the_data_stream_has_its_code(shared_exchange: WireExchange) -> None:
    async with connected(shared_exchange.data_stream) as peer:
        await peer.hear()
        assert await peer.ask({"action": "subscribe", "trades": ["AAPL"]}) == error(401)
        for nonsense in ("{", "[]", '{"action": 5}', "[" * 9999):
            assert await peer.ask(nonsense) == error(400)
        await peer.ask({"action": "auth", "key": shared_exchange.key, "secret": shared_exchange.secret})
        assert await peer.ask({"action": "auth", "key": "x", "secret": "y"}) == error(403)
        assert await peer.ask({"action": "subscribe", "trades": "AAPL"}) == error(400)
        assert await peer.ask({"action": "subscribe", "orderbooks": ["AAPL"]}) == error(410)
        many = [f"S{number}" for number in range(31)]
        assert await peer.ask({"action": "subscribe", "quotes": many}) == error(405)
        assert (await peer.ask({"action": "subscribe", "quotes": many[:30], "bars": many}))[0][
            "T"
        ] == "subscription"


async def test_wrong_keys_are_402_and_a_second_connection_is_406_and_both_end(
    shared_exchange: WireExchange,
) -> None:
    async with connected(shared_exchange.data_stream) as peer:
        await peer.hear()
        assert await peer.ask({"action": "auth", "key": shared_exchange.key, "secret": "wrong"}) == error(402)
        assert await peer.hear() == 1008
    async with admitted(shared_exchange), connected(shared_exchange.data_stream) as second:
        await second.hear()
        await second.say({"action": "auth", "key": shared_exchange.key, "secret": shared_exchange.secret})
        assert await second.hear() == error(406)
        assert await second.hear() == 1008
        async with admitted(shared_exchange, "/v2/sip"):
            pass
    async with admitted(shared_exchange):
        pass


async def test_headers_at_the_upgrade_authenticate_by_themselves(shared_exchange: WireExchange) -> None:
    async with connected(shared_exchange.data_stream, **shared_exchange.headers) as peer:
        assert await peer.hear() == [{"T": "success", "msg": "connected"}]
        assert await peer.hear() == [{"T": "success", "msg": "authenticated"}]
    async with connected(shared_exchange.data_stream, Authorization="Bearer wrong") as peer:
        await peer.hear()
        assert await peer.hear() == error(402)


async def test_a_stream_route_without_an_upgrade_is_a_json_error(shared_exchange: WireExchange) -> None:
    answer = shared_exchange.request("GET", "/stream")
    assert (answer.status, answer.body["code"]) == (400, 40000000)


async def test_an_advance_shows_data_subscribers_all_the_time_that_passed(exchange: WireExchange) -> None:
    async with admitted(exchange) as peer:
        await peer.ask({"action": "subscribe", "trades": ["AAPL"], "quotes": ["KO"], "bars": ["AAPL"]})
        await asyncio.to_thread(exchange.advance, "2022-06-01T13:32:30Z")
        messages: list[dict[str, Any]] = []
        while len(messages) < 15 + 15 + 2:
            messages += await peer.hear()
    kinds = [(message["T"], message["S"]) for message in messages]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        ("t", "AAPL"): 15,
        ("q", "KO"): 15,
        ("b", "AAPL"): 2,
    }
    trades = [message["t"] for message in messages if message["T"] == "t"]
    assert trades == sorted(trades)
    assert (trades[0], trades[-1]) == ("2022-06-01T13:30:10Z", "2022-06-01T13:32:30Z")
    bars = [message for message in messages if message["T"] == "b"]
    assert [bar["t"] for bar in bars] == ["2022-06-01T13:30:00Z", "2022-06-01T13:31:00Z"]
    assert set(bars[0]) == {"T", "S", "t", "o", "h", "l", "c", "v", "n", "vw"}


async def test_msgpack_frames_begin_each_map_with_its_type_and_stamp_time_as_an_extension(
    exchange: WireExchange,
) -> None:
    async with connected(
        exchange.data_stream, **exchange.headers, **{"Content-Type": "application/msgpack"}
    ) as peer:
        hello = msgpack.unpackb(await peer.socket.receive_bytes())
        assert hello == [{"T": "success", "msg": "connected"}]
        await peer.socket.receive_bytes()
        await peer.socket.send_bytes(msgpack.packb({"action": "subscribe", "quotes": ["AAPL"]}))
        await peer.socket.receive_bytes()
        await asyncio.to_thread(exchange.advance, "2022-06-01T13:30:10Z")
        (quote,) = msgpack.unpackb(await peer.socket.receive_bytes())
    assert next(iter(quote)) == "T"
    assert (quote["T"], quote["S"]) == ("q", "AAPL")
    assert quote["t"] == msgpack.Timestamp(1654090210, 0)
    assert all(isinstance(quote[size], int) for size in ("bs", "as"))


@pytest.mark.slow
async def test_a_subscriber_who_reads_gets_everything_however_far_time_is_moved(
    exchange: WireExchange,
) -> None:
    async with admitted(exchange) as peer:
        await peer.ask({"action": "subscribe", "quotes": ["*"], "trades": ["*"]})
        moving = asyncio.create_task(asyncio.to_thread(exchange.advance, "2022-06-03T20:00:00Z"))
        expected, seen = (3 * 2340 - 1) * 21 * 2, 0
        while seen < expected:
            seen += len(await peer.hear())
        await moving
    assert seen == expected


@pytest.mark.slow
async def test_a_subscriber_who_does_not_read_is_cut_off_and_holds_up_nobody(exchange: WireExchange) -> None:
    async with admitted(exchange) as peer:
        await peer.ask({"action": "subscribe", "quotes": ["*"], "trades": ["*"]})
        await asyncio.to_thread(exchange.advance_fully, "2022-06-06T20:00:00Z")
        seen = 0
        with contextlib.suppress(ConnectionError):
            while isinstance(frame := await peer.hear(), list):
                seen += len(frame)
        assert 0 < seen < 4 * 2340 * 21 * 2
    assert exchange.request("GET", "/v2/clock").status == 200


async def test_who_does_not_say_who_he_is_for_ten_seconds_is_sent_away(
    shared_exchange: WireExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (dataclient, tradestream):
        assert module.AUTHENTICATION_SECONDS == 10  # which nobody needs to sit out
        monkeypatch.setattr(module, "AUTHENTICATION_SECONDS", 0.3)
    async with (
        connected(shared_exchange.trading_stream) as trading,
        connected(shared_exchange.data_stream) as data,
    ):
        await data.hear()
        unauthorized = {
            "stream": "authorization",
            "data": {"status": "unauthorized", "action": "authenticate"},
        }
        assert await trading.hear() == unauthorized
        assert await trading.hear() == 1008
        assert await data.hear() == [{"T": "error", "code": 404, "msg": "auth timeout"}]
        assert await data.hear() == 1008


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_asked_to_stop_it_takes_leave_of_its_streams_and_exits_with_zero(
    number: signal.Signals,
) -> None:
    with running_exchange() as exchange:
        async with listening(exchange) as trading, admitted(exchange) as data:
            exchange.process.send_signal(number)
            assert [await trading.hear(), await data.hear()] == [1001, 1001]
        assert await asyncio.to_thread(exchange.process.wait, 10) == 0


# One connection an account, and what each frame carries


async def test_a_second_trading_connection_is_refused_at_the_upgrade_where_one_is_allowed() -> None:
    with exchange_in_thread(trading_connections=1) as exchange:
        async with listening(exchange):
            for headers in ({}, exchange.headers):
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    async with connected(exchange.trading_stream, **headers):
                        pass
                assert refused.value.status == 429
        async with listening(exchange) as again:
            assert not again.socket.closed


async def test_every_update_has_an_id_and_an_instant_of_its_own_that_sort_in_order(
    exchange: WireExchange,
) -> None:
    async with listening(exchange) as peer:
        await asyncio.to_thread(exchange.submit, symbol="AAPL", qty="1", side="buy")
        told = []
        while not told or told[-1]["event"] != "fill":
            told.append((await peer.hear())["data"])
    for key in ("event_id", "at", "sequence"):
        values = [data[key] for data in told]
        assert len(set(values)) == len(values)
    ids = [data["event_id"] for data in told]
    assert ids == sorted(ids)
    assert len({data["timestamp"] for data in told}) == 1


async def test_the_trading_stream_speaks_msgpack_to_who_asks_for_it(exchange: WireExchange) -> None:
    packed = {"Content-Type": "application/msgpack"}
    async with connected(exchange.trading_stream, **packed) as peer:
        for message in (login(exchange, "of the libraries"), LISTEN):
            await peer.socket.send_bytes(msgpack.packb(message))
            await peer.socket.receive_bytes(timeout=PATIENCE_SECONDS)
        await asyncio.to_thread(exchange.submit, symbol="AAPL", qty="1", side="buy")
        frame = msgpack.unpackb(await peer.socket.receive_bytes(timeout=PATIENCE_SECONDS))
    assert frame["stream"] == "trade_updates"
    assert frame["data"]["order"]["symbol"] == "AAPL"
