"""With whose money and through which door: settles trading mode, keys and address from everything that names them.

The rules, strictest first: names for one thing must agree; a word for the mode that nobody knows means paper; keys
marked as paper keys never open a live account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from .endpoints import LIVE_URL, PAPER_URL, trading_url
from .setting_sources import Found

ALIASES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "ALPACA_API_KEY": ("APCA_API_KEY_ID", "ALPACA_PAPER_API_KEY"),
        "ALPACA_SECRET_KEY": ("APCA_API_SECRET_KEY", "ALPACA_PAPER_API_SECRET"),
        "ALPACA_BASE_URL": ("APCA_API_BASE_URL",),
        "TRADING_MODE": ("STAGE", "ALPACA_MODE"),
    }
)
PAPER_ONLY: Final = frozenset({"ALPACA_PAPER_API_KEY", "ALPACA_PAPER_API_SECRET"})
KEYS: Final = ("ALPACA_API_KEY", "ALPACA_SECRET_KEY")
DERIVED: Final = "derived"


class TradingMode(StrEnum):
    """With whose money: the broker's play money, or the user's."""

    PAPER = "paper"
    LIVE = "live"


@dataclass(slots=True)
class Choice:
    """One value for each setting that has one, what the user should hear, and what cannot be settled."""

    values: dict[str, Found] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def settle(found: Mapping[str, Sequence[Found]]) -> Choice:
    """Reduce what was found for each setting to one value. The caller raises where `faults` is not empty."""
    choice = Choice({name: items[0] for name, items in found.items()})
    mode = _settle_mode(found.get("TRADING_MODE", ()), choice)
    for name in KEYS:
        _settle_key(name, found.get(name, ()), mode, choice)
    _settle_address(found.get("ALPACA_BASE_URL", ()), mode, choice)
    return choice


def _settle_mode(found: Sequence[Found], choice: Choice) -> TradingMode:
    meant = [_mode_meant(item, choice) for item in found]
    _agree(found, meant, choice, show=True)
    # Where names disagree this answer is not used; it is the harmless one all the same.
    mode = TradingMode.LIVE if meant and all(one is TradingMode.LIVE for one in meant) else TradingMode.PAPER
    if found:
        choice.values["TRADING_MODE"] = Found(found[0].name, mode, found[0].origin)
    return mode


def _mode_meant(item: Found, choice: Choice) -> TradingMode:
    word = str(item.value).strip().lower()
    if word in (TradingMode.PAPER, TradingMode.LIVE):
        return TradingMode(word)
    choice.notices.append(f"{item.place} is {item.value!r}, neither paper nor live: trading on paper")
    return TradingMode.PAPER


def _settle_key(name: str, found: Sequence[Found], mode: TradingMode, choice: Choice) -> None:
    usable = [item for item in found if mode is TradingMode.PAPER or item.name not in PAPER_ONLY]
    _agree(usable, [item.value for item in usable], choice, show=False)
    if usable:
        choice.values[name] = usable[0]
    elif found:
        choice.faults.append(f"{found[0].place} is for paper only; live trading needs {name}")


def _settle_address(found: Sequence[Found], mode: TradingMode, choice: Choice) -> None:
    urls = [trading_url(str(item.value)) for item in found]
    _agree(found, urls, choice, show=True)
    if found:
        choice.values["ALPACA_BASE_URL"] = Found(found[0].name, urls[0], found[0].origin)
    elif any(name in choice.values for name in KEYS):
        url = LIVE_URL if mode is TradingMode.LIVE else PAPER_URL
        choice.values["ALPACA_BASE_URL"] = Found("ALPACA_BASE_URL", url, f"{DERIVED} from TRADING_MODE")


def _agree(found: Sequence[Found], meant: Sequence[object], choice: Choice, *, show: bool) -> None:
    for item, value in zip(found[1:], meant[1:], strict=True):
        if value != meant[0]:
            first, other = (f"{one.place} = {one.value}" if show else one.place for one in (found[0], item))
            choice.faults.append(f"{first} and {other} disagree; keep one")
