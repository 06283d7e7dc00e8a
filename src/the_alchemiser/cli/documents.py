"""What `--json` prints: one document, amounts as exact decimal text, instants as RFC 3339 text in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from pathlib import Path

import msgspec

from the_alchemiser.domain.instants import rfc3339
from the_alchemiser.domain.money import plain


def as_json(document: object) -> str:
    """The document, indented. Floats that are not finite become null, as JSON has no word for them."""
    return msgspec.json.format(msgspec.json.encode(as_document(document)), indent=2).decode()


def as_document(value: object, name: str = "") -> object:
    """A value of ours in JSON's terms. Records keep their field names; integers named `at` or `…_at` are instants."""
    match value:
        case msgspec.Struct():
            return as_document(msgspec.structs.asdict(value))
        case Mapping():
            return {str(key): as_document(item, str(key)) for key, item in value.items()}
        case list() | tuple():
            return [as_document(item) for item in value]
        case Decimal():
            return plain(value)
        case Enum():
            return value.value
        case Path():
            return str(value)
        case int() if name == "at" or name.endswith("_at"):
            return rfc3339(value)
    return value
