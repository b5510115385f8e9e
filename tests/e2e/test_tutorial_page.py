"""docs/tutorial.md from its first command to its last, in one shell, with the sandbox that it starts."""

from __future__ import annotations

import re
from pathlib import Path

from tests.documentation.blocks import block
from tests.documentation.shell import run_commands, started

PAGE = "docs/tutorial.md"


def test_the_tutorial_plans_applies_and_undoes(tmp_path: Path) -> None:
    write_dag = f"cat > airflow/dags/first_change.py <<'END'\n{block(PAGE, '4. Write the DAG file', 2)}END"
    with started(block(PAGE, "2. Start the sandbox"), tmp_path) as printed:
        shown = re.search(r"AIRFLOW_CONN_ONLIVE_DEFAULT='(.*)'", printed)
        assert shown is not None
        ended = run_commands(
            block(PAGE, "1. Install"),
            block(PAGE, "3. Tell Airflow about it"),
            block(PAGE, "4. Write the DAG file"),
            write_dag,
            block(PAGE, "5. Plan"),
            block(PAGE, "6. Apply"),
            block(PAGE, "6. Apply", 3),
            block(PAGE, "7. Undo"),
            folder=tmp_path,
            connection=shown[1],
        )
    assert "\nonlive_default: It works: " in f"\n{ended.output}"
    shown_output = [
        block(PAGE, "5. Plan", 2),
        block(PAGE, "6. Apply", 2),
        block(PAGE, "6. Apply", 4),
        block(PAGE, "7. Undo", 2),
    ]
    place = 0
    for text in shown_output:
        place = ended.output.find(text.rstrip(), place)
        assert place >= 0, f"{text}\nis not, or not there, in\n{ended.output}"
    assert (tmp_path / "reports" / "applied.html").is_file()
