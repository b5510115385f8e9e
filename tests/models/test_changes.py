from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models import changes
from onlive_provider.models.changes import Change
from onlive_provider.models.fields import APPOINTMENT, RESOURCES, SERVICE, Resource
from tests.client.model_server import merged
from tests.loopback import ID

RANGES = [
    {"startDate": "2024-10-13T22:00:00.000Z", "endDate": "2025-10-14T21:59:59.000Z"},
    {"startDate": "2025-11-01T00:00:00.000Z", "endDate": "2025-12-31T23:59:59.000Z"},
]


UNREADABLE_FIELDS = {
    name for resource in RESOURCES.values() for name, row in resource.fields.items() if not row.readable
}


def resource_with(*names: str) -> Resource:
    """Return the kind of record that has these fields; an appointment where both have them."""
    return SERVICE if set(names) - set(APPOINTMENT.fields) else APPOINTMENT


def planned(current: dict[str, Any] | None, wanted: dict[str, Any], **more: Any) -> Change:
    options = {"only_changed": True, "object_updates": "merge", **more}
    return changes.plan(resource_with(*wanted), "7", current, wanted, **options)


def holds(record: dict[str, Any], name: str, wanted: Any, mode: Any) -> bool:
    return changes.holds(resource_with(name), record, name, wanted, mode)


EQUAL = [
    ("start", "2025-03-10T08:00:00.000Z", "2025-03-10T08:00:00Z"),
    ("start", "2025-03-10T08:00:00.000Z", "2025-03-10T09:00:00+01:00"),
    ("end", "2025-03-10T08:00:00.000Z", "2025-03-10T03:00:00.000-05:00"),
    ("start", "not a time", "not a time"),
    ("start", None, None),
    ("guests", [{"email": "a@x.org"}, {"email": "b@x.org"}], [{"email": "B@X.org"}, {"email": "A@x.ORG"}]),
    ("guests", [{"email": "a@x.org", "extraFields": {"phone": None}}], [{"email": "a@x.org"}]),
    ("guests", [{"email": "a@x.org", "extraFields": {}}], [{"email": "a@x.org"}]),
    ("guests", [{"email": "a@x.org", "extraFields": None}], [{"email": "a@x.org"}]),
    (
        "reminders",
        [{"time": 15, "unit": "m"}, {"unit": "h", "time": 1}],
        [{"time": 1, "unit": "h"}, {"time": 15.0, "unit": "m"}],
    ),
    ("dateRanges", RANGES, RANGES[::-1]),
    ("dateRanges", RANGES[:1], [{"startDate": "2024-10-14T00:00:00+02:00", "endDate": "2025-10-14T23:59:59+02:00"}]),
    ("calendars", [{"calendarId": "a"}, {"calendarId": "b"}], [{"calendarId": "b"}, {"calendarId": "a"}]),
    ("calendars", [{"calendarId": "a", "restrictionDates": None}], [{"calendarId": "a"}]),
    (
        "calendars",
        [{"calendarId": "a", "restrictionDates": {"include": [["1", "2"], ["3", "4"]], "exclude": [["5", "6"]]}}],
        [{"calendarId": "a", "restrictionDates": {"exclude": [["5", "6"]], "include": [["3", "4"], ["1", "2"]]}}],
    ),
    ("duration", 45, 45.0),
    ("timeBetween", 0, -0.0),
    ("event", None, None),
    ("title", "", ""),
    ("guests", [], None),
    ("dateRanges", [], None),
    ("extraFields", {}, None),
    ("guests", [{"email": " A@x.org"}], [{"email": "a@X.org "}]),
    ("calendars", [{"calendarId": "a", "restrictionDates": {}}], [{"calendarId": "a", "restrictionDates": None}]),
    (
        "calendars",
        [{"calendarId": "a", "restrictionDates": {"include": [], "exclude": []}}],
        [{"calendarId": "a", "restrictionDates": None}],
    ),
    (
        "calendars",
        [{"calendarId": "a", "restrictionDates": {"include": [["1", "2"]], "exclude": None}}],
        [{"calendarId": "a", "restrictionDates": {"include": [["1", "2"]], "exclude": []}}],
    ),
    ("calendars", [{"calendarId": ID.upper()}], [{"calendarId": ID}]),
    ("calendars", [{"calendarId": "Ana@x.org"}], [{"calendarId": "ana@x.org"}]),
    ("userGroupId", ID.upper(), ID),
    ("reminders", [{"time": 1, "unit": "m", "note": []}], [{"time": 1, "unit": "m"}]),
]
DIFFERENT = [
    ("start", "2025-03-10T08:00:00.000Z", "2025-03-10T08:00:00.001Z"),
    ("start", "2025-03-10T08:00:00.000Z", "2025-03-10T08:00:00"),
    ("start", "2025-03-10T08:00:00.000Z", None),
    ("title", "2025-03-10T08:00:00.000Z", "2025-03-10T08:00:00Z"),
    ("title", "Test drive", "test drive"),
    ("title", None, ""),
    ("guests", [{"email": "a@x.org"}], [{"email": "a@x.org"}, {"email": "a@x.org"}]),
    ("guests", [{"email": "strasse@x.org"}], [{"email": "straße@x.org"}]),
    (
        "guests",
        [{"email": "a@x.org", "extraFields": {"firstName": "Ana"}}],
        [{"email": "a@x.org", "extraFields": {"firstName": "ana"}}],
    ),
    (
        "guests",
        [{"email": "a@x.org", "extraFields": {"email": "b"}}],
        [{"email": "a@x.org", "extraFields": {"email": "B"}}],
    ),
    (
        "calendars",
        [{"calendarId": "a", "restrictionDates": {"include": [["1", "2"]]}}],
        [{"calendarId": "a", "restrictionDates": {"include": [["2", "1"]]}}],
    ),
    ("dateRanges", RANGES, RANGES[:1]),
    ("active", True, 1),
    ("active", False, 0),
    ("active", False, None),
    ("duration", 45, "45"),
    ("duration", 45, 45.5),
    ("timeBetween", 0, None),
    ("title", "Test drive", " Test drive"),
    ("dateRanges", RANGES, None),
    ("calendars", [{"calendarId": "Ext-A"}], [{"calendarId": "ext-a"}]),
    ("reminders", [{"time": 1, "unit": "m"}, {"time": 2, "unit": "m"}], [{"time": 1, "unit": "m"}] * 2),
    (
        "calendars",
        [{"calendarId": "a", "restrictionDates": {"include": [["1", "2"]]}}],
        [{"calendarId": "a", "restrictionDates": {"include": []}}],
    ),
    (
        "calendars",
        [{"calendarId": "a", "restrictionDates": {"include": [["1", "2"]]}}],
        [{"calendarId": "a", "restrictionDates": {}}],
    ),
]
"""Pairs that mean the same to the API, and pairs that do not."""


@pytest.mark.parametrize("mode", ["merge", "replace"])
@pytest.mark.parametrize(("name", "one", "other"), EQUAL)
def test_values_that_mean_the_same_are_no_change(name: str, one: Any, other: Any, mode: Any) -> None:
    assert holds({name: one}, name, other, mode)
    assert holds({name: other}, name, one, mode)


@pytest.mark.parametrize("mode", ["merge", "replace"])
@pytest.mark.parametrize(("name", "one", "other"), DIFFERENT)
def test_values_that_mean_something_else_are_a_change(name: str, one: Any, other: Any, mode: Any) -> None:
    assert not holds({name: one}, name, other, mode)
    assert not holds({name: other}, name, one, mode)


SERVERS_OWN = [
    ("guests", [{"email": "a@x.org"}], [{"email": "a@x.org", "id": "g-1", "status": "accepted"}]),
    (
        "guests",
        [{"email": "a@x.org"}, {"email": "b@x.org", "extraFields": {"phone": "1"}}],
        [
            {"email": "b@x.org", "extraFields": {"phone": "1", "firstName": None}, "id": 2},
            {"email": "a@x.org", "id": 1},
        ],
    ),
    ("guests", [{"email": "a@x.org"}], [{"email": "a@x.org", "extraFields": {"phone": "1"}}]),
    ("reminders", [{"time": 15, "unit": "m"}], [{"id": 7, "time": 15, "unit": "m", "sentAt": None}]),
    ("dateRanges", RANGES[:1], [{**RANGES[0], "id": 3}]),
    ("calendars", [{"calendarId": "a", "active": True}], [{"calendarId": "a", "active": True, "name": "Ana"}]),
    (
        "calendars",
        [{"calendarId": "a", "restrictionDates": {"include": [["1", "2"]]}}],
        [{"calendarId": "a", "restrictionDates": {"include": [["1", "2"]], "exclude": [["3", "4"]], "zone": "UTC"}}],
    ),
    (
        "reminders",
        [{"time": 1, "unit": "m"}, {"time": 1, "unit": "m", "note": "x"}],
        [{"time": 1, "unit": "m", "note": "x"}, {"time": 1, "unit": "m", "note": "y"}],
    ),
]
"""What a caller gave, and what a server made of it."""


@pytest.mark.parametrize("mode", ["merge", "replace"])
@pytest.mark.parametrize(("name", "given", "stored"), SERVERS_OWN)
def test_members_that_only_the_server_gave_are_no_change_and_members_that_only_the_caller_gave_are_one(
    name: str, given: Any, stored: Any, mode: Any
) -> None:
    assert holds({name: stored}, name, given, mode)
    assert not holds({name: given}, name, stored, mode)


def test_a_guests_own_keys_are_compared_as_the_server_treats_objects() -> None:
    stored = [{"email": "a@x.org", "extraFields": {"phone": "1", "firstName": "Ana"}}]
    given = [{"email": "a@x.org", "extraFields": {"phone": "1"}}]
    assert holds({"guests": stored}, "guests", given, "merge")
    assert not holds({"guests": stored}, "guests", given, "replace")
    assert not holds({"guests": stored}, "guests", [{"email": "a@x.org", "extraFields": {}}], "merge")
    assert not holds({"guests": stored}, "guests", [{"email": "a@x.org", "extraFields": {"firstName": None}}], "merge")


@pytest.mark.parametrize("mode", ["merge", "replace"])
@pytest.mark.parametrize("empty", [{}, [], ""], ids=repr)
def test_an_empty_value_among_the_customers_own_keys_is_a_value(empty: Any, mode: Any) -> None:
    assert not holds({"extraFields": {"a": 1}}, "extraFields", {"a": 1, "b": empty}, mode)
    assert not holds({"extraFields": {"a": {"b": empty}}}, "extraFields", {"a": {}}, mode)
    assert holds({"extraFields": {"b": empty}}, "extraFields", {"b": empty}, mode)


@pytest.mark.parametrize("mode", ["merge", "replace"])
@pytest.mark.parametrize("value", [None, "", [], {}, "x"], ids=repr)
def test_a_field_that_the_record_does_not_answer_is_not_known_whatever_is_wanted(value: Any, mode: Any) -> None:
    for name in ("description", "guests", "extraFields"):
        assert not holds({}, name, value, mode)
        change = planned({"updatedAt": "T"}, {name: value}, object_updates=mode)
        assert (change.after, change.before, change.not_known) == ({name: value}, {}, [name])


SPELLINGS = [
    ("title", "Test  drive", " test DRIVE\n"),
    ("lang", "en", "EN"),
    ("extraFields", {"city": "Madrid "}, {"city": "madrid"}),
    ("event", {"room": [" A"]}, {"room": ["a"]}),
    (
        "guests",
        [{"email": "a@x.org", "extraFields": {"firstName": "Ana "}}],
        [{"email": "A@x.org", "extraFields": {"firstName": "ana"}}],
    ),
    ("reminders", [{"time": 1, "unit": "m"}], [{"time": 1, "unit": "M"}]),
    ("start", "2025-03-10T08:00:00.000Z", "2025-03-10T09:00:00+01:00"),
]


@pytest.mark.parametrize(("name", "one", "other"), SPELLINGS)
def test_a_look_up_can_find_a_write_in_the_servers_own_spelling(name: str, one: Any, other: Any) -> None:
    resource = resource_with(name)
    assert changes.holds_in_other_spelling(resource, {name: one}, name, other, "merge")
    assert changes.holds_in_other_spelling(resource, {name: other}, name, one, "merge")
    assert holds({name: one}, name, other, "merge") is (name == "start")


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("title", "Test drive", "Testdrive"),
        ("extraFields", {"City": 1}, {"city": 1}),
        ("duration", 45, "45"),
        ("state", None, ""),
    ],
)
def test_another_spelling_is_not_another_value(name: str, one: Any, other: Any) -> None:
    assert not changes.holds_in_other_spelling(resource_with(name), {name: one}, name, other, "merge")
    assert not changes.holds_in_other_spelling(resource_with(name), {}, name, other, "merge")


def test_a_value_that_came_from_the_server_is_compared_on_all_members_that_the_reference_names() -> None:
    read = [{"email": "a@x.org", "id": 1}]
    for stored, is_back in (
        ([{"email": "a@x.org", "id": 2, "status": "new"}], True),
        ([{"email": "a@x.org", "id": 1, "extraFields": {"phone": "1"}}], False),
        ([{"email": "a@x.org", "id": 1, "extraFields": {}}], True),
        ([], False),
    ):
        assert changes.holds_all(APPOINTMENT, {"guests": stored}, "guests", read, "merge") is is_back
    read = [{"email": "a@x.org", "extraFields": {"firstName": "Ana"}}]
    stored = [{"email": "a@x.org", "extraFields": {"firstName": "Ana", "phone": "1"}}]
    assert not changes.holds_all(APPOINTMENT, {"guests": stored}, "guests", read, "merge")
    calendar = {"calendarId": "a", "active": True, "type": "agent"}
    stored = [{**calendar, "restrictionDates": {"exclude": [["1", "2"]]}}]
    assert not changes.holds_all(SERVICE, {"calendars": stored}, "calendars", [calendar], "merge")


@pytest.mark.parametrize("name", ["extraFields", "event"])
@pytest.mark.parametrize(
    ("current", "wanted", "merging", "replacing"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True, False),
        ({"a": 1}, {"a": 1}, True, True),
        ({"a": 1}, {"a": 2}, False, False),
        ({"a": 1}, {"a": True}, False, False),
        ({"a": 1}, {"b": 1}, False, False),
        ({"a": 1}, {"b": None}, True, False),
        ({"a": 1}, {"a": 1, "b": None}, True, True),
        ({"a": 1}, {"a": None}, False, False),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, False, False),
        ({"a": {"b": 1, "c": None}}, {"a": {"b": 1}}, True, True),
        ({"a": [2, 1]}, {"a": [1, 2]}, False, False),
        ({"guests": [2, 1]}, {"guests": [1, 2]}, False, False),
        ({"email": "A@x"}, {"email": "a@x"}, False, False),
        ({"n": {"email": "A@x"}}, {"n": {"email": "a@x"}}, False, False),
        ({"n": [{"email": "A@x"}]}, {"n": [{"email": "a@x"}]}, False, False),
        ({"start": "2025-03-10T08:00:00.000Z"}, {"start": "2025-03-10T08:00:00Z"}, False, False),
        ({"a": 1.0}, {"a": 1}, True, True),
        ({"a": 1}, {}, True, False),
        ({"a": 1}, None, False, False),
        (None, {"a": 1}, False, False),
        (None, {"a": None}, True, True),
        (None, None, True, True),
        ("text", {"a": 1}, False, False),
    ],
)
def test_an_object_is_compared_as_the_server_treats_it_and_its_members_by_the_letter(
    name: str, current: Any, wanted: Any, merging: bool, replacing: bool
) -> None:
    assert holds({name: current}, name, wanted, "merge") is merging
    assert holds({name: current}, name, wanted, "replace") is replacing


@pytest.mark.parametrize("name", sorted(UNREADABLE_FIELDS))
def test_a_field_that_cannot_be_read_back_is_always_in_the_patch_and_never_in_before(name: str) -> None:
    change = planned({name: "x", "title": "y"}, {name: "x", "title": "y"})
    assert (change.after, change.before, change.unreadable) == ({name: "x"}, {}, [name])
    assert not holds({name: "x"}, name, "x", "merge")
    assert change.inverse() == {}


class TestThePlan:
    def test_it_holds_the_differing_fields_in_the_order_they_were_wanted(self) -> None:
        change = planned(
            {"title": "a", "state": "pending", "lang": "en", "guests": [{"email": "a@x"}], "updatedAt": "T"},
            {"state": "confirmed", "title": "a", "lang": None, "guests": []},
        )
        assert list(change.after.items()) == [("state", "confirmed"), ("lang", None), ("guests", [])]
        assert change.before == {"state": "pending", "lang": "en", "guests": [{"email": "a@x"}]}
        assert change.as_json() == {
            "resource": "appointment",
            "id": "7",
            "before": {"state": "pending", "lang": "en", "guests": [{"email": "a@x"}]},
            "after": {"state": "confirmed", "lang": None, "guests": []},
            "updatedAt": "T",
        }

    def test_it_is_true_when_it_changes_something(self) -> None:
        assert planned({}, {"title": "x"})
        assert not planned({"title": "x"}, {"title": "x"})

    def test_blindly_it_holds_every_wanted_field(self) -> None:
        change = planned({"title": "a", "state": "b"}, {"title": "a"}, only_changed=False)
        assert (change.after, change.before) == ({"title": "a"}, {"title": "a"})

    def test_of_a_record_that_was_not_read_it_knows_nothing_before(self) -> None:
        change = planned(None, {"title": "a", "agentComment": "b"})
        assert (change.after, change.before, change.updated_at) == ({"title": "a", "agentComment": "b"}, {}, None)

    def test_a_merged_object_is_narrowed_to_the_wanted_keys(self) -> None:
        current = {"extraFields": {"a": 1, "b": 2}}
        assert planned(current, {"extraFields": {"a": 9, "c": 3}}).before == {"extraFields": {"a": 1, "c": None}}
        replacing = planned(current, {"extraFields": {"a": 9}}, object_updates="replace")
        assert replacing.before == current

    def test_it_travels_as_plain_json(self) -> None:
        change = planned({"dateRanges": RANGES}, {"dateRanges": RANGES[:1], "agentComment": "x"})
        assert json.loads(json.dumps(change.as_json())) == change.as_json()

    def test_its_repr_shows_no_value(self) -> None:
        assert repr(planned({"title": "geheim"}, {"title": "auch"})) == "Change(id='7')"


class TestTheLinesOfALog:
    @pytest.mark.parametrize(
        ("current", "wanted", "line"),
        [
            ({"state": "pending"}, {"state": "confirmed"}, "state: pending -> confirmed"),
            ({"duration": 30}, {"duration": 45}, "duration: 30 -> 45"),
            ({"active": True}, {"active": False}, "active: true -> false"),
            ({"lang": "en"}, {"lang": None}, "lang: en -> null"),
            ({}, {"classification": "internal"}, "classification: (not known) -> internal"),
            ({}, {"state": None}, "state: (not known) -> null"),
            (
                {"reminders": [{"id": 7, "time": 15, "unit": "m"}]},
                {"reminders": [{"time": 5, "unit": "m", "to": "Ana"}]},
                'reminders: [{"id": "(not shown)", "time": 15, "unit": "m"}] -> '
                '[{"time": 5, "unit": "m", "to": "(not shown)"}]',
            ),
            (
                {"dateRanges": [{**RANGES[0], "by": "Ana"}]},
                {"dateRanges": []},
                "dateRanges: [2024-10-13T22:00:00.000Z to 2025-10-14T21:59:59.000Z] -> []",
            ),
            (
                {"dateRanges": []},
                {"dateRanges": RANGES[:1]},
                "dateRanges: [] -> [2024-10-13T22:00:00.000Z to 2025-10-14T21:59:59.000Z]",
            ),
            (
                {"reminders": None},
                {"reminders": [{"time": 15, "unit": "m"}]},
                'reminders: null -> [{"time": 15, "unit": "m"}]',
            ),
            ({"name": "a\nb"}, {"name": "ñ\n2025 INFO all is well"}, "name: a b -> ñ 2025 INFO all is well"),
            ({"title": "geheim"}, {"title": "auch geheim"}, "title: set (value not shown)"),
            ({"title": "geheim"}, {"title": None}, "title: cleared"),
            ({}, {"guests": [{"email": "geheim"}]}, "guests: set (value not shown)"),
            ({}, {"extraFields": {"a": "geheim", "b": 1}}, "extraFields: set a, b (value not shown)"),
        ],
    )
    def test_values_are_shown_of_safe_fields_only(
        self, current: dict[str, Any], wanted: dict[str, Any], line: str
    ) -> None:
        assert list(planned(current, wanted).lines().values()) == [line]

    def test_an_empty_object_is_set_without_keys(self) -> None:
        change = planned({"event": {"a": 1}}, {"event": {}}, object_updates="replace")
        assert change.lines() == {"event": "event: set (value not shown)"}

    def test_a_long_value_is_cut_and_its_length_told(self) -> None:
        (line,) = planned({"image": None}, {"image": "x" * 500}).lines().values()
        assert line == f"image: null -> {'x' * 120}... (500 characters)"
        (line,) = planned({"image": None}, {"image": "x" * 120}).lines().values()
        assert line == f"image: null -> {'x' * 120}"

    def test_no_field_that_may_hold_a_guests_data_is_called_safe(self) -> None:
        private = {"title", "description", "guests", "extraFields", "event", "agentComment"}
        shown = {name for resource in RESOURCES.values() for name, row in resource.fields.items() if row.shown}
        assert shown.isdisjoint(private)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
objects = st.none() | st.dictionaries(st.sampled_from(["a", "b", "email", "start"]), json_values, max_size=4)
times = st.sampled_from(["2025-03-10T08:00:00.000Z", "2025-03-10T09:00:00+01:00", "2025-03-10T10:00:00.000Z"])
guests = st.none() | st.lists(st.sampled_from([{"email": "a@x"}, {"email": "B@x"}, {"email": "c@x"}]), max_size=3)
appointments = st.fixed_dictionaries(
    {},
    optional={
        "title": st.none() | st.text(max_size=3),
        "start": times,
        "guests": guests,
        "extraFields": objects,
        "event": objects,
        "agentComment": st.text(max_size=3),
    },
)
services = st.fixed_dictionaries(
    {},
    optional={
        "name": st.none() | st.text(max_size=3),
        "active": st.none() | st.booleans(),
        "duration": st.none() | st.integers(0, 3) | st.floats(0, 3),
        "extraFields": objects,
    },
)
pairs = st.tuples(appointments, appointments) | st.tuples(services, services)
"""A record, and a payload for it."""


@pytest.mark.parametrize("mode", ["merge", "replace"])
@given(pairs)
def test_a_patch_and_then_its_inverse_give_back_the_record(
    mode: Any, pair: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    before, payload = pair
    before.pop("agentComment", None)
    untouched = copy.deepcopy((before, payload))
    change = planned(before, payload, object_updates=mode)
    after = merged(before, {k: v for k, v in change.after.items() if k not in UNREADABLE_FIELDS}, mode)
    again = merged(after, change.inverse(), mode)
    for name in payload:
        if name not in UNREADABLE_FIELDS:
            assert holds(after, name, payload[name], mode)
            if name in before:
                assert holds(again, name, before[name], "replace")
            else:
                assert name in change.not_known
    assert {name: value for name, value in again.items() if name not in payload} == {
        name: value for name, value in before.items() if name not in payload
    }
    assert (before, payload) == untouched


@given(pairs)
def test_what_was_written_is_no_change_the_second_time(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    before, payload = pair
    for mode in ("merge", "replace"):
        change = planned(before, payload, object_updates=mode)
        after = merged(before, change.after, mode)
        assert set(planned(after, payload, object_updates=mode).after) <= UNREADABLE_FIELDS


def test_a_change_survives_its_way_through_xcom() -> None:
    change = Change(APPOINTMENT, ID, {"title": "old"}, {"title": "new"}, "2025-03-09T11:00:00.000Z")
    assert Change.from_json(json.loads(json.dumps(change.as_json()))) == change


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "is missing; accepted: appointment or service"),
        ({"resource": "room"}, "got 'room'; accepted: appointment or service"),
        ({"resource": 7}, "got 7; accepted: appointment or service"),
    ],
)
def test_a_change_of_no_known_resource_is_refused_at_its_place(data: dict[str, Any], message: str) -> None:
    with pytest.raises(OnlivePayloadError) as refused:
        Change.from_json(data, "report[1].")
    (error,) = refused.value.errors
    assert (error.field, error.message) == ("report[1].resource", message)


def test_a_plan_compares_members_that_the_caller_gave_unless_told_to_compare_all() -> None:
    current = {"guests": [{"email": "a@example.com", "extraFields": {"firstName": "A"}}]}
    wanted = {"guests": [{"email": "a@example.com"}]}
    options: Any = {"only_changed": True, "object_updates": "merge"}
    assert not changes.plan(APPOINTMENT, ID, current, wanted, **options)
    assert changes.plan(APPOINTMENT, ID, current, wanted, **options, by_all_members=True)


@pytest.mark.parametrize(
    ("resource", "besides"),
    [
        (APPOINTMENT, {"calendarIds", "serviceId", "blocked", "origin", "organizationId", "userGroupId"}),
        (SERVICE, {"organizationId", "condition"}),
    ],
    ids=["appointment", "service"],
)
def test_a_record_has_the_fields_that_can_be_read_and_what_the_api_reference_answers_besides(
    resource: Resource, besides: set[str]
) -> None:
    readable = {name for name, row in resource.fields.items() if row.readable}
    assert set(resource.names) == readable | besides | {"id", "createdAt", "updatedAt", "deletedAt"}
    assert {"agentComment", "classification"}.isdisjoint(resource.names)


def test_the_value_of_a_field_that_is_not_in_the_table_is_never_shown() -> None:
    change = Change(APPOINTMENT, ID, {"companion": "Ana"}, {"companion": "Eva"})
    assert change.lines() == {"companion": "companion: set (value not shown)"}


@pytest.mark.parametrize(("stored", "same"), [(["y", "x"], True), (["x", "z"], False), ([{"email": "x"}, "y"], False)])
def test_items_that_are_no_objects_are_compared_as_they_are_in_any_order(stored: list[Any], same: bool) -> None:
    assert changes.holds(APPOINTMENT, {"guests": stored}, "guests", ["x", "y"], "merge") is same


@pytest.mark.parametrize("turned", [False, True])
def test_each_item_of_one_identity_finds_one_of_its_own_whichever_comes_first(turned: bool) -> None:
    two_hours = {"time": 2, "unit": "h"}
    wanted = [{**two_hours, "owner": None}, {**two_hours, "zz": False}]
    stored = [{**two_hours, "zz": False, "id": 1}, {**two_hours, "id": 2}]
    if turned:
        wanted.reverse()
        stored.reverse()
    assert changes.holds(APPOINTMENT, {"reminders": stored}, "reminders", wanted, "merge")
    both = [{**two_hours, "zz": False}, {**two_hours, "zz": False}]
    assert not changes.holds(APPOINTMENT, {"reminders": stored}, "reminders", both, "merge")
