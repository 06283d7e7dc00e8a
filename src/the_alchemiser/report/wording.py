"""How figures are written for people: dollars, percents, shares, New York times; the same on every face."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from the_alchemiser.domain.instants import SECOND, Nanos
from the_alchemiser.domain.money import CENT, Dollars, Price, Shares, cents, plain

NEW_YORK = ZoneInfo("America/New_York")
MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"
TOO_FEW_DAYS = "too few days"


def dollars(amount: Dollars | float | None) -> str:
    """$1,234.56, with a true minus sign before the dollar."""
    if amount is None:
        return NOTHING
    rounded = cents(Decimal(str(amount)))
    return f"{MINUS if rounded < 0 else ''}${abs(rounded):,.2f}"


def signed_dollars(amount: Dollars | float | None) -> str:
    """As `dollars`, with a plus before gains."""
    text = dollars(amount)
    return f"+{text}" if amount is not None and cents(Decimal(str(amount))) > 0 else text


def price(value: Price | None) -> str:
    """A price with as many decimals as it has, two at least."""
    if value is None:
        return NOTHING
    if value.as_tuple().exponent not in range(-4, 1):
        value = value.quantize(Decimal("0.0001"))
    return f"{value.quantize(CENT) if value == value.quantize(CENT) else value:,}"


def shares(quantity: Shares) -> str:
    """A quantity with thousands separated and no padding."""
    whole, dot, fraction = plain(quantity).partition(".")
    return f"{int(whole):,}{dot}{fraction}".replace("-", MINUS)


def percent(fraction: float | None, decimals: int = 2) -> str:
    """A fraction as a percentage."""
    if fraction is None:
        return TOO_FEW_DAYS
    text = f"{abs(fraction):.{decimals}%}"
    is_zero = not any(digit in text for digit in "123456789")
    return f"{MINUS if fraction < 0 and not is_zero else ''}{text}"


def signed_percent(fraction: float | None, decimals: int = 2) -> str:
    """As `percent`, with a plus before gains."""
    text = percent(fraction, decimals)
    return f"+{text}" if fraction is not None and fraction > 0 and text != percent(0.0, decimals) else text


def basis_points(value: float) -> str:
    """Hundredths of a percent."""
    return f"{value:.2f} bp".replace("-", MINUS)


def number(value: float | None) -> str:
    """A bare figure with two decimals."""
    return TOO_FEW_DAYS if value is None else f"{value:.2f}".replace("-", MINUS)


def day(session: str) -> str:
    """2021-03-01 as 1 Mar 2021; other text stays as it is."""
    try:
        moment = date.fromisoformat(session)
    except ValueError:
        return session
    return f"{moment.day} {moment:%b %Y}"


def new_york(at: Nanos) -> datetime:
    """The instant on New York's clocks, to the microsecond."""
    seconds, nanos = divmod(at, SECOND)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanos // 1000)
    return moment.astimezone(NEW_YORK)


def clock(at: Nanos) -> str:
    """Date and time in New York, to the second."""
    return f"{new_york(at):%Y-%m-%d %H:%M:%S}"


def count(quantity: int, noun: str) -> str:
    """1 fill, 2 fills."""
    return f"{quantity:,} {noun}{'' if quantity == 1 else 's'}"
