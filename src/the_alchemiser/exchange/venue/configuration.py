"""What an account's owner may set: /v2/account/configurations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from the_alchemiser.exchange.errors import bad_parameter

OPTIONS_LEVEL_MAX = 3


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one account. `dtbp_check` and `pdt_check` belong to the day-trading rule that ended in
    2026; they are kept for clients that still send them, and decide nothing.
    """

    dtbp_check: str = "entry"
    pdt_check: str = "entry"
    trade_confirm_email: str = "all"
    suspend_trade: bool = False
    no_shorting: bool = False
    fractional_trading: bool = True
    max_margin_multiplier: str = "4"
    max_options_trading_level: int = OPTIONS_LEVEL_MAX
    ptp_no_exception_entry: bool = False
    disable_overnight_trading: bool = False


_CHOICES = {
    "dtbp_check": ("both", "entry", "exit"),
    "pdt_check": ("both", "entry", "exit"),
    "trade_confirm_email": ("all", "none"),
    "max_margin_multiplier": ("1", "2", "4"),
}
_FLAGS = (
    "suspend_trade",
    "no_shorting",
    "fractional_trading",
    "ptp_no_exception_entry",
    "disable_overnight_trading",
)


def configured(known: Configuration, changes: Mapping[str, Any]) -> Configuration:
    """`known` with these changes; null changes nothing, unknown fields are ignored. Raises Refusal."""
    given = {name: value for name, value in changes.items() if value is not None}
    taken: dict[str, Any] = {}
    for name, choices in _CHOICES.items():
        if name in given:
            taken[name] = str(given[name])
            if taken[name] not in choices:
                raise bad_parameter(f"invalid {name}")
    for name in _FLAGS:
        if name in given:
            if not isinstance(given[name], bool):
                raise bad_parameter(f"invalid {name}")
            taken[name] = given[name]
    if "max_options_trading_level" in given:
        level = given["max_options_trading_level"]
        if not isinstance(level, int) or isinstance(level, bool) or not 0 <= level <= OPTIONS_LEVEL_MAX:
            raise bad_parameter("invalid max_options_trading_level")
        taken["max_options_trading_level"] = level
    return msgspec.structs.replace(known, **taken)
