"""Who may speak, and as whom: the three documented ways to present a key pair, and the ring of known pairs."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

DEMO_KEY = "PKALCHEMISEREXCHANGE"
DEMO_SECRET = "EmbeddedExchangeSecretKeyNotForRealMoney"  # noqa: S105  published on purpose: it opens a toy
TOKEN_KEY = "oauth"  # noqa: S105  what clients with a token send in place of a key
# A connection to a stream has this long to say who it is.
AUTHENTICATION_SECONDS = 10.0

Holder = TypeVar("Holder")


@dataclass(frozen=True, slots=True)
class Credentials:
    """One account's key pair. Its OAuth token is the secret itself."""

    key: str = DEMO_KEY
    secret: str = DEMO_SECRET


class KeyRing(Generic[Holder]):
    """The key pairs that are known, each with its holder."""

    def __init__(self) -> None:
        self._by_key: dict[str, tuple[str, Holder]] = {}
        self._by_secret: dict[str, Holder] = {}

    def add(self, credentials: Credentials, holder: Holder) -> None:
        """Lets this pair speak for `holder`. ValueError: the key or the secret (a token) is another's already."""
        if credentials.key in self._by_key or credentials.secret in self._by_secret:
            raise ValueError(f"the key {credentials.key!r} or its secret is in use already")
        self._by_key[credentials.key] = credentials.secret, holder
        self._by_secret[credentials.secret] = holder

    def remove(self, key: str) -> None:
        """This pair may speak no longer; nothing if it never could."""
        secret, _ = self._by_key.pop(key, ("", None))
        self._by_secret.pop(secret, None)

    def find(self, key: object, secret: object) -> Holder | None:
        """Whose pair this is; a client with a token presents the key `oauth`."""
        if not isinstance(key, str) or not isinstance(secret, str):
            return None
        if key == TOKEN_KEY:
            return self._by_secret.get(secret)
        known = self._by_key.get(key)
        if known is None or not hmac.compare_digest(secret.encode(), known[0].encode()):
            return None
        return known[1]


def presented_pair(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """The key and secret of a request; None when it does not try to authenticate at all.

    APCA-API-* headers, `Authorization: Bearer <token>` (key `oauth`) or `Authorization: Basic <key:secret>`.
    """
    key = headers.get("APCA-API-KEY-ID")
    if key is not None:
        return key, headers.get("APCA-API-SECRET-KEY", "")
    authorization = headers.get("Authorization")
    if authorization is None:
        return None
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return TOKEN_KEY, value.strip()
    return _basic_pair(value.strip()) if scheme.lower() == "basic" else ("", "")


def _basic_pair(value: str) -> tuple[str, str]:
    try:
        key, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return key, secret
