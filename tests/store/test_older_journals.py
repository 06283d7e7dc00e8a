"""Journals as earlier versions of the program left them: brought forward once, entry for entry as they were."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from the_alchemiser.domain.errors import StoreUnavailable
from the_alchemiser.engine import Engine, EngineConfig
from the_alchemiser.store import schema
from the_alchemiser.store.journal import SqlJournal
from the_alchemiser.store.reading import Reading
from the_alchemiser.store.tables import REVISION

from .database_files import dump, query

VERSIONS = Path(__file__).parent / "versions"
OLDER = sorted(path.stem for path in VERSIONS.glob("*.sql"))


def as_left_by(version: str, path: Path) -> None:
    """A file as that version wrote it: four trades of two days, closed in good order."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((VERSIONS / f"{version}.sql").read_text())


def test_every_version_before_this_one_is_kept_as_a_journal_to_test_with() -> None:
    known = {script.revision for script in ScriptDirectory.from_config(schema._alembic()).walk_revisions()}
    assert set(OLDER) | {REVISION} == known


@pytest.mark.spec("S3-27")
@pytest.mark.parametrize("version", OLDER)
def test_an_older_journal_is_brought_forward_once_and_says_what_it_said(version: str, tmp_path: Path) -> None:
    path = tmp_path / "alchemiser.db"
    as_left_by(version, path)
    before = query(path, "SELECT seq, at, kind, body, hash FROM journal ORDER BY seq")
    with pytest.raises(StoreUnavailable, match="alchemiser db upgrade"):
        Reading(f"sqlite:///{path}")
    with closing(SqlJournal(f"sqlite:///{path}")) as journal:
        journal.require_sound()
        engine = Engine(EngineConfig(), journal.read())
    assert query(path, "SELECT seq, at, kind, body, hash FROM journal ORDER BY seq") == before
    assert engine.state.account_number == "PA3STORY0001"
    assert engine.state.ledger.shares()
    once = [line for line in dump(path) if "lease" not in line]
    with closing(SqlJournal(f"sqlite:///{path}")) as journal:
        assert journal.verify().is_sound
    assert [line for line in dump(path) if "lease" not in line] == once


@pytest.mark.parametrize("version", OLDER)
def test_trading_goes_on_in_an_older_journal(version: str, tmp_path: Path) -> None:
    path = tmp_path / "alchemiser.db"
    as_left_by(version, path)
    with closing(SqlJournal(f"sqlite:///{path}")) as journal:
        facts = list(journal.read())
        journal.append(facts[-1:])
        assert len(list(journal.read())) == len(facts) + 1
        assert journal.verify().is_sound
