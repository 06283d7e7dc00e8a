"""Fixtures of the broker's tests: a speaking broker, and managers of it that never really wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.broker.speaking_broker import SpeakingBroker
from the_alchemiser.broker import AlpacaManager, BrokerOptions, RateBudget, RetryPolicy
from the_alchemiser.endpoints import endpoints_of

KEY, SECRET = "PKTESTKEY0000001", "s3cr3t/of+the=test"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "integration: talks to Alpaca's paper trading; needs Alpaca keys in the environment"
    )


@pytest.fixture
def broker() -> Iterator[SpeakingBroker]:
    speaking = SpeakingBroker()
    yield speaking
    speaking.close()


@pytest.fixture
def waits() -> list[float]:
    """The seconds the manager would have slept between tries."""
    return []


@pytest.fixture
def manager_of(waits: list[float]) -> Iterator[Callable[..., AlpacaManager]]:
    built = []

    def build(url: str, **options: Any) -> AlpacaManager:
        chosen: dict[str, Any] = {
            "trading_budget": RateBudget.unlimited(),
            "data_budget": RateBudget.unlimited(),
            "retries": RetryPolicy(sleep=waits.append, random=lambda: 0.5),
            **options,
        }
        manager = AlpacaManager(KEY, SECRET, endpoints=endpoints_of(url), options=BrokerOptions(**chosen))
        built.append(manager)
        return manager

    yield build
    for manager in built:
        manager.close()


@pytest.fixture
def manager(broker: SpeakingBroker, manager_of: Callable[..., AlpacaManager]) -> AlpacaManager:
    return manager_of(broker.url)
