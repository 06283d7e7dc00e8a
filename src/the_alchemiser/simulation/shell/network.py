"""A network without sockets: pieces of bytes travel between named hosts in virtual time, and may be struck on the way.

What the bytes mean it does not know. A connection is two flows, each in order, as TCP keeps it: a piece that is late
holds up what follows, a flow gone mute swallows everything and tells nobody.
"""

from __future__ import annotations

import errno
import random
from collections.abc import Callable
from typing import Protocol

from the_alchemiser.domain.instants import SECOND, Nanos
from the_alchemiser.simulation.director import Director
from the_alchemiser.simulation.schedule import Fault
from the_alchemiser.simulation.virtual import VirtualTime

MILLISECOND: Nanos = SECOND // 1000
LATENCY: tuple[Nanos, Nanos] = (MILLISECOND, 8 * MILLISECOND)
"""How long a piece travels, at least and at most."""
DRIP_BYTES_PER_SECOND = 20
RETRY_NANOS: Nanos = SECOND
"""How often what a clogged network holds up is tried again."""
UPDATE = b'"event"'
"""What only order updates contain."""
STREAM_PATH = b"GET /stream"
"""How a connection to the order stream begins; every other one carries requests."""


class Receiver(Protocol):
    """What a process does with what arrives at its side of a connection."""

    def arrived(self, piece: bytes) -> None:
        """The next bytes."""
        ...

    def ended(self, error: OSError | None) -> None:
        """No more will come: the other side closed, or (with an error) the connection broke."""
        ...


class Listening:
    """An open port, as `asyncio.Server` shows it."""

    def __init__(self, network: Network, address: tuple[str, int]) -> None:
        self._network, self._address = network, address

    @property
    def sockets(self) -> list[NamedSocket]:
        """One, that knows its name and nothing else."""
        return [NamedSocket(self._address)]

    def close(self) -> None:
        """Accept nobody any more."""
        self._network.listeners.pop(self._address, None)

    async def wait_closed(self) -> None:
        """It is closed at once."""


class NamedSocket:
    """What libraries ask of a socket beside bytes: its name and its options."""

    family, type, proto = 2, 1, 6

    def __init__(self, name: tuple[str, int]) -> None:
        self._name = name

    def getsockname(self) -> tuple[str, int]:
        return self._name

    def fileno(self) -> int:
        """None: there is nothing of the operating system's behind it, and a library that writes there fails."""
        return -1

    def setsockopt(self, *_: object) -> None: ...

    def getsockopt(self, *_: object) -> int:
        return 0


class Network:
    """All hosts, ports and connections of a world."""

    def __init__(self, time: VirtualTime, director: Director, chance: random.Random) -> None:
        self.time, self.director, self.chance = time, director, chance
        self.listeners: dict[tuple[str, int], tuple[Host, Callable[[End], object]]] = {}
        self.clogged: set[str] = set()
        """While anything is in it nothing arrives anywhere; then everything does."""
        self.bytes_carried = self.streams_opened = 0

    def host(self, name: str) -> Host:
        """The network as a new process of this name has it."""
        return Host(self, name)

    def latency(self) -> Nanos:
        """How long the next piece travels."""
        return self.chance.randint(*LATENCY)


class Host:
    """The network as one process has it."""

    def __init__(self, network: Network, name: str) -> None:
        self.network, self.name = network, name
        self._ends: list[End] = []
        self._is_dead = False

    def listen(self, host: str, port: int, accept: Callable[[End], object]) -> Listening:
        """Open a port under a name."""
        self.network.listeners[host, port] = (self, accept)
        return Listening(self.network, (host, port))

    def connect(self, host: str, port: int, tell: Callable[[End | OSError], object]) -> None:
        """Open a connection; `tell` learns what came of it, later, or never."""
        network, time = self.network, self.network.time
        fault = network.director.strike("net:connect")
        delay = 2 * network.latency()
        if self._is_dead or (fault is not None and fault.kind == "hang"):
            return
        if fault is not None and fault.kind == "slow":
            delay += round(fault.amount * SECOND)
        is_refused = fault is not None and fault.kind == "refused"

        def open_it() -> None:
            if network.clogged:
                time.at(time.now + RETRY_NANOS, open_it)
                return
            found = None if is_refused else network.listeners.get((host, port))
            if found is None:
                tell(ConnectionRefusedError(errno.ECONNREFUSED, f"{host}:{port} refused the connection"))
                return
            server, accept = found
            here = End(self, f"{self.name}>{host}:{port}", is_client=True)
            there = End(server, f"{host}:{port}>{self.name}", is_client=False)
            here.peer, there.peer = there, here
            accept(there)
            tell(here)

        time.at(time.now + delay, open_it)

    def streams(self) -> list[End]:
        """Its connections to the order stream."""
        return [end for end in self._ends if end.is_stream and not end.is_over]

    def adopt(self, end: End) -> None:
        """One more connection of this process."""
        self._ends = [one for one in self._ends if not one.is_over]
        self._ends.append(end)

    def crash(self, *, resets: bool) -> None:
        """The process is gone. Its kernel resets what it had open, or (a power cut) nothing says anything any more."""
        self._is_dead = True
        for end in self._ends:
            end.orphan(resets=resets)

    @property
    def is_dead(self) -> bool:
        return self._is_dead


class End:
    """One side of a connection. What is sent here arrives at the peer."""

    peer: End

    def __init__(self, host: Host, name: str, *, is_client: bool) -> None:
        self.host, self.name, self.is_client = host, name, is_client
        self._network = host.network
        self._receiver: Receiver | None = None
        self._early: list[Callable[[Receiver], None]] = []
        self._held: list[Callable[[Receiver], None]] = []
        self._last_arrival: Nanos = 0
        self._is_mute = False
        self._error: OSError | None = None
        self.is_over = False
        self.is_stream = False
        host.adopt(self)

    def receive(self, receiver: Receiver) -> None:
        """From now on what arrives goes there; first what has arrived already."""
        self._receiver = receiver
        early, self._early = self._early, []
        for tell in early:
            tell(receiver)

    # Sending

    def send(self, piece: bytes) -> None:
        """Let bytes travel. Raises ConnectionError where the connection is known to be broken."""
        if self._error is not None:
            raise self._error
        if self.is_over or not piece:
            return
        if self.is_client and piece.startswith(STREAM_PATH):
            self.is_stream = self.peer.is_stream = True
            self._network.streams_opened += 1
        self._network.bytes_carried += len(piece)
        self._travel(piece, self._network.director.strike(self._site_of(piece)))

    def _site_of(self, piece: bytes) -> str:
        if self.is_stream and not self.is_client and UPDATE in piece:
            return "message"
        if self.is_stream:
            return "net:say" if self.is_client else "net:stream"
        return "net:request" if self.is_client else "net:answer"

    def _travel(self, piece: bytes, fault: Fault | None) -> None:
        kind, amount = ("", 0.0) if fault is None else (fault.kind, fault.amount)
        if kind and self.is_stream and UPDATE in piece and not self.is_client:
            self._misdeliver(piece, kind, round(amount * SECOND))
            return
        match kind:
            case "lost":
                self._is_mute = True
            case "dead":
                self._is_mute = self.peer._is_mute = True
            case "reset":
                self._break()
            case "cut":
                self._deliver(piece[: int(len(piece) * amount)])
                self._break()
            case "drip":
                self._drip(piece)
            case "late":
                self._deliver(piece, round(amount * SECOND))
            case _:
                self._deliver(piece)

    def _misdeliver(self, piece: bytes, kind: str, delay: Nanos) -> None:
        """A whole message, as an exchange that has trouble would send it: not, twice, later than others, garbled."""
        if kind == "doubled":
            self._deliver(piece)
            self._deliver(piece)
        elif kind == "poisoned":
            self._deliver(piece.replace(b'"order"', b'"other"').replace(b'{"event"', b'{"Event"'))
        elif kind in ("late", "reordered"):
            time = self._network.time
            time.at(time.now + delay, lambda: self._deliver(piece))

    def befall(self, kind: str) -> None:
        """What happens to a connection by itself: it is cut, or one or both sides hear nothing any more."""
        if kind == "cut":
            self._break()
        else:
            self.peer._is_mute = True
            self._is_mute = kind == "half_open"

    def _deliver(self, piece: bytes, delay: Nanos = 0) -> None:
        if piece:
            self._arrive(lambda receiver: receiver.arrived(piece), delay)

    def _drip(self, piece: bytes) -> None:
        for start in range(0, len(piece), DRIP_BYTES_PER_SECOND):
            delay = start // DRIP_BYTES_PER_SECOND * SECOND
            self._deliver(piece[start : start + DRIP_BYTES_PER_SECOND], delay)

    def _arrive(self, tell: Callable[[Receiver], None], delay: Nanos = 0) -> None:
        """In order: nothing overtakes what was sent before."""
        if self._is_mute:
            return
        time, peer = self._network.time, self.peer
        at = max(time.now + self._network.latency() + delay, self._last_arrival + 1)
        self._last_arrival = at
        time.at(at, lambda: peer._take(tell))

    def _take(self, tell: Callable[[Receiver], None]) -> None:
        network = self._network
        if network.clogged:
            self._held.append(tell)
            if len(self._held) == 1:
                network.time.at(network.time.now + RETRY_NANOS, self._try_again)
            return
        if self._held:
            self._held.append(tell)
            return
        self._hand_over(tell)

    def _try_again(self) -> None:
        """As TCP does it: what did not arrive is sent again until it does."""
        network = self._network
        if network.clogged:
            network.time.at(network.time.now + RETRY_NANOS, self._try_again)
            return
        held, self._held = self._held, []
        for tell in held:
            self._hand_over(tell)

    def _hand_over(self, tell: Callable[[Receiver], None]) -> None:
        if self.host.is_dead:
            return
        if self._receiver is None:
            self._early.append(tell)
        else:
            tell(self._receiver)

    # Ends

    def close(self) -> None:
        """Nothing more will be sent or read here; what was sent still arrives."""
        if not self.is_over:
            self.is_over = True
            self._arrive(lambda receiver: receiver.ended(None))

    def orphan(self, *, resets: bool) -> None:
        """The process that held this side is gone."""
        if self.is_over:
            return
        self.is_over = True
        if resets:
            self._arrive(lambda receiver: receiver.ended(_reset()))
        else:
            self._is_mute = True

    def _break(self) -> None:
        """Something between the two ends the connection: both learn of it."""
        for end in (self, self.peer):
            end._arrive(lambda receiver: receiver.ended(_reset()))
            end._is_mute = True

    def broken(self, error: OSError) -> None:
        """What is sent from now on meets this error."""
        self._error = self._error or error
        self.is_over = True


def _reset() -> ConnectionResetError:
    return ConnectionResetError(errno.ECONNRESET, "connection reset by peer")
