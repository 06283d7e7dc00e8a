"""The ideas: one file each. To add one, write a class with `name`, `sessions_needed` and `evaluate`; list it here."""

from __future__ import annotations

from collections.abc import Callable

from the_alchemiser.ports import Strategy

from .inverse_volatility import InverseVolatility
from .momentum import Momentum
from .moving_average import MovingAverageCross

SCHEDULED: dict[str, Callable[..., Strategy]] = {
    "momentum": Momentum,
    "inverse_volatility": InverseVolatility,
}
"""Every scheduled strategy that settings may name."""

__all__ = ["SCHEDULED", "InverseVolatility", "Momentum", "MovingAverageCross"]
