"""A plan that was carried out is empty when it is made again, whatever the server makes of what it stores.

The server below knows nothing of the code that compares: it adds members to items, answers ``[]`` for ``null`` and the
other way round, trims and lower-cases e-mail addresses, reorders, and spells times in other ways, all at random.
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onlive_provider.bulk.rows import Row, as_update
from onlive_provider.models.appointment import AppointmentUpdate
from onlive_provider.models.changes import holds_in_other_spelling, plan
from onlive_provider.models.fields import APPOINTMENT, SERVICE
from onlive_provider.models.service import ServiceUpdate
from tests.client.model_server import UNREADABLE, merged
from tests.loopback import ID, OTHER_ID

steady = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))

words = st.sampled_from(["a", "B", "ñ x", "2025-03-10T08:00:00Z", "Ana@Example.com", "10"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 2.0]) | words | st.just(""),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "email", "start"]), inner, max_size=2)
    ),
    max_leaves=5,
)
objects = st.dictionaries(st.sampled_from(["city", "start", "guests", "email"]), json_values, max_size=3)
instants = st.integers(0, 10_000_000).map(
    lambda n: datetime(2030, 1, 1, tzinfo=UTC) + timedelta(milliseconds=n * 5000 + n % 3)
)
day = st.integers(1, 28).map(lambda number: f"2030-03-{number:02}")
day_pairs = st.none() | st.lists(st.tuples(day, day).map(lambda pair: sorted(pair)), max_size=3)


def items(known: Any, *, size: int = 3, key: Any = None) -> Any:
    """A list of items, some with members that the API reference does not name; or ``null``."""
    own = st.dictionaries(st.sampled_from(["zz", "owner"]), json_values, max_size=2)
    each = st.tuples(own, known).map(lambda pair: {**pair[0], **pair[1]})
    return st.none() | st.lists(each, max_size=size, unique_by=key)


def members(required: dict[str, Any], **optional: Any) -> Any:
    return st.fixed_dictionaries(required, optional=optional)


guest = members(
    {"email": st.sampled_from(["Ana@Example.com", "ben@example.com", "C.D@dealer.local"])},
    extraFields=st.none()
    | st.dictionaries(st.sampled_from(["phone", "firstName", "a"]), words | st.none(), max_size=2),
)
reminder = members({"time": st.integers(0, 2) | st.just(1.5), "unit": st.sampled_from(["m", "h"])})
restrictions = st.none() | members({}, include=day_pairs, exclude=day_pairs)
calendar = members(
    {
        "calendarId": st.sampled_from(["Ext-1", "ext-2", OTHER_ID.upper(), "Ana@x.org"]),
        "active": st.booleans(),
        "type": st.sampled_from(["agent", "asset"]),
    },
    restrictionDates=restrictions,
)


@st.composite
def date_ranges(draw: Any) -> Any:
    moments = sorted(draw(st.sets(instants, max_size=6)))
    pairs = zip(moments[::2], moments[1::2], strict=False)
    return draw(st.permutations([{"startDate": start, "endDate": end, "zz": 1} for start, end in pairs]))


def optional(**fields: Any) -> Any:
    return st.fixed_dictionaries({}, optional={name: st.none() | kind for name, kind in fields.items()}).filter(bool)


two_times = st.just({"start": datetime(2030, 1, 1, tzinfo=UTC), "end": datetime(2030, 1, 2, tzinfo=UTC)})
two_numbers = st.sampled_from([{"incrementTime": 5, "duration": 10}, {"maxTimeToSchedule": 9, "minTimeToSchedule": 1}])
texts = st.sampled_from(["", "a", " A ", "ñ  x"])
appointments = optional(
    title=texts, description=texts, start=instants, guests=items(guest, key=lambda each: each["email"].lower()),
    reminders=items(reminder), extraFields=objects, lang=words, classification=words, event=objects, state=words,
    agentComment=texts,
) | two_times  # fmt: skip
services = optional(
    name=texts, duration=st.integers(1, 3) | st.just(2.5), timeBetween=st.integers(0, 2), extraFields=objects,
    minTimeToSchedule=st.integers(0, 2), deniedMultipleAppointment=st.booleans(), active=st.booleans(),
    allowOverlapping=st.booleans(), hasICall=st.booleans(), image=st.sampled_from(["", "/a.png", "https://x.org/A.png"]),
    userGroupId=st.just(ID.upper()), typeId=st.just(OTHER_ID), dateRanges=date_ranges(),
    calendars=items(calendar, key=lambda each: each["calendarId"]),
) | two_numbers  # fmt: skip
kinds = st.tuples(st.just((APPOINTMENT, AppointmentUpdate)), appointments, appointments) | st.tuples(
    st.just((SERVICE, ServiceUpdate)), services, services
)
"""A kind of record, what such a record was given first, and a payload for it."""


class Normalizing:
    """A server that stores what it gets and answers it in its own words.

    :param guests_keys: whether it adds keys of its own to what a guest's ``extraFields`` hold.
    """

    def __init__(self, seed: int, mode: str, *, guests_keys: bool = True) -> None:
        self.guests_keys = guests_keys and mode == "merge"
        self.chance = Random(seed)
        self.mode = mode
        self.record: dict[str, Any] = {}

    def put(self, patch: dict[str, Any]) -> None:
        self.record = merged(self.record, patch, self.mode)

    def get(self) -> dict[str, Any]:
        stored = copy.deepcopy({name: value for name, value in self.record.items() if name not in UNREADABLE})
        return {"id": ID, "updatedAt": "T", **{name: self._answered(name, value) for name, value in stored.items()}}

    def _answered(self, name: str, value: Any) -> Any:
        if name in ("start", "end", "startDate", "endDate"):
            return self._time(value)
        if name in ("guests", "reminders", "dateRanges", "calendars"):
            return self._cleared([]) if not value else self._shuffled([self._item(name, item) for item in value])
        if name in ("extraFields", "event"):
            return self._cleared({}) if not value else self._free(value)
        if name in ("userGroupId", "typeId"):
            return self._one_of(value, value and value.upper())
        return self._number(value)

    def _item(self, name: str, item: dict[str, Any]) -> dict[str, Any]:
        own = {"id": self.chance.random(), "status": "pending", "createdAt": None}
        answered = {**{key: value for key, value in own.items() if key not in item and self._maybe()}, **item}
        for key in ("startDate", "endDate"):
            if key in item:
                answered[key] = self._time(item[key])
        if "time" in item:
            answered["time"] = self._number(item["time"])
        if "email" in item:
            answered["email"] = self._one_of(item["email"], item["email"].lower(), f" {item['email'].upper()}\n")
            answered["extraFields"] = self._guests_own(item.get("extraFields"))
        if "calendarId" in item:
            given = item["calendarId"]
            answered["calendarId"] = given.lower() if given == OTHER_ID.upper() or "@" in given else given
            answered["restrictionDates"] = self._restrictions(item.get("restrictionDates"))
        if name != "dateRanges" and self._maybe():
            answered = {key: value for key, value in answered.items() if value not in (None, [], {})}
        return self._shuffled_keys(answered)

    def _guests_own(self, given: Any) -> Any:
        if not given:
            return self._one_of(None, {}, [])
        more = {"source": "web"} if self.guests_keys and self._maybe() else {"lastName": None}
        return self._free({**({} if set(more) & set(given) else more), **given})

    def _restrictions(self, given: Any) -> Any:
        given = {key: self._shuffled(days) for key, days in (given or {}).items() if days}
        if not given:
            return self._one_of(None, {}, [], {"include": [], "exclude": []}, {"include": None})
        empty = {key: self._cleared([]) for key in ("include", "exclude") if key not in given and self._maybe()}
        return {**given, **empty, **({"zone": "UTC"} if self._maybe() else {})}

    def _free(self, value: Any) -> Any:
        """Return free JSON with null keys dropped or kept and numbers as they may be printed."""
        if isinstance(value, dict):
            return {key: self._free(each) for key, each in value.items() if each is not None or self._maybe()}
        return [self._free(each) for each in value] if isinstance(value, list) else self._number(value)

    def _time(self, text: Any) -> Any:
        if text is None:
            return None
        moment = datetime.fromisoformat(text.upper())
        moved = moment.astimezone(timezone(timedelta(hours=self.chance.randint(-5, 5))))
        micros = moved.isoformat(timespec="microseconds")
        return self._one_of(text, moved.isoformat(), micros, micros.replace("T", " "), text.lower())

    def _number(self, value: Any) -> Any:
        return float(value) if type(value) is int and self._maybe() else value

    def _shuffled(self, values: list[Any]) -> list[Any]:
        return self.chance.sample(values, len(values))

    def _shuffled_keys(self, values: dict[str, Any]) -> dict[str, Any]:
        return {key: values[key] for key in self._shuffled(list(values))}

    def _cleared(self, empty: Any) -> Any:
        return self._one_of(None, empty)

    def _one_of(self, *values: Any) -> Any:
        return self.chance.choice(values)

    def _maybe(self) -> bool:
        return self.chance.random() < 0.5


def read(model: Any, payload: dict[str, Any], *, as_row: bool) -> dict[str, Any]:
    """Return the patch of a payload, or of the same payload as a row of a bulk update."""
    if as_row:
        row = Row(0, None, {"key": ID, **payload})
        _, payload = as_update(row, id_field="key", fields={name: name for name in payload}, on_null="clear")
    patch: dict[str, Any] = model.from_payload(payload).model_dump(exclude_unset=True)
    return patch


seeds = st.integers(0, 2**32)
modes: Any = st.sampled_from(["merge", "replace"])


@steady
@given(kinds, seeds, modes, st.booleans())
def test_a_plan_that_was_carried_out_is_empty_when_it_is_made_again(
    kind: Any, seed: int, mode: Any, as_row: bool
) -> None:
    (resource, model), first, payload = kind
    server = Normalizing(seed, mode)
    server.put({**dict.fromkeys(payload), **read(model, first, as_row=False)})
    wanted = read(model, payload, as_row=as_row)
    change = plan(resource, ID, server.get(), wanted, only_changed=True, object_updates=mode)
    server.put(dict(change.after))
    for _ in range(3):
        answered = server.get()
        again = plan(resource, ID, answered, wanted, only_changed=True, object_updates=mode)
        assert set(again.after) <= set(UNREADABLE)
        for name in change.after:
            assert name in UNREADABLE or holds_in_other_spelling(resource, answered, name, wanted[name], mode)


@steady
@given(kinds, seeds, modes)
def test_what_was_put_back_is_back_although_the_server_gives_new_ids(kind: Any, seed: int, mode: Any) -> None:
    (resource, model), first, payload = kind
    server = Normalizing(seed, mode, guests_keys=False)
    server.put({**dict.fromkeys(payload), **read(model, first, as_row=False)})
    wanted = read(model, payload, as_row=False)
    change = plan(resource, ID, server.get(), wanted, only_changed=True, object_updates=mode)
    server.put(dict(change.after))
    options: Any = {"only_changed": True, "object_updates": mode, "by_all_members": True}
    inverse = change.inverse()
    back = plan(resource, ID, server.get(), inverse, **options)
    server.put(dict(back.after))
    assert not plan(resource, ID, server.get(), inverse, **options)


@steady
@given(kinds, seeds, modes)
def test_one_item_more_or_fewer_is_a_difference(kind: Any, seed: int, mode: Any) -> None:
    (resource, model), _, payload = kind
    wanted = read(model, payload, as_row=False)
    server = Normalizing(seed, mode)
    server.put(wanted)
    for name in ("guests", "reminders", "dateRanges", "calendars"):
        if wanted.get(name):
            for changed in (wanted[name][1:], [*wanted[name], wanted[name][0]]):
                record = {**server.get(), name: changed}
                assert name in plan(resource, ID, record, wanted, only_changed=True, object_updates=mode).after
