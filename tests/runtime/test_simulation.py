"""Whatever the weather: no order twice, no share lost, books that agree once it is calm."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from the_alchemiser.bootstrap import engine_config
from the_alchemiser.domain.facts import Fact, FillBooked, OrderIntended, Reconciled, TradeApproved
from the_alchemiser.domain.instants import parse_rfc3339
from the_alchemiser.domain.money import ZERO
from the_alchemiser.exchange.market.days import SimulatedDays
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.runtime.simulation import CALM, Simulation, Weather
from the_alchemiser.settings import load_settings
from the_alchemiser.store.memory import MemoryJournal

START = parse_rfc3339("2021-01-04T14:30:00Z")
UNIVERSE = ("AAPL", "GE", "KO", "MSFT", "PG", "XOM")
STORM_DAYS, CALM_DAYS = 2, 1
SEEDS = range(12)


@cache
def market() -> SimulatedDays:
    return SimulatedDays(seed=7)


def live(seed: int, weather: Weather) -> tuple[Simulation, list[Fact]]:
    settings = load_settings(environ={}, overrides={"STRATEGIES__UNIVERSE": ",".join(UNIVERSE)})
    journal = MemoryJournal()
    exchange = Exchange(market(), seed=seed, start=START)
    simulation = Simulation(engine_config(settings), exchange, journal, seed, weather)
    simulation.run_days(STORM_DAYS)
    simulation.calm()
    simulation.run_days(STORM_DAYS + CALM_DAYS)
    return simulation, list(journal.read())


@pytest.mark.parametrize("seed", SEEDS)
def test_storms_and_kills_leave_no_order_doubled_and_no_share_unaccounted(seed: int) -> None:
    simulation, facts = live(seed, Weather())

    assert simulation.faults > 0
    intended = Counter(fact.request.client_order_id for fact in facts if isinstance(fact, OrderIntended))
    at_exchange = Counter(fill.client_order_id for fill in simulation.exchange.fills())
    assert set(at_exchange) <= set(intended)
    assert max(intended.values()) == 1
    assert _filled(facts).keys() <= _approved(facts).keys()
    assert all(filled <= _approved(facts)[trade] for trade, filled in _filled(facts).items())
    last = [fact for fact in facts if isinstance(fact, Reconciled)][-1]
    assert last.differences == ()
    held = {state.symbol: state.qty_e9 for state in simulation.exchange.positions()}
    assert {
        symbol: int(shares * 10**9) for symbol, shares in simulation.engine.state.ledger.shares().items()
    } == held


def test_in_calm_weather_nothing_is_alerted_and_nothing_lost() -> None:
    simulation, facts = live(0, CALM)

    assert simulation.faults == 0
    assert not [fact for fact in facts if type(fact).__name__ in ("AlertRaised", "OrderLost", "CycleRefused")]


def test_the_same_seed_lives_the_same_life() -> None:
    first, again = (live(3, Weather())[1] for _ in range(2))

    assert first == again


def _approved(facts: list[Fact]) -> dict[tuple[str, str], object]:
    return {
        (fact.cycle_id, fact.trade.symbol): fact.trade.shares
        for fact in facts
        if isinstance(fact, TradeApproved)
    }


def _filled(facts: list[Fact]) -> dict[tuple[str, str], object]:
    totals: dict[tuple[str, str], object] = {}
    for fact in facts:
        if isinstance(fact, FillBooked):
            key = (fact.cycle_id, fact.fill.symbol)
            totals[key] = totals.get(key, ZERO) + fact.fill.shares  # type: ignore[operator]
    return totals
