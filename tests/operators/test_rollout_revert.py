"""A rollout's failed services that may hold what was sent stand in its report so that a revert can put them back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from onlive_provider.errors import (
    OnliveRecordsFailedError,
    OnliveRolloutFailedError,
    OnliveRolloutToRetryError,
    OnliveStoppedError,
)
from onlive_provider.operators.revert import RevertUpdatesOperator
from tests.loopback import Recorded, reply
from tests.operators.conftest import Execute, MakeFleet
from tests.operators.test_rollout import ORDER, report, rollout, writing
from tests.rollout.fleet import SPRING_RANGE, SUMMER_RANGE, WHOLE_YEAR, Fleet, service

LOST = ORDER[1]
SENT = [SPRING_RANGE, SUMMER_RANGE]
NEXT_YEAR = {"startDate": "2028-02-28T23:00:00.000Z", "endDate": "2028-04-30T21:59:59.000Z"}


@pytest.fixture
def twenty(make_fleet: MakeFleet) -> Fleet:
    return make_fleet([service(number) for number in range(20)])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "r.jsonl"


def run(execute: Execute, path: Path, **arguments: Any) -> dict[str, Any]:
    """Run a rollout that fails and puts nothing back by itself; return the outcome of one service."""
    with pytest.raises(OnliveRolloutFailedError):
        execute(rollout(report_path=str(path), **{"revert_on_failure": False, **arguments}))
    return report(path)[LOST]


def revert(execute: Execute, path: Path) -> dict[str, Any]:
    return execute(RevertUpdatesOperator(task_id="revert", report_path=str(path)))[0]


def lose(fleet: Fleet, *, made: bool) -> None:
    """Answer no call for one service from its first write on, which is made or not."""
    away: list[bool] = []

    def rule(request: Recorded) -> Any:
        if not request.path.endswith(LOST) or (request.method == "GET" and not away):
            return None
        if made and not away:
            fleet.edit(LOST, **request.json())
        away.append(True)
        return reply(500)

    fleet.before.append(rule)


@pytest.mark.parametrize("made", [True, False])
@pytest.mark.parametrize("memory", ["report", "working file"])
def test_a_write_of_unknown_fate_is_looked_up_and_put_back(
    twenty: Fleet, execute: Execute, path: Path, made: bool, memory: str
) -> None:
    lose(twenty, made=made)
    outcome = run(execute, path)
    assert (outcome["outcome"], outcome["error"]) == ("failed", "OnliveUnknownFateError")
    assert (outcome["before"], outcome["after"]) == ({"dateRanges": [SPRING_RANGE]}, {"dateRanges": SENT})
    assert outcome["sentAt"] > 1_000_000_000
    working = Path(f"{path}.run")
    working.unlink() if memory == "report" else path.unlink()
    twenty.before.clear()
    assert twenty.record(LOST)["dateRanges"] == (SENT if made else [SPRING_RANGE])
    result = revert(execute, path)
    assert (result["failed"], result["unchanged"]) == (0, 0 if made else 1)
    assert {str(ranges) for ranges in twenty.ranges().values()} == {str([SPRING_RANGE])}


def test_a_service_that_did_not_show_what_was_sent_is_looked_up(twenty: Fleet, execute: Execute, path: Path) -> None:
    def crooked(request: Recorded) -> Any:
        if request.method == "GET" and request.path.endswith(LOST) and LOST in twenty.written():
            return reply(200, {**twenty.record(LOST), "dateRanges": [WHOLE_YEAR]})
        return None

    twenty.before.append(crooked)
    outcome = run(execute, path)
    assert (outcome["error"], outcome["after"]) == ("OnliveNotHeldError", {"dateRanges": SENT})
    assert outcome["sentAt"] > 1_000_000_000
    twenty.before.clear()
    assert revert(execute, path)["failed"] == 0
    assert twenty.record(LOST)["dateRanges"] == [SPRING_RANGE]


def test_a_service_that_was_not_put_back_is_put_back_by_a_revert_or_named(
    twenty: Fleet, execute: Execute, path: Path
) -> None:
    def refuse_to_put_back(request: Recorded) -> Any:
        again = writing(LOST)(request) and LOST in twenty.written()
        return reply(422, {"statusCode": 422, "message": "no"}) if again else None

    twenty.before.append(refuse_to_put_back)
    twenty.refuse(ORDER[4])
    outcome = run(execute, path, revert_on_failure=True)
    assert "and not put back" in outcome["message"]
    assert outcome["sentAt"] > 1_000_000_000
    others = [line for name, line in report(path).items() if name != LOST]
    assert [line for line in others if "sentAt" in line] == []
    twenty.before.clear()
    result = revert(execute, path)
    assert (result["total"], result["updated"]) == (1, 1)
    assert twenty.record(LOST)["dateRanges"] == [SPRING_RANGE]
    assert revert(execute, path)["unchanged"] == 1


def test_a_service_that_was_put_back_is_none_to_look_up(twenty: Fleet, execute: Execute, path: Path) -> None:
    def crooked(request: Recorded) -> Any:
        if request.method == "GET" and request.path.endswith(LOST) and twenty.written().count(LOST) == 1:
            verifying = [r for r in twenty.front.requests if r.path == request.path and r.method == "GET"]
            return reply(200, {**twenty.record(LOST), "dateRanges": [WHOLE_YEAR]}) if len(verifying) == 3 else None
        return None

    twenty.before.append(crooked)
    outcome = run(execute, path, revert_on_failure=True)
    assert (outcome["error"], "sentAt" in outcome) == ("OnliveNotHeldError", False)
    assert outcome["message"].endswith("put back to what it was")
    assert revert(execute, path)["total"] == 0


def test_what_an_earlier_try_announced_is_not_lost_by_one_that_does_not_get_to_it(
    twenty: Fleet, execute: Execute, path: Path
) -> None:
    lose(twenty, made=True)
    with pytest.raises(OnliveRolloutFailedError):
        execute(rollout(report_path=str(path), allowed_failures=0))
    operator = rollout(report_path=str(path))
    operator.on_kill()
    with pytest.raises(OnliveStoppedError):
        execute(operator)
    outcome = report(path)[LOST]
    assert (outcome["outcome"], outcome["after"]) == ("not_attempted", {"dateRanges": SENT})
    Path(f"{path}.run").unlink()
    twenty.before.clear()
    revert(execute, path)
    assert twenty.record(LOST)["dateRanges"] == [SPRING_RANGE]


def test_what_an_earlier_try_wrote_and_this_one_cannot_put_back_is_looked_up(
    twenty: Fleet, execute: Execute, path: Path
) -> None:
    operator = rollout(report_path=str(path))
    twenty.once(writing(ORDER[3]), operator.on_kill)
    with pytest.raises(OnliveStoppedError):
        execute(operator)
    twenty.refuse(LOST)
    twenty.refuse(ORDER[5])
    outcome = run(execute, path, revert_on_failure=True)
    assert "and not put back" in outcome["message"]
    twenty.before.clear()
    assert revert(execute, path)["updated"] == 1
    assert twenty.record(LOST)["dateRanges"] == [SPRING_RANGE]


def test_a_service_that_somebody_changed_meanwhile_is_named(twenty: Fleet, execute: Execute, path: Path) -> None:
    lose(twenty, made=True)
    run(execute, path)
    twenty.before.clear()
    twenty.edit(LOST, dateRanges=[WHOLE_YEAR])
    with pytest.raises(OnliveRecordsFailedError, match=LOST):
        revert(execute, path)
    assert twenty.record(LOST)["dateRanges"] == [WHOLE_YEAR]


@pytest.mark.parametrize("ended", ["stopped", "killed"])
@pytest.mark.parametrize(
    ("ranges", "refused"),
    [([*SENT, NEXT_YEAR], False), ([WHOLE_YEAR], False), ([NEXT_YEAR], True)],
    ids=["added to", "covered", "replaced, and the retry's write is refused"],
)
def test_what_an_earlier_try_wrote_and_somebody_changed_before_the_retry_is_named(
    twenty: Fleet, execute: Execute, path: Path, ended: str, ranges: list[Any], refused: bool
) -> None:
    operator, working = rollout(report_path=str(path)), Path(f"{path}.run")
    at_the_kill = []
    twenty.once(writing(LOST), lambda: at_the_kill.append(working.read_bytes()))
    twenty.once(writing(LOST), operator.on_kill)
    with pytest.raises(OnliveStoppedError):
        execute(operator)
    if ended == "killed":
        working.write_bytes(at_the_kill[0])
    twenty.edit(LOST, dateRanges=ranges)
    if refused:
        twenty.refuse(LOST)
    execute(rollout(report_path=str(path), allowed_failures=int(refused)))
    outcome = report(path)[LOST]
    assert (outcome["before"], outcome["after"]) == ({"dateRanges": [SPRING_RANGE]}, {"dateRanges": SENT})
    twenty.before.clear()
    with pytest.raises(OnliveRecordsFailedError, match=LOST):
        revert(execute, path)
    assert twenty.record(LOST)["dateRanges"] == ranges


def test_what_could_not_be_put_back_is_put_back_after_the_retry(twenty: Fleet, execute: Execute, path: Path) -> None:
    away: list[bool] = []

    def rule(request: Recorded) -> Any:
        if writing(ORDER[3])(request):
            away.append(True)
        return reply(503, headers={"Retry-After": "0"}) if away else None

    twenty.before.append(rule)
    with pytest.raises(OnliveRolloutToRetryError, match="Written: 3 services; put back: 0"):
        execute(rollout(report_path=str(path)))
    twenty.before.clear()
    assert execute(rollout(report_path=str(path)))[0]["updated"] == 20
    assert twenty.written() == ORDER
    assert revert(execute, path)["updated"] == 20
    assert {str(ranges) for ranges in twenty.ranges().values()} == {str([SPRING_RANGE])}
