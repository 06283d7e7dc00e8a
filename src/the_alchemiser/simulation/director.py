"""Who decides when something goes wrong: the dice of a seed, or a list that says it outright."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterable

import msgspec

from the_alchemiser.simulation import catalogue
from the_alchemiser.simulation.catalogue import Kind, Site
from the_alchemiser.simulation.chance import stream
from the_alchemiser.simulation.schedule import Fault, Schedule

ARMED = 0.6
"""How likely a kind of fault takes part in a seed at all: few at a time find what all together hide."""
STRENGTHS = {"none": 0.0, "default": 1.0, "heavy": 2.5}
RATE_MAX = 0.6
POINT = "point"
"""The site of a process's death between two things it does: no seed draws it, a schedule lists it."""


class Span(msgspec.Struct, frozen=True):
    """When a day's timed faults may come: seconds of the world."""

    first: int
    last: int


class Director:
    """Asked at every site whether a fault strikes there now; remembers everything that did."""

    def __init__(self, schedule: Schedule) -> None:
        self.struck: list[Fault] = []
        self.witness: Callable[[Fault], None] = lambda _: None
        """Told every fault as it strikes."""
        self.reached: Callable[[str], None] = lambda _: None
        """Told every point at which a process may die, by name, while things may go wrong."""
        self._counts: Counter[str] = Counter()
        self._is_calm = False
        self._seed, self._strength = schedule.seed, STRENGTHS[schedule.intensity]
        self._listed: dict[tuple[str, int], Fault] | None = None
        self._told: tuple[Fault, ...] = schedule.faults or ()
        if schedule.faults is not None:
            self._listed = {(fault.site, fault.number): fault for fault in schedule.faults}
        else:
            swarm = stream(self._seed, "swarm")
            self._swarm = {
                site.name: _Armed(site, self._strength, swarm, stream(self._seed, f"site {site.name}"))
                for site in (*catalogue.COUNTED, *catalogue.WIRES, *catalogue.DETOURS)
            }

    def calm(self) -> None:
        """From now on nothing goes wrong."""
        self._is_calm = True

    def strike(self, site: str, unless: Iterable[str] = ()) -> Fault | None:
        """The fault that meets this call, if one does; those `unless` make no sense here."""
        self._counts[site] += 1
        number = self._counts[site]
        listed = self._listed
        fault = self._draw(site, number) if listed is None else listed.get((site, number))
        if fault is None or self._is_calm or fault.kind in unless:
            return None
        return self.record(fault)

    def reach(self, point: str) -> Fault | None:
        """The death that meets a process at this point, if the schedule lists one."""
        if self._listed is None or self._is_calm:
            return None
        self.reached(point)
        return self.strike(POINT)

    def _draw(self, site: str, number: int) -> Fault | None:
        armed = self._swarm.get(site)
        return None if armed is None else armed.draw(number)

    def record(self, fault: Fault) -> Fault:
        """It happened."""
        self.struck.append(fault)
        self.witness(fault)
        return fault

    def plan(self, spans: Iterable[Span]) -> list[Fault]:
        """The faults of timed sites, for each day's span. They are recorded when they come about."""
        if self._listed is not None:
            timed = {site.name for site in catalogue.TIMED}
            return [fault for fault in self._told if fault.site in timed]
        chance = stream(self._seed, "timed")
        return sorted(fault for span in spans for fault in self._plan_day(span, chance))

    def _plan_day(self, span: Span, chance: random.Random) -> Iterable[Fault]:
        for site in catalogue.TIMED:
            kinds = _armed(site, chance)
            for _ in range(_how_many(site.rate * self._strength, chance)):
                kind = chance.choices(kinds, [one.weight for one in kinds])[0]
                about = chance.choice(catalogue.CLOGGABLE) if site.name == "clog" else ""
                second = chance.randint(span.first, span.last)
                yield Fault(site.name, second, kind.name, _amount(kind, chance), about)

    def totals(self) -> dict[tuple[str, str], int]:
        """How often each kind struck at each site."""
        return dict(sorted(Counter((fault.site, fault.kind) for fault in self.struck).items()))


class _Armed:
    """One site in one seed: the kinds that take part, and how likely each is."""

    def __init__(self, site: Site, strength: float, swarm: random.Random, chance: random.Random) -> None:
        self._site, self._chance = site.name, chance
        self._kinds = _armed(site, swarm)
        self._weights = [kind.weight for kind in self._kinds]
        self._rate = min(RATE_MAX, site.rate * strength * math.exp(swarm.uniform(-0.8, 1.0)))

    def draw(self, number: int) -> Fault | None:
        """What meets call `number`."""
        # Drawn whether or not it strikes: the next call's luck does not depend on this one's.
        luck, chosen, much = self._chance.random(), self._chance.random(), self._chance.random()
        if luck >= self._rate:
            return None
        kind = self._kinds[_place(self._weights, chosen)]
        low, high = kind.amount
        return Fault(self._site, number, kind.name, round(low + (high - low) * much**2, 3))


def _armed(site: Site, chance: random.Random) -> list[Kind]:
    """A random part of the kinds, at least one."""
    chosen = [kind for kind in site.kinds if chance.random() < ARMED]
    spare = chance.choice(site.kinds)
    return chosen or [spare]


def _place(weights: list[float], chosen: float) -> int:
    left = chosen * sum(weights)
    for place, weight in enumerate(weights):
        left -= weight
        if left < 0:
            return place
    return len(weights) - 1


def _how_many(mean: float, chance: random.Random) -> int:
    return round(chance.uniform(0.4 * mean, 1.6 * mean))


def _amount(kind: Kind, chance: random.Random) -> float:
    low, high = kind.amount
    return round(low + (high - low) * chance.random() ** 2, 3)
