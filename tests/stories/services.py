"""The service as a process of its own, trading the last quarter of an hour of a day on an exchange in running time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from stories.runs import facts_of
from wire import WireExchange

from the_alchemiser.domain.facts import Fact, FillBooked, OrderIntended, Reconciled

BEFORE_THE_CYCLE = "2021-01-04T20:43:00Z"
SHORT_CYCLE = {"CYCLE__MINUTES_BEFORE_CLOSE": "14", "CYCLE__WALK_INTERVAL_SECONDS": "120"}
SPEED = 40
"""The last quarter of an hour takes less than half a minute. Faster, and a busy machine makes every quote old."""
WAIT_SECONDS_MAX = 150
POLL_SECONDS = 0.05


def service(
    exchange: WireExchange, folder: Path, *, environ: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A running service; what it says on standard error is kept in the folder."""
    world = {
        **os.environ,
        **SHORT_CYCLE,
        "ALPACA_API_KEY": exchange.key,
        "ALPACA_SECRET_KEY": exchange.secret,
        "ALPACA_BASE_URL": exchange.rest,
        "DATA_DIR": str(folder),
        **(environ or {}),
    }
    command = [sys.executable, "-m", "the_alchemiser", "run"]
    with (folder / "said.txt").open("ab") as said:
        return subprocess.Popen(
            command, env=world, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said, cwd=folder
        )


def said_by_services(folder: Path) -> str:
    """Everything services in this folder said on standard error."""
    return (folder / "said.txt").read_text()


def wait_for_facts(
    folder: Path,
    running: subprocess.Popen[bytes],
    is_so: Callable[[list[Fact]], bool],
    database: str | None = None,
) -> None:
    """Until the journal, the folder's own or that of a database, tells it. Fails where the service ends before."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not is_so(facts_so_far(database or folder)):
        assert running.poll() is None, f"the service ended by itself: {said_by_services(folder)}"
        assert time.monotonic() < deadline, f"it did not come that far in time: {said_by_services(folder)}"
        time.sleep(POLL_SECONDS)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Until something that is not in the journal holds."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not is_so():
        assert time.monotonic() < deadline, "it did not come that far in time"
        time.sleep(POLL_SECONDS)


def facts_so_far(place: Path | str) -> list[Fact]:
    """The journal as it stands, nothing where it is just being made."""
    try:
        return facts_of(place)
    except Exception:  # noqa: BLE001 - the file is just being made
        return []


def count(facts: list[Fact], kind: type | tuple[type, ...]) -> int:
    """How many facts are of a kind, or of any of several."""
    return sum(isinstance(fact, kind) for fact in facts)


def assert_nothing_lost_or_doubled(exchange: WireExchange, place: Path | str) -> None:
    """The journal and the exchange tell the same story: each order once, every share booked, the books agree."""
    at_exchange = exchange.request("GET", "/v2/orders?status=all&limit=500").body
    facts = facts_of(place)
    named = Counter(fact.request.client_order_id for fact in facts if isinstance(fact, OrderIntended))
    last = [fact for fact in facts if isinstance(fact, Reconciled)][-1]
    assert last.differences == ()
    assert max(named.values(), default=1) == 1
    assert {order["client_order_id"] for order in at_exchange} <= set(named)
    bought = sum(fact.fill.shares for fact in facts if isinstance(fact, FillBooked))
    assert bought == sum(int(order["filled_qty"]) for order in at_exchange)
