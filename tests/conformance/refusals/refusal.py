"""What one refusal is: how it is caused, and the whole answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SHAPE, RULE, MEANS, UNKNOWN = (422, 40010001), (422, 42210000), (403, 40310000), (404, 40410000)
DATA = (400, 40010001)
NOBODY = "904837e3-3b76-47ec-b432-046db621571b"

_PATTERNS = {"<number>": r"-?\d+(\.\d+)?", "<id>": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"}
_PLACE = re.compile("(" + "|".join(_PATTERNS) + ")")


@dataclass(frozen=True)
class Refusal:
    """One refusal of the REST side.

    `name` says what was wrong, `scene` where it happens. `{names}` in the path, in texts of the body and in `extra`
    stand for what the scene calls so; `<number>` and `<id>` in `text` and `extra` for any. `settings` are those of
    the account meanwhile. `extra` holds every further field of the answer; without `code` the answer has none.
    """

    name: str
    kind: tuple[int, int | None]
    text: str
    method: str = "POST"
    path: str = "/v2/orders"
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] | None = None
    scene: str = "morning"

    @property
    def status(self) -> int:
        return self.kind[0]

    @property
    def code(self) -> int | None:
        return self.kind[1]


def order(name: str, kind: tuple[int, int], text: str, fields: Mapping[str, Any], **more: Any) -> Refusal:
    """An order that is refused: one share of Coca-Cola at the market, but for `fields` (None leaves one out)."""
    plain = {"symbol": "KO", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}
    body = {key: value for key, value in {**plain, **fields}.items() if value is not None}
    return Refusal(name, kind, text, body=body, **more)


def named(value: Any, names: Mapping[str, str]) -> Any:
    """`value` with the scene's names put in, inside of lists and mappings too."""
    if isinstance(value, str):
        for name, meaning in names.items():
            value = value.replace("{" + name + "}", meaning)
        return value
    if isinstance(value, Mapping):
        return {key: named(part, names) for key, part in value.items()}
    return [named(part, names) for part in value] if isinstance(value, list) else value


def matches(template: str, said: object) -> bool:
    """Whether a text is the one of the template."""
    parts = (_PATTERNS.get(part) or re.escape(part) for part in _PLACE.split(template))
    return isinstance(said, str) and re.fullmatch("".join(parts), said) is not None
