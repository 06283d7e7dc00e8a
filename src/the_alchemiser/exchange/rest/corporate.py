"""The corporate actions of the market's script: /v1/corporate-actions, and the older announcements of the trading API.

Announced actions are told before they happen, as they are by issuers.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple, TypeAlias

from aiohttp import web

from the_alchemiser.exchange.errors import bad_parameter, not_found
from the_alchemiser.exchange.ids import derived_uuid
from the_alchemiser.exchange.market.script import Dividend, MarketScript, NameChange, Split
from the_alchemiser.exchange.market.sessions import new_york_date
from the_alchemiser.exchange.rest.door import FLOOR, json_answer, query_words
from the_alchemiser.exchange.rest.paging import bad_query, choice, only_known, page_limit
from the_alchemiser.exchange.rows import Row
from the_alchemiser.exchange.timestamps import parse_day
from the_alchemiser.exchange.units import MONEY, format_money

ACTIONS_PER_PAGE, ACTIONS_PER_PAGE_LIMIT = 100, 1000
ANNOUNCED_DAYS_LIMIT = 90
# In the plural they are the keys of an answer.
KINDS = (
    *("forward_split", "reverse_split", "unit_split", "cash_dividend", "stock_dividend", "spin_off"),
    *("cash_merger", "stock_merger", "stock_and_cash_merger", "redemption", "name_change"),
    *("worthless_removal", "rights_distribution", "partial_call", "reorganization"),
    "capital_gains_distribution",
)
ANNOUNCED = ("dividend", "merger", "spinoff", "split")
_FILTERS = frozenset({"symbols", "cusips", "types", "start", "end", "region", "data_quality"})
_KNOWN = _FILTERS | {"ids", "limit", "page_token", "sort"}
NO_CUSIP = ""  # the exchange has no licence for these numbers

Announced: TypeAlias = Split | Dividend


class Action(NamedTuple):
    """A corporate action as data: its kind, the day it is processed, its symbols and its row."""

    kind: str
    day: date
    symbols: frozenset[str]
    row: Row

    @property
    def key(self) -> tuple[date, str]:
        return self.day, str(self.row["id"])


def actions(script: MarketScript) -> list[Action]:
    """Every corporate action of a script, by the day it is processed."""
    found = [
        *map(_split, script.splits),
        *map(_dividend, script.dividends),
        *map(_renaming, script.name_changes),
    ]
    return sorted(found, key=lambda action: action.key)


def _split(split: Split) -> Action:
    forward = split.new_rate > split.old_rate
    day = split.ex_date.isoformat()
    cusips = {"cusip": NO_CUSIP} if forward else {"old_cusip": NO_CUSIP, "new_cusip": NO_CUSIP}
    row = {
        "id": split.id,
        "symbol": split.symbol,
        **cusips,
        "old_rate": split.old_rate,
        "new_rate": split.new_rate,
        **dict.fromkeys(("process_date", "ex_date", "record_date", "payable_date"), day),
    }
    kind = "forward_split" if forward else "reverse_split"
    return Action(kind, split.ex_date, frozenset({split.symbol}), row)


def _dividend(dividend: Dividend) -> Action:
    row = {
        "id": dividend.id,
        "symbol": dividend.symbol,
        "cusip": NO_CUSIP,
        "rate": dividend.cash_e13 / MONEY,
        "special": False,
        "foreign": False,
        "process_date": dividend.payable_date.isoformat(),
        "ex_date": dividend.ex_date.isoformat(),
        "record_date": dividend.record_date.isoformat(),
        "payable_date": dividend.payable_date.isoformat(),
    }
    return Action("cash_dividend", dividend.payable_date, frozenset({dividend.symbol}), row)


def _renaming(change: NameChange) -> Action:
    row = {
        "id": change.id,
        "old_symbol": change.symbol,
        "old_cusip": NO_CUSIP,
        "new_symbol": change.new_symbol,
        "new_cusip": NO_CUSIP,
        "process_date": change.date.isoformat(),
    }
    return Action("name_change", change.date, frozenset({change.symbol, change.new_symbol}), row)


def _day(request: web.Request, name: str, default: date) -> date:
    text = request.query.get(name, "")
    try:
        return parse_day(text) if text else default
    except ValueError:
        raise bad_query(f"invalid {name}: {text[:32]}") from None


def _chosen(request: web.Request) -> Iterator[Action]:
    """The actions that the filters leave, by day. Raises Refusal."""
    script, today = request.app[FLOOR].market.script, new_york_date(request.app[FLOOR].now)
    ids = query_words(request, "ids")
    if ids is not None:
        if any(request.query.get(name) for name in _FILTERS):
            raise bad_query("ids is mutually exclusive with all other filters")
        yield from (action for action in actions(script) if str(action.row["id"]).upper() in ids)
        return
    first = _day(request, "start", today)
    last = _day(request, "end", max(first, today) if not request.query.get("end") else today)
    if last < first:
        raise bad_query("end should not be before start")
    kinds = {word.lower() for word in query_words(request, "types") or KINDS}
    for kind in kinds - set(KINDS):
        raise bad_query(f"invalid type: {kind[:32]}")
    choice(request, "data_quality", ("complete", "all"), "complete")
    symbols = query_words(request, "symbols")
    # All actions are of the United States, and none has a number of that system.
    if choice(request, "region", ("us", "non_us", "all"), "us") == "non_us" or query_words(request, "cusips"):
        return
    for action in actions(script):
        within = first <= action.day <= last and action.kind in kinds
        if within and (symbols is None or action.symbols & symbols):
            yield action


async def corporate_actions(request: web.Request) -> web.Response:
    """GET /v1/corporate-actions: by kind, in the order of the days on which they are processed."""
    only_known(request, _KNOWN)
    limit = page_limit(request, ACTIONS_PER_PAGE, ACTIONS_PER_PAGE_LIMIT)
    ascending = choice(request, "sort", ("asc", "desc"), "asc") == "asc"
    told, found = _told(request), list(_chosen(request))
    found = found if ascending else found[::-1]
    if told is not None:
        found = [one for one in found if (one.key > told if ascending else one.key < told)]
    rows: dict[str, list[Row]] = {f"{kind}s": [] for kind in KINDS}
    for action in found[:limit]:
        rows[f"{action.kind}s"].append(action.row)
    token = _token(found[limit - 1]) if len(found) > limit else None
    return json_answer({"corporate_actions": rows, "next_page_token": token})


def _token(action: Action) -> str:
    return base64.b64encode(f"{action.day}|{action.row['id']}".encode(), altchars=b"-_").decode()


def _told(request: web.Request) -> tuple[date, str] | None:
    """The last action of the page before. Raises Refusal."""
    token = request.query.get("page_token", "")
    if not token:
        return None
    try:
        day, _, action_id = base64.b64decode(token, altchars=b"-_").decode().partition("|")
        return date.fromisoformat(day), action_id
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise bad_query("invalid page_token") from None


def announcement_row(entry: Announced) -> Row:
    """An announcement of the older kind; it is declared on its ex-date, for scripts tell no earlier day."""
    if isinstance(entry, Split):
        kind = "stock_split" if entry.new_rate > entry.old_rate else "reverse_split"
        terms = {"ca_type": "split", "ca_sub_type": kind, "cash": "0"}
        rates, record, payable = (entry.old_rate, entry.new_rate), entry.ex_date, entry.ex_date
    else:
        terms = {"ca_type": "dividend", "ca_sub_type": "cash", "cash": format_money(entry.cash_e13)}
        rates, record, payable = (1, 1), entry.record_date, entry.payable_date
    return {
        "id": entry.id,
        "corporate_action_id": derived_uuid("corporate action", entry.id),
        **terms,
        "initiating_symbol": entry.symbol,
        "initiating_original_cusip": NO_CUSIP,
        "target_symbol": entry.symbol,
        "target_original_cusip": NO_CUSIP,
        "declaration_date": entry.ex_date.isoformat(),
        "ex_date": entry.ex_date.isoformat(),
        "record_date": record.isoformat(),
        "payable_date": payable.isoformat(),
        "old_rate": str(rates[0]),
        "new_rate": str(rates[1]),
    }


def _announced(script: MarketScript) -> tuple[Announced, ...]:
    return (*script.dividends, *script.splits)


def _required_day(request: web.Request, name: str) -> date:
    text = request.query.get(name, "")
    if not text:
        raise bad_parameter("invalid param: both since & until required")
    try:
        return parse_day(text)
    except ValueError:
        raise bad_parameter(f"invalid {name}: not a date") from None


async def announcements(request: web.Request) -> web.Response:
    """GET /v2/corporate_actions/announcements: dividends and splits within at most 90 days."""
    types = {word.lower() for word in query_words(request, "ca_types") or ()}
    if not types:
        raise bad_parameter("ca_types is required")
    for unknown in types - set(ANNOUNCED):
        raise bad_parameter(f"invalid ca_types: {unknown[:32]}")
    since, until = _required_day(request, "since"), _required_day(request, "until")
    if until < since or until - since > timedelta(days=ANNOUNCED_DAYS_LIMIT):
        raise bad_parameter(f"the date range must be from 0 to {ANNOUNCED_DAYS_LIMIT} days")
    kind = request.query.get("date_type", "") or "ex_date"
    if kind not in ("declaration_date", "ex_date", "record_date", "payable_date"):
        raise bad_parameter(f"invalid date_type: {kind[:32]}")
    script, symbol = request.app[FLOOR].market.script, request.query.get("symbol", "").upper()
    rows = [announcement_row(entry) for entry in _announced(script)]
    return json_answer(
        [
            row
            for row in sorted(rows, key=lambda row: (row[kind], row["id"]))
            if row["ca_type"] in types
            and since.isoformat() <= row[kind] <= until.isoformat()
            and symbol in ("", row["initiating_symbol"])
            and not request.query.get("cusip")
        ]
    )


async def announcement(request: web.Request) -> web.Response:
    """GET /v2/corporate_actions/announcements/{id}."""
    script, wanted = request.app[FLOOR].market.script, request.match_info["id"].lower()
    for entry in _announced(script):
        if entry.id == wanted:
            return json_answer(announcement_row(entry))
    raise not_found("announcement not found")


def routes() -> list[web.RouteDef]:
    """Every route of corporate actions."""
    return [
        web.get("/v1/corporate-actions", corporate_actions),
        # Its name while it was new, by which the JavaScript client 3.x still asks.
        web.get("/v1beta1/corporate-actions", corporate_actions),
        web.get("/v2/corporate_actions/announcements", announcements),
        web.get("/v2/corporate_actions/announcements/{id}", announcement),
    ]
