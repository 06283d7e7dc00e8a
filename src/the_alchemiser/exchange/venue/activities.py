"""What happened to an account, in order: its executions, and everything else that changed its books.

Activities are sorted by the instant in their ids: a fill by its own, everything else by the start of its
New York day. Fees of crypto trades come up when that day is over, as on paper accounts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import TypeAlias

import msgspec

from the_alchemiser.exchange.market.sessions import NEW_YORK, new_york_date, new_york_midnight
from the_alchemiser.exchange.units import HOUR, NEVER, SECOND
from the_alchemiser.exchange.venue.account import Account, FillRecord, OtherActivity

FILL = "FILL"
TYPES = frozenset(
    "FILL TRANS MISC ACATC ACATS CFEE CGD CIL CSD CSW DIV DIVCGL DIVCGS DIVFEE DIVFT DIVNRA DIVROC DIVTW DIVTXEX"
    " FEE FOPT INT INTNRA INTTW JNL JNLC JNLS MA MEM NC OCT OPASN OPCA OPCSH OPEXC OPEXP OPTRD PTC PTR REO REORG SC"
    " SPIN SPLIT SSO SSP SWP VOF WH".split()
)
# In the hour that autumn repeats, a clock reading alone does not say which of the two instants is meant.
_CLOCK_CHANGE = 2 * HOUR
_CASH_TRANSFERS = frozenset({"CSD", "CSW"})


Activity: TypeAlias = FillRecord | OtherActivity


class ActivityFilter(msgspec.Struct, kw_only=True):
    """Which activities to list. `after` and `until` are exclusive bounds; `types` None means all of them."""

    types: frozenset[str] | None = None
    after: int | None = None
    until: int | None = None
    order_id: str | None = None
    newest_first: bool = True
    page_size: int = 100
    page_token: str = ""

    def takes(self, activity: Activity) -> bool:
        if isinstance(activity, FillRecord):
            return self.order_id in (None, activity.order_id) and (self.types is None or FILL in self.types)
        return self.order_id is None and (self.types is None or _is_among(activity.type, self.types))


def _is_among(kind: str, wanted: frozenset[str]) -> bool:
    if kind in wanted:
        return True
    if kind in _CASH_TRANSFERS:
        return "TRANS" in wanted
    if kind.startswith("DIV"):
        return "DIV" in wanted
    return "MISC" in wanted


def identity(activity: Activity) -> str:
    """The part of its id that is a UUID."""
    return activity.execution_id if isinstance(activity, FillRecord) else activity.id


def _sort_key(activity: Activity) -> tuple[int, bool]:
    return activity.at, isinstance(activity, FillRecord)


_instant = attrgetter("at")


def _narrowed(wanted: ActivityFilter) -> ActivityFilter:
    """The filter with a bound near the token, so that a page deep in a long list costs no more than the first."""
    prefix = wanted.page_token.partition("::")[0]
    try:
        moment = datetime.strptime(prefix[:14], "%Y%m%d%H%M%S").replace(tzinfo=NEW_YORK)
    except ValueError:
        raise LookupError(wanted.page_token) from None
    at = int(moment.timestamp()) * SECOND
    if wanted.newest_first:
        until = min(wanted.until or NEVER, at + _CLOCK_CHANGE)
        return msgspec.structs.replace(wanted, until=until)
    return msgspec.structs.replace(wanted, after=max(wanted.after or 0, at - _CLOCK_CHANGE))


def page(account: Account, wanted: ActivityFilter, now: int) -> list[Activity]:
    """One page of the activities that had come up by `now`. LookupError: no activity has the id of the token."""
    if wanted.page_token:
        wanted = _narrowed(wanted)
    fills = _between(account.fills, wanted)
    others = _between([other for other in account.others if other.seen_from <= now], wanted)
    if wanted.newest_first:
        found = merge(reversed(fills), reversed(others), key=_sort_key, reverse=True)
    else:
        found = merge(fills, others, key=_sort_key)
    chosen: Iterator[Activity] = filter(wanted.takes, _beyond(found, wanted.page_token))
    return list(islice(chosen, wanted.page_size))


def _between(activities: list, wanted: ActivityFilter) -> list:  # type: ignore[type-arg]
    first = 0 if wanted.after is None else bisect_right(activities, wanted.after, key=_instant)
    end = len(activities) if wanted.until is None else bisect_left(activities, wanted.until, key=_instant)
    return activities[first:end]


def _beyond(activities: Iterable[Activity], page_token: str) -> Iterator[Activity]:
    """What follows the activity named by the token."""
    found = iter(activities)
    if page_token:
        wanted = page_token.rpartition("::")[2]
        if not any(identity(activity) == wanted for activity in found):
            raise LookupError(page_token)
    return found


def crypto_fee(fill: FillRecord, identity: str) -> OtherActivity:
    """The row that tells of a fee which left with a trade."""
    day = new_york_date(fill.at)
    in_kind = bool(fill.fee_qty_e9)
    return OtherActivity(
        id=identity,
        type="CFEE",
        day=day,
        booked_at=fill.at,
        seen_from=new_york_midnight(day + timedelta(days=1)),
        symbol=fill.symbol.replace("/", ""),
        description=f"Coin Pair Transaction Fee ({'Non USD' if in_kind else 'USD'})",
        net_amount_e13=-fill.fee_e13,
        qty_e9=-fill.fee_qty_e9,
        price_e4=fill.price_e4,
    )
