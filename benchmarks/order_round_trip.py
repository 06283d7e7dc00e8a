"""One order to the exchange and back over HTTP: ours beside bare alpaca-py, with http.client as the floor.

The embedded exchange runs in a process of its own on the other core, in standing time and without its rate limit, so
the time of its answer is in every figure alike. Every order is a limit order far below the market: nothing fills, and
after each round all are cancelled. cpu_us is what the client itself costs; all contenders make a typed order but the
floor, which makes a dict. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from benchmarks.rounds import Seconds, in_turn, microseconds, percentile, pin, tell, times
from the_alchemiser.broker import BrokerOptions, RateBudget, create_alpaca_manager
from the_alchemiser.domain.money import Side
from the_alchemiser.domain.orders import OrderRequest, OrderType
from the_alchemiser.endpoints import endpoints_of

SYMBOL, PRICE = "AAPL", "1.00"
STOP_SECONDS = 10.0
Send = Callable[[str], Any]


@contextmanager
def exchange(*further: str) -> Iterator[dict[str, str]]:
    """The addresses, keys and process id of an exchange that stands at an opening; it ends with us."""
    command = [sys.executable, "-m", "the_alchemiser.exchange.server", "--until-stdin-closes"]
    options = "--port 0 --speed max --start 2022-06-01 --requests-per-minute 0".split()
    with subprocess.Popen(
        [*command, *options, *further], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            pin(1, process.pid)
            assert process.stdout is not None
            yield {**json.loads(process.stdout.readline()), "pid": str(process.pid)}
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.communicate(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def ours(place: dict[str, str]) -> Send:
    """Deadline, rate budget, exact numbers and a checked answer included."""
    options = BrokerOptions(trading_budget=RateBudget(10**9))
    manager = create_alpaca_manager(
        place["key"], place["secret"], endpoints=endpoints_of(place["rest"]), options=options
    )

    def send(name: str) -> Any:
        return manager.place_order(
            OrderRequest(name, SYMBOL, Side.BUY, Decimal(1), OrderType.LIMIT, limit_price=Decimal(PRICE))
        )

    return send


def alpaca_py(place: dict[str, str]) -> Send:
    from alpaca.trading.client import TradingClient
    from alpaca.trading.enums import OrderSide, TimeInForce
    from alpaca.trading.requests import LimitOrderRequest

    client = TradingClient(place["key"], place["secret"], url_override=place["rest"])

    def send(name: str) -> Any:
        return client.submit_order(
            LimitOrderRequest(
                symbol=SYMBOL,
                qty=1,
                side=OrderSide.BUY,
                time_in_force=TimeInForce.DAY,
                limit_price=float(PRICE),
                client_order_id=name,
            )
        )

    return send


def bare(place: dict[str, str]) -> Send:
    """The standard library, with no check of anything."""
    connection = http.client.HTTPConnection(urlsplit(place["rest"]).netloc)
    headers = {
        "APCA-API-KEY-ID": place["key"],
        "APCA-API-SECRET-KEY": place["secret"],
        "Content-Type": "application/json",
    }
    order = {"symbol": SYMBOL, "qty": "1", "side": "buy", "type": "limit", "time_in_force": "day"}

    def send(name: str) -> Any:
        body = json.dumps({**order, "limit_price": PRICE, "client_order_id": name})
        connection.request("POST", "/v2/orders", body, headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        if response.status != 200:
            raise SystemExit(f"the exchange refused: {answer}")
        return answer

    return send


CONTENDERS: dict[str, Callable[[dict[str, str]], Send]] = {
    "ours": ours,
    "alpaca_py": alpaca_py,
    "http_client": bare,
}


def forget_orders(place: dict[str, str]) -> None:
    """Cancel everything, so that every round meets the same exchange."""
    connection = http.client.HTTPConnection(urlsplit(place["rest"]).netloc)
    headers = {"APCA-API-KEY-ID": place["key"], "APCA-API-SECRET-KEY": place["secret"]}
    connection.request("DELETE", "/v2/orders", headers=headers)
    if connection.getresponse().status != 207:
        raise SystemExit("the exchange did not cancel")
    connection.close()


def measure(place: dict[str, str], orders: int, rounds: int) -> dict[str, Any]:
    names = (f"bench-{number}" for number in itertools.count())
    cpu: dict[str, list[float]] = {name: [] for name in CONTENDERS}

    def contender(name: str) -> Callable[[], Seconds]:
        send = CONTENDERS[name](place)

        def run() -> Seconds:
            cpu_began = time.process_time()
            samples = [_seconds(send, next(names)) for _ in range(orders // rounds)]
            cpu[name].append((time.process_time() - cpu_began) / len(samples))
            forget_orders(place)
            return samples

        return run

    found = in_turn(rounds, {name: contender(name) for name in CONTENDERS})
    figures: dict[str, Any] = {
        name: microseconds(samples) | {"cpu_us": round(percentile(cpu[name][1:], 50) * 1e6, 1)}
        for name, samples in found.items()
    }
    spent = {name: [[one] for one in seconds[1:]] for name, seconds in cpu.items()}
    return {
        "orders": orders,
        "rounds": rounds,
        **figures,
        "alpaca_py_takes_times": times(found["ours"], found["alpaca_py"]),
        "alpaca_py_cpu_times": times(spent["ours"], spent["alpaca_py"]),
        "http_client_takes_times": times(found["ours"], found["http_client"]),
        "http_client_cpu_times": times(spent["ours"], spent["http_client"]),
    }


def _seconds(send: Send, name: str) -> float:
    began = time.perf_counter()
    send(name)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--orders", type=int, default=300, help="of each contender, in all rounds together")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with exchange() as place:
        pin(0)
        tell("order_round_trip", measure(place, max(options.orders, options.rounds), options.rounds))


if __name__ == "__main__":
    main()
