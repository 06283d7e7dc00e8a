"""What kill -9 costs: the service is killed again and again while it trades, against an exchange process of its own.

Prints one JSON line. Each start is timed from the process's creation to its word that ledger and broker agree, with
470 resting orders of the owner's at the broker (with ours close to 500, the largest limit that can be set);
`libraries` is an interpreter that imports what the product imports and ends, the part of a start that is none of
recovery. At the end the exchange's record is compared with the journal: `lost` counts orders and shares that only the
exchange knows, and decided orders of which neither side knows an end, `doubled` orders and shares that it has more
than once. Anything but 0 fails.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import random
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from benchmarks.rounds import percentile, tell
from the_alchemiser.domain.facts import FillBooked, OrderIntended, OrderReported, Reconciled
from the_alchemiser.store.reading import Reading

FIRST_DAY = "2021-01-04"
OPENS_AT, CYCLE_AT, OVER_AT = "15:00:00Z", "20:43:00Z", "21:02:00Z"
SPEED = 40
"""A cycle of a quarter of an hour takes half a minute: time for some ten lives."""
LIFE_SECONDS_MAX = 1.5
AGREED = b"reconciled (start)"
ANSWER_SECONDS_MAX = 60.0
SYMBOLS = ("AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO")
SETTING = {
    "CYCLE__MINUTES_BEFORE_CLOSE": "14",
    "CYCLE__WALK_INTERVAL_SECONDS": "120",
    "RISK__MAX_OPEN_ORDERS": "500",
}


class ExchangeProcess:
    """The exchange, in running time."""

    def __init__(self) -> None:
        arguments = (
            "--port",
            "0",
            "--speed",
            str(SPEED),
            "--start",
            f"{FIRST_DAY}T{OPENS_AT}",
            "--multiplier",
            "1",
        )
        more = ("--requests-per-minute", "0", "--until-stdin-closes", "--regular-hours-only")
        command = [sys.executable, "-m", "the_alchemiser.exchange.server", *arguments, *more]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.told: dict[str, str] = json.loads(self.process.stdout.readline())
        self._connection = http.client.HTTPConnection(
            urlsplit(self.told["rest"]).netloc, timeout=ANSWER_SECONDS_MAX
        )

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The decoded answer. Raises RuntimeError for a refusal."""
        keys = {"APCA-API-KEY-ID": self.told["key"], "APCA-API-SECRET-KEY": self.told["secret"]}
        self._connection.request(method, path, json.dumps(body) if body else None, keys)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {content.decode()}")
        return json.loads(content) if content else None

    def orders(self) -> list[dict[str, Any]]:
        """Every order, the owner's resting ones included."""
        found: dict[str, dict[str, Any]] = {}
        until = ""
        while True:
            page = self.ask("GET", f"/v2/orders?status=all&limit=500&direction=desc{until}")
            known = len(found)
            found.update((row["id"], row) for row in page)
            if len(found) == known or len(page) < 500:
                return list(found.values())
            until = f"&until={quote(page[-1]['submitted_at'])}"

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(20)


def rest_orders(exchange: ExchangeProcess, count: int) -> None:
    """The owner's own orders, far below the market: they stay open as long as the loop runs."""
    for number in range(count):
        order = {"symbol": SYMBOLS[number % len(SYMBOLS)], "qty": "1", "side": "buy", "type": "limit"}
        resting = {"limit_price": "1.00", "time_in_force": "gtc", "client_order_id": f"owner-{number}"}
        exchange.ask("POST", "/v2/orders", {**order, **resting})


def start(exchange: ExchangeProcess, folder: Path) -> subprocess.Popen[bytes]:
    """A life of the service."""
    world = {
        **os.environ,
        **SETTING,
        "ALPACA_API_KEY": exchange.told["key"],
        "ALPACA_SECRET_KEY": exchange.told["secret"],
        "ALPACA_BASE_URL": exchange.told["rest"],
        "DATA_DIR": str(folder),
    }
    command = [sys.executable, "-m", "the_alchemiser", "run"]
    return subprocess.Popen(
        command, env=world, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def seconds_to_agreement(life: subprocess.Popen[bytes], began: float) -> float:
    """How long after `began` it says that ledger and broker agree. Raises RuntimeError where it does not."""
    assert life.stderr is not None
    said = b""
    os.set_blocking(life.stderr.fileno(), False)
    while AGREED not in said:
        left = began + ANSWER_SECONDS_MAX - time.perf_counter()
        ready, _, _ = select.select([life.stderr], [], [], max(left, 0))
        chunk = os.read(life.stderr.fileno(), 65536) if ready else b""
        if not chunk:
            raise RuntimeError(f"it never agreed with the broker: {said.decode()}")
        said += chunk
    return time.perf_counter() - began


def kill(life: subprocess.Popen[bytes]) -> None:
    """As the kernel does where memory runs out: no word, no last write."""
    life.kill()
    life.wait()
    assert life.stderr is not None
    life.stderr.close()


def lives(exchange: ExchangeProcess, folder: Path, kills: int, chance: random.Random) -> Iterator[float]:
    """Day after day: jump to just before the cycle, live and be killed until it is over."""
    sessions = [row["date"] for row in exchange.ask("GET", f"/v2/calendar?start={FIRST_DAY}&end=2022-12-30")]
    done = 0
    for date in sessions:
        exchange.ask("POST", "/v1/control/step", {"to": f"{date}T{CYCLE_AT}"})
        while exchange.ask("GET", "/v1/control/clock")["now"] < f"{date}T{OVER_AT}":
            began = time.perf_counter()
            life = start(exchange, folder)
            try:
                yield seconds_to_agreement(life, began)
                time.sleep(chance.random() * LIFE_SECONDS_MAX)
            finally:
                kill(life)
            done += 1
            if done == kills:
                return


def finish(exchange: ExchangeProcess, folder: Path) -> None:
    """The last life lasts until the books of its day are closed."""
    life = start(exchange, folder)
    try:
        deadline = time.monotonic() + 240
        while not _is_at_rest(folder):
            if life.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the last life did not close its day")
            time.sleep(0.5)
    finally:
        kill(life)


def _is_at_rest(folder: Path) -> bool:
    with Reading(f"sqlite:///{folder / 'alchemiser.db'}") as reading:
        last = [fact for fact in reading.facts() if isinstance(fact, Reconciled)][-1:]
    return bool(last) and last[0].purpose.startswith("close") and not last[0].differences


def compare(exchange: ExchangeProcess, folder: Path) -> dict[str, int]:
    """The exchange's record beside the journal's."""
    with Reading(f"sqlite:///{folder / 'alchemiser.db'}") as reading:
        facts = list(reading.facts())
    ours = {fact.request.client_order_id for fact in facts if isinstance(fact, OrderIntended)}
    booked: Counter[str] = Counter()
    for fact in facts:
        if isinstance(fact, FillBooked):
            booked[fact.fill.client_order_id] += fact.fill.shares  # type: ignore[assignment]
    rows = [row for row in exchange.orders() if not row["client_order_id"].startswith("owner-")]
    held = Counter(row["client_order_id"] for row in rows)
    ended = {fact.report.client_order_id for fact in facts if isinstance(fact, OrderReported)}
    # An order that was decided is at the broker, or its end without having got there is written down.
    vanished = ours - held.keys() - ended
    lacking = [row for row in rows if booked[row["client_order_id"]] < Decimal(row["filled_qty"])]
    excess = [row for row in rows if booked[row["client_order_id"]] > Decimal(row["filled_qty"])]
    return {
        "orders": len(rows),
        "filled": sum(Decimal(row["filled_qty"]) > 0 for row in rows),
        "lost": len(held.keys() - ours) + len(vanished) + len(lacking),
        "doubled": sum(count - 1 for count in held.values()) + len(excess),
    }


def libraries() -> float:
    began = time.perf_counter()
    subprocess.run(
        [
            sys.executable,
            "-c",
            "import the_alchemiser.service, the_alchemiser.broker, the_alchemiser.store.journal",
        ],
        check=True,
    )
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--open-orders", type=int, default=470)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    exchange = ExchangeProcess()
    with tempfile.TemporaryDirectory() as place, contextlib.closing(exchange):
        rest_orders(exchange, options.open_orders)
        chance = random.Random(options.seed)
        starts = list(lives(exchange, Path(place), options.kills, chance))
        finish(exchange, Path(place))
        found = compare(exchange, Path(place))
    alone = statistics.median(libraries() for _ in range(5))
    figures = {
        "kills": len(starts),
        "open_orders": options.open_orders,
        **found,
        "start_p50_s": round(statistics.median(starts), 3),
        "start_p99_s": round(percentile(starts, 99), 3),
        "libraries_s": round(alone, 3),
    }
    tell("kill_loop", figures)
    if found["lost"] or found["doubled"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
