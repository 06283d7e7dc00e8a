"""What a command's failures become, whoever raises them. Only the commands are made up; the frame is the real one."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from cli.command_line import SECRET

from the_alchemiser.cli.frame import ERROR_FILE, ERROR_FILE_BYTES_MAX, frame_of, run_framed
from the_alchemiser.domain.errors import (
    AlchemiserError,
    BrokerRefused,
    ConfigurationError,
    InvariantBroken,
    MarketDataMissing,
    SafetyRefusal,
    StoreUnavailable,
)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALPACA_SECRET_KEY", SECRET)


def failing(error: BaseException) -> typer.Typer:
    """A command line whose commands `fail` and `other` raise."""
    app = typer.Typer(add_completion=False)

    @app.command()
    def fail(
        context: typer.Context, data: Path | None = None, as_json: bool = typer.Option(False, "--json")
    ) -> None:
        frame_of(context, as_json).data_dir = data
        raise error

    app.command("other")(fail)
    return app


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AlchemiserError("it failed"), 1),
        (MarketDataMissing("it failed"), 1),
        (StoreUnavailable("it failed"), 1),
        (InvariantBroken("it failed"), 1),
        (ConfigurationError("it failed"), 2),
        (SafetyRefusal("it failed"), 3),
    ],
)
def test_each_kind_of_failure_has_its_exit_code_and_one_line(
    error: AlchemiserError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_framed(failing(error), ["fail"]) == code
    assert capsys.readouterr() == ("", "alchemiser: it failed\n")


def test_the_brokers_request_id_is_told_because_its_support_asks_for_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = BrokerRefused("no such asset", status=422, request_id="f00d")
    assert run_framed(failing(error), ["fail"]) == 1
    assert capsys.readouterr().err == "alchemiser: no such asset (request f00d)\n"


def test_several_faults_get_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    run_framed(failing(ConfigurationError("this is wrong\nthat is wrong")), ["fail"])
    assert capsys.readouterr().err == "alchemiser: this is wrong\nalchemiser: that is wrong\n"


def test_failures_of_parallel_tasks_are_told_one_by_one_and_the_gravest_gives_the_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    group = ExceptionGroup(
        "tasks", [StoreUnavailable("the disk is full"), SafetyRefusal("the stop is latched")]
    )
    assert run_framed(failing(group), ["fail"]) == 3
    assert capsys.readouterr().err == "alchemiser: the disk is full\nalchemiser: the stop is latched\n"


def test_a_failure_of_the_machine_names_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "report.html")
    assert run_framed(failing(error), ["fail"]) == 1
    assert capsys.readouterr().err == "alchemiser: report.html: the disk is full\n"


def test_what_nobody_foresaw_is_one_line_that_names_the_details_and_no_secret_is_in_either(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    error = ZeroDivisionError(f"with {SECRET}")
    assert run_framed(failing(error), ["fail", "--data", str(folder)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"alchemiser: unexpected ZeroDivisionError; the details are in {folder / ERROR_FILE}\n"
    details = (folder / ERROR_FILE).read_text()
    assert "Traceback" in details
    assert SECRET not in details


def test_the_file_of_details_does_not_grow_for_ever(tmp_path: Path) -> None:
    path = tmp_path / ERROR_FILE
    path.write_text("x" * (ERROR_FILE_BYTES_MAX + 1))
    run_framed(failing(ZeroDivisionError()), ["fail", "--data", str(tmp_path)])
    assert path.stat().st_size < 10_000


def test_where_the_details_cannot_be_written_the_line_says_what_is_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_framed(failing(ZeroDivisionError("by nought")), ["fail", "--data", "/dev/null"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(
        "alchemiser: unexpected ZeroDivisionError: by nought (the details could not be written: "
    )
    assert said.count("\n") == 1


def test_a_failure_with_json_is_one_document_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_framed(failing(ConfigurationError(f"bad {SECRET}")), ["fail", "--json"]) == 2
    assert json.loads(capsys.readouterr().out) == {
        "success": False,
        "error": {"code": "ConfigurationError", "message": "bad ********"},
    }


@pytest.mark.parametrize("make", [KeyboardInterrupt, typer.Abort])
def test_an_interruption_is_quiet(
    make: Callable[[], BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_framed(failing(make()), ["fail"]) == 130
    assert capsys.readouterr() == ("", "")
