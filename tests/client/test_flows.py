"""Flows without a socket: what they yield is all they do."""

from __future__ import annotations

from typing import Any

import pytest

from onlive_provider import errors
from onlive_provider.client.protocol import Failure, FailureKind
from onlive_provider.client.steps import Note, Send, Wait
from onlive_provider.models.fields import SERVICE
from tests.client.model_server import ModelServer, answer
from tests.loopback import ID


def test_a_flow_yields_what_it_wants_done_and_is_sent_the_outcome() -> None:
    flow = ModelServer({}).flows().read(SERVICE, ID)
    first = flow.send(None)
    assert isinstance(first, Send)
    assert (first.request.method, first.request.url) == ("GET", f"https://openapi.onlive.site/api/v1/services/{ID}")
    second = flow.send(answer(500))
    assert second == Wait(0.25, f"GET /api/v1/services/{ID}: the server answered 500; attempt 2 of 5 follows")
    assert isinstance(flow.send(None), Send)
    with pytest.raises(StopIteration) as done:
        flow.send(answer(200, {"id": ID}))
    assert done.value.value == {"id": ID}


def test_nothing_happens_before_a_flow_is_driven() -> None:
    server = ModelServer({})
    server.flows().read(SERVICE, "not an id")
    assert server.requests == []


def test_a_note_and_a_wait_say_why() -> None:
    server = ModelServer({"name": "x"}, Failure(FailureKind.LOST, "ReadTimeout: timed out"))
    server.run(server.flows().write(SERVICE, ID, {"name": "x"}, None))
    call = f"PUT /api/v1/services/{ID}"
    assert server.notes == [
        f"{call}: no answer came back (ReadTimeout: timed out); the write may still be under way",
        f"{call}: it is not known whether the write was made; reading the record to find out",
        f"{call}: the write was made and is not sent again",
    ]


def test_a_write_that_was_not_made_is_told_so() -> None:
    server = ModelServer({"name": "old"}, Failure(FailureKind.LOST, "x"))
    server.run(server.flows().write(SERVICE, ID, {"name": "x"}, None))
    assert server.notes[-1] == f"PUT /api/v1/services/{ID}: the write was not made"


def test_a_correction_of_the_clock_is_told_with_its_seconds() -> None:
    server = ModelServer({}, answer(401, date="Sun, 09 Mar 2025 11:00:00 GMT"))
    server.run(server.flows().read(SERVICE, ID))
    assert server.notes == [
        f"GET /api/v1/services/{ID}: refused, and the clocks differ by -3600 s; signing by the server's"
    ]
    assert server.requests[1].headers["x-onlive-site-date"] == "20250309T110000Z"


def test_a_wait_for_the_budget_says_which() -> None:
    server = ModelServer({})
    flows = server.flows()
    flows.budgets.reads.close_until(5.0)
    server.run(flows.read(SERVICE, ID))
    assert server.waits == [5.0]
    assert "1000 reads a minute are used up, or the server asked to wait" in server.notes[0]
    flows.budgets.writes.close_until(9.0)
    server.run(flows.write(SERVICE, ID, {"name": "x"}, None))
    assert server.waits == [5.0, 4.0]
    assert "100 writes a minute are used up, or the server asked to wait" in server.notes[1]


def test_a_call_may_be_sent_again_at_the_very_last_second_of_its_patience() -> None:
    server = ModelServer({}, answer(503, **{"retry-after": "10"}))
    server.run(server.flows(max_elapsed=10.0).read(SERVICE, ID))
    assert server.waits == [10.0]
    late = ModelServer({}, answer(503, **{"retry-after": "10.1"}))
    with pytest.raises(errors.OnliveServerError):
        late.run(late.flows(max_elapsed=10.0).read(SERVICE, ID))


@pytest.mark.parametrize("kind", [FailureKind.TLS, FailureKind.TOO_LARGE])
def test_a_failure_that_cannot_pass_is_raised_at_once(kind: FailureKind) -> None:
    server = ModelServer({}, Failure(kind, "x"))
    with pytest.raises(errors.OnliveCallError):
        server.run(server.flows().read(SERVICE, ID))
    assert (len(server.requests), server.waits) == (1, [])


def test_a_payload_that_json_cannot_hold_is_refused_before_anything_is_sent() -> None:
    server = ModelServer({})
    unfit: dict[str, Any] = {"duration": float("nan")}
    with pytest.raises(errors.OnlivePayloadError, match="duration"):
        server.run(server.flows().write(SERVICE, ID, unfit, None))
    assert server.requests == []


def test_steps_show_no_header_and_no_body() -> None:
    flow = ModelServer({}).flows().write(SERVICE, ID, {"guests": "ana@example.com"}, None)
    step = flow.send(None)
    assert repr(step) == (f"Send(request=Request(PUT https://openapi.onlive.site/api/v1/services/{ID}, 28 bytes))")
    assert repr(Note("x")) == "Note(text='x')"
