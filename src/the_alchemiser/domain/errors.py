"""One tree of failures, split by what the caller does about them.

AlchemiserError
├── ConfigurationError      the user corrects settings or arguments; exit code 2
├── SafetyRefusal           a safety rule forbids it; exit code 3
│   └── LeaseLost           another engine may act for this account now: write and send nothing more, end
├── BrokerError
│   ├── BrokerUnavailable   passing: reads are tried again, an order's outcome is unknown
│   │   ├── OutcomeUnknown  an order or cancel got no clear answer: settle it by its client order id
│   │   └── BrokerBusy      nothing was accepted (429, or nothing was sent): the same may be sent again later
│   ├── BrokerRefused       the broker said no: tell, do not repeat
│   └── BrokerUnauthorized  keys refused: stop opening, tell
├── MarketDataMissing       no decision can be made; the cycle refuses
├── StoreUnavailable        disk full, locked, unreadable: nothing may be sent
│   ├── LeaseHeld           another engine acts for this account: this one does not start
│   ├── ConnectionLost      the database's session ended, a commit under way perhaps not: try the same again
│   └── JournalCorrupt      the chain or a derived table does not verify
└── InvariantBroken         our own rule is broken: stop this path at once
"""

from __future__ import annotations


class AlchemiserError(Exception):
    """Any failure this system names itself; its text is one clear line without secrets."""


class ConfigurationError(AlchemiserError):
    """Settings or arguments cannot be used as given."""


class SafetyRefusal(AlchemiserError):
    """A safety rule forbids what was asked."""


class LeaseLost(SafetyRefusal):
    """The lease on the account is another engine's now, or can no longer be shown to be ours."""


class BrokerError(AlchemiserError):
    """Talking to the broker failed; `request_id` is the broker's own, where it gave one."""

    def __init__(self, text: str, *, request_id: str = "") -> None:
        super().__init__(text)
        self.request_id = request_id


class BrokerUnavailable(BrokerError):
    """A passing failure: time-out, lost connection, 429 or 5xx."""


class OutcomeUnknown(BrokerUnavailable):
    """A request that may or may not have taken effect."""


class BrokerBusy(BrokerUnavailable):
    """The request certainly had no effect: rate limited, or it never left us. The same may be sent again later."""

    def __init__(self, text: str, *, request_id: str = "", retry_after_seconds: float = 0.0) -> None:
        super().__init__(text, request_id=request_id)
        self.retry_after_seconds = retry_after_seconds


class TooLate(BrokerBusy):
    """Not sent, for nobody wants it any more."""


class BrokerRefused(BrokerError):
    """The broker understood and said no; `status` and `code` are its stable contract."""

    def __init__(self, text: str, *, status: int, code: int = 0, request_id: str = "") -> None:
        super().__init__(text, request_id=request_id)
        self.status = status
        self.code = code


class BrokerUnauthorized(BrokerError):
    """The broker does not accept these keys."""


class MarketDataMissing(AlchemiserError):
    """Prices needed for a decision are absent or stale."""


class StoreUnavailable(AlchemiserError):
    """The journal cannot be written or read now."""


class LeaseHeld(StoreUnavailable):
    """Another engine holds the lease on the account; `owner` is how it named itself."""

    def __init__(self, text: str, *, owner: str = "") -> None:
        super().__init__(text)
        self.owner = owner


class ConnectionLost(StoreUnavailable):
    """The session with a database's server is gone, and what was not committed with it; of a commit nobody knows."""


class JournalCorrupt(StoreUnavailable):
    """What is stored does not agree with itself."""


class InvariantBroken(AlchemiserError):
    """A rule we hold always was violated: a defect or a corrupted state."""
