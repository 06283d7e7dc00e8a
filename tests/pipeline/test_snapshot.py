"""A decision needs the whole market, fresh; otherwise it says everything that is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from language import NOON, TODAY, YESTERDAY, assets, history, quote

from the_alchemiser.domain.instants import SECOND
from the_alchemiser.domain.market import Asset, MarketSnapshot
from the_alchemiser.pipeline.snapshot import (
    QUOTE_AGE_SECONDS_MAX,
    MarketFindings,
    Unusable,
    histories_digest,
    take_snapshot,
)

NEEDED = 3


@dataclass(frozen=True)
class Found:
    """What a read of the market for AAPL and MSFT brought; complete unless a test takes something away."""

    histories: Any
    quotes: Any
    assets: Any

    def without(self, kind: str, symbol: str) -> Found:
        rest = {name: value for name, value in getattr(self, kind).items() if name != symbol}
        return replace(self, **{kind: rest})

    def with_(self, kind: str, symbol: str, value: Any) -> Found:
        return replace(self, **{kind: {**getattr(self, kind), symbol: value}})

    def snapshot(self, at: int = NOON) -> MarketSnapshot | Unusable:
        found = MarketFindings(at, self.histories, self.quotes, self.assets)
        return take_snapshot(found, ("AAPL", "MSFT"), TODAY, YESTERDAY, NEEDED)


@pytest.fixture
def found() -> Found:
    return Found(
        {symbol: history(symbol, [98, 99, 100]) for symbol in ("MSFT", "AAPL")},
        {"AAPL": quote("AAPL 99.98/100.02"), "MSFT": quote("MSFT 199/201")},
        assets("AAPL", "MSFT"),
    )


def test_a_complete_and_fresh_market_becomes_a_snapshot_in_the_universes_order(found: Found) -> None:
    snapshot = found.snapshot()
    assert isinstance(snapshot, MarketSnapshot)
    assert snapshot.symbols == ["AAPL", "MSFT"]
    assert list(snapshot.closes("AAPL")) == [98, 99, 100]


Change = Callable[[Found], Found]
LASTING: dict[str, Change] = {
    "AAPL: the broker knows no such symbol": lambda found: found.without("assets", "AAPL"),
    "AAPL: not tradable at the broker": lambda found: found.with_("assets", "AAPL", Asset("AAPL", False)),
    "AAPL: no price history": lambda found: found.without("histories", "AAPL"),
    "AAPL: 2 daily closes, 3 needed": lambda found: found.with_("histories", "AAPL", history("AAPL", [1, 2])),
    "AAPL: newest close is of 2020-12-30, expected 2020-12-31": lambda found: found.with_(
        "histories", "AAPL", history("AAPL", [1, 2, 3], "2020-12-30")
    ),
    "AAPL: a close that is not a positive number": lambda found: found.with_(
        "histories", "AAPL", history("AAPL", [1, float("nan"), 3])
    ),
}
PASSING: dict[str, Change] = {
    "AAPL: no quote": lambda found: found.without("quotes", "AAPL"),
    "AAPL: unusable quote 0 / 100": lambda found: found.with_("quotes", "AAPL", quote("AAPL 0/100")),
    "AAPL: unusable quote 100 / 0": lambda found: found.with_("quotes", "AAPL", quote("AAPL 100/0")),
    "AAPL: unusable quote -1 / 100": lambda found: found.with_("quotes", "AAPL", quote("AAPL -1/100")),
    "AAPL: unusable quote 101 / 100": lambda found: found.with_("quotes", "AAPL", quote("AAPL 101/100")),
    "AAPL: quote is 121 s old, at most 120 s allowed": lambda found: found.with_(
        "quotes", "AAPL", quote("AAPL 99/100", NOON - 121 * SECOND)
    ),
}


@pytest.mark.parametrize(("reason", "change"), LASTING.items(), ids=LASTING)
def test_a_lasting_lack_is_named_and_not_waited_for(found: Found, reason: str, change: Change) -> None:
    assert change(found).snapshot() == Unusable((reason,), is_passing=False)


@pytest.mark.parametrize(("reason", "change"), PASSING.items(), ids=PASSING)
def test_a_passing_lack_is_named_and_may_be_waited_for(found: Found, reason: str, change: Change) -> None:
    assert change(found).snapshot() == Unusable((reason,), is_passing=True)


@pytest.mark.parametrize("bad", [0.0, -1.0, float("inf")])
def test_no_close_may_be_zero_negative_or_infinite(found: Found, bad: float) -> None:
    snapshot = found.with_("histories", "MSFT", history("MSFT", [1, bad, 3])).snapshot()
    assert snapshot == Unusable(("MSFT: a close that is not a positive number",), is_passing=False)


def test_every_lack_is_said_at_once_and_one_lasting_lack_ends_the_waiting(found: Found) -> None:
    unusable = found.without("quotes", "AAPL").without("assets", "MSFT").snapshot()
    assert unusable == Unusable(("MSFT: the broker knows no such symbol", "AAPL: no quote"), is_passing=False)


def test_a_quote_is_fresh_to_the_last_second_of_its_limit(found: Found) -> None:
    limit = NOON + QUOTE_AGE_SECONDS_MAX * SECOND
    assert isinstance(found.snapshot(at=limit), MarketSnapshot)
    assert isinstance(found.snapshot(at=limit + SECOND), Unusable)


def test_a_locked_market_is_a_market(found: Found) -> None:
    assert isinstance(found.with_("quotes", "AAPL", quote("AAPL 100/100")).snapshot(), MarketSnapshot)


def test_two_pasts_have_one_digest_only_if_every_close_is_the_same() -> None:
    past = {"AAPL": history("AAPL", [98, 99, 100])}
    assert histories_digest(past) == histories_digest({"AAPL": history("AAPL", [98, 99, 100])})
    assert histories_digest(past) != histories_digest({"AAPL": history("AAPL", [98, 99, 100.0001])})
    assert histories_digest(past) != histories_digest({"MSFT": history("MSFT", [98, 99, 100])})
