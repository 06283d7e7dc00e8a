"""What the judge reads of a living engine and of a request, put into its own words: the only place it looks inside."""

from __future__ import annotations

from the_alchemiser.domain.orders import OrderRequest
from the_alchemiser.engine import Engine
from the_alchemiser.simulation.judge.exact import money_e13, price_e4, shares_e9
from the_alchemiser.simulation.judge.hearing import CANCEL, SUBMIT, Arrival, Glance
from the_alchemiser.simulation.judge.record import Record


def glance(engine: Engine, **sizes: int) -> Glance:
    """The memory of an engine now."""
    state = engine.state
    return Glance(
        cash_e13=money_e13(state.ledger.cash),
        positions_e9={symbol: shares_e9(held) for symbol, held in state.ledger.shares().items()},
        free_e13=money_e13(engine.cycle.free_cash()),
        orders={
            name: (order.status.value, shares_e9(order.reported_filled), shares_e9(order.booked))
            for name, order in state.live.items()
        },
        sizes={"live orders": len(state.live), **sizes},
    )


def submission(at: int, machine: str, request: OrderRequest, durable: int) -> Arrival:
    """An order as it reached the exchange."""
    return Arrival(
        at,
        machine,
        SUBMIT,
        request.client_order_id,
        durable,
        symbol=request.symbol,
        side=request.side.value,
        qty_e9=shares_e9(request.shares),
        type=request.type.value,
        limit_e4=None if request.limit_price is None else price_e4(request.limit_price),
    )


def cancellation(at: int, machine: str, broker_order_id: str, durable: int, record: Record) -> Arrival:
    """A cancel as it reached the exchange."""
    order = record.orders.get(broker_order_id)
    name = broker_order_id if order is None else order.client_order_id
    return Arrival(at, machine, CANCEL, name, durable)
