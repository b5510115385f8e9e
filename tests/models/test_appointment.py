"""Tests of the rules of an appointment's update, and of the slots to fall back on."""

from __future__ import annotations

import pytest

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.appointment import (
    AppointmentUpdate,
    Guest,
    Reminder,
    VirtualEvent,
    check_against_current,
    parse_slots,
)


def guests(*emails):
    return {"guests": [{"email": email} for email in emails]}


def test_the_comprehensive_example_of_the_api_reference_is_sent_as_it_is():
    payload = {
        "title": "Updated Product Demo Meeting",
        "description": "Updated demo session with new features",
        "start": "2025-03-10T08:00:00.000Z",
        "end": "2025-03-10T08:30:00.000Z",
        "guests": [{"email": "guest@example.com"}],
        "reminders": [{"time": 15, "unit": "m"}],
        "extraFields": {"priority": "high", "location": "Virtual Meeting Room"},
        "event": {"iCallUrl": "https://meet.example.com/updated-room", "room": "Demo Room 2"},
    }
    assert AppointmentUpdate.from_payload(payload).model_dump(exclude_unset=True) == payload


def test_every_field_of_the_api_reference_can_be_updated_and_no_other():
    assert list(AppointmentUpdate.model_fields) == [
        "title", "description", "start", "end", "guests", "reminders", "extraFields", "lang", "classification", "event",
        "state", "agentComment",
    ]  # fmt: skip


@pytest.mark.parametrize("end", ["2025-03-10T07:59:59.999Z", "2025-03-10T08:00:00Z", "2025-03-10T08:30+01:00"])
def test_the_end_must_be_after_the_start(end, refusals):
    found = refusals(AppointmentUpdate.from_payload, {"start": "2025-03-10T08:00:00Z", "end": end})
    assert list(found) == ["end"]
    assert "is not after the start, 2025-03-10T08:00:00.000Z" in found["end"]


def test_the_end_is_compared_with_the_start_as_an_instant():
    payload = {"start": "2025-03-10T09:00+01:00", "end": "2025-03-10T08:30Z"}
    assert AppointmentUpdate.from_payload(payload).model_dump(exclude_unset=True)["end"] == "2025-03-10T08:30:00.000Z"


def test_the_end_is_compared_in_the_milliseconds_that_are_sent(refusals):
    payload = {"start": "2025-03-10T08:00:00.0001Z", "end": "2025-03-10T08:00:00.0009Z"}
    assert list(refusals(AppointmentUpdate.from_payload, payload)) == ["end"]


@pytest.mark.parametrize(
    "payload",
    [
        {"end": "2025-03-10T08:00:00.000Z"},
        {"start": None, "end": "2025-03-10T08:00:00.000Z"},
        {"start": "2025-03-10T08:00:00.000Z", "end": None},
    ],
    ids=str,
)
def test_a_time_alone_is_left_to_the_server(payload):
    assert AppointmentUpdate.from_payload(payload).model_dump(exclude_unset=True) == payload


@pytest.mark.parametrize(
    "email",
    ["ana@example.com", "Ana.Lopez+crm@Example.ORG", "ñandú@ejemplo.es", "qa@team.test", "a@mail.example.net",
     "ana@localhost", "Ana@LOCALHOST", "ana@x.local", "ana@dealer.corp", "ana@mail.internal", "a@x.home.arpa",
     "a@b.invalid"],
)  # fmt: skip
def test_an_email_address_is_sent_as_the_caller_wrote_it(email):
    assert AppointmentUpdate.from_payload(guests(email)).model_dump(exclude_unset=True) == guests(email)


@pytest.mark.parametrize(
    "email",
    ["", "ana", "ana@", "@example.com", "ana@example", "ana@test", " ana@example.com", "ana@example.com\n",
     "ana@@example.com", "Ana <ana@example.com>", "ana@example.com,bo@example.com", "mailto:ana@example.com",
     "ana@local", "ana@.local", "ana@x..test", "ana@-x.local", "an a@x.local", "@localhost", "ana@bo@x.local",
     "ana lopez@example.com", "[email protected]"],
)  # fmt: skip
def test_what_is_no_email_address_is_refused_and_not_shown(email, refusals):
    found = refusals(AppointmentUpdate.from_payload, guests("ok@example.com", email))
    assert found == {
        "guests[1].email": "got str (value not shown), not a valid e-mail address; "
        "accepted: one plain address such as name@example.com"
    }


@pytest.mark.parametrize("value", [7, True, ["ana@example.com"]], ids=repr)
def test_an_email_address_is_text(value, refusals):
    assert list(refusals(AppointmentUpdate.from_payload, guests(value))) == ["guests[0].email"]


def test_a_guest_needs_an_email_address(refusals):
    assert refusals(AppointmentUpdate.from_payload, {"guests": [{"extraFields": {}}]}) == {
        "guests[0].email": "is missing; a guest needs it"
    }


@pytest.mark.parametrize("twin", ["ana@example.com", "ANA@example.com", "ana@EXAMPLE.com"])
def test_no_two_guests_may_have_the_same_email_address_in_whatever_case(twin, refusals):
    found = refusals(AppointmentUpdate.from_payload, guests("ana@example.com", "bo@example.com", twin))
    assert found == {"guests[2].email": "is the same address as guests[0].email; each guest needs another"}


def test_every_repeated_guest_is_named_also_beside_one_that_cannot_be_read(refusals):
    found = refusals(AppointmentUpdate.from_payload, guests("a@example.com", "A@example.com", "?", "a@Example.com"))
    assert list(found) == ["guests[1].email", "guests[2].email", "guests[3].email"]
    assert "guests[0].email" in found["guests[3].email"]


@pytest.mark.parametrize("name", ["phone", "firstName", "lastName"])
@pytest.mark.parametrize("text", ["+34600000000", "007", "1.10", "", " x "])
def test_a_guests_phone_and_names_are_sent_character_by_character(name, text):
    payload = {"guests": [{"email": "a@example.com", "extraFields": {name: text}}]}
    assert AppointmentUpdate.from_payload(payload).model_dump(exclude_unset=True) == payload


@pytest.mark.parametrize("name", ["phone", "firstName", "lastName"])
@pytest.mark.parametrize("value", [34600000000, 7.5, True], ids=repr)
def test_a_guests_phone_or_name_that_arrives_as_a_number_is_refused_with_the_reason(name, value, refusals):
    extra = {"other": {1}, name: value}
    found = refusals(AppointmentUpdate.from_payload, {"guests": [{"email": "a@example.com", "extraFields": extra}]})
    assert list(found) == ["guests[0].extraFields.other", f"guests[0].extraFields.{name}"]
    message = found[f"guests[0].extraFields.{name}"]
    assert "may have eaten a plus sign" in message
    assert str(value) not in message


def test_other_data_of_a_guest_is_free():
    payload = {"guests": [{"email": "a@example.com", "extraFields": {"zip": 8001, "phone": None, "tags": [1]}}]}
    assert AppointmentUpdate.from_payload(payload).model_dump(exclude_unset=True) == payload


def test_a_phone_outside_the_guests_may_be_a_number():
    payload = {"extraFields": {"phone": 112}}
    assert AppointmentUpdate.from_payload(payload).model_dump(exclude_unset=True) == payload


@pytest.mark.parametrize(("time", "sent"), [(15, 15), ("15", 15), (0, 0), (1.5, 1.5)])
def test_a_reminder_is_a_number_of_an_open_unit(time, sent):
    patch = AppointmentUpdate.from_payload({"reminders": [{"time": time, "unit": "weeks"}]}).model_dump(
        exclude_unset=True
    )
    assert patch == {"reminders": [{"time": sent, "unit": "weeks"}]}


@pytest.mark.parametrize(
    ("reminder", "paths"),
    [
        ({"time": -1, "unit": "m"}, ["reminders[0].time"]),
        ({"time": True, "unit": "m"}, ["reminders[0].time"]),
        ({"time": "soon", "unit": "m"}, ["reminders[0].time"]),
        ({"time": 15, "unit": ""}, ["reminders[0].unit"]),
        ({"time": 15, "unit": 60}, ["reminders[0].unit"]),
        ({"time": 15}, ["reminders[0].unit"]),
        ({"unit": "m"}, ["reminders[0].time"]),
        ({}, ["reminders[0].time", "reminders[0].unit"]),
        (15, ["reminders[0]"]),
    ],
    ids=str,
)
def test_a_reminder_that_is_not_complete_and_right_is_refused(reminder, paths, refusals):
    assert list(refusals(AppointmentUpdate.from_payload, {"reminders": [reminder]})) == paths


def test_an_event_keeps_the_keys_that_the_api_reference_does_not_name():
    payload = {"event": {"room": "Demo", "provider": {"name": "x", "pin": 7, "ends": None}}}
    assert AppointmentUpdate.from_payload(payload).model_dump(exclude_unset=True) == payload


@pytest.mark.parametrize("name", ["iCallUrl", "room"])
def test_the_named_texts_of_an_event_are_text(name, refusals):
    assert "where text belongs" in refusals(AppointmentUpdate.from_payload, {"event": {name: 2}})[f"event.{name}"]


@pytest.mark.parametrize(
    ("model", "members"),
    [
        (Guest, {"email": "a@example.com", "extraFields": {"phone": "+34600000000"}}),
        (Reminder, {"time": 15, "unit": "m"}),
        (VirtualEvent, {"iCallUrl": "https://meet.example.com/x", "pin": 7}),
        (AppointmentUpdate, {"guests": [{"email": "a@example.com"}], "title": None}),
    ],
)
def test_a_model_made_of_keywords_is_its_json(model, members):
    assert model(**members).model_dump(exclude_unset=True) == members


def test_a_model_made_of_wrong_keywords_names_them_all(refusals):
    assert list(refusals(Guest, mail="a@example.com", extraFields={"a": {1}})) == ["mail", "extraFields.a", "email"]


def test_the_members_of_a_model_can_be_read():
    update = AppointmentUpdate(guests=[Guest(email="a@example.com")], start="2025-03-10T08:00Z")
    assert update.guests[0].email == "a@example.com"
    assert update.start == "2025-03-10T08:00:00.000Z"
    assert update.title is None


SLOT = {"start": "2025-03-10T08:00:00.000Z", "end": "2025-03-10T08:30:00.000Z"}
LATER = {"start": "2025-03-11T08:00:00.000Z", "end": "2025-03-11T08:30:00.000Z"}


@pytest.mark.parametrize(
    "value",
    [
        [LATER, SLOT],
        (LATER, SLOT),
        [
            {"start": "2025-03-11T09:00", "end": "2025-03-11T09:30"},
            {"start": "2025-03-10T09:00", "end": "2025-03-10T09:30"},
        ],
        f"[{LATER}, {SLOT}]",
        f"[{LATER}, {SLOT}]".replace("'", '"'),
        [str(LATER), SLOT],
    ],
    ids=["list", "tuple", "local times", "python text", "json text", "list of text"],
)
def test_slots_are_given_back_as_the_api_spells_times_and_in_the_callers_order(value):
    assert parse_slots(value, timezone="Europe/Madrid") == [LATER, SLOT]


def test_no_slot_is_a_list_too():
    assert parse_slots([], timezone=None) == []


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        ([{**SLOT, "end": SLOT["start"]}], ["fallback_slots[0].end"]),
        ([SLOT, {**SLOT, "end": "2025-03-10T07:00Z"}], ["fallback_slots[1].end"]),
        ([{"start": SLOT["start"]}, {"end": SLOT["end"]}], ["fallback_slots[0].end", "fallback_slots[1].start"]),
        ([{**SLOT, "title": "x"}], ["fallback_slots[0].title"]),
        ([{**SLOT, "start": None}], ["fallback_slots[0].start"]),
        ([{**SLOT, "start": "2025-03-10T07:00"}], ["fallback_slots[0].start"]),
        ([{"start": "NaT", "end": "None"}], ["fallback_slots[0].start", "fallback_slots[0].end"]),
        ([None], ["fallback_slots[0]"]),
        (SLOT, ["fallback_slots"]),
        ("None", ["fallback_slots"]),
        (None, ["fallback_slots"]),
    ],
    ids=str,
)
def test_slots_that_cannot_be_sent_are_named(value, paths, refusals):
    assert list(refusals(parse_slots, value, timezone=None)) == paths


def test_a_wrong_time_zone_of_slots_is_refused(refusals):
    assert list(refusals(parse_slots, [SLOT], timezone="Mars/Base")) == ["timezone"]


TEN, ELEVEN, NOON = (f"2026-03-09T{hour}:00:00.000Z" for hour in (10, 11, 12))


@pytest.mark.parametrize(
    ("patch", "current"),
    [
        ({"end": NOON}, {"start": TEN, "end": ELEVEN}),
        ({"start": NOON, "end": "2026-03-09T13:00:00.000Z"}, {"start": TEN, "end": ELEVEN}),
        ({"end": TEN}, {"start": None}),
        ({"end": TEN}, {}),
        ({"title": "x"}, {"start": ELEVEN, "end": TEN}),
    ],
)
def test_an_end_after_the_start_that_will_be_is_accepted_and_an_unknown_one_is_left_to_the_server(patch, current):
    check_against_current(patch, current)


@pytest.mark.parametrize(
    ("patch", "field", "message"),
    [
        (
            {"end": TEN},
            "end",
            f"end would be {TEN} and start {TEN} (one of them is what the appointment holds); "
            "accepted: an end after the start",
        ),
        (
            {"start": NOON},
            "start",
            f"end would be {ELEVEN} and start {NOON} (one of them is what the appointment holds); "
            "accepted: an end after the start",
        ),
        (
            {"start": NOON, "end": ELEVEN},
            "start",
            f"end would be {ELEVEN} and start {NOON}; accepted: an end after the start",
        ),
    ],
)
def test_an_end_that_would_not_be_after_the_start_is_refused_with_both_times(patch, field, message):
    with pytest.raises(OnlivePayloadError) as refused:
        check_against_current(patch, {"start": TEN, "end": ELEVEN})
    (error,) = refused.value.errors
    assert (error.field, error.message) == (field, message)
