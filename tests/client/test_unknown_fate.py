"""A write that left and was not answered: it is looked up before it is sent again."""

from __future__ import annotations

from typing import Any

import pytest

from onlive_provider import errors
from onlive_provider.client.protocol import MAX_ANSWER_BYTES
from onlive_provider.client.retry import SETTLING_PAUSES
from onlive_provider.client.updates import Update
from onlive_provider.models.fields import APPOINTMENT
from tests.client.drivers import connect
from tests.loopback import (
    CLOSE,
    ID,
    NOON,
    OTHER_ID,
    RESET,
    SILENCE,
    Cut,
    FakeClock,
    LoopbackServer,
    reply,
    settings_for,
)

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
UNCLEAR_STATUSES = [reply(status, {"message": "Oh"}) for status in (408, 500, 502, 503, 504)]
FINAL_STATUSES = [reply(status, {"message": "Oh"}) for status in (300, 302, 501, 505, 511, 520, 530, 599, 600, 999)]
FOREIGN_REFUSALS = [reply(status, body=b"<html>No</html>") for status in (400, 403, 404, 405, 407, 409, 413, 422)]
LOOKS = [reply(200, OLD)] * len(SETTLING_PAUSES)
"""A record that is as it was, as often as it is looked up before the write is sent again."""
LOOKED_UP = ["GET"] * len(SETTLING_PAUSES)


def write(server: LoopbackServer, clock: FakeClock | None = None, patch: Any = PATCH, **changes: Any) -> Any:
    settings = settings_for(server, **{"timeout": 1.0, **changes})
    with connect(settings, clock=clock or FakeClock(), random=lambda: 0.5) as client:
        return client.put_appointment(ID, patch)


@pytest.mark.parametrize(
    "answer", [*NO_ANSWERS, *UNUSABLE_ANSWERS, *UNCLEAR_STATUSES, *FINAL_STATUSES, *FOREIGN_REFUSALS]
)
def test_a_write_that_the_look_up_shows_was_made_is_not_sent_again(answer: Any) -> None:
    with LoopbackServer(answer, reply(200, NEW)) as server:
        assert write(server) == NEW
    assert server.methods == ["PUT", "GET"]
    assert server.requests[1].path == server.requests[0].path


@pytest.mark.parametrize("answer", [*NO_ANSWERS, *UNUSABLE_ANSWERS, *UNCLEAR_STATUSES])
def test_a_write_that_the_look_ups_show_was_not_made_is_sent_again(answer: Any) -> None:
    with LoopbackServer(answer, *LOOKS, reply(200, NEW)) as server:
        assert write(server) == NEW
    assert server.methods == ["PUT", *LOOKED_UP, "PUT"]
    assert server.writes[0].body == server.writes[1].body


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        *((answer, errors.OnliveRedirectError) for answer in FINAL_STATUSES[:2]),
        *((answer, errors.OnliveServerError) for answer in FINAL_STATUSES[2:]),
        *((answer, errors.OnliveStatusError) for answer in FOREIGN_REFUSALS),
    ],
)
def test_after_an_answer_that_no_repetition_helps_a_write_that_was_not_made_is_not_sent_again(
    answer: Any, error: type[Exception]
) -> None:
    with LoopbackServer(answer, *LOOKS) as server, pytest.raises(error):
        write(server)
    assert server.methods == ["PUT", *LOOKED_UP]


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 410, 422])
def test_a_refusal_in_the_apis_own_words_needs_no_look_up(status: int) -> None:
    with (
        LoopbackServer(reply(status, {"statusCode": status, "message": "No"})) as server,
        pytest.raises(errors.OnliveStatusError),
    ):
        write(server)
    assert server.methods == ["PUT"]


@pytest.mark.parametrize("status", [425, 429])
@pytest.mark.parametrize("body", [b"", b"<html>Slow down</html>", b'{"message": "Slow down"}'])
def test_a_write_that_was_put_off_is_sent_again_without_a_look_up(status: int, body: bytes) -> None:
    with LoopbackServer(reply(status, body=body), reply(200, NEW)) as server:
        assert write(server) == NEW
    assert server.methods == ["PUT", "PUT"]


def test_a_refusal_by_a_proxy_whose_look_up_is_refused_too_is_that_refusal() -> None:
    page = reply(403, body=b"<html>No</html>")
    with LoopbackServer(page, page) as server, pytest.raises(errors.OnliveForbiddenError) as refused:
        write(server)
    assert server.methods == ["PUT", "GET"]
    assert not refused.value.from_api


@pytest.mark.parametrize(
    "document",
    [{}, [], "ok", {"status": "ok"}, {"message": "It broke", "statusCode": 500}, {**NEW, "id": OTHER_ID}, {"id": 7}],
)
def test_a_success_that_does_not_hold_the_record_is_not_believed(document: Any) -> None:
    with LoopbackServer(reply(200, document), reply(200, NEW)) as server:
        assert write(server) == NEW
    assert server.methods == ["PUT", "GET"]
    with LoopbackServer(CLOSE, reply(200, document), reply(200, NEW)) as server:
        assert write(server) == NEW
    assert server.methods == ["PUT", "GET", "GET"], "nor as an answer to the look-up"


@pytest.mark.parametrize("record_id", [ID, ID.upper()])
def test_the_answer_to_a_write_may_hold_the_id_only(record_id: str) -> None:
    with LoopbackServer(reply(200, {"id": record_id})) as server:
        assert write(server) == {"id": record_id}
    assert server.methods == ["PUT"]


@pytest.mark.parametrize("late", [1, 2, 3])
def test_a_write_that_lands_late_is_not_sent_again(late: int) -> None:
    clock = FakeClock()
    with LoopbackServer(reply(503), *LOOKS[:late], reply(200, NEW)) as server:
        assert write(server, clock) == NEW
    assert server.methods == ["PUT", *["GET"] * (late + 1)]
    assert clock.waits == [1.0, 2.0, 4.0, 8.0][: late + 1]


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
def test_a_record_that_somebody_else_changed_since_is_left_alone_and_named(field: str) -> None:
    found = {**NEW, field: OLD.get(field)}
    with LoopbackServer(CLOSE, reply(200, found)) as server, pytest.raises(errors.OnliveStaleRecordError) as stale:
        write(server)
    assert server.methods == ["PUT", "GET"]
    assert f"appointment {ID} was changed at {NEW['updatedAt']}" in str(stale.value)
    assert "somebody else's values stand" in str(stale.value)
    assert not stale.value.retryable


def test_a_value_that_the_server_spells_in_its_own_way_is_the_one_that_was_sent() -> None:
    with LoopbackServer(CLOSE, reply(200, {**NEW, "title": "second"})) as server:
        write(server, patch={**PATCH, "title": " Second "})
    assert server.methods == ["PUT", "GET"]


def test_a_blind_write_of_what_was_there_already_was_not_made_if_the_record_did_not_move() -> None:
    there = {**NEW, "updatedAt": OLD["updatedAt"]}
    with LoopbackServer(RESET, *[reply(200, there)] * 4, reply(200, NEW)) as server:
        assert write(server) == NEW
    assert server.methods == ["PUT", *LOOKED_UP, "PUT"]


def test_the_look_up_waits_until_the_write_may_have_settled() -> None:
    clock = FakeClock()
    with LoopbackServer(CLOSE, reply(200, NEW)) as server:
        write(server, clock)
    assert clock.waits == [1.0]


def test_the_look_up_waits_as_long_as_the_server_asks() -> None:
    clock = FakeClock()
    with LoopbackServer(reply(503, headers={"Retry-After": "9"}), *LOOKS, reply(200, NEW)) as server:
        write(server, clock)
    assert clock.waits == [9.0, 2.0, 4.0, 8.0]


def test_a_look_up_settles_the_last_attempt_too() -> None:
    with LoopbackServer(CLOSE, *LOOKS, CLOSE, reply(200, NEW)) as server:
        assert write(server, max_attempts=2) == NEW
    assert server.methods == ["PUT", *LOOKED_UP, "PUT", "GET"]


def test_attempts_used_up_with_the_write_not_made_is_a_retryable_error() -> None:
    script = [CLOSE, *LOOKS, RESET, *LOOKS]
    with LoopbackServer(*script) as server, pytest.raises(errors.OnliveUnknownFateError) as failed:
        write(server, max_attempts=2)
    assert server.methods == ["PUT", *LOOKED_UP, "PUT", *LOOKED_UP]
    assert (failed.value.attempts, failed.value.retryable, failed.value.elapsed) == (2, True, 30.0)


def test_an_unclear_status_keeps_its_own_error_when_the_write_was_not_made() -> None:
    with (
        LoopbackServer(reply(500, {"message": "Oh"}), *LOOKS) as server,
        pytest.raises(errors.OnliveServerError, match='500: "Oh"'),
    ):
        write(server, max_attempts=1)
    assert server.methods == ["PUT", *LOOKED_UP]


def test_the_pauses_between_look_ups_stay_within_the_patience() -> None:
    clock = FakeClock()
    with LoopbackServer(CLOSE, *LOOKS[:2]) as server, pytest.raises(errors.OnliveUnknownFateError):
        write(server, clock, max_elapsed=5.0, max_attempts=1)
    assert clock.waits == [1.0, 2.0]


def test_a_long_look_up_uses_up_the_patience_and_the_write_is_not_sent_again() -> None:
    clock = FakeClock()

    def slow(_: object) -> bytes:
        clock.move(60.0)
        return reply(200, OLD)

    with LoopbackServer(CLOSE, slow) as server, pytest.raises(errors.OnliveUnknownFateError) as failed:
        write(server, clock, max_elapsed=30.0)
    assert server.methods == ["PUT", "GET"]
    assert failed.value.elapsed == 61.0


FAILING_LOOK_UPS = [reply(403, {"message": "No"}), reply(404), reply(401), reply(302)]


@pytest.mark.parametrize("look_up", FAILING_LOOK_UPS)
def test_a_look_up_that_fails_leaves_the_fate_of_a_blind_write_unknown_for_good(look_up: bytes) -> None:
    with LoopbackServer(CLOSE, look_up) as server, pytest.raises(errors.OnliveUnsettledWriteError) as failed:
        write(server)
    assert server.methods == ["PUT", "GET"]
    assert "looking it up failed" in str(failed.value)
    assert isinstance(failed.value.__cause__, errors.OnliveCallError)
    assert not failed.value.retryable


@pytest.mark.parametrize("look_up", FAILING_LOOK_UPS)
@pytest.mark.parametrize(
    ("payload", "retryable"),
    [({"title": "Second"}, True), ({"title": "Second", "agentComment": "x"}, False), ({"lang": "es"}, False)],
)
def test_a_later_run_may_find_out_only_about_fields_that_a_read_answers(
    look_up: bytes, payload: Any, retryable: bool
) -> None:
    with (
        LoopbackServer(reply(200, OLD), CLOSE, look_up) as server,
        connect(settings_for(server), clock=FakeClock(), random=lambda: 0.5) as client,
        pytest.raises(errors.OnliveUnknownFateError) as failed,
    ):
        client.update(Update(resource=APPOINTMENT, id=ID, payload=payload))
    assert server.methods == ["GET", "PUT", "GET"]
    assert failed.value.retryable is retryable


def test_a_look_up_is_retried_and_a_last_retry_after_is_carried() -> None:
    busy = reply(503, headers={"Retry-After": "500"})
    with (
        LoopbackServer(CLOSE, reply(503), CLOSE, busy) as server,
        pytest.raises(errors.OnliveUnknownFateError) as failed,
    ):
        write(server)
    assert server.methods == ["PUT", "GET", "GET", "GET"]
    assert failed.value.retry_after == 500.0


def test_a_refusal_of_the_second_attempt_needs_no_second_look_up() -> None:
    with LoopbackServer(CLOSE, *LOOKS, reply(429), reply(200, NEW)) as server:
        write(server)
    assert server.methods == ["PUT", *LOOKED_UP, "PUT", "PUT"]


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
            ("2025-03-09T11:00:00.000Z", ["GET", "PUT", *LOOKED_UP, "PUT"]),
            ("2025-03-09T12:00:00.000+01:00", ["GET", "PUT", *LOOKED_UP, "PUT"]),
        ],
    )
    def test_with_a_record_read_before_they_count_as_written_if_its_updated_at_moved(
        self, found: str, methods: list[str]
    ) -> None:
        look_up = reply(200, {**OLD, "updatedAt": found})
        with LoopbackServer(reply(200, OLD), CLOSE, *[look_up] * (len(methods) - 2)) as server:
            server.otherwise = reply(200, NEW)
            self.update(server, COMMENT)
        assert server.methods == methods

    @pytest.mark.parametrize("found", [None, "yesterday"])
    def test_without_a_time_nobody_knows_and_the_write_is_not_sent_again(self, found: str | None) -> None:
        look_up = reply(200, {**OLD, "updatedAt": found})
        with LoopbackServer(reply(200, OLD), CLOSE, look_up) as server, pytest.raises(errors.OnliveUnsettledWriteError):
            self.update(server, COMMENT)
        assert server.methods == ["GET", "PUT", "GET"]

    def test_if_somebody_else_changed_another_field_since_nobody_knows(self) -> None:
        look_up = reply(200, {**OLD, "title": "Theirs", "updatedAt": NEW["updatedAt"]})
        with LoopbackServer(reply(200, OLD), CLOSE, look_up) as server, pytest.raises(errors.OnliveUnsettledWriteError):
            self.update(server, COMMENT)
        assert server.methods == ["GET", "PUT", "GET"]

    @pytest.mark.parametrize(
        ("found", "methods"),
        [
            ("2025-03-09T12:00:00.200Z", ["PUT", "GET"]),
            ("2025-03-09T12:00:00.000Z", ["PUT", "GET"]),
            ("2025-03-09T11:59:58.900Z", ["PUT", *LOOKED_UP, "PUT"]),
            ("2025-03-09T11:00:00.000Z", ["PUT", *LOOKED_UP, "PUT"]),
        ],
    )
    def test_without_one_they_count_as_written_if_it_was_updated_since_the_write_left(
        self, found: str, methods: list[str]
    ) -> None:
        look_up = reply(200, {**OLD, "updatedAt": found})
        with LoopbackServer(CLOSE, *[look_up] * max(len(methods) - 2, 1), reply(200, NEW)) as server:
            write(server, patch=COMMENT)
        assert server.methods == methods

    @pytest.mark.parametrize(
        ("found", "methods"),
        [("2025-03-09T12:59:00.000Z", ["PUT", *LOOKED_UP, "PUT"]), ("2025-03-09T13:00:01.000Z", ["PUT", "GET"])],
    )
    def test_the_servers_clock_decides_not_this_machines(self, found: str, methods: list[str]) -> None:
        an_hour_ahead = {"Date": "Sun, 09 Mar 2025 13:00:01 GMT"}
        look_up = reply(200, {**OLD, "updatedAt": found}, headers=an_hour_ahead)
        with LoopbackServer(CLOSE, *[look_up] * max(len(methods) - 2, 1), reply(200, NEW)) as server:
            write(server, patch=COMMENT)
        assert server.methods == methods

    def test_time_spent_waiting_for_the_budget_is_not_time_since_the_write_left(self) -> None:
        clock = FakeClock(NOON - 61)
        meanwhile = {**OLD, "updatedAt": "2025-03-09T11:59:30.000Z"}
        script = [reply(200, NEW), CLOSE, *[reply(200, meanwhile)] * 4, reply(429), reply(200, NEW)]
        with LoopbackServer(*script) as server:
            settings = settings_for(server, timeout=0.2, writes_per_minute=1)
            with connect(settings, clock=clock, random=lambda: 0.5) as client:
                client.put_appointment(ID, COMMENT)
                client.put_appointment(ID, COMMENT)
        assert server.methods == ["PUT", "PUT", *LOOKED_UP, "PUT", "PUT"]

    def test_a_readable_field_beside_them_must_be_there_as_well(self) -> None:
        moved = {**OLD, "updatedAt": "2025-03-09T12:00:00.500Z"}
        with LoopbackServer(CLOSE, reply(200, moved)) as server, pytest.raises(errors.OnliveStaleRecordError):
            write(server, patch={**COMMENT, "title": "Second"})
        assert server.methods == ["PUT", "GET"]


def test_a_merged_object_counts_as_written_when_the_sent_keys_are_there() -> None:
    found = {**NEW, "extraFields": {"priority": "high", "other": "kept"}}
    with LoopbackServer(CLOSE, reply(200, found)) as server:
        assert write(server, patch={"extraFields": {"priority": "high"}}) == found
    with LoopbackServer(CLOSE, reply(200, found)) as server, pytest.raises(errors.OnliveStaleRecordError):
        write(server, patch={"extraFields": {"priority": "high"}}, object_updates="replace")
    assert server.methods == ["PUT", "GET"]
