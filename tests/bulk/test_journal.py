"""The working file of a run with a report, on this machine's disk and elsewhere."""

from __future__ import annotations

import io
import json
import os
import tempfile
from pathlib import Path
from typing import IO, Any

import pytest

from onlive_provider.bulk.journal import Journal
from onlive_provider.bulk.lease import Owner
from onlive_provider.bulk.memory import Announcement, TaskEnd
from onlive_provider.bulk.report_place import ReportPlace, page_path
from onlive_provider.models.changes import Change
from onlive_provider.models.fields import APPOINTMENT
from onlive_provider.report.outcomes import Outcome, OutcomeName
from tests.loopback import FakeClock

IDENTITY = {"dag_id": "nightly", "max_tries": 1, "input": "f00"}
SENT = Announcement(Change(APPOINTMENT, "r1", {"title": "old"}, {"title": "new"}, "2025-01-01T00:00:00Z"), 5.0)


@pytest.fixture(autouse=True)
def temporary_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the working files of journals that are given up, as by a crash, out of the machine's own folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


class Bucket:
    """Files that are not on this machine's disk: what is written is there once the file is closed."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def open(self, path: str, mode: str) -> IO[bytes]:
        if mode == "rb":
            if path not in self.files:
                raise FileNotFoundError(path)
            return io.BytesIO(self.files[path])
        files = self.files

        class Upload(io.BytesIO):
            def close(self) -> None:
                files[path] = self.getvalue()
                super().close()

        return Upload()

    def remove(self, path: str) -> None:
        self.files.pop(path, None)

    def remove_folder(self, path: str) -> None:
        assert not self.names(path)

    def names(self, folder: str) -> list[str]:
        folder = "s3://bucket" if folder == "." else folder
        found = (path.removeprefix(f"{folder}/") for path in self.files if path.startswith(f"{folder}/"))
        return sorted({each.partition("/")[0] for each in found})

    def local_path(self, path: str) -> Path | None:
        return None


class Disk:
    def open(self, path: str, mode: str) -> IO[bytes]:
        return Path(path).open(mode)  # type: ignore[return-value]

    def remove(self, path: str) -> None:
        Path(path).unlink(missing_ok=True)

    def remove_folder(self, path: str) -> None:
        raise AssertionError("nothing of the disk")

    def names(self, folder: str) -> list[str]:
        return sorted(os.listdir(folder)) if Path(folder).is_dir() else []

    def local_path(self, path: str) -> Path | None:
        return Path(path)


@pytest.fixture(params=["disk", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, str]:
    return (Disk(), str(tmp_path / "r.jsonl")) if request.param == "disk" else (Bucket(), "s3://bucket/r.jsonl")


def open_journal(place: tuple[Any, str], identity: Any = None, personal_data: bool = False) -> Journal:
    storage, path = place
    report = ReportPlace(storage, path, Owner({"dag_id": "nightly"}, 1), FakeClock())
    return Journal(report, identity or IDENTITY, personal_data=personal_data)


def standing(journal: Journal) -> list[Outcome]:
    """Return the outcomes of the first rows that stand."""
    return [found for index in range(20) if isinstance(found := journal.recall(index), Outcome)]


def announcement(journal: Journal, index: int) -> Announcement | None:
    """Return the write of a row of which it is not known whether it was made."""
    found = journal.recall(index)
    return found if isinstance(found, Announcement) else None


def finish(journal: Journal, again: bool = False) -> None:
    journal.finish(TaskEnd(title="t", details={}, again=again))


def lines(place: tuple[Any, str]) -> list[dict[str, Any]]:
    storage, path = place
    with storage.open(path, "rb") as file:
        return [json.loads(line) for line in file.read().splitlines()]


def exists(place: tuple[Any, str], ending: str = "") -> bool:
    storage, path = place
    return Path(path + ending).exists() if isinstance(storage, Disk) else path + ending in storage.files


def test_the_report_is_in_the_inputs_order_and_has_the_last_word_of_each_row(place: Any) -> None:
    journal = open_journal(place)
    journal.record(Outcome(2, None, "c", "unchanged"))
    journal.record(Outcome(0, None, "a", "failed", retryable=True))
    journal.record(Outcome(0, None, "a", "updated"))
    finish(journal)
    assert [(line["index"], line["outcome"]) for line in lines(place)] == [(0, "updated"), (2, "unchanged")]
    assert not exists(place, ".run")


def test_a_retry_has_what_stands_and_what_was_announced(place: Any) -> None:
    journal = open_journal(place)
    journal.record(Outcome(3, 4, "d", "unchanged"))
    journal.record(Outcome(0, 1, "a", "updated"))
    journal.record(Outcome(2, 3, "c", "failed", retryable=True))
    journal.record(Outcome(4, 5, "e", "failed"))
    journal.record(Outcome(5, 6, "f", "not_attempted"))
    journal.announce(1, SENT)
    journal.save()
    retry = open_journal(place)
    assert [(outcome.index, outcome.outcome) for outcome in standing(retry)] == [
        (0, "updated"),
        (3, "unchanged"),
        (4, "failed"),
    ]
    assert announcement(retry, 1) == SENT
    assert announcement(retry, 0) is None


def test_an_announced_write_that_has_an_outcome_is_settled_unless_its_fate_is_unknown(place: Any) -> None:
    journal = open_journal(place)
    for index, error in enumerate([None, "OnliveServerError", "OnliveUnknownFateError"]):
        journal.announce(index, SENT)
        name: Any = "failed" if error else "updated"
        journal.record(Outcome(index, None, "a", name, error=error, retryable=bool(error)))
    journal.save()
    retry = open_journal(place)
    assert [announcement(retry, index) is not None for index in range(3)] == [False, False, True]


def test_what_was_written_stays_through_one_crash_after_another(place: Any) -> None:
    for index in range(5):
        journal = open_journal(place)
        journal.record(Outcome(index, None, "a", "updated"))
        journal.save()
    assert [outcome.index for outcome in standing(open_journal(place))] == [0, 1, 2, 3, 4]


def test_a_line_that_was_cut_off_is_left_out_and_written_over(tmp_path: Path) -> None:
    place = (Disk(), str(tmp_path / "r.jsonl"))
    journal = open_journal(place)
    journal.record(Outcome(0, None, "a", "updated"))
    journal.record(Outcome(1, None, "b", "updated"))
    working_file = tmp_path / "r.jsonl.run"
    working_file.write_bytes(working_file.read_bytes()[:-5])
    retry = open_journal(place)
    assert [outcome.index for outcome in standing(retry)] == [0]
    retry.record(Outcome(1, None, "b", "unchanged"))
    finish(retry)
    assert [line["outcome"] for line in lines(place)] == ["updated", "unchanged"]


@pytest.mark.parametrize("content", [b"", b"{", b"\x00\xff\n\n", b'{"identity":{}}\n{"index":0}\n'])
def test_a_working_file_of_something_else_is_written_over(tmp_path: Path, content: bytes) -> None:
    place = (Disk(), str(tmp_path / "r.jsonl"))
    (tmp_path / "r.jsonl.run").write_bytes(content)
    journal = open_journal(place)
    assert standing(journal) == []
    journal.record(Outcome(0, None, "a", "updated"))
    finish(journal)
    assert len(lines(place)) == 1


def test_another_run_starts_afresh(place: Any) -> None:
    journal = open_journal(place)
    journal.record(Outcome(0, None, "a", "updated"))
    journal.announce(1, SENT)
    journal.save()
    other = open_journal(place, {**IDENTITY, "max_tries": 3})
    assert standing(other) == []
    assert announcement(other, 1) is None
    finish(other)
    assert lines(place) == []


@pytest.mark.parametrize("rows", [1, 30])
def test_nothing_is_lost_of_a_run_that_begins_where_another_read_rows_and_wrote_none(place: Any, rows: int) -> None:
    journal = open_journal(place)
    for index in range(rows):
        journal.record(Outcome(index, None, "a", "unchanged"))
    journal.save()
    identity = {**IDENTITY, "max_tries": 3}
    other = open_journal(place, identity)
    other.announce(1, SENT)
    other.flush()
    other.announce(2, SENT)
    other.flush()
    retry = open_journal(place, identity)
    assert standing(retry) == []
    assert [index for index in range(20) if announcement(retry, index) is not None] == [1, 2]


@pytest.mark.parametrize("kept", [1, 0.5])
def test_a_part_that_a_kill_cut_short_costs_no_line_of_the_next_try(kept: float) -> None:
    bucket = Bucket()
    place = bucket, "s3://bucket/r.jsonl"
    journal = open_journal(place)
    for index in (0, 1):
        journal.announce(index, SENT)
        journal.flush()
    last = max(name for name in bucket.files if ".parts/" in name)
    bucket.files[last] = bucket.files[last][: int(len(bucket.files[last]) * kept) - 1]
    retry = open_journal(place)
    retry.announce(2, SENT)
    retry.flush()
    third = open_journal(place)
    found = [index for index in range(20) if announcement(third, index) is not None]
    assert found == ([0, 1, 2] if kept == 1 else [0, 2])


def test_parts_that_a_kill_left_beside_what_they_were_put_together_to_are_read_again() -> None:
    bucket = Bucket()
    place = bucket, "s3://bucket/r.jsonl"
    journal = open_journal(place)
    journal.announce(0, SENT)
    journal.flush()
    parts = {name: content for name, content in bucket.files.items() if ".parts/" in name}
    finish(journal, again=True)
    bucket.files |= parts
    assert announcement(open_journal(place), 0) == SENT


@pytest.mark.parametrize(("changed", "says_so"), [({}, False), ({"input": "b00"}, True), ({"max_tries": 2}, False)])
def test_a_retry_on_another_input_says_so(
    place: Any, caplog: pytest.LogCaptureFixture, changed: dict[str, Any], says_so: bool
) -> None:
    journal = open_journal(place)
    journal.record(Outcome(0, None, "a", "unchanged"))
    finish(journal, again=True)
    open_journal(place, {**IDENTITY, **changed})
    assert ("the task begins anew" in caplog.text) is says_so


def test_the_working_file_is_kept_for_a_retry_and_the_report_is_there_all_the_same(place: Any) -> None:
    journal = open_journal(place)
    journal.record(Outcome(0, None, "a", "updated"))
    finish(journal, again=True)
    assert len(lines(place)) == 1
    assert exists(place, ".run")
    retry = open_journal(place)
    retry.record(Outcome(1, None, "b", "updated"))
    finish(retry)
    assert len(lines(place)) == 2
    assert not exists(place, ".run")


@pytest.mark.parametrize("outcome", ["updated", "unchanged"])
@pytest.mark.parametrize("personal_data", [False, True])
def test_guests_data_stays_out_of_every_file_unless_asked_for(
    tmp_path: Path, personal_data: bool, outcome: OutcomeName
) -> None:
    place = (Disk(), str(tmp_path / "r.jsonl"))
    journal = open_journal(place, personal_data=personal_data)
    guests = {"guests": [{"email": "ana@example.com"}]}
    journal.announce(0, Announcement(Change(APPOINTMENT, "a", guests, guests), 1.0))
    journal.record(Outcome(0, None, "a", outcome, before=guests, after=guests))
    finish(journal, again=True)
    for name in ("r.jsonl", "r.jsonl.run", "r.html"):
        assert ("ana@example.com" in (tmp_path / name).read_text()) is personal_data


@pytest.mark.parametrize(
    ("report", "page"),
    [
        ("r.jsonl", "r.html"),
        ("s3://bucket/2026.01/report", "s3://bucket/2026.01/report.html"),
        ("s3://bucket/2026.01/report.jsonl", "s3://bucket/2026.01/report.html"),
        ("report", "report.html"),
    ],
)
def test_the_page_goes_beside_the_report(report: str, page: str) -> None:
    assert page_path(report) == page
