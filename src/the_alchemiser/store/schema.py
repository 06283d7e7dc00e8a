"""The version of the tables: made in a fresh file, moved forward once where older, refused where newer."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from the_alchemiser.domain.errors import StoreUnavailable

from .databases import database_of
from .sqlite import JOURNAL_BYTES_MAX
from .tables import REVISION

if TYPE_CHECKING:
    from alembic.config import Config


def revision(connection: Connection) -> str | None:
    """The migration the file stands at; None for an empty file.

    Raises StoreUnavailable for some other database.
    """
    names = inspect(connection).get_table_names(_namespace(connection))
    if "alembic_version" in names:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
        return None if found is None else str(found)
    if names:
        raise StoreUnavailable(f"this database holds other tables ({names[0]}, …) and no journal of ours")
    return None


def _namespace(connection: Connection) -> str | None:
    """The schema our tables are in, where the database has such: no table is in one that does not exist."""
    if connection.dialect.name == "sqlite":
        return None
    return str(connection.execute(text("SELECT coalesce(current_schema(), '')")).scalar_one())


def require_current(connection: Connection) -> None:
    """Raises StoreUnavailable unless the tables are exactly those this code reads."""
    found = revision(connection)
    if found is None:
        raise StoreUnavailable("this database holds no journal yet")
    if found != REVISION:
        _require_known(found)
        raise StoreUnavailable(f"the journal's tables are of version {found}: run `alchemiser db upgrade`")


def bring_forward(connection: Connection) -> bool:
    """Make or migrate the tables inside the caller's transaction; True where anything changed.

    Never goes back.
    """
    found = revision(connection)
    if found == REVISION:
        return False
    if found is not None:
        _require_known(found)
    _migrate(connection)
    return True


def upgrade(url: str, *, bytes_max: int = JOURNAL_BYTES_MAX) -> bool:
    """Bring the database at `url` to this version, all or nothing; True where anything changed.

    Raises StoreUnavailable while another process writes it, and for a database of a newer version.
    """
    database = database_of(url, bytes_max=bytes_max)
    with database.one_clear_line(), closing(database.writer()) as writer, writer.connection.begin():
        return bring_forward(writer.connection)


def _require_known(found: str) -> None:
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory.from_config(_alembic()).walk_revisions()}
    if found not in known:
        raise StoreUnavailable(
            f"the journal was written by a newer version: its tables are {found}, this one knows {REVISION}"
        )


def _migrate(connection: Connection) -> None:
    # Imported here because a start on a current file, every start but one, needs nothing of it.
    from alembic import command

    configuration = _alembic()
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")


def _alembic() -> Config:
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option(
        "script_location", str(Path(__file__).parent / "migrations").replace("%", "%%")
    )
    return configuration
