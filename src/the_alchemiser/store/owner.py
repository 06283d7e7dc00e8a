"""Which process holds a lease, in words for people and in a form by which another process can tell that it is dead.

A process id alone proves nothing: it is given anew, and every machine and every container counts its own. So the form
also names the machine's current run and the container (where Linux says them) and the process's moment of birth. Only
somebody in the same place may conclude anything; for everybody else, and wherever the system does not tell, the owner
may live, and its lease is waited for.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

import msgspec

BOOT = Path("/proc/sys/kernel/random/boot_id")
NAMESPACE = Path("/proc/self/ns/pid")
STARTED_FIELD = 19
"""Field 22 of /proc/PID/stat, counted from the one behind the name in brackets (proc(5))."""


class Process(msgspec.Struct, frozen=True):
    """One process of one run of one machine or container."""

    host: str
    place: str
    pid: int
    started: str

    @property
    def shown(self) -> str:
        """As people name it."""
        return f"process {self.pid} on {self.host}"

    @property
    def text(self) -> str:
        """As a store keeps it."""
        return msgspec.json.encode(self).decode()


def this_process() -> Process:
    """The one that asks."""
    return Process(socket.gethostname(), _place(), os.getpid(), _started(os.getpid()))


def is_dead(text: str, here: Process | None = None) -> bool:
    """Whether the process that `text` names certainly does nothing more.

    To be asked only by who got the right to write: then this very process has let it go before.
    """
    here = here or this_process()
    try:
        owner = msgspec.json.decode(text, type=Process)
    except msgspec.MsgspecError:
        return False
    if not here.place or (owner.host, owner.place) != (here.host, here.place):
        return False
    if owner == here:
        return True
    return not _exists(owner.pid) or _started(owner.pid) != owner.started


def _place() -> str:
    """This run of this machine, and the container's own count of processes; empty where the system does not say."""
    try:
        return f"{BOOT.read_text().strip()} {NAMESPACE.readlink()}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[STARTED_FIELD]
    return ""


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
