"""Whatever a server does: an Onlive error or the right record, and one outcome for every row."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onlive_provider import errors
from tests.faults.drive import carry_out
from tests.faults.judge import seen
from tests.faults.records import IDS, TARGET
from tests.faults.table import Case, load

QUIET = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
_SLOW = {"drip", "endless", "connect", "bytes", "someone", "jump"}
RIGHT: dict[str, Any] = {"usable": True, "made": "yes"}
FAULTS = [
    {name: value for name, value in case.faults[0].items() if name not in ("at", "number", "times_met")}
    for fault in load()
    for case in [fault.cases.get("bulk")]
    if case is not None
    and case.faults
    and case.via == "direct"
    and not _SLOW & set(case.faults[0])
    and case.faults[0].get("then") != "silence"
    and not str(case.faults[0].get("body", "")).startswith("huge")
    and not {"gzip"} & set(case.faults[0])
]

lines = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 ",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: -1\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"-5\r\n",
        b"Content-Encoding: gzip\r\n",
        b"Location: http://\xff\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"0\r\n\r\n",
        b"5\r\nabcde\r\n",
        b'{"id": "<id>"}',
        b'{"id": ',
        b"<body>",
        b"\x00",
    ]
)
answers = st.lists(st.one_of(lines, st.binary(max_size=20)), max_size=8).map(b"".join)


def case(flow: str, faults: list[dict[str, Any]]) -> Case:
    numbered = tuple({"number": at, "times_met": 1, **fault} for at, fault in enumerate(faults))
    return Case("at random", flow, numbered, (), client={"max_attempts": 2})


@QUIET
@given(
    answer=answers, at=st.sampled_from(["read", "write"]), made=st.booleans(), flow=st.sampled_from(["single", "bulk"])
)
def test_any_bytes_as_an_answer_give_the_record_or_an_onlive_error(
    answer: bytes, at: str, made: bool, flow: str
) -> None:
    fault = {"at": at, "raw": answer.decode("latin-1"), "then": "close", "made": "yes" if made else "no"}
    with tempfile.TemporaryDirectory() as folder:
        run = carry_out(case(flow, [fault]), Path(folder))
    found = seen(run)
    assert not run.server.hung
    assert run.returned in (None, TARGET)
    if found.outcome == "updated":
        assert found.made == 1 or answer.count(TARGET.encode()) or b"<body>" in answer or b"<id>" in answer
    else:
        assert issubclass(getattr(errors, found.errors[0]), errors.OnliveError)
        assert found.errors[0] != "OnliveUnexpectedError"
    assert found.made <= 1


@QUIET
@given(
    faults=st.lists(st.one_of(st.just(RIGHT), st.sampled_from(FAULTS)), max_size=12),
    flow=st.sampled_from(["bulk", "rollout", "revert"]),
)
def test_every_row_has_one_outcome_under_any_sequence_of_faults(faults: list[dict[str, Any]], flow: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = carry_out(case(flow, [{"at": "every request", **fault} for fault in faults]), Path(folder))
    assert not run.server.hung
    assert set(run.results) == set(IDS)
    if flow != "rollout":  # A rollout that is stopped writes again to put back.
        made = [each.id for each in run.server.records.effects]
        assert all(made.count(name) <= 1 for name in IDS), "\n".join(run.server.transcript)
