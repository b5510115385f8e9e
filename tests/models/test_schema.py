"""Tests of what the models say of themselves: the table of fields, and their JSON schemas."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from jsonschema import Draft202012Validator, ValidationError

from onlive_provider.models import fields
from onlive_provider.models.appointment import AppointmentUpdate, Guest, Reminder, Slot, VirtualEvent
from onlive_provider.models.items import Item
from onlive_provider.models.service import DateRange, RestrictionDates, ServiceCalendar, ServiceUpdate

TABLES = [
    (AppointmentUpdate, fields.APPOINTMENT.fields),
    (ServiceUpdate, fields.SERVICE.fields),
    (Guest, fields.GUEST),
    (Reminder, fields.REMINDER),
    (DateRange, fields.DATE_RANGE),
    (ServiceCalendar, fields.CALENDAR),
    (RestrictionDates, fields.RESTRICTION_DATES),
]
MODELS = [*(model for model, _ in TABLES), Slot, VirtualEvent]

by_name = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)


@pytest.mark.parametrize(("model", "rows"), TABLES, ids=lambda each: getattr(each, "__name__", ""))
def test_a_model_and_the_table_of_fields_have_the_same_names(model, rows):
    assert set(model.model_fields) == set(rows)
    assert model.rows is rows


@pytest.mark.parametrize(("model", "rows"), TABLES, ids=lambda each: getattr(each, "__name__", ""))
def test_every_row_says_how_its_field_is_compared_and_where_it_comes_from(model, rows):
    for name, row in rows.items():
        assert row.name == name
        assert row.kind in get_args(fields.Kind)
        assert row.source
        assert all(key in row.members for key in row.key)


@pytest.mark.parametrize(
    ("model", "name", "said"),
    [
        (AppointmentUpdate, "start", {"type": "string", "format": "date-time"}),
        (AppointmentUpdate, "state", {"type": "string", "pattern": r"\S"}),
        (Guest, "email", {"type": "string", "format": "email"}),
        (Reminder, "time", {"type": "number", "minimum": 0}),
        (ServiceCalendar, "calendarId", {"type": "string", "pattern": r"\S"}),
        (ServiceUpdate, "duration", {"type": "number", "exclusiveMinimum": 0}),
        (ServiceUpdate, "minTimeToSchedule", {"type": "number", "minimum": 0}),
        (ServiceUpdate, "image", {"type": "string", "format": "uri-reference"}),
        (ServiceUpdate, "typeId", {"type": "string", "format": "uuid"}),
    ],
)
def test_a_schema_says_what_a_value_must_be(model, name, said):
    member = model.model_json_schema()["properties"][name]
    kinds = [
        {key: value for key, value in kind.items() if key not in ("description", "title")}
        for kind in member.get("anyOf", [member])
    ]
    assert said in kinds


@by_name
def test_every_member_has_its_description_in_the_schema_and_nowhere_else(model):
    schema = model.model_json_schema()
    for member in schema["properties"].values():
        assert member["description"].endswith(".")
    assert ":param" not in schema["description"]


@by_name
def test_a_schema_gives_every_member_a_type_and_no_default(model):
    schema = model.model_json_schema()
    Draft202012Validator.check_schema(schema)
    for member in schema["properties"].values():
        assert "default" not in member
        kinds = member.get("anyOf", [member])
        assert all("type" in kind or "$ref" in kind for kind in kinds)
        assert ({"type": "null"} in kinds) is (member not in required_members(schema))


def required_members(schema):
    return [schema["properties"][name] for name in schema.get("required", ())]


@pytest.mark.parametrize(
    ("model", "required"),
    [
        (Guest, ["email"]),
        (Reminder, ["time", "unit"]),
        (DateRange, ["startDate", "endDate"]),
        (ServiceCalendar, ["calendarId", "active", "type"]),
        (Slot, ["start", "end"]),
        (AppointmentUpdate, None),
        (ServiceUpdate, None),
    ],
)
def test_a_schema_names_what_is_required(model, required):
    assert model.model_json_schema().get("required") == required


def test_a_schema_holds_what_a_value_may_be():
    service = json.dumps(ServiceUpdate.model_json_schema())
    for part in ('"enum": ["agent", "asset"]', '"exclusiveMinimum": 0', '"format": "uuid"', '"format": "date-time"'):
        assert part in service


@pytest.mark.parametrize(
    "payload",
    [
        {"title": None, "guests": [{"email": "a@example.com", "extraFields": {"phone": "1", "size": 42}}]},
        {"event": {"room": "2", "pin": 7}, "reminders": [{"time": 15, "unit": "m"}], "extraFields": {"a": [1]}},
    ],
    ids=["guests", "event"],
)
def test_a_patch_fits_the_schema(payload):
    patch = AppointmentUpdate.from_payload(payload).model_dump(exclude_unset=True)
    Draft202012Validator(AppointmentUpdate.model_json_schema()).validate(patch)


@pytest.mark.parametrize("payload", [{}, {"stat": "x"}, {"guests": [{}]}, {"reminders": [{"time": -1, "unit": "m"}]}])
def test_what_a_model_refuses_does_not_fit_its_schema(payload):
    with pytest.raises(ValidationError):
        Draft202012Validator(AppointmentUpdate.model_json_schema()).validate(payload)


def test_the_type_of_an_items_further_members_is_no_text_that_each_subclass_would_have_to_resolve() -> None:
    """Pydantic before 2.12 looks a text up in the subclass's module, and cannot import the models."""
    assert not isinstance(Item.__annotations__["__pydantic_extra__"], str)
