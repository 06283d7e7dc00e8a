"""Who may speak: the three documented ways to present a key pair."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

DEMO_KEY = "PKALCHEMISEREXCHANGE"
DEMO_SECRET = "EmbeddedExchangeSecretKeyNotForRealMoney"  # noqa: S105  published on purpose: it opens a toy


@dataclass(frozen=True, slots=True)
class Credentials:
    """One account's key pair. Its OAuth token is the secret itself."""

    key: str = DEMO_KEY
    secret: str = DEMO_SECRET

    def match(self, key: object, secret: object) -> bool:
        """Whether this pair was presented (a client with a token sends the key `oauth`)."""
        if not isinstance(key, str) or not isinstance(secret, str):
            return False
        known_key = _same(key, self.key) or key == "oauth"
        return _same(secret, self.secret) and known_key

    def match_headers(self, headers: Mapping[str, str]) -> bool:
        """APCA-API-* headers, `Authorization: Bearer <token>` or `Authorization: Basic <key:secret>`."""
        key = headers.get("APCA-API-KEY-ID")
        if key is not None:
            return _same(key, self.key) and _same(headers.get("APCA-API-SECRET-KEY", ""), self.secret)
        scheme, _, value = headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return _same(value.strip(), self.secret)
        return scheme.lower() == "basic" and self.match(*_basic_pair(value.strip()))


def presented(headers: Mapping[str, str]) -> bool:
    """Whether a request tries to authenticate at all."""
    return "APCA-API-KEY-ID" in headers or "Authorization" in headers


def _basic_pair(value: str) -> tuple[str, str]:
    try:
        key, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return key, secret


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())
