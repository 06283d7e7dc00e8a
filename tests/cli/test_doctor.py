"""The doctor's verdicts: by a broker made for the test where the illness is rare, over the wire where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from cli.command_line import KEY, SECRET, CommandLine, Ran, keys_of
from wire import WireExchange

from the_alchemiser.doctor import (
    BrokerReading,
    Finding,
    account_finding,
    disk_finding,
    dry_order,
    freshness_finding,
    lease_finding,
    market_findings,
    quarantine_finding,
    read_clock,
    skew_finding,
)
from the_alchemiser.domain.errors import BrokerUnavailable
from the_alchemiser.domain.hearing import KEEPS_SILENT, NOT_UNDERSTOOD
from the_alchemiser.domain.instants import DAY, MINUTE, SECOND, parse_rfc3339
from the_alchemiser.domain.market import Asset, History, Quote, Session
from the_alchemiser.domain.portfolio import Account
from the_alchemiser.settings import LiveTradingRefused, Settings, load_settings
from the_alchemiser.store.lease import LeaseRow
from the_alchemiser.store.records import AlertRecord

NOW = parse_rfc3339("2022-06-01T15:00:00Z")
TODAY = Session("2022-06-01", NOW - 90 * MINUTE, NOW + 300 * MINUTE)
YESTERDAY = Session("2022-05-31", TODAY.open - DAY, TODAY.close - DAY)
READING = BrokerReading(NOW, (YESTERDAY, TODAY))
QUOTE = Quote("HAT", NOW - SECOND, Decimal("9.99"), Decimal("10.01"))
ACCOUNT = Account("PA1", Decimal(100_000), Decimal(100_000), Decimal(100_000))


class ToldBroker:
    """A broker that knows what it was told, and nothing else."""

    def __init__(
        self, *, now: int = NOW, quotes: Sequence[Quote] = (QUOTE,), symbols: Sequence[str] = ("HAT",)
    ) -> None:
        self.now, self.symbols = now, symbols
        self.quotes = {quote.symbol: quote for quote in quotes}
        self.failure: BrokerUnavailable | None = None

    def get_time(self) -> int:
        if self.failure:
            raise self.failure
        return self.now

    def get_sessions(self, from_date: str, to_date: str) -> Sequence[Session]:
        return [one for one in (YESTERDAY, TODAY) if from_date <= one.date <= to_date]

    def get_assets(self, symbols: Sequence[str]) -> dict[str, Asset]:
        return {symbol: Asset(symbol) for symbol in symbols if symbol in self.symbols}

    def get_quotes(self, symbols: Sequence[str]) -> dict[str, Quote]:
        return {symbol: self.quotes[symbol] for symbol in symbols if symbol in self.quotes}

    def get_histories(self, symbols: Sequence[str], sessions: int, before_date: str) -> dict[str, History]:
        return {symbol: History(symbol, YESTERDAY.date, np.full(sessions, 10.0)) for symbol in symbols}


def settings(**environ: str) -> Settings:
    return load_settings(environ, Path("/nonexistent"))


# One illness each


@pytest.mark.parametrize(
    ("skew_seconds", "level"),
    [(0.0, "ok"), (1.9, "ok"), (-2.1, "warning"), (9.9, "warning"), (10.1, "failure"), (-3_600.0, "failure")],
)
def test_a_clock_that_is_off_is_a_warning_and_one_far_off_a_failure(skew_seconds: float, level: str) -> None:
    assert skew_finding(skew_seconds).level == level


def test_the_skew_is_measured_against_the_middle_of_the_request() -> None:
    times = iter((NOW - 4 * SECOND, NOW - 2 * SECOND))
    _, finding = read_clock(ToldBroker(), keeps_own_time=False, time_ns=lambda: next(times))
    assert (finding.level, finding.text) == ("warning", "this machine is 3.0 s behind the broker")


def test_an_exchange_of_this_machine_may_live_in_another_year() -> None:
    reading, finding = read_clock(ToldBroker(), keeps_own_time=True, time_ns=lambda: 0)
    assert reading is not None
    assert (reading.now, finding.level) == (NOW, "ok")


def test_a_broker_without_a_clock_is_a_failure() -> None:
    broker = ToldBroker()
    broker.failure = BrokerUnavailable("no answer within 5 s")
    reading, finding = read_clock(broker, keeps_own_time=False)
    assert (reading, finding.level) == (None, "failure")


def test_a_symbol_the_broker_does_not_trade_is_named() -> None:
    quote, (finding,) = market_findings(ToldBroker(), ("HAT", "NOSUCH"), READING)
    assert (quote, finding.level) == (None, "failure")
    assert "NOSUCH" in finding.text
    assert "HAT" not in finding.text


def test_a_missing_quote_is_a_failure() -> None:
    quote, (finding,) = market_findings(ToldBroker(quotes=()), ("HAT",), READING)
    assert (quote, finding.level) == (None, "failure")


def test_prices_of_yesterday_are_well_and_older_ones_are_not() -> None:
    assert freshness_finding(QUOTE, "2022-05-31", READING).level == "ok"
    assert freshness_finding(QUOTE, "2022-05-27", READING).level == "failure"


def test_an_old_quote_matters_only_while_the_market_is_open() -> None:
    old = Quote("HAT", NOW - DAY, QUOTE.bid, QUOTE.ask)
    assert freshness_finding(old, "2022-05-31", READING).level == "warning"
    night = BrokerReading(TODAY.close + 60 * MINUTE, (YESTERDAY, TODAY))
    assert freshness_finding(old, "2022-06-01", night).level == "ok"


def test_a_blocked_and_an_empty_account_are_failures() -> None:
    blocked = Account("PA1", Decimal(1), Decimal(1), Decimal(1), is_blocked=True)
    empty = Account("PA1", Decimal(0), Decimal(0), Decimal(0))
    assert [account_finding(settings(), one).level for one in (ACCOUNT, blocked, empty)] == [
        "ok",
        "failure",
        "failure",
    ]


def test_the_consent_must_be_to_the_account_the_keys_open() -> None:
    live = settings(
        TRADING_MODE="live", ALPACA_API_KEY=KEY, ALPACA_SECRET_KEY=SECRET, LIVE_TRADING_CONSENT="LIVE1"
    )
    with pytest.raises(LiveTradingRefused):
        account_finding(live, ACCOUNT)


def test_the_dry_order_meets_the_real_risk_limits() -> None:
    assert dry_order(settings(), ACCOUNT, QUOTE, NOW).level == "ok"
    refused = dry_order(settings(RISK__RESTRICTED="HAT"), ACCOUNT, QUOTE, NOW)
    assert (refused.level, "restricted" in refused.text) == ("warning", True)


def test_a_folder_that_cannot_be_written_is_a_failure() -> None:
    assert disk_finding(Path("/proc/alchemiser-data")).level == "failure"


# Who trades


HELD = LeaseRow(3, "process 7 on here", version="1.2", config_hash="abc")


def test_an_account_nobody_trades_is_said_with_the_engine_that_did_last() -> None:
    assert lease_finding(LeaseRow(), 0, "abc").text == "no engine trades this account"
    assert lease_finding(HELD, -5, "abc").text == (
        "no engine trades this account; the last engine was process 7 on here (epoch 3)"
    )


def test_the_engine_that_trades_is_named_with_its_version_and_settings() -> None:
    found = lease_finding(HELD, 5, "abc")
    assert (found.level, found.text) == (
        "ok",
        "process 7 on here trades this account (epoch 3, version 1.2) by these settings (abc)",
    )


@pytest.mark.parametrize("found_here", ["def", ""])
def test_an_engine_that_trades_by_other_settings_is_a_warning(found_here: str) -> None:
    found = lease_finding(HELD, 5, found_here)
    assert (found.level, "by other settings (abc, here" in found.text) == ("warning", True)


def alerts(*texts: str) -> list[AlertRecord]:
    """Newest first."""
    return [AlertRecord(9 - number, NOW, "warning", text) for number, text in enumerate(texts)]


def test_messages_nobody_understood_are_shown_with_the_newest_of_them() -> None:
    told = alerts("something else", f"{NOT_UNDERSTOOD}: no JSON: half a mes", f"{KEEPS_SILENT}: 1 orders")
    found = quarantine_finding(told)
    assert found.level == "warning"
    assert "2 of the last 3 alerts" in found.text
    assert "2022-06-01T15:00:00Z" in found.text
    assert "half a mes" in found.text
    assert quarantine_finding(alerts("something else")).level == "ok"


# The whole examination


def levels(ran: Ran) -> dict[str, str]:
    return {one["check"]: one["level"] for one in ran.document["checks"]}


CHECKS = [
    *("configuration", "keys", "account", "clock", "market data", "streams", "dry order"),
    *("store", "disk", "redis", "alerts"),
]


@pytest.mark.slow
def test_without_keys_everything_is_checked_against_a_temporary_exchange_and_that_is_said(
    alchemiser: CommandLine,
) -> None:
    ran = alchemiser("doctor", "--json")
    assert ran.code == 0, ran
    assert "temporary exchange" in ran.err
    assert list(levels(ran)) == CHECKS
    assert {check for check, level in levels(ran).items() if level != "ok"} == {"alerts"}
    assert not (alchemiser.folder / "alchemiser-data").exists()


@pytest.mark.slow
@pytest.mark.spec("S3-22")
def test_the_connection_is_tested_with_the_users_keys_and_nothing_is_sent(
    alchemiser: CommandLine, market: WireExchange
) -> None:
    ran = alchemiser("doctor", **keys_of(market))
    assert ran.code == 0, ran
    assert "order updates: connected, authenticated, listening" in ran.out
    assert "nothing was sent" in ran.out
    assert market.get("/v2/orders", status="all") == []


@pytest.mark.slow
@pytest.mark.spec("S3-22")
def test_refused_keys_are_a_failure_and_what_was_not_checked_is_said(
    alchemiser: CommandLine, market: WireExchange
) -> None:
    ran = alchemiser("doctor", "--json", **keys_of(market) | {"ALPACA_SECRET_KEY": SECRET.upper()})
    assert (ran.code, ran.document["ok"]) == (1, False)
    keys = Finding(**ran.document["checks"][1])
    assert (keys.check, keys.level) == ("keys", "failure")
    assert "refuses these keys" in keys.text
    assert "ALPACA_SECRET_KEY" in keys.advice
    assert list(levels(ran)) == CHECKS


@pytest.mark.slow
def test_a_silent_host_is_a_failure_with_advice(alchemiser: CommandLine) -> None:
    url = "http://127.0.0.1:9"
    ran = alchemiser("doctor", "--json", ALPACA_API_KEY=KEY, ALPACA_SECRET_KEY=SECRET, ALPACA_BASE_URL=url)
    assert ran.code == 1
    assert levels(ran)["keys"] == "failure"
    assert f"{url} does not answer" in ran.document["checks"][1]["text"]


@pytest.mark.slow
def test_a_damaged_journal_is_a_failure_of_the_store(alchemiser: CommandLine) -> None:
    folder = alchemiser.folder / "alchemiser-data"
    folder.mkdir()
    (folder / "alchemiser.db").write_text("a shopping list\n" * 500)
    ran = alchemiser("doctor", "--json")
    assert (ran.code, levels(ran)["store"]) == (1, "failure")


@pytest.mark.slow
def test_a_stream_that_does_not_listen_is_a_failure(alchemiser: CommandLine, market: WireExchange) -> None:
    nowhere = market.trading_stream.replace("/stream", "/nowhere")
    ran = alchemiser("doctor", "--json", **keys_of(market), ALPACA_TRADING_STREAM_URL=nowhere)
    assert (ran.code, levels(ran)["streams"]) == (1, "failure")
    assert [check for check, level in levels(ran).items() if level == "failure"] == ["streams"]
    assert nowhere in ran.document["checks"][5]["text"]
