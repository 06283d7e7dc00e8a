"""Rows as Alpaca writes them."""

from __future__ import annotations

from typing import Any

ORDER_ID = "61e69015-8549-4bfd-b9c3-01e75843f47d"


def order_row(**changes: Any) -> dict[str, Any]:
    """An accepted limit order, with any field changed."""
    return {
        "id": ORDER_ID,
        "client_order_id": "alc-1",
        "created_at": "2026-01-02T15:00:00.1Z",
        "updated_at": "2026-01-02T15:00:00.123456789Z",
        "submitted_at": "2026-01-02T15:00:00.1Z",
        "filled_at": None,
        "replaced_by": None,
        "replaces": None,
        "asset_id": "904837e3-3b76-47ec-b432-046db621571b",
        "symbol": "AAPL",
        "asset_class": "us_equity",
        "notional": None,
        "qty": "10",
        "filled_qty": "0",
        "filled_avg_price": None,
        "order_class": "",
        "type": "limit",
        "side": "buy",
        "time_in_force": "day",
        "limit_price": "150.25",
        "stop_price": None,
        "status": "pending_new",
        "legs": None,
        **changes,
    }


def fill_row(number: int, **changes: Any) -> dict[str, Any]:
    """A FILL activity of one share, the `number`th of its order."""
    return {
        "activity_type": "FILL",
        "id": f"20260102100000{number:03d}::fill-{number}",
        "cum_qty": str(number),
        "leaves_qty": "0",
        "price": "150.25",
        "qty": "1",
        "side": "buy",
        "symbol": "AAPL",
        "transaction_time": f"2026-01-02T15:00:00.{number:09d}Z",
        "order_id": ORDER_ID,
        "type": "partial_fill",
        **changes,
    }


ACCOUNT_ROW: dict[str, Any] = {
    "id": "x",
    "account_number": "PA3TESTNUMBER",
    "status": "ACTIVE",
    "cash": "100000.12",
    "equity": "123456.78",
    "buying_power": "200000.24",
    "trading_blocked": False,
    "account_blocked": False,
    "trade_suspended_by_user": False,
}

POSITION_ROW: dict[str, Any] = {
    "symbol": "AAPL",
    "qty": "10",
    "side": "long",
    "current_price": "151.5",
    "cost_basis": "1502.5",
}
