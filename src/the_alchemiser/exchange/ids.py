"""Identifiers as pure functions of what they name, so that the same run gives the same ones."""

from __future__ import annotations

from hashlib import blake2b


def derived_uuid(*parts: object) -> str:
    """A UUID (version 8: our own derivation) that is a pure function of `parts`."""
    digest = blake2b("|".join(map(str, parts)).encode(), digest_size=16).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-a{digest[17:20]}-{digest[20:]}"
