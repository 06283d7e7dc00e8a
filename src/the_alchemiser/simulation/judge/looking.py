"""Does somebody look? What is open, lost or told in part is asked for in time: I-UNK, I-EXT, I-FILL.

The stream and the answers only make it faster: none of these may wait for them. Asked is enough, for the answer may be
lost; and a process that was dead, paused, without a store or another one before has its time anew.
"""

from __future__ import annotations

from the_alchemiser.simulation.judge.case import CHECKS, STEP, Case, Texts

RECORD = ("open_orders", "executions")
"""What a read of the whole record asks for first, and what follows only where that was answered."""


def _is_late(case: Case, site: str, since: int, allowed: int) -> bool:
    """Whether for too long, counted from `since`, nobody has asked at this site."""
    hearing = case.hearing
    if not hearing.asked_at:
        return False  # Nobody tells of reads in this world.
    return case.record.now - max(hearing.asked_at.get(site, 0), since, hearing.awake_from) > allowed


@CHECKS.on(STEP, "I-UNK")
def the_unknown_is_looked_for(case: Case) -> Texts:
    """I-UNK: an order without an answer is asked for by its name, soon and again and again."""
    for intent in case.story.live.values():
        if intent.status == "unknown" and _is_late(
            case, f"look_up {intent.name}", intent.lost_at, case.rules.looking
        ):
            yield f"{intent.name} is unknown and nobody asks for it"


@CHECKS.on(STEP, "I-UNK")
def what_was_given_up_is_watched(case: Case) -> Texts:
    """I-UNK: an order that was given up may turn up yet: it is asked for by its name for the rest of its day."""
    for intent in case.story.given_up.values():
        if _is_late(case, f"look_up {intent.name}", intent.given_up_at, case.rules.looking_again):
            yield f"{intent.name} was given up and nobody asks for it any more"


@CHECKS.on(STEP, "I-EXT")
def open_orders_are_polled(case: Case) -> Texts:
    """I-EXT: while an order is open, the list of open orders is asked for, whatever the stream says or does not say."""
    since = min((max(one.at, one.returned_at) for one in case.story.live.values()), default=None)
    if since is not None and _is_late(case, "open_orders", since, case.rules.looking):
        yield "orders are open and nobody asks for the list of them"


@CHECKS.on(STEP, "I-EXT")
def a_gap_is_read(case: Case) -> Texts:
    """I-EXT: after the stream was away, what it cannot have told is asked for."""
    restored = (
        case.hearing.restored_at if case.hearing.asked_at else 0
    )  # In some worlds nobody tells of reads.
    if restored and case.record.now - restored > case.rules.reading_a_gap:
        case.hearing.restored_at = 0
        asked = max(case.hearing.asked_at.get(site, 0) for site in RECORD)
        if asked < restored and case.hearing.awake_from < restored:
            yield "the stream was away and nobody asks what it missed"


@CHECKS.on(STEP, "I-FILL")
def what_is_missing_is_asked_for(case: Case) -> Texts:
    """I-FILL: shares that were reported as filled and are not booked are asked for."""
    for intent in case.story.live.values():
        since = intent.lacking_since
        if since and all(_is_late(case, site, since, case.rules.looking) for site in RECORD):
            yield f"{intent.name} lacks executions and nobody asks for them"
