"""What we asked the broker for and what became of it: requests, reports, fills, and the table of an order's life."""

from __future__ import annotations

from enum import Enum

import msgspec

from .errors import InvariantBroken
from .instants import Nanos
from .market import Symbol
from .money import ZERO, Dollars, Price, Shares, Side

ClientOrderId = str
"""Ours, unique for ever per account, and a pure function of the decision (see `client_order_id`)."""
BrokerOrderId = str

CLIENT_ORDER_ID_LENGTH_MAX = 48
"""Alpaca accepts 128 characters today and accepted 48 before: the shorter bound is safe with both."""


class OrderType(Enum):
    """How an order may execute."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"


class TimeInForce(Enum):
    """How long an order works."""

    DAY = "day"
    GTC = "gtc"


class OrderStatus(Enum):
    """Where an order stands. INTENDED and UNKNOWN are ours; the rest is the broker's word."""

    INTENDED = "intended"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    PENDING_CANCEL = "pending_cancel"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    REPLACED = "replaced"
    ABANDONED = "abandoned"

    # Looked up several times an order update; Enum's own hash is a Python function.
    __hash__ = object.__hash__

    @property
    def is_done(self) -> bool:
        """Whether nothing more can come of the order."""
        return self in DONE


DONE = frozenset(
    {
        OrderStatus.FILLED,
        OrderStatus.CANCELED,
        OrderStatus.EXPIRED,
        OrderStatus.REJECTED,
        OrderStatus.REPLACED,
        OrderStatus.ABANDONED,
    }
)

# Progress is a rank: of two reports about one order the one with the higher rank is the later truth, whichever
# arrived first. FILLED outranks the other ends because a cancelled order can still turn out filled: the cancel lost.
# ABANDONED is only our belief that the order never arrived, so any word of the broker outranks it.
RANK: dict[OrderStatus, int] = {
    OrderStatus.INTENDED: 0,
    OrderStatus.UNKNOWN: 1,
    OrderStatus.ABANDONED: 2,
    OrderStatus.ACCEPTED: 3,
    OrderStatus.NEW: 4,
    OrderStatus.PARTIALLY_FILLED: 5,
    OrderStatus.PENDING_CANCEL: 6,
    OrderStatus.REJECTED: 7,
    OrderStatus.EXPIRED: 8,
    OrderStatus.CANCELED: 9,
    OrderStatus.REPLACED: 10,
    OrderStatus.FILLED: 11,
}


def later(current: OrderStatus, reported: OrderStatus) -> OrderStatus:
    """The transition table as one rule: an order moves up the ranks and never back."""
    return reported if RANK[reported] > RANK[current] else current


class OrderRequest(msgspec.Struct, frozen=True, gc=False):
    """One order as it will be sent. `take_profit_price` and `stop_loss_price` together make it a bracket."""

    client_order_id: ClientOrderId
    symbol: Symbol
    side: Side
    shares: Shares
    type: OrderType = OrderType.MARKET
    time_in_force: TimeInForce = TimeInForce.DAY
    limit_price: Price | None = None
    stop_price: Price | None = None
    take_profit_price: Price | None = None
    stop_loss_price: Price | None = None

    @property
    def is_bracket(self) -> bool:
        """Whether exits travel with the entry."""
        return self.take_profit_price is not None and self.stop_loss_price is not None


class Fill(msgspec.Struct, frozen=True, gc=False):
    """Money that moved: the interval (cum_before, cum_after] of an order's filled quantity, at one price."""

    client_order_id: ClientOrderId
    symbol: Symbol
    side: Side
    cum_before: Shares
    cum_after: Shares
    price: Price
    at: Nanos

    @property
    def shares(self) -> Shares:
        """How many shares this fill moved (always positive)."""
        return self.cum_after - self.cum_before

    @property
    def amount(self) -> Dollars:
        """The signed change in cash: negative for a buy."""
        value = (self.cum_after - self.cum_before) * self.price
        return -value if self.side is Side.BUY else value


class Execution(msgspec.Struct, frozen=True, gc=False):
    """One execution as the broker tells it: an interval on the cumulative quantity of one of its orders."""

    broker_order_id: BrokerOrderId
    symbol: Symbol
    side: Side
    cum_before: Shares
    cum_after: Shares
    price: Price
    at: Nanos

    def as_fill(self, client_order_id: ClientOrderId) -> Fill:
        """The same interval, booked under our name for the order."""
        return Fill(
            client_order_id, self.symbol, self.side, self.cum_before, self.cum_after, self.price, self.at
        )


class OrderReport(msgspec.Struct, frozen=True, gc=False):
    """What the broker said of one order, by whichever way it reached us. `filled` is cumulative."""

    client_order_id: ClientOrderId
    broker_order_id: BrokerOrderId
    symbol: Symbol
    side: Side
    shares: Shares
    status: OrderStatus
    filled: Shares = ZERO
    at: Nanos = 0
    reason: str = ""


class ItemOutcome(msgspec.Struct, frozen=True):
    """What became of one item of a request for many; a whole is never taken as done because the answer was one."""

    subject: str
    """The broker's order id, or the symbol."""
    is_accepted: bool
    report: OrderReport | None = None
    reason: str = ""


class Order(msgspec.Struct):
    """The current truth about one of our orders: its request and everything reported since, merged."""

    request: OrderRequest
    cycle_id: str
    intended_at: Nanos
    middle: Price
    status: OrderStatus = OrderStatus.INTENDED
    broker_order_id: BrokerOrderId = ""
    reported_filled: Shares = ZERO
    booked: Shares = ZERO
    reason: str = ""
    cancel_intended: bool = False
    lost_at: Nanos = 0
    """When it was last sent without a clear answer."""
    losses: int = 0
    """How often that happened."""

    @property
    def is_done(self) -> bool:
        """Ended at the broker and every share of it booked here."""
        return self.status in DONE and self.booked >= self.reported_filled

    @property
    def remaining(self) -> Shares:
        """Shares not filled yet."""
        return self.request.shares - self.booked

    def merge(self, report: OrderReport) -> None:
        """Take in what the broker said; reports may come twice and in any order."""
        ours, told = (RANK[self.status], self.reason), (RANK[report.status], report.reason)
        # Every field is a maximum, so that neither repetition nor disorder can change the outcome.
        if told > ours:
            self.status, self.reason = report.status, report.reason
        self.broker_order_id = max(self.broker_order_id, report.broker_order_id)
        self.reported_filled = max(self.reported_filled, report.filled)

    def book(self, fill: Fill) -> None:
        """Book one fill. Raises InvariantBroken unless it continues exactly where the booked ones end."""
        if fill.cum_before != self.booked:
            raise InvariantBroken(
                f"fill of {fill.client_order_id} starts at {fill.cum_before}, booked {self.booked}"
            )
        self.booked = fill.cum_after
        self.reported_filled = max(self.reported_filled, self.booked)


def client_order_id(cycle_id: str, symbol: Symbol, side: Side, revision: int) -> ClientOrderId:
    """The name of a decision: the same decision always makes the same id, so that a repeat is refused by the broker."""
    name = f"alc-{cycle_id}-{symbol}-{side.value[0]}-{revision}"
    if len(name) > CLIENT_ORDER_ID_LENGTH_MAX:
        raise InvariantBroken(f"client order id {name!r} is longer than {CLIENT_ORDER_ID_LENGTH_MAX}")
    return name
