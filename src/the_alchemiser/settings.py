"""What the user may choose: read once, checked whole, explained one by one.

The environment wins over `.env`, which wins over `alchemiser.toml`. Two names for one setting must agree; a name nobody
knows is an error where it can only be meant for us. Paper is the default, and nothing unclear ever moves towards live.
`docs/settings.md` lists every setting with the reason for its default.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple, Self

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, model_validator

from .access import ALIASES, DERIVED, KEYS, Choice, TradingMode, settle
from .domain.errors import ConfigurationError, SafetyRefusal
from .endpoints import Endpoints, Venue, check_companion, endpoints_of, same_host, venue_of
from .setting_groups import (
    AlertSettings,
    CycleSettings,
    DatabaseUrl,
    Feed,
    Folder,
    Group,
    LogFormat,
    LogLevel,
    ReconciliationSettings,
    RedisUrl,
    RiskSettings,
    SigningKey,
    StrategySettings,
)
from .setting_sources import (
    COMMAND_LINE,
    DOTENV_FILE,
    SEPARATOR,
    TOML_FILE,
    Found,
    Names,
    SourceError,
    by_setting,
    read_dotenv,
    read_environment,
    read_toml,
)

HIDDEN: Final = "********"
DEFAULT: Final = "default"
SECRET_NAMES: Final = frozenset(
    {"ALPACA_API_KEY", "ALPACA_SECRET_KEY", "JWT_SECRET_KEY", "ALERTS__URLS", "DATABASE_URL", "REDIS_URL"}
)
"""Their values are not repeated in messages: a mistyped key is still most of a key."""
PLACE_NAMES: Final = frozenset({"DATA_DIR", "AUDIT_ANCHOR", "LOG_LEVEL", "LOG_FORMAT"})
DIGEST_DIGITS: Final = 16
URL_PASSWORD_PATTERN: Final = re.compile(r"(?<=://)([^:/@]*):([^@/]+)@")


class SettingsError(ConfigurationError):
    """The settings cannot be used. `messages` has one line for each fault, none with a secret in it."""

    def __init__(self, messages: Iterable[str]) -> None:
        self.messages = tuple(messages)
        super().__init__("\n".join(self.messages))


class LiveTradingRefused(SafetyRefusal):
    """Live trading was asked for without everything it takes."""


class SettingLine(NamedTuple):
    """One setting as `config show` prints it; the value is masked where it is secret."""

    name: str
    value: str
    origin: str


class Settings(Group):
    """Everything chosen, checked against each other. Build it with `load_settings`."""

    trading_mode: TradingMode = TradingMode.PAPER
    alpaca_api_key: SecretStr | None = None
    alpaca_secret_key: SecretStr | None = None
    alpaca_base_url: str | None = None
    alpaca_data_feed: Feed = "iex"
    alpaca_data_url: str | None = None
    alpaca_trading_stream_url: str | None = None
    alpaca_data_stream_url: str | None = None
    live_trading_consent: str | None = None
    data_dir: Folder = Path("alchemiser-data")
    # Not in the repr: these two may carry a password.
    database_url: DatabaseUrl | None = Field(default=None, repr=False)
    redis_url: RedisUrl | None = Field(default=None, repr=False)
    audit_anchor: Folder | None = None
    jwt_secret_key: SigningKey | None = None
    log_level: LogLevel = "INFO"
    log_format: LogFormat | None = None
    risk: RiskSettings = RiskSettings()
    alerts: AlertSettings = AlertSettings()
    cycle: CycleSettings = CycleSettings()
    reconciliation: ReconciliationSettings = ReconciliationSettings()
    strategies: StrategySettings = StrategySettings()

    _values: dict[str, Found] = PrivateAttr(default_factory=dict)
    _notices: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _keys_come_in_pairs_with_an_address(self) -> Self:
        missing = [
            name
            for name, key in zip(KEYS, (self.alpaca_api_key, self.alpaca_secret_key), strict=True)
            if key is None
        ]
        if missing and (len(missing) == 1 or self.alpaca_base_url or self.trading_mode is TradingMode.LIVE):
            raise SettingsError(f"{name} is not set" for name in missing)
        return self

    @model_validator(mode="after")
    def _addresses_belong_to_the_mode(self) -> Self:
        if self.alpaca_base_url is not None:
            _check_address("ALPACA_BASE_URL", self.alpaca_base_url, self.trading_mode)
        for name in ("alpaca_data_url", "alpaca_trading_stream_url", "alpaca_data_stream_url"):
            _check_companion(name.upper(), getattr(self, name))
        stream = self.alpaca_trading_stream_url
        if stream is not None and not (self.alpaca_base_url and same_host(stream, self.alpaca_base_url)):
            raise SettingsError(
                ["ALPACA_TRADING_STREAM_URL and ALPACA_BASE_URL name different hosts; they are one account's"]
            )
        return self

    @model_validator(mode="after")
    def _live_trading_is_said_twice(self) -> Self:
        if self.trading_mode is TradingMode.LIVE and not self.live_trading_consent:
            raise LiveTradingRefused(
                "TRADING_MODE is live, but LIVE_TRADING_CONSENT is not set to the account number: not started"
            )
        return self

    @property
    def uses_embedded_exchange(self) -> bool:
        """Whether there is no broker to talk to but our own, started by us."""
        return self.alpaca_base_url is None

    @property
    def endpoints(self) -> Endpoints:
        """The broker's addresses. Raises SettingsError for the embedded exchange, which says its own when it starts."""
        if self.alpaca_base_url is None:
            raise SettingsError(
                ["ALPACA_BASE_URL is not set: the embedded exchange says its address when it starts"]
            )
        follow = endpoints_of(self.alpaca_base_url, self.alpaca_data_feed)
        return Endpoints(
            follow.trading,
            self.alpaca_data_url or follow.data,
            self.alpaca_trading_stream_url or follow.trading_stream,
            self.alpaca_data_stream_url or follow.data_stream,
        )

    @property
    def store_url(self) -> str:
        """The database: the given one, or a SQLite file in the data folder."""
        return self.database_url or f"sqlite:///{self.data_dir / 'alchemiser.db'}"

    @property
    def anchor_path(self) -> Path:
        """Where the journal's end is noted a second time: the given file, or one beside the data folder."""
        return self.audit_anchor or self.data_dir.with_name(f"{self.data_dir.name}.anchor")

    @property
    def digest(self) -> str:
        """A short name for what decides the trading: two systems that trade by the same settings have the same.

        Secrets, and where things are kept and written, do not enter into it.
        """
        deciding = (line for line in self.describe() if line.name not in SECRET_NAMES | PLACE_NAMES)
        text = "\n".join(f"{line.name}={line.value}" for line in deciding)
        return sha256(text.encode()).hexdigest()[:DIGEST_DIGITS]

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should hear once at the start: doubtful words, and what is missing and done without."""
        return self._notices

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret value, for the redaction of logs and for nothing else."""
        hidden = (self.alpaca_api_key, self.alpaca_secret_key, self.jwt_secret_key, *self.alerts.urls)
        passwords = (
            match[2]
            for url in (self.database_url, self.redis_url)
            if url
            for match in URL_PASSWORD_PATTERN.finditer(url)
        )
        return (*(secret.get_secret_value() for secret in hidden if secret is not None), *passwords)

    def confirm_live_account(self, account_number: str) -> None:
        """In live mode compare the consent with the broker's own account number. Raises LiveTradingRefused."""
        if self.trading_mode is TradingMode.LIVE and self.live_trading_consent != account_number:
            raise LiveTradingRefused(
                "LIVE_TRADING_CONSENT is not the number of the account these keys open: not started"
            )

    def describe(self) -> tuple[SettingLine, ...]:
        """Every setting with its masked value and where it came from."""
        return tuple(self._line(name) for name in setting_names(Settings))

    def _line(self, name: str) -> SettingLine:
        value = self._value_of(name)
        found = self._values.get(name)
        if found is not None:
            return SettingLine(
                name, _shown(value), found.origin if found.name == name else f"{found.origin} ({found.name})"
            )
        if value is None and (derived := self._derived().get(name)):
            return SettingLine(name, *derived)
        return SettingLine(name, _shown(value), DEFAULT)

    def _value_of(self, name: str) -> object:
        value: object = self
        for part in name.lower().split(SEPARATOR):
            value = getattr(value, part)
        return value

    def _derived(self) -> dict[str, tuple[str, str]]:
        values = {
            "DATABASE_URL": (self.store_url, f"{DERIVED} from DATA_DIR"),
            "AUDIT_ANCHOR": (str(self.anchor_path), f"{DERIVED} from DATA_DIR"),
        }
        if self.uses_embedded_exchange:
            return values
        origin = f"{DERIVED} from ALPACA_BASE_URL"
        ends = self.endpoints
        return values | {
            "ALPACA_DATA_URL": (ends.data, origin),
            "ALPACA_TRADING_STREAM_URL": (ends.trading_stream, origin),
            "ALPACA_DATA_STREAM_URL": (ends.data_stream, origin),
        }


def load_settings(
    environ: Mapping[str, str] | None = None,
    directory: Path | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Settings:
    """Read and check everything.

    `environ` is the process's own and `directory` the current one unless given; `overrides` are flags of the
    command line by setting name. Raises SettingsError for what cannot be used, LiveTradingRefused for live
    without consent.
    """
    place = directory or Path()
    names = Names(setting_names(Settings), ALIASES)
    flags = [
        Found(name, value, COMMAND_LINE) for name, value in (overrides or {}).items() if value is not None
    ]
    try:
        environment = read_environment(os.environ if environ is None else environ, names)
        files = [*read_dotenv(place / DOTENV_FILE), *read_toml(place / TOML_FILE, names)]
        choice = settle(by_setting([*flags, *environment, *files], names))
    except SourceError as error:
        raise SettingsError(error.messages) from None
    if choice.faults:
        raise SettingsError(choice.faults)
    return _validated(choice, place)


def setting_names(group: type[Group], prefix: str = "") -> tuple[str, ...]:
    """The names a group's settings go by in the environment, in the order they are declared."""
    names: list[str] = []
    for field, info in group.model_fields.items():
        name = f"{prefix}{field.upper()}"
        inner: object = info.annotation
        if isinstance(inner, type) and issubclass(inner, Group):
            names += setting_names(inner, f"{name}{SEPARATOR}")
        else:
            names.append(name)
    return tuple(names)


def _validated(choice: Choice, place: Path) -> Settings:
    tree: dict[str, object] = {}
    for name, found in choice.values.items():
        group, separator, member = name.lower().partition(SEPARATOR)
        if separator:
            tree.setdefault(group, {})[member] = found.value  # type: ignore[index]
        else:
            tree[group] = found.value
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        raise SettingsError(_messages(error, choice.values)) from None
    settings._values = choice.values
    settings._notices = (*choice.notices, *_missing(settings, place))
    return settings


def _messages(error: ValidationError, found: Mapping[str, Found]) -> list[str]:
    lines = []
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        name = SEPARATOR.join(str(part) for part in fault["loc"][:2]).upper()
        text = fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
        item = found.get(name) or found.get(name.partition(SEPARATOR)[0])
        lines.append(f"{_pointed_at(name, item)}: {text[:1].lower()}{text[1:]}")
    return lines


def _pointed_at(name: str, item: Found | None) -> str:
    if item is None:
        return name
    return item.place if name in SECRET_NAMES else f"{item.place} = {item.value}"


def _missing(settings: Settings, place: Path) -> list[str]:
    notices = []
    if settings.uses_embedded_exchange:
        advice = "see .env" if (place / DOTENV_FILE).exists() else "there is no .env; .env.example shows one"
        notices.append(
            f"ALPACA_API_KEY is not set: trading on the embedded exchange, with play money ({advice})"
        )
    if not settings.alerts.urls and settings.alerts.email is None:
        notices.append("ALERTS__URLS and ALERTS__EMAIL are not set: alerts stay in the journal")
    return notices


def _check_address(name: str, url: str, mode: TradingMode) -> None:
    try:
        venue = venue_of(url)
    except ValueError as error:
        raise SettingsError([f"{name}: {error}"]) from None
    if mode is TradingMode.LIVE and venue is not Venue.LIVE:
        raise SettingsError([f"TRADING_MODE is live, but {name} = {url} is not Alpaca's live host"])
    if mode is TradingMode.PAPER and venue is Venue.LIVE:
        raise SettingsError([f"TRADING_MODE is paper, but {name} = {url} is Alpaca's live host"])


def _check_companion(name: str, url: str | None) -> None:
    try:
        if url is not None:
            check_companion(url)
    except ValueError as error:
        raise SettingsError([f"{name}: {error}"]) from None


def _shown(value: object) -> str:
    match value:
        case None:
            return "none"
        case SecretStr():
            return HIDDEN
        case str():
            return URL_PASSWORD_PATTERN.sub(rf"\1:{HIDDEN}@", value)
        case frozenset():
            return _shown(tuple(sorted(value)))
        case tuple():
            return ", ".join(_shown(item) for item in value) or "none"
        case dict():
            return ", ".join(f"{name}={_shown(item)}" for name, item in value.items())
    return str(value)
