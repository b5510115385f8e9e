"""No fault of the table makes a bulk task leave a guest's data or the secret in a file, in XCom or in its error.

Its log is read for each fault by the table's own test.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.drive import carry_out, private_bulk
from tests.faults.judge import shows_private_data
from tests.faults.table import Case, load

CASES = [fault.cases["bulk"] for fault in load() if "bulk" in fault.cases]


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_a_fault_leaves_no_canary(case: Case, tmp_path: Path) -> None:
    run = carry_out(case, tmp_path, private_bulk)
    for left in (run.left.decode(), run.xcom, f"{run.raised!r} {run.raised}"):
        assert not shows_private_data(left)
    assert b'"outcome"' in run.left


def test_a_report_whose_author_asked_for_guests_shows_them(tmp_path: Path) -> None:
    assert shows_private_data(carry_out(CASES[0], tmp_path).left.decode())
