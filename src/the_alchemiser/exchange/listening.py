"""Which addresses the exchange opens, plain or TLS, and how they are told."""

from __future__ import annotations

import errno
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  told as what a client on this machine can use


class CannotListen(Exception):
    """The address is taken or not ours; the text says so in one line."""


class Addresses(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a running exchange listens, and the keys it accepts: the first line on standard output.

    `ca` is the file of the authority to trust where there is TLS. With a port for each, the addresses are the
    plain ones and `tls` holds the others by the same names.
    """

    ready: bool
    rest: str
    trading_stream: str
    data_stream: str
    crypto_stream: str
    key: str
    secret: str
    ca: str = ""
    tls: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class TLS:
    """What TLS needs: the context to serve with, the authority's file to tell, its own port (None: the only one)."""

    context: ssl.SSLContext
    ca: Path
    port: int | None


async def listen(runner: web.AppRunner, host: str, port: int, tls: TLS | None) -> dict[str, Any]:
    """Opens the ports; the addresses of `Addresses` but the keys. Raises CannotListen."""
    if tls is None:
        return _told(host, await _open(runner, host, port, None), secure=False)
    if tls.port is None:
        return {**_told(host, await _open(runner, host, port, tls.context), secure=True), "ca": str(tls.ca)}
    plain = _told(host, await _open(runner, host, port, None), secure=False)
    secure = _told(host, await _open(runner, host, tls.port, tls.context), secure=True)
    return plain | {"ca": str(tls.ca), "tls": secure}


async def _open(runner: web.AppRunner, host: str, port: int, context: ssl.SSLContext | None) -> int:
    """Opens one port; returns its number."""
    try:
        await web.TCPSite(runner, host, port, ssl_context=context).start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotListen(
                f"port {port} on {host} is already in use; --port 0 takes a free one"
            ) from error
        raise CannotListen(f"cannot listen on {host} port {port}: {error.strerror}") from error
    number: int = runner.addresses[-1][1]
    return number


def _told(host: str, port: int, *, secure: bool) -> dict[str, str]:
    name = _EVERYWHERE.get(host, host) if secure else host
    where = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
    rest, stream = ("https", "wss") if secure else ("http", "ws")
    return {
        "rest": f"{rest}://{where}",
        "trading_stream": f"{stream}://{where}/stream",
        "data_stream": f"{stream}://{where}/v2/iex",
        "crypto_stream": f"{stream}://{where}/v1beta3/crypto/us",
    }
