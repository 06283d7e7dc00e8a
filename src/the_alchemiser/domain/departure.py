"""The last word on a request that changes an order: asked for once more where it leaves, behind every wait before that.

Who decides that it may be sent and who puts it on the wire are far apart, and between them it may wait for the rate
budget for longer than a lease lives or an order is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Objection = Callable[[], None]
"""Raises where the request must not leave any more."""

_objection: ContextVar[Objection | None] = ContextVar("objection", default=None)


@contextmanager
def unless(objection: Objection) -> Iterator[None]:
    """What this thread sends inside the block leaves only if `objection` raises nothing at that moment.

    Inside another block both are asked, the outer one first.
    """
    outer = _objection.get()

    def both() -> None:
        if outer is not None:
            outer()
        objection()

    token = _objection.set(both)
    try:
        yield
    finally:
        _objection.reset(token)


def departs() -> None:
    """A request that changes something is about to leave. Raises what the objection to it raises."""
    objection = _objection.get()
    if objection is not None:
        objection()
