"""Where a report cannot be, found before the first call; what stands there is never lost; only its owner reads it."""

from __future__ import annotations

import errno
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from onlive_provider.bulk.kept import move
from onlive_provider.bulk.place import Place
from onlive_provider.errors import OnlivePayloadError, OnliveReportPlaceError
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.operators.revert import RevertUpdatesOperator
from onlive_provider.operators.rollout import RolloutDateRangesOperator
from tests.bulk.child import task_instance
from tests.bulk.server import ManyRecords, record_id
from tests.bulk.shelf import Shelf
from tests.operators.conftest import connection_to

PLENTY = {"reads_per_minute": 100_000, "writes_per_minute": 100_000}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ManyRecords]:
    with ManyRecords(10) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server, **PLENTY))
        yield server


def update(storage: Any = None, *, titles: str = "new", **arguments: Any) -> dict[str, Any]:
    rows = [{"id": record_id(number), "title": f"{titles} {number}"} for number in range(3)]
    given = {} if "updates_path" in arguments else {"updates": rows}
    operator = BulkUpdateAppointmentsOperator(task_id="update", **given, **arguments)
    if storage is not None:
        operator.storage = storage
    return operator.execute({"ti": task_instance()})


def make_folder(path: Path) -> str:
    path.mkdir()
    return str(path)


def make_fifo(path: Path) -> str:
    os.mkfifo(path)
    return str(path)


PLACES: dict[str, Any] = {
    "a folder": (make_folder, "is a folder"),
    "a pipe": (make_fifo, "is not a plain file"),
    "a device": (lambda path: "/dev/full", "is not a plain file"),
    "below a file": (lambda path: f"{path.parent}/file/r.jsonl", "a part of its path is a file"),
    "a system's folder": (lambda path: "/proc/r.jsonl", "No such file or directory"),
    "a name with NUL": (lambda path: f"{path}\0.jsonl", "null"),
    "a long name": (lambda path: f"{path.parent}/{'r' * 300}.jsonl", "File name too long"),
    "a long path": (lambda path: f"{path.parent}/{'r/' * 3000}.jsonl", "File name too long"),
    "an unknown scheme": (lambda path: "foo://bucket/r.jsonl", ""),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_place_where_nothing_can_be_written_is_refused_before_any_call(
    server: ManyRecords, tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").write_text("keep me")
    make, why = PLACES[place]
    path = make(tmp_path / "r")
    before = sorted(each.name for each in tmp_path.iterdir())
    with pytest.raises(OnlivePayloadError) as caught:
        update(report_path=path)
    assert isinstance(caught.value, AirflowFailException)
    (error,) = caught.value.errors
    assert error.field == "report_path"
    assert "where nothing can be written: " in error.message
    assert why in error.message
    assert "accepted: the path or URL of a file" in error.message
    assert "\0" not in str(caught.value)
    assert len(str(caught.value)) < 600
    assert server.requests == []
    assert sorted(each.name for each in tmp_path.iterdir()) == before


@pytest.mark.parametrize("kind", ["rollout", "revert"])
def test_the_other_operators_try_the_place_before_any_call_too(server: ManyRecords, tmp_path: Path, kind: str) -> None:
    (tmp_path / "r.reverted.jsonl").mkdir()
    (tmp_path / "r.jsonl").write_text("")
    if kind == "rollout":
        season = {"name": "s", "first_day": "2027-06-15", "last_day": "2027-09-15", "timezone": "Europe/Madrid"}
        path = str(tmp_path / "r.reverted.jsonl")
        operator: Any = RolloutDateRangesOperator(task_id="t", service_filter={}, season=season, report_path=path)
    else:
        operator = RevertUpdatesOperator(task_id="t", report_path=str(tmp_path / "r.jsonl"))
    with pytest.raises(OnlivePayloadError, match=r"r.reverted.jsonl is a folder"):
        operator.execute({"ti": task_instance()})
    assert server.requests == []


class SlowDownError(Exception):
    """What the client of a store raises that answers 503."""

    def __init__(self) -> None:
        super().__init__("https://bucket/r.jsonl?signature=secret")
        self.response = {"ResponseMetadata": {"HTTPStatusCode": 503}}


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
        (OSError(errno.EROFS, "Read-only file system"), "Read-only file system"),
    ],
)
def test_a_store_that_may_not_be_written_is_refused(
    server: ManyRecords, tmp_path: Path, error: Exception, why: str
) -> None:
    shelf = Shelf(tmp_path / "shelf")

    def read_only(operation: str, name: str) -> None:
        if operation == "write":
            raise error

    shelf.before = read_only
    with pytest.raises(OnlivePayloadError, match=why) as refused:
        update(shelf, report_path="shelf://r.jsonl")
    assert isinstance(refused.value, AirflowFailException)
    assert server.requests == []


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ConnectionError("no route"), "ConnectionError"),
        (OSError(errno.EBUSY, "Device or resource busy"), "Device or resource busy"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (SlowDownError(), r"SlowDownError \(status 503\)"),
    ],
)
def test_a_store_that_is_away_or_full_is_tried_again(
    server: ManyRecords, tmp_path: Path, error: Exception, why: str
) -> None:
    shelf = Shelf(tmp_path / "shelf")

    def away(operation: str, name: str) -> None:
        raise error

    shelf.before = away
    with pytest.raises(
        OnliveReportPlaceError, match=rf"^The report shelf://r.jsonl cannot be written now: {why}\."
    ) as it:
        update(shelf, report_path="shelf://r.jsonl")
    assert not isinstance(it.value, AirflowFailException)
    assert "secret" not in str(it.value)
    assert server.requests == []


@pytest.mark.parametrize("link", ["itself", "symlink", "hard link", "page"])
def test_a_report_over_its_own_input_is_refused(server: ManyRecords, tmp_path: Path, link: str) -> None:
    source = tmp_path / ("rows.html" if link == "page" else "rows.jsonl")
    content = json.dumps({"id": record_id(0), "title": "new"}) + "\n"
    source.write_text(content)
    report = tmp_path / ("rows.jsonl" if link in ("itself", "page") else "report.jsonl")
    if link == "symlink":
        report.symlink_to(source)
    elif link == "hard link":
        os.link(source, report)
    if link == "page":
        source = tmp_path / "input.csv"
        source.write_text("id,title\n")
        os.link(source, tmp_path / "report.html")
        report = tmp_path / "report.jsonl"
        content = "id,title\n"
    with pytest.raises(OnlivePayloadError, match="is what the task reads"):
        update(updates_path=str(source), report_path=str(report))
    assert source.read_text() == content
    assert server.requests == []


def test_a_report_that_holds_a_written_change_is_kept_beside_the_next(server: ManyRecords, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    for number in range(3):
        update(titles=f"round {number}", report_path=str(path))
    assert update(titles="round 2", report_path=str(path))["unchanged"] == 3
    assert update(titles="round 2", report_path=str(path))["unchanged"] == 3
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "r.html",
        "r.jsonl",
        *(f"r.jsonl.{number}{ending}" for number in (1, 2, 3) for ending in ("", ".html")),
    ]
    befores = [json.loads((tmp_path / f"r.jsonl.{n}").read_bytes().splitlines()[0])["before"] for n in (1, 2, 3)]
    assert befores == [{"title": "as it was"}, {"title": "round 0 0"}, {"title": "round 1 0"}]


@pytest.mark.parametrize("place", ["disk", "shelf"])
def test_what_is_no_report_is_never_written_over(server: ManyRecords, tmp_path: Path, place: str) -> None:
    storage = Shelf(tmp_path) if place == "shelf" else None
    path = "shelf://r.jsonl" if place == "shelf" else str(tmp_path / "r.jsonl")
    (tmp_path / "r.jsonl").write_text("precious,notes\n1,2\n")
    update(storage, report_path=path)
    assert (tmp_path / "r.jsonl.1").read_text() == "precious,notes\n1,2\n"
    assert len((tmp_path / "r.jsonl").read_bytes().splitlines()) == 3


def test_a_working_file_of_another_input_that_holds_a_write_is_kept(server: ManyRecords, tmp_path: Path) -> None:
    change = {"resource": "appointment", "id": record_id(0), "before": {}, "after": {"title": "x"}, "updatedAt": None}
    lines = [{"identity": {"dag_id": "nightly", "input": "other"}}, {"writing": 0, **change, "at": 1.0}]
    content = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    (tmp_path / "r.jsonl.run").write_text(content)
    update(report_path=str(tmp_path / "r.jsonl"))
    assert (tmp_path / "r.jsonl.1").read_text() == content
    assert not (tmp_path / "r.jsonl.run").exists()


def test_a_working_file_that_is_a_link_is_not_followed(server: ManyRecords, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    (tmp_path / "r.jsonl.run").symlink_to(precious)
    with pytest.raises(OnlivePayloadError, match="symbolic links"):
        update(report_path=str(tmp_path / "r.jsonl"))
    assert precious.read_text() == "keep me"
    assert server.requests == []
    assert not (tmp_path / "r.jsonl.lock").exists()


@pytest.mark.parametrize("is_left_by_an_older_version", [False, True])
def test_only_its_owner_reads_what_a_run_leaves(
    server: ManyRecords, tmp_path: Path, is_left_by_an_older_version: bool
) -> None:
    seen: set[tuple[str, int]] = set()

    def look(_: Any) -> None:
        seen.update((each.name, each.stat().st_mode & 0o777) for each in tmp_path.iterdir())

    server.before = look  # type: ignore[assignment]
    old_mask = os.umask(0)
    try:
        if is_left_by_an_older_version:
            (tmp_path / "r.jsonl.run").touch(0o644)
            (tmp_path / "r.jsonl").touch(0o644)
            (tmp_path / "r.html").touch(0o644)
        update(report_path=str(tmp_path / "r.jsonl"))
    finally:
        os.umask(old_mask)
    assert ("r.jsonl.run", 0o600) in seen
    assert ("r.jsonl.lock", 0o600) in seen
    assert {(each.name, each.stat().st_mode & 0o777) for each in tmp_path.iterdir()} == {
        ("r.jsonl", 0o600),
        ("r.html", 0o600),
    }


def test_a_report_that_cannot_be_stored_says_where_and_what_to_do_and_the_retry_stores_it(
    server: ManyRecords, tmp_path: Path
) -> None:
    shelf = Shelf(tmp_path / "shelf")

    def full(operation: str, name: str) -> None:
        if operation == "write" and name.endswith(("r.jsonl", "r.html")):
            raise OSError(28, "No space left on device")

    shelf.before = full
    with pytest.raises(
        OnliveReportPlaceError, match=r"shelf://r.jsonl could not be written: No space left on device"
    ) as it:
        update(shelf, report_path="shelf://r.jsonl")
    assert "Make room" in str(it.value)
    assert not isinstance(it.value, AirflowFailException)
    shelf.before = lambda operation, name: None
    assert update(shelf, report_path="shelf://r.jsonl")["updated"] == 3
    assert sum(server.writes.values()) == 3
    assert sorted(shelf.objects()) == ["r.html", "r.jsonl"]


def test_nothing_is_left_in_temporary_folders(
    server: ManyRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    seen: set[str] = set()
    server.before = lambda _: seen.update(each.name for each in temporary.iterdir())
    update(Shelf(tmp_path / "shelf"), report_path="shelf://r.jsonl")
    assert {name for name in seen if not name.startswith("onlive-")} == set()
    assert [each.name for each in temporary.iterdir() if "bulk" in each.name] == []


def test_a_working_file_that_is_a_pipe_is_refused(server: ManyRecords, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "r.jsonl.run")
    with pytest.raises(OnlivePayloadError, match="where nothing can be written: is not a plain file"):
        update(report_path=str(tmp_path / "r.jsonl"))
    assert server.requests == []


def test_a_store_whose_package_is_missing_names_it(server: ManyRecords, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")

    def missing(operation: str, name: str) -> None:
        raise ImportError("no module", name="s3fs")

    shelf.before = missing
    with pytest.raises(OnlivePayloadError, match=r"needs a package that is not installed \(s3fs\)"):
        update(shelf, report_path="shelf://r.jsonl")
    assert server.requests == []


class Interrupted(Shelf):
    """A store whose objects cannot be read beyond their beginning."""

    def open(self, path: str, mode: Any) -> Any:
        file = super().open(path, mode)
        if mode == "wb":
            return file
        blocks = iter([file.read(20)])

        class Cut(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                if (block := next(blocks, None)) is None:
                    raise ConnectionResetError("the store is away")
                return block

        return Cut()


def test_a_report_that_is_not_copied_to_its_end_is_kept_where_it_was(tmp_path: Path) -> None:
    shelf = Interrupted(tmp_path / "shelf")
    (shelf.folder / "r.jsonl").write_bytes(b'{"index":0,"outcome":"updated"}\n')
    with pytest.raises(ConnectionResetError):
        move(shelf, "shelf://r.jsonl", "shelf://r.jsonl.1")
    assert shelf.objects() == {"r.jsonl": b'{"index":0,"outcome":"updated"}\n'}


def test_an_interrupt_leaves_no_half_report_in_a_store(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")

    def write() -> None:
        with Place(shelf, "shelf://r.jsonl", "report_path").writing("shelf://r.jsonl") as report:
            report.write(b'{"index":0,"outc')
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert shelf.objects() == {}
