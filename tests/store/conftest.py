"""What tests of the store start from: the address of a fresh file, and the facts of some traded days."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from story_facts import random_closes, story, trading_days

from the_alchemiser.domain.facts import Fact
from the_alchemiser.store.journal import SqlJournal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database file will be."""
    return tmp_path / "alchemiser.db"


@pytest.fixture
def url(path: Path) -> str:
    """The address of a database that does not exist yet."""
    return f"sqlite:///{path}"


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
