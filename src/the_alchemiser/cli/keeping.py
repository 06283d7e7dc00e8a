"""The commands that keep the house: a check-up, the settings, the journal's proof, and its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .frame import DONE, FAILED, frame_of
from .options import DataFolder, Json

if TYPE_CHECKING:
    from the_alchemiser.store.chain import Tip

DIGEST_LENGTH = 64
"""SHA-256 in hexadecimal digits."""


def doctor(context: typer.Context, data: DataFolder = None, as_json: Json = False) -> int:
    """Check everything trading needs. Where something is missing it says what to do; no order is sent."""
    from the_alchemiser.doctor import examine

    from .tables import findings_table

    frame = frame_of(context, as_json, data)
    findings = examine(frame.settings(), frame.say)
    is_well = all(finding.level != "failure" for finding in findings)
    frame.answer({"ok": is_well, "checks": findings}, lambda: findings_table(findings))
    return DONE if is_well else FAILED


def config_show(context: typer.Context, data: DataFolder = None, as_json: Json = False) -> None:
    """Print every setting and where it came from. Secrets are masked."""
    from .tables import settings_table

    frame = frame_of(context, as_json, data)
    settings = frame.settings()
    lines = settings.describe()
    document = [{"name": line.name, "value": line.value, "from": line.origin} for line in lines]
    frame.answer({"settings": document, "notices": settings.notices}, lambda: settings_table(lines))
    for notice in settings.notices:
        frame.say(notice)


def audit_verify(
    context: typer.Context,
    anchor: Annotated[
        str,
        typer.Option(
            metavar="ENTRY:DIGEST", help="A digest noted earlier; by itself the one of AUDIT_ANCHOR."
        ),
    ] = "",
    data: DataFolder = None,
    as_json: Json = False,
) -> int:
    """Check the journal's hash chain. Every table for reading, and its end as it was noted, are compared with it."""
    from the_alchemiser.store.anchor import Anchor
    from the_alchemiser.store.reading import Reading

    from .tables import verification_line

    frame, tip = frame_of(context, as_json, data), _tip(anchor)
    settings = frame.settings()
    tip = tip or Anchor(settings.anchor_path).read()
    with Reading(settings.store_url) as reading:
        found = reading.verify(tip)
        place = reading.place
    document = {
        "sound": found.is_sound,
        "entries": found.entries,
        "digest": found.hash,
        "bad_entry": found.bad_seq,
        "reason": found.reason,
        "anchor": tip and {"entry": tip.seq, "digest": tip.hash},
        "path": place,
    }
    frame.answer(document, lambda: verification_line(found, place))
    if not found.is_sound:
        frame.say(f"alchemiser: {place}: {found.reason}; `alchemiser db rebuild` restores it")
    return DONE if found.is_sound else FAILED


def _tip(anchor: str) -> Tip | None:
    """The digest to look for. Raises ConfigurationError for other text."""
    from the_alchemiser.domain.errors import ConfigurationError
    from the_alchemiser.store.chain import Tip

    if not anchor:
        return None
    number, _, digest = anchor.partition(":")
    if not number.isdecimal() or len(digest) != DIGEST_LENGTH:
        raise ConfigurationError(
            f"--anchor: {anchor!r} is not ENTRY:DIGEST, as `alchemiser status --json` shows them"
        )
    return Tip(int(number), digest.lower())


def reconcile(
    context: typer.Context,
    adjust: Annotated[
        str, typer.Option(metavar="SYMBOL", help="Make the ledger follow the broker here; CASH means cash.")
    ] = "",
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why it is adjusted: kept in the journal.")
    ] = "",
    data: DataFolder = None,
    as_json: Json = False,
) -> int:
    """Compare the ledger with the broker. Shares by symbol, cash and open orders; nothing is written.

    With --adjust one difference is taken over into the ledger, as an entry that names you and the reason. The service
    must be stopped for it.
    """
    from the_alchemiser import comparison
    from the_alchemiser.domain.errors import ConfigurationError

    from .conclusion import say_differences
    from .tables import comparison_table

    frame = frame_of(context, as_json, data)
    if bool(adjust) != bool(reason.strip()):
        raise ConfigurationError("--adjust SYMBOL and --reason TEXT belong together")
    settings = frame.settings()
    if adjust:
        found = comparison.adjust(settings, frame.say, adjust, reason.strip())
    else:
        found = comparison.compare(settings, frame.say)
    frame.answer(found, lambda: comparison_table(found))
    say_differences(frame, found.differences)
    return DONE if found.reconciled else FAILED


def db_upgrade(context: typer.Context, data: DataFolder = None, as_json: Json = False) -> None:
    """Bring the database to this version. Nothing is lost, and nothing goes back."""
    from rich.text import Text

    from the_alchemiser.store.schema import upgrade

    frame = frame_of(context, as_json, data)
    settings = frame.settings()
    is_changed = upgrade(settings.store_url)
    text = (
        "The database was brought to this version."
        if is_changed
        else "The database is of this version already."
    )
    frame.answer({"changed": is_changed}, lambda: Text(text))


def db_rebuild(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what is wrong and what would be done; change nothing.")
    ] = False,
    data: DataFolder = None,
    as_json: Json = False,
) -> int:
    """Restore a damaged, cut or lost journal. From what is left of it, and from the broker's record.

    Where the journal is sound, only the tables for reading are made of it again. A damaged file is kept beside the
    new one.
    """
    from the_alchemiser.rebuild import rebuild

    from .conclusion import say_differences
    from .options import progress_bar
    from .tables import rebuilt_text

    frame = frame_of(context, as_json, data)
    settings = frame.settings()
    with progress_bar(0, "entries") as advance:
        done = rebuild(settings, frame.say, lambda count: advance(count, "checked", count), is_dry=dry_run)
    document = done.as_json() | {"changed": not dry_run}
    frame.answer(document, lambda: rebuilt_text(done, is_dry=dry_run))
    say_differences(frame, done.differences)
    return FAILED if done.differences else DONE


def register(app: typer.Typer) -> None:
    """Add these commands, each with an example in its help."""
    app.command(epilog="Example: alchemiser doctor --json")(doctor)
    app.command(epilog='Example: alchemiser reconcile --adjust AAPL --reason "bought by telephone"')(
        reconcile
    )
    for group, help_text, commands in (
        ("config", "See the settings.", (("show", config_show),)),
        ("audit", "Prove that the journal is what was written.", (("verify", audit_verify),)),
        ("db", "Keep the database.", (("upgrade", db_upgrade), ("rebuild", db_rebuild))),
    ):
        house = typer.Typer(no_args_is_help=True, epilog=f"Example: alchemiser {group} {commands[0][0]}")
        for name, command in commands:
            house.command(name, epilog=f"Example: alchemiser {group} {name}")(command)
        app.add_typer(house, name=group, help=help_text)
