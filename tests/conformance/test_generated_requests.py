"""Requests that Schemathesis makes out of Alpaca's documents: whatever comes, the answer is a documented one."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from openapi import DOCUMENTS, LEFT_OUT, conforms, find, published, served_operations
from wire import WireExchange, exchange_in_thread

CASES = 8
REQUEST_SECONDS = 10.0
STREAMS = {operation.template for operation in served_operations() if operation.streams}


def served(document: str) -> dict[str, Any]:
    """A document without the routes that are left out and those that do not end."""
    kept = copy.deepcopy(published(document))
    kept["paths"] = {
        path: item for path, item in kept["paths"].items() if path not in LEFT_OUT and path not in STREAMS
    }
    return kept


@pytest.fixture(scope="module")
def exchange() -> Iterator[WireExchange]:
    limits = {"requests_per_minute": 0, "data_requests_per_minute": 0}
    with exchange_in_thread(start="2022-06-01T14:30:00Z", **limits) as running:
        running.submit(symbol="AAPL", qty="10", side="buy")
        running.submit(symbol="KO", qty="1", side="buy", type="limit", limit_price="40")
        yield running


bounded = settings(
    max_examples=CASES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
TRADING, DATA = (schemathesis.openapi.from_dict(served(name)) for name in DOCUMENTS)


@pytest.mark.slow
@TRADING.parametrize()
@bounded
def test_no_trading_request_makes_the_exchange_fail(case: schemathesis.Case, exchange: WireExchange) -> None:
    answered_well(case, exchange)


@pytest.mark.slow
@DATA.parametrize()
@bounded
def test_no_data_request_makes_the_exchange_fail(case: schemathesis.Case, exchange: WireExchange) -> None:
    answered_well(case, exchange)


def answered_well(case: schemathesis.Case, exchange: WireExchange) -> None:
    """Not 5xx, and as the document of the route says; an error is JSON, of no route at all too."""
    response = case.call(base_url=exchange.rest, headers=exchange.headers, timeout=REQUEST_SECONDS)
    body = response.json() if response.content else None
    assert response.status_code < 500, body
    # A generated part of a path can be a dot or a slash, and make it another route's.
    path = urlsplit(str(response.request.url)).path
    if find(case.method, path) is not None:
        conforms(case.method, path, response.status_code, body)
    else:
        assert response.status_code in (404, 405), body
        assert body["message"]
