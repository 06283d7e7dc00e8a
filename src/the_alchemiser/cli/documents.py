"""What `--json` prints: one document, its amounts as JSON numbers with every digit they have."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from pathlib import Path

import msgspec

from the_alchemiser.domain.money import plain

_encode = msgspec.json.Encoder(decimal_format="number").encode


def as_json(document: object) -> str:
    """The document, indented. Floats that are not finite become null, as JSON has no word for them."""
    return msgspec.json.format(_encode(_plain(document)), indent=2).decode()


def _plain(value: object) -> object:
    match value:
        case msgspec.Struct():
            return _plain(msgspec.structs.asdict(value))
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case Decimal():
            return Decimal(plain(value))  # without exponent or padding
        case Enum():
            return value.value
        case Path():
            return str(value)
    return value
