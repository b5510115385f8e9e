"""A read that only looks."""

from __future__ import annotations

import pytest

from onlive_provider import errors
from onlive_provider.client.look import look
from onlive_provider.models.fields import APPOINTMENT, SERVICE
from tests.client.model_server import ModelServer, answer
from tests.loopback import ID


def test_it_returns_the_record_and_logs_that_it_was_read() -> None:
    server = ModelServer({"name": "Test drive"})
    assert server.run(look(server.flows(), SERVICE, ID)) == server.record
    assert [(request.method, request.url.rpartition("/")[2]) for request in server.requests] == [("GET", ID)]
    assert server.notes == [f"Read service {ID}, last changed at 2025-03-09T11:00:00.000Z"]


@pytest.mark.parametrize(
    ("start", "is_past"), [("2025-03-09T10:00:00.000Z", True), ("2099-01-01T00:00:00.000Z", False)]
)
def test_it_warns_of_a_past_appointment(start: str, is_past: bool) -> None:
    server = ModelServer({"start": start})
    server.run(look(server.flows(), APPOINTMENT, ID))
    assert ("may refuse to modify a past appointment" in server.notes[0]) is is_past


def test_a_missing_record_is_an_error() -> None:
    server = ModelServer({}, answer(404, {"statusCode": 404, "message": "Not found"}))
    with pytest.raises(errors.OnliveNotFoundError):
        server.run(look(server.flows(), SERVICE, ID))
