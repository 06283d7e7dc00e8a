"""A scripted broker and a client of ours in virtual time: hours of waiting cost milliseconds, and no wait is tuned."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from tests.broker.conftest import KEY, SECRET
from the_alchemiser.broker import Credentials
from the_alchemiser.broker.alpaca_stream import AlpacaStream
from the_alchemiser.broker.market_stream import StockStream, StreamOptions
from the_alchemiser.broker.platform import Platform
from the_alchemiser.domain.instants import SECOND
from the_alchemiser.simulation.chance import stream as chance_stream
from the_alchemiser.simulation.director import Director
from the_alchemiser.simulation.schedule import Fault, Schedule
from the_alchemiser.simulation.shell.loop import VirtualLoop
from the_alchemiser.simulation.shell.network import Host, Network
from the_alchemiser.simulation.threads import Crew
from the_alchemiser.simulation.virtual import VirtualTime

BROKER = "broker.example"
Behaviour = Callable[[web.WebSocketResponse], Awaitable[None]]


class Sky:
    """All that virtual time needs of an exchange: an instant."""

    def __init__(self) -> None:
        self.now, self.update_count = 0, 0

    def advance(self, until: int, *, stop_on_update: bool = False) -> int:
        self.now = until
        return until


class QuietWire:
    """A broker's process and ours, with a network between that may be struck.

    The broker behaves at its first connection as the first of `behaviours`, and as the last ever after; a number is the
    status it refuses the connection with.
    """

    def __init__(self, *behaviours: Behaviour | int, faults: tuple[Fault, ...] = (), seed: int = 1) -> None:
        self._behaviours = list(behaviours)
        self.time = VirtualTime(Sky())  # type: ignore[arg-type]
        network = Network(self.time, Director(Schedule(seed, faults=faults)), chance_stream(seed, "network"))
        self._server, self._client = (
            VirtualLoop(self.time, Crew(self.time, _raise), Host(network, name))
            for name in ("broker", "ours")
        )
        self.attempts: list[float] = []
        """When each connection was asked for, in seconds."""
        self.open: list[web.WebSocketResponse] = []
        """Connections the broker has not seen the end of."""
        self.platform = Platform(random=chance_stream(seed, "back-off").random, use_aiofastnet=False)
        self._server.create_task(self._serve())
        self.pass_seconds(1)

    def pass_seconds(self, seconds: float) -> None:
        """Let the world go on for so long."""
        self.time.run(self.time.now + round(seconds * SECOND))

    def close(self) -> None:
        """The world is over."""
        self._client.bury()
        self._server.bury()

    @property
    def seconds(self) -> float:
        """The time now."""
        return self.time.now / SECOND

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Something of ours, in our process."""
        return self._client.create_task(work)

    def order_stream(self, **options: Any) -> AlpacaStream:
        url = f"ws://{BROKER}:80/stream"
        return AlpacaStream(Credentials(KEY, SECRET), url, platform=self.platform, **options)

    def listen(self, **options: Any) -> list[tuple[float, Any]]:
        """Everything an order stream says from now on, each with when it was heard."""
        heard: list[tuple[float, Any]] = []

        async def hear() -> None:
            async for one in self.order_stream(**options).order_updates():
                heard.append((self.seconds, one))  # noqa: PERF401 - it is looked at while it grows

        self.begin(hear())
        return heard

    def stock_stream(self, handler: Callable[[Any], None], **options: Any) -> StockStream:
        """A data stream that wants AAPL's quotes, running."""
        chosen = StreamOptions(platform=self.platform, **options)
        stream = StockStream(
            Credentials(KEY, SECRET), f"ws://{BROKER}:80/v2/iex", handler, tell=self._note, options=chosen
        )
        stream.subscribe(quotes=["AAPL"])
        self.begin(stream.run())
        return stream

    @property
    def news(self) -> list[tuple[float, Any]]:
        """What the data stream told, each with when."""
        return self._news

    _news: list[tuple[float, Any]]

    def _note(self, occasion: Any, text: str) -> None:
        self.news.append((self.seconds, occasion))

    async def _serve(self) -> None:
        self._news = []
        application = web.Application()
        application.router.add_route("*", "/{anything:.*}", self._answer)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, BROKER, 80).start()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.attempts.append(self.seconds)
        behaviour = self._behaviours.pop(0) if len(self._behaviours) > 1 else self._behaviours[0]
        if isinstance(behaviour, int):
            return web.Response(status=behaviour)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.open.append(socket)
        try:
            await behaviour(socket)
        finally:
            self.open.remove(socket)
        return socket


def _raise(error: Exception) -> None:
    raise error


async def greet(socket: web.WebSocketResponse) -> None:
    """What every well-behaved broker does before the first update."""
    await socket.receive()
    await socket.send_json({"stream": "authorization", "data": {"status": "authorized"}})
    await socket.receive()
    await socket.send_json({"stream": "listening", "data": {"streams": ["trade_updates"]}})


async def until_closed(socket: web.WebSocketResponse) -> None:
    """Read until the client is gone; pings are answered meanwhile."""
    while (await socket.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
        pass


async def attend(socket: web.WebSocketResponse, seconds: float) -> None:
    """Answer pings for so long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(None if seconds == float("inf") else seconds):
            await until_closed(socket)


async def stay(socket: web.WebSocketResponse) -> None:
    """Greet and say nothing more."""
    await greet(socket)
    await until_closed(socket)


def saying(*messages: Any, after_seconds: float = 0.0, stays: float = float("inf")) -> Behaviour:
    """Greet, wait, say these, and leave after a while."""

    async def behave(socket: web.WebSocketResponse) -> None:
        await greet(socket)
        await attend(socket, after_seconds)
        for message in messages:
            await socket.send_str(message if isinstance(message, str) else json.dumps(message))
        await attend(socket, stays)

    return behave


def feeding(message: dict[str, Any], every_seconds: float, seconds: float = float("inf")) -> Behaviour:
    """Take the subscription and send this again and again, for so long; then only answer pings."""

    async def behave(socket: web.WebSocketResponse) -> None:
        for _ in range(2):
            asked = msgspec.msgpack.decode((await socket.receive()).data)
            is_login = asked.pop("action") == "auth"
            answer = {"T": "success", "msg": "authenticated"} if is_login else {"T": "subscription", **asked}
            await socket.send_bytes(msgspec.msgpack.encode([answer]))
        reading = asyncio.ensure_future(until_closed(socket))
        began = asyncio.get_running_loop().time()
        while not reading.done():
            if asyncio.get_running_loop().time() - began < seconds:
                await socket.send_bytes(msgspec.msgpack.encode([message]))
            await asyncio.wait([reading], timeout=every_seconds)

    return behave
