"""`max_changes`: everything is compared first, and nothing is written if more would change than allowed."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from onlive_provider.bulk import task_run
from onlive_provider.errors import (
    OnliveInputError,
    OnlivePayloadError,
    OnliveRecordsFailedError,
    OnliveRecordsToRetryError,
    OnliveStoppedError,
    OnliveTooManyChangesError,
)
from onlive_provider.operators.bulk import BulkUpdateServicesOperator
from tests.bulk.child import start, task_instance
from tests.bulk.server import ManyRecords, Seen, record_id
from tests.bulk.shelf import Shelf
from tests.bulk.test_checkpoint import Store
from tests.documentation.blocks import block
from tests.operators.conftest import connection_to, impatient
from tests.operators.test_bulk import run, update

PLENTY = {"reads_per_minute": 100_000, "writes_per_minute": 100_000}
DIFFERING = range(0, 100, 5)
"""Of 100 rows."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ManyRecords]:
    with ManyRecords(100) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server, **PLENTY))
        yield server


def rows(differing: Any = DIFFERING, total: int = 100) -> list[dict[str, Any]]:
    """Return rows of which some change a title."""
    return [{"id": record_id(n), "title": "new" if n in differing else "as it was"} for n in range(total)]


def outcomes(path: Path) -> Counter[str]:
    read = map(json.loads, path.read_text("utf-8").splitlines())
    return Counter(line["outcome"] for line in read if "plan" not in line)


def each_written_once(server: ManyRecords, differing: Any = DIFFERING) -> bool:
    return server.writes == {record_id(number): 1 for number in differing}


def test_of_100_rows_40_differ_and_30_percent_may_so_nothing_is_written(server: ManyRecords, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    with pytest.raises(OnliveTooManyChangesError) as caught:
        run(update(rows(range(40)), max_changes="30%", report_path=str(path)))
    assert isinstance(caught.value, AirflowFailException)
    shown = "".join(f"  - row {number}, {record_id(number)}: title: set (value not shown)\n" for number in range(3))
    assert str(caught.value) == (
        "max_changes: 40 of 100 appointments would change, allowed: 30%. Nothing was written.\n"
        f"Fields: title 40. For example:\n{shown}"
        f"The report is {path}; its page is {tmp_path / 'r.html'}. "
        "What to do: look at the input; if it is right, raise `max_changes` and clear the task."
    )
    counts = caught.value.counts
    assert (counts["total"], counts["planned"], counts["unchanged"]) == (100, 40, 60)
    assert server.writes == {}
    assert outcomes(path) == {"planned": 40, "unchanged": 60}
    first = json.loads(path.read_text("utf-8").splitlines()[0])
    assert (first["before"], first["after"]) == ({"title": "as it was"}, {"title": "new"})
    assert sorted(each.name for each in tmp_path.iterdir()) == ["r.html", "r.jsonl"]


@pytest.mark.parametrize("limit", [20, "20", "20%", " 20 % ", 100, "100%"])
def test_as_many_as_allowed_are_written(server: ManyRecords, tmp_path: Path, limit: Any) -> None:
    path = tmp_path / "r.jsonl"
    result = run(update(rows(), max_changes=limit, report_path=str(path)))
    assert (result["total"], result["updated"], result["unchanged"], result["planned"]) == (100, 20, 80, 0)
    assert each_written_once(server)
    assert outcomes(path) == {"updated": 20, "unchanged": 80}
    first = json.loads(path.read_text("utf-8").splitlines()[0])
    assert (first["before"], first["after"]) == ({"title": "as it was"}, {"title": "new"})
    assert server.reads == {record_id(n): 2 if n in DIFFERING else 1 for n in range(100)}


@pytest.mark.parametrize("limit", [0, 19, "19", "19.9%", "0%"])
def test_one_more_than_allowed_is_too_many(server: ManyRecords, limit: Any) -> None:
    with pytest.raises(
        OnliveTooManyChangesError, match=r"Give `report_path` to get a report of every outcome\. What to"
    ):
        run(update(rows(), max_changes=limit))
    assert server.writes == {}


def test_zero_lets_a_table_through_that_changes_nothing(server: ManyRecords) -> None:
    assert run(update(rows(()), max_changes=0))["unchanged"] == 100


def test_no_write_leaves_before_the_last_row_was_compared(server: ManyRecords) -> None:
    run(update(rows(), max_changes=20))
    methods = [seen.method for seen in server.requests]
    assert methods[:100] == ["GET"] * 100
    assert "PUT" in methods


def test_services_are_called_services(server: ManyRecords) -> None:
    server.fields |= {"name": "Test drive", "minTimeToSchedule": 5, "maxTimeToSchedule": 10}
    updates = [{"id": record_id(number), "name": "new"} for number in range(3)]
    with pytest.raises(OnliveTooManyChangesError, match="max_changes: 3 of 3 services would change, allowed: 2"):
        run(BulkUpdateServicesOperator(task_id="update", updates=updates, max_changes=2))


@pytest.mark.parametrize("limit", ["", " ", "None", "many", -1, 1.5, "101%", True])
def test_a_limit_that_is_none_is_refused_before_any_call(server: ManyRecords, limit: Any) -> None:
    with pytest.raises(OnlivePayloadError, match="max_changes: got"):
        run(update(rows(), max_changes=limit))
    assert server.requests == []


def test_a_limit_that_rendered_to_nothing_does_not_let_everything_through(server: ManyRecords) -> None:
    operator = update(rows(), max_changes="{{ none }}")
    operator.max_changes = None  # as native rendering and an upstream task's output do
    with pytest.raises(OnlivePayloadError, match="max_changes: was given and rendered to nothing"):
        run(operator)
    assert server.requests == []


def test_a_limit_may_come_from_a_template() -> None:
    operator = update([], max_changes="{{ params.limit }}")
    operator.render_template_fields({"ti": task_instance(), "params": {"limit": "30%"}})
    assert operator.max_changes == "30%"


@pytest.mark.parametrize(("limit", "green"), [(20, True), (19, False)])
def test_a_plan_fails_too_if_more_would_change_than_allowed(
    server: ManyRecords, tmp_path: Path, limit: int, green: bool
) -> None:
    operator = update(rows(), max_changes=limit, plan_only=True, report_path=str(tmp_path / "r.jsonl"))
    if green:
        assert run(operator)["planned"] == 20
    else:
        with pytest.raises(OnliveTooManyChangesError, match="20 of 100 appointments would change, allowed: 19") as e:
            run(operator)
        assert e.value.counts["planned"] == 20
    assert outcomes(tmp_path / "r.jsonl") == {"planned": 20, "unchanged": 80}
    assert (len(server.requests), server.writes) == (100, {})


def test_every_valid_row_of_a_blind_update_is_a_change(server: ManyRecords) -> None:
    updates = [*rows((), 10), {"id": "bad"}]
    with pytest.raises(OnliveTooManyChangesError, match="10 of 11 appointments would change, allowed: 9"):
        run(update(updates, only_changed=False, max_changes=9, allowed_failures=1))
    assert server.writes == {}
    assert run(update(updates, only_changed=False, max_changes=10, allowed_failures=1))["updated"] == 10
    assert each_written_once(server, range(10))


def test_rows_that_fail_count_as_rows_and_do_not_stop_the_others(server: ManyRecords, tmp_path: Path) -> None:
    bad = [{"id": "bad"}, {"id": record_id(99), "title": 5}]
    path = tmp_path / "r.jsonl"
    with pytest.raises(OnliveRecordsFailedError, match=r"^2 of 4 records failed \(2 updated, 2 failed\)"):
        run(update([*rows((0, 1), 2), *bad], max_changes="50%", report_path=str(path)))
    assert each_written_once(server, range(2))
    with pytest.raises(OnliveTooManyChangesError) as caught:
        run(update([*rows((10, 11), 12)[10:], *bad], max_changes="49%"))
    assert "2 of 4 appointments would change, allowed: 49%" in str(caught.value)
    assert "\n2 of 4 records failed (2 failed, 2 planned)\nrow 2:\n  - " in str(caught.value)


def test_a_repeated_id_fails_for_the_later_row_only(server: ManyRecords) -> None:
    updates = [*rows((1,), 2), {"id": record_id(1), "title": "another"}]
    result = run(update(updates, max_changes=1, allowed_failures=1))
    assert (result["updated"], result["failed"], result["unchanged"]) == (1, 1, 1)
    assert server.record(1)["title"] == "new"


@pytest.mark.parametrize("place", [0, 50, 100])
def test_with_stop_on_an_error_one_failure_in_the_comparison_keeps_everything_from_being_written(
    server: ManyRecords, tmp_path: Path, place: int
) -> None:
    updates = rows()
    updates.insert(place, {"id": "bad"})
    path = tmp_path / "r.jsonl"
    operator = update(
        updates, max_changes=20, on_record_error="stop", allowed_failures=5, concurrency=1, report_path=str(path)
    )
    with pytest.raises(OnliveRecordsFailedError, match=r"^1 of 101 records failed \(") as caught:
        run(operator)
    assert isinstance(caught.value, AirflowFailException)
    assert server.writes == {}
    found = outcomes(path)
    assert (found["failed"], found.total()) == (1, 101)
    assert {name: number for name, number in caught.value.counts.items() if number and name != "total"} == found


def test_with_stop_on_an_error_a_failed_write_leaves_the_rest_alone(server: ManyRecords, tmp_path: Path) -> None:
    server.before = lambda seen: (422, {"message": "no"}) if seen.method == "PUT" and server.writes else None
    path = tmp_path / "r.jsonl"
    operator = update(rows(), max_changes=20, on_record_error="stop", concurrency=1, report_path=str(path))
    with pytest.raises(OnliveRecordsFailedError):
        run(operator)
    assert outcomes(path) == {"unchanged": 80, "updated": 1, "failed": 1, "not_attempted": 18}


def test_a_row_that_somebody_else_put_right_meanwhile_is_not_written(server: ManyRecords) -> None:
    def put_right(seen: Seen) -> None:
        if len(server.requests) == 100:
            server.changed[record_id(0)] = {"title": "new"}

    server.after = put_right  # type: ignore[assignment]
    result = run(update(rows(), max_changes=20))
    assert (result["updated"], result["unchanged"]) == (19, 81)
    assert each_written_once(server, DIFFERING[1:])


def test_no_guest_is_shown_in_the_error_nor_in_the_report(
    server: ManyRecords, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.fields["guests"] = [{"email": "old@example.com", "extraFields": {"phone": "+34600000001"}}]
    guests = [{"email": "ana.lopez@example.com", "extraFields": {"phone": "+34600000002"}}]
    updates = [{"id": record_id(0), "guests": guests, "agentComment": "called ana.lopez@example.com"}]
    caplog.set_level(logging.DEBUG)
    with pytest.raises(OnliveTooManyChangesError) as caught:
        run(update(updates, max_changes=0, report_path=str(tmp_path / "r.jsonl")))
    assert "guests: set (value not shown)" in str(caught.value)
    shown = str(caught.value) + caplog.text + "".join(each.read_text() for each in tmp_path.iterdir())
    for secret in ("ana.lopez", "old@example.com", "34600000001", "34600000002"):
        assert secret not in shown


@pytest.fixture
def hears_everything(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    """Make a task tell how far it is all the time, and return what it told."""
    for name in ("PROGRESS_EVERY", "SAVE_EVERY", "_SAVING_SHARE", "_LOOK_EVERY"):
        monkeypatch.setattr(task_run, name, 0.0)
    task_log, told = logging.getLogger("airflow.task"), io.StringIO()  # 3.3 prints instead of logging here
    monkeypatch.setattr(task_log, "handlers", [*task_log.handlers, logging.StreamHandler(told)])
    task_log.setLevel(logging.INFO)
    return lambda: told.getvalue() + capfd.readouterr().out


@pytest.mark.parametrize("given", [{"max_changes": 20}, {}, {"max_changes": 20, "plan_only": True}])
def test_the_lines_of_progress_say_which_pass_it_is_where_there_are_two(
    server: ManyRecords, hears_everything: Any, given: dict[str, Any]
) -> None:
    run(update(rows(), **given))
    told = hears_everything()
    assert re.search(r"\d+ of 100 \(\d+ %\) done", told)
    has_two = given == {"max_changes": 20}
    assert bool(re.search(r"Comparing: \d+ of 100 \(\d+ %\) done", told)) is has_two
    assert bool(re.search(r"Writing: \d+ of 20 \(\d+ %\) done", told)) is has_two
    assert ("max_changes: 20 of 100 appointments would change, allowed: 20" in told) is ("max_changes" in given)


def stop_at(server: ManyRecords, operator: Any, method: str, number: int) -> None:
    def count(seen: Seen) -> None:
        if seen.method == method and sum(each.method == method for each in server.requests) == number:
            operator.on_kill()

    server.before = count  # type: ignore[assignment]


@pytest.mark.parametrize(("method", "number"), [("GET", 1), ("GET", 30), ("GET", 100), ("PUT", 1), ("PUT", 10)])
@pytest.mark.parametrize("memory", ["report", "object store", "state store"])
def test_a_task_that_is_stopped_in_either_pass_gives_each_row_one_outcome_and_its_retry_does_the_rest(
    server: ManyRecords, tmp_path: Path, memory: str, method: str, number: int
) -> None:
    shelf, context, arguments = Shelf(tmp_path / "shelf"), {}, {}
    if memory == "state store":
        context = {"task_state_store": Store()}
    else:
        arguments = {"report_path": str(tmp_path / "r.jsonl") if memory == "report" else "shelf://r.jsonl"}
    first, second = (update(rows(), max_changes=20, concurrency=2, **arguments) for _ in range(2))
    first.storage = second.storage = shelf
    stop_at(server, first, method, number)
    with pytest.raises(OnliveStoppedError, match="told to stop; its outcomes so far: 100 total, "):
        run(first, **context)
    written = dict(server.writes)
    assert len(written) < 20
    if memory == "report":
        found = outcomes(tmp_path / "r.jsonl")
        assert (found.total(), found["updated"]) == (100, len(written))
        assert bool(found["planned"]) is (method == "GET")
    server.before = lambda seen: None
    server.requests.clear()
    result = run(second, **context)
    assert (result["total"], result["updated"], result["unchanged"]) == (100, 20, 80)
    assert each_written_once(server)
    assert not {seen.id for seen in server.requests} & set(written), "what was written is not read again"
    if memory == "report":
        assert outcomes(tmp_path / "r.jsonl") == {"updated": 20, "unchanged": 80}


@pytest.mark.parametrize("remote", [False, True])
@pytest.mark.parametrize(("limit", "green"), [(20, True), (19, False), (None, True)])
def test_a_retry_after_a_kill_counts_what_was_written_and_compares_nothing_twice(
    server: ManyRecords, tmp_path: Path, remote: bool, limit: int | None, green: bool
) -> None:
    target: Future[int] = Future()

    def kill_at_the_tenth(seen: Seen) -> Any:
        if seen.method == "PUT" and len(server.writes) == 9:
            os.kill(target.result(10), signal.SIGKILL)
            return ManyRecords.SILENT
        return None

    server.before = kill_at_the_tenth
    path = tmp_path / "r.jsonl"
    report = "shelf://r.jsonl" if remote else str(path)
    given = {"updates": rows(), "report_path": report, "concurrency": 1}
    shelf = tmp_path / "shelf" if remote else None
    process = start(os.environ["AIRFLOW_CONN_ONLIVE_DEFAULT"], {**given, "max_changes": 20}, shelf=shelf)
    target.set_result(process.pid or 0)
    process.join(30)
    assert (process.exitcode, len(server.writes)) == (-signal.SIGKILL, 9)
    server.before = lambda seen: None
    server.requests.clear()
    retry = start(os.environ["AIRFLOW_CONN_ONLIVE_DEFAULT"], {**given, "max_changes": limit}, shelf=shelf)
    retry.join(30)
    assert retry.exitcode == (0 if green else 1)
    assert len(server.writes) == (20 if green else 9)
    assert set(server.writes.values()) == {1}
    if green and not remote:
        # The tenth was announced, so it was looked up before it was read to be compared and written.
        announced = record_id(DIFFERING[9])
        rest = {record_id(number): 1 for number in DIFFERING[10:]}
        assert {each: number for each, number in server.reads.items() if each != announced} == rest
    if not remote:
        assert outcomes(path) == (
            {"updated": 20, "unchanged": 80} if green else {"updated": 9, "planned": 11, "unchanged": 80}
        )


def test_the_error_of_a_retry_says_what_the_earlier_try_wrote(server: ManyRecords, tmp_path: Path) -> None:
    arguments = {"report_path": str(tmp_path / "r.jsonl"), "concurrency": 1}
    first = update(rows(), max_changes=20, **arguments)
    stop_at(server, first, "PUT", 5)
    with pytest.raises(OnliveStoppedError):
        run(first)
    server.before = lambda seen: None
    server.requests.clear()
    with pytest.raises(OnliveTooManyChangesError) as caught:
        run(update(rows(), max_changes=19, **arguments))
    assert str(caught.value).startswith(
        "max_changes: 20 of 100 appointments would change, allowed: 19. An earlier try of this task wrote 5 of "
        "them; this one wrote nothing.\nFields: title 20. For example:\n  - row 25, "
    )
    assert server.requests == []


def test_what_an_earlier_try_only_planned_is_written_by_a_retry_without_the_limit(
    server: ManyRecords, tmp_path: Path
) -> None:
    arguments = {"report_path": str(tmp_path / "r.jsonl"), "concurrency": 1}
    first = update(rows(), max_changes=20, **arguments)
    stop_at(server, first, "GET", 60)
    with pytest.raises(OnliveStoppedError):
        run(first)
    server.before = lambda seen: None
    result = run(update(rows(), **arguments))
    assert (result["updated"], result["planned"]) == (20, 0)
    assert each_written_once(server)


def test_after_the_brake_a_cleared_task_with_a_higher_limit_writes(server: ManyRecords, tmp_path: Path) -> None:
    arguments = {"report_path": str(tmp_path / "r.jsonl")}
    with pytest.raises(OnliveTooManyChangesError):
        run(update(rows(), max_changes=19, **arguments))
    result = run(update(rows(), max_changes=20, **arguments), ti=task_instance(max_tries=2))
    assert result["updated"] == 20
    assert sorted(each.name for each in tmp_path.iterdir()) == ["r.html", "r.jsonl"]


def test_after_the_brake_nothing_stays_in_the_state_store(server: ManyRecords) -> None:
    store = Store()
    with pytest.raises(OnliveTooManyChangesError):
        run(update(rows(), max_changes=19), task_state_store=store)
    assert store.values == {}


@pytest.mark.parametrize("made", [True, False])
def test_a_write_without_an_answer_is_settled_before_anything_is_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, made: bool
) -> None:
    for server in impatient(monkeypatch):
        lost: list[Seen] = []

        def lose(seen: Seen, lost: list[Seen] = lost) -> Any:
            if seen.id == record_id(2) and (lost or seen.method == "PUT"):
                lost.append(seen)
                return 500, {"message": "Oh"}
            return None

        server.before, server.after = (lambda seen: None, lose) if made else (lose, lambda seen: None)
        path, differing = tmp_path / "r.jsonl", (0, 2, 4)
        arguments = {"report_path": str(path), "concurrency": 1}
        with pytest.raises(OnliveRecordsToRetryError):
            run(update(rows(differing, 10), max_changes=3, **arguments))
        server.before = server.after = lambda seen: None
        server.requests.clear()
        assert run(update(rows(differing, 10), max_changes=3, **arguments))["updated"] == 3
        assert each_written_once(server, differing)
        assert {seen.id for seen in server.requests} == {record_id(2)}
        assert outcomes(path) == {"updated": 3, "unchanged": 7}


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_key_that_is_refused_stops_the_task_in_either_pass(server: ManyRecords, tmp_path: Path, method: str) -> None:
    def refuse(seen: Seen) -> Any:
        done = sum(each.method == method for each in server.requests)
        return (401, {"message": "no"}) if seen.method == method and done > 8 else None

    server.before = refuse
    path = tmp_path / "r.jsonl"
    with pytest.raises(OnliveRecordsFailedError, match="The run was stopped after") as caught:
        run(update(rows(), max_changes=20, concurrency=1, report_path=str(path)))
    assert not isinstance(caught.value, OnliveTooManyChangesError)
    assert len(server.writes) == (8 if method == "PUT" else 0)
    found = outcomes(path)
    assert (found.total(), found["failed"]) == (100, 3)
    assert {name: number for name, number in caught.value.counts.items() if number and name != "total"} == found


@pytest.mark.parametrize("change", ["replaced", "gone", "written over"])
def test_a_file_that_is_another_one_when_it_is_to_be_written_is_not_written(
    server: ManyRecords, tmp_path: Path, change: str
) -> None:
    source, path = tmp_path / "rows.jsonl", tmp_path / "r.jsonl"
    source.write_text("".join(f"{json.dumps(row)}\n" for row in rows()))

    def meddle(seen: Seen) -> None:
        if len(server.requests) == 100:
            if change == "replaced":
                (tmp_path / "new").write_text("{}\n")
                os.replace(tmp_path / "new", source)
            elif change == "gone":
                source.unlink()
            else:
                source.write_text("{}\n")

    server.before = meddle  # type: ignore[assignment]
    with pytest.raises(OnliveInputError) as caught:
        run(update(updates_path=str(source), max_changes=20, report_path=str(path)))
    assert isinstance(caught.value, AirflowFailException)
    if change == "gone":
        assert str(caught.value) == f"updates_path: {source} does not exist"
    else:
        assert str(caught.value) == (
            f"updates_path: {source} was changed after the task had looked at it. Let the file be complete before the "
            "task begins, and clear the task."
        )
    assert server.writes == {}
    assert outcomes(path) == {"planned": 20, "unchanged": 80}


def test_a_file_that_is_changed_while_it_is_compared_is_not_written(server: ManyRecords, tmp_path: Path) -> None:
    source, path = tmp_path / "rows.jsonl", tmp_path / "r.jsonl"
    source.write_text("".join(f"{json.dumps(row)}\n" for row in rows()))

    def meddle(seen: Seen) -> None:
        if len(server.requests) == 1:
            source.write_text(source.read_text() + "\n")

    server.before = meddle  # type: ignore[assignment]
    with pytest.raises(OnliveInputError, match="was changed while it was read"):
        run(update(updates_path=str(source), max_changes=20, report_path=str(path), concurrency=1))
    assert server.writes == {}
    assert outcomes(path)["planned"] > 0


def test_what_the_page_shows_stops_its_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code, error = block("docs/max_changes.md", "Stop a bad table"), block("docs/max_changes.md", "Stop a bad table", 2)
    names: dict[str, Any] = {}
    exec(code, names)
    operator = names["update"]
    operator.render_template_fields({"ti": task_instance(), "ds": "2030-03-10", "run_id": "scheduled__2030-03-10"})
    shown = operator.report_path
    source, operator.report_path = tmp_path / "languages.csv", str(tmp_path / "languages.jsonl")
    source.write_text("id,lang\n" + "".join(f"{record_id(number)},en\n" for number in range(2_000)))
    operator.updates_path = str(source)
    with ManyRecords(2_000, lang="es") as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server, **PLENTY))
        with pytest.raises(OnliveTooManyChangesError) as caught:
            run(operator)
        assert server.writes == {}
    folder, shown_folder = (path.rpartition("/")[0] for path in (operator.report_path, shown))
    assert str(caught.value).replace(folder, shown_folder) == error.rstrip()
