"""Time-outs, retries and reconnections of the real adapter, in the exchange's time."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from the_alchemiser.bootstrap import Connection, tell_time
from the_alchemiser.domain.errors import BrokerBusy, BrokerUnavailable, OutcomeUnknown
from the_alchemiser.domain.instants import SECOND
from the_alchemiser.domain.money import Side
from the_alchemiser.domain.orders import OrderRequest
from the_alchemiser.simulation.chance import stream
from the_alchemiser.simulation.director import Director
from the_alchemiser.simulation.life import Life, dawn
from the_alchemiser.simulation.schedule import Fault, Schedule
from the_alchemiser.simulation.shell.guard import nothing_real
from the_alchemiser.simulation.shell.network import Network
from the_alchemiser.simulation.shell.platform import platform_of
from the_alchemiser.simulation.shell.venue import (
    ENDPOINTS,
    KEY,
    SECRET,
    FloorTime,
    Venue,
    only_desk,
    open_floor,
)
from the_alchemiser.simulation.threads import Crew

ORDER = OrderRequest("one", "KO", Side.BUY, Decimal(1))
OPENED, READ_CLOCK = 1, 1


class Scene:
    """One thread of a process that talks with the exchange through the adapter."""

    def __init__(self, *faults: Fault) -> None:
        schedule = Schedule(
            1, faults=faults, life={"symbols": ["KO", "PEP"], "cash": "100000", "holdings": {}}
        )
        life = Life.of(schedule)
        sessions = life.sessions(1)
        self.floor = open_floor(life, 1, sessions, dawn(sessions))
        self.time = FloorTime(self.floor)
        self.network = Network(self.time, Director(schedule), stream(1, "latency"))
        self.venue = Venue(self.floor, self.network)
        self.venue.open()

    def do(self, work: Callable[[Any], Any]) -> tuple[Any, float]:
        """What came of it, or what was raised, and how many virtual seconds it took."""
        crew = Crew(self.time, _raise)
        platform = platform_of(self.time, crew, self.network.host("main"), stream(1, "platform"))
        told: list[tuple[Any, float]] = []

        def live() -> None:
            broker, _ = tell_time(Connection(KEY, SECRET, ENDPOINTS), None, platform)
            began = self.time.now
            try:
                result = work(broker)
            except Exception as error:  # noqa: BLE001 - it is what came of it
                result = error
            told.append((result, (self.time.now - began) / SECOND))

        with nothing_real():
            crew.spawn(live)
            self.time.run(self.time.now + 600 * SECOND)
        self.venue.close()
        return told[0]

    @property
    def orders(self) -> list[str]:
        return [order.client_order_id for order in only_desk(self.floor).exchange.orders()]


def _raise(error: Exception) -> None:
    raise error


def test_an_order_is_sent_and_answered_within_two_ways() -> None:
    scene = Scene()
    report, seconds = scene.do(lambda broker: broker.place_order(ORDER))
    assert report.client_order_id == "one"
    assert seconds < 0.02
    assert scene.orders == ["one"]


def test_an_order_whose_answer_is_lost_is_unknown_after_five_seconds_and_exists_once() -> None:
    scene = Scene(Fault("net:answer", 2, "lost"))
    error, seconds = scene.do(lambda broker: broker.place_order(ORDER))
    assert isinstance(error, OutcomeUnknown)
    assert seconds == pytest.approx(5, abs=0.01)
    assert scene.orders == ["one"]


def test_an_order_whose_request_is_cut_in_the_middle_is_unknown_and_does_not_exist() -> None:
    scene = Scene(Fault("net:request", 2, "cut", 0.5))
    error, _ = scene.do(lambda broker: broker.place_order(ORDER))
    assert isinstance(error, OutcomeUnknown)
    assert scene.orders == []


def test_an_order_that_arrives_a_minute_late_was_unknown_long_before() -> None:
    scene = Scene(Fault("net:request", 2, "late", 60))
    error, seconds = scene.do(lambda broker: broker.place_order(ORDER))
    assert isinstance(error, OutcomeUnknown)
    assert seconds == pytest.approx(5, abs=0.01)
    assert scene.orders == ["one"]


def test_an_order_for_which_no_connection_opens_was_not_sent() -> None:
    def cut_first(broker: Any) -> Any:
        with pytest.raises(BrokerUnavailable):
            broker.cancel_order("00000000-0000-0000-0000-000000000000")
        return broker.place_order(ORDER)

    scene = Scene(Fault("net:answer", 2, "reset"), Fault("net:connect", 2, "hang"))
    error, seconds = scene.do(cut_first)
    assert isinstance(error, BrokerBusy)
    assert seconds == pytest.approx(2, abs=0.05)
    assert scene.orders == []


def test_a_read_that_drips_ends_by_its_deadline_and_the_next_try_succeeds() -> None:
    scene = Scene(Fault("net:answer", 2, "drip"))
    positions, seconds = scene.do(lambda broker: broker.get_positions())
    assert list(positions) == []
    assert 5 < seconds < 7


def test_a_budget_that_is_used_up_waits_for_the_next_minute_and_not_a_real_one() -> None:
    def ask_often(broker: Any) -> int:
        for _ in range(200):
            broker.get_positions()
        return 200

    count, seconds = Scene().do(ask_often)
    assert count == 200
    assert 55 < seconds < 65
