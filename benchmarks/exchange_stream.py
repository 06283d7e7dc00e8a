"""What the exchange's streams deliver: market data to one subscriber and to many, order updates to many listeners.

The exchange runs in a process of its own on the other core, in standing time; this process is the subscriber and only
counts. Each round moves the exchange through one trading day, whose quotes and trades of all symbols are then streamed
in JSON, in msgpack, and in msgpack to many subscribers with the same wish. In the same round, on the exchange's core:
encode_only encodes and joins the same messages and does nothing else, the most any server of these encodings delivers;
read_only reads them off the market. The figures by cpu count the processor time of the exchange alone, which holds on a
busy machine, too. trade_updates is from the POST of an order until the last of the listeners on the
trading stream has heard of it. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import itertools
import json
import os
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import picows

from benchmarks.order_round_trip import exchange
from benchmarks.rounds import percentile, pin, tell
from the_alchemiser.exchange.market.board import Board
from the_alchemiser.exchange.market.days import SimulatedDays
from the_alchemiser.exchange.market.sessions import Session
from the_alchemiser.exchange.streams.batch import MESSAGES_PER_FRAME, Event, encoded
from the_alchemiser.exchange.streams.codec import JSON, MSGPACK, Codec
from the_alchemiser.exchange.streams.feeds import QUOTES, STOCKS, TRADES
from the_alchemiser.exchange.streams.marketfeed import Stretch, market_events
from the_alchemiser.exchange.streams.prints import PrintErrors
from the_alchemiser.exchange.timestamps import rfc3339

DATA_PATH = "/v2/iex"
START = date(2022, 6, 1)
PATIENCE_SECONDS = 120.0
CODECS: dict[str, Codec] = {"json": JSON, "msgpack": MSGPACK}
JSON_MESSAGE = b'{"T":'
OPTIONS = ("--stream-symbols", "0", "--stream-connections", "0", "--trading-connections", "0")

Address = dict[str, str]


@dataclass
class Counter:
    """How many messages have come, and a way to wait for so many."""

    messages: int = 0
    wanted: int = 0
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, messages: int) -> None:
        self.messages += messages
        if self.messages >= self.wanted:
            self.enough.set()

    async def reach(self, wanted: int) -> None:
        self.wanted = wanted
        self.enough.clear()
        if self.messages < wanted:
            await asyncio.wait_for(self.enough.wait(), PATIENCE_SECONDS)


class Subscriber(picows.WSListener):
    """Counts the messages of each frame without decoding them."""

    def __init__(self, counter: Counter, count: Callable[[bytes], int]) -> None:
        self._counter, self._count = counter, count

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type in (picows.WSMsgType.TEXT, picows.WSMsgType.BINARY):
            payload = frame.get_payload_as_bytes()
            self._counter.add(self._count(payload))
        elif frame.msg_type is picows.WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())


def json_messages(frame: bytes) -> int:
    return frame.count(JSON_MESSAGE)


def msgpack_messages(frame: bytes) -> int:
    """The length of a msgpack array."""
    return int.from_bytes(frame[1:3], "big") if frame[0] == 0xDC else frame[0] & 0x0F


def one(_: bytes) -> int:
    return 1


COUNTS = {"json": json_messages, "msgpack": msgpack_messages}


class Control:
    """Requests to the exchange over one connection."""

    def __init__(self, place: Address) -> None:
        self._connection = http.client.HTTPConnection(
            urlsplit(place["rest"]).netloc, timeout=PATIENCE_SECONDS
        )
        self._headers = {"APCA-API-KEY-ID": place["key"], "APCA-API-SECRET-KEY": place["secret"]}

    def post(self, path: str, body: Any) -> Any:
        self._connection.request("POST", path, json.dumps(body), self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"the exchange refused: {text.decode()}")
        return json.loads(text)

    def advance(self, until: int) -> None:
        while self.post("/v1/control/advance", {"until": rfc3339(until)})["now"] != rfc3339(until):
            pass


@asynccontextmanager
async def subscribed(place: Address, encoding: str, counter: Counter) -> AsyncIterator[None]:
    """A connection that has asked for every quote and trade."""
    headers = {"APCA-API-KEY-ID": place["key"], "APCA-API-SECRET-KEY": place["secret"]}
    transport, listener = await picows.ws_connect(
        lambda: Subscriber(counter, COUNTS[encoding]),
        place["rest"].replace("http", "ws") + DATA_PATH,
        extra_headers={**headers, "Content-Type": f"application/{encoding}"},
    )
    wish = CODECS[encoding].message({"action": "subscribe", "quotes": ["*"], "trades": ["*"]})
    transport.send(picows.WSMsgType.TEXT if encoding == "json" else picows.WSMsgType.BINARY, wish)
    try:
        yield
    finally:
        transport.disconnect()
        await transport.wait_disconnected()
        del listener


@dataclass(frozen=True)
class Delivery:
    """How long it took until so many messages had come."""

    seconds: float
    cpu_seconds: float
    messages: int

    @property
    def rate(self) -> float:
        return self.messages / self.seconds

    @property
    def cpu_rate(self) -> float:
        """Messages in a second of the exchange's processor time; 0 where the system does not tell."""
        return self.messages / self.cpu_seconds if self.cpu_seconds else 0.0


def cpu_seconds(place: Address) -> float:
    """The processor time the exchange has used; 0 where the system does not tell."""
    try:
        text = Path(f"/proc/{place['pid']}/stat").read_text()
    except OSError:
        return 0.0
    user, system = text.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


async def delivered(place: Address, encoding: str, subscribers: int, day: Session, messages: int) -> Delivery:
    """One trading day to so many subscribers at once."""
    counter, control = Counter(), Control(place)
    async with AsyncExitStack() as stack:
        for _ in range(subscribers):
            await stack.enter_async_context(subscribed(place, encoding, counter))
        await counter.reach(3 * subscribers)  # connected, authenticated, subscribed
        counter.messages = 0
        began, cpu_began = time.perf_counter(), cpu_seconds(place)
        moving = asyncio.create_task(asyncio.to_thread(control.advance, day.close))
        await counter.reach(messages * subscribers)
        seconds, cpu = time.perf_counter() - began, cpu_seconds(place) - cpu_began
        await moving
    return Delivery(seconds, cpu, counter.messages)


class Bound:
    """The same messages without any wire."""

    def __init__(self) -> None:
        # The exchange's market as its server builds it, so that the messages are the same.
        self._market = Board(SimulatedDays(seed=7))
        self._wanted = {
            channel: {asset.symbol for asset in self._market.assets()} for channel in (QUOTES, TRADES)
        }

    def days(self) -> Iterator[Session]:
        sessions = self._market.sessions
        return iter(sessions.between(START, START + timedelta(days=365)))

    def events(self, day: Session) -> tuple[list[Event], float]:
        began = time.process_time()
        stretch = Stretch(self._market, STOCKS, day.open, day.close, PrintErrors())
        events = market_events(stretch, self._wanted)
        return events, time.process_time() - began

    def encode(self, codec: Codec, events: list[Event]) -> float:
        began = time.process_time()
        messages = list(encoded(codec, events))
        for start in range(0, len(messages), MESSAGES_PER_FRAME):
            codec.array(messages[start : start + MESSAGES_PER_FRAME])
        return time.process_time() - began


@contextmanager
def on_core(core: int) -> Iterator[None]:
    pin(core)
    try:
        yield
    finally:
        pin(0)


async def market_data(place: Address, rounds: int, many: int) -> dict[str, Any]:
    """Medians over the rounds; the first one warms everything up and is not counted."""
    bound, control = Bound(), Control(place)
    days = bound.days()
    found: dict[str, list[float]] = {}
    ways = {"json": ("json", 1), "msgpack": ("msgpack", 1), "many": ("msgpack", many)}
    for number in range(-1, rounds):
        rates = {}
        for name, (encoding, subscribers) in ways.items():
            day = next(days)
            with on_core(1):
                events, seconds = bound.events(day)
                rates["read_only"] = len(events) / seconds
                rates[f"encode_only_{encoding}"] = len(events) / bound.encode(CODECS[encoding], events)
            await asyncio.to_thread(control.advance, day.open)
            delivery = await delivered(place, encoding, subscribers, day, len(events))
            rates[name], rates[f"{name}_by_cpu"] = delivery.rate, delivery.cpu_rate
            messages = len(events)
        for name, rate in rates.items() if number >= 0 else ():
            found.setdefault(name, []).append(rate)
    figures = {f"{name}_per_s": round(statistics.median(all_rates)) for name, all_rates in found.items()}
    pairs = zip(found["json_by_cpu"], found["encode_only_json"], strict=True)
    shares = [delivered_rate / encode_rate for delivered_rate, encode_rate in pairs]
    return {
        "messages_a_round": messages,
        "subscribers_of_many": many,
        **figures,
        "json_of_encode_only": round(statistics.median(shares), 2),
    }


async def order_updates(place: Address, listeners: int, orders: int) -> dict[str, Any]:
    """Seconds from the POST of a resting order until everyone has heard of it."""
    counter, control = Counter(), Control(place)
    async with AsyncExitStack() as stack:
        for _ in range(listeners):
            await stack.enter_async_context(listening(place, counter))
        await counter.reach(2 * listeners)
        samples = []
        for number in itertools.islice(itertools.count(), orders):
            counter.messages = 0
            began = time.perf_counter()
            order = {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "limit", "limit_price": "1"}
            sending = asyncio.create_task(
                asyncio.to_thread(
                    control.post,
                    "/v2/orders",
                    {**order, "time_in_force": "day", "client_order_id": f"stream-{listeners}-{number}"},
                )
            )
            await counter.reach(listeners)
            samples.append(time.perf_counter() - began)
            await sending
            await asyncio.sleep(0.01)
    return {f"p{percent}_ms": round(percentile(samples, percent) * 1e3, 2) for percent in (50, 99)}


@asynccontextmanager
async def listening(place: Address, counter: Counter) -> AsyncIterator[None]:
    """A connection to the trading stream that listens to trade updates."""
    transport, listener = await picows.ws_connect(lambda: Subscriber(counter, one), place["trading_stream"])
    login = {"key_id": place["key"], "secret_key": place["secret"]}
    wish = {"streams": ["trade_updates"]}
    for action, data in (("authenticate", login), ("listen", wish)):
        transport.send(picows.WSMsgType.TEXT, json.dumps({"action": action, "data": data}).encode())
    try:
        yield
    finally:
        transport.disconnect()
        await transport.wait_disconnected()
        del listener


async def measure(place: Address, options: argparse.Namespace) -> dict[str, Any]:
    figures = await market_data(place, options.rounds, options.subscribers)
    updates: dict[str, Any] = {}
    for listeners in (1, options.listeners):
        updates[f"listeners_{listeners}"] = await order_updates(place, listeners, options.orders)
    return {**figures, "trade_updates": updates}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--subscribers", type=int, default=20)
    parser.add_argument("--listeners", type=int, default=200)
    parser.add_argument("--orders", type=int, default=200)
    options = parser.parse_args()
    with exchange(*OPTIONS) as place:
        pin(0)
        run: Awaitable[dict[str, Any]] = measure(place, options)
        tell("exchange_stream", asyncio.run(_awaited(run)))


async def _awaited(run: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return await run


if __name__ == "__main__":
    main()
