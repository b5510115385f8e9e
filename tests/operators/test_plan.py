"""A saved plan is applied as it was approved: exactly that, to records that are as it saw them, or not at all."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from onlive_provider.cli import main
from onlive_provider.errors import (
    OnlivePayloadError,
    OnliveRecordsFailedError,
    OnliveRolloutFailedError,
    OnliveRolloutToRetryError,
    OnliveTooManyChangesError,
)
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.operators.plan import ApplyPlanOperator, plan_markdown
from onlive_provider.operators.revert import RevertUpdatesOperator
from onlive_provider.operators.rollout import RolloutDateRangesOperator
from tests.bulk.child import start, task_instance
from tests.bulk.server import LONG_AGO, ManyRecords, Seen, record_id
from tests.bulk.shelf import Shelf
from tests.operators.conftest import Execute, MakeFleet, connection_to
from tests.rollout.fleet import SPRING_RANGE, SUMMER, SUMMER_RANGE, in_order, service, service_id

ROWS = 100
GUEST = {"email": "ana.lopez@example.com"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ManyRecords]:
    with ManyRecords(ROWS, lang="en", description=None, guests=[]) as many:
        extra = {"reads_per_minute": 1_000_000, "writes_per_minute": 1_000_000, "max_attempts": 1}
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(many, **extra))
        yield many


@pytest.fixture
def plan(execute: Execute, tmp_path: Path) -> Callable[..., str]:
    """Plan a bulk update, and return where the plan is."""

    def run(rows: list[dict[str, Any]] | None = None, path: Path | None = None, **options: Any) -> str:
        where = str(path or tmp_path / "plan.jsonl")
        given = rows if rows is not None else [{"id": record_id(each), "lang": "es"} for each in range(ROWS)]
        execute(
            BulkUpdateAppointmentsOperator(
                task_id="plan", updates=given, plan_only=True, report_path=where, **{"allowed_failures": 0, **options}
            )
        )
        return where

    return run


def apply(path: str, **options: Any) -> ApplyPlanOperator:
    return ApplyPlanOperator(task_id="apply", plan_path=path, **options)


def edit(server: ManyRecords, number: int, **fields: Any) -> None:
    """Change a record as a colleague does."""
    changed = {**server.changed.get(record_id(number), {}), **fields, "updatedAt": "2030-01-01T00:00:00.000Z"}
    server.changed[record_id(number)] = changed


def puts(server: ManyRecords) -> list[Seen]:
    return [seen for seen in server.requests if seen.method == "PUT"]


def lines(path: str | Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def rewrite(path: str, old: str, new: str) -> None:
    text = Path(path).read_text()
    assert old in text
    Path(path).write_text(text.replace(old, new, 1))


def test_the_first_line_and_the_page_say_that_it_is_a_plan(
    server: ManyRecords, plan: Callable[..., str], tmp_path: Path
) -> None:
    head, *rows = lines(plan())
    about = head["plan"]
    assert {name: about[name] for name in ("version", "kind", "resource", "address", "rows", "objectUpdates")} == {
        "version": 1,
        "kind": "bulk",
        "resource": "appointment",
        "address": server.url,
        "rows": ROWS,
        "objectUpdates": "merge",
    }
    assert len(about["sha256"]) == 64
    assert [row["outcome"] for row in rows] == ["planned"] * ROWS
    assert puts(server) == []
    page = (tmp_path / "plan.html").read_text("utf-8")
    assert "nothing was sent; ApplyPlanOperator applies it" in page


def test_one_record_that_a_colleague_edited_stops_all_and_is_named(
    server: ManyRecords, plan: Callable[..., str], execute: Execute
) -> None:
    path = plan()
    edit(server, 42, title="moved to the afternoon")
    with pytest.raises(OnliveRolloutFailedError) as caught:
        execute(apply(path))
    assert puts(server) == []
    assert record_id(42) in str(caught.value)
    assert "2030-01-01T00:00:00.000Z" in str(caught.value)
    assert isinstance(caught.value, AirflowFailException), "Airflow must not retry what cannot help"


def test_with_one_failure_allowed_exactly_the_others_are_written_as_planned_once_and_can_be_put_back(
    server: ManyRecords, plan: Callable[..., str], execute: Execute, tmp_path: Path
) -> None:
    path = plan()
    edit(server, 42, title="moved to the afternoon")
    before = {record_id(number): server.record(number) for number in range(ROWS)}
    report = str(tmp_path / "applied.jsonl")

    result, _ = execute(apply(path, allowed_failures=1, batches=("10%", "100%"), report_path=report))

    assert (result["updated"], result["failed"], result["total"]) == (99, 1, 100)
    assert sorted(seen.id for seen in puts(server)) == [record_id(each) for each in range(ROWS) if each != 42]
    assert {json.dumps(seen.patch) for seen in puts(server)} == {'{"lang": "es"}'}
    assert [batch["size"] for batch in result["batches"]] == [10, 90]

    again, _ = execute(apply(path, allowed_failures=1))
    assert len(puts(server)) == 99
    assert (again["unchanged"], again["failed"]) == (99, 1)

    execute(RevertUpdatesOperator(task_id="revert", report_path=report))
    assert len(puts(server)) == 198
    for number in range(ROWS):
        now = server.record(number)
        assert {**now, "updatedAt": None} == {**before[record_id(number)], "updatedAt": None}


def test_nothing_is_written_before_every_record_was_read(
    server: ManyRecords, plan: Callable[..., str], execute: Execute
) -> None:
    path = plan()
    server.requests.clear()
    execute(apply(path, batches=("10%", "100%")))
    methods = [seen.method for seen in server.requests]
    first_write = methods.index("PUT")
    assert first_write >= ROWS
    assert {seen.id for seen in server.requests[:first_write]} == {record_id(each) for each in range(ROWS)}


def test_every_record_is_read_back_and_one_that_does_not_hold_the_plan_is_put_back_with_the_others(
    server: ManyRecords, plan: Callable[..., str], execute: Execute
) -> None:
    path = plan([{"id": record_id(each), "lang": "es"} for each in range(4)])

    def forgets(seen: Seen) -> Any:
        if seen.method == "PUT" and seen.id == record_id(2) and seen.patch == {"lang": "es"}:
            server.changed[seen.id]["lang"] = "fr"
        return None

    server.after = forgets
    with pytest.raises(OnliveRolloutFailedError, match="does not hold what was sent"):
        execute(apply(path, revert_on_failure=True))
    assert {server.record(each)["lang"] for each in (0, 1, 3)} == {"en"}
    assert sum(seen.patch == {"lang": "en"} for seen in puts(server)) == 4


def test_without_revert_on_failure_what_was_written_stays(
    server: ManyRecords, plan: Callable[..., str], execute: Execute
) -> None:
    path = plan([{"id": record_id(each), "lang": "es"} for each in range(4)])
    refused = {"statusCode": 422, "message": "Validation failed", "errors": []}
    server.before = lambda seen: (422, refused) if seen.method == "PUT" and seen.id == record_id(3) else None
    with pytest.raises(OnliveRolloutFailedError):
        execute(apply(path))
    assert [server.record(each)["lang"] for each in range(4)] == ["es", "es", "es", "en"]


def test_rows_that_the_plan_does_not_change_cost_no_call_and_have_an_outcome(
    server: ManyRecords, plan: Callable[..., str], execute: Execute, tmp_path: Path
) -> None:
    rows = [{"id": record_id(0), "lang": "es"}, {"id": record_id(1), "lang": "en"}, {"id": record_id(2), "lang": 5}]
    path = plan(rows, allowed_failures=1)
    server.requests.clear()
    report = tmp_path / "applied.jsonl"
    result, _ = execute(apply(path, report_path=str(report)))
    assert {seen.id for seen in server.requests} == {record_id(0)}
    assert (result["total"], result["updated"], result["unchanged"], result["skipped"]) == (3, 1, 1, 1)
    by_index = {line["index"]: line for line in lines(report)}
    assert by_index[1]["message"] == "in place when it was planned"
    assert by_index[2]["message"].startswith("failed when it was planned: ")


def test_a_plan_of_no_rows_is_applied_and_sends_nothing(
    server: ManyRecords, plan: Callable[..., str], execute: Execute
) -> None:
    result, _ = execute(apply(plan([])))
    assert result["total"] == 0
    assert server.requests == []


def test_a_field_that_cannot_be_read_back_is_sent_once(
    server: ManyRecords, plan: Callable[..., str], execute: Execute
) -> None:
    path = plan([{"id": record_id(0), "agentComment": "call back"}], report_personal_data=True)
    execute(apply(path))
    assert [seen.patch for seen in puts(server)] == [{"agentComment": "call back"}]
    with pytest.raises(OnliveRolloutFailedError):
        execute(apply(path))
    assert len(puts(server)) == 1


def test_a_plan_that_was_to_send_all_sends_also_what_is_in_place(
    server: ManyRecords, plan: Callable[..., str], execute: Execute
) -> None:
    path = plan([{"id": record_id(0), "lang": "en", "title": "new"}], only_changed=False)
    execute(apply(path))
    assert [seen.patch for seen in puts(server)] == [{"lang": "en", "title": "new"}]
    execute(apply(path))
    assert len(puts(server)) == 1


def test_a_server_that_adds_members_and_answers_an_empty_array_for_null_changes_nothing(
    server: ManyRecords, plan: Callable[..., str], execute: Execute
) -> None:
    row = {"id": record_id(0), "reminders": [{"time": 15, "unit": "m"}], "guests": None}
    server.changed[record_id(0)] = {"reminders": None, "guests": [{"email": "a@example.com", "state": "new"}]}
    path = plan([row], report_personal_data=True)
    server.changed[record_id(0)]["reminders"] = []
    server.changed[record_id(0)]["guests"] = [{"email": "a@example.com", "state": "seen", "id": 7}]

    def stores(seen: Seen) -> Any:
        if seen.method == "PUT":
            server.changed[seen.id] |= {"reminders": [{"time": 15, "unit": "m", "id": 9}], "guests": []}
        return None

    server.after = stores
    result, _ = execute(apply(path))
    assert result["updated"] == 1
    again, _ = execute(apply(path))
    assert (again["unchanged"], len(puts(server))) == (1, 1)


def test_an_edit_of_a_planned_field_is_refused_although_updated_at_did_not_move(
    server: ManyRecords, plan: Callable[..., str], execute: Execute
) -> None:
    path = plan([{"id": record_id(0), "lang": "es"}])
    server.changed[record_id(0)] = {"lang": "fr", "updatedAt": LONG_AGO}
    with pytest.raises(OnliveRolloutFailedError, match="when it was planned: lang is not what the plan saw"):
        execute(apply(path))
    assert puts(server) == []


def refused(execute: Execute, operator: ApplyPlanOperator) -> str:
    with pytest.raises(OnlivePayloadError) as caught:
        execute(operator)
    assert isinstance(caught.value, AirflowFailException)
    assert [error.field for error in caught.value.errors] == ["plan_path"]
    return caught.value.errors[0].message


def test_what_is_no_plan_is_refused_before_any_call(server: ManyRecords, execute: Execute, tmp_path: Path) -> None:
    report = str(tmp_path / "report.jsonl")
    rows = [{"id": record_id(0), "lang": "es"}]
    execute(BulkUpdateAppointmentsOperator(task_id="update", updates=rows, report_path=report))
    text = tmp_path / "notes.txt"
    text.write_text("call Ana\n")
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    server.requests.clear()
    assert "is the report of a task that was allowed to write" in refused(execute, apply(report))
    assert "is not a plan" in refused(execute, apply(str(text)))
    assert "is not a plan" in refused(execute, apply(str(empty)))
    assert "does not exist" in refused(execute, apply(str(tmp_path / "missing.jsonl")))
    assert "it is a folder" in refused(execute, apply(str(tmp_path)))
    assert server.requests == []


def test_a_plan_that_was_cut_short_is_refused(server: ManyRecords, plan: Callable[..., str], execute: Execute) -> None:
    path = plan()
    whole = Path(path).read_bytes().splitlines(keepends=True)
    server.requests.clear()
    for rest in (b"".join(whole[:58]), b"".join(whole[:58]) + whole[58][:20]):
        Path(path).write_bytes(rest)
        assert "is cut short: it holds 57 of 100 rows" in refused(execute, apply(path))
    assert server.requests == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"after":{"lang":"es"}', '"after":{"lang":"fr"}'),
        ('"outcome":"planned"', '"outcome":"unchanged"'),
        (record_id(7), record_id(8)),
        ('"address":"http://', '"address":"https://'),
        ('"rows":100', '"rows":99'),
        ('"kind":"bulk"', '"kind":"bulky"'),
        ('"resource":"appointment"', '"resource":"service"'),
    ],
)
def test_a_plan_that_was_edited_is_refused(
    server: ManyRecords, plan: Callable[..., str], execute: Execute, old: str, new: str
) -> None:
    path = plan()
    server.requests.clear()
    rewrite(path, old, new)
    assert "is not as it was made" in refused(execute, apply(path))
    assert server.requests == []


def test_a_plan_of_another_address_or_another_meaning_of_objects_is_refused(
    server: ManyRecords, plan: Callable[..., str], execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = plan()
    monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server, object_updates="replace"))
    assert "`object_updates` 'merge', and the Connection has 'replace'" in refused(execute, apply(path))
    with ManyRecords(ROWS, lang="en") as other:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(other))
        message = refused(execute, apply(path))
        assert server.url in message
        assert other.url in message
        assert other.requests == []


def test_a_plan_without_guests_data_is_refused_and_one_that_may_hold_them_is_applied(
    server: ManyRecords, plan: Callable[..., str], execute: Execute
) -> None:
    rows = [{"id": record_id(0), "lang": "es"}, {"id": record_id(1), "guests": [GUEST]}]
    path = plan(rows)
    message = refused(execute, apply(path))
    assert "lacks guests' data, which were left out: guests of 1 record" in message
    assert "report_personal_data=True" in message
    assert puts(server) == []
    execute(apply(plan(rows, report_personal_data=True)))
    assert [seen.patch for seen in puts(server) if seen.id == record_id(1)] == [{"guests": [GUEST]}]


def test_a_plan_that_was_not_made_to_its_end_is_refused(
    server: ManyRecords, plan: Callable[..., str], execute: Execute, tmp_path: Path
) -> None:
    rows = [{"id": record_id(0), "lang": 5}, {"id": record_id(1), "lang": "es"}]
    with pytest.raises(OnliveRecordsFailedError):
        plan(rows, on_record_error="stop")
    message = refused(execute, apply(str(tmp_path / "plan.jsonl")))
    assert "was not made to its end; not attempted: 1 of 2 rows. Plan again" in message


def test_a_report_must_not_go_where_the_plan_is(
    server: ManyRecords, plan: Callable[..., str], execute: Execute
) -> None:
    path = plan()
    with pytest.raises(OnlivePayloadError, match="is what the task reads"):
        execute(apply(path, report_path=path))
    assert lines(path)[0]["plan"]["rows"] == ROWS


def test_a_plan_and_its_report_in_an_object_store(
    server: ManyRecords, execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(tmp_path / "shelf")
    for kind in (BulkUpdateAppointmentsOperator, ApplyPlanOperator):
        monkeypatch.setattr(kind, "storage", shelf)
    rows = [{"id": record_id(0), "lang": "es"}]
    execute(
        BulkUpdateAppointmentsOperator(task_id="plan", updates=rows, plan_only=True, report_path="shelf://b/p.jsonl")
    )
    result, _ = execute(apply("shelf://b/p.jsonl", report_path="shelf://b/r.jsonl"))
    assert result["updated"] == 1
    assert [seen.patch for seen in puts(server)] == [{"lang": "es"}]


@pytest.mark.parametrize("kill_after", [105, 130, 199])
def test_a_retry_after_a_kill_goes_on_and_nobody_hears_of_it_twice(
    server: ManyRecords, plan: Callable[..., str], execute: Execute, tmp_path: Path, kill_after: int
) -> None:
    path, report = plan(), str(tmp_path / "applied.jsonl")
    before = {record_id(number): server.record(number)["lang"] for number in range(ROWS)}
    server.requests.clear()
    connection = os.environ["AIRFLOW_CONN_ONLIVE_DEFAULT"]
    arguments = {"plan_path": path, "report_path": report, "concurrency": 4}
    process: Any = None

    def kills(seen: Seen) -> Any:
        if len(server.requests) == kill_after:
            os.kill(process.pid, signal.SIGKILL)
            return ManyRecords.SILENT
        return None

    server.after = kills
    process = start(connection, arguments, operator=ApplyPlanOperator, try_number=1)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    retry = start(connection, arguments, operator=ApplyPlanOperator, try_number=2)
    retry.join(60)
    assert retry.exitcode == 0
    assert set(server.writes.values()) == {1}
    assert len(server.writes) == ROWS
    assert {each["outcome"] for each in lines(report)} == {"updated"}
    execute(RevertUpdatesOperator(task_id="revert", report_path=report))
    assert {record_id(number): server.record(number)["lang"] for number in range(ROWS)} == before


IDS = [service_id(number) for number in range(20)]


def roll_out(**options: Any) -> RolloutDateRangesOperator:
    return RolloutDateRangesOperator(task_id="plan", service_ids=IDS, season=SUMMER, plan_only=True, **options)


def test_a_rollouts_plan_is_applied_in_batches_and_an_edit_since_is_not_overwritten(
    make_fleet: MakeFleet, execute: Execute, tmp_path: Path
) -> None:
    made = make_fleet([service(number) for number in range(20)])
    path = str(tmp_path / "plan.jsonl")
    planned, _ = execute(roll_out(report_path=path))
    edited = in_order(IDS)[0]
    made.edit(edited, dateRanges=[])

    with pytest.raises(OnliveRolloutFailedError, match=edited):
        execute(apply(path, batches=("10%", "100%")))
    assert made.written() == [edited]

    result, _ = execute(apply(path, batches=("10%", "100%"), allowed_failures=1, concurrency=1))
    assert made.written() == [edited, *in_order(IDS)[1:]]
    assert made.ranges()[edited] == []
    assert made.ranges()[IDS[5]] == [SPRING_RANGE, SUMMER_RANGE] or IDS[5] == edited
    assert (result["updated"], result["failed"]) == (19, 1)
    assert result["plan_markdown"].startswith("**19 of 20 services change, 1,767 days gained, 0 lost.**")
    assert planned["plan_markdown"].startswith("**20 of 20 services change, 1,860 days gained, 0 lost.**")


def test_what_a_server_cannot_do_now_may_go_well_at_a_retry(
    make_fleet: MakeFleet, execute: Execute, tmp_path: Path
) -> None:
    made = make_fleet([service(number) for number in range(20)])
    path = str(tmp_path / "plan.jsonl")
    execute(roll_out(report_path=path))
    made.refuse(IDS[0], 503)
    with pytest.raises(OnliveRolloutToRetryError):
        execute(apply(path, revert_on_failure=True))
    assert {json.dumps(each) for each in made.ranges().values()} == {json.dumps([SPRING_RANGE])}


def test_one_text_shows_several_plans_with_the_total_first_and_the_losses_on_top(
    make_fleet: MakeFleet, execute: Execute, tmp_path: Path
) -> None:
    made = make_fleet([service(number) for number in range(20)])
    made.edit(IDS[3], dateRanges=[SUMMER_RANGE])
    paths = [str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")]
    for ids, mode, path in ((IDS[:3], "add", paths[0]), (IDS[3:5], "remove", paths[1])):
        execute(
            RolloutDateRangesOperator(
                task_id="plan",
                service_ids=ids,
                season=SUMMER,
                mode=mode,  # type: ignore[arg-type]
                plan_only=True,
                report_path=path,
                allowed_failures=1,
            )
        )
    text = plan_markdown(paths)
    head, *rest = text.splitlines()
    assert head == "**3 of 5 services change, 279 days gained, 0 lost.**"
    assert "**1 cannot be planned:**" in rest
    assert rest[-1].startswith("The whole reports: ")
    rows = [line for line in rest if line.startswith("| Test drive")]
    assert len(rows) == 3
    header = rest.index("| Service | Before | After | Gained | Lost |")
    assert rest[header + 1] == "| --- | --- | --- | --: | --: |"


def test_a_bulk_plan_as_markdown_shows_no_guests_data(server: ManyRecords, plan: Callable[..., str]) -> None:
    rows = [{"id": record_id(0), "lang": "es"}, {"id": record_id(1), "guests": [GUEST], "lang": "fr"}]
    text = plan_markdown(plan(rows, report_personal_data=True))
    assert text.startswith("**2 of 2 appointments change: lang 2, guests 1.**")
    assert f"| {record_id(0)} | lang | en | es |" in text
    assert GUEST["email"] not in text


def test_the_result_of_a_bulk_plan_shows_it_to_whoever_approves(server: ManyRecords, execute: Execute) -> None:
    rows = [{"id": record_id(each), "lang": "es"} for each in range(3)]
    rows.append({"id": record_id(3), "lang": 5})
    task = BulkUpdateAppointmentsOperator(task_id="plan", updates=rows, plan_only=True, allowed_failures=1)
    result, _ = execute(task)
    head, *rest = result["plan_markdown"].splitlines()
    assert head == "**3 of 4 appointments change: lang 3.**"
    assert "**1 cannot be planned:**" in rest
    assert len([line for line in rest if line.endswith("| lang | en | es |")]) == 3
    narrow = BulkUpdateAppointmentsOperator(
        task_id="plan", updates=rows[:3], plan_only=True, xcom_fields=["plan_markdown", "planned"]
    )
    assert set(execute(narrow)[0]) == {"plan_markdown", "planned"}
    written, _ = execute(BulkUpdateAppointmentsOperator(task_id="update", updates=rows[:3]))
    assert "plan_markdown" not in written


def test_plans_of_two_kinds_are_no_one_text(
    server: ManyRecords, plan: Callable[..., str], make_fleet: MakeFleet, execute: Execute, tmp_path: Path
) -> None:
    appointments = plan()
    make_fleet([service(number) for number in range(20)])
    execute(roll_out(report_path=str(tmp_path / "services.jsonl")))
    with pytest.raises(OnlivePayloadError, match="are of several kinds"):
        plan_markdown([appointments, str(tmp_path / "services.jsonl")])
    with pytest.raises(OnlivePayloadError, match="got no plan"):
        plan_markdown([])


def shown(capsys: pytest.CaptureFixture[str], path: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["plan", "show", path])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_a_plan_is_shown_in_a_terminal(
    server: ManyRecords, plan: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"id": record_id(each), "lang": "es"} for each in range(70)]
    rows += [{"id": record_id(70), "lang": "en"}, {"id": record_id(71), "guests": [GUEST]}]
    code, out, _ = shown(capsys, plan(rows))
    first, second, third, blank, counts, *rest = out.splitlines()
    assert code == 0
    assert first.endswith("plan.jsonl: a plan of 72 appointments, made by a bulk task")
    assert second.startswith("Made at 20")
    assert second.endswith("; whole, and as it was made")
    assert server.url in second
    assert third == "Cannot be applied, because guests' data were left out: guests of 1 record"
    assert (blank, counts) == (
        "",
        "72 appointments: 71 to change, 1 unchanged, 0 that cannot be planned",
    )
    assert len([line for line in rest if line.split()[1:] == ["lang", "en", "es"]]) == 70
    assert GUEST["email"] not in out


def test_a_rollouts_plan_is_shown_in_local_days(
    make_fleet: MakeFleet, execute: Execute, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make_fleet([service(number) for number in range(20)])
    made.edit(IDS[0], dateRanges=[SUMMER_RANGE])
    execute(roll_out(report_path=str(tmp_path / "plan.jsonl")))
    code, out, _ = shown(capsys, str(tmp_path / "plan.jsonl"))
    assert code == 0
    assert "20 services: 19 to change (1,767 days gained, 0 lost), 1 unchanged, 0 that cannot be planned" in out
    assert "2027-03-01 to 2027-04-30, 2027-06-15 to 2027-09-15" in out


def test_a_plan_that_was_edited_is_not_shown(
    server: ManyRecords, plan: Callable[..., str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = plan()
    rewrite(path, '"after":{"lang":"es"}', '"after":{"lang":"fr"}')
    code, out, err = shown(capsys, path)
    assert (code, out) == (2, "")
    assert "is not as it was made" in err
    assert shown(capsys, str(tmp_path / "missing"))[0] == 2


def test_a_plan_that_changes_more_than_allowed_is_not_applied(
    server: ManyRecords, plan: Callable[..., str], execute: Execute, tmp_path: Path
) -> None:
    rows = [{"id": record_id(each), "lang": "es" if each < 40 else "en"} for each in range(ROWS)]
    path, report = plan(rows), tmp_path / "applied.jsonl"
    with pytest.raises(OnliveTooManyChangesError) as caught:
        execute(apply(path, max_changes="39%", report_path=str(report)))
    assert puts(server) == []
    assert isinstance(caught.value, AirflowFailException)
    assert "max_changes: 40 of 100 appointments would change, allowed: 39%. Nothing was written." in str(caught.value)
    assert "Fields: lang 40. For example:" in str(caught.value)
    outcomes = [line["outcome"] for line in lines(report)]
    assert (outcomes.count("planned"), outcomes.count("unchanged")) == (40, 60)
    execute(apply(path, max_changes=40))
    assert len(puts(server)) == 40
    execute(apply(path, max_changes=0))
    assert len(puts(server)) == 40
    with pytest.raises(OnlivePayloadError, match="max_changes"):
        execute(apply(path, max_changes="None"))


def test_a_rollout_that_would_change_more_than_allowed_writes_nothing(
    make_fleet: MakeFleet, execute: Execute, tmp_path: Path
) -> None:
    made = make_fleet([service(number, dateRanges=[SUMMER_RANGE] if number % 2 else []) for number in range(20)])
    task = RolloutDateRangesOperator(
        task_id="roll_out", service_ids=IDS, season=SUMMER, max_changes=9, report_path=str(tmp_path / "r.jsonl")
    )
    with pytest.raises(OnliveTooManyChangesError, match="10 of 20 services would change, allowed: 9"):
        execute(task)
    assert made.written() == []
    assert [line["outcome"] for line in lines(tmp_path / "r.jsonl")].count("planned") == 10
    canary = RolloutDateRangesOperator(
        task_id="roll_out", service_ids=IDS, season=SUMMER, max_changes=9, batches=("50%",)
    )
    result, _ = execute(canary)
    assert 0 < result["updated"] <= 9


class Store(dict[str, Any]):
    """Airflow's task state store (3.3 and newer), which a retry finds as the try before left it."""

    def set(self, key: str, value: Any) -> None:
        self[key] = json.loads(json.dumps(value))

    def delete(self, key: str) -> None:
        self.pop(key, None)


def test_a_retry_without_a_report_writes_the_rest(server: ManyRecords, plan: Callable[..., str]) -> None:
    path, store = plan([{"id": record_id(each), "lang": "es"} for each in range(4)]), Store()
    context: Any = {"ti": task_instance(), "task_state_store": store}
    server.before = lambda seen: (503, {}) if seen.method == "PUT" and seen.id == record_id(3) else None
    with pytest.raises(OnliveRolloutToRetryError):
        apply(path, concurrency=1).execute(context)
    assert store
    written = set(server.writes)
    assert 0 < len(written) < 4
    server.before = lambda seen: None
    result = apply(path, concurrency=1).execute(context)
    assert (result["updated"] + result["unchanged"], result["failed"]) == (4, 0)
    assert set(server.writes.values()) == {1}


def test_a_new_plan_takes_the_place_of_an_old_one_and_there_is_nothing_to_put_back(
    server: ManyRecords, plan: Callable[..., str], execute: Execute, tmp_path: Path
) -> None:
    path = plan()
    assert plan([{"id": record_id(0), "lang": "es"}]) == path
    assert sorted(each.name for each in tmp_path.iterdir()) == ["plan.html", "plan.jsonl"]
    assert lines(path)[0]["plan"]["rows"] == 1
    result, _ = execute(RevertUpdatesOperator(task_id="revert", report_path=path))
    assert (result["total"], puts(server)) == (0, [])


def test_a_lost_answer_is_settled_and_the_write_is_not_sent_again(
    server: ManyRecords, plan: Callable[..., str], execute: Execute
) -> None:
    rows = [{"id": record_id(each), "lang": "es"} for each in range(3)]
    path = plan([*rows, {"id": record_id(3), "agentComment": "call back"}], report_personal_data=True)
    server.after = lambda seen: (502, {}) if seen.method == "PUT" and seen.id in (record_id(1), record_id(3)) else None
    result, _ = execute(apply(path))
    assert result["updated"] == 4
    assert set(server.writes.values()) == {1}
