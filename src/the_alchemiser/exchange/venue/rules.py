"""The switches of the venue: what Alpaca leaves open, or does differently on different days."""

from __future__ import annotations

import msgspec

LIQUIDATION, BLOCKED = "liquidation", "blocked"
RESTRICTIONS = ("", LIQUIDATION, BLOCKED)
PARTIAL_FILLS = ("off", "random", "displayed")


class VenueRules(msgspec.Struct, frozen=True, kw_only=True):
    """How the venue behaves where a choice is possible.

    `partial_fills`: `off`; `random`: one execution in ten fills a random part, as paper accounts do; `displayed`:
    no more than the quote shows, until it changes. `cancel_delay` and `replace_delay`: how long (ns of exchange
    time) an order stays pending_cancel or pending_replace. `notional_market_only`: orders in dollars must be
    market orders. `overnight`: whether assets marked for it trade overnight. `cls_cutoff`: how long before the
    close (ns) orders for the close are refused. `expired_as`: the status of a day order at its end. `crypto_fok`:
    whether crypto orders may be fill-or-kill. `crypto_fee_basis_points`: of what a crypto trade receives.
    `pay_dividends`: whether the dividends of a script are paid, which paper accounts do not do.
    `option_stops`: whether single option orders may be stop and stop-limit orders.
    """

    partial_fills: str = "off"
    cancel_delay: int = 0
    replace_delay: int = 0
    notional_market_only: bool = False
    overnight: bool = True
    cls_cutoff: int = 10 * 60 * 10**9
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
        if self.cancel_delay < 0 or self.replace_delay < 0:
            raise ValueError("a delay cannot be negative")


DEFAULT_RULES = VenueRules()
