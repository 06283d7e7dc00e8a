"""What an order stream says besides updates. It knows no time of the broker's, so whoever listens adds the instant."""

from __future__ import annotations

from typing import Final

import msgspec

NOT_UNDERSTOOD: Final = "the order stream said what cannot be understood"
KEEPS_SILENT: Final = "the order stream keeps silent"
"""How the alerts about it begin."""


class Deaf(msgspec.Struct, frozen=True):
    """The stream has not listened for some time although it was tried again and again. Said once for an outage."""

    reason: str


class Garbled(msgspec.Struct, frozen=True):
    """One message could not be understood. It is kept in quarantine; the next one is handled as ever."""

    reason: str
