"""The account, its settings and its activities as Alpaca's JSON objects. Decimals are strings."""

from __future__ import annotations

from typing import Any

import msgspec

from the_alchemiser.exchange.market.sessions import NEW_YORK, new_york_date
from the_alchemiser.exchange.timestamps import datetime_of, rfc3339
from the_alchemiser.exchange.units import format_money, format_price, format_quantity
from the_alchemiser.exchange.venue.account import AccountState, FillRecord, OtherActivity
from the_alchemiser.exchange.venue.activities import Activity, identity
from the_alchemiser.exchange.venue.configuration import Configuration

Row = dict[str, Any]

# The fields of an account that never change here. Those of the day-trading rule, which the real API dropped in
# 2026, are served for clients that still read them.
_FIXED_ACCOUNT_FIELDS: Row = {
    "status": "ACTIVE",
    "currency": "USD",
    "accrued_fees": "0",
    "pending_reg_taf_fees": "0",
    "pending_transfer_in": "0",
    "pending_transfer_out": "0",
    "intraday_adjustments": "0",
    "transfers_blocked": False,
    "account_blocked": False,
    "pattern_day_trader": False,
    "daytrade_count": 0,
    "last_daytrade_count": 0,
    "crypto_tier": 0,
    "admin_configurations": {},
    "user_configurations": None,
}


def account_row(account: AccountState) -> Row:
    """An account; what it may borrow follows the rules of `venue.margin`."""
    return {
        "id": account.id,
        "account_number": account.account_number,
        **_money_rows(account),
        "multiplier": str(account.multiplier),
        "balance_asof": new_york_date(account.at).isoformat(),
        "created_at": rfc3339(account.created_at),
        "crypto_status": "ACTIVE" if account.has_crypto else "INACTIVE",
        "shorting_enabled": account.shorting_enabled,
        "trading_blocked": account.trading_blocked,
        "trade_suspended_by_user": account.configuration.suspend_trade,
        "options_approved_level": account.options_approved_level,
        "options_trading_level": account.options_trading_level,
        **_FIXED_ACCOUNT_FIELDS,
    }


def _money_rows(account: AccountState) -> Row:
    power, own = account.buying_power_e13, account.non_marginable_buying_power_e13
    long_value, short_value = account.long_market_value_e13, account.short_market_value_e13
    counts = {
        "cash": account.cash_e13,
        "buying_power": power,
        "effective_buying_power": power,
        "regt_buying_power": account.regt_buying_power_e13,
        "non_marginable_buying_power": own,
        "options_buying_power": own,
        "daytrading_buying_power": account.daytrading_buying_power_e13,
        "bod_dtbp": account.bod_dtbp_e13,
        "last_daytrading_buying_power": account.bod_dtbp_e13,
        "portfolio_value": account.equity_e13,
        "equity": account.equity_e13,
        "last_equity": account.last_equity_e13,
        "long_market_value": long_value,
        "short_market_value": short_value,
        "position_market_value": long_value - short_value,
        # What a written contract would cost counts against what it asks for, and may be more.
        "initial_margin": max(0, account.initial_margin_e13),
        "maintenance_margin": max(0, account.maintenance_margin_e13),
        "last_maintenance_margin": max(0, account.last_maintenance_margin_e13),
        "sma": account.excess_e13,
    }
    return {name: format_money(count) for name, count in counts.items()}


def configuration_row(configuration: Configuration) -> Row:
    """The owner's settings."""
    row: Row = msgspec.structs.asdict(configuration)
    return row


def activity_id(activity: Activity) -> str:
    """`yyyyMMddHHmmssSSS::<uuid>` in New-York time."""
    moment = datetime_of(activity.at).astimezone(NEW_YORK)
    return f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 1000:03d}::{identity(activity)}"


def activity_row(activity: Activity) -> Row:
    """An activity, of executions or other."""
    return fill_row(activity) if isinstance(activity, FillRecord) else other_row(activity)


def fill_row(fill: FillRecord) -> Row:
    """A FILL activity."""
    return {
        "activity_type": "FILL",
        "id": activity_id(fill),
        "transaction_time": rfc3339(fill.at),
        "type": fill.type,
        "price": format_price(fill.price_e4),
        "qty": format_quantity(fill.qty_e9),
        "side": "sell_short" if fill.position_intent == "sell_to_open" else fill.side,
        "symbol": fill.symbol,
        "leaves_qty": format_quantity(fill.leaves_qty_e9),
        "cum_qty": format_quantity(fill.cum_qty_e9),
        "order_id": fill.order_id,
        "order_status": fill.order_status,
        "execution_id": fill.execution_id,
    }


def other_row(activity: OtherActivity) -> Row:
    """An activity beside the executions; what does not apply is left out, as the real API does."""
    quantity, share, price = activity.qty_e9, activity.per_share_e13, activity.price_e4
    row = {
        "activity_type": activity.type,
        "activity_sub_type": activity.sub_type,
        "id": activity_id(activity),
        "date": activity.day.isoformat(),
        "created_at": rfc3339(activity.seen_from),
        "net_amount": format_money(activity.net_amount_e13),
        "description": activity.description,
        "status": "executed",
        "currency": "USD",
        "symbol": activity.symbol,
        "qty": "" if quantity is None else format_quantity(quantity),
        "per_share_amount": "" if share is None else format_money(share),
        "price": "" if price is None else format_price(price),
        "group_id": activity.group_id,
    }
    return {name: value for name, value in row.items() if value}
