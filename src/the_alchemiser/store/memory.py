"""The journal that lives as long as its process: for backtests and simulations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from the_alchemiser.domain.facts import Fact

from .chain import START, Tip, entries_after


class MemoryJournal:
    """A Journal in a list. `head` gives the digest a stored journal of the same facts would have."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self._tip = START

    def append(self, facts: Sequence[Fact]) -> None:
        """Keep the facts. Hashing waits until somebody asks: a backtest usually never does."""
        self.facts.extend(facts)

    def read(self) -> Iterator[Fact]:
        """Every fact so far, oldest first."""
        return iter(self.facts)

    def head(self) -> Tip:
        """How many facts there are, and the digest of them all."""
        fresh = entries_after(self._tip, self.facts[self._tip.seq :])
        if fresh:
            self._tip = Tip(fresh[-1].seq, fresh[-1].hash)
        return self._tip

    def close(self) -> None:
        """Nothing to give back."""
