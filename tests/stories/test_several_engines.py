"""Several services for one account: one trades, and the others say who does, whatever becomes of that one."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from postgres_server import PostgresServer
from stories.services import (
    BEFORE_THE_CYCLE,
    WAIT_SECONDS_MAX,
    assert_nothing_lost_or_doubled,
    count,
    said_by_services,
    service,
    wait_for_facts,
)
from wire import WireExchange, running_exchange

from the_alchemiser.domain.errors import StoreUnavailable
from the_alchemiser.domain.facts import CycleRefused, DayClosed, OrderIntended
from the_alchemiser.store.lease import LEASE_SECONDS
from the_alchemiser.store.reading import Reading

pytestmark = pytest.mark.slow

SPEED = 30
"""Slower than other stories: here a machine runs up to five services at once, and half a lease passes in between."""
ENGINES = 5
OUTAGE_SECONDS = 2.0
"""In them a second of orders and renewals meets no database."""
IN_THE_MIDDLE = (OrderIntended, CycleRefused)
"""Orders are out. On a machine so busy that the cycle's time went by none are, and the question stays who may trade."""


class Engine:
    """A service with a folder of its own, and a journal it would share."""

    def __init__(self, exchange: WireExchange, folder: Path, url: str) -> None:
        folder.mkdir()
        self.folder, self._url = folder, url
        self.process = service(exchange, folder, environ={"DATABASE_URL": url})

    def wait_for(self, *kinds: type) -> None:
        """Until the journal has a fact of one of these kinds."""
        wait_for_facts(self.folder, self.process, lambda facts: count(facts, kinds) >= 1, self._url)

    def ended(self) -> tuple[int, str]:
        """Its exit code and all it said."""
        return self.process.wait(WAIT_SECONDS_MAX), said_by_services(self.folder)


@contextmanager
def all_ended(engines: list[Engine]) -> Iterator[None]:
    """Nothing a failed test started goes on."""
    try:
        yield
    finally:
        for engine in engines:
            engine.process.kill()
            engine.process.wait()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """One journal for all."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shared.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return f"{server.url}&schema={re.sub(r'[^a-z0-9]', '_', tmp_path.name.lower())[:40]}"


def finish(exchange: WireExchange, engine: Engine, url: str) -> None:
    """It closes the day, stops when told, and nothing was lost or doubled."""
    engine.wait_for(DayClosed)
    engine.process.send_signal(signal.SIGTERM)
    assert engine.ended()[0] == 0
    assert_nothing_lost_or_doubled(exchange, url)


def test_of_five_services_started_at_once_one_trades_and_four_say_who_does(tmp_path: Path, url: str) -> None:
    with running_exchange(speed=str(SPEED), start=BEFORE_THE_CYCLE) as exchange:
        engines = [Engine(exchange, tmp_path / f"engine-{n}", url) for n in range(ENGINES)]
        with all_ended(engines):
            deadline = time.monotonic() + WAIT_SECONDS_MAX
            while len(running := [one for one in engines if one.process.poll() is None]) > 1:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            (trading,) = running
            for refused in set(engines) - {trading}:
                code, said = refused.ended()
                assert code == 1, said
                assert re.search(rf"process {trading.process.pid} on|\((pid|session) \d+\)", said), said
            finish(exchange, trading, url)
    with Reading(url) as reading:
        assert reading.lease()[0].epoch == 1


def test_with_an_exchange_of_its_own_too_the_second_service_names_the_first(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'alchemiser-data' / 'alchemiser.db'}"
    first = run_here(tmp_path, "first.txt")
    try:
        wait_for_epoch(url, 1, first)
        second = run_here(tmp_path, "second.txt")
        assert second.wait(WAIT_SECONDS_MAX) == 1
        assert f"process {first.pid} on" in (tmp_path / "second.txt").read_text()
    finally:
        first.send_signal(signal.SIGTERM)
        first.wait(WAIT_SECONDS_MAX)


def run_here(folder: Path, said: str) -> subprocess.Popen[bytes]:
    with (folder / said).open("ab") as file:
        command = [sys.executable, "-m", "the_alchemiser", "run"]
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=file, cwd=folder
        )


def test_an_engine_stopped_and_continued_trades_on_where_nobody_could_take_its_place(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    with running_exchange(speed=str(SPEED), start=BEFORE_THE_CYCLE) as exchange:
        first = Engine(exchange, tmp_path / "first", url)
        with all_ended([first]):
            first.wait_for(*IN_THE_MIDDLE)
            first.process.send_signal(signal.SIGSTOP)
            second = Engine(exchange, tmp_path / "second", url)
            with all_ended([second]):
                code, said = second.ended()
            assert (code, f"process {first.process.pid} on" in said) == (1, True), said
            first.process.send_signal(signal.SIGCONT)
            finish(exchange, first, url)


def test_an_engine_stopped_for_longer_than_its_lease_wakes_up_to_nothing_it_may_do(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    url = f"{postgres.url}&schema=stopped_and_continued"
    with running_exchange(speed=str(SPEED), start=BEFORE_THE_CYCLE) as exchange:
        first = Engine(exchange, tmp_path / "first", url)
        with all_ended([first]):
            first.wait_for(*IN_THE_MIDDLE)
            first.process.send_signal(signal.SIGSTOP)
            early = Engine(exchange, tmp_path / "early", url)
            with all_ended([early]):
                code, said = early.ended()
            assert (code, f"process {first.process.pid} on" in said) == (1, True), said
            wait_until_expired(url)
            second = Engine(exchange, tmp_path / "second", url)
            with all_ended([second]):
                wait_for_epoch(url, 2, second.process)
                first.process.send_signal(signal.SIGCONT)
                code, said = first.ended()
                assert code == 3, said
                assert f"was taken by process {second.process.pid} on" in said
                finish(exchange, second, url)


def test_a_service_outlives_the_death_of_its_database_and_goes_on_where_it_was(tmp_path: Path) -> None:
    server = PostgresServer()
    url = f"{server.url}&schema=mortal"
    try:
        with running_exchange(speed=str(SPEED), start=BEFORE_THE_CYCLE) as exchange:
            engine = Engine(exchange, tmp_path / "engine", url)
            with all_ended([engine]):
                engine.wait_for(*IN_THE_MIDDLE)
                server.kill()
                time.sleep(OUTAGE_SECONDS)
                assert engine.process.poll() is None
                server.start()
                finish(exchange, engine, url)
        with Reading(url) as reading:
            assert reading.lease()[0].epoch == 1
            assert reading.verify().is_sound
    finally:
        server.close()


def wait_until_expired(url: str) -> None:
    deadline = time.monotonic() + 3 * LEASE_SECONDS
    with Reading(url) as reading:
        while True:
            row, now = reading.lease()
            if row.seconds_left(now) <= 0:
                return
            assert time.monotonic() < deadline
            time.sleep(0.2)


def wait_for_epoch(url: str, epoch: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while epoch_in(url) < epoch:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def epoch_in(url: str) -> int:
    """The epoch of the lease; 0 where there is no journal yet."""
    try:
        with Reading(url) as reading:
            return reading.lease()[0].epoch
    except StoreUnavailable:
        return 0
