"""A write that left and was not answered: it is looked up before it is sent again."""

from __future__ import annotations

from typing import Any

import pytest

from onlive_provider import errors
from onlive_provider.client.protocol import MAX_ANSWER_BYTES
from onlive_provider.client.updates import Update
from onlive_provider.models.fields import APPOINTMENT
from tests.client.drivers import connect
from tests.loopback import CLOSE, ID, NOON, RESET, SILENCE, Cut, FakeClock, LoopbackServer, reply, settings_for

pytestmark = pytest.mark.usefixtures("each_driver")
PATCH = {"title": "Second", "start": "2025-03-10T08:00:00.000Z", "guests": [{"email": "ana@example.com"}]}
OLD = {"id": ID, "title": "First", "start": "2025-03-11T08:00:00.000Z", "updatedAt": "2025-03-09T11:00:00.000Z"}
NEW = {
    "id": ID,
    "title": "Second",
    "start": "2025-03-10T09:00:00+01:00",
    "guests": [{"email": "Ana@example.com", "extraFields": {"phone": None}}],
    "updatedAt": "2025-03-09T12:00:00.500Z",
}
NO_ANSWERS = [SILENCE, RESET, CLOSE, Cut(b"HTTP/1"), Cut(reply(200, NEW)[:-2])]
UNUSABLE_ANSWERS = [
    reply(200, body=b"<html>Maintenance</html>"),
    reply(200, body=b'{"id": "1610'),
    reply(200, [NEW]),
    reply(204, body=b""),
    Cut(reply(200, body=b"x" * (MAX_ANSWER_BYTES + 1))),
]
UNCLEAR_STATUSES = [reply(status, {"message": "Oh"}) for status in (408, 500, 502, 504)]


def write(server: LoopbackServer, clock: FakeClock | None = None, patch: Any = PATCH, **changes: Any) -> Any:
    settings = settings_for(server, **{"timeout": 0.2, **changes})
    with connect(settings, clock=clock or FakeClock(), random=lambda: 0.5) as client:
        return client.put_appointment(ID, patch)


@pytest.mark.parametrize("answer", [*NO_ANSWERS, *UNUSABLE_ANSWERS, *UNCLEAR_STATUSES])
def test_a_write_that_the_look_up_shows_was_made_is_not_sent_again(answer: Any) -> None:
    with LoopbackServer(answer, reply(200, NEW)) as server:
        assert write(server) == NEW
    assert server.methods == ["PUT", "GET"]
    assert server.requests[1].path == server.requests[0].path


@pytest.mark.parametrize("answer", [*NO_ANSWERS, *UNCLEAR_STATUSES])
def test_a_write_that_the_look_up_shows_was_not_made_is_sent_again(answer: Any) -> None:
    with LoopbackServer(answer, reply(200, OLD), reply(200, NEW)) as server:
        assert write(server) == NEW
    assert server.methods == ["PUT", "GET", "PUT"]
    assert server.writes[0].body == server.writes[1].body


@pytest.mark.parametrize("answer", UNUSABLE_ANSWERS)
def test_an_unusable_answer_to_a_write_that_was_not_made_is_an_answer_error(answer: Any) -> None:
    with LoopbackServer(answer, reply(200, OLD)) as server, pytest.raises(errors.OnliveAnswerError):
        write(server)
    assert server.methods == ["PUT", "GET"]


@pytest.mark.parametrize("fault", [RESET, CLOSE, Cut(b"HTTP/1.1 200 OK\r\n")])
def test_a_write_on_a_kept_connection_that_breaks_reaches_the_server_once_and_is_looked_up(fault: Any) -> None:
    with (
        LoopbackServer(reply(200, OLD), fault, reply(200, NEW)) as server,
        connect(settings_for(server), clock=FakeClock()) as client,
    ):
        client.get_appointment(ID)
        assert client.put_appointment(ID, PATCH) == NEW
    assert server.methods == ["GET", "PUT", "GET"]
    assert server.connections == 2


@pytest.mark.parametrize("field", ["title", "start", "guests"])
def test_one_missing_field_means_that_the_write_was_not_made(field: str) -> None:
    with LoopbackServer(CLOSE, reply(200, {**NEW, field: OLD.get(field)}), reply(200, NEW)) as server:
        write(server)
    assert server.methods == ["PUT", "GET", "PUT"]


def test_the_look_up_waits_until_the_write_may_have_settled() -> None:
    clock = FakeClock()
    with LoopbackServer(CLOSE, reply(200, NEW)) as server:
        write(server, clock)
    assert clock.waits == [1.0]


def test_the_look_up_waits_as_long_as_the_server_asks() -> None:
    clock = FakeClock()
    with LoopbackServer(reply(502, headers={"Retry-After": "9"}), reply(200, OLD), reply(200, NEW)) as server:
        write(server, clock)
    assert clock.waits == [9.0]


def test_a_look_up_settles_the_last_attempt_too() -> None:
    script = [CLOSE, reply(200, OLD), CLOSE, reply(200, NEW)]
    with LoopbackServer(*script) as server:
        assert write(server, max_attempts=2) == NEW
    assert server.methods == ["PUT", "GET", "PUT", "GET"]


def test_attempts_used_up_with_the_write_not_made_is_a_retryable_error() -> None:
    script = [CLOSE, reply(200, OLD), RESET, reply(200, OLD)]
    with LoopbackServer(*script) as server, pytest.raises(errors.OnliveUnknownFateError) as failed:
        write(server, max_attempts=2)
    assert server.methods == ["PUT", "GET", "PUT", "GET"]
    assert (failed.value.attempts, failed.value.retryable, failed.value.elapsed) == (2, True, 2.0)


def test_an_unclear_status_keeps_its_own_error_when_the_write_was_not_made() -> None:
    with (
        LoopbackServer(reply(500, {"message": "Oh"}), reply(200, OLD)) as server,
        pytest.raises(errors.OnliveServerError, match='500: "Oh"'),
    ):
        write(server, max_attempts=1)
    assert server.methods == ["PUT", "GET"]


def test_a_long_look_up_uses_up_the_patience_and_the_write_is_not_sent_again() -> None:
    clock = FakeClock()

    def slow(_: object) -> bytes:
        clock.move(60.0)
        return reply(200, OLD)

    with LoopbackServer(CLOSE, slow) as server, pytest.raises(errors.OnliveUnknownFateError) as failed:
        write(server, clock, max_elapsed=30.0)
    assert server.methods == ["PUT", "GET"]
    assert failed.value.elapsed == 61.0


@pytest.mark.parametrize(
    "look_up", [reply(403, {"message": "No"}), reply(404), reply(401), reply(200, body=b"<html>"), reply(302)]
)
def test_a_look_up_that_fails_leaves_the_fate_unknown(look_up: bytes) -> None:
    with LoopbackServer(CLOSE, look_up) as server, pytest.raises(errors.OnliveUnknownFateError) as failed:
        write(server)
    assert server.methods == ["PUT", "GET"]
    assert "looking it up failed" in str(failed.value)
    assert isinstance(failed.value.__cause__, errors.OnliveCallError)
    assert failed.value.retryable


def test_a_look_up_is_retried_and_a_last_retry_after_is_carried() -> None:
    busy = reply(503, headers={"Retry-After": "500"})
    with (
        LoopbackServer(CLOSE, reply(503), CLOSE, busy) as server,
        pytest.raises(errors.OnliveUnknownFateError) as failed,
    ):
        write(server)
    assert server.methods == ["PUT", "GET", "GET", "GET"]
    assert failed.value.retry_after == 500.0


def test_a_connect_failure_on_the_second_attempt_needs_no_second_look_up() -> None:
    with LoopbackServer(CLOSE, reply(200, OLD), reply(503), reply(200, NEW)) as server:
        write(server)
    assert server.methods == ["PUT", "GET", "PUT", "PUT"]


COMMENT = {"agentComment": "Call back", "classification": "internal"}


class TestFieldsThatCannotBeReadBack:
    """Nothing in the record shows whether an ``agentComment`` was written but its ``updatedAt``."""

    def update(self, server: LoopbackServer, payload: Any, clock: FakeClock | None = None) -> Any:
        settings = settings_for(server, timeout=0.2)
        with connect(settings, clock=clock or FakeClock(), random=lambda: 0.5) as client:
            return client.update(Update(resource=APPOINTMENT, id=ID, payload=payload))

    @pytest.mark.parametrize(
        ("found", "methods"),
        [
            ("2025-03-09T11:00:00.001Z", ["GET", "PUT", "GET"]),
            ("2025-03-09T11:00:00.000Z", ["GET", "PUT", "GET", "PUT"]),
            ("2025-03-09T12:00:00.000+01:00", ["GET", "PUT", "GET", "PUT"]),
            (None, ["GET", "PUT", "GET", "PUT"]),
            ("yesterday", ["GET", "PUT", "GET", "PUT"]),
        ],
    )
    def test_with_a_record_read_before_they_count_as_written_if_its_updated_at_moved(
        self, found: str | None, methods: list[str]
    ) -> None:
        with LoopbackServer(reply(200, OLD), CLOSE, reply(200, {**OLD, "updatedAt": found})) as server:
            server.otherwise = reply(200, NEW)
            self.update(server, COMMENT)
        assert server.methods == methods

    @pytest.mark.parametrize(
        ("found", "methods"),
        [
            ("2025-03-09T12:00:00.200Z", ["PUT", "GET"]),
            ("2025-03-09T12:00:00.000Z", ["PUT", "GET"]),
            ("2025-03-09T11:59:58.900Z", ["PUT", "GET", "PUT"]),
            ("2025-03-09T11:00:00.000Z", ["PUT", "GET", "PUT"]),
            (None, ["PUT", "GET", "PUT"]),
        ],
    )
    def test_without_one_they_count_as_written_if_it_was_updated_since_the_write_left(
        self, found: str | None, methods: list[str]
    ) -> None:
        with LoopbackServer(CLOSE, reply(200, {**OLD, "updatedAt": found}), reply(200, NEW)) as server:
            write(server, patch=COMMENT)
        assert server.methods == methods

    @pytest.mark.parametrize(
        ("found", "methods"),
        [("2025-03-09T12:59:00.000Z", ["PUT", "GET", "PUT"]), ("2025-03-09T13:00:01.000Z", ["PUT", "GET"])],
    )
    def test_the_servers_clock_decides_not_this_machines(self, found: str, methods: list[str]) -> None:
        an_hour_ahead = {"Date": "Sun, 09 Mar 2025 13:00:01 GMT"}
        look_up = reply(200, {**OLD, "updatedAt": found}, headers=an_hour_ahead)
        with LoopbackServer(CLOSE, look_up, reply(200, NEW)) as server:
            write(server, patch=COMMENT)
        assert server.methods == methods

    def test_time_spent_waiting_for_the_budget_is_not_time_since_the_write_left(self) -> None:
        clock = FakeClock(NOON - 61)
        meanwhile = {**OLD, "updatedAt": "2025-03-09T11:59:30.000Z"}
        with LoopbackServer(reply(200, NEW), CLOSE, reply(200, meanwhile), reply(503), reply(200, NEW)) as server:
            settings = settings_for(server, timeout=0.2, writes_per_minute=1)
            with connect(settings, clock=clock, random=lambda: 0.5) as client:
                client.put_appointment(ID, COMMENT)
                client.put_appointment(ID, COMMENT)
        assert server.methods == ["PUT", "PUT", "GET", "PUT", "PUT"]

    def test_a_readable_field_beside_them_must_be_there_as_well(self) -> None:
        moved = {**OLD, "updatedAt": "2025-03-09T12:00:00.500Z"}
        with LoopbackServer(CLOSE, reply(200, moved), reply(200, NEW)) as server:
            write(server, patch={**COMMENT, "title": "Second"})
        assert server.methods == ["PUT", "GET", "PUT"]


def test_a_merged_object_counts_as_written_when_the_sent_keys_are_there() -> None:
    found = {**OLD, "extraFields": {"priority": "high", "other": "kept"}}
    with LoopbackServer(CLOSE, reply(200, found)) as server:
        assert write(server, patch={"extraFields": {"priority": "high"}}) == found
    with LoopbackServer(CLOSE, reply(200, found), reply(200, NEW)) as server:
        write(server, patch={"extraFields": {"priority": "high"}}, object_updates="replace")
    assert server.methods == ["PUT", "GET", "PUT"]
