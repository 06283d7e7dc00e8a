"""The groups of settings with their defaults and bounds. `docs/settings.md` gives the reason for each.

A limit is never missing: it has a default, and a value that is zero, negative, no number or out of proportion refuses.
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

UNIVERSE: Final = tuple(
    "AAPL AMD BAC BBY CVX GE HD JNJ JPM KO LLY MRK MSFT PEP PFE PG RRC UNH WMT XOM".split()
)
SYMBOL_PATTERN: Final = re.compile(r"[A-Z][A-Z0-9./-]{0,14}")


def _words(value: object) -> object:
    return re.split(r"[,\s]+", value.strip(", \n")) if isinstance(value, str) else value


def _pairs(value: object) -> object:
    return (
        dict(word.partition("=")[::2] for word in re.split(r"[,\s]+", value))
        if isinstance(value, str)
        else value
    )


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _one_of(*schemes: str) -> AfterValidator:
    def check(url: str) -> str:
        if not url.startswith(tuple(f"{scheme}:" for scheme in schemes)):
            raise ValueError(f"should begin with {' or '.join(f'{scheme}:' for scheme in schemes)}")
        return url

    return AfterValidator(check)


def _long_enough(key: SecretStr) -> SecretStr:
    # RFC 7518, section 3.2: a key for HS256 has at least as many bytes as its hash.
    if len(key.get_secret_value().encode()) < 32:
        raise ValueError("should be at least 32 bytes long")
    return key


# The upper bounds are far above any sensible value: they catch a slipped digit or a wrong unit, not a bold user.
Notional = Annotated[Decimal, Field(gt=0, le=10_000_000)]
Fraction = Annotated[Decimal, Field(gt=0, le=1)]
Symbols = Annotated[
    tuple[str, ...], BeforeValidator(lambda value: _words(_upper(value))), Field(min_length=1, max_length=500)
]
Weights = Annotated[dict[str, Fraction], BeforeValidator(_pairs), Field(min_length=1, max_length=50)]
Folder = Annotated[Path, AfterValidator(Path.expanduser)]
DatabaseUrl = Annotated[str, _one_of("sqlite", "postgresql", "postgresql+psycopg")]
RedisUrl = Annotated[str, _one_of("redis", "rediss", "unix")]
Feed = Annotated[Literal["iex", "sip", "delayed_sip"], BeforeValidator(_lower)]
SigningKey = Annotated[SecretStr, AfterValidator(_long_enough)]
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)]
LogFormat = Annotated[Literal["text", "json"], BeforeValidator(_lower)]


class Group(BaseModel):
    """Settings that belong together: frozen, complete, and no name in it unknown."""

    # Inputs stay out of messages: one of them is always a key.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)


class RiskSettings(Group):
    """The limits no order may pass. Dollars, fractions of equity, seconds, or counts, as the name says."""

    daily_loss_limit: Notional = Decimal(2000)
    max_order_notional: Notional = Decimal(25_000)
    max_position_weight: Fraction = Decimal("0.25")
    max_gross_exposure: Annotated[Decimal, Field(gt=0, le=2)] = Decimal(1)
    max_open_orders: Annotated[int, Field(gt=0, le=500)] = 50
    max_orders_per_minute: Annotated[int, Field(gt=0, le=200)] = 60
    max_price_deviation: Annotated[Decimal, Field(gt=0, le=Decimal("0.5"))] = Decimal("0.05")
    max_quote_age_seconds: Annotated[int, Field(gt=0, le=3600)] = 120
    restricted: Annotated[frozenset[str], BeforeValidator(lambda value: _words(_upper(value)))] = frozenset()


class AlertSettings(Group):
    """Where alerts go besides the journal."""

    urls: Annotated[tuple[SecretStr, ...], BeforeValidator(_words)] = ()
    email: str | None = None


class CycleSettings(Group):
    """When the daily cycle trades, and how its limit orders walk towards the far side."""

    minutes_before_close: Annotated[int, Field(ge=6, le=180)] = 30
    walk_interval_seconds: Annotated[int, Field(ge=1, le=600)] = 300
    walk_steps: Annotated[int, Field(ge=1, le=20)] = 4
    market_minutes_before_close: Annotated[int, Field(ge=1, le=60)] = 5

    @model_validator(mode="after")
    def _walk_ends_before_the_market_order(self) -> Self:
        walk_seconds = self.walk_interval_seconds * self.walk_steps
        window_seconds = (self.minutes_before_close - self.market_minutes_before_close) * 60
        if walk_seconds > window_seconds:
            raise ValueError(
                f"a walk of {walk_seconds} s does not fit into the {window_seconds} s before the market order"
            )
        return self


class ReconciliationSettings(Group):
    """How often the broker's record is read where nothing calls for it. The order stream says the rest at once."""

    orders_seconds: Annotated[int, Field(ge=5, le=300)] = 15
    record_seconds: Annotated[int, Field(ge=30, le=3600)] = 300


class StrategySettings(Group):
    """Which ideas trade, with what share of the account, over which symbols."""

    weights: Weights = {"momentum": Decimal("0.5"), "inverse_volatility": Decimal("0.5")}
    universe: Symbols = UNIVERSE
    momentum_top: Annotated[int, Field(ge=1, le=500)] = 5
    lookback_sessions: Annotated[int, Field(ge=20, le=2520)] = 252
    cash_buffer_weight: Annotated[Decimal, Field(ge=0, lt=1)] = Decimal("0.02")
    dust_notional: Annotated[Decimal, Field(ge=1, le=10_000)] = Decimal(100)

    @model_validator(mode="after")
    def _one_account_is_shared_out_once(self) -> Self:
        if sum(self.weights.values()) > 1:
            raise ValueError("the strategies' weights sum to more than 1")
        if malformed := [symbol for symbol in self.universe if not SYMBOL_PATTERN.fullmatch(symbol)]:
            raise ValueError(f"{malformed[0]!r} in the universe is not a symbol")
        if len(set(self.universe)) != len(self.universe):
            raise ValueError("a symbol appears twice in the universe")
        if self.momentum_top > len(self.universe):
            raise ValueError(
                f"momentum_top is {self.momentum_top}, the universe has only {len(self.universe)} symbols"
            )
        return self
