"""Chance as a pure function of what it is drawn for, so that the same schedule draws the same again."""

from __future__ import annotations

from hashlib import blake2b

_WHOLE = 1 << 64


def fraction(*parts: object) -> float:
    """A number in [0, 1) that depends on `parts` alone."""
    digest = blake2b("|".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / _WHOLE


def noise(size: int, *parts: object) -> bytes:
    """`size` bytes without meaning that depend on `parts` alone."""
    block = blake2b("|".join(map(str, parts)).encode(), digest_size=64).digest()
    blocks = [block]
    for _ in range(size // 64):
        blocks.append(blake2b(blocks[-1]).digest())
    return b"".join(blocks)[:size]
