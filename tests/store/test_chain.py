"""The hash chain alone, over entries in memory: whatever is done to one entry, the first bad one is named."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from story_facts import random_closes, story, trading_days

from the_alchemiser.domain.facts import Fact, decode, encode
from the_alchemiser.store.chain import START, BrokenChain, Entry, Tip, entries_after, verified
from the_alchemiser.store.memory import MemoryJournal

FACTS = story(random_closes(["KO", "XOM"], trading_days("2021-03-01", 4)))
ENTRIES = entries_after(START, FACTS)
positions = st.integers(0, len(ENTRIES) - 1)
inner_positions = st.integers(0, len(ENTRIES) - 2)


def first_bad(entries: list[Entry]) -> int | None:
    """The number of the entry at which verification stops."""
    try:
        list(verified(entries))
    except BrokenChain as broken:
        return broken.seq
    return None


def changed(position: int, **changes: object) -> list[Entry]:
    """The chain with one entry altered."""
    entries = list(ENTRIES)
    entries[position] = msgspec.structs.replace(entries[position], **changes)
    return entries


def test_an_untouched_chain_verifies_and_gives_back_every_fact() -> None:
    assert [decode(entry.body) for entry in verified(ENTRIES)] == FACTS


def test_anybody_can_check_a_hash_with_sha256_over_plain_text() -> None:
    second = ENTRIES[1]
    text = ENTRIES[0].hash + "00000000000000000002" + second.body
    assert second.hash == sha256(text.encode()).hexdigest()


@given(position=positions, at=st.integers(0, 10_000), replacement=st.characters(codec="utf-8"))
def test_an_edited_body_is_found_at_its_own_entry(position: int, at: int, replacement: str) -> None:
    body = ENTRIES[position].body
    at %= len(body)
    edited = body[:at] + replacement + body[at + 1 :]
    due = None if edited == body else position + 1
    assert first_bad(changed(position, body=edited)) == due


@given(position=positions)
def test_an_edited_time_kind_or_hash_is_found_at_its_own_entry(position: int) -> None:
    entry = ENTRIES[position]
    assert first_bad(changed(position, at=entry.at + 1)) == position + 1
    assert first_bad(changed(position, kind="alert_raised")) == position + 1
    assert first_bad(changed(position, hash="0" * 64)) == position + 1


@given(position=inner_positions)
def test_a_deleted_entry_is_named_whether_or_not_the_rest_is_renumbered(position: int) -> None:
    shortened = ENTRIES[:position] + ENTRIES[position + 1 :]
    renumbered = [msgspec.structs.replace(entry, seq=n) for n, entry in enumerate(shortened, start=1)]
    assert first_bad(shortened) == position + 1
    assert first_bad(renumbered) == position + 1


@given(position=positions, source=positions)
def test_an_inserted_entry_is_named(position: int, source: int) -> None:
    forged = msgspec.structs.replace(ENTRIES[source], body=ENTRIES[source].body.replace("at", "At", 1))
    lengthened = [*ENTRIES[:position], forged, *ENTRIES[position:]]
    renumbered = [msgspec.structs.replace(entry, seq=n) for n, entry in enumerate(lengthened, start=1)]
    assert first_bad(renumbered) == position + 1


@given(one=positions, other=positions)
def test_of_two_entries_that_changed_places_the_first_is_named(one: int, other: int) -> None:
    entries = list(ENTRIES)
    entries[one] = msgspec.structs.replace(ENTRIES[other], seq=one + 1)
    entries[other] = msgspec.structs.replace(ENTRIES[one], seq=other + 1)
    assert first_bad(entries) == (None if one == other else min(one, other) + 1)


def test_the_following_entry_tells_an_edited_body_from_an_edited_hash() -> None:
    edited_body, edited_hash = changed(3, body="{}"), changed(3, hash="f" * 64)
    with pytest.raises(BrokenChain, match="entry 4 had its body edited"):
        list(verified(edited_body))
    with pytest.raises(BrokenChain, match="entry 4 had its hash edited"):
        list(verified(edited_hash))


def test_a_chain_does_not_depend_on_how_its_facts_were_grouped() -> None:
    tip, grouped = START, []
    for start in range(0, len(FACTS), 7):
        grouped += entries_after(tip, FACTS[start : start + 7])
        tip = Tip(grouped[-1].seq, grouped[-1].hash)
    assert grouped == ENTRIES


def test_a_journal_in_memory_has_the_digest_of_the_same_facts_on_disk() -> None:
    memory = MemoryJournal()
    memory.append(FACTS[:5])
    assert memory.head() == Tip(5, ENTRIES[4].hash)
    memory.append(FACTS[5:])
    assert memory.head() == Tip(len(FACTS), ENTRIES[-1].hash)
    assert list(memory.read()) == FACTS


def test_the_same_fact_always_gives_the_same_bytes() -> None:
    def again(fact: Fact) -> bytes:
        return encode(decode(encode(fact)))

    assert [again(fact) for fact in FACTS] == [encode(fact) for fact in FACTS]


def test_a_backtest_loads_no_database_library() -> None:
    package = Path(__file__).parents[2] / "src" / "the_alchemiser" / "store"
    for name in ("__init__", "chain", "memory", "records", "projections"):
        text = (package / f"{name}.py").read_text(encoding="utf-8")
        assert "import sqlalchemy" not in text
        assert "from sqlalchemy" not in text
