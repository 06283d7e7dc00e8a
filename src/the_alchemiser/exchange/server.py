"""Runs the exchange: one port for trading REST, market data REST and both streams.

`python -m the_alchemiser.exchange.server --port 0` prints one JSON line with its addresses and keys when it
listens.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from aiohttp import web

from the_alchemiser.exchange.accountfile import AccountFileError, read_accounts
from the_alchemiser.exchange.credentials import DEMO_KEY, DEMO_SECRET
from the_alchemiser.exchange.desk import DATA_PLANS, UNLIMITED, AccountTerms
from the_alchemiser.exchange.faults.schedule import InvalidSchedule, read_schedule
from the_alchemiser.exchange.floor import Floor
from the_alchemiser.exchange.journal import CommandLog, JournalError
from the_alchemiser.exchange.listening import TLS, Addresses, CannotListen, listen
from the_alchemiser.exchange.market.prices import Market
from the_alchemiser.exchange.market.sessions import new_york_date
from the_alchemiser.exchange.rest import contracts as rest_contracts
from the_alchemiser.exchange.rest import control as rest_control
from the_alchemiser.exchange.rest import crypto as rest_crypto
from the_alchemiser.exchange.rest import events as rest_events
from the_alchemiser.exchange.rest import faultcontrol as rest_faults
from the_alchemiser.exchange.rest import options as rest_options
from the_alchemiser.exchange.rest import stocks as rest_stocks
from the_alchemiser.exchange.rest import trading as rest_trading
from the_alchemiser.exchange.rest.door import BODY_BYTES_LIMIT, FLOOR, FrontDoor
from the_alchemiser.exchange.rest.interference import middleware as interference
from the_alchemiser.exchange.streams.prints import PrintErrors
from the_alchemiser.exchange.streams.seats import parse_refused_feeds
from the_alchemiser.exchange.streams.tradestream import ACCOUNT_CONNECTIONS
from the_alchemiser.exchange.timestamps import parse_instant, rfc3339
from the_alchemiser.exchange.venue.valuation import MULTIPLIERS

DEFAULT_PORT = 8900
SESSIONS_AHEAD = 252  # without a start date the exchange begins a trading year before its prices end
SPEED_LIMIT = 1_000_000.0
SHUTDOWN_SECONDS = 1.0
LINE_BYTES_LIMIT = 64 * 1024  # of a request line: a thousand symbols fit into one query


class ConfigurationError(Exception):
    """An option that cannot be used; the text says which and why in one line."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How to run the exchange. `speed` None is lockstep: time moves only when a client asks.

    `start` is a date (its opening, or the next one) or an RFC 3339 instant. `data` is a folder of bars to trade
    instead of the shipped history, with `spread_basis_points` between bid and ask. `script` is a file of halts,
    corporate actions and half days. `state` is the command log that a killed exchange continues from. `accounts`
    is a file of accounts; without it there is one, by `key`, `secret`, `cash` and `multiplier` (1 a cash
    account; 4 a margin account, as paper accounts are). `faults` is a schedule of what is to go wrong. `tls`
    makes `port` speak TLS; `tls_port` is a second port for it beside a plain one; `tls_dir` keeps its
    certificates. Limits of 0 mean none and hold for each account that does not name its own.
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
    faults: Path | None = None
    tls: bool = False
    tls_port: int | None = None
    tls_dir: Path | None = None


@contextlib.asynccontextmanager
async def running(options: ServerOptions) -> AsyncIterator[tuple[Addresses, asyncio.Task[None]]]:
    """Listens until the block ends. The task moves time in free mode; it ends only by failing.

    Raises ConfigurationError, JournalError, CannotListen.
    """
    tls = _tls(options)
    floor, application = build(options)
    runner = web.AppRunner(
        application, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, max_line_size=LINE_BYTES_LIMIT
    )
    await runner.setup()
    try:
        told = await listen(runner, options.host, options.port, tls)
        pump = asyncio.create_task(floor.run_freely() if floor.clock else _stand_still())
        try:
            terms = next(iter(floor.desks.values())).terms
            yield Addresses(ready=True, key=terms.key, secret=terms.secret, **told), pump
        finally:
            pump.cancel()
    finally:
        await floor.trading_stream.close()
        await floor.data.close()
        await runner.cleanup()
        floor.close()


def _tls(options: ServerOptions) -> TLS | None:
    if not options.tls and options.tls_port is None:
        return None
    from the_alchemiser.exchange import certificates as given

    try:
        places = given.certificates(options.tls_dir or given.default_folder(options.state))
        return TLS(given.server_context(places), places.ca, options.tls_port)
    except given.CertificateError as error:
        raise ConfigurationError(str(error)) from error


async def _stand_still() -> None:
    await asyncio.Event().wait()


def build(options: ServerOptions) -> tuple[Floor, web.Application]:
    """The floor and its routes, not yet listening. Raises ConfigurationError, JournalError."""
    market = _market(options)
    start = _start(options, market)
    accounts = _accounts(options)
    try:
        floor = Floor(
            market,
            accounts,
            seed=options.seed,
            start=start,
            speed=options.speed,
            log=_command_log(options, accounts, market, start),
        )
    except ValueError as error:
        raise ConfigurationError(f"cannot start the exchange: {error}") from error
    _schedule_faults(floor, options)
    if not 0 <= options.print_errors <= 100:
        raise ConfigurationError("--print-errors must be from 0 to 100")
    floor.data.errors = PrintErrors(options.print_errors)
    floor.data.compress = options.compression
    return floor, _application(floor, FrontDoor())


def _schedule_faults(floor: Floor, options: ServerOptions) -> None:
    if options.faults is None:
        return
    try:
        floor.faults.adopt(read_schedule(options.faults), floor.now)
    except InvalidSchedule as error:
        raise ConfigurationError(f"bad schedule of faults: {error}") from error
    except OSError as error:
        raise ConfigurationError(f"cannot read {options.faults}: {error.strerror}") from error


def _accounts(options: ServerOptions) -> tuple[AccountTerms, ...]:
    """The account of the options, or those of the file."""
    first = AccountTerms(
        key=options.key,
        secret=options.secret,
        cash=options.cash,
        multiplier=options.multiplier,
        requests_per_minute=options.requests_per_minute,
        data_requests_per_minute=options.data_requests_per_minute,
        rolling_limits=options.rolling_limits,
        stream_symbols=options.stream_symbols,
        stream_connections=options.stream_connections,
        option_quotes=options.option_quotes,
        refused_feeds=_refused_feeds(options.refused_feeds),
        trading_connections=options.trading_connections,
        text_frames=options.text_frames,
        data_plan=options.data_plan,
    )
    if options.accounts is None:
        return (first,)
    try:
        return read_accounts(options.accounts, first)
    except AccountFileError as error:
        raise ConfigurationError(str(error)) from error


def _refused_feeds(text: str) -> dict[str, int]:
    try:
        return parse_refused_feeds(text)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def _application(floor: Floor, door: FrontDoor) -> web.Application:
    middlewares = [interference(floor), door.middleware()]
    application = web.Application(middlewares=middlewares, client_max_size=BODY_BYTES_LIMIT)
    application[FLOOR] = floor
    application.add_routes(rest_trading.routes())
    for family in (rest_stocks, rest_crypto, rest_contracts, rest_options, rest_events):
        application.add_routes(family.routes())
    application.add_routes(rest_control.routes())
    application.add_routes(rest_faults.routes())
    application.router.add_get("/stream", floor.trading_stream.serve)
    application.add_routes(floor.data.routes())
    return application


def _market(options: ServerOptions) -> Market:
    market = _prices(options)
    if options.script is not None:
        from the_alchemiser.exchange.market.scriptfile import BadScript, read_script

        try:
            market.script = read_script(options.script)
        except BadScript as error:
            raise ConfigurationError(f"bad market script: {error}") from error
        _check_script(options.script, market)
    return market


def _check_script(file: Path, market: Market) -> None:
    """What a script names must exist. Raises ConfigurationError."""
    strangers = sorted(symbol for symbol in market.script.symbols() if market.asset(symbol) is None)
    if strangers:
        raise ConfigurationError(f"bad market script: {file}: no such symbol: {', '.join(strangers)}")
    for half_day in market.script.half_days:
        if market.sessions.on(half_day.date) is None:
            raise ConfigurationError(
                f"bad market script: {file}: half_day: the market is closed on {half_day.date}"
            )


def _prices(options: ServerOptions) -> Market:
    try:
        if options.data is not None:
            return _replayed(options.data, options)
        from the_alchemiser.exchange.market.board import Board
        from the_alchemiser.exchange.market.crypto import SimulatedCrypto
        from the_alchemiser.exchange.market.days import SimulatedDays
        from the_alchemiser.exchange.market.options import OptionMarket

        stocks, seed = SimulatedDays(seed=options.seed), options.seed
        crypto = SimulatedCrypto(stocks.first_day, stocks.last_day, seed=seed)
        return Board(stocks, crypto, OptionMarket(stocks, seed=seed))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"no market data: {error}") from error


def _replayed(folder: Path, options: ServerOptions) -> Market:
    from the_alchemiser.exchange.market.replay import ReplayedBars

    market = ReplayedBars(folder, seed=options.seed, spread_basis_points=options.spread_basis_points)
    if market.outside_sessions:
        _complain(f"{market.outside_sessions} bars outside regular sessions are left out", 0)
    return market


def _start(options: ServerOptions, market: Market) -> int:
    if options.start is None:
        sessions = market.sessions.between(market.first_day, market.last_day)
        return sessions[max(0, len(sessions) - SESSIONS_AHEAD)].open
    try:
        instant = parse_instant(options.start)
    except ValueError:
        raise ConfigurationError(f"--start {options.start!r} is neither a date nor a timestamp") from None
    day = new_york_date(instant)
    if not market.first_day <= day <= market.last_day:
        extent = f"{market.first_day} to {market.last_day}"
        raise ConfigurationError(f"--start {options.start} lies outside the market data ({extent})")
    if len(options.start) > len("YYYY-MM-DD"):
        return instant
    return market.sessions.between(day, market.last_day)[0].open


def _command_log(
    options: ServerOptions, accounts: Sequence[AccountTerms], market: Market, start: int
) -> CommandLog | None:
    if options.state is None:
        return None
    script = market.script.fingerprint
    setting: dict[str, object] = {
        "seed": options.seed,
        "cash": options.cash,
        "start": rfc3339(start),
        "data": market.fingerprint + (f"/script-{script}" if script else ""),
    }
    if options.multiplier != 1:  # the log of a cash account names none
        setting["multiplier"] = options.multiplier
    if options.accounts is not None:
        setting["accounts"] = [msgspec.to_builtins(terms) for terms in accounts]
    return CommandLog(options.state, setting)


async def serve(options: ServerOptions, *, until_stdin_closes: bool = False) -> None:
    """Runs until SIGINT, SIGTERM or, if asked, the end of standard input. Prints the addresses when it
    listens.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with running(options) as (addresses, pump):
        sys.stdout.write(msgspec.json.encode(addresses).decode() + "\n")
        sys.stdout.flush()
        gc.freeze()  # what was built to start with never becomes garbage
        if until_stdin_closes:
            _watch_stdin(lambda: loop.call_soon_threadsafe(stop.set))
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait({waiting, pump}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if pump.done():
            pump.result()


def _watch_stdin(ended: Callable[[], object]) -> None:
    def wait_for_the_end() -> None:
        # Straight from the descriptor: a thread inside sys.stdin would upset the interpreter's exit.
        with contextlib.suppress(OSError, RuntimeError):
            while os.read(0, 4096):
                pass
        with contextlib.suppress(RuntimeError):
            ended()

    threading.Thread(target=wait_for_the_end, name="stdin-watch", daemon=True).start()


def run(options: ServerOptions, *, until_stdin_closes: bool = False) -> int:
    """Serves in this process; the exit code: 0 asked to stop, 1 failed, 2 an option cannot be used."""
    try:
        asyncio.run(serve(options, until_stdin_closes=until_stdin_closes))
    except ConfigurationError as error:
        return _complain(str(error), 2)
    except (CannotListen, JournalError) as error:
        return _complain(str(error), 1)
    except OSError as error:
        return _complain(f"the exchange cannot go on: {error.strerror or error}", 1)
    return 0


def _complain(reason: str, code: int) -> int:
    sys.stderr.write(f"exchange: {reason}\n")
    return code


def parse_speed(text: str) -> float | None:
    """A number of exchange seconds in a wall second; `max` and `lockstep` mean that only clients move time."""
    if text in ("max", "lockstep"):
        return None
    speed = float(text)
    if not 0 < speed <= SPEED_LIMIT:
        raise ValueError(f"speed must be above 0 and at most {SPEED_LIMIT:.0f}")
    return speed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="exchange",
        description="An Alpaca-compatible exchange on one local port.",
        epilog="Example: exchange --port 8900 --start 2022-06-01 --speed 60",
    )
    known = ServerOptions()
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
    parser.add_argument(
        "--multiplier",
        type=int,
        choices=MULTIPLIERS,
        default=known.multiplier,
        help="1: a cash account; 2 or 4: a margin account that may borrow and sell short",
    )
    parser.add_argument("--state", type=Path, help="command log: a killed exchange continues from it")
    parser.add_argument(
        "--script", type=Path, help="TOML or JSON file of halts, price bands, corporate actions, half days"
    )
    parser.add_argument("--key", default=known.key)
    parser.add_argument("--secret", default=known.secret)
    parser.add_argument(
        "--text-frames", action="store_true", help="trading stream in text frames, as live accounts get"
    )
    parser.add_argument(
        "--requests-per-minute", type=int, default=known.requests_per_minute, help="0: no limit"
    )
    parser.add_argument("--data-requests-per-minute", type=int, default=known.data_requests_per_minute)
    parser.add_argument("--stream-symbols", type=int, default=known.stream_symbols)
    parser.add_argument("--stream-connections", type=int, default=known.stream_connections)
    parser.add_argument(
        "--rolling-limits", action="store_true", help="count requests in the last 60 s, not by the minute"
    )
    parser.add_argument(
        "--data-plan", choices=DATA_PLANS, default=known.data_plan, help="basic: sip data 15 minutes late"
    )
    parser.add_argument("--accounts", type=Path, help="TOML or JSON file: several isolated accounts by key")
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
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when standard input ends")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = _parser()
    given = vars(parser.parse_args(argv))
    until_stdin_closes = given.pop("until_stdin_closes")
    try:
        given["speed"] = parse_speed(given["speed"])
    except ValueError:
        parser.error(f"--speed {given['speed']!r} is neither max nor a number above 0")
    return run(ServerOptions(**given), until_stdin_closes=until_stdin_closes)


if __name__ == "__main__":
    sys.exit(main())
