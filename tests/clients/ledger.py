"""What a client could do: each capability is shown by calls that succeed. The standard library alone is needed,
for this runs in the environments of the clients.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
import sys
import traceback
import urllib.request
from collections.abc import Callable, Iterable
from typing import Any

CAPABILITIES = (
    *("account", "account configurations", "activities", "portfolio history"),
    *(
        "orders: market, limit, stop",
        "orders: trailing stop",
        "orders: bracket, OCO, OTO",
        "orders: fractional",
    ),
    *(
        "orders: extended hours, opg, cls, ioc, fok",
        "orders: found, listed, paged",
        "orders: replace, cancel",
    ),
    *("orders: short", "orders: crypto", "orders: options, multi-leg", "refusals with code and text"),
    *("positions, closing them", "option exercise", "assets", "clock, calendar", "watchlists"),
    *("option contracts", "corporate actions", "order updates"),
    *("stock bars, quotes, trades", "stock latest, snapshots", "auctions, conditions, exchanges"),
    *("crypto data", "option data", "news", "screener"),
    *("stock stream", "crypto stream", "option stream", "news stream"),
)
HURRIED = 3000
WAIT_SECONDS = float(os.environ.get("CLIENT_WAIT_SECONDS", "30"))


def hurry() -> None:
    """Lets the exchange's time pass faster: news comes when the market has closed."""
    request = urllib.request.Request(
        f"{os.environ['EXCHANGE_REST']}/v1/control/speed",
        json.dumps({"speed": HURRIED}).encode(),
        {
            "APCA-API-KEY-ID": os.environ["EXCHANGE_KEY"],
            "APCA-API-SECRET-KEY": os.environ["EXCHANGE_SECRET"],
            "Content-Type": "application/json",
        },
    )
    urllib.request.urlopen(request, timeout=WAIT_SECONDS).close()


class Ledger:
    """The capabilities of one client and what became of each."""

    def __init__(self, client: str, version: str) -> None:
        self.client = client
        self.version = version
        self.shown: list[str] = []
        self.failed: dict[str, str] = {}
        self.uncovered: list[str] = []
        self._steps: list[tuple[str, Callable[[], Any]]] = []
        self._called: dict[str, bool] = {}

    def shows(self, capability: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
        """Marks a function whose success shows a capability; they run in the order of their definition."""
        if capability not in CAPABILITIES:
            raise ValueError(capability)

        def keep(step: Callable[[], Any]) -> Callable[[], Any]:
            self._steps.append((capability, step))
            return step

        return keep

    def watch(self, owner: type, *, without: Iterable[str] = ()) -> None:
        """Demands that every public method of a class be called once and return."""
        for name, method in inspect.getmembers(owner, inspect.isfunction):
            if not name.startswith("_") and name not in without:
                self._called[f"{owner.__name__}.{name}"] = False
                setattr(owner, name, self._watched(f"{owner.__name__}.{name}", method))

    def _watched(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(method):

            @functools.wraps(method)
            async def later(*arguments: Any, **named: Any) -> Any:
                result = await method(*arguments, **named)
                self._called[name] = True
                return result

            return later

        @functools.wraps(method)
        def now(*arguments: Any, **named: Any) -> Any:
            result = method(*arguments, **named)
            self._called[name] = True
            return result

        return now

    def run(self, uncovered: Callable[[], list[str]] | None = None) -> None:
        """Takes every step, prints the report as one line of JSON, and ends the process."""
        for capability, step in self._steps:
            try:
                step()
            except Exception:
                self.failed[f"{capability}: {step.__name__}"] = traceback.format_exc(limit=-6)
            else:
                if capability not in self.shown:
                    self.shown.append(capability)
        self.uncovered = (
            uncovered() if uncovered else sorted(name for name, called in self._called.items() if not called)
        )
        failed = {text.rpartition(": ")[0] for text in self.failed}
        report = {
            "client": self.client,
            "version": self.version,
            "shown": [one for one in self.shown if one not in failed],
            "failed": self.failed,
            "uncovered": self.uncovered,
        }
        print("\n" + json.dumps(report), flush=True)
        # Threads of a client that waits for ever must not keep its process.
        sys.stdout.flush()
        os._exit(0)
