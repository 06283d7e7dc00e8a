"""What the streams say no to: `STREAM_REFUSALS` of the data streams, `TRADING_REFUSALS` of trade updates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LOGIN = {"action": "auth", "key": "{key}", "secret": "{secret}"}
WRONG_LOGIN = {"action": "auth", "key": "{key}", "secret": "wrong"}
_TRADING_LOGIN = {"action": "authenticate", "data": {"key_id": "{key}", "secret_key": "wrong"}}
REFUSED_FEEDS = "sip,boats=411,overnight=408"
_OPTIONS = "/v1beta1/indicative"


def _subscribe(**channels: Any) -> dict[str, Any]:
    return {"action": "subscribe", **channels}


@dataclass(frozen=True)
class StreamRefusal:
    """One error of a data stream: the last of `says` causes it, or the wait after the welcome.

    `ends` is whether the connection does. `beside` others of the same account stand already.
    """

    name: str
    code: int
    text: str
    says: tuple[Any, ...] = ()
    feed: str = "/v2/iex"
    packed: bool = False
    ends: bool = False
    beside: int = 0


@dataclass(frozen=True)
class TradingRefusal:
    """One refusal of the trading stream, after which the connection ends."""

    name: str
    says: Any
    answer: dict[str, Any]


STREAM_REFUSALS: tuple[StreamRefusal, ...] = (
    StreamRefusal("half a message", 400, "invalid syntax", (LOGIN, "{")),
    StreamRefusal("an unknown action", 400, "invalid syntax", (LOGIN, {"action": "fly"})),
    StreamRefusal("a text for a list", 400, "invalid syntax", (LOGIN, _subscribe(trades="KO"))),
    StreamRefusal("a subscription by nobody", 401, "not authenticated", (_subscribe(trades=["KO"]),)),
    StreamRefusal("a wrong secret", 402, "auth failed", (WRONG_LOGIN,), ends=True),
    StreamRefusal("a second login", 403, "already authenticated", (LOGIN, LOGIN)),
    StreamRefusal("ten seconds of silence", 404, "auth timeout", ends=True),
    StreamRefusal(
        "31 symbols",
        405,
        "symbol limit exceeded",
        (LOGIN, _subscribe(quotes=[f"S{number}" for number in range(31)])),
    ),
    StreamRefusal("a second connection", 406, "connection limit exceeded", (LOGIN,), ends=True, beside=1),
    StreamRefusal(
        "a feed that the account may not have",
        408,
        "v2 not enabled",
        (LOGIN,),
        "/v1beta1/overnight",
        ends=True,
    ),
    StreamRefusal(
        "a feed of a larger plan", 409, "insufficient subscription", (LOGIN,), "/v2/sip", ends=True
    ),
    StreamRefusal(
        "a channel of another feed",
        410,
        "invalid subscribe action for this feed",
        (LOGIN, _subscribe(orderbooks=["KO"])),
    ),
    StreamRefusal(
        "a feed beyond the scope", 411, "insufficient scope", (LOGIN,), "/v1beta1/boats", ends=True
    ),
    StreamRefusal(
        "options in JSON",
        412,
        "option messages are only available in MsgPack format",
        (),
        _OPTIONS,
        ends=True,
    ),
    StreamRefusal(
        "quotes of all options",
        413,
        "star subscription is not allowed for option quotes",
        (LOGIN, _subscribe(quotes=["*"])),
        _OPTIONS,
        packed=True,
    ),
)


def _unauthorized(action: str) -> dict[str, Any]:
    return {"stream": "authorization", "data": {"status": "unauthorized", "action": action}}


TRADING_REFUSALS: tuple[TradingRefusal, ...] = (
    TradingRefusal("a wrong secret", _TRADING_LOGIN, _unauthorized("authenticate")),
    TradingRefusal("a wrong secret in the new form", WRONG_LOGIN, _unauthorized("authenticate")),
    TradingRefusal(
        "a wrong token",
        {"action": "authenticate", "data": {"oauth_token": "wrong"}},
        _unauthorized("authenticate"),
    ),
    TradingRefusal(
        "listening before the login",
        {"action": "listen", "data": {"streams": ["trade_updates"]}},
        _unauthorized("listen"),
    ),
    TradingRefusal("ten seconds of silence", None, _unauthorized("authenticate")),
)
