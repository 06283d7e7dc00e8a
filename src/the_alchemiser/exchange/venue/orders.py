"""What an order is: the request for one, the record of one, the news about one.

Records are live objects inside the exchange; everything handed out is a copy (`snapshot`).
"""

from __future__ import annotations

import msgspec

MARKET, LIMIT, STOP, STOP_LIMIT = "market", "limit", "stop", "stop_limit"
TRAILING_STOP = "trailing_stop"
DAY, GTC, OPG, CLS, IOC, FOK = "day", "gtc", "opg", "cls", "ioc", "fok"
BUY, SELL = "buy", "sell"
SIMPLE, BRACKET, OCO, OTO, MLEG = "", "bracket", "oco", "oto", "mleg"
POSITION_INTENTS = frozenset({"buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close"})
CLOSING = frozenset({"buy_to_close", "sell_to_close"})
TAKE_PROFIT, STOP_LOSS = "take_profit", "stop_loss"

OPEN_STATUSES = frozenset(
    {
        "accepted",
        "pending_new",
        "new",
        "partially_filled",
        "held",
        "pending_cancel",
        "pending_replace",
    }
)
TERMINAL_STATUSES = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})

# Which status may follow which. Nothing follows a terminal one.
TRANSITIONS: dict[str, frozenset[str]] = {
    "accepted": frozenset({"pending_new", "new", "pending_cancel", "canceled", "expired", "rejected"}),
    "pending_new": frozenset({"new", "pending_cancel", "canceled", "rejected"}),
    "held": frozenset(
        {"new", "rejected", "pending_cancel", "canceled", "expired", "pending_replace", "replaced"}
    ),
    "new": frozenset(
        {
            "partially_filled",
            "filled",
            "pending_cancel",
            "canceled",
            "expired",
            "pending_replace",
            "rejected",
        }
    ),
    "partially_filled": frozenset(
        {
            "partially_filled",
            "filled",
            "pending_cancel",
            "canceled",
            "expired",
            "pending_replace",
            "rejected",
        }
    ),
    "pending_cancel": frozenset({"canceled", "filled", "partially_filled", "expired", "rejected"}),
    "pending_replace": frozenset(
        {
            "replaced",
            "new",
            "partially_filled",
            "filled",
            "held",
            "pending_cancel",
            "canceled",
            "expired",
            "rejected",
        }
    ),
    **{status: frozenset() for status in TERMINAL_STATUSES},
}


class LegRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One leg of a multi-leg order: `ratio` contracts for each unit of the order."""

    symbol: str
    ratio: int
    side: str
    position_intent: str | None = None


class OrderRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An order as asked for, in integer units; `parse_order_request` reads one from a JSON body."""

    symbol: str
    side: str
    type: str = MARKET
    time_in_force: str = "day"
    qty_e9: int | None = None
    notional_e13: int | None = None
    limit_price_e4: int | None = None
    stop_price_e4: int | None = None
    trail_price_e4: int | None = None
    trail_percent_e4: int | None = None
    order_class: str = SIMPLE
    take_profit_limit_e4: int | None = None
    stop_loss_stop_e4: int | None = None
    stop_loss_limit_e4: int | None = None
    client_order_id: str | None = None
    extended_hours: bool = False
    position_intent: str | None = None
    source: str | None = None
    closes_position: bool = False
    legs: tuple[LegRequest, ...] = ()


class OrderChanges(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a replacement alters; None leaves a field as it is. `trail_e4` is in the unit the order trails by."""

    qty_e9: int | None = None
    limit_price_e4: int | None = None
    stop_price_e4: int | None = None
    trail_e4: int | None = None
    time_in_force: str | None = None
    client_order_id: str | None = None


class OrderFilter(msgspec.Struct, kw_only=True):
    """Which orders to list. `after` and `until` are exclusive bounds on submitted_at (ns UTC)."""

    status: str = "open"
    limit: int = 50
    after: int | None = None
    until: int | None = None
    direction: str = "desc"
    nested: bool = False
    symbols: frozenset[str] | None = None
    side: str | None = None
    asset_class: frozenset[str] | None = None
    before_order_id: str | None = None
    after_order_id: str | None = None


class Order(msgspec.Struct, kw_only=True, eq=False, gc=False):
    """The record of one order. Instants are ns UTC, None until they happen.

    `sequence` counts orders in the order of their creation. `legs` are the orders of a complex order
    below their parent, take profit before stop loss. `held_cash_e13` and `held_qty_e9` are what the
    order reserves of the account's buying power and of a position at this moment: one that opens
    reserves money, one that closes reserves shares. `multiplier` is that of the asset. A trailing stop has
    followed the market up to `marked_at`; `hwm_e4` is the best price by then. `parted_at` is the instant of the
    latest quote that filled only a part. `ratio` is that of a leg within its multi-leg order. Records point to
    their legs and nothing points back, so that the collector of cycles need not visit them.
    """

    symbol: str
    asset_id: str
    side: str
    type: str
    time_in_force: str
    # What a record has from the moment it is known to the exchange.
    id: str = ""
    client_order_id: str = ""
    sequence: int = 0
    status: str = ""
    created_at: int = 0
    submitted_at: int = 0
    updated_at: int = 0
    expires_at: int = 0
    order_class: str = SIMPLE
    qty_e9: int | None = None
    notional_e13: int | None = None
    filled_qty_e9: int = 0
    filled_cost_e13: int = 0
    limit_price_e4: int | None = None
    stop_price_e4: int | None = None
    trail_price_e4: int | None = None
    trail_percent_e4: int | None = None
    hwm_e4: int | None = None
    marked_at: int = 0
    parted_at: int = -1
    filled_at: int | None = None
    expired_at: int | None = None
    canceled_at: int | None = None
    cancel_requested_at: int | None = None
    failed_at: int | None = None
    replaced_at: int | None = None
    replaced_by: str | None = None
    replaces: str | None = None
    position_intent: str = ""
    extended_hours: bool = False
    overnight: bool = False
    source: str | None = None
    closes_position: bool = False
    asset_class: str = "us_equity"
    parent_id: str | None = None
    leg_role: str = ""
    legs: tuple[Order, ...] = ()
    held_cash_e13: int = 0
    held_qty_e9: int = 0
    elected: bool = False
    reject_reason: str = ""
    multiplier: int = 1
    ratio: int | None = None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    @property
    def closes(self) -> bool:
        """Whether it reduces a position, long or short, and so reserves shares."""
        return self.position_intent in CLOSING

    @property
    def remaining_e9(self) -> int:
        """Shares still to execute; 0 for an order in dollars, whose shares depend on the price."""
        return 0 if self.qty_e9 is None else self.qty_e9 - self.filled_qty_e9


class LegFill(msgspec.Struct, frozen=True, kw_only=True):
    """What the fill of a multi-leg order did in one of its legs."""

    execution_id: str
    order_id: str
    symbol: str
    price_e4: int
    qty_e9: int
    position_qty_e9: int


class Update(msgspec.Struct, kw_only=True, eq=False, gc=False):
    """One trade update: `order` is a snapshot after the event; execution fields are set for fills only.

    The fill of a multi-leg order has no execution of its own, but one in each of its `legs`.
    """

    sequence: int
    event: str
    order: Order
    at: int
    price_e4: int | None = None
    qty_e9: int | None = None
    position_qty_e9: int | None = None
    execution_id: str | None = None
    legs: tuple[LegFill, ...] = ()


def opposite(side: str) -> str:
    return SELL if side == BUY else BUY


def intent_of(side: str, position_e9: int) -> str:
    """What an order of `side` does to a position of this (signed) size: it never turns it over."""
    reduces = position_e9 > 0 if side == SELL else position_e9 < 0
    return f"{side}_to_{'close' if reduces else 'open'}"


def snapshot(order: Order) -> Order:
    """A copy that later events do not change, legs included."""
    # What copy.copy() calls in the end, a microsecond sooner; every order operation takes several copies.
    taken: Order = order.__copy__()  # type: ignore[attr-defined]
    if taken.legs:
        taken.legs = tuple(map(snapshot, taken.legs))
    return taken
