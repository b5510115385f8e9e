"""An answer that is not a success: its status and its JSON body, as the API reference words them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

FieldErrors = list[tuple[str, str]]
"""Pairs of a field's path and what is wrong with it."""


class ApiError(Exception):
    """The API refuses a request.

    :param status: the HTTP status.
    :param message: the body's ``message``.
    :param errors: pairs of a field's path and what is wrong with it; left out of the body when there are none.
    :param headers: headers that only this answer carries.
    """

    def __init__(
        self,
        status: int,
        message: str,
        errors: Sequence[tuple[str, str]] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = tuple(errors)
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """Give the answer's body."""
        body: dict[str, Any] = {"statusCode": self.status, "message": self.message}
        if self.errors:
            body["errors"] = [{"field": field, "message": message} for field, message in self.errors]
        return body


def unauthorized() -> ApiError:
    """Refuse a request whose credentials, signature or date do not hold (the API reference: 401)."""
    return ApiError(401, "Invalid or missing authorization credentials")


def validation_failed(errors: Sequence[tuple[str, str]]) -> ApiError:
    """Refuse well-formed input that breaks a rule about what is stored (the API reference: 422)."""
    return ApiError(422, "Validation failed", errors)
