"""The order stream as one process hears it: not everything, not once, not in order, and sometimes nothing at all."""

from __future__ import annotations

from collections.abc import Callable

from the_alchemiser.domain.events import OrderHeard
from the_alchemiser.domain.instants import SECOND
from the_alchemiser.simulation.director import Director
from the_alchemiser.simulation.link import Network
from the_alchemiser.simulation.schedule import Fault
from the_alchemiser.simulation.virtual import VirtualTime

CONNECT_SECONDS = 0.05
SILENCE_SECONDS_MAX = 8.0
"""How long the client bears a connection that does not answer its pings."""


class Line:
    """One connection to the order stream, and those that follow it."""

    def __init__(
        self, network: Network, hear: Callable[[OrderHeard], None], connected: Callable[[], None]
    ) -> None:
        self._network, self._hear, self._connected = network, hear, connected
        self._is_up = self._is_closed = False
        self._cuts = 0
        """Every new connection, or end of one, makes what is under way for another one stale."""

    @property
    def _time(self) -> VirtualTime:
        return self._network.time

    @property
    def _director(self) -> Director:
        return self._network.director

    def connect(self, after_seconds: float = CONNECT_SECONDS) -> None:
        """Begin to listen a little later."""
        self._cuts += 1
        number = self._cuts
        self._after(after_seconds, lambda: self._come_up(number))

    def close(self) -> None:
        """Nobody listens any more."""
        self._is_up, self._is_closed = False, True
        self._cuts += 1

    def befall(self, fault: Fault) -> None:
        """A fault of the site `stream`."""
        was_up, self._is_up = self._is_up, False
        if fault.kind == "mute":
            number = self._cuts
            self._after(fault.amount, lambda: self._speak_again(number, was_up))
        elif fault.kind == "half_open":
            self.connect(SILENCE_SECONDS_MAX + fault.amount)
        else:
            self.connect(fault.amount)

    def calm(self) -> None:
        """Whatever is wrong with the connection is noticed now."""
        if not self._is_up:
            self.connect()

    def send(self, heard: OrderHeard) -> None:
        """The exchange says something."""
        if not self._is_up:
            return
        fault = self._director.strike("message")
        kind = "" if fault is None else fault.kind
        if kind in ("lost", "poisoned"):
            return
        delay = fault.amount if fault is not None else 0.0
        for _ in range(2 if kind == "doubled" else 1):
            self._after(self._network.way_seconds("message") + delay, lambda: self._arrive(heard))

    def _arrive(self, heard: OrderHeard) -> None:
        if not self._is_closed:
            self._hear(heard)

    def _come_up(self, number: int) -> None:
        if number == self._cuts:
            self._is_up = True
            self._connected()

    def _speak_again(self, number: int, was_up: bool) -> None:
        if number == self._cuts:
            self._is_up = was_up

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        self._time.at(self._time.now + round(seconds * SECOND), action)
