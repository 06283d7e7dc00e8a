"""Who may not enter, what is not there, and parameters of the other trading routes."""

from __future__ import annotations

from typing import Any

from conformance.refusals.refusal import NOBODY, SHAPE, UNKNOWN, Refusal, order

_LIST, _LISTS, _NAMED = "/v2/watchlists/{list}", "/v2/watchlists", "/v2/watchlists:by_name"
_UNAUTHORIZED: tuple[int, None] = (401, None)


def _get(name: str, kind: tuple[int, int], text: str, path: str, **query: str) -> Refusal:
    return Refusal(name, kind, text, "GET", path, query=query)


def _watchlist(name: str, text: str, method: str, path: str, body: Any = None, **more: Any) -> Refusal:
    return Refusal(name, more.pop("kind", SHAPE), text, method, path, body, **more)


OF_ENTRY: tuple[Refusal, ...] = (
    *(
        Refusal(name, _UNAUTHORIZED, "unauthorized.", "GET", "/v2/account", headers=headers)
        for name, headers in (
            ("no key", {}),
            ("an unknown key", {"APCA-API-KEY-ID": "PKWRONG", "APCA-API-SECRET-KEY": "wrong"}),
            ("an unknown token", {"Authorization": "Bearer wrong"}),
            ("an unknown pair of basic authentication", {"Authorization": "Basic d3Jvbmc6d3Jvbmc="}),
        )
    ),
    Refusal(
        "a key of the live environment",
        (403, None),
        "forbidden.",
        "GET",
        "/v2/account",
        headers={"APCA-API-KEY-ID": "AKLIVE", "APCA-API-SECRET-KEY": "live"},
        scene="accounts",
    ),
    Refusal(
        "more requests than the plan has",
        (429, 42910000),
        "rate limit exceeded",
        "GET",
        "/v2/clock",
        scene="spent",
    ),
    Refusal(
        "more requests for data than the plan has",
        (429, 42910000),
        "too many requests",
        "GET",
        "/v2/stocks/bars/latest",
        query={"symbols": "KO"},
        scene="spent",
    ),
    order(
        "an order that the exchange fails over",
        (500, 50010000),
        "internal server error occurred",
        {"symbol": "AAPL"},
        scene="failing",
    ),
    order("an order while the service is away", (503, 50310000), "service unavailable", {}, scene="failing"),
    order(
        "a day trade under the rule that ended in 2026, as a fault",
        (403, 40310100),
        "trade denied due to pattern day trading protection",
        {"symbol": "MSFT"},
        scene="failing",
    ),
    _get("a route that does not exist", UNKNOWN, "endpoint not found", "/v2/nowhere"),
    Refusal(
        "a method that a route does not have", (405, 40510000), "method not allowed", "PUT", "/v2/orders"
    ),
)

OF_LISTS: tuple[Refusal, ...] = (
    _get("orders of a status that does not exist", SHAPE, "invalid status", "/v2/orders", status="odd"),
    _get(
        "more orders than a page holds",
        SHAPE,
        "invalid limit: must be between 1 and 500",
        "/v2/orders",
        limit="501",
    ),
    _get("orders in no direction", SHAPE, "invalid direction", "/v2/orders", direction="up"),
    _get(
        "orders after no time", SHAPE, "invalid after: 'noon' is not a timestamp", "/v2/orders", after="noon"
    ),
    _get("orders nested or perhaps not", SHAPE, "invalid nested", "/v2/orders", nested="maybe"),
    _get("reading an asset that does not exist", UNKNOWN, "asset not found for SOCK", "/v2/assets/SOCK"),
    _get(
        "reading an asset by an unknown id", UNKNOWN, f"asset not found for {NOBODY}", f"/v2/assets/{NOBODY}"
    ),
    _get(
        "an option contract that does not exist",
        UNKNOWN,
        "option contract not found for SOCK",
        "/v2/options/contracts/SOCK",
    ),
    _get("contracts of an unknown status", SHAPE, "invalid status", "/v2/options/contracts", status="odd"),
    _get("contracts of an unknown type", SHAPE, "invalid type", "/v2/options/contracts", type="odd"),
    _get(
        "contracts at a strike that is no price",
        SHAPE,
        "invalid strike_price_gte",
        "/v2/options/contracts",
        strike_price_gte="x",
    ),
    _get(
        "contracts of an unknown page", SHAPE, "invalid page_token", "/v2/options/contracts", page_token="~"
    ),
    _get(
        "more contracts than a page holds",
        SHAPE,
        "invalid limit: must be between 1 and 10000",
        "/v2/options/contracts",
        limit="10001",
    ),
    _get("activities of an unknown type", SHAPE, "invalid activity type", "/v2/account/activities/SOCK"),
    _get(
        "activities by type and category",
        SHAPE,
        "category cannot be used with activity_types",
        "/v2/account/activities",
        category="trade_activity",
        activity_types="FILL",
    ),
    _get(
        "a history in unknown steps",
        SHAPE,
        "invalid timeframe",
        "/v2/account/portfolio/history",
        timeframe="2H",
    ),
    _get(
        "a history of an unknown length",
        SHAPE,
        "invalid period",
        "/v2/account/portfolio/history",
        period="2Y",
    ),
    _get(
        "announcements without an end",
        SHAPE,
        "invalid param: both since & until required",
        "/v2/corporate_actions/announcements",
        ca_types="split",
        since="2022-06-01",
    ),
    _get(
        "announcements of more than 90 days",
        SHAPE,
        "the date range must be from 0 to 90 days",
        "/v2/corporate_actions/announcements",
        ca_types="split",
        since="2022-01-01",
        until="2022-06-01",
    ),
    _get(
        "a calendar that runs backwards",
        SHAPE,
        "end should not be before start",
        "/v2/calendar",
        start="2022-06-02",
        end="2022-06-01",
    ),
    *(
        Refusal(
            f"a setting of {name}",
            SHAPE,
            f"invalid {name}",
            "PATCH",
            "/v2/account/configurations",
            {name: value},
        )
        for name, value in (
            ("suspend_trade", "yes"),
            ("max_margin_multiplier", "3"),
            ("trade_confirm_email", "some"),
            ("max_options_trading_level", 4),
            ("dtbp_check", "never"),
        )
    ),
    _watchlist(
        "a list that does not exist", "watchlist not found", "GET", f"/v2/watchlists/{NOBODY}", kind=UNKNOWN
    ),
    _watchlist(
        "a list of an unknown name",
        "watchlist not found",
        "GET",
        _NAMED,
        kind=UNKNOWN,
        query={"name": "none"},
    ),
    _watchlist("a list by what is no id", "watchlist_id is not a valid id", "GET", "/v2/watchlists/mine"),
    _watchlist(
        "a list of a name that is taken", "watchlist name must be unique", "POST", _LISTS, {"name": "kept"}
    ),
    _watchlist("a list without a name", "name is required", "POST", _LISTS, {"symbols": ["KO"]}),
    _watchlist(
        "a list with a name of 65 characters",
        "watchlist name must be no more than 64 characters",
        "POST",
        _LISTS,
        {"name": "x" * 65},
    ),
    _watchlist(
        "a list that holds a symbol twice",
        "duplicate symbol: KO",
        "POST",
        _LISTS,
        {"name": "new", "symbols": ["KO", "ko"]},
    ),
    _watchlist("a symbol that a list has", "duplicate symbol: KO", "POST", _LIST, {"symbol": "KO"}),
    _watchlist(
        "a symbol that does not exist",
        "asset not found for SOCK",
        "POST",
        _LIST,
        {"symbol": "SOCK"},
        kind=UNKNOWN,
    ),
    _watchlist("removing what a list has not", "symbol not found: GE", "DELETE", _LIST + "/GE", kind=UNKNOWN),
    _watchlist("a change of a list to nothing", "name or symbols is required", "PUT", _LIST, {}),
)
