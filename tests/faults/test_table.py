"""Every fault of the table, in every flow, ends as the table says."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from scripts.faults import PAGE, page
from tests.faults.drive import carry_out
from tests.faults.judge import verdict
from tests.faults.records import NEW_GUEST
from tests.faults.table import Case, load

FAULTS = load()
CASES = [case for fault in FAULTS for case in fault.cases.values()]


def test_the_table_has_at_least_200_faults_and_each_has_a_name_of_its_own() -> None:
    assert len(FAULTS) >= 200


def test_the_page_in_the_docs_is_what_the_table_says() -> None:
    assert PAGE.read_text("utf-8") == page(), "write it anew: make tables"


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_a_fault_ends_as_the_table_says(
    case: Case, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    run = carry_out(case, tmp_path)
    printed = capsys.readouterr()
    run.log = f"{caplog.text}{printed.out}{printed.err}"
    assert "onlive_provider" in run.log
    problem = verdict(run)
    if problem:
        pytest.fail(problem, pytrace=False)


def test_a_log_that_shows_a_guest_is_no_promised_end(tmp_path: Path) -> None:
    run = carry_out(CASES[0], tmp_path)
    assert verdict(run) == ""
    run.log = f"Sent to {NEW_GUEST}"
    assert "the log or the task's error shows a guest's data" in verdict(run)
