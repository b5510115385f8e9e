"""Seed files: what a sandbox holds at first, and what is said about one that cannot be used."""

from __future__ import annotations

import copy

import pytest

from onlive_provider.sandbox.seed import SeedError
from onlive_provider.sandbox.server import Sandbox
from tests.documentation.blocks import block
from tests.sandbox.studio import APPOINTMENT, CALENDAR, FREE, ORGANIZATION, SEED, SERVICE, changed


def test_a_sandbox_holds_what_its_seed_file_says_and_defaults(clock, seed_file):
    with Sandbox(clock=clock, seed_file=seed_file(SEED)) as sandbox:
        appointment, service = sandbox.record("appointments", APPOINTMENT), sandbox.record("services", SERVICE)
        assert (sandbox.access_key_id, sandbox.secret_access_key) == ("luz", "luz-secret")
        assert len(sandbox.records("appointments")) == 2
    assert (appointment["start"], appointment["end"]) == ("2026-05-01T10:00:00.000Z", "2026-05-01T11:00:00.000Z")
    assert appointment["calendarIds"] == [CALENDAR]
    assert (appointment["state"], appointment["agentComment"]) == ("pending", "Brings a dog")
    assert appointment["createdAt"] == "2026-03-11T12:00:00.000Z"
    assert (service["duration"], service["incrementTime"], service["dateRanges"]) == (60, 30, None)
    assert appointment["organizationId"] == service["organizationId"] == ORGANIZATION


def test_an_appointment_needs_no_service(clock, call_to, seed_file):
    with Sandbox(clock=clock, seed_file=seed_file(SEED)) as sandbox:
        payload = {"start": "2026-05-02T10:00:00Z", "end": "2026-05-02T12:00:00Z", "state": "confirmed"}
        answer = call_to(sandbox).put(f"/api/v1/appointments/{FREE}", payload)
        assert (answer.status, answer.body["end"]) == (200, "2026-05-02T12:00:00.000Z")
        assert sandbox.notifications() == []


def test_a_service_with_longer_appointments_can_be_updated_as_long_as_its_duration_stays(clock, call_to, seed_file):
    with Sandbox(clock=clock, seed_file=seed_file(changed(["services", 0, "duration"], 30))) as sandbox:
        caller = call_to(sandbox)
        assert caller.put(f"/api/v1/services/{SERVICE}", {"timeBetween": 5, "duration": 30}).status == 200
        assert caller.put(f"/api/v1/services/{SERVICE}", {"duration": 45}).status == 200
        assert caller.put(f"/api/v1/services/{SERVICE}", {"duration": 40}).status == 422


@pytest.mark.parametrize("spell", [str.lower, str.upper], ids=["references", "ids"])
def test_ids_may_be_in_upper_case(clock, call_to, seed_file, spell):
    calendar, service, appointment = (f"{letter * 8}-{letter * 4}-4aaa-8aaa-{letter * 12}" for letter in "abc")
    seed = changed(["calendars", 0, "id"], spell(calendar))
    organization = seed["organizations"][0]
    refer = str.lower if spell is str.upper else str.upper
    calendars = [{"calendarId": refer(calendar), "active": True, "type": "agent"}]
    organization["services"][0] |= {"id": spell(service), "calendars": calendars}
    organization["appointments"][0] |= {"id": spell(appointment), "serviceId": refer(service)}
    with Sandbox(clock=clock, seed_file=seed_file(seed)) as sandbox:
        record = sandbox.records("appointments")[0]
        assert (record["id"], record["serviceId"], record["calendarIds"]) == (appointment, service, [calendar])
        slot = {"start": "2026-06-01T10:00:00Z", "end": "2026-06-01T11:00:00Z"}
        assert call_to(sandbox).put(f"/api/v1/appointments/{appointment.upper()}", slot).status == 200


def test_a_deleted_record_is_not_found_not_listed_and_takes_no_slot(clock, call_to, seed_file):
    gone = {"deletedAt": "2026-03-01T00:00:00Z"}
    seed = copy.deepcopy(SEED)
    organization = seed["organizations"][0]
    organization["services"].append({"id": FREE, "name": "Gone", **gone})
    organization["appointments"][0] |= gone
    organization["appointments"][1]["calendarIds"] = [CALENDAR]
    with Sandbox(clock=clock, seed_file=seed_file(seed)) as sandbox:
        caller = call_to(sandbox)
        assert caller.get(f"/api/v1/appointments/{APPOINTMENT}").status == 404
        assert caller.put(f"/api/v1/services/{FREE}", {}).status == 404
        assert [each["id"] for each in caller.get("/api/v1/services").body["items"]] == [SERVICE]
        slot = {"start": "2026-05-01T10:00:00Z", "end": "2026-05-01T11:00:00Z"}
        assert caller.put(f"/api/v1/appointments/{FREE}", slot).status == 200


def test_the_documented_example_can_be_used(clock, seed_file):
    with Sandbox(clock=clock, seed_file=seed_file(block("docs/sandbox.md", "Seed files"))) as sandbox:
        assert sandbox.records("services")
        assert sandbox.records("appointments")
        assert sandbox.foreign_records("services") == []


CALENDARS = [{"calendarId": FREE, "active": True, "type": "agent"}]


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (["id"], "x", "organizations[0].id: must be a valid UUID"),
        (["name"], None, "organizations[0].name: must be a string that is not empty"),
        (["secretAccessKey"], None, "organizations[0].secretAccessKey: must be a string that is not empty"),
        (["accessKeyId"], "a, b", "organizations[0].accessKeyId: must be ASCII without spaces and commas"),
        (["accessKeyId"], "ñ", "organizations[0].accessKeyId: must be ASCII without spaces and commas"),
        (["service"], [], "organizations[0].service: is not one of id, name"),
        (["services"], {}, "organizations[0].services: must be an array"),
        (["calendars", 0, "type"], "room", 'organizations[0].calendars[0].type: Must be either "agent" or "asset"'),
        (["calendars", 0, "name"], None, "organizations[0].calendars[0].name: must be a string that is not empty"),
        (["calendars", 0, "id"], None, "organizations[0].calendars[0].id: must be a valid UUID"),
        (["services", 0, "duration"], 0, "organizations[0].services[0].duration: must be a positive number"),
        (["services", 0, "name"], None, "organizations[0].services[0].name: must be a string that is not empty"),
        (["services", 0, "price"], 1, "organizations[0].services[0].price: is not an updatable field"),
        (["services", 0, "incrementTime"], 90, "services[0].incrementTime: must be less than or equal to duration"),
        (["services", 0, "calendars"], CALENDARS, "calendars[0].calendarId: Calendar must belong to your organization"),
        (["appointments", 0, "start"], None, "organizations[0].appointments[0].start: is missing"),
        (["appointments", 0, "end"], "2026-05-01T10:00:00Z", "[0].end: End time must be after start time"),
        (["appointments", 0, "guests"], [{"email": "x"}], "[0].guests[0].email: must be a valid email address"),
        (["appointments", 0, "serviceId"], FREE, "[0].serviceId: is not a service of this organization"),
        (["appointments", 0, "calendarIds"], ["x"], "[0].calendarIds: must be an array of UUIDs"),
        (["appointments", 0, "calendarIds"], [FREE], "[0].calendarIds: must be ids of this organization's calendars"),
        (["appointments", 1, "id"], APPOINTMENT, "organizations[0].appointments[1].id: occurs twice"),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, list) else "",
)
def test_a_record_that_cannot_be_used_is_named_with_its_field(clock, seed_file, path, value, complaint):
    with pytest.raises(SeedError) as refused:
        Sandbox(clock=clock, seed_file=seed_file(changed(path, value)))
    lines = str(refused.value).splitlines()
    assert lines[0].endswith("seed.json: cannot be used:")
    assert complaint in lines[1]


def test_every_problem_is_named_at_once(clock, seed_file):
    seed = changed(["services", 0, "duration"], 0)
    seed["organizations"][0]["appointments"][0]["title"] = 1
    with pytest.raises(SeedError) as refused:
        Sandbox(clock=clock, seed_file=seed_file(seed))
    assert len(str(refused.value).splitlines()) == 3


def test_two_organizations_cannot_share_an_access_key(clock, seed_file):
    other = {"id": FREE, "name": "Other", "accessKeyId": "luz", "secretAccessKey": "x"}
    with pytest.raises(SeedError, match=r"organizations\[1\].accessKeyId: occurs twice"):
        Sandbox(clock=clock, seed_file=seed_file({"organizations": [*SEED["organizations"], other]}))


@pytest.mark.parametrize("content", ["[]", "{}", '{"organizations": []}', '{"organizations": {}}', "null"])
def test_a_seed_without_organizations_is_refused(clock, seed_file, content):
    with pytest.raises(SeedError, match="organizations: must be an array with at least one organization"):
        Sandbox(clock=clock, seed_file=seed_file(content))


@pytest.mark.parametrize("content", ["{", "NaN", "[" * 100_000])
def test_a_file_that_is_not_json_is_refused(clock, seed_file, content):
    with pytest.raises(SeedError, match=r"seed.json: is not JSON"):
        Sandbox(clock=clock, seed_file=seed_file(content))


def test_a_missing_file_is_refused(clock, tmp_path):
    with pytest.raises(SeedError, match=r"none.json: cannot be read: No such file"):
        Sandbox(clock=clock, seed_file=tmp_path / "none.json")


def test_a_seed_file_and_a_data_file_with_records_exclude_each_other(clock, seed_file, tmp_path):
    path = seed_file(SEED)
    with Sandbox(clock=clock, data=tmp_path / "data.db", seed_file=path) as first:
        assert first.access_key_id == "luz"
    with pytest.raises(SeedError, match=r"data.db: holds records already; remove it, or leave the seed file out"):
        Sandbox(clock=clock, data=tmp_path / "data.db", seed_file=path)
