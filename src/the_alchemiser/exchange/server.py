"""Runs the exchange: one port for trading REST, market data REST and both streams.

`python -m the_alchemiser.exchange.server --port 0` prints one JSON line with its addresses and keys when it
listens.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial

import msgspec
from aiohttp import web

from the_alchemiser.exchange.errors import ConfigurationError
from the_alchemiser.exchange.faults.schedule import InvalidSchedule, read_schedule
from the_alchemiser.exchange.floor import Floor
from the_alchemiser.exchange.greeting import greeting
from the_alchemiser.exchange.journal import JournalError
from the_alchemiser.exchange.listening import TLS, Addresses, CannotListen, listen
from the_alchemiser.exchange.options import ServerOptions, command_line
from the_alchemiser.exchange.origins import origin_asked, origin_of_setting, world_of
from the_alchemiser.exchange.rest.door import BODY_BYTES_LIMIT, FLOOR, FrontDoor
from the_alchemiser.exchange.rest.families import all_routes
from the_alchemiser.exchange.rest.interference import middleware as interference
from the_alchemiser.exchange.streams.interference import STREAM_FAULTS
from the_alchemiser.exchange.streams.prints import PrintErrors

__all__ = ["Addresses", "ConfigurationError", "ServerOptions", "build", "main", "run", "running", "serve"]

SHUTDOWN_SECONDS = 1.0
LINE_BYTES_LIMIT = 64 * 1024  # of a request line: a thousand symbols fit into one query


@contextlib.asynccontextmanager
async def running(
    options: ServerOptions, on_listening: Callable[[Floor, Addresses], object] | None = None
) -> AsyncIterator[tuple[Addresses, asyncio.Task[None]]]:
    """Listens until the block ends. The task moves time in free mode; it ends only by failing.

    Raises ConfigurationError, JournalError, CannotListen.
    """
    tls = _tls(options)
    floor, application = build(options)
    runner = web.AppRunner(
        application, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, max_line_size=LINE_BYTES_LIMIT
    )
    await runner.setup()
    try:
        told = await listen(runner, options.host, options.port, tls)
        pump = asyncio.create_task(floor.run_freely())
        try:
            terms = next(iter(floor.desks.values())).terms
            addresses = Addresses(ready=True, key=terms.key, secret=terms.secret, **told)
            if on_listening is not None:
                on_listening(floor, addresses)
            yield addresses, pump
        finally:
            pump.cancel()
    finally:
        await floor.trading_stream.close()
        await floor.data.close()
        await runner.cleanup()
        floor.close()


def _tls(options: ServerOptions) -> TLS | None:
    if not options.tls and options.tls_port is None:
        return None
    if options.tls and options.tls_port is not None:
        raise ConfigurationError(
            "--tls makes --port speak TLS, and --tls-port leaves it plain: give one of them"
        )
    from the_alchemiser.exchange import certificates as given

    try:
        places = given.certificates(options.tls_dir or given.default_folder(options.state))
        return TLS(given.server_context(places), places.ca, options.tls_port)
    except given.CertificateError as error:
        raise ConfigurationError(str(error)) from error


def build(options: ServerOptions) -> tuple[Floor, web.Application]:
    """The floor and its routes, not yet listening. Raises ConfigurationError, JournalError."""
    asked, origin_of = origin_asked(options), partial(origin_of_setting, options)
    try:
        world = world_of(options, asked, origin_of)
    except ValueError as error:
        raise ConfigurationError(f"cannot start the exchange: {error}") from error
    floor = Floor(world, asked=asked.setting, speed=options.speed, origin_of=origin_of)
    _schedule_faults(floor, options)
    if not 0 <= options.print_errors <= 100:
        raise ConfigurationError("--print-errors must be from 0 to 100")
    floor.data.errors = PrintErrors(options.print_errors)
    floor.data.compress = options.compression
    return floor, application(floor)


def _schedule_faults(floor: Floor, options: ServerOptions) -> None:
    if options.faults is None:
        return
    try:
        floor.faults.adopt(read_schedule(options.faults), floor.now)
    except InvalidSchedule as error:
        raise ConfigurationError(f"bad schedule of faults: {error}") from error
    except OSError as error:
        raise ConfigurationError(f"cannot read {options.faults}: {error.strerror}") from error


def application(floor: Floor) -> web.Application:
    """All routes of a floor, behind the front door."""
    middlewares = [interference(floor), FrontDoor().middleware()]
    served = web.Application(middlewares=middlewares, client_max_size=BODY_BYTES_LIMIT)
    served[FLOOR] = floor
    served[STREAM_FAULTS] = floor.stream_faults
    served.add_routes(all_routes())
    for path in ("/stream", "/stream/"):
        served.router.add_get(path, floor.trading_stream.serve)
    served.add_routes(floor.data.routes())
    return served


async def serve(options: ServerOptions, *, until_stdin_closes: bool = False) -> None:
    """Runs until SIGINT, SIGTERM or, if asked, the end of standard input. Prints the addresses when it
    listens.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with running(options, _announce) as (_, pump):
        gc.freeze()  # what was built to start with never becomes garbage
        if until_stdin_closes:
            _watch_stdin(lambda: loop.call_soon_threadsafe(stop.set))
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait({waiting, pump}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if pump.done():
            pump.result()


def _announce(floor: Floor, addresses: Addresses) -> None:
    """One line for programs on standard output; on a terminal some for people beside it."""
    sys.stdout.write(msgspec.json.encode(addresses).decode() + "\n")
    sys.stdout.flush()
    if sys.stderr.isatty():
        sys.stderr.write(greeting(floor, addresses.rest, addresses.key, addresses.secret))


def _watch_stdin(ended: Callable[[], object]) -> None:
    def wait_for_the_end() -> None:
        # Straight from the descriptor: a thread inside sys.stdin would upset the interpreter's exit.
        with contextlib.suppress(OSError, RuntimeError):
            while os.read(0, 4096):
                pass
        with contextlib.suppress(RuntimeError):
            ended()

    threading.Thread(target=wait_for_the_end, name="stdin-watch", daemon=True).start()


def run(options: ServerOptions, *, until_stdin_closes: bool = False) -> int:
    """Serves in this process; the exit code: 0 asked to stop, 1 failed, 2 an option cannot be used."""
    try:
        asyncio.run(serve(options, until_stdin_closes=until_stdin_closes))
    except ConfigurationError as error:
        return _complain(str(error), 2)
    except (CannotListen, JournalError) as error:
        return _complain(str(error), 1)
    except OSError as error:
        return _complain(f"the exchange cannot go on: {error.strerror or error}", 1)
    return 0


def _complain(reason: str, code: int) -> int:
    sys.stderr.write(f"exchange: {reason}\n")
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    given = vars(command_line().parse_args(argv))
    until_stdin_closes = given.pop("until_stdin_closes")
    return run(ServerOptions(**given), until_stdin_closes=until_stdin_closes)


if __name__ == "__main__":
    sys.exit(main())
