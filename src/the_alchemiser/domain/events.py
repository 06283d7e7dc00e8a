"""What reaches the engine. Time, ids and every outside answer arrive here; the core asks nobody itself."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from .instants import Nanos
from .market import Asset, Bar, History, Quote, Session, Symbol
from .orders import ClientOrderId, Execution, OrderReport
from .portfolio import Account, Activity, Holding


class BrokerState(msgspec.Struct, frozen=True):
    """The broker's own record, read in one go: what reconciliation compares the ledger with."""

    account: Account
    holdings: tuple[Holding, ...]
    orders: tuple[OrderReport, ...]
    """Every open order, and every one of ours that we asked about."""
    executions: tuple[Execution, ...]
    """Executions since the instant we asked for, oldest first."""
    sessions: tuple[Session, ...]
    """The session now running or next, and some after it."""
    activities: tuple[Activity, ...] = ()
    """What moved cash or shares other than by trading, oldest first; only where the request asked for it."""
    unread: tuple[ClientOrderId, ...] = ()
    """Orders asked for by name that got no usable answer: of them this record says neither that they are nor not."""


class Started(msgspec.Struct, frozen=True):
    """The process is up and its journal replayed. Start, restart and recovery are this same event."""

    at: Nanos
    trouble: str = ""
    """Why this start should be careful; empty where there is no reason."""


class BrokerRead(msgspec.Struct, frozen=True):
    """The broker's record arrived. `purpose` is the one given with the request."""

    at: Nanos
    purpose: str
    state: BrokerState


class OrdersRead(msgspec.Struct, frozen=True):
    """The open orders alone arrived, with what became of each watched one that is no longer among them."""

    at: Nanos
    purpose: str
    orders: tuple[OrderReport, ...]
    unread: tuple[ClientOrderId, ...] = ()
    """As in BrokerState."""


class MarketRead(msgspec.Struct, frozen=True):
    """Histories, assets and quotes for a cycle arrived, as far as the market has them."""

    at: Nanos
    cycle_id: str
    histories: Mapping[Symbol, History]
    quotes: Mapping[Symbol, Quote]
    assets: Mapping[Symbol, Asset]


class QuotesRead(msgspec.Struct, frozen=True):
    """Fresh quotes for symbols a cycle is trading."""

    at: Nanos
    cycle_id: str
    quotes: Mapping[Symbol, Quote]


class ReadFailed(msgspec.Struct, frozen=True):
    """A read was answered by no usable data, after all its retries. `subject` names the request."""

    at: Nanos
    subject: str
    reason: str
    is_unauthorized: bool = False
    """Whether the broker does not accept our keys: trying again soon is pointless."""


class TimerFired(msgspec.Struct, frozen=True, gc=False):
    """The instant set for `key` has come."""

    at: Nanos
    key: str


class OrderHeard(msgspec.Struct, frozen=True, gc=False):
    """The broker said something of an order: in a reply, on the stream or when asked."""

    at: Nanos
    report: OrderReport
    execution: Execution | None = None
    sequence: int = 0
    """The broker's own count of its stream messages, where it counts them (the embedded exchange does)."""


class OrderNotSent(msgspec.Struct, frozen=True):
    """An order certainly has not been accepted this time: it never left us, or the broker was too busy to take it."""

    at: Nanos
    client_order_id: ClientOrderId
    reason: str
    again_after_seconds: int = 0
    """How long the broker asks us to stay away."""
    is_too_late: bool = False
    """It waited past the instant from which on it was not to be sent."""


class OrderUnheard(msgspec.Struct, frozen=True):
    """An order was sent and no clear answer came: it may live."""

    at: Nanos
    client_order_id: ClientOrderId
    reason: str


class OrderNotFound(msgspec.Struct, frozen=True):
    """The broker, asked by our id, knows no such order."""

    at: Nanos
    client_order_id: ClientOrderId


class OrderDenied(msgspec.Struct, frozen=True):
    """The broker refused an order outright; nothing of it exists."""

    at: Nanos
    client_order_id: ClientOrderId
    reason: str


class CancelDenied(msgspec.Struct, frozen=True):
    """The broker would not cancel: usually because the order has ended meanwhile."""

    at: Nanos
    client_order_id: ClientOrderId
    reason: str


class CycleAsked(msgspec.Struct, frozen=True):
    """A person asks for the day's trading cycle now."""

    at: Nanos


class JournalRestored(msgspec.Struct, frozen=True):
    """The journal can be written again; while it could not, nothing was sent. `trouble` says why and for how long."""

    at: Nanos
    trouble: str


class StreamRestored(msgspec.Struct, frozen=True):
    """The order stream is connected again; whatever it missed must be read."""

    at: Nanos


class StreamLost(msgspec.Struct, frozen=True):
    """The order stream could not be opened for some time. Told once for an outage, which StreamRestored ends."""

    at: Nanos
    reason: str


class StreamGarbled(msgspec.Struct, frozen=True):
    """The order stream said what cannot be understood; the broker's record has it. It goes on meanwhile."""

    at: Nanos
    reason: str
    messages: int = 1
    """How many since the last event of this kind: they are told in groups, so that a flood costs few reads."""


class StreamSuspected(msgspec.Struct, frozen=True):
    """The order stream looks alive and kept silent where it should have spoken: what it withheld must be read."""

    at: Nanos
    reason: str


class AdjustmentAsked(msgspec.Struct, frozen=True):
    """A person asks that the ledger follow the broker in one symbol (empty: in cash), and says who and why."""

    at: Nanos
    symbol: Symbol
    reason: str
    who: str


Event = (
    Started
    | BrokerRead
    | OrdersRead
    | MarketRead
    | QuotesRead
    | ReadFailed
    | TimerFired
    | OrderHeard
    | OrderUnheard
    | OrderNotSent
    | OrderNotFound
    | OrderDenied
    | CancelDenied
    | Bar
    | CycleAsked
    | JournalRestored
    | StreamRestored
    | StreamLost
    | StreamGarbled
    | StreamSuspected
    | AdjustmentAsked
)
