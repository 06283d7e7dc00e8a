"""One manager per account, and no secret in anything a person may read."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from decimal import Decimal

import pytest

from tests.broker.alpaca_rows import ACCOUNT_ROW, order_row
from tests.broker.conftest import KEY, SECRET
from tests.broker.speaking_broker import SpeakingBroker, answer, refusal
from the_alchemiser.broker import (
    AlpacaManager,
    BrokerOptions,
    Credentials,
    create_alpaca_manager,
)
from the_alchemiser.domain.errors import BrokerError, ConfigurationError, OutcomeUnknown
from the_alchemiser.domain.money import Side
from the_alchemiser.domain.orders import OrderRequest
from the_alchemiser.endpoints import LIVE_URL, PAPER_URL, Endpoints, endpoints_of


@pytest.mark.spec("S0-06")
def test_the_same_keys_give_the_same_manager_from_whichever_thread() -> None:
    found: list[AlpacaManager] = []
    threads = [
        threading.Thread(target=lambda: found.append(create_alpaca_manager("k", "s"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(manager) for manager in found}) == 1
    assert AlpacaManager("k", "s", paper=True) is found[0]


@pytest.mark.spec("S0-06")
def test_other_keys_or_another_place_give_another_manager() -> None:
    paper = create_alpaca_manager("k", "s", paper=True)
    live = create_alpaca_manager("k", "s", paper=False)
    other = create_alpaca_manager("k2", "s")
    assert len({paper, live, other}) == 3


@pytest.mark.spec("S0-03", "S0-28", "S4-06")
def test_paper_is_the_default_and_live_must_be_said() -> None:
    assert create_alpaca_manager("k", "s").endpoints == endpoints_of(PAPER_URL)
    assert create_alpaca_manager("k", "s", paper=False).endpoints == endpoints_of(LIVE_URL)


@pytest.mark.spec("S0-03", "S1-02", "S1-05")
def test_the_manager_holds_alpacas_own_clients_and_speaks_all_three_ports() -> None:
    from alpaca.data.historical.stock import StockHistoricalDataClient
    from alpaca.trading.client import TradingClient

    from the_alchemiser.ports import Broker

    manager: Broker = create_alpaca_manager("k", "s")
    assert isinstance(manager, AlpacaManager)
    assert isinstance(manager._clients.trading, TradingClient)
    assert isinstance(manager._clients.data, StockHistoricalDataClient)


@pytest.mark.parametrize(("key", "secret"), [("", "s"), ("k", "")])
@pytest.mark.spec("S4-06")
def test_without_keys_there_is_no_manager(key: str, secret: str) -> None:
    with pytest.raises(ConfigurationError, match="keys are missing"):
        create_alpaca_manager(key, secret)


@pytest.mark.parametrize("secret", ["s\n", "s\r\nX-Other: 1", "s s", "sé", "s\u2028"])
def test_keys_that_cannot_be_keys_are_told_without_showing_them(secret: str) -> None:
    with pytest.raises(ConfigurationError, match="copy them again") as caught:
        create_alpaca_manager("k", secret)
    assert secret not in str(caught.value)


def test_options_of_a_shared_manager_cannot_be_changed_silently() -> None:
    manager = create_alpaca_manager("k", "s")
    assert create_alpaca_manager("k", "s", options=manager.options) is manager
    with pytest.raises(ConfigurationError, match="other options"):
        create_alpaca_manager("k", "s", options=BrokerOptions(call_seconds=1))


@pytest.mark.parametrize("url", ["ftp://broker", "broker:80", "http://"])
def test_an_address_that_is_none_is_told(url: str) -> None:
    with pytest.raises(ConfigurationError, match="not an address"):
        AlpacaManager("k", "s", endpoints=Endpoints(url, url, url, url))


@pytest.mark.spec("S0-15")
def test_no_key_or_secret_leaves_in_an_error_a_log_or_a_repr(
    broker: SpeakingBroker, manager: AlpacaManager, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    broker.script = [
        refusal(422, 1, f"no such key {KEY} with secret {SECRET}"),
        refusal(401, 0, f"unauthorized: {SECRET}"),
        answer(ACCOUNT_ROW),
    ]
    seen = [repr(manager), repr(manager.credentials), repr(Credentials(KEY, SECRET)), str(manager.__dict__)]
    for _ in range(2):
        with pytest.raises(BrokerError) as caught:
            manager.get_account()
        seen.append(str(caught.value))
    manager.get_account()
    seen += [f"{record.getMessage()} {record.__dict__}" for record in caplog.records]
    assert len(caplog.records) >= 3
    assert not [text for text in seen if KEY in text or SECRET in text]
    assert broker.heard[0].headers["apca-api-secret-key"] == SECRET


@pytest.mark.spec("S0-14")
def test_a_failure_is_logged_with_operation_path_and_request_id(
    broker: SpeakingBroker, manager: AlpacaManager, caplog: pytest.LogCaptureFixture
) -> None:
    broker.script = [refusal(403, 40310000, "no", **{"X-Request-ID": "req-9"})]
    with pytest.raises(BrokerError):
        manager.get_account()
    [record] = [record for record in caplog.records if record.levelno == logging.WARNING]
    told = record.__dict__
    assert (told["operation"], told["path"], told["request_id"]) == ("read account", "/v2/account", "req-9")


def test_importing_the_package_does_not_load_alpaca_py() -> None:
    code = "import sys, the_alchemiser.broker; print('alpaca' in sys.modules, 'pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_an_answer_that_belongs_to_another_order_is_logged_as_an_error_with_its_request_id(
    broker: SpeakingBroker, manager: AlpacaManager, caplog: pytest.LogCaptureFixture
) -> None:
    broker.script = [answer(order_row(client_order_id="alc-2"), headers={"X-Request-ID": "req-5"})]
    with pytest.raises(OutcomeUnknown, match="another order") as caught:
        manager.place_order(OrderRequest("alc-1", "AAPL", Side.BUY, Decimal(10)))
    assert caught.value.request_id == "req-5"
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.__dict__["request_id"] == "req-5"


def test_asking_for_what_does_not_exist_is_no_warning(
    broker: SpeakingBroker, manager: AlpacaManager, caplog: pytest.LogCaptureFixture
) -> None:
    broker.script = [refusal(404, 40410000, "position does not exist")]
    manager.get_position("AAPL")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
