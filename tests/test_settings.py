"""What the user may choose, and what refuses the start."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from the_alchemiser.domain.errors import ConfigurationError, SafetyRefusal
from the_alchemiser.settings import (
    HIDDEN,
    LiveTradingRefused,
    Settings,
    SettingsError,
    load_settings,
    setting_names,
)

KEY, SECRET = "PKTESTKEY0123456789", "a-secret-nobody-may-read-aloud-0123456789"
KEYS = {"ALPACA_API_KEY": KEY, "ALPACA_SECRET_KEY": SECRET}
PAPER, LIVE = "https://paper-api.alpaca.markets", "https://api.alpaca.markets"


def refusal(environ: dict[str, str], directory: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ, directory)
    text = str(caught.value)
    assert SECRET not in text
    return text


# With whose money


def test_without_any_setting_there_is_paper_and_the_embedded_exchange(tmp_path: Path) -> None:
    settings = load_settings({}, tmp_path)
    assert settings.trading_mode == "paper"
    assert settings.uses_embedded_exchange


@pytest.mark.spec("C6")
def test_missing_keys_are_said_aloud(tmp_path: Path) -> None:
    assert any("embedded exchange" in notice for notice in load_settings({}, tmp_path).notices)


@pytest.mark.spec("S4-03")
def test_a_missing_env_file_is_noticed_with_what_to_do(tmp_path: Path) -> None:
    assert ".env.example" in " ".join(load_settings({}, tmp_path).notices)


@pytest.mark.spec("C4")
def test_keys_alone_trade_on_paper(tmp_path: Path) -> None:
    settings = load_settings(KEYS, tmp_path)
    assert settings.endpoints.trading == PAPER
    assert settings.endpoints.trading_stream == "wss://paper-api.alpaca.markets/stream"
    assert settings.endpoints.data == "https://data.alpaca.markets"
    assert settings.endpoints.data_stream == "wss://stream.data.alpaca.markets/v2/iex"


@pytest.mark.spec("S4-04", "C5")
@pytest.mark.parametrize("word", ["prod", "LIVE!", "1", "livee", "paper-live"])
def test_an_unknown_word_for_the_mode_means_paper_with_a_warning(tmp_path: Path, word: str) -> None:
    settings = load_settings(KEYS | {"ALPACA_MODE": word}, tmp_path)
    assert settings.trading_mode == "paper"
    assert settings.endpoints.trading == PAPER
    assert any(word in notice and "paper" in notice for notice in settings.notices)


@pytest.mark.spec("C4")
def test_live_without_consent_is_refused_by_a_safety_rule(tmp_path: Path) -> None:
    with pytest.raises(LiveTradingRefused, match="LIVE_TRADING_CONSENT") as caught:
        load_settings(KEYS | {"TRADING_MODE": "live"}, tmp_path)
    assert isinstance(caught.value, SafetyRefusal)


@pytest.mark.spec("S3-18", "C4")
def test_live_takes_the_mode_the_consent_and_the_live_host(tmp_path: Path) -> None:
    settings = load_settings(KEYS | {"TRADING_MODE": "Live", "LIVE_TRADING_CONSENT": "123456789"}, tmp_path)
    assert settings.endpoints.trading == LIVE
    assert settings.endpoints.trading_stream == "wss://api.alpaca.markets/stream"
    settings.confirm_live_account("123456789")


@pytest.mark.spec("C4")
def test_the_consent_names_the_very_account_the_keys_open(tmp_path: Path) -> None:
    settings = load_settings(KEYS | {"TRADING_MODE": "live", "LIVE_TRADING_CONSENT": "123456789"}, tmp_path)
    with pytest.raises(LiveTradingRefused):
        settings.confirm_live_account("987654321")


def test_paper_needs_no_consent_for_any_account(tmp_path: Path) -> None:
    load_settings(KEYS, tmp_path).confirm_live_account("PA3XYZ")


@pytest.mark.spec("C6")
def test_live_without_keys_does_not_start(tmp_path: Path) -> None:
    assert "ALPACA_API_KEY is not set" in refusal(
        {"TRADING_MODE": "live", "LIVE_TRADING_CONSENT": "123456789"}, tmp_path
    )


@pytest.mark.spec("C3")
@pytest.mark.parametrize("other", ["STAGE", "ALPACA_MODE"])
def test_names_for_the_mode_that_disagree_are_both_named(tmp_path: Path, other: str) -> None:
    text = refusal(KEYS | {"TRADING_MODE": "live", other: "paper", "LIVE_TRADING_CONSENT": "1"}, tmp_path)
    assert "TRADING_MODE" in text
    assert other in text


@pytest.mark.spec("C3", "C5")
def test_a_word_nobody_knows_beside_live_is_a_disagreement(tmp_path: Path) -> None:
    assert "disagree" in refusal(KEYS | {"TRADING_MODE": "live", "STAGE": "staging"}, tmp_path)


@pytest.mark.spec("C3")
def test_names_for_the_mode_may_agree(tmp_path: Path) -> None:
    assert load_settings({"STAGE": "PAPER", "TRADING_MODE": "paper"}, tmp_path).trading_mode == "paper"


# By which address


@pytest.mark.spec("S2-09", "C3")
def test_paper_at_the_live_host_is_refused(tmp_path: Path) -> None:
    text = refusal(KEYS | {"ALPACA_BASE_URL": LIVE}, tmp_path)
    assert "TRADING_MODE" in text
    assert "ALPACA_BASE_URL" in text


@pytest.mark.spec("C3")
@pytest.mark.parametrize("url", [PAPER, "http://127.0.0.1:8900"])
def test_live_at_any_other_host_is_refused(tmp_path: Path, url: str) -> None:
    assert "live host" in refusal(
        KEYS | {"TRADING_MODE": "live", "LIVE_TRADING_CONSENT": "1", "ALPACA_BASE_URL": url}, tmp_path
    )


@pytest.mark.spec("S2-09")
@pytest.mark.parametrize(
    "url",
    [
        "https://paper-api.alpaca.markets.example.com",
        "https://api.alpaca.markets@example.com",
        "https://user:pass@paper-api.alpaca.markets",
        "http://paper-api.alpaca.markets",
        "https://8.8.8.8",
        "ftp://localhost",
        "https://localhost:port",
        "paper-api.alpaca.markets",
    ],
)
def test_keys_are_never_sent_to_a_stranger(tmp_path: Path, url: str) -> None:
    assert "ALPACA_BASE_URL" in refusal(KEYS | {"ALPACA_BASE_URL": url}, tmp_path)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8900", "http://localhost:8900/", "http://[::1]:8900/v2"])
def test_an_exchange_on_this_machine_serves_everything_on_one_port(tmp_path: Path, url: str) -> None:
    ends = load_settings(KEYS | {"ALPACA_BASE_URL": url}, tmp_path).endpoints
    assert ends.data == ends.trading
    assert ends.trading_stream == ends.trading.replace("http", "ws") + "/stream"
    assert ends.data_stream == ends.trading.replace("http", "ws") + "/v2/iex"


def test_the_address_loses_the_version_the_sdk_adds_itself(tmp_path: Path) -> None:
    assert load_settings(KEYS | {"ALPACA_BASE_URL": f"{PAPER}/v2/"}, tmp_path).endpoints.trading == PAPER


def test_given_stream_and_data_addresses_win_over_derived_ones(tmp_path: Path) -> None:
    given = {
        "ALPACA_DATA_URL": "http://127.0.0.1:9000",
        "ALPACA_DATA_STREAM_URL": "ws://127.0.0.1:9001/v2/sip",
    }
    ends = load_settings(KEYS | given, tmp_path).endpoints
    assert (ends.data, ends.data_stream) == tuple(given.values())


@pytest.mark.parametrize("name", ["ALPACA_DATA_URL", "ALPACA_DATA_STREAM_URL", "ALPACA_TRADING_STREAM_URL"])
def test_companion_addresses_are_not_strangers_either(tmp_path: Path, name: str) -> None:
    assert name in refusal(KEYS | {name: "https://example.com"}, tmp_path)


def test_order_updates_come_from_the_host_that_takes_the_orders(tmp_path: Path) -> None:
    text = refusal(KEYS | {"ALPACA_TRADING_STREAM_URL": "wss://api.alpaca.markets/stream"}, tmp_path)
    assert "different hosts" in text


# With which keys


@pytest.mark.spec("C2")
@pytest.mark.parametrize(
    ("key_name", "secret_name"),
    [
        ("ALPACA_API_KEY", "ALPACA_SECRET_KEY"),
        ("APCA_API_KEY_ID", "APCA_API_SECRET_KEY"),
        ("ALPACA_PAPER_API_KEY", "ALPACA_PAPER_API_SECRET"),
    ],
)
def test_keys_go_by_all_their_names(tmp_path: Path, key_name: str, secret_name: str) -> None:
    settings = load_settings({key_name: KEY, secret_name: SECRET}, tmp_path)
    assert settings.alpaca_api_key is not None
    assert settings.alpaca_secret_key is not None
    assert settings.alpaca_api_key.get_secret_value() == KEY
    assert settings.alpaca_secret_key.get_secret_value() == SECRET


@pytest.mark.spec("C2")
def test_two_names_with_different_keys_are_both_named_and_neither_value_is(tmp_path: Path) -> None:
    text = refusal(KEYS | {"APCA_API_SECRET_KEY": "another-secret"}, tmp_path)
    assert "ALPACA_SECRET_KEY" in text
    assert "APCA_API_SECRET_KEY" in text
    assert "another-secret" not in text


@pytest.mark.spec("C2")
def test_names_that_disagree_do_so_across_places_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("APCA_API_KEY_ID=another\n")
    assert "APCA_API_KEY_ID (.env)" in refusal(KEYS, tmp_path)


def test_paper_keys_never_open_a_live_account(tmp_path: Path) -> None:
    text = refusal(
        {
            "ALPACA_PAPER_API_KEY": KEY,
            "ALPACA_PAPER_API_SECRET": SECRET,
            "STAGE": "live",
            "LIVE_TRADING_CONSENT": "1",
        },
        tmp_path,
    )
    assert "ALPACA_PAPER_API_KEY (environment) is for paper only" in text


def test_paper_keys_may_lie_beside_live_ones_in_live_mode(tmp_path: Path) -> None:
    both = KEYS | {"ALPACA_PAPER_API_KEY": "other", "TRADING_MODE": "live", "LIVE_TRADING_CONSENT": "1"}
    settings = load_settings(both, tmp_path)
    assert settings.alpaca_api_key is not None
    assert settings.alpaca_api_key.get_secret_value() == KEY


@pytest.mark.spec("S4-02")
@pytest.mark.parametrize("name", ["ALPACA_API_KEY", "ALPACA_SECRET_KEY"])
def test_half_a_pair_of_keys_names_the_missing_half(tmp_path: Path, name: str) -> None:
    assert (
        refusal({other: value for other, value in KEYS.items() if other != name}, tmp_path)
        == f"{name} is not set"
    )


def test_an_address_without_keys_names_both_keys(tmp_path: Path) -> None:
    assert refusal({"ALPACA_BASE_URL": PAPER}, tmp_path).splitlines() == [
        "ALPACA_API_KEY is not set",
        "ALPACA_SECRET_KEY is not set",
    ]


def test_an_empty_key_is_no_key(tmp_path: Path) -> None:
    assert load_settings({"ALPACA_API_KEY": "", "ALPACA_SECRET_KEY": " "}, tmp_path).uses_embedded_exchange


def test_a_short_signing_key_refuses(tmp_path: Path) -> None:
    assert "32 bytes" in refusal({"JWT_SECRET_KEY": "x" * 31}, tmp_path)


# Within which limits


@pytest.mark.parametrize("name", [name for name in setting_names(Settings) if name.startswith("RISK__MAX")])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "1e30", "", "lots"])
def test_a_limit_that_limits_nothing_refuses_with_one_line(tmp_path: Path, name: str, value: str) -> None:
    text = refusal({name: value}, tmp_path)
    assert text.startswith(name)
    assert "\n" not in text


@pytest.mark.parametrize("value", ["0", "nan", "true"])
def test_a_limit_in_the_file_is_held_to_the_same(tmp_path: Path, value: str) -> None:
    (tmp_path / "alchemiser.toml").write_text(f"[risk]\ndaily_loss_limit = {value}\n")
    assert "RISK__DAILY_LOSS_LIMIT (alchemiser.toml)" in refusal({}, tmp_path)


def test_money_from_the_file_passes_no_float(tmp_path: Path) -> None:
    (tmp_path / "alchemiser.toml").write_text("[risk]\ndaily_loss_limit = 1234.10\n")
    assert str(load_settings({}, tmp_path).risk.daily_loss_limit) == "1234.10"


def test_the_daily_loss_limit_is_two_thousand_dollars_unless_chosen(tmp_path: Path) -> None:
    assert load_settings({}, tmp_path).risk.daily_loss_limit == 2000
    assert load_settings({"RISK__DAILY_LOSS_LIMIT": "500"}, tmp_path).risk.daily_loss_limit == 500


def test_strategies_share_one_account_once(tmp_path: Path) -> None:
    assert "sum to more than 1" in refusal(
        {"STRATEGIES__WEIGHTS": "momentum=0.6,inverse_volatility=0.5"}, tmp_path
    )


def test_weights_may_be_a_line_or_a_table(tmp_path: Path) -> None:
    line = load_settings({"STRATEGIES__WEIGHTS": "momentum=0.25, inverse_volatility=0.5"}, tmp_path)
    (tmp_path / "alchemiser.toml").write_text(
        "[strategies.weights]\nmomentum = 0.25\ninverse_volatility = 0.5\n"
    )
    table = load_settings({}, tmp_path)
    assert line.strategies.weights == table.strategies.weights
    assert table.strategies.weights["momentum"] == Decimal("0.25")


@pytest.mark.parametrize(
    ("universe", "complaint"),
    [("AAPL,A PL$", "not a symbol"), ("AAPL,aapl", "twice"), ("AAPL,MSFT", "momentum_top")],
)
def test_the_universe_is_symbols_once_each_and_enough_of_them(
    tmp_path: Path, universe: str, complaint: str
) -> None:
    assert complaint in refusal({"STRATEGIES__UNIVERSE": universe}, tmp_path)


def test_a_walk_ends_before_the_market_order(tmp_path: Path) -> None:
    assert "does not fit" in refusal(
        {"CYCLE__WALK_STEPS": "20", "CYCLE__WALK_INTERVAL_SECONDS": "600"}, tmp_path
    )


# From where


def test_the_environment_wins_over_env_file_and_that_over_toml(tmp_path: Path) -> None:
    (tmp_path / "alchemiser.toml").write_text('log_level = "ERROR"\nlog_format = "json"\ndata_dir = "toml"\n')
    (tmp_path / ".env").write_text("LOG_LEVEL=WARNING\nLOG_FORMAT=text\n")
    settings = load_settings({"LOG_LEVEL": "debug"}, tmp_path)
    assert (settings.log_level, settings.log_format, settings.data_dir) == ("DEBUG", "text", Path("toml"))
    origins = {line.name: line.origin for line in settings.describe()}
    assert [origins[name] for name in ("LOG_LEVEL", "LOG_FORMAT", "DATA_DIR", "REDIS_URL")] == [
        "environment",
        ".env",
        "alchemiser.toml",
        "default",
    ]


def test_flags_of_the_command_line_win_over_everything(tmp_path: Path) -> None:
    settings = load_settings({"DATA_DIR": "a"}, tmp_path, {"DATA_DIR": tmp_path / "b", "LOG_LEVEL": None})
    assert settings.data_dir == tmp_path / "b"
    assert settings.store_url == f"sqlite:///{tmp_path}/b/alchemiser.db"


@pytest.mark.parametrize(
    ("name", "text"),
    [(".env", "RISK__DAILY_LOSS_LIMT=1\n"), ("alchemiser.toml", "[risk]\ndaily_loss_limt = 1\n")],
)
def test_an_unknown_key_in_a_file_is_an_error_that_knows_what_was_meant(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    message = refusal({}, tmp_path)
    assert message == f"RISK__DAILY_LOSS_LIMT ({name}) is not a setting; did you mean RISK__DAILY_LOSS_LIMIT?"


@pytest.mark.parametrize(
    "name", ["RISK__MAX_LOSS", "ALERTS__PAGER", "CYCLE__MINUTES", "STRATEGIES__LEVERAGE", "risk__x"]
)
def test_an_unknown_member_of_a_group_is_an_error_in_the_environment_too(tmp_path: Path, name: str) -> None:
    assert "is not a setting" in refusal({name: "1"}, tmp_path)


def test_other_programs_variables_are_none_of_our_business(tmp_path: Path) -> None:
    load_settings({"PATH": "/bin", "ALPACA_SOMETHING_ELSE": "1"}, tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        (".env", b"JUST WORDS\n", ".env, line 1"),
        (".env", b"LOG_LEVEL\n", ".env, line 1"),
        (".env", b"LOG_LEVEL=INFO\nLOG_LEVEL=DEBUG\n", "set twice"),
        ("alchemiser.toml", b"[risk\n", "alchemiser.toml: "),
        ("alchemiser.toml", b"risk = 3\n", "not a setting"),
        ("alchemiser.toml", b"\xff\xfe", "not UTF-8"),
    ],
)
def test_a_broken_file_is_one_clear_line(tmp_path: Path, name: str, content: bytes, complaint: str) -> None:
    (tmp_path / name).write_bytes(content)
    text = refusal({}, tmp_path)
    assert complaint in text
    assert "\n" not in text


def test_a_folder_in_the_place_of_a_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert ".env cannot be read" in refusal({}, tmp_path)


@pytest.mark.parametrize(
    "environ",
    [
        {"LOG_LEVEL": "LOUD"},
        {"LOG_FORMAT": "xml"},
        {"DATABASE_URL": "mysql://root:hunter22@db/x"},
        {"REDIS_URL": "http://localhost"},
        {"ALPACA_DATA_FEED": "free"},
    ],
)
def test_a_value_that_cannot_be_used_names_its_setting_and_place(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    text = refusal(environ, tmp_path)
    assert text.startswith(f"{next(iter(environ))} (environment)")
    assert "hunter22" not in text


def test_every_fault_gets_its_line(tmp_path: Path) -> None:
    assert len(refusal({"RISK__MAX_OPEN_ORDERS": "0", "LOG_LEVEL": "LOUD"}, tmp_path).splitlines()) == 2


def test_faults_of_settings_are_configuration_errors() -> None:
    assert issubclass(SettingsError, ConfigurationError)


# Shown to people


@pytest.mark.spec("S2-31")
def test_what_is_shown_has_every_setting_and_no_secret(tmp_path: Path) -> None:
    secret_settings = KEYS | {
        "JWT_SECRET_KEY": "j" * 40,
        "DATABASE_URL": "postgresql://me:hunter22@db/x",
        "REDIS_URL": "redis://:hunter33@cache:6379/0",
        "ALERTS__URLS": "mailto://me:hunter44@example.com,json://localhost",
    }
    settings = load_settings(secret_settings, tmp_path)
    shown = "\n".join(" ".join(line) for line in settings.describe())
    assert tuple(line.name for line in settings.describe()) == setting_names(Settings)
    for secret in (KEY, SECRET, "j" * 40, "hunter22", "hunter33", "hunter44"):
        assert secret not in shown
        assert secret not in repr(settings)
    assert f"postgresql://me:{HIDDEN}@db/x" in shown
    assert f"redis://:{HIDDEN}@cache:6379/0" in shown


def test_every_secret_is_known_to_the_logs(tmp_path: Path) -> None:
    settings = load_settings(KEYS | {"DATABASE_URL": "postgresql://me:hunter22@db/x"}, tmp_path)
    assert set(settings.secrets) == {KEY, SECRET, "hunter22"}


def test_an_alias_is_shown_as_the_name_that_was_used(tmp_path: Path) -> None:
    lines = {line.name: line for line in load_settings({"STAGE": "paper"}, tmp_path).describe()}
    assert lines["TRADING_MODE"] == ("TRADING_MODE", "paper", "environment (STAGE)")


def test_derived_addresses_say_what_they_follow_from(tmp_path: Path) -> None:
    lines = {
        line.name: line for line in load_settings(KEYS | {"ALPACA_BASE_URL": PAPER}, tmp_path).describe()
    }
    assert lines["ALPACA_DATA_URL"].origin == "derived from ALPACA_BASE_URL"
    assert lines["ALPACA_DATA_URL"].value == "https://data.alpaca.markets"


@pytest.mark.spec("S2-26")
def test_the_example_is_a_valid_env_file_with_masked_keys(tmp_path: Path) -> None:
    example = (Path(__file__).parent.parent / ".env.example").read_text()
    (tmp_path / ".env").write_text(example)
    settings = load_settings({}, tmp_path)
    assert settings.uses_embedded_exchange
    uncommented = example.replace("#ALPACA_", "ALPACA_")
    (tmp_path / ".env").write_text(uncommented)
    assert load_settings({}, tmp_path).alpaca_api_key is not None
    assert "****" in uncommented


def test_every_setting_is_explained_in_the_documentation() -> None:
    page = (Path(__file__).parent.parent / "docs" / "settings.md").read_text()
    assert [name for name in setting_names(Settings) if f"`{name}`" not in page] == []


def test_the_documented_defaults_are_the_defaults(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "settings.md").read_text()
    rows = [
        [cell.strip() for cell in row.split("|")[1:4]] for row in page.splitlines() if row.startswith("| `")
    ]
    documented = {name.strip("`"): default.strip("`") for name, default, _ in rows}
    for line in load_settings({}, tmp_path).describe():
        assert documented[line.name].split(" ")[0] == line.value.split(" ")[0], line.name


def test_the_digest_names_what_decides_the_trading_and_neither_secrets_nor_places(tmp_path: Path) -> None:
    def digest(**environ: str) -> str:
        return load_settings(environ=environ, directory=tmp_path).digest

    plain = digest()
    assert re.fullmatch(r"[0-9a-f]{16}", plain)
    for same in (
        {"DATA_DIR": "elsewhere"},
        {"LOG_LEVEL": "DEBUG"},
        {"DATABASE_URL": "postgresql://u:p@h/d"},
        {"JWT_SECRET_KEY": "x" * 40},
    ):
        assert digest(**same) == plain, same
    for other in ({"RISK__DAILY_LOSS_LIMIT": "1999"}, {"STRATEGIES__MOMENTUM_TOP": "4"}):
        assert digest(**other) != plain, other
