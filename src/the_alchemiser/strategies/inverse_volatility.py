"""Hold every symbol, the calm ones more than the restless ones."""

from __future__ import annotations

from the_alchemiser.domain.intent import Signal
from the_alchemiser.domain.market import MarketSnapshot

from .indicators import annual_volatility, as_weights

VOLATILITY_MIN = 0.01
"""A symbol that hardly moves would swallow the portfolio; below one percent a year it counts as one percent."""


class InverseVolatility:
    """The calmer a symbol, the more of it: weights in proportion to 1 / volatility over `window` sessions."""

    name = "inverse_volatility"

    def __init__(self, window: int = 63) -> None:
        self.window = window

    @property
    def sessions_needed(self) -> int:
        return self.window + 1

    def evaluate(self, snapshot: MarketSnapshot) -> Signal:
        volatility = {
            symbol: max(annual_volatility(snapshot.closes(symbol), self.window), VOLATILITY_MIN)
            for symbol in snapshot.symbols
        }
        total = sum(1.0 / value for value in volatility.values())
        return Signal(
            self.name,
            snapshot.at,
            as_weights({symbol: 1.0 / value / total for symbol, value in volatility.items()}),
            {symbol: f"volatility {value:.0%} a year" for symbol, value in volatility.items()},
        )
