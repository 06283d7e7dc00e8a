"""The current goes away: whatever the disk had not been made to write may be gone, nothing acknowledged is."""

from __future__ import annotations

from pathlib import Path

import pytest

from .power_cuts import lost_to_cuts

CUTS = 500


@pytest.mark.slow
def test_after_any_power_cut_all_that_was_acknowledged_is_there_and_nothing_half(tmp_path: Path) -> None:
    assert not lost_to_cuts(tmp_path, CUTS, seed=4711)


def test_without_the_sync_of_each_commit_the_same_cuts_lose_acknowledged_facts(tmp_path: Path) -> None:
    """Shows that these cuts can see what they look for."""
    lost = lost_to_cuts(tmp_path, 20, 4711, "PRAGMA synchronous = NORMAL")
    assert any("were acknowledged" in fault for fault in lost)
