"""``onlive report show``: what a report holds and what a revert would do, for a terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from onlive_provider.cli import main
from tests.bulk.server import record_id
from tests.bulk.test_history import LAST_NIGHT, TONIGHT, identity, lines, outcome, updated, writing


@pytest.fixture
def show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command on files written by hand; return its exit code and what it printed, without the folder."""

    def run(name: str = "r", **files: list[Any]) -> tuple[int, str, str]:
        for each, values in files.items():
            (tmp_path / each.replace("_", ".")).write_bytes(lines(*values))
        code = main(["report", "show", str(tmp_path / name)])
        printed = capsys.readouterr()
        return code, printed.out.replace(f"{tmp_path}/", ""), printed.err.replace(f"{tmp_path}/", "")

    return run


def conflict(row: int, number: int) -> dict[str, Any]:
    message = f"PUT /api/v1/appointments/{record_id(row)}: the server answered 409 ({number}.5 s)"
    return outcome(row, "failed", error="OnliveConflictError", message=message, line=row + 2)


def test_it_counts_groups_failures_and_says_what_a_revert_would_do(show: Any) -> None:
    blind = updated(6, "a", "b", 1)
    blind["before"] = {}
    code, out, _ = show(
        r_1=[updated(0, "z", "z", 1, task=LAST_NIGHT)],
        r_2=[updated(0, "a", "b", 1)],
        r=[
            updated(0, "b", "c", 2, task=TONIGHT),
            *(conflict(row, row) for row in (1, 2, 3, 4)),
            outcome(5, "failed", error="OnliveNotFoundError", message="no"),
            blind,
            outcome(7, "unchanged"),
            outcome(8, "failed", error="OnliveUnknownFateError", message="x", sentAt=1.5, after={"title": "b"}),
        ],
    )
    assert code == 0
    ids = [f"line {row + 2}, {record_id(row)}" for row in (1, 2, 3)]
    assert out.splitlines() == [
        "r: 2 updated, 1 unchanged, 6 failed",
        "",
        "Failed, by cause:",
        "  4 x OnliveConflictError: PUT /api/v1/appointments/<id>: the server answered 409 (1.5 s)",
        f"    {'; '.join(ids)} and 1 more",
        "  1 x OnliveNotFoundError: no",
        f"    row 5, {record_id(5)}",
        "  1 x OnliveUnknownFateError: x",
        f"    row 8, {record_id(8)}",
        "",
        "A revert would read 2 records and put back those that nobody changed since",
        "  3 writes in r",
        "  1 write in r.2",
        "  1 record would show first whether the last write was made",
        "",
        "It could not put back:",
        "  1 x title: cannot be put back: what stood there before the write was not read",
        f"    appointment {record_id(6)}",
        "",
        "Written by other DAG runs, and left alone unless given by path:",
        "  r.1: DAG nightly, run last night",
    ]


def test_a_working_file_is_shown_before_the_report(show: Any) -> None:
    code, out, _ = show(r=[outcome(0, "unchanged")], r_run=[identity(), writing(0, "a", "b", 1), conflict(1, 1)])
    assert code == 0
    assert out.startswith("r.run: 1 failed\n")
    assert "\n  1 write in r.run\n  1 record would show first" in out


def test_a_report_without_writes_says_so(show: Any) -> None:
    code, out, _ = show(r=[outcome(0, "unchanged")])
    assert (code, out) == (0, "r: 1 unchanged\n\nA revert would find nothing to put back\n")


def test_it_shows_no_guests_data_and_nothing_that_a_terminal_obeys(show: Any) -> None:
    row = {"index": 0, "outcome": "failed", "resource": "appointment", "error": "X", "line": 1}
    row |= {"id": "eva@example.com", "message": "\x1b[2J\u202eno ana@example.com, +34 600 000 000\nnow"}
    code, out, _ = show(r=[row], r_1=[updated(0, "a", "b", 1) | {"id": "eva@example.com", "updatedAt": None}])
    assert code == 0
    assert "@" not in out
    assert "600" not in out
    assert r"  1 x X: \x1b[2J\u202eno <e-mail>, <phone> now" in out
    assert all(each == "\n" or each.isprintable() for each in out)


def test_many_causes_are_cut(show: Any) -> None:
    _, out, _ = show(r=[outcome(row, "failed", error="E" + "x" * row, message="no") for row in range(15)])
    assert out.count(" x E") == 10
    assert "  and 5 more causes\n" in out


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "onlive: r does not exist\n"),
        (
            {"r": [{"index": 0}]},
            "onlive: line 1 of the file is not an outcome; accepted: a report that this provider wrote\n",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused(show: Any, files: dict[str, Any], message: str) -> None:
    assert show(**files) == (2, "", message)


def test_a_folder_is_refused(show: Any, tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    assert show() == (2, "", "onlive: r cannot be read: Is a directory\n")


def test_it_needs_no_airflow(tmp_path: Path) -> None:
    (tmp_path / "r").write_text(json.dumps(outcome(0, "unchanged")) + "\n")
    program = "import sys; from onlive_provider.cli import main; sys.exit(main() or 'airflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program, "report", "show", str(tmp_path / "r")], check=False)
    assert done.returncode == 0
