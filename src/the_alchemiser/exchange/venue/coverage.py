"""What written options ask for: shares to deliver, or money for the most that can be lost.

The contracts on one stock are looked at together. Written calls beyond the bought ones are covered by 100 shares
each, those with the highest strikes first. The rest must not lose more than a known sum: what it pays out in the worst
case at expiry, over all prices of the stock (Alpaca calls this the universal spread rule). A bought contract covers
only what does not outlive it. A put without a bought one asks for its strike: it is cash-secured.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from the_alchemiser.exchange.market.contracts import MULTIPLIER, Contract
from the_alchemiser.exchange.units import QUANTITY


class Holding(NamedTuple):
    """A contract and how many of it (whole ones) are owned, or below zero written."""

    contract: Contract
    number: int


class Requirement(NamedTuple):
    """What written contracts ask for: money (e13), and shares (e9) of the stock that must not be sold."""

    money_e13: int
    shares_e9: int


NOTHING = Requirement(0, 0)


def requirement(holdings: Iterable[Holding]) -> Requirement:
    """What the contracts on one stock ask for together."""
    held = [holding for holding in holdings if holding.number]
    written = [holding for holding in held if holding.number < 0]
    if not written:
        return NOTHING
    latest = max(holding.contract.expiry for holding in written)
    covering = [holding for holding in held if holding.number > 0 and holding.contract.expiry >= latest]
    naked = _calls(written) - _calls(covering)
    remaining = [*covering, *_without_calls(written, naked)] if naked > 0 else [*covering, *written]
    return Requirement(_worst_e13(remaining), max(0, naked) * MULTIPLIER * QUANTITY)


def _calls(holdings: list[Holding]) -> int:
    return abs(sum(holding.number for holding in holdings if holding.contract.is_call))


def _without_calls(written: list[Holding], count: int) -> list[Holding]:
    """The written contracts that are left when shares cover `count` calls, the dearest to exercise first."""
    left = []
    for holding in sorted(written, key=lambda one: one.contract.strike_e4, reverse=True):
        covered = min(count, -holding.number) if holding.contract.is_call else 0
        count -= covered
        left.append(holding._replace(number=holding.number + covered))
    return left


def _worst_e13(holdings: list[Holding]) -> int:
    """The most that the contracts can cost at expiry: with the stock at nothing or at a strike, where values bend."""
    spots = {0, *(holding.contract.strike_e4 for holding in holdings)}
    return max(0, *(-_value_e13(holdings, spot) for spot in spots))


def _value_e13(holdings: list[Holding], spot_e4: int) -> int:
    values = (holding.contract.intrinsic_e4(spot_e4) * holding.number for holding in holdings)
    return sum(values) * MULTIPLIER * QUANTITY


def together(holdings: Iterable[Holding]) -> list[Holding]:
    """Each contract once: what is bought and what is written of it cancel."""
    counts: dict[Contract, int] = {}
    for holding in holdings:
        counts[holding.contract] = counts.get(holding.contract, 0) + holding.number
    return [Holding(contract, count) for contract, count in counts.items()]
