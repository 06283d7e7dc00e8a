"""Whenever a process dies, around whatever it writes or sends: no order is lost, none doubled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from msgspec.structs import replace

from the_alchemiser import arrival
from the_alchemiser.domain.effects import SubmitOrder
from the_alchemiser.domain.events import Event
from the_alchemiser.domain.orders import OrderRequest
from the_alchemiser.simulation.machine import CoreMachine
from the_alchemiser.simulation.matrix import DEATHS, SCENARIOS, Death, Point, deaths, undisturbed

EVERY = 40
"""The test takes each so many-th point, besides the first of those that matter most; `--matrix` takes all."""
ALWAYS = ("submit", "cancel", "append", "lease", "journal")
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


@pytest.mark.slow
@pytest.mark.parametrize("name", BY_NAME)
def test_a_death_at_any_point_loses_no_order_and_doubles_none(name: str) -> None:
    calm = undisturbed(BY_NAME[name])
    points = list(_some(calm.points))

    died = list(deaths(BY_NAME[name], calm, points, workers=1))

    assert [_told(death) for death in died if death.lived.violations] == []
    assert all(("point", death.kind) in death.lived.faults for death in died)
    assert len(died) == len(points) * len(DEATHS)


@pytest.mark.slow
def test_every_scenario_is_what_it_is_called_and_counts_points_of_both_kinds() -> None:
    for scenario in SCENARIOS:
        points = undisturbed(scenario).points
        assert {point.is_durable for point in points} == {True, False}


def test_an_order_sent_before_it_is_written_down_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def sends_first(machine: CoreMachine, events: Sequence[Event]) -> None:
        facts, effects = machine._turn.decide(events)
        machine._outbox.add(machine._turn.let_out(facts, effects))
        machine._begin_conversations()
        machine._crew.sleep(0.1)
        machine._commit(facts)

    monkeypatch.setattr(CoreMachine, "_take_turn", sends_first)

    with pytest.raises(ValueError, match="I-JRN"):
        undisturbed(BY_NAME["submit"])


def test_an_order_sent_again_under_another_name_after_a_death_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def renamed(request: OrderRequest, not_after: int = 0) -> SubmitOrder:
        return SubmitOrder(replace(request, client_order_id=f"{request.client_order_id}r"), not_after)

    monkeypatch.setattr(arrival, "SubmitOrder", renamed)
    calm = undisturbed(BY_NAME["submit"])
    unsent = [point for point in calm.points if point.name == "submit: before"][:1]

    died = list(deaths(BY_NAME["submit"], calm, unsent, workers=1))

    assert [death.is_doubled or death.is_lost for death in died] == [True, True]


def _some(points: Sequence[Point]) -> Iterator[Point]:
    seen: set[str] = set()
    for place, point in enumerate(points):
        is_first = point.name not in seen and point.name.startswith(ALWAYS)
        seen.add(point.name)
        if is_first or place % EVERY == 0:
            yield point


def _told(death: Death) -> str:
    return f"{death.scenario}: {death.kind} at {death.point}: {death.lived.violations[0]}"
