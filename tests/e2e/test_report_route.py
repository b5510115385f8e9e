"""Reports in Airflow's own API server: who sees which, and what is never shown to anybody."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onlive_provider.links import HAS_ROUTE
from tests.e2e.api_server import api_server
from tests.e2e.report_run import DAG_ID, ReportRun, lines, report_run
from tests.loopback import LoopbackServer, reply

pytestmark = pytest.mark.skipif(not HAS_ROUTE, reason="Airflow's API server shows no reports before 3.1")


@pytest.fixture(scope="module")
def reports(airflow_database: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReportRun]:
    with report_run(tmp_path_factory.mktemp("reports")) as run, api_server() as run.server:
        yield run


def link_of(reports: ReportRun, task_id: str, map_index: int = -1) -> str:
    """Return the path that a browser asks for when somebody clicks "Onlive report" in Airflow."""
    api = f"/api/v2/dags/{DAG_ID}/dagRuns/{reports.run_id}/taskInstances/{task_id}/links?map_index={map_index}"
    found = json.loads(reports.get(api.replace("+", "%2B")).body)["extra_links"]["Onlive report"]
    assert "://" not in found
    assert not found.startswith("/")
    return f"/{found}"


@pytest.mark.parametrize("task_id", ["green", "red", "no_rows", "plan", "apply", "put_back"])
def test_the_link_of_a_green_and_of_a_red_task_opens_its_report_for_a_viewer(reports: ReportRun, task_id: str) -> None:
    answer = reports.get(link_of(reports, task_id))
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert f"<title>{task_id}: outcomes</title>" in answer.body.decode()


def test_each_mapped_task_has_the_link_to_its_own_report(reports: ReportRun) -> None:
    for index in (0, 1):
        page = reports.get(link_of(reports, "mapped", index)).body.decode()
        assert f"-{3 + index:012d}" in page
        assert f"-{4 - index:012d}" not in page


def test_the_report_itself_is_a_download_beside_its_page(reports: ReportRun) -> None:
    answer = reports.get(link_of(reports, "red").replace("red.html", "red.jsonl"))
    assert answer.status == 200
    assert [line["outcome"] for line in lines(answer.body)] == ["updated", "failed"]
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''red.jsonl"
    assert reports.get(link_of(reports, "no_rows").replace(".html", ".jsonl")).body == b""


@pytest.mark.parametrize("name", ["green.html", "green.jsonl"])
def test_a_browser_keeps_the_page_in_a_sandbox_and_no_proxy_keeps_it_at_all(reports: ReportRun, name: str) -> None:
    headers = reports.get(reports.path("green", name)).headers
    policy = dict(each.strip().partition(" ")[::2] for each in headers["content-security-policy"].split(";"))
    assert "allow-same-origin" not in policy["sandbox"]
    assert "allow-scripts" in policy["sandbox"]
    assert policy["default-src"] == policy["frame-ancestors"] == policy["form-action"] == "'none'"
    assert headers["cache-control"] == "private, no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("name", ["green.html", "green.jsonl"])
@pytest.mark.parametrize(("user", "status"), [("admin", 200), ("nobody", 403), ("other-team", 403), ("no-xcom", 403)])
def test_who_may_not_see_the_runs_xcoms_does_not_see_its_report(
    reports: ReportRun, name: str, user: str, status: int
) -> None:
    answer = reports.get(reports.path("green", name), user)
    assert answer.status == status
    xcom = f"/api/v2/dags/{DAG_ID}/dagRuns/{reports.run_id}/taskInstances/green/xcomEntries/report_path"
    assert reports.get(xcom.replace("+", "%2B"), user).status == status


def test_without_a_session_nobody_sees_a_report_or_whether_there_is_one(reports: ReportRun) -> None:
    for name in ("green.html", "green.jsonl", "none.html"):
        assert reports.get(reports.path("green", name), None).status == 401
        assert reports.get(reports.path("green", name, "x"), None).status == 401
    for forged in ("", "x", reports.server.tokens["viewer"][:-8] + "AAAAAAAA"):
        answers = [
            reports.get(reports.path("green", "green.html"), None, headers=headers)
            for headers in ({"Cookie": f"_token={forged}"}, {"Authorization": f"Bearer {forged}"})
        ]
        assert {answer.status for answer in answers} <= {401, 403}


def test_a_token_of_the_rest_api_opens_a_report_too(reports: ReportRun) -> None:
    bearer = {"Authorization": f"Bearer {reports.server.tokens['viewer']}"}
    assert reports.get(reports.path("green", "green.html"), None, headers=bearer).status == 200


@pytest.mark.parametrize("name", ["path", "report_path", "file_name", "key", "dag_id"])
def test_nothing_in_the_query_changes_what_is_opened(reports: ReportRun, name: str) -> None:
    path = reports.path("green", "green.html")
    other = "bulk" if name == "dag_id" else f"{reports.folder}/no_rows.jsonl"
    assert reports.get(f"{path}?{name}={other}").body == reports.get(path).body
    assert reports.get(f"{path}?{name}={other}", "other-team").status == 403


@pytest.mark.parametrize("dots", ["..", "%2e%2e", "..%2f..", "%2e%2e%2fgreen", "..%5c..", "%252e%252e", "~", "", "%00"])
@pytest.mark.parametrize("part", range(5))
def test_dots_and_other_signs_in_any_part_of_the_path_lead_nowhere(reports: ReportRun, dots: str, part: int) -> None:
    parts = reports.path("green", "green.html").split("/")
    parts[3 + part] = dots
    assert reports.get("/".join(parts)).status in (403, 404)


def test_only_the_names_of_the_report_and_its_page_are_accepted(reports: ReportRun) -> None:
    (reports.folder / "secret.html").write_text("secret")
    shutil.copy(reports.folder / "green.html", reports.folder / "copy.html")
    for name in ("secret.html", "copy.html", "green.jsonl.1", "green.jsonl.run", "GREEN.html", "red.html"):
        assert reports.get(reports.path("green", name)).status == 404
    for index in ("0", "-2", "x", "1e0", "99999999999999999999"):
        assert reports.get(reports.path("green", "green.html", index)).status == 404
    for task_id, dag_id in (("red", DAG_ID), ("gone", DAG_ID), ("green", "bulk"), ("green", "gone")):
        assert reports.get(reports.path(task_id, "green.html", dag_id=dag_id)).status == 404


def own_report(reports: ReportRun) -> dict[str, bytes]:
    """Return a page and a report that say that they are of the task ``without``, by their names' ends."""
    found = {}
    for ending, quote in ((".html", b"&quot;"), (".jsonl", b'"')):
        content = (reports.folder / f"green{ending}").read_bytes()
        found[ending] = content.replace(quote.join([b"", b"green", b""]), quote.join([b"", b"without", b""]))
    return found


def hostile(reports: ReportRun) -> dict[str, Any]:
    """Return what a hostile task may push, with what makes it hostile."""
    folder = reports.folder
    if not (folder / "own.html").exists():
        for ending, content in own_report(reports).items():
            (folder / f"own{ending}").write_bytes(content)
            (folder / f"linked{ending}").symlink_to(folder / f"own{ending}")
        os.mkfifo(folder / "pipe.html")
        os.mkfifo(folder / "pipe.jsonl")
        (folder / "folder.html").mkdir()
        (folder / "words.html").write_text("<!doctype html>\n<title>No page of a report</title>")
        (folder / "words.jsonl").write_text("root:x:0:0\n")
        shutil.copy("/etc/passwd", folder / "passwd.html")
    return {
        "a file of the machine": "/etc/passwd",
        "as a URL": "file:///etc/passwd",
        "as another URL": "local:///etc/passwd",
        "a copy of one": f"{folder}/passwd.jsonl",
        "no report": f"{folder}/words.jsonl",
        "another task's report": f"{folder}/green.jsonl",
        "a link": f"{folder}/linked.jsonl",
        "a pipe": f"{folder}/pipe.jsonl",
        "a pipe as a URL": f"local://{folder}/pipe.jsonl",
        "a folder": f"{folder}/folder.jsonl",
        "dots": f"{folder}/../{folder.name}/own.jsonl",
        "dots in a URL": f"file://{folder}/%2e%2e/{folder.name}/own.jsonl",
        "relative": "./own.jsonl",
        "a store in memory": "memory://bucket/green.jsonl",
        "a chain of stores": "simplecache::file:///etc/passwd",
        "another scheme": "sftp://127.0.0.1/etc/passwd",
        "the kernel": "/proc/self/environ",
        "a device": "/dev/zero",
        "endless": "/" + "a" * 100_000,
        "a null byte": "/etc/passwd\0.jsonl",
        "nothing": "",
        "no text": {"report_path": f"{folder}/own.jsonl"},
        "a number": 5,
        "several": [f"{folder}/own.jsonl"],
        "null": None,
    }


def test_what_a_hostile_task_pushes_is_not_opened(reports: ReportRun, monkeypatch: pytest.MonkeyPatch) -> None:
    pushes = hostile(reports)
    monkeypatch.chdir(reports.folder)
    reports.push(f"{reports.folder}/own.jsonl")
    for name in ("own.html", "own.jsonl"):  # What most of the paths below try to reach in another way.
        assert reports.get(reports.path("without", name)).status == 200
    for what, pushed in pushes.items():
        reports.push(pushed)
        name = str(pushed).rpartition("/")[2].removesuffix(".jsonl")[:200]
        for tried in (name, f"{name}.html", f"{name}.jsonl", "environ", "own.html", "own.jsonl"):
            answer = reports.get(reports.path("without", tried))
            assert answer.status == 404, what
            assert b"root:" not in answer.body
            assert str(reports.folder).encode() not in answer.body


def test_no_address_on_the_web_is_asked(reports: ReportRun) -> None:
    with LoopbackServer() as server:
        server.otherwise = lambda request: reply(200, {})
        for scheme in ("http", "https", "ftp", "webhdfs", "HTTP"):
            reports.push(f"{scheme}://{server.url.partition('://')[2]}/r.jsonl")
            for name in ("r.html", "r.jsonl"):
                assert reports.get(reports.path("without", name)).status == 404
        assert server.requests == []


def test_a_page_that_is_too_large_is_not_shown(reports: ReportRun) -> None:
    page = reports.folder / "mapped-0.html"
    content = page.read_bytes()
    path = reports.path("mapped", page.name, 0)
    try:
        page.write_bytes(content + b" " * (16 * 2**20 - len(content)))
        assert len(reports.get(path).body) == 16 * 2**20
        with page.open("ab") as file:
            file.write(b" ")
        assert reports.get(path).status == 404
    finally:
        page.write_bytes(content)


def test_a_report_that_was_removed_is_said_to_be_elsewhere_without_its_path(reports: ReportRun) -> None:
    page = reports.folder / "mapped-1.html"
    page.rename(reports.folder / "aside")
    try:
        answer = reports.get(reports.path("mapped", page.name, 1))
    finally:
        (reports.folder / "aside").rename(page)
    assert answer.status == 404
    assert "XCom report_path" in answer.body.decode()
    assert str(reports.folder).encode() not in answer.body


def test_a_page_says_whose_it_is_and_another_tasks_place_does_not_show_it(reports: ReportRun) -> None:
    (reports.folder / "taken.html").write_bytes((reports.folder / "green.html").read_bytes())
    (reports.folder / "own.html").write_bytes(own_report(reports)[".html"])
    reports.push(f"{reports.folder}/taken.jsonl")
    assert reports.get(reports.path("without", "taken.html")).status == 404
    reports.push(f"{reports.folder}/own.jsonl")
    assert reports.get(reports.path("without", "own.html")).status == 200


def test_a_report_in_an_object_store_is_opened_through_airflows_own(reports: ReportRun, tmp_path: Path) -> None:
    import fsspec
    from airflow.sdk.io import attach

    store = fsspec.filesystem("memory")
    attach("memory", "reports", fs=store)
    folder = "/shelf/of reports"
    for ending, content in own_report(reports).items():
        store.pipe_file(f"{folder}/own{ending}", content)
    try:
        reports.push("memory://reports@shelf/of reports/own.jsonl")
        assert reports.get(reports.path("without", "own.html")).status == 200
        assert len(lines(reports.get(reports.path("without", "own.jsonl")).body)) == 2
        store.pipe_file(f"{folder}/own.html", store.cat_file(f"{folder}/own.html") + b" " * 16 * 2**20)
        assert reports.get(reports.path("without", "own.html")).status == 404
    finally:
        store.rm("/shelf", recursive=True)


def test_the_application_shows_nothing_else(reports: ReportRun) -> None:
    for path in ("/", "/docs", "/redoc", "/openapi.json", "/report", "/report/"):
        assert reports.get(f"/onlive{path}").status == 404
