"""Days with splits, dividends, renames and transfers, on the real exchange: the ledger agrees to the cent by itself."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from fakes import Wanting
from language import weights
from msgspec.structs import replace
from world import FIRST, SECOND_DAY, UNIVERSE, World, config

from the_alchemiser.domain.facts import ActivityBooked, AlertRaised, DayClosed, SymbolFrozen, TradeRefused
from the_alchemiser.domain.instants import MINUTE, parse_rfc3339
from the_alchemiser.domain.portfolio import ActivityKind
from the_alchemiser.exchange.market.days import SimulatedDays
from the_alchemiser.exchange.market.script import AnyEntry, Dividend, MarketScript, NameChange, Split
from the_alchemiser.exchange.units import MONEY
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.rules import VenueRules
from the_alchemiser.inquiry import PollPolicy
from the_alchemiser.pipeline.report import performance

EX_DATE = date(2021, 1, 5)
MORNING = parse_rfc3339("2021-01-04T12:00:00Z")


class Scripted(World):
    """A world whose market keeps to a script."""

    def __init__(self, *entries: AnyEntry) -> None:
        setting = replace(config(Wanting(weights("AAPL 40%, KO 20%"))), polls=PollPolicy())
        super().__init__(setting=setting)
        market = SimulatedDays(seed=7, symbols=UNIVERSE)
        market.script = MarketScript(entries)
        self.exchange = Exchange(market, seed=7, start=MORNING, rules=VenueRules(pay_dividends=True))
        self.broker.exchange = self.exchange

    def live_two_days(self) -> None:
        self.start()
        self.run_day(FIRST)
        self.run_day(SECOND_DAY)
        self.check()

    def booked(self) -> list[str]:
        return [fact.activity.name for fact in self.kinds(ActivityBooked)]


@pytest.mark.parametrize(
    ("entry", "names"),
    [
        (Split("AAPL", EX_DATE, 1, 4), {"SPLIT"}),
        (Split("AAPL", EX_DATE, 7, 2), {"SPLIT", "CIL"}),
        (Dividend("KO", EX_DATE, EX_DATE, EX_DATE, 42 * MONEY // 100), {"DIV"}),
    ],
)
def test_what_happens_overnight_is_booked_before_the_day_trades(entry: AnyEntry, names: set[str]) -> None:
    world = Scripted(entry)
    world.live_two_days()
    assert set(world.booked()) == names
    assert world.kinds(SymbolFrozen) == []
    assert world.kinds(TradeRefused) == [], "no false loss, no false doubt"
    assert world.kinds(AlertRaised) == []
    assert performance(world.facts, {}).is_identity_exact


def test_a_renamed_symbol_goes_on_under_its_new_name() -> None:
    world = Scripted(NameChange("KO", "COKE", EX_DATE))
    world.start()
    world.run_day(FIRST)
    world.run_to(parse_rfc3339("2021-01-05T14:00:00Z"))
    assert [fact.activity.kind for fact in world.kinds(ActivityBooked)] == [ActivityKind.RENAME]
    assert set(world.engine.state.ledger.shares()) == set(world.positions())
    assert world.kinds(SymbolFrozen) == []


def test_money_that_comes_and_goes_is_booked_and_no_profit() -> None:
    world = Scripted()
    world.start()
    world.run_day(FIRST)
    for amount in (25_000, -5_000):
        world.exchange.transfer(amount * MONEY)
        world.run_to(world.exchange.now + 60 * MINUTE)
    world.run_day(SECOND_DAY)
    world.check()
    assert world.booked() == ["CSD", "CSW"]
    done = performance(world.facts, {})
    assert (done.paid_in, done.is_identity_exact) == (20_000, True)
    first, second = world.kinds(DayClosed)
    assert done.days[1].profit == second.equity - first.equity - 20_000
    assert done.days[1].profit < Decimal(5_000)


def test_the_daily_loss_limit_does_not_take_a_withdrawal_for_a_loss() -> None:
    world = Scripted()
    world.start()
    world.run_day(FIRST)
    free = int(world.broker.get_account().cash) // 2
    world.exchange.transfer(-free * MONEY)
    world.run_day(SECOND_DAY)
    assert free > world.setting.cycle.limits.daily_loss_max
    assert not [fact for fact in world.kinds(TradeRefused) if fact.code == "daily_loss"]
