"""Faults of streams over the real wire: what the client hears, and what it does not."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
import requests
from alpaca.trading.stream import TradingStream
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from wire import WireExchange, exchange_in_thread, running_exchange

PATIENCE_SECONDS = 10.0
SILENCE_SECONDS = 0.15
OPEN, NOON, CLOSE = "2022-06-01T13:30:00Z", "2022-06-01T16:00:00Z", "2022-06-01T20:00:00Z"


def fault(exchange: WireExchange, kind: str, stream: str = "trade_updates", **rule: Any) -> None:
    answer = exchange.request("POST", "/v1/control/faults", {"stream": stream, "fault": kind, **rule})
    assert answer.status == 201, answer


def done(exchange: WireExchange) -> list[tuple[str, str, int]]:
    log = exchange.get("/v1/control/faults/log")["faults"]
    return [(entry["fault"], entry["where"], entry["ordinal"]) for entry in log]


def hear(peer: ClientConnection) -> Any:
    return json.loads(peer.recv(PATIENCE_SECONDS))


def ask(peer: ClientConnection, message: Any) -> Any:
    peer.send(json.dumps(message))
    return hear(peer)


@contextlib.contextmanager
def connected(exchange: WireExchange, path: str, **headers: str) -> Iterator[ClientConnection]:
    address = exchange.trading_stream.removesuffix("/stream") + path
    with connect(address, additional_headers=headers, ping_interval=None, close_timeout=0.1) as peer:
        yield peer


@contextlib.contextmanager
def listening(exchange: WireExchange) -> Iterator[ClientConnection]:
    with connected(exchange, "/stream") as peer:
        ask(peer, {"action": "auth", "key": exchange.key, "secret": exchange.secret})
        assert (
            ask(peer, {"action": "listen", "data": {"streams": ["trade_updates"]}})["stream"] == "listening"
        )
        yield peer


@contextlib.contextmanager
def watching(exchange: WireExchange, **channels: list[str]) -> Iterator[ClientConnection]:
    keys = {"APCA-API-KEY-ID": exchange.key, "APCA-API-SECRET-KEY": exchange.secret}
    with connected(exchange, "/v2/iex", **keys) as peer:
        assert [hear(peer), hear(peer)][1] == [{"T": "success", "msg": "authenticated"}]
        assert ask(peer, {"action": "subscribe", **channels})[0]["T"] == "subscription"
        yield peer


def told(peer: ClientConnection, count: int) -> list[str]:
    """The events of so many order updates."""
    return [hear(peer)["data"]["event"] for _ in range(count)]


def silent(peer: ClientConnection) -> bool:
    try:
        peer.recv(SILENCE_SECONDS)
    except TimeoutError:
        return True
    return False


def buy(exchange: WireExchange) -> str:
    """An order that fills at once: pending_new, new, fill."""
    return str(exchange.submit(symbol="KO", qty="1", side="buy")["id"])


def test_a_lost_fill_is_never_told_and_yet_happened(exchange: WireExchange) -> None:
    fault(exchange, "lose", event="fill", first=1)
    with listening(exchange) as peer:
        first = buy(exchange)
        assert told(peer, 2) == ["pending_new", "new"]
        buy(exchange)
        assert told(peer, 3) == ["pending_new", "new", "fill"]
    assert exchange.get(f"/v2/orders/{first}")["status"] == "filled"
    assert done(exchange) == [("lose", "/stream fill KO", 1)]


def test_a_repeated_fill_has_the_same_or_another_execution_id(exchange: WireExchange) -> None:
    fault(exchange, "duplicate", event="fill", times=3, ordinals=[1])
    fault(exchange, "duplicate", event="fill", times=2, fresh_ids=True, ordinals=[2])
    with listening(exchange) as peer:
        buy(exchange)
        buy(exchange)
        fills = [row["data"] for row in (hear(peer) for _ in range(9)) if row["data"]["event"] == "fill"]
    ids = [fill["execution_id"] for fill in fills]
    assert [len(set(ids[:3])), len(set(ids[3:]))] == [1, 2]
    assert [fill["qty"] for fill in fills] == ["1"] * 5
    assert exchange.get("/v2/positions/KO")["qty"] == "2"


def test_updates_come_out_of_order(exchange: WireExchange) -> None:
    fault(exchange, "reorder", event="pending_new", by=2)
    with listening(exchange) as peer:
        buy(exchange)
        assert told(peer, 3) == ["new", "fill", "pending_new"]


def test_an_update_comes_later_by_the_wall(exchange: WireExchange) -> None:
    fault(exchange, "delay", event="new", seconds=0.2)
    with listening(exchange) as peer:
        begun = time.monotonic()
        buy(exchange)
        assert told(peer, 3) == ["pending_new", "fill", "new"]
        assert time.monotonic() - begun >= 0.2


def test_an_update_comes_later_by_the_exchange(exchange: WireExchange) -> None:
    fault(exchange, "delay", event="fill", exchange_seconds=300)
    with listening(exchange) as peer:
        buy(exchange)
        assert told(peer, 2) == ["pending_new", "new"]
        exchange.advance_fully("2022-06-01T13:34:59Z")
        assert silent(peer)
        exchange.advance_fully("2022-06-01T13:35:00Z")
        assert told(peer, 1) == ["fill"]


@pytest.mark.parametrize("form", ["noise", "broken", "null", "missing_fields", "unknown_event"])
def test_a_spoilt_update_comes_beside_or_instead_of_the_true_one(exchange: WireExchange, form: str) -> None:
    fault(exchange, "garbage", event="new", form=form, beside=True)
    with listening(exchange) as peer:
        buy(exchange)
        assert told(peer, 1) == ["pending_new"]
        frame = peer.recv(PATIENCE_SECONDS)
        assert told(peer, 2) == ["new", "fill"]
    if form in ("noise", "broken"):
        with pytest.raises(ValueError):  # noqa: PT011  JSON or UTF-8, as it comes
            json.loads(frame)
        return
    data = json.loads(frame)["data"]
    seen = {
        "null": data is None,
        "missing_fields": bool(data) and data["event"] == "new" and "order" not in data,
        "unknown_event": bool(data) and data["event"] == "unheard_of",
    }
    assert seen[form]


@pytest.mark.slow
def test_alpaca_py_survives_spoilt_updates_and_hears_the_next(exchange: WireExchange) -> None:
    fault(exchange, "garbage", event="new", form="missing_fields")
    stream = TradingStream(exchange.key, exchange.secret, url_override=exchange.trading_stream)
    heard, filled = [], threading.Event()

    async def hear_update(update: Any) -> None:
        heard.append(str(getattr(update.event, "value", update.event)))
        if heard[-1] == "fill":
            filled.set()

    stream.subscribe_trade_updates(hear_update)
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not filled.is_set() and time.monotonic() < deadline:
        buy(exchange)
        filled.wait(0.05)
    stream.stop()
    while thread.is_alive() and time.monotonic() < deadline:
        buy(exchange)  # it looks whether it shall stop after each message, or after five silent seconds
        thread.join(0.05)
    assert not thread.is_alive()
    assert filled.is_set()
    assert "new" not in heard


@pytest.mark.parametrize("code", [1001, 1011, 4000])
def test_a_connection_is_closed_with_a_code_at_a_message(exchange: WireExchange, code: int) -> None:
    fault(exchange, "close", event="fill", code=code, reason="maintenance", first=1)
    with listening(exchange) as peer:
        buy(exchange)
        assert told(peer, 2) == ["pending_new", "new"]
        with pytest.raises(ConnectionClosed) as closed:
            hear(peer)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, "maintenance")
    with listening(exchange) as peer:
        buy(exchange)
        assert told(peer, 3) == ["pending_new", "new", "fill"]


def test_a_connection_is_reset(exchange: WireExchange) -> None:
    fault(exchange, "close", event="fill", code=0)
    with listening(exchange) as peer:
        buy(exchange)
        with pytest.raises(ConnectionClosed) as closed:
            told(peer, 3)
        assert closed.value.rcvd is None


def test_every_connection_of_a_stream_ends_at_an_instant(exchange: WireExchange) -> None:
    fault(exchange, "close", "*", at=NOON, code=1012)
    with listening(exchange) as peer, watching(exchange, quotes=["KO"]) as other:
        exchange.advance_fully("2022-06-01T15:59:59Z")
        while not silent(other):
            pass
        exchange.advance_fully(CLOSE)
        for one in (peer, other):
            with pytest.raises(ConnectionClosed) as closed:
                hear(one)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
    log = exchange.get("/v1/control/faults/log")["faults"]
    assert {(entry["at"], entry["where"]) for entry in log} == {(NOON, "/stream"), (NOON, "/v2/iex")}


def test_a_half_open_connection_says_nothing_not_even_pong(exchange: WireExchange) -> None:
    fault(exchange, "half_open", event="new", seconds=0.5, first=1)
    with listening(exchange) as peer:
        assert peer.ping().wait(PATIENCE_SECONDS)
        buy(exchange)
        assert told(peer, 1) == ["pending_new"]
        assert not peer.ping().wait(SILENCE_SECONDS)
        assert silent(peer)
        with pytest.raises(ConnectionClosed):  # the exchange reaps it in the end
            hear(peer)


def test_a_mute_feed_is_connected_and_silent_for_its_time(exchange: WireExchange) -> None:
    fault(exchange, "lose", "/v2/iex", after="2022-06-01T13:35:00Z", until="2022-06-01T13:45:00Z")
    with watching(exchange, quotes=["KO"]) as peer:
        exchange.advance_fully("2022-06-01T14:00:00Z")
        stamps = [row["t"] for row in quotes_until(peer, "2022-06-01T13:59:50Z")]
    assert not [stamp for stamp in stamps if "2022-06-01T13:35" <= stamp < "2022-06-01T13:45"]
    assert {"2022-06-01T13:34", "2022-06-01T13:45"} <= {stamp[:16] for stamp in stamps}


def quotes_until(peer: ClientConnection, stamp: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while not rows or rows[-1]["t"] < stamp:
        rows += hear(peer)
    return rows


def test_single_quotes_of_a_symbol_are_lost_and_repeated_within_a_frame(exchange: WireExchange) -> None:
    with watching(exchange, quotes=["KO", "AAPL"]) as peer:
        exchange.advance_fully("2022-06-01T13:35:00Z")
        quotes_until(peer, "2022-06-01T13:34:50Z")
        fault(exchange, "lose", "/v2/iex", event="q", symbol="KO", every=2)
        fault(exchange, "duplicate", "/v2/iex", event="q", symbol="AAPL", every=3)
        exchange.advance_fully("2022-06-01T13:45:00Z")
        rows = quotes_until(peer, "2022-06-01T13:44:50Z")
    stamps = {symbol: [row["t"] for row in rows if row["S"] == symbol] for symbol in ("KO", "AAPL")}
    whole = len(set(stamps["AAPL"]))
    assert len(stamps["AAPL"]) == whole + whole // 3
    assert abs(len(stamps["KO"]) - whole / 2) <= 1
    assert stamps["KO"] == sorted(stamps["KO"])


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "application/msgpack"}])
def test_a_quote_is_crossed_and_a_hundred_times_too_high(
    exchange: WireExchange, headers: dict[str, str]
) -> None:
    fault(exchange, "alter", "/v2/iex", event="q", times={"bp": 100}, first=1)
    keys = {"APCA-API-KEY-ID": exchange.key, "APCA-API-SECRET-KEY": exchange.secret}
    with connected(exchange, "/v2/iex", **keys, **headers) as peer:
        hear_any(peer), hear_any(peer)
        message = {"action": "subscribe", "quotes": ["KO"]}
        peer.send(msgpack.packb(message) if headers else json.dumps(message))
        assert hear_any(peer)[0]["T"] == "subscription"
        exchange.advance_fully("2022-06-01T13:31:00Z")
        rows = hear_any(peer)
        while len(rows) < 3:
            rows += hear_any(peer)
    assert rows[0]["bp"] > 50 * rows[0]["ap"]
    assert rows[1]["bp"] < rows[1]["ap"]
    assert type(rows[0]["t"]) is type(rows[1]["t"])


def test_a_leg_of_a_bracket_is_never_told_of(exchange: WireExchange) -> None:
    fault(exchange, "lose", having={"order_class": "bracket", "type": "stop"})
    price = float(exchange.get("/v2/stocks/KO/quotes/latest")["quote"]["ap"])
    with listening(exchange) as peer:
        target, stop = f"{price * 1.5:.2f}", f"{price * 0.5:.2f}"
        exits = {"take_profit": {"limit_price": target}, "stop_loss": {"stop_price": stop}}
        exchange.submit(symbol="KO", qty="1", side="buy", order_class="bracket", **exits)
        exchange.request("DELETE", "/v2/orders")
        kinds = []
        with contextlib.suppress(TimeoutError):
            while True:
                update = json.loads(peer.recv(0.3))["data"]
                kinds.append((update["order"]["type"], update["event"]))
    assert ("limit", "canceled") in kinds
    assert not [kind for kind, _ in kinds if kind == "stop"]


def test_an_update_says_something_else(exchange: WireExchange) -> None:
    fault(exchange, "alter", event="fill", put={"qty": "7", "status": "suspended"})
    with listening(exchange) as peer:
        buy(exchange)
        told(peer, 2)
        data = hear(peer)["data"]
    assert (data["event"], data["qty"], data["order"]["status"]) == ("fill", "7", "suspended")


def hear_any(peer: ClientConnection, seconds: float = PATIENCE_SECONDS) -> Any:
    frame = peer.recv(seconds)
    return json.loads(frame) if isinstance(frame, str) else msgpack.unpackb(frame, timestamp=3)


def test_msgpack_frames_are_struck_as_json_ones_are(exchange: WireExchange) -> None:
    fault(exchange, "lose", "/v2/iex", event="q", every=2)
    keys = {"APCA-API-KEY-ID": exchange.key, "APCA-API-SECRET-KEY": exchange.secret}

    def quotes(until: str, **headers: str) -> list[Any]:
        with connected(exchange, "/v2/iex", **keys, **headers) as peer:
            assert [hear_any(peer)[0]["T"], hear_any(peer)[0]["T"]] == ["success", "success"]
            message = {"action": "subscribe", "quotes": ["KO"]}
            peer.send(msgpack.packb(message) if headers else json.dumps(message))
            assert hear_any(peer)[0]["T"] == "subscription"
            exchange.advance_fully(until)
            rows: list[Any] = []
            with contextlib.suppress(TimeoutError):
                while True:
                    rows += hear_any(peer, 0.3)
            return rows

    as_json = quotes("2022-06-01T13:35:00Z")
    as_msgpack = quotes("2022-06-01T13:40:00Z", **{"Content-Type": "application/msgpack"})
    assert 10 <= len(as_json) <= 20
    assert 10 <= len(as_msgpack) <= 20
    assert as_msgpack[0].keys() == as_json[0].keys()


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("path", ["/stream", "/v2/iex"])
def test_a_connection_is_refused_at_the_upgrade(exchange: WireExchange, path: str, status: int) -> None:
    fault(exchange, "refuse", path, status=status, first=2)
    for _ in range(2):
        with pytest.raises(InvalidStatus) as refused, connected(exchange, path):
            pass
        assert refused.value.response.status_code == status
    with connected(exchange, path):
        pass


@pytest.mark.parametrize("code", [402, 404, 406, 409])
def test_a_data_connection_is_refused_by_an_error_of_the_stream(exchange: WireExchange, code: int) -> None:
    fault(exchange, "refuse", "/v2/iex", error=code)
    with connected(exchange, "/v2/iex") as peer:
        assert hear(peer) == [{"T": "success", "msg": "connected"}]
        if code != 404:
            peer.send(json.dumps({"action": "auth", "key": exchange.key, "secret": exchange.secret}))
        assert hear(peer)[0]["code"] == code
        with pytest.raises(ConnectionClosed):
            hear(peer)


@pytest.mark.parametrize(("code", "stream"), [(402, "authorization"), (406, None)])
def test_a_trading_connection_is_refused_by_an_error_of_the_stream(
    exchange: WireExchange, code: int, stream: str | None
) -> None:
    fault(exchange, "refuse", error=code)
    with connected(exchange, "/stream") as peer:
        answer = ask(peer, {"action": "auth", "key": exchange.key, "secret": exchange.secret})
        assert answer.get("stream") == stream
        with pytest.raises(ConnectionClosed):
            hear(peer)


def test_a_connection_is_accepted_and_never_spoken_to(exchange: WireExchange) -> None:
    fault(exchange, "refuse", silently=True)
    with connected(exchange, "/stream") as peer:
        peer.send(json.dumps({"action": "auth", "key": exchange.key, "secret": exchange.secret}))
        assert silent(peer)


def test_control_messages_are_struck_only_by_name(exchange: WireExchange) -> None:
    fault(exchange, "lose")
    with listening(exchange) as peer:
        buy(exchange)
        assert silent(peer)
    exchange.request("DELETE", "/v1/control/faults")
    fault(exchange, "lose", event="listening")
    with connected(exchange, "/stream") as peer:
        ask(peer, {"action": "auth", "key": exchange.key, "secret": exchange.secret})
        peer.send(json.dumps({"action": "listen", "data": {"streams": ["trade_updates"]}}))
        assert silent(peer)
        buy(exchange)
        assert told(peer, 3) == ["pending_new", "new", "fill"]


def test_rules_taken_back_leave_the_stream_as_it_was(exchange: WireExchange) -> None:
    with listening(exchange) as peer:
        fault(exchange, "reorder", event="fill", by=1)
        buy(exchange)
        assert told(peer, 2) == ["pending_new", "new"]
        exchange.request("DELETE", "/v1/control/faults")
        buy(exchange)
        assert told(peer, 4) == ["pending_new", "fill", "new", "fill"]


@contextlib.contextmanager
def reading_events(exchange: WireExchange) -> Iterator[Iterator[dict[str, Any]]]:
    with requests.get(
        f"{exchange.rest}/v2/events/trades", headers=exchange.headers, stream=True, timeout=PATIENCE_SECONDS
    ) as answer:
        lines = answer.iter_lines(chunk_size=1)
        assert next(lines) == b": connected"
        yield (json.loads(line[6:]) for line in lines if line.startswith(b"data: "))


def test_server_sent_events_are_lost_repeated_and_cut(exchange: WireExchange) -> None:
    fault(exchange, "lose", "/v2/events/*", event="new")
    fault(exchange, "duplicate", "/v2/events/*", event="pending_new", times=3)
    fault(exchange, "close", "/v2/events/*", event="fill", ordinals=[2])
    with reading_events(exchange) as events:
        buy(exchange)
        assert [next(events)["event"] for _ in range(4)] == ["pending_new"] * 3 + ["fill"]
        buy(exchange)
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            list(events)
    assert ("close", "/v2/events/trades fill KO", 2) in done(exchange)


def test_a_late_server_sent_event_holds_up_the_next(exchange: WireExchange) -> None:
    fault(exchange, "delay", "/v2/events/*", event="new", exchange_seconds=60)
    with reading_events(exchange) as events:
        buy(exchange)
        assert next(events)["event"] == "pending_new"
        while not done(exchange):
            pass
        exchange.advance_fully("2022-06-01T13:31:00Z")
        assert [next(events)["event"] for _ in range(2)] == ["new", "fill"]


SCHEDULE = """
seed = 5
[[rule]]
name = "gaps"
stream = "trade_updates"
fault = "lose"
probability = 0.3
[[rule]]
stream = "trade_updates"
event = "fill"
fault = "duplicate"
fresh_ids = true
probability = 0.5
[[rule]]
stream = "trade_updates"
event = "new"
fault = "reorder"
by = 2
probability = 0.3
[[rule]]
stream = "trade_updates"
fault = "delay"
exchange_seconds = [60, 600]
probability = 0.1
"""


def lived(exchange: WireExchange) -> list[Any]:
    heard: list[Any] = []
    with listening(exchange) as peer:
        for _ in range(20):
            buy(exchange)
        for minute in range(31, 59):
            exchange.advance_fully(f"2022-06-01T13:{minute}:00Z")
        with contextlib.suppress(TimeoutError):
            while True:
                heard.append(json.loads(peer.recv(0.5)))
    return heard


@pytest.mark.slow
def test_a_schedule_replays_exactly_in_another_process(tmp_path: Path) -> None:
    schedule, replay = tmp_path / "schedule.toml", tmp_path / "replay.json"
    schedule.write_text(SCHEDULE)
    stories, logs = [], []
    for hash_seed, file in (("1", schedule), ("2", schedule), ("3", replay)):
        with running_exchange({"PYTHONHASHSEED": hash_seed}, faults=file, requests_per_minute=0) as exchange:
            stories.append(lived(exchange))
            logs.append(done(exchange))
            replay.write_text(json.dumps(exchange.get("/v1/control/faults/log", form="schedule")))
    assert stories[0] == stories[1] == stories[2]
    assert logs[0] == logs[1] == logs[2]
    assert {kind for kind, _, _ in logs[0]} == {"lose", "duplicate", "reorder", "delay"}


def test_one_accounts_messages_are_struck_and_anothers_are_not(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.json"
    accounts.write_text(
        json.dumps({"accounts": [{"key": "PKONE", "secret": "1"}, {"key": "PKTWO", "secret": "2"}]})
    )
    with exchange_in_thread(accounts=accounts) as exchange:
        fault(exchange, "lose", account="PKTWO")
        with listening(exchange) as peer:
            buy(exchange)
            assert told(peer, 3) == ["pending_new", "new", "fill"]
        exchange.key, exchange.secret = "PKTWO", "2"
        with listening(exchange) as peer:
            buy(exchange)
            assert silent(peer)
