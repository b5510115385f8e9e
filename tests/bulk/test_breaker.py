"""What is wrong with the key, the Connection or the server stops a run after a few rows, not after all of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from onlive_provider.bulk import earlier_write
from onlive_provider.errors import OnliveRecordsFailedError, OnliveRecordsToRetryError
from onlive_provider.operators.bulk import BulkUpdateAppointmentsOperator
from onlive_provider.operators.revert import RevertUpdatesOperator
from tests.bulk.child import task_instance
from tests.bulk.server import ManyRecords, Seen, record_id
from tests.bulk.test_run import carry_out, rows
from tests.loopback import FakeClock
from tests.operators.conftest import connection_to

PLENTY = {"reads_per_minute": 1_000_000, "writes_per_minute": 1_000_000}
REFUSED = 401, {"statusCode": 401, "message": "Invalid signature"}
AWAY = 500, {"message": "Oh"}


@pytest.fixture
def server() -> Iterator[ManyRecords]:
    with ManyRecords(10_000) as server:
        yield server


@pytest.fixture
def connect(server: ManyRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {**PLENTY, "max_attempts": 1}
    monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server, **extra))


def update(number: int, **arguments: Any) -> BulkUpdateAppointmentsOperator:
    updates = [{"id": record_id(each), "title": f"title {each}"} for each in range(number)]
    return BulkUpdateAppointmentsOperator(task_id="update", updates=updates, **arguments)


def run(operator: Any) -> Any:
    return operator.execute({"ti": task_instance()})


def outcomes_of(path: Path) -> list[str]:
    return [json.loads(line)["outcome"] for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("allowed", [0, "100%"])
@pytest.mark.usefixtures("connect")
def test_a_wrong_secret_costs_at_most_twenty_calls_of_ten_thousand_rows(
    server: ManyRecords, tmp_path: Path, allowed: Any
) -> None:
    server.before = lambda seen: REFUSED
    operator = update(10_000, report_path=str(tmp_path / "r.jsonl"), allowed_failures=allowed)
    with pytest.raises(OnliveRecordsFailedError, match=r"The run was stopped after 3 rows: 3 rows in a row") as caught:
        run(operator)
    assert isinstance(caught.value, AirflowFailException)
    assert "Check the Access Key ID and the Secret Access Key." in str(caught.value)
    assert 3 <= len(server.requests) <= 20
    assert outcomes_of(tmp_path / "r.jsonl").count("failed") == len(server.requests)
    assert outcomes_of(tmp_path / "r.jsonl").count("not_attempted") == 10_000 - len(server.requests)


@pytest.mark.usefixtures("connect")
def test_a_key_that_is_revoked_in_the_middle_lets_no_read_row_go_on_to_its_write(server: ManyRecords) -> None:
    def revoke(seen: Seen) -> Any:
        return REFUSED if len(server.requests) > 200 else None

    server.before = revoke
    with pytest.raises(OnliveRecordsFailedError):
        run(update(1_000))
    assert len(server.requests) <= 200 + 16 + 3


def test_a_row_that_was_read_when_the_run_was_stopped_is_not_written(server: ManyRecords) -> None:
    def answer(seen: Seen) -> Any:
        if len(server.requests) == 1:
            return 503, {}, {"Retry-After": "3600"}
        time.sleep(0.2)  # Until the run has read the first answer, and was stopped by it.
        return None

    server.before = answer
    outcomes = carry_out(server, rows(range(10)), concurrency=2)
    assert [seen.method for seen in server.requests] == ["GET", "GET"]
    assert sorted(each.outcome for each in outcomes) == ["failed"] + ["not_attempted"] * 9


@pytest.mark.usefixtures("connect")
def test_a_server_that_dies_in_the_middle_stops_the_run_and_the_retry_finishes_it_with_one_effect_each(
    server: ManyRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(earlier_write, "SETTLED_AFTER", 0.0)

    def die(seen: Seen) -> Any:
        return AWAY if len(server.requests) > 150 else None

    server.before = die
    operator = update(200, report_path=str(tmp_path / "r.jsonl"), allowed_failures="90%")
    with pytest.raises(OnliveRecordsToRetryError, match="Nothing in the request needs correcting") as caught:
        run(operator)
    assert not isinstance(caught.value, AirflowFailException)
    names = outcomes_of(tmp_path / "r.jsonl")
    assert names.count("updated") == len(server.writes)
    assert 5 <= names.count("failed") <= 5 + 16
    assert names.count("not_attempted") == 200 - names.count("updated") - names.count("failed") > 100
    server.before = lambda seen: None
    assert run(operator)["updated"] == 200
    assert server.writes == {record_id(each): 1 for each in range(200)}
    assert all(json.loads(line)["before"] == {"title": "as it was"} for line in (tmp_path / "r.jsonl").open())


def test_rows_that_wait_for_a_retry_end_when_the_run_is_stopped(server: ManyRecords) -> None:
    clock = FakeClock(time.time())
    server.before = lambda seen: REFUSED if int(seen.id[-12:]) < 3 else (500, {}, {"Retry-After": "100"})
    outcomes = carry_out(server, rows(range(50)), clock=clock, concurrency=16)
    assert [each.outcome for each in outcomes] == ["failed"] * 3 + ["not_attempted"] * 47
    assert clock.waits == []
    assert len(server.requests) <= 20


def test_a_write_that_waits_to_be_looked_up_fails_with_its_unknown_fate_when_the_run_is_stopped(
    server: ManyRecords,
) -> None:
    def answer(seen: Seen) -> Any:
        if seen.id == record_id(0):
            return (500, {}, {"Retry-After": "100"}) if seen.method == "PUT" else None
        return REFUSED if len(server.requests) > 30 else None

    server.before = answer
    outcomes = carry_out(server, rows(range(200)), clock=FakeClock(), concurrency=4)
    assert (outcomes[0].outcome, outcomes[0].error, outcomes[0].retryable) == (
        "failed",
        "OnliveUnknownFateError",
        True,
    )
    assert "the server answered 500" in str(outcomes[0].message)
    assert server.writes[record_id(0)] == 0


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
@pytest.mark.usefixtures("connect")
def test_rows_that_the_api_refuses_for_their_own_sake_do_not_stop_the_run(server: ManyRecords, status: int) -> None:
    def refuse(seen: Seen) -> Any:
        return (status, {"message": "no"}) if seen.method == "PUT" and int(seen.id[-12:]) % 20 == 19 else None

    server.before = refuse
    assert run(update(200, allowed_failures="5%"))["updated"] == 190


@pytest.mark.usefixtures("connect")
def test_single_failures_of_the_server_do_not_stop_the_run(server: ManyRecords) -> None:
    server.before = lambda seen: AWAY if int(seen.id[-12:]) % 4 == 3 else None
    result = run(update(200, allowed_failures="25%", concurrency=1))
    assert (result["updated"], result["failed"]) == (150, 50)


@pytest.mark.usefixtures("connect")
def test_credentials_that_may_do_nothing_stop_the_run_and_one_row_that_went_well_shows_that_they_may(
    server: ManyRecords,
) -> None:
    server.before = lambda seen: (403, {"message": "no"})
    with pytest.raises(OnliveRecordsFailedError, match=r"10 rows in a row failed, the last with OnliveForbidden"):
        run(update(200, concurrency=1, allowed_failures="100%"))
    assert len(server.requests) == 10
    server.before = lambda seen: (403, {"message": "no"}) if seen.id != record_id(0) else None
    assert run(update(200, concurrency=1, allowed_failures="100%"))["failed"] == 199


@pytest.mark.usefixtures("connect")
def test_a_revert_is_stopped_too(server: ManyRecords, tmp_path: Path) -> None:
    run(update(100, report_path=str(tmp_path / "r.jsonl")))
    server.requests.clear()
    server.before = lambda seen: REFUSED
    with pytest.raises(OnliveRecordsFailedError, match="The run was stopped after 3 rows"):
        run(RevertUpdatesOperator(task_id="back", report_path=str(tmp_path / "r.jsonl")))
    assert len(server.requests) <= 20


@pytest.mark.usefixtures("connect")
def test_the_log_says_once_why_the_run_was_stopped(server: ManyRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    operator = update(100)
    monkeypatch.setattr(operator.log, "error", lambda text, *given: told.append(text % given), raising=False)
    server.before = lambda seen: REFUSED
    with pytest.raises(OnliveRecordsFailedError):
        run(operator)
    assert len([line for line in told if line.startswith("The run was stopped after 3 rows: ")]) == 1
