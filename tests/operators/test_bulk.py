"""The operators that update many records in one task, from the input to red or green."""

from __future__ import annotations

import inspect
import io
import json
import logging
import pickle
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from onlive_provider.bulk import task_run
from onlive_provider.errors import OnlivePayloadError, OnliveRecordsFailedError, OnliveRecordsToRetryError
from onlive_provider.operators import bulk_task
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator, BulkUpdateServicesOperator

try:
    from airflow.sdk.definitions._internal.mixins import ResolveMixin
except ImportError:  # Airflow 2.11
    from airflow.template.templater import LiteralValue

    (ResolveMixin,) = LiteralValue.__bases__

from tests.bulk.child import task_instance
from tests.bulk.server import ManyRecords, record_id
from tests.operators.conftest import connection_to

PARAMETERS = {
    "updates",
    "updates_path",
    "id_field",
    "fields",
    "on_null",
    "timezone",
    "only_changed",
    "plan_only",
    "on_record_error",
    "max_changes",
    "snapshot_path",
    "snapshot_max_age",
    "allowed_failures",
    "concurrency",
    "report_path",
    "report_personal_data",
    "rejects_path",
    "xcom_fields",
    "xcom_personal_data",
    "onlive_conn_id",
}
PLENTY = {"reads_per_minute": 100_000, "writes_per_minute": 100_000}
EMAIL = "ana.lopez@example.com"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ManyRecords]:
    with ManyRecords(100) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server, **PLENTY))
        yield server


def run(operator: Any, **context: Any) -> dict[str, Any]:
    return operator.execute({"ti": task_instance(), **context})


def update(updates: Any = None, **arguments: Any) -> BulkUpdateAppointmentsOperator:
    return BulkUpdateAppointmentsOperator(task_id="update", updates=updates, **arguments)


def titles(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": record_id(number), "title": f"title {number}"} for number in numbers]


def read_report(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("operator", [BulkUpdateAppointmentsOperator, BulkUpdateServicesOperator])
def test_the_operators_take_the_documented_parameters(operator: type) -> None:
    own = [c for c in operator.__mro__ if c.__module__.startswith("onlive_provider")]
    names = {name for c in own for name in inspect.signature(c.__init__).parameters}  # type: ignore[misc]
    assert names - {"self", "kwargs"} == PARAMETERS


@pytest.mark.parametrize("operator", [BulkUpdateAppointmentsOperator, BulkUpdateServicesOperator])
def test_what_varies_by_run_is_templated_and_no_text_is_taken_for_a_template_file(operator: Any) -> None:
    wanted = {"onlive_conn_id", "updates", "updates_path", "timezone", "plan_only", "allowed_failures", "report_path"}
    assert {"max_changes", *wanted} <= set(operator.template_fields)
    assert operator.template_ext == ()


def test_nothing_that_is_templated_is_checked_when_the_dag_is_parsed() -> None:
    templated = {"updates", "fields", "timezone", "plan_only", "allowed_failures", "report_path", "onlive_conn_id"}
    templated.add("max_changes")
    operator = update(**dict.fromkeys(templated, "{{ later }}"))
    assert {getattr(operator, name) for name in templated} == {"{{ later }}"}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({}, "updates, updates_path: give one of the two"),
        ({"updates": [], "updates_path": "x.csv"}, "updates, updates_path: give one of the two"),
        ({"updates": [], "on_null": "keep"}, "on_null: 'keep' is not accepted; accepted are 'omit' and 'clear'"),
        ({"updates": [], "on_record_error": "skip"}, "on_record_error: 'skip' is not accepted"),
        ({"updates": [], "concurrency": 0}, "concurrency: 0 is not accepted; accepted are whole numbers from 1 to 256"),
        ({"updates": [], "xcom_fields": "total"}, "xcom_fields: 'total' is one string"),
    ],
)
def test_what_no_template_can_change_is_checked_when_the_dag_is_parsed(arguments: Any, named: str) -> None:
    with pytest.raises((TypeError, ValueError), match=named):
        BulkUpdateAppointmentsOperator(task_id="update", **arguments)


def test_a_dag_file_is_parsed_without_loading_what_a_run_needs() -> None:
    late = (
        "aiohttp",
        "pyarrow",
        "onlive_provider.bulk",
        "onlive_provider.bulk.rows",
        "onlive_provider.models.appointment",
    )
    code = f"import sys, onlive_provider.operators.bulk; print([name for name in {late} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_only_what_changed_is_written_and_every_row_has_its_outcome(server: ManyRecords, tmp_path: Path) -> None:
    rows = [*titles(0, 1), {"id": record_id(2), "title": "as it was"}]
    result = run(update(rows, report_path=str(tmp_path / "deep" / "report.jsonl")))
    assert result == {
        "total": 3,
        "updated": 2,
        "unchanged": 1,
        "skipped": 0,
        "failed": 0,
        "not_attempted": 0,
        "planned": 0,
        "failures": [],
        "report_path": str(tmp_path / "deep" / "report.jsonl"),
    }
    assert server.writes == {record_id(0): 1, record_id(1): 1}
    assert server.record(0)["title"] == "title 0"
    first, _, last = read_report(tmp_path / "deep" / "report.jsonl")
    assert first.pop("task") == {"dag_id": "nightly", "run_id": "run", "task_id": "update", "map_index": -1}
    assert first == {
        "index": 0,
        "resource": "appointment",
        "id": record_id(0),
        "outcome": "updated",
        "before": {"title": "as it was"},
        "after": {"title": "title 0"},
        "updatedAt": server.record(0)["updatedAt"],
        "attempts": 2,
    }
    assert (last["outcome"], last["attempts"]) == ("unchanged", 1)
    page = (tmp_path / "deep" / "report.html").read_text("utf-8")
    assert "update: outcomes" in page
    assert "nightly" in page
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["report.html", "report.jsonl"]


def test_the_report_is_in_the_callers_order_whatever_finishes_first(server: ManyRecords, tmp_path: Path) -> None:
    put_off: list[Any] = []

    def put_off_the_first(seen: Any) -> Any:
        if seen.id == record_id(0) and not put_off:
            put_off.append(seen)
            return 500, {}, {"Retry-After": "1"}
        return None

    server.before = put_off_the_first
    run(update(titles(*range(30)), report_path=str(tmp_path / "r.jsonl"), concurrency=4))
    ids = [seen.id for seen in server.requests]
    assert ids.index(record_id(3)) < len(ids) - 1 - ids[::-1].index(record_id(0)), "the first row ends after others"
    assert [line["index"] for line in read_report(tmp_path / "r.jsonl")] == list(range(30))


def test_one_bad_row_makes_the_task_red_after_all_others_are_done_and_reported(
    server: ManyRecords, tmp_path: Path
) -> None:
    rows = titles(*range(60))
    rows[30] = {"id": record_id(30), "title": "x", "titel": "y"}
    path = tmp_path / "r.jsonl"
    with pytest.raises(OnliveRecordsFailedError) as caught:
        run(update(rows, report_path=str(path)))
    assert isinstance(caught.value, AirflowFailException)
    assert str(caught.value).startswith("1 of 60 records failed (59 updated, 1 failed)\n")
    assert f"\nrow 30, {record_id(30)}:\n  - titel: is not a field" in str(caught.value)
    assert str(caught.value).endswith(f"The report is {path}; its page is {path.with_suffix('.html')}.")
    outcomes = read_report(path)
    assert [each["outcome"] for each in outcomes].count("updated") == 59
    assert outcomes[30]["error"] == "OnlivePayloadError"
    assert outcomes[30]["fieldErrors"][0]["field"] == "titel"
    assert pickle.loads(pickle.dumps(caught.value)).counts == caught.value.counts


def test_an_error_leaves_the_operator_without_the_frames_that_it_went_through(server: ManyRecords) -> None:
    for operator in (update([{"id": "no id"}]), update([], allowed_failures="many")):
        with pytest.raises((OnliveRecordsFailedError, OnlivePayloadError)) as caught:
            run(operator)
        ours = [each.name for each in traceback.extract_tb(caught.tb) if "onlive_provider" in each.filename]
        assert ours in ([], ["execute"])


def test_of_ten_thousand_rows_one_is_bad_and_every_other_has_its_right_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"id": record_id(number), "title": "new" if number % 20 == 0 else "as it was"} for number in range(10_000)]
    rows[7_730]["title"] = 5
    differ = {record_id(number) for number in range(0, 10_000, 20)}
    source, path = tmp_path / "rows.jsonl", tmp_path / "report.jsonl"
    source.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    with ManyRecords(10_000) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server, **PLENTY))
        with pytest.raises(OnliveRecordsFailedError, match=r"1 of 10,000 records failed .*\nline 7731, ") as caught:
            run(update(updates_path=str(source), report_path=str(path)))
        assert dict(server.writes) == dict.fromkeys(differ, 1)
    counts = caught.value.counts
    assert (counts["updated"], counts["unchanged"], counts["failed"], counts["total"]) == (500, 9_499, 1, 10_000)
    for number, line in enumerate(read_report(path)):
        wanted = "failed" if number == 7_730 else "updated" if record_id(number) in differ else "unchanged"
        assert (line["index"], line["id"], line["outcome"]) == (number, record_id(number), wanted)
        assert line.get("before", {}) == ({"title": "as it was"} if wanted == "updated" else {})
    assert number == 9_999


def test_an_error_that_has_to_fit_into_a_logs_view_holds_three_failures_and_the_result_twenty(
    server: ManyRecords,
) -> None:
    names = ("titel", "stat", "endd", "langg", "reminder", "guest", "descriptio", "evnt")
    with pytest.raises(OnliveRecordsFailedError) as caught:
        run(update([{"id": record_id(index), names[index]: "x"} for index in range(8)]))
    assert str(caught.value).splitlines()[1:-1] == [
        f"row 0, {record_id(0)}:",
        '  - titel: is not a field of an appointment update; did you mean "title"?',
        f"row 1, {record_id(1)}:",
        '  - stat: is not a field of an appointment update; did you mean "state"?',
        f"row 2, {record_id(2)}:",
        '  - endd: is not a field of an appointment update; did you mean "end"?',
        "and 5 more",
    ]
    with pytest.raises(OnliveRecordsFailedError) as caught:
        run(update([{"id": "no id"} for _ in range(25)]))
    assert "Give `report_path`" in str(caught.value)
    assert len(caught.value.failures) == 20


@pytest.mark.parametrize(
    ("allowed", "green"), [(0, False), (1, False), (2, True), ("2", True), ("1%", False), ("20 %", True), ("5%", False)]
)
def test_the_task_is_red_if_more_failed_than_allowed(server: ManyRecords, allowed: Any, green: bool) -> None:
    operator = update([*titles(*range(8)), {"id": "x"}, {"id": "y"}], allowed_failures=allowed)
    if green:
        assert run(operator)["failed"] == 2
    else:
        with pytest.raises(OnliveRecordsFailedError):
            run(operator)


@pytest.mark.parametrize("allowed", [-1, "five", "101%", True, None, 1.5, "{{ later }}"])
def test_a_limit_that_is_none_is_refused_before_any_call(server: ManyRecords, allowed: Any) -> None:
    with pytest.raises(OnlivePayloadError, match="allowed_failures: got"):
        run(update(titles(0), allowed_failures=allowed))
    assert server.requests == []


def test_every_argument_that_cannot_be_used_is_told_at_once(server: ManyRecords) -> None:
    operator = update(
        "no json",
        fields="title",
        timezone="Mars/Phobos",
        plan_only="perhaps",
        allowed_failures="x",
        report_path="report.html",
    )
    with pytest.raises(OnlivePayloadError) as caught:
        run(operator)
    named = {each.field for each in caught.value.errors}
    assert named == {"updates", "fields", "timezone", "plan_only", "allowed_failures", "report_path"}
    assert isinstance(caught.value, AirflowFailException)
    assert server.requests == []


def test_a_repeated_id_fails_for_the_later_rows_and_is_named(server: ManyRecords) -> None:
    again = {"id": record_id(1).upper(), "title": "another"}
    result = run(update([*titles(1, 2), again, again], allowed_failures=2))
    assert (result["updated"], result["failed"]) == (2, 2)
    assert [each["index"] for each in result["failures"]] == [2, 3]
    assert f"{record_id(1)}" in str(result["failures"])
    assert "an earlier row has this id already" in result["failures"][0]["message"]
    assert server.record(1)["title"] == "title 1"


@pytest.mark.parametrize(
    "row", [None, "text", 3, {}, {"title": "x"}, {"id": None}, {"id": "../x"}, {"id": record_id(5), "guests": [[[3]]]}]
)
def test_a_bad_row_fails_alone(server: ManyRecords, row: Any) -> None:
    result = run(update([*titles(1), row, *titles(2)], allowed_failures=1))
    assert (result["updated"], result["failed"]) == (2, 1)
    assert result["failures"][0]["index"] == 1
    assert result["failures"][0]["error"] == "OnlivePayloadError"


def test_rows_come_as_json_text_or_as_a_template_prints_them(server: ManyRecords) -> None:
    assert run(update(json.dumps(titles(0))))["updated"] == 1
    assert run(update(str(titles(1))))["updated"] == 1


def test_no_rows_are_green_and_make_no_call(server: ManyRecords) -> None:
    assert run(update([]))["total"] == 0
    assert server.requests == []


def test_a_row_of_gaps_only_changes_nothing(server: ManyRecords, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"id,title,description\n{record_id(0)},,NULL\n")
    assert run(update(updates_path=str(path)))["unchanged"] == 1
    assert server.writes == {}


def test_a_gap_clears_a_field_only_when_asked(server: ManyRecords, tmp_path: Path) -> None:
    server.fields["description"] = "there"
    path = tmp_path / "rows.csv"
    path.write_text(f"id,title,description\n{record_id(0)},new,\n{record_id(1)},new,NaN\n")
    run(update(updates_path=str(path)))
    run(update(updates_path=str(path), on_null="clear"))
    sent = [seen.patch for seen in server.requests if seen.method == "PUT"]
    assert sent == [{"title": "new"}] * 2 + [{"description": None}] * 2


def test_an_explicit_null_of_json_clears(server: ManyRecords, tmp_path: Path) -> None:
    server.fields["description"] = "there"
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"id": record_id(0), "description": None}))
    run(update(updates_path=str(path)))
    assert server.record(0)["description"] is None


def test_columns_are_mapped_to_fields_and_times_get_the_zone(server: ManyRecords, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"KEY,NAME,CITY,FROM,TO,NOISE\n{record_id(0)},new,Madrid,2030-07-01 10:00,2030-07-01T10:30:00,x\n")
    fields = {"NAME": "title", "CITY": "extraFields.city", "FROM": "start", "TO": "end"}
    run(update(updates_path=path.as_uri(), id_field="KEY", fields=fields, timezone="Europe/Madrid"))
    assert [seen.patch for seen in server.requests if seen.method == "PUT"] == [
        {
            "title": "new",
            "extraFields": {"city": "Madrid"},
            "start": "2030-07-01T08:00:00.000Z",
            "end": "2030-07-01T08:30:00.000Z",
        }
    ]


def test_a_bad_line_of_a_file_is_told_with_its_number(server: ManyRecords, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    good = "\n".join(json.dumps(row) for row in titles(0, 1))
    path.write_text(f"{good}\n{{oops\n{json.dumps({'id': record_id(2), 'start': 'soon'})}\n")
    with pytest.raises(OnliveRecordsFailedError) as caught:
        run(update(updates_path=str(path), report_path=str(tmp_path / "r.jsonl")))
    assert "\nline 3:\n" in str(caught.value)
    assert f"\nline 4, {record_id(2)}:\n" in str(caught.value)
    *_, broken, soon = read_report(tmp_path / "r.jsonl")
    assert (broken["line"], broken["outcome"]) == (3, "failed")
    assert soon["fieldErrors"][0]["field"] == "start"


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv", "rows.parquet"])
def test_a_file_that_is_not_there_is_refused(server: ManyRecords, tmp_path: Path, name: str) -> None:
    with pytest.raises(OnlivePayloadError, match=f"updates_path: .*{name} does not exist"):
        run(update(updates_path=str(tmp_path / name)))


def test_parquet_is_read(server: ManyRecords, tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = arrow.table({"id": [record_id(0), record_id(1)], "title": ["new", None]})
    parquet.write_table(table, tmp_path / "rows.parquet")
    result = run(update(updates_path=str(tmp_path / "rows.parquet")))
    assert (result["updated"], result["unchanged"]) == (1, 1)


def test_a_plan_sends_nothing_and_reports_what_it_would(server: ManyRecords, tmp_path: Path) -> None:
    rows = [*titles(0), {"id": record_id(1), "title": "as it was"}]
    result = run(update(rows, plan_only="true", report_path=str(tmp_path / "r.jsonl")))
    assert (result["planned"], result["unchanged"]) == (1, 1)
    assert server.writes == {}
    head, first, _ = read_report(tmp_path / "r.jsonl")
    assert head["plan"]["rows"] == 2
    assert first["after"] == {"title": "title 0"}


def test_blind_writes_read_nothing(server: ManyRecords) -> None:
    assert run(update([{"id": record_id(0), "title": "as it was"}], only_changed=False))["updated"] == 1
    assert [seen.method for seen in server.requests] == ["PUT"]


def test_after_an_error_the_rest_is_left_alone_when_asked_and_the_task_is_red(
    server: ManyRecords, tmp_path: Path
) -> None:
    rows = [*titles(0), {"id": "bad"}, *titles(*range(1, 50))]
    operator = update(
        rows, on_record_error="stop", allowed_failures=5, concurrency=1, report_path=str(tmp_path / "r.jsonl")
    )
    with pytest.raises(OnliveRecordsFailedError, match="1 updated, 1 failed, 49 not_attempted"):
        run(operator)
    assert len(server.writes) == 1
    assert [each["outcome"] for each in read_report(tmp_path / "r.jsonl")[2:]] == ["not_attempted"] * 49
    assert not (tmp_path / "r.jsonl.run").exists()


@pytest.mark.parametrize("more", [{}, {"max_changes": 50}])
def test_a_retry_leaves_the_rest_alone_too_after_an_error_that_stands(
    server: ManyRecords, tmp_path: Path, more: dict[str, Any]
) -> None:
    def update_all() -> Any:
        path = str(tmp_path / "r.jsonl")
        return run(update(titles(*range(50)), on_record_error="stop", concurrency=2, report_path=path, **more))

    answers = {
        record_id(0): (429, {"message": "Later"}, {"Retry-After": "9999"}),
        record_id(1): (404, {"message": "No"}),
    }
    server.before = lambda seen: answers.get(seen.id)
    with pytest.raises(OnliveRecordsToRetryError, match="2 failed, 48 not_attempted"):
        update_all()
    del answers[record_id(0)]
    server.requests.clear()
    with pytest.raises(OnliveRecordsFailedError, match="1 failed, 49 not_attempted") as caught:
        update_all()
    assert isinstance(caught.value, AirflowFailException)
    assert server.requests == []


def test_a_service_is_checked_against_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    with ManyRecords(2, minTimeToSchedule=5, maxTimeToSchedule=10) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server))
        rows = [{"id": record_id(0), "maxTimeToSchedule": 3}, {"id": record_id(1), "maxTimeToSchedule": 30}]
        result = run(BulkUpdateServicesOperator(task_id="update", updates=rows, allowed_failures=1))
        assert (result["failed"], result["updated"]) == (1, 1)
        assert "TimeToSchedule" in result["failures"][0]["message"]
        assert server.writes == {record_id(1): 1}


@pytest.mark.parametrize("keeps_report", [True, False])
def test_a_retry_sends_only_what_may_go_well_this_time(
    server: ManyRecords, tmp_path: Path, keeps_report: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server, **PLENTY, max_attempts=1))
    server.before = lambda seen: (503, {"message": "later"}) if seen.id == record_id(1) else None
    path = tmp_path / "r.jsonl"
    arguments = {"report_path": str(path)} if keeps_report else {}
    context = {} if keeps_report else {"task_state_store": Store()}
    rows = [*titles(0, 1), {"id": "bad"}, {"id": record_id(3), "title": "as it was"}]
    with pytest.raises(OnliveRecordsToRetryError) as caught:
        run(update(rows, **arguments), **context)
    assert not isinstance(caught.value, AirflowFailException)
    server.before = lambda seen: None
    server.requests.clear()
    with pytest.raises(OnliveRecordsFailedError, match="2 updated, 1 unchanged, 1 failed") as caught:
        run(update(rows, **arguments), **context)
    assert isinstance(caught.value, AirflowFailException)
    assert "\nrow 2:\n  - id: got str" in str(caught.value)
    assert [(seen.method, seen.id) for seen in server.requests] == [("GET", record_id(1)), ("PUT", record_id(1))]
    if keeps_report:
        lines = read_report(path)
        assert [each["outcome"] for each in lines] == ["updated", "updated", "failed", "unchanged"]
        assert lines[0]["before"] == {"title": "as it was"}
        assert sorted(each.name for each in tmp_path.iterdir()) == ["r.html", "r.jsonl"]
    else:
        assert context["task_state_store"].values == {}


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_server_that_wants_to_be_left_alone_for_long_is_and_a_retry_does_the_rest(
    server: ManyRecords, tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def close_at_the_twentieth(seen: Any) -> Any:
        closed = len([each for each in server.requests if each.method == method]) >= 20
        return (503, {}, {"Retry-After": "3600"}) if closed and seen.method == method else None

    server.before = close_at_the_twentieth
    operator = update(titles(*range(100)), report_path=str(tmp_path / "report.jsonl"))
    # As long as a call waits at most, everybody leaves the server alone: here, hardly at all.
    monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server, **PLENTY, max_elapsed=0))
    with pytest.raises(OnliveRecordsToRetryError, match=r"The server asked to wait 3,600 s; a retry") as caught:
        run(operator)
    assert caught.value.retry_after == 3600
    assert 0 < caught.value.counts["failed"] <= 16
    assert caught.value.counts["updated"] + caught.value.counts["failed"] + caught.value.counts["not_attempted"] == 100
    assert len([each for each in server.requests if each.method == method]) <= 19 + 16

    server.before = lambda seen: None
    assert run(operator)["updated"] == 100
    assert set(server.writes.values()) == {1}


def test_a_wait_that_is_short_enough_is_waited_for_and_nothing_is_left_alone(server: ManyRecords) -> None:
    refused: list[str] = []

    def put_off_one(seen: Any) -> Any:
        if seen.method == "PUT" and not refused:
            refused.append(seen.id)
            return 503, {}, {"Retry-After": "1"}
        return None

    server.before = put_off_one
    assert run(update(titles(*range(20))))["updated"] == 20


@pytest.mark.parametrize(
    ("rows", "instance"),
    [
        (titles(0, 1), {"max_tries": 3}),
        (titles(0, 1), {"run_id": "another"}),
        (titles(0, 1), {"map_index": 1}),
        (titles(1, 0), {}),
    ],
)
@pytest.mark.parametrize("keeps_report", [True, False])
def test_a_cleared_task_and_another_input_start_afresh(
    server: ManyRecords, tmp_path: Path, rows: Any, instance: dict[str, Any], keeps_report: bool
) -> None:
    arguments = {"report_path": str(tmp_path / "r.jsonl")} if keeps_report else {}
    context = {} if keeps_report else {"task_state_store": Store()}
    operator = update(titles(0, 1), **arguments)
    server.after = lambda seen: operator.on_kill() if seen.id == record_id(0) and seen.method == "PUT" else None
    operator.concurrency = 1
    with pytest.raises(Exception, match="told to stop"):
        run(operator, **context)
    server.after = lambda seen: None
    server.requests.clear()
    run(update(rows, **arguments), ti=task_instance(**instance), **context)
    assert {seen.id for seen in server.requests} == {record_id(0), record_id(1)}


def test_a_retry_on_a_changed_file_begins_anew_and_says_so(
    server: ManyRecords, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, store = tmp_path / "rows.csv", Store()
    path.write_text(f"id,title\n{record_id(0)},new\n{record_id(1)},new\n")
    operator = update(updates_path=str(path), concurrency=1)
    server.after = lambda seen: operator.on_kill() if seen.method == "PUT" else None
    with pytest.raises(Exception, match="told to stop"):
        run(operator, task_state_store=store)
    server.after = lambda seen: None
    path.write_text(f"id,title\n{record_id(1)},newer\n")
    assert run(update(updates_path=str(path)), task_state_store=store)["total"] == 1
    assert server.record(1)["title"] == "newer"
    assert caplog.text.count("has changed since the last try: the task begins anew") == 1


def test_the_same_rows_for_another_kind_of_record_start_afresh(server: ManyRecords, tmp_path: Path) -> None:
    from onlive_provider.hooks.arguments import ArgumentReader

    rows = [{"id": record_id(0), "extraFields": {"a": "b"}}]
    prints = {
        kind(task_id="update", updates=rows).read_work(ArgumentReader()).fingerprint
        for kind in (BulkUpdateAppointmentsOperator, BulkUpdateServicesOperator)
    }
    assert len(prints) == 2


def test_guests_data_stays_out_of_the_report_unless_asked_for(
    server: ManyRecords, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.fields["guests"] = [{"email": "old@example.com", "extraFields": {"phone": "+34600000001"}}]
    rows = [{"id": record_id(0), "guests": [{"email": EMAIL, "extraFields": {"phone": "+34600000002"}}]}]
    rows += [{"id": EMAIL, "title": "x"}]
    caplog.set_level(logging.DEBUG)
    result = run(update(rows, report_path=str(tmp_path / "r.jsonl"), allowed_failures=1))
    shown = (tmp_path / "r.jsonl").read_text() + (tmp_path / "r.html").read_text() + json.dumps(result) + caplog.text
    for secret in (EMAIL, "old@example.com", "34600000001", "34600000002"):
        assert secret not in shown
    server.changed.clear()
    run(update(rows, report_path=str(tmp_path / "r.jsonl"), allowed_failures=1, report_personal_data=True))
    assert read_report(tmp_path / "r.jsonl")[0]["before"]["guests"] == server.fields["guests"]


def test_the_result_stays_small_whatever_fails(server: ManyRecords) -> None:
    server.before = lambda seen: (422, {"message": "😀" * 5_000, "errors": ["ñ" * 5_000] * 50})
    result = run(update(titles(*range(60)), allowed_failures=60))
    assert len(result["failures"]) == 20
    assert len(json.dumps(result)) < 48_000


def test_the_result_is_narrowed_to_the_fields_asked_for(server: ManyRecords) -> None:
    assert run(update(titles(0), xcom_fields=["total", "updated"])) == {"total": 1, "updated": 1}


@pytest.mark.parametrize(("name", "hint"), [("updatd", 'did you mean "updated"?'), ("plan_table", "accepted: total, ")])
def test_an_xcom_field_that_no_result_has_is_refused_before_any_call(server: ManyRecords, name: str, hint: str) -> None:
    with pytest.raises(OnlivePayloadError, match="xcom_fields: ") as caught:
        run(update(titles(0), xcom_fields=["total", name]))
    (error,) = caught.value.errors
    assert hint in error.message
    assert server.requests == []


def test_a_configuration_that_cannot_be_used_leaves_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", '{"conn_type": "onlive"}')
    with pytest.raises(AirflowFailException, match="login"):
        run(update(titles(0), report_path=str(tmp_path / "r.jsonl")))
    assert list(tmp_path.iterdir()) == []


def test_a_file_whose_columns_cannot_be_used_fails_at_once(server: ManyRecords, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("key,title\n1,2\n")
    with pytest.raises(OnlivePayloadError, match="id_field: got 'id', which is not a column") as caught:
        run(update(updates_path=str(path), report_path=str(tmp_path / "out" / "r.jsonl")))
    assert isinstance(caught.value, AirflowFailException)
    assert not (tmp_path / "out" / "r.jsonl.run").exists()
    assert server.requests == []


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a task tell how far it is, and save what a retry needs, all the time."""
    for name in ("PROGRESS_EVERY", "SAVE_EVERY", "_SAVING_SHARE", "_LOOK_EVERY"):
        monkeypatch.setattr(task_run, name, 0.0)


@pytest.mark.usefixtures("no_patience")
def test_it_says_how_far_it_is_in_the_log_and_in_airflows_metrics(
    server: ManyRecords, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gauges: dict[str, Any] = {}
    monkeypatch.setattr(bulk_task.Stats, "gauge", lambda name, value, tags: gauges.update({name: (value, tags)}))
    path = tmp_path / "rows.csv"
    path.write_text("id,title\n" + "".join(f"{record_id(number)},new\n" for number in range(100)))
    task_log, told = logging.getLogger("airflow.task"), io.StringIO()  # 3.3 prints instead of logging here
    handler = logging.StreamHandler(told)
    monkeypatch.setattr(task_log, "handlers", [*task_log.handlers, handler])
    task_log.setLevel(logging.INFO)
    run(update(updates_path=str(path)))
    assert "a minute (budget 100,000 and 100,000)" in told.getvalue() + capfd.readouterr().out
    number, tags = gauges["onlive.bulk.updated"]
    assert (number, tags["task_id"], set(tags)) == (100, "update", {"dag_id", "task_id"})


@pytest.mark.usefixtures("no_patience")
def test_what_a_retry_needs_is_saved_as_the_run_goes(server: ManyRecords) -> None:
    store, seen_states = Store(), []

    def look(seen: Any) -> None:
        seen_states.append(bool(store.values))

    server.before = look
    run(update(titles(*range(100))), task_state_store=store)
    assert seen_states[-1]
    assert store.values == {}


@pytest.mark.usefixtures("no_patience")
def test_a_store_that_fails_does_not_stop_the_run(server: ManyRecords) -> None:
    class Away(Store):
        def set(self, key: str, value: Any) -> None:
            raise RuntimeError("the API server is away")

    assert run(update(titles(*range(100))), task_state_store=Away())["updated"] == 100


class Store:
    """What Airflow 3.3 puts into the context as ``task_state_store``."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def get(self, key: str, default: Any = None) -> Any:
        return json.loads(self.values[key]) if key in self.values else default

    def set(self, key: str, value: Any) -> None:
        self.values[key] = json.dumps(value)

    def delete(self, key: str) -> None:
        self.values.pop(key, None)


def test_fields_that_rendered_to_nothing_do_not_pass_for_left_out(server: ManyRecords) -> None:
    operator = update(titles(1), fields="{{ none }}")
    operator.fields = None  # as native rendering and an upstream task's output do
    with pytest.raises(OnlivePayloadError, match="fields: was given and rendered to nothing"):
        run(operator)
    assert server.requests == []


class Upstream(ResolveMixin):  # type: ignore[misc]
    """The output of an upstream task."""

    def __init__(self, output: Any) -> None:
        self.output = output

    def iter_references(self) -> Any:
        return ()

    def resolve(self, context: Any, **_: Any) -> Any:
        return self.output


@pytest.mark.parametrize("depth", [201, 3_000])
def test_an_input_on_which_airflow_would_fail_is_refused_when_it_is_rendered(server: ManyRecords, depth: int) -> None:
    deep: Any = "x"
    for _ in range(depth - 1):
        deep = {"a": deep}
    operator = update(Upstream([deep]))
    with pytest.raises(OnlivePayloadError, match="updates: is nested deeper than 200 levels") as caught:
        operator.render_template_fields({"ti": task_instance()})
    assert isinstance(caught.value, AirflowFailException)


def test_a_row_that_airflow_can_store_and_that_is_nested_too_deep_fails_alone(server: ManyRecords) -> None:
    deep: Any = "x"
    for _ in range(197):
        deep = {"a": deep}
    operator = update(Upstream([*titles(0), {"id": record_id(1), "extraFields": deep}, *titles(2)]))
    operator.render_template_fields({"ti": task_instance()})
    with pytest.raises(OnliveRecordsFailedError, match=r"\(2 updated, 1 failed\)") as caught:
        run(operator)
    assert "extraFields: is nested deeper than 64 levels" in caught.value.failures[0]["message"]


@pytest.mark.parametrize("depth", [900, 3_000])
def test_rows_that_are_nested_too_deep_for_a_fingerprint_fail_alone(server: ManyRecords, depth: int) -> None:
    deep: Any = "x"
    for _ in range(depth):
        deep = {"a": deep}
    operator = update([])
    operator.__dict__["updates"] = [*titles(0), {"id": record_id(1), "extraFields": deep}]
    with pytest.raises(OnliveRecordsFailedError, match=r"\(1 updated, 1 failed\)"):
        run(operator)


def test_text_that_is_nested_too_deep_is_refused_as_a_whole(server: ManyRecords) -> None:
    with pytest.raises(OnlivePayloadError, match=r"updates: got str .* which is nested too deep to be read; "):
        run(update("[" * 100_000 + "]" * 100_000))  # Python 3.13 reads 3,000
    assert server.requests == []


def test_an_end_before_the_stored_start_fails_its_row_before_the_write(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    record = {"start": "2030-03-10T08:00:00.000Z", "end": "2030-03-10T08:30:00.000Z"}
    with ManyRecords(2, **record) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server, **PLENTY))
        rows = [{"id": record_id(0), "end": "2030-03-10T07:00Z"}, {"id": record_id(1), "end": "2030-03-10T09:00Z"}]
        with pytest.raises(OnliveRecordsFailedError) as failed:
            run(update(rows))
        assert failed.value.counts["updated"] == 1
        assert "end: end would be 2030-03-10T07:00:00.000Z" in failed.value.failures[0]["message"]
        assert [request.method for request in server.requests].count("PUT") == 1
