"""Alpaca's words in ours. The only place that knows its field names.

Unknown values and new fields are tolerated, because Alpaca adds them without notice; a missing amount of money is not,
because a default would be an invention. What cannot be understood raises ValueError or TypeError; the callers name the
operation.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from the_alchemiser.domain.instants import SECOND, Nanos, parse_rfc3339
from the_alchemiser.domain.market import Asset, Bar, Quote, Session
from the_alchemiser.domain.money import ZERO, Side, decimal
from the_alchemiser.domain.orders import Execution, FillSource, Kin, OrderReport, OrderStatus
from the_alchemiser.domain.portfolio import WITH_SHARES, Account, Activity, Holding, activity_kind

Raw = Mapping[str, Any]

NEW_YORK = ZoneInfo("America/New_York")

# A status not listed here is one Alpaca invented later: UNKNOWN. Exposure stays counted, and the order is looked up
# until the broker uses a word we know.
STATUSES: dict[str, OrderStatus] = {
    "accepted": OrderStatus.ACCEPTED,
    "pending_new": OrderStatus.ACCEPTED,
    "accepted_for_bidding": OrderStatus.ACCEPTED,
    "pending_review": OrderStatus.ACCEPTED,
    "held": OrderStatus.ACCEPTED,
    "new": OrderStatus.NEW,
    "stopped": OrderStatus.NEW,
    "suspended": OrderStatus.NEW,
    "calculated": OrderStatus.NEW,
    "done_for_day": OrderStatus.NEW,
    "pending_replace": OrderStatus.NEW,
    "partially_filled": OrderStatus.PARTIALLY_FILLED,
    "pending_cancel": OrderStatus.PENDING_CANCEL,
    "filled": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELED,
    "expired": OrderStatus.EXPIRED,
    "rejected": OrderStatus.REJECTED,
    "replaced": OrderStatus.REPLACED,
}
# done_for_day is live: the order may still be expired or even filled afterwards.

BLOCKED_ACCOUNT_STATUSES = frozenset(
    {
        "REJECTED",
        "ACCOUNT_CLOSED",
        "ACCOUNT_CLOSED_PENDING",
        "INACTIVE",
        "SUBMISSION_FAILED",
        "ACTION_REQUIRED",
    }
)
_BLOCKS = ("trading_blocked", "account_blocked", "trade_suspended_by_user")


_NO_KIN = Kin()


def order_report(raw: Raw, leg_of: str = "") -> OrderReport:
    """One order object; `leg_of` is the order whose exit it is."""
    return OrderReport(
        client_order_id=_text(raw, "client_order_id"),
        broker_order_id=_required(raw, "id"),
        symbol=_text(raw, "symbol"),
        side=_side(raw),
        shares=_number(raw, "qty"),
        status=STATUSES.get(_text(raw, "status"), OrderStatus.UNKNOWN),
        filled=_number(raw, "filled_qty"),
        at=_instant(raw, "updated_at") or _instant(raw, "submitted_at") or _instant(raw, "created_at"),
        reason=_text(raw, "reject_reason"),
        average_price=_number(raw, "filled_avg_price") or None,
        kin=_kin(raw, leg_of),
        price=_number(raw, "limit_price") or _number(raw, "stop_price") or None,
        notional=_number(raw, "notional") or None,
    )


def _kin(raw: Raw, leg_of: str) -> Kin | None:
    legs = tuple(_required(leg, "id") for leg in raw.get("legs") or ())
    kin = Kin(_text(raw, "replaces"), _text(raw, "replaced_by"), legs, leg_of)
    return kin if kin != _NO_KIN else None


def order_reports(rows: Any, leg_of: str = "") -> Iterator[OrderReport]:
    """Orders of a list, each followed by its legs; the sideless wrapper of a multi-leg option order is left out."""
    for raw in rows:
        if _text(raw, "side"):
            yield order_report(raw, leg_of)
        yield from order_reports(raw.get("legs") or (), _text(raw, "id"))


def stream_execution(data: Raw) -> Execution | None:
    """The execution a trade update tells of, or None: its `qty` ends at the order's cumulative `filled_qty`."""
    if not data.get("qty") or not data.get("price"):
        return None
    order: Raw = data["order"]
    cum_after = _money(order, "filled_qty")
    return Execution(
        broker_order_id=_required(order, "id"),
        symbol=_required(order, "symbol"),
        side=_side(order),
        cum_before=cum_after - _money(data, "qty"),
        cum_after=cum_after,
        price=_money(data, "price"),
        at=_instant(data, "timestamp"),
    )


def activity_execution(raw: Raw) -> Execution:
    """One FILL activity."""
    cum_after = _money(raw, "cum_qty")
    return Execution(
        broker_order_id=_required(raw, "order_id"),
        symbol=_required(raw, "symbol"),
        side=_side(raw),
        cum_before=cum_after - _money(raw, "qty"),
        cum_after=cum_after,
        price=_money(raw, "price"),
        at=parse_rfc3339(_required(raw, "transaction_time")),
        source=FillSource.RECORD,
    )


def activity(raw: Raw) -> Activity | None:
    """One activity that is no trade; None for one that was taken back."""
    if _text(raw, "status") == "canceled":
        return None
    name = _required(raw, "activity_type")
    return Activity(
        id=_required(raw, "id"),
        kind=activity_kind(name),
        name=name,
        date=_text(raw, "date") or _required(raw, "created_at")[:10],
        cash=_number(raw, "net_amount"),
        symbol=_text(raw, "symbol"),
        shares=_number(raw, "qty") if name in WITH_SHARES else ZERO,
        price=_number(raw, "price"),
        text=_text(raw, "description"),
    )


def account(raw: Raw) -> Account:
    """The account."""
    return Account(
        number=_required(raw, "account_number"),
        cash=_money(raw, "cash"),
        equity=_money(raw, "equity"),
        buying_power=_money(raw, "buying_power"),
        is_blocked=any(raw.get(block) is True for block in _BLOCKS)
        or _text(raw, "status") in BLOCKED_ACCOUNT_STATUSES,
        holdings_value=_holdings_value(raw),
    )


def _holdings_value(raw: Raw) -> Decimal | None:
    if raw.get("long_market_value") in (None, ""):
        return None
    return _money(raw, "long_market_value") + _number(raw, "short_market_value")


def holding(raw: Raw) -> Holding:
    """One position; short ones are negative. Its price is zero where the broker has none."""
    shares = _money(raw, "qty")
    if _text(raw, "side") == "short":
        shares = -abs(shares)
    return Holding(
        symbol=_required(raw, "symbol"),
        shares=shares,
        price=_number(raw, "current_price") or _number(raw, "lastday_price"),
        cost=_number(raw, "cost_basis"),
    )


def session(raw: Raw) -> Session:
    """One row of the calendar, whose times are New York's."""
    date = _required(raw, "date")
    return Session(
        date, new_york_instant(date, _required(raw, "open")), new_york_instant(date, _required(raw, "close"))
    )


def asset(raw: Raw) -> Asset:
    """One asset."""
    is_active = _text(raw, "status") in ("active", "")
    return Asset(
        _required(raw, "symbol"), raw.get("tradable") is True and is_active, raw.get("fractionable") is True
    )


def quote(symbol: str, raw: Raw) -> Quote:
    """The newest quote of a symbol; a side nobody quotes is zero."""
    return Quote(symbol, _instant(raw, "t"), _number(raw, "bp"), _number(raw, "ap"))


def bar(symbol: str, raw: Raw) -> Bar:
    """One bar."""
    return Bar(
        symbol,
        parse_rfc3339(_required(raw, "t")),
        float(raw["o"]),
        float(raw["h"]),
        float(raw["l"]),
        float(raw["c"]),
        float(raw.get("v") or 0),
    )


def new_york_instant(date: str, clock: str) -> Nanos:
    """The instant of a New York wall clock ("09:30" or "0930") on an ISO date."""
    digits = clock.replace(":", "")
    moment = dt.datetime.fromisoformat(f"{date}T{digits[:2]}:{digits[2:4]}:00").replace(tzinfo=NEW_YORK)
    return int(moment.timestamp()) * SECOND


def new_york_date(at: Nanos) -> str:
    """The ISO date in New York at an instant: the session a daily bar belongs to."""
    return dt.datetime.fromtimestamp(at // SECOND, NEW_YORK).date().isoformat()


def _text(raw: Raw, name: str) -> str:
    value = raw.get(name)
    return value if isinstance(value, str) else ""


def _required(raw: Raw, name: str) -> str:
    value = raw.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"no {name}")
    return value


def _number(raw: Raw, name: str) -> Decimal:
    """An exact number; zero where there is none."""
    value = raw.get(name)
    return ZERO if value is None or value == "" else decimal(value)


def _money(raw: Raw, name: str) -> Decimal:
    """An exact number that must be there."""
    value = raw.get(name)
    if value is None or value == "":
        raise ValueError(f"no {name}")
    return decimal(value)


def _side(raw: Raw) -> Side:
    """Activities say `sell_short` where orders say `sell`."""
    word = _required(raw, "side")
    if word == "buy":
        return Side.BUY
    if word.startswith("sell"):
        return Side.SELL
    raise ValueError(f"side {word!r}")


def _instant(raw: Raw, name: str) -> Nanos:
    """An instant, or 0 where there is none that can be read: an order without a time is still an order."""
    try:
        return parse_rfc3339(_text(raw, name))
    except ValueError:
        return 0
