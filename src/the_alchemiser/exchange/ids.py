"""Identifiers as pure functions of what they name, so that the same run gives the same ones."""

from __future__ import annotations

from hashlib import blake2b


def derived_uuid(*parts: object) -> str:
    """A UUID (version 8: our own derivation) that is a pure function of `parts`."""
    digest = blake2b("|".join(map(str, parts)).encode(), digest_size=16).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-a{digest[17:20]}-{digest[20:]}"


_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID_LENGTH = 26


def derived_ulid(at: int, sequence: int, *parts: object) -> str:
    """A ULID of the instant `at` (ns UTC) that is a pure function of its arguments.

    Where ULIDs have random bits, these have first `sequence` (32 bits), so that those of one millisecond sort in
    order, then a digest of `parts`, so that those of different sources differ.
    """
    digest = blake2b("|".join(map(str, parts)).encode(), digest_size=6).digest()
    whole = at // 10**6 << 80 | (sequence & 0xFFFFFFFF) << 48 | int.from_bytes(digest, "big")
    return "".join(_CROCKFORD[whole >> 5 * place & 31] for place in reversed(range(_ULID_LENGTH)))


def is_ulid(text: str) -> bool:
    """Whether this has the form of a ULID."""
    return len(text) == _ULID_LENGTH and text[0] <= "7" and all(letter in _CROCKFORD for letter in text)


def ulid_millisecond(ulid: str) -> int:
    """The instant in a ULID, in milliseconds since the epoch."""
    whole = 0
    for letter in ulid[:10]:
        whole = whole << 5 | _CROCKFORD.index(letter)
    return whole
