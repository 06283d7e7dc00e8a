"""Every command that can change an account. The same functions run for a client and for a line of the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.orders import OrderChanges, OrderRequest

Arguments = Mapping[str, Any]


def _submit(exchange: Exchange, arguments: Arguments) -> Any:
    return exchange.submit(msgspec.convert(arguments["request"], OrderRequest))


def _replace(exchange: Exchange, arguments: Arguments) -> Any:
    return exchange.replace(arguments["order_id"], msgspec.convert(arguments["changes"], OrderChanges))


def _close(exchange: Exchange, arguments: Arguments) -> Any:
    return exchange.close_position(arguments["symbol"], arguments.get("qty"), arguments.get("percentage"))


def _create_watchlist(exchange: Exchange, arguments: Arguments) -> Any:
    return exchange.watchlists.create(arguments.get("list_name"), arguments.get("symbols"), exchange.now)


def _update_watchlist(exchange: Exchange, arguments: Arguments) -> Any:
    name, symbols = arguments.get("list_name"), arguments.get("symbols")
    return exchange.watchlists.update(arguments["list_id"], name, symbols, exchange.now)


def _add_to_watchlist(exchange: Exchange, arguments: Arguments) -> Any:
    return exchange.watchlists.add(arguments["list_id"], arguments.get("symbol"), exchange.now)


def _remove_from_watchlist(exchange: Exchange, arguments: Arguments) -> Any:
    return exchange.watchlists.remove(arguments["list_id"], arguments["symbol"], exchange.now)


COMMANDS: dict[str, Callable[[Exchange, Arguments], Any]] = {
    "submit": _submit,
    "replace": _replace,
    "cancel": lambda exchange, arguments: exchange.cancel(arguments["order_id"]),
    "cancel_all": lambda exchange, arguments: exchange.cancel_all(),
    "close": _close,
    "close_all": lambda exchange, arguments: exchange.close_all(arguments["cancel_orders"]),
    "submit_for_owner": lambda exchange, arguments: exchange.submit_for_owner(
        msgspec.convert(arguments["request"], OrderRequest)
    ),
    "fill_anyway": lambda exchange, arguments: exchange.fill_anyway(
        arguments["order_id"], arguments.get("qty_e9"), arguments.get("price_e4")
    ),
    "reject_later": lambda exchange, arguments: exchange.reject_later(
        arguments["order_id"], arguments["reason"]
    ),
    "transfer": lambda exchange, arguments: exchange.transfer(arguments["amount_e13"]),
    "exercise": lambda exchange, arguments: exchange.exercise(arguments["symbol"]),
    "do_not_exercise": lambda exchange, arguments: exchange.do_not_exercise(arguments["symbol"]),
    "configure": lambda exchange, arguments: exchange.configure(arguments["changes"]),
    "create_watchlist": _create_watchlist,
    "update_watchlist": _update_watchlist,
    "add_to_watchlist": _add_to_watchlist,
    "remove_from_watchlist": _remove_from_watchlist,
    "delete_watchlist": lambda exchange, arguments: exchange.watchlists.delete(arguments["list_id"]),
}
