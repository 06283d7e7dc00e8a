"""Integer units of the exchange's books, and the decimal strings of the wire.

Prices count ten-thousandths of a dollar (`e4`), quantities billionths of a share (`e9`), money
tenths of a picodollar (`e13`): then price times quantity is money exactly, and nothing in the
books is ever rounded except where a rule says so.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

PRICE = 10**4
QUANTITY = 10**9
MONEY = PRICE * QUANTITY
CENT_E4 = 100
CENT_E13 = MONEY // 100
SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
# An instant after every other: the year 2262.
NEVER = 2**63 - 1

_MAX_TEXT = 64


def parse_decimal(text: object) -> Decimal:
    """The exact number in a JSON string or number; ValueError when it is none, not finite or too long."""
    raw = str(text).strip() if not isinstance(text, bool) else ""
    # Decimal would also read the digits of other scripts, and 1_000 as a thousand.
    if not raw or len(raw) > _MAX_TEXT or not raw.isascii() or "_" in raw:
        raise ValueError(f"not a decimal number: {raw[:_MAX_TEXT]!r}")
    try:
        number = Decimal(raw)
    except InvalidOperation:
        raise ValueError(f"not a decimal number: {raw!r}") from None
    if not number.is_finite() or abs(number.adjusted()) > 18:
        raise ValueError(f"not a decimal number within bounds: {raw!r}")
    return number


def scaled(number: Decimal, scale: int) -> int:
    """`number` as a whole count of 1/scale; ValueError if it has more decimals than that."""
    product = number * scale
    whole = int(product)
    if product != whole:
        raise ValueError(f"{number} has too many decimals")
    return whole


def price_e4(text: object) -> int:
    return scaled(parse_decimal(text), PRICE)


def quantity_e9(text: object) -> int:
    return scaled(parse_decimal(text), QUANTITY)


def cut_quantity_e9(text: object) -> int:
    """As `quantity_e9`, but decimals beyond the ninth are cut off: what the real API does with crypto."""
    return int(parse_decimal(text) * QUANTITY)


def money_e13(text: object) -> int:
    return scaled(parse_decimal(text), MONEY)


def _plain(count: int, scale: int, digits: int) -> str:
    sign = "-" if count < 0 else ""
    whole, rest = divmod(abs(count), scale)
    if not rest:
        return f"{sign}{whole}" if whole else "0"
    return f"{sign}{whole}.{rest:0{digits}d}".rstrip("0")


def format_price(count_e4: int) -> str:
    """A price as the wire writes it: no exponent, no forced padding ("150", "0.5")."""
    return _plain(count_e4, PRICE, 4)


def format_quantity(count_e9: int) -> str:
    return _plain(count_e9, QUANTITY, 9)


def format_money(count_e13: int) -> str:
    """Money exactly, up to thirteen decimals."""
    return _plain(count_e13, MONEY, 13)


def format_ratio(numerator: int, denominator: int, digits: int = 6) -> str:
    """The quotient rounded half up to `digits` decimals ("0" when there is no denominator)."""
    if not denominator:
        return "0"
    scale = 10**digits
    sign = -1 if (numerator < 0) != (denominator < 0) else 1
    count = (2 * abs(numerator) * scale + abs(denominator)) // (2 * abs(denominator))
    return _plain(sign * count, scale, digits)


def format_average_price(cost_e13: int, quantity_e9: int) -> str:
    """The average price of `quantity_e9` shares that cost `cost_e13`, to six decimals."""
    return format_ratio(cost_e13, quantity_e9 * PRICE)


def tick_e4(price: int) -> int:
    """The smallest price step at `price` (Reg NMS rule 612): one cent from $1, 1/100 cent below."""
    return CENT_E4 if price >= PRICE else 1


def round_to_tick(price: int) -> int:
    """`price` on its tick grid, half up."""
    step = tick_e4(price)
    return (price + step // 2) // step * step
