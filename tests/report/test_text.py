"""The summary on a terminal."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO

from rich.console import Console
from story_facts import random_closes, story, trading_days

from the_alchemiser.domain.facts import Reconciled, TargetSet
from the_alchemiser.domain.intent import TargetPortfolio
from the_alchemiser.pipeline.report import Performance, performance
from the_alchemiser.report.text import DIFFERENCES_SHOWN_MAX, SPARKLINE_WIDTH_MAX, sparkline, summary
from the_alchemiser.report.wording import signed_dollars


def printed(run: Performance) -> str:
    screen = StringIO()
    Console(file=screen, width=100, color_system=None).print(summary(run))
    return screen.getvalue()


def test_the_summary_tells_profit_costs_and_agreement() -> None:
    closes = random_closes(("AAA", "BBB", "CCC"), trading_days("2021-03-01", 6))
    run = performance(story(closes), closes)
    text = printed(run)
    assert "2 Mar 2021 to 8 Mar 2021, 5 sessions" in text
    assert f"profit {signed_dollars(run.profit)}" in " ".join(text.split())
    assert "yes: ledger and exchange agree to the cent" in text
    assert all(line.name in text for line in run.contributions)


def test_differences_are_listed_up_to_a_limit() -> None:
    differences = tuple(f"S{number}: a share" for number in range(DIFFERENCES_SHOWN_MAX + 2))
    text = printed(performance([Reconciled(1, "close", differences, Decimal(0), Decimal(0))], {}))
    assert f"no: {len(differences)} differences" in text
    assert "S0: a share" in text
    assert "and 2 more" in text


def test_names_with_brackets_are_not_taken_for_colours() -> None:
    wish = TargetSet(1, "c1", TargetPortfolio({}, {"[bold]": {}}))
    text = printed(performance([wish, Reconciled(1, "x", ("[red]",), Decimal(0), Decimal(0))], {}))
    assert "[red]" in text
    assert "[bold]" in text


def test_a_sparkline_runs_from_its_lowest_to_its_highest_point() -> None:
    assert sparkline([1, 2, 3, 8]) == "▁▂▃█"
    assert sparkline([5, 5]) == "▁▁"
    assert sparkline([]) == ""


def test_a_long_sparkline_keeps_its_first_and_last_point() -> None:
    line = sparkline([9.0, *([5.0] * 500), 1.0])
    assert len(line) == SPARKLINE_WIDTH_MAX
    assert (line[0], line[-1]) == ("█", "▁")
