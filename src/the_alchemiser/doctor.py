"""Could we trade now? Every check says ok, warning or failure, and what to do about it. Nothing is ever sent.

A check that cannot be made, because an earlier one failed, says so: silence would look like health.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from the_alchemiser.bootstrap import Connection, connect, engine_config
from the_alchemiser.domain.errors import (
    AlchemiserError,
    BrokerError,
    BrokerUnauthorized,
    BrokerUnavailable,
    MarketDataMissing,
    StoreUnavailable,
)
from the_alchemiser.domain.hearing import KEEPS_SILENT, NOT_UNDERSTOOD
from the_alchemiser.domain.instants import DAY, SECOND, Nanos, rfc3339
from the_alchemiser.domain.intent import PlannedTrade, RebalancePlan, TradingState
from the_alchemiser.domain.market import Quote, Session, Symbol
from the_alchemiser.domain.money import WHOLE_SHARE, ZERO, Side, plain
from the_alchemiser.domain.orders import OrderRequest, OrderType
from the_alchemiser.domain.portfolio import Account
from the_alchemiser.endpoints import Venue
from the_alchemiser.pipeline.risk import RiskContext, RiskManager
from the_alchemiser.ports import Broker
from the_alchemiser.runtime.embedded import EmbeddedExchange, EmbeddedOptions
from the_alchemiser.settings import Settings

if TYPE_CHECKING:
    from the_alchemiser.broker import AlpacaManager
    from the_alchemiser.store.lease import LeaseRow
    from the_alchemiser.store.records import AlertRecord

Level = Literal["ok", "warning", "failure"]

SKEW_SECONDS_WARN: Final = 2.0
SKEW_SECONDS_FAIL: Final = 10.0
QUOTE_AGE_SECONDS_MAX: Final = 120
"""As in a decision: an older quote opens no position."""
STREAM_SECONDS_MAX: Final = 15.0
REDIS_SECONDS_MAX: Final = 1.0
FREE_BYTES_WARN: Final = 1_000_000_000
FREE_BYTES_FAIL: Final = 50_000_000
CALENDAR_DAYS: Final = 10
ALERTS_MAX: Final = 100
"""So many of the newest alerts are looked through for what the order stream said."""
NAMED_MAX: Final = 5
"""How many symbols a line names before it counts the rest."""
KEYS_ADVICE: Final = "set ALPACA_API_KEY and ALPACA_SECRET_KEY to a pair made for this account, paper or live"


class Finding(msgspec.Struct, frozen=True):
    """What one check found, and what to do where it is not ok."""

    check: str
    level: Level
    text: str
    advice: str = ""


@dataclass(frozen=True)
class BrokerReading:
    """What the checks of the market share: the broker's time, and the sessions around it."""

    now: Nanos
    sessions: Sequence[Session]

    @property
    def is_open(self) -> bool:
        return any(session.open <= self.now < session.close for session in self.sessions)

    @property
    def last_complete(self) -> str:
        """The date of the newest session that is over; empty where the calendar shows none."""
        return max((one.date for one in self.sessions if one.close <= self.now), default="")


def examine(settings: Settings, notice: Callable[[str], None] = lambda _: None) -> list[Finding]:
    """Every check in order. Without keys an exchange of our own is started for as long as it takes."""
    findings = [_configuration(settings)]
    with contextlib.ExitStack() as stack:
        try:
            connection = stack.enter_context(_connection(settings, notice))
            findings += _broker_checks(settings, connection)
        except AlchemiserError as error:
            findings.append(Finding("keys", "failure", str(error), "the built-in exchange must start first"))
    return [*findings, *_store(settings), _redis(settings), _alerts(settings)]


@contextlib.contextmanager
def _connection(settings: Settings, notice: Callable[[str], None]) -> Iterator[Connection]:
    if not settings.uses_embedded_exchange:
        yield Connection.of(settings)
        return
    notice("No keys are set: checking against a temporary exchange of our own, with simulated prices.")
    with EmbeddedExchange(EmbeddedOptions(speed=1.0)) as exchange:
        yield Connection.embedded(exchange.ready())


def _configuration(settings: Settings) -> Finding:
    engine_config(settings)  # raises ConfigurationError for a strategy nobody knows
    chosen = settings.strategies
    where = "the built-in exchange" if settings.uses_embedded_exchange else settings.endpoints.trading
    ideas = ", ".join(sorted(chosen.weights))
    text = f"{settings.trading_mode.value} on {where}; {ideas} over {len(chosen.universe)} symbols"
    doubts = [notice for notice in settings.notices if "neither paper nor live" in notice]
    if doubts:
        return Finding(
            "configuration", "warning", f"{text}; {'; '.join(doubts)}", "write TRADING_MODE=paper or live"
        )
    return Finding("configuration", "ok", text)


def _broker_checks(settings: Settings, connection: Connection) -> list[Finding]:
    with contextlib.closing(connect(connection)) as manager:
        try:
            account = manager.get_account()
        except BrokerError as error:
            return [_no_account(connection, error), *_not_made("the account cannot be read")]
        return _account_checks(settings, connection, manager, account)


def _account_checks(
    settings: Settings, connection: Connection, manager: AlpacaManager, account: Account
) -> list[Finding]:
    is_ours = connection.endpoints.venue is Venue.LOCAL
    reading, clock = read_clock(manager, keeps_own_time=is_ours)
    trading = [keys_finding(settings, connection), account_finding(settings, account), clock]
    if reading is None:
        return [*trading, *_not_made("the broker's clock and calendar cannot be read", first=2)]
    universe = settings.strategies.universe
    quote, market = market_findings(manager, universe, reading)
    stream = asyncio.run(_order_stream(manager, connection))
    return [*trading, *market, stream, dry_order(settings, account, quote, reading.now)]


AFTER_ACCOUNT: Final = ("account", "clock", "market data", "streams", "dry order")


def _not_made(reason: str, first: int = 0) -> list[Finding]:
    return [Finding(name, "warning", f"not checked: {reason}") for name in AFTER_ACCOUNT[first:]]


def _no_account(connection: Connection, error: BrokerError) -> Finding:
    if isinstance(error, BrokerUnauthorized):
        return Finding("keys", "failure", str(error), KEYS_ADVICE)
    if isinstance(error, BrokerUnavailable):
        advice = "check the network and ALPACA_BASE_URL, or wait where the broker is down"
        return Finding("keys", "failure", f"{connection.endpoints.trading} does not answer: {error}", advice)
    return Finding("keys", "failure", str(error), "the broker's answer says why")


def keys_finding(settings: Settings, connection: Connection) -> Finding:
    """The keys opened the account; say whose they are."""
    if settings.uses_embedded_exchange:
        return Finding("keys", "ok", "none set: the built-in exchange's own are used")
    return Finding("keys", "ok", f"accepted by {connection.endpoints.trading}")


def account_finding(settings: Settings, account: Account) -> Finding:
    """Is it the account meant, and may it trade?"""
    settings.confirm_live_account(account.number)
    text = f"{account.number}: equity ${account.equity:,.2f}, cash ${account.cash:,.2f}"
    if account.is_blocked:
        return Finding(
            "account", "failure", f"{text}; blocked by the broker", "the broker's dashboard says why"
        )
    if account.equity <= 0:
        return Finding(
            "account", "failure", f"{text}; there is nothing to trade with", "fund or reset the account"
        )
    return Finding("account", "ok", text)


def read_clock(
    broker: Broker, *, keeps_own_time: bool, time_ns: Callable[[], int] = time.time_ns
) -> tuple[BrokerReading | None, Finding]:
    """The broker's time beside ours (a local exchange may live in another year), and its calendar."""
    try:
        asked = time_ns()
        now = broker.get_time()
        skew_seconds = (now - (asked + time_ns()) // 2) / SECOND
        dates = (rfc3339(now + days * DAY)[:10] for days in (-CALENDAR_DAYS, CALENDAR_DAYS))
        reading = BrokerReading(now, broker.get_sessions(*dates))
    except BrokerError as error:
        return None, Finding(
            "clock", "failure", str(error), "the broker's clock is needed to trade; try again"
        )
    if keeps_own_time:
        return reading, Finding("clock", "ok", f"the exchange keeps its own time: {rfc3339(now)[:19]}Z")
    return reading, skew_finding(skew_seconds)


def skew_finding(skew_seconds: float) -> Finding:
    """How far this machine's clock is from the broker's."""
    text = (
        f"this machine is {abs(skew_seconds):.1f} s {'behind' if skew_seconds > 0 else 'ahead of'} the broker"
    )
    advice = "synchronise this machine's clock (timedatectl set-ntp true)"
    if abs(skew_seconds) > SKEW_SECONDS_FAIL:
        return Finding("clock", "failure", text, advice)
    if abs(skew_seconds) > SKEW_SECONDS_WARN:
        return Finding("clock", "warning", text, advice)
    return Finding("clock", "ok", text)


def market_findings(
    broker: Broker, universe: Sequence[Symbol], reading: BrokerReading
) -> tuple[Quote | None, list[Finding]]:
    """Does the broker know every symbol, and are quote and daily bars of the first one there and fresh?"""
    try:
        assets = broker.get_assets(universe)
        unknown = [symbol for symbol in universe if symbol not in assets or not assets[symbol].tradable]
        if unknown:
            return None, [_unknown_symbols(unknown)]
        symbol = universe[0]
        quote = broker.get_quotes([symbol]).get(symbol)
        newest = broker.get_histories([symbol], 5, rfc3339(reading.now + DAY)[:10]).get(symbol)
    except (BrokerError, MarketDataMissing) as error:
        return None, [Finding("market data", "failure", str(error), "no decision can be made without prices")]
    if newest is None or quote is None or not quote.is_two_sided:
        missing = "daily bars" if newest is None else "a two-sided quote"
        advice = "the data plan of these keys may not cover it (ALPACA_DATA_FEED)"
        return None, [
            Finding("market data", "failure", f"{symbol}: the broker has not got {missing}", advice)
        ]
    return quote, [freshness_finding(quote, newest.last_date, reading)]


def _unknown_symbols(unknown: Sequence[Symbol]) -> Finding:
    more = f" and {len(unknown) - NAMED_MAX} more" if len(unknown) > NAMED_MAX else ""
    text = f"the broker does not trade {', '.join(unknown[:NAMED_MAX])}{more}"
    return Finding(
        "market data", "failure", text, "remove it from STRATEGIES__UNIVERSE: no cycle decides without it"
    )


def freshness_finding(quote: Quote, last_bar_date: str, reading: BrokerReading) -> Finding:
    """Old prices are worse than none: they look like prices."""
    age_seconds = (reading.now - quote.at) // SECOND
    text = f"{quote.symbol} {plain(quote.bid)} / {plain(quote.ask)}, daily bars to {last_bar_date}"
    if last_bar_date < reading.last_complete:
        advice = "the data service lags; a cycle would refuse to decide"
        return Finding("market data", "failure", f"{text}, but {reading.last_complete} is over", advice)
    if reading.is_open and age_seconds > QUOTE_AGE_SECONDS_MAX:
        return Finding(
            "market data",
            "warning",
            f"{text}; the quote is {age_seconds} s old",
            "see whether the symbol is halted",
        )
    state = f"{age_seconds} s old" if reading.is_open else "the market is closed"
    return Finding("market data", "ok", f"{text}; {state}")


async def _order_stream(manager: AlpacaManager, connection: Connection) -> Finding:
    """Connect, authenticate and listen, as trading does, and hang up."""
    from the_alchemiser.broker import AlpacaStream

    stream = AlpacaStream(manager.credentials, connection.endpoints.trading_stream, sleep=_give_up)
    updates = stream.order_updates()
    try:
        async with asyncio.timeout(STREAM_SECONDS_MAX):
            # None is the connection; anything else that may come first says that there is none.
            if await anext(updates) is None:
                return Finding("streams", "ok", "order updates: connected, authenticated, listening")
    except (_GivenUp, TimeoutError):
        pass
    finally:
        await updates.aclose()
    text = f"{connection.endpoints.trading_stream}: {stream.trouble or 'no answer'}"
    return Finding("streams", "failure", text, "trading cannot start without it; check proxies and firewalls")


class _GivenUp(Exception):
    """The first attempt to connect failed, which is all a check needs to know."""


async def _give_up(seconds: float) -> None:
    raise _GivenUp


def dry_order(settings: Settings, account: Account, quote: Quote | None, now: Nanos) -> Finding:
    """Would one share pass the risk checks, and is its order well formed? It is built, judged and thrown away."""
    if quote is None:
        return Finding("dry order", "warning", "not checked: there is no price")
    from the_alchemiser.broker.order_shape import problem_of

    trade = PlannedTrade(quote.symbol, Side.BUY, WHOLE_SHARE, quote.middle, quote.ask)
    plan = RebalancePlan("doctor", account.equity, (trade,), ZERO, ZERO, ())
    fresh = msgspec.structs.replace(quote, at=now)
    context = RiskContext(
        now,
        TradingState.ACTIVE,
        account.equity,
        account.cash,
        {},
        {quote.symbol: fresh},
        ZERO,
        0,
        account.is_blocked,
    )
    verdict = RiskManager(engine_config(settings).cycle.limits).review(plan, context)
    request = OrderRequest(
        "doctor", quote.symbol, Side.BUY, WHOLE_SHARE, OrderType.LIMIT, limit_price=quote.ask
    )
    text = f"buy 1 {quote.symbol} at {plain(quote.ask)}"
    objection = verdict.refused[0].text if verdict.refused else problem_of(request)
    if objection:
        return Finding("dry order", "warning", f"{text} would be refused: {objection}", "see RISK__ settings")
    return Finding("dry order", "ok", f"{text} would pass every check; nothing was sent")


def _store(settings: Settings) -> list[Finding]:
    try:
        return [*_journal(settings), disk_finding(settings.data_dir)]
    except StoreUnavailable as error:
        return [
            Finding("store", "failure", str(error), "see `alchemiser audit verify`"),
            disk_finding(settings.data_dir),
        ]


def _journal(settings: Settings) -> list[Finding]:
    from the_alchemiser.store.databases import database_of
    from the_alchemiser.store.reading import Reading

    database = database_of(settings.store_url)
    if not database.exists():
        return [Finding("store", "ok", f"no journal yet; the first start writes {database.name}")]
    with Reading(settings.store_url) as reading:
        found, (row, now), alerts = reading.verify(), reading.lease(), reading.alerts(ALERTS_MAX)
    lease = lease_finding(row, row.seconds_left(now), settings.digest)
    if not found.is_sound:
        advice = "restore a backup; where only tables differ, `alchemiser db rebuild`"
        return [Finding("store", "failure", f"{database.name}: {found.reason}", advice), lease]
    text = f"{database.name}: {found.entries:,} entries, the chain verifies"
    return [Finding("store", "ok", text), lease, quarantine_finding(alerts)]


def quarantine_finding(alerts: Sequence[AlertRecord]) -> Finding:
    """Did the order stream say what nobody understood, or keep silent? `alerts` are the newest ones, newest first."""
    about_it = [one for one in alerts if one.text.startswith((NOT_UNDERSTOOD, KEEPS_SILENT))]
    if not about_it:
        return Finding(
            "quarantine", "ok", f"no message of the order stream among the last {len(alerts)} alerts"
        )
    newest = about_it[0]
    text = f"{len(about_it)} of the last {len(alerts)} alerts; {rfc3339(newest.at)[:19]}Z: {newest.text}"
    return Finding(
        "quarantine", "warning", text, "what it may have said was read; `alchemiser activity` has all"
    )


def lease_finding(row: LeaseRow, seconds_left: float, digest: str) -> Finding:
    """Who trades the account now, and is it by the settings found here?"""
    if seconds_left <= 0:
        last = f"; the last engine was {row.owner} (epoch {row.epoch})" if row.epoch else ""
        return Finding("lease", "ok", f"no engine trades this account{last}")
    text = f"{row.owner} trades this account (epoch {row.epoch}, version {row.version or 'unknown'})"
    if row.config_hash != digest:
        advice = "start it again to trade by the settings found here"
        found = row.config_hash or "unknown"
        return Finding("lease", "warning", f"{text} by other settings ({found}, here {digest})", advice)
    return Finding("lease", "ok", f"{text} by these settings ({digest})")


def disk_finding(folder: Path) -> Finding:
    """Can the data folder be written, and for how long?"""
    place = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    try:
        with TemporaryFile(dir=place) as file:
            file.write(b"doctor")
    except OSError as error:
        advice = "make the data folder writable, or choose another DATA_DIR"
        return Finding("disk", "failure", f"{place}: {error.strerror}", advice)
    free_bytes = shutil.disk_usage(place).free
    text = f"{free_bytes / 1e9:,.1f} GB free at {place}"
    if free_bytes < FREE_BYTES_WARN:
        level: Level = "failure" if free_bytes < FREE_BYTES_FAIL else "warning"
        return Finding("disk", level, text, "make room: what cannot be written down is not sent")
    return Finding("disk", "ok", text)


def _redis(settings: Settings) -> Finding:
    if settings.redis_url is None:
        return Finding("redis", "ok", "not used; one process needs none")
    try:
        import redis
    except ImportError:
        advice = "pip install 'the-alchemiser[redis]', or leave REDIS_URL out"
        return Finding("redis", "failure", "REDIS_URL is set, but the Redis client is missing", advice)
    url, seconds = settings.redis_url, REDIS_SECONDS_MAX
    try:
        redis.Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds).ping()
    except redis.RedisError as failure:
        text = f"does not answer ({type(failure).__name__}): each process counts its requests alone"
        return Finding("redis", "warning", text, "start it, or leave REDIS_URL out")
    return Finding("redis", "ok", "requests are counted together with the account's other processes")


def _alerts(settings: Settings) -> Finding:
    if settings.alerts.urls or settings.alerts.email:
        text = "configured, but this version sends none: they stay in the journal"
        return Finding("alerts", "warning", text, "look at `alchemiser activity` while you trade")
    advice = "set ALERTS__URLS to hear of trouble while away"
    return Finding("alerts", "warning", "none configured: they stay in the journal", advice)
