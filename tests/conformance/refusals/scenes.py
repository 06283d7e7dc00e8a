"""Where refusals happen: exchanges on which just enough has happened, and what their orders are called."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from conformance.refusals.of_options import CALL, PUT
from wire import WireExchange, exchange_in_thread

_HALT = """
[[halt]]
symbol = "GE"
start = "2022-06-01T14:00:00Z"
end = "2022-06-01T19:00:00Z"
reason = "news pending"
"""
_LIVE = """
[[accounts]]
key = "PKPAPER"
secret = "paper"
[[accounts]]
key = "AKLIVE"
secret = "live"
live = true
[[accounts]]
key = "PKCLOSING"
secret = "closing"
rules = {restriction = "liquidation"}
[[accounts]]
key = "PKBLOCKED"
secret = "blocked"
rules = {restriction = "blocked"}
[[accounts]]
key = "PKCHOOSY"
secret = "choosy"
rules = {refused_classes = ["us_equity", "crypto"]}
"""
_FAILING = """
seed = 1
[[rule]]
route = "POST /v2/orders"
having = {symbol = "AAPL"}
fault = "error"
status = 500
[[rule]]
route = "POST /v2/orders"
having = {symbol = "KO"}
fault = "error"
status = 503
[[rule]]
route = "POST /v2/orders"
having = {symbol = "MSFT"}
fault = "error"
status = 403
code = 40310100
message = "trade denied due to pattern day trading protection"
"""
_LONG_AGO = "2022-06-01T14:30:00Z"


class Stage(NamedTuple):
    """A running exchange, and the ids of its orders and lists by name."""

    exchange: WireExchange
    names: dict[str, str]


def _limit(price: str, **fields: Any) -> dict[str, Any]:
    return {"side": "buy", "type": "limit", "limit_price": price, "qty": "1", "symbol": "KO", **fields}


def _morning(exchange: WireExchange) -> dict[str, str]:
    """Orders of every state, positions long, short and in coins, and a list."""
    kept = {}
    for name, fields in (
        ("filled", {"symbol": "AAPL", "qty": "50", "side": "buy", "client_order_id": "filled"}),
        ("coins", {"symbol": "BTC/USD", "qty": "0.01", "side": "buy", "time_in_force": "gtc"}),
        ("short", {"symbol": "PFE", "qty": "20", "side": "sell"}),
        ("shares", {"symbol": "MSFT", "qty": "5", "side": "buy"}),
        ("resting", _limit("40", client_order_id="resting")),
        ("canceled", _limit("41", client_order_id="canceled")),
        ("replaced", _limit("42")),
        ("buying", _limit("10", symbol="XOM")),
        ("selling_short", _limit("500", symbol="JNJ", side="sell")),
        ("selling", _limit("200", symbol="AAPL", side="sell", qty="10")),
        ("stopping", {"symbol": "MSFT", "qty": "5", "side": "sell", "type": "stop", "stop_price": "200"}),
    ):
        kept[name] = exchange.submit(**fields)["id"]
    exits = {"order_class": "bracket", "time_in_force": "gtc", "take_profit": {"limit_price": "400"}}
    working = exchange.submit(symbol="PEP", qty="4", side="buy", stop_loss={"stop_price": "100"}, **exits)
    waiting = exchange.submit(**_limit("40", symbol="WMT"), stop_loss={"stop_price": "30"}, **exits)
    kept["target"], kept["waiting_stop"] = working["legs"][0]["id"], waiting["legs"][1]["id"]
    kept["sold_leg"] = _a_filled_exit(exchange)
    _must(exchange, "DELETE", f"/v2/orders/{kept['canceled']}")
    _must(exchange, "PATCH", f"/v2/orders/{kept['replaced']}", {"limit_price": "42.5"})
    kept["list"] = _must(exchange, "POST", "/v2/watchlists", {"name": "kept", "symbols": ["KO"]})["id"]
    return kept


def _a_filled_exit(exchange: WireExchange) -> str:
    """A bracket whose target, moved to the market, has been sold."""
    entry = exchange.submit(
        symbol="CVX",
        qty="1",
        side="buy",
        order_class="bracket",
        take_profit={"limit_price": "900"},
        stop_loss={"stop_price": "1"},
    )
    target = entry["legs"][0]["id"]
    sold: str = _must(exchange, "PATCH", f"/v2/orders/{target}", {"limit_price": "10"})["id"]
    return sold


def _options(exchange: WireExchange) -> dict[str, str]:
    """Two bought calls and a written put."""
    exchange.submit(symbol=CALL, qty="2", side="buy")
    exchange.submit(symbol=PUT, qty="1", side="sell")
    return {}


def _evening(exchange: WireExchange) -> dict[str, str]:
    """The market has closed on an order, and on one that closes a position."""
    exchange.submit(symbol="AAPL", qty="5", side="buy")
    exchange.advance_fully("2022-06-03T20:30:00Z")
    _must(exchange, "DELETE", "/v2/positions/AAPL")
    return {"accepted": exchange.submit(**_limit("40"))["id"]}


def _slow(exchange: WireExchange) -> dict[str, str]:
    """Cancels and changes take ten seconds, which do not pass."""
    leaving, changing = exchange.submit(**_limit("40"))["id"], exchange.submit(**_limit("41"))["id"]
    _must(exchange, "DELETE", f"/v2/orders/{leaving}")
    coming = _must(exchange, "PATCH", f"/v2/orders/{changing}", {"limit_price": "42"})["id"]
    return {"leaving": leaving, "changing": changing, "coming": coming}


def _parts(exchange: WireExchange) -> dict[str, str]:
    """An order that is larger than what is shown."""
    return {"partly": exchange.submit(**_limit("62", qty="2500"))["id"]}


def _spent(exchange: WireExchange) -> dict[str, str]:
    """The one request of the minute has been made, of each kind."""
    exchange.get("/v2/clock")
    exchange.get("/v2/stocks/bars/latest", symbols="KO")
    return {}


def _nothing(exchange: WireExchange) -> dict[str, str]:
    return {}


SCENES: dict[str, tuple[dict[str, Any], Callable[[WireExchange], dict[str, str]]]] = {
    "morning": ({"hard_to_borrow": ("BAC",), "script": _HALT}, _morning),
    "late": ({"start": "2022-06-03T19:55:00Z"}, _nothing),
    "evening": ({"start": "2022-06-03T19:59:00Z"}, _evening),
    "slow": ({"cancel_delay_seconds": 10.0, "replace_delay_seconds": 10.0}, _slow),
    "parts": ({"partial_fills": "displayed", "cash": "1000000"}, _parts),
    "options": ({"cash": "20000", "multiplier": 1}, _options),
    "poor": ({"cash": "1500"}, _nothing),
    "accounts": ({"accounts": _LIVE}, _nothing),
    "failing": ({"faults": _FAILING}, _nothing),
    "basic": ({"data_plan": "basic"}, _nothing),
    "spent": ({"requests_per_minute": 1, "data_requests_per_minute": 1}, _spent),
}
_FILES = ("script", "accounts", "faults")


@contextlib.contextmanager
def staged(scene: str, folder: Path) -> Iterator[Stage]:
    """The scene, made ready; `folder` keeps the files it needs."""
    options, prepare = SCENES[scene]
    options = {"start": _LONG_AGO, "requests_per_minute": 0, "data_requests_per_minute": 0, **options}
    for name in _FILES:
        if name in options:
            file = folder / f"{scene}_{name}.toml"
            file.write_text(options[name])
            options[name] = file
    with exchange_in_thread(**options) as exchange:
        yield Stage(exchange, prepare(exchange))


def _must(exchange: WireExchange, method: str, path: str, body: Any = None) -> Any:
    answer = exchange.request(method, path, body)
    assert answer.status in (200, 204), answer
    return answer.body
