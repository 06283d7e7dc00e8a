"""Several accounts over one market and one clock: isolated by key, moved through time together."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest, MarketOrderRequest
from wire import Answer, WireExchange, exchange_in_thread, running_exchange

ANN, BOB = ("PKANN", "ann-secret"), ("PKBOB", "bob-secret")
ACCOUNTS = {
    "accounts": [
        {"key": ANN[0], "secret": ANN[1], "cash": "50000"},
        {"key": BOB[0], "secret": BOB[1], "cash": 1000, "requests_per_minute": 5},
        {"key": "AKLIVE", "secret": "live-secret", "live": True},
    ]
}
TOML = "\n".join(
    f'[[accounts]]\nkey = "{account["key"]}"\nsecret = "{account["secret"]}"'
    for account in ACCOUNTS["accounts"]
)


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.json"
    path.write_text(json.dumps(ACCOUNTS))
    return path


@pytest.fixture
def exchange(accounts: Path) -> Iterator[WireExchange]:
    with exchange_in_thread(accounts=accounts) as running:
        yield running


def as_account(
    exchange: WireExchange, pair: tuple[str, str], method: str, path: str, body: Any = None
) -> Answer:
    headers = {"APCA-API-KEY-ID": pair[0], "APCA-API-SECRET-KEY": pair[1]}
    return exchange.request(method, path, body, headers=headers)


def client(exchange: WireExchange, pair: tuple[str, str]) -> TradingClient:
    return TradingClient(*pair, url_override=exchange.rest)


def test_each_key_pair_has_an_account_of_its_own(exchange: WireExchange) -> None:
    ann, bob = client(exchange, ANN), client(exchange, BOB)
    assert (ann.get_account().cash, bob.get_account().cash) == ("50000", "1000")
    assert ann.get_account().id != bob.get_account().id
    order = ann.submit_order(
        LimitOrderRequest(
            symbol="KO",
            qty=1,
            side=OrderSide.BUY,
            time_in_force=TimeInForce.DAY,
            limit_price=10,
            client_order_id="mine",
        )
    )
    assert bob.get_orders() == []
    with pytest.raises(APIError, match="order not found"):
        bob.get_order_by_id(order.id)
    with pytest.raises(APIError, match="order not found"):
        bob.cancel_order_by_id(order.id)
    assert [one.id for one in ann.get_orders()] == [order.id]


def test_the_same_client_order_id_is_free_in_each_account(exchange: WireExchange) -> None:
    market = MarketOrderRequest(
        symbol="KO", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, client_order_id="same"
    )
    ids = {client(exchange, pair).submit_order(market).id for pair in (ANN, BOB)}
    assert len(ids) == 2


def test_the_request_budget_of_one_account_is_not_spent_by_another(exchange: WireExchange) -> None:
    statuses = [as_account(exchange, BOB, "GET", "/v2/account").status for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    assert as_account(exchange, ANN, "GET", "/v2/account").status == 200


def test_an_account_of_the_other_environment_is_forbidden_to_trade_but_may_read_prices(
    exchange: WireExchange,
) -> None:
    live = ("AKLIVE", "live-secret")
    refused = as_account(exchange, live, "GET", "/v2/account")
    assert (refused.status, refused.body) == (403, {"message": "forbidden."})
    assert as_account(exchange, live, "GET", "/v2/stocks/KO/quotes/latest").status == 200


def test_the_secret_of_one_account_does_not_open_another(exchange: WireExchange) -> None:
    assert as_account(exchange, (ANN[0], BOB[1]), "GET", "/v2/account").status == 401


def test_lockstep_time_stops_at_the_first_update_of_any_account(exchange: WireExchange) -> None:
    quote = as_account(exchange, ANN, "GET", "/v2/stocks/KO/quotes/latest").body["quote"]
    near = {"symbol": "KO", "qty": "1", "side": "buy", "type": "limit", "time_in_force": "day"}
    for pair, below in ((ANN, 0.30), (BOB, 0.10)):
        price = f"{quote['bp'] - below:.2f}"
        assert as_account(exchange, pair, "POST", "/v2/orders", {**near, "limit_price": price}).status == 200
    seen = []
    while len(seen) < 2:
        moved = as_account(
            exchange, ANN, "POST", "/v1/control/advance", {"until": "2022-06-01T20:00:00Z"}
        ).body
        assert moved["updates"] == 1, moved
        seen.append(
            [as_account(exchange, pair, "GET", "/v2/orders?status=closed").body != [] for pair in (ANN, BOB)]
        )
        clocks = {as_account(exchange, pair, "GET", "/v2/clock").body["timestamp"] for pair in (ANN, BOB)}
        assert len(clocks) == 1
    assert seen == [[False, True], [True, True]]


def test_accounts_may_stand_in_a_toml_file(tmp_path: Path) -> None:
    path = tmp_path / "accounts.toml"
    path.write_text(TOML)
    with exchange_in_thread(accounts=path, cash="77") as exchange:
        assert client(exchange, BOB).get_account().cash == "77"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "Expected `object`"),
        ('{"accounts": []}', 'it has no list "accounts"'),
        ('{"accounts": [{"key": "A"}]}', "secret"),
        ('{"accounts": [{"key": "A", "secret": "B", "colour": "red"}]}', "colour"),
        ('{"accounts": [{"key": "A", "secret": "B"}, {"key": "C", "secret": "B"}]}', "is in use already"),
    ],
)
def test_a_file_of_accounts_that_cannot_be_used_is_refused_in_words(
    tmp_path: Path, text: str, reason: str
) -> None:
    path = tmp_path / "accounts.json"
    path.write_text(text)
    with pytest.raises(Exception, match=reason), exchange_in_thread(accounts=path):
        pass


@pytest.mark.slow
def test_a_killed_exchange_continues_with_all_its_accounts(accounts: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"accounts": accounts, "state": tmp_path / "log"}
    order = {"symbol": "KO", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}
    reads = ("/v2/account", "/v2/orders?status=all", "/v2/positions")
    with running_exchange(**options) as exchange:
        for pair in (ANN, BOB, ANN):
            assert as_account(exchange, pair, "POST", "/v2/orders", order).status == 200
        before = [as_account(exchange, pair, "GET", path).body for pair in (ANN, BOB) for path in reads]
        exchange.kill()
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert len({line["account"] for line in lines[1:]}) == 2
    with running_exchange(**options) as exchange:
        after = [as_account(exchange, pair, "GET", path).body for pair in (ANN, BOB) for path in reads]
    assert after == before


def told_about(
    exchange: WireExchange, pairs: list[tuple[str, str]], orders: list[tuple[str, str]]
) -> list[int]:
    """How many trade updates each of the listeners hears while the accounts in `orders` trade."""

    async def converse() -> list[int]:
        async with aiohttp.ClientSession() as session:
            sockets = [await listen(session, exchange, pair) for pair in pairs]
            for pair in orders:
                order = {"symbol": "KO", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}
                answer = await asyncio.to_thread(as_account, exchange, pair, "POST", "/v2/orders", order)
                assert answer.status == 200
            return [await heard(socket) for socket in sockets]

    return asyncio.run(converse())


async def listen(
    session: aiohttp.ClientSession, exchange: WireExchange, pair: tuple[str, str]
) -> aiohttp.ClientWebSocketResponse:
    socket = await session.ws_connect(exchange.trading_stream)
    await socket.send_json({"action": "auth", "key": pair[0], "secret": pair[1]})
    assert json.loads((await socket.receive()).data)["data"]["status"] == "authorized"
    await socket.send_json({"action": "listen", "data": {"streams": ["trade_updates"]}})
    await socket.receive()
    return socket


async def heard(socket: aiohttp.ClientWebSocketResponse) -> int:
    """The updates so far: a second `listen` is answered after them."""
    await socket.send_json({"action": "listen", "data": {"streams": ["trade_updates"]}})
    count = 0
    while json.loads((await socket.receive()).data)["stream"] != "listening":
        count += 1
    return count


def test_updates_go_to_the_streams_of_their_own_account_alone(exchange: WireExchange) -> None:
    assert told_about(exchange, [ANN, BOB, ANN], [BOB, BOB]) == [0, 6, 0]


def test_each_account_has_a_data_stream_plan_of_its_own(exchange: WireExchange) -> None:
    sockets = []

    async def connect(session: aiohttp.ClientSession, pair: tuple[str, str]) -> Any:
        headers = {"APCA-API-KEY-ID": pair[0], "APCA-API-SECRET-KEY": pair[1]}
        socket = await session.ws_connect(exchange.data_stream, headers=headers)
        sockets.append(socket)  # or it is collected, and closed
        await socket.receive()
        return json.loads((await socket.receive()).data)[0].get("code", 0)

    async def converse() -> list[int]:
        async with aiohttp.ClientSession() as session:
            return [await connect(session, pair) for pair in (ANN, BOB, ANN)]

    assert asyncio.run(converse()) == [0, 0, 406]


def test_the_streams_of_a_deleted_account_end_and_those_of_others_stay(exchange: WireExchange) -> None:
    async def converse() -> tuple[bool, int]:
        async with aiohttp.ClientSession() as session:
            ann, bob = [await listen(session, exchange, pair) for pair in (ANN, BOB)]
            number = as_account(exchange, BOB, "GET", "/v2/account").body["account_number"]
            path = f"/v1/control/accounts/{number}"
            assert (await asyncio.to_thread(as_account, exchange, ANN, "DELETE", path)).status == 204
            return (await bob.receive()).type is aiohttp.WSMsgType.CLOSE, await heard(ann)

    assert asyncio.run(converse()) == (True, 0)
