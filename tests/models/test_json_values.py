"""Tests of objects, arrays and free-form JSON, as Python values and as the text that a template made of them."""

from __future__ import annotations

import json
from datetime import time, timedelta
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID

import pytest

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.appointment import AppointmentUpdate
from onlive_provider.models.rendered import MAX_DEPTH
from onlive_provider.models.service import ServiceUpdate

ID = "1610c525-f19a-40d0-8cd1-03daba3d2d98"


def extra(value):
    return AppointmentUpdate.from_payload({"extraFields": {"a": value}}).model_dump(exclude_unset=True)["extraFields"][
        "a"
    ]


@pytest.mark.parametrize(
    "value",
    [
        [{"email": "a@example.com"}],
        ({"email": "a@example.com"},),
        '[{"email": "a@example.com"}]',
        "[{'email': 'a@example.com'}]",
        "({'email': 'a@example.com'},)",
        ' [{"email": "a@example.com"}] ',
        ['{"email": "a@example.com"}'],
        ["{'email': 'a@example.com'}"],
        [MappingProxyType({"email": "a@example.com"})],
    ],
    ids=str,
)
def test_an_array_of_objects_may_be_the_text_that_a_template_made_of_it(value):
    assert AppointmentUpdate.from_payload({"guests": value}).model_dump(exclude_unset=True) == {
        "guests": [{"email": "a@example.com"}]
    }


@pytest.mark.parametrize("name", ["extraFields", "event"])
@pytest.mark.parametrize("value", ['{"room": null, "n": 1.5}', "{'room': None, 'n': 1.5}"])
def test_an_object_may_be_the_text_that_a_template_made_of_it(name, value):
    assert AppointmentUpdate.from_payload({name: value}).model_dump(exclude_unset=True) == {
        name: {"room": None, "n": 1.5}
    }


def test_the_objects_inside_a_guest_or_a_calendar_may_be_text_too():
    guests = [{"email": "a@example.com", "extraFields": '{"phone": "+34600000000"}'}]
    assert AppointmentUpdate.from_payload({"guests": guests}).model_dump(exclude_unset=True) == {
        "guests": [{"email": "a@example.com", "extraFields": {"phone": "+34600000000"}}]
    }
    calendars = [{"calendarId": "7", "active": True, "type": "agent", "restrictionDates": "{'include': '[]'}"}]
    assert ServiceUpdate.from_payload({"calendars": calendars}).model_dump(exclude_unset=True) == {
        "calendars": [{"calendarId": "7", "active": True, "type": "agent", "restrictionDates": {"include": []}}]
    }


@pytest.mark.parametrize("name", ["guests", "reminders"])
@pytest.mark.parametrize(
    ("value", "given"),
    [
        ("", "neither JSON nor"),
        ("a@example.com", "neither JSON nor"),
        ("{}", "holds dict"),
        ('"text"', "holds str"),
        ({}, "got dict"),
        ({"a@example.com"}, "got set"),
        (b"[]", "got bytes"),
        (7, "got int"),
    ],
    ids=str,
)
def test_what_is_no_array_is_refused(name, value, given, refusals):
    message = refusals(AppointmentUpdate.from_payload, {name: value})[name]
    assert given in message
    assert "accepted: an array (list)" in message


@pytest.mark.parametrize("name", ["extraFields", "event"])
@pytest.mark.parametrize(
    ("value", "given"),
    [("", "neither JSON nor"), ("[]", "holds list"), ([], "got list"), ([("a", 1)], "got list"), (7, "got int")],
    ids=str,
)
def test_what_is_no_object_is_refused(name, value, given, refusals):
    message = refusals(AppointmentUpdate.from_payload, {name: value})[name]
    assert given in message
    assert "accepted: an object (dict)" in message


@pytest.mark.parametrize(
    "value",
    [None, True, False, 0, -7, 1.1, 45.0, 2**60, "", "007", "True", "[1]", " x ", [], {}, [None, [[]], {"b": {}}]],
    ids=repr,
)
def test_free_form_json_is_kept_as_it_is(value):
    assert json.dumps(extra(value)) == json.dumps(value)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (Decimal("1.10"), 1.1),
        (Decimal("45.0"), 45.0),
        (Decimal("45"), 45),
        (Decimal("1E+3"), 1000.0),
        (Decimal("12345678901234567890"), 12345678901234567890),
        (UUID(ID), ID),
        ((1, (2,)), [1, [2]]),
        (MappingProxyType({"b": (1,)}), {"b": [1]}),
    ],
    ids=repr,
)
def test_python_values_inside_free_form_json_get_their_json_form(value, sent):
    assert json.dumps(extra(value)) == json.dumps(sent)


@pytest.mark.parametrize(
    "value",
    [float("inf"), -float("inf"), Decimal("Infinity"), Decimal("sNaN"), Decimal("0.12345678901234567890123"),
     Decimal("1E-400"), Decimal("1.5E+309"), Decimal("9.9E+308"), Decimal("9" * 309 + ".5"), 10**400, 1j],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
def test_a_number_that_json_cannot_carry_without_loss_is_refused(value, refusals):
    found = refusals(AppointmentUpdate.from_payload, {"extraFields": {"a": [value]}})
    assert "accepted: a number that JSON carries without loss" in found["extraFields.a[0]"]


@pytest.mark.parametrize(
    "value", [b"x", bytearray(b"x"), {1}, time(8), timedelta(1), object(), len], ids=lambda value: type(value).__name__
)
def test_what_json_cannot_carry_is_refused_with_its_path(value, refusals):
    found = refusals(AppointmentUpdate.from_payload, {"extraFields": {"a": {"b": [0, value]}}})
    assert list(found) == ["extraFields.a.b[1]"]
    assert "accepted: what JSON can carry" in found["extraFields.a.b[1]"]


def test_a_number_in_json_text_keeps_every_digit_or_is_refused(refusals):
    update = AppointmentUpdate.from_payload('{"extraFields": {"price": 19.90, "big": 12345678901234567890}}')
    assert (
        json.dumps(update.model_dump(exclude_unset=True))
        == '{"extraFields": {"price": 19.9, "big": 12345678901234567890}}'
    )
    update = AppointmentUpdate.from_payload('{"extraFields": {"far": 6.349978125465566e+16}}')
    assert json.dumps(update.model_dump(exclude_unset=True)) == '{"extraFields": {"far": 6.349978125465566e+16}}'
    found = refusals(AppointmentUpdate.from_payload, '{"extraFields": {"price": 0.12345678901234567890123}}')
    assert list(found) == ["extraFields.price"]


def test_a_key_of_free_form_json_must_be_text():
    with pytest.raises(OnlivePayloadError) as caught:
        AppointmentUpdate.from_payload({"extraFields": {"a": {1: "x", None: "y", "ok": b""}}})
    assert [str(error).partition(";")[0] for error in caught.value.errors] == [
        "extraFields.a: has a key of type int",
        "extraFields.a: has a key of type NoneType",
        "extraFields.a.ok: got bytes (value not shown)",
    ]


def test_a_keys_spelling_is_free_in_free_form_json():
    payload = {"extraFields": {"Número de pie": 42, "id": "7", "updatedAt": "x", "ana@example.com": "guest", "": 0}}
    assert AppointmentUpdate.from_payload(payload).model_dump(exclude_unset=True) == payload


def test_json_that_is_nested_too_deep_or_holds_itself_is_refused(refusals):
    endless = []
    endless.append(endless)
    (message,) = refusals(AppointmentUpdate.from_payload, {"extraFields": {"a": endless}}).values()
    assert message == f"is nested deeper than {MAX_DEPTH} levels"


def test_json_may_be_nested_deep():
    deep = []
    for _ in range(MAX_DEPTH - 3):
        deep = [deep]
    assert extra(deep) == deep
