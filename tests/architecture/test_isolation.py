"""Tests stay on this machine and know nothing of its owner's keys."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def keys_in_the_shell() -> Iterator[None]:
    # Wider than a test, so it is set up before what protects the test.
    with pytest.MonkeyPatch.context() as shell:
        shell.setenv("ALPACA_API_KEY", "PKOFTHEDEVELOPER")
        yield


def test_keys_in_the_shell_do_not_reach_a_test() -> None:
    assert "ALPACA_API_KEY" not in os.environ


@pytest.mark.parametrize("address", [("192.0.2.1", 443), ("203.0.113.7", 80)])
def test_a_connection_to_another_machine_is_refused_before_it_is_tried(address: tuple[str, int]) -> None:
    with socket.socket() as door, pytest.raises(PermissionError, match="may not connect"):
        door.connect(address)


def test_a_connection_to_this_machine_is_allowed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass
