"""What the documents promise is what the product does and says."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.broker.speaking_broker import SpeakingBroker, answer, refusal
from the_alchemiser.broker import AlpacaManager, account_desk, create_alpaca_manager
from the_alchemiser.domain.errors import AlchemiserError, BrokerUnavailable
from the_alchemiser.domain.money import ZERO, Side, decimal
from the_alchemiser.domain.orders import OrderRequest

DOCUMENTS = Path(__file__).parents[2] / "docs"


def example_blocks() -> tuple[str, str]:
    method, tests = re.findall(r"```python\n(.*?)```", (DOCUMENTS / "extending.md").read_text(), re.DOTALL)
    return method, tests


EXAMPLE_TESTS = re.findall(r"^def (test_\w+)", example_blocks()[1], re.MULTILINE)


@pytest.mark.parametrize("name", EXAMPLE_TESTS)
@pytest.mark.spec("S0-32")
def test_the_worked_example_works(
    name: str, broker: SpeakingBroker, manager: AlpacaManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    method, tests = example_blocks()
    desk = {**vars(account_desk), "decimal": decimal, "ZERO": ZERO}
    exec(method, desk)
    monkeypatch.setattr(AlpacaManager, "get_dividends", desk["get_dividends"], raising=False)
    told: dict[str, Any] = {
        "answer": answer,
        "refusal": refusal,
        "pytest": pytest,
        "Decimal": Decimal,
        "BrokerUnavailable": BrokerUnavailable,
    }
    exec(tests, told)
    told[name](broker, manager)


def troubles() -> str:
    return " ".join((DOCUMENTS / "troubleshooting.md").read_text().split())


def buy(manager: AlpacaManager) -> object:
    return manager.place_order(OrderRequest("alc-1", "AAPL", Side.BUY, Decimal(1)))


@pytest.mark.parametrize(
    ("said", "ask"),
    [
        (refusal(401, 0, "unauthorized."), AlpacaManager.get_account),
        (refusal(403, 40310000, "insufficient buying power"), buy),
        (refusal(403, 40310000, "insufficient qty available for order"), buy),
        (refusal(422, 0, "market is closed"), buy),
        (refusal(429, 42910000, "rate limit exceeded"), buy),
        (refusal(301, 0, ""), AlpacaManager.get_account),
        (answer({"id": "x", "side": "buy"}), buy),
        (answer({"trades": {}, "quotes": {}}), lambda manager: manager.get_price("X")),
    ],
    ids=[
        "authentication",
        "buying power",
        "held shares",
        "closed",
        "rate limit",
        "redirect",
        "other order",
        "no quote",
    ],
)
@pytest.mark.spec("S0-33", "S2-57", "S3-33")
def test_the_line_a_person_sees_is_the_line_the_troubleshooting_explains(
    broker: SpeakingBroker, manager: AlpacaManager, said: bytes, ask: Callable[[AlpacaManager], object]
) -> None:
    broker.script = [said]
    with pytest.raises(AlchemiserError) as caught:
        ask(manager)
    line = str(caught.value)
    explained = re.findall(r"`([^`]+)`", troubles())
    assert [words for words in explained if len(words) >= 15 and words in line], line


@pytest.mark.parametrize(("key", "secret"), [("k", ""), ("k", "s\n")])
@pytest.mark.spec("S3-33")
def test_unusable_keys_are_explained(key: str, secret: str) -> None:
    with pytest.raises(AlchemiserError) as caught:
        create_alpaca_manager(key, secret)
    assert f"`{caught.value}`" in troubles()


@pytest.mark.parametrize(
    "subject",
    [
        "Redis connection failed",
        "Port in use",
        "symbol not found",
        "missing on Alpaca's page",
        "order stream:",
        "live host",
    ],
)
@pytest.mark.spec("S2-57", "S3-33")
def test_the_other_known_troubles_have_an_entry(subject: str) -> None:
    assert subject in troubles()
