"""What the engine asks of the world. A driver carries these out, and only after the step's facts are durable."""

from __future__ import annotations

import msgspec

from .instants import Nanos
from .market import Symbol
from .orders import BrokerOrderId, ClientOrderId, OrderRequest


class SubmitOrder(msgspec.Struct, frozen=True, gc=False):
    """Send this order once. Answered by OrderHeard, OrderDenied, OrderNotSent or OrderUnheard."""

    request: OrderRequest
    not_after: Nanos = 0
    """Having waited past this instant it is not sent any more; 0: it always is."""


class CancelOrder(msgspec.Struct, frozen=True, gc=False):
    """Ask the broker to cancel. Answered by the order's own reports, or CancelDenied."""

    client_order_id: ClientOrderId
    broker_order_id: BrokerOrderId


class LookUpOrder(msgspec.Struct, frozen=True):
    """Ask for an order by our id. Answered by OrderHeard or OrderNotFound."""

    client_order_id: ClientOrderId


class ReadBroker(msgspec.Struct, frozen=True):
    """Read the broker's record. Answered by BrokerRead, or ReadFailed with subject `broker:PURPOSE`.

    With `is_orders_only` just the open orders are read, and answered by OrdersRead.
    """

    purpose: str
    executions_after: Nanos
    """Executions strictly after this instant are wanted."""
    watch: tuple[ClientOrderId, ...] = ()
    """Orders that are not known to have ended: asked for by id where the list of open orders lacks them."""
    relatives: tuple[BrokerOrderId, ...] = ()
    """Orders of which only the broker's own name is known: asked for by it where the list lacks them."""
    is_orders_only: bool = False
    activities_after: Nanos | None = None
    """Where set, what moved cash or shares other than by trading since this instant is wanted, too."""
    orders_after: Nanos | None = None
    """Where set, every order of ours submitted since is wanted, ended ones too: the journal may have lost some."""


class ReadMarket(msgspec.Struct, frozen=True):
    """Read histories and quotes for a cycle. Answered by MarketRead, or ReadFailed with subject `market:CYCLE`."""

    cycle_id: str
    symbols: tuple[Symbol, ...]
    sessions: int
    """How many daily closes, up to and including the session before `before_date`."""
    before_date: str


class ReadQuotes(msgspec.Struct, frozen=True):
    """Read quotes. Answered by QuotesRead, or ReadFailed with subject `quotes:CYCLE`."""

    cycle_id: str
    symbols: tuple[Symbol, ...]


class SetTimer(msgspec.Struct, frozen=True, gc=False):
    """Fire TimerFired(key) at `at`; an instant already past fires at once."""

    at: Nanos
    key: str


class RaiseAlert(msgspec.Struct, frozen=True):
    """Tell a person."""

    level: str
    text: str


Effect = (
    SubmitOrder | CancelOrder | LookUpOrder | ReadBroker | ReadMarket | ReadQuotes | SetTimer | RaiseAlert
)
