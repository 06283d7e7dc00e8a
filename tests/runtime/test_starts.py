"""A program that keeps falling over starts carefully, until it has lived for a while."""

from __future__ import annotations

from pathlib import Path

from hand import Hand
from language import NOON

from the_alchemiser.domain.events import Started
from the_alchemiser.domain.facts import AlertRaised, TradingStateChanged
from the_alchemiser.domain.instants import SECOND
from the_alchemiser.domain.intent import TradingState
from the_alchemiser.engine import CALM_SECONDS
from the_alchemiser.runtime.starts import FAILED_MAX, WINDOW_SECONDS, Starts


def starts(path: Path, *at: float) -> list[str]:
    """What a start at each of these seconds is told, none of them ending well."""
    return [Starts(path, lambda now=now: now).begin() for now in at]  # type: ignore[misc]


def test_after_three_starts_without_a_good_end_within_five_minutes_the_next_is_careful(
    tmp_path: Path,
) -> None:
    told = starts(tmp_path / "starts.json", 1000, 1100, 1200, 1250)
    assert told[:FAILED_MAX] == ["", "", ""]
    assert told[FAILED_MAX] == "3 starts within 5 minutes came to no good end"


def test_starts_long_ago_or_in_a_future_that_a_clock_once_showed_do_not_count(tmp_path: Path) -> None:
    assert starts(tmp_path / "starts.json", 9000, 9001, 9002, 1000, 1000 + WINDOW_SECONDS, 1301)[-1] == ""


def test_a_good_end_forgets_what_was_before(tmp_path: Path) -> None:
    path = tmp_path / "starts.json"
    starts(path, 1000, 1001, 1002)
    Starts(path).end()
    assert starts(path, 1003) == [""]


def test_a_file_that_cannot_be_read_or_written_stops_no_start(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert starts(tmp_path / "folder", 1, 2, 3, 4, 5) == [""] * 5
    (tmp_path / "garbage").write_bytes(b"\xff[1,")
    assert starts(tmp_path / "garbage", 1) == [""]


def test_a_careful_start_opens_nothing_until_it_has_lived_for_a_while() -> None:
    hand = Hand()
    hand.tell(Started(NOON, "3 starts within 5 minutes came to no good end"))
    hand.read("start", "100000")
    assert hand.engine.state.trading is TradingState.REDUCING
    assert any("came to no good end" in fact.text for fact in hand.kinds(AlertRaised))
    calm_at = NOON + CALM_SECONDS * SECOND
    for at in (calm_at - SECOND, calm_at + SECOND):
        hand.fire("begin:now", at)
        assert hand.engine.state.trading is TradingState.REDUCING
        hand.read("begin:now", "100000", at=at)
    changes = [fact.state for fact in hand.kinds(TradingStateChanged)]
    assert changes == [TradingState.REDUCING, TradingState.ACTIVE]


def test_an_ordinary_start_is_not_careful() -> None:
    hand = Hand()
    hand.start()
    assert hand.kinds(TradingStateChanged) == []
