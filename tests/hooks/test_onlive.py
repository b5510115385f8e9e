"""The hook looks its Connection up when it is first used, calls the API, and fails fast where a retry cannot help."""

from __future__ import annotations

import json

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowNotFoundException, AirflowSkipException

from onlive_provider import errors
from onlive_provider.hooks.onlive import OnliveHook
from tests.loopback import ID, SECRET, LoopbackServer, reply

SERVICES = [{"id": f"{number:08}-0000-4000-8000-000000000000", "name": f"Service {number}"} for number in range(21)]
TERMINAL = {
    400: errors.OnliveBadRequestError,
    401: errors.OnliveUnauthorizedError,
    403: errors.OnliveForbiddenError,
    404: errors.OnliveNotFoundError,
    409: errors.OnliveConflictError,
    422: errors.OnliveValidationError,
}


def test_a_hook_of_a_missing_connection_can_be_made_and_fails_when_it_is_used():
    hook = OnliveHook("onlive_nowhere")
    with pytest.raises(AirflowNotFoundException, match="onlive_nowhere"):
        hook.get_conn()


def test_without_an_argument_it_uses_the_default_connection():
    assert OnliveHook().onlive_conn_id == "onlive_default"


def test_the_client_is_made_once_a_hook_and_anew_by_another_hook(connect):
    hook = connect("http://127.0.0.1:9")
    assert hook.get_conn() is hook.get_conn()
    first = repr(hook.get_conn())
    other = connect("http://127.0.0.1:10")
    assert repr(hook.get_conn()) == first
    assert repr(other.get_conn()) == "OnliveClient(http://127.0.0.1:10)"


def test_a_connection_that_cannot_be_used_fails_at_first_use_without_a_retry(connect):
    hook = connect(extra={"timeuot": 5})
    for call in (hook.get_conn, lambda: hook.get_service(ID), lambda: next(hook.iter_services())):
        with pytest.raises(errors.OnliveConfigError, match="did you mean timeout") as caught:
            call()
        assert isinstance(caught.value, AirflowFailException)


def test_records_are_read_as_the_api_answers_them(connect):
    with LoopbackServer(reply(200, {"id": ID, "title": "x"}), reply(200, {"id": ID, "name": "y"})) as server:
        hook = connect(server.url)
        assert hook.get_appointment(ID) == {"id": ID, "title": "x"}
        assert hook.get_service(ID) == {"id": ID, "name": "y"}
    assert [(each.method, each.target) for each in server.requests] == [
        ("GET", f"/api/v1/appointments/{ID}"),
        ("GET", f"/api/v1/services/{ID}"),
    ]


def test_a_blind_update_sends_exactly_the_patch(connect):
    with LoopbackServer(reply(200, {"id": ID}), reply(200, {"id": ID, "active": True})) as server:
        hook = connect(server.url)
        patch = {"title": "Demo", "description": None}
        assert hook.update_appointment(ID, patch, only_changed=False) == {"id": ID}
        patch = {"active": "true", "dateRanges": []}
        assert hook.update_service(ID, patch, only_changed=False) == {"id": ID, "active": True}
    assert [(each.method, each.target, each.body) for each in server.requests] == [
        ("PUT", f"/api/v1/appointments/{ID}", b'{"title":"Demo","description":null}'),
        ("PUT", f"/api/v1/services/{ID}", b'{"active":true,"dateRanges":[]}'),
    ]


SERVED = {
    "id": ID,
    "extraFields": {},
    "updatedAt": "2025-03-09T19:32:06.669Z",
    "state": "pending",
    "start": "2030-03-10T08:00:00.000Z",
}


def test_an_update_reads_compares_and_sends_only_what_changes(connect):
    written = {**SERVED, "state": "confirmed"}
    with LoopbackServer(reply(200, SERVED), reply(200, written), reply(200, written)) as server:
        hook = connect(server.url)
        payload = {"state": "confirmed", "start": "2030-03-10T09:00"}
        for _ in range(2):
            assert hook.update_appointment(ID, payload, timezone="Europe/Madrid") == written
    assert [(each.method, each.body) for each in server.requests] == [
        ("GET", b""),
        ("PUT", b'{"state":"confirmed"}'),
        ("GET", b""),
    ]


def test_an_update_can_only_plan_and_guard_and_fall_back(connect):
    answers = [reply(200, SERVED)] * 3 + [reply(409, {"message": "taken"}), reply(200, {"id": ID})]
    first = {"start": "2030-03-10T10:00Z", "end": "2030-03-10T10:30Z"}
    second = {"start": "2030-03-10T11:00Z", "end": "2030-03-10T11:30Z"}
    with LoopbackServer(*answers) as server:
        hook = connect(server.url)
        assert hook.update_appointment(ID, {"state": "confirmed"}, plan_only="true") == SERVED
        with pytest.raises(errors.OnliveStaleRecordError) as caught:
            hook.update_service(ID, {"name": "x"}, expected_updated_at="2025-01-01T00:00:00Z")
        assert isinstance(caught.value, AirflowFailException)
        hook.update_appointment(ID, first, fallback_slots=[second])
    assert [each.method for each in server.requests] == ["GET", "GET", "GET", "PUT", "PUT"]
    assert b"2030-03-10T11:00:00.000Z" in server.requests[-1].body


@pytest.mark.parametrize("empty", [None, "", "None", float("nan")], ids=repr)
def test_a_guard_that_came_to_nothing_is_refused(connect, empty):
    with LoopbackServer() as server:
        hook = connect(server.url)
        for call in (hook.update_appointment, hook.update_service):
            with pytest.raises(errors.OnlivePayloadError, match="expected_updated_at: "):
                call(ID, {}, expected_updated_at=empty)
    assert server.requests == []


@pytest.mark.parametrize(("status", "option"), [(404, "on_not_found"), (409, "on_conflict")])
def test_an_update_skips_the_task_where_its_author_asked_for_it(connect, status, option):
    for choice, error in (("skip", AirflowSkipException), ("fail", AirflowFailException)):
        with LoopbackServer(reply(status, {"message": "no"})) as server, pytest.raises(error):
            connect(server.url).update_appointment(ID, {"title": "x"}, only_changed=False, **{option: choice})
    with pytest.raises(ValueError, match=f"{option}: 'ignore' is not accepted"):
        connect("http://127.0.0.1:1").update_appointment(ID, {"title": "x"}, **{option: "ignore"})


@pytest.mark.parametrize("update", ["update_appointment", "update_service"])
def test_a_patch_that_cannot_be_sent_is_refused_before_any_call(connect, update):
    with LoopbackServer() as server:
        hook = connect(server.url)
        with pytest.raises(errors.OnlivePayloadError, match="createdAt") as caught:
            getattr(hook, update)(ID, {"createdAt": "2025-03-10T08:00:00Z"})
    assert isinstance(caught.value, AirflowFailException)
    assert server.requests == []


def test_services_come_page_after_page(connect):
    pages = [reply(200, {"items": SERVICES[:20]}), reply(200, {"items": SERVICES[20:]})]
    with LoopbackServer(*pages) as server:
        assert list(connect(server.url).iter_services(search="Serv", typeId=ID)) == SERVICES
    assert [each.filters["page"] for each in server.requests] == ["1", "2"]
    assert {(each.filters["search"], each.filters["typeId"]) for each in server.requests} == {("Serv", ID)}


def test_services_are_read_only_as_far_as_they_are_asked_for(connect):
    with LoopbackServer(reply(200, {"items": SERVICES[:20]})) as server:
        services = connect(server.url).iter_services()
        assert server.requests == []
        assert next(services) == SERVICES[0]
    assert len(server.requests) == 1


def test_a_terminal_error_on_a_later_page_fails_fast_too(connect):
    with LoopbackServer(reply(200, {"items": SERVICES[:20]}), reply(403, {"message": "no"})) as server:
        services = connect(server.url).iter_services()
        assert [next(services)["id"] for _ in range(20)] == [each["id"] for each in SERVICES[:20]]
        with pytest.raises(errors.OnliveForbiddenError) as caught:
            next(services)
    assert isinstance(caught.value, AirflowFailException)


def calls(hook: OnliveHook):
    return (
        lambda: hook.get_appointment(ID),
        lambda: hook.get_service(ID),
        lambda: hook.update_appointment(ID, {"title": "x"}),
        lambda: hook.update_service(ID, {"name": "x"}),
        lambda: list(hook.iter_services()),
    )


@pytest.mark.parametrize("status", TERMINAL)
def test_a_terminal_status_costs_one_attempt_and_no_retry_of_the_task(connect, status):
    answer = reply(status, {"statusCode": status, "message": "Refused"})
    for number in range(5):
        with LoopbackServer() as server:
            server.otherwise = answer
            with pytest.raises(TERMINAL[status], match="Refused") as caught:
                calls(connect(server.url))[number]()
        assert isinstance(caught.value, AirflowFailException)
        assert caught.value.attempts == 1
        assert len(server.requests) == 1


def test_a_busy_server_leaves_the_retry_to_the_task_and_says_when(connect):
    for number in range(5):
        with LoopbackServer() as server:
            server.otherwise = reply(429, {"message": "slow down"}, headers={"Retry-After": "90"})
            with pytest.raises(errors.OnliveBusyError) as caught:
                calls(connect(server.url, extra={"max_elapsed": 30}))[number]()
        assert not isinstance(caught.value, AirflowFailException)
        assert caught.value.retry_after == 90
        assert len(server.requests) == 1


def test_no_error_of_the_hook_shows_the_secret_or_a_signature(connect):
    with LoopbackServer() as server:
        server.otherwise = reply(401, {"message": "Invalid or missing authorization credentials"})
        with pytest.raises(errors.OnliveUnauthorizedError) as caught:
            connect(server.url).get_service(ID)
        sent = server.requests[0].header("Authorization")
    assert sent is not None
    assert SECRET not in str(caught.value)
    assert sent.rpartition("=")[2] not in str(caught.value)


def test_the_signing_profile_of_the_connection_signs(connect):
    profile = {"string_to_sign": "{date}", "signature_encoding": "base64", "signature_hash": "sha512"}
    with LoopbackServer(reply(200, {"id": ID, "name": "x"})) as server:
        connect(server.url, extra=json.dumps(profile)).get_service(ID)
    header = server.requests[0].header("Authorization")
    assert header is not None
    assert len(header.partition("Signature=")[2]) == 88
