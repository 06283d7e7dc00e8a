"""How the exchange can be run: its options, and the command line that gives them."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from the_alchemiser.exchange.credentials import DEMO_KEY, DEMO_SECRET
from the_alchemiser.exchange.desk import DATA_PLANS, UNLIMITED
from the_alchemiser.exchange.streams.tradestream import ACCOUNT_CONNECTIONS
from the_alchemiser.exchange.venue.rules import PARTIAL_FILLS
from the_alchemiser.exchange.venue.valuation import MULTIPLIERS

DEFAULT_PORT = 8900
SPEED_LIMIT = 1_000_000.0


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How to run the exchange. `speed` None is lockstep: time moves only when a client asks.

    `start` is a date (its opening, or the next one) or an RFC 3339 instant. `data` is a folder of bars to trade
    instead of the shipped history, with `spread_basis_points` between bid and ask. `script` is a file of halts,
    corporate actions and half days. `symbols` leaves only these stocks, `volatility` is a factor on their simulated
    hours. `state` is the command log that a killed exchange continues from, `load` a saved one that a new exchange
    begins with. `accounts` is a file of accounts; without it there is one, by `key`, `secret`, `cash` and
    `multiplier` (1 a cash account; 4 a margin account, as paper accounts are). `extended_hours` simulates prices
    around the regular sessions of the shipped stocks. `partial_fills` is off, random or displayed; orders stay
    pending_cancel and pending_replace for so many seconds of exchange time. `faults` is a schedule of what is to
    go wrong. `tls` makes `port` speak TLS; `tls_port` is a second port for it beside a plain one; `tls_dir` keeps
    its certificates. Limits of 0 mean none and hold for each account that does not name its own.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    seed: int = 7
    speed: float | None = 1.0
    start: str | None = None
    data: Path | None = None
    spread_basis_points: float = 0.0
    cash: str = "100000"
    multiplier: int = 4
    state: Path | None = None
    script: Path | None = None
    key: str = DEMO_KEY
    secret: str = DEMO_SECRET
    partial_fills: str = "off"
    pay_dividends: bool = False
    hard_to_borrow: tuple[str, ...] = ()
    cancel_delay_seconds: float = 0.0
    replace_delay_seconds: float = 0.0
    text_frames: bool = False
    requests_per_minute: int = 200
    data_requests_per_minute: int = 200
    stream_symbols: int = 30
    stream_connections: int = 1
    option_quotes: int = 200
    refused_feeds: str = ""
    trading_connections: int = ACCOUNT_CONNECTIONS
    print_errors: float = 0.0
    compression: bool = True
    rolling_limits: bool = False
    data_plan: str = UNLIMITED
    accounts: Path | None = None
    load: Path | None = None
    symbols: tuple[str, ...] | None = None
    volatility: float = 1.0
    extended_hours: bool = True
    faults: Path | None = None
    tls: bool = False
    tls_port: int | None = None
    tls_dir: Path | None = None


def parse_speed(text: str) -> float | None:
    """A number of exchange seconds in a wall second; `max` and `lockstep` mean that only clients move time."""
    if text in ("max", "lockstep"):
        return None
    speed = float(text)
    if not 0 < speed <= SPEED_LIMIT:
        raise ValueError(f"speed must be above 0 and at most {SPEED_LIMIT:.0f}")
    return speed


def parse_symbols(text: str) -> tuple[str, ...]:
    """A comma list. ValueError when it is empty."""
    symbols = tuple(dict.fromkeys(word.strip().upper() for word in text.split(",") if word.strip()))
    if not symbols:
        raise ValueError("no symbols")
    return symbols


def command_line() -> argparse.ArgumentParser:
    """What the exchange's own command understands; the names are those of `ServerOptions`."""
    parser = argparse.ArgumentParser(
        prog="exchange",
        description="An Alpaca-compatible exchange on one local port.",
        epilog="Example: exchange --port 8900 --start 2022-06-01 --speed 60",
    )
    known = ServerOptions()
    _add_world(parser, known)
    _add_venue(parser, known)
    _add_accounts(parser, known)
    _add_wire(parser, known)
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when standard input ends")
    return parser


def _add_world(parser: argparse.ArgumentParser, known: ServerOptions) -> None:
    parser.add_argument("--host", default=known.host)
    parser.add_argument("--port", type=int, default=known.port, help="0 lets the system choose")
    parser.add_argument(
        "--seed", type=int, default=known.seed, help="draws the simulated hours between real closes"
    )
    parser.add_argument(
        "--speed",
        default="1",
        help="exchange seconds in a second; max: lockstep, only a client's advance moves time",
    )
    parser.add_argument("--start", help="YYYY-MM-DD (its opening) or an RFC 3339 instant")
    parser.add_argument(
        "--data", type=Path, help="folder of CSV or Parquet bars to trade instead of the shipped days"
    )
    parser.add_argument(
        "--spread-basis-points", type=float, default=0.0, help="between bid and ask of --data"
    )
    parser.add_argument("--cash", default=known.cash, help="dollars the account begins with")
    parser.add_argument("--state", type=Path, help="command log: a killed exchange continues from it")
    parser.add_argument(
        "--script", type=Path, help="TOML or JSON file of halts, price bands, corporate actions, half days"
    )
    parser.add_argument("--load", type=Path, help="a saved state that this exchange begins with")
    parser.add_argument(
        "--symbols", type=parse_symbols, metavar="A,B,...", help="only these of the shipped stocks"
    )
    parser.add_argument(
        "--volatility", type=float, default=1.0, help="factor on the simulated hours of stocks, 0 to 10"
    )


def _add_venue(parser: argparse.ArgumentParser, known: ServerOptions) -> None:
    parser.add_argument(
        "--multiplier",
        type=int,
        choices=MULTIPLIERS,
        default=known.multiplier,
        help="1: a cash account; 2 or 4: a margin account that may borrow and sell short",
    )
    parser.add_argument(
        "--regular-hours-only",
        dest="extended_hours",
        action="store_false",
        help="no prices around the regular sessions",
    )
    parser.add_argument(
        "--partial-fills",
        choices=PARTIAL_FILLS,
        default=known.partial_fills,
        help="random: one fill in ten is a part, as on paper; displayed: no more than the quote shows",
    )
    parser.add_argument(
        "--pay-dividends", action="store_true", help="pay the dividends of the script; paper does not"
    )
    parser.add_argument(
        "--hard-to-borrow",
        type=parse_symbols,
        default=(),
        metavar="A,B,...",
        help="stocks that cannot be sold short, and sold for the day only",
    )
    parser.add_argument("--cancel-delay-seconds", type=float, default=0.0, help="an order is pending_cancel")
    parser.add_argument(
        "--replace-delay-seconds", type=float, default=0.0, help="an order is pending_replace"
    )


def _add_accounts(parser: argparse.ArgumentParser, known: ServerOptions) -> None:
    parser.add_argument("--key", default=known.key)
    parser.add_argument("--secret", default=known.secret)
    parser.add_argument(
        "--requests-per-minute", type=int, default=known.requests_per_minute, help="0: no limit"
    )
    parser.add_argument("--data-requests-per-minute", type=int, default=known.data_requests_per_minute)
    parser.add_argument(
        "--rolling-limits", action="store_true", help="count requests in the last 60 s, not by the minute"
    )
    parser.add_argument(
        "--data-plan", choices=DATA_PLANS, default=known.data_plan, help="basic: sip data 15 minutes late"
    )
    parser.add_argument("--accounts", type=Path, help="TOML or JSON file: several isolated accounts by key")


def _add_wire(parser: argparse.ArgumentParser, known: ServerOptions) -> None:
    parser.add_argument(
        "--text-frames", action="store_true", help="trading stream in text frames, as live accounts get"
    )
    parser.add_argument("--stream-symbols", type=int, default=known.stream_symbols)
    parser.add_argument("--stream-connections", type=int, default=known.stream_connections)
    parser.add_argument("--faults", type=Path, help="TOML or JSON schedule of what is to go wrong")
    parser.add_argument(
        "--option-quotes",
        type=int,
        default=known.option_quotes,
        help="quotes on an option stream; 0: no limit",
    )
    parser.add_argument(
        "--refused-feeds",
        default="",
        metavar="NAMES",
        help="feeds the account has not subscribed to, as in sip,opra=411 (the error code; 409 unless said)",
    )
    parser.add_argument(
        "--trading-connections",
        type=int,
        default=known.trading_connections,
        help="connections to the trading stream; 1: as the real broker, 0: no limit",
    )
    parser.add_argument(
        "--print-errors",
        type=float,
        default=known.print_errors,
        metavar="PERCENT",
        help="share of streamed prints that are corrected, cancelled or late",
    )
    parser.add_argument(
        "--no-compression",
        dest="compression",
        action="store_false",
        help="data streams never compress, whatever a client asks for",
    )
    parser.add_argument("--tls", action="store_true", help="speak TLS, with a certificate of a private CA")
    parser.add_argument("--tls-port", type=int, help="speak TLS on this port and plain HTTP on --port")
    parser.add_argument("--tls-dir", type=Path, help="where the private CA and its certificates are kept")
