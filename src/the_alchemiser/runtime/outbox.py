"""What waits to be said to the broker, the urgent first, nothing twice."""

from __future__ import annotations

from collections.abc import Iterable

from the_alchemiser.domain.effects import CancelOrder, Effect, LookUpOrder, ReadBroker, SubmitOrder
from the_alchemiser.domain.money import Side

SAFETY = 0


class Outbox:
    """Effects that nobody has begun to carry out."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, Effect]] = []
        self._count = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, effects: Iterable[Effect]) -> None:
        """Let them wait behind what is more urgent."""
        for effect in effects:
            self._queue(effect)
        self._waiting.sort(key=lambda waiting: waiting[:2])

    @property
    def begins_with_safety(self) -> bool:
        """Whether the next one makes us safer, so that it may not wait behind anything."""
        return bool(self._waiting) and self._waiting[0][0] == SAFETY

    def take(self) -> Effect:
        """The next one to carry out."""
        return self._waiting.pop(0)[2]

    def clear(self) -> None:
        """Carry out none of them."""
        self._waiting.clear()

    def _queue(self, effect: Effect) -> None:
        """Let it wait, once: asking again for what has not been begun adds nothing. So a bad line grows no queue."""
        for index, (urgency, number, waiting) in enumerate(self._waiting):
            if effect == waiting or _renews(effect, waiting):
                self._waiting[index] = (urgency, number, effect)
                return
        self._count += 1
        self._waiting.append((_urgency(effect), self._count, effect))


def _renews(effect: Effect, waiting: Effect) -> bool:
    """Whether it asks for what the other does, and knows better what to look for."""
    if isinstance(effect, ReadBroker) and isinstance(waiting, ReadBroker):
        return effect.purpose == waiting.purpose
    return False


def _urgency(effect: Effect) -> int:
    """Smaller goes first: what makes us safer, then exits, then entries, then looking around."""
    match effect:
        case CancelOrder():
            return SAFETY
        case SubmitOrder():
            return 1 if effect.request.side is Side.SELL else 2
        case LookUpOrder():
            return 1
        case ReadBroker():
            return 3
    return 4
