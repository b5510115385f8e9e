"""The benchmark counts what it says it counts. No time is asserted, and no environment but this one is needed."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.chart import chart
from benchmarks.data import PATH, RECORD, read_rows, record_id, write_rows
from benchmarks.measure import LIMITER_OFF, ProgramFailedError, run
from benchmarks.results import Bars, Bound, table
from benchmarks.server import Server

OFF = {"reads_per_minute": LIMITER_OFF, "writes_per_minute": LIMITER_OFF}


@pytest.fixture
def rows(tmp_path: Path) -> str:
    """40 rows, 2 of which differ from what the server holds."""
    path = tmp_path / "rows.csv"
    write_rows(path, 40, changed=2)
    return str(path)


def call(server: Server, method: str, index: int) -> tuple[int, dict[str, object]]:
    body = b'{"lang": "es"}' if method == "PUT" else None
    request = urllib.request.Request(f"{server.url}{PATH}{record_id(index)}", body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_as_many_rows_differ_as_were_asked_for_and_they_are_spread(rows: str):
    assert [at for at, row in enumerate(read_rows(rows)) if row["lang"] != RECORD["lang"]] == [19, 39]


def test_the_bulk_task_reads_every_record_and_writes_exactly_those_that_differ(rows: str):
    one = run("bulk", total=40, rows=rows, **OFF)
    calls = {name: one.counts[name] for name in ("reads", "read", "writes", "written", "written_twice")}
    assert calls == {"reads": 40, "read": 40, "writes": 2, "written": 2, "written_twice": 0}
    assert (one.answer["result"]["updated"], one.answer["result"]["unchanged"]) == (2, 38)


@pytest.mark.parametrize("script", ["aiohttp_loop", "requests_loop"])
def test_the_plain_scripts_make_the_same_calls_as_the_bulk_task(rows: str, script: str):
    counts = run(script, total=40, rows=rows).counts
    assert (counts["reads"], counts["read"], counts["writes"], counts["written"]) == (40, 40, 2, 2)


def test_signing_makes_no_call():
    for signer in ("default profile", "largest profile"):
        assert run("signing", signer=signer, times=3).counts["reads"] == 0


def test_a_program_that_fails_says_why():
    with pytest.raises(ProgramFailedError, match="KeyError: 'signer'"):
        run("signing")


def test_the_server_answers_a_read_as_it_was_and_a_write_as_written():
    with Server(2) as server:
        read, written = call(server, "GET", 1), call(server, "PUT", 1)
    assert read == (200, {**RECORD, "id": record_id(1)})
    assert written[0] == 200
    assert written[1] | {"updatedAt": RECORD["updatedAt"]} == {**RECORD, "id": record_id(1), "lang": "es"}


def test_the_server_refuses_and_counts_the_writes_beyond_its_budget():
    with Server(3, allowed=2) as server:
        statuses = [call(server, "PUT", index)[0] for index in (0, 0, 2)]
    assert statuses == [200, 200, 429]
    counts = {name: server.counts[name] for name in ("writes", "written_twice", "refused", "most_writes_in_60_s")}
    assert counts == {"writes": 2, "written_twice": 1, "refused": 1, "most_writes_in_60_s": 2}
    assert len(server.counts["write_times"]) == 2


def test_the_chart_has_a_bar_for_every_number_and_escapes_its_labels():
    root = ElementTree.fromstring(chart([Bars("A & B", "s", [("one", 1.0), ("two <2>", 2.0)])]))
    space = "{http://www.w3.org/2000/svg}"
    bars = [float(bar.attrib["width"]) for bar in root.iter(f"{space}rect") if "class" in bar.attrib]
    assert bars[1] == 2 * bars[0]
    assert "two <2>" in [text.text for text in root.iter(f"{space}text")]


def test_a_bound_is_kept_at_its_limit_and_not_beyond():
    assert Bound.at_most("", 2.0, 2.0, "").verdict == Bound.at_least("", 50, 50, "").verdict == "pass"
    assert Bound.at_most("", 2.0, 2.01, "").verdict == Bound.at_least("", 50, 49, "").verdict == "FAIL"
    assert Bound("", "", None).verdict == "not measured"


def test_a_table_is_markdown():
    assert table(("way", "s"), [("bulk", "1.5")]).splitlines() == [
        "| way  |   s |",
        "| ---- | --: |",
        "| bulk | 1.5 |",
    ]
