"""The same manager and stream with Alpaca's own paper trading. It needs keys in the environment."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Iterator
from decimal import Decimal

import pytest

from the_alchemiser.broker import AlpacaManager, AlpacaStream, create_alpaca_manager
from the_alchemiser.domain.instants import DAY
from the_alchemiser.domain.market import Quote
from the_alchemiser.domain.money import Side
from the_alchemiser.domain.orders import OrderRequest, OrderStatus, OrderType, TimeInForce

# Read at import: the suite's own fixture hides a developer's keys from every test.
KEY, SECRET = os.environ.get("ALPACA_API_KEY", ""), os.environ.get("ALPACA_SECRET_KEY", "")

pytestmark = [pytest.mark.integration, pytest.mark.skipif(not (KEY and SECRET), reason="needs Alpaca keys")]


@pytest.fixture
def manager() -> Iterator[AlpacaManager]:
    paper = create_alpaca_manager(KEY, SECRET)
    yield paper
    paper.close()


def far_below_the_market() -> OrderRequest:
    """A buy that cannot fill: Apple for one dollar."""
    name = f"alc-paper-{uuid.uuid4().hex[:12]}"
    return OrderRequest(name, "AAPL", Side.BUY, Decimal(1), OrderType.LIMIT, TimeInForce.GTC, Decimal("1.01"))


def test_the_account_the_clock_and_the_calendar_are_read(manager: AlpacaManager) -> None:
    assert manager.get_account().number
    now = manager.get_time()
    assert manager.get_sessions("2026-01-02", "2026-01-02")[0].date == "2026-01-02"
    assert manager.get_positions() is not None
    assert manager.get_executions(now - 30 * DAY) is not None


def test_prices_are_read(manager: AlpacaManager) -> None:
    assert isinstance(manager.get_quote("AAPL"), Quote)
    assert manager.get_price("AAPL") > 0
    assert len(manager.get_histories(["AAPL", "MSFT"], 20, "2026-01-02")["MSFT"].closes) == 20
    assert manager.get_assets(["AAPL"])["AAPL"].tradable


def test_an_order_is_placed_found_and_cancelled(manager: AlpacaManager) -> None:
    request = far_below_the_market()
    placed = manager.place_order(request)
    assert manager.place_order(request).broker_order_id == placed.broker_order_id
    assert placed.broker_order_id in {report.broker_order_id for report in manager.get_open_orders()}
    manager.cancel_order(placed.broker_order_id)


async def test_the_stream_tells_of_an_order(manager: AlpacaManager) -> None:
    request = far_below_the_market()
    stream = AlpacaStream(manager.credentials, manager.endpoints.trading_stream)
    async with asyncio.timeout(60):
        async for heard in stream.order_updates():
            if heard is None:
                placed = await asyncio.to_thread(manager.place_order, request)
                await asyncio.to_thread(manager.cancel_order, placed.broker_order_id)
                continue
            report = heard.report
            if report.client_order_id == request.client_order_id and report.status is OrderStatus.CANCELED:
                break
