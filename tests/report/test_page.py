"""The HTML report: one file, nothing from outside, every text inert, and a plain word on what it is."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import plotly.graph_objects as plotly_figures  # type: ignore[import-untyped]
import pytest
from story_facts import Closes, random_closes, story, trading_days

from the_alchemiser.domain.facts import AccountOpened, Fact, Reconciled
from the_alchemiser.pipeline.report import Performance, performance
from the_alchemiser.report import SIMULATED, write_report
from the_alchemiser.report.page import ROWS_MAX, render

HOSTILE = "</script ><img src=x>&"


def run_of(days: int, symbols: tuple[str, ...] = ("AAA", "BBB", "CCC", "DDD")) -> Performance:
    closes = random_closes(symbols, trading_days("2021-03-01", days + 1))
    return performance(story(closes), closes, index=closes[symbols[0]], index_name="S&P 500")


class Page(HTMLParser):
    """What a browser would see: texts by element, attributes, and the plotting library set apart."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.scripts: dict[str, str] = {}
        self.style = ""
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._inside: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self._inside.append(dict(attrs).get("id") or tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style"}:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.texts.append(data)
        elif self._inside[-1] == "style":
            self.style += data
        else:
            self.scripts[self._inside[-1]] = self.scripts.get(self._inside[-1], "") + data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    @property
    def figures(self) -> dict[str, Any]:
        figures: dict[str, Any] = json.loads(self.scripts["figures"])
        return figures


@pytest.fixture(scope="module")
def page() -> Page:
    return page_of(run_of(8))


def page_of(run: Performance, **words: Any) -> Page:
    given = {"title": "Eight days", "notes": ["Prices are real."], "banner": SIMULATED}
    return Page(render(run, **(given | words)))


def test_the_page_refers_to_nothing_outside_itself(page: Page) -> None:
    ours = page.style + page.scripts["script"] + page.scripts["figures"] + page.text
    assert "http:" not in ours
    assert "https:" not in ours
    assert "@import" not in page.style
    assert "url(" not in page.style
    assert not [tag for tag, _ in page.tags if tag in {"link", "iframe", "img", "object", "embed"}]
    assert not [attrs for _, attrs in page.tags if attrs.keys() & {"src", "href", "srcset", "action"}]


def test_the_page_forbids_the_browser_any_request(page: Page) -> None:
    policies = [
        attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policies
    directives = (policies[0] or "").split("; ")
    assert directives[0] == "default-src 'none'"
    assert not [one for one in directives if "http" in one or "connect-src" in one or "*" in one]


def test_simulated_data_is_said_aloud_and_real_data_is_not_called_simulated(page: Page) -> None:
    assert page.text.startswith(f"Eight days ◆ {SIMULATED}")
    assert "imulated" not in page_of(run_of(1), banner="").text


def test_every_text_from_outside_is_inert() -> None:
    closes = random_closes(("AAA", HOSTILE), trading_days("2021-03-01", 3))
    facts: list[Fact] = [*_with_hostile_words(closes)]
    page = page_of(performance(facts, closes), title=HOSTILE, notes=[HOSTILE], banner=HOSTILE)
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert HOSTILE in page.text
    assert HOSTILE in page.figures["prices"]
    assert set(page.scripts) == {"figures", "plotly", "script"}
    # A browser ends a script at "</script " too, where Python's parser reads on.
    assert not set("<>&") & set(page.scripts["figures"])


def test_a_name_with_tags_is_text_in_a_chart_too() -> None:
    closes = random_closes(("AAA",), trading_days("2021-03-01", 3))
    run = performance(story(closes), closes, index=closes["AAA"], index_name="<b>&")
    names = [trace["name"] for trace in page_of(run).figures["equity"]["data"]]
    assert "&lt;b&gt;&amp;" in names
    assert "<b>&" not in names


def _with_hostile_words(closes: Closes) -> list[Fact]:
    facts = [
        msgspec.structs.replace(fact, number=HOSTILE) if isinstance(fact, AccountOpened) else fact
        for fact in story(closes)
    ]
    return [*facts, Reconciled(1, "close", (HOSTILE,), Decimal(0), Decimal(0))]


def test_agreement_with_the_exchange_is_stated(page: Page) -> None:
    assert "Reconciled: ledger and exchange agree to the cent" in page.text
    assert "difference $0.00." in page.text


def test_every_difference_with_the_exchange_is_listed() -> None:
    run = performance([Reconciled(1, "close", ("cash: a cent", "AAA: a share"), Decimal(0), Decimal(0))], {})
    text = page_of(run).text
    assert "Not reconciled: 2 differences between ledger and exchange cash: a cent AAA: a share" in text
    assert "agree to the cent" not in text


def test_a_run_without_a_comparison_does_not_claim_agreement() -> None:
    assert "have not been compared yet" in page_of(performance([], {})).text


def test_a_short_run_says_too_few_days(page: Page) -> None:
    assert "Sharpe ratio too few days" in page.text


def test_every_figure_is_one_that_plotly_understands(page: Page) -> None:
    figures = [page.figures["equity"], page.figures["contribution"], *page.figures["prices"].values()]
    for figure in figures:
        # Colours are names of CSS variables until the page's script puts the theme's in their place.
        plain = json.loads(json.dumps(figure).replace("var(--sans)", "Arial"))
        plotly_figures.Figure(_painted(plain))


def _painted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _painted(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_painted(one) for one in value]
    return "black" if isinstance(value, str) and value.startswith("var(") else value


def test_every_colour_of_a_figure_exists_in_the_style(page: Page) -> None:
    used = set(re.findall(r"var\((--[a-z-]+)\)", page.scripts["figures"]))
    assert used
    assert used <= set(re.findall(r"(--[a-z-]+):", page.style))


def test_every_fill_is_a_marker_on_its_symbols_price_chart() -> None:
    run = run_of(8)
    charts = page_of(run).figures["prices"]
    markers = {
        symbol: sum(len(trace["x"]) for trace in chart["data"] if trace["name"] in {"Bought", "Sold"})
        for symbol, chart in charts.items()
    }
    assert sum(markers.values()) == len(run.trades)
    first = run.trades[0]
    bought = charts[first.symbol]["data"][1]
    assert bought["y"][0] == pytest.approx(float(first.price))
    assert bought["x"][0].startswith("2021-03-02 15:4")


def test_the_chart_and_the_table_have_every_choice_of_symbol(page: Page) -> None:
    choices = [attrs["value"] for tag, attrs in page.tags if tag == "option"]
    assert sorted(str(choice) for choice in choices) == ["AAA", "BBB", "CCC", "DDD"]


def test_a_long_run_lists_its_newest_orders_and_says_so() -> None:
    run = run_of(250)
    assert len(run.orders) > ROWS_MAX
    text = page_of(run).text
    assert f"the newest {ROWS_MAX} of {len(run.orders):,} orders" in text


def test_charts_have_a_description_for_those_who_cannot_see_them(page: Page) -> None:
    charts = [attrs for _, attrs in page.tags if attrs.get("class") == "chart"]
    assert len(charts) == 3
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in charts)


def test_the_file_is_written_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("an older report")
    write_report(run_of(2), path, title="Two days", banner=SIMULATED)
    html = path.read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert html.rstrip().endswith("</html>")
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_does_not_exist_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_report(run_of(1), tmp_path / "missing" / "report.html", title="One day", banner=SIMULATED)
    assert not list(tmp_path.iterdir())


def test_the_same_run_always_makes_the_same_page() -> None:
    first, second = (render(run_of(3), title="t", notes=(), banner="") for _ in range(2))
    assert first == second
