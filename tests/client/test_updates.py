from __future__ import annotations

import json
from typing import Any, Literal

import pytest

from onlive_provider import errors
from onlive_provider.client.protocol import Answer, Failure, FailureKind, Request
from onlive_provider.client.updates import Update, Updated, update
from onlive_provider.models.changes import Change
from onlive_provider.models.fields import APPOINTMENT, SERVICE
from tests.client.drivers import connect
from tests.client.model_server import ModelServer, answer
from tests.loopback import ID, FakeClock, LoopbackServer, reply, settings_for

FIRST = {"start": "2025-03-10T08:00:00.000Z", "end": "2025-03-10T08:30:00.000Z"}
SECOND = {"start": "2025-03-10T09:00:00.000Z", "end": "2025-03-10T09:30:00.000Z"}
THIRD = {"start": "2025-03-10T10:00:00.000Z", "end": "2025-03-10T10:30:00.000Z"}
BEFORE = {"start": "2025-03-11T08:00:00.000Z", "end": "2025-03-11T08:30:00.000Z"}
APPOINTMENT_BEFORE = {
    **BEFORE,
    "title": "Test drive",
    "state": "pending",
    "guests": [{"email": "ana@example.com"}],
    "extraFields": {"priority": "low", "dealer": 7},
    "lang": None,
}
TAKEN = answer(409, {"statusCode": 409, "message": "Scheduling conflict"})


class Silent(ModelServer):
    """Never answers ``lang``; the next write, or its answer, may be lost."""

    lost: Literal["", "write", "answer"] = ""

    def _answer(self, request: Request) -> Answer | Failure:
        lost = self.lost if request.method == "PUT" else ""
        if lost:
            self.lost = ""
            if lost == "answer":
                super()._answer(request)
            else:
                self.requests.append(request)
            return Failure(FailureKind.LOST, "reset")
        outcome = super()._answer(request)
        assert isinstance(outcome, Answer)
        record = json.loads(outcome.body)
        return answer(outcome.status, {name: value for name, value in record.items() if name != "lang"})


def run(server: ModelServer, payload: dict[str, Any], *, resource: Any = APPOINTMENT, **wanted: Any) -> Updated:
    return server.run(update(server.flows(), Update(resource=resource, id=ID, payload=payload, **wanted)))


class TestOnlyWhatChanges:
    def test_only_the_fields_that_differ_are_sent(self) -> None:
        server = ModelServer(APPOINTMENT_BEFORE)
        result = run(server, {"state": "confirmed", "title": "Test drive", **BEFORE})
        assert server.writes == [{"state": "confirmed"}]
        assert result.outcome == "updated"
        assert result.record["state"] == "confirmed"
        assert result.change.as_json() == {
            "resource": "appointment",
            "id": ID,
            "before": {"state": "pending"},
            "after": {"state": "confirmed"},
            "updatedAt": "2025-03-09T12:00:02.000Z",
        }

    def test_a_second_run_sends_nothing(self) -> None:
        server = ModelServer(APPOINTMENT_BEFORE)
        payload = {
            "state": "confirmed",
            "start": "2025-03-10T09:00:00+01:00",
            "guests": [{"email": "B@x.org"}, {"email": "a@x.org"}],
            "extraFields": {"priority": "high"},
            "lang": None,
        }
        first = run(server, payload)
        assert set(first.change.after) == {"state", "start", "guests", "extraFields"}
        second = run(server, payload)
        assert (second.outcome, bool(second.change)) == ("unchanged", False)
        assert second.record == server.record
        assert second.change.as_json()["updatedAt"] == first.change.updated_at
        assert [request.method for request in server.requests] == ["GET", "PUT", "GET"]

    @pytest.mark.parametrize("value", [None, "es"])
    def test_a_field_that_the_server_does_not_answer_is_sent_once_a_run_and_never_put_back(self, value: Any) -> None:
        server = Silent({**APPOINTMENT_BEFORE, "description": "x"})
        for _ in range(2):
            result = run(server, {"lang": value, "description": "x"})
            assert (result.change.before, result.change.not_known) == ({}, ["lang"])
        assert server.writes == [{"lang": value}] * 2
        assert f"  lang: (not known) -> {'null' if value is None else value}" in server.notes
        assert (
            "  the server does not answer lang (not known): every run sends it again, and may notify again"
            in server.notes
        )

    @pytest.mark.parametrize("value", [None, "es"])
    @pytest.mark.parametrize(("lost", "writes"), [("answer", 1), ("write", 2)])
    def test_a_lost_write_of_a_field_that_is_not_answered_is_judged_by_its_time(
        self, value: Any, lost: Any, writes: int
    ) -> None:
        server = Silent(APPOINTMENT_BEFORE)
        server.lost = lost
        assert run(server, {"lang": value}).outcome == "updated"
        assert server.record["lang"] == value
        assert server.writes == [{"lang": value}] * writes

    def test_a_server_that_adds_members_to_what_it_stores_is_sent_nothing_twice(self) -> None:
        server = ModelServer(APPOINTMENT_BEFORE)
        payload = {"guests": [{"email": "Ben@example.com"}], "reminders": [{"time": 15, "unit": "m"}]}
        run(server, payload)
        server.record["guests"] = [{"id": 1, "email": "ben@example.com", "status": "pending"}]
        server.record["reminders"] = [{"id": 2, "time": 15, "unit": "m"}]
        assert run(server, payload).outcome == "unchanged"

    def test_nothing_differs_costs_one_read_and_no_write(self) -> None:
        server = ModelServer(APPOINTMENT_BEFORE)
        result = run(server, {"title": "Test drive"})
        assert result.outcome == "unchanged"
        assert len(server.requests) == 1
        assert f"Nothing to change in appointment {ID}" in server.notes

    def test_a_field_that_cannot_be_read_back_is_sent_at_every_run_and_the_log_says_so(self) -> None:
        server = ModelServer(APPOINTMENT_BEFORE)
        for _ in range(2):
            result = run(server, {"agentComment": "Call back", "title": "Test drive"})
            assert result.change.before == {}
        assert server.writes == [{"agentComment": "Call back"}] * 2
        assert any("agentComment cannot be read back: every run sends it again" in note for note in server.notes)

    def test_written_blindly_the_whole_payload_is_sent_without_a_read(self) -> None:
        server = ModelServer(APPOINTMENT_BEFORE)
        result = run(server, {"title": "Test drive", "state": "pending"}, only_changed=False)
        assert [request.method for request in server.requests] == ["PUT"]
        assert server.writes == [{"title": "Test drive", "state": "pending"}]
        assert (result.outcome, result.change.before) == ("updated", {})
        assert "  state: (not known) -> pending" in server.notes

    def test_an_empty_payload_sends_nothing_even_blindly(self) -> None:
        server = ModelServer(APPOINTMENT_BEFORE)
        assert run(server, {}, only_changed=False).outcome == "unchanged"
        assert server.writes == []

    def test_all_of_a_payload_is_sent_when_it_was_read_for_another_reason(self) -> None:
        server = ModelServer(APPOINTMENT_BEFORE)
        payload = {"title": "Test drive", "state": "confirmed"}
        result = run(server, payload, only_changed=False, expected_updated_at="2025-03-09T11:00:00Z")
        assert server.writes == [payload]
        assert result.change.before == {"title": "Test drive", "state": "pending"}


class TestPlanOnly:
    def test_nothing_is_sent_and_the_change_is_shown(self) -> None:
        server = ModelServer(APPOINTMENT_BEFORE)
        result = run(server, {"state": "confirmed", "title": "Test drive"}, plan_only=True)
        assert server.writes == []
        assert (result.outcome, result.record) == ("planned", server.record)
        assert (result.change.before, result.change.after) == ({"state": "pending"}, {"state": "confirmed"})
        assert result.change.updated_at == "2025-03-09T11:00:00.000Z"
        assert server.notes[-2:] == [f"Would change appointment {ID}:", "  state: pending -> confirmed"]

    def test_nothing_is_sent_blindly_either(self) -> None:
        server = ModelServer(APPOINTMENT_BEFORE)
        result = run(server, {"title": "Test drive"}, plan_only=True, only_changed=False)
        assert (server.writes, result.outcome, result.change.after) == ([], "planned", {"title": "Test drive"})

    def test_a_plan_that_changes_nothing_is_unchanged(self) -> None:
        server = ModelServer(APPOINTMENT_BEFORE)
        assert run(server, {"title": "Test drive"}, plan_only=True).outcome == "unchanged"


class TestExpectedUpdatedAt:
    @pytest.mark.parametrize(
        "expected", ["2025-03-09T11:00:00.000Z", "2025-03-09T11:00:00Z", "2025-03-09T12:00:00.000000+01:00"]
    )
    def test_the_same_instant_in_any_spelling_is_accepted(self, expected: str) -> None:
        server = ModelServer(APPOINTMENT_BEFORE)
        assert run(server, {"state": "confirmed"}, expected_updated_at=expected).outcome == "updated"

    @pytest.mark.parametrize(
        "expected", ["2025-03-09T10:59:59.999Z", "2025-03-09T11:00:00.001Z", "2025-03-09T11:00:00"]
    )
    @pytest.mark.parametrize("only_changed", [True, False])
    def test_a_record_that_moved_since_is_refused_and_nothing_is_sent(self, expected: str, only_changed: bool) -> None:
        server = ModelServer(APPOINTMENT_BEFORE)
        with pytest.raises(errors.OnliveStaleRecordError, match=r"was changed at 2025-03-09T11:00:00\.000Z") as refused:
            run(server, {"state": "confirmed"}, expected_updated_at=expected, only_changed=only_changed)
        assert server.writes == []
        assert refused.value.expected == expected

    @pytest.mark.parametrize("expected", ["2025-03-09T11:00:00.000Z", "nonsense"])
    def test_a_record_that_tells_no_time_is_refused(self, expected: str) -> None:
        server = ModelServer({"state": "pending", "updatedAt": None})
        with pytest.raises(errors.OnliveStaleRecordError):
            run(server, {"state": "confirmed"}, expected_updated_at=expected)
        assert server.writes == []


class TestFallbackSlots:
    def test_the_next_slot_is_tried_when_one_is_taken(self) -> None:
        server = ModelServer(APPOINTMENT_BEFORE, None, TAKEN, TAKEN)
        result = run(server, {"state": "confirmed", **FIRST}, fallback_slots=(SECOND, THIRD))
        assert server.writes == [{"state": "confirmed", **slot} for slot in (FIRST, SECOND, THIRD)]
        assert len(server.requests) == 4
        assert result.outcome == "updated"
        assert result.record["start"] == THIRD["start"]
        assert result.change.after == {"state": "confirmed", **THIRD}
        assert result.change.before == {"state": "pending", **BEFORE}
        assert any("409 (Scheduling conflict): trying 2025-03-10T09:00:00.000Z to" in note for note in server.notes)
        assert server.waits == []

    def test_a_slot_that_is_free_at_once_leaves_the_fallbacks_alone(self) -> None:
        server = ModelServer(APPOINTMENT_BEFORE)
        run(server, dict(FIRST), fallback_slots=(SECOND, THIRD))
        assert server.writes == [FIRST]

    def test_every_slot_taken_raises_the_last_conflict(self) -> None:
        last = answer(409, {"message": "The last one"})
        server = ModelServer(APPOINTMENT_BEFORE, None, TAKEN, TAKEN, last)
        with pytest.raises(errors.OnliveConflictError, match="The last one"):
            run(server, dict(FIRST), fallback_slots=(SECOND, THIRD))
        assert len(server.writes) == 3

    def test_a_conflict_without_fallbacks_raises(self) -> None:
        server = ModelServer(APPOINTMENT_BEFORE, None, TAKEN)
        with pytest.raises(errors.OnliveConflictError):
            run(server, dict(FIRST))
        assert len(server.writes) == 1

    @pytest.mark.parametrize("slot", [FIRST, SECOND, THIRD])
    def test_an_appointment_that_is_in_one_of_the_slots_stays_there(self, slot: dict[str, str]) -> None:
        server = ModelServer({**APPOINTMENT_BEFORE, **slot})
        result = run(server, {"title": "Test drive", **FIRST}, fallback_slots=(SECOND, THIRD))
        assert (result.outcome, server.writes) == ("unchanged", [])

    def test_an_appointment_in_a_fallback_slot_gets_its_other_fields_where_it_is(self) -> None:
        server = ModelServer({**APPOINTMENT_BEFORE, **SECOND})
        run(server, {"title": "New", **FIRST}, fallback_slots=(SECOND, THIRD))
        assert server.writes == [{"title": "New"}]

    def test_half_a_slot_is_not_the_slot(self) -> None:
        server = ModelServer({**APPOINTMENT_BEFORE, "start": SECOND["start"]})
        run(server, dict(FIRST), fallback_slots=(SECOND,))
        assert server.writes == [FIRST]

    def test_blindly_the_slots_are_tried_in_order_without_a_read(self) -> None:
        server = ModelServer({**APPOINTMENT_BEFORE, **SECOND}, TAKEN)
        run(server, dict(FIRST), fallback_slots=(SECOND,), only_changed=False)
        assert server.writes == [FIRST, SECOND]
        assert len(server.requests) == 2

    def test_a_conflict_without_a_message_is_still_told(self) -> None:
        server = ModelServer(APPOINTMENT_BEFORE, None, answer(409, {"statusCode": 409}))
        run(server, dict(FIRST), fallback_slots=(SECOND,))
        assert any(note.startswith("The server answered 409 (conflict): trying") for note in server.notes)


class TestTheCheck:
    def test_it_is_given_the_patch_and_the_record_and_its_refusal_sends_nothing(self) -> None:
        seen: list[Any] = []

        def refuse(patch: Any, current: Any) -> None:
            seen.append((dict(patch), dict(current)))
            raise errors.OnlivePayloadError([errors.FieldError("incrementTime", "is more than duration")])

        server = ModelServer({"duration": 30, "incrementTime": 15})
        with pytest.raises(errors.OnlivePayloadError, match="incrementTime"):
            run(server, {"duration": 30, "incrementTime": 45}, resource=SERVICE, check=refuse)
        assert seen == [({"incrementTime": 45}, server.record)]
        assert server.writes == []

    def test_it_is_asked_for_a_plan_too_and_not_where_nothing_was_read(self) -> None:
        seen: list[Any] = []
        server = ModelServer({"duration": 30})

        def note(patch: Any, current: Any) -> None:
            seen.append(dict(patch))

        run(server, {"duration": 45}, resource=SERVICE, check=note, plan_only=True)
        assert seen == [{"duration": 45}]
        run(server, {"duration": 45}, resource=SERVICE, check=note, only_changed=False)
        assert seen == [{"duration": 45}]


class TestTheLog:
    def test_it_says_what_was_read_what_changes_what_was_sent_and_what_came_back(self) -> None:
        server = ModelServer({**APPOINTMENT_BEFORE, "lang": "en"})
        run(server, {"state": "confirmed", "lang": None, "extraFields": {"priority": "high"}, "title": None})
        assert server.notes == [
            f"Read appointment {ID}, last changed at 2025-03-09T11:00:00.000Z",
            f"Changing appointment {ID}:",
            "  state: pending -> confirmed",
            "  lang: en -> null",
            "  extraFields: set priority (value not shown)",
            "  title: cleared",
            f"Sent state, lang, extraFields, title; appointment {ID} was last changed at 2025-03-09T12:00:02.000Z",
        ]

    def test_it_has_at_most_a_dozen_lines_however_much_changes(self) -> None:
        past = {"start": "2025-03-09T08:00:00Z", "end": "2025-03-09T09:00:00Z"}
        server = ModelServer(past)
        fields = ("title", "description", "guests", "reminders", "extraFields", "lang", "event", "state")
        payload = dict.fromkeys((*fields, "agentComment", "classification"), "x") | FIRST
        stubborn = answer(200, {"id": ID, "title": "y", "state": "y"})
        server._script.extend([None, stubborn])
        run(server, payload)
        text = "\n".join(server.notes)
        assert len(text.splitlines()) <= 11, "the operator adds one more"
        assert "may refuse to modify a past appointment" in text
        assert "another value than was sent in title, state: the next run will send it again" in text
        assert "agentComment, classification cannot be read back" in text
        for name in payload:
            assert name in text

    def test_a_past_service_is_no_past_appointment(self) -> None:
        server = ModelServer({"name": "old", "start": "2025-03-09T08:00:00Z"})
        run(server, {"name": "x"}, resource=SERVICE)
        assert not any("past" in note for note in server.notes)

    def test_an_appointment_that_is_still_to_come_is_not_called_past(self) -> None:
        server = ModelServer({"start": "2025-03-09T12:00:01Z"})
        run(server, {"state": "x"})
        assert not any("past" in note for note in server.notes)

    def test_a_field_that_the_answer_leaves_out_is_no_difference(self) -> None:
        server = ModelServer({"name": "old"}, None, answer(200, {"id": ID, "updatedAt": "2025-03-09T12:00:00Z"}))
        run(server, {"name": "x", "classification": "y"}, resource=SERVICE)
        assert not any("another value" in note for note in server.notes)

    def test_a_field_that_cannot_be_read_back_is_no_difference_even_if_it_is_answered(self) -> None:
        server = ModelServer({"title": "x"}, None, answer(200, {"id": ID, "agentComment": "y"}))
        run(server, {"agentComment": "y"})
        assert not any("another value" in note for note in server.notes)

    def test_values_are_shown_of_safe_fields_only(self) -> None:
        secret = "ana@example.com +34600000000 geheim"
        unsafe = ("title", "description", "guests", "extraFields", "event", "agentComment")
        server = ModelServer({**APPOINTMENT_BEFORE, "description": f"{secret} before"})
        for name in unsafe:
            value: Any = {name: {"key": secret}} if name in ("extraFields", "event") else {name: secret}
            run(server, value)
        assert len(server.writes) == len(unsafe)
        text = "\n".join(server.notes)
        assert not any(part in text for part in secret.split())


def test_reprs_show_neither_payload_nor_record_nor_change() -> None:
    server = ModelServer(APPOINTMENT_BEFORE)
    wanted = Update(resource=APPOINTMENT, id=ID, payload={"guests": [{"email": "ana@example.com"}], "title": "Ana"})
    result = server.run(update(server.flows(), wanted))
    assert "ana" not in f"{wanted!r} {result!r} {result.change!r}".lower()


def test_a_timeout_after_the_write_left_is_settled_within_the_update() -> None:
    lost = Failure(FailureKind.LOST, "ReadTimeout")
    server = ModelServer(APPOINTMENT_BEFORE, None, lost)
    result = run(server, {"state": "confirmed"})
    assert [request.method for request in server.requests] == ["GET", "PUT", *["GET"] * 4, "PUT"]
    assert result.outcome == "updated"
    assert server.waits == [1.0, 2.0, 4.0, 8.0]


def test_an_object_is_compared_as_the_server_treats_it() -> None:
    merging = ModelServer(APPOINTMENT_BEFORE)
    assert run(merging, {"extraFields": {"priority": "low"}}).outcome == "unchanged"
    replacing = ModelServer(APPOINTMENT_BEFORE, object_updates="replace")
    result = run(replacing, {"extraFields": {"priority": "low"}})
    assert result.record["extraFields"] == {"priority": "low"}
    assert result.change.before == {"extraFields": {"priority": "low", "dealer": 7}}


@pytest.mark.usefixtures("each_driver")
class TestOverASocket:
    def test_the_put_holds_exactly_the_changed_keys(self) -> None:
        record = {"id": ID, "updatedAt": "2025-03-09T11:00:00.000Z", **APPOINTMENT_BEFORE}
        with (
            LoopbackServer(reply(200, record), reply(200, {**record, "state": "confirmed"})) as server,
            connect(settings_for(server), clock=FakeClock()) as client,
        ):
            payload = {"title": "Test drive", "state": "confirmed", "guests": None}
            result = client.update(Update(resource=APPOINTMENT, id=ID, payload=payload))
        assert [request.method for request in server.requests] == ["GET", "PUT"]
        assert server.requests[1].body == b'{"state":"confirmed","guests":null}'
        assert result.outcome == "updated"

    def test_unchanged_sends_no_put(self) -> None:
        with (
            LoopbackServer(reply(200, {"id": ID, **APPOINTMENT_BEFORE})) as server,
            connect(settings_for(server), clock=FakeClock()) as client,
        ):
            result = client.update(Update(resource=APPOINTMENT, id=ID, payload={"title": "Test drive"}))
        assert server.methods == ["GET"]
        assert result.outcome == "unchanged"


@pytest.mark.parametrize(("by_all_members", "written"), [(False, 0), (True, 1)])
def test_items_are_compared_on_the_given_members_or_if_told_so_on_all(by_all_members: bool, written: int) -> None:
    server = ModelServer({"guests": [{"email": "ana@example.com", "extraFields": {"firstName": "Ana"}}]})
    run(server, {"guests": [{"email": "ana@example.com"}]}, by_all_members=by_all_members)
    assert len(server.writes) == written


def test_a_change_is_announced_before_it_is_sent_and_is_the_one_that_is_sent() -> None:
    server = ModelServer(APPOINTMENT_BEFORE)
    result = run(server, {"state": "confirmed", "title": "Test drive"})
    assert server.writings == [
        Change(APPOINTMENT, ID, {"state": "pending"}, {"state": "confirmed"}, "2025-03-09T11:00:00.000Z")
    ]
    assert result.change.after == server.writes[0]
