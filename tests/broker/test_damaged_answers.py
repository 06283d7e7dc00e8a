"""However an answer is damaged on its way, the outcome of an order is the truth or unknown, and nothing else breaks."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.broker.alpaca_rows import order_row
from tests.broker.conftest import KEY, SECRET
from tests.broker.speaking_broker import SpeakingBroker, answer, cut_short
from the_alchemiser.broker import AlpacaManager, BrokerOptions, RateBudget
from the_alchemiser.domain.errors import BrokerError, OutcomeUnknown
from the_alchemiser.domain.money import Side
from the_alchemiser.domain.orders import OrderReport, OrderRequest
from the_alchemiser.endpoints import endpoints_of

REQUEST = OrderRequest("alc-1", "AAPL", Side.BUY, Decimal(10))
WHOLE = answer(order_row())


@pytest.fixture(scope="module")
def closing() -> Iterator[tuple[SpeakingBroker, AlpacaManager]]:
    """A broker that closes after each answer, so that nothing is ever waited for, and its manager."""
    broker = SpeakingBroker()
    options = BrokerOptions(trading_budget=RateBudget.unlimited())
    manager = AlpacaManager(KEY, SECRET, endpoints=endpoints_of(broker.url), options=options)
    yield broker, manager
    manager.close()
    broker.close()


def test_an_answer_cut_at_any_byte_leaves_the_outcome_unknown(
    closing: tuple[SpeakingBroker, AlpacaManager],
) -> None:
    broker, manager = closing
    for length in range(0, len(WHOLE), 3):
        broker.script = [cut_short(WHOLE[:length])]
        with pytest.raises(OutcomeUnknown):
            manager.place_order(REQUEST)


def outcome(broker: SpeakingBroker, manager: AlpacaManager, said: bytes) -> OrderReport | BrokerError:
    broker.script = [cut_short(said)]
    try:
        return manager.place_order(REQUEST)
    except BrokerError as error:
        return error


@settings(max_examples=300, deadline=None)
@given(
    changes=st.dictionaries(st.integers(0, len(WHOLE) - 1), st.integers(0, 255), min_size=1, max_size=8),
    more=st.binary(max_size=20),
)
def test_changed_bytes_never_become_another_order_or_another_kind_of_failure(
    closing: tuple[SpeakingBroker, AlpacaManager], changes: dict[int, int], more: bytes
) -> None:
    damaged = bytearray(WHOLE)
    for place, value in changes.items():
        damaged[place] = value
    came = outcome(*closing, bytes(damaged) + more)
    if isinstance(came, OrderReport):
        assert (came.client_order_id, came.symbol, came.side, came.shares) == ("alc-1", "AAPL", Side.BUY, 10)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(sorted(order_row())), value=json_values)
def test_a_field_of_any_value_never_breaks_anything(
    closing: tuple[SpeakingBroker, AlpacaManager], name: str, value: object
) -> None:
    came = outcome(*closing, answer(order_row(**{name: value})))
    assert isinstance(came, OrderReport | OutcomeUnknown)
