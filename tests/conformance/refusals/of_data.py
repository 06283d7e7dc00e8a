"""Market data: 400 for parameters, 403 for what the plan does not have, 404 for what has no data."""

from __future__ import annotations

from conformance.refusals.refusal import DATA, UNKNOWN, Refusal

_PAIR = "^[A-Z]+x?/[A-Z]+$"
_BARS, _COINS = "/v2/stocks/bars", "/v1beta3/crypto/us/bars"


def _data(name: str, text: str, path: str, **query: str) -> Refusal:
    return Refusal(name, DATA, text, "GET", path, query=query)


def _bars(name: str, text: str, **query: str) -> Refusal:
    return _data(name, text, _BARS, **{"symbols": "KO", "timeframe": "1Day", **query})


OF_DATA: tuple[Refusal, ...] = (
    _data(
        "bars of no symbol",
        "Invalid format for parameter symbols: query parameter 'symbols' is required",
        _BARS,
        timeframe="1Day",
    ),
    _bars(
        "more bars than a page holds",
        "invalid limit: larger than the allowed maximum of 10000",
        limit="10001",
    ),
    _bars("no bars at all", "invalid limit: smaller than the allowed minimum of 1", limit="0"),
    *(
        _bars(f"bars of {frame}", f"invalid timeframe: {frame}", timeframe=frame)
        for frame in ("60Min", "24Hour", "5Month", "1Fortnight")
    ),
    _bars(
        "bars that end before they start",
        "end should not be before start",
        start="2022-05-31",
        end="2022-05-02",
    ),
    _bars(
        "bars from no time",
        "Invalid format for parameter start: error parsing 'noon' as RFC3339 or 2006-01-02 time: "
        'parsing time "noon" as "2006-01-02": cannot parse "noon" as "2006"',
        start="noon",
    ),
    _bars("bars in no order", "invalid sort: up", sort="up"),
    _bars("bars of an unknown page", "invalid page_token", page_token="~"),
    _bars("bars in another currency", "currency not supported: EUR", currency="EUR"),
    _bars("bars of an unknown feed", "invalid feed: odd", feed="odd"),
    _bars("bars of a symbol that is none", "code=400, message=invalid symbol: K0", symbols="K0"),
    _data(
        "coins without their slash",
        f"invalid symbol: BTCUSD does not match {_PAIR}",
        _COINS,
        symbols="BTCUSD",
        timeframe="1Day",
    ),
    *(
        _data(
            f"coins in bars of {frame}",
            f"invalid timeframe: {frame}",
            _COINS,
            symbols="BTC/USD",
            timeframe=frame,
        )
        for frame in ("60Min", "24Hour", "5Month")
    ),
    _data(
        "more coin bars than a page holds",
        "invalid limit: larger than the allowed maximum of 10000",
        _COINS,
        symbols="BTC/USD",
        timeframe="1Day",
        limit="10001",
    ),
    Refusal(
        "the newest prices on a basic plan",
        (403, 42210000),
        "subscription does not permit querying recent SIP data",
        "GET",
        "/v2/stocks/quotes/latest",
        query={"symbols": "KO", "feed": "sip"},
        scene="basic",
    ),
    Refusal(
        "bars up to now on a basic plan",
        (403, 42210000),
        "subscription does not permit querying recent SIP data",
        "GET",
        _BARS,
        query={"symbols": "KO", "timeframe": "1Day", "end": "2022-06-01T14:29:00Z"},
        scene="basic",
    ),
    Refusal(
        "the latest trade of what is not listed",
        UNKNOWN,
        "no trade found for SOCK",
        "GET",
        "/v2/stocks/SOCK/trades/latest",
    ),
    Refusal(
        "a snapshot of what is not listed",
        UNKNOWN,
        "no snapshot found for SOCK",
        "GET",
        "/v2/stocks/SOCK/snapshot",
    ),
    Refusal(
        "coin prices with a wrong key",
        (401, None),
        "unauthorized.",
        "GET",
        _COINS,
        query={"symbols": "BTC/USD", "timeframe": "1Day"},
        headers={"APCA-API-KEY-ID": "PKWRONG", "APCA-API-SECRET-KEY": "wrong"},
    ),
    _data(
        "more news than a page holds",
        "invalid limit: larger than the allowed maximum of 50",
        "/v1beta1/news",
        limit="51",
    ),
    _data(
        "more movers than there are places",
        "invalid top: larger than the allowed maximum of 50",
        "/v1beta1/screener/stocks/movers",
        top="51",
    ),
)
