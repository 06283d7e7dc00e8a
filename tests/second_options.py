"""What written contracts tie up, reckoned a second time, from the symbols and sizes a client is sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from typing import NamedTuple

SIZE = 100
ZERO = Decimal(0)


class Terms(NamedTuple):
    """What the symbol of a contract says; `expiry` is yymmdd."""

    stock: str
    expiry: str
    is_call: bool
    strike: Decimal


def is_contract(symbol: str) -> bool:
    return len(symbol) > 15


@cache
def terms(symbol: str) -> Terms:
    return Terms(symbol[:-15], symbol[-15:-9], symbol[-9] == "C", Decimal(symbol[-8:]) / 1000)


def size_of(symbol: str) -> int:
    """How many shares one unit stands for."""
    return SIZE if is_contract(symbol) else 1


def tied_up(counts: Mapping[str, Decimal]) -> tuple[Decimal, dict[str, Decimal]]:
    """Money for the most that can be lost, and shares by stock."""
    by_stock: dict[str, list[tuple[Terms, Decimal]]] = defaultdict(list)
    for symbol, count in counts.items():
        if count and is_contract(symbol):
            by_stock[terms(symbol).stock].append((terms(symbol), count))
    money, shares = ZERO, {}
    for stock, held in by_stock.items():
        lost, shares[stock] = _of_stock(held)
        money += lost
    return money, shares


def _of_stock(held: list[tuple[Terms, Decimal]]) -> tuple[Decimal, Decimal]:
    ends = [contract.expiry for contract, count in held if count < 0]
    if not ends:
        return ZERO, ZERO
    counted = [one for one in held if one[1] < 0 or one[0].expiry >= max(ends)]
    bare = max(ZERO, -sum((count for contract, count in counted if contract.is_call), ZERO))
    left = bare
    remaining = []
    for contract, count in sorted(counted, key=lambda one: -one[0].strike):
        if contract.is_call and count < 0:
            taken = min(left, -count)
            left -= taken
            remaining.append((contract, count + taken))
        else:
            remaining.append((contract, count))
    return _most_lost(remaining), bare * SIZE


def _most_lost(held: Iterable[tuple[Terms, Decimal]]) -> Decimal:
    held = list(held)
    outcomes = [_worth(held, price) for price in {ZERO, *(contract.strike for contract, _ in held)}]
    return -min(ZERO, *outcomes) * SIZE


def _worth(held: Iterable[tuple[Terms, Decimal]], price: Decimal) -> Decimal:
    """At expiry, by the share."""
    total = ZERO
    for contract, count in held:
        inside = price - contract.strike if contract.is_call else contract.strike - price
        total += count * max(ZERO, inside)
    return total
