"""Five hundred orders at once, over the wire, under the broker's rate limit, in a time that waits for us."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from fakes import Wanting
from wire import ExchangeProcess, running_exchange

from the_alchemiser.bootstrap import Connection, assemble, tell_time
from the_alchemiser.cycle import CycleConfig
from the_alchemiser.domain.events import CycleAsked
from the_alchemiser.domain.facts import CycleFinished, Fact, OrderIntended, PlanBuilt, Reconciled
from the_alchemiser.domain.instants import MINUTE
from the_alchemiser.domain.money import ONE
from the_alchemiser.endpoints import endpoints_of
from the_alchemiser.engine import EngineConfig
from the_alchemiser.pipeline.risk import RiskLimits
from the_alchemiser.store.memory import MemoryJournal

pytestmark = pytest.mark.slow

SYMBOLS = tuple(
    f"A{first}{second}" for first in "ABCDEFGHIJKLMNOPQRSTUVWXY" for second in "ABCDEFGHIJKLMNOPQRST"
)
ORDERS_PER_MINUTE = 140
REQUESTS_BESIDE_ORDERS_MAX = 10


@pytest.fixture
def market(tmp_path: Path) -> Iterator[ExchangeProcess]:
    """A market of five hundred stocks, in the morning of its third day."""
    for symbol in SYMBOLS:
        days = "\n".join(f"2022-06-0{day},20,20,20,20,1000000" for day in (1, 2, 3))
        (tmp_path / f"{symbol}.csv").write_text(f"date,open,high,low,close,volume\n{days}\n")
    start = "2022-06-03T14:00:00Z"
    with running_exchange(start=start, data=str(tmp_path), multiplier=1, cash="1000000") as one:
        yield one


def setting() -> EngineConfig:
    each = Decimal("0.95") / len(SYMBOLS)
    limits = RiskLimits(open_orders_max=1_000, orders_per_minute_max=ORDERS_PER_MINUTE)
    wanting = Wanting({symbol: each.quantize(Decimal("0.0001")) for symbol in SYMBOLS})
    cycle = CycleConfig(SYMBOLS, (wanting,), {"wanting": ONE}, limits=limits)
    return EngineConfig(cycle)


def test_a_rebalance_of_five_hundred_orders_takes_hardly_more_requests_than_orders(
    market: ExchangeProcess,
) -> None:
    connection = Connection(market.key, market.secret, endpoints_of(market.rest))
    broker, clock = tell_time(connection, None)
    facts: list[Fact] = []
    requests: list[int] = []
    before_the_plan: list[int] = []
    broker.response_observers.append(lambda headers: requests.append(clock.now()))
    system = assemble(
        setting(), (broker, clock, broker.get_account().number), MemoryJournal(), [facts.extend]
    )

    def note_the_plan(news: Sequence[Fact]) -> None:
        if any(isinstance(fact, PlanBuilt) for fact in news):
            before_the_plan.append(len(requests))

    system.turn.watch(note_the_plan)

    def is_over() -> bool:
        return any(isinstance(fact, CycleFinished) for fact in facts) and isinstance(facts[-1], Reconciled)

    asyncio.run(system.driver.run(is_over, [CycleAsked(clock.now())]))
    orders = [fact for fact in facts if isinstance(fact, OrderIntended)]
    finished = next(fact for fact in facts if isinstance(fact, CycleFinished))
    last = [fact for fact in facts if isinstance(fact, Reconciled)][-1]
    assert (len(orders), finished.trades_filled, last.differences) == (500, 500, ())
    assert len(requests) - before_the_plan[0] <= len(orders) + REQUESTS_BESIDE_ORDERS_MAX
    busiest = max(sum(at - MINUTE < other <= at for other in requests) for at in requests)
    assert busiest <= 160, "a fifth of the minute stays free for cancels"
    system.close()
