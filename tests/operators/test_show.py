"""``onlive report show`` and ``onlive plan show`` of files that are in an object store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from onlive_provider.cli import main
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from tests.bulk.child import task_instance
from tests.bulk.server import ManyRecords, record_id
from tests.operators.conftest import connection_to


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ManyRecords]:
    with ManyRecords(3) as records:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(records))
        yield records


@pytest.fixture(autouse=True)
def process_context(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command sets it for its own process, which here is that of other tests, too."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")


def run(report_path: str, *, title: str, plan_only: bool = False) -> None:
    rows = [{"id": record_id(number), "title": title} for number in range(3)]
    operator = BulkUpdateAppointmentsOperator(
        task_id="update", updates=rows, plan_only=plan_only, report_path=report_path
    )
    operator.execute({"ti": task_instance()})  # type: ignore[typeddict-item]


def shown(capsys: pytest.CaptureFixture[str], noun: str, path: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main([noun, "show", path])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_a_report_is_shown_with_those_that_are_kept_beside_it(
    server: ManyRecords, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = f"{bucket}/r.jsonl"
    run(path, title="first")
    run(path, title="second")
    code, out, err = shown(capsys, "report", path)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"{path}: 3 updated",
        "",
        "A revert would read 3 records and put back those that nobody changed since",
        f"  3 writes in {path}",
        f"  3 writes in {path}.1",
    ]


def test_a_plan_is_shown(server: ManyRecords, bucket: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = f"{bucket}/plan.jsonl"
    run(path, title="new", plan_only=True)
    code, out, err = shown(capsys, "plan", path)
    assert (code, err) == (0, "")
    assert out.startswith(f"{path}: a plan of 3 appointments, made by a bulk task\n")
    assert "3 appointments: 3 to change" in out


@pytest.mark.parametrize("noun", ["report", "plan"])
@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("{bucket}/none.jsonl", "does not exist"),
        ("file://{folder}/none.jsonl", "does not exist"),
        ("unheard-of://bucket/r.jsonl", "cannot be read: "),
        ("s3://no_such_connection@bucket/r.jsonl", "cannot be read: "),
    ],
)
def test_what_cannot_be_opened_is_refused_in_one_sentence(
    bucket: str, tmp_path: object, capsys: pytest.CaptureFixture[str], noun: str, url: str, why: str
) -> None:
    url = url.format(bucket=bucket, folder=tmp_path)
    code, out, err = shown(capsys, noun, url)
    assert (code, out) == (2, "")
    assert err.startswith(f"onlive: {url} {why}")
    assert err.count("\n") == 1
