"""The product's decimals as the exchange's integers: shares in e9, prices in e4, money in e13. Nothing is rounded."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

SECOND = 10**9
MINUTE = 60 * SECOND
CENT_E13 = 10**11
FINEST_E13 = 10_000
"""A billionth of a dollar: averages are not exact in any unit."""
MILLION = 10**6


def shares_e9(number: Decimal) -> int:
    """Billionths of a share. Raises ValueError for a finer number."""
    return _whole(number, 9)


def price_e4(number: Decimal) -> int:
    """Ten-thousandths of a dollar. Raises ValueError for a finer number."""
    return _whole(number, 4)


def money_e13(number: Decimal) -> int:
    """Tenths of a picodollar; what is finer (quotients) is cut off, a trillionth of a cent."""
    return int(number.scaleb(13))


def cost_e13(shares: int, price: Decimal) -> int:
    """What so many billionths of a share cost; what is finer than the unit, as averages are, is rounded."""
    return round(shares * fraction(price) * 10_000)


def fraction(number: Decimal) -> Fraction:
    """The exact number."""
    return Fraction(*number.as_integer_ratio())


def _whole(number: Decimal, places: int) -> int:
    top, bottom = number.as_integer_ratio()
    whole: int
    whole, rest = divmod(top * 10**places, bottom)
    if rest:
        raise ValueError(f"{number} has more than {places} decimals")
    return whole
