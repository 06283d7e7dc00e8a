"""What we asked the broker for and what became of it: requests, reports, fills, and the table of an order's life.

The life of an order: INTENDED (decided; its cash or shares are reserved and its id is durable before the first byte
leaves; being sent is no state of its own, because a restart could not tell it from this one), then UNKNOWN (sent, no
clear answer) or one of LIVE, then one of DONE. Between UNKNOWN and LIVE only the broker's word decides.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from .errors import InvariantBroken
from .instants import SECOND, Nanos
from .market import Symbol
from .money import ZERO, Dollars, Price, Shares, Side

ClientOrderId = str
"""Ours, unique for ever per account, and a pure function of the decision (see `client_order_id`)."""
BrokerOrderId = str

CLIENT_ORDER_ID_PREFIX = "alc-"
"""Begins every client order id of ours, so that an order can be told for ours even when the journal has lost it."""
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
    """Where an order stands. Down to ABANDONED the words are ours; the rest is the broker's."""

    INTENDED = "intended"
    UNKNOWN = "unknown"
    UNSENT = "unsent"
    """It never left us, or was certainly not accepted, and now comes too late."""
    DENIED = "denied"
    """The broker refused it at the door: nothing of it exists. (An order it took and then refused is REJECTED.)"""
    ABANDONED = "abandoned"
    """No trace of it was found for as long as it could have been under way."""
    ACCEPTED = "accepted"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    PENDING_CANCEL = "pending_cancel"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    REPLACED = "replaced"

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
        OrderStatus.DENIED,
        OrderStatus.UNSENT,
    }
)
LIVE = frozenset(
    {OrderStatus.ACCEPTED, OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.PENDING_CANCEL}
)
"""The broker works it. A cancel may be turned down, so among these the broker's later word counts, not the rank."""
ABSENT = frozenset({OrderStatus.UNSENT, OrderStatus.DENIED, OrderStatus.ABANDONED})
"""Ends that are only our belief that nothing of it is at the broker: any word of the broker outranks them."""

# Progress is a rank: of two reports about one order the one with the higher rank is the later truth, whichever
# arrived first. FILLED outranks the other ends because a cancelled order can still turn out filled: the cancel lost.
RANK: dict[OrderStatus, int] = {
    OrderStatus.INTENDED: 0,
    OrderStatus.UNKNOWN: 1,
    OrderStatus.UNSENT: 2,
    OrderStatus.DENIED: 3,
    OrderStatus.ABANDONED: 4,
    OrderStatus.ACCEPTED: 5,
    OrderStatus.NEW: 6,
    OrderStatus.PARTIALLY_FILLED: 7,
    OrderStatus.PENDING_CANCEL: 8,
    OrderStatus.REJECTED: 9,
    OrderStatus.EXPIRED: 10,
    OrderStatus.CANCELED: 11,
    OrderStatus.REPLACED: 12,
    OrderStatus.FILLED: 13,
}
# A live status stands below every end and above everything before it, whatever its own rank.
_STAGE = {status: RANK[OrderStatus.ACCEPTED] if status in LIVE else RANK[status] for status in OrderStatus}


def later(current: OrderStatus, reported: OrderStatus) -> OrderStatus:
    """Of two statuses without an instant the one further on."""
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


class FillSource(Enum):
    """Who told of a fill; where two say different prices, the greater one is believed."""

    SYNTHETIC = "synthetic"
    """Nobody did: it is what an ended order's average price leaves for a hole the record does not fill."""
    STREAM = "stream"
    RECORD = "record"
    """The broker's own list of executions."""

    __hash__ = object.__hash__


class Fill(msgspec.Struct, frozen=True, gc=False):
    """Money that moved: the interval (cum_before, cum_after] of an order's filled quantity, at one price."""

    client_order_id: ClientOrderId
    symbol: Symbol
    side: Side
    cum_before: Shares
    cum_after: Shares
    price: Price
    at: Nanos
    source: FillSource = FillSource.STREAM

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
    source: FillSource = FillSource.STREAM

    def as_fill(self, client_order_id: ClientOrderId) -> Fill:
        """The same interval, booked under our name for the order."""
        return Fill(
            client_order_id,
            self.symbol,
            self.side,
            self.cum_before,
            self.cum_after,
            self.price,
            self.at,
            self.source,
        )


class Kin(msgspec.Struct, frozen=True):
    """The broker's other orders that an order belongs with, as far as a report names them."""

    replaces: BrokerOrderId = ""
    replaced_by: BrokerOrderId = ""
    legs: tuple[BrokerOrderId, ...] = ()
    """The exits of a bracket or OCO."""
    leg_of: BrokerOrderId = ""
    """For such an exit: the order it travelled with, where the broker says it here."""


class Relation(Enum):
    """How an order that we did not send came out of one that we did."""

    REPLACEMENT = "replacement"
    """Somebody changed ours at the broker, which made this one of it."""
    LEG = "leg"
    """An exit that travelled with it."""
    TWIN = "twin"
    """The broker took the same request twice."""

    __hash__ = object.__hash__


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
    """When the broker changed the order last, by its own clock."""
    reason: str = ""
    average_price: Price | None = None
    """What the filled shares cost on average, rounded as the broker rounds it."""
    kin: Kin | None = None
    price: Price | None = None
    """What a share may cost at most (the limit, or the stop that triggers it), where the order says so."""
    notional: Dollars | None = None
    """What a buy may cost altogether, where it was asked for in dollars."""


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """Why an order is taken for absent: since it was last sent, this many answers said that it is not there."""

    look_ups: int
    """Answers to questions for this one order."""
    list_reads: int
    """Whole reads of the broker's record without it."""
    since: Nanos


class ItemOutcome(msgspec.Struct, frozen=True):
    """What became of one item of a request for many; a whole is never taken as done because the answer was one."""

    subject: str
    """The broker's order id, or the symbol."""
    is_accepted: bool
    report: OrderReport | None = None
    reason: str = ""


ANSWER_SECONDS_MAX = 60
"""A process that lives knows what became of sending an order after so long, its wait for the rate budget included."""


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
    """Shares of `fills`, holes between them left out."""
    reason: str = ""
    cancel_intended: bool = False
    cancel_asked_at: Nanos = 0
    not_after: Nanos = 0
    """From when on it is too late to send it; 0: never."""
    sends: int = 1
    """How often it was sent on purpose, always under its one id."""
    lost_at: Nanos = 0
    """When it was last sent without a clear answer."""
    losses: int = 0
    """How often a search for it began."""
    told_at: Nanos = 0
    """The broker's instant of the live status it has; 0 before and after."""
    average_price: Price | None = None
    averaged: Shares = ZERO
    """How many shares `average_price` is of."""
    counted: Shares = ZERO
    """How much of `booked` is the fill of another order: of the one it replaced, or of an opening balance."""
    of: ClientOrderId = ""
    relation: Relation | None = None
    """For an order that came out of another one of ours, named by `of`: how."""
    fills: tuple[Fill, ...] = ()
    """What is booked: disjoint intervals, lowest first; holes are shares nobody has told of yet."""

    def is_under_way_at(self, at: Nanos) -> bool:
        """Whether it is so new that its own answer comes before any other word of it."""
        return self.status is OrderStatus.INTENDED and at < self.intended_at + ANSWER_SECONDS_MAX * SECOND

    @property
    def is_done(self) -> bool:
        """Ended at the broker and every share of it booked here."""
        return self.status in DONE and self.booked >= self.reported_filled

    @property
    def remaining(self) -> Shares:
        """Shares not filled yet; negative where the broker filled more than was asked."""
        return self.request.shares - self.booked

    @property
    def pending(self) -> Shares:
        """Shares it still keeps a reservation for: all that is not booked, until everything about its end is."""
        return ZERO if self.is_done else max(self.remaining, ZERO)

    def learns(self, report: OrderReport) -> bool:
        """Whether the report says anything that is not known."""
        return (
            self.advances(report)
            or report.filled > self.reported_filled
            or report.broker_order_id > self.broker_order_id
            or self._averages(report)
        )

    def merge(self, report: OrderReport) -> None:
        """Take in what the broker said; reports may come twice and in any order."""
        # Every field is a maximum, so that neither repetition nor disorder can change the outcome.
        if self.advances(report):
            self.status, self.reason = report.status, report.reason
            self.told_at = report.at if report.status in LIVE else 0
        if self._averages(report):
            self.average_price, self.averaged = report.average_price, report.filled
        self.broker_order_id = max(self.broker_order_id, report.broker_order_id)
        self.reported_filled = max(self.reported_filled, report.filled)

    def advances(self, report: OrderReport) -> bool:
        """Whether the report's status is further on than the one we have."""
        told, ours = report.status, self.status
        if _STAGE[told] != _STAGE[ours]:
            return _STAGE[told] > _STAGE[ours]
        at = report.at if told in LIVE else 0
        return (at, RANK[told], report.reason) > (self.told_at, RANK[ours], self.reason)

    def _averages(self, report: OrderReport) -> bool:
        price = report.average_price
        return price is not None and (report.filled, price) > (self.averaged, self.average_price or ZERO)

    def book(self, fill: Fill) -> None:
        """Book one fill wherever it lies. Raises InvariantBroken where a share of it is booked already."""
        fills, place = self.fills, len(self.fills)
        while place and fills[place - 1].cum_after > fill.cum_before:
            place -= 1
        if place < len(fills) and fills[place].cum_before < fill.cum_after:
            raise InvariantBroken(
                f"fill of {fill.client_order_id} from {fill.cum_before} to {fill.cum_after} overlaps a booked one"
            )
        self.fills = (*fills[:place], fill, *fills[place:])
        self.booked += fill.cum_after - fill.cum_before
        self.reported_filled = max(self.reported_filled, fill.cum_after)


def client_order_id(cycle_id: str, symbol: Symbol, side: Side, revision: int) -> ClientOrderId:
    """The name of a decision: the same decision always makes the same id, so that a repeat is refused by the broker."""
    name = f"{CLIENT_ORDER_ID_PREFIX}{cycle_id}-{symbol}-{side.value[0]}-{revision}"
    if len(name) > CLIENT_ORDER_ID_LENGTH_MAX:
        raise InvariantBroken(f"client order id {name!r} is longer than {CLIENT_ORDER_ID_LENGTH_MAX}")
    return name


def is_ours(client_order_id: ClientOrderId) -> bool:
    """Whether a decision of ours, remembered or not, made this id."""
    return client_order_id.startswith(CLIENT_ORDER_ID_PREFIX)


def cycle_of(client_order_id: ClientOrderId, symbol: Symbol) -> str:
    """The cycle whose decision made the id of an order in this symbol; empty where it cannot be told."""
    before, found, _ = client_order_id.removeprefix(CLIENT_ORDER_ID_PREFIX).rpartition(f"-{symbol}-")
    return before if found else ""
