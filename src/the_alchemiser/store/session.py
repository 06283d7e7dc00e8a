"""The one session that writes: opened again where it broke, one transaction at a time, whichever thread asks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection

from the_alchemiser.domain.errors import ConnectionLost, LeaseHeld, StoreUnavailable
from the_alchemiser.domain.probes import probe

from .databases import Database, Writer


class WritingSession:
    """The right to write a database, and the connection that has it.

    `may_seize` is asked where another session has that right: True where its engine cannot be alive under the lease.
    """

    def __init__(self, database: Database, may_seize: Callable[[], bool]) -> None:
        self.database = database
        self.mutex = threading.RLock()
        self._may_seize = may_seize
        self._writer: Writer | None = None
        self._is_closed = False

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction; whatever fails, nothing of it stays, unless the connection broke while it was committed."""
        with self.mutex:
            try:
                with self.database.one_clear_line():
                    connection = self._connected()
                    with connection.begin():
                        yield connection
            except ConnectionLost:
                self._drop()
                raise

    def close(self) -> None:
        """Let another session write. Nothing is opened again."""
        with self.mutex, self.database.one_clear_line():
            self._is_closed = True
            self._drop()

    def _connected(self) -> Connection:
        if self._is_closed:
            raise StoreUnavailable(f"the journal {self.database.name} is closed")
        if self._writer is None:
            self._writer = self._opened()
        else:
            self.database.require_same()
        return self._writer.connection

    def _opened(self) -> Writer:
        try:
            return self.database.writer()
        except LeaseHeld:
            if not self._may_seize() or not self.database.end_other_writer():
                raise
            probe("session.writer_ended")
            return self.database.writer()

    def _drop(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            with suppress(ConnectionLost):
                writer.close()
