"""Hold the symbols that rose most over the past year, in equal parts."""

from __future__ import annotations

from the_alchemiser.domain.intent import Signal
from the_alchemiser.domain.market import MarketSnapshot

from .indicators import SESSIONS_PER_MONTH, as_weights, momentum


class Momentum:
    """Twelve-month momentum, the latest month left out: as many of the strongest symbols as `top` says, in equal parts.

    A symbol that fell over the period is never held; its part stays in cash.
    """

    name = "momentum"

    def __init__(self, top: int = 5, lookback: int = 252, skip: int = SESSIONS_PER_MONTH) -> None:
        self.top, self.lookback, self.skip = top, lookback, skip

    @property
    def sessions_needed(self) -> int:
        return self.lookback + 1

    def evaluate(self, snapshot: MarketSnapshot) -> Signal:
        strength = {
            symbol: momentum(snapshot.closes(symbol), self.lookback, self.skip) for symbol in snapshot.symbols
        }
        strongest = sorted(strength, key=lambda symbol: (-strength[symbol], symbol))[: self.top]
        held = [symbol for symbol in strongest if strength[symbol] > 0]
        return Signal(
            self.name,
            snapshot.at,
            as_weights(dict.fromkeys(held, 1.0 / self.top)),
            {symbol: f"{strength[symbol]:+.1%} in 12 months" for symbol in held},
        )
