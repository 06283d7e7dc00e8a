"""No price or quantity is changed by a digit on its way to the broker or back."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.broker.alpaca_rows import order_row
from tests.broker.speaking_broker import Heard, SpeakingBroker, answer
from the_alchemiser.broker import AlpacaManager, BrokerOptions, RateBudget
from the_alchemiser.domain.money import Side
from the_alchemiser.domain.orders import OrderRequest, OrderType
from the_alchemiser.endpoints import endpoints_of

prices = st.one_of(
    st.integers(100, 10**9).map(lambda cents: Decimal(cents).scaleb(-2)),
    st.integers(1, 9_999).map(lambda ticks: Decimal(ticks).scaleb(-4)),
)
quantities = st.one_of(
    st.integers(1, 10**9).map(Decimal), st.integers(1, 10**18).map(lambda parts: Decimal(parts).scaleb(-9))
)


@pytest.fixture(scope="module")
def echo() -> Iterator[tuple[SpeakingBroker, AlpacaManager]]:
    """A broker that accepts every order, and its manager."""

    def accept(heard: Heard, connection: Any) -> None:
        names = ("client_order_id", "symbol", "side", "qty")
        connection.sendall(answer(order_row(**{name: heard.json[name] for name in names})))

    broker = SpeakingBroker(script=[accept])
    options = BrokerOptions(trading_budget=RateBudget.unlimited(), data_budget=RateBudget.unlimited())
    manager = AlpacaManager("KEY", "SECRET", endpoints=endpoints_of(broker.url), options=options)
    yield broker, manager
    manager.close()
    broker.close()


def canonical(number: Decimal) -> str:
    """The number in the shortest plain notation, by another way than the product's."""
    whole, _, fraction = f"{number:.18f}".partition(".")
    return f"{whole}.{fraction}".rstrip("0").rstrip(".")


@settings(max_examples=150, deadline=None)
@given(price=prices, shares=quantities)
def test_a_limit_and_its_quantity_reach_the_broker_as_exactly_that_text(
    echo: tuple[SpeakingBroker, AlpacaManager], price: Decimal, shares: Decimal
) -> None:
    broker, manager = echo
    request = OrderRequest("alc-1", "AAPL", Side.BUY, shares, OrderType.LIMIT, limit_price=price)
    report = manager.place_order(request)
    body = broker.heard[-1].json
    assert (body["limit_price"], body["qty"]) == (canonical(price), canonical(shares))
    assert b"E" not in broker.heard[-1].body.split(b"client_order_id")[0]
    assert report.shares == shares


@settings(max_examples=100, deadline=None)
@given(number=st.decimals(0, 10**12, places=9, allow_nan=False))
@pytest.mark.parametrize("quoted", [True, False], ids=["as text", "as a JSON number"])
def test_a_filled_quantity_comes_back_as_exactly_what_was_said(
    echo: tuple[SpeakingBroker, AlpacaManager], quoted: bool, number: Decimal
) -> None:
    broker, manager = echo
    said = f'"{number:f}"' if quoted else f"{number:f}"
    body = answer(raw=b'{"id":"x","side":"buy","symbol":"AAPL","filled_qty":' + said.encode() + b"}")
    broker.routes["GET /v2/orders/x"] = body
    assert manager.get_order("x").filled == number
