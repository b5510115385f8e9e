"""What a rollout is going to change in one service."""

from __future__ import annotations

from typing import Any

import pytest

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.changes import Change
from onlive_provider.rollout.plan import Mode, ServicePlan, plan_service
from onlive_provider.rollout.season_planner import SeasonPlanner
from onlive_provider.seasons import Season
from tests.loopback import ID
from tests.rollout.fleet import SPRING_RANGE, SUMMER, SUMMER_RANGE, WHOLE_YEAR

SERVICE = {"id": ID, "name": "Test drive", "updatedAt": "2027-01-01T00:00:00.000Z", "dateRanges": [SPRING_RANGE]}


def planned(mode: Mode = "add", seasons: Any = (SUMMER,), target: Any = "dateRanges", **fields: Any) -> ServicePlan:
    return plan_service({**SERVICE, **fields}, seasons, mode, target)


def test_a_plan_holds_both_sides_and_the_days() -> None:
    plan = planned()
    assert (plan.id, plan.name, plan.field, plan.timezone) == (ID, "Test drive", "dateRanges", "Europe/Madrid")
    assert plan.former() == {"dateRanges": [SPRING_RANGE]}
    assert plan.patch() == {"dateRanges": [SPRING_RANGE, SUMMER_RANGE]}
    assert (plan.gained_days, plan.lost_days, plan.updated_at) == (93, 0, "2027-01-01T00:00:00.000Z")
    assert plan.differs


@pytest.mark.parametrize(
    "held",
    [
        [WHOLE_YEAR],
        [SUMMER_RANGE, SPRING_RANGE],
        [{"startDate": "2027-06-15T00:00+02:00", "endDate": WHOLE_YEAR["endDate"]}],
    ],
)
def test_a_service_that_holds_the_season_does_not_differ(held: Any) -> None:
    assert not planned(dateRanges=held).differs


def test_an_empty_list_can_be_added_to() -> None:
    assert planned(dateRanges=[]).after == [SUMMER_RANGE]


def test_a_service_without_a_name_goes_by_its_id() -> None:
    assert planned(name=None).name == ID


def test_all_seasons_together_replace_what_is_there() -> None:
    autumn = Season("autumn", "2027-10-01", "2027-10-31", "Europe/Madrid")
    plan = planned("replace", [autumn, SUMMER])
    assert [each["startDate"] for each in plan.after] == ["2027-06-14T22:00:00.000Z", "2027-09-30T22:00:00.000Z"]
    assert (plan.gained_days, plan.lost_days) == (93 + 31, 61)


@pytest.mark.parametrize(
    ("mode", "held", "message"),
    [
        ("add", None, "dateRanges: are null, and the API reference does not say what that means"),
        ("remove", None, "dateRanges: are null"),
        ("add", {"a": 1}, "dateRanges: are dict; accepted: an array"),
        ("add", [{"startDate": "x"}], r"dateRanges\[0\].startDate"),
        ("remove", [SUMMER_RANGE], "dateRanges: would be left empty, and the API reference does not say whether"),
    ],
)
def test_a_service_whose_result_nobody_can_know_is_refused(mode: Mode, held: Any, message: str) -> None:
    with pytest.raises(OnlivePayloadError, match=message):
        planned(mode, dateRanges=held)


def test_replace_takes_null_and_a_remove_without_anything_to_remove_is_no_change() -> None:
    assert planned("replace", dateRanges=None).after == [SUMMER_RANGE]
    assert not planned("remove", dateRanges=[]).differs


@pytest.mark.parametrize("mode", ["add", "remove", "replace"])
@pytest.mark.parametrize(("target", "field"), [("dateRanges", "dateRanges"), ("restrictionDates", "calendars")])
def test_a_service_whose_answer_does_not_name_the_field_is_refused(mode: Mode, target: Any, field: str) -> None:
    with pytest.raises(OnlivePayloadError, match=f"{field}: are not in what the server answered"):
        plan_service({"id": ID}, [SUMMER], mode, target)


def test_what_a_server_adds_to_ranges_is_kept_and_makes_no_difference() -> None:
    held = [{**SUMMER_RANGE, "id": 1}, {**SPRING_RANGE, "id": 2, "state": "open"}]
    assert not planned(dateRanges=held).differs
    assert planned("remove", dateRanges=held).after == [held[1]]


@pytest.mark.parametrize(
    ("held", "is_shown"),
    [
        ([SPRING_RANGE, SUMMER_RANGE], True),
        ([{**SUMMER_RANGE, "id": 1}, SPRING_RANGE], True),
        ([SPRING_RANGE], False),
        ([SPRING_RANGE, {**SUMMER_RANGE, "endDate": "2027-09-15T20:59:59.000Z"}], False),
        ([SPRING_RANGE, SUMMER_RANGE, WHOLE_YEAR], False),
        (None, False),
        ("x", False),
    ],
)
def test_a_record_shows_a_plan_by_the_members_that_the_reference_names(held: Any, is_shown: bool) -> None:
    assert planned().is_shown_by({"dateRanges": held}) is is_shown


def test_calendars_show_a_plan_by_the_members_that_the_reference_names() -> None:
    held = {"calendarId": "a", "active": True, "type": "agent"}
    plan = planned(target="restrictionDates", calendars=[held])
    assert plan.field == "calendars"
    shown = {**held, "restrictionDates": {"include": [["2027-06-15", "2027-09-15"]]}, "id": 3}
    assert plan.is_shown_by({"calendars": [shown]})
    assert not plan.is_shown_by({"calendars": [{**shown, "active": False}]})


def test_the_plan_of_an_earlier_try_is_found_again_where_the_service_shows_it() -> None:
    before = {"dateRanges": [SPRING_RANGE]}
    done = {**SERVICE, "dateRanges": [SPRING_RANGE, SUMMER_RANGE]}
    planner = SeasonPlanner([SUMMER], "add", "dateRanges")

    def earlier(former: Any) -> Change:
        return Change(planner.resource, str(SERVICE["id"]), {"dateRanges": former}, {"dateRanges": []})

    again = planner.plan_again(done, earlier([SPRING_RANGE]))
    assert again is not None
    assert again.former() == before
    assert planner.plan_again(SERVICE, earlier([SPRING_RANGE])) is None
    assert planner.plan_again(done, earlier([WHOLE_YEAR])) is None
    assert planner.plan_again(done, earlier(None)) is None
