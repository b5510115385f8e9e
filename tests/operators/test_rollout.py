"""A season is planned for all services, applied in batches, checked, and put back when it goes wrong."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from onlive_provider import errors
from onlive_provider.errors import OnliveRolloutFailedError, OnliveRolloutToRetryError, OnliveStoppedError
from onlive_provider.operators.revert import RevertUpdatesOperator
from onlive_provider.operators.rollout import RolloutDateRangesOperator
from onlive_provider.sandbox.server import Sandbox
from onlive_provider.seasons import Season
from tests.bulk.shelf import Shelf
from tests.loopback import CLOSE, ID, OTHER_ID, Recorded, reply
from tests.operators.conftest import Execute, MakeFleet
from tests.rollout.fleet import (
    SPRING_RANGE,
    SUMMER,
    SUMMER_RANGE,
    WHOLE_YEAR,
    Fleet,
    in_order,
    service,
    service_id,
)

IDS = [service_id(number) for number in range(20)]
ORDER = in_order(IDS)
THREE_BATCHES = ("10%", "50%", "100%")


@pytest.fixture
def twenty(make_fleet: MakeFleet) -> Fleet:
    return make_fleet([service(number) for number in range(20)])


def rollout(**arguments: Any) -> RolloutDateRangesOperator:
    if "service_filter" not in arguments:
        arguments.setdefault("service_ids", IDS)
    return RolloutDateRangesOperator(
        **{"task_id": "rollout", "season": SUMMER, "batches": THREE_BATCHES, "concurrency": 1, **arguments}
    )


def report(path: str | Path) -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    assert [line["index"] for line in lines] == list(range(len(lines)))
    return {line["id"]: line for line in lines}


def writing(service_id: str) -> Callable[[Recorded], bool]:
    return lambda request: request.method == "PUT" and request.path.endswith(service_id)


def test_400_services_of_which_one_fails_in_the_second_batch_are_all_put_back(
    make_fleet: MakeFleet, execute: Execute, tmp_path: Path
) -> None:
    ids = [service_id(number) for number in range(400)]
    order = in_order(ids)
    failing = order[60]
    open_already = {order[1], order[40], *order[150:400:25]}
    assert len(open_already) == 12
    services = [service(number) for number in range(400)]
    for number, each in enumerate(services):
        if each["id"] in open_already:
            each["dateRanges"] = [WHOLE_YEAR] if number % 2 else [SUMMER_RANGE, SPRING_RANGE]
    made = make_fleet(services)
    before = made.ranges()
    made.refuse(failing)
    options = {"service_ids": ids, "batches": ("5%", "25%", "100%"), "report_path": str(tmp_path / "r.jsonl")}

    plan, _ = execute(rollout(plan_only=True, **options))
    assert made.written() == []
    assert (plan["planned"], plan["unchanged"], plan["total"]) == (388, 12, 400)
    assert [batch["size"] for batch in plan["batches"]] == [20, 80, 300]

    with pytest.raises(OnliveRolloutFailedError) as caught:
        execute(rollout(**options))

    to_write = [each for each in order if each not in open_already]
    until_failure = to_write[: to_write.index(failing)]
    assert made.written() == until_failure + until_failure[::-1]
    assert made.ranges() == before
    assert made.record(failing)["updatedAt"] == made.record(failing)["createdAt"]
    outcomes = report(tmp_path / "r.jsonl")
    assert [each["id"] for each in outcomes.values()] == ids
    for each, outcome in outcomes.items():
        batch = 1 if each in order[:20] else 2 if each in order[:100] else 3
        if each in open_already:
            assert outcome["outcome"] == "unchanged"
        elif each == failing:
            assert (outcome["outcome"], outcome["error"]) == ("failed", "OnliveValidationError")
            assert "Branch is closed for works" in outcome["message"]
            assert outcome["fieldErrors"] == [{"field": "dateRanges", "message": "Branch is closed for works"}]
        elif each in until_failure:
            assert outcome["outcome"] == "skipped"
            assert outcome["message"].endswith(f": written in batch {batch} and put back")
        else:
            assert outcome["outcome"] == "not_attempted"
        assert outcome["before"] == {"dateRanges": before[each]}
        assert SUMMER_RANGE in outcome["after"]["dateRanges"] or each in open_already
    count = len(until_failure)
    assert f"stopped in batch 2 of 3: 1 failed, allowed: 0. Written: {count} service" in str(caught.value)
    assert f"; put back: {count}." in str(caught.value)
    assert failing in str(caught.value)
    assert isinstance(caught.value, AirflowFailException)
    page = (tmp_path / "r.html").read_text()
    for told in (
        '["Mode","add"]',
        '["Season","summer: 2027-06-15 to 2027-09-15, Europe/Madrid"]',
        '["Batches","20, 80, 300 services"]',
    ):
        assert told in page


def test_each_batch_holds_the_earlier_ones_and_is_read_again_before_the_next(twenty: Fleet, execute: Execute) -> None:
    result, _ = execute(rollout())
    calls = [(c["method"], c["path"].rpartition("/")[2]) for c in twenty.sandbox.calls()]
    expected = [("GET", each) for each in IDS]
    for batch in (ORDER[:2], ORDER[2:10], ORDER[10:]):
        expected += [call for each in batch for call in (("GET", each), ("PUT", each))]
        expected += [("GET", each) for each in batch]
    assert calls == expected
    assert [(each["size"], each["updated"]) for each in result["batches"]] == [(2, 2), (8, 8), (10, 10)]
    assert set(map(json.dumps, twenty.ranges().values())) == {json.dumps([SPRING_RANGE, SUMMER_RANGE])}


def test_a_second_run_sends_nothing(twenty: Fleet, execute: Execute) -> None:
    execute(rollout())
    first = len(twenty.written())
    result, _ = execute(rollout())
    assert (result["unchanged"], len(twenty.written())) == (20, first)


def test_a_plan_sends_nothing_and_can_be_shown_to_an_approver(twenty: Fleet, execute: Execute) -> None:
    result, _ = execute(rollout(plan_only="true"))
    assert twenty.written() == []
    assert {each.method for each in twenty.front.requests} == {"GET"}
    assert len(twenty.front.requests) == 20
    assert (result["planned"], result["updated"]) == (20, 0)
    assert "20 services: 20 to change (1,860 days gained, 0 lost)" in result["plan_table"]
    assert "2027-03-01 to 2027-04-30, 2027-06-15 to 2027-09-15" in result["plan_table"]
    assert len(json.dumps(result)) < 48_000


def test_a_service_changed_between_the_plan_and_its_write_is_not_overwritten_and_fails_by_name(
    twenty: Fleet, execute: Execute, tmp_path: Path
) -> None:
    edited = ORDER[1]
    twenty.once(writing(ORDER[0]), lambda: twenty.edit(edited, dateRanges=[WHOLE_YEAR], duration=50))
    with pytest.raises(OnliveRolloutFailedError, match="Test drive") as caught:
        execute(rollout(mode="replace", report_path=str(tmp_path / "r.jsonl")))
    assert twenty.written() == [edited, ORDER[0], ORDER[0]]
    assert twenty.ranges()[edited] == [WHOLE_YEAR]
    assert twenty.ranges()[ORDER[0]] == [SPRING_RANGE]
    outcome = report(tmp_path / "r.jsonl")[edited]
    assert (outcome["outcome"], outcome["error"]) == ("failed", "OnliveStaleRecordError")
    assert f'service {edited} "{twenty.record(edited)["name"]}" was changed at' in outcome["message"]
    assert "when it was planned" in str(caught.value)


def test_a_service_that_somebody_else_brought_to_the_plan_needs_no_write(twenty: Fleet, execute: Execute) -> None:
    wanted = [SPRING_RANGE, SUMMER_RANGE]
    twenty.once(writing(ORDER[0]), lambda: twenty.edit(ORDER[1], dateRanges=wanted))
    result, _ = execute(rollout())
    assert (result["updated"], result["unchanged"]) == (19, 1)
    assert twenty.written().count(ORDER[1]) == 1


def test_a_service_changed_after_its_write_is_not_put_back_by_name(
    twenty: Fleet, execute: Execute, tmp_path: Path
) -> None:
    edited, failing = ORDER[1], ORDER[4]
    twenty.refuse(failing)
    twenty.once(writing(ORDER[2]), lambda: twenty.edit(edited, dateRanges=[WHOLE_YEAR]))
    with pytest.raises(OnliveRolloutFailedError) as caught:
        execute(rollout(report_path=str(tmp_path / "r.jsonl")))
    ranges = twenty.ranges()
    assert ranges.pop(edited) == [WHOLE_YEAR]
    assert set(map(json.dumps, ranges.values())) == {json.dumps([SPRING_RANGE])}
    outcome = report(tmp_path / "r.jsonl")[edited]
    assert (outcome["outcome"], outcome["error"]) == ("failed", "OnliveStaleRecordError")
    assert "written in batch 1 and not put back: " in outcome["message"]
    name = twenty.record(edited)["name"]
    assert f'Written: 4 services; put back: 3. Not put back: {edited} "{name}"' in str(caught.value)


def test_a_service_that_does_not_hold_what_was_sent_stops_the_rollout_whatever_is_allowed(
    twenty: Fleet, execute: Execute, tmp_path: Path
) -> None:
    crooked = ORDER[1]

    def rule(request: Recorded) -> Any:
        if request.method == "GET" and request.path.endswith(crooked) and crooked in twenty.written():
            return reply(200, {**twenty.record(crooked), "dateRanges": [SPRING_RANGE]})
        return None

    twenty.before.append(rule)
    twenty.refuse(ORDER[2], status=503)
    options = {"allowed_failures": "100%", "report_path": str(tmp_path / "r.jsonl"), "batches": (3, "100%")}
    with pytest.raises(OnliveRolloutFailedError, match="does not hold what was sent") as caught:
        execute(rollout(**options))
    assert twenty.written() == [ORDER[0], crooked, ORDER[0]]
    assert twenty.ranges()[ORDER[0]] == [SPRING_RANGE]
    outcome = report(tmp_path / "r.jsonl")[crooked]
    assert (outcome["outcome"], outcome["error"]) == ("failed", "OnliveNotHeldError")
    assert "2027-06-14T22:00:00.000Z" in outcome["message"]
    assert outcome["message"].endswith("; put back to what it was")
    assert isinstance(caught.value, AirflowFailException)


def test_a_service_that_somebody_changed_before_it_was_read_again_stops_the_rollout_and_keeps_their_change(
    twenty: Fleet, execute: Execute, tmp_path: Path
) -> None:
    edited = ORDER[1]
    twenty.once(
        lambda request: request.method == "GET" and request.path.endswith(edited) and edited in twenty.written(),
        lambda: twenty.edit(edited, dateRanges=[WHOLE_YEAR]),
    )
    with pytest.raises(OnliveRolloutFailedError, match=f"Not put back: {edited}"):
        execute(rollout(report_path=str(tmp_path / "r.jsonl")))
    ranges = twenty.ranges()
    assert ranges.pop(edited) == [WHOLE_YEAR]
    assert set(map(json.dumps, ranges.values())) == {json.dumps([SPRING_RANGE])}
    message = report(tmp_path / "r.jsonl")[edited]["message"]
    assert f"changed by somebody else at {twenty.record(edited)['updatedAt']}" in message
    assert "; not put back: " in message


def test_ids_that_the_server_gives_ranges_anew_are_no_difference(twenty: Fleet, execute: Execute) -> None:
    def rule(request: Recorded) -> Any:
        if request.method != "GET":
            return None
        record = twenty.record(request.path.rpartition("/")[2])
        numbered = [{**each, "id": len(twenty.written())} for each in record["dateRanges"]]
        return reply(200, {**record, "dateRanges": numbered})

    sent = []

    def note(request: Recorded) -> None:
        if request.method == "PUT":
            sent.append(request.json()["dateRanges"])

    twenty.before += [rule, note]
    result, _ = execute(rollout())
    assert result["updated"] == 20
    assert sent[0] == [{**SPRING_RANGE, "id": 0}, SUMMER_RANGE]


def test_kept_ranges_are_sent_back_as_the_server_gave_them(make_fleet: MakeFleet, execute: Execute) -> None:
    odd = {"startDate": "2027-01-01T00:00:00+01:00", "endDate": "2027-01-31T23:59:59.5Z", "note": {"by": None}}
    made = make_fleet([service(0)])
    made.before.append(
        lambda request: (
            reply(200, {**made.record(IDS[0]), "dateRanges": [odd]})
            if request.method == "GET" and not made.written()
            else None
        )
    )
    result, _ = execute(rollout(service_ids=IDS[:1], batches=(1,)))
    assert made.front.writes[0].json() == {"dateRanges": [odd, SUMMER_RANGE]}
    assert result["updated"] == 1


def test_allowed_failures_let_the_rollout_go_on(twenty: Fleet, execute: Execute) -> None:
    twenty.refuse(ORDER[0])
    result, _ = execute(rollout(allowed_failures="5%"))
    assert (result["failed"], result["updated"]) == (1, 19)
    assert result["failures"][0]["id"] == ORDER[0]


def test_without_revert_what_was_written_stays(twenty: Fleet, execute: Execute, tmp_path: Path) -> None:
    twenty.refuse(ORDER[2])
    path = str(tmp_path / "r.jsonl")
    with pytest.raises(OnliveRolloutFailedError, match="Not put back: "):
        execute(rollout(revert_on_failure=False, report_path=path))
    assert twenty.written() == ORDER[:2]
    assert [each["id"] for each in report(path).values() if each["outcome"] == "updated"] == [
        each for each in IDS if each in ORDER[:2]
    ]


def test_the_report_of_a_rollout_can_be_reverted(twenty: Fleet, execute: Execute, tmp_path: Path) -> None:
    before = twenty.ranges()
    done, _ = execute(rollout(report_path=str(tmp_path / "r.jsonl")))
    assert twenty.ranges() != before
    result, _ = execute(RevertUpdatesOperator(task_id="revert", report=done))
    assert result["updated"] == 20
    assert twenty.ranges() == before


def test_a_failure_in_the_plan_stops_before_any_write(twenty: Fleet, execute: Execute, tmp_path: Path) -> None:
    with pytest.raises(OnliveRolloutFailedError, match="stopped in the plan: 1 failed") as caught:
        execute(rollout(service_ids=[*IDS, ID], report_path=str(tmp_path / "r.jsonl")))
    assert twenty.written() == []
    assert "OnliveNotFoundError" in {failure["error"] for failure in caught.value.failures}
    assert report(tmp_path / "r.jsonl")[IDS[0]]["outcome"] == "not_attempted"


def test_a_failed_plan_is_red_too(twenty: Fleet, execute: Execute) -> None:
    with pytest.raises(OnliveRolloutFailedError, match="stopped in the plan"):
        execute(rollout(service_ids=[*IDS, ID], plan_only=True))


def test_a_service_whose_ranges_are_null_is_refused_by_name_but_for_replace(
    make_fleet: MakeFleet, execute: Execute
) -> None:
    made = make_fleet([service(0, dateRanges=None), service(1)])
    arguments: dict[str, Any] = {"service_ids": IDS[:2], "batches": ("100%",)}
    with pytest.raises(OnliveRolloutFailedError, match=r"Test drive 0: [\s\S]*dateRanges: are null"):
        execute(rollout(**arguments))
    assert made.written() == []
    result, _ = execute(rollout(mode="replace", **arguments))
    assert result["updated"] == 2
    assert made.ranges()[IDS[0]] == [SUMMER_RANGE]


def test_a_canary_leaves_the_rest_alone_and_is_green(twenty: Fleet, execute: Execute) -> None:
    result, _ = execute(rollout(batches=(1, 3)))
    assert (result["updated"], result["not_attempted"]) == (3, 17)
    assert twenty.written() == ORDER[:3]
    result, _ = execute(rollout(batches=("100%",)))
    assert (result["updated"], result["unchanged"]) == (17, 3)


def test_a_filter_selects_from_all_pages(make_fleet: MakeFleet, execute: Execute) -> None:
    services = [service(number, name=f"{'Wash' if number % 5 == 0 else 'Drive'} {number}") for number in range(30)]
    made = make_fleet(services)
    result, _ = execute(rollout(service_filter='{"search": "Drive"}', batches=["100%"]))
    assert (result["total"], result["updated"]) == (24, 24)
    assert set(made.written()) == {service_id(number) for number in range(30) if number % 5}


def test_an_empty_filter_means_all_services(twenty: Fleet, execute: Execute) -> None:
    result, _ = execute(rollout(service_filter={}, plan_only=True))
    assert result["total"] == 20


def test_a_filter_that_selects_nothing_is_an_error(twenty: Fleet, execute: Execute) -> None:
    with pytest.raises(errors.OnlivePayloadError, match=r'service_filter: \{"name": "nowhere"\} selects no service'):
        execute(rollout(service_filter={"name": "nowhere"}))
    assert twenty.written() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"service_ids": []}, "service_ids: names no service"),
        ({"service_ids": [ID, "x"]}, r"service_ids\[1\]: got str 'x', which has 1 character and is not a UUID"),
        ({"service_ids": [ID, ID.upper()]}, rf"service_ids\[1\]: {ID} is service_ids\[0\] already"),
        ({"service_ids": "None"}, "service_ids: got str 'None', which holds NoneType"),
        ({"service_ids": ID}, "service_ids: got str"),
        ({"service_filter": {"search": None}}, r"service_filter.search: got null \(None\)"),
        ({"service_filter": {"search": " "}}, "service_filter.search: got str ' '; accepted: text that is not blank"),
        ({"service_filter": {"typeId": "x"}}, "service_filter.typeId: got str 'x'"),
        (
            {"service_filter": {"serch": "x"}},
            'service_filter.serch: is not a filter of services; did you mean "search"',
        ),
        (
            {"service_filter": {"startDate": "2027-01-01"}},
            "service_filter.startDate: got str '2027-01-01', a date with",
        ),
        ({"service_filter": {"name": "None"}}, "service_filter.name: got str None, a missing value"),
        ({"season": {"name": "x"}}, "season.first_day: is missing"),
        ({"season": []}, "season: names no season"),
        ({"season": "[{}]"}, r"season\[0\].name: is missing"),
        ({"batches": ["50%", "25%"]}, "batches: 25% after 50% reaches no further"),
        ({"batches": [19, "50%"]}, "batches: 50% after 19 reaches no further of 20 services"),
        ({"batches": []}, "batches: got no batch"),
        ({"plan_only": "perhaps"}, "plan_only: got str 'perhaps'"),
        ({"allowed_failures": "many"}, "allowed_failures: got 'many'"),
    ],
)
def test_what_cannot_be_used_is_refused_before_any_call(
    arguments: dict[str, Any], message: str, onlive_sandbox: Sandbox, execute: Execute
) -> None:
    with pytest.raises(errors.OnlivePayloadError, match=message):
        execute(rollout(**arguments))
    assert onlive_sandbox.calls() == []


def test_every_bad_argument_is_told_at_once(onlive_sandbox: Sandbox, execute: Execute) -> None:
    with pytest.raises(errors.OnlivePayloadError) as caught:
        execute(rollout(service_ids=["x"], season={}, batches=["0%"], plan_only="x"))
    told = {error.field.partition(".")[0].partition("[")[0] for error in caught.value.errors}
    assert told == {"service_ids", "season", "batches", "plan_only"}


@pytest.mark.parametrize(
    "arguments",
    [
        {"service_ids": None},
        {"service_ids": IDS, "service_filter": {}},
        {"mode": "append"},
        {"target": "calendars"},
    ],
)
def test_what_no_template_can_mend_is_refused_when_the_dag_is_read(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^(service_ids, service_filter|mode|target): "):
        rollout(**arguments)


@pytest.mark.parametrize(
    "season",
    [
        SUMMER.as_json(),
        json.dumps(SUMMER.as_json()),
        str(SUMMER.as_json()),
        [SUMMER],
        json.dumps([SUMMER.as_json()]),
        str([SUMMER.as_json()]),
    ],
)
def test_a_season_may_come_as_json_or_text(season: Any, twenty: Fleet, execute: Execute) -> None:
    execute(rollout(service_ids=json.dumps(IDS[:1]), season=season, batches='["100%"]'))
    assert twenty.ranges()[IDS[0]] == [SPRING_RANGE, SUMMER_RANGE]


def test_several_seasons_are_added_or_put_in_the_place_of_all(twenty: Fleet, execute: Execute) -> None:
    seasons = Season.yearly("summer", "06-15", "09-15", "Europe/Madrid", [2027, 2028])
    second = {"startDate": "2028-06-14T22:00:00.000Z", "endDate": "2028-09-15T21:59:59.000Z"}
    arguments: dict[str, Any] = {"service_ids": IDS[:1], "batches": (1,), "season": seasons}
    execute(rollout(**arguments))
    assert twenty.ranges()[IDS[0]] == [SPRING_RANGE, SUMMER_RANGE, second]
    execute(rollout(mode="replace", **arguments))
    assert twenty.ranges()[IDS[0]] == [SUMMER_RANGE, second]


def test_a_season_is_taken_out_again(make_fleet: MakeFleet, execute: Execute) -> None:
    made = make_fleet([service(0, dateRanges=[WHOLE_YEAR])])
    result, _ = execute(rollout(service_ids=IDS[:1], batches=(1,), mode="remove"))
    assert made.ranges()[IDS[0]] == [
        {"startDate": WHOLE_YEAR["startDate"], "endDate": "2027-06-14T21:59:59.000Z"},
        {"startDate": "2027-09-15T22:00:00.000Z", "endDate": WHOLE_YEAR["endDate"]},
    ]
    assert result["updated"] == 1


def test_restriction_dates_of_active_calendars_carry_the_season(
    make_fleet: MakeFleet, execute: Execute, tmp_path: Path
) -> None:
    calendar = {"id": ID, "name": "Alba", "type": "agent"}
    held = {"include": [["2027-03-01", "2027-06-14"]], "exclude": [["2027-08-15", "2027-08-15"]]}
    calendars = [{"calendarId": ID, "active": True, "type": "agent", "restrictionDates": held}]
    made = make_fleet([service(0, calendars=calendars)], calendars=(calendar,))
    arguments: dict[str, Any] = {"service_ids": IDS[:1], "batches": (1,), "target": "restrictionDates"}
    done, _ = execute(rollout(report_path=str(tmp_path / "r.jsonl"), **arguments))
    assert made.front.writes[0].json() == {
        "calendars": [{**calendars[0], "restrictionDates": {**held, "include": [["2027-03-01", "2027-09-15"]]}}]
    }
    assert "2027-03-01 to 2027-06-14  2027-03-01 to 2027-09-15" in done["plan_table"]
    result, _ = execute(rollout(**arguments))
    assert result["unchanged"] == 1
    execute(RevertUpdatesOperator(task_id="revert", report=done))
    assert made.record(IDS[0])["calendars"] == calendars


def test_failures_that_may_be_over_later_are_left_to_a_retry(twenty: Fleet, execute: Execute) -> None:
    twenty.refuse(ORDER[3], status=503)
    with pytest.raises(OnliveRolloutToRetryError) as caught:
        execute(rollout())
    assert not isinstance(caught.value, AirflowFailException)
    assert set(map(json.dumps, twenty.ranges().values())) == {json.dumps([SPRING_RANGE])}


def test_a_rollout_that_the_server_puts_off_for_long_is_put_back_and_tells_airflow_how_long(
    twenty: Fleet, execute: Execute
) -> None:
    def put_off(request: Any) -> Any:
        is_asked = request.method == "PUT" and request.path.endswith(ORDER[3])
        return reply(503, headers={"Retry-After": "3600"}) if is_asked else None

    twenty.before.append(put_off)
    with pytest.raises(OnliveRolloutToRetryError, match="The server asked to wait 3,600 s") as caught:
        execute(rollout())
    assert caught.value.retry_after == 3600
    assert set(map(json.dumps, twenty.ranges().values())) == {json.dumps([SPRING_RANGE])}


def test_one_service_that_is_put_off_does_not_keep_back_others_where_a_failure_is_allowed(
    twenty: Fleet, execute: Execute
) -> None:
    later = reply(503, headers={"Retry-After": "3600"})
    twenty.before.append(lambda request: later if request.path.endswith(IDS[3]) else None)
    result, _ = execute(rollout(allowed_failures=1, concurrency=1))
    assert (result["updated"], result["failed"]) == (19, 1)


def test_a_retry_is_not_asked_for_where_other_failures_would_stop_it_again(twenty: Fleet, execute: Execute) -> None:
    busy = f"/{IDS[0]}"
    twenty.before.append(lambda request: reply(503) if request.path.endswith(busy) else None)
    for allowed, kind in ((2, OnliveRolloutToRetryError), (1, OnliveRolloutFailedError)):
        with pytest.raises(OnliveRolloutFailedError) as caught:
            execute(rollout(service_ids=[*IDS, ID, OTHER_ID], allowed_failures=allowed))
        assert caught.value.counts["failed"] == 3
        assert isinstance(caught.value, OnliveRolloutToRetryError) is (kind is OnliveRolloutToRetryError)


def test_a_retry_after_a_crash_still_knows_what_stood_there_before(
    twenty: Fleet, execute: Execute, tmp_path: Path
) -> None:
    path = str(tmp_path / "r.jsonl")
    operator = rollout(report_path=path)

    def crash() -> None:
        """Leave the working file as a killed process would: as it is at this moment."""
        (tmp_path / "copy").write_bytes((tmp_path / "r.jsonl.run").read_bytes())

    twenty.once(writing(ORDER[5]), crash)
    twenty.once(writing(ORDER[5]), operator.on_kill)
    with pytest.raises(OnliveStoppedError):
        execute(operator)
    (tmp_path / "r.jsonl.run").write_bytes((tmp_path / "copy").read_bytes())
    assert twenty.written() == ORDER[:6]
    twenty.refuse(ORDER[8])
    with pytest.raises(OnliveRolloutFailedError, match="Written: 8 services; put back: 8"):
        execute(rollout(report_path=path))
    assert twenty.written()[:8] == ORDER[:8]
    assert set(map(json.dumps, twenty.ranges().values())) == {json.dumps([SPRING_RANGE])}


def test_a_retry_on_another_machine_knows_what_a_rollout_wrote_before_it_was_killed(
    twenty: Fleet, execute: Execute, tmp_path: Path
) -> None:
    here, elsewhere = Shelf(tmp_path / "here"), tmp_path / "elsewhere"
    operator = rollout(report_path="shelf://bucket/r.jsonl")
    operator.storage = here
    twenty.once(writing(ORDER[5]), lambda: shutil.copytree(here.folder, elsewhere))
    twenty.once(writing(ORDER[5]), operator.on_kill)
    with pytest.raises(OnliveStoppedError):
        execute(operator)
    assert twenty.written() == ORDER[:6]
    twenty.refuse(ORDER[8])
    retry = rollout(report_path="shelf://bucket/r.jsonl")
    retry.storage = Shelf(elsewhere)
    with pytest.raises(OnliveRolloutFailedError, match="Written: 8 services; put back: 8"):
        execute(retry)
    assert set(map(json.dumps, twenty.ranges().values())) == {json.dumps([SPRING_RANGE])}


def test_a_name_forges_no_line_of_the_plan_and_shows_no_guest(
    make_fleet: MakeFleet, execute: Execute, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    made = make_fleet([service(0, name="A\n2 to do\x1b[2J ana@example.com")])
    result, _ = execute(rollout(service_ids=IDS[:1], batches=(1,), plan_only=True))
    assert made.written() == []
    assert "\nA 2 to do\\x1b[2J <hidden>" in result["plan_table"]
    out, err = capfd.readouterr()
    logged = out + err + caplog.text
    assert "A 2 to do\\x1b[2J <hidden>" in logged
    assert "ana@" not in logged


@pytest.mark.parametrize(("status", "kind"), [(401, OnliveRolloutFailedError), (500, OnliveRolloutToRetryError)])
def test_a_server_that_refuses_everything_stops_the_plan_whatever_failures_are_allowed(
    twenty: Fleet, execute: Execute, status: int, kind: type[Exception]
) -> None:
    twenty.before.append(lambda request: reply(status, {"message": "no"}, headers={"Retry-After": "0"}))
    with pytest.raises(OnliveRolloutFailedError, match="stopped in the plan") as caught:
        execute(rollout(allowed_failures="100%"))
    assert isinstance(caught.value, OnliveRolloutToRetryError) is (kind is OnliveRolloutToRetryError)
    assert "The run was stopped after " in str(caught.value)
    assert caught.value.counts["not_attempted"] >= 15
    assert len(twenty.front.requests) <= 10
    assert twenty.written() == []


def test_a_retry_that_cannot_read_still_reports_what_an_earlier_try_wrote(
    twenty: Fleet, execute: Execute, tmp_path: Path
) -> None:
    path = str(tmp_path / "r.jsonl")
    operator = rollout(report_path=path)
    twenty.once(writing(ORDER[5]), operator.on_kill)
    with pytest.raises(OnliveStoppedError):
        execute(operator)
    away = [True]
    twenty.before.append(lambda request: reply(500) if away else None)
    with pytest.raises(OnliveRolloutToRetryError, match="The run was stopped after 5 rows"):
        execute(rollout(report_path=path))
    lines = report(path)
    assert [each for each in ORDER if lines[each]["outcome"] == "updated"] == ORDER[:6]
    assert all(lines[each]["before"] == {"dateRanges": [SPRING_RANGE]} for each in ORDER[:6])
    away.clear()
    assert execute(rollout(report_path=path))[0]["updated"] == 20
    assert twenty.written() == ORDER
    execute(RevertUpdatesOperator(task_id="revert", report_path=path))
    assert set(map(json.dumps, twenty.ranges().values())) == {json.dumps([SPRING_RANGE])}


def test_a_write_of_unknown_fate_is_not_forgotten_by_a_retry_that_cannot_read(
    twenty: Fleet, execute: Execute, tmp_path: Path
) -> None:
    path = str(tmp_path / "r.jsonl")
    operator = rollout(report_path=path)

    def crash() -> None:
        """Leave the working file as a killed process would: as it is at this moment."""
        (tmp_path / "copy").write_bytes((tmp_path / "r.jsonl.run").read_bytes())

    twenty.once(writing(ORDER[0]), crash)
    twenty.once(writing(ORDER[0]), operator.on_kill)
    with pytest.raises(OnliveStoppedError):
        execute(operator)
    (tmp_path / "r.jsonl.run").write_bytes((tmp_path / "copy").read_bytes())
    away = [True]
    twenty.before.append(lambda request: reply(500) if away and request.path.endswith(ORDER[0]) else None)
    with pytest.raises(OnliveRolloutToRetryError):
        execute(rollout(report_path=path))
    away.clear()
    execute(rollout(report_path=path))
    line = report(path)[ORDER[0]]
    assert (line["outcome"], line["before"]) == ("updated", {"dateRanges": [SPRING_RANGE]})
    assert twenty.written() == ORDER


def test_putting_back_leaves_a_service_alone_that_somebody_changed_since_its_write(
    twenty: Fleet, execute: Execute
) -> None:
    twenty.once(writing(ORDER[3]), lambda: twenty.edit(ORDER[0], name="A colleague's"))
    twenty.refuse(ORDER[3])
    with pytest.raises(OnliveRolloutFailedError, match=f"Not put back: {ORDER[0]}"):
        execute(rollout())
    assert twenty.record(ORDER[0])["name"] == "A colleague's"
    assert SUMMER_RANGE in twenty.record(ORDER[0])["dateRanges"]
    assert twenty.record(ORDER[1])["dateRanges"] == [SPRING_RANGE]


@pytest.mark.parametrize("answer", [reply(404), reply(302), reply(422, {"message": "no"})])
def test_a_read_back_that_fails_leads_to_no_write_but_the_putting_back(
    twenty: Fleet, execute: Execute, answer: bytes
) -> None:
    def read_back(request: Recorded) -> Any:
        is_again = any(each.path == request.path for each in twenty.front.writes)
        reads = [each for each in twenty.front.requests if each.path == request.path and each.method == "GET"]
        return answer if request.method == "GET" and is_again and len(reads) == 3 else None

    twenty.before.append(read_back)
    with pytest.raises(OnliveRolloutFailedError):
        execute(rollout(batches=(1,)))
    bodies = [request.json()["dateRanges"] for request in twenty.front.writes]
    assert bodies == [[SPRING_RANGE, SUMMER_RANGE], [SPRING_RANGE]]


def test_a_task_that_is_told_to_stop_leaves_the_rest_alone_and_goes_on_at_its_retry(
    twenty: Fleet, execute: Execute, tmp_path: Path
) -> None:
    path = str(tmp_path / "r.jsonl")
    operator = rollout(report_path=path)
    twenty.once(writing(ORDER[5]), operator.on_kill)
    with pytest.raises(OnliveStoppedError, match="6 updated, 14 not_attempted"):
        execute(operator)
    assert report(path)[ORDER[5]]["outcome"] == "updated"
    assert report(path)[ORDER[6]]["outcome"] == "not_attempted"
    result, _ = execute(rollout(report_path=path))
    assert twenty.written() == ORDER
    assert result["updated"] == 20
    assert {each["outcome"] for each in report(path).values()} == {"updated"}
    assert all(each["before"] == {"dateRanges": [SPRING_RANGE]} for each in report(path).values())
    assert not (tmp_path / "r.jsonl.run").exists()


@pytest.fixture
def lost_answer(twenty: Fleet) -> str:
    """Let one service's write be made, and neither its answer nor the first look-ups come back; give its id."""
    lost = ORDER[1]
    reads_to_fail = [503, 503]

    def rule(request: Recorded) -> Any:
        if writing(lost)(request) and lost not in twenty.written():
            twenty.edit(lost, **request.json())
            return CLOSE
        if request.method == "GET" and request.path.endswith(lost) and lost in twenty.written() and reads_to_fail:
            return reply(reads_to_fail.pop())
        return None

    twenty.before.append(rule)
    return lost


def test_a_write_of_unknown_fate_that_was_made_counts_as_made(
    lost_answer: str, twenty: Fleet, execute: Execute
) -> None:
    result, _ = execute(rollout(batches=("100%",)))
    assert (result["updated"], result["failed"]) == (20, 0)
    assert twenty.written() == ORDER


def test_a_write_of_unknown_fate_that_was_made_is_put_back_too(
    lost_answer: str, twenty: Fleet, execute: Execute
) -> None:
    twenty.refuse(ORDER[5])
    with pytest.raises(OnliveRolloutFailedError, match="Written: 5 services; put back: 5"):
        execute(rollout())
    assert twenty.ranges()[lost_answer] == [SPRING_RANGE]


def test_the_order_of_the_outcomes_is_that_of_the_services(twenty: Fleet, execute: Execute, tmp_path: Path) -> None:
    execute(rollout(report_path=str(tmp_path / "r.jsonl"), concurrency=8))
    assert list(report(tmp_path / "r.jsonl")) == IDS


def test_only_the_wanted_keys_are_returned(twenty: Fleet, execute: Execute) -> None:
    result, _ = execute(rollout(xcom_fields=["updated", "batches"]))
    assert set(result) == {"updated", "batches"}


def test_a_task_that_is_told_to_stop_while_it_puts_back_says_what_still_holds_the_season(
    twenty: Fleet, execute: Execute, tmp_path: Path
) -> None:
    path = str(tmp_path / "r.jsonl")
    operator = rollout(report_path=path)
    twenty.refuse(ORDER[4])
    twenty.once(
        lambda request: writing(ORDER[2])(request) and request.json() == {"dateRanges": [SPRING_RANGE]},
        operator.on_kill,
    )
    with pytest.raises(OnliveRolloutFailedError, match="Written: 4 services; put back: 2"):
        execute(operator)
    outcomes = [report(path)[each] for each in ORDER[:4]]
    assert [each["outcome"] for each in outcomes] == ["updated", "updated", "skipped", "skipped"]
    assert outcomes[0]["message"].endswith("written in batch 1; the task was stopped before it was put back")
    assert outcomes[0]["updatedAt"] == twenty.record(ORDER[0])["updatedAt"]
    execute(RevertUpdatesOperator(task_id="revert", report_path=path))
    assert set(map(json.dumps, twenty.ranges().values())) == {json.dumps([SPRING_RANGE])}


def test_the_page_says_why_the_rollout_was_stopped_and_what_it_cost(
    twenty: Fleet, execute: Execute, tmp_path: Path
) -> None:
    twenty.refuse(ORDER[0])
    with pytest.raises(OnliveRolloutFailedError):
        execute(rollout(report_path=str(tmp_path / "r.jsonl")))
    page = (tmp_path / "r.html").read_text()
    assert "The rollout was stopped in batch 1 of 3: 1 failed, allowed: 0. Written: 0 services." in page
    assert "21 reads and 1 writes" in page


@pytest.mark.parametrize(
    "other", [{"mode": "replace"}, {"service_ids": IDS[1:]}, {"season": [SUMMER, SUMMER]}, {"batches": ("100%",)}]
)
def test_what_an_earlier_try_of_another_rollout_wrote_is_not_taken_over(
    other: dict[str, Any], twenty: Fleet, execute: Execute, tmp_path: Path
) -> None:
    path = str(tmp_path / "r.jsonl")
    operator = rollout(report_path=path)
    twenty.once(writing(ORDER[3]), operator.on_kill)
    with pytest.raises(OnliveStoppedError):
        execute(operator)
    twenty.refuse(ORDER[6])
    with pytest.raises(OnliveRolloutFailedError):
        execute(rollout(report_path=path, **other))
    held = {each for each, ranges in twenty.ranges().items() if SUMMER_RANGE in ranges}
    assert held == set(ORDER[:4])


def test_a_retry_finds_the_services_of_a_filter_again_in_whatever_order_they_are_listed(
    twenty: Fleet, execute: Execute, tmp_path: Path
) -> None:
    path = str(tmp_path / "r.jsonl")
    listings = [IDS, IDS[::-1]]

    def rule(request: Recorded) -> Any:
        if request.path.endswith("/services"):
            page = request.filters["page"] == "1"
            return reply(200, {"items": [twenty.record(each) for each in listings.pop(0)] if page else []})
        return None

    twenty.before.append(rule)
    operator = rollout(service_filter={}, report_path=path)
    twenty.once(writing(ORDER[5]), operator.on_kill)
    with pytest.raises(OnliveStoppedError):
        execute(operator)
    result, _ = execute(rollout(service_filter={}, report_path=path))
    assert result["updated"] == 20
    assert twenty.written() == ORDER


def test_no_personal_data_of_an_unchanged_service_stands_in_the_report(
    make_fleet: MakeFleet, execute: Execute, tmp_path: Path
) -> None:
    held = [{**SUMMER_RANGE, "by": "ana@example.com"}]
    made = make_fleet([service(0, name="Test drive with ana@example.com")])
    made.before.append(lambda request: reply(200, {**made.record(IDS[0]), "dateRanges": held}))
    result, _ = execute(rollout(service_ids=IDS[:1], report_path=str(tmp_path / "r.jsonl")))
    assert result["unchanged"] == 1
    for file in tmp_path.glob("r.*"):
        assert "ana@example.com" not in file.read_text()


def test_a_dag_file_that_names_the_operator_loads_neither_the_models_nor_the_rollout() -> None:
    code = (
        "import sys; import onlive_provider.operators.rollout;"
        "print([name for name in sys.modules if name.startswith(('onlive_provider.rollout', 'onlive_provider.models',"
        "'onlive_provider.bulk', 'aiohttp'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def page_data(path: Path) -> Any:
    page = path.read_text(encoding="utf-8")
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page).group(1))  # type: ignore[union-attr]


def test_the_page_draws_the_season_and_names_the_services(twenty: Fleet, execute: Execute, tmp_path: Path) -> None:
    execute(rollout(report_path=str(tmp_path / "r.jsonl")))
    data = page_data(tmp_path / "r.html")
    (season,) = data["timeline"]["groups"][0]["seasons"]
    assert (season["name"], season["timezone"]) == (SUMMER.name, SUMMER.timezone)
    assert len(data["outcomes"]) == 20
    assert all(each["timeline"] and each["name"] != each["id"] for each in data["outcomes"])


@pytest.mark.parametrize(
    ("mode", "held", "lost"),
    [("add", [SPRING_RANGE], 0), ("remove", [WHOLE_YEAR], 93), ("replace", [SPRING_RANGE], 61)],
)
def test_the_page_tells_what_each_mode_closes_and_no_service_that_does_not_match(
    mode: str, held: list[Any], lost: int, make_fleet: MakeFleet, execute: Execute, tmp_path: Path
) -> None:
    make_fleet([service(number, dateRanges=held) for number in range(20)])
    execute(rollout(mode=mode, report_path=str(tmp_path / "r.jsonl")))
    data = page_data(tmp_path / "r.html")
    assert data["timeline"]["mode"] == mode
    rows = [row for outcome in data["outcomes"] for row in outcome["timeline"]]
    assert [row["lostDays"] for row in rows] == [lost] * 20
    assert not any("mismatch" in row for row in rows)


def test_the_page_draws_the_local_days_of_calendars(make_fleet: MakeFleet, execute: Execute, tmp_path: Path) -> None:
    calendar = {"id": ID, "name": "Alba", "type": "agent"}
    dates = {"include": [["2027-03-01", "2027-04-30"]], "exclude": [["2027-08-15", "2027-08-15"]]}
    held = {"calendarId": ID, "active": True, "type": "agent", "restrictionDates": dates}
    make_fleet([service(number, calendars=[held]) for number in range(2)], calendars=(calendar,))
    season = Season("summer", "2027-06-15", "2027-09-15", "Pacific/Kiritimati")
    options: dict[str, Any] = {"service_ids": IDS[:2], "target": "restrictionDates", "season": season, "batches": (1,)}
    execute(rollout(report_path=str(tmp_path / "r.jsonl"), **options))
    data = page_data(tmp_path / "r.html")
    assert data["timeline"]["target"] == "restrictionDates"
    assert {each["outcome"] for each in data["outcomes"]} == {"updated", "not_attempted"}
    for outcome in data["outcomes"]:
        (row,) = outcome["timeline"]
        assert [span[2:] for span in row["gained"]] == [["2027-06-15", "2027-09-15"]]
        assert [span[2:] for span in row["closedAfter"]] == [["2027-08-15", "2027-08-15"]]
        assert (row["gainedDays"], row["lostDays"], row.get("mismatch")) == (93, 0, None)


def test_service_ids_that_rendered_to_nothing_are_refused_by_their_name(twenty: Fleet, execute: Execute) -> None:
    operator = rollout(service_ids="{{ none }}")
    operator.service_ids = None
    with pytest.raises(errors.OnlivePayloadError, match=r"service_ids: got null \(None\)"):
        execute(operator)
    assert twenty.front.requests == []


@pytest.mark.parametrize("personal_data", [False, True])
def test_an_address_in_the_plan_is_in_xcom_only_where_the_author_asks_for_it(
    personal_data: bool, make_fleet: MakeFleet, execute: Execute
) -> None:
    make_fleet([service(0, name="Ask ana.lopez@example.com")])
    options: dict[str, Any] = {"service_ids": IDS[:1], "plan_only": True, "xcom_personal_data": personal_data}
    done, _ = execute(rollout(**options))
    assert ("Ask ana.lopez@example.com" in done["plan_table"]) is personal_data
    assert ("Ask <hidden>" in done["plan_table"]) is not personal_data
