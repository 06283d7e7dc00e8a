"""Who decides: which rule strikes which request, message or instant, and what has been done so far.

A decision is a pure function of the seed, the rule, the account, the number of the match and the exchange's
time. The wall clock has no part in it: the same schedule over the same requests and messages does the same.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from the_alchemiser.exchange.faults.draws import fraction
from the_alchemiser.exchange.faults.happenings import Happening
from the_alchemiser.exchange.faults.messages import Cut
from the_alchemiser.exchange.faults.rules import Rule, Seconds, window
from the_alchemiser.exchange.faults.schedule import RULES_LIMIT, InvalidSchedule, Schedule
from the_alchemiser.exchange.timestamps import rfc3339
from the_alchemiser.exchange.units import NEVER

LOG_LIMIT = 20_000

Details = dict[str, str | float]


class Strike(msgspec.Struct, frozen=True):
    """One decision that a rule strikes: its rule, the account, and the number of the match."""

    active: ActiveRule
    account: str
    ordinal: int
    at: int

    @property
    def rule(self) -> Rule:
        return self.active.rule

    def fraction(self, what: str) -> float:
        """A number in [0, 1) for one detail of this fault."""
        return fraction(*self.parts(what))

    def parts(self, what: str) -> tuple[object, ...]:
        """What any further draw of this fault depends on."""
        return (self.active.seed, self.rule.name, self.account, self.ordinal, what)

    def seconds(self, seconds: Seconds, what: str = "seconds") -> float:
        """The length of time, drawn between its bounds where it has two."""
        if not isinstance(seconds, tuple):
            return seconds
        low, high = seconds
        return round(low + (high - low) * self.fraction(what), 6)


class Injection(msgspec.Struct, frozen=True):
    """One fault that was done. `at` is exchange time (ns UTC)."""

    number: int
    at: int
    rule_id: str
    fault: str
    account: str
    ordinal: int
    where: str
    details: Details
    rule: str
    """The rule's name."""


@dataclass(slots=True, eq=False)
class ActiveRule:
    """A rule in force, and what it has matched and done so far, by account."""

    id: str
    rule: Rule
    seed: int
    after: int
    until: int
    instant: int | None
    """When it strikes, for what happens by itself at an instant."""
    matched: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    memory: dict[Any, Any] = field(default_factory=dict)
    """What a kind of fault has to remember from one match to the next; goes with the rule."""

    def match(self, account: str, at: int) -> Strike | None:
        """Counts one request or message that the rule is about; says whether it strikes."""
        rule = self.rule
        if rule.account not in ("", account) or not self.after <= at < self.until:
            return None
        self.matched[account] += 1
        ordinal = self.matched[account]
        if not self._strikes(account, ordinal):
            return None
        self.struck[account] += 1
        return Strike(self, account, ordinal, at)

    def _strikes(self, account: str, ordinal: int) -> bool:
        rule = self.rule
        first = 1 if rule.at is not None else rule.first
        if first is not None and ordinal > first:
            return False
        if rule.every is not None and ordinal % rule.every:
            return False
        if rule.ordinals is not None and ordinal not in rule.ordinals:
            return False
        if rule.most is not None and self.struck[account] >= rule.most:
            return False
        chance = rule.probability
        return chance is None or fraction(self.seed, rule.name, account, ordinal, "strikes") < chance


class FaultDirector:
    """All rules in force and the log of what they did. Empty, it costs one look at an empty tuple."""

    def __init__(self) -> None:
        self.rules: tuple[ActiveRule, ...] = ()
        self._by_kind: dict[type, tuple[ActiveRule, ...]] = {}
        self._log: deque[Injection] = deque(maxlen=LOG_LIMIT)
        self._counts: Counter[tuple[str, str]] = Counter()
        self._done: dict[tuple[str, str], ActiveRule] = {}
        self._given = 0
        self.injected = 0
        self.seed = 0
        self.when_added: Callable[[ActiveRule], object] = bool
        """Told of each rule put in force: what strikes by itself has to be waited for."""

    def adopt(self, schedule: Schedule, now: int) -> list[ActiveRule]:
        """Puts the rules of a schedule in force beside those that are. Raises InvalidSchedule."""
        if len(self.rules) + len(schedule.rules) > RULES_LIMIT:
            raise InvalidSchedule(f"there can be {RULES_LIMIT} rules")
        self.seed = schedule.seed
        return [self.add(rule, now) for rule in schedule.rules]

    def add(self, rule: Rule, now: int) -> ActiveRule:
        """Puts a rule in force from `now` on. Raises InvalidSchedule when there are too many."""
        if len(self.rules) >= RULES_LIMIT:
            raise InvalidSchedule(f"there are {RULES_LIMIT} rules already")
        self._given += 1
        if not rule.name:
            rule = msgspec.structs.replace(rule, name=f"rule {self._given}")
        after, until = window(rule, now)
        instant = after if by_itself(rule) else None
        seed = self.seed if rule.seed is None else rule.seed
        active = ActiveRule(f"f{self._given}", rule, seed, after, until, instant)
        self._set((*self.rules, active))
        self.when_added(active)
        return active

    def remove(self, rule_id: str) -> ActiveRule | None:
        """Ends a rule; returns it, or None when there is no such rule."""
        gone = next((active for active in self.rules if active.id == rule_id), None)
        self._set(tuple(active for active in self.rules if active is not gone))
        return gone

    def clear(self) -> None:
        """Ends all rules; the log stays."""
        self._set(())

    def _set(self, rules: tuple[ActiveRule, ...]) -> None:
        self.rules = rules
        self._by_kind = {}

    def of(self, family: type) -> tuple[ActiveRule, ...]:
        """The rules of one family of faults, in the order given."""
        if not self.rules:
            return ()
        found = self._by_kind.get(family)
        if found is None:
            found = tuple(active for active in self.rules if isinstance(active.rule, family))
            self._by_kind[family] = found
        return found

    # -- what was done ----------------------------------------------------------------------------

    def record(self, strike: Strike, where: str, **details: str | float) -> None:
        """Writes down a fault that is done now."""
        self.injected += 1
        active = strike.active
        self._done[active.id, strike.account] = active
        self._counts[active.id, strike.rule.kind] += 1
        entry = (self.injected, strike.at, active.id, strike.rule.kind, strike.account, strike.ordinal)
        self._log.append(Injection(*entry, where, details, strike.rule.name))

    @property
    def forgotten(self) -> int:
        """How many faults the log no longer holds."""
        return self.injected - len(self._log)

    def log(self, after: int = 0) -> Iterator[Injection]:
        """The faults done, oldest first, from the number after `after` on."""
        return (entry for entry in self._log if entry.number > after)

    def counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """How many faults were done, by kind and by rule."""
        kinds: Counter[str] = Counter()
        rules: Counter[str] = Counter()
        for (rule_id, kind), count in self._counts.items():
            kinds[kind] += count
            rules[rule_id] += count
        return dict(sorted(kinds.items())), dict(sorted(rules.items()))

    def as_done(self) -> Schedule:
        """A schedule of exactly the faults that were done: each rule with the numbers it struck at.

        Raises InvalidSchedule when the log no longer holds them all.
        """
        if self.forgotten:
            raise InvalidSchedule(f"the log no longer holds the first {self.forgotten} faults")
        ordinals: dict[tuple[str, str], list[int]] = {key: [] for key in self._done}
        for entry in self._log:
            ordinals[entry.rule_id, entry.account].append(entry.ordinal)
        chosen = sorted(self._done.items(), key=lambda item: (int(item[0][0][1:]), item[0][1]))
        return Schedule(
            self.seed,
            tuple(_at_ordinals(active, key[1], tuple(ordinals[key])) for key, active in chosen),
        )


def by_itself(rule: Rule) -> bool:
    """Whether the rule strikes at an instant, without any request or message."""
    return isinstance(rule, Happening) or (isinstance(rule, Cut) and rule.at is not None)


def _at_ordinals(active: ActiveRule, account: str, ordinals: tuple[int, ...]) -> Rule:
    given: dict[str, Any] = {
        "account": account,
        "seed": active.seed,
        "probability": None,
        "every": None,
        "first": None,
        "most": None,
        "at": None,
        "ordinals": tuple(sorted(set(ordinals))),
        "after": rfc3339(active.after) if active.after else None,
        "until": None if active.until == NEVER else rfc3339(active.until),
    }
    if active.instant is not None:
        given |= {"at": rfc3339(active.instant), "ordinals": None, "after": None}
    return msgspec.structs.replace(active.rule, **given)
