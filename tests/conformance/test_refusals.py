"""Every refusal of `REFUSALS`, over the wire: status, code, text and further fields; and nothing changes by it."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from conformance.refusals import REFUSALS, Refusal, matches, named
from conformance.refusals.scenes import SCENES, Stage, staged
from wire import WireExchange, exchange_in_thread

SETTINGS = "/v2/account/configurations"
BOOKS = (
    ("/v2/account", {}),
    ("/v2/positions", {}),
    ("/v2/orders", {"status": "all", "limit": "500", "nested": "true"}),
    ("/v2/watchlists", {}),
    (SETTINGS, {}),
)


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Stage]]:
    folder = tmp_path_factory.mktemp("scenes")
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(staged(name, folder)) for name in SCENES}


def books(exchange: WireExchange, headers: Mapping[str, str] | None = None) -> list[Any]:
    """All that a refusal must leave as it was, of the first account and of that of the headers."""
    owners = [None] if headers is None else [None, headers]
    return [
        exchange.request("GET", path, headers=owner, **query).body
        for owner in owners
        for path, query in BOOKS
    ]


@contextlib.contextmanager
def settings_of(exchange: WireExchange, wanted: Any) -> Iterator[None]:
    if not wanted:
        yield
        return
    usual = exchange.get(SETTINGS)
    assert exchange.request("PATCH", SETTINGS, dict(wanted)).status == 200
    try:
        yield
    finally:
        assert exchange.request("PATCH", SETTINGS, usual).status == 200


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
def test_what_is_refused_is_refused_as_documented_and_changes_nothing(
    stages: dict[str, Stage], refusal: Refusal
) -> None:
    exchange, names = stages[refusal.scene]
    body = refusal.body if isinstance(refusal.body, bytes) else named(refusal.body, names)
    with settings_of(exchange, refusal.settings):
        before = books(exchange, refusal.headers)
        answer = exchange.request(
            refusal.method, named(refusal.path, names), body, headers=refusal.headers, **refusal.query
        )
        assert books(exchange, refusal.headers) == before
    assert (answer.status, answer.body.get("code")) == refusal.kind, answer.body
    assert matches(refusal.text, answer.body["message"]), answer.body
    further = {name: value for name, value in answer.body.items() if name not in ("code", "message")}
    assert further.keys() == refusal.extra.keys(), answer.body
    for name, template in named(refusal.extra, names).items():
        assert matches(template, further[name]), answer.body
    assert answer.headers["Content-Type"].startswith("application/json")
    # An error that a fault puts in the place of the answer never reached the door.
    assert "X-Request-ID" in answer.headers or refusal.scene == "failing"


def test_every_refusal_has_a_name_of_its_own() -> None:
    twice = [name for name, count in Counter(refusal.name for refusal in REFUSALS).items() if count > 1]
    assert not twice


def test_closing_everything_says_which_position_other_orders_hold_and_closes_the_rest() -> None:
    with exchange_in_thread() as exchange:
        for symbol in ("KO", "PEP"):
            exchange.submit(symbol=symbol, qty="10", side="buy")
        exchange.submit(symbol="KO", qty="4", side="sell", type="limit", limit_price="99")
        answer = exchange.request("DELETE", "/v2/positions")
        held, closed = answer.body
    assert (answer.status, held["symbol"], held["status"], closed["status"]) == (207, "KO", 403, 200)
    assert held["body"] == {
        "code": 40310000,
        "message": "insufficient qty available for order (requested: 10, available: 6)",
        "available": "6",
        "existing_qty": "10",
        "held_for_orders": "4",
        "symbol": "KO",
    }
