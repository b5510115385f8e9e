"""Flows without a socket: what they yield is all they do."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from onlive_provider import errors
from onlive_provider.client.budget.process import ProcessBudget
from onlive_provider.client.protocol import Answer, Call, Failure, FailureKind
from onlive_provider.client.signing import SigningProfile
from onlive_provider.client.steps import Note, Send, Wait
from onlive_provider.models.fields import APPOINTMENT, SERVICE
from tests.client.model_server import ModelServer, answer
from tests.loopback import ID

RECORD = {"id": ID, "name": "x"}


def test_a_flow_yields_what_it_wants_done_and_is_sent_the_outcome() -> None:
    flow = ModelServer({"name": "x"}).flows().read(SERVICE, ID)
    first = flow.send(None)
    assert isinstance(first, Send)
    assert (first.request.method, first.request.url) == ("GET", f"https://openapi.onlive.site/api/v1/services/{ID}")
    second = flow.send(answer(500))
    assert second == Wait(0.25, f"GET /api/v1/services/{ID}: the server answered 500; attempt 2 of 5 follows")
    assert isinstance(flow.send(None), Send)
    with pytest.raises(StopIteration) as done:
        flow.send(answer(200, RECORD))
    assert done.value.value == RECORD


def test_nothing_happens_before_a_flow_is_driven() -> None:
    server = ModelServer({"name": "x"})
    server.flows().read(SERVICE, "not an id")
    assert server.requests == []


def test_a_note_and_a_wait_say_why() -> None:
    server = ModelServer({"name": "x"}, Failure(FailureKind.LOST, "ReadTimeout: timed out"))
    server.run(server.flows().write(SERVICE, ID, {"name": "x"}, {"name": "old"}))
    call = f"PUT /api/v1/services/{ID}"
    assert server.notes == [
        f"{call}: no answer came back (ReadTimeout: timed out); the write may still be under way",
        f"{call}: it is not known whether the write was made; reading the record to find out",
        f"{call}: the write was made; it is not sent again",
    ]


def test_a_write_that_was_not_made_is_told_so() -> None:
    server = ModelServer({"name": "old"}, Failure(FailureKind.LOST, "x"))
    server.run(server.flows().write(SERVICE, ID, {"name": "x"}, None))
    assert server.notes[-1] == f"PUT /api/v1/services/{ID}: the write was not made"


def test_a_correction_of_the_clock_is_told_with_its_seconds() -> None:
    server = ModelServer({"name": "x"}, answer(401, date="Sun, 09 Mar 2025 11:00:00 GMT"))
    server.run(server.flows().read(SERVICE, ID))
    assert server.notes == [
        f"GET /api/v1/services/{ID}: refused, and the clocks differ by -3600 s; signing by the server's"
    ]
    assert server.requests[1].headers["x-onlive-site-date"] == "20250309T110000Z"


def test_a_wait_for_a_turn_says_how_long_and_why() -> None:
    server = ModelServer({"name": "x"})
    flows = server.flows()
    flows.budgets.reads = ProcessBudget(1)
    call = f"GET /api/v1/services/{ID}"
    server.run(flows.read(SERVICE, ID))
    assert server.notes == []
    server.run(flows.read(SERVICE, ID))
    assert server.waits == [61.0]
    assert server.notes == [f"{call}: its turn among the 1 reads a minute of this access key is still to come"]


def test_a_wait_that_the_server_asked_for_is_every_callers_and_only_of_its_kind() -> None:
    server = ModelServer({"name": "x"}, answer(503, **{"retry-after": "20"}))
    flows = server.flows()
    reading = flows.read(SERVICE, ID)
    reading.send(None)
    waiting = reading.send(answer(503, **{"retry-after": "20"}))
    assert isinstance(waiting, Wait)
    assert waiting.seconds == 20.0
    other = flows.read(SERVICE, ID).send(None)
    why = f"GET /api/v1/services/{ID}: the server asked all reads of this access key to wait"
    assert other == Wait(20.0, why)
    assert isinstance(flows.write(SERVICE, ID, {"name": "x"}, None).send(None), Send)


def test_a_refusal_within_the_budget_makes_all_calls_slower_and_says_so() -> None:
    server = ModelServer({"name": "x"}, answer(429, **{"retry-after": "20"}))
    flows = server.flows()
    for _ in range(2):
        server.run(flows.write(SERVICE, ID, {"name": "x"}, None))
    assert server.waits[:1] == [20.0]
    assert server.waits[1:] == pytest.approx([61 / 50], abs=0.1)
    assert "refused writes within the budget, so that only 50 of 100 a minute are made" in server.notes[-1]


@pytest.mark.parametrize(("max_elapsed", "closed"), [(7.0, 7.0), (200.0, 200.0)])
def test_a_server_that_asks_for_a_longer_wait_than_a_call_has_is_left_alone_as_long_as_one_would_wait(
    max_elapsed: float, closed: float
) -> None:
    server = ModelServer({"name": "x"}, answer(429, **{"retry-after": "3600"}))
    flows = server.flows(max_elapsed=max_elapsed)
    with pytest.raises(errors.OnliveBusyError, match="asked to wait 3600 s"):
        server.run(flows.read(SERVICE, ID))
    step = flows.read(SERVICE, ID).send(None)
    assert isinstance(step, Wait)
    assert step.seconds == closed


def test_a_turn_that_is_put_off_while_it_is_waited_for_is_waited_for_again() -> None:
    server = ModelServer({"name": "x"})
    flows = server.flows()
    flows.budgets.writes = ProcessBudget(1)
    server.run(flows.write(SERVICE, ID, {"name": "x"}, None))
    flow = flows.write(SERVICE, ID, {"name": "y"}, None)
    first = flow.send(None)
    assert isinstance(first, Wait)
    server.clock.move(first.seconds)
    busy = flows.budgets.writes.take(server.clock.monotonic)
    flows.budgets.writes.refused(busy, server.clock.monotonic, 30.0, lower=False)
    again = flow.send(None)
    assert isinstance(again, Wait)
    assert again.seconds == 30.0
    server.clock.move(30.0)
    assert isinstance(flow.send(None), Send)


def test_waits_for_a_turn_leave_the_patience_alone() -> None:
    server = ModelServer({"name": "x"}, None, answer(503))
    flows = server.flows(max_elapsed=1.0)
    flows.budgets.reads = ProcessBudget(1)
    for _ in range(2):
        server.run(flows.read(SERVICE, ID))
    assert server.waits == [61.0, 0.25, 60.75]


def test_a_probe_counts_and_does_not_wait() -> None:
    server = ModelServer({"items": []})
    flows = server.flows()
    flows.budgets.reads = ProcessBudget(1)
    for _ in range(2):
        server.run(flows.probe())
    assert server.waits == []
    assert flows.budgets.reads.usage(server.clock.monotonic).waiting == 1


def test_a_call_that_was_slow_to_be_answered_counts_by_its_answer() -> None:
    server = ModelServer({"name": "x"})
    flows = server.flows()
    flows.budgets.reads = ProcessBudget(1)
    flow = flows.read(SERVICE, ID)
    flow.send(None)
    server.clock.move(9.0)
    with pytest.raises(StopIteration):
        flow.send(answer(200, RECORD))
    waiting = flows.read(SERVICE, ID).send(None)
    assert isinstance(waiting, Wait)
    assert waiting.seconds == 60.0


def test_a_call_may_be_sent_again_at_the_very_last_second_of_its_patience() -> None:
    server = ModelServer({"name": "x"}, answer(503, **{"retry-after": "10"}))
    server.run(server.flows(max_elapsed=10.0).read(SERVICE, ID))
    assert server.waits == [10.0]
    late = ModelServer({"name": "x"}, answer(503, **{"retry-after": "10.1"}))
    with pytest.raises(errors.OnliveServerError):
        late.run(late.flows(max_elapsed=10.0).read(SERVICE, ID))


def test_a_failure_that_cannot_pass_is_raised_at_once() -> None:
    server = ModelServer({"name": "x"}, Failure(FailureKind.TLS, "x"))
    with pytest.raises(errors.OnliveCallError):
        server.run(server.flows().read(SERVICE, ID))
    assert (len(server.requests), server.waits) == (1, [])


def test_a_payload_that_json_cannot_hold_is_refused_before_anything_is_sent() -> None:
    server = ModelServer({"name": "x"})
    unfit: dict[str, Any] = {"duration": float("nan")}
    with pytest.raises(errors.OnlivePayloadError, match="duration"):
        server.run(server.flows().write(SERVICE, ID, unfit, None))
    assert server.requests == []


def test_steps_show_no_header_and_no_body() -> None:
    flow = ModelServer({"name": "x"}).flows().write(SERVICE, ID, {"guests": "ana@example.com"}, None)
    step = flow.send(None)
    assert repr(step) == (f"Send(request=Request(PUT https://openapi.onlive.site/api/v1/services/{ID}, 28 bytes))")
    assert repr(Note("x")) == "Note(text='x')"


def test_an_attempt_is_signed_by_the_profile_that_is_tried_and_not_by_the_connections() -> None:
    server = ModelServer({})
    call, flows = Call.read(SERVICE, ID), server.flows()
    for profile in (SigningProfile(), SigningProfile(signature_encoding="base64")):
        server.run(flows.attempt(call, profile))
    by_default, tried = (request.headers["Authorization"].partition("Signature=")[2] for request in server.requests)
    assert (len(by_default), tried[-1]) == (64, "=")


def test_an_answer_that_is_no_record_is_told_so() -> None:
    server = ModelServer({"name": "x"}, answer(200, {"status": "ok"}))
    server.run(server.flows().read(SERVICE, ID))
    call = f"GET /api/v1/services/{ID}"
    assert server.notes == [f"{call}: the server answered 200, and not with the record; attempt 2 of 5 follows"]


@pytest.mark.parametrize("second", [answer(200, RECORD), answer(404, {"message": "gone"})], ids=["record", "refusal"])
def test_a_correction_that_the_server_accepted_is_the_keys_for_every_later_call(second: Answer) -> None:
    server = ModelServer({"name": "x"}, answer(401, date="Sun, 09 Mar 2025 11:00:00 GMT"), second)
    flows = server.flows()
    with contextlib.suppress(errors.OnliveNotFoundError):
        server.run(flows.read(SERVICE, ID))
    server.run(flows.read(SERVICE, ID))
    assert [request.headers["x-onlive-site-date"][9:11] for request in server.requests] == ["12", "11", "11"]


def test_a_correction_that_a_proxy_answered_is_not_the_keys() -> None:
    server = ModelServer({"name": "x"}, answer(401, date="Sun, 09 Mar 2025 11:00:00 GMT"), answer(404))
    flows = server.flows()
    with pytest.raises(errors.OnliveNotFoundError):
        server.run(flows.read(SERVICE, ID))
    server.run(flows.read(SERVICE, ID))
    assert [request.headers["x-onlive-site-date"][9:11] for request in server.requests] == ["12", "11", "12"]


def test_only_an_attempt_after_a_lost_one_asks_for_a_fresh_connection() -> None:
    flow = ModelServer({}).flows().read(SERVICE, ID)
    sends = []
    for outcome in (None, answer(500), Failure(FailureKind.LOST, "x"), Failure(FailureKind.NOT_SENT, "x")):
        step = flow.send(outcome)
        while not isinstance(step, Send):
            step = flow.send(None)
        sends.append(step.on_fresh_connection)
    assert sends == [False, True, True, False]


@pytest.mark.parametrize("outcome", [answer(401), answer(200), Failure(FailureKind.LOST, "x")])
def test_a_probe_is_one_attempt_whatever_comes_back(outcome: Answer | Failure) -> None:
    server = ModelServer({}, outcome)
    with pytest.raises(errors.OnliveCallError) as failed:
        server.run(server.flows().probe())
    assert (failed.value.attempts, len(server.requests), server.waits) == (1, 1, [])


def test_a_write_whose_fate_stays_unknown_is_named_with_its_call() -> None:
    server = ModelServer({"updatedAt": None, "title": "x"}, Failure(FailureKind.LOST, "x"))
    with pytest.raises(errors.OnliveUnknownFateError, match=f"PUT /api/v1/appointments/{ID}: .*does not show it"):
        server.run(server.flows().write(APPOINTMENT, ID, {"agentComment": "x"}, None))
    assert len(server.writes) == 1


@pytest.mark.parametrize("knows_the_clock", [True, False])
def test_a_blind_write_is_judged_by_the_servers_clock_if_an_answer_has_told_it(knows_the_clock: bool) -> None:
    """The record was changed ten minutes before the write by a clock that is twenty minutes ahead: by somebody else."""
    told = {"date": "Sun, 09 Mar 2025 12:20:00 GMT"} if knows_the_clock else {}
    server = ModelServer(
        {"updatedAt": "2025-03-09T12:10:00.000Z", "title": "x"}, answer(200, RECORD | {"title": "x"}, **told)
    )
    server._script.append(Failure(FailureKind.LOST, "x"))
    flows = server.flows()
    server.run(flows.read(APPOINTMENT, ID))
    server.run(flows.write(APPOINTMENT, ID, {"agentComment": "x"}, None))
    assert len(server.writes) == (2 if knows_the_clock else 1)


def test_a_record_that_somebody_else_changed_is_told_with_both_times() -> None:
    now, before = "2025-03-09T11:30:00.000Z", "2025-03-09T11:00:00.000Z"
    server = ModelServer({"updatedAt": now, "title": "theirs"}, Failure(FailureKind.LOST, "x"))
    with pytest.raises(errors.OnliveStaleRecordError) as stale:
        server.run(server.flows().write(APPOINTMENT, ID, {"title": "ours"}, {"title": "old", "updatedAt": before}))
    assert (stale.value.expected, stale.value.actual) == (before, now)
    assert str(stale.value).startswith(
        f"appointment {ID} was changed at {now}, after the expected {before}; a write got"
    )


def test_a_look_up_that_fails_is_told_with_the_call_of_the_write() -> None:
    server = ModelServer({"title": "x"}, Failure(FailureKind.LOST, "x"), answer(403, {"message": "no"}))
    with pytest.raises(errors.OnliveUnknownFateError, match=rf"^PUT /api/v1/appointments/{ID}: .*looking it up failed"):
        server.run(server.flows().write(APPOINTMENT, ID, {"title": "y"}, None))


def test_a_key_that_is_throttled_without_a_time_waits_for_nothing_when_the_call_is_given_up() -> None:
    server = ModelServer({"name": "x"}, answer(429))
    flows = server.flows(max_attempts=1)
    with pytest.raises(errors.OnliveBusyError):
        server.run(flows.read(SERVICE, ID))
    assert flows.budgets.reads.usage(server.clock.monotonic).closed_for == 0.0
