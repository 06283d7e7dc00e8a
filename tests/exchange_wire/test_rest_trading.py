"""The trading REST routes as any HTTP client sees them."""

import pytest
from wire import WireExchange, exchange_in_thread

TEN_O_CLOCK = "2022-06-01T14:00:00Z"


def test_a_market_order_is_answered_pending_and_found_filled_afterwards(exchange: WireExchange) -> None:
    answered = exchange.submit(symbol="AAPL", qty="10", side="buy", client_order_id="mine-1")
    assert answered["status"] == "pending_new"
    assert (answered["filled_qty"], answered["filled_avg_price"]) == ("0", None)
    found = exchange.get(f"/v2/orders/{answered['id']}")
    assert found["status"] == "filled"
    assert exchange.get("/v2/orders:by_client_order_id", client_order_id="mine-1") == found
    ask = exchange.get("/v2/stocks/AAPL/quotes/latest")["quote"]["ap"]
    assert float(found["filled_avg_price"]) == ask


def test_an_order_has_every_key_that_closed_client_models_require(exchange: WireExchange) -> None:
    order = exchange.submit(symbol="AAPL", qty="1", side="buy", type="limit", limit_price="100")
    assert set(order) >= {
        *("id", "client_order_id", "created_at", "updated_at", "submitted_at", "filled_at", "expired_at"),
        *(
            "canceled_at",
            "failed_at",
            "replaced_at",
            "replaced_by",
            "replaces",
            "asset_id",
            "symbol",
            "asset_class",
        ),
        *("notional", "qty", "filled_qty", "filled_avg_price", "order_class", "order_type", "type", "side"),
        *(
            "position_intent",
            "time_in_force",
            "limit_price",
            "stop_price",
            "status",
            "extended_hours",
            "legs",
        ),
        *("trail_percent", "trail_price", "hwm", "subtag", "source", "expires_at"),
    }
    assert order["expires_at"] == "2022-06-01T20:00:00Z"
    assert order["limit_price"] == "100"
    assert order["legs"] is None


def test_a_bracket_lists_its_legs_nested_or_as_rows_of_their_own(exchange: WireExchange) -> None:
    entry = exchange.submit(
        symbol="AAPL",
        qty="5",
        side="buy",
        type="limit",
        limit_price="120",
        order_class="bracket",
        take_profit={"limit_price": "200"},
        stop_loss={"stop_price": "100"},
    )
    assert [leg["status"] for leg in entry["legs"]] == ["held", "held"]
    nested = exchange.get("/v2/orders", nested="True")
    assert [len(order["legs"]) for order in nested] == [2]
    rows = exchange.get("/v2/orders", status="all", nested="false")
    assert {row["id"] for row in rows} == {entry["id"], *(leg["id"] for leg in entry["legs"])}
    assert all(row["legs"] is None for row in rows)


def test_orders_are_filtered_by_status_symbol_side_and_time(exchange: WireExchange) -> None:
    exchange.submit(symbol="AAPL", qty="1", side="buy")
    exchange.advance_fully(TEN_O_CLOCK)
    resting = exchange.submit(symbol="MSFT", qty="1", side="buy", type="limit", limit_price="100")
    later = exchange.submit(symbol="KO", qty="1", side="buy", type="limit", limit_price="10")

    def symbols(**query: str) -> list[str]:
        return [order["symbol"] for order in exchange.get("/v2/orders", **query)]

    assert symbols() == ["KO", "MSFT"]
    assert symbols(direction="asc") == ["MSFT", "KO"]
    assert symbols(status="closed") == ["AAPL"]
    assert symbols(status="all", symbols="aapl,KO") == ["KO", "AAPL"]
    assert symbols(status="all", side="sell") == []
    assert symbols(status="all", limit="1") == ["KO"]
    assert symbols(status="all", until=TEN_O_CLOCK) == ["AAPL"]
    assert symbols(status="all", after="2022-06-01T13:30:00-00:00") == ["KO", "MSFT"]
    assert symbols(status="all", before_order_id=later["id"], after_order_id=resting["id"]) == []


@pytest.mark.parametrize("query", [{"status": "some"}, {"limit": "501"}, {"limit": "x"}, {"direction": "up"},
                                   {"nested": "maybe"}, {"after": "yesterday"}])  # fmt: skip
def test_a_filter_that_means_nothing_is_refused(shared_exchange: WireExchange, query: dict[str, str]) -> None:
    answer = shared_exchange.request("GET", "/v2/orders", **query)
    assert (answer.status, answer.body["code"]) == (422, 40010001)


def test_a_replaced_order_points_to_its_successor(exchange: WireExchange) -> None:
    first = exchange.submit(symbol="AAPL", qty="1", side="buy", type="limit", limit_price="100")
    answer = exchange.request("PATCH", f"/v2/orders/{first['id']}", {"limit_price": "101", "qty": None})
    assert answer.status == 200
    second = answer.body
    assert (second["replaces"], second["limit_price"]) == (first["id"], "101")
    old = exchange.get(f"/v2/orders/{first['id']}")
    assert (old["status"], old["replaced_by"]) == ("replaced", second["id"])


def test_cancelling_answers_204_once_working_and_422_once_filled(exchange: WireExchange) -> None:
    resting = exchange.submit(symbol="AAPL", qty="1", side="buy", type="limit", limit_price="100")
    answer = exchange.request("DELETE", f"/v2/orders/{resting['id']}")
    assert (answer.status, answer.body) == (204, None)
    assert exchange.get(f"/v2/orders/{resting['id']}")["status"] == "canceled"
    filled = exchange.submit(symbol="AAPL", qty="1", side="buy")
    answer = exchange.request("DELETE", f"/v2/orders/{filled['id']}")
    assert (answer.status, answer.body["code"]) == (422, 42210000)


def test_cancelling_everything_answers_207_with_one_item_an_order(exchange: WireExchange) -> None:
    ids = {
        exchange.submit(symbol="KO", qty="1", side="buy", type="limit", limit_price="9")["id"]
        for _ in range(3)
    }
    answer = exchange.request("DELETE", "/v2/orders")
    assert answer.status == 207
    assert {(item["id"], item["status"]) for item in answer.body} == {(order_id, 200) for order_id in ids}
    assert exchange.request("DELETE", "/v2/orders").body == []


def test_positions_are_reported_by_symbol_and_by_asset_id_and_closed_in_part(exchange: WireExchange) -> None:
    exchange.submit(symbol="AAPL", qty="10", side="buy")
    position = exchange.get("/v2/positions/AAPL")
    assert (position["qty"], position["qty_available"], position["side"]) == ("10", "10", "long")
    assert exchange.get(f"/v2/positions/{position['asset_id']}") == position
    assert exchange.get("/v2/positions") == [position]
    closing = exchange.request("DELETE", "/v2/positions/AAPL", percentage="50")
    assert (closing.status, closing.body["qty"], closing.body["side"]) == (200, "5", "sell")
    assert exchange.get("/v2/positions/AAPL")["qty"] == "5"
    rest = exchange.request("DELETE", "/v2/positions", cancel_orders="True")
    assert (rest.status, [item["status"] for item in rest.body]) == (207, [200])
    assert exchange.get("/v2/positions") == []
    missing = exchange.request("GET", "/v2/positions/AAPL")
    assert (missing.status, missing.body["code"]) == (404, 40410000)


def test_fills_are_listed_as_activities_newest_first_in_pages(exchange: WireExchange) -> None:
    for symbol in ("AAPL", "MSFT", "KO"):
        exchange.submit(symbol=symbol, qty="1", side="buy")
    first = exchange.get("/v2/account/activities", activity_types="FILL", page_size="2")
    assert [row["symbol"] for row in first] == ["KO", "MSFT"]
    second = exchange.get("/v2/account/activities/FILL", page_size="2", page_token=first[-1]["id"])
    assert [row["symbol"] for row in second] == ["AAPL"]
    assert second[0]["id"].startswith("20220601093000000::")
    assert (second[0]["cum_qty"], second[0]["leaves_qty"], second[0]["type"]) == ("1", "0", "fill")
    assert exchange.get("/v2/account/activities", activity_types="DIV") == []
    assert len(exchange.get("/v2/account/activities/FILL", date="2022-06-01", direction="asc")) == 3
    assert exchange.get("/v2/account/activities", after="2022-06-02") == []


@pytest.mark.parametrize("multiplier", [1, 2, 4])
def test_the_account_is_of_the_kind_asked_for_and_agrees_with_its_positions(multiplier: int) -> None:
    with exchange_in_thread(multiplier=multiplier) as exchange:
        _buy_and_compare(exchange, multiplier)


def _buy_and_compare(exchange: WireExchange, multiplier: int) -> None:
    exchange.submit(symbol="AAPL", qty="10", side="buy")
    account, position = exchange.get("/v2/account"), exchange.get("/v2/positions/AAPL")
    assert account["status"] == "ACTIVE"
    assert account["multiplier"] == str(multiplier)
    assert account["long_market_value"] == position["market_value"]
    cash, value, equity = (float(account[key]) for key in ("cash", "long_market_value", "equity"))
    assert cash + value == pytest.approx(equity, abs=1e-9)


def test_clock_and_calendar_speak_new_york_time_and_know_half_days(shared_exchange: WireExchange) -> None:
    assert shared_exchange.get("/v2/clock") == {
        "timestamp": "2022-06-01T10:30:00-04:00",
        "is_open": True,
        "next_open": "2022-06-02T09:30:00-04:00",
        "next_close": "2022-06-01T16:00:00-04:00",
    }
    days = shared_exchange.get("/v2/calendar", start="2022-11-24", end="2022-11-28")
    assert [(day["date"], day["open"], day["close"]) for day in days] == [
        ("2022-11-25", "09:30", "13:00"),
        ("2022-11-28", "09:30", "16:00"),
    ]
    assert days[0]["settlement_date"] == "2022-11-29"


def test_assets_say_where_their_prices_come_from(shared_exchange: WireExchange) -> None:
    assets = shared_exchange.get("/v2/assets", status="active", asset_class="us_equity")
    assert len(assets) >= 20
    apple = shared_exchange.get("/v2/assets/aapl")
    assert apple in assets
    assert shared_exchange.get(f"/v2/assets/{apple['id']}") == apple
    assert "simulated intraday path between real closes" in apple["source"]
    unknown = shared_exchange.request("GET", "/v2/assets/NONE/USD")
    assert (unknown.status, unknown.body) == (
        404,
        {"code": 40410000, "message": "asset not found for NONE/USD"},
    )


def test_an_order_outside_the_session_waits_for_the_opening() -> None:
    with exchange_in_thread(start="2022-06-01T10:00:00Z") as exchange:
        order = exchange.submit(symbol="AAPL", qty="1", side="buy")
        assert order["status"] == "accepted"
        assert exchange.advance("2022-06-01T20:00:00Z") == {"now": "2022-06-01T13:30:00Z", "updates": 2}
        assert exchange.get(f"/v2/orders/{order['id']}")["status"] == "filled"
