"""How the exchange can be run: its options, and the command line that gives them."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from the_alchemiser.exchange.credentials import DEMO_KEY, DEMO_SECRET
from the_alchemiser.exchange.desk import UNLIMITED
from the_alchemiser.exchange.flags import GROUPS, Flag, Reading
from the_alchemiser.exchange.streams.tradestream import ACCOUNT_CONNECTIONS

DEFAULT_PORT = 8900


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
    pending_cancel and pending_replace for so many seconds of exchange time. `rules` chooses further behaviours of
    the venue by name, as in `expired_as=canceled,crypto_fok=yes`. `faults` is a schedule of what is to
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
    rules: str = ""
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


class _OneLine(argparse.ArgumentParser):
    """Tells a mistake in one line: the help is longer than a screen."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see --help)\n")


def command_line() -> argparse.ArgumentParser:
    """What the exchange's own command understands; the names are those of `ServerOptions`."""
    parser = _OneLine(
        prog="exchange",
        description="An Alpaca-compatible exchange on one local port.",
        epilog="Example: exchange --port 8900 --start 2022-06-01 --speed 60",
    )
    for title, flags in GROUPS.items():
        group = parser.add_argument_group(title)
        for flag in flags:
            _add(group, flag)
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when standard input ends")
    return parser


def _add(group: argparse._ArgumentGroup, flag: Flag) -> None:
    says, shown = flag.help, flag.default
    if flag.read is None:
        group.add_argument(
            flag.on_the_line,
            dest=flag.name,
            action="store_const",
            const=flag.switched,
            default=shown,
            help=says,
        )
        return
    known = "" if shown in (None, "", ()) else f" [{shown:g}]" if isinstance(shown, float) else f" [{shown}]"
    group.add_argument(
        flag.on_the_line, type=_reading(flag.read), default=shown, metavar=flag.metavar, help=says + known
    )


def _reading(read: Reading) -> Reading:
    """The same with its sentence kept: argparse forgets what a ValueError says."""

    def of_argparse(text: str) -> object:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return of_argparse
