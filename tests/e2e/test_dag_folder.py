"""The example DAGs as a DAG folder of any supported Airflow."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.version import Version

import onlive_provider
from tests.e2e.conftest import ROOT, airflow_version, dag_bag_class

NEED_APPROVALS = {"onlive_season_approval"}
SOURCE = ROOT / "dags_examples"
IN_THE_WHEEL = Path(onlive_provider.__file__).parent / "example_dags"


@pytest.mark.parametrize(
    "folder", [each for each in (SOURCE, IN_THE_WHEEL) if each.exists()], ids=lambda each: each.name
)
def test_a_folder_with_all_examples_gives_a_dag_for_each_file_and_no_import_error(
    folder: Path, airflow_database: None
) -> None:
    bag = dag_bag_class()(dag_folder=str(folder))
    assert bag.import_errors == {}
    names = {file.stem for file in SOURCE.glob("*.py")}
    assert {Path(dag.fileloc).stem for dag in bag.dags.values()} == (
        names if airflow_version >= Version("3.1") else names - NEED_APPROVALS
    )
