"""A real exchange, in a process or a thread of its own, for tests that speak to it over loopback."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import select
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from the_alchemiser.exchange.listening import Addresses
from the_alchemiser.exchange.server import ServerOptions, running

READY_SECONDS = 30.0
STOP_SECONDS = 10.0
REQUEST_SECONDS = 30.0
# Most tests compare with the regular sessions alone; those of the hours around them ask for these.
THREAD_DEFAULTS: dict[str, Any] = {
    "port": 0,
    "speed": None,
    "start": "2022-06-01",
    "extended_hours": False,
}


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; `body` is the decoded JSON, None when it was empty."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def sequence(self) -> int:
        """The `X-Stream-Sequence` of the answer."""
        return int(self.headers["X-Stream-Sequence"])


@dataclass
class WireExchange:
    """A running exchange: its addresses and keys, and one connection to speak to it without any client library."""

    rest: str
    trading_stream: str
    data_stream: str
    crypto_stream: str
    key: str
    secret: str
    ca: str = ""
    tls: Mapping[str, str] | None = None
    _connection: http.client.HTTPConnection | None = field(default=None, repr=False)

    @property
    def headers(self) -> dict[str, str]:
        return {"APCA-API-KEY-ID": self.key, "APCA-API-SECRET-KEY": self.secret}

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        **query: Any,
    ) -> Answer:
        """One request. `body` is sent as JSON, or as it is when it is bytes; the query is escaped."""
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        address = f"{path}?{urlencode(query)}" if query else path
        if self._connection is None:
            self._connection = self._connect()
        self._connection.request(method, address, content, dict(self.headers if headers is None else headers))
        response = self._connection.getresponse()
        text = response.read()
        return Answer(response.status, response.headers, json.loads(text) if text else None)

    def _connect(self) -> http.client.HTTPConnection:
        address = urlsplit(self.rest)
        if address.scheme == "http":
            return http.client.HTTPConnection(address.netloc, timeout=REQUEST_SECONDS)
        trusting = ssl.create_default_context(cafile=self.ca)
        return http.client.HTTPSConnection(address.netloc, timeout=REQUEST_SECONDS, context=trusting)

    def get(self, path: str, **query: Any) -> Any:
        """The body of a GET that must succeed."""
        answer = self.request("GET", path, **query)
        assert answer.status == 200, answer
        return answer.body

    def submit(self, **order: Any) -> dict[str, Any]:
        """An order that must be accepted; a day market order unless said otherwise."""
        answer = self.request("POST", "/v2/orders", {"type": "market", "time_in_force": "day", **order})
        assert answer.status == 200, answer
        return answer.body  # type: ignore[no-any-return]

    def advance(self, until: str) -> dict[str, Any]:
        """Moves a lockstep exchange on: `{"now", "updates"}`."""
        answer = self.request("POST", "/v1/control/advance", {"until": until})
        assert answer.status == 200, answer
        return answer.body  # type: ignore[no-any-return]

    def advance_fully(self, until: str) -> None:
        """Moves a lockstep exchange to `until`, whatever happens on the way."""
        while self.advance(until)["now"] != until:
            pass

    def hang_up(self) -> None:
        """Gives up the connection of `request`."""
        if self._connection is not None:
            self._connection.close()


@dataclass
class ExchangeProcess(WireExchange):
    """An exchange in a process of its own, which can be killed."""

    process: subprocess.Popen[bytes] = field(kw_only=True)

    def kill(self) -> None:
        """Ends it as `kill -9` does."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def close(self) -> None:
        """Ends it in good order: its standard input closes."""
        self.hang_up()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process.stdout.close()


def exchange_command(**options: Any) -> list[str]:
    """The command line of an exchange: `speed="max"` becomes `--speed max`, `text_frames=True` a bare flag."""
    command = [sys.executable, "-m", "the_alchemiser.exchange.server", "--until-stdin-closes"]
    regular = {"regular_hours_only": not options.pop("extended_hours", False)}
    for name, value in {"port": 0, "speed": "max", "start": "2022-06-01", **regular, **options}.items():
        if value is not False and value is not None:
            command.append(f"--{name.replace('_', '-')}")
            if value is not True:
                command.append(str(value))
    return command


@contextlib.contextmanager
def exchange_in_thread(**options: Any) -> Iterator[WireExchange]:
    """The same exchange over the same wire, in a thread of this process: it starts ten times as fast.

    The options are those of `ServerOptions`.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="exchange") as pool:
        ready: Future[tuple[Addresses, Callable[[], object]]] = Future()
        serving = pool.submit(asyncio.run, _serve(ServerOptions(**{**THREAD_DEFAULTS, **options}), ready))
        serving.add_done_callback(
            lambda done: ready.done() or ready.set_exception(done.exception() or RuntimeError())
        )
        addresses, stop = ready.result(READY_SECONDS)
        exchange = WireExchange(
            **{name: getattr(addresses, name) for name in Addresses.__struct_fields__ if name != "ready"}
        )
        try:
            yield exchange
        finally:
            exchange.hang_up()
            stop()
            serving.result(STOP_SECONDS)


async def _serve(options: ServerOptions, ready: Future[tuple[Addresses, Callable[[], object]]]) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with running(options) as (addresses, _):
        ready.set_result((addresses, lambda: loop.call_soon_threadsafe(stopped.set)))
        await stopped.wait()


@contextlib.contextmanager
def running_exchange(
    environment: Mapping[str, str] | None = None, **options: Any
) -> Iterator[ExchangeProcess]:
    """An exchange in a process of its own: lockstep, opening on 2022-06-01, unless the options say otherwise."""
    world = {**os.environ, **(environment or {})}
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            exchange_command(**options),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=world,
        )
        try:
            exchange = _when_ready(process, errors)
            try:
                yield exchange
            finally:
                exchange.close()
        finally:
            process.kill()
            process.wait(STOP_SECONDS)


def _when_ready(process: subprocess.Popen[bytes], errors: Any) -> ExchangeProcess:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], READY_SECONDS)
    line = process.stdout.readline() if ready else b""
    if not line:
        process.kill()
        process.wait(STOP_SECONDS)
        errors.seek(0)
        raise RuntimeError(f"the exchange did not start: {errors.read().decode()}")
    addresses = json.loads(line)
    assert addresses.pop("ready") is True
    return ExchangeProcess(**addresses, process=process)
