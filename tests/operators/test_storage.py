"""Files on the worker's disk and in an object store that Airflow opens."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fsspec
import pytest

from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.operators.storage import AirflowStorage
from tests.bulk.child import task_instance
from tests.bulk.server import ManyRecords, record_id
from tests.operators.conftest import connection_to

PLACES = ["disk", "file_url", "bucket"]
if find_spec("airflow.sdk"):  # Airflow 2.11 knows no `local://`.
    PLACES.append("store with folders")


@pytest.fixture(params=PLACES)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "store with folders":
        return f"local://{tmp_path}/new/folder"
    if request.param == "bucket":
        return str(request.getfixturevalue("bucket"))
    return str(tmp_path / "new folder") if request.param == "disk" else (tmp_path / "new folder").as_uri()


def put(path: str, content: bytes) -> None:
    with AirflowStorage().open(path, "wb") as file:
        file.write(content)


def get(path: str) -> bytes:
    with AirflowStorage().open(path, "rb") as file:
        return file.read()


def test_the_names_in_a_folder_are_those_of_this_moment(folder: str) -> None:
    storage = AirflowStorage()
    assert storage.names(folder) == []
    for name in ("b.1", "a", "b.10"):
        put(f"{folder}/{name}", b"x")
    assert storage.names(folder) == ["a", "b.1", "b.10"]
    storage.remove(f"{folder}/b.1")
    assert storage.names(folder) == ["a", "b.10"]


def test_a_report_and_what_was_kept_of_it_are_beside_each_other(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with ManyRecords(3) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server))
        for title in ("one", "two"):
            rows = [{"id": record_id(number), "title": title} for number in range(3)]
            operator = BulkUpdateAppointmentsOperator(task_id="update", updates=rows, report_path=f"{folder}/r.jsonl")
            assert run(operator)["updated"] == 3
    assert AirflowStorage().names(folder) == ["r.html", "r.jsonl", "r.jsonl.1", "r.jsonl.1.html"]
    befores = [json.loads(get(f"{folder}/{name}").splitlines()[0])["before"] for name in ("r.jsonl.1", "r.jsonl")]
    assert befores == [{"title": "as it was"}, {"title": "one"}]


def test_what_is_written_is_read_again_and_removed(folder: str) -> None:
    storage, path = AirflowStorage(), f"{folder}/a.csv"
    put(path, b"abc")
    assert get(path) == b"abc"
    assert storage.size(path) == 3
    storage.remove(path)
    storage.remove(path)
    for look in (storage.size, storage.fingerprint, get):
        with pytest.raises(FileNotFoundError):
            look(path)


def test_another_content_has_another_fingerprint(folder: str) -> None:
    storage, path = AirflowStorage(), f"{folder}/a.csv"
    put(path, b"abc")
    first = storage.fingerprint(path)
    assert storage.fingerprint(path) == first
    put(path, b"abcd")
    assert storage.fingerprint(path) != first


@pytest.mark.parametrize(
    ("path", "local"),
    [
        ("/data/a b.csv", "/data/a b.csv"),
        ("file:///data/a%20b.csv", "/data/a b.csv"),
        ("a.csv", "a.csv"),
        ("s3://x@bucket/a", None),
    ],
)
def test_only_files_of_this_machine_have_a_local_path(path: str, local: str | None) -> None:
    assert AirflowStorage().local_path(path) == (local and Path(local))


def run(operator: Any) -> dict[str, Any]:
    return operator.execute({"ti": task_instance()})


def test_rows_come_from_and_the_report_goes_to_an_object_store(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f"{record_id(number)},new\n" for number in range(5))
    put(f"{bucket}/rows.csv", f"id,title\n{rows}".encode())

    def update() -> BulkUpdateAppointmentsOperator:
        return BulkUpdateAppointmentsOperator(
            task_id="update", updates_path=f"{bucket}/rows.csv", report_path=f"{bucket}/out/r.jsonl", concurrency=1
        )

    with ManyRecords(5) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server))
        first = update()
        server.after = lambda seen: first.on_kill() if len(server.writes) == 2 else None
        with pytest.raises(Exception, match="told to stop"):
            run(first)
        server.after = lambda seen: None
        done = len(server.writes)
        names = [json.loads(line)["outcome"] for line in get(f"{bucket}/out/r.jsonl").splitlines()]
        assert names == ["updated"] * done + ["not_attempted"] * (5 - done)
        server.requests.clear()
        assert run(update())["updated"] == 5
        assert {seen.id for seen in server.requests} == {record_id(number) for number in range(done, 5)}
    assert len(get(f"{bucket}/out/r.jsonl").splitlines()) == 5
    assert b"update: outcomes" in get(f"{bucket}/out/r.html")
    assert sorted(fsspec.filesystem("memory").ls("/bucket/folder/out", detail=False)) == [
        "/bucket/folder/out/r.html",
        "/bucket/folder/out/r.jsonl",
    ]
