"""Lists of symbols that an account keeps under a name: nothing is traded by them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from the_alchemiser.exchange.errors import bad_parameter, not_found, unprocessable
from the_alchemiser.exchange.ids import derived_uuid
from the_alchemiser.exchange.market.names import capitals
from the_alchemiser.exchange.market.prices import Asset

NAME_LIMIT = 64
LISTS_LIMIT = 200
SYMBOLS_LIMIT = 1000


class Watchlist(msgspec.Struct, frozen=True):
    """An ordered list of symbols; instants in ns UTC."""

    id: str
    account_id: str
    name: str
    created_at: int
    updated_at: int
    symbols: tuple[str, ...]


class Watchlists:
    """The watchlists of one account. Methods that refuse have changed nothing."""

    def __init__(self, account_id: str, find_asset: Callable[[str], Asset | None]) -> None:
        self._account_id = account_id
        self._find_asset = find_asset
        self._lists: dict[str, Watchlist] = {}
        self._created = 0

    def all(self) -> list[Watchlist]:
        """Every list, oldest first."""
        return list(self._lists.values())

    def get(self, list_id: str) -> Watchlist:
        """The list with this id. Raises Refusal."""
        found = self._lists.get(list_id)
        if found is None:
            raise not_found("watchlist not found")
        return found

    def named(self, name: str) -> Watchlist:
        """The list with this name. Raises Refusal."""
        for found in self._lists.values():
            if found.name == name:
                return found
        raise not_found("watchlist not found")

    def create(self, name: object, symbols: object, at: int) -> Watchlist:
        """A new list. Raises Refusal."""
        if len(self._lists) >= LISTS_LIMIT:
            raise unprocessable(f"too many watchlists: at most {LISTS_LIMIT}")
        checked, chosen = self._checked_name(name), self._checked_symbols(symbols or ())
        self._created += 1
        list_id = derived_uuid("watchlist", self._account_id, self._created)
        return self._keep(Watchlist(list_id, self._account_id, checked, at, at, chosen))

    def update(self, list_id: str, name: object, symbols: object, at: int) -> Watchlist:
        """The list with another name, other symbols, or both; what is None stays. Raises Refusal."""
        old = self.get(list_id)
        if name is None and symbols is None:
            raise bad_parameter("name or symbols is required")
        return self._keep(
            msgspec.structs.replace(
                old,
                name=old.name if name is None else self._checked_name(name, old),
                symbols=old.symbols if symbols is None else self._checked_symbols(symbols),
                updated_at=at,
            )
        )

    def add(self, list_id: str, symbol: object, at: int) -> Watchlist:
        """The list with one more symbol at its end. Raises Refusal."""
        old = self.get(list_id)
        chosen = self._checked_symbols((*old.symbols, symbol))
        return self._keep(msgspec.structs.replace(old, symbols=chosen, updated_at=at))

    def remove(self, list_id: str, symbol: str, at: int) -> Watchlist:
        """The list without a symbol. Raises Refusal."""
        old = self.get(list_id)
        asset = self._find_asset(symbol)
        gone = asset.symbol if asset is not None else symbol
        if gone not in old.symbols:
            raise not_found(f"symbol not found: {symbol}")
        left = tuple(kept for kept in old.symbols if kept != gone)
        return self._keep(msgspec.structs.replace(old, symbols=left, updated_at=at))

    def delete(self, list_id: str) -> None:
        """Forgets a list. Raises Refusal."""
        self.get(list_id)
        del self._lists[list_id]

    def _keep(self, changed: Watchlist) -> Watchlist:
        self._lists[changed.id] = changed
        return changed

    def _checked_name(self, name: object, old: Watchlist | None = None) -> str:
        if not isinstance(name, str) or not name.strip():
            raise bad_parameter("name is required")
        if len(name) > NAME_LIMIT:
            raise bad_parameter(f"watchlist name must be no more than {NAME_LIMIT} characters")
        if any(kept.name == name and kept is not old for kept in self._lists.values()):
            raise bad_parameter("watchlist name must be unique")
        return name

    def _checked_symbols(self, symbols: object) -> tuple[str, ...]:
        """The symbols as their assets spell them."""
        if not isinstance(symbols, Sequence) or isinstance(symbols, str):
            raise bad_parameter("symbols must be a list")
        if len(symbols) > SYMBOLS_LIMIT:
            raise bad_parameter(f"too many symbols: at most {SYMBOLS_LIMIT}")
        found = tuple(self._spelled(symbol) for symbol in symbols)
        for place, symbol in enumerate(found):
            if symbol in found[:place]:
                raise bad_parameter(f"duplicate symbol: {symbol}")
        return found

    def _spelled(self, symbol: object) -> str:
        if not isinstance(symbol, str) or not symbol.strip():
            raise bad_parameter("symbol is required")
        asset = self._find_asset(capitals(symbol.strip()))
        if asset is None:
            raise not_found(f"asset not found for {symbol[:32]}")
        return asset.symbol
