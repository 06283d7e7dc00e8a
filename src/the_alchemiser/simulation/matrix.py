"""Death at every point: before and after all that becomes durable and all that crosses the network, one at a time.

A scenario is a world in which nothing goes wrong but what makes the scenario. It is lived once undisturbed, and every
point at which a process could die is counted; then once more for every point and every way to die there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from the_alchemiser.domain.instants import SECOND, Nanos
from the_alchemiser.simulation.director import POINT
from the_alchemiser.simulation.life import DAWN_MINUTES
from the_alchemiser.simulation.schedule import Fault, Schedule
from the_alchemiser.simulation.sweep import Lived, sweep
from the_alchemiser.simulation.world import World

DEATHS = (("kill", 1.0), ("power_cut", 90.0))
"""How a process dies, and after how many seconds it is started again."""
DURABLE = ("append", "lease", "journal")
"""Points whose names begin so are around what is durable; the others are around what crosses the network."""
DOUBLED = frozenset({"I-ONE", "I-CLOSE"})
"""Invariants that say more was traded than was decided."""

FIRST_DAY = "2020-03-02"
CYCLE_MINUTES_BEFORE_CLOSE = 30
SESSION_MINUTES = 390
CYCLE_SECOND = (DAWN_MINUTES + SESSION_MINUTES - CYCLE_MINUTES_BEFORE_CLOSE) * 60
"""When the first day's cycle begins, in seconds of the world."""
CLOSE_SECOND = (DAWN_MINUTES + SESSION_MINUTES) * 60
NEXT_DAY_SECONDS = 24 * 3600

_CALM: dict[str, object] = {
    "first_day": FIRST_DAY,
    "symbols": ("AAPL", "KO", "XOM"),
    "holdings": {"KO": 30},
    "cash": "100000",
    "multiplier": 1,
    "minutes_before_close": CYCLE_MINUTES_BEFORE_CLOSE,
    "walk_steps": 0,
    "step_seconds": 20,
    "market_seconds_before_close": 300,
    "partial_fills": "off",
    "cancel_delay_seconds": 0.0,
    "expired_as": "expired",
    "latest_first": False,
    "calm_minutes_after_cycle": 480,
}

Seconds = tuple[int, int]
"""From and until, in seconds of the world."""


class Scenario(msgspec.Struct, frozen=True):
    """`needs` are points that are in its world, or it is not the scenario it is called."""

    name: str
    does: str
    needs: tuple[str, ...]
    spans: tuple[Seconds, ...]
    """When the points are that belong to it."""
    life: dict[str, object] = {}
    faults: tuple[Fault, ...] = ()
    """What makes it happen: the owner's hand, or the death before the start."""
    seed: int = 3
    days: int = 1

    def schedule(self, *deaths: Fault) -> Schedule:
        """Its world, with these deaths in it."""
        return Schedule(
            self.seed, self.days, life=_CALM | self.life, faults=tuple(sorted((*self.faults, *deaths)))
        )


_AT_THE_CYCLE = ((CYCLE_SECOND - 2, CYCLE_SECOND + 45),)
_WALKS: dict[str, object] = {"walk_steps": 4, "cancel_delay_seconds": 5.0}
_ORDER = tuple(f"submit: {where}" for where in ("before", "left", "arrived", "answered"))
_CANCEL = tuple(f"cancel: {where}" for where in ("before", "left", "arrived", "answered"))

SCENARIOS = (
    Scenario("submit", "a day's orders are decided, written down and sent", _ORDER, _AT_THE_CYCLE),
    Scenario(
        "fill",
        "orders are filled in parts",
        (*_ORDER, "message: before"),
        _AT_THE_CYCLE,
        {"partial_fills": "displayed"},
    ),
    Scenario(
        "cancel",
        "prices are walked: what rests is canceled, which takes five seconds, and its rest sent again",
        (*_ORDER, *_CANCEL, "message: before"),
        ((CYCLE_SECOND - 2, CYCLE_SECOND + 110),),
        _WALKS | {"partial_fills": "random"},
    ),
    Scenario(
        "replace",
        "the owner replaces resting orders at the broker, by price and by size",
        (*_ORDER, "message: before"),
        ((CYCLE_SECOND - 2, CYCLE_SECOND + 110),),
        _WALKS,
        (
            Fault("venue", CYCLE_SECOND + 5, "manual_replace", about="price"),
            Fault("venue", CYCLE_SECOND + 11, "manual_replace", about="shares"),
        ),
    ),
    Scenario(
        "bracket",
        "the owner buys by a bracket order while our own orders are under way",
        (*_ORDER, "message: before"),
        ((CYCLE_SECOND - 2, CYCLE_SECOND + 110),),
        _WALKS,
        (Fault("venue", CYCLE_SECOND + 3, "manual_bracket"),),
    ),
    Scenario(
        "day roll",
        "a day is closed and the next one begun",
        ("activities: arrived", "sessions: arrived"),
        (
            (CLOSE_SECOND - 30, CLOSE_SECOND + 420),
            (CYCLE_SECOND + NEXT_DAY_SECONDS - 2, CYCLE_SECOND + NEXT_DAY_SECONDS + 20),
        ),
        days=2,
    ),
    Scenario(
        "start",
        "a process starts in the morning, and again among its predecessor's orders",
        ("lease: before", "journal: read", "open_orders: arrived", "orders_since: arrived"),
        ((0, 60), (CYCLE_SECOND + 3, CYCLE_SECOND + 45)),
        _WALKS,
        (Fault("process", CYCLE_SECOND + 3, "kill", 2.0),),
    ),
)


class Point(msgspec.Struct, frozen=True):
    """The `number`-th point of a scenario's world."""

    number: int
    name: str

    @property
    def is_durable(self) -> bool:
        """Whether it is around something durable; else around something on the network."""
        return self.name.startswith(DURABLE)


class Undisturbed(msgspec.Struct, frozen=True):
    """A scenario's world without a death."""

    lived: Lived
    points: tuple[Point, ...]
    """All that belong to the scenario."""


class Death(msgspec.Struct, frozen=True):
    """One cell of the matrix: where a process died and how, and what came of it."""

    scenario: str
    point: Point
    kind: str
    lived: Lived
    is_same: bool
    """Whether the account holds in the end what it holds when nobody dies."""

    @property
    def is_doubled(self) -> bool:
        """Whether more was traded than was decided."""
        return any(violation.invariant in DOUBLED for violation in self.lived.violations)

    @property
    def is_lost(self) -> bool:
        """Whether anything else is not as it must be: an order, a fill, a share, a cent or a day."""
        return bool(self.lived.violations) and not self.is_doubled


class Row(msgspec.Struct, frozen=True):
    """What a scenario came to."""

    scenario: str
    durable_points: int
    network_points: int
    runs: int
    lost: int
    doubled: int
    same_positions: int
    by_point: dict[str, int]
    """How often each point was there."""

    @classmethod
    def of(cls, scenario: Scenario, calm: Undisturbed, deaths: Sequence[Death]) -> Row:
        """Added up."""
        points = calm.points
        durable = sum(point.is_durable for point in points)
        return cls(
            scenario.name,
            durable,
            len(points) - durable,
            len(deaths),
            sum(death.is_lost for death in deaths),
            sum(death.is_doubled for death in deaths),
            sum(death.is_same for death in deaths),
            dict(sorted(Counter(point.name for point in points).items())),
        )


def undisturbed(scenario: Scenario) -> Undisturbed:
    """Live it once, and count the points. Raises ValueError where it is not the scenario it is called."""
    world = World(scenario.schedule())
    began, found = world.time.now, list[tuple[Nanos, str]]()
    world.director.reached = lambda name: found.append((world.time.now - began, name))
    lived = Lived.of(world.run())
    missing = {*scenario.needs} - {name for _, name in found}
    wanted = Counter(fault.kind for fault in scenario.faults)
    struck = Counter(kind for (_, kind), count in lived.faults.items() for _ in range(count))
    if missing or struck != wanted or lived.violations:
        told = f"{sorted(missing)} are not reached, {dict(struck)} befell it, {lived.violations[:1]}"
        raise ValueError(f"{scenario.name}: {told}")
    points = (Point(number, name) for number, (at, name) in enumerate(found, 1) if _is_in(at, scenario.spans))
    return Undisturbed(lived, tuple(points))


def deaths(scenario: Scenario, calm: Undisturbed, points: Sequence[Point], workers: int) -> Iterator[Death]:
    """Die at each of these points, in each way, in a world of its own."""
    cells = [(point, kind, seconds) for point in points for kind, seconds in DEATHS]
    schedules = [
        scenario.schedule(Fault(POINT, point.number, kind, seconds, point.name))
        for point, kind, seconds in cells
    ]
    for (point, kind, _), lived in zip(cells, sweep(schedules, workers), strict=True):
        yield Death(scenario.name, point, kind, lived, lived.held == calm.lived.held)


def _is_in(at: Nanos, spans: Iterable[Seconds]) -> bool:
    return any(first * SECOND <= at <= last * SECOND for first, last in spans)
