"""Every fault of the table, in every flow, ends as the table says."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.faults import PAGE, page
from tests.faults.drive import carry_out
from tests.faults.judge import verdict
from tests.faults.table import Case, load

FAULTS = load()
CASES = [case for fault in FAULTS for case in fault.cases.values()]


def test_the_table_has_at_least_200_faults_and_each_has_a_name_of_its_own() -> None:
    assert len(FAULTS) >= 200


def test_the_page_in_the_docs_is_what_the_table_says() -> None:
    assert PAGE.read_text("utf-8") == page(), "write it anew: make tables"


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_a_fault_ends_as_the_table_says(case: Case, tmp_path: Path) -> None:
    problem = verdict(carry_out(case, tmp_path))
    if problem:
        pytest.fail(problem, pytrace=False)
