"""Every flag that starts an exchange, once for both commands: `alchemiser exchange` and the exchange's own.

Nothing is imported here but the standard library, since the help of a command line is made of this table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

SPEED_LIMIT = 1_000_000.0
"""A market day in 23 milliseconds; whoever wants more says max."""
CASH_LIMIT = 1_000_000_000
"""Dollars far above any account; a slipped digit is caught."""
PORT_LIMIT = 65_535
DELAY_LIMIT_SECONDS = 86_400

Reading = Callable[[str], Any]
"""Makes a value of what was typed, or raises ValueError with a sentence for whoever typed it."""


def parse_speed(text: str) -> float | None:
    """A number of exchange seconds in a wall second; `max` and `lockstep` mean that only clients move time."""
    if text in ("max", "lockstep"):
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= SPEED_LIMIT:
        raise ValueError(f"{text} is neither max nor a number above 0, at most {SPEED_LIMIT:,.0f}")
    return speed


def parse_symbols(text: str) -> tuple[str, ...]:
    """A comma list. ValueError when it is empty."""
    symbols = tuple(dict.fromkeys(word.strip().upper() for word in text.split(",") if word.strip()))
    if not symbols:
        raise ValueError(f"{text!r} names no symbols; write them as in KO,PG")
    return symbols


def parse_dollars(text: str) -> str:
    """An amount the exchange can begin with, as it was typed."""
    try:
        amount = Decimal(text)
    except ArithmeticError:
        amount = Decimal(0)
    if not (amount.is_finite() and 0 < amount <= CASH_LIMIT and amount == amount.quantize(Decimal("0.01"))):
        raise ValueError(f"{text!r} is not an amount in dollars and cents above 0, at most {CASH_LIMIT:,}")
    return text


def _whole(least: int, most: int | None = None) -> Reading:
    extent = f"from {least} to {most:,}" if most is not None else f"of at least {least}"

    def read(text: str) -> int:
        if not text.strip().removeprefix("-").isdecimal():
            raise ValueError(f"{text!r} is not a whole number")
        number = int(text)
        if number < least or (most is not None and number > most):
            raise ValueError(f"{text} is not a number {extent}")
        return number

    return read


def _number(most: float) -> Reading:
    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a number") from None
        if not 0 <= number <= most:
            raise ValueError(f"{text} is not a number from 0 to {most:,.0f}")
        return number

    return read


def _word_of(*words: str) -> Reading:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"{text!r} is none of {', '.join(words)}")
        return text

    return read


def _multiplier(text: str) -> int:
    return int(_word_of("1", "2", "4")(text))


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag. `name` is that of the option in `ServerOptions`, `read` makes its value of what was typed; without
    it the flag is a switch, which sets the option to `switched`. `spelled` differs where a switch turns
    something off.
    """

    name: str
    default: Any
    metavar: str
    help: str
    read: Reading | None = None
    switched: bool = True
    spelled: str = ""

    @property
    def on_the_line(self) -> str:
        """As it is typed."""
        return self.spelled or "--" + self.name.replace("_", "-")


def _switch(name: str, says: str, spelled: str = "", *, switched: bool = True) -> Flag:
    return Flag(name, not switched, "", says, None, switched, spelled)


_SEED = _whole(-(2**63), 2**63 - 1)
_COUNT = _whole(0)
_PORT = _whole(0, PORT_LIMIT)
_DELAY = _number(DELAY_LIMIT_SECONDS)

PLACE = (
    Flag("host", "127.0.0.1", "ADDRESS", "The address to listen on.", str),
    Flag("port", 8900, "N", "The port to listen on; 0 lets the system choose.", _PORT),
    _switch("tls", "Speak TLS; `ca` in the first line is the authority to trust."),
    Flag("tls_port", None, "N", "Speak TLS on this port, and plain HTTP on --port.", _PORT),
    Flag("tls_dir", None, "DIR", "Where the private authority is kept.", Path),
)
WORLD = (
    Flag(
        "start",
        None,
        "DATE",
        "YYYY-MM-DD (its opening) or an RFC 3339 instant; else a year before prices end.",
        str,
    ),
    Flag(
        "speed",
        1.0,
        "X|max",
        "Exchange seconds in a second; max: lockstep, only a client moves time.",
        parse_speed,
    ),
    Flag("seed", 7, "N", "Draws the simulated hours between the real closes.", _SEED),
    Flag("symbols", None, "A,B,...", "Only these of the shipped stocks; else all twenty.", parse_symbols),
    Flag("volatility", 1.0, "X", "Factor on how far the simulated hours stray, 0 to 10.", _number(10)),
    _switch(
        "extended_hours", "No prices around the regular sessions.", "--regular-hours-only", switched=False
    ),
    Flag("data", None, "DIR", "A folder of CSV or Parquet bars to replay instead.", Path),
    Flag("spread_basis_points", 0.0, "X", "Between bid and ask, around bars of --data.", _number(1_000)),
    Flag("script", None, "FILE", "TOML or JSON: halts, price bands, splits, dividends, half days.", Path),
    Flag("state", None, "FILE", "Command log: a killed exchange continues from it.", Path),
    Flag("load", None, "FILE", "Begin with this saved state, whatever the other flags say.", Path),
)
ACCOUNT = (
    Flag("cash", "100000", "DOLLARS", "What the account begins with.", parse_dollars),
    Flag("multiplier", 4, "1|2|4", "1: a cash account; 2, 4: it may borrow and sell short.", _multiplier),
    Flag("key", "PKALCHEMISEREXCHANGE", "TEXT", "The key of the account.", str),
    Flag("secret", "EmbeddedExchangeSecretKeyNotForRealMoney", "TEXT", "The secret of the account.", str),
    Flag("accounts", None, "FILE", "TOML or JSON: several isolated accounts, each with its keys.", Path),
)
VENUE = (
    Flag(
        "partial_fills",
        "off",
        "off|random|displayed",
        "random: one fill in ten is a part, as on paper; displayed: no more than the quote shows.",
        _word_of("off", "random", "displayed"),
    ),
    Flag("cancel_delay_seconds", 0.0, "X", "Exchange time for which an order is pending_cancel.", _DELAY),
    Flag("replace_delay_seconds", 0.0, "X", "Exchange time for which an order is pending_replace.", _DELAY),
    _switch("pay_dividends", "Pay the dividends of the script; paper does not."),
    Flag(
        "hard_to_borrow",
        (),
        "A,B,...",
        "Stocks that cannot be sold short, and sold for the day only.",
        parse_symbols,
    ),
    Flag(
        "rules", "", "NAME=X,...", "What else the venue does, as in expired_as=canceled,crypto_fok=yes.", str
    ),
    Flag("faults", None, "FILE", "A schedule of what is to go wrong, TOML or JSON.", Path),
)
LIMITS = (
    Flag("requests_per_minute", 200, "N", "Requests for trading; 0: no limit.", _COUNT),
    Flag("data_requests_per_minute", 200, "N", "Requests for market data; 0: no limit.", _COUNT),
    _switch("rolling_limits", "Count requests in the last 60 seconds, not by the minute."),
    Flag(
        "data_plan",
        "unlimited",
        "unlimited|basic",
        "basic: consolidated (sip) data 15 minutes late.",
        _word_of("unlimited", "basic"),
    ),
    Flag("refused_feeds", "", "NAMES", "Feeds not subscribed to, as in sip,opra=411 (else error 409).", str),
    Flag("stream_symbols", 30, "N", "Symbols of trades and quotes on a stock stream; 0: no limit.", _COUNT),
    Flag("option_quotes", 200, "N", "Quotes on an option stream; 0: no limit.", _COUNT),
    Flag("stream_connections", 1, "N", "Connections to each data stream; 0: no limit.", _COUNT),
    Flag("trading_connections", 256, "N", "Connections to the trading stream; Alpaca allows 1.", _COUNT),
    _switch("text_frames", "The trading stream in text frames, as live accounts get them."),
    _switch(
        "compression",
        "Data streams never compress, whatever a client asks for.",
        "--no-compression",
        switched=False,
    ),
    Flag(
        "print_errors", 0.0, "PERCENT", "Share of prints that are corrected, cancelled or late.", _number(100)
    ),
)
GROUPS = {
    "where it listens": PLACE,
    "time and market": WORLD,
    "account": ACCOUNT,
    "orders and faults": VENUE,
    "limits and streams": LIMITS,
}
FLAGS = tuple(flag for group in GROUPS.values() for flag in group)
