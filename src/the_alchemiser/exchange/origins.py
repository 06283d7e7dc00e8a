"""What a world begins with, by the options: its market, its start, its accounts; and the log it continues."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from the_alchemiser.exchange.accountfile import AccountFileError, read_accounts
from the_alchemiser.exchange.desk import AccountTerms
from the_alchemiser.exchange.errors import ConfigurationError
from the_alchemiser.exchange.journal import CommandLog
from the_alchemiser.exchange.market.prices import Market
from the_alchemiser.exchange.market.sessions import new_york_date
from the_alchemiser.exchange.options import ServerOptions
from the_alchemiser.exchange.setting import Setting
from the_alchemiser.exchange.statefile import begun, continued, copied, relabelled
from the_alchemiser.exchange.streams.seats import parse_refused_feeds
from the_alchemiser.exchange.timestamps import parse_instant, rfc3339
from the_alchemiser.exchange.units import SECOND
from the_alchemiser.exchange.venue.rules import VenueRules, named_rules, text_of_rules
from the_alchemiser.exchange.world import Origin, World

SESSIONS_AHEAD = 252  # without a start date the exchange begins a trading year before its prices end

OriginOf = Callable[[Setting], Origin]


def world_of(options: ServerOptions, asked: Origin, origin_of: OriginOf) -> World:
    """The world that is asked for, or the one of the log or saved state that the options name. Raises
    ConfigurationError, JournalError, ValueError.
    """
    if options.load is not None:
        log = CommandLog.temporary() if options.state is None else CommandLog.at(options.state)
        if log.size:
            raise ConfigurationError(f"--load needs a new --state file, and {options.state} is in use")
        return relabelled(copied(options.load), log, asked.setting, origin_of)
    if options.state is not None:
        return continued(options.state, asked, origin_of)
    return begun(CommandLog.temporary(), asked.setting, asked)


def origin_of_setting(options: ServerOptions, setting: Setting) -> Origin:
    """What a world with this setting begins with; what the setting leaves open is as the options say. Raises
    ConfigurationError.
    """
    chosen = replace(
        options,
        seed=setting.seed,
        cash=setting.cash,
        multiplier=setting.multiplier,
        start=setting.start,
        symbols=setting.symbols,
        volatility=setting.volatility,
        extended_hours="/extended-hours" in setting.data,
        partial_fills=setting.rules.partial_fills,
        pay_dividends=setting.rules.pay_dividends,
        hard_to_borrow=setting.rules.hard_to_borrow,
        cancel_delay_seconds=setting.rules.cancel_delay / SECOND,
        replace_delay_seconds=setting.rules.replace_delay / SECOND,
        rules=text_of_rules(setting.rules),
    )
    return _origin(chosen, setting.accounts)


def origin_asked(options: ServerOptions) -> Origin:
    """What a world with these options begins with. Raises ConfigurationError."""
    return _origin(options, _accounts(options))


def _origin(options: ServerOptions, accounts: tuple[AccountTerms, ...]) -> Origin:
    market = market_of(options)
    script = market.script.fingerprint
    setting = Setting(
        seed=options.seed,
        cash=options.cash,
        multiplier=options.multiplier,
        start=rfc3339(_start(options, market)),
        data=market.fingerprint + (f"/script-{script}" if script else ""),
        symbols=options.symbols,
        volatility=options.volatility,
        rules=_rules(options),
        accounts=accounts,
    )
    return Origin(setting, market, accounts or (_first_account(options),))


def _first_account(options: ServerOptions) -> AccountTerms:
    return AccountTerms(
        key=options.key,
        secret=options.secret,
        cash=options.cash,
        multiplier=options.multiplier,
        rules=_rules(options),
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


def _accounts(options: ServerOptions) -> tuple[AccountTerms, ...]:
    """The accounts of the file, none without one."""
    if options.accounts is None:
        return ()
    try:
        return read_accounts(options.accounts, _first_account(options))
    except AccountFileError as error:
        raise ConfigurationError(str(error)) from error


def _rules(options: ServerOptions) -> VenueRules:
    try:
        return VenueRules(
            partial_fills=options.partial_fills,
            pay_dividends=options.pay_dividends,
            hard_to_borrow=options.hard_to_borrow,
            cancel_delay=round(options.cancel_delay_seconds * SECOND),
            replace_delay=round(options.replace_delay_seconds * SECOND),
            **named_rules(options.rules),
        )
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def _refused_feeds(text: str) -> dict[str, int]:
    try:
        return parse_refused_feeds(text)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def market_of(options: ServerOptions) -> Market:
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
            if options.symbols is not None or options.volatility != 1:
                raise ConfigurationError("--symbols and --volatility shape the shipped days, not --data")
            return _replayed(options.data, options)
        from the_alchemiser.exchange.market.board import Board
        from the_alchemiser.exchange.market.crypto import SimulatedCrypto
        from the_alchemiser.exchange.market.days import SimulatedDays
        from the_alchemiser.exchange.market.extended import ExtendedDays
        from the_alchemiser.exchange.market.options import OptionMarket

        seed = options.seed
        kind = ExtendedDays if options.extended_hours else SimulatedDays
        stocks = kind(seed=seed, symbols=options.symbols, volatility=options.volatility)
        stocks.keep_from_lending(options.hard_to_borrow)
        crypto = SimulatedCrypto(stocks.first_day, stocks.last_day, seed=seed)
        return Board(stocks, crypto, OptionMarket(stocks, seed=seed))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"no market data: {error}") from error


def _replayed(folder: Path, options: ServerOptions) -> Market:
    from the_alchemiser.exchange.market.replay import ReplayedBars

    market = ReplayedBars(folder, seed=options.seed, spread_basis_points=options.spread_basis_points)
    market.keep_from_lending(options.hard_to_borrow)
    if market.outside_sessions:
        sys.stderr.write(f"exchange: {market.outside_sessions} bars outside regular sessions are left out\n")
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
