"""The records of the exchange as Alpaca's JSON objects.

The trading API writes decimals as strings; market data writes numbers. Clients with closed models fail on a
key that is missing, so every key is always there, null when empty.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from the_alchemiser.exchange.market.crypto import OrderBook
from the_alchemiser.exchange.market.news import AUTHOR, SOURCE, NewsItem
from the_alchemiser.exchange.market.prices import Asset, Bar, Quote, Trade
from the_alchemiser.exchange.market.sessions import NEW_YORK, Session, Sessions
from the_alchemiser.exchange.timestamps import datetime_of, rfc3339, rfc3339_new_york
from the_alchemiser.exchange.units import (
    PRICE,
    format_average_price,
    format_money,
    format_price,
    format_quantity,
    format_ratio,
)
from the_alchemiser.exchange.venue.account import PositionState
from the_alchemiser.exchange.venue.margin import long_percent, short_percent
from the_alchemiser.exchange.venue.orders import LIMIT, MLEG, STOP_LIMIT, Order, Update

Row = dict[str, Any]
TAPE = "C"
VENUE = "V"  # IEX: what a feed without a paid subscription shows
OPTION_VENUE = "C"  # Cboe


def _instant(at: int | None) -> str | None:
    return None if at is None else rfc3339(at)


def _price(price_e4: int | None) -> str | None:
    return None if price_e4 is None else format_price(price_e4)


def order_row(order: Order, *, nested: bool = True) -> Row:
    """An Order. `nested` puts the legs of a complex order under it."""
    filled = order.filled_qty_e9
    together = order.order_class == MLEG and order.parent_id is None  # its legs say what it trades
    return {
        "id": order.id,
        "client_order_id": order.client_order_id,
        "created_at": rfc3339(order.created_at),
        "updated_at": rfc3339(order.updated_at),
        "submitted_at": rfc3339(order.submitted_at),
        "filled_at": _instant(order.filled_at),
        "expired_at": _instant(order.expired_at),
        "expires_at": rfc3339(order.expires_at),
        "canceled_at": _instant(order.canceled_at),
        "cancel_requested_at": _instant(order.cancel_requested_at),
        "failed_at": _instant(order.failed_at),
        "replaced_at": _instant(order.replaced_at),
        "replaced_by": order.replaced_by,
        "replaces": order.replaces,
        "asset_id": order.asset_id,
        "symbol": "" if together else order.symbol,
        "asset_class": "" if together else order.asset_class,
        "notional": None if order.notional_e13 is None else format_money(order.notional_e13),
        "qty": None if order.qty_e9 is None else format_quantity(order.qty_e9),
        "filled_qty": format_quantity(filled),
        "filled_avg_price": format_average_price(order.filled_cost_e13, filled) if filled else None,
        "order_class": order.order_class or ("simple" if order.asset_class == "us_option" else ""),
        "order_type": order.type,
        "type": order.type,
        "side": "" if together else order.side,
        "position_intent": order.position_intent or None,
        "time_in_force": order.time_in_force,
        "limit_price": _price(order.limit_price_e4) if order.type in (LIMIT, STOP_LIMIT) else None,
        "stop_price": _price(order.stop_price_e4),
        "status": order.status,
        "extended_hours": order.extended_hours,
        "legs": [_leg_row(leg) for leg in order.legs] if nested and order.legs else None,
        "trail_percent": _price(order.trail_percent_e4),
        "trail_price": _price(order.trail_price_e4),
        "hwm": _price(order.hwm_e4),
        "ratio_qty": None if order.ratio is None else str(order.ratio),
        "subtag": None,
        "source": order.source,
    }


def _leg_row(leg: Order) -> Row:
    """An order below its parent; the kind of a multi-leg order is told there alone."""
    row = order_row(leg)
    return {**row, "type": "", "order_type": ""} if leg.order_class == MLEG else row


def update_row(update: Update) -> Row:
    """The `data` of a trade_updates frame: price and qty are this execution's, position_qty the position
    after it.
    """
    instant = rfc3339(update.at)
    row: Row = {"event": update.event, "timestamp": instant, "at": instant, "order": order_row(update.order)}
    if update.execution_id is not None:
        row["execution_id"] = update.execution_id
    if update.price_e4 is not None and update.qty_e9 is not None:
        row["price"] = format_price(update.price_e4)
        row["qty"] = format_quantity(update.qty_e9)
        row["position_qty"] = format_quantity(update.position_qty_e9 or 0)
    if update.legs:
        row.update(_executed_together(update, instant))
    return row


def _executed_together(update: Update, instant: str) -> Row:
    """The fill of a multi-leg order: its net price, and what was executed in each leg."""
    order, legs = update.order, update.legs
    return {
        "price": format_average_price(order.filled_cost_e13, order.filled_qty_e9),
        "qty": format_quantity(order.filled_qty_e9),
        "position_qtys": {leg.symbol: format_quantity(leg.position_qty_e9) for leg in legs},
        "legs": [
            {
                "execution_id": leg.execution_id,
                "order_id": leg.order_id,
                "symbol": leg.symbol,
                "price": format_price(leg.price_e4),
                "qty": format_quantity(leg.qty_e9),
                "timestamp": instant,
            }
            for leg in legs
        ],
    }


def position_row(position: PositionState) -> Row:
    """A Position, marked at the latest trade. Percentages are fractions."""
    value = position.market_value_e13
    lastday, current = position.lastday_price_e4, position.current_price_e4
    return {
        "asset_id": position.asset_id,
        # A crypto pair loses its slash here, and only here.
        "symbol": position.symbol.replace("/", "") if position.asset_class == "crypto" else position.symbol,
        "exchange": position.exchange,
        "asset_class": position.asset_class,
        "asset_marginable": position.marginable,
        "qty": format_quantity(position.qty_e9),
        "qty_available": format_quantity(position.qty_available_e9),
        "avg_entry_price": format_average_price(
            position.cost_basis_e13, position.qty_e9 * position.multiplier
        ),
        "side": position.side,
        "market_value": format_money(value),
        "cost_basis": format_money(position.cost_basis_e13),
        "unrealized_pl": format_money(position.unrealized_pl_e13),
        "unrealized_plpc": format_ratio(position.unrealized_pl_e13, abs(position.cost_basis_e13)),
        "unrealized_intraday_pl": format_money(position.unrealized_intraday_pl_e13),
        "unrealized_intraday_plpc": format_ratio(
            position.unrealized_intraday_pl_e13, abs(position.day_basis_e13)
        ),
        "current_price": format_price(current),
        "lastday_price": format_price(lastday),
        "change_today": format_ratio(current - lastday, lastday),
    }


def asset_row(asset: Asset, price_e4: int) -> Row:
    """An Asset; `source` (our own field) says where its prices come from and what about them is simulated.

    What its margin is depends on its price; at 0, for want of one, nothing is lent.
    """
    long, short = long_percent(asset, price_e4), short_percent(asset, price_e4)
    return {
        "id": asset.id,
        "class": asset.asset_class,
        "exchange": asset.exchange,
        "symbol": asset.symbol,
        "name": asset.name,
        "status": asset.status,
        "tradable": asset.tradable,
        "marginable": asset.marginable,
        "shortable": asset.shortable,
        "easy_to_borrow": asset.easy_to_borrow,
        "borrow_status": "easy_to_borrow" if asset.easy_to_borrow else "hard_to_borrow",
        "fractionable": asset.fractionable,
        "maintenance_margin_requirement": long,
        "margin_requirement_long": str(long),
        "margin_requirement_short": str(short),
        "attributes": list(asset.attributes),
        "cusip": None,
        "source": asset.source,
        **_increments(asset),
    }


def _increments(asset: Asset) -> Row:
    """The smallest order and steps, which only crypto pairs tell."""
    if asset.asset_class != "crypto":
        return {}
    return {
        "min_order_size": format_quantity(asset.min_order_size_e9 or 0),
        "min_trade_increment": format_quantity(asset.min_trade_increment_e9 or 0),
        "price_increment": format_price(asset.price_increment_e4 or 0),
    }


def clock_row(sessions: Sessions, now: int) -> Row:
    """The market clock; the next open and close always lie in the future."""
    opens, closes = sessions.next_open(now), sessions.next_close(now)
    return {
        "timestamp": rfc3339_new_york(now),
        "is_open": sessions.is_open(now),
        "next_open": rfc3339_new_york(opens.open) if opens else None,
        "next_close": rfc3339_new_york(closes.close) if closes else None,
    }


def calendar_row(session: Session, sessions: Sessions) -> Row:
    """One trading day in New-York time."""
    opens, closes = (datetime_of(at).astimezone(NEW_YORK) for at in (session.open, session.close))
    return {
        "date": session.date.isoformat(),
        "open": opens.strftime("%H:%M"),
        "close": closes.strftime("%H:%M"),
        "session_open": "0400",
        "session_close": "1700" if session.is_half_day else "2000",
        "settlement_date": settlement_day(session, sessions).isoformat(),
    }


# Until when trades settled after so many days, by the rules of the SEC.
_SETTLEMENT_DAYS = ((date(1995, 6, 7), 5), (date(2017, 9, 5), 3), (date(2024, 5, 28), 2))


def settlement_day(session: Session, sessions: Sessions) -> date:
    """When trades of a session settle: one trading day later, more in the past."""
    later = next((days for until, days in _SETTLEMENT_DAYS if session.date < until), 1)
    return sessions.all[min(session.index + later, len(sessions.all) - 1)].date


def bar_fields(bar: Bar) -> Row:
    """A bar without its time stamp, whose form depends on the encoding."""
    return {
        "o": bar.open,
        "h": bar.high,
        "l": bar.low,
        "c": bar.close,
        "v": bar.volume,
        "n": bar.trades,
        "vw": bar.vwap,
    }


def quote_fields(quote: Quote) -> Row:
    return {
        "bx": VENUE,
        "bp": quote.bid_e4 / PRICE,
        "bs": quote.bid_size,
        "ax": VENUE,
        "ap": quote.ask_e4 / PRICE,
        "as": quote.ask_size,
        "c": ["R"],
        "z": TAPE,
    }


def trade_fields(trade: Trade) -> Row:
    return {
        "i": trade.id,
        "x": VENUE,
        "p": trade.price_e4 / PRICE,
        "s": trade.size,
        "c": ["@"],
        "z": TAPE,
    }


def bar_row(bar: Bar) -> Row:
    """A bar of the historical and latest routes."""
    return {"t": rfc3339(bar.at), **bar_fields(bar)}


def quote_row(quote: Quote) -> Row:
    return {"t": rfc3339(quote.at), **quote_fields(quote)}


def trade_row(trade: Trade) -> Row:
    return {"t": rfc3339(trade.at), **trade_fields(trade)}


def crypto_quote_fields(quote: Quote) -> Row:
    """A quote of a crypto pair without its time stamp: there is one venue and no condition."""
    return {
        "bp": quote.bid_e4 / PRICE,
        "bs": quote.bid_size,
        "ap": quote.ask_e4 / PRICE,
        "as": quote.ask_size,
    }


def crypto_trade_fields(trade: Trade) -> Row:
    """A trade of a crypto pair without its time stamp; `tks` is the side that took."""
    return {"i": trade.id, "p": trade.price_e4 / PRICE, "s": trade.size, "tks": trade.taker}


def crypto_quote_row(quote: Quote) -> Row:
    return {"t": rfc3339(quote.at), **crypto_quote_fields(quote)}


def crypto_trade_row(trade: Trade) -> Row:
    return {"t": rfc3339(trade.at), **crypto_trade_fields(trade)}


def order_book_fields(book: OrderBook) -> Row:
    """The levels of an order book, best first."""
    return {
        "b": [{"p": price / PRICE, "s": size} for price, size in book.bids],
        "a": [{"p": price / PRICE, "s": size} for price, size in book.asks],
    }


def order_book_row(book: OrderBook) -> Row:
    return {"t": rfc3339(book.at), **order_book_fields(book)}


def option_quote_fields(quote: Quote) -> Row:
    """A quote of an option contract without its time stamp; its condition is one letter."""
    return {
        "bx": OPTION_VENUE,
        "bp": quote.bid_e4 / PRICE,
        "bs": int(quote.bid_size),
        "ax": OPTION_VENUE,
        "ap": quote.ask_e4 / PRICE,
        "as": int(quote.ask_size),
        "c": "A",
    }


def option_trade_fields(trade: Trade) -> Row:
    """A trade of an option contract without its time stamp."""
    return {"x": OPTION_VENUE, "p": trade.price_e4 / PRICE, "s": int(trade.size), "c": "I"}


def option_quote_row(quote: Quote) -> Row:
    return {"t": rfc3339(quote.at), **option_quote_fields(quote)}


def option_trade_row(trade: Trade) -> Row:
    return {"t": rfc3339(trade.at), **option_trade_fields(trade)}


def news_fields(item: NewsItem) -> Row:
    """An article but for its id, its time stamps and what only the historical route tells."""
    return {
        "headline": item.headline,
        "author": AUTHOR,
        "summary": item.summary,
        "content": item.content,
        "url": item.url,
        "symbols": list(item.symbols),
        "source": SOURCE,
    }
