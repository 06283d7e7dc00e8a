"""How many messages of market data a second reach a user's function as typed objects, beside alpaca-py's stream.

The server is a process of its own on the other core and costs next to nothing, so the client is what is measured; each
client is a process, too. All of them do the same with every message: keep the newest of its kind and symbol. `ours`
calls a function for each message, `ours_frames` one for each frame, alpaca_py awaits its handler for each message,
alpaca_py_raw does so with dictionaries. `decode_only` is the limit: the same frames from memory, decoded into the same
objects and kept, without socket or stream. Full frames hold 1 to 50 messages, as under load; one message a frame is a
quiet market. `times` says how many times alpaca_py's messages a second each one takes. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.rounds import pin, tell

MODES = {"full_frames": 50, "one_a_frame": 1}
SHARES = {"alpaca_py": 0.05, "alpaca_py_raw": 0.1}
"""Of the messages the fast ones take: everyone measures for about as long."""
CLIENT_SECONDS_MAX = 300.0


class Counter:
    """Counts messages from the first on, and ends the process with a JSON line when there were enough."""

    def __init__(self, messages: int) -> None:
        self._messages, self._count = messages, 0
        self._began: tuple[float, float] | None = None

    def add(self, messages: int) -> None:
        if self._began is None:
            self._began = time.perf_counter(), time.process_time()
        self._count += messages
        if self._count >= self._messages:
            self._finish(*self._began)

    def _finish(self, began: float, cpu_began: float) -> None:
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
        figures = {
            "messages_per_s": round(self._count / seconds),
            "cpu_us": round(cpu / self._count * 1e6, 4),
            "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
        print(json.dumps(figures), flush=True)
        os._exit(0)


def alpaca_py(url: str, counter: Counter, *, raw: bool = False) -> None:
    """The SDK's stream with the handler its documentation shows."""
    from alpaca.data.live import StockDataStream

    stream = StockDataStream("key", "secret", raw_data=raw, url_override=url)

    def keeping(newest: dict[str, Any]) -> Callable[[Any], Any]:
        async def keep(message: Any) -> None:
            newest[message["S"] if raw else message.symbol] = message
            counter.add(1)

        return keep

    stream.subscribe_quotes(keeping({}), "*")
    stream.subscribe_trades(keeping({}), "*")
    stream.subscribe_bars(keeping({}), "*")
    stream.run()


def alpaca_py_raw(url: str, counter: Counter) -> None:
    alpaca_py(url, counter, raw=True)


def ours(url: str, counter: Counter) -> None:
    """A function for each message."""
    from the_alchemiser.broker import Credentials, StockStream

    stream = StockStream(Credentials("key", "secret"), url)

    def keeping(newest: dict[str, Any]) -> Callable[[Any], None]:
        def keep(message: Any) -> None:
            newest[message.symbol] = message
            counter.add(1)

        return keep

    stream.subscribe_quotes(keeping({}), "*")
    stream.subscribe_trades(keeping({}), "*")
    stream.subscribe_bars(keeping({}), "*")
    asyncio.run(stream.run())


def ours_frames(url: str, counter: Counter) -> None:
    """A function for each frame."""
    from the_alchemiser.broker import Credentials, StockStream

    stream = StockStream(Credentials("key", "secret"), url, keeper(counter))
    stream.subscribe(quotes="*", trades="*", bars="*")
    asyncio.run(stream.run())


def decode_only(_: str, counter: Counter, most: int = 50) -> None:
    """The same without a wire."""
    from benchmarks.feeder import frames
    from the_alchemiser.broker.market_messages import decode_frame

    corpus, keep = list(frames(most)), keeper(counter)
    while True:
        for frame in corpus:
            keep(decode_frame(frame))


def keeper(counter: Counter) -> Callable[[list[Any]], None]:
    """Keeps the newest message of each kind and symbol."""
    from the_alchemiser.broker.market_messages import StockQuote, StockTrade

    quotes: dict[str, Any] = {}
    trades: dict[str, Any] = {}
    bars: dict[str, Any] = {}

    def keep(messages: list[Any]) -> None:
        for message in messages:
            kind = type(message)
            if kind is StockQuote:
                quotes[message.symbol] = message
            elif kind is StockTrade:
                trades[message.symbol] = message
            else:
                bars[message.symbol] = message
        counter.add(len(messages))

    return keep


CLIENTS: dict[str, Callable[..., None]] = {
    "alpaca_py": alpaca_py,
    "alpaca_py_raw": alpaca_py_raw,
    "ours": ours,
    "ours_frames": ours_frames,
    "decode_only": decode_only,
}


@contextmanager
def feeding(most: int) -> Iterator[str]:
    """The address of a server whose frames hold up to so many messages."""
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.feeder", "--most", str(most)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        pin(1, server.pid)
        yield f"ws://127.0.0.1:{int(server.stdout.readline())}/v2/test"
    finally:
        server.stdin.close()
        server.wait(20)


def measured(client: str, url: str, most: int, messages: int) -> dict[str, float]:
    """One run of one client in a process of its own."""
    command = ["--client", client, "--url", url, "--most", str(most), "--messages", str(messages)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.stream_ingest", *command],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=CLIENT_SECONDS_MAX,
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def compared(most: int, messages: int, rounds: int) -> dict[str, Any]:
    """All clients in turn; medians of the rounds, and of the ratios to alpaca-py within each round."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in CLIENTS}
    with feeding(most) as url:
        for number in range(-1, rounds):
            for name in CLIENTS:
                share = SHARES.get(name, 1.0)
                figures = measured(name, url, most, max(1, round(messages * share)))
                if number >= 0:
                    found[name].append(figures)
    return {name: summary(runs, found["alpaca_py"]) for name, runs in found.items()}


def summary(runs: list[dict[str, float]], base: list[dict[str, float]]) -> dict[str, float]:
    figures = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    ratios = {
        "times": [
            run["messages_per_s"] / other["messages_per_s"] for run, other in zip(runs, base, strict=True)
        ],
        "times_by_cpu": [other["cpu_us"] / run["cpu_us"] for run, other in zip(runs, base, strict=True)],
    }
    return {
        **figures,
        **{name: round(statistics.median(all_of_them), 1) for name, all_of_them in ratios.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--messages", type=int, default=2_000_000, help="of full frames; alpaca-py gets fewer"
    )
    parser.add_argument("--client", choices=sorted(CLIENTS), help="only this one, in this process")
    parser.add_argument("--url", default="", help="where --client connects to")
    parser.add_argument("--most", type=int, default=50, help="messages in the largest frame, with --client")
    options = parser.parse_args()
    if options.client:
        pin(0)
        extra = {"most": options.most} if options.client == "decode_only" else {}
        CLIENTS[options.client](options.url, Counter(options.messages), **extra)
        return
    modes = {
        name: compared(most, options.messages if most > 1 else options.messages // 2, options.rounds)
        for name, most in MODES.items()
    }
    tell("stream_ingest", modes)


if __name__ == "__main__":
    main()
