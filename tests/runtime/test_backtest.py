"""Research in virtual time: the same engine, exact books every day, and a bar's decision never sees its own future."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from decimal import Decimal

import pytest
from fakes import KeptJournal
from world import FIRST, LIMITS, MARKET, MORNING, SECOND_DAY, World, config

from the_alchemiser.cycle import CycleConfig
from the_alchemiser.domain.errors import MarketDataMissing
from the_alchemiser.domain.facts import (
    DayClosed,
    FillBooked,
    OrderIntended,
    Reconciled,
    SignalFormed,
    TradeRefused,
)
from the_alchemiser.domain.instants import MINUTE
from the_alchemiser.domain.market import Bar
from the_alchemiser.domain.money import ONE, ZERO, Side
from the_alchemiser.engine import Engine, EngineConfig
from the_alchemiser.exchange.market.prices import PushedMarket
from the_alchemiser.exchange.market.sessions import xnys_sessions
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.pipeline.rebalance import RebalancePolicy
from the_alchemiser.pipeline.risk import RiskLimits
from the_alchemiser.runtime.backtest import Backtest
from the_alchemiser.strategies import MovingAverageCross

D = Decimal
CASH = 1_000_000


def backtest(setting: EngineConfig | None = None) -> tuple[Backtest, KeptJournal]:
    journal = KeptJournal()
    return Backtest(Engine(setting or config()), Exchange(MARKET, seed=7, start=MORNING), journal), journal


def closes(journal: KeptJournal) -> list[DayClosed]:
    return [fact for fact in journal.facts if isinstance(fact, DayClosed)]


# Days


@pytest.fixture(scope="module")
def month() -> KeptJournal:
    test, journal = backtest()
    test.run_days(20)
    return journal


def test_it_trades_exactly_the_days_asked_for(month: KeptJournal) -> None:
    days = [fact.session for fact in closes(month)]
    assert (len(days), days[0], days[-1]) == (20, "2021-01-04", "2021-02-01")
    assert "2021-01-18" not in days, "a holiday"


def test_every_days_equity_is_the_start_and_all_profit_to_the_last_digit(month: KeptJournal) -> None:
    for day in closes(month):
        assert day.equity - 100_000 == day.realised + day.unrealised


def test_every_days_books_are_those_of_another_count_over_the_fills(month: KeptJournal) -> None:
    cash, held = D(100_000), {}
    for fact in month.facts:
        if isinstance(fact, FillBooked):
            fill = fact.fill
            cash -= fill.side.sign * fill.shares * fill.price
            held[fill.symbol] = held.get(fill.symbol, ZERO) + fill.side.sign * fill.shares
        if isinstance(fact, DayClosed):
            assert fact.cash == cash
            assert cash >= 0
            marked = sum(shares * fact.marks[symbol] for symbol, shares in held.items() if shares)
            assert fact.equity == cash + marked


def test_every_reading_of_the_brokers_record_agreed(month: KeptJournal) -> None:
    compared = [fact for fact in month.facts if isinstance(fact, Reconciled)]
    assert len(compared) > 40
    assert all(fact.differences == () for fact in compared)


def test_progress_is_told_day_by_day() -> None:
    test, _ = backtest()
    told: list[int] = []
    test.run_days(3, told.append)
    assert told == [1, 2, 3]


def test_where_the_market_ends_the_backtest_says_so() -> None:
    last = MARKET.sessions.all[-1]
    journal = KeptJournal()
    exchange = Exchange(MARKET, seed=7, start=last.open - 60 * MINUTE)
    with pytest.raises(MarketDataMissing, match="the market data end before the days asked for"):
        Backtest(Engine(config()), exchange, journal).run_days(2)


def test_a_backtest_and_a_world_driven_step_by_step_write_the_same_facts() -> None:
    test, journal = backtest()
    test.run_days(2)
    world = World()
    world.start()
    world.run_day(FIRST)
    world.run_day(SECOND_DAY)
    assert journal.facts == world.facts


RUN = """
from the_alchemiser.cycle import CycleConfig
from the_alchemiser.domain.instants import parse_rfc3339
from the_alchemiser.domain.money import decimal
from the_alchemiser.engine import Engine, EngineConfig
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.market.days import SimulatedDays
from the_alchemiser.runtime.backtest import Backtest
from the_alchemiser.store.memory import MemoryJournal
from the_alchemiser.strategies import InverseVolatility, Momentum
symbols = ("AAPL", "BAC", "JPM", "KO", "MSFT", "XOM")
half = decimal("0.5")
cycle = CycleConfig(symbols, (Momentum(top=3), InverseVolatility()), {"momentum": half, "inverse_volatility": half})
exchange = Exchange(SimulatedDays(seed=7, symbols=symbols), seed=7, start=parse_rfc3339("2021-01-04T12:00:00Z"))
journal = MemoryJournal()
Backtest(Engine(EngineConfig(cycle)), exchange, journal).run_days(5)
print(len(journal.facts), journal.head().hash)
"""


def test_two_processes_in_other_time_zones_and_with_other_hash_seeds_write_the_same_journal() -> None:
    def digest(zone: str, seed: str) -> str:
        environ = {**os.environ, "TZ": zone, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", RUN], env=environ, capture_output=True, text=True, timeout=120, check=True
        )
        return done.stdout

    first, second = digest("Pacific/Kiritimati", "1"), digest("America/New_York", "4242")
    assert first == second
    assert int(first.split()[0]) > 100


# Bars


SESSION = next(one for one in xnys_sessions().all if one.date.isoformat() == FIRST)


def bars_of(prices: list[int], opens: list[int] | None = None) -> list[Bar]:
    """Minute bars with these closes, in cents; each opens where the last one closed unless told otherwise."""
    starts = opens or [prices[0], *prices[:-1]]
    per_session = 390
    sessions = [one for one in xnys_sessions().all if one.date.isoformat() >= FIRST]
    bars = []
    for number, (start, end) in enumerate(zip(starts, prices, strict=True)):
        at = sessions[number // per_session].open + number % per_session * MINUTE
        low, high = min(start, end), max(start, end)
        bars.append(Bar("HAT", at, start / 100, high / 100, low / 100, end / 100, 1000.0, at + MINUTE))
    return bars


def wandering(count: int, seed: int = 1) -> list[int]:
    chance, price, prices = random.Random(seed), 10_000, []
    for _ in range(count):
        price = max(500, price + chance.randint(-12, 12))
        prices.append(price)
    return prices


UNBOUND = RiskLimits(
    order_notional_max=D(10**9),
    position_weight_max=D(2),
    gross_exposure_max=D(2),
    daily_loss_max=D(10**9),
    price_collar=ONE,
)


def run_bars(bars: list[Bar], limits: RiskLimits = UNBOUND, *, also: str = "") -> KeptJournal:
    strategies = tuple(MovingAverageCross(symbol) for symbol in ("HAT", also) if symbol)
    setting = EngineConfig(
        CycleConfig(limits=limits, rebalance=RebalancePolicy(cash_buffer=ZERO)), strategies
    )
    market = PushedMarket(("HAT", "SHOE"), xnys_sessions())
    journal = KeptJournal()
    exchange = Exchange(market, seed=1, cash=str(CASH), start=SESSION.open - MINUTE)
    Backtest(Engine(setting), exchange, journal).run_bars(bars)
    return journal


def fills_of(journal: KeptJournal) -> list[tuple[int, int, int, str]]:
    """When, which way, how many, at what price."""
    made = [fact.fill for fact in journal.facts if isinstance(fact, FillBooked)]
    return [(fill.at, fill.side.sign, int(fill.shares), f"{fill.price:.2f}") for fill in made]


def reference(bars: list[Bar]) -> list[tuple[int, int, int, str]]:
    """The rule in plain Python, in cents: decide on a close, trade at the next opening."""
    closes = [round(bar.close * 100) for bar in bars]
    cash, held, fills = CASH * 100, 0, []
    for number in range(29, len(bars) - 1):
        lead = 3 * sum(closes[number - 9 : number + 1]) - sum(closes[number - 29 : number + 1])
        following, price = bars[number + 1], round(bars[number + 1].open * 100)
        if not held and lead > 0:
            held = cash * 99 // (100 * closes[number])
            cash -= held * price
            fills.append((following.at, 1, held, f"{price / 100:.2f}"))
        elif held and lead < 0:
            cash += held * price
            fills.append((following.at, -1, held, f"{price / 100:.2f}"))
            held = 0
    return fills


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_crossing_of_averages_trades_exactly_as_the_rule_counted_by_hand(seed: int) -> None:
    bars = bars_of(wandering(1500, seed))
    expected = reference(bars)
    assert len(expected) > 20
    assert fills_of(run_bars(bars)) == expected


def test_what_a_bar_decides_is_filled_at_the_next_bars_opening_not_at_its_own_close() -> None:
    prices = [10_000] * 30 + [10_100] + [10_100] * 5
    opens = [10_000] * 31 + [10_150] * 5
    bars = bars_of(prices, opens)
    ((at, sign, _, price),) = fills_of(run_bars(bars))
    assert (at, sign, price) == (bars[31].at, 1, "101.50")


def test_a_decision_on_a_sessions_last_bar_is_filled_at_the_next_sessions_opening() -> None:
    prices = [10_000] * 389 + [10_100] + [10_100] * 5
    opens = [10_000] * 390 + [10_150] * 5
    bars = bars_of(prices, opens)
    journal = run_bars(bars)
    ((at, sign, _, price),) = fills_of(journal)
    assert (at, sign, price) == (bars[390].at, 1, "101.50")
    assert all(fact.differences == () for fact in journal.facts if isinstance(fact, Reconciled))


def test_of_two_symbols_each_order_waits_for_its_own_symbols_next_opening() -> None:
    """Bars of one minute come one after the other; the second's bar is not the first's future."""
    hats = bars_of([10_000] * 30 + [10_100] * 5, [10_000] * 31 + [10_150] * 4)
    shoes = [Bar("SHOE", bar.at, 50.0, 50.0, 50.0, 50.0, 1.0, bar.end) for bar in hats]
    both = [bar for pair in zip(hats, shoes, strict=True) for bar in pair]
    ((at, _, _, price),) = fills_of(run_bars(both, also="SHOE"))
    assert (at, price) == (hats[31].at, "101.50")


def test_a_decision_on_the_last_bar_is_never_filled() -> None:
    journal = run_bars(bars_of([10_000] * 30 + [10_100]))
    assert len([fact for fact in journal.facts if isinstance(fact, OrderIntended)]) == 1
    assert fills_of(journal) == []


def test_nothing_of_the_future_changes_what_was_done_before() -> None:
    prices = wandering(900)
    other = prices[:600] + [price * 2 for price in prices[600:]]
    cut = bars_of(prices)[600].at
    first, second = (fills_of(run_bars(bars_of(some))) for some in (prices, other))
    before = [fill for fill in first if fill[0] < cut]
    assert before == [fill for fill in second if fill[0] < cut]
    assert len(before) > 5


def test_the_books_of_every_session_of_bars_are_closed_and_agree() -> None:
    journal = run_bars(bars_of(wandering(390 * 3)))
    days = closes(journal)
    assert [day.session for day in days] == ["2021-01-04", "2021-01-05", "2021-01-06"]
    for day in days:
        assert day.equity - CASH == day.realised + day.unrealised
    assert all(fact.differences == () for fact in journal.facts if isinstance(fact, Reconciled))


def test_an_order_on_a_bar_passes_the_same_risk_checks_as_every_other() -> None:
    journal = run_bars(bars_of([10_000] * 30 + [10_100] * 10), LIMITS)
    assert [fact.code for fact in journal.facts if isinstance(fact, TradeRefused)] == ["order_notional"]
    assert fills_of(journal) == []


def test_a_bar_of_a_symbol_nobody_trades_and_a_bar_that_changes_no_mind_write_nothing() -> None:
    bars = bars_of([10_000] * 60)
    strangers = [Bar("SHOE", bar.at, 1.0, 1.0, 1.0, 1.0, 1.0, bar.end) for bar in bars]
    journal = run_bars([bar for pair in zip(bars, strangers, strict=True) for bar in pair])
    assert [type(fact) for fact in journal.facts if isinstance(fact, SignalFormed | OrderIntended)] == []


def test_an_order_is_a_market_order_of_whole_shares_named_after_its_bar() -> None:
    bars = bars_of([10_000] * 30 + [10_100] * 5)
    journal = run_bars(bars)
    (intended,) = [fact.request for fact in journal.facts if isinstance(fact, OrderIntended)]
    assert intended.side is Side.BUY
    assert intended.shares == intended.shares.to_integral_value()
    decided_at = bars[30].end // 10**9
    assert intended.client_order_id == f"alc-moving_avera-{decided_at:x}-HAT-b-0"
