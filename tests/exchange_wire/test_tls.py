"""TLS with a private authority: clients that trust it come in, others do not; the same exchange behind it."""

import asyncio
import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from wire import WireExchange, exchange_in_thread

from the_alchemiser.broker import AlpacaManager, AlpacaStream, BrokerOptions
from the_alchemiser.broker.credentials import Credentials
from the_alchemiser.broker.resilience import RetryPolicy
from the_alchemiser.domain.errors import BrokerUnavailable
from the_alchemiser.endpoints import endpoints_of

LIMITS = {"requests_per_minute": 0, "data_requests_per_minute": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture
def secure(folder: Path) -> Iterator[WireExchange]:
    with exchange_in_thread(tls=True, tls_dir=folder, **LIMITS) as exchange:
        yield exchange


def greeting(exchange: WireExchange, host: str, context: ssl.SSLContext) -> str:
    """The TLS version spoken with the exchange under that name."""
    address = urlsplit(exchange.rest)
    assert address.hostname is not None
    with (
        socket.create_connection((address.hostname, address.port or 0), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=host) as spoken,
    ):
        return spoken.version() or ""


def test_the_first_line_tells_secure_addresses_and_whom_to_trust(secure: WireExchange, folder: Path) -> None:
    schemes = [urlsplit(url).scheme for url in (secure.rest, secure.trading_stream, secure.data_stream)]
    assert schemes == ["https", "wss", "wss"]
    assert Path(secure.ca) == folder / "ca.pem"
    assert secure.get("/v2/clock")["is_open"] is True
    assert secure.submit(symbol="KO", qty="1", side="buy")["status"] == "pending_new"


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "paper-api.alpaca.markets", "stream.data.alpaca.markets"]
)
def test_a_client_that_trusts_the_authority_alone_may_use_any_of_its_names(
    secure: WireExchange, host: str
) -> None:
    assert greeting(secure, host, ssl.create_default_context(cafile=secure.ca)) == "TLSv1.3"


def test_nobody_else_comes_in(secure: WireExchange) -> None:
    with pytest.raises(
        ssl.SSLCertVerificationError,
        match=r"self-signed certificate in certificate chain|unable to get local issuer",
    ):
        greeting(secure, "localhost", ssl.create_default_context())
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        greeting(secure, "example.com", ssl.create_default_context(cafile=secure.ca))
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{secure.rest}/v2/clock", headers=secure.headers, timeout=5)
    address = urlsplit(secure.rest)
    plain = http.client.HTTPConnection(address.netloc, timeout=5)
    with contextlib.closing(plain):
        plain.request("GET", "/v2/clock", headers=secure.headers)
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            plain.getresponse()
    assert secure.get("/v2/clock")["is_open"] is True


def test_plain_and_secure_ports_lead_to_the_same_exchange(folder: Path) -> None:
    with exchange_in_thread(tls_port=0, tls_dir=folder, **LIMITS) as exchange:
        assert urlsplit(exchange.rest).scheme == "http"
        assert exchange.tls is not None
        order = exchange.submit(symbol="KO", qty="1", side="buy", type="limit", limit_price="1")
        address = f"{exchange.tls['rest']}/v2/orders/{order['id']}"
        answer = requests.get(address, headers=exchange.headers, verify=exchange.ca, timeout=5)
        assert answer.json()["id"] == order["id"]
        assert {urlsplit(url).scheme for url in exchange.tls.values()} == {"https", "wss"}


def test_a_folder_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(Exception, match="cannot keep certificates in"),
        exchange_in_thread(tls=True, tls_dir=tmp_path / "file"),
    ):
        pass


ALPACA_PY = """
import json, sys, threading
from alpaca.data.live import StockDataStream
from alpaca.trading.client import TradingClient
from alpaca.trading.requests import MarketOrderRequest
from alpaca.trading.stream import TradingStream

rest, trading_stream, data_stream, key, secret = sys.argv[1:]
trading = TradingClient(key, secret, url_override=rest)
updates = TradingStream(key, secret, url_override=trading_stream)
prices = StockDataStream(key, secret, url_override=data_stream)
filled, quoted = threading.Event(), threading.Event()

async def on_update(update):
    if str(getattr(update.event, "value", update.event)) == "fill":
        filled.set()

async def on_quote(quote):
    quoted.set()

updates.subscribe_trade_updates(on_update)
prices.subscribe_quotes(on_quote, "KO")
for stream in (updates, prices):
    threading.Thread(target=stream.run, daemon=True).start()
for _ in range(200):
    trading.submit_order(MarketOrderRequest(symbol="KO", qty=1, side="buy", time_in_force="day"))
    if filled.wait(0.1) and quoted.wait(0.1):
        break
print(json.dumps([filled.is_set(), quoted.is_set()]))
"""


def alpaca_py(exchange: WireExchange, **environment: str) -> subprocess.CompletedProcess[str]:
    known = {
        name: value
        for name, value in os.environ.items()
        if name not in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
    }
    told = (exchange.rest, exchange.trading_stream, exchange.data_stream, exchange.key, exchange.secret)
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ALPACA_PY, *told],
        env={**known, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
def test_alpaca_py_trades_and_streams_once_it_trusts_the_authority(folder: Path) -> None:
    with exchange_in_thread(tls=True, tls_dir=folder, speed=60, **LIMITS) as exchange:
        done = alpaca_py(exchange, REQUESTS_CA_BUNDLE=exchange.ca, SSL_CERT_FILE=exchange.ca)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == [True, True]
        refused = alpaca_py(exchange)
        assert refused.returncode == 1
        assert "CERTIFICATE_VERIFY_FAILED" in refused.stderr


async def hear(stream: AlpacaStream) -> Any:
    """The first thing heard: None, the connection."""
    async with contextlib.aclosing(stream.order_updates()) as updates:
        return await asyncio.wait_for(anext(updates), 10)


def test_our_own_client_trusts_the_authority_it_is_given(secure: WireExchange) -> None:
    trusting = BrokerOptions(ca_file=secure.ca)
    manager = AlpacaManager(secure.key, secure.secret, endpoints=endpoints_of(secure.rest), options=trusting)
    with contextlib.closing(manager):
        assert manager.get_account() is not None
    stream = AlpacaStream(Credentials(secure.key, secure.secret), secure.trading_stream, ca_file=secure.ca)
    assert asyncio.run(hear(stream)) is None
    assert stream.trouble == ""


def test_our_own_client_trusts_what_the_environment_names(
    secure: WireExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = BrokerOptions(retries=RetryPolicy(waits_seconds=(0.01,)))
    distrusting = AlpacaManager("other", secure.secret, endpoints=endpoints_of(secure.rest), options=at_once)
    with contextlib.closing(distrusting), pytest.raises(BrokerUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        distrusting.get_account()
    monkeypatch.setenv("SSL_CERT_FILE", secure.ca)
    manager = AlpacaManager(secure.key, secure.secret, endpoints=endpoints_of(secure.rest))
    with contextlib.closing(manager):
        assert manager.get_account() is not None
    stream = AlpacaStream(Credentials(secure.key, secure.secret), secure.trading_stream)
    assert asyncio.run(hear(stream)) is None
