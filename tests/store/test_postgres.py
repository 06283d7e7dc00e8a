"""What only a server can do to a journal: die, come back, end sessions, refuse, and hold those of many accounts."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from random import Random

import pytest
from postgres_server import PostgresServer

from the_alchemiser.domain.errors import AlchemiserError, ConfigurationError, StoreUnavailable
from the_alchemiser.domain.facts import AlertRaised, Fact
from the_alchemiser.domain.probes import counted
from the_alchemiser.store.databases import database_of
from the_alchemiser.store.journal import SqlJournal
from the_alchemiser.store.reading import Reading

BATCH = 5
END_WRITERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> 0"
)
ATTEMPTS_MAX = 200
APPEND_SECONDS = 0.01
"""About what an append takes: a moment within it is as likely to be hit as one between two."""


@pytest.fixture
def mortal() -> Iterator[PostgresServer]:
    """A server of the test's own, to be killed."""
    server = PostgresServer()
    yield server
    server.close()


def said(text: str) -> list[Fact]:
    return [AlertRaised(1, "info", text)]


def append_at_last(journal: SqlJournal, facts: list[Fact]) -> int:
    """Repeat the append as the driver does; how often it failed."""
    for failures in range(ATTEMPTS_MAX):
        try:
            journal.append(facts)
        except StoreUnavailable:
            time.sleep(0.02)
            continue
        return failures
    raise AssertionError("the journal never became writable")


def test_commits_wait_until_they_survive_a_power_cut_whatever_the_server_does_by_default(
    postgres: PostgresServer,
) -> None:
    postgres.execute("ALTER ROLE postgres SET synchronous_commit = off")
    try:
        with (
            closing(SqlJournal(f"{postgres.url}&schema=durable")) as journal,
            journal._session.transaction() as connection,
        ):
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"
    finally:
        postgres.execute("ALTER ROLE postgres RESET synchronous_commit")


def test_accounts_that_share_a_database_trade_at_the_same_time_and_see_nothing_of_each_other(
    postgres: PostgresServer,
) -> None:
    urls = [f"{postgres.url}&schema={name}" for name in ("account_a", "account_b")]
    with closing(SqlJournal(urls[0])) as one, closing(SqlJournal(urls[1])) as other:
        one.append(said("a"))
        other.append([*said("b"), *said("c")])
        assert (one.lease.epoch, other.lease.epoch) == (1, 1)
    for url, entries in zip(urls, (1, 2), strict=True):
        with Reading(url) as reading:
            assert reading.verify().entries == entries


def test_a_text_with_a_nul_in_it_is_kept_whole_in_the_journal_and_legible_in_the_tables(
    postgres: PostgresServer,
) -> None:
    url = f"{postgres.url}&schema=nul"
    with closing(SqlJournal(url)) as journal:
        journal.append(said("refused: \0 by the broker"))
        assert list(journal.read()) == said("refused: \0 by the broker")
    with Reading(url) as reading:
        assert reading.verify().is_sound
        assert [alert.text for alert in reading.alerts()] == [
            "refused: \N{REPLACEMENT CHARACTER} by the broker"
        ]


def test_a_session_ended_while_nobody_wrote_is_not_even_noticed(postgres: PostgresServer) -> None:
    url = f"{postgres.url}&schema=idle_session"
    with closing(SqlJournal(url)) as journal, counted() as probes:
        journal.append(said("before"))
        postgres.execute(END_WRITERS)
        journal.append(said("after"))
        assert probes["journal.append_repeated"] == 1
        assert journal.lease.epoch == 1
        assert list(journal.read()) == [*said("before"), *said("after")]
        assert journal.verify().is_sound


@pytest.mark.slow
def test_sessions_ended_at_any_moment_of_any_append_lose_nothing_and_double_nothing(
    postgres: PostgresServer, year: list[Fact]
) -> None:
    facts, chance = year[:400], Random(7)
    url = f"{postgres.url}&schema=any_moment"
    began, is_done = threading.Event(), False

    def end_a_session_during_each_append() -> None:
        while began.wait() and not is_done:
            began.clear()
            time.sleep(chance.random() * APPEND_SECONDS)
            postgres.execute(END_WRITERS)

    with closing(SqlJournal(url)) as journal, counted() as probes:
        butcher = threading.Thread(target=end_a_session_during_each_append)
        butcher.start()
        try:
            for start in range(0, len(facts), BATCH):
                began.set()
                append_at_last(journal, facts[start : start + BATCH])
        finally:
            is_done = True
            began.set()
            butcher.join()
        assert probes["journal.append_repeated"] > 10
    with Reading(url) as reading:
        assert list(reading.facts()) == facts
        assert reading.verify().is_sound


@pytest.mark.slow
def test_a_server_killed_and_started_again_has_every_acknowledged_fact_and_the_same_engine_goes_on(
    mortal: PostgresServer,
) -> None:
    url = f"{mortal.url}&schema=killed"
    with closing(SqlJournal(url)) as journal:
        for life in range(3):
            journal.append(said(f"life {life}"))
            mortal.kill()
            with pytest.raises(StoreUnavailable, match="cannot be reached"):
                journal.append(said(f"after life {life}"))
            with pytest.raises(StoreUnavailable, match="cannot be reached"):
                journal.lease.renew()
            mortal.start()
            append_at_last(journal, said(f"after life {life}"))
            journal.lease.renew()
        told = [f"{when}life {life}" for life in range(3) for when in ("", "after ")]
        assert [fact.text for fact in journal.read() if isinstance(fact, AlertRaised)] == told
        assert journal.lease.epoch == 1
        assert journal.verify().is_sound


@pytest.mark.slow
def test_a_server_that_does_not_sync_its_disk_is_refused(mortal: PostgresServer) -> None:
    mortal.execute("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
    url = f"{mortal.url}&schema=unsynced"
    for _ in range(ATTEMPTS_MAX):
        if mortal.execute("SHOW fsync") == [("off",)]:
            break
    with pytest.raises(StoreUnavailable, match="fsync = off"):
        SqlJournal(url)


def test_a_server_that_takes_no_writes_is_told_in_one_line(postgres: PostgresServer) -> None:
    with pytest.raises(StoreUnavailable, match="it is read-only") as refusal:
        SqlJournal(f"{postgres.url}&options=-c%20default_transaction_read_only%3Don&schema=unusable")
    assert "\n" not in str(refusal.value)


def test_a_server_that_is_not_there_is_told_in_one_line() -> None:
    with pytest.raises(StoreUnavailable, match="cannot be reached") as refusal:
        SqlJournal("postgresql://postgres@/postgres?host=/nowhere/at/all")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("/postgres?", "/nothing?", "there is no such database"),
        ("postgres@", "nobody:hunter2@", "it does not accept this user"),
    ],
)
def test_what_the_user_must_correct_is_a_fault_of_the_settings_and_no_password_is_shown(
    postgres: PostgresServer, old: str, new: str, reason: str
) -> None:
    with pytest.raises(ConfigurationError, match=reason) as refusal:
        SqlJournal(postgres.url.replace(old, new))
    assert "hunter2" not in str(refusal.value)


def test_a_journal_that_was_never_made_is_missing_and_looking_for_it_makes_none(
    postgres: PostgresServer,
) -> None:
    url = f"{postgres.url}&schema=never_made"
    assert not database_of(url).exists()
    with pytest.raises(StoreUnavailable, match="no journal"):
        Reading(url)
    assert not database_of(url).exists()


def test_without_the_driver_the_user_is_told_how_to_get_it() -> None:
    attempt = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from the_alchemiser.store.databases import database_of\n"
        "database_of('postgresql://somebody@somewhere/db')"
    )
    outcome = subprocess.run([sys.executable, "-c", attempt], capture_output=True, text=True, check=False)
    assert "ConfigurationError: DATABASE_URL names PostgreSQL, which needs a driver" in outcome.stderr
    assert "pip install 'the-alchemiser[postgres]'" in outcome.stderr
    assert issubclass(ConfigurationError, AlchemiserError)
