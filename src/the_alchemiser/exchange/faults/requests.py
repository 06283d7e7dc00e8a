"""What can go wrong with a REST request and its answer."""

from __future__ import annotations

from typing import Literal

import msgspec

from the_alchemiser.exchange.faults.alteration import Scalar, check_alteration
from the_alchemiser.exchange.faults.rules import Rule, Seconds, check_seconds, pattern

BYTES_LIMIT = 256 * 1024 * 1024
_METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE", "*"})

Moment = Literal["before", "after"]
"""Before the request has its effect (as if it had been lost), or after it (as if the answer had been lost)."""


class RequestFault(Rule, kw_only=True):
    """`route` is `METHODS PATH`, such as `POST,PATCH /v2/orders*`, `* *` or `GET /v2/orders/{id}`.

    `having` narrows it to requests whose body or query has these values, such as `{side = "sell"}`.
    """

    route: str
    having: dict[str, str] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        methods, _, path = self.route.partition(" ")
        if not path or not _METHODS.issuperset(methods.split(",")):
            raise ValueError("route must read METHODS PATH, such as POST,PATCH /v2/orders*")

    def matches(self, method: str, path: str) -> bool:
        """Whether a request for this path (without its query) is meant."""
        methods, _, glob = self.route.partition(" ")
        return (methods == "*" or method in methods.split(",")) and bool(pattern(glob).fullmatch(path))

    @property
    def place(self) -> str:
        return self.route


class Delay(RequestFault, kw_only=True, tag="delay"):
    """The request (`before`) or its answer (`after`) is on its way for seconds of the wall or of the exchange."""

    seconds: Seconds | None = None
    exchange_seconds: Seconds | None = None
    moment: Moment = "before"

    def check(self) -> None:
        if (self.seconds is None) == (self.exchange_seconds is None):
            raise ValueError("a delay has either seconds or exchange_seconds")
        check_seconds("seconds", self.seconds)
        check_seconds("exchange_seconds", self.exchange_seconds)


class Drop(RequestFault, kw_only=True, tag="drop"):
    """The connection ends without an answer: with a reset, or `politely` closed."""

    moment: Moment = "before"
    politely: bool = False


class Error(RequestFault, kw_only=True, tag="error"):
    """Another status than the request deserves, before or after its effect.

    `format`: Alpaca's JSON (`code` and `message` may be set), the HTML page of the proxy in front of it, or an
    empty body. `rate_headers`: whether the rate-limit headers and, on a 429 or 503, Retry-After are there.
    """

    status: int
    moment: Moment = "before"
    format: Literal["json", "html", "empty"] = "json"
    code: int | None = None
    message: str = ""
    rate_headers: bool = True
    retry_after_seconds: int | None = None
    location: str = ""

    def check(self) -> None:
        if not 300 <= self.status <= 599:
            raise ValueError("status must lie between 300 and 599")


class Truncate(RequestFault, kw_only=True, tag="truncate"):
    """The answer promises all its bytes, and the connection ends after this part of them: closed, or reset."""

    part: float = 0.5
    politely: bool = True

    def check(self) -> None:
        if not 0 <= self.part < 1:
            raise ValueError("part must lie between 0 and 1")


class Garbage(RequestFault, kw_only=True, tag="garbage"):
    """The answer has its status and headers, and another body.

    `noise` is bytes without meaning, `html` a page, `text` any other `body`, `shape` JSON of another shape,
    `unknown_words` the answer with words no client knows in the place of status, side and type, `huge` a JSON
    string of `size_bytes`, `gzip_bomb` so many bytes compressed.
    """

    form: Literal["noise", "html", "text", "shape", "unknown_words", "huge", "gzip_bomb"] = "noise"
    body: str = ""
    size_bytes: int = 256

    def check(self) -> None:
        if not 1 <= self.size_bytes <= BYTES_LIMIT:
            raise ValueError(f"size_bytes must lie between 1 and {BYTES_LIMIT}")


class WrongType(RequestFault, kw_only=True, tag="wrong_type"):
    """The answer says that it is something else than JSON."""

    content_type: str = "text/html"

    def check(self) -> None:
        if "/" not in self.content_type or not self.content_type.isprintable():
            raise ValueError("content_type must be a media type such as text/html")


class Duplicate(RequestFault, kw_only=True, tag="duplicate"):
    """The request is executed `times` times; the client gets the first or the last answer."""

    times: int = 2
    answer: Literal["first", "last"] = "first"

    def check(self) -> None:
        if not 2 <= self.times <= 100:
            raise ValueError("times must lie between 2 and 100")


class Trickle(RequestFault, kw_only=True, tag="trickle"):
    """The answer's body comes at this pace; a long one takes long, so it needs a client with a deadline."""

    bytes_per_second: float = 1.0

    def check(self) -> None:
        if not 0.01 <= self.bytes_per_second <= 1e9:
            raise ValueError("bytes_per_second must lie between 0.01 and 1e9")


class Hang(RequestFault, kw_only=True, tag="hang"):
    """The connection stays open and nothing is ever answered; after `seconds` it ends."""

    moment: Moment = "before"
    seconds: Seconds = 3600.0

    def check(self) -> None:
        check_seconds("seconds", self.seconds)


class Stale(RequestFault, kw_only=True, tag="stale"):
    """The answer is an earlier one: to the same question, or (`answer_of` other) to whatever matched before."""

    answer_of: Literal["same", "other"] = "same"


class Empty(RequestFault, kw_only=True, tag="empty"):
    """A list is answered as if there were nothing in it; anything else as it is."""


class Unseen(RequestFault, kw_only=True, tag="unseen"):
    """What was created less than so many exchange seconds ago is not there yet: left out of lists, 404 alone."""

    seconds: float

    def check(self) -> None:
        check_seconds("seconds", self.seconds)


class Skew(RequestFault, kw_only=True, tag="skew"):
    """The exchange's clock is wrong by so many seconds: in `Date` and in these fields of the answer."""

    seconds: float
    fields: tuple[str, ...] = ("timestamp",)

    def check(self) -> None:
        check_seconds("seconds", abs(self.seconds))


class Alter(RequestFault, kw_only=True, tag="alter"):
    """Fields of the answer, wherever they stand, have other values: those of `put`, or multiplied by `times`."""

    put: dict[str, Scalar] = msgspec.field(default_factory=dict)
    times: dict[str, float] = msgspec.field(default_factory=dict)

    def check(self) -> None:
        check_alteration(self.put, self.times)


class Items(RequestFault, kw_only=True, tag="items"):
    """Of the items of a 207 answer a part, drawn one by one, says that it failed; the effect is there all the same."""

    status: int = 500
    part: float = 0.5

    def check(self) -> None:
        if not 300 <= self.status <= 599 or not 0 < self.part <= 1:
            raise ValueError("status must lie between 300 and 599, part between 0 and 1")


AnyRequestFault = (
    Delay
    | Drop
    | Error
    | Truncate
    | Garbage
    | WrongType
    | Duplicate
    | Trickle
    | Hang
    | Stale
    | Empty
    | Unseen
    | Skew
    | Alter
    | Items
)
