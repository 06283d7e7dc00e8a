"""A world whose processes are whole: the same life, faults and judge, real requests and streams between them."""

from __future__ import annotations

import logging

from the_alchemiser.domain.instants import MINUTE, Nanos
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.simulation.chance import stream
from the_alchemiser.simulation.judge.violations import Violation
from the_alchemiser.simulation.life import dawn
from the_alchemiser.simulation.machine import Machine
from the_alchemiser.simulation.schedule import Fault
from the_alchemiser.simulation.shell.gateway import Gateway
from the_alchemiser.simulation.shell.machine import ShellMachine
from the_alchemiser.simulation.shell.network import Network
from the_alchemiser.simulation.shell.venue import FloorTime, Venue, only_desk, open_floor
from the_alchemiser.simulation.virtual import VirtualTime
from the_alchemiser.simulation.world import Outcome, World

BEFORE_CYCLE = 12 * MINUTE
"""How long before its first cycle such a world begins, unless that would be before dawn."""


class ShellWorld(World):
    """Everything there is, down to the bytes. `run` it once."""

    _is_open = False

    unfit = frozenset({"ahead", "behind", "ask_cycle"})

    def _open_exchange(self) -> Exchange:
        self._floor = open_floor(self.life, self.schedule.seed, self.sessions, self._begins_at())
        return only_desk(self._floor).exchange

    def _begins_at(self) -> Nanos:
        """Shortly before the first cycle: hours of pings and pongs show nothing and take the time of many seeds."""
        first = self.sessions[0]
        cycle = first.close - self.life.minutes_before_close * MINUTE
        return max(dawn(self.sessions), cycle - BEFORE_CYCLE)

    def _begin_time(self) -> VirtualTime:
        return FloorTime(self._floor, latest_first=False)

    def _build_machine(self, name: str = "main") -> Machine:
        if not self._is_open:
            self._open_venue()
        machine = ShellMachine(self._surroundings(), self.wires, name, self.schedule.seed)
        self._machines.append(machine)
        return machine

    def _open_venue(self) -> None:
        self._is_open = True
        self._machines: list[ShellMachine] = []
        self.wires = Network(self.time, self.director, stream(self.schedule.seed, "latency"))
        self.wires.clogged = self.network.clogged
        self._venue = Venue(self._floor, self.wires)
        self._venue.open(Gateway(self.wires, self._arrived, self.clerk.answered).middleware())

    def _befall(self, fault: Fault) -> None:
        super()._befall(fault)
        only_desk(self._floor).look_again()

    def run(self) -> Outcome:
        """Live, and judge. What the processes would log is theirs, and nobody reads it."""
        before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        try:
            return super().run()
        finally:
            self._venue.close()
            logging.disable(before)

    def _judge(self) -> None:
        for fill in self.exchange.fills():
            self._note(f"{fill.at} {fill.order_id} {fill.cum_qty_e9} {fill.price_e4}")
        # Not the exchange's: a reset that overtakes its request makes the HTTP server's own library complain.
        for machine in self._machines:
            for complaint in machine.complaints():
                self._violate(Violation("I-BND", self.time.now, f"nobody caught {complaint}"))
        super()._judge()
