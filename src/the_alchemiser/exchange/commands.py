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


COMMANDS: dict[str, Callable[[Exchange, Arguments], Any]] = {
    "submit": _submit,
    "replace": _replace,
    "cancel": lambda exchange, arguments: exchange.cancel(arguments["order_id"]),
    "cancel_all": lambda exchange, arguments: exchange.cancel_all(),
    "close": _close,
    "close_all": lambda exchange, arguments: exchange.close_all(arguments["cancel_orders"]),
    "configure": lambda exchange, arguments: exchange.configure(arguments["changes"]),
}
