"""Identifiers as pure functions of what they name, so that the same run gives the same ones."""

from __future__ import annotations

from hashlib import blake2b


def derived_uuid(*parts: object) -> str:
    """A UUID (version 8: our own derivation) that is a pure function of `parts`."""
    return _as_uuid(blake2b("|".join(map(str, parts)).encode(), digest_size=16).hexdigest())


class UuidSeries:
    """`series(number)` is `derived_uuid(*parts, number)`, sooner: the parts are digested once."""

    __slots__ = ("_begun",)

    def __init__(self, *parts: object) -> None:
        self._begun = blake2b("".join(f"{part}|" for part in parts).encode(), digest_size=16)

    def __call__(self, number: int) -> str:
        digest = self._begun.copy()
        digest.update(b"%d" % number)
        return _as_uuid(digest.hexdigest())


def _as_uuid(digest: str) -> str:
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-a{digest[17:20]}-{digest[20:]}"


# A spelled identifier: 21 letters and digits take 109 bits, 13 more of a digest tell it from any other UUID.
SPELLED_LENGTH = 21
_CHECK_BITS = 13
_BASE36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def spelled_uuid(text: str) -> str:
    """A UUID (version 8) that spells up to 21 capital letters and digits, not beginning with 0.

    `spelled_in` reads them. For what is too many to keep a table of, such as option contracts.
    """
    check = int.from_bytes(blake2b(text.encode(), digest_size=2).digest(), "big") % (1 << _CHECK_BITS)
    bits = int(text, 36) << _CHECK_BITS | check
    # 122 bits: 48, 12 and 62 of them around the four of the version and the two of the variant.
    high, middle, low = bits >> 74, bits >> 62 & 0xFFF, bits & (1 << 62) - 1
    whole = f"{high:012x}8{middle:03x}{1 << 63 | low:016x}"
    return f"{whole[:8]}-{whole[8:12]}-{whole[12:16]}-{whole[16:20]}-{whole[20:]}"


def spelled_in(uuid: str) -> str | None:
    """The text that a `spelled_uuid` spells; None for any other UUID."""
    try:
        whole = int(uuid.replace("-", ""), 16)
    except ValueError:
        return None
    bits = whole >> 80 << 74 | (whole >> 64 & 0xFFF) << 62 | whole & (1 << 62) - 1
    number, text = bits >> _CHECK_BITS, ""
    while number and len(text) < SPELLED_LENGTH:
        number, digit = divmod(number, 36)
        text = _BASE36[digit] + text
    return text if text and not number and spelled_uuid(text) == uuid.lower() else None


_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID_LENGTH = 26


def derived_ulid(at: int, sequence: int, *parts: object) -> str:
    """A ULID of the instant `at` (ns UTC) that is a pure function of its arguments.

    Where ULIDs have random bits, these have first `sequence` (32 bits), so that those of one millisecond sort in
    order, then a digest of `parts`, so that those of different sources differ.
    """
    digest = blake2b("|".join(map(str, parts)).encode(), digest_size=6).digest()
    whole = at // 10**6 << 80 | (sequence & 0xFFFFFFFF) << 48 | int.from_bytes(digest, "big")
    return "".join(_CROCKFORD[whole >> 5 * place & 31] for place in reversed(range(_ULID_LENGTH)))


def is_ulid(text: str) -> bool:
    """Whether this has the form of a ULID."""
    return len(text) == _ULID_LENGTH and text[0] <= "7" and all(letter in _CROCKFORD for letter in text)


def ulid_millisecond(ulid: str) -> int:
    """The instant in a ULID, in milliseconds since the epoch."""
    whole = 0
    for letter in ulid[:10]:
        whole = whole << 5 | _CROCKFORD.index(letter)
    return whole
