"""What tests of the store start from: the address of a fresh database, and the facts of some traded days.

Every test that asks for `url` runs on SQLite and on PostgreSQL; one that also asks for the file's `path` is about
SQLite alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_server import PostgresServer
from story_facts import random_closes, story, trading_days

from the_alchemiser.domain.facts import Fact
from the_alchemiser.store.journal import SqlJournal

_numbers = itertools.count(1)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Both kinds of database for every test that does not name the file itself."""
    if "url" in metafunc.fixturenames and "url" not in _own_parameters(metafunc):
        is_about_files = "path" in metafunc.fixturenames
        metafunc.parametrize("url", ["sqlite"] if is_about_files else ["sqlite", "postgresql"], indirect=True)


def _own_parameters(metafunc: pytest.Metafunc) -> str:
    return " ".join(str(mark.args[0]) for mark in metafunc.definition.iter_markers("parametrize"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database file will be."""
    return tmp_path / "alchemiser.db"


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a journal that does not exist yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'alchemiser.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return f"{server.url}&schema=test_{next(_numbers)}"


@pytest.fixture
def journal(url: str) -> Iterator[SqlJournal]:
    """A fresh journal, open for writing."""
    opened = SqlJournal(url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def days() -> list[Fact]:
    """Four symbols traded over five days."""
    return story(random_closes(["AAPL", "JPM", "KO", "XOM"], trading_days("2021-03-01", 6)))


@pytest.fixture(scope="session")
def year() -> list[Fact]:
    """Twelve symbols traded over forty days: some thousands of facts."""
    return story(random_closes([f"S{n:02d}" for n in range(12)], trading_days("2021-03-01", 41)))
