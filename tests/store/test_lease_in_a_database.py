"""The lease as a row: in every transaction, proof against death, theft and sleep, in SQLite and in PostgreSQL."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from postgres_server import PostgresServer
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from the_alchemiser.domain.errors import LeaseHeld, LeaseLost, StoreUnavailable
from the_alchemiser.domain.facts import AlertRaised, Fact
from the_alchemiser.domain.instants import SECOND, Nanos
from the_alchemiser.domain.probes import counted
from the_alchemiser.store.databases import Database, database_of
from the_alchemiser.store.journal import SqlJournal
from the_alchemiser.store.lease import LEASE_SECONDS, READING_SECONDS_MAX, LeaseRow
from the_alchemiser.store.leasing import Holder, SqlLease
from the_alchemiser.store.owner import Process, is_dead, this_process
from the_alchemiser.store.reading import Reading
from the_alchemiser.store.session import WritingSession


def said(*texts: str) -> list[Fact]:
    return [AlertRaised(1, "info", one) for one in texts]


def texts_in(url: str) -> list[str]:
    with Reading(url) as reading:
        assert reading.verify().is_sound
        return [fact.text for fact in reading.facts() if isinstance(fact, AlertRaised)]


def row_in(url: str) -> LeaseRow:
    with Reading(url) as reading:
        return reading.lease()[0]


def behind_its_back(url: str, statement: str) -> None:
    """Run a statement as nobody who asked for the lease."""
    database = database_of(url)
    options = {"isolation_level": "AUTOCOMMIT"}
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        with closing(sqlite3.connect(path, isolation_level=None, timeout=0.2)) as connection:
            connection.execute(statement)
        return
    engine = database._engine(["-c lock_timeout=200ms"], **options)  # type: ignore[attr-defined]
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


STEAL = "UPDATE lease SET epoch = epoch + 1, owner = 'a thief'"
EXPIRE = "UPDATE lease SET expires_at = 1"


def test_an_open_journal_says_who_writes_it_by_which_program_and_settings(url: str) -> None:
    with closing(SqlJournal(url, holder=Holder("1.2.3", "abc"))):
        row = row_in(url)
    assert (row.epoch, row.owner, row.version, row.config_hash) == (1, this_process().shown, "1.2.3", "abc")


def test_every_opening_is_a_new_epoch_and_a_closed_journal_is_free_at_once(url: str) -> None:
    with counted() as probes:
        for epoch in (1, 2, 3):
            with closing(SqlJournal(url)) as journal:
                assert journal.lease.epoch == epoch
            assert row_in(url).expires_at == 0
    assert probes["leasing.waited_for_expiry"] == 0


def test_once_another_took_the_lease_nothing_is_written_and_nothing_may_be_sent(
    url: str, journal: SqlJournal
) -> None:
    journal.append(said("mine"))
    behind_its_back(url, STEAL)
    for attempt in (
        lambda: journal.append(said("late")),
        journal.lease.renew,
        journal.lease.check,
        journal.rebuild,
    ):
        with pytest.raises(LeaseLost, match=r"\(epoch 1\) was taken by a thief \(epoch 2\)"):
            attempt()
    assert texts_in(url) == ["mine"]
    journal.close()
    assert (row_in(url).owner, row_in(url).expires_at > 0) == ("a thief", True)


def test_the_epoch_cannot_be_raised_between_the_fence_and_the_commit(url: str, journal: SqlJournal) -> None:
    refusals = (sqlite3.OperationalError, OperationalError)
    with journal._writing(), pytest.raises(refusals, match=r"locked|lock timeout"):
        behind_its_back(url, STEAL)
    journal.append(said("still mine"))
    assert texts_in(url) == ["still mine"]


def test_what_is_sent_by_is_read_again_once_it_is_older_than_a_second(url: str) -> None:
    now = [1]
    with leased(database_of(url), lambda: now[0]) as lease, counted() as probes:
        lease.take()
        now[0] += READING_SECONDS_MAX * SECOND
        lease.check()
        assert not probes
        now[0] += 1
        lease.check()
        assert probes["leasing.read_again_before_sending"] == 1
        behind_its_back(url, STEAL)
        lease.check()
        now[0] += READING_SECONDS_MAX * SECOND + 1
        with pytest.raises(LeaseLost, match="a thief"):
            lease.check()


@contextmanager
def leased(
    database: Database, now: Callable[[], Nanos], sleep: Callable[[float], None] = lambda _: None
) -> Iterator[SqlLease]:
    """A lease in a database whose tables are there, by a clock of the test's own."""
    SqlJournal(url_of(database)).close()
    session = WritingSession(database, lambda: False)
    try:
        yield SqlLease(session, Holder(), now, sleep)
    finally:
        session.close()


def url_of(database: Any) -> str:
    if hasattr(database, "path"):
        return f"sqlite:///{database.path}"
    shown: str = database._url.set(drivername="postgresql").render_as_string(hide_password=False)
    return f"{shown}&schema={database._schema}"


ELSEWHERE = Process("another-host", "another boot", 1, "7")


def held_by(url: str, owner: Process, seconds: int = LEASE_SECONDS) -> None:
    """As if `owner` had the lease, and lost its connection."""
    with Reading(url) as reading:
        _, now = reading.lease()
    behind_its_back(
        url,
        f"UPDATE lease SET owner = '{owner.shown}', process = '{owner.text}'".replace(":", "\\:")
        + f", expires_at = {now + seconds * SECOND}",
    )


def test_a_holder_that_may_live_elsewhere_is_waited_for_until_nobody_renewed_for_the_life_of_a_lease(
    url: str,
) -> None:
    now, naps = [0], []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        now[0] += int(seconds * SECOND)

    with leased(database_of(url), lambda: now[0], sleep) as lease:
        held_by(url, ELSEWHERE, seconds=1_000_000)
        assert lease.take() == 2
    assert sum(naps) == LEASE_SECONDS


def test_a_holder_elsewhere_that_renews_meanwhile_is_alive_and_named(url: str) -> None:
    def sleep(_: float) -> None:
        held_by(url, ELSEWHERE)

    with leased(database_of(url), lambda: 0, sleep) as lease:
        held_by(url, ELSEWHERE)
        with pytest.raises(LeaseHeld, match=r"process 1 on another-host holds its lease \(epoch 1\)"):
            lease.take()


WRITER = """
import sys, time
from the_alchemiser.store.journal import SqlJournal
from the_alchemiser.domain.facts import AlertRaised
journal = SqlJournal(sys.argv[1])
journal.append([AlertRaised(1, "info", "first")])
print("ready", flush=True)
time.sleep(600)
"""


def test_after_kill_9_the_next_engine_does_not_wait_until_the_lease_expires(url: str) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        with pytest.raises(LeaseHeld, match=f"process {writer.pid} on "):
            SqlJournal(url)
        writer.kill()
    with counted() as probes, closing(reopened_when_free(url)) as journal:
        journal.append(said("second"))
        assert journal.lease.epoch == 2
    assert probes["leasing.waited_for_expiry"] == 0
    assert texts_in(url) == ["first", "second"]


def reopened_when_free(url: str) -> SqlJournal:
    """A server needs a moment to see that a client has died."""
    for _ in range(1000):
        try:
            return SqlJournal(url)
        except LeaseHeld:
            continue
    raise AssertionError("the dead writer's session never ended")


def test_a_writer_in_sqlite_that_no_longer_renews_is_not_pushed_aside_but_named(
    url: str, path: Path, journal: SqlJournal
) -> None:
    assert path.exists()
    behind_its_back(url, EXPIRE)
    with pytest.raises(
        LeaseHeld, match=r"it has not renewed its lease for \d+ s, so it is stopped or hangs: end proc"
    ):
        SqlJournal(url)
    journal.append(said("mine"))


def test_a_writer_in_postgresql_that_no_longer_renews_is_cut_off_and_fenced(postgres: PostgresServer) -> None:
    url = f"{postgres.url}&schema=no_longer_renews"
    with closing(SqlJournal(url)) as frozen:
        frozen.append(said("mine"))
        behind_its_back(url, EXPIRE)
        with counted() as probes, closing(SqlJournal(url)) as awake:
            assert probes["session.writer_ended"] == 1
            for attempt in (lambda: frozen.append(said("late")), frozen.lease.check):
                with pytest.raises(
                    LeaseLost, match=r"\(epoch 1\) was taken by process \d+ on .* \(epoch 2\)"
                ):
                    attempt()
            awake.append(said("theirs"))
    assert texts_in(url) == ["mine", "theirs"]


class ForgetfulConnection(sqlite3.Connection):
    """Commits, and then says once that it could not."""

    is_armed = False

    def commit(self) -> None:
        super().commit()
        if ForgetfulConnection.is_armed:
            ForgetfulConnection.is_armed = False
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR  # type: ignore[misc]
            raise error


def forgetful(url: str) -> SqlJournal:
    def connect(*place: Any, **more: Any) -> sqlite3.Connection:
        return sqlite3.connect(*place, **more, factory=ForgetfulConnection)

    return SqlJournal(url, connect=connect)


@pytest.mark.parametrize(
    "following", [("doubtful",), ("another",), ("doubtful", "another")], ids=", then ".join
)
def test_an_append_that_was_written_though_it_failed_is_not_written_again(
    url: str, path: Path, following: tuple[str, ...]
) -> None:
    assert not path.exists()
    with closing(forgetful(url)) as journal:
        journal.append(said("before"))
        ForgetfulConnection.is_armed = True
        with pytest.raises(StoreUnavailable, match="input/output error"):
            journal.append(said("doubtful"))
        for one in following:
            journal.append(said(one))
        journal.append(said("doubtful"))
    assert texts_in(url) == [
        "before",
        "doubtful",
        *(one for one in following if one == "another"),
        "doubtful",
    ]


# Which process, and is it dead?


def test_a_process_that_runs_is_alive_and_one_that_was_killed_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as other:
        here = this_process()
        started = re.split(r"\s", Path(f"/proc/{other.pid}/stat").read_text().rpartition(")")[2].strip())[19]
        owner = Process(here.host, here.place, other.pid, started)
        assert not is_dead(owner.text)
        other.kill()
        other.wait()
    assert is_dead(owner.text)


def test_a_process_id_given_anew_is_not_its_former_owner() -> None:
    here = this_process()
    assert is_dead(Process(here.host, here.place, 1, "0").text)


def test_of_a_process_in_another_place_and_of_unreadable_words_nothing_is_concluded() -> None:
    here = this_process()
    for owner in (
        Process("another-host", here.place, 999_999_999, "1"),
        Process(here.host, "another container", 999_999_999, "1"),
    ):
        assert not is_dead(owner.text)
    assert not is_dead("")
    assert not is_dead("{}")


def test_where_the_system_does_not_say_which_run_this_is_nobody_is_called_dead() -> None:
    nowhere = Process("host", "", 1, "")
    assert not is_dead(Process("host", "", 999_999_999, "1").text, nowhere)
