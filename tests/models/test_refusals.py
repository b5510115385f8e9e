"""Tests that pydantic's errors and this provider's say the same: places, sentences and order."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from onlive_provider.errors import FieldError, OnlivePayloadError
from onlive_provider.models.appointment import AppointmentUpdate, Guest
from onlive_provider.models.sentences import path_of
from onlive_provider.models.service import DateRange, ServiceUpdate
from onlive_provider.operators.appointment import UpdateAppointmentOperator
from onlive_provider.operators.service import UpdateServiceOperator

ID = "1610c525-f19a-40d0-8cd1-03daba3d2d98"
OPERATORS = {
    AppointmentUpdate: lambda payload: UpdateAppointmentOperator(task_id="t", appointment_id=ID, payload=payload),
    ServiceUpdate: lambda payload: UpdateServiceOperator(task_id="t", service_id=ID, payload=payload),
}
CALENDAR = {"calendarId": "7", "active": True, "type": "agent"}
BAD: list[tuple[Any, Any, list[str]]] = [
    (AppointmentUpdate, {}, ["payload"]),
    (AppointmentUpdate, None, ["payload"]),
    (AppointmentUpdate, "None", ["payload"]),
    (AppointmentUpdate, "[1]", ["payload"]),
    (AppointmentUpdate, {7: 1, "stat": "x", "id": ID}, ["payload", "stat", "id"]),
    (AppointmentUpdate, {"state": 7, "title": float("nan")}, ["state", "title"]),
    (AppointmentUpdate, {"start": datetime(2025, 3, 10), "end": "soon"}, ["start", "end"]),
    (AppointmentUpdate, {"start": "2025-03-10T08:00Z", "end": "2025-03-10T08:00Z"}, ["end"]),
    (AppointmentUpdate, {"guests": "x", "reminders": "{}"}, ["guests", "reminders"]),
    (
        AppointmentUpdate,
        {"guests": [{"email": "a@example.com"}, 7, {"email": None}, {}, {"email": "A@example.com", "age": {7}}]},
        ["guests[1]", "guests[2].email", "guests[3].email", "guests[4].age"],
    ),
    (
        AppointmentUpdate,
        {"guests": [{"email": "a@example.com"}, {"email": "?"}, {"email": "A@example.com"}]},
        ["guests[1].email", "guests[2].email"],
    ),
    (
        AppointmentUpdate,
        {"guests": [{"extraFields": {"phone": 34600000000, 7: {8: 9}, "ana@example.com": {1}}, "email": "?"}]},
        [
            "guests[0].extraFields.phone",
            "guests[0].extraFields",
            "guests[0].extraFields.(key not shown)",
            "guests[0].email",
        ],
    ),
    (
        AppointmentUpdate,
        {"reminders": "[{'unit': ' ', 'time': -1}, {}]"},
        ["reminders[0].unit", "reminders[0].time", "reminders[1].time", "reminders[1].unit"],
    ),
    (AppointmentUpdate, {"event": {"pin": b"", "room": 7}}, ["event.pin", "event.room"]),
    (AppointmentUpdate, {"extraFields": {"a": [0, {"b": {1}}]}}, ["extraFields.a[1].b"]),
    (ServiceUpdate, {"typeId": "x", "image": "x y", "active": "x", "name": 1}, ["typeId", "image", "active", "name"]),
    (ServiceUpdate, {"incrementTime": 9, "duration": 5, "timeBetween": -1}, ["incrementTime", "timeBetween"]),
    (ServiceUpdate, {"maxTimeToSchedule": "1", "minTimeToSchedule": "1"}, ["maxTimeToSchedule"]),
    (
        ServiceUpdate,
        {
            "dateRanges": [
                {"startDate": "2025-01-01T00:00Z", "endDate": "2025-01-03T00:00Z"},
                {"startDate": "2025-01-01"},
                {"startDate": "2025-01-02T00:00Z", "endDate": "2025-01-04T00:00Z"},
            ]
        },
        ["dateRanges[1].startDate", "dateRanges[1].endDate", "dateRanges[2]"],
    ),
    (
        ServiceUpdate,
        {"calendars": [CALENDAR, {**CALENDAR, "type": "room", "restrictionDates": {"exclude": [["x", "y"], ["x"]]}}]},
        [
            "calendars[1].type",
            "calendars[1].restrictionDates.exclude[0][0]",
            "calendars[1].restrictionDates.exclude[0][1]",
            "calendars[1].restrictionDates.exclude[1][0]",
        ],
    ),
]


@pytest.mark.parametrize(("model", "payload", "places"), BAD, ids=str)
def test_a_model_its_payload_and_an_operator_name_the_same_places_with_the_same_sentences(model, payload, places):
    with pytest.raises(ValidationError) as of_pydantic:
        model.model_validate(payload)
    with pytest.raises(OnlivePayloadError) as of_payload:
        model.from_payload(payload)
    with pytest.raises(OnlivePayloadError) as of_operator:
        OPERATORS[model](payload).read_update()
    told = [
        FieldError(path_of(error["loc"]) or "payload", error["msg"])
        for error in of_pydantic.value.errors(include_url=False)
    ]
    assert [error.field for error in told] == places
    assert tuple(told) == of_payload.value.errors == of_operator.value.errors


@pytest.mark.parametrize(("model", "payload", "places"), [case for case in BAD if isinstance(case[1], dict)], ids=str)
def test_a_constructor_refuses_as_a_payload_is_refused(model, payload, places):
    members = {name: value for name, value in payload.items() if isinstance(name, str)}
    with pytest.raises(OnlivePayloadError) as caught:
        model(**members)
    with pytest.raises(OnlivePayloadError) as of_payload:
        model.from_payload(members)
    assert caught.value.errors == of_payload.value.errors


@pytest.mark.parametrize(
    "payload",
    [
        {"title": ["secret"], "description": 5550123},
        {"guests": [{"email": "secret"}, "secret", {"secret@example.com": 5550123}]},
        {"guests": [{"email": "x@example.com", "extraFields": {"phone": 5550123, "secret@example.com": {1}}}]},
        {"secret5550123": "secret"},
        "secret",
    ],
    ids=str,
)
def test_no_error_of_pydantic_shows_what_may_be_a_guests_data(payload):
    with pytest.raises(ValidationError) as caught:
        AppointmentUpdate.model_validate(payload)
    for shown in (str(caught.value), repr(caught.value)):
        assert "secret" not in shown
        assert "5550123" not in shown


def test_an_error_has_the_type_that_pydantic_gives_it_or_ours():
    payload = {"guests": [{"emial": 1}], "titel": 7, "title": 7}
    with pytest.raises(ValidationError) as caught:
        AppointmentUpdate.model_validate(payload)
    assert [error["type"] for error in caught.value.errors()] == [
        "refused",
        "missing",
        "extra_forbidden",
        "refused",
    ]


def test_the_context_says_the_time_zone():
    payload = {"start": "2025-03-10T09:00"}
    for zone in ("Europe/Madrid", None):
        context = {"timezone": zone}
        if zone is None:
            with pytest.raises(ValidationError):
                AppointmentUpdate.model_validate(payload, context=context)
        else:
            assert AppointmentUpdate.model_validate(payload, context=context).start == "2025-03-10T08:00:00.000Z"


def test_a_model_is_a_part_of_a_users_own_model():
    class Booking(BaseModel):
        guests: list[Guest]
        period: DateRange

    booking = Booking.model_validate({"guests": [{"email": "a@example.com"}], "period": str(PERIOD)})
    assert booking.model_dump(exclude_unset=True) == {"guests": [{"email": "a@example.com"}], "period": PERIOD}
    with pytest.raises(ValidationError) as caught:
        Booking.model_validate({"guests": [{"email": "a@example.com"}, {}], "period": {**PERIOD, "endDate": "x"}})
    assert [(error["loc"], error["msg"].partition(";")[0]) for error in caught.value.errors()] == [
        (("guests", 1, "email"), "is missing"),
        (("period", "endDate"), "got str 'x', which is not an ISO 8601 time"),
    ]


PERIOD = {"startDate": "2025-01-01T00:00:00.000Z", "endDate": "2025-02-01T00:00:00.000Z"}


def test_json_text_is_validated_as_pydantic_does():
    update = AppointmentUpdate.model_validate_json('{"state": "ok", "guests": [{"email": "a@example.com"}]}')
    assert update.model_dump(exclude_unset=True) == {"state": "ok", "guests": [{"email": "a@example.com"}]}
    with pytest.raises(ValidationError) as caught:
        AppointmentUpdate.model_validate_json('{"state": " "}')
    assert caught.value.errors()[0]["msg"] == "got str ' ', which is blank; accepted: text that is not blank"


def test_the_error_of_a_key_that_is_no_text_holds_the_key():
    with pytest.raises(ValidationError) as refused:
        ServiceUpdate.model_validate({7: "x"})
    (error,) = refused.value.errors()
    assert error["input"] == 7
