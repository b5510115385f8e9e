"""What an error and a log show of data: where it is and what kind of thing, no guest's data, and no line of its own."""

from __future__ import annotations

from typing import Any

import pytest

from onlive_provider.bulk.columns import check_columns
from onlive_provider.errors import OnlivePayloadError, OnliveStaleRecordError
from onlive_provider.models.appointment import AppointmentUpdate
from onlive_provider.models.changes import plan
from onlive_provider.models.fields import APPOINTMENT, SERVICE, Resource, resource_named
from onlive_provider.models.patch import parse_flag, parse_record_id
from onlive_provider.models.service import ServiceUpdate
from tests.loopback import ID

GUESTS = ["ana.lopez@example.com", "+34 600 111 222", "0151 60011122", "ana%40example.com", "x600111"]
FORGED = "a\n2026-11-26 ERROR b\r\x1b[2Jc\x9b31m\u202ed\x1b]8;;http://e\x07"
FORGED_KEY = "a\\nERROR b\\x1b[c\\x9bd\\u202e"


def refusal(work: Any) -> str:
    with pytest.raises(OnlivePayloadError) as caught:
        work()
    return str(caught.value)


@pytest.mark.parametrize("key", GUESTS)
def test_a_key_that_is_a_guests_is_neither_in_the_log_nor_in_an_error(key: str) -> None:
    wanted = AppointmentUpdate.from_payload({"extraFields": {key: 1, "room": 2}}).model_dump(exclude_unset=True)
    change = plan(APPOINTMENT, ID, {"extraFields": {}}, wanted, only_changed=True, object_updates="merge")
    assert change.lines() == {"extraFields": "extraFields: set (key not shown), room (value not shown)"}
    text = refusal(lambda: AppointmentUpdate.from_payload({"extraFields": {key: {1, 2}}, key: 1}))
    assert key not in text
    assert "extraFields.(key not shown): got set" in text


@pytest.mark.parametrize("value", [*GUESTS, "Ana Lopez", FORGED])
def test_an_id_that_is_no_uuid_is_told_by_its_kind_and_length(value: str) -> None:
    for work in (lambda: APPOINTMENT.record_path(value), lambda: parse_record_id(value, "id")):
        text = refusal(work)
        assert f"of {len(value)} characters" in text or f"which has {len(value)} characters and is not a UUID" in text
        assert not any(word in text for word in (value, "ana", "Ana", "600", "111", "ERROR"))


@pytest.mark.parametrize("value", GUESTS[:4])
def test_a_guests_data_under_another_fields_name_are_not_in_the_error(value: str) -> None:
    payload = {"start": value, "lang": 5, "reminders": [{"time": value, "unit": "m"}]}
    texts = [
        refusal(lambda: AppointmentUpdate.from_payload(payload, timezone="Europe/Madrid")),
        refusal(lambda: ServiceUpdate.from_payload({"duration": value, "active": value, "userGroupId": value})),
        refusal(lambda: ServiceUpdate.from_payload({"duration": -34600111222})),
        refusal(lambda: parse_flag(value, "plan_only")),
        refusal(lambda: resource_named(value)),
        str(OnliveStaleRecordError("appointment", None, value)),
    ]
    for text in texts:
        assert not any(part in text for part in ("ana", "600", "111"))
    assert "duration: got str " in texts[1]


@pytest.mark.parametrize("value", GUESTS[:4])
def test_a_guests_data_under_another_fields_name_are_not_in_the_log(value: str) -> None:
    current = {"state": value, "lang": "es", "reminders": [{"time": 1, "unit": value}]}
    wanted = {"state": "confirmed", "lang": value, "reminders": []}
    change = plan(APPOINTMENT, ID, current, wanted, only_changed=True, object_updates="merge")
    text = "\n".join(change.lines().values())
    assert text.count("<") == 3
    assert not any(part in text for part in ("ana", "600", "111"))


@pytest.mark.parametrize("resource", [APPOINTMENT, SERVICE])
def test_data_are_shown_on_one_line_with_nothing_that_a_terminal_obeys(resource: Resource) -> None:
    for name, row in resource.fields.items():
        for value in (FORGED, [FORGED], {"x": FORGED, FORGED: 1}, [{"unit": FORGED, FORGED_KEY: 1}], {FORGED_KEY: 1}):
            if row.readable:
                change = plan(resource, ID, {name: [value]}, {name: value}, only_changed=True, object_updates="merge")
                assert change.lines()[name].isprintable(), name


@pytest.mark.parametrize(
    "payload",
    [
        {"reminders": [{"time": FORGED, "unit": FORGED}], FORGED: 1, "start": FORGED, "lang": [FORGED]},
        {"extraFields": {FORGED_KEY: {1}}, FORGED_KEY: 1, "state": {FORGED}, "guests": [{FORGED: 1, "email": FORGED}]},
        f"{{{FORGED}",
    ],
)
def test_each_error_stands_on_one_line(payload: Any) -> None:
    with pytest.raises(OnlivePayloadError) as caught:
        AppointmentUpdate.from_payload(payload)
    for error in caught.value.errors:
        assert str(error).isprintable()
    assert str(caught.value).count("\n") == (0 if len(caught.value.errors) == 1 else len(caught.value.errors))


def test_a_file_without_a_header_shows_none_of_its_first_row() -> None:
    text = refusal(lambda: check_columns(["Ana_600111222", "ana@example.com", "ok"], "id", None))
    assert "found: (name not shown), (name not shown), ok" in text
