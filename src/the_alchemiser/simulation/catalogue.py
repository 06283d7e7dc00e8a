"""Which misfortunes there are, where each can strike, how often in an ordinary bad day, and how much of it.

A site is a place where the world asks whether something goes wrong now: every call of the link, every message, every
commit. At timed sites things go wrong by themselves, at an instant.
"""

from __future__ import annotations

import msgspec

from the_alchemiser.simulation.schedule import Fault

SECONDS_NONE = (0.0, 0.0)


class Kind(msgspec.Struct, frozen=True):
    """One way in which a site goes wrong."""

    name: str
    weight: float = 1.0
    """How often beside the site's other kinds."""
    amount: tuple[float, float] = SECONDS_NONE


class Site(msgspec.Struct, frozen=True):
    """`rate` is how likely a call meets a fault of a kind that is armed; at a timed site, how many there are a day."""

    name: str
    rate: float
    kinds: tuple[Kind, ...]


_LATE = (1.0, 90.0)
_SLOW = (0.5, 20.0)

_NO_ANSWER = (
    Kind("answer_lost"),
    Kind("answer_late", amount=_SLOW),
    Kind("answer_damaged"),
    Kind("busy"),
    Kind("unavailable_before"),
)
_CHANGING = (
    *_NO_ANSWER,
    Kind("request_lost"),
    Kind("request_late", amount=(1.0, 240.0)),
    Kind("request_doubled"),
    Kind("answer_of_another"),
    Kind("unavailable_after"),
    Kind("unauthorized"),
)
_READING = (*_NO_ANSWER, Kind("unauthorized", 0.5), Kind("stale"))
_LISTING = (*_READING, Kind("empty", 0.7), Kind("torn", 0.7))
_ONCE = tuple(kind for kind in _LISTING if kind.name != "stale")
"""What is asked for once a day has no earlier answer."""

CALLS = (
    Site("submit", 0.48, _CHANGING),
    Site(
        "cancel",
        0.75,
        (
            *(kind for kind in _CHANGING if kind.name not in ("answer_of_another", "unauthorized")),
            Kind("unauthorized", 2.0),
        ),
    ),
    Site("look_up", 0.15, (*_READING, Kind("empty", 0.5), Kind("answer_of_another", 0.5))),
    Site("open_orders", 0.02, _LISTING),
    Site("orders_since", 0.15, _LISTING),
    Site("account", 0.02, _READING),
    Site("positions", 0.02, _LISTING),
    Site("executions", 0.02, _LISTING),
    Site("activities", 0.6, _LISTING),
    Site("sessions", 0.20, _READING),
    Site("histories", 0.45, _ONCE),
    Site("quotes", 0.30, _LISTING),
    Site("assets", 0.45, _ONCE),
)
"""Conversations with the broker, by what is asked."""

MESSAGES = (
    Site(
        "message",
        0.15,
        (
            Kind("lost"),
            Kind("doubled"),
            Kind("late", amount=_LATE),
            Kind("reordered", amount=(0.05, 2.0)),
            Kind("poisoned"),
        ),
    ),
)
"""Each order event on its way to one listener."""

_DEATH = (
    Kind("kill", amount=(0.0, 90.0)),
    Kind("power_cut", amount=(5.0, 300.0)),
    Kind("pause", 0.5, amount=(1.0, 90.0)),
    Kind("terminate", 0.5, amount=(0.0, 30.0)),
)
VENUE = (
    Site(
        "venue_submit",
        0.15,
        (
            Kind("rejected_later", amount=(0.0, 30.0)),
            Kind("filled_anyway", amount=(0.0, 60.0)),
            Kind("canceled_by_hand", amount=(0.0, 60.0)),
        ),
    ),
    Site(
        "venue_cancel",
        0.3,
        (
            Kind("delayed", amount=(0.1, 300.0)),
            Kind("stuck", 0.5, amount=(600.0, 36_000.0)),
            Kind("refused_later", amount=(0.1, 10.0)),
        ),
    ),
)
"""What the venue makes of a request it accepted."""

MOMENTS = (
    Site("decided", 0.02, _DEATH),
    Site("committed", 0.02, _DEATH),
    Site("intended", 0.15, _DEATH),
    Site("sent", 0.02, _DEATH),
    Site("answered", 0.01, _DEATH),
)
"""Points of a process's turn: facts decided but not durable; durable but nothing sent, an order or a cancel among
them; sent; answered."""

STORE = (
    Site(
        "append",
        0.02,
        (Kind("fails_before"), Kind("fails_after"), Kind("locked", amount=(0.1, 30.0))),
    ),
)

TIMED = (
    Site(
        "process",
        2.5,
        (
            Kind("kill", amount=(0.0, 90.0)),
            Kind("power_cut", amount=(5.0, 300.0)),
            Kind("pause", amount=(1.0, 600.0)),
            Kind("terminate", amount=(0.0, 60.0)),
            Kind("second", amount=(30.0, 600.0)),
            Kind("ahead", 0.5, amount=(0.1, 30.0)),
            Kind("behind", 0.5, amount=(0.1, 30.0)),
        ),
    ),
    Site(
        "venue",
        3.0,
        (
            Kind("halt", amount=(30.0, 600.0)),
            Kind("manual_buy"),
            Kind("manual_sell"),
            Kind("manual_limit"),
            Kind("deposit"),
            Kind("withdrawal"),
        ),
    ),
    Site("operator", 0.7, (Kind("ask_cycle"),)),
    Site("store", 1.0, (Kind("unwritable", amount=(1.0, 90.0)), Kind("slow", amount=(5.0, 300.0)))),
    Site(
        "stream",
        4.0,
        (
            Kind("cut", amount=(0.5, 30.0)),
            Kind("mute", amount=(5.0, 300.0)),
            Kind("half_open", amount=(1.0, 20.0)),
        ),
    ),
    Site("clog", 4.0, (Kind("clogged", amount=(5.0, 240.0)), Kind("swizzled", 0.3, amount=(10.0, 120.0)))),
    # The books of the broker: money that came is told of only later.
    Site("books", 0.8, (Kind("unlisted_deposit", amount=(60.0, 1800.0)),)),
)
"""What happens by itself, so many times a day."""

DETOURS = (
    Site("opening", 0.5, (Kind("empty"),)),
    Site("detour", 0.1, (Kind("request_detained", amount=(140.0, 300.0)),)),
)
"""The first list of holdings there ever is; and orders on a way that holds up one with all its repeats."""

WIRES = (
    Site("net:connect", 0.08, (Kind("refused"), Kind("hang"), Kind("slow", amount=(0.1, 20.0)))),
    Site(
        "net:request",
        0.02,
        (Kind("lost"), Kind("late", amount=_LATE), Kind("reset"), Kind("cut", amount=(0.0, 1.0))),
    ),
    Site(
        "net:answer",
        0.02,
        (
            Kind("lost"),
            Kind("late", amount=_SLOW),
            Kind("reset"),
            Kind("cut", amount=(0.0, 1.0)),
            Kind("drip"),
        ),
    ),
    Site("net:say", 0.002, (Kind("lost"), Kind("reset"), Kind("late", amount=_SLOW))),
    Site(
        "net:stream",
        0.002,
        (
            Kind("lost"),
            Kind("dead"),
            Kind("reset"),
            Kind("cut", amount=(0.0, 1.0)),
            Kind("late", amount=_SLOW),
        ),
    ),
)
"""Bytes on their way between an adapter and an exchange's server: only worlds of the shell have any."""

COUNTED = (*CALLS, *MESSAGES, *VENUE, *MOMENTS, *STORE)
CLOGGABLE = tuple(site.name for site in CALLS)


def kinds_by_site() -> dict[str, tuple[str, ...]]:
    """Every kind of fault at every site: what a gate must have seen."""
    return {site.name: tuple(kind.name for kind in site.kinds) for site in (*COUNTED, *DETOURS, *TIMED)}


def described(fault: Fault) -> str:
    """A fault in a line: `submit, call 3: answer_lost`."""
    timed = {site.name for site in TIMED}
    when = f"second {fault.number}" if fault.site in timed else f"call {fault.number}"
    much = f" ({fault.amount:g} s)" if fault.amount else ""
    about = f" {fault.about}" if fault.about else ""
    return f"{fault.site}, {when}: {fault.kind}{about}{much}"
