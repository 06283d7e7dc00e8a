"""The harness itself: it finds operations, and it is not easily pleased."""

from typing import Any

import pytest
from openapi import (
    DOCUMENTS,
    conforms,
    conforms_to,
    find,
    left_out,
    operations,
    published,
    served_operations,
)
from openapi_amendments import ALSO_ADMITTED, REQUIRED_BY_CLIENTS, UNDOCUMENTED_KEYS

CLOCK: dict[str, Any] = {
    "timestamp": "2026-01-02T10:00:00.123456789-05:00",
    "is_open": True,
    "next_open": "2026-01-05T09:30:00-05:00",
    "next_close": "2026-01-02T16:00:00-05:00",
}


def test_both_documents_are_read_whole() -> None:
    assert len(operations()) == 102
    assert {operation.template for operation in operations()} >= set(left_out())
    assert all(left_out().values())
    assert len(served_operations()) == len(operations()) - sum(
        operation.template in left_out() for operation in operations()
    )


@pytest.mark.parametrize(
    ("method", "path", "template"),
    [
        ("GET", "/v2/orders/904837e3-3b76-47ec-b432-046db621571b?nested=true", "/v2/orders/{order_id}"),
        ("GET", "/v2/orders:by_client_order_id", "/v2/orders:by_client_order_id"),
        ("DELETE", "/v2/positions/BTC/USD", "/v2/positions/{symbol_or_asset_id}"),
        (
            "POST",
            "/v2/positions/AAPL220617C00150000/exercise",
            "/v2/positions/{symbol_or_contract_id}/exercise",
        ),
        ("GET", "/v2/account/activities/FILL", "/v2/account/activities/{activity_type}"),
        ("GET", "/v2/stocks/bars/latest", "/v2/stocks/bars/latest"),
        ("GET", "/v2/stocks/AAPL/bars/latest", "/v2/stocks/{symbol}/bars/latest"),
        ("GET", "/v2/stocks/meta/exchanges", "/v2/stocks/meta/exchanges"),
    ],
)
def test_a_path_finds_its_template(method: str, path: str, template: str) -> None:
    operation = find(method, path)
    assert operation is not None
    assert operation.template == template


def test_an_answer_as_documented_passes() -> None:
    conforms("GET", "/v2/clock", 200, CLOCK)
    conforms("DELETE", "/v2/orders/904837e3-3b76-47ec-b432-046db621571b", 204, None)
    conforms("GET", "/v2/orders/x", 404, {"code": 40410000, "message": "order not found for x"})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"timestamp": "2026-01-02 10:00"}, "date-time"),
        ({"is_open": "true"}, "boolean"),
        ({"next_open": None}, "null is not of type"),
        ({"nextOpen": "2026-01-05T09:30:00-05:00"}, "nextOpen"),
    ],
)
def test_what_the_document_does_not_admit_is_named(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        conforms("GET", "/v2/clock", 200, {**CLOCK, **change})


def test_a_missing_key_an_unknown_status_and_an_unknown_route_are_refused() -> None:
    with pytest.raises(AssertionError, match="is_open"):
        conforms("GET", "/v2/clock", 200, {key: value for key, value in CLOCK.items() if key != "is_open"})
    with pytest.raises(AssertionError, match="status 201"):
        conforms("GET", "/v2/clock", 201, CLOCK)
    with pytest.raises(AssertionError, match="a failure of the exchange"):
        conforms("GET", "/v2/account", 500, {"message": "oops"})
    with pytest.raises(AssertionError, match="no such operation"):
        conforms("GET", "/v2/weather", 200, {})
    with pytest.raises(AssertionError, match="no such query parameters"):
        conforms("GET", "/v2/calendar", 200, [], query={"begin": "2026-01-02"})
    with pytest.raises(AssertionError, match="message"):
        conforms("GET", "/v2/account", 401, {"code": 40110000})


def test_the_documents_own_examples_pass_but_for_what_clients_add() -> None:
    examples = published("trading-api")["components"]["schemas"]
    conforms_to("Position", {**examples["Position"]["examples"][0], "qty_available": "4"})
    conforms_to("NonTradeActivities", examples["NonTradeActivities"]["examples"][0])
    conforms_to("TradingActivities", examples["TradingActivities"]["examples"][0])
    conforms_to("Watchlist", examples["Watchlist"]["examples"][0])


def test_every_amendment_speaks_of_a_schema_that_exists() -> None:
    names = {name for document in DOCUMENTS for name in published(document)["components"]["schemas"]}
    assert {*UNDOCUMENTED_KEYS, *REQUIRED_BY_CLIENTS, *(name for name, _ in ALSO_ADMITTED)} <= names
    for name, keys in UNDOCUMENTED_KEYS.items():
        documented = published("trading-api")["components"]["schemas"][name]["properties"]
        assert not set(keys) & set(documented), f"{name}: the document knows these by now"
