"""Why do ledger and broker disagree? What the broker tells beside trades may explain it; all else is named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

import msgspec

from the_alchemiser.domain.market import Symbol
from the_alchemiser.domain.money import CENT, ZERO, Dollars, Shares, plain
from the_alchemiser.domain.orders import ClientOrderId, Execution, Fill
from the_alchemiser.domain.portfolio import Activity, ActivityKind
from the_alchemiser.pipeline.ledger import Difference

CANDIDATES_MAX = 10
"""So many activities are tried in every combination; of more only all, each alone and the newest ones."""
NAMED_MAX = 5
"""So many entries are named in one alert."""


class Explanation(msgspec.Struct, frozen=True):
    """An activity that belongs in the ledger; `former` is the old symbol where it is a rename."""

    activity: Activity
    former: Symbol = ""


def explain(differences: Sequence[Difference], candidates: Sequence[Activity]) -> tuple[Explanation, ...]:
    """The activities which, booked together, make cash and every symbol they touch agree; empty where none do."""
    cash = sum((one.cash for one in differences), ZERO)
    shares: dict[Symbol, Shares] = {}
    for one in differences:
        if one.shares:
            shares[one.symbol] = shares.get(one.symbol, ZERO) + one.shares
    for chosen in _choices(candidates):
        found = _fitting(chosen, cash, dict(shares))
        if found:
            return found
    return ()


def _choices(candidates: Sequence[Activity]) -> Iterator[Sequence[Activity]]:
    """The largest first: what the broker says happened is rather booked than left out."""
    if len(candidates) <= CANDIDATES_MAX:
        for size in range(len(candidates), 0, -1):
            yield from combinations(candidates, size)
        return
    for start in range(len(candidates)):
        yield candidates[start:]
    for one in candidates:
        yield (one,)


def _fitting(
    chosen: Sequence[Activity], cash: Dollars, shares: dict[Symbol, Shares]
) -> tuple[Explanation, ...]:
    if abs(sum((one.cash for one in chosen), ZERO) - cash) >= CENT:
        return ()
    found, touched = [], set()
    for one in chosen:
        former = ""
        if one.kind is ActivityKind.RENAME:
            former = next((old for old, missing in shares.items() if missing == -one.shares), "")
            if not former:
                return ()
            shares[former] += one.shares
        if one.shares:
            touched.add(one.symbol)
            shares[one.symbol] = shares.get(one.symbol, ZERO) - one.shares
        found.append(Explanation(one, former))
    return () if any(shares[symbol] for symbol in touched) else tuple(found)


class Evidence(msgspec.Struct, frozen=True):
    """What was looked through for a cause."""

    fills: Sequence[Fill]
    """Booked since ledger and broker last agreed."""
    executions: Sequence[tuple[ClientOrderId, Execution]]
    """Told by the broker in that time, under the names the ledger gives them."""
    activities: Sequence[Activity] | None
    """Not yet in the ledger; None where they were not read."""


def suspects(difference: Difference, evidence: Evidence) -> str:
    """The sentence of an alert: what was searched, and every entry that could be behind the difference."""
    searched = "searched orders, fills"
    if evidence.activities is not None:
        searched += ", transfers, dividends, interest, fees, splits and renames"
    named = [*_of_fills(difference, evidence), *_of_activities(difference, evidence.activities or ())]
    if not named:
        return f"{searched}: nothing explains it"
    more = f" and {len(named) - NAMED_MAX} more" if len(named) > NAMED_MAX else ""
    return f"{searched}: {'; '.join(named[:NAMED_MAX])}{more}"


def _of_fills(difference: Difference, evidence: Evidence) -> Iterable[str]:
    booked = {(fill.client_order_id, fill.cum_before): fill for fill in evidence.fills}
    told = {(name, one.cum_before): one for name, one in evidence.executions}
    for key, execution in told.items():
        fill = booked.get(key)
        if _concerns(difference, execution.symbol):
            if fill is None:
                yield f"{_interval(*key)} is at the broker and not booked since they agreed"
            elif (fill.price, fill.cum_after) != (execution.price, execution.cum_after):
                yield f"{_interval(*key)} is booked at {plain(fill.price)}, the broker says {plain(execution.price)}"
    for key, fill in booked.items():
        if key not in told and _concerns(difference, fill.symbol):
            yield f"{_interval(*key)} is booked, the broker does not tell of it"


def _of_activities(difference: Difference, activities: Sequence[Activity]) -> Iterable[str]:
    for one in activities:
        if _concerns(difference, one.symbol) or (one.cash and not difference.symbol):
            what = f"{plain(one.shares)} {one.symbol}" if one.shares else f"${plain(one.cash)}"
            yield f"{one.name} of {one.date} ({what}) does not account for it"


def _concerns(difference: Difference, symbol: Symbol) -> bool:
    return not difference.symbol or difference.symbol == symbol


def _interval(name: ClientOrderId, cum_before: Shares) -> str:
    return f"the fill of {name} from {plain(cum_before)}"
