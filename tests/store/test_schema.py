"""Tables are made and moved forward by migrations alone, and a newer version's are never touched."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from the_alchemiser.domain.errors import StoreUnavailable
from the_alchemiser.store import schema
from the_alchemiser.store.journal import SqlJournal
from the_alchemiser.store.reading import Reading
from the_alchemiser.store.sqlite import PAGE_BYTES, reading_engine
from the_alchemiser.store.tables import DERIVED, REVISION, SQLITE_DECLARATIONS, metadata
from the_alchemiser.store.verification import declarations_digest

from .database_files import dump, tamper


@pytest.mark.spec("S3-27")
def test_the_migrations_make_exactly_the_tables_the_code_reads(url: str, path: Path) -> None:
    assert schema.upgrade(url)
    with reading_engine(path).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_declarations_that_a_start_expects_are_those_the_migrations_make(url: str, path: Path) -> None:
    """With a new migration SQLITE_DECLARATIONS has to follow."""
    schema.upgrade(url)
    with reading_engine(path).connect() as connection:
        assert declarations_digest(connection) == SQLITE_DECLARATIONS


def test_the_code_is_written_for_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(schema._alembic()).get_current_head() == REVISION


def test_opening_for_writing_makes_the_tables_that_upgrading_makes(
    tmp_path: Path, url: str, path: Path
) -> None:
    other = tmp_path / "other.db"
    schema.upgrade(f"sqlite:///{other}")
    SqlJournal(url).close()
    with_first_mark = [line for line in dump(path) if not line.startswith('INSERT INTO "projection"')]
    assert dump(other) == with_first_mark


def test_upgrading_twice_changes_nothing(url: str, path: Path) -> None:
    schema.upgrade(url)
    before = dump(path)
    assert not schema.upgrade(url)
    assert dump(path) == before


def test_an_upgrade_waits_for_no_writer_but_says_who_writes(url: str, journal: SqlJournal) -> None:
    assert journal.head().seq == 0
    with pytest.raises(StoreUnavailable, match="another process"):
        schema.upgrade(url)


def test_a_newer_database_is_refused_by_writer_reader_and_upgrade_and_stays_as_it_is(
    url: str, path: Path
) -> None:
    SqlJournal(url).close()
    tamper(path, "UPDATE alembic_version SET version_num = '9999'")
    before = dump(path)
    for attempt in (SqlJournal, Reading, schema.upgrade):
        with pytest.raises(StoreUnavailable, match="newer version: its tables are 9999"):
            attempt(url)
    assert dump(path) == before


def test_a_failed_migration_leaves_the_file_without_half_its_tables(url: str, path: Path) -> None:
    pages_too_few = 8
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        schema.upgrade(url, bytes_max=pages_too_few * PAGE_BYTES)
    assert dump(path) == ["BEGIN TRANSACTION;", "COMMIT;"]
    assert schema.upgrade(url)


def test_a_reader_of_an_empty_file_is_told_that_it_holds_no_journal(url: str, path: Path) -> None:
    path.touch()
    with pytest.raises(StoreUnavailable, match="no journal yet"):
        Reading(url)


def test_every_record_has_a_table_with_the_same_columns_and_key() -> None:
    for kind, table in DERIVED.items():
        assert {column.name for column in table.columns} == {
            field.name for field in msgspec.structs.fields(kind)
        }
        assert tuple(column.name for column in table.primary_key.columns) == kind.KEY


def test_opening_a_current_file_needs_no_migration(url: str) -> None:
    assert schema.upgrade(url)
    with closing(SqlJournal(url)) as journal:
        assert journal.verify().is_sound
