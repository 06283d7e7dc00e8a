"""SMA 10/30 crossover on one-minute bars, bar by bar in Python: this engine beside backtrader and backtesting.py.

    python -m benchmarks.backtest_sma [--bars 1000000] [--engines ours,backtrader,backtesting,reference] [--rounds 1]

Rule: at a bar's close, flat and SMA10 > SMA30: buy floor(0.99 x equity / close) shares; long and SMA10 < SMA30:
sell all. Both fill at the next bar's open, no costs. bars_per_s counts the engine's own run; making its data objects
does not count. agree is the share of fills (bar, side) that the plain-Python reference makes too. The engines take
turns; a figure is of its middle round, a ratio (of CPU seconds, which other processes disturb least) the median of
those within each round. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import gc
import resource
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.bars import SYMBOL, Floats, Minutes, as_bars, minutes
from benchmarks.rounds import tell

CASH = 1_000_000
Fills = list[tuple[int, int]]
Run = Callable[[], tuple[Fills, float]]


def moving_average(prices: Floats, length: int) -> Floats:
    sums = np.cumsum(np.insert(prices, 0, 0.0))
    return np.concatenate([np.full(length - 1, np.nan), (sums[length:] - sums[:-length]) / length])


def reference(data: Minutes) -> Run:
    """The rule in plain Python: what the fills should be."""

    def run() -> tuple[Fills, float]:
        opens, closes = data.open.tolist(), data.close.tolist()
        fast, slow = moving_average(data.close, 10).tolist(), moving_average(data.close, 30).tolist()
        shares, cash, fills = 0, float(CASH), []
        for index in range(29, len(closes) - 1):
            if not shares and fast[index] > slow[index]:
                shares = int(0.99 * cash / closes[index])
                cash -= shares * opens[index + 1]
                fills.append((index + 1, 1))
            elif shares and fast[index] < slow[index]:
                cash += shares * opens[index + 1]
                shares = 0
                fills.append((index + 1, -1))
        return fills, cash + shares * closes[-1]

    return run


def ours(data: Minutes) -> Run:
    """The product: strategy, risk, orders, exchange core, fills, ledger and an in-memory journal of every fact."""
    from benchmarks.ours import prepare_backtest

    test, journal = prepare_backtest(SYMBOL, data, CASH)

    def run() -> tuple[Fills, float]:
        from the_alchemiser.domain.facts import FillBooked

        test.run_bars(as_bars(data))
        places = {at: index for index, at in enumerate(data.at.tolist())}
        booked = [fact.fill for fact in journal.facts if type(fact) is FillBooked]
        fills = [(places[fill.at], fill.side.sign) for fill in booked]
        return fills, float(test.broker.get_account().equity)

    return run


def backtrader(data: Minutes) -> Run:
    import backtrader as bt

    fills: Fills = []

    class Cross(bt.Strategy):  # type: ignore[misc]
        def __init__(self) -> None:
            self.fast, self.slow = bt.ind.SMA(period=10), bt.ind.SMA(period=30)

        def next(self) -> None:
            if not self.position:
                if self.fast[0] > self.slow[0]:
                    self.buy(size=int(0.99 * self.broker.getcash() / self.data.close[0]))
            elif self.fast[0] < self.slow[0]:
                self.close()

        def notify_order(self, order: Any) -> None:
            if order.status == order.Completed:
                fills.append((len(self) - 1, 1 if order.isbuy() else -1))

    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker.setcash(CASH)
    cerebro.adddata(bt.feeds.PandasData(dataname=frame(data)))
    cerebro.addstrategy(Cross)

    def run() -> tuple[Fills, float]:
        cerebro.run()
        return fills, float(cerebro.broker.getvalue())

    return run


def backtesting(data: Minutes) -> Run:
    import backtesting as bt
    import pandas as pd

    bt.backtesting._tqdm = lambda iterable, **_: iterable
    warnings.filterwarnings("ignore", message="Some trades remain open", category=UserWarning)

    def average(prices: Floats, length: int) -> Floats:
        averages: Floats = pd.Series(prices).rolling(length).mean().to_numpy()
        return averages

    class Cross(bt.Strategy):  # type: ignore[misc]
        def init(self) -> None:
            self.fast = self.I(average, self.data.Close, 10)
            self.slow = self.I(average, self.data.Close, 30)

        def next(self) -> None:
            if not self.position:
                if self.fast[-1] > self.slow[-1]:
                    self.buy(size=int(0.99 * self.equity / self.data.Close[-1]))
            elif self.fast[-1] < self.slow[-1]:
                self.position.close()

    test = bt.Backtest(frame(data), Cross, cash=CASH, commission=0, finalize_trades=False)

    def run() -> tuple[Fills, float]:
        result = test.run()
        trades = result["_trades"]
        fills = sorted([(at, 1) for at in trades.EntryBar] + [(at, -1) for at in trades.ExitBar])
        return fills, float(result["Equity Final [$]"])

    return run


def frame(data: Minutes) -> Any:
    import pandas as pd

    index = pd.DatetimeIndex(data.at, name="timestamp")
    columns = {"Open": data.open, "High": data.high, "Low": data.low, "Close": data.close}
    return pd.DataFrame({**columns, "Volume": np.ones(len(data.at))}, index=index)


ENGINES: dict[str, Callable[[Minutes], Run]] = {
    "ours": ours,
    "backtrader": backtrader,
    "backtesting": backtesting,
    "reference": reference,
}


def measure(
    prepare: Callable[[Minutes], Run], data: Minutes, expected: Fills, equity: float
) -> dict[str, float]:
    run = prepare(data)
    gc.collect()
    started, cpu_started = time.perf_counter(), time.process_time()
    fills, end = run()
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    found, wanted = set(fills), set(expected)
    return {
        "bars_per_s": round(len(data.at) / seconds),
        "bars_per_cpu_s": round(len(data.at) / max(cpu_seconds, 1e-9)),
        "run_s": round(seconds, 3),
        "cpu_s": round(cpu_seconds, 3),
        "fills": len(fills),
        "agree": round(len(found & wanted) / max(1, len(found | wanted)), 5),
        "equity_vs_reference": round(end / equity, 6),
    }


def race(data: Minutes, engines: Sequence[str], rounds: int) -> dict[str, dict[str, float]]:
    """Every engine in turn, round after round: the round in the middle of each."""
    expected, equity = reference(data)()
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in engines}
    for _ in range(rounds):
        for name in engines:
            runs[name].append(measure(ENGINES[name], data, expected, equity))
    figures = {name: sorted(found, key=lambda one: one["run_s"])[rounds // 2] for name, found in runs.items()}
    if "ours" in runs:
        for name, found in runs.items():
            pairs = zip(runs["ours"], found, strict=True)
            ratio = statistics.median(our["bars_per_cpu_s"] / peer["bars_per_cpu_s"] for our, peer in pairs)
            figures[name] |= {"ours_is_times": round(ratio, 2)}
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bars", type=int, default=1_000_000)
    parser.add_argument("--engines", default="ours,backtesting,backtrader,reference")
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    figures = race(minutes(arguments.bars), arguments.engines.split(","), arguments.rounds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    tell("backtest_sma", {"bars": arguments.bars, "peak_mib": peak, "engines": figures})


if __name__ == "__main__":
    main()
