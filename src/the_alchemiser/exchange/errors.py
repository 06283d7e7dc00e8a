"""The one way the exchange says no: a Refusal that knows its HTTP status, code and text.

Codes and texts are those of the real API; code and status are the stable part, some clients
compare texts all the same.
"""

from __future__ import annotations

from typing import Any


class ConfigurationError(Exception):
    """An option that cannot be used; the text says which and why in one line."""


class Refusal(Exception):
    """A request the exchange declines: HTTP status, code, message and further fields of the body (`extra`)."""

    def __init__(self, http_status: int, code: int, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.code = code
        self.message = message
        self.extra = extra

    def body(self) -> dict[str, Any]:
        """The JSON body of the error answer."""
        return {"code": self.code, "message": self.message, **self.extra}


def malformed(message: str = "request body format is invalid") -> Refusal:
    return Refusal(400, 40010000, message)


def bad_parameter(message: str, **extra: Any) -> Refusal:
    """A parameter of the wrong shape. The real API sends this code with HTTP 422."""
    return Refusal(422, 40010001, message, **extra)


def forbidden(message: str, **extra: Any) -> Refusal:
    """Money, rights and protection: buying power, held shares, wash trades."""
    return Refusal(403, 40310000, message, **extra)


def not_found(message: str) -> Refusal:
    return Refusal(404, 40410000, message)


def unprocessable(message: str, **extra: Any) -> Refusal:
    """A business rule or the state of an order stands against it."""
    return Refusal(422, 42210000, message, **extra)
