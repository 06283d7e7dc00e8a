"""From a life in which something broke to the shortest one in which the same invariant breaks.

Delta debugging over the list of faults, then fewer days and symbols, then the ordinary circumstances one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from the_alchemiser.simulation.life import Life
from the_alchemiser.simulation.schedule import Fault, Schedule
from the_alchemiser.simulation.worlds import world_of

RUNS_MAX = 2_000
"""After so many worlds the shortest one found so far is good enough."""

ORDINARY: dict[str, object] = {
    "cash": "100000",
    "holdings": {},
    "multiplier": 1,
    "minutes_before_close": 30,
    "walk_steps": 0,
    "step_seconds": 300,
    "market_seconds_before_close": 300,
    "partial_fills": "off",
    "cancel_delay_seconds": 0.0,
    "expired_as": "expired",
    "latest_first": False,
    "calm_minutes_after_cycle": 480,
}
"""The circumstances a reader need not think about."""

Progress = Callable[[int, Schedule], None]


class Shrinker:
    """Looks for the shortest schedule that still breaks `violated`; `progress` is told of each world lived."""

    def __init__(self, schedule: Schedule, violated: str, progress: Progress = lambda _, __: None) -> None:
        assert schedule.faults is not None
        self.best = msgspec.structs.replace(schedule, violated=violated)
        self.runs = 0
        self._violated, self._progress = violated, progress

    def shrink(self) -> Schedule:
        """The shortest one found. Sound at any moment: each step was tried before it was taken."""
        self._drop_faults()
        self._drop_days()
        self._drop_symbols()
        self._ordinary_life()
        self._drop_faults()
        self._round_amounts()
        return self.best

    def _breaks(self, candidate: Schedule) -> bool:
        """Take the candidate as the best so far where the same invariant breaks in it."""
        if self.runs >= RUNS_MAX:
            return False
        self.runs += 1
        outcome = world_of(candidate).run()
        is_same = any(violation.invariant == self._violated for violation in outcome.violations)
        if is_same:
            # What was listed but did not come about is no part of it.
            self.best = msgspec.structs.replace(candidate, faults=outcome.struck)
        self._progress(self.runs, self.best)
        return is_same

    def _with(self, **changes: object) -> bool:
        return self._breaks(msgspec.structs.replace(self.best, **changes))

    def _drop_faults(self) -> None:
        """Halves, then quarters, down to single faults: whatever can go, goes."""
        size = max(1, len(self._faults) // 2)
        while True:
            start, has_shrunk = 0, False
            while start < len(self._faults):
                if self._with(faults=(*self._faults[:start], *self._faults[start + size :])):
                    has_shrunk = True
                else:
                    start += size
            if size > 1:
                size = max(1, size // 2)
            elif not has_shrunk:
                return

    @property
    def _faults(self) -> tuple[Fault, ...]:
        return self.best.faults or ()

    def _drop_days(self) -> None:
        for days in _smaller(self.best.days):
            if self._with(days=days):
                return

    def _drop_symbols(self) -> None:
        symbols = Life.of(self.best).symbols
        for symbol in symbols:
            life = Life.of(self.best)
            fewer = tuple(one for one in life.symbols if one != symbol)
            held = {one: percent for one, percent in life.holdings.items() if one != symbol}
            if fewer:
                self._with(life={**self.best.life, "symbols": fewer, "holdings": held})

    def _ordinary_life(self) -> None:
        for name, value in ORDINARY.items():
            if getattr(Life.of(self.best), name) != value:
                self._with(life={**self.best.life, name: value})

    def _round_amounts(self) -> None:
        for place, fault in enumerate(self._faults):
            if fault.amount != round(fault.amount):
                rounder = msgspec.structs.replace(fault, amount=float(round(fault.amount)))
                self._with(faults=(*self._faults[:place], rounder, *self._faults[place + 1 :]))


def shrink(schedule: Schedule, progress: Progress = lambda _, __: None) -> Schedule:
    """The shortest schedule that breaks the same invariant. ValueError where this one breaks none."""
    outcome = world_of(schedule).run()
    broken = [violation.invariant for violation in outcome.violations]
    if not broken:
        raise ValueError("nothing is violated in this schedule")
    violated = schedule.violated if schedule.violated in broken else broken[0]
    return Shrinker(outcome.replayable(), violated, progress).shrink()


def _smaller(days: int) -> Iterator[int]:
    """Fewer days to try, the fewest first."""
    fewer = 1
    while fewer < days:
        yield fewer
        fewer *= 2
