"""What an answer, or the lack of one, means: done, refused, try later, or unknown."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from the_alchemiser.broker.resilience import TRANSIENT_STATUSES
from the_alchemiser.broker.wire import Answer, NotSentError, Request, UnreadableError
from the_alchemiser.domain.errors import (
    BrokerBusy,
    BrokerError,
    BrokerRefused,
    BrokerUnauthorized,
    BrokerUnavailable,
    OutcomeUnknown,
)

NOT_AUTHORIZED_CODE = 40110000
"""Some gateways deliver this 401 code with status 403."""
REFUSAL_TEXT_MAX = 300

# Prices and quantities stay exact: a JSON number with a fraction becomes a Decimal, never a float.
_decode_exact = msgspec.json.Decoder(float_hook=Decimal).decode
# Bars are measurements; floats are what they become anyway, and a page holds 10,000 of them.
_decode_measured = msgspec.json.Decoder().decode


def decoded(request: Request, answer: Answer) -> Any:
    """The JSON of a good answer; None where it is empty. Raises BrokerUnavailable or OutcomeUnknown for other text."""
    if not answer.body:
        return None
    is_bars = request.target.split("?", 1)[0].endswith("/bars")
    try:
        return _decode_measured(answer.body) if is_bars else _decode_exact(answer.body)
    except (ValueError, ArithmeticError, RecursionError):
        raise unclear(request, "the answer is not JSON", request_id_of(answer)) from None


def request_id_of(answer: Answer) -> str:
    """The broker's own name for a request, which its support asks for."""
    return answer.headers.get("x-request-id", "")


def unclear(request: Request, text: str, request_id: str = "") -> BrokerUnavailable:
    """No usable answer: a passing failure for a read, an unknown outcome for everything else."""
    if request.changes_nothing:
        return BrokerUnavailable(text, request_id=request_id)
    return OutcomeUnknown(text, request_id=request_id)


def failure(request: Request, error: Exception, call_seconds: float) -> BrokerUnavailable:
    """What a failure of the wire means for a request."""
    if isinstance(error, NotSentError):
        return BrokerUnavailable(str(error)) if request.changes_nothing else BrokerBusy(f"not sent: {error}")
    if isinstance(error, TimeoutError):
        return unclear(request, f"no answer within {call_seconds:g} s")
    if isinstance(error, UnreadableError):
        return unclear(request, str(error))
    if isinstance(error, http.client.IncompleteRead):
        return unclear(request, "the answer was cut short")
    return unclear(request, f"the connection was lost: {str(error) or type(error).__name__}")


def refusal(request: Request, answer: Answer) -> BrokerError | None:
    """The error an answer stands for, or None where it is a success."""
    if 200 <= answer.status < 300:
        return None
    code, message = _words(answer)
    request_id = request_id_of(answer)
    text = f"{message} (HTTP {answer.status}{f', code {code}' if code else ''})"
    if 300 <= answer.status < 400:
        return _redirected(request, answer)
    if answer.status == 429:
        return BrokerBusy(text, request_id=request_id, retry_after_seconds=_retry_after_seconds(answer))
    if answer.status in TRANSIENT_STATUSES or answer.status >= 500:
        return unclear(request, text, request_id)
    if _is_about_keys(answer.status, code, message):
        return BrokerUnauthorized(f"the broker refuses these keys: {text}", request_id=request_id)
    return BrokerRefused(text, status=answer.status, code=code, request_id=request_id)


def _redirected(request: Request, answer: Answer) -> BrokerError:
    """Never followed: the keys would go to a host nobody configured."""
    text = f"the broker's address redirects elsewhere (HTTP {answer.status}), which is refused: correct the address"
    if request.changes_nothing:
        return BrokerRefused(text, status=answer.status, request_id=request_id_of(answer))
    return OutcomeUnknown(text, request_id=request_id_of(answer))


def _is_about_keys(status: int, code: int, message: str) -> bool:
    return status == 401 or (
        status == 403 and (code == NOT_AUTHORIZED_CODE or message.strip(". ") == "forbidden")
    )


def _words(answer: Answer) -> tuple[int, str]:
    """Code and message of a refusal's body; any other body (an HTML page) is named, not quoted."""
    try:
        body = _decode_exact(answer.body)
    except (ValueError, ArithmeticError, RecursionError):
        body = None
    if not isinstance(body, Mapping):
        return 0, http.client.responses.get(answer.status, "refused").lower()
    code = body.get("code")
    message = str(body.get("message") or "refused")[:REFUSAL_TEXT_MAX]
    return code if isinstance(code, int) else 0, " ".join(message.split())


def _retry_after_seconds(answer: Answer) -> float:
    """How long a 429 asks us to stay away; 0 where it does not say."""
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0
