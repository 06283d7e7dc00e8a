"""How far may we act? While a doubt stands, only exits pass; it ends with its cause and a comparison after that."""

from __future__ import annotations

from the_alchemiser.domain.facts import TradingStateChanged
from the_alchemiser.domain.instants import Nanos
from the_alchemiser.domain.intent import TradingState
from the_alchemiser.domain.probes import probe
from the_alchemiser.state import EngineState
from the_alchemiser.step import Step

STREAM, KEYS, START, CRASHES = "stream", "keys", "start", "crashes"
"""The doubts: the order stream is lost, the keys are refused, the record could not be read at the start, the program
keeps falling over."""


class Stance:
    """Moves between ACTIVE and REDUCING. HALTED is a person's word: it is neither entered nor left here."""

    def __init__(self, state: EngineState) -> None:
        self.state = state
        self._doubts: dict[str, Nanos | None] = {}
        """Each doubt, and since when its cause is gone; None while it is there."""

    def doubt(self, step: Step, cause: str, reason: str, until: Nanos | None = None) -> None:
        """From now on nothing is opened. Where `until` is given, the cause is gone by itself then."""
        self._doubts[cause] = until
        if self.state.trading is TradingState.ACTIVE:
            probe("stance.reducing")
            step.record(TradingStateChanged(step.at, TradingState.REDUCING, reason))
            step.alert("critical", f"only exits are traded from now on: {reason}")

    def is_gone(self, step: Step, cause: str) -> bool:
        """A doubt's cause is no longer there. True where the comparison that ends the doubt must be asked for."""
        if self._doubts.get(cause, step.at) is not None:
            return False
        self._doubts[cause] = step.at
        return True

    def dispel(self, cause: str) -> None:
        """What has just happened ends this doubt by itself."""
        self._doubts.pop(cause, None)

    def agreed(self, step: Step, asked_at: Nanos) -> None:
        """Ledger and broker were compared, by a record asked for at `asked_at`, and cash agrees."""
        standing = {cause: at for cause, at in self._doubts.items() if at is None or at > asked_at}
        self._doubts = standing
        if not standing and self.state.trading is TradingState.REDUCING:
            probe("stance.active_again")
            reason = "the causes of doubt are gone, and ledger and broker were compared"
            step.record(TradingStateChanged(step.at, TradingState.ACTIVE, reason))
            step.alert("warning", f"trading is active again: {reason}")
