"""What a script of faults does to requests, over a real socket."""

from __future__ import annotations

import json
import socket
import time
from http.client import BadStatusLine, IncompleteRead

import pytest

from onlive_provider.sandbox.server import Sandbox

PUT = {"method": "PUT", "path": "/api/v1/services/*"}
GET = {"method": "GET", "path": "/api/v1/services/*"}


class Faulty:
    """A sandbox with faults, one of its services, and a caller."""

    def __init__(self, sandbox, caller):
        self.sandbox = sandbox
        self.caller = caller
        self.service = sandbox.records("services")[0]
        self.path = f"/api/v1/services/{self.service['id']}"

    def put(self):
        return self.caller.put(self.path, {"timeBetween": 99})

    def get(self):
        return self.caller.get(self.path)

    @property
    def is_written(self):
        return self.sandbox.record("services", self.service["id"])["timeBetween"] == 99

    def has_written_within(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.is_written:
            time.sleep(0.01)
        return self.is_written


@pytest.fixture
def faulty(clock, call_to):
    started = []

    def start(*faults, **options):
        sandbox = Sandbox(clock=clock, faults=faults, **options)
        sandbox.start()
        started.append(sandbox)
        return Faulty(sandbox, call_to(sandbox))

    yield start
    for sandbox in started:
        sandbox.stop()


@pytest.mark.parametrize("apply", [True, False])
def test_a_status_is_answered_with_its_headers_and_body_whether_or_not_the_write_is_made(faulty, apply):
    answers = {"status": 503, "headers": {"Retry-After": "2"}, "body": {"message": "Busy"}}
    running = faulty({**PUT, **answers, "apply": apply})
    answer = running.put()
    assert (answer.status, answer.headers["retry-after"], answer.body) == (503, "2", {"message": "Busy"})
    assert running.is_written == apply
    assert len(running.sandbox.notifications()) == int(apply)


def test_a_status_alone_is_answered_in_the_apis_form(faulty):
    answer = faulty({**PUT, "status": 500, "apply": False}).put()
    assert (answer.status, answer.body["statusCode"]) == (500, 500)


def test_a_text_is_sent_as_it_is(faulty):
    page = {"status": 200, "headers": {"Content-Type": "text/html"}, "body": "<h1>Back soon</h1>"}
    answer = faulty({**GET, **page}).get()
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, "text/html", b"<h1>Back soon</h1>")


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_that_has_no_body_has_none(faulty, status):
    answer = faulty({**GET, "status": status, "body": "x"}).get()
    assert (answer.status, answer.body) == (status, b"")


@pytest.mark.parametrize("apply", [True, False])
def test_a_connection_is_closed_before_or_after_the_write(faulty, apply):
    running = faulty({**PUT, "answer": "close", "apply": apply, "requests": [1]})
    with pytest.raises(BadStatusLine):
        running.put()
    assert running.is_written == apply
    assert running.put().status == 200


def test_an_answer_is_lost_after_the_write(faulty, clock, sign):
    running = faulty({**PUT, "answer": "silence", "apply": True})
    with _raw(running, sign, clock) as connection:
        assert running.has_written_within(5)
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_a_sandbox_stops_at_once_while_it_keeps_silent_and_complains_of_nothing(clock, sign, call_to, caplog):
    fault = {**PUT, "answer": "silence", "apply": True}
    with Sandbox(clock=clock, faults=[fault]) as sandbox:
        running = Faulty(sandbox, call_to(sandbox))
        connection = _raw(running, sign, clock)
        assert running.has_written_within(5)
    with connection:
        connection.settimeout(5)
        assert connection.recv(1) == b""
    assert caplog.messages == []


def test_an_answer_comes_late_after_the_write(faulty, clock, sign):
    running = faulty({**PUT, "delay": 0.3})
    with _raw(running, sign, clock) as connection:
        assert running.has_written_within(5)
        connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(5)
        assert connection.recv(12) == b"HTTP/1.1 200"


def test_a_body_breaks_off(faulty, caplog):
    running = faulty({**PUT, "truncate": 20})
    with pytest.raises(IncompleteRead) as broken:
        running.put()
    assert len(broken.value.partial) == 20
    assert broken.value.expected > 20
    assert running.is_written
    assert caplog.messages == []


def test_a_body_that_is_shorter_than_the_cut_comes_whole(faulty):
    assert faulty({**GET, "truncate": 10**9}).get().status == 200


@pytest.mark.parametrize("kind", ["services", "appointments"])
def test_another_record_of_the_same_kind_is_answered(faulty, kind):
    running = faulty({"path": f"/api/v1/{kind}/*", "answer": "another_record"})
    asked, other = running.sandbox.records(kind)[:2]
    answer = running.caller.get(f"/api/v1/{kind}/{asked['id']}")
    assert (answer.status, answer.body["id"]) == (200, other["id"])
    assert "agentComment" not in answer.body
    assert running.caller.get(f"/api/v1/{kind}/{running.sandbox.organization_id}").status == 404


def test_a_write_of_one_record_may_be_answered_with_another(faulty):
    running = faulty({**PUT, "answer": "another_record"})
    assert running.put().body["id"] != running.service["id"]
    assert running.is_written


def test_the_list_has_no_other_record(faulty):
    running = faulty({"path": "/api/v1/services", "answer": "another_record"})
    assert running.caller.get("/api/v1/services").body["page"] == 1


def test_a_write_shows_only_later_although_it_was_answered(faulty):
    running = faulty({**PUT, "apply": 0.2})
    answer = running.put()
    assert (answer.status, answer.body["timeBetween"]) == (200, 99)
    assert running.get().body["timeBetween"] == running.service["timeBetween"]
    assert running.sandbox.notifications() == []
    assert running.has_written_within(5)


def test_a_late_write_that_has_become_impossible_is_not_made_and_nobody_complains(faulty, caplog):
    running = faulty({**PUT, "apply": 0.3, "requests": [1]})
    assert running.caller.put(running.path, {"maxTimeToSchedule": 5}).status == 200
    assert running.caller.put(running.path, {"minTimeToSchedule": 10}).status == 200
    time.sleep(0.4)
    assert running.get().body["maxTimeToSchedule"] == running.service["maxTimeToSchedule"]
    assert caplog.messages == []


def test_a_write_is_answered_and_never_made(faulty):
    running = faulty({**PUT, "apply": False})
    assert running.put().body["timeBetween"] == 99
    assert not running.is_written


@pytest.mark.parametrize(
    ("date", "told"),
    [
        (-3600, "Wed, 11 Mar 2026 11:00:00 GMT"),
        (1e9, "Sat, 17 Nov 2057 13:46:40 GMT"),
        ("yesterday", "yesterday"),
    ],
)
def test_the_date_of_an_answer_is_wrong(faulty, date, told):
    running = faulty({**GET, "date": date, "requests": [1]})
    assert running.get().headers["date"] == told
    assert running.get().headers["date"] == "Wed, 11 Mar 2026 12:00:00 GMT"


def test_only_the_requests_that_are_named_meet_a_fault(faulty):
    running = faulty({**GET, "requests": [2, 4], "status": 500})
    running.put()
    assert [running.get().status for _ in range(5)] == [200, 500, 200, 500, 200]


def test_the_first_fault_that_is_due_is_met_and_all_count(faulty):
    running = faulty({**GET, "requests": [1], "status": 500}, {**GET, "requests": [1, 2], "status": 502})
    assert [running.get().status for _ in range(3)] == [500, 502, 200]


def test_a_fault_without_a_method_and_a_path_meets_every_call_of_the_api_and_no_other(faulty):
    running = faulty({"status": 502, "apply": False})
    assert {running.get().status, running.put().status, running.caller.get("/api/v1/services").status} == {502}
    assert running.caller.send("GET", "/sandbox/calls", b"", {}).status == 200


def test_a_path_is_compared_as_a_whole(faulty):
    running = faulty({"method": "GET", "path": "/api/v1/services", "status": 502})
    assert running.get().status == 200
    assert running.caller.get("/api/v1/services").status == 502


def test_a_refused_call_is_refused_all_the_same(faulty):
    running = faulty({**PUT, "delay": 0.01})
    assert running.caller.put(running.path, {"timeBetween": -1}).status == 400


def test_a_wrong_signature_meets_no_fault_and_does_not_count(faulty):
    running = faulty({**PUT, "requests": [2], "answer": "close", "apply": True})
    guess = ("onlive-sandbox", "guess")
    assert running.caller.put(running.path, {}, key=guess).status == 401
    assert running.put().status == 200
    assert running.caller.put(running.path, {}, key=guess).status == 401
    with pytest.raises(BadStatusLine):
        running.put()
    assert [call["status"] for call in running.sandbox.calls()] == [401, 200, 401, None]


def test_a_refusal_of_a_signature_may_have_a_wrong_date(faulty):
    running = faulty({"requests": [1], "date": -3600})
    refused = running.caller.get(running.path, key=("onlive-sandbox", "guess"))
    assert (refused.status, refused.headers["date"]) == (401, "Wed, 11 Mar 2026 11:00:00 GMT")
    assert running.get().headers["date"] == "Wed, 11 Mar 2026 12:00:00 GMT"


def test_the_log_says_which_fault_a_call_met_and_what_it_was_told(faulty):
    close, refuse = {"answer": "close", "apply": False}, {"status": 503, "apply": True}
    running = faulty({**PUT, **close, "requests": [1]}, {**PUT, **refuse, "requests": [2]})
    with pytest.raises(BadStatusLine):
        running.put()
    running.put()
    running.get()
    told = [(call["status"], call.get("fault")) for call in running.sandbox.calls()]
    assert told == [(None, 1), (503, 2), (200, None)]
    assert running.caller.send("GET", "/sandbox/calls", b"", {}).body["items"] == running.sandbox.calls()


def _raw(running, sign, clock):
    """Send a PUT, and give the connection without reading from it."""
    body = json.dumps({"timeBetween": 99}).encode()
    sandbox = running.sandbox
    date = clock().strftime("%Y%m%dT%H%M%SZ")
    headers = sign("PUT", running.path, "", body, date, sandbox.access_key_id, sandbox.secret_access_key)
    headers |= {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": str(len(body))}
    head = "\r\n".join([f"PUT {running.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())])
    connection = socket.create_connection(("127.0.0.1", sandbox.port), timeout=5)
    connection.sendall(head.encode() + b"\r\n\r\n" + body)
    return connection
