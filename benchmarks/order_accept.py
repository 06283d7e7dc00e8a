"""How many orders a second the exchange accepts over HTTP, on one process, beside a bare aiohttp handler.

Prints one JSON line. A client in this process keeps a few connections busy, each with one order at a time, all
limit orders that rest; the exchange runs on another core. `bare` is the limit: an aiohttp handler that decodes the
same request and answers with the same bytes of JSON, and does nothing else. `cpu_us` is what one order costs the
serving process, and holds on a busy machine too.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.rounds import in_turn, pin, tell

CONNECTIONS = 8
SYMBOLS = ("AAPL", "AMD", "BAC", "CVX", "GE", "HD", "JNJ", "JPM", "KO", "MSFT")
CLOCK_TICKS_PER_SECOND = 100
EXCHANGE = ("the_alchemiser.exchange.server", "--speed", "1", "--start", "2022-06-01", "--cash", "1000000000")
NO_LIMITS = ("--requests-per-minute", "0", "--port", "0", "--until-stdin-closes")


class Server:
    """A serving process: its address, its keys, what it has cost so far."""

    def __init__(self, module: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        told = json.loads(self.process.stdout.readline())
        address = urlsplit(told["rest"])
        self.host, self.port = str(address.hostname), int(address.port or 0)
        self.keys = f"APCA-API-KEY-ID: {told['key']}\r\nAPCA-API-SECRET-KEY: {told['secret']}\r\n"
        pin(1, self.process.pid)

    def cpu_seconds(self) -> float:
        """Of the process and all its threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS_PER_SECOND

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(20)


class Sender(asyncio.Protocol):
    """One connection with one request in flight; asks `next_request` for more until there is none."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        self._requests, self._received = requests, b""
        self.accepted = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().partition(b"content-length:")[2].split(None, 1)[0]):
            return
        self._received = b""
        self.accepted += head.startswith(b"HTTP/1.1 200")
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _send(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
        else:
            self._transport.write(request)


def requests(server: Server, count: int) -> Iterator[bytes]:
    """Limit orders far below the market, over all symbols."""
    for number in range(count):
        order = {
            "symbol": SYMBOLS[number % len(SYMBOLS)],
            "qty": "1",
            "side": "buy",
            "type": "limit",
            "time_in_force": "day",
            "limit_price": "5",
        }
        body = json.dumps(order).encode()
        head = f"POST /v2/orders HTTP/1.1\r\nHost: x\r\n{server.keys}Content-Type: application/json\r\n"
        yield f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _send_all(server: Server, count: int) -> int:
    orders = requests(server, count)
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: Sender(orders), server.host, server.port)
        for _ in range(CONNECTIONS)
    ]
    await asyncio.gather(*(sender.done for _, sender in opened))
    return sum(sender.accepted for _, sender in opened)


def load(server: Server, count: int) -> list[float]:
    """Wall and processor seconds of the server for one order."""
    before, began = server.cpu_seconds(), time.perf_counter()
    accepted = asyncio.run(_send_all(server, count))
    wall, cpu = time.perf_counter() - began, server.cpu_seconds() - before
    if accepted != count:
        raise SystemExit(f"{count - accepted} of {count} orders were not accepted")
    return [wall / count, cpu / count]


def figures(rounds: list[list[float]]) -> dict[str, Any]:
    wall = statistics.median(one[0] for one in rounds)
    return {
        "orders_per_s": round(1 / wall),
        "cpu_us": round(statistics.median(one[1] for one in rounds) * 1e6),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    pin(0)
    with contextlib.ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        servers = {
            "exchange": Server(*EXCHANGE, *NO_LIMITS),
            "exchange_with_state_file": Server(*EXCHANGE, *NO_LIMITS, "--state", f"{folder}/log"),
            "bare": Server("benchmarks.bare_handler"),
        }
        for server in servers.values():
            stack.callback(server.close)
        contenders = {
            name: (lambda server=server: load(server, options.orders)) for name, server in servers.items()
        }
        found = in_turn(options.rounds, contenders)
    told = {name: figures(rounds) for name, rounds in found.items()}
    tell("order_accept", {**told, "connections": CONNECTIONS})


if __name__ == "__main__":
    main()
