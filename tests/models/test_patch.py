"""Tests of what every update has in common."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from fractions import Fraction
from types import MappingProxyType
from uuid import UUID
from zoneinfo import ZoneInfo

import pendulum
import pytest
from pydantic import ValidationError

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.appointment import AppointmentUpdate, Guest, Reminder, VirtualEvent
from onlive_provider.models.patch import parse_flag, parse_instant, parse_record_id, parse_timezone
from onlive_provider.models.service import DateRange, ServiceUpdate
from onlive_provider.privacy import HIDDEN

ID = "1610c525-f19a-40d0-8cd1-03daba3d2d98"


def test_only_the_fields_that_the_caller_set_are_in_the_patch():
    assert AppointmentUpdate.from_payload({"state": "confirmed"}).model_dump(exclude_unset=True) == {
        "state": "confirmed"
    }


def test_fields_stand_in_the_callers_order_at_every_level():
    payload = {
        "title": "Demo",
        "guests": [{"extraFields": {"phone": "1", "firstName": "A"}, "email": "a@example.com"}],
        "end": "2025-03-10T08:30:00.000Z",
        "start": "2025-03-10T08:00:00.000Z",
        "event": {"room": "2", "iCallUrl": "https://meet.example.com/x"},
    }
    assert json.dumps(AppointmentUpdate.from_payload(payload).model_dump(exclude_unset=True)) == json.dumps(payload)


def test_fields_given_as_keywords_stand_in_their_order():
    assert list(AppointmentUpdate(state="confirmed", title="Demo").model_dump(exclude_unset=True)) == ["state", "title"]


@pytest.mark.parametrize("model", [AppointmentUpdate, ServiceUpdate])
def test_null_clears_every_field(model):
    cleared = dict.fromkeys(model.model_fields)
    assert model.from_payload(cleared).model_dump(exclude_unset=True) == cleared


@pytest.mark.parametrize("name", ["guests", "reminders"])
def test_an_empty_array_of_an_appointment_is_a_value(name):
    assert AppointmentUpdate.from_payload({name: []}).model_dump(exclude_unset=True) == {name: []}


@pytest.mark.parametrize("name", ["dateRanges", "calendars"])
def test_an_empty_array_of_a_service_is_a_value(name):
    assert ServiceUpdate.from_payload({name: []}).model_dump(exclude_unset=True) == {name: []}


@pytest.mark.parametrize("name", ["extraFields", "event"])
def test_an_empty_object_is_a_value(name):
    assert AppointmentUpdate.from_payload({name: {}}).model_dump(exclude_unset=True) == {name: {}}


def test_absent_null_and_empty_stay_three_things_inside_nested_objects():
    payload = {
        "guests": [
            {"email": "a@example.com"},
            {"email": "b@example.com", "extraFields": None},
            {"email": "c@example.com", "extraFields": {}},
            {"email": "d@example.com", "extraFields": {"phone": None, "tags": []}},
        ],
        "event": {"room": None},
        "extraFields": {"a": None, "b": {"c": None, "d": [None, [], {}]}},
    }
    assert AppointmentUpdate.from_payload(payload).model_dump(exclude_unset=True) == payload


def test_a_required_member_of_an_array_cannot_be_null(refusals):
    payload = {"guests": [{"email": None}], "reminders": [{"time": None, "unit": None}]}
    found = refusals(AppointmentUpdate.from_payload, payload)
    assert list(found) == ["guests[0].email", "reminders[0].time", "reminders[0].unit"]
    assert "got null" in found["guests[0].email"]


@pytest.mark.parametrize("name", ["guests", "reminders"])
def test_an_item_of_an_array_cannot_be_null(name, refusals):
    assert list(refusals(AppointmentUpdate.from_payload, {name: [None]})) == [f"{name}[0]"]


@pytest.mark.parametrize(
    "payload",
    [
        '{"duration": 45, "active": false}',
        ' {"duration": "45", "active": "False"} \n',
        "\n {'duration': 45, 'active': False} \n",
        {"duration": 45, "active": False},
        MappingProxyType({"duration": 45, "active": False}),
        ServiceUpdate(duration=45, active=False),
    ],
    ids=["json", "json with spaces", "python", "dict", "mapping", "model"],
)
def test_a_payload_is_a_mapping_or_text_that_holds_one(payload):
    assert ServiceUpdate.from_payload(payload).model_dump(exclude_unset=True) == {"duration": 45, "active": False}


@pytest.mark.parametrize(
    ("payload", "given"),
    [
        (None, "null (None)"),
        (7, "got int"),
        ([{"duration": 45}], "got list"),
        ("[1]", "holds list"),
        ("null", "holds NoneType"),
        ("", "neither JSON nor a Python literal"),
        ("{'start': datetime.datetime(2025, 1, 1)}", "tojson"),
        ("[" * 100_000, "nested too deep to be read"),
        ("-" * 100_000 + "1", "neither JSON nor a Python literal"),
        ("1" + "+1" * 100_000, "neither JSON nor a Python literal"),
        ("{[]: 1}", "neither JSON nor a Python literal"),
        ('{"duration": 45, "active": false, "duration": 60}', "which holds duration twice; accepted: an object"),
        ("{'duration': 45, 'duration': None}", "which holds duration twice"),
        ('{"ana@example.com": 1, "ana@example.com": 2}', "which holds (key not shown) twice"),
        (b'{"duration": 45}', "got bytes"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_any_other_payload_is_refused_with_what_was_given_and_what_is_accepted(payload, given, refusals):
    found = refusals(ServiceUpdate.from_payload, payload)
    assert list(found) == ["payload"]
    assert given in found["payload"]
    assert "accepted: an object (dict)" in found["payload"]


@pytest.mark.parametrize("payload", [{}, "{}"])
def test_an_empty_payload_is_refused_because_there_is_nothing_to_send(payload, refusals):
    assert "is empty" in refusals(ServiceUpdate.from_payload, payload)["payload"]


def test_json_is_tried_before_python():
    patch = AppointmentUpdate.from_payload('{"title": "\\u00e9", "extraFields": {"ok": true}}').model_dump(
        exclude_unset=True
    )
    assert patch == {"title": "é", "extraFields": {"ok": True}}


def test_a_model_without_any_field_is_refused_as_an_empty_payload_is(refusals):
    assert list(refusals(AppointmentUpdate)) == ["payload"]


def test_all_mistakes_are_told_at_once_in_the_payloads_order(refusals):
    payload = {
        "end": "2025-03-10T08:00:00Z",
        "title": 7,
        "guests": [{"email": "nobody"}, {"email": "a@example.com"}, {"email": "A@example.com", "age": {7}}, {}],
        "extraFields": {"a": {1}, "b": [0, {"c": float("inf")}]},
        "start": "2025-03-10T08:00:00Z",
        "id": ID,
        "reminders": [{"unit": "", "time": -1}],
        "stat": "confirmed",
    }
    assert list(refusals(AppointmentUpdate.from_payload, payload)) == [
        "end",
        "title",
        "guests[0].email",
        "guests[2].age",
        "guests[3].email",
        "extraFields.a",
        "extraFields.b[1].c",
        "id",
        "reminders[0].unit",
        "reminders[0].time",
        "stat",
    ]


def test_the_order_of_mistakes_is_the_payloads_not_the_models(refusals):
    assert list(refusals(ServiceUpdate.from_payload, {"typeId": "x", "name": 1})) == ["typeId", "name"]
    assert list(refusals(ServiceUpdate.from_payload, {"name": 1, "typeId": "x"})) == ["name", "typeId"]


def test_a_wrong_time_zone_is_told_together_with_the_other_mistakes(refusals):
    found = refusals(AppointmentUpdate.from_payload, {"title": 7, "state": "ok"}, timezone="Europe/Madird")
    assert list(found) == ["timezone", "title"]


def test_a_wrong_time_zone_makes_no_false_finding_about_the_order_of_times(refusals):
    payload = {"start": "2025-03-10T09:00", "end": "2025-03-10T08:30:00Z"}
    found = refusals(AppointmentUpdate.from_payload, payload, timezone="Mars/Base")
    assert list(found) == ["timezone", "start"]


@pytest.mark.parametrize("name", ["id", "organizationId", "createdAt", "updatedAt"])
@pytest.mark.parametrize("model", [AppointmentUpdate, ServiceUpdate])
def test_an_immutable_field_is_refused_by_name_and_not_as_unknown(model, name, refusals):
    found = refusals(model.from_payload, {name: "x"})
    assert "cannot be changed" in found[name]
    assert "no field" not in found[name]


@pytest.mark.parametrize(
    ("model", "payload", "path", "suggestion"),
    [
        (AppointmentUpdate, {"tittle": "x"}, "tittle", '"title"'),
        (AppointmentUpdate, {"Agentcomment": "x"}, "Agentcomment", '"agentComment"'),
        (AppointmentUpdate, {"guests": [{"email": "a@example.com", "extrafields": {}}]}, "guests[0].extrafields",
         '"extraFields"'),
        (AppointmentUpdate, {"reminders": [{"time": 1, "unit": "m", "units": "m"}]}, "reminders[0].units", '"unit"'),
        (ServiceUpdate, {"date_ranges": []}, "date_ranges", '"dateRanges"'),
        (ServiceUpdate, {"calendars": [{"calendarId": "x", "active": True, "type": "agent", "restrictions": {}}]},
         "calendars[0].restrictions", '"restrictionDates"'),
        (ServiceUpdate, {"calendars": [{"calendarId": "x", "active": True, "type": "agent",
                                        "restrictionDates": {"exlude": []}}]},
         "calendars[0].restrictionDates.exlude", '"exclude"'),
    ],
)  # fmt: skip
def test_an_unknown_key_is_refused_with_the_closest_name(model, payload, path, suggestion, refusals):
    found = refusals(model.from_payload, payload)
    assert list(found) == [path]
    assert found[path].endswith(f"did you mean {suggestion}?")


def test_an_unknown_field_without_a_close_name_is_refused_with_the_accepted_ones(refusals):
    assert refusals(AppointmentUpdate.from_payload, {"zzz": 1})["zzz"].startswith(
        "is not a field of an appointment update; accepted: title, description, "
    )


ANSWERED = [
    (AppointmentUpdate, "guests", {"email": "a@example.com", "id": "g-1", "status": None, "seen": [{"at": 1.5}]}),
    (AppointmentUpdate, "reminders", {"time": 15, "unit": "m", "id": 7, "sentAt": None, "timezone": "UTC"}),
    (
        ServiceUpdate,
        "dateRanges",
        {"startDate": "2025-01-01T00:00:00.000Z", "endDate": "2025-02-01T00:00:00.000Z", "id": 1, "state": "open"},
    ),
    (
        ServiceUpdate,
        "calendars",
        {
            "calendarId": "x",
            "active": True,
            "type": "agent",
            "name": "Ana",
            "restrictionDates": {"include": [], "zone": "UTC", "rules": {}},
        },
    ),
]


@pytest.mark.parametrize(("model", "name", "item"), ANSWERED, ids=lambda each: each if isinstance(each, str) else "")
def test_what_a_server_adds_to_an_item_is_sent_back_as_it_came(model, name, item):
    for given in ({name: [item]}, {name: json.dumps([item])}):
        assert model.from_payload(given).model_dump(exclude_unset=True) == {name: [item]}


@pytest.mark.parametrize(
    ("value", "message"),
    [({1}, "accepted: what JSON can carry"), (float("nan"), "a missing value"), ("None", "a missing value"),
     (float("inf"), "a number that JSON carries"), ("\ud83c", "UTF-8")],
    ids=repr,
)  # fmt: skip
def test_what_is_added_to_an_item_must_be_json_and_is_not_shown(value, message, refusals):
    found = refusals(AppointmentUpdate.from_payload, {"guests": [{"email": "a@example.com", "level": {"a": value}}]})
    assert list(found) == ["guests[0].level.a"]
    assert message in found["guests[0].level.a"]
    found = refusals(ServiceUpdate.from_payload, {"calendars": [{"calendarId": {"secret"}, "owner": {"secret"}}]})
    assert "secret" not in found["calendars[0].owner"]


def test_a_repr_shows_nothing_of_what_was_added_to_an_item():
    assert "secret" not in repr(Reminder(time=1, unit="m", owner="secret"))


@pytest.mark.parametrize(
    ("item", "slip", "meant"),
    [
        ({"emial": "a@example.com"}, "emial", "email"),
        ({"email": "a@example.com", "emial": "b@example.com"}, "emial", "email"),
        ({"email": "a@example.com", "extraField": {}}, "extraField", "extraFields"),
        ({"email": "a@example.com", "EXTRAFIELDS": {}}, "EXTRAFIELDS", "extraFields"),
    ],
)
def test_a_slip_of_a_known_name_is_no_member_that_a_server_added(item, slip, meant, refusals):
    found = refusals(AppointmentUpdate.from_payload, {"guests": [item]})
    assert found[f"guests[0].{slip}"] == f'is not a field of a guest; did you mean "{meant}"?'


def test_a_key_that_is_no_text_is_refused(refusals):
    assert refusals(ServiceUpdate.from_payload, {7: "x"}) == {
        "payload": "has a key of type int; accepted: keys that are text"
    }


@pytest.mark.parametrize("key", ["ana@example.com", "+34600000000", "x" * 81])
def test_a_key_that_may_be_a_guests_data_is_not_shown(key, refusals):
    found = refusals(AppointmentUpdate.from_payload, {"guests": [{"email": "a@example.com", key: {1}}]})
    assert list(found) == ["guests[0].(key not shown)"]
    assert key not in str(found)


@pytest.mark.parametrize(
    "payload",
    [
        {"title": ["secret"]},
        {"description": {"secret": 1}},
        {"agentComment": ("secret",)},
        {"guests": "secret"},
        {"guests": [{"email": "secret"}]},
        {"guests": [{"email": "s@example.com", "extraFields": {"phone": ["secret"]}}]},
        {"extraFields": {"a": b"secret"}},
        {"extraFields": "secret"},
        {"event": {"room": ["secret"]}},
    ],
    ids=str,
)
def test_no_error_shows_a_value_that_may_be_a_guests_data(payload):
    with pytest.raises(OnlivePayloadError) as caught:
        AppointmentUpdate.from_payload(payload)
    assert "secret" not in str(caught.value)
    assert "(value not shown)" in str(caught.value)


def test_an_error_shows_a_harmless_value_shortened(refusals):
    found = refusals(ServiceUpdate.from_payload, {"duration": "x" * 500, "active": "perhaps"})
    assert "got str 'perhaps'" in found["active"]
    assert f"got str '{'x' * 76}..." in found["duration"]
    assert "x" * 77 not in found["duration"]


def test_an_error_of_another_librarys_type_names_the_library(refusals):
    found = refusals(ServiceUpdate.from_payload, {"active": Fraction(1, 1), "hasICall": {1}})
    assert found["active"].startswith("got fractions.Fraction (value not shown);")
    assert found["hasICall"].startswith("got set (value not shown);")


def test_an_error_of_a_number_that_python_cannot_print_names_its_type(refusals):
    assert refusals(ServiceUpdate.from_payload, {"duration": 10**5000})["duration"].startswith("got int;")


def test_models_stand_in_a_payload_where_their_json_may_stand():
    guest = Guest(email="a@example.com", extraFields={"phone": "+34600000000"})
    payload = {
        "guests": [guest, {"email": "b@example.com"}],
        "reminders": [Reminder(time=15, unit="m")],
        "event": VirtualEvent(room="2"),
        "extraFields": {"nested": [guest]},
    }
    assert AppointmentUpdate.from_payload(payload).model_dump(exclude_unset=True) == {
        "guests": [
            {"email": "a@example.com", "extraFields": {"phone": "+34600000000"}},
            {"email": "b@example.com"},
        ],
        "reminders": [{"time": 15, "unit": "m"}],
        "event": {"room": "2"},
        "extraFields": {"nested": [{"email": "a@example.com", "extraFields": {"phone": "+34600000000"}}]},
    }


def test_the_patch_of_a_patch_is_the_same_patch():
    payload = {
        "dateRanges": [
            {"startDate": "2025-11-01T00:00", "endDate": "2025-12-31T23:59:59.9999"},
            {"startDate": "2024-10-14T00:00", "endDate": "2025-10-14T23:59:59"},
        ],
        "duration": "45.0",
        "calendars": "[{'calendarId': '7', 'active': 'TRUE', 'type': 'asset'}]",
        "extraFields": {"price": 1.5},
    }
    patch = ServiceUpdate.from_payload(payload, timezone="Europe/Madrid").model_dump(exclude_unset=True)
    assert ServiceUpdate.from_payload(patch).model_dump(exclude_unset=True) == patch
    assert json.loads(json.dumps(patch, allow_nan=False)) == patch


def test_changing_a_patch_or_the_payload_does_not_change_the_model():
    payload = {"extraFields": {"tags": ["a"]}}
    update = AppointmentUpdate.from_payload(payload)
    update.model_dump(exclude_unset=True)["extraFields"]["tags"].append("b")
    payload["extraFields"]["tags"].append("c")
    assert update.model_dump(exclude_unset=True) == {"extraFields": {"tags": ["a"]}}


def test_a_model_cannot_be_changed():
    with pytest.raises(ValidationError):
        AppointmentUpdate(title="Demo").title = "Other"


def test_a_model_survives_copy_and_pickle_with_its_order():
    update = AppointmentUpdate(state="confirmed", title="Demo", event=VirtualEvent(pin="1", room=None))
    for twin in (copy.deepcopy(update), pickle.loads(pickle.dumps(update)), update.model_copy()):
        assert twin == update
        assert json.dumps(twin.model_dump(exclude_unset=True)) == json.dumps(update.model_dump(exclude_unset=True))


def test_a_repr_shows_no_guests_data():
    update = AppointmentUpdate(
        title="secret",
        guests=[Guest(email="secret@example.com", extraFields={"phone": "secret"})],
        event=VirtualEvent(room="secret", other="secret"),
        state="confirmed",
    )
    for shown in (repr(update), str(update), repr(update.guests), repr(update.event)):
        assert "secret" not in shown
    assert "state='confirmed'" in repr(update)
    assert "description" not in repr(update)


def test_an_error_of_pydantic_shows_no_guests_data():
    for broken in ({"email": "secret"}, {"email": "secret@example.com", "age": {"secret"}}, ["secret"]):
        with pytest.raises(ValidationError) as caught:
            Guest.model_validate(broken)
        assert "secret" not in str(caught.value)


def test_a_date_ranges_repr_shows_its_times():
    assert "2025-01-01T00:00:00.000Z" in repr(DateRange(startDate="2025-01-01T00:00Z", endDate="2025-02-01T00:00Z"))


@pytest.mark.parametrize("value", [ID, ID.upper(), UUID(ID)], ids=["lower case", "upper case", "UUID object"])
def test_an_id_is_a_uuid_in_lower_case(value):
    assert parse_record_id(value, "appointment_id") == ID


@pytest.mark.parametrize(
    "value",
    ["", "None", "nan", f" {ID}", f"{ID}\n", f"{{{ID}}}", ID.replace("-", ""), f"urn:uuid:{ID}", "x" * 36, None, 7,
     ID[:-1], ID[:-1] + "g", float("nan"), b"1610c525-f19a-40d0-8cd1-03daba3d2d98"],
    ids=repr,
)  # fmt: skip
def test_anything_else_is_no_id(value, refusals):
    assert list(refusals(parse_record_id, value, "appointment_id")) == ["appointment_id"]


def test_an_id_that_is_refused_is_not_shown_for_it_may_be_a_guests_data(refusals):
    found = refusals(parse_record_id, "ana@example.com", "appointment_id")
    assert "ana" not in found["appointment_id"]
    assert "15 characters" in found["appointment_id"]


@pytest.mark.parametrize(
    ("value", "flag"),
    [(True, True), (False, False), ("true", True), ("True", True), ("FALSE", False), (" false ", False)],
)
def test_a_flag_is_true_or_false_or_these_words(value, flag):
    assert parse_flag(value, "plan_only") is flag


@pytest.mark.parametrize("value", ["1", "0", 1, 0, 0.0, "yes", "no", "on", "", None, "None", [], [True]], ids=repr)
def test_anything_else_is_no_flag(value, refusals):
    assert list(refusals(parse_flag, value, "plan_only")) == ["plan_only"]


def test_a_flag_that_is_refused_is_shown(refusals):
    assert refusals(parse_flag, "yes", "plan_only")["plan_only"].startswith("got str 'yes'; accepted: True or False")


def test_a_time_zone_is_its_name_or_none():
    assert parse_timezone("Europe/Madrid", "timezone") == ZoneInfo("Europe/Madrid")
    assert parse_timezone(None, "timezone") is None
    assert parse_timezone(pendulum.timezone("Europe/Madrid"), "timezone").key == "Europe/Madrid"


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [("Europe/Madird", "Europe/Madrid"), ("Madrid", "Europe/Madrid"), ("europe/MADRID", "Europe/Madrid")],
)
def test_an_unknown_time_zone_is_refused_with_the_closest_name(name, suggestion, refusals):
    found = refusals(parse_timezone, name, "timezone")["timezone"]
    assert f"got str '{name}', which is not a known time zone; did you mean \"{suggestion}\"?" in found


@pytest.mark.parametrize("name", ["", "Europe", "../etc/passwd", "/etc/passwd", "+02:00", "None", "a\x00b", 7])
def test_what_is_no_name_of_a_time_zone_is_refused(name, refusals):
    assert list(refusals(parse_timezone, name, "timezone")) == ["timezone"]


def test_an_instant_is_given_back_as_the_api_spells_it():
    assert parse_instant("2025-03-10T09:00+01:00", "expected_updated_at", None) == "2025-03-10T08:00:00.000Z"
    assert parse_instant("2025-03-10T09:00", "expected_updated_at", "Europe/Madrid") == "2025-03-10T08:00:00.000Z"


def test_an_instant_that_is_refused_is_named_and_shown(refusals):
    found = refusals(parse_instant, "yesterday", "expected_updated_at", None)
    assert found["expected_updated_at"].startswith("got str 'yesterday', which is not an ISO 8601 time")


def test_importing_the_models_imports_neither_airflow_nor_requests():
    code = (
        "import sys, onlive_provider.models.appointment, onlive_provider.models.service\n"
        "print(sorted({'airflow', 'requests', 'aiohttp', 'fastapi', 'dns'} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


@pytest.mark.parametrize("form", [dict, json.dumps, str])
def test_a_payload_from_where_guests_data_were_hidden_is_refused(form):
    payload = {"title": "Visit", "extraFields": {"phone": HIDDEN}, "guests": None, "description": f"Call {HIDDEN}"}
    with pytest.raises(OnlivePayloadError) as caught:
        AppointmentUpdate.from_payload(form(payload))
    assert [error.field for error in caught.value.errors] == ["extraFields", "description"]
    assert "holds <hidden>, which stands for guests' data" in str(caught.value)
