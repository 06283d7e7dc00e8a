"""What befalls a world, spelled out: the seed decides how it is made, the list of faults what goes wrong in it.

A schedule with a list replays without dice; one without has its faults drawn from the seed.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from the_alchemiser.domain.errors import ConfigurationError

VERSION = 1
INTENSITIES = ("none", "default", "heavy")


class Fault(msgspec.Struct, frozen=True, order=True):
    """One misfortune: the `number`-th call at `site` (or the second `number` of the world, at a timed one).

    `amount` says how much of it, mostly in seconds; `about` what it is about where that needs saying.
    """

    site: str
    number: int
    kind: str
    amount: float = 0.0
    about: str = ""


class Schedule(msgspec.Struct, frozen=True):
    """One life. `faults` None: the seed's own, at `intensity`."""

    seed: int
    days: int = 1
    intensity: str = "default"
    life: dict[str, object] = {}
    """What is other than the seed would have it."""
    faults: tuple[Fault, ...] | None = None
    shell: bool = False
    """Whether the processes are whole: live driver, adapter and stream client over the exchange's real server."""
    violated: str = ""
    """The invariant that broke when this was written down; empty: none may."""
    version: int = VERSION

    def write(self, path: Path) -> None:
        """As JSON, one fault a line."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")

    @classmethod
    def read(cls, path: Path) -> Schedule:
        """Raises ConfigurationError for what is no schedule of this version."""
        try:
            found = msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError) as error:
            raise ConfigurationError(f"{path} is no schedule: {error}") from error
        if found.version != VERSION:
            raise ConfigurationError(
                f"{path} is a schedule of version {found.version}, this is version {VERSION}"
            )
        return found
