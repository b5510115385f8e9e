"""All writes that a report and the files beside it tell of: in order, of one DAG run, each once."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from onlive_provider.bulk.chain import Write
from onlive_provider.bulk.history import History, read_history
from onlive_provider.errors import OnlivePayloadError
from tests.bulk.server import record_id

TONIGHT, LAST_NIGHT = ({"dag_id": "nightly", "run_id": run} for run in ("tonight", "last night"))
NOON = 1_741_521_600.0


class Disk:
    """Files by path, each given as JSON values, one a line, or as bytes."""

    def __init__(self, **files: list[Any] | bytes) -> None:
        self.files = {
            name.replace("_", "."): each if isinstance(each, bytes) else lines(*each) for name, each in files.items()
        }
        self.opened: list[str] = []

    def open(self, path: str, mode: str) -> io.BytesIO:
        assert mode == "rb"
        self.opened.append(path)
        if path not in self.files:
            raise FileNotFoundError(path)
        return io.BytesIO(self.files[path])

    def names(self, folder: str) -> list[str]:
        assert folder == "."
        return sorted(self.files)

    def local_path(self, path: str) -> Path:
        return Path(path)


def lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def outcome(row: int, name: str, record: int | None = None, **members: Any) -> dict[str, Any]:
    number = row if record is None else record
    return {"index": row, "outcome": name, "id": record_id(number), "resource": "appointment", **members}


def updated(
    row: int, before: str, after: str, minute: int, record: int | None = None, **members: Any
) -> dict[str, Any]:
    fields = {"before": {"title": before}, "after": {"title": after}, "updatedAt": f"2025-03-09T12:{minute:02}:00.000Z"}
    return outcome(row, "updated", record, **fields, **members)


def writing(row: int, before: str, after: str, minute: int) -> dict[str, Any]:
    change = {"resource": "appointment", "id": record_id(row), "before": {"title": before}, "after": {"title": after}}
    return {"writing": row, **change, "updatedAt": "2025-03-09T11:00:00.000Z", "at": NOON + 60.0 * minute}


def identity(**run: Any) -> dict[str, Any]:
    return {"identity": {"task_id": "t", "map_index": -1, "max_tries": 1, "input": "x", **run}}


def titles(history: History) -> list[list[str]]:
    """Return for each record its writes, the oldest first: the title before, the one after, and ``?`` if unsure."""
    return [[told(write) for write in chain.writes] for chain in history.chains]


def told(write: Write) -> str:
    before, after = (side.get("title") for side in (write.change.before, write.change.after))
    return f"{before}>{after}{'?' if write.may_be_made else ''}"


def read(disk: Disk, path: str = "r") -> History:
    return read_history(disk, path)  # type: ignore[arg-type]


def test_the_writes_to_a_record_are_found_over_all_files_the_oldest_first():
    disk = Disk(
        r_1=[updated(0, "a", "b", 1), updated(1, "k", "l", 2)],
        r_2=[updated(0, "x", "y", 3, record=1), updated(1, "b", "c", 4, record=0)],
        r=[updated(0, "c", "d", 5)],
    )
    history = read(disk)
    assert titles(history) == [["a>b", "b>c", "c>d"], ["k>l", "x>y"]]
    assert [(each.path, each.writes) for each in history.sources] == [("r", 1), ("r.2", 2), ("r.1", 2)]


def test_the_record_with_the_last_write_comes_first_by_time_within_a_file_and_by_the_file():
    disk = Disk(
        r_1=[updated(0, "a", "b", 9)],
        r=[updated(1, "a", "b", 1), updated(2, "a", "b", 3), updated(3, "a", "b", 2)],
    )
    assert [chain.id for chain in read(disk).chains] == [record_id(row) for row in (2, 3, 1, 0)]


@pytest.mark.parametrize("minute", [12, 2, -50])
def test_the_writes_of_a_row_are_in_their_order_whatever_the_clocks_of_machine_and_server_say(minute):
    disk = Disk(r_run=[identity(), updated(0, "a", "b", 10), writing(0, "b", "c", minute)])
    assert titles(read(disk)) == [["a>b", "b>c?"]]


def test_without_times_the_order_of_the_lines_counts():
    without = [{**updated(row, "a", "b", 0), "updatedAt": None} for row in range(3)]
    assert [chain.id for chain in read(Disk(r=without)).chains] == [record_id(row) for row in (2, 1, 0)]


@pytest.mark.parametrize("file", ["r", "r_run"])
def test_files_of_another_dag_run_are_left_alone_and_named(file):
    newest = [identity(**TONIGHT), updated(0, "c", "d", 5)]
    if file == "r":
        newest = [updated(0, "c", "d", 5, task=TONIGHT)]
    disk = Disk(
        r_1=[updated(0, "a", "b", 1, task=LAST_NIGHT)],
        r_2=[identity(**LAST_NIGHT), writing(0, "b", "c", 2)],
        r_3=[outcome(0, "unchanged", task=LAST_NIGHT)],
        r_4=[updated(0, "b", "c", 4, task={"dag_id": "other", "run_id": "tonight"})],
        r_5=[updated(0, "b2", "c", 4, task=TONIGHT)],
        r_6=[updated(0, "c", "c", 4)],
        r_7=[updated(0, "c", "c2", 4, task={"dag_id": None, "run_id": None})],
        **{file: newest},
    )
    history = read(disk)
    assert titles(history) == [["b2>c", "c>c", "c>c2", "c>d"]]
    assert [each.path for each in history.others] == ["r.4", "r.2", "r.1"]
    assert history.warnings("merge")[-1] == (
        "r.1 holds written changes of another run (DAG nightly, run last night) and is left alone; "
        "give it as report_path to put these back, too"
    )


def test_a_newest_file_that_does_not_say_is_of_the_run_of_the_next_one_that_does():
    disk = Disk(
        r_1=[updated(0, "a", "b", 1, task=LAST_NIGHT)],
        r_2=[updated(0, "b", "c", 2, task=TONIGHT)],
        r=[updated(0, "c", "d", 5)],
    )
    history = read(disk)
    assert (titles(history), [each.path for each in history.others]) == ([["b>c", "c>d"]], ["r.1"])


def test_a_file_of_another_run_that_cannot_be_read_is_named_and_stops_nothing():
    kept = lines(outcome(0, "unchanged", task=LAST_NIGHT)) + b"{broken\n"
    history = read(Disk(r_1=kept, r=[updated(0, "a", "b", 1, task=TONIGHT)]))
    assert (titles(history), [each.path for each in history.others]) == ([["a>b"]], ["r.1"])


def test_a_write_that_stands_in_a_report_and_in_its_working_file_is_one():
    disk = Disk(
        r_run=[identity(), updated(0, "a", "b", 1), updated(1, "k", "l", 2)],
        r=[updated(0, "a", "b", 1), updated(2, "x", "y", 3)],
    )
    history = read(disk)
    assert sorted(titles(history)) == [["a>b"], ["k>l"], ["x>y"]]
    assert [(source.path, source.writes) for source in history.sources] == [("r.run", 2), ("r", 1)]


def test_a_write_that_stands_in_a_report_and_in_one_that_was_kept_is_one():
    history = read(Disk(r_1=[updated(0, "a", "b", 1), updated(1, "k", "l", 2)], r=[updated(0, "a", "b", 1)]))
    assert sorted(titles(history)) == [["a>b"], ["k>l"]]
    assert [(source.path, source.writes) for source in history.sources] == [("r", 1), ("r.1", 1)]


def test_an_empty_report_does_not_lead_to_the_run_before_it():
    history = read(Disk(r_1=[updated(0, "a", "b", 1, task=LAST_NIGHT)], r=[]))
    assert (history.chains, [each.path for each in history.others]) == ([], ["r.1"])
    assert history.warnings("merge")[0] == "Nothing to put back: the report holds no written change: no rows"


def test_a_kept_report_may_be_given_for_the_run_that_it_is_of():
    disk = Disk(
        r_1=[updated(0, "a", "b", 1, task=LAST_NIGHT)],
        r_2=[identity(**LAST_NIGHT), updated(0, "b", "c", 2)],
        r=[updated(0, "c", "d", 3, task=TONIGHT)],
    )
    for path in ("r.1", "r.2"):
        history = read(disk, path)
        assert (titles(history), [each.path for each in history.others]) == ([["a>b", "b>c"]], ["r"])


@pytest.mark.parametrize("path", ["r.2026", "r.7", "7"])
def test_a_report_whose_name_ends_in_a_number_is_no_kept_one(path):
    disk = Disk(r_1=[updated(0, "a", "b", 1)], r=[updated(0, "b", "c", 2)])
    disk.files[path] = lines(updated(0, "k", "l", 3))
    assert titles(read(disk, path)) == [["k>l"]]


def test_kept_reports_beside_a_path_without_a_report_are_found():
    assert titles(read(Disk(r_1=[updated(0, "a", "b", 1)]))) == [["a>b"]]


def test_a_report_that_does_not_exist_is_refused():
    with pytest.raises(OnlivePayloadError, match="report_path: r does not exist"):
        read(Disk())


def test_in_a_working_file_a_later_outcome_takes_the_place_of_what_came_before():
    disk = Disk(
        r_run=[
            identity(**TONIGHT),
            writing(0, "a", "b", 1),
            updated(0, "a", "b", 1),
            writing(1, "a", "b", 1),
            outcome(1, "failed", error="OnliveConflictError", message="409"),
            writing(2, "a", "b", 1),
            updated(2, "a", "b", 1),
            outcome(2, "skipped"),
            writing(3, "a", "b", 2),
            outcome(3, "failed", error="OnliveStaleRecordError", sentAt=NOON, after={"title": "z"}),
        ]
    )
    assert titles(read(disk)) == [["a>b"], ["None>z?"]]


@pytest.mark.parametrize(
    "later",
    [
        [],
        [outcome(0, "not_attempted")],
        [outcome(0, "failed", error="OnliveUnknownFateError")],
        [outcome(0, "failed", error="OnliveUnsettledWriteError", sentAt=NOON, after={"title": "b"})],
    ],
)
def test_in_a_working_file_a_write_stays_unsure_until_an_outcome_settles_it(later):
    disk = Disk(r_run=[identity(**TONIGHT), writing(0, "a", "b", 1), *later])
    assert titles(read(disk)) == [["a>b?"]]
    assert read(disk).notes()[1] == "Of 1 write it is not known whether they were made: their records show it"
    disk.files["r.run"] += lines(updated(0, "a", "b", 3))
    assert titles(read(disk)) == [["a>b"]]


def test_a_write_that_was_made_stays_when_the_row_is_not_reached_again():
    disk = Disk(r_run=[identity(), updated(0, "a", "b", 1), outcome(0, "not_attempted")])
    assert titles(read(disk)) == [["a>b"]]
    disk.files["r.run"] += lines(writing(0, "b", "c", 2))
    assert titles(read(disk)) == [["a>b", "b>c?"]]


def test_lines_of_a_working_file_that_were_cut_short_are_left_out_and_counted():
    whole = lines(identity(), writing(0, "a", "b", 1))
    broken = b'{"index":1,"outco' + lines(writing(2, "a", "b", 2)) + b'{"writing":3}\n{"writing":"x","at":1}\n'
    disk = Disk(r_run=whole + broken + lines(writing(4, "a", "b", 3))[:-9])
    history = read(disk)
    assert titles(history) == [["a>b?"]]
    assert history.warnings("merge") == ["r.run: 3 lines cannot be read and left out"]


def test_a_write_that_stands_in_a_report_and_its_working_file_is_one():
    lost = outcome(1, "failed", error="OnliveUnknownFateError", sentAt=NOON + 60, before={"title": "a"})
    lost["after"], first = {"title": "b"}, updated(0, "a", "b", 1)
    work = [identity(**TONIGHT), writing(0, "a", "b", 1), first, writing(1, "a", "b", 1), lost]
    disk = Disk(r=[{**first, "task": TONIGHT}, lost], r_run=work)
    assert titles(read(disk)) == [["a>b?"], ["a>b"]]
    disk.files["r.run"] += lines(updated(1, "a", "b", 2))
    assert titles(read(disk)) == [["a>b"], ["a>b"]]
    assert [each.writes for each in read(disk).sources] == [2, 0]
    kept = Disk(r_1=disk.files["r"], r_2=disk.files["r.run"], r=[outcome(0, "unchanged")])
    assert titles(read(kept)) == [["a>b"], ["a>b"]]


def test_a_failed_row_without_what_was_sent_is_told_as_one_that_nothing_is_known_of():
    disk = Disk(r=[outcome(0, "failed", error="OnliveUnknownFateError")])
    (chain,) = read(disk).chains
    problem = chain.problem()
    assert problem is not None
    assert "a write may have been made, and the report does not say of what" in str(problem)


@pytest.mark.parametrize("name", ["unchanged", "planned", "skipped", "not_attempted", "failed"])
def test_what_was_not_written_is_no_write(name):
    row = outcome(0, name, before={"title": "a"}, after={"title": "b"})
    assert read(Disk(r=[row, updated(1, "a", "b", 1) | {"after": {}}])).chains == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{broken\n", "report_path: line 2 of r.1 is not an outcome"),
        (lines(outcome(0, "updated") | {"resource": "x"}), "r.1, line 2: resource: got 'x'"),
        (lines(outcome(0, "updated", before=[])), "r.1, line 2: before: got list; accepted: an object"),
        (lines(outcome(0, "failed", sentAt="noon")), "r.1, line 2: sentAt: got str; accepted: a number"),
        (lines(outcome(0, "updated", updatedAt=7)), "r.1, line 2: updatedAt: got int; accepted: text"),
        (lines(outcome(0, "updated") | {"id": 7}), "r.1, line 2: id: got int; accepted: text"),
    ],
)
def test_a_line_that_cannot_be_used_is_refused_by_its_file_and_number(line, message):
    disk = Disk(r_1=lines(outcome(0, "unchanged")) + line, r=[])
    with pytest.raises(OnlivePayloadError, match=message):
        read(disk)


def test_chains_of_many_writes_take_little_memory():
    def peak_of(count):
        disk = Disk(r=[updated(row, "as it was", "as it is to be", 1) for row in range(count)])
        tracemalloc.start()
        try:
            assert len(read(disk).chains) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak_of(100)
    few, many = peak_of(1_000), peak_of(5_000)
    assert (many - few) / 4_000 < 1_500
