"""A file of accounts (TOML or JSON): `{"accounts": [{"key", "secret", "cash", ...}, ...]}`.

A field that an account leaves out is that of the exchange's options.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from the_alchemiser.exchange.desk import AccountTerms

FILE_BYTES_LIMIT = 16 * 1024 * 1024


class AccountFileError(Exception):
    """The file of accounts cannot be used; the text says why in one line."""


def read_accounts(path: Path, usual: AccountTerms) -> tuple[AccountTerms, ...]:
    """The accounts of the file, at least one, in their order. Raises AccountFileError."""
    try:
        return tuple(terms_of(account, usual) for account in _listed(_decode(path)))
    except OSError as error:
        raise AccountFileError(f"cannot read the accounts in {path}: {error.strerror}") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise AccountFileError(f"the accounts in {path} cannot be used: {error}") from error


def terms_of(given: Any, usual: AccountTerms) -> AccountTerms:
    """The terms given, completed by the usual ones, but for the key pair. Raises ValueError."""
    known = msgspec.to_builtins(usual)
    del known["key"], known["secret"]
    if not isinstance(given, dict):
        raise ValueError("an account is not an object")
    if isinstance(given.get("rules"), dict):
        given = {**given, "rules": {**known["rules"], **given["rules"]}}
    if isinstance(given.get("cash"), int):
        given = {**given, "cash": str(given["cash"])}
    terms = msgspec.convert({**known, **given}, AccountTerms)
    if not terms.key or not terms.secret:
        raise ValueError("key and secret must not be empty")
    return terms


def _decode(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        content = file.read(FILE_BYTES_LIMIT)
    if path.suffix == ".json":
        return msgspec.json.decode(content, type=dict[str, Any])
    return tomllib.loads(content.decode())


def _listed(document: dict[str, Any]) -> list[Any]:
    found = document.get("accounts")
    if not isinstance(found, list) or not found:
        raise ValueError('it has no list "accounts"')
    return found
