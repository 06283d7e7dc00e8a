"""One step of the engine as it is being taken: facts apply when they are recorded, effects wait for the driver."""

from __future__ import annotations

from the_alchemiser.domain.effects import Effect, RaiseAlert
from the_alchemiser.domain.facts import AlertRaised, Fact
from the_alchemiser.domain.instants import Nanos
from the_alchemiser.state import EngineState


class StepResult:
    """What one event led to. The driver makes the facts durable before it carries out any effect."""

    __slots__ = ("effects", "facts")

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.effects: list[Effect] = []


NOTHING = StepResult()
"""The result of an event that changed nothing: shared, because most bars and quotes are such events."""


class Step(StepResult):
    """A result under construction, bound to the state it changes and the instant it happens at."""

    __slots__ = ("at", "state")

    def __init__(self, state: EngineState, at: Nanos) -> None:
        super().__init__()
        self.state, self.at = state, at

    def record(self, fact: Fact) -> None:
        """State a fact; the next decision of this step already sees it."""
        self.facts.append(fact)
        self.state.apply(fact)

    def ask(self, effect: Effect) -> None:
        """Want something of the world, once the facts are durable."""
        self.effects.append(effect)

    def alert(self, level: str, text: str) -> None:
        """Tell a person, and remember having done so."""
        self.record(AlertRaised(self.at, level, text))
        self.ask(RaiseAlert(level, text))
