"""Which broker an address belongs to, and the addresses that follow from it.

Sending paper orders to a live host, or keys to a stranger's, is prevented here: an address is one of Alpaca's own,
or on this machine or its private network, or refused.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

PAPER_URL = "https://paper-api.alpaca.markets"
LIVE_URL = "https://api.alpaca.markets"
DATA_URL = "https://data.alpaca.markets"
DATA_STREAM_URL = "wss://stream.data.alpaca.markets"

ALPACA_DOMAIN = "alpaca.markets"
ENCRYPTED_SCHEMES = ("https", "wss")
OPEN_SCHEMES = ("http", "ws")


class Venue(StrEnum):
    """What answers at an address."""

    PAPER = "paper"
    LIVE = "live"
    LOCAL = "local"
    """An exchange on this machine or its private network: the embedded one."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The four addresses of one broker without a trailing slash: REST bases without `/v2`, streams complete."""

    trading: str
    data: str
    trading_stream: str
    data_stream: str

    @property
    def venue(self) -> Venue:
        """Who answers there."""
        return venue_of(self.trading)


def venue_of(url: str) -> Venue:
    """Who answers at a trading address. Raises ValueError, in one sentence, where we would not send keys to."""
    host = _checked(url).hostname or ""
    if host == urlsplit(PAPER_URL).hostname:
        return Venue.PAPER
    if host == urlsplit(LIVE_URL).hostname:
        return Venue.LIVE
    if _is_local(host):
        return Venue.LOCAL
    raise ValueError(
        f"{host} is neither Alpaca's paper host, nor its live host, nor on this machine or private network"
    )


def trading_url(url: str) -> str:
    """The address as the SDK wants it: without the slash, and the `/v2` many guides add, at its end."""
    return url.strip().rstrip("/").removesuffix("/v2").rstrip("/")


def check_companion(url: str) -> None:
    """Refuse, with ValueError, a data or stream address that is neither Alpaca's own nor local."""
    host = _checked(url).hostname or ""
    if not (_is_local(host) or host.endswith(f".{ALPACA_DOMAIN}")):
        raise ValueError(
            f"{host} is neither a host of {ALPACA_DOMAIN} nor on this machine or private network"
        )


def same_host(url: str, other: str) -> bool:
    """Whether two addresses reach the same host and port, whatever their scheme."""
    return urlsplit(url).netloc.lower() == urlsplit(other).netloc.lower()


def endpoints_of(base_url: str, feed: str = "iex") -> Endpoints:
    """The addresses that follow from the trading address: an exchange of ours serves everything on one port."""
    base = trading_url(base_url)
    streams = base.replace("http", "ws", 1)
    if venue_of(base) is Venue.LOCAL:
        return Endpoints(base, base, f"{streams}/stream", f"{streams}/v2/{feed}")
    return Endpoints(base, DATA_URL, f"{streams}/stream", f"{DATA_STREAM_URL}/v2/{feed}")


def _checked(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme not in ENCRYPTED_SCHEMES + OPEN_SCHEMES or not parts.hostname:
        raise ValueError(f"{url!r} is not an http(s) or ws(s) address")
    if parts.username or parts.password:
        # "https://api.alpaca.markets@elsewhere" reads like Alpaca and is not; keys do not belong in addresses either.
        raise ValueError("an address must not contain a user name or password")
    _ = parts.port  # raises ValueError where it is no number
    if parts.scheme in OPEN_SCHEMES and not _is_local(parts.hostname):
        raise ValueError(f"{parts.scheme} to {parts.hostname} would send keys readable; use https or wss")
    return parts


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        # A name without a dot is resolved by the machine or its container network, never by the public DNS.
        return "." not in host
