"""Money: the only door by which numbers become `Decimal`, and every rule by which they are rounded.

Each rule rounds to our disadvantage or not at all: a buy never pays more than was decided, a sale never asks less,
a quantity never grows.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, InvalidOperation
from enum import Enum
from typing import TypeAlias

Dollars: TypeAlias = Decimal
"""An amount of US dollars, exact (no rounding until it is shown)."""
Price: TypeAlias = Decimal
"""US dollars per share."""
Shares: TypeAlias = Decimal
"""A quantity of shares, at most nine decimals; signed where a position is meant."""
Weight: TypeAlias = Decimal
"""A fraction of equity: 0.25 is a quarter."""

ZERO = Decimal(0)
ONE = Decimal(1)
CENT = Decimal("0.01")
SUB_DOLLAR_TICK = Decimal("0.0001")
WHOLE_SHARE = ONE
FRACTION = Decimal("0.000000001")
MAGNITUDE_MAX = Decimal("1e15")
"""No amount, price or quantity of ours is larger; a longer number is a mistake, not money."""


class Side(Enum):
    """Which way an order moves the position."""

    BUY = "buy"
    SELL = "sell"

    __hash__ = object.__hash__  # Enum's own is a Python function

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sale."""
        return 1 if self is Side.BUY else -1


def decimal(value: str | int | Decimal) -> Decimal:
    """The exact number in `value`. Raises ValueError for floats, NaN, infinities and absurd magnitudes."""
    if isinstance(value, float | bool):
        raise ValueError(f"{value!r} is not exact: give text, an integer or a Decimal")
    try:
        number = Decimal(value)
    except (InvalidOperation, TypeError, ValueError) as error:
        raise ValueError(f"{value!r} is not a number") from error
    if not number.is_finite() or abs(number) >= MAGNITUDE_MAX or -number.as_tuple().exponent > 18:  # type: ignore[operator]
        raise ValueError(f"{value!r} is not an amount we can handle")
    return number


def from_measurement(value: float) -> Decimal:
    """A measured float (a quote or bar price) as the shortest Decimal that reads the same to nine decimals."""
    # Beyond the ninth decimal there is only the noise of binary fractions, and it would be refused as absurd.
    if not -1e15 < value < 1e15:  # NaN is not between them either
        raise ValueError(f"{value!r} is not an amount we can handle")
    return Decimal(repr(round(value, 9)))


def tick_size(price: Price) -> Price:
    """The smallest price step: one cent from $1.00, a hundredth of a cent below (SEC Regulation NMS, rule 612)."""
    return CENT if price >= ONE else SUB_DOLLAR_TICK


def round_to_tick(price: Price, side: Side) -> Price:
    """`price` on the tick grid, rounded in our favour: down for a buy, up for a sale."""
    rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
    # Rounding up from below one dollar ends at $1.00 at most, which lies on the coarser grid too.
    return price.quantize(tick_size(price), rounding=rounding)


def floor_to_lot(shares: Shares, lot: Shares) -> Shares:
    """The largest multiple of `lot` (a whole share or a 9-decimal fraction) not above `shares`."""
    return shares.quantize(lot, rounding=ROUND_FLOOR)


def cents(amount: Dollars) -> Dollars:
    """`amount` as people see it: whole cents, half to even."""
    return amount.quantize(CENT, rounding=ROUND_HALF_EVEN)


def ratio(part: Decimal, whole: Decimal) -> Weight:
    """`part / whole` to nine decimals, half to even; zero where `whole` is zero."""
    return (part / whole).quantize(FRACTION, rounding=ROUND_HALF_EVEN) if whole else ZERO


def plain(number: Decimal) -> str:
    """`number` without exponent or padding: the form in which it goes to a broker or into a table."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text if text not in ("-0", "") else "0"
