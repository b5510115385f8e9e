"""Properties of any update: it holds what the caller set and nothing else, and reading it again changes nothing."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.appointment import AppointmentUpdate
from onlive_provider.models.sentences import is_missing
from onlive_provider.models.service import ServiceUpdate
from onlive_provider.privacy import HIDDEN

steady = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The machine may be busy: how long an example takes says nothing."""

texts = st.text(max_size=20).filter(lambda text: not is_missing(text))
words = texts.filter(lambda text: text.strip() != "")
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
objects = st.dictionaries(texts, json_values, max_size=4)
numbers = st.integers(0, 10_000) | st.floats(0, 10_000)
flags = st.booleans() | st.sampled_from(["True", "true", "FALSE"])
instants = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
uuids = st.uuids() | st.uuids().map(str)


@st.composite
def date_ranges(draw):
    moments = sorted(draw(st.sets(instants.map(lambda at: at.replace(microsecond=0)), max_size=8)))
    pairs = zip(moments[::2], moments[1::2], strict=False)
    return draw(st.permutations([{"startDate": start, "endDate": end} for start, end in pairs]))


def optional(**fields):
    return st.fixed_dictionaries({}, optional={name: st.none() | kind for name, kind in fields.items()}).filter(bool)


guest_fields = st.dictionaries(
    texts.filter(lambda key: key not in {"phone", "firstName", "lastName"}), json_values, max_size=4
)
guests = st.lists(
    st.fixed_dictionaries(
        {"email": st.integers(0, 999).map(lambda number: f"Guest{number}@example.com")},
        optional={"extraFields": guest_fields},
    ),
    max_size=3,
    unique_by=lambda guest: guest["email"],
)
calendars = st.lists(
    st.fixed_dictionaries(
        {"calendarId": words, "active": flags, "type": st.sampled_from(["agent", "asset"])},
        optional={"restrictionDates": st.none() | st.fixed_dictionaries({}, optional={"include": st.just([])})},
    ),
    max_size=3,
)
appointments = optional(
    title=texts, description=texts, start=instants, guests=guests, extraFields=objects, lang=words,
    classification=words, reminders=st.lists(st.fixed_dictionaries({"time": numbers, "unit": words}), max_size=3),
    event=st.fixed_dictionaries({}, optional={"room": st.none() | texts, "other": json_values}),
    state=words, agentComment=texts,
)  # fmt: skip
services = optional(
    name=texts, duration=numbers.filter(lambda n: n > 0), timeBetween=numbers, maxTimeToSchedule=numbers,
    extraFields=objects, active=flags, hasICall=flags, userGroupId=uuids, typeId=uuids, dateRanges=date_ranges(),
    calendars=calendars,
)  # fmt: skip
updates = (st.tuples(st.just(AppointmentUpdate), appointments) | st.tuples(st.just(ServiceUpdate), services)).filter(
    lambda update: HIDDEN not in repr(update[1])
)


@steady
@given(updates)
def test_the_patch_holds_the_fields_that_the_caller_set_in_their_order_and_no_other(update):
    model, payload = update
    assert list(model.from_payload(payload).model_dump(exclude_unset=True)) == list(payload)


@steady
@given(updates)
def test_null_stays_null_and_nothing_else_becomes_null(update):
    model, payload = update
    patch = model.from_payload(payload).model_dump(exclude_unset=True)
    assert {name: value is None for name, value in patch.items()} == {
        name: value is None for name, value in payload.items()
    }


@steady
@given(updates)
def test_reading_a_patch_again_changes_nothing(update):
    model, payload = update
    patch = model.from_payload(payload).model_dump(exclude_unset=True)
    again = model.from_payload(patch).model_dump(exclude_unset=True)
    assert json.dumps(again) == json.dumps(patch)


@steady
@given(updates)
def test_a_patch_is_plain_json_and_as_text_it_is_the_same_payload(update):
    model, payload = update
    patch = model.from_payload(payload).model_dump(exclude_unset=True)
    text = json.dumps(patch, allow_nan=False)
    assert model.from_payload(text).model_dump(exclude_unset=True) == patch
    assert model.from_payload(str(patch)).model_dump(exclude_unset=True) == patch


@steady
@given(objects)
def test_free_form_json_is_sent_as_it_is(members):
    assume(HIDDEN not in repr(members))
    patch = AppointmentUpdate.from_payload({"extraFields": members}).model_dump(exclude_unset=True)
    assert json.dumps(patch["extraFields"]) == json.dumps(members)


@steady
@given(texts)
def test_text_is_sent_as_it_is(text):
    assume(HIDDEN not in text)
    assert AppointmentUpdate.from_payload({"title": text}).model_dump(exclude_unset=True) == {"title": text}


@steady
@given(instants, st.integers(-14 * 60, 14 * 60))
def test_an_instant_is_the_same_whatever_its_offset(instant, minutes):
    moved = instant.astimezone(timezone(timedelta(minutes=minutes)))
    sent = AppointmentUpdate.from_payload({"start": moved, "end": None}).model_dump(exclude_unset=True)["start"]
    assert (
        sent == AppointmentUpdate.from_payload({"start": instant.isoformat()}).model_dump(exclude_unset=True)["start"]
    )
    assert timedelta(0) <= instant - datetime.fromisoformat(sent) < timedelta(milliseconds=1)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.binary(max_size=3)
    | st.datetimes() | st.dates() | st.decimals() | st.just(uuid.UUID(int=0)) | st.complex_numbers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
names = st.sampled_from([*AppointmentUpdate.model_fields, *ServiceUpdate.model_fields, "email", "startDate", "x"])


@steady
@given(st.sampled_from([AppointmentUpdate, ServiceUpdate]), junk | st.dictionaries(names, junk, max_size=4))
def test_any_input_becomes_json_or_is_refused_with_the_fields_named(model, payload):
    try:
        patch = model.from_payload(payload).model_dump(exclude_unset=True)
    except OnlivePayloadError as refusal:
        assert_names_fields(refusal)
    else:
        assert patch == json.loads(json.dumps(patch, allow_nan=False))
        assert list(patch) == list(payload)


def assert_names_fields(refusal):
    assert refusal.errors
    assert all(error.field and error.message for error in refusal.errors)
