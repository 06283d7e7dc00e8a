"""The switches of the venue: what Alpaca leaves open, or does differently on different days."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

LIQUIDATION, BLOCKED = "liquidation", "blocked"
RESTRICTIONS = ("", LIQUIDATION, BLOCKED)
PARTIAL_FILLS = ("off", "random", "displayed")


class VenueRules(msgspec.Struct, frozen=True, kw_only=True):
    """How the venue behaves where a choice is possible.

    `partial_fills`: `off`; `random`: one execution in ten fills a random part, as paper accounts do; `displayed`:
    no more than the quote shows, until it changes. `cancel_delay` and `replace_delay`: how long (ns of exchange
    time) an order stays pending_cancel or pending_replace. `notional_market_only`: orders in dollars must be
    market orders. `overnight`: whether assets marked for it trade overnight. `cls_cutoff_seconds`: how long
    before the close orders for the close are refused. `expired_as`: the status of a day order at its end. `crypto_fok`:
    whether crypto orders may be fill-or-kill. `crypto_fee_basis_points`: of what a crypto trade receives.
    `pay_dividends`: whether the dividends of a script are paid, which paper accounts do not do.
    `option_stops`: whether single option orders may be stop and stop-limit orders.
    """

    partial_fills: str = "off"
    cancel_delay: int = 0
    replace_delay: int = 0
    notional_market_only: bool = False
    overnight: bool = True
    cls_cutoff_seconds: int = 600
    expired_as: str = "expired"
    crypto_fok: bool = False
    crypto_fee_basis_points: int = 25
    pay_dividends: bool = False
    hard_to_borrow: tuple[str, ...] = ()
    """Stocks that are lent to nobody."""
    option_stops: bool = False
    restriction: str = ""
    """`liquidation`: the account may only close positions; `blocked`: it may not trade."""
    refused_classes: tuple[str, ...] = ()
    """Classes of assets that the account may not trade: us_equity, crypto, us_option."""

    def __post_init__(self) -> None:
        if self.partial_fills not in PARTIAL_FILLS:
            raise ValueError(f"partial fills must be one of {', '.join(PARTIAL_FILLS)}")
        if self.restriction not in RESTRICTIONS:
            raise ValueError("a restriction is liquidation or blocked")
        if self.expired_as not in ("expired", "canceled"):
            raise ValueError("a day order ends as expired or canceled")
        if not 0 <= self.crypto_fee_basis_points <= 10_000:
            raise ValueError("a fee lies between nothing and everything")
        if min(self.cancel_delay, self.replace_delay, self.cls_cutoff_seconds) < 0:
            raise ValueError("a delay cannot be negative")


DEFAULT_RULES = VenueRules()


def _yes(text: str) -> bool:
    if text not in ("yes", "no"):
        raise ValueError
    return text == "yes"


# The switches that people choose by name: those for which there is no flag of their own.
_NAMED: Mapping[str, Callable[[str], Any]] = {
    "cls_cutoff_seconds": int,
    "crypto_fee_basis_points": int,
    "crypto_fok": _yes,
    "expired_as": str,
    "notional_market_only": _yes,
    "option_stops": _yes,
    "overnight": _yes,
}


def named_rules(text: str) -> dict[str, Any]:
    """The fields of VenueRules that a text such as `expired_as=canceled,crypto_fok=yes` sets. Raises ValueError."""
    fields: dict[str, Any] = {}
    for pair in filter(None, text.split(",")):
        name, _, value = pair.strip().partition("=")
        if name not in _NAMED:
            raise ValueError(f"there is no rule {name!r}; the rules are {', '.join(_NAMED)}")
        try:
            fields[name] = _NAMED[name](value)
        except ValueError:
            raise ValueError(f"{value!r} is nothing that {name} can be") from None
    return fields


def text_of_rules(rules: VenueRules) -> str:
    """The text that chooses these rules by name."""
    pairs = []
    for name in _NAMED:
        value = getattr(rules, name)
        if isinstance(value, bool):
            value = "yes" if value else "no"
        pairs.append(f"{name}={value}")
    return ",".join(pairs)
