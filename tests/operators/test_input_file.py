"""The file of a bulk update: what is wrong with it is one sentence, before any call or after the rows read."""

from __future__ import annotations

import errno
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, BaseHook

from onlive_provider.errors import (
    OnliveError,
    OnliveInputAwayError,
    OnliveInputError,
    OnlivePayloadError,
    OnliveRecordsFailedError,
)
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator

try:
    from airflow.sdk.io import attach
except ImportError:  # Airflow 2.11
    from airflow.io.store import attach
try:
    from airflow.sdk.io import get_fs
except ImportError:  # Airflow 2.11 and 3.0
    from airflow.io import get_fs

from tests.bulk.child import task_instance
from tests.bulk.server import ManyRecords, record_id
from tests.operators.conftest import connection_to

PLENTY = {"reads_per_minute": 100_000, "writes_per_minute": 100_000}
COUNT = 1_500
ADVICE = "Let the file be complete before the task begins, and clear the task."


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ManyRecords]:
    with ManyRecords(COUNT) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server, **PLENTY))
        yield server


def update(path: object, **arguments: Any) -> BulkUpdateAppointmentsOperator:
    return BulkUpdateAppointmentsOperator(task_id="update", updates_path=str(path), **arguments)


def run(operator: Any) -> dict[str, Any]:
    return operator.execute({"ti": task_instance()})


def refused(path: object, server: ManyRecords) -> str:
    """Return the one sentence with which a path is refused for good, before any call."""
    with pytest.raises(OnlivePayloadError) as caught:
        run(update(path))
    assert isinstance(caught.value, AirflowFailException)
    assert server.requests == []
    (error,) = caught.value.errors
    assert error.field == "updates_path"
    return error.message


def csv(*numbers: int, title: str = "new") -> str:
    return "".join(f"{record_id(number)},{title}\n" for number in numbers)


ACCEPTED = "accepted: the path or URL of a file that this worker can read"


def test_a_path_with_a_nul_is_refused(server: ManyRecords) -> None:
    with pytest.raises(ValueError, match="embedded null") as python_says:
        Path("a\0b.csv").stat()
    assert refused("a\0b.csv", server) == rf"'a\x00b.csv' cannot be opened: {python_says.value}; {ACCEPTED}"


def test_a_folder_is_refused(server: ManyRecords, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").mkdir()
    assert refused(tmp_path / "rows.csv", server) == (
        f"{tmp_path}/rows.csv cannot be opened: it is a folder; {ACCEPTED}"
    )


def test_a_name_that_is_too_long_is_refused_and_cut(server: ManyRecords) -> None:
    assert refused("x" * 300 + ".csv", server) == (
        f"{'x' * 200}... cannot be opened: {os.strerror(errno.ENAMETOOLONG)}; {ACCEPTED}"
    )


def test_a_link_to_itself_and_a_file_for_a_folder_are_refused(server: ManyRecords, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").symlink_to(tmp_path / "rows.csv")
    assert os.strerror(errno.ELOOP) in refused(tmp_path / "rows.csv", server)
    (tmp_path / "file").touch()
    assert os.strerror(errno.ENOTDIR) in refused(tmp_path / "file" / "rows.csv", server)


def test_a_pipe_is_refused_and_not_waited_for(server: ManyRecords, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rows.csv")
    writer = os.open(tmp_path / "rows.csv", os.O_RDWR)  # so that nobody waits who opens it all the same
    os.write(writer, b"id\n")
    assert "cannot be opened: it is not a regular file; " in refused(tmp_path / "rows.csv", server)
    os.close(writer)


def test_a_file_of_proc_is_refused(server: ManyRecords, tmp_path: Path) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("needs Linux")
    (tmp_path / "rows.csv").symlink_to("/proc/self/status")
    assert "it has content and says that its size is 0, as files in /proc do; " in refused(
        tmp_path / "rows.csv", server
    )


def test_an_empty_file_is_refused_by_its_own_sentence(server: ManyRecords, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").touch()
    assert refused(tmp_path / "rows.csv", server).startswith("the file is empty; ")


def test_a_file_that_may_not_be_read_is_refused(server: ManyRecords, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").touch(0o200)
    is_root = os.geteuid() == 0
    if is_root:  # who may read every file
        os.seteuid(65534)
    try:
        assert os.strerror(errno.EACCES) in refused(tmp_path / "rows.csv", server)
    finally:
        if is_root:
            os.seteuid(0)


def test_a_scheme_that_nobody_knows_is_refused(server: ManyRecords) -> None:
    message = refused("foo://bucket/rows.csv?signature=secret", server)
    assert message.startswith("foo://bucket/rows.csv cannot be opened: ")
    assert "foo" in message.partition(": ")[2]
    assert message.endswith(f"; {ACCEPTED}")
    assert "secret" not in message


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> type[Store]:
    """Give an object store whose answers a test decides: ``odd://bucket/rows.csv``."""
    fsspec.register_implementation("odd", Store, clobber=True)
    monkeypatch.setattr(Store, "errors", {})
    monkeypatch.setattr(Store, "content", f"id,title\n{csv(*range(COUNT))}".encode())
    monkeypatch.setattr(Store, "listed", None)
    attach("odd", fs=Store())
    return Store


class Store(fsspec.AbstractFileSystem):  # type: ignore[misc]
    """Holds one file. ``errors`` are raised by the method of their name."""

    protocol = "odd"
    cachable = False
    errors: dict[str, Exception] = {}  # noqa: RUF012 (a new one for each test)
    content = b""
    listed: dict[str, Any] | None = None

    def invalidate_cache(self, path: str | None = None) -> None:
        Store.listed = None

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        self._fail("info")
        if self.listed is None:
            Store.listed = {
                "name": path,
                "size": len(self.content),
                "type": "file",
                "mark": hash(self.content),
            }
        return self.listed  # type: ignore[return-value]

    def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        self._fail("open")
        return _StoredFile(self)

    def _fail(self, name: str) -> None:
        if name in self.errors:
            raise self.errors[name]


class _StoredFile(io.BytesIO):
    """A file that is fetched piece by piece."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.content)
        self.store = store

    def read(self, size: int | None = -1, /) -> bytes:
        self.store._fail("read")
        return super().read(min(size or 0, 8192))


URL = "odd://bucket/rows.csv"


class AnswerError(Exception):
    """What a store's client raises that is no OSError."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(f"signature=secret {record_id(1)}")
        self.__dict__.update(attributes)


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


LASTING = {
    "denied": (PermissionError(errno.EACCES, "Forbidden"), "Forbidden"),
    "403": (AnswerError(status=403), "AnswerError (status 403)"),
    "400 of S3": (AnswerError(response={"ResponseMetadata": {"HTTPStatusCode": 400}}), "AnswerError (status 400)"),
    "no status": (AnswerError(), "AnswerError"),
    "a folder": (IsADirectoryError("rows.csv"), "IsADirectoryError"),
    "a package": (ImportError("Install oddfs to open odd://"), "Install oddfs to open odd://"),
}
AWAY = {
    "refused": (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "Connection refused"),
    "timeout": (TimeoutError(), "TimeoutError"),
    "503": (AnswerError(status_code=503), "AnswerError (status 503)"),
    "429": (AnswerError(code=429), "AnswerError (status 429)"),
    "503 of S3": (AnswerError(response={"ResponseMetadata": {"HTTPStatusCode": 503}}), "AnswerError (status 503)"),
    "no route behind it": (caused(AnswerError(), OSError(errno.EHOSTUNREACH, "No route")), "AnswerError"),
}


@pytest.mark.parametrize("at", ["info", "open"])
@pytest.mark.parametrize("kind", LASTING)
def test_a_store_that_says_no_refuses_the_path_for_good(
    server: ManyRecords, store: type[Store], kind: str, at: str
) -> None:
    error, reason = LASTING[kind]
    store.errors[at] = error
    assert refused(URL, server) == f"{URL} cannot be opened: {reason}; {ACCEPTED}"


@pytest.mark.parametrize("at", ["info", "open"])
@pytest.mark.parametrize("kind", AWAY)
def test_a_store_that_is_away_may_be_there_at_a_retry(
    server: ManyRecords, store: type[Store], kind: str, at: str
) -> None:
    error, reason = AWAY[kind]
    store.errors[at] = error
    with pytest.raises(OnliveInputAwayError) as caught:
        run(update(URL))
    assert str(caught.value) == (
        f"updates_path: {URL} cannot be opened: {reason}; nothing was sent, and a retry may find it"
    )
    assert not isinstance(caught.value, AirflowFailException)
    assert server.requests == []


def test_a_connection_that_is_missing_is_named(
    server: ManyRecords, store: type[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_store(conn_id: str, _: Any) -> Store:
        BaseHook.get_connection(conn_id)
        return store()

    registered = get_fs.__globals__["_register_filesystems"]()
    monkeypatch.setitem(registered, "odd", open_store)
    message = refused("odd://gone@bucket/rows.csv", server)
    assert message == f"odd://gone@bucket/rows.csv cannot be opened: The conn_id `gone` isn't defined; {ACCEPTED}"


@pytest.mark.parametrize(
    ("error", "is_away"), [(AnswerError(status=403), False), (ConnectionResetError(errno.ECONNRESET, "reset"), True)]
)
def test_a_store_that_fails_in_the_middle_ends_the_run_after_the_rows_that_were_read(
    server: ManyRecords, store: type[Store], tmp_path: Path, error: Exception, is_away: bool
) -> None:
    def fail(seen: Any) -> None:
        store.errors["read"] = error

    server.before = fail
    report = tmp_path / "r.jsonl"
    with pytest.raises(OnliveInputError, match=f"^updates_path: {URL} cannot be read to its end: ") as caught:
        run(update(URL, report_path=str(report)))
    assert isinstance(caught.value, OnliveInputAwayError) == is_away
    assert isinstance(caught.value, AirflowFailException) != is_away
    assert "secret" not in str(caught.value)
    outcomes = [json.loads(line) for line in report.read_text().splitlines()]
    assert {each["outcome"] for each in outcomes} == {"updated"}
    assert 0 < len(outcomes) == sum(server.writes.values()) < COUNT


def test_a_remote_file_that_is_replaced_while_it_is_read_is_told(server: ManyRecords, store: type[Store]) -> None:
    def replace(seen: Any) -> None:
        store.content = b"id,title\n" + b"x" * 10

    server.before = replace
    with pytest.raises(OnliveInputError) as caught:
        run(update(URL))
    assert str(caught.value) == (
        f"updates_path: {URL} was changed while it was read: its rows may be of two versions. Those that were read "
        f"have their outcomes. {ADVICE}"
    )
    assert isinstance(caught.value, AirflowFailException)
    assert len(server.writes) == COUNT


def test_a_remote_file_that_is_gone_at_the_end_was_changed(server: ManyRecords, store: type[Store]) -> None:
    def remove(seen: Any) -> None:
        store.errors["info"] = FileNotFoundError("rows.csv")

    server.before = remove
    with pytest.raises(OnliveInputError, match="was changed while it was read"):
        run(update(URL))


def test_a_store_that_is_away_at_the_end_is_asked_again_by_a_retry(server: ManyRecords, store: type[Store]) -> None:
    def leave(seen: Any) -> None:
        store.errors["info"] = TimeoutError()

    server.before = leave
    with pytest.raises(OnliveInputAwayError, match="cannot be read to its end: TimeoutError"):
        run(update(URL))
    assert len(server.writes) == COUNT


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(f"id,title\n{csv(*range(COUNT))}")
    return path


def append(path: Path) -> None:
    with path.open("a") as file:
        file.write(csv(0))


def truncate(path: Path) -> None:
    os.truncate(path, 10)


def write_over(path: Path) -> None:
    with path.open("r+") as file:
        file.write(f"id,title\n{csv(*range(COUNT), title='old')}")


@pytest.mark.parametrize("change", [append, truncate, write_over])
def test_a_file_that_is_changed_while_it_is_read_is_told_after_the_rows_have_their_outcomes(
    server: ManyRecords, rows: Path, tmp_path: Path, change: Any
) -> None:
    changed: list[Any] = []

    def change_once(seen: Any) -> None:
        if not changed:
            changed.append(change(rows))

    server.before = change_once
    with pytest.raises(OnliveError) as caught:
        run(update(rows, report_path=str(tmp_path / "r.jsonl")))
    assert str(caught.value) == (
        f"updates_path: {rows} was changed while it was read: its rows may be of two versions. Those that were read "
        f"have their outcomes. {ADVICE}"
    )
    assert isinstance(caught.value, AirflowFailException)
    outcomes = (tmp_path / "r.jsonl").read_text().splitlines()
    assert sum(server.writes.values()) == sum(json.loads(line)["outcome"] == "updated" for line in outcomes) > 0


def test_a_file_that_is_replaced_as_a_whole_is_read_to_its_end_as_it_was(
    server: ManyRecords, rows: Path, tmp_path: Path
) -> None:
    def replace(seen: Any) -> None:
        other = tmp_path / "other.csv"
        other.write_text("other")
        other.replace(rows)

    server.before = replace
    assert run(update(rows))["updated"] == COUNT


def test_a_file_that_is_changed_before_its_first_row_is_refused(
    server: ManyRecords, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from onlive_provider.hooks.arguments import ArgumentReader

    work = update(rows).read_work(ArgumentReader())
    append(rows)
    with pytest.raises(OnlivePayloadError, match=r"rows\.csv was changed after the task had looked at it"):
        next(work.rows())


def test_parquet_that_is_changed_is_not_taken_for_a_damaged_file(server: ManyRecords, tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    titles = [f"{number:01000}" for number in range(COUNT)]
    table = arrow.table({"id": [record_id(number) for number in range(COUNT)], "title": titles})
    path = tmp_path / "rows.parquet"
    parquet.write_table(table, path, row_group_size=400, compression="none", use_dictionary=False)
    size = path.stat().st_size

    def break_it(seen: Any) -> None:
        path.write_bytes(b"\xff" * (size + 1))

    server.before = break_it
    with pytest.raises(OnliveInputError, match="was changed while it was read"):
        run(update(path))


def test_a_broken_page_is_told_after_the_rows_before_it_and_is_not_tried_again(
    server: ManyRecords, tmp_path: Path
) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    ids = [record_id(number) for number in range(COUNT)]
    path = tmp_path / "rows.parquet"
    table = arrow.table({"id": ids, "title": ["x"] * COUNT})
    parquet.write_table(table, path, row_group_size=1_100, compression="none", use_dictionary=False)
    content = path.read_bytes()
    place = content.index(ids[1_100].encode()) - 60
    path.write_bytes(content[:place] + b"\xff" * 56 + content[place + 56 :])
    with pytest.raises(OnliveInputError, match="The 1,024 rows before that place have their outcomes") as caught:
        run(update(path, report_path=str(tmp_path / "r.jsonl")))
    assert isinstance(caught.value, AirflowFailException)
    assert len(server.writes) == len((tmp_path / "r.jsonl").read_text().splitlines()) == 1_024


def test_how_much_was_read_is_known_for_files_that_are_fetched(server: ManyRecords, store: type[Store]) -> None:
    from onlive_provider.hooks.arguments import ArgumentReader

    work = update(URL).read_work(ArgumentReader())
    assert work.read_share() == 0
    rows = work.rows()
    next(rows)
    assert 0 < work.read_share() < 1
    for _ in rows:
        pass
    assert work.read_share() == 1


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv"])
def test_a_deep_cell_and_a_deep_line_fail_alone(server: ManyRecords, tmp_path: Path, name: str) -> None:
    deep = '{"a":' * 3_000 + "1" + "}" * 3_000
    if name == "rows.csv":
        quoted = deep.replace('"', '""')
        text = f'id,extraFields,title\n{record_id(0)},"{quoted}",x\n{record_id(1)},,x\n'
    else:
        text = f'{{"id": "{record_id(0)}", "extraFields": {deep}}}\n{{"id": "{record_id(1)}", "title": "x"}}\n'
    (tmp_path / name).write_text(text)
    with pytest.raises(OnliveRecordsFailedError, match=r"\(1 updated, 1 failed\)") as caught:
        run(update(tmp_path / name))
    assert "deep" in caught.value.failures[0]["message"]
    assert caught.value.failures[0]["error"] == "OnlivePayloadError"
