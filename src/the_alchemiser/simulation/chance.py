"""The only dice of a simulation. Every component throws its own, so that none shifts another's luck."""

from __future__ import annotations

import hashlib
import random


def stream(seed: int, component: str) -> random.Random:
    """The chance of one component: the same for the same seed and name, whatever else happens in the world."""
    digest = hashlib.sha256(f"{seed}|{component}".encode()).digest()
    return random.Random(int.from_bytes(digest, "big"))  # noqa: S311 - repeatable on purpose
