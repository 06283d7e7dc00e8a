"""What a driver does while the journal cannot be written: it sends nothing, tries again for a while, then ends.

A turn's facts are durable before anything of it leaves, so a store that fails stops every order by itself. Most such
failures pass (another program's lock, a disk that is being tidied, a database that restarts); for these a process need
not end and start again. One that lasts ends the process: the next start recovers, as it does after a kill.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from the_alchemiser.domain.errors import JournalCorrupt, StoreUnavailable
from the_alchemiser.domain.facts import Fact
from the_alchemiser.domain.probes import probe
from the_alchemiser.runtime.turn import Turn

PATIENCE_SECONDS = 60.0
"""How long a journal that cannot be written is tried: twice the longest lock we were told to expect."""
TRY_AGAIN_SECONDS = 0.5

log = logging.getLogger(__name__)


class PatientCommit:
    """Commits turn after turn. `is_stopping` is asked before each further try: a stop waits for no disk."""

    def __init__(
        self, turn: Turn, is_stopping: Callable[[], bool], *, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._turn, self._is_stopping, self._patience_seconds = turn, is_stopping, patience_seconds

    async def commit(self, facts: Sequence[Fact]) -> str:
        """Make the facts durable; what stood in the way for how long, empty where nothing did.

        Raises StoreUnavailable once patience is at its end, JournalCorrupt and InvariantBroken at once: this engine
        must not go on then, for its memory is ahead of its journal.
        """
        clock = asyncio.get_running_loop()
        began, cause = clock.time(), ""
        while True:
            try:
                await asyncio.to_thread(self._turn.commit, facts)
            except JournalCorrupt:
                raise
            except StoreUnavailable as trouble:
                probe("patience.store_unavailable")
                if self._is_stopping() or clock.time() - began >= self._patience_seconds:
                    raise
                cause = cause or self._told(str(trouble))
            else:
                return f"{cause}; nothing was sent for {clock.time() - began:.0f} s" if cause else ""
            await asyncio.sleep(TRY_AGAIN_SECONDS)

    def _told(self, cause: str) -> str:
        log.critical("nothing is sent until it can be, at most %.0f s: %s", self._patience_seconds, cause)
        return cause
