"""Tests of what single values may be, and of what a template may have made of them."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum, StrEnum
from fractions import Fraction
from uuid import UUID

import pytest

from onlive_provider.models.appointment import AppointmentUpdate
from onlive_provider.models.service import ServiceUpdate

TEXTS = ["title", "description", "agentComment", "state", "lang", "classification"]
UUID_TEXT = "f329fe97-452f-4d12-aef0-f526a74569cc"


class Shade(StrEnum):
    DARK = "dark"


class Minutes(IntEnum):
    LONG = 45


def service(**fields):
    return ServiceUpdate.from_payload(fields).model_dump(exclude_unset=True)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(
    "text", ["+34600000000", "007", "1.10", " x ", "true", "[1]", "{}", "None of these", "none", "NAN", "ñ 🎉\n"]
)
def test_text_is_sent_character_by_character(name, text):
    assert AppointmentUpdate.from_payload({name: text}).model_dump(exclude_unset=True) == {name: text}


def test_text_that_is_a_member_of_an_enumeration_is_sent_as_plain_text():
    patch = AppointmentUpdate.from_payload({"state": Shade.DARK, "extraFields": {"shade": Shade.DARK}}).model_dump(
        exclude_unset=True
    )
    assert patch == {"state": "dark", "extraFields": {"shade": "dark"}}
    assert type(patch["state"]) is str
    assert type(patch["extraFields"]["shade"]) is str


@pytest.mark.parametrize("name", ["title", "description", "agentComment"])
def test_text_may_be_empty(name):
    assert AppointmentUpdate.from_payload({name: ""}).model_dump(exclude_unset=True) == {name: ""}


@pytest.mark.parametrize("name", ["state", "lang", "classification"])
@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_a_word_of_an_open_list_cannot_be_blank(name, text, refusals):
    assert "is blank" in refusals(AppointmentUpdate.from_payload, {name: text})[name]


@pytest.mark.parametrize("name", ["state", "lang", "classification"])
def test_a_word_that_the_vendor_may_add_is_sent(name):
    assert AppointmentUpdate.from_payload({name: "brand-new"}).model_dump(exclude_unset=True) == {name: "brand-new"}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(
    ("value", "kind"), [(7, "a number"), (1.1, "a number"), (Decimal("7"), "a number"), (True, "a boolean")]
)
def test_a_number_or_boolean_where_text_belongs_is_refused_with_the_reason(name, value, kind, refusals):
    message = refusals(AppointmentUpdate.from_payload, {name: value})[name]
    assert f"{kind} where text belongs: native template rendering may have eaten a plus sign" in message
    assert "quote it in the template or pass it as a string" in message


@pytest.mark.parametrize("value", [["x"], {"x": 1}, b"x"], ids=str)
def test_what_is_no_text_at_all_is_refused(value, refusals):
    assert "accepted: text" in refusals(AppointmentUpdate.from_payload, {"title": value})["title"]


def test_half_a_character_is_refused_because_it_cannot_be_sent(refusals):
    assert "UTF-8" in refusals(AppointmentUpdate.from_payload, {"title": "\ud83c"})["title"]


@pytest.mark.parametrize("name", ["duration", "timeBetween", "minTimeToSchedule", "maxTimeToSchedule", "incrementTime"])
@pytest.mark.parametrize(
    ("value", "number"),
    [
        (45, 45),
        ("45", 45),
        (" 45\n", 45),
        ("+45", 45),
        ("45.0", 45),
        (45.0, 45),
        ("4.5e1", 45),
        (Decimal("45.00"), 45),
        (Minutes.LONG, 45),
        (22.5, 22.5),
        ("22.5", 22.5),
        (Decimal("22.5"), 22.5),
        (2**53 - 1, 2**53 - 1),
    ],
    ids=repr,
)
def test_a_number_may_be_the_text_that_a_template_made_of_it(name, value, number):
    sent = service(**{name: value})[name]
    assert sent == number
    assert type(sent) is type(number)


@pytest.mark.parametrize(
    "value",
    ["", "abc", "45 min", "1,5", "1_000", "0x10", "٤٥", "inf", "-inf", "Infinity", float("inf"), 1e300, 2**53, "1e999",
     "1e9999999999", Decimal("1E+999999999"), Decimal("Infinity"), Decimal("sNaN"), Decimal("0.1000000000000000000001"),
     10**400, [45], {"value": 45}, 45j, Fraction(1, 3)],
    ids=lambda value: repr(value)[:20],
)  # fmt: skip
def test_what_is_no_number_or_too_large_a_one_is_refused(value, refusals):
    assert list(refusals(ServiceUpdate.from_payload, {"duration": value})) == ["duration"]


@pytest.mark.parametrize("value", [True, False, "true"])
def test_a_boolean_where_a_number_belongs_is_refused(value, refusals):
    message = refusals(ServiceUpdate.from_payload, {"duration": value})["duration"]
    assert "a boolean where a number belongs" in message or "which is not a number" in message


def test_a_boolean_is_refused_as_such_and_not_by_its_value(refusals):
    assert "a boolean where a number" in refusals(ServiceUpdate.from_payload, {"duration": True})["duration"]


@pytest.mark.parametrize("name", ["duration", "incrementTime"])
@pytest.mark.parametrize("value", [0, -1, "-5", -0.5, "0", "0.0"])
def test_a_duration_must_be_positive(name, value, refusals):
    message = refusals(ServiceUpdate.from_payload, {name: value})[name]
    assert "a number of minutes greater than 0" in message


@pytest.mark.parametrize("name", ["timeBetween", "minTimeToSchedule", "maxTimeToSchedule"])
def test_a_buffer_or_a_lead_time_may_be_zero(name):
    assert service(**{name: 0}) == {name: 0}


@pytest.mark.parametrize(
    ("name", "unit"), [("timeBetween", "minutes"), ("minTimeToSchedule", "days"), ("maxTimeToSchedule", "days")]
)
def test_a_buffer_or_a_lead_time_cannot_be_negative(name, unit, refusals):
    assert f"a number of {unit}, 0 or more" in refusals(ServiceUpdate.from_payload, {name: -1})[name]


@pytest.mark.parametrize("name", ["deniedMultipleAppointment", "active", "allowOverlapping", "hasICall"])
@pytest.mark.parametrize(
    ("value", "flag"), [(True, True), (False, False), ("True", True), ("false", False), (" TRUE ", True)]
)
def test_a_boolean_may_be_the_text_that_a_template_made_of_it(name, value, flag):
    assert service(**{name: value}) == {name: flag}


@pytest.mark.parametrize("name", ["deniedMultipleAppointment", "active", "allowOverlapping", "hasICall"])
@pytest.mark.parametrize("value", [1, 0, "1", "yes", "", []], ids=repr)
def test_nothing_else_is_a_boolean(name, value, refusals):
    assert list(refusals(ServiceUpdate.from_payload, {name: value})) == [name]


@pytest.mark.parametrize("name", ["userGroupId", "typeId"])
@pytest.mark.parametrize("value", [UUID_TEXT, UUID_TEXT.upper(), UUID(UUID_TEXT)], ids=repr)
def test_the_ids_of_a_service_are_uuids_in_lower_case(name, value):
    assert service(**{name: value}) == {name: UUID_TEXT}


@pytest.mark.parametrize("name", ["userGroupId", "typeId"])
@pytest.mark.parametrize("value", ["", "7", UUID_TEXT.replace("-", ""), f" {UUID_TEXT}", 7], ids=repr)
def test_what_is_no_uuid_is_refused(name, value, refusals):
    assert "accepted: a UUID" in refusals(ServiceUpdate.from_payload, {name: value})[name]


@pytest.mark.parametrize(
    "value",
    ["https://cdn.onlive.site/assets/cupra/premium-test-drive.webp", "http://cdn.example.com:8080/a?b=c#d",
     "HTTPS://CDN.example.com", "https://[::1]/x.png", "https://cdn.example.com/ñ.png", "", "/img/a.webp", "img/a.webp",
     "data:image/png;base64,iVBORw0KGgo=", "//cdn.example.com/a.png", "ftp://cdn.example.com/a.png", "#a"],
)  # fmt: skip
def test_an_image_is_an_address_or_a_path_or_empty_and_sent_as_given(value):
    assert service(image=value) == {"image": value}


@pytest.mark.parametrize(
    "value",
    ["https://", "https:///a", " ", "/img/a b.webp", "None", "nan", "\ud83c", "data:image/png;base64,iVBO\nRw0K", True,
     "https:cdn.example.com", " https://cdn.example.com", "https://cdn.example.com/a b.png", "https://cdn.example.com\n",
     "https://cdn.example.com:port/", "https://cdn.example.com:0/", "https://[::1/x.png", 7],
    ids=repr,
)  # fmt: skip
def test_what_is_no_address_for_sure_is_refused_as_an_image(value, refusals):
    assert list(refusals(ServiceUpdate.from_payload, {"image": value})) == ["image"]


class NaTType:
    """Stands for pandas' NaT, which prints so."""

    def __str__(self):
        return "NaT"


class NAType:
    """Stands for pandas' NA, which prints so and cannot be compared."""

    def __str__(self):
        return "<NA>"

    def __eq__(self, other):
        raise TypeError("boolean value of NA is ambiguous")

    __hash__ = None


MISSING = ["None", "nan", "NaN", "NaT", "<NA>", float("nan"), Decimal("NaN"), NaTType(), NAType()]


@pytest.mark.parametrize("missing", MISSING, ids=str)
@pytest.mark.parametrize("name", list(AppointmentUpdate.model_fields))
def test_a_missing_value_in_disguise_is_refused_in_every_field_of_an_appointment(name, missing, refusals):
    message = refusals(AppointmentUpdate.from_payload, {name: missing})[name]
    assert "a missing value that a template or a data frame turned into something else" in message
    assert "a real None (null) clears a field, and leaving the key out keeps what it holds" in message


@pytest.mark.parametrize("missing", MISSING, ids=str)
@pytest.mark.parametrize("name", list(ServiceUpdate.model_fields))
def test_a_missing_value_in_disguise_is_refused_in_every_field_of_a_service(name, missing, refusals):
    assert "a missing value" in refusals(ServiceUpdate.from_payload, {name: missing})[name]


@pytest.mark.parametrize("missing", MISSING, ids=str)
@pytest.mark.parametrize(
    ("payload_of", "path"),
    [
        (lambda leaf: {"guests": [{"email": leaf}]}, "guests[0].email"),
        (lambda leaf: {"guests": [{"email": "a@example.com", "extraFields": {"phone": leaf}}]},
         "guests[0].extraFields.phone"),
        (lambda leaf: {"guests": [{"email": "a@example.com", "extraFields": {"size": leaf}}]},
         "guests[0].extraFields.size"),
        (lambda leaf: {"guests": [leaf]}, "guests[0]"),
        (lambda leaf: {"reminders": [{"time": 1, "unit": leaf}]}, "reminders[0].unit"),
        (lambda leaf: {"event": {"room": leaf}}, "event.room"),
        (lambda leaf: {"event": {"pin": leaf}}, "event.pin"),
        (lambda leaf: {"extraFields": {"a": [{"b": leaf}]}}, "extraFields.a[0].b"),
    ],
)  # fmt: skip
def test_a_missing_value_in_disguise_is_refused_at_every_depth(payload_of, path, missing, refusals):
    found = refusals(AppointmentUpdate.from_payload, payload_of(missing))
    assert list(found) == [path]
    assert "a missing value" in found[path]


def test_a_whole_payload_that_rendered_to_none_is_refused_as_a_missing_value(refusals):
    assert "a missing value" in refusals(AppointmentUpdate.from_payload, "None")["payload"]


def test_a_word_that_only_resembles_a_missing_value_is_sent():
    payload = {"title": " None ", "description": "None.", "extraFields": {"a": "none", "b": "NULL", "c": "na"}}
    assert AppointmentUpdate.from_payload(payload).model_dump(exclude_unset=True) == payload


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("duration", True, "accepted: a number of minutes greater than 0"),
        ("duration", 0, "accepted: a number of minutes greater than 0"),
        ("minTimeToSchedule", False, "accepted: a number of days, 0 or more"),
        ("minTimeToSchedule", -1, "accepted: a number of days, 0 or more"),
        ("minTimeToSchedule", "soon", "accepted: a number of days, 0 or more"),
    ],
)
def test_a_refused_number_is_told_which_are_accepted_and_in_what_unit(refusals, field, value, message):
    (said,) = refusals(ServiceUpdate.from_payload, {field: value}).values()
    assert said.endswith(message)
