"""When a journal is genuine: every entry names, by its hash, all the entries before it.

hash(n) = SHA-256(hash(n-1) as 64 hexadecimal digits, n as 20 decimal digits, body), all as UTF-8 text, so
that anybody can check a journal with `sha256sum`. Whoever rewrites the whole chain from some entry on, or
cuts its end off, is found only by comparing with a digest kept elsewhere: each report prints one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

import msgspec

from the_alchemiser.domain.errors import JournalCorrupt
from the_alchemiser.domain.facts import Fact, encode
from the_alchemiser.domain.instants import Nanos


class Tip(msgspec.Struct, frozen=True):
    """Where a journal ends; `hash` is the digest of everything in it."""

    seq: int
    hash: str


START = Tip(0, "0" * 64)


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One fact as it is stored.

    `at` and `kind` repeat what the body says, for whoever reads the table by hand.
    """

    seq: int
    at: Nanos
    kind: str
    body: str
    hash: str


class BrokenChain(JournalCorrupt):
    """Entry `seq` is the first that cannot be what was written; `reason` says what was done to it."""

    def __init__(self, seq: int, reason: str) -> None:
        super().__init__(f"journal entry {seq} {reason}")
        self.seq = seq
        self.reason = reason


def link(before: str, seq: int, body: str) -> str:
    """The hash that entry `seq` must carry when the entry before it carries `before`."""
    return sha256(f"{before}{seq:020d}{body}".encode()).hexdigest()


def entries_after(tip: Tip, facts: Sequence[Fact]) -> list[Entry]:
    """The entries that `facts` become at the end of a journal that ends at `tip`."""
    entries = []
    before, seq = tip.hash, tip.seq
    for fact in facts:
        seq += 1
        body = encode(fact).decode()
        before = link(before, seq, body)
        entries.append(Entry(seq, fact.at, str(type(fact).__struct_config__.tag), body, before))
    return entries


def verified(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The entries of a whole journal, each one checked before it is given out.

    Raises BrokenChain at the first bad one.
    """
    ahead = iter(entries)
    seq, before = START.seq, START.hash
    for entry in ahead:
        seq += 1
        if entry.seq != seq:
            raise _out_of_sequence(entry.seq, seq)
        hash_due = link(before, seq, entry.body)
        if entry.hash != hash_due:
            raise BrokenChain(seq, _tampering(entry, hash_due, next(ahead, None)))
        if not entry.body.startswith(f'{{"kind":"{entry.kind}","at":{entry.at},'):
            raise BrokenChain(seq, "had its time or kind edited")
        yield entry
        before = hash_due


def _out_of_sequence(found: int, due: int) -> BrokenChain:
    if found > due:
        return BrokenChain(due, "was deleted")
    return BrokenChain(found, "was inserted")


def _tampering(entry: Entry, hash_due: str, following: Entry | None) -> str:
    """What the next entry tells: it still vouches for the hash its predecessor had when it was written."""
    if following is not None and following.hash == link(entry.hash, entry.seq + 1, following.body):
        return "had its body edited"
    if following is not None and following.hash == link(hash_due, entry.seq + 1, following.body):
        return "had its hash edited"
    return "does not follow from the entry before it: edited, inserted, moved, or the one before it deleted"
