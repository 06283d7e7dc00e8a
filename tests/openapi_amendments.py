"""Where Alpaca's OpenAPI documents and what is known of its servers part, each with the reason.

Everything here loosens or tightens what `openapi.conforms` asks; nothing is excused anywhere else.
"""

from __future__ import annotations

from typing import Any, Final

Schema = dict[str, Any]

EMPTY_STRING: Final[Schema] = {"const": ""}
NULL: Final[Schema] = {"type": "null"}

# Keys that the servers send and the documents do not mention, by schema.
UNDOCUMENTED_KEYS: Final[dict[str, dict[str, str]]] = {
    "Account": {
        "effective_buying_power": "sent by paper and live accounts",
        "position_market_value": "sent by paper and live accounts",
        "crypto_tier": "sent since fees depend on the volume of thirty days",
        "admin_configurations": "sent, an object or null",
        "user_configurations": "sent, an object or null",
        "pattern_day_trader": "gone with the day-trading rule in July 2026; older clients fail without it",
        "daytrade_count": "gone with the day-trading rule in July 2026; older clients fail without it",
        "daytrading_buying_power": "gone with the day-trading rule in July 2026; older clients read it",
        "bod_dtbp": "gone with the day-trading rule in July 2026; older clients read it",
        "last_daytrade_count": "gone with the day-trading rule in July 2026; older clients read it",
        "last_daytrading_buying_power": "gone with the day-trading rule in July 2026; older clients read it",
        "last_buying_power": "read by alpaca-trade-api users, absent from the documents of today",
        "last_cash": "read by alpaca-trade-api users, absent from the documents of today",
        "last_initial_margin": "read by alpaca-trade-api users, absent from the documents of today",
        "last_long_market_value": "read by alpaca-trade-api users, absent from the documents of today",
        "last_regt_buying_power": "read by alpaca-trade-api users, absent from the documents of today",
        "last_short_market_value": "read by alpaca-trade-api users, absent from the documents of today",
    },
    "AccountConfigurations": {
        "dtbp_check": "gone with the day-trading rule in July 2026; alpaca-py before 0.44 requires it",
        "pdt_check": "gone with the day-trading rule in July 2026; alpaca-py before 0.44 requires it",
        "closing_transactions_only": "sent by paper accounts",
    },
    "Order": {
        "subtag": "sent by every order, null for accounts without subtags",
        "source": "sent by every order, null for orders of the API",
        "commission": "sent by accounts that pay one",
    },
    "OrderLeg": {
        "subtag": "sent by every order, null for accounts without subtags",
        "source": "sent by every order, null for orders of the API",
        "commission": "sent by accounts that pay one",
        "ratio_qty": "sent by the legs of a multi-leg order",
        "expires_at": "a leg is an order of its own, and listed alone it has this key",
    },
    "Assets": {"easy_to_borrow": "sunset in September 2026; alpaca-py 0.44 cannot parse an asset without it"},
    "TradingActivities": {"swap_rate": "sent with some fills", "description": "sent with some activities"},
    "NonTradeActivities": {
        "description": "the text of a fee, sent with every activity that has one",
        "price": "sent with option trades at the strike and with fees",
        "swap_rate": "sent with some activities",
    },
    "CanceledOrderResponse": {"body": "the refusal of the order that could not be cancelled"},
}

# Keys that only this exchange sends: clients ignore what they do not know, and each says something true.
OWN_KEYS: Final[dict[str, dict[str, str]]] = {
    "Order": {"cancel_requested_at": "when the cancel was asked for; Alpaca tells it in the stream's orders"},
    "OrderLeg": {
        "cancel_requested_at": "when the cancel was asked for; Alpaca tells it in the stream's orders"
    },
    "Assets": {"source": "says that the prices are simulated, or whose bars they are"},
    "TradingActivities": {"execution_id": "the same id as in the order update, so that fills can be paired"},
}

# Keys without which a client fails, though the documents call them optional.
REQUIRED_BY_CLIENTS: Final[dict[str, tuple[str, ...]]] = {
    "Order": (
        *("id", "client_order_id", "created_at", "updated_at", "submitted_at", "filled_at", "expired_at"),
        *("canceled_at", "failed_at", "replaced_at", "replaced_by", "replaces", "asset_id", "symbol", "qty"),
        *("asset_class", "filled_qty", "filled_avg_price", "order_class", "order_type", "side", "status"),
        *("limit_price", "stop_price", "extended_hours", "legs", "trail_percent", "trail_price", "hwm"),
    ),
    "Account": (
        *("id", "account_number", "status", "currency", "cash", "buying_power", "regt_buying_power"),
        *("portfolio_value", "equity", "last_equity", "long_market_value", "short_market_value"),
        *("initial_margin", "maintenance_margin", "last_maintenance_margin", "multiplier", "sma"),
        *("trading_blocked", "transfers_blocked", "account_blocked", "trade_suspended_by_user", "created_at"),
        *("shorting_enabled", "daytrade_count", "pattern_day_trader", "daytrading_buying_power"),
    ),
    "AccountConfigurations": (
        *("fractional_trading", "max_margin_multiplier", "no_shorting", "suspend_trade"),
        *("trade_confirm_email", "ptp_no_exception_entry", "dtbp_check", "pdt_check"),
    ),
    "Position": ("qty_available",),
    "Assets": ("easy_to_borrow",),
    "PortfolioHistory": (),
    "CanceledOrderResponse": ("id", "status"),
    "TradingActivities": (
        *("activity_type", "id", "cum_qty", "leaves_qty", "price", "qty", "side", "symbol"),
        *("transaction_time", "order_id", "type"),
    ),
    "NonTradeActivities": ("activity_type", "id", "date", "net_amount"),
    "OptionContractsResponse": ("option_contracts",),
}

# Values that the servers answer and the schema of one property does not admit: (schema, property) -> also these.
ALSO_ADMITTED: Final[dict[tuple[str, str], tuple[Schema, str]]] = {
    ("NonTradeActivities", "date"): ({"type": "string", "format": "date"}, "its own example is a day"),
    ("Order", "symbol"): (EMPTY_STRING, "the parent of a multi-leg order has none"),
    ("Order", "asset_id"): ({"anyOf": [EMPTY_STRING, NULL]}, "the parent of a multi-leg order has none"),
    ("Order", "asset_class"): (EMPTY_STRING, "the parent of a multi-leg order has none"),
    ("Order", "side"): (EMPTY_STRING, "the parent of a multi-leg order has none"),
    ("Order", "position_intent"): (NULL, "the parent of a multi-leg order has none"),
    ("OrderLeg", "type"): (EMPTY_STRING, "the legs of a multi-leg order are typed by their parent"),
    ("OrderLeg", "time_in_force"): (EMPTY_STRING, "the legs of a multi-leg order are timed by their parent"),
    ("OrderLeg", "position_intent"): (NULL, "as in the parent"),
    ("PositionClosedResponse", "body"): (
        {"type": "object", "required": ["code", "message"]},
        "the refusal of the position that could not be closed",
    ),
    ("Assets", "exchange"): (EMPTY_STRING, "options have none"),
    ("CorporateAnnouncement", "ca_type"): (
        {"enum": ["dividend", "merger", "spinoff", "split"]},
        "as the servers spell them, and as alpaca-py must have them",
    ),
    ("news", "content"): (EMPTY_STRING, "left out unless asked for; headlines have none"),
    ("Assets", "cusip"): (NULL, "null for accounts without the licence, as for crypto"),
    ("Position", "current_price"): (NULL, "no price, no value"),
    ("OptionContract", "open_interest"): (NULL, "a contract nobody holds yet"),
    ("OptionContract", "open_interest_date"): (NULL, "a contract nobody holds yet"),
    ("OptionContract", "close_price"): (NULL, "a contract that has not traded"),
    ("OptionContract", "close_price_date"): (NULL, "a contract that has not traded"),
}

# Success statuses that the documents do not list: (method, template) -> status and reason.
UNDOCUMENTED_SUCCESS: Final[dict[tuple[str, str], tuple[int, str]]] = {}

# Routes of the documents that this exchange does not serve, and why.
LEFT_OUT: Final[dict[str, str]] = {
    "/v1/locates": "stock locates: a service for professional accounts; paper answers 404",
    "/v1/locates/{locate_id}": "stock locates: a service for professional accounts; paper answers 404",
    "/v1/locates/quotes": "stock locates: a service for professional accounts; paper answers 404",
    "/v2/tokenization/mint": "turns shares into tokens on a public chain: nothing to trade against",
    "/v2/tokenization/requests": "turns shares into tokens on a public chain: nothing to trade against",
    "/v2/tokenization/requests/{tokenization_request_id}": "turns shares into tokens on a public chain",
    "/v2/tokenization/requests:by_client_request_id": "turns shares into tokens on a public chain",
    "/v2/wallets": "moves coins between public chains and the account: no part of trading",
    "/v2/wallets/fees/estimate": "moves coins between public chains and the account",
    "/v2/wallets/transfers": "moves coins between public chains and the account",
    "/v2/wallets/transfers/{transfer_id}": "moves coins between public chains and the account",
    "/v2/wallets/travel-rule/vasps": "moves coins between public chains and the account",
    "/v2/wallets/whitelists": "moves coins between public chains and the account",
    "/v2/wallets/whitelists/{whitelisted_address_id}": "moves coins between public chains and the account",
    "/v2/wallets/whitelists/{whitelisted_address_id}/travel-rule-info": "moves coins between public chains",
    "/v1beta1/fixed_income/latest/prices": "bonds: no trading client orders them",
    "/v1beta1/fixed_income/latest/quotes": "bonds: no trading client orders them",
    "/v1beta1/forex/latest/rates": "currency rates: the account is in dollars and so is every asset",
    "/v1beta1/forex/rates": "currency rates: the account is in dollars and so is every asset",
    "/v1beta1/events/corporate-actions": "tells of changes to corporate actions: those of a script never change",
    "/v1beta1/logos/{symbol}": "pictures that belong to the companies",
}
