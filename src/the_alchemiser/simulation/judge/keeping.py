"""Is the record whole, is everything bounded, was a person told? I-AUD, I-BND, I-ALRM."""

from __future__ import annotations

from the_alchemiser.simulation.judge.case import CHECKS, REST, STEP, Case, Texts
from the_alchemiser.simulation.judge.exact import SECOND

ALARM_SECONDS: dict[str, int] = {}
"""Faults that a person must be told of, and how soon; every other fault is one that the system lives with."""

ALERTS_LOOKED_AT = 100
"""So many of the newest alarms are searched for the one that tells of a fact."""


@CHECKS.on(REST, "I-AUD")
def the_journal_gives_back_what_was_written(case: Case) -> Texts:
    """I-AUD: the store's chain verifies and holds every durable fact, in order and unchanged."""
    if case.read_again is None:
        return
    again, told = case.read_again(), case.story.facts
    if len(again) != len(told):
        yield f"{len(told)} facts were durable, {len(again)} are in the journal"
    for number, (one, other) in enumerate(zip(again, told, strict=False)):
        if one != other:
            yield f"fact {number} was {other} and is {one}"
            return


@CHECKS.on(REST, "I-AUD")
def nothing_lives_outside_the_journal(case: Case) -> Texts:
    """I-AUD: an engine that is given the journal has the same in its memory as those that lived through it."""
    if case.started_anew is None:
        return
    anew = case.started_anew()
    for machine, glance in case.glances.items():
        if (glance.cash_e13, glance.positions_e9, glance.orders) != (
            anew.cash_e13,
            anew.positions_e9,
            anew.orders,
        ):
            yield f"{machine} remembers {glance}, the journal makes {anew}"


@CHECKS.on(STEP, "I-BND")
def everything_has_a_bound(case: Case) -> Texts:
    """I-BND: no queue, set or table of an engine is longer than declared."""
    for machine, glance in case.glances.items():
        for what, size in glance.sizes.items():
            if size > case.rules.bounds[what]:
                yield f"{machine}: {size} {what}, at most {case.rules.bounds[what]} are allowed"


@CHECKS.on(STEP, "I-ALRM")
def what_a_person_must_know_is_told(case: Case) -> Texts:
    """I-ALRM: what is lost, given up, refused, frozen, corrected or done by others is told with the same facts."""
    story = case.story
    alarming, story.alarming = story.alarming, []
    for at, what in alarming:
        if not any(alarm.at == at for alarm in reversed(story.alerts[-ALERTS_LOOKED_AT:])):
            yield f"{what}, and nobody was told"


@CHECKS.on(REST, "I-ALRM")
def a_person_was_told(case: Case) -> Texts:
    """I-ALRM: each fault of alarm class was followed by an alarm in its time; where nothing struck there is none."""
    alarms = [fact for fact in case.story.alerts if fact.level in ("error", "critical", "warning")]
    if not case.hearing.struck:
        for alarm in alarms:
            yield f"nothing was wrong, and yet: {alarm.text}"
    for at, fault in case.hearing.struck:
        limit = ALARM_SECONDS.get(fault)
        if limit is not None and not any(at <= alarm.at <= at + limit * SECOND for alarm in alarms):
            yield f"{fault} at {at} and no alarm within {limit} s"
