"""The exchange as a broker without a wire: what the ports promise, it keeps."""

from __future__ import annotations

from decimal import Decimal

from world import World

from the_alchemiser.domain.money import Side
from the_alchemiser.domain.orders import OrderRequest, OrderType


def test_cancelling_everything_tells_each_outcome_for_itself_and_no_order_twice() -> None:
    broker = World().broker
    names = [
        broker.place_order(
            OrderRequest(
                f"n-{number}", "AAPL", Side.BUY, Decimal(1), OrderType.LIMIT, limit_price=Decimal(number + 1)
            )
        ).broker_order_id
        for number in range(3)
    ]
    assert [(one.subject, one.is_accepted) for one in broker.cancel_all_orders()] == [
        (name, True) for name in names
    ]
    assert broker.get_open_orders() == []
    assert list(broker.cancel_all_orders()) == []
