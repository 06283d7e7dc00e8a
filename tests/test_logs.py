"""What the operator reads, and what nobody may read."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from the_alchemiser.logs import HIDDEN, Redaction, configure_logging, logger_for

SECRET = "kept/between us 0123456789"


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(out: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.mark.spec("S0-24")
def test_a_line_is_an_event_with_its_module_and_context() -> None:
    out = io.StringIO()
    configure_logging(log_format="json", stream=out)
    logger_for("execution", symbol="AAPL").info("order.filled", order_id="7", correlation_id="20210104")
    (line,) = lines(out)
    assert line.pop("timestamp")
    assert line == {
        "event": "order.filled",
        "level": "info",
        "module": "execution",
        "symbol": "AAPL",
        "order_id": "7",
        "correlation_id": "20210104",
    }


@pytest.mark.spec("S2-31")
def test_a_secret_is_hidden_wherever_it_turns_up() -> None:
    out = io.StringIO()
    configure_logging(log_format="json", secrets=[SECRET], stream=out)
    logger_for("broker").info(
        f"GET with {SECRET}", headers={"x": [SECRET]}, url="?key=kept%2Fbetween%20us%200123456789"
    )
    assert "0123456789" not in out.getvalue()
    assert out.getvalue().count(HIDDEN) == 3


@pytest.mark.parametrize("name", ["api_key", "APCA-API-SECRET-KEY", "Authorization", "jwt_token", "password"])
def test_a_value_is_hidden_when_its_name_says_so(name: str) -> None:
    out = io.StringIO()
    configure_logging(log_format="json", stream=out)
    logger_for("broker").info("request", headers={name: "never seen before"})
    assert "never seen before" not in out.getvalue()


@pytest.mark.spec("S4-30")
def test_a_stack_trace_is_logged_with_its_context_and_without_the_secret() -> None:
    out = io.StringIO()
    configure_logging(log_format="json", secrets=[SECRET], stream=out)
    try:
        raise ConnectionError(f"refused for {SECRET}")
    except ConnectionError:
        logger_for("broker").exception("request.failed", symbol="AAPL")
    (line,) = lines(out)
    assert "Traceback" in str(line["exception"])
    assert line["symbol"] == "AAPL"
    assert SECRET not in out.getvalue()


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_libraries_speak_through_the_same_door(log_format: str) -> None:
    out = io.StringIO()
    configure_logging(log_format=log_format, secrets=[SECRET], stream=out)
    logging.getLogger("alpaca").warning("sending %s", SECRET)
    assert f"sending {HIDDEN}" in out.getvalue()


def test_a_traceback_on_a_terminal_shows_no_local_variables() -> None:
    out = io.StringIO()
    configure_logging(log_format="text", secrets=[SECRET], stream=out)
    key_in_scope = "local-variable-value"
    try:
        raise ConnectionError("refused")
    except ConnectionError:
        logger_for("broker").exception("request.failed")
    assert "Traceback" in out.getvalue()
    assert key_in_scope not in out.getvalue()


@pytest.mark.spec("S4-31")
def test_lines_below_the_chosen_level_are_not_written() -> None:
    out = io.StringIO()
    configure_logging("WARNING", "json", stream=out)
    logger_for("engine").info("quiet")
    logging.getLogger("aiohttp").info("quiet")
    logger_for("engine").warning("loud")
    assert [line["event"] for line in lines(out)] == ["loud"]


def test_without_a_terminal_lines_are_json() -> None:
    out = io.StringIO()
    configure_logging(stream=out)
    logger_for("engine").info("started")
    assert lines(out)[0]["event"] == "started"


def test_one_secret_may_begin_another() -> None:
    assert Redaction(["abcd", "abcdefgh"]).text("abcdefgh abcd") == f"{HIDDEN} {HIDDEN}"


@given(
    before=st.text(max_size=20),
    after=st.text(max_size=20),
    nest=st.lists(st.sampled_from(["list", "dict", "tuple"]), max_size=8),
)
def test_no_structure_hides_a_secret(before: str, after: str, nest: list[str]) -> None:
    value: object = before + SECRET + after
    for kind in nest:
        value = {"dict": {"member": value}, "list": [value], "tuple": (value,)}[kind]
    assert SECRET not in repr(Redaction([SECRET])(None, "info", {"event": value}))
