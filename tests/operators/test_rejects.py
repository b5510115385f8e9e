"""The failed rows of a bulk update: kept as they came in, mended, and fed again."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from onlive_provider.bulk import rejects
from onlive_provider.bulk.rejected_rows import rejected_items
from onlive_provider.bulk.rejects_place import RejectsPlace
from onlive_provider.errors import (
    OnliveError,
    OnlivePayloadError,
    OnliveRecordsFailedError,
    OnliveRecordsToRetryError,
    OnliveReportPlaceError,
)
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator, BulkUpdateServicesOperator
from onlive_provider.operators.storage import AirflowStorage
from onlive_provider.report.outcomes import Outcome
from tests.bulk.child import task_instance
from tests.bulk.server import ManyRecords, record_id
from tests.bulk.shelf import Shelf
from tests.documentation.blocks import block
from tests.operators.conftest import connection_to
from tests.operators.test_bulk import Store

PLENTY = {"reads_per_minute": 100_000, "writes_per_minute": 100_000}
REFUSED = 13
ECHO = {"message": "no title for ana.lopez@example.com", "errors": [{"field": "title", "message": "is taken"}]}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ManyRecords]:
    """Serve twenty records; the server refuses the title "taken"."""
    with ManyRecords(20) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server, **PLENTY))
        server.before = lambda seen: (422, ECHO) if seen.patch.get("title") == "taken" else None
        yield server


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, str]:
    return {"report_path": str(tmp_path / "report.jsonl")}


def update(source: Any, path: Any, storage: Any = None, **arguments: Any) -> Any:
    given = {"updates_path": str(source)} if isinstance(source, str | Path) else {"updates": source}
    operator = BulkUpdateAppointmentsOperator(task_id="update", rejects_path=str(path), **given, **arguments)
    if storage is not None:
        operator.storage = storage
    return operator


def run(operator: Any, **context: Any) -> Any:
    return operator.execute({"ti": task_instance(), **context})


def fails(operator: Any, **context: Any) -> OnliveRecordsFailedError:
    with pytest.raises(OnliveRecordsFailedError) as caught:
        run(operator, **context)
    return caught.value


def writes(server: ManyRecords) -> list[tuple[str, dict[str, Any]]]:
    return [(seen.id, seen.patch) for seen in server.requests if seen.method == "PUT"]


def rows_of(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))


def objects_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def twenty() -> list[dict[str, Any]]:
    """Return twenty rows, of which one is bad and one is refused by the server."""
    rows = [{"id": record_id(number), "title": f"title {number}", "extraFields": {"n": None}} for number in range(20)]
    rows[3]["title"] = 5
    rows[REFUSED] |= {"title": "taken", "description": None}
    return rows


def test_of_twenty_rows_of_csv_two_are_kept_mended_and_written(server: ManyRecords, tmp_path: Path) -> None:
    fields = {"TITLE": "title", "LANG": "lang"}
    lines = [f'{record_id(n)},title {n},NULL,"note, ""{n}""\nfor Ñandú"' for n in range(20)]
    lines[3] = 'no id,title 3,es,"one, two"'
    lines[REFUSED] = f"{record_id(REFUSED)},taken,,"
    (tmp_path / "rows.csv").write_text("\n".join(["ID,TITLE,LANG,NOTES", *lines]))
    options = {"id_field": "ID", "fields": fields}
    error = fails(update(tmp_path / "rows.csv", tmp_path / "rejects.csv", **options))
    assert "2 of 20 records failed (18 updated, 2 failed)" in str(error)

    header, bad, refused = rows_of(tmp_path / "rejects.csv")
    assert header == ["ID", "TITLE", "LANG", "NOTES", "onlive_error"]
    assert bad[:-1] == ["no id", "title 3", "es", "one, two"]
    assert bad[-1].startswith("ID: got str ")
    assert refused[:-1] == [record_id(REFUSED), "taken", "", ""]
    assert "the server answered 422" in refused[-1]
    assert "title: is taken" in refused[-1]
    assert "ana.lopez" not in refused[-1]
    assert stat.S_IMODE((tmp_path / "rejects.csv").stat().st_mode) == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == ["rejects.csv", "rows.csv"]

    mended = (tmp_path / "rejects.csv").read_text().replace("no id", record_id(3)).replace("taken", "free", 1)
    (tmp_path / "rejects.csv").write_text(mended)
    server.requests.clear()
    assert run(update(tmp_path / "rejects.csv", tmp_path / "again.csv", **options))["updated"] == 2
    assert sorted(writes(server)) == [
        (record_id(3), {"title": "title 3", "lang": "es"}),
        (record_id(REFUSED), {"title": "free"}),
    ]
    assert rows_of(tmp_path / "again.csv") == [header]


def test_of_twenty_lines_of_json_two_are_kept_as_they_stand_mended_and_written(
    server: ManyRecords, tmp_path: Path
) -> None:
    lines = [json.dumps(row) for row in twenty()]
    without = json.dumps({name: value for name, value in twenty()[3].items() if name != "extraFields"})
    lines[3] = without.replace("{", '{ "extraFields" :{"price":1.10,"big":12345678901234567890}, ', 1)
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    fails(update(tmp_path / "rows.jsonl", tmp_path / "rejects.jsonl"))
    bad, refused = (tmp_path / "rejects.jsonl").read_text().splitlines()
    assert '"extraFields" :{"price":1.10,"big":12345678901234567890}' in bad
    assert json.loads(bad)["onlive_error"].startswith("title: got int (value not shown), a number where text belongs")
    assert refused.startswith(f"{lines[REFUSED][:-1]}, ")
    assert (json.loads(refused)["description"], json.loads(refused)["extraFields"]) == (None, {"n": None})

    mended = (tmp_path / "rejects.jsonl").read_text().replace('"title": 5', '"title": "five"').replace("taken", "free")
    (tmp_path / "mended.jsonl").write_text(mended)
    server.fields["description"] = "there"
    server.requests.clear()
    assert run(update(tmp_path / "mended.jsonl", tmp_path / "rejects.jsonl"))["updated"] == 2
    sent = dict(writes(server))
    assert set(sent) == {record_id(3), record_id(REFUSED)}
    assert sent[record_id(REFUSED)]["title"] == "free"
    assert sent[record_id(REFUSED)]["description"] is None
    assert (tmp_path / "rejects.jsonl").read_bytes() == b""
    assert run(update(tmp_path / "rejects.jsonl", tmp_path / "again.jsonl"))["total"] == 0


def test_of_twenty_items_of_a_list_two_are_kept_as_json_lines_mended_and_written(
    server: ManyRecords, tmp_path: Path
) -> None:
    path = tmp_path / "rejects.jsonl"
    fails(update(twenty(), path))
    bad, refused = objects_of(path)
    assert bad.pop("onlive_error").startswith("title: got int (value not shown), a number where text belongs")
    assert "422" in refused.pop("onlive_error")
    assert [bad, refused] == [twenty()[3], twenty()[REFUSED]]
    server.requests.clear()
    mended = [{**row, "title": "free", "onlive_error": "an earlier reason"} for row in (bad, refused)]
    assert run(update(mended, path))["updated"] == 2
    assert len(writes(server)) == 2
    assert path.read_bytes() == b""


def test_of_twenty_rows_of_parquet_two_are_kept_with_the_schema_mended_and_written(
    server: ManyRecords, tmp_path: Path
) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    schema = arrow.schema(
        [
            arrow.field("id", arrow.string(), nullable=False),
            arrow.field("title", arrow.dictionary(arrow.int8(), arrow.string())),
            arrow.field("NOISE", arrow.list_(arrow.struct([("when", arrow.timestamp("ns", "Europe/Madrid"))]))),
        ],
        metadata={"made by": "a warehouse"},
    )
    rows = [{"id": record_id(n), "title": f"title {n}", "NOISE": [{"when": n}, None]} for n in range(20)]
    rows[3]["id"] = "no id"
    rows[REFUSED] |= {"title": "taken", "NOISE": None}
    parquet.write_table(arrow.Table.from_pylist(rows, schema), tmp_path / "rows.parquet")
    options = {"fields": {"title": "title"}}
    fails(update(tmp_path / "rows.parquet", tmp_path / "rejects.parquet", **options))

    kept = parquet.read_table(tmp_path / "rejects.parquet")
    assert kept.schema.remove(3) == schema
    assert kept.schema.metadata[b"made by"] == b"a warehouse"
    wanted = arrow.Table.from_pylist([rows[3], rows[REFUSED]], schema)
    assert [kept[name].to_pylist() for name in ("id", "title")] == [
        wanted[name].to_pylist() for name in ("id", "title")
    ]
    assert kept["NOISE"] == wanted["NOISE"]
    first, second = kept["onlive_error"].to_pylist()
    assert first.startswith("id: got str ")
    assert "422" in second

    mended = kept.set_column(0, "id", [[record_id(3), record_id(REFUSED)]]).set_column(1, "title", [["free", "free"]])
    parquet.write_table(mended, tmp_path / "mended.parquet")
    server.requests.clear()
    assert run(update(tmp_path / "mended.parquet", tmp_path / "rejects.parquet", **options))["updated"] == 2
    assert writes(server) == [(record_id(n), {"title": "free"}) for n in (3, REFUSED)]
    nothing = parquet.read_table(tmp_path / "rejects.parquet")
    assert (nothing.num_rows, nothing.schema) == (0, mended.schema)
    assert run(update(tmp_path / "rejects.parquet", tmp_path / "again.parquet", **options))["total"] == 0


def test_a_second_round_replaces_the_reason_and_sends_it_nowhere(server: ManyRecords, tmp_path: Path) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text(f"onlive_error,id,title\nold,{record_id(0)},taken\nold,{record_id(1)},new\n")
    fails(update(first, second))
    header, refused = rows_of(second)
    assert header == ["onlive_error", "id", "title"]
    assert refused[1:] == [record_id(0), "taken"]
    assert "422" in refused[0]
    assert sorted(writes(server)) == [(record_id(0), {"title": "taken"}), (record_id(1), {"title": "new"})]


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet", "list"])
def test_a_column_of_that_name_is_ignored_without_fields_too(server: ManyRecords, tmp_path: Path, ending: str) -> None:
    row = {"id": record_id(0), "title": "new", "onlive_error": "why"}
    path = tmp_path / f"rows.{ending}"
    if ending == "parquet":
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(arrow.Table.from_pylist([row]), path)
    elif ending == "jsonl":
        path.write_text(json.dumps(row))
    elif ending == "csv":
        path.write_text(f"{','.join(row)}\n{','.join(row.values())}\n")
    out = tmp_path / f"rejects.{'jsonl' if ending == 'list' else ending}"
    assert run(update([row] if ending == "list" else path, out))["updated"] == 1
    assert writes(server) == [(record_id(0), {"title": "new"})]


def test_an_ignored_column_of_parquet_may_hold_what_python_cannot(server: ManyRecords, tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {"id": [record_id(0)], "title": ["new"]}
    columns["onlive_error"] = arrow.array([2**62], arrow.timestamp("us"))
    parquet.write_table(arrow.table(columns), tmp_path / "rows.parquet")
    assert run(update(tmp_path / "rows.parquet", tmp_path / "rejects.parquet"))["updated"] == 1


def test_another_spelling_of_the_column_is_a_field_like_any_other(server: ManyRecords, tmp_path: Path) -> None:
    error = fails(update([{"id": record_id(0), "onlive_Error": "why"}], tmp_path / "r.jsonl"))
    assert "onlive_Error" in str(error)
    assert server.requests == []


@pytest.mark.parametrize("arguments", [{"fields": {"onlive_error": "title"}}, {"id_field": "onlive_error"}])
def test_the_column_cannot_be_mapped_to_anything(server: ManyRecords, tmp_path: Path, arguments: Any) -> None:
    with pytest.raises(OnlivePayloadError, match="is the column in which rejects say why a row failed"):
        run(update([{"id": record_id(0)}], tmp_path / "r.jsonl", **arguments))


def test_what_is_no_row_keeps_its_place_and_never_becomes_one_by_mistake(server: ManyRecords, tmp_path: Path) -> None:
    source, out = tmp_path / "1.csv", tmp_path / "2.csv"
    short, long, broken = record_id(1), f"{record_id(2)},a,b,c", f'"{record_id(3)}"x,a,b'
    source.write_text(f"id,title,description\n{short}\n{long}\n{broken}\n{record_id(4)},taken,b\n")
    fails(update(source, out))
    header, one, two, three, four = rows_of(out)
    assert one[:-1] == [short]
    assert two[:-1] == long.split(",")
    assert three[:-1] == [broken]
    for row in (one, two, three):
        assert re.match(r"onlive_error: line \d ", row[-1])
    assert four[:-1] == [record_id(4), "taken", "b"]

    filled = [row + [""] * (len(header) - len(row)) for row in (header, one, two, three)]
    with out.open("w", newline="") as file:
        csv.writer(file).writerows(filled)
    server.requests.clear()
    third = tmp_path / "3.csv"
    assert fails(update(out, third)).counts["failed"] == 3
    assert server.requests == []
    assert [row[0] for row in rows_of(third)[1:]] == [short, record_id(2), broken]

    with third.open("w", newline="") as file:
        csv.writer(file).writerows([header, [short, "new", "", one[-1]]])
    assert run(update(third, out))["updated"] == 1
    assert writes(server) == [(short, {"title": "new"})]


def test_a_row_that_lost_a_cell_and_kept_its_reason_does_not_become_a_row(server: ManyRecords, tmp_path: Path) -> None:
    source, out = tmp_path / "1.csv", tmp_path / "2.csv"
    source.write_text(f"id,title,description,onlive_error\n{record_id(0)},new,an earlier reason\n")
    for _ in range(3):
        fails(update(source, out))
        source, out = out, source
    assert server.requests == []


def test_a_line_of_json_that_is_no_object_is_kept_as_text_or_as_the_value(server: ManyRecords, tmp_path: Path) -> None:
    lines = [b"{oops", b' [1, {"a": null}] ', b'"caf\xff"', b"", b'{"id": "x", "id": "y"}', b"7"]
    (tmp_path / "rows.jsonl").write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines))
    fails(update(tmp_path / "rows.jsonl", tmp_path / "rejects.jsonl"))
    found = objects_of(tmp_path / "rejects.jsonl")
    assert [each.get("onlive_row") for each in found] == ["{oops", [1, {"a": None}], '"caf\udcff"', None, 7]
    assert '{"id": "x", "id": "y", "onlive_error": ' in (tmp_path / "rejects.jsonl").read_text()
    assert found[0]["onlive_error"].startswith("line 1 is not valid JSON")
    assert found[2]["onlive_error"] == "line 3 is not UTF-8 text"
    assert fails(update(tmp_path / "rejects.jsonl", tmp_path / "again.jsonl")).counts["failed"] == 5
    assert (tmp_path / "again.jsonl").read_text().count('"onlive_error": ') == 5
    assert [each.get("onlive_row") for each in objects_of(tmp_path / "again.jsonl")] == [
        each.get("onlive_row") for each in found
    ]


def test_an_item_that_is_no_object_and_values_that_json_does_not_know_are_kept(
    server: ManyRecords, tmp_path: Path
) -> None:
    from datetime import UTC, datetime
    from decimal import Decimal

    when = datetime(2030, 7, 1, 10, tzinfo=UTC)
    rows = [7, None, {"id": "x", "start": when, "duration": Decimal("1.5"), "title": float("nan"), "tags": {"a"}}]
    fails(update(rows, tmp_path / "r.jsonl"))
    seven, none, row = objects_of(tmp_path / "r.jsonl")
    assert (seven["onlive_row"], none["onlive_row"]) == (7, None)
    assert (row["start"], row["duration"], row["tags"]) == ("2030-07-01T10:00:00+00:00", 1.5, ["a"])
    assert row["title"] != row["title"]


def test_a_byte_order_mark_line_ends_and_bytes_stay_as_they_are(server: ManyRecords, tmp_path: Path) -> None:
    start = b"\xef\xbb\xbfid,title\r\n"
    good, bad = record_id(0).encode() + b",new\r\n", b'x,"a\rb"\r\n' + b"y,caf\xff\r\n"
    (tmp_path / "rows.csv").write_bytes(start + good + bad)
    fails(update(tmp_path / "rows.csv", tmp_path / "rejects.csv"))
    header, first, second = (tmp_path / "rejects.csv").read_bytes().split(b"\r\n")[:3]
    assert header == b"\xef\xbb\xbfid,title,onlive_error"
    assert first.startswith(b'x,"a\rb",')
    assert second == b"y,caf\xff,line 5 is not UTF-8 text"


def test_a_stale_file_does_not_survive_a_run_that_failed_nothing(server: ManyRecords, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(f"id,title\n{record_id(0)},new\n")
    (tmp_path / "rejects.csv").write_text("id,title,onlive_error\nstale,x,y\n")
    run(update(tmp_path / "rows.csv", tmp_path / "rejects.csv"))
    assert (tmp_path / "rejects.csv").read_text() == "id,title,onlive_error\n"
    server.requests.clear()
    assert run(update(tmp_path / "rejects.csv", tmp_path / "again.csv"))["total"] == 0
    assert server.requests == []


def test_rows_that_were_not_attempted_are_no_rejects(server: ManyRecords, tmp_path: Path) -> None:
    rows = [{"id": "bad"}, *({"id": record_id(n), "title": "new"} for n in range(9))]
    error = fails(update(rows, tmp_path / "r.jsonl", on_record_error="stop", concurrency=1))
    assert error.counts["not_attempted"] > 0
    assert [each["id"] for each in objects_of(tmp_path / "r.jsonl")] == ["bad"]


@pytest.mark.parametrize("keeps_report", [True, False])
def test_a_retry_keeps_what_failed_at_an_earlier_try(
    server: ManyRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, paths: Any, keeps_report: bool
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server, **PLENTY, max_attempts=1))
    server.before = lambda seen: (503, {}) if seen.id == record_id(19) else None
    rows = [{"id": "bad"}] * 22 + [{"id": record_id(19), "title": "new"}]
    arguments = paths if keeps_report else {}
    context = {} if keeps_report else {"task_state_store": Store()}
    path = tmp_path / "r.jsonl"
    assert isinstance(fails(update(rows, path, **arguments), **context), OnliveRecordsToRetryError)
    assert len(objects_of(path)) == 23
    server.before = lambda seen: None
    fails(update(rows, path, **arguments), **context)
    reasons = [each["onlive_error"] for each in objects_of(path)]
    assert len(reasons) == 22
    assert sum(each.startswith("id: got str ") for each in reasons) == (22 if keeps_report else 20)
    assert reasons.count("failed at an earlier try") == (0 if keeps_report else 2)


def test_services_have_rejects_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with ManyRecords(2, duration=45) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server))
        rows = [{"id": record_id(0), "duration": -3}, {"id": record_id(1), "duration": 30}]
        path = str(tmp_path / "r.jsonl")
        run(BulkUpdateServicesOperator(task_id="update", updates=rows, allowed_failures=1, rejects_path=path))
        (row,) = objects_of(tmp_path / "r.jsonl")
        assert (row["id"], row["duration"]) == (record_id(0), -3)


def refusal(server: ManyRecords, operator: Any) -> str:
    """Run what is refused before any call; return the one sentence."""
    with pytest.raises(OnlivePayloadError) as caught:
        run(operator)
    assert isinstance(caught.value, AirflowFailException)
    assert server.requests == []
    (error,) = caught.value.errors
    assert error.field == "rejects_path"
    return error.message


@pytest.mark.parametrize("name", ["r.csv", "r", "r.jsonl.gz", "r.json", "r.parquet"])
def test_another_ending_than_the_inputs_is_refused(server: ManyRecords, tmp_path: Path, name: str) -> None:
    (tmp_path / "rows.jsonl").write_text("{}")
    accepted = "accepted: the path or URL of a file that ends in .jsonl, "
    for source, why in (([{}], "because the input is a list"), (tmp_path / "rows.jsonl", "as the input does")):
        assert refusal(server, update(source, tmp_path / name)).endswith(accepted + why)


def test_an_ending_in_capitals_is_the_same_ending(server: ManyRecords, tmp_path: Path) -> None:
    (tmp_path / "ROWS.CSV").write_text("id,title\n")
    run(update(tmp_path / "ROWS.CSV", tmp_path / "rejects.csv"))
    assert (tmp_path / "rejects.csv").read_text() == "id,title,onlive_error\n"


def test_the_path_is_templated_and_not_looked_at_when_the_dag_is_parsed() -> None:
    assert "rejects_path" in BulkUpdateAppointmentsOperator.template_fields
    assert update([], "{{ later }}").rejects_path == "{{ later }}"


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("report.jsonl", "the task's report"),
        ("rows.jsonl", "what the task reads"),
        ("link.jsonl", "what the task reads"),
        ("hard.jsonl", "what the task reads"),
        ("folder.jsonl", "is a folder"),
        ("file/r.jsonl", "a part of its path is a file"),
        ("r" * 300 + ".jsonl", "File name too long"),
        ("nul\0.jsonl", "null"),
    ],
)
def test_a_place_of_another_file_or_of_none_is_refused(
    server: ManyRecords, tmp_path: Path, paths: Any, name: str, what: str
) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text(json.dumps({"id": record_id(0), "title": "new"}))
    (tmp_path / "link.jsonl").symlink_to(source)
    os.link(source, tmp_path / "hard.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "file").write_text("keep me")
    before = sorted(each.name for each in tmp_path.iterdir())
    operator = update(source, tmp_path / name, **paths)
    message = refusal(server, operator)
    assert "where nothing can be written: " in message
    assert what in message
    assert sorted(each.name for each in tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("ending", "what"),
    [(".jsonl", "report"), (".html", "page of"), (".jsonl.run", "working file of"), (".jsonl.lock", "lock of")],
)
def test_a_link_to_a_file_of_the_report_is_refused_by_its_name(
    server: ManyRecords, tmp_path: Path, paths: Any, ending: str, what: str
) -> None:
    (tmp_path / "r.jsonl").symlink_to(tmp_path / f"report{ending}")
    message = refusal(server, update([], tmp_path / "r.jsonl", **paths))
    assert f"{tmp_path}/r.jsonl is the {what}" in message.replace("task's ", "")


def test_the_snapshot_is_refused_by_its_name(server: ManyRecords, tmp_path: Path) -> None:
    operator = update([], tmp_path / "r.jsonl")
    operator.snapshot_path = str(tmp_path / "r.jsonl")
    assert "r.jsonl is the task's snapshot" in refusal(server, operator)


def test_a_place_that_may_not_be_written_is_refused_and_one_that_is_away_is_tried_again(
    server: ManyRecords, tmp_path: Path
) -> None:
    shelf = Shelf(tmp_path / "shelf")

    def read_only(operation: str, name: str) -> None:
        raise PermissionError(13, "Permission denied")

    def away(operation: str, name: str) -> None:
        raise ConnectionError("no route")

    shelf.before = read_only
    assert "Permission denied" in refusal(server, update([], "shelf://r.jsonl", shelf))
    shelf.before = away
    with pytest.raises(OnliveReportPlaceError, match=r"The rejects shelf://r.jsonl cannot be written now"):
        run(update([], "shelf://r.jsonl", shelf))
    assert server.requests == []


def test_rejects_are_kept_in_an_object_store(server: ManyRecords, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")
    (tmp_path / "shelf" / "rows.csv").write_text(f"id,title\n{record_id(0)},new\nbad,x\n")
    shelf.fingerprint = lambda path: "1"  # type: ignore[method-assign]
    shelf.size = lambda path: 1  # type: ignore[method-assign]
    fails(update("shelf://rows.csv", "shelf://rejects.csv", shelf))
    assert shelf.objects()["rejects.csv"].startswith(b'id,title,onlive_error\nbad,x,"id: got str')
    assert sorted(shelf.objects()) == ["rejects.csv", "rows.csv"]


def test_rejects_that_cannot_be_written_at_the_end_are_told_and_the_report_is_there(
    server: ManyRecords, tmp_path: Path, paths: Any
) -> None:
    shelf = Shelf(tmp_path / "shelf")

    def full(operation: str, name: str) -> None:
        if operation == "write" and name.endswith("r.jsonl"):
            raise OSError(28, "No space left on device")

    shelf.before = full
    told = "The failed rows could not be written to shelf://r.jsonl: No space left on device. Make room"
    with pytest.raises(OnliveError, match=told) as green:
        run(update([{"id": record_id(0), "title": "new"}], "shelf://r.jsonl", shelf, **paths))
    assert isinstance(green.value, AirflowFailException)
    error = fails(update(twenty(), "shelf://r.jsonl", shelf, **paths))
    assert told in str(error)
    assert str(error).startswith("2 of 20 records failed")
    assert len(objects_of(Path(paths["report_path"]))) == 20


def test_an_input_that_is_changed_before_the_second_pass_is_told_and_the_report_is_there(
    server: ManyRecords, tmp_path: Path, paths: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = tmp_path / "rows.csv", tmp_path / "rejects.csv"
    source.write_text(f"id,title\nbad,x\n{record_id(0)},new\n")
    flush = rejects.Reasons.flush

    def change(reasons: Any) -> None:
        flush(reasons)
        source.write_text("id,title\nother,x\n")

    monkeypatch.setattr(rejects.Reasons, "flush", change)
    error = fails(update(source, out, **paths))
    assert "The failed rows could not be written to" in str(error)
    assert "was changed after the task had looked at it" in str(error)
    assert not out.exists()
    assert [each["outcome"] for each in objects_of(Path(paths["report_path"]))] == ["failed", "updated"]


def test_a_full_disk_for_the_reasons_does_not_stop_the_run(
    server: ManyRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "no such folder"))
    error = fails(update(twenty(), tmp_path / "r.jsonl"))
    assert error.counts["updated"] == 18
    assert "The failed rows could not be written" in str(error)


def test_the_second_pass_reads_no_further_than_to_the_last_failure(
    server: ManyRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text("{}\n" + "".join(f'{{"id": "{record_id(n)}"}}\n' for n in range(20)) + " " * 1_000_000)
    read: list[int] = []
    from onlive_provider.operators.input_file import InputFile

    opened = InputFile.open

    def count(self: Any, path: str) -> Any:
        read.append(0)
        file = opened(self, path)
        into = file.raw.readinto

        def readinto(buffer: Any) -> int:
            size = into(buffer)
            read[-1] += size
            return size

        file.raw.readinto = readinto
        return file

    monkeypatch.setattr(InputFile, "open", count)
    fails(update(source, tmp_path / "rejects.jsonl"))
    first, second = read
    assert second < first / 2


def test_no_guests_data_of_the_server_get_into_the_rejects_and_the_callers_own_do(
    server: ManyRecords, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.before = lambda seen: (422, {"message": "eva@example.com has +34 600 000 009"}) if seen.patch else None
    caplog.set_level(logging.DEBUG)
    guests = [{"email": "ana.lopez@example.com"}]
    error = fails(update([{"id": record_id(0), "title": "x", "guests": guests}], tmp_path / "r.jsonl"))
    (row,) = objects_of(tmp_path / "r.jsonl")
    assert row["guests"] == guests
    assert "eva@" not in row["onlive_error"]
    assert "000 009" not in row["onlive_error"]
    assert "ana.lopez" not in f"{error}{caplog.text}"


def test_whatever_a_reason_says_is_one_short_line_without_guests_data(tmp_path: Path) -> None:
    place = RejectsPlace(AirflowStorage(), str(tmp_path / "r.jsonl"), {})
    kept = rejects.Rejects(place, lambda reasons: rejected_items([{"id": 1}], reasons))
    message = "no ana.lopez@example.com,\n+34 600 000 009 \x1b[2J\ud800" + "x" * 5_000
    kept.add(Outcome(0, None, None, "failed", message=message))
    kept.finish()
    (row,) = objects_of(tmp_path / "r.jsonl")
    assert row["onlive_error"].startswith(r"no <hidden>, <hidden> \x1b[2J\ud800xxx")
    assert len(row["onlive_error"]) < 1_010


def test_what_the_page_of_the_documentation_shows_works(server: ManyRecords, tmp_path: Path) -> None:
    code, shown = (
        block("docs/rejects.md", "Feed the failures again"),
        block("docs/rejects.md", "Feed the failures again", 2),
    )
    lines = [f"{record_id(n)},Visit,es," for n in range(20)]
    lines[3:5] = [f'{record_id(3)},taken,NULL,"moved, twice"', "no-id,Visit,es,"]
    (tmp_path / "appointments.csv").write_text("\n".join(["ID,TITLE,LANG,NOTES", *lines]))
    operators: dict[str, Any] = {}
    exec(code.replace("/data/", f"{tmp_path}/"), operators)
    fails(operators["update"])
    wanted = list(csv.reader(io.StringIO(shown.replace("Visit,NULL", "taken,NULL"))))
    found = rows_of(tmp_path / "rejects.csv")
    assert [row[:-1] for row in found] == [row[:-1] for row in wanted]
    for given, said in zip(found, wanted, strict=True):
        assert re.match(re.escape(said[-1]).replace(r"\.\.\.", ".*"), given[-1])
    text = (tmp_path / "rejects.csv").read_text()
    (tmp_path / "rejects.csv").write_text(text.replace("taken", "free").replace("no-id", record_id(4)))
    server.requests.clear()
    assert run(operators["again"])["updated"] == 2
    assert len(writes(server)) == 2


def test_a_million_failed_rows_take_little_memory() -> None:
    import tracemalloc

    kept = rejects.Reasons()
    tracemalloc.start()
    for index in range(100_000):
        kept.put(index, f"the reason of row {index} " + "x" * 100)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 100_000 * 20
    kept.flush()
    assert kept.get(99_999) == "the reason of row 99999 " + "x" * 100
    assert (kept.end, kept.get(100_000)) == (100_000, None)
    kept.close()
