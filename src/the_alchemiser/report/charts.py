"""Which picture shows which figure: Plotly figures as plain data.

Colours are names of the page's CSS variables. The page's script puts the colours of the current theme in their
place, so one figure serves light, dark and print.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from the_alchemiser.domain.market import Symbol
from the_alchemiser.domain.money import Side
from the_alchemiser.pipeline.report import Contribution, Performance, Trade

from . import wording

Figure = dict[str, Any]

POINTS_WITH_MARKERS_MAX = 40
"""Up to so many sessions each is a dot on an evenly spaced axis; beyond, a line on a calendar axis."""
TICKS_MAX = 6
MARKERS_PER_SYMBOL_MAX = 2_000
CLOSE = "16:00"
"""Where in its day a daily close is drawn, New York time; trades stand at their own time beside it."""
STRATEGY_COLOURS = ("var(--ours)", "var(--second)", "var(--third)", "var(--fourth)", "var(--fifth)")
STRATEGY_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


def equity_figure(performance: Performance) -> Figure:
    """Equity beside holding and the index, and below it, on the same dates, the drawdown."""
    sessions = performance.sessions
    lines = [
        _line(
            sessions, [float(value) for value in performance.equity], "The Alchemiser", "var(--ours)", "solid"
        )
    ]
    if performance.holding:
        curve = performance.holding
        lines.append(_line(sessions, curve.values, curve.name, "var(--second)", "dash"))
    if performance.index:
        curve = performance.index
        lines.append(_line(sessions, curve.values, curve.name, "var(--muted)", "dot"))
    for line in lines:
        line["hovertemplate"] = "%{y:$,.2f}"
    return {"data": [*lines, _drawdown(performance)], "layout": _equity_layout(sessions)}


def _equity_layout(sessions: Sequence[str]) -> Figure:
    # The lines belong to the axis of the lower panel too, so that one hover reads both.
    layout = _layout()
    layout["xaxis"] = _session_axis(sessions) | {"anchor": "y2"}
    layout["yaxis"] = _axis("$,.0f") | {"domain": [0.34, 1]}
    layout["yaxis2"] = _axis(".2~%") | {"domain": [0, 0.24], "rangemode": "tozero", "nticks": 4}
    layout["annotations"] = [_panel_title("Drawdown", 0.24)]
    return layout


def _drawdown(performance: Performance) -> Figure:
    line = _line(performance.sessions, performance.drawdown.series, "Drawdown", "var(--loss)", "solid")
    line |= {"yaxis": "y2", "fill": "tozeroy", "fillcolor": "var(--loss-area)", "showlegend": False}
    line["hovertemplate"] = "%{y:.2%}"
    line["line"]["width"] = 1.5
    return line


def contribution_figure(performance: Performance) -> Figure:
    """What each strategy has earned, added up over the sessions."""
    strategies = [line for line in performance.contributions if line.cumulative]
    data = [_contribution(performance.sessions, line, rank) for rank, line in enumerate(strategies)]
    layout = _layout()
    layout["xaxis"] = _session_axis(performance.sessions)
    layout["yaxis"] = _axis("$,.0f") | {
        "zeroline": True,
        "zerolinecolor": "var(--rule)",
        "zerolinewidth": 1.5,
    }
    return {"data": data, "layout": layout}


def _contribution(sessions: Sequence[str], line: Contribution, rank: int) -> Figure:
    colour = STRATEGY_COLOURS[rank % len(STRATEGY_COLOURS)] if line.is_strategy else "var(--muted)"
    trace = _line(sessions, line.cumulative, line.name, colour, STRATEGY_DASHES[rank % len(STRATEGY_DASHES)])
    return trace | {"hovertemplate": "%{y:$,.2f}"}


def price_figures(performance: Performance) -> dict[Symbol, Figure]:
    """One price chart per symbol with its trades, the most traded symbol first."""
    by_symbol: dict[Symbol, list[Trade]] = {symbol: [] for symbol in performance.prices}
    for trade in performance.trades:
        by_symbol.setdefault(trade.symbol, []).append(trade)
    ranked = sorted(by_symbol, key=lambda symbol: (-len(by_symbol[symbol]), symbol))
    return {symbol: _price_figure(performance, symbol, by_symbol[symbol]) for symbol in ranked}


def _price_figure(performance: Performance, symbol: Symbol, trades: list[Trade]) -> Figure:
    closes = performance.prices.get(symbol, ())
    line = _line(
        [f"{date} {CLOSE}" for date, _ in closes],
        [close for _, close in closes],
        "Close",
        "var(--muted)",
        "solid",
    )
    line["hovertemplate"] = "Close %{x|%-d %b %Y}: %{y:$,.2f}<extra></extra>"
    line["line"]["width"] = 1.5
    newest = trades[-MARKERS_PER_SYMBOL_MAX:]
    bought = _markers(
        [trade for trade in newest if trade.side is Side.BUY], "Bought", "var(--buy)", "triangle-up"
    )
    sold = _markers(
        [trade for trade in newest if trade.side is Side.SELL], "Sold", "var(--sell)", "triangle-down"
    )
    layout = _layout() | {"hovermode": "closest"}
    layout["xaxis"] = _price_axis([date for date, _ in closes])
    layout["yaxis"] = _axis("$,.2f")
    return {"data": [line, bought, sold], "layout": layout}


def _markers(trades: list[Trade], name: str, colour: str, shape: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [f"{wording.new_york(trade.at):%Y-%m-%d %H:%M:%S}" for trade in trades],
        "y": [float(trade.price) for trade in trades],
        "text": [_trade_text(trade, name) for trade in trades],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {
            "symbol": shape,
            "size": 11 if len(trades) <= POINTS_WITH_MARKERS_MAX else 8,
            "color": colour,
            "line": {"width": 1, "color": "var(--card)"},
        },
    }


def _trade_text(trade: Trade, verb: str) -> str:
    paid = "" if trade.spread_paid is None else f"<br>spread paid {wording.dollars(trade.spread_paid)}"
    return (
        f"{verb} {wording.shares(trade.shares)} at ${wording.price(trade.price)}"
        f"<br>{wording.clock(trade.at)} New York{paid}"
    )


def _line(x: Sequence[str], y: Sequence[float], name: str, colour: str, dash: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(x) <= POINTS_WITH_MARKERS_MAX else "lines",
        # Plotly reads tags such as <b> and <a> in a name: a name is text.
        "name": escape(name),
        "x": list(x),
        "y": [round(value, 6) for value in y],
        "line": {"color": colour, "width": 2.25, "dash": dash},
        "marker": {"size": 5, "color": colour},
        "cliponaxis": False,
    }


def _layout() -> Figure:
    return {
        "autosize": True,
        "margin": {"l": 56, "r": 12, "t": 36, "b": 44},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "var(--sans)", "size": 13, "color": "var(--text)"},
        "hovermode": "x unified",
        "hoverlabel": {
            "bgcolor": "var(--card)",
            "bordercolor": "var(--rule)",
            "font": {"color": "var(--text)"},
        },
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.01, "yanchor": "bottom"},
        "showlegend": True,
        "dragmode": "zoom",
    }


def _axis(tickformat: str) -> Figure:
    return {
        "tickformat": tickformat,
        "hoverformat": tickformat,
        "gridcolor": "var(--grid)",
        "linecolor": "var(--rule)",
        "tickfont": {"color": "var(--muted)", "size": 12},
        "zeroline": False,
        "tickangle": 0,
        "automargin": True,
    }


def _session_axis(sessions: Sequence[str]) -> Figure:
    if len(sessions) > POINTS_WITH_MARKERS_MAX:
        return _calendar_axis() | {"hoverformat": "%-d %b %Y"}
    ticks = _spaced(sessions)
    return _calendar_axis() | {"type": "category", "tickvals": ticks, "ticktext": _short_days(ticks)}


def _price_axis(sessions: Sequence[str]) -> Figure:
    if len(sessions) > POINTS_WITH_MARKERS_MAX:
        return _calendar_axis()
    ticks = _spaced(sessions)
    # Weekends would squeeze a few days' trades into slivers between empty stretches.
    return _calendar_axis() | {
        "rangebreaks": [{"bounds": ["sat", "mon"]}],
        "tickvals": [f"{session} {CLOSE}" for session in ticks],
        "ticktext": _short_days(ticks),
    }


def _calendar_axis() -> Figure:
    return _axis("%-d %b<br>%Y") | {"type": "date", "showgrid": False, "nticks": TICKS_MAX}


def _spaced(sessions: Sequence[str]) -> list[str]:
    return list(sessions[:: -(-len(sessions) // TICKS_MAX) or 1])


def _short_days(sessions: Sequence[str]) -> list[str]:
    return [wording.day(session).rsplit(" ", 1)[0] for session in sessions]


def _panel_title(text: str, top: float) -> Figure:
    return {
        "text": text,
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": top,
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"color": "var(--muted)", "size": 12},
    }
