"""A snapshot: what a row costs that says the same as at the run before, and when it is not relied on."""

from __future__ import annotations

import io
import json
import logging
import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from onlive_provider.bulk.lease import VALID, Owner, take_lease
from onlive_provider.bulk.snapshot import Snapshot
from onlive_provider.bulk.snapshot_place import SnapshotPlace
from onlive_provider.errors import (
    OnlivePayloadError,
    OnliveRecordsFailedError,
    OnliveRecordsToRetryError,
    OnliveReportPlaceError,
    OnliveReportTakenError,
    OnliveTooManyChangesError,
)
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.operators.storage import AirflowStorage
from onlive_provider.report.outcomes import AS_IN_SNAPSHOT, Outcome
from tests.bulk.child import task_instance
from tests.bulk.server import ManyRecords, Seen, record_id
from tests.bulk.shelf import Shelf
from tests.loopback import FakeClock
from tests.operators.conftest import connection_to

EXTRA = {"reads_per_minute": 1_000_000, "writes_per_minute": 1_000_000, "max_attempts": 1, "max_elapsed": 0}
DAY = 24 * 3600.0
ROWS = 40


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ManyRecords]:
    with ManyRecords(500) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server, **EXTRA))
        yield server


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "nightly.snapshot")


def titles(number: int = ROWS, title: str = "as it was", **changed: Any) -> list[dict[str, Any]]:
    """Return rows; ``changed`` maps a row, such as ``_3``, to its title."""
    return [{"id": record_id(each), "title": changed.get(f"_{each}", title)} for each in range(number)]


def run(rows: Any, path: Any, storage: Any = None, **arguments: Any) -> dict[str, Any]:
    names = {key: arguments.pop(key) for key in ("run_id", "try_number", "max_tries") if key in arguments}
    operator = BulkUpdateAppointmentsOperator(task_id="update", updates=rows, snapshot_path=path, **arguments)
    if storage is not None:
        operator.storage = storage
    return operator.execute({"ti": task_instance(**names)})  # type: ignore[typeddict-item]


def calls(server: ManyRecords) -> list[tuple[str, int]]:
    """Return what was called since the last look, in the order of the records."""
    seen = sorted((each.method, int(each.id[-12:])) for each in server.requests)
    server.requests.clear()
    return seen


def both(*numbers: int) -> list[tuple[str, int]]:
    return [(method, number) for method in ("GET", "PUT") for number in numbers]


def reads(*numbers: int) -> list[tuple[str, int]]:
    return [("GET", number) for number in numbers]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
    caplog.clear()
    return found


def files(path: str) -> list[str]:
    return sorted(each.name for each in Path(path).parent.iterdir())


def test_the_cost_of_a_run_is_what_changed_upstream(server: ManyRecords, path: str) -> None:
    first = run(titles(500), path)
    assert (first["unchanged"], first["from_snapshot"]) == (500, 0)
    assert calls(server) == reads(*range(500))
    second = run(titles(500, _7="new", _99="new"), path)
    assert (second["updated"], second["unchanged"], second["from_snapshot"]) == (2, 498, 498)
    assert calls(server) == both(7, 99)
    third = run(titles(500, _7="new", _99="new"), path)
    assert (third["unchanged"], third["from_snapshot"]) == (500, 500)
    assert calls(server) == []
    assert files(path) == ["nightly.snapshot"]
    assert Path(path).stat().st_size < 500 * 20 + 200
    assert Path(path).stat().st_mode & 0o777 == 0o600


def test_a_row_that_goes_back_to_what_it_was_is_sent(server: ManyRecords, path: str) -> None:
    run(titles(), path)
    run(titles(_3="new"), path)
    calls(server)
    run(titles(), path)
    assert calls(server) == both(3)
    assert server.record(3)["title"] == "as it was"


def test_new_rows_and_rows_that_come_again_later(server: ManyRecords, path: str) -> None:
    run(titles(10), path)
    run(titles(20)[10:], path)
    calls(server)
    assert run(titles(20), path)["from_snapshot"] == 20
    assert calls(server) == []


@pytest.mark.parametrize("keeps_report", [True, False])
def test_result_log_and_page_say_how_many_rows_cost_no_call(
    server: ManyRecords,
    path: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    keeps_report: bool,
) -> None:
    task_log, told = logging.getLogger("airflow.task"), io.StringIO()  # 3.3 prints instead of logging here
    monkeypatch.setattr(task_log, "handlers", [*task_log.handlers, logging.StreamHandler(told)])
    task_log.setLevel(logging.INFO)
    arguments = {"report_path": str(tmp_path / "r.jsonl")} if keeps_report else {}
    run(titles(), path, **arguments)
    assert run(titles(_1="new"), path, run_id="next", **arguments)["from_snapshot"] == ROWS - 1
    counts = f"1 updated, {ROWS - 1} unchanged ({ROWS - 1} from the snapshot, without a call)"
    assert f"Outcomes: {ROWS} total, {counts}" in told.getvalue() + capfd.readouterr().out
    if keeps_report:
        lines = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
        assert [line.get("message") for line in lines[:3]] == [
            "as in the snapshot; not read",
            None,
            lines[0]["message"],
        ]
        assert lines[0]["outcome"] == "unchanged"
        assert f"{ROWS - 1} rows, without a call" in (tmp_path / "r.html").read_text()


def test_without_a_snapshot_nothing_is_said_of_one(server: ManyRecords, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert "from_snapshot" not in run(titles(3), None)
    assert "snapshot" not in caplog.text
    with pytest.raises(OnlivePayloadError, match="xcom_fields: 'from_snapshot' is not a field"):
        run(titles(3), None, xcom_fields=["from_snapshot"])


def test_it_can_be_the_only_field_of_the_result(server: ManyRecords, path: str) -> None:
    assert run(titles(3), path, xcom_fields=["from_snapshot"]) == {"from_snapshot": 0}


def test_each_record_is_read_once_in_the_longest_age_and_no_night_pays_for_all(
    server: ManyRecords, path: str, clock: FakeClock
) -> None:
    run(titles(500), path)
    for _ in range(3):
        calls(server)
        nights = []
        for _ in range(7):
            clock.move(DAY)
            run(titles(500), path)
            nights.append(calls(server))
        assert {call for night in nights for call in night} == set(reads(*range(500)))
        assert sum(map(len, nights)) < 1.1 * 500
        assert max(map(len, nights)) < 2 * 500 / 7


def test_a_run_that_is_repeated_within_the_hour_reads_nothing(server: ManyRecords, path: str, clock: FakeClock) -> None:
    run(titles(500), path)
    calls(server)
    clock.move(3600)
    run(titles(500), path)
    assert calls(server) == []


def test_a_persons_edit_is_put_right_within_the_longest_age(server: ManyRecords, path: str, clock: FakeClock) -> None:
    run(titles(), path, snapshot_max_age=timedelta(days=2))
    server.changed[record_id(5)] = {"title": "edited in Onlive"}
    for _ in range(2):
        clock.move(DAY)
        run(titles(), path, snapshot_max_age=timedelta(days=2))
    assert server.record(5)["title"] == "as it was"
    assert server.writes == {record_id(5): 1}


def test_after_a_pause_longer_than_the_longest_age_everything_is_read(
    server: ManyRecords, path: str, clock: FakeClock
) -> None:
    run(titles(), path)
    calls(server)
    clock.move(7 * DAY)
    run(titles(), path)
    assert calls(server) == reads(*range(ROWS))


def test_a_snapshot_of_the_future_is_not_relied_on(server: ManyRecords, path: str, clock: FakeClock) -> None:
    run(titles(), path)
    calls(server)
    clock.jump(-DAY)
    run(titles(), path)
    assert calls(server) == reads(*range(ROWS))


def test_a_failed_row_is_not_remembered_and_the_others_are(server: ManyRecords, path: str) -> None:
    server.before = lambda seen: (422, {"statusCode": 422, "message": "no"}) if seen.id == record_id(4) else None
    with pytest.raises(OnliveRecordsFailedError):
        run(titles(_4="new", _5="new"), path)
    calls(server)
    server.before = lambda seen: None
    assert run(titles(_4="new", _5="new"), path)["from_snapshot"] == ROWS - 1
    assert calls(server) == both(4)


def test_a_row_that_failed_is_not_what_was_given_before_either(server: ManyRecords, path: str) -> None:
    run(titles(), path)
    server.before = lambda seen: (422, {"statusCode": 422, "message": "no"}) if seen.method == "PUT" else None
    with pytest.raises(OnliveRecordsFailedError):
        run(titles(_4="new"), path)
    calls(server)
    run(titles(), path)
    assert calls(server) == reads(4)


def test_a_write_of_unknown_fate_is_not_trusted(server: ManyRecords, path: str) -> None:
    run(titles(), path)

    def lose(seen: Seen) -> Any:
        return (500, {}) if seen.id == record_id(4) and (seen.method == "PUT" or server.writes[seen.id]) else None

    server.after = lose
    with pytest.raises(OnliveRecordsToRetryError):
        run(titles(_4="new"), path)
    server.after = lambda seen: None
    calls(server)
    run(titles(), path, run_id="next")
    assert calls(server) == both(4)
    assert server.record(4)["title"] == "as it was"


def test_a_known_row_with_a_write_of_unknown_fate_is_read_at_the_next_run(path: str, clock: FakeClock) -> None:
    """A retry may find such a row where another run came between its tries."""

    def opened() -> Snapshot:
        place = SnapshotPlace(AirflowStorage(), path, Owner({}, 1), clock)
        snapshot = Snapshot(place, [], 1000, clock)
        snapshot.begin(None, {})
        return snapshot

    lost = {"message": AS_IN_SNAPSHOT, "sent_at": clock.time()}
    for members, is_known in (({}, False), ({"message": AS_IN_SNAPSHOT}, True), (lost, True), ({}, False)):
        snapshot = opened()
        assert snapshot.recognizes(0, record_id(0), {"title": "new"}) is is_known
        snapshot.add(Outcome(0, None, record_id(0), "unchanged", **members))  # type: ignore[arg-type]
        snapshot.finish()


def test_a_repeated_id_is_refused_though_the_first_row_is_known(server: ManyRecords, path: str) -> None:
    run(titles(), path)
    calls(server)
    result = run([*titles(), {"id": record_id(3).upper(), "title": "another"}], path, allowed_failures=1)
    assert (result["from_snapshot"], result["failed"]) == (ROWS, 1)
    assert "an earlier row has this id already" in result["failures"][0]["message"]
    assert calls(server) == []
    assert run(titles(), path)["from_snapshot"] == ROWS


def test_a_plan_uses_the_snapshot_and_remembers_what_it_finds_in_place(server: ManyRecords, path: str) -> None:
    run(titles(_3="new"), path, plan_only=True)
    calls(server)
    result = run(titles(_3="new"), path, plan_only="true")
    assert (result["planned"], result["from_snapshot"]) == (1, ROWS - 1)
    assert calls(server) == reads(3)
    assert run(titles(_3="new"), path)["updated"] == 1
    assert calls(server) == both(3)


def test_what_a_plan_would_change_back_is_not_taken_for_unchanged(
    server: ManyRecords, path: str, clock: FakeClock
) -> None:
    run(titles(), path)
    clock.move(7 * DAY)
    server.changed[record_id(3)] = {"title": "edited"}
    assert run(titles(), path, plan_only=True)["planned"] == 1
    calls(server)
    run(titles(), path)
    assert calls(server) == both(3)


@pytest.mark.parametrize(
    ("field", "options"), [("agentComment", {}), ("title", {"only_changed": False})], ids=["unreadable", "blind"]
)
def test_what_would_be_sent_at_every_run_is_sent_once(
    server: ManyRecords, path: str, field: str, options: dict[str, Any]
) -> None:
    rows = [{"id": record_id(each), field: "as it was"} for each in range(3)]
    for _ in range(3):
        run(rows, path, **options)
    assert server.writes == {record_id(each): 1 for each in range(3)}


@pytest.mark.parametrize(
    "changed",
    [
        {"fields": {"title": "title"}},
        {"timezone": "Europe/Madrid"},
        {"only_changed": False},
        {"on_null": "clear"},
        {"onlive_conn_id": "another_key"},
        {"onlive_conn_id": "another_address"},
        {"onlive_conn_id": "another_way_to_update_objects"},
    ],
    ids=lambda changed: "-".join(f"{key}" if key != "onlive_conn_id" else changed[key] for key in changed),
)
def test_another_mapping_connection_or_option_begins_anew(
    server: ManyRecords,
    path: str,
    changed: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual = json.loads(os.environ["AIRFLOW_CONN_ONLIVE_DEFAULT"])
    replaced = {"object_updates": "replace", **usual["extra"]}
    for name, connection in {
        "another_key": {**usual, "login": "AKIANOTHER"},
        "another_address": {**usual, "host": usual["host"].replace("127.0.0.1", "localhost")},
        "another_way_to_update_objects": {**usual, "extra": replaced},
    }.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(connection))
    run(titles(), path)
    calls(server)
    warnings(caplog)
    assert run(titles(), path, **changed)["from_snapshot"] == 0
    assert {number for _, number in calls(server)} == set(range(ROWS))
    assert [text for text in warnings(caplog) if "snapshot" in text] == [
        f"The snapshot {path} was made for another mapping, Connection or option: every row is read"
    ]
    assert run(titles(), path, **changed)["from_snapshot"] == ROWS


def test_a_secret_that_was_rotated_is_no_other_connection(
    server: ManyRecords, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(titles(), path)
    usual = json.loads(os.environ["AIRFLOW_CONN_ONLIVE_DEFAULT"])
    monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", json.dumps({**usual, "password": "rotated"}))
    assert run(titles(), path)["from_snapshot"] == ROWS


def _cut(content: bytes) -> bytes:
    return content[:-30]


def _cut_an_entry(content: bytes) -> bytes:
    return content[:-36] + content[-16:]


def _flip(content: bytes) -> bytes:
    return content[:200] + bytes([content[200] ^ 1]) + content[201:]


def _age(content: bytes) -> bytes:
    return content.replace(b'{"snapshot": 1', b'{"snapshot": 2')


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_cut, "is cut short or damaged"),
        (_cut_an_entry, "is cut short or damaged"),
        (_flip, "is cut short or damaged"),
        (lambda content: b"", "is cut short or damaged"),
        (lambda content: content[:8], "is cut short or damaged"),
        (lambda content: content + b"x", "is cut short or damaged"),
        (_age, "is of another version"),
    ],
    ids=["cut", "entry", "flipped", "empty", "head", "longer", "version"],
)
def test_a_file_that_cannot_be_relied_on_begins_anew_with_one_warning(
    server: ManyRecords, path: str, caplog: pytest.LogCaptureFixture, damage: Any, said: str
) -> None:
    run(titles(), path)
    calls(server)
    Path(path).write_bytes(damage(Path(path).read_bytes()))
    warnings(caplog)
    assert run(titles(), path)["from_snapshot"] == 0
    assert calls(server) == reads(*range(ROWS))
    assert [text for text in warnings(caplog) if "every row" in text] == [
        f"The snapshot {path} {said}: every row is read"
    ]
    assert run(titles(), path)["from_snapshot"] == ROWS


def test_a_file_that_is_something_else_is_kept(server: ManyRecords, path: str, caplog: Any) -> None:
    Path(path).write_text("id,title\n1,precious\n")
    assert run(titles(), path)["unchanged"] == ROWS
    assert Path(f"{path}.1").read_text() == "id,title\n1,precious\n"
    assert f"What was at {path} is not a snapshot, and is kept as {path}.1" in warnings(caplog)
    assert run(titles(), path)["from_snapshot"] == ROWS


@pytest.mark.parametrize("value", [7, None, timedelta(0), timedelta(seconds=59), timedelta(days=-1), "7 days"])
def test_an_age_that_is_none_is_refused_when_the_dag_is_parsed(value: Any) -> None:
    with pytest.raises(ValueError, match=r"snapshot_max_age: .*; accepted is a timedelta of a minute or more"):
        BulkUpdateAppointmentsOperator(task_id="update", updates=[], snapshot_path="x", snapshot_max_age=value)


@pytest.mark.parametrize(
    "name",
    ["r.jsonl", "r.html", "r.jsonl.run", "r.jsonl.lock", "r.jsonl.1", "rows.jsonl", "sub/../r.jsonl", "folder", "link"],
)
def test_a_place_that_is_taken_is_refused_before_any_call(server: ManyRecords, tmp_path: Path, name: str) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(f"{json.dumps(row)}\n" for row in titles()))
    (tmp_path / "folder").mkdir()
    (tmp_path / "sub").mkdir()
    (tmp_path / "link").symlink_to(source)
    there = {each.name for each in tmp_path.iterdir()}
    operator = BulkUpdateAppointmentsOperator(
        task_id="update",
        updates_path=str(source),
        report_path=str(tmp_path / "r.jsonl"),
        snapshot_path=str(tmp_path / name),
    )
    with pytest.raises(OnlivePayloadError, match=r": snapshot_path: got .*, where nothing can be written"):
        operator.execute({"ti": task_instance()})  # type: ignore[typeddict-item]
    assert server.requests == []
    assert {each.name for each in tmp_path.iterdir()} == there


@pytest.mark.parametrize("keeps_report", [True, False])
def test_two_runs_at_once_are_refused_and_the_second_leaves_nothing(
    server: ManyRecords, path: str, keeps_report: bool
) -> None:
    first = take_lease(AirflowStorage(), path, Owner({"run_id": "first"}, 1, pid=4711), FakeClock(), "snapshot")
    arguments = {"report_path": f"{path}-report.jsonl"} if keeps_report else {}
    with pytest.raises(
        OnliveReportPlaceError, match=r"The snapshot is being written by run_id first.*max_active_runs=1"
    ):
        run(titles(), path, **arguments)
    assert server.requests == []
    assert files(path) == ["nightly.snapshot.lock"]
    first.release()
    assert run(titles(), path, **arguments)["unchanged"] == ROWS


@pytest.mark.parametrize("remote", [False, True])
def test_a_run_that_a_later_try_took_over_writes_nothing_more(
    server: ManyRecords, tmp_path: Path, clock: FakeClock, remote: bool
) -> None:
    shelf = Shelf(tmp_path / "shelf")
    path = "shelf://nightly.snapshot" if remote else f"{shelf.folder}/nightly.snapshot"
    run(titles(), path, shelf)
    stored = shelf.objects()["nightly.snapshot"]

    def take_over(seen: Seen) -> None:
        (shelf.folder / "nightly.snapshot.lock").write_bytes(Owner({"dag_id": "nightly"}, 2, pid=4711).as_line())
        clock.move(VALID)

    server.before = take_over
    with pytest.raises(OnliveReportTakenError, match="The snapshot was taken over by dag_id nightly, try 2"):
        run(titles(title="new"), path, shelf)
    assert server.writes == {}
    assert shelf.objects()["nightly.snapshot"] == stored
    assert sorted(shelf.objects()) == ["nightly.snapshot", "nightly.snapshot.begun", "nightly.snapshot.lock"]


def test_an_error_before_the_first_call_leaves_snapshot_and_report_to_others(
    server: ManyRecords, tmp_path: Path
) -> None:
    shelf = Shelf(tmp_path / "shelf")

    def refuse(operation: str, name: str) -> None:
        if (operation, name) == ("write", "nightly.snapshot.begun"):
            raise PermissionError(13, "Permission denied")

    shelf.before = refuse
    with pytest.raises(OnlivePayloadError, match=r"snapshot_path: .* nothing can be written: Permission denied"):
        run(titles(), "shelf://nightly.snapshot", shelf, report_path="shelf://r.jsonl")
    assert server.requests == []
    assert [name for name in shelf.objects() if name.endswith(".lock")] == []


@pytest.mark.parametrize("remote", [False, True])
@pytest.mark.parametrize("made", [False, True])
@pytest.mark.parametrize("keeps_report", [True, False])
def test_what_a_killed_run_wrote_is_not_taken_for_unchanged(
    server: ManyRecords, tmp_path: Path, remote: bool, made: bool, keeps_report: bool, caplog: Any
) -> None:
    disk = Disk(tmp_path, server)
    path = "shelf://nightly.snapshot" if remote else f"{disk.folder}/nightly.snapshot"
    arguments: dict[str, Any] = {"storage": disk.storage}
    if keeps_report:
        arguments["report_path"] = "shelf://{}.jsonl" if remote else f"{disk.folder}/{{}}.jsonl"

    def night(name: str, rows: Any) -> dict[str, Any]:
        given = {key: value.format(name) if key == "report_path" else value for key, value in arguments.items()}
        return run(rows, path, run_id=name, concurrency=1, **given)

    night("monday", titles())
    disk.kill_at_write_of(3, made=made)
    with pytest.raises(OnliveRecordsToRetryError):
        night("tuesday", titles(_2="new", _3="new", _4="new"))
    disk.go_back()
    calls(server)
    warnings(caplog)
    night("wednesday", titles())
    assert calls(server) == sorted(
        [*(reads(2, 3) if keeps_report else reads(*range(ROWS))), ("PUT", 2), *([("PUT", 3)] if made else [])]
    )
    assert {server.record(each)["title"] for each in range(ROWS)} == {"as it was"}
    said = "what it wrote is read again" if keeps_report else "no report says what it wrote: every row is read"
    assert [text for text in warnings(caplog) if "did not come to its end" in text and said in text]
    assert night("thursday", titles())["from_snapshot"] == ROWS


def test_a_retry_of_a_killed_run_remembers_what_its_journal_knows(server: ManyRecords, tmp_path: Path) -> None:
    disk = Disk(tmp_path, server)
    path, report = f"{disk.folder}/nightly.snapshot", f"{disk.folder}/r.jsonl"
    disk.kill_at_write_of(30, made=True)
    rows = titles(_2="new", _30="new")
    with pytest.raises(OnliveRecordsToRetryError):
        run(rows, path, report_path=report, concurrency=1)
    disk.go_back()
    calls(server)
    assert run(rows, path, report_path=report, try_number=2)["updated"] == 2
    assert calls(server) == reads(*range(30, ROWS))
    assert run(rows, path, run_id="next", report_path=f"{report}l")["from_snapshot"] == ROWS
    assert calls(server) == []


def test_a_retry_does_not_take_what_another_run_wrote_since_for_its_own(server: ManyRecords, tmp_path: Path) -> None:
    disk = Disk(tmp_path, server)
    path, report = f"{disk.folder}/nightly.snapshot", f"{disk.folder}/{{}}.jsonl"
    monday = titles(_2="monday", _39="monday")
    disk.kill_at_write_of(39, made=False)
    with pytest.raises(OnliveRecordsToRetryError):
        run(monday, path, run_id="monday", report_path=report.format("monday"), concurrency=1)
    disk.go_back()
    run(titles(39, _2="tuesday"), path, run_id="tuesday", report_path=report.format("tuesday"))
    run(monday, path, run_id="monday", report_path=report.format("monday"), try_number=2)
    assert server.record(2)["title"] == "tuesday"  # Its outcome stands; no later try writes it again.
    run(monday, path, run_id="wednesday", report_path=report.format("wednesday"))
    assert server.record(2)["title"] == "monday"


@pytest.mark.parametrize("broken", ["report", "mark"])
def test_a_report_or_mark_that_cannot_be_read_begins_anew(
    server: ManyRecords, tmp_path: Path, broken: str, caplog: Any
) -> None:
    disk = Disk(tmp_path, server)
    path, report = f"{disk.folder}/nightly.snapshot", f"{disk.folder}/r.jsonl"
    run(titles(), path)
    disk.kill_at_write_of(3, made=True)
    with pytest.raises(OnliveRecordsToRetryError):
        run(titles(_3="new"), path, report_path=report, concurrency=1)
    disk.go_back()
    if broken == "report":
        Path(f"{report}.run").unlink()
    else:
        Path(f"{path}.begun").write_text("{")
    calls(server)
    warnings(caplog)
    run(titles(), path, run_id="next")
    assert calls(server) == [*reads(*range(ROWS)), ("PUT", 3)]
    assert [text for text in warnings(caplog) if "no report says what it wrote: every row is read" in text]


def test_what_was_forgotten_stays_forgotten_when_the_next_run_is_killed_too(
    server: ManyRecords, tmp_path: Path
) -> None:
    disk = Disk(tmp_path, server)
    path, report = f"{disk.folder}/nightly.snapshot", f"{disk.folder}/r.jsonl"
    run(titles(), path, run_id="monday", report_path=report)
    for name, number in (("tuesday", 3), ("wednesday", 5)):
        disk.kill_at_write_of(number, made=True)
        with pytest.raises(OnliveRecordsToRetryError):
            run(titles(**{f"_{number}": "new"})[number:], path, run_id=name, report_path=report, concurrency=1)
        disk.go_back()
    calls(server)
    run(titles(), path, run_id="thursday", report_path=report)
    assert calls(server) == both(3, 5)


def test_a_snapshot_that_cannot_be_stored_costs_reads_and_no_error(
    server: ManyRecords, tmp_path: Path, caplog: Any
) -> None:
    shelf = Shelf(tmp_path / "shelf")
    path = "shelf://nightly.snapshot"
    run(titles(), path, shelf, report_path="shelf://monday.jsonl")

    def refuse(operation: str, name: str) -> None:
        if (operation, name) == ("write", "nightly.snapshot"):
            raise OSError(28, "No space left on device")

    shelf.before = refuse
    result = run(titles(_3="new"), path, shelf, run_id="tuesday", report_path="shelf://tuesday.jsonl")
    assert (result["updated"], result["from_snapshot"]) == (1, ROWS - 1)
    assert "could not be stored (OSError): the next run reads again what this one read" in " ".join(warnings(caplog))
    assert "nightly.snapshot.begun" in shelf.objects()
    assert "nightly.snapshot.lock" not in shelf.objects()
    shelf.before = lambda operation, name: None
    calls(server)
    run(titles(), path, shelf, run_id="wednesday", report_path="shelf://wednesday.jsonl")
    assert calls(server) == both(3)
    assert "nightly.snapshot.begun" not in shelf.objects()


def test_a_task_that_fails_remembers_what_went_well(server: ManyRecords, path: str) -> None:
    with pytest.raises(OnliveRecordsFailedError):
        run([*titles(), {"id": "bad"}], path)
    calls(server)
    assert run(titles(), path)["from_snapshot"] == ROWS


def test_a_stopped_task_remembers_what_it_did(server: ManyRecords, path: str) -> None:
    rows = [*titles(10), {"id": "bad"}, *titles()[10:]]
    with pytest.raises(OnliveRecordsFailedError, match="not_attempted"):
        run(rows, path, on_record_error="stop", concurrency=1)
    read = {number for _, number in calls(server)}
    run(titles(), path)
    assert {number for _, number in calls(server)} == set(range(ROWS)) - read


def test_no_guests_data_stand_in_the_file(server: ManyRecords, path: str) -> None:
    run([{"id": record_id(0), "guests": [{"email": "ana.lopez@example.com"}], "agentComment": "secret"}], path)
    content = Path(path).read_bytes()
    assert b"ana" not in content
    assert b"secret" not in content
    assert record_id(0).encode() not in content


class Disk:
    """A folder, and an object store in it, that go back to how they were when a run was killed."""

    def __init__(self, tmp_path: Path, server: ManyRecords) -> None:
        self.folder = tmp_path / "disk"
        self.storage = Shelf(tmp_path / "shelf")
        self._server = server
        self._kept: dict[Path, dict[str, bytes]] = {}
        self.folder.mkdir()

    def kill_at_write_of(self, number: int, *, made: bool) -> None:
        """Keep the files as they are when a record is about to be written; nothing after that counts."""
        over = False

        def before(seen: Seen) -> Any:
            nonlocal over
            if over:
                return 500, {}
            if seen.method == "PUT" and seen.id == record_id(number):
                over = True
                self._keep()
                return None if made else (500, {})
            return None

        self._server.before = before
        self._server.after = lambda seen: (500, {}) if over else None

    def go_back(self) -> None:
        """Leave the files as they were."""
        for folder, content in self._kept.items():
            shutil.rmtree(folder)
            folder.mkdir()
            for name, data in content.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(data)
        self._server.before = self._server.after = lambda seen: None

    def _keep(self) -> None:
        for folder in (self.folder, self.storage.folder):
            found = (each for each in folder.rglob("*") if each.is_file())
            self._kept[folder] = {str(each.relative_to(folder)): each.read_bytes() for each in found}


def test_with_a_brake_only_rows_that_the_snapshot_does_not_know_are_compared(server: ManyRecords, path: str) -> None:
    run(titles(10), path, max_changes=3)
    calls(server)
    rows = titles(10, _0="new", _1="new", _2="new")
    result = run(rows, path, max_changes=3)
    assert (result["updated"], result["unchanged"], result["from_snapshot"]) == (3, 7, 7)
    assert calls(server) == sorted([("GET", number) for number in (0, 1, 2)] * 2 + [("PUT", n) for n in (0, 1, 2)])
    again = run(rows, path, max_changes=3)
    assert (again["unchanged"], again["from_snapshot"], calls(server)) == (10, 10, [])
    with pytest.raises(OnliveTooManyChangesError):
        run(titles(10, "newer"), path, max_changes=3)
    assert {method for method, _ in calls(server)} == {"GET"}
    result = run(titles(10, "newer"), path, max_changes=10)
    assert (result["updated"], result["from_snapshot"]) == (10, 0)


def test_a_rejected_row_is_not_remembered_and_is_sent_when_it_comes_again(
    server: ManyRecords, path: str, tmp_path: Path
) -> None:
    refused = {"statusCode": 422, "message": "Validation failed", "errors": []}
    server.before = lambda seen: (422, refused) if seen.method == "PUT" and seen.id == record_id(1) else None
    rejects = tmp_path / "rejects.jsonl"
    with pytest.raises(OnliveRecordsFailedError):
        run(titles(3, "new"), path, rejects_path=str(rejects))
    server.before = lambda seen: None
    calls(server)
    mended = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert run(mended, path, rejects_path=str(rejects))["updated"] == 1
    assert calls(server) == both(1)
    assert rejects.read_bytes() == b""


def test_rejects_and_snapshot_are_two_files(server: ManyRecords, path: str) -> None:
    with pytest.raises(OnlivePayloadError, match=r"rejects_path.*is the task's snapshot"):
        run(titles(3), f"{path}.jsonl", rejects_path=f"{path}.jsonl")
    assert server.requests == []
