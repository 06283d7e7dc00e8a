"""What is said to the exchange: every served route, on an account in which much has happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.conversation import Conversation

UNKNOWN = "904837e3-3b76-47ec-b432-046db621571b"
MORNING, NOON = "2022-06-01T13:30:00Z", "2022-06-01T16:00:00Z"


def enrich(talk: Conversation) -> None:
    """Fills, resting orders of every kind, positions long, short, in crypto and in options."""
    talk.order(symbol="AAPL", qty="50")
    talk.order(symbol="MSFT", notional="1500.55")
    talk.order(symbol="PFE", qty="20", side="sell")
    talk.order(symbol="BTC/USD", qty="0.05", time_in_force="gtc")
    talk.order(symbol="ETH/USD", qty="1", time_in_force="gtc", type="limit", limit_price="500")
    talk.order(symbol="KO", qty="1", type="limit", limit_price="40.5", client_order_id="resting")
    talk.order(symbol="AAPL", qty="5", side="sell", type="stop", stop_price="90", time_in_force="gtc")
    talk.order(symbol="AAPL", qty="5", side="sell", type="trailing_stop", trail_percent="10")
    talk.order(
        symbol="AAPL", qty="5", side="sell", type="trailing_stop", trail_price="9.5", time_in_force="gtc"
    )
    talk.order(symbol="KO", qty="2", type="stop_limit", stop_price="99", limit_price="99.5")
    talk.order(symbol="KO", qty="2", type="limit", limit_price="50", extended_hours=True)
    talk.order(symbol="JNJ", qty="2", type="limit", limit_price="20", time_in_force="ioc")
    talk.order(symbol="JNJ", qty="2", type="limit", limit_price="20", time_in_force="fok")
    talk.order(symbol="JNJ", qty="2", time_in_force="cls")
    talk.order(symbol="PEP", qty="4", **bracket("100", "400"))
    talk.order(symbol="PG", qty="4", order_class="oto", stop_loss={"stop_price": "50"})
    talk.order(
        symbol="AAPL",
        qty="5",
        side="sell",
        type="limit",
        time_in_force="gtc",
        order_class="oco",
        take_profit={"limit_price": "400"},
        stop_loss={"stop_price": "80", "limit_price": "79"},
    )


def bracket(stop: str, target: str) -> dict[str, Any]:
    """The fields that make an order a bracket."""
    return {
        "order_class": "bracket",
        "time_in_force": "gtc",
        "take_profit": {"limit_price": target},
        "stop_loss": {"stop_price": stop},
    }


def account(talk: Conversation) -> None:
    talk.get("/v2/account")
    talk.get("/v2/account/configurations")
    change = {"no_shorting": True, "suspend_trade": None, "trade_confirm_email": "none"}
    changed = talk.ask("PATCH", "/v2/account/configurations", change, status=200)
    talk.order(symbol="WMT", qty="1", side="sell", status=403)
    talk.ask("PATCH", "/v2/account/configurations", {"no_shorting": False}, status=200)
    talk.ask("PATCH", "/v2/account/configurations", {"max_margin_multiplier": "7"}, status=422)
    assert changed is not None
    talk.get("/v2/account/activities")
    talk.get("/v2/account/activities", activity_types="FILL", direction="asc", page_size=2)
    talk.get("/v2/account/activities", category="non_trade_activity")
    talk.get("/v2/account/activities/FILL", after="2022-05-01")
    talk.get("/v2/account/activities/DIV")
    for query in ({}, {"period": "1D", "timeframe": "5Min"}, {"period": "1W", "timeframe": "1H"}):
        talk.get("/v2/account/portfolio/history", **query)


def orders(talk: Conversation) -> None:
    for query in (
        {},
        {"status_": "all", "nested": True},
        {"status_": "closed", "limit": 3, "direction": "asc"},
    ):
        talk.get("/v2/orders", **query)
    resting = talk.get("/v2/orders:by_client_order_id", client_order_id="resting")
    place = f"/v2/orders/{resting.get('id', UNKNOWN)}"
    talk.get(place, nested=True)
    changed = talk.ask("PATCH", place, {"qty": "2", "limit_price": "40.25"}, status=200)
    talk.ask("PATCH", place, {"qty": "3"}, status=422)
    talk.ask("DELETE", f"/v2/orders/{changed.get('id', UNKNOWN)}", status=204)
    for bad, status in REFUSED:
        talk.order(**bad, status=status)
    talk.ask("GET", f"/v2/orders/{UNKNOWN}", status=404)
    talk.ask("DELETE", f"/v2/orders/{UNKNOWN}", status=404)
    talk.ask("GET", "/v2/orders:by_client_order_id", client_order_id="nobody's", status=404)
    talk.ask("GET", "/v2/orders", limit="many", status=422)


REFUSED: tuple[tuple[dict[str, Any], int], ...] = (
    ({"symbol": "AAPL"}, 422),
    ({"symbol": "AAPL", "qty": "1", "notional": "100"}, 422),
    ({"symbol": "AAPL", "qty": "-1"}, 422),
    ({"symbol": "NOBODY", "qty": "1"}, 422),
    ({"symbol": "AAPL", "qty": "1", "type": "limit"}, 422),
    ({"symbol": "AAPL", "qty": "1", "type": "limit", "limit_price": "100.001"}, 422),
    ({"symbol": "AAPL", "qty": "1000000"}, 403),
    ({"symbol": "AAPL", "qty": "1", "time_in_force": "forever"}, 422),
    ({"symbol": "AAPL", "qty": "1", "client_order_id": "x" * 129}, 422),
    ({"symbol": "AAPL", "qty": "1", "order_class": "bracket"}, 422),
)


def positions(talk: Conversation) -> None:
    talk.get("/v2/positions")
    for symbol in ("AAPL", "PFE", "BTC/USD", "BTCUSD"):
        talk.get(f"/v2/positions/{symbol}")
    talk.ask("GET", "/v2/positions/UNH", status=404)
    talk.ask("DELETE", "/v2/positions/AAPL", status=200, qty="1.5")
    talk.ask("DELETE", "/v2/positions/BTC/USD", status=200, percentage="50")
    talk.ask("DELETE", "/v2/positions/UNH", status=404)
    talk.ask("DELETE", "/v2/positions/AAPL", status=403, qty="1000")


def reference(talk: Conversation) -> None:
    talk.get("/v2/assets")
    talk.get("/v2/assets", asset_class="crypto", status_="active")
    found = talk.get("/v2/assets/AAPL")
    talk.get(f"/v2/assets/{found.get('id', UNKNOWN)}")
    talk.get("/v2/assets/BTC/USD")
    talk.ask("GET", "/v2/assets/NOBODY", status=404)
    talk.get("/v2/clock")
    talk.get("/v2/calendar", start="2022-11-20", end="2022-11-30")
    talk.ask("GET", "/v2/calendar", start="tomorrow", status=422)
    talk.get("/v3/clock")
    talk.get("/v3/clock", markets="NYSE,NASDAQ")
    talk.get("/v3/calendar/NYSE", start="2022-06-01", end="2022-06-10")
    talk.ask("GET", "/v3/calendar/MOON")
    talk.get(
        "/v2/corporate_actions/announcements",
        ca_types="dividend,split",
        since="2022-05-01",
        until="2022-07-01",
    )
    listed = talk.get(
        "/v2/corporate_actions/announcements", ca_types="split", since="2022-05-20", until="2022-07-01"
    )
    if isinstance(listed, list) and listed:
        talk.get(f"/v2/corporate_actions/announcements/{listed[0]['id']}")
    talk.ask("GET", f"/v2/corporate_actions/announcements/{UNKNOWN}", status=404)


def watchlists(talk: Conversation) -> None:
    made = talk.ask("POST", "/v2/watchlists", {"name": "growth", "symbols": ["AAPL", "MSFT"]}, status=200)
    talk.ask("POST", "/v2/watchlists", {"name": "growth", "symbols": []}, status=422)
    place = f"/v2/watchlists/{made.get('id', UNKNOWN)}"
    talk.get("/v2/watchlists")
    talk.get(place)
    talk.ask("POST", place, {"symbol": "KO"}, status=200)
    talk.ask("DELETE", f"{place}/KO", status=200)
    talk.ask("PUT", place, {"name": "slow growth"}, status=200)
    named = {"name": "slow growth"}
    talk.get("/v2/watchlists:by_name", **named)
    talk.ask("POST", "/v2/watchlists:by_name", {"symbol": "PG"}, status=200, **named)
    talk.ask("PUT", "/v2/watchlists:by_name", {"name": "renamed", "symbols": ["PG"]}, status=200, **named)
    talk.ask("DELETE", "/v2/watchlists:by_name", status=204, name="renamed")
    talk.ask("GET", f"/v2/watchlists/{UNKNOWN}", status=404)
    talk.ask("DELETE", f"/v2/watchlists/{UNKNOWN}", status=404)
    other = talk.ask("POST", "/v2/watchlists", {"name": "other"}, status=200)
    talk.ask("DELETE", f"/v2/watchlists/{other.get('id', UNKNOWN)}", status=204)


def options(talk: Conversation) -> None:
    chain = talk.get("/v2/options/contracts", underlying_symbols="AAPL", type="call", limit=20)
    contracts = chain.get("option_contracts") or [{"symbol": "AAPL220617C00150000", "id": UNKNOWN}]
    symbol = contracts[len(contracts) // 2]["symbol"]
    talk.get("/v2/options/contracts", underlying_symbols="AAPL", show_deliverables=True, limit=2)
    talk.get(f"/v2/options/contracts/{symbol}")
    talk.ask("GET", "/v2/options/contracts/AAPL220617C99999000", status=404)
    talk.order(symbol=symbol, qty="2")
    talk.order(symbol=contracts[0]["symbol"], qty="1")
    talk.order(symbol=symbol, notional="100", status=422)
    talk.ask("POST", f"/v2/positions/{symbol}/do-not-exercise", status=200)
    talk.ask("POST", f"/v2/positions/{contracts[0]['symbol']}/exercise", status=200)
    talk.ask("POST", "/v2/positions/AAPL220617C99999000/exercise")
    if len(contracts) > 1:
        legs = [
            {"symbol": symbol, "ratio_qty": "1", "side": "buy", "position_intent": "buy_to_open"},
            {
                "symbol": contracts[-1]["symbol"],
                "ratio_qty": "1",
                "side": "sell",
                "position_intent": "sell_to_open",
            },
        ]
        body = {"order_class": "mleg", "qty": "1", "type": "market", "time_in_force": "day", "legs": legs}
        talk.ask("POST", "/v2/orders", body, status=200)
    quoted = f"{symbol},{contracts[0]['symbol']}"
    talk.get("/v1beta1/options/bars", symbols=quoted, timeframe="1Min", start=MORNING, limit=50)
    talk.get("/v1beta1/options/trades", symbols=quoted, start=MORNING, limit=50)
    for kind in ("trades", "quotes"):
        talk.get(f"/v1beta1/options/{kind}/latest", symbols=quoted)
    talk.get("/v1beta1/options/snapshots", symbols=quoted)
    talk.get("/v1beta1/options/snapshots/AAPL", limit=5, type="call")
    talk.get("/v1beta1/options/meta/exchanges")
    for kind in ("trade", "quote"):
        talk.get(f"/v1beta1/options/meta/conditions/{kind}")
    talk.ask("GET", "/v1beta1/options/bars", timeframe="1Min", status=400)


def stocks(talk: Conversation) -> None:
    window = {"start": MORNING, "end": NOON, "limit": 40}
    for kind in ("bars", "trades", "quotes"):
        frame = {"timeframe": "5Min"} if kind == "bars" else {}
        talk.get(f"/v2/stocks/{kind}", symbols="AAPL,KO", **window, **frame)
        talk.get(f"/v2/stocks/AAPL/{kind}", **window, **frame)
        talk.get(f"/v2/stocks/{kind}/latest", symbols="AAPL,KO")
        talk.get(f"/v2/stocks/AAPL/{kind}/latest")
        talk.ask("GET", f"/v2/stocks/{kind}", symbols="AAPL", limit=10001, status=400, **frame)
    talk.get(
        "/v2/stocks/bars", symbols="AAPL", timeframe="1Day", start="2022-01-01", adjustment="all", sort="desc"
    )
    talk.get("/v2/stocks/auctions", symbols="AAPL,KO", start="2022-05-25", end="2022-05-31")
    talk.get("/v2/stocks/AAPL/auctions", start="2022-05-25", end="2022-05-31")
    talk.get("/v2/stocks/snapshots", symbols="AAPL,KO")
    talk.get("/v2/stocks/AAPL/snapshot")
    talk.get("/v2/stocks/meta/exchanges")
    for kind in ("trade", "quote"):
        talk.get(f"/v2/stocks/meta/conditions/{kind}", tape="A")
    talk.ask("GET", "/v2/stocks/bars", symbols="AAPL", timeframe="7Years", status=400)


def crypto(talk: Conversation) -> None:
    window = {"start": MORNING, "end": NOON, "limit": 40}
    for kind in ("bars", "trades", "quotes"):
        frame = {"timeframe": "5Min"} if kind == "bars" else {}
        talk.get(f"/v1beta3/crypto/us/{kind}", symbols="BTC/USD,ETH/USD", **window, **frame)
        talk.get(f"/v1beta3/crypto/us/latest/{kind}", symbols="BTC/USD,ETH/USD")
    talk.get("/v1beta3/crypto/us/latest/orderbooks", symbols="BTC/USD")
    talk.get("/v1beta3/crypto/us/snapshots", symbols="BTC/USD,ETH/USD")
    talk.ask("GET", "/v1beta3/crypto/us/bars", symbols="BTC/USD", timeframe="5Month", status=400)
    talk.ask("GET", "/v1beta3/crypto/us/latest/bars", symbols="BTCUSD", status=400)


def other_data(talk: Conversation) -> None:
    talk.get("/v1beta1/news", symbols="AAPL", limit=5, include_content=True)
    talk.get("/v1beta1/news", start="2022-05-01", end="2022-06-01", sort="asc")
    talk.ask("GET", "/v1beta1/news", limit=51, status=400)
    for by in ("volume", "trades"):
        talk.get("/v1beta1/screener/stocks/most-actives", by=by, top=5)
    for market in ("stocks", "crypto"):
        talk.get(f"/v1beta1/screener/{market}/movers", top=5)
    talk.ask("GET", "/v1beta1/screener/stocks/movers", top=51, status=400)
    talk.get("/v1/corporate-actions", symbols="AAPL,KO", start="2022-05-01", end="2022-07-01")
    talk.get("/v1/corporate-actions", types="forward_split,cash_dividend", start="2022-05-01", limit=3)


def endings(talk: Conversation) -> None:
    """Last, for they leave nothing: everything is cancelled and closed."""
    talk.ask("DELETE", "/v2/positions", status=207)
    talk.ask("DELETE", "/v2/orders", status=207)
    talk.ask("DELETE", "/v2/positions", status=207, cancel_orders=True)
    talk.get("/v2/account/activities", page_size=100)
    talk.get("/v2/orders", status_="all", limit=500, nested=True)
    talk.get("/v2/account")


def events(talk: Conversation) -> None:
    """What happened, as events: a minute later, so that the stream has an end."""
    talk.exchange.advance_fully("2022-06-01T14:32:00Z")
    talk.listen("/v2beta1/events/activities", since="2022-06-01T14:00:00Z", until="2022-06-01T14:31:00Z")


SCENES: tuple[Callable[[Conversation], None], ...] = (
    *(enrich, account, reference, watchlists, options, positions, orders),
    *(stocks, crypto, other_data, endings, events),
)
