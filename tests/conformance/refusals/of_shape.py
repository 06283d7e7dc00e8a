"""Orders whose parameters do not fit together: 422 / 40010001."""

from conformance.refusals.refusal import SHAPE, Refusal, order

_EXITS = {"take_profit": {"limit_price": "70"}, "stop_loss": {"stop_price": "50"}}
_BRACKET = {"order_class": "bracket", **_EXITS}

OF_SHAPE: tuple[Refusal, ...] = (
    order("neither a quantity nor dollars", SHAPE, "qty or notional is required", {"qty": None}),
    order("a quantity and dollars", SHAPE, "only one of qty or notional is accepted", {"notional": "10"}),
    order("a quantity of nothing", SHAPE, "qty must be > 0", {"qty": "0"}),
    order("a quantity below nothing", SHAPE, "qty must be > 0", {"qty": "-1"}),
    order("a quantity that is no number", SHAPE, "invalid qty", {"qty": "ten"}),
    order("a quantity of ten decimals", SHAPE, "invalid qty", {"qty": "0.0000000001"}),
    order("less than a dollar", SHAPE, "notional must be >= 1.00", {"qty": None, "notional": "0.99"}),
    order(
        "half a cent",
        SHAPE,
        "notional value must be limited to 2 decimal places",
        {"qty": None, "notional": "9.995"},
    ),
    order("an order type that does not exist", SHAPE, "invalid order type", {"type": "peg"}),
    order("no order type", SHAPE, "invalid order type", {"type": None}),
    order("a side that does not exist", SHAPE, "invalid side", {"side": "hold"}),
    order("no side", SHAPE, "invalid side", {"side": None}),
    order("a time in force that does not exist", SHAPE, "invalid time_in_force", {"time_in_force": "week"}),
    order("an order class that does not exist", SHAPE, "invalid order_class", {"order_class": "ladder"}),
    order("an intent that does not exist", SHAPE, "invalid position_intent", {"position_intent": "hold"}),
    order("no symbol", SHAPE, "invalid symbol", {"symbol": None}),
    order("a symbol that is a number", SHAPE, "invalid symbol", {"symbol": 7}),
    order(
        "a flag that is neither true nor false", SHAPE, "invalid extended_hours", {"extended_hours": "maybe"}
    ),
    order("a limit order without a limit", SHAPE, "limit orders require a limit price", {"type": "limit"}),
    order("a stop order without a stop", SHAPE, "stop orders require a stop price", {"type": "stop"}),
    order(
        "a stop-limit order without its limit",
        SHAPE,
        "stop limit orders require both stop and limit price",
        {"type": "stop_limit", "stop_price": "70"},
    ),
    order(
        "a stop-limit order without its stop",
        SHAPE,
        "stop limit orders require both stop and limit price",
        {"type": "stop_limit", "limit_price": "70"},
    ),
    order(
        "a market order with a limit",
        SHAPE,
        "market orders require no stop or limit price",
        {"limit_price": "60"},
    ),
    order(
        "a market order with a stop",
        SHAPE,
        "market orders require no stop or limit price",
        {"stop_price": "70"},
    ),
    order(
        "a limit order with a stop",
        SHAPE,
        "limit orders require no stop price",
        {"type": "limit", "limit_price": "60", "stop_price": "70"},
    ),
    order(
        "a stop order with a limit",
        SHAPE,
        "stop orders require no limit price",
        {"type": "stop", "limit_price": "60", "stop_price": "70"},
    ),
    order("a limit of zero", SHAPE, "limit price must be > 0", {"type": "limit", "limit_price": "0"}),
    order("a limit below zero", SHAPE, "limit price must be > 0", {"type": "limit", "limit_price": "-5"}),
    order("a stop of zero", SHAPE, "stop price must be > 0", {"type": "stop", "stop_price": "0"}),
    order("a limit that is no number", SHAPE, "invalid limit_price", {"type": "limit", "limit_price": "low"}),
    order(
        "a target of zero",
        SHAPE,
        "take_profit.limit_price must be > 0",
        {**_BRACKET, "take_profit": {"limit_price": "0"}},
    ),
    order(
        "a trailing stop that trails by nothing",
        SHAPE,
        "trailing stop orders must specify one of trail_price or trail_percent",
        {"type": "trailing_stop"},
    ),
    order(
        "a trailing stop that trails twice",
        SHAPE,
        "trailing stop orders must specify one of trail_price or trail_percent",
        {"type": "trailing_stop", "trail_price": "1", "trail_percent": "1"},
    ),
    order(
        "a trailing stop that trails too closely",
        SHAPE,
        "trail_percent must be greater than or equal to 0.1",
        {"type": "trailing_stop", "trail_percent": "0.09"},
    ),
    order(
        "a trailing stop that trails by zero dollars",
        SHAPE,
        "trail_price must be > 0",
        {"type": "trailing_stop", "trail_price": "0"},
    ),
    order(
        "a trailing stop with a limit",
        SHAPE,
        "trailing_stop orders require no limit price",
        {"type": "trailing_stop", "trail_price": "1", "limit_price": "60"},
    ),
    order(
        "a market order that trails",
        SHAPE,
        "market orders require no trail_price or trail_percent",
        {"trail_price": "1"},
    ),
    order(
        "a bracket whose entry trails",
        SHAPE,
        "trailing stop orders must be simple orders",
        {**_BRACKET, "type": "trailing_stop", "trail_price": "1"},
    ),
    order(
        "a bracket without its stop",
        SHAPE,
        "bracket orders require stop_loss.stop_price",
        {**_BRACKET, "stop_loss": None},
    ),
    order(
        "a bracket whose stop is a trail alone",
        SHAPE,
        "bracket orders require stop_loss.stop_price",
        {**_BRACKET, "stop_loss": {"trail_percent": "1"}},
    ),
    order(
        "a bracket without its target",
        SHAPE,
        "bracket orders require take_profit.limit_price",
        {**_BRACKET, "take_profit": None},
    ),
    order(
        "an OCO without its stop",
        SHAPE,
        "oco orders require stop_loss.stop_price",
        {**_BRACKET, "order_class": "oco", "type": "limit", "stop_loss": None},
    ),
    order(
        "an OCO without its target",
        SHAPE,
        "oco orders require take_profit.limit_price",
        {**_BRACKET, "order_class": "oco", "type": "limit", "take_profit": None},
    ),
    order(
        "an OCO at the market", SHAPE, "oco orders must be limit orders", {**_BRACKET, "order_class": "oco"}
    ),
    order(
        "an OTO without any exit", SHAPE, "oto orders require stop_loss.stop_price", {"order_class": "oto"}
    ),
    order(
        "an OTO with two exits",
        SHAPE,
        "oto orders require either take_profit.limit_price or stop_loss.stop_price",
        {**_BRACKET, "order_class": "oto"},
    ),
    *(
        order(
            f"a {kind} order that must fill at once",
            SHAPE,
            f'{kind} orders support only "day" or "gtc" time_in_force',
            {"time_in_force": "ioc", "order_class": kind, "type": "limit", "limit_price": "60", **exits},
        )
        for kind, exits in (
            ("bracket", _EXITS),
            ("oco", _EXITS),
            ("oto", {"stop_loss": {"stop_price": "50"}}),
        )
    ),
    order(
        "a client order id of 129 characters",
        SHAPE,
        "client_order_id must be no more than 128 characters",
        {"client_order_id": "x" * 129},
    ),
    order(
        "the client order id of an open order",
        SHAPE,
        "client_order_id must be unique",
        {"client_order_id": "resting"},
    ),
    order(
        "the client order id of a canceled order",
        SHAPE,
        "client_order_id must be unique",
        {"client_order_id": "canceled"},
    ),
    order(
        "the client order id of a filled order",
        SHAPE,
        "client_order_id must be unique",
        {"client_order_id": "filled"},
    ),
    Refusal("half a JSON document", (400, 40010000), "request body format is invalid", body=b'{"symbol":'),
    Refusal("a list instead of an order", (400, 40010000), "request body format is invalid", body=[]),
    Refusal("a body above a megabyte", (413, 41310000), "request body is too large", body=b" " * 1_048_577),
)
