"""What positions and orders ask of an account's equity: margin requirements and buying power.

Rules (documentation of 2026-09). Maintenance of a long position: 100 % below $2.50 a share, 50 % up to $6,
30 % above; of a short one: the larger of $2.50 a share and 100 % below $5, of $5 a share and 30 % from $5 on.
A fund that promises 2 or 3 times its index asks for 50 % and 75 % (short: 60 % and 90 %); what cannot be
bought on margin for 100 %. Initial margin is 50 %, or maintenance where that is more. One position of 70 %
or more of all, with $100,000 or more borrowed, asks for 50 %.

Alpaca publishes no formula for its buying power since mid 2026. Here it is `multiplier` times equity, less
what positions and open orders use of it: their value, or where their maintenance exceeds 30 %, `multiplier`
times that. Below $2,000 of equity the multiplier is 1 and nothing is sold short.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from the_alchemiser.exchange.market.prices import Asset
from the_alchemiser.exchange.units import MONEY, PRICE, QUANTITY

LEAST_EQUITY_E13 = 2_000 * MONEY
ORDINARY_PERCENT = 30
INITIAL_PERCENT = 50
_LONG_PERCENT_OF_LEVERAGE = {1: ORDINARY_PERCENT, 2: 50, 3: 75}
_CONCENTRATED_PERCENT = 70
_CONCENTRATED_DEBIT_E13 = 100_000 * MONEY


def long_percent(asset: Asset, price_e4: int) -> int:
    """Maintenance margin of a long position, in per cent of its value."""
    if not asset.marginable or 2 * price_e4 < 5 * PRICE:
        return 100
    if price_e4 <= 6 * PRICE:
        return max(50, _LONG_PERCENT_OF_LEVERAGE.get(asset.leverage, 100))
    return _LONG_PERCENT_OF_LEVERAGE.get(asset.leverage, 100)


def short_percent(asset: Asset, price_e4: int) -> int:
    """Maintenance margin of a short position, in whole per cent of its value, rounded up."""
    if not asset.shortable:
        return 100
    value = QUANTITY * price_e4
    return -(-short_requirement_e13(asset, QUANTITY, price_e4) * 100 // value) if value else 100


def short_requirement_e13(asset: Asset, qty_e9: int, price_e4: int) -> int:
    """Maintenance margin of `qty_e9` (> 0) sold short."""
    if price_e4 < 5 * PRICE:
        return qty_e9 * max(price_e4, 5 * PRICE // 2)
    percent = min(100, ORDINARY_PERCENT * asset.leverage)
    return max(qty_e9 * 5 * PRICE, _part(qty_e9 * price_e4, percent))


def _part(value_e13: int, percent: int) -> int:
    """That many per cent of `value_e13`, rounded up."""
    return -(-value_e13 * percent // 100)


class Exposure(msgspec.Struct, frozen=True):
    """A position, or what an order would make one, at a price. `qty_e9` below zero is short."""

    asset: Asset
    qty_e9: int
    price_e4: int
    collateral_e13: int = 0

    @property
    def value_e13(self) -> int:
        """Its size in money, never below zero."""
        return abs(self.qty_e9) * self.price_e4 * self.asset.multiplier

    @property
    def maintenance_e13(self) -> int:
        if self.qty_e9 >= 0:
            return _part(self.value_e13, long_percent(self.asset, self.price_e4)) + self.collateral_e13
        if self.asset.asset_class == "us_option":  # what a written contract may cost is its collateral
            return self.collateral_e13
        return short_requirement_e13(self.asset, -self.qty_e9, self.price_e4) + self.collateral_e13

    @property
    def initial_e13(self) -> int:
        if self.qty_e9 < 0 and self.asset.asset_class == "us_option":
            return self.collateral_e13
        return max(self.maintenance_e13, _part(self.value_e13, INITIAL_PERCENT))

    def power_e13(self, multiplier: int) -> int:
        """What it uses of an account's buying power."""
        if multiplier == 1 and self.qty_e9 >= 0:
            return self.value_e13 + self.collateral_e13
        required = self.maintenance_e13 if multiplier == 4 else self.initial_e13
        if multiplier == 1 or (self.qty_e9 < 0 and self.asset.asset_class == "us_option"):
            return required * multiplier if self.qty_e9 < 0 else self.value_e13 + self.collateral_e13
        ordinary = ORDINARY_PERCENT if multiplier == 4 else INITIAL_PERCENT
        if required * 100 <= self.value_e13 * ordinary + 99:
            return self.value_e13
        return max(self.value_e13, required * multiplier)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An account's means at one instant. equity = cash + long + short market value, to the last unit."""

    multiplier: int
    cash_e13: int
    held_cash_e13: int
    long_market_value_e13: int = 0
    short_market_value_e13: int = 0
    initial_margin_e13: int = 0
    maintenance_margin_e13: int = 0
    power_used_e13: int = 0

    @property
    def equity_e13(self) -> int:
        return self.cash_e13 + self.long_market_value_e13 + self.short_market_value_e13

    @property
    def buying_power_e13(self) -> int:
        """What new orders may use, never below zero."""
        return max(0, self.equity_e13 * self.multiplier - self.power_used_e13 - self.held_cash_e13)

    @property
    def excess_e13(self) -> int:
        """Equity beyond the initial margin of all positions, never below zero."""
        return max(0, self.equity_e13 - self.initial_margin_e13)

    @property
    def regt_buying_power_e13(self) -> int:
        """What may be held over night: twice the excess, or the cash of a cash account."""
        if self.multiplier == 1:
            return self.buying_power_e13
        return min(self.buying_power_e13, max(0, 2 * self.excess_e13 - self.held_cash_e13))

    @property
    def non_marginable_buying_power_e13(self) -> int:
        """Own money, for what cannot be bought on margin: crypto, and premiums of options."""
        own = min(self.cash_e13, self.excess_e13)
        return max(0, min(own - -(-self.held_cash_e13 // self.multiplier), self.buying_power_e13))


class Weight(NamedTuple):
    """What one position adds to the means of an account that may borrow, and of one that may not (`alone`)."""

    long_e13: int
    short_e13: int
    maintenance_e13: int
    initial_e13: int
    initial_alone_e13: int
    power_e13: int
    power_alone_e13: int
    concentrated_e13: int
    """The maintenance margin it asks for where it is most of the account."""


NOTHING = Weight(0, 0, 0, 0, 0, 0, 0, 0)


def weight(exposure: Exposure, multiplier: int) -> Weight:
    """What a position adds to an account that may borrow up to `multiplier` times its equity."""
    value, maintenance, initial = exposure.value_e13, exposure.maintenance_e13, exposure.initial_e13
    alone = exposure.power_e13(1)
    return Weight(
        value if exposure.qty_e9 > 0 else 0,
        value if exposure.qty_e9 < 0 else 0,
        maintenance,
        initial,
        max(initial, alone),
        alone if multiplier == 1 else exposure.power_e13(multiplier),
        alone,
        max(maintenance, _part(value, INITIAL_PERCENT)),
    )


class Weights:
    """What positions of these weights add up to, for an account that may borrow up to `multiplier` times its equity."""

    __slots__ = ("_multiplier", "_total", "_weights")

    def __init__(self, multiplier: int, weights: Sequence[Weight]) -> None:
        self._multiplier = multiplier
        self._weights = weights
        self._total = Weight(*map(sum, zip(*weights, strict=True))) if weights else NOTHING

    def standing(self, cash_e13: int, held_cash_e13: int) -> Standing:
        """The means of the account with this much cash, so much of its buying power reserved."""
        total = self._total
        alone = self._multiplier == 1 or cash_e13 + total.long_e13 - total.short_e13 < LEAST_EQUITY_E13
        maintenance = total.maintenance_e13
        if alone:
            maintenance = max(maintenance, total.initial_alone_e13)
        elif cash_e13 <= -_CONCENTRATED_DEBIT_E13:
            maintenance += self._concentration_e13()
        return Standing(
            multiplier=1 if alone else self._multiplier,
            cash_e13=cash_e13,
            held_cash_e13=held_cash_e13,
            long_market_value_e13=total.long_e13,
            short_market_value_e13=-total.short_e13,
            initial_margin_e13=total.initial_alone_e13 if alone else total.initial_e13,
            maintenance_margin_e13=maintenance,
            power_used_e13=total.power_alone_e13 if alone else total.power_e13,
        )

    def _concentration_e13(self) -> int:
        """What a position that is most of the account asks for beyond its own maintenance."""
        least = (self._total.long_e13 + self._total.short_e13) * _CONCENTRATED_PERCENT
        return sum(
            one.concentrated_e13 - one.maintenance_e13
            for one in self._weights
            if (one.long_e13 + one.short_e13) * 100 >= least
        )


def standing(multiplier: int, cash_e13: int, held_cash_e13: int, exposures: Iterable[Exposure]) -> Standing:
    """The means of an account that may borrow up to `multiplier` times its equity."""
    weights = [weight(exposure, multiplier) for exposure in exposures]
    return Weights(multiplier, weights).standing(cash_e13, held_cash_e13)
