"""What one event costs in `Engine.step`: a bar that changes nothing, an order update, the decision of the day.

A bar is told to a 10/30 moving average that stays where it is; beside it stands the limit of any event loop in
Python: the same strategy called bar by bar by nobody. The decision is that of `alchemiser demo` over twenty symbols,
from the market read to the orders intended; the updates are those orders acknowledged and filled in four parts each.
Prints one JSON line.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.eve import DECIDED_AT, demo_config, eve, market_read, updates_of
from benchmarks.rounds import Seconds, in_turn, microseconds, percentile, tell, times
from the_alchemiser.domain.effects import SubmitOrder
from the_alchemiser.domain.events import Event
from the_alchemiser.domain.market import Bar
from the_alchemiser.domain.orders import OrderRequest
from the_alchemiser.engine import Engine, EngineConfig
from the_alchemiser.step import NOTHING
from the_alchemiser.strategies import MovingAverageCross

SYMBOL = "BENCH"


def falling(count: int) -> list[Bar]:
    """Prices that only fall: the fast average never crosses the slow one from below."""
    prices = (100.0 - 50.0 * number / count for number in range(count))
    return [
        Bar(SYMBOL, DECIDED_AT + number, price, price, price, price, 0.0, DECIDED_AT + number)
        for number, price in enumerate(prices)
    ]


def seconds_per_bar(listen: Callable[[Bar], object], bars: Sequence[Bar], quiet: object) -> Seconds:
    """One sample: the mean over all bars. Each must have changed nothing."""
    began = time.process_time()
    for bar in bars:
        if listen(bar) is not quiet:
            raise SystemExit("a bar changed something")
    return [(time.process_time() - began) / len(bars)]


def bar_contenders(bars: Sequence[Bar]) -> dict[str, Callable[[], Seconds]]:
    def engine() -> Seconds:
        config = EngineConfig(bar_strategies=(MovingAverageCross(SYMBOL),))
        return seconds_per_bar(Engine(config).step, bars, NOTHING)

    return {
        "engine": engine,
        "callback": lambda: seconds_per_bar(MovingAverageCross(SYMBOL).on_bar, bars, None),
    }


def seconds_of(engine: Engine, event: Event) -> tuple[float, list[OrderRequest]]:
    """How long the step took, and the orders it wants sent."""
    began = time.process_time()
    result = engine.step(event)
    seconds = time.process_time() - began
    return seconds, [effect.request for effect in result.effects if isinstance(effect, SubmitOrder)]


def one_day(config: EngineConfig, market: Event) -> tuple[float, Seconds, int]:
    """A decision and all updates of its orders: the seconds of each, and how many orders there were."""
    engine = Engine(config)
    for event in eve():
        engine.step(event)
    decision, requests = seconds_of(engine, market)
    updates = [seconds_of(engine, heard)[0] for heard in updates_of(requests)]
    if not requests or engine.state.cycle is not None:
        raise SystemExit("the cycle did not trade to its end")
    return decision, updates, len(requests)


def measure(options: argparse.Namespace, config: EngineConfig) -> dict[str, Any]:
    market, bars = market_read(config), falling(options.bars)
    runs = in_turn(options.rounds, bar_contenders(bars))
    days = [one_day(config, market) for _ in range(options.days + 1)][1:]
    engine = percentile([one for run in runs["engine"] for one in run], 50)
    callback = percentile([one for run in runs["callback"] for one in run], 50)
    return {
        "bars": options.bars,
        "bar_us": round(engine * 1e6, 3),
        "bars_per_s": round(1 / engine),
        "callback_us_limit": round(callback * 1e6, 3),
        "callbacks_per_s_limit": round(1 / callback),
        "callback_is_times_faster": round(1 / times(runs["engine"], runs["callback"]), 2),
        "order_update": microseconds([updates for _, updates, _ in days]),
        "order_updates_per_s": round(
            sum(len(one) for _, one, _ in days) / sum(sum(one) for _, one, _ in days)
        ),
        "decision": microseconds([[decision for decision, _, _ in days]]),
        "decisions_per_s": round(1 / percentile([decision for decision, _, _ in days], 50)),
        "symbols": len(config.cycle.universe),
        "orders_per_decision": days[0][2],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bars", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--days", type=int, default=30, help="decisions, each with all its order updates")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        tell("engine_steps", measure(options, demo_config(Path(folder))))


if __name__ == "__main__":
    main()
