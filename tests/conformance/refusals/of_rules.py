"""Orders that a rule of the market stands against: 422 / 42210000, and some of 403 / 40310000."""

from conformance.refusals.refusal import MEANS, RULE, Refusal, order

_SUB_PENNY = "sub-penny increment does not fulfill minimum pricing criteria"
_EXITS = {"take_profit": {"limit_price": "70"}, "stop_loss": {"stop_price": "50"}}
_BRACKET = {"order_class": "bracket", **_EXITS}
_LIMIT = {"type": "limit", "limit_price": "60"}
_SHORT = {"symbol": "PG", "side": "sell"}

OF_RULES: tuple[Refusal, ...] = (
    order("an asset that does not exist", RULE, 'asset "SOCK" not found', {"symbol": "SOCK"}),
    order(
        "a symbol with a look-alike letter",
        RULE,
        'asset "K\N{CYRILLIC CAPITAL LETTER O}" not found',
        {"symbol": "K\N{CYRILLIC CAPITAL LETTER O}"},
    ),
    order(
        "a symbol whose capitals would be another's",
        RULE,
        'asset "M\N{LATIN SMALL LETTER LONG S}FT" not found',
        {"symbol": "M\N{LATIN SMALL LETTER LONG S}FT"},
    ),
    order(
        "a limit of three decimals",
        RULE,
        f"invalid limit_price 60.123. {_SUB_PENNY}",
        {**_LIMIT, "limit_price": "60.123"},
    ),
    order(
        "a limit with a float's noise",
        RULE,
        f"invalid limit_price 0.30000000000000004. {_SUB_PENNY}",
        {**_LIMIT, "limit_price": 0.1 + 0.2},
    ),
    order(
        "a limit below a dollar of five decimals",
        RULE,
        f"invalid limit_price 0.12345. {_SUB_PENNY}",
        {**_LIMIT, "limit_price": "0.12345"},
    ),
    order(
        "a stop of three decimals",
        RULE,
        f"invalid stop_price 70.001. {_SUB_PENNY}",
        {"type": "stop", "stop_price": "70.001"},
    ),
    order(
        "a target of three decimals",
        RULE,
        f"invalid take_profit.limit_price 70.001. {_SUB_PENNY}",
        {**_BRACKET, "take_profit": {"limit_price": "70.001"}},
    ),
    order(
        "a stop loss of three decimals",
        RULE,
        f"invalid stop_loss.stop_price 50.001. {_SUB_PENNY}",
        {**_BRACKET, "stop_loss": {"stop_price": "50.001"}},
    ),
    order(
        "a sell stop above the market",
        RULE,
        "stop price must be less than current price",
        {"symbol": "AAPL", "side": "sell", "type": "stop", "stop_price": "300"},
        extra={"market_price": "<number>", "stop_price": "300"},
    ),
    order(
        "a buy stop below the market",
        RULE,
        "stop price must be greater than current price",
        {"type": "stop", "stop_price": "20"},
        extra={"market_price": "<number>", "stop_price": "20"},
    ),
    order(
        "a stop loss at the limit of its entry",
        RULE,
        "stop_loss.stop_price must be <= base_price - 0.01",
        {**_BRACKET, **_LIMIT, "stop_loss": {"stop_price": "60"}},
        extra={"base_price": "60"},
    ),
    order(
        "a target at the limit of its entry",
        RULE,
        "take_profit.limit_price must be >= base_price + 0.01",
        {**_BRACKET, **_LIMIT, "take_profit": {"limit_price": "60"}},
        extra={"base_price": "60"},
    ),
    order(
        "a target below the market for an entry at the market",
        RULE,
        "take_profit.limit_price must be >= base_price + 0.01",
        {**_BRACKET, "take_profit": {"limit_price": "55"}},
        extra={"base_price": "<number>"},
    ),
    order(
        "the stop loss of a short sale below it",
        RULE,
        "stop_loss.stop_price must be >= base_price + 0.01",
        {
            **_BRACKET,
            **_SHORT,
            **_LIMIT,
            "limit_price": "160",
            "take_profit": {"limit_price": "100"},
            "stop_loss": {"stop_price": "150"},
        },
        extra={"base_price": "160"},
    ),
    order(
        "the target of a short sale above it",
        RULE,
        "take_profit.limit_price must be <= base_price - 0.01",
        {
            **_BRACKET,
            **_SHORT,
            **_LIMIT,
            "limit_price": "160",
            "take_profit": {"limit_price": "165"},
            "stop_loss": {"stop_price": "170"},
        },
        extra={"base_price": "160"},
    ),
    order(
        "exits that cross",
        RULE,
        "take_profit.limit_price must be > stop_loss.stop_price",
        {**_BRACKET, "take_profit": {"limit_price": "50"}, "stop_loss": {"stop_price": "55"}},
    ),
    order(
        "the crossing exits of a short sale",
        RULE,
        "take_profit.limit_price must be < stop_loss.stop_price",
        {**_BRACKET, **_SHORT, "take_profit": {"limit_price": "180"}, "stop_loss": {"stop_price": "170"}},
    ),
    order(
        "a bracket around an exit",
        RULE,
        "bracket orders must be entry orders",
        {**_BRACKET, "symbol": "AAPL", "side": "sell"},
    ),
    order(
        "an OTO around an exit",
        RULE,
        "oto orders must be entry orders",
        {"symbol": "AAPL", "side": "sell", "order_class": "oto", "stop_loss": {"stop_price": "50"}},
    ),
    order(
        "an OCO without a position",
        RULE,
        "oco orders must be exit orders",
        {**_EXITS, "type": "limit", "order_class": "oco", "side": "sell"},
    ),
    order(
        "a fraction good till canceled",
        RULE,
        "fractional orders must be DAY orders",
        {"qty": "0.5", "time_in_force": "gtc"},
    ),
    order(
        "dollars good till canceled",
        RULE,
        "fractional orders must be DAY orders",
        {"qty": None, "notional": "10", "time_in_force": "gtc"},
    ),
    order(
        "a fraction with exits", RULE, "fractional orders must be simple orders", {**_BRACKET, "qty": "0.5"}
    ),
    order(
        "a fraction that trails",
        RULE,
        "fractional orders must be market, limit, stop or stop_limit orders",
        {"qty": "0.5", "type": "trailing_stop", "trail_price": "1"},
    ),
    order("a fraction sold short", RULE, "fractional orders cannot be sold short", {**_SHORT, "qty": "0.5"}),
    order(
        "an index",
        RULE,
        'asset "SP500" is not tradable',
        {"symbol": "SP500"},
    ),
    order(
        "dollars while a position is being closed",
        RULE,
        "unable to open new notional orders while having open closing position orders",
        {"symbol": "AAPL", "qty": None, "notional": "10"},
        scene="evening",
    ),
    *(
        order(
            f"{what} for extended hours",
            RULE,
            "extended hours order must be DAY or GTC limit orders",
            {"extended_hours": True, **fields},
        )
        for what, fields in (
            ("a market order", {}),
            ("a stop order", {"type": "stop", "stop_price": "70"}),
            ("an order for the opening", {**_LIMIT, "time_in_force": "opg"}),
            ("an order to fill at once", {**_LIMIT, "time_in_force": "ioc"}),
        )
    ),
    *(
        order(
            f"a {kind} order for extended hours",
            MEANS,
            f"{kind} orders do not support extended hours trading",
            {**_LIMIT, "extended_hours": True, "order_class": kind, **fields},
        )
        for kind, fields in (
            ("bracket", _EXITS),
            ("oto", {"stop_loss": {"stop_price": "50"}}),
            ("oco", {**_EXITS, "symbol": "AAPL", "side": "sell"}),
        )
    ),
    order(
        "a stop that must fill at once",
        RULE,
        "ioc orders must be market or limit orders",
        {"type": "stop", "stop_price": "70", "time_in_force": "ioc"},
    ),
    order(
        "an order for the opening when it is over",
        MEANS,
        "opg orders must be submitted after 7:00pm and before 9:28am",
        {"time_in_force": "opg"},
    ),
    order(
        "an order for the close when it is near",
        MEANS,
        "cls orders must be submitted after 7:00pm and before 3:55pm",
        {"time_in_force": "cls"},
        scene="late",
    ),
    order(
        "a market order in a trading halt",
        RULE,
        'market order rejected due to trading halt on symbol: "GE", please place a limit order instead',
        {"symbol": "GE"},
    ),
    order(
        "a sale till canceled of what is hard to borrow",
        RULE,
        'only day orders are allowed for hard-to-borrow asset "BAC"',
        {"symbol": "BAC", "side": "sell", "type": "stop", "stop_price": "20", "time_in_force": "gtc"},
    ),
    order(
        "a short sale of what is hard to borrow",
        RULE,
        'asset "BAC" cannot be sold short',
        {"symbol": "BAC", "side": "sell"},
    ),
    order(
        "closing what is not there",
        RULE,
        "position intent mismatch, inferred: sell_to_open, specified: sell_to_close",
        {"side": "sell", "position_intent": "sell_to_close"},
    ),
    order(
        "opening while closing",
        RULE,
        "position intent mismatch, inferred: sell_to_close, specified: sell_to_open",
        {"symbol": "AAPL", "side": "sell", "position_intent": "sell_to_open"},
    ),
)
